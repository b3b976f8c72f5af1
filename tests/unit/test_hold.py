"""Tests of the hold: strict reading, never weakened, lifted on request."""

import errno
from datetime import timedelta
from pathlib import Path

import pytest
from disks import Phase, RecordingDisk, Script, fail_with, no_space
from ledgers import FOLDER, NOW
from msgspec.structs import replace

from lead_automation.errors import StateError
from lead_automation.state.hold import HOLD_FILE, HoldFile
from lead_automation.stored import Hold

PATH = FOLDER / HOLD_FILE
DAY_HOLD = Hold(
    reason="Meta quality",
    since=NOW,
    evidence="restricted — for quality",
    what_to_do=("stop", "wait"),
    until=NOW + timedelta(hours=14),
)
LASTING = replace(DAY_HOLD, reason="account restricted", until=None)
TEXT = (
    '{"reason": "r", "since": "2026-11-22T10:00:00+05:30", "until": null, "evidence": "e", '
    '"what_to_do": ["x"]}'
)


def test_hold_set_survives_a_power_cut() -> None:
    """The next run is held whatever happens to this one."""
    disk = RecordingDisk()
    HoldFile(disk, FOLDER).set(DAY_HOLD)
    hold = HoldFile(disk.survivors(power_cut=True), FOLDER).read()

    assert hold == DAY_HOLD
    assert hold.is_active(NOW)
    assert not hold.is_active(NOW + timedelta(hours=14))


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (DAY_HOLD, LASTING, LASTING),
        (LASTING, DAY_HOLD, LASTING),
        (LASTING, replace(LASTING, reason="again"), replace(LASTING, reason="again")),
        (replace(DAY_HOLD, until=NOW), DAY_HOLD, DAY_HOLD),
        (DAY_HOLD, replace(DAY_HOLD, until=NOW), DAY_HOLD),
    ],
)
def test_hold_set_twice_keeps_what_lasts_longer(first: Hold, second: Hold, kept: Hold) -> None:
    """A hold until ``resume`` is never weakened by one that ends with the day."""
    hold = HoldFile(RecordingDisk(), FOLDER)
    hold.set(first)
    hold.set(second)

    assert hold.read() == kept


def test_hold_lifted_is_gone() -> None:
    """After ``resume`` nothing holds, also after a power cut, and lifting again is no error."""
    disk = RecordingDisk()
    hold = HoldFile(disk, FOLDER)
    hold.set(LASTING)
    hold.lift()
    hold.lift()

    assert HoldFile(disk.survivors(power_cut=True), FOLDER).read() is None


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "is not JSON"),
        ("[]", "Expected `object`, got `array`"),
        ("{}", "Object missing required field `reason`"),
        (TEXT.replace("{", '{"version": 2, ', 1), "newer lead_automation"),
        (TEXT.replace("{", '{"mood": 2, ', 1), "Object contains unknown field `mood`"),
        (
            TEXT.replace('"2026-11-22T10:00:00+05:30"', "null"),
            "since: Expected `datetime`",
        ),
        (TEXT.replace("null", '"2026-11-22"'), "until: "),
        (TEXT.replace('["x"]', "[1]"), "what_to_do[0]: Expected `str`, got `int`"),
    ],
)
def test_damaged_hold_stops_everything(content: str, problem: str) -> None:
    """What it said is not known, so nothing is sent and the file stays."""
    disk = RecordingDisk({PATH: content.encode()})
    hold = HoldFile(disk, FOLDER)
    with pytest.raises(StateError) as raised:
        hold.read()
    with pytest.raises(StateError):
        hold.set(LASTING)

    assert problem in str(raised.value)
    assert disk.files()[HOLD_FILE] == content.encode()


def test_hold_with_half_a_surrogate_pair_is_kept() -> None:
    """WATI's words may hold what UTF-8 cannot."""
    hold = HoldFile(RecordingDisk(), FOLDER)
    hold.set(replace(LASTING, evidence="\ud83d"))

    assert hold.read() == replace(LASTING, evidence="\ud83d")


def test_hold_that_cannot_be_written_or_removed_is_a_state_error() -> None:
    """A full or read-only disk ends the run."""
    disk = RecordingDisk({PATH: TEXT.encode()})
    disk.play(no_space(1))
    with pytest.raises(StateError, match="could not be written"):
        HoldFile(disk, FOLDER).set(LASTING)
    disk.play(Script(1, Phase.BEFORE, fail_with(errno.EROFS)))
    with pytest.raises(StateError, match="could not be removed: Read-only"):
        HoldFile(disk, Path(FOLDER)).lift()

    assert disk.files()[HOLD_FILE] == TEXT.encode()

"""Tests of the send journal: torn tails, damaged lines, failed writes and failed syncs."""

import errno
import json
from pathlib import Path

import pytest
from disks import (
    Crash,
    FaultyDisk,
    Phase,
    RecordingDisk,
    Script,
    crash,
    fail_with,
    no_space,
    sync_fails,
)
from ledgers import FOLDER, JOURNAL

from lead_automation.errors import StateError
from lead_automation.files import Disk
from lead_automation.state.entry import JournalEntry, Kind, dump_journal_entry
from lead_automation.state.journal import Journal, open_journal, read_journal

LINE = dump_journal_entry(JournalEntry(kind=Kind.ROW_TAKEN, drop=("2026-11-22/1/1",)))
RECORD: dict[str, object] = {
    "day": "2026-11-22",
    "lead_id": "1",
    "phone": "+919800000001",
    "template": "t",
    "counsellor": "Anandi",
    "status": "pending",
    "message_id": None,
    "sent_at": "2026-11-22T10:00:00+05:30",
    "updated_at": None,
    "attempts": 1,
    "unknown": True,
}
RESERVE: dict[str, object] = {"v": 1, "kind": "reserve", "message": RECORD, "quota": {"Anandi": 1}}


def _open(disk: RecordingDisk | FaultyDisk | Disk, folder: Path = FOLDER) -> Journal:
    return open_journal(disk, read_journal(disk, folder))


def _content(disk: RecordingDisk) -> bytes:
    return disk.files().get(JOURNAL.name, b"")


def _without(key: str, fields: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if name != key}


def test_read_of_a_missing_journal_finds_nothing() -> None:
    """No journal is an empty one."""
    text = read_journal(RecordingDisk(), FOLDER)

    assert list(text.entries()) == []
    assert text.whole == 0


def test_read_drops_a_torn_tail() -> None:
    """What follows the last newline was never reported as written."""
    text = read_journal(RecordingDisk({JOURNAL: LINE + LINE[:-1]}), FOLDER)

    assert [number for number, _ in text.entries()] == [1]
    assert text.whole == len(LINE)


def test_open_cuts_a_torn_tail_off() -> None:
    """The next line does not join a fragment."""
    disk = RecordingDisk({JOURNAL: LINE + b'{"v": 1, "ki'})
    _open(disk).append(LINE, durable=True)

    assert _content(disk) == LINE + LINE
    assert len(list(read_journal(disk, FOLDER).entries())) == 2


@pytest.mark.parametrize("at", [1, 2, 3])
@pytest.mark.parametrize("phase", Phase)
def test_open_cut_while_cutting_can_be_repeated(at: int, phase: Phase) -> None:
    """A crash while the torn tail is taken off leaves every whole line."""
    disk = RecordingDisk({JOURNAL: LINE + b"torn"})
    disk.play(Script(at, phase, crash))
    with pytest.raises(Crash):
        _open(disk)
    left = disk.survivors(power_cut=True)
    _open(left)

    assert _content(left) == LINE


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"\n", "Expecting value"),
        (b"{}\n", "v: None is not version 1"),
        (b"[]\n", "Expected `object`, got `list`"),
        (b'{"v": 1, "v": 1}\n', "stands twice"),
        ({**RESERVE, "v": 2}, "version 2 is newer than this program"),
        ({**RESERVE, "v": True}, "v: True is not version 1"),
        ({**RESERVE, "v": 0}, "0 is not version 1"),
        ({**RESERVE, "kind": "batch"}, "kind: Invalid enum value 'batch'"),
        ({**RESERVE, "lock": 1}, "Object contains unknown field `lock`"),
        ({**RESERVE, "messages": []}, "unknown field `message`"),
        ({**RESERVE, "message": None}, "messages[0]: Expected `object`, got `null`"),
        ({**RESERVE, "message": {**RECORD, "lead_id": "e\u0301"}}, "not in Unicode form NFC"),
        (_without("kind", RESERVE), "Object missing required field `kind`"),
        (_without("message", RESERVE), "needs its message"),
        ({"v": 1, "kind": "row_taken", "quota": {"A": 1}}, "a quota change needs its message"),
        ({**RESERVE, "day": "2026-11-22"}, "only a day entry has a day"),
        ({"v": 1, "kind": "day", "base": {}}, "only a day entry has a day, and needs one"),
        ({**RESERVE, "quota": {"A": True}}, "quota[...]: Expected `int`, got `bool`"),
        ({**RESERVE, "owe": [{}]}, "owe[0]: Object missing required field `row_id`"),
        ({**RESERVE, "calls": {"x": 1}}, "`$.calls`"),
        (
            {**RESERVE, "message": _without("day", RECORD)},
            "missing required field `day`",
        ),
        (
            {**RESERVE, "message": {**RECORD, "unknown": None}},
            "unknown: Expected `bool`, got",
        ),
    ],
)
def test_read_of_a_damaged_line_names_it_and_keeps_the_file(
    line: bytes | dict[str, object], problem: str
) -> None:
    """A whole line that is not understood stops the run: it may be a message that was sent."""
    data = line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n"
    disk = RecordingDisk({JOURNAL: LINE + data + LINE})
    with pytest.raises(StateError) as raised:
        list(read_journal(disk, FOLDER).entries())

    assert str(raised.value).startswith(f"{JOURNAL}: line 2: ")
    assert problem in str(raised.value)
    assert _content(disk) == LINE + data + LINE


def test_append_that_is_durable_survives_a_power_cut() -> None:
    """Also in a file that was created just before."""
    disk = RecordingDisk()
    journal = _open(disk)
    journal.append(LINE, durable=False)
    journal.append(LINE, durable=True)
    journal.append(LINE, durable=False)

    assert _content(disk.survivors(power_cut=True)) == LINE * 2
    assert _content(disk.survivors(power_cut=False)) == LINE * 3
    assert journal.size == len(LINE) * 3


def test_append_makes_one_write_a_line() -> None:
    """A line is handed over whole, so that it can only be torn at its end."""
    disk = RecordingDisk()
    journal = _open(disk)
    disk.play(None)
    journal.append(LINE, durable=True)

    assert [step.kind for step in disk.steps] == ["append", "sync"]


def test_append_without_space_cuts_back_and_ends_writing() -> None:
    """After a short write the journal is as before, and takes nothing more."""
    disk = RecordingDisk()
    journal = _open(disk)
    journal.append(LINE, durable=True)
    disk.play(no_space(1))
    with pytest.raises(StateError, match="could not be written: No space"):
        journal.append(LINE, durable=True)
    with pytest.raises(StateError, match="failed earlier"):
        journal.append(LINE, durable=False)
    with pytest.raises(StateError, match="failed earlier"):
        journal.sync()
    with pytest.raises(StateError, match="failed earlier"):
        journal.clear()
    journal.close()

    assert _content(disk) == LINE
    assert [step.kind for step in disk.steps] == ["append", "truncate"]


def test_append_without_space_or_a_way_back_leaves_a_torn_tail() -> None:
    """Where even cutting back fails, reading drops the fragment."""
    disk = RecordingDisk()
    journal = _open(disk)
    journal.append(LINE, durable=True)
    fail = fail_with(errno.ENOSPC)

    def fail_from_now_on() -> None:
        disk.play(Script(1, Phase.BEFORE, fail))
        fail()

    disk.play(Script(1, Phase.HALF, fail_from_now_on))
    with pytest.raises(StateError, match="could not be written"):
        journal.append(LINE, durable=True)

    assert len(_content(disk)) > len(LINE)
    assert read_journal(disk, FOLDER).whole == len(LINE)


def test_sync_that_failed_is_never_tried_again() -> None:
    """A second fsync would report success for pages the first one lost."""
    disk = RecordingDisk()
    journal = _open(disk)
    disk.play(sync_fails(1))
    with pytest.raises(StateError, match="could not be brought to the disk"):
        journal.append(LINE, durable=True)
    with pytest.raises(StateError, match="failed earlier"):
        journal.append(LINE, durable=True)

    assert [step.kind for step in disk.steps] == ["append", "sync"]


def test_clear_that_fails_ends_writing() -> None:
    """A journal that could not be emptied is folded once more at the next start."""
    disk = RecordingDisk()
    journal = _open(disk)
    journal.append(LINE, durable=True)
    disk.play(sync_fails(1))
    with pytest.raises(StateError, match="could not be emptied"):
        journal.clear()

    assert _content(disk) == LINE


def test_open_that_fails_is_a_state_error() -> None:
    """No permission to create it is exit 5."""
    disk = RecordingDisk()
    disk.play(Script(1, Phase.BEFORE, fail_with(errno.EACCES)))

    with pytest.raises(StateError, match="could not be opened for writing: Permission denied"):
        _open(disk)


def test_journal_on_a_real_disk_is_private_and_readable(tmp_path: Path) -> None:
    """The same on the machine's file system: a line appended is a line read."""
    disk = FaultyDisk(Disk())
    journal = _open(disk, tmp_path)
    journal.append(LINE, durable=True)
    journal.clear()
    journal.append(LINE, durable=False)
    journal.close()
    journal.close()  # the descriptor is gone: nothing is lost by that

    assert (tmp_path / JOURNAL.name).stat().st_mode & 0o777 == 0o600
    assert len(list(read_journal(Disk(), tmp_path).entries())) == 1

"""Tests of the suppression list: strict reading, merging, changes seen while a run is on."""

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from disks import FaultyDisk, RecordingDisk, no_space
from ledgers import NOW, PHONE
from msgspec.structs import replace

from lead_automation.errors import StateError
from lead_automation.files import Disk
from lead_automation.state import suppression
from lead_automation.state.suppression import SUPPRESSION_FILE, SuppressionFile
from lead_automation.stored import Suppression

OTHER = "+919800000002"
LATER = NOW + timedelta(days=30)
ENTRY = (
    '{"reason": "r", "source": "operator", "added_at": "2026-11-22T10:00:00+05:30", "until": null}'
)


def _list(folder: Path) -> SuppressionFile:
    return SuppressionFile(Disk(), folder)


def _entry(phone: str = PHONE, *, days: int | None = None, reason: str = "asked") -> Suppression:
    until = None if days is None else NOW + timedelta(days=days)
    return Suppression(phone=phone, reason=reason, source="operator", added_at=NOW, until=until)


def test_add_is_seen_by_another_process_at_its_next_look(tmp_path: Path) -> None:
    """An opt-out entered while a run is on counts before its next send."""
    running, operator = _list(tmp_path), _list(tmp_path)
    assert running.find(PHONE, NOW) is None
    operator.add(_entry(reason="नहीं — stop"))

    assert running.find(PHONE, NOW) == _entry(reason="नहीं — stop")
    assert running.find(OTHER, NOW) is None
    assert operator.remove(PHONE)
    assert running.find(PHONE, NOW) is None


def test_find_reads_the_file_only_when_it_changed(tmp_path: Path) -> None:
    """A thousand looks before a thousand sends cost one reading."""
    reads = []

    class Counting(Disk):
        def read(self, path: Path, max_bytes: int, *, private: bool) -> bytes | None:
            reads.append(path)
            return super().read(path, max_bytes, private=private)

    _list(tmp_path).add(_entry())
    suppressions = SuppressionFile(Counting(), tmp_path)
    for _ in range(5):
        suppressions.find(PHONE, NOW)

    assert len(reads) == 1


def test_find_after_the_entry_ran_out_finds_nothing(tmp_path: Path) -> None:
    """A rest of thirty days ends by itself, and stays listed."""
    suppressions = _list(tmp_path)
    suppressions.add(_entry(days=30))

    assert suppressions.find(PHONE, LATER - timedelta(seconds=1)) is not None
    assert suppressions.find(PHONE, LATER) is None
    assert len(suppressions.entries()) == 1


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [(None, 30, None), (30, None, None), (30, 2, 30), (2, 30, 30), (None, None, None)],
)
def test_add_keeps_what_lasts_longer(
    tmp_path: Path, first: int | None, second: int | None, kept: int | None
) -> None:
    """A rest never shortens an opt-out, nor a longer rest."""
    suppressions = _list(tmp_path)
    suppressions.add(_entry(days=first))
    suppressions.add(_entry(days=second))

    assert suppressions.entries() == [_entry(days=kept)]


def test_add_that_changes_nothing_writes_nothing(tmp_path: Path) -> None:
    """The file is not rewritten for what it says already."""
    _list(tmp_path).add(_entry())
    disk = FaultyDisk(Disk())
    SuppressionFile(disk, tmp_path).add(_entry(days=3))

    assert disk.steps == []


def test_full_list_drops_what_ran_out_before_its_size_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rest that is over must not keep an opt-out off the list."""
    numbers = _list(tmp_path)
    numbers.add(_entry(OTHER, days=1))
    size = (tmp_path / SUPPRESSION_FILE).stat().st_size
    monkeypatch.setattr(suppression, "MAX_BYTES", size + 10)
    numbers.add(replace(_entry(), added_at=NOW + timedelta(days=2)))

    assert [entry.phone for entry in _list(tmp_path).entries()] == [PHONE]
    with pytest.raises(StateError):
        numbers.add(_entry("+919800000003"))


def test_entries_come_sorted_by_number_one_a_line(tmp_path: Path) -> None:
    """The list is read by people."""
    suppressions = _list(tmp_path)
    suppressions.add(_entry(OTHER))
    suppressions.add(_entry(PHONE, days=1))
    lines = (tmp_path / SUPPRESSION_FILE).read_text().splitlines()

    assert [entry.phone for entry in suppressions.entries()] == [PHONE, OTHER]
    assert len(lines) == 4
    assert lines[1].startswith(f'  "{PHONE}": {{"reason": "asked", "source": "operator"')
    assert (tmp_path / SUPPRESSION_FILE).stat().st_mode & 0o777 == 0o600


def test_add_by_many_writers_at_once_loses_none(tmp_path: Path) -> None:
    """Every writer merges under the lock of the file."""
    phones = [f"+91980000000{number}" for number in range(8)]
    writers = [
        threading.Thread(target=lambda phone=phone: _list(tmp_path).add(_entry(phone)))
        for phone in phones
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert [entry.phone for entry in _list(tmp_path).entries()] == phones


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("[]", "Expected `object`, got `list`"),
        ("{", "is not JSON"),
        ('{"version": 1}', "newer lead_automation"),
        ('{"9800000001": %s}', "98••••0001: Expected `str` matching"),
        ('{"+919800000001": 1}', "+9198••••0001: Expected `object`, got `int`"),
        ('{"+919800000001": {}}', "+9198••••0001: Object missing required field `reason`"),
        ('{"+919800000001": %s, "+919800000001": %s}', "'+9198••••0001' stands twice"),
        ('{"+919800000001": ' + ENTRY.replace("null", '"soon"') + "}", "+9198••••0001 → until: "),
    ],
)
def test_damaged_list_is_refused_without_showing_a_number(
    tmp_path: Path, content: str, problem: str
) -> None:
    """Damage stops the run, is named by place, and stays as it is."""
    path = tmp_path / SUPPRESSION_FILE
    path.write_text(content.replace("%s", ENTRY))
    before = path.read_bytes()
    with pytest.raises(StateError) as raised:
        _list(tmp_path).find(PHONE, NOW)
    with pytest.raises(StateError):
        _list(tmp_path).add(_entry())

    assert problem in str(raised.value)
    assert PHONE not in str(raised.value)
    assert path.read_bytes() == before


def test_add_without_space_keeps_the_old_list(tmp_path: Path) -> None:
    """A full disk loses no opt-out that was there."""
    _list(tmp_path).add(_entry())
    suppressions = SuppressionFile(FaultyDisk(Disk(), no_space(1)), tmp_path)
    with pytest.raises(StateError, match="could not be written"):
        suppressions.add(_entry(OTHER))

    assert suppressions.entries() == [_entry()]


def test_list_in_an_unreadable_folder_is_a_state_error() -> None:
    """Not being able to look is not the same as nobody being on the list."""

    class Broken(RecordingDisk):
        def stamp(self, path: Path) -> object:  # noqa: ARG002
            raise PermissionError(13, "Permission denied")

    with pytest.raises(StateError, match="could not be read: Permission denied"):
        SuppressionFile(Broken(), Path("/state")).find(PHONE, NOW)

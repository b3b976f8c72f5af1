"""Tests of the ledger on disk: starting after a crash, folding, read-only, snapshots."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from disks import Crash, Phase, RecordingDisk, Script, crash, no_space, sync_fails
from ledgers import (
    CALLS,
    FOLDER,
    HISTORY,
    HISTORY_DAYS,
    JOURNAL,
    NOW,
    OUTBOX,
    PHONE,
    QUOTA,
    REFUSAL,
    TEMPLATE,
    TODAY,
    ZONE,
    accepted,
    empty_disk,
    lead_of,
    not_sent,
    open_ledger,
    refused,
    reserve,
    unknown,
)

from lead_automation.errors import StateError
from lead_automation.models import MessageStatus
from lead_automation.state import fileledger
from lead_automation.state.fileledger import FileLedger, read_snapshot
from lead_automation.state.jsonstore import FILES, HISTORY_FILE, QUOTA_FILE
from lead_automation.state.rows import make_row

WEEKS_LATER = TODAY + timedelta(days=20)


def _content(disk: RecordingDisk, path: Path) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = json.loads(disk.files()[path.name])
    return found


def _snapshot(disk: RecordingDisk) -> FileLedger:
    return read_snapshot(disk, FOLDER, history_days=HISTORY_DAYS, today=TODAY, zone=ZONE)


def test_open_after_a_crash_folds_and_counts_what_is_unsettled() -> None:
    """The next start knows how many messages the dead run left in doubt."""
    disk = empty_disk()
    ledger = open_ledger(disk)
    reserve(ledger, "1")
    accepted(ledger, reserve(ledger, "2", phone="+919800000002"), message_id=None, at=NOW)
    left = disk.survivors(power_cut=True)
    after = open_ledger(left)

    assert after.recovered == 1
    assert left.files()[JOURNAL.name] == b""
    assert _content(left, QUOTA) == {"2026-11-22": {"Anandi": 2}}
    assert list(_content(left, HISTORY)["2026-11-22"]) == ["1", "2"]
    assert list(_content(left, OUTBOX)) == ["2026-11-22/2/1"]
    assert open_ledger(left).recovered == 0


def test_times_are_written_in_the_configured_zone() -> None:
    """A person reads the hour the campaign ran at; the offset makes it exact."""
    disk = empty_disk()
    ledger = open_ledger(disk)
    reserve(ledger)
    ledger.finish(today=TODAY)

    record = _content(disk, HISTORY)["2026-11-22"]["1001"]
    assert isinstance(record, dict)
    assert record["sent_at"] == "2026-11-22T10:00:00+05:30"


def test_open_of_an_unchanged_state_writes_nothing_but_the_journal() -> None:
    """A run that finds nothing to do costs no rewriting of a long history."""
    disk = empty_disk()
    ledger = open_ledger(disk)
    ledger.finish(today=TODAY)
    ledger.close()

    assert [step.kind for step in disk.steps] == ["open_append", "sync_folder"]


def test_fold_of_counted_calls_writes_only_their_file() -> None:
    """A run that only asked WATI something keeps the month's total."""
    disk = empty_disk()
    ledger = open_ledger(disk)
    ledger.count_call("2026-11")
    ledger.finish(today=TODAY)

    assert json.loads(disk.files()[CALLS.name]) == {"2026-11": 1}
    assert disk.files()[HISTORY.name] == b"{}\n"
    assert open_ledger(disk).month_calls("2026-11") == 1


def test_fold_keeps_to_its_order() -> None:
    """Quota, history, owed rows, calls, and the journal last."""
    disk = empty_disk()
    ledger = open_ledger(disk)
    ledger.count_call("2026-11")
    accepted(ledger, reserve(ledger), message_id=None, at=NOW)
    disk.play(None)
    ledger.finish(today=TODAY)

    renamed = [step.name for step in disk.steps if step.kind == "replace"]
    assert renamed == [QUOTA.name, HISTORY.name, OUTBOX.name, CALLS.name]
    assert (disk.steps[0].kind, disk.steps[-1].kind) == ("sync", "truncate")


@pytest.mark.parametrize("at", range(1, 12))
@pytest.mark.parametrize("phase", Phase)
def test_fold_cut_by_a_power_cut_undoes_no_status(at: int, phase: Phase) -> None:
    """Files that got ahead of a journal cut short would tell the CRM the same failure twice."""
    disk = empty_disk()
    ledger = open_ledger(disk)
    record = accepted(ledger, reserve(ledger), message_id=None, at=NOW)
    ledger.row_taken("2026-11-22/1001/1")
    ledger.reading(record, status=MessageStatus.FAILED, at=NOW, message_id=None, failure=REFUSAL)
    disk.play(Script(at, phase, crash))
    with pytest.raises(Crash):
        ledger.finish(today=TODAY)
    after = open_ledger(disk.survivors(power_cut=True))
    found = after.record(TODAY, "1001")

    assert found is not None
    failed = found.status is MessageStatus.FAILED
    assert [row.row_id for row in after.owed_rows() if row.row_id.endswith("/failed")] == (
        ["2026-11-22/1001/1/failed"] if failed else []
    )


def test_fold_given_up_drops_an_unknown_message_but_not_its_row() -> None:
    """The CRM hears of a message whose fate was never learned when retention takes it."""
    disk = empty_disk()
    ledger = open_ledger(disk)
    reserve(ledger)
    ledger.finish(today=TODAY)
    later = open_ledger(disk)
    later.finish(today=WEEKS_LATER)
    once = disk.files()
    open_ledger(disk).finish(today=WEEKS_LATER)

    assert list(later.records()) == []
    (row,) = later.owed_rows()
    assert (row.row_id, row.msg_status, row.sent_at) == ("2026-11-22/1001/1", "failed", NOW)
    assert row.error_message == "WATI gave no clear answer whether it arrived"
    assert disk.files() == once


def test_fold_by_a_clock_not_checked_forgets_nothing() -> None:
    """A clock that is weeks ahead would forget whom not to message again."""
    disk = empty_disk()
    reserve(open_ledger(disk))
    left = disk.survivors(power_cut=False)
    ledger = open_ledger(left)
    ledger.finish(today=None)
    assert list(_content(left, HISTORY)) == ["2026-11-22"]
    ledger.finish(today=WEEKS_LATER)

    assert _content(left, HISTORY) == {}
    assert _content(left, QUOTA) == {}


@pytest.mark.parametrize("make", [no_space, sync_fails])
def test_fold_that_fails_ends_writing_and_loses_nothing(make: Callable[[int], Script]) -> None:
    """After the first file could not be written, the journal still has it all."""
    disk = empty_disk()
    ledger = open_ledger(disk)
    record = reserve(ledger)
    disk.play(make(1 if make is no_space else 2))
    with pytest.raises(StateError, match="could not be written"):
        ledger.finish(today=TODAY)
    with pytest.raises(StateError, match="failed earlier"):
        accepted(ledger, record, message_id=None, at=NOW)
    after = open_ledger(disk.survivors(power_cut=True))

    assert after.quota_used(TODAY) == {"Anandi": 1}
    assert after.recovered == 1


def test_open_of_a_damaged_journal_leaves_everything() -> None:
    """A journal that does not fit together stops the start before anything is written."""
    line = b'{"v": 1, "kind": "day", "day": "2026-11-22", "base": {}}\n'
    disk = empty_disk()
    disk.put(JOURNAL, line * 2)
    before = disk.files()
    with pytest.raises(StateError, match="line 2: day: 2026-11-22 was opened before"):
        open_ledger(disk)

    assert disk.files() == before
    assert disk.steps == []


def test_long_journal_is_folded_in_mid_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of a hundred thousand leads leaves a journal that can be read, and right counts."""
    monkeypatch.setattr(fileledger, "FOLD_ABOVE_BYTES", 600)
    disk = empty_disk()
    ledger = open_ledger(disk)
    sizes = []
    for number in range(10):
        record = reserve(ledger, str(number), phone=f"+91980000000{number}")
        accepted(ledger, record, message_id=None, at=NOW)
        sizes.append(len(disk.files()[JOURNAL.name]))

    assert max(sizes) < 1500
    assert 0 in sizes
    after = open_ledger(disk.survivors(power_cut=True))
    assert after.quota_used(TODAY) == {"Anandi": 10}
    assert len(after.owed_rows()) == 10


def test_read_only_folds_in_memory_and_refuses_every_write() -> None:
    """A dry run sees what a run would see, and no byte of the state changes."""
    disk = empty_disk()
    record = reserve(open_ledger(disk))
    left = disk.survivors(power_cut=False)
    before = left.files()
    ledger = open_ledger(left, read_only=True)
    writes: list[Callable[[], object]] = [
        lambda: reserve(ledger, "2", phone="+919800000002"),
        lambda: accepted(ledger, record, message_id=None, at=NOW),
        lambda: refused(ledger, record, failure=REFUSAL, at=NOW),
        lambda: not_sent(ledger, record, failure=REFUSAL, at=NOW),
        lambda: unknown(ledger, record, at=NOW),
        lambda: ledger.absent(record, at=NOW),
        lambda: ledger.row_taken("x"),
        lambda: ledger.row_refused(make_row(record, "x"), on=TODAY, words="no"),
        lambda: ledger.invalid_number(
            lead_of("9"), day=TODAY, raw_phone="", template=TEMPLATE, at=NOW, text=""
        ),
    ]
    for write in writes:
        with pytest.raises(StateError, match="for reading only"):
            write()
    ledger.count_call("2026-11")
    ledger.finish(today=TODAY)
    ledger.close()

    assert ledger.quota_used(TODAY) == {"Anandi": 1}
    assert ledger.recovered == 1
    assert left.files() == before
    assert left.steps == []


def test_close_twice_and_write_after_it_is_refused() -> None:
    """A closed ledger takes nothing more."""
    ledger = open_ledger(empty_disk())
    ledger.close()
    ledger.close()

    with pytest.raises(StateError):
        reserve(ledger)


class Restless(RecordingDisk):
    """A disk on which somebody else works while it is read."""

    def __init__(self, disk: RecordingDisk, others: list[Callable[[], None]]) -> None:
        """Do one of others' works after each reading of the quota file."""
        super().__init__({FOLDER / name: data for name, data in disk.files().items()})
        self._others = others

    def read(self, path: Path, max_bytes: int, *, private: bool) -> bytes | None:
        """Return the content as it was before somebody else changed it."""
        data = super().read(path, max_bytes, private=private)
        if path == QUOTA and self._others:
            self._others.pop(0)()
        return data


def test_snapshot_of_a_running_journal_sees_it_and_a_torn_tail() -> None:
    """``status`` needs no lock: half a line at the end is simply not there yet."""
    disk = empty_disk()
    reserve(open_ledger(disk))
    disk.put(JOURNAL, disk.files()[JOURNAL.name] + b'{"v": 1, "ki')
    before = disk.files()
    ledger = _snapshot(disk)

    assert ledger.quota_used(TODAY) == {"Anandi": 1}
    assert disk.files() == before


def test_snapshot_disturbed_by_a_fold_is_read_again() -> None:
    """What is shown is one moment's state, not a mixture."""
    disk = empty_disk()
    folded = Restless(disk, [])
    running = open_ledger(folded)
    reserve(running, at=NOW)
    folded._others.append(lambda: running.finish(today=TODAY))  # noqa: SLF001
    ledger = _snapshot(folded)

    assert ledger.quota_used(TODAY) == {"Anandi": 1}
    assert len(list(ledger.records())) == 1


def test_snapshot_that_never_settles_is_taken_as_it_is() -> None:
    """A state that changes at every look is shown all the same."""
    disk = Restless(empty_disk(), [])
    disk._others.extend([lambda: disk.put(CALLS, b"{}")] * 9)  # noqa: SLF001

    assert _snapshot(disk).quota_used(TODAY) == {}
    assert len(disk._others) == 4  # noqa: SLF001


def test_snapshot_of_a_damaged_file_is_refused_once_it_stands_still() -> None:
    """Damage that only seemed so goes by reading again; real damage is told."""
    disk = Restless(empty_disk(), [])
    disk._others.append(lambda: disk.put(HISTORY, b"["))  # noqa: SLF001

    with pytest.raises(StateError, match=r"sent_messages.json: is not JSON"):
        _snapshot(disk)


def test_times_in_an_hour_that_a_clock_change_repeats_keep_their_order() -> None:
    """The two 02:30 of an autumn night are an hour apart, and stay so on disk."""
    disk = empty_disk()
    ledger = open_ledger(disk)
    first = datetime.fromisoformat("2026-10-25T02:30:00+02:00")
    second = datetime.fromisoformat("2026-10-25T02:30:00+01:00")
    reserve(ledger, "1", at=second)
    reserve(ledger, "2", at=first, phone="+919800000002")
    after = open_ledger(disk.survivors(power_cut=False))

    assert [record.lead_id for record in after.unknown_messages()] == ["2", "1"]
    assert after.find_duplicate(lead_id="1", phone=PHONE, template=TEMPLATE, today=TODAY)


def test_no_cap_keeps_a_ledger_from_starting_or_from_dropping_what_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file above its cap is read, folded into and, once the day is known, judged without it."""
    disk = empty_disk()
    old = open_ledger(disk)
    for number in range(9):
        reserve(old, str(number), phone=f"+91980000000{number}")
    for name in (QUOTA_FILE, HISTORY_FILE):  # each holds one day's worth, and not two of them
        monkeypatch.setitem(FILES, name, replace(FILES[name], max_bytes=350))
    ledger = open_ledger(disk.survivors(power_cut=False))
    disk = ledger._disk  # type: ignore[assignment]  # noqa: SLF001
    assert len(disk.files()[HISTORY.name]) > 2000
    reserve(ledger, "10", day=WEEKS_LATER, at=NOW + timedelta(days=20))
    ledger.finish(today=WEEKS_LATER)

    assert list(_content(disk, HISTORY)) == [WEEKS_LATER.isoformat()]
    assert list(_content(disk, QUOTA)) == [WEEKS_LATER.isoformat()]


def test_quota_file_of_a_thousand_years_stops_nothing() -> None:
    """What lies before the history is dropped before anybody minds its size."""
    disk = empty_disk()
    days = {f"{year}-11-22": {f"Name {n}": 50 for n in range(99)} for year in range(1000, 2000)}
    disk.put(QUOTA, json.dumps(days).encode())
    assert len(disk.files()[QUOTA.name]) > 1 << 20
    ledger = open_ledger(disk)
    reserve(ledger)
    ledger.finish(today=TODAY)

    assert list(_content(disk, QUOTA)) == [TODAY.isoformat()]

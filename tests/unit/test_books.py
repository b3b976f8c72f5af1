"""Tests of the books: the quota rule at a fold, look-ups, retention, row ids."""

from datetime import timedelta

import pytest
from ledgers import HISTORY_DAYS, NOW, PHONE, TEMPLATE, TODAY

from lead_automation.models import CrmRow, MessageRecord, MessageStatus
from lead_automation.state.books import Books
from lead_automation.state.codec import SchemaError
from lead_automation.state.entry import JournalEntry, Kind
from lead_automation.state.jsonstore import (
    CALLS_FILE,
    HISTORY_FILE,
    QUOTA_FILE,
    StateFiles,
    bare_record,
)
from lead_automation.state.rows import make_row

LONG_AGO = TODAY - timedelta(days=HISTORY_DAYS + 1)
OLDEST = TODAY - timedelta(days=HISTORY_DAYS)
TOMORROW = TODAY + timedelta(days=1)


def _record(lead_id: str = "1", **changes: object) -> MessageRecord:
    fields: dict[str, object] = {
        "lead_id": lead_id,
        "day": TODAY,
        "phone": PHONE,
        "template": TEMPLATE,
        "counsellor": "Anandi",
        "status": MessageStatus.SENT,
        "message_id": None,
        "updated_at": None,
        "sent_at": NOW,
        "attempts": 1,
        **changes,
    }
    return MessageRecord(**fields)  # type: ignore[arg-type]


def _books(quota: int | None = None, *records: MessageRecord) -> Books:
    files = StateFiles(quota={} if quota is None else {TODAY: {"Anandi": quota}})
    for record in records:
        files.history.setdefault(record.day, {})[record.lead_id] = record
    return Books(files, history_days=HISTORY_DAYS)


def _change(number: int, change: int = 1) -> JournalEntry:
    return JournalEntry(
        kind=Kind.RESERVE, messages=(_record(str(number)),), quota={"Anandi": change}
    )


@pytest.mark.parametrize(
    ("in_file", "used"),
    [
        (3, 5),  # as the journal found it
        (5, 5),  # a fold of this journal got as far as this file
        (0, 2),  # a person set it lower than the two messages known
        (9, 9),  # a person set it higher
        (4, 4),
    ],
)
def test_quota_used_after_a_crash_follows_file_or_journal(in_file: int, used: int) -> None:
    """Base and changes where the file says either; else the file, but never below what is known."""
    books = _books(in_file)
    books.apply(JournalEntry(kind=Kind.DAY, day=TODAY, base={"Anandi": 3}))
    books.apply(_change(1))
    books.apply(_change(2))

    assert books.quota_used(TODAY) == {"Anandi": used}


def test_quota_used_after_a_cut_fold_keeps_what_a_person_lowered_before() -> None:
    """A number lowered by hand before the run is no edit after the crash."""
    books = _books(1, _record("7"), _record("8"), _record("9"))
    books.apply(JournalEntry(kind=Kind.DAY, day=TODAY, base={"Anandi": 0}))
    books.apply(_change(1))

    assert books.quota_used(TODAY) == {"Anandi": 1}


def test_quota_used_given_back_never_falls_below_zero() -> None:
    """A person who reset the count before a message of that day proved absent gets no credit."""
    books = _books(0)
    books.apply(JournalEntry(kind=Kind.DAY, day=TODAY, base={"Anandi": 0}))
    books.apply(_change(1, -1))
    books.settle_quota()

    assert books.quota_used(TODAY) == {"Anandi": 0}
    assert books.files().quota == {TODAY: {"Anandi": 0}}


def test_quota_used_of_a_counsellor_deleted_by_hand_counts_known_messages() -> None:
    """Taking a name out of the file after a crash does not free its quota."""
    books = Books(StateFiles(quota={TODAY: {"Karan": 1}}), history_days=HISTORY_DAYS)
    books.apply(JournalEntry(kind=Kind.DAY, day=TODAY, base={"Anandi": 4, "Karan": 1}))
    books.apply(_change(1))

    assert books.quota_used(TODAY) == {"Karan": 1, "Anandi": 1}


def test_apply_of_a_quota_change_without_its_day_line_is_refused() -> None:
    """Without the base, adding the change twice could not be told from once."""
    with pytest.raises(SchemaError, match="no day line opened 2026-11-22"):
        _books().apply(_change(1))


def test_apply_of_a_second_day_line_is_refused() -> None:
    """A day is opened once in a journal."""
    books = _books()
    books.apply(JournalEntry(kind=Kind.DAY, day=TODAY))

    with pytest.raises(SchemaError, match="opened before"):
        books.apply(JournalEntry(kind=Kind.DAY, day=TODAY))


def test_prune_drops_what_is_over_and_keeps_the_future() -> None:
    """The last day that counts stays, the one before it goes, dates ahead stay."""
    days = (LONG_AGO, OLDEST, TODAY, TOMORROW)
    files = StateFiles(
        quota={day: {"Anandi": 1} for day in days},
        history={
            day: {"1": _record(day=day, unknown=True), "2": bare_record(day, "2")} for day in days
        },
    )
    books = Books(files, history_days=HISTORY_DAYS)
    books.prune(TODAY)

    assert list(books.files().quota) == [OLDEST, TODAY, TOMORROW]
    assert list(books.files().history) == [OLDEST, TODAY, TOMORROW]
    assert [record.day for record in books.unknown_messages()] == [OLDEST, TODAY, TOMORROW]
    assert books.touched == {QUOTA_FILE, HISTORY_FILE}


def test_prune_of_nothing_touches_no_file() -> None:
    """A run that changes nothing writes nothing."""
    books = _books(3, _record())
    books.prune(TODAY)

    assert books.touched == set()


def test_find_duplicate_of_a_bare_id_blocks_every_template() -> None:
    """The earlier form names no template and counts as the same one."""
    books = _books(None, bare_record(TODAY - timedelta(days=3), "1"))

    assert books.find_duplicate(lead_id="1", phone=PHONE, template="any", today=TODAY)
    assert not books.find_duplicate(lead_id="2", phone=PHONE, template="any", today=TODAY)


def test_find_duplicate_of_a_number_whose_lead_has_another_now_finds_nothing() -> None:
    """The index by number forgets what the record no longer says."""
    books = _books(None, _record("1"))
    books.apply(JournalEntry(kind=Kind.READING, messages=(_record("1", phone="+919800000009"),)))

    assert not books.find_duplicate(lead_id="2", phone=PHONE, template=TEMPLATE, today=TODAY)
    assert books.find_duplicate(lead_id="2", phone="+919800000009", template=TEMPLATE, today=TODAY)


def test_unknown_and_open_messages_come_oldest_first() -> None:
    """The order is that of sending, not of the file."""
    late, early = NOW + timedelta(hours=1), NOW - timedelta(hours=1)
    books = _books(
        None,
        _record("1", sent_at=late),
        _record("2", sent_at=early),
        _record("3", sent_at=late, unknown=True),
        _record("4", sent_at=early, unknown=True),
        _record("5", status=MessageStatus.READ),
    )

    assert [record.lead_id for record in books.open_messages(TODAY)] == ["2", "1"]
    assert [record.lead_id for record in books.unknown_messages()] == ["4", "3"]


def test_newest_time_prefers_the_last_change() -> None:
    """The time of a later read counts, whichever record it is in."""
    later = NOW + timedelta(hours=2)
    books = _books(None, _record("1", updated_at=later), _record("2", updated_at=NOW))

    assert books.newest_time() == later


def _row(row_id: str) -> CrmRow:
    return make_row(_record(), row_id)


def test_apply_of_a_changed_row_puts_it_last() -> None:
    """So that a journal folded twice leaves the rows in one order."""
    books = _books()
    books.apply(JournalEntry(kind=Kind.ACCEPTED, messages=(_record(),), owe=(_row("a"), _row("b"))))
    books.apply(JournalEntry(kind=Kind.READING, messages=(_record(),), owe=(_row("a"),)))

    assert [row.row_id for row in books.owed_rows()] == ["b", "a"]


def test_free_row_id_counts_on_past_owed_ones() -> None:
    """Each unposted row keeps its name."""
    books = _books()
    books.apply(
        JournalEntry(kind=Kind.ACCEPTED, messages=(_record(),), owe=(_row("a"), _row("a.2")))
    )

    assert books.free_row_id("a") == "a.3"
    assert books.free_row_id("b") == "b"


def test_owed_row_of_another_day_or_send_is_not_this_messages() -> None:
    """Rows of one lead are told apart by day and time of sending."""
    books = _books()
    books.apply(
        JournalEntry(kind=Kind.ACCEPTED, messages=(_record(),), owe=(_row("2026-11-22/1/1"),))
    )

    assert books.owed_row(_record()) == _row("2026-11-22/1/1")
    assert books.owed_row(_record(day=TOMORROW)) is None
    assert books.owed_row(_record(sent_at=NOW + timedelta(seconds=1))) is None


def test_calls_of_a_line_never_lower_the_month() -> None:
    """A journal folded again after a later run does not set the count back."""
    files = StateFiles(calls={"2026-11": 9})
    books = Books(files, history_days=HISTORY_DAYS)
    books.apply(JournalEntry(kind=Kind.ROW_TAKEN, calls={"2026-11": 5}))
    assert books.touched == set()
    books.apply(JournalEntry(kind=Kind.ROW_TAKEN, calls={"2026-11": 12}))

    assert books.month_calls("2026-11") == 12
    assert books.touched == {CALLS_FILE}

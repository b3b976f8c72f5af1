"""Tests of the books: the quota after a crash, look-ups, retention, owed rows."""

from datetime import timedelta

import pytest
from ledgers import HISTORY_DAYS, NOW, PHONE, TEMPLATE, TODAY

from lead_automation.models import MessageStatus
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
from lead_automation.stored import CrmRow, MessageRecord

LONG_AGO = TODAY - timedelta(days=HISTORY_DAYS + 1)
OLDEST = TODAY - timedelta(days=HISTORY_DAYS)
TOMORROW = TODAY + timedelta(days=1)
OPENED = JournalEntry(kind=Kind.DAY, day=TODAY, base={"Anandi": 3})


def _record(lead_id: str = "1", **changes: object) -> MessageRecord:
    fields: dict[str, object] = {
        "lead_id": lead_id,
        "day": TODAY,
        "phone": PHONE,
        "template": TEMPLATE,
        "counsellor": "Anandi",
        "status": MessageStatus.SENT,
        "message_id": None,
        "sent_at": NOW,
        "updated_at": None,
        "attempts": 1,
        **changes,
    }
    return MessageRecord(**fields)  # type: ignore[arg-type]


def _books(*records: MessageRecord) -> Books:
    files = StateFiles()
    for record in records:
        files.history.setdefault(record.day, {})[record.lead_id] = record
    return Books(files, history_days=HISTORY_DAYS)


def _entry(*rows: str, quota: int = 0, phone: str = PHONE) -> JournalEntry:
    return JournalEntry(
        kind=Kind.READING,
        messages=(_record(phone=phone),),
        quota={"Anandi": quota} if quota else {},
        owe=tuple(_row(row) for row in rows),
    )


def _row(row_id: str) -> CrmRow:
    return make_row(_record(), row_id)


@pytest.mark.parametrize("in_file", [0, 3, 4, 5, 9])
def test_quota_after_a_crash_is_what_the_journal_says(in_file: int) -> None:
    """Whatever a fold cut short made of the file, the same journal gives the same count."""
    files = StateFiles(quota={TODAY: {"Anandi": in_file, "Karan": 1}})
    books = Books(files, history_days=HISTORY_DAYS)
    for entry in (OPENED, _entry(quota=1), _entry(quota=1)):
        books.apply(entry)

    assert books.quota_used(TODAY) == {"Anandi": 5}


def test_quota_given_back_never_falls_below_zero() -> None:
    """A person who reset the count before a message of that day proved absent gets no credit."""
    books = _books()
    books.apply(JournalEntry(kind=Kind.DAY, day=TODAY))
    books.apply(_entry(quota=-1))

    assert books.files.quota == {TODAY: {"Anandi": 0}}


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        # Without the base, adding the change twice could not be told from once.
        ([_entry(quota=1)], "no day entry opened 2026-11-22"),
        ([OPENED, OPENED], "opened before"),
    ],
)
def test_apply_of_a_day_not_opened_once_is_refused(
    entries: list[JournalEntry], problem: str
) -> None:
    """Each day of a journal has one entry with its base, before any change."""
    books = _books()
    for entry in entries[:-1]:
        books.apply(entry)

    with pytest.raises(SchemaError, match=problem):
        books.apply(entries[-1])


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

    assert list(files.quota) == list(files.history) == [OLDEST, TODAY, TOMORROW]
    assert [record.day for record in books.unknown_messages()] == [OLDEST, TODAY, TOMORROW]
    assert books.touched == {QUOTA_FILE, HISTORY_FILE}


def test_find_duplicate_of_a_bare_id_blocks_every_template() -> None:
    """The earlier form names no template and counts as the same one."""
    books = _books(bare_record(TODAY - timedelta(days=3), "1"))

    assert books.find_duplicate(lead_id="1", phone=PHONE, template="any", today=TODAY)
    assert not books.find_duplicate(lead_id="2", phone=PHONE, template="any", today=TODAY)


def test_find_duplicate_of_a_number_whose_lead_has_another_now_finds_nothing() -> None:
    """The index by number forgets what the record no longer says."""
    books = _books(_record("1"))
    books.apply(_entry(phone="+919800000009"))

    assert not books.find_duplicate(lead_id="2", phone=PHONE, template=TEMPLATE, today=TODAY)
    assert books.find_duplicate(lead_id="2", phone="+919800000009", template=TEMPLATE, today=TODAY)


def test_unknown_and_open_messages_come_oldest_first() -> None:
    """The order is that of sending, not of the file."""
    late, early = NOW + timedelta(hours=1), NOW - timedelta(hours=1)
    books = _books(
        _record("1", sent_at=late),
        _record("2", sent_at=early),
        _record("3", sent_at=late, unknown=True),
        _record("4", sent_at=early, unknown=True),
        _record("5", status=MessageStatus.READ),
    )

    assert [record.lead_id for record in books.open_messages(TODAY)] == ["2", "1"]
    assert [record.lead_id for record in books.unknown_messages()] == ["4", "3"]


def test_apply_of_a_changed_row_puts_it_last() -> None:
    """So that a journal folded twice leaves the rows in one order."""
    books = _books()
    books.apply(_entry("a", "b"))
    books.apply(_entry("a"))

    assert list(books.files.outbox) == ["b", "a"]


def test_owed_row_of_another_day_or_send_is_not_this_messages() -> None:
    """Rows of one lead are told apart by day and time of sending."""
    books = _books()
    books.apply(_entry("2026-11-22/1/1"))

    assert books.owed_row(_record()) == _row("2026-11-22/1/1")
    assert books.owed_row(_record(day=TOMORROW)) is None
    assert books.owed_row(_record(sent_at=NOW + timedelta(seconds=1))) is None


def test_calls_of_an_entry_never_lower_the_month() -> None:
    """A journal folded again after a later run does not set the count back."""
    books = Books(StateFiles(calls={"2026-11": 9}), history_days=HISTORY_DAYS)
    books.apply(JournalEntry(kind=Kind.ROW_TAKEN, calls={"2026-11": 5}))
    assert books.touched == set()
    books.apply(JournalEntry(kind=Kind.ROW_TAKEN, calls={"2026-11": 12}))

    assert books.month_calls("2026-11") == 12
    assert books.touched == {CALLS_FILE}

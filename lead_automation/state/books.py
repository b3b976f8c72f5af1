"""Everything the state files and the journal say, in memory: pure, no file is touched here.

Loaded from the files, moved on by ``apply`` with each journal entry, and written back by the fold.
Looking a lead or a number up costs the same whatever the history holds.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta, tzinfo

from lead_automation.duplicates import is_duplicate_of, is_within_history, lead_key
from lead_automation.models import ErrorCategory
from lead_automation.state.codec import SchemaError
from lead_automation.state.entry import JournalEntry
from lead_automation.state.jsonstore import (
    CALLS_FILE,
    HISTORY_FILE,
    OUTBOX_FILE,
    QUOTA_FILE,
    StateFiles,
)
from lead_automation.state.rows import by_age, row_prefix
from lead_automation.stored import CrmRow, MessageRecord

_Key = tuple[date, str]


def holds_quota(record: MessageRecord) -> bool:
    """Whether a message counts on its counsellor's day: it arrived, or may have."""
    return record.unknown or record.sent_at is not None


class Books:
    """Quota, history, owed rows and the month's calls.

    Attributes:
        files: What the four files are to say.
        touched: Names of the files that do not say it yet.
    """

    def __init__(self, files: StateFiles, *, history_days: int) -> None:
        """Take over what the files say; nobody else may use them any more."""
        self.files = files
        self.touched: set[str] = set()
        self._history_days = history_days
        self._open_days: set[date] = set()
        self._spellings: dict[str, tuple[str, ...]] = {}
        self._extra: dict[date, Counter[str]] = {}
        self._leads_of: dict[str, tuple[str, ...]] = {}
        self._unknown: dict[_Key, MessageRecord] = {}
        self._owed_of: dict[str, list[str]] = {}
        self._newest: datetime | None = None
        for record in self.records():
            self._index(record)
        for row in files.outbox.values():
            self._owed_of.setdefault(row.lead_id, []).append(row.row_id)

    # --- moving on -----------------------------------------------------------------------------

    def apply(self, entry: JournalEntry) -> None:
        """Take over one journal entry; taking a whole journal over again changes nothing.

        Raises:
            SchemaError: It does not fit the entries before it.
        """
        if entry.day is not None:
            self._open(entry.day, entry.base)
        if entry.quota:
            self._change_quota(entry.messages[0].day, entry.quota)
        for message in entry.messages:
            self._set(message)
        for row in entry.owe:
            self._owe(row)
        for row_id in entry.drop:
            self._drop(row_id)
            self.touched.add(OUTBOX_FILE)
        for month, total in entry.calls.items():
            self._raise_calls(month, total)

    def start_anew(self) -> None:
        """Note that the files say it all now and the journal is empty."""
        self._open_days.clear()
        self.touched.clear()

    def count_call(self, month: str) -> None:
        """Count one WATI call of a month, ``2026-11``; kept with the next write at the latest."""
        self._raise_calls(month, self.month_calls(month) + 1)

    def _raise_calls(self, month: str, total: int) -> None:
        if total > self.month_calls(month):
            self.files.calls[month] = total
            self.touched.add(CALLS_FILE)

    def prune(self, today: date) -> None:
        """Drop the quota and the records of days that no longer count; future days stay."""
        for days, name in ((self.files.quota, QUOTA_FILE), (self.files.history, HISTORY_FILE)):
            for day in [day for day in days if self.is_over(day, today)]:
                del days[day]
                self.touched.add(name)
        for key in [key for key in self._unknown if self.is_over(key[0], today)]:
            del self._unknown[key]

    def is_over(self, day: date, today: date) -> bool:
        """Whether a day lies before the history that counts."""
        return not is_within_history(day, today=today, history_days=self._history_days)

    def _open(self, day: date, base: Mapping[str, int]) -> None:
        """Begin a day of the journal with the counts it began with.

        Whatever the file says: it may hold the changes that follow already, from a fold cut short.
        """
        if day in self._open_days:
            msg = f"{day} was opened before"
            raise SchemaError(msg, "day")
        self._open_days.add(day)
        self.files.quota[day] = dict(base)
        self.touched.add(QUOTA_FILE)

    def _change_quota(self, day: date, changes: Mapping[str, int]) -> None:
        if day not in self._open_days:
            msg = f"no day entry opened {day}"
            raise SchemaError(msg, "quota")
        counts = self.files.quota[day]
        for name, change in changes.items():
            # Who lowered the count by hand gets no credit for a message that proves absent.
            counts[name] = max(0, counts.get(name, 0) + change)
        self.touched.add(QUOTA_FILE)

    def _set(self, record: MessageRecord) -> None:
        self.files.history.setdefault(record.day, {})[record.lead_id] = record
        self._unknown.pop(record.key, None)
        self._index(record)
        self.touched.add(HISTORY_FILE)

    def _index(self, record: MessageRecord) -> None:
        phone, lead_id = record.phone, record.lead_id
        if phone is not None:
            leads = self._leads_of.setdefault(phone, (lead_id,))
            if lead_id not in leads:
                self._leads_of[phone] = (*leads, lead_id)
        key = lead_key(lead_id)
        if key != lead_id and lead_id not in self._spellings.get(key, ()):
            self._spellings[key] = (*self._spellings.get(key, ()), lead_id)
        if record.unknown:
            self._unknown[record.key] = record
        time = record.updated_at or record.sent_at
        if time is not None and (self._newest is None or time > self._newest):
            self._newest = time

    def _owe(self, row: CrmRow) -> None:
        self._drop(row.row_id)  # a changed row goes to the end, so that folding twice agrees
        self.files.outbox[row.row_id] = row
        self.touched.add(OUTBOX_FILE)
        self._owed_of.setdefault(row.lead_id, []).append(row.row_id)

    def _drop(self, row_id: str) -> None:
        row = self.files.outbox.pop(row_id, None)
        if row is not None:
            self._owed_of[row.lead_id].remove(row_id)

    # --- quota and calls -----------------------------------------------------------------------

    def is_day_open(self, day: date) -> bool:
        """Whether the journal holds the day entry that changes of this day are added to."""
        return day in self._open_days

    def quota_used(self, day: date) -> Mapping[str, int]:
        """Return the messages used on a day, by counsellor."""
        return self.files.quota.get(day, {})

    def used_today(self, today: date, zone: tzinfo) -> Mapping[str, int]:
        """Return the messages used today, by counsellor: the count, and what it does not know.

        Where the records of today say more than the count (an older file was put back), they
        count. So does a message recorded under another date that went out today in this zone: a
        change of TIMEZONE gives nobody a second quota.
        """
        used = self.quota_used(today)
        if today not in self._extra:
            # Once a day and process: later changes move count and record alike. What an earlier
            # day's message then gives back is the next run's, so a limit is never passed.
            self._extra[today] = self._not_counted(today, zone)
        extra = self._extra[today]
        return Counter(used) + extra if extra else used

    def _not_counted(self, today: date, zone: tzinfo) -> Counter[str]:
        begins, ends = (
            datetime.combine(day, time.min, zone) for day in (today, today + timedelta(days=1))
        )
        here, moved = Counter[str](), Counter[str]()
        for days in range(-2, 3):  # so far apart are the dates of two zones
            day = today + timedelta(days=days)
            for record in self.files.history.get(day, {}).values():
                if record.counsellor is None or not holds_quota(record):
                    continue
                if day == today:
                    here[record.counsellor] += 1
                elif record.sent_at is not None and begins <= record.sent_at < ends:
                    moved[record.counsellor] += 1
        return here - Counter(self.quota_used(today)) + moved

    def month_calls(self, month: str) -> int:
        """Return the WATI calls of a month."""
        return self.files.calls.get(month, 0)

    # --- history -------------------------------------------------------------------------------

    def records(self) -> Iterator[MessageRecord]:
        """Return every kept record."""
        for day in self.files.history.values():
            yield from day.values()

    def record(self, day: date, lead_id: str) -> MessageRecord | None:
        """Return the record of a lead on a day."""
        return self.files.history.get(day, {}).get(lead_id)

    def find_duplicate(
        self,
        *,
        lead_id: str,
        phone: str,
        template: str,
        today: date,
        within_days: int | None = None,
    ) -> MessageRecord | None:
        """Return the newest message that forbids another one to this lead or number, if any.

        Args:
            lead_id: As listed.
            phone: E.164; a message to either is enough.
            template: The one to be sent.
            today: The quota day.
            within_days: How long the same template is not sent again; None for all that is kept.
        """
        blocking = [
            record
            for record in self._of_lead_or_number(lead_id, phone)
            if is_duplicate_of(
                record,
                template=template,
                today=today,
                history_days=within_days or self._history_days,
            )
        ]
        return max(blocking, key=lambda record: record.day, default=None)

    def earlier_attempts(self, *, lead_id: str, phone: str, template: str) -> int:
        """Return how many attempts at this message proved absent at WATI.

        Attempts are numbered through over the days, so the highest number is the count.
        """
        return max(
            (
                record.attempts
                for record in self._of_lead_or_number(lead_id, phone)
                if record.template == template
                and record.sent_at is None
                and record.error_category is ErrorCategory.NETWORK_ERROR
            ),
            default=0,
        )

    def knows(self, lead_id: str) -> bool:
        """Whether any kept day has a record of a lead."""
        return any(True for _ in self._of_lead(lead_id))

    def has_invalid_number(self, lead_id: str) -> bool:
        """Whether the history remembers that a lead's number was no number."""
        return any(
            record.error_category is ErrorCategory.INVALID_NUMBER and record.phone is None
            for record in self._of_lead(lead_id)
        )

    def unknown_messages(self) -> list[MessageRecord]:
        """Return the messages that may or may not have arrived, oldest first."""
        return sorted(self._unknown.values(), key=_sent_at)

    def other_ids(self, record: MessageRecord) -> frozenset[str]:
        """Return WATI's ids of the other messages to a message's lead or number."""
        others = self._of_lead_or_number(record.lead_id, record.phone or "")
        return frozenset(
            other.message_id for other in others if other.message_id and other.key != record.key
        )

    def open_messages(self, since: date) -> list[MessageRecord]:
        """Return accepted messages of a day or later that may still have news, oldest first."""
        days = (records for day, records in self.files.history.items() if day >= since)
        found = [record for records in days for record in records.values() if record.is_open]
        return sorted(found, key=_sent_at)

    def messages_of(self, day: date, broadcast_name: str) -> list[MessageRecord]:
        """Return the messages of one v3 POST of a day."""
        records = self.files.history.get(day, {}).values()
        return [record for record in records if record.broadcast_name == broadcast_name]

    def broadcast_names(self, day: date) -> frozenset[str]:
        """Return the names of the v3 POSTs of a day that WATI took."""
        records = self.files.history.get(day, {}).values()
        names = (record.broadcast_name for record in records if not record.unknown)
        return frozenset(name for name in names if name is not None)

    def newest_time(self) -> datetime | None:
        """Return the latest time any record names."""
        return self._newest

    def _of_lead(self, lead_id: str) -> Iterator[MessageRecord]:
        key = lead_key(lead_id)
        spellings = {lead_id, key, *self._spellings.get(key, ())}
        for day in self.files.history.values():
            yield from (day[spelling] for spelling in spellings if spelling in day)

    def _of_lead_or_number(self, lead_id: str, phone: str) -> Iterator[MessageRecord]:
        yield from self._of_lead(lead_id)
        for other in self._leads_of.get(phone, ()):
            if other != lead_id:
                yield from (record for record in self._of_lead(other) if record.phone == phone)

    # --- owed rows -----------------------------------------------------------------------------

    def owed_rows(self) -> list[CrmRow]:
        """Return every row the CRM has not taken, oldest first."""
        return sorted(self.files.outbox.values(), key=by_age)

    def find_row(self, row_id: str) -> CrmRow | None:
        """Return an owed row as it stands now; None once the CRM took it."""
        return self.files.outbox.get(row_id)

    def owed_row(self, record: MessageRecord) -> CrmRow | None:
        """Return the row still owed for a message; None once the CRM took it."""
        prefix = row_prefix(record)
        for row_id in reversed(self._owed_of.get(record.lead_id, [])):
            row = self.files.outbox[row_id]
            if row_id.startswith(prefix) and row.sent_at == record.sent_at:
                return row
        return None

    def free_row_id(self, wanted: str) -> str:
        """Return an id no owed row has, so that an earlier attempt's row is not overwritten."""
        number, row_id = 1, wanted
        while row_id in self.files.outbox:
            number += 1
            row_id = f"{wanted}.{number}"
        return row_id


def _sent_at(record: MessageRecord) -> float:
    return record.sent_at.timestamp() if record.sent_at else 0.0

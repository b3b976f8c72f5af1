"""The ledger: quotas, history, owed rows and calls, kept so that a crash loses none.

What each step of a send means stands here, for every kind of ledger; a subclass says how an entry
is kept: ``fileledger.FileLedger`` in the state directory, ``memory.MemoryLedger`` not at all. One
suite holds them to the promise: ``tests/contracts/test_ledger_contract.py``.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from typing import assert_never

from msgspec.structs import replace

from lead_automation.models import ErrorCategory, Failure, MessageStatus, Outcome, SendAttempt
from lead_automation.state.books import Books, holds_quota
from lead_automation.state.codec import at_offset, lead_id_of, phone_of
from lead_automation.state.entry import JournalEntry, Kind
from lead_automation.state.jsonstore import StateFiles
from lead_automation.state.rows import SECOND_ROW, first_row_id, make_row
from lead_automation.stored import CrmRow, MessageRecord

_ABSENT = "WATI has no such message"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """One message about to be sent.

    Attributes:
        lead_id: 1 to 128 characters.
        phone: E.164.
        template: Element name.
        counsellor: Whose quota it uses.
        attempt: Counted from 1, over all runs: ``earlier_attempts`` and one.
        retry_of_row: Id of the owed row of an attempt that did not arrive, which this one makes
            obsolete.
    """

    lead_id: str
    phone: str
    template: str
    counsellor: str
    attempt: int = 1
    retry_of_row: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """What one step of one message changes: its record, quota, rows owed and no longer owed."""

    record: MessageRecord
    quota: Mapping[str, int] = field(default_factory=dict)
    owe: tuple[CrmRow, ...] = ()
    drop: tuple[str, ...] = ()


class Ledger(Books, ABC):
    """What a run needs to remember, and how surely; the look-ups stand in ``Books``.

    A method that writes *durably* returns only once a power cut could not undo it; the others may
    lose what they wrote to a power cut, never to a killed process. All raise StateError when it
    could not be written; nothing may be sent after that.
    """

    def __init__(self, files: StateFiles, *, history_days: int, zone: tzinfo) -> None:
        """Take over what is kept.

        Args:
            files: Nobody else may use them any more.
            history_days: How long a message counts.
            zone: The zone times are written in.
        """
        super().__init__(files, history_days=history_days)
        self._zone = zone

    # --- how it is kept ------------------------------------------------------------------------

    @abstractmethod
    def _keep(self, entry: JournalEntry, *, durable: bool) -> None:
        """Keep an entry and apply it; durable: it survives a power cut once this returns."""

    @abstractmethod
    def finish(self, *, today: date | None) -> None:
        """Bring everything to where it is kept between runs; the ledger stays usable.

        Args:
            today: The quota day; days before the history that counts are forgotten. None forgets
                nothing: of a clock nobody has compared, a wrong date would forget whom not to
                message again.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of what is open; what was not finished is at the next start."""

    # --- the steps of a send -------------------------------------------------------------------

    def reserve(
        self, wanted: Sequence[Reservation], *, day: date, at: datetime
    ) -> list[MessageRecord]:
        """Put on disk, durably and before the POST, that these leads are about to be messaged.

        All of them or, after a power cut, none. The quota counts from here, and each message is
        unknown until it is settled.

        Args:
            wanted: The messages of one POST.
            day: Quota day.
            at: Aware; now.

        Raises:
            ValueError: A lead may have got a message that day already.
        """
        changes = [self._reserved(one, day, self._local(at)) for one in wanted]
        self._write(Kind.RESERVE, changes)
        return [change.record for change in changes]

    def settle(
        self, sent: Sequence[tuple[MessageRecord, SendAttempt]], *, at: datetime
    ) -> list[MessageRecord]:
        """Write down, durably and as one, what the POST of reserved messages came to.

        Accepted: a ``sent`` row is owed; the status stays ``pending``, for what is kept is what
        WATI says of the message later. Refused: the quota comes back, a ``failed`` row is owed.
        Not sent: as refused, and the attempt does not count. Unknown: it keeps its quota, no row
        is owed yet.

        Args:
            sent: Each message with what is known of it.
            at: Aware; now.
        """
        changes = [self._settled(record, attempt, at) for record, attempt in sent]
        outcomes = {attempt.outcome for _, attempt in sent}
        kind = Kind(outcomes.pop().value) if len(outcomes) == 1 else Kind.SETTLED
        self._write(kind, changes)
        return [change.record for change in changes]

    def absent(self, record: MessageRecord, *, at: datetime) -> MessageRecord:
        """Settle an unknown message, durably: WATI has none such.

        The quota comes back, the attempt counts, a ``failed`` row is owed.
        """
        before = self._latest(record)
        category = ErrorCategory.NETWORK_ERROR
        after = self._unsent(before, at, category, attempts=before.attempts)
        self._write(Kind.ABSENT, [self._given_back(before, after, _ABSENT)])
        return after

    def reading(
        self,
        record: MessageRecord,
        *,
        status: MessageStatus,
        at: datetime,
        message_id: str | None,
        failure: Failure | None,
    ) -> MessageRecord:
        """Keep what a status read said; an unknown message is accepted with it.

        A row still owed changes with it; a failure after the row was taken owes a second one.

        Args:
            record: A message that was sent.
            status: Never lower than the record's; the caller sees to it.
            at: Aware; now.
            message_id: WATI's, None to keep the known one.
            failure: For a failed one.
        """
        before = self._sent(record)
        after = replace(
            before,
            status=status,
            unknown=False,
            message_id=message_id or before.message_id,
            updated_at=self._local(at),
            error_category=failure.category if failure else before.error_category,
        )
        owe = self._rows_of_news(before, after, failure.text if failure else None)
        # A power cut may lose it: the next run reads the status again.
        self._write(Kind.READING, [_Change(record=after, owe=owe)], durable=False)
        return after

    def invalid_number(
        self, *, day: date, lead_id: str, raw_phone: str, template: str, at: datetime, text: str
    ) -> None:
        """Remember a lead whose number is none, and owe its ``failed`` row.

        Nothing happens where the lead has a record that day: its row tells of it already.
        """
        if self.record(day, lead_id) is not None:
            return
        record = MessageRecord(
            lead_id=lead_id_of(lead_id),
            day=day,
            phone=None,
            template=template,
            counsellor=None,
            status=MessageStatus.FAILED,
            message_id=None,
            sent_at=None,
            updated_at=self._local(at),
            attempts=0,
            error_category=ErrorCategory.INVALID_NUMBER,
        )
        row_id = self.free_row_id(first_row_id(record))
        row = make_row(record, row_id, error=text, raw_phone=raw_phone)
        self._write(Kind.INVALID, [_Change(record=record, owe=(row,))], durable=False)

    def row_taken(self, row_id: str) -> None:
        """Forget a row the CRM has taken; one that is not owed is no error."""
        # A power cut may lose it: the CRM then gets the row a second time, which it can tell.
        self._keep(JournalEntry(kind=Kind.ROW_TAKEN, drop=(row_id,)), durable=False)

    # --- what they mean ------------------------------------------------------------------------

    def _reserved(self, wanted: Reservation, day: date, at: datetime) -> _Change:
        # Screening has looked already; here a slip of any caller still messages nobody twice.
        before = self.record(day, wanted.lead_id)
        if before is not None and before.may_have_arrived:
            msg = "this lead may have got a message today: reserving another is a bug"
            raise ValueError(msg)
        record = MessageRecord(
            lead_id=lead_id_of(wanted.lead_id),
            day=day,
            phone=phone_of(wanted.phone),
            template=wanted.template,
            counsellor=wanted.counsellor,
            status=MessageStatus.PENDING,
            message_id=None,
            sent_at=at,
            updated_at=at,
            attempts=wanted.attempt,
            unknown=True,
        )
        dropped = () if wanted.retry_of_row is None else (wanted.retry_of_row,)
        return _Change(record=record, quota={wanted.counsellor: 1}, drop=dropped)

    def _settled(self, record: MessageRecord, attempt: SendAttempt, at: datetime) -> _Change:
        match attempt.outcome:
            case Outcome.ACCEPTED:
                after = replace(
                    self._sent(record),
                    unknown=False,
                    message_id=attempt.message_id,
                    updated_at=self._local(at),
                )
                return _Change(record=after, owe=(self._first_row(after),))
            case Outcome.UNKNOWN:
                after = replace(self._sent(record), unknown=True, updated_at=self._local(at))
                return _Change(record=after)
            case Outcome.REFUSED:
                return self._refused(self._latest(record), attempt.reason, at)
            case Outcome.NOT_SENT:
                return self._not_sent(self._latest(record), attempt.reason, at)
            case _:
                assert_never(attempt.outcome)

    def _refused(self, before: MessageRecord, failure: Failure, at: datetime) -> _Change:
        is_network = failure.category is ErrorCategory.NETWORK_ERROR
        # Under this category attempts count those that proved absent; an answer is none of them.
        attempts = before.attempts - is_network if before.unknown else before.attempts
        after = self._unsent(before, at, failure.category, attempts=attempts)
        return self._given_back(before, after, failure.text)

    def _not_sent(self, before: MessageRecord, failure: Failure, at: datetime) -> _Change:
        spent = before.attempts - 1 if before.unknown else before.attempts
        # Attempts of earlier sends that proved absent are found by this category.
        category = ErrorCategory.NETWORK_ERROR if spent else failure.category
        after = self._unsent(before, at, category, attempts=spent)
        return self._given_back(before, after, failure.text)

    def _unsent(
        self, before: MessageRecord, at: datetime, category: ErrorCategory, *, attempts: int
    ) -> MessageRecord:
        """Return the record of a message that certainly reached nobody."""
        return replace(
            before,
            status=MessageStatus.FAILED,
            unknown=False,
            message_id=None,
            sent_at=None,
            updated_at=self._local(at),
            attempts=attempts,
            error_category=category,
        )

    def _given_back(self, before: MessageRecord, after: MessageRecord, text: str) -> _Change:
        """Return a certain failure: the quota comes back, a ``failed`` row is owed."""
        name = before.counsellor
        row = make_row(after, self.free_row_id(first_row_id(before)), error=text)
        quota = {name: -1} if name is not None and holds_quota(before) else {}
        return _Change(record=after, quota=quota, owe=(row,))

    def _rows_of_news(
        self, before: MessageRecord, after: MessageRecord, error: str | None
    ) -> tuple[CrmRow, ...]:
        """Return the rows a status read makes owed, or changes while they are owed."""
        if before.unknown:
            return (self._first_row(after, error),)
        if before.status is MessageStatus.FAILED:
            return ()
        owed = self.owed_row(before)
        if owed is not None:
            # One row with the latest word, rather than two of which the first is out of date.
            row = make_row(after, owed.row_id, error=error)
            return () if row == owed else (row,)
        if after.status is not MessageStatus.FAILED:
            return ()
        return (make_row(after, self.free_row_id(first_row_id(after) + SECOND_ROW), error=error),)

    def _first_row(self, record: MessageRecord, error: str | None = None) -> CrmRow:
        return make_row(record, self.free_row_id(first_row_id(record)), error=error)

    def _latest(self, record: MessageRecord) -> MessageRecord:
        """Return what the books say now of the message a caller has an older record of."""
        return self.record(record.day, record.lead_id) or record

    def _sent(self, record: MessageRecord) -> MessageRecord:
        latest = self._latest(record)
        if latest.sent_at is None:
            msg = "this message was settled as not sent: having news of it is a bug"
            raise ValueError(msg)
        return latest

    def _local(self, at: datetime) -> datetime:
        return at_offset(at, self._zone)

    def _write(self, kind: Kind, changes: Sequence[_Change], *, durable: bool = True) -> None:
        """Keep one entry, before it the day's opening one if its quota changes first here."""
        quota: Counter[str] = Counter()
        for change in changes:
            quota.update(change.quota)
        day = changes[0].record.day
        if quota and not self.is_day_open(day):
            # Changes are kept beside the count they started from, so folding twice adds up once.
            base = dict(self.quota_used(day))
            self._keep(JournalEntry(kind=Kind.DAY, day=day, base=base), durable=False)
        entry = JournalEntry(
            kind=kind,
            messages=tuple(change.record for change in changes),
            quota=dict(quota),
            owe=tuple(row for change in changes for row in change.owe),
            drop=tuple(row_id for change in changes for row_id in change.drop),
        )
        self._keep(entry, durable=durable)

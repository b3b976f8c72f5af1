"""What each step of a send changes: record, quota, rows owed. Pure; ``Ledger`` writes it down."""

from collections.abc import Mapping
from datetime import date, datetime, tzinfo
from typing import assert_never

import msgspec
from msgspec.structs import replace

from lead_automation.models import ErrorCategory, Failure, MessageStatus, Outcome, SendAttempt
from lead_automation.state.books import Books, holds_quota
from lead_automation.state.codec import at_offset, lead_id_of, phone_of
from lead_automation.state.jsonstore import StateFiles
from lead_automation.state.rows import SECOND_ROW, first_row_id, make_row
from lead_automation.stored import CrmRow, GivenId, MessageRecord


class Reservation(msgspec.Struct, frozen=True, kw_only=True):
    """One message about to be sent.

    Attributes:
        lead_id: 1 to 128 characters.
        phone: E.164.
        template: Element name.
        counsellor: Whose quota it uses.
        daily_limit: Messages of a day the quota has; None where nobody counts.
        attempt: Counted from 1, over all runs: ``earlier_attempts`` and one.
        retry_of_row: Id of the owed row of an attempt that did not arrive, which this one makes
            obsolete.
        given_id: As the lead's.
        message_id, broadcast_name: v3: what the message and its POST are found by; None on v1, v2.
    """

    lead_id: str
    phone: str
    template: str
    counsellor: str
    daily_limit: int | None = None
    attempt: int = 1
    retry_of_row: str | None = None
    given_id: GivenId = None
    message_id: str | None = None
    broadcast_name: str | None = None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What one step of one message changes: its record, quota, rows owed and no longer owed."""

    record: MessageRecord
    quota: Mapping[str, int] = {}
    owe: tuple[CrmRow, ...] = ()
    drop: tuple[str, ...] = ()


class Steps(Books):
    """Books that say what a step would change in them."""

    def __init__(self, files: StateFiles, *, history_days: int, zone: tzinfo) -> None:
        """Take over what is kept; see ``Ledger`` for the arguments."""
        super().__init__(files, history_days=history_days)
        self._zone = zone

    def _reserved(self, wanted: Reservation, day: date, at: datetime, *, is_dated: bool) -> Change:
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
            message_id=wanted.message_id,
            sent_at=at,
            updated_at=at if is_dated else None,
            attempts=wanted.attempt,
            unknown=True,
            given_id=wanted.given_id,
            broadcast_name=wanted.broadcast_name,
        )
        dropped = () if wanted.retry_of_row is None else (wanted.retry_of_row,)
        return Change(record=record, quota={wanted.counsellor: 1}, drop=dropped)

    def _withdrawn(self, reserved: Change, at: datetime) -> Change:
        """Return what takes a reservation back; to be asked before that is applied.

        Everything is as before it. A lead without a record keeps one that says nothing happened,
        with no error category: entries set records, none removes one.
        """
        record = reserved.record
        before = self.record(record.day, record.lead_id)
        rows = [self.find_row(row_id) for row_id in reserved.drop]
        return Change(
            record=before or self._unsent(record, at, None, attempts=record.attempts - 1),
            quota={name: -count for name, count in reserved.quota.items()},
            owe=tuple(row for row in rows if row is not None),
        )

    def _settled(self, record: MessageRecord, attempt: SendAttempt, at: datetime) -> Change:
        match attempt.outcome:
            case Outcome.ACCEPTED:
                before = self._sent(record)
                after = replace(
                    before,
                    unknown=False,
                    # WATI's answer brought the time that its reservation lacked.
                    sent_at=before.sent_at if before.updated_at else self._local(at),
                    message_id=attempt.message_id,
                    broadcast_id=attempt.broadcast_id,
                    updated_at=self._local(at),
                )
                return Change(record=after, owe=(self._first_row(after),))
            case Outcome.UNKNOWN:
                before = self._sent(record)
                after = replace(
                    before,
                    unknown=True,
                    broadcast_id=attempt.broadcast_id,
                    updated_at=self._local(at) if before.updated_at else None,
                )
                return Change(record=after)
            case Outcome.REFUSED:
                return self._refused(self._latest(record), attempt.reason, at)
            case Outcome.NOT_SENT:
                return self._not_sent(self._latest(record), attempt.reason, at)
            case _:
                assert_never(attempt.outcome)

    def _refused(self, before: MessageRecord, failure: Failure, at: datetime) -> Change:
        is_network = failure.category is ErrorCategory.NETWORK_ERROR
        # Under this category attempts count those that proved absent; an answer is none of them.
        attempts = before.attempts - is_network if before.unknown else before.attempts
        after = self._unsent(before, at, failure.category, attempts=attempts)
        return self._given_back(before, after, failure.text)

    def _not_sent(self, before: MessageRecord, failure: Failure, at: datetime) -> Change:
        spent = before.attempts - 1 if before.unknown else before.attempts
        # Attempts of earlier sends that proved absent are found by this category.
        category = ErrorCategory.NETWORK_ERROR if spent else failure.category
        after = self._unsent(before, at, category, attempts=spent)
        return self._given_back(before, after, failure.text)

    def _unsent(
        self, before: MessageRecord, at: datetime, category: ErrorCategory | None, *, attempts: int
    ) -> MessageRecord:
        """Return the record of a message that certainly reached nobody."""
        return replace(
            before,
            status=MessageStatus.FAILED,
            unknown=False,
            message_id=None,
            broadcast_name=None,
            broadcast_id=None,
            sent_at=None,
            updated_at=self._local(at),
            attempts=attempts,
            error_category=category,
        )

    def _given_back(self, before: MessageRecord, after: MessageRecord, text: str) -> Change:
        """Return a certain failure: the quota comes back, a ``failed`` row is owed."""
        name = before.counsellor
        row = make_row(after, self.free_row_id(first_row_id(before)), error=text)
        quota = {name: -1} if name is not None and holds_quota(before) else {}
        return Change(record=after, quota=quota, owe=(row,))

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
            # One that is set aside stays so: it has its try of the day, with these words then.
            row = make_row(after, owed.row_id, error=error)
            row = replace(row, refused_on=owed.refused_on, refusal=owed.refusal)
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

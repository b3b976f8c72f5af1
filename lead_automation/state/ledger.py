"""The ledger: quotas, history, owed rows and calls, kept so that a crash loses none.

What each step of a send means stands in ``Steps``, for every kind of ledger; a subclass says how
an entry is kept: ``FileLedger`` in the state directory, ``MemoryLedger`` not at all. One suite
holds them to the promise: ``tests/contracts/test_ledger_contract.py``.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, tzinfo

from msgspec.structs import replace

from lead_automation.models import ErrorCategory, Failure, Lead, MessageStatus, SendAttempt
from lead_automation.state.books import holds_quota
from lead_automation.state.codec import lead_id_of
from lead_automation.state.entry import JournalEntry, Kind
from lead_automation.state.jsonstore import StateFiles, bare_record
from lead_automation.state.rows import first_row_id, make_row
from lead_automation.state.steps import Change, Reservation, Steps
from lead_automation.stored import CrmRow, MessageRecord

_ABSENT = "WATI has no such message"
_NEVER_LEARNED = "WATI gave no clear answer whether it arrived"


class Ledger(Steps, ABC):
    """What a run needs to remember, and how surely; the look-ups stand in ``Books``.

    A method that writes *durably* returns only once a power cut could not undo it; the others may
    lose what they wrote to a power cut, never to a killed process. All raise StateError when it
    could not be written; nothing may be sent after that.

    Attributes:
        recovered: Messages that a run cut off before this one left unsettled.
        owes_rows: Whether there is a CRM to be told; set before the first step.
    """

    recovered = 0
    owes_rows = True

    def __init__(self, files: StateFiles, *, history_days: int, zone: tzinfo) -> None:
        """Take over what is kept.

        Args:
            files: Nobody else may use them any more.
            history_days: How long a message counts.
            zone: The zone times are written in.
        """
        super().__init__(files, history_days=history_days, zone=zone)
        self._new_calls: dict[str, int] = {}
        self._limits: dict[str, int | None] = {}
        self._withdrawals: dict[tuple[date, str], Change] = {}

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

    def count_call(self, month: str) -> None:
        """Count a WATI call; the total rides on the next entry, or is kept by ``finish``."""
        super().count_call(month)
        self._new_calls[month] = self.month_calls(month)

    def _give_up_over_messages(self, today: date) -> None:
        """Owe the row of an unknown message that retention is about to drop.

        Its row has waited to be settled; without this the CRM would never hear of it.
        """
        for record in self.unknown_messages():
            if self.is_over(record.day, today) and self.owed_row(record) is None:
                failed = replace(record, status=MessageStatus.FAILED)
                row = make_row(failed, first_row_id(record), error=_NEVER_LEARNED)
                self._write(Kind.UNKNOWN, [Change(record=record, owe=(row,))], durable=False)

    # --- the steps of a send -------------------------------------------------------------------

    def reserve(
        self, wanted: Sequence[Reservation], *, day: date, at: datetime, is_dated: bool = True
    ) -> list[MessageRecord]:
        """Put on disk, durably and before the POST, that these leads are about to be messaged.

        All of them or, after a power cut, none. The quota counts from here, and each message is
        unknown until it is settled.

        Args:
            wanted: The messages of one POST.
            day: Quota day.
            at: Aware; now.
            is_dated: Whether WATI has told the time; else ``updated_at`` stays empty until it is
                known that the message arrived or did not.

        Raises:
            ValueError: A lead may have got a message that day already, or a limit would be passed.
        """
        self._limits = {one.counsellor: one.daily_limit for one in wanted}
        self._check_limits(wanted, day)
        changes = [self._reserved(one, day, self._local(at), is_dated=is_dated) for one in wanted]
        withdrawn = {change.record.key: self._withdrawn(change, at) for change in changes}
        self._write(Kind.RESERVE, changes)
        self._withdrawals = withdrawn
        return [change.record for change in changes]

    def withdraw(self, records: Sequence[MessageRecord]) -> None:
        """Take back, durably, what was reserved last and is not POSTed: as if it had never been.

        The quota comes back, and a row that the reservation made obsolete is owed again.

        Args:
            records: Some of the last reservation's, or all; nothing came of them yet.
        """
        self._write(Kind.NOT_SENT, [self._withdrawals[record.key] for record in records])

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
        broadcast_id: str | None = None,
        replied: bool = False,
    ) -> MessageRecord:
        """Keep what a status read said; an unknown message is accepted with it.

        A row still owed changes with it; a failure after the row was taken owes a second one.

        Args:
            record: A message that was sent.
            status: Never lower than the record's; the caller sees to it.
            at: Aware; now.
            message_id: WATI's, None to keep the known one.
            failure: For a failed one.
            broadcast_id: v3: of the broadcast that lists it, None to keep the known one.
            replied: v3: the person wrote back.
        """
        before = self._sent(record)
        after = replace(
            before,
            status=status,
            unknown=False,
            message_id=message_id or before.message_id,
            broadcast_id=broadcast_id or before.broadcast_id,
            replied=replied or before.replied,
            updated_at=self._local(at),
            error_category=failure.category if failure else before.error_category,
        )
        owe = self._rows_of_news(before, after, failure.text if failure else None)
        # A power cut may lose it: the next run reads the status again.
        self._write(Kind.READING, [Change(record=after, owe=owe)], durable=False)
        return after

    def invalid_number(
        self, lead: Lead, *, day: date, raw_phone: str, template: str, at: datetime, text: str
    ) -> None:
        """Remember a lead whose number is none, and owe its ``failed`` row.

        Nothing happens where the lead has a record that day: its row tells of it already.
        """
        if self.record(day, lead.lead_id) is not None:
            return
        record = MessageRecord(
            lead_id=lead_id_of(lead.lead_id),
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
            given_id=lead.given_id,
        )
        row_id = self.free_row_id(first_row_id(record))
        row = make_row(record, row_id, error=text, raw_phone=raw_phone)
        self._write(Kind.INVALID, [Change(record=record, owe=(row,))], durable=False)

    def take_as_messaged(self, leads: Mapping[str, str | None], *, day: date) -> None:
        """Know of leads, durably and as one, that they were messaged that day, and no more.

        Their quota counts too, as far as the day's count does not hold it already.

        Args:
            leads: Lead ids, each with its counsellor.
            day: Quota day.
        """
        held = Counter(
            record.counsellor
            for record in self.files.history.get(day, {}).values()
            if holds_quota(record) and record.counsellor
        )
        wanted = held + Counter(name for name in leads.values() if name)
        raised = wanted - Counter(self.quota_used(day))
        records = [bare_record(day, lead_id_of(lead_id)) for lead_id in leads]
        changes = [Change(record=record) for record in records]
        changes[0] = Change(record=records[0], quota=raised)
        self._write(Kind.ACCEPTED, changes)

    def row_taken(self, row_id: str) -> None:
        """Forget a row the CRM has taken; one that is not owed is no error."""
        # A power cut may lose it: the CRM then gets the row a second time, which it can tell.
        self._keep(JournalEntry(kind=Kind.ROW_TAKEN, drop=(row_id,)), durable=False)

    def row_refused(self, row: CrmRow, *, on: date, words: str) -> None:
        """Set a row aside that the CRM refuses, with its words, until another day."""
        # A power cut may lose it: the row is then tried, and refused, once more.
        aside = replace(row, refused_on=on, refusal=words)
        self._keep(JournalEntry(kind=Kind.ROW_REFUSED, owe=(aside,)), durable=False)

    def _check_limits(self, wanted: Sequence[Reservation], day: date) -> None:
        # Choosing has looked already; here a slip of any caller still passes no limit.
        for name, count in Counter(one.counsellor for one in wanted).items():
            limit = self._limits[name]
            if limit is not None and self.quota_used(day).get(name, 0) + count > limit:
                msg = "this counsellor's quota is used up: reserving another message is a bug"
                raise ValueError(msg)

    def _write(self, kind: Kind, changes: Sequence[Change], *, durable: bool = True) -> None:
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
            owe=tuple(row for change in changes for row in change.owe if self.owes_rows),
            drop=tuple(row_id for change in changes for row_id in change.drop),
        )
        self._keep(entry, durable=durable)

"""The ledger's promise: quotas, history, owed rows and calls, kept so that a crash loses none.

``fileledger.FileLedger`` keeps it in the state directory, ``memory.MemoryLedger`` forgets. One
suite holds every implementation to the promise: ``tests/contracts/test_ledger_contract.py``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from lead_automation.models import CrmRow, Failure, MessageRecord, MessageStatus, SendAttempt


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


class Ledger(Protocol):
    """What a run needs to remember, and how surely.

    A method that writes *durably* returns only once a power cut could not undo it; the others may
    lose what they wrote to a power cut, never to a killed process. All raise StateError when it
    could not be written; nothing may be sent after that.
    """

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
        ...

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
        ...

    def absent(self, record: MessageRecord, *, at: datetime) -> MessageRecord:
        """Settle an unknown message, durably: WATI has none such.

        The quota comes back, the attempt counts, a ``failed`` row is owed.
        """
        ...

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
        ...

    def invalid_number(
        self, *, day: date, lead_id: str, raw_phone: str, template: str, at: datetime, text: str
    ) -> None:
        """Remember a lead whose number is none, and owe its ``failed`` row.

        Nothing happens where the lead has a record that day: its row tells of it already.
        """
        ...

    def row_taken(self, row_id: str) -> None:
        """Forget a row the CRM has taken; one that is not owed is no error."""
        ...

    def count_call(self, month: str) -> None:
        """Count one WATI call of a month, ``2026-11``; kept with the next write at the latest."""
        ...

    def quota_used(self, day: date) -> Mapping[str, int]:
        """Return the messages used on a day, by counsellor."""
        ...

    def find_duplicate(
        self, *, lead_id: str, phone: str, template: str, today: date
    ) -> MessageRecord | None:
        """Return the newest message that forbids another to this lead or number, if any."""
        ...

    def earlier_attempts(self, *, lead_id: str, phone: str, template: str) -> int:
        """Return how many attempts at this message proved absent, over all kept days."""
        ...

    def has_invalid_number(self, lead_id: str) -> bool:
        """Whether a lead is remembered as having no number."""
        ...

    def record(self, day: date, lead_id: str) -> MessageRecord | None:
        """Return the record of a lead on a day."""
        ...

    def records(self) -> Iterator[MessageRecord]:
        """Return every kept record; to be used up before the next write."""
        ...

    def unknown_messages(self) -> list[MessageRecord]:
        """Return the messages that may or may not have arrived, oldest first."""
        ...

    def open_messages(self, since: date) -> list[MessageRecord]:
        """Return accepted messages of since or later that may still have news, oldest first."""
        ...

    def newest_time(self) -> datetime | None:
        """Return the latest time any record names."""
        ...

    def owed_rows(self) -> list[CrmRow]:
        """Return every row the CRM has not taken, oldest first."""
        ...

    def find_row(self, row_id: str) -> CrmRow | None:
        """Return an owed row as it stands now; None once the CRM took it."""
        ...

    def owed_row(self, record: MessageRecord) -> CrmRow | None:
        """Return the row still owed for a message; None once the CRM took it."""
        ...

    def month_calls(self, month: str) -> int:
        """Return the WATI calls of a month."""
        ...

    def finish(self, *, today: date | None) -> None:
        """Bring everything to where it is kept between runs; the ledger stays usable.

        Args:
            today: The quota day; days before the history that counts are forgotten. None forgets
                nothing: of a clock nobody has compared, a wrong date would forget whom not to
                message again.
        """
        ...

    def close(self) -> None:
        """Let go of what is open; what was not folded is at the next start."""
        ...

"""What the steps of a run need of the rooms, as interfaces: one object of a room for each."""

from datetime import date, datetime
from typing import Protocol

from lead_automation.answers import ContactVerdict, StatusLookup
from lead_automation.models import (
    CrmRow,
    Failure,
    Hold,
    MessageRecord,
    MessageStatus,
    SendAttempt,
    Suppression,
    TemplateMessage,
)


class WatiPort(Protocol):
    """The vendor."""

    clock_offset_s: float | None

    def send_wait_s(self) -> float:
        """Seconds until the vendor's limit allows a send."""
        ...

    def status_wait_s(self) -> float:
        """Seconds until the vendor's limit allows a status read."""
        ...

    def send_template_message(self, message: TemplateMessage) -> SendAttempt:
        """Make exactly one POST."""
        ...

    def get_delivery_status(
        self,
        phone: str,
        *,
        template: str,
        message_id: str | None,
        not_before: datetime,
        deadline_s: float,
    ) -> StatusLookup:
        """Ask once what became of a message; no retries."""
        ...

    def check_whatsapp_status(self, phone: str, *, deadline_s: float) -> ContactVerdict | None:
        """Look a contact up; None when there is no clear answer."""
        ...


class LedgerPort(Protocol):
    """The record of quotas, history and owed CRM rows; writing is durable where it says so."""

    def reserve(
        self,
        *,
        day: date,
        lead_id: str,
        phone: str,
        template: str,
        counsellor: str,
        at: datetime,
        attempt: int,
        retry_of_row: str | None,
    ) -> MessageRecord:
        """Put on disk, before the POST, that a lead is about to be messaged."""
        ...

    def accepted(
        self, record: MessageRecord, *, message_id: str | None, at: datetime
    ) -> MessageRecord:
        """Settle: WATI said yes."""
        ...

    def refused(self, record: MessageRecord, *, failure: Failure, at: datetime) -> MessageRecord:
        """Settle: WATI said no; the quota is given back."""
        ...

    def not_sent(self, record: MessageRecord, *, failure: Failure, at: datetime) -> MessageRecord:
        """Settle: it never left; the quota is given back."""
        ...

    def unknown(self, record: MessageRecord, *, at: datetime) -> MessageRecord:
        """Settle: it may have arrived; the quota is kept."""
        ...

    def absent(self, record: MessageRecord, *, at: datetime, row_text: str) -> MessageRecord:
        """Settle an unknown one: WATI definitely has no such message."""
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
        """Keep what a status read said."""
        ...

    def owed_row(self, record: MessageRecord) -> CrmRow | None:
        """Return the row still owed for a message, if any."""
        ...

    def owed_rows(self) -> list[CrmRow]:
        """Return every row still owed, oldest first."""
        ...

    def row_taken(self, row_id: str) -> None:
        """Forget a row the CRM has taken."""
        ...

    def unknown_messages(self) -> list[MessageRecord]:
        """Return the sends whose fate is unknown, oldest first."""
        ...

    def open_messages(self, since: date) -> list[MessageRecord]:
        """Return accepted messages of since or later that may still have news, oldest first."""
        ...

    def newest_time(self) -> datetime | None:
        """Return the latest time any record names."""
        ...

    def month_calls(self, month: str) -> int:
        """Return the WATI calls of a month, ``2026-11``."""
        ...

    def count_calls(self, month: str, total: int) -> None:
        """Keep the month's total."""
        ...


class SuppressionPort(Protocol):
    """Numbers never to be messaged."""

    def find(self, phone: str, now: datetime) -> Suppression | None:
        """Return what stands against a number now; reads the file again when it changed."""
        ...

    def add(self, suppression: Suppression) -> None:
        """Add or extend an entry."""
        ...


class HoldPort(Protocol):
    """The file that holds all sending."""

    def read(self) -> Hold | None:
        """Return the hold in force or expired; None when there is none."""
        ...

    def set(self, hold: Hold) -> None:
        """Hold sending."""
        ...


class RowPoster(Protocol):
    """Post a CRM row once; whether the CRM took it."""

    def __call__(self, row: CrmRow, *, deadline_s: float) -> bool:
        """Return whether the row was taken; never raises for a CRM that does not answer."""
        ...


class LogPort(Protocol):
    """The fixed lines of a run."""

    def sent(self, name: str, message_id: str | None) -> None:
        """Say that WATI accepted a message."""
        ...

    def delivered(self, name: str) -> None:
        """Say that a message was delivered."""
        ...

    def read(self, name: str) -> None:
        """Say that a message was read."""
        ...

    def failed(self, name: str, reason: str) -> None:
        """Say that a message failed."""
        ...

    def pending(self, name: str, why: str) -> None:
        """Say that nothing is known yet."""
        ...

"""What the steps of a run need of the rooms, as interfaces: one object of a room for each."""

from datetime import datetime
from typing import Protocol

from lead_automation.answers import ContactVerdict, StatusLookup
from lead_automation.models import (
    CrmRow,
    Hold,
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

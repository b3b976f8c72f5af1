"""Look at one lead before anything is done for it: whom to write to, or why not."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol

from lead_automation.answers import ContactVerdict
from lead_automation.leads.eligibility import Skip, decide_skip
from lead_automation.leads.names import template_name
from lead_automation.leads.phone import ParsedPhone, parse_phone
from lead_automation.models import (
    MAX_UNANSWERED_ATTEMPTS,
    ErrorCategory,
    Lead,
    MessageRecord,
    MessageStatus,
    Recipient,
    Suppression,
)
from lead_automation.runs import LeadRow, SkipReason
from lead_automation.text import mask_phone

_log = logging.getLogger(__name__)


class History(Protocol):
    """Who was messaged."""

    def find_duplicate(
        self, *, lead_id: str, phone: str, template: str, today: date
    ) -> MessageRecord | None:
        """Return the record that forbids a message."""
        ...

    def earlier_attempts(self, *, lead_id: str, phone: str, template: str) -> int:
        """Return the attempts spent on sends that proved absent."""
        ...

    def has_invalid_number(self, lead_id: str) -> bool:
        """Whether a lead without a number is remembered, its CRM row with it."""
        ...

    def invalid_number(
        self, *, day: date, lead_id: str, raw_phone: str, template: str, at: datetime, text: str
    ) -> None:
        """Remember a lead without a number; owes the CRM a failed row."""
        ...


class Suppressions(Protocol):
    """Who must not be messaged."""

    def find(self, phone: str, now: datetime) -> Suppression | None:
        """Return what stands against a number now."""
        ...

    def add(self, suppression: Suppression) -> None:
        """Add an entry."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What a look at a lead came to.

    Attributes:
        row: The lead as the report shows it.
        phone: The number as parsed.
        recipient: Whom to write to; None when skipped.
        reason, text: Why not.
        category: Of the failure found here, if it is one.
        spent: Attempts that proved absent before.
    """

    row: LeadRow
    phone: ParsedPhone
    recipient: Recipient | None = None
    reason: SkipReason = SkipReason.INVALID_NUMBER
    text: str = ""
    category: ErrorCategory | None = None
    spent: int = 0


class Intake:
    """Examine the leads of one run; remembers which it let through."""

    def __init__(
        self,
        *,
        history: History,
        suppressions: Suppressions,
        template: str,
        region: str,
        look_up: Callable[[str], ContactVerdict | None] | None,
        remembers: bool,
    ) -> None:
        """Take what is asked.

        Args:
            history: Duplicates of earlier and of this run.
            suppressions: Numbers never, or not now, to be messaged.
            template: WATI_TEMPLATE_NAME; a duplicate is one of the same template.
            region: Of numbers without a country code.
            look_up: Asks WATI for the contact (CHECK_WHATSAPP_STATUS); None when switched off.
            remembers: Write leads without a number and opt-outs down; a dry run does not.
        """
        self._history = history
        self._suppressions = suppressions
        self._template = template
        self._region = region
        self._look_up = look_up
        self._remembers = remembers
        self._seen: set[str] = set()

    def examine(self, lead: Lead, position: int, *, now: datetime, today: date) -> Examined:
        """Return whom to write to, or why not; counts as seen only once let through.

        Args:
            lead: As fetched.
            position: Counted from 1.
            now: Aware.
            today: Quota day.
        """
        found = self.describe(lead, position, lead.mobile_number)
        if found.recipient is not None:
            found = self._checked(found, found.recipient, now=now, today=today)
        if found.recipient is None and found.reason is SkipReason.INVALID_NUMBER:
            self._remember(lead, found, now=now, today=today)
        return found

    def describe(self, lead: Lead, position: int, number: object) -> Examined:
        """Return the lead's row and, where number is one, its recipient; checks nothing else."""
        name = template_name(lead.full_name)
        if name.problem:
            _log.warning("Lead %s is addressed as %s: %s", lead.lead_id, name.text, name.problem)
        phone = parse_phone(number, self._region)
        given = lead.full_name if isinstance(lead.full_name, str) else ""
        row = LeadRow(
            position=position,
            lead_id=lead.lead_id,
            name=given.strip() or name.text,
            phone=mask_phone(phone.e164) if phone.e164 else "",
            status=MessageStatus.PENDING,
        )
        if phone.e164 is None:
            return Examined(
                row=row,
                phone=phone,
                text=f"invalid number: {phone.problem}",
                category=ErrorCategory.INVALID_NUMBER,
            )
        recipient = Recipient(lead_id=lead.lead_id, name=name.text, phone=phone.e164)
        return Examined(row=row, phone=phone, recipient=recipient)

    def let_through(self, recipient: Recipient) -> None:
        """Remember a lead that is attempted, so that a second row of it is not."""
        self._seen.update((f"id:{recipient.lead_id}", recipient.phone))

    def _checked(
        self, found: Examined, recipient: Recipient, *, now: datetime, today: date
    ) -> Examined:
        """Return the lead with what stands against writing to it."""
        skip = self._reason_to_skip(recipient, found.phone, now=now, today=today)
        if skip is not None:
            return replace(found, recipient=None, reason=skip.reason, text=skip.text)
        spent = self._history.earlier_attempts(
            lead_id=recipient.lead_id, phone=recipient.phone, template=self._template
        )
        if spent >= MAX_UNANSWERED_ATTEMPTS:
            text = f"{spent} sends got no answer and never arrived; not tried again for now"
            return replace(found, recipient=None, reason=SkipReason.DUPLICATE, text=text)
        return self._after_look_up(replace(found, spent=spent), recipient, now)

    def _reason_to_skip(
        self, recipient: Recipient, phone: ParsedPhone, *, now: datetime, today: date
    ) -> Skip | None:
        if {f"id:{recipient.lead_id}", recipient.phone} & self._seen:
            text = "the same lead or number stands earlier in this list"
            return Skip(reason=SkipReason.DUPLICATE, text=text)
        return decide_skip(
            phone=phone,
            suppression=self._suppressions.find(recipient.phone, now),
            blocking=self._history.find_duplicate(
                lead_id=recipient.lead_id,
                phone=recipient.phone,
                template=self._template,
                today=today,
            ),
            now=now,
        )

    def _after_look_up(self, found: Examined, recipient: Recipient, now: datetime) -> Examined:
        """Honour what WATI's contact says; no clear answer lets the send go on."""
        verdict = self._look_up(recipient.phone) if self._look_up is not None else None
        if verdict is ContactVerdict.OPT_OUT:
            text = "the contact does not allow broadcasts (allowBroadcast is false)"
            self._suppress(recipient.phone, text, now)
            return replace(
                found,
                recipient=None,
                reason=SkipReason.SUPPRESSED,
                text=text,
                category=ErrorCategory.OPT_OUT,
            )
        if verdict is ContactVerdict.INVALID:
            text = (
                "invalid number: WATI's contact says it is not on WhatsApp (contactStatus INVALID)"
            )
            return replace(found, recipient=None, text=text, category=ErrorCategory.INVALID_NUMBER)
        return found

    def _suppress(self, phone: str, text: str, now: datetime) -> None:
        """Keep an opt-out for good, as WATI's contact may be gone by the next run."""
        if not self._remembers:
            return
        self._suppressions.add(
            Suppression(
                phone=phone,
                reason=f"{ErrorCategory.OPT_OUT.value}: {text}",
                source="contact",
                added_at=now,
                until=None,
            )
        )

    def _remember(self, lead: Lead, found: Examined, *, now: datetime, today: date) -> None:
        """Owe the CRM one row for a lead without a number, at most once in HISTORY_DAYS."""
        if not self._remembers or self._history.has_invalid_number(lead.lead_id):
            return
        self._history.invalid_number(
            day=today,
            lead_id=lead.lead_id,
            raw_phone=found.phone.e164 or found.phone.given,
            template=self._template,
            at=now,
            text=found.text,
        )

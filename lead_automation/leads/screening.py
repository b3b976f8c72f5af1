"""Decide whom to write to, or why not, in the operator's words; pure.

Asked in this order: number, same list, suppression list, history, attempts spent, WATI's contact.
So a lead that opted out is reported as suppressed even when it also was messaged.
"""

from dataclasses import dataclass, replace
from datetime import tzinfo

from lead_automation.answers import ContactVerdict
from lead_automation.leads.names import template_name
from lead_automation.leads.phone import ParsedPhone, parse_phone
from lead_automation.models import (
    MAX_UNANSWERED_ATTEMPTS,
    ErrorCategory,
    Lead,
    MessageStatus,
    Recipient,
)
from lead_automation.runs import LeadRow, SkipReason
from lead_automation.stored import MessageRecord, Suppression
from lead_automation.text import mask_phone


@dataclass(frozen=True, slots=True, kw_only=True)
class Screened:
    """What a look at a lead came to.

    Attributes:
        row: The lead as the report shows it.
        phone: The number as parsed.
        recipient: Whom to write to; None when skipped.
        name_problem: Why the recipient is not addressed by its own name; "" where it is.
        reason, text: Why it is skipped; the text is without the number.
        category: Of the failure found here, if it is one.
        spent: Attempts that proved absent before.
    """

    row: LeadRow
    phone: ParsedPhone
    recipient: Recipient | None = None
    name_problem: str = ""
    reason: SkipReason = SkipReason.INVALID_NUMBER
    text: str = ""
    category: ErrorCategory | None = None
    spent: int = 0


def describe_lead(lead: Lead, position: int, *, number: object, region: str) -> Screened:
    """Return the lead's row and, where number is one, its recipient; nothing else is asked.

    Args:
        lead: As fetched.
        position: Counted from 1.
        number: Where a message would go, any JSON value: the lead's own or the test number.
        region: Of numbers without a country code.
    """
    name, phone = template_name(lead.full_name), parse_phone(number, region)
    given = lead.full_name if isinstance(lead.full_name, str) else ""
    row = LeadRow(
        position=position,
        lead_id=lead.lead_id,
        name=given.strip() or name.text,
        phone=mask_phone(phone.e164) if phone.e164 else "",
        status=MessageStatus.PENDING,
    )
    found = Screened(row=row, phone=phone, name_problem=name.problem)
    if phone.e164 is None:
        return _invalid(found, phone.problem)
    recipient = Recipient(
        lead_id=lead.lead_id, name=name.text, phone=phone.e164, given_id=lead.given_id
    )
    return replace(found, recipient=recipient)


def judge_record(
    found: Screened,
    *,
    is_listed_before: bool,
    suppression: Suppression | None,
    blocking: MessageRecord | None,
    spent: int,
    zone: tzinfo,
) -> Screened:
    """Return a recipient as it is, or skipped for what we know of it.

    Args:
        found: A lead whose number is one.
        is_listed_before: The same lead or number was attempted in this run.
        suppression: What stands against the number now.
        blocking: A record that ``duplicates.is_duplicate_of`` found to forbid a message.
        spent: Attempts at this message that proved absent, over all kept days.
        zone: Times are shown in it.
    """
    if is_listed_before:
        return _duplicate(found, "the same lead or number stands earlier in this list")
    if suppression is not None:
        text = f"on the suppression list: {suppression.reason}"
        if suppression.until is not None:
            text += f", until {suppression.until.astimezone(zone):%Y-%m-%d %H:%M %Z}"
        return replace(found, recipient=None, reason=SkipReason.SUPPRESSED, text=text)
    if blocking is not None and blocking.unknown:
        text = f"a message of {blocking.day} may have arrived and is not settled yet"
        return _duplicate(found, text)
    if blocking is not None:
        return _duplicate(found, f"already messaged on {blocking.day} ({blocking.status.value})")
    if spent >= MAX_UNANSWERED_ATTEMPTS:
        text = f"{spent} sends got no answer and never arrived; not tried again for now"
        return _duplicate(found, text)
    return replace(found, spent=spent)


def judge_contact(found: Screened, verdict: ContactVerdict | None) -> Screened:
    """Return a recipient as it is, or skipped for what WATI's contact says; None says nothing."""
    if verdict is ContactVerdict.OPT_OUT:
        return replace(
            found,
            recipient=None,
            reason=SkipReason.SUPPRESSED,
            text="the contact does not allow broadcasts (allowBroadcast is false)",
            category=ErrorCategory.OPT_OUT,
        )
    if verdict is ContactVerdict.INVALID:
        problem = "WATI's contact says it is not on WhatsApp (contactStatus INVALID)"
        return _invalid(replace(found, recipient=None), problem)
    return found


def _invalid(found: Screened, problem: str) -> Screened:
    text = f"invalid number: {problem}"
    return replace(found, text=text, category=ErrorCategory.INVALID_NUMBER)


def _duplicate(found: Screened, text: str) -> Screened:
    return replace(found, recipient=None, reason=SkipReason.DUPLICATE, text=text)

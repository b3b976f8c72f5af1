"""Decide whether a lead is skipped, and say why in the operator's words."""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from lead_automation.leads.phone import ParsedPhone
from lead_automation.models import MessageRecord, Suppression
from lead_automation.runs import SkipReason
from lead_automation.text import clean


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """A lead that is not attempted.

    Attributes:
        text: Why, for log and report; cleaned, without the number.
    """

    reason: SkipReason
    text: str


def decide_skip(
    *,
    phone: ParsedPhone,
    suppression: Suppression | None,
    blocking: MessageRecord | None,
    now: datetime,
) -> Skip | None:
    """Return why a lead is skipped, or None when it may be attempted.

    Asked in this order: number, suppression list, duplicates. So a lead that opted out is reported
    as suppressed even when it also was messaged.

    Args:
        phone: The lead's number as parsed.
        suppression: The entry of that number; one that has run out does not count.
        blocking: A record that ``duplicates.is_duplicate_of`` found to forbid a message.
        now: Aware, in the zone that times are shown in.
    """
    if phone.e164 is None:
        return Skip(reason=SkipReason.INVALID_NUMBER, text=f"invalid number: {phone.problem}")
    if suppression is not None and suppression.is_active(now):
        return Skip(reason=SkipReason.SUPPRESSED, text=_suppressed(suppression, now.tzinfo))
    if blocking is not None:
        return Skip(reason=SkipReason.DUPLICATE, text=_duplicate(blocking))
    return None


def _suppressed(suppression: Suppression, zone: tzinfo | None) -> str:
    text = f"on the suppression list: {clean(suppression.reason)}"
    if suppression.until is None:
        return text
    return f"{text}, until {suppression.until.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def _duplicate(record: MessageRecord) -> str:
    if record.unknown:
        return f"a message of {record.day} may have arrived and is not settled yet"
    return f"already messaged on {record.day} ({record.status.value})"

"""Decide whether a recorded message forbids another one, and how long the history counts."""

import unicodedata
from datetime import date

from lead_automation.models import MessageStatus
from lead_automation.stored import MessageRecord

# Of other categories than Cf, and shown as nothing all the same: fillers and joiners.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")


def lead_key(lead_id: str) -> str:
    """Return what two spellings of one lead's id have in common; idempotent.

    NFKC, without invisible characters, without blanks around it: ``１００１`` is ``1001``. Digits
    keep their zeros: ``01001`` is another lead.
    """
    if lead_id.isascii():
        return lead_id.strip()
    folded = unicodedata.normalize("NFKC", lead_id)
    seen = "".join(
        char for char in folded if unicodedata.category(char) != "Cf" and char not in _INVISIBLE
    )
    return unicodedata.normalize("NFKC", seen).strip()


def is_within_history(day: date, *, today: date, history_days: int) -> bool:
    """Whether a record of that quota day is still kept and still counts.

    A day exactly history_days ago is within; a day in the future (a clock that stepped back, an
    edited file) always is.
    """
    return (today - day).days <= history_days


def is_duplicate_of(
    record: MessageRecord, *, template: str, today: date, history_days: int
) -> bool:
    """Whether a record of the same lead, or of the same number, forbids a message now.

    Today any message forbids it, whatever its template; on an earlier day within the history a
    message of the same template does, unless WATI reported it failed. A send that may have arrived
    counts as a message; one that was refused, never left or proved absent does not. An earlier
    form's bare lead id names no template and counts as the same one.

    Args:
        record: A kept record whose lead id or number equals the lead's; the caller's index found
            it.
        template: Element name of the template about to be sent.
        today: The quota day now; a record dated later counts as of today.
        history_days: Days a message of the same template keeps counting, at least 1.
    """
    if not record.may_have_arrived:
        return False
    if record.day >= today:
        return True
    if record.status is MessageStatus.FAILED and not record.unknown:
        return False
    same_template = record.template is None or record.template == template
    return same_template and is_within_history(record.day, today=today, history_days=history_days)

"""What WATI says when it is asked: a message's status, a contact, the template."""

from dataclasses import dataclass
from enum import Enum

from lead_automation.models import Failure, MessageStatus


class LookupKind(Enum):
    """What asking WATI about a message came to."""

    FOUND = "found"
    ABSENT = "absent"
    """A definite answer without such a message."""
    NO_ANSWER = "no_answer"
    """Anything else: nothing may be concluded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusLookup:
    """The answer to "what became of this message?".

    Attributes:
        status: For FOUND; PENDING for a status word nobody knows.
        raw_status: For FOUND: WATI's own word, "" when there was none.
        message_id: For FOUND: ``localMessageId`` where the row has one.
        failure: For FOUND with FAILED.
        detail: For NO_ANSWER: why, for the log.
        is_wati_away: For NO_ANSWER: no other message would get one now either; False where WATI
            answered and only this message stays in doubt.
    """

    kind: LookupKind
    status: MessageStatus = MessageStatus.PENDING
    raw_status: str = ""
    message_id: str | None = None
    failure: Failure | None = None
    detail: str = ""
    is_wati_away: bool = True


class ContactVerdict(Enum):
    """What a contact look-up before the send says."""

    SEND = "send"
    OPT_OUT = "opt_out"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateInfo:
    """What WATI says about the configured template.

    Attributes:
        exists: Any row carries the name.
        is_approved: Any of its rows is APPROVED.
        statuses: What its rows say, cleaned, sorted.
        parameter_names: Of the approved row, in the template's order.
        similar_names: Templates of the account with a name like it, for the hint.
    """

    exists: bool
    is_approved: bool
    statuses: tuple[str, ...] = ()
    parameter_names: tuple[str, ...] = ()
    similar_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateUnread:
    """WATI could not say anything about the template just now; no reason not to send.

    Attributes:
        detail: Why, for a warning.
    """

    detail: str

"""What WATI says when it is asked: a message's status, a contact, the template."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum

import msgspec

from lead_automation.models import Failure, MessageStatus


class LookupKind(Enum):
    """What asking WATI about a message came to."""

    FOUND = "found"
    ABSENT = "absent"
    """A definite answer without such a message."""
    NO_ANSWER = "no_answer"
    """Anything else: nothing may be concluded."""


class StatusLookup(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to "what became of this message?".

    Attributes:
        status: For FOUND; PENDING for a status word nobody knows.
        raw_status: For FOUND: WATI's own word, "" when there was none.
        message_id: For FOUND: ``localMessageId`` where the row has one.
        broadcast_id: For FOUND on v3: of the broadcast that lists it.
        is_replied: For FOUND on v3: the person wrote back; the status is READ then.
        failure: For FOUND with FAILED.
        detail: For NO_ANSWER: why, for the log.
        is_wati_away: For NO_ANSWER: no other message would get one now either.
    """

    kind: LookupKind
    status: MessageStatus = MessageStatus.PENDING
    raw_status: str = ""
    message_id: str | None = None
    broadcast_id: str | None = None
    is_replied: bool = False
    failure: Failure | None = None
    detail: str = ""
    is_wati_away: bool = False


class BroadcastQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The messages of one v3 POST, to be asked about together.

    Attributes:
        name: ``broadcast_name`` of the POST.
        broadcast_id: Where WATI named one; None: it is looked for by its name.
        members: Every message of the POST: our ``message_id`` and the E.164 number. One that is
            left out makes a stranger of its row, and nothing is concluded to be absent.
        sent_at: Aware; when it was reserved.
        other_names: Names of other broadcasts of ours, accepted in the same run or on the same day:
            where the list shows none of them, it proves nothing.
    """

    name: str
    broadcast_id: str | None
    members: Mapping[str, str]
    sent_at: datetime
    other_names: frozenset[str] = frozenset()


class BroadcastLookup(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to "what became of this batch?".

    Attributes:
        messages: By our ``message_id``, one for each member. ABSENT: WATI has no such broadcast, or
            its broadcast did not take this message. That is one look; two must agree.
        broadcast_ids: Of the broadcasts found, more than one where the name is there twice: both
            count, and somebody must be told.
        is_definite: WATI's lists were read, whatever they said; False: there was no answer.
        detail: Why not, or what stays in doubt; for the log.
    """

    messages: Mapping[str, StatusLookup]
    broadcast_ids: tuple[str, ...] = ()
    is_definite: bool = False
    detail: str = ""


class AccountCredit(msgspec.Struct, frozen=True, kw_only=True):
    """What the account has left to pay for messages.

    Attributes:
        amount: In currency; credit and welcome credit together.
        currency: Such as ``USD``, "" where WATI does not say.
    """

    amount: float
    currency: str


class ContactVerdict(Enum):
    """What a contact look-up before the send says."""

    SEND = "send"
    OPT_OUT = "opt_out"
    INVALID = "invalid"


class TemplateInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What WATI says about the configured template.

    Attributes:
        exists: Any row carries the name.
        is_approved: Any of its rows is APPROVED.
        statuses: What its rows say, cleaned, sorted.
        parameter_names: Of the approved row, in the template's order.
        similar_names: Templates of the account with a name like it, for the hint.
        body: Text of the approved row, ``{{name}}`` for each parameter; "" where WATI lists none.
    """

    exists: bool
    is_approved: bool
    statuses: tuple[str, ...] = ()
    parameter_names: tuple[str, ...] = ()
    similar_names: tuple[str, ...] = ()
    body: str = ""


class TemplateUnread(msgspec.Struct, frozen=True, kw_only=True):
    """WATI could not say anything about the template just now; no reason not to send.

    Attributes:
        detail: Why, for a warning.
    """

    detail: str

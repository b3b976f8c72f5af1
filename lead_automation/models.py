"""The values that pass between the rooms: frozen, typed, without behaviour that does anything."""

from enum import Enum
from typing import NamedTuple

import msgspec

MAX_UNANSWERED_ATTEMPTS = 3
"""POSTs at most for one lead, over all runs, when each got no answer and proved absent. Each of
them risks a second message, because "absent" is only what WATI's list says."""


class MessageStatus(Enum):
    """Delivery status as WATI's dashboard shows it."""

    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    PENDING = "pending"


class ErrorCategory(Enum):
    """What kind of failure a lead met."""

    INVALID_NUMBER = "invalid_number"
    NOT_ON_WHATSAPP = "not_on_whatsapp"
    OPT_OUT = "opt_out"
    TEMPLATE_MISMATCH = "template_mismatch"
    QUOTA_EXCEEDED = "quota_exceeded"
    NETWORK_ERROR = "network_error"
    ACCOUNT_ISSUE = "account_issue"
    UNKNOWN_ERROR = "unknown_error"


class MessageResult(NamedTuple):
    """What became of one lead, in the owner's words."""

    success: bool
    status: MessageStatus
    message_id: str | None
    error_category: ErrorCategory | None
    error_message: str | None
    should_continue: bool

    @classmethod
    def nothing_sent(cls, reason: str, category: ErrorCategory | None = None) -> "MessageResult":
        """Return the result of a lead that was not attempted; the campaign goes on."""
        return cls(
            success=False,
            # A lead that is merely skipped (suppressed, a duplicate) has not failed.
            status=MessageStatus.FAILED if category is not None else MessageStatus.PENDING,
            message_id=None,
            error_category=category,
            error_message=reason,
            should_continue=True,
        )


class Outcome(Enum):
    """What is known of a send right after it."""

    ACCEPTED = "accepted"
    """The vendor's yes; not a delivery."""
    REFUSED = "refused"
    """An answer that says no; never repeated."""
    NOT_SENT = "not_sent"
    """Certainly never processed; may be repeated."""
    UNKNOWN = "unknown"
    """May have arrived; settled by asking, never by sending again."""


class Action(Enum):
    """What a failure means for the campaign."""

    NEXT = "next"
    """Go on with the next lead."""
    WAIT = "wait"
    """Pause, then the same lead again; a late one (learned from a status) never resends."""
    STOP = "stop"
    """End the campaign."""
    STOP_IF_REPEATED = "stop_if_repeated"
    """Go on; end the campaign at the third in a row."""


class HoldKind(Enum):
    """How long a failure holds all sending."""

    UNTIL_DAY_ENDS = "until_day_ends"
    """Until the quota day ends (a Meta quality refusal)."""
    UNTIL_RESUME = "until_resume"
    """Until an operator runs ``resume`` (the account itself is restricted)."""


class Lead(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the lead list; everything but the id is as it came and not to be trusted.

    Attributes:
        lead_id: Opaque text of 1 to 128 characters, NFC; never a path.
        full_name: Any JSON value.
        mobile_number: Any JSON value (``mobile_number_formatted``).
        given_id: The id as it came where that is not lead_id: a number, or text in another form.
        counsellor: Any JSON value: whose lead it is, where the list says so.
    """

    lead_id: str
    full_name: object
    mobile_number: object
    given_id: int | str | None = None
    counsellor: object = None


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """A lead with a valid E.164 number.

    Attributes:
        name: Ready for the template (whitespace folded, at most 60 characters).
        phone: E.164: ``+`` and up to 15 digits.
        given_id: As the lead's.
    """

    lead_id: str
    name: str
    phone: str
    given_id: int | str | None = None


class Counsellor(msgspec.Struct, frozen=True, kw_only=True):
    """Who a lead is given to.

    Attributes:
        number: E.164.
        daily_limit: Messages a quota day, 0 (on leave) to 100,000.
    """

    name: str
    number: str
    daily_limit: int


class TemplateMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One message, ready to be sent.

    Attributes:
        phone: E.164 of the recipient.
        parameters: Name and value, in the template's order.
        channel_number: Sender, digits only; None for the account's default.
        message_id: v3: the ``local_message_id`` we chose; None on v1 and v2.
    """

    phone: str
    template: str
    broadcast_name: str
    parameters: tuple[tuple[str, str], ...]
    channel_number: str | None = None
    message_id: str | None = None


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal, found in a send's answer or later in a status, after classification.

    Attributes:
        rule_id: Row of the failure table that matched, such as ``w14`` or ``131049``.
        code: The vendor's code, None when there was none.
        text: The vendor's words, cut to 300 characters, not yet cleaned for display.
        is_meta_quality: The kind "restricted for higher quality messaging" / 131049.
        hold: Whether and how long all sending is held because of it.
    """

    category: ErrorCategory
    action: Action
    rule_id: str
    text: str
    code: int | None = None
    is_meta_quality: bool = False
    hold: HoldKind | None = None


class SendAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """What one POST came to.

    Attributes:
        outcome: Accepted, refused, not sent or unknown.
        message_id: WATI's ``localMessageId``, on v3 the one we chose; None on v1.
        broadcast_id: v3: of the broadcast the POST became, where the answer names one; an unknown
            message may then be looked for in it at once.
        failure: Set unless accepted.
        retry_after_s: For NOT_SENT: seconds WATI asked us to wait (at most 60); None when it did
            not say, then the caller backs off.
        may_retry: For NOT_SENT: whether the same lead may be tried again in place.
        send_alone: For NOT_SENT: a reason that is one lead's own refused its whole batch; each of
            its leads goes on as a batch of one.
    """

    outcome: Outcome
    message_id: str | None = None
    broadcast_id: str | None = None
    failure: Failure | None = None
    retry_after_s: float | None = None
    may_retry: bool = False
    send_alone: bool = False

    @property
    def reason(self) -> Failure:
        """Why it was not accepted; a failure without a reason where nobody gave one."""
        return self.failure or Failure(
            category=ErrorCategory.UNKNOWN_ERROR,
            action=Action.NEXT,
            rule_id="none",
            text="no reason given",
        )

    def result(self) -> MessageResult:
        """Return the owner's six-field form."""
        accepted = self.outcome is Outcome.ACCEPTED
        failure = self.failure
        return MessageResult(
            success=accepted,
            status=MessageStatus.SENT
            if accepted
            else MessageStatus.PENDING
            if self.outcome is Outcome.UNKNOWN
            else MessageStatus.FAILED,
            message_id=self.message_id,
            error_category=failure.category if failure else None,
            error_message=failure.text if failure else None,
            should_continue=failure is None or failure.action is not Action.STOP,
        )

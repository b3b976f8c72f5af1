"""The values that pass between the rooms: frozen, typed, without behaviour that does anything."""

from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, date, datetime
from enum import Enum
from typing import Annotated, NamedTuple
from unicodedata import is_normalized

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from lead_automation.text import clean, safe_text

LeadId = Annotated[str, Meta(min_length=1, max_length=128)]
"""Opaque text, NFC; never a path."""
Phone = Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{0,14}\Z")]
"""E.164: ``+`` and up to 15 digits."""
Time = Annotated[datetime, Meta(tz=True)]
"""A moment, with its offset."""
Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]
"""How many; far above anything honest, so that no sum of damaged counts surprises."""

_MAX_REASON = 400  # WATI's words, cut to 300 characters, with ours around them

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """A row of the lead list; everything but the id is as it came and not to be trusted.

    Attributes:
        lead_id: Opaque text of 1 to 128 characters, NFC; never a path.
        full_name: Any JSON value.
        mobile_number: Any JSON value (``mobile_number_formatted``).
    """

    lead_id: str
    full_name: object
    mobile_number: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """A lead with a valid E.164 number.

    Attributes:
        name: Ready for the template (whitespace folded, at most 60 characters).
        phone: E.164: ``+`` and up to 15 digits.
    """

    lead_id: str
    name: str
    phone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counsellor:
    """Who a lead is given to.

    Attributes:
        number: E.164.
        daily_limit: Messages a quota day, 0 (on leave) to 100,000.
    """

    name: str
    number: str
    daily_limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateMessage:
    """One message, ready to be sent.

    Attributes:
        phone: E.164 of the recipient.
        parameters: Name and value, in the template's order.
        channel_number: Sender, digits only; None for the account's default.
    """

    phone: str
    template: str
    broadcast_name: str
    parameters: tuple[tuple[str, str], ...]
    channel_number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SendAttempt:
    """What one POST came to.

    Attributes:
        outcome: Accepted, refused, not sent or unknown.
        message_id: WATI's ``localMessageId``; None on v1.
        failure: Set unless accepted.
        retry_after_s: For NOT_SENT: seconds WATI asked us to wait (at most 60); None when it did
            not say, then the caller backs off.
        may_retry: For NOT_SENT: whether the same lead may be tried again in place.
    """

    outcome: Outcome
    message_id: str | None = None
    failure: Failure | None = None
    retry_after_s: float | None = None
    may_retry: bool = False

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


class MessageRecord(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What the history keeps of one message to one lead on one day.

    The one declaration of it in memory, in ``sent_messages.json`` (there under its day and lead id)
    and in the journal. A field without a default stands in every record; one with a default, only
    where it differs, so that records written before the field existed stay readable.

    Attributes:
        day: Quota day (in the configured zone) the send counts on.
        phone: None for an earlier form's bare lead id or an invalid number.
        template: None for an earlier form's bare lead id, which counts as the same template.
        sent_at: When the POST that arrived, or may have arrived, was reserved. None when certainly
            nobody was messaged (refused, not sent, invalid number, proved absent).
        updated_at: When the status was last read or changed.
        attempts: POSTs that were answered or may have arrived, counted from 1; 0 when none was.
        unknown: It may or may not have arrived; holds its quota until settled.
        error_category: Set for a message that was refused or failed.

    Raises:
        ValueError: It says it went out but not when, or holds what no file may.
    """

    day: date
    lead_id: LeadId
    phone: Phone | None
    template: str | None
    counsellor: str | None
    status: MessageStatus
    message_id: str | None
    sent_at: Time | None
    updated_at: Time | None
    attempts: Count  # kept over runs, so that MAX_UNANSWERED_ATTEMPTS holds over runs too
    unknown: bool = False
    error_category: ErrorCategory | None = None

    def __post_init__(self) -> None:
        if self.sent_at is None and self.template is not None:
            # It would not count as sent, and its lead would be messaged again.
            if self.unknown or self.status is not MessageStatus.FAILED:
                msg = "a message that is not failed needs the time it was sent at"
                raise ValueError(msg)
        else:
            _check_year(self.sent_at)
        _check_year(self.updated_at)
        # The lead list is normalised when it is read; only a hand edit brings another form here.
        if not is_normalized("NFC", self.lead_id):
            msg = "the lead id is not in Unicode form NFC, so it could be kept twice"
            raise ValueError(msg)

    @property
    def key(self) -> tuple[date, str]:
        """Day and lead id: one record each."""
        return (self.day, self.lead_id)

    @property
    def may_have_arrived(self) -> bool:
        """Whether somebody got, or may have got, this message."""
        return self.unknown or self.sent_at is not None or self.template is None

    @property
    def is_open(self) -> bool:
        """Whether WATI may still have news of it."""
        # DELIVERED is not final: the message may still be read.
        return (
            self.sent_at is not None
            and not self.unknown
            and self.status not in (MessageStatus.READ, MessageStatus.FAILED)
        )


def _check_year(time: datetime | None) -> None:
    """Refuse the first and the last year: their times cannot be moved to another offset."""
    if time is not None and not MINYEAR < time.year < MAXYEAR:
        msg = f"nothing happened in the year {time.year}"
        raise ValueError(msg)


class CrmRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of the CRM's message log, in memory, in the outbox and in the journal.

    Attributes:
        row_id: ``2026-11-22/1001/1``: day, lead id, attempt; ``/failed`` behind it for the second
            row of a failure learned later. Ours, not sent; the key in ``crm_outbox.json``.
        msg_status: sent, delivered, read or failed.
        to_phone_number: E.164, or the CRM's own text where that is no number.
        sent_at: None where nobody was messaged.
    """

    row_id: str
    lead_id: LeadId
    template_name: str
    to_phone_number: str
    msg_status: Annotated[str, Meta(pattern=r"^(sent|delivered|read|failed)\Z")]
    wati_message_id: str | None
    error_message: str | None
    sent_at: Time | None

    def __post_init__(self) -> None:
        _check_year(self.sent_at)


class Suppression(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a number is never, or not now, to be messaged.

    Attributes:
        phone: The key in ``suppression_list.json``.
        source: ``operator``, ``wati`` or ``contact``.
        until: None for good.
    """

    phone: Phone
    reason: str
    source: str
    added_at: Time
    until: Time | None

    def __post_init__(self) -> None:
        """Make the reason safe to show, whoever gave it."""
        # Frozen for everybody else; here nobody has seen the object yet.
        force_setattr(self, "reason", clean(self.reason, _MAX_REASON))
        _check_year(self.added_at)
        _check_year(self.until)

    def is_active(self, now: datetime) -> bool:
        """Whether it still counts."""
        return self.until is None or now < self.until


class Hold(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why sending is held; ``campaign_hold.json`` holds these fields.

    Attributes:
        until: None until an operator runs ``resume``.
        evidence: WATI's words.
        what_to_do: Steps for the operator.
    """

    reason: str
    since: Time
    until: Time | None
    evidence: str
    what_to_do: tuple[str, ...]

    def __post_init__(self) -> None:
        """Make its texts safe to show, whoever wrote them, and mask the numbers in them."""
        force_setattr(self, "reason", safe_text(self.reason, _MAX_REASON))
        force_setattr(self, "evidence", safe_text(self.evidence, _MAX_REASON))
        steps = tuple(safe_text(step, _MAX_REASON) for step in self.what_to_do)
        force_setattr(self, "what_to_do", steps)
        _check_year(self.since)
        _check_year(self.until)

    def is_active(self, now: datetime) -> bool:
        """Whether it still holds."""
        return self.until is None or now < self.until

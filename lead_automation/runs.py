"""The values of a run as a whole: what kind, how it ended, its leads' rows, its figures.

``LeadRow`` and ``RunResult`` are what memory, ``--json``, the kept document and every form of the
report share. Text from outside becomes safe to show when one of them is made, read or changed, so
whoever shows one has nothing to clean or mask.
"""

import re
from collections import Counter
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from typing import Annotated

from msgspec import Meta, Struct, field
from msgspec.structs import force_setattr

from lead_automation.counts import CounsellorFigures, MessageCounts, MonthCalls
from lead_automation.models import ErrorCategory, MessageStatus, Outcome
from lead_automation.stored import Count, LeadId, Time
from lead_automation.text import clean, safe_outside, safe_text

_MAX_NAME = 60  # a line of the report has room for no longer one
_MAX_ID = 128  # as long as the state takes a lead's id (models.LeadId)
_AS_IN_STATE = re.compile(rf"[^\ud800-\udfff]{{1,{_MAX_ID}}}")  # other ids are messaged to nobody
_MAX_MESSAGE = 300  # WATI's words are cut to it where they are read
_MAX_TEXT = 500  # a warning that is longer stands whole in the log
_MAX_REASON = 20_000  # a refusal of the settings names all problems in one reason

RUN_ID = r"[0-9]{8}T[0-9]{6}-[0-9a-f]{4}"
"""Form of a run's id, such as ``20261122T091523-3f9a``: local start and a random end."""

_REFUSED = (Outcome.REFUSED, Outcome.NOT_SENT)
# A read receipt can overtake the delivery's: read counts as delivered too.
_SUMS: Mapping[MessageStatus, tuple[str, ...]] = {
    MessageStatus.SENT: ("pending",),
    MessageStatus.PENDING: ("pending",),
    MessageStatus.DELIVERED: ("delivered",),
    MessageStatus.READ: ("delivered", "read"),
    MessageStatus.FAILED: ("failed",),
}


class SkipReason(Enum):
    """Why a fetched lead was not attempted."""

    INVALID_NUMBER = "invalid_number"
    DUPLICATE = "duplicate"
    SUPPRESSED = "suppressed"
    MALFORMED = "malformed"
    QUIET_HOURS = "quiet_hours"


class RunMode(Enum):
    """What kind of run it is."""

    PRODUCTION = "production"
    TEST = "test"
    SANDBOX = "sandbox"
    DRY_RUN = "dry-run"


class RunStatus(Enum):
    """How a run ended."""

    COMPLETED = "completed"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    OUTSIDE_WORKING_HOURS = "outside_working_hours"
    QUOTA_EXHAUSTED = "quota_exhausted"
    NO_LEADS = "no_leads"
    NO_COUNSELLORS = "no_counsellors"
    HELD = "held"
    ALREADY_RUNNING = "already_running"
    FAILED = "failed"


class CallKind(Enum):
    """Kinds of calls counted in a run; the first four go to WATI and count against its month."""

    SEND = "send"
    STATUS = "status"
    TEMPLATES = "templates"
    CONTACTS = "contacts"
    LEADS = "leads"
    CRM_LOG = "crm_log"

    @property
    def is_wati(self) -> bool:
        """Whether WATI counts it against the plan's monthly quota."""
        return self not in (CallKind.LEADS, CallKind.CRM_LOG)


class LeadRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One lead of a run, as the report shows it; what does not apply is left out of the document.

    Attributes:
        position: Counted from 1, in the order fetched.
        lead_id, name, error_message, message_id: Given as they came; cleaned, cut and masked here.
        phone: Masked.
        status: Delivery status; ``word`` says what became of the lead.
        outcome: What the sends came to; None while none was made.
        rule: Row of the failure table that the failure matched; None where it is not known.
        at: When it was last attempted, or skipped.
        full_id: The lead's id as it came, where that is not what is shown; for the kept document
            alone, which is the user's own, and never shown.
        replied: The person wrote back; known on v3 alone.
    """

    position: Count
    lead_id: str
    name: str
    phone: str
    counsellor: str | None = None
    status: MessageStatus
    outcome: Outcome | None = None
    skip: SkipReason | None = None
    error_category: ErrorCategory | None = None
    error_message: str | None = None
    rule: str | None = None
    message_id: str | None = None
    at: Time | None = None
    full_id: LeadId | None = None
    replied: bool = False

    def __post_init__(self) -> None:
        """Make text from outside safe to show, whoever made the row."""
        full_id, shown_id = self.full_id, _safe_id(self.lead_id)
        if full_id is None and shown_id != self.lead_id and _AS_IN_STATE.fullmatch(self.lead_id):
            full_id = self.lead_id
        safe: dict[str, str | None] = {
            # Who was skipped was not messaged, and is looked for by nobody; its id may be anything.
            "full_id": full_id if self.skip is None else None,
            "lead_id": shown_id,
            "name": _shown(self.name, _MAX_NAME),
            "phone": safe_text(self.phone, _MAX_NAME),
            "counsellor": self.counsellor and shown_name(self.counsellor),
            "error_message": self.error_message and _shown(self.error_message, _MAX_MESSAGE),
            "message_id": self.message_id and _safe_id(self.message_id),
        }
        for name, text in safe.items():
            force_setattr(self, name, text)

    @property
    def is_assigned(self) -> bool:
        """Whether the lead was given to a counsellor (in a dry run: would be)."""
        return self.counsellor is not None and self.skip is None

    @property
    def is_attempted(self) -> bool:
        """Whether anything was tried."""
        return self.outcome is not None and self.skip is None

    @property
    def is_refused(self) -> bool:
        """Whether the lead was attempted and certainly nothing was accepted."""
        return self.outcome in _REFUSED

    @property
    def is_failed(self) -> bool:
        """Whether the lead's message was refused at once or failed later."""
        failed_later = self.outcome is Outcome.ACCEPTED and self.status is MessageStatus.FAILED
        return self.is_refused or failed_later

    @property
    def category(self) -> ErrorCategory | None:
        """The category the lead counts under, None when it counts under none.

        A lead counts when its fault was found before the send, when it was refused, or when it
        failed later; an unknown send is no failure yet.
        """
        if self.skip is SkipReason.INVALID_NUMBER:
            return self.error_category or ErrorCategory.INVALID_NUMBER
        if self.skip is not None:
            return self.error_category
        if self.is_failed:
            return self.error_category or ErrorCategory.UNKNOWN_ERROR
        return None

    @property
    def counted_as(self) -> tuple[str, ...]:
        """Names of the sums of a day that the lead adds one to."""
        if self.skip is SkipReason.INVALID_NUMBER:
            return ("invalid_numbers",)
        if self.outcome is None or self.skip is not None:
            return ()
        return attempt_counts_as(self.outcome, self.status, replied=self.replied)

    @property
    def word(self) -> str:
        """A ``MessageStatus`` value, ``unknown``, ``skipped`` or ``not_reached``."""
        if self.skip is not None:
            return "skipped"
        if self.outcome is None:
            return "not_reached"
        if self.outcome is Outcome.UNKNOWN:
            return "unknown"
        return MessageStatus.FAILED.value if self.is_failed else self.status.value


# A lead's row is made anew with every step of the lead, and most of its texts are the same.
_shown = lru_cache(maxsize=64)(safe_outside)


def attempt_counts_as(
    outcome: Outcome, status: MessageStatus, *, replied: bool = False
) -> tuple[str, ...]:
    """Return the names of the sums of a day that an attempt adds one to."""
    if outcome is Outcome.UNKNOWN:
        return ("attempted", "unknown")
    if outcome is not Outcome.ACCEPTED:
        return ("attempted", "failed")
    return ("attempted", "sent", *_SUMS[status], *(("replied",) if replied else ()))


def shown_name(counsellor: str) -> str:
    """Return a counsellor's name as rows and results hold it; the template gets it as it is."""
    return clean(counsellor, _MAX_NAME)


def _safe_id(text: str) -> str:
    """Return an id safe to show; one that may be, or hold, a phone number is masked."""
    return _shown(text, _MAX_ID)


class LeadCounts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What became of the leads: fetched = skipped + attempted + not_reached."""

    fetched: Count
    skipped: Mapping[SkipReason, Count]
    attempted: Count
    accepted: Count
    refused: Count
    unknown: Count
    not_reached: Count

    def __post_init__(self) -> None:
        """Hold the skipped to what is promised of them: a count for each reason."""
        # Documents are kept from before this reason was there.
        force_setattr(self, "skipped", {SkipReason.QUIET_HOURS: 0, **self.skipped})
        if missing := [reason.value for reason in SkipReason if reason not in self.skipped]:
            msg = f"skipped lacks {missing[0]}"
            raise ValueError(msg)


class RunResult(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything the summary, ``--json`` and the report say about a run.

    Attributes:
        exit_code: What the process returned.
        reason: Why it ended so, for people.
        duration_seconds: With three decimals.
        messages_per_minute: Accepted ones, rounded to a tenth; 0 for an instant.
        success_rate: 0 to 100: (sent − failed later) / attempted; None before any final word.
        errors: By category, zeros left out.
        api_calls: By kind, all kinds present.
        next_steps: What the operator does, most urgent first.
        warnings: Problems that did not end the run.
        held: What the run left sending held by and until when, for people; "" for nothing.
        known_at: When later reads last changed a status; None while the run's own are the newest.
        history_days: How far back the history reached that the run kept; None where nobody said.
    """

    exit_code: Annotated[int, Meta(ge=0, le=255)]
    status: RunStatus
    reason: str
    run_id: Annotated[str, Meta(pattern=rf"\A{RUN_ID}\Z")]
    mode: RunMode
    template: str
    started_at: Time
    ended_at: Time
    duration_seconds: Annotated[float, Meta(ge=0)]
    messages_per_minute: Annotated[float, Meta(ge=0)]
    leads: LeadCounts
    messages: MessageCounts
    success_rate: Annotated[float, Meta(ge=0)] | None
    errors: Mapping[ErrorCategory, Count]
    counsellors: Mapping[str, CounsellorFigures]
    api_calls: Mapping[CallKind, Count]
    rows: tuple[LeadRow, ...] = field(name="lead_rows")
    next_steps: tuple[str, ...]
    warnings: tuple[str, ...]
    month: MonthCalls
    held: str = ""
    known_at: Time | None = None
    history_days: Count | None = None

    def __post_init__(self) -> None:
        """Make text from outside safe to show."""
        force_setattr(self, "reason", safe_text(self.reason, _MAX_REASON))
        force_setattr(self, "template", clean(self.template))
        force_setattr(self, "held", safe_text(self.held, _MAX_TEXT))
        names = {shown_name(name): its for name, its in self.counsellors.items()}
        force_setattr(self, "counsellors", names)
        for name in ("next_steps", "warnings"):
            texts = tuple(safe_text(text, _MAX_TEXT) for text in getattr(self, name))
            force_setattr(self, name, texts)

    @property
    def assigned(self) -> Mapping[str, int]:
        """How many leads each counsellor was given; worked out from the rows at each call."""
        return Counter(row.counsellor for row in self.rows if row.counsellor and row.is_assigned)

    @property
    def planned(self) -> int:
        """Leads given to a counsellor without an attempt (a dry run's plan)."""
        return sum(1 for row in self.rows if row.is_assigned and row.outcome is None)

    @property
    def skipped(self) -> int:
        """Leads skipped for any reason."""
        return sum(self.leads.skipped.values())


def in_order(errors: Counter[ErrorCategory]) -> dict[ErrorCategory, int]:
    """Return counts by category in the order of their words, as every report shows them."""
    return {key: errors[key] for key in sorted(errors, key=lambda key: key.value)}

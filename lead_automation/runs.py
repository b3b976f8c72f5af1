"""The values of a run as a whole: what kind, how it ended, its leads' rows, its figures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from lead_automation.models import ErrorCategory, MessageStatus, Outcome


class SkipReason(Enum):
    """Why a fetched lead was not attempted."""

    INVALID_NUMBER = "invalid_number"
    DUPLICATE = "duplicate"
    SUPPRESSED = "suppressed"
    MALFORMED = "malformed"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadRow:
    """One lead of a run, as the report shows it.

    Attributes:
        position: Counted from 1, in the order fetched.
        name: Cleaned for display.
        phone: Masked.
        status: A ``MessageStatus`` value, ``unknown``, ``skipped`` or ``not_reached``.
        outcome: What the sends came to; None while none was made.
        at: Aware; when it was last attempted, or skipped.
    """

    position: int
    lead_id: str
    name: str
    phone: str = ""
    counsellor: str | None = None
    status: MessageStatus = MessageStatus.PENDING
    outcome: Outcome | None = None
    skip: SkipReason | None = None
    error_category: ErrorCategory | None = None
    error_message: str | None = None
    message_id: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CounsellorFigures:
    """One counsellor's part of a run."""

    sent: int = 0
    delivered: int = 0
    read: int = 0
    failed: int = 0
    pending: int = 0
    used_today: int = 0
    daily_limit: int = 0
    assigned: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """Everything the summary, ``--json`` and the report say about a run.

    Attributes:
        started_at: Aware.
        success_rate: 0 to 100: (sent − failed later) / attempted.
        errors: By ``ErrorCategory`` value, zeros left out.
        skipped: By ``SkipReason``, all four keys present.
        api_calls: By ``CallKind`` value, all six keys present.
        next_steps: What the operator does, most urgent first.
        warnings: Problems that did not end the run.
        month_calls, month_limit: WATI calls of the calendar month and the plan's quota.
    """

    status: RunStatus
    reason: str
    run_id: str
    mode: RunMode
    template: str
    started_at: datetime
    ended_at: datetime
    exit_code: int
    fetched: int = 0
    skipped: Mapping[SkipReason, int] = field(default_factory=dict)
    attempted: int = 0
    accepted: int = 0
    refused: int = 0
    unknown: int = 0
    not_reached: int = 0
    delivered: int = 0
    read: int = 0
    failed: int = 0
    pending: int = 0
    success_rate: float = 0.0
    errors: Mapping[str, int] = field(default_factory=dict)
    counsellors: Mapping[str, CounsellorFigures] = field(default_factory=dict)
    api_calls: Mapping[str, int] = field(default_factory=dict)
    rows: tuple[LeadRow, ...] = ()
    next_steps: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    month_calls: int = 0
    month_limit: int = 0

    @property
    def duration_s(self) -> float:
        """Seconds from start to end, never negative even if the wall clock stepped back."""
        return max(0.0, (self.ended_at - self.started_at).total_seconds())

"""Work out the figures every form of a report shows, so that none of them can differ."""

from collections.abc import Mapping

from lead_automation.models import ErrorCategory, MessageStatus, Outcome
from lead_automation.runs import CounsellorFigures, LeadRow, RunResult, SkipReason

_REFUSED = (Outcome.REFUSED, Outcome.NOT_SENT)
_ARRIVED = (MessageStatus.DELIVERED, MessageStatus.READ)
_SECONDS_A_MINUTE = 60
_SECONDS_AN_HOUR = 3600


def is_refused(row: LeadRow) -> bool:
    """Whether the lead was attempted and certainly nothing was accepted."""
    return row.outcome in _REFUSED


def is_failed(row: LeadRow) -> bool:
    """Whether the lead's message was refused at once or failed later."""
    failed_later = row.outcome is Outcome.ACCEPTED and row.status is MessageStatus.FAILED
    return is_refused(row) or failed_later


def is_delivered(row: LeadRow) -> bool:
    """Whether the message reached the phone, read or not."""
    return row.outcome is Outcome.ACCEPTED and row.status in _ARRIVED


def is_assigned(row: LeadRow) -> bool:
    """Whether the lead was given to a counsellor (in a dry run: would be)."""
    return row.counsellor is not None and row.skip is None


def category_of(row: LeadRow) -> ErrorCategory | None:
    """Return the category the lead counts under, None when it counts under none.

    A lead counts when its fault was found before the send, when it was refused, or when it failed
    later; an unknown send is no failure yet.
    """
    if row.skip is SkipReason.INVALID_NUMBER:
        return row.error_category or ErrorCategory.INVALID_NUMBER
    if row.skip is not None:
        return row.error_category
    if is_failed(row):
        return row.error_category or ErrorCategory.UNKNOWN_ERROR
    return None


def state_word(row: LeadRow) -> str:
    """Return a ``MessageStatus`` value, ``unknown``, ``skipped`` or ``not_reached``."""
    if row.skip is not None:
        return "skipped"
    if row.outcome is None:
        return "not_reached"
    if row.outcome is Outcome.UNKNOWN:
        return "unknown"
    return MessageStatus.FAILED.value if is_failed(row) else row.status.value


def success_rate(*, good: int, attempted: int) -> float:
    """Return a share in per cent (0 to 100), rounded half up to a tenth; 0 of nothing is 0.

    Whole numbers until the last step, so that 93.75 cannot become 93.7 on the way.

    Args:
        good: Accepted and not failed later.
        attempted: Leads attempted, at least good.
    """
    if attempted == 0:
        return 0.0
    return (2000 * good + attempted) // (2 * attempted) / 10


def counsellor_rate(figures: CounsellorFigures) -> float:
    """Return a counsellor's success rate, 0 to 100."""
    return success_rate(good=figures.delivered + figures.pending, attempted=figures.assigned)


def counsellor_unknown(figures: CounsellorFigures) -> int:
    """Return how many of a counsellor's leads are neither accepted nor failed."""
    return max(0, figures.assigned - figures.delivered - figures.pending - figures.failed)


def messages_per_minute(result: RunResult) -> float:
    """Return accepted messages a minute of the run, rounded to a tenth; 0 for an instant."""
    if result.duration_s == 0:
        return 0.0
    return round(result.accepted * _SECONDS_A_MINUTE / result.duration_s, 1)


def duration_text(seconds: float) -> str:
    """Return seconds as ``0:02:34``: hours, minutes, seconds."""
    whole = round(seconds)
    hours, rest = divmod(whole, _SECONDS_AN_HOUR)
    minutes, left = divmod(rest, _SECONDS_A_MINUTE)
    return f"{hours}:{minutes:02}:{left:02}"


def planned(result: RunResult) -> int:
    """Return how many leads were given to a counsellor without an attempt (a dry run's plan)."""
    return sum(1 for row in result.rows if is_assigned(row) and row.outcome is None)


def total_skipped(skipped: Mapping[SkipReason, int]) -> int:
    """Return how many leads were skipped for any reason."""
    return sum(skipped.values())

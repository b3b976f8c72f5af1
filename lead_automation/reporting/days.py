"""Work out the kept days side by side, and each counsellor's week, from the history."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from lead_automation.models import (
    Counsellor,
    ErrorCategory,
    MessageRecord,
    MessageStatus,
)
from lead_automation.reporting.figures import success_rate

_ARRIVED = (MessageStatus.DELIVERED, MessageStatus.READ)
_OPEN = (MessageStatus.SENT, MessageStatus.PENDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFigures:
    """What became of the messages of a day, or of a counsellor's messages of a day.

    Attributes:
        attempted: Accepted, refused or unknown.
        sent: Accepted by WATI.
        delivered: Delivered or read.
        failed: Refused at once or failed later.
        pending: Accepted, no word of delivery or failure.
        invalid_numbers: Leads of the day whose number could not be messaged.
        used: Quota used.
        limit: Quota of the day as configured now.
    """

    attempted: int = 0
    sent: int = 0
    delivered: int = 0
    read: int = 0
    failed: int = 0
    pending: int = 0
    unknown: int = 0
    invalid_numbers: int = 0
    used: int = 0
    limit: int = 0

    @property
    def success_rate(self) -> float:
        """0 to 100, as in a run's report."""
        return success_rate(good=self.delivered + self.pending, attempted=self.attempted)


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysReport:
    """Some days in a row.

    Attributes:
        days: In order, the last one today; all present, also those nothing happened on.
        by_day: A figure each for the days.
        by_counsellor: Name to a figure each for the days; first the configured counsellors, then
            others who appear in the history.
        totals: Name to the sum over the days.
        total: The sum of everything.
        errors: By ``ErrorCategory`` value, zeros left out.
    """

    days: tuple[date, ...]
    by_day: tuple[DayFigures, ...]
    by_counsellor: Mapping[str, tuple[DayFigures, ...]]
    totals: Mapping[str, DayFigures]
    total: DayFigures
    errors: Mapping[str, int]


def summarise_days(
    records: Iterable[MessageRecord],
    quota: Mapping[date, Mapping[str, int]],
    counsellors: Iterable[Counsellor],
    *,
    days: int,
    today: date,
) -> DaysReport:
    """Return the figures of the last days.

    Args:
        records: The history, in any order; other days are left out.
        quota: Messages used by day and counsellor.
        counsellors: As configured now; theirs are the limits shown.
        days: How many, today included, at least 1.
        today: The quota day in the configured zone.
    """
    span = tuple(today - timedelta(days=back) for back in range(days - 1, -1, -1))
    wanted = set(span)
    limits = {counsellor.name: counsellor.daily_limit for counsellor in counsellors}
    tallies: dict[tuple[date, str], Counter[str]] = {}
    errors: Counter[str] = Counter()
    for record in records:
        if record.day not in wanted:
            continue
        key = (record.day, record.counsellor or "")
        tallies.setdefault(key, Counter()).update(_counted_as(record))
        if record.error_category is not None and not record.unknown:
            errors[record.error_category.value] += 1
    others = {name for day, name in tallies if name} | {
        name for day in wanted for name in quota.get(day, {})
    }
    names = [*limits, *sorted(others - set(limits))]

    def figures(day: date, name: str) -> DayFigures:
        used = quota.get(day, {}).get(name, 0)
        return _figures(tallies.get((day, name), Counter()), used, limits.get(name, 0))

    # Records without a counsellor (invalid numbers, an earlier form) count for the day alone.
    by_day = tuple(_sum(figures(day, name) for name in [*names, ""]) for day in span)
    by_counsellor = {name: tuple(figures(day, name) for day in span) for name in names}
    return DaysReport(
        days=span,
        by_day=by_day,
        by_counsellor=by_counsellor,
        totals={name: _sum(week) for name, week in by_counsellor.items()},
        total=_sum(by_day),
        errors=dict(sorted(errors.items())),
    )


def is_bad_number(record: MessageRecord) -> bool:
    """Whether the lead's number could not be messaged, so that nothing was ever tried."""
    return (
        record.error_category is ErrorCategory.INVALID_NUMBER
        and record.attempts == 0
        and not record.may_have_arrived
    )


def _counted_as(record: MessageRecord) -> list[str]:
    """Return the names of the sums a record adds one to."""
    if is_bad_number(record):
        return ["invalid_numbers"]
    if record.unknown:
        return ["attempted", "unknown"]
    if not record.may_have_arrived:
        return ["attempted", "failed"]
    facts = {
        "delivered": record.status in _ARRIVED,
        "read": record.status is MessageStatus.READ,
        "failed": record.status is MessageStatus.FAILED,
        "pending": record.status in _OPEN,
    }
    return ["attempted", "sent", *(name for name, holds in facts.items() if holds)]


def _figures(tally: Counter[str], used: int, limit: int) -> DayFigures:
    return DayFigures(
        attempted=tally["attempted"],
        sent=tally["sent"],
        delivered=tally["delivered"],
        read=tally["read"],
        failed=tally["failed"],
        pending=tally["pending"],
        unknown=tally["unknown"],
        invalid_numbers=tally["invalid_numbers"],
        used=used,
        limit=limit,
    )


def _sum(figures: Iterable[DayFigures]) -> DayFigures:
    tally: Counter[str] = Counter()
    used = limit = 0
    for its in figures:
        tally.update({name: getattr(its, name) for name in _SUMMED})
        used += its.used
        limit += its.limit
    return _figures(tally, used, limit)


_SUMMED = (
    "attempted",
    "sent",
    "delivered",
    "read",
    "failed",
    "pending",
    "unknown",
    "invalid_numbers",
)

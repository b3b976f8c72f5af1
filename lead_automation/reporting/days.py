"""Work out the kept days side by side, and each counsellor's week, from the history."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from msgspec import Struct

from lead_automation.models import Counsellor, ErrorCategory, MessageStatus
from lead_automation.runs import ARRIVED, in_order, shown_name, success_rate
from lead_automation.stored import MessageRecord

# Accepted, and no word yet whether it arrived.
_OPEN = (MessageStatus.SENT, MessageStatus.PENDING)


class DayFigures(Struct, frozen=True, kw_only=True):
    """What became of the messages of a day, or of a counsellor's messages of a day.

    The fields are the columns of the CSV form and the keys of the JSON form.

    Attributes:
        attempted: Accepted, refused or unknown.
        sent: Accepted by WATI.
        delivered: Delivered or read.
        failed: Refused at once or failed later.
        pending: Accepted, no word of delivery or failure.
        invalid_numbers: Leads of the day whose number could not be messaged.
        success_rate: 0 to 100, as in a run's report.
        quota_limit: Quota of the day as configured now.
    """

    attempted: int = 0
    sent: int = 0
    delivered: int = 0
    read: int = 0
    failed: int = 0
    pending: int = 0
    unknown: int = 0
    invalid_numbers: int = 0
    success_rate: float = 0.0
    quota_used: int = 0
    quota_limit: int = 0

    @property
    def quota(self) -> str:
        """Used and limit, as ``7/50``."""
        return f"{self.quota_used:,}/{self.quota_limit:,}"

    @property
    def rate(self) -> str:
        """The success rate for people, a dash where nothing was attempted."""
        return f"{self.success_rate:.1f}%" if self.attempted else "–"


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
        errors: By category, zeros left out.
    """

    days: tuple[date, ...]
    by_day: tuple[DayFigures, ...]
    by_counsellor: Mapping[str, tuple[DayFigures, ...]]
    totals: Mapping[str, DayFigures]
    total: DayFigures
    errors: Mapping[ErrorCategory, int]


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
    limits = {shown_name(its.name): its.daily_limit for its in counsellors}
    # Records without a counsellor (invalid numbers, an earlier form) count for the day alone.
    tallies = {day: _quota_tallies(quota.get(day, {}), limits) for day in span}
    errors: Counter[ErrorCategory] = Counter()
    for record in records:
        if record.day in tallies:
            tallies[record.day][shown_name(record.counsellor or "")].update(_counted_as(record))
            if record.error_category is not None and not record.unknown:
                errors[record.error_category] += 1
    others = {name for tally in tallies.values() for name in tally if name} - set(limits)
    names = [*limits, *sorted(others)]
    return DaysReport(
        days=span,
        by_day=tuple(_figures(tallies[day].values()) for day in span),
        by_counsellor={
            name: tuple(_figures([tallies[day][name]]) for day in span) for name in names
        },
        totals={name: _figures(tallies[day][name] for day in span) for name in names},
        total=_figures(tally for day in span for tally in tallies[day].values()),
        errors=in_order(errors),
    )


def _quota_tallies(
    used: Mapping[str, int], limits: Mapping[str, int]
) -> defaultdict[str, Counter[str]]:
    tallies: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for name, count in used.items():
        tallies[shown_name(name)]["quota_used"] += count
    for name, limit in limits.items():
        tallies[name]["quota_limit"] = limit
    return tallies


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
        "delivered": record.status in ARRIVED,
        "read": record.status is MessageStatus.READ,
        "failed": record.status is MessageStatus.FAILED,
        "pending": record.status in _OPEN,
    }
    return ["attempted", "sent", *(name for name, holds in facts.items() if holds)]


def _figures(tallies: Iterable[Counter[str]]) -> DayFigures:
    tally = sum(tallies, Counter[str]())
    rate = success_rate(good=tally["delivered"] + tally["pending"], attempted=tally["attempted"])
    return DayFigures(success_rate=rate, **tally)

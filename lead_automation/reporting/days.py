"""Work out some days side by side: each day, each counsellor, template and hour of the day.

A day that the history still keeps is counted from it, for the history knows the newest statuses
and also the messages of runs that were killed before they could report; an older one is counted
from the documents of its runs.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from typing import NamedTuple

from lead_automation.counts import MessageCounts, Rates
from lead_automation.models import Counsellor, ErrorCategory, Outcome
from lead_automation.reporting.kept import KeptRows
from lead_automation.runs import attempt_counts_as, in_order, shown_name
from lead_automation.stored import MessageRecord

HOURS = range(24)


class DayFigures(MessageCounts, frozen=True, kw_only=True):
    """What became of the messages of a day, or of a counsellor's messages of a day.

    Attributes:
        attempted: Accepted, refused or unknown.
        sent: Accepted by WATI.
        delivered: Delivered or read.
        failed: Refused at once or failed later.
        pending: Accepted, no word of delivery or failure.
        invalid_numbers: Leads of the day whose number could not be messaged.
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
    quota_used: int = 0
    quota_limit: int = 0

    @property
    def shares(self) -> Rates:
        """Its rates, by its own attempts."""
        return self.rates(self.attempted)

    @property
    def quota(self) -> str:
        """Used and limit, as ``7/50``."""
        return f"{self.quota_used:,}/{self.quota_limit:,}"


class Fact(NamedTuple):
    """One lead of one day: where it counts, and the sums it adds one to.

    Attributes:
        counsellor: As shown; "" where the day alone counts it.
        hour: Of the send, 0 to 23; None where nothing was sent.
    """

    day: date
    counsellor: str
    template: str
    hour: int | None
    counted: tuple[str, ...]
    category: ErrorCategory | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysReport:
    """Some days in a row.

    Attributes:
        days: In order, the last one today; all present, also those nothing happened on.
        by_day: A figure each for the days.
        by_counsellor: Name to a figure each for the days; first the configured counsellors, then
            others who appear in what is kept.
        totals: Name to the sum over the days.
        total: The sum of everything.
        before: The sum of as many days before these.
        before_totals: That by counsellor.
        templates: Name to its sum.
        hours: The sum of each hour of the day, 24 of them.
        errors: By category, zeros left out.
        note: What the report cannot say, for people; "" when it says all that was asked for.
    """

    days: tuple[date, ...]
    by_day: tuple[DayFigures, ...]
    by_counsellor: Mapping[str, tuple[DayFigures, ...]]
    totals: Mapping[str, DayFigures]
    total: DayFigures
    before: DayFigures
    before_totals: Mapping[str, DayFigures]
    templates: Mapping[str, DayFigures]
    hours: tuple[DayFigures, ...]
    errors: Mapping[ErrorCategory, int]
    note: str = ""


def facts_of_records(records: Iterable[MessageRecord], zone: tzinfo) -> Iterator[Fact]:
    """Return what the history says of each lead."""
    for record in records:
        if record.was_withdrawn:
            continue
        sent_at = record.sent_at
        yield Fact(
            record.day,
            shown_name(record.counsellor or ""),
            record.template or "",
            sent_at.astimezone(zone).hour if sent_at is not None else None,
            _counted_as(record),
            None if record.unknown else record.error_category,
        )


def facts_of_run(run: KeptRows, zone: tzinfo) -> Iterator[Fact]:
    """Return what a run's document says of each lead that the days count."""
    for row in run.rows:
        counted = row.counted_as
        if not counted:
            continue
        at = (row.at or run.started_at).astimezone(zone)
        hour = at.hour if row.is_attempted else None
        yield Fact(at.date(), row.counsellor or "", run.template, hour, counted, row.category)


def summarise_days(
    facts: Iterable[Fact],
    quota: Mapping[date, Mapping[str, int]],
    counsellors: Iterable[Counsellor],
    *,
    days: int,
    today: date,
    note: str = "",
) -> DaysReport:
    """Return the figures of the last days.

    Args:
        facts: In any order; other days than these and as many before them are left out.
        quota: Messages used by day and counsellor.
        counsellors: As configured now; theirs are the limits shown.
        days: How many, today included, at least 1.
        today: The quota day in the configured zone.
        note: As in ``DaysReport``.
    """
    span = tuple(today - timedelta(days=back) for back in range(days - 1, -1, -1))
    limits = {shown_name(its.name): its.daily_limit for its in counsellors}
    sums = _Sums({day: _quota_tallies(quota.get(day, {}), limits) for day in span})
    for fact in facts:
        sums.take(fact)
    by_day = sums.by_day
    others = {name for tally in by_day.values() for name in tally if name} - set(limits)
    names = [*limits, *sorted(others)]
    return DaysReport(
        days=span,
        by_day=tuple(_figures(by_day[day].values()) for day in span),
        by_counsellor={
            name: tuple(_figures([by_day[day][name]]) for day in span) for name in names
        },
        totals={name: _figures(by_day[day][name] for day in span) for name in names},
        total=_figures(tally for day in span for tally in by_day[day].values()),
        before=_figures(sums.before.values()),
        before_totals={name: _figures([sums.before[name]]) for name in names},
        templates={name: _figures([its]) for name, its in sorted(sums.templates.items())},
        hours=tuple(_figures([sums.hours[hour]]) for hour in HOURS),
        errors=in_order(sums.errors),
        note=note,
    )


class _Sums:
    """Tallies of some days and of as many before them, and of the days by template and hour."""

    def __init__(self, by_day: Mapping[date, defaultdict[str, Counter[str]]]) -> None:
        # Leads without a counsellor (invalid numbers, an earlier form) count for the day alone.
        self.by_day = by_day
        self.before: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.templates: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.hours: defaultdict[int, Counter[str]] = defaultdict(Counter)
        self.errors: Counter[ErrorCategory] = Counter()
        self._first = min(by_day)
        self._first_before = self._first - timedelta(days=len(by_day))

    def take(self, fact: Fact) -> None:
        """Count a lead wherever it counts."""
        if fact.day in self.by_day:
            self.by_day[fact.day][fact.counsellor].update(fact.counted)
            if fact.template:
                self.templates[fact.template].update(fact.counted)
            if fact.hour is not None:
                self.hours[fact.hour].update(fact.counted)
            if fact.category is not None:
                self.errors[fact.category] += 1
        elif self._first_before <= fact.day < self._first:
            self.before[fact.counsellor].update(fact.counted)


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


def _counted_as(record: MessageRecord) -> tuple[str, ...]:
    """Return the names of the sums a record adds one to."""
    if is_bad_number(record):
        return ("invalid_numbers",)
    if record.unknown:
        return attempt_counts_as(Outcome.UNKNOWN, record.status)
    outcome = Outcome.ACCEPTED if record.may_have_arrived else Outcome.REFUSED
    return attempt_counts_as(outcome, record.status, replied=record.replied)


def _figures(tallies: Iterable[Counter[str]]) -> DayFigures:
    return DayFigures(**sum(tallies, Counter[str]()))

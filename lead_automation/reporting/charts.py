"""Work out the geometry of the report's charts: shares in per cent, bins of a timeline."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lead_automation.models import Outcome
from lead_automation.reporting.figures import is_failed
from lead_automation.runs import LeadRow

_MAX_BINS = 40
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A part of a bar.

    Attributes:
        kind: Names its colour: read, delivered, pending, failed or unknown.
        start, size: Per cent of the bar's whole length.
    """

    kind: str
    count: int
    start: float
    size: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """A stretch of a timeline.

    Attributes:
        at: Its first moment.
        good, failed, unknown: Leads attempted in it, by what became of them.
    """

    at: datetime
    good: int = 0
    failed: int = 0
    unknown: int = 0

    @property
    def total(self) -> int:
        """Leads attempted in it."""
        return self.good + self.failed + self.unknown


def share(part: int, whole: int) -> float:
    """Return part of whole in per cent, 0 of nothing, never more than 100."""
    return 0.0 if whole <= 0 else round(min(100.0, 100 * part / whole), 2)


def stack(counts: Iterable[tuple[str, int]], whole: int) -> tuple[Segment, ...]:
    """Return segments side by side; empty ones are left out."""
    segments = []
    before = 0
    for kind, count in counts:
        if count > 0:
            start = share(before, whole)
            size = round(share(before + count, whole) - start, 2)
            segments.append(Segment(kind=kind, count=count, start=start, size=size))
            before += count
    return tuple(segments)


def bin_step_s(span_s: float) -> int:
    """Return the length of a bin that cuts a span into at most 40; whole days at the longest."""
    fitting = (step for step in _STEPS_S if span_s / step < _MAX_BINS)
    return next(fitting, int(span_s // _MAX_BINS) + 1)


def timeline(rows: Sequence[LeadRow]) -> tuple[tuple[Bin, ...], int]:
    """Return the attempts over the run, in bins in order, and a bin's length in seconds.

    A message counts in the bin it was sent in, also when it failed later. No bins where nothing
    was attempted.
    """
    attempts = [(row.at, row) for row in rows if row.at and row.outcome and row.skip is None]
    if not attempts:
        return (), 0
    first = min(at for at, _ in attempts)
    span_s = (max(at for at, _ in attempts) - first).total_seconds()
    step_s = bin_step_s(span_s)
    counts = [[0, 0, 0] for _ in range(int(span_s // step_s) + 1)]
    for at, row in attempts:
        index = int((at - first).total_seconds() // step_s)
        counts[index][_column(row)] += 1
    bins = (
        Bin(at=first + timedelta(seconds=index * step_s), good=good, failed=failed, unknown=unknown)
        for index, (good, failed, unknown) in enumerate(counts)
    )
    return tuple(bins), step_s


def _column(row: LeadRow) -> int:
    if row.outcome is Outcome.UNKNOWN:
        return 2
    return 1 if is_failed(row) else 0


def step_text(step_s: int) -> str:
    """Return a bin's length in words: ``30 seconds``, ``5 minutes``, ``2 hours``."""
    for seconds, noun in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if step_s >= seconds and step_s % seconds == 0:
            return _counted(step_s // seconds, noun)
    return _counted(step_s, "second")


def _counted(number: int, noun: str) -> str:
    return noun if number == 1 else f"{number} {noun}s"

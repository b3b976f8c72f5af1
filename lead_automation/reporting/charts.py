"""Work out the geometry of the report's charts: shares in per cent, bins of a timeline."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple, TypeVar

from lead_automation.counts import MessageCounts
from lead_automation.models import Outcome
from lead_automation.reporting.wording import title
from lead_automation.runs import LeadRow

_E = TypeVar("_E", bound=Enum)

# A phone of 390 px shows 40 columns as columns, and no more.
_MAX_BINS = 40
# Lengths that people count time in, so that the marks below the chart are round.
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)


class Segment(NamedTuple):
    """A part of a bar: the name of its colour, start and size in per cent."""

    kind: str
    start: float
    size: float


class Reason(NamedTuple):
    """One line of a breakdown: what, how many, its bar in per cent, what it means."""

    name: str
    number: int
    share: float
    meaning: str


class Bin(NamedTuple):
    """A stretch of a timeline: its first moment, its attempts by sent, failed and unknown."""

    at: datetime
    counts: Counter[str]


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
            segments.append(Segment(kind, start, size))
            before += count
    return tuple(segments)


def line(values: Sequence[float | None]) -> list[str]:
    """Return values as polylines in a box of 100 by 100, from 0 to the highest of them.

    Where a value is missing, the line is broken.
    """
    step = 100 / (len(values) - 1) if len(values) > 1 else 0.0
    top = max((value for value in values if value is not None), default=0) or 1
    pieces: list[list[str]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append(f"{round(index * step, 2)},{round(100 - 100 * value / top, 2)}")
    # A point alone is drawn as a line to itself, which round caps make a dot.
    return [" ".join(piece if piece[1:] else piece * 2) for piece in pieces if piece]


def message_counts(its: MessageCounts, unknown: int) -> list[tuple[str, int]]:
    """Return what became of somebody's messages, in the order of a bar's segments."""
    return [
        ("read", its.read),
        ("delivered", its.delivered - its.read),
        ("pending", its.pending),
        ("failed", its.failed),
        ("unknown", unknown),
    ]


def reasons(counts: Mapping[_E, int], meanings: Mapping[_E, str]) -> list[Reason]:
    """Return a breakdown in the order of the meanings; what counts nothing is left out."""
    most = max(counts.values(), default=0)
    return [
        Reason(title(key.value), counts[key], share(counts[key], most), meaning)
        for key, meaning in meanings.items()
        if counts.get(key)
    ]


def bin_step_s(span_s: float) -> int:
    """Return the length of a bin that cuts a span into at most 40; whole days at the longest."""
    fitting = (step for step in _STEPS_S if span_s / step < _MAX_BINS)
    return next(fitting, int(span_s // _MAX_BINS) + 1)


def timeline(rows: Sequence[LeadRow]) -> tuple[tuple[Bin, ...], int]:
    """Return the attempts over the run, in bins in order, and a bin's length in seconds.

    A message counts in the bin it was sent in, also when it failed later. No bins where nothing
    was attempted.
    """
    attempts = [(row.at, row) for row in rows if row.at and row.is_attempted]
    if not attempts:
        return (), 0
    first = min(at for at, _ in attempts)
    span_s = (max(at for at, _ in attempts) - first).total_seconds()
    step_s = bin_step_s(span_s)
    bins = tuple(
        Bin(first + timedelta(seconds=index * step_s), Counter())
        for index in range(int(span_s // step_s) + 1)
    )
    for at, row in attempts:
        bins[int((at - first).total_seconds() // step_s)].counts[_kind(row)] += 1
    return bins, step_s


def _kind(row: LeadRow) -> str:
    if row.outcome is Outcome.UNKNOWN:
        return "unknown"
    return "failed" if row.is_failed else "sent"


def step_text(step_s: int) -> str:
    """Return a bin's length in words: ``30 seconds``, ``5 minutes``, ``2 hours``."""
    for seconds, noun in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if step_s % seconds == 0:
            number = step_s // seconds
            return noun if number == 1 else f"{number} {noun}s"
    return f"{step_s} seconds"

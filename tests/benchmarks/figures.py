"""Figures with their targets, and the table and document they are shown in; pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

_WORDS = {True: "ok", False: "MISS", None: ""}
_EXACT_BELOW = 10
_WHOLE_FROM = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured figure.

    Attributes:
        benchmark: The benchmark it belongs to.
        name: What was measured.
        measured: In unit.
        unit: ``""`` for a ratio or a count.
        at_most, at_least: The target; both None for a figure shown for what it tells.
        note: How it came about, where that is not plain.
    """

    benchmark: str
    name: str
    measured: float
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""

    @property
    def is_ok(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.at_most is None and self.at_least is None:
            return None
        too_high = self.at_most is not None and self.measured > self.at_most
        too_low = self.at_least is not None and self.measured < self.at_least
        return not (too_high or too_low)

    @property
    def target(self) -> str:
        """The target for people: ``≤ 1.03``."""
        parts = []
        if self.at_least is not None:
            parts.append(f"≥ {shown(self.at_least)}")
        if self.at_most is not None:
            parts.append(f"≤ {shown(self.at_most)}")
        return " ".join(parts)


Say = Callable[[str], None]
"""Tell the person who waits how far a benchmark is."""


def shown(value: float) -> str:
    """Return a number with as many places as tell something."""
    if value == int(value):
        return f"{int(value):,}"
    if abs(value) >= _WHOLE_FROM:
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < _EXACT_BELOW else f"{value:.1f}"


def paired_ratio(ours: Sequence[float], bare: Sequence[float]) -> float:
    """Return the median of the ratios of neighbours: measured in turn, drift hits both alike."""
    return median(mine / other for mine, other in zip(ours, bare, strict=True))


def spread(values: Sequence[float]) -> float:
    """Return the largest over the smallest."""
    return max(values) / min(values)


def tenths(values: Sequence[float]) -> tuple[Sequence[float], Sequence[float]]:
    """Return the first and the last tenth of at least ten values."""
    size = len(values) // 10
    return values[:size], values[-size:]


def halves(values: Sequence[float]) -> tuple[Sequence[float], Sequence[float]]:
    """Return the first and the last half; an odd one in the middle is left out."""
    size = len(values) // 2
    return values[:size], values[-size:]


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as a table, one a line, ending in a newline."""
    head = ("benchmark", "figure", "target", "measured", "", "note")
    rows = [head] + [
        (
            figure.benchmark,
            figure.name,
            figure.target,
            f"{shown(figure.measured)} {figure.unit}".rstrip(),
            _WORDS[figure.is_ok],
            figure.note,
        )
        for figure in figures
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def document(figures: Sequence[Figure], *, python: str, platform: str) -> dict[str, object]:
    """Return the figures for a JSON file, with what they were measured on."""
    return {
        "python": python,
        "platform": platform,
        "figures": [
            {
                "benchmark": figure.benchmark,
                "name": figure.name,
                "measured": figure.measured,
                "unit": figure.unit,
                "at_most": figure.at_most,
                "at_least": figure.at_least,
                "ok": figure.is_ok,
                "note": figure.note,
            }
            for figure in figures
        ],
    }

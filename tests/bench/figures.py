"""Figures with their targets, and the table and document they are shown in; pure."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median

_WORDS = {True: "ok", False: "MISS", None: ""}

Say = Callable[[str], None]
"""Tell the person who waits how far a benchmark is."""


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
        """The target for people: ``≤ 1.030``."""
        least = f"≥ {shown(self.at_least)}" if self.at_least is not None else ""
        most = f"≤ {shown(self.at_most)}" if self.at_most is not None else ""
        return f"{least} {most}".strip()


def shown(value: float) -> str:
    """Return a number with as many places as tell something."""
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def paired_ratio(ours: Sequence[float], bare: Sequence[float]) -> float:
    """Return the median of the ratios of neighbours: measured in turn, drift hits both alike."""
    return median(mine / other for mine, other in zip(ours, bare, strict=True))


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as a table, one a line, ending in a newline."""
    rows = [("benchmark", "figure", "target", "measured", "", "note")] + [
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
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def document(figures: Sequence[Figure], *, python: str, platform: str) -> dict[str, object]:
    """Return the figures for a JSON file, with what they were measured on."""
    listed = [asdict(figure) | {"ok": figure.is_ok} for figure in figures]
    return {"python": python, "platform": platform, "figures": listed}

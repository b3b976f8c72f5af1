"""Lay some days out for ``days.html.j2``, the text form and the JSON form."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from lead_automation.reporting.charts import line, reasons, stack
from lead_automation.reporting.days import DayFigures, DaysReport
from lead_automation.reporting.documents import rates_json
from lead_automation.reporting.figures import figures_head, figures_line
from lead_automation.reporting.wording import CATEGORY_MEANINGS, rate_text, title

# At 390 px a column of the read rates needs 36 px: nine counsellors stand side by side.
_NAMES_A_TABLE = 9
_NOTICEABLE = 0.05  # a smaller change rounds to no change
_COLUMN = "{:,} sent at {:02}:00, {} of them read"


class Tile(NamedTuple):
    """A figure of the head: its name, colour, text, and what changed since the days before."""

    label: str
    kind: str
    text: str
    change: str


def days_view(report: DaysReport) -> dict[str, object]:
    """Return the values of ``days.html.j2``."""
    first, last = report.days[0], report.days[-1]
    return {
        "title": f"{len(report.days)} days to {last:%d %b %Y}",
        "span": f"{first:%d %B %Y} – {last:%d %B %Y}" if first != last else f"{last:%d %B %Y}",
        "note": report.note,
        "tiles": _tiles(report),
        "trends": _trends(report),
        "days": [
            (f"{day:%a %d %b}", its) for day, its in zip(report.days, report.by_day, strict=True)
        ],
        "total": report.total,
        "counsellors": _compared(report.totals, report.before_totals),
        "reads": _read_tables(report),
        "templates": _compared(report.templates, {}) if len(report.templates) > 1 else [],
        "hours": _hours(report),
        "errors": reasons(report.errors, CATEGORY_MEANINGS),
    }


def _tiles(report: DaysReport) -> list[Tile]:
    its, before = report.total, report.before
    now, then = its.shares, before.shares
    tiles = [
        Tile("Sent", "sent", f"{its.sent:,}", _count_change(its.sent, before.sent)),
        Tile(
            "Delivered",
            "delivered",
            rate_text(now.delivered),
            change(now.delivered, then.delivered),
        ),
        Tile("Read", "read", rate_text(now.read), change(now.read, then.read)),
        Tile("Failed", "failed", rate_text(now.failed), change(now.failed, then.failed)),
    ]
    if its.unknown:
        tiles.append(Tile("Unknown", "unknown", f"{its.unknown:,}", ""))
    return tiles


def change(now: float | None, then: float | None) -> str:
    """Return by how many points a rate moved, as ``+2.1``; "" where there is nothing to compare."""
    if now is None or then is None:
        return ""
    return f"{now - then:+.1f}" if abs(now - then) >= _NOTICEABLE else "±0"


def _count_change(now: int, then: int) -> str:
    return f"{now - then:+,}" if then else ""


def _trends(report: DaysReport) -> list[tuple[str, str, list[str], str]]:
    """Return the lines over the days: name, colour, points, and the first and last value."""
    if len(report.days) == 1:
        return []
    all_rates = [its.shares for its in report.by_day]
    rows: list[tuple[str, str, Sequence[float | None], str]] = [
        ("Sent", "sent", [its.sent for its in report.by_day], "{:,.0f}"),
        ("Delivered", "delivered", [its.delivered for its in all_rates], "{:.1f}%"),
        ("Read", "read", [its.read for its in all_rates], "{:.1f}%"),
        ("Failed", "failed", [its.failed for its in all_rates], "{:.1f}%"),
    ]
    trends = []
    for name, kind, values, form in rows:
        known = [value for value in values if value is not None]
        ends = f"{form.format(known[0])} → {form.format(known[-1])}" if known else "–"
        trends.append((name, kind, line(values), ends))
    return trends


def _compared(
    totals: Mapping[str, DayFigures], before: Mapping[str, DayFigures]
) -> list[tuple[str, DayFigures, str, str]]:
    """Return each name, its figures, and what moved: the delivered share and the read one."""
    rows = []
    for name, its in totals.items():
        now, then = its.shares, before.get(name, DayFigures()).shares
        moved = change(now.delivered, then.delivered), change(now.read, then.read)
        rows.append((name, its, *moved))
    return rows


def _read_tables(report: DaysReport) -> list[dict[str, object]]:
    """Return the read rates by day and counsellor, some counsellors to a table."""
    names = [name for name, its in report.totals.items() if its.sent]
    return [
        {
            "names": group,
            "days": [
                (
                    f"{day:%d %b}",
                    [report.by_counsellor[name][index].shares.read for name in group],
                )
                for index, day in enumerate(report.days)
            ],
        }
        for group in (
            names[start : start + _NAMES_A_TABLE] for start in range(0, len(names), _NAMES_A_TABLE)
        )
    ]


def _hours(report: DaysReport) -> dict[str, object] | None:
    """Return the columns of the hours of the day, from the first one used to the last."""
    used = [hour for hour, its in enumerate(report.hours) if its.attempted]
    if not used:
        return None
    shown = range(used[0], used[-1] + 1)
    tallest = max(report.hours[hour].sent for hour in shown) or 1
    columns = []
    for hour in shown:
        its = report.hours[hour]
        read = its.shares.read
        columns.append(
            {
                "label": _COLUMN.format(its.sent, hour, rate_text(read)),
                "name": f"{hour:02}",
                "read": "" if read is None else f"{read:.0f}%",
                "segments": stack([("read", its.read), ("sent", its.sent - its.read)], tallest),
            }
        )
    return {"columns": columns, "label": f"Messages sent by hour of the day; at most {tallest}"}


def heat(rate: float | None) -> int:
    """Return how strongly a rate is coloured, 0 to 5."""
    return 0 if rate is None else min(5, round(rate / 20))


def days_text(report: DaysReport) -> str:
    """Return the days side by side and each counsellor's sum, in 78 columns."""
    lines = [f"{len(report.days)} days to {report.days[-1].isoformat()}", ""]
    if report.note:
        lines[1:1] = [report.note]
    lines.append(figures_head("Day", "Tried"))
    for day, its in zip(report.days, report.by_day, strict=True):
        lines.append(_text_row(f"{day:%a %Y-%m-%d}", its))
    lines += [_text_row("All days", report.total), _text_row("Days before", report.before)]
    lines += ["", figures_head("Counsellor", "Tried")]
    lines += [_text_row(name, its) for name, its in report.totals.items()]
    if len(report.templates) > 1:
        lines += ["", figures_head("Template", "Tried")]
        lines += [_text_row(name, its) for name, its in report.templates.items()]
    errors = [f"  {title(key.value):<20} {count}" for key, count in report.errors.items()]
    if errors:
        lines += ["", "Errors by category:", *errors]
    return "\n".join(lines) + "\n"


def _text_row(name: str, its: DayFigures) -> str:
    quota = f"{its.quota_used}/{its.quota_limit}" if its.quota_limit else "–"
    return figures_line(name, its, attempted=its.attempted, unknown=its.unknown, quota=quota)


def days_json(report: DaysReport) -> dict[str, object]:
    """Return the object of ``report --days N --format json``.

    Each figure object holds the fields of ``DayFigures`` and its rates; a counsellor's ``days``
    stand in the order of the top level's.
    """
    return {
        "days": [
            {"day": day.isoformat(), **_as_json(its)}
            for day, its in zip(report.days, report.by_day, strict=True)
        ],
        "total": _as_json(report.total),
        "before": _as_json(report.before),
        "counsellors": {
            name: {
                "total": _as_json(report.totals[name]),
                "before": _as_json(report.before_totals[name]),
                "days": [_as_json(its) for its in week],
            }
            for name, week in report.by_counsellor.items()
        },
        "templates": {name: _as_json(its) for name, its in report.templates.items()},
        "hours": [_as_json(its) for its in report.hours],
        "errors": msgspec.to_builtins(report.errors),
        "note": report.note,
    }


def _as_json(its: DayFigures) -> dict[str, object]:
    fields: dict[str, object] = msgspec.to_builtins(its)
    rates = rates_json(its, its.attempted)
    return {**fields, "success_rate": its.success_rate(its.attempted), "rates": rates}

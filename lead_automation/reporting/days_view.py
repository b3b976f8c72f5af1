"""Lay the kept days out for ``days.html.j2``, the text form and the JSON form."""

import msgspec

from lead_automation.plaintext import pad
from lead_automation.reporting.charts import message_counts, reasons, share, stack
from lead_automation.reporting.days import DayFigures, DaysReport
from lead_automation.reporting.wording import CATEGORY_MEANINGS, title

_NAME_WIDTH = 16  # as in the summary, for 80 columns
# A phone of 390 px has room for the names of 14 days below their columns.
_MAX_LABELLED = 14
_CELLS_A_LINE = 6  # of 13 columns each, so that a line stays below 80


def days_view(report: DaysReport) -> dict[str, object]:
    """Return the values of ``days.html.j2``."""
    first, last = report.days[0], report.days[-1]
    return {
        "title": f"{len(report.days)} days to {last:%d %b %Y}",
        "span": f"{first:%d %B %Y} – {last:%d %B %Y}" if first != last else f"{last:%d %B %Y}",
        "report": report,
        "chart": _chart(report),
        "days": list(zip(report.days, report.by_day, strict=True)),
        "weeks": [
            (name, report.totals[name], _quota_shares(report, week))
            for name, week in report.by_counsellor.items()
        ],
        "errors": reasons(report.errors, CATEGORY_MEANINGS),
    }


def _chart(report: DaysReport) -> dict[str, object]:
    tallest = max(its.attempted for its in report.by_day)
    every = -(-len(report.days) // _MAX_LABELLED)
    columns = [
        {
            "label": f"{day:%a %d %b}: {its.attempted} attempted, {its.delivered} delivered, "
            f"{its.read} read, {its.failed} failed",
            "name": f"{day:%a}" if every == 1 else "",
            "date": f"{day.day}" if index % every == 0 else "",
            "count": f"{its.attempted:,}" if every == 1 else "",
            "segments": stack(message_counts(its, its.unknown), tallest),
        }
        for index, (day, its) in enumerate(zip(report.days, report.by_day, strict=True))
    ]
    label = f"Attempts a day, by what became of them; at most {tallest}"
    return {"columns": columns, "label": label}


def _quota_shares(
    report: DaysReport, week: tuple[DayFigures, ...]
) -> list[tuple[str, DayFigures, float]]:
    return [
        (f"{day:%a %d}", its, share(its.quota_used, its.quota_limit))
        for day, its in zip(report.days, week, strict=True)
    ]


def days_text(report: DaysReport) -> str:
    """Return the days side by side and each counsellor's week, in 80 columns."""
    head = " Attempted  Sent Deliv.  Read Failed Unknown   Rate      Quota"
    lines = [f"{len(report.days)} days to {report.days[-1].isoformat()}", ""]
    lines.append(f"{'':<{_NAME_WIDTH}}{head}")
    for day, its in zip(report.days, report.by_day, strict=True):
        lines.append(_text_row(f"{day:%a %Y-%m-%d}", its))
    lines += [_text_row("All days", report.total), "", f"{'Counsellor':<{_NAME_WIDTH}}{head}"]
    for name, its in report.totals.items():
        lines.append(_text_row(name, its))
        lines += _text_week(report, name)
    errors = [f"  {title(key.value):<20} {count}" for key, count in report.errors.items()]
    if errors:
        lines += ["", "Errors by category:", *errors]
    return "\n".join(lines) + "\n"


def _text_row(name: str, its: DayFigures) -> str:
    return (
        f"{pad(name, _NAME_WIDTH)} {its.attempted:>9} {its.sent:>5} {its.delivered:>6} "
        f"{its.read:>5} {its.failed:>6} {its.unknown:>7} {its.rate:>6} "
        f"{f'{its.quota_used}/{its.quota_limit}':>10}"
    )


def _text_week(report: DaysReport, name: str) -> list[str]:
    """Return a counsellor's sends day by day, six a line; nothing where nothing was sent."""
    week = report.by_counsellor[name]
    if not any(its.attempted or its.quota_used for its in week):
        return []
    cells = [f"{day:%d %b}: {its.sent}" for day, its in zip(report.days, week, strict=True)]
    chunks = range(0, len(cells), _CELLS_A_LINE)
    return ["  " + "  ".join(cells[start : start + _CELLS_A_LINE]) for start in chunks]


def days_json(report: DaysReport) -> dict[str, object]:
    """Return the object of ``report --days N --format json``.

    Each figure object holds the fields of ``DayFigures``; a counsellor's ``days`` stand in the
    order of the top level's.
    """
    as_json = msgspec.to_builtins
    return {
        "days": [
            {"day": day.isoformat(), **as_json(its)}
            for day, its in zip(report.days, report.by_day, strict=True)
        ],
        "total": as_json(report.total),
        "counsellors": {
            name: {"total": as_json(report.totals[name]), "days": as_json(week)}
            for name, week in report.by_counsellor.items()
        },
        "errors": as_json(report.errors),
    }

"""Lay the kept days out for the HTML page and the text form."""

from lead_automation.models import ErrorCategory
from lead_automation.plaintext import pad
from lead_automation.reporting.charts import share, stack
from lead_automation.reporting.days import DayFigures, DaysReport
from lead_automation.reporting.wording import CATEGORY_MEANINGS, title
from lead_automation.text import clean

_MAX_NAME = 60
_NAME_WIDTH = 16
_MAX_LABELLED = 14
_CELLS_A_LINE = 6


def days_view(report: DaysReport) -> dict[str, object]:
    """Return the values of ``days.html.j2``."""
    first, last = report.days[0], report.days[-1]
    return {
        "title": f"{len(report.days)} days to {last:%d %b %Y}",
        "span": f"{first:%d %B %Y} – {last:%d %B %Y}" if first != last else f"{last:%d %B %Y}",
        "tiles": _tiles(report.total),
        "chart": _chart(report),
        "days": [
            {"name": f"{day:%a %d %b}", **_cells(its)}
            for day, its in zip(report.days, report.by_day, strict=True)
        ],
        "total": _cells(report.total),
        "weeks": [_week(report, name) for name in report.by_counsellor],
        "errors": _errors(report),
    }


def days_text(report: DaysReport) -> str:
    """Return the days side by side and each counsellor's week, in 80 columns."""
    head = f"{'':<{_NAME_WIDTH}} Attempted  Sent Deliv.  Read Failed Unknown   Rate      Quota"
    lines = [f"{len(report.days)} days to {report.days[-1].isoformat()}", "", head]
    for day, its in zip(report.days, report.by_day, strict=True):
        lines.append(_text_row(f"{day:%a %Y-%m-%d}", its))
    lines += [_text_row("All days", report.total), "", f"{'Counsellor':<{_NAME_WIDTH}}{head[16:]}"]
    for name, its in report.totals.items():
        lines.append(_text_row(clean(name), its))
        lines += _text_week(report, name)
    errors = [f"  {title(key):<20} {count}" for key, count in report.errors.items()]
    if errors:
        lines += ["", "Errors by category:", *errors]
    return "\n".join(lines) + "\n"


def days_json(report: DaysReport) -> dict[str, object]:
    """Return the object of ``report --days N --format json``.

    Each figure object holds the fields of ``DayFigures`` and ``success_rate``; a counsellor's
    ``days`` stand in the order of the top level's.
    """
    return {
        "days": [
            {"day": day.isoformat(), **_numbers(its)}
            for day, its in zip(report.days, report.by_day, strict=True)
        ],
        "total": _numbers(report.total),
        "counsellors": {
            name: {"total": _numbers(report.totals[name]), "days": [_numbers(its) for its in week]}
            for name, week in report.by_counsellor.items()
        },
        "errors": dict(report.errors),
    }


def _numbers(its: DayFigures) -> dict[str, object]:
    return {
        "attempted": its.attempted,
        "sent": its.sent,
        "delivered": its.delivered,
        "read": its.read,
        "failed": its.failed,
        "pending": its.pending,
        "unknown": its.unknown,
        "invalid_numbers": its.invalid_numbers,
        "success_rate": its.success_rate,
        "quota_used": its.used,
        "quota_limit": its.limit,
    }


def _text_row(name: str, its: DayFigures) -> str:
    return (
        f"{pad(name, _NAME_WIDTH)} {its.attempted:>9} {its.sent:>5} {its.delivered:>6} "
        f"{its.read:>5} {its.failed:>6} {its.unknown:>7} {_rate(its):>6} "
        f"{f'{its.used}/{its.limit}':>10}"
    )


def _text_week(report: DaysReport, name: str) -> list[str]:
    """Return a counsellor's sends day by day, six a line; nothing where nothing was sent."""
    week = report.by_counsellor[name]
    if not any(its.attempted or its.used for its in week):
        return []
    cells = [f"{day:%d %b}: {its.sent}" for day, its in zip(report.days, week, strict=True)]
    chunks = range(0, len(cells), _CELLS_A_LINE)
    return ["  " + "  ".join(cells[start : start + _CELLS_A_LINE]) for start in chunks]


def _rate(its: DayFigures) -> str:
    return f"{its.success_rate:.1f}%" if its.attempted else "–"


def _tiles(total: DayFigures) -> list[tuple[str, str, str]]:
    return [
        ("Sent", f"{total.sent:,}", "sent"),
        ("Delivered", f"{total.delivered:,}", "delivered"),
        ("Read", f"{total.read:,}", "read"),
        ("Failed", f"{total.failed:,}", "failed"),
        ("Unknown", f"{total.unknown:,}", "unknown"),
        ("Success rate", _rate(total), "plain"),
    ]


def _counts(its: DayFigures) -> tuple[tuple[str, int], ...]:
    return (
        ("read", its.read),
        ("delivered", its.delivered - its.read),
        ("pending", its.pending),
        ("failed", its.failed),
        ("unknown", its.unknown),
    )


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
            "segments": stack(_counts(its), tallest),
        }
        for index, (day, its) in enumerate(zip(report.days, report.by_day, strict=True))
    ]
    return {
        "columns": columns,
        "label": f"Attempts a day, by what became of them; at most {tallest}",
    }


def _cells(its: DayFigures) -> dict[str, str]:
    return {
        "attempted": f"{its.attempted:,}",
        "sent": f"{its.sent:,}",
        "delivered": f"{its.delivered:,}",
        "read": f"{its.read:,}",
        "failed": f"{its.failed:,}",
        "unknown": f"{its.unknown:,}",
        "rate": _rate(its),
        "quota": f"{its.used:,}/{its.limit:,}",
    }


def _week(report: DaysReport, name: str) -> dict[str, object]:
    week = report.by_counsellor[name]
    return {
        "name": clean(name, _MAX_NAME),
        "total": _cells(report.totals[name]),
        "days": [
            {
                "day": f"{day:%a %d}",
                "sent": f"{its.sent:,}",
                "used": f"{its.used:,}/{its.limit:,}",
                "share": share(its.used, its.limit),
            }
            for day, its in zip(report.days, week, strict=True)
        ],
    }


def _errors(report: DaysReport) -> list[dict[str, object]]:
    most = max(report.errors.values(), default=0)
    return [
        {
            "name": title(category.value),
            "count": f"{report.errors[category.value]:,}",
            "share": share(report.errors[category.value], most),
            "meaning": CATEGORY_MEANINGS[category],
        }
        for category in ErrorCategory
        if report.errors.get(category.value)
    ]

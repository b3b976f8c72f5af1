"""Render reports as CSV a spreadsheet opens as it is: UTF-8 with BOM, no cell a formula."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import tzinfo

from lead_automation.reporting.days import DayFigures, DaysReport
from lead_automation.reporting.figures import category_of, state_word
from lead_automation.runs import RunResult
from lead_automation.text import clean, mask_numbers

# The wide forms begin a formula where a spreadsheet speaks Japanese; and where it parts cells by
# another character than a comma, one may begin in the middle of what is a cell here.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_INNER_START = re.compile(r"([;|][\s\"']*)(?=[=+\-@＝＋－＠])")
_MAX_CELL = 500

_RUN_HEAD = (
    "position",
    "lead_id",
    "name",
    "phone",
    "counsellor",
    "status",
    "outcome",
    "skipped",
    "error_category",
    "error_message",
    "message_id",
    "at",
)
_DAYS_HEAD = (
    "day",
    "counsellor",
    "attempted",
    "sent",
    "delivered",
    "read",
    "failed",
    "pending",
    "unknown",
    "invalid_numbers",
    "success_rate",
    "quota_used",
    "quota_limit",
)


def run_csv(result: RunResult, *, zone: tzinfo) -> bytes:
    """Return one row per lead, in the order fetched; ``at`` is ISO 8601 with the zone's offset."""
    rows = []
    for row in result.rows:
        category = category_of(row)
        rows.append(
            (
                str(row.position),
                row.lead_id,
                mask_numbers(row.name),
                mask_numbers(row.phone),
                row.counsellor or "",
                state_word(row),
                row.outcome.value if row.outcome else "",
                row.skip.value if row.skip else "",
                category.value if category else "",
                mask_numbers(row.error_message or ""),
                row.message_id or "",
                row.at.astimezone(zone).isoformat(timespec="seconds") if row.at else "",
            )
        )
    return _csv(_RUN_HEAD, rows)


def days_csv(report: DaysReport) -> bytes:
    """Return one row per day and counsellor, then one per day for all (counsellor ``*``)."""
    rows = []
    for index, day in enumerate(report.days):
        parts = [(name, week[index]) for name, week in report.by_counsellor.items()]
        for name, its in [*parts, ("*", report.by_day[index])]:
            rows.append((day.isoformat(), name, *_day_cells(its)))
    return _csv(_DAYS_HEAD, rows)


def _day_cells(its: DayFigures) -> tuple[str, ...]:
    figures = (
        its.attempted,
        its.sent,
        its.delivered,
        its.read,
        its.failed,
        its.pending,
        its.unknown,
        its.invalid_numbers,
        its.success_rate,
        its.used,
        its.limit,
    )
    return tuple(str(figure) for figure in figures)


def _csv(head: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode("utf-8-sig", "backslashreplace")


def _cell(value: str) -> str:
    """Return a cell no spreadsheet takes for a formula, with nothing invisible in it."""
    guard = "'" if value.startswith(_FORMULA_STARTS) else ""
    return guard + _INNER_START.sub(r"\1'", clean(value, _MAX_CELL))

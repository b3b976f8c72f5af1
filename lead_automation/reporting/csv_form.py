"""Render reports as CSV a spreadsheet opens as it is: UTF-8 with BOM, no cell a formula."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import tzinfo

from msgspec.structs import astuple

from lead_automation.reporting.days import DayFigures, DaysReport
from lead_automation.runs import LeadRow, RunResult

# The wide forms begin a formula where a spreadsheet speaks Japanese; and where it parts cells by
# another character than a comma, one may begin in the middle of what is a cell here.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_INNER_START = re.compile(r"([;|][\s\"']*)(?=[=+\-@＝＋－＠])")

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


def run_csv(result: RunResult, *, zone: tzinfo) -> bytes:
    """Return one row per lead, in the order fetched; ``at`` is ISO 8601 with the zone's offset."""
    return _csv(_RUN_HEAD, (_lead_cells(row, zone) for row in result.rows))


def _lead_cells(row: LeadRow, zone: tzinfo) -> tuple[object, ...]:
    return (
        row.position,
        row.lead_id,
        row.name,
        row.phone,
        row.counsellor,
        row.word,
        row.outcome and row.outcome.value,
        row.skip and row.skip.value,
        row.category and row.category.value,
        row.error_message,
        row.message_id,
        row.at and row.at.astimezone(zone).isoformat(timespec="seconds"),
    )


def days_csv(report: DaysReport) -> bytes:
    """Return one row per day and counsellor, then one per day for all (counsellor ``*``)."""
    rows = []
    for index, day in enumerate(report.days):
        parts = [(name, week[index]) for name, week in report.by_counsellor.items()]
        for name, its in [*parts, ("*", report.by_day[index])]:
            rows.append((day.isoformat(), name, *astuple(its)))
    return _csv(("day", "counsellor", *DayFigures.__struct_fields__), rows)


def _csv(head: Sequence[str], rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _cell(value: object) -> str:
    """Return a cell no spreadsheet takes for a formula; None is an empty one."""
    text = "" if value is None else str(value)
    guard = "'" if text.startswith(_FORMULA_STARTS) else ""
    return guard + _INNER_START.sub(r"\1'", text)

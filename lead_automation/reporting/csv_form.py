"""Render reports as CSV a spreadsheet opens as it is: UTF-8 with BOM, no cell a formula."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from enum import Enum
from operator import attrgetter

from lead_automation.reporting.days import DaysReport
from lead_automation.reporting.wording import failure_words
from lead_automation.runs import LeadRow, RunResult
from lead_automation.times import iso_time

# The wide forms begin a formula where a spreadsheet speaks Japanese; and where it parts cells by
# another character than a comma, one may begin in the middle of what is a cell here.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_INNER_START = re.compile(r"([;|][\s\"']*)(?=[=+\-@＝＋－＠])")

_COLUMNS = {
    "position": "position",
    "lead_id": "lead_id",
    "name": "name",
    "phone": "phone",
    "counsellor": "counsellor",
    "status": "word",
    "outcome": "outcome",
    "skipped": "skip",
    "error_category": "category",
    "error_message": "error_message",
    "message_id": "message_id",
    "at": "at",
}
"""The columns of a run's form, and the attribute of ``LeadRow`` that each shows."""

_COUNTS = (
    "attempted",
    "sent",
    "delivered",
    "read",
    "failed",
    "pending",
    "unknown",
    "invalid_numbers",
    "quota_used",
    "quota_limit",
)
"""The counts of the days' form, fields of ``DayFigures``; behind them stand the rates."""

_cells_of = attrgetter(*_COLUMNS.values())


def run_csv(result: RunResult, *, zone: tzinfo) -> bytes:
    """Return one row per lead, in the order fetched; ``at`` is ISO 8601 with the zone's offset."""
    rows = (
        (*(_shown(value, zone) for value in _cells_of(row)), _advice(row)) for row in result.rows
    )
    return _csv((*_COLUMNS, "advice"), rows)


def _advice(row: LeadRow) -> str:
    return failure_words(row.rule, row.category)[1] if row.category is not None else ""


def _shown(value: object, zone: tzinfo) -> object:
    if isinstance(value, datetime):
        return iso_time(value, zone)
    return value.value if isinstance(value, Enum) else value


def days_csv(report: DaysReport) -> bytes:
    """Return one row per day and counsellor, then one per day for all (counsellor ``*``)."""
    rows = []
    for index, day in enumerate(report.days):
        parts = [(name, week[index]) for name, week in report.by_counsellor.items()]
        for name, its in [*parts, ("*", report.by_day[index])]:
            shown = (its.success_rate(its.attempted), its.shares.delivered, its.shares.read)
            rows.append((day.isoformat(), name, *(getattr(its, key) for key in _COUNTS), *shown))
    head = ("day", "counsellor", *_COUNTS, "success_rate", "delivered_rate", "read_rate")
    return _csv(head, rows)


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

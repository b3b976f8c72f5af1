"""Write a run as JSON: the object of ``--json``, and the document a report is made from."""

import re
from datetime import date, datetime, timedelta, tzinfo
from typing import Final

from lead_automation.reporting.figures import messages_per_minute
from lead_automation.runs import CounsellorFigures, LeadRow, RunResult, SkipReason
from lead_automation.text import json_text

DOCUMENT_VERSION: Final = 1
"""Raised when the run document changes in a way an earlier program would misread."""

_RUN_ID = re.compile(r"(\d{4})(\d\d)(\d\d)T\d{6}-[0-9a-f]{4}")
_SUFFIXES = 0x10000


def make_run_id(started_at: datetime, zone: tzinfo, draw: float) -> str:
    """Return a run's id, such as ``20261122T091523-3f9a``: local start and a random end.

    Ids sort by their start and are safe as file names. The letter in the middle keeps them from
    being taken for a phone number where numbers are masked.

    Args:
        started_at: Aware.
        zone: Zone the start is written in.
        draw: A random number in [0, 1).
    """
    return f"{started_at.astimezone(zone):%Y%m%dT%H%M%S}-{int(draw * _SUFFIXES):04x}"


def is_run_id(text: str) -> bool:
    """Whether text has the form of a run id (so that it can never name a path)."""
    return _RUN_ID.fullmatch(text) is not None


def run_may_be_since(run_id: str, since: datetime) -> bool:
    """Whether a run of this id may have started at or after a moment, by its date alone."""
    match = _RUN_ID.fullmatch(run_id)
    if match is None:
        return False
    try:
        day = date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return False
    # Local dates are at most a day from the UTC one, on either side.
    return day >= since.date() - timedelta(days=2)


def result_to_json(result: RunResult) -> dict[str, object]:
    """Return the object ``run --json`` prints; its keys are promised to scripts.

    Times are ISO 8601 with offset; ``duration_seconds`` has three decimals,
    ``messages_per_minute`` and ``success_rate`` one.
    """
    return {
        "status": result.status.value,
        "reason": result.reason,
        "run_id": result.run_id,
        "mode": result.mode.value,
        "template": result.template,
        "started_at": result.started_at.isoformat(),
        "ended_at": result.ended_at.isoformat(),
        "duration_seconds": round(result.duration_s, 3),
        "messages_per_minute": messages_per_minute(result),
        "leads": {
            "fetched": result.fetched,
            "skipped": {skip.value: result.skipped.get(skip, 0) for skip in SkipReason},
            "attempted": result.attempted,
            "accepted": result.accepted,
            "refused": result.refused,
            "unknown": result.unknown,
            "not_reached": result.not_reached,
        },
        "messages": {
            "sent": result.accepted,
            "delivered": result.delivered,
            "read": result.read,
            "failed": result.failed,
            "pending": result.pending,
        },
        "success_rate": result.success_rate,
        "errors": dict(result.errors),
        "counsellors": {name: _figures(its) for name, its in result.counsellors.items()},
        "api_calls": dict(result.api_calls),
    }


def run_document(result: RunResult) -> dict[str, object]:
    """Return everything kept of a run: the ``--json`` object and what a report needs beyond it."""
    return {
        "version": DOCUMENT_VERSION,
        "exit_code": result.exit_code,
        **result_to_json(result),
        "lead_rows": [_row(row) for row in result.rows],
        "next_steps": list(result.next_steps),
        "warnings": list(result.warnings),
        "month": {"calls": result.month_calls, "limit": result.month_limit},
    }


def to_bytes(document: dict[str, object]) -> bytes:
    """Return a document as UTF-8 JSON with a newline at its end."""
    return (json_text(document, indent=1) + "\n").encode()


def _figures(its: CounsellorFigures) -> dict[str, int]:
    return {
        "sent": its.sent,
        "delivered": its.delivered,
        "read": its.read,
        "failed": its.failed,
        "pending": its.pending,
        "used_today": its.used_today,
        "daily_limit": its.daily_limit,
    }


def _row(row: LeadRow) -> dict[str, object]:
    """Return one lead; what does not apply is left out."""
    values: dict[str, object] = {
        "position": row.position,
        "lead_id": row.lead_id,
        "name": row.name,
        "phone": row.phone,
        "counsellor": row.counsellor,
        "status": row.status.value,
        "outcome": row.outcome.value if row.outcome else None,
        "skip": row.skip.value if row.skip else None,
        "error_category": row.error_category.value if row.error_category else None,
        "error_message": row.error_message,
        "message_id": row.message_id,
        "at": row.at.isoformat() if row.at else None,
    }
    return {key: value for key, value in values.items() if value is not None}

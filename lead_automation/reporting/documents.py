"""Write and read a run as JSON: the object of ``--json``, and the document reports are made from.

Both have the shape of ``runs.RunResult``; the document carries a version besides.
"""

from datetime import date, datetime, tzinfo
from pathlib import Path
from re import fullmatch
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from lead_automation.counts import MessageCounts
from lead_automation.errors import StateError
from lead_automation.runs import RUN_ID, RunResult
from lead_automation.strictjson import JsonError, parse_json
from lead_automation.text import json_text, safe_text

DOCUMENT_VERSION: Final = 1
"""Raised when the run document changes in a way an earlier program would misread."""

_SUFFIXES = 0x10000  # four digits: two runs that begin in one second do not share an id
# What scripts were never promised: a run of 500 leads would fill their log with its rows.
_KEPT_ONLY = frozenset({"lead_rows", "next_steps", "month", "held", "known_at", "history_days"})


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
    return fullmatch(RUN_ID, text) is not None


def run_date(run_id: str) -> date:
    """Return the local date a run began on; ``date.min`` for an id that holds none."""
    try:
        return date.fromisoformat(run_id[:8])
    except ValueError:
        return date.min


def result_to_json(result: RunResult, zone: tzinfo | None = None) -> dict[str, object]:
    """Return the object ``run --json`` prints, times in the zone; its keys are promised."""
    if zone is not None:
        ends = result.started_at.astimezone(zone), result.ended_at.astimezone(zone)
        result = replace(result, started_at=ends[0], ended_at=ends[1])
    shown = {key: value for key, value in _fields(result).items() if key not in _KEPT_ONLY}
    assigned = result.assigned
    for name, its in result.counsellors.items():
        shown["counsellors"][name]["rates"] = rates_json(its, assigned.get(name, 0))
    return {**shown, "rates": rates_json(result.messages, result.leads.attempted)}


def rates_json(its: MessageCounts, attempted: int) -> dict[str, object]:
    """Return shares in per cent, None of nothing; ``replied`` where the API tells it."""
    shares: dict[str, object] = msgspec.to_builtins(its.rates(attempted))
    return shares


def document_bytes(result: RunResult, *, is_shown: bool = False) -> bytes:
    """Return everything kept of a run, as UTF-8 JSON with a newline at its end.

    Args:
        result: The run.
        is_shown: It goes elsewhere than into the folder of reports: without whole ids.
    """
    if is_shown:
        result = replace(result, rows=tuple(replace(row, full_id=None) for row in result.rows))
    document = {"version": DOCUMENT_VERSION, **_fields(result)}
    return (json_text(document, indent=1) + "\n").encode()


def _fields(result: RunResult) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(result, builtin_types=(datetime,))
    return fields


def parse_run_document(data: bytes, *, path: Path | None = None) -> RunResult:
    """Return the result a document was made from: what was recorded, or no report at all.

    Args:
        data: What ``document_bytes`` returns.
        path: Where it came from, for the message.

    Raises:
        StateError: Not JSON, a newer version, or anything missing, unknown or wrongly typed.
    """
    try:
        fields = parse_json(data, reject_duplicates=True)
        if isinstance(fields, dict):
            _check_version(fields.pop("version", None))
        return msgspec.convert(fields, RunResult)
    except (JsonError, msgspec.ValidationError, UnicodeError) as exc:
        msg = f"{path or 'The run document'} cannot be read: {safe_text(exc, 300)}"
        hint = "The file was left as it is. `report --run ID` shows another run."
        raise StateError(msg, path=path, hint=hint) from exc


def _check_version(version: object) -> None:
    if type(version) is not int or version != DOCUMENT_VERSION:  # True and 1.0 equal 1
        msg = f"version is {version}, this program reads {DOCUMENT_VERSION}"
        raise JsonError(msg)

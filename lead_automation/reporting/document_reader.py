"""Read a kept run document strictly: a report shows what was recorded, or says it cannot."""

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TypeVar, cast

from lead_automation.errors import StateError
from lead_automation.models import ErrorCategory, MessageStatus, Outcome
from lead_automation.reporting.documents import DOCUMENT_VERSION, is_run_id
from lead_automation.reporting.figures import is_assigned
from lead_automation.runs import (
    CounsellorFigures,
    LeadRow,
    RunMode,
    RunResult,
    RunStatus,
    SkipReason,
)
from lead_automation.strictjson import JsonError, parse_json

_E = TypeVar("_E", bound=Enum)
_T = TypeVar("_T")

_MOST = 10**9
_MAX_EXIT_CODE = 255
_COUNTS = ("sent", "delivered", "read", "failed", "pending", "used_today", "daily_limit")


class _DocumentError(ValueError):
    """What is wrong, and where in the document."""


def parse_run_document(data: bytes, *, path: Path | None = None) -> RunResult:
    """Return the result a document was made from.

    Args:
        data: What ``documents.run_document`` describes, as UTF-8 JSON.
        path: Where it came from, for the message.

    Raises:
        StateError: Not JSON, a newer version, or anything missing, unknown or wrongly typed.
    """
    where = str(path) if path else "The run document"
    try:
        return _result(_Part(parse_json(data, reject_duplicates=True), ""))
    except (JsonError, _DocumentError) as exc:
        msg = f"{where} cannot be read: {exc}"
        hint = "The file was left as it is. `report --run ID` shows another run."
        raise StateError(msg, path=path, hint=hint) from exc


class _Part:
    """One JSON object, taken apart key by key; ``end`` refuses what nobody asked for."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            msg = f"{where or 'the document'} is no object"
            raise _DocumentError(msg)
        self._values = cast("dict[str, object]", value)
        self._where = where
        self._taken: set[str] = set()

    def raw(self, key: str) -> object:
        if key not in self._values:
            raise self._wrong(key, "is missing")
        self._taken.add(key)
        return self._values[key]

    def part(self, key: str) -> "_Part":
        return _Part(self.raw(key), self._at(key))

    def text(self, key: str) -> str:
        value = self.raw(key)
        if not isinstance(value, str):
            raise self._wrong(key, "is no text")
        return value

    def count(self, key: str) -> int:
        value = self.raw(key)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST:
            raise self._wrong(key, "is no count")
        return value

    def number(self, key: str) -> float:
        value = self.raw(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise self._wrong(key, "is no number of 0 or more")
        return float(value)

    def moment(self, key: str) -> datetime:
        try:
            value = datetime.fromisoformat(self.text(key))
        except ValueError as exc:
            raise self._wrong(key, "is no time") from exc
        if value.tzinfo is None:
            raise self._wrong(key, "has no offset")
        return value

    def member(self, key: str, kind: type[_E]) -> _E:
        word = self.text(key)
        try:
            return kind(word)
        except ValueError as exc:
            raise self._wrong(key, f"is not one of {', '.join(e.value for e in kind)}") from exc

    def optional(self, key: str, take: Callable[[str], _T]) -> _T | None:
        return take(key) if key in self._values else None

    def each(self, key: str) -> list[object]:
        value = self.raw(key)
        if not isinstance(value, list):
            raise self._wrong(key, "is no list")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        items = self.each(key)
        if not all(isinstance(item, str) for item in items):
            raise self._wrong(key, "holds what is no text")
        return tuple(cast("list[str]", items))

    def names(self) -> list[str]:
        return list(self._values)

    def counts(self) -> dict[str, int]:
        return {key: self.count(key) for key in self._values}

    def end(self) -> None:
        unknown = sorted(set(self._values) - self._taken)
        if unknown:
            raise self._wrong(unknown[0][:40], "is not known")

    def _at(self, key: str) -> str:
        return f"{self._where}.{key}" if self._where else key

    def _wrong(self, key: str, problem: str) -> _DocumentError:
        return _DocumentError(f"{self._at(key)!r} {problem}")


def _result(top: _Part) -> RunResult:
    if (version := top.count("version")) != DOCUMENT_VERSION:
        msg = f"version is {version}, this program reads {DOCUMENT_VERSION}"
        raise _DocumentError(msg)
    leads, messages, month = top.part("leads"), top.part("messages"), top.part("month")
    skipped = leads.part("skipped")
    rows = tuple(
        _row(_Part(item, f"lead_rows[{index}]")) for index, item in enumerate(top.each("lead_rows"))
    )
    result = RunResult(
        status=top.member("status", RunStatus),
        reason=top.text("reason"),
        run_id=_run_id(top),
        mode=top.member("mode", RunMode),
        template=top.text("template"),
        started_at=top.moment("started_at"),
        ended_at=top.moment("ended_at"),
        exit_code=_exit_code(top),
        fetched=leads.count("fetched"),
        skipped={skip: skipped.count(skip.value) for skip in SkipReason},
        attempted=leads.count("attempted"),
        accepted=leads.count("accepted"),
        refused=leads.count("refused"),
        unknown=leads.count("unknown"),
        not_reached=leads.count("not_reached"),
        delivered=messages.count("delivered"),
        read=messages.count("read"),
        failed=messages.count("failed"),
        pending=messages.count("pending"),
        success_rate=top.number("success_rate"),
        errors=top.part("errors").counts(),
        counsellors=_counsellors(top.part("counsellors"), rows),
        api_calls=top.part("api_calls").counts(),
        rows=rows,
        next_steps=top.texts("next_steps"),
        warnings=top.texts("warnings"),
        month_calls=month.count("calls"),
        month_limit=month.count("limit"),
    )
    # Worked out again from the rest, but they belong to the document.
    messages.count("sent")
    top.number("duration_seconds")
    top.number("messages_per_minute")
    for part in (top, leads, skipped, messages, month):
        part.end()
    return result


def _run_id(top: _Part) -> str:
    run_id = top.text("run_id")
    if not is_run_id(run_id):
        msg = "'run_id' is no run id"
        raise _DocumentError(msg)
    return run_id


def _exit_code(top: _Part) -> int:
    code = top.count("exit_code")
    if code > _MAX_EXIT_CODE:
        msg = "'exit_code' is no exit code"
        raise _DocumentError(msg)
    return code


def _counsellors(part: _Part, rows: tuple[LeadRow, ...]) -> dict[str, CounsellorFigures]:
    assigned: dict[str | None, int] = {}
    for row in rows:
        if is_assigned(row):
            assigned[row.counsellor] = assigned.get(row.counsellor, 0) + 1
    figures = {}
    for name in part.names():
        its = part.part(name)
        counts = {key: its.count(key) for key in _COUNTS}
        its.end()
        figures[name] = CounsellorFigures(**counts, assigned=assigned.get(name, 0))
    return figures


def _row(part: _Part) -> LeadRow:
    row = LeadRow(
        position=part.count("position"),
        lead_id=part.text("lead_id"),
        name=part.text("name"),
        phone=part.text("phone"),
        counsellor=part.optional("counsellor", part.text),
        status=part.member("status", MessageStatus),
        outcome=part.optional("outcome", lambda key: part.member(key, Outcome)),
        skip=part.optional("skip", lambda key: part.member(key, SkipReason)),
        error_category=part.optional("error_category", lambda key: part.member(key, ErrorCategory)),
        error_message=part.optional("error_message", part.text),
        message_id=part.optional("message_id", part.text),
        at=part.optional("at", part.moment),
    )
    part.end()
    return row

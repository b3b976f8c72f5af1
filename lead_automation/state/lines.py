"""The lines of the send journal: what one step did, as effects that may be applied twice.

A line sets a record, owes or drops CRM rows by id, sets a month's calls: absolute effects. Quota
is the exception: its changes are added to what the ``day`` line of that day says stood in the file
before, so that folding the same journal again still gives the same counts. Example::

    {"v": 1, "kind": "day", "day": "2026-11-22", "base": {"Anandi": 3}}
    {"v": 1, "kind": "reserve", "message": {…}, "quota": {"Anandi": 1}}
    {"v": 1, "kind": "accepted", "message": {…}, "owe": [{…}], "calls": {"2026-11": 9}}
    {"v": 1, "kind": "reserve", "messages": [{…}, {…}], "quota": {"Anandi": 2}}
    {"v": 1, "kind": "row_taken", "drop": ["2026-11-22/1001/1"]}
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum

from lead_automation.models import CrmRow, MessageRecord
from lead_automation.state.records import (
    dump_journal_record,
    dump_journal_row,
    parse_journal_record,
    parse_journal_row,
    quote,
)
from lead_automation.state.schema import (
    MAX_COUNT,
    Pool,
    SchemaError,
    check_keys,
    count_of,
    day_of,
    month_of,
    object_of,
    refuse,
    text_of,
)
from lead_automation.strictjson import JsonError, parse_json

VERSION = 1

_KEYS = frozenset({"v", "kind"})
_OPTIONAL = frozenset({"day", "base", "message", "messages", "quota", "owe", "drop", "calls"})


class Kind(Enum):
    """What a line records."""

    DAY = "day"
    """The first line of a quota day: the counts the file had before."""
    RESERVE = "reserve"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"
    ABSENT = "absent"
    READING = "reading"
    INVALID = "invalid"
    ROW_TAKEN = "row_taken"
    SETTLED = "settled"
    """Several messages of one POST, settled differently."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line.

    Attributes:
        day, base: Of a ``day`` line: the quota day, and its counts by counsellor.
        messages: The records as they are from now on, all of one day. One is written as
            ``message``, several (a batch) as ``messages``: a torn line counts for none of them.
        quota: Changes by counsellor, on the messages' day.
        owe: Rows owed from now on, or changed.
        drop: Ids of rows not owed any more.
        calls: WATI calls by month, totals.
    """

    kind: Kind
    day: date | None = None
    base: Mapping[str, int] = field(default_factory=dict)
    messages: tuple[MessageRecord, ...] = ()
    quota: Mapping[str, int] = field(default_factory=dict)
    owe: tuple[CrmRow, ...] = ()
    drop: tuple[str, ...] = ()
    calls: Mapping[str, int] = field(default_factory=dict)


def dump_line(line: Line) -> bytes:
    """Return a line as bytes, newline included."""
    parts = [f'"v": {VERSION}', f'"kind": "{line.kind.value}"']
    if line.day is not None:
        parts += [f'"day": "{line.day.isoformat()}"', f'"base": {_counts(line.base)}']
    if len(line.messages) == 1:
        parts.append(f'"message": {dump_journal_record(line.messages[0])}')
    elif line.messages:
        records = ", ".join(map(dump_journal_record, line.messages))
        parts.append(f'"messages": [{records}]')
    if line.quota:
        parts.append(f'"quota": {_counts(line.quota)}')
    if line.owe:
        parts.append(f'"owe": [{", ".join(map(dump_journal_row, line.owe))}]')
    if line.drop:
        parts.append(f'"drop": [{", ".join(map(quote, line.drop))}]')
    if line.calls:
        parts.append(f'"calls": {_counts(line.calls)}')
    return ("{" + ", ".join(parts) + "}\n").encode()


def _counts(counts: Mapping[str, int]) -> str:
    return "{" + ", ".join(f"{quote(name)}: {count}" for name, count in counts.items()) + "}"


def parse_line(data: bytes, pool: Pool) -> Line:
    """Return the line some bytes are.

    Raises:
        SchemaError: Not JSON, another version, an unknown kind or anything not of its form.
    """
    try:
        fields = object_of(parse_json(data, reject_duplicates=True))
    except JsonError as exc:
        raise SchemaError(str(exc)) from exc
    _check_version(fields.get("v"))
    check_keys(fields, _KEYS, _OPTIONAL)
    single = [] if fields.get("message") is None else [fields["message"]]
    line = Line(
        kind=_kind_of(fields["kind"]),
        day=day_of(text_of(fields["day"], "day")) if "day" in fields else None,
        base={name: count_of(n, name) for name, n in _object(fields, "base").items()},
        messages=tuple(
            parse_journal_record(record, pool) for record in [*single, *_list(fields, "messages")]
        ),
        quota={name: _change_of(n, name) for name, n in _object(fields, "quota").items()},
        owe=tuple(parse_journal_row(row, pool) for row in _list(fields, "owe")),
        drop=tuple(text_of(row_id, "drop") for row_id in _list(fields, "drop")),
        calls={month_of(m): count_of(n, m) for m, n in _object(fields, "calls").items()},
    )
    _check_whole(line)
    return line


def _check_version(version: object) -> None:
    if type(version) is not int or version < VERSION:
        refuse(version, f"version {VERSION}", "v")
    if version > VERSION:
        msg = f"version {version} is newer than this program: use the one that wrote it"
        raise SchemaError(msg, "v")


def _kind_of(value: object) -> Kind:
    try:
        return Kind(value)
    except ValueError:
        return refuse(value, "a kind this version knows: a newer one wrote it", "kind")


def _check_whole(line: Line) -> None:
    """Refuse a line that lacks what its kind is about."""
    if (line.kind is Kind.DAY) != (line.day is not None):
        msg = "only a day line has a day, and needs one"
        raise SchemaError(msg, "day")
    if line.kind not in (Kind.DAY, Kind.ROW_TAKEN) and not line.messages:
        msg = f"a {line.kind.value} line needs its message"
        raise SchemaError(msg, "message")
    if line.quota and len({message.day for message in line.messages}) != 1:
        msg = "a quota change needs its message, or several of one day"
        raise SchemaError(msg, "quota")


def _object(fields: Mapping[str, object], key: str) -> dict[str, object]:
    return object_of(fields[key]) if key in fields else {}


def _list(fields: Mapping[str, object], key: str) -> Iterable[object]:
    value = fields.get(key, [])
    if not isinstance(value, list):
        refuse(value, "a list", key)
    return value


def _change_of(value: object, key: str) -> int:
    if type(value) is not int or abs(value) > MAX_COUNT:
        refuse(value, "a whole number", key)
    return value

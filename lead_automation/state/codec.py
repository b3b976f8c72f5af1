"""JSON of the state files and the journal, read strictly and written a record a line.

Each stored thing is one ``msgspec.Struct``; reading checks every field against its declared type.
Nothing is guessed and nothing repaired: a value taken for less than it says would let too many
messages go out, so whatever is not exactly of the form asked for is refused.
"""

import json
import unicodedata
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta, timezone, tzinfo
from functools import partial
from typing import Annotated, Any, TypeVar

import msgspec

from lead_automation.stored import Count, LeadId, Phone
from lead_automation.text import clean, mask_numbers

Month = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])\Z")]
"""``2026-11``."""

_SHOWN_CHARS = 60  # of a damaged value: enough to find the place in the file

_K = TypeVar("_K")
_V = TypeVar("_V")


class SchemaError(ValueError):
    """A value is not of the form its place asks for.

    Attributes:
        problem: What is wrong with it.
        where: Keys that lead to it, from the outside in.
    """

    def __init__(self, problem: str, *where: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.where = where

    def under(self, key: str) -> "SchemaError":
        """Return the same error, seen from further outside."""
        return SchemaError(self.problem, key, *self.where)

    def __str__(self) -> str:
        """Return place and problem, without any whole number of a lead."""
        parts = " → ".join(mask_numbers(clean(key, _SHOWN_CHARS)) for key in self.where)
        return f"{parts}: {self._shown()}" if parts else self._shown()

    def _shown(self) -> str:
        return mask_numbers(clean(self.problem))


def read_value(value: object, kind: Any) -> Any:
    """Return a JSON value as the type it is declared to be.

    Raises:
        SchemaError: It is not of that type, or breaks a rule of it.
    """
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as exc:
        problem, _, place = str(exc).rpartition(" - at `$")
        if not problem:
            raise SchemaError(str(exc)) from exc
        raise SchemaError(problem, place.strip(".`")) from exc
    except UnicodeEncodeError as exc:  # half of a letter in JSON's escapes, such as "\\ud800"
        msg = "holds text that is no Unicode"
        raise SchemaError(msg) from exc


def read_struct(value: object, kind: type[_V], **outside: object) -> _V:
    """Return the struct a JSON object describes.

    Args:
        value: What was read; it may be changed.
        kind: A struct.
        outside: Fields that do not stand in the object but are the keys it is found under.

    Raises:
        SchemaError: A key is missing, unknown or not of its form.
    """
    if isinstance(value, dict) and outside:
        if not outside.keys().isdisjoint(value):
            msg = f"{' and '.join(outside)} stand outside of the object"
            raise SchemaError(msg)
        value.update(outside)
    read: _V = read_value(value, kind)
    return read


def read_entries(
    value: object, key_of: Callable[[str], _K], read: Callable[[Any, _K], _V]
) -> dict[_K, _V]:
    """Return the entries of a JSON object, each key and value read strictly.

    Args:
        value: What was read; it is emptied on the way, so that a long history is never in memory
            twice.
        key_of: Makes the key.
        read: Makes the value, from it and its key.

    Raises:
        SchemaError: Not an object, or an entry is refused; says which.
    """
    fields = object_of(value)
    entries: dict[_K, _V] = {}
    for number, text in enumerate(list(fields), start=1):
        try:
            key = key_of(text)
            entries[key] = read(fields.pop(text), key)
        except SchemaError as exc:
            raise exc.under(text) from exc
        if len(entries) != number:
            msg = "it stands twice, in two Unicode forms"
            raise SchemaError(msg, text)
    return entries


def object_of(value: object) -> dict[str, Any]:
    """Return a JSON object; SchemaError for anything else."""
    if not isinstance(value, dict):
        msg = f"Expected `object`, got `{type(value).__name__}`"
        raise SchemaError(msg)
    return value


def count_of(value: object, _: object = None) -> int:
    """Return a whole number of 0 or more."""
    count: int = read_value(value, Count)
    return count


# What a key names; SchemaError for anything else.
day_of: Callable[[object], date] = partial(read_value, kind=date)
month_of: Callable[[object], str] = partial(read_value, kind=Month)
phone_of: Callable[[object], str] = partial(read_value, kind=Phone)


def lead_id_of(value: object) -> str:
    """Return a lead id in its one form: text, Unicode NFC; ``123`` and ``"123"`` are one lead."""
    lead_id: str = read_value(str(value) if type(value) is int else value, LeadId)
    return normal_form(lead_id)


def normal_form(text: str) -> str:
    """Return text as it is compared: Unicode NFC."""
    return unicodedata.normalize("NFC", text)


def fields_of(value: msgspec.Struct, *outside: str) -> dict[str, object]:
    """Return a struct as a JSON object, without the fields that stand outside of it."""
    fields: dict[str, object] = msgspec.to_builtins(value)
    for key in outside:
        del fields[key]
    return fields


def dump_json(value: object, *, indent: int = 0) -> bytes:
    """Return a value as JSON, in one line unless indented; readable where UTF-8 can carry it."""
    try:
        return msgspec.json.format(msgspec.json.encode(value), indent=indent)
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can carry and UTF-8 cannot
        text = json.dumps(msgspec.to_builtins(value), indent=indent or None, ensure_ascii=False)
        return text.encode(errors="backslashreplace")  # JSON's own way to write that half


def dump_entry(key: str, value: object) -> bytes:
    """Return ``"key": value``."""
    return dump_json({key: value})[1:-1]


def dump_file(entries: Iterable[bytes]) -> bytes:
    """Return a file: a JSON object with an entry a line, so that a person can edit it.

    Args:
        entries: ``"key": value`` texts; a value may itself span lines.
    """
    inside = b",\n  ".join(entries)
    return b"{\n  %b\n}\n" % inside if inside else b"{}\n"


def at_offset(time: datetime, zone: tzinfo) -> datetime:
    """Return a moment in a zone, as written to the files: with a fixed offset.

    A fixed offset keeps order and equality true in the hour a clock change repeats.
    """
    offset = time.astimezone(zone).utcoffset() or timedelta()
    return time.astimezone(timezone(offset))

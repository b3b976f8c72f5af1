"""Check one JSON value of a state file at a time, strictly: nothing is guessed, nothing repaired.

``True`` is an int in Python and ``1e400`` a float in JSON; a value taken for less than it says
would let too many messages go out, so whatever is not exactly of the form asked for is refused.
"""

import json
import re
import unicodedata
from collections.abc import Set as AbstractSet
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Never

from lead_automation.text import clean, mask_numbers

MAX_COUNT = 1_000_000_000
MAX_LEAD_ID_CHARS = 128

_SHOWN_CHARS = 60
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MONTH = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])", re.ASCII)
_E164 = re.compile(r"\+[1-9][0-9]{0,14}", re.ASCII)


class SchemaError(ValueError):
    """A value is not of the form its place asks for.

    Attributes:
        problem: What is wrong with it, without any whole number of a lead.
        where: Keys that lead to it, from the outside in.
    """

    def __init__(self, problem: str, *where: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.where = where

    def under(self, *keys: str) -> "SchemaError":
        """Return the same error, seen from further outside."""
        return SchemaError(self.problem, *keys, *self.where)

    def __str__(self) -> str:
        place = " → ".join(mask_numbers(clean(key, _SHOWN_CHARS)) for key in self.where)
        return f"{place}: {self.problem}" if place else self.problem


class Pool:
    """Keep one object for texts and offsets that come back in every record.

    A hundred thousand records name a handful of templates, counsellors and offsets; sharing them
    saves a third of the memory.
    """

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._offsets: dict[tzinfo, tzinfo] = {UTC: UTC}

    def text(self, text: str) -> str:
        """Return the first text that was equal to this one."""
        return self._texts.setdefault(text, text)

    def parse_time(self, value: object, key: str) -> datetime | None:
        """Return a time written with its offset, or None for null.

        Raises:
            SchemaError: Not ``2026-11-22T09:15:24+05:30`` or the like.
        """
        if value is None:
            return None
        try:
            time = datetime.fromisoformat(value) if isinstance(value, str) else None
        except ValueError:
            time = None
        # The first and the last year cannot be moved to another offset.
        if time is None or time.tzinfo is None or not MINYEAR < time.year < MAXYEAR:
            refuse(value, "a time with offset like 2026-11-22T09:15:24+05:30, or null", key)
        return time.astimezone(self._offsets.setdefault(time.tzinfo, time.tzinfo))


def at_offset(time: datetime, zone: tzinfo) -> datetime:
    """Return a moment in a zone, as written to the files: with a fixed offset.

    A fixed offset keeps order and equality true in the hour a clock change repeats.
    """
    offset = time.astimezone(zone).utcoffset() or timedelta()
    return time.astimezone(timezone(offset))


def refuse(value: object, wanted: str, *where: str) -> Never:
    """Raise the SchemaError that says what stands there and what should."""
    shown = json.dumps(value, default=str, ensure_ascii=False)
    msg = f"{mask_numbers(clean(shown, _SHOWN_CHARS))} is not {wanted}"
    raise SchemaError(msg, *where)


def object_of(value: object, wanted: str = "an object {…}") -> dict[str, object]:
    """Return a JSON object."""
    if not isinstance(value, dict):
        refuse(value, wanted)
    return value


def check_keys(
    fields: dict[str, object],
    required: AbstractSet[str],
    optional: AbstractSet[str] = frozenset(),
) -> None:
    """Refuse an object that lacks a key, or has one this version would lose when writing."""
    if missing := sorted(required - fields.keys()):
        msg = f"{missing[0]!r} is missing"
        raise SchemaError(msg)
    if extra := sorted(fields.keys() - required - optional):
        msg = f"{mask_numbers(clean(extra[0], _SHOWN_CHARS))!r} is not a key this version knows"
        raise SchemaError(msg)


def count_of(value: object, key: str) -> int:
    """Return a whole number from 0 to MAX_COUNT; neither true nor 3.0 is one."""
    if type(value) is not int or not 0 <= value <= MAX_COUNT:
        refuse(value, "a whole number of 0 or more", key)
    return value


def text_of(value: object, key: str) -> str:
    """Return a text, possibly empty."""
    if not isinstance(value, str):
        refuse(value, "a text", key)
    return value


def optional_text_of(value: object, key: str) -> str | None:
    """Return a text or None for null."""
    if value is not None and not isinstance(value, str):
        refuse(value, "a text or null", key)
    return value


def phone_of(value: object, key: str) -> str:
    """Return an E.164 number: ``+`` and up to 15 digits."""
    if not isinstance(value, str) or not _E164.fullmatch(value):
        refuse(value, "a number like +919800000000", key)
    return value


def day_of(text: str) -> date:
    """Return the day a key names."""
    if _DAY.fullmatch(text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    return refuse(text, "a day like 2026-11-22")


def month_of(text: str) -> str:
    """Return the month a key names."""
    if not _MONTH.fullmatch(text):
        refuse(text, "a month like 2026-11")
    return text


def lead_id_of(value: object) -> str:
    """Return a lead id in its one form: text, Unicode NFC; ``123`` and ``"123"`` are one lead."""
    text = str(value) if type(value) is int else value
    if not isinstance(text, str) or not 0 < len(text) <= MAX_LEAD_ID_CHARS:
        refuse(value, f"a lead id of 1 to {MAX_LEAD_ID_CHARS} characters")
    return text if text.isascii() else unicodedata.normalize("NFC", text)

"""Find the reason for a refusal in any of the shapes WATI gives it; pure, never raises."""

from collections.abc import Iterator
from typing import NamedTuple

from lead_automation.strictjson import JsonError, parse_json
from lead_automation.wati.failures import MAX_TEXT_CHARS

# Meta's codes have at most six digits; longer numbers are ids, and int() refuses very long ones.
_MAX_CODE_DIGITS = 9


class Reason(NamedTuple):
    """Why something was refused.

    Attributes:
        code: The vendor's, where a field of its own held one.
        text: The vendor's words, at most 300 characters; "" when there were none.
    """

    code: int | None
    text: str


def find_reason(payload: object) -> Reason:
    """Return code and words of an answer that says no.

    Words are looked for in this order: ``info``, ``message``, ``error`` (text, or an object),
    ``errors[]`` (texts or ``{"code": 131026, "message": "…"}``, in bulk answers an object),
    ``items[].description``, ``receivers[].errors[]``, ``recipients[].errors[]``,
    ``failedDetail``; else it is the text itself. The code may stand elsewhere than the words.

    Args:
        payload: A JSON value already parsed, or the text or bytes of an answer.
    """
    value = _parsed(payload)
    if isinstance(value, list):  # errors without the object around them
        value = {"errors": value}
    if not isinstance(value, dict):
        return Reason(None, value.strip()[:MAX_TEXT_CHARS] if isinstance(value, str) else "")
    text = next((text.strip() for text in _texts(value) if text.strip()), "")
    return Reason(next(_codes(value), None), text[:MAX_TEXT_CHARS])


def to_code(value: object) -> int | None:
    """Return a code given as a number or as digits, None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 <= value < 10**_MAX_CODE_DIGITS else None
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value) if len(value) <= _MAX_CODE_DIGITS else None
    return None


def _parsed(payload: object) -> object:
    """Return the JSON value where the payload is text of one, else the text."""
    if not isinstance(payload, str | bytes):
        return payload
    # "replace", because a lone surrogate cannot be encoded.
    data = payload.encode("utf-8", "replace") if isinstance(payload, str) else payload
    try:
        return parse_json(data)
    except JsonError:
        return data.decode("utf-8", "replace")


def _texts(value: dict[str, object]) -> Iterator[str]:
    yield from _strings(value, "info", "message")
    yield from _entry_texts([value.get("error")])
    errors = value.get("errors")
    if isinstance(errors, dict):  # the form of v1's bulk call
        yield from _strings(errors, "error")
        for field in ("invalidWhatsappNumbers", "invalidCustomParameters"):
            yield from _entry_texts(errors.get(field))
    yield from _entry_texts(errors)
    for item in _objects(value.get("items")):
        yield from _strings(item, "description")
    for receiver in _receivers(value):
        yield from _entry_texts(receiver.get("errors"))
    yield from _strings(value, "failedDetail", "failed_detail")


def _codes(value: dict[str, object]) -> Iterator[int]:
    fields: list[object] = [value.get("failedCode"), value.get("failed_code")]
    yield from (code for field in fields if (code := to_code(field)) is not None)
    # Not under "items": the codes there are WATI's own validation words, not Meta's numbers.
    yield from _entry_codes([value.get("error")])
    yield from _entry_codes(value.get("errors"))
    for receiver in _receivers(value):
        yield from _entry_codes(receiver.get("errors"))


def _receivers(value: dict[str, object]) -> Iterator[dict[str, object]]:
    yield from _objects(value.get("receivers"))
    yield from _objects(value.get("recipients"))


def _objects(entries: object) -> Iterator[dict[str, object]]:
    if isinstance(entries, list):
        yield from (entry for entry in entries if isinstance(entry, dict))


def _entry_texts(entries: object) -> Iterator[str]:
    """Yield the words of errors that are texts or objects; one that is no list counts as one."""
    for entry in entries if isinstance(entries, list) else [entries]:
        if isinstance(entry, str):
            yield entry
        elif isinstance(entry, dict):
            yield from _strings(entry, "message", "error", "description", "title")


def _entry_codes(entries: object) -> Iterator[int]:
    for entry in _objects(entries):
        code = to_code(entry.get("code"))
        if code is not None:
            yield code


def _strings(value: dict[str, object], *keys: str) -> Iterator[str]:
    yield from (text for key in keys if isinstance(text := value.get(key), str))

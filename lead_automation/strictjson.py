"""Read JSON without Python's traps: one parser for answers, settings and state."""

import json
import math
from collections import Counter

MAX_DEPTH = 64
"""Nesting nobody's honest JSON here comes near; deeper is refused."""


class JsonError(ValueError):
    """The bytes are not JSON we accept; the message says why and where."""


def parse_json(data: bytes, *, reject_duplicates: bool = False, check_depth: bool = True) -> object:
    """Return the value of UTF-8 JSON bytes.

    Args:
        data: UTF-8, with or without a byte-order mark.
        reject_duplicates: Refuse an object that names a key twice (state files, where the first
            value would silently disappear).
        check_depth: False where every value is checked against a declared type afterwards, which
            is shallow: the walk would cost as much as reading a long history.

    Raises:
        JsonError: Not UTF-8, not JSON, NaN or an infinity, an integer too long to read, or nested
            too deeply.
    """
    try:
        text = data.decode("utf-8-sig")  # editors on Windows begin a file with a byte-order mark
    except UnicodeDecodeError as exc:
        msg = f"not UTF-8 at byte {exc.start}"
        raise JsonError(msg) from exc
    try:
        value = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_finite_float,
            object_pairs_hook=_unique if reject_duplicates else None,
        )
    except JsonError:  # raised by our hooks; it is a ValueError too
        raise
    except json.JSONDecodeError as exc:
        msg = f"{exc.msg} at line {exc.lineno}, column {exc.colno}"
        raise JsonError(msg) from exc
    except RecursionError as exc:  # from about a thousand brackets on; not a ValueError
        msg = "nested too deeply"
        raise JsonError(msg) from exc
    except ValueError as exc:  # an integer of more digits than Python converts
        msg = "a number too long to read"
        raise JsonError(msg) from exc
    if check_depth and text.count("{") + text.count("[") > MAX_DEPTH:  # else it is not so deep
        _check_depth(value)
    return value


def _refuse_constant(name: str) -> object:
    msg = f"{name} is not JSON"
    raise JsonError(msg)


def _finite_float(text: str) -> float:
    value = float(text)  # 1e999 is valid JSON and becomes an infinity
    if not math.isfinite(value):
        msg = f"{text[:20]} is too large"
        raise JsonError(msg)
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        msg = f"the key {twice[:40]!r} stands twice"
        raise JsonError(msg)
    return result


def _check_depth(value: object) -> None:
    """Walk level by level: recursion is what the limit protects from."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    msg = "nested too deeply"
    raise JsonError(msg)

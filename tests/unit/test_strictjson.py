"""JSON read without Python's traps."""

import json

import pytest

from lead_automation.strictjson import MAX_DEPTH, JsonError, parse_json


@pytest.mark.parametrize(
    "value", [{}, [], {"a": [1, 2.5, None, True, "é 💬"]}, "text", 0, -1.5e300, 10**300, None]
)
def test_parse_returns_what_was_written(value: object) -> None:
    """Every JSON value comes back as it was, with and without a byte-order mark."""
    data = json.dumps(value).encode()

    assert parse_json(data) == value
    assert parse_json(b"\xef\xbb\xbf" + data) == value


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "line 1, column 1"),
        (b"{", "line 1, column 2"),
        (b'{\n "a": 1,\n}', "line 3, column 1"),
        (b"{} {}", "Extra data"),
        (b'"\x01"', "Invalid control character"),
        (b"\xff\xfe", "not UTF-8 at byte 0"),
        (b'{"a": "\xc3"}', "not UTF-8 at byte 7"),
        (b"NaN", "NaN is not JSON"),
        (b'{"a": Infinity}', "Infinity is not JSON"),
        (b"[-Infinity]", "-Infinity is not JSON"),
        (b"1e999", "1e999 is too large"),
        (b"9" * 5000, "a number too long to read"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[" * 5000 + b"]" * 5000, "nested too deeply"),
    ],
    ids=range(14),
)
def test_parse_refuses_with_reason_and_place(data: bytes, problem: str) -> None:
    """What is no JSON, or more than we read, is refused in words."""
    with pytest.raises(JsonError, match=problem):
        parse_json(data)


def test_parse_refuses_one_level_too_many() -> None:
    """Sixty-four levels are read, sixty-five are not."""
    deepest = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH

    assert parse_json(deepest)
    with pytest.raises(JsonError, match="nested too deeply"):
        parse_json(b"[" + deepest + b"]")
    with pytest.raises(JsonError, match="nested too deeply"):
        parse_json(b'{"a": ' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1))


def test_parse_of_a_twin_key_depends_on_the_caller() -> None:
    """An answer may name a key twice, the last counts; a state file may not."""
    data = b'{"a": {"Anandi": 3, "Anandi": 4}}'

    assert parse_json(data) == {"a": {"Anandi": 4}}
    with pytest.raises(JsonError, match="the key 'Anandi' stands twice"):
        parse_json(data, reject_duplicates=True)
    assert parse_json(b'{"a": 1, "b": 1}', reject_duplicates=True) == {"a": 1, "b": 1}

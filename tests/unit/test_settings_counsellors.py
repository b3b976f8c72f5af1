"""The counsellors' file."""

import json

import pytest

from lead_automation.models import Counsellor
from lead_automation.settings.counsellors import BUILT_IN_COUNSELLORS, parse_counsellors
from lead_automation.settings.values import BadValueError, parse_phone_text

ENTRY = {"number": "+919812345678", "daily_limit": 50}
LIMIT = "for 'Asha' as daily_limit a whole number from 0 to 100000"
NUMBER = "for 'Asha' as number +, the country code"


def refusal(data: bytes) -> str:
    """Return what the parser expected."""
    with pytest.raises(BadValueError) as caught:
        parse_counsellors(data)
    return str(caught.value)


def test_counsellors_built_in_are_nine_with_fifty_each() -> None:
    """The company's own nine, in its order."""
    names = "Anandi Preeti Khushali Karan Sangita Maitri Chitra Pragatee Vaidehi"

    assert [counsellor.name for counsellor in BUILT_IN_COUNSELLORS] == names.split()
    assert {counsellor.daily_limit for counsellor in BUILT_IN_COUNSELLORS} == {50}
    assert len({counsellor.number for counsellor in BUILT_IN_COUNSELLORS}) == 9
    for counsellor in BUILT_IN_COUNSELLORS:
        assert parse_phone_text(counsellor.number) == counsellor.number


def test_counsellors_of_a_file_keep_its_order() -> None:
    """A limit of 0 is somebody on leave; a blank in a number does not matter."""
    data = b"""\xef\xbb\xbf{
        "Zoya Khan": {"number": "+91 98123 45678", "daily_limit": 0},
        "\\u0915\\u094d\\u200d\\u0937": {"daily_limit": 100000, "number": "+919812345679"}
    }"""

    assert parse_counsellors(data) == (
        Counsellor(name="Zoya Khan", number="+919812345678", daily_limit=0),
        Counsellor(name="\u0915\u094d\u200d\u0937", number="+919812345679", daily_limit=100_000),
    )
    with pytest.raises(BadValueError, match="one counsellor at least"):
        parse_counsellors(b"{}")


@pytest.mark.parametrize(
    ("expected", "field", "values"),
    [
        # Whole numbers from 0 to 100,000, and true is not one.
        (LIMIT, "daily_limit", (-1, 1e9, 100_001, "3", 3.7, 3.0, True, "", None, [])),
        # Text with plus and country code; the number itself is not repeated.
        (NUMBER, "number", (919812345678, None, "", "9812345678", ["+919812345678"])),
        # A misspelt field would silently not count.
        ("for 'Asha' exactly number and daily_limit", "dailylimit", (5,)),
    ],
)
def test_counsellors_field_of_another_kind_is_refused(
    expected: str, field: str, values: tuple[object, ...]
) -> None:
    """The words name the person and what belongs there."""
    for value in values:
        told = refusal(json.dumps({"Asha": {**ENTRY, field: value}}).encode())
        assert told.startswith(expected), value


@pytest.mark.parametrize("name", ["", " ", " Asha", "Asha ", "A\nB", "A\u202eB", "x" * 61])
def test_counsellors_name_not_presentable_is_refused(name: str) -> None:
    """The name goes to the lead."""
    assert "a name of" in refusal(json.dumps({name: ENTRY}).encode())


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"[]", "a JSON object {"),
        (b"null", "a JSON object {"),
        (b"", "a JSON file ("),
        (b"\xff\xfe{}", "a JSON file ("),
        (b'{"A": 1e999}', "a JSON file ("),
        (b"[" * 100_000, "a JSON file ("),
        (b'{"A": {}, "A": {}}', "a JSON file ("),
        (b'{"A": {"daily_limit": 1, "daily_limit": 2}}', "a JSON file ("),
        (b'{"A": {"number": "1", "daily_limit": -1}, "B": 5}', "; for 'B' exactly"),
        *((b'{"A": %s}' % entry, "for 'A' exactly number") for entry in (b"null", b"[]", b"5")),
        (b'{"A": {"daily_limit": 50}}', "for 'A' exactly number and daily_limit"),
        # Composed and decomposed, two names would share one quota.
        (json.dumps({"Zo\u00eb": ENTRY, "Zoe\u0308": ENTRY}).encode(), "each name once"),
    ],
    ids=range(14),
)
def test_counsellors_file_that_is_no_sound_json_is_refused(data: bytes, expected: str) -> None:
    """Another shape, cut, nested, ambiguous; every problem is named."""
    assert expected in refusal(data)

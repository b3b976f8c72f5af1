"""The counsellors' file."""

import json

import pytest

from lead_automation.models import Counsellor
from lead_automation.settings.counsellors import BUILT_IN_COUNSELLORS, parse_counsellors
from lead_automation.settings.values import BadValueError, parse_phone_text


def make_file(**changes: object) -> bytes:
    """Return a file of one counsellor with fields changed."""
    return json.dumps({"Asha": {"number": "+919812345678", "daily_limit": 50, **changes}}).encode()


def refusal(data: bytes) -> str:
    """Return what the parser expected."""
    with pytest.raises(BadValueError) as caught:
        parse_counsellors(data)
    return str(caught.value)


def test_counsellors_built_in_are_nine_with_fifty_each() -> None:
    """The company's own nine, in its order."""
    assert [counsellor.name for counsellor in BUILT_IN_COUNSELLORS] == [
        "Anandi",
        "Preeti",
        "Khushali",
        "Karan",
        "Sangita",
        "Maitri",
        "Chitra",
        "Pragatee",
        "Vaidehi",
    ]
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


def test_counsellors_of_an_empty_object_are_nobody() -> None:
    """An empty office is a valid one: nothing is sent."""
    assert parse_counsellors(b"{}") == ()


@pytest.mark.parametrize(
    "limit", [-1, 1e9, 100_001, "3", 3.7, 3.0, True, False, "", None, [], float("1e22")]
)
def test_counsellors_daily_limit_of_another_kind_is_refused(limit: object) -> None:
    """Whole numbers from 0 to 100,000, and true is not one."""
    text = refusal(make_file(daily_limit=limit))

    assert text == "for 'Asha' as daily_limit a whole number from 0 to 100000"


@pytest.mark.parametrize(
    "number", [919812345678, None, "", "9812345678", "+91x", ["+919812345678"]]
)
def test_counsellors_number_of_another_kind_is_refused(number: object) -> None:
    """Text with plus and country code; the number itself is not repeated."""
    text = refusal(make_file(number=number))

    assert text.startswith("for 'Asha' as number +, the country code")


@pytest.mark.parametrize("name", ["", " ", " Asha", "Asha ", "A\nB", "A\u202eB", "x" * 61])
def test_counsellors_name_not_presentable_is_refused(name: str) -> None:
    """The name goes to the lead."""
    entry = {"number": "+919812345678", "daily_limit": 50}

    assert "a name of" in refusal(json.dumps({name: entry}).encode())


@pytest.mark.parametrize(
    "entry", [None, 50, [], {}, {"number": "+919812345678"}, {"daily_limit": 50}]
)
def test_counsellors_entry_of_another_shape_is_refused(entry: object) -> None:
    """Both fields, nothing else."""
    assert refusal(json.dumps({"Asha": entry}).encode()) == (
        "for 'Asha' exactly number and daily_limit"
    )


def test_counsellors_entry_with_an_unknown_field_is_refused() -> None:
    """A misspelt field would silently not count."""
    assert "exactly number and daily_limit" in refusal(make_file(dailylimit=5))


@pytest.mark.parametrize("data", [b"[]", b"null", b'"x"', b"3", b"true"])
def test_counsellors_file_that_is_no_object_is_refused(data: bytes) -> None:
    """The shape is shown."""
    assert "JSON object" in refusal(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff\xfe{}",
        b'{"A": NaN}',
        b'{"A": 1e999}',
        b"[" * 100_000,
        b'{"a":' * 5_000,
        b'{"A": ' + b"9" * 5_000 + b"}",
        b'{"A": {"number": "+919812345678", "daily_limit": 1, "daily_limit": 2}}',
        b'{"A": {"number": "+919812345678", "daily_limit": 1}, "A": {}}',
    ],
)
def test_counsellors_file_that_is_no_sound_json_is_refused(data: bytes) -> None:
    """Cut, nested, endless or ambiguous: one error, no crash."""
    assert refusal(data).startswith("a JSON file (")


def test_counsellors_whose_names_are_the_same_letters_are_refused() -> None:
    """Composed and decomposed, the names would share one quota."""
    entry = {"number": "+919812345678", "daily_limit": 50}
    data = json.dumps({"Zo\u00eb": entry, "Zoe\u0308": entry}).encode()

    assert "each name once" in refusal(data)


def test_counsellors_with_many_problems_name_them_all() -> None:
    """One look at the message mends the file."""
    data = b'{"A": {"number": "1", "daily_limit": -1}, "B": 5}'

    assert refusal(data).count("for '") == 3

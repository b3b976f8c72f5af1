"""Numbers as the CRM writes them, and E.164."""

import pytest

from lead_automation.leads.phone import parse_phone

MOBILE = "+919812345678"


@pytest.mark.parametrize(
    "raw",
    [
        "+919812345678",
        "919812345678",
        "9812345678",
        "09812345678",
        "00919812345678",
        "+91 98123 45678",
        "+91-98123-45678",
        "(+91) 98123 45678".replace("(+91)", "+(91)"),
        "98123.45678",
        "  +91 9812345678 ",
        "+91\u00a098123\u202f45678",
        "+91\u201198123\u201345678",
        "\u202a+919812345678\u202c",
        "\u200e9812345678",
        "\uff0b\uff19\uff11 9812345678",
        "\u096f\u096e\u0967\u0968\u0969\u096a\u096b\u096c\u096d\u096e",
        9812345678,
        919812345678,
        9812345678.0,
    ],
)
def test_phone_of_the_region_in_any_honest_form_is_accepted(raw: object) -> None:
    """Spaces, dashes, brackets, other digits and a JSON number all mean the same number."""
    parsed = parse_phone(raw, "IN")

    assert parsed.e164 == MOBILE
    assert parsed.problem == ""


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (None, "missing"),
        ("", "missing"),
        (True, "neither text nor a whole number"),
        (False, "neither text nor a whole number"),
        ([], "neither text nor a whole number"),
        (["9812345678"], "neither text nor a whole number"),
        ({"number": "9812345678"}, "neither text nor a whole number"),
        (9812345678.5, "neither text nor a whole number"),
        (-9812345678, "neither text nor a whole number"),
        (0, "neither text nor a whole number"),
        (10**15, "neither text nor a whole number"),
        (10**400, "neither text nor a whole number"),
        (1e300, "neither text nor a whole number"),
        (float("inf"), "neither text nor a whole number"),
        (float("nan"), "neither text nor a whole number"),
        ("   ", "no digits"),
        ("-", "no digits"),
        ("+", "no digits"),
        ("1234", "4 digits"),
        ("+1234567890123456", "16 digits"),
        ("9" * 300, "longer than 40 characters"),
        ("9" * 30, "30 digits"),
        ("9812345678.0", "written as a decimal number"),
        ("9812345678.00", "written as a decimal number"),
        ("919812345678.5", "written as a decimal number"),
        ("98123456780.000", "written as a decimal number"),
        ("9.8E9", "characters that no number has"),
        ("9.8E+9", "characters that no number has"),
        ("+91+919812345678", "a second +"),
        ("++919812345678", "a second +"),
        ("9812345678+", "a second +"),
        ("+919812345678\n+919800000000", "characters that no number has"),
        ("+919812345678\n", "characters that no number has"),
        ("9812345678/9800000000", "characters that no number has"),
        ("9812345678, 9800000000", "characters that no number has"),
        ("9812345678 ext 5", "characters that no number has"),
        ("9812345678x5", "characters that no number has"),
        ("9812345678;ext=5", "characters that no number has"),
        ("9812345678#5", "characters that no number has"),
        ("tel:+919812345678", "characters that no number has"),
        ("1800FLOWERS", "characters that no number has"),
        ("98123\x0045678", "characters that no number has"),
        ("a/b", "characters that no number has"),
        ("+999 12345678", "not a phone number"),
        ("+91 12345", "not a valid number of its country"),
        ("98123456789", "not a valid number of its country"),
        ("14155552671", "not a valid number of its country"),
        ("02228888888", "a fixed line, not a mobile"),
        ("1800 425 3800", "a toll-free number, not a mobile"),
        ("+44 909 879 0000", "a premium-rate number, not a mobile"),
        ("+49 180 1234567", "a shared-cost number, not a mobile"),
        ("+800 1234 5678", "a toll-free number, not a mobile"),
    ],
)
def test_phone_that_is_none_is_refused_with_the_reason(raw: object, problem: str) -> None:
    """Each rule has its words, and none of them holds the number."""
    parsed = parse_phone(raw, "IN")

    assert parsed.e164 is None
    assert parsed.problem == problem


def test_phone_of_a_kind_without_a_name_is_refused() -> None:
    """A type the table does not name is still no mobile."""
    parsed = parse_phone("+49 700 12345678", "IN")

    assert parsed.e164 is None
    assert parsed.problem == "of another kind, not a mobile"


@pytest.mark.parametrize(
    ("raw", "e164"),
    [
        ("+1 415 555 2671", "+14155552671"),
        ("+44 7911 123456", "+447911123456"),
        ("+44 (0)7911 123456", "+447911123456"),
        ("+971 50 123 4567", "+971501234567"),
        ("+61 412 345 678", "+61412345678"),
        ("0061 412 345 678", "+61412345678"),
    ],
)
def test_phone_of_another_country_with_plus_is_accepted(raw: str, e164: str) -> None:
    """A valid mobile number of any country is sent to."""
    assert parse_phone(raw, "IN").e164 == e164


def test_phone_without_country_code_follows_the_region() -> None:
    """The same digits are another number in another region."""
    assert parse_phone("0412 345 678", "AU").e164 == "+61412345678"
    assert parse_phone("0412 345 678", "IN").e164 is None


@pytest.mark.parametrize(
    ("raw", "given"),
    [
        (None, ""),
        ("call me\n", "call me\\u000a"),
        (9812345678, "9812345678"),
        ([1, 2], ""),
        pytest.param(10**5000, "", id="5001 digits"),
        ("9" * 300, "9" * 39 + "…"),
    ],
)
def test_phone_as_given_is_kept_cleaned_and_short(raw: object, given: str) -> None:
    """The CRM's own row shows what the CRM wrote, without anything that could do harm."""
    assert parse_phone(raw, "IN").given == given

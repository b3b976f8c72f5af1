"""Numbers as the CRM writes them, and E.164."""

import pytest

from lead_automation.leads.phone import parse_phone

MOBILE = "+919812345678"
HONEST: tuple[object, ...] = (
    *("+919812345678", "919812345678", "9812345678", "09812345678", "00919812345678"),
    *("+91 98123 45678", "+91-98123-45678", "+(91) 98123 45678", "98123.45678"),
    *("  +91 9812345678 ", "+91\u00a098123\u202f45678", "+91\u201198123\u201345678"),
    *("\u202a+919812345678\u202c", "\u200e9812345678", "\uff0b\uff19\uff11 9812345678"),
    "\u096f\u096e\u0967\u0968\u0969\u096a\u096b\u096c\u096d\u096e",
    *(9812345678, 919812345678, 9812345678.0),
)
ODD_NUMBERS = (-9812345678, 0, 10**15, 10**400, 1e300, 9812345678.5, float("inf"), float("nan"))
REFUSED: list[tuple[str, tuple[object, ...]]] = [
    ("missing", (None, "")),
    ("neither text nor a whole number", (True, False, [], ["9812345678"], {"number": "98"})),
    ("neither text nor a whole number", ODD_NUMBERS),
    ("no digits", ("   ", "-", "+")),
    ("4 digits", ("1234",)),
    ("16 digits", ("+1234567890123456",)),
    ("30 digits", ("9" * 30,)),
    ("longer than 40 characters", ("9" * 300,)),
    ("written as a decimal number", ("9812345678.0", "9812345678.00")),
    ("written as a decimal number", ("919812345678.5", "98123456780.000")),
    ("a second +", ("+91+919812345678", "++919812345678", "9812345678+")),
    ("characters that no number has", ("9.8E9", "9.8E+9", "98123\x0045678", "a/b", "1800FLOWERS")),
    ("characters that no number has", ("+919812345678\n+919800000000", "+919812345678\n")),
    ("characters that no number has", ("9812345678/9800000000", "9812345678, 9800000000")),
    ("characters that no number has", ("9812345678 ext 5", "9812345678x5", "9812345678;ext=5")),
    ("characters that no number has", ("9812345678#5", "tel:+919812345678")),
    ("not a phone number", ("+999 12345678",)),
    ("not a valid number of its country", ("+91 12345", "98123456789", "14155552671")),
    ("a fixed line, not a mobile", ("02228888888",)),
    ("a toll-free number, not a mobile", ("1800 425 3800", "+800 1234 5678")),
    ("a premium-rate number, not a mobile", ("+44 909 879 0000",)),
    ("a shared-cost number, not a mobile", ("+49 180 1234567",)),
    ("of another kind, not a mobile", ("+49 700 12345678",)),
]


def test_phone_of_the_region_in_any_honest_form_is_accepted() -> None:
    """Spaces, dashes, brackets, other digits and a JSON number all mean the same number."""
    for raw in HONEST:
        parsed = parse_phone(raw, "IN")
        assert (parsed.e164, parsed.problem) == (MOBILE, ""), raw


@pytest.mark.parametrize(("problem", "raws"), REFUSED)
def test_phone_that_is_none_is_refused_with_the_reason(
    problem: str, raws: tuple[object, ...]
) -> None:
    """Each rule has its words, and none of them holds the number."""
    for raw in raws:
        parsed = parse_phone(raw, "IN")
        assert (parsed.e164, parsed.problem) == (None, problem), raw


@pytest.mark.parametrize(
    ("raw", "region", "e164"),
    [
        ("+1 415 555 2671", "IN", "+14155552671"),
        ("+44 7911 123456", "IN", "+447911123456"),
        ("+44 (0)7911 123456", "IN", "+447911123456"),
        ("+971 50 123 4567", "IN", "+971501234567"),
        ("0061 412 345 678", "IN", "+61412345678"),
        # Without country code the same digits are another number in another region.
        ("0412 345 678", "AU", "+61412345678"),
        ("0412 345 678", "IN", None),
    ],
)
def test_phone_of_another_country_needs_its_code(raw: str, region: str, e164: str | None) -> None:
    """A valid mobile number of any country is sent to."""
    assert parse_phone(raw, region).e164 == e164


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

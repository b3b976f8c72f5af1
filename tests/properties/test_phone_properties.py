"""Properties of the number parser."""

import re

from hypothesis import given
from hypothesis import strategies as st

from lead_automation.leads.phone import parse_phone

REGIONS = st.sampled_from(["IN", "US", "GB", "AR", "MX", "BR", "IT", "DE", "CI", "SM", "AC"])
E164 = re.compile(r"\+[1-9][0-9]{6,14}")

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
NUMBER_LIKE = st.text(alphabet="+0123456789 ()-./x\u200e\u0967", max_size=25)
# Prefixes of countries that once changed their mobile numbers, or write them in two ways.
DIGITS = st.builds(
    lambda head, tail: f"+{head}{tail}",
    st.sampled_from(
        ["91", "9198", "1415", "447", "549", "54911", "521", "5255", "5511", "39", "225"]
    ),
    st.text(alphabet="0123456789", min_size=4, max_size=11),
)


@given(raw=JSON_VALUES | NUMBER_LIKE | DIGITS, region=REGIONS)
def test_phone_of_any_value_is_e164_or_a_reason(raw: object, region: str) -> None:
    """Nothing raises, and exactly one of number and reason is there."""
    parsed = parse_phone(raw, region)

    if parsed.e164 is None:
        assert parsed.problem
    else:
        assert parsed.problem == ""
        assert E164.fullmatch(parsed.e164)
    assert len(parsed.given) <= 40 * 10


@given(raw=NUMBER_LIKE | DIGITS | st.integers(10**9, 10**13), region=REGIONS, other=REGIONS)
def test_phone_parsed_again_is_itself_in_any_region(raw: object, region: str, other: str) -> None:
    """E.164 is a fixed point: normalised once, it compares equal for ever."""
    parsed = parse_phone(raw, region)

    if parsed.e164 is not None:
        assert parse_phone(parsed.e164, other).e164 == parsed.e164


@given(national=st.from_regex(r"[6-9][0-9]{9}", fullmatch=True))
def test_phone_of_an_indian_mobile_is_the_same_in_every_spelling(national: str) -> None:
    """With and without country code, prefix and plus: one number, or none."""
    spellings = [
        f"+91{national}",
        f"91{national}",
        national,
        f"0{national}",
        f"0091{national}",
        int(national),
        f"{national[:5]} {national[5:]}",
    ]

    assert len({parse_phone(spelling, "IN").e164 for spelling in spellings}) == 1

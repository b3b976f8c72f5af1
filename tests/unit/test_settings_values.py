"""Single settings: what is accepted, what is refused, and in which words."""

import importlib.util
import zoneinfo
from collections.abc import Callable, Iterator
from pathlib import Path

import phonenumbers
import pytest

from lead_automation.settings import values
from lead_automation.settings.values import BadValueError


def refusal(parse: Callable[[str], object], text: str) -> str:
    """Return what the parser says it expected."""
    with pytest.raises(BadValueError) as caught:
        parse(text)
    return str(caught.value)


@pytest.fixture
def no_zones() -> Iterator[None]:
    """Take the machine's time zones away."""
    if importlib.util.find_spec("tzdata") is not None:
        pytest.skip("the tzdata package is installed, so zones cannot be missing")
    zoneinfo.reset_tzpath(to=[])
    zoneinfo.ZoneInfo.clear_cache()
    yield
    zoneinfo.reset_tzpath()
    zoneinfo.ZoneInfo.clear_cache()


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("abc.DEF-123_~+/=", "abc.DEF-123_~+/="),
        ("Bearer abc", "abc"),
        ("bearer  abc", "abc"),
        ("BEARER\tabc", "abc"),
        ("Bearerabc", "Bearerabc"),
        ("x" * 4096, "x" * 4096),
    ],
)
def test_token_with_or_without_bearer_is_the_bare_token(text: str, token: str) -> None:
    """The client adds the scheme itself."""
    assert values.parse_token(text).reveal() == token


BAD_TOKENS = [
    "a b",
    "tok\nX: 1",
    "tok\n",
    "\ntok",
    "tok\r",
    "to\x00k",
    "to\tk",
    "tok\x7f",
    "tök",
    "tok\u200b",
    "tok\udc80",
    "x" * 4097,
    "Bearer Bearer x",
]


@pytest.mark.parametrize("text", [*BAD_TOKENS, "Bearer", "token", "Token abc"])
def test_token_with_anything_but_visible_ascii_is_refused(text: str) -> None:
    """What could end a header or be changed on its way is no token."""
    assert "visible ASCII" in refusal(values.parse_token, text)


@pytest.mark.parametrize(
    "text", ["changeme", "ChangeMe", "your_wati_api_key_here", "Bearer your_wati_api_key_here"]
)
def test_token_left_as_in_the_example_is_named_a_placeholder(text: str) -> None:
    """The example's own values are not credentials."""
    assert "placeholder" in refusal(values.parse_token, text)


@pytest.mark.parametrize("text", ["Token abc123", "abc123", "Bearer a.b.c", "Basic dXNlcjpwdw=="])
def test_header_value_of_scheme_and_token_is_kept_whole(text: str) -> None:
    """The CRM's header is sent as it is written."""
    assert values.parse_header_value(text).reveal() == text


@pytest.mark.parametrize(
    "text",
    ["Token", "bearer", "Token  abc", "Token a b", "Token a\nX: 1", "Tök abc", "Token a\x00", "é"],
)
def test_header_value_of_another_form_is_refused(text: str) -> None:
    """Scheme, one blank, token; nothing invisible."""
    assert "header value" in refusal(values.parse_header_value, text)


@pytest.mark.parametrize("text", ["Token your_api_token_here", "changeme", "Token changeme"])
def test_header_value_left_as_in_the_example_is_named_a_placeholder(text: str) -> None:
    """Behind a scheme too."""
    assert "placeholder" in refusal(values.parse_header_value, text)


def test_word_of_an_id_is_kept_and_anything_else_refused() -> None:
    """Ids go into paths and queries."""
    assert values.parse_word("100138") == "100138"
    assert "placeholder" in refusal(values.parse_word, "your_instance_id")
    for text in ("a b", "a/b", "..", "a?b", "x" * 65, "é"):
        assert "1 to 64 letters" in refusal(values.parse_word, text)


@pytest.mark.parametrize(
    "text", ["it's", 'say "hi"', "a/b", "a\nb", "a b", "{{1}}", "x" * 2048, "naïve"]
)
def test_template_name_with_odd_characters_is_refused(text: str) -> None:
    """WATI's element names are plain words."""
    assert "element name" in refusal(values.parse_template_name, text)


def test_template_name_of_plain_characters_is_kept() -> None:
    """The longest allowed name is one."""
    assert values.parse_template_name("offer_v2.1-aug") == "offer_v2.1-aug"
    assert values.parse_template_name("x" * 512) == "x" * 512


def test_parameter_names_in_order_are_three() -> None:
    """Blanks around the commas do not matter; the order does."""
    assert values.parse_parameter_names("name, 2 ,phone") == ("name", "2", "phone")


@pytest.mark.parametrize("text", ["1,2", "1,2,3,4", "1,2,2", "1,,3", ",", "1,2,{{3}}", "a b,2,3"])
def test_parameter_names_of_another_count_or_form_are_refused(text: str) -> None:
    """Three different names, nothing else."""
    assert "three different" in refusal(values.parse_parameter_names, text)


def test_label_printable_is_kept_and_control_characters_refused() -> None:
    """A broadcast name is shown in a dashboard."""
    assert values.parse_label("Aug – offers") == "Aug – offers"
    for text in ("a\nb", "a\u202eb", "x" * 101):
        assert "printable" in refusal(values.parse_label, text)


def test_channel_number_is_digits_only() -> None:
    """WATI takes the sender without plus."""
    assert values.parse_channel_number("+1 (555) 000-1111") == "15550001111"
    assert values.parse_channel_number("15550001111") == "15550001111"
    for text in ("12", "1" * 16, "abc", "１５５５０００１１１１"):
        assert "number" in refusal(values.parse_channel_number, text)


def test_phone_text_is_plus_and_digits() -> None:
    """Only the form is judged."""
    assert values.parse_phone_text("+91 98123-45678") == "+919812345678"
    for text in ("9812345678", "+0123456789", "+12345", "+" + "1" * 16, "+91x", "", "++919812345"):
        assert "country code" in refusal(values.parse_phone_text, text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0.0), ("0.0", 0.0), ("1.5", 1.5), (".5", 0.5), ("2.", 2.0), ("86400", 86400.0)],
)
def test_seconds_plain_decimals_are_taken(text: str, seconds: float) -> None:
    """Zero and a day are the limits."""
    assert values.parse_seconds(text) == seconds


BAD_NUMBERS = ["-1", "nan", "inf", "1e3", "+1", "1_000", "1,5", "0x10", "true", "１", "1 s", "."]


@pytest.mark.parametrize("text", [*BAD_NUMBERS, "86400.001", "9" * 400, "\n1"])
def test_seconds_of_another_form_or_too_many_are_refused(text: str) -> None:
    """No sign, no exponent, no infinity."""
    assert "seconds from 0 to 86400" in refusal(values.parse_seconds, text)


def test_timeout_of_zero_is_refused() -> None:
    """A patience of nothing would make every call fail."""
    assert values.parse_timeout("0.5") == 0.5
    assert "above 0" in refusal(values.parse_timeout, "0")
    assert "above 0" in refusal(values.parse_timeout, "0.0")


def test_count_from_one_to_the_maximum_is_taken() -> None:
    """Both ends belong to it."""
    parse = values.count_parser(500)

    assert [parse("1"), parse("500"), parse("007")] == [1, 500, 7]


@pytest.mark.parametrize("text", [*BAD_NUMBERS, "0", "501", "3.7", "1e9", "9" * 5000])
def test_count_of_another_form_or_out_of_range_is_refused(text: str) -> None:
    """Whole numbers in plain digits."""
    assert refusal(values.count_parser(500), text) == "a whole number from 1 to 500"


def test_choice_in_any_case_is_taken_and_others_refused() -> None:
    """The choices are named."""
    parse = values.choice_parser({"growth": 1, "Pro": 2})

    assert [parse("GROWTH"), parse("pro")] == [1, 2]
    assert refusal(parse, "gold") == "growth or Pro"


@pytest.mark.parametrize("text", ["true", "TRUE", "yes", "on", "1"])
def test_switch_on_in_any_usual_word_is_true(text: str) -> None:
    """What people write for yes."""
    assert values.parse_switch(text) is True


@pytest.mark.parametrize("text", ["false", "False", "no", "off", "0"])
def test_switch_off_in_any_usual_word_is_false(text: str) -> None:
    """What people write for no."""
    assert values.parse_switch(text) is False


@pytest.mark.parametrize("text", ["maybe", "2", "ture", "none"])
def test_switch_of_another_word_is_refused(text: str) -> None:
    """A misspelt true is not false."""
    assert refusal(values.parse_switch, text) == "true or false"


def test_clock_times_at_the_limits_are_taken() -> None:
    """24:00 ends a day but begins none."""
    assert values.parse_start_time("00:00") == 0
    assert values.parse_start_time("9:05") == 545
    assert values.parse_start_time("23:59") == 1439
    assert values.parse_end_time("24:00") == 1440
    assert values.parse_end_time("00:00") == 0
    assert refusal(values.parse_start_time, "24:00") == "a time from 00:00 to 23:59"


@pytest.mark.parametrize(
    "text", ["24:01", "25:00", "12:60", "9", "9:5", "-1:00", "09:00:00", "9am"]
)
def test_clock_times_of_another_form_are_refused(text: str) -> None:
    """Hours and minutes of one day."""
    assert "a time from 00:00" in refusal(values.parse_start_time, text)
    assert refusal(values.parse_end_time, text) == "a time from 00:00 to 24:00"


def test_days_short_or_long_in_any_order_are_taken() -> None:
    """Monday is 0."""
    assert values.parse_days("Mon, fri,SUNDAY,Mon") == frozenset({0, 4, 6})


@pytest.mark.parametrize("text", ["Mon,,Tue", "Mon-Fri", "M", "1,2", "Montag", ","])
def test_days_of_another_form_are_refused(text: str) -> None:
    """Names with commas between."""
    assert "weekdays" in refusal(values.parse_days, text)


def test_region_known_is_upper_case_and_unknown_refused() -> None:
    """A region nobody knows would make every national number invalid."""
    assert values.parse_region("in") == "IN"
    assert "GB" in refusal(values.parse_region, "UK")
    for text in ("XX", "IND", "I", "91", "001"):
        assert "region code" in refusal(values.parse_region, text)


def test_regions_listed_are_known_to_phonenumbers() -> None:
    """The list that saves the import is a true one."""
    assert frozenset(phonenumbers.SUPPORTED_REGIONS) >= values.REGIONS
    assert len(values.REGIONS) > 240


@pytest.mark.parametrize("text", ["Asia/Kolkata", "UTC", "Etc/GMT+5", "America/Argentina/Salta"])
def test_zone_of_the_iana_list_is_taken(text: str) -> None:
    """One to three parts."""
    assert values.parse_zone(text).key == text


@pytest.mark.parametrize(
    "text",
    [
        "IST",
        "Asia",
        "../../etc/passwd",
        "/etc/localtime",
        "Asia/../Asia/Kolkata",
        "localtime",
        "posixrules",
        "right/Asia/Kolkata",
        "posix/Asia/Kolkata",
        "leapseconds",
        "tzdata.zi",
        "Asia/Kolkata\x00",
        "x" * 5000,
        "UTC+5:30",
    ],
)
def test_zone_of_no_iana_name_is_refused(text: str) -> None:
    """Abbreviations, paths, the server's own zone and other files of the zone folder."""
    assert refusal(values.parse_zone, text).startswith("an IANA time zone such as Asia/Kolkata")


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("Asia/Calcuta", "Asia/Calcutta"),
        ("asia/kolkata", "Asia/Kolkata"),
        ("Europe/Berln", "Europe/Berlin"),
    ],
)
def test_zone_misspelt_names_the_nearest(text: str, near: str) -> None:
    """The operator need not look the name up."""
    assert f"did you mean {near}?" in refusal(values.parse_zone, text)


@pytest.mark.usefixtures("no_zones")
def test_zone_on_a_machine_without_zones_names_the_package() -> None:
    """A machine without zone data is told what to install."""
    assert "install the tzdata package" in refusal(values.parse_zone, "Asia/Kolkata")


def test_path_is_expanded_and_control_characters_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tilde is the user's home, as in a shell."""
    monkeypatch.setenv("HOME", "/home/operator")

    assert values.parse_path("~/state") == Path("/home/operator/state")
    assert values.parse_path("../state") == Path("../state")
    assert "no such home" in refusal(values.parse_path, "~nobody-has-this-name/state")
    for text in ("a\x00b", "a\nb", "a\udc80"):
        assert "control characters" in refusal(values.parse_path, text)

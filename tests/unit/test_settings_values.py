"""Single settings: what is accepted, what is refused, and in which words."""

import importlib.util
import zoneinfo
from collections.abc import Callable, Iterator
from pathlib import Path

import phonenumbers
import pytest

from lead_automation.secret import Secret
from lead_automation.settings import values
from lead_automation.settings.values import BadValueError

PARSERS: dict[str, Callable[[str], object]] = {
    "token": values.parse_token,
    "header": values.parse_header_value,
    "word": values.parse_word,
    "template": values.parse_template_name,
    "parameters": values.parse_parameter_names,
    "label": values.parse_label,
    "channel": values.parse_channel_number,
    "phone": values.parse_phone_text,
    "seconds": values.parse_seconds,
    "timeout": values.parse_timeout,
    "count": values.count_parser(500),
    "choice": values.choice_parser({"growth": 1, "Pro": 2}),
    "switch": values.parse_switch,
    "start": values.time_parser("23:59"),
    "end": values.time_parser("24:00"),
    "days": values.parse_days,
    "region": values.parse_region,
    "zone": values.parse_zone,
    "path": values.parse_path,
}


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


TAKEN: list[tuple[str, dict[str, object]]] = [
    ("token", {text: Secret("abc") for text in ("Bearer abc", "bearer  abc", "BEARER\tabc")}),
    ("token", {text: Secret(text) for text in ("abc.DEF-123_~+/=", "Bearerabc", "x" * 4096)}),
    ("header", {text: Secret(text) for text in ("Token abc123", "abc123", "Basic dXNlcjpwdw==")}),
    ("word", {"100138": "100138"}),
    ("template", {text: text for text in ("offer_v2.1-aug", "x" * 512)}),
    ("parameters", {"name, 2 ,phone": ("name", "2", "phone")}),
    ("label", {"Aug – offers": "Aug – offers"}),
    ("channel", dict.fromkeys(("+1 (555) 000-1111", "15550001111"), "15550001111")),
    ("phone", {"+91 98123-45678": "+919812345678"}),
    ("seconds", {"0": 0.0, "1.5": 1.5, ".5": 0.5, "2.": 2.0, "86400": 86400.0}),
    ("timeout", {"0.5": 0.5}),
    ("count", {"1": 1, "500": 500, "007": 7}),
    ("choice", {"GROWTH": 1, "pro": 2}),
    ("switch", dict.fromkeys(("true", "TRUE", "yes", "on", "1"), True)),
    ("switch", dict.fromkeys(("false", "False", "no", "off", "0"), False)),
    ("start", {"00:00": 0, "9:05": 545, "23:59": 1439}),
    ("end", {"24:00": 1440, "00:00": 0}),
    (
        "days",
        {
            "Mon, fri,SUNDAY,Mon": frozenset({0, 4, 6}),
            "Mon-Fri": frozenset(range(5)),
            "Sat-mon, Wed": frozenset({5, 6, 0, 2}),
        },
    ),
    ("region", {"in": "IN"}),
    ("path", {"../state": Path("../state")}),
    ("zone", {name: zoneinfo.ZoneInfo(name) for name in ("UTC", "America/Argentina/Salta")}),
]


@pytest.mark.parametrize(("kind", "values"), TAKEN)
def test_value_of_a_usual_form_is_taken(kind: str, values: dict[str, object]) -> None:
    """At both ends of what is allowed, and in every way people write it."""
    for text, value in values.items():
        parsed = PARSERS[kind](text)
        assert (type(parsed), parsed) == (type(value), value)


BAD_NUMBERS = ("-1", "nan", "inf", "1e3", "+1", "1_000", "1,5", "0x10", "true", "１", "1 s", ".")
BAD_TIMES = ("24:01", "25:00", "12:60", "9", "9:5", "-1:00", "09:00:00", "9am", "９:00")
NO_ZONE = "an IANA time zone such as Asia/Kolkata"
REFUSED: list[tuple[str, str, tuple[str, ...]]] = [
    # What could end a header or be changed on its way is no token; the example's own is none.
    ("token", "visible ASCII", ("a b", "tok\nX: 1", "tok\n", "\ntok", "to\x00k", "to\tk")),
    ("token", "visible ASCII", ("tok\x7f", "tök", "tok\u200b", "tok\udc80", "x" * 4097)),
    ("token", "visible ASCII", ("Bearer Bearer x", "Bearer", "token", "Token abc")),
    ("token", "placeholder", ("changeme", "ChangeMe", "Bearer your_wati_api_key_here")),
    ("header", "header value", ("Token", "bearer", "Token  abc", "Token a b")),
    ("header", "header value", ("Token a\nX: 1", "Tök abc", "Token a\x00")),
    ("header", "placeholder", ("Token your_api_token_here", "changeme", "Token changeme")),
    ("word", "1 to 64 letters", ("a b", "a/b", "..", "a?b", "x" * 65, "é")),
    ("word", "placeholder", ("your_instance_id",)),
    ("template", "element name", ("it's", 'say "hi"', "a/b", "a\nb", "a b", "{{1}}", "x" * 2048)),
    ("parameters", "three different", ("1,2", "1,2,3,4", "1,2,2", "1,,3", ",", "1,2,{{3}}")),
    ("label", "printable", ("a\nb", "a\u202eb", "x" * 101)),
    ("channel", "number", ("12", "1" * 16, "abc", "１５５５０００１１１１")),
    ("phone", "country code", ("9812345678", "+0123456789", "+12345", "+" + "1" * 16, "+91x", "")),
    ("seconds", "seconds from 0 to 86400", (*BAD_NUMBERS, "86400.001", "9" * 400, "\n1")),
    ("timeout", "above 0", ("0", "0.0")),
    ("count", "a whole number from 1 to 500", (*BAD_NUMBERS, "0", "501", "3.7", "9" * 5000)),
    ("choice", "growth or Pro", ("gold", "")),
    ("switch", "true or false", ("maybe", "2", "ture", "none")),
    ("start", "a time from 00:00 to 23:59", ("24:00", *BAD_TIMES)),
    ("end", "a time from 00:00 to 24:00", BAD_TIMES),
    ("days", "weekdays", ("Mon,,Tue", "Mon-", "Mon-Wed-Fri", "M", "1,2", "Montag", ",")),
    ("region", "region code", ("XX", "IND", "I", "91", "001")),
    ("region", "GB", ("UK",)),
    # Abbreviations, paths, the server's own zone and other files of the zone folder are no zones.
    ("zone", NO_ZONE, ("IST", "Asia", "../../etc/passwd", "/etc/localtime", "localtime")),
    ("zone", NO_ZONE, ("posixrules", "right/Asia/Kolkata", "posix/Asia/Kolkata", "leapseconds")),
    ("zone", NO_ZONE, ("Asia/../Asia/Kolkata", "Asia/Kolkata\x00", "x" * 5000, "UTC+5:30")),
    ("zone", "did you mean Asia/Calcutta?", ("Asia/Calcuta",)),
    ("zone", "did you mean Asia/Kolkata?", ("asia/kolkata",)),
    ("path", "control characters", ("a\x00b", "a\nb", "a\udc80")),
    ("path", "no such home", ("~nobody-has-this-name/state",)),
]


@pytest.mark.parametrize(("kind", "expected", "texts"), REFUSED)
def test_value_of_another_form_is_refused(kind: str, expected: str, texts: tuple[str, ...]) -> None:
    """The words say what was expected."""
    for text in texts:
        assert expected in refusal(PARSERS[kind], text), text


def test_regions_listed_are_known_to_phonenumbers() -> None:
    """The list that saves the import is a true one."""
    assert frozenset(phonenumbers.SUPPORTED_REGIONS) >= values.REGIONS
    assert len(values.REGIONS) > 240


@pytest.mark.usefixtures("no_zones")
def test_zone_on_a_machine_without_zones_names_the_package() -> None:
    """A machine without zone data is told what to install."""
    assert "install the tzdata package" in refusal(values.parse_zone, "Asia/Kolkata")


def test_path_with_a_tilde_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a shell would do it."""
    monkeypatch.setenv("HOME", "/home/operator")

    assert values.parse_path("~/state") == Path("/home/operator/state")

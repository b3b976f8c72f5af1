"""Parse single settings: one function a kind of value, each saying what it expected.

Every parser takes the text of a setting, without surrounding blanks and never empty, and raises
``BadValueError`` with words that complete "expected ...". They never repeat the value: whether it
may be shown is for the reader of the settings to know.
"""

import difflib
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from lead_automation.secret import Secret

MAX_SECONDS = 86_400  # a day: a run that waits longer has missed its cron
MAX_COUNT = 10_000_000  # far above any lead list, below what a sum could not hold

_MAX_TOKEN_CHARS = 4096  # web servers take header lines of 8 KiB; a JWT is 1 KiB
_MAX_DATES = 1000  # decades of holidays
_MAX_LABEL_CHARS = 100  # a label for the dashboard, not a text
# The example file's own, and what people write meanwhile: a call with one only gets a 401.
_PLACEHOLDERS = frozenset(
    {"changeme", "your_wati_api_key_here", "your_instance_id", "your_api_token_here", "your_token"}
)
_SCHEMES = frozenset({"bearer", "token", "basic"})
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

# Digits only: Python would also take 1e9, 1_000 and inf for a number.
_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9}")
_COUNT = re.compile(r"[0-9]{1,12}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CLOCK_TIME = re.compile(r"[0-9]{1,2}:[0-5][0-9]")
_PARAMETER_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_PHONE_SEPARATORS = re.compile(r"[ ().-]")
# No dots and no leading slash: a zone is looked up as a file.
_ZONE = re.compile(r"[A-Za-z0-9_+-]{1,32}(?:/[A-Za-z0-9_+-]{1,32}){0,2}")

# Files of the zone folder that are the server's own zone, or count leap seconds.
_NO_ZONES = ("localtime", "posixrules", "Factory", "right/", "posix/")

# The regions phonenumberslite knows. They stand here because asking it loads its metadata, which
# takes 38 ms that ``status`` need not pay; a test compares the two.
_REGION_LIST = """
AC AD AE AF AG AI AL AM AO AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS
BT BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG
EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GT GU GW GY HK HN HR HT
HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR
LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF
NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD
SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TA TC TD TG TH TJ TK TL TM TN TO TR TT TV TW
TZ UA UG US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW
"""
REGIONS = frozenset(_REGION_LIST.split())

T = TypeVar("T")


class BadValueError(ValueError):
    """A value that cannot be used; the text says what was expected, without the value."""


def expect(is_met: object, expected: str) -> None:
    """Raise BadValueError with what was expected, unless a condition is met."""
    if not is_met:
        raise BadValueError(expected)


def split_words(text: str) -> list[str]:
    """Return what stands between blanks and commas."""
    return [word for word in re.split(r"[\s,]+", text) if word]


def matching(pattern: str, expected: str) -> Callable[[str], str]:
    """Return a parser of texts that match a pattern from end to end."""
    compiled = re.compile(pattern)

    def parse(text: str) -> str:
        expect(compiled.fullmatch(text), expected)
        return text

    return parse


def count_parser(maximum: int = MAX_COUNT, least: int = 1) -> Callable[[str], int]:
    """Return a parser of whole numbers from least to maximum, written in plain digits."""

    def parse(text: str) -> int:
        value = int(text) if _COUNT.fullmatch(text) else -1
        expect(least <= value <= maximum, f"a whole number from {least} to {maximum}")
        return value

    return parse


def choice_parser(choices: Mapping[str, T]) -> Callable[[str], T]:
    """Return a parser of one of the named choices, in any case."""
    by_name = {name.casefold(): value for name, value in choices.items()}

    def parse(text: str) -> T:
        expect(text.casefold() in by_name, " or ".join(choices))
        return by_name[text.casefold()]

    return parse


def parse_token(text: str) -> Secret:
    """Return a bearer token without its leading ``Bearer ``.

    requests refuses a line break in a header but lets NUL and non-ASCII characters through, so the
    rule is ours: visible ASCII, nothing else, at most 4096 characters.
    """
    token = re.sub(r"(?i)\Abearer[ \t]+", "", text)
    _refuse_placeholder(token)
    expect(
        _is_visible_ascii(token) and token.lower() not in _SCHEMES,
        "a token of visible ASCII characters without blanks, with or without 'Bearer '",
    )
    return Secret(token)


def parse_header_value(text: str) -> Secret:
    """Return a whole Authorization value: a token, or a scheme, one blank and a token."""
    scheme, blank, token = text.rpartition(" ")
    _refuse_placeholder(token)
    scheme_is_good = _is_visible_ascii(scheme) if blank else token.lower() not in _SCHEMES
    expect(
        scheme_is_good and _is_visible_ascii(token),
        "a whole header value such as 'Token abc123', in visible ASCII characters",
    )
    return Secret(text)


def _is_visible_ascii(text: str) -> bool:
    return 0 < len(text) <= _MAX_TOKEN_CHARS and all("!" <= char <= "~" for char in text)


def _refuse_placeholder(token: str) -> None:
    is_own = token.lower() not in _PLACEHOLDERS
    expect(is_own, "your own value instead of the example's placeholder")


_word = matching(r"[A-Za-z0-9_-]{1,64}", "1 to 64 letters, digits, _ or -")
_channel = matching(r"\+?[0-9]{5,15}", "a number of 5 to 15 digits with its country code")
_phone = matching(
    r"\+[1-9][0-9]{6,14}", "+, the country code and the number, such as +91XXXXXXXXXX"
)
parse_template_name = matching(
    r"[A-Za-z0-9_.-]{1,512}",
    "a template's element name: 1 to 512 letters, digits, _, - or .",
)


def parse_word(text: str) -> str:
    """Return an id: 1 to 64 letters, digits, ``_`` and ``-``; no placeholder."""
    _refuse_placeholder(text)
    return _word(text)


def parse_channel_number(text: str) -> str:
    """Return a sender number as digits only, which is how WATI takes it."""
    return _channel(_PHONE_SEPARATORS.sub("", text)).removeprefix("+")


def parse_phone_text(text: str) -> str:
    """Return ``+`` and 7 to 15 digits; blanks, dashes, dots and brackets are dropped.

    Only the form is judged: whether the number is in use in its country takes phone metadata.
    """
    expect("xxx" not in text.lower(), "your own value instead of the example's placeholder")
    return _phone(_PHONE_SEPARATORS.sub("", text))


def parse_parameter_names(text: str) -> tuple[str, ...]:
    """Return the names of the lead name, counsellor name and counsellor phone parameters."""
    names = tuple(part.strip() for part in text.split(","))
    good = [name for name in names if _PARAMETER_NAME.fullmatch(name)]
    expect(
        len(names) == len(set(good)) == 3,  # noqa: PLR2004 - the three the program fills
        "three different parameter names with commas between, such as 1,2,3",
    )
    return names


def parse_label(text: str) -> str:
    """Return a label of 1 to 100 printable characters."""
    is_good = len(text) <= _MAX_LABEL_CHARS and text.isprintable()
    expect(is_good, f"1 to {_MAX_LABEL_CHARS} printable characters")
    return text


def parse_seconds(text: str) -> float:
    """Return seconds: a plain decimal from 0 to 86,400, without sign or exponent."""
    value = float(text) if _SECONDS.fullmatch(text) else MAX_SECONDS + 1.0
    expect(value <= MAX_SECONDS, f"seconds from 0 to {MAX_SECONDS} such as 1.5")
    return value


def parse_timeout(text: str) -> float:
    """Return seconds of a timeout; 0 would mean that no answer is quick enough."""
    value = parse_seconds(text)
    expect(value > 0, f"seconds above 0, up to {MAX_SECONDS}, such as 30")
    return value


def parse_switch(text: str) -> bool:
    """Return true or false; also yes/no, on/off, 1/0. A misspelt true is neither."""
    word = text.casefold()
    is_on = word in ("true", "yes", "on", "1")
    expect(is_on or word in ("false", "no", "off", "0"), "true or false")
    return is_on


def time_parser(latest: str) -> Callable[[str], int]:
    """Return a parser of ``HH:MM``, up to latest, to minutes since midnight."""

    def parse(text: str) -> int:
        # Two digits each, so that texts compare as times do.
        is_time = _CLOCK_TIME.fullmatch(text) and text.zfill(5) <= latest
        expect(is_time, f"a time from 00:00 to {latest}")
        hour, minute = text.split(":")
        return int(hour) * 60 + int(minute)

    return parse


def parse_days(text: str) -> frozenset[int]:
    """Return weekdays, Monday 0, of names such as ``Mon,Tue``, ``Monday`` or ``Mon-Fri``."""
    numbers = {name: number for number, day in enumerate(_DAYS) for name in (day, day[:3])}
    days: set[int] = set()
    for part in text.split(","):
        ends = [name.strip().casefold() for name in part.split("-")]
        is_known = numbers.keys() >= set(ends) and len(ends) <= 2  # noqa: PLR2004 - a range has two
        expect(is_known, "weekdays with commas between, or a range, such as Mon-Fri or Mon,Wed")
        first, last = numbers[ends[0]], numbers[ends[-1]]
        # Sat-Mon goes over the end of the week.
        days.update((first + step) % 7 for step in range((last - first) % 7 + 1))
    return frozenset(days)


def parse_dates(text: str) -> frozenset[date]:
    """Return dates such as ``2026-11-08,2026-12-25``; one beyond the calendar is none."""
    words = split_words(text)
    expected = "dates with commas between, such as 2026-11-08,2026-12-25"
    expect(len(words) <= _MAX_DATES and all(_DATE.fullmatch(word) for word in words), expected)
    try:
        return frozenset(map(date.fromisoformat, words))
    except ValueError:
        raise BadValueError(expected) from None


def parse_region(text: str) -> str:
    """Return a two-letter region, upper case."""
    region = text.upper()
    hint = " (the United Kingdom is GB)" if region == "UK" else ""
    expect(region in REGIONS, f"a two-letter region code such as IN{hint}")
    return region


def parse_zone(text: str) -> ZoneInfo:
    """Return an IANA zone; never the server's own, never an abbreviation."""
    is_name = _ZONE.fullmatch(text) and not text.startswith(_NO_ZONES)
    expect(is_name, "an IANA time zone such as Asia/Kolkata")
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadValueError(_zone_expected(text)) from None


def _zone_expected(text: str) -> str:
    known = {name.casefold(): name for name in available_timezones()}
    if not known:
        return (
            "an IANA time zone, and this machine knows none: install the tzdata package "
            "(python -m pip install tzdata)"
        )
    close = difflib.get_close_matches(text.casefold(), known, n=1, cutoff=0.8)
    suggestion = f" (did you mean {known[close[0]]}?)" if close else ""
    return f"an IANA time zone such as Asia/Kolkata{suggestion}"


def parse_path(text: str) -> Path:
    """Return a path, a leading ``~`` expanded."""
    is_plain = not any(unicodedata.category(char) in ("Cc", "Cs") for char in text)
    expect(is_plain, "a path without control characters")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        msg = "a path; there is no such home directory"
        raise BadValueError(msg) from None

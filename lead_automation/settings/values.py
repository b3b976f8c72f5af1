"""Parse single settings: one function a kind of value, each saying what it expected.

Every function takes the text of a setting, without surrounding blanks and never empty, and raises
``BadValueError`` with words that complete "expected ...". They never repeat the value: whether it
may be shown is the caller's to know.
"""

import difflib
import re
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from lead_automation.secret import Secret

MAX_SECONDS = 86_400
MAX_COUNT = 10_000_000

_MAX_TOKEN_CHARS = 4096
_PLACEHOLDERS = frozenset(
    {"changeme", "your_wati_api_key_here", "your_instance_id", "your_api_token_here", "your_token"}
)
_SCHEMES = frozenset({"bearer", "token", "basic"})

_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9}")
_COUNT = re.compile(r"[0-9]{1,12}")
_CLOCK_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})")
_WORD = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TEMPLATE_NAME = re.compile(r"[A-Za-z0-9_.-]{1,512}")
_PARAMETER_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_PHONE_SEPARATORS = re.compile(r"[ ().-]")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_CHANNEL = re.compile(r"\+?([0-9]{5,15})")
_ZONE = re.compile(r"[A-Za-z0-9_+-]{1,32}(?:/[A-Za-z0-9_+-]{1,32}){0,2}")

# Files of the zone folder that are the server's own zone, or count leap seconds.
_NO_ZONES = ("localtime", "posixrules", "Factory", "right/", "posix/")

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MINUTES_OF_DAY = 24 * 60
_MAX_LABEL_CHARS = 100

# The regions phonenumberslite knows; kept here because a status line shall not load its metadata.
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


def parse_token(text: str) -> Secret:
    """Return a bearer token without its leading ``Bearer ``.

    requests refuses a line break in a header but lets NUL and non-ASCII characters through, so the
    rule is ours: visible ASCII, nothing else, at most 4096 characters.
    """
    token = re.sub(r"(?i)\Abearer[ \t]+", "", text)
    _refuse_placeholder(token)
    if not _is_visible_ascii(token) or token.lower() in _SCHEMES:
        msg = "a token of visible ASCII characters without blanks, with or without 'Bearer '"
        raise BadValueError(msg)
    return Secret(token)


def parse_header_value(text: str) -> Secret:
    """Return a whole Authorization value: a token, or a scheme, one blank and a token."""
    scheme, blank, token = text.rpartition(" ")
    _refuse_placeholder(token)
    scheme_is_good = _is_visible_ascii(scheme) if blank else token.lower() not in _SCHEMES
    if not scheme_is_good or not _is_visible_ascii(token):
        msg = "a whole header value such as 'Token abc123', in visible ASCII characters"
        raise BadValueError(msg)
    return Secret(text)


def _is_visible_ascii(text: str) -> bool:
    return 0 < len(text) <= _MAX_TOKEN_CHARS and all("!" <= char <= "~" for char in text)


def _refuse_placeholder(token: str) -> None:
    if token.lower() in _PLACEHOLDERS:
        msg = "your own value instead of the example's placeholder"
        raise BadValueError(msg)


def parse_word(text: str) -> str:
    """Return an id: 1 to 64 letters, digits, ``_`` and ``-``."""
    _refuse_placeholder(text)
    return _matched(_WORD, text, "1 to 64 letters, digits, _ or -")


def parse_template_name(text: str) -> str:
    """Return a template's element name."""
    expected = "a template's element name: 1 to 512 letters, digits, _, - or ."
    return _matched(_TEMPLATE_NAME, text, expected)


def parse_parameter_names(text: str) -> tuple[str, str, str]:
    """Return the names of the lead name, counsellor name and counsellor phone parameters."""
    names = tuple(part.strip() for part in text.split(","))
    good = all(_PARAMETER_NAME.fullmatch(name) for name in names)
    match names:
        case (lead_name, counsellor_name, counsellor_phone) if good and len(set(names)) == len(
            names
        ):
            return (lead_name, counsellor_name, counsellor_phone)
        case _:
            msg = "three different parameter names with commas between, such as 1,2,3"
            raise BadValueError(msg)


def parse_label(text: str) -> str:
    """Return a label of 1 to 100 printable characters."""
    if len(text) > _MAX_LABEL_CHARS or not text.isprintable():
        msg = f"1 to {_MAX_LABEL_CHARS} printable characters"
        raise BadValueError(msg)
    return text


def parse_channel_number(text: str) -> str:
    """Return a sender number as digits only."""
    expected = "a number of 5 to 15 digits with its country code"
    return _matched(_CHANNEL, _PHONE_SEPARATORS.sub("", text), expected).removeprefix("+")


def parse_phone_text(text: str) -> str:
    """Return ``+`` and 7 to 15 digits; blanks, dashes, dots and brackets are dropped.

    Only the form is judged: whether the number is in use in its country takes phone metadata.
    """
    expected = "+, the country code and the number, such as +91XXXXXXXXXX"
    return _matched(_PHONE, _PHONE_SEPARATORS.sub("", text), expected)


def parse_seconds(text: str) -> float:
    """Return seconds: a plain decimal from 0 to 86,400."""
    value = float(text) if _SECONDS.fullmatch(text) else MAX_SECONDS + 1.0
    if value > MAX_SECONDS:
        msg = f"seconds from 0 to {MAX_SECONDS} such as 1.5"
        raise BadValueError(msg)
    return value


def parse_timeout(text: str) -> float:
    """Return seconds of a timeout; 0 would mean "no answer is quick enough"."""
    value = parse_seconds(text)
    if value <= 0:
        msg = f"seconds above 0, up to {MAX_SECONDS}, such as 30"
        raise BadValueError(msg)
    return value


def count_parser(maximum: int = MAX_COUNT) -> Callable[[str], int]:
    """Return a parser of whole numbers from 1 to maximum, written in plain digits."""

    def parse(text: str) -> int:
        value = int(text) if _COUNT.fullmatch(text) else 0
        if not 1 <= value <= maximum:
            msg = f"a whole number from 1 to {maximum}"
            raise BadValueError(msg)
        return value

    return parse


def choice_parser(choices: Mapping[str, T]) -> Callable[[str], T]:
    """Return a parser of one of the named choices, in any case."""
    by_name = {name.casefold(): value for name, value in choices.items()}

    def parse(text: str) -> T:
        try:
            return by_name[text.casefold()]
        except KeyError:
            msg = " or ".join(choices)
            raise BadValueError(msg) from None

    return parse


def parse_switch(text: str) -> bool:
    """Return true or false; also yes/no, on/off, 1/0."""
    word = text.casefold()
    if word in ("true", "yes", "on", "1"):
        return True
    if word in ("false", "no", "off", "0"):
        return False
    msg = "true or false"
    raise BadValueError(msg)


def parse_start_time(text: str) -> int:
    """Return minutes since midnight, 0 to 1439, of ``HH:MM``."""
    minutes = _minutes(text)
    if minutes is None or minutes == _MINUTES_OF_DAY:
        msg = "a time from 00:00 to 23:59"
        raise BadValueError(msg)
    return minutes


def parse_end_time(text: str) -> int:
    """Return minutes since midnight, 0 to 1440, of ``HH:MM``; ``24:00`` is the day's end."""
    minutes = _minutes(text)
    if minutes is None:
        msg = "a time from 00:00 to 24:00"
        raise BadValueError(msg)
    return minutes


def _minutes(text: str) -> int | None:
    match = _CLOCK_TIME.fullmatch(text)
    if match is None:
        return None
    hour, minute = int(match[1]), int(match[2])
    total = hour * 60 + minute
    return total if minute < 60 and total <= _MINUTES_OF_DAY else None  # noqa: PLR2004


def parse_days(text: str) -> frozenset[int]:
    """Return weekdays, Monday 0, of names such as ``Mon,Tue`` or ``Monday``."""
    names = [part.strip().casefold() for part in text.split(",")]
    full = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    numbers = {**{name: i for i, name in enumerate(_DAYS)}, **{n: i for i, n in enumerate(full)}}
    if not all(name in numbers for name in names):
        msg = "weekdays with commas between, such as Mon,Tue,Wed,Thu,Fri"
        raise BadValueError(msg)
    return frozenset(numbers[name] for name in names)


def parse_region(text: str) -> str:
    """Return a two-letter region, upper case."""
    region = text.upper()
    if region not in REGIONS:
        hint = " (the United Kingdom is GB)" if region == "UK" else ""
        msg = f"a two-letter region code such as IN{hint}"
        raise BadValueError(msg)
    return region


def parse_zone(text: str) -> ZoneInfo:
    """Return an IANA zone; never the server's own, never an abbreviation."""
    if not _ZONE.fullmatch(text) or text.startswith(_NO_ZONES):
        msg = "an IANA time zone such as Asia/Kolkata"
        raise BadValueError(msg)
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
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in text):
        msg = "a path without control characters"
        raise BadValueError(msg)
    try:
        return Path(text).expanduser()
    except RuntimeError:
        msg = "a path; there is no such home directory"
        raise BadValueError(msg) from None


def _matched(pattern: re.Pattern[str], text: str, expected: str) -> str:
    if not pattern.fullmatch(text):
        raise BadValueError(expected)
    return text

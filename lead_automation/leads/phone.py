"""Turn what the CRM calls a mobile number into E.164, or say why it is none.

The rules, so that nothing is accepted by luck:

* Text: digits of any script, one ``+`` at the very front, and between digits spaces, dashes, dots
  and round brackets. Letters (``x``, ``ext``), slashes, commas, line breaks, a second ``+`` or more
  than 40 characters: refused. Invisible format characters, which copying from a contact card
  leaves behind, are ignored.
* Text that reads as one decimal number (``9812345678.0``) came out of a spreadsheet, which may have
  rounded it: refused. A JSON number is its digits when it is whole and has at most 15 of them
  (``9812345678`` and ``9812345678.0``); any other number is refused.
* Without ``+`` or the region's international prefix it is a number of the default region, with or
  without the country code.
* Only a valid number of the type mobile, or of a country that does not tell mobile from fixed line
  (such as the United States), is a recipient.
"""

import re
import unicodedata
from functools import lru_cache

import msgspec
import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

from lead_automation.text import clean

# The longest spelling of 15 digits with a prefix, every digit set apart, is shorter.
_MAX_TEXT_CHARS = 40
_MIN_DIGITS, _MAX_DIGITS = 5, 15  # E.164 caps at 15; no country has a mobile number below 5
_MAX_WITH_PREFIX = _MAX_DIGITS + 5  # an international or national prefix may stand before it

_PLUS_SIGNS = "+\uff0b"
_SEPARATORS = "().\u2212\uff08\uff09"
# A spreadsheet turns 919812345678 into 919812345678.0 on its way through a CRM.
_DECIMAL = re.compile(r"\+?\d+\.(?:\d{1,2}|0+)")

_TYPE_NAMES = {
    PhoneNumberType.FIXED_LINE: "a fixed line",
    PhoneNumberType.TOLL_FREE: "a toll-free number",
    PhoneNumberType.PREMIUM_RATE: "a premium-rate number",
    PhoneNumberType.SHARED_COST: "a shared-cost number",
    PhoneNumberType.VOIP: "an internet telephony number",
    PhoneNumberType.PAGER: "a pager",
    PhoneNumberType.UAN: "a company number",
    PhoneNumberType.VOICEMAIL: "a voicemail number",
}
# American numbers do not tell a mobile from a fixed line.
_MOBILE_TYPES = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)


class ParsedPhone(msgspec.Struct, frozen=True, kw_only=True):
    """What a number came to.

    Attributes:
        e164: ``+`` and up to 15 digits; None where it is no recipient's number.
        problem: Why not, without the number itself; "" where e164 is set.
        given: The CRM's text or digits, cleaned and cut to 40 characters, for the CRM's own row;
            "" for any other value. It may be a whole number: mask it before it is shown.
    """

    e164: str | None
    problem: str = ""
    given: str = ""


def parse_phone(raw: object, region: str) -> ParsedPhone:
    """Return the number in E.164, or why it cannot be messaged. Never raises.

    Args:
        raw: Any JSON value.
        region: Two-letter region of numbers written without a country code, such as ``IN``.
    """
    given = clean(_as_text(raw), _MAX_TEXT_CHARS)
    try:
        e164 = _parse(_number_text(raw), region)
    except _RefusedError as exc:
        return ParsedPhone(e164=None, problem=str(exc), given=given)
    return ParsedPhone(e164=e164, given=given)


@lru_cache(maxsize=64)  # asked when a lead is looked at, and again right before its send
def international(e164: str) -> str:
    """Return a number as people read it, such as ``+91 95122 70915``."""
    parsed = phonenumbers.parse(e164)
    return phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL)


def region_of(e164: str) -> str:
    """Return the two letters of a number's country; "" for one of none, such as a satellite's."""
    return phonenumbers.region_code_for_number(phonenumbers.parse(e164)) or ""


class _RefusedError(ValueError):
    """Why a value is no recipient's number."""


def _as_text(raw: object) -> str:
    """Return a text, or the digits of a whole JSON number, else ""."""
    if isinstance(raw, str):
        return raw
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return ""
    if not 0 < raw < 10**_MAX_DIGITS or raw != int(raw):
        return ""
    return str(int(raw))


def _number_text(raw: object) -> str:
    """Return ``+`` (where given) and ASCII digits.

    Raises:
        _RefusedError: raw breaks a rule of this module.
    """
    text = _as_text(raw)
    if not text:
        msg = "missing" if raw in (None, "") else "neither text nor a whole number"
        raise _RefusedError(msg)
    if len(text) > _MAX_TEXT_CHARS:
        msg = f"longer than {_MAX_TEXT_CHARS} characters"
        raise _RefusedError(msg)
    visible = "".join(char for char in text if unicodedata.category(char) != "Cf").strip(" \u00a0")
    if _DECIMAL.fullmatch(visible):
        msg = "written as a decimal number"
        raise _RefusedError(msg)
    plus = "+" if visible[:1] in tuple(_PLUS_SIGNS) else ""
    digits = "".join(_digit(char) for char in visible[len(plus) :])
    longest = _MAX_DIGITS if plus else _MAX_WITH_PREFIX
    if not _MIN_DIGITS <= len(digits) <= longest:
        msg = f"{len(digits)} digits" if digits else "no digits"
        raise _RefusedError(msg)
    return plus + digits


def _digit(char: str) -> str:
    """Return a digit of any script as ASCII, a separator as nothing."""
    category = unicodedata.category(char)
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category in ("Zs", "Pd") or char in _SEPARATORS:
        return ""
    msg = "a second +" if char in _PLUS_SIGNS else "characters that no number has"
    raise _RefusedError(msg)


def _parse(text: str, region: str) -> str:
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException as exc:
        msg = "not a phone number"
        raise _RefusedError(msg) from exc
    kind = phonenumbers.number_type(number)
    if kind == PhoneNumberType.UNKNOWN:
        msg = "not a valid number of its country"
        raise _RefusedError(msg)
    if kind not in _MOBILE_TYPES:
        msg = f"{_TYPE_NAMES.get(kind, 'of another kind')}, not a mobile"
        raise _RefusedError(msg)
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)

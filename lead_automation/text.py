"""Make text from outside safe to show: one cleaner and one mask for every room."""

import re
import unicodedata

_SHOWN_ESCAPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_ELLIPSIS = "…"

# Nine digits or more standing alone are taken for a phone number: no number of a lead may be shown
# whole, and an id that long loses nothing by being masked in a log line.
# A date followed by a time of day is none: "held until 2026-11-23 00:00" stays readable.
_NUMBER = re.compile(
    r"(?<![0-9A-Za-z_-])"
    r"(?!(?:19|20)[0-9]{2}-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9])"
    r"\+?[0-9](?:[ ().-]?[0-9]){8,}(?![0-9A-Za-z_])"
)
_VISIBLE_HEAD = 4
_VISIBLE_TAIL = 4
_SHORTEST_MASKABLE = _VISIBLE_HEAD + _VISIBLE_TAIL + 1


def clean(text: object, max_chars: int = 200) -> str:
    r"""Return text with nothing in it that could move a cursor, reorder or forge a line.

    Characters of the Unicode categories Cc, Cf, Cs, Co, Cn, Zl and Zp are shown as ``\uXXXX``
    (``\UXXXXXXXX`` beyond the first plane); what is longer than max_chars is cut and ends in an
    ellipsis. Meant for display only: a zero-width joiner is legal in a Hindi name, so what is sent
    is not passed through here.

    Args:
        text: Anything; not text is shown as ``str`` shows it.
        max_chars: Length before escaping, at least 1.
    """
    raw = text if isinstance(text, str) else str(text)
    if len(raw) > max_chars:
        raw = raw[: max_chars - 1] + _ELLIPSIS
    if raw.isprintable():  # false for every category escaped here
        return raw
    return "".join(_escaped(char) for char in raw)


def _escaped(char: str) -> str:
    if unicodedata.category(char) not in _SHOWN_ESCAPED:
        return char
    return f"\\u{ord(char):04x}" if ord(char) <= 0xFFFF else f"\\U{ord(char):08x}"  # noqa: PLR2004


def mask_phone(phone: str) -> str:
    """Return a number as it may be shown: ``+9198••••5678``."""
    if len(phone) < _SHORTEST_MASKABLE + 1:
        return "•" * len(phone)
    return f"{phone[: _VISIBLE_HEAD + 1]}••••{phone[-_VISIBLE_TAIL:]}"


def mask_numbers(text: str) -> str:
    """Return text with every run of nine or more digits masked as a phone number."""
    return _NUMBER.sub(_masked, text)


def _masked(match: re.Match[str]) -> str:
    digits = re.sub(r"[^0-9]", "", match[0])
    sign = "+" if match[0].startswith("+") else ""
    return f"{sign}{digits[:_VISIBLE_HEAD]}••••{digits[-_VISIBLE_TAIL:]}"

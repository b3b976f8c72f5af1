"""Make text from outside safe to show: one cleaner and one mask, used where text comes in.

Text becomes safe in a log line (the log's formatter), in a report's row and result (``runs``) and
on a stream (``Runtime``); who builds text from those, or logs it, has nothing to clean or mask.
"""

import json
import re
import unicodedata
from datetime import datetime

# Controls, invisible formats, surrogates, private and unassigned characters, line separators.
_SHOWN_ESCAPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MARKS = ("Mn", "Me")
_MAX_MARKS = 4  # Vietnamese and Thai need two, pointed Hebrew four; beyond that it is a smear
_MARKS_FACTOR = 8  # characters read for each one shown; a letter and its four marks are five
_FIRST_PLANE = 0xFFFF
_ELLIPSIS = "…"

# Nine digits or more are taken for a phone number, seven behind a plus: no number of a lead may be
# shown whole, whatever letters touch it, and an id that long loses nothing by being masked in a log
# line. ``\d`` knows the decimal digits of every script, but not what else Unicode calls a digit.
_DIGIT = (
    r"[\d\u00b2\u00b3\u00b9\u2070\u2074-\u2079\u2080-\u2089\u2460-\u2468\u2474-\u247c"
    r"\u2488-\u2490\u24ea\u24f5-\u24fd\u24ff\u2776-\u277e\u2780-\u2788\u278a-\u2792\u1369-\u1371"
    r"\u19da\U00010a40-\U00010a43\U00010e60-\U00010e68\U00011052-\U0001105a\U0001f100-\U0001f10a]"
)
# What people put between two digits, also an invisible character, which ``clean`` has turned into
# ``\uXXXX``. At most three of them: what stands farther apart is two numbers.
_BETWEEN = (
    r"(?:[ ().\-\u00a0\u2000-\u200f\u2010-\u2015\u202f\u205f\u2060\u2212\u3000\uff08\uff09\uff0d"
    r"\uff0e\ufeff\u0300-\u036f\u20d0-\u20f0\ufe00-\ufe0f]|\\u[0-9a-f]{4}|\\U[0-9a-f]{8}){0,3}"
)
# What holds many digits and is no number: a date, a run's id, a UUID, another hexadecimal id.
_KEPT = (
    r"(?:19|20)[0-9]{2}-[01][0-9]-[0-3][0-9](?![0-9])"
    r"|[0-9]{8}T[0-9]{6}-[0-9a-f]{4}(?![0-9a-f])"
    r"|(?<![0-9A-Za-z])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z])"
    r"|(?<![0-9A-Za-z])(?=[0-9]*[a-f])(?:[0-9a-f]{8}){3,8}(?![0-9A-Za-z])"
)
_NUMBER = re.compile(
    rf"(?P<kept>{_KEPT})"
    rf"|[+\uff0b]{_BETWEEN}{_DIGIT}(?:{_BETWEEN}{_DIGIT}){{6,}}"
    rf"|{_DIGIT}(?:{_BETWEEN}{_DIGIT}){{8,}}"
)
_ESCAPE = re.compile(r"\\u[0-9a-f]{4}|\\U[0-9a-f]{8}|[\u0300-\u036f\u20d0-\u20f0\ufe00-\ufe0f]")
# Words of others are held to more: no word (two letters side by side) between ten digits, and they
# are a number however they are written, say "9 x 8 x 7". Each part is as long as it matches, and
# nothing is looked at twice.
_PARTS = re.compile(
    rf"(?P<kept>{_KEPT})|(?P<between>\\u[0-9a-f]{{4}}|\\U[0-9a-f]{{8}})|(?P<digit>{_DIGIT})"
    rf"|(?P<word>(?:(?!{_DIGIT})[^\W\d_]){{2,}})"
)
_SPREAD_DIGITS = 10
# Enough to find the number again in the CRM, not enough to call it.
_VISIBLE_HEAD = 4
_VISIBLE_TAIL = 4
_SHORTEST_MASKABLE = _VISIBLE_HEAD + _VISIBLE_TAIL + 1


def clean(text: object, max_chars: int = 200) -> str:
    r"""Return text with nothing in it that could move a cursor, reorder or forge a line.

    Characters of the Unicode categories Cc, Cf, Cs, Co, Cn, Zl and Zp are shown as ``\uXXXX``
    (``\UXXXXXXXX`` beyond the first plane), a letter keeps four combining marks, and what is longer
    than max_chars is cut and ends in an ellipsis; cleaning it again changes nothing. For display
    only: a zero-width joiner is legal in a Hindi name, so what is sent is not passed through here.

    Args:
        text: Anything; not text is shown as ``str`` shows it.
        max_chars: Length of what is returned, at least 1.
    """
    raw = text if isinstance(text, str) else str(text)
    # A megabyte of marks is not walked through for what a line can show.
    raw = raw[: max_chars * _MARKS_FACTOR]
    raw = raw if raw.isascii() else _cap_marks(raw)
    if not raw.isprintable():  # false for every category escaped here
        # One more than is shown, so that the check below still sees that something was cut.
        raw = "".join(_escaped(char) for char in raw[: max_chars + 1])
    return raw if len(raw) <= max_chars else raw[: max_chars - 1] + _ELLIPSIS


def safe_text(text: object, max_chars: int = 200) -> str:
    """Return text as ``clean`` does, with every phone number in it masked."""
    # Cleaned first: the mask knows the escaped form of invisible characters between digits.
    return mask_numbers(clean(text, max_chars))


def safe_outside(text: object, max_chars: int = 200) -> str:
    """Return a name, an id or words of others as ``safe_text`` does, with spread numbers masked.

    Spread are ten digits or more, of whatever Unicode calls one, without a word between them. Our
    own lines hold times and figures in a row, so they are not held to it.
    """
    # The spread ones first: of a masked number too few digits are left to be one of them.
    return mask_numbers(_mask_spread(clean(text, max_chars)))


def _mask_spread(text: str) -> str:
    if sum(map(str.isdigit, text)) < _SPREAD_DIGITS:  # nearly all text
        return text
    shown, done = [], 0
    run: list[re.Match[str]] = []
    for part in (*_PARTS.finditer(text), None):
        if part is not None and part.lastgroup in ("digit", "between"):
            run += [part] if part.lastgroup == "digit" else []
            continue
        if len(run) >= _SPREAD_DIGITS:
            shown += [text[done : run[0].start()], _shortened("".join(its[0] for its in run))]
            done = run[-1].end()
        run = []
    return "".join((*shown, text[done:]))


def _escaped(char: str) -> str:
    if unicodedata.category(char) not in _SHOWN_ESCAPED:
        return char
    return f"\\u{ord(char):04x}" if ord(char) <= _FIRST_PLANE else f"\\U{ord(char):08x}"


def _cap_marks(text: str) -> str:
    """Return text with at most four combining marks on a letter, as many as any script needs."""
    if len(text) - len(text.encode("ascii", "ignore")) <= _MAX_MARKS:  # most log lines
        return text
    kept = []
    run = 0
    for char in text:
        run = run + 1 if unicodedata.category(char) in _MARKS else 0
        if run <= _MAX_MARKS:
            kept.append(char)
    return "".join(kept)


def clean_lines(text: str) -> str:
    """Return text of several lines, as ``clean`` would show each; nothing is cut."""
    return text.translate({ord(char): _escaped(char) for char in _unsafe_in(text)})


def json_text(value: object, *, indent: int = 2, encoding: str = "utf-8") -> str:
    r"""Return JSON that is safe to show, without losing anything.

    What ``clean`` shows escaped, and what the encoding lacks, is escaped here as JSON escapes it,
    so a reader gets the original. Times become ISO 8601.

    Args:
        value: What ``json.dumps`` takes, without NaN and infinities, and times.
        indent: Of each level, in spaces.
        encoding: Of the stream it goes to.
    """
    text = _json_escaped(value, indent, ascii_only=False)
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return _json_escaped(value, indent, ascii_only=True)
    return text


def _json_escaped(value: object, indent: int, *, ascii_only: bool) -> str:
    text = json.dumps(
        value,
        ensure_ascii=ascii_only,
        indent=indent,
        allow_nan=False,
        default=datetime.isoformat,  # msgspec would write UTC as Z, where scripts know +00:00
    )
    return text.translate({ord(char): json.dumps(char)[1:-1] for char in _unsafe_in(text)})


def _unsafe_in(text: str) -> list[str]:
    """Return the characters to escape, each once; a line's end may stay."""
    return [
        char for char in set(text) if char != "\n" and unicodedata.category(char) in _SHOWN_ESCAPED
    ]


def mask_phone(phone: str) -> str:
    """Return a number as it may be shown: ``+9198••••5678``."""
    if len(phone) < _SHORTEST_MASKABLE + 1:
        return "•" * len(phone)
    return f"{phone[: _VISIBLE_HEAD + 1]}••••{phone[-_VISIBLE_TAIL:]}"


def mask_numbers(text: str) -> str:
    """Return text with everything masked that may be a phone number.

    That is a run of nine or more digits, of any script, with blanks, brackets, dots and dashes
    between them, or seven behind a plus. Dates, run ids and hexadecimal ids stay.
    """
    return _NUMBER.sub(_masked, text)


def _masked(match: re.Match[str]) -> str:
    if match["kept"] is not None:
        return match[0]
    digits = re.sub(r"\W", "", _ESCAPE.sub("", match[0]))
    return _shortened(digits, "+" if match[0][0] in "+\uff0b" else "")


def _shortened(digits: str, sign: str = "") -> str:
    # Of a short number less is shown: four of its digits stay hidden in any case.
    hidden = max(_VISIBLE_HEAD, len(digits) - _VISIBLE_HEAD - _VISIBLE_TAIL)
    tail = min(_VISIBLE_TAIL, len(digits) // 2)
    head = max(0, min(_VISIBLE_HEAD, len(digits) - hidden - tail))
    return f"{sign if head else ''}{digits[:head]}••••{digits[-tail:]}"

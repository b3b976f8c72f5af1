"""Make a lead's name fit for a template parameter."""

import re
import unicodedata

import msgspec

SUBSTITUTE = "Customer"
"""Sent instead of a name that cannot be used; WhatsApp refuses an empty parameter."""

MAX_CHARS = 60

# A name of a megabyte costs no more than one of this length, whitespace included; an address is
# looked for where its beginning could still be among the 60 characters kept.
_READ_CHARS = 5000
_EXAMINED_CHARS = 300

# A Tibetan or pointed Hebrew letter honestly carries four or five marks; a hundred are an attack on
# the reader's screen.
_MAX_MARKS = 6

# Zero-width non-joiner and joiner shape letters in Hindi, Persian and others, and join emoji.
_JOINERS = "\u200c\u200d"

# Letters and symbols that show nothing: a name of only these is an empty one.
_BLANKS = frozenset(_JOINERS + "\u115f\u1160\u2800\u3164\uffa0\ufe0e\ufe0f")

_MOST_DIGITS = 6  # a year or a house number has fewer, a number to call hardly ever

# A bare dot between letters is common in names (S.Kumar, Mohd.Ali), so without a scheme, www or a
# path only well-known endings count.
_ADDRESS = re.compile(
    r"://|www\.|\b(?:mailto|tel|sms|javascript|data|intent|whatsapp|upi):"
    r"|[^\W_][\w-]*\.[a-z]{2,24}(?:[/?]|:\d)"
    r"|[^\W_][\w-]+\.(?:com|net|org|info|biz|xyz|app|io|in|co|me|ly|gl|shop|site|online|link|click"
    r"|top|club|live|store|vip|page|dev)(?![\w-])"
    r"|\d{1,3}(?:\.\d{1,3}){3}"
)


class TemplateName(msgspec.Struct, frozen=True, kw_only=True):
    """A name as it goes into the template.

    Attributes:
        text: 1 to 60 characters, as the lead wrote them but for what cannot be sent.
        problem: Why ``Customer`` stands in for the lead's own name; "" where it does not.
    """

    text: str
    problem: str = ""


def template_name(raw: object) -> TemplateName:
    """Return the lead's name ready to be sent.

    Whitespace runs (line breaks, tabs and no-break spaces too) become one space, ends are trimmed,
    control and bidi characters are removed, joiners kept, at most six combining marks a letter and
    60 characters kept. A name that is missing, empty, not text, or holds a web address, an ``@`` or
    six digits in all (of any script) becomes ``Customer``.

    Args:
        raw: Any JSON value.
    """
    if raw is None:
        return _substitute("the name is missing")
    if not isinstance(raw, str):
        return _substitute("the name is not text")
    whole = _tidy(raw[:_READ_CHARS])[:_EXAMINED_CHARS]
    text = _cut(whole)
    # Both: the cut may hide an address that was one, or end a word where it becomes one.
    problem = _problem(whole) or _problem(text)
    return _substitute(problem) if problem else TemplateName(text=text)


def _substitute(problem: str) -> TemplateName:
    return TemplateName(text=SUBSTITUTE, problem=problem)


def _tidy(raw: str) -> str:
    folded = " ".join(raw.split())
    if folded.isascii() and folded.isprintable():  # nothing in it to remove
        return folded
    kept = "".join(char for char in folded if _may_be_sent(char))
    # Removing a character can leave two spaces side by side.
    return " ".join(_limit_marks(kept).split())


def _may_be_sent(char: str) -> bool:
    return char in _JOINERS or not unicodedata.category(char).startswith("C")


def _is_mark(char: str) -> bool:
    return unicodedata.category(char).startswith("M")


def _limit_marks(text: str) -> str:
    kept = []
    marks = 0
    for char in text:
        if _is_mark(char):
            marks += 1
        elif char not in _JOINERS:
            marks = 0
        if marks <= _MAX_MARKS or not _is_mark(char):
            kept.append(char)
    return "".join(kept)


def _problem(text: str) -> str:
    if all(char in _BLANKS or char.isspace() or _is_mark(char) for char in text):
        return "the name is empty"
    # Full-width letters, circled digits and joiners between digits read as the plain ones.
    plain = unicodedata.normalize("NFKC", "".join(c for c in text if c not in _JOINERS))
    plain = plain.casefold().replace("\u3002", ".")
    if "@" in plain:
        return "the name holds an @"
    if sum(map(str.isdigit, plain)) >= _MOST_DIGITS:
        return "the name holds six digits"
    if _ADDRESS.search(plain):
        return "the name holds a web address"
    return ""


def _cut(text: str) -> str:
    """Cut to 60 characters without parting a letter from its marks or joined emoji."""
    if len(text) <= MAX_CHARS:
        return text
    end = MAX_CHARS
    while end > 0 and (_is_mark(text[end]) or text[end] in _JOINERS or text[end - 1] in _JOINERS):
        end -= 1
    return text[: end or MAX_CHARS].rstrip()

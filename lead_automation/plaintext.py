"""Fit text to the terminal it goes to: its encoding and its width in columns."""

import re
import unicodedata

# What a console without emoji shows in their place; any other symbol is left out.
_STAND_INS = {
    "→": "->",
    "←": "<-",
    "•": "*",
    "…": "...",
    "–": "-",
    "—": "-",
    "−": "-",
    "·": "-",
    "×": "x",
    "≠": "!=",
    "≤": "<=",
    "≥": ">=",
    "─": "-",
    "‘": "'",
    "’": "'",
    "“": '"',
    "”": '"',
}
_MARKS = ("Mn", "Me")
_MAX_MARKS = 4
_PROBE = "🏁⏱️→•"
_VARIATION_SELECTOR = "\ufe0f"
_SYMBOL_WITH_SPACE = re.compile("[\u2190-\u2bff\U0001f000-\U0001faff]\ufe0f? ?")


def can_show_emoji(encoding: str | None) -> bool:
    """Whether a stream of this encoding takes the fixed texts as they are."""
    try:
        _PROBE.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def fit_encoding(text: str, encoding: str | None) -> str:
    r"""Return text a stream of this encoding can take, never raising.

    Emoji are left out with the space behind them, arrows and bullets get plain stand-ins, and any
    other letter the encoding lacks is shown as ``\uXXXX``.

    Args:
        text: Already cleaned.
        encoding: The stream's; None or an unknown one counts as ASCII.
    """
    codec = encoding or "ascii"
    try:
        text.encode(codec)
    except UnicodeEncodeError:
        pass
    except LookupError:
        codec = "ascii"
    else:
        return text
    plain = _SYMBOL_WITH_SPACE.sub(lambda match: _stand_in(match[0], codec), text)
    fitted = "".join(_fit_char(char, codec) for char in plain)
    return fitted.encode(codec, "backslashreplace").decode(codec)


def _stand_in(found: str, codec: str) -> str:
    """Return what stands for a symbol (and the selector and space that may follow it)."""
    symbol = found[0]
    fitted = _fit_char(symbol, codec)
    if fitted == symbol and not _encodes(symbol, codec):
        return ""
    return found.replace(symbol, fitted).replace(_VARIATION_SELECTOR, "")


def _fit_char(char: str, codec: str) -> str:
    return char if _encodes(char, codec) else _STAND_INS.get(char, char)


def _encodes(char: str, codec: str) -> bool:
    try:
        char.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def cap_marks(text: str) -> str:
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


def columns(text: str) -> int:
    """Return how many terminal columns text takes: wide letters two, combining marks none."""
    return sum(_columns_of(char) for char in text)


def _columns_of(char: str) -> int:
    if unicodedata.category(char) in _MARKS:
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def pad(text: str, width: int) -> str:
    """Return text filled up, or cut with an ellipsis, to exactly width columns."""
    taken = columns(text)
    if taken <= width:
        return text + " " * (width - taken)
    kept = ""
    for char in text:
        if columns(kept + char) > width - 1:
            break
        kept += char
    return pad(kept + "…", width)


def wrap(text: str, width: int, *, head: str = "", indent: str | None = None) -> list[str]:
    """Return text in lines of at most width columns, broken at spaces, else in a long word.

    ``textwrap`` counts characters, and so overruns where wide letters take two columns.

    Args:
        text: One paragraph; runs of spaces become one.
        width: Columns, well above the head's.
        head: Begins the first line.
        indent: Begins the others; spaces as long as head when not given.
    """
    rest = " " * columns(head) if indent is None else indent
    room = width - max(columns(head), columns(rest))
    lines = []
    line, is_bare = head, True
    for word in text.split():
        for number, piece in enumerate(_pieces(word, room)):
            joined = line + piece if is_bare else f"{line} {piece}"
            if is_bare or (number == 0 and columns(joined) <= width):
                line = joined
            else:
                lines.append(line)
                line = rest + piece
            is_bare = False
    return [*lines, line.rstrip()]


def _pieces(word: str, width: int) -> list[str]:
    """Return a word, cut into parts of at most width columns when it is longer."""
    parts = [""]
    for char in word:
        if columns(parts[-1] + char) > width:
            parts.append("")
        parts[-1] += char
    return parts

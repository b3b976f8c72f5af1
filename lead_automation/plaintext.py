"""Fit text to the terminal it goes to: its encoding and its width in columns."""

import re
import unicodedata

# What every console has in place of the signs our own texts use; other symbols are left out.
_STAND_INS = str.maketrans({"→": "->", "…": "...", "–": "-", "•": "*", "·": "-"})
_MARKS = ("Mn", "Me")
_SYMBOL = "[\u2190-\u2bff\U0001f000-\U0001faff]\ufe0f?"
_SYMBOL_WITH_SPACE = re.compile(f"(?m: {_SYMBOL}$)|{_SYMBOL} ?")


def fit_encoding(text: str, encoding: str | None) -> str:
    r"""Return text a stream of this encoding can take, never raising.

    Where it cannot take the text as it is, emoji are left out with the space behind them, and any
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
    plain = _SYMBOL_WITH_SPACE.sub("", text.translate(_STAND_INS))
    return plain.encode(codec, "backslashreplace").decode(codec)


def columns(text: str) -> int:
    """Return how many terminal columns text takes: wide letters two, combining marks none."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


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

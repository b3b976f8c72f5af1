"""Read a CSV of people's own making: UTF-8, commas, semicolons or tabs, quotes that must close."""

import csv
import io
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from lead_automation.errors import ConfigError, StateError
from lead_automation.files import Disk
from lead_automation.text import clean

MAX_BYTES = 32 << 20
"""Half a million rows, a thousand days of quota; one more megabyte is somebody's wrong file."""

_DELIMITERS = ",;\t"
_HINT = "Save it as CSV in UTF-8, with the names of its columns in the first line."


def records(path: Path, disk: Disk) -> Iterator[tuple[str, list[str] | None]]:
    """Yield a file's records that are not blank: ``line 5`` or ``lines 5 to 7``, and the cells.

    None for a record that is no CSV; the next one is read all the same.

    Raises:
        ConfigError: Missing, unreadable, larger than ``MAX_BYTES``, not UTF-8, or a quote is never
            closed: what stands behind it would be lost in one cell.
    """
    text = _text(path, disk)
    # Strict: leniently, an open quote at the end would swallow the rest without a word.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    while True:
        first = reader.line_num + 1
        cells: list[str] | None
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as exc:
            if "end of data" in str(exc):
                problem = f"is no CSV: a quote in line {first} is never closed"
                raise unusable(path, problem) from exc
            cells = None
        last = reader.line_num
        if cells is None or any(cell.strip() for cell in cells):
            yield (f"line {first}" if first >= last else f"lines {first} to {last}"), cells


def _text(path: Path, disk: Disk) -> str:
    """Return a file's text, its byte-order mark removed."""
    try:
        data = disk.read(path, MAX_BYTES, private=False)
    except (OSError, StateError, ValueError) as exc:  # ValueError: a NUL in the path
        reason = exc.strerror if isinstance(exc, OSError) else clean(exc)
        raise unusable(path, f"could not be read: {reason}") from exc
    if data is None:
        raise unusable(path, "does not exist")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise unusable(path, f"is not UTF-8 (line {line}); Excel calls it CSV UTF-8") from exc


def _delimiter(text: str) -> str:
    """Return what parts the cells: what stands most often in the header."""
    header = next((line for line in islice(io.StringIO(text), 1000) if line.strip()), "")
    return max(_DELIMITERS, key=header.count)


def unusable(path: Path, problem: str) -> ConfigError:
    """Return the error of a file that cannot be used."""
    return ConfigError((f"{clean(path)} {problem}",), hint=_HINT)

"""A lead list in a CSV file, in place of the CRM's: a fair's visitors, say.

UTF-8, with commas, semicolons or tabs between, a header in its first line:

    lead_id,full_name,mobile_number_formatted,counsellor
    1001,Asha Rao,+919812345678,Anandi

``phone`` may stand for ``mobile_number_formatted``; ``counsellor`` is optional, and further columns
do not matter.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from lead_automation.errors import ConfigError, StateError
from lead_automation.files import Disk
from lead_automation.leads.crm import LeadList, MalformedLead, parse_row
from lead_automation.models import Lead
from lead_automation.text import clean

MAX_BYTES = 32 << 20
"""Half a million rows, a thousand days of quota; one more megabyte is somebody's wrong file."""

_ID, _NAME, _NUMBER, _COUNSELLOR = "lead_id", "full_name", "mobile_number_formatted", "counsellor"
_OTHER_NAMES = {"phone": _NUMBER}
_REQUIRED = (_ID, _NAME, _NUMBER)
_DELIMITERS = ",;\t"
_HINT = "Save it as CSV in UTF-8, with the columns lead_id, full_name, mobile_number_formatted."


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvLeads:
    """The leads of a file, read and understood; the same interface as the CRM's list."""

    rows: tuple[Lead | MalformedLead, ...]

    def fetch_leads(self, limit: int) -> LeadList:
        """Return the first leads, in the file's order, at most limit."""
        return LeadList(leads=self.rows[:limit])


def read_csv_leads(path: Path, disk: Disk) -> CsvLeads:
    """Return the leads of a file.

    Raises:
        ConfigError: Missing, unreadable, too large, not UTF-8, or no such CSV.
    """
    return CsvLeads(rows=tuple(_rows(read_text(path, disk), path)))


def read_text(path: Path, disk: Disk) -> str:
    """Return a file's text, its byte-order mark removed.

    Raises:
        ConfigError: Missing, unreadable, larger than ``MAX_BYTES``, or not UTF-8.
    """
    try:
        data = disk.read(path, MAX_BYTES, private=False)
    except (OSError, StateError, ValueError) as exc:  # ValueError: a NUL in the path
        reason = exc.strerror if isinstance(exc, OSError) else clean(exc)
        raise _unusable(path, f"could not be read: {reason}") from exc
    if data is None:
        raise _unusable(path, "does not exist")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise _unusable(path, f"is not UTF-8 (line {line}); Excel calls it CSV UTF-8") from exc


def records(text: str, delimiter: str) -> Iterator[tuple[str, list[str] | None]]:
    """Yield the records of a CSV that are not blank: ``line 5`` or ``lines 5 to 7``, and the cells.

    None for a record that is no CSV; the next one is read all the same.

    Raises:
        csv.Error: A quote is never closed: what stands behind it would be lost in one cell.
    """
    # Strict: leniently, an open quote at the end would swallow the rest without a word.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        first = reader.line_num + 1
        cells: list[str] | None
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as exc:
            if "end of data" in str(exc):
                msg = f"a quote in line {first} is never closed"
                raise csv.Error(msg) from exc
            cells = None
        last = reader.line_num
        if cells is None or any(cell.strip() for cell in cells):
            yield (f"line {first}" if first >= last else f"lines {first} to {last}"), cells


def _rows(text: str, path: Path) -> Iterator[Lead | MalformedLead]:
    """Yield a lead, or what is wrong with it, for each record below the header."""
    delimiter = sniff_delimiter(text)
    try:
        found = records(text, delimiter)
        _, header = next(found, ("", None))
        columns = _columns(header or [], path)
        for where, cells in found:
            yield _lead(where, cells, columns, width=len(header or []))
    except csv.Error as exc:
        raise _unusable(path, f"is no CSV: {exc}") from exc


def sniff_delimiter(text: str) -> str:
    """Return what parts the cells: what stands most often in the header."""
    header = next((line for line in islice(io.StringIO(text), 1000) if line.strip()), "")
    return max(_DELIMITERS, key=header.count)


def _columns(header: Sequence[str], path: Path) -> dict[str, int]:
    """Return where each column that counts stands.

    Raises:
        ConfigError: One is missing, or stands there twice.
    """
    names = [name.strip().casefold() for name in header]
    # The name of the CRM wins where both stand there.
    names = [_OTHER_NAMES.get(name, name) if _NUMBER not in names else name for name in names]
    missing = [name for name in _REQUIRED if name not in names]
    twice = [name for name in (*_REQUIRED, _COUNSELLOR) if names.count(name) > 1]
    if missing or twice:
        problem = f"has no column {', '.join(missing)}" if missing else f"has {twice[0]} twice"
        raise _unusable(path, problem)
    return {name: names.index(name) for name in (*_REQUIRED, _COUNSELLOR) if name in names}


def _lead(
    where: str, cells: Sequence[str] | None, columns: dict[str, int], *, width: int
) -> Lead | MalformedLead:
    problem = _problem(cells, columns, width)
    if cells is None or problem:
        return MalformedLead(lead_id="", reason=f"{where}: {problem}")
    lead = parse_row({name: cells[place].strip() for name, place in columns.items()})
    if isinstance(lead, MalformedLead):
        return replace(lead, reason=f"{where}: {lead.reason}")
    return lead


def _problem(cells: Sequence[str] | None, columns: dict[str, int], width: int) -> str:
    """Return why a record cannot be trusted, "" where it can."""
    if cells is None:
        return "a quote stands where none belongs"
    # A comma nobody quoted moves every cell behind it: a number would be taken for a name.
    if len(cells) != width:
        return f"{len(cells)} cells, the header has {width}"
    if any("\0" in cell for cell in cells):
        return "holds a NUL character"
    if any("\n" in cells[place].strip() for place in columns.values()):
        return "a cell runs over several lines; is a quote missing?"
    return ""


def _unusable(path: Path, problem: str) -> ConfigError:
    return ConfigError((f"{clean(path)} {problem}",), hint=_HINT)

"""A lead list in a CSV file, in place of the CRM's: a fair's visitors, say.

UTF-8, with commas, semicolons or tabs between, a header in its first line:

    lead_id,full_name,mobile_number_formatted,counsellor
    1001,Asha Rao,+919812345678,Anandi

``phone`` may stand for ``mobile_number_formatted``; ``counsellor`` is optional, and further columns
do not matter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from lead_automation.files import Disk
from lead_automation.leads.crm import LeadList, MalformedLead, parse_row
from lead_automation.leads.csv_text import records, unusable
from lead_automation.models import Lead

_ID, _NAME, _NUMBER, _COUNSELLOR = "lead_id", "full_name", "mobile_number_formatted", "counsellor"
_OTHER_NAMES = {"phone": _NUMBER}
_REQUIRED = (_ID, _NAME, _NUMBER)


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvLeads:
    """The leads of a file, read and understood; the same interface as the CRM's list."""

    rows: LeadList

    def fetch_leads(self, limit: int) -> LeadList:
        """Return the first leads, in the file's order, at most limit."""
        return self.rows[:limit]


def read_csv_leads(path: Path, disk: Disk) -> CsvLeads:
    """Return the leads of a file.

    Raises:
        ConfigError: Missing, unreadable, too large, not UTF-8, or no such CSV.
    """
    found = records(path, disk)
    _, header = next(found, ("", None))
    columns, width = _columns(header or [], path), len(header or [])
    return CsvLeads(rows=tuple(_lead(where, cells, columns, width) for where, cells in found))


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
        raise unusable(path, problem)
    return {name: names.index(name) for name in (*_REQUIRED, _COUNSELLOR) if name in names}


def _lead(
    where: str, cells: Sequence[str] | None, columns: dict[str, int], width: int
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

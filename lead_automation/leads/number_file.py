"""A file of numbers: a CSV with a column ``phone``, or with the numbers first, or a plain list."""

from pathlib import Path

from lead_automation.files import Disk
from lead_automation.leads.csv_text import records
from lead_automation.leads.phone import parse_phone


def read_numbers(path: Path, disk: Disk, region: str) -> tuple[list[str], list[str]]:
    """Return the numbers of a file in E.164, each once, and what is wrong, a line each.

    A first line without any digit is a header. Numbers are judged as a lead's are.

    Args:
        path: UTF-8.
        disk: Where it is read from.
        region: Of numbers without a country code.

    Raises:
        ConfigError: The file cannot be used at all.
    """
    numbers: dict[str, None] = {}
    problems: list[str] = []
    column = 0
    for index, (where, cells) in enumerate(records(path, disk)):
        names = [cell.strip().casefold() for cell in cells or ()]
        if index == 0 and cells and not any(char.isdigit() for cell in cells for char in cell):
            column = names.index("phone") if "phone" in names else 0
            continue
        if cells is None or len(cells) <= column:
            problems.append(f"{where}: no number")
            continue
        # The number itself stays out of messages: they end up in logs.
        parsed = parse_phone(cells[column].strip(), region)
        if parsed.e164 is None:
            problems.append(f"{where}: {parsed.problem}")
        else:
            numbers[parsed.e164] = None
    return list(numbers), problems

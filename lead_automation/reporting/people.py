"""List the leads a person has to look at, for the HTML page and the text form."""

from datetime import datetime, tzinfo
from typing import TypedDict

from lead_automation.models import Outcome
from lead_automation.plaintext import cap_marks, wrap
from lead_automation.reporting.figures import category_of, is_failed
from lead_automation.reporting.wording import CATEGORY_ACTIONS, UNKNOWN_ACTION, title
from lead_automation.runs import LeadRow, RunResult, SkipReason
from lead_automation.text import clean, mask_numbers

MAX_PEOPLE = 200
"""Leads shown; the others are in the CSV form."""

NOBODY = "–"
"""Stands for the counsellor of a lead that was given to none."""

_MAX_NAME = 60
_MAX_TEXT = 500
_INDENT = "    "


class People(TypedDict):
    """The leads that need a person: at most MAX_PEOPLE rows, how many more, counts in words."""

    rows: list[dict[str, str]]
    more: int
    counts: str
    run_id: str


def people_view(result: RunResult, zone: tzinfo) -> People:
    """Return the leads a person has to look at: unknown first, then failed, then bad numbers."""
    kinds = (
        ("unknown", [row for row in result.rows if row.outcome is Outcome.UNKNOWN]),
        ("failed", [row for row in result.rows if is_failed(row)]),
        (
            "with a number to correct",
            [row for row in result.rows if row.skip is SkipReason.INVALID_NUMBER],
        ),
    )
    rows = [row for _, found in kinds for row in found]
    return {
        "rows": [_person(row, zone) for row in rows[:MAX_PEOPLE]],
        "more": max(0, len(rows) - MAX_PEOPLE),
        "counts": ", ".join(f"{len(found):,} {word}" for word, found in kinds if found),
        "run_id": result.run_id,
    }


def _person(row: LeadRow, zone: tzinfo) -> dict[str, str]:
    category = category_of(row)
    is_unknown = row.outcome is Outcome.UNKNOWN
    return {
        "lead_id": mask_numbers(clean(row.lead_id, _MAX_NAME)),
        "name": mask_numbers(cap_marks(clean(row.name, _MAX_NAME))),
        "phone": mask_numbers(clean(row.phone, _MAX_NAME)),
        "counsellor": clean(row.counsellor, _MAX_NAME) if row.counsellor else NOBODY,
        "kind": "unknown" if is_unknown else "failed",
        "what": "Unknown" if category is None else title(category.value),
        "words": mask_numbers(clean(_without_category(row), _MAX_TEXT)),
        "action": UNKNOWN_ACTION if category is None else CATEGORY_ACTIONS[category],
        "at": clock_text(row.at, zone) if row.at else "–",
    }


def _without_category(row: LeadRow) -> str:
    """Return the reason without the category's name in front of it, which stands there already."""
    category, words = category_of(row), row.error_message or ""
    return words if category is None else words.removeprefix(f"{title(category.value).lower()}: ")


def people_text(result: RunResult, *, zone: tzinfo, width: int = 80) -> str:
    """Return the list, ending in a newline; empty when no lead needs anybody."""
    people = people_view(result, zone)
    if not people["rows"]:
        return ""
    lines = ["", f"Leads that need a person ({people['counts']}):"]
    for row in people["rows"]:
        who = " ".join(part for part in (row["lead_id"], row["name"], row["phone"]) if part)
        what = ": ".join(part for part in (row["what"], row["words"]) if part)
        whose = f" → {row['counsellor']}" if row["counsellor"] != NOBODY else ""
        head = f"{row['at']}  {who}{whose}"
        lines += wrap(head, width, head="  ", indent=_INDENT)
        lines += wrap(f"{what}. {row['action']}.", width, head=_INDENT)
    if people["more"]:
        lines.append(f"  and {people['more']:,} more: report --run {result.run_id} --format csv")
    return "\n".join(lines) + "\n"


def clock_text(at: datetime, zone: tzinfo) -> str:
    """Return a moment's time of day in a zone: ``09:15:24``."""
    return at.astimezone(zone).strftime("%H:%M:%S")

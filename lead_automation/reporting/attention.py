"""List the leads a person has to look at, for the HTML page and the text form."""

from datetime import tzinfo
from typing import NamedTuple

from lead_automation.models import Outcome
from lead_automation.plaintext import wrap
from lead_automation.reporting.wording import UNKNOWN_ACTION, failure_words
from lead_automation.runs import LeadRow, RunResult, SkipReason
from lead_automation.times import time_of_day

MAX_LISTED = 200
"""Leads shown, a day's work for whoever calls them; the others are in the CSV form."""

_INDENT = "    "


class Person(NamedTuple):
    """One lead: its row, what happened in a word and in WATI's words, what to do, and when."""

    row: LeadRow
    what: str
    words: str
    action: str
    at: str


class Attention(NamedTuple):
    """The leads that need a person: at most MAX_LISTED, how many more, all counts in words."""

    people: list[Person]
    more: int
    counts: str


def needs_attention(result: RunResult, zone: tzinfo) -> Attention:
    """Return the leads a person has to look at: unknown first, then failed, then bad numbers."""
    kinds = {
        "unknown": [row for row in result.rows if row.outcome is Outcome.UNKNOWN],
        "failed": [row for row in result.rows if row.is_failed],
        "with a number to correct": [
            row for row in result.rows if row.skip is SkipReason.INVALID_NUMBER
        ],
    }
    rows = [row for found in kinds.values() for row in found]
    return Attention(
        people=[_person(row, zone) for row in rows[:MAX_LISTED]],
        more=max(0, len(rows) - MAX_LISTED),
        counts=", ".join(f"{len(found):,} {word}" for word, found in kinds.items() if found),
    )


def _person(row: LeadRow, zone: tzinfo) -> Person:
    category, words = row.category, row.error_message or ""
    at = time_of_day(row.at, zone) if row.at else "–"
    if category is None:
        return Person(row, "Unknown", words, UNKNOWN_ACTION, at)
    what, action = failure_words(row.rule, category)
    # The category's name may stand in front of the reason, where it stands already.
    return Person(row, what, words.removeprefix(f"{what.lower()}: "), action, at)


def attention_text(result: RunResult, *, zone: tzinfo, width: int = 80) -> str:
    """Return the list, ending in a newline; empty when no lead needs anybody."""
    found = needs_attention(result, zone)
    if not found.people:
        return ""
    lines = ["", f"Leads that need a person ({found.counts}):"]
    for row, what, words, action, at in found.people:
        who = " ".join(part for part in (row.lead_id, row.name, row.phone) if part)
        whose = f" → {row.counsellor}" if row.counsellor else ""
        lines += wrap(f"{at}  {who}{whose}", width, head="  ", indent=_INDENT)
        said = f"{what}: {words}" if words else what
        lines += wrap(f"{said}. {action}.", width, head=_INDENT)
    if found.more:
        lines.append(f"  and {found.more:,} more: report --run {result.run_id} --format csv")
    return "\n".join(lines) + "\n"

"""``status``: what happened today, what is left, why it stopped; needs no lock, writes nothing."""

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from lead_automation.arguments import Arguments
from lead_automation.commands.common import (
    WIDTH,
    SettingsSource,
    hold_document,
    hold_text,
    show,
)
from lead_automation.commands.state_checks import mismatch
from lead_automation.config import LocalSettings
from lead_automation.errors import StateError
from lead_automation.leads.hours import quota_day
from lead_automation.models import MessageStatus
from lead_automation.plaintext import columns, pad, wrap
from lead_automation.reporting.archive import REPORTS_FOLDER, kept_runs, list_runs, load_run
from lead_automation.reporting.days import is_bad_number
from lead_automation.reporting.kept import KeptRun
from lead_automation.runs import RunMode
from lead_automation.runtime import Runtime
from lead_automation.state.ledger import Ledger
from lead_automation.state.open import open_state
from lead_automation.state.state import State
from lead_automation.stored import Hold, MessageRecord
from lead_automation.text import clean, safe_outside, safe_text
from lead_automation.times import iso_time, shown_time

# A screen of 24 lines also has the counsellors to show; ``--json`` names every unknown send.
_MOST_NAMED = 10
# A line is to keep its figures on 80 columns, whatever a name or an id from outside is like.
_MAX_NAME = 30
# One reason may name several problems; more of it is in the log.
_MAX_TEXT = 500

_BAD_NUMBER = "invalid_number"
_UNKNOWN = "unknown"
_ORDER: Final = (*(status.value for status in MessageStatus), _UNKNOWN, _BAD_NUMBER)


def execute(arguments: Arguments, runtime: Runtime) -> int:
    """Show the state as it is now, a running journal included."""
    local = SettingsSource(arguments, runtime).load_local()
    now, zone = runtime.clock.now(), local.hours.zone
    state = open_state(local, runtime)
    hold = state.hold.read()
    document = _document(state, hold, local, runtime, now)
    width = runtime.width(runtime.stdout) or WIDTH
    lines = [f"Today {shown_time(now, zone)} {zone.key}", "", *_lines(document)]
    text = "\n".join(part for line in lines for part in _fitted(line, width))
    if hold is not None:
        text = f"{hold_text(hold, now=now, zone=zone, width=width)}\n\n{text}"
    show(arguments, runtime, document, text, state=state)
    return 0


def _document(
    state: State, hold: Hold | None, local: LocalSettings, runtime: Runtime, now: datetime
) -> dict[str, Any]:
    """Return the object of ``--json``, which the text is made of as well.

    Raises:
        StateError: A state file cannot be read.
    """
    today = quota_day(now, local.hours.zone)
    month = f"{today:%Y-%m}"
    books = state.snapshot(today)
    used = _used(books, local, today)
    return {
        "status": "completed",
        "today": today.isoformat(),
        "counsellors": used,
        "quota_left": sum(map(_left, used.values())),
        "messages_today": _by_status(record for record in books.records() if record.day == today),
        "unsettled": len(books.open_messages(date.min)),
        "unknown": [
            {
                "lead_id": safe_outside(record.lead_id),
                "day": record.day.isoformat(),
                "attempts": record.attempts,
            }
            for record in books.unknown_messages()
        ],
        "hold": hold_document(hold, zone=local.hours.zone) if hold is not None else None,
        "suppressed": sum(entry.is_active(now) for entry in state.suppressions.entries()),
        "crm_rows_owed": len(books.owed_rows()),
        "crm_rows_refused": [
            {
                "lead_id": safe_outside(row.lead_id),
                "msg_status": row.msg_status,
                "refused_on": row.refused_on.isoformat(),
                "reason": row.refusal,
            }
            for row in books.owed_rows()
            if row.refused_on is not None
        ],
        "month": {"month": month, "calls": books.month_calls(month), "limit": local.monthly_calls},
        "reports_mismatch": mismatch(books, local, runtime),
        **_last_runs(local, runtime),
        "state_dir": str(local.state_dir),
    }


def _used(books: Ledger, local: LocalSettings, today: date) -> dict[str, dict[str, int]]:
    """Return today's figures: the configured counsellors first, then whoever else was used."""
    used = books.used_today(today, local.hours.zone)
    limits = {counsellor.name: counsellor.daily_limit for counsellor in local.counsellors}
    return {
        clean(name, _MAX_NAME): {
            "used_today": used.get(name, 0),
            "daily_limit": limits.get(name, 0),
        }
        for name in {**limits, **used}
    }


def _left(its: dict[str, int]) -> int:
    return max(0, its["daily_limit"] - its["used_today"])


def _by_status(records: Iterable[MessageRecord]) -> dict[str, int]:
    """Return counts by status; ``unknown`` apart, and leads with whom nothing could be tried."""
    counts = Counter(_word(record) for record in records if not record.was_withdrawn)
    return {word: counts[word] for word in _ORDER if counts[word]}


def _word(record: MessageRecord) -> str:
    if record.unknown:
        return _UNKNOWN
    return _BAD_NUMBER if is_bad_number(record) else record.status.value


def _last_runs(local: LocalSettings, runtime: Runtime) -> dict[str, object]:
    """Return the last run that attempted anything, and the last of all.

    Where none attempted anything both are the last of all.
    """
    folder = local.state_dir / REPORTS_FOLDER
    runs = list_runs(runtime.disk, folder)
    if not runs:
        return {"last_run": None, "last_run_of_all": None}
    kept = kept_runs(runtime.disk, folder, KeptRun)
    busy = next((run.run_id for run in kept if run.has_attempted), runs[-1])
    last = _shown_run(runs[-1], folder, local, runtime)
    shown = last if busy == runs[-1] else _shown_run(busy, folder, local, runtime)
    return {"last_run": shown, "last_run_of_all": last}


def _shown_run(
    run_id: str, folder: Path, local: LocalSettings, runtime: Runtime
) -> dict[str, object]:
    """Return how a run ended; a report that cannot be read must not cost the rest."""
    try:
        result = load_run(runtime.disk, folder, run_id)
    except StateError as error:
        reason = safe_text(error, _MAX_TEXT)
        return {"run_id": run_id, "status": "unreadable", "reason": reason}
    return {
        "run_id": result.run_id,
        "mode": result.mode.value,
        "status": result.status.value,
        "reason": result.reason,
        "ended_at": iso_time(result.ended_at, local.hours.zone),
        "exit_code": result.exit_code,
    }


def _lines(shown: dict[str, Any]) -> list[str]:
    """Return the paragraphs of the text, still to be fitted to a width."""
    messages = ", ".join(
        f"{count} {word.replace('_', ' ')}" for word, count in shown["messages_today"].items()
    )
    month = shown["month"]
    share = 100 * month["calls"] / month["limit"]
    return [
        *_quota_lines(shown["counsellors"]),
        "",
        f"{shown['quota_left']} messages left today",
        "",
        f"Messages today: {messages or 'none'}",
        f"Not settled (all kept days): {shown['unsettled']} accepted, "
        f"{len(shown['unknown'])} unknown",
        *_unknown_lines(shown["unknown"]),
        f"Suppressed numbers: {shown['suppressed']}",
        f"CRM rows owed: {shown['crm_rows_owed']}",
        *_refused_lines(shown["crm_rows_refused"]),
        f"WATI calls in {month['month']}: {month['calls']:,} of {month['limit']:,} ({share:.0f} %)",
        *([] if shown["hold"] else ["Hold: none"]),
        *_mismatch_lines(shown["reports_mismatch"]),
        *_last_run_lines("Last run", shown["last_run"]),
        *(
            _last_run_lines("Last of all", shown["last_run_of_all"])
            if shown["last_run_of_all"] != shown["last_run"]
            else []
        ),
    ]


def _quota_lines(counsellors: dict[str, dict[str, int]]) -> list[str]:
    """Return one line for each counsellor: used, limit, left."""
    name_width = max(map(columns, counsellors), default=0)
    used_width = max((len(str(its["used_today"])) for its in counsellors.values()), default=0)
    limit_width = max((len(str(its["daily_limit"])) for its in counsellors.values()), default=0)
    return [
        f"  {pad(name, name_width)}  {its['used_today']:>{used_width}} of "
        f"{its['daily_limit']:>{limit_width}} used, {_left(its):>{limit_width}} left"
        for name, its in counsellors.items()
    ]


def _mismatch_lines(problem: str | None) -> list[str]:
    text = f"RUNS ARE STOPPED: the history {problem}; mend it, or see `state accept`"
    return [text] if problem else []


def _last_run_lines(name: str, last_run: dict[str, Any] | None) -> list[str]:
    if last_run is None:
        return []
    mode = last_run.get("mode", RunMode.PRODUCTION.value)
    kind = "" if mode == RunMode.PRODUCTION.value else f" ({mode})"
    reason = last_run["reason"] and f": {last_run['reason']}"
    return [f"{name}: {last_run['run_id']}{kind} {last_run['status']}{reason}"]


def _fitted(line: str, width: int) -> list[str]:
    """Break a line at spaces where it is too long; one that fits keeps its spacing."""
    return [line] if columns(line) <= width else wrap(line, width, indent="  ")


def _refused_lines(refused: list[dict[str, Any]]) -> list[str]:
    """Name the rows the CRM refuses, with its words, and what becomes of them."""
    lines = [
        f"  refused: lead {clean(its['lead_id'], _MAX_NAME)} ({its['msg_status']}), "
        f"{its['refused_on']}: {its['reason']}"
        for its in refused
    ]
    return _first(lines, "each is tried once a day and by `track`; ask the CRM's administrator")


def _unknown_lines(unknown: list[dict[str, Any]]) -> list[str]:
    """Name the sends nobody knows the fate of, and what settles them."""
    lines = [
        f"  unknown: lead {clean(its['lead_id'], _MAX_NAME)} of {its['day']}, "
        f"attempt {its['attempts']}"
        for its in unknown
    ]
    return _first(lines, "`track` or the next run asks WATI; they are never sent blindly again")


def _first(lines: list[str], what_next: str) -> list[str]:
    """Return the first lines, how many more there are, and what becomes of them; none of none."""
    if not lines:
        return []
    more = len(lines) - _MOST_NAMED
    rest = [f"  … and {more} more (--json names them all)"] if more > 0 else []
    return [*lines[:_MOST_NAMED], *rest, f"  {what_next}"]

"""Refuse a state that cannot be right, before anything is sent on its word."""

from collections.abc import Mapping
from datetime import date, timedelta

from lead_automation.campaign.preflight import check_wall_clock
from lead_automation.config import LocalSettings
from lead_automation.errors import StateError
from lead_automation.leads.hours import quota_day
from lead_automation.reporting.archive import (
    REPORTS_FOLDER,
    MessagedRow,
    RunMessages,
    messaged_leads,
)
from lead_automation.reporting.documents import run_date
from lead_automation.runtime import Runtime
from lead_automation.state.ledger import Ledger
from lead_automation.state.open import open_state


def check_state(ledger: Ledger, local: LocalSettings, runtime: Runtime) -> None:
    """Hold a loaded ledger against the clock and against the reports beside it.

    Raises:
        ClockError: The wall clock is behind the newest record.
        StateError: Reports show messages that the history does not know.
    """
    check_wall_clock(ledger.newest_time(), now=runtime.clock.now(), zone=local.hours.zone)
    if problem := mismatch(ledger, local, runtime):
        msg = (
            f"The history in {open_state(local, runtime).place} {problem}: an older file was put "
            "back, or it was lost (a redeploy, a git reset), and people would be messaged again."
        )
        hint = (
            "Restore the newest sent_messages.json and quota_usage.json (or database), or take "
            "these leads as messaged: `state accept`. Keep STATE_DIR outside the clone."
        )
        raise StateError(msg, path=local.state_dir, hint=hint)


def mismatch(ledger: Ledger, local: LocalSettings, runtime: Runtime) -> str | None:
    """Return what the reports know of accepted messages and the history does not, as a clause.

    Raises:
        StateError: The reports cannot be listed.
    """
    missing = {
        run_id: count
        for run_id, rows in missing_leads(ledger, local, runtime).items()
        # An unknown one alone proves nothing: perhaps nobody was messaged.
        if (count := sum(row.is_accepted for row in rows))
    }
    if not missing:
        return None
    is_empty = not any(True for _ in ledger.records())
    what = "is empty" if is_empty else f"does not know {sum(missing.values())} of them"
    return (
        f"{what}, but {REPORTS_FOLDER}/ shows messages sent within HISTORY_DAYS (run "
        f"{max(missing)})"
    )


def missing_leads(
    ledger: Ledger, local: LocalSettings, runtime: Runtime
) -> dict[str, list[MessagedRow]]:
    """Return whom kept runs messaged, or may have, and the history knows on no day, by run id.

    Raises:
        StateError: The reports cannot be listed.
    """
    today = quota_day(runtime.clock.now(), local.hours.zone)
    since = today - timedelta(days=local.history_days)
    runs = messaged_leads(runtime.disk, local.state_dir / REPORTS_FOLDER, since)
    first_day = _first_day(runs, local.history_days, today)
    missing = {
        # No message of a run is kept under an earlier day than the run's own, whatever the zone.
        run_id: [row for row in its.lead_rows if row.at and not ledger.knows(row.known_as)]
        for run_id, its in runs.items()
        if run_date(run_id) >= first_day
    }
    return {run_id: rows for run_id, rows in missing.items() if rows}


def _first_day(runs: Mapping[str, RunMessages], history_days: int, today: date) -> date:
    """Return the first day whose messages the history must know.

    Before the next kept run, others may have come (killed before their report) and have forgotten
    as much as HISTORY_DAYS of the run before allowed; raised since, the setting brings nobody back.
    """
    # Another zone, set since, may have set the date back, by no more than a day.
    days = [min(run_date(run_id), today + timedelta(days=1)) for run_id in runs]
    newest = max([today, *days])
    first = newest - timedelta(days=history_days)
    for its, next_day in zip(runs.values(), [*days[1:], newest], strict=False):
        if its.history_days is not None and its.history_days < history_days:
            first = max(first, next_day - timedelta(days=its.history_days))
    return first

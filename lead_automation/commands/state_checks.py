"""Refuse a state that cannot be right, before anything is sent on its word."""

from datetime import UTC, date, datetime, timedelta

from lead_automation.campaign.preflight import check_wall_clock
from lead_automation.config import LocalSettings
from lead_automation.errors import StateError
from lead_automation.leads.hours import quota_day
from lead_automation.reporting.archive import REPORTS_FOLDER, MessagedRow, messaged_leads
from lead_automation.runtime import Runtime
from lead_automation.state.ledger import Ledger
from lead_automation.state.open import open_state

_WEST = timedelta(hours=12)
"""West of UTC the latest date begins: a day that is over there may have been forgotten."""


def check_state(ledger: Ledger, local: LocalSettings, runtime: Runtime) -> None:
    """Hold a loaded ledger against the clock and against the reports beside it.

    Raises:
        ClockError: The wall clock is behind the newest record.
        StateError: Reports show messages that the history does not know.
    """
    missing = missing_leads(ledger, local, runtime)
    if not missing:
        return
    count = sum(map(len, missing.values()))
    is_empty = not any(True for _ in ledger.records())
    what = "is empty" if is_empty else f"does not know {count} of them"
    msg = (
        f"The history in {open_state(local, runtime).place} {what}, but {REPORTS_FOLDER}/ shows "
        f"messages sent within HISTORY_DAYS (run {max(missing)}): an older file was put back, or "
        "it was lost (a redeploy, a git reset), and people would be messaged again."
    )
    hint = (
        "Restore the newest sent_messages.json and quota_usage.json (or database), or take these "
        "leads as messaged: `state accept`. Keep STATE_DIR outside the clone."
    )
    raise StateError(msg, path=local.state_dir, hint=hint)


def missing_leads(
    ledger: Ledger, local: LocalSettings, runtime: Runtime
) -> dict[str, list[MessagedRow]]:
    """Return whom kept runs messaged and the history knows on no day, by run id.

    Raises:
        ClockError: The wall clock is behind the newest record.
        StateError: The reports cannot be listed.
    """
    now = runtime.clock.now()
    check_wall_clock(ledger.newest_time(), now=now, zone=local.hours.zone)
    today = quota_day(now, local.hours.zone)

    def is_missing(row: MessagedRow) -> bool:
        at = row.at
        if at is None or at.tzinfo is None or ledger.is_over(_earliest(at), today):
            return False
        return not ledger.knows(row.lead_id)

    since = now - timedelta(days=local.history_days + 1)
    runs = messaged_leads(runtime.disk, local.state_dir / REPORTS_FOLDER, since)
    missing = {run_id: list(filter(is_missing, rows)) for run_id, rows in runs.items()}
    return {run_id: rows for run_id, rows in missing.items() if rows}


def _earliest(at: datetime) -> date:
    return (at.astimezone(UTC) - _WEST).date()

"""Refuse a state that cannot be right, before anything is sent on its word."""

from datetime import timedelta

from lead_automation.campaign.preflight import check_wall_clock
from lead_automation.config import LocalSettings
from lead_automation.errors import StateError
from lead_automation.reporting.archive import REPORTS_FOLDER, list_runs, recent_production_sends
from lead_automation.runtime import Runtime
from lead_automation.state.ledger import Ledger


def check_state(ledger: Ledger, local: LocalSettings, runtime: Runtime) -> None:
    """Hold a loaded ledger against the clock and against the reports beside it.

    Raises:
        ClockError: The wall clock is behind the newest record.
        StateError: The history is empty where reports show that people were messaged.
    """
    now = runtime.clock.now()
    check_wall_clock(ledger.newest_time(), now=now, zone=local.hours.zone)
    list_runs(runtime.disk, local.state_dir / REPORTS_FOLDER)  # refuses a link before any send
    if any(True for _ in ledger.records()):
        return
    since = now - timedelta(days=local.history_days)
    if recent_production_sends(runtime.disk, local.state_dir / REPORTS_FOLDER, since):
        msg = (
            f"The history in {local.state_dir} is empty, but {REPORTS_FOLDER}/ shows messages sent "
            "within HISTORY_DAYS: it was lost (a redeploy, a git reset), and everyone would be "
            "messaged again."
        )
        hint = (
            "Restore sent_messages.json and quota_usage.json, or move the reports away if the "
            "history was emptied on purpose. Keep STATE_DIR outside the clone."
        )
        raise StateError(msg, path=local.state_dir, hint=hint)

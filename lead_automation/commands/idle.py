"""Notice that no message was accepted for days, although sending was allowed on them."""

from datetime import date, timedelta
from pathlib import Path

from lead_automation.config import HoursPolicy, LocalSettings
from lead_automation.errors import StateError
from lead_automation.files import Disk
from lead_automation.leads.hours import is_working_day, quota_day
from lead_automation.reporting.archive import REPORTS_FOLDER, kept_runs
from lead_automation.reporting.kept import KeptRun
from lead_automation.runs import RunMode, RunResult


def idle_text(result: RunResult, local: LocalSettings, disk: Disk) -> str:
    """Return that the runs have been sending nothing, for how long; "" where all is well.

    Each run for itself may have had a good reason: no leads, no quota, out of hours. Only together
    do they show a CRM that lists nobody any more, or hours that nobody meant.

    Args:
        result: Of the run that ends, whose document is not kept yet.
        local: How many days are too many, which days count, and where the earlier runs are.
        disk: Where those are read.
    """
    if result.mode is not RunMode.PRODUCTION or result.leads.accepted or not local.idle_days_alert:
        return ""
    today = quota_day(result.ended_at, local.hours.zone)
    try:
        since = _last_day(disk, local.state_dir / REPORTS_FOLDER, local)
    except StateError:  # said by whoever keeps the reports
        return ""
    # Today is not over, and the day itself had a message, or the first run of all.
    days = _working_days(since, today, local.hours) if since is not None else 0
    if days < local.idle_days_alert:
        return ""
    return (
        f"No message was accepted since {since}: {days} days on which sending was allowed "
        "(IDLE_DAYS_ALERT). See with `report --list` how the runs ended"
    )


def _last_day(disk: Disk, folder: Path, local: LocalSettings) -> date | None:
    """Return the day of the last accepted message, else of the first run; None without runs."""
    day = None
    for run in kept_runs(disk, folder, KeptRun):
        if run.mode is RunMode.PRODUCTION:
            day = quota_day(run.started_at, local.hours.zone)
            if run.leads.accepted:
                break
    return day


def _working_days(since: date, today: date, hours: HoursPolicy) -> int:
    """Count the days between two on which sending was allowed, both left out."""
    between = (since + timedelta(days=number) for number in range(1, (today - since).days))
    return sum(is_working_day(day, hours) for day in between)

"""Keep the folder of reports: the run's own, newer statuses of earlier ones, the list, the old."""

import logging
from collections.abc import Collection
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from lead_automation.config import LocalSettings
from lead_automation.errors import StateError
from lead_automation.leads.hours import quota_day
from lead_automation.reporting.archive import (
    REPORTS_FOLDER,
    forget_runs,
    refresh_reports,
    save_index,
    save_run_report,
)
from lead_automation.reporting.report import render_html, render_index
from lead_automation.runs import RunResult
from lead_automation.runtime import Runtime
from lead_automation.stored import MessageRecord

_log = logging.getLogger(__name__)


def keep_reports(
    local: LocalSettings,
    runtime: Runtime,
    changed: Collection[MessageRecord],
    result: RunResult | None = None,
) -> Path | None:
    """Write what is new into the folder of reports; a problem is a warning, never more.

    Args:
        local: Where, in which zone, and for how long.
        runtime: What is outside.
        changed: Messages of earlier runs whose status is newly known.
        result: Of the run that ends.

    Returns:
        The page of the run; None without one, or when it could not be written.
    """
    folder, zone = local.state_dir / REPORTS_FOLDER, local.hours.zone
    disk, now = runtime.disk, runtime.clock.now()
    page = None
    try:
        if result is not None:
            kept = replace(result, history_days=local.history_days)
            _, page = save_run_report(
                disk, folder, kept, render_html=partial(render_html, zone=zone)
            )
        refresh_reports(
            disk, folder, changed, known_at=now, render_html=partial(render_html, zone=zone)
        )
        if local.keep_reports_days:
            forget_runs(disk, folder, first_kept(local, quota_day(now, zone)))
        # Last of all: it lists what the others left.
        save_index(disk, folder, partial(render_index, zone=zone))
    except (StateError, OSError, ImportError) as error:  # the page's template is a file too
        _log.warning("The report could not be kept: %s", error)
    return page


def first_kept(local: LocalSettings, today: date) -> date:
    """Return the first day whose reports are kept; the history's own days always are."""
    days = max(local.keep_reports_days, local.history_days)
    return today - timedelta(days=days) if local.keep_reports_days else date.min

"""Close the books of a run: fold the journal, add everything up, say what to do next."""

import logging
from datetime import datetime

from lead_automation.campaign.budget import month_carries
from lead_automation.campaign.ends import RunEnd, of_error
from lead_automation.campaign.services import Services
from lead_automation.counts import MonthCalls
from lead_automation.errors import ExitCode, StateError
from lead_automation.reporting.analytics import CampaignAnalytics
from lead_automation.reporting.logger import OptimizedLogger
from lead_automation.reporting.next_steps import Circumstances, with_next_steps
from lead_automation.runs import RunMode, RunResult
from lead_automation.state.hold import CampaignHold
from lead_automation.stored import Hold
from lead_automation.times import shown_time_and_zone

_log = logging.getLogger(__name__)


def close_books(
    end: RunEnd,
    services: Services,
    *,
    analytics: CampaignAnalytics,
    log: OptimizedLogger,
) -> RunResult:
    """Return everything known of the run; a dry run folds nothing.

    A fold that fails ends the run with exit code 5: the journal stays and the next run folds it.

    Args:
        end: Why no further lead is attempted.
        services: What the run worked with.
        analytics: Has counted its leads.
        log: Has kept its warnings.
    """
    now, today, books = services.clock.now(), services.today(), services.books
    if services.mode is not RunMode.DRY_RUN:
        # Before the figures: the summary shows the quota as the next run will find it.
        try:
            # Only a clock that WATI has confirmed may forget days: see Ledger.finish.
            books.finish(today=today if services.clock.is_trusted else None)
        except StateError as error:
            _log.debug("The fold failed", exc_info=error)
            end = end if end.exit_code == ExitCode.STATE else of_error(error)
    limit = services.budget.monthly_limit
    result = analytics.finish(
        status=end.status,
        reason=end.reason,
        exit_code=end.exit_code,
        started_at=services.clock.started_at,
        ended_at=now,
        used_today=books.used_today(today, services.zone),
        warnings=log.warnings,
        month=MonthCalls(
            calls=services.budget.month_calls,
            limit=limit,
            carries=month_carries(limit, batch_size=services.batch_size),
        ),
        calls=services.budget.calls,
    )
    hold = _hold_at(services.state.hold, now)
    until = hold.until if hold is not None else None
    owed = books.owed_rows()
    circumstances = Circumstances(
        stopped_by=end.category,
        meta_quality=end.is_meta_quality,
        hold=hold,
        hold_until=shown_time_and_zone(until, services.zone) if until is not None else "",
        owed_rows=sum(row.refused_on is None for row in owed),
        refused_rows=sum(row.refused_on is not None for row in owed),
    )
    return with_next_steps(result, circumstances)


def _hold_at(holding: CampaignHold, now: datetime) -> Hold | None:
    """Return the hold in force; a damaged file must not cost the run its summary and report."""
    try:
        hold = holding.read()
    except StateError as error:
        _log.warning("%s", error)
        return None
    return hold if hold is not None and hold.is_active(now) else None

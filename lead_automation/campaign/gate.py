"""Check, right before each POST, whether it may still be made."""

from lead_automation.campaign.ends import RunEnd, held, interrupted, of_error, stopped
from lead_automation.campaign.services import Services
from lead_automation.leads.hours import describe_hours, is_open
from lead_automation.leads.local_hours import is_quiet, zones_of
from lead_automation.leads.phone import region_of
from lead_automation.models import ErrorCategory
from lead_automation.runs import RunMode, RunStatus

_ANY_HOUR = (RunMode.TEST, RunMode.DRY_RUN)
"""An operator waits for a test send, and a dry run sends nothing: neither minds the hour."""


def quiet_reason(services: Services, phone: str) -> str:
    """Return why a number is not written to at this hour, "" where it may be.

    Args:
        services: Settings and clock.
        phone: E.164.
    """
    local = services.settings.local
    if not local.lead_local_hours or services.mode in _ANY_HOUR:
        return ""
    region = region_of(phone)
    if region == local.default_region or not is_quiet(
        services.clock.now(), zones_of(region), local.hours
    ):
        return ""
    return f"outside working hours somewhere in {region}; a later run takes it"


class Gate:
    """Ask stop signal, clock, hold, working hours and the month's calls, now."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def end_now(self) -> RunEnd | None:
        """Return why no message at all may be sent now; None when one may."""
        services = self._services
        # In this order: a signal is somebody waiting, and a hold outlasts the hours.
        if services.runtime.stop.signal_number is not None:
            return interrupted(services.runtime.stop.signal_number)
        doubt = services.clock.doubt(services.zone)
        if doubt is not None:
            return of_error(doubt)  # an end like any other: what is under way is still followed
        now = services.clock.now()
        hold = services.state.hold.read()
        if hold is not None and hold.is_active(now):
            return held(hold, services.zone)
        hours = services.settings.local.hours
        if services.mode not in _ANY_HOUR and not is_open(now, hours):
            return RunEnd(
                status=RunStatus.OUTSIDE_WORKING_HOURS,
                reason=f"outside working hours ({describe_hours(hours)})",
            )
        if services.budget.is_month_used_up:
            return stopped(
                f"QUOTA_EXCEEDED: the month's {services.budget.monthly_limit:,} WATI calls are "
                "used up; sending goes on next month, or raise WATI_MONTHLY_CALLS after an upgrade",
                category=ErrorCategory.QUOTA_EXCEEDED,
            )
        return None

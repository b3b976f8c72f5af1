"""Check, right before each POST, whether it may still be made."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from lead_automation.campaign.ends import RunEnd, held, interrupted, stopped
from lead_automation.campaign.meter import CallMeter
from lead_automation.campaign.ports import HoldPort, SuppressionPort
from lead_automation.clock import Clock, StopFlag
from lead_automation.models import ErrorCategory, Suppression
from lead_automation.runs import RunStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRules:
    """Which checks bind this kind of run.

    Attributes:
        is_open: Whether working hours hold at a moment; always true for a test send.
        hours_text: Working hours for the message, such as ``09:00–21:00 Asia/Kolkata``.
        zone: Of the times in messages.
    """

    is_open: Callable[[datetime], bool]
    hours_text: str
    zone: tzinfo


class Gate:
    """Ask hours, hold, suppression list, stop signal and the month's calls, now."""

    def __init__(
        self,
        *,
        rules: GateRules,
        hold: HoldPort,
        suppressions: SuppressionPort,
        meter: CallMeter,
        stop: StopFlag,
        clock: Clock,
    ) -> None:
        self._rules = rules
        self._hold = hold
        self._suppressions = suppressions
        self._meter = meter
        self._stop = stop
        self._clock = clock

    def end_now(self) -> RunEnd | None:
        """Return why no message at all may be sent now; None when one may."""
        if self._stop.signal_number is not None:
            return interrupted(self._stop.signal_number)
        now = self._clock.now()
        hold = self._hold.read()
        if hold is not None and hold.is_active(now):
            return held(hold, self._rules.zone)
        if not self._rules.is_open(now):
            return RunEnd(
                status=RunStatus.OUTSIDE_WORKING_HOURS,
                reason=f"outside working hours ({self._rules.hours_text})",
            )
        if self._meter.is_month_used_up:
            limit = self._meter.monthly_limit
            return stopped(
                f"QUOTA_EXCEEDED: the month's {limit:,} WATI calls are used up; sending goes on "
                "next month, or raise WATI_MONTHLY_CALLS after an upgrade",
                category=ErrorCategory.QUOTA_EXCEEDED,
            )
        return None

    def suppression_of(self, phone: str) -> Suppression | None:
        """Return what stands against messaging this number now."""
        return self._suppressions.find(phone, self._clock.now())

"""What follows from a failure besides this lead's own row: suppression, rest, hold, stop."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from lead_automation.campaign.ends import RunEnd, stopped
from lead_automation.campaign.ports import HoldPort, SuppressionPort
from lead_automation.campaign.safety import SafetyMonitor, StopOrder
from lead_automation.models import (
    ErrorCategory,
    Failure,
    Hold,
    HoldKind,
    MessageRecord,
    Suppression,
)
from lead_automation.text import clean, mask_numbers

_ACCOUNT_STEPS = (
    "Do not send by any other way: every further message makes it worse.",
    "Read the notices in WhatsApp Manager (Account Quality) and in WATI's dashboard.",
    "Settle what they name with Meta or WATI support.",
    "Then lift the hold: python -m lead_automation resume",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRules:
    """How long a failure keeps a number from being messaged.

    Attributes:
        suppress_for: By category; None for good; a category not named does not suppress.
        quality_rest: Rest of a lead after a Meta quality refusal.
        quality_steps: The five-step checklist.
        only_account_holds: A test send never holds for a quality refusal of the test number, and
            suppresses nobody.
    """

    suppress_for: Mapping[ErrorCategory, timedelta | None]
    quality_rest: timedelta
    quality_steps: tuple[str, ...]
    only_account_holds: bool = False


class Consequences:
    """Carry out what a failure orders."""

    def __init__(
        self,
        *,
        rules: FailureRules,
        safety: SafetyMonitor,
        suppressions: SuppressionPort,
        hold: HoldPort,
    ) -> None:
        self._rules = rules
        self._safety = safety
        self._suppressions = suppressions
        self._hold = hold

    def failed(
        self,
        failure: Failure,
        phone: str,
        *,
        late: bool,
        now: datetime,
        day_ends: datetime,
        is_final: bool = True,
    ) -> RunEnd | None:
        """Follow a failure of this run; return the end it means.

        Args:
            failure: As classified.
            phone: E.164 of the lead.
            late: Learned from a status, not from the send's answer.
            now: Aware.
            day_ends: First instant after the quota day, aware.
            is_final: False for a send that may yet have arrived.
        """
        order = self._safety.failed(failure, late=late, is_final=is_final)
        if order is not None:
            self._hold_for(order, failure, now=now, day_ends=day_ends)
        self._suppress(failure, phone, now)
        return _end_of(order) if order is not None else None

    def failed_earlier(
        self,
        failure: Failure,
        record: MessageRecord,
        *,
        today: date,
        now: datetime,
        day_ends: datetime,
    ) -> RunEnd | None:
        """Follow a failure of an earlier run's message; only a restriction ends anything.

        A quality refusal of a message of today counts as one of this run would: the hold it sets
        ends with the same day. One of an earlier day only rests its lead.
        """
        order: StopOrder | None = None
        if failure.hold is HoldKind.UNTIL_RESUME or (
            failure.is_meta_quality and record.day == today
        ):
            order = self._safety.failed(failure, late=True)
        is_restriction = order is not None and order.hold is not None
        if order is not None and is_restriction:
            self._hold_for(order, failure, now=now, day_ends=day_ends)
        if record.phone is not None:
            self._suppress(failure, record.phone, now)
        return _end_of(order) if order is not None and is_restriction else None

    def arrived(self, *, first_word: bool) -> RunEnd | None:
        """Note that a message was delivered or read."""
        order = self._safety.arrived(first_word=first_word)
        return _end_of(order) if order else None

    def accepted(self) -> None:
        """Note an accepted send."""
        self._safety.accepted()

    def _suppress(self, failure: Failure, phone: str, now: datetime) -> None:
        if self._rules.only_account_holds:
            return
        if failure.is_meta_quality:
            until: datetime | None = now + self._rules.quality_rest
        elif failure.category in self._rules.suppress_for:
            period = self._rules.suppress_for[failure.category]
            until = now + period if period is not None else None
        else:
            return
        self._suppressions.add(
            Suppression(
                phone=phone,
                reason=clean(f"{failure.category.value}: {failure.text}"),
                source="wati",
                added_at=now,
                until=until,
            )
        )

    def _hold_for(
        self, order: StopOrder, failure: Failure, *, now: datetime, day_ends: datetime
    ) -> None:
        if order.hold is None:
            return
        until_day_ends = order.hold is HoldKind.UNTIL_DAY_ENDS
        if until_day_ends and self._rules.only_account_holds:
            return
        self._hold.set(
            Hold(
                reason=clean(mask_numbers(order.reason)),
                since=now,
                evidence=clean(mask_numbers(failure.text), 300),
                what_to_do=self._rules.quality_steps if until_day_ends else _ACCOUNT_STEPS,
                until=day_ends if until_day_ends else None,
            )
        )


def _end_of(order: StopOrder) -> RunEnd:
    return stopped(order.reason, category=order.category, is_meta_quality=order.is_meta_quality)

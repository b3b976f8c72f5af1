"""What follows from a failure besides this lead's own row: suppression, rest, hold, stop."""

from datetime import timedelta

from lead_automation.answers import ContactVerdict
from lead_automation.campaign.ends import RunEnd, stopped
from lead_automation.campaign.safety import SafetyMonitor, StopOrder
from lead_automation.campaign.services import Services
from lead_automation.leads.hours import day_end
from lead_automation.models import ErrorCategory, Failure, HoldKind
from lead_automation.reporting.next_steps import META_CHECKLIST
from lead_automation.runs import RunMode
from lead_automation.stored import Hold, MessageRecord, Suppression
from lead_automation.wati.failures import QUALITY_REST, SUPPRESS_FOR

_ACCOUNT_STEPS = (
    "Do not send by any other way: every further message makes it worse.",
    "Read the notices in WhatsApp Manager (Account Quality) and in WATI's dashboard.",
    "Settle what they name with Meta or WATI support.",
    "Then lift the hold: python -m lead_automation resume",
)

_LOOK_UP_DEADLINE_S = 3.0  # as for a status read: a send may wait meanwhile


class Consequences:
    """Carry out what a failure orders: hold and suppression are on disk when a method returns.

    They come before the record of the answer itself: once that is kept nobody asks again, and a
    crash between the two would lose them.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._safety = SafetyMonitor(services.settings.safety)
        # A test send never holds for a quality refusal of the test number, and suppresses nobody.
        self._only_account_holds = services.mode is RunMode.TEST

    def failed(
        self, failure: Failure, phone: str | None, *, late: bool, is_final: bool = True
    ) -> RunEnd | None:
        """Follow a failure of this run; return the end it means.

        Args:
            failure: As classified.
            phone: E.164 of the lead.
            late: Learned from a status, not from the send's answer.
            is_final: False for a send that may yet have arrived.
        """
        order = self._safety.failed(failure, late=late, is_final=is_final)
        if order is not None:
            self._hold_for(order, failure)
        self._suppress(failure, phone)
        return _end_of(order) if order is not None else None

    def failed_earlier(self, failure: Failure, record: MessageRecord) -> RunEnd | None:
        """Follow a failure of an earlier run's message; only a restriction ends anything.

        A quality refusal of a message of today counts as one of this run would: the hold it sets
        ends with the same day. One of an earlier day only rests its lead.
        """
        order: StopOrder | None = None
        if failure.hold is HoldKind.UNTIL_RESUME or (
            failure.is_meta_quality and record.day == self._services.today()
        ):
            order = self._safety.failed(failure, late=True)
        is_restriction = order is not None and order.hold is not None
        if order is not None and is_restriction:
            self._hold_for(order, failure)
        self._suppress(failure, record.phone)
        return _end_of(order) if order is not None and is_restriction else None

    def arrived(self, *, first_word: bool) -> RunEnd | None:
        """Note that a message was delivered or read."""
        order = self._safety.arrived(first_word=first_word)
        return _end_of(order) if order else None

    def accepted(self) -> None:
        """Note an accepted send."""
        self._safety.accepted()

    def replied(self, phone: str | None) -> None:
        """Look somebody who wrote back up, once: who opted out is suppressed for good.

        Before the reply is kept, because nobody looks again afterwards; without a clear answer
        nothing follows.
        """
        services = self._services
        if self._only_account_holds or phone is None or services.budget.is_month_used_up:
            return
        while (wait_s := services.wati.contacts_wait_s()) > 0 and not services.runtime.stop.is_set:
            services.runtime.sleep(wait_s)
        verdict = services.wati.check_whatsapp_status(phone, deadline_s=_LOOK_UP_DEADLINE_S)
        if verdict is ContactVerdict.OPT_OUT:
            services.state.suppressions.add(
                Suppression(
                    phone=phone,
                    reason=f"{ErrorCategory.OPT_OUT.value}: wrote back, and opted out at WATI",
                    source="contact",
                    added_at=services.clock.now(),
                    until=None,
                )
            )

    def _suppress(self, failure: Failure, phone: str | None) -> None:
        if self._only_account_holds or phone is None:
            return
        if failure.is_meta_quality:
            period: timedelta | None = QUALITY_REST
        elif failure.category in SUPPRESS_FOR:
            period = SUPPRESS_FOR[failure.category]
        else:
            return
        now = self._services.clock.now()
        self._services.state.suppressions.add(
            Suppression(
                phone=phone,
                reason=f"{failure.category.value}: {failure.text}",
                source="wati",
                added_at=now,
                until=now + period if period is not None else None,
            )
        )

    def _hold_for(self, order: StopOrder, failure: Failure) -> None:
        if order.hold is None:
            return
        until_day_ends = order.hold is HoldKind.UNTIL_DAY_ENDS
        days = timedelta(days=self._services.settings.safety.meta_quality_hold_days)
        if until_day_ends and self._only_account_holds:
            return
        now = self._services.clock.now()
        self._services.state.hold.set(
            Hold(
                reason=order.reason,
                since=now,
                evidence=failure.text,
                what_to_do=META_CHECKLIST if until_day_ends else _ACCOUNT_STEPS,
                until=day_end(now + days, self._services.zone) if until_day_ends else None,
            )
        )


def _end_of(order: StopOrder) -> RunEnd:
    return stopped(order.reason, category=order.category, is_meta_quality=order.is_meta_quality)

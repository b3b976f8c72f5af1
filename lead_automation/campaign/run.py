"""Run one campaign: call the steps in order.

    config ─► leads ─► counsellor ─► reserve ─► send ─► settle ─► track ─► report

Each lead goes through ``process_single_lead``. What is decided is decided in the rooms and the
steps of ``campaign``; this module says in which order, and keeps why the run ends.
"""

import logging
from collections import Counter
from collections.abc import Mapping
from datetime import date

from msgspec.structs import replace

from lead_automation.answers import ContactVerdict
from lead_automation.campaign.ends import RunEnd, interrupted, of_error, out_of_quota
from lead_automation.campaign.finish import close_books
from lead_automation.campaign.meter import CallMeter
from lead_automation.campaign.preflight import (
    MAX_CLOCK_OFFSET_S,
    check_template,
    check_vendor_clock,
)
from lead_automation.campaign.rooms import Rooms
from lead_automation.campaign.sending import Delivery
from lead_automation.campaign.settling import later_read_is_due
from lead_automation.campaign.steps import Machine, Policies, make_steps
from lead_automation.campaign.template import compose_message
from lead_automation.config import Settings
from lead_automation.errors import (
    ConfigError,
    LeadAutomationError,
    UnreachableError,
)
from lead_automation.leads.counsellors import choose_counsellor, quota_left
from lead_automation.leads.crm import LeadList, MalformedLead
from lead_automation.leads.hours import quota_day
from lead_automation.leads.intake import Examined, Intake
from lead_automation.models import (
    Counsellor,
    CrmRow,
    ErrorCategory,
    Lead,
    MessageResult,
    MessageStatus,
    Recipient,
    TemplateMessage,
)
from lead_automation.reporting.progress import LiveRows
from lead_automation.runs import LeadRow, RunMode, RunResult, RunStatus, SkipReason

SETTLE_EARLIER_S = 60.0
CONTACT_DEADLINE_S = 10.0
SAMPLE_LEAD = Lead(lead_id="sample", full_name="Sample Lead", mobile_number=None)

_log = logging.getLogger(__name__)


class EnhancedLeadAutomation:
    """One run: leads in, messages out, everything written down."""

    def __init__(
        self,
        *,
        settings: Settings,
        mode: RunMode,
        limit: int | None,
        rooms: Rooms,
        meter: CallMeter,
        policies: Policies,
        machine: Machine,
    ) -> None:
        """Join the steps.

        Args:
            settings: Checked settings.
            mode: Decides what is written and which checks bind.
            limit: Messages attempted at most; None for no limit but the quota.
            rooms: What the steps act on.
            meter: Counts WATI's calls.
            policies: The rules this kind of run is held to.
            machine: Clock, sleep, chance and stop signal.
        """
        self._settings = settings
        self._mode = mode
        self._limit = limit if limit is not None or mode is not RunMode.TEST else 1
        self._rooms = rooms
        self._meter = meter
        self._machine = machine
        self._hours = settings.local.hours
        self._parameter_order: tuple[str, ...] = settings.wati.parameter_names
        self._end: RunEnd | None = None
        self._total = 0
        self._attempted = 0
        self._is_clock_checked = False
        self._planned: Counter[str] = Counter()
        self._intake = Intake(
            history=rooms.ledger,
            suppressions=rooms.suppressions,
            template=settings.wati.template,
            region=settings.local.default_region,
            look_up=self._look_up if settings.check_whatsapp else None,
            remembers=mode is not RunMode.DRY_RUN,
        )
        self._steps = make_steps(
            wati=rooms.wati,
            ledger=rooms.ledger,
            suppressions=rooms.suppressions,
            hold=rooms.hold,
            meter=meter,
            post=self.save_message_log,
            rows=LiveRows(rooms.analytics, rooms.progress),
            log=rooms.log,
            compose=self._compose,
            choose=self.get_available_counsellor,
            policies=policies,
            machine=machine,
        )

    # --- the run ------------------------------------------------------------------------------

    def run_campaign(self) -> RunResult:
        """Run from the first check to the closed books.

        Returns:
            Everything known of the run; an error that ends a run is in it, with its exit code.
        """
        try:
            end = self._prepare() or self._work_through(self.fetch_leads())
            end = self._steps.tail.follow_up(end)
            self._steps.tail.post_rows()
            end = self._steps.tail.unless_interrupted(end)
            self._steps.board.still_pending()
        except LeadAutomationError as error:
            _log.debug("The run ends", exc_info=error)
            end = of_error(error)
            signal_number = self._machine.stop.signal_number
            if signal_number is not None and isinstance(error, UnreachableError):
                end = interrupted(signal_number)  # for its sake the read was given up
        return close_books(
            end,
            rooms=self._rooms,
            mode=self._mode,
            meter=self._meter,
            now=self._machine.clock.now(),
            zone=self._hours.zone,
            forget=self._is_clock_checked,
        )

    def _prepare(self) -> RunEnd | None:
        """Settle what earlier runs left, then look whether anything may be sent at all."""
        if self._mode in (RunMode.PRODUCTION, RunMode.SANDBOX):
            self._settle_earlier()
        self._meter.start_campaign()
        end = self._steps.gate.end_now() or self._quota_end()
        if end is None:
            wati, settings = self._rooms.wati, self._settings.wati
            self._parameter_order = check_template(
                wati, name=settings.template, wanted=settings.parameter_names
            )
            clock, zone = self._machine.clock, self._settings.local.hours.zone
            check_vendor_clock(wati.clock_offset_s, clock=clock, zone=zone)
            self._is_clock_checked = wati.clock_offset_s is not None
        return end

    def _settle_earlier(self) -> None:
        found = self._steps.earlier.settle(limit_s=SETTLE_EARLIER_S, is_due=later_read_is_due)
        if found.news or found.rows_posted or found.unread:
            _log.info(
                "Earlier runs: %d messages read, %d not answered, %d CRM rows posted, %d owed",
                len(found.news),
                found.unread,
                found.rows_posted,
                found.rows_owed,
            )

    def _quota_end(self) -> RunEnd | None:
        counsellors = self._settings.local.counsellors
        if not any(counsellor.daily_limit for counsellor in counsellors):
            reason = "No counsellors available: every daily_limit is 0"
            return RunEnd(status=RunStatus.NO_COUNSELLORS, reason=reason)
        left = quota_left(counsellors, self._used_today())
        if left == 0:
            reason = "All counsellor quotas exhausted for today"
            return RunEnd(status=RunStatus.QUOTA_EXHAUSTED, reason=reason)
        self._rooms.log.available_quota(left)
        return None

    # --- leads --------------------------------------------------------------------------------

    def fetch_leads(self) -> LeadList:
        """Fetch the leads that still need a message.

        Raises:
            UnreachableError: The CRM does not answer as documented; a test send then goes on with
                a sample lead instead.
        """
        try:
            found = self._rooms.crm.fetch_leads(self._settings.crm.fetch_limit)
        except UnreachableError as error:
            if self._mode is not RunMode.TEST:
                raise
            _log.warning("No lead list, so a sample lead stands in: %s", error)
            found = LeadList(leads=())
        offset_s = self._rooms.crm.clock_offset_s
        if offset_s is not None and abs(offset_s) > MAX_CLOCK_OFFSET_S:
            _log.warning("The CRM's clock differs from this machine's by %.0f s", offset_s)
        if self._mode is RunMode.TEST:
            once = {lead.lead_id: lead for lead in reversed(found.leads) if isinstance(lead, Lead)}
            whole = tuple(reversed(once.values()))
            return LeadList(leads=(whole or (SAMPLE_LEAD,))[: self._limit])
        return found

    def _work_through(self, found: LeadList) -> RunEnd:
        """Process the leads in the order given until the last one or the first end."""
        self._total = len(found.leads)
        self._rooms.analytics.fetched(self._total)
        if not found.leads:
            return RunEnd(status=RunStatus.NO_LEADS, reason="No leads available to process")
        self._rooms.log.leads_to_process(self._total)
        for position, lead in enumerate(found.leads, 1):
            self._end = self._steps.tail.retry_absent() or self._end_before_next()
            if self._end is not None:
                return self._end
            self.process_single_lead(lead, position)
            if self._end is not None:
                return self._end
        reason = ""
        if self._mode is RunMode.DRY_RUN:
            count = self._planned.total()
            reason = f"dry run: {count} message{'s' * (count != 1)} would be sent; nothing was"
        return RunEnd(status=RunStatus.COMPLETED, reason=reason)

    def _end_before_next(self) -> RunEnd | None:
        if self._limit is not None and self._attempted + self._planned.total() >= self._limit:
            reason = f"limit of {self._limit} message{'s' * (self._limit > 1)} reached"
            return RunEnd(status=RunStatus.COMPLETED, reason=reason)
        return self._steps.gate.end_now()

    def process_single_lead(self, lead: Lead | MalformedLead, position: int = 1) -> MessageResult:
        """Take one lead through: check, counsellor, reserve, send, settle.

        One odd lead never stops the others: it gets a result that says why it was skipped.

        Args:
            lead: As fetched.
            position: Counted from 1, in the order fetched.
        """
        if isinstance(lead, MalformedLead):
            row = LeadRow(
                position=position,
                lead_id=lead.lead_id,
                name="",
                phone="",
                status=MessageStatus.PENDING,
            )
            return self._skip(row, SkipReason.MALFORMED, lead.reason, None)
        found = self._examine(lead, position)
        if found.recipient is None:
            return self._skip(found.row, found.reason, found.text, found.category)
        counsellor = self.get_available_counsellor()
        if counsellor is None:
            self._end = out_of_quota()
            return MessageResult.nothing_sent(self._end.reason)
        self._rooms.progress.update(self._rooms.analytics.counters, counsellor=counsellor.name)
        self._rooms.log.lead_started(position, self._total, found.row.name, counsellor.name)
        self._intake.let_through(found.recipient)
        row = replace(found.row, counsellor=counsellor.name)
        if self._mode is RunMode.DRY_RUN:
            return self._plan(replace(row, name=found.recipient.name))
        return self._send(
            Delivery(row=row, recipient=found.recipient, counsellor=counsellor, spent=found.spent)
        )

    def _examine(self, lead: Lead, position: int) -> Examined:
        if self._mode is not RunMode.TEST:
            now = self._machine.clock.now().astimezone(self._hours.zone)
            return self._intake.examine(lead, position, now=now, today=self._today())
        found = self._intake.describe(lead, position, self._settings.test_number)
        if found.recipient is None:
            msg = f"TEST_MOBILE_NUMBER cannot be messaged: {found.phone.problem}."
            raise ConfigError((msg,), hint="Correct TEST_MOBILE_NUMBER in config.env.")
        return found

    def get_available_counsellor(self, preferred: Counsellor | None = None) -> Counsellor | None:
        """Choose at random who a lead is given to, weighted by the quota each has left today.

        Args:
            preferred: Keeps the lead when it has quota left.

        Returns:
            None when nobody has any.
        """
        used = self._used_today()
        if preferred is not None and used.get(preferred.name, 0) < preferred.daily_limit:
            return preferred
        return choose_counsellor(self._settings.local.counsellors, used, self._machine.chance())

    def _look_up(self, phone: str) -> ContactVerdict | None:
        """Ask WATI for the contact, within its limit; no clear answer is None."""
        while (wait_s := self._rooms.wati.contacts_wait_s()) > 0 and not self._machine.stop.is_set:
            self._machine.sleep(wait_s)
        return self._rooms.wati.check_whatsapp_status(phone, deadline_s=CONTACT_DEADLINE_S)

    # --- one lead -----------------------------------------------------------------------------

    def _send(self, delivery: Delivery) -> MessageResult:
        sent = self._steps.sender.send(delivery)
        self._end = sent.end
        if sent.suppressed is not None:
            text = f"suppressed meanwhile: {sent.suppressed.reason}"
            if sent.attempt is None:
                return self._skip(delivery.row, SkipReason.SUPPRESSED, text, None)
        if sent.attempt is None:
            return MessageResult.nothing_sent(sent.end.reason if sent.end else "not sent")
        self._attempted += 1
        return sent.attempt.result()

    def _plan(self, row: LeadRow) -> MessageResult:
        """Note what a real run would send, and count it against the quota in memory."""
        self._planned[row.counsellor or ""] += 1
        self._rooms.analytics.put(row)
        return MessageResult.nothing_sent("dry run")

    def _skip(
        self, row: LeadRow, reason: SkipReason, text: str, category: ErrorCategory | None
    ) -> MessageResult:
        self._steps.board.skipped(row, reason, text, category, self._machine.clock.now())
        return MessageResult.nothing_sent(text, category)

    def _compose(self, recipient: Recipient, counsellor: Counsellor) -> TemplateMessage:
        return compose_message(
            recipient, counsellor, wati=self._settings.wati, order=self._parameter_order
        )

    # --- the end ------------------------------------------------------------------------------

    def save_message_log(self, row: CrmRow, *, deadline_s: float) -> bool:
        """Post one row to the CRM's message log; whether the CRM took it.

        A test send's rows are dropped; a dry run leaves what is owed owed.
        """
        if self._mode in (RunMode.TEST, RunMode.DRY_RUN):
            return self._mode is RunMode.TEST
        answer = self._rooms.crm.post_row(row, deadline_s=deadline_s)
        if not answer.taken:
            _log.warning(
                "The CRM's message log did not take a row (%s); it stays owed", answer.detail
            )
        return answer.taken

    def _used_today(self) -> Mapping[str, int]:
        used = self._rooms.ledger.quota_used(self._today())
        return Counter(used) + self._planned if self._planned else used

    def _today(self) -> date:
        return quota_day(self._machine.clock.now(), self._hours.zone)

"""Run one campaign: call the steps in order.

    config ─► leads ─► counsellor ─► reserve ─► send ─► settle ─► track ─► report

Each lead goes through ``process_single_lead``. What is decided is decided in the rooms and the
steps of ``campaign``; this module says in which order, and keeps why the run ends.
"""

import logging

from msgspec.structs import replace

from lead_automation.campaign.assignment import Assignment
from lead_automation.campaign.consequences import Consequences
from lead_automation.campaign.earlier import EarlierMessages, later_read_is_due
from lead_automation.campaign.ends import RunEnd, interrupted, of_error, out_of_quota
from lead_automation.campaign.finish import close_books
from lead_automation.campaign.follow_up import FollowUp
from lead_automation.campaign.following import Follower
from lead_automation.campaign.gate import Gate
from lead_automation.campaign.outbox import Outbox
from lead_automation.campaign.preflight import check_template
from lead_automation.campaign.progress import LeadProgress
from lead_automation.campaign.quota import CounsellorQuota
from lead_automation.campaign.screening import Screening
from lead_automation.campaign.sending import Sender, Sent
from lead_automation.campaign.services import Services
from lead_automation.clock import MAX_OFFSET_S
from lead_automation.errors import LeadAutomationError, UnreachableError
from lead_automation.leads.crm import LeadList, MalformedLead
from lead_automation.models import Counsellor, ErrorCategory, Lead, MessageResult, MessageStatus
from lead_automation.reporting.analytics import CampaignAnalytics
from lead_automation.reporting.logger import OptimizedLogger
from lead_automation.reporting.progress import Progress
from lead_automation.runs import LeadRow, RunMode, RunResult, RunStatus, SkipReason
from lead_automation.stored import CrmRow, MessageRecord

SETTLE_EARLIER_S = 60.0
"""Longest a run looks after earlier ones before its own leads get their turn."""

# A test send must work before the CRM does: it is how an operator tries WATI alone.
SAMPLE_LEAD = Lead(lead_id="sample", full_name="Sample Lead", mobile_number=None)

_log = logging.getLogger(__name__)


class EnhancedLeadAutomation:
    """One run: leads in, messages out, everything written down."""

    def __init__(
        self,
        services: Services,
        *,
        limit: int | None,
        analytics: CampaignAnalytics,
        log: OptimizedLogger,
        display: Progress,
    ) -> None:
        """Join the steps.

        Args:
            services: What the steps work with.
            limit: Messages attempted at most; None for no limit but the quota.
            analytics: Counts what becomes of each lead.
            log: Has kept its warnings.
            display: Shows how far the run is.
        """
        self._services = services
        self._mode = services.mode
        # A test send without --limit is one message: the operator's own phone gets every one.
        self._limit = limit if limit is not None or self._mode is not RunMode.TEST else 1
        self._analytics = analytics
        self._log = log
        self._progress = LeadProgress(analytics, display=display)
        self._gate = Gate(services)
        self._quota = CounsellorQuota(services)
        self._outbox = Outbox(services)
        consequences = Consequences(services)
        follower = Follower(
            services, outbox=self._outbox, progress=self._progress, consequences=consequences
        )
        self._sender = Sender(
            services,
            gate=self._gate,
            quota=self._quota,
            follower=follower,
            consequences=consequences,
            progress=self._progress,
        )
        self._follow_up = FollowUp(
            services, sender=self._sender, follower=follower, outbox=self._outbox
        )
        self._screening = Screening(services)
        self._parameter_order: tuple[str, ...] = services.settings.wati.parameter_names
        self._end: RunEnd | None = None
        self._total = 0
        self._attempted = 0
        self._gathered: list[Assignment] = []
        self._batch: list[Assignment] = []
        self.settled: list[MessageRecord] = []
        """Messages of earlier runs whose status this one learned."""

    # --- the run ------------------------------------------------------------------------------

    def run_campaign(self) -> RunResult:
        """Run from the first check to the closed books.

        Returns:
            Everything known of the run; an error that ends a run is in it, with its exit code.
        """
        try:
            end = self._prepare() or self._work_through(self.fetch_leads())
            self._screening.warn_of_countries_never_reached()
            self._screening.warn_of_odd_rows(self._total)
            end = self._follow_up.run(end)
            self._progress.still_pending()
        except LeadAutomationError as error:
            _log.debug("The run ends", exc_info=error)
            end = of_error(error)
            signal_number = self._services.runtime.stop.signal_number
            if signal_number is not None and isinstance(error, UnreachableError):
                end = interrupted(signal_number)  # for its sake the read was given up
        return close_books(end, self._services, analytics=self._analytics, log=self._log)

    def _prepare(self) -> RunEnd | None:
        """Settle what earlier runs left, then look whether anything may be sent at all."""
        services = self._services
        if self._mode in (RunMode.PRODUCTION, RunMode.SANDBOX):
            # Before the gate: what is learned of yesterday's messages may order a hold, and settled
            # unknown sends free the quota that is looked at next.
            self._settle_earlier()
        services.budget.start_campaign()
        end = self._gate.end_now() or self._quota_end()
        if end is None:
            wati = services.settings.wati
            self._parameter_order = check_template(
                services.wati.fetch_template(), name=wati.template, wanted=wati.parameter_names
            )
            # Again: WATI may only now have told the time.
            end = self._gate.end_now()
        return end

    def _settle_earlier(self) -> None:
        earlier = EarlierMessages(self._services, later_read_is_due, log_level=logging.DEBUG)
        found = earlier.settle(SETTLE_EARLIER_S)
        self.settled = [change.after for change in found.changes if change.is_news]
        if found.changes or found.rows_posted or found.unread:
            _log.info(
                "Earlier runs: %d messages read, %d not answered, %d CRM rows posted, %d owed",
                len(found.changes),
                found.unread,
                found.rows_posted,
                found.rows_owed,
            )

    def _quota_end(self) -> RunEnd | None:
        counsellors = self._services.settings.local.counsellors
        if not any(counsellor.daily_limit for counsellor in counsellors):
            reason = "No counsellors available: every daily_limit is 0"
            return RunEnd(status=RunStatus.NO_COUNSELLORS, reason=reason)
        left = self._quota.left()
        if left == 0:
            reason = "All counsellor quotas exhausted for today"
            return RunEnd(status=RunStatus.QUOTA_EXHAUSTED, reason=reason)
        _log.info("📊 Available Quota: %d", left)
        return None

    # --- leads --------------------------------------------------------------------------------

    def fetch_leads(self) -> LeadList:
        """Fetch the leads that still need a message.

        Raises:
            UnreachableError: The CRM does not answer as documented; a test send then goes on with
                a sample lead instead.
        """
        crm = self._services.crm
        try:
            found = self._services.leads.fetch_leads(self._services.settings.crm.fetch_limit)
        except UnreachableError as error:
            if self._mode is not RunMode.TEST:
                raise
            _log.warning("No lead list, so a sample lead stands in: %s", error)
            found = ()
        if crm.clock_offset_s is not None and abs(crm.clock_offset_s) > MAX_OFFSET_S:
            _log.warning("The CRM's clock differs from ours by %.0f s", crm.clock_offset_s)
        if self._mode is RunMode.TEST:
            # A lead that stands twice would be sent twice here: a test send knows no history.
            once = {lead.lead_id: lead for lead in reversed(found) if isinstance(lead, Lead)}
            whole = tuple(reversed(once.values()))
            return (whole or (SAMPLE_LEAD,))[: self._limit]
        return found

    def _work_through(self, leads: LeadList) -> RunEnd:
        """Process the leads in the order given until the last one or the first end."""
        self._total = len(leads)
        self._analytics.fetched(self._total)
        if not leads:
            return RunEnd(status=RunStatus.NO_LEADS, reason="No leads available to process")
        _log.info("📋 Leads to Process: %d", self._total)
        for position, lead in enumerate(leads, 1):
            self._end = self._follow_up.retry_absent() or self._end_before_next()
            if self._end is None:
                self.process_single_lead(lead, position)
            if self._end is not None:
                break
        end = self._end
        if self._gathered and (end is None or end.is_good):
            self._results_of(*self._sender.send(self._take_gathered()))
            end = self._end or end
        if end is not None:
            return end
        reason = ""
        if self._mode is RunMode.DRY_RUN:
            count = self._quota.planned.total()
            reason = f"dry run: {count} message{'s' * (count != 1)} would be sent; nothing was"
        return RunEnd(status=RunStatus.COMPLETED, reason=reason)

    def _end_before_next(self) -> RunEnd | None:
        count = self._attempted + self._quota.planned.total()
        if self._limit is not None and count >= self._limit:
            reason = f"limit of {self._limit} message{'s' * (self._limit > 1)} reached"
            return RunEnd(status=RunStatus.COMPLETED, reason=reason)
        return self._gate.end_now()

    def process_single_lead(self, lead: Lead | MalformedLead, position: int = 1) -> MessageResult:
        """Take one lead through: check, counsellor, reserve, send, settle.

        One odd lead never stops the others: it gets a result that says why it was skipped. On v3 a
        lead waits until its batch is whole; it is sent with the last of it.

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
            self._screening.odd_rows += 1
            return self._skip(row, SkipReason.MALFORMED, lead.reason, None)
        found = self._screening.examine(lead, position)
        if found.recipient is None:
            return self._skip(found.row, found.reason, found.text, found.category)
        counsellor = self.get_available_counsellor(self._quota.named(lead.counsellor))
        if counsellor is None:
            self._end = out_of_quota()
            return MessageResult.nothing_sent(self._end.reason)
        row = replace(found.row, counsellor=counsellor.name)
        self._progress.started(row, self._total, self._to_go(position))
        # From here on a second row with this id or number is a duplicate, whatever becomes of it.
        self._screening.attempt(found.recipient)
        if self._mode is RunMode.DRY_RUN:
            return self._plan(replace(row, name=found.recipient.name), counsellor.name)
        # Planned until it is reserved: the open batch counts against quota and limit.
        self._quota.planned[counsellor.name] += 1
        self._gathered.append(
            Assignment(
                row=row,
                recipient=found.recipient,
                counsellor=counsellor,
                parameter_order=self._parameter_order,
                spent=found.spent,
            )
        )
        if len(self._gathered) == 1:
            self._end = self._sender.wait_for_room()
        if self._end is not None or len(self._gathered) < self._sender.size:
            return MessageResult.nothing_sent("waits for the rest of its batch")
        return self._results_of(*self._sender.send(self._take_gathered()))[-1]

    def _to_go(self, position: int) -> int:
        """Return how many leads may still be attempted, this one included."""
        bounds = [self._total - position + 1, self._quota.left()]
        if self._limit is not None:
            bounds.append(self._limit - self._attempted - self._quota.planned.total())
        return min(bounds)

    def get_available_counsellor(self, preferred: Counsellor | None = None) -> Counsellor | None:
        """Choose at random who a lead is given to, among those whose quota is used least today.

        Args:
            preferred: Keeps the lead when it has quota left.

        Returns:
            None when nobody has any.
        """
        return self._quota.choose(preferred)

    # --- one lead -----------------------------------------------------------------------------

    def _take_gathered(self) -> list[Assignment]:
        taken, self._gathered = self._gathered, []
        self._batch = taken
        return taken

    def _results_of(self, sent: list[Sent], end: RunEnd | None) -> list[MessageResult]:
        """Return what sending a batch came to, lead by lead, in the owner's words."""
        self._end = end
        return [self._result_of(its, lead.row) for its, lead in zip(sent, self._batch, strict=True)]

    def _result_of(self, sent: Sent, row: LeadRow) -> MessageResult:
        if sent.attempt is not None:
            self._attempted += 1
            return sent.attempt.result()
        if sent.suppressed is not None:
            text = f"suppressed meanwhile: {sent.suppressed.reason}"
            return self._skip(row, SkipReason.SUPPRESSED, text, None)
        if sent.quiet:
            return self._skip(row, SkipReason.QUIET_HOURS, sent.quiet, None)
        return MessageResult.nothing_sent(self._end.reason if self._end else "not sent")

    def _plan(self, row: LeadRow, counsellor: str) -> MessageResult:
        """Note what a real run would send, and count it against the quota in memory."""
        self._quota.planned[counsellor] += 1
        self._progress.planned(row)
        return MessageResult.nothing_sent("dry run")

    def _skip(
        self, row: LeadRow, reason: SkipReason, text: str, category: ErrorCategory | None
    ) -> MessageResult:
        self._progress.skipped(row, reason, text, category, self._services.clock.now())
        return MessageResult.nothing_sent(text, category)

    def save_message_log(self, row: CrmRow, *, deadline_s: float) -> bool:
        """Post one row to the CRM's message log; whether the CRM took it."""
        return self._outbox.post(row, deadline_s).taken

"""What the steps of a run work with: settings, what is outside, vendor, CRM and state."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from lead_automation.campaign.budget import SPARE_CALLS, SPARE_CALLS_IN_BATCHES, CallBudget
from lead_automation.clock import RunClock
from lead_automation.config import ApiVersion, Settings
from lead_automation.http import Http, HttpClient
from lead_automation.leads.crm import CrmClient, LeadSource
from lead_automation.leads.hours import quota_day
from lead_automation.runs import RunMode
from lead_automation.runtime import Runtime
from lead_automation.state.ledger import Ledger
from lead_automation.state.state import State
from lead_automation.wati.client import EnhancedWATIClient
from lead_automation.wati.limits import RateLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """One object of each room, made once for a run (or for ``track``).

    Attributes:
        clock: The clock everything in a run goes by.
        ledger: Where this run's messages are reserved; one that forgets for a test send.
        books: The account's own ledger, which counts WATI's calls in every mode.
        leads: The CRM, or a file in its place.
        run_id: Names what a run sends; "" where nothing is sent.
    """

    settings: Settings
    mode: RunMode
    runtime: Runtime
    clock: RunClock
    state: State
    books: Ledger
    ledger: Ledger
    budget: CallBudget
    wati: EnhancedWATIClient
    crm: CrmClient
    leads: LeadSource
    run_id: str = ""

    @property
    def is_v3(self) -> bool:
        """Whether messages go out by API v3."""
        return self.settings.wati.api_version is ApiVersion.V3

    @property
    def batch_size(self) -> int:
        """Leads one POST carries at most."""
        # A test send is one message by whatever API: it has nobody to be careful of.
        is_one = not self.is_v3 or self.mode is RunMode.TEST
        return 1 if is_one else self.settings.wati.batch_size

    @property
    def zone(self) -> ZoneInfo:
        """The zone of working hours and of the quota day."""
        return self.settings.local.hours.zone

    def now(self) -> datetime:
        """Return the run's time, in the configured zone."""
        return self.clock.now().astimezone(self.zone)

    def today(self) -> date:
        """Return the quota day a send would count on now."""
        return quota_day(self.clock.now(), self.zone)


def make_services(
    settings: Settings,
    *,
    mode: RunMode,
    runtime: Runtime,
    clock: RunClock,
    state: State,
    books: Ledger,
    limits: RateLimits,
    leads: LeadSource | None = None,
    run_id: str = "",
) -> Services:
    """Join the rooms.

    A dry run's HTTP border refuses every POST and its ledger every write, whatever a caller tries.

    Args:
        settings: Checked settings.
        mode: What kind of run.
        runtime: What is outside; its clock is the run's too.
        clock: The run's.
        state: Suppression list and hold.
        books: The account's ledger, opened for reading only in a dry run.
        limits: WATI's rate limits.
        leads: Where leads come from; None for the CRM.
        run_id: Names what the run sends.
    """
    books.owes_rows = settings.crm.log_url is not None
    is_v3 = settings.wati.api_version is ApiVersion.V3
    budget = CallBudget(
        books,
        clock=clock,
        zone=settings.local.hours.zone,
        monthly_limit=settings.local.monthly_calls,
        spare_calls=SPARE_CALLS_IN_BATCHES if is_v3 else SPARE_CALLS,
    )
    http = make_http(settings, runtime, allow_posts=mode is not RunMode.DRY_RUN)
    crm = CrmClient(
        settings.crm,
        http=http,
        clock=clock,
        template=settings.wati.template,
        on_call=budget.count,
    )
    return Services(
        settings=settings,
        mode=mode,
        runtime=runtime,
        clock=clock,
        state=state,
        books=books,
        ledger=state.memory_ledger() if mode is RunMode.TEST else books,
        budget=budget,
        wati=EnhancedWATIClient(
            settings.wati, http=http, clock=clock, limits=limits, on_call=budget.count
        ),
        crm=crm,
        leads=leads or crm,
        run_id=run_id,
    )


def make_http(settings: Settings, runtime: Runtime, *, allow_posts: bool) -> Http:
    """Return the HTTP border."""
    if runtime.make_http is not None:
        return runtime.make_http(allow_posts)
    return HttpClient(
        settings.http,
        clock=runtime.clock,
        sleep=runtime.sleep,
        chance=runtime.chance,
        stop=runtime.stop,
        allow_posts=allow_posts,
    )

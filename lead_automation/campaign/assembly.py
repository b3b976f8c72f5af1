"""Build the real objects of a run from settings and the runtime."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lead_automation.campaign.consequences import FailureRules
from lead_automation.campaign.gate import GateRules
from lead_automation.campaign.meter import CallMeter
from lead_automation.campaign.rooms import Rooms
from lead_automation.campaign.run import EnhancedLeadAutomation
from lead_automation.campaign.steps import Machine, Policies
from lead_automation.config import HoursPolicy, PacingPolicy, SafetyPolicy, Settings, TrackingPolicy
from lead_automation.http import Http, HttpClient
from lead_automation.leads.crm import CrmClient
from lead_automation.leads.hours import day_end, is_open, quota_day
from lead_automation.reporting.analytics import CampaignAnalytics
from lead_automation.reporting.logger import OptimizedLogger
from lead_automation.reporting.next_steps import META_CHECKLIST
from lead_automation.reporting.progress import Progress
from lead_automation.runs import CallKind, RunMode
from lead_automation.runtime import Runtime
from lead_automation.state.fileledger import FileLedger
from lead_automation.state.open import State
from lead_automation.wati.client import EnhancedWATIClient
from lead_automation.wati.delivery import advance
from lead_automation.wati.failures import QUALITY_REST, SUPPRESS_FOR
from lead_automation.wati.limits import RateLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """What is to be run.

    Attributes:
        limit: Messages attempted at most; None for as many as quota is left.
        limits: WATI's rate limits; None switches our own holding back off (measurements).
        run_id: Names the reports.
    """

    settings: Settings
    mode: RunMode
    limit: int | None
    limits: RateLimits | None
    run_id: str

    @property
    def state_dir(self) -> Path:
        """Where state, log and reports are."""
        return self.settings.local.state_dir


def make_automation(
    plan: RunPlan,
    *,
    runtime: Runtime,
    state: State,
    books: FileLedger,
    log: OptimizedLogger,
    progress: Progress,
) -> EnhancedLeadAutomation:
    """Return a run, ready to be started once.

    A dry run's border refuses every POST and its ledger every write, whatever a caller tries.
    """
    settings = plan.settings
    zone = settings.local.hours.zone
    analytics = CampaignAnalytics(
        run_id=plan.run_id,
        mode=plan.mode,
        template=settings.wati.template,
        started_at=runtime.clock.now(),
        counsellors=settings.local.counsellors,
    )
    meter = CallMeter(
        ledger=books,
        clock=runtime.clock,
        zone=zone,
        monthly_limit=settings.local.monthly_calls,
    )

    def count(kind: CallKind) -> None:
        analytics.count_call(kind)
        meter.count(kind)

    http = make_http(settings, runtime, allow_posts=plan.mode is not RunMode.DRY_RUN)
    rooms = Rooms(
        wati=make_wati(settings, http=http, runtime=runtime, limits=plan.limits, count=count),
        crm=CrmClient(settings.crm, http=http, template=settings.wati.template, on_call=count),
        ledger=(state.memory_ledger() if plan.mode is RunMode.TEST else books),
        books=books,
        suppressions=state.suppressions,
        hold=state.hold,
        analytics=analytics,
        log=log,
        progress=progress,
    )
    return EnhancedLeadAutomation(
        settings=settings,
        mode=plan.mode,
        limit=plan.limit,
        rooms=rooms,
        meter=meter,
        policies=make_policies(
            plan.mode,
            hours=settings.local.hours,
            pacing=settings.pacing,
            tracking=settings.local.tracking,
            safety=settings.safety,
        ),
        machine=make_machine(runtime),
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


def make_wati(
    settings: Settings,
    *,
    http: Http,
    runtime: Runtime,
    limits: RateLimits | None,
    count: Callable[[CallKind], None],
) -> EnhancedWATIClient:
    """Return WATI's client."""
    return EnhancedWATIClient(
        settings.wati, http=http, clock=runtime.clock, limits=limits, on_call=count
    )


def make_machine(runtime: Runtime) -> Machine:
    """Return clock, sleep, chance and stop signal of the runtime."""
    return Machine(
        clock=runtime.clock, sleep=runtime.sleep, chance=runtime.chance, stop=runtime.stop
    )


def make_policies(
    mode: RunMode,
    *,
    hours: HoursPolicy,
    pacing: PacingPolicy,
    tracking: TrackingPolicy,
    safety: SafetyPolicy,
) -> Policies:
    """Return the rules this kind of run is held to."""
    ignores_hours = mode in (RunMode.TEST, RunMode.DRY_RUN)
    return Policies(
        pacing=pacing,
        tracking=tracking,
        safety=safety,
        failures=FailureRules(
            suppress_for=SUPPRESS_FOR,
            quality_rest=QUALITY_REST,
            quality_steps=META_CHECKLIST,
            only_account_holds=mode is RunMode.TEST,
        ),
        gate=GateRules(
            is_open=lambda now: ignores_hours or is_open(now, hours),
            hours_text=describe_hours(hours),
            zone=hours.zone,
        ),
        quota_day=lambda now: (quota_day(now, hours.zone), day_end(now, hours.zone)),
        advance=advance,
    )


def describe_hours(hours: HoursPolicy) -> str:
    """Return working hours for people: ``09:00–21:00 Asia/Kolkata``."""
    start, end = (
        f"{minute // 60:02d}:{minute % 60:02d}" for minute in (hours.start_minute, hours.end_minute)
    )
    return f"{start}–{end} {hours.zone.key}"

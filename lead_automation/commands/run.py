"""``run``: one campaign run."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import msgspec

from lead_automation.arguments import Arguments
from lead_automation.campaign.ends import of_bug
from lead_automation.campaign.run import EnhancedLeadAutomation
from lead_automation.campaign.services import make_services
from lead_automation.clock import RunClock
from lead_automation.commands.common import (
    WIDTH,
    SettingsSource,
    hold_document,
    open_log,
    state_to_write,
)
from lead_automation.commands.endings import (
    RunPlan,
    end_without_run,
    make_notifier,
    no_run,
    report_failure,
)
from lead_automation.commands.idle import idle_text
from lead_automation.commands.plan import batches_document, plan_document, plan_text
from lead_automation.commands.report_files import keep_reports
from lead_automation.commands.state_checks import check_state
from lead_automation.config import Settings
from lead_automation.errors import ExitCode, LeadAutomationError, StateError
from lead_automation.leads.csv_list import CsvLeads, read_csv_leads
from lead_automation.leads.hours import quota_day
from lead_automation.notify import Notifier
from lead_automation.reporting.analytics import CampaignAnalytics
from lead_automation.reporting.documents import make_run_id, result_to_json
from lead_automation.reporting.logfile import LOG_NAME
from lead_automation.reporting.logger import OptimizedLogger
from lead_automation.reporting.next_steps import META_CHECKLIST, has_meta_checklist
from lead_automation.reporting.progress import Progress
from lead_automation.reporting.summary import has_happened, render_brief, render_summary
from lead_automation.runs import RunMode, RunResult
from lead_automation.runtime import Runtime
from lead_automation.state.ledger import Ledger
from lead_automation.state.state import State
from lead_automation.wati.limits import RateLimits

_log = logging.getLogger(__name__)


def execute(arguments: Arguments, runtime: Runtime) -> int:
    """Run a campaign; return the exit code."""
    started_at = runtime.clock.now()
    notifier = make_notifier(arguments, runtime, runtime.environ)
    try:
        source = SettingsSource(arguments, runtime)
        notifier = make_notifier(arguments, runtime, source.values, source.sources)
        settings = source.load()
    except LeadAutomationError as error:
        return end_without_run(error, arguments, runtime, notifier, started_at)
    mode = RunMode.TEST if settings.use_test_number else RunMode.PRODUCTION
    return run_with(
        settings,
        mode=mode,
        limits=RateLimits.of_plan(settings.local.plan),
        arguments=arguments,
        runtime=runtime,
        notifier=notifier,
    )


def run_with(
    settings: Settings,
    *,
    mode: RunMode,
    limits: RateLimits,
    arguments: Arguments,
    runtime: Runtime,
    notifier: Notifier,
) -> int:
    """Run with checked settings: log, lock, state, campaign, report, summary; tell of its end.

    Args:
        settings: With an absolute state directory.
        mode: What kind of run; ``--dry-run`` makes any kind a dry run.
        limits: WATI's rate limits.
        arguments: How the result is shown, and the limit.
        runtime: What is outside.
        notifier: Tells how it ended.
    """
    idle = ""
    clock = RunClock(runtime.clock)
    runtime = replace(runtime, clock=clock)
    plan = RunPlan(
        settings=settings,
        mode=RunMode.DRY_RUN if arguments.dry_run else mode,
        limits=limits,
        clock=clock,
        run_id=make_run_id(clock.started_at, settings.local.hours.zone, runtime.chance()),
    )
    with open_log(settings, arguments, runtime) as log:
        try:
            is_sandbox = arguments.sandbox is not None
            state = state_to_write(settings.local, arguments, runtime, is_sandbox=is_sandbox)
            plan = replace(plan, leads=_listed(arguments, runtime))
            with state.lock(runtime):
                with _campaign(plan, arguments, runtime, state, log) as automation:
                    notifier.started()
                    result = automation.run_campaign()
                if idle := idle_text(result, settings.local, runtime.disk):
                    _log.warning("%s", idle)
                    result = msgspec.structs.replace(result, warnings=log.warnings)
                # Under the lock: the next run's look at recent sends must find this document.
                page = _keep(result, plan, runtime, automation)
        except LeadAutomationError as error:
            _log.debug("The run ended before it began", exc_info=error)
            result = report_failure(error, arguments, runtime, clock.started_at, plan=plan)
        except Exception as error:
            end = of_bug(error)
            _tell(notifier, no_run(end, arguments, runtime, clock.started_at, plan=plan))
            raise
        else:
            _announce_end(result, arguments)
            # What went wrong after the books were closed is told too.
            result = msgspec.structs.replace(result, warnings=log.warnings)
            beside: dict[str, object] = {"report": page and str(page), "hold": _hold(state, plan)}
            _show(result, plan, arguments, runtime, beside)
        # Last, so that nobody at a terminal waits for a service, and without the run's lock.
        _tell(notifier, result, idle)
        return result.exit_code


def _listed(arguments: Arguments, runtime: Runtime) -> CsvLeads | None:
    """Return the leads of the file that stands in for the CRM's list, if one was named."""
    if arguments.leads is None:
        return None
    return read_csv_leads(runtime.folder / arguments.leads, runtime.disk)


def _tell(notifier: Notifier, result: RunResult, idle: str = "") -> None:
    for problem in notifier.ended(result, idle=idle):
        _log.warning("%s", problem)


@contextmanager
def _campaign(
    plan: RunPlan,
    arguments: Arguments,
    runtime: Runtime,
    state: State,
    log: OptimizedLogger,
) -> Iterator[EnhancedLeadAutomation]:
    """Load the state and yield a run, ready to be started once; its display goes with it."""
    log.open_file(plan.state_dir / LOG_NAME, disk=runtime.disk)
    today = quota_day(runtime.clock.now(), plan.settings.local.hours.zone)
    text = "🚀 WATI AUTOMATION CAMPAIGN STARTED | %s | run %s | %s"
    _log.info(text, today.isoformat(), plan.run_id, plan.mode.value)
    _warn(plan, runtime)
    enabled = not arguments.quiet and not arguments.json
    # Before any call: a state that cannot be right must cost no quota and tell no vendor.
    books = _open_books(plan, runtime, state)
    try:
        with (
            Progress(runtime.stderr, enabled=enabled, clock=runtime.clock) as display,
            log.above(display.print_above),
        ):
            services = make_services(
                plan.settings,
                mode=plan.mode,
                runtime=runtime,
                clock=plan.clock,
                state=state,
                books=books,
                limits=plan.limits,
                leads=plan.leads,
                run_id=plan.run_id,
            )
            runtime.stop.left_open = partial(_left_open, books)
            yield EnhancedLeadAutomation(
                services,
                limit=arguments.limit,
                analytics=CampaignAnalytics(
                    run_id=plan.run_id,
                    mode=plan.mode,
                    template=plan.settings.wati.template,
                    counsellors=plan.settings.local.counsellors,
                ),
                log=log,
                display=display,
            )
    finally:
        books.close()


def _left_open(books: Ledger) -> str:
    """Return what a run that goes now leaves open, for whoever makes it go."""
    unknown, owed = len(books.unknown_messages()), len(books.owed_rows())
    return f"left open, for the next run: sends without answer {unknown}, CRM rows owed {owed}"


def _open_books(plan: RunPlan, runtime: Runtime, state: State) -> Ledger:
    """Load the state and fold what a crash left; refuse a state that cannot be right.

    Raises:
        StateError: Missing or damaged, or empty beside reports of recent sends.
        ClockError: The wall clock is behind the newest record.
    """
    books = state.open_ledger(read_only=plan.mode is RunMode.DRY_RUN)
    try:
        if books.recovered:
            _log.warning("%d messages of a run that was cut off are unsettled", books.recovered)
        check_state(books, plan.settings.local, runtime)
    except LeadAutomationError:
        books.close()
        raise
    return books


def _warn(plan: RunPlan, runtime: Runtime) -> None:
    limit = plan.settings.crm.fetch_limit
    if plan.leads is not None and len(plan.leads.rows) > limit:
        # The CRM leaves out who was messaged; a file does not, so its end would never be reached.
        text = "The file has %d rows, of which LEAD_FETCH_LIMIT takes the first %d"
        _log.warning(text, len(plan.leads.rows), limit)
    for warning in plan.settings.local.warnings:
        _log.warning("%s", warning)
    if plan.settings.use_test_number and not runtime.is_terminal(runtime.stderr):
        _log.warning("USE_TEST_NUMBER is on where nobody watches: no lead gets a message")
    if plan.mode is RunMode.DRY_RUN:
        _log.info("Dry run: nothing is sent, no state changes, working hours are ignored")


def _keep(
    result: RunResult, plan: RunPlan, runtime: Runtime, automation: EnhancedLeadAutomation
) -> Path | None:
    """Keep the reports and say where the run's page is; a dry run has none."""
    if plan.mode is RunMode.DRY_RUN:
        return None
    page = keep_reports(plan.settings.local, runtime, automation.settled, result)
    if page is not None:
        is_near = page.is_relative_to(runtime.folder)
        _log.info("📄 Report: %s", page.relative_to(runtime.folder) if is_near else page)
    return page


def _hold(state: State, plan: RunPlan) -> dict[str, object] | None:
    """Return the hold for ``--json``; one that cannot be read was warned of in the run."""
    try:
        hold = state.hold.read()
    except StateError:
        return None
    zone = plan.settings.local.hours.zone
    return hold_document(hold, zone=zone) if hold is not None else None


def _announce_end(result: RunResult, arguments: Arguments) -> None:
    """Say on console and in the log why a run stopped; a good end is the summary's to tell."""
    if result.exit_code == ExitCode.OK:
        return
    _log.error("⛔ %s: %s", result.status.name.replace("_", " "), result.reason)
    if has_meta_checklist(result):
        level = logging.ERROR if arguments.json else logging.DEBUG
        for number, step in enumerate(META_CHECKLIST, 1):
            # Printed once: the summary shows them, and the log file has them all the same.
            _log.log(level, "   %d. %s", number, step)


def _show(
    result: RunResult,
    plan: RunPlan,
    arguments: Arguments,
    runtime: Runtime,
    beside: dict[str, object],
) -> None:
    """Show the result; a quiet run that went well says nothing at all.

    A dry run's plan is its result, so it is shown quietly or not.

    Args:
        result: The run's.
        plan: What was to be run.
        arguments: How it is shown.
        runtime: Where.
        beside: What ``--json`` says besides the result.
    """
    is_dry = plan.mode is RunMode.DRY_RUN
    if arguments.json:
        zone = plan.settings.local.hours.zone
        document = result_to_json(result, zone) | beside
        if is_dry:
            document["plan"] = plan_document(result)
            document["batches"] = batches_document(result, plan.batch_size)
        runtime.out_json(document)
        return
    if is_dry:
        counsellors = plan.settings.local.counsellors
        text = plan_text(result, counsellors, batch_size=plan.batch_size)
        runtime.out(f"{text}\n\n")
    if not arguments.quiet or result.exit_code != ExitCode.OK or result.warnings:
        width = runtime.width(runtime.stdout) or WIDTH
        is_whole = is_dry or has_happened(result)
        runtime.out(render_summary(result, width=width) if is_whole else render_brief(result))

"""What is to be run, what is said of a run that did not happen, and who is told of any end."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from lead_automation.arguments import Arguments
from lead_automation.campaign.ends import RunEnd, of_error
from lead_automation.clock import RunClock
from lead_automation.config import ApiVersion, Receivers, Settings
from lead_automation.errors import LeadAutomationError, StateError
from lead_automation.leads.csv_list import CsvLeads
from lead_automation.notify import Notifier
from lead_automation.reporting.analytics import CampaignAnalytics
from lead_automation.reporting.documents import result_to_json
from lead_automation.runs import RunMode, RunResult
from lead_automation.runtime import Runtime
from lead_automation.settings.load import load_receivers
from lead_automation.settings.names import FROM_ENVIRONMENT
from lead_automation.state.mark import is_marked
from lead_automation.wati.limits import RateLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """What is to be run.

    Attributes:
        settings: With an absolute state directory.
        mode: What kind of run.
        limits: WATI's rate limits.
        clock: The run's, and the runtime's.
        run_id: Names the reports.
        leads: Where leads come from; None for the CRM.
    """

    settings: Settings
    mode: RunMode
    limits: RateLimits
    clock: RunClock
    run_id: str
    leads: CsvLeads | None = None

    @property
    def batch_size(self) -> int:
        """Leads one POST would carry at most."""
        wati = self.settings.wati
        is_one = wati.api_version is not ApiVersion.V3 or self.settings.use_test_number
        return 1 if is_one else wati.batch_size

    @property
    def state_dir(self) -> Path:
        """Where state, log and reports are."""
        return self.settings.local.state_dir


def make_notifier(
    arguments: Arguments,
    runtime: Runtime,
    values: Mapping[str, str],
    sources: Mapping[str, str] | None = None,
) -> Notifier:
    """Return who tells how a run ended; of a dry run nobody is told.

    Args:
        arguments: Say what kind of run it is.
        runtime: What is outside.
        values: Settings by key, right or wrong.
        sources: Where each came from; None where all came from the environment.
    """
    if arguments.dry_run:
        return Notifier(Receivers(), runtime)
    if sources is None:
        sources = dict.fromkeys(values, FROM_ENVIRONMENT)
    on_purpose = arguments.test or arguments.sandbox is not None
    receivers = load_receivers(values, sources, on_purpose=on_purpose)
    if receivers.folder is not None and _is_of_rehearsals(receivers.folder, runtime):
        # The run will be refused there, and nothing of it may be left.
        receivers = replace(receivers, folder=None)
    return Notifier(receivers, runtime)


def _is_of_rehearsals(folder: Path, runtime: Runtime) -> bool:
    try:
        return is_marked(runtime.disk, runtime.folder / folder)
    except StateError:
        return True


def end_without_run(
    error: LeadAutomationError,
    arguments: Arguments,
    runtime: Runtime,
    notifier: Notifier,
    started_at: datetime,
) -> int:
    """Say why there was no run, to who stands here and to who is told; return the exit code."""
    result = report_failure(error, arguments, runtime, started_at)
    for problem in notifier.ended(result):
        runtime.err(problem)  # there is no log without settings
    return result.exit_code


def report_failure(
    error: LeadAutomationError,
    arguments: Arguments,
    runtime: Runtime,
    started_at: datetime,
    *,
    plan: RunPlan | None = None,
) -> RunResult:
    """Say why there was no run, with --json in the form of one that did nothing; return that."""
    end = replace(of_error(error), reason=runtime.report_error(error))
    result = no_run(end, arguments, runtime, started_at, plan=plan)
    if arguments.json:
        zone = plan.settings.local.hours.zone if plan is not None else None
        runtime.out_json(result_to_json(result, zone) | {"report": None, "hold": None})
    return result


def no_run(
    end: RunEnd,
    arguments: Arguments,
    runtime: Runtime,
    started_at: datetime,
    *,
    plan: RunPlan | None,
) -> RunResult:
    """Return the result of a run that did nothing."""
    nothing = CampaignAnalytics(
        run_id=plan.run_id if plan else "",
        mode=plan.mode if plan else _asked_mode(arguments),
        template=plan.settings.wati.template if plan else "",
    )
    return nothing.finish(
        status=end.status,
        reason=end.reason,
        exit_code=end.exit_code,
        started_at=started_at,
        ended_at=runtime.clock.now(),
    )


def _asked_mode(arguments: Arguments) -> RunMode:
    """Return the mode of a run whose settings could not be read."""
    if arguments.dry_run:
        return RunMode.DRY_RUN
    if arguments.test:
        return RunMode.TEST
    return RunMode.SANDBOX if arguments.sandbox is not None else RunMode.PRODUCTION

"""``run --sandbox``: rehearse a campaign against a simulator on this machine."""

import tempfile
from dataclasses import replace
from pathlib import Path

from lead_automation.arguments import Arguments
from lead_automation.commands.common import check_owner
from lead_automation.commands.endings import end_without_run, make_notifier
from lead_automation.commands.run import run_with
from lead_automation.errors import LeadAutomationError, StateError
from lead_automation.notify import Notifier
from lead_automation.reporting.archive import REPORTS_FOLDER, list_runs
from lead_automation.reporting.logfile import LOG_NAME
from lead_automation.runs import RunMode
from lead_automation.runtime import Runtime
from lead_automation.sandbox.scenarios import SCENARIOS, WINDOW_S
from lead_automation.sandbox.server import SandboxServer
from lead_automation.settings.load import load_settings
from lead_automation.state.jsonstore import HISTORY_FILE, init_state
from lead_automation.state.mark import is_marked, mark, state_names
from lead_automation.wati.limits import RateLimits

# Answered by the simulator alone: nobody is messaged.
TEST_NUMBER = "+919000000100"
_OWN_FOLDER = "Name an empty --state-dir, or none."


def execute(arguments: Arguments, runtime: Runtime) -> int:
    """Run the real campaign over real HTTP against a simulated WATI and CRM."""
    started_at = runtime.clock.now()
    notifier = make_notifier(arguments, runtime, runtime.environ)
    try:
        return _rehearse(arguments, runtime, notifier)
    except LeadAutomationError as error:
        return end_without_run(error, arguments, runtime, notifier, started_at)


def _rehearse(arguments: Arguments, runtime: Runtime, notifier: Notifier) -> int:
    scenario = SCENARIOS[arguments.sandbox or "everyday"]
    state_dir = _state_dir(arguments, runtime)
    with SandboxServer(scenario.build(runtime.clock)) as server:
        values = scenario.settings(server.addresses)
        values["STATE_DIR"] = str(state_dir)
        values["TEST_MOBILE_NUMBER"] = TEST_NUMBER
        settings = load_settings(values, read_file=lambda _: None, folder=state_dir)
        limits = replace(RateLimits.of_plan(settings.local.plan), window_s=WINDOW_S)
        code = run_with(
            settings,
            mode=RunMode.TEST if arguments.test else RunMode.SANDBOX,
            limits=limits,
            arguments=arguments,
            runtime=runtime,
            notifier=notifier,
        )
    if not arguments.quiet and not arguments.json:
        runtime.out(f"\nSandbox: state, log and reports are in {state_dir}")
        for run_id in list_runs(runtime.disk, state_dir / REPORTS_FOLDER)[-1:]:
            runtime.out(f"Open the report: {state_dir / REPORTS_FOLDER / f'run-{run_id}.html'}")
    return code


def _state_dir(arguments: Arguments, runtime: Runtime) -> Path:
    """Return a state directory of the sandbox's own, with state files in it.

    Raises:
        StateError: The directory named holds something of other runs.
    """
    if arguments.state_dir is None:
        folder = Path(tempfile.mkdtemp(prefix="lead-automation-sandbox-"))
    else:
        folder = runtime.folder / arguments.state_dir
        check_owner(folder, arguments, runtime)
    names = _names(folder, runtime)
    if not is_marked(runtime.disk, folder):
        ours = state_names(names) + [name for name in names if name.startswith(LOG_NAME)]
        if ours or list_runs(runtime.disk, folder / REPORTS_FOLDER):
            msg = f"{folder} is not the sandbox's: {ours[0] if ours else REPORTS_FOLDER} is there"
            raise StateError(msg, path=folder, hint=_OWN_FOLDER)
        # Before anything else: from here on no other run writes there, wherever this one is cut.
        mark(runtime.disk, folder)
    if HISTORY_FILE not in names:
        init_state(runtime.disk, folder)
    return folder


def _names(folder: Path, runtime: Runtime) -> list[str]:
    try:
        return runtime.disk.list_names(folder)
    except (OSError, ValueError) as exc:  # ValueError: a path no file system takes
        reason = (exc.strerror if isinstance(exc, OSError) else None) or exc
        msg = f"{folder} could not be listed: {reason}"
        raise StateError(msg, path=folder, hint=_OWN_FOLDER) from exc

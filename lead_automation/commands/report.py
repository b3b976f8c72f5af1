"""``report``: render the report of a run, or of the kept days."""

import stat
from datetime import timedelta
from pathlib import Path

from lead_automation.arguments import Arguments
from lead_automation.commands.common import WIDTH, SettingsSource
from lead_automation.config import LocalSettings
from lead_automation.errors import StateError
from lead_automation.files import write_atomic
from lead_automation.leads.hours import quota_day
from lead_automation.reporting.archive import REPORTS_FOLDER, load_run
from lead_automation.reporting.days import summarise_days
from lead_automation.reporting.report import ReportForm, render_days, render_report
from lead_automation.runtime import Runtime
from lead_automation.state.open import open_state


def execute(arguments: Arguments, runtime: Runtime) -> int:
    """Write the report to ``--output``, else to stdout; ``--json`` there is ``--format json``."""
    local = SettingsSource(arguments, runtime).load_local()
    as_json = arguments.json and arguments.output is None
    form = ReportForm.JSON if as_json else ReportForm(arguments.form)
    if arguments.days is not None:
        content = _days(arguments.days, form, local, runtime)
    else:
        result = load_run(runtime.disk, local.state_dir / REPORTS_FOLDER, arguments.run_id)
        is_file = arguments.output is not None
        content = render_report(
            result,
            form,
            zone=local.hours.zone,
            width=WIDTH if is_file else runtime.width(runtime.stdout) or WIDTH,
        )
    if arguments.output is None:
        if form is ReportForm.TEXT:
            runtime.out(content.decode("utf-8"))
        else:
            runtime.out_file(content)
    else:
        _write(runtime.folder / arguments.output, content, runtime)
        if arguments.json:
            runtime.out_json({"status": "completed", "output": str(arguments.output)})
        elif not arguments.quiet:
            runtime.err(f"Report written to {arguments.output}")
    return 0


def _days(days: int, form: ReportForm, local: LocalSettings, runtime: Runtime) -> bytes:
    zone = local.hours.zone
    today = quota_day(runtime.clock.now(), zone)
    books = open_state(local, runtime).snapshot(today)
    days = min(days, local.history_days)
    quota = {
        day: books.quota_used(day) for day in (today - timedelta(days=back) for back in range(days))
    }
    report = summarise_days(books.records(), quota, local.counsellors, days=days, today=today)
    return render_days(report, form)


def _write(path: Path, content: bytes, runtime: Runtime) -> None:
    """Replace a file; a device, a link or a FIFO would be put out of its place by that.

    Raises:
        StateError: It is no plain file, or cannot be written.
    """
    if _is_no_file(path):
        what = "a directory" if path.is_dir() else "no plain file"
        msg = f"{path} is {what}"
        raise StateError(msg, path=path, hint="Name a file behind --output.")
    try:
        write_atomic(runtime.disk, path, content)
    except StateError as error:
        hint = "Name a file behind --output in a folder that exists and takes files."
        raise StateError(str(error), path=path, hint=hint) from error


def _is_no_file(path: Path) -> bool:
    try:
        return not stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):  # there is none, or there can be none: the writing tells
        return False

"""``report``: render the report of a run, or of the kept days."""

import stat
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import assert_never

from lead_automation.arguments import Arguments
from lead_automation.commands.common import WIDTH, SettingsSource
from lead_automation.config import LocalSettings
from lead_automation.errors import ConfigError, StateError
from lead_automation.files import write_atomic
from lead_automation.leads.hours import quota_day
from lead_automation.reporting.archive import REPORTS_FOLDER, first_day, kept_runs, load_run
from lead_automation.reporting.days import facts_of_records, facts_of_run, summarise_days
from lead_automation.reporting.documents import run_date
from lead_automation.reporting.index import index_json, index_text
from lead_automation.reporting.kept import KeptRows, KeptRun
from lead_automation.reporting.live import refreshed
from lead_automation.reporting.report import ReportForm, render_days, render_index, render_report
from lead_automation.runs import RunMode, RunResult
from lead_automation.runtime import Runtime
from lead_automation.state.open import open_state
from lead_automation.text import json_text


def execute(arguments: Arguments, runtime: Runtime) -> int:
    """Write the report to ``--output``, else to stdout; ``--json`` there is ``--format json``."""
    local = SettingsSource(arguments, runtime).load_local()
    as_json = arguments.json and arguments.output is None
    form = ReportForm.JSON if as_json else ReportForm(arguments.form)
    folder = local.state_dir / REPORTS_FOLDER
    if arguments.list:
        content = _list(form, local, runtime)
    elif arguments.days is not None:
        content = _days(arguments.days, form, local, runtime)
    else:
        result = _as_known_now(load_run(runtime.disk, folder, arguments.run_id), local, runtime)
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


def _as_known_now(result: RunResult, local: LocalSettings, runtime: Runtime) -> RunResult:
    """Return a run with the statuses of the history; as it was kept where that cannot be read."""
    now = runtime.clock.now()
    try:
        books = open_state(local, runtime).snapshot(quota_day(now, local.hours.zone))
        return refreshed(result, books.records(), now)
    except StateError as error:
        runtime.err(f"Statuses are those of the run's end, for the history cannot be read: {error}")
        return result


def _list(form: ReportForm, local: LocalSettings, runtime: Runtime) -> bytes:
    zone = local.hours.zone
    runs = kept_runs(runtime.disk, local.state_dir / REPORTS_FOLDER, KeptRun)
    match form:
        case ReportForm.JSON:
            return (json_text(index_json(runs, zone), indent=1) + "\n").encode()
        case ReportForm.HTML:
            return render_index(runs, zone=zone).encode()
        case ReportForm.TEXT:
            return index_text(runs, zone).encode()
        case ReportForm.CSV:
            raise ConfigError(("--list: text, json or html, not csv",))
        case _:
            assert_never(form)


def _days(days: int, form: ReportForm, local: LocalSettings, runtime: Runtime) -> bytes:
    """Count the days from the history where it still keeps them, else from the runs' documents."""
    zone, folder = local.hours.zone, local.state_dir / REPORTS_FOLDER
    today = quota_day(runtime.clock.now(), zone)
    books = open_state(local, runtime).snapshot(today)
    first = today - timedelta(days=days - 1)
    since = first - timedelta(days=days + 1)  # the days before, for comparison
    older = (
        fact
        for run in kept_runs(runtime.disk, folder, KeptRows, since=since)
        if run.mode is RunMode.PRODUCTION and books.is_over(run_date(run.run_id), today)
        for fact in facts_of_run(run, zone)
        if books.is_over(fact.day, today)
    )
    quota = {
        day: books.quota_used(day) for day in (today - timedelta(days=back) for back in range(days))
    }
    reach = min(
        today - timedelta(days=local.history_days), first_day(runtime.disk, folder) or today
    )
    note = f"Nothing is kept of the days before {reach:%d %b %Y} (KEEP_REPORTS_DAYS)."
    report = summarise_days(
        chain(facts_of_records(books.records(), zone), older),
        quota,
        local.counsellors,
        days=days,
        today=today,
        note=note if first < reach else "",
    )
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

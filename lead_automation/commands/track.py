"""``track``: read what became of messages that are not settled; sends nothing."""

import logging
from dataclasses import replace

from lead_automation.arguments import Arguments
from lead_automation.campaign.earlier import (
    Change,
    EarlierMessages,
    Settlement,
    read_on_request_is_due,
    word_of,
)
from lead_automation.campaign.services import make_services
from lead_automation.clock import RunClock
from lead_automation.commands.common import SettingsSource, open_log, show, state_to_write
from lead_automation.commands.report_files import keep_reports
from lead_automation.commands.state_checks import check_state
from lead_automation.config import Settings
from lead_automation.errors import ExitCode
from lead_automation.reporting.logfile import LOG_NAME
from lead_automation.runs import RunMode
from lead_automation.runtime import Runtime
from lead_automation.state.state import State
from lead_automation.text import mask_phone, safe_outside, safe_text
from lead_automation.wati.limits import RateLimits

_LONGEST_S = 3600.0
"""About as many messages as WATI lets be read in an hour; the rest is the next call's."""

_MAX_LINE = 300  # WATI's words are cut to it where they are read
_MAX_REASON = 400  # those words, with ours around them
_MAX_ID = 128  # no lead id of the state is longer

_log = logging.getLogger(__name__)


def execute(arguments: Arguments, runtime: Runtime) -> int:
    """Read, post owed CRM rows, show before and after; 3 when a restriction is found."""
    settings = SettingsSource(arguments, runtime).load()
    clock = RunClock(runtime.clock)
    runtime = replace(runtime, clock=clock)
    state = state_to_write(settings.local, arguments, runtime)
    with open_log(settings, arguments, runtime) as log, state.lock(runtime):
        log.open_file(state.folder / LOG_NAME, disk=runtime.disk)
        found = _track(settings, runtime, clock, state)
        keep_reports(settings.local, runtime, [change.after for change in _changes(found)])
    # Outside the lock: a run may start while the result is still being shown.
    code = _exit_code(found, runtime)
    if arguments.json or not arguments.quiet or code != ExitCode.OK:
        text = _text(found, names=not _was_seen(arguments, runtime))
        show(arguments, runtime, _document(found), text, state=state)
    return code


def _exit_code(found: Settlement, runtime: Runtime) -> int:
    if runtime.stop.signal_number is not None:
        return 128 + runtime.stop.signal_number
    return found.end.exit_code if found.end is not None else ExitCode.OK


def _was_seen(arguments: Arguments, runtime: Runtime) -> bool:
    """Whether the log has just shown every change where the result is going to stand."""
    # With either in a pipe, whoever reads stdout has not seen the log's lines.
    is_one_screen = runtime.is_terminal(runtime.stdout) and runtime.is_terminal(runtime.stderr)
    return is_one_screen and not arguments.quiet


def _track(settings: Settings, runtime: Runtime, clock: RunClock, state: State) -> Settlement:
    """Read and post.

    Raises:
        ClockError: It is behind the newest record, or not WATI's; what was dated by then is right.
    """
    books = state.open_ledger()
    try:
        services = make_services(
            settings,
            mode=RunMode.PRODUCTION,
            runtime=runtime,
            clock=clock,
            state=state,
            books=books,
            limits=RateLimits.of_plan(settings.local.plan),
        )
        check_state(books, settings.local, runtime)
        earlier = EarlierMessages(services, read_on_request_is_due, log_level=logging.INFO)
        if earlier.count:
            text = "Messages to read: %d, about one a second; Ctrl-C keeps what was read"
            _log.info(text, earlier.count)
        found = earlier.settle(_LONGEST_S, with_refused=True)
        # Nothing is forgotten here: days are dropped by a run, whose clock WATI has confirmed.
        books.finish(today=None)
        if doubt := clock.doubt(services.zone):
            raise doubt
    finally:
        books.close()
    return found


def _changes(found: Settlement) -> list[Change]:
    return [change for change in found.changes if change.is_news]


def _document(found: Settlement) -> dict[str, object]:
    return {
        "status": "stopped" if found.end is not None else "completed",
        "reason": safe_text(found.end.reason, _MAX_REASON) if found.end is not None else "",
        "read": len(found.changes),
        "unanswered": found.unread,
        "settled_unknown": sum(change.before.unknown for change in found.changes),
        "crm_rows_posted": found.rows_posted,
        "crm_rows_owed": found.rows_owed,
        "changes": [
            {
                "lead_id": safe_outside(change.after.lead_id, _MAX_ID),
                "day": change.after.day.isoformat(),
                "phone": mask_phone(change.after.phone or ""),
                "before": word_of(change.before),
                "after": word_of(change.after),
                "error_category": change.failure.category.value if change.failure else None,
                "error_message": change.failure and safe_text(change.failure.text, _MAX_LINE),
            }
            for change in _changes(found)
        ],
    }


def _text(found: Settlement, *, names: bool) -> str:
    """Return the result; names says whether each change is told, or only how many there were."""
    lines = [safe_text(change.line(), _MAX_LINE) for change in _changes(found)] if names else []
    lines.append(
        f"Messages: {len(found.changes)} read, {len(_changes(found))} changed, "
        f"{found.unread} without an answer."
    )
    lines.append(f"CRM rows: {found.rows_posted} posted, {found.rows_owed} still owed.")
    if found.is_paused:
        lines.append(
            "Most of the month's WATI calls are used (WATI_MONTHLY_CALLS): only unknown sends "
            "are read until next month."
        )
    if found.end is not None:
        lines.append(f"SENDING IS HELD NOW: {safe_text(found.end.reason, _MAX_REASON)}")
        lines.append("Read `status`, then `resume` once it is settled.")
    return "\n".join(lines)

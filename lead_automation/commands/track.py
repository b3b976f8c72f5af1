"""``track``: read what became of messages that are not settled; sends nothing."""

import logging

from lead_automation.answers import LookupKind
from lead_automation.arguments import Arguments
from lead_automation.campaign.assembly import (
    make_http,
    make_machine,
    make_policies,
    make_wati,
)
from lead_automation.campaign.meter import CallMeter
from lead_automation.campaign.preflight import check_wall_clock
from lead_automation.campaign.reading import News
from lead_automation.campaign.settling import EarlierMessages, Settlement, read_on_request_is_due
from lead_automation.campaign.steps import make_earlier
from lead_automation.commands.common import (
    SettingsSource,
    console_level,
    show,
    wants_colour,
)
from lead_automation.config import Settings
from lead_automation.errors import ExitCode
from lead_automation.leads.crm import CrmClient
from lead_automation.models import CrmRow, MessageRecord
from lead_automation.reporting.logfile import LOG_NAME
from lead_automation.reporting.logger import OptimizedLogger
from lead_automation.runs import RunMode
from lead_automation.runtime import Runtime
from lead_automation.settings.load import secret_values
from lead_automation.state.fileledger import FileLedger
from lead_automation.state.open import State, open_state
from lead_automation.text import clean, mask_numbers, mask_phone
from lead_automation.wati.limits import RateLimits

_LONGEST_S = 3600.0

_log = logging.getLogger(__name__)


def execute(arguments: Arguments, runtime: Runtime) -> int:
    """Read, post owed CRM rows, show before and after; 3 when a restriction is found."""
    settings = SettingsSource(arguments, runtime).load()
    local = settings.local
    state = open_state(local, runtime)
    with (
        OptimizedLogger(
            stream=runtime.stderr,
            level=console_level(arguments, local.log_level),
            clock=runtime.clock,
            zone=local.hours.zone,
            secrets=secret_values(settings),
            colour=wants_colour(arguments, runtime),
        ) as log,
        state.lock(runtime),
    ):
        log.open_file(local.state_dir / LOG_NAME, disk=runtime.disk)
        found = _track(settings, runtime, state)
    code = _exit_code(found, runtime)
    if arguments.json or not arguments.quiet or code != ExitCode.OK:
        show(
            arguments,
            runtime,
            _document(found),
            _text(found, names=not _was_seen(arguments, runtime)),
        )
    return code


def _exit_code(found: Settlement, runtime: Runtime) -> int:
    if runtime.stop.signal_number is not None:
        return 128 + runtime.stop.signal_number
    return found.end.exit_code if found.end is not None else ExitCode.OK


def _was_seen(arguments: Arguments, runtime: Runtime) -> bool:
    """Whether the log has just shown every change where the result is going to stand."""
    is_one_screen = runtime.is_terminal(runtime.stdout) and runtime.is_terminal(runtime.stderr)
    return is_one_screen and not arguments.quiet


def _track(settings: Settings, runtime: Runtime, state: State) -> Settlement:
    local = settings.local
    now = runtime.clock.now()
    books = state.open_ledger()
    try:
        check_wall_clock(books.newest_time(), now=now, zone=local.hours.zone)
        earlier = _earlier(settings, runtime, state, books)
        due = len(earlier.due(read_on_request_is_due))
        if due:
            _log.info("Messages to read: %d, about one a second; Ctrl-C keeps what was read", due)
        found = earlier.settle(limit_s=_LONGEST_S, is_due=read_on_request_is_due, on_news=_say)
        books.finish(today=None)
    finally:
        books.close()
    return found


def _earlier(
    settings: Settings, runtime: Runtime, state: State, books: FileLedger
) -> EarlierMessages:
    local = settings.local
    meter = CallMeter(
        ledger=books,
        clock=runtime.clock,
        zone=local.hours.zone,
        monthly_limit=settings.local.monthly_calls,
    )
    http = make_http(settings, runtime, allow_posts=True)
    crm = CrmClient(settings.crm, http=http, template=settings.wati.template, on_call=meter.count)

    def post(row: CrmRow, *, deadline_s: float) -> bool:
        return crm.post_row(row, deadline_s=deadline_s).taken

    return make_earlier(
        wati=make_wati(
            settings,
            http=http,
            runtime=runtime,
            limits=RateLimits.of_plan(settings.local.plan),
            count=meter.count,
        ),
        ledger=books,
        suppressions=state.suppressions,
        hold=state.hold,
        meter=meter,
        post=post,
        policies=make_policies(
            RunMode.PRODUCTION,
            hours=local.hours,
            pacing=settings.pacing,
            tracking=local.tracking,
            safety=settings.safety,
        ),
        machine=make_machine(runtime),
    )


def _say(news: News) -> None:
    if _word(news.before) != _word(news.after):
        _log.info("%s", _line(news))


def _word(record: MessageRecord) -> str:
    if record.unknown:
        return "unknown"
    return "never arrived" if record.sent_at is None else record.status.value


def _line(news: News) -> str:
    phone = mask_phone(news.after.phone or "")
    reason = f" ({_shown(news.failure.text, 80)})" if news.failure else ""
    lead = _shown(news.after.lead_id, 20)
    return f"{lead} {phone}: {_word(news.before)} → {_word(news.after)}{reason}"


def _shown(text: str, max_chars: int) -> str:
    """Return words of WATI, or an id of the CRM: either may hold the lead's number."""
    return mask_numbers(clean(text, max_chars))


def _changes(found: Settlement) -> list[News]:
    return [news for news in found.news if _word(news.before) != _word(news.after)]


def _document(found: Settlement) -> dict[str, object]:
    return {
        "status": "stopped" if found.end is not None else "completed",
        "reason": _shown(found.end.reason, 400) if found.end is not None else "",
        "read": len(found.news),
        "unanswered": found.unread,
        "settled_unknown": sum(
            news.settled or news.kind is LookupKind.ABSENT for news in found.news
        ),
        "crm_rows_posted": found.rows_posted,
        "crm_rows_owed": found.rows_owed,
        "changes": [
            {
                "lead_id": _shown(news.after.lead_id, 128),
                "day": news.after.day.isoformat(),
                "phone": mask_phone(news.after.phone or ""),
                "before": _word(news.before),
                "after": _word(news.after),
                "error_category": news.failure.category.value if news.failure else None,
                "error_message": _shown(news.failure.text, 300) if news.failure else None,
            }
            for news in _changes(found)
        ],
    }


def _text(found: Settlement, *, names: bool) -> str:
    """Return the result; names says whether each change is told, or only how many there were."""
    lines = [_line(news) for news in _changes(found)] if names else []
    lines.append(
        f"Messages: {len(found.news)} read, {len(_changes(found))} changed, "
        f"{found.unread} without an answer."
    )
    lines.append(f"CRM rows: {found.rows_posted} posted, {found.rows_owed} still owed.")
    if found.is_paused:
        lines.append(
            "Most of the month's WATI calls are used (WATI_MONTHLY_CALLS): only unknown sends "
            "are read until next month."
        )
    if found.end is not None:
        lines.append(f"SENDING IS HELD NOW: {_shown(found.end.reason, 400)}")
        lines.append("Read `status`, then `resume` once it is settled.")
    return "\n".join(lines)

"""``check``: is everything ready to send? Writes nothing, works when half of it is down."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

from msgspec.structs import asdict

from lead_automation.answers import TemplateInfo, TemplateUnread
from lead_automation.arguments import Arguments
from lead_automation.campaign.services import make_http
from lead_automation.campaign.template import order_note, template_order
from lead_automation.clock import MAX_OFFSET_S, RunClock
from lead_automation.commands.common import SettingsSource, hold_text, show, state_to_write
from lead_automation.commands.points import (
    Point,
    Verdict,
    account_points,
    folder_points,
    message_points,
    plan_point,
    quota_point,
    told_points,
)
from lead_automation.commands.state_checks import check_state
from lead_automation.config import ApiVersion, LocalSettings, Settings, WatiSettings
from lead_automation.errors import ConfigError, ExitCode, LeadAutomationError
from lead_automation.http import Http
from lead_automation.leads.crm import CrmClient, MalformedLead
from lead_automation.leads.csv_list import read_csv_leads
from lead_automation.leads.hours import describe_hours, is_open, next_opening, quota_day
from lead_automation.models import Lead
from lead_automation.plaintext import wrap
from lead_automation.runs import CallKind
from lead_automation.runtime import Runtime
from lead_automation.settings.declaration import Key
from lead_automation.settings.file import is_open_to_others
from lead_automation.settings.keys import KEYS
from lead_automation.state.open import open_state
from lead_automation.state.state import State
from lead_automation.text import safe_text
from lead_automation.times import shown_time
from lead_automation.wati.client import EnhancedWATIClient
from lead_automation.wati.limits import RateLimits

_MAX_TEXT = 10_000  # all problems of the settings stand in one point
_OFFSET_WARNING_S = 120.0  # more than rounding and a slow line explain
# What cannot be asked without credentials; named all the same, so that no line goes missing.
_SERVICES = ("wati", "template", "crm", "clock")


def execute(arguments: Arguments, runtime: Runtime, keys: tuple[Key, ...] = KEYS) -> int:
    """Check point by point; 0 when nothing failed, 2 settings, 5 state, 4 anything else.

    With ``--verbose`` every setting is shown too, with its source; a secret as ``***``.
    """
    points, settings = _all_points(arguments, runtime, keys)
    failed = {point.exit_code for point in points if point.result is Verdict.FAILED}
    # Settings before state before what is outside: the order in which they are put right.
    order = (ExitCode.SETTINGS, ExitCode.STATE, ExitCode.UNREACHABLE)
    code = next((code for code in order if code in failed), ExitCode.OK)
    document: dict[str, object] = {
        "status": "failed" if code else "ok",
        "exit_code": code,
        "checks": [
            {"name": name, "result": result.value, "text": text, "fix": fix}
            for name, result, text, fix, _ in points
        ],
    }
    width = runtime.width(runtime.stdout)
    lines = [line for point in points for line in _lines(point, width)]
    if settings is not None and arguments.verbose:
        document["settings"] = [asdict(line) for line in settings.lines]
        lines += [f"  {line.name} = {line.value} ({line.source})" for line in settings.lines]
    show(arguments, runtime, document, "\n".join(lines))
    return code


def _all_points(
    arguments: Arguments, runtime: Runtime, keys: tuple[Key, ...]
) -> tuple[list[Point], Settings | None]:
    """Return every point, safe to show, and the settings where they are right."""
    source: SettingsSource | None = None
    settings: Settings | None = None
    points: list[Point] = []
    try:
        source = SettingsSource(arguments, runtime, keys)
        settings = source.load()
        points += _settings_points(source, settings)
    except ConfigError as error:
        points += [
            Point("settings", Verdict.FAILED, problem, "", ExitCode.SETTINGS)
            for problem in error.problems
        ]
        fix = error.hint or "Correct config.env."
        points[-1] = points[-1]._replace(text=f"{points[-1].text} ({_where(source)})", fix=fix)
    points += _state_points(settings, source, arguments, runtime)
    if source is not None:
        points += told_points(source, arguments)
    if settings is None:
        points += [_not_checked(name, "the settings are not right yet") for name in _SERVICES]
    else:
        points += _service_points(settings, arguments, runtime)
    # Some of their words are WATI's, the CRM's or a file's.
    safe = [
        point._replace(text=safe_text(point.text, _MAX_TEXT), fix=safe_text(point.fix, _MAX_TEXT))
        for point in points
    ]
    return safe, settings


def _where(source: SettingsSource | None) -> str:
    """Return where the settings came from, or were to come from."""
    if source is None:
        return "the settings file could not be read"
    return f"from {source.path}" if source.path is not None else "no config.env was found"


def _lines(point: Point, width: int | None) -> list[str]:
    """Return a point and its fix: a line each where no terminal cuts lines."""
    parts = [(f"{point.result.value:<8} {point.name:<10}", point.text)]
    if point.fix:
        parts.append((" " * 19 + "→ ", point.fix))
    if width is None:
        return [head + text for head, text in parts]
    return [line for head, text in parts for line in wrap(text, width, head=head)]


def _failed(name: str, error: LeadAutomationError, *, exit_code: int) -> Point:
    text = "; ".join(str(error).splitlines())
    fix = f"{error.hint} {error.command}".rstrip()
    return Point(name, Verdict.FAILED, text, fix, exit_code)


def _not_checked(name: str, why: str) -> Point:
    return Point(name, Verdict.WARNING, f"not checked: {why}")


def _settings_points(source: SettingsSource, settings: Settings) -> list[Point]:
    path, warnings = source.path, settings.local.warnings
    points = [Point("settings", Verdict.OK, f"complete, {_where(source)}")]
    failed = []
    if path is not None and is_open_to_others(path):
        # What is only a warning to a run is a failure here, and is not said twice.
        warnings = tuple(
            its for its in warnings if its not in source.warnings or "chmod" not in its
        )
        text = f"{path} is open to every user of this machine"
        fix = f"chmod 600 {path}"
        failed = [Point("settings", Verdict.FAILED, text, fix, ExitCode.SETTINGS)]
    return [*points, *(Point("settings", Verdict.WARNING, text) for text in warnings), *failed]


def _state_points(
    settings: Settings | None,
    source: SettingsSource | None,
    arguments: Arguments,
    runtime: Runtime,
) -> list[Point]:
    """Look at state and hours, also when the settings for WATI or the CRM are not right yet."""
    if source is None:
        return []
    try:
        local = settings.local if settings is not None else source.load_local()
    except ConfigError:
        return []
    return [
        *_state(local, arguments, runtime),
        *folder_points(local.state_dir, runtime.disk),
        _guarded("hold", lambda: _hold(local, runtime), exit_code=ExitCode.STATE),
        _hours(local, runtime.clock.now()),
    ]


def _guarded(
    name: str, look: Callable[[], Point], *, exit_code: int = ExitCode.UNREACHABLE
) -> Point:
    try:
        return look()
    except LeadAutomationError as error:
        return _failed(name, error, exit_code=exit_code)


def _state(local: LocalSettings, arguments: Arguments, runtime: Runtime) -> list[Point]:
    """Return how the state is, and what the CRM refuses of it."""
    try:
        # A run's place, so what refuses a run fails here.
        state = state_to_write(local, arguments, runtime)
        books = state.snapshot(quota_day(runtime.clock.now(), local.hours.zone))
        suppressed = len(state.suppressions.entries())
        check_state(books, local, runtime)
    except LeadAutomationError as error:
        return [_failed("state", error, exit_code=ExitCode.STATE)]
    kept = sum(1 for _ in books.records())
    text = f"messages kept: {kept}, numbers suppressed: {suppressed}, in {state.place}"
    used = books.used_today(quota_day(runtime.clock.now(), local.hours.zone), local.hours.zone)
    points = [*_database_points(state), Point("state", Verdict.OK, text), quota_point(local, used)]
    refused = [row for row in books.owed_rows() if row.refused_on is not None]
    if refused:
        count = f"{len(refused)} row{'s' * (len(refused) > 1)}"
        text = f"the CRM refuses {count} of its message log; the oldest: {refused[0].refusal}"
        fix = "`status` names them. Ask the CRM's administrator; `track` tries each again."
        points.append(Point("crm rows", Verdict.WARNING, text, fix))
    return points


def _database_points(state: State) -> list[Point]:
    """Return what is at the other end, where the state is in a database."""
    server = state.server()
    if server is None:
        return []
    text = f"PostgreSQL {server.version}, schema {server.schema}, "
    if server.encryption is not None or server.is_local:
        return [Point("database", Verdict.OK, text + (server.encryption or "on this machine"))]
    fix = "Add ?sslmode=verify-full to STATE_URL; names and numbers of leads go over that line."
    return [Point("database", Verdict.WARNING, f"{text}not encrypted on the way", fix)]


def _hold(local: LocalSettings, runtime: Runtime) -> Point:
    hold = open_state(local, runtime).hold.read()
    now = runtime.clock.now()
    if hold is None or not hold.is_active(now):
        return Point("hold", Verdict.OK, "sending is not held")
    text = hold_text(hold, now=now, zone=local.hours.zone).splitlines()[0]
    return Point("hold", Verdict.WARNING, text, "Read `status`, settle it, then `resume`.")


def _hours(local: LocalSettings, now: datetime) -> Point:
    text = describe_hours(local.hours)
    if is_open(now, local.hours):
        return Point("hours", Verdict.OK, f"open now ({text})")
    opening = next_opening(now, local.hours)
    when = f"opens {shown_time(opening, local.hours.zone)}" if opening else "never opens"
    return Point("hours", Verdict.WARNING, f"closed now ({text}); {when}")


def _service_points(settings: Settings, arguments: Arguments, runtime: Runtime) -> list[Point]:
    # A check must not be able to send, whatever is added to it.
    http = make_http(settings, runtime, allow_posts=False)
    clock = RunClock(runtime.clock)
    points, template = _wati(settings, clock, http)
    rows: list[Lead | MalformedLead] = []
    if arguments.leads is None:
        points.append(_guarded("crm", lambda: _crm(settings, clock, http, rows)))
    else:
        path = runtime.folder / arguments.leads
        look = partial(_lead_file, path, runtime, settings.crm.fetch_limit, rows)
        points.append(_guarded("leads", look, exit_code=ExitCode.SETTINGS))
    points += [*message_points(settings, template, rows), plan_point(settings)]
    points.append(_clock(clock.offset_s, settings.local, runtime.clock.now()))
    return points


def _wati(
    settings: Settings, clock: RunClock, http: Http
) -> tuple[list[Point], TemplateInfo | None]:
    wati = EnhancedWATIClient(
        settings.wati,
        http=http,
        clock=clock,
        limits=RateLimits.of_plan(settings.local.plan),
        on_call=_count_nothing,
    )
    unchecked = _not_checked("template", "WATI gave no list of templates")
    try:
        found = wati.fetch_template()
    except LeadAutomationError as error:
        failed = _failed("wati", error, exit_code=ExitCode.UNREACHABLE)
        return [failed, unchecked], None
    if isinstance(found, TemplateUnread):
        fix = "Try again; a run goes on with a warning."
        return [Point("wati", Verdict.FAILED, found.detail, fix), unchecked], None
    template = _guarded("template", lambda: _template(settings.wati, found))
    answered = Point("wati", Verdict.OK, f"{settings.wati.host} answers")
    is_v3 = settings.wati.api_version is ApiVersion.V3
    of_v3 = account_points(wati, clock.now()) if is_v3 else []
    return [answered, template, *of_v3], found


def _template(wati: WatiSettings, found: TemplateInfo) -> Point:
    order = template_order(found, name=wati.template, wanted=wati.parameter_names)
    note = order_note(wati.template, order=order, wanted=wati.parameter_names)
    verdict = Verdict.WARNING if note else Verdict.OK
    return Point("template", verdict, note or f"{wati.template} is approved")


def _crm(
    settings: Settings, clock: RunClock, http: Http, rows: list[Lead | MalformedLead]
) -> Point:
    crm = CrmClient(
        settings.crm,
        http=http,
        clock=clock,
        template=settings.wati.template,
        on_call=_count_nothing,
    )
    rows += crm.fetch_leads(settings.crm.fetch_limit)
    more = " or more" * (len(rows) >= settings.crm.fetch_limit)
    text = f"leads waiting: {len(rows):,}{more}" if rows else "no lead needs a message now"
    if crm.clock_offset_s is not None and abs(crm.clock_offset_s) > MAX_OFFSET_S:
        text += f"; its clock differs by {crm.clock_offset_s:.0f} s"
        return Point("crm", Verdict.WARNING, text)
    return Point("crm", Verdict.OK, text)


def _lead_file(path: Path, runtime: Runtime, limit: int, rows: list[Lead | MalformedLead]) -> Point:
    rows += read_csv_leads(path, runtime.disk).rows
    odd = [row.reason for row in rows if isinstance(row, MalformedLead)]
    text = f"{path.name}: {len(rows)} rows, {len(odd)} of them unusable"
    if len(rows) > limit:
        text += f"; a run takes the first {limit}"
    if odd:
        return Point("leads", Verdict.WARNING, f"{text}; the first: {odd[0]}")
    return Point("leads", Verdict.OK, text)


def _clock(offset_s: float | None, local: LocalSettings, now: datetime) -> Point:
    shown = f"{shown_time(now, local.hours.zone)} {local.hours.zone.key}"
    if offset_s is None:
        return Point("clock", Verdict.WARNING, f"{shown}; not measured against WATI's")
    text = f"{shown}; WATI's is {round(offset_s):+d} s"
    fix = "Set the clock, or start time synchronisation."
    if abs(offset_s) > MAX_OFFSET_S:
        return Point("clock", Verdict.FAILED, text, fix, ExitCode.STATE)
    if abs(offset_s) > _OFFSET_WARNING_S:
        return Point("clock", Verdict.WARNING, text, fix)
    return Point("clock", Verdict.OK, text)


def _count_nothing(_kind: CallKind) -> None:
    """Let a check's few calls go uncounted: it writes nothing, the month's file included."""

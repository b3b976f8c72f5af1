"""``check``: is everything ready to send? Writes nothing, works when half of it is down."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from lead_automation.answers import TemplateInfo, TemplateUnread
from lead_automation.arguments import Arguments
from lead_automation.campaign.preflight import MAX_CLOCK_OFFSET_S
from lead_automation.campaign.services import make_http
from lead_automation.campaign.template import order_note, template_order
from lead_automation.commands.common import SettingsSource, hold_text, show, shown_time
from lead_automation.commands.state_checks import check_state
from lead_automation.config import LocalSettings, Settings, WatiSettings
from lead_automation.errors import ConfigError, ExitCode, LeadAutomationError
from lead_automation.http import Http
from lead_automation.leads.crm import CrmClient
from lead_automation.leads.hours import describe_hours, is_open, next_opening, quota_day
from lead_automation.plaintext import wrap
from lead_automation.runs import CallKind
from lead_automation.runtime import Runtime
from lead_automation.settings.declaration import Key
from lead_automation.settings.file import is_open_to_others
from lead_automation.settings.keys import KEYS
from lead_automation.state.open import open_state
from lead_automation.text import safe_text
from lead_automation.wati.client import EnhancedWATIClient
from lead_automation.wati.limits import RateLimits

_MAX_TEXT = 10_000  # all problems of the settings stand in one point
_OFFSET_WARNING_S = 120.0
_SERVICES = ("wati", "template", "crm", "clock")


class Verdict(Enum):
    """What a point came to."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


class Area(Enum):
    """Where a failed point belongs, with the exit code it means."""

    SETTINGS = ExitCode.SETTINGS
    STATE = ExitCode.STATE
    OTHER = ExitCode.UNREACHABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One line of the answer.

    Attributes:
        text: What was found.
        fix: What to do; empty when nothing is to be done.
    """

    name: str
    verdict: Verdict
    text: str
    fix: str = ""
    area: Area = Area.OTHER


def execute(arguments: Arguments, runtime: Runtime, keys: tuple[Key, ...] = KEYS) -> int:
    """Check point by point; 0 when nothing failed, 2 settings, 5 state, 4 anything else.

    With ``--verbose`` every setting is shown too, with its source; a secret as ``***``.
    """
    source: SettingsSource | None = None
    settings: Settings | None = None
    points: list[Point] = []
    try:
        source = SettingsSource(arguments, runtime, keys)
        settings = source.load()
        points += _settings_points(source, settings)
    except ConfigError as error:
        failed = _failed("settings", error, area=Area.SETTINGS)
        points += [replace(failed, text=f"{failed.text} ({_where(source)})")]
    points += _state_points(settings, source, runtime)
    if settings is None:
        points += [_not_checked(name, "the settings are not right yet") for name in _SERVICES]
    else:
        points += _service_points(settings, runtime)
    # Some of their words are WATI's, the CRM's or a file's.
    points = [
        replace(point, text=safe_text(point.text, _MAX_TEXT), fix=safe_text(point.fix, _MAX_TEXT))
        for point in points
    ]
    code = _exit_code(points)
    shown = settings.lines if settings is not None and arguments.verbose else ()
    document: dict[str, object] = {
        "status": "failed" if code else "ok",
        "exit_code": code,
        "checks": [
            {
                "name": point.name,
                "result": point.verdict.value,
                "text": point.text,
                "fix": point.fix,
            }
            for point in points
        ],
    }
    if shown:
        document["settings"] = [
            {"name": line.name, "value": line.value, "source": line.source} for line in shown
        ]
    width = runtime.width(runtime.stdout)
    lines = [line for point in points for line in _lines(point, width)]
    lines += [f"  {line.name} = {line.value} ({line.source})" for line in shown]
    show(arguments, runtime, document, "\n".join(lines))
    return code


def _where(source: SettingsSource | None) -> str:
    """Return where the settings came from, or were to come from."""
    if source is None:
        return "the settings file could not be read"
    return f"from {source.path}" if source.path is not None else "no config.env was found"


def _exit_code(points: list[Point]) -> int:
    failed = {point.area for point in points if point.verdict is Verdict.FAILED}
    return next((area.value for area in Area if area in failed), ExitCode.OK)


def _lines(point: Point, width: int | None) -> list[str]:
    """Return a point and its fix: a line each where no terminal cuts lines."""
    parts = [(f"{point.verdict.value:<8} {point.name:<10}", point.text)]
    if point.fix:
        parts.append((" " * 19 + "→ ", point.fix))
    if width is None:
        return [head + text for head, text in parts]
    return [line for head, text in parts for line in wrap(text, width, head=head)]


def _failed(name: str, error: LeadAutomationError, *, area: Area = Area.OTHER) -> Point:
    text = "; ".join(str(error).splitlines())
    fix = error.hint or ("Correct config.env." if area is Area.SETTINGS else "")
    return Point(name=name, verdict=Verdict.FAILED, text=text, fix=fix, area=area)


def _not_checked(name: str, why: str) -> Point:
    return Point(name=name, verdict=Verdict.WARNING, text=f"not checked: {why}")


def _settings_points(source: SettingsSource, settings: Settings) -> list[Point]:
    is_open = source.path is not None and is_open_to_others(source.path)
    points = [
        Point(name="settings", verdict=Verdict.WARNING, text=warning)
        for warning in settings.local.warnings
        if not (is_open and warning in source.warnings and "chmod" in warning)
    ]
    if source.path is not None and is_open:
        points.append(
            Point(
                name="settings",
                verdict=Verdict.FAILED,
                text=f"{source.path} is open to every user of this machine",
                fix=f"chmod 600 {source.path}",
                area=Area.SETTINGS,
            )
        )
    text = f"complete, {_where(source)}"
    return [Point(name="settings", verdict=Verdict.OK, text=text), *points]


def _state_points(
    settings: Settings | None, source: SettingsSource | None, runtime: Runtime
) -> list[Point]:
    """Look at state and hours, also when the settings for WATI or the CRM are not right yet."""
    if source is None:
        return []
    try:
        local = settings.local if settings is not None else source.load_local()
    except ConfigError:
        return []
    return [
        _guarded("state", lambda: _state(local, runtime), area=Area.STATE),
        _guarded("hold", lambda: _hold(local, runtime), area=Area.STATE),
        _hours(local, runtime.clock.now()),
    ]


def _guarded(name: str, look: Callable[[], Point], *, area: Area = Area.OTHER) -> Point:
    try:
        return look()
    except LeadAutomationError as error:
        return _failed(name, error, area=area)


def _state(local: LocalSettings, runtime: Runtime) -> Point:
    now, zone = runtime.clock.now(), local.hours.zone
    state = open_state(local, runtime)
    books = state.snapshot(quota_day(now, zone))
    suppressed = len(state.suppressions.entries())
    check_state(books, local, runtime)
    kept = sum(1 for _ in books.records())
    text = f"messages kept: {kept}, numbers suppressed: {suppressed}, in {local.state_dir}"
    return Point(name="state", verdict=Verdict.OK, text=text)


def _hold(local: LocalSettings, runtime: Runtime) -> Point:
    hold = open_state(local, runtime).hold.read()
    now = runtime.clock.now()
    if hold is None or not hold.is_active(now):
        return Point(name="hold", verdict=Verdict.OK, text="sending is not held")
    text = hold_text(hold, now=now, zone=local.hours.zone).splitlines()[0]
    fix = "Read `status`, settle it, then `resume`."
    return Point(name="hold", verdict=Verdict.WARNING, text=text, fix=fix)


def _hours(local: LocalSettings, now: datetime) -> Point:
    text = describe_hours(local.hours)
    if is_open(now, local.hours):
        return Point(name="hours", verdict=Verdict.OK, text=f"open now ({text})")
    opening = next_opening(now, local.hours)
    when = f"opens {shown_time(opening, local.hours.zone)}" if opening else "never opens"
    return Point(name="hours", verdict=Verdict.WARNING, text=f"closed now ({text}); {when}")


def _service_points(settings: Settings, runtime: Runtime) -> list[Point]:
    http = make_http(settings, runtime, allow_posts=False)
    points, offset_s = _wati(settings, runtime, http)
    points.append(_guarded("crm", lambda: _crm(settings, http)))
    points.append(_clock(offset_s, settings.local, runtime.clock.now()))
    return points


def _wati(settings: Settings, runtime: Runtime, http: Http) -> tuple[list[Point], float | None]:
    wati = EnhancedWATIClient(
        settings.wati,
        http=http,
        clock=runtime.clock,
        limits=RateLimits.of_plan(settings.local.plan),
        on_call=_count_nothing,
    )
    unchecked = _not_checked("template", "WATI gave no list of templates")
    try:
        found = wati.fetch_template()
    except LeadAutomationError as error:
        return [_failed("wati", error), unchecked], wati.clock_offset_s
    if isinstance(found, TemplateUnread):
        fix = "Try again; a run goes on with a warning."
        unread = Point(name="wati", verdict=Verdict.FAILED, text=found.detail, fix=fix)
        return [unread, unchecked], wati.clock_offset_s
    template = _guarded("template", lambda: _template(settings.wati, found))
    answered = Point(name="wati", verdict=Verdict.OK, text=f"{settings.wati.host} answers")
    return [answered, template], wati.clock_offset_s


def _template(wati: WatiSettings, found: TemplateInfo) -> Point:
    order = template_order(found, name=wati.template, wanted=wati.parameter_names)
    note = order_note(wati.template, order=order, wanted=wati.parameter_names)
    verdict = Verdict.WARNING if note else Verdict.OK
    return Point(name="template", verdict=verdict, text=note or f"{wati.template} is approved")


def _crm(settings: Settings, http: Http) -> Point:
    crm = CrmClient(
        settings.crm, http=http, template=settings.wati.template, on_call=_count_nothing
    )
    found = crm.fetch_leads(1)
    text = "answers with leads" if found.leads else "answers; no lead needs a message now"
    if crm.clock_offset_s is not None and abs(crm.clock_offset_s) > MAX_CLOCK_OFFSET_S:
        text += f"; its clock differs by {crm.clock_offset_s:.0f} s"
        return Point(name="crm", verdict=Verdict.WARNING, text=text)
    return Point(name="crm", verdict=Verdict.OK, text=text)


def _clock(offset_s: float | None, local: LocalSettings, now: datetime) -> Point:
    shown = f"{shown_time(now, local.hours.zone)} {local.hours.zone.key}"
    if offset_s is None:
        text = f"{shown}; not measured against WATI's"
        return Point(name="clock", verdict=Verdict.WARNING, text=text)
    text = f"{shown}; WATI's is {round(offset_s):+d} s"
    fix = "Set the clock, or start time synchronisation."
    if abs(offset_s) > MAX_CLOCK_OFFSET_S:
        return Point(name="clock", verdict=Verdict.FAILED, text=text, fix=fix, area=Area.STATE)
    if abs(offset_s) > _OFFSET_WARNING_S:
        return Point(name="clock", verdict=Verdict.WARNING, text=text, fix=fix)
    return Point(name="clock", verdict=Verdict.OK, text=text)


def _count_nothing(_kind: CallKind) -> None:
    """Let a check's few calls go uncounted: it writes nothing, the month's file included."""

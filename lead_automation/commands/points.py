"""What ``check`` says of one thing, and what it says of who is told of a run's end."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from lead_automation.answers import TemplateInfo
from lead_automation.arguments import Arguments
from lead_automation.call_budget import PLAIN_CALLS_PER_LEAD, V3_CALLS_PER_LEAD
from lead_automation.campaign.template import compose_message, filled_in
from lead_automation.commands.common import SettingsSource
from lead_automation.config import ApiVersion, LocalSettings, Settings
from lead_automation.errors import ExitCode
from lead_automation.files import Disk
from lead_automation.leads.counsellors import quota_left
from lead_automation.leads.crm import MalformedLead
from lead_automation.leads.screening import describe_lead
from lead_automation.models import Lead
from lead_automation.notify import judge_address, send_alert
from lead_automation.settings.load import load_receivers
from lead_automation.wati.client import EnhancedWATIClient
from lead_automation.wati.v3_reads import NoAnswerError

_LITTLE_SPACE = 100_000_000  # bytes: some months of log, reports and journal
_V3_DEADLINE_S = 10.0  # somebody waits for the answer; a run does without
_LOW_CREDIT = 10.0  # in the account's currency (USD mostly): some hundred messages
_DAYS_A_MONTH = 31  # the plan has to carry the longest


class Verdict(Enum):
    """What a point came to."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


class Point(NamedTuple):
    """One line of the answer: what was found, what to do, and the exit code if it failed."""

    name: str
    result: Verdict
    text: str
    fix: str = ""
    exit_code: int = ExitCode.UNREACHABLE


def folder_points(folder: Path, disk: Disk) -> list[Point]:
    """Say whether this user can go on writing in the state directory, and who else might."""
    try:
        is_folder = folder.is_dir()
    except (OSError, ValueError):  # a path no file system takes
        is_folder = False
    if not is_folder:
        return []  # said of the state already
    if not disk.is_writable(folder):
        text = f"{folder} cannot be written to by this user"
        fix = "Run as the user whose folder it is, or see whether its disk is mounted read-only."
        return [Point("folder", Verdict.FAILED, text, fix, ExitCode.STATE)]
    free = disk.free_bytes(folder)
    text = f"{folder} is writable, {free // 1_000_000:,} MB free"
    points = [Point("folder", Verdict.OK, text)]
    if free < _LITTLE_SPACE:
        fix = "Make room: a full disk ends a run before its next send."
        points = [Point("folder", Verdict.WARNING, text, fix)]
    if any((place / ".git").exists() for place in (folder.resolve(), *folder.resolve().parents)):
        text = f"{folder} is inside a git checkout: a clean or a redeploy takes the history away"
        fix = "Let STATE_DIR name a folder outside, and move the files there."
        points.append(Point("folder", Verdict.WARNING, text, fix))
    return points


def quota_point(local: LocalSettings, used: Mapping[str, int]) -> Point:
    """Say what may be sent today."""
    counsellors = local.counsellors
    daily = sum(counsellor.daily_limit for counsellor in counsellors)
    text = f"{len(counsellors)} counsellors, {daily:,} messages a day"
    if not daily:
        fix = "Give a counsellor a daily_limit above 0 in COUNSELLORS_FILE."
        return Point("quota", Verdict.WARNING, text, fix)
    return Point("quota", Verdict.OK, f"{text}, {quota_left(counsellors, used):,} left today")


def plan_point(settings: Settings) -> Point:
    """Say whether the month's WATI calls carry what the counsellors may send."""
    local, daily = settings.local, sum(its.daily_limit for its in settings.local.counsellors)
    plain, in_batches = (
        round(daily * _DAYS_A_MONTH * calls) for calls in (PLAIN_CALLS_PER_LEAD, V3_CALLS_PER_LEAD)
    )
    is_v3 = settings.wati.api_version is ApiVersion.V3
    need = in_batches if is_v3 else plain
    carried = f"{local.plan.value} carries {local.monthly_calls:,}"
    text = f"{daily:,} a day need {need:,} calls a month; {carried}"
    if need <= local.monthly_calls:
        return Point("plan", Verdict.OK, text)
    other = "" if is_v3 else f"; v3 needs {in_batches:,}"
    fix = "At the limit runs stop. Take a larger plan, lower daily limits, or WATI_API_VERSION=v3."
    return Point("plan", Verdict.WARNING, text + other, fix)


def account_points(wati: EnhancedWATIClient, now: datetime) -> list[Point]:
    """Say whether a token for v3 may read what runs read, and what credit is left."""
    points = [Point("scopes", Verdict.OK, "the token may read broadcasts and contacts")]
    if missing := wati.broadcasts.missing_scopes(now, deadline_s=_V3_DEADLINE_S):
        text = f"the token lacks {', '.join(missing)}: what it may not read cannot be followed"
        fix = "Give the token these scopes in the WATI dashboard (Connector > API > API Tokens)."
        points = [Point("scopes", Verdict.FAILED, text, fix)]
    try:
        credit = wati.broadcasts.credit(deadline_s=_V3_DEADLINE_S)
    except NoAnswerError as error:
        # A token that may not read it sends all the same.
        return [*points, Point("credit", Verdict.WARNING, f"not checked: {error}")]
    text = f"{credit.amount:,.2f} {credit.currency} left"
    if credit.amount >= _LOW_CREDIT:
        return [*points, Point("credit", Verdict.OK, text)]
    fix = "Top up: without credit WATI takes messages and sends none of them."
    return [*points, Point("credit", Verdict.WARNING, f"only {text}", fix)]


def message_points(
    settings: Settings, template: TemplateInfo | None, rows: Sequence[Lead | MalformedLead]
) -> list[Point]:
    """Show the message as the first lead would read it, where its text and a lead are known."""
    names = settings.wati.parameter_names
    if template is None or sorted(template.parameter_names) != sorted(names):
        return []
    region = settings.local.default_region
    for lead in (row for row in rows if isinstance(row, Lead)):
        found = describe_lead(lead, 1, number=lead.mobile_number, region=region)
        if found.recipient is not None and template.body:
            message = compose_message(
                found.recipient,
                settings.local.counsellors[0],
                wati=settings.wati,
                order=names,
            )
            return [Point("message", Verdict.OK, filled_in(template.body, message))]
    return []


def told_points(source: SettingsSource, arguments: Arguments) -> list[Point]:
    """Say whether somebody would be told of a run's end; with ``--alert`` try it."""
    receivers = load_receivers(source.values, source.sources, on_purpose=False)
    points = []
    if receivers.heartbeat_url is not None:
        text = "a run pings HEARTBEAT_URL at its start and its end"
        points.append(Point("heartbeat", Verdict.OK, text))
    urls = receivers.alert_urls
    if not urls:
        fix = "Set ALERT_URLS."
        nobody = Point("alerts", Verdict.FAILED, "there is nobody to send a trial to", fix)
        return [*points, nobody] if arguments.alert else points
    problems = {number: judge_address(url) for number, url in enumerate(urls, 1)}
    bad = [f"address {number}: {problem}" for number, problem in problems.items() if problem]
    if bad:
        fix = "Correct ALERT_URLS, or install what is missing."
        return [*points, Point("alerts", Verdict.FAILED, "; ".join(bad), fix)]
    text = f"{len(urls)} address{'es' * (len(urls) > 1)} understood by Apprise"
    if arguments.alert:
        failed = send_alert(urls, "Trial alert", "`check --alert` sent this; nothing is wrong.")
        if failed:
            fix = "Try the address with the service's own tools, and see that it is reachable."
            return [*points, Point("alerts", Verdict.FAILED, "; ".join(failed), fix)]
        text += ", a trial was taken by each"
    return [*points, Point("alerts", Verdict.OK, text)]

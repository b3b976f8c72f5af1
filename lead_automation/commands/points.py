"""What ``check`` says of one thing, and what it says of who is told of a run's end."""

from enum import Enum
from typing import NamedTuple

from lead_automation.arguments import Arguments
from lead_automation.commands.common import SettingsSource
from lead_automation.errors import ExitCode
from lead_automation.notify import judge_address, send_alert
from lead_automation.settings.load import load_receivers


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

"""Tell somebody: a heartbeat that says a run began and ended, an alert when it needs a person.

Neither can fail, delay or change a run: each has ten seconds, on threads that do not keep the
process alive, and what goes wrong is returned as a line for the log.
"""

import logging
import re
from collections.abc import Sequence
from datetime import UTC
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from lead_automation.clock import StopFlag
from lead_automation.config import HttpPolicy, Receivers
from lead_automation.deadline import Worker, run_beside
from lead_automation.errors import ExitCode, StateError, TransportError
from lead_automation.files import write_atomic
from lead_automation.http import HttpClient, Request
from lead_automation.http_rules import safe_address
from lead_automation.runs import RunResult
from lead_automation.runtime import Runtime
from lead_automation.secret import Secret
from lead_automation.stored import ALERTS_FILE
from lead_automation.strictjson import JsonError, parse_json
from lead_automation.text import clean, json_text

if TYPE_CHECKING:
    from apprise import NotifyBase

TELL_S = 10.0
"""Longest an end waits for the heartbeat, and again for all alerts together."""
# So that behind a start that hangs some of those ten seconds are left for the end.
_START_S = 5.0

_MAX_PONG_BYTES = 1 << 16  # such services answer "OK"
_MAX_FILE_BYTES = 1 << 16  # a day's alerts are a handful of lines
_MAX_REASON = 1000  # Telegram takes 4,096 characters, the tightest of the common services
_MAX_TEXT = 3500
_MAX_TOPIC = 80

_WORTH_AN_ALERT = (
    ExitCode.BUG,
    ExitCode.SETTINGS,
    ExitCode.STOPPED,
    ExitCode.UNREACHABLE,
    ExitCode.STATE,
    ExitCode.HELD,
)
NO_APPRISE = "the library Apprise is not installed: pip install 'apprise>=1.9.4'"


class Notifier:
    """Tells the receivers of one run when it begins and how it ended."""

    def __init__(self, receivers: Receivers, runtime: Runtime) -> None:
        """Take who is told; nothing is sent yet."""
        self._receivers = receivers
        self._runtime = runtime
        self._pings = Worker()
        self._start_problem = ""

    def started(self) -> None:
        """Ping that the run begins, and go on at once."""
        if self._receivers.heartbeat_url is not None:
            try:
                self._pings.start(self._ping_start)
            except OSError as exc:  # a machine without a further thread
                self._start_problem = str(exc)

    def ended(self, result: RunResult, *, idle: str = "") -> list[str]:
        """Ping the end, and alert somebody where that is needed; return what went wrong.

        Args:
            result: How it ended.
            idle: That the runs have been sending nothing for days; "" where they did.
        """
        problems = self._ping_end(result.exit_code)
        if self._receivers.alert_urls and (idle or _is_worth_an_alert(result)):
            problems += self._alert(result, idle)
        return problems

    def _ping_start(self) -> None:
        self._start_problem = self._ping("/start", _START_S)

    def _ping_end(self, code: int) -> list[str]:
        if self._receivers.heartbeat_url is None:
            return []
        path = "" if code == ExitCode.OK else f"/{code}"
        # A service that did not take the start is probably dead: half the patience is enough.
        within_s = _START_S if self._start_problem else TELL_S
        try:
            # Behind the start on its thread: the two must not overtake each other.
            problem = self._pings.run(
                partial(self._ping, path, within_s), within_s=within_s, is_stopped=lambda: False
            )
        except OSError as exc:  # TimeoutError is one, and so is a machine without a further thread
            problem = str(exc) or f"no answer within {within_s:.0f} s"
        self._pings.end()
        problems = {"start": self._start_problem, "end": problem}
        return [f"Heartbeat: {which} not told: {text}" for which, text in problems.items() if text]

    def _ping(self, path: str, deadline_s: float) -> str:
        """Make one ping; return what went wrong, without the address, which is a secret."""
        assert self._receivers.heartbeat_url is not None  # noqa: S101 - asked by both callers
        url = self._receivers.heartbeat_url.reveal()
        # Not the run's own client, which may be at work; nor its stop signal, of which the end of
        # an interrupted run is to be told.
        http = HttpClient(
            HttpPolicy(connect_timeout_s=deadline_s, read_timeout_s=deadline_s),
            clock=self._runtime.clock,
            sleep=self._runtime.sleep,
            chance=self._runtime.chance,
            stop=StopFlag(),
            allow_posts=False,
        )
        request = Request(
            method="GET", url=url + path, deadline_s=deadline_s, max_bytes=_MAX_PONG_BYTES
        )
        try:
            status = http.call(request).status
        except TransportError as exc:
            return str(exc).removeprefix(f"{safe_address(url)}: ")
        finally:
            http.close()
        return "" if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES else f"HTTP {status}"

    def _alert(self, result: RunResult, idle: str) -> list[str]:
        """Send one message, unless the same was said today; remember it once somebody took it."""
        zone = self._receivers.zone or UTC
        day = result.ended_at.astimezone(zone).date().isoformat()
        is_worth = _is_worth_an_alert(result)
        topic = alert_topic(result) if is_worth else "idle"
        told = self._told(day)
        if topic in told:
            return []
        title, text = alert_text(result)
        if idle:
            text = f"{idle}.\n{text}"
            title = title if is_worth else "WATI campaigns send nothing"
        problems = send_alert(self._receivers.alert_urls, title, text)
        # After the alert, never before it: a kill in between repeats one, and loses none.
        if len(problems) < len(self._receivers.alert_urls):
            problems += self._remember(day, [*told, topic])
        return problems

    def _path(self) -> Path | None:
        """Return where today's alerts are kept; None where this run has no business to write."""
        if self._receivers.folder is None:
            return None
        folder = self._runtime.folder / self._receivers.folder
        # In another user's folder, or in a new one, a file of ours would be in somebody's way.
        return folder / ALERTS_FILE if self._runtime.disk.is_own_folder(folder) else None

    def _told(self, day: str) -> list[str]:
        path = self._path()
        try:
            data = path and self._runtime.disk.read(path, _MAX_FILE_BYTES, private=True)
            kept = parse_json(data) if data else {}
        except (OSError, StateError, JsonError):
            return []
        topics = kept.get(day) if isinstance(kept, dict) else None
        return [str(topic) for topic in topics] if isinstance(topics, list) else []

    def _remember(self, day: str, topics: list[str]) -> list[str]:
        path = self._path()
        if path is None:
            return []
        try:
            write_atomic(self._runtime.disk, path, json_text({day: topics}).encode())
        except StateError as exc:
            return [f"This alert may come again today: {exc}"]
        return []


def alert_topic(result: RunResult) -> str:
    """Return what makes two alerts of a day the same one: exit code and what the reason is about.

    The reason says that before its first colon or bracket; counts and times in it do not matter.
    """
    about = re.split(r"[:(,;]", result.reason, maxsplit=1)[0]
    if result.exit_code not in _WORTH_AN_ALERT:
        about = "unknown sends"
    return f"{result.exit_code} {clean(re.sub(r'[0-9]+', '#', about).strip(), _MAX_TOPIC)}"


def alert_text(result: RunResult) -> tuple[str, str]:
    """Return title and text of an alert; a result's texts are masked already."""
    status = result.status.value.replace("_", " ")
    title = f"WATI campaign {status} (exit code {result.exit_code})"
    leads, messages = result.leads, result.messages
    lines = [result.reason[:_MAX_REASON]]
    if leads.fetched:
        lines.append(
            f"Leads: {leads.attempted} of {leads.fetched} attempted. Messages: {messages.sent} "
            f"sent, {messages.delivered} delivered, {messages.read} read, {messages.failed} "
            f"failed, {leads.unknown} unknown."
        )
    lines += [f"{number}. {step}" for number, step in enumerate(result.next_steps, 1)]
    run = f"Run {result.run_id or 'not begun'}"
    # Last of all and never cut off: by its id the run is found in report and log.
    text = "\n".join(line for line in lines if line)[: _MAX_TEXT - len(run)]
    return title, f"{text}\n{run}"


def send_alert(urls: Sequence[Secret], title: str, text: str) -> list[str]:
    """Send a message to each address at once; return a line for each that did not take it."""
    results = run_beside([partial(_deliver, url, title, text) for url in urls], within_s=TELL_S)
    late = f"no answer within {TELL_S:.0f} s"
    problems = [late if problem is None else problem for problem in results]
    return [
        f"Alert to address {number} of {len(urls)} not taken: {problem}"
        for number, problem in enumerate(problems, 1)
        if problem
    ]


def judge_address(url: Secret) -> str:
    """Return why no alert can go to an address, "" where one can; nothing is sent."""
    try:
        service = _load_service(url)
    except ImportError:
        return NO_APPRISE
    except Exception as exc:  # noqa: BLE001 - the code of a hundred services
        return f"{type(exc).__name__} in Apprise"
    return "" if service is not None else "Apprise does not understand it"


def _load_service(url: Secret) -> "NotifyBase | None":
    """Return what sends to an address, None where Apprise does not understand it.

    Raises:
        ImportError: Apprise is not installed.
    """
    import apprise  # noqa: PLC0415 - an extra, and 150 ms that only an alert need pay

    # It and urllib3 log addresses, which are secrets.
    for name in ("apprise", "urllib3"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    # The service itself, not an Apprise object around it, whose threads the process would wait for.
    return apprise.Apprise.instantiate(url.reveal())


def _deliver(url: Secret, title: str, text: str) -> str:
    """Send to one address; return what went wrong."""
    problem = judge_address(url)
    if problem:
        return problem
    try:
        service = _load_service(url)
        is_taken = service is not None and service.notify(body=text, title=title)
    except Exception as exc:  # noqa: BLE001 - as above: whatever it is, the run goes on
        return f"{type(exc).__name__} in Apprise"
    return "" if is_taken else "the service did not take it"


def _is_worth_an_alert(result: RunResult) -> bool:
    return result.exit_code in _WORTH_AN_ALERT or result.leads.unknown > 0

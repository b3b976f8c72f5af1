"""Heartbeat and alerts: who is told of which end, and that telling never costs a run anything."""

import errno
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from desk import PROJECT, environment
from fakes import FakeClock
from harness import Harness, lead, many_leads, stage
from rawserver import OK, RawServer, drip, hang, reset, say
from simulated.scripts import Moment, html_page, lost
from simulated.simulator import Simulator

from lead_automation import notify
from lead_automation.files import Disk
from lead_automation.sandbox.exchange import Endpoint
from lead_automation.state.lock import run_lock
from lead_automation.state.mark import mark
from lead_automation.stored import ALERTS_FILE

DAY_S = 86_400.0


class Listener:
    """A heartbeat service and an alert address in one, on loopback."""

    def __init__(self, server: RawServer) -> None:
        """Listen."""
        self._server = server
        self.heartbeat = f"{server.url}/beat-5f2c91d7"
        self.alerts = f"{server.url.replace('http', 'json')}/hook-77aa31bc"

    @property
    def pings(self) -> list[str]:
        """What was hung on the heartbeat's address, in order."""
        paths = [request.split(b" ")[1].decode() for request in self._server.requests]
        return [path.removeprefix("/beat-5f2c91d7") for path in paths if "beat" in path]

    @property
    def told(self) -> list[dict[str, Any]]:
        """The alerts taken, in order."""
        bodies = [its.partition(b"\r\n\r\n")[2] for its in self._server.requests]
        return [json.loads(body) for body in bodies if body]


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Listen, and take everything."""
    server = RawServer(say(OK))
    yield Listener(server)
    server.close()


def told_stage(
    folder: Path, listener: Listener, **scene: Any
) -> tuple[Harness, Simulator, FakeClock]:
    """Set a stage whose settings name the listener for both."""
    urls = {"HEARTBEAT_URL": listener.heartbeat, "ALERT_URLS": listener.alerts}
    scene.setdefault("leads", many_leads(2))
    return stage(folder, settings=urls, **scene)


class _NoRoomForAlerts(Disk):
    """A disk that is full when the alerts of the day are to be kept."""

    def write_new(self, path: Path, data: bytes) -> None:
        if ALERTS_FILE in path.name:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().write_new(path, data)


def close_crm(simulator: Simulator) -> None:
    """Let the CRM answer with a page for people from now on."""
    simulator.script(Endpoint.LEADS, html_page(times=None))


# --- which end is told, and how -------------------------------------------------------------------


def test_run_that_went_well_pings_start_and_end_and_alerts_nobody(
    tmp_path: Path, listener: Listener
) -> None:
    """The bare address says that it ended with 0."""
    harness, _, _ = told_stage(tmp_path, listener)

    assert harness.run("-q").code == 0
    assert listener.pings == ["/start", ""]
    assert listener.told == []


def test_run_that_fails_pings_its_exit_code_and_alerts_with_all_it_takes_to_act(
    tmp_path: Path, listener: Listener
) -> None:
    """Reason, figures, next steps and run id; a lead's number is masked."""
    rows = [*many_leads(1), lead("7", "+919810000077", "Asha +91 98100 00077")]
    harness, simulator, _ = told_stage(tmp_path, listener, leads=rows)
    simulator.script(Endpoint.SEND, *[html_page(403)] * 2)
    ended = harness.run("--json")
    [alert] = listener.told
    text = alert["title"] + alert["message"]

    assert ended.code == 3
    assert listener.pings == ["/start", "/3"]
    assert "exit code 3" in alert["title"]
    assert ended.document["reason"][:60] in text
    assert "1 of 2 attempted" in text
    assert "\n1. " in text
    assert text.endswith(ended.document["run_id"])
    assert "9810000077" not in text.replace(" ", "")


def test_run_with_settings_that_are_wrong_pings_only_its_end(
    tmp_path: Path, listener: Listener
) -> None:
    """The addresses are known although the rest is not; nothing began."""
    harness, _, _ = told_stage(tmp_path, listener)
    harness.write_settings(WATI_API_KEY=None, SEND_DELAY_MIN="soon")

    assert harness.run().code == 2
    assert listener.pings == ["/2"]
    assert "WATI_API_KEY" in listener.told[0]["message"]


def test_second_run_pings_75_and_alerts_nobody(tmp_path: Path, listener: Listener) -> None:
    """The other run is at work: nobody is needed."""
    harness, _, clock = told_stage(tmp_path, listener)
    now = clock.now()
    with run_lock(harness.disk, harness.state_dir, pid=1, started_at=now, sleep=clock.sleep):
        assert harness.run().code == 75

    assert listener.pings == ["/75"]
    assert listener.told == []


def test_interrupted_run_pings_its_code_and_alerts_nobody(
    tmp_path: Path, listener: Listener
) -> None:
    """Somebody sent the signal, and the state is complete."""
    harness, simulator, _ = told_stage(tmp_path, listener)
    simulator.hooks.add(Moment.ACCEPTED, Endpoint.SEND, lambda _: harness.stop.request(15))

    assert harness.run().code == 143
    assert listener.pings == ["/start", "/143"]
    assert listener.told == []


def test_bug_is_told_with_exit_code_1(tmp_path: Path, listener: Listener) -> None:
    """Whatever the end: a bug is one."""
    harness, _, _ = told_stage(tmp_path, listener)

    def broken(_: float) -> None:
        raise ZeroDivisionError

    harness.sleep = broken

    assert harness.run().code == 1
    assert listener.pings == ["/start", "/1"]
    assert "ZeroDivisionError" in listener.told[0]["message"]


def test_unknown_sends_left_behind_are_told_of_a_run_that_ended_with_0(
    tmp_path: Path, listener: Listener
) -> None:
    """Nobody knows yet whether the message arrived."""
    harness, simulator, _ = told_stage(tmp_path, listener, leads=many_leads(1))
    simulator.script(Endpoint.SEND, lost(taken=True))
    simulator.script(Endpoint.MESSAGES, html_page(500, times=None))
    ended = harness.run("--json")

    assert (ended.code, ended.document["leads"]["unknown"]) == (0, 1)
    assert "1 unknown" in listener.told[0]["message"]


def test_dry_run_tells_nobody(tmp_path: Path, listener: Listener) -> None:
    """Neither of its end nor of what is wrong."""
    harness, simulator, _ = told_stage(tmp_path, listener)
    close_crm(simulator)
    harness.environ["HEARTBEAT_URL"] = listener.heartbeat

    assert harness.run("--dry-run").code == 4
    assert (listener.pings, listener.told) == ([], [])


@pytest.mark.parametrize("option", ["--test", "--sandbox"])
def test_rehearsal_tells_only_whom_the_environment_names(
    tmp_path: Path, listener: Listener, option: str
) -> None:
    """What stands in the file is for real runs; a rehearsal's alert is not remembered either."""
    harness, simulator, _ = told_stage(tmp_path, listener)
    harness.write_settings(TEST_MOBILE_NUMBER="+919000000100")
    simulator.script(Endpoint.TEMPLATES, html_page(403, times=None))
    (harness.state_dir / "quota_usage.json").write_text("{", encoding="utf-8")
    words = ("run", option) if option == "--test" else ("run", option, "--state-dir", "state")
    silent = harness.run(*words)
    before = (listener.pings, listener.told)
    harness.environ |= {"HEARTBEAT_URL": listener.heartbeat, "ALERT_URLS": listener.alerts}
    codes = [harness.run(*words).code for _ in range(2)]

    assert codes == [silent.code] * 2 == [5, 5]
    assert before == ([], [])
    assert listener.pings == ["/5", "/5"]
    assert len(listener.told) == 2
    assert not (harness.state_dir / ALERTS_FILE).exists()


# --- once a day -----------------------------------------------------------------------------------


def test_same_end_is_told_once_a_day_and_another_one_at_once(
    tmp_path: Path, listener: Listener
) -> None:
    """Exit code and category make it the same; the next day it is news again."""
    harness, simulator, clock = told_stage(tmp_path, listener)
    close_crm(simulator)
    codes = [harness.run().code, harness.run().code]
    harness.write_settings(WATI_API_KEY=None)
    codes += [harness.run().code, harness.run().code]
    clock.advance(DAY_S)
    codes += [harness.run().code]

    assert codes == [4, 4, 2, 2, 2]
    assert [its["title"][-2] for its in listener.told] == ["4", "2", "2"]
    assert listener.pings == ["/start", "/4", "/start", "/4", "/2", "/2", "/2"]


def test_alert_nobody_took_is_sent_again_by_the_next_run(
    tmp_path: Path, listener: Listener
) -> None:
    """What was not told is not remembered as told."""
    harness, simulator, _ = told_stage(tmp_path, listener)
    close_crm(simulator)
    harness.write_settings(ALERT_URLS="json://127.0.0.1:1/nobody")
    harness.run()
    harness.write_settings(ALERT_URLS=listener.alerts)
    harness.run()

    assert len(listener.told) == 1


def test_alert_of_a_run_refused_in_a_rehearsals_folder_leaves_nothing_there(
    tmp_path: Path, listener: Listener
) -> None:
    """It is told each time, for nowhere it may be remembered."""
    harness, _, _ = told_stage(tmp_path, listener)
    mark(harness.disk, harness.state_dir)
    before = sorted(path.name for path in harness.state_dir.iterdir())

    assert [harness.run().code, harness.run().code] == [5, 5]
    assert len(listener.told) == 2
    assert sorted(path.name for path in harness.state_dir.iterdir()) == before


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"2026-11-23": 7}', b"[]", b"\xff" * 70_000],
    ids=["empty", "half", "number", "list", "large"],
)
def test_damaged_memory_costs_one_more_alert_and_nothing_else(
    tmp_path: Path, listener: Listener, content: bytes
) -> None:
    """Unlike state it is no truth anybody depends on."""
    harness, simulator, _ = told_stage(tmp_path, listener)
    close_crm(simulator)
    (harness.state_dir / ALERTS_FILE).write_bytes(content)
    ended = [harness.run().code for _ in range(2)]

    assert ended == [4, 4]
    assert len(listener.told) == 1


def test_full_disk_costs_the_memory_and_not_the_alert(tmp_path: Path, listener: Listener) -> None:
    """The line says that it may come again."""
    harness, simulator, _ = told_stage(tmp_path, listener)
    close_crm(simulator)
    harness.disk = _NoRoomForAlerts()

    assert harness.run().code == 4
    assert len(listener.told) == 1
    assert "may come again today" in harness.log_text()


# --- what is wrong on the other side --------------------------------------------------------------

_BIG = b"HTTP/1.1 200 OK\r\nContent-Length: 41943040\r\n\r\n" + b"x" * (40 << 20)
_PAGE = b"HTTP/1.1 500 Oh\r\nContent-Type: text/html\r\nContent-Length: 9\r\n\r\n<b>no</b>"


@pytest.mark.parametrize(
    ("script", "beat", "alert"),
    [
        (hang, "no answer", "no answer within"),
        (drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"), "", "no answer within"),
        (say(_PAGE), "HTTP 500", "the service did not take it"),
        (say(_BIG, keep=False), "its answer is larger than 65536 bytes", None),
        (reset, "", "the service did not take it"),
        (say(b"HTTP/1.1 302 Go\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"), "HTTP 302", None),
    ],
    ids=["hang", "drip", "page", "large", "reset", "redirect"],
)
def test_dead_receiver_costs_a_line_in_the_log_and_nothing_else(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: Callable[..., bool],
    beat: str,
    alert: str | None,
) -> None:
    """Messages, history and exit code are those of a run that tells nobody; no address is shown."""
    monkeypatch.setattr(notify, "TELL_S", 0.6)
    monkeypatch.setattr(notify, "_START_S", 0.3)
    server = RawServer(script)
    listener = Listener(server)
    harness, simulator, _ = told_stage(tmp_path, listener)
    simulator.script(Endpoint.SEND, lost(taken=True))
    simulator.script(Endpoint.MESSAGES, html_page(500, times=None))
    began = time.monotonic()
    ended = harness.run("-v", "--json")
    took_s = time.monotonic() - began
    server.close()
    shown = ended.out + ended.err + harness.log_text()

    assert ended.code == 0
    assert len(simulator.messages) == 2
    assert len(harness.records()) == 2
    assert f"Heartbeat: end not told: {beat}" in shown
    if alert is not None:  # else Apprise may take it for a yes
        assert f"Alert to address 1 of 1 not taken: {alert}" in shown
    assert "beat-5f2c" not in shown
    assert "hook-77aa" not in shown
    assert took_s < 10


def test_ten_seconds_is_all_a_dead_service_gets() -> None:
    """The start is left time for the end behind it."""
    assert notify.TELL_S == 10.0
    assert notify._START_S < notify.TELL_S  # noqa: SLF001 - what the other tests shorten


def test_process_does_not_wait_for_a_service_that_never_ends(tmp_path: Path) -> None:
    """Whatever Apprise is still at, the process ends."""
    server = RawServer(drip(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n"))
    listener = Listener(server)
    path = tmp_path / "config.env"
    path.write_text(f"ALERT_URLS={listener.alerts}\nHEARTBEAT_URL={listener.heartbeat}\n")
    path.chmod(0o600)
    program = (
        "import sys; from lead_automation import notify, cli; notify.TELL_S = 0.5; "
        f"sys.exit(cli.main(['run', '--config', {str(path)!r}]))"
    )
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=PROJECT,
        env=environment(),
        capture_output=True,
        timeout=30,
        check=False,
    )
    took_s = time.monotonic() - began
    server.close()

    assert done.returncode == 2
    assert b"not taken" in done.stderr
    assert took_s < 4


def test_missing_apprise_is_said_and_the_run_is_as_good_as_without(
    tmp_path: Path, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One warning that says what to install."""
    monkeypatch.setitem(sys.modules, "apprise", None)
    harness, simulator, _ = told_stage(tmp_path, listener)
    close_crm(simulator)
    ended = harness.run()

    assert ended.code == 4
    assert "pip install 'apprise>=1.9.4'" in ended.err
    assert listener.pings == ["/start", "/4"]


# --- check ----------------------------------------------------------------------------------------


def test_check_says_who_would_be_told_and_tries_it_only_when_asked(
    tmp_path: Path, listener: Listener
) -> None:
    """A check is no run: no ping, and a trial alert only with --alert."""
    harness, _, _ = told_stage(tmp_path, listener)
    ended = harness.run("check", "-v")
    before = (listener.pings, listener.told)
    tried = harness.run("check", "--alert")

    assert (ended.code, tried.code) == (0, 0)
    assert before == ([], [])
    assert "ok       alerts    1 address understood by Apprise\n" in ended.out
    assert "HEARTBEAT_URL = *** (config.env)" in ended.out
    assert "a trial was taken" in tried.out
    assert [its["title"] for its in listener.told] == ["Trial alert"]
    assert listener.pings == []


@pytest.mark.parametrize(
    ("urls", "words", "told"),
    [
        ("nonsense://token-5511aa", (), "Apprise does not understand it"),
        ("json://127.0.0.1:1/token-5511aa", ("--alert",), "did not take it"),
        (None, ("--alert",), "nobody to send a trial to"),
    ],
)
def test_check_finds_addresses_that_would_tell_nobody(
    tmp_path: Path, listener: Listener, urls: str | None, words: tuple[str, ...], told: str
) -> None:
    """Before the day it matters, and without showing them."""
    harness, _, _ = told_stage(tmp_path, listener)
    harness.write_settings(ALERT_URLS=urls)
    ended = harness.run("check", *words)

    assert ended.code == 4
    assert "failed   alerts " in ended.out
    assert told in ended.out
    assert "token-5511aa" not in ended.out


def test_check_says_that_apprise_is_missing(
    tmp_path: Path, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the line that installs it."""
    monkeypatch.setitem(sys.modules, "apprise", None)
    harness, _, _ = told_stage(tmp_path, listener)
    ended = harness.run("check")

    assert ended.code == 4
    assert "pip install 'apprise>=1.9.4'" in ended.out


def test_address_without_a_scheme_is_a_settings_problem_that_is_not_shown(
    tmp_path: Path, listener: Listener
) -> None:
    """As every secret that cannot be used."""
    harness, _, _ = told_stage(tmp_path, listener)
    harness.write_settings(ALERT_URLS="token-5511aa", HEARTBEAT_URL="http://example.com/uuid-99")
    ended = harness.run()

    assert ended.code == 2
    assert "HEARTBEAT_URL: expected https://" in ended.err
    assert "ALERT_URLS: expected addresses as Apprise takes them" in ended.err
    assert "5511aa" not in ended.err
    assert "uuid-99" not in ended.err

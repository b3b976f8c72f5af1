"""Signals and a lost console, as a shell or cron gives them: the state is always complete."""

import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from subprocess import Popen

import pytest
from harness import digits, many_leads
from places import JOURNAL, TODAY, Place, quick_folder
from processes import environ_of, started
from promise import HISTORY_DAYS, ZONE, Witness
from simulated.faults import FaultKind
from simulated.scripts import Moment, late, lost
from simulated.server import SandboxServer
from simulated.simulator import Simulator

from lead_automation.clock import Clock
from lead_automation.files import Disk
from lead_automation.leads.hours import quota_day
from lead_automation.sandbox.exchange import Endpoint, SimRequest
from lead_automation.sandbox.plans import Plan, Step
from lead_automation.state.fileledger import FileLedger, read_snapshot

_READ = Plan(history=(Step(0.0, "READ"),))
_HOUR = "3600"


class Desk:
    """A real process in front of a simulator on loopback."""

    def __init__(self, folder: Path, server: SandboxServer) -> None:
        """Keep both."""
        self.folder = folder
        self.server = server
        self.simulator = server.simulator
        self.witness = Witness(self.simulator, Clock())
        self._reached = threading.Event()

    def environ(self, **changes: str) -> dict[str, str]:
        """Return the process's environment."""
        return environ_of(self.server, self.folder, **changes)

    def when(self, moment: Moment, endpoint: Endpoint) -> None:
        """Remember when the first exchange reaches a moment."""
        self.simulator.hooks.add(moment, endpoint, lambda _: self._reached.set())

    def wait(self) -> None:
        """Wait for that moment."""
        assert self._reached.wait(10)

    def books(self) -> FileLedger:
        """Return what files and journal say together."""
        today = quota_day(Clock().now(), ZONE)
        return read_snapshot(
            Disk(), self.folder / "state", history_days=HISTORY_DAYS, today=today, zone=ZONE
        )

    def journal_size(self) -> int:
        """Return how much was not folded."""
        return (self.folder / "state" / JOURNAL).stat().st_size


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Four leads at the CRM."""
    simulator = Simulator(clock=Clock(), leads=many_leads(4), default_plan=_READ)
    with SandboxServer(simulator, longest_wait_s=5.0) as server:
        yield Desk(tmp_path, server)


def _ended_after(process: Popen[bytes], number: int) -> float:
    """Send a signal; return the seconds until the process was gone."""
    began = time.monotonic()
    process.send_signal(number)
    process.wait(10)
    return time.monotonic() - began


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signal_while_pacing_ends_the_run_within_a_second(
    desk: Desk, number: int, code: int
) -> None:
    """The wait for the next slot is cut short; the books are closed, the rest is not sent."""
    desk.when(Moment.ACCEPTED, Endpoint.LOG)
    with started(desk.environ(SEND_DELAY_MIN=_HOUR, SEND_DELAY_MAX=_HOUR), "--json") as process:
        desk.wait()
        seconds = _ended_after(process, number)
        assert process.stdout is not None
        said = json.loads(process.stdout.read())

    assert process.returncode == code
    assert seconds < 1.0
    assert said["status"] == "interrupted"
    assert said["leads"]["not_reached"] == 3
    assert len(desk.simulator.messages) == 1
    assert desk.journal_size() == 0
    desk.witness.check_books(desk.books())
    desk.witness.check_rows(desk.books())


def test_signal_during_a_post_waits_for_its_outcome(desk: Desk) -> None:
    """The message in hand is finished and written down before the run ends."""
    desk.simulator.script(Endpoint.SEND, late(0.6))
    desk.when(Moment.ACCEPTED, Endpoint.SEND)
    with started(desk.environ(), "--json") as process:
        desk.wait()
        seconds = _ended_after(process, signal.SIGTERM)

    assert process.returncode == 143
    assert 0.4 < seconds < 2.0
    assert desk.simulator.posts == {digits(0): 1}
    assert not desk.books().unknown_messages()
    assert len(list(desk.books().records())) == 1
    assert desk.journal_size() == 0


@pytest.mark.parametrize("endpoint", [Endpoint.TEMPLATES, Endpoint.LEADS])
def test_signal_during_a_read_gives_it_up(desk: Desk, endpoint: Endpoint) -> None:
    """Before anything is sent nobody waits for a server that hangs."""
    desk.simulator.script(endpoint, lost(FaultKind.HANG, taken=True, times=None))
    desk.when(Moment.HEADERS, endpoint)
    with started(desk.environ(), "--json") as process:
        desk.wait()
        seconds = _ended_after(process, signal.SIGTERM)
        assert process.stdout is not None
        said = json.loads(process.stdout.read())

    assert process.returncode == 143
    assert seconds < 1.0
    assert said["status"] == "interrupted"
    assert desk.simulator.posts == {}
    assert desk.journal_size() == 0


def test_signal_during_a_status_read_gives_it_up(desk: Desk) -> None:
    """Nor for a status that does not come; what was sent is written down."""
    desk.simulator.script(Endpoint.MESSAGES, lost(FaultKind.HANG, taken=True, times=None))
    desk.when(Moment.HEADERS, Endpoint.MESSAGES)
    with started(desk.environ(TRACKING_FIRST_READ_SECONDS="0"), "--json") as process:
        desk.wait()
        seconds = _ended_after(process, signal.SIGTERM)

    assert process.returncode == 143
    assert seconds < 1.0
    assert len(list(desk.books().records())) == len(desk.simulator.messages) >= 1
    assert desk.journal_size() == 0
    desk.witness.check_rows(desk.books())


def test_second_signal_ends_at_once_and_the_journal_stays(desk: Desk) -> None:
    """Who cannot wait need not: the next run settles what this one left."""
    desk.simulator.script(Endpoint.SEND, lost(FaultKind.HANG, taken=True))
    desk.when(Moment.ACCEPTED, Endpoint.SEND)
    environ = desk.environ(UNKNOWN_SETTLE_SECONDS="0")
    with started(environ) as process:
        desk.wait()
        process.send_signal(signal.SIGINT)
        with suppress(TimeoutError):
            threading.Event().wait(0.2)
        is_waiting = process.poll() is None
        seconds = _ended_after(process, signal.SIGINT)
        assert process.stderr is not None
        said = process.stderr.read().decode().splitlines()
    left = desk.journal_size()
    unknown = desk.books().unknown_messages()

    assert is_waiting
    assert process.returncode == 130
    assert seconds < 1.0
    assert said[-2:] == [
        "stopping after this message; once more to quit now",
        "left open, for the next run: sends without answer 1, CRM rows owed 0",
    ]
    assert left > 0
    assert [record.lead_id for record in unknown] == ["1000"]
    desk.witness.check_books(desk.books())


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_closed_console_stops_neither_sending_nor_state(desk: Desk, closed: str) -> None:
    """``| head`` that has gone, or a closed stderr, costs the text and nothing else."""
    with started(desk.environ(), "--no-color") as process:
        stream = process.stdout if closed == "stdout" else process.stderr
        assert stream is not None
        stream.close()
        process.wait(20)

    assert process.returncode == 0
    assert len(desk.simulator.messages) == 4
    assert len(list(desk.books().records())) == 4
    assert desk.journal_size() == 0


# --- the same in this process, on a clock that does not wait --------------------------------------


@pytest.fixture
def place() -> Iterator[Place]:
    """Three leads at the CRM."""
    with quick_folder() as folder:
        yield Place(folder)


def _stop_at(place: Place, moment: Moment, endpoint: Endpoint, skip: int = 0) -> None:
    def stop(_request: SimRequest) -> None:
        place.harness.stop.request(signal.SIGTERM)

    place.simulator.hooks.add(moment, endpoint, stop, skip=skip)


@pytest.mark.parametrize(
    ("moment", "endpoint", "sent"),
    [
        (Moment.REPLIED, Endpoint.TEMPLATES, 0),
        (Moment.REPLIED, Endpoint.LEADS, 0),
        (Moment.HEADERS, Endpoint.SEND, 1),
        (Moment.ACCEPTED, Endpoint.SEND, 1),
        (Moment.REPLIED, Endpoint.SEND, 1),
        (Moment.REPLIED, Endpoint.MESSAGES, 3),
        (Moment.ACCEPTED, Endpoint.LOG, 3),
    ],
)
def test_signal_at_any_moment_leaves_a_complete_state(
    place: Place, moment: Moment, endpoint: Endpoint, sent: int
) -> None:
    """Wherever it comes, nothing more is begun, nothing is left half done, and a rerun goes on."""
    _stop_at(place, moment, endpoint)
    ended = place.harness.run("run")
    posts = sum(place.simulator.posts.values())
    folded = place.journal.read_bytes()
    place.check()
    again = place.later()

    assert ended.code == 143
    assert posts == sent
    assert folded == b""
    assert again.code == 0
    assert place.simulator.posts == {digits(0): 1, digits(1): 1, digits(2): 1}
    assert sum(place.harness.quota()[TODAY].values()) == 3
    place.check()


def test_signal_while_settling_earlier_sends_stops_the_questions(place: Place) -> None:
    """What was not asked is asked by the next run."""
    place.crash_at()
    _stop_at(place, Moment.REPLIED, Endpoint.MESSAGES)
    ended = place.later()
    again = place.later()

    assert ended.code == 143
    assert again.code == 0
    assert place.simulator.posts == {digits(0): 1, digits(1): 1, digits(2): 1}
    place.check()


def test_signal_while_an_unknown_send_is_waited_for_leaves_it_to_the_next_run(
    place: Place,
) -> None:
    """The minute and a half of settling is not waited out."""
    place.simulator.script(Endpoint.SEND, lost(taken=True))
    _stop_at(place, Moment.REPLIED, Endpoint.MESSAGES, skip=1)
    began = place.clock.monotonic()
    ended = place.harness.run("run")
    seconds = place.clock.monotonic() - began
    unknown = [record for record in place.harness.records().values() if record.get("unknown")]
    again = place.later()

    assert ended.code == 143
    assert seconds < 60.0
    assert len(unknown) == 1
    assert again.code == 0
    assert set(place.simulator.posts.values()) == {1}
    place.check()


def test_signal_leaves_at_most_five_seconds_for_crm_rows(tmp_path: Path) -> None:
    """Many owed rows do not hold up the end, whenever the signal comes; the next run posts them."""
    place = Place(tmp_path, leads=30)
    place.simulator.script(Endpoint.LOG, lost(taken=False, times=None))
    place.harness.run("run")
    place.simulator.clear_scripts()
    place.simulator.script(Endpoint.LOG, *[late(0.9) for _ in range(40)])
    stopped_at: list[float] = []

    def stop(_request: SimRequest) -> None:
        stopped_at.append(place.clock.monotonic())
        place.harness.stop.request(signal.SIGTERM)

    place.simulator.hooks.add(Moment.ACCEPTED, Endpoint.LOG, stop, skip=3)
    ended = place.later()
    seconds = place.clock.monotonic() - stopped_at[0]
    place.simulator.clear_scripts()
    place.later()

    assert ended.code == 143
    assert seconds <= 6.0
    assert {row["lead_id"] for row in place.simulator.crm_rows} == {
        str(1000 + index) for index in range(30)
    }

"""Real processes on a real database: killed, cut off, frozen, started together."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from databases import PostgresServer, Proxy
from kill_host import KillHost
from simulated.scripts import Moment
from stories import Exchange, Story, begin_story

from lead_automation.sandbox.exchange import Endpoint, SimRequest

pytestmark = pytest.mark.kill

_ROUNDS = 20
STATEMENTS = {"reservation": b"unknown", "answer written down": b"msg_status"}
"""What only the documents of such an entry hold."""


@pytest.fixture(scope="module")
def host() -> Iterator[KillHost]:
    """The process that starts one machine's runs."""
    with KillHost() as started:
        yield started


@pytest.fixture(scope="module")
def other() -> Iterator[KillHost]:
    """The process that starts another machine's runs."""
    with KillHost() as started:
        yield started


@pytest.fixture
def story(tmp_path: Path, host: KillHost, postgres: PostgresServer) -> Iterator[Story]:
    """A campaign whose state is in a database."""
    with begin_story(tmp_path / "story", host, postgres) as begun:
        yield begun


@pytest.fixture
def proxy(story: Story, postgres: PostgresServer) -> Iterator[Proxy]:
    """What stands between the story's runs and the server."""
    begun = Proxy(postgres.port)
    story.environ["STATE_URL"] = story.url.replace(f":{postgres.port}/", f":{begun.port}/")
    yield begun
    begun.close()


Fault = Callable[[Story], dict[str, object]]
FAULTS: dict[str, Fault] = {
    "client killed before": lambda story: {"before": story.kill},
    "client killed after": lambda story: {"after": story.kill},
    "connection ended before": lambda story: {"before": story.server.cut_connections},
    "connection ended after": lambda story: {"after": story.server.cut_connections},
    "server killed before": lambda story: {"before": story.server.kill},
    "server killed after": lambda story: {"after": story.server.kill},
    "answer of the commit swallowed": lambda _: {"swallows": True},
}


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("statement", STATEMENTS)
@pytest.mark.parametrize("fault", FAULTS)
def test_fault_at_a_statement_keeps_the_promise(
    fault: str, statement: str, number: int, story: Story, proxy: Proxy
) -> None:
    """Nothing is sent that may have been sent, nobody is lost, and the next run settles it."""
    what = FAULTS[fault](story)
    proxy.at(STATEMENTS[statement], number, **what)  # type: ignore[arg-type]  # as it names them
    code = story.run()
    story.finish()

    assert code == (-signal.SIGKILL if fault.startswith("client") else 5)


@pytest.mark.parametrize(
    "where",
    [
        Exchange(Moment.HEADERS, Endpoint.SEND),
        Exchange(Moment.ACCEPTED, Endpoint.SEND),
        Exchange(Moment.MID_BODY, Endpoint.SEND),
        Exchange(Moment.ACCEPTED, Endpoint.LOG),
        Exchange(Moment.ACCEPTED, Endpoint.MESSAGES),
        0.05,
        0.1,
        0.15,
        0.2,
    ],
)
def test_client_killed_in_an_exchange_keeps_the_promise(
    where: Exchange | float, story: Story
) -> None:
    """A killed process frees the lock at once, and the next one goes on."""
    story.run(where)
    story.run(where)
    story.finish()


def test_frozen_machine_sends_nothing_once_another_has_gone_on(
    story: Story, proxy: Proxy, postgres: PostgresServer, other: KillHost
) -> None:
    """Between commit and POST a machine stands still, its session is ended, another one runs."""
    codes: list[int] = []
    posts: list[int] = []
    calls = story.simulator.calls[Endpoint.SEND]

    def freeze() -> None:
        story.kill(signal.SIGSTOP)
        postgres.cut_connections()
        story.clock.sleep(10.0)
        other.start(story.environ, story.folder, None, story.clock)
        codes.append(other.wait())
        posts.append(len(calls))
        story.kill(signal.SIGCONT)

    proxy.at(STATEMENTS["reservation"], 1, after=freeze)
    code = story.run()
    after = len(calls)
    story.finish()

    assert (codes, code) == ([0], 5)
    assert posts == [after]
    assert after > 0


def test_two_machines_started_together_are_one_run(
    tmp_path: Path, host: KillHost, other: KillHost, postgres: PostgresServer
) -> None:
    """Twenty times: one works, the other leaves and names it; nothing doubles."""
    for number in range(_ROUNDS):
        with begin_story(tmp_path / str(number), host, postgres) as story:
            second = tmp_path / f"{number}-second"
            second.mkdir()
            left = threading.Event()
            # The one that works does not end before the other has left.
            story.simulator.hooks.add(Moment.HEADERS, Endpoint.SEND, _waiting(left))
            machines = [(host, story.folder), (other, second)]
            pids = [
                machine.start(
                    {**story.environ, "STATE_DIR": str(folder)}, folder, None, story.clock
                )
                for machine, folder in machines
            ]

            def end(machine: KillHost, left: threading.Event = left) -> int:
                code = machine.wait()
                left.set()
                return code

            with ThreadPoolExecutor(2) as pool:
                codes = list(pool.map(end, (host, other)))
            story.witness.watch_alone()
            loser = codes.index(75)
            said = (machines[loser][1] / "said.txt").read_text()

            assert sorted(codes) == [0, 75]
            assert f"pid {pids[1 - loser]} on {os.uname().nodename}, since 2026-11-23" in said
            assert story.run() == 0


def _waiting(left: threading.Event) -> Callable[[SimRequest], None]:
    def wait(_request: SimRequest) -> None:
        assert left.wait(20)

    return wait

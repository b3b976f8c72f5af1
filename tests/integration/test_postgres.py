"""The state in a PostgreSQL server: the command line on it, and what it refuses."""

import re
from pathlib import Path

import pytest
from databases import PostgresServer, state_of
from fakes import FakeClock
from harness import Harness, in_process, many_leads
from ledgers import NOW
from simulated.simulator import Simulator

from lead_automation.stored import Hold

LEADS = 3
SCHEMA = re.compile(r"search_path%3D(\w+)")


def _machine(folder: Path, url: str, simulator: Simulator | None = None) -> Harness:
    """Return the command line of a machine, with a folder of its own."""
    folder.mkdir(exist_ok=True)
    (folder / "state").mkdir(exist_ok=True)
    clock = FakeClock()
    simulator = simulator or Simulator(clock=clock, leads=many_leads(LEADS))
    return in_process(folder, simulator, clock, settings={"STATE_URL": url})


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    """Return the address of an account's database, as ``init`` leaves it."""
    return postgres.new_account()


def test_commands_of_two_machines_work_on_one_state(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    """What one machine sent, suppressed and holds is what the other one knows."""
    url = postgres.new_account(is_made=False)
    first = _machine(tmp_path / "first", url)
    made = first.run("init")
    sent = first.run("run", "--json", "--limit", "2")
    second = _machine(tmp_path / "second", url, first.simulator)
    suppressed = second.run("suppress", "add", "+919810000002")
    rest = first.run("run", "--json").document
    state_of(url).hold.set(
        Hold(reason="wait", since=NOW, until=None, evidence="", what_to_do=("wait",))
    )
    held = first.run("run")
    status = second.run("status", "--json").document

    assert (made.code, sent.code, suppressed.code, held.code) == (0, 0, 0, 6)
    assert sent.document["messages"]["sent"] == 2
    assert rest["leads"]["skipped"]["suppressed"] == 1
    assert rest["leads"]["skipped"]["duplicate"] == 2
    assert [message.number for message in first.simulator.messages] == [
        "919810000000",
        "919810000001",
    ]
    assert status["messages_today"] == {"read": 2}
    assert (status["quota_left"], status["suppressed"]) == (448, 1)
    assert status["hold"]["reason"] == "wait"
    assert second.run("resume", "--yes").code == 0
    assert second.run("suppress", "remove", "+919810000002").code == 0
    assert second.run("run").code == 0
    assert len(first.simulator.messages) == 3
    assert second.run("track").code == 0
    assert "3 " in second.run("report", "--days", "1").out
    assert not list((tmp_path / "second" / "state").glob("*.json"))

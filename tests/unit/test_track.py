"""What ``track`` shows: once on one screen, whole in a pipe, nothing under cron."""

from pathlib import Path
from typing import Any

import pytest
from fakes import FakeClock
from harness import Harness, digits, many_leads
from offline import offline
from simulated.simulator import Simulator

from lead_automation.sandbox.plans import Plan, Step, failing

_RESTRICTED = "131031 Account has been locked"
_LATE = Plan(history=(Step(0.0, "SENT"), Step(3000.0, "DELIVERED")))
_CHANGE = "1000 +9198••••0000: sent → delivered"


def after_a_run(folder: Path, **scene: Any) -> Harness:
    """Return the command line two hours after a run whose first message was late."""
    clock = FakeClock()
    scene.setdefault("plans", {digits(0): _LATE})
    simulator = Simulator(clock=clock, leads=many_leads(2), **scene)
    harness = offline(folder, simulator, clock)
    assert harness.run("-q").code == 0
    clock.advance(7200)
    return harness


def test_track_in_a_pipe_tells_each_change_in_the_result(tmp_path: Path) -> None:
    """Stdout is whole without stderr."""
    ended = after_a_run(tmp_path).run("track")

    assert ended.code == 0
    assert ended.out.splitlines()[0] == _CHANGE
    assert "Messages: 1 read, 1 changed, 0 without an answer." in ended.out


def test_track_on_one_screen_tells_each_change_once(tmp_path: Path) -> None:
    """Where the log has just shown it, the result only counts."""
    harness = after_a_run(tmp_path)
    harness.is_terminal = True
    ended = harness.run("track")

    assert (ended.err.count(_CHANGE), ended.out.count(_CHANGE)) == (1, 0)
    assert "Messages: 1 read, 1 changed" in ended.out


def test_track_without_anything_to_read_promises_no_wait(tmp_path: Path) -> None:
    """Nothing is due, nothing is announced."""
    harness = after_a_run(tmp_path, plans={})
    ended = harness.run("track")

    assert (ended.code, ended.err) == (0, "")
    assert "Messages: 0 read" in ended.out


@pytest.mark.parametrize("options", [("-q",), ("-q", "--json")])
def test_track_quiet_that_went_well_says_nothing_but_json(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    """Under cron no mail; a script that asks for the object gets it."""
    ended = after_a_run(tmp_path).run("track", *options)

    assert (ended.code, ended.err) == (0, "")
    assert bool(ended.out) is ("--json" in options)


def test_track_quiet_that_finds_a_restriction_says_so(tmp_path: Path) -> None:
    """Exit 3, the hold and what to do next."""
    plans = {digits(0): failing(_RESTRICTED, after_s=3000.0)}
    ended = after_a_run(tmp_path, plans=plans).run("track", "-q")

    assert ended.code == 3
    assert "SENDING IS HELD NOW: " in ended.out
    assert "account has been locked" in ended.out.lower()

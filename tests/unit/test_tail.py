"""The end of a run: following, another attempt of what never arrived, a signal."""

from pathlib import Path

import pytest
from fakes import FakeClock
from harness import digits
from offline import limited, offline, statuses_of

from lead_automation.sandbox.exchange import Endpoint
from lead_automation.sandbox.plans import Plan, steps
from lead_automation.sandbox.scripts import Moment, lost


def test_tail_signal_while_following_ends_it_with_the_rows_posted(tmp_path: Path) -> None:
    """A signal in the tail ends the waiting; the CRM still hears, the exit code tells."""
    clock = FakeClock()
    simulator = limited(clock, 3, plan_of=lambda _: Plan(history=steps("SENT")))
    harness = offline(tmp_path, simulator, clock)
    simulator.hooks.add(
        Moment.ACCEPTED, Endpoint.MESSAGES, lambda _: harness.stop.request(15), skip=1
    )

    ended = harness.run("--json")

    assert ended.code == 143
    assert ended.document["status"] == "interrupted"
    assert len(simulator.calls[Endpoint.MESSAGES]) == 2
    assert len(simulator.crm_rows) == 3


def test_tail_attempt_again_meets_a_stop_the_run_ends_as_stopped(tmp_path: Path) -> None:
    """A refusal of the second attempt has the same consequences as one of the first."""
    clock = FakeClock()
    plan = Plan(on_send=(lost(taken=False),), refuse="not enough credits, please top up")
    simulator = limited(clock, 1, plans={digits(0): plan})
    harness = offline(tmp_path, simulator, clock)

    ended = harness.run("--json")

    assert ended.code == 3
    assert simulator.posts[digits(0)] == 2
    assert [row["msg_status"] for row in simulator.crm_rows] == ["failed"]


def test_tail_unanswered_attempts_are_three_in_all_over_every_run(tmp_path: Path) -> None:
    """What never arrived three times is not tried a fourth time, however many runs come."""
    clock = FakeClock()
    plan = Plan(on_send=(lost(taken=False, times=None),))
    simulator = limited(clock, 1, plans={digits(0): plan})
    harness = offline(tmp_path, simulator, clock)
    posts = []

    for _ in range(4):
        harness.run()
        posts.append(simulator.posts[digits(0)])
        clock.advance(600)

    assert posts == [2, 3, 3, 3]
    assert simulator.messages == []
    assert statuses_of(harness) == {digits(0): "failed"}
    assert harness.quota()["2026-11-23"]["Khushali"] == 0


@pytest.mark.parametrize("wait_s", ["0", "30"])
def test_tail_second_unknown_is_not_waited_for_again(tmp_path: Path, wait_s: str) -> None:
    """Unknown sends are waited for once; the next run settles what is left."""
    clock = FakeClock()
    plan = Plan(on_send=(lost(taken=False), lost(taken=True)))
    simulator = limited(clock, 1, plans={digits(0): plan})
    harness = offline(tmp_path, simulator, clock, settings={"TRACKING_WAIT_SECONDS": wait_s})
    began = clock.monotonic()

    first = harness.run("--json").document
    took_s = clock.monotonic() - began
    clock.advance(600)
    harness.run()

    assert first["leads"]["unknown"] == 1
    assert took_s < 90 + 30 + 10
    assert statuses_of(harness) == {digits(0): "read"}
    assert simulator.posts[digits(0)] == 2

"""The waits between sends and before another attempt."""

import pytest
from fakes import FakeClock, ScriptedChance

from lead_automation.campaign.pacing import Pacer, retry_delay_s
from lead_automation.config import PacingPolicy


def test_retry_delay_grows_and_outlasts_nothing_beyond_the_cap() -> None:
    """Each wait is at least as long as the one before, up to the cap, at any attempt."""
    waits = [retry_delay_s(attempt, 0.0) for attempt in (1, 2, 3, 6, 7, 33, 10_000)]

    assert waits == [1.0, 2.0, 4.0, 32.0, 60.0, 60.0, 60.0]


@pytest.mark.parametrize(("jitter", "wait_s"), [(0.0, 2.0), (0.5, 2.25), (0.999, 2.4995)])
def test_retry_delay_with_jitter_adds_up_to_half_the_base(jitter: float, wait_s: float) -> None:
    """Machines that failed together do not come back together."""
    assert retry_delay_s(2, jitter) == pytest.approx(wait_s)


@pytest.mark.parametrize("attempt", [0, -1])
def test_retry_delay_before_the_first_attempt_is_refused(attempt: int) -> None:
    """Attempts count from one."""
    with pytest.raises(ValueError, match="count from 1"):
        retry_delay_s(attempt, 0.5)


def test_pacer_at_first_lets_a_send_start_at_once() -> None:
    """Only a send makes the next one wait."""
    clock = FakeClock()
    pacer = Pacer(PacingPolicy(min_s=1.0, max_s=2.0), clock=clock, chance=ScriptedChance())

    assert pacer.next_start == clock.monotonic()


def test_pacer_draws_each_wait_anew_from_the_start_of_the_send() -> None:
    """A slow answer does not add to the distance; a stepped wall clock changes nothing."""
    clock = FakeClock()
    chance = ScriptedChance(0.0, 0.5, 0.999)
    pacer = Pacer(PacingPolicy(min_s=1.0, max_s=2.0), clock=clock, chance=chance)
    waits = []
    for _ in range(3):
        start = clock.monotonic()
        pacer.started()
        clock.advance(0.8)
        clock.step(3600)
        waits.append(pacer.next_start - start)

    assert waits == pytest.approx([1.0, 1.5, 1.999])


def test_pacer_without_a_wait_never_holds_a_send_back() -> None:
    """Pacing 0 is allowed."""
    clock = FakeClock()
    pacer = Pacer(PacingPolicy(min_s=0.0, max_s=0.0), clock=clock, chance=ScriptedChance(0.9))
    pacer.started()

    assert pacer.next_start == clock.monotonic()

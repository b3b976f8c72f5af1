"""The rate limits, counted as the server counts them."""

import pytest
from fakes import FakeClock
from hypothesis import given
from hypothesis import strategies as st

from lead_automation.config import WatiPlan
from lead_automation.wati.limits import RateLimiter, RateLimits

LATENCY = st.floats(min_value=0, max_value=30)


def call(limiter: RateLimiter, clock: FakeClock, latency_s: float) -> tuple[float, float]:
    """Wait as told, make a call and return its start and end."""
    clock.sleep(limiter.wait_s())
    assert limiter.wait_s() == 0
    start = clock.monotonic()
    clock.advance(latency_s)
    limiter.note_end()
    return start, clock.monotonic()


@given(
    max_calls=st.integers(1, 12),
    calls=st.lists(st.tuples(LATENCY, st.floats(0, 1)), min_size=1, max_size=60),
)
def test_server_never_sees_one_too_many(max_calls: int, calls: list[tuple[float, float]]) -> None:
    """Whenever within a call it arrives, no window of 10 s holds more than allowed."""
    clock = FakeClock()
    limiter = RateLimiter(max_calls, 10.0, clock)
    arrivals = []
    for latency_s, share in calls:
        start, end = call(limiter, clock, latency_s)
        arrivals.append(start + (end - start) * share)

    pairs = zip(arrivals, arrivals[max_calls:], strict=False)

    assert all(later - earlier >= 10.0 for earlier, later in pairs)


@given(latencies=st.lists(st.floats(0, 0.2), min_size=30, max_size=30))
def test_limit_is_used_up_not_undercut(latencies: list[float]) -> None:
    """As many calls as allowed start without any wait."""
    clock = FakeClock()
    limiter = RateLimiter(30, 10.0, clock)
    for latency_s in latencies:
        call(limiter, clock, latency_s)

    assert clock.slept == [0.0] * 30
    assert 0 < limiter.wait_s() <= 10.01


def test_wait_counts_from_the_end_of_the_old_call() -> None:
    """A call that took its time blocks until a window after its answer."""
    clock = FakeClock()
    limiter = RateLimiter(1, 10.0, clock)
    call(limiter, clock, 8.0)
    clock.advance(5)

    assert limiter.wait_s() == pytest.approx(5.0, abs=0.01)


@pytest.mark.parametrize(
    ("plan", "sends"), [(WatiPlan.GROWTH, 30), (WatiPlan.PRO, 60), (WatiPlan.BUSINESS, 100)]
)
def test_limits_of_plan_are_the_documented_ones(plan: WatiPlan, sends: int) -> None:
    """Sends grow with the plan, reads do not."""
    limits = RateLimits.of_plan(plan)

    assert (limits.sends_per_window, limits.reads_per_window, limits.window_s) == (sends, 10, 10.0)

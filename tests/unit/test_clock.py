"""The machine's clock, a sleep that a signal ends, and drawn numbers."""

from datetime import UTC, datetime

from lead_automation.clock import Clock, StopFlag, make_sleep, system_chance


def test_system_clock_is_aware_and_goes_on() -> None:
    """The wall clock is in UTC, the steady one never goes back."""
    clock = Clock()
    first, steady = clock.now(), clock.monotonic()

    assert first.tzinfo is UTC
    assert abs((clock.now() - datetime.now(UTC)).total_seconds()) < 5  # noqa: TID251 - compared
    assert clock.monotonic() >= steady


def test_sleep_waits_as_long_as_asked() -> None:
    """A short sleep ends after it and not before."""
    clock = Clock()
    began = clock.monotonic()
    make_sleep(StopFlag())(0.02)

    assert 0.02 <= clock.monotonic() - began < 2


def test_sleep_ends_at_once_when_a_stop_was_asked_for() -> None:
    """After a signal nobody waits any more."""
    stop = StopFlag()
    stop.request(15)
    clock = Clock()
    began = clock.monotonic()
    make_sleep(stop)(60)

    assert clock.monotonic() - began < 1


def test_stop_flag_keeps_the_first_signal() -> None:
    """The first signal decides the exit code."""
    stop = StopFlag()
    before = stop.is_set
    stop.request(2)
    stop.request(15)

    assert (before, stop.is_set, stop.signal_number) == (False, True, 2)


def test_chance_is_in_range_and_varies() -> None:
    """Drawn numbers lie in [0, 1) and are not all the same."""
    drawn = [system_chance() for _ in range(200)]

    assert all(0 <= number < 1 for number in drawn)
    assert len(set(drawn)) > 100

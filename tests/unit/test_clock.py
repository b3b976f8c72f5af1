"""The machine's clock and a run's, a sleep that a signal ends, and drawn numbers."""

import logging
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from fakes import FakeClock

from lead_automation.clock import Clock, RunClock, StopFlag, make_sleep, system_chance

ZONE = ZoneInfo("Asia/Kolkata")


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


# --- the run's clock ------------------------------------------------------------------------------


def heard(*offsets_s: float) -> tuple[RunClock, FakeClock]:
    """Return a run's clock that heard Dates so far off the machine's, ten seconds apart."""
    machine = FakeClock()
    clock = RunClock(machine)
    for offset_s in offsets_s:
        clock.hear(machine.now() + timedelta(seconds=offset_s), (machine.monotonic(),) * 2)
        machine.advance(10)
    return clock, machine


def test_steady_clock_goes_on_in_suspend_where_the_system_can_tell() -> None:
    """Linux's own monotonic clock would stand still: hours and ages would be of before."""
    boot_clock = getattr(time, "CLOCK_BOOTTIME", None)
    if boot_clock is None:
        pytest.skip("this system has no clock that counts the time asleep")

    assert abs(Clock().monotonic() - time.clock_gettime(boot_clock)) < 1


@pytest.mark.parametrize("step_s", [-1e9, -3600.0, -1.0, 1.0, 600.0, 1e9])
def test_run_clock_does_not_see_the_wall_clock_being_set(step_s: float) -> None:
    """It reads it once; only time that passes moves it."""
    clock, machine = heard()
    before = clock.now()
    machine.step(step_s)
    machine.advance(7)

    assert clock.now() - before == timedelta(seconds=7)
    assert clock.at(machine.monotonic() - 2) - before == timedelta(seconds=5)


@pytest.mark.parametrize(
    ("offsets_s", "moved_s"),
    [
        ([], 0),
        ([0.0], 0),
        ([0.9], 0),  # a Date names whole seconds: so much is agreement
        ([-1.0], 0),
        ([2.0], 2),
        ([-45.0], -45),
        ([600.0], 600),
        ([-600.0], -600),
        ([600.001], 0),
        ([-600.001], 0),
        ([86_400.0], 0),
        ([300.0, 310.0], 300),
        ([300.0, 0.0], 300),
        ([0.0, 30.0], 0),
        ([700.0, 300.0], 0),
    ],
)
def test_run_clock_is_set_once_by_the_first_date_within_ten_minutes(
    offsets_s: list[float], moved_s: float
) -> None:
    """Later ones only compare; what is too far off moves nothing."""
    clock, machine = heard(*offsets_s)

    assert clock.now() - machine.now() == timedelta(seconds=moved_s)
    assert clock.started_at == FakeClock().now() + timedelta(seconds=moved_s)


@pytest.mark.parametrize(
    ("offsets_s", "is_trusted", "is_doubted", "was_never_right"),
    [
        ([], False, False, False),
        ([0.0], True, False, False),
        ([600.0], True, False, False),
        ([601.0], False, True, True),
        ([-601.0], False, True, True),
        ([0.0, 600.0], True, False, False),
        ([0.0, 601.0], False, True, False),
        ([500.0, -101.0], False, True, False),
        ([0.0, -3600.0, 0.0], False, True, False),
    ],
)
def test_run_clock_says_what_it_is_worth(
    offsets_s: list[float], *, is_trusted: bool, is_doubted: bool, was_never_right: bool
) -> None:
    """Confirmed, not yet, or contradicted: and a contradiction is not forgotten."""
    clock, _ = heard(*offsets_s)

    assert clock.is_trusted is is_trusted
    assert (clock.doubt(ZONE) is not None) is is_doubted
    assert clock.was_never_right is was_never_right


def test_doubt_names_both_times_and_the_fix() -> None:
    """The operator sees which of the two is wrong."""
    clock, _ = heard(0.0, 660.0)
    doubt = clock.doubt(ZONE)

    assert doubt is not None
    assert doubt.exit_code == 5
    assert "it says 2026-11-23 11:30:10 IST" in str(doubt)
    assert "WATI's says 2026-11-23 11:41:10 IST" in str(doubt)
    assert "Set the clock" in doubt.hint


@pytest.mark.parametrize("year", [1, 9999])
def test_date_of_another_age_says_nothing(year: int) -> None:
    """Not every zone could even show it."""
    clock, machine = heard()
    clock.hear(datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC), (machine.monotonic(),) * 2)
    clock.hear(None, (machine.monotonic(),) * 2)

    assert clock.offset_s is None
    assert clock.doubt(ZONE) is None


def test_later_date_more_than_a_minute_off_is_one_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Many answers may say it; the operator needs it once."""
    heard(0.0, 59.0, 90.0, 120.0)

    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "+90 s" in caplog.text


@pytest.mark.parametrize(
    ("offset_s", "lasted_s", "moved_s"),
    [(20.0, 30.0, 5.0), (-20.0, 30.0, -5.0), (14.0, 30.0, 0.0), (-4 * 3600.0, 8 * 3600.0, 0.0)],
)
def test_slow_call_or_one_slept_through_moves_the_clock_no_more_than_it_proves(
    offset_s: float, lasted_s: float, moved_s: float
) -> None:
    """The Date was made at some moment of it; offsets are from its middle."""
    clock, machine = heard()
    began_s = machine.monotonic()
    machine.advance(lasted_s)
    date = machine.now() + timedelta(seconds=offset_s - lasted_s / 2)
    clock.hear(date, (began_s, machine.monotonic()))

    assert clock.now() - machine.now() == timedelta(seconds=moved_s)
    assert clock.is_trusted

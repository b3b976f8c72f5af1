"""Working hours and quota days, over midnight and clock changes."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from lead_automation.config import HoursPolicy
from lead_automation.leads.hours import day_end, is_open, next_opening, quota_day

KOLKATA = ZoneInfo("Asia/Kolkata")
BERLIN = ZoneInfo("Europe/Berlin")
ALL_DAYS = frozenset(range(7))
MONDAY, FRIDAY, SATURDAY, SUNDAY = 0, 4, 5, 6


def make_policy(
    start: str = "09:00",
    end: str = "21:00",
    *,
    days: frozenset[int] = ALL_DAYS,
    zone: ZoneInfo = KOLKATA,
) -> HoursPolicy:
    """Return a policy from HH:MM texts."""
    return HoursPolicy(start_minute=_minutes(start), end_minute=_minutes(end), days=days, zone=zone)


def _minutes(text: str) -> int:
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


def at(text: str, zone: ZoneInfo = KOLKATA, *, fold: int = 0) -> datetime:
    """Return a local time such as ``2026-11-23 09:00`` in UTC."""
    local = datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)
    return local.astimezone(UTC)


@pytest.fixture(params=["America/Los_Angeles", "UTC", "Pacific/Kiritimati"])
def foreign_tz(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Run with the server's own zone set to a foreign one."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield str(request.param)
    monkeypatch.undo()
    time.tzset()


DAY, NIGHT = ("09:00", "21:00"), ("22:00", "06:00")
LATE, ALWAYS = ("18:00", "24:00"), ("00:00", "24:00")


@pytest.mark.parametrize(
    ("window", "days", "open_at", "closed_at"),
    [
        # The window is half open, and a weekday that is not listed is closed all day.
        (DAY, ALL_DAYS, ("23 09:00:00", "23 20:59:59"), ("23 08:59:59", "23 21:00:00", "23 00:00")),
        (DAY, ALL_DAYS - {SUNDAY}, ("23 12:00",), ("22 12:00",)),
        # 00:00 to 24:00 leaves no second out; 24:00 does not reach into the next day.
        (ALWAYS, ALL_DAYS, ("23 00:00", "23 12:00", "23 23:59:59"), ()),
        (LATE, {FRIDAY}, ("27 23:59",), ("28 00:00",)),
        # Over midnight the window belongs to the day it began; the day before Monday is Sunday.
        (NIGHT, {FRIDAY}, ("27 22:00", "28 05:59"), ("27 05:00", "27 21:59")),
        (NIGHT, {FRIDAY}, (), ("28 06:00", "28 22:00")),
        (NIGHT, {SUNDAY}, ("23 01:00",), ("24 01:00",)),
    ],
)
def test_open_is_what_lies_in_a_window_of_a_working_day(
    window: tuple[str, str], days: set[int], open_at: tuple[str, ...], closed_at: tuple[str, ...]
) -> None:
    """In November 2026, whose 23rd is a Monday."""
    policy = make_policy(*window, days=frozenset(days))

    assert [when for when in open_at if not is_open(at(f"2026-11-{when}"), policy)] == []
    assert [when for when in closed_at if is_open(at(f"2026-11-{when}"), policy)] == []


@pytest.mark.parametrize("fold", [0, 1])
def test_open_in_repeated_hour_follows_the_clock_on_the_wall(fold: int) -> None:
    """In Berlin 02:00 to 03:00 comes twice on 25 October 2026 and is open both times."""
    policy = make_policy("02:00", "03:00", zone=BERLIN)

    assert is_open(at("2026-10-25 02:30", BERLIN, fold=fold), policy)


def test_open_after_missing_hour_starts_at_the_jump() -> None:
    """In Berlin 02:00 to 03:00 is missing on 29 March 2026: a start of 02:30 means 03:00."""
    policy = make_policy("02:30", "05:00", zone=BERLIN)
    jump = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)

    assert not is_open(jump - timedelta(seconds=1), policy)
    assert is_open(jump, policy)


def test_hours_under_a_foreign_tz_are_those_of_the_zone(foreign_tz: str) -> None:
    """The server's own zone has no part in it."""
    assert time.tzname != ("IST", "IST"), foreign_tz

    for zone in (UTC, BERLIN):  # a moment is a moment, in whatever zone it is written
        assert is_open(at("2026-11-23 09:00").astimezone(zone), make_policy())
        assert not is_open(at("2026-11-23 08:59").astimezone(zone), make_policy())
    assert quota_day(datetime(2026, 11, 22, 18, 30, tzinfo=UTC), KOLKATA) == date(2026, 11, 23)
    assert day_end(at("2026-11-23 12:00"), KOLKATA) == at("2026-11-24 00:00")
    assert next_opening(at("2026-11-23 21:00"), make_policy()) == at("2026-11-24 09:00")


WEEK = ALL_DAYS - {SATURDAY, SUNDAY}


@pytest.mark.parametrize(
    ("window", "days", "when", "expected"),
    [
        (DAY, WEEK, "2026-11-23 08:00", "2026-11-23 09:00"),
        (DAY, WEEK, "2026-11-23 08:59:59.5", "2026-11-23 09:00"),
        (DAY, WEEK, "2026-11-23 21:00", "2026-11-24 09:00"),
        # Closed days are passed over; a window over midnight opens at its start.
        (DAY, WEEK, "2026-11-27 21:00", "2026-11-30 09:00"),
        (NIGHT, {MONDAY}, "2026-11-24 06:00", "2026-11-30 22:00"),
        # When it is open there is nothing to wait for.
        (DAY, WEEK, "2026-11-23 12:34:56", "2026-11-23 12:34:56"),
    ],
)
def test_next_opening_is_the_next_start_or_now(
    window: tuple[str, str], days: set[int], when: str, expected: str
) -> None:
    """What the operator is told when a run comes too early or too late."""
    assert next_opening(at(when), make_policy(*window, days=frozenset(days))) == at(expected)


def test_next_opening_of_a_window_the_clock_change_swallows_is_a_fortnight_away() -> None:
    """A Sunday window of 02:10 to 02:50 does not exist on 29 March 2026 in Berlin."""
    policy = make_policy("02:10", "02:50", days=frozenset({SUNDAY}), zone=BERLIN)

    assert next_opening(at("2026-03-22 02:50", BERLIN), policy) == at("2026-04-05 02:10", BERLIN)


def test_next_opening_between_repeated_hours_is_the_second_one() -> None:
    """After 01:45 summer time in Los Angeles, 01:30 comes once more."""
    zone = ZoneInfo("America/Los_Angeles")
    policy = make_policy("01:30", "01:45", zone=zone)

    found = next_opening(at("2026-11-01 01:45", zone), policy)

    assert found == at("2026-11-01 01:30", zone, fold=1)


def test_next_opening_without_working_days_is_none() -> None:
    """A policy that never opens has no next opening."""
    assert next_opening(at("2026-11-23 12:00"), make_policy(days=frozenset())) is None


def test_quota_day_changes_at_local_midnight() -> None:
    """In India the day begins at 18:30 UTC."""
    midnight = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)

    assert quota_day(midnight, KOLKATA) == date(2026, 11, 23)
    assert quota_day(midnight - timedelta(seconds=1), KOLKATA) == date(2026, 11, 22)


@pytest.mark.parametrize(
    ("now", "zone", "expected"),
    [
        ("2026-11-23T06:00:00+00:00", "Asia/Kolkata", "2026-11-23T18:30:00+00:00"),
        # The last second of a day, and its first.
        ("2026-11-23T18:29:59+00:00", "Asia/Kolkata", "2026-11-23T18:30:00+00:00"),
        ("2026-11-23T18:30:00+00:00", "Asia/Kolkata", "2026-11-24T18:30:00+00:00"),
        # A day of 25 hours and one of 23.
        ("2026-10-24T22:00:00+00:00", "Europe/Berlin", "2026-10-25T23:00:00+00:00"),
        ("2026-03-28T23:00:00+00:00", "Europe/Berlin", "2026-03-29T22:00:00+00:00"),
        # Midnight skipped: in Beirut clocks went from 00:00 to 01:00.
        ("2024-03-30T12:00:00+00:00", "Asia/Beirut", "2024-03-30T22:00:00+00:00"),
        # The hour around midnight skipped: in Toronto clocks went from 23:30 to 00:30.
        ("1919-03-30T12:00:00+00:00", "America/Toronto", "1919-03-31T04:30:00+00:00"),
        # A whole day skipped: Apia had no 30 December 2011.
        ("2011-12-29T20:00:00+00:00", "Pacific/Apia", "2011-12-30T10:00:00+00:00"),
        # Midnight twice: in St. John's clocks went from 00:01 back to 23:01.
        ("2010-11-07T02:00:00+00:00", "America/St_Johns", "2010-11-07T02:30:00+00:00"),
        ("2010-11-07T02:40:00+00:00", "America/St_Johns", "2010-11-07T03:30:00+00:00"),
    ],
)
def test_day_end_is_the_first_moment_of_the_next_local_day(
    now: str, zone: str, expected: str
) -> None:
    """Also where that moment is not 00:00, or comes twice."""
    end = day_end(datetime.fromisoformat(now), ZoneInfo(zone))

    assert end == datetime.fromisoformat(expected)
    assert end.utcoffset() == timedelta(0)


def test_day_end_from_any_moment_lies_ahead_and_on_a_later_day() -> None:
    """Every second hour of a year, and every quarter of an hour of its two clock changes."""
    year = datetime(2026, 1, 1, tzinfo=UTC)
    moments = [year + timedelta(hours=2 * count) for count in range(365 * 12)]
    for change in (datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 10, 24, tzinfo=UTC)):
        moments += [change + timedelta(minutes=15 * count) for count in range(3 * 96)]
    ends = set()
    for moment in moments:
        end = day_end(moment, BERLIN)
        ends.add(end)
        assert moment < end <= moment + timedelta(hours=25)
        assert quota_day(end, BERLIN) == quota_day(moment, BERLIN) + timedelta(days=1)
        assert quota_day(end - timedelta(microseconds=1), BERLIN) == quota_day(moment, BERLIN)

    assert len(ends) == 365

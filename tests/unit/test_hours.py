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
MONDAY, TUESDAY, FRIDAY, SATURDAY, SUNDAY = 0, 1, 4, 5, 6


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


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("2026-11-23 08:59:59", False),
        ("2026-11-23 09:00:00", True),
        ("2026-11-23 20:59:59", True),
        ("2026-11-23 21:00:00", False),
        ("2026-11-23 00:00:00", False),
    ],
)
def test_open_by_day_includes_start_and_excludes_end(when: str, *, expected: bool) -> None:
    """The window is half open."""
    assert is_open(at(when), make_policy()) is expected


def test_open_on_day_off_is_closed() -> None:
    """A weekday that is not listed is closed all day."""
    assert not is_open(at("2026-11-22 12:00"), make_policy(days=ALL_DAYS - {SUNDAY}))


@pytest.mark.parametrize("when", ["2026-11-23 00:00", "2026-11-23 12:00", "2026-11-23 23:59:59"])
def test_open_around_the_clock_with_2400_is_always_open(when: str) -> None:
    """00:00 to 24:00 leaves no second out."""
    assert is_open(at(when), make_policy("00:00", "24:00"))


def test_open_until_2400_ends_with_the_working_day() -> None:
    """24:00 does not reach into the next day."""
    policy = make_policy("18:00", "24:00", days=frozenset({FRIDAY}))

    assert is_open(at("2026-11-27 23:59"), policy)
    assert not is_open(at("2026-11-28 00:00"), policy)


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("2026-11-27 05:00", False),
        ("2026-11-27 21:59", False),
        ("2026-11-27 22:00", True),
        ("2026-11-28 05:59", True),
        ("2026-11-28 06:00", False),
        ("2026-11-28 22:00", False),
    ],
)
def test_open_over_midnight_belongs_to_the_day_it_began(when: str, *, expected: bool) -> None:
    """With Friday as the only working day the window runs from Friday night to Saturday."""
    policy = make_policy("22:00", "06:00", days=frozenset({FRIDAY}))

    assert is_open(at(when), policy) is expected


def test_open_over_midnight_from_sunday_reaches_monday() -> None:
    """The day before Monday is Sunday."""
    policy = make_policy("22:00", "06:00", days=frozenset({SUNDAY}))

    assert is_open(at("2026-11-23 01:00"), policy)
    assert not is_open(at("2026-11-24 01:00"), policy)


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

    assert is_open(at("2026-11-23 09:00"), make_policy())
    assert not is_open(at("2026-11-23 08:59"), make_policy())
    assert quota_day(datetime(2026, 11, 22, 18, 30, tzinfo=UTC), KOLKATA) == date(2026, 11, 23)
    assert day_end(at("2026-11-23 12:00"), KOLKATA) == at("2026-11-24 00:00")
    assert next_opening(at("2026-11-23 21:00"), make_policy()) == at("2026-11-24 09:00")


def test_open_with_a_now_in_another_zone_is_the_same() -> None:
    """A moment is a moment, in whatever zone it is written."""
    now = at("2026-11-23 09:00").astimezone(BERLIN)

    assert is_open(now, make_policy())


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("2026-11-23 08:00", "2026-11-23 09:00"),
        ("2026-11-23 08:59:59.5", "2026-11-23 09:00"),
        ("2026-11-23 21:00", "2026-11-24 09:00"),
        ("2026-11-27 21:00", "2026-11-30 09:00"),
    ],
)
def test_next_opening_when_closed_is_the_next_start(when: str, expected: str) -> None:
    """Closed days are passed over."""
    policy = make_policy(days=ALL_DAYS - {SATURDAY, SUNDAY})

    assert next_opening(at(when), policy) == at(expected)


def test_next_opening_when_open_is_now() -> None:
    """There is nothing to wait for."""
    now = at("2026-11-23 12:34:56")

    assert next_opening(now, make_policy()) == now


def test_next_opening_over_midnight_is_the_evening() -> None:
    """A window over midnight opens at its start."""
    policy = make_policy("22:00", "06:00", days=frozenset({MONDAY}))

    assert next_opening(at("2026-11-24 06:00"), policy) == at("2026-11-30 22:00")


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


@pytest.mark.parametrize(
    ("when", "day"),
    [
        ("2026-11-22T18:29:59+00:00", date(2026, 11, 22)),
        ("2026-11-22T18:30:00+00:00", date(2026, 11, 23)),
    ],
)
def test_quota_day_changes_at_local_midnight(when: str, day: date) -> None:
    """In India the day begins at 18:30 UTC."""
    assert quota_day(datetime.fromisoformat(when), KOLKATA) == day


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
    """Every quarter of an hour of a year with both clock changes."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    ends = []
    while moment.year == 2026:
        end = day_end(moment, BERLIN)
        ends.append(end)
        assert moment < end <= moment + timedelta(hours=25)
        assert quota_day(end, BERLIN) == quota_day(moment, BERLIN) + timedelta(days=1)
        assert quota_day(end - timedelta(microseconds=1), BERLIN) == quota_day(moment, BERLIN)
        moment += timedelta(minutes=15)

    assert len(set(ends)) == 366

"""When it is a decent hour at a lead's place: every zone of its country, both clock changes."""

from datetime import UTC, datetime
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest

from lead_automation.config import HoursPolicy
from lead_automation.leads.local_hours import ever_meets, is_quiet, zones_of
from lead_automation.leads.phone import region_of

INDIA = HoursPolicy(
    start_minute=9 * 60,
    end_minute=21 * 60,
    days=frozenset(range(7)),
    zone=ZoneInfo("Asia/Kolkata"),
)
NIGHT = HoursPolicy(
    start_minute=20 * 60, end_minute=6 * 60, days=frozenset({0}), zone=ZoneInfo("Asia/Kolkata")
)


def utc(text: str) -> datetime:
    """Return a time of 2026, such as ``11-23 06:00``, in UTC."""
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "awake"),
    [
        ("11-23 03:30", "IN AU NZ SG"),  # 07:30 in Dubai, 17:15 in Chatham
        ("11-23 06:00", "IN AU AE NZ SG"),  # 01:00 in New York, 06:00 in London
        ("11-23 08:00", "IN AU AE SG"),  # 21:45 in Chatham
        ("11-23 12:00", "IN AE GB SG"),  # 23:00 in Sydney, 07:00 in New York
        ("11-23 15:00", "IN AE GB"),  # 05:00 in Honolulu, 07:00 in Vancouver
        ("11-23 18:00", "CA GB"),  # 08:00 in Honolulu
        ("11-23 19:30", "US CA GB"),  # 09:30 in Honolulu, 14:30 in New York
    ],
)
def test_country_is_awake_only_where_each_of_its_zones_is(at: str, awake: str) -> None:
    """The countries of the company's leads, around the clock of one day."""
    countries = ["IN", "AU", "US", "CA", "GB", "AE", "NZ", "SG"]
    found = [its for its in countries if not is_quiet(utc(at), zones_of(its), INDIA)]

    assert found == [its for its in countries if its in awake.split()]


@pytest.mark.parametrize(
    ("country", "at", "quiet"),
    [
        ("GB", "10-24 08:00", False),  # 09:00, summer
        ("GB", "10-26 08:00", True),  # 08:00, the clocks went back
        ("GB", "03-28 08:30", True),
        ("GB", "03-30 08:30", False),  # 09:30, the clocks went forward
        ("NZ", "09-26 08:00", False),  # 20:45 in Chatham
        ("NZ", "09-28 08:00", True),  # 21:45 in Chatham, the clocks went forward
        ("CA", "10-31 16:30", False),  # 09:30 in Vancouver
        ("CA", "12-01 16:30", True),  # 08:30 in Vancouver, the clocks went back
        ("SG", "11-23 01:00", False),  # 09:00, the start is included
        ("SG", "11-23 00:59", True),
        ("SG", "11-23 12:59", False),
        ("SG", "11-23 13:00", True),  # 21:00, the end is not
    ],
)
def test_clock_changes_and_the_ends_of_the_window_are_those_of_the_place(
    country: str, at: str, *, quiet: bool
) -> None:
    """Wall time there, as everybody lives by."""
    assert is_quiet(utc(at), zones_of(country), INDIA) is quiet


def test_window_over_midnight_holds_there_too_whatever_day_it_is() -> None:
    """Days count by TIMEZONE alone."""
    assert not is_quiet(utc("11-24 13:00"), zones_of("SG"), NIGHT)  # Tuesday, 21:00
    assert not is_quiet(utc("11-24 20:00"), zones_of("SG"), NIGHT)  # 04:00
    assert is_quiet(utc("11-24 23:00"), zones_of("SG"), NIGHT)  # 07:00


@pytest.mark.parametrize("month", [1, 4, 7, 10, 12])
@pytest.mark.parametrize(
    ("country", "meets"),
    [("IN", 1), ("AU", 1), ("US", 0), ("CA", 0), ("GB", 1), ("AE", 1), ("NZ", 1), ("SG", 1)],
)
def test_countries_whose_hours_never_meet_ours(country: str, meets: int, month: int) -> None:
    """India's 09-21 and all of the United States, in any season."""
    now = datetime(2026, month, 5, 6, tzinfo=UTC)

    assert ever_meets(now, zones_of(country), INDIA) is bool(meets)


def test_country_without_an_entry_is_never_quiet() -> None:
    """Then the rule of TIMEZONE alone holds."""
    assert zones_of("XK") == zones_of("") == ()
    assert not is_quiet(utc("11-23 00:00"), (), INDIA)


def test_every_zone_of_the_table_is_known() -> None:
    """Package and table are of one release, and the server's own table is not asked."""
    text = files("tzdata").joinpath("zoneinfo/zone.tab").read_text(encoding="utf-8")
    regions = {line.split("\t")[0] for line in text.splitlines() if line and line[0] != "#"}

    assert len(regions) > 200
    assert all(zones_of(region) for region in regions)


@pytest.mark.parametrize(
    ("number", "region"),
    [
        ("+919812345678", "IN"),
        ("+12015550123", "US"),
        ("+15062345678", "CA"),
        ("+447400123456", "GB"),
        ("+870301234567", "001"),
    ],
)
def test_region_of_a_number(number: str, region: str) -> None:
    """Countries that share a code are told apart; a satellite's is nowhere."""
    assert region_of(number) == region

"""Show moments in the configured zone."""

from datetime import datetime, tzinfo


def shown_time(moment: datetime, zone: tzinfo) -> str:
    """Return a moment for people: ``2026-11-22 09:15``."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def shown_time_and_zone(moment: datetime, zone: tzinfo) -> str:
    """Return a moment for people who may not know the zone: ``2026-11-22 09:15 IST``."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def time_of_day(moment: datetime, zone: tzinfo) -> str:
    """Return a moment's time of day: ``09:15:24``."""
    return f"{moment.astimezone(zone):%H:%M:%S}"


def iso_time(moment: datetime, zone: tzinfo) -> str:
    """Return a moment for programs: ``2026-11-22T09:15:24+05:30``."""
    return moment.astimezone(zone).isoformat(timespec="seconds")

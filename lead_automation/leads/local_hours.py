"""Decide whether it is a decent hour at a lead's place: in every zone of the number's country.

A number tells its country, never the place in it, so all zones of the country have to be awake.
Zones by country come from IANA's ``zone.tab``, as the package ``tzdata`` carries it.
"""

from collections import defaultdict
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from lead_automation.config import HoursPolicy
from lead_automation.leads.hours import is_open, is_within

_MINUTE = timedelta(minutes=1)
_WEEK_MINUTES = 7 * 24 * 60


def zones_of(region: str) -> tuple[ZoneInfo, ...]:
    """Return every zone of a country, by its two letters; none for a region without an entry."""
    return _zones().get(region, ())


def is_quiet(now: datetime, zones: Collection[ZoneInfo], policy: HoursPolicy) -> bool:
    """Whether a message now would reach somebody outside working hours; never without zones.

    Args:
        now: Aware.
        zones: Of the lead's country.
        policy: Its clock times hold in each of them; its days do not, they count in its own zone.
    """
    return not all(is_within(now, policy, zone) for zone in zones)


def ever_meets(now: datetime, zones: Collection[ZoneInfo], policy: HoursPolicy) -> bool:
    """Whether some minute of the week from now on is open for us and quiet for nobody there."""
    start = now.astimezone(UTC).replace(second=0, microsecond=0)
    minutes = (start + number * _MINUTE for number in range(_WEEK_MINUTES))
    return any(is_open(at, policy) and not is_quiet(at, zones, policy) for at in minutes)


@cache
def _zones() -> dict[str, tuple[ZoneInfo, ...]]:
    """Read ``zone.tab``: ``AU<tab>-3133+15905<tab>Australia/Lord_Howe<tab>Lord Howe Island``."""
    text = files("tzdata").joinpath("zoneinfo/zone.tab").read_text(encoding="utf-8")
    found: defaultdict[str, list[ZoneInfo]] = defaultdict(list)
    for line in text.splitlines():
        if line and not line.startswith("#"):
            region, _, name = line.split("\t")[:3]
            found[region].append(ZoneInfo(name))
    return {region: tuple(zones) for region, zones in found.items()}

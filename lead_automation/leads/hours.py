"""Decide when sending is open and which day a send counts on, in the configured zone.

All arithmetic is on local wall time, so a window means the same clock times on every day, also on
the two days a year when the clocks change.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from lead_automation.config import HoursPolicy

_MINUTE = timedelta(minutes=1)

# Two weeks and a day: a weekly window that a clock change swallows opens a fortnight later.
_DAY_MINUTES = 24 * 60
_SEARCH_MINUTES = 15 * _DAY_MINUTES


def is_open(now: datetime, policy: HoursPolicy) -> bool:
    """Whether sending is allowed: start included, end not.

    A window that crosses midnight belongs to the day it began on: with ``WORKING_DAYS=Fri`` and
    22:00-06:00 it is open on Saturday at 05:00 and closed on Friday at 05:00.

    Args:
        now: Aware, any zone.
        policy: Minutes of the local day, working days, zone.
    """
    local = now.astimezone(policy.zone)
    minute = local.hour * 60 + local.minute
    began = local.date()
    if policy.start_minute > policy.end_minute > minute:
        began -= timedelta(days=1)
    return is_working_day(began, policy) and is_within(now, policy, policy.zone)


def is_working_day(day: date, policy: HoursPolicy) -> bool:
    """Whether a window of working hours begins on that day."""
    return day.weekday() in policy.days and day not in policy.closed


def is_within(now: datetime, policy: HoursPolicy, zone: ZoneInfo) -> bool:
    """Whether the clock of a zone shows a working hour; the day does not matter.

    Args:
        now: Aware, any zone.
        policy: Minutes of the local day.
        zone: Whose clock.
    """
    local = now.astimezone(zone)
    minute = local.hour * 60 + local.minute
    if policy.start_minute < policy.end_minute:
        return policy.start_minute <= minute < policy.end_minute
    return minute >= policy.start_minute or minute < policy.end_minute


def next_opening(now: datetime, policy: HoursPolicy) -> datetime | None:
    """Return the first moment, not before now, at which sending is open, in UTC.

    It is now itself when sending is open; None when it never opens within 15 days, and as many
    more as there are closed dates.

    Args:
        now: Aware, any zone.
        policy: As for ``is_open``.
    """
    now = now.astimezone(UTC)
    if is_open(now, policy):
        return now
    # Minute by minute: a start that falls into a missing or a repeated hour needs no rule of its
    # own, and a run that ends outside working hours asks once.
    minute = now.replace(second=0, microsecond=0)
    for _ in range(_SEARCH_MINUTES + len(policy.closed) * _DAY_MINUTES):
        minute += _MINUTE
        if is_open(minute, policy):
            return minute
    return None


def describe_hours(policy: HoursPolicy) -> str:
    """Return working hours for people: ``09:00–21:00 Asia/Kolkata``."""
    start, end = (
        f"{minute // 60:02d}:{minute % 60:02d}"
        for minute in (policy.start_minute, policy.end_minute)
    )
    return f"{start}–{end} {policy.zone.key}"


def quota_day(now: datetime, zone: ZoneInfo) -> date:
    """Return the local date a send at now (aware) counts on."""
    return now.astimezone(zone).date()


def day_end(now: datetime, zone: ZoneInfo) -> datetime:
    """Return the first moment of the next local day, in UTC.

    Args:
        now: Aware, any zone.
        zone: Zone of the quota day.
    """
    now = now.astimezone(UTC)
    today = quota_day(now, zone)
    midnight = datetime.combine(today + timedelta(days=1), time.min, tzinfo=zone)
    # Where clocks go back across midnight the date comes twice; the later midnight is fold 1.
    candidates = [midnight.replace(fold=fold).astimezone(UTC) for fold in (0, 1)]
    end = next((moment for moment in candidates if moment > now), candidates[-1])
    # Where midnight itself is skipped, the day begins at the jump, a little before this moment.
    while end - _MINUTE > now and quota_day(end - _MINUTE, zone) > today:
        end -= _MINUTE
    return end

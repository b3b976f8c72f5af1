"""Look, before any quota is used, whether template and clock allow sending at all."""

import logging
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from lead_automation.answers import TemplateInfo, TemplateUnread
from lead_automation.campaign.template import order_note, template_order
from lead_automation.clock import Clock
from lead_automation.errors import ClockError

MAX_CLOCK_OFFSET_S = 600.0
"""A wall clock further off WATI's than this makes hours, quota days and look-ups worthless."""

# Time synchronisation corrects by seconds; five minutes leave room for a clock set by hand.
MAX_BEHIND = timedelta(minutes=5)
"""A wall clock this far behind the newest record has stepped back."""

_log = logging.getLogger(__name__)


def check_template(
    found: TemplateInfo | TemplateUnread, *, name: str, wanted: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the parameter names in the order they are sent in.

    Args:
        found: What WATI says of the template.
        name: WATI_TEMPLATE_NAME.
        wanted: TEMPLATE_PARAMETERS; also the order when WATI gives no clear answer now.

    Raises:
        CampaignStopError: The template is missing, not approved, or takes other parameters.
    """
    if isinstance(found, TemplateUnread):
        _log.warning("The template could not be checked (%s); sending goes on", found.detail)
        return wanted
    order = template_order(found, name=name, wanted=wanted)
    if note := order_note(name, order=order, wanted=wanted):
        _log.warning("%s", note)
    return order


def check_vendor_clock(offset_s: float | None, *, clock: Clock, zone: ZoneInfo) -> None:
    """Check the wall clock against WATI's.

    Args:
        offset_s: WATI's clock minus ours, in seconds; None when it was not measured.
        clock: Ours.
        zone: For the times in the message.

    Raises:
        ClockError: They are more than ten minutes apart.
    """
    if offset_s is None or abs(offset_s) <= MAX_CLOCK_OFFSET_S:
        return
    now = clock.now().astimezone(zone)
    theirs = now + timedelta(seconds=offset_s)
    msg = (
        f"The clock of this machine is not trustworthy: it says {now:%Y-%m-%d %H:%M:%S %Z}, "
        f"WATI's says {theirs:%Y-%m-%d %H:%M:%S %Z}."
    )
    raise ClockError(msg, hint="Set the clock (or start time synchronisation), then run again.")


def check_wall_clock(newest: datetime | None, *, now: datetime, zone: ZoneInfo) -> None:
    """Check the wall clock against the newest record we wrote ourselves.

    Args:
        newest: Latest time in the history, aware; None when there is none.
        now: Aware.
        zone: For the times in the message.

    Raises:
        ClockError: The clock is more than five minutes behind it.
    """
    if newest is None or newest - now <= MAX_BEHIND:
        return
    shown, recorded = (moment.astimezone(zone) for moment in (now, newest))
    msg = (
        f"The clock of this machine is not trustworthy: it says {shown:%Y-%m-%d %H:%M:%S %Z}, "
        f"but the newest record is of {recorded:%Y-%m-%d %H:%M:%S %Z}."
    )
    hint = "Set the clock. If a date in sent_messages.json is wrong instead, correct it there."
    raise ClockError(msg, hint=hint)

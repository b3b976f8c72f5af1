"""Look, before any quota is used, whether template and clock allow sending at all."""

import logging
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from lead_automation.answers import TemplateInfo, TemplateUnread
from lead_automation.campaign.template import order_note, template_order
from lead_automation.clock import MAX_OFFSET_S
from lead_automation.errors import ClockError

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


def check_wall_clock(newest: datetime | None, *, now: datetime, zone: ZoneInfo) -> None:
    """Check the wall clock against the newest record, whose time is WATI's.

    Args:
        newest: Latest time in the history, aware; None when there is none.
        now: Aware.
        zone: For the times in the message.

    Raises:
        ClockError: It is further behind than WATI's ``Date`` would be allowed to set it right.
    """
    if newest is None or newest - now <= timedelta(seconds=MAX_OFFSET_S):
        return
    shown, recorded = (moment.astimezone(zone) for moment in (now, newest))
    msg = (
        f"The clock of this machine is not trustworthy: it says {shown:%Y-%m-%d %H:%M:%S %Z}, "
        f"but the newest record is of {recorded:%Y-%m-%d %H:%M:%S %Z}."
    )
    hint = "Set the clock. If a date in sent_messages.json is wrong instead, correct it there."
    raise ClockError(msg, hint=hint)

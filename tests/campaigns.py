"""Settings of the simulated account, and a message to send from it."""

from simulated.inprocess import ADDRESSES

from lead_automation.config import ApiVersion, WatiSettings
from lead_automation.models import TemplateMessage
from lead_automation.sandbox.simulator import API_KEY, TEMPLATE
from lead_automation.secret import Secret


def wati_settings(version: str = "v2", **changes: str | None) -> WatiSettings:
    """Return settings of the simulated account."""
    return WatiSettings(
        api_key=Secret(API_KEY),
        host=changes.get("host") or ADDRESSES.wati_origin,
        tenant=changes.get("tenant"),
        api_version=ApiVersion(version),
        template=changes.get("template") or TEMPLATE,
        parameter_names=("1", "2", "3"),
        channel_number=changes.get("channel_number"),
        broadcast_name="lead_automation",
    )


def message_to(phone: str, template: str = TEMPLATE) -> TemplateMessage:
    """Return a message with three parameters."""
    return TemplateMessage(
        phone=phone,
        template=template,
        broadcast_name="lead_automation",
        parameters=(("1", "Asha"), ("2", "Anandi"), ("3", "+919512270915")),
    )

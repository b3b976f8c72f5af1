"""Decide whether the configured template can be sent, and fill it in for a lead."""

from lead_automation.answers import TemplateInfo
from lead_automation.config import PhoneFormat, WatiSettings
from lead_automation.errors import CampaignStopError
from lead_automation.models import Counsellor, Recipient, TemplateMessage


def template_order(info: TemplateInfo, *, name: str, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Return a template's parameter names in its own order, if it can be sent.

    Args:
        info: What WATI says of the template.
        name: WATI_TEMPLATE_NAME.
        wanted: TEMPLATE_PARAMETERS: lead name, counsellor name, counsellor phone.

    Raises:
        CampaignStopError: It is missing, not approved, or takes other parameters than wanted.
    """
    if not info.exists:
        similar = ", ".join(info.similar_names)
        known = f" Similar names there: {similar}." if similar else ""
        msg = f"WATI has no template named {name}.{known}"
        hint = "Correct WATI_TEMPLATE_NAME to the element name the WATI dashboard shows."
        raise CampaignStopError(msg, hint=hint)
    if not info.is_approved:
        msg = f"Template not approved: {name} is {', '.join(info.statuses) or 'without status'}."
        hint = "Check its status in the WATI dashboard; sending starts once it is APPROVED."
        raise CampaignStopError(msg, hint=hint)
    found = info.parameter_names
    if sorted(found) != sorted(wanted):
        msg = (
            f"Template {name} takes the parameters {_listed(found)}, "
            f"TEMPLATE_PARAMETERS names {_listed(wanted)}."
        )
        hint = (
            "Set TEMPLATE_PARAMETERS to the template's names of the lead's name, the "
            "counsellor's name and the counsellor's phone, in this order."
        )
        raise CampaignStopError(msg, hint=hint)
    return found


def order_note(name: str, *, order: tuple[str, ...], wanted: tuple[str, ...]) -> str:
    """Return what to say of a template whose order is not the configured one; else nothing."""
    if order == wanted:
        return ""
    listed = _listed(order)
    return f"Template {name} has its parameters in the order {listed}; they are sent in that order."


def compose_message(
    recipient: Recipient, counsellor: Counsellor, *, wati: WatiSettings, order: tuple[str, ...]
) -> TemplateMessage:
    """Return a lead's message: three values under the template's names, in its order.

    Args:
        recipient: Whom it goes to.
        counsellor: Whom it is from.
        wati: Template, names of its parameters, label and sender.
        order: The template's own order of those names.
    """
    number = counsellor.number
    if wati.phone_format is PhoneFormat.INTERNATIONAL:
        # Here, for `status` reads this module's neighbours and need not load the metadata.
        from lead_automation.leads.phone import international  # noqa: PLC0415

        number = international(number)
    given = (recipient.name, counsellor.name, number)
    values = dict(zip(wati.parameter_names, given, strict=True))
    return TemplateMessage(
        phone=recipient.phone,
        template=wati.template,
        broadcast_name=wati.broadcast_name,
        parameters=tuple((name, values[name]) for name in order),
        channel_number=wati.channel_number,
    )


def filled_in(body: str, message: TemplateMessage) -> str:
    """Return a template's text as its reader sees it."""
    for name, value in message.parameters:
        body = body.replace("{{" + name + "}}", value)
    return body


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) if names else "(none)"

"""Decide whether the configured template can be sent, and fill it in for a lead."""

from dataclasses import dataclass

from lead_automation.answers import TemplateInfo
from lead_automation.config import WatiSettings
from lead_automation.models import Counsellor, Recipient, TemplateMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateVerdict:
    """What the template's own entry at WATI means for the run.

    Attributes:
        problem: Why nothing can be sent; empty when it can.
        hint: What to change.
        warning: Something to know that stops nothing.
        order: Parameter names in the template's order.
    """

    problem: str = ""
    hint: str = ""
    warning: str = ""
    order: tuple[str, ...] = ()


def judge_template(info: TemplateInfo, *, name: str, wanted: tuple[str, ...]) -> TemplateVerdict:
    """Return whether a template exists, is approved and takes exactly the wanted parameters.

    Args:
        info: What WATI says of the template.
        name: WATI_TEMPLATE_NAME.
        wanted: TEMPLATE_PARAMETERS: lead name, counsellor name, counsellor phone.
    """
    if not info.exists:
        similar = ", ".join(info.similar_names)
        known = f" Similar names there: {similar}." if similar else ""
        return TemplateVerdict(
            problem=f"WATI has no template named {name}.{known}",
            hint="Correct WATI_TEMPLATE_NAME to the element name the WATI dashboard shows.",
        )
    if not info.is_approved:
        status = ", ".join(info.statuses) or "without status"
        return TemplateVerdict(
            problem=f"Template not approved: {name} is {status}.",
            hint="Check its status in the WATI dashboard; sending starts once it is APPROVED.",
        )
    found = info.parameter_names
    if sorted(found) != sorted(wanted):
        return TemplateVerdict(
            problem=(
                f"Template {name} takes the parameters {_listed(found)}, "
                f"TEMPLATE_PARAMETERS names {_listed(wanted)}."
            ),
            hint="Set TEMPLATE_PARAMETERS to the template's names of the lead's name, the "
            "counsellor's name and the counsellor's phone, in this order.",
        )
    warning = ""
    if found != wanted:
        warning = (
            f"Template {name} has its parameters in the order {_listed(found)}; "
            "they are sent in that order."
        )
    return TemplateVerdict(warning=warning, order=found)


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
    given = (recipient.name, counsellor.name, counsellor.number)
    values = dict(zip(wati.parameter_names, given, strict=True))
    return TemplateMessage(
        phone=recipient.phone,
        template=wati.template,
        broadcast_name=wati.broadcast_name,
        parameters=tuple((name, values[name]) for name in order),
        channel_number=wati.channel_number,
    )


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) if names else "(none)"

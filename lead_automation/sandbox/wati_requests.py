"""Read what a client asked the simulated WATI; what it cannot read, WATI answers with 400."""

import json
from dataclasses import dataclass

from lead_automation.sandbox.exchange import SimReply
from lead_automation.sandbox.wati_wire import invalid_items


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """A send's body, read."""

    template: str
    broadcast_name: str
    parameters: tuple[tuple[str, str], ...]
    channel: str | None


def parse_send(body: bytes) -> Send | SimReply:
    """Return a send's body, or the 400 WATI answers to a malformed one."""
    try:
        value = json.loads(body)
    except ValueError:
        return invalid_items("InvalidBody", "The request body is not valid JSON")
    if not isinstance(value, dict):
        return invalid_items("InvalidBody", "The request body is not an object")
    template, label = value.get("template_name"), value.get("broadcast_name")
    if not (isinstance(template, str) and template and isinstance(label, str) and label):
        return invalid_items("Required", "template_name and broadcast_name are required")
    channel, parameters = value.get("channel_number"), value.get("parameters", [])
    if not (channel is None or isinstance(channel, str)) or not _are_pairs(parameters):
        return invalid_items("InvalidType", "channel_number or parameters have the wrong type")
    return Send(
        template=template,
        broadcast_name=label,
        parameters=tuple((pair["name"], pair["value"]) for pair in parameters),
        channel=channel,
    )


def _are_pairs(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(pair, dict)
        and isinstance(pair.get("name"), str)
        and isinstance(pair.get("value"), str)
        for pair in value
    )


def has_bad_spaces(value: str) -> bool:
    """Return whether a parameter's value is one Meta refuses later (wati-api 2.5)."""
    return "    " in value or "\n" in value or "\t" in value


def phone_filter(attribute: str) -> str | SimReply | None:
    """Return the number an ``attribute`` filter asks for, None for no filter."""
    if not attribute:
        return None
    try:
        [condition] = json.loads(attribute)
        name, operator, value = condition["name"], condition["operator"], condition["value"]
    except (ValueError, TypeError, KeyError):
        return invalid_items("InvalidAttribute", "attribute is not a list of one condition")
    if name != "phone" or operator != "==" or not isinstance(value, str):
        return invalid_items("InvalidAttribute", "only phone == value is simulated")
    return value

"""WATI's calls as requests: addresses, queries and bodies as its reference gives them; pure.

Reads are documented under v1 only, whatever version sends use
(https://docs.wati.io/v2.5/reference, read 2026-11-22).
"""

import json

from lead_automation.config import ApiVersion, WatiSettings
from lead_automation.http import Request
from lead_automation.models import TemplateMessage
from lead_automation.wati.wire import digits_of

# The size of WATI's own examples; what a number received in a few minutes fits into one page.
MESSAGES_PER_PAGE = 20
# Usually the whole list in one call; 500 rows, as in WATI's example, might exceed the 1 MiB that is
# read of an answer.
TEMPLATES_PER_PAGE = 100
# One number is asked for; further rows are copies of its contact.
_CONTACTS_PER_PAGE = 10


def send_request(settings: WatiSettings, message: TemplateMessage) -> Request:
    """Return the POST of one template message."""
    return Request(
        method="POST",
        url=v1_url(settings, "sendTemplateMessage", settings.api_version),
        params=(("whatsappNumber", digits_of(message.phone)),),
        headers=headers(settings),
        json=_send_body(message),
        is_send=True,
    )


def messages_request(
    settings: WatiSettings, phone: str, *, page: int, deadline_s: float
) -> Request:
    """Return the read of one page (counted from 1) of a number's messages."""
    return Request(
        method="GET",
        url=v1_url(settings, f"getMessages/{digits_of(phone)}"),
        params=_paging(MESSAGES_PER_PAGE, page),
        headers=headers(settings),
        deadline_s=deadline_s,
    )


def contacts_request(settings: WatiSettings, phone: str, *, deadline_s: float) -> Request:
    """Return the look-up of one number among the contacts."""
    # JSON inside the query, as WATI's API description has it.
    attribute = [{"name": "phone", "operator": "==", "value": digits_of(phone)}]
    return Request(
        method="GET",
        url=v1_url(settings, "getContacts"),
        params=(
            *_paging(_CONTACTS_PER_PAGE, 1),
            ("attribute", json.dumps(attribute, separators=(",", ":"))),
        ),
        headers=headers(settings),
        deadline_s=deadline_s,
    )


def templates_request(settings: WatiSettings, *, page: int) -> Request:
    """Return the read, repeated where that helps, of one page (from 1) of the templates."""
    return Request(
        method="GET",
        url=v1_url(settings, "getMessageTemplates"),
        params=_paging(TEMPLATES_PER_PAGE, page),
        headers=headers(settings),
        retry_reads=True,
    )


def headers(settings: WatiSettings) -> dict[str, str]:
    """Return what every call to the account carries."""
    return {"Authorization": f"Bearer {settings.api_key.reveal()}"}


def v1_url(settings: WatiSettings, path: str, version: ApiVersion = ApiVersion.V1) -> str:
    """Return the address of a call of v1 (or v2)."""
    # Shared hosts tell accounts apart by a path segment; a numbered host is the account's own.
    tenant = f"/{settings.tenant}" if settings.tenant else ""
    return f"{settings.host}{tenant}/api/{version.value}/{path}"


def _paging(size: int, number: int) -> tuple[tuple[str, str], ...]:
    return (("pageSize", str(size)), ("pageNumber", str(number)))


def _send_body(message: TemplateMessage) -> dict[str, object]:
    """Return the body of a send, the same for v1 and v2."""
    # By name and in the template's order: WATI's pages disagree on which of the two counts.
    body: dict[str, object] = {
        "template_name": message.template,
        "broadcast_name": message.broadcast_name,
        "parameters": [{"name": name, "value": value} for name, value in message.parameters],
    }
    # Newer pages call it required, but accounts with one number were seen to work without it.
    if message.channel_number:
        body["channel_number"] = message.channel_number
    return body

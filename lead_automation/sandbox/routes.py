"""Which call an address is (wati-api 1.1, 2, 3.1, 4, 5)."""

from dataclasses import dataclass
from typing import Final

from lead_automation.sandbox.exchange import Endpoint

LEAD_PATH: Final = "/lead/get-leads-basic-info/"
LOG_PATH: Final = "/lead/post-wati-msg-logs/"

_NUMBERED = "getMessages"
"""The one call whose address ends in a number."""

_WATI_CALLS: Final = {
    ("v1", "sendTemplateMessage"): (Endpoint.SEND, "POST"),
    ("v2", "sendTemplateMessage"): (Endpoint.SEND, "POST"),
    ("v1", _NUMBERED): (Endpoint.MESSAGES, "GET"),
    ("v1", "getMessageTemplates"): (Endpoint.TEMPLATES, "GET"),
    ("v2", "getMessageTemplates"): (Endpoint.TEMPLATES, "GET"),
    ("v1", "getContacts"): (Endpoint.CONTACTS, "GET"),
}
_CRM_CALLS: Final = {LEAD_PATH: (Endpoint.LEADS, "GET"), LOG_PATH: (Endpoint.LOG, "POST")}


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes.

    Attributes:
        method: The only verb allowed there.
        version: ``v1`` or ``v2`` of a WATI call.
    """

    endpoint: Endpoint
    method: str = ""
    version: str = ""


def find_route(path: str, tenant: str | None) -> Route:
    """Return which call a path is, ELSEWHERE where there is none.

    Args:
        path: Without query.
        tenant: First segment of every WATI path; None: a numbered host, where one is wrong.
    """
    if path in _CRM_CALLS:
        return Route(*_CRM_CALLS[path])
    parts = path.strip("/").split("/")
    if tenant is not None:
        if parts[0] != tenant:
            return Route(Endpoint.ELSEWHERE)
        parts = parts[1:]
    match parts:
        case ["api", version, "getMessages", _]:
            call = (version, _NUMBERED)
        case ["api", version, name] if name != _NUMBERED:
            call = (version, name)
        case _:
            return Route(Endpoint.ELSEWHERE)
    found = _WATI_CALLS.get(call)
    return Route(*found, call[0]) if found else Route(Endpoint.ELSEWHERE)

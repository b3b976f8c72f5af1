"""The addresses of the simulated WATI and CRM, and which call each is (wati-api 1.1, 2 to 5)."""

import re
from dataclasses import dataclass
from typing import Final, Literal

from lead_automation.sandbox.exchange import Endpoint

LEAD_PATH: Final = "/lead/get-leads-basic-info/"
LOG_PATH: Final = "/lead/post-wati-msg-logs/"

# What a call's address may end in, or hold: a number or an id, shown as * below.
_ID = re.compile(r"(?<=/)(getMessages|contacts|broadcasts)/[^/]*")

_WATI_CALLS: Final = {
    "api/v1/sendTemplateMessage": (Endpoint.SEND, "POST"),
    "api/v2/sendTemplateMessage": (Endpoint.SEND, "POST"),
    "api/v1/getMessages/*": (Endpoint.MESSAGES, "GET"),
    "api/v1/getMessageTemplates": (Endpoint.TEMPLATES, "GET"),
    "api/v2/getMessageTemplates": (Endpoint.TEMPLATES, "GET"),
    "api/v1/getContacts": (Endpoint.CONTACTS, "GET"),
}
_V3_CALLS: Final = {
    "api/ext/v3/messageTemplates/send": (Endpoint.SEND, "POST"),
    "api/ext/v3/messageTemplates": (Endpoint.TEMPLATES, "GET"),
    "api/ext/v3/contacts": (Endpoint.CONTACTS, "GET"),
    "api/ext/v3/contacts/*": (Endpoint.CONTACTS, "GET"),
    "api/ext/v3/broadcasts": (Endpoint.BROADCASTS, "GET"),
    "api/ext/v3/broadcasts/*": (Endpoint.COUNTERS, "GET"),
    "api/ext/v3/broadcasts/*/recipients": (Endpoint.RECIPIENTS, "GET"),
    "api/ext/v3/account/credits": (Endpoint.CREDITS, "GET"),
}
"""Here the token alone tells accounts apart: with a tenant in front there is no such call."""

_CRM_CALLS: Final = {LEAD_PATH: (Endpoint.LEADS, "GET"), LOG_PATH: (Endpoint.LOG, "POST")}


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes.

    Attributes:
        method: The only verb allowed there; "" for ELSEWHERE.
        is_v3: It is a call of API v3.
    """

    endpoint: Endpoint
    method: str = ""
    is_v3: bool = False


def find_route(path: str, tenant: str | None) -> Route:
    """Return which call a path is, ELSEWHERE where there is none.

    Args:
        path: Without query.
        tenant: First segment of every WATI path; None: a numbered host, where one is wrong.
    """
    if path in _CRM_CALLS:
        return Route(*_CRM_CALLS[path])
    call = _ID.sub(r"\1/*", path.strip("/"))
    if found := _V3_CALLS.get(call):
        return Route(*found, is_v3=True)
    if tenant is not None:
        first, _, call = call.partition("/")
        if first != tenant:
            return Route(Endpoint.ELSEWHERE)
    return Route(*_WATI_CALLS.get(call, (Endpoint.ELSEWHERE,)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where a served simulator is reached, as settings want it.

    Attributes:
        wati_origin: ``http://127.0.0.1:PORT``, no slash at the end.
        crm_origin: Likewise; another port, so that one can be down without the other.
    """

    wati_origin: str
    crm_origin: str

    def wati_base_url(
        self, version: Literal["v1", "v2", "ext/v3"] = "v2", tenant: str | None = None
    ) -> str:
        """Return ``WATI_BASE_URL`` as the dashboard would show it."""
        segment = f"/{tenant}" if tenant else ""
        return f"{self.wati_origin}{segment}/api/{version}"

    @property
    def lead_url(self) -> str:
        """``LEAD_API_URL``."""
        return self.crm_origin + LEAD_PATH

    @property
    def log_url(self) -> str:
        """``WATI_LOG_API_URL``."""
        return self.crm_origin + LOG_PATH

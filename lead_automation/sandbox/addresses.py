"""The addresses of the simulated WATI and CRM, and which call each is (wati-api 1.1, 2 to 5)."""

from dataclasses import dataclass
from typing import Final, Literal

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
_V3_CALLS: Final = {
    "messageTemplates/send": (Endpoint.SEND, "POST"),
    "messageTemplates": (Endpoint.TEMPLATES, "GET"),
    "contacts": (Endpoint.CONTACTS, "GET"),
    "contacts/*": (Endpoint.CONTACTS, "GET"),
    "broadcasts": (Endpoint.BROADCASTS, "GET"),
    "broadcasts/*": (Endpoint.COUNTERS, "GET"),
    "broadcasts/*/recipients": (Endpoint.RECIPIENTS, "GET"),
    "account/credits": (Endpoint.CREDITS, "GET"),
}
"""Behind ``/api/ext/v3/``, where the token alone tells accounts apart; ``*`` is an id."""

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
    parts = path.strip("/").split("/")
    if parts[:3] == ["api", "ext", "v3"]:
        rest = parts[3:]
        if len(rest) > 1 and rest[0] in ("contacts", "broadcasts"):
            rest[1] = "*"
        found = _V3_CALLS.get("/".join(rest))
        return Route(*found, is_v3=True) if found else Route(Endpoint.ELSEWHERE)
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
    return Route(*found) if found else Route(Endpoint.ELSEWHERE)


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

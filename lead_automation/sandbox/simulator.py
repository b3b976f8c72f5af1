"""The simulated WATI and CRM behind one function: a request in, an answer out.

No sockets, no threads, no clock of its own: ``server.SandboxServer`` puts it on loopback. Whoever
wants other answers than the ordinary ones overrides ``Simulator.answer``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from math import ceil
from typing import Final

from lead_automation.clock import Clock
from lead_automation.sandbox.addresses import Route, find_route
from lead_automation.sandbox.crm import Crm
from lead_automation.sandbox.exchange import (
    Endpoint,
    Side,
    SimReply,
    SimRequest,
    text_reply,
)
from lead_automation.sandbox.plans import Plan
from lead_automation.sandbox.wati import WatiAccount
from lead_automation.sandbox.wati_answers import SimTemplate
from lead_automation.sandbox.wati_v3 import WatiV3
from lead_automation.sandbox.windows import SlidingWindow, VendorLimits

API_KEY: Final = "sandbox-wati-key"
"""Bearer token the simulated WATI wants; invented."""
CRM_AUTHORIZATION: Final = "Token sandbox-crm-key"
"""Whole ``Authorization`` value of the simulated CRM; invented."""
OWNER_ID: Final = "227"
TEMPLATE: Final = "sandbox_welcome"

TEMPLATES: Final = (
    SimTemplate(name="sandbox_welcome_old", status="DELETED"),
    SimTemplate(name=TEMPLATE, language="hi", status="PENDING"),
    SimTemplate(name=TEMPLATE, language={"key": "English", "value": "en", "text": "English"}),
    SimTemplate(name="sandbox_reminder", parameters=("name",), category="UTILITY"),
)
"""The account's templates unless told otherwise: the one used stands between others like it."""


class Simulator:
    """A WATI account and a CRM.

    Time goes with the clock's *steady* side: a local wall clock that is stepped does not move
    WATI's.

    Attributes:
        api_key: Bearer token WATI wants, without ``Bearer``.
        wati: The account: templates, credit, messages.
        v3: The same account by API v3: its broadcasts.
        crm: Leads and message-log rows.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        tenant: str | None = None,
        templates: Sequence[SimTemplate] = TEMPLATES,
        leads: Sequence[object] = (),
        plans: Mapping[str, Plan] | None = None,
        default_plan: Plan | None = None,
        limits: VendorLimits | None = None,
        credit: int | None = None,
    ) -> None:
        """Set the scene.

        Args:
            clock: Read for the date once, then for steady time.
            tenant: Path segment WATI wants; None: a numbered host, which wants none.
            templates: Rows of the template list.
            leads: Rows of the lead list, any JSON values.
            plans: What becomes of messages, by number (with or without plus sign).
            default_plan: The same for numbers not in plans; None: read within seconds.
            limits: None: as many calls as anybody likes.
            credit: Messages the account can pay for; None: no end.
        """
        self.api_key = API_KEY
        self.wati = WatiAccount(
            now=lambda: self.time_at(Side.WATI),
            templates=templates,
            plans=plans or {},
            default_plan=default_plan or Plan(),
            credit=credit,
        )
        self.crm = Crm(leads=leads, owner_id=OWNER_ID)
        self._clock = clock
        self._started_at, self._started = clock.now(), clock.monotonic()
        self._tenant = tenant
        self._windows = _windows(limits) if limits else {}
        self._served: dict[Endpoint, Callable[[SimRequest], SimReply]] = {
            Endpoint.SEND: self.wati.send,
            Endpoint.MESSAGES: self.wati.message_list,
            Endpoint.TEMPLATES: self.wati.template_list,
            Endpoint.CONTACTS: self.wati.contact_list,
            Endpoint.LEADS: self.crm.lead_list,
            Endpoint.LOG: self.crm.log_post,
        }
        self.v3 = WatiV3(self.wati)

    def time_at(self, side: Side) -> datetime:  # noqa: ARG002 (to be overridden)
        """Return a side's clock: aware, UTC."""
        return self._started_at + timedelta(seconds=self._clock.monotonic() - self._started)

    def handle(self, request: SimRequest) -> SimReply:
        """Answer a request, dated."""
        route = find_route(request.path, self._tenant)
        reply = self.answer(route, request)
        date = format_datetime(self.time_at(route.endpoint.side), usegmt=True)
        return replace(reply, headers=(("Date", date), *reply.headers))

    def answer(self, route: Route, request: SimRequest) -> SimReply:
        """Answer as WATI and the CRM do when nobody interferes."""
        if route.endpoint is Endpoint.ELSEWHERE:
            return text_reply("Not Found", HTTPStatus.NOT_FOUND)
        if request.method != route.method:
            return text_reply("Method Not Allowed", HTTPStatus.METHOD_NOT_ALLOWED)
        is_wati = route.endpoint.side is Side.WATI
        wanted = f"Bearer {self.api_key}" if is_wati else CRM_AUTHORIZATION
        if request.headers.get("authorization") != wanted:
            return SimReply(status=HTTPStatus.UNAUTHORIZED)
        served = self.v3.served if route.is_v3 else self._served
        return self._rate_objection(route.endpoint) or served[route.endpoint](request)

    def _rate_objection(self, endpoint: Endpoint) -> SimReply | None:
        window = self._windows.get(endpoint)
        wait_s = window.admit(self._clock.monotonic()) if window else None
        if wait_s is None:
            return None
        headers = (("Retry-After", str(max(1, ceil(wait_s)))),)
        return SimReply(status=HTTPStatus.TOO_MANY_REQUESTS, headers=headers)


def _windows(limits: VendorLimits) -> dict[Endpoint, SlidingWindow]:
    counts = {
        (Endpoint.SEND,): limits.sends,
        (Endpoint.MESSAGES,): limits.reads,
        (Endpoint.CONTACTS,): limits.contacts,
        # Not published, so v3's reads share a window as narrow as that of message lists.
        (Endpoint.BROADCASTS, Endpoint.COUNTERS, Endpoint.RECIPIENTS): limits.reads,
    }
    windows: dict[Endpoint, SlidingWindow] = {}
    for names, count in counts.items():
        windows.update(dict.fromkeys(names, SlidingWindow(count, limits.window_s)))
    return windows

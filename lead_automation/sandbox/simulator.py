"""The simulated WATI and CRM behind one function: a request in, an answer out.

No sockets, no threads, no clock of its own: ``server.SandboxServer`` puts it on loopback,
``inprocess.InProcessHttp`` calls it directly. It keeps the truth a test compares with: which
messages were really sent, which POSTs came, which rows the CRM has.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from math import ceil
from typing import Final

from lead_automation.clock import Clock
from lead_automation.sandbox.crm_side import CrmSide
from lead_automation.sandbox.exchange import (
    Endpoint,
    FaultKind,
    NetworkFault,
    Side,
    SimReply,
    SimRequest,
    text_reply,
)
from lead_automation.sandbox.plans import Plan, SimMessage
from lead_automation.sandbox.routes import Route, find_route
from lead_automation.sandbox.scripts import Hooks, Match, Moment, Reply, Scripts
from lead_automation.sandbox.wati_side import Answered, WatiSide
from lead_automation.sandbox.wati_wire import SimTemplate
from lead_automation.sandbox.windows import SlidingWindow, VendorLimits

API_KEY: Final = "sandbox-wati-key"
"""Bearer token the simulator wants unless told otherwise; invented."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request the simulator saw.

    Attributes:
        at: Monotonic seconds of the simulator's clock.
        number: Digits of the recipient where the call names one, else "".
        status: Of the answer; it may have been lost on the way.
        fault: What the network did to it.
    """

    at: float
    number: str
    status: int
    fault: FaultKind | None


class Simulator:
    """A WATI account and a CRM.

    WATI's time goes with the clock's *steady* side, so that a test may step the local wall clock
    and find WATI's where it was.

    Attributes:
        wati: The account: templates, credit, messages.
        crm: Leads and message-log rows.
        hooks: Actions at exact points of an exchange.
        calls: Every request, by endpoint, in order.
        posts: Sends seen by number (digits), whatever became of them.
        rejected_429: Requests beyond the vendor's window; scripted 429s do not count.
        unauthorised: Requests without the right credentials.
        wati_offset_s, crm_offset_s: Their clocks minus the local one at the start, in seconds.
        month_calls_left: WATI calls until the month's quota answers 429; None: no end.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        api_key: str = API_KEY,
        crm_authorization: str = CRM_AUTHORIZATION,
        tenant: str | None = None,
        owner_id: str = OWNER_ID,
        templates: Sequence[SimTemplate] = TEMPLATES,
        leads: Sequence[object] = (),
        plans: Mapping[str, Plan] | None = None,
        plan_of: Callable[[str], Plan] | None = None,
        limits: VendorLimits | None = None,
        credit: int | None = None,
        has_bare_answers: bool = False,
        drops_messaged: bool = False,
        wati_offset_s: float = 0.0,
        crm_offset_s: float = 0.0,
    ) -> None:
        """Set the scene.

        Args:
            clock: Read for the date once, then for steady time.
            api_key: Bearer token without ``Bearer``.
            crm_authorization: Whole header value.
            tenant: Path segment WATI wants; None: a numbered host, which wants none.
            owner_id: Whose leads there are.
            templates: Rows of the template list.
            leads: Rows of the lead list, any JSON values.
            plans: What becomes of messages, by number (with or without plus sign).
            plan_of: The same for numbers not in plans; None: delivered and read within seconds.
            limits: None: as many calls as anybody likes.
            credit: Messages the account can pay for; None: no end.
            has_bare_answers: v1 sends answer ``{"result": true}`` only.
            drops_messaged: The CRM stops listing a lead once a row says it was messaged.
            wati_offset_s: WATI's clock minus the local one, in seconds.
            crm_offset_s: The CRM's.
        """
        self._clock = clock
        self._started_at, self._started = clock.now(), clock.monotonic()
        self.wati_offset_s, self.crm_offset_s = wati_offset_s, crm_offset_s
        self._bearer, self._crm_authorization = f"Bearer {api_key}", crm_authorization
        self._tenant = tenant
        default = Plan()
        self.wati = WatiSide(
            now=lambda: self.time_at(Side.WATI),
            templates=templates,
            plans=plans or {},
            plan_of=plan_of or (lambda _: default),
            credit=credit,
            has_bare_answers=has_bare_answers,
        )
        self.crm = CrmSide(leads=leads, owner_id=owner_id, drops_messaged=drops_messaged)
        self._served: dict[Endpoint, Callable[[SimRequest], Answered]] = {
            Endpoint.SEND: self.wati.send,
            Endpoint.MESSAGES: self.wati.message_list,
            Endpoint.TEMPLATES: self.wati.template_list,
            Endpoint.CONTACTS: self.wati.contact_list,
            Endpoint.LEADS: self.crm.lead_list,
            Endpoint.LOG: self.crm.log_post,
        }
        self._windows = _windows(limits)
        self._scripts = Scripts()
        self.hooks = Hooks()
        self._down: dict[Side, NetworkFault] = {}
        self._watchers: list[Callable[[Side, FaultKind | None], None]] = []
        self.calls: dict[Endpoint, list[Call]] = {endpoint: [] for endpoint in Endpoint}
        self.posts: Counter[str] = Counter()
        self.rejected_429 = 0
        self.unauthorised = 0
        self.month_calls_left: int | None = None

    # -- truth -----------------------------------------------------------------------------------

    @property
    def messages(self) -> list[SimMessage]:
        """Every message WATI really took, in order."""
        return self.wati.messages

    @property
    def crm_rows(self) -> list[Mapping[str, object]]:
        """Every message-log row the CRM took, in order."""
        return self.crm.rows

    def status_now(self, number: str) -> str | None:
        """Return the status word of the newest message to a number, None before the first word."""
        messages = self.wati.messages_to(number)
        step = messages[-1].step_at(self.time_at(Side.WATI)) if messages else None
        return step.word if step else None

    def time_at(self, side: Side) -> datetime:
        """Return a side's clock: aware, UTC."""
        offset_s = self.wati_offset_s if side is Side.WATI else self.crm_offset_s
        elapsed_s = self._clock.monotonic() - self._started
        return self._started_at + timedelta(seconds=elapsed_s + offset_s)

    # -- scripting -------------------------------------------------------------------------------

    def script(self, endpoint: Endpoint, *replies: Reply, match: Match | None = None) -> None:
        """Give the next matching requests these replies, in turn, instead of the ordinary ones."""
        self._scripts.add(endpoint, replies, match)

    def clear_scripts(self) -> None:
        """Answer ordinarily again, whatever was scripted."""
        self._scripts.clear()

    def take_down(self, side: Side, kind: FaultKind = FaultKind.CLOSE) -> None:
        """Lose every call to one side from now on; nothing is processed."""
        self._down[side] = NetworkFault(kind)
        self._tell_watchers(side, kind)

    def bring_back(self, side: Side) -> None:
        """End an outage."""
        self._down.pop(side, None)
        self._tell_watchers(side, None)

    def watch_outages(self, watcher: Callable[[Side, FaultKind | None], None]) -> None:
        """Call watcher whenever a side goes down (with the kind) or comes back (None)."""
        self._watchers.append(watcher)

    def _tell_watchers(self, side: Side, kind: FaultKind | None) -> None:
        for watcher in self._watchers:
            watcher(side, kind)

    # -- exchange --------------------------------------------------------------------------------

    def endpoint_of(self, path: str) -> Endpoint:
        """Return which call a path is."""
        return find_route(path, self._tenant).endpoint

    def reached(self, moment: Moment, request: SimRequest) -> None:
        """Run the hooks of a moment that only the carrier of the exchange knows."""
        self.hooks.run(moment, self.endpoint_of(request.path), request)

    def handle(self, request: SimRequest) -> SimReply:
        """Answer a request, and remember that it came."""
        route = find_route(request.path, self._tenant)
        if route.endpoint is Endpoint.SEND:
            self.posts[request.number] += 1
        reply, is_taken = self._answer(route, request)
        self.calls[route.endpoint].append(
            Call(
                at=self._clock.monotonic(),
                number=request.number,
                status=reply.status,
                fault=reply.network.kind if reply.network else None,
            )
        )
        if is_taken:
            self.hooks.run(Moment.ACCEPTED, route.endpoint, request)
        date = format_datetime(self.time_at(route.endpoint.side), usegmt=True)
        return replace(reply, headers=(("Date", date), *reply.headers))

    def _answer(self, route: Route, request: SimRequest) -> Answered:
        down = self._down.get(route.endpoint.side)
        if down is not None:
            return SimReply(network=down), False
        scripted = self._scripts.take(route.endpoint, request)
        if scripted is None:
            return self._serve(route, request)
        if not scripted.is_taken:
            return scripted.over(None), False
        ordinary, is_taken = self._serve(route, request)
        return scripted.over(ordinary), is_taken

    def _serve(self, route: Route, request: SimRequest) -> Answered:
        """Answer as WATI and the CRM do when nobody interferes."""
        objection = self._objection(route, request)
        if objection is not None:
            return objection, False
        serve = self._served.get(route.endpoint)
        if serve is None:
            return text_reply("Not Found", HTTPStatus.NOT_FOUND), False
        return serve(request)

    def _objection(self, route: Route, request: SimRequest) -> SimReply | None:
        """Return what is wrong before the call is looked at: address, verb, credentials, rate."""
        if route.endpoint is Endpoint.ELSEWHERE:
            return None
        if request.method != route.method:
            return text_reply("Method Not Allowed", HTTPStatus.METHOD_NOT_ALLOWED)
        is_wati = route.endpoint.side is Side.WATI
        wanted = self._bearer if is_wati else self._crm_authorization
        if request.headers.get("authorization") != wanted:
            self.unauthorised += 1
            return SimReply(status=HTTPStatus.UNAUTHORIZED)
        return self._limit_objection(route.endpoint) if is_wati else None

    def _limit_objection(self, endpoint: Endpoint) -> SimReply | None:
        if self.month_calls_left is not None:
            if self.month_calls_left < 1:
                return text_reply("API usage limit exceeded", HTTPStatus.TOO_MANY_REQUESTS)
            self.month_calls_left -= 1
        window = self._windows.get(endpoint)
        wait_s = window.admit(self._clock.monotonic()) if window else None
        if wait_s is None:
            return None
        self.rejected_429 += 1
        headers = (("Retry-After", str(max(1, ceil(wait_s)))),)
        return SimReply(status=HTTPStatus.TOO_MANY_REQUESTS, headers=headers)


def _windows(limits: VendorLimits | None) -> dict[Endpoint, SlidingWindow]:
    if limits is None:
        return {}
    counts = {
        Endpoint.SEND: limits.sends,
        Endpoint.MESSAGES: limits.reads,
        Endpoint.CONTACTS: limits.contacts,
    }
    return {name: SlidingWindow(count, limits.window_s) for name, count in counts.items()}

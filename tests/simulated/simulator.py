"""The simulator made to fail on purpose, and to remember what it saw.

It keeps the truth a test compares with: which messages were really sent, which POSTs came, which
rows the CRM has.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from simulated.faults import FaultKind, NetworkFault, SpoiltReply, fault_of
from simulated.lies import Lies
from simulated.plans import ScriptedPlan
from simulated.scripts import Hooks, Match, Moment, Reply, Scripts, in_turn

from lead_automation.sandbox import simulator
from lead_automation.sandbox.addresses import Route, find_route
from lead_automation.sandbox.exchange import (
    Endpoint,
    Side,
    SimReply,
    SimRequest,
    digits_of,
    text_reply,
)
from lead_automation.sandbox.plans import SimMessage

Watcher = Callable[[Side, FaultKind | None], None]
"""Called when a side goes down, with the kind, and when it comes back, with None."""


def _numbers_of(request: SimRequest) -> list[str]:
    """Return who a send is for: of v3 all that its body names."""
    if "/api/ext/v3/" not in request.path:
        return [request.number]
    return [str(row.get("phone_number")) for row in json.loads(request.body)["recipients"]]


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


class Simulator(simulator.Simulator):
    """The product's simulator under a test's direction.

    Attributes:
        hooks: Actions at exact points of an exchange.
        calls: Every request, by endpoint, in order.
        posts: Sends seen by number (digits), whatever became of them.
        rejected_429: Requests beyond the vendor's limits; scripted 429s do not count.
        unauthorised: Requests without the right credentials.
        wati_offset_s, crm_offset_s: Their clocks minus the local one at the start, in seconds.
        month_calls_left: WATI calls until the month's quota answers 429; None: no end.
        watcher: Told of outages.
        lies: What message lists say instead of the truth.
    """

    def __init__(
        self, *, wati_offset_s: float = 0.0, crm_offset_s: float = 0.0, **scene: Any
    ) -> None:
        """Set the scene, the rest of which is the product's."""
        super().__init__(**scene)
        self.wati_offset_s, self.crm_offset_s = wati_offset_s, crm_offset_s
        self.hooks = Hooks()
        self.calls: dict[Endpoint, list[Call]] = {endpoint: [] for endpoint in Endpoint}
        self.posts: Counter[str] = Counter()
        self.rejected_429 = 0
        self.unauthorised = 0
        self.month_calls_left: int | None = None
        self.watcher: Watcher = lambda _side, _kind: None
        self.lies = Lies()
        self._scripts = Scripts()
        self._planned: dict[str, tuple[object, Iterator[Reply]]] = {}
        self._down: dict[Side, NetworkFault] = {}

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
        messages = [its for its in self.messages if its.number == digits_of(number)]
        step = messages[-1].step_at(self.time_at(Side.WATI)) if messages else None
        return step.word if step else None

    def time_at(self, side: Side) -> datetime:
        """Return a side's clock: aware, UTC."""
        offset_s = self.wati_offset_s if side is Side.WATI else self.crm_offset_s
        return super().time_at(side) + timedelta(seconds=offset_s)

    # -- direction -------------------------------------------------------------------------------

    def script(self, endpoint: Endpoint, *replies: Reply, match: Match | None = None) -> None:
        """Give the next matching requests these replies, in turn, instead of the ordinary ones."""
        self._scripts.add(endpoint, replies, match)

    def clear_scripts(self) -> None:
        """Answer ordinarily again, whatever was scripted."""
        self._scripts.clear()

    def take_down(self, side: Side, kind: FaultKind = FaultKind.CLOSE) -> None:
        """Lose every call to one side from now on; nothing is processed."""
        self._down[side] = NetworkFault(kind)
        self.watcher(side, kind)

    def bring_back(self, side: Side) -> None:
        """End an outage."""
        self._down.pop(side, None)
        self.watcher(side, None)

    # -- exchange --------------------------------------------------------------------------------

    def wants(self, moment: Moment, request: SimRequest) -> bool:
        """Whether any hook may still run at that moment of such a request."""
        return self.hooks.wants(moment, find_route(request.path, self._tenant).endpoint)

    def reached(self, moment: Moment, request: SimRequest) -> None:
        """Run the hooks of a moment that only the carrier of the exchange knows."""
        self.hooks.run(moment, find_route(request.path, self._tenant).endpoint, request)

    def answer(self, route: Route, request: SimRequest) -> SimReply:
        """Answer as directed, remember the call, and run the hooks of what was taken."""
        endpoint, sent = route.endpoint, len(self.messages)
        if endpoint is Endpoint.SEND:
            self.posts.update(_numbers_of(request))
        reply, served = self._directed(route, request)
        fault = fault_of(reply)
        self.calls[endpoint].append(
            Call(
                at=self._clock.monotonic(),
                number=request.number,
                status=reply.status,
                fault=fault.kind if fault else None,
            )
        )
        is_yes = served is not None and served.status < HTTPStatus.MULTIPLE_CHOICES
        if is_yes and (endpoint is not Endpoint.SEND or len(self.messages) > sent):
            self.hooks.run(Moment.ACCEPTED, endpoint, request)
        return reply

    def _directed(self, route: Route, request: SimRequest) -> tuple[SimReply, SimReply | None]:
        """Return the answer that leaves, and the ordinary one where there was one."""
        down = self._down.get(route.endpoint.side)
        if down is not None:
            return SpoiltReply(network=down), None
        scripted = self._scripts.take(route.endpoint, request)
        if scripted is None and route.endpoint is Endpoint.SEND:
            scripted = self._take_planned(request.number)
        if scripted is None:
            served = self._serve(route, request)
            return served, served
        ordinary = self._serve(route, request) if scripted.is_taken else None
        return scripted.over(ordinary), ordinary

    def _take_planned(self, number: str) -> Reply | None:
        plan = self.wati.plan(number)
        if not isinstance(plan, ScriptedPlan) or not plan.on_send:
            return None
        if self._planned.get(number, (None,))[0] is not plan:
            self._planned[number] = plan, in_turn(plan.on_send)
        return next(self._planned[number][1], None)

    def _serve(self, route: Route, request: SimRequest) -> SimReply:
        if self.month_calls_left is not None and route.endpoint.side is Side.WATI:
            if self.month_calls_left < 1:
                return text_reply("API usage limit exceeded", HTTPStatus.TOO_MANY_REQUESTS)
            self.month_calls_left -= 1
        is_list = route.endpoint is Endpoint.MESSAGES
        reply = super().answer(route, self.lies.asked(request) if is_list else request)
        if is_list and reply.status == HTTPStatus.OK and self.lies != Lies():
            reply = self.lies.told(reply)
        self.unauthorised += reply.status == HTTPStatus.UNAUTHORIZED
        self.rejected_429 += reply.status == HTTPStatus.TOO_MANY_REQUESTS
        return reply

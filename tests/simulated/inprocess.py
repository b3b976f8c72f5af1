"""Call a simulator without sockets: a month of campaigns on a clock that only moves when told."""

import json
from collections.abc import Callable
from functools import partial
from typing import Final
from urllib.parse import urlencode

from simulated.faults import FaultKind, NetworkFault, fault_of
from simulated.scripts import Moment
from simulated.simulator import Simulator

from lead_automation.clock import Clock
from lead_automation.errors import Fault, TransportError
from lead_automation.http import Answer, Request, make_answer, repeat_reads
from lead_automation.sandbox.addresses import Addresses
from lead_automation.sandbox.exchange import SimRequest, request_of

ADDRESSES: Final = Addresses(wati_origin="http://127.0.0.1:1", crm_origin="http://127.0.0.1:2")
"""What settings name when nobody listens: the calls never reach a socket."""

_NEVER_MADE: Final = {
    FaultKind.REFUSED: Fault.UNREACHABLE,
    FaultKind.CERTIFICATE: Fault.CERTIFICATE,
}
_DRIPS: Final = (
    *(FaultKind.SLOW_HEADERS, FaultKind.SLOW_BODY),
    *(FaultKind.ENDLESS_BODY, FaultKind.BAD_CHUNK),
)


class InProcessHttp:
    """A ``http.Http`` whose other end is a simulator in the same process.

    Network faults become the ``TransportError`` the real client makes of them; waits (latency, late
    answers, hanging, the pauses between repeated reads) move the clock.
    """

    def __init__(
        self,
        simulator: Simulator,
        clock: Clock,
        *,
        advance: Callable[[float], None],
        latency_s: float = 0.0,
        read_timeout_s: float = 30.0,
        allow_posts: bool = True,
    ) -> None:
        """Connect.

        Args:
            simulator: The other end.
            clock: The local clock, the one advance moves.
            advance: Let this many seconds pass.
            latency_s: Seconds every try takes.
            read_timeout_s: Patience with a server that says nothing.
            allow_posts: False as in a dry run: anything but a GET is refused here.
        """
        self._simulator = simulator
        self._clock = clock
        self._advance = advance
        self._latency_s = latency_s
        self._read_timeout_s = read_timeout_s
        self._allow_posts = allow_posts

    def call(self, request: Request) -> Answer:
        """Return the whole answer.

        Raises:
            TransportError: There is none.
        """
        if request.method != "GET" and not self._allow_posts:
            msg = f"a {request.method} was held back: this run may only read"
            raise TransportError(msg, fault=Fault.FORBIDDEN)
        if request.method == "GET" and request.retry_reads:
            one_try = partial(self._try, request)
            return repeat_reads(one_try, sleep=self._advance, chance=lambda: 0.0)
        return self._try(request)

    def _try(self, request: Request) -> Answer:
        if request.on_try is not None:
            request.on_try()
        seen = _seen_by_server(request)
        began_s = self._clock.monotonic()
        self._simulator.reached(Moment.HEADERS, seen)
        reply = self._simulator.handle(seen)
        self._advance(self._latency_s)
        fault = fault_of(reply)
        if fault is not None:
            self._pass_fault(fault, max(0.0, request.deadline_s - self._latency_s))
        if len(reply.body) > request.max_bytes:
            msg = f"its answer is larger than {request.max_bytes} bytes"
            raise TransportError(msg, fault=Fault.LOST, is_unreadable=True)
        self._simulator.reached(Moment.MID_BODY, seen)
        self._simulator.reached(Moment.REPLIED, seen)
        span_s = began_s, self._clock.monotonic()
        return make_answer(request, reply.status, dict(reply.headers), reply.body, span_s)

    def _pass_fault(self, fault: NetworkFault, deadline_s: float) -> None:
        """Let a fault take its time, and raise what the real client would; a late answer passes."""
        patience_s = min(self._read_timeout_s, deadline_s)
        if fault.kind is FaultKind.LATE and fault.seconds < patience_s:
            self._advance(fault.seconds)
            return
        msg = f"no whole answer: {fault.kind.value}"
        if fault.kind in _NEVER_MADE:
            raise TransportError(msg, fault=_NEVER_MADE[fault.kind])
        if fault.kind in (FaultKind.HANG, FaultKind.LATE):
            self._advance(patience_s)
            raise TransportError(msg, fault=Fault.LOST, is_timeout=True)
        is_dripping = fault.kind in _DRIPS
        if is_dripping:
            self._advance(deadline_s)
        raise TransportError(msg, fault=Fault.LOST, is_timeout=is_dripping)


def _seen_by_server(request: Request) -> SimRequest:
    target = request.url + (f"?{urlencode(request.params)}" if request.params else "")
    body = b"" if request.json is None else json.dumps(request.json).encode()
    return request_of(request.method, target, headers=request.headers, body=body)

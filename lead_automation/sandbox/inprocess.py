"""Call a simulator without sockets: a month of campaigns on a clock that only moves when told."""

import json
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import Final
from urllib.parse import urlencode

from lead_automation.clock import Clock
from lead_automation.errors import Fault, TransportError
from lead_automation.http import Answer, Request
from lead_automation.http.echo import without_echo
from lead_automation.http_rules import clock_offset_s, parse_http_date, parse_retry_after
from lead_automation.sandbox.addresses import Addresses
from lead_automation.sandbox.exchange import (
    FaultKind,
    NetworkFault,
    SimReply,
    SimRequest,
    request_of,
)
from lead_automation.sandbox.scripts import Moment
from lead_automation.sandbox.simulator import Simulator

ADDRESSES: Final = Addresses(wati_origin="http://127.0.0.1:1", crm_origin="http://127.0.0.1:2")
"""What settings name when nobody listens: the calls never reach a socket."""

_RETRIED: Final = frozenset({429, 502, 503, 504})
_LONGEST_WAIT_S: Final = 60.0
_NEVER_MADE: Final = {
    FaultKind.REFUSED: Fault.UNREACHABLE,
    FaultKind.CERTIFICATE: Fault.CERTIFICATE,
}
_DRIPS: Final = frozenset(
    {
        FaultKind.SLOW_HEADERS,
        FaultKind.SLOW_BODY,
        FaultKind.ENDLESS_BODY,
        FaultKind.BAD_CHUNK,
    }
)
_IN_THE_BODY: Final = frozenset(
    {
        FaultKind.SHORT_BODY,
        FaultKind.SLOW_BODY,
        FaultKind.ENDLESS_BODY,
        FaultKind.BAD_CHUNK,
        FaultKind.GZIP_BOMB,
        FaultKind.EARLY_HINTS,
    }
)


class _Cause(Enum):
    CONNECT = "connect"
    READ = "read"
    STATUS = "status"


class _CutAnswerError(TransportError):
    """The answer began and then failed, where the real client no longer repeats a read."""


class _Retries:
    """The counters of the real client's reads: three more tries, of each cause only so many."""

    def __init__(self, *, is_on: bool) -> None:
        self._total = 3 if is_on else 0
        self._left = {_Cause.CONNECT: 3, _Cause.READ: 2, _Cause.STATUS: 2}
        self._used = 0

    def use_up(self, cause: _Cause) -> bool:
        """Count a failed try; False when it was the last."""
        if self._total == 0 or self._left[cause] == 0:
            return False
        self._total -= 1
        self._left[cause] -= 1
        self._used += 1
        return True

    @property
    def backoff_s(self) -> float:
        """The wait now due: none at first, then 2, 4 … seconds, without jitter."""
        return 0.0 if self._used <= 1 else 2.0 ** (self._used - 1)


class InProcessHttp:
    """A ``http.Http`` whose other end is a simulator in the same process.

    Network faults become the ``TransportError`` the real client makes of them; waits (latency, late
    answers, hanging, the pauses between repeated reads) move the clock.

    Attributes:
        requests: Every try, in order, as the transport was asked for it.
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
        self.requests: list[Request] = []

    def call(self, request: Request) -> Answer:
        """Return the whole answer.

        Raises:
            TransportError: There is none.
        """
        if request.method != "GET" and not self._allow_posts:
            msg = f"a {request.method} was held back: this run may only read"
            raise TransportError(msg, fault=Fault.FORBIDDEN)
        retries = _Retries(is_on=request.retry_reads and request.method == "GET")
        while True:
            asked_s: float | None = None
            try:
                answer = self._try(request)
            except TransportError as exc:
                if not _may_repeat(exc, retries):
                    raise
            else:
                if answer.status not in _RETRIED or not retries.use_up(_Cause.STATUS):
                    return answer
                now = answer.server_date or self._clock.now()
                asked_s = parse_retry_after(answer.headers.get("retry-after"), now)
            self._advance(retries.backoff_s if asked_s is None else min(asked_s, _LONGEST_WAIT_S))

    def _try(self, request: Request) -> Answer:
        self.requests.append(request)
        if request.on_try is not None:
            request.on_try()
        seen = _seen_by_server(request)
        began = self._clock.now()
        self._simulator.reached(Moment.HEADERS, seen)
        reply = self._simulator.handle(seen)
        self._advance(self._latency_s)
        if reply.network is not None:
            self._pass_fault(reply.network, max(0.0, request.deadline_s - self._latency_s))
        if len(reply.body) > request.max_bytes:
            msg = f"its answer is larger than {request.max_bytes} bytes"
            raise _CutAnswerError(msg, fault=Fault.LOST)
        self._simulator.reached(Moment.MID_BODY, seen)
        self._simulator.reached(Moment.REPLIED, seen)
        return _answer_of(request, reply, began, self._clock.now())

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
        kind = _CutAnswerError if fault.kind in _IN_THE_BODY else TransportError
        raise kind(msg, fault=Fault.LOST, is_timeout=is_dripping)


def _may_repeat(error: TransportError, retries: _Retries) -> bool:
    if isinstance(error, _CutAnswerError) or error.fault is Fault.CERTIFICATE:
        return False
    return retries.use_up(_Cause.CONNECT if error.fault is Fault.UNREACHABLE else _Cause.READ)


def _seen_by_server(request: Request) -> SimRequest:
    target = request.url + (f"?{urlencode(request.params)}" if request.params else "")
    body = b"" if request.json is None else json.dumps(request.json).encode()
    return request_of(request.method, target, headers=request.headers, body=body)


def _answer_of(request: Request, reply: SimReply, began: datetime, ended: datetime) -> Answer:
    headers = {name.lower(): value for name, value in reply.headers}
    server_date = parse_http_date(headers.get("date"))
    middle = began + (ended - began) / 2
    return Answer(
        status=reply.status,
        headers=headers,
        body=without_echo(reply.body, request.headers.get("Authorization")),
        server_date=server_date,
        offset_s=clock_offset_s(server_date, middle),
    )

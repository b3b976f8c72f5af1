"""The HTTP border: what a call and its answer look like, and the client that makes real ones."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Protocol

import msgspec
import requests
from urllib3 import HTTPResponse, Retry
from urllib3.exceptions import ConnectTimeoutError, HTTPError, MaxRetryError, ProtocolError

from lead_automation import __version__
from lead_automation.clock import Chance, Clock, Sleep, StopFlag
from lead_automation.config import HttpPolicy
from lead_automation.errors import Fault, TransportError
from lead_automation.http_connections import Connections
from lead_automation.http_faults import CALL_ERRORS, UnacceptableAnswerError, find_fault
from lead_automation.http_rules import (
    parse_http_date,
    redact_credential,
    safe_address,
)

# A socket's timeout begins anew with every byte: one byte each 0.3 s was seen to keep a timeout of
# 0.5 s open for 5.7 s. The deadline is for the whole call: 10 s to connect and 30 s to wait, the
# defaults, and a little more.
DEFAULT_DEADLINE_S = 45.0
# WATI's and the log's answers take kilobytes; 306 KB of gzip were seen to unpack to 300 MB.
DEFAULT_MAX_BYTES = 1 << 20
# A server closes idle connections when it likes; on one that is just being closed, nobody could say
# whether a message got through. A new one costs one handshake.
MAX_IDLE_BEFORE_SEND_S = 1.0
USER_AGENT = f"lead-automation/{__version__}"
"""WATI's front door answers a library's default user agent with 403."""

# Only gzip: what requests offers by itself depends on which packages happen to be installed.
_HEADERS = {"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "gzip"}
_CHUNK_BYTES = 1 << 16  # how far over its cap an answer can get before it is given up

# Not 500: a fault inside the server is likely to meet the same question again. Only GET: with
# allowed_methods=None a POST whose answer was lost was seen to arrive four times.
_READ_RETRY = Retry(
    total=3,
    connect=3,
    read=2,
    status=2,
    other=0,
    status_forcelist={429, 502, 503, 504},
    allowed_methods={"GET"},
    backoff_factor=1,
    backoff_max=30,
)
"""How often a read is repeated, by what went wrong, and after how long. It only counts: urllib3
would sleep, and draw chance, by itself."""

# What a fault is to it; what is neither is not repeated.
_AS_URLLIB3 = {Fault.UNREACHABLE: ConnectTimeoutError(), Fault.LOST: ProtocolError()}


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One call to be made.

    Attributes:
        url: ``https`` (plain ``http`` only to a literal loopback address or ``localhost``).
        params: Query, in order; never logged, it may hold a number.
        headers: Beside those the border sets itself (user agent, accepted encoding).
        json: Body; None for no body.
        deadline_s: Seconds for one try, from looking the name up to the last byte of its answer.
        max_bytes: Size of the decoded answer at which reading stops.
        retry_reads: Repeat a GET whose answer says "later" or does not come; ignored for others.
        is_send: A message to a person: never on a connection that has been idle for a second.
        fresh: On a connection of its own.
        on_try: Called before every try that leaves, the first and each repeated one.
    """

    method: str
    url: str
    params: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = {}
    json: object = None
    deadline_s: float = DEFAULT_DEADLINE_S
    max_bytes: int = DEFAULT_MAX_BYTES
    retry_reads: bool = False
    is_send: bool = False
    fresh: bool = False
    on_try: Callable[[], None] | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer, whatever its status; a 3xx is one too, it is never followed.

    Attributes:
        headers: By lower-case name.
        body: Decoded (gunzipped) bytes, our own credential replaced where the server quoted it.
        server_date: The ``Date`` header, aware; None when missing or unreadable.
        span_s: Steady seconds of the call's begin and of its answer's: in between ``server_date``
            was made.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    server_date: datetime | None = None
    span_s: tuple[float, float] = (0.0, 0.0)


class Http(Protocol):
    """Make HTTP calls."""

    def call(self, request: Request) -> Answer:
        """Return the whole answer.

        Raises:
            TransportError: There is none; its fault says whether the request may have arrived.
        """
        ...


class HttpClient:
    """Make real calls, within the promises of the border.

    Certificates are verified, TLS is 1.2 or newer, redirects are never followed, cookies, proxies
    and ``.netrc`` are ignored, every try ends by its deadline, every body at its cap, and nothing
    but a GET is ever repeated. Not for two threads at once.
    """

    def __init__(
        self,
        policy: HttpPolicy,
        *,
        clock: Clock,
        sleep: Sleep,
        chance: Chance,
        stop: StopFlag,
        allow_posts: bool,
    ) -> None:
        """Keep the collaborators; no connection is made yet.

        Args:
            policy: Timeouts of connecting and of each wait for the next byte.
            clock: Steady, for the age of connections and the moment of an answer.
            sleep: Waits between the tries of a read.
            chance: Draws the jitter of those waits.
            stop: Once it is set, calls that send nothing are given up.
            allow_posts: False in a dry run: then nothing but a GET leaves.
        """
        # Its warnings quote the address with its query, and that holds a number.
        logging.getLogger("urllib3").setLevel(logging.CRITICAL)
        self._policy = policy
        self._clock = clock
        self._sleep = sleep
        self._chance = chance
        self._stop = stop
        self._allow_posts = allow_posts
        self._idle: dict[str, Connections] = {}

    def call(self, request: Request) -> Answer:
        """Return the whole answer; see ``Http``."""
        address = safe_address(request.url)
        # Here, where every call passes, so that a dry run does not depend on its callers.
        if request.method != "GET" and not self._allow_posts:
            msg = f"a {request.method} to {address} was held back: this run may only read"
            raise TransportError(msg, fault=Fault.FORBIDDEN)
        if request.method == "GET" and request.retry_reads:
            one_try = partial(self._try, request, address)
            return repeat_reads(one_try, sleep=self._sleep, chance=self._chance)
        return self._try(request, address)

    def close(self) -> None:
        """Close every connection."""
        while self._idle:
            self._idle.popitem()[1].cut()

    def _try(self, request: Request, address: str) -> Answer:
        prepared = _prepare(request, address)
        if self._is_given_up(request):
            raise _no_answer(address, InterruptedError())
        # Counted before it leaves: the vendor also counts a call whose answer is lost.
        if request.on_try is not None:
            request.on_try()
        connections = self._take_connections(request, address)
        try:
            answer = connections.worker.run(
                partial(self._exchange, connections, prepared, request),
                within_s=request.deadline_s,
                is_stopped=partial(self._is_given_up, request),
            )
        except BaseException as exc:
            # Nothing more may leave on them, and what comes back late is nobody's answer.
            connections.cut()
            if isinstance(exc, CALL_ERRORS):
                raise _no_answer(address, exc) from exc
            raise
        connections.last_used_s = self._clock.monotonic()
        self._idle[address] = connections
        return answer

    def _is_given_up(self, request: Request) -> bool:
        # A POST given up would be an open question about a message.
        return self._stop.is_set and request.method != "POST"

    def _take_connections(self, request: Request, address: str) -> Connections:
        """Return the connections to a host; they come back with a whole answer only."""
        found = self._idle.pop(address, None)
        if found is not None:
            idle_s = self._clock.monotonic() - found.last_used_s
            if not request.fresh and not (request.is_send and idle_s >= MAX_IDLE_BEFORE_SEND_S):
                return found
            found.cut()
        return Connections()

    def _exchange(
        self, connections: Connections, prepared: requests.PreparedRequest, request: Request
    ) -> Answer:
        """Make one try, on the thread of its own.

        Raises:
            CALL_ERRORS: There is no whole answer.
        """
        asked_s = self._clock.monotonic()
        # A timeout beyond the deadline would only keep a thread busy that nobody waits for.
        timeouts = (
            min(self._policy.connect_timeout_s, request.deadline_s),
            min(self._policy.read_timeout_s, request.deadline_s),
        )
        with connections.exchange(prepared, timeouts) as response:
            span_s = asked_s, self._clock.monotonic()
            body = _read_body(response, request.max_bytes)
        return make_answer(request, response.status_code, response.headers, body, span_s)


def repeat_reads(one_try: Callable[[], Answer], *, sleep: Sleep, chance: Chance) -> Answer:
    """Read, and read again while the answer says "later" or does not come.

    Args:
        one_try: Makes one try.
        sleep: Waits between two tries: up to 1 s at first, then 2 to 3 s, then 4 to 5 s.
        chance: Draws the jitter, a share of a second.

    Raises:
        TransportError: The last try had no whole answer.
    """
    retry = _READ_RETRY
    while True:
        try:
            answer = one_try()
        except TransportError as exc:
            following = _after(retry, error=_AS_URLLIB3.get(exc.fault, HTTPError()))
            if following is None:
                raise
        else:
            if not retry.is_retry("GET", answer.status):
                return answer
            following = _after(retry, response=HTTPResponse(status=answer.status))
            if following is None:
                return answer
        retry = following
        sleep(retry.get_backoff_time() + chance())


def _after(
    retry: Retry, *, error: Exception | None = None, response: HTTPResponse | None = None
) -> Retry | None:
    """Return the policy with one failure more; None where it was the last one allowed."""
    try:
        return retry.increment("GET", error=error, response=response)
    except MaxRetryError:
        return None


def make_answer(
    request: Request,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    span_s: tuple[float, float],
) -> Answer:
    """Return what came back as a whole answer.

    Args:
        request: What it answers.
        status: Final, so 200 or above.
        headers: By name, in any case.
        body: Decoded.
        span_s: Steady seconds of the call's begin and of its answer's.
    """
    headers = {name.lower(): value for name, value in headers.items()}
    return Answer(
        status=status,
        headers=headers,
        body=redact_credential(body, request.headers.get("Authorization")),
        server_date=parse_http_date(headers.get("date")),
        span_s=span_s,
    )


def _no_answer(address: str, error: Exception) -> TransportError:
    row = find_fault(error)
    return TransportError(
        f"{address}: {row.text}",
        fault=row.fault,
        is_timeout=row.is_timeout,
        is_unreadable=row.is_unreadable,
    )


def _read_body(response: requests.Response, max_bytes: int) -> bytes:
    if response.status_code < HTTPStatus.OK:
        # http.client takes 103 for the answer and leaves the real one in the connection.
        msg = f"it sent a {response.status_code} in place of a final answer"
        raise UnacceptableAnswerError(msg)
    body = bytearray()
    # Not response.content, which unpacks the whole body before its size can be checked.
    for chunk in response.iter_content(_CHUNK_BYTES):
        body += chunk
        if len(body) > max_bytes:
            msg = f"its answer is larger than {max_bytes} bytes"
            raise UnacceptableAnswerError(msg)
    return bytes(body)


def _prepare(request: Request, address: str) -> requests.PreparedRequest:
    headers = {**_HEADERS, **request.headers}
    try:
        return requests.Request(
            request.method, request.url, params=request.params, headers=headers, json=request.json
        ).prepare()
    except CALL_ERRORS as exc:
        # Without the error's own words, which quote the address with its query.
        msg = f"a call to {address} cannot be written as HTTP"
        raise TransportError(msg, fault=Fault.FORBIDDEN) from exc

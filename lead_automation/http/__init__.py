"""The HTTP border: what a call and its answer look like, and the client that makes real ones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Protocol

import requests

from lead_automation import __version__
from lead_automation.clock import Chance, Clock, Sleep
from lead_automation.config import HttpPolicy
from lead_automation.errors import Fault, TransportError
from lead_automation.http.deadline import Watchdog
from lead_automation.http.echo import without_echo
from lead_automation.http.faults import CALL_ERRORS, TOO_LATE, UnacceptableAnswerError, find_fault
from lead_automation.http.pool import ONE_TRY, HostConnections
from lead_automation.http.retry import ReadRetry
from lead_automation.http_rules import clock_offset_s, parse_http_date, safe_address

DEFAULT_DEADLINE_S = 45.0
DEFAULT_MAX_BYTES = 1 << 20
MAX_IDLE_BEFORE_SEND_S = 1.0
USER_AGENT = f"lead-automation/{__version__}"
"""WATI's front door answers a library's default user agent with 403."""

_HEADERS = {"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "gzip"}
_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call to be made.

    Attributes:
        url: ``https`` (plain ``http`` only to a literal loopback address or ``localhost``).
        params: Query, in order; never logged, it may hold a number.
        headers: Beside those the border sets itself (user agent, accepted encoding).
        json: Body; None for no body.
        deadline_s: Seconds for one try from its first byte to the last of its answer.
        max_bytes: Size of the decoded answer at which reading stops.
        retry_reads: Repeat a GET whose answer says "later" or does not come; ignored for others.
        is_send: A message to a person: never on a connection that has been idle for a second,
            which the server may be closing at this moment.
        on_try: Called before every try that leaves, the first and each repeated one.
    """

    method: str
    url: str
    params: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    json: object = None
    deadline_s: float = DEFAULT_DEADLINE_S
    max_bytes: int = DEFAULT_MAX_BYTES
    retry_reads: bool = False
    is_send: bool = False
    on_try: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer, whatever its status; a 3xx is one too, it is never followed.

    Attributes:
        headers: By lower-case name.
        body: Decoded (gunzipped) bytes.
        server_date: The ``Date`` header, aware; None when missing or unreadable.
        offset_s: ``server_date`` minus our wall clock in the middle of the call, in seconds.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    server_date: datetime | None = None
    offset_s: float | None = None


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
        allow_posts: bool,
    ) -> None:
        """Keep the collaborators; no connection is made yet.

        Args:
            policy: Timeouts of connecting and of each wait for the next byte.
            clock: For the offset to the server's and the age of connections.
            sleep: Waits between the tries of a read.
            chance: Draws the jitter of those waits.
            allow_posts: False in a dry run: then nothing but a GET leaves.
        """
        self._policy = policy
        self._clock = clock
        self._sleep = sleep
        self._chance = chance
        self._allow_posts = allow_posts
        self._watchdog = Watchdog()
        self._hosts: dict[str, HostConnections] = {}

    def call(self, request: Request) -> Answer:
        """Return the whole answer; see ``Http``."""
        address = safe_address(request.url)
        if request.method != "GET" and not self._allow_posts:
            msg = f"a {request.method} to {address} was held back: this run may only read"
            raise TransportError(msg, fault=Fault.FORBIDDEN)
        host = self._connections_to(request, address)
        prepared = _prepare(request, address)
        tries = _Tries(request, self._watchdog, self._clock, self._sleep)
        host.adapter.max_retries = (
            ReadRetry(between_tries=tries.again_after, clock=self._clock, chance=self._chance)
            if request.retry_reads and request.method == "GET"
            else ONE_TRY
        )
        try:
            answer = self._exchange(host, prepared, request, tries)
        except CALL_ERRORS as exc:
            row = find_fault(exc)
            if self._watchdog.disarm() and row.fault is Fault.LOST:
                row = TOO_LATE
            host.drop_connections()
            msg = f"{address}: {row.text}"
            raise TransportError(msg, fault=row.fault, is_timeout=row.is_timeout) from exc
        finally:
            self._watchdog.disarm()
            host.last_used_s = self._clock.monotonic()
        return answer

    def close(self) -> None:
        """Close every connection."""
        for host in self._hosts.values():
            host.drop_connections()
        self._hosts.clear()

    def _connections_to(self, request: Request, address: str) -> HostConnections:
        host = self._hosts.get(address)
        if host is None:
            host = HostConnections(self._watchdog, self._clock.monotonic)
            self._hosts[address] = host
        idle_s = self._clock.monotonic() - host.last_used_s
        if request.is_send and idle_s >= MAX_IDLE_BEFORE_SEND_S:
            host.drop_connections()
        return host

    def _exchange(
        self,
        host: HostConnections,
        prepared: requests.PreparedRequest,
        request: Request,
        tries: "_Tries",
    ) -> Answer:
        """Make the tries of one call.

        Raises:
            CALL_ERRORS: There is no whole answer.
        """
        tries.start()
        with host.adapter.send(
            prepared,
            stream=True,
            verify=True,
            timeout=(
                min(self._policy.connect_timeout_s, request.deadline_s),
                min(self._policy.read_timeout_s, request.deadline_s),
            ),
        ) as response:
            offset_from = tries.middle()
            body = _read_body(response, request.max_bytes)
        if self._watchdog.disarm():
            # A body that ends with its connection looks whole when we shut that ourselves.
            raise requests.ReadTimeout
        headers = {name.lower(): value for name, value in response.headers.items()}
        server_date = parse_http_date(headers.get("date"))
        return Answer(
            status=response.status_code,
            headers=headers,
            body=without_echo(body, request.headers.get("Authorization")),
            server_date=server_date,
            offset_s=clock_offset_s(server_date, offset_from),
        )


class _Tries:
    """Start each try of one call: its deadline, its time, and the count of those who pay."""

    def __init__(self, request: Request, watchdog: Watchdog, clock: Clock, sleep: Sleep) -> None:
        self._request = request
        self._watchdog = watchdog
        self._clock = clock
        self._sleep = sleep
        self._started_at = clock.now()

    def start(self) -> None:
        self._watchdog.arm(self._request.deadline_s)
        self._started_at = self._clock.now()
        if self._request.on_try is not None:
            self._request.on_try()

    def again_after(self, wait_s: float) -> None:
        self._watchdog.disarm()
        if wait_s > 0:
            self._sleep(wait_s)
        self.start()

    def middle(self) -> datetime:
        """Return our wall clock in the middle between the start of the try and now."""
        return self._started_at + (self._clock.now() - self._started_at) / 2


def _read_body(response: requests.Response, max_bytes: int) -> bytes:
    if response.status_code < HTTPStatus.OK:
        # http.client takes 103 for the answer and leaves the real one in the connection.
        msg = f"it sent a {response.status_code} in place of a final answer"
        raise UnacceptableAnswerError(msg)
    body = bytearray()
    for chunk in response.iter_content(_CHUNK_BYTES):
        body += chunk
        if len(body) > max_bytes:
            msg = f"its answer is larger than {max_bytes} bytes"
            raise UnacceptableAnswerError(msg)
    return bytes(body)


def _prepare(request: Request, address: str) -> requests.PreparedRequest:
    prepared = requests.PreparedRequest()
    try:
        # Step by step, so without cookies and without credentials found in the URL.
        prepared.prepare_method(request.method)
        prepared.prepare_url(request.url, request.params)
        prepared.prepare_headers({**_HEADERS, **request.headers})
        prepared.prepare_body(data=None, files=None, json=request.json)
    except CALL_ERRORS as exc:
        msg = f"a call to {address} cannot be written as HTTP"
        raise TransportError(msg, fault=Fault.FORBIDDEN) from exc
    return prepared

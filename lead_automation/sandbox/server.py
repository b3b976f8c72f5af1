"""Put a simulator on loopback: real sockets, and every way a network has of spoiling an answer."""

import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from struct import pack
from types import TracebackType
from typing import Any, Literal

from lead_automation.sandbox.addresses import Addresses
from lead_automation.sandbox.exchange import (
    FaultKind,
    Side,
    SimReply,
    SimRequest,
    request_of,
    text_reply,
)
from lead_automation.sandbox.faults import write_damaged, write_whole
from lead_automation.sandbox.scripts import Moment
from lead_automation.sandbox.simulator import Simulator

_HOST = "127.0.0.1"
_POLL_S = 0.02
_MAX_BODY = 1 << 20
_LINGER_NOTHING = pack("ii", 1, 0)


class SandboxServer:
    """Serve a simulator on two loopback ports, WATI's and the CRM's, while the ``with`` lasts.

    Attributes:
        simulator: Whose answers these are; one request at a time goes through it.
        latency_s: Seconds every answer waits before it leaves.
        problems: Exceptions of the simulator or of a test's hooks; the first is raised when the
            ``with`` ends, unless another exception is on its way.
    """

    def __init__(
        self, simulator: Simulator, *, latency_s: float = 0.0, longest_wait_s: float = 60.0
    ) -> None:
        """Take what to serve.

        Args:
            simulator: What to serve.
            latency_s: See above.
            longest_wait_s: How long a hanging answer hangs at most.
        """
        self.simulator = simulator
        self.latency_s = latency_s
        self.problems: list[BaseException] = []
        self.stopping = threading.Event()
        self._longest_wait_s = longest_wait_s
        self._lock = threading.RLock()
        self._open: dict[Side, _Listener] = {}
        self._closed: list[_Listener] = []
        self._ports: dict[Side, int] = {}

    def __enter__(self) -> "SandboxServer":
        for side in Side:
            self._listen(side)
        self.simulator.watch_outages(self._follow_outage)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
        if exc is None and self.problems:
            raise self.problems[0]

    @property
    def addresses(self) -> Addresses:
        """Where to call."""
        return Addresses(
            wati_origin=f"http://{_HOST}:{self._ports[Side.WATI]}",
            crm_origin=f"http://{_HOST}:{self._ports[Side.CRM]}",
        )

    def wati_base_url(self, version: Literal["v1", "v2"] = "v2", tenant: str | None = None) -> str:
        """Return ``WATI_BASE_URL``."""
        return self.addresses.wati_base_url(version, tenant)

    @property
    def lead_url(self) -> str:
        """``LEAD_API_URL``."""
        return self.addresses.lead_url

    @property
    def log_url(self) -> str:
        """``WATI_LOG_API_URL``."""
        return self.addresses.log_url

    def close(self) -> None:
        """Cut every connection and wait for every thread; harmless a second time."""
        self.stopping.set()
        for side in tuple(self._open):
            self._stop_listening(side)
        for listener in self._closed:
            listener.cut(idle_only=False)
            listener.server_close()
        self._closed.clear()

    def _listen(self, side: Side) -> None:
        listener = _Listener(self, self._ports.get(side, 0))
        self._ports[side] = listener.server_port
        self._open[side] = listener
        listener.start()

    def _stop_listening(self, side: Side) -> None:
        """Refuse connections from now on; an answer being written still leaves."""
        listener = self._open.pop(side)
        listener.stop()
        listener.cut(idle_only=True)
        # Its threads are waited for at the very end: this may be running in one of them.
        self._closed.append(listener)

    def _follow_outage(self, side: Side, kind: FaultKind | None) -> None:
        if self.stopping.is_set():
            return
        if kind is FaultKind.REFUSED and side in self._open:
            self._stop_listening(side)
        elif kind is None and side not in self._open:
            self._listen(side)

    # -- for the handlers ------------------------------------------------------------------------

    def handle(self, request: SimRequest) -> SimReply:
        """Let the simulator answer, one request at a time."""
        with self._lock:
            return self.simulator.handle(request)

    def pause(self, seconds: float) -> bool:
        """Wait; False when the server is stopping."""
        return not self.stopping.wait(seconds)

    def pause_until_stopped(self) -> None:
        """Wait for the end, or for the longest wait allowed."""
        self.stopping.wait(self._longest_wait_s)


class _Listener(ThreadingHTTPServer):
    """One side's port, its connections and their threads."""

    daemon_threads = False  # so that server_close waits for them
    request_queue_size = 128

    def __init__(self, owner: SandboxServer, port: int) -> None:
        self.owner = owner
        self.is_stopped = False
        self._connections: dict[socket.socket, bool] = {}
        self._connections_lock = threading.Lock()
        super().__init__((_HOST, port), _Handler)
        self._thread = threading.Thread(target=self.serve_forever, args=(_POLL_S,), daemon=True)

    def server_bind(self) -> None:
        """Bind without the reverse look-up of our own address, which may ask a name server."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = _HOST, int(self.server_address[1])

    def start(self) -> None:
        """Accept connections."""
        self._thread.start()

    def stop(self) -> None:
        """Accept none any more."""
        self.is_stopped = True
        self.shutdown()
        self._thread.join()
        self.socket.close()

    def cut(self, *, idle_only: bool) -> None:
        """Shut connections down, so that the threads reading them end."""
        with self._connections_lock:
            for connection, is_busy in self._connections.items():
                if not (idle_only and is_busy):
                    with suppress(OSError):
                        connection.shutdown(socket.SHUT_RDWR)

    def mark(self, connection: socket.socket, *, is_busy: bool) -> None:
        """Remember whether a request is being answered on a connection."""
        with self._connections_lock:
            self._connections[connection] = is_busy

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a thread for a connection."""
        self.mark(request, is_busy=False)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection as it stands: an orderly goodbye first would undo a reset."""
        with self._connections_lock:
            self._connections.pop(request, None)
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 (overridden)
        """Keep what went wrong for the end of the ``with``; a client that left is no problem."""
        problem = sys.exception()
        if problem is not None and not isinstance(problem, OSError):
            self.owner.problems.append(problem)


class _Handler(BaseHTTPRequestHandler):
    """One connection: requests in turn, kept alive between them."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener
    connection: socket.socket

    def do_GET(self) -> None:
        """Answer a read."""
        self._exchange()

    def do_POST(self) -> None:
        """Answer a write."""
        self._exchange()

    def log_message(self, *_args: object) -> None:
        """Say nothing: stderr is the program's log."""

    def _exchange(self) -> None:
        self.server.mark(self.connection, is_busy=True)
        head = request_of(self.command, self.path, headers=dict(self.headers.items()))
        self.server.owner.simulator.reached(Moment.HEADERS, head)
        body = self._read_body()
        if body is None:
            return
        request = replace(head, body=body)
        reply = self.server.owner.handle(request)
        if self.server.owner.latency_s and not self.pause(self.server.owner.latency_s):
            self.close_connection = True
            return
        self._write(request, reply)
        self.server.mark(self.connection, is_busy=False)
        if self.server.is_stopped:
            self.close_connection = True

    def _read_body(self) -> bytes | None:
        """Return the request's body; None when it did not come whole, and nothing was done."""
        announced = self.headers.get("Content-Length", "0")
        length = int(announced) if announced.isdecimal() else _MAX_BODY + 1
        if length > _MAX_BODY:
            self.close_connection = True
            write_whole(self, text_reply("too large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE))
            return None
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            return None
        return body

    def _write(self, request: SimRequest, reply: SimReply) -> None:
        simulator = self.server.owner.simulator
        if reply.network is not None:
            self.close_connection = True
            is_outage = self.server.is_stopped and reply.network.kind is FaultKind.REFUSED
            if not is_outage:
                write_damaged(self, reply, reply.network)
            return
        halfway: Callable[[], None] | None = None
        if simulator.hooks.wants(Moment.MID_BODY, simulator.endpoint_of(request.path)):

            def halfway() -> None:
                simulator.reached(Moment.MID_BODY, request)

        write_whole(self, reply, halfway)
        simulator.reached(Moment.REPLIED, request)

    # -- the Wire of faults.py -------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self.connection.sendall(data)

    def pause(self, seconds: float) -> bool:
        """Wait; False when the server is stopping."""
        return self.server.owner.pause(seconds)

    def pause_until_stopped(self) -> None:
        """Wait for the server's end, or for its longest wait."""
        self.server.owner.pause_until_stopped()

    def reset(self) -> None:
        """Have the close that follows send RST instead of FIN."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOTHING)

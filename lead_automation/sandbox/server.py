"""Put a simulator on loopback, over real sockets."""

import sys
import threading
from dataclasses import replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from types import TracebackType
from typing import Any, Final

from lead_automation.sandbox.addresses import Addresses
from lead_automation.sandbox.exchange import Side, SimReply, SimRequest, request_of, text_reply
from lead_automation.sandbox.simulator import Simulator

HOST: Final = "127.0.0.1"
_POLL_S = 0.02  # how long closing waits at most for each port
_MAX_BODY = 1 << 20  # a send has some hundred bytes
_STATUSES: Final = frozenset(int(status) for status in HTTPStatus)


class SandboxServer:
    """Serve a simulator on two loopback ports, WATI's and the CRM's, while the ``with`` lasts.

    Attributes:
        simulator: Whose answers these are; one request at a time goes through it.
        listeners: By side, once entered.
    """

    def __init__(self, simulator: Simulator, *, port: int = 0) -> None:
        """Take what to serve, and WATI's port, behind which the CRM's comes; 0 for any free two."""
        self.simulator = simulator
        self._lock = threading.RLock()
        self._port = port
        self.listeners: dict[Side, Listener] = {}

    def __enter__(self) -> "SandboxServer":
        try:
            for place, side in enumerate((Side.WATI, Side.CRM)):
                self.listeners[side] = self.listen(self._port and self._port + place)
        except OSError:  # a port that is taken: what is open already must not stay so
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for listener in self.listeners.values():
            listener.stop()

    def listen(self, port: int = 0) -> "Listener":
        """Open a port, for 0 any free one."""
        return Listener(self, port=port, handler=Handler)

    @property
    def addresses(self) -> Addresses:
        """Where to call."""
        ports = {side: listener.server_port for side, listener in self.listeners.items()}
        return Addresses(
            wati_origin=f"http://{HOST}:{ports[Side.WATI]}",
            crm_origin=f"http://{HOST}:{ports[Side.CRM]}",
        )

    def handle(self, request: SimRequest) -> SimReply:
        """Let the simulator answer, one request at a time."""
        with self._lock:
            return self.simulator.handle(request)


class Handler(BaseHTTPRequestHandler):
    """One connection: requests in turn, kept alive between them."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "Listener"

    def do_GET(self) -> None:
        """Answer a read."""
        self.exchange()

    def do_POST(self) -> None:
        """Answer a write."""
        self.exchange()

    def log_message(self, *_args: object) -> None:
        """Say nothing: stderr is the program's log."""

    def exchange(self) -> None:
        """Read one request, and write what the simulator says to it."""
        head = request_of(self.command, self.path, headers=dict(self.headers.items()))
        body = self.read_body(head)
        if body is None:
            self.close_connection = True
            return
        request = replace(head, body=body)
        self.write_reply(request, self.server.owner.handle(request))

    def read_body(self, head: SimRequest) -> bytes | None:
        """Return a request's body; None when it did not come whole, and nothing is to be done."""
        announced = head.headers.get("content-length", "0")
        length = int(announced) if announced.isdecimal() else _MAX_BODY + 1
        if length > _MAX_BODY:
            self.write(whole(text_reply("too large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)))
            return None
        body = self.rfile.read(length)
        return body if len(body) == length else None

    def write_reply(self, request: SimRequest, reply: SimReply) -> None:  # noqa: ARG002 (to be overridden)
        """Send an answer, or close the connection in its place."""
        if reply.is_lost:
            self.close_connection = True
        else:
            self.write(whole(reply))

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self.connection.sendall(data)


class Listener(ThreadingHTTPServer):
    """One side's port; each connection has a thread that ends with it or with the process."""

    request_queue_size = 128

    def __init__(self, owner: SandboxServer, *, port: int, handler: type[Handler]) -> None:
        """Accept connections from now on."""
        self.owner = owner
        super().__init__((HOST, port), handler)
        self.thread = threading.Thread(target=self.serve_forever, args=(_POLL_S,), daemon=True)
        self.thread.start()

    def server_bind(self) -> None:
        """Bind without the reverse look-up of our own address, which may ask a name server."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, int(self.server_address[1])

    def stop(self) -> None:
        """Accept none any more."""
        self.shutdown()
        self.thread.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Show what went wrong; a client that left is no problem."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def head_of(reply: SimReply, *extra: tuple[str, str]) -> bytes:
    """Return status line and headers, without a length."""
    phrase = HTTPStatus(reply.status).phrase if reply.status in _STATUSES else ""
    lines = [f"HTTP/1.1 {reply.status} {phrase}"]
    lines += [f"{name}: {value}" for name, value in (*reply.headers, *extra)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def whole(reply: SimReply) -> bytes:
    """Return an answer as it should be."""
    return head_of(reply, ("Content-Length", str(len(reply.body)))) + reply.body

"""The simulator on real sockets, spoiling answers as directed."""

import socket
import sys
import threading
from contextlib import suppress
from struct import pack
from types import TracebackType
from typing import Any

from simulated.faults import FaultKind, fault_of, write_spoilt
from simulated.scripts import Moment
from simulated.simulator import Simulator

from lead_automation.sandbox import server
from lead_automation.sandbox.exchange import Side, SimReply, SimRequest
from lead_automation.sandbox.server import Handler, whole

_LINGER_NOTHING = pack("ii", 1, 0)


class SandboxServer(server.SandboxServer):
    """The product's server under a test's direction; its end leaves no thread and no connection.

    Attributes:
        latency_s: Seconds every answer waits before it leaves.
        problems: Exceptions of the simulator or of a test's hooks; the first is raised when the
            ``with`` ends, unless another exception is on its way.
    """

    simulator: Simulator

    def __init__(
        self, simulator: Simulator, *, latency_s: float = 0.0, longest_wait_s: float = 60.0
    ) -> None:
        """Take what to serve, and how long a hanging answer hangs at most."""
        super().__init__(simulator)
        self.latency_s = latency_s
        self.problems: list[BaseException] = []
        self.stopping = threading.Event()
        self._longest_wait_s = longest_wait_s
        self._stopped: list[_Listener] = []

    def __enter__(self) -> "SandboxServer":
        super().__enter__()
        self.simulator.watcher = self._follow_outage
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

    def close(self) -> None:
        """Cut every connection and wait for every thread; harmless a second time."""
        self.stopping.set()
        for side in Side:
            self._stop_listening(side)
        for listener in self._stopped:
            listener.cut(idle_only=False)
            listener.server_close()
        self._stopped.clear()

    def listen(self, port: int = 0) -> "_Listener":
        """Open a port."""
        return _Listener(self, port=port, handler=_Handler)

    def pause(self, seconds: float | None) -> bool:
        """Wait, for None as long as an answer may hang; False when the server is stopping."""
        return not self.stopping.wait(self._longest_wait_s if seconds is None else seconds)

    def _stop_listening(self, side: Side) -> None:
        """Refuse connections from now on; an answer being written still leaves."""
        listener = self.listeners[side]
        assert isinstance(listener, _Listener)
        if not listener.is_stopped:
            listener.stop()
            listener.cut(idle_only=True)
            # Its threads are waited for at the very end: this may be running in one of them.
            self._stopped.append(listener)

    def _follow_outage(self, side: Side, kind: FaultKind | None) -> None:
        if self.stopping.is_set():
            return
        if kind is FaultKind.REFUSED:
            self._stop_listening(side)
        elif kind is None and self.listeners[side] in self._stopped:
            self.listeners[side] = self.listen(self.listeners[side].server_port)


class _Listener(server.Listener):
    """One side's port, its connections and their threads."""

    daemon_threads = False  # so that server_close waits for them
    owner: SandboxServer

    def __init__(self, *args: Any, **options: Any) -> None:
        self.is_stopped = False
        self._connections: dict[socket.socket, bool] = {}
        self._connections_lock = threading.Lock()
        super().__init__(*args, **options)

    def stop(self) -> None:
        """Accept no connection any more; those there are stay."""
        self.is_stopped = True
        self.shutdown()
        self.thread.join()
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


class _Handler(Handler):
    """One connection, and the ``Wire`` of its faults."""

    server: _Listener
    _left: SimReply | None = None
    """The list that a stale connection has not delivered yet."""

    def exchange(self) -> None:
        """Answer one request, marked as busy."""
        self.server.mark(self.connection, is_busy=True)
        super().exchange()
        self.server.mark(self.connection, is_busy=False)
        self.close_connection |= self.server.is_stopped

    def read_body(self, head: SimRequest) -> bytes | None:
        """Read the body once the hooks have seen the headers."""
        self.server.owner.simulator.reached(Moment.HEADERS, head)
        return super().read_body(head)

    def write_reply(self, request: SimRequest, reply: SimReply) -> None:
        """Write an answer late, spoilt, or in two pieces with hooks between them."""
        owner = self.server.owner
        if owner.simulator.lies.is_stale and "/getMessages/" in request.path:
            reply, self._left = self._left or reply, reply
        fault = fault_of(reply)
        self.close_connection |= fault is not None
        if owner.latency_s and not self.pause(owner.latency_s):
            self.close_connection = True
        elif fault is None:
            self._write_whole(request, reply)
        elif not (self.server.is_stopped and fault.kind is FaultKind.REFUSED):
            write_spoilt(self, reply, fault)

    def _write_whole(self, request: SimRequest, reply: SimReply) -> None:
        simulator = self.server.owner.simulator
        data = whole(reply)
        if simulator.wants(Moment.MID_BODY, request):
            cut = len(data) - (len(reply.body) + 1) // 2
            self.write(data[:cut])
            simulator.reached(Moment.MID_BODY, request)
            data = data[cut:]
        self.write(data)
        simulator.reached(Moment.REPLIED, request)

    def pause(self, seconds: float | None) -> bool:
        """Wait; False when the server is stopping."""
        return self.server.owner.pause(seconds)

    def reset(self) -> None:
        """Have the close that follows send RST instead of FIN."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOTHING)

"""Hold a call to its deadline, however slowly the other side drips.

A socket timeout starts anew with every byte, so a server that sends one now and then keeps a call
open for ever. A timer that shuts the connection down from outside ends it wherever it hangs: in
the TLS handshake, the headers or the body.
"""

import socket
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Condition, Thread

from urllib3.util.connection import create_connection

from lead_automation.clock import SystemClock

_STEADY = SystemClock().monotonic
_SocketOptions = Sequence[tuple[int, int, int | bytes]]


class Watchdog:
    """Shut the connections of the current try down when its time is over.

    One thread for all tries: to start one for each costs as much as half a call to a near server.
    It sleeps until the time it knows of, then looks what holds by now. It works on duplicates of
    the connections' descriptors: the number of one that the caller has closed may by then belong
    to another file.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._thread: Thread | None = None
        self._wakes_at = 0.0
        self._ends_at: float | None = None
        self._watched: list[socket.socket] = []
        self._fired = False

    def arm(self, seconds: float) -> None:
        """Start the time of a try, ending that of the one before."""
        self.disarm()
        with self._changed:
            self._fired = False
            self._ends_at = _STEADY() + seconds
            if self._thread is None:
                self._wakes_at = self._ends_at
                self._thread = Thread(target=self._keep_watch, daemon=True, name="deadline")
                self._thread.start()
            elif self._ends_at < self._wakes_at:
                self._changed.notify()

    def watch(self, sock: socket.socket) -> None:
        """Include a connection in the current try."""
        duplicate = socket.fromfd(sock.fileno(), sock.family, sock.type)
        with self._changed:
            self._watched.append(duplicate)
            if self._fired:
                _shut_down(duplicate)

    def disarm(self) -> bool:
        """End the time of the try; return whether it was over before."""
        with self._changed:
            self._ends_at = None
            watched, self._watched = self._watched, []
            fired = self._fired
        for duplicate in watched:
            duplicate.close()
        return fired

    def _keep_watch(self) -> None:
        """Wait for the end of a try; go when there is none to wait for."""
        with self._changed:
            while self._ends_at is not None:
                self._wakes_at = self._ends_at
                left_s = self._ends_at - _STEADY()
                if left_s > 0:
                    self._changed.wait(left_s)
                else:
                    self._fire()
            self._thread = None

    def _fire(self) -> None:
        self._ends_at = None
        self._fired = True
        for duplicate in self._watched:
            _shut_down(duplicate)


def _shut_down(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the other side was faster


def dial(
    host: str,
    port: int,
    *,
    limit_s: float,
    monotonic: Callable[[], float],
    options: _SocketOptions = (),
) -> socket.socket:
    """Connect to the first address of a host that takes the call.

    Args:
        host: Name or literal address.
        port: TCP port.
        limit_s: Seconds for looking the name up and for all its addresses together.
        monotonic: Steady clock, in seconds.
        options: Set on the socket before it connects.

    Raises:
        socket.gaierror: The name is unknown, or nobody could say in time.
        TimeoutError: No address answered in time.
        OSError: The last address refused.
    """
    end = monotonic() + limit_s
    problem: OSError = TimeoutError("no address answered in time")
    for address in _look_up(host, port, limit_s):
        left = end - monotonic()
        if left <= 0:
            break
        try:
            return create_connection((address, port), timeout=left, socket_options=[*options])
        except OSError as exc:
            problem = exc
    raise problem


def _look_up(host: str, port: int, limit_s: float) -> list[str]:
    """Resolve on a thread of its own: the system's resolver cannot be told to hurry."""
    answers: SimpleQueue[list[str] | OSError] = SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
            answers.put([str(address[0]) for *_, address in found])
        except OSError as exc:
            answers.put(exc)
        except UnicodeError as exc:
            answers.put(socket.gaierror(socket.EAI_NONAME, str(exc)))

    Thread(target=ask, daemon=True, name="name-lookup").start()
    try:
        answer = answers.get(timeout=limit_s)
    except Empty:
        raise socket.gaierror(socket.EAI_AGAIN, "no answer in time") from None
    if isinstance(answer, OSError):
        raise answer
    return answer

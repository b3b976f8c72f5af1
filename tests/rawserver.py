"""A server on loopback that answers whatever bytes a test wants, as slowly as it wants."""

import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Lock, Thread

Script = Callable[[socket.socket, Event], bool]
"""Answer one request on a connection; return whether to go on with the next one on it."""

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def say(data: bytes, *, keep: bool = True) -> Script:
    """Send bytes, then keep or close the connection."""

    def script(conn: socket.socket, _done: Event) -> bool:
        conn.sendall(data)
        return keep

    return script


def drip(head: bytes, drop: bytes = b"x", *, pause_s: float = 0.03) -> Script:
    """Send a head, then a drop now and then, for as long as anybody listens."""

    def script(conn: socket.socket, done: Event) -> bool:
        conn.sendall(head)
        while not done.wait(pause_s):
            conn.sendall(drop)
        return False

    return script


def hang(_conn: socket.socket, done: Event) -> bool:
    """Say nothing until the test is over."""
    done.wait(5)
    return False


def reset(conn: socket.socket, _done: Event) -> bool:
    """Break the connection with RST."""
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


class RawServer:
    """Read whole requests and answer each by the next script; the last one repeats.

    Attributes:
        requests: Every request that arrived whole, head and body.
        connections: How many were opened.
    """

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None) -> None:
        """Listen on a free port of the loopback address."""
        self._scripts = list(scripts)
        self._tls = tls
        self._done = Event()
        self._lock = Lock()
        self._threads: list[Thread] = []
        self._conns: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.requests: list[bytes] = []
        self.connections = 0
        port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}" if tls is None else f"https://localhost:{port}"
        self._start(self._accept)

    def close(self) -> None:
        """End every script, connection and thread."""
        self._done.set()
        for sock in (*self._conns, self._listener):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _start(self, work: Callable[[], None]) -> None:
        thread = Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._done.is_set():
            try:
                conn, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._conns.append(conn)
            self._start(lambda conn=conn: self._serve(conn))  # type: ignore[misc]

    def _serve(self, plain: socket.socket) -> None:
        with plain:
            plain.settimeout(5)
            try:
                conn = self._tls.wrap_socket(plain, server_side=True) if self._tls else plain
                with conn:
                    while (request := self._read(conn)) and self._answer(conn, request):
                        pass
            except OSError:
                return

    def _answer(self, conn: socket.socket, request: bytes) -> bool:
        with self._lock:
            self.requests.append(request)
            script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        return script(conn, self._done)

    @staticmethod
    def _read(conn: socket.socket) -> bytes:
        data, missing = b"", 1
        while missing > 0:
            more = conn.recv(65536)
            if not more:
                return b""
            data += more
            head, end, body = data.partition(b"\r\n\r\n")
            lengths = [
                line.split(b":")[1]
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length:")
            ]
            missing = int((lengths or [b"0"])[0]) - len(body) if end else 1
        return data

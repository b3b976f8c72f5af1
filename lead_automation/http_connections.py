"""Connections that keep the border's promises: TLS 1.2 or newer, and an end from outside."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

from lead_automation.deadline import Worker


class Connections(HTTPAdapter):
    """The connections to one host, of which one is open at a time.

    There is no ``requests.Session`` around them: it follows redirects, keeps cookies and takes
    proxies and ``.netrc`` from the environment, each of which it had to be told not to do; and told
    not to follow a redirect, it still reads the whole of its body, past every cap.

    Attributes:
        worker: Makes the calls.
        last_used_s: Steady time of the last call's end.
    """

    def __init__(self) -> None:
        self.worker = Worker()
        self.last_used_s = 0.0
        self._is_cut = False
        self._latest: HTTPConnection | None = None
        super().__init__(pool_connections=1, pool_maxsize=1)  # and no retries, the default

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Set the floor of TLS; requests adds the certificates and the verification."""
        # A context of our own: one that the libraries make writes every session's keys to the file
        # that SSLKEYLOGFILE names.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        super().init_poolmanager(*args, ssl_context=context, **kwargs)

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """Return the pool, made to tell which connection it opens."""
        # urllib3 offers no other way to reach the socket before the answer has begun.
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        open_one = type(pool).ConnectionCls

        def open_and_tell(*args: Any, **kwargs: Any) -> HTTPConnection:
            latest: HTTPConnection = open_one(*args, **kwargs)
            self._latest = latest
            return latest

        pool.ConnectionCls = open_and_tell
        return pool

    def exchange(
        self, request: requests.PreparedRequest, timeouts: tuple[float, float]
    ) -> requests.Response:
        """Send a request, its body only if the connections are not cut by then.

        Args:
            request: Prepared; used up.
            timeouts: Seconds for connecting, and for each wait for the next byte.
        """
        # A generator is asked for its bytes only when the connection has been made.
        if isinstance(request.body, bytes):
            request.body = self._unless_cut(request.body)  # type: ignore[assignment]
        return self.send(request, stream=True, timeout=timeouts)

    def _unless_cut(self, body: bytes) -> Iterator[bytes]:
        # Looking a name up, connecting and the TLS handshake come before this and may outlast the
        # deadline. A message sent after it would arrive when it is no longer looked for.
        if self._is_cut:
            raise ConnectionAbortedError
        yield body

    def cut(self) -> None:
        """End the connections, also the one that a given up call is waiting on."""
        # The flag first: a thread that is still connecting must see it before it writes the body.
        self._is_cut = True
        sock = self._latest.sock if self._latest is not None else None
        if sock is not None:
            # Closing alone does not wake a thread that is waiting for the socket's next byte.
            with suppress(OSError):
                # The plain socket's: TLS would first want to say goodbye.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        self.close()
        self.worker.end()

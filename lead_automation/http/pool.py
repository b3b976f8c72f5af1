"""Connections that keep the border's promises: TLS 1.2 or newer, every socket watched."""

import logging
import socket
import ssl
from collections.abc import Callable
from typing import Any, cast

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Retry
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from lead_automation.http.deadline import Watchdog, dial

ONE_TRY = Retry(0, read=False)
"""No repetition of any kind, and errors as they are."""


class HostConnections:
    """The connections to one host.

    There is no ``requests.Session`` around them: it would follow redirects, keep cookies, and read
    proxies and ``.netrc`` from the environment, each of which it had to be told not to do.

    Attributes:
        adapter: Makes calls; one try each unless its ``max_retries``, set anew for each, says
            otherwise.
        last_used_s: Steady time of the last call's end.
    """

    def __init__(self, watchdog: Watchdog, monotonic: Callable[[], float]) -> None:
        # Its warnings quote the address with its query, and that holds a number.
        logging.getLogger("urllib3").setLevel(logging.CRITICAL)
        self.adapter = _Adapter(watchdog, monotonic)
        self.last_used_s = monotonic()

    def drop_connections(self) -> None:
        """Close every connection; the next call makes a new one."""
        self.adapter.close()


class _Adapter(HTTPAdapter):
    def __init__(self, watchdog: Watchdog, monotonic: Callable[[], float]) -> None:
        self._pool_classes = _pool_classes(watchdog, monotonic)
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=ONE_TRY)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Set the floor of TLS and put our connections in the place of urllib3's."""
        super().init_poolmanager(*args, ssl_minimum_version=ssl.TLSVersion.TLSv1_2, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pool_classes


def _pool_classes(
    watchdog: Watchdog, monotonic: Callable[[], float]
) -> dict[str, type[HTTPConnectionPool]]:
    """Return urllib3's pools with connections that dial and report to this watchdog.

    Classes made on the spot, because urllib3 builds connections itself and passes them nothing of
    ours.
    """

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _connect(self, watchdog, monotonic)

        def request(self, *args: Any, **kwargs: Any) -> None:
            _watch_reused(self, watchdog)
            super().request(*args, **kwargs)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _connect(self, watchdog, monotonic)

        def request(self, *args: Any, **kwargs: Any) -> None:
            _watch_reused(self, watchdog)
            super().request(*args, **kwargs)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _watch_reused(connection: HTTPConnection, watchdog: Watchdog) -> None:
    if connection.sock is not None:
        watchdog.watch(connection.sock)


def _connect(
    connection: HTTPConnection, watchdog: Watchdog, monotonic: Callable[[], float]
) -> socket.socket:
    """Open the connection as its ``_new_conn`` would, within one limit for all of it."""
    limit_s = cast("float", connection.timeout)  # never unset here: each call has both timeouts
    try:
        sock = dial(
            connection.host,
            connection.port,
            limit_s=limit_s,
            monotonic=monotonic,
            options=connection.socket_options or (),
        )
    except socket.gaierror as exc:
        raise NameResolutionError(connection.host, connection, exc) from exc
    except TimeoutError as exc:
        msg = f"no connection within {limit_s:.0f} s"
        raise ConnectTimeoutError(connection, msg) from exc
    except OSError as exc:
        msg = f"no connection: {exc}"
        raise NewConnectionError(connection, msg) from exc
    watchdog.watch(sock)
    return sock

"""Translate what requests, urllib3 and the socket raise into what it means for the call."""

import ssl
from collections.abc import Iterator
from http.client import HTTPException
from typing import NamedTuple

import requests
from urllib3.exceptions import (
    HTTPError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
)
from urllib3.util.ssl_match_hostname import CertificateError

from lead_automation.errors import Fault

CALL_ERRORS = (requests.RequestException, HTTPError, HTTPException, OSError, ValueError)
"""Everything a call may raise; ValueError for what an answer's headers make a parser say."""


class UnacceptableAnswerError(ValueError):
    """An answer we refuse to read on; our own words, fit to be shown."""


class FaultRow(NamedTuple):
    """One row of the table.

    Attributes:
        text: What went wrong, for the operator; never the exception's own words, which hold the
            address with its query and so a number.
    """

    fault: Fault
    text: str
    is_timeout: bool = False


TOO_LATE = FaultRow(Fault.LOST, "no whole answer came in time", is_timeout=True)
"""The call's own deadline, too, ends in this."""
_CERTIFICATE = FaultRow(Fault.CERTIFICATE, "its certificate was refused")
_LOST = FaultRow(Fault.LOST, "the connection broke before a whole, readable answer came")

# Where the root of the trouble is one of these, no byte of the request has left. Everything that
# is not listed may have arrived.
_NOTHING_LEFT: tuple[tuple[type[BaseException], FaultRow], ...] = (
    (ssl.SSLCertVerificationError, _CERTIFICATE),
    (CertificateError, _CERTIFICATE),
    (NameResolutionError, FaultRow(Fault.UNREACHABLE, "its name is not known")),
    (NewConnectionError, FaultRow(Fault.UNREACHABLE, "it refuses connections or has no route")),
    (
        requests.ConnectTimeout,
        FaultRow(Fault.UNREACHABLE, "no connection was made in time", is_timeout=True),
    ),
)
_MAY_HAVE_ARRIVED: tuple[tuple[type[BaseException], FaultRow], ...] = (
    (requests.Timeout, TOO_LATE),
    (ReadTimeoutError, TOO_LATE),
    (requests.exceptions.ContentDecodingError, FaultRow(Fault.LOST, "its answer is garbled")),
    (requests.exceptions.ChunkedEncodingError, FaultRow(Fault.LOST, "its answer was cut off")),
)
FAULT_TABLE = _NOTHING_LEFT + _MAY_HAVE_ARRIVED
"""First match wins; anything else is LOST."""


def find_fault(error: BaseException) -> FaultRow:
    """Return what an exception of ``CALL_ERRORS`` means.

    Shapes observed with requests 2.34 and urllib3 2.8: a connection that never opened is a
    ``ConnectionError`` whose first argument is a ``MaxRetryError`` with the reason; a refused
    certificate is an ``SSLError`` around the same; a stalled TLS handshake is a ``ReadTimeout``.
    """
    if isinstance(error, UnacceptableAnswerError):
        return FaultRow(Fault.LOST, str(error))
    roots = tuple(_roots(error))
    for kind, row in FAULT_TABLE:
        if any(isinstance(root, kind) for root in roots):
            return row
    return _LOST


def _roots(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and what it is made of, not what merely happened before it."""
    current: object = error
    seen: set[int] = set()
    while isinstance(current, BaseException) and id(current) not in seen:
        seen.add(id(current))
        yield current
        inner = current.reason if isinstance(current, MaxRetryError) else None
        current = inner or next((arg for arg in current.args if isinstance(arg, Exception)), None)

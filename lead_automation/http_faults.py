"""Translate what requests, urllib3 and the socket raise into what it means for the call; pure."""

import ssl
from http.client import HTTPException
from typing import NamedTuple

import requests
from urllib3.exceptions import (
    HTTPError,
    LocationValueError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
)
from urllib3.util.ssl_match_hostname import CertificateError

from lead_automation.deadline import NoThreadError
from lead_automation.errors import Fault

CALL_ERRORS = (requests.RequestException, HTTPError, HTTPException, OSError, ValueError)
"""Everything a call may raise; ValueError for what an answer's headers make a parser say."""


class UnacceptableAnswerError(ValueError):
    """An answer we refuse to read on; our own words, fit to be shown."""


class FaultRow(NamedTuple):
    """What an exception means.

    Attributes:
        text: For the operator; never the exception's own words, which hold the address with its
            query and so a number.
    """

    fault: Fault
    text: str
    is_timeout: bool = False
    is_unreadable: bool = False


_CERTIFICATE = FaultRow(Fault.CERTIFICATE, "its certificate was refused")
_NO_NAME = FaultRow(Fault.UNREACHABLE, "its name is not known")
_TOO_LATE = FaultRow(Fault.LOST, "no whole answer came in time", is_timeout=True)

# First match wins, so the narrower stands first: NameResolutionError is a NewConnectionError, and
# requests.ConnectTimeout a Timeout, of which only the former says that nothing has left. No byte of
# the request has left where a row says UNREACHABLE or CERTIFICATE; everything else, listed or not,
# may have arrived.
_TABLE: tuple[tuple[type[Exception], FaultRow], ...] = (
    (NoThreadError, FaultRow(Fault.UNREACHABLE, "this machine has no thread left to call it on")),
    (ssl.SSLCertVerificationError, _CERTIFICATE),
    (CertificateError, _CERTIFICATE),
    (NameResolutionError, _NO_NAME),
    (LocationValueError, _NO_NAME),  # a name that no resolver can even be asked for
    (NewConnectionError, FaultRow(Fault.UNREACHABLE, "it refuses connections or has no route")),
    (
        requests.ConnectTimeout,
        FaultRow(Fault.UNREACHABLE, "no connection was made in time", is_timeout=True),
    ),
    (InterruptedError, FaultRow(Fault.LOST, "given up: a stop was asked for", is_timeout=True)),
    (requests.Timeout, _TOO_LATE),
    (ReadTimeoutError, _TOO_LATE),
    (TimeoutError, _TOO_LATE),
    (
        requests.exceptions.ContentDecodingError,
        FaultRow(Fault.LOST, "its answer is garbled", is_unreadable=True),
    ),
    (requests.exceptions.ChunkedEncodingError, FaultRow(Fault.LOST, "its answer was cut off")),
    (Exception, FaultRow(Fault.LOST, "the connection broke before a whole, readable answer came")),
)


def find_fault(error: Exception) -> FaultRow:
    """Return what an exception of ``CALL_ERRORS`` means.

    Shapes observed with requests 2.34 and urllib3 2.8: a connection that never opened is a
    ``ConnectionError`` around a ``MaxRetryError`` with the reason; a refused certificate is an
    ``SSLError`` around one whose reason is again an ``SSLError`` around Python's; a stalled TLS
    handshake is a ``ReadTimeout``, so it counts as one though nothing has left.
    """
    if isinstance(error, UnacceptableAnswerError):
        return FaultRow(Fault.LOST, str(error), is_unreadable=True)
    inner = error.args[0] if error.args else None
    reason = getattr(inner, "reason", inner)
    root = reason.args[0] if isinstance(reason, HTTPError) and reason.args else None
    return next(
        row for kind, row in _TABLE if any(isinstance(it, kind) for it in (error, reason, root))
    )

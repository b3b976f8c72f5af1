"""The pure rules of the HTTP border: faults, headers, addresses, our credential in an answer."""

import socket
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import requests
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.util.ssl_match_hostname import CertificateError

from lead_automation.errors import Fault, TransportError
from lead_automation.http_faults import find_fault
from lead_automation.http_rules import (
    parse_http_date,
    parse_retry_after,
    redact_credential,
    safe_address,
)

POOL = HTTPConnectionPool("wati.example")
CONNECTION = HTTPConnection("wati.example")
NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


def spent(reason: Exception) -> requests.ConnectionError:
    """Wrap a reason as requests does once no try is left."""
    return requests.ConnectionError(MaxRetryError(POOL, "/x?n=919812345678", reason))


NO_NAME = NameResolutionError("wati.example", CONNECTION, socket.gaierror(-2, "unknown"))
NO_ROUTE = NewConnectionError(CONNECTION, "refused")
CONNECT_TIMEOUT = requests.ConnectTimeout(
    MaxRetryError(POOL, "/x", ConnectTimeoutError(CONNECTION, "late"))
)
READ_TIMEOUT = ReadTimeoutError(POOL, "/x", "late")
BAD_CERTIFICATE = SSLError(ssl.SSLCertVerificationError(1, "self-signed"))
WRONG_HOST = SSLError(CertificateError("another host"))


@pytest.mark.parametrize(
    ("error", "fault", "is_timeout"),
    [
        (spent(NO_NAME), Fault.UNREACHABLE, False),
        (spent(NO_ROUTE), Fault.UNREACHABLE, False),
        (CONNECT_TIMEOUT, Fault.UNREACHABLE, True),
        (requests.exceptions.SSLError(MaxRetryError(POOL, "/", BAD_CERTIFICATE)), "cert", False),
        (requests.exceptions.SSLError(MaxRetryError(POOL, "/", WRONG_HOST)), "cert", False),
        (requests.exceptions.SSLError(SSLError(ssl.SSLEOFError(8, "EOF"))), Fault.LOST, False),
        (requests.ReadTimeout(READ_TIMEOUT), Fault.LOST, True),
        (spent(READ_TIMEOUT), Fault.LOST, True),
        (requests.ConnectionError(READ_TIMEOUT), Fault.LOST, True),
        (requests.ConnectionError(ProtocolError("x", ConnectionResetError())), Fault.LOST, False),
        (requests.exceptions.ChunkedEncodingError("x"), Fault.LOST, False),
        (requests.exceptions.ContentDecodingError("x"), Fault.LOST, False),
        (requests.exceptions.InvalidHeader("x"), Fault.LOST, False),
        (ValueError("x"), Fault.LOST, False),
        (OSError(), Fault.LOST, False),
        (TimeoutError(), Fault.LOST, True),
    ],
)
def test_fault_of_exception_is_lost_unless_nothing_left(
    error: Exception, fault: Fault | str, *, is_timeout: bool
) -> None:
    """Only what certainly never left is not "lost", and no number is in the words."""
    row = find_fault(error)

    assert row.fault is (Fault.CERTIFICATE if fault == "cert" else fault)
    assert row.is_timeout is is_timeout
    assert "9198" not in row.text


def test_fault_while_handling_another_is_judged_alone() -> None:
    """What merely happened before an error says nothing about it."""
    lost = requests.ConnectionError(ProtocolError("broken"))
    lost.__context__ = spent(NO_ROUTE)

    assert find_fault(lost).fault is Fault.LOST


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        (" 7 ", 7),
        ("60", 60),
        ("99999999", 99_999_999),
        ("9" * 5000, 1e9),
        (format_datetime(NOW + timedelta(seconds=30), usegmt=True), 30),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 0),
        ("Mon, 23 Nov 2026 06:00:09 -0000", 9),
        (None, None),
        ("", None),
        ("-5", None),
        ("+5", None),
        ("1.5", None),
        ("1e3", None),
        ("٣", None),
        ("soon", None),
        ("NaN", None),
        ("Sun, 99 Foo 2026 25:61:61 GMT", None),
        ("Sun, 22 Nov 99999 00:00:00 GMT", None),
        ("\x00", None),
    ],
)
def test_retry_after_of_any_value_is_seconds_or_none(
    value: str | None, seconds: float | None
) -> None:
    """Whole seconds and dates count; nonsense is as good as nothing."""
    assert parse_retry_after(value, NOW) == seconds


@pytest.mark.parametrize("value", [None, "", "now", "Mon, 23 Nov 2026", "0", "Fri, 31 Feb 2026"])
def test_date_unreadable_is_none(value: str | None) -> None:
    """What is no date is None or a date, never an exception."""
    moment = parse_http_date(value)

    assert moment is None or moment.tzinfo is UTC


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://live-server-1.wati.io/api/v1?n=9198", "https://live-server-1.wati.io"),
        ("http://127.0.0.1:8080/x", "http://127.0.0.1:8080"),
        ("http://127.9.9.9/x", "http://127.9.9.9"),
        ("http://[::1]:81/x", "http://[::1]:81"),
        ("http://localhost/x", "http://localhost"),
    ],
)
def test_address_private_is_let_through(url: str, address: str) -> None:
    """An https address anywhere, an http one on this machine; shown without path and query."""
    assert safe_address(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "http://crm.example.com/",
        "http://localhost.evil.com/",
        "http://127.1/",
        "http://2130706433/",
        "http://0.0.0.0/",
        "http://10.0.0.1/",
        "https://crm.example.com@evil.com/",
        "https://a\\@evil.com/",
        "https://user:pw@evil.com/",
        "https://ex ample.com/",
        "https://exämple.com/",
        "https://example.com/\n",
        "https://example.com:99999/",
        "https://[::1/",
        "https://",
        "file:///etc/passwd",
        "ftp://example.com/",
        "//example.com/",
        "",
    ],
)
def test_address_open_or_misleading_is_held_back(url: str) -> None:
    """Whatever could carry a token in the clear, or elsewhere, is not called."""
    with pytest.raises(TransportError) as caught:
        safe_address(url)

    assert caught.value.fault is Fault.FORBIDDEN


TOKEN = "eyJhbGciOi.payload/+"


@pytest.mark.parametrize("authorization", [f"Bearer {TOKEN}", TOKEN, f"Token {TOKEN}"])
@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (f'["{TOKEN}", {{"{TOKEN}": "{TOKEN}{TOKEN}"}}]', '["***", {"***": "******"}]'),
        (f"<p>{TOKEN}</p>", "<p>***</p>"),
        ('{"result": true}', '{"result": true}'),
    ],
)
def test_credential_quoted_by_a_server_is_replaced(
    authorization: str, body: str, shown: str
) -> None:
    """With its scheme or without; nothing else is changed."""
    assert redact_credential(body.encode(), authorization) == shown.encode()


@pytest.mark.parametrize("authorization", [None, "", "Bearer short"])
def test_credential_too_short_to_tell_is_left(authorization: str | None) -> None:
    """Hidden everywhere, a common word would change what an answer says."""
    body = b'{"result": "short"}'

    assert redact_credential(body, authorization) == body

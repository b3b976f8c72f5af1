"""The pure rules of HTTP calls: addresses that may be called, and what an answer's headers say."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from urllib.parse import urlsplit

from lead_automation.errors import Fault, TransportError
from lead_automation.settings.urls import is_loopback

_LONGEST_S = 1e9  # 30 years, longer than any wait we accept
_MAX_DIGITS = 9  # a header may hold thousands, which float() turns into infinity
_SHORTEST_CREDENTIAL = 8  # a shorter word stands in honest answers too


@lru_cache(maxsize=16)
def safe_address(url: str) -> str:
    """Return scheme, host and port of an address the border lets through.

    Settings are checked when they are read, with better words; this holds whoever calls.

    Args:
        url: ``https``, or plain ``http`` to a literal loopback address or ``localhost``.

    Returns:
        Such as ``https://live-server-1.wati.io``: fit to be shown, path and query left out.

    Raises:
        TransportError: FORBIDDEN: another scheme, a user name, or characters that readers of
            addresses disagree about.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _held_back() from None  # its text quotes the address, which may hold a number
    # Some parsers read a backslash as a slash, and so find another host in the address.
    is_plain = url.isascii() and url.isprintable() and not set(url) & set(" \\")
    is_private = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    if not (host and is_plain and is_private) or "@" in parts.netloc:
        raise _held_back()
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port else "")


def _held_back() -> TransportError:
    msg = "an address was held back: only https, without a user name, may be called"
    return TransportError(msg, fault=Fault.FORBIDDEN)


def parse_http_date(value: str | None) -> datetime | None:
    """Return a ``Date`` (or any HTTP date) header as an aware UTC time.

    Args:
        value: Such as ``Sun, 22 Nov 2026 06:00:00 GMT``; None when there was no header.

    Returns:
        None for anything that is no date.
    """
    if not value:
        return None
    try:
        moment = parsedate_to_datetime(value)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Return how long a server asks us to stay away.

    Args:
        value: Whole seconds or an HTTP date (RFC 9110, 10.2.3); None when there was no header.
        now: Aware; what a date is measured from, best the server's own ``Date``.

    Returns:
        Seconds, 0 or more and not capped (a number too long to be meant counts as 10⁹); None for
        anything else: a sign, a fraction, a word, nothing at all.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text) if len(text) <= _MAX_DIGITS else _LONGEST_S
    moment = parse_http_date(text)
    return None if moment is None else max(0.0, (moment - now).total_seconds())


def redact_credential(body: bytes, authorization: str | None) -> bytes:
    """Return an answer's body with the credential of its request replaced by ``***``.

    A server may quote it in the words of a refusal, and those go to log, reports, CRM and state.

    Args:
        body: As it came.
        authorization: Value of the request's ``Authorization`` header, with or without scheme.
    """
    # WATI's header is "Bearer …", the CRM's "Token …"; only the last word is the secret.
    token = (authorization or "").rpartition(" ")[2].encode()
    return body if len(token) < _SHORTEST_CREDENTIAL else body.replace(token, b"***")

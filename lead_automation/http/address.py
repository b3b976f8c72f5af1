"""Decide which addresses may be called at all; the last look before a socket opens; pure."""

from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from lead_automation.errors import Fault, TransportError


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
        raise _held_back() from None
    is_plain = url.isascii() and url.isprintable() and not set(url) & set(" \\")
    is_private = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))
    if not (host and is_plain and is_private) or "@" in parts.netloc:
        raise _held_back()
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port else "")


def _held_back() -> TransportError:
    msg = "an address was held back: only https, without a user name, may be called"
    return TransportError(msg, fault=Fault.FORBIDDEN)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False

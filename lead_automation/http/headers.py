"""Read the few answer headers that matter, whatever stands in them; pure, never raises."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_LONGEST_S = 1e9
_MAX_DIGITS = 9
_LONGEST_OFFSET_S = 4e9  # 126 years


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


def clock_offset_s(server_date: datetime | None, ours: datetime) -> float | None:
    """Return a server's clock minus ours, in seconds.

    Args:
        server_date: Its ``Date`` header; None when there was none.
        ours: Aware.

    Returns:
        None where it is not known; so is one of more than a century, by which no time of ours could
        be moved any more. A wall clock that begins in 1970 is still measured.
    """
    if server_date is None:
        return None
    offset_s = (server_date - ours).total_seconds()
    return offset_s if abs(offset_s) <= _LONGEST_OFFSET_S else None


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

r"""Turn a log record into lines that are safe to keep and to show.

Everything a line must not hold is taken out here, where lines are made, so that no caller can
forget it: secrets, whole phone numbers, query strings, control and bidi characters.
"""

import logging
import re
from collections.abc import Iterable
from datetime import tzinfo
from urllib.parse import quote

from lead_automation.clock import Clock
from lead_automation.text import safe_text
from lead_automation.times import time_of_day

MAX_LINE = 2000
"""Characters of a line: a refusal in full, with room; a page of HTML that came instead is cut."""

_MAX_TRACEBACK_LINES = 200  # the last ones, where the cause stands; a recursion has thousands
_HIDDEN = "***"
_BEARER = re.compile(r"(?i)\bbearer(?:\s|%20|\+)+[^\s'\",;]+")
# A query string may carry a token under any name.
_QUERY = re.compile(r"(?<=[/\w])\?[\w%.~-]+=[^\s'\"<>)]*")
_LEVEL_WIDTH = 5  # of the line form that scripts search by
# Of a shorter secret the beginning could be a plain word, and would be blacked out everywhere.
_LONG_SECRET = 24
_TELLING_BEGINNING = 16


class Redactor:
    """Replace every configured secret, whatever text it turns up in."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Take the secrets' values; the longest is replaced first."""
        known = {form for secret in secrets for form in _forms(secret)}
        ordered = sorted(known, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(_pattern, ordered))) if ordered else None

    def __call__(self, text: str) -> str:
        """Return text with secrets, bearer tokens and query strings taken out."""
        if self._pattern is not None:
            text = self._pattern.sub(_HIDDEN, text)
        text = _BEARER.sub(f"Bearer {_HIDDEN}", text)
        return _QUERY.sub(f"?{_HIDDEN}", text)


def _forms(secret: str) -> set[str]:
    """Return a secret as it may appear: whole, without its scheme, quoted for a URL."""
    parts = {secret, secret.rpartition(" ")[2]} - {""}
    return parts | {quote(part, safe="") for part in parts}


def _pattern(form: str) -> str:
    """Match a secret; a long one also by its beginning, for somebody may have cut the text."""
    if len(form) < _LONG_SECRET:
        return re.escape(form)
    return f"{re.escape(form)}|{re.escape(form[:_TELLING_BEGINNING])}[^\\s'\",;&|]*"


class LineFormatter(logging.Formatter):
    """Make ``HH:MM:SS | LEVEL | text`` lines, one a record, and one a line of a traceback."""

    def __init__(
        self, *, clock: Clock, zone: tzinfo, redact: Redactor, tracebacks: bool = False
    ) -> None:
        """Set up a formatter.

        Args:
            clock: Read for the time of a line.
            zone: Zone the time is shown in.
            redact: Takes secrets out.
            tracebacks: Show them (the file); False keeps them out (the console).
        """
        super().__init__()
        self._clock = clock
        self._zone = zone
        self._redact = redact
        self._tracebacks = tracebacks

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line or lines, without a newline at the end."""
        time = time_of_day(self._clock.now(), self._zone)
        head = f"{time} | {record.levelname:<{_LEVEL_WIDTH}} | "
        texts = [self.text(record)]
        if self._tracebacks:
            texts += self._traceback(record)
        return "\n".join(head + text for text in texts)

    def text(self, record: logging.LogRecord) -> str:
        """Return a record's message, safe to show, on one line."""
        return self._safe(_message(record))

    def _traceback(self, record: logging.LogRecord) -> list[str]:
        parts = [self.formatException(record.exc_info)] if record.exc_info else []
        if record.stack_info:
            parts.append(record.stack_info)
        # A secret that holds no newline cannot span lines, so each is made safe for itself.
        lines = [line for part in parts for line in part.split("\n")]
        return [self._safe(line) for line in lines[-_MAX_TRACEBACK_LINES:]]

    def _safe(self, text: str) -> str:
        return safe_text(self._redact(text), MAX_LINE)


def _message(record: logging.LogRecord) -> str:
    """Return the message; one whose arguments do not fit it is shown unfilled, never raised."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return str(record.msg)

"""What passes between the simulator and whoever carries its calls."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlsplit

_JSON_TYPE = "application/json; charset=utf-8"
_TEXT_TYPE = "text/plain; charset=utf-8"


class Side(Enum):
    """Whose machine a call goes to."""

    WATI = "wati"
    CRM = "crm"


class Endpoint(Enum):
    """The calls the simulator knows."""

    SEND = "send"
    MESSAGES = "messages"
    TEMPLATES = "templates"
    CONTACTS = "contacts"
    BROADCASTS = "broadcasts"
    COUNTERS = "counters"
    RECIPIENTS = "recipients"
    CREDITS = "credits"
    LEADS = "leads"
    LOG = "log"
    ELSEWHERE = "elsewhere"
    """Any other address: answered 404."""

    @property
    def side(self) -> Side:
        """Who serves it."""
        return Side.CRM if self in (Endpoint.LEADS, Endpoint.LOG) else Side.WATI


@dataclass(frozen=True, slots=True, kw_only=True)
class SimRequest:
    """A request as the simulator sees it.

    Attributes:
        path: Percent-decoded, without the query.
        query: Decoded; of a repeated name the last value.
        headers: Names in lower case.
        body: Empty while only the headers have arrived.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def number(self) -> str:
        """The recipient's digits: of a send's query or of a message list's path, else ""."""
        if "whatsappNumber" in self.query:
            return digits_of(self.query["whatsappNumber"])
        head, _, tail = self.path.rpartition("/")
        return digits_of(tail) if head.endswith("/getMessages") else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimReply:
    """An answer.

    Attributes:
        headers: Without ``Content-Length``, which whoever writes the answer adds.
        is_lost: The connection is closed instead; what the request asked for may have been done.
    """

    status: int = HTTPStatus.OK
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    is_lost: bool = False


def request_of(
    method: str, target: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> SimRequest:
    """Return the request for a target such as ``/api/v1/getMessages/919000000101?pageSize=20``.

    A whole URL is taken too; its scheme and host do not matter.
    """
    parts = urlsplit(target)
    return SimRequest(
        method=method,
        path=unquote(parts.path),
        query=dict(parse_qsl(parts.query, keep_blank_values=True)),
        headers={name.lower(): value for name, value in (headers or {}).items()},
        body=body,
    )


def json_reply(value: object, status: int = HTTPStatus.OK) -> SimReply:
    """Return an answer with a JSON body."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        body = text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can only carry escaped
        body = json.dumps(value).encode()
    return SimReply(status=status, headers=(("Content-Type", _JSON_TYPE),), body=body)


def text_reply(text: str, status: int) -> SimReply:
    """Return an answer with a plain text body."""
    return SimReply(status=status, headers=(("Content-Type", _TEXT_TYPE),), body=text.encode())


def digits_of(number: str) -> str:
    """Return a number as WATI writes it: without the plus sign."""
    return number.strip().removeprefix("+")

"""Read what a client asked the simulated WATI; what it cannot read, WATI answers with 400."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from lead_automation.sandbox.exchange import SimReply, SimRequest, json_reply

V1: Final = "v1"
V2: Final = "v2"
"""The API version whose sends return a message id."""
V3: Final = "v3"
"""The one whose sends carry many messages, each with an id of the caller's."""

_Row = TypeVar("_Row")

_FIRST_PAGE = 1
_DEFAULT_PAGE_SIZE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """A send, read.

    Attributes:
        number: Digits; as they came, so perhaps none.
        version: ``v1``, ``v2`` or ``v3``.
        parameters: Name and value, in the order received.
        local_message_id: v3: the caller's, None where it gave none.
    """

    number: str
    version: str
    template: str
    broadcast_name: str
    parameters: tuple[tuple[str, str], ...]
    channel: str | None
    local_message_id: str | None = None

    @property
    def has_bad_spaces(self) -> bool:
        """Whether a value is one that passes the send and fails later (wati-api 2.5)."""
        bad = ("    ", "\n", "\t")
        return any(space in value for _, value in self.parameters for space in bad)


def parse_send(request: SimRequest) -> Send | SimReply:
    """Return a send, or the 400 WATI answers to a malformed one."""
    value = object_of(request.body)
    if value is None:
        return _invalid_items("InvalidBody", "The request body is not a JSON object")
    template, label = value.get("template_name"), value.get("broadcast_name")
    if not (isinstance(template, str) and template and isinstance(label, str) and label):
        return _invalid_items("Required", "template_name and broadcast_name are required")
    channel, parameters = value.get("channel_number"), value.get("parameters", [])
    if not (channel is None or isinstance(channel, str)) or not are_pairs(parameters):
        return _invalid_items("InvalidType", "channel_number or parameters have the wrong type")
    return Send(
        number=request.number,
        version=V2 if "/api/v2/" in request.path else V1,
        template=template,
        broadcast_name=label,
        parameters=tuple((pair["name"], pair["value"]) for pair in parameters),
        channel=channel,
    )


def object_of(body: bytes) -> dict[str, Any] | None:
    """Return a body's JSON object, None where it is something else."""
    try:
        value = json.loads(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def are_pairs(value: object) -> bool:
    """Whether a JSON value is a list of parameters, each a name and a value."""
    return isinstance(value, list) and all(
        isinstance(pair, dict)
        and isinstance(pair.get("name"), str)
        and isinstance(pair.get("value"), str)
        for pair in value
    )


def parse_phone_filter(attribute: str) -> str | SimReply | None:
    """Return the number an ``attribute`` filter asks for, None for no filter, else a 400."""
    if not attribute:
        return None
    try:
        [condition] = json.loads(attribute)
        name, operator, value = condition["name"], condition["operator"], condition["value"]
    except (ValueError, TypeError, KeyError):
        return _invalid_items("InvalidAttribute", "attribute is not a list of one condition")
    if name != "phone" or operator != "==" or not isinstance(value, str):
        return _invalid_items("InvalidAttribute", "only phone == value is simulated")
    return value


def _invalid_items(code: str, description: str) -> SimReply:
    return json_reply({"items": [{"code": code, "description": description}]}, 400)


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list was asked for; pages count from 1."""

    number: int = _FIRST_PAGE
    size: int = _DEFAULT_PAGE_SIZE

    @classmethod
    def of_query(cls, query: Mapping[str, str]) -> "Page":
        """Return what ``pageNumber`` and ``pageSize`` say; nonsense is the default."""
        number, size = query.get("pageNumber", ""), query.get("pageSize", "")
        return cls(
            max(_FIRST_PAGE, int(number)) if number.isdecimal() else _FIRST_PAGE,
            max(1, int(size)) if size.isdecimal() else _DEFAULT_PAGE_SIZE,
        )

    def cut(self, rows: Sequence[_Row]) -> Sequence[_Row]:
        """Return this page's rows."""
        start = (self.number - 1) * self.size
        return rows[start : start + self.size]

    def link(self, path: str, total: int) -> dict[str, object]:
        """Return the ``link`` object beside a list (wati-api 3.1)."""

        def address(number: int) -> str | None:
            exists = 1 <= number <= -(-total // self.size)
            return f"{path}?pageSize={self.size}&pageNumber={number}" if exists else None

        return {
            "prevPage": address(self.number - 1),
            "nextPage": address(self.number + 1),
            "pageNumber": self.number,
            "pageSize": self.size,
            "total": total,
        }

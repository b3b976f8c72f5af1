"""How API v3 was seen, or is feared, to answer otherwise than documented: changes of its JSON.

Each is for ``scripts.changed``. What needs no change of an answer needs none here: recipients that
fill up are plans with ``appears_after_s``, a queue that stands still is a plan without history, a
refusal of the whole batch or a missing scope is ``scripts.answer``.
"""

from typing import Any

STRANGER = "919800000000"


def camel_case(body: Any) -> Any:
    """Spell every field of an answer in camel case."""
    if isinstance(body, list):
        for item in body:
            camel_case(item)
    if isinstance(body, dict):
        for name in list(body):
            head, *tail = name.split("_")
            value = body.pop(name)
            camel_case(value)
            body[head + "".join(part.capitalize() for part in tail)] = value
    return body


class RowError:
    """Put an error into one row of a send's answer."""

    def __init__(self, place: int, text: str = "Invalid phone number format.") -> None:
        self._place, self._text = place, text

    def __call__(self, body: Any) -> None:
        """Change a send's answer."""
        body["recipients"][self._place]["errors"] = [self._text]


def omit_first(body: Any) -> None:
    """Leave the first recipient out of a send's answer."""
    del body["recipients"][0]


def double_first(body: Any) -> None:
    """Name the first recipient twice."""
    body["recipients"].append(body["recipients"][0])


def add_stranger(body: Any) -> None:
    """Name somebody nobody wrote to."""
    body["recipients"].append({"local_message_id": None, "phone_number": STRANGER, "errors": []})


def without_broadcast(body: Any) -> None:
    """Say yes and name no broadcast."""
    body["broadcast_id"] = None


def not_listed_yet(body: Any) -> None:
    """List no broadcast of the last minutes: only the oldest is there."""
    del body["broadcasts"][:-1]
    body["total"] = len(body["broadcasts"])


def without_total(body: Any) -> None:
    """Say nothing of how long a list is."""
    body.pop("total", None)
    body.pop("total_count", None)


class RepeatedPage:
    """Give the first page for every further one, without a total, for ever."""

    def __init__(self) -> None:
        self._first: Any = None

    def __call__(self, body: Any) -> None:
        """Change a list's answer."""
        without_total(body)
        self._first = self._first or dict(body)
        body.update(self._first)


def without_ids(body: Any) -> None:
    """Keep none of the ids the caller chose."""
    for row in body["recipients"]:
        row["local_message_id"] = None

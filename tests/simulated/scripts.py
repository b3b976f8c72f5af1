"""Make the simulator fail on purpose: answers given instead of the ordinary ones, and hooks."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from http import HTTPStatus
from itertools import repeat
from typing import Any

from simulated.faults import BEFORE_THE_REQUEST, FaultKind, NetworkFault, SpoiltReply, spoil

from lead_automation.sandbox.exchange import Endpoint, SimReply, SimRequest, json_reply, text_reply

Match = Callable[[SimRequest], bool]
Action = Callable[[SimRequest], object]

_HTML = (
    "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a request gets instead of, or on top of, its ordinary answer.

    Attributes:
        status: None keeps the ordinary answer (useful with a fault).
        body: Bytes as they are, text as text, None empty, anything else as JSON.
        headers: Besides the content type that follows from the body.
        change: Changes the ordinary answer's JSON, in place; nothing else is to be given.
        fault: What the network does to the answer.
        taken: Whether the request is really processed (the message is sent, the row is kept). None:
            only when the ordinary answer is kept.
        times: How many requests get it; None: all from now on.
    """

    status: int | None = None
    body: object = None
    headers: tuple[tuple[str, str], ...] = ()
    change: Callable[[Any], object] | None = None
    fault: NetworkFault | None = None
    taken: bool | None = None
    times: int | None = 1

    @property
    def is_taken(self) -> bool:
        """Whether the request is really processed; never where no connection came about."""
        if self.fault is not None and self.fault.kind in BEFORE_THE_REQUEST:
            return False
        return self.status is None if self.taken is None else self.taken

    def over(self, ordinary: SimReply | None) -> SpoiltReply:
        """Return the answer that leaves, given the ordinary one where the request was processed."""
        if self.status is not None:
            shaped = self._shaped(self.status)
            shaped = replace(shaped, headers=self.headers + shaped.headers)
        elif ordinary is not None and self.change is not None:
            value = json.loads(ordinary.body)
            self.change(value)
            shaped = json_reply(value, ordinary.status)
        else:
            shaped = ordinary or SimReply()
        return spoil(shaped, self.fault)

    def _shaped(self, status: int) -> SimReply:
        if self.body is None:
            return SimReply(status=status)
        if isinstance(self.body, bytes):
            return SimReply(status=status, body=self.body)
        if isinstance(self.body, str):
            return text_reply(self.body, status)
        return json_reply(self.body, status)


def answer(body: object, status: int = HTTPStatus.OK, *, times: int | None = 1) -> Reply:
    """Return an answer that stands for no processing at all: a refusal, or nonsense."""
    return Reply(status=status, body=body, times=times)


def changed(change: Callable[[Any], object], *, times: int | None = None) -> Reply:
    """Return the ordinary answer with its JSON changed in place: a lie of the vendor's."""
    return Reply(change=change, times=times)


def lost(kind: FaultKind = FaultKind.CLOSE, *, taken: bool, times: int | None = 1) -> Reply:
    """Return the loss of an answer, the request having been processed or not."""
    return Reply(fault=NetworkFault(kind), taken=taken, times=times)


def late(seconds: float, *, times: int | None = 1) -> Reply:
    """Return the ordinary answer, late; the request is processed when it comes in."""
    return Reply(fault=NetworkFault(FaultKind.LATE, seconds), times=times)


def server_error(
    status: int = HTTPStatus.BAD_GATEWAY, *, taken: bool = False, times: int | None = 1
) -> Reply:
    """Return a gateway's text, the request having been processed behind it or not."""
    text = f"{status} {HTTPStatus(status).phrase.replace(' ', '')}"
    return Reply(status=status, body=text, taken=taken, times=times)


def rate_limited(retry_after: str | None = None, *, times: int | None = 1) -> Reply:
    """Return a 429 without a body; retry_after is the header as it stands, None leaves it out."""
    headers = (("Retry-After", retry_after),) if retry_after is not None else ()
    return Reply(status=HTTPStatus.TOO_MANY_REQUESTS, headers=headers, times=times)


def usage_limit_exceeded(*, times: int | None = None) -> Reply:
    """Return the 429 of a used-up month (wati-api 6 b): waiting cannot help."""
    return Reply(status=HTTPStatus.TOO_MANY_REQUESTS, body="API usage limit exceeded", times=times)


def redirect(location: str, status: int = HTTPStatus.FOUND, *, times: int | None = 1) -> Reply:
    """Return a redirect, which nobody should follow."""
    return Reply(status=status, headers=(("Location", location),), times=times)


def html_page(status: int = HTTPStatus.OK, *, times: int | None = 1) -> Reply:
    """Return a sign-in page where JSON is expected."""
    page = _HTML.encode()
    headers = (("Content-Type", "text/html; charset=utf-8"),)
    return Reply(status=status, body=page, headers=headers, times=times)


def in_turn(replies: tuple[Reply, ...]) -> Iterator[Reply]:
    """Yield replies in turn, each as often as it says."""
    for reply in replies:
        yield from repeat(reply) if reply.times is None else repeat(reply, reply.times)


class Scripts:
    """Replies waiting for the next matching requests, oldest script first."""

    def __init__(self) -> None:
        self._scripts: dict[Endpoint, list[tuple[Iterator[Reply], Match | None]]] = {}

    def add(self, endpoint: Endpoint, replies: tuple[Reply, ...], match: Match | None) -> None:
        """Queue replies behind those already waiting."""
        self._scripts.setdefault(endpoint, []).append((in_turn(replies), match))

    def clear(self) -> None:
        """Forget every reply not given yet, those for ever too."""
        self._scripts.clear()

    def take(self, endpoint: Endpoint, request: SimRequest) -> Reply | None:
        """Return the reply scripted for this request, None for the ordinary answer."""
        for replies, match in self._scripts.get(endpoint, ()):
            if (match is None or match(request)) and (reply := next(replies, None)) is not None:
                return reply
        return None


class Moment(Enum):
    """When a hook runs."""

    HEADERS = "headers"  # The request's headers have arrived; its body has not been read.
    ACCEPTED = "accepted"
    """The message is sent, the row kept, the read answered; no byte of the answer has left."""
    MID_BODY = "mid_body"  # Half the answer's body has left.
    REPLIED = "replied"  # The whole answer has left.


@dataclass(slots=True)
class _Hook:
    moment: Moment
    endpoint: Endpoint
    action: Action
    match: Match | None
    skip: int
    times: int | None


class Hooks:
    """Actions of a test at exact points of an exchange."""

    def __init__(self) -> None:
        self._hooks: list[_Hook] = []

    def add(
        self,
        moment: Moment,
        endpoint: Endpoint,
        action: Action,
        *,
        match: Match | None = None,
        skip: int = 0,
        times: int | None = 1,
    ) -> None:
        """Run action at that moment of matching requests.

        Args:
            moment: When.
            endpoint: Of which call.
            action: Gets the request.
            match: Of which requests; None: all.
            skip: Matching requests to let pass first.
            times: How often it runs; None: always.
        """
        self._hooks.append(_Hook(moment, endpoint, action, match, skip, times))

    def wants(self, moment: Moment, endpoint: Endpoint) -> bool:
        """Whether any hook may still run there."""
        return any(
            hook.moment is moment and hook.endpoint is endpoint and hook.times != 0
            for hook in self._hooks
        )

    def run(self, moment: Moment, endpoint: Endpoint, request: SimRequest) -> None:
        """Run what is due, in the order added; an action's exception is the caller's."""
        for hook in tuple(self._hooks):
            if hook.moment is moment and hook.endpoint is endpoint and hook.times != 0:
                self._run_one(hook, request)

    @staticmethod
    def _run_one(hook: _Hook, request: SimRequest) -> None:
        if hook.match is not None and not hook.match(request):
            return
        if hook.skip:
            hook.skip -= 1
            return
        if hook.times is not None:
            hook.times -= 1
        hook.action(request)

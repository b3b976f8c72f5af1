"""Write an answer to a connection, whole or damaged in one of the ways networks know."""

import zlib
from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from typing import Final, Protocol

from lead_automation.sandbox.exchange import FaultKind, NetworkFault, SimReply

_EXTRA_HEADERS = 150
_HEADER_BYTES = 64 * 1024
_BOMB_BYTES = 24 * 1024 * 1024  # above every cap, and made in a moment
_BLOCK = bytes(64 * 1024)


class Wire(Protocol):
    """The server's end of one connection."""

    def write(self, data: bytes) -> None:
        """Send bytes; OSError when the client has gone."""
        ...

    def pause(self, seconds: float) -> bool:
        """Wait; False when the server is stopping, then writing ends."""
        ...

    def pause_until_stopped(self) -> None:
        """Wait until the server stops or its longest wait is over."""
        ...

    def reset(self) -> None:
        """Close the connection so that the client sees a reset."""
        ...


def head_of(reply: SimReply, *extra: tuple[str, str]) -> bytes:
    """Return status line and headers, without a length."""
    phrase = HTTPStatus(reply.status).phrase if reply.status in _STATUSES else ""
    lines = [f"HTTP/1.1 {reply.status} {phrase}"]
    lines += [f"{name}: {value}" for name, value in (*reply.headers, *extra)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


_STATUSES: Final = frozenset(int(status) for status in HTTPStatus)


def length_of(reply: SimReply) -> tuple[str, str]:
    """Return the header that announces the body."""
    return ("Content-Length", str(len(reply.body)))


def write_whole(wire: Wire, reply: SimReply, halfway: Callable[[], None] | None = None) -> None:
    """Write an answer as it should be.

    Args:
        wire: Where to.
        reply: What.
        halfway: Called when half the body has left; None writes it in one piece.
    """
    data = head_of(reply, length_of(reply)) + reply.body
    if halfway is None:
        wire.write(data)
        return
    cut = len(data) - (len(reply.body) + 1) // 2
    wire.write(data[:cut])
    halfway()
    wire.write(data[cut:])


def write_damaged(wire: Wire, reply: SimReply, fault: NetworkFault) -> None:
    """Write an answer as the fault leaves it; afterwards the connection is of no use.

    Raises:
        ValueError: The fault is one a connection already open cannot show.
    """
    writer = _WRITERS.get(fault.kind)
    if writer is None:
        msg = (
            f"{fault.kind.value} happens before a request is made: use Simulator.take_down for "
            "refused connections, and no sockets for certificates"
        )
        raise ValueError(msg)
    writer(wire, reply, fault.seconds)


def _close(wire: Wire, reply: SimReply, seconds: float) -> None:
    """Write nothing: the connection is closed afterwards in any case."""


def _reset(wire: Wire, _reply: SimReply, _seconds: float) -> None:
    wire.reset()


def _hang(wire: Wire, _reply: SimReply, _seconds: float) -> None:
    wire.pause_until_stopped()


def _late(wire: Wire, reply: SimReply, seconds: float) -> None:
    if wire.pause(seconds):
        write_whole(wire, reply)


def _short_body(wire: Wire, reply: SimReply, _seconds: float) -> None:
    body = reply.body or b"{}"
    announced = ("Content-Length", str(len(body)))
    wire.write(head_of(reply, announced) + body[: len(body) // 2])


def _bad_status_line(wire: Wire, _reply: SimReply, _seconds: float) -> None:
    wire.write(b"NONSENSE/9.9 two hundred\r\n\r\n")


def _many_headers(wire: Wire, reply: SimReply, _seconds: float) -> None:
    extra = [(f"X-Extra-{position}", "x") for position in range(_EXTRA_HEADERS)]
    wire.write(head_of(reply, length_of(reply), *extra) + reply.body)


def _huge_header(wire: Wire, reply: SimReply, _seconds: float) -> None:
    extra = ("X-Huge", "x" * _HEADER_BYTES)
    wire.write(head_of(reply, length_of(reply), extra) + reply.body)


def _slow_headers(wire: Wire, reply: SimReply, seconds: float) -> None:
    _drip(wire, head_of(reply, length_of(reply)) + reply.body, seconds)


def _slow_body(wire: Wire, reply: SimReply, seconds: float) -> None:
    wire.write(head_of(reply, length_of(reply)))
    _drip(wire, reply.body, seconds)


def _drip(wire: Wire, data: bytes, seconds: float) -> None:
    for position in range(len(data)):
        wire.write(data[position : position + 1])
        if not wire.pause(seconds):
            return


def _endless_body(wire: Wire, reply: SimReply, seconds: float) -> None:
    wire.write(head_of(reply, ("Transfer-Encoding", "chunked")))
    chunk = b"400\r\n" + b" " * 0x400 + b"\r\n"
    while wire.pause(seconds):
        wire.write(chunk)


def _bad_chunk(wire: Wire, reply: SimReply, seconds: float) -> None:
    """The size line goes on and on: a reader without a cap would keep all of it."""
    wire.write(head_of(reply, ("Transfer-Encoding", "chunked")))
    while wire.pause(seconds):
        wire.write(b"0" * 0x400)


def _gzip_bomb(wire: Wire, reply: SimReply, _seconds: float) -> None:
    bomb = SimReply(status=reply.status, headers=reply.headers, body=_bomb())
    wire.write(head_of(bomb, length_of(bomb), ("Content-Encoding", "gzip")) + bomb.body)


@cache
def _bomb() -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    pieces = [packer.compress(_BLOCK) for _ in range(_BOMB_BYTES // len(_BLOCK))]
    return b"".join([*pieces, packer.flush()])


def _early_hints(wire: Wire, reply: SimReply, _seconds: float) -> None:
    wire.write(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")
    write_whole(wire, reply)


_WRITERS: Final[dict[FaultKind, Callable[[Wire, SimReply, float], None]]] = {
    FaultKind.CLOSE: _close,
    FaultKind.RESET: _reset,
    FaultKind.HANG: _hang,
    FaultKind.LATE: _late,
    FaultKind.SHORT_BODY: _short_body,
    FaultKind.BAD_STATUS_LINE: _bad_status_line,
    FaultKind.MANY_HEADERS: _many_headers,
    FaultKind.HUGE_HEADER: _huge_header,
    FaultKind.SLOW_HEADERS: _slow_headers,
    FaultKind.SLOW_BODY: _slow_body,
    FaultKind.ENDLESS_BODY: _endless_body,
    FaultKind.BAD_CHUNK: _bad_chunk,
    FaultKind.GZIP_BOMB: _gzip_bomb,
    FaultKind.EARLY_HINTS: _early_hints,
}

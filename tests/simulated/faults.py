"""Every way a network has of spoiling an answer, and how each looks on a connection."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Protocol

from lead_automation.sandbox.exchange import SimReply
from lead_automation.sandbox.server import head_of, whole

_EXTRA_HEADERS = 150
_HEADER_BYTES = 64 * 1024
_BOMB_BYTES = 24 * 1024 * 1024  # above every cap, and made in a moment
_BLOCK = bytes(64 * 1024)


class FaultKind(Enum):
    """What the network does to an answer; whether the message was taken is said elsewhere."""

    REFUSED = "refused"  # No connection comes about. Over sockets only as ``Simulator.take_down``.
    CERTIFICATE = "certificate"  # The server's certificate is refused. Without sockets only.
    CLOSE = "close"  # The connection is closed instead of an answer.
    RESET = "reset"  # The connection is reset (RST) instead of an answer.
    HANG = "hang"  # No answer until somebody gives up.
    LATE = "late"  # The whole answer, ``seconds`` late.
    SHORT_BODY = "short_body"  # Half the announced body, then the end.
    BAD_STATUS_LINE = "bad_status_line"  # Not HTTP at all.
    MANY_HEADERS = "many_headers"  # 150 headers; Python's client reads 100.
    HUGE_HEADER = "huge_header"  # A header of 64 KiB.
    SLOW_HEADERS = "slow_headers"  # One byte every ``seconds`` from the first byte on.
    SLOW_BODY = "slow_body"  # One byte of the body every ``seconds``.
    ENDLESS_BODY = "endless_body"  # A chunked body that never ends.
    BAD_CHUNK = "bad_chunk"  # A chunked body whose size line has no end.
    GZIP_BOMB = "gzip_bomb"  # A small body that unpacks to more than any cap.
    EARLY_HINTS = "early_hints"  # A 103 before the answer, which Python's client takes for it.


BEFORE_THE_REQUEST = frozenset({FaultKind.REFUSED, FaultKind.CERTIFICATE})


@dataclass(frozen=True, slots=True)
class NetworkFault:
    """A fault of the way back.

    Attributes:
        seconds: LATE: how late. SLOW_HEADERS, SLOW_BODY, ENDLESS_BODY: between two pieces.
    """

    kind: FaultKind
    seconds: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoiltReply(SimReply):
    """An answer, and what becomes of it on its way.

    Attributes:
        network: None when it arrives whole and at once.
    """

    network: NetworkFault | None = None


def spoil(reply: SimReply, fault: NetworkFault | None) -> SpoiltReply:
    """Return an answer that meets a fault."""
    return SpoiltReply(status=reply.status, headers=reply.headers, body=reply.body, network=fault)


def fault_of(reply: SimReply) -> NetworkFault | None:
    """Return what becomes of an answer on its way; None when it arrives whole and at once."""
    if isinstance(reply, SpoiltReply) and reply.network is not None:
        return reply.network
    return NetworkFault(FaultKind.CLOSE) if reply.is_lost else None


class Wire(Protocol):
    """The server's end of one connection."""

    def write(self, data: bytes) -> None:
        """Send bytes; OSError when the client has gone."""
        ...

    def pause(self, seconds: float | None) -> bool:
        """Wait, for None as long as the server does; False when it is stopping: write no more."""
        ...

    def reset(self) -> None:
        """Close the connection so that the client sees a reset."""
        ...


def write_spoilt(wire: Wire, reply: SimReply, fault: NetworkFault) -> None:
    """Write an answer as the fault leaves it; afterwards the connection is of no use.

    Raises:
        ValueError: The fault is one a connection already open cannot show.
    """
    if fault.kind in BEFORE_THE_REQUEST:
        msg = (
            f"{fault.kind.value} happens before a request is made: use Simulator.take_down for "
            "refused connections, and no sockets for certificates"
        )
        raise ValueError(msg)
    if fault.kind in _STALLING:
        _STALLING[fault.kind](wire, reply, fault.seconds)
    elif fault.kind is FaultKind.RESET:
        wire.reset()
    elif fault.kind is not FaultKind.CLOSE:  # the connection is closed afterwards in any case
        wire.write(_spoilt_bytes(reply, fault.kind))


def _spoilt_bytes(reply: SimReply, kind: FaultKind) -> bytes:
    """Return all that is written where nothing stalls."""
    match kind:
        case FaultKind.BAD_STATUS_LINE:
            return b"NONSENSE/9.9 two hundred\r\n\r\n"
        case FaultKind.MANY_HEADERS:
            extra = ((f"X-Extra-{place}", "x") for place in range(_EXTRA_HEADERS))
            return head_of(reply, *extra)
        case FaultKind.HUGE_HEADER:
            return head_of(reply, ("X-Huge", "x" * _HEADER_BYTES))
        case FaultKind.GZIP_BOMB:
            length = ("Content-Length", str(len(_bomb())))
            return head_of(reply, length, ("Content-Encoding", "gzip")) + _bomb()
        case FaultKind.EARLY_HINTS:
            hints = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
            return hints + whole(reply)
        case _:  # SHORT_BODY
            body = reply.body or b"{}"
            return head_of(reply, ("Content-Length", str(len(body)))) + body[: len(body) // 2]


def _hang(wire: Wire, _reply: SimReply, _seconds: float) -> None:
    wire.pause(None)


def _late(wire: Wire, reply: SimReply, seconds: float) -> None:
    if wire.pause(seconds):
        wire.write(whole(reply))


def _slow_headers(wire: Wire, reply: SimReply, seconds: float) -> None:
    _drip(wire, whole(reply), seconds)


def _slow_body(wire: Wire, reply: SimReply, seconds: float) -> None:
    wire.write(head_of(reply, ("Content-Length", str(len(reply.body)))))
    _drip(wire, reply.body, seconds)


def _drip(wire: Wire, data: bytes, seconds: float) -> None:
    for position in range(len(data)):
        wire.write(data[position : position + 1])
        if not wire.pause(seconds):
            return


def _endless_body(wire: Wire, reply: SimReply, seconds: float) -> None:
    _chunks_for_ever(wire, reply, b"400\r\n" + b" " * 0x400 + b"\r\n", seconds)


def _bad_chunk(wire: Wire, reply: SimReply, seconds: float) -> None:
    """The size line goes on and on: a reader without a cap would keep all of it."""
    _chunks_for_ever(wire, reply, b"0" * 0x400, seconds)


def _chunks_for_ever(wire: Wire, reply: SimReply, piece: bytes, seconds: float) -> None:
    wire.write(head_of(reply, ("Transfer-Encoding", "chunked")))
    while wire.pause(seconds):
        wire.write(piece)


@cache
def _bomb() -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    pieces = [packer.compress(_BLOCK) for _ in range(_BOMB_BYTES // len(_BLOCK))]
    return b"".join([*pieces, packer.flush()])


def _early_hints(wire: Wire, reply: SimReply, _seconds: float) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
    wire.write(hints)
    wire.write(whole(reply))


_STALLING: dict[FaultKind, Callable[[Wire, SimReply, float], None]] = {
    FaultKind.HANG: _hang,
    FaultKind.LATE: _late,
    FaultKind.SLOW_HEADERS: _slow_headers,
    FaultKind.SLOW_BODY: _slow_body,
    FaultKind.ENDLESS_BODY: _endless_body,
    FaultKind.BAD_CHUNK: _bad_chunk,
}

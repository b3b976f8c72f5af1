"""A simulator in a process of its own, so that its work does not slow down what is measured."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.children import Child, answer, argument, questions
from benchmarks.stage import make_leads

from lead_automation.clock import SystemClock
from lead_automation.sandbox.addresses import Addresses
from lead_automation.sandbox.exchange import Endpoint
from lead_automation.sandbox.server import SandboxServer
from lead_automation.sandbox.simulator import Simulator
from lead_automation.sandbox.windows import VendorLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the simulator saw.

    Attributes:
        sends: Monotonic seconds of every send, in order.
        first: Monotonic seconds of the first request of all; None before it.
        rejected: Requests answered 429.
    """

    sends: list[float]
    first: float | None
    rejected: int


@dataclass(frozen=True, slots=True)
class Served:
    """A simulator that is served.

    Attributes:
        addresses: Where it is.
    """

    addresses: Addresses
    child: Child

    def seen(self) -> Seen:
        """Ask what it saw so far."""
        return Seen(**self.child.ask())


@contextmanager
def serve(
    *, leads: int, latency_s: float = 0.0, sends_per_window: int | None = None
) -> Iterator[Served]:
    """Serve a simulator while the block runs.

    Args:
        leads: Rows of its lead list.
        latency_s: Seconds every answer waits.
        sends_per_window: Sends WATI takes in 10 s (and 10 reads); None for no end of both.
    """
    options = {"leads": leads, "latency_s": latency_s, "sends_per_window": sends_per_window}
    with Child("benchmarks.serve", options) as child:
        wati, crm = child.ready
        yield Served(Addresses(wati_origin=wati, crm_origin=crm), child)


def _serve_until_asked_no_more() -> None:
    options = argument()
    sends = options["sends_per_window"]
    simulator = Simulator(
        clock=SystemClock(),
        leads=make_leads(options["leads"]),
        limits=VendorLimits(sends=sends) if sends else None,
    )
    with SandboxServer(simulator, latency_s=options["latency_s"]) as server:
        answer([server.addresses.wati_origin, server.addresses.crm_origin])
        for _ in questions():
            moments = [call.at for calls in simulator.calls.values() for call in calls]
            answer(
                {
                    "sends": [call.at for call in simulator.calls[Endpoint.SEND]],
                    "first": min(moments, default=None),
                    "rejected": simulator.rejected_429,
                }
            )


if __name__ == "__main__":
    _serve_until_asked_no_more()

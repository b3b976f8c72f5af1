"""The command line in front of a simulator without sockets, where a call takes simulated time."""

import json
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeClock, ScriptedChance
from harness import Ended, Harness, digits, in_process, many_leads
from simulated.scripts import Moment
from simulated.simulator import Simulator

from lead_automation.models import MessageStatus
from lead_automation.sandbox.exchange import Endpoint, Side, SimRequest
from lead_automation.sandbox.windows import VendorLimits

LATENCY_S = 0.2
"""What every call takes."""

_RANKS = {
    MessageStatus.PENDING: 0,
    MessageStatus.SENT: 1,
    MessageStatus.DELIVERED: 2,
    MessageStatus.READ: 3,
}


class Draws(ScriptedChance):
    """Draw evenly spread numbers and remember when each was drawn.

    Attributes:
        drawn: Monotonic second and number, in order.
    """

    def __init__(self, clock: FakeClock) -> None:
        """Watch this clock."""
        super().__init__(*((index * 0.618034) % 1 for index in range(1, 2000)))
        self._clock = clock
        self.drawn: list[tuple[float, float]] = []

    def __call__(self) -> float:
        """Draw the next."""
        number = super().__call__()
        self.drawn.append((self._clock.monotonic(), number))
        return number


class Truth:
    """What WATI's dashboard says of each number whenever it is asked.

    Attributes:
        words: Status words in the order they were asked for, by number; None before the first.
        known_at_rows: What was known of a number when the CRM took each of its rows.
    """

    def __init__(self, simulator: Simulator) -> None:
        """Listen to every read that is answered."""
        self.words: dict[str, list[str | None]] = {}
        self.known_at_rows: dict[str, list[MessageStatus]] = {}
        simulator.hooks.add(
            Moment.ACCEPTED,
            Endpoint.MESSAGES,
            lambda request: self.words.setdefault(request.number, []).append(
                simulator.status_now(request.number)
            ),
            times=None,
        )
        simulator.hooks.add(Moment.ACCEPTED, Endpoint.LOG, self._note_row, times=None)

    def _note_row(self, request: SimRequest) -> None:
        number = str(json.loads(request.body)["to_phone_number"]).removeprefix("+")
        self.known_at_rows.setdefault(number, []).append(self.status(number))

    def status(self, number: str) -> MessageStatus:
        """Return what was known of a number after the last time it was asked about."""
        known = MessageStatus.PENDING
        for word in self.words.get(number, ()):
            try:
                told = MessageStatus((word or "").casefold())
            except ValueError:
                continue
            if MessageStatus.FAILED in (told, known):
                known = known if _RANKS.get(known, 2) >= 2 else told
            elif _RANKS[told] > _RANKS[known]:
                known = told
        return known


def offline(
    folder: Path,
    simulator: Simulator,
    clock: FakeClock,
    *,
    version: str = "v2",
    latency_s: float = LATENCY_S,
    settings: Mapping[str, str] | None = None,
) -> Harness:
    """Return ``harness.in_process`` whose calls take time, and whose draws are remembered."""
    harness = in_process(
        folder, simulator, clock, version=version, latency_s=latency_s, settings=settings
    )
    harness.chance = Draws(clock)
    return harness


def wati_calls(simulator: Simulator) -> int:
    """Return how many calls WATI has seen."""
    return sum(len(calls) for kind, calls in simulator.calls.items() if kind.side is Side.WATI)


def start_gaps(simulator: Simulator) -> list[float]:
    """Return the seconds from the start of each send to the start of the next."""
    starts = [call.at for call in simulator.calls[Endpoint.SEND]]
    return [later - earlier for earlier, later in pairwise(starts)]


def drawn_waits(harness: Harness) -> list[float]:
    """Return the waits drawn at default pacing after each send but the last, in seconds."""
    assert isinstance(harness.chance, Draws)
    at = dict(harness.chance.drawn)  # of several draws at one moment the pacing's is the last
    starts = [call.at for call in harness.simulator.calls[Endpoint.SEND]]
    return [1.0 + at[start] for start in starts[:-1]]


def limited(clock: FakeClock, leads: int, **settings: Any) -> Simulator:
    """Return a simulator that keeps WATI's limits."""
    return Simulator(clock=clock, leads=many_leads(leads), limits=VendorLimits(), **settings)


def by_number(simulator: Simulator) -> dict[str, list[dict[str, Any]]]:
    """Return the CRM's rows by number."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in simulator.crm_rows:
        rows.setdefault(str(row["to_phone_number"]).removeprefix("+"), []).append(dict(row))
    return rows


def statuses_of(harness: Harness) -> dict[str, str]:
    """Return what the history file says, by number."""
    return {
        record["phone"].removeprefix("+"): record["status"] for record in harness.records().values()
    }


def read_counts(simulator: Simulator) -> Counter[str]:
    """Return how often each number's messages were read."""
    return Counter(call.number for call in simulator.calls[Endpoint.MESSAGES])


def assert_history_is_true(harness: Harness, truth: Truth, leads: int) -> None:
    """Hold the history file and the CRM's rows to what the dashboard had said when asked."""
    kept, rows = statuses_of(harness), by_number(harness.simulator)
    assert len(kept) == leads
    for index in range(leads):
        number = digits(index)
        known = truth.status(number)
        assert kept[number] == known.value, number
        posted = [
            "sent" if status is MessageStatus.PENDING else status.value
            for status in truth.known_at_rows[number]
        ]
        assert [row["msg_status"] for row in rows[number]] == posted, number
        if known is MessageStatus.FAILED:
            assert posted[-1] == "failed", number


def assert_figures_are_true(ended: Ended, truth: Truth, leads: int) -> None:
    """Hold the figures of ``--json`` to what the dashboard said when asked."""
    counted = Counter(truth.status(digits(index)) for index in range(leads))
    delivered = counted[MessageStatus.DELIVERED] + counted[MessageStatus.READ]
    failed = counted[MessageStatus.FAILED]
    assert ended.document["messages"] == {
        "sent": leads,
        "delivered": delivered,
        "read": counted[MessageStatus.READ],
        "replied": 0,
        "failed": failed,
        "pending": leads - delivered - failed,
    }
    if delivered + failed:
        rate = 100 * (leads - failed) / leads
        assert ended.document["success_rate"] == pytest.approx(rate, abs=0.05)

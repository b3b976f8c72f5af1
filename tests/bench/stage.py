"""What the benchmarks share: the command line in this process, clocks, leads and a simulator.

Every run goes through ``main(["run"])`` with settings an operator could write. What is not to be
measured is taken out from outside: a clock on which every wait is over at once, a disk that waits
for no medium.
"""

import io
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from disks import UnsyncedDisk
from harness import account_settings
from simulated.inprocess import ADDRESSES, InProcessHttp
from simulated.server import SandboxServer
from simulated.simulator import Simulator

from lead_automation.cli import main
from lead_automation.clock import Clock, Sleep, StopFlag, system_chance
from lead_automation.files import Disk
from lead_automation.http import Answer, Request
from lead_automation.runtime import MakeHttp, Runtime
from lead_automation.sandbox.addresses import Addresses
from lead_automation.sandbox.exchange import Endpoint
from lead_automation.sandbox.plans import Plan, Step
from lead_automation.sandbox.windows import VendorLimits

LATENCY_S = 0.05
READ_AT_ONCE = Plan(history=(Step(0.0, "SENT"), Step(2.0, "DELIVERED"), Step(4.0, "READ")))
NEVER_READ = Plan(history=(Step(0.0, "SENT"), Step(2.0, "DELIVERED")))
UNPACED = {"SEND_DELAY_MIN": "0", "SEND_DELAY_MAX": "0"}
NEITHER_PACED_NOR_FOLLOWED = {
    **UNPACED,
    "TRACKING_FIRST_READ_SECONDS": "86400",
    "TRACKING_WAIT_SECONDS": "0",
}
IN_BATCHES = {"WATI_API_VERSION": "v3"}
MONTH_BEGINS = datetime(2026, 11, 1, 4, 0, tzinfo=UTC)
"""A Sunday, 09:30 in Asia/Kolkata."""

_NONE: Mapping[str, str] = {}


class SkippingClock(Clock):
    """A clock on which every wait is over at once; it keeps no list of them."""

    def __init__(self, start: datetime, ticks: Callable[[], float] = lambda: 0.0) -> None:
        """Begin at start; ticks are the seconds that pass by themselves, by default none."""
        self._start = start
        self._ticks = ticks
        self._began_s = ticks()
        self._skipped_s = 0.0

    def now(self) -> datetime:
        """Return the wall clock."""
        return self._start + timedelta(seconds=self.monotonic() - self._began_s)

    def monotonic(self) -> float:
        """Return the steady clock."""
        return self._ticks() + self._skipped_s

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self._skipped_s += seconds


def setting_values(
    addresses: Addresses, state_dir: Path, changes: Mapping[str, str] = _NONE
) -> dict[str, str]:
    """Return settings for these addresses, by key: open at every hour, quota without end.

    Args:
        addresses: Of the simulator.
        state_dir: Made ready as ``init`` does, unless it is there.
        changes: Over these.
    """
    if not state_dir.exists():
        state_dir.mkdir()
        for name in ("quota_usage.json", "sent_messages.json"):
            (state_dir / name).write_text("{}\n", encoding="utf-8")
    team = {
        f"Counsellor {number}": {"number": f"+91951227091{number}", "daily_limit": 100_000}
        for number in range(9)
    }
    (state_dir / "team.json").write_text(json.dumps(team), encoding="utf-8")
    return {
        **account_settings(addresses, state_dir),
        "WATI_PLAN": "business",
        "LEAD_FETCH_LIMIT": "100000",
        "SCRIPT_START_TIME": "00:00",
        "SCRIPT_END_TIME": "24:00",
        "STATE_DIR": str(state_dir),
        "COUNSELLORS_FILE": str(state_dir / "team.json"),
        **changes,
    }


def run_campaign(
    values: Mapping[str, str],
    *,
    clock: Clock,
    sleep: Sleep,
    disk: Disk | None = None,
    make_http: MakeHttp | None = None,
) -> dict[str, Any]:
    """Run one campaign with these settings to its end; return its JSON object.

    Raises:
        RuntimeError: It did not complete.
    """
    out = io.StringIO()
    runtime = Runtime(
        environ=values,
        folder=Path(values["STATE_DIR"]),
        disk=disk or Disk(),
        clock=clock,
        sleep=sleep,
        chance=system_chance,
        stop=StopFlag(),
        stdin=None,
        stdout=out,
        stderr=None,
        pid=os.getpid(),
        make_http=make_http,
    )
    code = main(["run", "--json"], runtime=runtime)
    document: dict[str, Any] = json.loads(out.getvalue())
    if code != 0:
        msg = f"exit code {code}: {document['status']} {document['reason']}"
        raise RuntimeError(msg)
    return document


def make_leads(count: int, *, first: int = 0) -> list[dict[str, object]]:
    """Return rows of the lead list, each with an id and a number of its own."""
    return [
        {
            "lead_id": 1000 + index,
            "full_name": f"Asha Number{index}",
            "mobile_number_formatted": phone_of(index),
        }
        for index in range(first, first + count)
    ]


def phone_of(index: int) -> str:
    """Return the number of a lead, E.164; invented."""
    return f"+91{9_000_000_000 + index}"


class Simulation:
    """An account, a CRM and a state directory in this process, and the time they live in.

    Attributes:
        leads: How many were listed so far; each new day lists others.
        calls_s: Processor seconds spent in the simulator, which are not the program's.
        on_send: Called before each send leaves.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        message: Plan = NEVER_READ,
        changes: Mapping[str, str] = _NONE,
    ) -> None:
        """Begin on the first day of a month.

        Args:
            state_dir: Gets empty state files.
            message: What becomes of every message.
            changes: Of the settings.
        """
        self.clock = SkippingClock(MONTH_BEGINS)
        self.simulator = Simulator(clock=self.clock, default_plan=message)
        self.leads = 0
        self.calls_s = 0.0
        self.on_send: Callable[[], None] = lambda: None
        self._values = setting_values(ADDRESSES, state_dir, changes)
        self._http = InProcessHttp(
            self.simulator, self.clock, advance=self.clock.sleep, latency_s=LATENCY_S
        )

    def list_leads(self, count: int) -> None:
        """Let the CRM list so many new leads, and no others."""
        self.simulator.crm.leads = list(make_leads(count, first=self.leads))
        self.leads += count

    def run(self) -> dict[str, Any]:
        """Run one campaign now."""
        return run_campaign(
            self._values,
            clock=self.clock,
            sleep=self.clock.sleep,
            disk=UnsyncedDisk(),
            make_http=lambda _: self,
        )

    def call(self, request: Request) -> Answer:
        """Pass a call on to the simulator, and note the time spent there."""
        if request.is_send:
            self.on_send()
        began = time.process_time()
        answer = self._http.call(request)
        self.calls_s += time.process_time() - began
        return answer

    def forget(self) -> None:
        """Drop what the simulator remembers beyond the messages: calls seen, rows taken."""
        for calls in self.simulator.calls.values():
            calls.clear()
        self.simulator.crm.rows.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a served simulator saw.

    Attributes:
        sends: Monotonic seconds of every send, in order.
        first: Monotonic seconds of the first request of all; None before it.
        rejected: Requests answered 429.
    """

    sends: Sequence[float]
    first: float | None
    rejected: int


@contextmanager
def child(work: Callable[..., None], *arguments: object) -> Iterator[Connection]:
    """Run ``work(connection, *arguments)`` in a new interpreter while the block runs.

    The child has to end when the connection does.
    """
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=work, args=(there, *arguments))
    process.start()
    there.close()
    try:
        yield here
    finally:
        here.close()
        process.join()


def questions(connection: Connection) -> Iterator[None]:
    """Yield, in a child, once for each question, until there are no more."""
    try:
        while True:
            yield connection.recv()
    except EOFError:
        pass


@contextmanager
def serve(
    *, leads: int, latency_s: float = 0.0, sends_per_window: int | None = None
) -> Iterator[tuple[Addresses, Callable[[], Seen]]]:
    """Serve a simulator in a process of its own, so that it does not slow down what is measured.

    Args:
        leads: Rows of its lead list.
        latency_s: Seconds every answer waits.
        sends_per_window: Sends WATI takes in 10 s (and 10 reads); None for no end of both.

    Yields:
        Its addresses, and a function that asks what it saw so far.
    """
    with child(_serve, leads, latency_s, sends_per_window) as connection:
        addresses = connection.recv()

        def seen() -> Seen:
            connection.send(None)
            answer: Seen = connection.recv()
            return answer

        yield addresses, seen


def _serve(
    connection: Connection, leads: int, latency_s: float, sends_per_window: int | None
) -> None:
    simulator = Simulator(
        clock=Clock(),
        leads=make_leads(leads),
        limits=VendorLimits(sends=sends_per_window) if sends_per_window else None,
    )
    with SandboxServer(simulator, latency_s=latency_s) as server:
        connection.send(server.addresses)
        for _ in questions(connection):
            moments = [call.at for calls in simulator.calls.values() for call in calls]
            sends = [call.at for call in simulator.calls[Endpoint.SEND]]
            first = min(moments, default=None)
            connection.send(Seen(sends=sends, first=first, rejected=simulator.rejected_429))

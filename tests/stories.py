"""One campaign of real processes, through any number of kills, until every lead is done."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from databases import PostgresServer, state_of
from harness import account_settings, digits, many_leads
from kill_host import FastClock, KillHost, Trigger
from promise import DOCUMENTED, ZONE, Witness, snapshot
from simulated.plans import ScriptedPlan
from simulated.scripts import Moment, answer, lost
from simulated.server import SandboxServer
from simulated.simulator import Simulator

from lead_automation.files import Disk
from lead_automation.leads.hours import quota_day
from lead_automation.models import MAX_UNANSWERED_ATTEMPTS
from lead_automation.sandbox.exchange import Endpoint
from lead_automation.sandbox.plans import Plan, Step
from lead_automation.state.ledger import Ledger
from lead_automation.state.suppression import SuppressionFile
from lead_automation.wati.failures import SUPPRESS_FOR

_LEADS = 5
_LIMITS = {"Anandi": 3, "Karan": 3}
_REFUSED = 2
_SETTLE_S = 5.0
"""Of the fast clock, as are all seconds but those after which a run is killed."""
_READ = (Step(0.0, "READ"),)
_PLANS = {
    1: ScriptedPlan(history=_READ, on_send=(lost(taken=True),)),
    _REFUSED: Plan(refuse="131050 User has stopped marketing messages"),
    3: ScriptedPlan(history=_READ, on_send=(lost(taken=False),)),
}
"""The second lead's answer is lost, the third has opted out, the fourth's message never arrives."""
_REFUSED_ROW = 4
"""The lead whose row the CRM refuses to the end: it stays owed, set aside."""
_IN_BATCHES = 90
"""Leads of a campaign over v3: batches of 5, 10, 20 and two of 25, with a rest."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A moment of an exchange at which the client dies."""

    moment: Moment
    endpoint: Endpoint


class Story:
    """One campaign from the first run to the last, through any number of kills."""

    def __init__(
        self,
        folder: Path,
        server: SandboxServer,
        clock: FastClock,
        *,
        host: KillHost,
        postgres: PostgresServer | None = None,
        in_batches: bool = False,
    ) -> None:
        """Begin with an empty state: in files, or in a database of this server."""
        self.folder = folder
        self._postgres = postgres
        self.url = postgres.new_account() if postgres is not None else ""
        self._pid = 0
        self._ready = threading.Event()
        self._wanted = _IN_BATCHES if in_batches else _LEADS - 1
        self._limits = dict.fromkeys(_LIMITS, _IN_BATCHES) if in_batches else _LIMITS
        self.simulator = server.simulator
        self.clock = clock
        self.witness = Witness(self.simulator, clock)
        self._host = host
        self.runs = 0
        (folder / "quota_usage.json").write_text("{}\n")
        (folder / "sent_messages.json").write_text("{}\n")
        team = ", ".join(
            f'"{name}": {{"number": "+91951227091{place}", "daily_limit": {limit}}}'
            for place, (name, limit) in enumerate(self._limits.items())
        )
        (folder / "team.json").write_text(f"{{{team}}}")
        self.environ = {
            **account_settings(server.addresses, folder),
            **({"WATI_API_VERSION": "v3"} if in_batches else {}),
            "STATE_DIR": str(folder),
            "COUNSELLORS_FILE": str(folder / "team.json"),
            "SCRIPT_START_TIME": "00:00",
            "SCRIPT_END_TIME": "24:00",
            "WATI_PLAN": "business",
            "SEND_DELAY_MIN": "0",
            "SEND_DELAY_MAX": "0.5",
            "TRACKING_FIRST_READ_SECONDS": "0",
            "TRACKING_WAIT_SECONDS": "10",
            "UNKNOWN_SETTLE_SECONDS": str(_SETTLE_S),
        }
        if self.url:
            self.environ["STATE_URL"] = self.url

    def run(
        self,
        where: Trigger | Exchange | float | None = None,
        *,
        largest_file: int | None = None,
    ) -> int:
        """Run the program, perhaps into its death; return its exit code, -9 when it was killed.

        Args:
            where: A step, a moment of an exchange, or seconds after which it is killed.
            largest_file: Bytes at which every file is full.
        """
        self._ready.clear()
        if isinstance(where, Exchange):
            self.simulator.hooks.add(where.moment, where.endpoint, lambda _request: self.kill())
        trigger = where if isinstance(where, Trigger) else None
        self._pid = self._host.start(
            self.environ, self.folder, trigger, self.clock, largest_file=largest_file
        )
        self._ready.set()
        timer = threading.Timer(where, self.kill) if isinstance(where, float) else None
        if timer is not None:
            timer.start()
        status = self._host.wait()
        if timer is not None:
            timer.cancel()
            timer.join()
        self.runs += 1
        self.witness.watch_alone()
        self._check(status)
        return status

    @property
    def server(self) -> PostgresServer:
        """The server of the story's database."""
        assert self._postgres is not None
        return self._postgres

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send the run a signal, from whichever thread."""
        self._ready.wait(5)
        with suppress(ProcessLookupError):
            os.kill(self._pid, number)

    def command(self, where: Trigger | None, *arguments: str) -> int:
        """Run another command, perhaps into its death; return as ``run`` does."""
        self._host.start(self.environ, self.folder, where, self.clock, arguments=arguments)
        return self._host.wait()

    def finish(self) -> None:
        """Run without a fault until all is done, and look at the whole."""
        for _ in range(10):
            self.clock.sleep(_SETTLE_S)
            assert self.run() == 0, (self.folder / "said.txt").read_text()
            if self.is_done():
                break

        assert self.is_done(), (self.folder / "said.txt").read_text()
        assert len(self.witness.taken) + len(self.given_up()) == self._wanted

    def is_done(self) -> bool:
        """Whether every lead has its message, and the CRM its rows."""
        books = self.books()
        return (
            len(self.witness.taken) + len(self.given_up()) == self._wanted
            and not any(row.refused_on is None for row in books.owed_rows())
            and not books.unknown_messages()
        )

    def given_up(self) -> list[str]:
        """Return the leads whose three attempts all proved absent: they are not tried again."""
        # The refused one counts nowhere, also where its three refusals never reached us.
        settled = {f"+{digits(_REFUSED)}", *(f"+{taken.number}" for taken in self.witness.taken)}
        return [
            record.lead_id
            for record in self.books().records()
            if record.attempts >= MAX_UNANSWERED_ATTEMPTS and record.sent_at is None
            if record.phone not in settled
        ]

    def books(self) -> Ledger:
        """Return what the state says, a journal that is left included."""
        if self._postgres is not None:
            self._postgres.start()  # where the story has killed it
            return state_of(self.url).snapshot(quota_day(self.clock.now(), ZONE))
        return snapshot(Disk(), self.folder, quota_day(self.clock.now(), ZONE))

    def _check(self, status: int) -> None:
        said = (self.folder / "said.txt").read_text()
        assert status == -signal.SIGKILL or status in DOCUMENTED, said
        books = self.books()
        suppressed = (
            state_of(self.url).suppressions if self.url else SuppressionFile(Disk(), self.folder)
        )
        for record in books.records():
            # What an answer orders is on disk before the answer: later nobody asks again.
            if record.error_category in SUPPRESS_FOR and record.phone is not None:
                assert suppressed.find(record.phone, self.clock.now()) is not None
        self.witness.check_posts(settle_s=_SETTLE_S / 2)
        self.witness.check_limits(self._limits)
        self.witness.check_books(books)
        self.witness.check_rows(books)


@contextmanager
def begin_story(
    folder: Path,
    host: KillHost,
    postgres: PostgresServer | None = None,
    *,
    in_batches: bool = False,
) -> Iterator[Story]:
    """Begin a campaign in a folder of its own, with a simulator of its own.

    Args:
        folder: Is made.
        host: Starts the runs.
        postgres: Keeps the state; None: files.
        in_batches: Over v3, many leads and no odd ones; else a handful of every kind.
    """
    folder.mkdir()
    clock = FastClock()
    plans = {} if in_batches else {digits(index): plan for index, plan in _PLANS.items()}
    simulator = Simulator(
        clock=clock,
        leads=many_leads(_IN_BATCHES if in_batches else _LEADS),
        plans=plans,
        default_plan=Plan(history=_READ),
    )
    number = digits(_REFUSED_ROW).encode()
    refused = answer("no such lead", 422, times=None)
    simulator.script(Endpoint.LOG, refused, match=lambda request: number in request.body)
    with SandboxServer(simulator) as server:
        yield Story(folder, server, clock, host=host, postgres=postgres, in_batches=in_batches)

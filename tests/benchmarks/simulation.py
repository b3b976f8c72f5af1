"""Days of real runs in no time: a simulated clock, and a simulator called in the same process."""

import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.stage import SimulatedClock, Stage, UnsyncedDisk, make_leads, make_settings

from lead_automation.config import PacingPolicy, TrackingPolicy, WatiPlan
from lead_automation.http import Answer, Http, Request
from lead_automation.runs import RunResult
from lead_automation.sandbox.inprocess import ADDRESSES, InProcessHttp
from lead_automation.sandbox.plans import Plan, Step
from lead_automation.sandbox.simulator import Simulator
from lead_automation.wati.limits import RateLimits

LATENCY_S = 0.05
PACING = PacingPolicy(min_s=1.0, max_s=2.0)
FOLLOWED = TrackingPolicy(first_read_s=10.0, wait_s=30.0, settle_s=90.0)
READ_AT_ONCE = Plan(history=(Step(0.0, "SENT"), Step(2.0, "DELIVERED"), Step(4.0, "READ")))
NEVER_READ = Plan(history=(Step(0.0, "SENT"), Step(2.0, "DELIVERED")))

Watch = Callable[[Request], None]
"""Called before each call that leaves."""


class Simulation:
    """An account, a CRM and a state directory, and the time they live in.

    Attributes:
        leads: How many were listed so far; each new day lists others.
        calls_s: Processor seconds spent in the simulator, which are not the program's.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        plan: WatiPlan = WatiPlan.BUSINESS,
        message: Plan = NEVER_READ,
        pacing: PacingPolicy = PACING,
        daily_limit: int | None = None,
    ) -> None:
        """Begin on the first day of a month.

        Args:
            state_dir: Gets empty state files.
            plan: Its limits and its calls of a month.
            message: What becomes of every message.
            pacing: Between sends.
            daily_limit: Of each counsellor; None for the nine built in.
        """
        self.clock = SimulatedClock()
        self.leads = 0
        self.calls_s = 0.0
        self._simulator = Simulator(clock=self.clock, plan_of=lambda _: message)
        self._plan = plan
        self._settings = make_settings(
            ADDRESSES,
            state_dir,
            plan=plan.value,
            pacing=pacing,
            tracking=FOLLOWED,
            daily_limit=daily_limit,
        )

    def list_leads(self, count: int) -> None:
        """Let the CRM list so many new leads, and no others."""
        self._simulator.crm.leads = list(make_leads(count, first=self.leads))
        self.leads += count

    def run(self, watch: Watch = lambda _: None) -> RunResult:
        """Run one campaign now."""
        stage = Stage(
            settings=self._settings,
            limits=RateLimits.of_plan(self._plan),
            clock=self.clock,
            sleep=self.clock.sleep,
            disk=UnsyncedDisk(),
            make_http=lambda _: self._http(watch),
        )
        return stage.run()

    def forget(self) -> None:
        """Drop what the simulator remembers beyond the messages: calls seen, rows taken."""
        for calls in self._simulator.calls.values():
            calls.clear()
        self._simulator.crm.rows.clear()

    def _http(self, watch: Watch) -> Http:
        return _Timed(
            self,
            InProcessHttp(
                self._simulator, self.clock, advance=self.clock.sleep, latency_s=LATENCY_S
            ),
            watch,
        )


class _Timed:
    """The way to the simulator, which notes the time spent there."""

    def __init__(self, simulation: Simulation, http: InProcessHttp, watch: Watch) -> None:
        self._simulation = simulation
        self._http = http
        self._watch = watch

    def call(self, request: Request) -> Answer:
        self._watch(request)
        began = time.process_time()
        answer = self._http.call(request)
        self._http.requests.clear()
        self._simulation.calls_s += time.process_time() - began
        return answer

"""Whether the pacing alone decides how long a run takes, and no send is ever early."""

import tempfile
import time
from itertools import pairwise
from pathlib import Path

from benchmarks.figures import Figure, Say
from benchmarks.serve import serve
from benchmarks.stage import Stage, make_settings

from lead_automation.campaign.run import EnhancedLeadAutomation
from lead_automation.clock import system_chance
from lead_automation.config import PacingPolicy, TrackingPolicy, WatiPlan
from lead_automation.runs import RunResult
from lead_automation.wati.limits import RateLimits

LEADS = 60
LATENCY_S = 0.05
PACING = PacingPolicy(min_s=0.2, max_s=0.4)
FOLLOWED = TrackingPolicy(first_read_s=10.0, wait_s=30.0, settle_s=90.0)


class Draws:
    """Chance that gives each number twice: one chooses a counsellor, the next is the wait."""

    def __init__(self) -> None:
        """Begin with none drawn."""
        self.drawn: list[float] = []

    def __call__(self) -> float:
        """Draw."""
        is_second = len(self.drawn) % 2 == 1
        self.drawn.append(self.drawn[-1] if is_second else system_chance())
        return self.drawn[-1]

    def waits_s(self) -> list[float]:
        """Return the waits the pacing drew, one a lead."""
        if len(self.drawn) != 2 * LEADS:
            msg = f"{len(self.drawn)} numbers drawn for {LEADS} leads: not one counsellor, one wait"
            raise RuntimeError(msg)
        width = PACING.max_s - PACING.min_s
        return [PACING.min_s + width * number for number in self.drawn[1::2]]


def measure(say: Say) -> list[Figure]:
    """Return the time of a run over what its pacing and its tail ask for, and its gaps."""
    say("  a run of about 50 s")
    draws = Draws()
    took = 0.0

    def timed(automation: EnhancedLeadAutomation) -> RunResult:
        nonlocal took
        began = time.perf_counter()
        result = automation.run_campaign()
        took = time.perf_counter() - began
        return result

    with (
        tempfile.TemporaryDirectory() as folder,
        serve(leads=LEADS, latency_s=LATENCY_S, sends_per_window=60) as served,
    ):
        settings = make_settings(served.addresses, Path(folder), pacing=PACING, tracking=FOLLOWED)
        limits = RateLimits.of_plan(WatiPlan.PRO)
        result = Stage(settings=settings, limits=limits, chance=draws).run(timed)
        seen = served.seen()
    waits_s = draws.waits_s()[:-1]
    gaps_s = [later - earlier for earlier, later in pairwise(seen.sends)]
    asked_s = sum(waits_s) + FOLLOWED.wait_s
    late_s = [gap - wait for gap, wait in zip(gaps_s, waits_s, strict=True)]
    return [
        Figure(
            benchmark="pace",
            name="run over drawn waits and tail",
            measured=took / asked_s,
            at_most=1.03,
            note=f"{took:.2f} s for {sum(waits_s):.2f} + {FOLLOWED.wait_s:.0f} s; "
            f"{result.api_calls['status']} status reads, {result.api_calls['crm_log']} CRM rows, "
            f"{1000 * LATENCY_S:.0f} ms a call",
        ),
        Figure(
            benchmark="pace",
            name="first to last send over drawn waits",
            measured=sum(gaps_s) / sum(waits_s),
            at_most=1.03,
            note=f"the latest send came {1000 * max(late_s):.0f} ms late",
        ),
        Figure(
            benchmark="pace",
            name="smallest gap",
            measured=min(gaps_s),
            unit="s",
            at_least=PACING.min_s,
            note="between two sends, as the server saw them",
        ),
    ]

"""Whether the pacing alone decides how long a run takes, and WATI's rate limit is never crossed."""

import tempfile
import time
from itertools import pairwise
from pathlib import Path

from bench.figures import Figure, Say
from bench.stage import LATENCY_S, UNPACED, run_campaign, serve, setting_values

from lead_automation.clock import Clock, StopFlag, make_sleep
from lead_automation.config import WatiPlan
from lead_automation.wati.limits import WINDOW_S

LEADS = 60
WAIT_S = 0.3
TAIL_S = 30.0
TRANSIT_S = 0.01
"""A send may reach the server so much faster than the one before it."""

CEILING_LATENCY_S = 0.02
WINDOWS = 2
CEILING_TAIL = {"TRACKING_FIRST_READ_SECONDS": "2", "TRACKING_WAIT_SECONDS": "3"}


def measure(say: Say) -> list[Figure]:
    """Return the time of a run over what its pacing and its tail ask for, and its gaps."""
    say("  a run of about 50 s")
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(leads=LEADS, latency_s=LATENCY_S, sends_per_window=60) as (addresses, seen),
    ):
        values = setting_values(
            addresses,
            Path(folder) / "state",
            {
                "SEND_DELAY_MIN": str(WAIT_S),
                "SEND_DELAY_MAX": str(WAIT_S),
                "TRACKING_WAIT_SECONDS": str(TAIL_S),
                "WATI_PLAN": "pro",
            },
        )
        began = time.perf_counter()
        result = run_campaign(values, clock=Clock(), sleep=make_sleep(StopFlag()))
        took_s = time.perf_counter() - began
        sends = seen().sends
    waits_s = WAIT_S * (LEADS - 1)
    gaps_s = [later - earlier for earlier, later in pairwise(sends)]
    calls = result["api_calls"]
    return [
        Figure(
            benchmark="pace",
            name="run over its waits and tail",
            measured=took_s / (waits_s + TAIL_S),
            at_most=1.03,
            note=f"{took_s:.2f} s for {waits_s:.2f} + {TAIL_S:.0f} s; {calls['status']} status "
            f"reads, {calls['crm_log']} CRM rows, {1000 * LATENCY_S:.0f} ms a call",
        ),
        Figure(
            benchmark="pace",
            name="first to last send over the waits",
            measured=sum(gaps_s) / waits_s,
            at_most=1.03,
            note=f"the latest send came {1000 * (max(gaps_s) - WAIT_S):.0f} ms late",
        ),
        Figure(
            benchmark="pace",
            name="smallest gap",
            measured=min(gaps_s),
            unit="s",
            at_least=WAIT_S - TRANSIT_S,
            note=f"between two sends, as the server saw them; asked for: {WAIT_S} s",
        ),
    ]


def measure_ceiling(say: Say) -> list[Figure]:
    """Return the share of each plan's sends that is reached unpaced, over real windows of 10 s."""
    figures = []
    rejected = 0
    for plan in WatiPlan:
        say(f"  {plan.value}: about {WINDOWS * WINDOW_S + 3:.0f} s")
        figure, refused = _reach(plan)
        figures.append(figure)
        rejected += refused
    figures.append(
        Figure(
            benchmark="ceiling",
            name="calls the server refused with 429",
            measured=rejected,
            at_most=0,
            note="it counts sends and reads in a sliding window of 10 s",
        )
    )
    return figures


def _reach(plan: WatiPlan) -> tuple[Figure, int]:
    """Return the share of the limit that is used, and the server's 429s."""
    limit = plan.sends_per_window
    leads = WINDOWS * limit + 1
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(leads=leads, latency_s=CEILING_LATENCY_S, sends_per_window=limit) as (
            addresses,
            ask,
        ),
    ):
        values = setting_values(
            addresses, Path(folder) / "state", {"WATI_PLAN": plan.value, **UNPACED, **CEILING_TAIL}
        )
        result = run_campaign(values, clock=Clock(), sleep=make_sleep(StopFlag()))
        seen = ask()
    # From the first send of one window to the first of a later one: whole windows, no burst.
    took_s = seen.sends[WINDOWS * limit] - seen.sends[0]
    reached = WINDOWS * limit * WINDOW_S / took_s
    figure = Figure(
        benchmark="ceiling",
        name=f"{plan.value}: share of {limit} sends in 10 s",
        measured=reached / limit,
        at_least=0.95,
        note=f"{reached:.1f} in 10 s, beside {result['api_calls']['status']} status reads",
    )
    return figure, seen.rejected

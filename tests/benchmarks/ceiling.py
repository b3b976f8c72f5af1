"""Whether WATI's rate limit is reached, and never crossed, where the pacing does not hold us."""

import tempfile
from pathlib import Path

from benchmarks.figures import Figure, Say
from benchmarks.serve import serve
from benchmarks.stage import Stage, make_settings

from lead_automation.config import TrackingPolicy, WatiPlan
from lead_automation.wati.limits import WINDOW_S, RateLimits

LATENCY_S = 0.02
WINDOWS = 2
FOLLOWED = TrackingPolicy(first_read_s=2.0, wait_s=3.0, settle_s=90.0)


def measure(say: Say) -> list[Figure]:
    """Return the share of each plan's sends that is reached, over real windows of 10 s."""
    figures = []
    rejected = 0
    for plan in WatiPlan:
        say(f"  {plan.value}: about {WINDOWS * WINDOW_S + FOLLOWED.wait_s:.0f} s")
        share, refused, note = _reach(plan)
        rejected += refused
        figures.append(
            Figure(
                benchmark="ceiling",
                name=f"{plan.value}: share of {plan.sends_per_window} sends in 10 s",
                measured=share,
                at_least=0.95,
                note=note,
            )
        )
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


def _reach(plan: WatiPlan) -> tuple[float, int, str]:
    """Return the share of the limit that is used, and the server's 429s."""
    limit = plan.sends_per_window
    leads = WINDOWS * limit + 1
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(leads=leads, latency_s=LATENCY_S, sends_per_window=limit) as served,
    ):
        settings = make_settings(served.addresses, Path(folder), tracking=FOLLOWED)
        result = Stage(settings=settings, limits=RateLimits.of_plan(plan)).run()
        seen = served.seen()
    # From the first send of one window to the first of a later one: whole windows, no burst.
    took_s = seen.sends[WINDOWS * limit] - seen.sends[0]
    reached = WINDOWS * limit * WINDOW_S / took_s
    note = f"{reached:.1f} in 10 s, beside {result.api_calls['status']} status reads"
    return reached / limit, seen.rejected, note

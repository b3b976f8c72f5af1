"""A month of 450 leads a day, and a day of 100,000 leads, on a simulated clock.

Whole runs of the command line against the simulator in the same process; appends are not waited
for. What is compared is the processor's time and the memory of the program; the simulator's are
left out.
"""

import gc
import tempfile
import time
import tracemalloc
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from typing import Any

from bench.figures import Figure, Say
from bench.stage import IN_BATCHES, NEITHER_PACED_NOR_FOLLOWED, UNPACED, Simulation

from lead_automation.sandbox.plans import Plan, Step

DAYS = 30
LEADS = 450
SETTLED_BY = 10
"""Day, counted from 1, by which the history has its full length."""
LARGE_DAY = 100_000
TRACED = 10_000
"""Leads of the smaller run whose memory is looked at; tracing is slow."""

_DAY_S = 86400.0
_PAUSE_S = 0.1
"""A lead takes less than a hundredth of it."""
_NOT_THE_PROGRAM = ("*/sandbox/*", "*/bench/*", tracemalloc.__file__)


def measure(say: Say) -> list[Figure]:
    """Return how cost and memory at the end compare with those at the beginning."""
    with tempfile.TemporaryDirectory() as folder:
        return [
            *_month(Path(folder) / "month", say),
            *_large_day(Path(folder) / "day", say),
            _memory_of_a_large_day(Path(folder) / "traced", say),
        ]


def _month(state_dir: Path, say: Say) -> list[Figure]:
    say(f"  {DAYS} days of {LEADS} leads")
    simulation = Simulation(state_dir)
    seconds: list[float] = []
    peaks: list[float] = []
    for day in range(1, DAYS + 1):
        simulation.list_leads(LEADS)
        is_traced = day in (SETTLED_BY, DAYS)
        if is_traced:
            gc.collect()
            tracemalloc.start()
        simulation.calls_s = 0.0
        began_s, began = simulation.clock.monotonic(), time.process_time()
        _expect(LEADS, simulation.run())
        if is_traced:
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        else:
            seconds.append((time.process_time() - began - simulation.calls_s) / LEADS)
        simulation.clock.sleep(_DAY_S - (simulation.clock.monotonic() - began_s))
        simulation.forget()
    early, late = (median(part) for part in _ends(seconds, 2))
    return [
        Figure(
            benchmark="scale",
            name="month: time per lead, second half over first",
            measured=late / early,
            at_most=1.2,
            note=f"{1e6 * early:.0f} and {1e6 * late:.0f} µs, the whole run shared by its leads",
        ),
        Figure(
            benchmark="scale",
            name=f"month: peak memory of a run, day {DAYS} over day {SETTLED_BY}",
            measured=peaks[-1] / peaks[0],
            at_most=1.1,
            note=f"{peaks[-1] / 1e6:.1f} MB, the history full on both days",
        ),
    ]


def _large_day(state_dir: Path, say: Say) -> list[Figure]:
    say(f"  a run of {LARGE_DAY:,} leads")
    simulation = Simulation(state_dir, changes=NEITHER_PACED_NOR_FOLLOWED)
    simulation.list_leads(LARGE_DAY)
    moments: list[float] = []
    simulation.on_send = lambda: moments.append(time.process_time() - simulation.calls_s)
    began, began_s = time.process_time(), simulation.clock.monotonic()
    _expect(LARGE_DAY, simulation.run())
    singles_s = simulation.clock.monotonic() - began_s
    whole_s = time.process_time() - began - simulation.calls_s
    each = [later - earlier for earlier, later in pairwise(moments)]
    first, last = (median(part) for part in _ends(each, 10))
    pauses = [took for took in each if took > _PAUSE_S]
    return [
        Figure(
            benchmark="scale",
            name=f"{LARGE_DAY:,} leads: time per lead, last tenth over first",
            measured=last / first,
            at_most=1.2,
            note=f"medians, {1e6 * first:.0f} and {1e6 * last:.0f} µs; {whole_s:.0f} s in all",
        ),
        Figure(
            benchmark="scale",
            name=f"{LARGE_DAY:,} leads: share of pauses above {_PAUSE_S} s",
            measured=sum(pauses) / whole_s,
            note=f"{len(pauses)} times: a journal of 32 MiB folded in mid-run, garbage collected",
        ),
        Figure(
            benchmark="scale",
            name=f"{LARGE_DAY:,} leads in batches of 100: simulated time over singles",
            measured=batched_s(state_dir.with_name("batches"), LARGE_DAY, say) / singles_s,
            at_most=1 / 3,
            note="unpaced; every batch is read before the next, which singles are not",
        ),
    ]


def batched_s(state_dir: Path, leads: int, say: Say) -> float:
    """Return the simulated seconds of a run of so many leads in batches of 100."""
    say(f"  a run of {leads:,} leads in batches")
    changes = {
        **IN_BATCHES,
        **UNPACED,
        "BATCH_SIZE": "100",
        "TRACKING_FIRST_READ_SECONDS": "0",
        "TRACKING_WAIT_SECONDS": "0",
    }
    at_once = Plan(history=(Step(0.0, "READ"),))
    simulation = Simulation(state_dir, message=at_once, changes=changes)
    simulation.list_leads(leads)
    began_s = simulation.clock.monotonic()
    _expect(leads, simulation.run())
    return simulation.clock.monotonic() - began_s


def _memory_of_a_large_day(state_dir: Path, say: Say) -> Figure:
    say(f"  memory over a run of {TRACED:,} leads")
    simulation = Simulation(state_dir, changes=NEITHER_PACED_NOR_FOLLOWED)
    simulation.list_leads(TRACED)
    step = TRACED // 10
    sent = 0
    held: list[float] = []

    def look() -> None:
        nonlocal sent
        if sent % step == 0:
            held.append(_held_by_program())
        sent += 1

    simulation.on_send = look
    tracemalloc.start()
    try:
        simulation.run()
    finally:
        tracemalloc.stop()
    early, late = (
        mean(part) for part in _ends([later - earlier for earlier, later in pairwise(held)], 2)
    )
    return Figure(
        benchmark="scale",
        name=f"{TRACED:,} leads: memory per lead, second half over first",
        measured=late / early,
        at_most=1.2,
        note=f"{late / step / 1000:.1f} kB a lead: record, report row, log of sends",
    )


def _ends(values: Sequence[float], share: int) -> tuple[Sequence[float], Sequence[float]]:
    """Return the first and the last of so many equal shares of some values."""
    size = len(values) // share
    return values[:size], values[-size:]


def _expect(leads: int, result: dict[str, Any]) -> None:
    if result["leads"]["accepted"] != leads:
        msg = f"{result['leads']}: {result['status']} {result['reason']}"
        raise RuntimeError(msg)


def _held_by_program() -> float:
    """Return the bytes that code outside simulator and benchmark has allocated and still holds."""
    gc.collect()
    filters = [
        tracemalloc.Filter(inclusive=False, filename_pattern=name) for name in _NOT_THE_PROGRAM
    ]
    traces = tracemalloc.take_snapshot().filter_traces(filters).traces
    return float(sum(trace.size for trace in traces))

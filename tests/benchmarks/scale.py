"""A month of 450 leads a day, and a day of 100,000 leads, on a simulated clock.

The real automation, ledger, tracker and log, against the simulator in the same process; appends
are not waited for. What is compared is the processor's time and the memory of the program; the
simulator's are left out.
"""

import gc
import tempfile
import time
import tracemalloc
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure, Say, halves, tenths
from benchmarks.simulation import Simulation
from benchmarks.stage import NO_END, UNPACED

from lead_automation.http import Request

_DAY_S = 86400.0
_PAUSE_S = 0.1
"""A lead takes less than a hundredth of it."""
_NOT_THE_PROGRAM = ("*/sandbox/*", "*/benchmarks/*", tracemalloc.__file__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is simulated.

    Attributes:
        days, leads: Of the month, and of each of its days.
        settled_by: Day, counted from 1, by which the history has its full length.
        large_day: Leads of the one large day.
        traced: Leads of the smaller run whose memory is looked at; tracing is slow.
    """

    days: int = 30
    leads: int = 450
    settled_by: int = 10
    large_day: int = 100_000
    traced: int = 10_000


FULL = Size()


def measure(say: Say, size: Size = FULL) -> list[Figure]:
    """Return how cost and memory at the end compare with those at the beginning."""
    with tempfile.TemporaryDirectory() as folder:
        return [
            *_month(Path(folder) / "month", size, say),
            *_large_day(Path(folder) / "day", size, say),
            _memory_of_a_large_day(Path(folder) / "traced", size, say),
        ]


def _month(state_dir: Path, size: Size, say: Say) -> list[Figure]:
    say(f"  {size.days} days of {size.leads} leads")
    simulation = Simulation(state_dir)
    seconds: list[float] = []
    peaks: list[float] = []
    for day in range(1, size.days + 1):
        simulation.list_leads(size.leads)
        is_traced = day in (size.settled_by, size.days)
        if is_traced:
            gc.collect()
            tracemalloc.start()
        simulation.calls_s = 0.0
        began = time.process_time()
        result = simulation.run()
        if is_traced:
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        else:
            seconds.append((time.process_time() - began - simulation.calls_s) / size.leads)
        if result.accepted != size.leads:
            msg = f"day {day}: {result.status.value} {result.reason}"
            raise RuntimeError(msg)
        simulation.clock.sleep(_DAY_S - result.duration_s)
        simulation.forget()
    early, late = (median(part) for part in halves(seconds))
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
            name=f"month: peak memory of a run, day {size.days} over day {size.settled_by}",
            measured=peaks[-1] / peaks[0],
            at_most=1.1,
            note=f"{peaks[-1] / 1e6:.1f} MB, the history full on both days",
        ),
    ]


def _large_day(state_dir: Path, size: Size, say: Say) -> list[Figure]:
    say(f"  a run of {size.large_day:,} leads")
    simulation = Simulation(state_dir, pacing=UNPACED, daily_limit=NO_END)
    simulation.list_leads(size.large_day)
    moments: list[float] = []

    def saw(request: Request) -> None:
        if request.is_send:
            moments.append(time.process_time() - simulation.calls_s)

    began = time.process_time()
    simulation.calls_s = 0.0
    result = simulation.run(saw)
    whole_s = time.process_time() - began - simulation.calls_s
    if result.accepted != size.large_day:
        msg = f"{result.accepted} of {size.large_day}: {result.status.value} {result.reason}"
        raise RuntimeError(msg)
    each = [later - earlier for earlier, later in pairwise(moments)]
    first, last = (median(part) for part in tenths(each))
    pauses = [took for took in each if took > _PAUSE_S]
    return [
        Figure(
            benchmark="scale",
            name=f"{size.large_day:,} leads: time per lead, last tenth over first",
            measured=last / first,
            at_most=1.2,
            note=f"medians, {1e6 * first:.0f} and {1e6 * last:.0f} µs; {whole_s:.0f} s in all",
        ),
        Figure(
            benchmark="scale",
            name=f"{size.large_day:,} leads: share of pauses above {_PAUSE_S} s",
            measured=sum(pauses) / whole_s,
            note=f"{len(pauses)} times: a journal of 32 MiB folded in mid-run, garbage collected",
        ),
    ]


def _memory_of_a_large_day(state_dir: Path, size: Size, say: Say) -> Figure:
    say(f"  memory over a run of {size.traced:,} leads")
    simulation = Simulation(state_dir, pacing=UNPACED, daily_limit=NO_END)
    simulation.list_leads(size.traced)
    sent = 0
    held: list[float] = []

    def saw(request: Request) -> None:
        nonlocal sent
        if request.is_send:
            if sent % (size.traced // 10) == 0:
                held.append(_held_by_program())
            sent += 1

    tracemalloc.start()
    try:
        simulation.run(saw)
    finally:
        tracemalloc.stop()
    grown = [later - earlier for earlier, later in pairwise(held)]
    early, late = (sum(part) / len(part) for part in halves(grown))
    return Figure(
        benchmark="scale",
        name=f"{size.traced:,} leads: memory per lead, second half over first",
        measured=late / early,
        at_most=1.2,
        note=f"{late / (size.traced // 10) / 1000:.1f} kB a lead: record, report row, log of sends",
    )


def _held_by_program() -> float:
    """Return the bytes that code outside simulator and benchmark has allocated and still holds."""
    gc.collect()
    snapshot = tracemalloc.take_snapshot()
    filters = [
        tracemalloc.Filter(inclusive=False, filename_pattern=name) for name in _NOT_THE_PROGRAM
    ]
    return float(sum(trace.size for trace in snapshot.filter_traces(filters).traces))

"""WATI calls a lead costs, and how many leads a month each plan's calls carry.

Simulated: days of real runs with the default pacing and following, the nine counsellors' 450 leads
in the first run of a day, and later runs that find no new lead and read what is still open.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Figure, Say
from benchmarks.simulation import NEVER_READ, READ_AT_ONCE, Simulation

from lead_automation.call_budget import CALLS_PER_LEAD, LATER_READS_PER_LEAD, leads_a_month
from lead_automation.campaign.meter import SPARE_CALLS
from lead_automation.config import WatiPlan
from lead_automation.http import Request
from lead_automation.sandbox.plans import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is simulated.

    Attributes:
        leads: Of each day.
        days: Days that bring leads; as many as a message is followed come after them.
        runs: Of a day; every later one two hours after the one before.
    """

    leads: int = 450
    days: int = 4
    runs: int = 6


FULL = Size()
_DAYS_AFTERWARDS = 2
_BETWEEN_RUNS_S = 7200.0
_DAY_S = 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """WATI calls a lead cost.

    Attributes:
        in_run: In the run that sent to it.
        later: In all later runs.
    """

    in_run: float
    later: float


def measure(say: Say, size: Size = FULL) -> list[Figure]:
    """Return calls per lead, and what each plan carries."""
    figures: list[Figure] = []
    most = 0.0
    for name, message in (("read within seconds", READ_AT_ONCE), ("never read", NEVER_READ)):
        say(f"  {size.days + _DAYS_AFTERWARDS} days of messages {name}")
        spent = simulate(message, size)
        most = max(most, spent.in_run + spent.later)
        figures += [
            _figure(f"calls per lead in its run, {name}", spent.in_run, at_most=_allowance(size)),
            _figure(
                f"calls per lead on its following days, {name}",
                spent.later,
                at_most=LATER_READS_PER_LEAD,
            ),
        ]
    figures += [
        _figure(
            f"leads a month that {plan.value}'s {plan.monthly_calls:,} calls carry",
            leads_a_month(plan.monthly_calls, most),
            note="each followed to its end; if each cost the most it may: "
            f"{leads_a_month(plan.monthly_calls):,}",
        )
        for plan in WatiPlan
    ]
    return figures


def simulate(message: Plan, size: Size) -> Spent:
    """Return what a lead cost over days of runs."""
    count = _Count()
    with tempfile.TemporaryDirectory() as folder:
        simulation = Simulation(Path(folder), message=message)
        for day in range(size.days + _DAYS_AFTERWARDS):
            began = simulation.clock.monotonic()
            for number in range(size.runs):
                simulation.list_leads(size.leads if number == 0 and day < size.days else 0)
                count.run_begins()
                simulation.run(count.saw)
                simulation.clock.sleep(_BETWEEN_RUNS_S)
            simulation.clock.sleep(_DAY_S - (simulation.clock.monotonic() - began))
    return Spent(in_run=count.in_run / simulation.leads, later=count.later / simulation.leads)


class _Count:
    """Tell the calls of a message's own run from those of later ones.

    A run that finds no lead makes one call, its template check, which is no lead's.
    """

    def __init__(self) -> None:
        self.in_run = 0
        self.later = 0
        self._sent: set[str] = set()
        self._overhead = 0

    def run_begins(self) -> None:
        self._overhead = 0
        self._sent.clear()

    def saw(self, request: Request) -> None:
        """Count a call; a template check belongs to the leads of its run, if it has any."""
        if request.is_send:
            self._sent.add(dict(request.params)["whatsappNumber"])
            self.in_run += 1 + self._overhead
            self._overhead = 0
        elif "/getMessages/" in request.url:
            is_own = request.url.rpartition("/")[2] in self._sent
            self.in_run += is_own
            self.later += not is_own
        elif request.url.endswith("/getMessageTemplates"):
            self._overhead += 1


def _allowance(size: Size) -> float:
    """Return what a run may spend on a lead, its spare calls shared by its leads."""
    return CALLS_PER_LEAD + SPARE_CALLS / size.leads


def _figure(name: str, measured: float, *, at_most: float | None = None, note: str = "") -> Figure:
    return Figure(benchmark="calls", name=name, measured=measured, at_most=at_most, note=note)

"""WATI calls a lead costs, and how many leads a month each plan's calls carry.

Simulated: days of real runs with the default pacing and following, the nine counsellors' 450 leads
in the first run of a day, and later runs that find no new lead and read what is still open.
"""

import tempfile
from pathlib import Path

from bench.figures import Figure, Say
from bench.stage import IN_BATCHES, NEVER_READ, READ_AT_ONCE, Simulation

from lead_automation.call_budget import CALLS_PER_LEAD, LATER_READS_PER_LEAD, leads_a_month
from lead_automation.config import WatiPlan
from lead_automation.sandbox.exchange import Endpoint, Side
from lead_automation.sandbox.plans import Plan

LEADS = 450
DAYS = 4
RUNS_A_DAY = 6
DAYS_AFTERWARDS = 2
"""As many as a message is followed."""
SPARE_CALLS = 20
"""What a run may spend besides its leads' calls (its allowance in the README)."""

_BETWEEN_RUNS_S = 7200.0
_DAY_S = 86400.0


def measure(say: Say) -> list[Figure]:
    """Return calls per lead, and what each plan carries."""
    figures: list[Figure] = []
    most = 0.0
    for name, message in (("read within seconds", READ_AT_ONCE), ("never read", NEVER_READ)):
        say(f"  {DAYS + DAYS_AFTERWARDS} days of messages {name}")
        in_run, later = simulate(message)
        most = max(most, in_run + later)
        batched = simulate_batches(message)
        figures.append(
            _figure(f"calls per lead in batches, {name}", batched, at_most=BATCHED_CALLS)
        )
        allowed = CALLS_PER_LEAD + SPARE_CALLS / LEADS
        figures += [
            _figure(f"calls per lead in its run, {name}", in_run, at_most=allowed),
            _figure(
                f"calls per lead on its following days, {name}", later, at_most=LATER_READS_PER_LEAD
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


def simulate(message: Plan) -> tuple[float, float]:
    """Return the WATI calls a lead cost in its own run, and in all later ones.

    A run that finds no lead makes one call, its template check, which is no lead's.
    """
    in_run = later = 0
    with tempfile.TemporaryDirectory() as folder:
        simulation = Simulation(Path(folder) / "state", message=message)
        calls = simulation.simulator.calls
        for day in range(DAYS + DAYS_AFTERWARDS):
            began = simulation.clock.monotonic()
            for number in range(RUNS_A_DAY):
                simulation.list_leads(LEADS if number == 0 and day < DAYS else 0)
                simulation.run()
                sent = {call.number for call in calls[Endpoint.SEND]}
                own_reads = sum(call.number in sent for call in calls[Endpoint.MESSAGES])
                later += len(calls[Endpoint.MESSAGES]) - own_reads
                if sent:
                    checks = len(calls[Endpoint.TEMPLATES])
                    in_run += len(calls[Endpoint.SEND]) + own_reads + checks
                simulation.forget()
                simulation.clock.sleep(_BETWEEN_RUNS_S)
            simulation.clock.sleep(_DAY_S - (simulation.clock.monotonic() - began))
    return in_run / simulation.leads, later / simulation.leads


BATCHED_RUNS = 4
BATCHED_CALLS = 0.35
"""Of a lead over its whole life, look-ups of those who replied apart (contract, section 11)."""
_WATI = tuple(endpoint for endpoint in Endpoint if endpoint.side is Side.WATI)


def simulate_batches(message: Plan, *, days: int = DAYS) -> float:
    """Return the WATI calls a lead cost over its whole life in batches, four runs a day."""
    with tempfile.TemporaryDirectory() as folder:
        simulation = Simulation(Path(folder) / "state", message=message, changes=IN_BATCHES)
        made = 0
        for day in range(days + DAYS_AFTERWARDS):
            began = simulation.clock.monotonic()
            for number in range(BATCHED_RUNS):
                share = LEADS // BATCHED_RUNS + (number < LEADS % BATCHED_RUNS)
                simulation.list_leads(share if day < days else 0)
                simulation.run()
                # A run that finds no lead makes one call, its template check, which is no lead's.
                checks = 0 if day < days else 1
                calls = simulation.simulator.calls
                made += sum(len(calls[endpoint]) for endpoint in _WATI) - checks
                simulation.forget()
                simulation.clock.sleep(_BETWEEN_RUNS_S)
            simulation.clock.sleep(_DAY_S - (simulation.clock.monotonic() - began))
    return made / simulation.leads


def _figure(name: str, measured: float, *, at_most: float | None = None, note: str = "") -> Figure:
    return Figure(benchmark="calls", name=name, measured=measured, at_most=at_most, note=note)

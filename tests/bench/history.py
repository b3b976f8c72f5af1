"""Whether a lead costs the same whatever the history holds, and what reading it and folding cost.

One process for each size of history takes its turn of a few leads at a time, so that all are
measured under the same conditions. Appends are not waited for here: a medium's time would only
hide a difference.
"""

import json
import resource
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

from bench.figures import Figure, Say, paired_ratio
from bench.stage import (
    MONTH_BEGINS,
    NEITHER_PACED_NOR_FOLLOWED,
    Simulation,
    child,
    phone_of,
    questions,
    setting_values,
)
from simulated.inprocess import ADDRESSES

from lead_automation.sandbox.simulator import TEMPLATE

KEPT = (0, 10_000, 100_000, 500_000)
"""Records of each history; the first is what the others are compared with."""
ROUNDS = 40
TURN = 25
"""Leads of a turn."""
FOLDED = 100_000
STARTS = 5
HISTORY_DAYS = 7

_FIRST_KEPT = 100_000_000
"""Index of the first kept record's number: none of a lead that is messaged here."""


def measure(say: Say) -> list[Figure]:
    """Return the time per lead over that with no history, and what start and fold cost."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        took = _take_turns(folder, say)
        figures = [
            Figure(
                benchmark="history",
                name=f"time per lead with {kept:,} records kept, over none",
                measured=paired_ratio(took[kept], took[KEPT[0]]),
                at_most=1.2,
                at_least=0.8,
                note=f"{1e6 * median(took[kept]) / TURN:.0f} µs a lead, nothing waited for",
            )
            for kept in KEPT[1:]
        ]
        say(f"  start and fold with {FOLDED:,} records")
        return figures + _start_and_fold(folder / "fold")


def _take_turns(folder: Path, say: Say) -> dict[int, list[float]]:
    """Return the seconds of every turn, by records kept."""
    took: dict[int, list[float]] = {kept: [] for kept in KEPT}
    with ExitStack() as stack:
        children = {}
        for kept in KEPT:
            say(f"  a history of {kept:,} records")
            children[kept] = stack.enter_context(child(_run_in_turns, folder / str(kept), kept))
            children[kept].recv()
        say(f"  {ROUNDS} turns of {TURN} leads each")
        for _ in range(ROUNDS):
            for kept, connection in children.items():
                connection.send(None)
                took[kept].append(connection.recv())
    return took


def _start_and_fold(folder: Path) -> list[Figure]:
    folder.mkdir()
    # In a child: the peak of a process counts for those it starts, too.
    with child(_keep, folder / "full", FOLDED) as connection:
        connection.recv()
    seconds, peaks_mb = [], []
    for number in range(STARTS):
        with child(_send_to_one, folder / "full", number) as connection:
            full_s, peak_mb = connection.recv()
        with child(_send_to_one, folder / "empty", number) as connection:
            empty_s, _ = connection.recv()
        seconds.append(full_s - empty_s)
        peaks_mb.append(peak_mb)
    return [
        Figure(
            benchmark="history",
            name="start and fold",
            measured=median(seconds),
            unit="s",
            at_most=0.8,
            note=f"a run of one lead with {FOLDED:,} records over one with none; median of "
            f"{STARTS} pairs",
        ),
        Figure(
            benchmark="history",
            name="start and fold, peak memory of the process",
            measured=median(peaks_mb),
            unit="MB",
            at_most=200.0,
        ),
    ]


# --- in a child -------------------------------------------------------------------------------


def _keep(connection: Connection, state_dir: Path, count: int) -> None:
    """Write a state directory whose history holds so many messages of the last days, all read."""
    setting_values(ADDRESSES, state_dir)
    begins = MONTH_BEGINS.astimezone(ZoneInfo("Asia/Kolkata"))  # as the program writes it
    history: dict[str, dict[str, object]] = {}
    for index in range(count):
        at = (begins - timedelta(days=1 + index % (HISTORY_DAYS - 1))).isoformat()
        history.setdefault(at[:10], {})[f"kept-{index}"] = {
            "phone": phone_of(_FIRST_KEPT + index),
            "template": TEMPLATE,
            "counsellor": "Anandi",
            "status": "read",
            "message_id": f"00000000-0000-4000-8000-{index:012}",
            "sent_at": at,
            "updated_at": at,
            "attempts": 1,
        }
    (state_dir / "sent_messages.json").write_text(json.dumps(history), encoding="utf-8")
    connection.send("kept")


def _run_in_turns(connection: Connection, state_dir: Path, kept: int) -> None:
    """Run a campaign that waits after each turn of leads until it is asked for the next."""
    with child(_keep, state_dir, kept) as keeper:
        keeper.recv()
    simulation = Simulation(state_dir, changes=NEITHER_PACED_NOR_FOLLOWED)
    simulation.list_leads(TURN * (ROUNDS + 2))
    asked = questions(connection)
    done = 0
    began = 0.0

    def turn() -> None:
        nonlocal done, began
        if done % TURN == 0:
            # The first turn is for warming up: "ready" is said when it is over.
            if done:
                connection.send(time.process_time() - began - simulation.calls_s)
            if done >= TURN and next(asked, False) is False:
                sys.exit()
            simulation.calls_s = 0.0
            began = time.process_time()
        done += 1

    simulation.on_send = turn
    simulation.run()


def _send_to_one(connection: Connection, state_dir: Path, number: int) -> None:
    """Run a campaign of one lead, another one each time."""
    simulation = Simulation(state_dir, changes=NEITHER_PACED_NOR_FOLLOWED)
    simulation.leads = number
    simulation.list_leads(1)
    began = time.perf_counter()
    simulation.run()
    took_s = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    connection.send((took_s, peak / (1e6 if sys.platform == "darwin" else 1e3)))

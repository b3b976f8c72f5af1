"""Whether a lead costs the same whatever the history holds, and what reading it and folding cost.

One process for each size of history takes its turn of a few leads at a time, so that all are
measured under the same conditions. Appends are not waited for here: a medium's time would only
hide a difference.
"""

import resource
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from benchmarks.children import Child, answer, argument, questions
from benchmarks.figures import Figure, Say, paired_ratio
from benchmarks.simulation import Simulation
from benchmarks.stage import NO_END, UNPACED, SimulatedClock, phone_of

from lead_automation.files import Disk, SystemDisk
from lead_automation.http import Request
from lead_automation.leads.hours import quota_day
from lead_automation.models import MessageRecord, MessageStatus, Outcome, SendAttempt
from lead_automation.sandbox.simulator import TEMPLATE
from lead_automation.state.fileledger import FileLedger
from lead_automation.state.jsonstore import HISTORY_FILE, StateFiles, init_state, save_state
from lead_automation.state.ledger import Reservation

HISTORY_DAYS = 7
_MODULE = "benchmarks.history"
_FIRST_KEPT = 100_000_000
"""Index of the first kept record's number: none of a lead that is messaged here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is measured.

    Attributes:
        kept: Records of each history; the first is what the others are compared with.
        rounds: Turns of each.
        turn: Leads of a turn.
        folded: Records of the history that is read and folded.
        starts: How often it is.
    """

    kept: tuple[int, ...] = (0, 10_000, 100_000, 500_000)
    rounds: int = 40
    turn: int = 25
    folded: int = 100_000
    starts: int = 5


FULL = Size()


def measure(say: Say, size: Size = FULL) -> list[Figure]:
    """Return the time per lead over that with no history, and what start and fold cost."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        took = _take_turns(folder, size, say)
        figures = [
            Figure(
                benchmark="history",
                name=f"time per lead with {kept:,} records kept, over none",
                measured=paired_ratio(took[kept], took[size.kept[0]]),
                at_most=1.2,
                at_least=0.8,
                note=f"{1e6 * median(took[kept]) / size.turn:.0f} µs a lead, nothing waited for",
            )
            for kept in size.kept[1:]
        ]
        say(f"  start and fold with {size.folded:,} records")
        return figures + _start_and_fold(folder, size)


def _take_turns(folder: Path, size: Size, say: Say) -> dict[int, list[float]]:
    """Return the seconds of every turn, by records kept."""
    took: dict[int, list[float]] = {kept: [] for kept in size.kept}
    with ExitStack() as stack:
        children = {}
        for kept in size.kept:
            say(f"  a history of {kept:,} records")
            state_dir = folder / f"kept-{kept}"
            _keep_elsewhere(state_dir, kept)
            leads = size.turn * (size.rounds + 2)
            options = {"state_dir": str(state_dir), "leads": leads, "turn": size.turn}
            children[kept] = stack.enter_context(Child(_MODULE, options))
        say(f"  {size.rounds} turns of {size.turn} leads each")
        for _ in range(size.rounds):
            for kept, child in children.items():
                took[kept].append(child.ask())
    return took


def _start_and_fold(folder: Path, size: Size) -> list[Figure]:
    state_dir = folder / "folded"
    _keep_elsewhere(state_dir, size.folded)
    found = []
    for number in range(size.starts):
        options = {"state_dir": str(state_dir), "lead_id": f"new-{number}"}
        with Child(_MODULE, options) as child:
            found.append(child.ready)
    seconds, peak_mb = (median(column) for column in zip(*found, strict=True))
    note = f"{size.folded:,} records: read, one message, written back; median of {size.starts}"
    return [
        Figure(
            benchmark="history",
            name="start and fold",
            measured=seconds,
            unit="s",
            at_most=2.0,
            note=note,
        ),
        Figure(
            benchmark="history",
            name="start and fold, peak memory of the process",
            measured=peak_mb,
            unit="MB",
            at_most=250,
            note=note,
        ),
    ]


def _keep_elsewhere(state_dir: Path, count: int) -> None:
    """Write a history in a child: the peak of a process counts for those it starts, too."""
    with Child(_MODULE, {"state_dir": str(state_dir), "keep": count}):
        pass


# --- in a child -------------------------------------------------------------------------------


def keep(state_dir: Path, count: int) -> None:
    """Write a state directory whose history holds so many messages of the last days, all read."""
    disk = SystemDisk()
    init_state(disk, state_dir)
    now = SimulatedClock().now()
    history: dict[date, dict[str, MessageRecord]] = {}
    for index in range(count):
        at = now - timedelta(days=1 + index % (HISTORY_DAYS - 1))
        history.setdefault(at.date(), {})[f"kept-{index}"] = _read_message(index, at)
    save_state(disk, state_dir, HISTORY_FILE, StateFiles(history=history))


def _read_message(index: int, at: datetime) -> MessageRecord:
    return MessageRecord(
        lead_id=f"kept-{index}",
        day=at.date(),
        phone=phone_of(_FIRST_KEPT + index),
        template=TEMPLATE,
        counsellor="Anandi",
        status=MessageStatus.READ,
        message_id=f"00000000-0000-4000-8000-{index:012}",
        sent_at=at,
        updated_at=at,
        attempts=1,
    )


def _answer_with_turns(options: dict[str, Any]) -> None:
    """Run a campaign that waits after each turn of leads until it is asked for the next."""
    simulation = Simulation(Path(options["state_dir"]), pacing=UNPACED, daily_limit=NO_END)
    simulation.list_leads(options["leads"])
    asked = questions()
    done = 0
    began = 0.0

    def turn(request: Request) -> None:
        nonlocal done, began
        if not request.is_send:
            return
        if done % options["turn"] == 0:
            # The first turn is for warming up: "ready" is said when it is over.
            if done:
                answer(time.process_time() - began - simulation.calls_s)
            if done >= options["turn"] and next(asked, False) is False:
                sys.exit()
            simulation.calls_s = 0.0
            began = time.process_time()
        done += 1

    simulation.run(turn)


def _answer_with_start_and_fold(state_dir: Path, lead_id: str) -> None:
    """Do what the beginning and the end of a run do with the state."""
    disk: Disk = SystemDisk()
    clock = SimulatedClock()
    zone = ZoneInfo("Asia/Kolkata")
    began = time.perf_counter()
    today = quota_day(clock.now(), zone)
    ledger = FileLedger.open(disk, state_dir, history_days=HISTORY_DAYS, zone=zone)
    wanted = Reservation(lead_id=lead_id, phone=phone_of(0), template=TEMPLATE, counsellor="Anandi")
    [record] = ledger.reserve([wanted], day=today, at=clock.now())
    attempt = SendAttempt(outcome=Outcome.ACCEPTED, message_id="id")
    ledger.settle([(record, attempt)], at=clock.now())
    ledger.finish(today=today)
    ledger.close()
    took = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 1e6 if sys.platform == "darwin" else 1e3
    answer([took, peak / unit])


def _main(options: dict[str, Any]) -> None:
    state_dir = Path(options["state_dir"])
    if "keep" in options:
        keep(state_dir, options["keep"])
        answer("kept")
    elif "turn" in options:
        _answer_with_turns(options)
    else:
        _answer_with_start_and_fold(state_dir, options["lead_id"])


if __name__ == "__main__":
    _main(argument())

"""Several runs at once, as real processes: one works, the others leave at once, nothing doubles."""

import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import pytest
from harness import many_leads
from processes import environ_of, started
from promise import Witness
from simulated.scripts import Moment
from simulated.server import SandboxServer
from simulated.simulator import Simulator

from lead_automation.clock import Clock
from lead_automation.sandbox.exchange import Endpoint, SimRequest
from lead_automation.sandbox.plans import Plan, Step

_RUNS = 8
_LEADS = 12
_READ = Plan(history=(Step(0.0, "READ"),))
_START_LINE = (
    "import sys\nfrom lead_automation.cli import main\n"
    "import filelock, lead_automation.commands.run\n"
)
_GO = "sys.stdout.write('ready\\n'); sys.stdout.flush(); sys.stdin.readline()\n"
_RUN_ON_GO = f"{_START_LINE}{_GO}raise SystemExit(main(['run', '--no-color']))"
_PIPES: Any = {"stdin": PIPE, "stdout": PIPE, "stderr": PIPE}


def _ended(process: Popen[bytes], go_at: float) -> tuple[int, float, str]:
    """Return exit code, seconds since the start, and what was said."""
    _, said = process.communicate(b"go\n")
    return process.returncode, time.monotonic() - go_at, said.decode()


def test_eight_runs_started_together_are_one(tmp_path: Path) -> None:
    """One works, seven end with 75 within two seconds and say who holds the lock since when."""
    simulator = Simulator(clock=Clock(), leads=many_leads(_LEADS), default_plan=_READ)
    witness = Witness(simulator, Clock())
    with SandboxServer(simulator, latency_s=0.02) as server:
        environ = environ_of(server, tmp_path)
        processes = [
            Popen([sys.executable, "-c", _RUN_ON_GO], **_PIPES, env=environ) for _ in range(_RUNS)
        ]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
        go_at = time.monotonic()
        with ThreadPoolExecutor(_RUNS) as pool:
            results = list(pool.map(lambda process: _ended(process, go_at), processes))

    winners = [place for place, (code_, _, _) in enumerate(results) if code_ == 0]
    losers = [result for result in results if result[0] == 75]
    assert len(winners) == 1
    assert len(losers) == _RUNS - 1
    assert max(seconds for _, seconds, _ in losers) < 2.0
    pid = processes[winners[0]].pid
    for _, _, said in losers:
        found = re.search(r"another run is active(: pid (\d+), since 2\d{3}-)?", said)
        assert found, said
        assert found[2] in (None, str(pid))
    assert len(simulator.messages) == _LEADS
    witness.check_posts(settle_s=1.0)


def test_second_run_names_the_holder_and_changes_nothing(tmp_path: Path) -> None:
    """A run that outlasts the cron interval is left alone: 75, the holder's pid and its start."""
    simulator = Simulator(clock=Clock(), leads=many_leads(2), default_plan=_READ)
    second: list[tuple[int, str]] = []
    with SandboxServer(simulator) as server:
        environ = environ_of(server, tmp_path)

        def start_another(_request: SimRequest) -> None:
            with started(environ) as other:
                _, said = other.communicate()
                second.append((other.returncode, said.decode()))

        simulator.hooks.add(Moment.ACCEPTED, Endpoint.SEND, start_another)
        with started(environ) as first:
            first.communicate()

    ((code, said),) = second
    assert first.returncode == 0
    assert code == 75
    assert f"pid {first.pid}, since 2" in said
    assert len(simulator.messages) == 2


_LATE_HOLDER = """
import datetime, fcntl, json, os, sys, time
lock = open("state/run.lock", "w")
fcntl.flock(lock, fcntl.LOCK_EX)
sys.stdout.write("locked\\n")
sys.stdout.flush()
time.sleep(float(sys.argv[1]))
now = datetime.datetime.now(datetime.timezone.utc).isoformat()
with open("state/new", "w") as holder:
    json.dump({"pid": os.getpid(), "started_at": now}, holder)
os.replace("state/new", "state/run.lock.holder")
sys.stdin.readline()
"""


@pytest.mark.parametrize("left", ["nothing", "the name of an earlier run"])
def test_second_run_waits_for_the_name_of_a_holder_that_is_not_written_yet(
    tmp_path: Path, left: str
) -> None:
    """Neither nobody nor the run before is named, and nobody is waited for longer than a second."""
    simulator = Simulator(clock=Clock(), leads=many_leads(2), default_plan=_READ)
    with SandboxServer(simulator) as server:
        environ = environ_of(server, tmp_path)
        if left != "nothing":
            with started({**environ, "SCRIPT_START_TIME": "00:00"}, "run", "--dry-run") as earlier:
                earlier.communicate()
        with (
            Popen([sys.executable, "-c", _RUN_ON_GO], **_PIPES, env=environ) as second,
            Popen([sys.executable, "-c", _LATE_HOLDER, "0.7"], **_PIPES, cwd=tmp_path) as holder,
        ):
            for process, word in ((second, b"ready\n"), (holder, b"locked\n")):
                assert process.stdout is not None
                assert process.stdout.readline() == word
            code, seconds, said = _ended(second, time.monotonic())
            holder.communicate(b"done\n")

    assert code == 75
    assert seconds < 2.0
    assert f"pid {holder.pid}, since 2" in said

"""Several runs at once, as real processes: one works, the others leave at once, nothing doubles."""

import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import PIPE, Popen

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
    "import sys\nfrom lead_automation.cli import main\nimport lead_automation.commands.run\n"
)
_GO = "sys.stdout.write('ready\\n'); sys.stdout.flush(); sys.stdin.readline()\n"


def _ended(process: Popen[bytes], go_at: float) -> tuple[int, float, str]:
    """Return exit code, seconds since the start, and what was said."""
    _, said = process.communicate(b"go\n")
    return process.returncode, time.monotonic() - go_at, said.decode()


def test_eight_runs_started_together_are_one(tmp_path: Path) -> None:
    """One works, seven end with 75 within two seconds and say who holds the lock since when."""
    simulator = Simulator(clock=Clock(), leads=many_leads(_LEADS), default_plan=_READ)
    witness = Witness(simulator, Clock())
    code = f"{_START_LINE}{_GO}raise SystemExit(main(['run', '--no-color']))"
    with SandboxServer(simulator, latency_s=0.02) as server:
        environ = environ_of(server, tmp_path)
        processes = [
            Popen([sys.executable, "-c", code], stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environ)
            for _ in range(_RUNS)
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

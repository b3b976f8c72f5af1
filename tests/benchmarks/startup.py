"""How long a command takes until it answers, beside a bare interpreter started in turn.

Byte code is compiled before, as an installation does, into a folder of its own.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks.children import child_environment
from benchmarks.figures import Figure, Say
from benchmarks.serve import serve
from benchmarks.stage import setting_values

from lead_automation.files import SystemDisk
from lead_automation.state.jsonstore import init_state

PAIRS = 11


def measure(say: Say) -> list[Figure]:
    """Return the milliseconds over a bare interpreter, medians of pairs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start = Starter(folder)
        init_state(SystemDisk(), folder / "state")
        say("  help, version, status")
        figures = [
            _figure(start, "--help", 60, lambda: start.seconds("-m", "lead_automation", "--help")),
            _figure(
                start, "--version", 60, lambda: start.seconds("-m", "lead_automation", "--version")
            ),
            _figure(
                start,
                "status",
                120,
                lambda: start.seconds("-m", "lead_automation", "status", "--state-dir", "state"),
            ),
        ]
        say("  run -q")
        figures.append(_figure(start, "run -q, to its first call", 300, start.until_first_call))
    return figures


def _figure(start: "Starter", name: str, at_most_ms: float, seconds: Callable[[], float]) -> Figure:
    seconds()  # compiles what it imports, and reads it into the system's cache
    pairs = [(seconds(), start.seconds("-c", "pass")) for _ in range(PAIRS)]
    over = median(ours - bare for ours, bare in pairs)
    bare_ms = 1000 * median(bare for _, bare in pairs)
    return Figure(
        benchmark="startup",
        name=f"{name}, over a bare interpreter",
        measured=1000 * over,
        unit="ms",
        at_most=at_most_ms,
        note=f"median of {PAIRS} pairs; the bare one takes {bare_ms:.0f} ms",
    )


class Starter:
    """Start Python processes in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        """Keep everything they leave in folder."""
        self._folder = folder
        self._environment = child_environment(PYTHONPYCACHEPREFIX=str(folder / "bytecode"))
        self._environment.pop("PYTHONDONTWRITEBYTECODE", None)
        self._runs = 0

    def seconds(self, *arguments: str) -> float:
        """Return how long a process took from start to end."""
        began = time.monotonic()
        subprocess.run(
            [sys.executable, *arguments],
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        return time.monotonic() - began

    def until_first_call(self) -> float:
        """Return the seconds from the start of ``run -q`` to the first call a server sees."""
        self._runs += 1
        state = self._folder / f"state-{self._runs}"
        init_state(SystemDisk(), state)
        with serve(leads=1) as served:
            values = setting_values(served.addresses) | {
                "STATE_DIR": str(state),
                "TRACKING_WAIT_SECONDS": "0",
            }
            path = self._folder / "config.env"
            text = "".join(f"{key}='{value}'\n" for key, value in values.items())
            path.write_text(text, encoding="utf-8")
            path.chmod(0o600)
            began = time.monotonic()  # the server's clock too: one machine, one steady time
            self.seconds("-m", "lead_automation", "run", "-q", "--config", str(path))
            first = served.seen().first
        if first is None:
            msg = "the run made no call"
            raise RuntimeError(msg)
        return first - began

"""How long a command takes until it answers, beside a bare interpreter started in turn.

Byte code is compiled before, as an installation does, into a folder of its own.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench.figures import Figure, Say
from bench.stage import serve, setting_values

ROOT = Path(__file__).resolve().parents[2]
PAIRS = 11


def measure(say: Say) -> list[Figure]:
    """Return the milliseconds over a bare interpreter, medians of pairs."""
    say("  help, version, status, run -q")
    with tempfile.TemporaryDirectory() as name:
        start = Starter(Path(name))
        start.program("init", "--state-dir", "state")
        return [
            _figure(start, "--help", 60, lambda: start.program("--help")),
            _figure(start, "--version", 60, lambda: start.program("--version")),
            _figure(start, "status", 120, lambda: start.program("status", "--state-dir", "state")),
            _figure(start, "run -q, to its first call", 300, start.until_first_call),
        ]


def _figure(start: "Starter", name: str, at_most_ms: float, seconds: Callable[[], float]) -> Figure:
    seconds()  # compiles what it imports, and reads it into the system's cache
    pairs = [(seconds(), start.seconds("-c", "pass")) for _ in range(PAIRS)]
    bare_ms = 1000 * median(bare for _, bare in pairs)
    return Figure(
        benchmark="startup",
        name=f"{name}, over a bare interpreter",
        measured=1000 * median(ours - bare for ours, bare in pairs),
        unit="ms",
        at_most=at_most_ms,
        note=f"median of {PAIRS} pairs; the bare one takes {bare_ms:.0f} ms",
    )


class Starter:
    """Start Python processes in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        """Keep everything they leave in folder."""
        self._folder = folder
        self._environ = dict(os.environ) | {  # noqa: TID251 - the system's own part
            "PYTHONPATH": str(ROOT),
            "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
        }
        self._environ.pop("PYTHONDONTWRITEBYTECODE", None)
        self._runs = 0

    def seconds(self, *arguments: str, **environ: str) -> float:
        """Return how long a process took from start to end."""
        began = time.monotonic()
        subprocess.run(
            [sys.executable, *arguments],
            cwd=self._folder,
            env=self._environ | environ,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        return time.monotonic() - began

    def program(self, *arguments: str, **environ: str) -> float:
        """Return how long the program took."""
        return self.seconds("-m", "lead_automation", *arguments, **environ)

    def until_first_call(self) -> float:
        """Return the seconds from the start of ``run -q`` to the first call a server sees."""
        self._runs += 1
        with serve(leads=1) as (addresses, seen):
            values = setting_values(
                addresses, self._folder / f"state-{self._runs}", {"TRACKING_WAIT_SECONDS": "0"}
            )
            began = time.monotonic()  # the server's clock too: one machine, one steady time
            self.program("run", "-q", **values)
            first = seen().first
        if first is None:
            msg = "the run made no call"
            raise RuntimeError(msg)
        return first - began

"""Start the program as a process of its own, against a simulator on loopback."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen

from simulated.server import SandboxServer

from lead_automation.sandbox.scenarios import SCENARIOS

_ROOT = Path(__file__).resolve().parents[1]


def environ_of(server: SandboxServer, folder: Path, **changes: str) -> dict[str, str]:
    """Return a process's environment: short waits, and an empty state in ``folder/state``."""
    state = folder / "state"
    state.mkdir()
    for name in ("quota_usage.json", "sent_messages.json"):
        (state / name).write_text("{}\n")
    return {
        **SCENARIOS["everyday"].settings(server.addresses),
        "STATE_DIR": str(state),
        "SEND_DELAY_MIN": "0",
        "SEND_DELAY_MAX": "0",
        "TRACKING_FIRST_READ_SECONDS": "0",
        "TRACKING_WAIT_SECONDS": "0.5",
        "PYTHONPATH": str(_ROOT),
        "PYTHONIOENCODING": "utf-8",
        "PATH": "/usr/bin:/bin",
        **changes,
    }


@contextmanager
def started(
    environ: Mapping[str, str], *arguments: str, folder: Path | None = None
) -> Iterator[Popen[bytes]]:
    """Start ``python -m lead_automation``; a process still there at the end is killed."""
    command = [sys.executable, "-m", "lead_automation", *arguments]
    process = Popen(command, stdout=PIPE, stderr=PIPE, env=dict(environ), cwd=folder)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()

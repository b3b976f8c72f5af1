"""Processes beside the measuring one: started with an argument, asked line by line."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

ROOT = Path(__file__).resolve().parents[2]


class Child:
    """A module of this folder running in a process of its own, while the ``with`` lasts.

    It gets one JSON argument, writes one JSON line when it is ready, answers each line it is sent
    with one, and ends when its stdin does.

    Attributes:
        ready: What it said when it was ready.
    """

    def __init__(self, module: str, argument: object) -> None:
        """Take what is to be started."""
        self._command = [sys.executable, "-m", module, json.dumps(argument)]
        self.ready: Any = None

    def __enter__(self) -> Self:
        """Start it and wait until it is ready."""
        self._process = subprocess.Popen(
            self._command,
            env=child_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.ready = self._read_line()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let it end."""
        self._process.communicate()

    def ask(self) -> Any:
        """Send a line and return the answer."""
        stdin = _open(self._process.stdin)
        stdin.write("\n")
        stdin.flush()
        return self._read_line()

    def _read_line(self) -> Any:
        return json.loads(_open(self._process.stdout).readline())


def child_environment(**more: str) -> dict[str, str]:
    """Return the environment of a child: it finds the project and these benchmarks."""
    ours = {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}", **more}
    return dict(os.environ) | ours  # noqa: TID251 - the system's own part, as any child gets it


def argument() -> Any:
    """Return, in a child, what it was started with."""
    return json.loads(sys.argv[1])


def answer(value: object) -> None:
    """Say, in a child, one thing."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def questions() -> Iterator[None]:
    """Yield, in a child, once a question, until there are no more."""
    for _ in sys.stdin:
        yield


def _open(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        msg = "a child without pipes"
        raise RuntimeError(msg)
    return stream

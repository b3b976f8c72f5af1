"""Start runs of the real program that die by SIGKILL at a chosen step of the write path.

A process of its own: imports the program once, then forks one child a run. Orders come in on stdin
and answers go out on stdout, one JSON object a line: ``{"pid": 4712}`` when a run has begun,
``{"status": -9}`` (a signal, negative) or ``{"status": 0}`` (an exit code) when it has ended.

The wrapper around the disk lives here; nothing in the program knows how to kill itself. The clock
of these runs goes faster than the world's, so that ninety seconds of settling are no time to wait.
"""

import importlib
import json
import os
import pkgutil
import resource
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import PIPE, Popen
from types import TracebackType
from typing import Any, Self, TypeVar

import lead_automation
from lead_automation.cli import main
from lead_automation.clock import Clock, StopFlag, system_chance
from lead_automation.files import AppendFile, Disk
from lead_automation.runtime import Runtime

_T = TypeVar("_T")

FACTOR = 50
"""How much faster the clock goes."""

_START = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


class FastClock(Clock):
    """A clock all processes share; it began at 11:30 in Asia/Kolkata."""

    def __init__(self, began: float | None = None) -> None:
        """Begin now, or go on with a clock that began at this steady second of the machine."""
        self.began = time.monotonic() if began is None else began

    def now(self) -> datetime:
        """Return the wall clock."""
        return _START + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """Return the steady clock."""
        return (time.monotonic() - self.began) * FACTOR

    def sleep(self, seconds: float) -> None:
        """Wait so many seconds of this clock."""
        time.sleep(seconds / FACTOR)  # noqa: TID251 - the clock of these runs


@dataclass(frozen=True, slots=True)
class Trigger:
    """A step of the write path, and when in it the process dies.

    Attributes:
        kind: write_new, replace, sync_folder, append, sync or truncate.
        name: Of the file, or of the folder.
        text: Stands in the bytes written; of a sync, in the line appended before it.
        phase: before, half or after.
        at: Which matching step, counted from 1.
    """

    kind: str
    name: str
    phase: str = "before"
    text: str = ""
    at: int = 1


class KillingDisk(Disk):
    """The real disk; at one step this process is no more."""

    def __init__(self, disk: Disk, trigger: Trigger) -> None:
        """Wrap a disk."""
        self._disk = disk
        self._trigger = trigger
        self._seen = 0

    def step(
        self,
        kind: str,
        name: str,
        whole: Callable[[], _T],
        *,
        half: Callable[[], object] | None = None,
        data: bytes = b"",
    ) -> _T:
        """Make a step, or die in it."""
        trigger = self._trigger
        if (kind, name) != (trigger.kind, trigger.name) or trigger.text.encode() not in data:
            return whole()
        self._seen += 1
        if self._seen != trigger.at:
            return whole()
        if trigger.phase == "after":
            whole()
        elif trigger.phase == "half" and half is not None:
            half()
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    def read(self, path: Path, max_bytes: int, *, private: bool) -> bytes | None:
        """Return the content."""
        return self._disk.read(path, max_bytes, private=private)

    def write_new(self, path: Path, data: bytes) -> None:
        """Create or empty a file, write, sync."""
        self.step(
            "write_new",
            path.name,
            lambda: self._disk.write_new(path, data),
            half=lambda: self._disk.write_new(path, data[: len(data) // 2]),
        )

    def replace(self, source: Path, target: Path) -> None:
        """Rename."""
        self.step("replace", target.name, lambda: self._disk.replace(source, target))

    def sync_folder(self, folder: Path) -> None:
        """Sync a folder's entries."""
        self.step("sync_folder", folder.name, lambda: self._disk.sync_folder(folder))

    def open_append(self, path: Path) -> AppendFile:
        """Open for appending."""
        return _KillingFile(self._disk.open_append(path), self, path.name)

    def remove(self, path: Path) -> None:
        """Remove a file."""
        self._disk.remove(path)

    def list_names(self, folder: Path) -> list[str]:
        """Return the names in a folder."""
        return self._disk.list_names(folder)

    def make_folder(self, folder: Path) -> None:
        """Create a folder."""
        self._disk.make_folder(folder)

    def stamp(self, path: Path) -> object:
        """Return what changes with the file."""
        return self._disk.stamp(path)


class _KillingFile(AppendFile):
    def __init__(self, file: AppendFile, disk: KillingDisk, name: str) -> None:
        self._file = file
        self._disk = disk
        self._name = name
        self._last = b""

    def size(self) -> int:
        return self._file.size()

    def append(self, data: bytes) -> None:
        self._last = data
        self._disk.step(
            "append",
            self._name,
            lambda: self._file.append(data),
            half=lambda: self._file.append(data[: len(data) // 2]),
            data=data,
        )

    def sync(self) -> None:
        self._disk.step("sync", self._name, self._file.sync, data=self._last)

    def truncate(self, size: int) -> None:
        self._disk.step("truncate", self._name, lambda: self._file.truncate(size))

    def close(self) -> None:
        self._file.close()


class KillHost:
    """The host as its users see it."""

    def __enter__(self) -> Self:
        """Start the host's process."""
        here = Path(__file__)
        environ = {"PYTHONPATH": str(here.parents[1]), "PATH": "/usr/bin:/bin"}
        self._process = Popen([sys.executable, str(here)], stdin=PIPE, stdout=PIPE, env=environ)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def start(
        self,
        environ: Mapping[str, str],
        folder: Path,
        trigger: Trigger | None,
        clock: FastClock,
        *,
        arguments: Sequence[str] = ("run", "--no-color"),
        largest_file: int | None = None,
    ) -> int:
        """Start a run; return its process id.

        Args:
            environ: All the settings.
            folder: Where the child is; what it says is added to ``said.txt`` there.
            trigger: Where it dies; None: nowhere.
            clock: Which time it is.
            arguments: Its command line.
            largest_file: Bytes at which every file is full; None: no end.
        """
        order = {
            "arguments": list(arguments),
            "largest_file": largest_file,
            "began": clock.began,
            "environ": dict(environ),
            "folder": str(folder),
            "trigger": asdict(trigger) if trigger is not None else None,
        }
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        return self._answer("pid")

    def wait(self) -> int:
        """Wait for the run's end; return its exit code, or the signal it died of, negative."""
        return self._answer("status")

    def _answer(self, key: str) -> int:
        assert self._process.stdout is not None
        answer: dict[str, int] = json.loads(self._process.stdout.readline())
        return answer[key]


def _serve() -> None:
    """Take orders until stdin ends."""
    ours = pkgutil.walk_packages(lead_automation.__path__, "lead_automation.")
    for name in (*(module.name for module in ours), "filelock", "jinja2", "psycopg"):
        if not name.endswith("__main__"):
            with suppress(ModuleNotFoundError):  # the database's is an extra
                importlib.import_module(name)
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _run(order)
        _say(pid=pid)
        _, status = os.waitpid(pid, 0)
        _say(status=os.waitstatus_to_exitcode(status))


def _say(**answer: int) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _run(order: dict[str, Any]) -> None:
    """Be the program, in a child; what it says goes to a file."""
    os.umask(0o077)
    if order["largest_file"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["largest_file"],) * 2)
    folder = Path(order["folder"])
    clock = FastClock(order["began"])
    disk: Disk = Disk()
    if order["trigger"] is not None:
        disk = KillingDisk(disk, Trigger(**order["trigger"]))
    with (folder / "said.txt").open("a", encoding="utf-8") as said:
        runtime = Runtime(
            environ=order["environ"],
            folder=folder,
            disk=disk,
            clock=clock,
            sleep=clock.sleep,
            chance=system_chance,
            stop=StopFlag(),
            stdin=None,
            stdout=said,
            stderr=said,
            pid=os.getpid(),
        )
        code = main(order["arguments"], runtime=runtime)
    os._exit(code)


if __name__ == "__main__":
    _serve()

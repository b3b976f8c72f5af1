"""Disks that record every step, run out of space, die between two steps and lose power."""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TypeVar

from lead_automation.errors import StateError
from lead_automation.files import PRIVATE_MODE, AppendFile, Disk

_T = TypeVar("_T")


class Crash(BaseException):
    """The process dies here. Nothing in the program may catch it."""


class Phase(Enum):
    """When, within a step, something happens."""

    BEFORE = "before"
    HALF = "half-way"
    """Half of the bytes of a write or an append are there; any other step has not happened."""
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Step:
    """One change of the disk.

    Attributes:
        kind: write_new, replace, sync_folder, open_append, append, sync, truncate, remove or
            make_folder.
        name: Of the file or folder.
    """

    kind: str
    name: str


@dataclass(slots=True)
class Script:
    """What happens at which step.

    Attributes:
        at: Step, counted from 1.
        phase: When within the step.
        action: Raises, kills or looks; when it returns, the step goes on.
        kinds: Steps that are counted; empty for all.
    """

    at: int
    phase: Phase
    action: Callable[[], None]
    kinds: frozenset[str] = frozenset()


def crash() -> None:
    """Die."""
    raise Crash


def fail_with(number: int) -> Callable[[], None]:
    """Return an action that raises OSError with an errno, such as ``errno.ENOSPC``."""

    def fail() -> None:
        raise OSError(number, os.strerror(number))

    return fail


def no_space(at: int) -> Script:
    """Return the script of a disk that is full at the at-th write or append."""
    kinds = frozenset({"write_new", "append"})
    return Script(at, Phase.HALF, fail_with(errno.ENOSPC), kinds)


def sync_fails(at: int) -> Script:
    """Return the script of a disk whose at-th fsync fails."""
    kinds = frozenset({"write_new", "sync", "truncate", "sync_folder"})
    return Script(at, Phase.HALF, fail_with(errno.EIO), kinds)


@dataclass(slots=True)
class Steps:
    """Count the steps of a disk and let the script happen.

    Attributes:
        done: Every step begun, in order.
        counted: How many of them the script counts.
    """

    script: Script | None = None
    done: list[Step] = field(default_factory=list)
    counted: int = 0

    def take(
        self, step: Step, whole: Callable[[], _T], half: Callable[[], None] | None = None
    ) -> _T:
        """Make a step, or as much of it as the script lets happen."""
        self.done.append(step)
        script = self.script
        if script is None or (script.kinds and step.kind not in script.kinds):
            return whole()
        self.counted += 1
        if self.counted != script.at:
            return whole()
        if script.phase is Phase.AFTER:
            result = whole()
            script.action()
            return result
        if script.phase is Phase.HALF and half is not None:
            half()
            script.action()
            msg = "half a write cannot be gone on with: the action has to raise or kill"
            raise AssertionError(msg)
        script.action()
        return whole()


@dataclass(slots=True, eq=False)
class _Node:
    """A file: what was written, and what of it is on the medium."""

    data: bytes = b""
    synced: bytes = b""
    changes: int = 0

    def write(self, data: bytes, *, sync: bool) -> None:
        self.data = data
        self.changes += 1
        if sync:
            self.synced = data


class RecordingDisk(Disk):
    """A disk in memory that knows what a kill and what a power cut leave of it.

    Attributes:
        steps: Every change made, in order.
    """

    def __init__(self, files: dict[Path, bytes] | None = None) -> None:
        """Start with some files that are safely on the medium."""
        self._live = {path: _Node(data, data) for path, data in (files or {}).items()}
        self._named = dict(self._live)
        self._steps = Steps()

    @property
    def steps(self) -> list[Step]:
        """Every change made, in order."""
        return self._steps.done

    def play(self, script: Script | None) -> None:
        """Count the steps anew and let something happen at one of them."""
        self._steps = Steps(script)

    def survivors(
        self, *, power_cut: bool, names_kept: bool = False, tail_kept: float = 0.0
    ) -> "RecordingDisk":
        """Return the disk as the next process finds it.

        Args:
            power_cut: False: a killed process, everything written stays. True: only what was
                synced stays.
            names_kept: After a power cut: new names and renames are there although their folder
                was not synced, with what was synced of their content.
            tail_kept: After a power cut: share, 0 to 1, of an unsynced append that reached the
                medium all the same.
        """
        if not power_cut:
            return RecordingDisk({path: node.data for path, node in self._live.items()})
        named = self._live if names_kept else self._named
        return RecordingDisk({path: _remains(node, tail_kept) for path, node in named.items()})

    def files(self) -> dict[str, bytes]:
        """Return the content by file name, temporary files left out."""
        return {path.name: node.data for path, node in self._live.items() if path.suffix != ".tmp"}

    def put(self, path: Path, data: bytes) -> None:
        """Put a file there as a person does, safely on the medium."""
        self._live[path] = self._named[path] = _Node(data, data)

    def read(self, path: Path, max_bytes: int, *, private: bool) -> bytes | None:  # noqa: ARG002
        """Return the content; see ``Disk.read``."""
        node = self._live.get(path)
        if node is None:
            return None
        if len(node.data) > max_bytes:
            msg = f"{path} is larger than {max_bytes:,} bytes"
            raise StateError(msg, path=path)
        return node.data

    def write_new(self, path: Path, data: bytes) -> None:
        """Create or empty a file, write, sync."""

        def write(part: bytes, *, sync: bool) -> None:
            self._live.setdefault(path, _Node()).write(part, sync=sync)

        self._steps.take(
            Step("write_new", path.name),
            lambda: write(data, sync=True),
            lambda: write(data[: len(data) // 2], sync=False),
        )

    def replace(self, source: Path, target: Path) -> None:
        """Rename."""

        def rename() -> None:
            self._live[target] = self._live.pop(source)

        self._steps.take(Step("replace", target.name), rename)

    def sync_folder(self, folder: Path) -> None:
        """Make the names of a folder lasting."""

        def sync() -> None:
            others = {path: node for path, node in self._named.items() if path.parent != folder}
            here = {path: node for path, node in self._live.items() if path.parent == folder}
            self._named = others | here

        self._steps.take(Step("sync_folder", folder.name), sync)

    def open_append(self, path: Path) -> AppendFile:
        """Open for appending."""
        return self._steps.take(
            Step("open_append", path.name),
            lambda: _RecordingFile(self._live.setdefault(path, _Node()), self, path.name),
        )

    def remove(self, path: Path) -> None:
        """Remove a file."""

        def take_away() -> None:
            self._live.pop(path, None)

        self._steps.take(Step("remove", path.name), take_away)

    def list_names(self, folder: Path) -> list[str]:
        """Return the names in a folder."""
        return sorted(path.name for path in self._live if path.parent == folder)

    def make_folder(self, folder: Path) -> None:
        """Create a folder: paths need none here."""
        self._steps.take(Step("make_folder", folder.name), lambda: None)

    def stamp(self, path: Path) -> object:
        """Return what changes with the file."""
        node = self._live.get(path)
        return None if node is None else (id(node), node.changes, len(node.data))

    def take(
        self, step: Step, whole: Callable[[], None], half: Callable[[], None] | None = None
    ) -> None:
        """Make a step of an open file."""
        self._steps.take(step, whole, half)


def _remains(node: _Node, tail_kept: float) -> bytes:
    if not node.data.startswith(node.synced):
        return node.synced
    tail = node.data[len(node.synced) :]
    return node.synced + tail[: int(len(tail) * tail_kept)]


class _RecordingFile(AppendFile):
    def __init__(self, node: _Node, disk: RecordingDisk, name: str) -> None:
        self._node = node
        self._disk = disk
        self._name = name

    def size(self) -> int:
        return len(self._node.data)

    def append(self, data: bytes) -> None:
        node = self._node
        self._disk.take(
            Step("append", self._name),
            lambda: node.write(node.data + data, sync=False),
            lambda: node.write(node.data + data[: len(data) // 2], sync=False),
        )

    def sync(self) -> None:
        self._disk.take(
            Step("sync", self._name), lambda: self._node.write(self._node.data, sync=True)
        )

    def truncate(self, size: int) -> None:
        self._disk.take(
            Step("truncate", self._name),
            lambda: self._node.write(self._node.data[:size], sync=True),
        )

    def close(self) -> None:
        pass


class FaultyDisk(Disk):
    """A real disk that fails, or lets something happen, at one step."""

    def __init__(self, disk: Disk, script: Script | None = None) -> None:
        """Wrap a disk."""
        self._disk = disk
        self._steps = Steps(script)

    @property
    def steps(self) -> list[Step]:
        """Every change made, in order."""
        return self._steps.done

    def play(self, script: Script | None) -> None:
        """Count the steps anew and let something happen at one of them."""
        self._steps = Steps(script)

    def read(self, path: Path, max_bytes: int, *, private: bool) -> bytes | None:
        """Return the content; see ``Disk.read``."""
        return self._disk.read(path, max_bytes, private=private)

    def write_new(self, path: Path, data: bytes) -> None:
        """Create or empty a file, write, sync."""
        self._steps.take(
            Step("write_new", path.name),
            lambda: self._disk.write_new(path, data),
            lambda: self._disk.write_new(path, data[: len(data) // 2]),
        )

    def replace(self, source: Path, target: Path) -> None:
        """Rename."""
        self._steps.take(Step("replace", target.name), lambda: self._disk.replace(source, target))

    def sync_folder(self, folder: Path) -> None:
        """Make the names of a folder lasting."""
        self._steps.take(Step("sync_folder", folder.name), lambda: self._disk.sync_folder(folder))

    def open_append(self, path: Path) -> AppendFile:
        """Open for appending."""
        return self._steps.take(
            Step("open_append", path.name),
            lambda: _FaultyFile(self._disk.open_append(path), self, path.name),
        )

    def remove(self, path: Path) -> None:
        """Remove a file."""
        self._steps.take(Step("remove", path.name), lambda: self._disk.remove(path))

    def list_names(self, folder: Path) -> list[str]:
        """Return the names in a folder."""
        return self._disk.list_names(folder)

    def make_folder(self, folder: Path) -> None:
        """Create a folder."""
        self._steps.take(Step("make_folder", folder.name), lambda: self._disk.make_folder(folder))

    def stamp(self, path: Path) -> object:
        """Return what changes with the file."""
        return self._disk.stamp(path)

    def take(
        self, step: Step, whole: Callable[[], None], half: Callable[[], None] | None = None
    ) -> None:
        """Make a step of an open file."""
        self._steps.take(step, whole, half)


class _FaultyFile(AppendFile):
    def __init__(self, file: AppendFile, disk: FaultyDisk, name: str) -> None:
        self._file = file
        self._disk = disk
        self._name = name

    def size(self) -> int:
        return self._file.size()

    def append(self, data: bytes) -> None:
        self._disk.take(
            Step("append", self._name),
            lambda: self._file.append(data),
            lambda: self._file.append(data[: len(data) // 2]),
        )

    def sync(self) -> None:
        self._disk.take(Step("sync", self._name), self._file.sync)

    def truncate(self, size: int) -> None:
        self._disk.take(Step("truncate", self._name), lambda: self._file.truncate(size))

    def close(self) -> None:
        self._file.close()


class _UnsyncedFile(AppendFile):
    """An open file that is never forced onto the medium."""

    def sync(self) -> None:
        """Do nothing."""


class UnsyncedDisk(Disk):
    """The machine's files without the waits for the medium: no power is cut in these tests."""

    def write_new(self, path: Path, data: bytes) -> None:
        """Create or empty a file and write data."""
        path.write_bytes(data)
        path.chmod(PRIVATE_MODE)

    def sync_folder(self, folder: Path) -> None:
        """Do nothing."""

    def open_append(self, path: Path) -> AppendFile:
        """Open for appending."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        return _UnsyncedFile(os.open(path, flags, PRIVATE_MODE))

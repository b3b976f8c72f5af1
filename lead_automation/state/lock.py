"""The run lock: one run at a time on a state directory.

A kernel lock (``flock``; ``LockFileEx`` on Windows), so it goes with its process however that ends,
and its file is never deleted. Who holds it stands in a second file, because a Windows lock hides
the content of the locked one.
"""

import json
import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lead_automation.clock import Sleep
from lead_automation.errors import AlreadyRunningError, StateError
from lead_automation.files import PRIVATE_MODE, Disk, write_atomic
from lead_automation.strictjson import JsonError, parse_json

if TYPE_CHECKING:
    from filelock import BaseFileLock

LOCK_FILE = "run.lock"
HOLDER_FILE = "run.lock.holder"

_MAX_HOLDER_BYTES = 4096  # two short fields; more is not ours

# Between taking the lock and writing its holder a run needs milliseconds, on a busy disk more.
_NAME_TRIES = 20
_NAME_PAUSE_S = 0.05

_log = logging.getLogger(__name__)


@contextmanager
def run_lock(
    disk: Disk, folder: Path, *, pid: int, started_at: datetime, sleep: Sleep
) -> Iterator[None]:
    """Hold the lock of a state directory; take it at once, or not at all.

    Args:
        disk: Where the holder's file is kept.
        folder: State directory; it must exist.
        pid: Of this process, for whoever is refused.
        started_at: Aware, in the zone it is to be shown in.
        sleep: Waits for the holder's name, a second at most, where the lock is not free.

    Raises:
        AlreadyRunningError: Another process holds it; says which, since when.
        StateError: The lock file cannot be used, or is not a plain file.
    """
    holder = folder / HOLDER_FILE
    lock = _take(folder / LOCK_FILE, wait_s=0)
    if lock is None:
        msg = f"another run is active{_described(disk, holder, sleep)}"
        raise AlreadyRunningError(msg, hint="It ends by itself; this one changed nothing.")
    try:
        # After the lock: whoever was refused must not have overwritten the name of the holder.
        text = json.dumps({"pid": pid, "started_at": started_at.isoformat()})
        write_atomic(disk, holder, text.encode() + b"\n")
        yield
    finally:
        _release(lock)


def _described(disk: Disk, holder: Path, sleep: Sleep) -> str:
    """Return ``: pid 4711, since 2026-11-22 09:15:24+05:30``; empty when nobody can tell."""
    found = None
    for _ in range(_NAME_TRIES):
        found = _read_holder(disk, holder)
        # What an earlier run left there names a process that is no more: the holder's comes now.
        if found is not None and _is_running(found[0]):
            break
        sleep(_NAME_PAUSE_S)
    if found is None:
        return ""
    pid, started_at = found
    return f": pid {pid}, since {started_at.isoformat(' ', 'seconds')}"


def _read_holder(disk: Disk, holder: Path) -> tuple[int, datetime] | None:
    try:
        fields = parse_json(disk.read(holder, _MAX_HOLDER_BYTES, private=True) or b"")
        if isinstance(fields, dict):
            return int(fields["pid"]), datetime.fromisoformat(fields["started_at"])
    except (OSError, StateError, JsonError, KeyError, TypeError, ValueError):
        return None
    return None


def _is_running(pid: int) -> bool:
    """Whether there is such a process; True where it cannot be asked."""
    if os.name == "nt":  # there, os.kill ends the process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's, or no process id at all
        return True
    return True


@contextmanager
def short_lock(path: Path, *, wait_s: float) -> Iterator[None]:
    """Hold a kernel lock on a file while one change is made.

    Args:
        path: The lock file, created when missing, never deleted.
        wait_s: How long to wait for another holder, in seconds.

    Raises:
        StateError: It was not free in time, or the file cannot be used.
    """
    lock = _take(path, wait_s=wait_s)
    if lock is None:
        msg = f"{path} has been locked by another process for {wait_s:g} s"
        raise StateError(msg, path=path, hint="Try again when that process is done.")
    try:
        yield
    finally:
        _release(lock)


def _release(lock: "BaseFileLock") -> None:
    """Let go of a lock; where that fails, what was done under it stands all the same."""
    try:
        lock.release()
    except OSError as exc:
        # The kernel takes it back with the process, which is about to end.
        _log.warning("%s could not be unlocked: %s", lock.lock_file, exc.strerror or exc)


def _take(path: Path, *, wait_s: float) -> "BaseFileLock | None":
    """Return the lock taken, None when it was not free in time.

    Raises:
        StateError: The file cannot be used, or is not a plain file.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415  # slow to import

    # A soft lock (a marker file) would outlive a killed process, so none is fallen back to.
    lock = FileLock(
        path, mode=PRIVATE_MODE, thread_local=False, fallback_to_soft=False, preserve_lock_file=True
    )
    try:
        _check(path)
        lock.acquire(timeout=wait_s, blocking=wait_s > 0)
    except Timeout:
        return None
    except OSError as exc:
        msg = f"{path} could not be locked: {exc.strerror or exc}"
        hint = "The state directory needs a local disk that this user may write to."
        raise StateError(msg, path=path, hint=hint) from exc
    return lock


def _check(path: Path) -> None:
    """Refuse a lock file that somebody else steers, or that a mistyped folder would get."""
    if not path.parent.is_dir():
        msg = f"{path.parent} is not there"
        hint = "Check STATE_DIR; on the very first run: python -m lead_automation init."
        raise StateError(msg, path=path.parent, hint=hint)
    if not _is_ours(path):
        msg = f"{path} is not a plain file of this user"
        hint = "Somebody put it there: look what it is, then remove it."
        raise StateError(msg, path=path, hint=hint)


def _is_ours(path: Path) -> bool:
    """Whether a lock file, if there is one, is plain, of this user, and has no second name."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return True
    if not stat.S_ISREG(found.st_mode):
        return False
    return os.name == "nt" or (found.st_nlink == 1 and found.st_uid == os.geteuid())

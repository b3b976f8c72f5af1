"""Tests of the run lock, with real files: one holder, who is told to the others."""

import subprocess
import sys
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

import pytest
from disks import FaultyDisk, no_space

from lead_automation.errors import AlreadyRunningError, ExitCode, StateError
from lead_automation.files import Disk
from lead_automation.state.lock import HOLDER_FILE, LOCK_FILE, run_lock, short_lock

STARTED = datetime.fromisoformat("2026-11-22T09:15:24.5+05:30")


def _no_wait(_seconds: float) -> None:
    """Wait for nobody."""


def _lock(folder: Path, pid: int = 4711) -> AbstractContextManager[None]:
    return run_lock(Disk(), folder, pid=pid, started_at=STARTED, sleep=_no_wait)


def test_lock_held_names_pid_and_start_to_the_second(tmp_path: Path) -> None:
    """Whoever comes second learns who holds it since when, and may come again later."""
    with _lock(tmp_path), pytest.raises(AlreadyRunningError) as raised, _lock(tmp_path, pid=1):
        pass
    with _lock(tmp_path, pid=1):
        pass

    assert str(raised.value) == "another run is active: pid 4711, since 2026-11-22 09:15:24+05:30"
    assert raised.value.exit_code == ExitCode.ALREADY_RUNNING


def test_lock_released_leaves_private_files(tmp_path: Path) -> None:
    """The lock's file stays, for a deleted one could be locked twice."""
    with _lock(tmp_path):
        pass

    for name in (LOCK_FILE, HOLDER_FILE):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    """The kernel takes the lock back; the holder's file it left says nothing any more."""
    code = (
        "import os, sys; from pathlib import Path; from datetime import datetime, UTC\n"
        "from lead_automation.files import Disk\n"
        "from lead_automation.state.lock import run_lock\n"
        "now = datetime.now(UTC)\n"
        "with run_lock(Disk(), Path(sys.argv[1]), pid=1, started_at=now, sleep=print):\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=root, check=False)
    assert done.returncode == -9
    assert (tmp_path / HOLDER_FILE).exists()

    with _lock(tmp_path):
        assert str(4711) in (tmp_path / HOLDER_FILE).read_text()


def test_lock_on_a_file_that_cannot_be_opened_is_a_state_error(tmp_path: Path) -> None:
    """What the system says about the file is passed on."""
    with (
        pytest.raises(StateError, match="could not be locked: File name too long"),
        short_lock(tmp_path / ("x" * 300), wait_s=0),
    ):
        pass


def test_lock_whose_holder_cannot_be_written_is_let_go(tmp_path: Path) -> None:
    """On a full disk the run ends, and the lock with it."""
    disk = FaultyDisk(Disk(), no_space(1))
    with (
        pytest.raises(StateError, match="could not be written"),
        run_lock(disk, tmp_path, pid=1, started_at=STARTED, sleep=_no_wait),
    ):
        pass

    with _lock(tmp_path):
        assert (tmp_path / HOLDER_FILE).exists()


def test_short_lock_held_too_long_is_a_state_error(tmp_path: Path) -> None:
    """A writer that hangs does not hang the others."""
    path = tmp_path / "x.lock"
    with (
        short_lock(path, wait_s=1),
        pytest.raises(StateError, match=r"locked by another process for 0.05 s"),
        short_lock(path, wait_s=0.05),
    ):
        pass

    with short_lock(path, wait_s=0):
        assert path.exists()

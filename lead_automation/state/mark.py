"""The mark of a rehearsal's folder, so that rehearsals and real messages never share one."""

from collections.abc import Iterable
from pathlib import Path

from lead_automation.errors import StateError
from lead_automation.files import Disk, write_atomic
from lead_automation.state.hold import HOLD_FILE
from lead_automation.state.journal import JOURNAL_FILE
from lead_automation.state.jsonstore import FILES
from lead_automation.state.lock import LOCK_FILE
from lead_automation.state.strictfile import read_file
from lead_automation.state.suppression import SUPPRESSION_FILE
from lead_automation.stored import ALERTS_FILE

MARK_FILE = "sandbox.mark"

_TEXT = b"State of rehearsals (run --sandbox): nobody named here was ever messaged.\n"
_MAX_BYTES = 4096  # one line; whatever it says, that it is there counts
# Beginnings: the lock's holder, rotated logs and put-aside holds are named after them.
_STATE = (*FILES, ALERTS_FILE, JOURNAL_FILE, SUPPRESSION_FILE, HOLD_FILE, LOCK_FILE)


def is_marked(disk: Disk, folder: Path) -> bool:
    """Whether a folder is a rehearsal's.

    Raises:
        StateError: It cannot be told; no kind of run may write there.
    """
    return read_file(disk, folder / MARK_FILE, max_bytes=_MAX_BYTES) is not None


def mark(disk: Disk, folder: Path) -> None:
    """Make a folder a rehearsal's, for good.

    Raises:
        StateError: It could not be made or written.
    """
    try:
        disk.make_folder(folder)
    except OSError as exc:
        msg = f"{folder} could not be made: {exc.strerror or exc}"
        raise StateError(msg, path=folder, hint="Name an empty --state-dir, or none.") from exc
    write_atomic(disk, folder / MARK_FILE, _TEXT)


def state_names(names: Iterable[str]) -> list[str]:
    """Return those names in a folder that are state, of whatever kind of run."""
    return [name for name in names if name.startswith(_STATE)]

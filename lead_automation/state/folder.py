"""State kept in the files of a folder: ledger, suppression list, hold and lock put together."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date

from lead_automation.files import Disk
from lead_automation.runtime import Runtime
from lead_automation.state.fileledger import FileLedger, read_snapshot
from lead_automation.state.jsonstore import init_state
from lead_automation.state.lock import run_lock
from lead_automation.state.mark import is_marked
from lead_automation.state.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderState(State):
    """The state of a folder."""

    disk: Disk

    @property
    def place(self) -> str:
        """The folder."""
        return str(self.folder)

    def is_sandbox(self) -> bool:
        """Whether the folder bears the mark."""
        return is_marked(self.disk, self.folder)

    def create(self) -> None:
        """Create the two state files."""
        init_state(self.disk, self.folder)

    def lock(self, runtime: Runtime) -> AbstractContextManager[None]:
        """Return the lock of a run, not yet taken."""
        started_at = runtime.clock.now().astimezone(self.zone)
        return run_lock(
            self.disk, self.folder, pid=runtime.pid, started_at=started_at, sleep=runtime.sleep
        )

    def open_ledger(self, *, read_only: bool = False) -> FileLedger:
        """Load the ledger; unless read_only a left journal is folded."""
        return FileLedger(
            self.disk,
            self.folder,
            history_days=self.history_days,
            zone=self.zone,
            read_only=read_only,
        )

    def snapshot(self, today: date) -> FileLedger:
        """Return what files and journal say together."""
        return read_snapshot(
            self.disk,
            self.folder,
            history_days=self.history_days,
            today=today,
            zone=self.zone,
        )

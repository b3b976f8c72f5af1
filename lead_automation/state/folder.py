"""State kept in the files of a folder: ledger, suppression list, hold and lock put together."""

import shutil
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from lead_automation.errors import StateError
from lead_automation.files import Disk
from lead_automation.runtime import Runtime
from lead_automation.state.fileledger import FileLedger, read_snapshot
from lead_automation.state.hold import HoldFile
from lead_automation.state.jsonstore import FILES, init_state, save_state
from lead_automation.state.lock import run_lock
from lead_automation.state.mark import is_marked
from lead_automation.state.state import Contents, State
from lead_automation.state.suppression import SuppressionFile


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

    def fill(self, contents: Contents) -> None:
        """Write a folder beside this one, and give it this one's name once it is whole."""
        part = self.folder.with_name(f".{self.folder.name}.part")
        copy = make_folder_state(
            part, disk=self.disk, history_days=self.history_days, zone=self.zone
        )
        try:
            if self.folder.exists() and self.disk.list_names(self.folder):
                msg = f"{self.folder} is not empty: nothing was changed"
                raise StateError(msg, path=self.folder, hint="Name a new or an empty folder.")
            if part.exists():  # of a copy that was cut off
                shutil.rmtree(part)
            copy.create()
            for name in FILES:
                save_state(self.disk, part, name, contents.files)
            copy.suppressions.add_all(contents.suppressions)
            if contents.hold is not None:
                copy.hold.set(contents.hold)
            contents.check_copy(copy.contents(), str(self.folder))
            if self.folder.exists():  # an empty one is in the way on some systems
                self.folder.rmdir()
            self.disk.replace(part, self.folder)
            self.disk.sync_folder(self.folder.parent)
        except OSError as exc:
            msg = f"{self.folder} could not be written: {exc.strerror or exc}"
            hint = "Check free space, and the permissions of the folder above it."
            raise StateError(msg, path=self.folder, hint=hint) from exc


def make_folder_state(
    folder: Path, *, disk: Disk, history_days: int, zone: ZoneInfo
) -> FolderState:
    """Return the state of a folder; nothing is read yet."""
    return FolderState(
        folder=folder,
        suppressions=SuppressionFile(disk, folder),
        hold=HoldFile(disk, folder),
        history_days=history_days,
        zone=zone,
        disk=disk,
    )

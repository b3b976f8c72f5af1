"""Where state is kept: the one place that puts ledger, suppression list, hold and lock together."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from lead_automation.config import LocalSettings
from lead_automation.files import Disk
from lead_automation.runtime import Runtime
from lead_automation.state.fileledger import FileLedger, read_snapshot
from lead_automation.state.hold import HoldFile
from lead_automation.state.jsonstore import init_state
from lead_automation.state.lock import run_lock
from lead_automation.state.memory import MemoryLedger
from lead_automation.state.suppression import SuppressionList


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The state of one account; nothing is read or locked before it is asked for.

    Attributes:
        folder: State, log and reports.
        suppressions: Numbers never, or not now, to be messaged; no lock is needed for it.
        hold: Whether all sending is held; no lock is needed for it.
    """

    folder: Path
    suppressions: SuppressionList
    hold: HoldFile
    _disk: Disk
    _history_days: int
    _zone: ZoneInfo

    def create(self) -> None:
        """Create the two state files; raises StateError where one is there already."""
        init_state(self._disk, self.folder)

    def lock(self, runtime: Runtime) -> AbstractContextManager[None]:
        """Return the lock of a run, not yet taken."""
        started_at = runtime.clock.now().astimezone(self._zone)
        return run_lock(self._disk, self.folder, pid=runtime.pid, started_at=started_at)

    def open_ledger(self, *, read_only: bool = False) -> FileLedger:
        """Load the ledger; unless read_only the lock must be held, and a left journal is folded.

        Raises:
            StateError: A file is missing, damaged or not to be read or written.
        """
        return FileLedger(
            self._disk,
            self.folder,
            history_days=self._history_days,
            zone=self._zone,
            read_only=read_only,
        )

    def memory_ledger(self) -> MemoryLedger:
        """Return a ledger that starts empty and forgets: a test send's."""
        return MemoryLedger(history_days=self._history_days, zone=self._zone)

    def snapshot(self, today: date) -> FileLedger:
        """Return the ledger as it is now, read only; a run may be writing it meanwhile.

        Raises:
            StateError: A file is missing, damaged or not to be read.
        """
        return read_snapshot(
            self._disk,
            self.folder,
            history_days=self._history_days,
            today=today,
            zone=self._zone,
        )


def open_state(local: LocalSettings, runtime: Runtime) -> State:
    """Return the state these settings name."""
    return State(
        folder=local.state_dir,
        suppressions=SuppressionList(runtime.disk, local.state_dir),
        hold=HoldFile(runtime.disk, local.state_dir),
        _disk=runtime.disk,
        _history_days=local.history_days,
        _zone=local.hours.zone,
    )

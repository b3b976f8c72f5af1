"""What the state of an account is, wherever it is kept."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from lead_automation.runtime import Runtime
from lead_automation.state.hold import CampaignHold
from lead_automation.state.ledger import Ledger
from lead_automation.state.memory import MemoryLedger
from lead_automation.state.suppression import SuppressionList


@dataclass(frozen=True, slots=True, kw_only=True)
class State(ABC):
    """The state of one account; nothing is read or locked before it is asked for.

    Attributes:
        folder: Log and reports, and the state where it is kept in files.
        suppressions: Numbers never, or not now, to be messaged; no lock is needed for it.
        hold: Whether all sending is held; no lock is needed for it.
        history_days: Retention and reach of the duplicate rule.
        zone: The zone times are written in.
    """

    folder: Path
    suppressions: SuppressionList
    hold: CampaignHold
    history_days: int
    zone: ZoneInfo

    @property
    @abstractmethod
    def place(self) -> str:
        """Where it is kept, for people; never with a password."""

    @abstractmethod
    def is_sandbox(self) -> bool:
        """Whether it is a rehearsal's, and nobody in it was ever messaged.

        Raises:
            StateError: It cannot be told.
        """

    @abstractmethod
    def create(self) -> None:
        """Create an empty state; raises StateError where one is there already."""

    @abstractmethod
    def lock(self, runtime: Runtime) -> AbstractContextManager[None]:
        """Return the lock of a run, not yet taken."""

    @abstractmethod
    def open_ledger(self, *, read_only: bool = False) -> Ledger:
        """Load the ledger; the lock must be held unless read_only.

        Raises:
            StateError: It is missing, damaged or not to be read or written.
        """

    @abstractmethod
    def snapshot(self, today: date) -> Ledger:
        """Return the ledger as it is now, read only; a run may be writing it meanwhile.

        Raises:
            StateError: It is missing, damaged or not to be read.
        """

    def memory_ledger(self) -> MemoryLedger:
        """Return a ledger that starts empty and forgets: a test send's."""
        return MemoryLedger(history_days=self.history_days, zone=self.zone)

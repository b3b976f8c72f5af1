"""What the state of an account is, wherever it is kept."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from lead_automation.errors import StateError
from lead_automation.runtime import Runtime
from lead_automation.state.hold import CampaignHold
from lead_automation.state.jsonstore import StateFiles
from lead_automation.state.ledger import Ledger
from lead_automation.state.memory import MemoryLedger
from lead_automation.state.session import Server
from lead_automation.state.suppression import SuppressionList
from lead_automation.stored import Hold, Suppression


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """All that is kept in a state."""

    files: StateFiles
    suppressions: tuple[Suppression, ...]
    hold: Hold | None

    def counts(self) -> dict[str, int]:
        """Return how much of what there is."""
        return {
            "messages": sum(map(len, self.files.history.values())),
            "quota_days": len(self.files.quota),
            "crm_rows_owed": len(self.files.outbox),
            "suppressed_numbers": len(self.suppressions),
            "holds": int(self.hold is not None),
        }

    def check_copy(self, copy: "Contents", place: str) -> None:
        """Raise StateError where a copy says anything else, or its rows stand in another order."""
        if copy != self or list(copy.files.outbox) != list(self.files.outbox):
            msg = f"{place} does not say what was written there: {copy.counts()}"
            raise StateError(msg, hint="Nothing was copied. Look at that disk or server.")


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

    @abstractmethod
    def fill(self, contents: Contents) -> None:
        """Make this state a copy, wholly or not at all, whatever cuts it off.

        Raises:
            StateError: Something is here already; or it could not be written, or reads otherwise.
        """

    def server(self) -> Server | None:
        """Return the database server it is kept by; None where files keep it."""
        return None

    def contents(self) -> Contents:
        """Return all that is kept; the lock must be held. A journal that is left is counted in."""
        return Contents(
            files=self.open_ledger(read_only=True).files,
            suppressions=tuple(self.suppressions.entries()),
            hold=self.hold.read(),
        )

    def memory_ledger(self) -> MemoryLedger:
        """Return a ledger that starts empty and forgets: a test send's."""
        return MemoryLedger(history_days=self.history_days, zone=self.zone)

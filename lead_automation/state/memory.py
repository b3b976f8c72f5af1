"""A ledger that forgets: for test sends, which use no quota and leave no trace."""

from datetime import date, tzinfo

from lead_automation.state.entry import JournalEntry
from lead_automation.state.jsonstore import StateFiles
from lead_automation.state.ledger import Ledger


class MemoryLedger(Ledger):
    """The ledger of a test send: starts empty, writes nothing."""

    def __init__(self, *, history_days: int, zone: tzinfo) -> None:
        """Start empty; see ``Ledger`` for the arguments."""
        super().__init__(StateFiles(), history_days=history_days, zone=zone)

    def _keep(self, entry: JournalEntry, *, durable: bool) -> None:  # noqa: ARG002
        self.apply(entry)

    def finish(self, *, today: date | None) -> None:
        """Do nothing: there is no place to write to."""

    def close(self) -> None:
        """Do nothing: nothing is open."""

"""Post owed rows to the CRM's message log without ever holding up a send."""

from collections import deque
from collections.abc import Callable

from lead_automation.campaign.costs import ROW_GUESS_S, CostGuess
from lead_automation.campaign.ports import RowPoster
from lead_automation.clock import Clock
from lead_automation.models import CrmRow, MessageRecord
from lead_automation.state.ledger import Ledger

ROW_DEADLINE_S = 3.0
"""Longest wait for one row in the gaps between sends."""

ROW_PATIENCE_S = 6.0
"""Longest wait for one row where no send waits for it: a slow CRM gets its rows all the same."""


class RowDesk:
    """Keep the rows that are ready to be posted, and post them one at a time."""

    def __init__(self, *, ledger: Ledger, post: RowPoster, clock: Clock) -> None:
        self._ledger = ledger
        self._post = post
        self._clock = clock
        self._ready: deque[MessageRecord] = deque()
        self._has_failed = False

    def ready(self, record: MessageRecord) -> None:
        """Note that the row of this message need wait no longer."""
        self._ready.append(record)

    @property
    def has_work(self) -> bool:
        """Whether a row may be posted in a gap: none may after a first failure."""
        return bool(self._ready) and not self._has_failed

    def post_next(self, *, deadline_s: float) -> bool:
        """Post the oldest ready row that is still owed; return whether a call was made."""
        while self._ready:
            row = self._ledger.owed_row(self._ready.popleft())
            if row is not None:
                self._has_failed = not self._taken(row, min(deadline_s, ROW_DEADLINE_S))
                return True
        return False

    def post_all(self, *, limit_s: Callable[[], float]) -> int:
        """Post every owed row until the first failure.

        Args:
            limit_s: Seconds it may take in all; asked before each row, for a signal shortens it.

        Returns:
            How many stay owed; the next run posts them first.
        """
        self._ready.clear()
        began = self._clock.monotonic()
        cost = CostGuess(ROW_GUESS_S)
        rows = self._ledger.owed_rows()
        for done, row in enumerate(rows):
            now = self._clock.monotonic()
            left = began + limit_s() - now
            if not cost.fits(left) or not self._taken(row, min(left, ROW_PATIENCE_S)):
                return len(rows) - done
            cost.took(self._clock.monotonic() - now)
        return 0

    def _taken(self, row: CrmRow, deadline_s: float) -> bool:
        taken = self._post(row, deadline_s=deadline_s)
        if taken:
            self._ledger.row_taken(row.row_id)
        return taken

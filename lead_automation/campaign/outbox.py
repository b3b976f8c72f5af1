"""Post owed rows to the CRM's message log without ever holding up a send."""

import logging
from collections import deque
from collections.abc import Callable

from lead_automation.campaign.durations import ROW_GUESS_S, CallDuration
from lead_automation.campaign.services import Services
from lead_automation.runs import RunMode
from lead_automation.stored import CrmRow, MessageRecord

ROW_DEADLINE_S = 3.0
"""Longest wait for one row in the gaps between sends (contract, "The life of one run")."""

ROW_PATIENCE_S = 6.0
"""Longest wait for one row where no send waits for it: a slow CRM gets its rows all the same."""

_log = logging.getLogger(__name__)


class Outbox:
    """The rows that are ready to be posted, one at a time, until the CRM fails once.

    Attributes:
        posted: Rows the CRM took.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._ledger = services.ledger
        self._ready: deque[str] = deque()
        # A failure in a gap says little an hour later, and nothing waits for these calls.
        self._has_failed = False
        self._duration = CallDuration(ROW_GUESS_S)
        self.posted = 0

    def ready(self, record: MessageRecord) -> None:
        """Note that the row of this message need wait no longer."""
        row = self._ledger.owed_row(record)
        if row is not None:
            self._ready.append(row.row_id)

    def ready_all(self) -> None:
        """Note that every owed row may go out."""
        self._ready = deque(row.row_id for row in self._ledger.owed_rows())

    def fits(self, left_s: float) -> bool:
        """Whether a row is there that can be posted within left_s: none is after a failure."""
        return bool(self._ready) and not self._has_failed and self._duration.fits(left_s)

    def idled(self) -> None:
        """Note that a wait went by without a row, because a post seemed too slow for it."""
        if self._ready:
            self._duration.skipped()

    @property
    def has_work(self) -> bool:
        """Whether a row waits that may be posted."""
        return bool(self._ready) and not self._has_failed

    def post_next(self, deadline_s: float) -> None:
        """Post the oldest ready row as it stands now, if it is still owed."""
        # By id and read anew: a status read may have changed what the row says since.
        row = self._ledger.find_row(self._ready.popleft())
        if row is None:
            return
        began = self._services.clock.monotonic()
        if self.post(row, deadline_s):
            self._ledger.row_taken(row.row_id)
            self.posted += 1
        else:
            self._has_failed = True
        self._duration.took(self._services.clock.monotonic() - began)

    def post_all(self, limit_s: Callable[[], float]) -> None:
        """Post every owed row until the first failure; what stays owed is the next run's.

        Args:
            limit_s: Seconds it may take in all; asked before each row, for a signal shortens it.
        """
        self.ready_all()
        self._has_failed = False
        self._duration = CallDuration(ROW_GUESS_S)
        began = self._services.clock.monotonic()
        while self.fits(left_s := began + limit_s() - self._services.clock.monotonic()):
            self.post_next(min(left_s, ROW_PATIENCE_S))

    def post(self, row: CrmRow, deadline_s: float) -> bool:
        """Post one row once; whether the CRM took it.

        A test send's rows are dropped, a dry run leaves what is owed owed.
        """
        mode = self._services.mode
        if mode in (RunMode.TEST, RunMode.DRY_RUN):
            return mode is RunMode.TEST
        answer = self._services.crm.post_row(row, deadline_s=deadline_s)
        if not answer.taken:
            _log.warning(
                "The CRM's message log did not take a row (%s); it stays owed", answer.detail
            )
        return answer.taken

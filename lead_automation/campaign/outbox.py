"""Post owed rows to the CRM's message log without ever holding up a send."""

import logging
from collections import deque
from collections.abc import Callable

from lead_automation.campaign.durations import ROW_GUESS_S, CallDuration
from lead_automation.campaign.services import Services
from lead_automation.leads.crm import RowAnswer
from lead_automation.runs import RunMode
from lead_automation.stored import CrmRow, MessageRecord
from lead_automation.text import safe_outside

ROW_DEADLINE_S = 3.0
"""Longest wait for one row in the gaps between sends (contract, "The life of one run")."""

ROW_PATIENCE_S = 6.0
"""Longest wait for one row where no send waits for it: a slow CRM gets its rows all the same."""

_AWAY_AFTER = 3
"""Failures in a row, where no send waits, that prove the CRM away: one alone may be the fault of a
single row, which must not keep the rows behind it from the CRM day after day."""

_log = logging.getLogger(__name__)


class Outbox:
    """The rows that are ready to be posted, one at a time, until the CRM seems to be away.

    A row the CRM refuses for itself is set aside. It is owed on, but out of the way of the others:
    it is tried again on another day, after all of them.

    Attributes:
        posted: Rows the CRM took.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._ledger = services.ledger
        self._ready: deque[str] = deque()
        # One failure in a gap is enough: sends wait for what the next one would cost.
        self._failures, self._failures_allowed = 0, 1
        self._has_refused = False
        self._duration = CallDuration(ROW_GUESS_S)
        self.posted = 0

    def ready(self, record: MessageRecord) -> None:
        """Note that the row of this message need wait no longer."""
        row = self._ledger.owed_row(record)
        if row is not None and row.refused_on is None:
            self._ready.append(row.row_id)

    def ready_all(self) -> None:
        """Note that every owed row may go out, but those set aside."""
        rows = self._ledger.owed_rows()
        self._ready = deque(row.row_id for row in rows if row.refused_on is None)

    def fits(self, left_s: float) -> bool:
        """Whether a row is there that can be posted within left_s: none is while the CRM fails."""
        return self.has_work and self._duration.fits(left_s)

    def idled(self) -> None:
        """Note that a wait went by without a row, because a post seemed too slow for it."""
        if self._ready:
            self._duration.skipped()

    @property
    def has_work(self) -> bool:
        """Whether a row waits that may be posted; without an address rows stay owed."""
        has_address = self._services.settings.crm.log_url is not None
        return has_address and bool(self._ready) and self._failures < self._failures_allowed

    def post_next(self, deadline_s: float, *, again: bool = False) -> None:
        """Post the oldest ready row as it stands now, if it is still owed.

        Args:
            deadline_s: Seconds it may take.
            again: Also where the CRM refused it today already.
        """
        # By id and read anew: a status read may have changed what the row says since.
        row, today = self._ledger.find_row(self._ready.popleft()), self._services.today()
        if row is None or (row.refused_on == today and not again):
            return
        began = self._services.clock.monotonic()
        answer = self.post(row, deadline_s)
        if answer.taken:
            self._ledger.row_taken(row.row_id)
            self.posted += 1
        elif answer.is_refused:
            self._ledger.row_refused(row, on=today, words=answer.detail)
        is_away = not answer.taken and not answer.is_refused
        self._failures = self._failures + 1 if is_away else 0
        self._duration.took(self._services.clock.monotonic() - began)

    def post_all(self, limit_s: Callable[[], float]) -> None:
        """Post every owed row until the CRM is away; what stays owed is the next run's.

        Args:
            limit_s: Seconds it may take in all; asked before each row, for a signal shortens it.
        """
        self.ready_all()
        # A failure in a gap says little an hour later, and nothing waits for these calls.
        self._failures, self._failures_allowed = 0, _AWAY_AFTER
        self._duration = CallDuration(ROW_GUESS_S)
        self.post_refused(limit_s)

    def post_refused(self, limit_s: Callable[[], float], *, again: bool = False) -> None:
        """Post what is still ready, and behind it each row that was refused on another day.

        Args:
            limit_s: As for ``post_all``.
            again: Those refused today too: somebody asks who may just have mended the cause.
        """
        rows = self._ledger.owed_rows()
        self._ready.extend(row.row_id for row in rows if row.refused_on is not None)
        began = self._services.clock.monotonic()
        while self.fits(left_s := began + limit_s() - self._services.clock.monotonic()):
            self.post_next(min(left_s, ROW_PATIENCE_S), again=again)

    def post(self, row: CrmRow, deadline_s: float) -> RowAnswer:
        """Post one row once; return what the CRM said.

        A test send's rows are dropped, a dry run leaves what is owed owed.
        """
        mode = self._services.mode
        if mode in (RunMode.TEST, RunMode.DRY_RUN):
            return RowAnswer(taken=mode is RunMode.TEST)
        answer = self._services.crm.post_row(row, deadline_s=deadline_s)
        if answer.is_refused:
            # Once: a CRM that refuses all of a day's rows must not bury the other warnings.
            level = logging.INFO if self._has_refused else logging.WARNING
            self._has_refused = True
            text = "The CRM refuses the row of lead %s (%s); it is set aside and tried once a day"
            _log.log(level, text, safe_outside(row.lead_id), answer.detail)
        elif not answer.taken:
            _log.warning(
                "The CRM's message log did not take a row (%s); it stays owed", answer.detail
            )
        return answer

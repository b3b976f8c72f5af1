"""Settle what earlier runs left, reading only: unknown sends, open statuses, owed CRM rows."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from lead_automation.answers import LookupKind
from lead_automation.campaign.consequences import Consequences
from lead_automation.campaign.costs import ROW_GUESS_S, CostGuess
from lead_automation.campaign.ends import RunEnd
from lead_automation.campaign.meter import CallMeter
from lead_automation.campaign.ports import RowPoster
from lead_automation.campaign.reading import (
    READ_DEADLINE_S,
    READ_WINDOW_S,
    News,
    StatusReader,
)
from lead_automation.campaign.rows import ROW_PATIENCE_S
from lead_automation.clock import Clock, Sleep, StopFlag
from lead_automation.models import CrmRow, Failure, MessageRecord
from lead_automation.state.ledger import Ledger

LATER_READS = (timedelta(hours=1), timedelta(days=1))
"""Ages at which later runs read an open message once more."""

KEPT_DAYS = 7
"""Older messages are not asked about: WATI's own news of them is over."""

_GIVE_UP_AFTER = 3
"""Reads without an answer in a row after which WATI is left alone until the next run."""

_SLOW_READ_S = 1.0
"""Slower reads than one a second leave no waits under WATI's limit."""

NewsHandler = Callable[[News], None]
IsDue = Callable[[MessageRecord, datetime], bool]


def later_read_is_due(record: MessageRecord, now: datetime) -> bool:
    """Return whether a later run reads an open message: after an hour, and after a day.

    The record's ``updated_at`` tells when it was last read, so each of the two happens once.
    """
    if record.sent_at is None:
        return False
    last = record.updated_at or record.sent_at
    return any(record.sent_at + age <= now and last < record.sent_at + age for age in LATER_READS)


def read_on_request_is_due(record: MessageRecord, now: datetime) -> bool:  # noqa: ARG001
    """Return whether ``track`` reads an open message: always, somebody asks for the truth now."""
    return record.is_open


@dataclass(slots=True)
class Settlement:
    """What settling came to.

    Attributes:
        news: Every definite answer, in order.
        unread: Messages that were due but not answered, or not reached in time.
        rows_posted, rows_owed: CRM rows taken now, and those that stay owed.
        is_paused: So many of the month's calls are used that only unknown sends are read.
        end: A restriction of the account was found.
    """

    news: list[News] = field(default_factory=list)
    unread: int = 0
    rows_posted: int = 0
    rows_owed: int = 0
    is_paused: bool = False
    end: RunEnd | None = None


@dataclass(slots=True, kw_only=True)
class _Session:
    """One settling on its way.

    Attributes:
        reads: Messages still to be read, unknown ones first.
        reads_from: Monotonic second before which WATI may still count another process's reads.
        is_rows_turn: The last read was slow, so a row goes out before the next.
    """

    reads: deque[MessageRecord]
    reads_from: float
    on_news: NewsHandler | None
    result: Settlement = field(default_factory=Settlement)
    row_cost: CostGuess = field(default_factory=lambda: CostGuess(ROW_GUESS_S))
    unanswered: int = 0
    has_crm_failed: bool = False
    is_rows_turn: bool = False

    def drop_reads(self) -> None:
        """Leave what was not read to a later run."""
        self.result.unread += len(self.reads)
        self.reads.clear()


class EarlierMessages:
    """Messages of earlier runs that are not settled yet."""

    def __init__(
        self,
        *,
        reader: StatusReader,
        ledger: Ledger,
        post: RowPoster,
        meter: CallMeter,
        consequences: Consequences,
        quota_day: Callable[[datetime], tuple[date, datetime]],
        clock: Clock,
        sleep: Sleep,
        stop: StopFlag,
    ) -> None:
        self._reader = reader
        self._ledger = ledger
        self._post = post
        self._meter = meter
        self._consequences = consequences
        self._quota_day = quota_day
        self._clock = clock
        self._sleep = sleep
        self._stop = stop

    def due(self, is_due: IsDue) -> list[MessageRecord]:
        """Return the messages to read, unknown ones first, then oldest first."""
        now = self._clock.now()
        today, _ = self._quota_day(now)
        unknown = [
            record for record in self._ledger.unknown_messages() if self._reader.is_due(record)
        ]
        opened = self._ledger.open_messages(today - timedelta(days=KEPT_DAYS))
        found = unknown + [record for record in opened if is_due(record, now)]
        return [record for record in found if self._may_read(record)]

    def _may_read(self, record: MessageRecord) -> bool:
        """Whether the month's calls carry the read: from 80 % on only that of an unknown send."""
        if self._meter.is_month_used_up:
            return False
        return record.unknown or not self._meter.is_reading_paused

    def settle(
        self, *, limit_s: float, is_due: IsDue, on_news: NewsHandler | None = None
    ) -> Settlement:
        """Read and post until all is done or the time is over.

        Rows go out in the waits between reads, which tell what the rows should say; where slow
        reads leave no waits, in turn with them.
        """
        began = self._clock.monotonic()
        session = _Session(
            reads=deque(self.due(is_due)),
            reads_from=began + self._window_left_s(),
            on_news=on_news,
        )
        while (left := began + limit_s - self._clock.monotonic()) > 0 and not self._stop.is_set:
            if not self._step(session, left):
                break
        session.drop_reads()
        result = session.result
        result.rows_owed = len(self._ledger.owed_rows())
        result.is_paused = self._meter.is_reading_paused
        return result

    def _step(self, session: _Session, left: float) -> bool:
        """Read, post or wait; return False when there is nothing left to do."""
        if session.reads and not self._may_read(session.reads[0]):
            session.drop_reads()  # unknown sends come first: what follows may not be read either
        row = self._next_row(session, left)
        wait_s = max(self._reader.wait_s(), session.reads_from - self._clock.monotonic())
        if session.reads and wait_s <= 0 and not (row is not None and session.is_rows_turn):
            self._read(session, left)
        elif row is not None:
            self._post_row(row, session, left)
        elif session.reads:
            self._sleep(min(wait_s, left))
        else:
            return False
        return True

    def _window_left_s(self) -> float:
        """Seconds until WATI has forgotten the reads of a run that ended a moment ago.

        Our own count of the vendor's window begins anew with each process, the vendor's does not.
        """
        newest = self._ledger.newest_time()
        if newest is None:
            return 0.0
        since_s = (self._clock.now() - newest).total_seconds()
        return min(READ_WINDOW_S, max(0.0, READ_WINDOW_S - since_s))

    def _read(self, session: _Session, left: float) -> None:
        """Read the next message."""
        began = self._clock.monotonic()
        record = session.reads.popleft()
        news = self._reader.read(
            record,
            deadline_s=min(left, READ_DEADLINE_S),
            on_failure=lambda failure: self._judge(failure, record, session.result),
        )
        session.is_rows_turn = self._clock.monotonic() - began >= _SLOW_READ_S
        if news.kind is LookupKind.NO_ANSWER:
            session.result.unread += 1
            session.unanswered += news.is_wati_away
            if session.unanswered >= _GIVE_UP_AFTER:
                session.drop_reads()
            return
        session.unanswered = 0
        session.result.news.append(news)
        if session.on_news is not None:
            session.on_news(news)

    def _judge(self, failure: Failure, record: MessageRecord, result: Settlement) -> None:
        """Draw the consequences of a failure learned now; keep the first restriction found."""
        now = self._clock.now()
        today, day_ends = self._quota_day(now)
        end = self._consequences.failed_earlier(
            failure, record, today=today, now=now, day_ends=day_ends
        )
        result.end = result.end or end

    def _next_row(self, session: _Session, left: float) -> CrmRow | None:
        """Return the row to post next, as it stands now: a read may just have changed it."""
        if session.has_crm_failed or not session.row_cost.fits(left):
            return None
        return next(iter(self._ledger.owed_rows()), None)

    def _post_row(self, row: CrmRow, session: _Session, left: float) -> None:
        """Post a row; after a first failure the rest stays owed."""
        began = self._clock.monotonic()
        session.is_rows_turn = False
        if self._post(row, deadline_s=min(left, ROW_PATIENCE_S)):
            self._ledger.row_taken(row.row_id)
            session.result.rows_posted += 1
        else:
            session.has_crm_failed = True
        session.row_cost.took(self._clock.monotonic() - began)

"""Follow this run's messages: read statuses and post CRM rows in the waits, then in the tail."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from lead_automation.answers import LookupKind
from lead_automation.campaign.board import Board
from lead_automation.campaign.consequences import Consequences
from lead_automation.campaign.costs import READ_GUESS_S, ROW_GUESS_S, CostGuess
from lead_automation.campaign.ends import RunEnd
from lead_automation.campaign.meter import SPARE_CALLS, CallMeter
from lead_automation.campaign.reading import READ_DEADLINE_S, News, StatusReader
from lead_automation.campaign.rows import ROW_DEADLINE_S, RowDesk
from lead_automation.campaign.safety import is_first_arrival
from lead_automation.campaign.sending import Delivery
from lead_automation.clock import Clock, Sleep, StopFlag
from lead_automation.config import TrackingPolicy
from lead_automation.models import (
    Action,
    ErrorCategory,
    Failure,
    MessageRecord,
    MessageStatus,
    Outcome,
)

_ABSENT = Failure(
    category=ErrorCategory.NETWORK_ERROR,
    action=Action.NEXT,
    rule_id="absent",
    text="no answer to the send, and WATI has no such message",
)

_NOTHING_COMES_S = 3600.0


@dataclass(slots=True, eq=False)
class _Followed:
    """A message on its way; tries are the look-ups of an unknown send that got no answer."""

    delivery: Delivery
    record: MessageRecord
    due_at: float
    tries: int = 0


class Follower:
    """Know which messages are open, and use every wait for them on the sending thread."""

    def __init__(
        self,
        *,
        reader: StatusReader,
        rows: RowDesk,
        meter: CallMeter,
        board: Board,
        consequences: Consequences,
        policy: TrackingPolicy,
        quota_day: Callable[[datetime], tuple[date, datetime]],
        clock: Clock,
        sleep: Sleep,
        stop: StopFlag,
    ) -> None:
        self._reader = reader
        self._rows = rows
        self._meter = meter
        self._board = board
        self._consequences = consequences
        self._policy = policy
        self._quota_day = quota_day
        self._clock = clock
        self._sleep = sleep
        self._stop = stop
        self._first: deque[_Followed] = deque()
        self._again: deque[_Followed] = deque()
        self._aside: deque[_Followed] = deque()
        self._absent: list[tuple[Delivery, MessageRecord]] = []
        self._attempted: set[str] = set()
        self._read_cost = CostGuess(READ_GUESS_S)
        self._row_cost = CostGuess(ROW_GUESS_S)

    def follow(self, delivery: Delivery, record: MessageRecord) -> None:
        """Follow an accepted message from its first read on."""
        self._attempted.add(record.lead_id)
        due_at = self._clock.monotonic() + self._policy.first_read_s
        self._first.append(_Followed(delivery, record, due_at))

    def put_aside(self, delivery: Delivery, record: MessageRecord) -> None:
        """Keep a send whose fate is unknown until it may be judged."""
        self._attempted.add(record.lead_id)
        due_at = self._clock.monotonic() + self._policy.settle_s
        self._aside.append(_Followed(delivery, record, due_at))

    def row_ready(self, record: MessageRecord) -> None:
        """Let a refused message's CRM row go out in the next wait."""
        self._attempted.add(record.lead_id)
        self._rows.ready(record)

    def take_absent(self) -> list[tuple[Delivery, MessageRecord]]:
        """Return, once, the unknown sends that proved absent and may be tried again."""
        taken, self._absent = self._absent, []
        return taken

    def work(self, seconds: float) -> RunEnd | None:
        """Use the wait before a send; come back in time for it."""
        return self._work(self._clock.monotonic() + seconds, is_tail=False)

    def follow_tail(self, *, until: float, settle_unknown: bool) -> RunEnd | None:
        """Follow after the last send.

        Args:
            until: Monotonic second; an unknown send is waited for longer.
            settle_unknown: Wait, once, until every unknown send may be judged.

        Returns:
            Why the run must count as stopped, if a late failure says so; the others are followed
            all the same, for their own sake and for the truth of the figures.
        """
        fresh = [item.due_at for item in self._aside if not item.tries]
        if settle_unknown and fresh:
            until = max(until, max(fresh) + READ_DEADLINE_S)
        return self._work(until, is_tail=True)

    def _work(self, until: float, *, is_tail: bool) -> RunEnd | None:
        found: RunEnd | None = None
        while (left := until - self._clock.monotonic()) > 0 and not self._stop.is_set:
            if is_tail and not self._has_work():
                break
            item = self._next_read(is_tail=is_tail)
            if item is not None and self._reader.wait_s() <= 0 and self._read_cost.fits(left):
                end = self._read(item, left)
                found = found or end
                if found is not None and not is_tail:
                    break
            elif self._rows.has_work and self._row_cost.fits(left):
                self._post_row(left)
            else:
                self._sleep(min(left, self._idle_s(item, is_tail=is_tail)))
                if item is not None:
                    self._read_cost.skipped()
                if self._rows.has_work:
                    self._row_cost.skipped()
        return found

    def _has_work(self) -> bool:
        """Whether the tail can still learn or post anything."""
        if self._rows.has_work:
            return True
        if self._meter.is_month_used_up:
            return False
        if any(not item.tries for item in self._aside) or (self._aside and self._may_ask_again()):
            return True
        if self._meter.is_reading_paused:
            return False
        return bool(self._first) or (bool(self._again) and self._may_read_again(is_tail=True))

    def _next_read(self, *, is_tail: bool) -> _Followed | None:
        """Return the message to read now: unknown ones, first reads, then the oldest open one."""
        now = self._clock.monotonic()
        if self._meter.is_month_used_up:
            return None
        due = [item for item in self._aside if item.due_at <= now]
        for item in due:
            if not item.tries:
                return item
        if self._first and self._first[0].due_at <= now and not self._meter.is_reading_paused:
            return self._first[0]
        if due and self._may_ask_again():
            return due[0]
        if self._again and self._again[0].due_at <= now and self._may_read_again(is_tail=is_tail):
            return self._again[0]
        return None

    def _may_ask_again(self) -> bool:
        """Whether the allowance carries a further look-up of an unknown send that got no answer."""
        return self._meter.left_for_reads(len(self._attempted)) >= len(self._first) + 1

    def _may_read_again(self, *, is_tail: bool) -> bool:
        """Whether the allowance carries a re-read besides every first one still to come.

        The spare calls are kept for the tail, where the news is; until then only the tenth of a
        call each lead brings is spent.
        """
        if self._meter.is_reading_paused:
            return False
        reserved = len(self._first) + len(self._aside) + (0 if is_tail else SPARE_CALLS)
        return self._meter.left_for_reads(len(self._attempted)) >= reserved + 1

    def _idle_s(self, item: _Followed | None, *, is_tail: bool) -> float:
        """Return how long nothing can happen."""
        if item is not None:
            return self._reader.wait_s() or _NOTHING_COMES_S
        now = self._clock.monotonic()
        queues = [self._aside, self._first]
        if self._may_read_again(is_tail=is_tail):
            queues.append(self._again)
        coming = [queue[0].due_at - now for queue in queues if queue and queue[0].due_at > now]
        return max(min(coming, default=_NOTHING_COMES_S), 0.001)

    def _post_row(self, left: float) -> None:
        began = self._clock.monotonic()
        if self._rows.post_next(deadline_s=min(left, ROW_DEADLINE_S)):
            self._row_cost.took(self._clock.monotonic() - began)

    def _read(self, item: _Followed, left: float) -> RunEnd | None:
        began = self._clock.monotonic()
        next(queue for queue in (self._aside, self._first, self._again) if item in queue).remove(
            item
        )
        stops: list[RunEnd | None] = []
        news = self._reader.read(
            item.record,
            deadline_s=min(left, READ_DEADLINE_S),
            on_failure=lambda failure: stops.append(self._judge_failure(failure, item.record)),
        )
        self._read_cost.took(self._clock.monotonic() - began)
        if news.kind is LookupKind.NO_ANSWER:
            self._put_back(item)
            return None
        stops.append(self._take(item, news))
        return next((stop for stop in stops if stop is not None), None)

    def _put_back(self, item: _Followed) -> None:
        """Ask again later; an unknown send stays one, an accepted one counts as read once."""
        item.due_at = self._clock.monotonic() + self._again_s() * 2.0 ** min(item.tries, 6)
        item.tries += 1
        if item.record.unknown:
            self._aside = deque(sorted([*self._aside, item], key=lambda aside: aside.due_at))
        else:
            self._again.append(item)

    def _again_s(self) -> float:
        """Seconds between two reads of one message."""
        return max(1.0, self._policy.first_read_s / 2)

    def _take(self, item: _Followed, news: News) -> RunEnd | None:
        """Spread a definite answer: report, CRM row, safety rules."""
        if news.kind is LookupKind.ABSENT:
            self._board.refused(news.after, _ABSENT, outcome=Outcome.NOT_SENT)
            self._absent.append((item.delivery, news.after))
            return None
        item.record = news.after
        self._board.news(news.after, news.failure, word=news.detail)
        self._rows.ready(news.after)
        if news.after.is_open:
            item.due_at = self._clock.monotonic() + self._again_s()
            self._again.append(item)
        return self._judge_arrival(news)

    def _judge_failure(self, failure: Failure, record: MessageRecord) -> RunEnd | None:
        now = self._clock.now()
        return self._consequences.failed(
            failure,
            record.phone or "",
            late=True,
            now=now,
            day_ends=self._quota_day(now)[1],
        )

    def _judge_arrival(self, news: News) -> RunEnd | None:
        before = MessageStatus.PENDING if news.before.unknown else news.before.status
        if news.after.status in (MessageStatus.DELIVERED, MessageStatus.READ):
            return self._consequences.arrived(
                first_word=is_first_arrival(before, news.after.status)
            )
        return None

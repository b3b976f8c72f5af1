"""Settle what earlier runs left, reading only: unknown sends, open statuses, owed CRM rows."""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from lead_automation.campaign.batch import batch_of
from lead_automation.campaign.consequences import Consequences
from lead_automation.campaign.ends import RunEnd
from lead_automation.campaign.outbox import ROW_PATIENCE_S, Outbox
from lead_automation.campaign.reading import StatusReader, StatusUpdate
from lead_automation.campaign.services import Services
from lead_automation.campaign.tracking import Followed, Found, Tracker, looks_apart_s
from lead_automation.models import Failure
from lead_automation.stored import MessageRecord
from lead_automation.text import mask_phone, safe_outside
from lead_automation.wati.limits import WINDOW_S

LATER_READS = (timedelta(hours=1), timedelta(days=1))
"""Ages at which later runs read an open message once more."""

KEPT_DAYS = 7
"""Older messages are not asked about: WATI's own news of them is over."""

_GIVE_UP_AFTER = 3
"""Reads without an answer in a row after which WATI is left alone until the next run."""

IsDue = Callable[[MessageRecord, datetime], bool]

_log = logging.getLogger(__name__)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a read told of an earlier run's message."""

    before: MessageRecord
    after: MessageRecord
    failure: Failure | None = None

    @property
    def is_news(self) -> bool:
        """Whether the message now stands differently."""
        return word_of(self.before) != word_of(self.after)

    def line(self) -> str:
        """Return it for people: ``1001 +9198••••5678: sent → delivered``."""
        reason = f" ({self.failure.text[:80]})" if self.failure else ""
        phone = mask_phone(self.after.phone or "")
        change = f"{word_of(self.before)} → {word_of(self.after)}"
        return f"{safe_outside(self.after.lead_id, 20)} {phone}: {change}{reason}"


def word_of(record: MessageRecord) -> str:
    """Return how a message stands, for people."""
    if record.unknown:
        return "unknown"
    return "never arrived" if record.sent_at is None else record.status.value


@dataclass(slots=True)
class Settlement:
    """What settling came to.

    Attributes:
        changes: Every definite answer, in order.
        unread: Messages that were due but not answered, or not reached in time.
        rows_posted, rows_owed: CRM rows taken now, and those that stay owed.
        is_paused: So many of the month's calls are used that only unknown sends are read.
        end: A restriction of the account was found.
    """

    changes: list[Change] = field(default_factory=list)
    unread: int = 0
    rows_posted: int = 0
    rows_owed: int = 0
    is_paused: bool = False
    end: RunEnd | None = None


class EarlierMessages:
    """Messages of earlier runs that are not settled yet; judged apart from this run's."""

    def __init__(self, services: Services, is_due: IsDue, *, log_level: int) -> None:
        """Find the messages to read.

        Args:
            services: What is asked and where the answers are kept.
            is_due: Which accepted messages are read; unknown ones that may be judged always are.
            log_level: At which level each change is told as it is learned.
        """
        self._services = services
        self._log_level = log_level
        self._consequences = Consequences(services)
        self._outbox = Outbox(services)
        self._reader = StatusReader(services)
        self._reads = deque(self._due(is_due))
        self._second_looks: deque[Followed] = deque()
        self._reads_from = services.clock.monotonic() + self._window_left_s()
        self._unanswered = 0
        self._result = Settlement()

    @property
    def count(self) -> int:
        """How many messages are to be read."""
        return sum(len(followed.records) for followed in self._reads)

    def settle(self, limit_s: float, *, with_refused: bool = False) -> Settlement:
        """Read and post until all is done or the time is over.

        Rows go out in the waits between reads, which tell what the rows should say; where slow
        reads leave no waits, in turn with them.

        Args:
            limit_s: The time.
            with_refused: Behind them post the rows the CRM refused, today too; a run does that at
                its end, when no lead waits for it, with those of other days.
        """
        # What earlier runs owe the CRM goes out before anything this run will owe.
        self._outbox.ready_all()
        tracker = Tracker(self._services, self, reader=self._reader, outbox=self._outbox)
        # Two looks at an unknown batch are too far apart to end within the minute.
        unknown = [its for its in self._reads if its.is_unknown and its.batch.members]
        apart_s = max((looks_apart_s(self._services, its) for its in unknown), default=0.0)
        until = self._services.clock.monotonic() + limit_s + apart_s
        tracker.work(until, is_tail=True, row_deadline_s=ROW_PATIENCE_S)
        self._drop_reads()
        if with_refused:
            stop = self._services.runtime.stop
            self._outbox.post_refused(lambda: 0.0 if stop.is_set else limit_s, again=True)
        self._result.rows_posted = self._outbox.posted
        self._result.rows_owed = len(self._services.ledger.owed_rows())
        self._result.is_paused = self._services.budget.is_reading_paused
        return self._result

    def _due(self, is_due: IsDue) -> list[Followed]:
        """Return the messages to read, unknown ones first, then oldest first."""
        ledger, now = self._services.ledger, self._services.clock.now()
        unknown = [record for record in ledger.unknown_messages() if self._reader.is_due(record)]
        opened = ledger.open_messages(self._services.today() - timedelta(days=KEPT_DAYS))
        # Unknown sends first: they hold quota, and the month's calls may not reach for the others.
        found = unknown + [record for record in opened if is_due(record, now)]
        together: dict[tuple[date, str], list[MessageRecord]] = {}
        for record in found:
            if self._may_read(record):
                key = (record.day, record.broadcast_name or f"lead {record.lead_id}")
                together.setdefault(key, []).append(record)
        return [self._followed(records) for records in together.values()]

    def _followed(self, records: list[MessageRecord]) -> Followed:
        """Return messages of one POST, with all that went out in it."""
        [first, *_] = records
        if first.broadcast_name is None:
            return Followed(batch_of(records), records)
        batch = batch_of(self._services.ledger.messages_of(first.day, first.broadcast_name))
        # A broadcast that is read anyway tells who wrote back, too.
        answered = [record for record in batch.records.values() if record.may_be_answered]
        return Followed(batch, records + answered)

    def _may_read(self, record: MessageRecord) -> bool:
        """Whether the month's calls carry the read: from 80 % on only that of an unknown send."""
        budget = self._services.budget
        if budget.is_month_used_up:
            return False
        return record.unknown or not budget.is_reading_paused

    def _window_left_s(self) -> float:
        """Seconds until WATI has forgotten the reads of a run that ended a moment ago.

        Our own count of the vendor's window begins anew with each process, the vendor's does not.
        """
        newest = self._services.ledger.newest_time()
        if newest is None:
            return 0.0
        since_s = (self._services.clock.now() - newest).total_seconds()
        return min(WINDOW_S, max(0.0, WINDOW_S - since_s))

    def _drop_reads(self) -> None:
        """Leave what was not read to a later run."""
        self._drop(self._reads)
        self._drop(self._second_looks)

    def _drop(self, reads: deque[Followed]) -> None:
        self._result.unread += sum(len(followed.records) for followed in reads)
        reads.clear()

    # --- for the tracker -----------------------------------------------------------------------

    def next_read(self, *, is_tail: bool) -> Followed | None:  # noqa: ARG002 - never a gap here
        """Return the next message: second looks as they come due, else the others in turn."""
        now = self._services.clock.monotonic()
        for reads in (self._second_looks, self._reads):
            if reads and not self._may_read(reads[0].records[0]):
                self._drop(reads)  # unknown sends come first: what follows may not be read either
        if self._second_looks and self._second_looks[0].due_at <= now:
            return self._second_looks[0]
        if not self._reads or now < self._reads_from:
            return None
        return self._reads[0]

    def has_work(self) -> bool:
        """Whether messages are left to be read."""
        return bool(self._reads or self._second_looks)

    def idle_s(self, *, is_tail: bool) -> float:  # noqa: ARG002 - never a gap here
        """Return the seconds until WATI's window allows the first read, or a second look is due."""
        coming = [self._reads_from] if self._reads else []
        coming += [followed.due_at for followed in self._second_looks]
        return min(coming) - self._services.clock.monotonic()

    def taken_out(self, followed: Followed) -> None:
        """Take a message out: it is the first of either queue."""
        is_second = bool(self._second_looks) and followed is self._second_looks[0]
        (self._second_looks if is_second else self._reads).popleft()

    def was_read(self, followed: Followed, found: Found, *, apart_s: float) -> None:
        """Look again at what is missing; leave the rest to the next run, all where WATI is away."""
        self._result.unread += len(found.unanswered)
        is_away = any(update.is_wati_away for update in found.unanswered)
        self._unanswered = self._unanswered + 1 if is_away else 0
        if found.missing:
            again = Followed(followed.batch, found.missing, found.at + apart_s)
            again.looks = followed.looks
            self._second_looks.append(again)
        if self._unanswered >= _GIVE_UP_AFTER:
            self._drop_reads()

    def judge(self, update: StatusUpdate) -> RunEnd | None:
        """Draw the consequences of an answer; keep the first restriction found."""
        if update.is_reply:
            self._consequences.replied(update.before.phone)
        if update.failure is None:
            return None
        end = self._consequences.failed_earlier(update.failure, update.before)
        self._result.end = self._result.end or end
        return end

    def kept(self, followed: Followed, update: StatusUpdate, after: MessageRecord) -> RunEnd | None:  # noqa: ARG002
        """Keep and tell what changed; its CRM row may go out."""
        change = Change(before=update.before, after=after, failure=update.failure)
        self._result.changes.append(change)
        if change.is_news:
            _log.log(self._log_level, "%s", change.line())
        self._outbox.ready(after)
        return None

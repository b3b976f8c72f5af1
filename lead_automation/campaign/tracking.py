"""Use every wait on the sending thread: read statuses, post CRM rows, sleep until either is due."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Protocol

from lead_automation.answers import LookupKind
from lead_automation.campaign.batch import Batch
from lead_automation.campaign.durations import READ_GUESS_S, CallDuration
from lead_automation.campaign.ends import RunEnd
from lead_automation.campaign.outbox import Outbox
from lead_automation.campaign.reading import READ_DEADLINE_S, StatusReader, StatusUpdate
from lead_automation.campaign.services import Services
from lead_automation.stored import MessageRecord

LOOKS_APART_S = 20.0
"""At least between the two look-ups that must agree that WATI has no such message: rows were seen
to show late, and one look may meet an old answer or a machine that is behind."""

BATCH_LOOKS_APART_S = 60.0
"""The same of a batch: a broadcast's list of recipients fills up while WATI works on it."""

_SETTLE_DEADLINE_S = 10.0
"""For the look-up of an unknown batch: its broadcast, recipients and counters are three calls."""

_SLOW_READ_S = 1.0
"""Slower reads than one a second leave no waits under WATI's limit for the CRM rows."""

_SHORTEST_SLEEP_S = 0.001
"""Keeps a due time that rounding puts in the past from becoming a busy loop."""


@dataclass(slots=True)
class TwoLooks:
    """Two look-ups in a row, far enough apart, that both found nothing.

    Attributes:
        first_at: Steady second of the first that found nothing; None when the last found anything
            or had no answer.
    """

    first_at: float | None = None

    def agree(self, *, is_absent: bool, at: float, apart_s: float) -> bool:
        """Note a look at a steady second; return whether it and an earlier one found nothing."""
        if not is_absent:
            self.first_at = None
        elif self.first_at is None:
            self.first_at = at
        else:
            return at - self.first_at >= apart_s
        return False


@dataclass(slots=True, eq=False)
class Followed:
    """Messages that one read tells of: one, or those of a batch.

    Attributes:
        batch: Whose messages they are.
        records: Those that are asked about, as last known.
        due_at: Monotonic second from which they may be read.
        tries: Look-ups that got no answer.
        looks: By lead id: whether two have proved that WATI has no such message.
    """

    batch: Batch
    records: list[MessageRecord]
    due_at: float = 0.0
    tries: int = 0
    looks: defaultdict[str, TwoLooks] = field(default_factory=lambda: defaultdict(TwoLooks))

    @property
    def is_unknown(self) -> bool:
        """Whether any of them may or may not have arrived."""
        return any(record.unknown for record in self.records)


@dataclass(slots=True)
class Found:
    """What one read came to.

    Attributes:
        at: Monotonic second.
        kept: Messages with a definite answer, which is on disk.
        missing: Unknown ones that WATI does not list; a second look must agree.
        unanswered: Those it did not say anything about.
    """

    at: float
    kept: list[MessageRecord] = field(default_factory=list)
    missing: list[MessageRecord] = field(default_factory=list)
    unanswered: list[StatusUpdate] = field(default_factory=list)


class Messages(Protocol):
    """Messages to be read: this run's, or those of earlier runs."""

    def next_read(self, *, is_tail: bool) -> Followed | None:
        """Return the message to read now; None when none is due or none may be read."""
        ...

    def has_work(self) -> bool:
        """Whether a read may still come, now or later."""
        ...

    def idle_s(self, *, is_tail: bool) -> float:
        """Return the seconds until another read can be due."""
        ...

    def taken_out(self, followed: Followed) -> None:
        """Note that messages are being read."""
        ...

    def judge(self, update: StatusUpdate) -> RunEnd | None:
        """Draw the consequences of an answer before it is kept."""
        ...

    def kept(self, followed: Followed, update: StatusUpdate, after: MessageRecord) -> RunEnd | None:
        """Spread a definite answer that is on disk now."""
        ...

    def was_read(self, followed: Followed, found: Found, *, apart_s: float) -> None:
        """Decide which of them are asked about again, and when.

        Args:
            followed: What was read.
            found: What that came to.
            apart_s: Seconds until a second look may agree about those that are missing.
        """
        ...


class Tracker:
    """The loop that reads, posts and waits."""

    def __init__(
        self, services: Services, messages: Messages, *, reader: StatusReader, outbox: Outbox
    ) -> None:
        self._services = services
        self._messages = messages
        self._reader = reader
        self._outbox = outbox
        self._duration = CallDuration(READ_GUESS_S)
        self._is_rows_turn = False

    def work(self, until: float, *, is_tail: bool, row_deadline_s: float) -> RunEnd | None:
        """Work until a monotonic second, or a signal.

        Args:
            until: In a gap a send waits for, come back by then.
            is_tail: Nothing waits: go on after a reason to stop, for the other messages' sake and
                for the truth of the figures, and end as soon as nothing is left to do.
            row_deadline_s: Longest wait for one CRM row.

        Returns:
            The first reason found why the run must stop.
        """
        clock, found = self._services.clock, None
        while (left := until - clock.monotonic()) > 0 and not self._services.runtime.stop.is_set:
            followed = self._messages.next_read(is_tail=is_tail)
            has_row = self._outbox.fits(left)
            wait_s = self._services.wati.status_wait_s()
            # Reads first: they tell what the rows should say, and whether sending must stop.
            if followed is not None and wait_s <= 0 and self._may_read(left, has_row=has_row):
                end = self.read(followed, left)
                found = found or end
                if found is not None and not is_tail:
                    break
            elif has_row:
                self._is_rows_turn = False
                self._outbox.post_next(min(left, row_deadline_s))
            elif is_tail and not self._messages.has_work():
                break
            else:
                self._sleep(left, None if followed is None else wait_s or left, is_tail=is_tail)
        return found

    def _may_read(self, left: float, *, has_row: bool) -> bool:
        return self._duration.fits(left) and not (has_row and self._is_rows_turn)

    def _sleep(self, left: float, wait_s: float | None, *, is_tail: bool) -> None:
        """Wait for WATI's limit, or until something is due; what seemed too slow is given a try."""
        if wait_s is None:
            wait_s = self._messages.idle_s(is_tail=is_tail)
        else:
            self._duration.skipped()
        self._outbox.idled()
        self._services.runtime.sleep(min(left, max(wait_s, _SHORTEST_SLEEP_S)))

    def read(self, followed: Followed, left: float) -> RunEnd | None:
        """Ask, draw the consequences, then write the answers down: in that order.

        Args:
            followed: What is asked about.
            left: Seconds it may take.
        """
        began = self._services.clock.monotonic()
        self._messages.taken_out(followed)
        is_search = followed.is_unknown and bool(followed.batch.members)
        deadline_s = min(left, _SETTLE_DEADLINE_S if is_search else READ_DEADLINE_S)
        updates = self._reader.ask(
            followed.records, members=followed.batch.members, deadline_s=deadline_s
        )
        found = Found(at=self._services.clock.monotonic())
        self._duration.took(found.at - began)
        # Else slow reads in a row would leave the CRM without a single row.
        self._is_rows_turn = found.at - began >= _SLOW_READ_S
        apart_s = looks_apart_s(self._services, followed)
        first: RunEnd | None = None
        for update in updates:
            is_absent = update.kind is LookupKind.ABSENT
            looks = followed.looks[update.before.lead_id]
            agree = looks.agree(is_absent=is_absent, at=found.at, apart_s=apart_s)
            if update.kind is LookupKind.NO_ANSWER:
                found.unanswered.append(update)
            elif is_absent and not agree:
                found.missing.append(update.before)
            else:
                # Once it is kept nobody asks again: a crash must find the hold on disk already.
                ordered = self._messages.judge(update)
                after = self._reader.keep(update)
                found.kept.append(after)
                learned = self._messages.kept(followed, update, after)
                first = first or ordered or learned
        self._messages.was_read(followed, found, apart_s=apart_s)
        return first


def looks_apart_s(services: Services, followed: Followed) -> float:
    """Return the seconds between two look-ups that must agree: at most what a send settles in."""
    apart_s = BATCH_LOOKS_APART_S if followed.batch.members else LOOKS_APART_S
    return min(apart_s, services.settings.local.tracking.settle_s)

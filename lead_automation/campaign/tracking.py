"""Use every wait on the sending thread: read statuses, post CRM rows, sleep until either is due."""

from dataclasses import dataclass, field
from typing import Protocol

from lead_automation.answers import LookupKind
from lead_automation.campaign.assignment import Assignment
from lead_automation.campaign.durations import READ_GUESS_S, CallDuration
from lead_automation.campaign.ends import RunEnd
from lead_automation.campaign.outbox import Outbox
from lead_automation.campaign.reading import READ_DEADLINE_S, StatusReader, StatusUpdate
from lead_automation.campaign.services import Services
from lead_automation.stored import MessageRecord

LOOKS_APART_S = 20.0
"""At least between the two look-ups that must agree that WATI has no such message: rows were seen
to show late, and one look may meet an old answer or a machine that is behind."""

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
    """A message that is followed.

    Attributes:
        record: As last known.
        due_at: Monotonic second from which it may be read.
        assignment: Of a message of this run.
        tries: Look-ups that got no answer.
        looks: Whether two have proved that WATI has no such message.
    """

    record: MessageRecord
    assignment: Assignment | None = None
    due_at: float = 0.0
    tries: int = 0
    looks: TwoLooks = field(default_factory=TwoLooks)


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
        """Note that a message is being read."""
        ...

    def no_answer(self, followed: Followed, update: StatusUpdate) -> None:
        """Note that WATI did not say; it may be asked again."""
        ...

    def look_again(self, followed: Followed) -> None:
        """Note that WATI has no such message, and ask again when the message is due."""
        ...

    def judge(self, followed: Followed, update: StatusUpdate) -> RunEnd | None:
        """Draw the consequences of a failure before the answer is kept."""
        ...

    def kept(self, followed: Followed, update: StatusUpdate, after: MessageRecord) -> RunEnd | None:
        """Spread a definite answer that is on disk now."""
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
        self._apart_s = looks_apart_s(services)

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
                end = self._read(followed, left)
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

    def _read(self, followed: Followed, left: float) -> RunEnd | None:
        """Ask, draw the consequences, then write the answer down: in that order."""
        began = self._services.clock.monotonic()
        self._messages.taken_out(followed)
        [update] = self._reader.ask([followed.record], deadline_s=min(left, READ_DEADLINE_S))
        ended = self._services.clock.monotonic()
        self._duration.took(ended - began)
        # Else slow reads in a row would leave the CRM without a single row.
        self._is_rows_turn = ended - began >= _SLOW_READ_S
        is_absent = update.kind is LookupKind.ABSENT
        agree = followed.looks.agree(is_absent=is_absent, at=ended, apart_s=self._apart_s)
        if update.kind is LookupKind.NO_ANSWER:
            self._messages.no_answer(followed, update)
            return None
        if is_absent and not agree:
            followed.due_at = ended + self._apart_s
            self._messages.look_again(followed)
            return None
        # Once the answer is kept nobody asks again: a crash must find the hold on disk already.
        ordered = self._messages.judge(followed, update)
        after = self._reader.keep(update)
        learned = self._messages.kept(followed, update, after)
        return ordered or learned


def looks_apart_s(services: Services) -> float:
    """Return the seconds between two look-ups that must agree: at most what a send settles in."""
    return min(LOOKS_APART_S, services.settings.local.tracking.settle_s)

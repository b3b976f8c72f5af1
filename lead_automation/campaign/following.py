"""Know which of this run's messages are still to be read, in which order, within the allowance."""

from bisect import insort
from collections import deque
from dataclasses import replace
from itertools import islice

from lead_automation.answers import LookupKind
from lead_automation.campaign.assignment import Assignment
from lead_automation.campaign.budget import SPARE_CALLS
from lead_automation.campaign.consequences import Consequences
from lead_automation.campaign.ends import RunEnd
from lead_automation.campaign.outbox import ROW_DEADLINE_S, Outbox
from lead_automation.campaign.progress import LeadProgress
from lead_automation.campaign.reading import READ_DEADLINE_S, StatusReader, StatusUpdate
from lead_automation.campaign.safety import is_first_arrival
from lead_automation.campaign.services import Services
from lead_automation.campaign.tracking import Followed, Tracker, looks_apart_s
from lead_automation.models import (
    MAX_UNANSWERED_ATTEMPTS,
    Action,
    ErrorCategory,
    Failure,
    MessageStatus,
    Outcome,
)
from lead_automation.stored import MessageRecord

_ABSENT = Failure(
    category=ErrorCategory.NETWORK_ERROR,
    action=Action.NEXT,
    rule_id="absent",
    text="no answer to the send, and WATI has no such message",
)

_NOTHING_COMES_S = 3600.0
"""Longer than any wait of a run."""

_MOST_DOUBLINGS = 6
"""An unknown send is asked about ever more rarely, but at least every few minutes."""


class Follower:
    """This run's messages: those that wait for a first read, for another one, or in doubt."""

    def __init__(
        self,
        services: Services,
        *,
        outbox: Outbox,
        progress: LeadProgress,
        consequences: Consequences,
    ) -> None:
        self._services = services
        self._clock = services.clock
        self._policy = services.settings.local.tracking
        self._outbox = outbox
        self._progress = progress
        self._consequences = consequences
        self._tracker = Tracker(services, self, reader=StatusReader(services), outbox=outbox)
        self._first: deque[Followed] = deque()
        self._again: deque[Followed] = deque()
        self._unknown: deque[Followed] = deque()
        self._absent: list[Assignment] = []
        self._attempted: set[str] = set()

    # --- from the sender -----------------------------------------------------------------------

    def follow(self, assignment: Assignment, record: MessageRecord) -> None:
        """Follow a message from its first read on; an unknown one until it may be judged."""
        self._attempted.add(record.lead_id)
        age_s = self._policy.settle_s if record.unknown else self._policy.first_read_s
        followed = Followed(record, assignment, self._clock.monotonic() + age_s)
        insort(self._unknown if record.unknown else self._first, followed, key=_due_at)

    def refused(self, record: MessageRecord) -> None:
        """Let a refused message's CRM row go out in the next wait."""
        self._attempted.add(record.lead_id)
        self._outbox.ready(record)

    def take_absent(self) -> list[Assignment]:
        """Return, once, the unknown sends that proved absent and may be tried again."""
        taken, self._absent = self._absent, []
        return taken

    def work(self, seconds: float) -> RunEnd | None:
        """Use the wait before a send; return why the run must end, if anything learned says so."""
        until = self._clock.monotonic() + seconds
        return self._tracker.work(until, is_tail=False, row_deadline_s=ROW_DEADLINE_S)

    def follow_tail(self, until: float, *, settle_unknown: bool) -> RunEnd | None:
        """Follow after the last send.

        Args:
            until: Monotonic second; an unknown send is waited for longer.
            settle_unknown: Wait, once, until every unknown send may be judged.

        Returns:
            Why the run must count as stopped, if a late failure says so.
        """
        fresh = [followed.due_at for followed in self._unknown if not followed.tries]
        if settle_unknown and fresh:
            # Two looks each, of which WATI lets about one a second be made.
            looks_s = 2 * READ_DEADLINE_S + looks_apart_s(self._services) + 2 * len(fresh)
            until = max(until, max(fresh) + looks_s)
        if count := len(self._unknown) + len(self._first) + len(self._again):
            self._progress.following(count, until)
        return self._tracker.work(until, is_tail=True, row_deadline_s=ROW_DEADLINE_S)

    # --- what to read next ---------------------------------------------------------------------

    def next_read(self, *, is_tail: bool) -> Followed | None:
        """Return the message to read now: unknown ones, first reads, then the oldest open one."""
        now, budget = self._clock.monotonic(), self._services.budget
        if budget.is_month_used_up:
            return None
        # Unknown sends first: until one is settled, its lead may neither be sent to nor counted.
        due = [followed for followed in self._unknown if followed.due_at <= now]
        for followed in due:
            if not followed.tries:
                return followed
        if self._first and self._first[0].due_at <= now and not budget.is_reading_paused:
            return self._first[0]
        if due and self._may_ask_again():
            return due[0]
        if self._again and self._again[0].due_at <= now and self._may_read_again(is_tail=is_tail):
            return self._again[0]
        return None

    def has_work(self) -> bool:
        """Whether the tail can still learn anything."""
        budget = self._services.budget
        if budget.is_month_used_up:
            return False
        is_fresh = any(not followed.tries for followed in self._unknown)
        if is_fresh or (self._unknown and self._may_ask_again()):
            return True
        if budget.is_reading_paused:
            return False
        return bool(self._first) or (bool(self._again) and self._may_read_again(is_tail=True))

    def idle_s(self, *, is_tail: bool) -> float:
        """Return how long nothing can be due."""
        now = self._clock.monotonic()
        # All of the unknown ones: the first may be due and wait for the allowance.
        coming = [followed.due_at for followed in self._unknown]
        coming += [followed.due_at for followed in islice(self._first, 1)]
        if self._may_read_again(is_tail=is_tail):
            coming += [followed.due_at for followed in islice(self._again, 1)]
        return min((at - now for at in coming if at > now), default=_NOTHING_COMES_S)

    def _may_ask_again(self) -> bool:
        """Whether the allowance carries a further look-up of an unknown send that got no answer."""
        left = self._services.budget.left_for_reads(len(self._attempted))
        return left >= len(self._first) + 1

    def _may_read_again(self, *, is_tail: bool) -> bool:
        """Whether the allowance carries a re-read besides every first one still to come.

        The spare calls are kept for the tail, where the news is; until then only the tenth of a
        call each lead brings is spent.
        """
        if self._services.budget.is_reading_paused:
            return False
        # Two for an unknown send: only two look-ups that agree prove it absent.
        reserved = len(self._first) + 2 * len(self._unknown) + (0 if is_tail else SPARE_CALLS)
        return self._services.budget.left_for_reads(len(self._attempted)) >= reserved + 1

    # --- what a read came to -------------------------------------------------------------------

    def taken_out(self, followed: Followed) -> None:
        """Take a message out of its queue while it is read."""
        for queue in (self._unknown, self._first, self._again):
            if followed in queue:
                queue.remove(followed)
                return

    def no_answer(self, followed: Followed, update: StatusUpdate) -> None:
        """Ask again later; an unknown send stays one, an accepted one counts as read once."""
        growth = 2.0 ** min(followed.tries, _MOST_DOUBLINGS)
        followed.due_at = self._clock.monotonic() + self._again_s() * growth
        followed.tries += 1
        # In order of time: one that is asked ever more rarely must not hold up those behind it.
        insort(self._unknown if update.before.unknown else self._again, followed, key=_due_at)

    def look_again(self, followed: Followed) -> None:
        """Ask once more about an unknown send that WATI does not list."""
        insort(self._unknown, followed, key=_due_at)

    def judge(self, followed: Followed, update: StatusUpdate) -> RunEnd | None:
        """Draw the consequences of a late failure."""
        if update.failure is None:
            return None
        return self._consequences.failed(update.failure, followed.record.phone, late=True)

    def kept(self, followed: Followed, update: StatusUpdate, after: MessageRecord) -> RunEnd | None:
        """Spread a definite answer: report, CRM row, safety rules."""
        if update.kind is LookupKind.ABSENT:
            self._progress.refused(after, _ABSENT, outcome=Outcome.NOT_SENT)
            self._try_absent_again(followed, after)
            return None
        followed.record = after
        self._progress.news(after, update.failure, word=update.word)
        self._outbox.ready(after)
        if after.is_open:
            followed.due_at = self._clock.monotonic() + self._again_s()
            insort(self._again, followed, key=_due_at)
        before = MessageStatus.PENDING if update.before.unknown else update.before.status
        if after.status not in (MessageStatus.DELIVERED, MessageStatus.READ):
            return None
        return self._consequences.arrived(first_word=is_first_arrival(before, after.status))

    def _try_absent_again(self, followed: Followed, after: MessageRecord) -> None:
        if followed.assignment is None or after.attempts >= MAX_UNANSWERED_ATTEMPTS:
            return
        # The row that says "failed" is owed already; the next attempt takes its place.
        row = self._services.ledger.owed_row(after)
        self._absent.append(
            replace(
                followed.assignment,
                spent=after.attempts,
                retry_of_row=row.row_id if row is not None else None,
            )
        )

    def _again_s(self) -> float:
        """Seconds between two reads of one message."""
        # A message that was not delivered at its first read mostly is a few seconds later.
        return max(1.0, self._policy.first_read_s / 2)


def _due_at(followed: Followed) -> float:
    return followed.due_at

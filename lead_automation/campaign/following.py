"""Know which of this run's messages are still to be read, in which order, within the allowance."""

from bisect import insort
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from lead_automation.answers import LookupKind
from lead_automation.campaign.assignment import Assignment
from lead_automation.campaign.batch import ARRIVED, Batch
from lead_automation.campaign.consequences import Consequences
from lead_automation.campaign.ends import RunEnd
from lead_automation.campaign.outbox import ROW_DEADLINE_S, Outbox
from lead_automation.campaign.progress import LeadProgress
from lead_automation.campaign.reading import READ_DEADLINE_S, StatusReader, StatusUpdate
from lead_automation.campaign.safety import is_first_arrival
from lead_automation.campaign.services import Services
from lead_automation.campaign.tracking import Followed, Found, Tracker, looks_apart_s
from lead_automation.models import (
    MAX_UNANSWERED_ATTEMPTS,
    Action,
    ErrorCategory,
    Failure,
    MessageStatus,
    Outcome,
)
from lead_automation.stored import MessageRecord
from lead_automation.wati.failures import is_persons_own

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

    def follow(self, batch: Batch) -> None:
        """Follow a POST's messages from their first read on; unknown ones until they are judged.

        The CRM rows of refused ones may go out in the next wait.
        """
        self._attempted.add(batch.name)
        now = self._clock.monotonic()
        batch.judged_from = now + self._policy.settle_s
        records = [record for record in batch.records.values() if record.may_have_arrived]
        for record in batch.records.values():
            if not record.may_have_arrived:
                self._outbox.ready(record)
        if not records:
            return
        # Of a broadcast that WATI named the unknown ones may be found at its first read.
        if all(record.unknown and record.broadcast_id is None for record in records):
            insort(self._unknown, Followed(batch, records, batch.judged_from), key=_due_at)
        else:
            due_at = now + self._policy.first_read_s
            insort(self._first, Followed(batch, records, due_at), key=_due_at)

    def take_absent(self) -> list[Assignment]:
        """Return, once, the unknown sends that proved absent and may be tried again."""
        taken, self._absent = self._absent, []
        return taken

    def work(self, seconds: float) -> RunEnd | None:
        """Use the wait before a send; return why the run must end, if anything learned says so."""
        until = self._clock.monotonic() + seconds
        return self._tracker.work(until, is_tail=False, row_deadline_s=ROW_DEADLINE_S)

    def read_batches(self, batches: Sequence[Batch], at: float) -> RunEnd | None:
        """Work until a monotonic second, then read what is open of some batches, due or not."""
        wati, stop = self._services.wati, self._services.runtime.stop
        while (wait_s := max(at - self._clock.monotonic(), wati.status_wait_s())) > 0:
            end = self.work(wait_s)
            if end is not None or stop.is_set:
                return end
        found: RunEnd | None = None
        for followed in [*self._first, *self._again]:
            if followed.batch in batches:
                end = self._tracker.read(followed, READ_DEADLINE_S)
                found = found or end
        return found

    def follow_tail(self, until: float, *, settle_unknown: bool) -> RunEnd | None:
        """Follow after the last send.

        Args:
            until: Monotonic second; an unknown send is waited for longer.
            settle_unknown: Wait, once, until every unknown send may be judged.

        Returns:
            Why the run must count as stopped, if a late failure says so.
        """
        fresh = [followed for followed in self._unknown if not followed.tries]
        if settle_unknown and fresh:
            # Two looks each, of which WATI lets about one a second be made.
            apart_s = max(looks_apart_s(self._services, followed) for followed in fresh)
            looks_s = 2 * READ_DEADLINE_S + apart_s + 2 * len(fresh)
            until = max(until, max(followed.due_at for followed in fresh) + looks_s)
        waiting = (*self._unknown, *self._first, *self._again)
        if count := sum(len(followed.records) for followed in waiting):
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
        reserved = (
            len(self._first)
            + 2 * len(self._unknown)
            + (0 if is_tail else self._services.budget.spare_calls)
        )
        return self._services.budget.left_for_reads(len(self._attempted)) >= reserved + 1

    # --- what a read came to -------------------------------------------------------------------

    def taken_out(self, followed: Followed) -> None:
        """Take a message out of its queue while it is read."""
        for queue in (self._unknown, self._first, self._again):
            if followed in queue:
                queue.remove(followed)
                return

    def was_read(self, followed: Followed, found: Found, *, apart_s: float) -> None:
        """Ask again later: about unknown sends until they are settled, and about open messages."""
        asked = [update.before for update in found.unanswered]
        unknown = found.missing + [record for record in asked if record.unknown]
        waiting = [record for record in asked if not record.unknown]
        opened = waiting + [record for record in found.kept if record.is_open]
        growth = 2.0 ** min(followed.tries, _MOST_DOUBLINGS)
        if found.kept:
            followed.batch.read_at = found.at
        if unknown:
            rest = Followed(followed.batch, unknown, tries=followed.tries, looks=followed.looks)
            if found.missing:
                rest.due_at = found.at + apart_s
            elif found.at < followed.batch.judged_from:
                rest.due_at = followed.batch.judged_from
            else:
                rest.due_at = self._clock.monotonic() + self._again_s() * growth
                rest.tries += 1
            # In order of time: one asked ever more rarely must not hold up those behind it.
            insort(self._unknown, rest, key=_due_at)
        if opened:
            # A broadcast that is read anyway tells who wrote back, too.
            opened += [record for record in found.kept if record.may_be_answered]
            rest = Followed(followed.batch, opened, tries=followed.tries)
            rest.due_at = self._clock.monotonic() + self._again_s() * (1 if found.kept else growth)
            rest.tries += not found.kept
            insort(self._again, rest, key=_due_at)

    def judge(self, update: StatusUpdate) -> RunEnd | None:
        """Draw the consequences of a reply or a late failure."""
        phone = update.before.phone
        if update.is_reply:
            self._consequences.replied(phone)
        if update.failure is None:
            return None
        return self._consequences.failed(update.failure, phone, late=True)

    def kept(self, followed: Followed, update: StatusUpdate, after: MessageRecord) -> RunEnd | None:
        """Spread a definite answer: report, CRM row, safety rules."""
        batch = followed.batch
        batch.records[after.lead_id] = after
        if update.kind is LookupKind.ABSENT:
            self._progress.refused(after, _ABSENT, outcome=Outcome.NOT_SENT)
            # Of a batch a later run repeats it: only there it may go through the ramp again.
            if not batch.members:
                self._try_absent_again(batch.assignments.get(after.lead_id), after)
            return None
        if update.failure is not None and not is_persons_own(update.failure):
            batch.failed.add(after.lead_id)
        self._progress.news(after, update.failure, word=update.word)
        self._outbox.ready(after)
        before = MessageStatus.PENDING if update.before.unknown else update.before.status
        if after.status not in ARRIVED:
            return None
        return self._consequences.arrived(first_word=is_first_arrival(before, after.status))

    def _try_absent_again(self, lead: Assignment | None, after: MessageRecord) -> None:
        if lead is None or after.attempts >= MAX_UNANSWERED_ATTEMPTS:
            return
        # The row that says "failed" is owed already; the next attempt takes its place.
        row = self._services.ledger.owed_row(after)
        self._absent.append(
            replace(
                lead,
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

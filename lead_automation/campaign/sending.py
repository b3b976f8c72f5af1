"""Send a batch: wait for the slot, check, reserve, POST, settle; again only what never left.

A single message is a batch of one: the same path for every version of WATI's API.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from msgspec import structs

from lead_automation.campaign.assignment import Assignment
from lead_automation.campaign.batch import batch_of
from lead_automation.campaign.batching import Batching
from lead_automation.campaign.consequences import Consequences
from lead_automation.campaign.ends import RunEnd, out_of_quota, stopped
from lead_automation.campaign.following import Follower
from lead_automation.campaign.gate import Gate, quiet_reason
from lead_automation.campaign.identity import PostNames
from lead_automation.campaign.pacing import (
    ATTEMPTS_IN_PLACE,
    RATE_LIMIT_WAIT_S,
    Pacer,
    retry_delay_s,
)
from lead_automation.campaign.progress import LeadProgress
from lead_automation.campaign.quota import CounsellorQuota
from lead_automation.campaign.services import Services
from lead_automation.campaign.template import compose_message
from lead_automation.models import Action, ErrorCategory, Outcome, SendAttempt, TemplateMessage
from lead_automation.state.steps import Reservation
from lead_automation.stored import MessageRecord, Suppression
from lead_automation.wati.failures import is_persons_own

_LOOK_HOLDS_S = 1.0
"""So long hours, hold, suppression and stop signal hold true once they were asked: what a disk
takes for a reservation by far, and no more than a person notices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What sending one lead came to.

    Attributes:
        attempt: The last POST's outcome; None when none was made.
        suppressed: The number was suppressed meanwhile; nothing was sent.
        quiet: Why its number is not written to at this hour.
        has_no_quota: Nobody had quota left for it.
    """

    attempt: SendAttempt | None = None
    suppressed: Suppression | None = None
    quiet: str = ""
    has_no_quota: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Post:
    """What one POST carries, reserved; both in its order."""

    leads: Sequence[Assignment]
    records: Sequence[MessageRecord]


class Sender:
    """The one place messages are sent from."""

    def __init__(
        self,
        services: Services,
        *,
        gate: Gate,
        quota: CounsellorQuota,
        follower: Follower,
        consequences: Consequences,
        progress: LeadProgress,
    ) -> None:
        self._services = services
        self._gate = gate
        self._quota = quota
        self._follower = follower
        self._consequences = consequences
        self._progress = progress
        self._batching = Batching(services, gate=gate, follower=follower)
        self._names: PostNames | None = None
        if services.is_v3:
            self._names = PostNames(services.settings.wati.broadcast_name, services.run_id)
        self._pacer = Pacer(
            services.settings.pacing, clock=services.clock, chance=services.runtime.chance
        )
        self.last_start = services.clock.monotonic()
        self._looked_at = self.last_start

    @property
    def size(self) -> int:
        """How many leads the next POST may carry."""
        return self._batching.size

    def wait_for_room(self) -> RunEnd | None:
        """Wait until a further batch may be gathered; return why none may."""
        return self._batching.wait()

    def send(self, leads: Sequence[Assignment]) -> tuple[list[Sent], RunEnd | None]:
        """Send a batch, in at most three attempts that certainly did not arrive.

        Args:
            leads: No more than ``size``, no number twice.

        Returns:
            What it came to for each lead, in order, and why the run ends here.
        """
        sent = {lead.recipient.lead_id: Sent() for lead in leads}
        waiting, end, number = list(leads), None, 0
        while waiting and (end := self._wait()) is None:
            number += 1
            waiting = self._cleared(waiting, sent)
            if not waiting:
                break
            post, end = self._look_again(self._reserve(waiting), sent)
            if not post.leads:
                break
            attempts = self._services.wati.send_messages(self._messages(post))
            for lead, attempt in zip(post.leads, attempts, strict=True):
                sent[lead.recipient.lead_id] = Sent(attempt=attempt)
            waiting, end = self._settle(post, attempts, number)
            if waiting and attempts[0].send_alone:
                end = self._send_alone(waiting, sent)
                break
            if waiting:
                end = self._follower.work(self._delay_s(number, attempts[0]))
            if end is not None:
                break
        is_short = any(its.has_no_quota for its in sent.values())
        return list(sent.values()), end or (out_of_quota() if is_short else None)

    def _send_alone(self, leads: Sequence[Assignment], sent: dict[str, Sent]) -> RunEnd | None:
        """Send each lead of a batch by itself: one of them was why nobody was sent."""
        for lead in leads:
            [its], end = self.send([lead])
            lead_id = lead.recipient.lead_id
            sent[lead_id] = its if its.attempt else replace(its, attempt=sent[lead_id].attempt)
            if end is not None:
                return end
        return None

    def _wait(self) -> RunEnd | None:
        """Wait for the slot, then look once more whether anything may go out."""
        # In a loop: a read made in the wait counts against WATI's limit too and may move the slot.
        while (wait_s := self._slot_in_s()) > 0:
            end = self._follower.work(wait_s)
            if end is not None or (end := self._gate.end_now()) is not None:
                return end
        self._looked_at = self._services.clock.monotonic()  # before: a look may take long itself
        return self._gate.end_now()

    def _look_again(self, post: _Post, sent: dict[str, Sent]) -> tuple[_Post, RunEnd | None]:
        """Look once more where the reservation took so long that the answer may be another one.

        A stalled disk; or a machine that stood still and may have lost its database, and the lock.
        Who may not be written to any more is withdrawn from the POST.

        Raises:
            StateError: The state does not answer any more: nothing may be sent.
        """
        is_fresh = self._services.clock.monotonic() - self._looked_at <= _LOOK_HOLDS_S
        end = None if is_fresh else self._gate.end_now()
        pairs = list(zip(post.leads, post.records, strict=True))
        kept = [pair for pair in pairs if is_fresh or (not end and not self._blocks(pair[0], sent))]
        if gone := [record for lead, record in pairs if (lead, record) not in kept]:
            self._services.ledger.withdraw(gone)
        # Only now: in the report a lead that was not POSTed is skipped or not reached.
        for lead, record in kept:
            self._progress.attempted(lead.row, record)
        leads, records = [lead for lead, _ in kept], [record for _, record in kept]
        return _Post(leads=leads, records=records), end

    def _blocks(self, lead: Assignment, sent: dict[str, Sent]) -> bool:
        """Whether a number may not be written to any more; note why."""
        services, phone = self._services, lead.recipient.phone
        found = services.state.suppressions.find(phone, services.clock.now())
        quiet = quiet_reason(services, phone) if found is None else ""
        if found is None and not quiet:
            return False
        lead_id = lead.recipient.lead_id
        sent[lead_id] = replace(sent[lead_id], suppressed=found, quiet=quiet)
        return True

    def _cleared(self, leads: Sequence[Assignment], sent: dict[str, Sent]) -> list[Assignment]:
        """Return the leads that may still be messaged, each with a counsellor who has quota left.

        Asked at every attempt: an operator may have suppressed a number while it waited, and the
        wait may have crossed midnight or used up the quota.
        """
        cleared = []
        self._quota.planned.clear()
        for lead in leads:
            if self._blocks(lead, sent):
                continue
            counsellor = self._quota.choose(lead.counsellor)
            if counsellor is None:
                lead_id = lead.recipient.lead_id
                sent[lead_id] = replace(sent[lead_id], has_no_quota=True)
                continue
            # The batch counts before it is reserved, so that it passes nobody's limit.
            self._quota.planned[counsellor.name] += 1
            row = structs.replace(lead.row, counsellor=counsellor.name)
            cleared.append(replace(lead, counsellor=counsellor, row=row))
        self._quota.planned.clear()
        return cleared

    def _slot_in_s(self) -> float:
        services = self._services
        own_s = self._pacer.next_start - services.clock.monotonic()
        return max(own_s, services.wati.send_wait_s())

    def _reserve(self, leads: Sequence[Assignment]) -> _Post:
        """Put on disk that these leads are about to be messaged; the pace counts from here."""
        services = self._services
        # A POST that is repeated gets another name: each must be found by itself.
        identity = self._names.next(len(leads)) if self._names is not None else None
        wanted = [
            Reservation(
                lead_id=lead.recipient.lead_id,
                phone=lead.recipient.phone,
                template=services.settings.wati.template,
                counsellor=lead.counsellor.name,
                daily_limit=lead.counsellor.daily_limit,
                attempt=lead.spent + 1,
                retry_of_row=lead.retry_of_row,
                given_id=lead.recipient.given_id,
                message_id=identity.message_ids[place] if identity else None,
                broadcast_name=identity.broadcast_name if identity else None,
            )
            for place, lead in enumerate(leads)
        ]
        clock = services.clock
        records = services.ledger.reserve(
            wanted, day=services.today(), at=clock.now(), is_dated=clock.is_trusted
        )
        # The pace runs from start to start, so a slow answer is no extra wait.
        self._pacer.started(len(leads))
        self.last_start = clock.monotonic()
        return _Post(leads=leads, records=records)

    def _messages(self, post: _Post) -> list[TemplateMessage]:
        wati, messages = self._services.settings.wati, []
        for lead, record in zip(post.leads, post.records, strict=True):
            message = compose_message(
                lead.recipient, lead.counsellor, wati=wati, order=lead.parameter_order
            )
            if record.broadcast_name is not None:
                name, message_id = record.broadcast_name, record.message_id
                message = structs.replace(message, broadcast_name=name, message_id=message_id)
            messages.append(message)
        return messages

    def _settle(
        self, post: _Post, attempts: Sequence[SendAttempt], number: int
    ) -> tuple[list[Assignment], RunEnd | None]:
        """Draw the outcomes' consequences, then write them down, as one.

        In this order: a crash in between leaves the messages unknown and the hold in force.

        Args:
            post: What was POSTed.
            attempts: What is known of each of its messages.
            number: Of the attempt, from 1.

        Returns:
            The leads that are tried again in this place, and why the run ends.
        """
        again = attempts[0].send_alone or (
            number < ATTEMPTS_IN_PLACE and all(map(_may_repeat, attempts))
        )
        ledger, batch = self._services.ledger, batch_of(post.records)
        end = None if again else self._conclude(post.leads, attempts)
        settled = list(zip(post.records, attempts, strict=True))
        records = ledger.settle(settled, at=self._services.clock.now())
        leads = []
        for lead, record, attempt in zip(post.leads, records, attempts, strict=True):
            self._say(record, attempt, again=again)
            owed = ledger.owed_row(record) if not record.may_have_arrived else None
            leads.append(replace(lead, retry_of_row=owed.row_id if owed else None))
            batch.records[record.lead_id] = record
            batch.assignments[record.lead_id] = lead
            if attempt.outcome is Outcome.REFUSED and not is_persons_own(attempt.reason):
                batch.failed.add(record.lead_id)
        if not again:
            batch.started = self.last_start
            batch.is_unknown = all(record.unknown for record in records)
            self._follower.follow(batch)
            # What never left says nothing of template and account.
            if any(attempt.outcome is not Outcome.NOT_SENT for attempt in attempts):
                self._batching.sent(batch)
        return leads if again else [], end

    def _say(self, record: MessageRecord, attempt: SendAttempt, *, again: bool) -> None:
        if attempt.outcome is Outcome.ACCEPTED:
            self._progress.accepted(record)
        elif attempt.outcome is Outcome.UNKNOWN:
            self._progress.unknown(record, attempt.reason)
        else:
            self._progress.refused(
                record, attempt.reason, outcome=attempt.outcome, tried_again=again
            )

    def _conclude(
        self, leads: Sequence[Assignment], attempts: Sequence[SendAttempt]
    ) -> RunEnd | None:
        """Draw the consequences of a POST that is not repeated."""
        if any(attempt.outcome is Outcome.ACCEPTED for attempt in attempts):
            # Of what its yes leaves open the broadcast's own list will tell.
            self._consequences.accepted()
            return None
        end: RunEnd | None = None
        for lead, attempt in zip(leads, attempts, strict=True):
            drawn = self._conclude_one(lead, attempt)
            end = end or drawn
            if attempt.outcome is not Outcome.REFUSED:
                break  # what befell the POST befell it once, however many it carried
        return end

    def _conclude_one(self, lead: Assignment, attempt: SendAttempt) -> RunEnd | None:
        failure = attempt.reason
        end = self._consequences.failed(
            failure,
            lead.recipient.phone,
            late=False,
            is_final=attempt.outcome is not Outcome.UNKNOWN,
        )
        # A rate limit that outlasts three waits of its window is no rate limit any more.
        is_limit = failure.category is ErrorCategory.QUOTA_EXCEEDED
        if end is None and is_limit and _may_repeat(attempt):
            reason = f"{failure.category.name}: {failure.text} ({ATTEMPTS_IN_PLACE} attempts)"
            return stopped(reason, category=failure.category)
        return end

    def _delay_s(self, number: int, attempt: SendAttempt) -> float:
        if attempt.retry_after_s is not None:
            return attempt.retry_after_s
        if attempt.reason.category is ErrorCategory.QUOTA_EXCEEDED:
            return RATE_LIMIT_WAIT_S
        return retry_delay_s(number, self._services.runtime.chance())


def _may_repeat(attempt: SendAttempt) -> bool:
    """Return whether the same lead may be tried again in place: it certainly got nothing."""
    if attempt.outcome is Outcome.NOT_SENT:
        return attempt.may_retry
    return attempt.outcome is Outcome.REFUSED and attempt.reason.action is Action.WAIT

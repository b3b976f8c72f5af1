"""Send messages: wait for the slot, check, reserve, POST, settle; again only what never left."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from msgspec import structs

from lead_automation.campaign.assignment import Assignment
from lead_automation.campaign.consequences import Consequences
from lead_automation.campaign.ends import RunEnd, out_of_quota, stopped
from lead_automation.campaign.following import Follower
from lead_automation.campaign.gate import Gate, quiet_reason
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

_LOOK_HOLDS_S = 1.0
"""So long hours, hold, suppression and stop signal hold true once they were asked: what a disk
takes for a reservation by far, and no more than a person notices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What sending one lead came to.

    Attributes:
        attempt: The last POST's outcome; None when none was made.
        end: Why the run ends here.
        suppressed: The number was suppressed meanwhile; nothing was sent.
    """

    attempt: SendAttempt | None = None
    end: RunEnd | None = None
    suppressed: Suppression | None = None
    quiet: str = ""


class Sender:
    """The one place a message is sent from."""

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
        self._pacer = Pacer(
            services.settings.pacing, clock=services.clock, chance=services.runtime.chance
        )
        self.last_start = services.clock.monotonic()
        self._looked_at = self.last_start

    def send(self, lead: Assignment) -> Sent:
        """Send one lead's message, in at most three attempts that certainly did not arrive."""
        last = Sent()
        for number in range(1, ATTEMPTS_IN_PLACE + 1):
            blocked = self._wait_and_check(lead)
            if blocked is not None:
                return replace(blocked, attempt=last.attempt)
            # Asked at every attempt: the wait may have crossed midnight or used up the quota.
            counsellor = self._quota.choose(lead.counsellor)
            if counsellor is None:
                return Sent(attempt=last.attempt, end=out_of_quota())
            if counsellor is not lead.counsellor:
                row = structs.replace(lead.row, counsellor=counsellor.name)
                lead = replace(lead, counsellor=counsellor, row=row)
            [record] = self._reserve([lead])
            blocked = self._look_again(lead)
            if blocked is not None:
                self._services.ledger.withdraw([record])
                return replace(blocked, attempt=last.attempt)
            # Only now: in the report a lead that was not POSTed is skipped or not reached.
            self._progress.attempted(lead.row, record)
            [attempt] = self._services.wati.send_messages([self._message(lead)])
            again = number < ATTEMPTS_IN_PLACE and _may_repeat(attempt)
            record, end = self._settle(lead, record, attempt, again=again)
            last = Sent(attempt=attempt, end=end)
            if not again:
                break
            owed = self._services.ledger.owed_row(record)
            lead = replace(lead, retry_of_row=owed.row_id if owed else None)
            end = self._follower.work(self._delay_s(number, attempt))
            if end is not None:
                return replace(last, end=end)
        return last

    def _wait_and_check(self, lead: Assignment) -> Sent | None:
        """Wait for the slot, then look once more whether this message may go out."""
        # In a loop: a read made in the wait counts against WATI's limit too and may move the slot.
        while (wait_s := self._slot_in_s()) > 0:
            end = self._follower.work(wait_s)
            if end is not None or (end := self._gate.end_now()) is not None:
                return Sent(end=end)
        return self._look(lead)

    def _look_again(self, lead: Assignment) -> Sent | None:
        """Look once more where the reservation took so long that the answer may be another one.

        A stalled disk; or a machine that stood still and may have lost its database, and the lock.

        Raises:
            StateError: The state does not answer any more: nothing may be sent.
        """
        age_s = self._services.clock.monotonic() - self._looked_at
        return self._look(lead) if age_s > _LOOK_HOLDS_S else None

    def _look(self, lead: Assignment) -> Sent | None:
        """Return why this message may not go out now; None when it may."""
        services = self._services
        self._looked_at = services.clock.monotonic()  # before all: the look may take long itself
        end = self._gate.end_now()
        if end is not None:
            return Sent(end=end)
        # Last of all: an operator may have added the number while this lead waited for its slot.
        found = services.state.suppressions.find(lead.recipient.phone, services.clock.now())
        if found is not None:
            return Sent(suppressed=found)
        quiet = quiet_reason(services, lead.recipient.phone)
        return Sent(quiet=quiet) if quiet else None

    def _slot_in_s(self) -> float:
        services = self._services
        own_s = self._pacer.next_start - services.clock.monotonic()
        return max(own_s, services.wati.send_wait_s())

    def _reserve(self, leads: Sequence[Assignment]) -> list[MessageRecord]:
        """Put on disk that these leads are about to be messaged; the pace counts from here."""
        services = self._services
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
            )
            for lead in leads
        ]
        clock = services.clock
        records = services.ledger.reserve(
            wanted, day=services.today(), at=clock.now(), is_dated=clock.is_trusted
        )
        # The pace runs from start to start, so a slow answer is no extra wait.
        self._pacer.started()
        self.last_start = clock.monotonic()
        return records

    def _message(self, lead: Assignment) -> TemplateMessage:
        return compose_message(
            lead.recipient,
            lead.counsellor,
            wati=self._services.settings.wati,
            order=lead.parameter_order,
        )

    def _settle(
        self, lead: Assignment, record: MessageRecord, attempt: SendAttempt, *, again: bool
    ) -> tuple[MessageRecord, RunEnd | None]:
        """Draw an outcome's consequences, then write it down; return the record and the end.

        In this order: a crash in between leaves the message unknown and the hold in force.
        """
        is_accepted = attempt.outcome is Outcome.ACCEPTED
        end = None if is_accepted or again else self._conclude(lead, attempt)
        [record] = self._services.ledger.settle([(record, attempt)], at=self._services.clock.now())
        if is_accepted:
            self._progress.accepted(record)
            self._consequences.accepted()
            self._follower.follow(lead, record)
        elif attempt.outcome is Outcome.UNKNOWN:
            self._progress.unknown(record, attempt.reason)
            self._follower.follow(lead, record)
        else:
            self._progress.refused(
                record, attempt.reason, outcome=attempt.outcome, tried_again=again
            )
            if not again:
                self._follower.refused(record)
        return record, end

    def _conclude(self, lead: Assignment, attempt: SendAttempt) -> RunEnd | None:
        """Draw the consequences of a lead's last attempt."""
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

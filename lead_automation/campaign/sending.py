"""Send one message: wait for the slot, check, reserve, POST, settle; again only what never left."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol

from msgspec import structs

from lead_automation.campaign.board import Board
from lead_automation.campaign.consequences import Consequences
from lead_automation.campaign.ends import RunEnd, out_of_quota, stopped
from lead_automation.campaign.gate import Gate
from lead_automation.campaign.pacing import (
    ATTEMPTS_IN_PLACE,
    RATE_LIMIT_WAIT_S,
    BackoffPolicy,
    Pacer,
    retry_delay_s,
)
from lead_automation.campaign.ports import WatiPort
from lead_automation.clock import Chance, Clock
from lead_automation.models import (
    Action,
    Counsellor,
    ErrorCategory,
    Failure,
    MessageRecord,
    Outcome,
    Recipient,
    SendAttempt,
    Suppression,
    TemplateMessage,
)
from lead_automation.runs import LeadRow
from lead_automation.state.ledger import Ledger, Reservation


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One lead on its way.

    Attributes:
        row: As the report shows it, the counsellor's name in it.
        spent: Attempts of earlier sends that proved absent; the next one is spent + 1.
        retry_of_row: Id of the owed CRM row a further attempt makes obsolete.
    """

    row: LeadRow
    recipient: Recipient
    counsellor: Counsellor
    spent: int = 0
    retry_of_row: str | None = None


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


class FollowPort(Protocol):
    """Takes over a message once it was sent, and works in the waits between sends."""

    def work(self, seconds: float) -> RunEnd | None:
        """Use a wait; return why the run must end, if anything was learned that says so."""
        ...

    def follow(self, delivery: Delivery, record: MessageRecord) -> None:
        """Follow an accepted message."""
        ...

    def put_aside(self, delivery: Delivery, record: MessageRecord) -> None:
        """Keep a send whose fate is unknown."""
        ...

    def row_ready(self, record: MessageRecord) -> None:
        """Let a refused message's CRM row go out."""
        ...


Compose = Callable[[Recipient, Counsellor], TemplateMessage]
Choose = Callable[[Counsellor], Counsellor | None]
QuotaDay = Callable[[datetime], tuple[date, datetime]]


class Sender:
    """The one place a message is sent from."""

    def __init__(
        self,
        *,
        wati: WatiPort,
        ledger: Ledger,
        gate: Gate,
        pacer: Pacer,
        follower: FollowPort,
        consequences: Consequences,
        board: Board,
        compose: Compose,
        choose: Choose,
        quota_day: QuotaDay,
        clock: Clock,
        chance: Chance,
    ) -> None:
        self._wati = wati
        self._ledger = ledger
        self._gate = gate
        self._pacer = pacer
        self._follower = follower
        self._consequences = consequences
        self._board = board
        self._compose = compose
        self._choose = choose
        self._quota_day = quota_day
        self._clock = clock
        self._chance = chance
        self._backoff = BackoffPolicy()
        self.last_start = clock.monotonic()

    def send(self, delivery: Delivery) -> Sent:
        """Send one lead's message, in at most three attempts that certainly did not arrive."""
        last = Sent()
        for number in range(1, ATTEMPTS_IN_PLACE + 1):
            blocked = self._wait_and_check(delivery)
            if blocked is not None:
                return replace(blocked, attempt=last.attempt)
            counsellor = self._choose(delivery.counsellor)
            if counsellor is None:
                return Sent(attempt=last.attempt, end=out_of_quota())
            if counsellor is not delivery.counsellor:
                row = structs.replace(delivery.row, counsellor=counsellor.name)
                delivery = replace(delivery, counsellor=counsellor, row=row)
            record, attempt = self._post(delivery)
            is_last = number == ATTEMPTS_IN_PLACE
            record, end = self._settle(delivery, record, attempt, is_last=is_last)
            last = Sent(attempt=attempt, end=end)
            if last.end is not None or is_last or not _may_repeat(attempt):
                break
            delivery = self._after_failed_attempt(delivery, record)
            end = self._follower.work(self._delay_s(number, attempt))
            if end is not None:
                return replace(last, end=end)
        return last

    def _wait_and_check(self, delivery: Delivery) -> Sent | None:
        """Wait for the slot, then look once more whether this message may go out."""
        while (wait_s := self._slot_in_s()) > 0:
            end = self._follower.work(wait_s)
            if end is not None or (end := self._gate.end_now()) is not None:
                return Sent(end=end)
        end = self._gate.end_now()
        if end is not None:
            return Sent(end=end)
        suppression = self._gate.suppression_of(delivery.recipient.phone)
        return Sent(suppressed=suppression) if suppression is not None else None

    def _slot_in_s(self) -> float:
        return max(self._pacer.next_start - self._clock.monotonic(), self._wati.send_wait_s())

    def _post(self, delivery: Delivery) -> tuple[MessageRecord, SendAttempt]:
        """Reserve on disk, then make the one POST."""
        message = self._compose(delivery.recipient, delivery.counsellor)
        now = self._clock.now()
        wanted = Reservation(
            lead_id=delivery.recipient.lead_id,
            phone=delivery.recipient.phone,
            template=message.template,
            counsellor=delivery.counsellor.name,
            attempt=delivery.spent + 1,
            retry_of_row=delivery.retry_of_row,
        )
        [record] = self._ledger.reserve([wanted], day=self._quota_day(now)[0], at=now)
        self._board.attempted(delivery.row, record)
        self._pacer.started()
        self.last_start = self._clock.monotonic()
        return record, self._wati.send_template_message(message)

    def _settle(
        self, delivery: Delivery, record: MessageRecord, attempt: SendAttempt, *, is_last: bool
    ) -> tuple[MessageRecord, RunEnd | None]:
        """Write the outcome down and draw its consequences; return the record and the end."""
        now = self._clock.now()
        [record] = self._ledger.settle([(record, attempt)], at=now)
        if attempt.outcome is Outcome.ACCEPTED:
            self._board.accepted(record)
            self._consequences.accepted()
            self._follower.follow(delivery, record)
            return record, None
        failure = attempt.reason
        if attempt.outcome is Outcome.UNKNOWN:
            self._board.unknown(record, failure)
            self._follower.put_aside(delivery, record)
        again = _may_repeat(attempt) and not is_last
        if attempt.outcome is not Outcome.UNKNOWN:
            self._board.refused(record, failure, outcome=attempt.outcome, tried_again=again)
        if again:
            return record, None
        return record, self._conclude(delivery, record, attempt, failure)

    def _conclude(
        self, delivery: Delivery, record: MessageRecord, attempt: SendAttempt, failure: Failure
    ) -> RunEnd | None:
        """Draw the consequences of a lead's last attempt."""
        if attempt.outcome is not Outcome.UNKNOWN:
            self._follower.row_ready(record)
        now = self._clock.now()
        end = self._consequences.failed(
            failure,
            delivery.recipient.phone,
            late=False,
            now=now,
            day_ends=self._quota_day(now)[1],
            is_final=attempt.outcome is not Outcome.UNKNOWN,
        )
        if (
            end is None
            and _may_repeat(attempt)
            and failure.category is ErrorCategory.QUOTA_EXCEEDED
        ):
            reason = f"{failure.category.name}: {failure.text} ({ATTEMPTS_IN_PLACE} attempts)"
            return stopped(reason, category=failure.category)
        return end

    def _after_failed_attempt(self, delivery: Delivery, record: MessageRecord) -> Delivery:
        """Return the delivery for the next attempt; it replaces the row owed for this one."""
        row = self._ledger.owed_row(record)
        return replace(delivery, retry_of_row=row.row_id if row else None)

    def _delay_s(self, number: int, attempt: SendAttempt) -> float:
        if attempt.retry_after_s is not None:
            return attempt.retry_after_s
        failure = attempt.reason
        if failure.category is ErrorCategory.QUOTA_EXCEEDED:
            return RATE_LIMIT_WAIT_S
        return retry_delay_s(number, self._backoff, self._chance())


def _may_repeat(attempt: SendAttempt) -> bool:
    """Return whether the same lead may be tried again in place: it certainly got nothing."""
    if attempt.outcome is Outcome.NOT_SENT:
        return attempt.may_retry
    return attempt.outcome is Outcome.REFUSED and attempt.reason.action is Action.WAIT

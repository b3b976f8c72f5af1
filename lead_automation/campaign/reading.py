"""Ask WATI once what became of a message, and write down the answer."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lead_automation.answers import LookupKind, StatusLookup
from lead_automation.campaign.ports import WatiPort
from lead_automation.campaign.preflight import MAX_CLOCK_OFFSET_S
from lead_automation.clock import Clock
from lead_automation.models import Failure, MessageRecord, MessageStatus
from lead_automation.state.ledger import Ledger
from lead_automation.text import clean, mask_numbers

GRACE = timedelta(minutes=1)
"""A row may be a minute older than our reservation: two clocks, compared after correction."""

EARLIER_GRACE = GRACE + 2 * timedelta(seconds=MAX_CLOCK_OFFSET_S)
"""The same for a message of an earlier run: our clock may have been set since, and only the offset
of today is measured. It was, and is, less than MAX_CLOCK_OFFSET_S off WATI's."""

READ_DEADLINE_S = 3.0
"""A status read is worth no longer wait than this; it can be made again later."""

READ_WINDOW_S = 10.0
"""WATI counts reads per 10 seconds (https://docs.wati.io/reference/errors, read 2026-11-22)."""

_log = logging.getLogger(__name__)

OnFailure = Callable[[Failure], None]
"""Draw the consequences of a failure."""

Advance = Callable[[MessageStatus, MessageStatus], MessageStatus]
"""Known and reported status to the one that holds now; never backwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What a read changed.

    Attributes:
        before, after: The record, the same when nothing was learned.
        kind: FOUND; ABSENT for an unknown send that definitely is not there; else NO_ANSWER.
        failure: Set when the message is now known to have failed.
        is_wati_away: For NO_ANSWER: no other message would get one now either.
        detail: Why there is no answer; of a message still pending, WATI's own status word.
    """

    before: MessageRecord
    after: MessageRecord
    kind: LookupKind
    failure: Failure | None = None
    detail: str = ""
    is_wati_away: bool = True

    @property
    def settled(self) -> bool:
        """Whether an unknown send was found."""
        return self.before.unknown and not self.after.unknown and self.kind is LookupKind.FOUND


class StatusReader:
    """Read one message's status."""

    def __init__(
        self,
        *,
        wati: WatiPort,
        ledger: Ledger,
        clock: Clock,
        advance: Advance,
        settle_s: float,
        grace: timedelta = GRACE,
    ) -> None:
        """Join the collaborators.

        Args:
            wati: Asked.
            ledger: Where a definite answer is kept.
            clock: Wall and steady clock.
            advance: Which status holds now.
            settle_s: Age before an unknown send may be judged absent, in seconds.
            grace: How much older than its reservation a message may be.
        """
        self._wati = wati
        self._ledger = ledger
        self._clock = clock
        self._advance = advance
        self._settle_s = settle_s
        self._grace = grace
        self._most_ahead = self._ahead()

    def wait_s(self) -> float:
        """Seconds until the vendor's limit allows a read."""
        return self._wati.status_wait_s()

    def read(
        self,
        record: MessageRecord,
        *,
        deadline_s: float = READ_DEADLINE_S,
        on_failure: OnFailure | None = None,
    ) -> News:
        """Ask once; keep a definite answer in the ledger, leave everything as it is otherwise.

        Args:
            record: The message asked about.
            deadline_s: Seconds for the whole look-up.
            on_failure: Draws the consequences of a failure learned now. Called before the answer
                is kept: once it is, nobody asks again, and a hold would be lost with a crash.
        """
        if record.phone is None or record.template is None or record.sent_at is None:
            return News(before=record, after=record, kind=LookupKind.NO_ANSWER)
        lookup = self._wati.get_delivery_status(
            record.phone,
            template=record.template,
            message_id=record.message_id,
            not_before=record.sent_at - self._grace - self._set_back(),
            deadline_s=deadline_s,
        )
        if self._is_clock_off():
            lookup = StatusLookup(kind=LookupKind.NO_ANSWER, detail="our clock is not trustworthy")
        match lookup.kind:
            case LookupKind.FOUND:
                return self._found(record, lookup, on_failure)
            case LookupKind.ABSENT:
                return self._absent(record)
            case LookupKind.NO_ANSWER:
                why = mask_numbers(clean(lookup.detail))
                _log.debug("Lead %s: a status read had no answer: %s", record.lead_id, why)
                return News(
                    before=record,
                    after=record,
                    kind=lookup.kind,
                    detail=lookup.detail,
                    is_wati_away=lookup.is_wati_away,
                )

    def is_due(self, record: MessageRecord) -> bool:
        """Whether an unknown send is old enough to be judged."""
        known_at = record.updated_at or record.sent_at
        return known_at is None or self._clock.now() - known_at >= timedelta(seconds=self._settle_s)

    def _is_clock_off(self) -> bool:
        """Whether our wall clock is too far off WATI's to judge a message or to date anything."""
        return abs(self._wati.clock_offset_s or 0.0) > MAX_CLOCK_OFFSET_S

    def _set_back(self) -> timedelta:
        """Return how far the wall clock was set back in this run.

        The reservation was written by the clock before that, WATI's offset is measured after it.
        """
        ahead = self._ahead()
        self._most_ahead = max(self._most_ahead, ahead)
        return self._most_ahead - ahead

    def _ahead(self) -> timedelta:
        """Return the wall clock minus the steady one; grows and shrinks only as it is set."""
        steady = timedelta(seconds=self._clock.monotonic())
        return self._clock.now() - datetime.fromtimestamp(0, UTC) - steady

    def _found(
        self, record: MessageRecord, lookup: StatusLookup, on_failure: OnFailure | None
    ) -> News:
        status = self._advance(
            MessageStatus.PENDING if record.unknown else record.status, lookup.status
        )
        if record.unknown and status is MessageStatus.PENDING:
            status = MessageStatus.SENT  # it is in WATI's list: taken, whatever the word says
        changed = record.unknown or status is not record.status
        failure = lookup.failure if status is MessageStatus.FAILED and changed else None
        if failure is not None and on_failure is not None:
            on_failure(failure)
        after = self._ledger.reading(
            record,
            status=status,
            at=self._clock.now(),
            message_id=lookup.message_id or record.message_id,
            failure=failure,
        )
        word = lookup.raw_status if lookup.status is MessageStatus.PENDING else ""
        return News(before=record, after=after, kind=LookupKind.FOUND, failure=failure, detail=word)

    def _absent(self, record: MessageRecord) -> News:
        """Judge a definite "not there": for an accepted message it only means "not yet"."""
        now = self._clock.now()
        if not record.unknown:
            after = self._ledger.reading(
                record, status=record.status, at=now, message_id=record.message_id, failure=None
            )
            return News(before=record, after=after, kind=LookupKind.FOUND)
        if not self.is_due(record):
            return News(before=record, after=record, kind=LookupKind.NO_ANSWER)
        after = self._ledger.absent(record, at=now)
        return News(before=record, after=after, kind=LookupKind.ABSENT)

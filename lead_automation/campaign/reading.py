"""Ask WATI once what became of a message, decide what the answer means, and write it down."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from msgspec import structs

from lead_automation.answers import BroadcastLookup, BroadcastQuery, LookupKind, StatusLookup
from lead_automation.campaign.services import Services
from lead_automation.clock import MAX_OFFSET_S
from lead_automation.models import Failure, MessageStatus
from lead_automation.stored import MessageRecord
from lead_automation.text import safe_outside
from lead_automation.wati.delivery import advance
from lead_automation.wati.lookup import no_answer

GRACE = timedelta(minutes=1)
"""A row may be a minute older than our reservation: times in state are WATI's, but its servers may
differ by seconds. One older still that may be ours is a doubt: see ``wati.lookup``."""

_UNDATED = timedelta(seconds=MAX_OFFSET_S)
"""Further in doubt is a time that was written before WATI had told its own."""

READ_DEADLINE_S = 3.0
"""A status read is worth no longer wait than this; it can be made again later."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusUpdate:
    """What a read says of one message.

    Attributes:
        before: The record asked about.
        kind: FOUND; ABSENT for an unknown send that definitely is not there; else NO_ANSWER.
        status: For FOUND: the status that holds now; never lower than before.
        message_id: For FOUND: WATI's, where the row has one.
        broadcast_id: For FOUND on v3: of the broadcast that lists it.
        is_reply: For FOUND on v3: the person wrote back, and that is news.
        failure: Set when the message is now known to have failed.
        word: Of a message still pending: WATI's own status word.
        is_wati_away: For NO_ANSWER: no other message would get one now either.
    """

    before: MessageRecord
    kind: LookupKind
    status: MessageStatus = MessageStatus.PENDING
    message_id: str | None = None
    broadcast_id: str | None = None
    is_reply: bool = False
    failure: Failure | None = None
    word: str = ""
    is_wati_away: bool = False


class StatusReader:
    """Read what became of messages."""

    def __init__(self, services: Services) -> None:
        """Join the collaborators: WATI is asked, the ledger keeps a definite answer."""
        self._services = services
        self._settle = timedelta(seconds=services.settings.local.tracking.settle_s)

    def ask(
        self, records: Sequence[MessageRecord], *, members: Mapping[str, str], deadline_s: float
    ) -> list[StatusUpdate]:
        """Ask once about messages; nothing is written yet, so that consequences can come first.

        Args:
            records: What one look-up can tell of: one message, or some of one v3 POST.
            members: v3: the number of every message of that POST by our id.
            deadline_s: Seconds for the whole look-up.
        """
        # By what the message went out with: the account may have changed to another API since.
        if records[0].broadcast_name is None:
            lookups = [self._look_up(record, deadline_s) for record in records]
        else:
            lookups = self._look_up_batch(records, members, deadline_s)
        if self._services.clock.was_never_right:
            # Not even an id that is found may be kept: its record would have to be dated.
            doubt = no_answer("our clock is not trustworthy", is_wati_away=True)
            lookups = [doubt] * len(records)
        return [self._judge(*pair) for pair in zip(records, lookups, strict=True)]

    def keep(self, update: StatusUpdate) -> MessageRecord:
        """Write a definite answer down; return the record as it is now known."""
        now = self._services.clock.now()
        if update.kind is LookupKind.ABSENT:
            return self._services.ledger.absent(update.before, at=now)
        return self._services.ledger.reading(
            update.before,
            status=update.status,
            at=now,
            message_id=update.message_id,
            failure=update.failure,
            broadcast_id=update.broadcast_id,
            replied=update.is_reply,
        )

    def is_due(self, record: MessageRecord) -> bool:
        """Whether an unknown send is old enough to be judged."""
        known_at = record.updated_at or record.sent_at
        wait = self._settle + _doubt(record)
        return known_at is None or self._services.clock.now() - known_at >= wait

    def _look_up(self, record: MessageRecord, deadline_s: float) -> StatusLookup:
        if record.phone is None or record.template is None or record.sent_at is None:
            return no_answer("nothing is known to ask by")
        return self._services.wati.get_delivery_status(
            record.phone,
            template=record.template,
            message_id=record.message_id,
            not_before=record.sent_at - GRACE - _doubt(record),
            deadline_s=deadline_s,
            other_ids=self._services.ledger.other_ids(record),
            is_proof=record.unknown,
        )

    def _look_up_batch(
        self, records: Sequence[MessageRecord], members: Mapping[str, str], deadline_s: float
    ) -> list[StatusLookup]:
        """Return what WATI says of some messages of one POST."""
        [first, *_] = records
        ids = {record.broadcast_id for record in records if record.broadcast_id}
        if first.broadcast_name is None or first.sent_at is None:
            return [no_answer("nothing is known to ask by")] * len(records)
        query = BroadcastQuery(
            name=first.broadcast_name,
            # Where WATI made two of one POST they are looked for anew, and both are read.
            broadcast_id=ids.pop() if len(ids) == 1 else None,
            members=members,
            sent_at=first.sent_at,
            other_names=self._services.ledger.broadcast_names(first.day) - {first.broadcast_name},
        )
        broadcasts = self._services.wati.broadcasts
        # The further calls that prove somebody missing are made once that may be concluded.
        is_search = query.broadcast_id is None or any(
            record.unknown and self.is_due(record) for record in records
        )
        ask = broadcasts.settle if is_search else broadcasts.statuses
        found = ask(query, deadline_s=deadline_s)
        if len(found.broadcast_ids) > 1:
            text = "ALARM: WATI lists the broadcast %s twice; nothing of it is repeated"
            _log.warning(text, first.broadcast_name)
        return [_lookup_of(record, found) for record in records]

    def _judge(self, record: MessageRecord, lookup: StatusLookup) -> StatusUpdate:
        """Decide what an answer means for a message."""
        match lookup.kind:
            case LookupKind.FOUND:
                return _found(record, lookup)
            case LookupKind.ABSENT if not record.unknown:
                # Of an accepted message it only means "not yet": it counts as read once more.
                return StatusUpdate(before=record, kind=LookupKind.FOUND, status=record.status)
            case LookupKind.ABSENT if self.is_due(record):
                return StatusUpdate(before=record, kind=LookupKind.ABSENT)
            case LookupKind.ABSENT | LookupKind.NO_ANSWER:
                lead_id, why = safe_outside(record.lead_id), safe_outside(lookup.detail)
                _log.debug("Lead %s: a status read had no answer: %s", lead_id, why)
                return StatusUpdate(
                    before=record, kind=LookupKind.NO_ANSWER, is_wati_away=lookup.is_wati_away
                )


def _doubt(record: MessageRecord) -> timedelta:
    """Return what a record's time may be off WATI's by."""
    return _UNDATED if record.updated_at is None else timedelta(0)


def _lookup_of(record: MessageRecord, found: BroadcastLookup) -> StatusLookup:
    lookup = found.messages.get(record.message_id or "") or no_answer("it has no id of ours")
    # A recipient is listed once WATI comes to it: of an accepted one that is no news, yet a read.
    is_no_news = lookup.kind is LookupKind.NO_ANSWER and found.is_definite and not record.unknown
    return structs.replace(lookup, kind=LookupKind.ABSENT) if is_no_news else lookup


def _found(record: MessageRecord, lookup: StatusLookup) -> StatusUpdate:
    """Return what a row in WATI's list says; known statuses never go back."""
    status = advance(MessageStatus.PENDING if record.unknown else record.status, lookup.status)
    if record.unknown and status is MessageStatus.PENDING:
        status = MessageStatus.SENT  # it is in WATI's list: taken, whatever the word says
    is_news = record.unknown or status is not record.status
    return StatusUpdate(
        before=record,
        kind=LookupKind.FOUND,
        status=status,
        message_id=lookup.message_id,
        broadcast_id=lookup.broadcast_id,
        is_reply=lookup.is_replied and not record.replied,
        failure=lookup.failure if status is MessageStatus.FAILED and is_news else None,
        word=lookup.raw_status if lookup.status is MessageStatus.PENDING else "",
    )

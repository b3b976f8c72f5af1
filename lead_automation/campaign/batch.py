"""The messages of one POST, and what is known of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from lead_automation.campaign.assignment import Assignment
from lead_automation.campaign.ramp import BatchState
from lead_automation.models import MessageStatus
from lead_automation.stored import MessageRecord

ARRIVED = (MessageStatus.DELIVERED, MessageStatus.READ)
"""A read receipt can overtake the delivery's."""


@dataclass(slots=True, eq=False, kw_only=True)
class Batch:
    """One POST: a single message on v1 and v2, up to a hundred on v3.

    Attributes:
        name: v3: its ``broadcast_name``; else the lead's id.
        records: Every message of it by lead id, as last known.
        members: v3: the number of every message by our id, whatever became of it; else empty.
        assignments: Of this run's messages, by lead id.
        failed: Leads that failed for reasons that are not their own.
        started: Monotonic second of the POST.
        judged_from: Monotonic second from which what is missing may be judged absent.
        read_at: Monotonic second of the last read that had a definite answer.
        is_unknown: The POST had no clear answer.
    """

    name: str
    records: dict[str, MessageRecord]
    members: dict[str, str] = field(default_factory=dict)
    assignments: dict[str, Assignment] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    started: float = 0.0
    judged_from: float = 0.0
    read_at: float | None = None
    is_unknown: bool = False


def batch_of(records: Iterable[MessageRecord]) -> Batch:
    """Return the batch that the messages of one POST are."""
    by_lead = {record.lead_id: record for record in records}
    [first, *_] = by_lead.values()
    return Batch(
        name=first.broadcast_name or first.lead_id,
        records=by_lead,
        members={
            record.message_id: record.phone
            for record in by_lead.values()
            if record.broadcast_name and record.message_id and record.phone
        },
    )


def state_of(batches: list[Batch], now: float) -> BatchState:
    """Return what the ramp asks about batches that were one step of it.

    Args:
        batches: One or more; a batch that had to go out lead by lead is many.
        now: Monotonic second.
    """
    records = [record for batch in batches for record in batch.records.values()]
    words = [record.status for record in records if not record.unknown]
    started = max(batch.started for batch in batches)
    reads = [batch.read_at for batch in batches if batch.read_at is not None]
    return BatchState(
        size=len(records),
        known=sum(word is not MessageStatus.PENDING for word in words),
        arrived=sum(word in ARRIVED for word in words),
        failed=sum(len(batch.failed) for batch in batches),
        age_s=now - started,
        read_at_s=max(0.0, min(reads) - started) if len(reads) == len(batches) else None,
        is_unknown=any(batch.is_unknown for batch in batches),
    )

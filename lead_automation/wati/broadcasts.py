"""Conclude from WATI's lists what became of a batch; pure.

Found is easily concluded: a message that is listed was taken. That one is *not* there is not, for a
wrong "it is not there" writes to people twice: whatever leaves a doubt is no answer.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from lead_automation.answers import BroadcastQuery, LookupKind, StatusLookup
from lead_automation.models import Failure, MessageStatus
from lead_automation.wati.delivery import advance, parse_status
from lead_automation.wati.failures import classify
from lead_automation.wati.v3_calls import PAGE_SIZE
from lead_automation.wati.v3_wire import BroadcastRow, Counters, Page, RecipientRow
from lead_automation.wati.wire import digits_of

_STOPPED = "stopped"
_REPLIED = "replied"

T = TypeVar("T")


class ListEnd(Enum):
    """What the pages read so far say about the rest of a list."""

    MORE = "more"
    WHOLE = "whole"
    """It was read to its real end."""
    BROKEN = "broken"
    """It cannot be read to its end: it repeats a page, or contradicts itself."""


def judge_end(pages: Sequence[Page[T]]) -> ListEnd:
    """Return whether the pages, one or more from the first on, are the whole list.

    The end is a page shorter than asked for, or the total; where both can be seen, the total
    decides. Lists were seen that repeat their last page for ever, and that name no total.
    """
    last = pages[-1]
    is_repeated = last.number not in (None, len(pages)) or (
        len(pages) > 1 and last.rows and last.rows == pages[-2].rows
    )
    # One that changed while it was read may have moved a row from a page unread to one read.
    if is_repeated or len({page.total for page in pages}) > 1:
        return ListEnd.BROKEN
    is_short = len(last.rows) < min(PAGE_SIZE, last.size or PAGE_SIZE)
    if last.total is None:
        return ListEnd.WHOLE if is_short else ListEnd.MORE
    rows = [row for page in pages for row in page.rows]
    seen = len(set(rows))
    if seen == last.total == len(rows):
        return ListEnd.WHOLE
    return ListEnd.BROKEN if is_short or seen > last.total else ListEnd.MORE


class BroadcastRead(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of one broadcast.

    Attributes:
        rows: Of its recipients, those read.
        is_whole: The list of recipients was read to its real end.
        counters: None where they were not read.
    """

    broadcast_id: str
    rows: tuple[RecipientRow, ...]
    is_whole: bool
    counters: Counters | None = None


def find_by_name(rows: Sequence[BroadcastRow], name: str) -> tuple[str, ...]:
    """Return the ids of the broadcasts of exactly this name."""
    ids = (row.broadcast_id for row in rows if row.name == name)
    return tuple(dict.fromkeys(found for found in ids if found is not None))


def prove_absent(rows: Sequence[BroadcastRow], query: BroadcastQuery, *, is_whole: bool) -> str:
    """Return "" where the list proves that our broadcast is not in it, else what is in doubt."""
    if not is_whole:
        return "the list of broadcasts has no end that can be trusted"
    if not all(row.is_readable for row in rows):
        return "a broadcast without a readable id or name may be ours"
    wanted = _folded(query.name)
    others = [row.name for row in rows if row.name not in query.other_names]
    if any(_folded(name).startswith(wanted) for name in others):
        return "a broadcast has a name that is almost ours"
    # A list of another day, channel or account would show no broadcast of ours either.
    if len(others) == len(rows):
        return "no other broadcast of ours of this run or day is listed, so the list proves nothing"
    return ""


def judge_members(query: BroadcastQuery, reads: Sequence[BroadcastRead]) -> dict[str, StatusLookup]:
    """Return what the broadcasts of a batch say of each of its messages, by message id.

    Args:
        query: The batch.
        reads: Its broadcast; several where WATI lists the name more than once.

    Returns:
        FOUND for who is listed; ABSENT (not taken) for who is not where nothing is in progress and
        every row listed is somebody else's of ours; else NO_ANSWER.
    """
    found: dict[str, StatusLookup] = {}
    strangers = 0
    for read in reads:
        for row in read.rows:
            owner = _owner_of(row, query.members)
            strangers += owner is None
            if owner is not None:
                found[owner] = _later(found.get(owner), describe(row, owner, read.broadcast_id))
    doubt = _doubt_of_missing(reads, strangers)
    missing = StatusLookup(
        kind=LookupKind.NO_ANSWER if doubt else LookupKind.ABSENT,
        detail=doubt or "its broadcast did not take it",
        is_wati_away=False,
    )
    return {message_id: found.get(message_id, missing) for message_id in query.members}


def describe(row: RecipientRow, message_id: str, broadcast_id: str) -> StatusLookup:
    """Return what a recipient's row says; a status word nobody knows is pending, and kept."""
    status = parse_status(row.status_word) or MessageStatus.PENDING
    return StatusLookup(
        kind=LookupKind.FOUND,
        status=status,
        raw_status=row.status_word,
        message_id=message_id,
        broadcast_id=broadcast_id,
        is_replied=row.status_word.casefold() == _REPLIED,
        failure=_failure_of(row) if status is MessageStatus.FAILED else None,
    )


def _failure_of(row: RecipientRow) -> Failure:
    if row.status_word.casefold() == _STOPPED:
        return classify(None, "the broadcast was stopped in the WATI dashboard")
    # v3 gives the code alone, so the words are ours.
    text = f"Meta code {row.failed_code}" if row.failed_code else ""
    return classify(None, text)


def _owner_of(row: RecipientRow, members: Mapping[str, str]) -> str | None:
    """Return whose row it is: by our id, else by the number."""
    if row.message_id in members:
        return row.message_id
    owners = [message_id for message_id, phone in members.items() if digits_of(phone) == row.digits]
    return owners[0] if owners else None


def _later(known: StatusLookup | None, other: StatusLookup) -> StatusLookup:
    """Return the further of two rows of one message."""
    if known is None:
        return other
    further = known if advance(known.status, other.status) is known.status else other
    return replace(further, is_replied=known.is_replied or other.is_replied)


def _doubt_of_missing(reads: Sequence[BroadcastRead], strangers: int) -> str:
    """Return why a message that is not listed may still be taken, "" where it was not."""
    if len(reads) != 1:
        return "WATI has not exactly one broadcast of this name"
    [read] = reads
    counters = read.counters
    if counters is None:
        return "the broadcast's counters were not read"
    doubts = {
        "the list of recipients has no end that can be trusted": not read.is_whole,
        # Numbers are not written alike everywhere (Mexico, Brazil): it may be the one missed.
        "a recipient of this broadcast is nobody we know": strangers > 0,
        "the broadcast is still in progress": counters.in_progress > 0,
        "the broadcast counts other recipients than it lists": counters.recipients
        != len(read.rows),
    }
    return next((text for text, is_so in doubts.items() if is_so), "")


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())

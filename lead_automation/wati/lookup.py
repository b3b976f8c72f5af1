"""Find our message among those of its number; pure.

A wrong "it is not there" sends a message twice, so whatever leaves a doubt is no answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from lead_automation.answers import LookupKind, StatusLookup
from lead_automation.models import MessageStatus
from lead_automation.wati.delivery import parse_status
from lead_automation.wati.failures import classify
from lead_automation.wati.wire import MessageRow

TEMPLATE_KIND = "broadcastMessage"  # WATI's word for single API sends too
_MAX_WORD_CHARS = 40  # a status is one word; anything longer is kept only to be shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The message asked about.

    Attributes:
        message_id: ``localMessageId``; None when WATI gave none.
        not_before: Aware, by WATI's clock; None when that clock is not known.
        only_by_id: A row without the id is not ours, even if all else fits.
    """

    template: str
    message_id: str | None
    not_before: datetime | None
    only_by_id: bool


def judge_page(
    rows: Sequence[MessageRow],
    wanted: Wanted,
    *,
    previous: Sequence[MessageRow] | None,
    page_size: int,
) -> StatusLookup | None:
    """Return what a page of the number's messages, newest first, says about ours.

    Args:
        rows: The page.
        wanted: Our message.
        previous: The page before; None for the first.
        page_size: Rows a full page has.

    Returns:
        ABSENT only where this page ends all that could hold it; None where the next page decides.
    """
    # A message that is found needs no proof; only its absence must be beyond doubt.
    found = find_message(rows, wanted)
    if found is not None:
        return describe(found)
    if wanted.not_before is None and not wanted.only_by_id:
        return in_doubt("WATI's clock is not known")
    if is_doubtful(rows, wanted):
        return in_doubt("a message that may be ours has no readable kind, name or time")
    if len(rows) < page_size or is_past(rows, wanted.not_before):
        return StatusLookup(kind=LookupKind.ABSENT)
    return in_doubt("WATI lists one page again and again") if rows == previous else None


def no_answer(detail: str) -> StatusLookup:
    """Return that WATI gave no answer, and why."""
    return StatusLookup(kind=LookupKind.NO_ANSWER, detail=detail)


def in_doubt(detail: str) -> StatusLookup:
    """Return that WATI answered, but that nothing may be concluded for this message, and why."""
    return StatusLookup(kind=LookupKind.NO_ANSWER, detail=detail, is_wati_away=False)


def find_message(rows: Sequence[MessageRow], wanted: Wanted) -> MessageRow | None:
    """Return our message's row, by id, else the newest that fits; None when none does."""
    if wanted.message_id is not None:
        by_id = [row for row in rows if row.message_id == wanted.message_id]
        if by_id or wanted.only_by_id:
            return by_id[0] if by_id else None
    # Of two rows of one moment, the one that is listed first is the newer.
    fitting = [
        (row.created_at, -place, row)
        for place, row in enumerate(rows)
        if _may_be_ours(row, wanted) and row.created_at is not None
        if wanted.not_before is not None and row.created_at >= wanted.not_before
    ]
    return max(fitting, key=lambda entry: entry[:2])[2] if fitting else None


def is_doubtful(rows: Sequence[MessageRow], wanted: Wanted) -> bool:
    """Whether a row could be our message, but does not say what it is or when it was made."""
    return not wanted.only_by_id and any(
        (row.created_at is None and _may_be_ours(row, wanted)) or _says_too_little(row, wanted)
        for row in rows
    )


def is_past(rows: Sequence[MessageRow], not_before: datetime | None) -> bool:
    """Whether the page, newest first, already reaches back beyond our message."""
    # A page in another order proves nothing: the next one may hold newer rows.
    times = [row.created_at for row in rows if row.created_at is not None]
    is_newest_first = all(newer >= older for newer, older in pairwise(times))
    return not_before is not None and bool(times) and is_newest_first and times[-1] < not_before


def describe(row: MessageRow) -> StatusLookup:
    """Return what a row says; a status word nobody knows is pending, and kept."""
    status = parse_status(row.status_word) or MessageStatus.PENDING
    has_failed = status is MessageStatus.FAILED
    return StatusLookup(
        kind=LookupKind.FOUND,
        status=status,
        raw_status=row.status_word[:_MAX_WORD_CHARS],
        message_id=row.message_id,
        failure=classify(row.failed_code, row.failed_detail) if has_failed else None,
    )


def _says_too_little(row: MessageRow, wanted: Wanted) -> bool:
    """Whether a row of our time is of no kind, or of a template that is not named.

    Rows of another shape than the known one would else all be "not ours", and each unknown message
    would be sent again.
    """
    is_unclear = not row.kind or (row.kind == TEMPLATE_KIND and '"' not in row.description)
    if row.is_inbound or not is_unclear:
        return False
    return (
        row.created_at is None or wanted.not_before is None or row.created_at >= wanted.not_before
    )


def _may_be_ours(row: MessageRow, wanted: Wanted) -> bool:
    # In quotes: `offer` stands in `offer_v2` too.
    names_it = f'"{wanted.template}"' in row.description
    return row.kind == TEMPLATE_KIND and not row.is_inbound and names_it

"""Find our message among those of its number; pure.

A wrong "it is not there" sends a message twice, so whatever leaves a doubt is no answer.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from unicodedata import normalize

import msgspec

from lead_automation.answers import LookupKind, StatusLookup
from lead_automation.models import MessageStatus
from lead_automation.wati.delivery import parse_status
from lead_automation.wati.failures import classify
from lead_automation.wati.wire import MessageRow, MessagesPage

# With the minute that ``not_before`` leaves, 15 minutes before the reservation: more than any delay
# or clock of WATI's that was seen, and less than lies between two campaigns.
_DOUBTFUL_BEFORE = timedelta(minutes=14)
_MAX_WORD_CHARS = 40  # a status is one word; anything longer is kept only to be shown

# Kinds that are no template message. Every other word may be WATI's next name for one.
_OTHER_KINDS = frozenset({"message", "ticket"})
_QUOTES = re.compile("['`\u00ab\u00b4\u00bb\u2018-\u201f\u2039\u203a\u300c-\u300f\u301d-\u301f]")
_APOSTROPHE = re.compile(r"(?<=\w)['\u2019](?=\w)")
_EDGES = re.compile(r"^\W+|\W+$")
# What may follow our name: nothing, or a language behind a blank or in brackets.
_LANGUAGE = re.compile(r"$|[\s(\[{]")
# What reads as a name at all; anything odder may be ours, written in a way nobody foresaw.
_READABLE = re.compile(r"\w[\w -]*(?:[(\[{].*)?")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The message asked about.

    Attributes:
        message_id: ``localMessageId``; None when WATI gave none.
        not_before: Aware, by WATI's clock; None when that clock is not known.
        only_by_id: A row without the id is not ours, even if all else fits.
        other_ids: Of other messages of ours to this number: their rows are not this one's.
    """

    template: str
    message_id: str | None
    not_before: datetime | None
    only_by_id: bool
    other_ids: frozenset[str] = frozenset()

    @property
    def doubtful_from(self) -> datetime | None:
        """Time from which a row is too near to be called another message."""
        return self.not_before and self.not_before - _DOUBTFUL_BEFORE


def judge_pages(
    pages: Sequence[MessagesPage], wanted: Wanted, *, page_size: int
) -> StatusLookup | None:
    """Return what the pages of a number's messages, newest first, say about ours.

    Args:
        pages: Read so far, in order; ours is not on any but perhaps the last.
        wanted: Our message.
        page_size: Rows asked for.

    Returns:
        ABSENT only where everything that could hold it was read, and no row could be it; None
        where the next page decides.
    """
    page = pages[-1]
    # A message that is found needs no proof; only its absence must be beyond doubt.
    found = find_message(page.rows, wanted)
    if found is not None:
        return describe(found)
    rows = [row for page in pages for row in page.rows]
    if why := _objection(pages, wanted):
        return no_answer(why)
    if not is_end(page, rows, wanted, page_size=page_size):
        return None
    if any(could_be_ours(row, wanted) for row in rows):
        return no_answer("a message that may be ours has an odd kind, name or time")
    return StatusLookup(kind=LookupKind.ABSENT)


def _objection(pages: Sequence[MessagesPage], wanted: Wanted) -> str:
    """Return why the last page, without our message, proves nothing; "" where it may."""
    if wanted.not_before is None and not wanted.only_by_id:
        return "WATI's clock is not known"
    if len(pages) > 1 and pages[-1].rows == pages[-2].rows:
        return "WATI lists one page again and again"
    return pages[-1].objection


def no_answer(detail: str, *, is_wati_away: bool = False) -> StatusLookup:
    """Return that nothing may be concluded for this message, and why."""
    return StatusLookup(kind=LookupKind.NO_ANSWER, detail=detail, is_wati_away=is_wati_away)


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
        if not row.is_inbound and _is_template(row) and _names_ours(row, wanted)
        if row.message_id not in wanted.other_ids and row.created_at is not None
        if wanted.not_before is not None and row.created_at >= wanted.not_before
    ]
    return max(fitting, key=lambda entry: entry[:2])[2] if fitting else None


def could_be_ours(row: MessageRow, wanted: Wanted) -> bool:
    """Whether a row that was not found to be our message might be it all the same.

    Rows of another shape than the known one would else all be "not ours", and each unknown message
    would be sent again.
    """
    if wanted.only_by_id or row.message_id in wanted.other_ids or not _is_template(row):
        return False
    since = wanted.doubtful_from
    is_older = since is not None and row.created_at is not None and row.created_at < since
    return not is_older and _names_ours(row, wanted) is not False


def is_end(
    page: MessagesPage, rows: Sequence[MessageRow], wanted: Wanted, *, page_size: int
) -> bool:
    """Whether no further page could hold our message.

    Args:
        page: The last one read.
        rows: Of it and the pages before.
        wanted: Our message.
        page_size: Rows asked for.
    """
    has_more = page.has_next or page.total > len(rows)
    # WATI may use smaller pages than asked for: a short page alone proves nothing.
    if _is_past(rows, wanted.doubtful_from):
        return not has_more or len(page.rows) >= page_size
    is_short = len(page.rows) < min(page_size, page.page_size or page_size)
    return not has_more and (not page.rows or (is_short and page.tells_end))


def _is_past(rows: Sequence[MessageRow], since: datetime | None) -> bool:
    """Whether the rows, newest first, already reach back beyond a time."""
    # Rows in another order prove nothing: the next page may hold newer ones.
    times = [row.created_at for row in rows if row.created_at is not None]
    is_newest_first = all(newer >= older for newer, older in pairwise(times))
    return since is not None and bool(times) and is_newest_first and times[-1] < since


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


def _is_template(row: MessageRow) -> bool:
    """Whether a row is, or may be, a template message: by either of its words, however spelt."""
    kind, other = _letters(row.kind), _letters(row.type_word)
    return kind not in _OTHER_KINDS or "template" in other or "broadcast" in other


def _letters(word: str) -> str:
    return "".join(char for char in _folded(word) if char.isalpha())


def _names_ours(row: MessageRow, wanted: Wanted) -> bool | None:
    """Whether a row's description quotes our template's name; None where no name is readable."""
    # Only in quotes: `offer` stands in `offer_v2` and in ordinary words too.
    names = [_EDGES.sub("", part) for part in _folded(row.description).split('"')]
    ours = _EDGES.sub("", _folded(wanted.template))
    if any(name.startswith(ours) and _LANGUAGE.match(name, len(ours)) for name in names[1:-1]):
        return True
    # Where a quote is missing, nobody can tell what stands inside the others.
    quoted = names[1::2] if len(names) % 2 else []
    return False if any(_READABLE.fullmatch(name) for name in quoted) else None


def _folded(text: str) -> str:
    """Return text as names are compared: one kind of quotes, no forms, no case."""
    return normalize("NFKC", _QUOTES.sub('"', _APOSTROPHE.sub("", text))).casefold()

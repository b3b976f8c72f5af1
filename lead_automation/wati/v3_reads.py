"""Read what became of batches: v3's lists of broadcasts and recipients, page by page."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from http import HTTPStatus
from math import inf
from typing import TypeVar

from msgspec.structs import replace

from lead_automation.answers import (
    AccountCredit,
    BroadcastLookup,
    BroadcastQuery,
    LookupKind,
    StatusLookup,
)
from lead_automation.clock import Clock
from lead_automation.config import WatiSettings
from lead_automation.errors import TransportError
from lead_automation.http import Answer, Request
from lead_automation.runs import CallKind
from lead_automation.wati.broadcasts import (
    BroadcastRead,
    ListEnd,
    find_by_name,
    judge_end,
    judge_members,
    prove_absent,
)
from lead_automation.wati.outcomes import failure_of, says_away
from lead_automation.wati.v3_calls import (
    broadcast_request,
    broadcasts_request,
    contact_request,
    credits_request,
    recipients_request,
)
from lead_automation.wati.v3_wire import (
    Page,
    parse_broadcasts_page,
    parse_counters,
    parse_credits,
    parse_recipients_page,
)
from lead_automation.wati.wire import WireError

# 2,000 broadcasts in three days, ten times what four runs a day of 500 leads make; of recipients a
# batch has at most 100.
_MAX_PAGES = 20
NOBODY = "+0"
"""No number, to ask with whether contacts may be asked for at all: 404 is a yes to that."""

T = TypeVar("T")


class NoAnswerError(Exception):
    """A read came to nothing.

    Attributes:
        is_away: Another one would not get an answer now either.
        status: HTTP status of the answer, None without one.
    """

    def __init__(self, detail: str, *, is_away: bool, status: int | None = None) -> None:
        super().__init__(detail)
        self.is_away = is_away
        self.status = status


class BroadcastReader:
    """Ask about batches; one read a page, none repeated, never a guess, never a wait."""

    def __init__(
        self,
        settings: WatiSettings,
        *,
        call: Callable[[CallKind, Request], Answer],
        wait_s: Callable[[], float],
        clock: Clock,
    ) -> None:
        """Take what reads are made with.

        Args:
            settings: The account.
            call: Makes and counts one call.
            wait_s: Seconds until WATI's limit allows a status read.
            clock: Steady, for the deadlines.
        """
        self._settings = settings
        self._call = call
        self._wait_s = wait_s
        self._clock = clock

    def statuses(self, query: BroadcastQuery, *, deadline_s: float) -> BroadcastLookup:
        """Ask what became of an accepted batch: one call for up to 100 messages.

        Args:
            query: With its ``broadcast_id``.
            deadline_s: Seconds for all pages together.

        Returns:
            FOUND for who is listed, else NO_ANSWER: recipients fill up while WATI works on them.
        """
        until = self._clock.monotonic() + deadline_s
        try:
            reads = [self._recipients(query.broadcast_id or "", query, until)]
        except NoAnswerError as exc:
            return _no_answer(query, str(exc), is_away=exc.is_away)
        # Without its counters nobody is concluded to be missing for good.
        return _lookup(query, reads)

    def settle(self, query: BroadcastQuery, *, deadline_s: float) -> BroadcastLookup:
        """Ask whether a batch without a clear answer, or some of it, was taken.

        Found by its id where the answer named one, else by its exact name in the list of
        broadcasts. What this look calls ABSENT is so only once a second look, long enough
        afterwards, agrees; that is the caller's, as is the age from which it may be concluded.

        Args:
            query: With the names of other broadcasts of ours.
            deadline_s: Seconds for all calls together.
        """
        until = self._clock.monotonic() + deadline_s
        try:
            ids, doubt = (
                self._search(query, until)
                if query.broadcast_id is None
                else ((query.broadcast_id,), "")
            )
            if not ids:
                return _not_listed(query, doubt)
            reads = [self._recipients(found, query, until) for found in ids]
            lookup = _lookup(query, reads)
            if len(reads) > 1 or not _has_missing(lookup):
                return lookup
            # A further call, worth it only where somebody is missing.
            counters = self._read(
                broadcast_request(self._settings, ids[0], deadline_s=self._left_s(until)),
                parse_counters,
            )
        except NoAnswerError as exc:
            return _no_answer(query, str(exc), is_away=exc.is_away)
        return _lookup(query, [replace(reads[0], counters=counters)])

    def credit(self, *, deadline_s: float) -> AccountCredit:
        """Read the account's credit.

        Raises:
            NoAnswerError: It cannot be read; status 403 where the token's scopes do not allow it.
        """
        until = self._clock.monotonic() + deadline_s
        request = credits_request(self._settings, deadline_s=self._left_s(until))
        return self._read(request, parse_credits)

    def missing_scopes(self, now: datetime, *, deadline_s: float) -> tuple[str, ...]:
        """Return the scopes that the token lacks for the reads of a run: at most two calls.

        Args:
            now: Aware.
            deadline_s: Seconds for all calls together.
        """
        until = self._clock.monotonic() + deadline_s
        missing = []
        for scope, make in (
            ("campaignsv3:read", partial(broadcasts_request, around=now, page=1)),
            ("contactsv3:read", partial(contact_request, phone=NOBODY)),
        ):
            try:
                self._read(make(self._settings, deadline_s=self._left_s(until)), bool)
            except NoAnswerError as exc:
                if exc.status == HTTPStatus.FORBIDDEN:
                    missing.append(scope)
        return tuple(missing)

    def _search(self, query: BroadcastQuery, until: float) -> tuple[tuple[str, ...], str]:
        """Return the broadcasts of a batch's name, and why a missing one may be there after all."""
        make = partial(broadcasts_request, around=query.sent_at)
        # To the end even where it is found: it may be there twice.
        rows, is_whole = self._rows(make, parse_broadcasts_page, until)
        doubt = prove_absent(rows, query, is_whole=is_whole)
        return find_by_name(rows, query.name), doubt

    def _recipients(self, broadcast_id: str, query: BroadcastQuery, until: float) -> BroadcastRead:
        make = partial(recipients_request, broadcast_id=broadcast_id)
        rows, is_whole = self._rows(make, parse_recipients_page, until, enough=len(query.members))
        return BroadcastRead(broadcast_id=broadcast_id, rows=rows, is_whole=is_whole)

    def _rows(
        self,
        make: Callable[..., Request],
        parse: Callable[[bytes], Page[T]],
        until: float,
        enough: float = inf,
    ) -> tuple[tuple[T, ...], bool]:
        """Read a list page by page until it ends or enough is read; return rows and if all."""
        pages: list[Page[T]] = []
        rows: tuple[T, ...] = ()
        end = ListEnd.MORE
        while end is ListEnd.MORE and len(pages) < _MAX_PAGES:
            left_s = self._left_s(until)
            request = make(self._settings, page=len(pages) + 1, deadline_s=left_s)
            pages.append(self._read(request, parse))
            end = judge_end(pages)
            rows += pages[-1].rows
            if len(rows) >= enough:
                break
        return rows, end is ListEnd.WHOLE

    def _read(self, request: Request, parse: Callable[[bytes], T]) -> T:
        try:
            answer = self._call(CallKind.STATUS, request)
        except TransportError as exc:
            raise NoAnswerError(str(exc), is_away=not exc.is_unreadable) from exc
        status = answer.status
        if status != HTTPStatus.OK:
            is_away = says_away(status)
            raise NoAnswerError(failure_of(answer).text, is_away=is_away, status=status)
        try:
            return parse(answer.body)
        except WireError as exc:
            raise NoAnswerError(str(exc), is_away=False, status=status) from exc

    def _left_s(self, until: float) -> float:
        """Return the seconds a further call may take; waiting is left to the caller."""
        left_s = until - self._clock.monotonic()
        if left_s <= 0 or self._wait_s() > 0:
            msg = "no time or no call left for this read"
            raise NoAnswerError(msg, is_away=False)
        return left_s


def _lookup(query: BroadcastQuery, reads: Sequence[BroadcastRead]) -> BroadcastLookup:
    messages = judge_members(query, reads)
    unclear = (found.detail for found in messages.values() if found.detail)
    return BroadcastLookup(
        messages=messages,
        broadcast_ids=tuple(read.broadcast_id for read in reads),
        is_definite=True,
        detail=next(unclear, ""),
    )


def _has_missing(lookup: BroadcastLookup) -> bool:
    return any(found.kind is not LookupKind.FOUND for found in lookup.messages.values())


def _not_listed(query: BroadcastQuery, doubt: str) -> BroadcastLookup:
    detail = doubt or "WATI lists no such broadcast"
    kind = LookupKind.NO_ANSWER if doubt else LookupKind.ABSENT
    found = StatusLookup(kind=kind, detail=detail, is_wati_away=False)
    return BroadcastLookup(
        messages=dict.fromkeys(query.members, found), is_definite=True, detail=detail
    )


def _no_answer(query: BroadcastQuery, detail: str, *, is_away: bool) -> BroadcastLookup:
    found = StatusLookup(kind=LookupKind.NO_ANSWER, detail=detail, is_wati_away=is_away)
    return BroadcastLookup(messages=dict.fromkeys(query.members, found), detail=detail)

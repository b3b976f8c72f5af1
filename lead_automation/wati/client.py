"""Talk to WATI: send one message, ask about one, about a contact, about the template."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from http import HTTPStatus

from msgspec.structs import replace

from lead_automation.answers import ContactVerdict, StatusLookup, TemplateInfo, TemplateUnread
from lead_automation.clock import RunClock
from lead_automation.config import ApiVersion, WatiSettings
from lead_automation.errors import Fault, TransportError, UnreachableError
from lead_automation.http import Answer, Http, Request
from lead_automation.models import Failure, SendAttempt, TemplateMessage
from lead_automation.runs import CallKind
from lead_automation.wati import v3_calls, v3_wire
from lead_automation.wati.calls import (
    MESSAGES_PER_PAGE,
    TEMPLATES_PER_PAGE,
    contacts_request,
    messages_request,
    send_request,
    templates_request,
)
from lead_automation.wati.contacts import (
    ContactsPage,
    contacts_page_request,
    parse_contacts_page,
)
from lead_automation.wati.failures import classify
from lead_automation.wati.limits import RateLimiter, RateLimits
from lead_automation.wati.lookup import Wanted, judge_pages, no_answer
from lead_automation.wati.outcomes import decide_answer, decide_fault, failure_of, says_away
from lead_automation.wati.reasons import find_reason
from lead_automation.wati.templates import is_settled, summarise
from lead_automation.wati.v3_outcomes import decide_batch
from lead_automation.wati.v3_reads import BroadcastReader
from lead_automation.wati.wire import (
    MessagesPage,
    TemplateRow,
    TemplatesPage,
    WireError,
    parse_contacts,
    parse_message_page,
    parse_templates_page,
)

# 100 messages: more than one person exchanges while a send is being settled, at the price of half
# the 10 reads that WATI allows in 10 seconds.
MAX_MESSAGE_PAGES = 5
# 2,000 rows; a longer list is taken for one that repeats itself.
MAX_TEMPLATE_PAGES = 20
# The statuses below 500 that say "not now" and nothing about address or token.
_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


class EnhancedWATIClient:
    """The WATI account, as far as this program needs it; never sleeps, never sends twice.

    Attributes:
        broadcasts: v3's reads: what became of batches, and of the account's credit.
    """

    def __init__(
        self,
        settings: WatiSettings,
        *,
        http: Http,
        clock: RunClock,
        limits: RateLimits,
        on_call: Callable[[CallKind], None],
    ) -> None:
        """Keep the collaborators.

        Args:
            settings: The account.
            http: Makes the calls.
            clock: Hears every ``Date``; limits and deadlines go by it.
            limits: The plan's.
            on_call: Told of every try that leaves, for the count of the month.
        """
        self._settings = settings
        self._http = http
        self._clock = clock
        self._on_call = on_call
        # WATI publishes no limit for templates, and a run reads that list once.
        reads = limits.reads_per_window
        allowed = {
            CallKind.SEND: limits.sends_per_window,
            CallKind.STATUS: reads,
            CallKind.CONTACTS: reads,
        }
        self._limiters = {
            kind: RateLimiter(count, limits.window_s, clock) for kind, count in allowed.items()
        }
        self._is_v3 = settings.api_version is ApiVersion.V3
        self.broadcasts = BroadcastReader(
            settings, call=self._call, wait_s=self.status_wait_s, clock=clock
        )

    def send_wait_s(self) -> float:
        """Return the seconds until WATI's limit allows a send; waiting is the caller's."""
        return self._limiters[CallKind.SEND].wait_s()

    def status_wait_s(self) -> float:
        """Return the seconds until WATI's limit allows a status read."""
        return self._limiters[CallKind.STATUS].wait_s()

    def contacts_wait_s(self) -> float:
        """Return the seconds until WATI's limit allows a contact look-up."""
        return self._limiters[CallKind.CONTACTS].wait_s()

    def send_template_message(self, message: TemplateMessage) -> SendAttempt:
        """Send one message; see ``send_messages``."""
        [attempt] = self.send_messages([message])
        return attempt

    def send_messages(self, messages: Sequence[TemplateMessage]) -> list[SendAttempt]:
        """Make exactly one POST and return what is known of each of its messages.

        Args:
            messages: What one POST carries: on v1 and v2 one message; on v3 up to 100 of one
                ``broadcast_name``, each with its ``message_id``, no number twice.

        Raises:
            TransportError: FORBIDDEN: the border held it back (a dry run); nothing left.
        """
        if self._is_v3:
            request = v3_calls.send_request(self._settings, messages)
        else:
            request = send_request(self._settings, *messages)
        try:
            answer = self._call(CallKind.SEND, request)
        except TransportError as exc:
            failed = decide_fault(exc)
            return [replace(failed, message_id=message.message_id) for message in messages]
        version, now = self._settings.api_version, self._clock.now()
        if self._is_v3:
            return decide_batch(answer, messages, now=now)
        return [decide_answer(answer, version=version, phone=messages[0].phone, now=now)]

    def get_delivery_status(
        self,
        phone: str,
        *,
        template: str,
        message_id: str | None,
        not_before: datetime,
        deadline_s: float,
        other_ids: frozenset[str] = frozenset(),
        is_proof: bool = False,
    ) -> StatusLookup:
        """Ask what became of a message: one read a page, never repeated, never a guess.

        Args:
            phone: E.164 of the recipient.
            template: Its element name.
            message_id: WATI's ``localMessageId``; None when it gave none.
            not_before: Aware: the reservation, less what clocks may differ by.
            deadline_s: Seconds for all pages together.
            other_ids: Ids of our other messages to this number.
            is_proof: An ABSENT may lead to another send: read on connections of its own, because an
                old one may still hold the answer to an earlier question.

        Returns:
            ABSENT only where WATI listed every message since not_before and ours was not there.
        """
        if self._is_v3:  # a token for v3 alone calls no path of v1
            return no_answer("v3 tells of a message only in its broadcast: ask broadcasts")
        ends_at_s = self._clock.monotonic() + deadline_s
        pages: list[MessagesPage] = []
        while len(pages) < MAX_MESSAGE_PAGES:
            left_s = ends_at_s - self._clock.monotonic()
            if left_s <= 0 or self.status_wait_s() > 0:
                # Waiting is left to the caller: a send may be due meanwhile.
                return no_answer("no time or no call left for this read")
            request = messages_request(
                self._settings, phone, page=len(pages) + 1, deadline_s=left_s
            )
            page = self._messages_page(replace(request, fresh=is_proof))
            if isinstance(page, StatusLookup):
                return page
            pages.append(page)
            # Made after the read, because its answer may be the first to tell WATI's time.
            wanted = self._wanted(template, message_id, not_before, other_ids)
            found = judge_pages(pages, wanted, page_size=MESSAGES_PER_PAGE)
            if found is not None:
                return found
        return no_answer(f"not among the newest {sum(len(page.rows) for page in pages)} messages")

    def check_whatsapp_status(self, phone: str, *, deadline_s: float) -> ContactVerdict | None:
        """Look a contact up before a send; None without a clear answer, and the send goes on."""
        # The caller waits, except once a stop is asked for; then nothing is asked any more.
        if self.contacts_wait_s() > 0:
            return None
        make = v3_calls.contact_request if self._is_v3 else contacts_request
        parse = v3_wire.parse_contact if self._is_v3 else parse_contacts
        try:
            answer = self._call(
                CallKind.CONTACTS, make(self._settings, phone, deadline_s=deadline_s)
            )
            return parse(answer.body, phone) if answer.status == HTTPStatus.OK else None
        except (TransportError, WireError):
            return None

    def fetch_contacts(self, number: int) -> ContactsPage:
        """Read one page (from 1) of the account's contacts; once, whatever comes of it.

        Raises:
            UnreachableError: Anything but a page of contacts.
        """
        request = contacts_page_request(self._settings, page=number, is_v3=self._is_v3)
        try:
            answer = self._call(CallKind.CONTACTS, request)
            if answer.status == HTTPStatus.OK:
                return parse_contacts_page(answer.body)
        except TransportError as exc:
            raise _out_of_reach(exc) from exc
        except WireError as exc:
            raise _unreachable(str(exc)) from exc
        raise _unreachable(_refusal(answer))

    def fetch_template(self) -> TemplateInfo | TemplateUnread:
        """Read what WATI says about the configured template.

        Raises:
            UnreachableError: The address or the token is wrong, or nobody is there: a 4xx, a
                redirect, a refused certificate or connection, an unknown host, another shape.
        """
        rows: list[TemplateRow] = []
        last: TemplatesPage | None = None
        for number in range(1, MAX_TEMPLATE_PAGES + 1):
            page = self._templates_page(number)
            if isinstance(page, TemplateUnread):
                return page
            # Some accounts were seen to ignore the page number; then there is nothing more to read.
            if page == last:
                break
            last = page
            rows.extend(page.rows)
            # WATI may use smaller pages than asked for, and a full page is not the last one.
            size = min(TEMPLATES_PER_PAGE, page.page_size or TEMPLATES_PER_PAGE)
            if len(page.rows) < size or is_settled(rows, self._settings):
                break
        else:
            return TemplateUnread(detail=f"its list does not end after {MAX_TEMPLATE_PAGES} pages")
        return summarise(rows, self._settings)

    def _templates_page(self, number: int) -> TemplatesPage | TemplateUnread:
        make = v3_calls.templates_request if self._is_v3 else templates_request
        parse = v3_wire.parse_templates_page if self._is_v3 else parse_templates_page
        try:
            answer = self._call(CallKind.TEMPLATES, make(self._settings, page=number))
        except TransportError as exc:
            # Slowness is no fault of the settings; a refused connection or certificate may be one.
            if exc.fault is Fault.LOST or exc.is_timeout:
                return TemplateUnread(detail=str(exc))
            raise _out_of_reach(exc) from exc
        if answer.status in _LATER or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return TemplateUnread(detail=failure_of(answer).text)
        if answer.status != HTTPStatus.OK:
            raise _unreachable(_refusal(answer))
        try:
            return parse(answer.body, self._settings.template)
        except WireError as exc:
            msg = f"its template list cannot be read: {exc}"
            raise _unreachable(msg) from exc

    def _messages_page(self, request: Request) -> MessagesPage | StatusLookup:
        """Return a page of the messages of a number, or why there is none.

        Only what speaks of WATI as a whole says that it is away: one number that cannot be looked
        up must not stop the reads of all others.
        """
        try:
            answer = self._call(CallKind.STATUS, request)
        except TransportError as exc:
            return no_answer(str(exc), is_wati_away=not exc.is_unreadable)
        if answer.status != HTTPStatus.OK:
            return no_answer(_refusal(answer), is_wati_away=says_away(answer.status))
        try:
            return parse_message_page(answer.body)
        except WireError as exc:
            return no_answer(str(exc))

    def _wanted(
        self,
        template: str,
        message_id: str | None,
        not_before: datetime,
        other_ids: frozenset[str],
    ) -> Wanted:
        return Wanted(
            template=template,
            message_id=message_id,
            not_before=not_before if self._clock.is_trusted else None,
            # v2 returns an id and lists it (support.wati.io/en/articles/11463225). Rows of v1 sends
            # were seen without one, so there name and time decide.
            only_by_id=message_id is not None and self._settings.api_version is ApiVersion.V2,
            other_ids=other_ids,
        )

    def _call(self, kind: CallKind, request: Request) -> Answer:
        try:
            answer = self._http.call(replace(request, on_try=partial(self._on_call, kind)))
        finally:
            # Also after a fault: the request may have reached WATI, which then counts it.
            if kind in self._limiters:
                self._limiters[kind].note_end()
        self._clock.hear(answer.server_date, answer.span_s)
        return answer

    def _categorize_wati_error(
        self, text: str, *, http_status: int | None = None, code: int | None = None
    ) -> Failure:
        """Return what WATI's words mean, by the failure table.

        Args:
            text: A reason, or the whole body of an answer that says no.
            http_status: Its status, None for a delivery status.
            code: The vendor's code where a field of its own held one.
        """
        reason = find_reason(text)
        return classify(reason.code if code is None else code, reason.text, http_status=http_status)


def _refusal(answer: Answer) -> str:
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST:
        return f"HTTP {answer.status}: WATI sends us elsewhere: check WATI_BASE_URL"
    return failure_of(answer).text


def _out_of_reach(error: TransportError) -> UnreachableError:
    """Return what a fault of the network means: nothing is said of the token."""
    hint = "Check the host in WATI_BASE_URL, and this machine's network and DNS."
    return UnreachableError(f"WATI cannot be reached: {error}", service="WATI", hint=hint)


def _unreachable(detail: str) -> UnreachableError:
    # These are a whole sentence on their own: it is the token, or its scopes.
    is_sentence = detail.startswith(("HTTP 401", "HTTP 403"))
    return UnreachableError(
        detail if is_sentence else f"WATI does not answer as documented: {detail}",
        service="WATI",
        hint="check WATI_BASE_URL, WATI_API_KEY and the network",
    )

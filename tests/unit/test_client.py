"""The WATI client on a scripted border: what it asks, and what it makes of the answers."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from fakes import FakeClock

from lead_automation.answers import (
    LookupKind,
    StatusLookup,
    TemplateInfo,
    TemplateUnread,
)
from lead_automation.clock import RunClock
from lead_automation.config import ApiVersion, WatiPlan, WatiSettings
from lead_automation.errors import Fault, TransportError, UnreachableError
from lead_automation.http import Answer, Request
from lead_automation.models import ErrorCategory, TemplateMessage
from lead_automation.runs import CallKind
from lead_automation.secret import Secret
from lead_automation.wati.client import EnhancedWATIClient
from lead_automation.wati.limits import RateLimits

PHONE = "+919812345678"
START = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
MESSAGE = TemplateMessage(
    phone=PHONE, template="offer", broadcast_name="b", parameters=(("1", "Asha"),)
)
STEADY_S = FakeClock().monotonic()
LOST = TransportError("https://wati: late", fault=Fault.LOST, is_timeout=True)
REFUSED = TransportError("https://wati: refused", fault=Fault.UNREACHABLE)
CONNECT_TIMEOUT = TransportError("https://wati: late", fault=Fault.UNREACHABLE, is_timeout=True)
CERTIFICATE = TransportError("https://wati: certificate", fault=Fault.CERTIFICATE)
GROWTH = RateLimits.of_plan(WatiPlan.GROWTH)
FORBIDDEN = TransportError("held back", fault=Fault.FORBIDDEN)


def answer(body: object, status: int = 200, offset_s: float | None = 0.0) -> Answer:
    """Return an answer; a body that is no bytes is sent as JSON.

    Args:
        body: Of the answer.
        status: Of the answer.
        offset_s: How far its Date is from our clock's start; None for no Date.
    """
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    date = None if offset_s is None else START + timedelta(seconds=offset_s)
    return Answer(
        status=status, headers={}, body=data, server_date=date, span_s=(STEADY_S, STEADY_S)
    )


class ScriptedHttp:
    """A border that answers in turn, the last for ever, and takes its time.

    Attributes:
        requests: What was asked, in order.
    """

    def __init__(self, clock: FakeClock, replies: Sequence[Answer | TransportError]) -> None:
        """Answer so; every call lasts a tenth of a second."""
        self._clock = clock
        self._replies = list(replies)
        self.requests: list[Request] = []

    def call(self, request: Request) -> Answer:
        """Give the next reply."""
        self.requests.append(request)
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        if isinstance(reply, TransportError) and reply.fault is Fault.FORBIDDEN:
            raise reply
        if request.on_try is not None:
            request.on_try()
        self._clock.advance(0.1)
        if isinstance(reply, TransportError):
            raise reply
        return reply


class Account:
    """A client on a scripted border.

    Attributes:
        calls: Kinds of the calls counted.
    """

    def __init__(self, *replies: Answer | TransportError, limits: RateLimits = GROWTH) -> None:
        """Script the replies."""
        self.clock = FakeClock(START)
        self.run_clock = RunClock(self.clock)
        self.http = ScriptedHttp(self.clock, replies)
        self.calls: list[CallKind] = []
        settings = WatiSettings(
            api_key=Secret("t0ken"),
            host="https://live-server-1.wati.io",
            tenant=None,
            api_version=ApiVersion.V1,
            template="offer",
            parameter_names=("1", "2", "3"),
            channel_number=None,
            broadcast_name="b",
        )
        self.client = EnhancedWATIClient(
            settings,
            http=self.http,
            clock=self.run_clock,
            limits=limits,
            on_call=self.calls.append,
        )

    def lookup(self, *, deadline_s: float = 3.0) -> StatusLookup:
        """Ask for the message reserved at START."""
        return self.client.get_delivery_status(
            PHONE, template="offer", message_id=None, not_before=START, deadline_s=deadline_s
        )


def page(*rows: dict[str, object]) -> dict[str, object]:
    """Return a message list."""
    return {"result": "success", "messages": {"items": list(rows)}}


def strangers() -> list[dict[str, object]]:
    """Return a full page of rows of another template, newer than START."""
    made: dict[str, object] = {
        "eventType": "broadcastMessage",
        "eventDescription": 'Broadcast message with using "x" template was received',
        "created": (START + timedelta(seconds=60)).isoformat(),
    }
    return [made | {"id": str(number)} for number in range(20)]


def test_send_held_back_raises_and_counts_nothing() -> None:
    """A dry run's border stops it."""
    account = Account(FORBIDDEN)

    with pytest.raises(TransportError):
        account.client.send_template_message(MESSAGE)

    assert account.calls == []


def test_answer_without_date_leaves_the_clock_as_the_last_one_set_it() -> None:
    """One answer without a date forgets nothing, be it a refusal or not."""
    account = Account(answer({"result": True}, offset_s=7.0), answer({}, 500, offset_s=None))
    account.client.send_template_message(MESSAGE)
    account.client.send_template_message(MESSAGE)

    assert account.run_clock.offset_s == 7.0
    assert account.run_clock.is_trusted


def test_status_without_known_clock_is_no_answer() -> None:
    """Nothing is concluded from times that cannot be compared."""
    account = Account(answer(page(), offset_s=None))

    assert account.lookup().kind is LookupKind.NO_ANSWER


NO_LISTS: list[object] = [b"<html>", b"", [], {"result": False}, {"messages": {"items": "x"}}]


@pytest.mark.parametrize(
    "reply",
    [
        *(LOST, REFUSED, CERTIFICATE),
        *(answer(page(), status) for status in (204, 302, 401, 404, 429, 500)),
        *map(answer, NO_LISTS),
    ],
)
def test_status_of_anything_but_a_list_is_no_answer(reply: Answer | TransportError) -> None:
    """An error says nothing about the message, and is asked once."""
    account = Account(reply)

    found = account.lookup()

    assert found.kind is LookupKind.NO_ANSWER
    assert found.detail
    assert len(account.http.requests) == 1


def test_status_pages_share_the_deadline() -> None:
    """Each page has what is left of the time."""
    newer, older = strangers(), strangers()
    older[0]["statusString"] = "READ"
    account = Account(answer(page(*newer)), answer(page(*older)))

    found = account.lookup(deadline_s=0.15)

    assert found.kind is LookupKind.NO_ANSWER
    assert [request.deadline_s for request in account.http.requests] == pytest.approx([0.15, 0.05])


def test_limits_are_kept_apart() -> None:
    """Sends, reads and contacts each have their own window."""
    limits = RateLimits(sends_per_window=1, reads_per_window=1)
    account = Account(answer({"result": True}), limits=limits)

    account.client.send_template_message(MESSAGE)

    assert account.client.send_wait_s() > 9
    assert account.client.status_wait_s() == account.client.contacts_wait_s() == 0


def test_contact_lookup_over_the_limit_does_not_leave() -> None:
    """A look-up is dropped rather than one too many."""
    limits = RateLimits(sends_per_window=9, reads_per_window=1)
    account = Account(answer({"contact_list": []}), limits=limits)
    account.client.check_whatsapp_status(PHONE, deadline_s=3)

    assert account.client.check_whatsapp_status(PHONE, deadline_s=3) is None
    assert len(account.http.requests) == 1


def template(
    name: str = "offer", status: str = "APPROVED", params: str = "123"
) -> dict[str, object]:
    """Return a row of the template list with one-letter parameters."""
    return {
        "elementName": name,
        "status": status,
        "customParams": [{"paramName": letter} for letter in params],
    }


def templates(*rows: dict[str, object], **more: object) -> Answer:
    """Return a template list."""
    return answer({"result": "success", "messageTemplates": list(rows), **more})


COPIES = [template(status="DELETED", params=""), template(params="321"), template("off")]
LANGUAGES = [template(params="ab"), template()]
STRANGERS = [template("offer_v2"), template("zzz")]


@pytest.mark.parametrize(
    ("rows", "is_approved", "statuses", "parameters", "similar"),
    [
        (COPIES, True, ("APPROVED", "DELETED"), ("3", "2", "1"), ("off",)),
        (LANGUAGES, True, ("APPROVED",), ("1", "2", "3"), ()),
        ([template(params="ab")], True, ("APPROVED",), ("a", "b"), ()),
        ([template(status="Pending")], False, ("PENDING",), (), ()),
        (STRANGERS, False, (), (), ("offer_v2",)),
    ],
)
def test_template_is_summed_up_over_its_rows(
    *,
    rows: list[dict[str, object]],
    is_approved: bool,
    statuses: tuple[str, ...],
    parameters: tuple[str, ...],
    similar: tuple[str, ...],
) -> None:
    """Any approved row is enough, best one that fits; the rest is the operator's hint."""
    account = Account(templates(*rows))

    assert account.client.fetch_template() == TemplateInfo(
        exists=bool(statuses),
        is_approved=is_approved,
        statuses=statuses,
        parameter_names=parameters,
        similar_names=similar,
    )
    assert account.calls == [CallKind.TEMPLATES]


def test_template_list_without_end_is_given_up() -> None:
    """Nobody has that many templates."""
    account = Account(
        *[templates(template(f"x{number}"), link={"pageSize": 1}) for number in range(50)]
    )

    info = account.client.fetch_template()

    assert isinstance(info, TemplateUnread)
    assert len(account.http.requests) == 20


@pytest.mark.parametrize(
    "reply", [LOST, CONNECT_TIMEOUT, *(answer(b"", status) for status in (408, 429, 500, 504))]
)
def test_template_unread_for_now_is_a_value(reply: Answer | TransportError) -> None:
    """A timeout, trouble at WATI or a rate limit is no reason not to send."""
    unread = Account(reply).client.fetch_template()

    assert isinstance(unread, TemplateUnread)
    assert unread.detail


@pytest.mark.parametrize(
    "reply",
    [
        *(REFUSED, CERTIFICATE),
        *(answer(b"", status) for status in (204, 302, 400, 401, 403, 404)),
        *(answer(b"<html>Log in</html>"), answer({"result": "success"}), answer({"result": False})),
    ],
)
def test_template_unreadable_for_good_raises(reply: Answer | TransportError) -> None:
    """A wrong address or token is no warning."""
    with pytest.raises(UnreachableError) as caught:
        Account(reply).client.fetch_template()

    assert caught.value.service == "WATI"
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "status", "code", "category"),
    [
        ("Message undeliverable", None, None, ErrorCategory.NOT_ON_WHATSAPP),
        ('{"errors": [{"code": 131050}]}', 400, None, ErrorCategory.OPT_OUT),
        ("x", None, 131050, ErrorCategory.OPT_OUT),
        ("", 401, None, ErrorCategory.ACCOUNT_ISSUE),
    ],
)
def test_categorize_answers_from_the_table(
    text: str, status: int | None, code: int | None, category: ErrorCategory
) -> None:
    """The owner's method and the table are one."""
    failure = Account(answer({})).client._categorize_wati_error(  # noqa: SLF001 - a fixed name
        text, http_status=status, code=code
    )

    assert failure.category is category

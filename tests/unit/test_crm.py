"""The lead list and the message log, without a network."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lead_automation.config import CrmSettings
from lead_automation.errors import ExitCode, Fault, TransportError, UnreachableError
from lead_automation.http import Answer, Request
from lead_automation.leads.crm import (
    CrmClient,
    LeadListError,
    MalformedLead,
    RowAnswer,
    parse_lead_list,
)
from lead_automation.models import CrmRow, Lead
from lead_automation.runs import CallKind
from lead_automation.secret import Secret

SETTINGS = CrmSettings(
    lead_url="https://crm.example.com/leads/",
    log_url="https://crm.example.com/log/",
    token=Secret("Token abc123"),
    owner_id="227",
    fetch_limit=500,
)
EMPTY_LIST = b'{"data": []}'


class ScriptedHttp:
    """Answer every call as told, and remember it.

    Attributes:
        requests: Every call made, in order.
        tries: How often each call leaves.
    """

    def __init__(self, answer: Answer | TransportError, *, tries: int = 1) -> None:
        """Take the one answer, or the fault."""
        self._answer = answer
        self.requests: list[Request] = []
        self.tries = tries

    def call(self, request: Request) -> Answer:
        """Return the answer or raise the fault."""
        self.requests.append(request)
        for _ in range(self.tries):
            if request.on_try is not None:
                request.on_try()
        if isinstance(self._answer, TransportError):
            raise self._answer
        return self._answer


def make_answer(
    body: bytes = EMPTY_LIST, *, status: int = 200, offset_s: float | None = 1.5
) -> Answer:
    """Return an answer."""
    return Answer(status=status, headers={}, body=body, server_date=None, offset_s=offset_s)


def make_client(
    http: ScriptedHttp, on_call: Callable[[CallKind], None] = lambda _: None
) -> CrmClient:
    """Return a client on scripted answers."""
    return CrmClient(SETTINGS, http=http, template="offer", on_call=on_call)


def make_row(**changes: object) -> CrmRow:
    """Return a row of a failed lead with changes."""
    fields: dict[str, object] = {
        "row_id": "2026-11-23/1001/1",
        "lead_id": "1001",
        "template_name": "offer",
        "to_phone_number": "+919812345678",
        "msg_status": "failed",
        "wati_message_id": None,
        "error_message": None,
        "sent_at": None,
        **changes,
    }
    return CrmRow(**fields)  # type: ignore[arg-type]


def parse_rows(*rows: object) -> tuple[Lead | MalformedLead, ...]:
    """Parse a list of these rows."""
    return parse_lead_list(json.dumps({"data": rows}).encode(), 500).leads


def test_list_of_rows_keeps_order_and_raw_values() -> None:
    """Name and number are judged elsewhere; unknown fields do not matter."""
    leads = parse_rows(
        {"lead_id": 2, "full_name": "Asha", "mobile_number_formatted": "+91", "city": "Pune"},
        {"lead_id": "1", "full_name": ["x"], "mobile_number_formatted": 98.5},
        {"lead_id": "3"},
    )

    assert leads == (
        Lead(lead_id="2", full_name="Asha", mobile_number="+91"),
        Lead(lead_id="1", full_name=["x"], mobile_number=98.5),
        Lead(lead_id="3", full_name=None, mobile_number=None),
    )


@pytest.mark.parametrize(
    ("raw", "lead_id"),
    [
        (123, "123"),
        ("123", "123"),
        ("00123", "00123"),
        (0, "0"),
        (-5, "-5"),
        (10**127, str(10**127)),
        ("../../etc/passwd", "../../etc/passwd"),
        ("CON", "CON"),
        ("a/b", "a/b"),
        ("__proto__", "__proto__"),
        ("x" * 128, "x" * 128),
        ("Zoe\u0308", "Zo\u00eb"),
        ("\u202eid", "\u202eid"),
    ],
)
def test_id_of_text_or_integer_is_opaque_text(raw: object, lead_id: str) -> None:
    """123 and "123" are one lead; letters are compared composed; nothing is a path."""
    assert parse_rows({"lead_id": raw}) == (
        Lead(lead_id=lead_id, full_name=None, mobile_number=None),
    )


@pytest.mark.parametrize(
    ("row", "lead_id", "reason"),
    [
        ({}, "", "lead_id is missing"),
        ({"lead_id": None}, "", "lead_id is missing"),
        ({"lead_id": True}, "", "lead_id is neither text nor integer"),
        ({"lead_id": 1.0}, "", "lead_id is neither text nor integer"),
        ({"lead_id": [1]}, "", "lead_id is neither text nor integer"),
        ({"lead_id": {"id": 1}}, "", "lead_id is neither text nor integer"),
        ({"lead_id": ""}, "", "lead_id is empty"),
        ({"lead_id": " \u00a0"}, "", "lead_id is empty"),
        ({"lead_id": "a\x00b"}, "a\\u0000b", "lead_id holds a control character"),
        ({"lead_id": "a\nb"}, "a\\u000ab", "lead_id holds a control character"),
        ({"lead_id": "a\ud800b"}, "a\\ud800b", "lead_id holds a control character"),
        ({"lead_id": "x" * 129}, "x" * 39 + "…", "lead_id is longer than 128 characters"),
        ({"lead_id": 10**200}, "1" + "0" * 38 + "…", "lead_id is longer than 128 characters"),
        (None, "", "the row is not an object"),
        ([], "", "the row is not an object"),
        ("1001", "", "the row is not an object"),
        (1001, "", "the row is not an object"),
    ],
)
def test_row_without_a_usable_id_is_malformed_and_spoils_no_other(
    row: object, lead_id: str, reason: str
) -> None:
    """The leads around it are served."""
    good = {"lead_id": 1}
    lead = Lead(lead_id="1", full_name=None, mobile_number=None)

    assert parse_rows(good, row, good) == (
        lead,
        MalformedLead(lead_id=lead_id, reason=reason),
        lead,
    )


def test_list_longer_than_asked_for_is_cut() -> None:
    """No more than asked for are used, malformed ones counted."""
    rows = [{"lead_id": number} for number in range(50_000)]
    leads = parse_lead_list(json.dumps({"data": rows}).encode(), 3).leads

    assert [lead.lead_id for lead in leads] == ["0", "1", "2"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>login</html>",
        b"[]",
        b"null",
        b"true",
        b'"ok"',
        b"7",
        b"{}",
        b'{"data": null}',
        b'{"data": {}}',
        b'{"data": {"lead_id": 1}}',
        b'{"data": "x"}',
        b'{"Data": []}',
        b'{"data": [',
        b'{"data": [NaN]}',
        b'{"data": [Infinity]}',
        b'{"data": [1e999999]}',
        b'{"data": [' + b"9" * 5_000 + b"]}",
        b"[" * 100_000,
        b'{"a":' * 5_000,
        b'{"data": [' + b"[" * 200 + b"]" * 200 + b"]}",
        '{"data": []}'.encode("utf-16"),
        b'{"data": ["\xff"]}',
    ],
)
def test_list_of_any_other_shape_is_one_error(body: bytes) -> None:
    """Cut, nested, endless, in another charset or simply something else."""
    with pytest.raises(LeadListError, match=r"^the body is not"):
        parse_lead_list(body, 500)


def test_list_with_a_byte_order_mark_is_read() -> None:
    """Some servers send one."""
    assert parse_lead_list(b"\xef\xbb\xbf" + EMPTY_LIST, 500).leads == ()


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(max_size=3), inner, max_size=3)
            | st.fixed_dictionaries({"lead_id": inner})
            | st.fixed_dictionaries({"data": st.lists(inner, max_size=4)})
        ),
        max_leaves=12,
    )
)
def test_list_of_any_json_is_leads_or_one_error(value: object) -> None:
    """Every lead that comes out has an id that can be kept in a file."""
    try:
        leads = parse_lead_list(json.dumps(value).encode(), 3).leads
    except LeadListError:
        return

    assert len(leads) <= 3
    for lead in leads:
        if isinstance(lead, Lead):
            assert 1 <= len(lead.lead_id) <= 128
            assert lead.lead_id.encode("utf-8")
        else:
            assert lead.reason


def test_fetch_asks_for_owner_limit_and_template() -> None:
    """One GET, repeated by the border where that is safe, with the token and a large cap."""
    http = ScriptedHttp(make_answer(b'{"data": [{"lead_id": 1}]}'))
    leads = make_client(http).fetch_leads(45).leads

    (request,) = http.requests
    assert len(leads) == 1
    assert (request.method, request.url) == ("GET", "https://crm.example.com/leads/")
    assert request.params == (("owner_id", "227"), ("limit", "45"), ("template_name", "offer"))
    assert request.headers["Authorization"] == "Token abc123"
    assert request.max_bytes == 16 * 1024 * 1024
    assert request.retry_reads
    assert request.json is None
    assert not request.is_send


def test_fetch_counts_every_try() -> None:
    """A repeated read is a call as well."""
    calls: list[CallKind] = []
    make_client(ScriptedHttp(make_answer(), tries=3), calls.append).fetch_leads(1)

    assert calls == [CallKind.LEADS] * 3


def test_fetch_remembers_the_clock_offset() -> None:
    """Unknown until a Date header was seen, and kept when a later answer has none."""
    client = make_client(ScriptedHttp(make_answer()))
    assert client.clock_offset_s is None

    client.fetch_leads(1)
    assert client.clock_offset_s == 1.5


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (201, "ask the CRM's administrator"),
        (204, "ask the CRM's administrator"),
        (302, "LEAD_API_URL"),
        (308, "LEAD_API_URL"),
        (400, "LEAD_OWNER_ID"),
        (401, "LEAD_API_TOKEN"),
        (403, "LEAD_API_TOKEN"),
        (404, "LEAD_API_URL"),
        (405, "LEAD_API_URL"),
        (429, "next scheduled run"),
        (500, "ask the CRM's administrator"),
        (503, "ask the CRM's administrator"),
    ],
)
def test_fetch_answered_otherwise_than_200_is_unreachable_with_a_hint(
    status: int, words: str
) -> None:
    """Even when the body would be a list; nothing of the body is shown."""
    client = make_client(ScriptedHttp(make_answer(b'{"data": [], "x": "\x1b[2J"}', status=status)))
    with pytest.raises(UnreachableError) as caught:
        client.fetch_leads(1)

    assert caught.value.service == "CRM"
    assert caught.value.exit_code == ExitCode.UNREACHABLE
    assert f"HTTP {status}" in str(caught.value)
    assert words in caught.value.hint
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("body", [b"<html>\x1b[2J secret</html>", b"[]", b"", b'{"data": 1}'])
def test_fetch_answered_with_another_shape_is_unreachable(body: bytes) -> None:
    """A login page with status 200 is no empty list."""
    client = make_client(ScriptedHttp(make_answer(body)))
    with pytest.raises(UnreachableError, match="not with a lead list") as caught:
        client.fetch_leads(1)

    assert str(caught.value).isprintable()
    assert "secret" not in str(caught.value)
    assert "LEAD_API_URL" in caught.value.hint


@pytest.mark.parametrize("fault", Fault)
def test_fetch_without_an_answer_is_unreachable(fault: Fault) -> None:
    """Whatever became of the call."""
    client = make_client(ScriptedHttp(TransportError("no route", fault=fault)))
    with pytest.raises(UnreachableError, match="lead list could not be read: no route") as caught:
        client.fetch_leads(1)

    assert caught.value.service == "CRM"
    assert client.clock_offset_s is None


def test_post_of_a_sent_message_has_every_field() -> None:
    """Texts as the CRM documents them, the time with its offset."""
    http = ScriptedHttp(make_answer(b"", status=201))
    row = make_row(
        msg_status="delivered",
        wati_message_id="m-1",
        error_message="",
        sent_at=datetime(2026, 11, 23, 6, 0, 1, 999, tzinfo=UTC),
    )

    assert make_client(http).post_row(row, deadline_s=3.0) == RowAnswer(taken=True)
    (request,) = http.requests
    assert request.json == {
        "lead_id": "1001",
        "message_content": "Template: offer",
        "msg_type": "template",
        "msg_status": "delivered",
        "to_phone_number": "+919812345678",
        "template_name": "offer",
        "wati_message_id": "m-1",
        "error_message": "",
        "sent_at": "2026-11-23T06:00:01+00:00",
    }
    assert (request.method, request.url) == ("POST", "https://crm.example.com/log/")
    assert request.headers["Authorization"] == "Token abc123"
    assert (request.deadline_s, request.max_bytes) == (3.0, 1 << 20)
    assert not request.retry_reads
    assert not request.is_send


def test_post_of_what_does_not_apply_leaves_it_out() -> None:
    """No null for a lead that was never messaged."""
    http = ScriptedHttp(make_answer(status=200))
    make_client(http).post_row(make_row(to_phone_number="12 34"), deadline_s=3.0)

    assert http.requests[0].json == {
        "lead_id": "1001",
        "message_content": "Template: offer",
        "msg_type": "template",
        "msg_status": "failed",
        "to_phone_number": "12 34",
        "template_name": "offer",
    }


@pytest.mark.parametrize("status", [202, 204, 302, 400, 401, 404, 429, 500])
def test_post_answered_otherwise_than_200_or_201_leaves_the_row_owed(status: int) -> None:
    """Only what the CRM documents as taken is taken."""
    http = ScriptedHttp(make_answer(b"\x1b[2J", status=status))

    answer = make_client(http).post_row(make_row(), deadline_s=3.0)

    assert answer == RowAnswer(taken=False, detail=f"HTTP {status}")


@pytest.mark.parametrize("fault", Fault)
def test_post_without_an_answer_leaves_the_row_owed(fault: Fault) -> None:
    """A row may come twice, a lost one never; the run goes on."""
    client = make_client(ScriptedHttp(TransportError("timed out", fault=fault)))

    answer = client.post_row(make_row(), deadline_s=3.0)

    assert answer == RowAnswer(taken=False, detail="timed out")


def test_post_counts_its_try_and_reads_the_clock() -> None:
    """One call, of the CRM log's kind; an answer without Date changes nothing."""
    calls: list[CallKind] = []
    client = make_client(ScriptedHttp(make_answer(status=201, offset_s=None)), calls.append)
    client.post_row(make_row(), deadline_s=3.0)

    assert calls == [CallKind.CRM_LOG]
    assert client.clock_offset_s is None

"""The lead list and the message log, without a network."""

import json

import pytest
from fakes import FakeClock
from hypothesis import given, settings
from hypothesis import strategies as st

from lead_automation.config import CrmSettings
from lead_automation.errors import ExitCode, UnreachableError
from lead_automation.http import Answer, Request
from lead_automation.leads.crm import CrmClient, LeadListError, MalformedLead, parse_lead_list
from lead_automation.models import Lead
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
    """Answer every call as told."""

    def __init__(self, body: bytes, status: int = 200) -> None:
        """Take the one answer."""
        self._answer = Answer(status=status, headers={}, body=body)

    def call(self, _request: Request) -> Answer:
        """Return the answer."""
        return self._answer


def fetch(http: ScriptedHttp) -> UnreachableError:
    """Fetch leads in vain, and return why."""
    client = CrmClient(
        SETTINGS, http=http, clock=FakeClock(), template="offer", on_call=lambda _: None
    )
    with pytest.raises(UnreachableError) as caught:
        client.fetch_leads(1)
    return caught.value


def parse_rows(*rows: object) -> tuple[Lead | MalformedLead, ...]:
    """Parse a list of these rows."""
    return parse_lead_list(json.dumps({"data": rows}).encode(), 500)


def test_list_of_rows_keeps_order_and_raw_values() -> None:
    """Name and number are judged elsewhere; unknown fields do not matter."""
    leads = parse_rows(
        {"lead_id": 2, "full_name": "Asha", "mobile_number_formatted": "+91", "city": "Pune"},
        {"lead_id": "1", "full_name": ["x"], "mobile_number_formatted": 98.5},
        {"lead_id": "3"},
    )

    assert leads == (
        Lead(lead_id="2", full_name="Asha", mobile_number="+91", given_id=2),
        Lead(lead_id="1", full_name=["x"], mobile_number=98.5),
        Lead(lead_id="3", full_name=None, mobile_number=None),
    )


@pytest.mark.parametrize(
    ("raw", "lead_id"),
    [
        (123, "123"),
        ("00123", "00123"),
        (-5, "-5"),
        (10**127, str(10**127)),
        ("Zoe\u0308", "Zo\u00eb"),
        *((text, text) for text in ("../../etc/passwd", "CON", "a/b", "x" * 128, "\u202eid")),
    ],
)
def test_id_of_text_or_integer_is_opaque_text(raw: int | str, lead_id: str) -> None:
    """123 and "123" are one lead; letters are compared composed; nothing is a path."""
    [lead] = parse_rows({"lead_id": raw})

    given_id = None if raw in (lead_id, 10**127) else raw
    assert lead == Lead(lead_id=lead_id, full_name=None, mobile_number=None, given_id=given_id)


@pytest.mark.parametrize(
    ("reason", "lead_id", "rows"),
    [
        ("lead_id is missing", "", ({}, {"lead_id": None})),
        ("lead_id is neither text nor integer", "", ({"lead_id": True}, {"lead_id": 1.0})),
        ("lead_id is neither text nor integer", "", ({"lead_id": [1]}, {"lead_id": {"id": 1}})),
        ("lead_id is empty", "", ({"lead_id": ""}, {"lead_id": " \u00a0"})),
        ("lead_id holds a control character", "a\\u0000b", ({"lead_id": "a\x00b"},)),
        ("lead_id holds a control character", "a\\u000ab", ({"lead_id": "a\nb"},)),
        ("lead_id holds a control character", "a\\ud800b", ({"lead_id": "a\ud800b"},)),
        ("lead_id is longer than 128 characters", "x" * 39 + "…", ({"lead_id": "x" * 129},)),
        ("lead_id is longer than 128 characters", "1" + "0" * 38 + "…", ({"lead_id": 10**200},)),
        ("the row is not an object", "", (None, [], "1001", 1001)),
    ],
)
def test_row_without_a_usable_id_is_malformed_and_spoils_no_other(
    reason: str, lead_id: str, rows: tuple[object, ...]
) -> None:
    """The leads around it are served."""
    lead = Lead(lead_id="1", full_name=None, mobile_number=None, given_id=1)
    bad = MalformedLead(lead_id=lead_id, reason=reason)

    assert parse_rows({"lead_id": 1}, *rows, {"lead_id": 1}) == (lead, *[bad] * len(rows), lead)


def test_list_longer_than_asked_for_is_cut() -> None:
    """No more than asked for are used, malformed ones counted."""
    rows = [{"lead_id": number} for number in range(5_000)]
    leads = parse_lead_list(json.dumps({"data": rows}).encode(), 3)

    assert [lead.lead_id for lead in leads] == ["0", "1", "2"]


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"<html>login</html>", b"[]", b"null", b"true", b'"ok"', b"7", b"{}"),
        *(b'{"data": null}', b'{"data": {}}', b'{"data": "x"}', b'{"Data": []}', b'{"data": ['),
        *(b'{"data": [NaN]}', b'{"data": [Infinity]}', b'{"data": [1e999999]}'),
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
    assert parse_lead_list(b"\xef\xbb\xbf" + EMPTY_LIST, 500) == ()


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
        leads = parse_lead_list(json.dumps(value).encode(), 3)
    except LeadListError:
        return

    assert len(leads) <= 3
    for lead in leads:
        if isinstance(lead, Lead):
            assert 1 <= len(lead.lead_id) <= 128
            assert lead.lead_id.encode("utf-8")
        else:
            assert lead.reason


@pytest.mark.parametrize(
    ("words", "statuses"),
    [
        ("ask the CRM's administrator", (201, 204, 500, 503)),
        ("LEAD_API_URL", (302, 308, 404, 405)),
        ("LEAD_OWNER_ID", (400,)),
        ("LEAD_API_TOKEN", (401, 403)),
        ("next scheduled run", (429,)),
    ],
)
def test_fetch_answered_otherwise_than_200_is_unreachable_with_a_hint(
    words: str, statuses: tuple[int, ...]
) -> None:
    """Even when the body would be a list; nothing of the body is shown."""
    for status in statuses:
        error = fetch(ScriptedHttp(b'{"data": [], "x": "\x1b[2J"}', status))

        assert (error.service, error.exit_code) == ("CRM", ExitCode.UNREACHABLE)
        assert f"HTTP {status}" in str(error)
        assert words in error.hint
        assert "\x1b" not in str(error)


@pytest.mark.parametrize("body", [b"<html>\x1b[2J secret</html>", b"[]", b"", b'{"data": 1}'])
def test_fetch_answered_with_another_shape_is_unreachable(body: bytes) -> None:
    """A login page with status 200 is no empty list."""
    error = fetch(ScriptedHttp(body))

    assert "not with a lead list" in str(error)
    assert str(error).isprintable()
    assert "secret" not in str(error)
    assert "LEAD_API_URL" in error.hint

"""WATI's requests and answers, as its reference gives them."""

import json
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from lead_automation.answers import ContactVerdict
from lead_automation.config import ApiVersion, WatiSettings
from lead_automation.models import TemplateMessage
from lead_automation.secret import Secret
from lead_automation.wati.calls import (
    contacts_request,
    messages_request,
    send_request,
)
from lead_automation.wati.wire import (
    WireError,
    digits_of,
    parse_contacts,
    parse_message_page,
    parse_moment,
    parse_object,
    parse_templates_page,
)

PHONE = "+919812345678"
SETTINGS = WatiSettings(
    api_key=Secret("t0ken"),
    host="https://live-server-1.wati.io",
    tenant=None,
    api_version=ApiVersion.V1,
    template="welcome_lead",
    parameter_names=("1", "2", "3"),
    channel_number=None,
    broadcast_name="lead_automation",
)
MESSAGE = TemplateMessage(
    phone=PHONE,
    template="welcome_lead",
    broadcast_name="lead_automation",
    parameters=(("1", "Asha"), ("2", "Anandi"), ("3", "+919512270915")),
)


def packed(value: object) -> bytes:
    """Return JSON bytes."""
    return json.dumps(value).encode()


def test_send_request_is_as_documented() -> None:
    """The number stands in the query without its plus, the rest in the body."""
    request = send_request(SETTINGS, MESSAGE)

    assert (request.method, request.is_send, request.retry_reads) == ("POST", True, False)
    assert request.url == "https://live-server-1.wati.io/api/v1/sendTemplateMessage"
    assert request.params == (("whatsappNumber", "919812345678"),)
    assert request.headers == {"Authorization": "Bearer t0ken"}
    assert request.json == {
        "template_name": "welcome_lead",
        "broadcast_name": "lead_automation",
        "parameters": [
            {"name": "1", "value": "Asha"},
            {"name": "2", "value": "Anandi"},
            {"name": "3", "value": "+919512270915"},
        ],
    }


def test_send_request_with_channel_names_it() -> None:
    """A configured sender is sent along."""
    request = send_request(SETTINGS, replace(MESSAGE, channel_number="15550001111"))

    assert isinstance(request.json, dict)
    assert request.json["channel_number"] == "15550001111"


def test_requests_on_shared_host_carry_the_tenant() -> None:
    """v2 is for sends; reads stay on v1; both need the tenant there."""
    settings = replace(SETTINGS, tenant="100138", api_version=ApiVersion.V2)
    send = send_request(settings, MESSAGE)
    read = messages_request(settings, PHONE, page=2, deadline_s=3)

    assert send.url == "https://live-server-1.wati.io/100138/api/v2/sendTemplateMessage"
    assert read.url == "https://live-server-1.wati.io/100138/api/v1/getMessages/919812345678"
    assert read.params == (("pageSize", "20"), ("pageNumber", "2"))
    assert (read.method, read.deadline_s, read.retry_reads) == ("GET", 3, False)


def test_contacts_request_asks_for_one_number() -> None:
    """The filter is JSON in the query."""
    request = contacts_request(SETTINGS, PHONE, deadline_s=3)

    assert request.url.endswith("/api/v1/getContacts")
    assert json.loads(dict(request.params)["attribute"]) == [
        {"name": "phone", "operator": "==", "value": "919812345678"}
    ]


ROW = {
    "eventDescription": 'Broadcast message with using "welcome_lead" template was received',
    "statusString": "FAILED",
    "failedDetail": "Message undeliverable",
    "failedCode": "131026",
    "localMessageId": None,
    "created": "2022-11-24T07:46:42.517Z",
    "eventType": "broadcastMessage",
    "owner": True,
}


@pytest.mark.parametrize("result", [{}, {"result": "success"}, {"result": True}])
def test_message_page_as_documented_is_read(result: dict[str, object]) -> None:
    """A row's fields come out typed."""
    (row,) = parse_message_page(packed(result | {"messages": {"items": [ROW]}})).rows

    assert row.kind == "broadcastMessage"
    assert not row.is_inbound
    assert row.status_word == "FAILED"
    assert row.message_id is None
    assert row.created_at == datetime(2022, 11, 24, 7, 46, 42, 517000, tzinfo=UTC)
    assert (row.failed_detail, row.failed_code) == ("Message undeliverable", 131026)


def test_message_row_of_odd_types_is_empty() -> None:
    """Fields of another type are as good as missing."""
    odd = {key: {"x": 1} for key in ROW} | {"owner": False, "localMessageId": 7}
    (row,) = parse_message_page(packed({"messages": {"items": [odd]}})).rows

    assert row.is_inbound
    assert (row.kind, row.description, row.status_word, row.failed_detail) == ("", "", "", "")
    assert (row.message_id, row.created_at, row.failed_code) == (None, None, None)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"<html>", b"[]", b"null", b"{}", b"[" * 100_000),
        *(b'{"messages": []}', b'{"messages": {"items": null}}', b'{"messages": {"items": [1]}}'),
        b'{"result": false, "info": "no", "messages": {"items": []}}',
        b'{"result": null, "messages": {"items": []}}',
        b'{"result": "error", "messages": {"items": []}}',
    ],
)
def test_message_page_of_another_shape_is_an_error(body: bytes) -> None:
    """Only the documented shape says what a number got."""
    with pytest.raises(WireError):
        parse_message_page(body)


def test_listing_that_says_no_gives_the_reason() -> None:
    """The vendor's words are in the message."""
    with pytest.raises(WireError, match="no tenant"):
        parse_message_page(packed({"result": False, "info": "no tenant"}))


def template(**changes: object) -> dict[str, object]:
    """Return a row of the template list."""
    names = [{"paramName": "1"}, {"paramName": "2"}, {"paramName": "3"}]
    row: dict[str, object] = {"elementName": "welcome_lead", "status": "Approved"}
    return row | {"language": {"key": "en"}, "customParams": names} | changes


def test_templates_page_as_documented_is_read() -> None:
    """Name, status in one case, and the parameters in order; a template may take none."""
    rows = [template(), template(customParams=None), template(elementName="other", customParams=5)]
    body = {"result": "success", "messageTemplates": rows, "link": {"pageSize": 50}}

    page = parse_templates_page(packed(body), "welcome_lead")

    assert page.page_size == 50
    assert [(r.name, r.status, r.parameter_names) for r in page.rows] == [
        ("welcome_lead", "APPROVED", ("1", "2", "3")),
        ("welcome_lead", "APPROVED", ()),
        ("other", "APPROVED", ()),
    ]


@pytest.mark.parametrize("link", [None, 5, {}, {"pageSize": 0}, {"pageSize": "50"}])
def test_templates_page_without_a_usable_size_has_none(link: object) -> None:
    """A link may be missing or odd."""
    body = {"messageTemplates": [], "link": link}

    assert parse_templates_page(packed(body), "welcome_lead").page_size is None


@pytest.mark.parametrize("params", [[{"paramName": 1}], [{}], ["1"], {"paramName": "1"}])
def test_templates_page_with_odd_parameters_of_ours_is_an_error(params: object) -> None:
    """Of our own template nothing is guessed."""
    with pytest.raises(WireError):
        parse_templates_page(
            packed({"messageTemplates": [template(customParams=params)]}), "welcome_lead"
        )


SAME = {"wAid": "919812345678"}


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        ([SAME | {"allowBroadcast": True}], ContactVerdict.SEND),
        ([{"phone": "+91 98123 45678", "optedIn": False}], ContactVerdict.SEND),
        ([SAME | {"allowBroadcast": False}], ContactVerdict.OPT_OUT),
        ([SAME, SAME | {"allowBroadcast": False}], ContactVerdict.OPT_OUT),
        ([SAME | {"contactStatus": "Invalid"}], ContactVerdict.INVALID),
        ([SAME | {"allowBroadcast": "false"}], ContactVerdict.SEND),
        ([{"wAid": "919800000000", "allowBroadcast": False}], None),
        ([{"allowBroadcast": False}], None),
    ],
)
def test_contact_of_this_number_decides(
    rows: list[dict[str, object]], verdict: ContactVerdict | None
) -> None:
    """Only rows of exactly this number say anything, and the strictest of them wins."""
    assert parse_contacts(packed({"contact_list": rows}), PHONE) is verdict


def test_contacts_of_another_shape_is_an_error() -> None:
    """No list, no verdict."""
    with pytest.raises(WireError):
        parse_contacts(b'{"contact_list": {}}', PHONE)


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2024-05-14T06:11:59.1Z", datetime(2024, 5, 14, 6, 11, 59, 100000, tzinfo=UTC)),
        ("2024-05-14T06:11:59.1234567Z", datetime(2024, 5, 14, 6, 11, 59, 123456, tzinfo=UTC)),
        ("2024-05-14T06:11:59", datetime(2024, 5, 14, 6, 11, 59, tzinfo=UTC)),
        ("2024-05-14T11:41:59+05:30", datetime(2024, 5, 14, 6, 11, 59, tzinfo=UTC)),
        ("0001-01-01T00:00:00+23:00", None),
        ("May-14-2024", None),
        ("", None),
        (1731564000, None),
        (None, None),
    ],
)
def test_moment_is_aware_utc_or_none(value: object, moment: datetime | None) -> None:
    """A time without an offset is UTC; what is no time is None."""
    assert parse_moment(value) == moment


@pytest.mark.parametrize(
    ("body", "words"), [(b" ", "nothing"), (b" <html>", "a web page"), (b"OK", "no JSON")]
)
def test_object_missing_says_what_came_instead(body: bytes, words: str) -> None:
    """The log says what kind of answer it was, not what stood in it."""
    with pytest.raises(WireError, match=words):
        parse_object(body)


@pytest.mark.parametrize("value", ["+91 98123-45678", 919812345678, "919812345678"])
def test_digits_are_all_that_is_compared(value: object) -> None:
    """However a number is written, its digits are the same."""
    assert digits_of(value) == "919812345678"

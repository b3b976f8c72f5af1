"""A page of the account's contacts, as v1 and v3 give it."""

import json

import pytest

from lead_automation.config import ApiVersion, WatiSettings
from lead_automation.secret import Secret
from lead_automation.wati.contacts import contacts_page_request, parse_contacts_page
from lead_automation.wati.wire import WireError

SETTINGS = WatiSettings(
    api_key=Secret("token-1234"),
    host="https://live-server-1.wati.io",
    tenant="100000",
    api_version=ApiVersion.V1,
    template="offer",
    parameter_names=("1", "2", "3"),
    channel_number=None,
    broadcast_name="x",
)


@pytest.mark.parametrize(
    ("is_v3", "url", "names"),
    [
        (False, "https://live-server-1.wati.io/100000/api/v1/getContacts", "pageSize pageNumber"),
        (True, "https://live-server-1.wati.io/api/ext/v3/contacts", "page_size page_number"),
    ],
)
def test_page_is_asked_for_as_the_version_has_it(*, is_v3: bool, url: str, names: str) -> None:
    """A hundred a page, once."""
    request = contacts_page_request(SETTINGS, page=3, is_v3=is_v3)

    assert request.url == url
    assert dict(request.params) == dict(zip(names.split(), ("100", "3"), strict=True))
    assert not request.retry_reads


def test_page_tells_who_does_not_allow_broadcasts_in_either_spelling() -> None:
    """Only a plain false is a no; a contact without a number is counted and left out."""
    rows = [
        {"wAid": "919810000001", "phone": "919810000001", "allowBroadcast": False},
        {"wa_id": "919810000002", "phone": "919810000002", "allow_broadcast": False},
        {"phone": "919810000003", "allowBroadcast": True},
        {"phone": "919810000004", "allowBroadcast": None},
        {"phone": "919810000005", "allowBroadcast": "false"},
        {"wAid": None, "phone": "instagram-user", "allowBroadcast": False},
    ]
    page = parse_contacts_page(json.dumps({"contact_list": rows, "page_number": 1}).encode())

    assert page.opted_out == ("+919810000001", "+919810000002")
    assert len(page.numbers) == 5
    assert (page.rows, page.total) == (6, None)


@pytest.mark.parametrize("total", [-1, "5", None, True, 2.5])
def test_total_that_is_no_count_is_none(total: object) -> None:
    """Then the price is not known either."""
    body = {"contact_list": [], "link": {"total": total}}

    assert parse_contacts_page(json.dumps(body).encode()).total is None


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b"{}", b'{"contact_list": [1]}', b'{"result": false}']
)
def test_other_shape_is_no_page(body: bytes) -> None:
    """What cannot be read might have been somebody's no."""
    with pytest.raises(WireError):
        parse_contacts_page(body)

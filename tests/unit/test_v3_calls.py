"""The requests of API v3, and what its readers make of any answer."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lead_automation.config import ApiVersion, WatiSettings
from lead_automation.models import TemplateMessage
from lead_automation.secret import Secret
from lead_automation.wati import v3_calls, v3_wire
from lead_automation.wati.wire import WireError

SETTINGS = WatiSettings(
    api_key=Secret("wati-token"),
    host="https://live-mt-server.wati.io",
    tenant="100138",
    api_version=ApiVersion.V3,
    template="welcome",
    parameter_names=("1", "2", "3"),
    channel_number=None,
    broadcast_name="lead_automation",
)
V3 = "https://live-mt-server.wati.io/api/ext/v3"


def test_send_is_the_documented_post_without_a_tenant() -> None:
    """Digits without a plus, our ids, null for the account's default sender."""
    messages = [
        TemplateMessage(
            phone=f"+91981234567{place}",
            template="welcome",
            broadcast_name="lead_automation 1 001",
            parameters=(("1", "Asha"), ("2", "Anandi")),
            message_id=f"message-id-{place}",
        )
        for place in range(2)
    ]

    request = v3_calls.send_request(SETTINGS, messages)

    assert (request.method, request.url) == ("POST", f"{V3}/messageTemplates/send")
    assert request.is_send
    assert not request.retry_reads
    assert request.headers == {"Authorization": "Bearer wati-token"}
    params = [{"name": "1", "value": "Asha"}, {"name": "2", "value": "Anandi"}]
    assert request.json == {
        "channel": None,
        "template_name": "welcome",
        "broadcast_name": "lead_automation 1 001",
        "recipients": [
            {
                "phone_number": f"91981234567{place}",
                "local_message_id": f"message-id-{place}",
                "custom_params": params,
            }
            for place in range(2)
        ],
    }


@pytest.mark.parametrize(
    "at",
    [
        datetime(2026, 11, 24, 0, 0, tzinfo=UTC),
        datetime(2026, 11, 24, 23, 59, 59, tzinfo=UTC),
        datetime(2026, 11, 25, 5, 29, tzinfo=timezone(timedelta(hours=5, minutes=30))),
    ],
)
def test_broadcasts_are_asked_for_a_day_either_side(at: datetime) -> None:
    """Whatever zone WATI reads the dates in."""
    request = v3_calls.broadcasts_request(SETTINGS, around=at, page=2, deadline_s=3.0)

    assert request.url == f"{V3}/broadcasts"
    assert dict(request.params) == {
        "date_from": "2026-11-23T00:00:00Z",
        "date_to": "2026-11-25T23:59:59Z",
        "page_number": "2",
        "page_size": "100",
    }
    assert request.fresh


def test_id_from_outside_stays_one_segment_of_the_address() -> None:
    """A hand edit of the history leads no call elsewhere."""
    request = v3_calls.recipients_request(SETTINGS, "../x?y=1#z", page=1, deadline_s=3.0)

    assert request.url == f"{V3}/broadcasts/..%2Fx%3Fy%3D1%23z/recipients"


NAMES = st.sampled_from(
    [
        *("broadcasts", "recipients", "templates", "statistics", "page_number", "total"),
        *("total_count", "totalCount", "id", "name", "contact_phone", "status", "failed_code"),
        *("local_message_id", "custom_params", "body_original", "wa_id", "allow_broadcast"),
        *("credit", "welcome_credit", "total_recipients", "total_pending", "success", "error"),
    ]
)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=15,
)


@given(st.binary(max_size=60) | ANY.map(lambda value: json.dumps(value).encode()))
def test_any_answer_is_read_or_refused(body: bytes) -> None:
    """No reader ends in another error than the one its caller knows."""
    for read in (
        v3_wire.parse_broadcasts_page,
        v3_wire.parse_recipients_page,
        v3_wire.parse_counters,
        v3_wire.parse_credits,
        lambda data: v3_wire.parse_templates_page(data, ""),
        lambda data: v3_wire.parse_contact(data, "+919812345671"),
    ):
        with suppress(WireError):
            read(body)


@pytest.mark.parametrize("credit", [10**400, True, False, "7", None, 1e300])
def test_credit_that_is_no_amount_is_refused(credit: object) -> None:
    """And not taken for none, or for endless credit."""
    with pytest.raises(WireError):
        v3_wire.parse_credits(json.dumps({"credit": credit}).encode())

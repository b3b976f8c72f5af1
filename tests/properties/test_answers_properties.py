"""Any answer at all: no crash, no yes that is not one, no absence that is not sure."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lead_automation.answers import LookupKind
from lead_automation.config import ApiVersion
from lead_automation.http import Answer
from lead_automation.http_rules import parse_http_date, parse_retry_after
from lead_automation.models import Failure, Outcome
from lead_automation.wati.failures import classify
from lead_automation.wati.lookup import Wanted, could_be_ours, judge_pages
from lead_automation.wati.outcomes import decide_answer
from lead_automation.wati.reasons import find_reason
from lead_automation.wati.wire import (
    WireError,
    parse_contacts,
    parse_message_page,
    parse_templates_page,
)

PHONE = "+919812345678"
NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
VERSIONS = st.sampled_from(ApiVersion)
KEYS = st.sampled_from(
    [
        "result",
        "info",
        "message",
        "error",
        "errors",
        "items",
        "messages",
        "receivers",
        "recipients",
        "waId",
        "localMessageId",
        "isValidWhatsAppNumber",
        "validWhatsAppNumber",
        "contact",
        "contact_list",
        "messageTemplates",
        "elementName",
        "customParams",
        "link",
        "code",
        "failedCode",
        "created",
        "eventType",
        "eventDescription",
    ]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30)
    | st.sampled_from(["success", "919812345678", "broadcastMessage", '"offer"', "offer"])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(), inner, max_size=6)
    ),
    max_leaves=25,
)
BODIES = st.binary(max_size=200) | VALUES.map(lambda value: json.dumps(value).encode())


def is_plain_yes(body: bytes) -> bool:
    """Whether a body has ``result`` exactly true."""
    try:
        value = json.loads(body)
    except ValueError:
        return False
    return isinstance(value, dict) and value.get("result") is True


@given(BODIES, VERSIONS, st.integers(200, 599), st.text(max_size=20))
@example(b'{"result": true}', ApiVersion.V1, 200, "")
@example(b'{"result": true}', ApiVersion.V2, 200, "")
def test_send_answer_of_any_kind_is_accepted_only_on_a_plain_yes(
    body: bytes, version: ApiVersion, status: int, header: str
) -> None:
    """Accepted needs a 200 with result true; a repetition needs certainty that nothing went."""
    answer = Answer(status=status, headers={"retry-after": header}, body=body)

    attempt = decide_answer(answer, version=version, phone=PHONE, now=NOW)

    if attempt.outcome is Outcome.ACCEPTED:
        assert status == 200
        assert is_plain_yes(body)
    else:
        assert attempt.failure is not None
        assert 0 < len(attempt.failure.text) <= 300
    if attempt.may_retry:
        assert (status, attempt.outcome) == (429, Outcome.NOT_SENT)


@given(BODIES)
def test_list_answers_of_any_kind_are_read_or_refused(body: bytes) -> None:
    """Each parser returns its value or says that the shape is another."""
    for parse in (
        parse_message_page,
        lambda data: parse_templates_page(data, "offer"),
        lambda data: parse_contacts(data, PHONE),
    ):
        try:
            parse(body)
        except WireError as exc:
            assert str(exc)  # noqa: PT017 - either way is fine, only not another error


@given(st.lists(st.dictionaries(KEYS, LEAVES, max_size=6), max_size=5))
def test_message_rows_of_any_kind_end_in_a_verdict(rows: list[dict[str, object]]) -> None:
    """Rows of any content are found, absent, doubtful or followed by a page."""
    page = parse_message_page(json.dumps({"messages": {"items": rows}}).encode())
    wanted = Wanted(template="offer", message_id=None, not_before=NOW, only_by_id=False)

    verdict = judge_pages([page], wanted, page_size=3)

    if verdict is not None and verdict.kind is LookupKind.ABSENT:
        assert not any(could_be_ours(row, wanted) for row in page.rows)
        assert not rows or any(row.created_at and row.created_at < NOW for row in page.rows)


@given(VALUES | BODIES, st.none() | st.integers(), st.none() | st.integers(100, 999))
def test_reason_of_any_kind_is_classified(
    payload: object, code: int | None, status: int | None
) -> None:
    """Whatever is refused for whatever reason has a row."""
    reason = find_reason(payload)

    failure = classify(reason.code if code is None else code, reason.text, http_status=status)

    assert isinstance(failure, Failure)
    assert len(reason.text) <= 300
    assert failure.text


@given(st.text(max_size=60))
@pytest.mark.parametrize("prefix", ["", "Sun, 22 Nov 2026 ", "-", "9"])
def test_header_values_of_any_kind_are_harmless(prefix: str, value: str) -> None:
    """A header never raises and never asks for a negative wait."""
    wait = parse_retry_after(prefix + value, NOW)
    moment = parse_http_date(prefix + value)

    assert wait is None or wait >= 0
    assert moment is None or moment.tzinfo is UTC

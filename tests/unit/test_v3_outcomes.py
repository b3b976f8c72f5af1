"""What one v3 POST came to, message by message: every form of its answer."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lead_automation.http import Answer
from lead_automation.models import ErrorCategory, Outcome, SendAttempt, TemplateMessage
from lead_automation.wati.v3_outcomes import decide_batch

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
IDS = ("aaaaaaaaaaaa", "bbbbbbbbbbbb", "cccccccccccc")
DIGITS = ("919812345671", "919812345672", "919812345673")
BROADCAST = "6741f0c2e1b2a90012345678"
ACCEPTED, REFUSED = Outcome.ACCEPTED, Outcome.REFUSED
NOT_SENT, UNKNOWN = Outcome.NOT_SENT, Outcome.UNKNOWN
MESSAGES = tuple(
    TemplateMessage(
        phone=f"+{digits}",
        template="welcome",
        broadcast_name="lead_automation 20261124T060000-3f9a 001",
        parameters=(("1", "Asha"),),
        message_id=message_id,
    )
    for message_id, digits in zip(IDS, DIGITS, strict=True)
)


def row(place: int, **changes: object) -> dict[str, object]:
    """Return a clean row of one of the three."""
    clean = {"local_message_id": IDS[place], "phone_number": DIGITS[place], "errors": []}
    return {name: value for name, value in {**clean, **changes}.items() if value != "left out"}


def yes(*rows: object, **changes: object) -> dict[str, object]:
    """Return a yes with these rows."""
    return {"success": True, "broadcast_id": BROADCAST, "error": None, "recipients": rows} | changes


def decide(body: object, status: int = 200, count: int = 3) -> list[SendAttempt]:
    """Return the outcomes of an answer; a body that is no bytes is sent as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return decide_batch(Answer(status=status, headers={}, body=data), MESSAGES[:count], now=NOW)


def outcomes(attempts: list[SendAttempt]) -> list[Outcome]:
    """Return what is known of each."""
    return [attempt.outcome for attempt in attempts]


ALL = [row(0), row(1), row(2)]
CAMEL = {"localMessageId": IDS[0], "phoneNumber": DIGITS[0], "errors": []}
FAULTY = row(1, errors=["Invalid phone number format."])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (yes(*ALL), [ACCEPTED] * 3),
        (yes(*reversed(ALL)), [ACCEPTED] * 3),
        (yes(*[row(place, errors=None) for place in range(3)]), [ACCEPTED] * 3),
        (yes(row(0), FAULTY, row(2)), [ACCEPTED, UNKNOWN, ACCEPTED]),
        (yes(row(0), row(2)), [ACCEPTED, UNKNOWN, ACCEPTED]),
        (yes(), [UNKNOWN] * 3),
        (yes(recipients=None), [UNKNOWN] * 3),
        (yes(row(0, errors={"code": 131026}), row(1), row(2)), [UNKNOWN, ACCEPTED, ACCEPTED]),
        (yes(row(0, errors="bad"), row(1), row(2)), [UNKNOWN, ACCEPTED, ACCEPTED]),
        (yes(row(0, isValidWhatsAppNumber=False), row(1), row(2)), [UNKNOWN, ACCEPTED, ACCEPTED]),
        # Matched by the id, else by the number.
        (yes(CAMEL, row(1), row(2)), [ACCEPTED] * 3),
        (yes(row(0, local_message_id=None), row(1), row(2)), [ACCEPTED] * 3),
        (yes(row(0, local_message_id="theirs-0001"), row(1), row(2)), [ACCEPTED] * 3),
        (yes(row(0, phone_number="left out"), row(1), row(2)), [ACCEPTED] * 3),
        (yes(row(0, phone_number=f"+{DIGITS[0]}"), row(1), row(2)), [ACCEPTED] * 3),
    ],
)
def test_clear_yes_is_a_yes_to_its_clean_rows(body: object, expected: list[Outcome]) -> None:
    """A row with errors, or none, leaves that lead to the recipients' list."""
    attempts = decide(body)

    assert outcomes(attempts) == expected
    assert {attempt.broadcast_id for attempt in attempts} == {BROADCAST}
    assert [attempt.message_id for attempt in attempts] == list(IDS)


@pytest.mark.parametrize(
    ("body", "broadcast_id"),
    [
        (
            yes(*ALL, row(0, local_message_id="dddddddddddd", phone_number="919800000000")),
            BROADCAST,
        ),
        (yes(row(0, phone_number="919800000000"), row(1), row(2)), BROADCAST),
        (yes(row(0, phone_number=DIGITS[1]), row(1), row(2)), BROADCAST),
        (yes(row(0, phone_number=DIGITS[1]), row(2)), BROADCAST),
        (yes(row(0, phone_number="left out", local_message_id=None), row(1), row(2)), BROADCAST),
        (yes(*ALL, row(0)), BROADCAST),
        (yes(*ALL, row(0, local_message_id=None)), BROADCAST),
        (yes(*ALL, broadcast_id=None), None),
        (yes(*ALL, broadcast_id=""), None),
        (yes(*ALL, broadcast_id=17), None),
        (yes(*ALL, broadcast_id="../contacts"), None),
        (yes(*ALL, broadcastId="6741f0c2e1b2a90099999999"), None),
        (yes(*ALL, error="Something is odd"), BROADCAST),
        (yes(*ALL, success="true"), BROADCAST),
        (yes(*ALL, success=1), BROADCAST),
        ({"result": True, "receivers": []}, None),
        ({"broadcastId": BROADCAST}, BROADCAST),
        (yes(*ALL, success=False, error="Template not approved"), BROADCAST),
        (yes("one row"), BROADCAST),
        (yes(recipients={"0": row(0)}), BROADCAST),
        (yes(row(0, localMessageId="bbbbbbbbbbbb"), row(1), row(2)), BROADCAST),
        (b'{"success": true, "success": false}', None),
        (b"<html>Sign in</html>", None),
        (b"", None),
        (b"[]", None),
    ],
)
def test_unclear_answer_leaves_the_whole_batch_unknown(
    body: object, broadcast_id: str | None
) -> None:
    """Nobody is called accepted or refused; a broadcast named is kept to be read at once."""
    attempts = decide(body)

    assert outcomes(attempts) == [UNKNOWN] * 3
    assert {attempt.broadcast_id for attempt in attempts} == {broadcast_id}
    assert not any(attempt.may_retry or attempt.send_alone for attempt in attempts)


def test_row_of_somebody_else_raises_the_alarm() -> None:
    """A stranger may have got a message that was meant for a lead."""
    [attempt, *_] = decide(yes(row(0, phone_number="919800000000"), row(1), row(2)))

    assert "ALARM" in attempt.reason.text


@pytest.mark.parametrize("status", [200, 400, 422])
@pytest.mark.parametrize(
    ("text", "alone"),
    [
        ("Invalid phone number format.", True),
        ("There are no valid Receivers", True),
        ("132012 Parameter format does not match", True),
        ("Template welcome is not approved", False),
        ("Message not sent: not enough credits, please top up", False),
        ("nobody knows these words", False),
    ],
)
def test_refusal_is_everybodys_unless_one_leads_own(status: int, text: str, *, alone: bool) -> None:
    """Nobody was sent; where one lead is to blame the others are sent one by one."""
    body = {"success": False, "error": text} if status == 200 else {"code": 1, "message": text}

    attempts = decide(body, status)
    [single] = decide(body, status, count=1)

    assert outcomes(attempts) == [NOT_SENT if alone else REFUSED] * 3
    assert {attempt.send_alone for attempt in attempts} == {alone}
    assert single.outcome is REFUSED
    assert single.reason.text == attempts[0].reason.text == text


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (401, b"", REFUSED),
        (403, {"code": 403, "message": "scope", "timestamp": "2026-11-24T06:00:00Z"}, REFUSED),
        (404, b"", REFUSED),
        (429, b"", NOT_SENT),
        (302, b"", NOT_SENT),
        (408, b"", UNKNOWN),
        (500, {"code": 500, "message": "oops"}, UNKNOWN),
        (502, b"502 BadGateway", UNKNOWN),
        (418, b"", UNKNOWN),
        # A no that names a broadcast is no clear no, whatever its status.
        (400, {"message": "Invalid phone number format.", "broadcast_id": BROADCAST}, UNKNOWN),
        (429, {"broadcastId": BROADCAST}, UNKNOWN),
        (500, {"broadcast_id": BROADCAST}, UNKNOWN),
    ],
)
def test_other_status_is_everybodys(status: int, body: object, outcome: Outcome) -> None:
    """As for one message: one POST, one outcome."""
    attempts = decide(body, status)

    assert outcomes(attempts) == [outcome] * 3
    assert attempts[0].broadcast_id == (BROADCAST if BROADCAST in json.dumps(str(body)) else None)
    assert attempts[0].may_retry == (status == 429 and outcome is NOT_SENT)
    assert attempts[0].reason.category is not ErrorCategory.INVALID_NUMBER


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=20)
    | st.sampled_from(IDS + DIGITS),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["success", "broadcast_id", "error", "recipients", "errors"])
            | st.sampled_from(["local_message_id", "phone_number", "localMessageId"]),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@given(JSON, st.sampled_from([200, 400, 429, 500]))
def test_whatever_comes_nobody_is_accepted_without_a_clear_yes(body: object, status: int) -> None:
    """Accepted takes a 200, a true success, a broadcast and a row of one's own."""
    attempts = decide(body, status)

    assert len(attempts) == 3
    if ACCEPTED in outcomes(attempts):
        assert status == 200
        assert isinstance(body, dict)
        assert body["success"] is True
        assert body["broadcast_id"]
        assert len(body["recipients"]) >= outcomes(attempts).count(ACCEPTED)
    for attempt in attempts:
        assert (attempt.failure is None) == (attempt.outcome is ACCEPTED)

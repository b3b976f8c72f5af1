"""What became of a send: every row of the outcome table."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from lead_automation.config import ApiVersion
from lead_automation.errors import Fault, TransportError
from lead_automation.http import Answer
from lead_automation.models import Action, ErrorCategory, Outcome, SendAttempt
from lead_automation.wati.outcomes import decide_answer, decide_fault

PHONE = "+919812345678"
DIGITS = "919812345678"
NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
V1, V2 = ApiVersion.V1, ApiVersion.V2

NETWORK = ErrorCategory.NETWORK_ERROR
UNCLEAR = ErrorCategory.UNKNOWN_ERROR
ACCOUNT = ErrorCategory.ACCOUNT_ISSUE
QUOTA = ErrorCategory.QUOTA_EXCEEDED
ABSENT = ErrorCategory.NOT_ON_WHATSAPP
NUMBER = ErrorCategory.INVALID_NUMBER


def decide(
    status: int,
    body: object = b"",
    version: ApiVersion = V1,
    *,
    retry_after: str | None = None,
) -> SendAttempt:
    """Return the outcome of an answer; a body that is no bytes is sent as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {} if retry_after is None else {"retry-after": retry_after}
    answer = Answer(status=status, headers=headers, body=data)
    return decide_answer(answer, version=version, phone=PHONE, now=NOW)


def receiver(**changes: object) -> dict[str, object]:
    """Return a good v2 answer with a changed receiver."""
    row = {"localMessageId": "id-1", "waId": DIGITS, "isValidWhatsAppNumber": True, "errors": []}
    return {"result": True, "error": None, "receivers": [row | changes]}


@pytest.mark.parametrize(
    ("fault", "outcome", "may_retry", "category", "action"),
    [
        (Fault.UNREACHABLE, Outcome.NOT_SENT, True, NETWORK, Action.NEXT),
        (Fault.CERTIFICATE, Outcome.NOT_SENT, False, ACCOUNT, Action.STOP),
        (Fault.LOST, Outcome.UNKNOWN, False, NETWORK, Action.NEXT),
    ],
)
def test_fault_without_answer_follows_its_row(
    *,
    fault: Fault,
    outcome: Outcome,
    may_retry: bool,
    category: ErrorCategory,
    action: Action,
) -> None:
    """What never left may be repeated; what may have arrived may not."""
    attempt = decide_fault(TransportError("https://wati: late", fault=fault))

    assert (attempt.outcome, attempt.may_retry) == (outcome, may_retry)
    assert attempt.failure is not None
    assert (attempt.failure.category, attempt.failure.action) == (category, action)
    assert "https://wati: late" in attempt.failure.text


def test_fault_of_our_own_border_is_raised() -> None:
    """A POST held back is no outcome."""
    with pytest.raises(TransportError, match="held"):
        decide_fault(TransportError("held", fault=Fault.FORBIDDEN))


@pytest.mark.parametrize(
    "body",
    [
        {"result": True},
        {
            "result": True,
            "phone_number": DIGITS,
            "parameteres": [],
            "contact": {"id": "c", "wAid": DIGITS, "phone": DIGITS},
            "model": {"ids": ["c"]},
            "validWhatsAppNumber": True,
        },
        {"result": True, "phoneNumber": f"+{DIGITS}", "templateName": "t"},
        {"result": True, "validWhatsAppNumber": None, "contact": None},
    ],
)
def test_v1_yes_is_accepted_without_id(body: object) -> None:
    """Exactly true is a yes; ``model.ids`` is the contact's id and no message id."""
    attempt = decide(200, body)

    assert (attempt.outcome, attempt.message_id) == (Outcome.ACCEPTED, None)
    assert attempt.failure is None


@pytest.mark.parametrize(("message_id", "kept"), [("id-1", "id-1"), ("", None), (7, None)])
def test_v2_yes_is_accepted_with_id(message_id: object, kept: str | None) -> None:
    """A yes on v2 brings the message id."""
    attempt = decide(200, receiver(localMessageId=message_id), V2)

    assert (attempt.outcome, attempt.message_id) == (Outcome.ACCEPTED, kept)


@pytest.mark.parametrize(
    ("version", "status", "body", "category", "action"),
    [
        (V1, 200, {"result": False, "info": "Invalid WhatsApp number"}, NUMBER, Action.NEXT),
        (V1, 200, {"result": False}, UNCLEAR, Action.NEXT),
        (V1, 200, {"result": True, "validWhatsAppNumber": False}, ABSENT, Action.NEXT),
        (V2, 200, {"result": False, "error": "Account suspended"}, ACCOUNT, Action.STOP),
        (V2, 200, receiver(errors=["Invalid phone number format."]), NUMBER, Action.NEXT),
        (V2, 200, receiver(errors=[{"code": 131026}]), ABSENT, Action.NEXT),
        (V2, 200, receiver(errors="odd"), UNCLEAR, Action.NEXT),
        (V2, 200, receiver(isValidWhatsAppNumber=False), ABSENT, Action.NEXT),
        (
            V2,
            200,
            receiver(isValidWhatsAppNumber=False, errors=["Invalid phone number format."]),
            NUMBER,
            Action.NEXT,
        ),
        (V1, 400, {"items": [{"description": "odd"}]}, UNCLEAR, Action.NEXT),
        (V1, 400, b"Whatsapp number should not be null or empty", NUMBER, Action.NEXT),
        (
            V1,
            400,
            {"message": "Message Sent Failed", "errors": [{"code": 131026, "message": "x"}]},
            ABSENT,
            Action.NEXT,
        ),
        (V1, 422, b"", UNCLEAR, Action.NEXT),
        (V1, 401, b"", ACCOUNT, Action.STOP),
        (V1, 403, b"", ACCOUNT, Action.STOP),
        (V1, 403, b"<html>Cloudflare</html>", ACCOUNT, Action.STOP),
        (V1, 404, b"", ACCOUNT, Action.STOP),
        (V1, 405, b"", ACCOUNT, Action.STOP),
    ],
)
def test_answer_that_says_no_is_refused(
    *,
    version: ApiVersion,
    status: int,
    body: object,
    category: ErrorCategory,
    action: Action,
) -> None:
    """A no is final, and its reason follows the failure table."""
    attempt = decide(status, body, version)

    assert (attempt.outcome, attempt.may_retry) == (Outcome.REFUSED, False)
    assert attempt.failure is not None
    assert (attempt.failure.category, attempt.failure.action) == (category, action)


@pytest.mark.parametrize(
    ("version", "body"),
    [
        *(
            (V1, body)
            for body in (b"<html>Log in</html>", b"", b"OK", b"\xff\xfe{}", b"[" * 100_000)
        ),
        (V1, b'{"result": ' + b"1" * 5000 + b"}"),
        (V1, b'{"result": true, "x": NaN}'),
        *((V1, {"result": result}) for result in ("true", "success", 1, None)),
        *((V1, body) for body in (b"{}", b"[]", b"null", b'"ok"')),
        (V1, {"result": True, "validWhatsAppNumber": "false"}),
        (V2, {"result": True}),
        (V2, {"result": True, "receivers": []}),
        (V2, {"result": True, "receivers": ["x"]}),
        (V2, {"result": True, "receivers": {"waId": DIGITS}}),
        (V2, receiver(waId=None)),
        (V2, receiver(isValidWhatsAppNumber="yes")),
        (V2, receiver() | {"error": "odd"}),
    ],
)
def test_answer_unreadable_is_unknown(version: ApiVersion, body: object) -> None:
    """Neither a plain yes nor a plain no: it may have been sent."""
    attempt = decide(200, body, version)

    assert (attempt.outcome, attempt.may_retry) == (Outcome.UNKNOWN, False)
    assert attempt.failure is not None
    assert (attempt.failure.category, attempt.failure.action) == (UNCLEAR, Action.NEXT)


@pytest.mark.parametrize(
    ("version", "body"),
    [
        (V1, {"result": True, "phone_number": "919800000000"}),
        (V1, {"result": True, "phoneNumber": "919800000000"}),
        (V1, {"result": True, "contact": {"wAid": "919800000000"}}),
        (V1, {"result": True, "phone_number": ""}),
        (V2, receiver(waId="919800000000")),
        (V2, receiver() | {"receivers": [{"waId": DIGITS}, {"waId": "919800000000"}]}),
    ],
)
def test_answer_for_another_number_is_unknown_and_alarms(version: ApiVersion, body: object) -> None:
    """Somebody else may have got the message; nothing is repeated."""
    attempt = decide(200, body, version)

    assert attempt.outcome is Outcome.UNKNOWN
    assert attempt.failure is not None
    assert attempt.failure.text.startswith("ALARM")


@pytest.mark.parametrize("status", [301, 302, 307])
def test_redirect_is_not_sent_and_stops(status: int) -> None:
    """A redirect was not followed, so nothing was sent; the address is wrong."""
    attempt = decide(status, b"<html>Moved</html>")

    assert (attempt.outcome, attempt.may_retry) == (Outcome.NOT_SENT, False)
    assert attempt.failure is not None
    assert (attempt.failure.category, attempt.failure.action) == (ACCOUNT, Action.STOP)
    assert "WATI_BASE_URL" in attempt.failure.text


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        (None, None),
        ("0", 0),
        ("7", 7),
        ("60", 60),
        ("soon", None),
        ("-5", None),
        (format_datetime(NOW + timedelta(seconds=20), usegmt=True), 20),
    ],
)
def test_rate_limit_is_not_sent_and_may_be_repeated(
    header: str | None, wait_s: float | None
) -> None:
    """A 429 was not processed; a sane wait, or none, is waited out."""
    attempt = decide(429, b"", retry_after=header)

    assert (attempt.outcome, attempt.may_retry) == (Outcome.NOT_SENT, True)
    assert attempt.retry_after_s == wait_s
    assert attempt.failure is not None
    assert (attempt.failure.category, attempt.failure.action) == (QUOTA, Action.WAIT)


@pytest.mark.parametrize(
    ("body", "header"),
    [
        (b"", "61"),
        (b"", "99999999"),
        (b"", "9" * 5000),
        (b"API usage limit exceeded", "5"),
        ({"message": "API usage limit exceeded"}, None),
        (b"Upgrade your plan", None),
    ],
)
def test_usage_limit_is_not_sent_and_stops(body: object, header: str | None) -> None:
    """A used-up allowance does not come back by waiting."""
    attempt = decide(429, body, retry_after=header)

    assert (attempt.outcome, attempt.may_retry) == (Outcome.NOT_SENT, False)
    assert attempt.failure is not None
    assert (attempt.failure.category, attempt.failure.action) == (QUOTA, Action.STOP)


def test_rate_limit_date_is_measured_from_the_servers() -> None:
    """Our own clock, an hour wrong, does not make a wait out of a date."""
    answer = Answer(
        status=429,
        headers={"retry-after": format_datetime(NOW + timedelta(seconds=5), usegmt=True)},
        body=b"",
        server_date=NOW,
    )

    attempt = decide_answer(answer, version=V1, phone=PHONE, now=NOW - timedelta(hours=1))

    assert attempt.retry_after_s == 5


@pytest.mark.parametrize("status", [408, 500, 502, 504, 599])
def test_server_trouble_is_unknown(status: int) -> None:
    """The write may have happened, whatever the body says."""
    attempt = decide(status, {"result": False, "info": "Account suspended"})

    assert (attempt.outcome, attempt.may_retry) == (Outcome.UNKNOWN, False)
    assert attempt.failure is not None
    assert (attempt.failure.category, attempt.failure.action) == (NETWORK, Action.NEXT)
    assert attempt.failure.hold is None


@pytest.mark.parametrize("status", [201, 204, 402, 407, 409, 499])
def test_odd_status_is_unknown(status: int) -> None:
    """A status nobody documents is no yes, and no certain no."""
    attempt = decide(status, {"result": True})

    assert attempt.outcome is Outcome.UNKNOWN
    assert attempt.failure is not None
    assert f"HTTP {status}" in attempt.failure.text

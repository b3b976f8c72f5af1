"""What became of a send, for everything that can happen after its POST; pure.

Two sides must never be confused. *Not sent* is certain and may be repeated; *unknown* may have
arrived, and is settled by asking, never by sending again (RFC 9110, 9.2.2; WATI has no field that
makes a send idempotent: docs.wati.io/reference/messagetemplate_sendtemplatemessages, 2026-10-30).
"""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from types import MappingProxyType

from msgspec.structs import replace

from lead_automation.config import ApiVersion
from lead_automation.errors import Fault, TransportError
from lead_automation.http import Answer
from lead_automation.http_rules import parse_retry_after
from lead_automation.models import Action, ErrorCategory, Failure, Outcome, SendAttempt
from lead_automation.wati.failures import MAX_TEXT_CHARS, classify
from lead_automation.wati.reasons import find_reason
from lead_automation.wati.wire import WireError, digits_of, message_id_of, parse_object

LONGEST_WAIT_S = 60.0
"""A 429 that asks for more is no rate limit but a used-up allowance: WATI's window is 10 s."""

_NOT_SENT, _UNKNOWN = Outcome.NOT_SENT, Outcome.UNKNOWN
_NETWORK, _ACCOUNT = ErrorCategory.NETWORK_ERROR, ErrorCategory.ACCOUNT_ISSUE
_UNCLEAR = ErrorCategory.UNKNOWN_ERROR


def _row(
    outcome: Outcome,
    category: ErrorCategory,
    rule_id: str,
    text: str,
    action: Action = Action.NEXT,
    *,
    may_retry: bool = False,
) -> SendAttempt:
    failure = Failure(category=category, action=action, rule_id=rule_id, text=text)
    return SendAttempt(outcome=outcome, failure=failure, may_retry=may_retry)


# What speaks for itself; the rest has its reason from the failure table.
_BY_FAULT: Mapping[Fault, SendAttempt] = MappingProxyType(
    {
        Fault.UNREACHABLE: _row(
            _NOT_SENT, _NETWORK, "w32", "WATI cannot be reached", may_retry=True
        ),
        # Waiting does not mend a certificate, and the next lead would meet the same one.
        Fault.CERTIFICATE: _row(
            _NOT_SENT,
            _ACCOUNT,
            "certificate",
            "WATI's certificate is refused: check WATI_BASE_URL",
            Action.STOP,
        ),
        Fault.LOST: _row(_UNKNOWN, _NETWORK, "w31", "the message may or may not have been sent"),
    }
)
# Never followed: following a 302 turns the POST into a GET that may end in a harmless 200.
_REDIRECT = _row(
    _NOT_SENT, _ACCOUNT, "redirect", "WATI sends us elsewhere: check WATI_BASE_URL", Action.STOP
)
UNREADABLE = _row(_UNKNOWN, _UNCLEAR, "w33", "WATI's answer cannot be read")
OTHER_NUMBER = _row(
    _UNKNOWN,
    _UNCLEAR,
    "other-number",
    "ALARM: WATI answered for another number than the one asked to message;"
    " look at the WATI dashboard before the next run",
)
_ODD_STATUS = _row(_UNKNOWN, _UNCLEAR, "odd-status", "WATI answers with an odd status")
_NOT_ON_WHATSAPP = Failure(
    category=ErrorCategory.NOT_ON_WHATSAPP,
    action=Action.NEXT,
    rule_id="w01",
    text="WATI says the number is not on WhatsApp",
)
# The documented refusals (https://docs.wati.io/reference/errors, read 2026-11-22), and 422, a 400
# by another name. No other 4xx is documented as a refusal, so it counts as unknown.
_REFUSALS = frozenset({400, 401, 403, 404, 405, 422})
# With the 5xx they meet every call alike; all others speak of the one message asked about.
_AWAY = frozenset({401, 403, 408, 429})


def decide_fault(error: TransportError) -> SendAttempt:
    """Return what a send without a whole answer came to.

    Raises:
        TransportError: The same, when our own border held the POST back: no outcome, but a bug or
            a dry run.
    """
    if error.fault is Fault.FORBIDDEN:
        raise error
    return detailed(_BY_FAULT[error.fault], str(error))


def decide_answer(answer: Answer, *, version: ApiVersion, phone: str, now: datetime) -> SendAttempt:
    """Return what a send with a whole answer came to.

    Args:
        answer: Whatever its status.
        version: API version the send went to.
        phone: E.164 of the recipient.
        now: Aware; for a ``Retry-After`` that is a date, should the answer have none of its own.
    """
    if answer.status == HTTPStatus.OK:
        return _read_ok(answer.body, version, digits_of(phone))
    return decide_status(answer, now)


def decide_status(answer: Answer, now: datetime) -> SendAttempt:
    """Return what a send came to whose answer is no 200, on any version."""
    status = answer.status
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return _too_many(answer, now)
    if status in _REFUSALS:
        return SendAttempt(outcome=Outcome.REFUSED, failure=failure_of(answer))
    if status == HTTPStatus.REQUEST_TIMEOUT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return SendAttempt(outcome=Outcome.UNKNOWN, failure=failure_of(answer))
    is_redirect = HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST
    return detailed(_REDIRECT if is_redirect else _ODD_STATUS, f"HTTP {status}")


def failure_of(answer: Answer) -> Failure:
    """Return what an answer that says no means, by the failure table."""
    reason = find_reason(answer.body)
    return classify(reason.code, reason.text, http_status=answer.status)


def says_away(status: int) -> bool:
    """Whether no look-up of any message would be answered now, by the status of one."""
    return status in _AWAY or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def detailed(attempt: SendAttempt, detail: str) -> SendAttempt:
    """Return an outcome whose reason says more."""
    own = attempt.reason
    text = f"{own.text} ({detail})"[:MAX_TEXT_CHARS]
    return replace(attempt, failure=replace(own, text=text))


def _too_many(answer: Answer, now: datetime) -> SendAttempt:
    # A date is compared with the server's own clock: ours may be wrong by hours.
    asked_s = parse_retry_after(answer.headers.get("retry-after"), answer.server_date or now)
    failure = failure_of(answer)
    if asked_s is not None and asked_s > LONGEST_WAIT_S and failure.action is not Action.STOP:
        text = f"{failure.text}, for {asked_s:.0f} s: an allowance is used up"[:MAX_TEXT_CHARS]
        failure = replace(failure, action=Action.STOP, rule_id="w18", text=text)
    # A 429 was not processed, so the same lead may be tried again.
    may_retry = failure.action is not Action.STOP
    return SendAttempt(
        outcome=Outcome.NOT_SENT,
        failure=failure,
        may_retry=may_retry,
        retry_after_s=asked_s if may_retry else None,
    )


def _read_ok(body: bytes, version: ApiVersion, digits: str) -> SendAttempt:
    """Read a 200, strictly: whatever is not a plain yes or no is neither.

    v1: ``{"result": true, "phone_number": "9198…", …, "validWhatsAppNumber": true}`` or just
    ``{"result": true}``. v2: ``{"result": true, "error": null, "receivers": [{"localMessageId":
    "…", "waId": "9198…", "isValidWhatsAppNumber": true, "errors": []}]}``. A no has ``result``
    false, a receiver with errors, or a number that is not on WhatsApp. ``"success"`` as result
    belongs to lists and means nothing here.
    """
    try:
        # One that says both yes and no says neither.
        answer = parse_object(body, reject_duplicates=True)
        if answer.get("result") is False:
            return refused(answer)
        if answer.get("result") is not True:
            return detailed(UNREADABLE, "its result is neither true nor false")
        return (_read_v1 if version is ApiVersion.V1 else _read_v2)(answer, digits)
    except WireError as exc:
        return detailed(UNREADABLE, str(exc))


def _read_v1(answer: dict[str, object], digits: str) -> SendAttempt:
    contact = answer.get("contact")
    # Both spellings were seen, and answers with neither: some are just {"result": true}.
    named = [answer.get("phone_number"), answer.get("phoneNumber")]
    if isinstance(contact, dict):
        named += [contact.get("wAid"), contact.get("phone")]
    if any(number is not None and digits_of(number) != digits for number in named):
        return OTHER_NUMBER
    if _is_no_number(answer, "validWhatsAppNumber"):
        return refused(answer, or_else=_NOT_ON_WHATSAPP)
    # Without an id: the one in ``model.ids`` was seen to be the contact's.
    return SendAttempt(outcome=Outcome.ACCEPTED)


def _read_v2(answer: dict[str, object], digits: str) -> SendAttempt:
    receivers = _receivers(answer)
    # Even beside our number: then somebody else got the message as well.
    if any(digits_of(receiver["waId"]) != digits for receiver in receivers):
        return OTHER_NUMBER
    for receiver in receivers:
        if _is_no_number(receiver, "isValidWhatsAppNumber"):
            return refused(answer, or_else=_NOT_ON_WHATSAPP)
        if receiver.get("errors"):
            return refused({"receivers": receivers})
    return SendAttempt(outcome=Outcome.ACCEPTED, message_id=message_id_of(receivers[0]))


def _receivers(answer: dict[str, object]) -> list[dict[str, object]]:
    """Return who the message went to, at least one.

    Raises:
        WireError: Nobody, somebody without a number, or an error beside the yes.
    """
    receivers = answer.get("receivers")
    if not isinstance(receivers, list) or not receivers:
        msg = "it names no receiver"
        raise WireError(msg)
    if not all(isinstance(receiver, dict) and receiver.get("waId") for receiver in receivers):
        msg = "it has a receiver without a number"
        raise WireError(msg)
    if answer.get("error"):
        msg = "it says yes and names an error"
        raise WireError(msg)
    return receivers


def _is_no_number(part: dict[str, object], key: str) -> bool:
    value = part.get(key)
    if value is None or isinstance(value, bool):
        return value is False
    msg = f"its {key} is neither true nor false"
    raise WireError(msg)


def refused(answer: dict[str, object], *, or_else: Failure | None = None) -> SendAttempt:
    """Return a refusal, by the reason given; by or_else where the table does not know that one."""
    reason = find_reason(answer)
    failure = classify(reason.code, reason.text)
    if or_else is not None and failure.category is _UNCLEAR:
        failure = or_else
    return SendAttempt(outcome=Outcome.REFUSED, failure=failure)

"""Read the 200 of a send, strictly: whatever is not a plain yes or no is neither; pure."""

from dataclasses import dataclass
from enum import Enum

from lead_automation.config import ApiVersion
from lead_automation.models import Action, ErrorCategory, Failure
from lead_automation.wati.failures import classify
from lead_automation.wati.reasons import find_reason
from lead_automation.wati.wire import WireError, digits_of, message_id_of, parse_object


class AnswerKind(Enum):
    """What a 200 says."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    OTHER_NUMBER = "other_number"
    """It speaks of another number than the one asked about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendAnswer:
    """A send's 200, read.

    Attributes:
        message_id: For ACCEPTED on v2, where WATI gives one.
        failure: For REFUSED.
        detail: For UNREADABLE: what is wrong with it.
    """

    kind: AnswerKind
    message_id: str | None = None
    failure: Failure | None = None
    detail: str = ""


def parse_send_answer(body: bytes, *, version: ApiVersion, phone: str) -> SendAnswer:
    """Return what WATI says to a send.

    v1: ``{"result": true, "phone_number": "9198…", …, "validWhatsAppNumber": true}`` or just
    ``{"result": true}``. v2: ``{"result": true, "error": null, "receivers": [{"localMessageId":
    "…", "waId": "9198…", "isValidWhatsAppNumber": true, "errors": []}]}``. A no has ``result``
    false, a receiver with errors, or a number that is not on WhatsApp. ``"success"`` as result
    belongs to lists and means nothing here.

    Args:
        body: Of a 200.
        version: API version the send went to.
        phone: E.164 of the recipient.
    """
    try:
        # One that says both yes and no says neither.
        answer = parse_object(body, reject_duplicates=True)
        if answer.get("result") is False:
            return _refused(answer)
        if answer.get("result") is not True:
            return _unreadable("its result is neither true nor false")
        read = _read_v1 if version is ApiVersion.V1 else _read_v2
        return read(answer, digits_of(phone))
    except WireError as exc:
        return _unreadable(str(exc))


def _read_v1(answer: dict[str, object], digits: str) -> SendAnswer:
    contact = answer.get("contact")
    named = [answer.get("phone_number"), answer.get("phoneNumber")]
    if isinstance(contact, dict):
        named += [contact.get("wAid"), contact.get("phone")]
    if any(number is not None and digits_of(number) != digits for number in named):
        return SendAnswer(kind=AnswerKind.OTHER_NUMBER)
    if _is_no_number(answer, "validWhatsAppNumber"):
        return _not_on_whatsapp(answer)
    return SendAnswer(kind=AnswerKind.ACCEPTED)


def _read_v2(answer: dict[str, object], digits: str) -> SendAnswer:
    receivers = _receivers(answer)
    if any(digits_of(receiver["waId"]) != digits for receiver in receivers):
        return SendAnswer(kind=AnswerKind.OTHER_NUMBER)
    for receiver in receivers:
        if _is_no_number(receiver, "isValidWhatsAppNumber"):
            return _not_on_whatsapp(answer)
        if receiver.get("errors"):
            return _refused({"receivers": receivers})
    return SendAnswer(kind=AnswerKind.ACCEPTED, message_id=message_id_of(receivers[0]))


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


def _refused(answer: dict[str, object]) -> SendAnswer:
    reason = find_reason(answer)
    return SendAnswer(kind=AnswerKind.REFUSED, failure=classify(reason.code, reason.text))


def _not_on_whatsapp(answer: dict[str, object]) -> SendAnswer:
    """Return a refusal, by the reason given if that is a known one, else by the flag itself."""
    reason = find_reason(answer)
    failure = classify(reason.code, reason.text)
    if failure.category is ErrorCategory.UNKNOWN_ERROR:
        failure = Failure(
            category=ErrorCategory.NOT_ON_WHATSAPP,
            action=Action.NEXT,
            rule_id="w01",
            text="WATI says the number is not on WhatsApp",
        )
    return SendAnswer(kind=AnswerKind.REFUSED, failure=failure)


def _unreadable(detail: str) -> SendAnswer:
    return SendAnswer(kind=AnswerKind.UNREADABLE, detail=detail)

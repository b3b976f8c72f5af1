"""One table: what became of a send, for everything that can happen after its POST; pure.

Two sides must never be confused. *Not sent* is certain and may be repeated; *unknown* may have
arrived, and is settled by asking, never by sending again (RFC 9110, 9.2.2; WATI has no field that
makes a send idempotent: docs.wati.io/reference/messagetemplate_sendtemplatemessages, 2026-10-30).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from http import HTTPStatus
from types import MappingProxyType

from lead_automation.config import ApiVersion
from lead_automation.errors import Fault, TransportError
from lead_automation.http import Answer
from lead_automation.http_rules import parse_retry_after
from lead_automation.models import Action, ErrorCategory, Failure, Outcome, SendAttempt
from lead_automation.wati.failures import MAX_TEXT_CHARS, classify
from lead_automation.wati.reasons import find_reason
from lead_automation.wati.send_answer import AnswerKind, parse_send_answer

LONGEST_WAIT_S = 60.0
"""A 429 that asks for more is no rate limit but a used-up allowance."""


class Event(Enum):
    """What can happen to a POST."""

    NO_CONNECTION = "DNS failure, refused, no route, or no connection in time"
    CERTIFICATE = "certificate refused"
    LOST = "no answer, half an answer or an unreadable one, or a stalled TLS handshake"
    YES = "200, result true, receiver without errors"
    NO = "200 that says no, 400, 401, 403, 404, 405, 422"
    ANOTHER_SHAPE = "200, but a web page, nothing, or another shape"
    ANOTHER_NUMBER = "200, but for another number"
    REDIRECT = "3xx"
    RATE_LIMIT = "429 with a sane wait, or none"
    USAGE_LIMIT = "429 naming a usage limit, or asking for more than a minute"
    SERVER_TROUBLE = "408, 5xx"
    ODD_STATUS = "any other status"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an event means.

    Attributes:
        may_retry: The same lead may be tried again in place.
        failure: None where the failure table decides, or where there is none.
    """

    outcome: Outcome
    may_retry: bool = False
    failure: Failure | None = None


def _network(rule_id: str, text: str) -> Failure:
    return Failure(
        category=ErrorCategory.NETWORK_ERROR, action=Action.NEXT, rule_id=rule_id, text=text
    )


def _unclear(rule_id: str, text: str) -> Failure:
    return Failure(
        category=ErrorCategory.UNKNOWN_ERROR, action=Action.NEXT, rule_id=rule_id, text=text
    )


def _settings(rule_id: str, text: str) -> Failure:
    return Failure(
        category=ErrorCategory.ACCOUNT_ISSUE, action=Action.STOP, rule_id=rule_id, text=text
    )


OUTCOME_TABLE: Mapping[Event, Verdict] = MappingProxyType(
    {
        Event.NO_CONNECTION: Verdict(
            Outcome.NOT_SENT, may_retry=True, failure=_network("w32", "WATI cannot be reached")
        ),
        Event.CERTIFICATE: Verdict(
            Outcome.NOT_SENT,
            failure=_settings("certificate", "WATI's certificate is refused: check WATI_BASE_URL"),
        ),
        Event.LOST: Verdict(
            Outcome.UNKNOWN, failure=_network("w31", "the message may or may not have been sent")
        ),
        Event.YES: Verdict(Outcome.ACCEPTED),
        Event.NO: Verdict(Outcome.REFUSED),
        Event.ANOTHER_SHAPE: Verdict(
            Outcome.UNKNOWN, failure=_unclear("w33", "WATI's answer cannot be read")
        ),
        Event.ANOTHER_NUMBER: Verdict(
            Outcome.UNKNOWN,
            failure=_unclear(
                "other-number",
                "ALARM: WATI answered for another number than the one asked to message;"
                " look at the WATI dashboard before the next run",
            ),
        ),
        Event.REDIRECT: Verdict(
            Outcome.NOT_SENT,
            failure=_settings("redirect", "WATI sends us elsewhere: check WATI_BASE_URL"),
        ),
        Event.RATE_LIMIT: Verdict(Outcome.NOT_SENT, may_retry=True),
        Event.USAGE_LIMIT: Verdict(Outcome.NOT_SENT),
        Event.SERVER_TROUBLE: Verdict(Outcome.UNKNOWN),
        Event.ODD_STATUS: Verdict(
            Outcome.UNKNOWN, failure=_unclear("odd-status", "WATI answers with an odd status")
        ),
    }
)

_BY_FAULT: Mapping[Fault, Event] = MappingProxyType(
    {
        Fault.UNREACHABLE: Event.NO_CONNECTION,
        Fault.CERTIFICATE: Event.CERTIFICATE,
        Fault.LOST: Event.LOST,
    }
)
_BY_KIND: Mapping[AnswerKind, Event] = MappingProxyType(
    {
        AnswerKind.ACCEPTED: Event.YES,
        AnswerKind.REFUSED: Event.NO,
        AnswerKind.UNREADABLE: Event.ANOTHER_SHAPE,
        AnswerKind.OTHER_NUMBER: Event.ANOTHER_NUMBER,
    }
)
_REFUSALS = frozenset({400, 401, 403, 404, 405, 422})


def decide_fault(error: TransportError) -> SendAttempt:
    """Return what a send without a whole answer came to.

    Raises:
        TransportError: The same, when our own border held the POST back: no outcome, but a bug or
            a dry run.
    """
    if error.fault is Fault.FORBIDDEN:
        raise error
    return _attempt(_BY_FAULT[error.fault], detail=str(error))


def decide_answer(answer: Answer, *, version: ApiVersion, phone: str, now: datetime) -> SendAttempt:
    """Return what a send with a whole answer came to.

    Args:
        answer: Whatever its status.
        version: API version the send went to.
        phone: E.164 of the recipient.
        now: Aware; for a ``Retry-After`` that is a date, should the answer have none of its own.
    """
    status = answer.status
    if status == HTTPStatus.OK:
        said = parse_send_answer(answer.body, version=version, phone=phone)
        return _attempt(
            _BY_KIND[said.kind],
            detail=said.detail,
            failure=said.failure,
            message_id=said.message_id,
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return _too_many(answer, now)
    if status in _REFUSALS:
        return _attempt(Event.NO, failure=_failure_of(answer))
    if status == HTTPStatus.REQUEST_TIMEOUT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _attempt(Event.SERVER_TROUBLE, failure=_failure_of(answer))
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return _attempt(Event.REDIRECT, detail=f"HTTP {status}")
    return _attempt(Event.ODD_STATUS, detail=f"HTTP {status}")


def _too_many(answer: Answer, now: datetime) -> SendAttempt:
    asked_s = parse_retry_after(answer.headers.get("retry-after"), answer.server_date or now)
    failure = _failure_of(answer)
    if asked_s is not None and asked_s > LONGEST_WAIT_S and failure.action is not Action.STOP:
        text = f"{failure.text}, for {asked_s:.0f} s: an allowance is used up"[:MAX_TEXT_CHARS]
        failure = replace(failure, action=Action.STOP, rule_id="w18", text=text)
    if failure.action is Action.STOP:
        return _attempt(Event.USAGE_LIMIT, failure=failure)
    return replace(_attempt(Event.RATE_LIMIT, failure=failure), retry_after_s=asked_s)


def _failure_of(answer: Answer) -> Failure:
    reason = find_reason(answer.body)
    return classify(reason.code, reason.text, http_status=answer.status)


def _attempt(
    event: Event,
    *,
    detail: str = "",
    failure: Failure | None = None,
    message_id: str | None = None,
) -> SendAttempt:
    verdict = OUTCOME_TABLE[event]
    own = verdict.failure
    if own is not None and detail:
        own = replace(own, text=f"{own.text} ({detail})"[:MAX_TEXT_CHARS])
    return SendAttempt(
        outcome=verdict.outcome,
        message_id=message_id,
        failure=own or failure,
        may_retry=verdict.may_retry,
    )

"""What became of the messages of one v3 POST; pure.

A yes to the POST is a yes to those it lists without errors. What it says against one lead is not
believed: WATI was seen to accept impossible numbers and documents that invalid ones may simply be
missing, so such a message is unknown until the broadcast's own list of recipients tells.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from http import HTTPStatus

from msgspec.structs import replace

from lead_automation.http import Answer
from lead_automation.models import Outcome, SendAttempt, TemplateMessage
from lead_automation.strictjson import JsonError, parse_json
from lead_automation.wati.failures import may_be_one_leads_own
from lead_automation.wati.outcomes import (
    OTHER_NUMBER,
    UNREADABLE,
    decide_status,
    detailed,
    refused,
)
from lead_automation.wati.reasons import find_reason
from lead_automation.wati.v3_wire import field_of, id_of
from lead_automation.wati.wire import WireError, digits_of, parse_object, rows_of

_Rows = dict[str, dict[str, object]]
"""The answer's rows by our message id."""


class _ForeignRowError(WireError):
    """A row for somebody we did not write to, or two for one message."""


def decide_batch(
    answer: Answer, messages: Sequence[TemplateMessage], *, now: datetime
) -> list[SendAttempt]:
    """Return what a POST with a whole answer came to, message by message.

    Shape: ``{"success": true, "broadcast_id": "…", "error": null, "recipients":
    [{"local_message_id": "…", "phone_number": "9198…", "errors": []}]}``.

    Args:
        answer: Whatever its status.
        messages: Of the POST, in its order, each with our ``message_id``; no number twice.
        now: Aware; for a ``Retry-After`` that is a date, should the answer have none of its own.
    """
    broadcast_id, names_one = _named_broadcast(answer.body)
    if answer.status != HTTPStatus.OK:
        found = _whole(decide_status(answer, now), messages, names_one=names_one)
    else:
        try:
            found = _read_ok(answer.body, messages, names_one=names_one)
        except _ForeignRowError:
            found = [OTHER_NUMBER] * len(messages)
        except WireError as exc:
            found = [detailed(UNREADABLE, str(exc))] * len(messages)
    return [
        replace(attempt, message_id=message.message_id, broadcast_id=broadcast_id)
        for attempt, message in zip(found, messages, strict=True)
    ]


def _named_broadcast(body: bytes) -> tuple[str | None, bool]:
    """Return the broadcast an answer names, and whether it names one at all, readable or not."""
    try:
        value = parse_json(body)
        broadcast_id = id_of(value, "broadcast_id") if isinstance(value, dict) else None
    except JsonError:
        return None, False
    except WireError:
        return None, True
    return broadcast_id, broadcast_id is not None


def _whole(
    attempt: SendAttempt, messages: Sequence[TemplateMessage], *, names_one: bool
) -> list[SendAttempt]:
    """Return one outcome for all of a batch."""
    if names_one and attempt.outcome is not Outcome.UNKNOWN:
        attempt = detailed(UNREADABLE, f"it says no and names a broadcast: {attempt.reason.text}")
    is_alone = len(messages) == 1
    if attempt.outcome is Outcome.REFUSED and not is_alone and may_be_one_leads_own(attempt.reason):
        # Nobody was sent, and one of them must not keep the others from being sent.
        attempt = replace(attempt, outcome=Outcome.NOT_SENT, send_alone=True)
    return [attempt] * len(messages)


def _read_ok(
    body: bytes, messages: Sequence[TemplateMessage], *, names_one: bool
) -> list[SendAttempt]:
    """Read a 200, strictly: whatever is not a plain yes or no is neither.

    Raises:
        WireError: It is neither.
    """
    # One that says both yes and no says neither.
    answer = parse_object(body, reject_duplicates=True)
    success = answer.get("success")
    if success is False:
        return _whole(refused(answer), messages, names_one=names_one)
    if success is not True:
        msg = "its success is neither true nor false"
        raise WireError(msg)
    if answer.get("error"):
        msg = f"it says yes and names an error: {find_reason(answer).text}"
        raise WireError(msg)
    if id_of(answer, "broadcast_id") is None:
        msg = "it says yes and names no broadcast"
        raise WireError(msg)
    rows = _rows_by_message(answer, messages)
    return [_read_row(rows.get(message.message_id or "")) for message in messages]


def _rows_by_message(answer: dict[str, object], messages: Sequence[TemplateMessage]) -> _Rows:
    """Return each message's row.

    Raises:
        _ForeignRowError: A row is nobody's of ours, or the second of one message.
        WireError: The list cannot be read.
    """
    rows: _Rows = {}
    if answer.get("recipients") is None:
        return rows
    digits_by_id = {message.message_id or "": digits_of(message.phone) for message in messages}
    id_by_digits = {digits: message_id for message_id, digits in digits_by_id.items()}
    for row in rows_of(answer, "recipients"):
        given = field_of(row, "local_message_id")
        message_id = given if isinstance(given, str) and given in digits_by_id else None
        for digits in _digits_in(row):
            # By digits where WATI did not keep our id; both must mean the same lead.
            owner = id_by_digits.get(digits)
            if owner is None or message_id not in (None, owner):
                raise _ForeignRowError
            message_id = owner
        if message_id is None or message_id in rows:
            raise _ForeignRowError
        rows[message_id] = row
    return rows


def _digits_in(row: dict[str, object]) -> Iterator[str]:
    """Yield every number a row names, whatever it calls it."""
    for name in ("phone_number", "wa_id"):
        number = field_of(row, name)
        if number is not None:
            yield digits_of(number)


def _read_row(row: dict[str, object] | None) -> SendAttempt:
    if row is None:
        return detailed(UNREADABLE, "its yes does not mention this lead")
    errors = row.get("errors")
    is_valid = field_of(row, "is_valid_whats_app_number") is not False
    if errors in (None, []) and is_valid:
        return SendAttempt(outcome=Outcome.ACCEPTED)
    reason = find_reason({"errors": errors}).text or "no reason given"
    return detailed(UNREADABLE, f"it says yes, and an error for this lead: {reason}")

"""Message records and CRM rows as the JSON objects of the state files and the journal.

A record, under its day and lead id::

    {"phone": "+919800000000", "template": "welcome", "counsellor": "Anandi", "status": "sent",
     "message_id": null, "sent_at": "2026-11-22T09:15:24+05:30",
     "updated_at": "2026-11-22T09:15:34+05:30", "attempts": 1}

and ``"unknown": true`` or ``"error_category": "opt_out"`` where they apply.
"""

import json
from datetime import date, datetime

from lead_automation.models import CrmRow, ErrorCategory, MessageRecord, MessageStatus
from lead_automation.state.schema import (
    Pool,
    SchemaError,
    check_keys,
    count_of,
    day_of,
    lead_id_of,
    object_of,
    optional_text_of,
    phone_of,
    refuse,
    text_of,
)

ROW_STATUSES = frozenset({"sent", "delivered", "read", "failed"})

_STATUSES = {status.value: status for status in MessageStatus}
_CATEGORIES = {category.value: category for category in ErrorCategory}
_RECORD_KEYS = frozenset(
    {
        "phone",
        "template",
        "counsellor",
        "status",
        "message_id",
        "sent_at",
        "updated_at",
        "attempts",
    }
)
_RECORD_OPTIONAL = frozenset({"unknown", "error_category"})
_ROW_KEYS = frozenset(
    {
        "lead_id",
        "template_name",
        "to_phone_number",
        "msg_status",
        "wati_message_id",
        "error_message",
        "sent_at",
    }
)

# One call of the C encoder; a dict per record would double the time of writing a long history.
_quoted = json.JSONEncoder(ensure_ascii=True).encode
_quoted_as_is = json.JSONEncoder(ensure_ascii=False).encode


def quote(text: str) -> str:
    """Return a text as JSON, readable where it can be written as UTF-8 at all."""
    if text.isascii():
        return _quoted(text)
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can carry and UTF-8 cannot
        return _quoted(text)
    return _quoted_as_is(text)


def bare_record(day: date, lead_id: str) -> MessageRecord:
    """Return what an earlier form's bare lead id means: messaged that day, nothing else known."""
    return MessageRecord(
        lead_id=lead_id,
        day=day,
        phone=None,
        template=None,
        counsellor=None,
        status=MessageStatus.SENT,
    )


def parse_record(value: object, day: date, lead_id: str, pool: Pool) -> MessageRecord:
    """Return the record an object describes.

    Raises:
        SchemaError: Any key is missing, unknown or not of its form.
    """
    fields = object_of(value)
    if fields.keys() != _RECORD_KEYS:
        check_keys(fields, _RECORD_KEYS, _RECORD_OPTIONAL)
    phone, template, counsellor = fields["phone"], fields["template"], fields["counsellor"]
    record = MessageRecord(
        lead_id=lead_id,
        day=day,
        phone=None if phone is None else phone_of(phone, "phone"),
        template=None if template is None else pool.text(text_of(template, "template")),
        counsellor=None if counsellor is None else pool.text(text_of(counsellor, "counsellor")),
        status=_status_of(fields["status"]),
        message_id=optional_text_of(fields["message_id"], "message_id"),
        sent_at=pool.parse_time(fields["sent_at"], "sent_at"),
        updated_at=pool.parse_time(fields["updated_at"], "updated_at"),
        attempts=count_of(fields["attempts"], "attempts"),
        unknown=_unknown_of(fields.get("unknown", False)),
        error_category=_category_of(fields.get("error_category")),
    )
    if record.sent_at is None and template is not None:
        _check_unsent(record)
    return record


def _check_unsent(record: MessageRecord) -> None:
    """Refuse a message that says it went out but not when: it would not count as sent."""
    if record.unknown or record.status is not MessageStatus.FAILED:
        msg = "a message that is not failed needs the time it was sent at"
        raise SchemaError(msg, "sent_at")


def _status_of(value: object) -> MessageStatus:
    status = _STATUSES.get(value) if isinstance(value, str) else None
    if status is None:
        refuse(value, f"one of {', '.join(sorted(_STATUSES))}", "status")
    return status


def _unknown_of(value: object) -> bool:
    if not isinstance(value, bool):
        refuse(value, "true or false", "unknown")
    return value


def _category_of(value: object) -> ErrorCategory | None:
    if value is None:
        return None
    category = _CATEGORIES.get(value) if isinstance(value, str) else None
    if category is None:
        refuse(value, f"one of {', '.join(sorted(_CATEGORIES))}", "error_category")
    return category


def dump_record(record: MessageRecord) -> str:
    """Return a record as one line of JSON, without day and lead id."""
    line = (
        f'{{"phone": {_or_null(record.phone)}, "template": {_or_null(record.template)}, '
        f'"counsellor": {_or_null(record.counsellor)}, "status": "{record.status.value}", '
        f'"message_id": {_or_null(record.message_id)}, "sent_at": {_time(record.sent_at)}, '
        f'"updated_at": {_time(record.updated_at)}, "attempts": {record.attempts}'
    )
    if record.unknown:
        line += ', "unknown": true'
    if record.error_category is not None:
        line += f', "error_category": "{record.error_category.value}"'
    return line + "}"


def _or_null(text: str | None) -> str:
    return "null" if text is None else quote(text)


def _time(time: datetime | None) -> str:
    return "null" if time is None else f'"{time.isoformat()}"'


def parse_journal_record(value: object, pool: Pool) -> MessageRecord:
    """Return the record a journal line carries: with ``day`` and ``lead_id`` inside."""
    fields = dict(object_of(value))
    try:
        day, lead_id = fields.pop("day"), fields.pop("lead_id")
    except KeyError as exc:
        msg = f"{exc} is missing"
        raise SchemaError(msg) from exc
    return parse_record(fields, day_of(text_of(day, "day")), lead_id_of(lead_id), pool)


def dump_journal_record(record: MessageRecord) -> str:
    """Return a record as JSON with ``day`` and ``lead_id`` inside."""
    inside = f'{{"day": "{record.day.isoformat()}", "lead_id": {quote(record.lead_id)}, '
    return inside + dump_record(record)[1:]


def parse_row(value: object, row_id: str, pool: Pool) -> CrmRow:
    """Return the CRM row an object describes.

    Raises:
        SchemaError: Any key is missing, unknown or not of its form.
    """
    fields = object_of(value)
    check_keys(fields, _ROW_KEYS)
    status = text_of(fields["msg_status"], "msg_status")
    if status not in ROW_STATUSES:
        refuse(status, f"one of {', '.join(sorted(ROW_STATUSES))}", "msg_status")
    return CrmRow(
        row_id=row_id,
        lead_id=lead_id_of(fields["lead_id"]),
        template_name=pool.text(text_of(fields["template_name"], "template_name")),
        to_phone_number=text_of(fields["to_phone_number"], "to_phone_number"),
        msg_status=pool.text(status),
        wati_message_id=optional_text_of(fields["wati_message_id"], "wati_message_id"),
        error_message=optional_text_of(fields["error_message"], "error_message"),
        sent_at=pool.parse_time(fields["sent_at"], "sent_at"),
    )


def dump_row(row: CrmRow) -> str:
    """Return a CRM row as one line of JSON, without its id."""
    return (
        f'{{"lead_id": {quote(row.lead_id)}, "template_name": {quote(row.template_name)}, '
        f'"to_phone_number": {quote(row.to_phone_number)}, "msg_status": "{row.msg_status}", '
        f'"wati_message_id": {_or_null(row.wati_message_id)}, '
        f'"error_message": {_or_null(row.error_message)}, "sent_at": {_time(row.sent_at)}}}'
    )


def parse_journal_row(value: object, pool: Pool) -> CrmRow:
    """Return the CRM row a journal line owes: with ``row_id`` inside."""
    fields = dict(object_of(value))
    row_id = text_of(fields.pop("row_id", None), "row_id")
    return parse_row(fields, row_id, pool)


def dump_journal_row(row: CrmRow) -> str:
    """Return a CRM row as JSON with ``row_id`` inside."""
    return f'{{"row_id": {quote(row.row_id)}, ' + dump_row(row)[1:]

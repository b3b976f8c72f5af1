"""The CRM rows a message owes: what they say and how they are named. Pure."""

from math import inf

from lead_automation.models import MessageStatus
from lead_automation.stored import CrmRow, MessageRecord

SECOND_ROW = "/failed"
"""Ends the id of the row that tells of a failure learned after the first row was taken."""

_MAX_RAW_PHONE_CHARS = 128
"""Enough to recognise it in the CRM."""


def row_prefix(record: MessageRecord) -> str:
    """Return what the ids of all rows of a lead's day begin with: ``2026-11-22/1001/``."""
    return f"{record.day.isoformat()}/{record.lead_id}/"


def first_row_id(record: MessageRecord) -> str:
    """Return the id of a message's first row: ``2026-11-22/1001/1``, the attempt behind."""
    return f"{row_prefix(record)}{record.attempts}"


def make_row(
    record: MessageRecord, named: str, *, error: str | None = None, raw_phone: str = ""
) -> CrmRow:
    """Return the row that says what is known of a message.

    Args:
        record: The message; one nobody was messaged with has no time.
        named: The row's id.
        error: Why it failed.
        raw_phone: What the CRM has in place of a number.
    """
    status = record.status
    return CrmRow(
        row_id=named,
        lead_id=record.lead_id,
        template_name=record.template or "",
        to_phone_number=record.phone or raw_phone[:_MAX_RAW_PHONE_CHARS],
        # The CRM knows no "pending"; a message WATI accepted counts as sent until it says more.
        msg_status=MessageStatus.SENT.value if status is MessageStatus.PENDING else status.value,
        wati_message_id=record.message_id,
        error_message=error,
        sent_at=record.sent_at,
        given_id=record.given_id,
    )


def by_age(row: CrmRow) -> tuple[str, float]:
    """Return what rows are put in order by, oldest first: their day, then when it was sent."""
    # The day stands in front of every row's id; of those nobody was messaged with, no time is kept.
    return (row.row_id[: len("2026-11-22")], row.sent_at.timestamp() if row.sent_at else inf)

"""Bring a run's report up to date with what the history has learned of its messages since."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from lead_automation.models import Counsellor, ErrorCategory, MessageStatus, Outcome
from lead_automation.reporting.analytics import CampaignAnalytics
from lead_automation.runs import LeadRow, RunMode, RunResult
from lead_automation.stored import MessageRecord
from lead_automation.text import mask_phone

# Row and record are written from one moment; a second allows for a form that rounds.
_SAME_SEND = timedelta(seconds=1)


def refreshed(result: RunResult, records: Iterable[MessageRecord], known_at: datetime) -> RunResult:
    """Return the run with every status as the history knows it now; itself where nothing is new.

    A lead the history does not know any more keeps what the report had.

    Args:
        result: A kept run; only a production run's messages are in the history.
        records: The history of the run's days at least.
        known_at: Aware; the moment the history is of.
    """
    if result.mode is not RunMode.PRODUCTION:
        return result
    known = {}
    for record in (record for record in records if record.sent_at or record.attempts):
        shown = _shown(record)
        # Numbers stand masked in the report, in an old one ids too; the whole id is the surer one.
        known[shown.lead_id, shown.phone] = record
        known[shown.full_id or shown.lead_id, shown.phone] = record
    rows = [_row(row, known.get((row.full_id or row.lead_id, row.phone))) for row in result.rows]
    if rows == list(result.rows):
        return result
    return _recounted(result, rows, known_at)


def _shown(record: MessageRecord) -> LeadRow:
    return LeadRow(
        position=0,
        lead_id=record.lead_id,
        name="",
        phone=mask_phone(record.phone or ""),
        status=record.status,
    )


def _row(row: LeadRow, record: MessageRecord | None) -> LeadRow:
    """Return a lead's row as the record of the same send tells it."""
    if record is None or row.at is None or row.outcome not in (Outcome.ACCEPTED, Outcome.UNKNOWN):
        return row
    if record.sent_at is None or record.sent_at - row.at > _SAME_SEND:
        # Settled as never arrived, and perhaps sent again since: this run's send came to nothing.
        if row.outcome is Outcome.ACCEPTED:
            return row
        return replace(
            row,
            outcome=Outcome.NOT_SENT,
            status=MessageStatus.FAILED,
            error_category=ErrorCategory.NETWORK_ERROR,
            error_message="WATI has no such message",
            rule=None,
        )
    if record.unknown or row.at - record.sent_at > _SAME_SEND:
        return row
    has_failed = record.status is MessageStatus.FAILED
    return replace(
        row,
        outcome=Outcome.ACCEPTED,
        status=record.status,
        message_id=record.message_id,
        replied=record.replied,
        error_category=record.error_category if has_failed else None,
        error_message=row.error_message if has_failed else None,
        rule=row.rule if has_failed else None,
    )


def _recounted(result: RunResult, rows: list[LeadRow], known_at: datetime) -> RunResult:
    """Return the run with other rows and every figure counted anew; how it ended stays."""
    books = CampaignAnalytics(
        run_id=result.run_id,
        mode=result.mode,
        template=result.template,
        counsellors=[
            Counsellor(name=name, number="", daily_limit=its.daily_limit)
            for name, its in result.counsellors.items()
        ],
    )
    books.fetched(result.leads.fetched)
    for row in rows:
        books.put(row)
    counted = books.finish(
        status=result.status,
        reason=result.reason,
        exit_code=result.exit_code,
        started_at=result.started_at,
        ended_at=result.ended_at,
        used_today={name: its.used_today for name, its in result.counsellors.items()},
        warnings=result.warnings,
        month=result.month,
        calls=result.api_calls,
    )
    return replace(
        counted,
        next_steps=result.next_steps,
        held=result.held,
        known_at=known_at,
        history_days=result.history_days,
    )

"""Keep how far each lead is, and say what happened to it, in one place."""

import logging
from datetime import datetime

from msgspec.structs import replace

from lead_automation.models import ErrorCategory, Failure, MessageStatus, Outcome
from lead_automation.reporting.analytics import CampaignAnalytics
from lead_automation.reporting.progress import Progress
from lead_automation.runs import LeadRow, SkipReason
from lead_automation.stored import MessageRecord

_WORD_CHARS = 40  # a status is one word; what is longer is no status
_MIN_POSITION_WIDTH = 3  # [001/045], the form that scripts search by

_log = logging.getLogger(__name__)


class LeadProgress:
    """How far each lead is: its row of the report, the progress line and the log, kept together.

    People and scripts search the log for these lines, so their beginnings are fixed.
    """

    def __init__(self, analytics: CampaignAnalytics, *, display: Progress) -> None:
        self._analytics = analytics
        self._display = display
        self._rows: dict[str, LeadRow] = {}
        self._words: dict[str, str] = {}

    def started(self, row: LeadRow, total: int, to_go: int) -> None:
        """Note that a lead's turn has come; its row names the counsellor.

        Args:
            row: The lead's.
            total: Leads fetched.
            to_go: Leads that may still be attempted, this one included.
        """
        counsellor = row.counsellor or ""
        self._display.update(self._analytics.counters, counsellor=counsellor, to_go=to_go)
        width = max(_MIN_POSITION_WIDTH, len(str(total)))
        place = f"{row.position:0{width}}/{total:0{width}}"
        _log.info("📞 [%s] %s → %s", place, row.name, counsellor)

    def planned(self, row: LeadRow) -> None:
        """Note a lead that a real run would message."""
        self._put(row)

    def skipped(
        self,
        row: LeadRow,
        reason: SkipReason,
        text: str,
        category: ErrorCategory | None,
        at: datetime,
    ) -> None:
        """Note a lead that is not attempted; a category makes it one of the run's errors."""
        row = replace(
            row,
            skip=reason,
            error_category=category,
            error_message=text,
            status=MessageStatus.FAILED if category else MessageStatus.PENDING,
            at=at,
        )
        self._put(row)
        # The row's own words: the reason may quote the list, and the row masks that.
        who = row.name or f"lead {row.lead_id or row.position}"
        _log.info("⏭️ SKIPPED: %s | %s", who, row.error_message)

    def attempted(self, row: LeadRow, record: MessageRecord) -> None:
        """Note that a lead is reserved: until its send is settled, it may have been messaged."""
        self._rows[record.lead_id] = row
        self._change(record, outcome=Outcome.UNKNOWN, failure=None)

    def accepted(self, record: MessageRecord) -> None:
        """Note WATI's yes."""
        row = self._change(record, outcome=Outcome.ACCEPTED, failure=None)
        _say_sent(row)

    def refused(
        self,
        record: MessageRecord,
        failure: Failure,
        *,
        outcome: Outcome,
        tried_again: bool = False,
    ) -> None:
        """Note a no, or a send that never left."""
        row = self._change(record, outcome=outcome, failure=failure)
        if tried_again:
            _log.info("⏳ PENDING: %s | %s; tried again", row.name, failure.text)
        else:
            _log.info("❌ FAILED: %s | %s", row.name, failure.text)

    def unknown(self, record: MessageRecord, failure: Failure) -> None:
        """Note a send whose fate is unknown."""
        row = self._change(record, outcome=Outcome.UNKNOWN, failure=failure)
        text = "⏳ PENDING: %s | no clear answer (%s); asked again later"
        _log.info(text, row.name, failure.text)

    def news(self, record: MessageRecord, failure: Failure | None, *, word: str = "") -> None:
        """Note what a status read said of an accepted message.

        Args:
            record: As it is now known.
            failure: Of a message now known to have failed.
            word: WATI's own status word where it means neither delivery nor failure.
        """
        self._words[record.lead_id] = word[:_WORD_CHARS]
        before = self._rows[record.lead_id]
        row = self._change(record, outcome=Outcome.ACCEPTED, failure=failure)
        if before.outcome is not Outcome.ACCEPTED:
            _say_sent(row)
        if row.status is not before.status:
            _say_status(row)

    def following(self, count: int, until: float) -> None:
        """Note that messages are followed, until a steady second at the latest."""
        self._display.following(count, until)

    def still_pending(self) -> None:
        """Say at the end whose delivery nobody knows yet."""
        for lead_id, row in self._rows.items():
            if row.outcome is Outcome.ACCEPTED and row.status in _NO_WORD:
                word = self._words.get(lead_id)
                says = f'; WATI says "{word}"' if word else ""
                _log.info("⏳ PENDING: %s | no word of delivery yet%s", row.name, says)

    def _change(
        self, record: MessageRecord, *, outcome: Outcome, failure: Failure | None
    ) -> LeadRow:
        row = replace(
            self._rows[record.lead_id],
            counsellor=record.counsellor,
            status=record.status,
            outcome=outcome,
            error_category=failure.category if failure else None,
            error_message=failure.text if failure else None,
            rule=failure.rule_id if failure else None,
            message_id=record.message_id,
            at=_latest(record),
            replied=record.replied,
        )
        self._rows[record.lead_id] = row
        self._put(row)
        return row

    def _put(self, row: LeadRow) -> None:
        self._analytics.put(row)
        self._display.update(self._analytics.counters)


_NO_WORD = (MessageStatus.PENDING, MessageStatus.SENT)


def _say_sent(row: LeadRow) -> None:
    """Log WATI's yes; the v1 API gives no message id."""
    its_id = f" | ID: {row.message_id}" if row.message_id else ""
    _log.info("📤 SENT: %s%s", row.name, its_id)


def _say_status(row: LeadRow) -> None:
    match row.status:
        case MessageStatus.DELIVERED:
            _log.info("📱 DELIVERED: %s", row.name)
        case MessageStatus.READ:
            _log.info("👀 READ: %s", row.name)
        case MessageStatus.FAILED:
            _log.info("❌ FAILED: %s | %s", row.name, row.error_message or "no reason given")
        case MessageStatus.SENT | MessageStatus.PENDING:
            pass


def _latest(record: MessageRecord) -> datetime | None:
    return record.sent_at or record.updated_at

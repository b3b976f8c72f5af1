"""A small campaign's worth of values for tests of the state: days, failures, a ledger to open."""

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from disks import RecordingDisk

from lead_automation.files import Disk
from lead_automation.models import Action, ErrorCategory, Failure, Lead, Outcome, SendAttempt
from lead_automation.state.fileledger import FileLedger
from lead_automation.state.ledger import Ledger
from lead_automation.state.steps import Reservation
from lead_automation.stored import MessageRecord

FOLDER = Path("/state")
ZONE = ZoneInfo("Asia/Kolkata")
TODAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 4, 30, tzinfo=UTC)
HISTORY_DAYS = 7
TEMPLATE = "welcome"
PHONE = "+919800000001"

QUOTA = FOLDER / "quota_usage.json"
HISTORY = FOLDER / "sent_messages.json"
OUTBOX = FOLDER / "crm_outbox.json"
CALLS = FOLDER / "api_usage.json"
JOURNAL = FOLDER / "send_journal.jsonl"

REFUSAL = Failure(
    category=ErrorCategory.OPT_OUT, action=Action.NEXT, rule_id="131050", text="opted out"
)
NETWORK = Failure(
    category=ErrorCategory.NETWORK_ERROR, action=Action.NEXT, rule_id="network", text="refused"
)


def empty_disk() -> RecordingDisk:
    """Return a disk as ``init`` leaves it."""
    return RecordingDisk({QUOTA: b"{}\n", HISTORY: b"{}\n"})


def open_ledger(disk: Disk, *, read_only: bool = False) -> FileLedger:
    """Open the ledger of a disk."""
    return FileLedger(disk, FOLDER, history_days=HISTORY_DAYS, zone=ZONE, read_only=read_only)


def reserve(
    ledger: Ledger,
    lead_id: str = "1001",
    *,
    day: date = TODAY,
    phone: str = PHONE,
    counsellor: str = "Anandi",
    at: datetime = NOW,
    attempt: int = 1,
    retry_of_row: str | None = None,
    daily_limit: int | None = None,
) -> MessageRecord:
    """Reserve a message."""
    wanted = Reservation(
        lead_id=lead_id,
        phone=phone,
        template=TEMPLATE,
        counsellor=counsellor,
        daily_limit=daily_limit,
        attempt=attempt,
        retry_of_row=retry_of_row,
    )
    [record] = ledger.reserve([wanted], day=day, at=at)
    return record


def lead_of(lead_id: str) -> Lead:
    """Return a lead whose number is none."""
    return Lead(lead_id=lead_id, full_name=None, mobile_number=None)


def accepted(
    ledger: Ledger, record: MessageRecord, *, message_id: str | None, at: datetime
) -> MessageRecord:
    """Settle a message: WATI said yes."""
    return _settle(ledger, record, SendAttempt(outcome=Outcome.ACCEPTED, message_id=message_id), at)


def refused(
    ledger: Ledger, record: MessageRecord, *, failure: Failure, at: datetime
) -> MessageRecord:
    """Settle a message: WATI said no."""
    return _settle(ledger, record, SendAttempt(outcome=Outcome.REFUSED, failure=failure), at)


def not_sent(
    ledger: Ledger, record: MessageRecord, *, failure: Failure, at: datetime
) -> MessageRecord:
    """Settle a message: it never left."""
    return _settle(ledger, record, SendAttempt(outcome=Outcome.NOT_SENT, failure=failure), at)


def unknown(ledger: Ledger, record: MessageRecord, *, at: datetime) -> MessageRecord:
    """Settle a message: it may have arrived."""
    return _settle(ledger, record, SendAttempt(outcome=Outcome.UNKNOWN), at)


def _settle(
    ledger: Ledger, record: MessageRecord, attempt: SendAttempt, at: datetime
) -> MessageRecord:
    [after] = ledger.settle([(record, attempt)], at=at)
    return after

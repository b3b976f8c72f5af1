"""Which leads are skipped, and what the operator reads."""

from datetime import UTC, date, datetime, timedelta

from lead_automation.leads.eligibility import Skip, decide_skip
from lead_automation.leads.phone import ParsedPhone
from lead_automation.models import MessageRecord, MessageStatus, Suppression
from lead_automation.runs import SkipReason

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
NUMBER = "+919812345678"
PHONE = ParsedPhone(e164=NUMBER, given="98123 45678")


def make_suppression(*, until: datetime | None = None, reason: str = "opted out") -> Suppression:
    """Return an entry of the number."""
    return Suppression(phone=NUMBER, reason=reason, source="wati", added_at=NOW, until=until)


def make_record(*, unknown: bool = False) -> MessageRecord:
    """Return a record that blocks."""
    return MessageRecord(
        lead_id="1001",
        day=date(2026, 11, 20),
        phone=NUMBER,
        template="offer",
        counsellor="Anandi",
        status=MessageStatus.READ,
        sent_at=NOW - timedelta(days=3),
        unknown=unknown,
        message_id=None,
        updated_at=None,
        attempts=0,
    )


def decide(
    *,
    phone: ParsedPhone = PHONE,
    suppression: Suppression | None = None,
    blocking: MessageRecord | None = None,
) -> Skip | None:
    """Decide at NOW."""
    return decide_skip(phone=phone, suppression=suppression, blocking=blocking, now=NOW)


def test_skip_nothing_against_it_attempts_the_lead() -> None:
    """A valid number that nobody objects to is attempted."""
    assert decide() is None


def test_skip_invalid_number_says_why_without_the_number() -> None:
    """The parser's reason reaches the operator; what the CRM wrote does not."""
    skip = decide(phone=ParsedPhone(e164=None, problem="4 digits", given="9812"))

    assert skip == Skip(reason=SkipReason.INVALID_NUMBER, text="invalid number: 4 digits")


def test_skip_suppressed_for_good_shows_the_reason_cleaned() -> None:
    """A reason from outside cannot forge a log line."""
    skip = decide(suppression=make_suppression(reason="asked\nus to stop"))

    assert skip is not None
    assert skip.reason is SkipReason.SUPPRESSED
    assert skip.text == "on the suppression list: asked\\u000aus to stop"


def test_skip_suppressed_for_a_time_shows_its_end() -> None:
    """The operator sees until when."""
    skip = decide(suppression=make_suppression(until=NOW + timedelta(hours=48)))

    assert skip is not None
    assert skip.text.endswith("until 2026-11-25 06:00 UTC")


def test_skip_suppression_run_out_attempts_the_lead() -> None:
    """An entry counts up to its end, not at it."""
    assert decide(suppression=make_suppression(until=NOW)) is None


def test_skip_duplicate_shows_day_and_status() -> None:
    """The operator sees when the lead was messaged and what became of it."""
    skip = decide(blocking=make_record())

    assert skip is not None
    assert skip.reason is SkipReason.DUPLICATE
    assert skip.text == "already messaged on 2026-11-20 (read)"


def test_skip_unknown_duplicate_says_it_may_have_arrived() -> None:
    """A send nobody knows about is not called a message."""
    skip = decide(blocking=make_record(unknown=True))

    assert skip is not None
    assert skip.text == "a message of 2026-11-20 may have arrived and is not settled yet"


def test_skip_suppressed_duplicate_counts_as_suppressed() -> None:
    """The suppression list is asked before the history."""
    skip = decide(suppression=make_suppression(), blocking=make_record())

    assert skip is not None
    assert skip.reason is SkipReason.SUPPRESSED

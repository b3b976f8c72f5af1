"""Which records forbid another message."""

from datetime import UTC, date, datetime, timedelta

import pytest

from lead_automation.duplicates import is_duplicate_of, is_within_history
from lead_automation.models import ErrorCategory, MessageStatus
from lead_automation.stored import MessageRecord

TODAY = date(2026, 11, 23)
SENT_AT = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


def make_record(
    *,
    days_ago: int = 0,
    template: str | None = "offer",
    status: MessageStatus = MessageStatus.SENT,
    sent: bool = True,
    unknown: bool = False,
) -> MessageRecord:
    """Return a record of a message days_ago days before TODAY."""
    return MessageRecord(
        lead_id="1001",
        day=TODAY - timedelta(days=days_ago),
        phone="+919812345678",
        template=template,
        counsellor="Anandi",
        status=status,
        sent_at=SENT_AT if sent else None,
        unknown=unknown,
        message_id=None,
        updated_at=None,
        attempts=0,
    )


def is_duplicate(record: MessageRecord, *, template: str = "offer") -> bool:
    """Ask with the usual day and retention."""
    return is_duplicate_of(record, template=template, today=TODAY, history_days=7)


@pytest.mark.parametrize("status", MessageStatus)
@pytest.mark.parametrize("template", ["offer", "another", None])
def test_duplicate_sent_today_blocks_any_template(
    status: MessageStatus, template: str | None
) -> None:
    """One message a day, whatever its template and even if WATI later reported it failed."""
    assert is_duplicate(make_record(template=template, status=status))


@pytest.mark.parametrize(
    ("days_ago", "template", "blocks"),
    [
        (1, "offer", True),
        (1, None, True),
        (1, "another", False),
        (7, "offer", True),
        (7, None, True),
        (8, "offer", False),
        (8, None, False),
        (-1, "offer", True),
        (-1, "another", True),
    ],
)
def test_duplicate_of_another_day_blocks_same_template_within_history(
    days_ago: int, template: str | None, *, blocks: bool
) -> None:
    """Only the same template counts on other days, as long as it is kept; the future counts."""
    assert is_duplicate(make_record(days_ago=days_ago, template=template)) is blocks


def test_duplicate_failed_on_earlier_day_frees_the_lead() -> None:
    """A message that WATI reported failed blocks its own day only."""
    assert not is_duplicate(make_record(days_ago=1, status=MessageStatus.FAILED))


@pytest.mark.parametrize("days_ago", [0, 1, 7])
def test_duplicate_unknown_blocks_like_a_message(days_ago: int) -> None:
    """What may have arrived counts as arrived."""
    record = make_record(days_ago=days_ago, unknown=True, status=MessageStatus.PENDING)

    assert is_duplicate(record)


def test_duplicate_unknown_shown_as_failed_still_blocks() -> None:
    """A status says nothing as long as it is unknown whether the message exists."""
    assert is_duplicate(make_record(days_ago=1, unknown=True, status=MessageStatus.FAILED))


@pytest.mark.parametrize("days_ago", [0, 1])
def test_duplicate_never_sent_blocks_nothing(days_ago: int) -> None:
    """A refusal, a number that is none and a send proved absent messaged nobody."""
    record = make_record(days_ago=days_ago, sent=False, status=MessageStatus.FAILED)

    assert not is_duplicate(record)


def test_duplicate_of_a_refusal_with_category_blocks_nothing() -> None:
    """The category of a refusal does not make it a message."""
    record = MessageRecord(
        lead_id="1",
        day=TODAY,
        phone="+919812345678",
        template="offer",
        counsellor="Karan",
        status=MessageStatus.FAILED,
        error_category=ErrorCategory.TEMPLATE_MISMATCH,
        message_id=None,
        sent_at=None,
        updated_at=None,
        attempts=0,
    )

    assert not is_duplicate(record)


@pytest.mark.parametrize(
    ("days_ago", "within"), [(0, True), (7, True), (8, False), (400, False), (-3, True)]
)
def test_history_by_age_keeps_the_last_days_and_the_future(days_ago: int, *, within: bool) -> None:
    """A day exactly history_days ago is the last one kept."""
    day = TODAY - timedelta(days=days_ago)

    assert is_within_history(day, today=TODAY, history_days=7) is within

"""Status words, which status may follow which, and finding our message in a list."""

from datetime import UTC, datetime, timedelta

import pytest

from lead_automation.answers import LookupKind
from lead_automation.models import ErrorCategory, MessageStatus
from lead_automation.wati.delivery import advance, parse_status
from lead_automation.wati.lookup import Wanted, describe, find_message, judge_page
from lead_automation.wati.wire import MessageRow

PENDING, SENT = MessageStatus.PENDING, MessageStatus.SENT
DELIVERED, READ, FAILED = MessageStatus.DELIVERED, MessageStatus.READ, MessageStatus.FAILED
NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
WANTED = Wanted(template="offer", message_id=None, not_before=NOW, only_by_id=False)
BY_ID = Wanted(template="offer", message_id="id-1", not_before=NOW, only_by_id=True)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("SENT", SENT),
        ("Delivered", DELIVERED),
        (" read ", READ),
        ("FAILED", FAILED),
        ("pending", PENDING),
        ("queued", PENDING),
        ("sending", PENDING),
        ("processing", PENDING),
        ("Replied", READ),
        ("open", READ),
        ("stopped", FAILED),
        ("", None),
        (None, None),
    ],
)
def test_status_word_in_any_case_is_known_or_none(
    word: object, status: MessageStatus | None
) -> None:
    """Words are compared without case; any other value is nobody's status."""
    assert parse_status(word) is status


@pytest.mark.parametrize(
    ("current", "reported", "stands"),
    [
        (PENDING, READ, READ),
        (SENT, FAILED, FAILED),
        (DELIVERED, SENT, DELIVERED),
        (DELIVERED, FAILED, DELIVERED),
        (READ, FAILED, READ),
        (FAILED, READ, FAILED),
    ],
)
def test_status_never_goes_back(
    current: MessageStatus, reported: MessageStatus, stands: MessageStatus
) -> None:
    """Steps may be skipped, never undone; failed is an end."""
    assert advance(current, reported) is stands


def row(
    *,
    template: str = "offer",
    age_s: float = -1.0,
    status: str = "SENT",
    message_id: str | None = None,
    kind: str = "broadcastMessage",
    is_inbound: bool = False,
    created_at: datetime | None = NOW,
) -> MessageRow:
    """Return a row made age_s before NOW; created_at None for one without a time."""
    return MessageRow(
        kind=kind,
        is_inbound=is_inbound,
        description=f'Broadcast message with using "{template}" template was received',
        status_word=status,
        message_id=message_id,
        created_at=created_at and created_at - timedelta(seconds=age_s),
        failed_detail="Message undeliverable" if status == "FAILED" else "",
        failed_code=None,
    )


def test_message_found_by_quoted_name_and_time() -> None:
    """The newest row of the template since the reservation is ours."""
    rows = [row(template="offer_v2"), row(age_s=-5), row(age_s=-2), row(age_s=1)]

    assert find_message(rows, WANTED) is rows[1]


@pytest.mark.parametrize(
    "other",
    [
        row(template="offer_v2"),
        row(age_s=0.001),
        row(kind="message"),
        row(is_inbound=True),
        row(kind="ticket"),
    ],
)
def test_message_that_is_not_ours_is_not_found(other: MessageRow) -> None:
    """Another template, an older one, the recipient's own words: none is ours."""
    assert find_message([other], WANTED) is None


def test_message_found_by_id_whatever_else_it_says() -> None:
    """An id decides alone, and nothing else does."""
    mine = row(template="x", message_id="id-1", age_s=900)

    assert find_message([row(), mine], BY_ID) is mine
    assert find_message([row()], BY_ID) is None


def test_message_on_v1_with_an_id_falls_back_to_the_name() -> None:
    """v1 rows may have lost the id."""
    wanted = Wanted(template="offer", message_id="id-1", not_before=NOW, only_by_id=False)
    rows = [row()]

    assert find_message(rows, wanted) is rows[0]


def judge(rows: list[MessageRow], wanted: Wanted = WANTED, previous: object = None) -> object:
    """Return the kind of the verdict on a page of two rows, None for "next page"."""
    found = judge_page(
        rows, wanted, previous=previous if isinstance(previous, list) else None, page_size=2
    )
    return found and found.kind


FULL = [row(template="x", age_s=-9), row(template="y", age_s=-8)]


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([], LookupKind.ABSENT),
        ([row(template="x")], LookupKind.ABSENT),
        ([row()], LookupKind.FOUND),
        ([row(template="x"), row(age_s=30)], LookupKind.ABSENT),
        (FULL, None),
        ([row(created_at=None)], LookupKind.NO_ANSWER),
        ([row(created_at=None), row()], LookupKind.FOUND),
        ([row(age_s=30), row(template="x")], None),
        ([row(template="x", age_s=60), row(template="x", age_s=30)], None),
        ([row(template="x", created_at=None), row(kind="ticket", created_at=None)], None),
    ],
)
def test_page_is_absent_only_when_nothing_is_left_open(
    rows: list[MessageRow], kind: LookupKind | None
) -> None:
    """A short page and one that reaches back beyond our message end the search, doubts do not."""
    assert judge(rows) is kind


def test_page_that_comes_again_is_no_answer() -> None:
    """A list that ignores the page number proves nothing."""
    assert judge(FULL, previous=FULL) is LookupKind.NO_ANSWER


def test_page_without_known_clock_is_no_answer_unless_by_id() -> None:
    """Without WATI's clock times cannot be compared, ids can."""
    blind = Wanted(template="offer", message_id=None, not_before=None, only_by_id=False)
    blind_id = Wanted(template="offer", message_id="id-1", not_before=None, only_by_id=True)

    assert judge([row()], blind) is LookupKind.NO_ANSWER
    assert judge([row(message_id="id-1")], blind_id) is LookupKind.FOUND
    assert judge([row(age_s=9)] * 2, blind_id) is None


def test_row_failed_is_described_with_its_reason() -> None:
    """A failure is classified, an unknown word kept as it is."""
    failed = describe(row(status="FAILED"))
    odd = describe(row(status="Teleported", message_id="id-1"))

    assert failed.failure is not None
    assert failed.failure.category is ErrorCategory.NOT_ON_WHATSAPP
    assert (odd.status, odd.raw_status, odd.failure) == (PENDING, "Teleported", None)
    assert odd.message_id == "id-1"

"""Status words, and which status may follow which."""

import pytest

from lead_automation.models import MessageStatus
from lead_automation.wati.delivery import advance, parse_status

PENDING, SENT = MessageStatus.PENDING, MessageStatus.SENT
DELIVERED, READ, FAILED = MessageStatus.DELIVERED, MessageStatus.READ, MessageStatus.FAILED


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

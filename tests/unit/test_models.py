"""The values that pass between the rooms, and the few questions they answer."""

from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec.structs import replace

from lead_automation.models import (
    Action,
    ErrorCategory,
    Failure,
    MessageResult,
    MessageStatus,
    Outcome,
    SendAttempt,
)
from lead_automation.runs import CallKind
from lead_automation.stored import Hold, MessageRecord, Suppression

_NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
_RECORD = MessageRecord(
    lead_id="1",
    day=date(2026, 11, 23),
    phone="+919810000001",
    template="t",
    counsellor="Anandi",
    status=MessageStatus.SENT,
    sent_at=_NOW,
    attempts=1,
    message_id=None,
    updated_at=None,
)


def test_owners_names_are_as_fixed() -> None:
    """Statuses, categories and the six fields of a result keep the owner's words."""
    assert [status.value for status in MessageStatus] == [
        "sent",
        "delivered",
        "read",
        "failed",
        "pending",
    ]
    assert [category.name for category in ErrorCategory] == [
        "INVALID_NUMBER",
        "NOT_ON_WHATSAPP",
        "OPT_OUT",
        "TEMPLATE_MISMATCH",
        "QUOTA_EXCEEDED",
        "NETWORK_ERROR",
        "ACCOUNT_ISSUE",
        "UNKNOWN_ERROR",
    ]
    assert MessageResult._fields == (
        "success",
        "status",
        "message_id",
        "error_category",
        "error_message",
        "should_continue",
    )


def test_values_cannot_be_changed() -> None:
    """A value that passes between rooms is frozen."""
    with pytest.raises(AttributeError):
        _RECORD.lead_id = "2"  # type: ignore[misc]  # what must not work


@pytest.mark.parametrize(
    ("outcome", "action", "expected"),
    [
        (Outcome.ACCEPTED, None, (True, MessageStatus.SENT, True)),
        (Outcome.REFUSED, Action.NEXT, (False, MessageStatus.FAILED, True)),
        (Outcome.REFUSED, Action.STOP, (False, MessageStatus.FAILED, False)),
        (Outcome.NOT_SENT, Action.NEXT, (False, MessageStatus.FAILED, True)),
        (Outcome.UNKNOWN, Action.NEXT, (False, MessageStatus.PENDING, True)),
    ],
)
def test_result_of_an_attempt_is_the_owners_form(
    outcome: Outcome, action: Action | None, expected: tuple[bool, MessageStatus, bool]
) -> None:
    """Success, status and whether to go on follow from outcome and failure."""
    failure = (
        Failure(category=ErrorCategory.OPT_OUT, action=action, rule_id="r", text="words")
        if action
        else None
    )
    result = SendAttempt(outcome=outcome, message_id="m", failure=failure).result()

    assert (result.success, result.status, result.should_continue) == expected
    assert result.message_id == "m"
    assert result.error_category is (ErrorCategory.OPT_OUT if failure else None)
    assert result.error_message == ("words" if failure else None)


@pytest.mark.parametrize(
    ("record", "may_have_arrived", "is_open"),
    [
        (_RECORD, True, True),
        (replace(_RECORD, status=MessageStatus.READ), True, False),
        (replace(_RECORD, status=MessageStatus.FAILED), True, False),
        (replace(_RECORD, status=MessageStatus.PENDING), True, True),
        (replace(_RECORD, unknown=True), True, False),
        (replace(_RECORD, sent_at=None, status=MessageStatus.FAILED), False, False),
        (replace(_RECORD, sent_at=None, template=None), True, False),
    ],
)
def test_record_knows_whether_somebody_may_have_it(
    record: MessageRecord, *, may_have_arrived: bool, is_open: bool
) -> None:
    """Only what certainly never arrived has not; only accepted messages are still open."""
    assert (record.may_have_arrived, record.is_open) == (may_have_arrived, is_open)
    assert record.key == (date(2026, 11, 23), "1")


def test_suppression_and_hold_count_until_their_end() -> None:
    """The end itself is over; without an end they last."""
    end = _NOW + timedelta(hours=1)
    suppression = Suppression(phone="+1", reason="r", source="wati", added_at=_NOW, until=end)
    hold = Hold(reason="r", since=_NOW, evidence="e", what_to_do=(), until=end)

    for value in (suppression, hold):
        assert value.is_active(_NOW)
        assert not value.is_active(end)
        assert replace(value, until=None).is_active(end)


def test_calls_to_wati_are_told_from_those_to_the_crm() -> None:
    """The month's quota counts WATI's four kinds only."""
    wati = {kind.value for kind in CallKind if kind.is_wati}

    assert wati == {"send", "status", "templates", "contacts"}

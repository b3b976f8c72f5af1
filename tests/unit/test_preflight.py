"""The look at template and clock before any quota is used."""

import logging
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from lead_automation.answers import TemplateInfo, TemplateUnread
from lead_automation.campaign.preflight import (
    check_template,
    check_wall_clock,
)
from lead_automation.errors import CampaignStopError, ClockError

ZONE = ZoneInfo("Asia/Kolkata")
WANTED = ("1", "2", "3")
NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


def approved(*names: str) -> TemplateInfo:
    """Return a template that is approved, with these parameters."""
    return TemplateInfo(exists=True, is_approved=True, parameter_names=names)


def test_template_check_returns_the_templates_order(caplog: pytest.LogCaptureFixture) -> None:
    """Another order is a warning."""
    found = approved("3", "1", "2")

    assert check_template(found, name="welcome", wanted=WANTED) == ("3", "1", "2")
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_template_check_of_a_template_in_order_says_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No warning without a cause."""
    assert check_template(approved(*WANTED), name="welcome", wanted=WANTED) == WANTED
    assert caplog.records == []


def test_template_check_of_one_that_cannot_be_sent_raises() -> None:
    """Exit 3, with the hint."""
    with pytest.raises(CampaignStopError, match="takes the parameters x") as caught:
        check_template(approved("x"), name="welcome", wanted=WANTED)

    assert caught.value.exit_code == 3
    assert caught.value.hint


def test_template_check_without_an_answer_warns_and_keeps_the_configured_order(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A WATI in trouble says nothing about the template."""
    found = TemplateUnread(detail="HTTP 503")

    assert check_template(found, name="welcome", wanted=WANTED) == WANTED
    assert "HTTP 503" in caplog.text


@pytest.mark.parametrize("ahead_s", [None, -86_400, 0, 600])
def test_wall_clock_up_to_ten_minutes_behind_the_newest_record_passes(
    ahead_s: float | None,
) -> None:
    """The record is of WATI's time, and so far its ``Date`` sets our clock right."""
    newest = NOW + timedelta(seconds=ahead_s) if ahead_s is not None else None
    check_wall_clock(newest, now=NOW, zone=ZONE)


def test_wall_clock_further_behind_the_newest_record_raises_with_both_times() -> None:
    """Else yesterday's quota would be used a second time."""
    with pytest.raises(ClockError) as caught:
        check_wall_clock(NOW + timedelta(seconds=601), now=NOW, zone=ZONE)

    assert "it says 2026-11-23 11:30:00 IST" in str(caught.value)
    assert "newest record is of 2026-11-23 11:40:01 IST" in str(caught.value)
    assert "sent_messages.json" in caught.value.hint

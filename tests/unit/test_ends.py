"""How a run ends, as a value."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from lead_automation.campaign.ends import held, interrupted, of_error, out_of_quota, stopped
from lead_automation.errors import (
    AlreadyRunningError,
    CampaignStopError,
    ClockError,
    ConfigError,
    LeadAutomationError,
    StateError,
    UnreachableError,
)
from lead_automation.models import ErrorCategory
from lead_automation.runs import RunStatus
from lead_automation.stored import Hold

ZONE = ZoneInfo("Asia/Kolkata")
SINCE = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


def make_hold(until: datetime | None) -> Hold:
    """Return a hold."""
    return Hold(reason="spam", since=SINCE, evidence="e", what_to_do=(), until=until)


def test_stopped_end_is_exit_3_with_its_category() -> None:
    """It is not a good end, and says by what it came."""
    end = stopped("no credit", category=ErrorCategory.QUOTA_EXCEEDED)

    assert (end.status, end.exit_code, end.is_good) == (RunStatus.STOPPED, 3, False)
    assert end.category is ErrorCategory.QUOTA_EXCEEDED
    assert end.is_meta_quality is False


def test_out_of_quota_end_is_good() -> None:
    """The day's quota used up in mid-run is a completed run."""
    end = out_of_quota()

    assert (end.status, end.exit_code, end.is_good) == (RunStatus.COMPLETED, 0, True)


@pytest.mark.parametrize(
    ("until", "words"),
    [
        (None, "since 2026-11-23 11:30 IST, until `resume`: spam"),
        (
            datetime(2026, 11, 23, 18, 30, tzinfo=UTC),
            "since 2026-11-23 11:30 IST, until 2026-11-24 00:00 IST: spam",
        ),
    ],
)
def test_held_end_shows_its_times_in_the_configured_zone(
    until: datetime | None, words: str
) -> None:
    """The operator reads local times, whatever the file holds."""
    end = held(make_hold(until), ZONE)

    assert (end.status, end.exit_code) == (RunStatus.HELD, 6)
    assert end.reason == f"sending is held {words}"


@pytest.mark.parametrize(
    ("number", "code", "name"), [(2, 130, "SIGINT"), (15, 143, "SIGTERM"), (1, 129, "signal 1")]
)
def test_interrupted_end_is_what_a_shell_expects(number: int, code: int, name: str) -> None:
    """128 and the signal's number."""
    end = interrupted(number)

    assert (end.status, end.exit_code) == (RunStatus.INTERRUPTED, code)
    assert name in end.reason


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (CampaignStopError("x"), RunStatus.STOPPED, 3),
        (AlreadyRunningError("x"), RunStatus.ALREADY_RUNNING, 75),
        (UnreachableError("x", service="WATI"), RunStatus.FAILED, 4),
        (StateError("x"), RunStatus.FAILED, 5),
        (ClockError("x"), RunStatus.FAILED, 5),
        (ConfigError(("x",)), RunStatus.FAILED, 2),
    ],
)
def test_end_of_an_error_takes_its_exit_code(
    error: LeadAutomationError, status: RunStatus, code: int
) -> None:
    """Each error class carries its own."""
    end = of_error(error)

    assert (end.status, end.exit_code, end.is_good) == (status, code, False)


@pytest.mark.parametrize(
    ("message", "hint", "reason"),
    [
        ("WATI is away", "check the network", "WATI is away. Check the network."),
        ("Template not approved.", "Look at it!", "Template not approved. Look at it!"),
        ("no list", "", "No list."),
    ],
)
def test_end_of_an_error_reads_as_sentences(message: str, hint: str, reason: str) -> None:
    """Message and hint stand behind each other in the summary."""
    assert of_error(CampaignStopError(message, hint=hint)).reason == reason

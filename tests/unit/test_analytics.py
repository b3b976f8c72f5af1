"""The books of a run: every figure as promised, and a bug never passes as a result."""

from dataclasses import replace
from datetime import timedelta

import pytest
from report_samples import (
    NAMES,
    STARTED,
    accepted,
    analytics,
    everyday_run,
    finish,
    hostile_run,
    lead,
    refused,
)

from lead_automation.errors import ExitCode, LeadAutomationError
from lead_automation.models import ErrorCategory, MessageStatus, Outcome
from lead_automation.reporting.analytics import check_accounting
from lead_automation.reporting.figures import (
    category_of,
    counsellor_rate,
    counsellor_unknown,
    duration_text,
    messages_per_minute,
    planned,
    state_word,
    success_rate,
)
from lead_automation.runs import CounsellorFigures, RunMode, SkipReason


def test_finish_everyday_run_gives_the_promised_figures() -> None:
    """45 accepted of 48 attempted, 42 of them delivered and 15 read, is a rate of 93.8 per cent."""
    result = everyday_run()

    assert (result.fetched, result.attempted, result.not_reached) == (52, 48, 0)
    assert (result.accepted, result.refused, result.unknown) == (45, 3, 0)
    assert (result.delivered, result.read, result.failed, result.pending) == (42, 15, 3, 3)
    assert result.success_rate == 93.8
    assert result.skipped == dict.fromkeys(SkipReason, 1)
    assert result.errors == {"invalid_number": 1, "not_on_whatsapp": 3}
    assert result.api_calls == {
        "send": 2,
        "status": 1,
        "templates": 0,
        "contacts": 0,
        "leads": 1,
        "crm_log": 0,
    }


def test_finish_failed_later_counts_as_sent_and_as_failed() -> None:
    """A message that failed after its acceptance stays sent and lowers the rate."""
    books = analytics()
    books.fetched(2)
    books.put(accepted(1, MessageStatus.FAILED))
    books.put(accepted(2, MessageStatus.READ))
    result = finish(books)

    assert (result.accepted, result.refused, result.failed) == (2, 0, 1)
    assert result.success_rate == 50.0
    assert result.errors == {"opt_out": 1}


def test_finish_unknown_send_is_attempted_and_counts_nowhere_else() -> None:
    """An unknown send is neither sent, failed nor an error, also when its row has a category."""
    books = analytics()
    books.fetched(1)
    network = ErrorCategory.NETWORK_ERROR
    books.put(lead(1, counsellor="Karan", outcome=Outcome.UNKNOWN, error_category=network))
    result = finish(books)

    assert (result.attempted, result.unknown, result.failed, result.accepted) == (1, 1, 0, 0)
    assert result.errors == {}
    assert counsellor_unknown(result.counsellors["Karan"]) == 1


def test_finish_not_sent_counts_as_refused() -> None:
    """A send that certainly never arrived is refused for the account."""
    books = analytics()
    books.fetched(1)
    books.put(lead(1, counsellor="Karan", outcome=Outcome.NOT_SENT, status=MessageStatus.FAILED))
    result = finish(books)

    assert (result.refused, result.failed) == (1, 1)
    assert result.errors == {"unknown_error": 1}


def test_finish_leads_without_attempt_are_not_reached() -> None:
    """Leads nobody came to, with a row or without, are not reached."""
    books = analytics()
    books.fetched(5)
    books.put(lead(1))
    books.put(refused(2))
    result = finish(books)

    assert result.not_reached == 4


def test_finish_counsellor_figures_carry_quota_and_limit() -> None:
    """Each configured counsellor is there, with what was used of the limit, in order."""
    result = everyday_run()

    assert tuple(result.counsellors) == NAMES
    assert all(its.used_today == 7 for its in result.counsellors.values())
    assert all(its.daily_limit == 50 for its in result.counsellors.values())
    assert sum(its.assigned for its in result.counsellors.values()) == result.attempted


def test_put_same_position_again_replaces_the_row() -> None:
    """A row put again moves its lead from one sum to the other."""
    books = analytics()
    books.fetched(1)
    books.put(lead(1, counsellor="Karan", outcome=Outcome.UNKNOWN))
    books.put(accepted(1, MessageStatus.SENT, "Karan"))
    books.put(accepted(1, MessageStatus.READ, "Karan"))
    result = finish(books)

    assert (result.unknown, result.pending, result.read) == (0, 0, 1)
    assert len(result.rows) == 1
    assert books.row(1) == result.rows[0]
    assert books.row(2) is None


def test_put_hostile_text_is_cleaned_and_masked() -> None:
    """Whoever makes the row: no control character and no whole number gets into the books."""
    books = analytics()
    books.put(
        lead(
            1,
            name="Eve\r\n\u202e" + "Z" + "\u0351" * 50,
            phone="+919812345678",
            error_message="contact +919812345678 is not valid\x1b[2J",
            message_id="m\x00",
            lead_id="7\n8",
        )
    )
    row = books.row(1)

    assert row is not None
    assert row.name == "Eve\\u000d\\u000a\\u202eZ" + "\u0351" * 4
    assert row.phone == "+9198••••5678"
    assert row.error_message == "contact +9198••••5678 is not valid\\u001b[2J"
    assert row.message_id == "m\\u0000"
    assert row.lead_id == "7\\u000a8"


def test_counters_follow_each_row() -> None:
    """The progress line counts skipped and attempted leads as done."""
    books = analytics()
    books.fetched(10, to_process=6)
    books.put(accepted(1, MessageStatus.DELIVERED))
    books.put(refused(2))
    books.put(lead(3, skip=SkipReason.DUPLICATE))
    counters = books.counters

    assert (counters.done, counters.total) == (3, 6)
    assert (counters.sent, counters.delivered, counters.failed, counters.skipped) == (1, 1, 1, 1)


def test_finish_attempt_without_counsellor_is_a_bug() -> None:
    """Totals that the counsellors' figures do not add up to end in an error that names them."""
    books = analytics()
    books.fetched(1)
    books.put(lead(1, outcome=Outcome.ACCEPTED, status=MessageStatus.READ))

    with pytest.raises(LeadAutomationError, match="accepted = counsellors' sent: 1 ≠ 0") as caught:
        finish(books)
    assert caught.value.exit_code == ExitCode.BUG


def test_finish_more_leads_than_fetched_is_a_bug() -> None:
    """A negative rest is not shown as a figure."""
    books = analytics()
    books.fetched(1)
    books.put(refused(1))
    books.put(refused(2))

    with pytest.raises(LeadAutomationError, match="fetched = skipped"):
        finish(books)


@pytest.mark.parametrize(
    "field", ["accepted", "refused", "delivered", "read", "failed", "pending", "fetched"]
)
def test_check_accounting_changed_figure_is_a_bug(field: str) -> None:
    """No single figure can be wrong without being found."""
    result = everyday_run()
    changed = {
        "accepted": replace(result, accepted=44),
        "refused": replace(result, refused=4),
        "delivered": replace(result, delivered=41),
        "read": replace(result, read=14),
        "failed": replace(result, failed=4),
        "pending": replace(result, pending=2),
        "fetched": replace(result, fetched=53),
    }[field]

    with pytest.raises(LeadAutomationError, match=field):
        check_accounting(changed)


@pytest.mark.parametrize(
    ("good", "attempted", "expected"),
    [(0, 0, 0.0), (45, 48, 93.8), (1, 3, 33.3), (2, 3, 66.7), (1, 1, 100.0), (1, 2000, 0.1)],
)
def test_success_rate_is_rounded_half_up_to_a_tenth(
    good: int, attempted: int, expected: float
) -> None:
    """A rate is a share of the attempted, 0 of nothing."""
    assert success_rate(good=good, attempted=attempted) == expected


def test_counsellor_rate_counts_what_did_not_fail() -> None:
    """Pending messages are not failed ones."""
    figures = CounsellorFigures(assigned=4, sent=3, delivered=1, pending=1, failed=2)

    assert counsellor_rate(figures) == 50.0
    assert counsellor_rate(CounsellorFigures()) == 0.0


def test_messages_per_minute_of_an_instant_is_zero() -> None:
    """No run is infinitely fast, also when the clock stepped back."""
    result = everyday_run()

    assert messages_per_minute(result) == 17.5
    assert messages_per_minute(replace(result, ended_at=STARTED - timedelta(hours=1))) == 0.0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(154, "0:02:34"), (0, "0:00:00"), (3599.6, "1:00:00"), (90061, "25:01:01")],
)
def test_duration_text_counts_hours(seconds: float, text: str) -> None:
    """A run of more than a day shows its hours."""
    assert duration_text(seconds) == text


def test_state_word_and_category_of_every_kind_of_row() -> None:
    """Each row has one word, and a category only where something failed."""
    suppressed = lead(1, skip=SkipReason.SUPPRESSED, error_category=ErrorCategory.OPT_OUT)
    rows = {
        "skipped": suppressed,
        "not_reached": lead(2),
        "unknown": lead(3, outcome=Outcome.UNKNOWN),
        "failed": lead(4, outcome=Outcome.NOT_SENT),
        "read": accepted(5, MessageStatus.READ),
    }

    assert {state_word(row): row for row in rows.values()} == rows
    assert category_of(suppressed) is ErrorCategory.OPT_OUT
    assert category_of(rows["read"]) is None
    assert category_of(lead(6, skip=SkipReason.INVALID_NUMBER)) is ErrorCategory.INVALID_NUMBER


def test_planned_counts_a_dry_runs_leads() -> None:
    """A lead given to a counsellor without an attempt is planned."""
    books = analytics(mode=RunMode.DRY_RUN)
    books.fetched(3)
    books.put(lead(1, counsellor="Anandi"))
    books.put(lead(2, counsellor="Anandi"))
    books.put(lead(3, skip=SkipReason.DUPLICATE))
    result = finish(books)

    assert planned(result) == 2
    assert result.counsellors["Anandi"].assigned == 2
    assert result.not_reached == 2


def test_hostile_run_adds_up() -> None:
    """500 leads of every shape keep every promise of the account."""
    result = hostile_run()

    check_accounting(result)
    assert result.failed > 0
    assert result.not_reached > 0

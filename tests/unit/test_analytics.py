"""The books of a run: every figure as promised, and a bug never passes as a result."""

import logging
from datetime import timedelta

import pytest
from msgspec.structs import replace
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

from lead_automation.counts import per_cent
from lead_automation.models import ErrorCategory, MessageStatus, Outcome
from lead_automation.reporting.analytics import accounting_problems
from lead_automation.reporting.documents import document_bytes, parse_run_document
from lead_automation.reporting.summary import render_summary
from lead_automation.reporting.wording import duration_text
from lead_automation.runs import LeadRow, RunMode, SkipReason


def test_finish_everyday_run_gives_the_promised_figures() -> None:
    """45 accepted of 48 attempted, 42 of them delivered and 15 read, is a rate of 93.8 per cent."""
    result = everyday_run()
    leads, messages = result.leads, result.messages

    assert (leads.fetched, leads.attempted, leads.not_reached) == (52, 48, 0)
    assert (leads.accepted, leads.refused, leads.unknown) == (45, 3, 0)
    assert (messages.sent, messages.delivered, messages.read) == (45, 42, 15)
    assert (messages.failed, messages.pending) == (3, 3)
    assert result.success_rate == 93.8
    assert result.messages_per_minute == 17.5
    assert leads.skipped == {**dict.fromkeys(SkipReason, 1), SkipReason.QUIET_HOURS: 0}
    assert result.errors == {ErrorCategory.INVALID_NUMBER: 1, ErrorCategory.NOT_ON_WHATSAPP: 3}
    assert {kind.value: count for kind, count in result.api_calls.items()} == {
        "send": 2,
        "status": 1,
        "templates": 0,
        "contacts": 0,
        "leads": 1,
        "crm_log": 0,
    }
    assert tuple(result.counsellors) == NAMES
    assert all(its.used_today == 7 for its in result.counsellors.values())
    assert sum(result.assigned.values()) == leads.attempted


_KARAN = {"counsellor": "Karan", "status": MessageStatus.FAILED}


@pytest.mark.parametrize(
    ("row", "counted", "category"),
    [
        (accepted(1, MessageStatus.FAILED), {"accepted", "failed"}, ErrorCategory.OPT_OUT),
        (
            lead(1, **_KARAN, outcome=Outcome.UNKNOWN, error_category=ErrorCategory.NETWORK_ERROR),
            {"unknown"},
            None,
        ),
        (
            lead(1, **_KARAN, outcome=Outcome.NOT_SENT),
            {"refused", "failed"},
            ErrorCategory.UNKNOWN_ERROR,
        ),
        (lead(1), {"not_reached"}, None),
        (lead(1, skip=SkipReason.INVALID_NUMBER), {"skipped"}, ErrorCategory.INVALID_NUMBER),
        (
            lead(1, skip=SkipReason.SUPPRESSED, error_category=ErrorCategory.OPT_OUT),
            {"skipped"},
            ErrorCategory.OPT_OUT,
        ),
    ],
    ids=["failed later", "unknown", "not sent", "not reached", "bad number", "opted out"],
)
def test_finish_counts_each_kind_of_row_where_it_belongs(
    row: LeadRow, counted: set[str], category: ErrorCategory | None
) -> None:
    """Failed later stays sent; unknown is nothing else; not sent is refused."""
    books = analytics()
    books.fetched(1)
    books.put(row)
    result = finish(books)
    figures = {
        "skipped": result.skipped,
        "not_reached": result.leads.not_reached,
        "accepted": result.leads.accepted,
        "refused": result.leads.refused,
        "unknown": result.leads.unknown,
        "failed": result.messages.failed,
    }

    assert {name for name, count in figures.items() if count} == counted
    assert result.errors == ({category: 1} if category else {})
    assert result.warnings == ()


def test_put_same_position_again_replaces_the_row() -> None:
    """A row put again moves its lead from one sum to the other."""
    books = analytics()
    books.fetched(1)
    books.put(lead(1, counsellor="Karan", outcome=Outcome.UNKNOWN))
    books.put(accepted(1, MessageStatus.SENT, "Karan"))
    books.put(accepted(1, MessageStatus.READ, "Karan"))
    result = finish(books)

    assert (result.leads.unknown, result.messages.pending, result.messages.read) == (0, 0, 1)
    assert len(result.rows) == 1


def test_row_hostile_text_is_cleaned_and_masked() -> None:
    """Whoever makes or changes a row: no control character and no whole number is in it."""
    row = replace(
        lead(1, lead_id="7\n8", message_id="m\x00", counsellor="K\x1b"),
        name="Eve\r\n\u202e" + "Z" + "\u0351" * 50,
        phone="+919812345678",
        error_message="contact +919812345678 is not valid\x1b[2J",
    )

    assert row.name == "Eve\\u000d\\u000a\\u202eZ" + "\u0351" * 4
    assert row.phone == "+9198••••5678"
    assert row.error_message == "contact +9198••••5678 is not valid\\u001b[2J"
    assert row.message_id == "m\\u0000"
    assert row.lead_id == "7\\u000a8"
    assert row.counsellor == "K\\u001b"
    assert replace(row) == row


@pytest.mark.parametrize(
    ("lead_id", "shown"),
    [("1001", "1001"), ("919812345678", "9198••••5678"), ("9" * 16, "9999••••9999")],
)
def test_row_id_that_may_be_a_number_is_masked(lead_id: str, shown: str) -> None:
    """A longer id may hold a number too; its ends still tell which lead it is."""
    assert lead(1, lead_id=lead_id).lead_id == shown


def test_result_hostile_text_is_cleaned_and_masked() -> None:
    """Reason, warnings, steps and names are as safe as the rows."""
    hostile = "x\x1b[2J +919812345678"
    result = replace(
        everyday_run(),
        reason=hostile,
        template="t\n",
        warnings=(hostile,),
        next_steps=(hostile,),
        counsellors={"A\u202e": everyday_run().counsellors["Karan"]},
    )

    safe = "x\\u001b[2J +9198••••5678"
    assert (result.reason, result.template) == (safe, "t\\u000a")
    assert (result.warnings, result.next_steps) == ((safe,), (safe,))
    assert list(result.counsellors) == ["A\\u202e"]


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


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (
            [lead(1, outcome=Outcome.ACCEPTED, status=MessageStatus.READ)],
            "sent = counsellors' sent: 1 ≠ 0",
        ),
        ([refused(1), refused(2)], "fetched = skipped + attempted + not reached: 1 ≠ 2"),
    ],
    ids=["no counsellor", "more than fetched"],
)
@pytest.mark.parametrize(("exit_code", "after"), [(0, 1), (3, 3)])
def test_finish_figures_that_do_not_add_up_are_told_and_kept(
    rows: list[LeadRow], told: str, exit_code: int, after: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A bug in the figures is an error in the log and a warning, and exit 1 where all was well."""
    books = analytics()
    books.fetched(1)
    for row in rows:
        books.put(row)
    with caplog.at_level(logging.ERROR):
        result = finish(books, exit_code=exit_code)

    assert result.exit_code == after
    assert told in result.warnings[-1]
    assert told in caplog.text
    assert parse_run_document(document_bytes(result)) == result


@pytest.mark.parametrize(
    ("part", "field"),
    [
        *(("leads", name) for name in ("fetched", "attempted", "accepted", "refused")),
        *(("messages", name) for name in ("sent", "delivered", "read", "failed", "pending")),
    ],
)
def test_accounting_changed_figure_is_found(part: str, field: str) -> None:
    """No single figure can be wrong without being found."""
    result = everyday_run()
    figures = getattr(result, part)
    changed = replace(figures, **{field: getattr(figures, field) + 1})

    assert accounting_problems(result) == []
    assert accounting_problems(replace(result, **{part: changed}))


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [(0, 0, None), (45, 48, 93.8), (1, 3, 33.3), (2, 3, 66.7), (1, 1, 100.0), (1, 2000, 0.1)],
)
def test_share_is_rounded_half_up_to_a_tenth(part: int, whole: int, expected: float | None) -> None:
    """A rate is a share in per cent, and none of nothing."""
    assert per_cent(part, whole) == expected


def test_counsellor_rate_counts_what_did_not_fail() -> None:
    """Pending messages are not failed ones."""
    figures = replace(everyday_run().counsellors["Karan"], delivered=1, pending=1, failed=1)

    assert figures.success_rate(4) == 50.0
    assert figures.unknown(4) == 1
    assert figures.success_rate(0) is None


def test_success_rate_is_none_before_any_final_word() -> None:
    """A run cut off right after its sends does not show 100 %."""
    books = analytics()
    books.fetched(2)
    books.put(accepted(1, MessageStatus.SENT))
    books.put(lead(2, outcome=Outcome.UNKNOWN, counsellor="Anandi"))
    early = finish(books)
    books.put(accepted(1, MessageStatus.DELIVERED))

    assert early.success_rate is None
    assert "⚡ Success Rate: –\n" in render_summary(early)
    assert finish(books).success_rate == 50.0


def test_duration_of_a_clock_that_stepped_back_is_zero() -> None:
    """No run is shorter than nothing, and none infinitely fast."""
    result = finish(analytics(), seconds=-timedelta(hours=1).total_seconds())

    assert (result.duration_seconds, result.messages_per_minute) == (0, 0)
    assert result.ended_at < STARTED


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(154, "0:02:34"), (0, "0:00:00"), (3599.6, "1:00:00"), (90061, "25:01:01")],
)
def test_duration_text_counts_hours(seconds: float, text: str) -> None:
    """A run of more than a day shows its hours."""
    assert duration_text(seconds) == text


def test_planned_counts_a_dry_runs_leads() -> None:
    """A lead given to a counsellor without an attempt is planned."""
    books = analytics(mode=RunMode.DRY_RUN)
    books.fetched(3)
    books.put(lead(1, counsellor="Anandi"))
    books.put(lead(2, counsellor="Anandi"))
    books.put(lead(3, skip=SkipReason.DUPLICATE))
    result = finish(books)

    assert result.planned == 2
    assert result.assigned == {"Anandi": 2}
    assert result.leads.not_reached == 2


def test_hostile_run_adds_up() -> None:
    """500 leads of every shape keep every promise of the account."""
    result = hostile_run()

    assert accounting_problems(result) == []
    assert result.messages.failed > 0
    assert result.leads.not_reached > 0

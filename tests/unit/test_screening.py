"""Whom to write to, or why not, and what the operator reads of it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from lead_automation.answers import ContactVerdict
from lead_automation.leads.screening import Screened, describe_lead, judge_contact, judge_record
from lead_automation.models import ErrorCategory, Lead, MessageStatus
from lead_automation.runs import SkipReason
from lead_automation.stored import MessageRecord, Suppression

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
PHONE = "+919810000000"


def describe(name: object = "Asha Rao", number: object = PHONE) -> Screened:
    """Describe a lead as the CRM gives it."""
    lead = Lead(lead_id="1", full_name=name, mobile_number=number)
    return describe_lead(lead, 7, number=number, region="IN")


def judge(**known: Any) -> Screened:
    """Judge a lead in order by what is known of it."""
    nothing = {"is_listed_before": False, "suppression": None, "blocking": None, "spent": 0}
    return judge_record(describe(), **{**nothing, **known}, zone=UTC)


def make_suppression(*, until: datetime | None = None, reason: str = "opted out") -> Suppression:
    """Return an entry of the number."""
    return Suppression(phone=PHONE, reason=reason, source="wati", added_at=NOW, until=until)


def make_record(*, unknown: bool = False) -> MessageRecord:
    """Return a record that blocks."""
    return MessageRecord(
        lead_id="1001",
        day=date(2026, 11, 20),
        phone=PHONE,
        template="offer",
        counsellor="Anandi",
        status=MessageStatus.READ,
        sent_at=NOW - timedelta(days=3),
        unknown=unknown,
        message_id=None,
        updated_at=None,
        attempts=0,
    )


def test_lead_in_order_becomes_a_recipient() -> None:
    """The number in E.164, the name ready for the template, the row masked."""
    found = describe(" Asha\n Rao ", "98100 00000")

    assert found.recipient is not None
    assert (found.recipient.phone, found.recipient.name) == (PHONE, "Asha Rao")
    assert (found.row.position, found.row.phone) == (7, "+9198••••0000")
    assert (found.name_problem, found.category) == ("", None)


@pytest.mark.parametrize(
    ("given", "shown"),
    [("a@example.com", "a@example.com"), (None, "Customer"), ("  ", "Customer"), (7, "Customer")],
)
def test_lead_whose_name_cannot_be_sent_is_addressed_as_customer(given: object, shown: str) -> None:
    """Its row shows what the CRM wrote, where that is text."""
    found = describe(given)

    assert found.recipient is not None
    assert found.recipient.name == "Customer"
    assert found.name_problem
    assert found.row.name == shown


@pytest.mark.parametrize("number", ["12", None, 9.8e9 + 0.5, "+91 22 2222 2222", ["x"]])
def test_lead_without_a_mobile_number_is_an_error_of_its_own(number: object) -> None:
    """The parser's reason reaches the operator."""
    found = describe(number=number)

    assert found.recipient is None
    assert (found.reason, found.category) == (
        SkipReason.INVALID_NUMBER,
        ErrorCategory.INVALID_NUMBER,
    )
    assert found.text == f"invalid number: {found.phone.problem}"
    assert found.row.phone == ""


@pytest.mark.parametrize(
    ("known", "reason", "text"),
    [
        (
            {"is_listed_before": True},
            SkipReason.DUPLICATE,
            "the same lead or number stands earlier in this list",
        ),
        (
            {"suppression": make_suppression(reason="asked\nus to stop")},
            SkipReason.SUPPRESSED,
            "on the suppression list: asked\\u000aus to stop",
        ),
        (
            {"suppression": make_suppression(until=NOW + timedelta(hours=48))},
            SkipReason.SUPPRESSED,
            "on the suppression list: opted out, until 2026-11-25 06:00 UTC",
        ),
        (
            {"suppression": make_suppression(), "blocking": make_record()},
            SkipReason.SUPPRESSED,
            "on the suppression list: opted out",
        ),
        (
            {"blocking": make_record()},
            SkipReason.DUPLICATE,
            "already messaged on 2026-11-20 (read)",
        ),
        (
            {"blocking": make_record(unknown=True)},
            SkipReason.DUPLICATE,
            "a message of 2026-11-20 may have arrived and is not settled yet",
        ),
        (
            {"spent": 3},
            SkipReason.DUPLICATE,
            "3 sends got no answer and never arrived; not tried again for now",
        ),
    ],
)
def test_lead_with_something_against_it_is_skipped_in_words(
    known: dict[str, object], reason: SkipReason, text: str
) -> None:
    """Somebody or something decided it: it is no error. A suppression comes before the history."""
    found = judge(**known)

    assert found.recipient is None
    assert (found.reason, found.text, found.category) == (reason, text, None)


@pytest.mark.parametrize("spent", [0, 2])
def test_lead_with_nothing_against_it_goes_on_counting_its_attempts(spent: int) -> None:
    """Attempts that proved absent are remembered over runs."""
    found = judge(spent=spent)

    assert found.recipient is not None
    assert found.spent == spent


@pytest.mark.parametrize(
    ("verdict", "reason", "category"),
    [
        (ContactVerdict.OPT_OUT, SkipReason.SUPPRESSED, ErrorCategory.OPT_OUT),
        (ContactVerdict.INVALID, SkipReason.INVALID_NUMBER, ErrorCategory.INVALID_NUMBER),
    ],
)
def test_contact_against_it_skips_the_lead_as_an_error(
    verdict: ContactVerdict, reason: SkipReason, category: ErrorCategory
) -> None:
    """WATI knows better than the list."""
    found = judge_contact(judge(), verdict)

    assert found.recipient is None
    assert (found.reason, found.category) == (reason, category)


@pytest.mark.parametrize("verdict", [ContactVerdict.SEND, None])
def test_contact_in_order_or_unclear_lets_the_send_go_on(verdict: ContactVerdict | None) -> None:
    """No clear answer is no objection."""
    assert judge_contact(judge(), verdict) == judge()

"""Whom to write to, or why not."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from lead_automation.answers import ContactVerdict
from lead_automation.files import SystemDisk
from lead_automation.leads.intake import Examined, Intake
from lead_automation.models import (
    ErrorCategory,
    Lead,
    MessageStatus,
    Outcome,
    SendAttempt,
    Suppression,
)
from lead_automation.runs import SkipReason
from lead_automation.state.ledger import Reservation
from lead_automation.state.memory import MemoryLedger
from lead_automation.state.suppression import SuppressionList

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
TODAY = date(2026, 11, 23)
PHONE = "+919810000000"
TEMPLATE = "welcome"


def make_lead(lead_id: str = "1", name: object = "Asha Rao", number: object = PHONE) -> Lead:
    """Return a lead as the CRM gives it."""
    return Lead(lead_id=lead_id, full_name=name, mobile_number=number)


class Scene:
    """An intake over an empty history and an empty list."""

    def __init__(
        self,
        folder: Path,
        *,
        look_up: Callable[[str], ContactVerdict | None] | None = None,
        remembers: bool = True,
    ) -> None:
        """Begin a run."""
        self.ledger = MemoryLedger(history_days=7, zone=ZoneInfo("Asia/Kolkata"))
        self.suppressions = SuppressionList(SystemDisk(), folder)
        self.intake = Intake(
            history=self.ledger,
            suppressions=self.suppressions,
            template=TEMPLATE,
            region="IN",
            look_up=look_up,
            remembers=remembers,
        )

    def examine(self, lead: Lead, position: int = 1) -> Examined:
        """Look at a lead now."""
        return self.intake.examine(lead, position, now=NOW, today=TODAY)

    def let_through(self, lead: Lead) -> Examined:
        """Look at a lead that passes, and attempt it."""
        found = self.examine(lead)
        assert found.recipient is not None
        self.intake.let_through(found.recipient)
        return found

    def send(self, *, attempts: int = 1, absent: bool = False) -> None:
        """Leave a message of an earlier run in the history."""
        wanted = Reservation(
            lead_id="1", phone=PHONE, template=TEMPLATE, counsellor="A", attempt=attempts
        )
        [record] = self.ledger.reserve([wanted], day=TODAY, at=NOW)
        if absent:
            self.ledger.absent(record, at=NOW)
        else:
            self.ledger.settle([(record, SendAttempt(outcome=Outcome.ACCEPTED))], at=NOW)


# --- a lead that may be written to ----------------------------------------------------------------


def test_lead_in_order_becomes_a_recipient(tmp_path: Path) -> None:
    """The number in E.164, the name ready for the template, the row masked."""
    found = Scene(tmp_path).examine(make_lead(number="98100 00000", name=" Asha\n Rao "), 7)

    assert found.recipient is not None
    assert (found.recipient.phone, found.recipient.name) == (PHONE, "Asha Rao")
    assert (found.row.position, found.row.phone) == (7, "+9198••••0000")
    assert (found.spent, found.category) == (0, None)


@pytest.mark.parametrize(
    ("given", "shown"),
    [("a@example.com", "a@example.com"), (None, "Customer"), ("  ", "Customer"), (7, "Customer")],
)
def test_lead_whose_name_cannot_be_sent_is_addressed_as_customer_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, given: object, shown: str
) -> None:
    """Its row shows what the CRM wrote, where that is text."""
    found = Scene(tmp_path).examine(make_lead(name=given))

    assert found.recipient is not None
    assert found.recipient.name == "Customer"
    assert found.row.name == shown
    assert "Lead 1 is addressed as Customer" in caplog.text


def test_lead_name_in_the_row_is_cleaned_for_display(tmp_path: Path) -> None:
    """An escape sequence is shown as text."""
    found = Scene(tmp_path).examine(make_lead(name="Eve\x1b[2J"))

    assert found.row.name == "Eve\\u001b[2J"


# --- one that may not -----------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["12", None, 9.8e9 + 0.5, "+91 22 2222 2222", ["x"]])
def test_lead_without_a_mobile_number_is_skipped_and_remembered_once(
    tmp_path: Path, number: object
) -> None:
    """An error of this lead, and one failed row for the CRM, at most once."""
    scene = Scene(tmp_path)
    found = [scene.examine(make_lead(number=number)) for _ in range(2)]

    for one in found:
        assert one.recipient is None
        assert one.reason is SkipReason.INVALID_NUMBER
        assert one.category is ErrorCategory.INVALID_NUMBER
        assert one.text.startswith("invalid number: ")
    assert [row.msg_status for row in scene.ledger.owed_rows()] == ["failed"]
    assert scene.ledger.quota_used(TODAY) == {}


def test_lead_without_a_mobile_number_is_not_remembered_by_a_dry_run(tmp_path: Path) -> None:
    """A dry run writes nothing down."""
    scene = Scene(tmp_path, remembers=False)

    assert scene.examine(make_lead(number="12")).recipient is None
    assert scene.ledger.owed_rows() == []


def test_lead_on_the_suppression_list_is_skipped_without_being_an_error(tmp_path: Path) -> None:
    """Somebody decided it; no call is made for it."""
    asked: list[str] = []
    scene = Scene(tmp_path, look_up=asked.append)
    scene.suppressions.add(
        Suppression(phone=PHONE, reason="called us", source="operator", added_at=NOW, until=None)
    )
    found = scene.examine(make_lead())

    assert found.recipient is None
    assert (found.reason, found.category) == (SkipReason.SUPPRESSED, None)
    assert "called us" in found.text
    assert asked == []


def test_lead_messaged_today_is_skipped_as_a_duplicate(tmp_path: Path) -> None:
    """The history forbids it."""
    scene = Scene(tmp_path)
    scene.send()
    found = scene.examine(make_lead())

    assert found.recipient is None
    assert (found.reason, found.category) == (SkipReason.DUPLICATE, None)


@pytest.mark.parametrize("twin", [make_lead("2"), make_lead("1", number="+919810000001")])
def test_lead_twice_in_one_list_is_attempted_once(tmp_path: Path, twin: Lead) -> None:
    """The same number under another id, or the same id with another number."""
    scene = Scene(tmp_path)
    scene.let_through(make_lead())
    found = scene.examine(twin, 2)

    assert found.recipient is None
    assert found.reason is SkipReason.DUPLICATE
    assert "earlier in this list" in found.text


def test_lead_examined_but_not_attempted_does_not_stand_in_anybodys_way(tmp_path: Path) -> None:
    """Only an attempt makes the second one a duplicate."""
    scene = Scene(tmp_path)
    scene.examine(make_lead())

    assert scene.examine(make_lead("2")).recipient is not None


@pytest.mark.parametrize(("attempts", "spent"), [(1, 1), (2, 2)])
def test_lead_whose_sends_proved_absent_goes_on_counting(
    tmp_path: Path, attempts: int, spent: int
) -> None:
    """Attempts are remembered over runs."""
    scene = Scene(tmp_path)
    scene.send(attempts=attempts, absent=True)
    found = scene.examine(make_lead())

    assert found.recipient is not None
    assert found.spent == spent


def test_lead_whose_three_sends_proved_absent_is_left_alone(tmp_path: Path) -> None:
    """Three attempts in all, over all runs."""
    scene = Scene(tmp_path)
    scene.send(attempts=3, absent=True)
    found = scene.examine(make_lead())

    assert found.recipient is None
    assert found.reason is SkipReason.DUPLICATE
    assert "3 sends got no answer" in found.text


# --- the contact ----------------------------------------------------------------------------------


@pytest.mark.parametrize("verdict", [ContactVerdict.SEND, None])
def test_contact_in_order_or_unclear_lets_the_send_go_on(
    tmp_path: Path, verdict: ContactVerdict | None
) -> None:
    """Asked once, with the number in E.164."""
    asked: list[str] = []

    def look_up(phone: str) -> ContactVerdict | None:
        asked.append(phone)
        return verdict

    found = Scene(tmp_path, look_up=look_up).examine(make_lead(number="9810000000"))

    assert found.recipient is not None
    assert asked == [PHONE]


@pytest.mark.parametrize(("remembers", "listed"), [(True, [PHONE]), (False, [])])
def test_contact_that_opted_out_is_skipped_and_suppressed_for_good(
    tmp_path: Path, *, remembers: bool, listed: list[str]
) -> None:
    """An error of the category opt_out; a dry run leaves the list as it is."""
    scene = Scene(tmp_path, look_up=lambda _: ContactVerdict.OPT_OUT, remembers=remembers)
    found = scene.examine(make_lead())

    assert found.recipient is None
    assert (found.reason, found.category) == (SkipReason.SUPPRESSED, ErrorCategory.OPT_OUT)
    entries = scene.suppressions.entries()
    assert [entry.phone for entry in entries] == listed
    assert all((entry.until, entry.source) == (None, "contact") for entry in entries)
    assert scene.ledger.owed_rows() == []


def test_contact_whose_number_is_invalid_is_skipped_like_any_invalid_number(
    tmp_path: Path,
) -> None:
    """It owes the CRM a failed row and is not suppressed."""
    scene = Scene(tmp_path, look_up=lambda _: ContactVerdict.INVALID)
    found = scene.examine(make_lead())

    assert found.recipient is None
    assert found.reason is SkipReason.INVALID_NUMBER
    assert found.category is ErrorCategory.INVALID_NUMBER
    rows = scene.ledger.owed_rows()
    assert [(row.to_phone_number, row.msg_status) for row in rows] == [(PHONE, "failed")]
    assert scene.suppressions.entries() == []


# --- a description only ---------------------------------------------------------------------------


def test_description_of_a_lead_takes_another_number_and_checks_nothing_else(
    tmp_path: Path,
) -> None:
    """A test send: the lead's text to the test number, history and list left out of it."""
    scene = Scene(tmp_path, look_up=lambda _: ContactVerdict.OPT_OUT)
    scene.send()
    found = scene.intake.describe(make_lead(number="12"), 1, PHONE)

    assert found.recipient is not None
    assert found.recipient.phone == PHONE
    assert found.row.status is MessageStatus.PENDING
    assert scene.ledger.has_invalid_number("1") is False

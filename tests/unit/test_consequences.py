"""What follows from a failure: suppression, rest, hold, stop."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from lead_automation.campaign.consequences import Consequences, FailureRules
from lead_automation.campaign.ends import RunEnd
from lead_automation.campaign.safety import SafetyMonitor
from lead_automation.config import SafetyPolicy
from lead_automation.files import SystemDisk
from lead_automation.models import (
    Action,
    ErrorCategory,
    Failure,
    Hold,
    HoldKind,
    MessageRecord,
    MessageStatus,
)
from lead_automation.state.hold import HoldFile
from lead_automation.state.suppression import SuppressionList
from lead_automation.wati.failures import QUALITY_REST, SUPPRESS_FOR, classify

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
TODAY = date(2026, 11, 23)
DAY_ENDS = datetime(2026, 11, 23, 18, 30, tzinfo=UTC)
PHONE = "+919810000000"
SPAM = classify(131048, "Spam rate limit hit")
QUALITY = classify(131049, "to maintain healthy ecosystem engagement")


class Scene:
    """Consequences over real files."""

    def __init__(self, folder: Path, *, is_test: bool = False, quality: int = 1) -> None:
        """Begin a run."""
        self.holds = HoldFile(SystemDisk(), folder)
        self.suppressions = SuppressionList(SystemDisk(), folder)
        policy = SafetyPolicy(meta_quality_stop_after=quality, failure_streak_limit=5)
        self.consequences = Consequences(
            rules=FailureRules(
                suppress_for=SUPPRESS_FOR,
                quality_rest=QUALITY_REST,
                quality_steps=("one", "two"),
                only_account_holds=is_test,
            ),
            safety=SafetyMonitor(policy),
            suppressions=self.suppressions,
            hold=self.holds,
        )

    def failed(self, failure: Failure, *, late: bool = False) -> RunEnd | None:
        """Let a message of this run fail."""
        return self.consequences.failed(failure, PHONE, late=late, now=NOW, day_ends=DAY_ENDS)

    def failed_earlier(
        self, failure: Failure, *, day: date = TODAY, phone: str | None = PHONE
    ) -> RunEnd | None:
        """Let a message of an earlier run fail."""
        record = MessageRecord(
            lead_id="1",
            day=day,
            phone=phone,
            template="t",
            counsellor="A",
            status=MessageStatus.FAILED,
            message_id=None,
            sent_at=None,
            updated_at=None,
            attempts=0,
        )
        return self.consequences.failed_earlier(
            failure, record, today=TODAY, now=NOW, day_ends=DAY_ENDS
        )

    def until(self) -> dict[str, datetime | None]:
        """Return what stands on the suppression list."""
        return {entry.phone: entry.until for entry in self.suppressions.entries()}


@pytest.mark.parametrize(
    ("category", "until"),
    [
        (ErrorCategory.NOT_ON_WHATSAPP, {PHONE: NOW + timedelta(days=30)}),
        (ErrorCategory.OPT_OUT, {PHONE: None}),
        (ErrorCategory.INVALID_NUMBER, {}),
        (ErrorCategory.TEMPLATE_MISMATCH, {}),
        (ErrorCategory.QUOTA_EXCEEDED, {}),
        (ErrorCategory.NETWORK_ERROR, {}),
        (ErrorCategory.ACCOUNT_ISSUE, {}),
        (ErrorCategory.UNKNOWN_ERROR, {}),
    ],
)
def test_failure_suppresses_by_category_alone(
    tmp_path: Path, category: ErrorCategory, until: dict[str, datetime | None]
) -> None:
    """Thirty days, for good, or not at all; and nothing ends."""
    scene = Scene(tmp_path)
    failure = Failure(category=category, action=Action.NEXT, rule_id="r", text="words")

    assert scene.failed(failure) is None
    assert scene.until() == until
    assert scene.holds.read() is None


def test_quality_refusal_rests_the_lead_and_holds_until_the_day_ends(tmp_path: Path) -> None:
    """48 hours for the lead, the rest of the day for all, with the steps."""
    scene = Scene(tmp_path)
    end = scene.failed(QUALITY, late=True)

    assert end is not None
    assert (end.exit_code, end.is_meta_quality) == (3, True)
    assert scene.until() == {PHONE: NOW + timedelta(hours=48)}
    hold = scene.holds.read()
    assert hold is not None
    assert (hold.since, hold.until, hold.what_to_do) == (NOW, DAY_ENDS, ("one", "two"))


def test_quality_refusal_below_the_limit_only_rests_the_lead(tmp_path: Path) -> None:
    """META_QUALITY_STOP_AFTER=2: the first ends nothing."""
    scene = Scene(tmp_path, quality=2)

    assert scene.failed(QUALITY) is None
    assert list(scene.until()) == [PHONE]
    assert scene.holds.read() is None


def test_restriction_of_the_account_holds_until_resume(tmp_path: Path) -> None:
    """No end of its own, and steps that name the command."""
    scene = Scene(tmp_path)
    end = scene.failed(SPAM)

    assert end is not None
    assert (end.exit_code, end.category) == (3, ErrorCategory.ACCOUNT_ISSUE)
    assert not end.is_meta_quality
    hold = scene.holds.read()
    assert hold is not None
    assert hold.until is None
    assert "resume" in hold.what_to_do[-1]
    assert scene.until() == {}


def test_stop_without_a_hold_sets_none(tmp_path: Path) -> None:
    """A bad token or a template problem is the operator's to mend, not to wait for."""
    scene = Scene(tmp_path)

    assert scene.failed(classify(None, "", http_status=401)) is not None
    assert scene.holds.read() is None


def test_hold_keeps_no_whole_number_and_no_escape(tmp_path: Path) -> None:
    """WATI's words are evidence; what is not to be shown is masked and cleaned before."""
    scene = Scene(tmp_path)
    scene.failed(classify(None, "account of +919810000000 \x1b[2J suspended"))
    hold = scene.holds.read()

    assert hold is not None
    assert "+9198••••0000" in hold.evidence
    for text in (hold.evidence, hold.reason):
        assert "9810000000" not in text
        assert "\x1b" not in text


def test_failure_that_may_have_arrived_is_no_part_of_the_share(tmp_path: Path) -> None:
    """Arrivals and unknown sends: no stop."""
    scene = Scene(tmp_path)
    unknown = Failure(
        category=ErrorCategory.NETWORK_ERROR, action=Action.NEXT, rule_id="w31", text="words"
    )
    for _ in range(20):
        assert scene.consequences.arrived(first_word=True) is None
        scene.consequences.accepted()
        assert (
            scene.consequences.failed(
                unknown, PHONE, late=False, now=NOW, day_ends=DAY_ENDS, is_final=False
            )
            is None
        )


def test_share_of_failures_can_end_a_run_at_an_arrival(tmp_path: Path) -> None:
    """The twentieth final word decides, also when it is a good one."""
    scene = Scene(tmp_path)
    number = Failure(
        category=ErrorCategory.INVALID_NUMBER, action=Action.NEXT, rule_id="w02", text="words"
    )
    for _ in range(19):
        assert scene.failed(number) is None
    end = scene.consequences.arrived(first_word=True)

    assert end is not None
    assert (end.exit_code, end.category) == (3, None)


# --- earlier runs ---------------------------------------------------------------------------------


def test_earlier_message_that_failed_for_its_own_reasons_ends_nothing(tmp_path: Path) -> None:
    """Neither a template problem of yesterday nor a long row of odd failures stops today's run."""
    scene = Scene(tmp_path)
    template = classify(132001, "Template name does not exist")
    odd = classify(None, "words nobody has seen")

    assert [scene.failed_earlier(failure) for failure in (template, *[odd] * 8)] == [None] * 9
    assert scene.holds.read() is None


def test_earlier_message_suppresses_its_number(tmp_path: Path) -> None:
    """What was learned late of a number counts from now on."""
    scene = Scene(tmp_path)
    scene.failed_earlier(classify(131050, "stopped marketing messages"), day=date(2026, 11, 20))

    assert scene.until() == {PHONE: None}


def test_earlier_message_without_a_number_suppresses_nobody(tmp_path: Path) -> None:
    """An earlier form's bare lead id has none."""
    scene = Scene(tmp_path)
    scene.failed_earlier(classify(131050, "stopped marketing messages"), phone=None)

    assert scene.until() == {}


@pytest.mark.parametrize("day", [TODAY, date(2026, 11, 18)])
def test_earlier_message_that_tells_of_a_restricted_account_holds(
    tmp_path: Path, day: date
) -> None:
    """Of whatever day: the account is restricted now."""
    scene = Scene(tmp_path)

    assert scene.failed_earlier(SPAM, day=day) is not None
    hold = scene.holds.read()
    assert hold is not None
    assert hold.until is None


def test_earlier_quality_refusal_holds_only_for_a_message_of_today(tmp_path: Path) -> None:
    """The hold it would set ends with its own day."""
    scene = Scene(tmp_path)

    assert scene.failed_earlier(QUALITY, day=date(2026, 11, 22)) is None
    assert scene.holds.read() is None
    assert list(scene.until()) == [PHONE]
    assert scene.failed_earlier(QUALITY) is not None
    assert scene.holds.read() is not None


# --- test sends -----------------------------------------------------------------------------------


def test_test_send_suppresses_nobody_and_holds_for_the_account_only(tmp_path: Path) -> None:
    """The test number is nobody's lead; a restricted account is restricted for all."""
    scene = Scene(tmp_path, is_test=True)

    assert scene.failed(QUALITY) is not None
    assert scene.failed(classify(131026, "Message undeliverable")) is None
    assert scene.until() == {}
    assert scene.holds.read() is None
    assert scene.failed(SPAM) is not None
    hold = scene.holds.read()
    assert isinstance(hold, Hold)
    assert hold.until is None


def test_quality_failures_carry_the_kind_of_hold_the_table_gives(tmp_path: Path) -> None:
    """Table and consequences agree on which failures are which."""
    assert Scene(tmp_path).failed(QUALITY) is not None
    assert (QUALITY.hold, SPAM.hold) == (HoldKind.UNTIL_DAY_ENDS, HoldKind.UNTIL_RESUME)

"""The rules that stop a campaign."""

import pytest

from lead_automation.campaign.safety import SafetyMonitor, is_first_arrival
from lead_automation.config import SafetyPolicy
from lead_automation.models import Action, ErrorCategory, Failure, HoldKind, MessageStatus


def make_failure(
    category: ErrorCategory = ErrorCategory.UNKNOWN_ERROR,
    action: Action = Action.NEXT,
    *,
    rule_id: str = "rule",
    hold: HoldKind | None = None,
    is_meta_quality: bool = False,
) -> Failure:
    """Return a failure."""
    return Failure(
        category=category,
        action=action,
        rule_id=rule_id,
        text="words",
        hold=hold,
        is_meta_quality=is_meta_quality,
    )


def make_monitor(*, quality: int = 1, streak: int = 5) -> SafetyMonitor:
    """Return a monitor at the beginning of a run."""
    return SafetyMonitor(SafetyPolicy(meta_quality_stop_after=quality, failure_streak_limit=streak))


UNKNOWN = make_failure()
NETWORK = make_failure(ErrorCategory.NETWORK_ERROR, rule_id="w31")
NUMBER = make_failure(ErrorCategory.INVALID_NUMBER, rule_id="w02")
QUALITY = make_failure(
    ErrorCategory.QUOTA_EXCEEDED,
    rule_id="131049",
    hold=HoldKind.UNTIL_DAY_ENDS,
    is_meta_quality=True,
)
VALUES = make_failure(ErrorCategory.TEMPLATE_MISMATCH, Action.STOP_IF_REPEATED, rule_id="132012")
OTHER_VALUES = make_failure(
    ErrorCategory.TEMPLATE_MISMATCH, Action.STOP_IF_REPEATED, rule_id="131009"
)


# --- what the failure itself orders ---------------------------------------------------------------


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize("hold", [None, HoldKind.UNTIL_RESUME])
def test_stopping_failure_stops_with_its_own_hold(*, is_late: bool, hold: HoldKind | None) -> None:
    """The first one is enough, at the send or late."""
    failure = make_failure(ErrorCategory.ACCOUNT_ISSUE, Action.STOP, hold=hold)
    order = make_monitor().failed(failure, late=is_late)

    assert order is not None
    assert (order.category, order.hold) == (ErrorCategory.ACCOUNT_ISSUE, hold)
    assert order.reason == "ACCOUNT_ISSUE: words"
    assert not order.is_meta_quality


@pytest.mark.parametrize("action", [Action.NEXT, Action.WAIT])
@pytest.mark.parametrize("is_late", [False, True])
def test_failure_of_one_lead_orders_nothing(action: Action, *, is_late: bool) -> None:
    """Neither does a wait: it is waited out at the send, and never resends later."""
    failure = make_failure(ErrorCategory.QUOTA_EXCEEDED, action)
    monitor = make_monitor()

    assert [monitor.failed(failure, late=is_late) for _ in range(8)] == [None] * 8


# --- in a row -------------------------------------------------------------------------------------


def test_repeated_failure_stops_at_the_third_in_a_row() -> None:
    """Two are two leads' values, three the template."""
    monitor = make_monitor()
    orders = [monitor.failed(VALUES, late=False) for _ in range(3)]

    assert orders[:2] == [None, None]
    assert orders[2] is not None
    assert orders[2].category is ErrorCategory.TEMPLATE_MISMATCH


def test_repeated_failure_begins_anew_after_an_acceptance() -> None:
    """A good send in between shows that the template works."""
    monitor = make_monitor()
    monitor.failed(VALUES, late=False)
    monitor.failed(VALUES, late=False)
    monitor.accepted()

    assert monitor.failed(VALUES, late=False) is None


def test_repeated_failure_begins_anew_after_another_kind() -> None:
    """Only one kind in a row counts."""
    monitor = make_monitor()
    monitor.failed(VALUES, late=False)
    monitor.failed(VALUES, late=False)

    assert monitor.failed(OTHER_VALUES, late=False) is None
    assert monitor.failed(VALUES, late=False) is None


def test_repeated_late_failures_are_not_parted_by_acceptances() -> None:
    """Between two late failures there is always some other lead's acceptance."""
    monitor = make_monitor()
    orders = []
    for _ in range(3):
        monitor.accepted()
        orders.append(monitor.failed(VALUES, late=True))

    assert orders[:2] == [None, None]
    assert orders[2] is not None


def test_repeated_late_failures_are_parted_by_an_arrival() -> None:
    """The neighbour's message arrived, so it is not the template."""
    monitor = make_monitor()
    monitor.failed(VALUES, late=True)
    monitor.failed(VALUES, late=True)
    monitor.arrived(first_word=True)

    assert monitor.failed(VALUES, late=True) is None


def test_repeated_late_failures_are_not_parted_by_more_news_of_an_old_message() -> None:
    """Delivered long ago and read now says nothing about the ones that failed."""
    monitor = make_monitor()
    monitor.arrived(first_word=True)
    monitor.failed(VALUES, late=True)
    monitor.failed(VALUES, late=True)
    monitor.arrived(first_word=False)

    assert monitor.failed(VALUES, late=True) is not None


def test_failures_at_the_send_and_late_are_two_sequences() -> None:
    """Two and two are not four in a row."""
    monitor = make_monitor()
    orders = [monitor.failed(VALUES, late=is_late) for is_late in (False, True, False, True)]

    assert orders == [None] * 4


# --- streaks --------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_late", [False, True])
def test_streak_of_network_and_unclassified_failures_stops_at_the_limit(*, is_late: bool) -> None:
    """Both kinds are one streak; the setting is named, and the kind that ended it."""
    monitor = make_monitor(streak=4)
    mixed = (NETWORK, UNKNOWN, NETWORK, UNKNOWN)
    orders = [monitor.failed(failure, late=is_late) for failure in mixed]

    assert orders[:3] == [None] * 3
    assert orders[3] is not None
    assert "FAILURE_STREAK_LIMIT=4" in orders[3].reason
    assert orders[3].category is ErrorCategory.UNKNOWN_ERROR
    assert orders[3].hold is None


@pytest.mark.parametrize("between", ["accepted", "another category"])
def test_streak_ends_with_a_clear_answer(between: str) -> None:
    """WATI said something definite, so it is there."""
    monitor = make_monitor(streak=2)
    monitor.failed(NETWORK, late=False)
    if between == "accepted":
        monitor.accepted()
    else:
        monitor.failed(NUMBER, late=False)

    assert monitor.failed(NETWORK, late=False) is None
    assert monitor.failed(NETWORK, late=False) is not None


# --- Meta quality ---------------------------------------------------------------------------------


def test_quality_refusal_at_the_strict_setting_stops_and_holds_the_day() -> None:
    """One is enough, and the order says which rule it was."""
    order = make_monitor(quality=1).failed(QUALITY, late=True)

    assert order is not None
    assert order.is_meta_quality
    assert order.hold is HoldKind.UNTIL_DAY_ENDS
    assert "1 message refused" in order.reason
    assert "META_QUALITY_STOP_AFTER=1" in order.reason


def test_quality_refusals_count_over_the_whole_run() -> None:
    """At the send or late, with good messages between them or not."""
    monitor = make_monitor(quality=3)
    assert monitor.failed(QUALITY, late=False) is None
    monitor.accepted()
    monitor.arrived(first_word=True)
    assert monitor.failed(QUALITY, late=True) is None
    order = monitor.failed(QUALITY, late=True)

    assert order is not None
    assert "3 messages refused" in order.reason


# --- the share ------------------------------------------------------------------------------------


def arrive(monitor: SafetyMonitor, count: int) -> None:
    """Let messages arrive."""
    for _ in range(count):
        assert monitor.arrived(first_word=True) is None


def test_share_of_failures_above_half_stops_from_twenty_on() -> None:
    """Eleven of twenty; a share names no category and holds nothing."""
    monitor = make_monitor()
    arrive(monitor, 9)
    orders = [monitor.failed(NUMBER, late=False) for _ in range(11)]

    assert orders[:10] == [None] * 10
    assert orders[10] is not None
    assert "11 of the 20" in orders[10].reason
    assert (orders[10].category, orders[10].hold) == (None, None)


def test_share_of_failures_of_exactly_half_stops_nothing() -> None:
    """Ten of twenty are not more than half."""
    monitor = make_monitor()
    arrive(monitor, 10)

    assert [monitor.failed(NUMBER, late=True) for _ in range(10)] == [None] * 10


def test_share_is_judged_when_the_twentieth_word_is_an_arrival_too() -> None:
    """Nineteen failures wait for the twentieth final word, whatever it is."""
    monitor = make_monitor()
    assert [monitor.failed(NUMBER, late=False) for _ in range(19)] == [None] * 19

    assert monitor.arrived(first_word=True) is not None


def test_share_counts_a_message_once() -> None:
    """Delivered, then read: one message with a final word."""
    monitor = make_monitor()
    for _ in range(9):
        monitor.arrived(first_word=True)
        monitor.arrived(first_word=False)

    assert [monitor.failed(NUMBER, late=False) for _ in range(10)] == [None] * 10


def test_share_leaves_out_sends_whose_fate_is_unknown() -> None:
    """They may yet have arrived; for the streak they count all the same."""
    monitor = make_monitor(streak=30)
    arrive(monitor, 5)
    orders = [monitor.failed(NETWORK, late=False, is_final=False) for _ in range(30)]

    assert orders[:29] == [None] * 29
    assert orders[29] is not None
    assert "FAILURE_STREAK_LIMIT" in orders[29].reason


@pytest.mark.parametrize(
    ("before", "after", "is_first"),
    [
        (MessageStatus.PENDING, MessageStatus.DELIVERED, True),
        (MessageStatus.SENT, MessageStatus.READ, True),
        (MessageStatus.DELIVERED, MessageStatus.READ, False),
        (MessageStatus.DELIVERED, MessageStatus.DELIVERED, False),
        (MessageStatus.PENDING, MessageStatus.SENT, False),
        (MessageStatus.SENT, MessageStatus.FAILED, False),
    ],
)
def test_first_arrival_is_told_from_more_news(
    before: MessageStatus, after: MessageStatus, *, is_first: bool
) -> None:
    """Delivered or read, and neither before."""
    assert is_first_arrival(before, after) is is_first

"""The rules that stop a campaign."""

from collections.abc import Callable
from typing import Any

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


def make_monitor(*, quality: int = 1, streak: int = 5, share: int = 0) -> SafetyMonitor:
    """Return a monitor at the beginning of a run."""
    return SafetyMonitor(
        SafetyPolicy(
            meta_quality_stop_after=quality,
            meta_quality_stop_share=share,
            meta_quality_hold_days=0,
            failure_streak_limit=streak,
        )
    )


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


EVENTS: dict[str, Callable[[SafetyMonitor], Any]] = {
    "+": lambda monitor: monitor.accepted(),
    "a": lambda monitor: monitor.arrived(first_word=True),
    "m": lambda monitor: monitor.arrived(first_word=False),
    "v": lambda monitor: monitor.failed(VALUES, late=False),
    "V": lambda monitor: monitor.failed(VALUES, late=True),
    "o": lambda monitor: monitor.failed(OTHER_VALUES, late=False),
    "n": lambda monitor: monitor.failed(NETWORK, late=False),
    "N": lambda monitor: monitor.failed(NETWORK, late=True),
    "?": lambda monitor: monitor.failed(NETWORK, late=False, is_final=False),
    "u": lambda monitor: monitor.failed(UNKNOWN, late=False),
    "U": lambda monitor: monitor.failed(UNKNOWN, late=True),
    "i": lambda monitor: monitor.failed(NUMBER, late=False),
    "I": lambda monitor: monitor.failed(NUMBER, late=True),
    "q": lambda monitor: monitor.failed(QUALITY, late=False),
    "Q": lambda monitor: monitor.failed(QUALITY, late=True),
}
"""What may happen, by letter: capitals are learned late; m is more news of an old message."""

VALUES_STOP = "TEMPLATE_MISMATCH"
STREAK_STOP = "FAILURE_STREAK_LIMIT=4"
QUALITY_STOP = "META_QUALITY_STOP_AFTER=3"


@pytest.mark.parametrize(
    ("events", "stop"),
    [
        pytest.param("vvv", VALUES_STOP, id="three in a row are the template"),
        pytest.param("vv+v", None, id="an acceptance parts them"),
        pytest.param("vvov", None, id="only one kind in a row counts"),
        pytest.param("+V+V+V", VALUES_STOP, id="another's acceptance parts no late ones"),
        pytest.param("VVaV", None, id="an arrival parts late ones"),
        pytest.param("aVVmV", VALUES_STOP, id="more news of an old message does not"),
        pytest.param("vVvV", None, id="at the send and late are two sequences"),
        pytest.param("nunu", STREAK_STOP, id="network and unclassified are one streak"),
        pytest.param("NUNU", STREAK_STOP, id="late as well"),
        pytest.param("nnn+nnnn", STREAK_STOP, id="an acceptance ends a streak"),
        pytest.param("nnninnnn", STREAK_STOP, id="so does a clear answer"),
        pytest.param("q+aQQ", QUALITY_STOP, id="quality counts over the whole run"),
        pytest.param("aaaaaaaaa" + "i" * 11, "11 of the 20", id="more than half of twenty"),
        pytest.param("aaaaaaaaaa" + "I" * 10, None, id="exactly half is not more"),
        pytest.param("i" * 19 + "a", "19 of the 20", id="an arrival may be the twentieth"),
        pytest.param("am" * 9 + "i" * 10, None, id="delivered, then read, is one message"),
        pytest.param("aaaaa" + "???i" * 8, None, id="what may have arrived is in no share"),
        pytest.param("????", STREAK_STOP, id="but counts in a streak"),
    ],
)
def test_campaign_stops_at_the_last_event_of_its_row_or_not_at_all(
    events: str, stop: str | None
) -> None:
    """Each rule counts what it should and begins anew where it should."""
    monitor = make_monitor(quality=3, streak=4)
    *before, last = [EVENTS[event](monitor) for event in events]

    assert before == [None] * len(before)
    assert (stop in last.reason) if stop else last is None


@pytest.mark.parametrize(("share", "stops"), [(0, True), (10, True), (11, False)])
def test_quality_refusals_stop_where_count_and_share_are_both_reached(
    share: int, *, stops: bool
) -> None:
    """One of ten messages with a word is ten percent."""
    monitor = make_monitor(share=share)
    for _ in range(9):
        monitor.arrived(first_word=True)

    assert (monitor.failed(QUALITY, late=True) is not None) is stops


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


@pytest.mark.parametrize(
    ("events", "category", "hold"),
    [
        ("vvv", ErrorCategory.TEMPLATE_MISMATCH, None),
        ("nnnnu", ErrorCategory.UNKNOWN_ERROR, None),
        ("Q", ErrorCategory.QUOTA_EXCEEDED, HoldKind.UNTIL_DAY_ENDS),
        ("aaaaaaaaa" + "i" * 11, None, None),
    ],
)
def test_order_names_the_category_that_ended_the_run_and_its_hold(
    events: str, category: ErrorCategory | None, hold: HoldKind | None
) -> None:
    """A share names no category; only Meta quality holds the day, and says that it was that."""
    monitor = make_monitor()
    order = [EVENTS[event](monitor) for event in events][-1]

    assert (order.category, order.hold) == (category, hold)
    assert order.is_meta_quality == (events == "Q")


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

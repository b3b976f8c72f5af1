"""What earlier runs left: unknown sends, open statuses, owed rows."""

from datetime import timedelta

import pytest
from campaigns import Campaign, make_campaign
from harness import digits

from lead_automation.campaign.reading import News
from lead_automation.campaign.settling import (
    Settlement,
    later_read_is_due,
    read_on_request_is_due,
)
from lead_automation.models import MessageRecord, MessageStatus
from lead_automation.sandbox.exchange import Endpoint
from lead_automation.sandbox.plans import Plan, failing, steps
from lead_automation.sandbox.scripts import answer, late, server_error

SENT_ONLY = Plan(history=steps("SENT"))
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def sent(campaign: Campaign, count: int) -> list[MessageRecord]:
    """Let WATI accept messages of an earlier run."""
    return [campaign.send(index)[1] for index in range(count)]


def settle(campaign: Campaign, **options: float) -> Settlement:
    """Settle everything open."""
    return campaign.earlier.settle(
        limit_s=options.get("limit_s", 60.0), is_due=read_on_request_is_due
    )


@pytest.mark.parametrize(
    ("age", "last_read_age", "is_due"),
    [
        (HOUR - timedelta(seconds=1), timedelta(seconds=10), False),
        (HOUR, timedelta(seconds=10), True),
        (2 * HOUR, timedelta(minutes=59), True),
        (2 * HOUR, HOUR, False),
        (DAY - timedelta(seconds=1), HOUR, False),
        (DAY, HOUR, True),
        (DAY, timedelta(seconds=10), True),
        (3 * DAY, DAY, False),
        (3 * DAY, 2 * DAY, False),
    ],
)
def test_later_read_is_due_after_an_hour_and_after_a_day(
    age: timedelta,
    last_read_age: timedelta,
    is_due: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """Each of the two reads happens once, however late."""
    campaign = make_campaign()
    (record,) = sent(campaign, 1)
    assert record.sent_at is not None
    record = campaign.ledger.reading(
        record,
        status=MessageStatus.SENT,
        at=record.sent_at + last_read_age,
        message_id=None,
        failure=None,
    )
    assert record.sent_at is not None

    assert later_read_is_due(record, record.sent_at + age) is is_due


def test_later_read_of_a_message_never_sent_is_not_due() -> None:
    """What was refused has no news."""
    campaign = make_campaign()
    _, record = campaign.reserve(0)
    record = campaign.ledger.absent(record, at=campaign.clock.now(), row_text="gone")

    assert not later_read_is_due(record, campaign.clock.now() + 2 * DAY)


def test_read_on_request_every_open_message_is_due() -> None:
    """Who asks gets the truth of everything that may still have news."""
    campaign = make_campaign(Plan(history=steps("DELIVERED")))
    (record,) = sent(campaign, 1)
    delivered = campaign.reader.read(record).after

    assert read_on_request_is_due(delivered, campaign.clock.now())


def test_settle_reads_keep_the_limit_and_rows_go_out_in_their_waits() -> None:
    """Reads go at WATI's pace, rows meanwhile."""
    campaign = make_campaign(*[SENT_ONLY] * 15)
    sent(campaign, 15)
    campaign.clock.advance(60)

    result = settle(campaign)

    assert len(result.news) == 15
    assert result.rows_posted == 15
    assert result.rows_owed == 0
    assert campaign.simulator.rejected_429 == 0


def test_settle_ends_within_its_time_and_counts_what_is_left() -> None:
    """A read or a row begun is over when the time is."""
    campaign = make_campaign(*[SENT_ONLY] * 40)
    sent(campaign, 28)
    campaign.clock.advance(60)
    campaign.simulator.script(Endpoint.MESSAGES, late(2.8, times=None))
    campaign.crm.is_up = False
    began = campaign.clock.monotonic()

    result = settle(campaign, limit_s=20.0)

    assert campaign.clock.monotonic() - began <= 20.1
    assert len(result.news) + result.unread == 28
    assert 0 < len(result.news) < 8
    assert result.rows_owed == 28


def test_settle_row_says_what_was_just_read() -> None:
    """An owed row goes out with the status of now; a failure is not told as sent."""
    campaign = make_campaign(failing("Message undeliverable"))
    sent(campaign, 1)
    campaign.clock.advance(60)

    result = settle(campaign)

    assert [(row.msg_status, row.error_message) for row in campaign.crm.rows] == [
        ("failed", "Message undeliverable")
    ]
    assert result.rows_posted == 1
    assert campaign.ledger.owed_rows() == []


def test_settle_row_that_a_read_makes_owed_goes_out_at_once() -> None:
    """The second row of a failure learned now is not kept for another time."""
    campaign = make_campaign(failing("Message undeliverable"))
    sent(campaign, 1)
    campaign.desk.post_all(limit_s=lambda: 60.0)
    campaign.clock.advance(60)

    result = settle(campaign)

    assert [row.msg_status for row in campaign.crm.rows] == ["sent", "failed"]
    assert result.rows_posted == 1


def test_settle_crm_down_one_try_then_the_reads_go_on() -> None:
    """The first failure leaves the rest owed."""
    campaign = make_campaign(*[SENT_ONLY] * 5)
    sent(campaign, 5)
    campaign.clock.advance(60)
    campaign.crm.is_up = False

    result = settle(campaign)

    assert len(result.news) == 5
    assert len(campaign.crm.deadlines) == 1
    assert result.rows_owed == 5


def test_settle_wati_away_is_left_alone_after_three_reads() -> None:
    """Three reads in a row without answer are enough; every message stays as it was."""
    campaign = make_campaign(*[SENT_ONLY] * 8)
    before = sent(campaign, 8)
    campaign.clock.advance(60)
    campaign.simulator.script(Endpoint.MESSAGES, server_error(503, times=None))

    result = settle(campaign)

    assert len(campaign.simulator.calls[Endpoint.MESSAGES]) == 3
    assert result.unread == 8
    assert list(campaign.ledger.records()) == before


def test_settle_messages_in_doubt_do_not_keep_the_others_from_being_read() -> None:
    """WATI answered, only not clearly about these: it is not away, the others are read."""
    campaign = make_campaign(*[SENT_ONLY] * 6)
    for index in range(4):
        campaign.send(index, is_known=False)
    for index in (4, 5):
        campaign.send(index)
    campaign.clock.advance(120)
    unreadable = {"result": "success", "messages": {"items": [{"id": "a", "owner": True}]}}
    for index in range(4):
        campaign.simulator.script(
            Endpoint.MESSAGES,
            answer(unreadable, times=None),
            match=lambda request, index=index: request.number == digits(index),  # type: ignore[misc]
        )

    result = settle(campaign)

    assert result.unread == 4
    assert [news.after.lead_id for news in result.news] == ["1004", "1005"]


def test_settle_answers_between_failures_keep_it_going() -> None:
    """Only failures in a row count."""
    campaign = make_campaign(*[SENT_ONLY] * 9)
    sent(campaign, 9)
    campaign.clock.advance(60)
    for index in (0, 1, 3, 4, 6, 7):
        campaign.simulator.script(
            Endpoint.MESSAGES,
            server_error(503),
            match=lambda request, index=index: request.number == digits(index),  # type: ignore[misc]
        )

    result = settle(campaign)

    assert (len(result.news), result.unread) == (3, 6)


def test_settle_unknown_sends_come_first() -> None:
    """Whether somebody was messaged matters more than when it was read."""
    campaign = make_campaign(SENT_ONLY, SENT_ONLY)
    campaign.send(0)
    campaign.clock.advance(5)
    campaign.send(1, is_known=False)
    campaign.clock.advance(100)

    result = settle(campaign)

    assert [news.after.lead_id for news in result.news] == ["1001", "1000"]
    assert result.news[0].settled


def test_settle_unknown_send_too_young_waits() -> None:
    """Before the settling time nothing may be judged."""
    campaign = make_campaign()
    campaign.send(0, is_known=False)
    campaign.clock.advance(80)

    result = settle(campaign)

    assert result.news == []
    assert campaign.record(0).unknown


def test_settle_right_after_another_process_waits_for_watis_window() -> None:
    """What a run read a moment ago still counts at WATI."""
    campaign = make_campaign(SENT_ONLY)
    sent(campaign, 1)
    began = campaign.clock.monotonic()

    settle(campaign)

    assert campaign.simulator.calls[Endpoint.MESSAGES][0].at - began == pytest.approx(10.0, abs=0.2)


def test_settle_pause_reached_on_the_way_ends_the_reads() -> None:
    """The month's mark counts from the call that reaches it."""
    campaign = make_campaign(*[SENT_ONLY] * 9, monthly_calls=20)
    sent(campaign, 9)
    campaign.clock.advance(60)

    result = settle(campaign)

    assert len(result.news) == 7  # 9 sends and 7 reads are 16 of 20
    assert result.unread == 2
    assert result.is_paused


def test_settle_month_used_up_reads_nothing_and_posts_the_rows() -> None:
    """The CRM's calls are not WATI's."""
    campaign = make_campaign(*[SENT_ONLY] * 2, monthly_calls=2)
    campaign.send(0)
    campaign.send(1, is_known=False)
    campaign.clock.advance(600)

    result = settle(campaign)

    assert campaign.simulator.calls[Endpoint.MESSAGES] == []
    assert result.rows_posted == 1


def test_settle_stop_signal_ends_it() -> None:
    """A signal is heard between two reads."""
    campaign = make_campaign(*[SENT_ONLY] * 3)
    sent(campaign, 3)
    campaign.clock.advance(60)

    def stop(_news: News) -> None:
        campaign.stop.request(2)

    result = campaign.earlier.settle(limit_s=60.0, is_due=read_on_request_is_due, on_news=stop)

    assert len(result.news) == 1
    assert result.unread == 2


def test_settle_restriction_is_the_settlements_end() -> None:
    """A restriction of the account found now holds sending; the other messages are read too."""
    campaign = make_campaign(failing("131048 Spam rate limit hit"), SENT_ONLY)
    sent(campaign, 2)
    campaign.clock.advance(60)

    result = settle(campaign)

    assert result.end is not None
    assert result.end.exit_code == 3
    assert campaign.hold.read() is not None
    assert len(result.news) == 2


def test_due_message_older_than_a_week_is_not() -> None:
    """WATI's own news of a message is over then."""
    campaign = make_campaign(SENT_ONLY)
    sent(campaign, 1)
    campaign.days_pass(8)

    assert campaign.earlier.due(read_on_request_is_due) == []

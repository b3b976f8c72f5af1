"""Messages followed in the waits between sends and after the last one."""

from collections import Counter

import pytest
from campaigns import Campaign, make_campaign
from harness import digits

from lead_automation.models import MessageStatus, Outcome
from lead_automation.sandbox.exchange import Endpoint
from lead_automation.sandbox.plans import Plan, Step, failing, steps
from lead_automation.sandbox.scripts import late, lost, server_error

SENT_ONLY = Plan(history=steps("SENT"))
SPAM = failing("131048 Spam rate limit hit")


def read_times(campaign: Campaign, index: int | None = None) -> list[float]:
    """Return when messages (of one lead) were read, in seconds since the campaign's begin."""
    return [
        call.at - 1000.0
        for call in campaign.simulator.calls[Endpoint.MESSAGES]
        if index is None or call.number == digits(index)
    ]


def test_work_message_is_first_read_at_its_age() -> None:
    """Not before TRACKING_FIRST_READ_SECONDS, and then at once."""
    campaign = make_campaign()
    campaign.send(0)

    campaign.follower.work(30.0)

    assert read_times(campaign) == [pytest.approx(10.1)]
    assert campaign.record(0).status is MessageStatus.READ


def test_work_comes_back_exactly_in_time() -> None:
    """A wait is used whole and never exceeded."""
    campaign = make_campaign(*[SENT_ONLY] * 3)
    for index in range(3):
        campaign.send(index)
    began = campaign.clock.monotonic()

    for _ in range(20):
        campaign.follower.work(1.37)

    assert campaign.clock.monotonic() - began == pytest.approx(20 * 1.37)


def test_work_gap_too_short_for_a_read_is_slept_through() -> None:
    """A read that would be late is not begun."""
    campaign = make_campaign()
    campaign.send(0)
    campaign.clock.advance(60)

    campaign.follower.work(0.12)

    assert read_times(campaign) == []


def test_work_slow_read_makes_the_next_gap_careful_but_not_for_ever() -> None:
    """After a slow answer short gaps hold no read, until enough of them have passed."""
    campaign = make_campaign(*[SENT_ONLY] * 5)
    for index in range(5):
        campaign.send(index)
    campaign.clock.advance(60)
    campaign.simulator.script(Endpoint.MESSAGES, late(0.8))
    campaign.follower.work(1.0)
    after_slow = len(read_times(campaign))
    for _ in range(5):
        campaign.follower.work(1.0)
    careful = len(read_times(campaign))
    for _ in range(40):
        campaign.follower.work(1.0)

    assert after_slow == 1
    assert careful == 1
    assert len(read_times(campaign)) >= 5


def test_work_never_reads_more_than_ten_in_ten_seconds() -> None:
    """However many are due, WATI's window is kept."""
    campaign = make_campaign()
    for index in range(28):
        campaign.send(index)
    campaign.clock.advance(60)

    campaign.follower.work(25.0)

    assert campaign.simulator.rejected_429 == 0
    assert 20 <= len(read_times(campaign)) <= 30


def test_work_rereads_in_the_gaps_keep_the_spare_calls() -> None:
    """In the waits only the tenth of a call each lead brings is spent on second reads."""
    campaign = make_campaign(*[SENT_ONLY] * 30)
    for index in range(30):
        campaign.send(index)
        campaign.clock.advance(1)

    campaign.follower.work(300.0)

    reads = Counter(call.number for call in campaign.simulator.calls[Endpoint.MESSAGES])
    assert len(reads) == 30
    assert reads.total() == 33
    assert campaign.meter.left_for_reads(30) == pytest.approx(20)


def test_tail_spends_what_is_left_on_the_oldest_first() -> None:
    """After the last send the spare calls read again, the longest unread first."""
    campaign = make_campaign(*[SENT_ONLY] * 4)
    for index in range(4):
        campaign.send(index)

    campaign.tail(500.0)

    counts = [len(read_times(campaign, index)) for index in range(4)]
    assert sum(counts) == 24  # 2.1 times 4 and 20, less 4 sends, in whole calls
    assert max(counts) - min(counts) <= 1
    assert counts == sorted(counts, reverse=True)


def test_tail_ends_when_nothing_is_open() -> None:
    """Nobody waits for news that cannot come."""
    campaign = make_campaign()
    campaign.send(0)

    campaign.tail(500.0)

    assert campaign.clock.monotonic() - 1000.0 < 11
    assert [row.msg_status for row in campaign.crm.rows] == ["read"]


def test_tail_without_messages_takes_no_time() -> None:
    """A run that sent nothing has nothing to follow."""
    campaign = make_campaign()

    campaign.tail(30.0, settle_unknown=True)

    assert campaign.clock.monotonic() == 1000.0


def test_tail_stop_signal_ends_it_at_once() -> None:
    """A signal ends the waiting."""
    campaign = make_campaign()
    campaign.send(0)
    campaign.stop.request(15)

    campaign.tail(30.0)

    assert read_times(campaign) == []


def test_work_late_systematic_failure_ends_the_wait_at_once() -> None:
    """What says stop is returned before anything else is read."""
    campaign = make_campaign(SPAM, Plan(), Plan())
    for index in range(3):
        campaign.send(index)
    campaign.clock.advance(30)

    end = campaign.follower.work(60.0)

    assert end is not None
    assert end.exit_code == 3
    assert len(read_times(campaign)) == 1
    assert campaign.hold.read() is not None


def test_tail_late_systematic_failure_the_others_are_followed_all_the_same() -> None:
    """The first stop is returned, after everything else was read too."""
    campaign = make_campaign(SPAM, SPAM, Plan())
    for index in range(3):
        campaign.send(index)

    end = campaign.follower.follow_tail(until=campaign.clock.monotonic() + 30, settle_unknown=False)

    assert end is not None
    assert [campaign.record(index).status for index in range(3)] == [
        MessageStatus.FAILED,
        MessageStatus.FAILED,
        MessageStatus.READ,
    ]


def test_tail_reads_without_answer_are_asked_again_until_it_is_over() -> None:
    """An outage shorter than the tail costs no figure."""
    campaign = make_campaign()
    for index in range(4):
        campaign.send(index)
    campaign.simulator.script(Endpoint.MESSAGES, server_error(502, times=4))

    campaign.tail(30.0)

    assert [campaign.record(index).status for index in range(4)] == [MessageStatus.READ] * 4


def test_tail_unknown_send_is_waited_for_and_found() -> None:
    """Once, until the settling time is over, an unknown send is waited for."""
    campaign = make_campaign(SENT_ONLY)
    campaign.send(0, is_known=False)

    campaign.tail(30.0, settle_unknown=True)

    assert read_times(campaign)[0] == pytest.approx(90.1)
    assert not campaign.record(0).unknown
    assert campaign.keeper.rows[1].outcome is Outcome.ACCEPTED
    assert [row.msg_status for row in campaign.crm.rows] == ["sent"]


def test_tail_not_told_to_settle_does_not_wait_for_unknown_sends() -> None:
    """The second time the usual wait is all there is."""
    campaign = make_campaign()
    campaign.send(0, is_known=False)

    campaign.tail(30.0)

    assert read_times(campaign) == []
    assert campaign.clock.monotonic() == pytest.approx(1030.1)


def test_tail_absent_send_is_handed_out_once_for_another_attempt() -> None:
    """A send that proved absent may be tried again, by one caller."""
    campaign = make_campaign()
    delivery, record = campaign.reserve(0)
    record = campaign.ledger.unknown(record, at=campaign.clock.now())
    campaign.follower.put_aside(delivery, record)

    campaign.tail(30.0, settle_unknown=True)

    ((again, absent),) = campaign.follower.take_absent()
    assert again is delivery
    assert absent.sent_at is None
    assert campaign.follower.take_absent() == []
    assert campaign.keeper.rows[1].outcome is Outcome.NOT_SENT
    assert campaign.crm.rows == []


def test_work_unanswered_unknown_send_does_not_hold_up_another() -> None:
    """The one that is asked again later stands behind no other that is due much later."""
    campaign = make_campaign(SENT_ONLY, SENT_ONLY)
    campaign.send(0, is_known=False)
    campaign.clock.advance(80)
    campaign.send(1, is_known=False)
    campaign.simulator.script(Endpoint.MESSAGES, lost(taken=False))

    campaign.follower.work(30.0)

    assert len(read_times(campaign, 0)) == 2
    assert not campaign.record(0).unknown


def test_work_reading_paused_only_unknown_sends_are_read() -> None:
    """From 80 % of the month on accepted messages wait for the next month."""
    campaign = make_campaign(SENT_ONLY, monthly_calls=10)
    campaign.ledger.count_calls("2026-11", 7)
    campaign.send(0, is_known=False)
    campaign.send(1)

    campaign.tail(30.0, settle_unknown=True)

    assert len(read_times(campaign, 0)) == 1
    assert read_times(campaign, 1) == []


def test_tail_reading_paused_ends_early_but_posts_the_rows() -> None:
    """Where nothing may be read nothing is waited for; the rows go out."""
    campaign = make_campaign(monthly_calls=10)
    campaign.ledger.count_calls("2026-11", 8)
    _, record = campaign.send(0)
    campaign.follower.row_ready(record)

    campaign.tail(30.0)

    assert campaign.clock.monotonic() < 1001
    assert [row.msg_status for row in campaign.crm.rows] == ["sent"]


def test_work_row_is_posted_with_what_the_gap_leaves_for_it() -> None:
    """A row's deadline is the send's slot, and 3 s at most."""
    campaign = make_campaign()
    campaign.crm.takes_s = 0.3
    for index in range(2):
        _, record = campaign.send(index)
        campaign.follower.row_ready(record)

    campaign.follower.work(0.8)
    campaign.follower.work(9.0)

    assert campaign.crm.deadlines == [pytest.approx(0.8), 3.0]


def test_work_hanging_crm_is_cut_off_at_the_slot_and_left_alone() -> None:
    """The send comes first; after one failure the rows wait for the end."""
    campaign = make_campaign()
    campaign.crm.takes_s = 100.0
    for index in range(3):
        _, record = campaign.send(index)
        campaign.follower.row_ready(record)
    began = campaign.clock.monotonic()

    for _ in range(3):
        campaign.follower.work(1.5)

    assert campaign.clock.monotonic() - began == pytest.approx(4.5)
    assert len(campaign.crm.deadlines) == 1


def test_follow_message_read_once_more_after_half_the_first_age() -> None:
    """A message without final word is asked about again, not sooner than sensible."""
    campaign = make_campaign(Plan(history=(Step(0.0, "SENT"), Step(12.0, "READ"))))
    campaign.send(0)

    campaign.tail(30.0)

    first, second = read_times(campaign)
    assert second - first == pytest.approx(5.1)
    assert campaign.record(0).status is MessageStatus.READ


def test_work_slow_row_keeps_short_gaps_free_but_not_for_ever() -> None:
    """After a slow row the next ones wait a while, then fit again."""
    campaign = make_campaign()
    for index in range(6):
        _, record = campaign.send(index)
        campaign.follower.row_ready(record)
    campaign.crm.takes_s = 0.9
    campaign.follower.work(1.0)
    campaign.crm.takes_s = 0.1
    for _ in range(3):
        campaign.follower.work(1.0)
    careful = len(campaign.crm.deadlines)
    for _ in range(30):
        campaign.follower.work(1.0)

    assert careful == 1
    assert len(campaign.crm.deadlines) == 6

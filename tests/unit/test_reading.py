"""One status read: what it keeps, and what it leaves alone."""

import logging

import pytest
from campaigns import Campaign, make_campaign
from harness import digits

from lead_automation.answers import LookupKind
from lead_automation.errors import StateError
from lead_automation.models import ErrorCategory, Failure, MessageRecord, MessageStatus
from lead_automation.sandbox.exchange import Endpoint
from lead_automation.sandbox.plans import Plan, failing, steps
from lead_automation.sandbox.scripts import late, server_error


def unknown_send(campaign: Campaign) -> MessageRecord:
    """Return a record of a send whose answer never came, old enough to be judged."""
    _, record = campaign.send(0, is_known=False)
    campaign.clock.advance(90)
    return record


def absent_send(campaign: Campaign, *, age_s: float) -> MessageRecord:
    """Return a record of a send that never arrived."""
    _, record = campaign.reserve(0)
    record = campaign.ledger.unknown(record, at=campaign.clock.now())
    campaign.clock.advance(age_s)
    return record


def test_read_delivered_message_is_kept_with_its_time() -> None:
    """A definite answer goes into the ledger with the time of the read."""
    campaign = make_campaign(Plan(history=steps("DELIVERED")))
    _, record = campaign.send(0)

    news = campaign.reader.read(record)

    assert news.kind is LookupKind.FOUND
    assert news.before.status is MessageStatus.PENDING
    assert news.after.status is MessageStatus.DELIVERED
    assert campaign.record(0) == news.after
    assert news.after.updated_at == campaign.clock.now()
    assert not news.settled


def test_read_lower_status_than_known_changes_nothing() -> None:
    """A status never goes backwards."""
    campaign = make_campaign(Plan(history=steps("DELIVERED", "SENT", every_s=5.0)))
    _, record = campaign.send(0)
    record = campaign.reader.read(record).after
    campaign.clock.advance(10)

    news = campaign.reader.read(record)

    assert news.after.status is MessageStatus.DELIVERED


def test_read_failure_is_classified_once() -> None:
    """A failure is news the first time only."""
    campaign = make_campaign(failing("Message undeliverable", after_s=0.0))
    _, record = campaign.send(0)

    first = campaign.reader.read(record)
    second = campaign.reader.read(first.after)

    assert first.failure is not None
    assert first.failure.category is ErrorCategory.NOT_ON_WHATSAPP
    assert campaign.record(0).error_category is ErrorCategory.NOT_ON_WHATSAPP
    assert second.failure is None
    assert second.after.status is MessageStatus.FAILED


def test_read_unknown_word_is_pending_and_carried_as_text() -> None:
    """WATI's own word goes with the news, and counts as no word."""
    campaign = make_campaign(Plan(history=steps("HELD_BACK")))
    _, record = campaign.send(0)

    news = campaign.reader.read(record)

    assert news.detail == "HELD_BACK"
    assert news.after.status is MessageStatus.PENDING


def test_read_accepted_message_not_listed_yet_counts_as_read(  # it only means "not yet"
) -> None:
    """An accepted message that WATI does not list is never judged absent."""
    campaign = make_campaign(Plan(appears_after_s=None))
    _, record = campaign.send(0)
    campaign.clock.advance(1000)

    news = campaign.reader.read(record)

    assert news.kind is LookupKind.FOUND
    assert news.after.status is MessageStatus.PENDING
    assert news.after.sent_at == record.sent_at
    assert news.after.updated_at == campaign.clock.now()


@pytest.mark.parametrize("history", [(), steps("SENT"), steps("HELD_BACK")])
def test_read_unknown_send_that_is_listed_was_taken(history: tuple[()]) -> None:
    """What stands in WATI's list was accepted, whatever its status word."""
    campaign = make_campaign(Plan(history=history))
    record = unknown_send(campaign)

    news = campaign.reader.read(record)

    assert news.settled
    assert news.after.status is MessageStatus.SENT
    assert not news.after.unknown
    assert news.after.message_id == campaign.simulator.messages[0].local_message_id


def test_read_unknown_send_not_listed_after_the_settling_time_is_absent() -> None:
    """A definite "not there" gives the quota back."""
    campaign = make_campaign()
    record = absent_send(campaign, age_s=90)

    news = campaign.reader.read(record)

    assert news.kind is LookupKind.ABSENT
    assert news.after.sent_at is None
    assert campaign.ledger.quota_used(record.day)["Anandi"] == 0


def test_read_unknown_send_not_listed_too_early_says_nothing() -> None:
    """Before the settling time a missing row proves nothing."""
    campaign = make_campaign()
    record = absent_send(campaign, age_s=88)

    news = campaign.reader.read(record)

    assert news.kind is LookupKind.NO_ANSWER
    assert campaign.record(0).unknown


def test_read_without_answer_leaves_the_record_and_logs_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No answer changes nothing; the log file says why, without the number."""
    campaign = make_campaign()
    _, record = campaign.send(0)
    campaign.simulator.script(Endpoint.MESSAGES, server_error(500))

    with caplog.at_level(logging.DEBUG):
        news = campaign.reader.read(record)

    assert news.kind is LookupKind.NO_ANSWER
    assert news.after is record
    assert campaign.record(0) == record
    assert "a status read had no answer" in caplog.text
    assert digits(0) not in caplog.text


def test_read_is_cut_off_at_its_deadline() -> None:
    """A read is worth no longer wait than it was given."""
    campaign = make_campaign()
    _, record = campaign.send(0)
    campaign.simulator.script(Endpoint.MESSAGES, late(20.0))
    began = campaign.clock.monotonic()

    news = campaign.reader.read(record, deadline_s=1.5)

    assert news.kind is LookupKind.NO_ANSWER
    assert campaign.clock.monotonic() - began == pytest.approx(1.5)


def test_read_record_of_an_earlier_form_has_no_answer() -> None:
    """A bare lead id names no number to ask about: WATI is not called."""
    campaign = make_campaign()
    record = MessageRecord(
        lead_id="1",
        day=campaign.quota_day(campaign.clock.now())[0],
        phone=None,
        template=None,
        counsellor=None,
        status=MessageStatus.SENT,
    )

    news = campaign.reader.read(record)

    assert news.kind is LookupKind.NO_ANSWER
    assert campaign.simulator.calls[Endpoint.MESSAGES] == []


def test_read_failure_whose_consequences_cannot_be_drawn_is_learned_again() -> None:
    """A hold that could not be written is not lost: the answer is only kept after it."""
    campaign = make_campaign(failing("131048 Spam rate limit hit", after_s=0.0))
    _, record = campaign.send(0)

    def fail(_failure: Failure) -> None:
        msg = "no space for the hold"
        raise StateError(msg)

    with pytest.raises(StateError):
        campaign.reader.read(record, on_failure=fail)
    again = campaign.reader.read(campaign.record(0))

    assert campaign.record(0).status is MessageStatus.FAILED
    assert again.failure is not None
    assert again.failure.code == 131048

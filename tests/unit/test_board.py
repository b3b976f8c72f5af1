"""The row and the line of each lead."""

from campaigns import ANANDI, Campaign, make_campaign

from lead_automation.models import Action, ErrorCategory, Failure, MessageStatus, Outcome
from lead_automation.runs import LeadRow, SkipReason

GONE = Failure(
    category=ErrorCategory.NOT_ON_WHATSAPP, action=Action.NEXT, rule_id="w13", text="gone"
)


def row_of(campaign: Campaign) -> LeadRow:
    """Return the report's row of the first lead."""
    return campaign.keeper.rows[1]


def test_accepted_message_is_said_with_its_id() -> None:
    """WATI's yes is one line and an accepted row."""
    campaign = make_campaign()

    campaign.send(0)

    assert campaign.lines.said == [("sent", "Lead 0", campaign.record(0).message_id)]
    assert row_of(campaign).outcome is Outcome.ACCEPTED
    assert row_of(campaign).counsellor == ANANDI.name


def test_news_each_change_is_said_once() -> None:
    """A status that was said already is not said again."""
    campaign = make_campaign()
    _, record = campaign.send(0)
    for status in (MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.DELIVERED):
        record = campaign.ledger.reading(
            record, status=status, at=campaign.clock.now(), message_id=None, failure=None
        )
        campaign.board.news(record, None)

    said = [kind for kind, _, _ in campaign.lines.said]

    assert said == ["sent", "delivered"]
    assert row_of(campaign).status is MessageStatus.DELIVERED


def test_news_failure_is_said_with_its_reason() -> None:
    """A late failure becomes the row's error."""
    campaign = make_campaign()
    _, record = campaign.send(0)
    record = campaign.ledger.reading(
        record,
        status=MessageStatus.FAILED,
        at=campaign.clock.now(),
        message_id=None,
        failure=GONE,
    )

    campaign.board.news(record, GONE)

    assert campaign.lines.said[-1] == ("failed", "Lead 0", "gone")
    assert row_of(campaign).error_category is ErrorCategory.NOT_ON_WHATSAPP
    assert row_of(campaign).outcome is Outcome.ACCEPTED


def test_unknown_send_found_later_is_said_as_sent_and_then_as_it_is() -> None:
    """A settled unknown send gets the line of its acceptance after all."""
    campaign = make_campaign()
    _, record = campaign.send(0, is_known=False)
    campaign.board.unknown(record, GONE)
    found = campaign.ledger.reading(
        record,
        status=MessageStatus.READ,
        at=campaign.clock.now(),
        message_id="m-1",
        failure=None,
    )

    campaign.board.news(found, None)

    assert [line[0] for line in campaign.lines.said] == ["pending", "sent", "read"]
    assert campaign.lines.said[1] == ("sent", "Lead 0", "m-1")


def test_refused_message_tried_again_is_pending_not_failed() -> None:
    """A refusal that is waited out is no failure yet."""
    campaign = make_campaign()
    _, record = campaign.reserve(0)
    record = campaign.ledger.not_sent(record, failure=GONE, at=campaign.clock.now())

    campaign.board.refused(record, GONE, outcome=Outcome.NOT_SENT, tried_again=True)
    campaign.board.refused(record, GONE, outcome=Outcome.NOT_SENT)

    assert campaign.lines.said == [
        ("pending", "Lead 0", "gone; tried again"),
        ("failed", "Lead 0", "gone"),
    ]


def test_still_pending_names_watis_own_word_cleaned() -> None:
    """At the end a word nobody knows is shown, harmless, beside the lead it was said of."""
    campaign = make_campaign()
    for index in range(2):
        campaign.send(index)
    campaign.board.news(campaign.record(0), None, word="HELD\x1b[2J" + "x" * 100)
    campaign.lines.said.clear()

    campaign.board.still_pending()

    (first, second) = campaign.lines.said
    assert first[:2] == ("pending", "Lead 0")
    assert r'WATI says "HELD\u001b[2J' in str(first[2])
    assert len(str(first[2])) < 120
    assert second == ("pending", "Lead 1", "no word of delivery yet")


def test_still_pending_is_silent_about_what_arrived_or_failed() -> None:
    """Only messages without word of delivery or failure are named."""
    campaign = make_campaign()
    for index, status in enumerate((MessageStatus.READ, MessageStatus.FAILED)):
        _, record = campaign.send(index)
        record = campaign.ledger.reading(
            record,
            status=status,
            at=campaign.clock.now(),
            message_id=None,
            failure=GONE if status is MessageStatus.FAILED else None,
        )
        campaign.board.news(record, GONE if status is MessageStatus.FAILED else None)
    campaign.lines.said.clear()

    campaign.board.still_pending()

    assert campaign.lines.said == []


def test_skipped_lead_with_a_category_is_one_of_the_errors() -> None:
    """An invalid number counts as failed; a duplicate does not."""
    campaign = make_campaign()
    now = campaign.clock.now()

    for position, category in ((1, ErrorCategory.INVALID_NUMBER), (2, None)):
        row = LeadRow(position=position, lead_id=str(position), name="")
        campaign.board.skipped(row, SkipReason.INVALID_NUMBER, "why", category, now)

    assert campaign.keeper.rows[1].status is MessageStatus.FAILED
    assert campaign.keeper.rows[2].status is MessageStatus.PENDING


def test_reserved_message_counts_as_unknown_until_it_is_settled() -> None:
    """A run that cannot write the answer down must not report that nobody was messaged."""
    campaign = make_campaign()

    campaign.reserve(0)

    assert row_of(campaign).outcome is Outcome.UNKNOWN
    assert campaign.lines.said == []

"""Rows of the CRM's message log, posted one at a time and never twice."""

import pytest
from campaigns import Campaign, make_campaign


def accept(campaign: Campaign, count: int) -> None:
    """Let WATI accept messages whose rows are ready."""
    for index in range(count):
        _, record = campaign.send(index)
        campaign.desk.ready(record)


def test_post_next_ready_row_is_taken_and_no_longer_owed() -> None:
    """A row the CRM took is forgotten."""
    campaign = make_campaign()
    accept(campaign, 1)

    is_called = campaign.desk.post_next(deadline_s=9.0)

    assert is_called
    assert [row.lead_id for row in campaign.crm.rows] == ["1000"]
    assert campaign.ledger.owed_rows() == []
    assert campaign.crm.deadlines == [3.0]


def test_post_next_row_already_taken_is_passed_over() -> None:
    """A message that became ready twice has one row."""
    campaign = make_campaign()
    accept(campaign, 1)
    campaign.desk.ready(campaign.record(0))

    calls = [campaign.desk.post_next(deadline_s=1.0) for _ in range(2)]

    assert calls == [True, False]
    assert len(campaign.crm.rows) == 1
    assert not campaign.desk.has_work


def test_post_next_after_a_failure_the_rest_waits() -> None:
    """A CRM that is down is not asked again in the gaps; nothing is lost."""
    campaign = make_campaign()
    accept(campaign, 2)
    campaign.crm.is_up = False

    campaign.desk.post_next(deadline_s=1.0)

    assert not campaign.desk.has_work
    assert len(campaign.ledger.owed_rows()) == 2


def test_post_all_takes_every_row_oldest_first() -> None:
    """At the end all owed rows go out, those never made ready too."""
    campaign = make_campaign()
    for index in range(3):
        campaign.send(index)

    left = campaign.desk.post_all(limit_s=lambda: 60.0)

    assert left == 0
    assert [row.lead_id for row in campaign.crm.rows] == ["1000", "1001", "1002"]


def test_post_all_stops_at_the_first_failure() -> None:
    """One try tells that the CRM is still away."""
    campaign = make_campaign()
    for index in range(3):
        campaign.send(index)
    campaign.crm.is_up = False

    left = campaign.desk.post_all(limit_s=lambda: 60.0)

    assert left == 3
    assert len(campaign.crm.deadlines) == 1


def test_post_all_gives_a_slow_crm_more_than_the_gaps_do() -> None:
    """Where no send waits a row may take 5 s."""
    campaign = make_campaign()
    campaign.send(0)
    campaign.crm.takes_s = 5.0

    left = campaign.desk.post_all(limit_s=lambda: 60.0)

    assert left == 0


@pytest.mark.parametrize(("limit_s", "posted"), [(60.0, 11), (5.0, 1), (0.0, 0)])
def test_post_all_begins_no_row_that_would_be_cut_off(limit_s: float, posted: int) -> None:
    """Within the limit only whole rows are posted: one cut off could be in the CRM twice."""
    campaign = make_campaign()
    for index in range(20):
        campaign.send(index)
    campaign.crm.takes_s = 5.0 if limit_s > 5 else 2.5
    began = campaign.clock.monotonic()

    left = campaign.desk.post_all(limit_s=lambda: limit_s)

    assert len(campaign.crm.rows) == posted == len(campaign.crm.deadlines)
    assert left == 20 - posted
    assert campaign.clock.monotonic() - began <= limit_s

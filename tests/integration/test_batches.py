"""Batches over WATI's API v3: whom a mistake meets, and what a batch may not change."""

from pathlib import Path
from typing import Any

import pytest
from campaigns import Campaign, campaign
from harness import digits
from simulated import v3
from simulated.plans import steps
from simulated.scripts import Moment, answer, changed, late, lost, rate_limited

from lead_automation.sandbox.exchange import Endpoint
from lead_automation.sandbox.plans import Plan, Step, failing

V3 = {"WATI_API_VERSION": "v3", "SEND_DELAY_MIN": "0.2", "SEND_DELAY_MAX": "0.2"}
BAD_TEMPLATE = "132015 Template is paused"
RESTRICTED = "131048 Spam rate limit hit"
NEVER = Plan(history=())


def batches(its: Campaign) -> list[int]:
    """How many messages each POST carried that WATI took."""
    return [len(broadcast.messages) for broadcast in its.simulator.v3.broadcasts]


def test_batches_grow_as_words_of_delivery_come(tmp_path: Path) -> None:
    """A run begins with five people and earns 10, 20 and then BATCH_SIZE."""
    with campaign(tmp_path, leads=70, settings=V3) as its:
        result = its.result()

        assert result["code"] == 0, result["console"]
        assert batches(its) == [5, 10, 20, 25, 10]
        assert result["messages"]["sent"] == 70
        assert result["api_calls"]["send"] == 5
        assert not its.simulator.calls[Endpoint.MESSAGES]  # a token for v3 alone calls no v1 path
        assert its.used() == 70
        assert {record["status"] for record in its.harness.records().values()} == {"read"}
        assert len({record["message_id"] for record in its.harness.records().values()}) == 70
        assert sorted(its.sent) == list(range(70))
        assert len(its.simulator.crm_rows) == 70


@pytest.mark.parametrize(
    ("plan", "most"),
    [(failing(BAD_TEMPLATE), 5), (failing(RESTRICTED, after_s=5), 5), (NEVER, 5)],
    ids=["bad template", "restriction", "silent queue"],
)
def test_what_is_wrong_from_the_start_meets_five_people(
    tmp_path: Path, plan: Plan, most: int
) -> None:
    """Whatever hits every message stops the run after the first batch."""
    with campaign(tmp_path, leads=60, settings=V3, default_plan=plan) as its:
        result = its.result()

        assert result["code"] == 3, result["reason"]
        assert sum(batches(its)) <= most


def test_what_goes_wrong_later_meets_one_batch(tmp_path: Path) -> None:
    """From the third batch on everything fails: the third is the last."""
    plans = {index: failing(BAD_TEMPLATE) for index in range(15, 100)}
    with campaign(tmp_path, leads=100, settings=V3, plans=plans) as its:
        assert its.result()["code"] == 3
        assert batches(its) == [5, 10, 20]


def test_restriction_learned_from_a_status_stops_before_the_next_batch(tmp_path: Path) -> None:
    """One message of the second batch tells of a restriction: nothing follows, sending is held."""
    with campaign(tmp_path, leads=60, settings=V3, plans={7: failing(RESTRICTED)}) as its:
        result = its.result()

        assert result["code"] == 3
        assert batches(its) == [5, 10]
        assert its.hold() is not None


def test_lead_suppressed_while_its_batch_waits_is_left_out(tmp_path: Path) -> None:
    """An operator's word counts until the moment of the POST."""
    with campaign(tmp_path, leads=15, settings=V3) as its:

        def suppress(_request: object) -> None:
            its.run("suppress", "add", f"+{digits(9)}")

        # While the second batch waits for the first one's words.
        its.simulator.hooks.add(Moment.ACCEPTED, Endpoint.SEND, suppress)
        result = its.result()

        assert batches(its)[0] == 5
        assert 9 not in its.sent
        assert sum(batches(its)) == 14
        assert result["leads"]["skipped"]["suppressed"] == 1


def test_quota_and_limit_count_the_open_batch(tmp_path: Path) -> None:
    """A batch that is gathered passes neither --limit nor any counsellor's quota."""
    with campaign(tmp_path, leads=60, settings=V3) as its:
        assert its.result("--limit", "12")["leads"]["attempted"] == 12
        assert batches(its) == [5, 7]


def test_refusal_for_one_leads_sake_sends_the_others_one_by_one(tmp_path: Path) -> None:
    """A 400 that speaks of one number: nobody was sent, and each goes on alone."""
    refusal = {"code": 400, "message": "Invalid phone number format.", "timestamp": ""}
    with campaign(tmp_path, leads=5, settings=V3) as its:
        its.simulator.script(Endpoint.SEND, answer(refusal, 400))
        result = its.result()

        assert batches(its) == [1, 1, 1, 1, 1]
        assert result["messages"]["sent"] == 5
        assert its.used() == 5
        assert {tuple(its.crm_statuses(index)) for index in range(5)} == {("read",)}


def test_post_that_never_left_is_repeated_under_another_name(tmp_path: Path) -> None:
    """A 429 is waited out, and the batch goes once."""
    with campaign(tmp_path, leads=5, settings=V3) as its:
        its.simulator.script(Endpoint.SEND, rate_limited("1"))
        assert its.result()["messages"]["sent"] == 5
        [broadcast] = its.simulator.v3.broadcasts
        assert broadcast.name.endswith(" 002")


@pytest.mark.parametrize("taken", [True, False])
def test_batch_without_an_answer_is_settled_by_its_name(tmp_path: Path, *, taken: bool) -> None:
    """What WATI took is found; what it did not take counts as refused and waits for a later run."""
    with campaign(tmp_path, leads=20, settings=V3) as its:
        its.simulator.script(Endpoint.SEND, changed(lambda _body: None, times=1), lost(taken=taken))
        result = its.result()

        assert len(its.sent) == len(set(its.sent)) == (20 if taken else 10)
        assert result["leads"]["unknown"] == 0
        assert result["leads"]["refused"] == (0 if taken else 10)
        assert its.used() == (20 if taken else 10)
        assert its.result()["messages"]["sent"] == (0 if taken else 10)
        assert sorted(its.sent) == list(range(20))


def test_lead_that_the_answer_leaves_out_is_found_in_the_list(tmp_path: Path) -> None:
    """An answer that does not mention a lead says neither yes nor no; the recipients do."""
    with campaign(tmp_path, leads=5, settings=V3) as its:
        its.simulator.script(Endpoint.SEND, changed(v3.omit_first, times=1))
        assert its.result()["messages"]["sent"] == 5
        assert its.used() == 5


def test_reply_is_kept_and_looked_up_once(tmp_path: Path) -> None:
    """Who wrote back is shown as such; who opted out with it is suppressed for good."""
    stop = Plan(says=((3.0, "STOP"),), allow_broadcast=False)
    with campaign(tmp_path, leads=5, settings=V3, plans={2: stop}) as its:
        result = its.result()

        assert result["messages"]["replied"] == 1
        assert result["rates"]["replied"] == 20.0
        assert result["api_calls"]["contacts"] == 1
        assert list(its.suppressed()) == [f"+{digits(2)}"]
        assert its.harness.records()["1002"]["replied"] is True
        assert "1 wrote back" in its.run("report", "--format", "text").out


def test_versions_agree_where_a_batch_is_one_lead(tmp_path: Path) -> None:
    """History, quota and CRM rows of v1, v2 and v3 differ in nothing but ids."""
    seen = {version: _outcome(tmp_path / version, version) for version in ("v1", "v2", "v3")}
    assert seen["v1"] == seen["v2"]
    assert seen["v2"] == seen["v3"]


def _outcome(folder: Path, version: str) -> dict[str, Any]:
    folder.mkdir()
    plans = {
        1: failing("131050 User has stopped marketing messages"),
        2: Plan(history=steps("SENT", "DELIVERED")),
        3: Plan(history=(Step(0.0, "SENT"),)),
    }
    settings = {"WATI_API_VERSION": version, "BATCH_SIZE": "1"}
    with campaign(folder, leads=6, plans=plans, settings=settings) as its:
        its.simulator.script(Endpoint.SEND, rate_limited("1"))
        assert its.run().code == 0
        ids = ("message_id", "broadcast_id", "broadcast_name", "sent_at", "updated_at")
        row_ids = ("wati_message_id", "sent_at", "error_message")
        records = {
            lead_id: {name: value for name, value in record.items() if name not in ids}
            for lead_id, record in its.harness.records().items()
        }
        rows = [
            {name: value for name, value in row.items() if name not in row_ids}
            for row in sorted(its.simulator.crm_rows, key=lambda row: str(row["lead_id"]))
        ]
        return {"records": records, "quota": its.harness.quota(), "rows": rows}


def test_slow_answer_costs_no_second_wait_for_words(tmp_path: Path) -> None:
    """An answer that came after the first read was due: the batch is read at once."""
    with campaign(tmp_path, leads=15, settings=V3) as its:
        its.simulator.script(Endpoint.SEND, late(12))
        assert its.result()["messages"]["sent"] == 15
        first, second = (call.at for call in its.simulator.calls[Endpoint.SEND])
        assert second - first < 15


def test_check_shows_what_the_token_may_read_and_the_credit(tmp_path: Path) -> None:
    """Below 10 it warns: without credit WATI takes messages and sends none of them."""
    with campaign(tmp_path, leads=1, settings=V3) as its:
        well = {point["name"]: point for point in its.run("check", "--json").document["checks"]}
        its.simulator.wati.credit = 5
        its.simulator.script(Endpoint.BROADCASTS, answer(None, 403))
        ended = its.run("check", "--json")
        bad = {point["name"]: point for point in ended.document["checks"]}

        assert (well["scopes"]["result"], well["credit"]["result"]) == ("ok", "ok")
        assert bad["credit"]["result"] == "warning"
        assert "5.00 USD" in bad["credit"]["text"]
        assert "campaignsv3:read" in bad["scopes"]["text"]
        assert ended.code == 4


def test_dry_run_shows_the_batches_and_their_calls(tmp_path: Path) -> None:
    """Nothing leaves, and who would be met by each step is said."""
    with campaign(tmp_path, leads=40, settings=V3) as its:
        assert its.result("--dry-run")["batches"] == [5, 10, 20, 5]
        assert (
            "4 batches if all goes well (5, 10, 20, 5): 9 WATI calls"
            in its.run("run", "--dry-run").out
        )
        assert its.posted == []

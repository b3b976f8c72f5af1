"""Each refusal in its place, end to end: what goes on, what waits, what stops, and what is sent."""

from pathlib import Path

import pytest
from campaigns import campaign, on_send
from fakes import FakeClock
from harness import digits, many_leads, serve
from simulated.faults import FaultKind
from simulated.plans import ScriptedPlan
from simulated.scripts import (
    Moment,
    Reply,
    answer,
    html_page,
    lost,
    rate_limited,
    redirect,
    server_error,
    usage_limit_exceeded,
)
from simulated.simulator import Simulator

from lead_automation.sandbox.exchange import Endpoint, Side, SimRequest
from lead_automation.sandbox.plans import Plan, Step, failing, refused

STOPS_BY_WORDS = [
    ("131048 Spam rate limit hit", "account_issue", True),
    ("131031 Business Account locked", "account_issue", True),
    ("(#368) Temporarily blocked for policies violations", "account_issue", True),
    ("Your account has been suspended", "account_issue", True),
    ("131037 WhatsApp provided number needs display name approval", "account_issue", False),
    ("Check your template, it cannot have typos or blank text", "template_mismatch", False),
    ("132015 Template is paused", "template_mismatch", False),
    ("Message not sent: not enough credits, please top up", "quota_exceeded", False),
    ("131051 Unsupported message type", "unknown_error", False),
]

STOPS_LATE = [STOPS_BY_WORDS[place] for place in (0, 2, 4, 6, 7, 8)]

STOPS_BY_ANSWER = [
    pytest.param(Reply(status=401), "account_issue", id="401"),
    pytest.param(answer({"message": "no"}, 403), "account_issue", id="403"),
    pytest.param(html_page(403), "account_issue", id="403 page"),
    pytest.param(answer("Not Found", 404), "account_issue", id="404"),
    pytest.param(redirect("https://elsewhere.example/"), "account_issue", id="302"),
    pytest.param(usage_limit_exceeded(times=1), "quota_exceeded", id="429 usage limit"),
    pytest.param(rate_limited("99999999"), "quota_exceeded", id="429 for years"),
    pytest.param(
        answer({"items": [{"code": "x", "description": "Template is not yet approved"}]}, 400),
        "template_mismatch",
        id="400 items",
    ),
]

GOES_ON = [
    ("Invalid WhatsApp number", "invalid_number", "none"),
    ("contact#0: contact +919810000002 is not valid", "invalid_number", "none"),
    ("Message undeliverable", "not_on_whatsapp", "2026-12-23"),
    (
        "131026 Meta has restricted marketing messages to US recipients, other templates can "
        "still be sent",
        "not_on_whatsapp",
        "2026-12-23",
    ),
    ("131050 User has stopped marketing messages", "opt_out", "for good"),
    (
        "130497 Business account is restricted from messaging users in this country.",
        "account_issue",
        "none",
    ),
    (
        "Custom params can't have 4 consecutive spaces and button url can't have a space",
        "template_mismatch",
        "none",
    ),
    ("131056 pair rate limit hit", "quota_exceeded", "none"),
    ("130472 User's number is part of an experiment", "unknown_error", "none"),
]

GOES_ON_LATE = [GOES_ON[place] for place in (3, 4, 5, 6, 7, 8)]


@pytest.mark.parametrize(("text", "category", "is_held"), STOPS_BY_WORDS)
def test_run_refused_for_good_at_the_send_sends_nothing_more(
    tmp_path: Path, text: str, category: str, *, is_held: bool
) -> None:
    """A stopping refusal in the send's answer ends the run before the next lead."""
    with campaign(tmp_path, plans={2: refused(text)}) as the:
        result = the.result()

        assert (result["code"], result["status"]) == (3, "stopped")
        assert result["reason"].startswith(f"{category.upper()}: {text}")
        assert the.posted == [0, 1, 2]
        assert the.sent == [0, 1]
        assert result["errors"] == {category: 1}
        assert result["leads"]["not_reached"] == 3
        assert the.used() == 2
        assert (the.hold() is not None) is is_held
        assert the.suppressed() == {}


@pytest.mark.parametrize(("reply", "category"), STOPS_BY_ANSWER)
def test_run_stopped_by_an_answer_in_mid_run_exits_3_without_a_hold(
    tmp_path: Path, reply: Reply, category: str
) -> None:
    """A bad token or address, or a used-up allowance, stops at the first answer that says so."""
    with campaign(tmp_path, plans={2: on_send(reply)}) as the:
        result = the.result()

        assert (result["code"], result["status"]) == (3, "stopped")
        assert the.posted == [0, 1, 2]
        assert result["errors"] == {category: 1}
        assert result["leads"]["refused"] == 1
        assert the.hold() is None


@pytest.mark.parametrize(("text", "category", "is_held"), STOPS_LATE)
def test_run_refused_for_good_later_sends_nothing_after_the_reading(
    tmp_path: Path, text: str, category: str, *, is_held: bool
) -> None:
    """A stopping failure in a status ends the run before the next send."""
    with campaign(tmp_path, leads=12, plans={2: failing(text)}) as the:
        result = the.result()

        assert (result["code"], result["status"]) == (3, "stopped")
        assert 3 < len(the.posted) < 12
        assert the.posts_after_read(2) == 0
        assert result["errors"] == {category: 1}
        assert the.harness.records()["1002"]["status"] == "failed"
        assert (the.hold() is not None) is is_held


@pytest.mark.parametrize(
    ("text", "category", "rest", "is_late"),
    [(*row, False) for row in GOES_ON] + [(*row, True) for row in GOES_ON_LATE],
)
def test_run_with_a_fault_of_one_lead_goes_on(
    tmp_path: Path, text: str, category: str, rest: str, *, is_late: bool
) -> None:
    """A fault of one lead fails that lead alone and suppresses it only where the rule says so."""
    plan = failing(text) if is_late else refused(text)
    with campaign(tmp_path, plans={2: plan}) as the:
        result = the.result()

        assert (result["code"], result["status"]) == (0, "completed")
        assert the.posted == [0, 1, 2, 3, 4, 5]
        assert result["errors"] == {category: 1}
        assert the.hold() is None
        entries = the.suppressed()
        assert list(entries) == ([] if rest == "none" else ["+919810000002"])
        for entry in entries.values():
            assert (entry["until"] or "for good")[:10] == rest[:10]
        assert the.harness.records()["1002"]["error_category"] == category


def test_run_with_a_number_not_on_whatsapp_suppresses_it_and_never_shows_it(tmp_path: Path) -> None:
    """``validWhatsAppNumber: false`` beside a yes is a refusal of that number."""
    with campaign(tmp_path, plans={2: Plan(on_whatsapp=False)}) as the:
        ended = the.run()

        assert ended.code == 0
        assert the.sent == [0, 1, 3, 4, 5]
        assert list(the.suppressed()) == ["+919810000002"]
        assert the.used() == 5
        shown = ended.out + ended.err + the.harness.log_text()
        assert "919810000002" not in shown


def test_run_stopped_by_words_with_a_number_in_them_masks_it_everywhere(tmp_path: Path) -> None:
    """WATI's words about a number reach console, log, summary and report without the number."""
    text = "account +919810000002 suspended"
    with campaign(tmp_path, plans={2: refused(text)}) as the:
        ended = the.run()
        status = the.run("status")

        assert ended.code == 3
        reports = (the.harness.state_dir / "reports").glob("run-*")
        shown = [ended.out, ended.err, status.out, the.harness.log_text()]
        shown += [path.read_text(encoding="utf-8") for path in reports]
        shown.append((the.harness.state_dir / "campaign_hold.json").read_text(encoding="utf-8"))
        assert len(shown) == 7
        assert all("suspended" in text for text in shown)
        assert not any("9810000002" in text for text in shown)


# --- waiting --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("header", "wait_s"), [("7", 7.0), (None, 10.0), ("soon", 10.0)])
def test_run_asked_to_slow_down_waits_and_sends_the_same_lead(
    tmp_path: Path, header: str | None, wait_s: float
) -> None:
    """A 429 is waited out: as long as it says, else WATI's window."""
    with campaign(tmp_path, plans={2: on_send(rate_limited(header))}) as the:
        result = the.result()

        assert result["code"] == 0
        assert the.posted == [0, 1, 2, 2, 3, 4, 5]
        first, second = the.post_times(2)
        assert second - first == pytest.approx(wait_s, abs=0.5)
        assert the.sent == [0, 1, 2, 3, 4, 5]
        assert result["errors"] == {}
        assert the.used() == 6
        assert the.crm_statuses(2) == ["read"]


def test_run_asked_to_slow_down_three_times_in_a_row_stops(tmp_path: Path) -> None:
    """Three 429s for one lead are an allowance used up: exit 3, nothing more is sent."""
    with campaign(tmp_path, plans={2: on_send(rate_limited(times=3))}) as the:
        result = the.result()

        assert (result["code"], result["status"]) == (3, "stopped")
        assert the.posted == [0, 1, 2, 2, 2]
        assert "3 attempts" in result["reason"]
        assert result["errors"] == {"quota_exceeded": 1}
        assert the.crm_statuses(2) == ["failed"]
        assert the.used() == 2
        assert the.hold() is None


@pytest.mark.parametrize(
    ("text", "wait_s"), [("130429 Rate limit hit", 10.0), ("131016 Service unavailable", 1.0)]
)
def test_run_refused_for_a_while_waits_and_sends_the_same_lead(
    tmp_path: Path, text: str, wait_s: float
) -> None:
    """A refusal in a 200 that passes by itself is tried again in place."""
    reply = answer({"result": False, "error": text, "receivers": []})
    with campaign(tmp_path, plans={2: on_send(reply)}) as the:
        result = the.result()

        assert result["code"] == 0
        assert the.posted == [0, 1, 2, 2, 3, 4, 5]
        first, second = the.post_times(2)
        assert second - first >= wait_s
        assert the.sent == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("text", ["130429 Rate limit hit", "131016 Service unavailable"])
def test_run_with_a_late_wait_never_sends_again(tmp_path: Path, text: str) -> None:
    """What failed later, for a reason that passes, is not sent a second time in this run."""
    with campaign(tmp_path, plans={2: failing(text)}) as the:
        result = the.result()

        assert result["code"] == 0
        assert the.posted == [0, 1, 2, 3, 4, 5]
        assert result["messages"]["failed"] == 1


# --- rows of the same kind ------------------------------------------------------------------------


@pytest.mark.parametrize("is_late", [False, True], ids=["at the send", "late"])
@pytest.mark.parametrize(
    "text",
    ["132012 Parameter format does not match", "131009 Parameter value is not valid", "(#100) x"],
)
def test_run_with_a_fault_that_repeats_stops_at_the_third_in_a_row(
    tmp_path: Path, text: str, *, is_late: bool
) -> None:
    """Three in a row are no longer one lead's values but the template."""
    plan = failing(text) if is_late else refused(text)
    with campaign(tmp_path, leads=25, plans={2: plan, 3: plan, 4: plan, 5: plan}) as the:
        result = the.result()

        assert result["code"] == 3
        assert result["reason"].startswith("TEMPLATE_MISMATCH")
        assert result["errors"]["template_mismatch"] >= 3
        if is_late:
            assert the.posts_after_read(4) == 0
        else:
            assert the.posted == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("is_late", [False, True], ids=["at the send", "late"])
def test_run_with_a_fault_of_several_leads_apart_goes_on(tmp_path: Path, *, is_late: bool) -> None:
    """Two in a row, a good one, two more: each lead's own values."""
    text = "132012 Parameter format does not match"
    plan = failing(text) if is_late else refused(text)
    with campaign(tmp_path, leads=7, plans={1: plan, 2: plan, 4: plan, 5: plan}) as the:
        result = the.result()

        assert result["code"] == 0
        assert the.posted == [0, 1, 2, 3, 4, 5, 6]
        assert result["errors"] == {"template_mismatch": 4}


# --- streaks and shares ---------------------------------------------------------------------------


def test_run_with_refused_connections_stops_at_the_streak(tmp_path: Path) -> None:
    """Each lead gets its three attempts; FAILURE_STREAK_LIMIT leads in a row end the run."""
    settings = {"FAILURE_STREAK_LIMIT": "3"}
    with campaign(tmp_path, leads=12, settings=settings) as the:
        simulator = the.simulator

        def pull_the_plug(_: SimRequest) -> None:
            simulator.take_down(Side.WATI, FaultKind.REFUSED)

        simulator.hooks.add(Moment.ACCEPTED, Endpoint.SEND, pull_the_plug, skip=3)
        result = the.result()

        assert (result["code"], result["status"]) == (3, "stopped")
        assert "FAILURE_STREAK_LIMIT=3" in result["reason"]
        assert the.sent == [0, 1, 2, 3]
        assert result["api_calls"]["send"] == 4 + 3 * 3
        assert result["leads"]["refused"] == 3
        assert result["errors"] == {"network_error": 3}
        assert the.used() == 4
        assert the.hold() is None
        simulator.bring_back(Side.WATI)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(lost(FaultKind.CLOSE, taken=False), id="lost"),
        pytest.param(server_error(502), id="502"),
        pytest.param(server_error(504), id="504"),
        pytest.param(html_page(), id="a page"),
        pytest.param(answer({"result": 1}), id="another shape"),
    ],
)
def test_run_with_unclear_answers_stops_at_the_streak(tmp_path: Path, reply: Reply) -> None:
    """Five sends in a row of which nobody knows are enough; none is repeated on doubt."""
    plans = {index: on_send(reply) for index in range(2, 12)}
    with campaign(tmp_path, leads=12, plans=plans) as the:
        result = the.result()

        assert result["code"] == 3
        assert "5 network or unclassified failures in a row" in result["reason"]
        assert "FAILURE_STREAK_LIMIT=5" in result["reason"]
        assert the.posted == [0, 1, 2, 3, 4, 5, 6]
        assert the.sent == [0, 1]
        assert result["errors"] == {"network_error": 5}
        assert the.used() == 2


@pytest.mark.parametrize("is_late", [False, True], ids=["at the send", "late"])
def test_run_with_unclassified_refusals_stops_at_the_streak(
    tmp_path: Path, *, is_late: bool
) -> None:
    """Words nobody knows, five times in a row, end the run and name what to do."""
    text = "words nobody has seen"
    plan = failing(text) if is_late else refused(text)
    with campaign(tmp_path, leads=25, plans=dict.fromkeys(range(2, 25), plan)) as the:
        ended = the.run()

        assert ended.code == 3
        assert "5 network or unclassified failures in a row" in ended.err
        assert "wati_automation.log" in ended.out
        if is_late:
            assert the.posts_after_read(6) == 0
        else:
            assert the.posted == [0, 1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("plan", "word"),
    [
        pytest.param(refused("Invalid WhatsApp number"), "Invalid number", id="at the send"),
        pytest.param(failing("Message undeliverable"), "Not on WhatsApp", id="late"),
    ],
)
def test_run_of_which_more_than_half_fail_stops_with_the_breakdown(
    tmp_path: Path, plan: Plan, word: str
) -> None:
    """Once twenty messages have a final word and more than half of them failed, it is over."""
    plans = {index: plan for index in range(60) if index % 3}
    with campaign(tmp_path, leads=60, plans=plans) as the:
        ended = the.run()

        assert ended.code == 3
        assert "more than half of the messages failed: " in ended.err
        assert word in ended.out
        assert 20 <= len(the.posted) < 60
        assert the.hold() is None


def test_run_with_many_unclear_answers_does_not_count_them_as_failed(tmp_path: Path) -> None:
    """A send that may have arrived is no failure: eleven of them in twenty stop nothing."""
    settings = {"TRACKING_FIRST_READ_SECONDS": "0"}
    unclear = ScriptedPlan(on_send=(lost(taken=True),), history=(Step(0.0, "READ"),))
    plans = {index: unclear for index in range(24) if index % 4}
    with campaign(tmp_path, leads=24, plans=plans, settings=settings) as the:
        result = the.result()

        assert result["code"] == 0
        assert the.sent == list(range(24))
        assert result["messages"]["read"] == 24


def test_outage_at_meta_over_many_runs_never_makes_a_lead_a_duplicate(tmp_path: Path) -> None:
    """A clear refusal is no attempt that got no answer: the lead is tried in every run."""
    clock = FakeClock()
    simulator = Simulator(
        clock=clock, leads=many_leads(1), default_plan=refused("131000 Something went wrong")
    )
    with serve(tmp_path, simulator, clock) as harness:
        for _ in range(2):
            harness.run("run", "-q")
        simulator.wati.set_plan(digits(0), refused("2 API Service (code 2)"))
        for _ in range(4):
            harness.run("run", "-q")
        ended = harness.run("run", "--json")

        assert ended.document["leads"]["skipped"]["duplicate"] == 0
        assert ended.document["leads"]["refused"] == 1
        assert simulator.posts[digits(0)] == 7

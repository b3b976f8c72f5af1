"""Delivery as WATI's dashboard shows it: the whole command line against the simulator."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fakes import FakeClock
from harness import digits
from offline import (
    Truth,
    assert_figures_are_true,
    assert_history_is_true,
    by_number,
    drawn_waits,
    limited,
    offline,
    read_counts,
    start_gaps,
    statuses_of,
)
from simulated.faults import FaultKind, NetworkFault
from simulated.plans import ScriptedPlan, steps
from simulated.scripts import (
    Reply,
    answer,
    changed,
    html_page,
    lost,
    rate_limited,
    server_error,
)
from simulated.simulator import Simulator

from lead_automation.models import MessageStatus
from lead_automation.sandbox.exchange import Endpoint
from lead_automation.sandbox.plans import Plan, Step, failing

GONE = "Message undeliverable"
QUALITY = (
    "Message undeliverable as Meta has restricted it for higher quality messaging - retry again "
    "in a few days"
)
SPAM = "131048 Spam rate limit hit"

HISTORIES: dict[str, tuple[Step, ...]] = {
    "immediate": (Step(0.0, "READ"),),
    "slow": (Step(0.0, "SENT"), Step(25.0, "DELIVERED"), Step(4000.0, "READ")),
    "very slow": (Step(0.0, "SENT"), Step(600.0, "DELIVERED")),
    "out of order": (Step(0.0, "DELIVERED"), Step(12.0, "SENT"), Step(18.0, "PENDING")),
    "read only": (Step(5.0, "READ"),),
    "other case": (Step(0.0, "sent"), Step(5.0, "Delivered"), Step(18.0, "rEaD")),
    "failed soon": (Step(0.0, "SENT"), Step(4.0, "FAILED", GONE)),
    "failed late": (Step(0.0, "SENT"), Step(21.0, "FAILED", GONE)),
    "failed after delivered": (Step(0.0, "DELIVERED"), Step(14.0, "FAILED", GONE)),
    "never": (),
    "sent for ever": steps("SENT"),
    "unknown word": steps("HELD_BACK"),
    "unknown then delivered": steps("HELD_BACK", "DELIVERED", every_s=20.0),
}
"""Status histories, each of one lead; all told they are shorter than a run with its tail."""


def with_histories(clock: FakeClock) -> Simulator:
    """Return a simulator with a lead of every history."""
    plans = {
        digits(index): Plan(history=history) for index, history in enumerate(HISTORIES.values())
    }
    return limited(clock, len(HISTORIES), plans=plans)


# --- figures -----------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_run_scripted_histories_every_figure_is_the_servers_truth(
    tmp_path: Path, version: str
) -> None:
    """Summary, ``--json``, history file and CRM rows say what WATI said when it was asked."""
    clock = FakeClock()
    simulator = with_histories(clock)
    truth = Truth(simulator)
    harness = offline(tmp_path, simulator, clock, version=version)

    ended = harness.run("--json")
    summary = harness.run("report", "--format", "text").out

    leads = len(HISTORIES)
    assert ended.code == 0
    assert set(truth.words) == {digits(index) for index in range(leads)}
    assert_history_is_true(harness, truth, leads)
    assert_figures_are_true(ended, truth, leads)
    messages = ended.document["messages"]
    assert f"Delivered: {messages['delivered']}\n" in summary
    assert f"Read: {messages['read']}\n" in summary
    assert f"Failed: {messages['failed']}\n" in summary
    assert f"Success Rate: {ended.document['success_rate']}%" in summary
    assert simulator.rejected_429 == 0


def test_run_scripted_histories_each_ends_as_named(tmp_path: Path) -> None:
    """Case-blind words count, nothing goes backwards, READ needs no DELIVERED before it."""
    clock = FakeClock()
    simulator = with_histories(clock)
    harness = offline(tmp_path, simulator, clock)
    harness.run()

    kept = statuses_of(harness)

    assert {name: kept[digits(index)] for index, name in enumerate(HISTORIES)} == {
        "immediate": "read",
        "slow": "delivered",
        "very slow": "sent",
        "out of order": "delivered",
        "read only": "read",
        "other case": "read",
        "failed soon": "failed",
        "failed late": "failed",
        "failed after delivered": "delivered",
        "never": "pending",
        "sent for ever": "sent",
        "unknown word": "pending",
        "unknown then delivered": "delivered",
    }


def test_run_unknown_word_is_kept_as_text_and_the_message_is_pending(tmp_path: Path) -> None:
    """A status word nobody knows is shown, cleaned, and counts as pending."""
    clock = FakeClock()
    plan = Plan(history=steps("HELD\u202eBACK"))
    simulator = limited(clock, 1, plans={digits(0): plan})
    harness = offline(tmp_path, simulator, clock)

    ended = harness.run()

    assert "⏳ PENDING: Lead Number 0 | no word of delivery yet; WATI says" in ended.err
    assert r"HELD\u202eBACK" in ended.err
    assert statuses_of(harness) == {digits(0): "pending"}


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_run_many_messages_of_a_number_finds_its_own_by_paging(
    tmp_path: Path, version: str
) -> None:
    """A number that writes a lot hides our message behind the first page; it is found."""
    clock = FakeClock()
    chatty = Plan(history=steps("DELIVERED"), says=tuple((1.0 + n / 10, "Hi") for n in range(25)))
    simulator = limited(clock, 1, plans={digits(0): chatty})
    harness = offline(tmp_path, simulator, clock, version=version)

    document = harness.run("--json").document

    assert document["messages"]["delivered"] == 1
    assert document["api_calls"]["status"] >= 3  # 50 rows of tickets and texts stand before ours


def test_run_other_templates_message_is_not_taken_for_ours_on_v1(tmp_path: Path) -> None:
    """A newer message of a template whose name begins like ours says nothing about ours."""
    clock = FakeClock()
    simulator = limited(clock, 1, plans={digits(0): Plan(history=steps("SENT"))})
    row = {
        "eventType": "broadcastMessage",
        "eventDescription": 'Broadcast message with using "sandbox_welcome_2" template was sent',
        "statusString": "READ",
        "owner": True,
        "created": "2026-11-23T06:00:08Z",
    }
    simulator.script(
        Endpoint.MESSAGES, changed(lambda body: body["messages"]["items"].insert(0, row))
    )
    harness = offline(tmp_path, simulator, clock, version="v1")

    document = harness.run("--json").document

    assert document["messages"] == {
        "sent": 1,
        "delivered": 0,
        "read": 0,
        "replied": 0,
        "failed": 0,
        "pending": 1,
    }


# --- read-back errors --------------------------------------------------------------------------

NO_ANSWERS = {
    "429": rate_limited(times=None),
    "500": server_error(500, times=None),
    "HTML": html_page(times=None),
    "another shape": answer({"messages": []}, times=None),
    "a list": answer([], times=None),
    "not a word": answer(b"", times=None),
    "a no": answer({"result": False, "info": "later"}, times=None),
    "closed": lost(taken=False, times=None),
    "hang": Reply(fault=NetworkFault(FaultKind.HANG), times=None),
    "401": answer("", 401, times=None),
}


@pytest.mark.parametrize("name", list(NO_ANSWERS))
def test_run_read_without_answer_changes_nothing(tmp_path: Path, name: str) -> None:
    """Whatever a read-back fails with, accepted messages stay accepted and nothing crashes."""
    clock = FakeClock()
    simulator = limited(clock, 3)
    simulator.script(Endpoint.MESSAGES, NO_ANSWERS[name])
    harness = offline(tmp_path, simulator, clock)

    ended = harness.run("--json")

    assert ended.code == 0
    figures = {"sent": 3, "delivered": 0, "read": 0, "replied": 0, "failed": 0, "pending": 3}
    assert ended.document["messages"] == figures
    assert len(simulator.calls[Endpoint.MESSAGES]) >= 3
    assert [row["msg_status"] for row in simulator.crm_rows] == ["sent"] * 3
    assert start_gaps(simulator) == pytest.approx(drawn_waits(harness), abs=0.001)


@pytest.mark.parametrize("name", list(NO_ANSWERS))
def test_track_read_without_answer_downgrades_nothing(tmp_path: Path, name: str) -> None:
    """What was delivered stays delivered when WATI cannot be asked later."""
    clock = FakeClock()
    simulator = limited(clock, 5, default_plan=Plan(history=steps("DELIVERED")))
    harness = offline(tmp_path, simulator, clock)
    harness.run()
    before = harness.history()
    simulator.script(Endpoint.MESSAGES, NO_ANSWERS[name])

    ended = harness.run("track", "--json")

    assert ended.code == 0
    assert ended.document["unanswered"] == 5
    assert ended.document["changes"] == []
    assert harness.history() == before


# --- late failures -----------------------------------------------------------------------------


def test_run_late_restrictions_in_the_tail_all_messages_are_still_followed(tmp_path: Path) -> None:
    """The first late stop ends nobody's following: every failure is counted, rested and posted."""
    clock = FakeClock()
    simulator = limited(clock, 4, plans={digits(0): failing(QUALITY), digits(2): failing(QUALITY)})
    truth = Truth(simulator)
    harness = offline(tmp_path, simulator, clock)

    ended = harness.run("--json")

    assert ended.code == 3
    assert_history_is_true(harness, truth, 4)
    assert ended.document["messages"]["failed"] == 2
    assert ended.document["messages"]["read"] == 2
    assert set(harness.read_state("suppression_list.json")) == {f"+{digits(0)}", f"+{digits(2)}"}


# --- later runs and track ----------------------------------------------------------------------


def test_later_runs_read_an_open_message_after_an_hour_and_after_a_day_only(tmp_path: Path) -> None:
    """However often later runs come, an open message is read twice more, and then no more."""
    clock = FakeClock(datetime(2026, 11, 23, 4, 0, tzinfo=UTC))
    simulator = limited(clock, 1, default_plan=Plan(history=steps("SENT")))
    harness = offline(
        tmp_path, simulator, clock, settings={"TRACKING_WAIT_SECONDS": "12", "HISTORY_DAYS": "7"}
    )
    harness.run()
    first = read_counts(simulator)[digits(0)]
    reads = []
    for minutes in (50, 50, 15 * 60, 10 * 60, 24 * 60):
        clock.advance(minutes * 60)
        assert harness.run("--json").code == 0
        reads.append(read_counts(simulator)[digits(0)] - first)

    assert reads == [0, 1, 1, 2, 2]
    assert len(simulator.messages) == 1


def test_later_run_settles_what_the_earlier_left(tmp_path: Path) -> None:
    """An hour later the next run knows the delivery, and the CRM row said so is not repeated."""
    clock = FakeClock()
    history = (Step(0.0, "SENT"), Step(1800.0, "READ"))
    simulator = limited(clock, 3, default_plan=Plan(history=history))
    truth = Truth(simulator)
    harness = offline(tmp_path, simulator, clock)
    harness.run()
    clock.advance(3700)

    ended = harness.run("--json")

    assert ended.code == 0
    assert set(statuses_of(harness).values()) == {"read"}
    assert truth.status(digits(0)) is MessageStatus.READ
    assert [row["msg_status"] for row in simulator.crm_rows] == ["sent"] * 3


def test_later_run_many_open_messages_settling_takes_no_more_than_a_minute(tmp_path: Path) -> None:
    """Settling ends within 60 s, keeps the read limit, and comes before the lead list."""
    clock = FakeClock()
    simulator = limited(clock, 80, default_plan=Plan(history=steps("SENT")))
    harness = offline(tmp_path, simulator, clock)
    harness.run()
    clock.advance(4000)
    began, before = clock.monotonic(), len(simulator.calls[Endpoint.MESSAGES])

    harness.run()

    fetched_at = simulator.calls[Endpoint.LEADS][-1].at
    reads = [call.at for call in simulator.calls[Endpoint.MESSAGES][before:]]
    assert 50 <= len(reads) <= 70
    assert max(reads) < fetched_at <= began + 61
    assert simulator.rejected_429 == 0


def test_track_shows_before_and_after_posts_rows_and_sends_nothing(tmp_path: Path) -> None:
    """``track`` reads every open message, shows what changed, posts what the CRM is owed."""
    clock = FakeClock()
    plans = {
        digits(0): Plan(history=(Step(0.0, "SENT"), Step(100.0, "DELIVERED"))),
        digits(1): Plan(history=(Step(0.0, "DELIVERED"), Step(100.0, "READ"))),
        digits(2): Plan(history=(Step(0.0, "SENT"), Step(100.0, "FAILED", GONE))),
    }
    simulator = limited(clock, 3, plans=plans)
    simulator.script(Endpoint.LOG, server_error(500, times=None))
    truth = Truth(simulator)
    harness = offline(tmp_path, simulator, clock)
    harness.run()
    simulator.clear_scripts()
    clock.advance(300)
    posts = simulator.posts.copy()

    ended = harness.run("track", "--json")

    document = ended.document
    assert ended.code == 0
    changes = document["changes"]
    assert {change["lead_id"]: (change["before"], change["after"]) for change in changes} == {
        "1000": ("sent", "delivered"),
        "1001": ("delivered", "read"),
        "1002": ("sent", "failed"),
    }
    assert document["crm_rows_posted"] == 3
    assert document["crm_rows_owed"] == 0
    assert simulator.posts == posts
    assert_history_is_true(harness, truth, 3)
    assert [len(rows) for rows in by_number(simulator).values()] == [1, 1, 1]


def test_track_as_text_shows_before_and_after(tmp_path: Path) -> None:
    """The operator reads one line a change, with the number masked."""
    clock = FakeClock()
    history = (Step(0.0, "SENT"), Step(100.0, "DELIVERED"))
    simulator = limited(clock, 1, default_plan=Plan(history=history))
    harness = offline(tmp_path, simulator, clock)
    harness.run()
    clock.advance(300)

    out = harness.run("track").out

    assert "sent → delivered" in out
    assert "CRM rows: 0 posted, 0 still owed." in out
    assert digits(0) not in out


def test_track_learns_a_failure_posts_its_second_row_at_once(tmp_path: Path) -> None:
    """The row of a failure that ``track`` finds goes out in the same ``track``."""
    clock = FakeClock()
    plan = Plan(history=(Step(0.0, "SENT"), Step(100.0, "FAILED", GONE)))
    simulator = limited(clock, 1, default_plan=plan)
    harness = offline(tmp_path, simulator, clock)
    harness.run()
    clock.advance(300)

    document = harness.run("track", "--json").document

    assert document["crm_rows_posted"] == 1
    assert [row["msg_status"] for row in simulator.crm_rows] == ["sent", "failed"]


def test_track_settles_unknown_sends_both_ways(tmp_path: Path) -> None:
    """``track`` tells which unknown sends arrived and which never did, and frees their quota."""
    clock = FakeClock()
    plans = {
        digits(0): ScriptedPlan(on_send=(lost(taken=True),), history=steps("SENT")),
        digits(1): ScriptedPlan(on_send=(lost(taken=False),)),
    }
    simulator = limited(clock, 2, plans=plans)
    simulator.script(Endpoint.MESSAGES, server_error(500, times=None))
    harness = offline(tmp_path, simulator, clock)
    harness.run()
    simulator.clear_scripts()
    clock.advance(600)

    document = harness.run("track", "--json").document

    changes = {change["lead_id"]: change for change in document["changes"]}
    assert document["settled_unknown"] == 2
    assert (changes["1000"]["before"], changes["1000"]["after"]) == ("unknown", "sent")
    assert (changes["1001"]["before"], changes["1001"]["after"]) == ("unknown", "never arrived")
    assert sum(harness.quota()["2026-11-23"].values()) == 1
    assert [row["msg_status"] for row in by_number(simulator)[digits(0)]] == ["sent"]
    assert [row["msg_status"] for row in by_number(simulator)[digits(1)]] == ["failed"]
    assert simulator.posts.total() == 2


def test_track_right_after_a_run_keeps_the_read_limit(tmp_path: Path) -> None:
    """Two commands in a row share WATI's window: the second waits for what the first has used."""
    clock = FakeClock()
    simulator = limited(clock, 12, default_plan=Plan(history=steps("SENT")))
    harness = offline(tmp_path, simulator, clock)
    harness.run()

    document = harness.run("track", "--json").document

    assert document["read"] == 12
    assert document["unanswered"] == 0
    assert simulator.rejected_429 == 0


def test_track_message_older_than_a_week_is_left_alone(tmp_path: Path) -> None:
    """WATI's own news of a message is over after seven days."""
    clock = FakeClock()
    simulator = limited(clock, 1, default_plan=Plan(history=steps("SENT")))
    harness = offline(tmp_path, simulator, clock, settings={"HISTORY_DAYS": "30"})
    harness.run()
    clock.advance(timedelta(days=8).total_seconds())

    document = harness.run("track", "--json").document

    assert document["read"] == 0


# --- unknown sends -----------------------------------------------------------------------------

"""How many calls a run makes, when it makes them, and what it does when the month's are used up."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fakes import FakeClock
from harness import Harness, digits
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
    wati_calls,
)
from simulated.plans import ScriptedPlan, steps
from simulated.scripts import late, lost, server_error

from lead_automation.sandbox.exchange import Endpoint
from lead_automation.sandbox.plans import Plan

# --- time and calls ----------------------------------------------------------------------------


@pytest.mark.parametrize("words", [("SENT", "DELIVERED", "READ"), ("SENT",)])
def test_run_450_leads_following_costs_no_time_and_few_calls(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    """At default pacing no send waits for a read or a row, within 2.1 calls a lead and 20."""
    clock = FakeClock()
    plan = Plan(history=steps(*words, every_s=8.0))
    simulator = limited(clock, 450, default_plan=plan)
    truth = Truth(simulator)
    harness = offline(tmp_path, simulator, clock)

    ended = harness.run("--json")

    waits = drawn_waits(harness)
    assert ended.document["leads"]["accepted"] == 450
    assert start_gaps(simulator) == pytest.approx(waits, abs=0.001)
    assert len(waits) == 449
    assert ended.document["duration_seconds"] <= 1.02 * sum(waits) + 30
    assert wati_calls(simulator) <= 2.1 * 450 + 20
    calls = ended.document["api_calls"]
    assert wati_calls(simulator) == calls["send"] + calls["status"] + calls["templates"]
    assert set(truth.words) == {digits(index) for index in range(450)}
    assert simulator.rejected_429 == 0
    assert len(simulator.crm_rows) == 450
    assert_history_is_true(harness, truth, 450)
    assert_figures_are_true(ended, truth, 450)


def test_run_nothing_ever_delivered_the_allowance_is_spent_and_kept(tmp_path: Path) -> None:
    """Without any news the re-reads of the oldest open messages stop at the allowance."""
    clock = FakeClock()
    simulator = limited(clock, 30, default_plan=Plan(history=steps("SENT")))
    harness = offline(
        tmp_path, simulator, clock, settings={"TRACKING_WAIT_SECONDS": "600", "WATI_PLAN": "pro"}
    )

    ended = harness.run("--json")

    assert ended.document["messages"]["pending"] == 30
    assert wati_calls(simulator) == 83  # 2.1 times 30 leads, and 20
    reads = Counter(call.number for call in simulator.calls[Endpoint.MESSAGES])
    assert len(reads) == 30
    counts = [reads[digits(index)] for index in range(30)]
    assert counts == sorted(counts, reverse=True)  # the oldest are re-read first, in turn
    assert counts[0] - counts[-1] <= 2


def test_run_fast_pacing_reads_are_dropped_not_sends_delayed(tmp_path: Path) -> None:
    """Where the gaps hold no read the sends go on, and no read is one too many for WATI."""
    clock = FakeClock()
    simulator = limited(clock, 60)
    harness = offline(
        tmp_path,
        simulator,
        clock,
        settings={"SEND_DELAY_MIN": "0.5", "SEND_DELAY_MAX": "0.5"},
    )

    ended = harness.run("--json")

    assert ended.code == 0
    assert start_gaps(simulator) == pytest.approx([0.5] * 59, abs=0.001)
    assert simulator.rejected_429 == 0
    assert len(simulator.calls[Endpoint.MESSAGES]) >= 30


def test_run_slow_reads_never_delay_a_send(tmp_path: Path) -> None:
    """A read that would last into the next send's slot is cut off there, or not begun."""
    clock = FakeClock()
    simulator = limited(clock, 40)
    simulator.script(Endpoint.MESSAGES, late(5.0, times=None))
    harness = offline(tmp_path, simulator, clock)

    ended = harness.run("--json")

    assert ended.document["leads"]["accepted"] == 40
    assert start_gaps(simulator) == pytest.approx(drawn_waits(harness), abs=0.001)
    assert len(simulator.calls[Endpoint.MESSAGES]) >= 1


def test_run_everything_read_ends_before_the_tail_is_over(tmp_path: Path) -> None:
    """Following ends as soon as nothing is open."""
    clock = FakeClock()
    simulator = limited(clock, 2)
    harness = offline(tmp_path, simulator, clock, settings={"TRACKING_WAIT_SECONDS": "500"})

    document = harness.run("--json").document

    assert document["messages"]["read"] == 2
    assert document["duration_seconds"] < 20


def test_run_nothing_arrives_tail_lasts_no_longer_than_told(tmp_path: Path) -> None:
    """After the last send a run goes on for TRACKING_WAIT_SECONDS at most."""
    clock = FakeClock()
    simulator = limited(clock, 2, default_plan=Plan(history=()))
    harness = offline(tmp_path, simulator, clock)

    harness.run()

    last_send = simulator.calls[Endpoint.SEND][-1].at
    assert 25 <= clock.monotonic() - last_send <= 31


# --- the month's calls -------------------------------------------------------------------------


def preset_calls(harness: Harness, **months: int) -> None:
    """Let the month have seen calls already."""
    path = harness.state_dir / "api_usage.json"
    named = {name.replace("_", "-").removeprefix("m"): total for name, total in months.items()}
    path.write_text(json.dumps(named), encoding="utf-8")
    path.chmod(0o600)


def test_run_month_calls_are_kept_over_runs_and_commands(tmp_path: Path) -> None:
    """``api_usage.json`` holds every WATI call of run, test send and track."""
    clock = FakeClock()
    simulator = limited(clock, 3, default_plan=Plan(history=steps("SENT")))
    harness = offline(tmp_path, simulator, clock, settings={"TEST_MOBILE_NUMBER": "+919812345678"})
    harness.run()
    after_run = wati_calls(simulator)
    kept_after_run = harness.read_state("api_usage.json")
    harness.run("--test")
    harness.run("track")

    assert kept_after_run == {"2026-11": after_run}
    assert harness.read_state("api_usage.json") == {"2026-11": wati_calls(simulator)}
    assert wati_calls(simulator) > after_run


def test_run_over_a_months_end_each_call_counts_in_its_own_month(tmp_path: Path) -> None:
    """A run that passes the end of the month in TIMEZONE splits its calls at midnight."""
    midnight = datetime(2026, 11, 30, 18, 30, tzinfo=UTC)  # in Asia/Kolkata
    clock = FakeClock(midnight - timedelta(seconds=20))
    simulator = limited(clock, 30)
    harness = offline(
        tmp_path,
        simulator,
        clock,
        settings={"SCRIPT_START_TIME": "22:00", "SCRIPT_END_TIME": "02:00"},
    )
    change_at = clock.monotonic() + 20

    harness.run()

    calls = [
        call.at
        for kind in (Endpoint.SEND, Endpoint.MESSAGES, Endpoint.TEMPLATES)
        for call in simulator.calls[kind]
    ]
    november = sum(at < change_at for at in calls)
    assert 0 < november < len(calls)
    assert harness.read_state("api_usage.json") == {
        "2026-11": november,
        "2026-12": len(calls) - november,
    }


def test_run_month_used_up_ends_with_the_month_and_the_new_one_sends(tmp_path: Path) -> None:
    """What was used in one month says nothing about the next."""
    clock = FakeClock(datetime(2026, 11, 30, 6, 0, tzinfo=UTC))
    simulator = limited(clock, 2)
    harness = offline(tmp_path, simulator, clock, settings={"WATI_MONTHLY_CALLS": "100"})
    preset_calls(harness, m2026_11=100)

    held_back = harness.run()
    clock.advance(timedelta(days=1).total_seconds())
    goes_on = harness.run()

    assert (held_back.code, goes_on.code) == (3, 0)
    assert len(simulator.messages) == 2


def test_run_at_80_percent_only_unknown_sends_are_read(tmp_path: Path) -> None:
    """From four fifths of the month on, no accepted message is read any more."""
    clock = FakeClock()
    simulator = limited(clock, 4, plans={digits(1): ScriptedPlan(on_send=(lost(taken=True),))})
    harness = offline(tmp_path, simulator, clock, settings={"WATI_MONTHLY_CALLS": "1000"})
    preset_calls(harness, m2026_11=800)

    document = harness.run("--json").document

    assert document["leads"]["accepted"] == 4
    assert read_counts(simulator) == {digits(1): 1}
    assert document["messages"]["pending"] == 3
    assert [len(rows) for rows in by_number(simulator).values()] == [1] * 4


def test_run_reaches_80_percent_on_its_way_stops_reading(tmp_path: Path) -> None:
    """The pause begins where the count says so, also in the middle of a run."""
    clock = FakeClock()
    simulator = limited(clock, 40)
    harness = offline(tmp_path, simulator, clock, settings={"WATI_MONTHLY_CALLS": "1000"})
    preset_calls(harness, m2026_11=770)

    harness.run()

    assert len(simulator.messages) == 40
    # 770 and the template, then sends and reads together to 800, then only sends.
    assert 5 < len(simulator.calls[Endpoint.MESSAGES]) < 20


def test_track_at_80_percent_reads_nothing_but_unknown_sends(tmp_path: Path) -> None:
    """``track`` keeps the month's rule too, and says so."""
    clock = FakeClock()
    simulator = limited(clock, 3, default_plan=Plan(history=steps("SENT")))
    harness = offline(tmp_path, simulator, clock, settings={"WATI_MONTHLY_CALLS": "1000"})
    harness.run()
    clock.advance(60)
    preset_calls(harness, m2026_11=798)
    before = len(simulator.calls[Endpoint.MESSAGES])

    ended = harness.run("track")

    assert len(simulator.calls[Endpoint.MESSAGES]) - before == 2
    assert "WATI_MONTHLY_CALLS" in ended.out


def test_run_month_used_up_stops_before_any_call(tmp_path: Path) -> None:
    """At the month's limit a run ends as QUOTA_EXCEEDED with exit code 3 and calls nobody."""
    clock = FakeClock()
    simulator = limited(clock, 2)
    harness = offline(tmp_path, simulator, clock, settings={"WATI_MONTHLY_CALLS": "100"})
    preset_calls(harness, m2026_11=100)

    ended = harness.run("--json")

    assert ended.code == 3
    assert ended.document["status"] == "stopped"
    assert "QUOTA_EXCEEDED" in ended.document["reason"]
    assert wati_calls(simulator) == 0


def test_run_month_used_up_on_its_way_stops_before_the_next_send(tmp_path: Path) -> None:
    """The last call of the month is never exceeded by this program."""
    clock = FakeClock()
    simulator = limited(clock, 30)
    simulator.month_calls_left = 10
    harness = offline(tmp_path, simulator, clock, settings={"WATI_MONTHLY_CALLS": "100"})
    preset_calls(harness, m2026_11=90)

    ended = harness.run("--json")

    assert ended.code == 3
    assert "QUOTA_EXCEEDED" in ended.document["reason"]
    assert wati_calls(simulator) == 10
    assert len(simulator.messages) == 9
    assert harness.read_state("api_usage.json") == {"2026-11": 100}


def test_check_contacts_calls_are_counted_in_the_month_beside_the_allowance(
    tmp_path: Path,
) -> None:
    """A contact look-up is one more call a lead, counted and shown."""
    clock = FakeClock()
    simulator = limited(clock, 3)
    harness = offline(tmp_path, simulator, clock, settings={"CHECK_WHATSAPP_STATUS": "true"})

    calls = harness.run("--json").document["api_calls"]

    assert calls["contacts"] == 3
    assert harness.read_state("api_usage.json") == {"2026-11": wati_calls(simulator)}


def test_run_unknown_sends_without_answers_leave_the_other_reads_their_calls(
    tmp_path: Path,
) -> None:
    """Five sends nobody can settle are asked about ever more rarely, within the allowance."""
    clock = FakeClock()
    simulator = limited(clock, 120)
    silent = {digits(index) for index in (0, 2, 4, 6, 8)}
    simulator.script(
        Endpoint.SEND, lost(taken=True, times=None), match=lambda request: request.number in silent
    )
    simulator.script(
        Endpoint.MESSAGES,
        server_error(500, times=None),
        match=lambda request: request.number in silent,
    )
    harness = offline(tmp_path, simulator, clock)

    ended = harness.run("--json")

    assert ended.document["leads"]["unknown"] == 5
    assert ended.document["messages"]["read"] == 115
    assert wati_calls(simulator) <= 2.1 * 120 + 20
    assert simulator.rejected_429 == 0

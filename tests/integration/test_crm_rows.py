"""The CRM hears of every message and every failure, and never slows a send."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fakes import FakeClock
from harness import digits, lead, many_leads
from offline import by_number, drawn_waits, limited, offline, start_gaps
from simulated.faults import FaultKind, NetworkFault
from simulated.plans import steps
from simulated.scripts import Reply, answer, late, lost, server_error
from simulated.simulator import Simulator

from lead_automation.sandbox.exchange import Endpoint
from lead_automation.sandbox.plans import Plan, Step, failing
from lead_automation.sandbox.simulator import TEMPLATE

GONE = "Message undeliverable"


def test_row_of_a_read_message_is_exactly_as_documented(tmp_path: Path) -> None:
    """The body holds the documented names, the best known status, the id and an ISO time."""
    clock = FakeClock()
    simulator = limited(clock, 1)
    harness = offline(tmp_path, simulator, clock)

    harness.run()

    assert simulator.crm_rows == [
        {
            "lead_id": "1000",
            "message_content": f"Template: {TEMPLATE}",
            "msg_type": "template",
            "msg_status": "read",
            "to_phone_number": f"+{digits(0)}",
            "template_name": TEMPLATE,
            "wati_message_id": simulator.messages[0].local_message_id,
            "sent_at": "2026-11-23T11:30:00+05:30",
        }
    ]


def test_row_on_v1_has_no_message_id(tmp_path: Path) -> None:
    """Where WATI gives no id the row leaves it out."""
    clock = FakeClock()
    simulator = limited(clock, 1)
    harness = offline(tmp_path, simulator, clock, version="v1")

    harness.run()

    assert set(simulator.crm_rows[0]) == {
        "lead_id",
        "message_content",
        "msg_type",
        "msg_status",
        "to_phone_number",
        "template_name",
        "sent_at",
    }


def test_row_of_a_refusal_has_the_reason_and_no_time(tmp_path: Path) -> None:
    """A message that was never sent has no id and no time, but WATI's words."""
    clock = FakeClock()
    simulator = limited(clock, 1, plans={digits(0): Plan(refuse="Invalid WhatsApp number")})
    harness = offline(tmp_path, simulator, clock)

    harness.run()

    assert simulator.crm_rows == [
        {
            "lead_id": "1000",
            "message_content": f"Template: {TEMPLATE}",
            "msg_type": "template",
            "msg_status": "failed",
            "to_phone_number": f"+{digits(0)}",
            "template_name": TEMPLATE,
            "error_message": "Invalid WhatsApp number",
        }
    ]


def test_row_of_a_failure_in_the_first_read_is_the_only_one(tmp_path: Path) -> None:
    """A failure known before the row is posted needs one row."""
    clock = FakeClock()
    simulator = limited(clock, 1, plans={digits(0): failing(GONE)})
    harness = offline(tmp_path, simulator, clock)

    harness.run()

    (row,) = simulator.crm_rows
    assert row["msg_status"] == "failed"
    assert row["error_message"] == GONE
    assert row["wati_message_id"] == simulator.messages[0].local_message_id
    assert row["sent_at"] == "2026-11-23T11:30:00+05:30"


def test_row_of_a_failure_after_the_first_read_is_a_second_one(tmp_path: Path) -> None:
    """A failure learned later in the run posts a second row of the same message."""
    clock = FakeClock()
    history = (Step(0.0, "SENT"), Step(14.0, "FAILED", GONE))
    simulator = limited(clock, 1, plans={digits(0): Plan(history=history)})
    harness = offline(tmp_path, simulator, clock)

    harness.run()

    first, second = simulator.crm_rows
    assert first["msg_status"] == "sent"
    assert second == {**first, "msg_status": "failed", "error_message": GONE}


def test_row_is_posted_after_the_first_read_not_before(tmp_path: Path) -> None:
    """The CRM hears of a message once WATI was asked about it."""
    clock = FakeClock()
    simulator = limited(clock, 20)
    harness = offline(tmp_path, simulator, clock)

    harness.run()

    first_row = simulator.calls[Endpoint.LOG][0].at
    first_read = simulator.calls[Endpoint.MESSAGES][0].at
    last_send = simulator.calls[Endpoint.SEND][-1].at
    assert first_read < first_row < last_send
    assert [row["msg_status"] for row in simulator.crm_rows] == ["read"] * 20


def test_invalid_number_has_one_failed_row_within_history_days(tmp_path: Path) -> None:
    """A lead without a valid number is told to the CRM once, and again when the history is over."""
    clock = FakeClock()
    simulator = Simulator(clock=clock, leads=[lead("7", "12345")])
    harness = offline(tmp_path, simulator, clock)

    harness.run()
    harness.run()
    clock.advance(timedelta(days=3).total_seconds())
    harness.run()
    within = list(simulator.crm_rows)
    clock.advance(timedelta(days=6).total_seconds())
    harness.run()
    harness.run()

    assert len(within) == 1
    assert within[0]["msg_status"] == "failed"
    assert within[0]["to_phone_number"] == "12345"
    assert within[0]["error_message"]
    assert "sent_at" not in within[0]
    assert len(simulator.crm_rows) == 2


# --- a CRM that is down ------------------------------------------------------------------------


def test_log_answers_500_all_leads_are_sent_and_the_next_run_posts_each_row_once(
    tmp_path: Path,
) -> None:
    """Rows the CRM did not take stay owed; the next run posts them before it fetches leads."""
    clock = FakeClock()
    simulator = limited(clock, 60)
    simulator.script(Endpoint.LOG, server_error(500, times=None))
    harness = offline(tmp_path, simulator, clock)
    first = harness.run("--json")
    asked_in_vain = len(simulator.calls[Endpoint.LOG])
    owed = harness.read_state("crm_outbox.json")
    simulator.clear_scripts()
    clock.advance(60)
    began = clock.monotonic()

    second = harness.run("--json")

    assert (first.code, second.code) == (0, 0)
    assert first.document["leads"]["accepted"] == 60
    assert start_gaps(simulator) == pytest.approx(drawn_waits(harness), abs=0.001)
    assert len(owed) == 60
    assert asked_in_vain == 4  # one in the gaps, three at the end
    posted = simulator.calls[Endpoint.LOG][asked_in_vain:]
    assert sorted(by_number(simulator)) == sorted(digits(index) for index in range(60))
    assert len(posted) == 60
    assert posted[-1].at < simulator.calls[Endpoint.LEADS][-1].at <= began + 60
    assert {row["msg_status"] for row in simulator.crm_rows} == {"read"}
    assert harness.read_state("crm_outbox.json") == {}


def test_rows_name_each_lead_as_the_crm_does_from_the_outbox_too(tmp_path: Path) -> None:
    """A CRM that keys by numbers gets numbers back, a text of digits stays text."""
    clock = FakeClock()
    leads = [lead(7, f"+{digits(0)}"), lead("8", f"+{digits(1)}"), lead(9, "12345")]
    leads.append(lead("Zoe\u0308", f"+{digits(2)}"))
    simulator = Simulator(clock=clock, leads=leads)
    simulator.script(Endpoint.LOG, server_error(500, times=None))
    harness = offline(tmp_path, simulator, clock)
    harness.run()
    simulator.clear_scripts()

    harness.run()

    ids = {str(row["to_phone_number"]): row["lead_id"] for row in simulator.crm_rows}
    assert ids == {
        "12345": 9,
        f"+{digits(0)}": 7,
        f"+{digits(1)}": "8",
        f"+{digits(2)}": "Zoe\u0308",
    }
    assert set(harness.records()) == {"7", "8", "9", "Zo\u00eb"}


# --- a CRM that refuses a row ------------------------------------------------------------------


def _refuse_first(simulator: Simulator, reply: Reply) -> None:
    """Give the first lead's rows this reply for ever."""
    number = digits(0).encode()
    simulator.script(Endpoint.LOG, reply, match=lambda request: number in request.body)


def _refusals(simulator: Simulator, status: int) -> int:
    return sum(call.status == status for call in simulator.calls[Endpoint.LOG])


@pytest.mark.parametrize("status", [400, 404, 422])
def test_row_the_crm_refuses_blocks_no_other_and_is_tried_once_a_day(
    tmp_path: Path, status: int
) -> None:
    """Runs of one day try it once, and what the CRM says can be read meanwhile."""
    clock = FakeClock()
    simulator = limited(clock, 5)
    _refuse_first(simulator, answer(f"no such lead +{digits(0)}", status, times=None))
    harness = offline(tmp_path, simulator, clock)
    first = harness.run()
    harness.run()
    on_first_day, taken = _refusals(simulator, status), by_number(simulator)
    shown, text = harness.run("status", "--json").document, harness.run("status").out
    checked = harness.run("check").out
    clock.advance(timedelta(days=1).total_seconds())
    harness.run()
    harness.run()
    on_second_day = _refusals(simulator, status) - on_first_day
    simulator.clear_scripts()
    clock.advance(timedelta(days=1).total_seconds())
    last = harness.run()

    words = f"HTTP {status}: no such lead +9198••••0000"
    assert first.code == 0
    assert on_first_day == on_second_day == 1
    assert set(taken) == {digits(index) for index in range(1, 5)}
    assert shown["crm_rows_owed"] == 1
    assert shown["crm_rows_refused"] == [
        {
            "lead_id": "1000",
            "msg_status": "read",
            "refused_on": "2026-11-23",
            "reason": words,
        }
    ]
    assert f"refused: lead 1000 (read), 2026-11-23: {words}" in " ".join(text.split())
    assert f"the CRM refuses 1 row of its message log; the oldest: {words}" in checked
    assert "The CRM refuses 1 row of its message log" in " ".join(first.out.split())
    assert harness.read_state("crm_outbox.json") == {}
    assert [row["msg_status"] for row in by_number(simulator)[digits(0)]] == ["read"]
    assert "refuses" not in last.out


def test_row_that_breaks_the_crm_does_not_keep_the_others_from_it(tmp_path: Path) -> None:
    """Whatever one row makes the CRM answer, the rows behind it get their turn at the end."""
    clock = FakeClock()
    simulator = limited(clock, 5)
    _refuse_first(simulator, server_error(500, times=None))
    harness = offline(tmp_path, simulator, clock)

    harness.run()

    assert set(by_number(simulator)) == {digits(index) for index in range(1, 5)}
    assert list(harness.read_state("crm_outbox.json")) == ["2026-11-23/1000/1"]


def test_rows_refused_for_a_wrong_address_go_out_with_the_next_track(tmp_path: Path) -> None:
    """Whoever mended WATI_LOG_API_URL need not wait for tomorrow; each row is tried once."""
    clock = FakeClock()
    simulator = limited(clock, 3)
    simulator.script(Endpoint.LOG, answer("not here", 404, times=None))
    harness = offline(tmp_path, simulator, clock)
    harness.run()
    before = _refusals(simulator, 404)
    harness.run("track")
    assert (before, _refusals(simulator, 404)) == (3, 6)
    simulator.clear_scripts()

    assert harness.run("track").code == 0
    assert set(by_number(simulator)) == {digits(index) for index in range(3)}
    assert harness.read_state("crm_outbox.json") == {}


def test_row_refused_all_day_long_is_one_warning(tmp_path: Path) -> None:
    """A wrong address of the log must not bury what else a run warns of."""
    clock = FakeClock()
    simulator = limited(clock, 30)
    simulator.script(Endpoint.LOG, answer("not here", 404, times=None))
    harness = offline(tmp_path, simulator, clock)

    ended = harness.run("-q")

    assert ended.err.count("refuses the row") == 1
    assert "refuses 30 rows" in ended.out


def test_log_down_more_rows_than_a_minute_holds_rest_stays_owed_and_none_comes_twice(
    tmp_path: Path,
) -> None:
    """What 60 s before the lead list do not hold goes out later, and every row once."""
    clock = FakeClock()
    simulator = limited(clock, 100)
    simulator.script(Endpoint.LOG, server_error(500, times=None))
    harness = offline(tmp_path, simulator, clock)
    harness.run()
    simulator.clear_scripts()
    simulator.script(Endpoint.LOG, late(0.8, times=None))
    before = len(simulator.calls[Endpoint.LOG])
    began = clock.monotonic()

    harness.run()

    fetched_at = simulator.calls[Endpoint.LEADS][-1].at
    first_minute = [call for call in simulator.calls[Endpoint.LOG][before:] if call.at < fetched_at]
    assert 55 <= len(first_minute) <= 61
    assert fetched_at <= began + 61
    assert sorted(map(len, by_number(simulator).values())) == [1] * 100


def test_owed_row_says_what_the_next_run_reads_first(tmp_path: Path) -> None:
    """A row still owed is posted with what was learned since, not as it was."""
    clock = FakeClock()
    plans = {
        digits(0): Plan(history=(Step(0.0, "SENT"), Step(1800.0, "FAILED", GONE))),
        digits(1): Plan(history=(Step(0.0, "SENT"), Step(1800.0, "DELIVERED"))),
    }
    simulator = limited(clock, 2, plans=plans)
    simulator.script(Endpoint.LOG, server_error(500, times=None))
    harness = offline(tmp_path, simulator, clock)
    harness.run()
    simulator.clear_scripts()
    clock.advance(3700)

    harness.run()

    posted = by_number(simulator)
    assert [row["msg_status"] for row in posted[digits(0)]] == ["failed"]
    assert posted[digits(0)][0]["error_message"] == GONE
    assert [row["msg_status"] for row in posted[digits(1)]] == ["delivered"]
    assert harness.read_state("crm_outbox.json") == {}


def test_slow_reads_in_settling_do_not_starve_the_owed_rows(tmp_path: Path) -> None:
    """Where reads take all their time, rows and reads go in turn within the minute."""
    clock = FakeClock()
    simulator = limited(clock, 60, default_plan=Plan(history=steps("SENT")))
    simulator.script(Endpoint.LOG, server_error(500, times=None))
    harness = offline(tmp_path, simulator, clock)
    harness.run()
    simulator.clear_scripts()
    simulator.script(Endpoint.MESSAGES, late(1.8, times=None))
    clock.advance(3700)
    before = len(simulator.calls[Endpoint.MESSAGES])

    harness.run()

    fetched_at = simulator.calls[Endpoint.LEADS][-1].at
    rows = [
        call
        for call in simulator.calls[Endpoint.LOG]
        if call.status == 201 and call.at < fetched_at
    ]
    assert len(rows) >= 20
    assert len(simulator.calls[Endpoint.MESSAGES]) - before >= 20


@pytest.mark.parametrize(
    "fault",
    [
        NetworkFault(FaultKind.LATE, 5.0),
        NetworkFault(FaultKind.HANG),
        NetworkFault(FaultKind.CLOSE),
        NetworkFault(FaultKind.SLOW_BODY),
    ],
)
def test_log_slow_or_hanging_never_delays_a_send(tmp_path: Path, fault: NetworkFault) -> None:
    """A CRM that takes its time costs the sending nothing: every gap is the wait that was drawn."""
    clock = FakeClock()
    simulator = limited(clock, 40)
    simulator.script(Endpoint.LOG, Reply(fault=fault, taken=False, times=None))
    harness = offline(tmp_path, simulator, clock)

    ended = harness.run("--json")

    last_send = simulator.calls[Endpoint.SEND][-1].at
    in_gaps = [call for call in simulator.calls[Endpoint.LOG] if call.at < last_send]
    assert ended.code == 0
    assert ended.document["leads"]["accepted"] == 40
    assert start_gaps(simulator) == pytest.approx(drawn_waits(harness), abs=0.001)
    assert len(in_gaps) == 1  # after the first failure the rows wait for the end
    assert clock.monotonic() - last_send <= 30 + 60 + 1


def test_log_slow_but_working_gets_its_rows_at_the_end(tmp_path: Path) -> None:
    """A CRM that needs 5 s for a row is given them where no send waits."""
    clock = FakeClock()
    simulator = limited(clock, 8)
    simulator.script(Endpoint.LOG, late(5.0, times=None))
    harness = offline(tmp_path, simulator, clock)

    harness.run()

    assert harness.read_state("crm_outbox.json") == {}
    assert set(by_number(simulator)) == {digits(index) for index in range(8)}
    assert len(simulator.crm_rows) <= 9  # one was cut off in a gap: the CRM has it twice


def test_log_loses_its_answer_the_row_comes_again_the_message_does_not(tmp_path: Path) -> None:
    """A row whose answer was lost stays owed: it may come twice, its message never."""
    clock = FakeClock()
    simulator = limited(clock, 1)
    simulator.script(Endpoint.LOG, lost(taken=True))
    harness = offline(tmp_path, simulator, clock)

    harness.run()

    first, second = simulator.crm_rows
    assert first == second
    assert len(simulator.messages) == 1


def test_slow_row_once_does_not_keep_later_gaps_empty(tmp_path: Path) -> None:
    """After one row that took long, rows fit into the gaps again."""
    clock = FakeClock(datetime(2026, 11, 23, 6, 0, tzinfo=UTC))
    simulator = limited(clock, 120)
    simulator.script(Endpoint.LOG, late(0.7))
    harness = offline(tmp_path, simulator, clock)

    harness.run()

    last_send = simulator.calls[Endpoint.SEND][-1].at
    in_gaps = [call for call in simulator.calls[Endpoint.LOG] if call.at < last_send]
    assert len(in_gaps) > 80
    assert start_gaps(simulator) == pytest.approx(drawn_waits(harness), abs=0.001)
    assert len(simulator.crm_rows) == 120


def test_test_send_writes_no_row(tmp_path: Path) -> None:
    """The CRM hears nothing of a test send, and what it is owed stays owed."""
    clock = FakeClock()
    simulator = limited(clock, 1)
    simulator.script(Endpoint.LOG, server_error(500, times=None))
    harness = offline(tmp_path, simulator, clock, settings={"TEST_MOBILE_NUMBER": "+919812345678"})
    harness.run()
    simulator.clear_scripts()
    before = len(simulator.calls[Endpoint.LOG])

    ended = harness.run("--test")

    assert ended.code == 0
    assert len(simulator.messages) == 2
    assert len(simulator.calls[Endpoint.LOG]) == before
    assert len(harness.read_state("crm_outbox.json")) == 1


def test_new_leads_after_an_outage_get_their_rows_too(tmp_path: Path) -> None:
    """Owed rows and new ones all arrive, each once."""
    clock = FakeClock()
    simulator = limited(clock, 3)
    simulator.script(Endpoint.LOG, server_error(500, times=None))
    harness = offline(tmp_path, simulator, clock)
    harness.run()
    simulator.clear_scripts()
    simulator.crm.leads.extend(many_leads(3, first=3))
    clock.advance(7200)

    harness.run()

    assert sorted(map(len, by_number(simulator).values())) == [1] * 6


def test_json_of_a_run_names_exit_code_page_warnings_and_hold(tmp_path: Path) -> None:
    """A script need not look into files for what a person reads on the console."""
    clock = FakeClock()
    simulator = limited(clock, 1)
    simulator.script(Endpoint.LOG, answer("no such lead", 422, times=None))
    harness = offline(tmp_path, simulator, clock)

    made = harness.run("--json").document

    assert (made["exit_code"], made["hold"]) == (0, None)
    assert Path(made["report"]).is_file()
    assert "refuses the row of lead 1000" in made["warnings"][0]
    assert made["started_at"].endswith("+05:30")

"""Dry run, test send and sandbox: what each shows, and above all what each leaves alone."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeClock
from harness import Harness, digits, lead, many_leads, serve
from simulated.plans import ScriptedPlan
from simulated.scripts import Reply, html_page, lost, server_error
from simulated.simulator import Simulator

from lead_automation.arguments import SCENARIOS as NAMES
from lead_automation.sandbox.exchange import Endpoint
from lead_automation.sandbox.plans import failing
from lead_automation.sandbox.scenarios import SCENARIOS

_TEST_NUMBER = "+917567905829"
_TEST = {"TEST_MOBILE_NUMBER": _TEST_NUMBER}
_POSTS = (Endpoint.SEND, Endpoint.LOG)
_WRITTEN_BY_ANY_RUN = {"run.lock", "run.lock.holder", "wati_automation.log"}


def _bytes(folder: Path) -> dict[str, bytes]:
    """Every file of a state directory but log and lock, by name."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in _WRITTEN_BY_ANY_RUN
    }


# --- dry run ---------------------------------------------------------------------------------


def test_dry_run_on_a_fresh_state_posts_nothing_and_changes_nothing(tmp_path: Path) -> None:
    """No POST reaches WATI or the CRM, and every file stays as it was, byte for byte."""
    clock = FakeClock()
    leads = [*many_leads(4), lead("9", "12345"), {"full_name": "no id"}]
    simulator = Simulator(clock=clock, leads=leads)
    with serve(tmp_path, simulator, clock) as harness:
        before = _bytes(harness.state_dir)
        ended = harness.run("run", "--dry-run", "--json")
        after = _bytes(harness.state_dir)
    leads_told = ended.document["leads"]

    assert ended.code == 0
    assert before == after
    assert [simulator.calls[endpoint] for endpoint in _POSTS] == [[], []]
    assert len(simulator.calls[Endpoint.LEADS]) == 1
    assert ended.document["mode"] == "dry-run"
    assert leads_told["skipped"]["invalid_number"] == 1
    assert leads_told["skipped"]["malformed"] == 1
    assert (leads_told["attempted"], leads_told["not_reached"]) == (0, 4)


def test_dry_run_shows_who_would_get_what_from_whom(tmp_path: Path) -> None:
    """The plan names lead, template, counsellor and number; the lead's number is masked."""
    clock = FakeClock()
    leads = [*many_leads(2), lead("7", "+919812345678", "see https://x.example")]
    simulator = Simulator(clock=clock, leads=leads)
    with serve(tmp_path, simulator, clock) as harness:
        told = harness.run("run", "--dry-run", "-q")
        document = harness.run("run", "--dry-run", "--json").document
    planned = [line for line in told.out.splitlines() if " from " in line and "+91" in line]

    assert "Would get the template sandbox_welcome:" in told.out
    assert len(planned) == 3
    assert "Lead Number 0" in planned[0]
    assert "+9198••••0000" in planned[0]
    assert "from Anandi +919512270915" in planned[0]
    assert "Customer" in planned[2]
    assert not any(digits(index) in told.out + told.err for index in range(2))
    assert [row["lead_id"] for row in document["plan"]] == ["1000", "1001", "7"]
    assert all(row["counsellor"] for row in document["plan"])


def test_dry_run_plans_no_more_than_quota_and_limit(tmp_path: Path) -> None:
    """The plan ends where a real run would: at the quota left, and at --limit."""
    clock = FakeClock()
    simulator = Simulator(clock=clock, leads=many_leads(8))
    with serve(tmp_path, simulator, clock) as harness:
        path = tmp_path / "counsellors.json"
        path.write_text('{"A": {"number": "+919512270915", "daily_limit": 3}}', encoding="utf-8")
        harness.write_settings(COUNSELLORS_FILE=str(path))
        of_quota = harness.run("run", "--dry-run", "--json").document
        of_limit = harness.run("run", "--dry-run", "--json", "--limit", "2").document

    assert len(of_quota["plan"]) == 3
    assert "quotas exhausted" in of_quota["reason"]
    assert len(of_limit["plan"]) == 2
    assert "limit of 2 messages" in of_limit["reason"]


def test_dry_run_leaves_owed_crm_rows_owed(tmp_path: Path) -> None:
    """Rows the CRM would not take are still owed after a dry run, and go out with the next run."""
    clock = FakeClock()
    simulator = Simulator(clock=clock, leads=many_leads(2))
    with serve(tmp_path, simulator, clock) as harness:
        simulator.script(Endpoint.LOG, server_error(503, times=None))
        harness.run()
        simulator.clear_scripts()
        owed = harness.read_state("crm_outbox.json")
        posts = len(simulator.calls[Endpoint.LOG])
        harness.run("run", "--dry-run")
        still_owed = harness.read_state("crm_outbox.json")
        posts_after = len(simulator.calls[Endpoint.LOG])
        harness.run()
        at_last = harness.read_state("crm_outbox.json")

    assert len(owed) == 2
    assert still_owed == owed
    assert posts_after == posts
    assert at_last == {}
    assert len(simulator.crm_rows) == 2


def test_dry_run_ignores_working_hours_and_says_so(tmp_path: Path) -> None:
    """At night a dry run plans all the same and notes it."""
    clock = FakeClock()
    clock.step(12 * 3600)
    simulator = Simulator(clock=clock, leads=many_leads(2))
    with serve(tmp_path, simulator, clock) as harness:
        real = harness.run("--json").document
        dry = harness.run("run", "--dry-run")

    assert real["status"] == "outside_working_hours"
    assert dry.code == 0
    assert "Would be sent: 2" in dry.out
    assert "working hours are ignored" in dry.err


def test_dry_run_settles_nothing_and_does_not_wait(tmp_path: Path) -> None:
    """An unknown send of an earlier run is not asked about, and no time passes."""
    clock = FakeClock()
    plans = {
        "919810000000": ScriptedPlan(on_send=(server_error(taken=True),), appears_after_s=None)
    }
    simulator = Simulator(clock=clock, leads=many_leads(9), plans=plans)
    with serve(tmp_path, simulator, clock) as harness:
        simulator.script(Endpoint.MESSAGES, server_error(times=None))
        harness.run("run", "--limit", "1")
        reads, slept = len(simulator.calls[Endpoint.MESSAGES]), len(clock.slept)
        document = harness.run("run", "--dry-run", "--json").document

    assert len(simulator.calls[Endpoint.MESSAGES]) == reads > 0
    assert len(clock.slept) == slept
    assert document["leads"]["skipped"]["duplicate"] == 1
    assert document["duration_seconds"] == 0


# --- test send -------------------------------------------------------------------------------


def test_test_send_writes_to_the_test_number_and_nowhere_else(tmp_path: Path) -> None:
    """The first lead's text goes to the test number; no quota, history, CRM row, suppression."""
    clock = FakeClock()
    leads = [lead("1000", "+919810000000", "Asha Rao"), *many_leads(2, first=1)]
    simulator = Simulator(clock=clock, leads=leads)
    with serve(tmp_path, simulator, clock, settings=_TEST) as harness:
        ended = harness.run("run", "--test", "--json")
        state = _bytes(harness.state_dir)
    [message] = simulator.messages

    assert ended.code == 0
    assert message.number == _TEST_NUMBER[1:]
    assert message.parameters[0] == ("1", "Asha Rao")
    assert ended.document["mode"] == "test"
    assert ended.document["messages"]["read"] == 1
    assert state["quota_usage.json"] == state["sent_messages.json"] == b"{}\n"
    assert simulator.crm_rows == []
    assert simulator.calls[Endpoint.LOG] == []
    assert "suppression_list.json" not in state
    assert state.get("crm_outbox.json", b"{}\n") == b"{}\n"


def test_test_send_may_be_repeated_and_sends_as_many_as_asked(tmp_path: Path) -> None:
    """A second test send goes out like the first, and --limit 3 sends three leads' texts."""
    clock = FakeClock()
    simulator = Simulator(clock=clock, leads=many_leads(5))
    with serve(tmp_path, simulator, clock, settings=_TEST) as harness:
        codes = [harness.run("run", "--test").code for _ in range(2)]
        three = harness.run("run", "--test", "--limit", "3", "--json").document
    names = [dict(message.parameters)["1"] for message in simulator.messages]

    assert codes == [0, 0]
    assert three["leads"]["accepted"] == 3
    assert names == ["Lead Number 0"] * 3 + ["Lead Number 1", "Lead Number 2"]
    assert {message.number for message in simulator.messages} == {_TEST_NUMBER[1:]}


_NO_LEADS = [{"full_name": "no id"}, 7]


@pytest.mark.parametrize(
    ("leads", "reply", "name"),
    [
        pytest.param(many_leads(1), server_error(500, times=None), "Sample Lead", id="500"),
        pytest.param(many_leads(1), html_page(), "Sample Lead", id="a page"),
        pytest.param(many_leads(1), lost(taken=False, times=None), "Sample Lead", id="closed"),
        pytest.param([], None, "Sample Lead", id="empty"),
        pytest.param(_NO_LEADS, None, "Sample Lead", id="odd rows"),
        pytest.param([*_NO_LEADS, lead("2", "123", "Ravi")], None, "Ravi", id="a bad number"),
    ],
)
def test_test_send_takes_the_first_lead_that_is_one_or_a_sample(
    tmp_path: Path, leads: list[Any], reply: Reply | None, name: str
) -> None:
    """A CRM that is down, lists nobody or nonsense keeps no test back; no row uses it up."""
    clock = FakeClock()
    simulator = Simulator(clock=clock, leads=leads)
    if reply:
        simulator.script(Endpoint.LEADS, reply)
    with serve(tmp_path, simulator, clock, settings=_TEST) as harness:
        ended = harness.run("run", "--test")

    assert ended.code == 0
    assert [dict(message.parameters)["1"] for message in simulator.messages] == [name]


def test_test_send_at_night_goes_out(tmp_path: Path) -> None:
    """Working hours do not bind a test send."""
    clock = FakeClock()
    clock.step(12 * 3600)
    simulator = Simulator(clock=clock, leads=many_leads(1))
    with serve(tmp_path, simulator, clock, settings=_TEST) as harness:
        assert harness.run("run", "--test").code == 0

    assert len(simulator.messages) == 1


def test_test_send_left_on_warns_where_nobody_watches(tmp_path: Path) -> None:
    """USE_TEST_NUMBER=true warns in every run without a terminal, quiet ones too, else not."""
    clock = FakeClock()
    simulator = Simulator(clock=clock, leads=many_leads(1))
    settings = {**_TEST, "USE_TEST_NUMBER": "true"}
    with serve(tmp_path, simulator, clock, settings=settings) as harness:
        cron = harness.run("-q")
        dry = harness.run("-q", "--dry-run")
        harness.is_terminal = True
        watched = harness.run("-q")

    assert "USE_TEST_NUMBER is on" in cron.err
    assert "USE_TEST_NUMBER is on" in dry.err
    assert "STATUS: COMPLETED" in cron.out
    assert "USE_TEST_NUMBER" not in watched.err
    assert simulator.posts == {_TEST_NUMBER[1:]: 2}


@pytest.mark.parametrize("number", ["+911234567890", "+91221", None])
def test_test_send_to_no_mobile_number_is_a_settings_error(
    tmp_path: Path, number: str | None
) -> None:
    """A test number nobody can be reached at, or none, ends with 2 and names the setting."""
    clock = FakeClock()
    simulator = Simulator(clock=clock, leads=many_leads(1))
    settings = {"TEST_MOBILE_NUMBER": number} if number else {}
    with serve(tmp_path, simulator, clock, settings=settings) as harness:
        ended = harness.run("run", "--test", "--json")

    assert ended.code == 2
    assert "TEST_MOBILE_NUMBER" in ended.document["reason"]
    assert ended.document["mode"] == "test"
    assert simulator.posts.total() == 0


def test_test_send_that_fails_suppresses_nobody(tmp_path: Path) -> None:
    """An opted-out test phone is told as failed, and is not put on the suppression list."""
    clock = FakeClock()
    plans = {_TEST_NUMBER: failing("131050 User has stopped marketing messages")}
    simulator = Simulator(clock=clock, leads=many_leads(1), plans=plans)
    with serve(tmp_path, simulator, clock, settings=_TEST) as harness:
        first = harness.run("run", "--test", "--json").document
        second = harness.run("run", "--test", "--json").document
        names = {path.name for path in harness.state_dir.iterdir()}

    assert first["errors"] == second["errors"] == {"opt_out": 1}
    assert "suppression_list.json" not in names


# --- sandbox ---------------------------------------------------------------------------------


def _rehearsal(tmp_path: Path, *arguments: str) -> tuple[Harness, Any]:
    """Run a rehearsal in this process on a clock that does not wait, without any settings."""
    clock = FakeClock()
    harness = Harness(
        folder=tmp_path,
        simulator=Simulator(clock=clock),
        clock=clock,
        sleep=clock.sleep,
        settings={},
    )
    return harness, harness.run("run", "--sandbox", *arguments)


@pytest.mark.parametrize(
    ("scenario", "code", "told"),
    [
        ("restricted", 3, "STATUS: STOPPED"),
        ("credits", 3, "QUOTA_EXCEEDED"),
        ("outage", 3, "in a row"),
        ("batches", 0, "STATUS: COMPLETED"),
    ],
)
def test_sandbox_scenario_ends_as_described(
    tmp_path: Path, scenario: str, code: int, told: str
) -> None:
    """Each scenario runs without settings, ends as it should and says where its report is."""
    harness, ended = _rehearsal(tmp_path, scenario, "--state-dir", "state")
    reports = sorted((harness.state_dir / "reports").glob("run-*.html"))

    assert ended.code == code, ended.err
    assert told in ended.out
    assert len(reports) == 1
    assert str(reports[0]) in ended.out
    assert set(NAMES) == set(SCENARIOS)


def test_sandbox_everyday_shows_every_outcome_and_repeats_nobody(tmp_path: Path) -> None:
    """All five statuses, five categories of errors; a second rehearsal knows the first."""
    harness, ended = _rehearsal(tmp_path, "--state-dir", "state", "--json")
    [path] = (harness.state_dir / "reports").glob("run-*.json")
    rows = json.loads(path.read_text(encoding="utf-8"))["lead_rows"]
    again = harness.run("run", "--sandbox", "--state-dir", "state", "--json")

    assert ended.code == again.code == 0
    assert ended.document["mode"] == "sandbox"
    assert {row["status"] for row in rows} >= {"sent", "delivered", "read", "failed", "pending"}
    assert len({row.get("error_category") for row in rows} - {None}) >= 5
    assert again.document["leads"]["skipped"]["duplicate"] > 25


def test_sandbox_under_a_file_names_the_option_to_change(tmp_path: Path) -> None:
    """A state directory that is a file ends with 5 and says what to name instead."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    _, ended = _rehearsal(tmp_path, "--state-dir", "file")

    assert ended.code == 5
    assert "--state-dir" in ended.err


def test_sandbox_dry_run_and_test_send_work_without_settings(tmp_path: Path) -> None:
    """--sandbox goes together with --dry-run and with --test."""
    _, dry = _rehearsal(tmp_path, "--dry-run", "--json", "--state-dir", "a")
    _, test = _rehearsal(tmp_path, "--test", "--json", "--state-dir", "b")

    assert (dry.code, test.code) == (0, 0)
    assert dry.document["mode"] == "dry-run"
    assert len(dry.document["plan"]) > 30
    assert test.document["mode"] == "test"
    assert test.document["leads"]["accepted"] == 1


def test_sandbox_without_a_directory_makes_one_and_leaves_the_folder_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Completed, report named in a temporary directory that is kept, nothing written here."""
    folder, temporary = tmp_path / "here", tmp_path / "tmp"
    folder.mkdir()
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))

    harness, ended = _rehearsal(folder)
    [state] = temporary.glob("lead-automation-sandbox-*")

    assert ended.code == 0, ended.err
    assert "✅ STATUS: COMPLETED" in ended.out
    assert list(harness.folder.iterdir()) == []
    assert f"Open the report: {state / 'reports'}" in ended.out
    assert list((state / "reports").glob("run-*.html"))


def test_test_send_takes_a_lead_that_is_listed_twice_once(tmp_path: Path) -> None:
    """A CRM that repeats a row is no bug of the program."""
    clock = FakeClock()
    rows = [*many_leads(1), *many_leads(1), *many_leads(1, first=1)]
    simulator = Simulator(clock=clock, leads=rows)
    with serve(tmp_path, simulator, clock, settings=_TEST) as harness:
        ended = harness.run("run", "--test", "--limit", "2", "--json")

        assert ended.code == 0
        assert ended.document["leads"]["accepted"] == 2
        assert simulator.posts[_TEST_NUMBER.removeprefix("+")] == 2

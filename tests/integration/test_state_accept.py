"""An older history that was put back: the run stops, and ``state accept`` takes it from there."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from disks import Crash, FaultyDisk, Phase, Script, crash, fail_with
from harness import Harness, lead, many_leads, stage
from simulated.simulator import Simulator

from lead_automation.files import Disk
from lead_automation.sandbox.plans import Plan, Step

FILES = ("sent_messages.json", "quota_usage.json")
_DAY_S = 24 * 3600
# Ten or eleven digits: shown masked, and these two alike, as their numbers are.
_LIKE_NUMBERS = ("98765432101", "98760002101")
_LATER = [lead(like, f"+9198{place}0001111") for place, like in enumerate(_LIKE_NUMBERS, 1)]


def _put_back(
    folder: Path, later: list[dict[str, object]] | None = None, **scene: Any
) -> tuple[Harness, Simulator]:
    """Run twice, then put the files of after the first run back."""
    harness, simulator, clock = stage(folder, leads=many_leads(2), **scene)
    assert harness.run("run").code == 0
    older = {name: (harness.state_dir / name).read_bytes() for name in FILES}
    simulator.crm.leads[:] = later or many_leads(5)
    clock.advance(60)
    assert harness.run("run").code == 0
    for name, data in older.items():
        (harness.state_dir / name).write_bytes(data)
    return harness, simulator


def test_older_history_stops_the_run_and_names_run_and_count(tmp_path: Path) -> None:
    """Exit 5 before anything is sent, also for track and check; nothing is changed."""
    harness, simulator = _put_back(tmp_path)
    newest = max(path.stem for path in (harness.state_dir / "reports").glob("*.json"))
    before = (harness.state_dir / FILES[0]).read_bytes()
    for command in ("run", "run --dry-run", "track", "check"):
        ended = harness.run(*command.split())

        assert ended.code == 5, command
        told = " ".join((ended.err + ended.out).split())
        assert "does not know 3 of them" in told
        assert newest.removeprefix("run-") in told
    assert (harness.state_dir / FILES[0]).read_bytes() == before
    assert len(simulator.messages) == 5


def test_accepted_leads_count_as_messaged(tmp_path: Path) -> None:
    """Nobody gets a second message, their quota counts, and others are written to."""
    harness, simulator = _put_back(tmp_path)
    asked = harness.run("state", "accept")
    assert (asked.code, "messaged 3: 1002, 1003, 1004" in asked.out) == (2, True)
    assert harness.run("run").code == 5

    assert harness.run("state", "accept", "--yes").code == 0
    assert sum(harness.quota()["2026-11-23"].values()) == 5
    simulator.crm.leads[:] = many_leads(6)
    assert harness.run("run").code == 0
    assert len(simulator.messages) == 6
    assert "knows every lead" in harness.run("state", "accept").out


def test_damaged_report_stops_nothing(tmp_path: Path) -> None:
    """A document that cannot be read says nothing either way."""
    harness, _ = _put_back(tmp_path)
    for path in (harness.state_dir / "reports").glob("*.json"):
        path.write_bytes(b"{")

    assert harness.run("run", "--dry-run").code == 0


def test_status_shows_in_a_line_that_the_reports_know_more(tmp_path: Path) -> None:
    """Whoever asks why nothing is sent need not start a run; without a mismatch there is none."""
    harness, _ = _put_back(tmp_path)
    shown = harness.run("status")
    assert shown.code == 0
    assert "RUNS ARE STOPPED: the history does not know 3 of them" in " ".join(shown.out.split())
    assert "3 of them" in harness.run("status", "--json").document["reports_mismatch"]
    assert harness.run("state", "accept", "--yes").code == 0

    assert "RUNS ARE STOPPED" not in harness.run("status").out
    assert harness.run("status", "--json").document["reports_mismatch"] is None


def test_ids_that_are_shown_masked_are_missed_and_accepted_whole(tmp_path: Path) -> None:
    """An account whose ids look like phone numbers is protected too; nobody is shown one."""
    harness, simulator = _put_back(tmp_path, _LATER)
    stopped = harness.run("run")
    assert stopped.code == 5
    assert "does not know 2 of them" in " ".join(stopped.err.split())
    asked = harness.run("state", "accept", "--yes")
    assert asked.code == 0
    assert set(_LIKE_NUMBERS) <= set(harness.records())
    assert harness.run("run").code == 0
    assert len(simulator.messages) == 4

    reports = harness.state_dir / "reports"
    [kept] = [path for path in reports.glob("run-*.json") if _LIKE_NUMBERS[0] in path.read_text()]
    assert kept.stat().st_mode & 0o777 == 0o600
    run = kept.stem.removeprefix("run-")
    forms: tuple[list[str], ...] = (
        [],
        ["--json"],
        ["--format", "csv"],
        ["--format", "json"],
        ["--format", "html"],
    )
    shown = [harness.run("report", "--run", run, *form).out for form in forms]
    shown += [path.read_text() for path in reports.glob("*.html")]
    shown += [harness.log_text(), stopped.out + stopped.err, asked.out + asked.err]
    for whole in _LIKE_NUMBERS:
        assert not any(whole in text for text in shown)


def test_ids_that_are_masked_alike_get_each_their_own_newer_status(tmp_path: Path) -> None:
    """Whoever was shown as another never has the other's fate in a report."""
    late = (Step(0.0, "SENT"), Step(3600, "READ")), (Step(0.0, "SENT"), Step(3600, "FAILED"))
    plans = {f"9198{place}0001111": Plan(history=late[place - 1]) for place in (1, 2)}
    harness, _, clock = stage(tmp_path, leads=_LATER, plans=plans)
    run = harness.run("run", "--json").document["run_id"]
    clock.advance(7200)
    assert harness.run("track").code == 0
    kept = json.loads((harness.state_dir / "reports" / f"run-{run}.json").read_text())

    assert [row["status"] for row in kept["lead_rows"]] == ["read", "failed"]
    assert {row["lead_id"] for row in kept["lead_rows"]} == {"987••••2101"}


def test_report_of_unknown_sends_alone_stops_nothing(tmp_path: Path) -> None:
    """Perhaps nobody was messaged; whoever wants to be sure accepts it all the same."""
    harness, _ = _put_back(tmp_path)
    newest = max((harness.state_dir / "reports").glob("run-*.json"))
    newest.write_text(newest.read_text().replace('"outcome": "accepted"', '"outcome": "unknown"'))

    assert harness.run("run", "--dry-run").code == 0
    assert harness.run("status", "--json").document["reports_mismatch"] is None
    assert "messaged 3: 1002, 1003, 1004" in harness.run("state", "accept", "--yes").out
    assert {"1002", "1003", "1004"} <= set(harness.records())


@pytest.mark.parametrize("is_report_kept", [True, False])
def test_raised_history_days_stop_no_run_by_what_was_forgotten_before(
    tmp_path: Path, *, is_report_kept: bool
) -> None:
    """Reports older than the history ever was since are no loss; what it must hold is asked for."""
    harness, simulator, clock = stage(tmp_path, leads=many_leads(2), settings={"HISTORY_DAYS": "3"})
    assert harness.run("run").code == 0
    simulator.crm.leads.clear()
    clock.advance(10 * _DAY_S)
    assert harness.run("run").code == 0
    assert harness.history() == {}
    if not is_report_kept:  # as of a run that is killed before it
        max((harness.state_dir / "reports").glob("run-*.json")).unlink()
    harness.write_settings(HISTORY_DAYS="60")
    simulator.crm.leads[:] = many_leads(3, first=2)
    for _ in range(2):  # the first run with the longer history changes nothing about it
        assert harness.run("run").code == 0
        clock.advance(20 * _DAY_S)
    for name in FILES:
        (harness.state_dir / name).write_text("{}\n")
    lost_all = harness.run("run")

    assert lost_all.code == 5
    assert "is empty" in lost_all.err
    assert "messaged 3: 1002, 1003, 1004" in harness.run("state", "accept", "--yes").out


def test_history_of_yesterday_is_asked_for_at_any_hour(tmp_path: Path) -> None:
    """HISTORY_DAYS counts days, not hours: what yesterday's early run sent must be known today."""
    harness, _, clock = stage(tmp_path, leads=many_leads(2), settings={"HISTORY_DAYS": "1"})
    assert harness.run("run").code == 0
    clock.advance(_DAY_S + 3600)
    for name in FILES:
        (harness.state_dir / name).write_text("{}\n")

    assert harness.run("run").code == 5


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("action", [crash, fail_with(28)], ids=["killed", "disk full"])
def test_accept_that_is_cut_at_any_write_is_simply_asked_again(
    tmp_path: Path, phase: Phase, action: Callable[[], None]
) -> None:
    """After each step nobody is lost and no quota counts twice; an accept that failed says so."""
    harness, simulator = _put_back(tmp_path)
    older = {name: (harness.state_dir / name).read_bytes() for name in FILES}
    harness.disk = FaultyDisk(Disk())
    assert harness.run("state", "accept", "--yes").code == 0
    steps, quota = len(harness.disk.steps), harness.quota()
    assert steps > 8
    for at in range(1, steps + 1):
        for name, data in older.items():
            (harness.state_dir / name).write_bytes(data)
        harness.disk = FaultyDisk(Disk(), Script(at, phase, action))
        if action is crash:
            with pytest.raises(Crash):
                harness.run("state", "accept", "--yes")
        else:
            assert harness.run("state", "accept", "--yes").code in (0, 5)
        harness.disk = Disk()
        assert harness.run("state", "accept", "--yes").code == 0
        assert harness.run("run", "--dry-run").code == 0
        assert harness.run("track").code == 0  # folds what an accept before it left

        assert {"1002", "1003", "1004"} <= set(harness.records())
        assert harness.quota() == quota
    assert harness.run("run").code == 0
    assert len(simulator.messages) == 5

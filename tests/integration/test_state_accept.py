"""An older history that was put back: the run stops, and ``state accept`` takes it from there."""

from pathlib import Path

from harness import Harness, many_leads, stage
from simulated.simulator import Simulator

FILES = ("sent_messages.json", "quota_usage.json")


def _put_back(folder: Path) -> tuple[Harness, Simulator]:
    """Run twice, then put the files of after the first run back."""
    harness, simulator, clock = stage(folder, leads=many_leads(2))
    assert harness.run("run").code == 0
    older = {name: (harness.state_dir / name).read_bytes() for name in FILES}
    simulator.crm.leads[:] = many_leads(5)
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

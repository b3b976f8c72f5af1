"""Rehearsals and real messages never share a folder, wherever either of them is cut."""

from collections.abc import Callable
from pathlib import Path

import pytest
from disks import Crash, FaultyDisk, Phase, Script, crash, fail_with
from fakes import FakeClock
from harness import Ended, Harness, in_process, many_leads, stage
from simulated.simulator import Simulator

from lead_automation.files import Disk
from lead_automation.state.mark import MARK_FILE

_TEST_NUMBER = {"TEST_MOBILE_NUMBER": "+917567905829"}
_STATE = ("quota_usage.json", "sent_messages.json")


def _everything(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def _rehearse(harness: Harness, *arguments: str) -> Ended:
    return harness.run("run", "--sandbox", "--state-dir", "state", "--json", *arguments)


def _bare(folder: Path) -> Harness:
    """Return the command line in a folder without settings and without state."""
    clock = FakeClock()
    return Harness(
        folder=folder,
        simulator=Simulator(clock=clock),
        clock=clock,
        sleep=clock.sleep,
        settings={},
    )


@pytest.mark.parametrize(
    "command",
    [
        "run",
        "run --dry-run",
        "run --test",
        "track",
        "init",
        "check",
        "resume --yes",
        "suppress add +919812345678",
        "suppress remove +919812345678",
    ],
)
def test_folder_of_a_rehearsal_is_refused_by_every_command_that_writes(
    tmp_path: Path, command: str
) -> None:
    """Exit 5, the place named, not one byte changed and nobody messaged."""
    harness, simulator, _ = stage(tmp_path, leads=many_leads(1), settings=_TEST_NUMBER)
    for path in harness.state_dir.iterdir():
        path.unlink()
    assert _rehearse(harness, "--dry-run").code == 0
    before = _everything(harness.state_dir)
    ended = harness.run(*command.split())

    assert ended.code == 5
    assert f"{harness.state_dir} is a sandbox's" in ended.err + ended.out
    assert _everything(harness.state_dir) == before
    assert simulator.posts.total() == 0
    for reading in ("status", "suppress list"):
        assert harness.run(*reading.split()).code == 0


def test_rehearsal_again_in_its_own_folder_goes_on(tmp_path: Path) -> None:
    """A test send rehearsed there makes the folder nobody else's."""
    harness = _bare(tmp_path)

    assert _rehearse(harness, "--test").code == 0
    assert _rehearse(harness).code == 0
    assert _rehearse(harness, "--test").code == 0


@pytest.mark.parametrize(
    "left",
    [
        *_STATE,
        "send_journal.jsonl",
        "suppression_list.json",
        "campaign_hold.json",
        "crm_outbox.json",
        "api_usage.json",
        "run.lock.holder",
        "wati_automation.log.2026-11-22",
        "reports/run-20261122T091523-3f9a.json",
    ],
)
def test_rehearsal_refuses_a_folder_with_anything_of_other_runs(tmp_path: Path, left: str) -> None:
    """One file that is ours and bears no mark is enough: exit 5, nothing touched."""
    harness = _bare(tmp_path)
    path = harness.state_dir / left
    path.parent.mkdir(parents=True)
    path.write_bytes(b"{}\n")
    before = _everything(harness.state_dir)
    ended = _rehearse(harness)

    assert ended.code == 5
    assert "is not the sandbox's" in ended.document["reason"]
    assert _everything(harness.state_dir) == before


def test_rehearsal_refuses_the_folder_of_a_test_send(tmp_path: Path) -> None:
    """A real test send leaves no history, but it was no rehearsal."""
    harness, _, _ = stage(tmp_path, leads=many_leads(1), settings=_TEST_NUMBER)
    assert harness.run("run", "--test").code == 0

    assert _rehearse(harness).code == 5
    assert harness.run("run", "--test").code == 0


def test_rehearsal_works_beside_files_that_are_not_ours(tmp_path: Path) -> None:
    """A note, a settings file, somebody's own folder of reports: they stay as they are."""
    harness = _bare(tmp_path)
    for name in ("note.txt", "config.env", "reports/march.pdf"):
        path = harness.state_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"mine")
    ended = _rehearse(harness, "--dry-run")

    assert ended.code == 0
    assert (harness.state_dir / "reports" / "march.pdf").read_bytes() == b"mine"


def _steps_before_the_run(folder: Path) -> int:
    """Return how many steps of the disk lay the folder out: the mark, then the two files."""
    harness = _bare(folder)
    harness.disk = FaultyDisk(Disk(), Script(1_000_000, Phase.BEFORE, crash))
    assert _rehearse(harness, "--dry-run").code == 0
    assert isinstance(harness.disk, FaultyDisk)
    names = [step.name for step in harness.disk.steps]
    assert names.index(f".{MARK_FILE}.tmp") < names.index(f".{_STATE[0]}.tmp")
    return names.index("wati_automation.log")


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("action", [crash, fail_with(28)], ids=["killed", "disk full"])
def test_folder_is_marked_before_anything_else_wherever_it_is_cut(
    tmp_path: Path, phase: Phase, action: Callable[[], None]
) -> None:
    """After each step a real `init` finds the mark, or a folder it may have; and so for good."""
    (tmp_path / "whole").mkdir()
    steps = _steps_before_the_run(tmp_path / "whole")
    assert steps > 6
    for at in range(1, steps + 1):
        folder = tmp_path / str(at)
        folder.mkdir()
        harness = _bare(folder)
        harness.disk = FaultyDisk(Disk(), Script(at, phase, action))
        if action is crash:
            with pytest.raises(Crash):
                _rehearse(harness, "--dry-run")
        else:
            assert _rehearse(harness, "--dry-run").code == 5
        harness.disk = Disk()
        is_ours = any((harness.state_dir / name).exists() for name in _STATE)
        is_marked = (harness.state_dir / MARK_FILE).exists()

        assert is_marked or not is_ours
        if at % 2:
            assert harness.run("init", "--state-dir", "state").code == (5 if is_marked else 0)
            assert _rehearse(harness, "--dry-run").code == (0 if is_marked else 5)
        else:
            assert _rehearse(harness, "--dry-run").code == 0
            assert harness.run("init", "--state-dir", "state").code == 5


@pytest.mark.parametrize("command", ["run", "run --test", "track", "status", "report", "check"])
def test_reports_folder_that_is_a_link_is_refused(tmp_path: Path, command: str) -> None:
    """Exit 5 before anything is sent; nothing is written where the link leads."""
    harness, simulator, _ = stage(tmp_path, leads=many_leads(1), settings=_TEST_NUMBER)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (harness.state_dir / "reports").symlink_to(elsewhere)
    ended = harness.run(*command.split())

    assert ended.code == 5
    assert "reports is a symbolic link" in ended.err + ended.out
    assert list(elsewhere.iterdir()) == []
    assert simulator.posts.total() == 0


def test_reports_folder_that_becomes_a_link_in_mid_run_is_not_written_through(
    tmp_path: Path,
) -> None:
    """What was sent is kept in the state; only the report is lost, and that is said."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    clock = FakeClock()
    simulator = Simulator(clock=clock, leads=many_leads(1))
    harness = in_process(tmp_path, simulator, clock)

    def plant(seconds: float) -> None:
        clock.sleep(seconds)
        link = harness.state_dir / "reports"
        if not link.is_symlink():
            link.symlink_to(elsewhere)

    harness.sleep = plant
    ended = harness.run("run")

    assert ended.code == 0
    assert len(harness.records()) == 1
    assert "reports is a symbolic link" in ended.err
    assert list(elsewhere.iterdir()) == []

"""A disk that is full, broken or out of descriptors at any write of a run, and a lost console."""

import errno
import fcntl
from collections.abc import Iterator
from pathlib import Path

import pytest
from disks import FaultyDisk, Phase, Script, Step, fail_with
from harness import digits
from kill_host import KillHost
from places import JOURNAL, TODAY, Place, quick_folder
from stories import begin_story

from lead_automation.files import AppendFile, Disk

LOG = "wati_automation.log"
STATE = ("quota_usage.json", "sent_messages.json", "crm_outbox.json", "api_usage.json")
_ERRORS = (errno.ENOSPC, errno.EIO, errno.EMFILE, errno.EDQUOT, errno.EROFS)
NEVER = Script(1_000_000, Phase.BEFORE, fail_with(errno.EIO))


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where the test's files are."""
    with quick_folder() as made:
        yield made


def _steps_of_a_run(folder: Path) -> list[Step]:
    folder.mkdir()
    place = Place(folder)
    disk = FaultyDisk(Disk(), NEVER)
    place.harness.disk = disk
    assert place.harness.run("run").code == 0
    return list(disk.steps)


def _fail_at(folder: Path, at: int, number: int) -> tuple[Place, int, int]:
    """Run with one step failing; return the place, the exit code and the POSTs made."""
    folder.mkdir()
    place = Place(folder)
    place.harness.disk = FaultyDisk(Disk(), Script(at, Phase.HALF, fail_with(number)))
    ended = place.harness.run("run")
    place.harness.disk = Disk()
    return place, ended.code, sum(place.simulator.posts.values())


def test_run_with_any_one_write_failing_keeps_the_promise(folder: Path) -> None:
    """At each step of a run in turn: a documented end, and the next run puts everything right."""
    steps = _steps_of_a_run(folder / "whole")
    for at, step in enumerate(steps, 1):
        number = _ERRORS[at % len(_ERRORS)]
        place, code, posts = _fail_at(folder / str(at), at, number)
        place.check()
        again = place.later()

        assert code in {0, 5}, step
        assert posts == 3 or code == 5, step
        assert again.code == 0, (step, again.err)
        assert place.simulator.posts == {digits(0): 1, digits(1): 1, digits(2): 1}, step
        assert len(place.simulator.crm_rows) >= 3, step
        place.check()
    assert {JOURNAL, LOG, *(f".{name}.tmp" for name in STATE)} <= {step.name for step in steps}


def _places_of(steps: list[Step], kind: str, name: str) -> list[int]:
    return [at for at, step in enumerate(steps, 1) if step.kind == kind and step.name == name]


def test_full_disk_at_a_reservation_makes_no_post(folder: Path) -> None:
    """What cannot be written down beforehand is not sent."""
    steps = _steps_of_a_run(folder / "whole")
    first_append, second_append, *_ = _places_of(steps, "append", JOURNAL)
    for at in (first_append, second_append, _places_of(steps, "sync", JOURNAL)[0]):
        _, code, posts = _fail_at(folder / str(at), at, errno.ENOSPC)

        assert (code, posts) == (5, 0)


def test_full_disk_at_a_settlement_stops_and_is_settled_next_time(folder: Path) -> None:
    """The message is out; the next run finds it at WATI and goes on with the others."""
    steps = _steps_of_a_run(folder / "whole")
    settle_at = _places_of(steps, "append", JOURNAL)[2]
    place, code, posts = _fail_at(folder / "full", settle_at, errno.ENOSPC)
    again = place.later()

    assert (code, posts) == (5, 1)
    assert again.code == 0
    assert place.simulator.posts == {digits(0): 1, digits(1): 1, digits(2): 1}


@pytest.mark.parametrize("name", STATE[:2])
def test_full_disk_at_the_fold_keeps_the_journal(folder: Path, name: str) -> None:
    """The run ends with 5, says which file, and the next one folds."""
    steps = _steps_of_a_run(folder / "whole")
    fold_at = _places_of(steps, "write_new", f".{name}.tmp")[-1]
    place, code, posts = _fail_at(folder / "full", fold_at, errno.ENOSPC)
    left = place.journal.stat().st_size
    again = place.later()

    assert (code, posts) == (5, 3)
    assert left > 0
    assert again.code == 0
    assert sum(place.harness.quota()[TODAY].values()) == 3


def test_full_log_disk_stops_nothing(folder: Path) -> None:
    """Wherever the log file fails, every message goes out, and the state is complete."""
    steps = _steps_of_a_run(folder / "whole")
    places = [at for at, step in enumerate(steps, 1) if step.name == LOG]
    for at in places:
        place, code, posts = _fail_at(folder / str(at), at, errno.ENOSPC)

        assert (code, posts) == (0, 3)
        assert len(place.harness.records()) == 3
    assert len(places) > 5


def test_file_size_limit_of_a_real_process_keeps_the_promise(folder: Path) -> None:
    """Every file is full at some size, log and journal first; without the limit all is done."""
    with KillHost() as host:
        for largest_file in (0, 700, 2500, 6000):
            with begin_story(folder / f"story-{largest_file}", host) as story:
                codes = [story.run(largest_file=largest_file) for _ in range(2)]
                story.finish()

            assert set(codes) <= {0, 5}, largest_file
            assert codes[0] == 5 or largest_file > 4000, largest_file


class _UnclosableDisk(Disk):
    """A network file system: it says only at the close what it lost, and loses its locks."""

    def open_append(self, path: Path) -> AppendFile:
        """Open a file whose close fails."""
        file = super().open_append(path)

        def close() -> None:
            AppendFile.close(file)
            raise OSError(errno.EIO, "Input/output error")

        file.close = close  # type: ignore[method-assign]  # one file's close, not every file's
        return file


def test_unlocking_and_closing_that_fail_cost_neither_result_nor_summary(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ENOLCK from the unlock, EIO from each close: a warning; the run is what it was."""
    place = Place(folder)
    flock = fcntl.flock

    def no_unlock(descriptor: int, operation: int) -> None:
        if operation == fcntl.LOCK_UN:
            raise OSError(errno.ENOLCK, "No locks available")
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", no_unlock)
    place.harness.disk = _UnclosableDisk()
    ended = place.harness.run("run")
    listed = place.harness.run("suppress", "add", "+919812345678")

    assert (ended.code, listed.code) == (0, 0)
    assert "CAMPAIGN EXECUTION SUMMARY" in ended.out
    assert "run.lock could not be unlocked: No locks available" in ended.err
    assert f"{JOURNAL} could not be closed: Input/output error" in ended.err
    assert "gets no more messages" in listed.out
    assert list((place.harness.state_dir / "reports").glob("*.html"))

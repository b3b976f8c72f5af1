"""What a crash, or a person, leaves in the state directory, and what the next run makes of it."""

import errno
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from disks import Crash, FaultyDisk, Phase, Script, Step, crash, fail_with
from harness import digits, lead
from places import JOURNAL, TODAY, Place, die, quick_folder
from simulated.scripts import Moment, lost

from lead_automation.files import Disk
from lead_automation.sandbox.exchange import Endpoint

FOLD_STEPS = frozenset({"write_new", "replace", "sync_folder", "truncate"})


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where the test's files are."""
    with quick_folder() as made:
        yield made


@pytest.fixture
def place(folder: Path) -> Place:
    """Three leads at the CRM."""
    return Place(folder)


def test_restart_after_a_crash_settles_and_goes_on(place: Place) -> None:
    """The message nobody was told about is found; the others get theirs; all rows are posted."""
    place.crash_at(skip=1)
    ended = place.later()

    assert ended.code == 0
    assert place.simulator.posts == {digits(0): 1, digits(1): 1, digits(2): 1}
    assert {row["lead_id"] for row in place.simulator.crm_rows} == {"1000", "1001", "1002"}
    assert place.harness.quota()[TODAY]
    assert place.journal.read_bytes() == b""
    place.check()


def test_restart_at_once_judges_nothing_too_early(place: Place) -> None:
    """Seconds after the crash WATI may not show the message yet: the lead is left alone."""
    place.crash_at(Moment.HEADERS)
    place.clock.advance(20.0)
    first = place.harness.run("run", "--json")
    posts_before = dict(place.simulator.posts)
    place.later()

    assert first.document["leads"]["skipped"]["duplicate"] == 1
    assert posts_before == {digits(1): 1, digits(2): 1}
    assert place.simulator.posts[digits(0)] == 1
    place.check()


def test_dry_run_folds_a_left_journal_in_memory_only(place: Place) -> None:
    """A dry run sees what the journal says and changes no byte."""
    place.crash_at(skip=1)
    before = {path.name: path.read_bytes() for path in place.harness.state_dir.glob("*.json*")}
    ended = place.harness.run("run", "--dry-run", "--json")
    after = {path.name: path.read_bytes() for path in place.harness.state_dir.glob("*.json*")}

    assert ended.code == 0
    assert ended.document["leads"]["skipped"]["duplicate"] == 2
    assert after == before


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_torn_last_line_is_dropped(place: Place, share: float) -> None:
    """Half a line at the end is an append nobody was told had succeeded."""
    place.crash_at(skip=1)
    last = place.journal.read_bytes().splitlines()[-1]
    with place.journal.open("ab") as stream:
        stream.write(last[: int(len(last) * share)])
    ended = place.later()

    assert ended.code == 0
    assert set(place.simulator.posts.values()) == {1}
    place.check()


def _damage_middle(lines: list[bytes]) -> None:
    lines[1] = lines[1][:20] + b"#" + lines[1][21:]


def _cut_middle(lines: list[bytes]) -> None:
    lines[1] = lines[1][: len(lines[1]) // 2] + b"\n"


def _unknown_kind(lines: list[bytes]) -> None:
    lines[1] = lines[1].replace(b'"reserve"', b'"teleport"')


def _newer_version(lines: list[bytes]) -> None:
    lines[1] = lines[1].replace(b'"v": 1', b'"v": 2')


def _zeros(lines: list[bytes]) -> None:
    lines[1] = bytes(len(lines[1]) - 1) + b"\n"


@pytest.mark.parametrize(
    "damage", [_damage_middle, _cut_middle, _unknown_kind, _newer_version, _zeros]
)
def test_damaged_journal_ends_with_5_and_stays_as_it_is(
    place: Place, damage: Callable[[list[bytes]], None]
) -> None:
    """A whole line that cannot be understood is never skipped: nothing is sent, all is kept."""
    place.crash_at(skip=1)
    lines = place.journal.read_bytes().splitlines(keepends=True)
    damage(lines)
    place.journal.write_bytes(b"".join(lines))
    before = {path.name: path.read_bytes() for path in place.harness.state_dir.glob("*.json*")}
    ended = place.later()
    after = {path.name: path.read_bytes() for path in place.harness.state_dir.glob("*.json*")}

    assert ended.code == 5
    assert f"{JOURNAL}: line 2" in ended.err
    assert after == before
    assert sum(place.simulator.posts.values()) == 2


def _state_steps(place: Place) -> list[Step]:
    """Return the steps that replace files in a run that folds two sends."""
    disk = FaultyDisk(Disk(), Script(1_000_000, Phase.BEFORE, crash, FOLD_STEPS))
    place.harness.disk = disk
    place.harness.run("run")
    return [step for step in disk.steps if step.kind in FOLD_STEPS]


@pytest.mark.parametrize("phase", list(Phase))
def test_crash_at_each_step_of_the_fold_is_repaired(folder: Path, phase: Phase) -> None:
    """Wherever the fold is cut, folding again gives the same files as a fold that was not."""
    steps = _state_steps(Place(_made(folder / "whole"), leads=2))
    for at, step in enumerate(steps, 1):
        if phase is Phase.HALF and step.kind != "write_new":
            continue  # only bytes can be half written
        place = Place(_made(folder / str(at)), leads=2)
        place.harness.disk = FaultyDisk(Disk(), Script(at, phase, crash, FOLD_STEPS))
        with pytest.raises(Crash):
            place.harness.run("run")
        place.harness.disk = Disk()
        ended = place.later()

        assert ended.code == 0
        assert set(place.simulator.posts.values()) == {1}
        assert sum(place.harness.quota()[TODAY].values()) == 2
        assert {row["lead_id"] for row in place.simulator.crm_rows} == {"1000", "1001"}
        place.check()
    assert len(steps) > 12


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_left_temporary_files_never_harm(place: Place) -> None:
    """Half-written temporary files of a killed run are overwritten, never read."""
    names = ("quota_usage.json", "sent_messages.json", "crm_outbox.json", "api_usage.json")
    for name in names:
        (place.harness.state_dir / f".{name}.tmp").write_bytes(b'{"2026-11-2')
    ended = place.harness.run("run")

    assert ended.code == 0
    assert len(place.harness.records()) == 3
    assert not list(place.harness.state_dir.glob("*.tmp"))
    place.check()


class _Appends:
    """Fail the append or fsync of the n-th line, and count the fsyncs that follow."""

    def __init__(self, kind: str, at: int, number: int) -> None:
        phase = Phase.HALF if kind == "append" else Phase.BEFORE
        kinds = frozenset({kind})
        self.disk = FaultyDisk(Disk(), Script(at, phase, fail_with(number), kinds))

    def after_failure(self, kind: str) -> list[Step]:
        """Return the steps on the journal after the failing one."""
        journal = [step for step in self.disk.steps if step.name == JOURNAL]
        failed = [place for place, step in enumerate(journal) if step.kind == kind]
        return journal[failed[-1] + 1 :]


def test_failed_fsync_of_a_reservation_sends_nothing_and_is_never_repeated(place: Place) -> None:
    """After EIO the medium's content is unknown: no POST, no second fsync, exit 5."""
    appends = _Appends("sync", 1, errno.EIO)
    place.harness.disk = appends.disk
    ended = place.harness.run("run")
    place.harness.disk = Disk()
    after = appends.after_failure("sync")
    again = place.later()

    assert ended.code == 5
    assert not [step for step in after if step.kind in ("append", "sync", "truncate")]
    assert again.code == 0
    assert set(place.simulator.posts.values()) == {1}
    place.check()


def test_failed_fsync_of_a_settlement_stops_and_is_settled_next_time(place: Place) -> None:
    """The message went out; the run ends with 5; the next run finds it at WATI."""
    appends = _Appends("sync", 2, errno.EIO)
    place.harness.disk = appends.disk
    ended = place.harness.run("run")
    place.harness.disk = Disk()
    sent_before = sum(place.simulator.posts.values())
    again = place.later()

    assert ended.code == 5
    assert sent_before == 1
    assert not [step for step in appends.after_failure("sync") if step.kind == "sync"]
    assert again.code == 0
    assert set(place.simulator.posts.values()) == {1}
    place.check()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_failed_append_is_cut_back_and_ends_the_run(place: Place, number: int) -> None:
    """A short append leaves whole lines only, and nothing is sent after it."""
    kinds = frozenset({"append"})
    counting = FaultyDisk(Disk())
    place.harness.disk = counting
    place.harness.run("run", "--limit", "1")
    appends = [step for step in counting.steps if step.kind == "append"]
    reserve_at = next(at for at, step in enumerate(appends, 1) if step.name == JOURNAL) + 1
    place.harness.disk = FaultyDisk(
        Disk(), Script(reserve_at, Phase.HALF, fail_with(number), kinds)
    )
    sent_before = sum(place.simulator.posts.values())
    ended = place.later()
    place.harness.disk = Disk()
    left = place.journal.read_bytes()
    again = place.later()

    assert ended.code == 5
    assert left.endswith(b"\n") or not left
    assert sum(place.simulator.posts.values()) == 3
    assert sent_before == 1
    assert again.code == 0
    place.check()


def test_retention_drops_what_is_over_and_keeps_the_future(place: Place) -> None:
    """At fold time entries older than HISTORY_DAYS go from both files; future days stay."""
    place.write("quota_usage.json", {"2026-11-10": {"Anandi": 9}, "2026-12-24": {"Anandi": 1}})
    place.write(
        "sent_messages.json", {"2026-11-10": ["1"], "2026-11-16": ["2"], "2026-12-24": ["3"]}
    )
    place.harness.run("run")

    assert list(place.harness.quota()) == [TODAY, "2026-12-24"]
    assert list(place.harness.history()) == ["2026-11-16", TODAY, "2026-12-24"]


def test_legacy_lists_count_as_messages_of_the_same_template(place: Place) -> None:
    """A day that is a list of ids, as the predecessor wrote it, forbids messages to those leads."""
    place.write("sent_messages.json", {"2026-11-20": [1000, "1002"]})
    ended = place.harness.run("run", "--json")

    assert ended.document["leads"]["skipped"]["duplicate"] == 2
    assert place.simulator.posts == {digits(1): 1}
    assert place.harness.history()["2026-11-20"] == ["1000", "1002"]


def test_hand_edits_between_runs_are_honoured(place: Place) -> None:
    """A raised count leaves less quota, a removed record lets its lead be messaged again."""
    place.harness.run("run", "--limit", "1")
    quota = place.harness.quota()
    name = next(iter(quota[TODAY]))
    quota[TODAY][name] = 50
    place.write("quota_usage.json", quota)
    place.write("sent_messages.json", {})
    for report in (place.harness.state_dir / "reports").iterdir():
        report.unlink()
    ended = place.later("run", "--json")

    assert ended.code == 0
    assert ended.document["counsellors"][name]["sent"] == 0
    assert place.harness.quota()[TODAY][name] == 50
    assert place.simulator.posts[digits(0)] == 2


@pytest.mark.parametrize("edited", [0, 40])
def test_quota_edited_between_crash_and_fold_is_never_below_the_sends(
    place: Place, edited: int
) -> None:
    """The journal knows better than a person who edits before the crash is folded."""
    place.crash_at(skip=2)
    lines = [json.loads(line) for line in place.journal.read_bytes().splitlines()]
    names = [line["message"]["counsellor"] for line in lines if line["kind"] == "reserve"]
    place.write("quota_usage.json", {TODAY: dict.fromkeys(names, edited)})
    ended = place.later()
    quota = place.harness.quota()[TODAY]

    assert ended.code == 0
    for name in names:
        assert quota[name] >= names.count(name)
    place.check()


def test_history_edited_between_crash_and_fold_keeps_the_journals_messages(place: Place) -> None:
    """The journal's come back though somebody emptied the history; its own are asked about."""
    place.harness.run("run", "--limit", "1")
    place.clock.advance(3600.0)
    place.crash_at()
    place.write("sent_messages.json", {})
    refused = place.later()
    accepted = place.harness.run("state", "accept", "--yes")
    ended = place.later()

    assert (refused.code, accepted.code, ended.code) == (5, 0, 0)
    assert place.simulator.posts == {digits(0): 1, digits(1): 1, digits(2): 1}


def test_empty_history_beside_reports_of_recent_sends_ends_with_5(place: Place) -> None:
    """A redeploy or a ``git`` reset took the history: everyone would be messaged again."""
    place.harness.run("run")
    place.write("sent_messages.json", {})
    place.write("quota_usage.json", {})
    ended = place.later()

    assert ended.code == 5
    assert "people would be messaged again" in ended.err
    assert "state accept" in ended.err
    assert set(place.simulator.posts.values()) == {1}


def test_empty_history_beside_old_reports_or_dry_runs_is_no_reason_to_stop(place: Place) -> None:
    """Only production sends within HISTORY_DAYS speak of a lost history."""
    place.harness.run("run", "--limit", "1")
    place.write("sent_messages.json", {})
    place.write("quota_usage.json", {})
    place.clock.advance(timedelta(days=8).total_seconds())

    assert place.harness.run("run").code == 0


def test_two_leads_with_one_number_are_one_message_over_a_crash(place: Place) -> None:
    """Killed after the first of the two was sent, the second is a duplicate all the same."""
    phone = f"+{digits(0)}"
    place.simulator.crm.leads = [lead("a", phone), lead("b", phone), lead("c", f"+{digits(1)}")]
    place.crash_at()
    place.later()

    assert place.simulator.posts == {digits(0): 1, digits(1): 1}
    place.check()


def test_crash_while_settling_changes_nothing_for_the_worse(place: Place) -> None:
    """Killed while WATI answers the question about an unknown send, it is asked again."""
    place.simulator.script(Endpoint.SEND, lost(taken=True))
    place.simulator.hooks.add(Moment.REPLIED, Endpoint.MESSAGES, die, times=4)
    for _ in range(4):
        with pytest.raises(Crash):
            place.later()
    place.witness.watch_alone()
    ended = place.later()

    assert ended.code == 0
    assert set(place.simulator.posts.values()) == {1}
    place.check()

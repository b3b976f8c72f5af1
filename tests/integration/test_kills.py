"""Real processes, really killed: at each named point of the write path, and at random moments."""

import random
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from harness import digits
from kill_host import FastClock, KillHost, Trigger
from simulated.scripts import Moment
from stories import Exchange, begin_story

from lead_automation.sandbox.exchange import Endpoint
from lead_automation.sandbox.plans import refused

pytestmark = pytest.mark.kill

JOURNAL = "send_journal.jsonl"
SUPPRESSED = "suppression_list.json"
STATE = ("quota_usage.json", "sent_messages.json")
_RANDOM_STORIES = 14
_KILLS_A_STORY = 8
_SEED = 20261122


def _append(kind: str, phase: str = "before") -> Trigger:
    return Trigger("append", JOURNAL, phase, f'"kind": "{kind}"')


def _synced(kind: str) -> Trigger:
    return Trigger("sync", JOURNAL, "after", f'"kind": "{kind}"')


Where = Trigger | Exchange | float

POINTS: dict[str, Trigger | Exchange] = {
    "lock taken, state unread": Trigger("replace", "run.lock.holder", "after"),
    "torn tail being truncated": Trigger("truncate", JOURNAL),
    "lead chosen, before reserve": _append("reserve"),
    "reserve half written": _append("reserve", "half"),
    "reserve written, not synced": _append("reserve", "after"),
    "reserved, before connect": _synced("reserve"),
    "connected, request partly sent": Exchange(Moment.HEADERS, Endpoint.SEND),
    "accepted by WATI, no answer": Exchange(Moment.ACCEPTED, Endpoint.SEND),
    "headers received, body cut": Exchange(Moment.MID_BODY, Endpoint.SEND),
    "answer received, before settle": _append("accepted"),
    "settle half written": _append("accepted", "half"),
    "settled, before the CRM row": _synced("accepted"),
    "suppression ordered, list half written": Trigger("write_new", f".{SUPPRESSED}.tmp", "half"),
    "suppressed, before settle": Trigger("replace", SUPPRESSED, "after"),
    "refusal half written": _append("refused", "half"),
    "put aside as unknown": _synced("unknown"),
    "first file of the fold half written": Trigger("write_new", ".quota_usage.json.tmp", "half"),
    "first file, before rename": Trigger("replace", "quota_usage.json"),
    "first file, after rename": Trigger("replace", "quota_usage.json", "after"),
    "between the two files": Trigger("write_new", ".sent_messages.json.tmp"),
    "second file half written": Trigger("write_new", ".sent_messages.json.tmp", "half"),
    "second file, before rename": Trigger("replace", "sent_messages.json"),
    "second file, after rename": Trigger("replace", "sent_messages.json", "after"),
    "after both, before truncation": Trigger("truncate", JOURNAL),
    "after truncation": Trigger("truncate", JOURNAL, "after"),
    "CRM row taken, not recorded": Exchange(Moment.ACCEPTED, Endpoint.LOG),
    "CRM row answered, not recorded": _append("row_taken"),
    "CRM row refused, not recorded": _append("row_refused"),
    "CRM row's refusal half recorded": _append("row_refused", "half"),
    "CRM row set aside, not folded": _append("row_refused", "after"),
    "row set aside, the outbox half written": Trigger("write_new", ".crm_outbox.json.tmp", "half"),
    "status read, not recorded": _append("reading"),
    "during settling": Exchange(Moment.ACCEPTED, Endpoint.MESSAGES),
    "found absent, not recorded": _append("absent"),
}
"""Every point at which the write path may be cut; a few more than have a name elsewhere."""

_VARIANTS = (
    (1, ""),
    (1, "reserve half written"),
    (1, "reserved, before connect"),
    (2, "accepted by WATI, no answer"),
)
"""Which time the point is passed, and where the run before it was killed: its journal is left."""


@dataclass
class Tally:
    """What was injected and what was seen.

    Attributes:
        kills: By point.
        given_up: Leads killed three times between reservation and POST, and so not tried again.
    """

    kills: dict[str, int] = field(default_factory=dict)
    runs: int = 0
    messages: int = 0
    stories: int = 0
    given_up: int = 0

    def killed(self, point: str) -> None:
        """Count a kill."""
        self.kills[point] = self.kills.get(point, 0) + 1

    def table(self) -> str:
        """Return everything as text, a line a point."""
        lines = [f"{point:<38}{count:>5}" for point, count in self.kills.items()]
        lines.append(f"{'together':<38}{sum(self.kills.values()):>5}")
        lines.append(
            f"{self.stories} campaigns, {self.runs} runs, {self.messages} messages: "
            "0 doubled, 0 lost, 0 over a limit, 0 CRM rows lost; "
            f"{self.given_up} leads given up after three attempts that never arrived"
        )
        return "\n".join(lines)


@pytest.fixture(scope="module")
def host() -> Iterator[KillHost]:
    """The process that starts the runs."""
    with KillHost() as started:
        yield started


@pytest.fixture(scope="module")
def tally(pytestconfig: pytest.Config) -> Iterator[Tally]:
    """The count over all tests here; shown at the end, whatever pytest captures."""
    counted = Tally()
    yield counted
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else nullcontext():
        sys.stdout.write(f"\n\n{counted.table()}\n")


class Stage:
    """Play stories, and count."""

    def __init__(self, folder: Path, host: KillHost, tally: Tally) -> None:
        """Keep what all stories share."""
        self._folder = folder
        self._host = host
        self._tally = tally

    @contextmanager
    def story(self) -> Iterator[Callable[[str, Where], int]]:
        """Begin a story; yield what runs the program once, and see it through to its end."""
        self._tally.stories += 1
        with begin_story(self._folder / str(self._tally.stories), self._host) as story:

            def run(point: str, where: Where) -> int:
                status = story.run(where)
                if status == -signal.SIGKILL:
                    self._tally.killed(point)
                return status

            yield run
            story.finish()
            self._tally.runs += story.runs
            self._tally.given_up += len(story.given_up())
            self._tally.messages += len(story.witness.taken)


@pytest.fixture
def stage(tmp_path: Path, host: KillHost, tally: Tally) -> Stage:
    """Where stories are played."""
    return Stage(tmp_path, host, tally)


@pytest.mark.parametrize("point", POINTS)
def test_kill_at_a_named_point_keeps_the_promise(point: str, stage: Stage, tally: Tally) -> None:
    """Killed at the point for one lead or another, and again in the restart, nothing doubles."""
    for at, earlier in _VARIANTS:
        where = POINTS[point]
        if isinstance(where, Trigger):
            where = replace(where, at=at)
        with stage.story() as run:
            if earlier:
                run(earlier, POINTS[earlier])
            for _ in range(3):
                if run(point, where) == 0:
                    break

    assert tally.kills.get(point, 0) >= 1, f"nothing was killed at: {point}"


def test_kill_at_random_moments_keeps_the_promise(stage: Stage, tally: Tally) -> None:
    """Killed again and again wherever it happens to be, every lead gets one message."""
    draw = random.Random(_SEED)  # noqa: S311 - moments, not secrets
    for _ in range(_RANDOM_STORIES):
        with stage.story() as run:
            for _ in range(_KILLS_A_STORY):
                run("a random moment", draw.uniform(0.002, 0.25))

    assert tally.kills["a random moment"] >= _RANDOM_STORIES * _KILLS_A_STORY / 2


ACCEPT_POINTS = {
    "state accept: half written": _append("accepted", "half"),
    "state accept: written, not synced": _append("accepted", "after"),
    "state accept: between the two files": Trigger("replace", STATE[0], "after"),
    "state accept: before truncation": Trigger("truncate", JOURNAL),
}


def test_kill_of_state_accept_loses_nobody(tmp_path: Path, host: KillHost, tally: Tally) -> None:
    """Killed and asked again, it takes each lead as messaged once; the next run sends nothing."""
    with begin_story(tmp_path / "story", host) as story:
        story.finish()
        [day] = story.books().files.quota
        quota = dict(story.books().quota_used(day))
        messaged = {its.lead_id for its in story.books().records() if its.may_have_arrived}
        for point, where in ACCEPT_POINTS.items():
            for name in (*STATE, JOURNAL):
                (story.folder / name).write_bytes(b"" if name == JOURNAL else b"{}\n")
            assert story.command(None, "run", "--no-color") == 5
            assert story.command(where, "state", "accept", "--yes") == -signal.SIGKILL
            tally.killed(point)
            assert story.command(None, "state", "accept", "--yes") == 0

            assert {its.lead_id for its in story.books().records()} == messaged
            assert story.books().quota_used(day) == quota
        before = len(story.witness.taken)
        assert story.command(None, "run", "--no-color") == 0
        assert len(story.witness.taken) == before


HOLD_POINTS = {
    "hold ordered, half written": (Trigger("write_new", ".campaign_hold.json.tmp", "half"), False),
    "held, before settle": (Trigger("replace", "campaign_hold.json", "after"), True),
    "held, settle half written": (_append("refused", "half"), True),
}


@pytest.mark.parametrize("point", HOLD_POINTS)
def test_kill_at_a_restriction_never_loses_the_hold(
    tmp_path: Path, host: KillHost, tally: Tally, point: str
) -> None:
    """The hold is on disk before the refusal: a run after the kill is held, or asks once more."""
    where, is_held = HOLD_POINTS[point]
    with begin_story(tmp_path / "story", host) as story:
        story.simulator.wati.set_plan(digits(0), refused("131048 Spam rate limit hit"))
        assert story.run(where) == -signal.SIGKILL
        tally.killed(point)
        posts = story.simulator.posts.total()
        code = story.run()

        assert (code == 6) == is_held
        if is_held:
            assert story.simulator.posts.total() == posts
            assert any(record.unknown for record in story.books().records())


MARK_POINTS = {
    "mark half written": Trigger("write_new", ".sandbox.mark.tmp", "half"),
    "mark written, before rename": Trigger("replace", "sandbox.mark"),
    "marked, before the state files": Trigger("replace", "sandbox.mark", "after"),
    "marked, between the state files": Trigger("replace", STATE[0], "after"),
}


@pytest.mark.parametrize("point", MARK_POINTS)
def test_kill_of_a_rehearsal_leaves_a_marked_folder_or_none(
    tmp_path: Path, host: KillHost, tally: Tally, point: str
) -> None:
    """No state is ever without the mark: real messages get no folder of a rehearsal."""
    rehearse = ("run", "--sandbox", "--state-dir", "state", "--dry-run")
    clock, state = FastClock(), tmp_path / "state"

    def play(where: Trigger | None, *arguments: str) -> int:
        host.start({}, tmp_path, where, clock, arguments=arguments)
        return host.wait()

    assert play(MARK_POINTS[point], *rehearse) == -signal.SIGKILL
    tally.killed(point)
    assert (state / "sandbox.mark").exists() or not any((state / name).exists() for name in STATE)
    assert play(None, *rehearse) == 0
    assert play(None, "init", "--state-dir", "state") == 5


def test_kills_together_are_two_hundred(tally: Tally) -> None:
    """The tests above killed often enough to mean something."""
    assert sum(tally.kills.values()) >= 200

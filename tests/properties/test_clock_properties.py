"""Clocks set wrong, and set again in mid-run, through kills: what counts is WATI's time."""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from disks import Crash, FaultyDisk, Phase, Script, crash
from fakes import FakeClock
from harness import Harness, many_leads, stage
from hypothesis import Phase as Search
from hypothesis import example, given, settings
from hypothesis import strategies as st
from places import quick_folder
from promise import DOCUMENTED, ZONE, Taken, Witness
from simulated.scripts import Moment, lost

from lead_automation.files import Disk
from lead_automation.sandbox.exchange import Endpoint, SimRequest
from lead_automation.sandbox.plans import Plan

_LIMIT = 2
_TEAM = (
    f'{{"Anandi": {{"number": "+919512270915", "daily_limit": {_LIMIT}}},'
    f' "Karan": {{"number": "+919512270916", "daily_limit": {_LIMIT}}}}}'
)
_NEARLY_S = 2.0
"""A Date names whole seconds, and a second apart counts as agreement."""
_DAYTIME = ("09:00", "18:00")
_ALWAYS = ("00:00", "24:00")
_SCENES = (
    (_DAYTIME, datetime(2026, 11, 23, 3, 28, tzinfo=UTC)),  # 08:58 in Asia/Kolkata
    (_DAYTIME, datetime(2026, 11, 23, 12, 28, tzinfo=UTC)),  # 17:58
    (_ALWAYS, datetime(2026, 11, 23, 18, 28, tzinfo=UTC)),  # 23:58
    (_ALWAYS, datetime(2026, 11, 23, 6, 0, tzinfo=UTC)),
)
_TOLERATED = st.sampled_from([-590.0, -300.0, -150.0, 150.0, 300.0, 590.0]) | st.floats(-595, 595)
_ANY = _TOLERATED | _TOLERATED | st.floats(-4e8, 4e8)
_EXCHANGES = st.tuples(
    st.sampled_from([Moment.HEADERS, Moment.ACCEPTED, Moment.REPLIED]),
    st.sampled_from([Endpoint.TEMPLATES, Endpoint.LEADS, Endpoint.SEND, Endpoint.MESSAGES]),
    st.integers(0, 2),
)
_TAKEN = (Moment.ACCEPTED, Endpoint.SEND, 0)
"""The sharpest moment to die at: WATI has the message, and nobody else knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run meets.

    Attributes:
        pause_s: Seconds since the one before.
        off_s: The machine's clock minus WATI's when it begins.
        step_s, step_at: How the wall clock is set in mid-run, at which exchange.
        dies_at: A step of the disk or an exchange at which it is killed; None to let it live.
        lost: Whether the message was taken whose answer is lost; None where none is.
        is_told: Whether the template check brings WATI's time.
    """

    pause_s: float
    off_s: float
    step_s: float
    step_at: tuple[Moment, Endpoint, int]
    dies_at: int | tuple[Moment, Endpoint, int] | None
    lost: bool | None
    is_told: bool


def _runs(off_s: st.SearchStrategy[float], *, is_told: bool) -> st.SearchStrategy[Run]:
    return st.builds(
        Run,
        pause_s=st.sampled_from([1.0, 10.0, 95.0, 300.0, 43200.0]),
        off_s=off_s,
        step_s=_ANY,
        step_at=_EXCHANGES,
        dies_at=st.none() | st.integers(1, 40) | _EXCHANGES | st.just(_TAKEN),
        lost=st.sampled_from([None, True, False]),
        is_told=st.just(is_told),
    )


_RIGHT = Run(
    pause_s=86400.0,
    off_s=0.0,
    step_s=0.0,
    step_at=(Moment.REPLIED, Endpoint.SEND, 0),
    dies_at=None,
    lost=None,
    is_told=True,
)
_BY_NO_DATE = replace(_RIGHT, pause_s=1.0, off_s=-590.0, dies_at=_TAKEN, is_told=False)

# Untold, nothing but the machine bounds how far off a time is: more than ten minutes is too much.
_RUNS = st.lists(
    _runs(_ANY, is_told=True) | _runs(_TOLERATED, is_told=False), min_size=1, max_size=4
)


class Scene:
    """A machine and WATI's clock, which goes on steadily."""

    def __init__(self, harness: Harness, clock: FakeClock, start: datetime) -> None:
        """Begin with both clocks right."""
        self.harness = harness
        self.simulator = harness.simulator
        self.clock = clock
        self.witness = Witness(harness.simulator, clock)
        self.start = start
        self.told: list[Taken] = []

    def theirs(self, steady_s: float) -> datetime:
        """Return WATI's time at a steady second, in the campaign's zone."""
        return (self.start + timedelta(seconds=steady_s - 1000.0)).astimezone(ZONE)

    def play(self, run: Run) -> None:
        """Run, perhaps into death."""
        clock = self.clock
        clock.advance(run.pause_s)
        clock.step((self.theirs(clock.monotonic()) - clock.now()).total_seconds() + run.off_s)
        hooks = self.simulator.hooks
        moment, endpoint, skip = run.step_at
        hooks.add(moment, endpoint, lambda _: clock.step(run.step_s), skip=skip)
        if isinstance(run.dies_at, tuple):
            hooks.add(run.dies_at[0], run.dies_at[1], _die, skip=run.dies_at[2])
        elif run.dies_at is not None:
            self.harness.disk = FaultyDisk(Disk(), Script(run.dies_at, Phase.AFTER, crash))
        if run.lost is not None:
            self.simulator.script(Endpoint.SEND, lost(taken=run.lost))
        if not run.is_told:
            self.simulator.script(Endpoint.TEMPLATES, lost(taken=False, times=None))
        before = len(self.witness.taken)
        with suppress(Crash):
            ended = self.harness.run("run")
            assert ended.code in DOCUMENTED, ended.err
        self.harness.disk = Disk()
        self.simulator.clear_scripts()
        self.witness.watch_alone()
        if run.is_told:
            self.told += self.witness.taken[before:]

    def check(self, hours: tuple[str, str]) -> None:
        """Check that nobody has two, and hours and limits by WATI's time."""
        doubled = Counter(taken.number for taken in self.witness.taken)
        assert set(doubled.values()) <= {1}, doubled
        known = {
            record["phone"] for day in self.harness.history().values() for record in day.values()
        }
        assert {f"+{taken.number}" for taken in self.witness.taken} <= known
        sends = Counter[tuple[object, str]]()
        for taken in self.told:
            early, late = (self.theirs(taken.at + by_s) for by_s in (-_NEARLY_S, _NEARLY_S))
            if hours == _DAYTIME:
                assert f"{late:%H:%M}" >= hours[0], late
                assert f"{early:%H:%M}" < hours[1], early
            if early.date() == late.date():
                sends[late.date(), taken.counsellor] += 1
        assert all(count <= _LIMIT for count in sends.values()), sends


def _die(_request: SimRequest) -> None:
    crash()


@example(scene=_SCENES[-1], runs=[_BY_NO_DATE, replace(_RIGHT, pause_s=10.0)])
@given(scene=st.sampled_from(_SCENES), runs=_RUNS)
# Not made smaller: each example is a handful of whole runs, and that takes minutes.
@settings(
    derandomize=True,
    max_examples=settings().max_examples // 2,
    phases=[Search.explicit, Search.generate],
)
def test_runs_by_any_clock_keep_the_promise_by_watis(
    scene: tuple[tuple[str, str], datetime], runs: list[Run]
) -> None:
    """Nobody twice, no limit passed, nobody written to at night; by the right clock all goes on."""
    hours, start = scene
    with quick_folder() as folder:
        (folder / "team.json").write_text(_TEAM)
        harness, _, clock = stage(
            folder,
            start=start,
            settings={
                "SCRIPT_START_TIME": hours[0],
                "SCRIPT_END_TIME": hours[1],
                "COUNSELLORS_FILE": str(folder / "team.json"),
                "UNKNOWN_SETTLE_SECONDS": "90",
                "WATI_PLAN": "business",
            },
            leads=many_leads(7),
            default_plan=Plan(arrives_after_s=50.0),
        )
        it = Scene(harness, clock, start)
        for run in runs:
            it.play(run)
        for _ in range(2):
            it.play(_RIGHT)
        it.check(hours)

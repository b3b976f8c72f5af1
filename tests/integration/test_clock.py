"""A clock that is set, wrong or in another zone: nothing is doubled or forgotten because of it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fakes import FakeClock
from harness import Harness, digits, many_leads, serve, stage
from msgspec.structs import replace
from places import Place, quick_folder
from promise import Witness
from simulated.inprocess import InProcessHttp
from simulated.scripts import Moment, lost
from simulated.simulator import Simulator

from lead_automation.http import Answer, Http, Request
from lead_automation.sandbox.exchange import Endpoint, Side, SimRequest
from lead_automation.sandbox.plans import Plan

DAY_S = 86400.0
ALWAYS = {"SCRIPT_START_TIME": "00:00", "SCRIPT_END_TIME": "24:00"}


@pytest.fixture
def place() -> Iterator[Place]:
    """Three leads; v1 gives no message ids, so messages are found by their times."""
    with quick_folder() as folder:
        yield Place(folder, version="v1", settings=ALWAYS)


@pytest.fixture
def clock(place: Place) -> FakeClock:
    """A Monday, 11:30 in Asia/Kolkata."""
    return place.clock


@pytest.fixture
def harness(place: Place) -> Harness:
    """The command line."""
    return place.harness


def test_run_with_a_clock_behind_the_newest_record_ends_with_5(
    harness: Harness, clock: FakeClock
) -> None:
    """More than WATI's Date might set right: nobody is even asked, and both times are shown."""
    harness.run("run", "--limit", "1")
    clock.step(-660.0)
    calls = sum(map(len, harness.simulator.calls.values()))
    ended = harness.run("run")

    assert ended.code == 5
    assert "2026-11-23 11:19" in ended.err
    assert "2026-11-23 11:30" in ended.err
    assert sum(map(len, harness.simulator.calls.values())) == calls


def test_run_with_a_clock_a_little_behind_goes_on(harness: Harness, clock: FakeClock) -> None:
    """Nine minutes back are no reason to stop: WATI's Date sets them right."""
    harness.run("run", "--limit", "1")
    clock.step(-540.0)

    assert harness.run("run").code == 0
    assert len(harness.simulator.messages) == 3


@pytest.mark.parametrize("offset_s", [-DAY_S, -660.0, 660.0, DAY_S, 2 * 365 * DAY_S])
def test_run_with_a_clock_off_watis_ends_with_5(harness: Harness, offset_s: float) -> None:
    """More than ten minutes off WATI's ``Date``: nothing is sent, and both times are shown."""
    harness.simulator.wati_offset_s = offset_s
    ended = harness.run("run")
    theirs = harness.simulator.time_at(Side.WATI) + timedelta(hours=5, minutes=30)

    assert ended.code == 5
    assert "2026-11-23 11:3" in ended.err
    assert f"{theirs:%Y-%m-%d %H:%M}"[:-1] in ended.err
    assert not harness.simulator.posts


def test_run_in_1970_ends_with_5(harness: Harness, clock: FakeClock) -> None:
    """A machine without a battery wakes up in 1970: with a history or without, nothing is sent."""
    clock.step(-(clock.now() - datetime(1970, 1, 2, tzinfo=UTC)).total_seconds())

    assert harness.run("run").code == 5
    assert not harness.simulator.posts


@pytest.mark.parametrize("offset_s", [-590.0, 590.0])
def test_run_with_a_clock_nearly_ten_minutes_off_goes_on(harness: Harness, offset_s: float) -> None:
    """Up to ten minutes are corrected for."""
    harness.simulator.wati_offset_s = offset_s

    assert harness.run("run").code == 0
    assert len(harness.simulator.messages) == 3


def test_run_with_the_crms_clock_off_only_warns(harness: Harness) -> None:
    """The CRM's clock decides nothing."""
    harness.simulator.crm_offset_s = -7200.0
    ended = harness.run("run")

    assert ended.code == 0
    assert "CRM's clock differs" in ended.err
    assert len(harness.simulator.messages) == 3


@pytest.mark.parametrize("offset_s", [-500.0, -200.0, 0.0, 200.0, 500.0])
def test_look_up_is_corrected_by_the_measured_offset(harness: Harness, offset_s: float) -> None:
    """A message found by its time is found whatever WATI's clock says, so never made again."""
    harness.simulator.wati_offset_s = offset_s
    harness.simulator.script(Endpoint.SEND, lost(taken=True))
    ended = harness.run("run", "--json")

    assert ended.document["leads"]["accepted"] == 3
    assert harness.simulator.posts[digits(0)] == 1


@pytest.mark.parametrize("offset_s", [-500.0, 0.0, 500.0])
def test_look_up_of_an_older_message_is_not_taken_for_ours(
    harness: Harness, clock: FakeClock, offset_s: float
) -> None:
    """A message of the same template from an hour before is not the one that was lost."""
    harness.simulator.wati_offset_s = offset_s
    harness.run("run", "--limit", "1")
    (harness.state_dir / "sent_messages.json").write_text("{}")
    for report in (harness.state_dir / "reports").iterdir():
        report.unlink()
    clock.advance(3600.0)
    harness.simulator.script(Endpoint.SEND, lost(taken=False))
    harness.run("run", "--limit", "1")

    assert harness.simulator.posts[digits(0)] == 3
    assert len([its for its in harness.simulator.messages if its.number == digits(0)]) == 2


class _Dateless:
    """A border whose answers carry no ``Date``."""

    def __init__(self, inner: Http) -> None:
        self._inner = inner

    def call(self, request: Request) -> Answer:
        """Return the answer without its date."""
        return replace(self._inner.call(request), server_date=None)


def test_look_up_without_a_measured_offset_is_no_answer(harness: Harness, clock: FakeClock) -> None:
    """Where WATI's clock is not known, "not there" means nothing: the send stays unknown."""
    harness.make_http = lambda allow_posts: _Dateless(
        InProcessHttp(harness.simulator, clock, advance=clock.advance, allow_posts=allow_posts)
    )
    harness.simulator.script(Endpoint.SEND, lost(taken=False))
    ended = harness.run("run", "--json")

    assert ended.code == 0
    assert ended.document["leads"]["unknown"] == 1
    assert harness.simulator.posts[digits(0)] == 1


@pytest.mark.parametrize("back_s", [61.0, 120.0, 600.0, 3600.0])
def test_clock_set_back_in_mid_run_doubles_nothing(
    harness: Harness, clock: FakeClock, back_s: float
) -> None:
    """A message taken before the clock was set back is found all the same, or stays unknown."""
    harness.simulator.crm.leads = list(many_leads(40))
    harness.write_settings(SEND_DELAY_MIN="10", SEND_DELAY_MAX="10")
    harness.simulator.script(Endpoint.SEND, lost(taken=True))
    harness.simulator.hooks.add(
        Moment.REPLIED, Endpoint.SEND, lambda _: clock.step(-back_s), skip=1
    )
    harness.run("run")

    assert harness.simulator.posts[digits(0)] == 1
    assert max(harness.simulator.posts.values()) == 1


@pytest.mark.parametrize("back_s", [120.0, 290.0, 580.0])
def test_clock_set_back_after_a_crash_doubles_nothing(
    place: Place, harness: Harness, clock: FakeClock, back_s: float
) -> None:
    """Restarted with a clock that is minutes behind, a message that was taken is still found."""
    place.crash_at()
    clock.advance(3600.0)
    clock.step(-back_s)
    ended = harness.run("run")

    assert ended.code == 0
    assert "unknown" not in harness.records()["1000"]
    assert set(harness.simulator.posts.values()) == {1}


@pytest.mark.parametrize("step_s", [-3000.0, 1800.0, DAY_S])
def test_clock_that_is_not_trusted_judges_nothing_absent(
    place: Place, harness: Harness, clock: FakeClock, step_s: float
) -> None:
    """What earlier runs left is settled before the clock is checked; a wrong one settles nothing.

    Believed, "not there" would free the lead, and the next run would message it again.
    """
    place.crash_at()
    clock.advance(3600.0)
    clock.step(step_s)
    wrong = harness.run("run")
    clock.step(-step_s)
    clock.advance(DAY_S)
    right = harness.run("run")

    assert wrong.code == 5
    assert right.code == 0
    assert set(harness.simulator.posts.values()) == {1}


@pytest.mark.parametrize("days", [1, 7, 8, 30, 4000])
@pytest.mark.parametrize("is_crashed", [False, True])
def test_clock_ahead_by_days_forgets_nobody(
    place: Place, harness: Harness, clock: FakeClock, days: int, *, is_crashed: bool
) -> None:
    """A clock that is days ahead drops no history: put right, nobody is messaged again."""
    if is_crashed:
        place.crash_at()
    else:
        harness.run("run", "--limit", "2")
    clock.advance(6 * DAY_S)
    clock.step(days * DAY_S)
    wrong = harness.run("run")
    harness.run("track")
    clock.step(-days * DAY_S)
    right = harness.run("run")

    assert wrong.code == 5
    assert right.code == 0
    assert harness.simulator.posts == {digits(0): 1, digits(1): 1, digits(2): 1}


def test_history_goes_once_it_is_over_by_a_trusted_clock(
    harness: Harness, clock: FakeClock
) -> None:
    """Retention still works: eight days later the old day is gone from both files."""
    harness.run("run")
    clock.advance(8 * DAY_S)
    harness.simulator.crm.leads = list(many_leads(1, first=5))
    harness.run("run")

    assert list(harness.history()) == ["2026-12-01"]
    assert list(harness.quota()) == ["2026-12-01"]


def test_run_across_midnight_counts_each_send_on_its_own_day(tmp_path: Path) -> None:
    """Sends before and after midnight use two days' quota, and the limits of both."""
    clock = FakeClock(datetime(2026, 11, 23, 18, 29, 55, tzinfo=UTC))
    simulator = Simulator(clock=clock, leads=many_leads(8))
    witness = Witness(simulator, clock)
    with serve(tmp_path, simulator, clock, settings=ALWAYS) as harness:
        ended = harness.run("run")
        quota = {day: sum(used.values()) for day, used in harness.quota().items()}
        history = {day: len(records) for day, records in harness.history().items()}

    by_day: dict[str, int] = {}
    for taken in witness.taken:
        by_day[taken.day.isoformat()] = by_day.get(taken.day.isoformat(), 0) + 1
    assert ended.code == 0
    assert set(by_day) == {"2026-11-23", "2026-11-24"}
    assert quota == by_day
    assert history == by_day


@pytest.mark.parametrize(
    ("start", "day"),
    [
        (datetime(2026, 11, 1, 5, 30, tzinfo=UTC), "2026-11-01"),
        (datetime(2026, 11, 1, 6, 30, tzinfo=UTC), "2026-11-01"),
        (datetime(2026, 3, 8, 6, 59, 50, tzinfo=UTC), "2026-03-08"),
    ],
)
def test_run_in_a_repeated_or_missing_hour_keeps_the_promise(
    tmp_path: Path, start: datetime, day: str
) -> None:
    """In New York 01:30 comes twice in November, and 02:00 never in March: one message each."""
    clock = FakeClock(start)
    simulator = Simulator(clock=clock, leads=many_leads(4))
    settings = {**ALWAYS, "TIMEZONE": "America/New_York"}
    with serve(tmp_path, simulator, clock, settings=settings) as harness:
        simulator.script(Endpoint.SEND, lost(taken=True))
        codes = [harness.run("run").code]
        clock.advance(3600.0)
        codes.append(harness.run("run").code)

        assert codes == [0, 0]
        assert set(simulator.posts.values()) == {1}
        assert list(harness.history()) == [day]


def test_suspend_for_eight_hours_in_mid_run_doubles_nothing(
    harness: Harness, clock: FakeClock
) -> None:
    """The run's clock goes on: working hours end, nothing doubles."""
    harness.write_settings(SCRIPT_START_TIME="09:00", SCRIPT_END_TIME="18:00")
    harness.simulator.script(Endpoint.SEND, lost(taken=True))
    harness.simulator.hooks.add(
        Moment.REPLIED, Endpoint.SEND, lambda _: clock.advance(8 * 3600.0), times=1
    )
    ended = harness.run("run")

    assert ended.code == 0
    assert max(harness.simulator.posts.values()) == 1
    assert len(harness.simulator.messages) == 2


def test_clock_that_could_not_be_checked_forgets_nothing(
    harness: Harness, clock: FakeClock
) -> None:
    """Where WATI never says the time, sending goes on, but no day is dropped."""
    harness.run("run", "--limit", "1")
    clock.advance(8 * DAY_S)
    harness.make_http = lambda allow_posts: _Dateless(
        InProcessHttp(harness.simulator, clock, advance=clock.advance, allow_posts=allow_posts)
    )
    ended = harness.run("run")

    assert ended.code == 0
    assert list(harness.history()) == ["2026-11-23", "2026-12-01"]


# --- one clock ------------------------------------------------------------------------------------


def off_watis_s(harness: Harness) -> list[float]:
    """Return how far each reservation is dated from when WATI took the message, in seconds."""
    taken = {message.number: message.at for message in harness.simulator.messages}
    return [
        (
            datetime.fromisoformat(record["sent_at"]) - taken[digits(int(lead_id) - 1000)]
        ).total_seconds()
        for lead_id, record in harness.records().items()
    ]


@pytest.mark.parametrize("step_s", [-4000 * DAY_S, -DAY_S, -300.0, 300.0, 3600.0, 4000 * DAY_S])
@pytest.mark.parametrize("at", [Endpoint.TEMPLATES, Endpoint.LEADS, Endpoint.SEND])
def test_wall_clock_set_in_mid_run_changes_nothing(
    harness: Harness, clock: FakeClock, at: Endpoint, step_s: float
) -> None:
    """Messages, their times and day, and the run's own are what they would have been."""
    harness.simulator.hooks.add(Moment.REPLIED, at, lambda _: clock.step(step_s), times=1)
    result = harness.run("run", "--json").document

    assert (result["status"], result["leads"]["accepted"]) == ("completed", 3)
    assert result["duration_seconds"] < 120
    assert list(harness.history()) == list(harness.quota()) == ["2026-11-23"]
    assert all(abs(off_s) < 2 for off_s in off_watis_s(harness))


def test_times_in_state_and_report_are_watis_however_the_machine_is_set(
    harness: Harness, clock: FakeClock
) -> None:
    """Two machines whose clocks differ by eighteen minutes write one history."""
    results = []
    for step_s in (540.0, -1080.0):
        clock.step(step_s)
        results.append(harness.run("run", "--json", "--limit", "1").document)
        clock.advance(60.0)

    assert len(harness.simulator.messages) == 2
    assert all(abs(off_s) < 2 for off_s in off_watis_s(harness))
    begun = [datetime.fromisoformat(result["started_at"]) for result in results]
    assert 0 < (begun[1] - begun[0]).total_seconds() < 200
    assert all(result["duration_seconds"] < 120 for result in results)


@pytest.mark.parametrize("step_s", [-590.0, -120.0, 120.0, 590.0])
def test_restart_by_another_clock_settles_no_send_before_its_time(
    place: Place, harness: Harness, clock: FakeClock, step_s: float
) -> None:
    """A message WATI makes 50 s after the POST is not "absent" 20 s after it, by no clock."""
    harness.simulator.wati.set_plan(digits(0), Plan(arrives_after_s=50.0))
    place.crash_at()
    clock.advance(20.0)
    clock.step(step_s)
    first = harness.run("run")
    clock.advance(3600.0)
    second = harness.run("run")

    assert (first.code, second.code) == (0, 0)
    assert set(harness.simulator.posts.values()) == {1}
    assert harness.records()["1000"]["status"] == "read"


@pytest.mark.parametrize("step_s", [-590.0, -120.0, 120.0, 590.0])
@pytest.mark.parametrize("is_killed", [False, True])
def test_send_before_watis_first_date_is_settled_late_and_found(
    place: Place, harness: Harness, clock: FakeClock, step_s: float, *, is_killed: bool
) -> None:
    """Reserved by the machine's clock alone: as far as that may be off, doubt stays on."""
    harness.simulator.wati.set_plan(digits(0), Plan(arrives_after_s=50.0))
    harness.simulator.script(Endpoint.TEMPLATES, lost(taken=False, times=None))
    clock.step(step_s)
    if is_killed:
        place.crash_at()
    else:
        harness.simulator.script(Endpoint.SEND, lost(taken=True))
        harness.settings["TRACKING_WAIT_SECONDS"] = "0"
        harness.run("run", "--limit", "1")
    harness.simulator.clear_scripts()
    clock.advance(15.0)
    clock.step(-step_s)
    first = harness.run("run")
    clock.advance(3600.0)
    second = harness.run("run")

    assert (first.code, second.code) == (0, 0)
    assert set(harness.simulator.posts.values()) == {1}
    assert harness.records()["1000"]["status"] == "read"


def test_first_date_that_comes_with_a_send_dates_its_message(
    harness: Harness, clock: FakeClock
) -> None:
    """The template check told no time; what is kept is WATI's all the same."""
    harness.simulator.script(Endpoint.TEMPLATES, lost(taken=False, times=None))
    clock.step(540.0)

    assert harness.run("run").code == 0
    assert len(harness.records()) == 3
    assert all(abs(off_s) < 2 for off_s in off_watis_s(harness))


@pytest.mark.parametrize(
    ("start", "step_s", "sent"),
    [
        (datetime(2026, 11, 23, 15, 35, tzinfo=UTC), -540.0, 0),  # 21:05 at WATI, 20:56 here
        (datetime(2026, 11, 23, 3, 25, tzinfo=UTC), 540.0, 0),  # 08:55 and 09:04
        (datetime(2026, 11, 23, 3, 35, tzinfo=UTC), 240.0, 3),
    ],
)
def test_hours_are_looked_at_again_by_watis_clock(
    tmp_path: Path, start: datetime, step_s: float, sent: int
) -> None:
    """The machine says open; WATI's Date decides before the CRM is asked for anybody."""
    harness, simulator, clock = stage(tmp_path, start=start, leads=many_leads(3))
    clock.step(step_s)
    ended = harness.run("run", "--json")

    assert ended.code == 0
    assert len(simulator.messages) == sent
    assert len(simulator.calls[Endpoint.LEADS]) == bool(sent)
    expected = "completed" if sent else "outside_working_hours"
    assert ended.document["status"] == expected


@pytest.mark.parametrize("step_s", [-300.0, 300.0])
def test_quota_day_is_watis(tmp_path: Path, step_s: float) -> None:
    """Two minutes from midnight by WATI, the machine on the other side of it."""
    start = datetime(2026, 11, 23, 18, 32 if step_s < 0 else 28, tzinfo=UTC)
    harness, _, clock = stage(tmp_path, start=start, settings=ALWAYS, leads=many_leads(3))
    clock.step(step_s)

    assert harness.run("run").code == 0
    assert list(harness.quota()) == ["2026-11-24" if step_s < 0 else "2026-11-23"]


def jump(harness: Harness, seconds: float) -> None:
    """Let WATI's Date be so far off from the second send on."""

    def move(_request: SimRequest) -> None:
        harness.simulator.wati_offset_s = seconds

    harness.simulator.hooks.add(Moment.HEADERS, Endpoint.SEND, move, skip=1, times=1)


@pytest.mark.parametrize("offset_s", [-8 * 3600.0, -601.0, 601.0, 8 * 3600.0])
def test_later_date_far_off_stops_before_the_next_post(harness: Harness, offset_s: float) -> None:
    """The machine was paused, or WATI is wrong: what is under way is settled, then exit 5."""
    jump(harness, offset_s)
    ended = harness.run("run", "--json")
    later = harness.run("run")

    assert (ended.code, later.code) == (5, 5)
    assert "not trustworthy" in ended.document["reason"]
    assert ended.document["leads"]["accepted"] == 2
    assert ended.document["leads"]["not_reached"] == 1
    assert len(harness.simulator.crm_rows) == 2
    assert all("unknown" not in record for record in harness.records().values())


@pytest.mark.parametrize(("offset_s", "warnings"), [(-59.0, 0), (59.0, 0), (-62.0, 1), (590.0, 1)])
def test_later_date_minutes_off_is_one_warning(
    harness: Harness, offset_s: float, warnings: int
) -> None:
    """More than a call explains; the run goes on by the clock it has."""
    jump(harness, offset_s)
    ended = harness.run("run", "--json")

    assert ended.code == 0
    assert ended.err.count("in mid-run") == warnings
    assert len(harness.simulator.messages) == 3


def test_first_date_may_come_with_a_send(harness: Harness) -> None:
    """Where the template check had no answer, the first POST's tells the time, and may end it."""
    harness.simulator.wati_offset_s = 3600.0
    harness.simulator.script(Endpoint.TEMPLATES, lost(taken=False, times=None))
    ended = harness.run("run", "--json")

    assert ended.code == 5
    assert ended.document["leads"]["accepted"] == 1
    assert ended.document["leads"]["not_reached"] == 2


@pytest.mark.parametrize("offset_s", [-DAY_S, 660.0])
def test_track_with_a_clock_off_watis_ends_with_5(
    place: Place, harness: Harness, offset_s: float
) -> None:
    """Nothing is dated by it: the history stays as it was."""
    place.crash_at()
    place.clock.advance(3600.0)
    assert harness.run("status").code == 0
    harness.simulator.wati_offset_s = offset_s
    ended = harness.run("track")

    assert ended.code == 5
    assert "not trustworthy" in ended.err
    assert harness.records()["1000"]["unknown"] is True

"""The real objects of a run, and the rules each kind of run is held to."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from fakes import FakeClock, ScriptedChance

from lead_automation.campaign.assembly import (
    RunPlan,
    describe_hours,
    make_http,
    make_machine,
    make_policies,
)
from lead_automation.clock import StopFlag
from lead_automation.config import (
    HoursPolicy,
    PacingPolicy,
    SafetyPolicy,
    Settings,
    TrackingPolicy,
)
from lead_automation.errors import Fault, TransportError
from lead_automation.files import SystemDisk
from lead_automation.http import Http, HttpClient, Request
from lead_automation.models import ErrorCategory
from lead_automation.runs import RunMode
from lead_automation.runtime import Runtime
from lead_automation.sandbox.inprocess import ADDRESSES, InProcessHttp
from lead_automation.sandbox.simulator import Simulator
from lead_automation.settings.load import load_settings
from lead_automation.wati.failures import QUALITY_REST
from lead_automation.wati.limits import RateLimits

_INDIA = ZoneInfo("Asia/Kolkata")
_HOURS = HoursPolicy(start_minute=9 * 60, end_minute=21 * 60, days=frozenset(range(7)), zone=_INDIA)
_NOON = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
_NIGHT = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)


def _runtime(folder: Path, **changes: object) -> Runtime:
    clock = FakeClock()
    values = {
        "environ": {},
        "folder": folder,
        "disk": SystemDisk(),
        "clock": clock,
        "sleep": clock.sleep,
        "chance": ScriptedChance(),
        "stop": StopFlag(),
        "stdin": None,
        "stdout": None,
        "stderr": None,
        "pid": 1,
    }
    return Runtime(**{**values, **changes})  # type: ignore[arg-type]  # a runtime is named by key


def _settings(folder: Path) -> Settings:
    values = {
        "WATI_API_KEY": "key-of-a-test",
        "WATI_BASE_URL": ADDRESSES.wati_base_url("v1"),
        "WATI_INSTANCE_ID": "1",
        "WATI_TEMPLATE_NAME": "t",
        "LEAD_API_URL": ADDRESSES.lead_url,
        "LEAD_API_TOKEN": "Token of-a-test",
        "WATI_LOG_API_URL": ADDRESSES.log_url,
        "STATE_DIR": str(folder),
    }
    return load_settings(values, read_file=lambda _: None, folder=folder)


@pytest.mark.parametrize("mode", list(RunMode))
def test_policies_of_a_mode_bind_it_to_hours_or_not(mode: RunMode) -> None:
    """Real and sandbox runs keep working hours, test sends and dry runs do not."""
    policies = make_policies(
        mode,
        hours=_HOURS,
        pacing=PacingPolicy(min_s=1, max_s=2),
        tracking=TrackingPolicy(first_read_s=10, wait_s=30, settle_s=90),
        safety=SafetyPolicy(meta_quality_stop_after=1, failure_streak_limit=5),
    )
    bound = mode in (RunMode.PRODUCTION, RunMode.SANDBOX)

    assert policies.gate.is_open(_NOON)
    assert policies.gate.is_open(_NIGHT) is not bound
    assert policies.gate.hours_text == "09:00–21:00 Asia/Kolkata"
    assert policies.failures.only_account_holds is (mode is RunMode.TEST)


def test_policies_count_days_and_rests_as_promised() -> None:
    """The quota day is the local one, opt-outs are for good, others 30 days, quality 48 hours."""
    policies = make_policies(
        RunMode.PRODUCTION,
        hours=_HOURS,
        pacing=PacingPolicy(min_s=1, max_s=2),
        tracking=TrackingPolicy(first_read_s=10, wait_s=30, settle_s=90),
        safety=SafetyPolicy(meta_quality_stop_after=1, failure_streak_limit=5),
    )
    day, ends = policies.quota_day(_NIGHT)

    assert day.isoformat() == "2026-11-24"
    assert ends == datetime(2026, 11, 24, 18, 30, tzinfo=UTC)
    assert policies.failures.suppress_for == {
        ErrorCategory.OPT_OUT: None,
        ErrorCategory.NOT_ON_WHATSAPP: timedelta(days=30),
    }
    assert policies.failures.quality_rest == timedelta(hours=48) == QUALITY_REST
    assert len(policies.failures.quality_steps) == 5


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [(0, 1440, "00:00–24:00"), (22 * 60 + 5, 6 * 60, "22:05–06:00"), (540, 1, "09:00–00:01")],
)
def test_hours_are_described_as_they_are_configured(start: int, end: int, text: str) -> None:
    """Hours are told as in the settings, with their zone."""
    hours = HoursPolicy(start_minute=start, end_minute=end, days=frozenset({0}), zone=_INDIA)

    assert describe_hours(hours) == f"{text} Asia/Kolkata"


def test_http_without_posts_refuses_them_itself(tmp_path: Path) -> None:
    """The border of a dry run lets no POST out, whoever asks."""
    http = make_http(_settings(tmp_path), _runtime(tmp_path), allow_posts=False)

    assert isinstance(http, HttpClient)
    with pytest.raises(TransportError) as caught:
        http.call(Request(method="POST", url=ADDRESSES.log_url, json={}))
    assert caught.value.fault is Fault.FORBIDDEN
    http.close()


def test_http_of_the_runtime_comes_first(tmp_path: Path) -> None:
    """A runtime that brings a border of its own is asked for it, and told whether it may POST."""
    asked: list[bool] = []
    clock = FakeClock()

    def make(allow_posts: bool) -> Http:  # noqa: FBT001 - called by position
        asked.append(allow_posts)
        return InProcessHttp(Simulator(clock=clock), clock, advance=clock.advance)

    runtime = _runtime(tmp_path, make_http=make)
    made = [make_http(_settings(tmp_path), runtime, allow_posts=flag) for flag in (True, False)]

    assert asked == [True, False]
    assert all(isinstance(http, InProcessHttp) for http in made)


def test_machine_and_plan_hand_on_what_they_were_given(tmp_path: Path) -> None:
    """Clock, sleep, chance and stop are the runtime's; the state directory is the settings'."""
    runtime = _runtime(tmp_path)
    machine = make_machine(runtime)
    settings = _settings(tmp_path)
    plan = RunPlan(
        settings=settings,
        mode=RunMode.PRODUCTION,
        limit=None,
        limits=RateLimits.of_plan(settings.local.plan),
        run_id="r",
    )

    assert (machine.clock, machine.stop, machine.chance) == (
        runtime.clock,
        runtime.stop,
        runtime.chance,
    )
    assert plan.state_dir == tmp_path

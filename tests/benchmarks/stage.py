"""What every benchmark needs: settings, a state directory, and a run built as the program does.

The run is put together by the program's own wiring. What a benchmark switches off (limits,
following, pacing) it switches off in the objects handed to that wiring, never by a setting.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lead_automation.campaign.assembly import RunPlan, make_automation
from lead_automation.campaign.run import EnhancedLeadAutomation
from lead_automation.clock import Chance, Clock, Sleep, StopFlag, SystemClock, make_sleep
from lead_automation.clock import system_chance as chance_of_system
from lead_automation.commands.run import open_books
from lead_automation.config import PacingPolicy, Settings, TrackingPolicy
from lead_automation.files import AppendFile, Disk, SystemDisk
from lead_automation.reporting.logfile import LOG_NAME
from lead_automation.reporting.logger import OptimizedLogger
from lead_automation.reporting.progress import make_progress
from lead_automation.runs import RunMode, RunResult
from lead_automation.runtime import MakeHttp, Runtime
from lead_automation.sandbox.addresses import Addresses
from lead_automation.sandbox.simulator import API_KEY, CRM_AUTHORIZATION, OWNER_ID, TEMPLATE
from lead_automation.settings.load import load_settings
from lead_automation.state.jsonstore import init_state
from lead_automation.state.open import open_state
from lead_automation.wati.limits import RateLimits

NOT_FOLLOWED = TrackingPolicy(first_read_s=1e9, wait_s=0.0, settle_s=0.0)
UNPACED = PacingPolicy(min_s=0.0, max_s=0.0)
NO_END = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Everything a run is made of.

    Attributes:
        limits: None: WATI's rate limits are not kept.
        make_http: Another border in place of the real one.
    """

    settings: Settings
    limits: RateLimits | None = None
    clock: Clock = field(default_factory=SystemClock)
    sleep: Sleep = field(default_factory=lambda: make_sleep(StopFlag()))
    chance: Chance = chance_of_system
    disk: Disk = field(default_factory=SystemDisk)
    make_http: MakeHttp | None = None

    @property
    def state_dir(self) -> Path:
        """Where the state is."""
        return self.settings.local.state_dir

    def run(self, timed: Callable[[EnhancedLeadAutomation], RunResult] | None = None) -> RunResult:
        """Open the books, run one campaign to its closed books, as ``run`` does."""
        runtime = Runtime(
            environ={},
            folder=self.state_dir,
            disk=self.disk,
            clock=self.clock,
            sleep=self.sleep,
            chance=self.chance,
            stop=StopFlag(),
            stdin=None,
            stdout=None,
            stderr=None,
            pid=0,
            make_http=self.make_http,
        )
        plan = RunPlan(
            settings=self.settings,
            mode=RunMode.PRODUCTION,
            limit=None,
            limits=self.limits,
            run_id="benchmark",
        )
        zone = self.settings.local.hours.zone
        with OptimizedLogger(stream=None, level=30, clock=self.clock, zone=zone) as log:
            log.open_file(self.state_dir / LOG_NAME, disk=self.disk)
            state = open_state(self.settings.local, runtime)
            books = open_books(plan, runtime, state)
            try:
                with make_progress(None, enabled=False, clock=self.clock) as progress:
                    automation = make_automation(
                        plan, runtime=runtime, state=state, books=books, log=log, progress=progress
                    )
                    return timed(automation) if timed else automation.run_campaign()
            finally:
                books.close()


def make_settings(
    addresses: Addresses,
    state_dir: Path,
    *,
    plan: str = "business",
    pacing: PacingPolicy = UNPACED,
    tracking: TrackingPolicy | None = NOT_FOLLOWED,
    daily_limit: int | None = NO_END,
) -> Settings:
    """Return settings of a run against these addresses.

    Args:
        addresses: Of the simulator.
        state_dir: Gets empty state files unless it has some.
        plan: WATI's, for the calls of a month.
        pacing: Between sends.
        tracking: How messages are followed; None for the defaults.
        daily_limit: Messages a counsellor may send a day; None for the nine built in as they are.
    """
    settings = load_settings(
        setting_values(addresses, plan=plan), read_file=lambda _: None, folder=state_dir
    )
    local = replace(settings.local, state_dir=state_dir)
    if tracking is not None:
        local = replace(local, tracking=tracking)
    if daily_limit is not None:
        counsellors = tuple(replace(one, daily_limit=daily_limit) for one in local.counsellors)
        local = replace(local, counsellors=counsellors)
    if SystemDisk().stamp(state_dir / "sent_messages.json") is None:
        init_state(SystemDisk(), state_dir)
    return replace(settings, local=local, pacing=pacing)


def setting_values(addresses: Addresses, *, plan: str = "business") -> dict[str, str]:
    """Return ``config.env`` for these addresses, by key; open at every hour."""
    return {
        "WATI_API_KEY": API_KEY,
        "WATI_BASE_URL": addresses.wati_base_url("v2"),
        "WATI_INSTANCE_ID": "100000",
        "WATI_TEMPLATE_NAME": TEMPLATE,
        "WATI_PLAN": plan,
        "LEAD_API_URL": addresses.lead_url,
        "LEAD_API_TOKEN": CRM_AUTHORIZATION,
        "LEAD_OWNER_ID": OWNER_ID,
        "WATI_LOG_API_URL": addresses.log_url,
        "LEAD_FETCH_LIMIT": "100000",
        "SCRIPT_START_TIME": "00:00",
        "SCRIPT_END_TIME": "24:00",
    }


def make_leads(count: int, *, first: int = 0) -> list[dict[str, object]]:
    """Return rows of the lead list, each with an id and a number of its own."""
    return [
        {
            "lead_id": 1000 + index,
            "full_name": f"Asha Number{index}",
            "mobile_number_formatted": phone_of(index),
        }
        for index in range(first, first + count)
    ]


def phone_of(index: int) -> str:
    """Return the number of a lead, E.164; invented."""
    return f"+91{9_000_000_000 + index}"


class SimulatedClock:
    """A clock that moves when somebody sleeps, and keeps no list of it."""

    def __init__(self) -> None:
        """Start on a Sunday morning, 09:30 in Asia/Kolkata."""
        self._start = datetime(2026, 11, 1, 4, 0, tzinfo=UTC)
        self._elapsed_s = 0.0

    def now(self) -> datetime:
        """Return the wall clock."""
        return self._start + timedelta(seconds=self._elapsed_s)

    def monotonic(self) -> float:
        """Return the steady clock."""
        return self._elapsed_s

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self._elapsed_s += seconds


class _UnsyncedFile:
    """An append file of a machine that never loses power."""

    def __init__(self, file: AppendFile) -> None:
        self._file = file

    def size(self) -> int:
        return self._file.size()

    def append(self, data: bytes) -> None:
        self._file.append(data)

    def sync(self) -> None:
        """Do nothing."""

    def truncate(self, size: int) -> None:
        self._file.truncate(size)

    def close(self) -> None:
        self._file.close()


class UnsyncedDisk(SystemDisk):
    """A disk whose appends are not waited for: what is measured is the program, not the medium."""

    def open_append(self, path: Path) -> AppendFile:
        """Open for appending."""
        return _UnsyncedFile(super().open_append(path))

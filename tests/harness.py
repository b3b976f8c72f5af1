"""Run the real command line against the simulator, on a clock that does not wait."""

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from fakes import FakeClock, ScriptedChance
from simulated.inprocess import ADDRESSES, InProcessHttp
from simulated.server import SandboxServer
from simulated.simulator import Simulator

from lead_automation.cli import main
from lead_automation.clock import Clock, Sleep, StopFlag
from lead_automation.files import Disk
from lead_automation.runtime import MakeHttp, Runtime
from lead_automation.sandbox.addresses import Addresses
from lead_automation.sandbox.simulator import API_KEY, CRM_AUTHORIZATION, OWNER_ID, TEMPLATE

SECRETS = (API_KEY, CRM_AUTHORIZATION.split()[-1])


class Pipe(io.StringIO):
    """A text stream that shows everything, and that nobody looks at."""

    encoding = "utf-8"


class Terminal(Pipe):
    """A text stream somebody looks at."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended: exit code and everything it wrote."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The JSON object on stdout."""
        parsed = json.loads(self.out)
        assert isinstance(parsed, dict)
        return parsed


@dataclass(kw_only=True)
class Harness:
    """A state directory, a settings file and a simulator; ``run`` is the command line.

    Attributes:
        settings: What ``config.env`` says, by key; a test changes it as an operator would.
        environ: Environment variables.
    """

    folder: Path
    simulator: Simulator
    clock: Clock
    sleep: Sleep
    settings: dict[str, str]
    environ: dict[str, str] = field(default_factory=dict)
    disk: Disk = field(default_factory=Disk)
    chance: ScriptedChance = field(default_factory=lambda: ScriptedChance(0.5, 0.1, 0.9, 0.3))
    stop: StopFlag = field(default_factory=StopFlag)
    stdin: io.StringIO | None = None
    is_terminal: bool = False
    make_http: MakeHttp | None = None

    @property
    def state_dir(self) -> Path:
        """Where the state files are."""
        return self.folder / "state"

    def write_settings(self, **changes: str | None) -> None:
        """Write ``config.env``; a change of None takes a key away."""
        for key, value in changes.items():
            if value is None:
                self.settings.pop(key, None)
            else:
                self.settings[key] = value
        lines = "".join(f"{key}='{value}'\n" for key, value in self.settings.items())
        path = self.folder / "config.env"
        path.write_text(lines, encoding="utf-8")
        path.chmod(0o600)

    def runtime(self, out: Pipe, err: Pipe) -> Runtime:
        """Return what a command is given from outside."""
        return Runtime(
            environ=self.environ,
            folder=self.folder,
            disk=self.disk,
            clock=self.clock,
            sleep=self.sleep,
            chance=self.chance,
            stop=self.stop,
            stdin=self.stdin,
            stdout=out,
            stderr=err,
            pid=4711,
            make_http=self.make_http,
        )

    def run(self, *arguments: str) -> Ended:
        """Run one command line in this process, as a new process would: with a fresh stop flag."""
        out, err = (Terminal(), Terminal()) if self.is_terminal else (Pipe(), Pipe())
        code = main(arguments, runtime=self.runtime(out, err))
        self.stop = StopFlag()
        return Ended(code=code, out=out.getvalue(), err=err.getvalue())

    def history(self) -> dict[str, Any]:
        """What sent_messages.json says."""
        return self.read_state("sent_messages.json")

    def records(self) -> dict[str, Any]:
        """Every record of the history, by lead id; the last day's counts."""
        return {
            lead_id: record for day in self.history().values() for lead_id, record in day.items()
        }

    def quota(self) -> dict[str, Any]:
        """What quota_usage.json says."""
        return self.read_state("quota_usage.json")

    def read_state(self, name: str) -> dict[str, Any]:
        """Read one state file."""
        parsed = json.loads((self.state_dir / name).read_text(encoding="utf-8"))
        assert isinstance(parsed, dict)
        return parsed

    def log_text_if_any(self) -> str:
        """Everything in the log file; nothing where the run ended before it began."""
        return self.log_text() if (self.state_dir / "wati_automation.log").exists() else ""

    def log_text(self) -> str:
        """Everything in the log file."""
        return (self.state_dir / "wati_automation.log").read_text(encoding="utf-8")


@contextmanager
def serve(
    folder: Path,
    simulator: Simulator,
    clock: FakeClock,
    *,
    version: str = "v2",
    settings: Mapping[str, str] | None = None,
) -> Iterator[Harness]:
    """Serve a simulator on loopback and yield the command line in front of it.

    Args:
        folder: The test's own folder; gets ``config.env`` and ``state/`` with the two files.
        simulator: Shares the clock.
        clock: Does not wait.
        version: ``v1`` or ``v2``.
        settings: Over the harness's own.
    """
    with SandboxServer(simulator) as server:
        base = account_settings(server.addresses, folder, version)
        yield _begin(folder, simulator, clock, base | dict(settings or {}))


def in_process(
    folder: Path,
    simulator: Simulator,
    clock: FakeClock,
    *,
    version: str = "v2",
    latency_s: float = 0.0,
    settings: Mapping[str, str] | None = None,
) -> Harness:
    """Return the command line, its calls going to the simulator in this process: no sockets.

    Args:
        folder: The test's own folder; gets ``config.env`` and ``state/`` with the two files.
        simulator: Shares the clock.
        clock: Moves with every wait and every call.
        version: ``v1`` or ``v2``.
        latency_s: Seconds every call takes.
        settings: Over the harness's own.
    """
    harness = _begin(
        folder,
        simulator,
        clock,
        account_settings(ADDRESSES, folder, version) | dict(settings or {}),
    )

    def make_http(allow_posts: bool) -> InProcessHttp:  # noqa: FBT001 - called by position
        return InProcessHttp(
            simulator,
            clock,
            advance=clock.advance,
            latency_s=latency_s,
            read_timeout_s=float(harness.settings.get("READ_TIMEOUT", 30)),
            allow_posts=allow_posts,
        )

    harness.make_http = make_http
    return harness


def stage(
    folder: Path,
    *,
    start: datetime | None = None,
    settings: dict[str, str] | None = None,
    **scene: Any,
) -> tuple[Harness, Simulator, FakeClock]:
    """Return the command line before a simulator without sockets, and what stands behind it."""
    clock = FakeClock(start) if start else FakeClock()
    simulator = Simulator(clock=clock, **scene)
    return in_process(folder, simulator, clock, settings=settings), simulator, clock


def _begin(
    folder: Path, simulator: Simulator, clock: FakeClock, settings: dict[str, str]
) -> Harness:
    harness = Harness(
        folder=folder, simulator=simulator, clock=clock, sleep=clock.sleep, settings=settings
    )
    harness.write_settings()
    if "STATE_URL" not in settings:  # else the account of several machines: one of them makes it
        assert harness.run("init").code == 0
    return harness


def account_settings(addresses: Addresses, folder: Path, version: str = "v2") -> dict[str, str]:
    """Return what ``config.env`` has to say, by key: the simulated account, ``folder/state``."""
    return {
        "WATI_API_KEY": API_KEY,
        "WATI_BASE_URL": addresses.wati_base_url("v1" if version == "v1" else "v2"),
        "WATI_INSTANCE_ID": "100000",
        "WATI_TEMPLATE_NAME": TEMPLATE,
        "LEAD_API_URL": addresses.lead_url,
        "LEAD_API_TOKEN": CRM_AUTHORIZATION,
        "LEAD_OWNER_ID": OWNER_ID,
        "WATI_LOG_API_URL": addresses.log_url,
        "STATE_DIR": str(folder / "state"),
    }


def lead(lead_id: object, phone: object, name: object = "Asha Rao") -> dict[str, object]:
    """Return a row of the lead list."""
    return {"lead_id": lead_id, "full_name": name, "mobile_number_formatted": phone}


def many_leads(count: int, *, first: int = 0) -> list[dict[str, object]]:
    """Return leads with numbers of their own."""
    return [
        lead(str(1000 + index), f"+9198{10000000 + index}", f"Lead Number {index}")
        for index in range(first, first + count)
    ]


def digits(index: int) -> str:
    """Return the number of the lead ``many_leads`` made at this index, digits only."""
    return f"9198{10000000 + index}"

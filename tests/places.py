"""A state directory that crashes and full disks happen to, in front of a simulator."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import pytest
from disks import Crash, crash
from fakes import FakeClock
from harness import Ended, in_process, many_leads
from promise import ZONE, Witness, snapshot
from simulated.scripts import Moment
from simulated.simulator import Simulator

from lead_automation.files import Disk
from lead_automation.leads.hours import quota_day
from lead_automation.sandbox.exchange import Endpoint, SimRequest

JOURNAL = "send_journal.jsonl"
TODAY = "2026-11-23"
SETTLE_S = 90.0


_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it


@contextmanager
def quick_folder() -> Iterator[Path]:
    """Make a folder in memory where there is such a thing: an fsync costs nothing there."""
    with TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        yield Path(folder)


class Place:
    """The command line on a real state directory; calls reach the simulator without sockets."""

    def __init__(
        self,
        folder: Path,
        *,
        leads: int = 3,
        version: Literal["v1", "v2"] = "v2",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Make the two files, and list some leads at the CRM."""
        self.clock = FakeClock()
        self.simulator = Simulator(clock=self.clock, leads=many_leads(leads))
        self.witness = Witness(self.simulator, self.clock)
        self.harness = in_process(
            folder, self.simulator, self.clock, version=version, settings=settings
        )

    @property
    def journal(self) -> Path:
        """The journal's file."""
        return self.harness.state_dir / JOURNAL

    def write(self, name: str, value: object) -> None:
        """Put a JSON file there, as a person does."""
        (self.harness.state_dir / name).write_text(json.dumps(value), encoding="utf-8")

    def crash_at(self, moment: Moment = Moment.ACCEPTED, *, skip: int = 0) -> None:
        """Run until the given moment of a send, and die there."""
        self.simulator.hooks.add(moment, Endpoint.SEND, die, skip=skip)
        with pytest.raises(Crash):
            self.harness.run("run")
        self.witness.watch_alone()

    def later(self, *arguments: str) -> Ended:
        """Run an hour later."""
        self.clock.advance(3600.0)
        return self.harness.run(*(arguments or ("run",)))

    def check(self) -> None:
        """Check every sentence of the promise."""
        books = snapshot(Disk(), self.harness.state_dir, quota_day(self.clock.now(), ZONE))
        self.witness.check_posts(settle_s=SETTLE_S)
        self.witness.check_books(books)
        self.witness.check_rows(books)


def die(_request: SimRequest) -> None:
    """Crash, from a hook."""
    crash()

"""A run of many leads against the simulator, and what a test asks about it afterwards."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fakes import FakeClock
from harness import Ended, Harness, digits, in_process, many_leads
from simulated.plans import ScriptedPlan
from simulated.scripts import Reply
from simulated.simulator import Simulator

from lead_automation.sandbox.exchange import Endpoint
from lead_automation.sandbox.plans import Plan

HOLD_FILE = "campaign_hold.json"
SUPPRESSION_FILE = "suppression_list.json"


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """The command line in front of a simulator, and their common clock.

    Leads are named by their index, counted from 0.
    """

    harness: Harness
    simulator: Simulator
    clock: FakeClock

    def run(self, *arguments: str) -> Ended:
        """Run one command line; without arguments a campaign run."""
        return self.harness.run(*arguments)

    def result(self, *arguments: str) -> dict[str, Any]:
        """Run a campaign and return its JSON object, with exit code and console in it."""
        ended = self.harness.run("run", "--json", *arguments)
        return {**ended.document, "code": ended.code, "console": ended.err}

    @property
    def sent(self) -> list[int]:
        """The leads that were really messaged, in order."""
        return [self._index(message.number) for message in self.simulator.messages]

    @property
    def posted(self) -> list[int]:
        """The leads of every send that reached WATI, whatever became of it, in order."""
        return [self._index(call.number) for call in self.simulator.calls[Endpoint.SEND]]

    def post_times(self, index: int) -> list[float]:
        """When the sends of one lead reached WATI, in steady seconds."""
        calls = self.simulator.calls[Endpoint.SEND]
        return [call.at for call in calls if call.number == digits(index)]

    def posts_after_read(self, index: int) -> int:
        """How many sends followed the first status read of a lead."""
        reads = self.simulator.calls[Endpoint.MESSAGES]
        read_at = next(call.at for call in reads if call.number == digits(index))
        return sum(call.at > read_at for call in self.simulator.calls[Endpoint.SEND])

    def crm_statuses(self, index: int) -> list[object]:
        """What the CRM's message log says of one lead, a row each."""
        rows = self.simulator.crm_rows
        return [row["msg_status"] for row in rows if row["lead_id"] == str(1000 + index)]

    def hold(self) -> dict[str, Any] | None:
        """What campaign_hold.json says; None where there is none."""
        return self._state(HOLD_FILE)

    def suppressed(self) -> dict[str, Any]:
        """What suppression_list.json says."""
        return self._state(SUPPRESSION_FILE) or {}

    def used(self) -> int:
        """Messages counted against the quota, over all kept days."""
        return sum(sum(day.values()) for day in self.harness.quota().values())

    def _state(self, name: str) -> dict[str, Any] | None:
        exists = (self.harness.state_dir / name).exists()
        return self.harness.read_state(name) if exists else None

    @staticmethod
    def _index(number: str) -> int:
        return int(number) - int(digits(0))


@contextmanager
def campaign(
    folder: Path,
    *,
    leads: int = 6,
    plans: Mapping[int, Plan] | None = None,
    settings: Mapping[str, str] | None = None,
    **scene: Any,
) -> Iterator[Campaign]:
    """Serve a campaign of so many leads.

    Args:
        folder: The test's own.
        leads: How many the CRM lists; ``leads_listed`` in scene lists others instead.
        plans: What becomes of messages, by the lead's index.
        settings: Over the harness's own.
        scene: What else the simulator is to be like.
    """
    clock = FakeClock()
    listed = scene.pop("leads_listed", many_leads(leads))
    simulator = Simulator(
        clock=clock,
        leads=listed,
        plans={digits(index): plan for index, plan in (plans or {}).items()},
        **scene,
    )
    harness = in_process(folder, simulator, clock, settings=settings)
    yield Campaign(harness=harness, simulator=simulator, clock=clock)


def on_send(*replies: Reply) -> Plan:
    """Return a plan whose first POSTs get these answers; later ones go through."""
    return ScriptedPlan(on_send=replies)

"""What ``run --sandbox`` can rehearse: a simulator each, and the settings a run against it has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from lead_automation.clock import Clock
from lead_automation.sandbox.addresses import Addresses, Route
from lead_automation.sandbox.exchange import Endpoint, Side, SimReply, SimRequest
from lead_automation.sandbox.leads import (
    READ,
    plain_plans,
    plain_rows,
    sample_plans,
    sample_rows,
)
from lead_automation.sandbox.plans import failing
from lead_automation.sandbox.simulator import (
    API_KEY,
    CRM_AUTHORIZATION,
    OWNER_ID,
    TEMPLATE,
    Simulator,
)
from lead_automation.sandbox.windows import VendorLimits

WINDOW_S: Final = 1.0
"""The vendor's ten seconds, shortened like every other wait."""
LIMITS: Final = VendorLimits(window_s=WINDOW_S)
"""The Growth plan's counts; the client must be given the same window."""

_RESTRICTED_NUMBER = "919000000113"
_RESTRICTION = "131048 Spam rate limit hit"
# Both in the middle of the lead list, so that the report shows a before and an after.
_CREDIT = 14
_SENDS_BEFORE_OUTAGE = 15
_BATCHED_LEADS = 70  # batches of 5, 10, 20, 25 and a rest


@dataclass(frozen=True, slots=True)
class Scenario:
    """A rehearsal.

    Attributes:
        name: As given behind ``--sandbox``.
        description: One line for ``--help``: what happens, and how the run ends.
        build: Makes the simulator.
        version: Of WATI's API that the run sends by.
    """

    name: str
    description: str
    build: Callable[[Clock], Simulator]
    version: Literal["v2", "v3"] = "v2"

    def settings(self, addresses: Addresses) -> dict[str, str]:
        """Return the settings of a run against it; every wait is shortened to seconds."""
        return {
            "WATI_API_KEY": API_KEY,
            "WATI_BASE_URL": addresses.wati_base_url("ext/v3" if self.version == "v3" else "v2"),
            "WATI_INSTANCE_ID": "100000",
            "WATI_API_VERSION": self.version,
            "WATI_TEMPLATE_NAME": TEMPLATE,
            "TEMPLATE_PARAMETERS": "1,2,3",
            "BROADCAST_NAME": f"sandbox_{self.name}",
            "WATI_PLAN": "growth",
            "LEAD_API_URL": addresses.lead_url,
            "LEAD_API_TOKEN": CRM_AUTHORIZATION,
            "LEAD_OWNER_ID": OWNER_ID,
            "WATI_LOG_API_URL": addresses.log_url,
            "SCRIPT_START_TIME": "00:00",
            "SCRIPT_END_TIME": "24:00",
            "WORKING_DAYS": "Mon,Tue,Wed,Thu,Fri,Sat,Sun",
            "SEND_DELAY_MIN": "0.15",
            "SEND_DELAY_MAX": "0.25",
            "CONNECT_TIMEOUT": "3",
            "READ_TIMEOUT": "5",
            "TRACKING_FIRST_READ_SECONDS": "1",
            "TRACKING_WAIT_SECONDS": "5",
            "UNKNOWN_SETTLE_SECONDS": "3",
        }


def _everyday(clock: Clock) -> Simulator:
    return Simulator(clock=clock, leads=sample_rows(), plans=sample_plans(), limits=LIMITS)


def _restricted(clock: Clock) -> Simulator:
    simulator = _everyday(clock)
    simulator.wati.set_plan(_RESTRICTED_NUMBER, failing(_RESTRICTION, after_s=0.6))
    return simulator


def _credits(clock: Clock) -> Simulator:
    simulator = _everyday(clock)
    simulator.wati.credit = _CREDIT
    return simulator


def _batches(clock: Clock) -> Simulator:
    return Simulator(
        clock=clock,
        leads=plain_rows(_BATCHED_LEADS),
        plans=plain_plans(),
        default_plan=READ,
        limits=LIMITS,
    )


def _outage(clock: Clock) -> Simulator:
    return _Outage(clock=clock, leads=sample_rows(), plans=sample_plans(), limits=LIMITS)


class _Outage(Simulator):
    """A WATI that hangs up on every caller after some sends."""

    _sends = 0

    def answer(self, route: Route, request: SimRequest) -> SimReply:
        if route.endpoint.side is Side.WATI and self._sends >= _SENDS_BEFORE_OUTAGE:
            return SimReply(is_lost=True)
        self._sends += route.endpoint is Endpoint.SEND
        return super().answer(route, request)


SCENARIOS: Final[Mapping[str, Scenario]] = MappingProxyType(
    {
        scenario.name: scenario
        for scenario in (
            Scenario("everyday", "every outcome a lead can have; the run completes", _everyday),
            Scenario(
                "restricted",
                "Meta restricts the account in mid-run; the run stops and is held",
                _restricted,
            ),
            Scenario(
                "credits", "the account's credit runs out in mid-run; the run stops", _credits
            ),
            Scenario(
                "outage", "WATI goes away in mid-run; the run stops after a few tries", _outage
            ),
            Scenario(
                name="batches",
                description="API v3: batches that grow as words of delivery come in",
                build=_batches,
                version="v3",
            ),
        )
    }
)
"""By name; the first is the default."""

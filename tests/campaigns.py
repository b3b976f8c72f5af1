"""The steps of a run joined to a simulator in this process, for tests of one step alone."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from fakes import FakeClock
from harness import digits
from ledgers import FOLDER, ZONE, empty_disk

from lead_automation.campaign.board import Board
from lead_automation.campaign.consequences import Consequences, FailureRules
from lead_automation.campaign.following import Follower
from lead_automation.campaign.meter import CallMeter
from lead_automation.campaign.reading import StatusReader
from lead_automation.campaign.rows import RowDesk
from lead_automation.campaign.safety import SafetyMonitor
from lead_automation.campaign.sending import Delivery
from lead_automation.campaign.settling import EarlierMessages
from lead_automation.clock import StopFlag
from lead_automation.config import ApiVersion, SafetyPolicy, TrackingPolicy, WatiPlan, WatiSettings
from lead_automation.leads.hours import day_end, quota_day
from lead_automation.models import (
    Counsellor,
    CrmRow,
    MessageRecord,
    Recipient,
    Suppression,
    TemplateMessage,
)
from lead_automation.runs import LeadRow
from lead_automation.sandbox.inprocess import ADDRESSES, InProcessHttp
from lead_automation.sandbox.plans import Plan
from lead_automation.sandbox.simulator import API_KEY, TEMPLATE, Simulator
from lead_automation.sandbox.windows import VendorLimits
from lead_automation.secret import Secret
from lead_automation.state.hold import HoldFile
from lead_automation.state.memory import MemoryLedger
from lead_automation.wati.client import EnhancedWATIClient
from lead_automation.wati.delivery import advance
from lead_automation.wati.failures import QUALITY_REST, SUPPRESS_FOR
from lead_automation.wati.limits import RateLimits

ANANDI = Counsellor(name="Anandi", number="+919512270915", daily_limit=50)
TRACKING = TrackingPolicy(first_read_s=10.0, wait_s=30.0, settle_s=90.0)


class Lines:
    """The fixed lines of a run, kept: kind, name and what follows."""

    def __init__(self) -> None:
        """Begin empty."""
        self.said: list[tuple[str, str, str | None]] = []

    def sent(self, name: str, message_id: str | None) -> None:
        """Keep an acceptance."""
        self.said.append(("sent", name, message_id))

    def delivered(self, name: str) -> None:
        """Keep a delivery."""
        self.said.append(("delivered", name, None))

    def read(self, name: str) -> None:
        """Keep a reading."""
        self.said.append(("read", name, None))

    def failed(self, name: str, reason: str) -> None:
        """Keep a failure."""
        self.said.append(("failed", name, reason))

    def pending(self, name: str, why: str) -> None:
        """Keep a pending one."""
        self.said.append(("pending", name, why))


class Suppressions:
    """A suppression list that forgets when the test ends: the latest entry by number."""

    def __init__(self) -> None:
        """Begin empty."""
        self.entries: dict[str, Suppression] = {}

    def find(self, phone: str, now: datetime) -> Suppression | None:
        """Return what stands against a number."""
        entry = self.entries.get(phone)
        return entry if entry is not None and entry.is_active(now) else None

    def add(self, suppression: Suppression) -> None:
        """Keep an entry."""
        self.entries[suppression.phone] = suppression


class Keeper:
    """Keeps the rows of a report by position."""

    def __init__(self) -> None:
        """Begin empty."""
        self.rows: dict[int, LeadRow] = {}

    def put(self, row: LeadRow) -> None:
        """Keep the last one."""
        self.rows[row.position] = row


@dataclass
class CrmLog:
    """A message log that takes rows, or does not.

    Attributes:
        rows: Taken, in order.
        deadlines: Of every try, in seconds.
        is_up: Whether rows are taken.
        takes_s: How long a try takes, up to its deadline; one that is cut off fails.
    """

    clock: FakeClock
    rows: list[CrmRow] = field(default_factory=list)
    deadlines: list[float] = field(default_factory=list)
    is_up: bool = True
    takes_s: float = 0.1

    def post(self, row: CrmRow, *, deadline_s: float) -> bool:
        """Take a row."""
        self.deadlines.append(deadline_s)
        self.clock.advance(min(self.takes_s, deadline_s))
        if not self.is_up or self.takes_s > deadline_s:
            return False
        self.rows.append(row)
        return True


def wati_settings(version: str = "v2", **changes: str | None) -> WatiSettings:
    """Return settings of the simulated account."""
    return WatiSettings(
        api_key=Secret(API_KEY),
        host=changes.get("host") or ADDRESSES.wati_origin,
        tenant=changes.get("tenant"),
        api_version=ApiVersion(version),
        template=changes.get("template") or TEMPLATE,
        parameter_names=("1", "2", "3"),
        channel_number=changes.get("channel_number"),
        broadcast_name="lead_automation",
    )


class Campaign:
    """Everything a message meets after its POST, on a ledger that forgets."""

    def __init__(
        self, simulator: Simulator, clock: FakeClock, *, monthly_calls: int = 10_000
    ) -> None:
        """Join the steps to a simulator; every call takes a tenth of a second."""
        self.simulator, self.clock = simulator, clock
        self.stop = StopFlag()
        self.ledger = MemoryLedger(history_days=7, zone=ZONE)
        self.meter = CallMeter(
            ledger=self.ledger, clock=clock, zone=ZONE, monthly_limit=monthly_calls
        )
        http = InProcessHttp(simulator, clock, advance=clock.advance, latency_s=0.1)
        self.wati = EnhancedWATIClient(
            wati_settings(),
            http=http,
            clock=clock,
            limits=RateLimits.of_plan(WatiPlan.GROWTH),
            on_call=self.meter.count,
        )
        self.lines, self.keeper, self.crm = Lines(), Keeper(), CrmLog(clock)
        self.board = Board(rows=self.keeper, log=self.lines)
        disk = empty_disk()
        self.suppressions, self.hold = Suppressions(), HoldFile(disk, FOLDER)
        self.reader = StatusReader(
            wati=self.wati,
            ledger=self.ledger,
            clock=clock,
            advance=advance,
            settle_s=TRACKING.settle_s,
        )
        self.desk = RowDesk(ledger=self.ledger, post=self.crm.post, clock=clock)
        self.follower = Follower(
            reader=self.reader,
            rows=self.desk,
            meter=self.meter,
            board=self.board,
            consequences=self._consequences(),
            policy=TRACKING,
            quota_day=self.quota_day,
            clock=clock,
            sleep=clock.sleep,
            stop=self.stop,
        )
        self.earlier = EarlierMessages(
            reader=self.reader,
            ledger=self.ledger,
            post=self.crm.post,
            meter=self.meter,
            consequences=self._consequences(),
            quota_day=self.quota_day,
            clock=clock,
            sleep=clock.sleep,
            stop=self.stop,
        )

    def _consequences(self) -> Consequences:
        return Consequences(
            rules=FailureRules(
                suppress_for=SUPPRESS_FOR, quality_rest=QUALITY_REST, quality_steps=("stop",)
            ),
            safety=SafetyMonitor(SafetyPolicy(meta_quality_stop_after=1, failure_streak_limit=5)),
            suppressions=self.suppressions,
            hold=self.hold,
        )

    @staticmethod
    def quota_day(now: datetime) -> tuple[date, datetime]:
        """Return the quota day and its end."""
        return quota_day(now, ZONE), day_end(now, ZONE)

    def reserve(self, index: int, *, attempt: int = 1) -> tuple[Delivery, MessageRecord]:
        """Reserve the message of a lead."""
        lead_id, phone, name = str(1000 + index), f"+{digits(index)}", f"Lead {index}"
        row = LeadRow(position=index + 1, lead_id=lead_id, name=name)
        recipient = Recipient(lead_id=lead_id, name=name, phone=phone)
        now = self.clock.now()
        record = self.ledger.reserve(
            day=self.quota_day(now)[0],
            lead_id=lead_id,
            phone=phone,
            template=TEMPLATE,
            counsellor=ANANDI.name,
            at=now,
            attempt=attempt,
            retry_of_row=None,
        )
        self.board.attempted(row, record)
        return Delivery(row=row, recipient=recipient, counsellor=ANANDI), record

    def send(self, index: int, *, is_known: bool = True) -> tuple[Delivery, MessageRecord]:
        """Send to a lead; is_known: its answer comes, and it is followed."""
        delivery, record = self.reserve(index)
        attempt = self.wati.send_template_message(message_to(f"+{digits(index)}"))
        now = self.clock.now()
        if is_known:
            record = self.ledger.accepted(record, message_id=attempt.message_id, at=now)
            self.board.accepted(record)
            self.follower.follow(delivery, record)
        else:
            record = self.ledger.unknown(record, at=now)
            self.follower.put_aside(delivery, record)
        return delivery, record

    def record(self, index: int) -> MessageRecord:
        """Return the latest record of a lead."""
        found = [record for record in self.ledger.records() if record.lead_id == str(1000 + index)]
        return found[-1]

    def tail(self, seconds: float, *, settle_unknown: bool = False) -> None:
        """Follow for so long at most; no stop may be ordered."""
        until = self.clock.monotonic() + seconds
        assert self.follower.follow_tail(until=until, settle_unknown=settle_unknown) is None

    def days_pass(self, days: float) -> None:
        """Let time pass."""
        self.clock.advance(timedelta(days=days).total_seconds())


def message_to(phone: str, template: str = TEMPLATE) -> TemplateMessage:
    """Return a message with three parameters."""
    return TemplateMessage(
        phone=phone,
        template=template,
        broadcast_name="lead_automation",
        parameters=(("1", "Asha"), ("2", "Anandi"), ("3", "+919512270915")),
    )


def make_campaign(*plans: Plan, monthly_calls: int = 10_000) -> Campaign:
    """Return a campaign in front of a simulator that keeps WATI's limits.

    Args:
        plans: What becomes of the first leads' messages; the others are read within seconds.
        monthly_calls: WATI calls of a calendar month.
    """
    clock = FakeClock()
    simulator = Simulator(
        clock=clock,
        plans={digits(index): plan for index, plan in enumerate(plans)},
        limits=VendorLimits(),
    )
    return Campaign(simulator, clock, monthly_calls=monthly_calls)

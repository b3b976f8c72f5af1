"""The promise, checked against the simulator's own record: nothing doubled, nothing lost.

Its sentences, after every fault: each number has at most one message of a template and is never
messaged again once it may have arrived; sends per counsellor and day never exceed the limit; every
lead that was messaged is in the history; the recorded quota is never below the real sends; no CRM
row is lost.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from simulated.faults import FaultKind
from simulated.scripts import Hooks, Moment
from simulated.simulator import Call, Simulator

from lead_automation.clock import Clock
from lead_automation.files import Disk
from lead_automation.leads.hours import quota_day
from lead_automation.models import MAX_UNANSWERED_ATTEMPTS, MessageStatus
from lead_automation.sandbox.exchange import Endpoint, SimRequest
from lead_automation.state.fileledger import FileLedger, read_snapshot
from lead_automation.state.ledger import Ledger
from lead_automation.stored import MessageRecord

ZONE = ZoneInfo("Asia/Kolkata")
DOCUMENTED = frozenset({0, 2, 3, 4, 5, 6, 75, 130, 143})
"""Every exit code there is, but 1: a bug."""

HISTORY_DAYS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A message WATI took.

    Attributes:
        at: Steady seconds.
        day: The quota day it counts on, by the clock of the machine that sent it.
    """

    number: str
    template: str
    counsellor: str
    at: float
    day: date


class Witness:
    """Stand beside the simulator and write down each message it takes.

    Attributes:
        taken: In order.
    """

    def __init__(self, simulator: Simulator, clock: Clock) -> None:
        """Watch from now on."""
        self.simulator = simulator
        self.taken: list[Taken] = []
        self._clock = clock
        self._seen = len(simulator.messages)
        self.watch_alone()

    def watch_alone(self) -> None:
        """Take every other hook away."""
        self.simulator.hooks = Hooks()
        self.simulator.hooks.add(Moment.ACCEPTED, Endpoint.SEND, self._note, times=None)

    def _note(self, _request: SimRequest) -> None:
        # All of a batch went out in one POST.
        new = self.simulator.messages[self._seen :]
        self._seen += len(new)
        for message in new:
            self.taken.append(
                Taken(
                    number=message.number,
                    template=message.template,
                    counsellor=dict(message.parameters)["2"],
                    at=self._clock.monotonic(),
                    day=quota_day(self._clock.now(), ZONE),
                )
            )

    def check_posts(self, *, settle_s: float) -> None:
        """Check that nobody was messaged twice, nor anywhere near it."""
        messages = Counter((taken.number, taken.template) for taken in self.taken)
        doubled = {number: count for number, count in messages.items() if count > 1}
        assert not doubled, f"messaged twice: {doubled}"
        arrived = {taken.number: taken.at for taken in self.taken}
        unclear = Counter(
            call.number
            for call in self.simulator.calls[Endpoint.SEND]
            if call.number and may_have_arrived(call)
        )
        assert all(count <= MAX_UNANSWERED_ATTEMPTS for count in unclear.values()), unclear
        last: dict[str, Call] = {}
        for call in self.simulator.calls[Endpoint.SEND]:
            before = last.get(call.number)
            # Of a batch the call names nobody: there only what was taken tells.
            if before is not None and call.number:
                again = f"{call.number} was POSTed again"
                assert call.at <= arrived.get(call.number, call.at), f"{again} after it arrived"
                if may_have_arrived(before):
                    waited_s = call.at - before.at + 0.001  # sums of decimal seconds
                    assert waited_s >= settle_s, f"{again} after {waited_s} s"
            last[call.number] = call

    def check_limits(self, limits: Mapping[str, int]) -> None:
        """Check that nobody's daily limit was exceeded."""
        for (day, name), count in self.sends().items():
            assert count <= limits[name], f"{count} messages of {name} on {day}"

    def check_books(self, ledger: Ledger) -> None:
        """Check that history and quota know of everything that was sent."""
        known = {(record.day, record.phone): record for record in ledger.records()}
        for taken in self.taken:
            record = known.get((taken.day, f"+{taken.number}"))
            assert record is not None, f"{taken.number} is not in the history of {taken.day}"
            assert record.may_have_arrived, f"{taken.number} stands there as never messaged"
        for (day, name), count in self.sends().items():
            recorded = ledger.quota_used(day).get(name, 0)
            assert recorded >= count, f"{name}: {recorded} recorded, {count} sent on {day}"

    def check_rows(self, ledger: Ledger) -> None:
        """Check that the CRM has, or is owed, the row of every settled message."""
        known = {
            (str(row["lead_id"]), row.get("sent_at"), str(row["msg_status"]))
            for row in self.simulator.crm_rows
        }
        known |= {(row.lead_id, _shown(row.sent_at), row.msg_status) for row in ledger.owed_rows()}
        for record in ledger.records():
            if not record.unknown and not record.was_withdrawn:
                assert _has_row(record, known), f"the row of lead {record.lead_id} is lost"

    def sends(self) -> Counter[tuple[date, str]]:
        """Return the messages really sent, by day and counsellor."""
        return Counter((taken.day, taken.counsellor) for taken in self.taken)


def may_have_arrived(call: Call) -> bool:
    """Whether whoever made this send cannot know that it did not arrive."""
    if call.fault is not None:
        return call.fault is not FaultKind.REFUSED
    return call.status >= 500 or call.status == 408


def snapshot(disk: Disk, folder: Path, today: date) -> FileLedger:
    """Return what files and journal say together."""
    return read_snapshot(disk, folder, history_days=HISTORY_DAYS, today=today, zone=ZONE)


def _has_row(record: MessageRecord, known: set[tuple[str, object, str]]) -> bool:
    is_failed = record.sent_at is None or record.status is MessageStatus.FAILED
    words = ("failed",) if is_failed else ("sent", "delivered", "read")
    return any((record.lead_id, _shown(record.sent_at), word) in known for word in words)


def _shown(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment is not None else None

"""One message: the slot, the look, the reservation, the POST, the outcome, and another attempt."""

from collections import deque
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from fakes import FakeClock, ScriptedChance

from lead_automation.answers import ContactVerdict, LookupKind, StatusLookup
from lead_automation.campaign.board import Board
from lead_automation.campaign.consequences import Consequences, FailureRules
from lead_automation.campaign.ends import RunEnd, stopped
from lead_automation.campaign.gate import Gate, GateRules
from lead_automation.campaign.meter import CallMeter
from lead_automation.campaign.pacing import Pacer
from lead_automation.campaign.safety import SafetyMonitor
from lead_automation.campaign.sending import Delivery, Sender
from lead_automation.clock import StopFlag
from lead_automation.config import PacingPolicy, SafetyPolicy
from lead_automation.files import SystemDisk
from lead_automation.leads.hours import day_end, quota_day
from lead_automation.models import (
    Action,
    Counsellor,
    ErrorCategory,
    Failure,
    MessageRecord,
    MessageStatus,
    Outcome,
    Recipient,
    SendAttempt,
    Suppression,
    TemplateMessage,
)
from lead_automation.runs import LeadRow
from lead_automation.state.hold import HoldFile
from lead_automation.state.memory import MemoryLedger
from lead_automation.state.suppression import SuppressionList

ZONE = ZoneInfo("Asia/Kolkata")
TODAY = date(2026, 11, 23)
PHONE = "+919810000001"
ANANDI = Counsellor(name="Anandi", number="+919512270915", daily_limit=50)
KARAN = Counsellor(name="Karan", number="+919512270916", daily_limit=50)

YES = SendAttempt(outcome=Outcome.ACCEPTED, message_id="m-1")


def no(
    outcome: Outcome,
    category: ErrorCategory,
    action: Action = Action.NEXT,
    *,
    may_retry: bool = False,
    retry_after_s: float | None = None,
) -> SendAttempt:
    """Return what a POST came to when it was no yes."""
    return SendAttempt(
        outcome=outcome,
        failure=Failure(category=category, action=action, rule_id="r", text="words"),
        may_retry=may_retry,
        retry_after_s=retry_after_s,
    )


UNREACHABLE = no(Outcome.NOT_SENT, ErrorCategory.NETWORK_ERROR, may_retry=True)
SLOW_DOWN = no(Outcome.NOT_SENT, ErrorCategory.QUOTA_EXCEEDED, Action.WAIT, may_retry=True)
USED_UP = no(Outcome.NOT_SENT, ErrorCategory.QUOTA_EXCEEDED, Action.STOP)
REFUSED = no(Outcome.REFUSED, ErrorCategory.INVALID_NUMBER)
FORBIDDEN = no(Outcome.REFUSED, ErrorCategory.ACCOUNT_ISSUE, Action.STOP)
PASSING = no(Outcome.REFUSED, ErrorCategory.NETWORK_ERROR, Action.WAIT)
LOST = no(Outcome.UNKNOWN, ErrorCategory.NETWORK_ERROR)


class Wati:
    """Answers POSTs from a script, and notes what stood in the books at that moment."""

    def __init__(self, scene: "Scene", answers: tuple[SendAttempt, ...]) -> None:
        """Give these answers in turn."""
        self.clock_offset_s: float | None = 0.0
        self.posts: list[float] = []
        self.messages: list[TemplateMessage] = []
        self.reserved: list[MessageRecord | None] = []
        self.limit_s: deque[float] = deque()
        self._scene = scene
        self._answers = deque(answers)

    def send_wait_s(self) -> float:
        """Let the vendor's limit hold a send back as scripted."""
        return self.limit_s.popleft() if self.limit_s else 0.0

    def status_wait_s(self) -> float:
        """Allow every read."""
        return 0.0

    def send_template_message(self, message: TemplateMessage) -> SendAttempt:
        """Take a POST."""
        self.posts.append(self._scene.clock.monotonic())
        self.messages.append(message)
        self.reserved.append(self._scene.ledger.record(TODAY, "1"))
        return self._answers.popleft()

    def get_delivery_status(
        self,
        phone: str,  # noqa: ARG002
        *,
        template: str,  # noqa: ARG002
        message_id: str | None,  # noqa: ARG002
        not_before: datetime,  # noqa: ARG002
        deadline_s: float,  # noqa: ARG002
    ) -> StatusLookup:
        """Know nothing."""
        return StatusLookup(kind=LookupKind.NO_ANSWER)

    def check_whatsapp_status(
        self,
        phone: str,  # noqa: ARG002
        *,
        deadline_s: float,  # noqa: ARG002
    ) -> ContactVerdict | None:
        """Know nobody."""
        return None


class Follower:
    """Lets time pass in the waits, runs a test's action there, and notes what it is given."""

    def __init__(self, clock: FakeClock) -> None:
        """Begin with nothing to follow."""
        self.followed: list[MessageRecord] = []
        self.aside: list[MessageRecord] = []
        self.ready: list[MessageRecord] = []
        self.waits: list[float] = []
        self.during: Callable[[], RunEnd | None] = lambda: None
        self._clock = clock

    def work(self, seconds: float) -> RunEnd | None:
        """Use a wait."""
        self.waits.append(seconds)
        self._clock.advance(seconds)
        return self.during()

    def follow(self, delivery: Delivery, record: MessageRecord) -> None:  # noqa: ARG002
        """Follow an accepted message."""
        self.followed.append(record)

    def put_aside(self, delivery: Delivery, record: MessageRecord) -> None:  # noqa: ARG002
        """Keep an unknown one."""
        self.aside.append(record)

    def row_ready(self, record: MessageRecord) -> None:
        """Let a refused one's row go out."""
        self.ready.append(record)


class Console:
    """Keeps the last row of each position, and every line."""

    def __init__(self) -> None:
        """Begin with an empty page."""
        self.rows: dict[int, LeadRow] = {}
        self.lines: list[str] = []

    def put(self, row: LeadRow) -> None:
        """Keep a row."""
        self.rows[row.position] = row

    def sent(self, name: str, message_id: str | None) -> None:
        """Keep a line."""
        self.lines.append(f"sent {name} {message_id}")

    def delivered(self, name: str) -> None:
        """Keep a line."""
        self.lines.append(f"delivered {name}")

    def read(self, name: str) -> None:
        """Keep a line."""
        self.lines.append(f"read {name}")

    def failed(self, name: str, reason: str) -> None:
        """Keep a line."""
        self.lines.append(f"failed {name} {reason}")

    def pending(self, name: str, why: str) -> None:
        """Keep a line."""
        self.lines.append(f"pending {name} {why}")


class Scene:
    """A sender and everything around it."""

    def __init__(self, folder: Path, *answers: SendAttempt) -> None:
        """Let WATI give these answers; a send begins 1.5 seconds after the one before."""
        disk = SystemDisk()
        self.clock = FakeClock()
        self.stop = StopFlag()
        self.ledger = MemoryLedger(history_days=7, zone=ZONE)
        self.suppressions = SuppressionList(disk, folder)
        self.holds = HoldFile(disk, folder)
        self.wati = Wati(self, answers)
        self.follower = Follower(self.clock)
        self.console = Console()
        self.left = deque([ANANDI, ANANDI, ANANDI])
        self.is_open = True
        gate = Gate(
            rules=GateRules(is_open=lambda _: self.is_open, hours_text="09:00–21:00", zone=ZONE),
            hold=self.holds,
            suppressions=self.suppressions,
            meter=CallMeter(ledger=self.ledger, clock=self.clock, zone=ZONE, monthly_limit=100),
            stop=self.stop,
            clock=self.clock,
        )
        self.sender = Sender(
            wati=self.wati,
            ledger=self.ledger,
            gate=gate,
            pacer=Pacer(
                PacingPolicy(min_s=1.0, max_s=2.0), clock=self.clock, chance=ScriptedChance(0.5)
            ),
            follower=self.follower,
            consequences=Consequences(
                rules=FailureRules(
                    suppress_for={},
                    quality_rest=day_end(self.clock.now(), ZONE) - self.clock.now(),
                    quality_steps=(),
                ),
                safety=SafetyMonitor(
                    SafetyPolicy(meta_quality_stop_after=1, failure_streak_limit=2)
                ),
                suppressions=self.suppressions,
                hold=self.holds,
            ),
            board=Board(rows=self.console, log=self.console),
            compose=self._compose,
            choose=lambda _: self.left.popleft() if self.left else None,
            quota_day=lambda now: (quota_day(now, ZONE), day_end(now, ZONE)),
            clock=self.clock,
            chance=ScriptedChance(0.0),
        )

    @property
    def delivery(self) -> Delivery:
        """The lead on its way."""
        return self.delivery_to("1", PHONE)

    def delivery_to(self, lead_id: str, phone: str) -> Delivery:
        """Return a lead on its way."""
        row = LeadRow(position=int(lead_id), lead_id=lead_id, name="Asha")
        recipient = Recipient(lead_id=lead_id, name="Asha", phone=phone)
        return Delivery(row=row, recipient=recipient, counsellor=ANANDI)

    def _compose(self, recipient: Recipient, counsellor: Counsellor) -> TemplateMessage:
        return TemplateMessage(
            phone=recipient.phone,
            template="welcome",
            broadcast_name="b",
            parameters=(("1", recipient.name), ("2", counsellor.name)),
        )

    def suppress(self) -> None:
        """Let an operator suppress the number."""
        self.suppressions.add(
            Suppression(phone=PHONE, reason="called", source="operator", added_at=self.clock.now())
        )

    def record(self) -> MessageRecord | None:
        """What the history says of the lead."""
        return self.ledger.record(TODAY, "1")


def test_message_is_reserved_before_the_post_and_settled_after_it(tmp_path: Path) -> None:
    """At the moment of the POST the quota is used and the fate unknown; then it is accepted."""
    scene = Scene(tmp_path, YES)
    sent = scene.sender.send(scene.delivery)

    assert sent.attempt is YES
    assert sent.end is None
    (reserved,) = scene.wati.reserved
    assert reserved is not None
    assert (reserved.unknown, reserved.counsellor) == (True, "Anandi")
    record = scene.record()
    assert record is not None
    assert (record.unknown, record.message_id, record.attempts) == (False, "m-1", 1)
    assert scene.follower.followed == [record]
    assert scene.ledger.quota_used(TODAY) == {"Anandi": 1}
    assert scene.console.lines == ["sent Asha m-1"]


def test_message_waits_for_its_slot_and_for_the_vendors_limit(tmp_path: Path) -> None:
    """The longer of the two, and each wait is given to the follower."""
    scene = Scene(tmp_path, YES, YES)
    scene.sender.send(scene.delivery)
    scene.wati.limit_s.extend([0.5, 4.0])
    scene.sender.send(scene.delivery_to("2", "+919810000002"))

    assert scene.follower.waits == [1.5, 4.0]
    assert scene.wati.posts[1] - scene.wati.posts[0] == pytest.approx(5.5)


@pytest.mark.parametrize(
    ("outcome", "attempts", "used"),
    [(REFUSED, 1, {}), (LOST, 1, {"Anandi": 1})],
    ids=["refused", "unknown"],
)
def test_message_refused_or_unclear_is_never_repeated(
    tmp_path: Path, outcome: SendAttempt, attempts: int, used: dict[str, int]
) -> None:
    """A certain no gives the quota back; a doubt keeps it and is put aside."""
    scene = Scene(tmp_path, outcome)
    sent = scene.sender.send(scene.delivery)

    assert sent.attempt is outcome
    assert sent.end is None
    assert len(scene.wati.posts) == attempts
    assert {name: n for name, n in scene.ledger.quota_used(TODAY).items() if n} == used
    record = scene.record()
    assert record is not None
    assert record.unknown is (outcome is LOST)
    assert scene.follower.aside == ([record] if outcome is LOST else [])
    assert scene.follower.ready == ([] if outcome is LOST else [record])


@pytest.mark.parametrize(
    ("passing", "waits"),
    [
        (UNREACHABLE, [1.0, 2.0]),
        (SLOW_DOWN, [10.0, 10.0]),
        (PASSING, [1.0, 2.0]),
        (
            no(
                Outcome.NOT_SENT,
                ErrorCategory.QUOTA_EXCEEDED,
                Action.WAIT,
                may_retry=True,
                retry_after_s=7.0,
            ),
            [7.0, 7.0],
        ),
    ],
    ids=["unreachable", "429", "refused for a while", "Retry-After"],
)
def test_message_that_certainly_did_not_arrive_is_tried_again_in_place(
    tmp_path: Path, passing: SendAttempt, waits: list[float]
) -> None:
    """Three attempts, each with a wait that fits, a reservation and a look of its own."""
    scene = Scene(tmp_path, passing, passing, YES)
    sent = scene.sender.send(scene.delivery)

    assert sent.attempt is YES
    assert len(scene.wati.posts) == 3
    assert [wait for wait in scene.follower.waits if wait in waits] == waits
    assert scene.ledger.quota_used(TODAY) == {"Anandi": 1}
    assert [row.msg_status for row in scene.ledger.owed_rows()] == ["sent"]
    assert scene.console.lines == [
        "pending Asha words; tried again",
        "pending Asha words; tried again",
        "sent Asha m-1",
    ]


def test_message_that_never_left_in_three_attempts_is_given_up(tmp_path: Path) -> None:
    """The lead failed, the next one may be tried: one failure of the streak, not three."""
    scene = Scene(tmp_path, UNREACHABLE, UNREACHABLE, UNREACHABLE)
    sent = scene.sender.send(scene.delivery)

    assert sent.attempt is UNREACHABLE
    assert sent.end is None
    assert len(scene.wati.posts) == 3
    assert [row.msg_status for row in scene.ledger.owed_rows()] == ["failed"]
    assert not any(scene.ledger.quota_used(TODAY).values())


def test_message_limited_three_times_stops_the_run(tmp_path: Path) -> None:
    """Three spaced tries with a 429 are no rate limit any more."""
    scene = Scene(tmp_path, SLOW_DOWN, SLOW_DOWN, SLOW_DOWN)
    sent = scene.sender.send(scene.delivery)

    assert sent.end is not None
    assert sent.end.exit_code == 3
    assert sent.end.category is ErrorCategory.QUOTA_EXCEEDED
    assert "3 attempts" in sent.end.reason


@pytest.mark.parametrize("answer", [USED_UP, FORBIDDEN], ids=["usage limit", "forbidden"])
def test_message_with_a_stopping_answer_ends_the_run_at_once(
    tmp_path: Path, answer: SendAttempt
) -> None:
    """One POST, and the end it means."""
    scene = Scene(tmp_path, answer)
    sent = scene.sender.send(scene.delivery)

    assert sent.end is not None
    assert (sent.end.exit_code, len(scene.wati.posts)) == (3, 1)
    record = scene.record()
    assert record is not None
    assert record.status is MessageStatus.FAILED


def test_message_without_a_reason_is_an_unclassified_failure(tmp_path: Path) -> None:
    """A refusal without words counts for the streak like any other."""
    scene = Scene(tmp_path, SendAttempt(outcome=Outcome.REFUSED))
    scene.sender.send(scene.delivery)

    assert scene.console.rows[1].error_category is ErrorCategory.UNKNOWN_ERROR
    assert scene.console.lines == ["failed Asha no reason given"]


# --- the look right before the POST ---------------------------------------------------------------


@pytest.mark.parametrize("what", ["signal", "hours"])
def test_message_with_something_in_the_way_is_not_sent(tmp_path: Path, what: str) -> None:
    """Nothing is reserved, nothing is posted."""
    scene = Scene(tmp_path, YES)
    if what == "signal":
        scene.stop.request(2)
    else:
        scene.is_open = False
    sent = scene.sender.send(scene.delivery)

    assert sent.attempt is None
    assert sent.end is not None
    assert sent.end.exit_code == (130 if what == "signal" else 0)
    assert scene.wati.posts == []
    assert scene.record() is None


def test_message_to_a_suppressed_number_is_not_sent(tmp_path: Path) -> None:
    """The run goes on with the next lead."""
    scene = Scene(tmp_path, YES)
    scene.suppress()
    sent = scene.sender.send(scene.delivery)

    assert (sent.attempt, sent.end) == (None, None)
    assert sent.suppressed is not None
    assert scene.wati.posts == []
    assert scene.record() is None


@pytest.mark.parametrize("what", ["signal", "hours", "suppressed", "late failure", "no quota"])
def test_message_is_looked_at_again_before_every_further_attempt(tmp_path: Path, what: str) -> None:
    """Whatever comes up in the wait holds the second attempt back; the first one is the result."""
    scene = Scene(tmp_path, UNREACHABLE, YES)

    def happen() -> RunEnd | None:
        if what == "signal":
            scene.stop.request(15)
        elif what == "hours":
            scene.is_open = False
        elif what == "suppressed":
            scene.suppress()
        elif what == "no quota":
            scene.left.clear()
        return stopped("spam") if what == "late failure" else None

    scene.follower.during = happen
    sent = scene.sender.send(scene.delivery)

    assert len(scene.wati.posts) == 1
    assert sent.attempt is UNREACHABLE
    assert (sent.suppressed is not None) is (what == "suppressed")
    codes = {"signal": 143, "hours": 0, "late failure": 3, "no quota": 0}
    assert (sent.end.exit_code if sent.end else None) == codes.get(what)
    assert not any(scene.ledger.quota_used(TODAY).values())


@pytest.mark.parametrize("what", ["late failure", "signal"])
def test_message_whose_slot_never_comes_is_not_sent(tmp_path: Path, what: str) -> None:
    """What is learned in the pause before the first attempt counts as well."""
    scene = Scene(tmp_path, YES)
    scene.wati.limit_s.append(5.0)

    def happen() -> RunEnd | None:
        if what == "signal":
            scene.stop.request(15)
            return None
        return stopped("spam")

    scene.follower.during = happen
    sent = scene.sender.send(scene.delivery)

    assert sent.attempt is None
    assert sent.end is not None
    assert sent.end.exit_code == (143 if what == "signal" else 3)
    assert scene.wati.posts == []


def test_message_of_a_counsellor_who_ran_out_goes_to_another(tmp_path: Path) -> None:
    """Asked anew before each attempt; row, record and message name the one who got it."""
    scene = Scene(tmp_path, UNREACHABLE, YES)
    scene.left = deque([ANANDI, KARAN])
    scene.sender.send(scene.delivery)

    assert [message.parameters[1][1] for message in scene.wati.messages] == ["Anandi", "Karan"]
    assert {name: n for name, n in scene.ledger.quota_used(TODAY).items() if n} == {"Karan": 1}
    assert scene.console.rows[1].counsellor == "Karan"


def test_message_without_any_counsellor_left_ends_the_run_well(tmp_path: Path) -> None:
    """The day's quota is used up: completed, nothing reserved."""
    scene = Scene(tmp_path, YES)
    scene.left.clear()
    sent = scene.sender.send(scene.delivery)

    assert sent.attempt is None
    assert sent.end is not None
    assert sent.end.is_good
    assert scene.wati.posts == []

"""The look right before each POST."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from fakes import FakeClock

from lead_automation.campaign.gate import Gate, GateRules
from lead_automation.campaign.meter import CallMeter
from lead_automation.clock import StopFlag
from lead_automation.errors import StateError
from lead_automation.files import SystemDisk
from lead_automation.models import ErrorCategory, Hold, Suppression
from lead_automation.runs import RunStatus
from lead_automation.state.hold import HOLD_FILE, HoldFile
from lead_automation.state.memory import MemoryLedger
from lead_automation.state.suppression import SuppressionList

ZONE = ZoneInfo("Asia/Kolkata")
PHONE = "+919810000000"


class Scene:
    """A gate and everything it asks."""

    def __init__(self, folder: Path, *, is_open: Callable[[datetime], bool] | None = None) -> None:
        """Open, nothing held, nobody suppressed, ten calls left this month."""
        self.clock = FakeClock()
        self.stop = StopFlag()
        self.holds = HoldFile(SystemDisk(), folder)
        self.suppressions = SuppressionList(SystemDisk(), folder)
        self.ledger = MemoryLedger(history_days=7, zone=ZONE)
        self.gate = Gate(
            rules=GateRules(
                is_open=is_open or (lambda _: True), hours_text="09:00–21:00 IST", zone=ZONE
            ),
            hold=self.holds,
            suppressions=self.suppressions,
            meter=CallMeter(ledger=self.ledger, clock=self.clock, zone=ZONE, monthly_limit=10),
            stop=self.stop,
            clock=self.clock,
        )

    def set_hold(self, until: datetime | None) -> None:
        """Hold sending."""
        self.holds.set(
            Hold(
                reason="spam", since=self.clock.now(), evidence="e", what_to_do=("a",), until=until
            )
        )


def test_gate_with_nothing_in_the_way_lets_a_message_through(tmp_path: Path) -> None:
    """No end, no suppression."""
    scene = Scene(tmp_path)

    assert scene.gate.end_now() is None
    assert scene.gate.suppression_of(PHONE) is None


def test_gate_after_a_signal_ends_the_run_before_all_else(tmp_path: Path) -> None:
    """The signal decides the exit code, whatever else stands in the way."""
    scene = Scene(tmp_path, is_open=lambda _: False)
    scene.set_hold(None)
    scene.stop.request(15)
    end = scene.gate.end_now()

    assert end is not None
    assert end.exit_code == 143


def test_gate_while_held_ends_the_run_outside_hours_too(tmp_path: Path) -> None:
    """A hold is what the operator has to know, at night as well."""
    scene = Scene(tmp_path, is_open=lambda _: False)
    scene.set_hold(None)
    end = scene.gate.end_now()

    assert end is not None
    assert (end.status, end.exit_code) == (RunStatus.HELD, 6)
    assert "2026-11-23 11:30 IST" in end.reason


def test_gate_looks_at_the_hold_each_time(tmp_path: Path) -> None:
    """Set by anybody, over at its time, lifted by ``resume``."""
    scene = Scene(tmp_path)
    answers = []
    scene.set_hold(scene.clock.now() + timedelta(hours=1))
    answers.append(scene.gate.end_now() is None)
    scene.clock.advance(3600)
    answers.append(scene.gate.end_now() is None)
    scene.set_hold(None)
    answers.append(scene.gate.end_now() is None)
    scene.holds.lift()
    answers.append(scene.gate.end_now() is None)

    assert answers == [False, True, False, True]


def test_gate_with_a_damaged_hold_raises(tmp_path: Path) -> None:
    """What it said is not known, so nothing may be sent."""
    scene = Scene(tmp_path)
    (tmp_path / HOLD_FILE).write_text("{", encoding="utf-8")

    with pytest.raises(StateError):
        scene.gate.end_now()


def test_gate_outside_hours_ends_the_run_well(tmp_path: Path) -> None:
    """Exit 0: nothing went wrong; the hours are named. Asked with the time of now."""
    closes = FakeClock().now() + timedelta(hours=1)
    scene = Scene(tmp_path, is_open=lambda now: now < closes)

    assert scene.gate.end_now() is None
    scene.clock.advance(3600)
    end = scene.gate.end_now()
    assert end is not None
    assert (end.status, end.exit_code) == (RunStatus.OUTSIDE_WORKING_HOURS, 0)
    assert "09:00–21:00 IST" in end.reason


def test_gate_with_the_months_calls_used_up_stops(tmp_path: Path) -> None:
    """Before the vendor does; the next month begins with none."""
    scene = Scene(tmp_path)
    scene.ledger.count_calls("2026-11", 10)
    end = scene.gate.end_now()

    assert end is not None
    assert (end.exit_code, end.category) == (3, ErrorCategory.QUOTA_EXCEEDED)
    assert "WATI_MONTHLY_CALLS" in end.reason
    scene.clock.advance(8 * 86_400)
    assert scene.gate.end_now() is None


def test_gate_sees_a_suppression_entered_by_another_process(tmp_path: Path) -> None:
    """The file is read again when it changed, and an entry that ran out does not count."""
    scene = Scene(tmp_path)
    assert scene.gate.suppression_of(PHONE) is None
    other = SuppressionList(SystemDisk(), tmp_path)
    now = scene.clock.now()
    other.add(
        Suppression(
            phone=PHONE,
            reason="r",
            source="operator",
            added_at=now,
            until=now + timedelta(minutes=1),
        )
    )

    found = scene.gate.suppression_of(PHONE)
    assert found is not None
    assert found.source == "operator"
    scene.clock.advance(60)
    assert scene.gate.suppression_of(PHONE) is None

"""Build the steps of a run from the rooms' objects, so that the run itself only calls them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from lead_automation.campaign.board import Board, RowKeeper
from lead_automation.campaign.consequences import Consequences, FailureRules
from lead_automation.campaign.following import Follower
from lead_automation.campaign.gate import Gate, GateRules
from lead_automation.campaign.meter import CallMeter
from lead_automation.campaign.pacing import Pacer
from lead_automation.campaign.ports import (
    HoldPort,
    LogPort,
    RowPoster,
    SuppressionPort,
    WatiPort,
)
from lead_automation.campaign.reading import EARLIER_GRACE, GRACE, Advance, StatusReader
from lead_automation.campaign.rows import RowDesk
from lead_automation.campaign.safety import SafetyMonitor
from lead_automation.campaign.sending import Choose, Compose, Sender
from lead_automation.campaign.settling import EarlierMessages
from lead_automation.campaign.tail import Tail
from lead_automation.clock import Chance, Clock, Sleep, StopFlag
from lead_automation.config import PacingPolicy, SafetyPolicy, TrackingPolicy
from lead_automation.state.ledger import Ledger

QuotaDay = Callable[[datetime], tuple[date, datetime]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Time, chance and the stop signal, as passed in.

    Attributes:
        clock: Wall and steady clock.
        sleep: Waits; returns early when a stop was requested.
        chance: Draws in [0, 1).
        stop: Set by a signal.
    """

    clock: Clock
    sleep: Sleep
    chance: Chance
    stop: StopFlag


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """The rules a run is held to."""

    pacing: PacingPolicy
    tracking: TrackingPolicy
    safety: SafetyPolicy
    failures: FailureRules
    gate: GateRules
    quota_day: QuotaDay
    advance: Advance


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """What a run calls, in the order it calls them."""

    earlier: EarlierMessages
    gate: Gate
    sender: Sender
    tail: Tail
    board: Board


def make_earlier(
    *,
    wati: WatiPort,
    ledger: Ledger,
    suppressions: SuppressionPort,
    hold: HoldPort,
    meter: CallMeter,
    post: RowPoster,
    policies: Policies,
    machine: Machine,
) -> EarlierMessages:
    """Return the step that settles earlier runs; its failures are judged apart from this run's."""
    return EarlierMessages(
        reader=_reader(wati, ledger, policies, machine, grace=EARLIER_GRACE),
        ledger=ledger,
        post=post,
        meter=meter,
        consequences=Consequences(
            rules=policies.failures,
            safety=SafetyMonitor(policies.safety),
            suppressions=suppressions,
            hold=hold,
        ),
        quota_day=policies.quota_day,
        clock=machine.clock,
        sleep=machine.sleep,
        stop=machine.stop,
    )


def make_steps(
    *,
    wati: WatiPort,
    ledger: Ledger,
    suppressions: SuppressionPort,
    hold: HoldPort,
    meter: CallMeter,
    post: RowPoster,
    rows: RowKeeper,
    log: LogPort,
    compose: Compose,
    choose: Choose,
    policies: Policies,
    machine: Machine,
) -> Steps:
    """Return the steps of one run, joined to each other."""
    consequences = Consequences(
        rules=policies.failures,
        safety=SafetyMonitor(policies.safety),
        suppressions=suppressions,
        hold=hold,
    )
    gate = Gate(
        rules=policies.gate,
        hold=hold,
        suppressions=suppressions,
        meter=meter,
        stop=machine.stop,
        clock=machine.clock,
    )
    board = Board(rows=rows, log=log)
    desk = RowDesk(ledger=ledger, post=post, clock=machine.clock)
    follower = Follower(
        reader=_reader(wati, ledger, policies, machine),
        rows=desk,
        meter=meter,
        board=board,
        consequences=consequences,
        policy=policies.tracking,
        quota_day=policies.quota_day,
        clock=machine.clock,
        sleep=machine.sleep,
        stop=machine.stop,
    )
    pacer = Pacer(policies.pacing, clock=machine.clock, chance=machine.chance)
    sender = Sender(
        wati=wati,
        ledger=ledger,
        gate=gate,
        pacer=pacer,
        follower=follower,
        consequences=consequences,
        board=board,
        compose=compose,
        choose=choose,
        quota_day=policies.quota_day,
        clock=machine.clock,
        chance=machine.chance,
    )
    earlier = make_earlier(
        wati=wati,
        ledger=ledger,
        suppressions=suppressions,
        hold=hold,
        meter=meter,
        post=post,
        policies=policies,
        machine=machine,
    )
    tail = Tail(
        sender=sender,
        follower=follower,
        rows=desk,
        ledger=ledger,
        wait_s=policies.tracking.wait_s,
        stop=machine.stop,
    )
    return Steps(earlier=earlier, gate=gate, sender=sender, tail=tail, board=board)


def _reader(
    wati: WatiPort,
    ledger: Ledger,
    policies: Policies,
    machine: Machine,
    *,
    grace: timedelta = GRACE,
) -> StatusReader:
    return StatusReader(
        wati=wati,
        ledger=ledger,
        clock=machine.clock,
        advance=policies.advance,
        settle_s=policies.tracking.settle_s,
        grace=grace,
    )

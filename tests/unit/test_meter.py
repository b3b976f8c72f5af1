"""Calls counted: of the run, against its allowance, and of the month."""

from datetime import UTC, datetime

import pytest
from fakes import FakeClock
from ledgers import ZONE

from lead_automation.campaign.meter import CallMeter
from lead_automation.runs import CallKind
from lead_automation.state.memory import MemoryLedger


def make_meter(clock: FakeClock, *, limit: int = 10_000) -> CallMeter:
    """Return a meter of an empty ledger."""
    ledger = MemoryLedger(history_days=7, zone=ZONE)
    return CallMeter(ledger=ledger, clock=clock, zone=ZONE, monthly_limit=limit)


def count(meter: CallMeter, kind: CallKind, times: int = 1) -> None:
    """Count calls."""
    for _ in range(times):
        meter.count(kind)


def test_count_crm_calls_are_not_watis() -> None:
    """Calls to the CRM use neither the month nor the allowance."""
    meter = make_meter(FakeClock())

    count(meter, CallKind.LEADS)
    count(meter, CallKind.CRM_LOG)

    assert meter.month_calls == 0
    assert meter.left_for_reads(0) == 20


def test_count_contacts_use_the_month_but_not_the_allowance() -> None:
    """A contact look-up is a lead's own extra call."""
    meter = make_meter(FakeClock())

    count(meter, CallKind.CONTACTS)

    assert meter.month_calls == 1
    assert meter.left_for_reads(0) == 20


def test_left_for_reads_is_two_and_a_tenth_a_lead_and_twenty() -> None:
    """What was spent is taken from the allowance of the leads attempted so far."""
    meter = make_meter(FakeClock())

    count(meter, CallKind.SEND, 10)
    count(meter, CallKind.STATUS, 10)
    count(meter, CallKind.TEMPLATES)

    assert meter.left_for_reads(10) == pytest.approx(20)


def test_start_campaign_forgets_what_earlier_messages_cost() -> None:
    """Reads for earlier runs use the month, not this run's allowance."""
    meter = make_meter(FakeClock())
    count(meter, CallKind.STATUS, 15)

    meter.start_campaign()

    assert meter.left_for_reads(0) == 20
    assert meter.month_calls == 15


def test_month_begins_at_midnight_of_the_configured_zone() -> None:
    """A call after the month's last midnight in TIMEZONE is of the new month."""
    clock = FakeClock(datetime(2026, 11, 30, 18, 29, 59, tzinfo=UTC))
    meter = make_meter(clock, limit=2)
    count(meter, CallKind.SEND, 2)
    used_up_before = meter.is_month_used_up

    clock.advance(1)

    assert used_up_before
    assert not meter.is_month_used_up
    assert meter.month_calls == 0


@pytest.mark.parametrize(
    ("calls", "is_paused", "is_used_up"),
    [(79, False, False), (80, True, False), (99, True, False), (100, True, True)],
)
def test_month_shares_pause_reading_at_80_percent_and_end_at_100(
    calls: int,
    is_paused: bool,  # noqa: FBT001 - a column of the table
    is_used_up: bool,  # noqa: FBT001
) -> None:
    """The two marks are reached exactly, not passed."""
    meter = make_meter(FakeClock(), limit=100)

    count(meter, CallKind.SEND, calls)

    assert (meter.is_reading_paused, meter.is_month_used_up) == (is_paused, is_used_up)

"""Count WATI calls: of this run, against its allowance, and of the calendar month."""

from collections import Counter
from zoneinfo import ZoneInfo

from lead_automation.call_budget import (
    CALLS_PER_LEAD,
    LATER_READS_PER_LEAD,
    READING_PAUSE_SHARE,
    leads_a_month,
)
from lead_automation.campaign.ramp import planned_sizes
from lead_automation.clock import Clock
from lead_automation.runs import CallKind
from lead_automation.state.ledger import Ledger

SPARE_CALLS = 20
"""What a run may spend besides: template check, look-ups of unknown sends, re-reads at the end."""

SPARE_CALLS_IN_BATCHES = 6
"""The same of a run in batches, where a call tells of a hundred: four runs of seven POSTs then stay
within 0.35 calls a lead (contract, section 11)."""

_LEADS_A_RUN = 100
"""Of a run in batches, for what a month carries: four such runs are the nine counsellors' day."""


def month_carries(monthly_calls: int, *, batch_size: int) -> int:
    """Return how many leads a month's calls carry, each followed to its end.

    Args:
        monthly_calls: The plan's, all kinds.
        batch_size: Leads one POST carries at most.
    """
    if batch_size == 1:
        return leads_a_month(monthly_calls)
    posts = len(planned_sizes(_LEADS_A_RUN, batch_size))
    calls = posts * (CALLS_PER_LEAD + LATER_READS_PER_LEAD) + SPARE_CALLS_IN_BATCHES
    return leads_a_month(monthly_calls, calls / _LEADS_A_RUN)


class CallBudget:
    """Count every call as it leaves; those to WATI against the month and the run's allowance.

    Attributes:
        calls: Calls of this run by kind, the CRM's too.
        monthly_limit: WATI calls of a calendar month.
        spare_calls: What a run may spend besides its POSTs and their first reads.
    """

    def __init__(
        self,
        books: Ledger,
        *,
        clock: Clock,
        zone: ZoneInfo,
        monthly_limit: int,
        spare_calls: int = SPARE_CALLS,
    ) -> None:
        self._books = books
        self._clock = clock
        self._zone = zone
        self.monthly_limit = monthly_limit
        self.spare_calls = spare_calls
        self.calls: Counter[CallKind] = Counter()
        self._spent = 0

    def count(self, kind: CallKind) -> None:
        """Note a call; contact look-ups are a lead's own extra and do not use the allowance."""
        self.calls[kind] += 1
        if kind.is_wati:
            self._books.count_call(self._month())
            self._spent += kind is not CallKind.CONTACTS

    def start_campaign(self) -> None:
        """Begin the run's own allowance: what was spent on earlier runs' messages is not its."""
        self._spent = 0

    def left_for_reads(self, posts: int) -> float:
        """Return how many more calls the allowance of so many leads, or batches, carries."""
        return CALLS_PER_LEAD * posts + self.spare_calls - self._spent

    @property
    def month_calls(self) -> int:
        """WATI calls of the current month, all kinds, all runs."""
        return self._books.month_calls(self._month())

    @property
    def is_month_used_up(self) -> bool:
        """Whether the plan's quota of calls is spent."""
        return self.month_calls >= self.monthly_limit

    @property
    def is_reading_paused(self) -> bool:
        """Whether only unknown sends may still be read this month."""
        return self.month_calls >= self.monthly_limit * READING_PAUSE_SHARE

    def _month(self) -> str:
        return self._clock.now().astimezone(self._zone).strftime("%Y-%m")

"""Count WATI calls: of this run, against its allowance, and of the calendar month."""

from collections import Counter
from zoneinfo import ZoneInfo

from lead_automation.call_budget import CALLS_PER_LEAD, READING_PAUSE_SHARE
from lead_automation.clock import Clock
from lead_automation.runs import CallKind
from lead_automation.state.ledger import Ledger

SPARE_CALLS = 20
"""What a run may spend besides: template check, look-ups of unknown sends, re-reads at the end."""


class CallBudget:
    """Count every call as it leaves; those to WATI against the month and the run's allowance.

    Attributes:
        calls: Calls of this run by kind, the CRM's too.
        monthly_limit: WATI calls of a calendar month.
    """

    def __init__(self, books: Ledger, *, clock: Clock, zone: ZoneInfo, monthly_limit: int) -> None:
        self._books = books
        self._clock = clock
        self._zone = zone
        self.monthly_limit = monthly_limit
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

    def left_for_reads(self, leads: int) -> float:
        """Return how many more calls the allowance of this many attempted leads carries."""
        return CALLS_PER_LEAD * leads + SPARE_CALLS - self._spent

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

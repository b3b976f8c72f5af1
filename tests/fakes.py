"""Working fakes: a clock that only moves when told, and settings to build on."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle

from lead_automation.clock import Clock


class FakeClock(Clock):
    """A clock that moves when somebody sleeps, and steps when a test says so.

    Attributes:
        slept: Every wait asked for, in seconds, in order.
    """

    def __init__(self, start: datetime = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)) -> None:
        """Start at start; the default is a Monday, 11:30 in Asia/Kolkata."""
        self._now = start
        self._monotonic = 1000.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        """Return the wall clock."""
        return self._now

    def monotonic(self) -> float:
        """Return the steady clock."""
        return self._monotonic

    def sleep(self, seconds: float) -> None:
        """Move both clocks on."""
        assert seconds >= 0, "nobody may sleep a negative time"
        self.slept.append(seconds)
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Let time pass without a sleep being recorded."""
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds

    def step(self, seconds: float) -> None:
        """Set the wall clock on or back; the steady clock does not move."""
        self._now += timedelta(seconds=seconds)


class ScriptedChance:
    """Draw the given numbers in turn, for ever."""

    def __init__(self, *numbers: float) -> None:
        """Take at least one number in [0, 1)."""
        self._numbers: Iterator[float] = cycle(numbers or (0.5,))

    def __call__(self) -> float:
        """Draw the next."""
        return next(self._numbers)

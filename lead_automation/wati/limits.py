"""Stay under the vendor's rate limits, as the vendor counts them and not as we do."""

from collections import deque
from dataclasses import dataclass

from lead_automation.clock import Clock
from lead_automation.config import WatiPlan

WINDOW_S = 10.0
"""WATI counts calls per 10 seconds (https://docs.wati.io/reference/errors, read 2026-11-22)."""

# Sums of decimal seconds may come out a hair short, and a caller who has waited as told must not be
# sent to wait again: a negligible wait counts as none, and the window is longer by more than that.
_SLACK_S = 0.002
# Less than half of the slack: the two can never add up to a call too early.
_NEGLIGIBLE_S = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """How many calls of each kind the vendor takes in any window.

    Attributes:
        reads_per_window: Message lists, and as many contact look-ups: WATI counts them apart.
        window_s: Length of the window in seconds.
    """

    sends_per_window: int
    reads_per_window: int
    window_s: float = WINDOW_S

    @classmethod
    def of_plan(cls, plan: WatiPlan) -> "RateLimits":
        """Return the limits of a WATI plan."""
        return cls(sends_per_window=plan.sends_per_window, reads_per_window=plan.reads_per_window)


class RateLimiter:
    """Allow so many calls in a sliding window.

    A call reaches the server at some moment between its start and its end, which we cannot see.
    So a call may start once the window has passed since an old one *ended*: then the server finds
    the two at least a window apart, whatever the network did to either.

    Calls are made one after another, so nobody asks while one is under way.
    """

    def __init__(self, max_calls: int, window_s: float, clock: Clock) -> None:
        """Allow max_calls (1 or more) in any window_s seconds."""
        self._max_calls = max_calls
        self._window_s = window_s + _SLACK_S
        self._clock = clock
        # The oldest one must leave the window before another call may enter it.
        self._ended_at_s: deque[float] = deque(maxlen=max_calls)

    def wait_s(self) -> float:
        """Return the seconds until another call may start, 0 for now."""
        if len(self._ended_at_s) < self._max_calls:
            return 0.0
        left_s = self._ended_at_s[0] + self._window_s - self._clock.monotonic()
        return left_s if left_s > _NEGLIGIBLE_S else 0.0

    def note_end(self) -> None:
        """Note that a call is over, however it came out: WATI counts refused ones too."""
        self._ended_at_s.append(self._clock.monotonic())

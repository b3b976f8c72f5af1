"""Decide how long to wait: between sends, and before a send that never left is tried again."""

from lead_automation.clock import Chance, Clock
from lead_automation.config import PacingPolicy

ATTEMPTS_IN_PLACE = 3
"""POSTs at most for one lead before it is given up, when each certainly did not arrive."""

RATE_LIMIT_WAIT_S = 10.0
"""WATI's window: fits a 429 without Retry-After (docs.wati.io/reference/errors, 2026-11-22)."""


BACKOFF_BASE_S, BACKOFF_CAP_S = 1.0, 60.0
"""First wait after an attempt that never left, and the longest: a minute outlasts a restart."""

_MOST_DOUBLINGS = 32  # beyond it the power only overflows; the cap holds long since


def retry_delay_s(attempt: int, jitter: float) -> float:
    """Return the wait before the next attempt, in seconds: growing, at most BACKOFF_CAP_S.

    Args:
        attempt: The attempt that just failed, counted from 1.
        jitter: Random share in [0, 1), drawn by the caller; adds up to half of the base.

    Raises:
        ValueError: attempt is below 1.
    """
    if attempt < 1:
        msg = f"attempts count from 1, not {attempt}"
        raise ValueError(msg)
    growth = 2.0 ** min(attempt - 1, _MOST_DOUBLINGS)
    return min(BACKOFF_CAP_S, BACKOFF_BASE_S * (growth + jitter / 2))


class Pacer:
    """Keep the drawn distance from the start of one send to the start of the next."""

    def __init__(self, policy: PacingPolicy, *, clock: Clock, chance: Chance) -> None:
        self._policy = policy
        self._clock = clock
        self._chance = chance
        self._next_start = clock.monotonic()

    @property
    def next_start(self) -> float:
        """Monotonic second from which the next send may start."""
        return self._next_start

    def started(self, leads: int = 1) -> None:
        """Note that a send starts now, and draw the wait after it: of a batch, one a lead."""
        low, high = self._policy.min_s, self._policy.max_s
        wait_s = sum(low + (high - low) * self._chance() for _ in range(leads))
        self._next_start = self._clock.monotonic() + wait_s

"""Read the clock, sleep and draw random numbers: the only module that does.

Everything else takes a ``Clock``, a ``Sleep`` and a ``Chance`` as arguments, so that a test runs a
month of campaigns without waiting and a drawn number can be chosen.
"""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime

Sleep = Callable[[float], None]
"""Wait this many seconds (decimal, 0 or more); may return early when a stop was requested."""

Chance = Callable[[], float]
"""Draw a number in [0, 1)."""

# A signal handler may not wake a thread that waits on a lock it could itself be holding, so the
# sleeper looks at the flag instead; a tenth of a second keeps the promise "ends within 1 s".
_SLICE_S = 0.1


class Clock:
    """The machine's clock; a test puts one in its place that does not wait."""

    def now(self) -> datetime:
        """Return the wall clock: aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds since some fixed moment; never steps, says nothing of the date."""
        return time.monotonic()


class StopFlag:
    """Remember that a signal asked the run to end.

    Set from a signal handler, so it does nothing but store a number.
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None

    def request(self, signal_number: int) -> None:
        """Ask for the end; the first signal decides the exit code."""
        if self.signal_number is None:
            self.signal_number = signal_number

    @property
    def is_set(self) -> bool:
        """Whether an end was asked for."""
        return self.signal_number is not None


def make_sleep(stop: StopFlag) -> Sleep:
    """Return a real sleep that ends within a tenth of a second once a stop is requested."""

    def sleep(seconds: float) -> None:
        end = time.monotonic() + seconds
        while not stop.is_set and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _SLICE_S))

    return sleep


def system_chance() -> float:
    """Draw a number in [0, 1)."""
    return random.random()

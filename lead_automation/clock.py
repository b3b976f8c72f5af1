"""Read the clock, sleep and draw random numbers: the only module that does.

Everything else takes a ``Clock``, a ``Sleep`` and a ``Chance`` as arguments, so that a test runs a
month of campaigns without waiting and a drawn number can be chosen.
"""

import logging
import math
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from lead_automation.errors import ClockError

Sleep = Callable[[float], None]
"""Wait this many seconds (decimal, 0 or more); may return early when a stop was requested."""

Chance = Callable[[], float]
"""Draw a number in [0, 1)."""

# A signal handler may not wake a thread that waits on a lock it could itself be holding, so the
# sleeper looks at the flag instead; a tenth of a second keeps the promise "ends within 1 s".
_SLICE_S = 0.1

MAX_OFFSET_S = 600.0
"""A clock further off WATI's than this makes hours, quota days and look-ups worthless."""

_ODD_OFFSET_S = 60.0
"""Clocks that are kept agree within seconds, and no call lasts as long: more is a warning."""

_LONGEST_OFFSET_S = 4e9  # 126 years: a machine that begins in 1970 is still compared

_DATE_RESOLUTION_S = 1.0  # a Date names whole seconds: so much apart is agreement

# Linux's monotonic clock stands still while the machine sleeps; this one goes on.
_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", None)
_steady = time.monotonic if _BOOT_CLOCK is None else partial(time.clock_gettime, _BOOT_CLOCK)

_log = logging.getLogger(__name__)


class Clock:
    """The machine's clock; a test puts one in its place that does not wait."""

    def now(self) -> datetime:
        """Return the wall clock: aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds since some fixed moment; never steps, says nothing of the date.

        It goes on while the machine is suspended, where the system can tell (Linux).
        """
        return _steady()

    def at(self, steady_s: float) -> datetime:
        """Return what ``now`` was at a steady second of a moment ago."""
        return self.now() - timedelta(seconds=self.monotonic() - steady_s)


class RunClock(Clock):
    """The one clock of a run: hours, quota day, ages, pacing and every time written come from it.

    It reads the machine's wall clock once, when it is made, and from then on counts with the steady
    one: a wall clock that is set in mid-run changes nothing. The first ``Date`` of WATI's sets it,
    by seconds or minutes, so times in state are WATI's and runs of differently set machines agree.

    Attributes:
        started_at: When it was made, aware: by WATI's clock once that is known.
        offset_s: WATI's clock minus the machine's at the first ``Date``; None before.
    """

    def __init__(self, machine: Clock) -> None:
        self._machine = machine
        self._started_s = machine.monotonic()
        self.started_at = machine.now()
        self.offset_s: float | None = None
        self._apart: tuple[datetime, datetime] | None = None
        self._has_warned = False

    def now(self) -> datetime:
        """Return the run's time: aware, in UTC."""
        return self.started_at + timedelta(seconds=self.monotonic() - self._started_s)

    def monotonic(self) -> float:
        """Return the machine's steady seconds."""
        return self._machine.monotonic()

    @property
    def is_trusted(self) -> bool:
        """Whether WATI has told the time, and never another one."""
        return self.offset_s is not None and self._apart is None

    @property
    def was_never_right(self) -> bool:
        """Whether the first ``Date`` was too far off: then nothing may be dated by this clock."""
        return self.offset_s is not None and abs(self.offset_s) > MAX_OFFSET_S

    def hear(self, date: datetime | None, span_s: tuple[float, float]) -> None:
        """Set the clock by the first ``Date`` of WATI's, and compare it with each later one.

        Args:
            date: Of an answer, aware; None where it had none, which says nothing.
            span_s: Steady seconds between which it was made: of the call's begin and its answer's.
        """
        if date is None or self._apart is not None:
            return
        began_s, ended_s = span_s
        ours = self.at((began_s + ended_s) / 2)
        offset_s = _beyond((date - ours).total_seconds(), (ended_s - began_s) / 2)
        if abs(offset_s) > _LONGEST_OFFSET_S:
            return  # no time at all, and some zones could not even show it
        is_first = self.offset_s is None
        if is_first:
            self.offset_s = offset_s
        if abs(offset_s) > MAX_OFFSET_S:
            self._apart = ours, date
        elif is_first and abs(offset_s) > _DATE_RESOLUTION_S:
            # Once and never again, or ages and waits would jump with every noisy answer.
            self.started_at += timedelta(seconds=offset_s)
            _log.info("WATI's clock is %+.0f s off this machine's; the run goes by it", offset_s)
        elif abs(offset_s) > _ODD_OFFSET_S and not self._has_warned:
            self._has_warned = True
            _log.warning("WATI's clock is %+.0f s off the run's in mid-run", offset_s)

    def doubt(self, zone: ZoneInfo) -> ClockError | None:
        """Return why nothing more may be sent by this clock; None where nothing speaks against it.

        Args:
            zone: For the times in the message.
        """
        if self._apart is None:
            return None
        ours, theirs = (moment.astimezone(zone) for moment in self._apart)
        msg = (
            f"The clock of this machine is not trustworthy: it says {ours:%Y-%m-%d %H:%M:%S %Z}, "
            f"WATI's says {theirs:%Y-%m-%d %H:%M:%S %Z}."
        )
        hint = "Set the clock (or start time synchronisation), then run again."
        return ClockError(msg, hint=hint)


def _beyond(offset_s: float, doubt_s: float) -> float:
    """Return an offset less its doubt: a slow call, or one slept through, proves less."""
    return math.copysign(max(0.0, abs(offset_s) - doubt_s), offset_s)


class StopFlag:
    """Remember that a signal asked the run to end.

    Set from a signal handler, so it does nothing but store a number.

    Attributes:
        signal_number: Of the first signal; None before any.
        left_open: Says what a run that goes at once leaves open; None where there is nothing.
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self.left_open: Callable[[], str] | None = None

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
        end = _steady() + seconds
        while not stop.is_set and (left := end - _steady()) > 0:
            time.sleep(min(left, _SLICE_S))

    return sleep


def system_chance() -> float:
    """Draw a number in [0, 1)."""
    return random.random()

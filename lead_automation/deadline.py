"""Do something that may hang, and stop waiting for it in time."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

from lead_automation.clock import Clock

_T = TypeVar("_T")
_Outcomes = SimpleQueue[tuple[_T, None] | tuple[None, Exception]]
_Tasks = SimpleQueue[Callable[[], None] | None]

_STEADY = Clock().monotonic
# A signal handler only sets a flag, so the flag is looked at this often; 0.1 s keeps the promise
# that a run ends within a second of SIGTERM.
_SLICE_S = 0.1


class NoThreadError(OSError):
    """The machine gives no further thread; nothing was begun."""


class Worker:
    """A thread that does one thing after another, and is left alone with one that hangs.

    Only a thread can be left wherever it hangs: in the system's resolver, in a TLS handshake, or
    before a server that sends a byte now and then, with each of which a socket's timeout begins
    anew. One kept for many calls adds 0.02 ms to each; one started for each would add 0.25 ms.
    """

    def __init__(self) -> None:
        """Prepare; the thread starts with its first work."""
        self._tasks: _Tasks = SimpleQueue()
        self._is_started = False

    def run(self, work: Callable[[], _T], *, within_s: float, is_stopped: Callable[[], bool]) -> _T:
        """Do work on the thread and return its result; after an error, end the worker.

        What is given up may still go on for a while: the caller sees to it that it does no harm. It
        does not keep the process alive.

        Args:
            work: Must not touch what the caller goes on using.
            within_s: Seconds to wait, by the machine's steady clock.
            is_stopped: Asked ten times a second; True gives the work up before its time.

        Raises:
            TimeoutError: Given up, its time is over.
            InterruptedError: Given up, a stop was asked for.
            NoThreadError: There is no thread to do it on.
            Exception: What work raised.
        """
        # Not the caller's clock, which a test moves by hand: what hangs here hangs in real time.
        end = _STEADY() + within_s
        if not self._is_started:
            _start(self._tasks)
            self._is_started = True
        # A new queue for each call, so that a late result is never taken for the next one's.
        outcomes: _Outcomes[_T] = SimpleQueue()
        self._tasks.put(partial(_put_outcome, work, outcomes))
        while (left_s := end - _STEADY()) > 0:
            with suppress(Empty):
                result, error = outcomes.get(timeout=min(left_s, _SLICE_S))
                if error is not None:
                    raise error
                return result  # type: ignore[return-value]  # None only where work returned it
            if is_stopped():
                raise InterruptedError
        raise TimeoutError

    def start(self, work: Callable[[], object]) -> None:
        """Do work on the thread, after what it is at, without waiting; its result is dropped.

        Raises:
            NoThreadError: There is no thread to do it on.
        """
        if not self._is_started:
            _start(self._tasks)
            self._is_started = True
        self._tasks.put(partial(_put_outcome, work, SimpleQueue()))

    def end(self) -> None:
        """Let the thread go, after what it is at."""
        self._tasks.put(None)


def run_beside(works: Sequence[Callable[[], _T]], *, within_s: float) -> list[_T | None]:
    """Do several things at once, and return what each came to.

    Args:
        works: Must not raise. One that hangs is left alone, and does not hold up the others.
        within_s: Seconds for all of them together, by the machine's steady clock.

    Returns:
        In the order of works; None for what was not done in time, or had no thread.
    """
    end = _STEADY() + within_s
    done: SimpleQueue[tuple[int, _T]] = SimpleQueue()
    results: list[_T | None] = [None] * len(works)

    def put_result(place: int) -> None:
        done.put((place, works[place]()))

    started = 0
    for place in range(len(works)):
        with suppress(NoThreadError):
            Worker().start(partial(put_result, place))
            started += 1
    with suppress(Empty):
        for _ in range(started):
            place, result = done.get(timeout=max(0.0, end - _STEADY()))
            results[place] = result
    return results


def _start(tasks: _Tasks) -> None:
    def work_off() -> None:
        for task in iter(tasks.get, None):
            task()

    try:
        Thread(target=work_off, daemon=True, name="call").start()
    except RuntimeError as exc:  # what Python raises when the system refuses a thread
        raise NoThreadError(str(exc)) from exc


def _put_outcome(work: Callable[[], _T], outcomes: _Outcomes[_T]) -> None:
    try:
        outcomes.put((work(), None))
    except Exception as exc:  # noqa: BLE001 - raised again by whoever waits
        outcomes.put((None, exc))

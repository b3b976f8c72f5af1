"""Say how large the next batch may be and when it may go, from what became of the last; pure.

A batch cannot be called back. So a run begins with 5 people and earns each larger batch by words of
delivery: a bad template or a restriction then meets 5 of them, not 500.
"""

from dataclasses import dataclass
from enum import Enum

SMALLEST = 5
"""The first batch, and the one after trouble: enough people for a share to say something."""

_RUNGS = (SMALLEST, 10, 20)

WORD_SHARE = 0.8
"""Of a batch: so many have a word (sent or more, or failed) before it is judged by shares; phones
that are switched off get theirs late."""
FAILED_SHARE = 0.1
"""Above it something is wrong with template or account, not with people."""

_PATIENCE_S = 60.0  # a queue that works has told of nearly everybody by then
_SILENCE_S = 120.0  # twice that without a single word: WATI queues and does not send
# Early, because most words come within seconds; then few, because every read counts for the month.
_READ_AGES_S = (30.0, _PATIENCE_S, 90.0, _SILENCE_S)
_ASK_AGAIN_S = 10.0  # after a read that had no answer


def planned_sizes(leads: int, batch_size: int) -> list[int]:
    """Return the batches that so many leads go out in where each one earns the next."""
    sizes: list[int] = []
    rungs = iter(_RUNGS)
    while (left := leads - sum(sizes)) > 0:
        sizes.append(min(left, batch_size, next(rungs, batch_size)))
    return sizes


class Move(Enum):
    """What comes after a batch."""

    WAIT = "wait"
    """Nothing yet: read the batch at ``Step.wait_until_s``, then ask again."""
    GROW = "grow"
    KEEP = "keep"
    BACK = "back"
    """Back to the smallest size."""
    STOP = "stop"
    """End the run (exit 3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchState:
    """What is known of the last batch.

    Attributes:
        size: Leads of its POST, 1 or more.
        known: Of them, those with a word: sent or more, or failed or refused.
        arrived: Of them, those delivered or read.
        failed: Of them, those that failed or were refused for reasons that are not the person's own
            (``wati.failures.is_persons_own``).
        age_s: Seconds since its POST.
        read_at_s: ``age_s`` at its last read that had a definite answer; None before.
        is_unknown: Its POST had no clear answer.
    """

    size: int
    known: int = 0
    arrived: int = 0
    failed: int = 0
    age_s: float
    read_at_s: float | None = None
    is_unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What the ramp says.

    Attributes:
        size: Of the next batch, for every move but WAIT and STOP; else 0.
        wait_until_s: For WAIT: age of the last batch, in seconds, at which it is read again.
        reason: For STOP, for people; for BACK, for the log.
    """

    move: Move
    size: int = 0
    wait_until_s: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """The rules of one run.

    Attributes:
        batch_size: ``BATCH_SIZE``.
        first_read_s: ``TRACKING_FIRST_READ_SECONDS``.
    """

    batch_size: int
    first_read_s: float

    @property
    def first_size(self) -> int:
        """Size of a run's first batch, and of the one after trouble."""
        return min(SMALLEST, self.batch_size)

    def next_step(self, size: int, batch: BatchState, *, month_is_tight: bool = False) -> Step:
        """Return what comes after the last batch.

        Args:
            size: What the ramp allowed for it (the batch itself may have been smaller).
            batch: What is known of it now.
            month_is_tight: 80 % of the month's calls are used: one read each, and no growth.
        """
        if batch.known >= SMALLEST and batch.failed * 2 > batch.known:
            reason = f"{batch.failed} of {batch.known} messages of one batch failed"
            return Step(move=Move.STOP, reason=reason)
        if batch.known < batch.size:  # else every word is in, and no read could add one
            if batch.age_s < self.first_read_s:
                return Step(move=Move.WAIT, wait_until_s=self.first_read_s)
            if batch.is_unknown:  # settled by asking for it, minutes later
                return self._back("a batch had no clear answer")
            if (step := self._patience(batch, month_is_tight=month_is_tight)) is not None:
                return step
        if month_is_tight:
            return Step(move=Move.KEEP, size=self.first_size)
        return self._judge(size, batch)

    def _patience(self, batch: BatchState, *, month_is_tight: bool) -> Step | None:
        """Return why the batch is not judged yet, or never will be; None where it is."""
        if batch.read_at_s is None:
            return self._unread(batch, since_s=0.0)
        if month_is_tight:
            return None
        if batch.known:
            is_early = batch.known < WORD_SHARE * batch.size and batch.age_s < _PATIENCE_S
            return self._wait(batch) if is_early else None
        if batch.read_at_s < _SILENCE_S:
            return self._unread(batch, since_s=batch.read_at_s)
        # What is queued would all go out later, in one piece and after everybody looked away.
        reason = (
            f"WATI took {batch.size} messages {batch.age_s:.0f} s ago and has sent none of them: "
            "it may lack credit, or Meta may hold the template back"
        )
        return Step(move=Move.STOP, reason=reason)

    def _unread(self, batch: BatchState, *, since_s: float) -> Step:
        """Wait for a definite read, but not for ever."""
        if batch.age_s - since_s < _PATIENCE_S:
            return self._wait(batch)
        return self._back(f"no status read was answered in {_PATIENCE_S:.0f} s")

    def _wait(self, batch: BatchState) -> Step:
        last_s = -1.0 if batch.read_at_s is None else batch.read_at_s
        ages = sorted({self.first_read_s, *_READ_AGES_S})
        due_s = next((age for age in ages if age > last_s), 0.0)
        if due_s <= batch.age_s:  # that read was made and had no answer
            due_s = batch.age_s + _ASK_AGAIN_S
        return Step(move=Move.WAIT, wait_until_s=due_s)

    def _judge(self, size: int, batch: BatchState) -> Step:
        if batch.failed > FAILED_SHARE * batch.size:
            return self._back(f"{batch.failed} of {batch.size} messages of a batch failed")
        if batch.known >= WORD_SHARE * batch.size and batch.arrived:
            return Step(move=Move.GROW, size=self._rung_above(size))
        return Step(move=Move.KEEP, size=size)

    def _rung_above(self, size: int) -> int:
        rungs = (*_RUNGS, self.batch_size)
        return min(self.batch_size, next((rung for rung in rungs if rung > size), size))

    def _back(self, reason: str) -> Step:
        return Step(move=Move.BACK, size=self.first_size, reason=reason)

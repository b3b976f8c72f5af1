"""Decide when the campaign must stop: the rules that keep the account alive.

Answers at the send and news that comes later are two sequences: between two late failures of
neighbouring leads there is always an acceptance of a third one, which says nothing about them.
"""

from dataclasses import dataclass, field

from lead_automation.config import SafetyPolicy
from lead_automation.models import Action, ErrorCategory, Failure, HoldKind, MessageStatus

REPEATED = 3
"""Failures of one kind in a row that make "stop if repeated" a stop."""

SHARE_MINIMUM = 20
"""Messages with a final word before the share of failures is judged."""

SHARE_LIMIT = 0.5
"""Above it a run harms the sending number more than it serves anybody (contract, section 6)."""

# Both may mean that something is wrong between us and WATI; every other category says what it is.
_STREAK = (ErrorCategory.NETWORK_ERROR, ErrorCategory.UNKNOWN_ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class StopOrder:
    """Why the campaign stops at once.

    Attributes:
        category: Of the failure that decided, the last one of a streak; None for a share.
        hold: Whether and how long all sending is held.
        is_meta_quality: The five-step checklist is shown.
    """

    reason: str
    category: ErrorCategory | None = None
    hold: HoldKind | None = None
    is_meta_quality: bool = False


@dataclass(slots=True)
class _Sequence:
    streak: int = 0
    repeated: dict[str, int] = field(default_factory=dict)

    def good(self) -> None:
        self.streak = 0
        self.repeated.clear()

    def bad(self, failure: Failure) -> int:
        """Count a failure; return how many of its kind stand in a row."""
        self.streak = self.streak + 1 if failure.category in _STREAK else 0
        count = self.repeated.get(failure.rule_id, 0) + 1
        self.repeated = {failure.rule_id: count}
        return count


class SafetyMonitor:
    """Watch the run's answers and later statuses; say when to stop."""

    def __init__(self, policy: SafetyPolicy) -> None:
        self._policy = policy
        self._at_send = _Sequence()
        self._late = _Sequence()
        self._quality_refusals = 0
        self._good = 0
        self._failed = 0

    def accepted(self) -> None:
        """Note an accepted send."""
        self._at_send.good()

    def arrived(self, *, first_word: bool) -> StopOrder | None:
        """Note that a message was delivered or read.

        Args:
            first_word: Whether it had not counted as arrived before. Another word about an old
                message is no news between two late failures.
        """
        if not first_word:
            return None
        self._late.good()
        self._good += 1
        return self._share_stop()

    def failed(self, failure: Failure, *, late: bool, is_final: bool = True) -> StopOrder | None:
        """Note a failure and return the stop it means, if any.

        Args:
            failure: As classified.
            late: Learned from a status, not from the send's answer.
            is_final: False for a send whose fate is unknown: it may yet have arrived, so it is no
                part of the share of failures.
        """
        self._failed += is_final
        sequence = self._late if late else self._at_send
        in_a_row = sequence.bad(failure)
        return (
            self._quality_stop(failure)
            or _own_stop(failure, in_a_row)
            or self._streak_stop(sequence, failure)
            or self._share_stop()
        )

    def _quality_stop(self, failure: Failure) -> StopOrder | None:
        if not failure.is_meta_quality:
            return None
        self._quality_refusals += 1
        count, limit = self._quality_refusals, self._policy.meta_quality_stop_after
        known, share = self._good + self._failed, self._policy.meta_quality_stop_share
        # Both: how many, and of how many; the count alone says too little of a large run.
        if count < limit or count * 100 < known * share:
            return None
        return StopOrder(
            reason=f"Meta quality restriction: {count} message{'s' * (count > 1)} refused "
            f'("{failure.text}"); META_QUALITY_STOP_AFTER={limit}',
            category=failure.category,
            hold=HoldKind.UNTIL_DAY_ENDS,
            is_meta_quality=True,
        )

    def _streak_stop(self, sequence: _Sequence, failure: Failure) -> StopOrder | None:
        if sequence.streak < self._policy.failure_streak_limit:
            return None
        limit = self._policy.failure_streak_limit
        return StopOrder(
            reason=f"{sequence.streak} network or unclassified failures in a row "
            f"(FAILURE_STREAK_LIMIT={limit}); the last: {failure.text}",
            category=failure.category,
        )

    def _share_stop(self) -> StopOrder | None:
        known = self._good + self._failed
        if known < SHARE_MINIMUM or self._failed <= known * SHARE_LIMIT:
            return None
        return StopOrder(
            reason=f"more than half of the messages failed: {self._failed} of the {known} with a "
            "final word"
        )


def is_first_arrival(before: MessageStatus, after: MessageStatus) -> bool:
    """Return whether a status change is the first word that a message arrived."""
    arrived = (MessageStatus.DELIVERED, MessageStatus.READ)
    return after in arrived and before not in arrived


def _own_stop(failure: Failure, in_a_row: int) -> StopOrder | None:
    """Return the stop the failure itself orders."""
    stops = failure.action is Action.STOP or (
        failure.action is Action.STOP_IF_REPEATED and in_a_row >= REPEATED
    )
    if not stops:
        return None
    return StopOrder(
        reason=f"{failure.category.name}: {failure.text}",
        category=failure.category,
        hold=failure.hold,
    )

"""What messages are counted as, and the shares that follow from it."""

from msgspec import Struct

from lead_automation.stored import Count


class Rates(Struct, frozen=True, kw_only=True):
    """Shares in per cent, None of nothing: failed of the attempted, the others of the sent."""

    delivered: float | None
    read: float | None
    replied: float | None
    failed: float | None


class MessageCounts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What became of the messages: ``failed`` at once or later, ``pending`` without a word.

    ``replied`` are known on v3 alone; they count as read too.
    """

    sent: Count
    delivered: Count
    read: Count
    failed: Count
    pending: Count
    replied: Count = 0

    def rates(self, attempted: int) -> Rates:
        """Return how many of the sent arrived and were read, and of the attempted failed."""
        return Rates(
            delivered=per_cent(self.delivered, self.sent),
            read=per_cent(self.read, self.sent),
            # v1 and v2 tell of none, and "0 %" would say that nobody wrote back.
            replied=per_cent(self.replied, self.sent) if self.replied else None,
            failed=per_cent(self.failed, attempted),
        )

    def success_rate(self, attempted: int) -> float | None:
        """Return (sent − failed later) / attempted in per cent; None before any final word.

        Without one, a run that was cut off right after its sends would show 100 %.
        """
        if not self.delivered + self.failed:
            return None
        return per_cent(self.delivered + self.pending, attempted)


class CounsellorFigures(MessageCounts, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One counsellor's part of a run; ``sent`` is accepted by WATI, ``delivered`` includes read."""

    used_today: Count
    daily_limit: Count

    def unknown(self, assigned: int) -> int:
        """Return how many of the leads assigned are neither accepted nor failed."""
        return max(0, assigned - self.delivered - self.pending - self.failed)


class MonthCalls(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """WATI calls of the calendar month, the plan's quota of them, and the leads that carries.

    ``carries`` is 0 in documents from before it was kept.
    """

    calls: Count
    limit: Count
    carries: Count = 0


def per_cent(part: int, whole: int) -> float | None:
    """Return a share in per cent (0 to 100), rounded half up to a tenth; None of nothing.

    Whole numbers until the last step, so that 93.75 cannot become 93.7 on the way.
    """
    return None if whole == 0 else (2000 * part + whole) // (2 * whole) / 10

"""Choose who a lead is given to: by chance, among those whose quota is used least."""

from collections.abc import Mapping, Sequence

from lead_automation.models import Counsellor


def quota_left(counsellors: Sequence[Counsellor], used: Mapping[str, int]) -> int:
    """Return how many messages all counsellors together may still be given today.

    Args:
        counsellors: Names and daily limits.
        used: Messages counted today by counsellor name; a missing name has used none, a limit
            lowered below what was used leaves none.
    """
    return sum(_left(counsellor, used) for counsellor in counsellors)


def choose_counsellor(
    counsellors: Sequence[Counsellor], used: Mapping[str, int], draw: float
) -> Counsellor | None:
    """Return a counsellor with quota left, or None when nobody has any.

    It is one of those who have used the smallest share of their daily limit, so a run of any
    length spreads evenly, and all run out at about the same time.

    Args:
        counsellors: Names and daily limits.
        used: As for ``quota_left``.
        draw: A random number in [0, 1), drawn by the caller.
    """
    shares = {
        counsellor: used.get(counsellor.name, 0) / counsellor.daily_limit
        for counsellor in counsellors
        if _left(counsellor, used)
    }
    least = min(shares.values(), default=0.0)
    tied = [counsellor for counsellor, share in shares.items() if share == least]
    return tied[int(draw * len(tied))] if tied else None


def _left(counsellor: Counsellor, used: Mapping[str, int]) -> int:
    return max(0, counsellor.daily_limit - used.get(counsellor.name, 0))

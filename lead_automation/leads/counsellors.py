"""Choose who a lead is given to: by chance, weighted by the quota each has left."""

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

    Whoever has twice as much left is twice as likely, so all run out at about the same time.

    Args:
        counsellors: Names and daily limits.
        used: As for ``quota_left``.
        draw: A random number in [0, 1), drawn by the caller.
    """
    total = quota_left(counsellors, used)
    ticket = int(draw * total)
    for counsellor in counsellors:
        left = _left(counsellor, used)
        if ticket < left:
            return counsellor
        ticket -= left
    return None


def _left(counsellor: Counsellor, used: Mapping[str, int]) -> int:
    return max(0, counsellor.daily_limit - used.get(counsellor.name, 0))

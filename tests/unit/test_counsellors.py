"""Quota left and the weighted choice."""

import pytest

from lead_automation.leads.counsellors import choose_counsellor, quota_left
from lead_automation.models import Counsellor


def make_counsellors(**limits: int) -> tuple[Counsellor, ...]:
    """Return counsellors by name and daily limit."""
    return tuple(
        Counsellor(name=name, number="+919812345678", daily_limit=limit)
        for name, limit in limits.items()
    )


@pytest.mark.parametrize(
    ("used", "left"),
    [({}, 60), ({"A": 10}, 50), ({"A": 50, "B": 10}, 0), ({"A": 99}, 10), ({"Gone": 7}, 60)],
)
def test_quota_left_sums_what_each_has_left(used: dict[str, int], left: int) -> None:
    """Nobody has less than nothing left, and strangers in the file count for nobody."""
    assert quota_left(make_counsellors(A=50, B=10), used) == left


@pytest.mark.parametrize(
    ("draw", "name"), [(0.0, "A"), (0.249, "A"), (0.25, "C"), (0.5, "C"), (0.999999999999, "C")]
)
def test_choice_by_draw_is_weighted_by_quota_left(draw: float, name: str) -> None:
    """A quarter of the draws falls to who has a quarter of the quota; none to who has none."""
    chosen = choose_counsellor(make_counsellors(A=10, B=5, C=30), {"B": 5}, draw)

    assert chosen is not None
    assert chosen.name == name


def test_choice_over_all_draws_matches_the_weights() -> None:
    """Evenly spread draws give each counsellor exactly the share of quota left."""
    counsellors = make_counsellors(A=50, B=30, C=20)

    chosen = [choose_counsellor(counsellors, {"A": 10}, i / 900) for i in range(900)]
    names = [counsellor.name for counsellor in chosen if counsellor is not None]

    assert {name: names.count(name) for name in "ABC"} == {"A": 400, "B": 300, "C": 200}


@pytest.mark.parametrize("limits", [{}, {"A": 0}, {"A": 3, "B": 0}])
def test_choice_without_quota_is_nobody(limits: dict[str, int]) -> None:
    """Nobody is chosen when all have used up their quota or are on leave."""
    assert choose_counsellor(make_counsellors(**limits), {"A": 3}, 0.5) is None

"""Quota left, and who gets the next lead."""

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
    ("used", "names"),
    [
        ({"B": 5}, "AC"),  # B has none left
        ({"A": 1}, "BC"),
        ({"A": 2, "B": 1, "C": 6}, "ABC"),  # a fifth each
        ({"A": 2, "B": 2, "C": 5}, "C"),
        ({"A": 10, "B": 5, "C": 29}, "C"),
    ],
)
def test_choice_is_by_chance_among_those_whose_quota_is_used_least(
    used: dict[str, int], names: str
) -> None:
    """By the share of the daily limit; evenly spread draws give each of them as many."""
    counsellors = make_counsellors(A=10, B=5, C=30)

    chosen = [choose_counsellor(counsellors, used, i / 60) for i in range(60)]
    found = [counsellor.name for counsellor in chosen if counsellor is not None]

    assert {name: found.count(name) for name in names} == dict.fromkeys(names, 60 // len(names))


def test_choice_spreads_a_short_run_evenly() -> None:
    """Nine messages of nine counsellors are one each, whatever is drawn."""
    counsellors = make_counsellors(**dict.fromkeys("ABCDEFGHI", 50))
    used: dict[str, int] = {}
    for draw in (0.99, 0.0, 0.5, 0.3, 0.7, 0.1, 0.9, 0.2, 0.4):
        chosen = choose_counsellor(counsellors, used, draw)
        assert chosen is not None
        used[chosen.name] = used.get(chosen.name, 0) + 1

    assert used == dict.fromkeys(used, 1)
    assert len(used) == 9


@pytest.mark.parametrize("limits", [{}, {"A": 0}, {"A": 3, "B": 0}])
def test_choice_without_quota_is_nobody(limits: dict[str, int]) -> None:
    """Nobody is chosen when all have used up their quota or are on leave."""
    assert choose_counsellor(make_counsellors(**limits), {"A": 3}, 0.5) is None

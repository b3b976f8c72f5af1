"""The benchmark program: its figures and table, and that it still runs; no time is asserted."""

import json
from pathlib import Path

import pytest
from benchmarks import calls, history, program
from benchmarks.figures import (
    Figure,
    document,
    halves,
    paired_ratio,
    shown,
    table,
    tenths,
)
from benchmarks.overhead import TURN, Turns
from benchmarks.pace import LEADS, PACING, Draws
from benchmarks.simulation import NEVER_READ

from lead_automation.call_budget import (
    CALLS_PER_LEAD,
    LATER_READS_PER_LEAD,
    READING_PAUSE_SHARE,
    leads_a_month,
)
from lead_automation.campaign.settling import LATER_READS
from lead_automation.config import WatiPlan
from lead_automation.files import SystemDisk
from lead_automation.runs import CallKind
from lead_automation.state.jsonstore import load_state


def _figure(
    measured: float, *, at_most: float | None = None, at_least: float | None = None
) -> Figure:
    return Figure(
        benchmark="x", name="y", measured=measured, unit="ms", at_most=at_most, at_least=at_least
    )


@pytest.mark.parametrize(
    ("figure", "target", "is_ok"),
    [
        (_figure(1.4, at_most=1.4), "≤ 1.400", True),
        (_figure(1.401, at_most=1.4), "≤ 1.400", False),
        (_figure(0.95, at_least=0.95), "≥ 0.950", True),
        (_figure(0.94, at_least=0.95), "≥ 0.950", False),
        (_figure(1.3, at_least=0.8, at_most=1.2), "≥ 0.800 ≤ 1.200", False),
        (_figure(7.0), "", None),
    ],
)
def test_figure_beside_its_target_says_whether_it_is_met(
    figure: Figure, target: str, *, is_ok: bool | None
) -> None:
    """A target is met at its very edge; without one there is nothing to meet."""
    found = (figure.target, figure.is_ok)

    assert found == (target, is_ok)


@pytest.mark.parametrize(
    ("value", "text"),
    [(3.0, "3"), (10000.0, "10,000"), (1.0304, "1.030"), (45.678, "45.7"), (2413.6, "2,414")],
)
def test_shown_number_has_the_places_that_tell_something(value: float, text: str) -> None:
    """Small figures get decimals, large ones do not."""
    assert shown(value) == text


def test_paired_ratio_is_the_median_of_neighbours() -> None:
    """One slow moment of the machine spoils one pair, not the figure."""
    ratio = paired_ratio([2.0, 30.0, 2.2], [1.0, 1.0, 1.0])

    assert ratio == pytest.approx(2.2)


def test_tenths_and_halves_are_of_beginning_and_end() -> None:
    """What is left over in the middle belongs to no part."""
    values = [float(number) for number in range(21)]

    assert tenths(values) == ([0.0, 1.0], [19.0, 20.0])
    assert halves(values) == (values[:10], values[11:])


def test_table_and_document_show_every_figure() -> None:
    """A miss catches the eye in the table; the document keeps the numbers as they are."""
    figures = [_figure(1.5, at_most=1.4), _figure(0.25)]

    lines = table(figures).splitlines()
    kept = document(figures, python="3.11.0", platform="Linux")

    assert len({line.find("ms") for line in lines[1:]}) <= 2
    assert "MISS" in lines[1]
    assert "MISS" not in lines[2]
    assert kept["figures"] == [
        {
            "benchmark": "x",
            "name": "y",
            "measured": measured,
            "unit": "ms",
            "at_most": at_most,
            "at_least": None,
            "ok": is_ok,
            "note": "",
        }
        for measured, at_most, is_ok in ((1.5, 1.4, False), (0.25, None, None))
    ]


def test_turns_weigh_sends_and_rows_by_their_time() -> None:
    """The ratio of a lead is that of its parts, each as heavy as the bare loop's time for it."""
    turns = Turns()

    for _ in range(3):
        turns.took(CallKind.SEND, 3.0, 2.0)
        turns.took(CallKind.CRM_LOG, 1.0, 1.0)

    assert turns.ratio == pytest.approx(4.0 / 3.0)
    assert turns.per_lead_s == (4.0 / TURN, 3.0 / TURN)
    assert turns.total_s == pytest.approx(21.0)


def test_draws_come_twice_and_only_as_often_as_expected() -> None:
    """A lead takes two numbers, the same; were it ever three, the pace could not be judged."""
    draws = Draws()
    numbers = [draws() for _ in range(2 * LEADS)]

    waits_s = draws.waits_s()

    assert numbers[0::2] == numbers[1::2]
    assert len(waits_s) == LEADS
    assert all(PACING.min_s <= wait_s < PACING.max_s for wait_s in waits_s)
    draws()
    with pytest.raises(RuntimeError, match="numbers drawn"):
        draws.waits_s()


@pytest.mark.parametrize(
    ("plan", "leads"),
    [(WatiPlan.GROWTH, 1951), (WatiPlan.PRO, 39024), (WatiPlan.BUSINESS, 3902439)],
)
def test_leads_a_month_by_plan_leave_a_fifth_of_the_calls(plan: WatiPlan, leads: int) -> None:
    """What a plan carries with every message followed, at the most calls a lead can cost."""
    carried = leads_a_month(plan.monthly_calls)

    assert carried == leads
    assert carried * (CALLS_PER_LEAD + LATER_READS_PER_LEAD) <= (
        plan.monthly_calls * READING_PAUSE_SHARE
    )
    assert len(LATER_READS) == LATER_READS_PER_LEAD


def test_simulated_days_of_messages_never_read_keep_to_the_allowance() -> None:
    """The smallest simulation: each lead one send and reads, in its run and on later days."""
    spent = calls.simulate(NEVER_READ, calls.Size(leads=12, days=2, runs=2))

    assert 2.0 <= spent.in_run <= CALLS_PER_LEAD + 20 / 12
    assert 0.0 < spent.later <= LATER_READS_PER_LEAD


def test_history_kept_for_a_benchmark_has_the_size_asked_for(tmp_path: Path) -> None:
    """The program reads it like its own."""
    state_dir = tmp_path / "kept"

    history.keep(state_dir, 14)

    found = load_state(SystemDisk(), state_dir).history
    assert sum(len(records) for records in found.values()) == 14


def test_program_runs_what_is_named_and_writes_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One benchmark by name, in its smallest size: a table, a file, and 0 with nothing missed."""
    small = calls.Size(leads=10, days=1, runs=2)
    path = tmp_path / "figures.json"

    code = program.main(
        ["calls", "--json", str(path)],
        {"calls": lambda say: calls.measure(say, small), "none": lambda _: [_figure(1.0)]},
    )

    kept = json.loads(path.read_text(encoding="utf-8"))["figures"]
    out = capsys.readouterr().out
    assert code == 0
    assert {figure["benchmark"] for figure in kept} == {"calls"}
    assert all(figure["name"] in out for figure in kept)


def test_program_with_a_missed_target_ends_with_1() -> None:
    """Somebody's script can tell."""
    code = program.main([], {"slow": lambda _: [_figure(2.0, at_most=1.0)]})

    assert code == 1


def test_program_with_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """The message names what there is."""
    with pytest.raises(SystemExit) as ended:
        program.main(["nonsense"])

    assert ended.value.code == 2
    assert "no such benchmark: nonsense (there are startup, " in capsys.readouterr().err

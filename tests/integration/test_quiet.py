"""Quiet when all is well, loud when nothing has been sent for days."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from harness import Harness, lead, many_leads, stage
from rawserver import OK, RawServer, say

DAY_S = 86_400.0


@pytest.fixture
def listener() -> Iterator[RawServer]:
    """Listen for alerts, and take everything."""
    server = RawServer(say(OK))
    yield server
    server.close()


def told(server: RawServer) -> list[dict[str, str]]:
    """Return the alerts taken, in order."""
    bodies = [request.partition(b"\r\n\r\n")[2] for request in server.requests]
    return [json.loads(body) for body in bodies if body]


# --- odd rows -------------------------------------------------------------------------------------


def odd_leads(count: int) -> list[dict[str, object]]:
    """Return leads without a name, a number or an id, in turn."""
    rows = [lead("n", "+919899999990", ""), lead("p", "12"), lead(None, "+919899999991")]
    return [
        {**rows[index % 3], "lead_id": rows[index % 3]["lead_id"] and f"odd{index}"}
        for index in range(count)
    ]


@pytest.mark.parametrize(
    ("good", "odd", "warns"), [(18, 2, False), (17, 3, True), (2, 3, False)], ids=str
)
def test_odd_rows_warn_once_where_the_list_is_wrong(
    tmp_path: Path, good: int, odd: int, *, warns: bool
) -> None:
    """One lead without a name is no news for a mail; a tenth of the list is."""
    harness, _, _ = stage(tmp_path, leads=many_leads(good) + odd_leads(odd))
    ended = harness.run("-q")

    assert ended.code == 0
    assert (f"{odd} of {good + odd} lack" in ended.err) is warns
    assert (ended.err == "") is not warns
    assert "is addressed as Customer" in harness.log_text()


# --- a run that did nothing -----------------------------------------------------------------------


def _no_leads(harness: Harness) -> None:
    harness.simulator.crm.leads.clear()


def _closed(harness: Harness) -> None:
    harness.write_settings(SCRIPT_START_TIME="02:00", SCRIPT_END_TIME="03:00")


def _on_leave(harness: Harness) -> None:
    (harness.folder / "team.json").write_text(
        '{"Anandi": {"number": "+919512270915", "daily_limit": 0}}', encoding="utf-8"
    )
    harness.write_settings(COUNSELLORS_FILE="team.json")


@pytest.mark.parametrize(
    ("arrange", "status"),
    [(_no_leads, "NO LEADS"), (_closed, "OUTSIDE WORKING HOURS"), (_on_leave, "NO COUNSELLORS")],
)
def test_run_that_did_nothing_says_so_in_three_lines_at_most(
    tmp_path: Path, arrange: Callable[[Harness], None], status: str
) -> None:
    """How it ended, why, and what next; the figures would all be nought."""
    harness, _, _ = stage(tmp_path, leads=many_leads(2))
    arrange(harness)
    ended = harness.run()
    lines = ended.out.splitlines()

    assert ended.code == 0
    assert lines[0].endswith(f"STATUS: {status}")
    assert lines[1].startswith("Reason: ")
    assert all(line.startswith("Next: ") for line in lines[2:])
    assert len(lines) <= 3


def test_no_counsellors_at_all_is_a_problem_of_the_settings(tmp_path: Path) -> None:
    """Nobody is on leave: somebody named the wrong file."""
    harness, _, _ = stage(tmp_path)
    (tmp_path / "team.json").write_text("{}", encoding="utf-8")
    harness.write_settings(COUNSELLORS_FILE="team.json")
    ended = harness.run()

    assert ended.code == 2
    assert "COUNSELLORS_FILE" in ended.err


# --- nothing for days -----------------------------------------------------------------------------


def test_nothing_accepted_for_days_warns_in_every_run_and_alerts_once_a_day(
    tmp_path: Path, listener: RawServer
) -> None:
    """From Monday on the CRM lists nobody: Friday's runs say so; a message ends it."""
    urls = {"ALERT_URLS": f"{listener.url.replace('http', 'json')}/hook"}
    harness, simulator, clock = stage(tmp_path, leads=many_leads(1), settings=urls)
    assert harness.run("-q").err == ""
    simulator.crm.leads.clear()
    for _ in range(3):
        clock.advance(DAY_S)
        assert harness.run("-q").err == ""
    clock.advance(DAY_S)
    first, second = harness.run("-q"), harness.run("--json")

    assert first.code == 0
    text = "No message was accepted since 2026-11-23: 3 days on which sending was allowed"
    assert text in first.err
    assert any(text in warning for warning in second.document["warnings"])
    assert [text in alert["message"] for alert in told(listener)] == [True]
    simulator.crm.leads.extend(many_leads(1, first=5))
    assert harness.run("-q").err == ""


@pytest.mark.parametrize(
    "settings", [{"IDLE_DAYS_ALERT": "0"}, {"CLOSED_DATES": "2026-11-25"}, {"WORKING_DAYS": "Mon"}]
)
def test_days_without_sending_count_only_where_it_was_allowed(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    """A holiday and a weekend are no silence."""
    harness, simulator, clock = stage(tmp_path, leads=many_leads(1), settings=settings)
    harness.run("-q")
    simulator.crm.leads.clear()
    clock.advance(timedelta(days=4).total_seconds())

    assert harness.run("-q").err == ""

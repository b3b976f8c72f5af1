"""Reports live on: newer statuses reach them, a list names them, days are counted from them."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from fakes import FakeClock
from harness import Harness, digits, many_leads, stage
from simulated.plans import ScriptedPlan
from simulated.scripts import lost
from simulated.simulator import Simulator

from lead_automation.sandbox.plans import Plan, Step

_HOUR_S, _DAY_S = 3600, 24 * 3600
_READ_LATE = Plan(history=(Step(0.0, "SENT"), Step(1.0, "DELIVERED"), Step(_HOUR_S, "READ")))
_FAILS_LATE = Plan(history=(Step(0.0, "SENT"), Step(_HOUR_S, "FAILED", "131050 User has stopped")))
_LOST = ScriptedPlan(on_send=(lost(taken=True),), appears_after_s=600)
_PLANS = {digits(0): _READ_LATE, digits(1): _FAILS_LATE, digits(2): _LOST}


def _staged(folder: Path, **settings: str) -> tuple[Harness, Simulator, FakeClock, dict[str, Any]]:
    """Return the command line behind a run of three leads, two hours and a later look."""
    harness, simulator, clock = stage(
        folder, leads=many_leads(3), plans=_PLANS, settings=settings or None
    )
    run = harness.run("--json").document
    clock.advance(2 * _HOUR_S)
    return harness, simulator, clock, run


def _kept(harness: Harness, run: dict[str, Any], suffix: str = "json") -> str:
    path = harness.state_dir / "reports" / f"run-{run['run_id']}.{suffix}"
    return path.read_text(encoding="utf-8")


def test_track_brings_newer_statuses_into_the_runs_document_and_page(tmp_path: Path) -> None:
    """What was delivered is read, what was sent has failed, what was unknown has arrived."""
    harness, _, _, run = _staged(tmp_path)
    frozen = _kept(harness, run, "html")
    assert (run["messages"]["read"], run["messages"]["failed"]) == (0, 0)
    harness.run("track")
    after = json.loads(_kept(harness, run))
    page = _kept(harness, run, "html")

    assert after["messages"] == {
        "sent": 3,
        "delivered": 2,
        "read": 2,
        "replied": 0,
        "failed": 1,
        "pending": 0,
    }
    assert after["leads"]["unknown"] == 0
    assert after["errors"] == {"opt_out": 1}
    assert after["known_at"] is not None
    assert page != frozen
    assert "Opt out" in page


def test_later_run_brings_newer_statuses_too(tmp_path: Path) -> None:
    """Nobody has to run ``track`` for a report that tells the truth."""
    harness, simulator, _, run = _staged(tmp_path)
    simulator.crm.leads.clear()
    harness.run("-q")

    assert json.loads(_kept(harness, run))["messages"]["read"] == 2


def test_report_shows_what_the_history_knows_now(tmp_path: Path) -> None:
    """Also where the document was not redrawn: a run killed before that, a restored report."""
    harness, _, _, run = _staged(tmp_path)
    old = _kept(harness, run)
    harness.run("track")
    (harness.state_dir / "reports" / f"run-{run['run_id']}.json").write_text(old, encoding="utf-8")
    shown = harness.run("report", "--json").document
    (harness.state_dir / "sent_messages.json").write_text("{", encoding="utf-8")
    without = harness.run("report")

    assert shown["messages"]["read"] == 2
    assert without.code == 0
    assert "👀 Read: 0" in without.out
    assert "the history cannot be read" in without.err


def test_list_and_index_name_the_runs_newest_first(tmp_path: Path) -> None:
    """Date, template, figures and end of each; a damaged document costs its own line only."""
    harness, simulator, _, first = _staged(tmp_path)
    simulator.crm.leads.clear()
    second = harness.run("--json").document
    reports = harness.state_dir / "reports"
    (reports / "run-20261101T000000-0000.json").write_text("{", encoding="utf-8")
    listed = harness.run("report", "--list", "--json").document["runs"]
    text = harness.run("report", "--list")
    index = (reports / "index.html").read_text(encoding="utf-8")

    assert [run["run_id"] for run in listed] == [second["run_id"], first["run_id"]]
    rates = {"delivered": 66.7, "read": 66.7, "replied": None, "failed": 33.3}
    assert listed[1]["rates"] == rates
    assert listed[1]["template"] == first["template"]
    assert text.code == 0
    assert text.out.index(second["run_id"]) < text.out.index(first["run_id"])
    assert f'href="run-{first["run_id"]}.html"' in index
    assert index.index(second["run_id"]) < index.index(first["run_id"])
    assert harness.run("report", "--list", "--format", "csv").code == 2


def test_days_reach_back_as_far_as_the_runs_are_kept(tmp_path: Path) -> None:
    """What the history has forgotten is counted from the documents, with the same figures."""
    harness, simulator, clock, _ = _staged(tmp_path, HISTORY_DAYS="1")
    harness.run("track")
    simulator.crm.leads.clear()
    before = harness.run("report", "--days", "1", "--json").document["total"]
    clock.advance(4 * _DAY_S)
    harness.run("-q")
    after = harness.run("report", "--days", "7", "--json").document
    text = harness.run("report", "--days", "7", "--format", "csv").out
    rows = list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"))))

    assert json.loads((harness.state_dir / "sent_messages.json").read_text()) == {}
    figures = ("attempted", "sent", "delivered", "read", "failed", "unknown", "rates")
    assert {key: after["total"][key] for key in figures} == {key: before[key] for key in figures}
    assert sum(int(row["read"]) for row in rows if row["counsellor"] == "*") == 2
    assert "Nothing is kept of the days before" in after["note"]


def test_reports_older_than_is_asked_for_are_deleted(tmp_path: Path) -> None:
    """Document and page go together, at the end of a run; 0 keeps them for ever."""
    harness, simulator, clock, run = _staged(tmp_path, HISTORY_DAYS="1", KEEP_REPORTS_DAYS="2")
    simulator.crm.leads.clear()
    clock.advance(2 * _DAY_S)
    harness.run("-q")
    assert _kept(harness, run)
    clock.advance(_DAY_S)
    harness.write_settings(KEEP_REPORTS_DAYS="0")
    harness.run("-q")
    assert _kept(harness, run)
    harness.write_settings(KEEP_REPORTS_DAYS="2")
    harness.run("-q")
    left = [path.name for path in (harness.state_dir / "reports").iterdir()]

    assert not any(run["run_id"] in name for name in left)
    assert "index.html" in left
    assert run["run_id"] not in (harness.state_dir / "reports" / "index.html").read_text()

"""One run, six ways to look at it, one set of figures."""

import csv
import html
import io
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeClock
from harness import Harness, digits, lead, many_leads, serve
from simulated.plans import ScriptedPlan, steps
from simulated.scripts import lost, server_error
from simulated.simulator import Simulator

from lead_automation.sandbox.exchange import Endpoint
from lead_automation.sandbox.plans import Plan, Step, failing, refused

_PLANS = {
    digits(1): refused("Invalid WhatsApp number"),
    digits(2): failing("131050 User has stopped marketing messages"),
    digits(3): ScriptedPlan(on_send=(lost(taken=True),)),
    digits(4): Plan(history=steps("SENT", "DELIVERED")),
    digits(5): Plan(history=(Step(0.0, "SENT"),)),
    digits(6): Plan(on_whatsapp=False, contact_status="INVALID"),
    digits(7): failing("131026 Message undeliverable"),
}
_LEADS = [
    *many_leads(12),
    lead("1000", digits(0)),
    lead("1020", digits(1)),
    lead("1021", "12345"),
    {"full_name": "No Id", "mobile_number_formatted": digits(30)},
]
_SUMMARY_LINES = {
    "sent": "Messages Sent",
    "delivered": "Delivered",
    "read": "Read",
    "failed": "Failed",
}
_COLUMNS = ("sent", "delivered", "read", "failed")


@dataclass(frozen=True, kw_only=True)
class Looks:
    """What each way of looking at a run showed."""

    result: dict[str, Any]
    summary: str
    page: str
    rows: list[dict[str, str]]
    kept: dict[str, Any]
    history: dict[str, Any]
    quota: dict[str, int]
    status: dict[str, Any]


@pytest.fixture(scope="module", params=["v1", "v2"])
def looks(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Looks:
    """A run with every outcome a lead can have, looked at in every way."""
    folder = tmp_path_factory.mktemp("looks")
    clock = FakeClock()
    simulator = Simulator(clock=clock, leads=_LEADS, plans=_PLANS)
    with serve(folder, simulator, clock, version=request.param) as harness:
        simulator.script(
            Endpoint.MESSAGES,
            server_error(times=None),
            match=lambda seen: seen.number == digits(3),
        )
        result = harness.run("--json").document
        return _look(harness, result)


def _look(harness: Harness, result: dict[str, Any]) -> Looks:
    page = harness.run("report", "--format", "html").out
    [path] = (harness.state_dir / "reports").glob("*.json")
    [day] = harness.history().values()
    [quota] = harness.quota().values()
    table = harness.run("report", "--format", "csv").out.lstrip("\ufeff")
    assert path.with_suffix(".html").read_text(encoding="utf-8") == page.rstrip("\n")
    return Looks(
        result=result,
        summary=harness.run("report").out,
        page=re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page))),
        rows=list(csv.DictReader(io.StringIO(table))),
        kept=json.loads(path.read_text(encoding="utf-8")),
        history=day,
        quota=quota,
        status=harness.run("status", "--json").document,
    )


def numbers(text: str, words: Mapping[str, str]) -> dict[str, int]:
    """Return the figure behind each word at the beginning of a line, whatever symbol it has."""
    found = {}
    for name, word in words.items():
        match = re.search(rf"^(?:\W+ )?{word}: (\d+)", text, re.MULTILINE)
        assert match, word
        found[name] = int(match[1])
    return found


def breakdown(text: str, heading: str) -> dict[str, int]:
    """Return the lines of ``  Invalid number       3`` below a heading, words as keys have them."""
    block = text.partition(f"{heading}:\n")[2].partition("\n\n")[0]
    return {
        word.strip().lower().replace(" ", "_"): int(count)
        for word, count in re.findall(r"^ {2}(\w[\w ]*?) +(\d+)$", block, re.MULTILINE)
    }


def test_run_has_every_outcome(looks: Looks) -> None:
    """An agreement of zeros would prove nothing."""
    leads, messages = looks.result["leads"], looks.result["messages"]

    assert leads["fetched"] == 16
    assert leads["skipped"] == {
        "invalid_number": 1,
        "duplicate": 2,
        "suppressed": 0,
        "quiet_hours": 0,
        "malformed": 1,
    }
    assert (leads["accepted"], leads["refused"], leads["unknown"]) == (9, 2, 1)
    assert all(messages[word] for word in ("sent", "delivered", "read", "failed", "pending"))
    assert messages["delivered"] > messages["read"]


def test_summary_says_what_json_says(looks: Looks) -> None:
    """The owner's block, the sums, errors and skips."""
    leads = looks.result["leads"]
    sums = [
        int(figure)
        for figure in re.findall(
            r"(\d+) (?:fetched|skipped|attempted|not reached|"
            r"accepted|refused|unknown)\b",
            looks.summary,
        )
    ]

    assert numbers(looks.summary, _SUMMARY_LINES) == {
        word: looks.result["messages"][word] for word in _SUMMARY_LINES
    }
    assert f"Success Rate: {looks.result['success_rate']:.1f}%" in looks.summary
    assert f"STATUS: {looks.result['status'].upper()}" in looks.summary
    assert sums[:7] == [
        leads["fetched"],
        sum(leads["skipped"].values()),
        leads["attempted"],
        leads["not_reached"],
        leads["accepted"],
        leads["refused"],
        leads["unknown"],
    ]
    assert breakdown(looks.summary, "Errors by category") == looks.result["errors"]
    assert breakdown(looks.summary, "Skipped by reason") == {
        reason: count for reason, count in leads["skipped"].items() if count
    }
    assert breakdown(looks.summary, "WATI and CRM calls") == {
        kind: count for kind, count in looks.result["api_calls"].items() if count
    }


def test_counsellors_agree_in_summary_json_and_quota(looks: Looks) -> None:
    """Each counsellor's line, object and use of the day."""
    lines = re.findall(
        r"^(\w+) +(\d+) +(\d+) +(\d+) +\S+ +(\d+) +\S+ +(\d+) +(\d+) +\S+ +(\d+)/(\d+)$",
        looks.summary,
        re.MULTILINE,
    )
    by_name = {name: [int(figure) for figure in figures] for name, *figures in lines}

    assert by_name.keys() == looks.result["counsellors"].keys()
    for name, its in looks.result["counsellors"].items():
        assigned, *figures, unknown, used, limit = by_name[name]
        assert figures == [its[column] for column in _COLUMNS]
        assert (used, limit) == (its["used_today"], its["daily_limit"])
        assert assigned == its["delivered"] + its["pending"] + its["failed"] + unknown
        assert its["used_today"] == looks.quota.get(name, 0)
    for column in _COLUMNS:
        total = sum(its[column] for its in looks.result["counsellors"].values())
        assert total == looks.result["messages"][column]


def test_file_and_page_say_what_json_says(looks: Looks) -> None:
    """The kept JSON is the printed one and more; the page shows its figures."""
    messages, rates = looks.result["messages"], looks.result["rates"]
    tiles = (
        f"Sent {messages['sent']} Delivered {messages['delivered']} {rates['delivered']}% "
        f"Read {messages['read']} {rates['read']}% Failed {messages['failed']} {rates['failed']}% "
        f"Unknown {looks.result['leads']['unknown']} "
        f"Success rate {looks.result['success_rate']:.1f}%"
    )
    meanings = {"crm_log": "CRM log"}

    shown = {key: value for key, value in looks.result.items() if key in looks.kept}
    for key in ("started_at", "ended_at"):
        moment = datetime.fromisoformat(shown.pop(key))
        assert datetime.fromisoformat(looks.kept[key]) == moment
    for its in shown["counsellors"].values():
        its.pop("rates")
    assert {key: looks.kept[key] for key in shown} == shown
    assert tiles in looks.page
    assert f"Fetched {looks.result['leads']['fetched']}" in looks.page
    for category, count in looks.result["errors"].items():
        word = category.replace("_", " ").capitalize().replace("whatsapp", "WhatsApp")
        assert re.search(rf"{word} {count}\b", looks.page), word
    for kind, count in looks.result["api_calls"].items():
        assert re.search(rf"{meanings.get(kind, kind.capitalize())} {count}\b", looks.page), kind
    for name, its in looks.result["counsellors"].items():
        figures = (
            rf"{its['sent']} {its['delivered']}(?: [\d.]+%)? {its['read']}(?: [\d.]+%)? "
            rf"{its['pending']} {its['failed']}"
        )
        quota = rf"{its['used_today']} ?/ ?{its['daily_limit']}"
        assert re.search(rf"{name} (?:.{{0,80}} )?\d+ {figures} [\d.–%]+ {quota}\b", looks.page), (
            name
        )


def test_table_counts_what_json_says(looks: Looks) -> None:
    """One row a lead, and its words add up to every sum."""
    leads, messages = looks.result["leads"], looks.result["messages"]
    words = Counter(row["status"] for row in looks.rows)
    outcomes = Counter(row["outcome"] for row in looks.rows)
    skipped = Counter(row["skipped"] for row in looks.rows if row["skipped"])
    errors = Counter(row["error_category"] for row in looks.rows if row["error_category"])

    assert len(looks.rows) == leads["fetched"] == len(looks.kept["lead_rows"])
    assert words["read"] == messages["read"]
    assert words["read"] + words["delivered"] == messages["delivered"]
    assert words["sent"] + words["pending"] == messages["pending"]
    assert words["failed"] == messages["failed"]
    assert words["unknown"] == leads["unknown"]
    assert outcomes["accepted"] == messages["sent"]
    assert dict(skipped) == {key: count for key, count in leads["skipped"].items() if count}
    assert dict(errors) == looks.result["errors"]


def test_history_and_status_hold_what_json_says(looks: Looks) -> None:
    """The state files know of each lead what its row says."""
    leads, messages = looks.result["leads"], looks.result["messages"]
    sent = [record for record in looks.history.values() if record.get("sent_at")]
    unknown = [record for record in sent if record.get("unknown")]
    words = Counter(record["status"] for record in sent if not record.get("unknown"))

    assert len(unknown) == leads["unknown"]
    assert words.total() == messages["sent"]
    assert words["read"] == messages["read"]
    assert words["failed"] == messages["failed"] - leads["refused"]
    assert sum(looks.quota.values()) == messages["sent"] + leads["unknown"]
    for row in looks.rows:
        if row["outcome"] == "accepted":
            assert looks.history[row["lead_id"]]["status"] == row["status"]
            assert looks.history[row["lead_id"]]["counsellor"] == row["counsellor"]
    today = looks.status["messages_today"]
    assert today["failed"] == messages["failed"]
    assert today["read"] == messages["read"]
    assert today["unknown"] == leads["unknown"]
    assert today["invalid_number"] == leads["skipped"]["invalid_number"]
    assert looks.status["last_run"]["run_id"] == looks.result["run_id"]


def test_printed_summary_is_the_kept_one(tmp_path: Path) -> None:
    """What a run prints at its end is what `report` shows of it later, before the leads."""
    clock = FakeClock()
    simulator = Simulator(clock=clock, leads=_LEADS, plans=_PLANS)
    with serve(tmp_path, simulator, clock) as harness:
        printed = harness.run().out
        later = harness.run("report").out

    assert printed.startswith("🏁 CAMPAIGN EXECUTION SUMMARY 🏁\n")
    assert later.startswith(printed)

"""The lines of ``status``: order, widths, odd records, a report that cannot be read."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeClock
from harness import Harness, lead, many_leads
from offline import offline
from simulated.simulator import Simulator

from lead_automation.models import ErrorCategory, MessageStatus
from lead_automation.plaintext import columns
from lead_automation.reporting.days import is_bad_number
from lead_automation.sandbox.plans import refused
from lead_automation.stored import MessageRecord


def here(folder: Path, **scene: Any) -> Harness:
    """Return the command line in front of a simulator without sockets."""
    clock = FakeClock()
    scene.setdefault("leads", [*many_leads(3), lead("1009", "12")])
    return offline(folder, Simulator(clock=clock, **scene), clock)


def test_status_lines_stand_in_order(tmp_path: Path) -> None:
    """Today, each counsellor, what is left, messages, then the books."""
    harness = here(tmp_path, plans={"919810000001": refused("Invalid WhatsApp number")})
    run = harness.run("--json").document
    lines = harness.run("status").out.splitlines()
    used = {name: its["used_today"] for name, its in run["counsellors"].items()}

    assert lines[0] == "Today 2026-11-23 11:30 Asia/Kolkata"
    assert lines[2:11] == [
        f"  {name:<8}  {count} of 50 used, {50 - count} left" for name, count in used.items()
    ]
    assert lines[12:] == [
        "448 messages left today",
        "",
        "Messages today: 2 read, 1 failed, 1 invalid number",
        "Not settled (all kept days): 0 accepted, 0 unknown",
        "Suppressed numbers: 0",
        "CRM rows owed: 0",
        f"WATI calls in 2026-11: {sum(list(run['api_calls'].values())[:4])} of 10,000 (0 %)",
        "Hold: none",
        f"Last run: {run['run_id']} completed",
        f"State: {harness.state_dir}",
    ]


def test_status_keeps_to_80_columns(tmp_path: Path) -> None:
    """A long reason, a long name and many unknown sends are broken or cut at spaces."""
    harness = here(tmp_path)
    name = "Counsellor of the very long and winding name"
    (tmp_path / "team.json").write_text(
        f'{{"{name}": {{"number": "+919512270915", "daily_limit": 100000}},'
        ' "चित्रा": {"number": "+919512270916", "daily_limit": 7}}',
        encoding="utf-8",
    )
    harness.write_settings(
        COUNSELLORS_FILE=str(tmp_path / "team.json"), SCRIPT_START_TIME="03:00",
        SCRIPT_END_TIME="03:01", WORKING_DAYS="Mon",
    )  # fmt: skip
    assert harness.run("-q").code == 0
    lines = harness.run("status").out.splitlines()
    rows = [line for line in lines if " used, " in line]

    # A path is not broken: it is there to be copied.
    assert max(columns(line) for line in lines if not line.startswith("State: ")) <= 80
    assert [columns(row) for row in rows] == [columns(rows[0])] * 2
    assert "…" in rows[0]
    assert any(line.startswith("Last run: 2026") for line in lines)


def test_status_of_a_last_run_that_cannot_be_read_shows_the_rest(tmp_path: Path) -> None:
    """A damaged report costs its own line, not the figures an operator needs."""
    harness = here(tmp_path)
    harness.run("-q")
    [path] = (harness.state_dir / "reports").glob("run-*.json")
    path.write_text("{", encoding="utf-8")
    ended = harness.run("status")
    last = harness.run("status", "--json").document["last_run"]

    assert ended.code == 0
    assert "Messages today: 3 read, 1 invalid number" in ended.out
    assert f"Last run: {last['run_id']} unreadable:" in ended.out
    assert path.name in last["reason"]


def test_status_says_what_kind_of_run_the_last_one_was(tmp_path: Path) -> None:
    """A test send must not pass for the campaign."""
    harness = here(tmp_path)
    harness.write_settings(TEST_MOBILE_NUMBER="+919812345678")
    run = harness.run("--test", "--json").document

    assert f"Last run: {run['run_id']} (test) completed" in harness.run("status").out


def test_status_names_the_last_run_that_attempted_anything_and_the_last_of_all(
    tmp_path: Path,
) -> None:
    """Four runs a day find no leads; the one that sent is what is looked for."""
    harness = here(tmp_path)
    sent = harness.run("--json").document
    harness.simulator.crm.leads.clear()
    empty = harness.run("--json").document
    lines = harness.run("status").out.splitlines()
    document = harness.run("status", "--json").document

    assert f"Last run: {sent['run_id']} completed" in lines
    assert any(line.startswith(f"Last of all: {empty['run_id']} no_leads") for line in lines)
    assert document["last_run"]["run_id"] == sent["run_id"]
    assert document["last_run_of_all"]["run_id"] == empty["run_id"]


def test_status_takes_no_other_file_for_a_run(tmp_path: Path) -> None:
    """Only names with a run's id count."""
    harness = here(tmp_path)
    (harness.state_dir / "reports").mkdir()
    (harness.state_dir / "reports" / "run-of-mine.json").write_text("{}", encoding="utf-8")

    assert harness.run("status", "--json").document["last_run"] is None


def test_status_names_at_most_ten_unknown_sends(tmp_path: Path) -> None:
    """A bad day must not push the figures off the screen; --json has them all."""
    records = ", ".join(
        f'"{1000 + index}": {{"phone": "+9198{10000000 + index}", "template": "t", '
        '"counsellor": "Anandi", "status": "pending", "message_id": null, '
        '"sent_at": "2026-11-23T11:00:00+05:30", "updated_at": "2026-11-23T11:00:00+05:30", '
        '"attempts": 1, "unknown": true}'
        for index in range(12)
    )
    harness = here(tmp_path)
    path = harness.state_dir / "sent_messages.json"
    path.write_text(f'{{"2026-11-23": {{{records}}}}}', encoding="utf-8")
    text = harness.run("status").out
    document = harness.run("status", "--json").document

    assert text.count("  unknown: lead ") == 10
    assert "… and 2 more (--json names them all)" in text
    assert "never sent blindly again" in text
    assert len(document["unknown"]) == 12
    assert document["messages_today"] == {"unknown": 12}


@pytest.mark.parametrize(
    ("attempts", "category", "bad"),
    [
        (0, ErrorCategory.INVALID_NUMBER, True),
        (1, ErrorCategory.INVALID_NUMBER, False),
        (0, ErrorCategory.NETWORK_ERROR, False),
    ],
)
def test_bad_number_is_one_nothing_was_tried_with(
    attempts: int,
    category: ErrorCategory,
    bad: bool,  # noqa: FBT001 - a table's column
) -> None:
    """A refusal by WATI is a failure, whatever its category."""
    record = MessageRecord(
        lead_id="1",
        day=date(2026, 11, 23),
        phone=None,
        template="t",
        counsellor=None,
        status=MessageStatus.FAILED,
        attempts=attempts,
        error_category=category,
        message_id=None,
        sent_at=None,
        updated_at=None,
    )

    assert is_bad_number(record) is bad

"""A campaign from the command line to the last byte: what WATI and the CRM got, what we kept."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeClock
from harness import Harness, digits, lead, many_leads, serve, stage
from simulated.plans import ScriptedPlan
from simulated.scripts import lost, rate_limited, server_error
from simulated.simulator import Simulator

from lead_automation.sandbox.exchange import Endpoint
from lead_automation.sandbox.plans import Plan, Step, failing, refused
from lead_automation.sandbox.simulator import TEMPLATE, TEMPLATES
from lead_automation.sandbox.wati_answers import SimTemplate
from lead_automation.settings.counsellors import BUILT_IN_COUNSELLORS

_TODAY = "2026-11-23"
_NUMBER_OF = {counsellor.name: counsellor.number for counsellor in BUILT_IN_COUNSELLORS}
_DAY_S = 24 * 3600

_MIXED = {
    digits(1): Plan(history=(Step(0.0, "SENT"), Step(1.0, "DELIVERED"))),
    digits(2): refused("Invalid WhatsApp number"),
    digits(3): failing("131050 User has stopped marketing messages"),
    digits(4): Plan(history=(Step(0.0, "SENT"),)),
    digits(5): ScriptedPlan(on_send=(rate_limited("1"),)),
    digits(6): ScriptedPlan(on_send=(lost(taken=True),)),
    digits(7): ScriptedPlan(on_send=(server_error(taken=False),)),
    digits(8): Plan(appears_after_s=None),
}


def _counsellors(harness: Harness, **limits: int) -> None:
    path = harness.folder / "counsellors.json"
    numbers = {name: _NUMBER_OF.get(name, "+919512270915") for name in limits}
    people = {
        name: {"number": numbers[name], "daily_limit": limit} for name, limit in limits.items()
    }
    path.write_text(json.dumps(people), encoding="utf-8")
    harness.write_settings(COUNSELLORS_FILE=str(path))


def _used(harness: Harness, day: str = _TODAY) -> int:
    counts = harness.quota().get(day, {})
    assert isinstance(counts, dict)
    return sum(counts.values())


# --- what goes out ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "channel"), [("v1", None), ("v1", "917000000001"), ("v2", "917000000001")]
)
def test_campaign_sends_each_lead_the_right_message(
    tmp_path: Path, version: str, channel: str | None
) -> None:
    """Number, template, broadcast, the three parameters and the channel are each lead's own."""
    clock = FakeClock()
    simulator = Simulator(clock=clock, leads=many_leads(12))
    settings = {"BROADCAST_NAME": "november_leads"}
    if channel:
        settings["WATI_CHANNEL_NUMBER"] = channel
    with serve(tmp_path, simulator, clock, version=version, settings=settings) as harness:
        ended = harness.run()
        records = harness.records()

    assert ended.code == 0
    assert [message.number for message in simulator.messages] == [digits(i) for i in range(12)]
    for index, message in enumerate(simulator.messages):
        counsellor = records[str(1000 + index)]["counsellor"]
        assert message.version == version
        assert message.template == TEMPLATE
        assert message.broadcast_name == "november_leads"
        assert message.channel == channel
        assert message.parameters == (
            ("1", f"Lead Number {index}"),
            ("2", counsellor),
            ("3", _NUMBER_OF[counsellor]),
        )
    assert len({record["counsellor"] for record in records.values()}) > 1


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_campaign_books_agree_with_the_servers_own_record(tmp_path: Path, version: str) -> None:
    """Quota file, history, CRM rows, --json and status tell what the simulator really got."""
    clock = FakeClock()
    leads = [*many_leads(12), lead("bad", "12345"), {"full_name": "no id"}]
    simulator = Simulator(clock=clock, leads=leads, plans=_MIXED)
    with serve(tmp_path, simulator, clock, version=version) as harness:
        ended = harness.run("run", "--json")
        document, records, quota = ended.document, harness.history()[_TODAY], harness.quota()
        owed = harness.read_state("crm_outbox.json")
        status = harness.run("status", "--json").document

    assert ended.code == 0
    _assert_history_is_what_wati_has(simulator, records)
    _assert_rows_are_the_history(simulator, records)
    got = Counter(message.number for message in simulator.messages)
    assert max(got.values()) == 1
    assert sum(got.values()) == document["messages"]["sent"] == 11
    assert document["leads"]["refused"] == 1
    assert document["errors"] == {"invalid_number": 2, "opt_out": 1}
    assert document["api_calls"]["send"] == simulator.posts.total()
    assert document["api_calls"]["status"] == len(simulator.calls[Endpoint.MESSAGES])
    assert document["api_calls"]["crm_log"] == len(simulator.calls[Endpoint.LOG])
    assert sum(quota[_TODAY].values()) == 11
    assert quota[_TODAY] == Counter(
        record["counsellor"] for record in records.values() if record.get("sent_at")
    )
    assert {name: its["used_today"] for name, its in document["counsellors"].items()} == {
        name: quota[_TODAY].get(name, 0) for name in document["counsellors"]
    }
    assert owed == {}
    assert status["month"]["calls"] == sum(
        document["api_calls"][kind] for kind in ("send", "status", "templates", "contacts")
    )


def _assert_history_is_what_wati_has(simulator: Simulator, records: dict[str, Any]) -> None:
    """Compare each record with the message WATI has, in both directions."""
    accepted = {record["phone"][1:]: record for record in records.values() if record.get("sent_at")}

    assert set(accepted) == {message.number for message in simulator.messages}
    for message in simulator.messages:
        record = accepted[message.number]
        assert record["template"] == message.template
        assert dict(message.parameters)["2"] == record["counsellor"]
        assert record.get("message_id") == message.local_message_id
        word = simulator.status_now(message.number)
        listed = message.plan.appears_after_s is not None
        expected = (word or "pending").lower() if listed else "pending"
        assert record["status"] == expected
        assert "unknown" not in record
        stored = datetime.fromisoformat(record["sent_at"])
        assert abs(stored - message.at) <= timedelta(minutes=1)


def _assert_rows_are_the_history(simulator: Simulator, records: dict[str, Any]) -> None:
    """Compare the CRM's last row of each lead with the history."""
    rows = {str(row["lead_id"]): row for row in simulator.crm_rows}

    assert set(rows) == set(records)
    assert len(simulator.crm_rows) == len(records)
    for lead_id, record in records.items():
        row = rows[lead_id]
        status = "sent" if record["status"] == "pending" else record["status"]
        assert row["msg_status"] == status
        assert row["message_content"] == f"Template: {TEMPLATE}"
        assert row["template_name"] == TEMPLATE
        assert row.get("wati_message_id") == record.get("message_id")
        assert row["to_phone_number"] == (record["phone"] or "12345")
        assert ("error_message" in row) == (status == "failed")


# --- limits ----------------------------------------------------------------------------------


def test_campaign_with_limit_attempts_that_many(tmp_path: Path) -> None:
    """--limit counts attempts, refused ones too, but not skipped leads."""
    leads = [lead("bad", "123"), *many_leads(6)]
    harness, simulator, _ = stage(
        tmp_path, leads=leads, plans={digits(0): refused("Invalid number")}
    )
    document = harness.run("--limit", "3", "--json").document

    assert document["status"] == "completed"
    assert document["reason"] == "limit of 3 messages reached"
    assert document["leads"]["attempted"] == 3
    assert document["leads"]["not_reached"] == 3
    assert simulator.posts.total() == 3


def test_campaign_at_the_end_of_hours_sends_nothing_after_it(tmp_path: Path) -> None:
    """The run ends good when the hours do, follows what it sent, and leaves the rest."""
    closes = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)
    harness, simulator, _ = stage(
        tmp_path, leads=many_leads(20), start=datetime(2026, 11, 23, 15, 29, 55, tzinfo=UTC)
    )
    ended = harness.run("--json")
    document = ended.document

    assert ended.code == 0
    assert document["status"] == "outside_working_hours"
    assert all(message.at < closes for message in simulator.messages)
    assert 0 < document["leads"]["accepted"] == len(simulator.messages) < 20
    assert document["messages"]["read"] == document["messages"]["sent"]
    assert len(simulator.crm_rows) == len(simulator.messages)


def test_campaign_at_the_end_of_quota_spreads_it_and_stops(tmp_path: Path) -> None:
    """Nobody gets more than the daily limit, all of it is used, and a later run sends nothing."""
    harness, simulator, _ = stage(tmp_path, leads=many_leads(10))
    _counsellors(harness, Anandi=3, Karan=2, Chitra=0)
    first = harness.run("--json").document
    second = harness.run("--json").document
    quota = harness.quota()

    assert first["reason"] == "All counsellor quotas exhausted for today"
    assert (first["status"], first["leads"]["not_reached"]) == ("completed", 5)
    assert quota == {_TODAY: {"Anandi": 3, "Karan": 2}}
    assert (second["status"], simulator.posts.total()) == ("quota_exhausted", 5)


def test_campaign_refusal_gives_its_quota_back(tmp_path: Path) -> None:
    """With one message of quota left, a refused lead leaves it to the next one."""
    plans = {digits(0): refused("Invalid WhatsApp number")}
    harness, simulator, _ = stage(tmp_path, leads=many_leads(3), plans=plans)
    _counsellors(harness, Anandi=1)
    harness.run()
    quota = harness.quota()

    assert [message.number for message in simulator.messages] == [digits(1)]
    assert quota == {_TODAY: {"Anandi": 1}}


# --- duplicates ------------------------------------------------------------------------------


def test_duplicate_lead_as_number_and_text_is_one(tmp_path: Path) -> None:
    """123 and "123" are one lead, within a list and over runs."""
    harness, simulator, _ = stage(tmp_path, leads=[lead(123, "+919810000001")])
    harness.run("-q")
    simulator.crm.leads[:] = [lead("123", "+919810000002")]
    again = harness.run("--json").document

    assert again["leads"]["skipped"]["duplicate"] == 1
    assert simulator.posts == {"919810000001": 1}


def test_duplicate_of_a_refused_twin_is_sent(tmp_path: Path) -> None:
    """A lead that was refused blocks neither itself nor its number in a later run."""
    plans = {digits(0): ScriptedPlan(on_send=(rate_limited("0", times=3),))}
    harness, simulator, _ = stage(tmp_path, leads=many_leads(1), plans=plans)
    first = harness.run("--json").document
    again = harness.run("--json").document

    assert first["leads"]["refused"] == 1
    assert again["leads"]["accepted"] == 1
    assert len(simulator.messages) == 1


_SECOND = SimTemplate(name="second", parameters=("1", "2", "3"))
_LATE_FAILURE = failing("131016 Service unavailable")


@pytest.mark.parametrize(
    ("plan", "template", "days", "sent"),
    [
        pytest.param(Plan(), TEMPLATE, 0, False, id="the same template today"),
        pytest.param(Plan(), TEMPLATE, 7, False, id="the same within HISTORY_DAYS (7)"),
        pytest.param(Plan(), TEMPLATE, 8, True, id="the same after them"),
        pytest.param(Plan(), "second", 0, False, id="another template today"),
        pytest.param(Plan(), "second", 1, True, id="another tomorrow"),
        pytest.param(_LATE_FAILURE, TEMPLATE, 0, False, id="failed later, today"),
        pytest.param(_LATE_FAILURE, TEMPLATE, 1, True, id="failed later, tomorrow"),
    ],
)
def test_duplicate_blocks_as_long_as_its_rule_says(
    tmp_path: Path, plan: Plan, template: str, days: int, *, sent: bool
) -> None:
    """A lead gets one message a day, and the same template again only after HISTORY_DAYS."""
    harness, simulator, clock = stage(
        tmp_path, leads=many_leads(1), plans={digits(0): plan}, templates=[*TEMPLATES, _SECOND]
    )
    harness.run("-q")
    simulator.wati.set_plan(digits(0), Plan())
    harness.write_settings(WATI_TEMPLATE_NAME=template)
    clock.advance(days * _DAY_S)
    document = harness.run("--json").document

    assert document["leads"]["accepted"] == int(sent)
    assert document["leads"]["skipped"]["duplicate"] == int(not sent)
    assert simulator.posts[digits(0)] == 1 + int(sent)
    assert [message.template for message in simulator.messages] == [TEMPLATE, template][: 1 + sent]


def test_duplicate_by_an_unknown_send_blocks_until_settled(tmp_path: Path) -> None:
    """A send without an answer is never repeated while WATI says nothing clear about it."""
    plans = {digits(0): ScriptedPlan(on_send=(lost(taken=True),))}
    harness, simulator, clock = stage(tmp_path, leads=many_leads(1), plans=plans)
    simulator.script(Endpoint.MESSAGES, server_error(times=None))
    codes = []
    for _ in range(3):
        codes.append(harness.run("-q").code)
        clock.advance(3600)
    unknown = harness.records()["1000"]["unknown"]
    simulator.clear_scripts()
    harness.run("-q")
    record = harness.records()["1000"]

    assert codes == [0, 0, 0]
    assert unknown is True
    assert simulator.posts == {digits(0): 1}
    assert (record["status"], "unknown" in record) == ("read", False)
    assert len(simulator.crm_rows) == 1


def test_suppressed_number_is_skipped_and_keeps_its_quota(tmp_path: Path) -> None:
    """A number an operator put on the list gets nothing, in whatever form the CRM writes it."""
    harness, simulator, _ = stage(tmp_path, leads=[lead(1, "98100 00000"), *many_leads(2, first=1)])
    assert harness.run("suppress", "add", "+919810000000", "--reason", "asked").code == 0
    document = harness.run("--json").document
    used = _used(harness)

    assert document["leads"]["skipped"]["suppressed"] == 1
    assert simulator.posts["919810000000"] == 0
    assert used == 2


def test_suppressed_while_its_slot_is_waited_for_gets_nothing(tmp_path: Path) -> None:
    """An opt-out noted in another window counts for the very next send."""
    harness, simulator, clock = stage(tmp_path, leads=many_leads(3))
    other = Harness(
        folder=tmp_path, simulator=simulator, clock=clock, sleep=clock.sleep, settings={}
    )
    codes: list[int] = []

    def sleep(seconds: float) -> None:
        if not codes:
            codes.append(other.run("suppress", "add", f"+{digits(1)}").code)
        clock.sleep(seconds)

    harness.sleep = sleep
    document = harness.run("--json").document

    assert codes == [0]
    assert simulator.posts == {digits(0): 1, digits(2): 1}
    assert document["leads"]["skipped"]["suppressed"] == 1
    assert document["leads"]["attempted"] == 2


def test_campaign_paces_from_start_to_start(tmp_path: Path) -> None:
    """Between the starts of two sends lie SEND_DELAY_MIN to SEND_DELAY_MAX seconds."""
    settings = {"SEND_DELAY_MIN": "2.0", "SEND_DELAY_MAX": "3.0"}
    harness, simulator, _ = stage(tmp_path, leads=many_leads(15), settings=settings)
    harness.run("-q")
    starts = [call.at for call in simulator.calls[Endpoint.SEND]]
    gaps = [after - before for before, after in pairwise(starts)]

    assert len(gaps) == 14
    assert min(gaps) >= 2.0 - 1e-6
    assert max(gaps) <= 3.0 + 1e-6
    assert max(gaps) - min(gaps) > 0.1


def test_campaign_names_no_number_and_no_secret_anywhere(tmp_path: Path) -> None:
    """Console, log and reports of a verbose run hold no whole number of a lead and no token."""
    clock = FakeClock()
    simulator = Simulator(clock=clock, leads=many_leads(9), plans=_MIXED)
    with serve(tmp_path, simulator, clock) as harness:
        ended = harness.run("run", "-v")
        texts = [ended.out, ended.err, harness.log_text()]
        texts += [
            path.read_text(encoding="utf-8") for path in (harness.state_dir / "reports").iterdir()
        ]

    assert len(texts) == 6
    for text in texts:
        assert text
        assert not any(digits(index) in text for index in range(9))
        assert "sandbox-wati-key" not in text
        assert "sandbox-crm-key" not in text


def test_campaign_lines_are_the_fixed_texts(tmp_path: Path) -> None:
    """The owner's lines stand on the console and in the log as they were fixed."""
    harness, _, _ = stage(tmp_path, leads=many_leads(9), plans=_MIXED)
    ended = harness.run()
    lines = harness.log_text().splitlines()

    for text in (
        "| INFO  | 🚀 WATI AUTOMATION CAMPAIGN STARTED",
        "| INFO  | 📊 Available Quota: 450",
        "| INFO  | 📋 Leads to Process: 9",
        "| INFO  | 📞 [001/009] Lead Number 0 → ",
        "| INFO  | 📤 SENT: Lead Number 0 | ID: d38f0c3a-",
        "| INFO  | 📱 DELIVERED: Lead Number 1",
        "| INFO  | 👀 READ: Lead Number 0",
        "| INFO  | ❌ FAILED: Lead Number 2 | Invalid WhatsApp number",
        "| INFO  | ⏳ PENDING: Lead Number 8",
    ):
        assert text in ended.err, text
        assert any(text in line for line in lines), text
    assert lines[0].startswith("11:30:00 | ")
    assert _TODAY in lines[0]


def test_campaign_exit_leaves_nothing_half_written(tmp_path: Path) -> None:
    """After a run the journal is empty, files are private, and no temporary file is left."""
    harness, _, _ = stage(tmp_path, leads=many_leads(2))
    harness.run("-q")
    files = [path for path in harness.state_dir.rglob("*") if path.is_file()]

    assert (harness.state_dir / "send_journal.jsonl").read_bytes() == b""
    assert not [path for path in files if path.name.endswith(".tmp")]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}

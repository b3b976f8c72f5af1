"""Every way a run can end, through the real command line: exit code, status, figures."""

import errno
import json
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from disks import FaultyDisk, Phase, Script, fail_with, no_space
from fakes import FakeClock, ScriptedChance
from harness import SECRETS, Harness, in_process, lead, many_leads, serve, stage
from report_samples import everyday_run
from simulated.faults import FaultKind
from simulated.scripts import Moment, answer, html_page, lost, redirect
from simulated.simulator import Simulator

from lead_automation.files import Disk
from lead_automation.reporting.documents import result_to_json
from lead_automation.runs import CallKind, SkipReason
from lead_automation.sandbox.exchange import Endpoint, Side
from lead_automation.sandbox.plans import failing, refused
from lead_automation.sandbox.simulator import TEMPLATE
from lead_automation.sandbox.wati_answers import SimTemplate
from lead_automation.state.lock import run_lock

_NIGHT = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)  # 22:30 in Asia/Kolkata
_LATE_EVENING = datetime(2026, 11, 23, 15, 29, 57, tzinfo=UTC)  # three seconds before 21:00
_QUALITY = "131049 Meta has restricted it for higher quality messaging"


def _nothing(_: Harness) -> None:
    """Change nothing."""


@dataclass(frozen=True)
class End:
    """One end of a run, and the runtime that brings it about.

    Attributes:
        reason: A part of the reason.
        summary: Whether the run came far enough to have one.
    """

    name: str
    code: int
    status: str
    reason: str = ""
    _: KW_ONLY
    simulator: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    arrange: Callable[[Harness], object] = _nothing
    leads: int = 3
    start: datetime = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
    summary: bool = True


def _signal(number: int) -> Callable[[Harness], None]:
    def arrange(harness: Harness) -> None:
        harness.simulator.hooks.add(
            Moment.ACCEPTED, Endpoint.SEND, lambda _: harness.stop.request(number), skip=1
        )

    return arrange


def _write(name: str, text: str) -> Callable[[Harness], object]:
    return lambda harness: (harness.state_dir / name).write_text(text, encoding="utf-8")


def _script(endpoint: Endpoint, *replies: Any) -> Callable[[Harness], object]:
    return lambda harness: harness.simulator.script(endpoint, *replies)


def _without(name: str) -> Callable[[Harness], object]:
    return lambda harness: (harness.state_dir / name).unlink()


def _counsellors(limit: int) -> Callable[[Harness], None]:
    def arrange(harness: Harness) -> None:
        path = harness.folder / "counsellors.json"
        text = json.dumps({"Anandi": {"number": "+919512270915", "daily_limit": limit}})
        path.write_text(text, encoding="utf-8")
        harness.write_settings(COUNSELLORS_FILE=str(path))

    return arrange


def _lost_history(harness: Harness) -> None:
    """Send, then lose the history but not the reports: a redeploy."""
    assert harness.run().code == 0
    for name in ("sent_messages.json", "quota_usage.json"):
        (harness.state_dir / name).write_text("{}\n", encoding="utf-8")


def _clock_stepped_back(harness: Harness) -> None:
    assert harness.run().code == 0
    assert isinstance(harness.clock, FakeClock)
    harness.clock.step(-3600)


def _wati_goes_away_after_a_send(harness: Harness) -> None:
    harness.simulator.hooks.add(
        Moment.REPLIED,
        Endpoint.SEND,
        lambda _: harness.simulator.take_down(Side.WATI, FaultKind.REFUSED),
    )


def _used_up(harness: Harness) -> None:
    _counsellors(2)(harness)
    _write("quota_usage.json", '{"2026-11-23": {"Anandi": 2}}')(harness)


def _other_template(status: str = "APPROVED", *parameters: str) -> dict[str, Any]:
    names = parameters or ("1", "2", "3")
    return {"templates": [SimTemplate(name=TEMPLATE, status=status, parameters=names)]}


_HOLD = {
    "reason": "ACCOUNT_ISSUE: 131031 account locked",
    "since": "2026-11-22T10:00:00+05:30",
    "until": None,
    "evidence": "131031",
    "what_to_do": ["Ask Meta."],
}

_ENDS = (
    End("completed", 0, "completed"),
    End("no_leads", 0, "no_leads", "No leads available", leads=0),
    End("outside_hours", 0, "outside_working_hours", "09:00–21:00", start=_NIGHT),
    End(
        "no_quota",
        0,
        "quota_exhausted",
        "All counsellor quotas exhausted for today",
        arrange=_used_up,
    ),
    End("no_counsellors", 0, "no_counsellors", arrange=_counsellors(0)),
    End(
        "odd_leads_only",
        0,
        "completed",
        simulator={"leads": [{"full_name": "x"}, 7, None, lead("5", "12345"), lead("6", None)]},
    ),
    End(
        "no_connection_in_mid_run",
        3,
        "stopped",
        "in a row",
        arrange=_wati_goes_away_after_a_send,
        leads=9,
    ),
    End(
        "meta_quality",
        3,
        "stopped",
        "META_QUALITY_STOP_AFTER=1",
        simulator={"plans": {"919810000000": failing(_QUALITY)}},
        leads=20,
    ),
    End(
        "more_than_half_failed",
        3,
        "stopped",
        "more than half",
        simulator={"default_plan": failing("131026 Message undeliverable")},
        leads=40,
    ),
    End(
        "template_missing",
        3,
        "stopped",
        "no template named",
        simulator={"templates": [SimTemplate(name="another")]},
    ),
    End(
        "crm_shows_a_sign_in_page",
        4,
        "failed",
        arrange=_script(Endpoint.LEADS, html_page(times=None)),
    ),
    End(
        "crm_answers_another_shape",
        4,
        "failed",
        arrange=_script(Endpoint.LEADS, answer({"leads": []})),
    ),
    End(
        "crm_hangs_up", 4, "failed", arrange=_script(Endpoint.LEADS, lost(taken=False, times=None))
    ),
    End("wati_refuses_the_token", 4, "failed", settings={"WATI_API_KEY": "wrong-wati-key"}),
    End(
        "wati_redirects",
        4,
        "failed",
        arrange=_script(Endpoint.TEMPLATES, redirect("https://example.com/")),
    ),
    End(
        "wati_refuses_the_connection",
        4,
        "failed",
        arrange=lambda harness: harness.simulator.take_down(Side.WATI, FaultKind.REFUSED),
    ),
    End("wati_clock_far_off", 5, "failed", "not trustworthy", simulator={"wati_offset_s": 700.0}),
    End(
        "clock_stepped_back",
        5,
        "failed",
        "not trustworthy",
        arrange=_clock_stepped_back,
        summary=False,
    ),
    End(
        "history_missing",
        5,
        "failed",
        "lead_automation init",
        arrange=_without("sent_messages.json"),
        summary=False,
    ),
    End(
        "quota_missing",
        5,
        "failed",
        "quota_usage.json is missing",
        arrange=_without("quota_usage.json"),
        summary=False,
    ),
    End(
        "hold_damaged", 5, "failed", "campaign_hold.json", arrange=_write("campaign_hold.json", "{")
    ),
    End(
        "suppressions_damaged",
        5,
        "failed",
        "suppression_list.json",
        arrange=_write("suppression_list.json", "[]"),
    ),
    End("history_lost", 5, "failed", "it was lost", arrange=_lost_history, summary=False),
    End(
        "held",
        6,
        "held",
        "131031 account locked",
        arrange=_write("campaign_hold.json", json.dumps(_HOLD)),
    ),
    End("sigint", 130, "interrupted", "SIGINT", arrange=_signal(2)),
    End("sigterm", 143, "interrupted", "SIGTERM", arrange=_signal(15)),
    End(
        "settings_missing",
        2,
        "failed",
        "Missing WATI credentials in config.env: WATI_API_KEY",
        arrange=lambda harness: harness.write_settings(WATI_API_KEY=None),
        summary=False,
    ),
)


def _assert_adds_up(document: dict[str, Any]) -> None:
    """Hold an object of ``run --json`` to the sums it promises."""
    leads, messages = document["leads"], document["messages"]
    skipped = sum(leads["skipped"].values())

    assert set(leads["skipped"]) == {reason.value for reason in SkipReason}
    assert leads["fetched"] == skipped + leads["attempted"] + leads["not_reached"]
    assert leads["attempted"] == leads["accepted"] + leads["refused"] + leads["unknown"]
    assert messages["sent"] == leads["accepted"]
    failed_later = messages["failed"] - leads["refused"]
    assert messages["sent"] == messages["delivered"] + messages["pending"] + failed_later
    assert messages["read"] <= messages["delivered"]
    for name in ("sent", "delivered", "read", "failed", "pending"):
        assert sum(its[name] for its in document["counsellors"].values()) == messages[name]
    if messages["delivered"] + messages["failed"]:
        good = messages["sent"] - failed_later
        expected = 100 * good / leads["attempted"]
        assert document["success_rate"] == pytest.approx(expected, abs=0.051)
    else:
        assert document["success_rate"] is None
    assert set(document["api_calls"]) == {kind.value for kind in CallKind}


def _arranged(end: End, clock: FakeClock) -> Simulator:
    leads = end.simulator.get("leads", many_leads(end.leads))
    options = {key: value for key, value in end.simulator.items() if key != "leads"}
    return Simulator(clock=clock, leads=leads, **options)


@pytest.mark.parametrize("end", _ENDS, ids=lambda end: end.name)
def test_run_end_with_json_prints_one_object_that_adds_up(tmp_path: Path, end: End) -> None:
    """Each end has its exit code and status, and the object's sums are equal to their parts."""
    clock = FakeClock(end.start)
    simulator = _arranged(end, clock)
    with serve(tmp_path, simulator, clock, settings=end.settings) as harness:
        end.arrange(harness)
        sent_before, posted_before = len(simulator.messages), simulator.posts.total()
        ended = harness.run("run", "--json")
    document = ended.document

    assert (ended.code, document["status"]) == (end.code, end.status), ended.err
    assert end.reason in document["reason"]
    assert list(document) == [*result_to_json(everyday_run()), "report", "hold"]
    assert document["mode"] == "production"
    _assert_adds_up(document)
    assert document["messages"]["sent"] <= len(simulator.messages) - sent_before
    if end.code in (2, 4, 5, 6):  # the codes that say that nothing may be sent
        assert simulator.posts.total() == posted_before
    assert not any(secret in ended.out + ended.err for secret in SECRETS)
    assert "Traceback" not in ended.out + ended.err


@pytest.mark.parametrize("end", _ENDS, ids=lambda end: end.name)
def test_run_end_without_json_tells_people(tmp_path: Path, end: End) -> None:
    """Each end has the same exit code for people, and says why on the console."""
    clock = FakeClock(end.start)
    simulator = _arranged(end, clock)
    harness = in_process(tmp_path, simulator, clock, settings=end.settings)
    end.arrange(harness)
    ended = harness.run()

    assert ended.code == end.code
    word = f"STATUS: {end.status.upper().replace('_', ' ')}"
    assert (word in ended.out) == end.summary
    shown = " ".join((ended.out + ended.err).split())
    assert " ".join(end.reason.split()) in shown
    if end.code:
        assert ended.err
    assert not any(secret in shown for secret in SECRETS)


def test_ends_cover_every_status_and_code() -> None:
    """The table above names every status and every exit code but those with a test of their own."""
    assert {end.status for end in _ENDS} | {"already_running"} == {
        "completed",
        "stopped",
        "interrupted",
        "outside_working_hours",
        "quota_exhausted",
        "no_leads",
        "no_counsellors",
        "held",
        "already_running",
        "failed",
    }
    assert {end.code for end in _ENDS} | {1, 75} == {0, 1, 2, 3, 4, 5, 6, 75, 130, 143}


@pytest.mark.parametrize("flags", [("--json",), ()])
def test_run_beside_another_one_ends_at_once_naming_it(
    tmp_path: Path, flags: tuple[str, ...]
) -> None:
    """A second run ends with 75, names the holder's pid and start, and changes nothing."""
    harness, simulator, clock = stage(tmp_path, leads=many_leads(2))
    lock = run_lock(Disk(), harness.state_dir, pid=987, started_at=clock.now(), sleep=clock.sleep)
    with lock:
        before = {path.name for path in harness.state_dir.iterdir()}
        ended = harness.run(*flags)
        after = {path.name for path in harness.state_dir.iterdir()}

    assert ended.code == 75
    assert "pid 987, since 2026-11-23 06:00:00" in ended.err
    assert before == after
    assert simulator.posts.total() == 0
    if flags:
        assert ended.document["status"] == "already_running"
        _assert_adds_up(ended.document)


@pytest.mark.parametrize("flags", [("--json",), ("-q",)])
def test_run_with_a_bug_keeps_the_traceback_in_the_log(
    tmp_path: Path, flags: tuple[str, ...]
) -> None:
    """A bug ends with 1, a sentence on the console, and the traceback in the log file only."""
    harness, simulator, clock = stage(tmp_path, leads=many_leads(2))

    def broken(_: float) -> None:
        raise ZeroDivisionError

    harness.sleep = broken
    ended = harness.run(*flags)

    assert ended.code == 1
    assert "bug in the program: ZeroDivisionError" in ended.err
    assert "wati_automation.log" in ended.err
    assert "Traceback" not in ended.out + ended.err
    assert "ZeroDivisionError" in harness.log_text()
    assert "in broken" in harness.log_text()
    assert not any(secret in harness.log_text() for secret in SECRETS)
    if "--json" in flags:
        assert ended.document["status"] == "failed"
        assert ended.document["exit_code"] == 1
    harness.sleep = clock.sleep
    again = harness.run("--json")

    assert again.code == 0
    assert max(simulator.posts.values()) == 1
    assert len(simulator.messages) == 2


def test_run_interrupted_finishes_the_message_in_hand(tmp_path: Path) -> None:
    """After a signal the message in hand is settled, its row posted, and nothing more is sent."""
    harness, simulator, _ = stage(tmp_path, leads=many_leads(5))
    _signal(15)(harness)
    document = harness.run("--json").document
    records = harness.records()
    journal = (harness.state_dir / "send_journal.jsonl").read_bytes()
    rows = list(simulator.crm_rows)
    again = harness.run("--json").document

    assert document["leads"]["accepted"] == 2
    assert document["leads"]["not_reached"] == 3
    assert [record["sent_at"] is not None for record in records.values()] == [True, True]
    assert not any("unknown" in record for record in records.values())
    assert len(rows) == 2
    assert journal == b""
    assert again["leads"]["skipped"]["duplicate"] == 2
    assert simulator.posts.total() == 5
    assert len(simulator.crm_rows) == 5


def test_run_quiet_and_good_prints_nothing(tmp_path: Path) -> None:
    """With -q a run that ends with 0 and no warning writes not one character."""
    plans = {"919810000001": refused("Invalid WhatsApp number")}
    harness, simulator, _ = stage(tmp_path, leads=many_leads(3), plans=plans)
    ended = harness.run("-q")

    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert len(simulator.messages) == 2


def test_run_quiet_with_a_warning_speaks(tmp_path: Path) -> None:
    """With -q a warning is shown, and the summary with it."""
    harness, _, _ = stage(tmp_path, leads=many_leads(1), settings={"WATI_TEMPLATENAME": "x"})
    ended = harness.run("-q")

    assert ended.code == 0
    assert "WATI_TEMPLATENAME" in ended.err
    assert "STATUS: COMPLETED" in ended.out


def test_run_with_wrong_settings_names_every_problem(tmp_path: Path) -> None:
    """All wrong settings are named in one go, none with a secret's value."""
    clock = FakeClock()
    wrong = {
        "TIMEZONE": "Mars/Base",
        "SEND_DELAY_MIN": "-1",
        "LOG_LEVEL": "LOUD",
        "READ_TIMEOUT": "x",
    }
    harness = in_process(tmp_path, Simulator(clock=clock), clock)
    harness.write_settings(**wrong)
    dry = harness.run("run", "--dry-run", "--json")
    ended = harness.run("--json")

    assert ended.code == 2
    assert dry.document["mode"] == "dry-run"
    for key in wrong:
        assert key in ended.document["reason"]
        assert key in ended.err


def test_run_with_odd_settings_warns_and_goes_on(tmp_path: Path) -> None:
    """A misspelt key and a file open to others are warned about, with what to do."""
    clock = FakeClock()
    harness = in_process(tmp_path, Simulator(clock=clock, leads=many_leads(1)), clock)
    harness.write_settings(SEND_DELAY_MINN="5")
    (tmp_path / "config.env").chmod(0o644)
    ended = harness.run("-q")

    assert ended.code == 0
    assert "SEND_DELAY_MIN" in ended.err
    assert "chmod 600" in ended.err


def test_run_draws_counsellors_by_chance(tmp_path: Path) -> None:
    """The drawn number decides who gets the lead: the first at 0, the last just below 1."""
    clock = FakeClock()
    names = []
    for draw in (0.0, 0.999):
        folder = tmp_path / str(draw)
        folder.mkdir()
        simulator = Simulator(clock=clock, leads=many_leads(1))
        harness = in_process(folder, simulator, clock)
        harness.chance = ScriptedChance(draw)
        harness.run("-q")
        names += [record["counsellor"] for record in harness.records().values()]

    assert names == ["Anandi", "Vaidehi"]


def test_run_whose_reports_cannot_be_kept_goes_on_with_a_warning(tmp_path: Path) -> None:
    """A file in the place of the reports folder costs the report, not the run."""
    harness, simulator, _ = stage(tmp_path, leads=many_leads(1))
    (harness.state_dir / "reports").mkdir()
    (harness.state_dir / "reports").rmdir()
    harness.disk = FaultyDisk(
        Disk(), Script(1, Phase.BEFORE, fail_with(errno.ENOSPC), frozenset({"make_folder"}))
    )
    ended = harness.run()

    assert ended.code == 0
    assert "The report could not be kept" in ended.err
    assert len(simulator.messages) == 1


@pytest.mark.parametrize("at", range(1, 9))
def test_run_on_a_full_disk_ends_with_5_and_repeats_nobody(tmp_path: Path, at: int) -> None:
    """Wherever the space runs out, nothing is POSTed unrecorded and the next run doubles nobody."""
    harness, simulator, clock = stage(tmp_path, leads=many_leads(3))
    harness.disk = FaultyDisk(Disk(), no_space(at))
    ended = harness.run("--json")
    harness.disk = Disk()
    clock.advance(3600)
    again = harness.run("--json")
    records = harness.records()

    assert ended.code in (0, 5), ended.err
    assert ended.code == 0 or "No space left" in ended.document["reason"]
    assert again.code == 0, again.err
    assert simulator.posts == {f"91981000000{index}": 1 for index in range(3)}
    assert len(records) == 3


def test_run_whose_fold_fails_ends_with_5_and_is_folded_by_the_next(tmp_path: Path) -> None:
    """When the books cannot be closed the journal stays, and nothing it knows is lost."""
    harness, _, _ = stage(tmp_path, leads=many_leads(2))
    harness.disk = FaultyDisk(
        Disk(), Script(3, Phase.BEFORE, fail_with(errno.EIO), frozenset({"replace"}))
    )
    ended = harness.run("--json")
    before = harness.history()
    harness.disk = Disk()
    again = harness.run("--json")
    after = harness.records()

    assert (ended.code, ended.document["status"]) == (5, "failed")
    assert ended.document["messages"]["read"] == 2
    assert before == {}
    assert (again.code, again.document["leads"]["skipped"]["duplicate"]) == (0, 2)
    assert {record["status"] for record in after.values()} == {"read"}

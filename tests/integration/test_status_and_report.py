"""Looking at the state: status, report, init, and the help of every command."""

import csv
import io
import json
from datetime import date
from pathlib import Path

import pytest
from fakes import FakeClock
from harness import Harness, digits, in_process, many_leads, stage
from simulated.plans import ScriptedPlan
from simulated.scripts import Moment, lost, server_error
from simulated.simulator import Simulator

from lead_automation.arguments import COMMANDS, FORMS
from lead_automation.cli import main
from lead_automation.sandbox.exchange import Endpoint
from lead_automation.sandbox.plans import Plan, Step, failing, refused

_PLANS = {
    digits(1): refused("Invalid WhatsApp number"),
    digits(2): failing("131050 User has stopped marketing messages"),
    digits(3): ScriptedPlan(on_send=(lost(taken=True),)),
}


def _simulator(clock: FakeClock, **options: object) -> Simulator:
    return Simulator(clock=clock, leads=many_leads(5), plans=_PLANS, **options)  # type: ignore[arg-type]  # a test's own words


def _five(folder: Path) -> Harness:
    """Return the command line before five leads of every outcome."""
    return stage(folder, leads=many_leads(5), plans=_PLANS)[0]


def _without_settings(folder: Path) -> Harness:
    """Return the command line in a folder that has no settings file."""
    clock = FakeClock()
    return Harness(
        folder=folder, simulator=Simulator(clock=clock), clock=clock, sleep=clock.sleep, settings={}
    )


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


# --- status ----------------------------------------------------------------------------------


def test_status_after_a_run_tells_what_the_files_say(tmp_path: Path) -> None:
    """Use per counsellor, messages by status, unknown ones, suppressions, rows and last run."""
    harness, simulator, _ = stage(tmp_path, leads=many_leads(5), plans=_PLANS)
    simulator.script(
        Endpoint.MESSAGES,
        server_error(times=None),
        match=lambda request: request.number == digits(3),
    )
    run = harness.run("--json").document
    before = _files(harness.state_dir)
    document = harness.run("status", "--json").document
    text = harness.run("status").out
    after = _files(harness.state_dir)
    quota = harness.quota()["2026-11-23"]

    assert before == after
    assert document["today"] == "2026-11-23"
    used = {name: its["used_today"] for name, its in document["counsellors"].items()}
    assert {name: used[name] for name in quota} == quota
    assert sum(used.values()) == sum(quota.values())
    assert document["quota_left"] == 450 - 4
    assert document["messages_today"] == {"failed": 2, "read": 2, "unknown": 1}
    assert [item["lead_id"] for item in document["unknown"]] == ["1003"]
    assert document["suppressed"] == 1
    assert document["crm_rows_owed"] == 0
    assert document["hold"] is None
    assert document["last_run"]["run_id"] == run["run_id"]
    assert document["last_run"]["status"] == "completed"
    assert document["month"]["calls"] == sum(
        run["api_calls"][kind] for kind in ("send", "status", "templates")
    )
    assert "446 messages left today" in text
    assert "1 unknown" in text
    assert "lead 1003" in text
    assert f"Last run: {run['run_id']} completed" in text


def test_status_on_the_next_day_tells_todays_messages_only(tmp_path: Path) -> None:
    """Yesterday's messages count as unsettled while they are, but not as today's."""
    plans = {digits(0): Plan(history=(Step(0.0, "SENT"),))}
    harness, _, clock = stage(tmp_path, leads=many_leads(2), plans=plans)
    harness.run("-q")
    clock.advance(24 * 3600)
    document = harness.run("status", "--json").document

    assert document["messages_today"] == {}
    assert document["quota_left"] == 450
    assert document["unsettled"] == 1


def test_status_needs_no_wati_settings(tmp_path: Path) -> None:
    """Status, report and init work where WATI's and the CRM's settings are missing."""
    harness = _five(tmp_path)
    harness.write_settings(WATI_API_KEY=None, LEAD_API_URL=None, WATI_TEMPLATE_NAME=None)
    ended = harness.run("status")

    assert ended.code == 0
    assert "450 messages left today" in ended.out
    assert "Messages today: none" in ended.out


def test_status_during_a_run_reads_its_journal(tmp_path: Path) -> None:
    """While a run is on, status needs no lock and counts what stands in the journal."""
    clock = FakeClock()
    simulator = Simulator(clock=clock, leads=many_leads(3))
    seen: list[dict[str, object]] = []
    harness = in_process(tmp_path, simulator, clock)

    def look(_: object) -> None:
        other = Harness(
            folder=harness.folder,
            simulator=simulator,
            clock=FakeClock(clock.now()),
            sleep=clock.sleep,
            settings={},
        )
        seen.append(other.run("status", "--json").document)

    simulator.hooks.add(Moment.ACCEPTED, Endpoint.SEND, look, skip=1)
    harness.run("-q")
    on_disk = harness.quota()

    assert seen[0]["messages_today"] == {"pending": 1, "unknown": 1}
    assert seen[0]["quota_left"] == 448
    assert sum(on_disk["2026-11-23"].values()) == 3


@pytest.mark.parametrize("name", ["sent_messages.json", "quota_usage.json"])
def test_status_of_damaged_state_names_the_file(tmp_path: Path, name: str) -> None:
    """A damaged file ends with 5, is named, and is left as it is."""
    harness = _five(tmp_path)
    (harness.state_dir / name).write_text('{"2026-11-23":', encoding="utf-8")
    ended = harness.run("status", "--json")
    kept = (harness.state_dir / name).read_text(encoding="utf-8")

    assert ended.code == 5
    assert name in ended.document["reason"]
    assert ended.document["exit_code"] == 5
    assert kept == '{"2026-11-23":'


# --- report ----------------------------------------------------------------------------------


def test_report_of_the_last_run_in_every_form(tmp_path: Path) -> None:
    """JSON, CSV, text and HTML tell the same run, the last one by default."""
    harness, _, _ = stage(tmp_path, leads=many_leads(5), plans=_PLANS)
    run = harness.run("--json").document
    shown = {form: harness.run("report", "--format", form) for form in FORMS}
    default = harness.run("report")
    as_json = harness.run("report", "--json")
    rows = list(csv.DictReader(io.StringIO(shown["csv"].out.lstrip("\ufeff"))))

    assert all(ended.code == 0 for ended in shown.values())
    document = shown["json"].document
    shared = (run.keys() & document.keys()) - {"counsellors", "started_at", "ended_at"}
    assert {key: document[key] for key in shared} == {key: run[key] for key in shared}
    assert as_json.out == shown["json"].out
    assert len(document["lead_rows"]) == len(rows) == 5
    assert default.out == shown["text"].out
    assert "STATUS: COMPLETED" in default.out
    assert shown["html"].out.lstrip().lower().startswith("<!doctype html>")
    assert run["run_id"] in shown["html"].out
    for ended in shown.values():
        assert not any(digits(index) in ended.out for index in range(5))


def test_report_of_a_run_by_id(tmp_path: Path) -> None:
    """--run names an earlier run; an unknown or odd id ends with 2 and never names a path."""
    harness, _, clock = stage(tmp_path, leads=many_leads(5), plans=_PLANS)
    first = harness.run("--json").document
    clock.advance(60)
    second = harness.run("--json").document
    named = harness.run("report", "--run", first["run_id"], "--json").document
    last = harness.run("report", "--json").document
    missing = harness.run("report", "--run", "20200101T000000-0000")
    odd = harness.run("report", "--run", "../sent_messages")

    assert named["run_id"] == first["run_id"]
    assert last["run_id"] == second["run_id"]
    assert (missing.code, odd.code) == (2, 2)
    assert "no report of run 20200101T000000-0000" in missing.err
    assert "--run: expected an id such as" in odd.err


def test_report_of_days_in_every_form(tmp_path: Path) -> None:
    """--days N covers the last N kept days, today last, in every form."""
    harness, simulator, clock = stage(tmp_path, leads=many_leads(5), plans=_PLANS)
    harness.run("-q")
    clock.advance(24 * 3600)
    simulator.crm.leads += many_leads(2, first=5)
    harness.run("-q")
    shown = {form: harness.run("report", "--days", "3", "--format", form) for form in FORMS}
    beyond = harness.run("report", "--days", "99", "--json").document
    rows = list(csv.DictReader(io.StringIO(shown["csv"].out.lstrip("\ufeff"))))
    totals = {row["day"]: row for row in rows if row["counsellor"] == "*"}

    assert all(ended.code == 0 for ended in shown.values())
    assert list(totals) == ["2026-11-22", "2026-11-23", "2026-11-24"]
    assert totals["2026-11-23"]["attempted"] == "5"
    assert totals["2026-11-24"]["sent"] == "2"
    assert shown["json"].document
    assert "2026-11-24" in shown["text"].out
    assert shown["html"].out.lstrip().lower().startswith("<!doctype html>")
    assert len(beyond["days"]) == 99
    assert "Nothing is kept of the days before 17 Nov 2026" in beyond["note"]


def test_report_into_a_file_says_so(tmp_path: Path) -> None:
    """--output writes the file, private and whole, and says where on stderr unless quiet."""
    harness = _five(tmp_path)
    harness.run("-q")
    loud = harness.run("report", "--format", "html", "--output", "run.html")
    quiet = harness.run("report", "-q", "--format", "csv", "--output", "run.csv")
    folder = harness.run("report", "--output", "state")
    nowhere = harness.run("report", "--output", "no/such/folder.txt")

    assert (loud.code, loud.out) == (0, "")
    assert "Report written to run.html" in loud.err
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
    assert (tmp_path / "run.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert (tmp_path / "run.html").stat().st_mode & 0o777 == 0o600
    assert folder.code == nowhere.code == 5
    assert "is a directory" in folder.err
    assert "could not be written" in nowhere.err


def test_report_without_any_run_says_how_to_get_one(tmp_path: Path) -> None:
    """Before the first run there is nothing to report: exit 5 and the way to one."""
    harness = _five(tmp_path)
    ended = harness.run("report", "--json")

    assert ended.code == 5
    assert "run --sandbox" in ended.document["reason"]


def test_report_of_a_damaged_run_is_refused(tmp_path: Path) -> None:
    """A half-written run document ends with 5 and names the file."""
    harness = _five(tmp_path)
    harness.run("-q")
    [path] = (harness.state_dir / "reports").glob("run-*.json")
    path.write_text('{"version": 1', encoding="utf-8")
    ended = harness.run("report")

    assert ended.code == 5
    assert path.name in ended.err


# --- init ------------------------------------------------------------------------------------


def test_init_creates_the_two_files_and_their_folder(tmp_path: Path) -> None:
    """Both files are made as {}, it says where, and needs no settings file."""
    harness = _without_settings(tmp_path)
    told = harness.run("init", "--state-dir", "state")
    document = harness.run("--state-dir", "second", "init", "--json").document

    assert told.code == 0
    assert str(harness.state_dir) in told.out
    assert _files(harness.state_dir) == {"quota_usage.json": b"{}\n", "sent_messages.json": b"{}\n"}
    assert document["state_dir"] == str(tmp_path / "second")


@pytest.mark.parametrize("name", ["quota_usage.json", "sent_messages.json"])
def test_init_refuses_to_touch_existing_files(tmp_path: Path, name: str) -> None:
    """Where one of the two files stands, init ends with 5 and leaves everything as it was."""
    harness = _five(tmp_path)
    harness.run("-q")
    for other in ("quota_usage.json", "sent_messages.json"):
        if other != name:
            (harness.state_dir / other).unlink()
    before = _files(harness.state_dir)
    ended = harness.run("init", "--json")
    after = _files(harness.state_dir)

    assert ended.code == 5
    assert name in ended.document["reason"]
    assert before == after


def test_init_under_a_file_says_what_is_wrong(tmp_path: Path) -> None:
    """A state directory that cannot be made ends with 5 and names the setting to check."""
    clock = FakeClock()
    (tmp_path / "file").write_text("", encoding="utf-8")
    harness = in_process(tmp_path, _simulator(clock), clock)
    ended = harness.run("init", "--state-dir", "file/state")

    assert ended.code == 5
    assert "STATE_DIR" in ended.err


# --- where settings come from ----------------------------------------------------------------


def test_settings_file_is_found_by_option_variable_parent_and_folder(tmp_path: Path) -> None:
    """--config wins, then LEAD_AUTOMATION_CONFIG, then ../config.env, then ./config.env."""
    here = tmp_path / "here"
    here.mkdir()
    places = {
        "option": tmp_path / "a.env",
        "variable": tmp_path / "b.env",
        "parent": tmp_path / "config.env",
        "folder": here / "config.env",
    }
    for name, path in places.items():
        path.write_text(f"STATE_DIR={tmp_path / name}\n", encoding="utf-8")
        path.chmod(0o600)
    harness = _without_settings(here)
    harness.environ["LEAD_AUTOMATION_CONFIG"] = str(places["variable"])
    found = [harness.run("init", "--json", "--config", str(places["option"])).document]
    found.append(harness.run("init", "--json").document)
    harness.environ.clear()
    found.append(harness.run("init", "--json").document)
    places["parent"].unlink()
    found.append(harness.run("init", "--json").document)

    assert [Path(item["state_dir"]).name for item in found] == list(places)


def test_settings_file_that_is_nowhere_is_asked_for(tmp_path: Path) -> None:
    """Without any settings a run names what is missing, and the file to copy."""
    harness = _without_settings(tmp_path)
    ended = harness.run()
    document = harness.run("--json").document

    assert ended.code == 2
    assert ended.err.startswith("Missing WATI credentials in config.env: WATI_API_KEY, ")
    assert f"No config.env was found at {tmp_path.parent}/config.env" in ended.err
    assert document["reason"].startswith("Missing WATI credentials in config.env")
    assert list(tmp_path.iterdir()) == []


def test_settings_file_that_is_named_must_exist(tmp_path: Path) -> None:
    """A --config that is not there ends with 2 and says what to copy."""
    harness = _five(tmp_path)
    ended = harness.run("run", "--config", "nope.env")

    assert ended.code == 2
    assert "nope.env does not exist; copy config.env.example" in ended.err


# --- the command line itself -----------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [(), *[(name,) for name in COMMANDS], ("suppress", "add"), ("suppress", "remove")],
    ids=" ".join,
)
def test_help_of_every_command_shows_its_options(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """--help ends with 0 and names the options that stand everywhere."""
    code = main([*words, "--help"])
    shown = capsys.readouterr()

    assert code == 0
    assert shown.err == ""
    assert shown.out.startswith("usage: lead-automation")
    for option in ("--config", "--state-dir", "--verbose", "--quiet", "--json", "--no-color"):
        assert option in shown.out
    assert "--version" in shown.out
    assert max(len(line) for line in shown.out.splitlines()) <= 80


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("rnu",), "no command is called 'rnu'; did you mean run?"),
        (("run", "--limit", "٣"), "a whole number from 1 up"),
        (("run", "--sandbox", "nope"), "'everyday', 'restricted', 'credits', 'outage'"),
        (("report", "--format", "pdf"), "invalid choice: 'pdf'"),
        (("suppress", "add"), "PHONE"),
        (("--config",), "expected one argument"),
        (("",), "no command is called ''"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_usage_error_ends_with_2_and_names_the_help(
    tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    """A wrong command line says what is wrong and where to read on, with --json as an object."""
    harness = _without_settings(tmp_path)
    plain = harness.run(*words)
    in_json = harness.run(*words[:1], "--json", *words[1:]) if words[0] != "--config" else None

    assert (plain.code, plain.out) == (2, "")
    assert told in plain.err
    assert "See: python -m lead_automation" in plain.err
    assert "--help" in plain.err
    assert list(tmp_path.iterdir()) == []
    if in_json is not None:
        assert in_json.code == 2
        assert told in in_json.document["reason"]
        assert in_json.document["exit_code"] == 2


def test_state_directory_of_days_is_in_the_zone_of_the_settings(tmp_path: Path) -> None:
    """Today is the day in TIMEZONE, whatever the machine's own zone."""
    harness, _, clock = stage(tmp_path, settings={"TIMEZONE": "Pacific/Auckland"})
    clock.advance(6 * 3600)
    document = harness.run("status", "--json").document

    assert document["today"] == date(2026, 11, 24).isoformat()
    assert json.dumps(document)

"""What may lie in the place of each file of the state directory: it is never guessed at."""

import json
import os
import signal
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import Harness
from hostile import (
    BIDI,
    ESCAPES,
    SCRIPT,
    attacked,
    check_ended,
    check_log,
    holds_number,
    odd_characters,
    run_safely,
    state_bytes,
)
from simulated.scripts import Moment

from lead_automation.files import Disk, write_atomic
from lead_automation.sandbox.exchange import Endpoint

NUMBER = "+919812345678"
NATIONAL = "9812345678"
QUOTA, HISTORY = "quota_usage.json", "sent_messages.json"
OUTBOX, CALLS = "crm_outbox.json", "api_usage.json"
JOURNAL, SUPPRESSIONS = "send_journal.jsonl", "suppression_list.json"
HOLD, LOG = "campaign_hold.json", "wati_automation.log"
READ_FILES = (QUOTA, HISTORY, OUTBOX, CALLS, JOURNAL, SUPPRESSIONS, HOLD)
GOOD = {QUOTA: b"{}\n", HISTORY: b"{}\n", OUTBOX: b"{}\n", CALLS: b"{}\n", SUPPRESSIONS: b"{}\n"}

as_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may give files away"
)


@pytest.fixture(autouse=True)
def _no_hanging() -> Iterator[None]:
    """Fail a test that hangs on a FIFO instead of refusing it."""

    def too_late(_number: int, _frame: object) -> None:
        msg = "it hangs"
        raise TimeoutError(msg)

    before = signal.signal(signal.SIGALRM, too_late)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def put(harness: Harness, name: str, data: bytes) -> Path:
    """Put a file into the state directory, as its owner would."""
    path = harness.state_dir / name
    path.write_bytes(data)
    path.chmod(0o600)
    return path


def refuse(harness: Harness, name: str, *commands: str) -> str:
    """Hold ``run``, ``status`` and more to a refusal that names the file and changes nothing."""
    before = _looks_of(harness.state_dir)
    told = ""
    for command in ("status", "run --json", *commands):
        ended = harness.run(*command.split())
        check_ended(ended, 5)
        assert name in ended.err
        told += ended.err
    after = _looks_of(harness.state_dir)

    # A run that ends before its first send made calls, and stands in the list of runs.
    counted = {CALLS, JOURNAL, "reports/index.html"} - {name}
    assert [path for path in set(before) - counted if after[path] != before[path]] == []
    new = {path.partition("/")[0] for path in set(after) - set(before)}
    assert new <= {"run.lock", "run.lock.holder", "reports", LOG, JOURNAL, CALLS}
    assert not harness.simulator.posts
    assert not holds_number(told, NATIONAL)
    return told


def _looks_of(folder: Path) -> dict[str, object]:
    """Return kind and content of everything in a folder but lock and log."""
    looks: dict[str, object] = {}
    for path in folder.rglob("*"):
        if path.name in ("run.lock.holder", "run.lock", LOG):
            continue
        mode = path.lstat().st_mode
        data = path.read_bytes() if stat.S_ISREG(mode) and path.stat().st_size < 1 << 21 else b""
        looks[str(path.relative_to(folder))] = (mode, path.lstat().st_nlink, data)
    return looks


# --- content --------------------------------------------------------------------------------------

_RECORD = {
    "phone": NUMBER,
    "template": "x",
    "counsellor": "Anandi",
    "status": "sent",
    "message_id": None,
    "sent_at": "2026-11-22T09:15:24+05:30",
    "updated_at": None,
    "attempts": 1,
}
_ROW = {
    "lead_id": "1",
    "template_name": "x",
    "to_phone_number": NUMBER,
    "msg_status": "sent",
    "wati_message_id": None,
    "error_message": None,
    "sent_at": None,
}


def _history(**changes: object) -> bytes:
    return json.dumps({"2026-11-22": {"1": {**_RECORD, **changes}}}).encode()


_ANY_FILE = [
    b"",
    b" ",
    b"null",
    b"true",
    b"7",
    b'"x"',
    b"{",
    b"{}{}",
    b"{} x",
    b"[" * 100_000,
    b'{"a":' * 5_000,
    b"\x00" * 100,
    b"\xff\xfe{\x00}\x00",
    b'{"2026-11-22": NaN}',
    b'{"2026-11-22": 1e999}',
    b'{"2026-11-22": ' + b"9" * 5_000 + b"}",
    b'{"version": 2}',
    b'{"2026-11-22": {}, "2026-11-22": {}}',
]
_DAMAGES = [
    *((name, data) for name in (*GOOD, HOLD) for data in _ANY_FILE),
    (QUOTA, b"[]"),
    (QUOTA, b'{"2026-11-22": 3}'),
    (QUOTA, b'{"2026-11-22": {"Anandi": "3"}}'),
    (QUOTA, b'{"2026-11-22": {"Anandi": true}}'),
    (QUOTA, b'{"2026-11-22": {"Anandi": -1}}'),
    (QUOTA, b'{"2026-11-22": {"Anandi": 1e400}}'),
    (QUOTA, b'{"2026-11-22": {"Anandi": 2.9}}'),
    (QUOTA, b'{"2026-11-22": {"Anandi": 3.0}}'),
    (QUOTA, b'{"2026-11-22": {"Anandi": null}}'),
    (QUOTA, b'{"2026-11-22": {"Anandi": 9999999999}}'),
    (QUOTA, b'{"2026-11-22": {"Anandi": 1, "Anandi": 2}}'),
    (QUOTA, b'{"2026-13-22": {}}'),
    (QUOTA, b'{"22.11.2026": {}}'),
    (QUOTA, '{"２０２６-11-22": {}}'.encode()),
    (HISTORY, b"[]"),
    (HISTORY, b'["1001"]'),
    (HISTORY, b'{"2026-11-22": {"1": {}}}'),
    (HISTORY, b'{"2026-11-22": [null]}'),
    (HISTORY, b'{"2026-11-22": [true]}'),
    (HISTORY, b'{"2026-11-22": [1.5]}'),
    (HISTORY, b'{"2026-11-22": [""]}'),
    (HISTORY, json.dumps({"2026-11-22": ["x" * 129]}).encode()),
    (HISTORY, _history(phone=NATIONAL)),
    (HISTORY, _history(phone="+९१९८१२३४५६७८")),
    (HISTORY, _history(phone=7)),
    (HISTORY, _history(status="SENT")),
    (HISTORY, _history(status="sparkled")),
    (HISTORY, _history(attempts=True)),
    (HISTORY, _history(attempts=-1)),
    (HISTORY, _history(sent_at="yesterday")),
    (HISTORY, _history(sent_at="2026-11-22T09:15:24")),
    (HISTORY, _history(sent_at="9999-12-31T23:59:59-12:00")),
    (HISTORY, _history(sent_at=None)),
    (HISTORY, _history(unknown="yes")),
    (HISTORY, _history(error_category="bad_luck")),
    (HISTORY, _history(extra=1)),
    (HISTORY, _history(**{f"{ESCAPES}{BIDI}{NATIONAL}": 1})),
    (HISTORY, json.dumps({"2026-11-22": {"\u00e9": _RECORD, "e\u0301": _RECORD}}).encode()),
    (OUTBOX, b"[]"),
    (OUTBOX, json.dumps({"a": {**_ROW, "msg_status": "sparkled"}}).encode()),
    (OUTBOX, json.dumps({"a": {**_ROW, "to_phone_number": 7}}).encode()),
    (OUTBOX, json.dumps({NUMBER: {}}).encode()),
    (CALLS, b"[]"),
    (CALLS, b'{"2026-11": true}'),
    (CALLS, b'{"2026-11": -1}'),
    (CALLS, b'{"2026-11": 1.0}'),
    (CALLS, b'{"2026-13": 1}'),
    (CALLS, b'{"november": 1}'),
    (SUPPRESSIONS, json.dumps({NUMBER: {}}).encode()),
    (SUPPRESSIONS, json.dumps({NATIONAL: {}}).encode()),
    (SUPPRESSIONS, json.dumps([NUMBER]).encode()),
    (
        SUPPRESSIONS,
        json.dumps(
            {NUMBER: {"reason": "x", "source": "y", "added_at": NUMBER, "until": None}}
        ).encode(),
    ),
    (HOLD, b"{}"),
    (HOLD, b"[]"),
    (HOLD, b'{"reason": 1, "since": null, "until": null, "evidence": "", "what_to_do": []}'),
]


@pytest.mark.parametrize("name", [*GOOD, HOLD])
def test_damaged_file_stops_everything_and_is_left_byte_for_byte(tmp_path: Path, name: str) -> None:
    """Wrong types, twins, NaN, newer versions, half files: exit 5, nothing sent or guessed."""
    harness = attacked(tmp_path)
    damages = [data for of, data in _DAMAGES if of == name]
    for data in damages:
        put(harness, name, data)

        assert len(refuse(harness, name)) < 6_000, data[:60]


_LINES = [
    b'{"v": 1, "kind": "sparkle"}\n',
    b'{"v": 2, "kind": "row_taken"}\n',
    b'{"v": "1", "kind": "row_taken"}\n',
    b'{"v": true, "kind": "row_taken"}\n',
    b'{"v": 1}\n',
    b'{"kind": "row_taken"}\n',
    b'{"v": 1, "kind": "row_taken", "new": 1}\n',
    b'{"v": 1, "kind": "row_taken", "drop": [1]}\n',
    b'{"v": 1, "kind": "row_taken", "drop": "x"}\n',
    b'{"v": 1, "kind": "row_taken", "calls": {"2026-11": -1}}\n',
    b'{"v": 1, "kind": "row_taken", "v": 1}\n',
    b'{"v": 1, "kind": "reserve"}\n',
    b'{"v": 1, "kind": "day"}\n',
    b'{"v": 1, "kind": "day", "day": "2026-11-23", "base": {"Anandi": 1.5}}\n',
    b'{"v": 1, "kind": "reserve", "message": {}, "quota": {"Anandi": 1}}\n',
    b"not json\n",
    b"\n",
    b"[" * 100_000 + b"\n",
    b"\xff\xfe\n",
    b"\x00\n",
    b"null\n",
    b'{"v": 1, "kind": "row_taken"}\nnot json\n{"v": 1, "kind": "row_taken"}\n',
    f'{{"v": 1, "kind": "{NUMBER}\\u001b[2J\\u202e"}}\n'.encode(),
]


def test_journal_line_nobody_wrote_stops_everything_and_is_kept(tmp_path: Path) -> None:
    """An unknown kind, a newer version, damage in a whole line: exit 5 with the line's number."""
    harness = attacked(tmp_path)
    for data in _LINES:
        put(harness, JOURNAL, data)

        assert "line" in refuse(harness, JOURNAL), data[:60]


def test_journal_torn_at_its_end_is_read_up_to_there(tmp_path: Path) -> None:
    """What has no newline was never told to have succeeded."""
    harness = attacked(tmp_path)
    whole = b'{"v": 1, "kind": "row_taken", "calls": {"2026-11": 700}}\n'
    for tail in (b"{", b'{"v": 9', b"\x00" * 4096, b"x" * 100_000, b"\xff"):
        put(harness, CALLS, b"{}\n")
        put(harness, JOURNAL, whole + tail)

        check_ended(harness.run("run", "--json"), 0)

        assert harness.read_state(CALLS)["2026-11"] > 700, tail[:8]


@pytest.mark.parametrize("name", [*READ_FILES])
def test_file_too_large_is_refused_by_its_size_alone(tmp_path: Path, name: str) -> None:
    """Two gigabytes (sparse here) are not read: it would take memory, and seconds."""
    harness = attacked(tmp_path)
    path = put(harness, name, b"")
    with path.open("r+b") as file:
        file.truncate(2 << 30)

    assert "larger than" in refuse(harness, name)


def test_history_of_plain_numbers_and_twins_is_read_as_ids(tmp_path: Path) -> None:
    """The earlier form held numbers; one id twice is one, and none is messaged again today."""
    harness = attacked(tmp_path, good=3)
    put(harness, HISTORY, b'{"2026-11-23": [1000, "1000", 1001, "\\u00e9", "e\\u0301"]}')

    ended = harness.run("run", "--json")

    check_ended(ended, 0)
    assert ended.document["leads"]["skipped"]["duplicate"] == 2
    assert list(harness.records()) == ["1000", "1001", "\u00e9", "1002"]


# --- kinds of files -------------------------------------------------------------------------------


def _symlink(path: Path) -> None:
    target = path.with_name("elsewhere")
    target.write_bytes(path.read_bytes() if path.exists() else b"{}\n")
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def _dangling(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(path.with_name("nowhere"))


def _hard_link(path: Path) -> None:
    if not path.exists():
        path.write_bytes(b"{}\n")
    os.link(path, path.with_name("second-name"))


def _fifo(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def _foreign(path: Path) -> None:
    if not path.exists():
        path.write_bytes(b"{}\n")
    os.chown(path, 12345, 12345)


KINDS = [
    _symlink,
    _dangling,
    _hard_link,
    _fifo,
    _folder,
    pytest.param(_foreign, marks=as_root),
]


@pytest.mark.parametrize("kind", KINDS)
def test_state_file_that_is_not_plainly_ours_is_refused(
    tmp_path: Path, kind: Callable[[Path], None]
) -> None:
    """Symlink, hard link, FIFO, folder, somebody else's: exit 5 at once, and it stays as it is."""
    for name in READ_FILES:
        (tmp_path / name).mkdir()
        harness = attacked(tmp_path / name)
        if name in GOOD:
            put(harness, name, GOOD[name])
        kind(harness.state_dir / name)

        commands = () if name in (HOLD, SUPPRESSIONS) else ("track", "run --dry-run")
        refuse(harness, name, *commands)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["run.lock", ".suppression_list.json.lock"])
def test_lock_file_that_is_not_plainly_ours_is_refused_and_keeps_its_content(
    tmp_path: Path, name: str, kind: Callable[[Path], None]
) -> None:
    """A planted lock can neither let two runs in nor have another file opened for writing."""
    harness = attacked(tmp_path)
    victim = put(harness, name, b"precious")
    kind(victim)
    arguments = ("run",) if name == "run.lock" else ("suppress", "add", NUMBER)

    ended = harness.run(*arguments)

    check_ended(ended, 5)
    assert name in ended.err
    assert not harness.simulator.posts
    for path in harness.state_dir.glob("*name"):
        assert path.read_bytes() == b"precious"


_HOLDERS = [
    b"",
    b"{}",
    b"[]",
    b"[" * 100_000,
    b'{"pid": "x", "started_at": 7}',
    b'{"pid": 1e300, "started_at": "2026-11-22T09:15:24+05:30"}',
    b'{"pid": ' + b"9" * 4000 + b', "started_at": "0001-01-01T00:00:00+23:59"}',
    json.dumps({"pid": 1, "started_at": ESCAPES}).encode(),
    json.dumps({"pid": SCRIPT, "started_at": "2026-11-22T09:15:24+05:30"}).encode(),
    b"\xff" * 5000,
    b"x" * 100_000,
]


def test_lock_holder_of_any_content_still_ends_the_second_run_with_75(tmp_path: Path) -> None:
    """Who holds the lock is told where it can be; the answer is the same where it cannot."""
    harness = attacked(tmp_path)
    told = []

    def second_runs(_request: object) -> None:
        for data in _HOLDERS:
            put(harness, "run.lock.holder", data)
            told.append(harness.run("run", "--json"))

    harness.simulator.hooks.add(Moment.ACCEPTED, Endpoint.LEADS, second_runs)
    check_ended(harness.run("run"), 0)

    assert len(told) == len(_HOLDERS)
    for ended in told:
        check_ended(ended, 75)
        assert ended.document["status"] == "already_running"
        assert len(ended.err) < 1500


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [QUOTA, HISTORY, CALLS])
def test_temporary_file_that_was_planted_never_lends_its_name_to_a_write(
    tmp_path: Path, name: str, kind: Callable[[Path], None]
) -> None:
    """The run stops rather than write through it, no message is lost, and the victim is whole."""
    harness = attacked(tmp_path)
    victim = put(harness, f".{name}.tmp", b"precious")
    kind(victim)

    ended = harness.run("run", "--json")

    check_ended(ended, 0, 5)
    for path in harness.state_dir.glob("*name"):
        assert path.read_bytes() == b"precious"
    if ended.code == 5:
        assert harness.simulator.posts.total() == len(harness.simulator.messages) == 1
        assert (harness.state_dir / JOURNAL).stat().st_size > 0
    if (harness.state_dir / "elsewhere").exists():
        assert (harness.state_dir / "elsewhere").read_bytes() == b"precious"


def test_temporary_file_left_by_a_kill_is_overwritten(tmp_path: Path) -> None:
    """A plain file of ours is no trap, however long it is and whoever may read it."""
    harness = attacked(tmp_path)
    put(harness, f".{QUOTA}.tmp", b"x" * 100_000).chmod(0o666)

    run_safely(harness)

    path = harness.state_dir / QUOTA
    assert len(path.read_bytes()) < 200
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_write_through_a_planted_hard_link_leaves_the_other_file_alone(tmp_path: Path) -> None:
    """The check comes before the file is emptied, not after."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    os.link(victim, tmp_path / ".state.json.tmp")

    with pytest.raises(Exception, match="second name"):
        write_atomic(Disk(), tmp_path / "state.json", b"{}")

    assert victim.read_bytes() == b"precious"


@pytest.mark.parametrize("kind", KINDS)
def test_log_path_that_was_planted_is_not_written_through(
    tmp_path: Path, kind: Callable[[Path], None]
) -> None:
    """A link or somebody else's file stops the run; where it is no file at all it runs without."""
    harness = attacked(tmp_path)
    victim = put(harness, LOG, b"precious")
    kind(victim)

    ended = harness.run("run", "--json")

    check_ended(ended, 0, 5)
    assert (ended.code == 0) == (kind in (_fifo, _folder))
    for name in ("elsewhere", "second-name"):
        if (harness.state_dir / name).exists():
            assert (harness.state_dir / name).read_bytes() == b"precious"
    assert not (harness.state_dir / "nowhere").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_log_of_yesterday_is_not_moved_over_a_planted_name(
    tmp_path: Path, kind: Callable[[Path], None]
) -> None:
    """Rotation overwrites nothing that is there already."""
    harness = attacked(tmp_path)
    put(harness, LOG, b"11:30:00 | DEBUG | Log of 2026-11-22, times in Asia/Kolkata\n")
    victim = put(harness, f"{LOG}.2026-11-22", b"precious")
    kind(victim)

    run_safely_without_log(harness)

    for path in harness.state_dir.glob("*name"):
        assert path.read_bytes() == b"precious"


def run_safely_without_log(harness: Harness) -> None:
    """Run where what stands in the log is not ours alone."""
    ended = harness.run("run", "--json")

    check_ended(ended, 0)
    assert len(harness.simulator.messages) == 1


@pytest.mark.parametrize("kind", [_folder, _fifo, _dangling])
def test_reports_folder_that_is_none_costs_no_message_and_no_state(
    tmp_path: Path, kind: Callable[[Path], None]
) -> None:
    """Where no report can be kept, or listed, the words say so; the fold has happened by then."""
    harness = attacked(tmp_path)
    kind(harness.state_dir / "reports")

    ended = harness.run("run", "--json")

    check_ended(ended, 0, 5)
    for command in ("status", "report", "check"):
        check_ended(harness.run(command), 0, 5)
    if ended.code == 0:
        assert harness.quota() != {}


def test_report_file_of_any_content_or_kind_is_refused_by_report_alone(tmp_path: Path) -> None:
    """A damaged report is told by ``report``; runs and ``status`` go on."""
    harness = attacked(tmp_path)
    run_safely(harness)
    path = next((harness.state_dir / "reports").glob("*.json"))
    contents = (b"[" * 100_000, b"{}", b"null", b'{"version": 2}', b"\xff", b"")
    for spoil in (*contents, _symlink, _hard_link, _fifo, _folder):
        if isinstance(spoil, bytes):
            path.write_bytes(spoil)
        else:
            spoil(path)

        assert harness.run("report", "--run", path.stem.removeprefix("run-")).code == 5
        for command in ("status", "status --json", "run --json", "report --days 2"):
            check_ended(harness.run(*command.split()), 0)
        if path.is_symlink() or path.is_fifo():
            path.unlink()


def test_report_file_full_of_attacks_is_shown_safely(tmp_path: Path) -> None:
    """Who edits a kept report forges neither terminal, page nor spreadsheet."""
    harness = attacked(tmp_path)
    run_safely(harness)
    path = next((harness.state_dir / "reports").glob("*.json"))
    document = json.loads(path.read_bytes())
    evil = f"{ESCAPES}{BIDI}{SCRIPT}\n=1+1 {NUMBER}"
    document |= {"reason": evil, "template": evil, "next_steps": [evil], "warnings": [evil]}
    document["lead_rows"][0] |= {"lead_id": evil, "name": evil, "phone": evil, "message_id": evil}
    document["lead_rows"][0] |= {"counsellor": evil, "error_message": evil, "status": "failed"}
    document["counsellors"] = {evil: next(iter(document["counsellors"].values()))}
    path.write_text(json.dumps(document), encoding="utf-8")

    for form in ("html", "json", "csv", "text"):
        ended = harness.run("report", "--format", form)
        assert ended.code == 0
        assert not odd_characters(ended.out.removeprefix("\ufeff").replace("\r\n", "\n")), form
        assert "<script" not in ended.out or form != "html"
    check_ended(harness.run("status"), 0)


# --- what a person may have written ---------------------------------------------------------------


def test_hold_and_list_written_by_hand_are_shown_safely(tmp_path: Path) -> None:
    """Reasons, evidence, steps and sources are cleaned wherever they are shown."""
    harness = attacked(tmp_path)
    evil = f"{ESCAPES}{BIDI}{SCRIPT}\n\u2028 {NUMBER}"
    hold: dict[str, object] = {"reason": evil, "since": "2026-11-22T09:15:24+05:30", "until": None}
    hold |= {"evidence": evil, "what_to_do": [evil, evil]}
    put(harness, HOLD, json.dumps(hold).encode())
    entry = {"reason": evil, "source": evil, "added_at": "2026-11-22T09:15:24+05:30", "until": None}
    put(harness, SUPPRESSIONS, json.dumps({"+919800000001": entry}).encode())

    held = harness.run("run", "--json")
    ended = [harness.run(*command.split()) for command in ("status", "status --json", "check")]
    ended += [harness.run("suppress", "list"), harness.run("suppress", "list", "--json")]
    ended += [harness.run("resume", "--yes", "--json")]

    check_ended(held, 6)
    check_log(harness)
    for one in ended:
        check_ended(one, 0)
    assert not holds_number(held.out + held.err, NATIONAL)
    assert not harness.simulator.posts


@pytest.mark.parametrize("folder", ["file", "name too long", "fifo", "dangling"])
def test_state_directory_that_is_none_ends_every_command_with_5(
    tmp_path: Path, folder: str
) -> None:
    """A file, a FIFO, a broken link or a name no file system takes: words, no traceback."""
    harness = attacked(tmp_path)
    path = tmp_path / ("x" * 5000 if folder == "name too long" else "planted")
    if folder == "file":
        path.write_bytes(b"")
    elif folder == "fifo":
        os.mkfifo(path)
    elif folder == "dangling":
        path.symlink_to(tmp_path / "nowhere")

    for command in ("run", "status", "check", "track", "report", "init", "resume"):
        ended = harness.run(command, "--state-dir", str(path))

        check_ended(ended, *((0, 5) if folder == "dangling" else (5,)))
    assert not harness.simulator.posts


@pytest.mark.parametrize("kind", [_symlink, _dangling, _fifo, _folder])
def test_report_output_that_is_no_plain_file_is_refused(
    tmp_path: Path, kind: Callable[[Path], None]
) -> None:
    """A device or a link would be put out of its place; nothing is written through it."""
    harness = attacked(tmp_path)
    run_safely(harness)
    path = tmp_path / "out.html"
    path.write_bytes(b"precious")
    kind(path)

    ended = harness.run("report", "--format", "html", "--output", "out.html")

    check_ended(ended, 5)
    assert not stat.S_ISREG(path.lstat().st_mode)
    if (tmp_path / "elsewhere").exists():
        assert (tmp_path / "elsewhere").read_bytes() == b"precious"


def test_report_output_nobody_can_write_is_told(tmp_path: Path) -> None:
    """Devices, names too long, missing folders, NUL: exit 5 and no traceback."""
    harness = attacked(tmp_path)
    run_safely(harness)

    for output in ("/dev/null", "x" * 300, "/nowhere/x", "a\x00b", "\ud800", "/"):
        check_ended(harness.run("report", "--output", output), 5)
    assert Path("/dev/null").is_char_device()


def test_state_of_a_clone_becomes_private_with_the_first_run(tmp_path: Path) -> None:
    """Files that came with 0644 are 0600 after a run, log and journal too."""
    harness = attacked(tmp_path)
    for name in (QUOTA, HISTORY, LOG, JOURNAL):
        path = put(harness, name, b"" if name in (LOG, JOURNAL) else b"{}\n")
        path.chmod(0o644)

    run_safely(harness)

    names = (QUOTA, HISTORY, LOG, JOURNAL, CALLS, "run.lock", "run.lock.holder")
    modes = {name: stat.S_IMODE((harness.state_dir / name).stat().st_mode) for name in names}
    assert modes == dict.fromkeys(names, 0o600)
    assert all(
        stat.S_IMODE(path.stat().st_mode) == 0o600
        for path in (harness.state_dir / "reports").iterdir()
    )
    assert stat.S_IMODE((harness.state_dir / "reports").stat().st_mode) == 0o700
    assert state_bytes(harness)

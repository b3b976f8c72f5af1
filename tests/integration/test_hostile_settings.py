"""What settings, arguments and the environment may hold, and what is never shown of them."""

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes import FakeClock
from harness import SECRETS, Harness, many_leads, serve
from hostile import (
    BIDI,
    ESCAPES,
    EVERYTHING,
    attacked,
    check_ended,
    check_log,
    holds_number,
    odd_characters,
    run_safely,
    state_bytes,
)
from promise import DOCUMENTED
from simulated.inprocess import ADDRESSES
from simulated.simulator import Simulator

from lead_automation.clock import Clock
from lead_automation.files import Disk
from lead_automation.http import Http
from lead_automation.sandbox.exchange import Endpoint
from lead_automation.sandbox.plans import refused
from lead_automation.sandbox.simulator import API_KEY

ROOT = Path(__file__).resolve().parents[2]


def refuse(harness: Harness, *keys: str) -> str:
    """Hold ``run`` and ``check`` to a refusal that names the keys and calls nobody."""
    ended, checked = harness.run("run", "--json"), harness.run("check")

    check_ended(ended, 2)
    check_ended(checked, 2)
    assert ended.document["status"] == "failed"
    for key in keys:
        assert key in ended.err
        assert key in checked.out + checked.err
    assert not any(harness.simulator.calls.values())
    return ended.err + checked.out + checked.err


# --- addresses ------------------------------------------------------------------------------------


_NO_BLANKS = """
    http://crm.example.com HTTP://crm.example.com/ ftp://crm.example.com/ file:///etc/passwd
    javascript:alert(1) crm.example.com //crm.example.com https:// https://[::1
    https://crm.example.com@evil.example/ https://a\\\\@evil.example
    https://user:pw@crm.example.com/ https://crm.example.com:99999/ https://crm.example.com:0/
    http://localhost.evil.example http://127.1 http://2130706433 http://0x7f000001 http://0.0.0.0
    http://[::] http://[::ffff:127.0.0.1] http://169.254.169.254/latest/meta-data/
    http://１２７.0.0.1/ https://crm.exämple.com/ https://%63rm.example.com/
    https://crm.example.com/?x=1 https://crm.example.com/#y
    """
_NO_ADDRESSES = [
    *_NO_BLANKS.split(),
    "https://crm.example.com/a b",
    "https://crm.example.com/\u202e",
    "https://crm.example.com/\x00",
    "https://crm.example.com/" + "a" * 3000,
]


def test_address_that_could_carry_the_token_elsewhere_is_refused(tmp_path: Path) -> None:
    """Plain http, user info, queries, odd spellings of hosts: exit 2 before any call."""
    harness = attacked(tmp_path)
    keys = ("LEAD_API_URL", "WATI_LOG_API_URL", "WATI_BASE_URL")
    for url in _NO_ADDRESSES:
        harness.write_settings(**dict.fromkeys(keys, url))

        assert "pw@" not in refuse(harness, *keys), url


def test_address_with_dot_segments_is_the_plain_one(tmp_path: Path) -> None:
    """Whatever the detour, the calls go to the path it means."""
    harness = attacked(tmp_path)
    detours = ("/x/../", "/./", "//", "/x/%2e%2e/", "/%2E/", "/a/b/../../", "/../")
    for detour in detours:
        url = ADDRESSES.lead_url.replace("127.0.0.1:2/", f"127.0.0.1:2{detour}")
        harness.write_settings(LEAD_API_URL=url)

        check_ended(harness.run("run"), 0)

    assert len(harness.simulator.calls[Endpoint.LEADS]) == len(detours)


@pytest.mark.parametrize("end", ["", "/", "/api/v1", "/api/v2/", "/api/ext/v3"])
def test_address_of_wati_keeps_its_tenant_however_it_ends(tmp_path: Path, end: str) -> None:
    """With or without slash and version, sends and reads go below the tenant."""
    harness = attacked(
        tmp_path,
        tenant="t-42",
        settings={"WATI_BASE_URL": f"http://127.0.0.1:1/t-42{end}", "WATI_INSTANCE_ID": "t-42"},
    )

    run_safely(harness)

    assert harness.simulator.calls[Endpoint.ELSEWHERE] == []


def test_address_on_this_machine_may_be_plain_http(tmp_path: Path) -> None:
    """Literal loopback addresses and ``localhost`` only."""
    harness = attacked(tmp_path)
    for host in ("127.0.0.1", "localhost", "[::1]", "127.0.0.2"):
        harness.write_settings(LEAD_API_URL=f"http://{host}:2/api/leads/")

        assert harness.run("run", "--json").code != 2, host


# --- tokens ---------------------------------------------------------------------------------------


_NO_TOKENS = [
    *('"tok\\nX: 1"', '"tok\\r\\nHost: evil.example"', "'tok\x00en'", "'tok en more'", "'tokén'"),
    *("'tok\u202een'", "'tok\u200ben'", "'tok\x1b[2J'", "'tok\x7f'", "'" + "a" * 5000 + "'"),
    *("''", "", "'changeme'", "'your_api_token_here'", "'Bearer'", "'Bearer '", "'Token'"),
]


def test_token_that_could_split_a_header_is_refused_and_not_shown(tmp_path: Path) -> None:
    """Line ends, blanks, NUL, other scripts, placeholders: refused, without a word of the value."""
    harness = attacked(tmp_path)
    harness.write_settings(WATI_API_KEY=None, LEAD_API_TOKEN=None)
    path = harness.folder / "config.env"
    others = path.read_text(encoding="utf-8")
    for line in _NO_TOKENS:
        path.write_text(f"{others}WATI_API_KEY={line}\nLEAD_API_TOKEN={line}\n", encoding="utf-8")

        words = refuse(harness, "WATI_API_KEY", "LEAD_API_TOKEN")

        assert "tok" not in words.replace("token", "").replace("Token", ""), line


def test_token_in_the_wrong_line_is_shown_by_no_error(tmp_path: Path) -> None:
    """A secret pasted behind another key, whole or in part, is not quoted back."""
    wrong = {
        "SEND_DELAY_MIN": API_KEY,
        "TIMEZONE": f"Bearer {API_KEY}",
        "LEAD_API_URL": f"https://x/?key={API_KEY}",
        "WATI_PLAN": SECRETS[1],
        "LOG_LEVEL": API_KEY[:12],
        "DEFAULT_REGION": f"Token {SECRETS[1]}",
    }
    harness = attacked(tmp_path)
    harness.write_settings(**wrong)

    for arguments in (("run",), ("run", "--json"), ("check",), ("check", "--json"), ("status",)):
        ended = harness.run(*arguments)
        check_ended(ended, 2)
        assert API_KEY[:12] not in ended.out + ended.err


def test_token_where_another_value_belongs_is_refused_before_it_is_shown(tmp_path: Path) -> None:
    """A value that would do, but for being the secret, would be shown by every run."""
    harness = attacked(tmp_path)
    wrong = {
        "WATI_TEMPLATE_NAME": API_KEY,
        "STATE_DIR": f"x{SECRETS[1]}",
        "TEMPLATE_PARAMETERS": f"{API_KEY},2,3",
        "WATI_INSTANCE_ID": f":{SECRETS[1]}",
        "BROADCAST_NAME": f"a {API_KEY}",
    }
    for key, value in wrong.items():
        harness.environ = {key: value}

        assert "holds the value of" in refuse(harness, key)


def test_token_stands_in_no_output_of_a_good_run(tmp_path: Path) -> None:
    """Neither at DEBUG nor as JSON, in no log, state or report."""
    harness = attacked(tmp_path, settings={"LOG_LEVEL": "DEBUG"})

    for command in ("run -v", "run -v --json", "check --json"):
        check_ended(harness.run(*command.split()), 0)

    for name, data in state_bytes(harness).items():
        assert not [secret for secret in SECRETS if secret.encode() in data], name
    check_log(harness)


# --- the settings file ----------------------------------------------------------------------------


@pytest.fixture(name="no_hanging")
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


def _make_large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(50 << 20)


_PLANTED: dict[str, Callable[[Path], object]] = {
    "fifo": os.mkfifo,
    "folder": Path.mkdir,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "dangling": lambda path: path.symlink_to("/nowhere"),
    "binary": lambda path: path.write_bytes(bytes(range(256)) * 10),
    "large": _make_large,
}


@pytest.mark.usefixtures("no_hanging")
@pytest.mark.parametrize("kind", _PLANTED)
@pytest.mark.parametrize("key", ["config", "counsellors"])
def test_settings_file_that_is_no_file_is_refused_without_hanging(
    tmp_path: Path, kind: str, key: str
) -> None:
    """FIFO, folder, endless device, broken link, 50 MB, bytes: exit 2, with the file's name."""
    harness = attacked(tmp_path)
    path = tmp_path / "planted"
    _PLANTED[kind](path)
    option = ["--config", str(path)] if key == "config" else []
    if key == "counsellors":
        harness.write_settings(COUNSELLORS_FILE=str(path))

    for command in ("run", "status", "check"):
        ended = harness.run(command, *option)
        check_ended(ended, 2)
        assert ("planted" if option else "COUNSELLORS_FILE") in ended.out + ended.err
        assert len(ended.out + ended.err) < 4000


def test_settings_file_of_others_is_told_and_fails_the_check(tmp_path: Path) -> None:
    """A file every user may read is a warning in a run, and a failed point of ``check``."""
    harness = attacked(tmp_path)
    (tmp_path / "config.env").chmod(0o644)

    ended, checked = harness.run("run"), harness.run("check")

    check_ended(ended, 0)
    check_ended(checked, 2)
    assert "chmod 600" in ended.err
    assert "chmod 600" in checked.out


def test_settings_file_of_another_program_is_not_quoted(tmp_path: Path) -> None:
    """``--config /etc/shadow``: its lines are somebody's secrets; only their numbers are told."""
    harness = attacked(tmp_path)
    shadow = tmp_path / "shadow"
    shadow.write_text("admin:$6$salt$hash:19000:0:99999:7:::\nDB_PASSWORD=hunter22\n", "utf-8")

    for command in ("run", "check", "status", "suppress list"):
        ended = harness.run(*command.split(), "--config", str(shadow))

        check_ended(ended, 2)
        for word in ("admin", "$6$salt", "$hash", "hunter22", "19000"):
            assert word not in ended.out + ended.err


def test_settings_key_of_any_kind_is_told_safely(tmp_path: Path) -> None:
    """A misspelt key is named, cleaned and cut, and stops nothing."""
    harness = attacked(tmp_path)
    names = (
        "WATI_\x1b[2J",
        "LEAD_\u202eX",
        "SEND_" + "x" * 5000,
        "WATI_<script>",
        "CRM_9812345678",
    )
    harness.environ = dict.fromkeys(names, "1")

    ended = harness.run("run", "-v")

    check_ended(ended, 0)
    check_log(harness)
    assert all(len(line) < 1200 for line in ended.err.splitlines())


def test_settings_with_ten_thousand_keys_and_twins_are_read(tmp_path: Path) -> None:
    """So many names that are none cost one line; of twins the last counts, with a warning."""
    harness = attacked(tmp_path)
    path = tmp_path / "config.env"
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f"WATI_X{i}=1\n" for i in range(10_000))
        file.write("SEND_DELAY_MIN=1\n")

    ended = harness.run("run")

    check_ended(ended, 0)
    assert "more names are no settings" in ended.err
    assert len(ended.err) < 20_000


# --- values ---------------------------------------------------------------------------------------


_NO_VALUES: list[tuple[str, tuple[str, ...]]] = [
    ("SEND_DELAY_MIN", ("9", "-1")),  # 9 is above SEND_DELAY_MAX
    ("SEND_DELAY_MAX", ("nan", "inf", "1e3", "１", "1_0", "9" * 5000)),
    ("CONNECT_TIMEOUT", ("0",)),
    ("READ_TIMEOUT", ("0.0",)),
    ("LEAD_FETCH_LIMIT", ("0", "१", "1.5")),
    ("HISTORY_DAYS", ("99999",)),
    ("META_QUALITY_STOP_AFTER", ("true",)),
    ("TIMEZONE", ("Asia/Calcuta", "IST", "../../etc/passwd", "/etc/localtime", "localtime")),
    ("TIMEZONE", ("UTC\x00", ESCAPES)),
    ("SCRIPT_START_TIME", ("25:00", "21:00")),  # 21:00 is the end
    ("WORKING_DAYS", ("Mon,Someday",)),
    ("WATI_TEMPLATE_NAME", ("offer'x", 'offer"x', "offer/../x", "offer\u202ex", "x" * 2048)),
    ("TEMPLATE_PARAMETERS", ("1,2", "1,1,2", "1,2,3,4", "a\x1b,b,c")),
    ("WATI_INSTANCE_ID", ("../x", "x" * 200)),
    ("LEAD_OWNER_ID", ("1&admin=1",)),
    ("BROADCAST_NAME", (ESCAPES,)),
    ("WATI_CHANNEL_NUMBER", ("abc",)),
    ("DEFAULT_REGION", ("XX",)),
    ("USE_TEST_NUMBER", ("maybe",)),
    ("LOG_LEVEL", ("NOTSET",)),
    ("STATE_DIR", ("a\x01b",)),
    ("WATI_PLAN", (BIDI,)),
]


def test_value_that_cannot_be_meant_is_refused_before_the_first_call(tmp_path: Path) -> None:
    """Zones, numbers, names, times: exit 2 with the key, what is expected, and no odd character."""
    harness = attacked(tmp_path)
    for key, values in _NO_VALUES:
        for value in values:
            harness.environ = {key: value}

            assert len(refuse(harness, key.partition("_")[0])) < 6000, (key, value)


_NO_LIMITS = ("-1", "1e9", "100001", '"3"', "3.7", "true", "null", "NaN", "1e999", "9" * 5000, "[]")
_ONE = '{"number": "+919512270915", "daily_limit": %s}'
_NO_TEAMS = [
    *(f'{{"Anandi": {_ONE % limit}}}' for limit in _NO_LIMITS),
    *("[" * 100_000, "[]", "null", '{"Anandi": {}}'),
    '{"Anandi": {"number": "+919512270915", "daily_limit": 1, "x": 1}}',
    '{"Anandi": {"number": "12", "daily_limit": 1}}',
    f'{{"A": {_ONE % 1}, "A": {_ONE % 9}}}',
    *(f"{{{json.dumps(name)}: {_ONE % 1}}}" for name in (ESCAPES, "", "x" * 200_000, "\ud800")),
    b"\xff\xfe".decode(errors="surrogateescape"),
]


def test_counsellors_file_of_another_shape_is_refused(tmp_path: Path) -> None:
    """Limits that are no count, deep nesting, twins, odd names: exit 2, in few harmless words."""
    harness = attacked(tmp_path)
    file = tmp_path / "counsellors.json"
    harness.write_settings(COUNSELLORS_FILE=str(file))
    for content in _NO_TEAMS:
        file.write_text(content, encoding="utf-8", errors="surrogateescape")

        assert len(refuse(harness, "COUNSELLORS_FILE")) < 6000, content[:80]


def test_counsellor_named_like_an_attack_is_shown_as_text(tmp_path: Path) -> None:
    """Markup, HTML and a formula in a name reach WATI as they are and every report harmlessly."""
    harness = attacked(tmp_path)
    file = tmp_path / "counsellors.json"
    name = "=1+1<b>[red]क्\u200dष"
    file.write_text(json.dumps({name: {"number": "+919512270915", "daily_limit": 5}}), "utf-8")
    harness.write_settings(COUNSELLORS_FILE=str(file))

    run_safely(harness)
    ended = {
        form: harness.run("report", "--format", form) for form in ("html", "json", "csv", "text")
    }

    assert dict(harness.simulator.messages[0].parameters)["2"] == name
    assert "<b>" not in ended["html"].out
    assert "\n1,1000,Lead Number 0,'+9198••••0000,'=1+1" in ended["csv"].out.replace("\r", "")
    for form, one in ended.items():
        assert not odd_characters(one.out.removeprefix("\ufeff").replace("\r\n", "\n")), form


def test_state_directory_of_any_name_is_told_safely(tmp_path: Path) -> None:
    """Its name is shown by many commands, cleaned by what writes to the streams."""
    harness = attacked(tmp_path)

    for folder in ("a\u202eb", "<b>", "[red]", "$HOME", "~nobody-here/x", "a;b"):
        for command in ("init", "status --json", "check", "run", "report"):
            check_ended(harness.run(*command.split(), "--state-dir", folder))


# --- arguments ------------------------------------------------------------------------------------


_NO_ARGUMENTS: list[tuple[str, ...]] = [
    *(("run", "--limit", number) for number in ("0", "-1", "१२", "9" * 400, "1e3")),
    *(("report", "--run", run) for run in ("../../etc/passwd", "20261122T091523-3f9a/../x")),
    *(("suppress", "add", number) for number in (ESCAPES, "9812345678 ext 5")),
    *(("run", word) for word in ("--dry-run=maybe", "--sandbox=\x1b[2J", "\u202e", "\ud800")),
    *(("\x1b[2J",), ("9812345678",), ("--config",), ("suppress",), ("suppress", "add")),
    *(("--lead", "; rm -rf /"), ("run", "--sandbox", "nonsense"), ("status", "--verb")),
    *(("report", "--format", "exe"), ("report", "--days", "0")),
    ("report", "--run", "２０２６1122T091523-3f9a"),
    ("suppress", "remove", "9" * 10_000),
    ("run", *(["x"] * 10_000)),
]


def test_arguments_that_mean_nothing_are_refused_in_harmless_words(tmp_path: Path) -> None:
    """Exit 2, cleaned, cut, masked; no call, no change."""
    harness = attacked(tmp_path)
    before = state_bytes(harness)

    for arguments in _NO_ARGUMENTS:
        ended = harness.run(*arguments)

        check_ended(ended, 2)
        assert len(ended.out + ended.err) < 3000, arguments[:3]
        assert "9812345678" not in ended.out + ended.err
    assert not any(harness.simulator.calls.values())
    assert state_bytes(harness) == before


_TWO_LINES = [
    ("report", "--output", "nowhere/a\nall is well"),
    ("report", "--run", "a\nall is well"),
    ("status", "--config", "a\rb\nall is well"),
    ("status", "--state-dir", "a\u2028b\nall is well"),
    ("suppress", "add", "12\nall is well"),
    ("run", "--limit", "1\nall is well"),
    ("run", "a\nall is well"),
]


def test_argument_with_a_line_end_begins_no_line_of_its_own(tmp_path: Path) -> None:
    """Words from outside cannot look like the program's own answer."""
    harness = attacked(tmp_path)
    run_safely(harness)

    for arguments in _TWO_LINES:
        ended = harness.run(*arguments)

        check_ended(ended, 2, 5)
        lines = ended.err.splitlines()
        assert not [line for line in lines if line.startswith("all is well")], arguments


def test_suppress_reason_of_any_kind_is_kept_and_shown_safely(tmp_path: Path) -> None:
    """The list can be read again, by people and as JSON."""
    harness = attacked(tmp_path)
    reasons = (EVERYTHING, "=1+1", "x" * 100_000, "", "  ", "\x00", "आशा")
    numbers = [f"+91981234567{index}" for index in range(len(reasons))]
    for reason, number in zip(reasons, numbers, strict=True):
        check_ended(harness.run("suppress", "add", number, "--reason", reason), 0)

    check_ended(harness.run("suppress", "list"), 0)
    check_ended(harness.run("suppress", "list", "--json"), 0)
    kept = harness.read_state("suppression_list.json")
    for number in numbers:
        assert 0 < len(kept[number]["reason"]) < 1500
        assert not odd_characters(kept[number]["reason"])


# --- the environment ------------------------------------------------------------------------------


def test_environment_of_an_attacker_moves_no_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proxies, ``.netrc`` and certificate bundles of the environment are not looked at."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login evil password evil\n", encoding="utf-8")
    netrc.chmod(0o600)
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://user:pw@127.0.0.1:9/")
    others = {"NO_PROXY": "", "HOME": str(tmp_path), "NETRC": str(netrc)}
    bundles = dict.fromkeys(("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"), "/nowhere")
    for name, value in (others | bundles).items():
        monkeypatch.setenv(name, value)
    clock = FakeClock()
    simulator = Simulator(clock=clock, leads=many_leads(2))
    with serve(tmp_path, simulator, clock) as harness:
        run_safely(harness, good=2)

        assert simulator.unauthorised == 0


@pytest.fixture(name="process")
def _process(tmp_path: Path) -> Iterator[Harness]:
    """Serve real processes: their settings stand in a file, their state is theirs alone."""
    clock = FakeClock(Clock().now())
    refusals = {"919810000001": refused("Invalid phone number format. +919810000001")}
    simulator = Simulator(clock=clock, leads=many_leads(3), plans=refusals)
    quick = dict.fromkeys(("SEND_DELAY_MIN", "SEND_DELAY_MAX", "TRACKING_WAIT_SECONDS"), "0")
    quick |= {"SCRIPT_START_TIME": "00:00", "SCRIPT_END_TIME": "24:00"}
    with serve(tmp_path, simulator, clock, settings=quick) as served:
        served.write_settings(STATE_DIR=str(tmp_path / "new" / "deep" / "state"))
        yield served


def real_process(
    harness: Harness, *arguments: str, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run the program as cron does, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "lead_automation", *arguments],
        env={"PYTHONPATH": str(ROOT), "PATH": os.defpath, **environ},
        cwd=harness.folder,
        umask=0,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_process_writes_private_files_only_and_says_nothing_of_python(process: Harness) -> None:
    """Files 0600 and folders 0700 under any umask, quiet also where Python is asked to chatter."""
    chatter = {"PYTHONWARNINGS": "always", "PYTHONDEVMODE": "1", "PYTHONVERBOSE": ""}
    settings = ("--config", str(process.folder / "config.env"))

    made = real_process(process, "init", *settings, **chatter)
    ended = real_process(process, "run", "-v", *settings, **chatter)
    added = real_process(process, "suppress", "add", "+919812345678", *settings)
    report = real_process(process, "report", "--output", "out.html", *settings)

    codes = [one.returncode for one in (made, ended, added, report)]
    assert codes == [0, 0, 0, 0]
    for one in (made, ended, added, report):
        assert "Traceback" not in one.stderr
        assert "Warning:" not in one.stderr
        assert not [secret for secret in SECRETS if secret in one.stdout + one.stderr]
    assert "3 fetched" in ended.stdout
    assert not holds_number(ended.stdout + ended.stderr, "9810000001")
    new = process.folder / "new"
    found = [new, *new.rglob("*"), process.folder / "out.html"]
    modes = {str(path): stat.S_IMODE(path.stat().st_mode) for path in found if path.exists()}
    assert len(modes) > 6
    assert {path: oct(mode) for path, mode in modes.items() if mode & 0o077} == {}


def test_process_in_a_folder_that_was_removed_ends_in_words(tmp_path: Path) -> None:
    """Cron may start in a folder that is gone: no traceback."""
    gone = tmp_path / "gone"
    gone.mkdir()
    command = f"cd {gone} && rmdir {gone} && exec {sys.executable} -m lead_automation status"
    ended = subprocess.run(
        ["/bin/sh", "-c", command],
        env={"PYTHONPATH": str(ROOT), "PATH": os.defpath},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode in DOCUMENTED
    assert "Traceback" not in ended.stderr
    assert ended.stderr


# --- bugs -----------------------------------------------------------------------------------------


class _UnforeseenError(RuntimeError):
    """What no code should raise, full of what nobody should see."""


def _raise_a_bug() -> None:
    local_variable = f"Bearer {API_KEY}"
    try:
        json.loads(f"{{{local_variable}")
    except ValueError as error:
        words = (
            f"GET https://x.example/api?whatsappNumber=919812345678&key={API_KEY} "
            f"Token {SECRETS[1]} +91 98123 45678 {ESCAPES}{BIDI}\n{SECRETS[1]}"
        )
        raise _UnforeseenError(words) from error


@pytest.mark.parametrize("command", ["run", "track", "check"])
def test_bug_ends_with_1_and_its_traceback_in_the_log_holds_no_secret(
    tmp_path: Path, command: str
) -> None:
    """The console names the bug, the log has the traceback, neither has a token or a number."""
    harness = attacked(tmp_path)

    def make_http(_allow_posts: bool) -> Http:  # noqa: FBT001 - called by position
        _raise_a_bug()
        raise AssertionError

    harness.make_http = make_http

    plain, as_json = harness.run(command, "-v"), harness.run(command, "--json")

    for ended in (plain, as_json):
        check_ended(ended, 1)
        assert "This is a bug in the program: _UnforeseenError." in ended.err
    assert as_json.document["exit_code"] == 1
    log = harness.log_text()
    check_log(harness)
    assert "Traceback (most recent call last)" in log
    assert "_raise_a_bug" in log
    assert "9812345678" not in log
    assert not holds_number(log, "9812345678")


class _BrokenDisk(Disk):
    def read(self, path: Path, max_bytes: int, *, private: bool) -> bytes | None:
        """Fail in a way nobody foresaw, whatever is read."""
        msg = f"{path} {max_bytes} {private} {API_KEY}"
        raise _UnforeseenError(msg)


def test_bug_in_what_reads_the_settings_is_told_without_a_traceback(tmp_path: Path) -> None:
    """Where the log cannot be found for the same reason, the console says so."""
    harness = attacked(tmp_path)
    harness.disk = _BrokenDisk()

    ended = harness.run("status", "--json")

    check_ended(ended, 1)
    assert "No log file could be written" in ended.err
    assert ended.document["exit_code"] == 1

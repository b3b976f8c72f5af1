"""All settings together: defaults, problems, warnings, sources."""

import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from operator import attrgetter
from pathlib import Path

import pytest

from lead_automation.config import ApiVersion, LocalSettings, Settings, WatiPlan
from lead_automation.errors import ConfigError, ExitCode
from lead_automation.secret import Secret
from lead_automation.settings.counsellors import BUILT_IN_COUNSELLORS
from lead_automation.settings.declaration import Key
from lead_automation.settings.keys import KEYS
from lead_automation.settings.load import load_local_settings, load_settings, secret_values
from lead_automation.settings.reading import secret_texts
from lead_automation.settings.values import parse_zone

TOKEN = "eyJhbGciOiJIUzI1NiJ9.secret"
CRM_TOKEN = "Token 0123456789abcdef"

MINIMAL = {
    "WATI_API_KEY": TOKEN,
    "WATI_BASE_URL": "https://live-server-12345.wati.io/api/v1",
    "WATI_INSTANCE_ID": "12345",
    "WATI_TEMPLATE_NAME": "offer",
    "LEAD_API_URL": "https://crm.example.com/leads/",
    "LEAD_API_TOKEN": CRM_TOKEN,
    "WATI_LOG_API_URL": "https://crm.example.com/log/",
}

ROOT = Path(__file__).resolve().parents[2]


def read_nothing(path: Path) -> bytes | None:
    """Read no file."""
    pytest.fail(f"{path} was read")


def load(
    changes: Mapping[str, str | None] | None = None,
    *,
    files: Mapping[Path, bytes] | None = None,
    sources_of: Mapping[str, str] | None = None,
) -> Settings:
    """Load the minimal settings with changes; None takes a key out."""
    env = {**MINIMAL, **(changes or {})}
    return load_settings(
        {name: value for name, value in env.items() if value is not None},
        read_file=read_nothing if files is None else files.get,
        folder=Path("/etc/lead"),
        sources_of=sources_of,
    )


def load_local(env: Mapping[str, str]) -> LocalSettings:
    """Load what commands without calls need."""
    return load_local_settings(env, read_file=read_nothing, folder=Path("/etc/lead"))


def problems(changes: Mapping[str, str | None]) -> tuple[str, ...]:
    """Return the problems of the minimal settings with changes."""
    with pytest.raises(ConfigError) as caught:
        load(changes)
    assert caught.value.exit_code == ExitCode.SETTINGS
    return caught.value.problems


def only_problem(key: str, value: str | None) -> str:
    """Return the one problem of one key."""
    found = problems({key: value})
    assert len(found) == 1, found
    assert found[0].startswith(f"{key}: "), found
    return found[0]


CLOSED = frozenset({date(2026, 11, 8), date(2026, 12, 25)})


TAKEN: list[tuple[str, str, str, object]] = [
    ("WATI_API_KEY", f"Bearer {TOKEN}", "wati.api_key", Secret(TOKEN)),
    ("WATI_API_VERSION", "V2", "wati.api_version", ApiVersion.V2),
    ("TEMPLATE_PARAMETERS", "one, two, 3", "wati.parameter_names", ("one", "two", "3")),
    ("WATI_CHANNEL_NUMBER", "+1 555 000 1111", "wati.channel_number", "15550001111"),
    ("BROADCAST_NAME", "August offers", "wati.broadcast_name", "August offers"),
    ("WATI_PLAN", "Pro", "local.plan", WatiPlan.PRO),
    ("WATI_MONTHLY_CALLS", "150000", "local.monthly_calls", 150_000),
    ("LEAD_OWNER_ID", "9", "crm.owner_id", "9"),
    ("LEAD_FETCH_LIMIT", "45", "crm.fetch_limit", 45),
    ("SCRIPT_START_TIME", "22:00", "local.hours.start_minute", 22 * 60),
    ("SCRIPT_END_TIME", "06:30", "local.hours.end_minute", 6 * 60 + 30),
    ("WORKING_DAYS", "Fri", "local.hours.days", frozenset({4})),
    ("CLOSED_DATES", "2026-12-25, 2026-11-08", "local.hours.closed", CLOSED),
    ("LEAD_LOCAL_HOURS", "no", "local.lead_local_hours", False),
    ("TIMEZONE", "Europe/Berlin", "local.hours.zone.key", "Europe/Berlin"),
    ("DEFAULT_REGION", "de", "local.default_region", "DE"),
    ("SEND_DELAY_MIN", "0", "pacing.min_s", 0.0),
    ("SEND_DELAY_MAX", "0", "pacing.max_s", 0.0),
    ("CONNECT_TIMEOUT", "5", "http.connect_timeout_s", 5.0),
    ("READ_TIMEOUT", "20.5", "http.read_timeout_s", 20.5),
    ("TRACKING_FIRST_READ_SECONDS", "1", "local.tracking.first_read_s", 1.0),
    ("TRACKING_WAIT_SECONDS", "2", "local.tracking.wait_s", 2.0),
    ("UNKNOWN_SETTLE_SECONDS", "3", "local.tracking.settle_s", 3.0),
    ("META_QUALITY_STOP_AFTER", "2", "safety.meta_quality_stop_after", 2),
    ("FAILURE_STREAK_LIMIT", "3", "safety.failure_streak_limit", 3),
    ("CHECK_WHATSAPP_STATUS", "true", "check_whatsapp", True),
    ("USE_TEST_NUMBER", "yes", "use_test_number", True),
    ("TEST_MOBILE_NUMBER", "+91 75679 05829", "test_number", "+917567905829"),
    ("STATE_DIR", "/var/lib/lead", "local.state_dir", Path("/var/lib/lead")),
    ("HISTORY_DAYS", "30", "local.history_days", 30),
    ("KEEP_REPORTS_DAYS", "0", "local.keep_reports_days", 0),
    ("IDLE_DAYS_ALERT", "0", "local.idle_days_alert", 0),
    ("RESEND_AFTER_DAYS", "3", "local.resend_after_days", 3),
    ("META_QUALITY_STOP_SHARE", "5", "safety.meta_quality_stop_share", 5),
    ("META_QUALITY_HOLD_DAYS", "14", "safety.meta_quality_hold_days", 14),
    ("LOG_LEVEL", "debug", "local.log_level", "DEBUG"),
]


def test_settings_all_set_are_taken() -> None:
    """Every key reaches its place."""
    settings = load({key: text for key, text, _, _ in TAKEN})

    taken = {place: attrgetter(place)(settings) for _, _, place, _ in TAKEN}
    assert taken == {place: value for _, _, place, value in TAKEN}


def test_settings_empty_values_count_as_not_set() -> None:
    """A key with nothing behind it means its default."""
    empty = {key.name: " \t" for key in KEYS if key.name not in MINIMAL}

    assert load(empty) == load()


@pytest.mark.parametrize(
    ("base_url", "tenant", "version"),
    [
        ("https://live-mt-server.wati.io", "12345", "v1"),
        ("https://live-mt-server.wati.io/api/v1", "12345", "v1"),
        ("https://live-mt-server.wati.io/12345/api/v2/", "12345", "v2"),
        ("https://live-server-9.wati.io/api/ext/v3", None, "v3"),
        ("https://live-server-9.wati.io/12345", "12345", "v1"),
        ("http://127.0.0.1:8080/api/v2", None, "v2"),
    ],
)
def test_address_of_wati_gives_tenant_and_version(
    base_url: str, tenant: str | None, version: str
) -> None:
    """The shared host needs the tenant in the path; a version that was chosen wins."""
    settings = load({"WATI_BASE_URL": base_url})
    chosen = load({"WATI_BASE_URL": base_url, "WATI_API_VERSION": "V2"})

    assert (settings.wati.tenant, settings.wati.api_version.value) == (tenant, version)
    assert settings.local.warnings == ()
    assert chosen.wati.api_version is ApiVersion.V2


def test_tenant_other_than_the_instance_id_warns() -> None:
    """Two accounts may have been mixed up; the address wins."""
    settings = load({"WATI_BASE_URL": "https://live-mt-server.wati.io/777/api/v1"})

    assert settings.wati.tenant == "777"
    assert len(settings.local.warnings) == 1
    assert "names the tenant 777" in settings.local.warnings[0]


def test_settings_of_what_is_required_alone_are_complete() -> None:
    """Commands that make no call need no setting at all; docs/settings.md lists the defaults."""
    settings = load()

    assert load_local({}) == settings.local
    assert settings.local.counsellors == BUILT_IN_COUNSELLORS
    assert (settings.local.plan, settings.local.monthly_calls) == (WatiPlan.GROWTH, 10_000)
    assert (settings.wati.tenant, settings.wati.channel_number) == (None, None)
    assert settings.crm.token == Secret(CRM_TOKEN)
    assert settings.test_number is None


@pytest.mark.parametrize("key", ["WATI_API_KEY", "WATI_BASE_URL", "WATI_INSTANCE_ID"])
def test_credentials_with_one_missing_begin_with_the_fixed_words(key: str) -> None:
    """The first line names exactly what is missing."""
    assert problems({key: None}) == (f"Missing WATI credentials in config.env: {key}",)
    assert problems({key: ""}) == problems({key: None})


def test_credentials_all_missing_are_named_before_everything_else() -> None:
    """Nothing set at all: the credentials first, then each other required key."""
    with pytest.raises(ConfigError) as caught:
        load_settings({}, read_file=read_nothing, folder=Path())

    first, *others = caught.value.problems
    names = "WATI_API_KEY, WATI_BASE_URL, WATI_INSTANCE_ID"
    assert first == f"Missing WATI credentials in config.env: {names}"
    assert str(caught.value).startswith(f"{first}\n")
    missing = ("WATI_TEMPLATE_NAME", "LEAD_API_URL", "LEAD_API_TOKEN", "WATI_LOG_API_URL")
    told = [one.split("; what it is: ")[0] for one in others]
    assert told == [f"{key}: missing" for key in missing]
    assert "config.env.example" in caught.value.hint


_BROKEN = """
    WATI_API_KEY=é WATI_BASE_URL=http://wati.example.com WATI_INSTANCE_ID=a/b WATI_API_VERSION=v4
    BATCH_SIZE=101
    WATI_TEMPLATE_NAME=a/b TEMPLATE_PARAMETERS=1,2 WATI_CHANNEL_NUMBER=abc BROADCAST_NAME=a\x00b
    WATI_PLAN=gold WATI_MONTHLY_CALLS=0 LEAD_API_URL=crm LEAD_API_TOKEN=Token LEAD_OWNER_ID=a&b
    WATI_LOG_API_URL=https://u:p@crm.example.com/ LEAD_FETCH_LIMIT=many COUNSELLORS_FILE=a\x00b
    COUNSELLOR_PHONE_FORMAT=short
    SCRIPT_START_TIME=24:00 SCRIPT_END_TIME=25:00 WORKING_DAYS=Mon-
    CLOSED_DATES=1.1.26 TIMEZONE=IST LEAD_LOCAL_HOURS=abroad
    DEFAULT_REGION=UK SEND_DELAY_MIN=-1 SEND_DELAY_MAX=nan CONNECT_TIMEOUT=0 READ_TIMEOUT=inf
    TRACKING_FIRST_READ_SECONDS=1e3 TRACKING_WAIT_SECONDS=x UNKNOWN_SETTLE_SECONDS=99999
    META_QUALITY_STOP_AFTER=0 META_QUALITY_STOP_SHARE=101 META_QUALITY_HOLD_DAYS=15
    FAILURE_STREAK_LIMIT=1.5 CHECK_WHATSAPP_STATUS=maybe
    HEARTBEAT_URL=ftp://x ALERT_URLS=nobody
    USE_TEST_NUMBER=ture TEST_MOBILE_NUMBER=7567905829 STATE_DIR=a\x00b
    STATE_URL=mysql://host/db HISTORY_DAYS=1000000 RESEND_AFTER_DAYS=0
    KEEP_REPORTS_DAYS=-1 IDLE_DAYS_ALERT=many LOG_LEVEL=LOUD
    """
BROKEN = dict(line.split("=", maxsplit=1) for line in _BROKEN.split())
LOCAL = """
    WATI_PLAN WATI_MONTHLY_CALLS COUNSELLORS_FILE SCRIPT_START_TIME SCRIPT_END_TIME WORKING_DAYS
    CLOSED_DATES TIMEZONE DEFAULT_REGION LEAD_LOCAL_HOURS TRACKING_FIRST_READ_SECONDS
    TRACKING_WAIT_SECONDS
    UNKNOWN_SETTLE_SECONDS STATE_DIR STATE_URL HISTORY_DAYS RESEND_AFTER_DAYS KEEP_REPORTS_DAYS
    IDLE_DAYS_ALERT
    LOG_LEVEL
    """


def test_problems_of_every_key_at_once_come_in_the_table_order() -> None:
    """One look at the message mends the whole file."""
    found = problems(BROKEN)

    assert [problem.split(":")[0] for problem in found] == [key.name for key in KEYS]
    assert set(BROKEN) == {key.name for key in KEYS}


def test_problems_of_local_keys_at_once_leave_the_others_alone() -> None:
    """A status line needs no token, but its own settings must be right."""
    with pytest.raises(ConfigError) as caught:
        load_local(BROKEN)

    assert [problem.split(":")[0] for problem in caught.value.problems] == LOCAL.split()


def test_problem_of_a_harmless_value_shows_it_cleaned() -> None:
    """What stands there helps to find it; control characters and length do not."""
    assert only_problem("WATI_PLAN", "go\x1b[2Jld") == (
        "WATI_PLAN: expected growth or pro or business, not 'go\\u001b[2Jld'"
    )
    assert len(only_problem("WATI_PLAN", "x" * 5000)) < 120


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("WATI_API_KEY", f"{TOKEN}\x00"),
        ("LEAD_API_TOKEN", "Token hunter22 hunter33"),
        ("WATI_BASE_URL", "https://user:hunter22@live-server-1.wati.io/"),
        ("LEAD_API_URL", "https://crm.example.com/?token=hunter22"),
        ("TEST_MOBILE_NUMBER", "756790582900000000"),
        ("LOG_LEVEL", TOKEN),
        ("WATI_PLAN", f"growth {TOKEN}"),
        ("TIMEZONE", CRM_TOKEN[6:]),
        ("WATI_API_VERSION", "9812345678"),
    ],
)
def test_problem_never_shows_a_secret_or_a_number(key: str, value: str) -> None:
    """Not in its own line, and not where it was pasted by mistake."""
    problem = only_problem(key, value)

    for hidden in (TOKEN, CRM_TOKEN[6:], "hunter22", "756790582900000000", "9812345678"):
        assert hidden not in problem


def test_default_that_cannot_be_used_is_a_problem_like_any_other() -> None:
    """A machine without time zones is told so, also when no zone was set."""
    zone = Key("BREAK_ZONE", "local.break_zone", parse_zone, "No/Where", "Zone of the breaks.")
    with pytest.raises(ConfigError, match="BREAK_ZONE: expected an IANA time zone"):
        load_local_settings({}, read_file=read_nothing, folder=Path(), keys=(*KEYS, zone))


def test_pacing_minimum_above_maximum_is_refused() -> None:
    """The pair is judged once both are numbers, also against a default."""
    assert only_problem("SEND_DELAY_MIN", "2.5") == (
        "SEND_DELAY_MIN: 2.5 is above SEND_DELAY_MAX, 2"
    )
    assert len(problems({"SEND_DELAY_MIN": "5", "SEND_DELAY_MAX": "x"})) == 1


def test_hours_equal_are_refused() -> None:
    """Nobody can tell a closed day from an open one; an end of 00:00 is 24:00."""
    for start, end in (("09:00", "9:00"), ("00:00", "00:00")):
        [problem] = problems({"SCRIPT_START_TIME": start, "SCRIPT_END_TIME": end})
        assert problem.startswith("SCRIPT_END_TIME: is the same as SCRIPT_START_TIME; write 00:00")
    hours = load({"SCRIPT_START_TIME": "18:00", "SCRIPT_END_TIME": "00:00"}).local.hours
    assert (hours.start_minute, hours.end_minute) == (1080, 1440)


def test_test_number_missing_for_a_test_send_is_refused() -> None:
    """A test send needs somewhere to go; a bad number is one problem, not two."""
    assert "needs a number" in problems({"USE_TEST_NUMBER": "true"})[0]
    assert len(problems({"USE_TEST_NUMBER": "true", "TEST_MOBILE_NUMBER": "x"})) == 1


@pytest.mark.parametrize(
    ("value", "path"),
    [("c.json", "/etc/lead/c.json"), ("../c.json", "/etc/lead/../c.json"), ("/c.json", "/c.json")],
)
def test_counsellors_file_relative_starts_at_the_settings_file(value: str, path: str) -> None:
    """Not at whatever folder cron starts in; an empty team is a mistake, not the built-in nine."""
    team = b'{"A": {"number": "+919812345678", "daily_limit": 5}}'
    settings = load({"COUNSELLORS_FILE": value}, files={Path(path): team})
    assert [counsellor.name for counsellor in settings.local.counsellors] == ["A"]
    with pytest.raises(ConfigError, match="one counsellor at least"):
        load({"COUNSELLORS_FILE": value}, files={Path(path): b"{}"})


MEANT = {
    "WATI_API_KEI": "WATI_API_KEY",
    "LEAD_URL": "LEAD_API_URL",
    "wati_plan": "WATI_PLAN",
    "SEND_DELAY": "SEND_DELAY_MIN",
    "LOG_LEVLE": "LOG_LEVEL",
    "STATE_DIRECTORY": "STATE_DIR",
    "TIMEZON": "TIMEZONE",
}


@pytest.mark.parametrize(
    ("source", "meant"),
    [
        ("config.env", MEANT),
        ("environment", {"LOG_LEVELS": "LOG_LEVEL", "LEAD_OWNR": "LEAD_OWNER_ID"}),
        # Others keep their settings in the same file, or set variables that begin like ours.
        ("config.env", dict.fromkeys(("DJANGO_SETTINGS", "PATH", "LEAD_AUTOMATION_CONFIG", "X"))),
        ("environment", dict.fromkeys(("STATE_DIRECTORY", "LOG_DIR", "TEST_TMPDIR"))),
    ],
)
def test_unknown_key_that_was_probably_meant_warns_with_the_nearest(
    source: str, meant: dict[str, str | None]
) -> None:
    """A misspelt setting does not silently become its default."""
    for name, near in meant.items():
        settings = load({name: "secret-looking-value"}, sources_of={name: source})
        expected = () if near is None else (f"{name} is no setting; did you mean {near}?",)
        assert settings.local.warnings == expected


def test_unknown_keys_in_masses_warn_in_a_few_lines() -> None:
    """A wrong file does not fill the log, and a long name is cut."""
    changes = {f"WATI_X{i}": "1" for i in range(50)}
    warnings = load(changes).local.warnings

    assert len(warnings) == 21
    assert warnings[-1] == "30 more names are no settings"
    assert len(load({"WATI_" + "X" * 100_000: "1"}).local.warnings[0]) < 150


def test_lines_show_every_value_with_its_source_and_no_secret() -> None:
    """For ``check -v``: in the order of the declarations."""
    settings = load(
        {"WATI_PLAN": "pro", "STATE_DIR": "/s", "TEST_MOBILE_NUMBER": "+917567905829"},
        sources_of={"WATI_PLAN": "environment", "STATE_DIR": "command line"},
    )
    lines = {line.name: (line.value, line.source) for line in settings.lines}

    assert list(lines) == [key.name for key in KEYS]
    assert lines["WATI_API_KEY"] == lines["LEAD_API_TOKEN"] == ("***", "config.env")
    assert lines["WATI_PLAN"] == ("pro", "environment")
    assert lines["STATE_DIR"] == ("/s", "command line")
    assert lines["TEST_MOBILE_NUMBER"] == ("+9175••••5829", "config.env")
    assert lines["LOG_LEVEL"] == ("INFO", "default")
    assert lines["WATI_CHANNEL_NUMBER"] == ("none", "default")
    assert lines["WATI_API_VERSION"] == ("the one in WATI_BASE_URL, else v1", "default")


def test_secret_values_are_every_form_a_secret_may_appear_in() -> None:
    """Whole and without its scheme, longest first, so that no part is left over."""
    settings = load({"WATI_API_KEY": f"Bearer {TOKEN}"})
    secrets = (f"Bearer {TOKEN}", TOKEN, CRM_TOKEN, CRM_TOKEN[6:])

    assert secret_values(settings) == secrets
    assert not any(secret in repr(settings) for secret in secrets)
    # Hiding so short a text would black out every log line and keep no secret.
    assert secret_texts({"WATI_API_KEY": " Bearer abcdef ", "LEAD_API_TOKEN": "abc"}, KEYS) == (
        "Bearer abcdef",
        "abcdef",
    )


def test_config_imported_alone_stays_light() -> None:
    """What a status line loads must not bring the network and the phone metadata along."""
    heavy = ("requests", "urllib3", "phonenumbers", "rich", "jinja2", "dotenv")
    code = (
        "import sys, lead_automation.settings.load, lead_automation.settings.file\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def test_load_misspelt_required_key_is_named_beside_the_missing_one() -> None:
    """Whoever wrote WATI_TEMPLAT_NAME is told so where WATI_TEMPLATE_NAME is missed."""
    found = problems({"WATI_TEMPLAT_NAME": "welcome", "WATI_TEMPLATE_NAME": None})

    assert found[-1] == "WATI_TEMPLAT_NAME is no setting; did you mean WATI_TEMPLATE_NAME?"

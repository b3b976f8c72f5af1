"""Properties of the settings: any text as any value, any bytes as a file."""

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from lead_automation.config import Settings
from lead_automation.errors import ConfigError
from lead_automation.files import Disk
from lead_automation.settings.counsellors import parse_counsellors
from lead_automation.settings.file import read_config_file
from lead_automation.settings.keys import KEYS
from lead_automation.settings.load import load_settings
from lead_automation.settings.urls import parse_base_url, parse_url
from lead_automation.settings.values import BadValueError
from lead_automation.text import clean

GOOD = {
    "WATI_API_KEY": "wati-token-0123456789",
    "WATI_BASE_URL": "https://live-server-1.wati.io/api/v1",
    "WATI_INSTANCE_ID": "1",
    "WATI_TEMPLATE_NAME": "offer",
    "LEAD_API_URL": "https://crm.example.com/leads/",
    "LEAD_API_TOKEN": "Token crm-token-0123456789",
    "WATI_LOG_API_URL": "https://crm.example.com/log/",
}
NAMES = st.sampled_from([key.name for key in KEYS if key.name != "COUNSELLORS_FILE"])
NEAR_MISSES = st.text(alphabet="0123456789.:-+e_ ,/vMontrue\n\x00", max_size=12)
URL_LIKE = st.builds(
    lambda scheme, host, path: f"{scheme}{host}{path}",
    st.sampled_from(["https://", "http://", "HTTPS:", "//", ""]),
    st.text(alphabet="ab.:@[]%0127-_\\?#", max_size=15),
    st.text(alphabet="/.%2eapiv1?#@\\", max_size=15),
)


def is_clean(text: str) -> bool:
    """Whether nothing in the text could move a cursor, reorder or forge a line."""
    return clean(text, len(text) + 1) == text


def load(env: dict[str, str]) -> Settings | ConfigError:
    """Return the settings or the one error."""
    try:
        return load_settings(env, read_file=lambda _: None, folder=Path())
    except ConfigError as exc:
        return exc


@given(changes=st.dictionaries(NAMES, st.text(max_size=60) | NEAR_MISSES | URL_LIKE, max_size=6))
def test_settings_of_any_text_load_or_name_their_keys(changes: dict[str, str]) -> None:
    """Either settings, or one error whose every line begins with what it is about."""
    loaded = load({**GOOD, **changes})

    if isinstance(loaded, ConfigError):
        known = {key.name for key in KEYS} | {"Missing WATI credentials in config.env"}
        assert {problem.split(":")[0] for problem in loaded.problems} <= known
        assert all(is_clean(problem) for problem in loaded.problems)
    else:
        assert 0 <= loaded.pacing.min_s <= loaded.pacing.max_s <= 86_400
        assert loaded.http.connect_timeout_s > 0
        assert loaded.local.hours.start_minute != loaded.local.hours.end_minute
        assert 1 <= loaded.local.hours.end_minute <= 1440


@given(name=NAMES, value=st.text(max_size=60), unknown=st.text(max_size=30))
def test_settings_problem_or_warning_never_holds_a_secret(
    name: str, value: str, unknown: str
) -> None:
    """Not even when the token was pasted into another key, or there is junk around it."""
    secret = GOOD["WATI_API_KEY"]
    loaded = load({**GOOD, name: f"{value}{secret}", f"WATI_{unknown}X": secret})
    shown = (
        str(loaded)
        if isinstance(loaded, ConfigError)
        else repr(loaded.local.warnings) + repr(loaded.wati.api_key)
    )

    assert secret not in shown


@given(text=st.text() | URL_LIKE)
def test_url_of_any_text_is_refused_or_in_normal_form(text: str) -> None:
    """What is accepted is https or loopback, and stays as it is when parsed again."""
    try:
        url = parse_url(text)
    except BadValueError:
        return

    assert url.startswith(("https://", "http://localhost", "http://127.", "http://[::1]"))
    assert parse_url(url) == url
    assert not set(url) & set("@\\?# ") - set(url.split("/", 3)[3])
    assert "/../" not in url


@given(text=st.text() | URL_LIKE)
def test_base_url_of_any_text_is_refused_or_a_bare_host(text: str) -> None:
    """The host carries no path, and parses to itself."""
    try:
        base = parse_base_url(text)
    except BadValueError:
        return

    assert not base.host.endswith("/")
    assert parse_base_url(base.host).host == base.host


@given(
    data=st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))
)
def test_settings_file_of_any_bytes_is_read_or_refused(data: bytes) -> None:
    """No byte sequence raises anything but the settings error."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.env"
        path.write_bytes(data)
        message = ""
        try:
            values, warnings = read_config_file(path, Disk())
        except ConfigError as exc:
            values, warnings, message = {}, (), str(exc)

    assert all(isinstance(value, str) for value in values.values())
    assert all(is_clean(warning) for warning in warnings)
    assert is_clean(message)


@given(
    data=st.binary(max_size=200)
    | st.text(alphabet='{}[]":,0123456789Aa+.', max_size=60).map(str.encode)
)
def test_counsellors_file_of_any_bytes_is_read_or_refused(data: bytes) -> None:
    """Either counsellors whose every field is sound, or the one error."""
    try:
        counsellors = parse_counsellors(data)
    except BadValueError:
        return

    assert all(0 <= counsellor.daily_limit <= 100_000 for counsellor in counsellors)
    assert all(counsellor.number.startswith("+") for counsellor in counsellors)

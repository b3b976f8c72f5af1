"""Turn a mapping of strings into checked settings; all problems are reported at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lead_automation.config import (
    ApiVersion,
    CrmSettings,
    HoursPolicy,
    HttpPolicy,
    LocalSettings,
    PacingPolicy,
    SafetyPolicy,
    Settings,
    TrackingPolicy,
    WatiPlan,
    WatiSettings,
)
from lead_automation.errors import StateError
from lead_automation.models import Counsellor
from lead_automation.secret import Secret
from lead_automation.settings import values
from lead_automation.settings.counsellors import BUILT_IN_COUNSELLORS, parse_counsellors
from lead_automation.settings.keys import KEYS
from lead_automation.settings.reader import SettingsReader
from lead_automation.settings.urls import BaseUrl, parse_base_url, parse_url
from lead_automation.text import clean

ReadFile = Callable[[Path], bytes | None]
"""Return a file's content, None when there is none; OSError or StateError when it is refused."""

_MAX_MONTHLY_CALLS = 1_000_000_000
_MAX_HISTORY_DAYS = 3650
_MINUTES_OF_DAY = 24 * 60
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_SHORTEST_SECRET = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingLine:
    """One setting as ``check`` shows it."""

    name: str
    value: str
    source: str


def load_settings(
    env: Mapping[str, str],
    *,
    read_file: ReadFile,
    folder: Path,
    sources_of: Mapping[str, str] | None = None,
) -> Settings:
    """Return all settings.

    Args:
        env: Settings by key, layered already; names that are no key are only looked at for
            misspelt ones.
        read_file: Reads ``COUNSELLORS_FILE``.
        folder: Where a relative ``COUNSELLORS_FILE`` starts: the settings file's folder.
        sources_of: Where each value came from; a missing name came from ``config.env``.

    Raises:
        ConfigError: Every problem, in the order of the key table. When a WATI credential is
            missing, the message begins ``Missing WATI credentials in config.env``.
    """
    reader = SettingsReader(env, sources_of or {})
    wati = _read_wati(reader)
    crm = _read_crm(reader)
    pacing = _read_pacing(reader)
    safety = _read_safety(reader)
    http = HttpPolicy(
        connect_timeout_s=reader.with_default("CONNECT_TIMEOUT", values.parse_timeout),
        read_timeout_s=reader.with_default("READ_TIMEOUT", values.parse_timeout),
    )
    check_whatsapp = reader.with_default("CHECK_WHATSAPP_STATUS", values.parse_switch)
    use_test_number, test_number = _read_test_send(reader)
    local = _read_local(reader, read_file, folder)
    return Settings(
        local=local,
        wati=wati,
        crm=crm,
        pacing=pacing,
        safety=safety,
        http=http,
        check_whatsapp=check_whatsapp,
        use_test_number=use_test_number,
        test_number=test_number,
        sources=reader.sources(),
        shown=dict(reader.shown),
    )


def load_local_settings(
    env: Mapping[str, str],
    *,
    read_file: ReadFile,
    folder: Path,
    sources_of: Mapping[str, str] | None = None,
) -> LocalSettings:
    """Return what commands need that make no call; WATI and CRM settings are not looked at.

    Raises:
        ConfigError: Every problem of the settings it reads.
    """
    return _read_local(SettingsReader(env, sources_of or {}), read_file, folder)


def secret_values(settings: Settings) -> tuple[str, ...]:
    """Return every secret text, longest first, for the filter that keeps them out of the log."""
    return secret_texts(
        {
            "WATI_API_KEY": settings.wati.api_key.reveal(),
            "LEAD_API_TOKEN": settings.crm.token.reveal(),
        }
    )


def secret_texts(env: Mapping[str, str]) -> tuple[str, ...]:
    """Return every secret text of unchecked settings, longest first; whole, and without scheme.

    A text shorter than four characters is left out: hiding it would black out every log line and
    keep no secret.
    """
    whole = [env.get(key.name, "").strip() for key in KEYS if key.secret]
    parts = [text.split()[-1] for text in whole if text]
    found = {text for text in (*whole, *parts) if len(text) >= _SHORTEST_SECRET}
    return tuple(sorted(found, key=lambda t: (-len(t), t)))


def describe(settings: Settings) -> tuple[SettingLine, ...]:
    """Return every setting with its value (secrets as ``***``) and source, in the table's order."""
    return tuple(
        SettingLine(
            name=key.name, value=settings.shown[key.name], source=settings.sources[key.name]
        )
        for key in KEYS
    )


def _read_wati(reader: SettingsReader) -> WatiSettings:
    api_key = reader.required("WATI_API_KEY", values.parse_token, Secret(""))
    stand_in = BaseUrl(host="", tenant=None, version=None, needs_tenant=False)
    base = reader.required("WATI_BASE_URL", parse_base_url, stand_in)
    instance_id = reader.required("WATI_INSTANCE_ID", values.parse_word, "")
    if instance_id and base.tenant not in (None, instance_id):
        reader.warnings.append(
            f"WATI_BASE_URL names the tenant {base.tenant}, WATI_INSTANCE_ID another one; "
            "calls go to the one in the address"
        )
    versions = values.choice_parser({version.value: version for version in ApiVersion})
    return WatiSettings(
        api_key=api_key,
        host=base.host,
        tenant=base.tenant or (instance_id if base.needs_tenant else None),
        api_version=reader.optional("WATI_API_VERSION", versions) or versions(base.version or "v1"),
        template=reader.required("WATI_TEMPLATE_NAME", values.parse_template_name, ""),
        parameter_names=reader.with_default("TEMPLATE_PARAMETERS", values.parse_parameter_names),
        channel_number=reader.optional("WATI_CHANNEL_NUMBER", values.parse_channel_number),
        broadcast_name=reader.with_default("BROADCAST_NAME", values.parse_label),
    )


def _read_plan(reader: SettingsReader) -> tuple[WatiPlan, int]:
    plans = values.choice_parser({plan.value: plan for plan in WatiPlan})
    plan = reader.with_default("WATI_PLAN", plans)
    calls = reader.optional("WATI_MONTHLY_CALLS", values.count_parser(_MAX_MONTHLY_CALLS))
    return plan, calls or plan.monthly_calls


def _read_crm(reader: SettingsReader) -> CrmSettings:
    return CrmSettings(
        lead_url=reader.required("LEAD_API_URL", parse_url, ""),
        log_url=reader.required("WATI_LOG_API_URL", parse_url, ""),
        token=reader.required("LEAD_API_TOKEN", values.parse_header_value, Secret("")),
        owner_id=reader.with_default("LEAD_OWNER_ID", values.parse_word),
        fetch_limit=reader.with_default("LEAD_FETCH_LIMIT", values.count_parser()),
    )


def _read_pacing(reader: SettingsReader) -> PacingPolicy:
    policy = PacingPolicy(
        min_s=reader.with_default("SEND_DELAY_MIN", values.parse_seconds),
        max_s=reader.with_default("SEND_DELAY_MAX", values.parse_seconds),
    )
    sound = not reader.has_problem("SEND_DELAY_MIN", "SEND_DELAY_MAX")
    if sound and policy.min_s > policy.max_s:
        reader.problem(
            "SEND_DELAY_MIN",
            f"{policy.min_s:g} is above SEND_DELAY_MAX, {policy.max_s:g}",
        )
    return policy


def _read_safety(reader: SettingsReader) -> SafetyPolicy:
    count = values.count_parser()
    return SafetyPolicy(
        meta_quality_stop_after=reader.with_default("META_QUALITY_STOP_AFTER", count),
        failure_streak_limit=reader.with_default("FAILURE_STREAK_LIMIT", count),
    )


def _read_test_send(reader: SettingsReader) -> tuple[bool, str | None]:
    is_on = reader.with_default("USE_TEST_NUMBER", values.parse_switch)
    number = reader.optional("TEST_MOBILE_NUMBER", values.parse_phone_text)
    if is_on and number is None:
        reader.problem("TEST_MOBILE_NUMBER", "missing; a test send needs a number to go to")
    return is_on, number


def _read_local(reader: SettingsReader, read_file: ReadFile, folder: Path) -> LocalSettings:
    """Read the rest, then end the reading: raise, or keep the warnings."""
    levels = values.choice_parser({level: level for level in _LOG_LEVELS})
    plan, monthly_calls = _read_plan(reader)
    hours = _read_hours(reader)
    counsellors = _read_counsellors(reader, read_file, folder)
    state_dir = reader.with_default("STATE_DIR", values.parse_path)
    days = values.count_parser(_MAX_HISTORY_DAYS)
    history_days = reader.with_default("HISTORY_DAYS", days)
    region = reader.with_default("DEFAULT_REGION", values.parse_region)
    log_level = reader.with_default("LOG_LEVEL", levels)
    tracking = _read_tracking(reader)
    reader.warn_of_unknown_keys()
    reader.finish()
    return LocalSettings(
        state_dir=state_dir,
        history_days=history_days,
        hours=hours,
        counsellors=counsellors,
        default_region=region,
        plan=plan,
        monthly_calls=monthly_calls,
        log_level=log_level,
        tracking=tracking,
        warnings=tuple(reader.warnings),
    )


def _read_tracking(reader: SettingsReader) -> TrackingPolicy:
    return TrackingPolicy(
        first_read_s=reader.with_default("TRACKING_FIRST_READ_SECONDS", values.parse_seconds),
        wait_s=reader.with_default("TRACKING_WAIT_SECONDS", values.parse_seconds),
        settle_s=reader.with_default("UNKNOWN_SETTLE_SECONDS", values.parse_seconds),
    )


def _read_hours(reader: SettingsReader) -> HoursPolicy:
    start = reader.with_default("SCRIPT_START_TIME", values.parse_start_time)
    end = reader.with_default("SCRIPT_END_TIME", values.parse_end_time)
    if start == end and not reader.has_problem("SCRIPT_START_TIME", "SCRIPT_END_TIME"):
        reader.problem(
            "SCRIPT_END_TIME",
            "is the same as SCRIPT_START_TIME; write 00:00 and 24:00 for the whole day",
        )
    return HoursPolicy(
        start_minute=start,
        end_minute=end or _MINUTES_OF_DAY,  # an end of 00:00 is the end of the day
        days=reader.with_default("WORKING_DAYS", values.parse_days),
        zone=reader.with_default("TIMEZONE", values.parse_zone),
    )


def _read_counsellors(
    reader: SettingsReader, read_file: ReadFile, folder: Path
) -> tuple[Counsellor, ...]:
    def parse(text: str) -> tuple[Counsellor, ...]:
        try:
            data = read_file(folder / values.parse_path(text))
        except (OSError, StateError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) else clean(exc)
            msg = f"a readable file ({reason})"
            raise values.BadValueError(msg) from exc
        if data is None:
            msg = "a file that exists"
            raise values.BadValueError(msg)
        return parse_counsellors(data)

    counsellors = reader.optional("COUNSELLORS_FILE", parse)
    return BUILT_IN_COUNSELLORS if counsellors is None else counsellors

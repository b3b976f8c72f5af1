"""Turn a mapping of strings into checked settings; all problems are reported at once."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec.structs import fields

from lead_automation.config import BATCH_SIZE, ApiVersion, LocalSettings, Receivers, Settings
from lead_automation.errors import StateError
from lead_automation.models import Counsellor
from lead_automation.secret import Secret
from lead_automation.settings.counsellors import BUILT_IN_COUNSELLORS, parse_counsellors
from lead_automation.settings.declaration import Key
from lead_automation.settings.keys import CRM_SETTINGS, KEYS, RECEIVERS
from lead_automation.settings.names import FROM_ENVIRONMENT
from lead_automation.settings.reading import Reading, secret_texts
from lead_automation.settings.values import BadValueError, expect
from lead_automation.text import clean

ReadFile = Callable[[Path], bytes | None]
"""Return a file's content, None when there is none; OSError or StateError when it is refused."""

T = TypeVar("T", bound=msgspec.Struct)


def load_settings(
    env: Mapping[str, str],
    *,
    read_file: ReadFile,
    folder: Path,
    sources_of: Mapping[str, str] | None = None,
    keys: tuple[Key, ...] = KEYS,
    needs_crm: bool = True,
) -> Settings:
    """Return all settings.

    Args:
        env: Settings by key, layered already; names that are no key are only looked at for
            misspelt ones.
        read_file: Reads ``COUNSELLORS_FILE``.
        folder: Where a relative ``COUNSELLORS_FILE`` starts: the settings file's folder.
        sources_of: Where each value came from; a missing name came from ``config.env``.
        keys: The declarations.
        needs_crm: Whether leads come from the CRM; else its settings may be missing.

    Raises:
        ConfigError: Every problem, in the order of the declarations. When a WATI credential is
            missing, the message begins ``Missing WATI credentials in config.env``.
    """
    optional = () if needs_crm else CRM_SETTINGS
    reading = Reading(env, keys, sources_of=sources_of or {}, optional=optional)
    counsellors = _check_local(reading, read_file, folder)
    _check_crm(reading)
    _check_pacing(reading)
    _check_test_send(reading)
    reading.finish()
    return _assemble(
        Settings,
        {
            **reading.placed(),
            **_wati_values(reading),
            **_local_values(reading, counsellors),
            "lines": tuple(reading.lines),
            "secrets": tuple(Secret(text) for text in secret_texts(env, keys)),
        },
    )


def load_local_settings(
    env: Mapping[str, str],
    *,
    read_file: ReadFile,
    folder: Path,
    sources_of: Mapping[str, str] | None = None,
    keys: tuple[Key, ...] = KEYS,
) -> LocalSettings:
    """Return what commands need that make no call; WATI and CRM settings are not looked at.

    Raises:
        ConfigError: Every problem of the settings it reads.
    """
    reading = Reading(env, keys, sources_of=sources_of or {}, only_local=True)
    counsellors = _check_local(reading, read_file, folder)
    reading.finish()
    values = {**reading.placed(), **_local_values(reading, counsellors)}
    return _assemble(LocalSettings, values, "local.")


def load_receivers(
    env: Mapping[str, str], sources_of: Mapping[str, str], *, on_purpose: bool
) -> Receivers:
    """Return who is told how a run ends, as far as these settings can be read; raises nothing.

    Args:
        env: Settings by key, layered already, right or wrong.
        sources_of: Where each came from.
        on_purpose: A rehearsal: only addresses given for it in the environment count. A test send
            is seen to here.
    """
    known = {key.name: env[key.name] for key in RECEIVERS if key.name in env}
    values = Reading(known, RECEIVERS, sources_of=sources_of).values

    is_rehearsal = on_purpose or values["USE_TEST_NUMBER"]

    def given(name: str) -> bool:
        return not is_rehearsal or sources_of.get(name) == FROM_ENVIRONMENT

    return Receivers(
        heartbeat_url=values["HEARTBEAT_URL"] if given("HEARTBEAT_URL") else None,
        alert_urls=(values["ALERT_URLS"] or ()) if given("ALERT_URLS") else (),
        # Of a rehearsal it is not remembered what was told: it must not keep a real alert back.
        folder=None if is_rehearsal else values["STATE_DIR"],
        zone=values["TIMEZONE"],
    )


def secret_values(settings: Settings) -> tuple[str, ...]:
    """Return every secret text, longest first, for the filter that keeps them out of the log."""
    return tuple(secret.reveal() for secret in settings.secrets)


def _check_pacing(reading: Reading) -> None:
    shortest, longest = reading.values["SEND_DELAY_MIN"], reading.values["SEND_DELAY_MAX"]
    if None not in (shortest, longest) and shortest > longest:
        reading.problem("SEND_DELAY_MIN", f"{shortest:g} is above SEND_DELAY_MAX, {longest:g}")


def _check_crm(reading: Reading) -> None:
    values = reading.values
    if values["WATI_LOG_API_URL"] is not None and values["LEAD_API_TOKEN"] is None:
        reading.problem("LEAD_API_TOKEN", "missing; the log at WATI_LOG_API_URL asks for it too")


def _check_test_send(reading: Reading) -> None:
    if reading.values["USE_TEST_NUMBER"] and reading.values["TEST_MOBILE_NUMBER"] is None:
        reading.problem("TEST_MOBILE_NUMBER", "missing; a test send needs a number to go to")


def _check_local(reading: Reading, read_file: ReadFile, folder: Path) -> tuple[Counsellor, ...]:
    """Check the hours, and return the counsellors: the built-in ones where no file is named."""
    if reading.values["SCRIPT_START_TIME"] == reading.values["SCRIPT_END_TIME"]:
        reading.problem(
            "SCRIPT_END_TIME",
            "is the same as SCRIPT_START_TIME; write 00:00 and 24:00 for the whole day",
        )
    resend, kept = reading.values["RESEND_AFTER_DAYS"], reading.values["HISTORY_DAYS"]
    if None not in (resend, kept) and resend > kept:
        reading.problem("RESEND_AFTER_DAYS", f"{resend} is above HISTORY_DAYS, {kept}")
    path = reading.values["COUNSELLORS_FILE"]
    if path is None:
        return BUILT_IN_COUNSELLORS
    try:
        return parse_counsellors(_content(folder / path, read_file))
    except BadValueError as error:
        reading.refuse("COUNSELLORS_FILE", error)
        return ()


def _content(path: Path, read_file: ReadFile) -> bytes:
    try:
        data = read_file(path)
    except (OSError, StateError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else clean(exc)
        msg = f"a readable file ({reason})"
        raise BadValueError(msg) from exc
    expect(data is not None, "a file that exists")
    return data or b""


def _wati_values(reading: Reading) -> dict[str, object]:
    """Return what follows from the address: where calls go, and by which API."""
    base, instance_id = reading.values["WATI_BASE_URL"], reading.values["WATI_INSTANCE_ID"]
    if base.tenant not in (None, instance_id):
        reading.warnings.append(
            f"WATI_BASE_URL names the tenant {base.tenant}, WATI_INSTANCE_ID another one; "
            "calls go to the one in the address"
        )
    version = reading.values["WATI_API_VERSION"] or ApiVersion(base.version or "v1")
    if version is not ApiVersion.V3 and reading.values["BATCH_SIZE"] != BATCH_SIZE:
        reading.warnings.append(
            "BATCH_SIZE has no effect: only WATI_API_VERSION=v3 sends batches, "
            f"this is {version.value}"
        )
    return {
        "wati.host": base.host,
        "wati.tenant": base.tenant or (instance_id if base.needs_tenant else None),
        "wati.api_version": version,
    }


def _local_values(reading: Reading, counsellors: tuple[Counsellor, ...]) -> dict[str, object]:
    """Return what takes more than one setting to know."""
    values = reading.values
    return {
        "local.counsellors": counsellors,
        "local.resend_after_days": values["RESEND_AFTER_DAYS"] or values["HISTORY_DAYS"],
        "local.monthly_calls": values["WATI_MONTHLY_CALLS"] or values["WATI_PLAN"].monthly_calls,
        "local.hours.closed": values["CLOSED_DATES"] or frozenset(),
        # An end of 00:00 is the end of the day.
        "local.hours.end_minute": values["SCRIPT_END_TIME"] or 24 * 60,
        "local.warnings": tuple(reading.warnings),
    }


def _assemble(kind: type[T], values: Mapping[str, object], at: str = "") -> T:
    """Return a settings object: each field is the value placed there, or made of those below it.

    Args:
        kind: A struct of ``lead_automation.config``.
        values: By place, such as ``local.hours.zone``.
        at: The place of the object itself, with a dot at the end.
    """
    made = {}
    for field in fields(kind):
        place = f"{at}{field.name}"
        if place in values:
            made[field.name] = values[place]
        elif isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            made[field.name] = _assemble(field.type, values, f"{place}.")
    return kind(**made)

"""The settings of a run: frozen and checked; what each means stands in ``settings.keys``."""

from datetime import date
from enum import Enum
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from lead_automation.models import Counsellor
from lead_automation.secret import Secret

MAX_BATCH_SIZE = 100
"""A page of a broadcast's recipients: one call tells of the whole batch."""

BATCH_SIZE = 25
"""Unless the setting says otherwise: calls hardly get fewer above it, and it is whom a mistake
meets."""


class ApiVersion(Enum):
    """WATI's API: v1 and v2 for single sends, v3 for batches."""

    V1 = "v1"
    V2 = "v2"
    V3 = "v3"


class WatiPlan(Enum):
    """The account's plan (https://docs.wati.io/reference/errors, read 2026-11-22)."""

    GROWTH = "growth"
    PRO = "pro"
    BUSINESS = "business"

    @property
    def sends_per_window(self) -> int:
        """Sends allowed in 10 seconds."""
        return {WatiPlan.GROWTH: 30, WatiPlan.PRO: 60, WatiPlan.BUSINESS: 100}[self]

    @property
    def reads_per_window(self) -> int:
        """Reads of one kind (messages, contacts) allowed in 10 seconds."""
        return 10

    @property
    def monthly_calls(self) -> int:
        """Calls of a calendar month, all kinds."""
        calls = {WatiPlan.GROWTH: 10_000, WatiPlan.PRO: 200_000, WatiPlan.BUSINESS: 20_000_000}
        return calls[self]


class PhoneFormat(Enum):
    """How a counsellor's number is written in a message."""

    E164 = "e164"
    INTERNATIONAL = "international"


class WatiSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The WATI account and what is sent from it.

    Attributes:
        host: Scheme and host without a slash, such as ``https://live-server-1.wati.io``.
        tenant: Path segment of v1 and v2 calls; None on hosts that take none.
        parameter_names: Of lead name, counsellor name, counsellor phone.
        channel_number: Sender, digits only; None for the account's default.
        batch_size: Leads one v3 POST carries at most, 1 to 100.
        phone_format: Of the counsellor's number in the message.
    """

    api_key: Secret
    host: str
    tenant: str | None
    api_version: ApiVersion
    template: str
    parameter_names: tuple[str, str, str]
    channel_number: str | None
    broadcast_name: str
    batch_size: int = BATCH_SIZE
    phone_format: PhoneFormat = PhoneFormat.E164


class CrmSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The CRM's two addresses.

    Attributes:
        lead_url: None where leads come from a file, or nobody is to be messaged.
        log_url: None where no CRM is told what became of a message.
        token: The whole Authorization value.
        fetch_limit: Leads asked for in a run.
    """

    lead_url: str | None
    log_url: str | None
    token: Secret | None
    owner_id: str
    fetch_limit: int


class HoursPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """When sending is open.

    Attributes:
        start_minute: Minutes since local midnight, 0 to 1439, included.
        end_minute: 1 to 1440, not included; below start_minute the window crosses midnight.
        days: Weekdays a window may begin on, Monday 0.
        closed: Dates no window may begin on.
        zone: Zone of all of them and of the quota day.
    """

    start_minute: int
    end_minute: int
    days: frozenset[int]
    zone: ZoneInfo
    closed: frozenset[date] = frozenset()


class PacingPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds from the start of one send to the start of the next, drawn between the two."""

    min_s: float
    max_s: float


class TrackingPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How messages are followed.

    Attributes:
        first_read_s: Age at which a status is first read.
        wait_s: How long a run follows after its last send.
        settle_s: Age before an unknown send may be judged absent.
    """

    first_read_s: float
    wait_s: float
    settle_s: float


class SafetyPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What stops a run: Meta quality refusals in all, network or unknown failures in a row."""

    meta_quality_stop_after: int
    meta_quality_stop_share: int
    meta_quality_hold_days: int
    failure_streak_limit: int


class HttpPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Patience with a server, in seconds, both above 0."""

    connect_timeout_s: float
    read_timeout_s: float


class LocalSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What commands that make no call need.

    Attributes:
        state_dir: Relative to the current folder, or absolute.
        state_url: Of the database that keeps the state; None: the files of state_dir do.
        default_region: Two letters.
        lead_local_hours: Working hours hold at the lead's place too.
        monthly_calls: WATI calls of a calendar month, all kinds.
        log_level: Of the console.
        warnings: Odd but usable settings, one line each.
    """

    state_dir: Path
    state_url: Secret | None
    history_days: int
    resend_after_days: int
    keep_reports_days: int
    idle_days_alert: int
    hours: HoursPolicy
    counsellors: tuple[Counsellor, ...]
    default_region: str
    lead_local_hours: bool
    plan: WatiPlan
    monthly_calls: int
    log_level: str
    tracking: TrackingPolicy
    warnings: tuple[str, ...] = ()


class Receivers(msgspec.Struct, frozen=True, kw_only=True):
    """Who is told how a run ends; known even where the other settings are not right.

    Attributes:
        heartbeat_url: Without a slash at its end; None for no pings.
        alert_urls: Addresses as Apprise takes them.
        folder: Where it is kept what was told today: the state directory; None for nowhere.
        zone: Of that day.
    """

    heartbeat_url: Secret | None = None
    alert_urls: tuple[Secret, ...] = ()
    folder: Path | None = None
    zone: ZoneInfo | None = None


class SettingLine(msgspec.Struct, frozen=True, kw_only=True):
    """One setting as ``check -v`` shows it.

    Attributes:
        value: As it may be shown, ``***`` for a secret.
        source: ``environment``, ``config.env``, ``command line`` or ``default``.
    """

    name: str
    value: str
    source: str


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a run needs.

    Attributes:
        test_number: ``+`` and digits; set whenever use_test_number is.
        lines: Every setting for ``check -v``, in the order of the declarations.
        secrets: Every text that must not turn up in a log, longest first.
    """

    local: LocalSettings
    wati: WatiSettings
    crm: CrmSettings
    pacing: PacingPolicy
    safety: SafetyPolicy
    http: HttpPolicy
    check_whatsapp: bool
    use_test_number: bool
    test_number: str | None
    lines: tuple[SettingLine, ...] = ()
    secrets: tuple[Secret, ...] = ()

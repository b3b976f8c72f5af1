"""``status``: what happened today, what is left, why it stopped; needs no lock, writes nothing."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from lead_automation.arguments import Arguments
from lead_automation.commands.common import (
    WIDTH,
    SettingsSource,
    hold_document,
    hold_text,
    show,
    shown_time,
)
from lead_automation.config import LocalSettings
from lead_automation.errors import StateError
from lead_automation.leads.hours import quota_day
from lead_automation.models import Hold, MessageRecord, MessageStatus
from lead_automation.plaintext import columns, pad, wrap
from lead_automation.reporting.archive import REPORTS_FOLDER, list_runs, load_run
from lead_automation.reporting.days import is_bad_number
from lead_automation.runs import RunMode
from lead_automation.runtime import Runtime
from lead_automation.state.ledger import Ledger
from lead_automation.state.open import open_state
from lead_automation.text import clean, safe_text

_MOST_NAMED = 10
_MAX_NAME = 30
_MAX_TEXT = 500

_BAD_NUMBER = "invalid_number"
_UNKNOWN = "unknown"
_ORDER: Final = (*(status.value for status in MessageStatus), _UNKNOWN, _BAD_NUMBER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Everything the command shows.

    Attributes:
        used: Name, messages used today, daily limit.
        today_by_status: Messages of today by status; ``unknown`` apart, and ``invalid_number`` for
            leads nothing was tried with, as in every report.
        unsettled: Accepted messages of all kept days without a final word.
        owed_rows: CRM rows the CRM has not taken.
        last_run: Id of the last run that left a report.
    """

    today: date
    used: tuple[tuple[str, int, int], ...]
    today_by_status: dict[str, int]
    unsettled: int
    unknown: tuple[MessageRecord, ...]
    hold: Hold | None
    suppressed: int
    owed_rows: int
    month: str
    month_calls: int
    month_limit: int
    last_run: str | None


def execute(arguments: Arguments, runtime: Runtime) -> int:
    """Show the state as it is now, a running journal included."""
    local = SettingsSource(arguments, runtime).load_local()
    now = runtime.clock.now()
    status = read_status(local, runtime, now)
    last_run = _last_run(status, local, runtime) if status.last_run else None
    width = runtime.width(runtime.stdout) or WIDTH
    lines = [*_lines(status, local, now), *_last_run_lines(last_run)]
    text = "\n".join(part for line in lines for part in _fitted(line, width))
    if status.hold is not None:
        banner = hold_text(status.hold, now=now, zone=local.hours.zone, width=width)
        text = f"{banner}\n\n{text}"
    show(arguments, runtime, _document(status, local, last_run), text)
    return 0


def read_status(local: LocalSettings, runtime: Runtime, now: datetime) -> Status:
    """Collect everything; raises StateError when a file cannot be read."""
    zone = local.hours.zone
    today = quota_day(now, zone)
    state = open_state(local, runtime)
    books = state.snapshot(today)
    suppressions = state.suppressions.entries()
    month = f"{today:%Y-%m}"
    return Status(
        today=today,
        used=_used(books, local, today),
        today_by_status=_by_status(record for record in books.records() if record.day == today),
        unsettled=len(books.open_messages(date.min)),
        unknown=tuple(books.unknown_messages()),
        hold=state.hold.read(),
        suppressed=sum(entry.is_active(now) for entry in suppressions),
        owed_rows=len(books.owed_rows()),
        month=month,
        month_calls=books.month_calls(month),
        month_limit=local.monthly_calls,
        last_run=_last_run_id(runtime, local),
    )


def _used(books: Ledger, local: LocalSettings, today: date) -> tuple[tuple[str, int, int], ...]:
    used = books.quota_used(today)
    limits = {counsellor.name: counsellor.daily_limit for counsellor in local.counsellors}
    return tuple(
        (clean(name, _MAX_NAME), used.get(name, 0), limits.get(name, 0))
        for name in {**limits, **used}
    )


def _by_status(records: Iterable[MessageRecord]) -> dict[str, int]:
    counts = Counter(_word(record) for record in records)
    return {word: counts[word] for word in _ORDER if counts[word]}


def _word(record: MessageRecord) -> str:
    if record.unknown:
        return _UNKNOWN
    return _BAD_NUMBER if is_bad_number(record) else record.status.value


def _last_run_id(runtime: Runtime, local: LocalSettings) -> str | None:
    runs = list_runs(runtime.disk, local.state_dir / REPORTS_FOLDER)
    return runs[-1] if runs else None


def _last_run(status: Status, local: LocalSettings, runtime: Runtime) -> dict[str, object]:
    """Return how the last run ended; a report that cannot be read must not cost the rest."""
    try:
        result = load_run(runtime.disk, local.state_dir / REPORTS_FOLDER, status.last_run)
    except StateError as error:
        return {
            "run_id": status.last_run,
            "status": "unreadable",
            "reason": safe_text(error, _MAX_TEXT),
        }
    return {
        "run_id": result.run_id,
        "mode": result.mode.value,
        "status": result.status.value,
        "reason": result.reason,
        "ended_at": result.ended_at.astimezone(local.hours.zone).isoformat(timespec="seconds"),
        "exit_code": result.exit_code,
    }


def _document(
    status: Status, local: LocalSettings, last_run: dict[str, object] | None
) -> dict[str, object]:
    zone = local.hours.zone
    return {
        "status": "completed",
        "today": status.today.isoformat(),
        "counsellors": {
            name: {"used_today": used, "daily_limit": limit} for name, used, limit in status.used
        },
        "quota_left": _left(status),
        "messages_today": status.today_by_status,
        "unsettled": status.unsettled,
        "unknown": [
            {
                "lead_id": safe_text(record.lead_id),
                "day": record.day.isoformat(),
                "attempts": record.attempts,
            }
            for record in status.unknown
        ],
        "hold": hold_document(status.hold, zone=zone) if status.hold is not None else None,
        "suppressed": status.suppressed,
        "crm_rows_owed": status.owed_rows,
        "month": {
            "month": status.month,
            "calls": status.month_calls,
            "limit": status.month_limit,
        },
        "last_run": last_run,
        "state_dir": str(local.state_dir),
    }


def _left(status: Status) -> int:
    return sum(max(0, limit - used) for _, used, limit in status.used)


def _lines(status: Status, local: LocalSettings, now: datetime) -> list[str]:
    """Return the paragraphs of the text, still to be fitted to a width."""
    messages = ", ".join(
        f"{count} {word.replace('_', ' ')}" for word, count in status.today_by_status.items()
    )
    share = 100 * status.month_calls / status.month_limit
    lines = [
        f"Today {shown_time(now, local.hours.zone)} {local.hours.zone.key}",
        "",
        *_quota_lines(status),
        "",
        f"{_left(status)} messages left today",
        "",
        f"Messages today: {messages or 'none'}",
        f"Not settled (all kept days): {status.unsettled} accepted, {len(status.unknown)} unknown",
        *_unknown_lines(status),
        f"Suppressed numbers: {status.suppressed}",
        f"CRM rows owed: {status.owed_rows}",
        f"WATI calls in {status.month}: {status.month_calls:,} of {status.month_limit:,} "
        f"({share:.0f} %)",
    ]
    if status.hold is None:
        lines.append("Hold: none")
    return lines


def _quota_lines(status: Status) -> list[str]:
    """Return one line for each counsellor: used, limit, left."""
    name_width = max((columns(name) for name, _, _ in status.used), default=0)
    used_width = max((len(str(used)) for _, used, _ in status.used), default=0)
    limit_width = max((len(str(limit)) for _, _, limit in status.used), default=0)
    return [
        f"  {pad(name, name_width)}  {used:>{used_width}} of "
        f"{limit:>{limit_width}} used, {max(0, limit - used):>{limit_width}} left"
        for name, used, limit in status.used
    ]


def _last_run_lines(last_run: Mapping[str, object] | None) -> list[str]:
    if last_run is None:
        return []
    reason = last_run["reason"]
    colon = ": " if reason else ""
    mode = last_run.get("mode", RunMode.PRODUCTION.value)
    kind = "" if mode == RunMode.PRODUCTION.value else f" ({mode})"
    return [f"Last run: {last_run['run_id']}{kind} {last_run['status']}{colon}{reason}"]


def _fitted(line: str, width: int) -> list[str]:
    """Break a line at spaces where it is too long; one that fits keeps its spacing."""
    return [line] if columns(line) <= width else wrap(line, width, indent="  ")


def _unknown_lines(status: Status) -> list[str]:
    """Name the sends nobody knows the fate of, and what settles them."""
    lines = [
        f"  unknown: lead {safe_text(record.lead_id, _MAX_NAME)} of {record.day}, "
        f"attempt {record.attempts}"
        for record in status.unknown[:_MOST_NAMED]
    ]
    if len(status.unknown) > _MOST_NAMED:
        lines.append(f"  … and {len(status.unknown) - _MOST_NAMED} more (--json names them all)")
    if status.unknown:
        lines.append("  `track` or the next run asks WATI; they are never sent blindly again")
    return lines

"""``suppress``: keep the list of numbers never to be messaged."""

from datetime import datetime, tzinfo
from typing import assert_never

from lead_automation.arguments import Arguments
from lead_automation.commands.common import SettingsSource, show, state_to_write
from lead_automation.config import LocalSettings
from lead_automation.errors import ConfigError
from lead_automation.leads.phone import parse_phone
from lead_automation.runtime import Runtime
from lead_automation.state.open import open_state
from lead_automation.state.suppression import SuppressionList
from lead_automation.stored import Suppression
from lead_automation.text import clean, mask_phone
from lead_automation.times import shown_time

# A line of the list keeps to one screen line or two; --json has the whole reason.
_MAX_REASON = 60


def execute(arguments: Arguments, runtime: Runtime) -> int:
    """Add, remove or list; works while a run is on and counts before its next send."""
    local = SettingsSource(arguments, runtime).load_local()
    state = (open_state if arguments.action == "list" else state_to_write)(local, runtime)
    suppressions = state.suppressions
    now = runtime.clock.now()
    match arguments.action:
        case "add":
            phone = _number(arguments.phone, local)
            document, text = _add(phone, arguments.reason, suppressions, now)
        case "remove":
            document, text = _remove(_number(arguments.phone, local), suppressions)
        case "list":
            document, text = _list(suppressions, now, local.hours.zone)
        case _:
            assert_never(arguments.action)  # type: ignore[arg-type]  # argparse lets no other through
    show(arguments, runtime, document, text)
    return 0


def _add(
    phone: str, reason: str, suppressions: SuppressionList, now: datetime
) -> tuple[dict[str, object], str]:
    entry = Suppression(
        phone=phone,
        reason=reason.strip() or "no reason given",
        source="operator",
        added_at=now,
        until=None,
    )
    suppressions.add(entry)
    shown = mask_phone(phone)
    document: dict[str, object] = {"status": "added", "phone": shown, "reason": entry.reason}
    return document, f"{shown} gets no more messages: {entry.reason}"


def _remove(phone: str, suppressions: SuppressionList) -> tuple[dict[str, object], str]:
    was_there = suppressions.remove(phone)
    shown = mask_phone(phone)
    text = f"{shown} is off the list." if was_there else f"{shown} was not on the list."
    return {"status": "removed" if was_there else "not_listed", "phone": shown}, text


def _list(
    suppressions: SuppressionList, now: datetime, zone: tzinfo
) -> tuple[dict[str, object], str]:
    entries = [entry for entry in suppressions.entries() if entry.is_active(now)]
    numbers = [
        {
            "phone": entry.phone,
            "reason": entry.reason,
            "source": entry.source,
            "added_at": shown_time(entry.added_at, zone),
            "until": shown_time(entry.until, zone) if entry.until else None,
        }
        for entry in entries
    ]
    lines = [
        f"{its['phone']:<16} {its['until'] or 'for good':<20} {clean(its['reason'], _MAX_REASON)}"
        for its in numbers
    ]
    document = {"status": "completed", "count": len(entries), "numbers": numbers}
    return document, "\n".join(lines) or "No number is suppressed."


def _number(text: str, local: LocalSettings) -> str:
    parsed = parse_phone(text, local.default_region)
    if parsed.e164 is None:
        problem = f"PHONE: {parsed.problem}; write it with + and the country code"
        raise ConfigError((problem,))
    return parsed.e164

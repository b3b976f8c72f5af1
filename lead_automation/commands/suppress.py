"""``suppress``: keep the list of numbers never to be messaged."""

from typing import assert_never

from lead_automation.arguments import Arguments
from lead_automation.commands.common import SettingsSource, show, shown_time
from lead_automation.config import LocalSettings
from lead_automation.errors import ConfigError
from lead_automation.leads.phone import parse_phone
from lead_automation.models import Suppression
from lead_automation.runtime import Runtime
from lead_automation.state.open import open_state
from lead_automation.state.suppression import SuppressionList
from lead_automation.text import clean, mask_phone


def execute(arguments: Arguments, runtime: Runtime) -> int:
    """Add, remove or list; works while a run is on and counts before its next send."""
    local = SettingsSource(arguments, runtime).load_local()
    suppressions = open_state(local, runtime).suppressions
    match arguments.action:
        case "add":
            return _add(arguments, runtime, suppressions, local)
        case "remove":
            return _remove(arguments, runtime, suppressions, local)
        case "list":
            return _list(arguments, runtime, suppressions, local)
        case _:
            assert_never(arguments.action)  # type: ignore[arg-type]  # argparse lets no other through


def _add(
    arguments: Arguments, runtime: Runtime, suppressions: SuppressionList, local: LocalSettings
) -> int:
    phone = _number(arguments.phone, local)
    entry = Suppression(
        phone=phone,
        reason=arguments.reason.strip() or "no reason given",
        source="operator",
        added_at=runtime.clock.now(),
        until=None,
    )
    suppressions.add(entry)
    shown = mask_phone(phone)
    document = {"status": "added", "phone": shown, "reason": entry.reason}
    show(arguments, runtime, document, f"{shown} gets no more messages: {entry.reason}")
    return 0


def _remove(
    arguments: Arguments, runtime: Runtime, suppressions: SuppressionList, local: LocalSettings
) -> int:
    phone = _number(arguments.phone, local)
    was_there = suppressions.remove(phone)
    shown = mask_phone(phone)
    document = {"status": "removed" if was_there else "not_listed", "phone": shown}
    text = f"{shown} is off the list." if was_there else f"{shown} was not on the list."
    show(arguments, runtime, document, text)
    return 0


def _list(
    arguments: Arguments, runtime: Runtime, suppressions: SuppressionList, local: LocalSettings
) -> int:
    now, zone = runtime.clock.now(), local.hours.zone
    entries = [entry for entry in suppressions.entries() if entry.is_active(now)]
    document = {
        "status": "completed",
        "count": len(entries),
        "numbers": [
            {
                "phone": entry.phone,
                "reason": entry.reason,
                "source": entry.source,
                "added_at": shown_time(entry.added_at, zone),
                "until": shown_time(entry.until, zone) if entry.until else None,
            }
            for entry in entries
        ],
    }
    lines = [
        f"{entry.phone:<16} {shown_time(entry.until, zone) if entry.until else 'for good':<20} "
        f"{clean(entry.reason, 60)}"
        for entry in entries
    ]
    show(arguments, runtime, document, "\n".join(lines) or "No number is suppressed.")
    return 0


def _number(text: str, local: LocalSettings) -> str:
    parsed = parse_phone(text, local.default_region)
    if parsed.e164 is None:
        problem = f"PHONE: {parsed.problem}; write it with + and the country code"
        raise ConfigError((problem,))
    return parsed.e164

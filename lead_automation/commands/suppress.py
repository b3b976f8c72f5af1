"""``suppress``: keep the list of numbers never to be messaged."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import assert_never

from lead_automation.arguments import Arguments
from lead_automation.commands.common import SettingsSource, show, state_to_write
from lead_automation.config import LocalSettings
from lead_automation.errors import ConfigError
from lead_automation.leads.number_file import read_numbers
from lead_automation.leads.phone import parse_phone
from lead_automation.models import ErrorCategory
from lead_automation.reporting.wording import title
from lead_automation.runtime import Runtime
from lead_automation.state.open import open_state
from lead_automation.state.suppression import SuppressionList
from lead_automation.stored import Suppression
from lead_automation.text import clean, mask_phone
from lead_automation.times import shown_time

# A line of the list keeps to one screen line or two; --json has the whole reason.
_MAX_REASON = 60
_SOURCES = {"operator": "an operator", "wati": "the program", "contact": "WATI's contact"}


def execute(arguments: Arguments, runtime: Runtime) -> int:
    """Add, remove or list; works while a run is on and counts before its next send."""
    if arguments.action == "sync":
        from lead_automation.commands.suppress_sync import sync  # noqa: PLC0415 - HTTP, for it alone

        return sync(arguments, runtime)
    local = SettingsSource(arguments, runtime).load_local()
    state = (
        open_state(local, runtime)
        if arguments.action == "list"
        else state_to_write(local, arguments, runtime)
    )
    suppressions = state.suppressions
    now = runtime.clock.now()
    match arguments.action:
        case "add":
            document, text = _add(_numbers(arguments, local), arguments.reason, suppressions, now)
        case "remove":
            document, text = _remove(_numbers(arguments, local), suppressions)
        case "import":
            document, text = _import(arguments, runtime, local, suppressions)
        case "list":
            document, text = _list(suppressions, now, local.hours.zone)
        case _:
            assert_never(arguments.action)  # type: ignore[arg-type]  # argparse lets no other through
    show(arguments, runtime, document, text, state=state)
    return 0


def _add(
    phones: Sequence[str], reason: str, suppressions: SuppressionList, now: datetime
) -> tuple[dict[str, object], str]:
    entries = [_entry(phone, reason, now) for phone in phones]
    suppressions.add_all(entries)
    shown: list[dict[str, object]] = [
        {"status": "added", "phone": mask_phone(its.phone), "reason": its.reason} for its in entries
    ]
    lines = [f"{its['phone']} gets no more messages: {its['reason']}" for its in shown]
    return _one_or_all("added", shown), "\n".join(lines)


def _entry(phone: str, reason: str, now: datetime) -> Suppression:
    return Suppression(
        phone=phone,
        reason=reason.strip() or "no reason given",
        source="operator",
        added_at=now,
        until=None,
    )


def _remove(phones: Sequence[str], suppressions: SuppressionList) -> tuple[dict[str, object], str]:
    shown: list[dict[str, object]] = [
        {
            "status": "removed" if suppressions.remove(phone) else "not_listed",
            "phone": mask_phone(phone),
        }
        for phone in phones
    ]
    words = {"removed": "is off the list.", "not_listed": "was not on the list."}
    lines = [f"{its['phone']} {words[str(its['status'])]}" for its in shown]
    return _one_or_all("completed", shown), "\n".join(lines)


def _one_or_all(status: str, shown: list[dict[str, object]]) -> dict[str, object]:
    """Return what ``--json`` says: of one number that alone, of several a list."""
    return shown[0] if len(shown) == 1 else {"status": status, "numbers": shown}


def _import(
    arguments: Arguments, runtime: Runtime, local: LocalSettings, suppressions: SuppressionList
) -> tuple[dict[str, object], str]:
    """Add the numbers of a file, in one write; nothing where one is bad and none may be skipped."""
    path = runtime.folder / (arguments.file or "")
    numbers, problems = read_numbers(path, runtime.disk, local.default_region)
    if problems and not arguments.skip_bad:
        hint = "Nothing was imported. Correct these lines, or leave them out with --skip-bad."
        raise ConfigError(tuple(problems), hint=hint)
    for problem in problems:
        runtime.err(f"Left out: {problem}")
    now = runtime.clock.now()
    reason = arguments.reason
    added = suppressions.add_all(_entry(phone, reason, now) for phone in numbers)
    document: dict[str, object] = {
        "status": "completed",
        "numbers": len(numbers),
        "added": added,
        "left_out": len(problems),
    }
    text = f"Numbers in the file: {len(numbers):,}; not on the list before: {added:,}."
    return document, text if not problems else f"{text} Lines left out: {len(problems):,}."


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
    rows = [("NUMBER", "UNTIL", "LISTED BY", "REASON")] + [
        (
            entry.phone,
            shown_time(entry.until, zone) if entry.until else "for good",
            _SOURCES.get(entry.source, entry.source),
            clean(_plain(entry.reason), _MAX_REASON),
        )
        for entry in entries
    ]
    lines = [f"{phone:<16} {until:<16} {by:<13} {reason}" for phone, until, by, reason in rows]
    document = {"status": "completed", "count": len(entries), "numbers": numbers}
    return document, "\n".join(lines) if entries else "No number is suppressed."


def _plain(reason: str) -> str:
    """Return a reason for people: the category it begins with in words."""
    category, _, rest = reason.partition(": ")
    is_category = category in {its.value for its in ErrorCategory}
    return f"{title(category)}: {rest}" if is_category else reason


def _numbers(arguments: Arguments, local: LocalSettings) -> list[str]:
    """Return the numbers asked for, each once; raises ConfigError before anything is changed."""
    parsed = [parse_phone(text, local.default_region) for text in arguments.phones]
    problems = [
        f"PHONE: {its.problem}; write it with + and the country code"
        for its in parsed
        if its.e164 is None
    ]
    if problems:
        raise ConfigError(tuple(problems))
    return list(dict.fromkeys(its.e164 for its in parsed if its.e164 is not None))

"""``state``: look after the state as a whole."""

from collections import defaultdict
from datetime import date

from msgspec.structs import replace

from lead_automation.arguments import Arguments
from lead_automation.campaign.preflight import check_wall_clock
from lead_automation.commands.common import SettingsSource, agrees, show, state_to_write
from lead_automation.commands.state_checks import missing_leads
from lead_automation.config import LocalSettings
from lead_automation.errors import ConfigError
from lead_automation.leads.hours import quota_day
from lead_automation.runtime import Runtime
from lead_automation.secret import Secret
from lead_automation.settings.urls import parse_state_url
from lead_automation.settings.values import BadValueError
from lead_automation.state.open import open_state
from lead_automation.state.state import State
from lead_automation.text import safe_outside

_MOST_NAMED = 10  # of a run, on a screen; --json names them all


def execute(arguments: Arguments, runtime: Runtime) -> int:
    """Copy the state, or accept it.

    Raises:
        ConfigError: There can be no such target; or nobody can be asked, and ``--yes`` is missing.
    """
    local = SettingsSource(arguments, runtime).load_local()
    state = state_to_write(local, arguments, runtime)
    if arguments.action == "copy":
        return _copy(state, local, arguments, runtime)
    return _accept(state, local, arguments, runtime)


def _copy(state: State, local: LocalSettings, arguments: Arguments, runtime: Runtime) -> int:
    """Copy everything but log and reports, under the lock; nothing in the source changes."""
    url: Secret | None = None
    try:
        if "://" in arguments.to:
            url = parse_state_url(arguments.to)
    except BadValueError as error:
        # Not what was written there: it may hold a password.
        problem = f"--to: expected a folder or {error}"
        raise ConfigError((problem,)) from None
    folder = runtime.folder / arguments.to if url is None else local.state_dir
    target = open_state(replace(local, state_dir=folder, state_url=url), runtime)
    with state.lock(runtime):
        contents = state.contents()
        target.fill(contents)
    counts = contents.counts()
    shown = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())
    document: dict[str, object] = {"status": "completed", "counts": counts, "to": target.place}
    text = (
        f"Copied {shown} to {target.place}. {state.place} stays as it is: before the next run, let "
        f"{'STATE_DIR' if url is None else 'STATE_URL'} name the copy on every machine."
    )
    show(arguments, runtime, document, text)
    return 0


def _accept(state: State, local: LocalSettings, arguments: Arguments, runtime: Runtime) -> int:
    """Take leads as messaged that only the reports know of, after a yes."""
    with state.lock(runtime):
        before = state.open_ledger(read_only=True)
        check_wall_clock(before.newest_time(), now=runtime.clock.now(), zone=local.hours.zone)
        missing = missing_leads(before, local, runtime)
        shown = {run: [safe_outside(row.lead_id) for row in rows] for run, rows in missing.items()}
        if not missing:
            document: dict[str, object] = {"status": "nothing_missing", "missing": {}}
            text = "The history knows every lead the reports name."
            show(arguments, runtime, document, text, state=state)
            return 0
        if not arguments.json:
            runtime.out("\n".join(_line(run, ids) for run, ids in shown.items()))
        agreed = arguments.yes or agrees(runtime, "Take them as messaged?", "to accept the state")
        if agreed:
            days: defaultdict[date, dict[str, str | None]] = defaultdict(dict)
            for row in (row for rows in missing.values() for row in rows):
                if row.at is not None:
                    days[quota_day(row.at, local.hours.zone)][row.known_as] = row.counsellor
            ledger = state.open_ledger()
            try:
                for day, leads in days.items():
                    ledger.take_as_messaged(leads, day=day)
                ledger.finish(today=None)
            finally:
                ledger.close()
    text = "They count as messaged; the next run goes on." if agreed else "Nothing was changed."
    document = {"status": "accepted" if agreed else "refused", "missing": shown}
    show(arguments, runtime, document, text, state=state)
    return 0


def _line(run_id: str, ids: list[str]) -> str:
    more = f" and {len(ids) - _MOST_NAMED} more" if len(ids) > _MOST_NAMED else ""
    return f"Run {run_id} messaged {len(ids)}: {', '.join(ids[:_MOST_NAMED])}{more}"

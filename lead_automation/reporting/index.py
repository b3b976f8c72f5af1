"""The list of the kept runs, newest first: a page, a text and an object."""

from collections.abc import Iterable
from datetime import tzinfo

import msgspec

from lead_automation.plaintext import pad
from lead_automation.reporting.kept import KeptRun
from lead_automation.reporting.wording import MOODS, rate_text, title
from lead_automation.runs import RunMode
from lead_automation.times import iso_time, shown_time

# With it a line takes 78 columns.
_TEMPLATE_WIDTH = 20


def index_view(runs: Iterable[KeptRun], zone: tzinfo) -> dict[str, object]:
    """Return the values of ``index.html.j2``."""
    return {
        "runs": [
            {
                "id": run.run_id,
                "begun": run.started_at.astimezone(zone),
                "mode": "" if run.mode is RunMode.PRODUCTION else run.mode.value,
                "mood": MOODS[run.status],
                "end": title(run.status.value),
                "reason": run.reason,
                "template": run.template,
                "its": run.messages,
                "rates": run.messages.rates(run.leads.attempted),
            }
            for run in runs
        ]
    }


def index_text(runs: Iterable[KeptRun], zone: tzinfo) -> str:
    """Return a line for each run, in 78 columns and its id."""
    lines = [
        f"{'Begun':<16}  {'Template':<{_TEMPLATE_WIDTH}} {'Sent':>5} {'Deliv.':>7} {'Read':>7} "
        f"{'Failed':>6}  End"
    ]
    for run in runs:
        rates = run.messages.rates(run.leads.attempted)
        mode = "" if run.mode is RunMode.PRODUCTION else f" ({run.mode.value})"
        lines.append(
            f"{shown_time(run.started_at, zone)}  {pad(run.template, _TEMPLATE_WIDTH)} "
            f"{run.messages.sent:>5} {rate_text(rates.delivered):>7} {rate_text(rates.read):>7} "
            f"{run.messages.failed:>6}  {title(run.status.value)}{mode}, {run.run_id}"
        )
    return "\n".join(lines) + "\n"


def index_json(runs: Iterable[KeptRun], zone: tzinfo) -> dict[str, object]:
    """Return the object of ``report --list --json``."""
    return {
        "runs": [
            {
                "run_id": run.run_id,
                "mode": run.mode.value,
                "status": run.status.value,
                "reason": run.reason,
                "exit_code": run.exit_code,
                "template": run.template,
                "started_at": iso_time(run.started_at, zone),
                "ended_at": iso_time(run.ended_at, zone),
                "messages": msgspec.to_builtins(run.messages),
                "rates": msgspec.to_builtins(run.messages.rates(run.leads.attempted)),
            }
            for run in runs
        ]
    }

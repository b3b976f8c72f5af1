"""Render the end of a run for a terminal, a mail or a pipe of 80 columns."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TypeVar

from lead_automation.call_budget import leads_a_month
from lead_automation.models import ErrorCategory
from lead_automation.plaintext import wrap
from lead_automation.reporting.figures import WIDTH, figures_head, figures_line
from lead_automation.reporting.next_steps import META_CHECKLIST, has_meta_checklist, other_steps
from lead_automation.reporting.wording import (
    MODE_NOTES,
    STATUS_EMOJI,
    call_title,
    duration_text,
    rate_text,
    title,
)
from lead_automation.runs import RunMode, RunResult, SkipReason

_E = TypeVar("_E", bound=Enum)

# Narrower, the longest label of a line would leave no room for its text.
_MIN_WIDTH = 40
# More would push the figures off the screen; the log has them all.
_MAX_WARNINGS = 20


def render_summary(result: RunResult, *, width: int = 80) -> str:
    """Return the summary of a run, ending in a newline.

    Args:
        result: A run's result.
        width: Columns of the terminal; texts are wrapped to it.
    """
    width = max(_MIN_WIDTH, width)
    parts = [
        _headline(result),
        _about(result, width),
        _counsellors(result, width),
        _breakdown("Errors by category", _counted(ErrorCategory, result.errors), width),
        _breakdown("Skipped by reason", _counted(SkipReason, result.leads.skipped), width),
        _breakdown("WATI and CRM calls", _calls(result), width),
        _list("Warnings", "!", result.warnings, width),
        _checklist(result, width),
        _list("Next steps", "-", other_steps(result), width),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def has_happened(result: RunResult) -> bool:
    """Whether a run came as far as leads, or learned that the account is restricted."""
    return result.leads.fetched > 0 or has_meta_checklist(result)


def render_brief(result: RunResult) -> str:
    """Return a run that did nothing in three lines at most: how it ended, why, what next."""
    lines = [_status(result), f"Reason: {result.reason}"]
    return "\n".join([*lines, *(f"Next: {step}" for step in result.next_steps[:1])])


def _status(result: RunResult) -> str:
    status = result.status.value.upper().replace("_", " ")
    return f"{STATUS_EMOJI[result.status]} STATUS: {status}"


def _headline(result: RunResult) -> list[str]:
    """Return the owner's block; scripts search for these lines."""
    return [
        "🏁 CAMPAIGN EXECUTION SUMMARY 🏁",
        _status(result),
        f"📤 Messages Sent: {result.messages.sent}",
        f"📱 Delivered: {result.messages.delivered}",
        f"👀 Read: {result.messages.read}",
        f"❌ Failed: {result.messages.failed}",
        f"⚡ Success Rate: {rate_text(result.success_rate)}",
        f"⏱️ Duration: {duration_text(result.duration_seconds)}",
    ]


def _about(result: RunResult, width: int) -> list[str]:
    facts = [("Reason", result.reason)] if result.reason else []
    if result.mode is RunMode.DRY_RUN:
        facts.append(("Would be sent", str(result.planned)))
    its = result.leads
    leads = (
        f"{its.fetched} fetched = {result.skipped} skipped + {its.attempted} attempted + "
        f"{its.not_reached} not reached"
    )
    attempts = (
        f"{its.attempted} = {its.accepted} accepted + {its.refused} refused + {its.unknown} unknown"
    )
    facts += [
        ("Leads", leads),
        ("Attempted", attempts),
        ("Pending", f"{result.messages.pending} accepted, no word of delivery or failure yet"),
        ("Unknown", f"{its.unknown} may or may not have arrived"),
        ("Rates", _rates(result)),
        *(
            [("Replied", f"{result.messages.replied} wrote back")]
            if result.messages.replied
            else []
        ),
        ("Per minute", f"{result.messages_per_minute:.1f} messages"),
        ("Run", f"{result.run_id} ({result.mode.value}, exit code {result.exit_code})"),
        ("Template", result.template),
    ]
    lines = [line for name, text in facts for line in wrap(text, width, head=f"{name + ':':<15}")]
    note = MODE_NOTES[result.mode]
    return [*lines, *wrap(note, width)] if note else lines


def _rates(result: RunResult) -> str:
    its = result.messages.rates(result.leads.attempted)
    return (
        f"{rate_text(its.delivered)} of the sent delivered, {rate_text(its.read)} read; "
        f"{rate_text(its.failed)} of the attempted failed"
    )


def _counsellors(result: RunResult, width: int) -> list[str]:
    if not result.counsellors:
        return []
    all_assigned = result.assigned
    is_dry = result.mode is RunMode.DRY_RUN  # then nothing assigned was attempted
    lines = [figures_head("Counsellor", "Given")] if width >= WIDTH else ["Counsellors:"]
    for name, its in result.counsellors.items():
        assigned = all_assigned.get(name, 0)
        unknown = 0 if is_dry else its.unknown(assigned)
        quota = f"{its.used_today}/{its.daily_limit}"
        if width >= WIDTH:
            lines.append(figures_line(name, its, attempted=assigned, unknown=unknown, quota=quota))
            continue
        rates = its.rates(assigned)
        text = (
            f"{assigned} given, {its.sent} sent, {its.delivered} delivered "
            f"({rate_text(rates.delivered)}), {its.read} read ({rate_text(rates.read)}), "
            f"{its.failed} failed, {unknown} unknown, success "
            f"{rate_text(its.success_rate(assigned))}, quota {quota}"
        )
        lines += wrap(f"{name}: {text}", width, head="  ", indent="    ")
    return lines


def _counted(kinds: type[_E], counts: Mapping[_E, int]) -> list[tuple[str, int]]:
    """Return the counts in the order of their kinds, zeros left out."""
    return [(title(kind.value), counts[kind]) for kind in kinds if counts.get(kind)]


def _calls(result: RunResult) -> list[tuple[str, int | str]]:
    calls: list[tuple[str, int | str]] = [
        (call_title(kind), count) for kind, count in result.api_calls.items() if count
    ]
    if result.month.limit:
        calls.append(("WATI, month", f"{result.month.calls:,} of {result.month.limit:,}"))
        carries = result.month.carries or leads_a_month(result.month.limit)
        calls.append(("A month carries", f"{carries:,} leads, each followed to its end"))
    return calls


def _breakdown(heading: str, figures: Sequence[tuple[str, int | str]], width: int) -> list[str]:
    if not figures:
        return []
    lines = [wrap(str(figure), width, head=f"  {name:<20} ") for name, figure in figures]
    return [f"{heading}:", *(part for line in lines for part in line)]


def _checklist(result: RunResult, width: int) -> list[str]:
    if not has_meta_checklist(result):
        return []
    heading = "Meta has restricted this account's messages. Five steps, in this order:"
    steps = [
        line
        for number, step in enumerate(META_CHECKLIST, 1)
        for line in wrap(step, width, head=f"  {number}. ")
    ]
    return [*wrap(heading, width), *steps]


def _list(heading: str, mark: str, texts: Sequence[str], width: int) -> list[str]:
    if not texts:
        return []
    shown = [*texts[:_MAX_WARNINGS]]
    if len(texts) > len(shown):
        shown.append(f"and {len(texts) - len(shown)} more, in the log")
    lines = [line for text in shown for line in wrap(text, width, head=f"  {mark} ")]
    return [f"{heading}:", *lines]

"""Render the end of a run for a terminal, a mail or a pipe of 80 columns."""

from collections.abc import Iterable, Sequence

from lead_automation.call_budget import leads_a_month
from lead_automation.models import ErrorCategory
from lead_automation.plaintext import pad, wrap
from lead_automation.reporting.figures import (
    counsellor_rate,
    counsellor_unknown,
    duration_text,
    messages_per_minute,
    planned,
    total_skipped,
)
from lead_automation.reporting.next_steps import META_CHECKLIST, has_meta_checklist, other_steps
from lead_automation.reporting.wording import MODE_NOTES, STATUS_EMOJI, title
from lead_automation.runs import RunMode, RunResult, SkipReason
from lead_automation.text import clean

_NAME_WIDTH = 16
_MIN_WIDTH = 40
_MAX_TEXT = 500
_MAX_WARNINGS = 20
_COUNSELLOR_HEAD = "Counsellor       Assigned  Sent Deliv.  Read Failed Unknown   Rate      Quota"


def render_summary(result: RunResult, *, width: int = 80, emoji: bool = True) -> str:
    """Return the summary of a run, ending in a newline.

    Args:
        result: A run's result.
        width: Columns of the terminal; texts are wrapped to it.
        emoji: False leaves every symbol out, for a console that cannot show them.
    """
    width = max(_MIN_WIDTH, width)
    parts = [
        _headline(result),
        _about(result, width),
        _counsellors(result, width),
        _breakdown("Errors by category", _errors(result), width),
        _breakdown("Skipped by reason", _skipped(result), width),
        _breakdown("WATI and CRM calls", _calls(result), width),
        _list("Warnings", "!", result.warnings, width),
        _checklist(result, width),
        _list("Next steps", "-", other_steps(result), width),
    ]
    text = "\n\n".join("\n".join(part) for part in parts if part) + "\n"
    return text if emoji else _without_emoji(text)


def _headline(result: RunResult) -> list[str]:
    """Return the owner's block; scripts search for these lines."""
    status = result.status.value.upper().replace("_", " ")
    return [
        "🏁 CAMPAIGN EXECUTION SUMMARY 🏁",
        f"{STATUS_EMOJI[result.status]} STATUS: {status}",
        f"📤 Messages Sent: {result.accepted}",
        f"📱 Delivered: {result.delivered}",
        f"👀 Read: {result.read}",
        f"❌ Failed: {result.failed}",
        f"⚡ Success Rate: {result.success_rate:.1f}%",
        f"⏱️ Duration: {duration_text(result.duration_s)}",
    ]


_SYMBOLS = ("🏁", "📤", "📱", "👀", "❌", "⚡", "⏱️", *STATUS_EMOJI.values())


def _without_emoji(text: str) -> str:
    for symbol in _SYMBOLS:
        text = text.replace(f"{symbol} ", "").replace(f" {symbol}", "")
    return text


def _about(result: RunResult, width: int) -> list[str]:
    facts = [("Reason", clean(result.reason, _MAX_TEXT))] if result.reason else []
    if result.mode is RunMode.DRY_RUN:
        facts.append(("Would be sent", str(planned(result))))
    leads = (
        f"{result.fetched} fetched = {total_skipped(result.skipped)} skipped + "
        f"{result.attempted} attempted + {result.not_reached} not reached"
    )
    attempts = (
        f"{result.attempted} = {result.accepted} accepted + {result.refused} refused + "
        f"{result.unknown} unknown"
    )
    facts += [
        ("Leads", leads),
        ("Attempted", attempts),
        ("Pending", f"{result.pending} accepted, no word of delivery or failure yet"),
        ("Unknown", f"{result.unknown} may or may not have arrived"),
        ("Per minute", f"{messages_per_minute(result):.1f} messages"),
        ("Run", f"{result.run_id} ({result.mode.value}, exit code {result.exit_code})"),
        ("Template", clean(result.template)),
    ]
    lines = [line for name, text in facts for line in wrap(text, width, head=f"{name + ':':<15}")]
    note = MODE_NOTES[result.mode]
    return [*lines, *wrap(note, width)] if note else lines


def _counsellors(result: RunResult, width: int) -> list[str]:
    if not result.counsellors:
        return []
    is_dry = result.mode is RunMode.DRY_RUN  # then nothing assigned was attempted
    lines = [_COUNSELLOR_HEAD] if width >= len(_COUNSELLOR_HEAD) else ["Counsellors:"]
    for name, its in result.counsellors.items():
        rate = f"{counsellor_rate(its):.1f}%" if its.assigned and not is_dry else "-"
        unknown = 0 if is_dry else counsellor_unknown(its)
        quota = f"{its.used_today}/{its.daily_limit}"
        if width < len(_COUNSELLOR_HEAD):
            text = (
                f"{its.assigned} assigned, {its.sent} sent, {its.delivered} delivered, "
                f"{its.read} read, {its.failed} failed, {unknown} unknown, {rate}, quota {quota}"
            )
            lines += wrap(f"{clean(name)}: {text}", width, head="  ", indent="    ")
            continue
        lines.append(
            f"{pad(clean(name), _NAME_WIDTH)} {its.assigned:>8} {its.sent:>5} {its.delivered:>6} "
            f"{its.read:>5} {its.failed:>6} {unknown:>7} {rate:>6} {quota:>10}"
        )
    return lines


def _errors(result: RunResult) -> list[tuple[str, int]]:
    order = [category.value for category in ErrorCategory]
    return [(title(key), result.errors[key]) for key in order if result.errors.get(key)]


def _skipped(result: RunResult) -> list[tuple[str, int]]:
    return [
        (title(key.value), result.skipped[key]) for key in SkipReason if result.skipped.get(key)
    ]


def _calls(result: RunResult) -> list[tuple[str, int | str]]:
    calls: list[tuple[str, int | str]] = [
        (title(kind).replace("Crm", "CRM"), count)
        for kind, count in result.api_calls.items()
        if count
    ]
    if result.month_limit:
        calls.append(("WATI, month", f"{result.month_calls:,} of {result.month_limit:,}"))
        carried = f"{leads_a_month(result.month_limit):,} leads, each followed to its end"
        calls.append(("A month carries", carried))
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


def _list(heading: str, mark: str, items: Iterable[str], width: int) -> list[str]:
    texts = [clean(item, _MAX_TEXT) for item in items]
    if not texts:
        return []
    shown = texts[:_MAX_WARNINGS]
    if len(texts) > len(shown):
        shown.append(f"and {len(texts) - len(shown)} more, in the log")
    return [
        f"{heading}:",
        *(line for text in shown for line in wrap(text, width, head=f"  {mark} ")),
    ]

"""Lay a run out for the HTML page: every text ready to show, every bar with its length."""

from collections.abc import Mapping
from datetime import tzinfo

from lead_automation.models import ErrorCategory
from lead_automation.reporting.charts import share, stack, step_text, timeline
from lead_automation.reporting.figures import (
    counsellor_rate,
    counsellor_unknown,
    duration_text,
    messages_per_minute,
    planned,
    total_skipped,
)
from lead_automation.reporting.next_steps import META_CHECKLIST, has_meta_checklist, other_steps
from lead_automation.reporting.people import clock_text, people_view
from lead_automation.reporting.wording import (
    CATEGORY_MEANINGS,
    MODE_NOTES,
    SKIP_MEANINGS,
    title,
)
from lead_automation.runs import CounsellorFigures, RunMode, RunResult, RunStatus, SkipReason
from lead_automation.text import clean

_MAX_NAME = 60
_MAX_TEXT = 500
_MAX_WARNINGS = 20

_MOODS: Mapping[RunStatus, str] = {
    RunStatus.COMPLETED: "good",
    RunStatus.STOPPED: "bad",
    RunStatus.FAILED: "bad",
    RunStatus.HELD: "bad",
    RunStatus.INTERRUPTED: "warn",
    RunStatus.QUOTA_EXHAUSTED: "warn",
    RunStatus.NO_COUNSELLORS: "warn",
    RunStatus.ALREADY_RUNNING: "calm",
    RunStatus.OUTSIDE_WORKING_HOURS: "calm",
    RunStatus.NO_LEADS: "calm",
}


def run_view(result: RunResult, zone: tzinfo) -> dict[str, object]:
    """Return the values of ``report.html.j2``."""
    begun = result.started_at.astimezone(zone)
    return {
        "kicker": f"Campaign report · {begun:%A, %d %B %Y, %H:%M} · {result.mode.value}",
        "title": f"{title(result.status.value)}, {begun:%d %b %Y %H:%M}",
        "mood": _MOODS[result.status],
        "status": title(result.status.value),
        "reason": clean(result.reason, _MAX_TEXT),
        "note": MODE_NOTES[result.mode],
        "facts": _facts(result, zone),
        "tiles": _tiles(result),
        "has_leads": result.fetched > 0,
        "funnel": _funnel(result),
        "counsellors": _counsellors(result),
        "errors": _errors(result),
        "skipped": _skipped(result),
        "timeline": _timeline(result, zone),
        "people": people_view(result, zone),
        "checklist": META_CHECKLIST if has_meta_checklist(result) else (),
        "steps": [clean(step, _MAX_TEXT) for step in other_steps(result)],
        "warnings": [clean(text, _MAX_TEXT) for text in result.warnings[:_MAX_WARNINGS]],
        "more_warnings": max(0, len(result.warnings) - _MAX_WARNINGS),
        "calls": _calls(result),
        "month": _month(result),
    }


def _facts(result: RunResult, zone: tzinfo) -> list[tuple[str, str]]:
    begun, ended = result.started_at.astimezone(zone), result.ended_at.astimezone(zone)
    end_form = "%H:%M:%S" if begun.date() == ended.date() else "%d %b %H:%M:%S"
    facts = [
        ("Date", f"{begun:%A, %d %B %Y}"),
        ("Time", f"{begun:%H:%M:%S} – {ended.strftime(end_form)} ({zone})"),
        ("Duration", duration_text(result.duration_s)),
        ("Messages per minute", f"{messages_per_minute(result):.1f}"),
        ("Template", clean(result.template)),
        ("Mode", result.mode.value),
        ("Run", result.run_id),
        ("Exit code", str(result.exit_code)),
    ]
    if result.mode is RunMode.DRY_RUN:
        facts.insert(0, ("Would be sent", f"{planned(result):,}"))
    return facts


def _tiles(result: RunResult) -> list[tuple[str, str, str]]:
    """Return label, figure and colour of the large figures."""
    return [
        ("Sent", f"{result.accepted:,}", "sent"),
        ("Delivered", f"{result.delivered:,}", "delivered"),
        ("Read", f"{result.read:,}", "read"),
        ("Failed", f"{result.failed:,}", "failed"),
        ("Unknown", f"{result.unknown:,}", "unknown"),
        ("Success rate", f"{result.success_rate:.1f}%", "plain"),
    ]


def _funnel(result: RunResult) -> list[dict[str, object]]:
    failed_later = result.failed - result.refused
    steps = (
        ("Fetched", result.fetched, ()),
        (
            "Attempted",
            result.attempted,
            ((total_skipped(result.skipped), "skipped"), (result.not_reached, "not reached")),
        ),
        ("Sent", result.accepted, ((result.refused, "refused"), (result.unknown, "unknown"))),
        (
            "Delivered",
            result.delivered,
            ((failed_later, "failed later"), (result.pending, "pending")),
        ),
        ("Read", result.read, ((result.delivered - result.read, "delivered, not read"),)),
    )
    return [
        {
            "name": name,
            "count": f"{count:,}",
            "share": share(count, result.fetched),
            "lost": ", ".join(f"{lost:,} {word}" for lost, word in losses if lost),
        }
        for name, count, losses in steps
    ]


def _counsellors(result: RunResult) -> list[dict[str, object]]:
    busiest = max((its.assigned for its in result.counsellors.values()), default=0)
    return [_counsellor(name, its, busiest) for name, its in result.counsellors.items()]


def _counsellor(name: str, its: CounsellorFigures, busiest: int) -> dict[str, object]:
    unread = its.delivered - its.read
    counts = (
        ("read", its.read),
        ("delivered", unread),
        ("pending", its.pending),
        ("failed", its.failed),
        ("unknown", counsellor_unknown(its)),
    )
    shown = clean(name, _MAX_NAME)
    spoken = ", ".join(f"{count} {_SPOKEN[kind]}" for kind, count in counts if count)
    return {
        "name": shown,
        "label": f"{shown}: {its.assigned} assigned" + (f"; {spoken}" if spoken else ""),
        "segments": stack(counts, busiest),
        "assigned": f"{its.assigned:,}",
        "sent": f"{its.sent:,}",
        "delivered": f"{its.delivered:,}",
        "read": f"{its.read:,}",
        "pending": f"{its.pending:,}",
        "failed": f"{its.failed:,}",
        "rate": f"{counsellor_rate(its):.1f}%" if its.assigned else "–",
        "quota": f"{its.used_today:,}/{its.daily_limit:,}",
        "quota_share": share(its.used_today, its.daily_limit),
    }


_SPOKEN = {
    "read": "read",
    "delivered": "delivered and not read",
    "pending": "pending",
    "failed": "failed",
    "unknown": "unknown",
}


def _errors(result: RunResult) -> list[dict[str, object]]:
    most = max(result.errors.values(), default=0)
    return [
        {
            "name": title(category.value),
            "count": f"{result.errors[category.value]:,}",
            "share": share(result.errors[category.value], most),
            "meaning": CATEGORY_MEANINGS[category],
        }
        for category in ErrorCategory
        if result.errors.get(category.value)
    ]


def _skipped(result: RunResult) -> list[dict[str, object]]:
    most = max(result.skipped.values(), default=0)
    return [
        {
            "name": title(reason.value),
            "count": f"{result.skipped[reason]:,}",
            "share": share(result.skipped[reason], most),
            "meaning": SKIP_MEANINGS[reason],
        }
        for reason in SkipReason
        if result.skipped.get(reason)
    ]


def _timeline(result: RunResult, zone: tzinfo) -> dict[str, object] | None:
    bins, step_s = timeline(result.rows)
    if not bins:
        return None
    tallest = max(its.total for its in bins)
    columns = []
    for its in bins:
        counts = (("sent", its.good), ("failed", its.failed), ("unknown", its.unknown))
        spoken = ", ".join(f"{count} {kind}" for kind, count in counts if count) or "none"
        columns.append(
            {
                "label": f"{clock_text(its.at, zone)}: {spoken}",
                "segments": stack(counts, tallest),
            }
        )
    marks = (bins[0].at, bins[len(bins) // 2].at, bins[-1].at)[: len(bins)]
    failed, unknown = sum(its.failed for its in bins), sum(its.unknown for its in bins)
    good = sum(its.good for its in bins)
    return {
        "columns": columns,
        "width": round(100 / len(bins), 4),
        "tallest": f"{tallest:,}",
        "step": step_text(step_s),
        "marks": [clock_text(at, zone) for at in dict.fromkeys(marks)],
        "label": f"{good} sent, {failed} failed and {unknown} unknown over the run, "
        f"at most {tallest} in {step_text(step_s)}",
    }


def _calls(result: RunResult) -> list[tuple[str, str]]:
    return [
        (title(kind).replace("Crm", "CRM"), f"{count:,}")
        for kind, count in result.api_calls.items()
    ]


def _month(result: RunResult) -> dict[str, object] | None:
    if not result.month_limit:
        return None
    return {
        "text": f"{result.month_calls:,} of {result.month_limit:,}",
        "share": share(result.month_calls, result.month_limit),
    }

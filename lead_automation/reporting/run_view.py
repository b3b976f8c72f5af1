"""Lay a run out for ``report.html.j2``, which shows the numbers and texts of these values."""

from collections import Counter
from datetime import tzinfo

from lead_automation.counts import CounsellorFigures
from lead_automation.models import ErrorCategory
from lead_automation.reporting.attention import needs_attention
from lead_automation.reporting.charts import (
    Bin,
    message_counts,
    reasons,
    share,
    stack,
    step_text,
    timeline,
)
from lead_automation.reporting.next_steps import META_CHECKLIST, has_meta_checklist, other_steps
from lead_automation.reporting.wording import (
    CATEGORY_MEANINGS,
    MODE_NOTES,
    MOODS,
    SKIP_MEANINGS,
    call_title,
    duration_text,
    rate_text,
)
from lead_automation.runs import RunMode, RunResult
from lead_automation.times import time_of_day


def run_view(result: RunResult, zone: tzinfo) -> dict[str, object]:
    """Return the values of ``report.html.j2``."""
    return {
        "run": result,
        "begun": result.started_at.astimezone(zone),
        "mood": MOODS[result.status],
        "note": MODE_NOTES[result.mode],
        "reason": _sentence(result.reason),
        "tiles": _tiles(result),
        "facts": _facts(result, zone),
        "funnel": _funnel(result),
        "counsellors": _counsellors(result),
        "errors": reasons(result.errors, CATEGORY_MEANINGS),
        "skipped": reasons(result.leads.skipped, SKIP_MEANINGS),
        "timeline": _timeline(result, zone),
        "attention": needs_attention(result, zone),
        "checklist": META_CHECKLIST if has_meta_checklist(result) else (),
        "steps": other_steps(result),
        "calls": [(call_title(kind), count) for kind, count in result.api_calls.items()],
        "month_share": share(result.month.calls, result.month.limit),
    }


def _sentence(reason: str) -> tuple[str, str]:
    """Return a reason as a sentence, and the code of its category, which stood in front of it."""
    code, colon, words = reason.partition(": ")
    if not colon or code not in ErrorCategory.__members__:
        return reason, ""
    return words[:1].upper() + words[1:], code


def _tiles(result: RunResult) -> list[tuple[str, str, str, str]]:
    """Return the head's figures: name, colour, number, and its share."""
    its, unknown = result.messages, result.leads.unknown
    rates = its.rates(result.leads.attempted)
    tiles = [
        ("Sent", "sent", f"{its.sent:,}", ""),
        ("Delivered", "delivered", f"{its.delivered:,}", rate_text(rates.delivered)),
        ("Read", "read", f"{its.read:,}", rate_text(rates.read)),
        ("Failed", "failed", f"{its.failed:,}", rate_text(rates.failed)),
        ("Unknown", "unknown", f"{unknown:,}", ""),
        ("Success rate", "", rate_text(result.success_rate), ""),
    ]
    return [(*tile[:3], "" if tile[3] == "–" else tile[3]) for tile in tiles]


def _facts(result: RunResult, zone: tzinfo) -> list[tuple[str, str]]:
    begun, ended = result.started_at.astimezone(zone), result.ended_at.astimezone(zone)
    end_form = "%H:%M:%S" if begun.date() == ended.date() else "%d %b %H:%M:%S"
    planned = [("Would be sent", f"{result.planned:,}")] if result.mode is RunMode.DRY_RUN else []
    return [
        *planned,
        ("Date", f"{begun:%A, %d %B %Y}"),
        ("Time", f"{begun:%H:%M:%S} – {ended.strftime(end_form)} ({zone})"),
        ("Duration", duration_text(result.duration_seconds)),
        ("Messages per minute", f"{result.messages_per_minute:.1f}"),
        ("Template", result.template),
        ("Mode", result.mode.value),
        ("Run", result.run_id),
        ("Exit code", str(result.exit_code)),
    ]


def _funnel(result: RunResult) -> list[dict[str, object]]:
    leads, messages = result.leads, result.messages
    steps: tuple[tuple[str, int, dict[str, int]], ...] = (
        ("Fetched", leads.fetched, {}),
        (
            "Attempted",
            leads.attempted,
            {"skipped": result.skipped, "not reached": leads.not_reached},
        ),
        ("Sent", leads.accepted, {"refused": leads.refused, "unknown": leads.unknown}),
        (
            "Delivered",
            messages.delivered,
            {"failed later": messages.failed - leads.refused, "pending": messages.pending},
        ),
        ("Read", messages.read, {"delivered, not read": messages.delivered - messages.read}),
    )
    counts = [count for _, count, _ in steps]
    return [
        {
            "name": name,
            "count": count,
            "share": share(count, leads.fetched),
            "of": _of(count, previous),
            "lost": ", ".join(f"{lost:,} {word}" for word, lost in losses.items() if lost),
        }
        for (name, count, losses), previous in zip(steps, (0, *counts), strict=False)
    ]


def _of(count: int, previous: int) -> str:
    """Return a step's share of the one before it; "" where there was nothing before."""
    return f"{count / previous:.0%}" if previous else ""


def _counsellors(result: RunResult) -> list[dict[str, object]]:
    assigned = result.assigned
    busiest = max(assigned.values(), default=0)
    return [
        _counsellor(name, its, assigned.get(name, 0), busiest)
        for name, its in result.counsellors.items()
    ]


def _counsellor(
    name: str, its: CounsellorFigures, assigned: int, busiest: int
) -> dict[str, object]:
    counts = message_counts(its, its.unknown(assigned))
    spoken = ", ".join(f"{count} {_SPOKEN.get(kind, kind)}" for kind, count in counts if count)
    return {
        "name": name,
        "label": f"{name}: {assigned} assigned" + (f"; {spoken}" if spoken else ""),
        "segments": stack(counts, busiest),
        "assigned": assigned,
        "its": its,
        "rates": its.rates(assigned),
        "success": its.success_rate(assigned),
        "quota_share": share(its.used_today, its.daily_limit),
    }


# A bar's segment of delivered ones leaves out those read, which have a segment of their own.
_SPOKEN = {"delivered": "delivered and not read"}


def _timeline(result: RunResult, zone: tzinfo) -> dict[str, object] | None:
    bins, step_s = timeline(result.rows)
    if not bins:
        return None
    tallest = max(its.counts.total() for its in bins)
    total = sum((its.counts for its in bins), Counter[str]())
    marks = (bins[0].at, bins[len(bins) // 2].at, bins[-1].at)[: len(bins)]
    return {
        "columns": [_column(its, tallest, zone) for its in bins],
        "width": round(100 / len(bins), 4),
        "tallest": tallest,
        "step": step_text(step_s),
        "marks": [time_of_day(at, zone) for at in dict.fromkeys(marks)],
        "label": f"{total['sent']} sent, {total['failed']} failed and {total['unknown']} unknown "
        f"over the run, at most {tallest} in {step_text(step_s)}",
    }


def _column(its: Bin, tallest: int, zone: tzinfo) -> dict[str, object]:
    counts = [(kind, its.counts[kind]) for kind in ("sent", "failed", "unknown")]
    spoken = ", ".join(f"{count} {kind}" for kind, count in counts if count) or "none"
    return {
        "label": f"{time_of_day(its.at, zone)}: {spoken}",
        "segments": stack(counts, tallest),
    }

"""Decide what the operator does next: what fits what happened, most urgent first."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from lead_automation.call_budget import READING_PAUSE_SHARE
from lead_automation.models import ErrorCategory
from lead_automation.runs import RunMode, RunResult, RunStatus, SkipReason
from lead_automation.stored import Hold

META_CHECKLIST = (
    "Stop all messaging immediately.",
    "Review WhatsApp Business Policy compliance.",
    "Improve message quality and relevance.",
    "Wait 3–7 days before you try again.",
    "Check the WATI and Meta account status.",
)
"""The five steps after a Meta quality restriction, in order."""

# A list that people agreed to be on loses a few per cent; of fewer than ten, two are only chance.
_HIGH_FAILURE_SHARE = 0.2
_MIN_ATTEMPTS_TO_JUDGE = 10

Steps = Iterator[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What the figures of a run do not say.

    Attributes:
        stopped_by: Category of the failure that stopped the run.
        meta_quality: A Meta quality refusal was met.
        hold: What holds sending now.
        hold_until: Its end as people read it, in the configured zone; "" for until ``resume``.
        owed_rows: CRM rows the CRM has not taken yet, besides those it refuses.
        refused_rows: CRM rows the CRM refuses.
    """

    stopped_by: ErrorCategory | None = None
    meta_quality: bool = False
    hold: Hold | None = None
    hold_until: str = ""
    owed_rows: int = 0
    refused_rows: int = 0


def with_next_steps(result: RunResult, circumstances: Circumstances) -> RunResult:
    """Return the result with what to do next, most urgent first, each once, and the hold."""
    steps = dict.fromkeys(step for rule in _RULES for step in rule(result, circumstances))
    hold = circumstances.hold
    until = circumstances.hold_until or "somebody lifts it with `resume`"
    text = f"Sending is held until {until}: {hold.reason}" if hold is not None else ""
    return replace(result, next_steps=tuple(steps), held=text)


def has_meta_checklist(result: RunResult) -> bool:
    """Whether the five steps are among the next steps."""
    return set(META_CHECKLIST) <= set(result.next_steps)


def other_steps(result: RunResult) -> tuple[str, ...]:
    """Return the next steps without the five of the checklist."""
    if not has_meta_checklist(result):
        return result.next_steps
    return tuple(step for step in result.next_steps if step not in META_CHECKLIST)


def _meta(_result: RunResult, now: Circumstances) -> Steps:
    if now.meta_quality:
        yield from META_CHECKLIST
        yield (
            "META_QUALITY_STOP_AFTER sets how many such refusals stop a run; leave it low: each "
            "one more lowers the quality rating of the number you send from. The 3–7 days are "
            "Meta's advice; META_QUALITY_HOLD_DAYS sets how long this program holds sending."
        )


def _hold(_result: RunResult, now: Circumstances) -> Steps:
    if now.hold is None:
        return
    yield from now.hold.what_to_do  # steps of the checklist among them were said before: once
    if now.hold.until is not None:
        until = now.hold_until or now.hold.until.isoformat(timespec="minutes")
        yield f"Sending is held until {until}; `resume` lifts the hold earlier."
    elif not any("lift the hold" in step for step in now.hold.what_to_do):
        yield "Sending is held until somebody runs `resume`; do that once the account is in order."


_STOP_STEPS = {
    ErrorCategory.TEMPLATE_MISMATCH: "Look at the template in the WATI dashboard: it must exist "
    "under WATI_TEMPLATE_NAME, be approved, and take the names in TEMPLATE_PARAMETERS. Then run "
    "`check`.",
    ErrorCategory.QUOTA_EXCEEDED: "Look at credits and plan in the WATI dashboard and top up, or "
    "wait for the next month or day of the limit; then run again.",
    ErrorCategory.ACCOUNT_ISSUE: "Look at the account in the WATI dashboard and in Meta's Business "
    "Manager; check WATI_API_KEY and WATI_BASE_URL with `check`.",
    ErrorCategory.NETWORK_ERROR: "Check this machine's network and WATI's status page, then run "
    "again.",
    ErrorCategory.UNKNOWN_ERROR: "Read the reasons in wati_automation.log; look one of the "
    "messages up in the WATI dashboard before you run again.",
}


def _stopped(result: RunResult, now: Circumstances) -> Steps:
    is_judged = result.status is RunStatus.STOPPED and not now.meta_quality
    if is_judged and now.stopped_by in _STOP_STEPS:
        yield _STOP_STEPS[now.stopped_by]


_END_STEPS = {
    RunStatus.QUOTA_EXHAUSTED: "Wait for the next day, or raise daily_limit in COUNSELLORS_FILE.",
    RunStatus.NO_LEADS: "If there should be leads: check LEAD_OWNER_ID, LEAD_API_URL and "
    "LEAD_API_TOKEN, and the template name the CRM filters by.",
    RunStatus.NO_COUNSELLORS: "Give a counsellor a daily_limit above 0 in COUNSELLORS_FILE.",
    RunStatus.INTERRUPTED: "The state is complete: run again to go on where this run ended.",
}


def _ended(result: RunResult, _now: Circumstances) -> Steps:
    if result.status in _END_STEPS:
        yield _END_STEPS[result.status]
    if result.exit_code == 1:
        yield "A bug: the traceback is in wati_automation.log; please report it."


def _unsettled(result: RunResult, now: Circumstances) -> Steps:
    if result.leads.unknown:
        yield (
            f"{_count(result.leads.unknown, 'message')} may or may not have arrived. Do not resend "
            "by hand: the next run, or `track`, asks WATI and settles it."
        )
    if now.owed_rows:
        yield (
            f"The CRM has not taken {_count(now.owed_rows, 'row')} of its message log yet; the "
            "next run, or `track`, posts what is owed."
        )
    if now.refused_rows:
        yield (
            f"The CRM refuses {_count(now.refused_rows, 'row')} of its message log, each tried "
            "once a day: `status` shows its words; ask the CRM's administrator."
        )


def _leads(result: RunResult, _now: Circumstances) -> Steps:
    leads = result.leads
    if invalid := leads.skipped[SkipReason.INVALID_NUMBER]:
        yield f"Correct {_count(invalid, 'invalid number')} in the CRM."
    if malformed := leads.skipped[SkipReason.MALFORMED]:
        yield f"Have {_count(malformed, 'malformed CRM row')} looked at."
    failed_often = result.messages.failed > leads.attempted * _HIGH_FAILURE_SHARE
    if failed_often and leads.attempted >= _MIN_ATTEMPTS_TO_JUDGE:
        yield (
            "Many messages failed: check how the CRM's numbers were collected and whether these "
            "people expect to hear from you."
        )
    is_left = leads.not_reached and result.mode is not RunMode.DRY_RUN
    if is_left and result.status is RunStatus.COMPLETED:
        left = _count(leads.not_reached, "lead")
        yield f"{left} not reached in this run: the next one takes what the CRM still lists."


def _month(result: RunResult, _now: Circumstances) -> Steps:
    month = result.month
    if month.limit and month.calls >= month.limit * READING_PAUSE_SHARE:
        yield (
            f"WATI calls this month: {month.calls:,} of {month.limit:,}. Only unknown sends are "
            "still read; at the limit runs stop. A larger plan (WATI_PLAN, WATI_MONTHLY_CALLS) "
            "changes that."
        )


_MODE_STEPS = {
    RunMode.DRY_RUN: "Looks right? Run again without --dry-run to send.",
    RunMode.TEST: "Arrived as it should? Without --test, and with USE_TEST_NUMBER=false, a run "
    "messages the leads.",
}


def _mode(result: RunResult, _now: Circumstances) -> Steps:
    if result.status is RunStatus.COMPLETED and result.mode in _MODE_STEPS:
        yield _MODE_STEPS[result.mode]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


# Most urgent first: what harms the account, then what stopped, then what is left over.
_RULES: tuple[Callable[[RunResult, Circumstances], Steps], ...] = (
    _meta,
    _hold,
    _stopped,
    _ended,
    _unsettled,
    _leads,
    _month,
    _mode,
)

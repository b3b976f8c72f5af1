"""Count what becomes of each lead, and close the account at the end of a run."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from lead_automation.errors import LeadAutomationError
from lead_automation.models import Counsellor, MessageStatus, Outcome
from lead_automation.plaintext import cap_marks
from lead_automation.reporting.figures import (
    category_of,
    is_assigned,
    is_delivered,
    is_failed,
    is_refused,
    success_rate,
)
from lead_automation.runs import (
    CallKind,
    CounsellorFigures,
    LeadRow,
    RunMode,
    RunResult,
    RunStatus,
    SkipReason,
)
from lead_automation.text import clean, mask_numbers

_MAX_NAME = 60
_MAX_ID = 128
_MAX_PHONE_DIGITS = 15
_MAX_MESSAGE = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressCounters:
    """How far a run is: what the progress line shows.

    Attributes:
        done: Leads skipped or attempted.
        total: Leads to process.
        sent: Accepted by WATI.
        delivered: Delivered or read.
        failed: Refused at once or failed later.
    """

    done: int = 0
    total: int = 0
    sent: int = 0
    delivered: int = 0
    failed: int = 0
    skipped: int = 0


class CampaignAnalytics:
    """Keep one row a lead and running sums over them.

    A row may be put again as often as its lead's status changes; every sum costs the same at
    100,000 leads as at none.
    """

    def __init__(
        self,
        *,
        run_id: str,
        mode: RunMode,
        template: str,
        started_at: datetime,
        counsellors: Iterable[Counsellor],
    ) -> None:
        self._run_id = run_id
        self._mode = mode
        self._template = template
        self._started_at = started_at
        self._counsellors = tuple(counsellors)
        self._fetched = 0
        self._to_process = 0
        self._rows: dict[int, LeadRow] = {}
        self._totals: Counter[str] = Counter()
        self._by_counsellor: dict[str, Counter[str]] = {}
        self._skipped: Counter[SkipReason] = Counter()
        self._errors: Counter[str] = Counter()
        self._calls: Counter[CallKind] = Counter()

    def fetched(self, count: int, *, to_process: int | None = None) -> None:
        """Note how many leads the list held, and how many of them the run means to process."""
        self._fetched = count
        self._to_process = count if to_process is None else to_process

    def put(self, row: LeadRow) -> None:
        """Take a lead's row in place of the one its position had.

        Text from outside is cleaned and numbers are masked here, so that every form of the report
        is safe whoever made the row.
        """
        safe = _safe_row(row)
        before = self._rows.get(safe.position)
        if before is not None:
            self._tally(before, -1)
        self._rows[safe.position] = safe
        self._tally(safe, 1)

    def row(self, position: int) -> LeadRow | None:
        """Return the row at a position, counted from 1; None while there is none."""
        return self._rows.get(position)

    def count_call(self, kind: CallKind) -> None:
        """Count one HTTP call that was tried."""
        self._calls[kind] += 1

    @property
    def counters(self) -> ProgressCounters:
        """How far the run is."""
        skipped = self._skipped.total()
        return ProgressCounters(
            done=skipped + self._totals["attempted"],
            total=self._to_process,
            sent=self._totals["accepted"],
            delivered=self._totals["delivered"],
            failed=self._totals["failed"],
            skipped=skipped,
        )

    def finish(
        self,
        *,
        status: RunStatus,
        reason: str,
        exit_code: int,
        ended_at: datetime,
        used_today: Mapping[str, int],
        warnings: Iterable[str] = (),
        next_steps: Iterable[str] = (),
        month_calls: int = 0,
        month_limit: int = 0,
    ) -> RunResult:
        """Close the account and return everything known of the run.

        Args:
            status: How the run ended.
            reason: Why, for people; cleaned here.
            exit_code: What the process will return.
            ended_at: Aware.
            used_today: Messages used on the quota day, by counsellor.
            warnings: Problems that did not end the run.
            next_steps: What the operator does, most urgent first.
            month_calls: WATI calls of the calendar month, all kinds.
            month_limit: The plan's calls of a month.

        Raises:
            LeadAutomationError: The figures do not add up: a bug, named with the figures.
        """
        totals = self._totals
        good = totals["accepted"] - (totals["failed"] - totals["refused"])
        result = RunResult(
            status=status,
            reason=mask_numbers(clean(reason, _MAX_MESSAGE)),
            run_id=self._run_id,
            mode=self._mode,
            template=clean(self._template),
            started_at=self._started_at,
            ended_at=ended_at,
            exit_code=exit_code,
            fetched=self._fetched,
            skipped={skip: self._skipped[skip] for skip in SkipReason},
            not_reached=self._fetched - self._skipped.total() - totals["attempted"],
            success_rate=success_rate(good=good, attempted=totals["attempted"]),
            errors={key: count for key, count in sorted(self._errors.items()) if count},
            counsellors=self._figures(used_today),
            api_calls={kind.value: self._calls[kind] for kind in CallKind},
            rows=tuple(self._rows[position] for position in sorted(self._rows)),
            next_steps=tuple(next_steps),
            warnings=tuple(warnings),
            month_calls=month_calls,
            month_limit=month_limit,
            attempted=totals["attempted"],
            accepted=totals["accepted"],
            refused=totals["refused"],
            unknown=totals["unknown"],
            delivered=totals["delivered"],
            read=totals["read"],
            failed=totals["failed"],
            pending=totals["pending"],
        )
        check_accounting(result)
        return result

    def _figures(self, used_today: Mapping[str, int]) -> dict[str, CounsellorFigures]:
        figures = {}
        for counsellor in self._counsellors:
            tally = self._by_counsellor.get(counsellor.name, Counter())
            figures[counsellor.name] = CounsellorFigures(
                sent=tally["accepted"],
                delivered=tally["delivered"],
                read=tally["read"],
                failed=tally["failed"],
                pending=tally["pending"],
                assigned=tally["assigned"],
                used_today=used_today.get(counsellor.name, 0),
                daily_limit=counsellor.daily_limit,
            )
        return figures

    def _tally(self, row: LeadRow, sign: int) -> None:
        names = _counted_as(row)
        for name in names:
            self._totals[name] += sign
        if row.counsellor is not None and row.skip is None:
            mine = self._by_counsellor.setdefault(row.counsellor, Counter())
            for name in names:
                mine[name] += sign
        if row.skip is not None:
            self._skipped[row.skip] += sign
        category = category_of(row)
        if category is not None:
            self._errors[category.value] += sign


def check_accounting(result: RunResult) -> None:
    """Hold a result to what every report promises of its figures.

    Raises:
        LeadAutomationError: A sum does not equal its parts.
    """
    figures = result.counsellors.values()
    skipped = sum(result.skipped.values())
    failed_later = result.failed - result.refused
    sums = {
        "fetched = skipped + attempted + not reached": (
            result.fetched,
            skipped + result.attempted + max(0, result.not_reached),
        ),
        "attempted = accepted + refused + unknown": (
            result.attempted,
            result.accepted + result.refused + result.unknown,
        ),
        "accepted = delivered + pending + failed later": (
            result.accepted,
            result.delivered + result.pending + failed_later,
        ),
        "accepted = counsellors' sent": (result.accepted, sum(f.sent for f in figures)),
        "delivered = counsellors' delivered": (
            result.delivered,
            sum(f.delivered for f in figures),
        ),
        "read = counsellors' read": (result.read, sum(f.read for f in figures)),
        "failed = counsellors' failed": (result.failed, sum(f.failed for f in figures)),
        "pending = counsellors' pending": (result.pending, sum(f.pending for f in figures)),
    }
    wrong = [f"{name}: {left} ≠ {right}" for name, (left, right) in sums.items() if left != right]
    if wrong:
        msg = f"The figures of run {result.run_id} do not add up: {'; '.join(wrong)}"
        hint = "This is a bug. Messages and state are not affected; please report it with the log."
        raise LeadAutomationError(msg, hint=hint)


def _counted_as(row: LeadRow) -> list[str]:
    """Return the names of the sums a row adds one to."""
    facts = {
        "assigned": is_assigned(row),
        "attempted": row.outcome is not None and row.skip is None,
        "accepted": row.outcome is Outcome.ACCEPTED,
        "refused": is_refused(row),
        "unknown": row.outcome is Outcome.UNKNOWN,
        "delivered": is_delivered(row),
        "read": is_delivered(row) and row.status is MessageStatus.READ,
        "failed": is_failed(row),
        "pending": row.outcome is Outcome.ACCEPTED
        and row.status in (MessageStatus.SENT, MessageStatus.PENDING),
    }
    return [name for name, holds in facts.items() if holds]


def _safe_row(row: LeadRow) -> LeadRow:
    message = row.error_message
    return replace(
        row,
        lead_id=_safe_id(row.lead_id),
        name=mask_numbers(cap_marks(clean(row.name, _MAX_NAME))),
        phone=mask_numbers(clean(row.phone, _MAX_NAME)),
        error_message=None if message is None else mask_numbers(clean(message, _MAX_MESSAGE)),
        message_id=None if row.message_id is None else _safe_id(row.message_id),
    )


def _safe_id(text: str) -> str:
    """Return an id safe to show; one that may be a phone number is masked.

    An id of more digits than a phone number has is shown whole: by it a lead is found in the CRM.
    """
    shown = clean(text, _MAX_ID)
    is_long = len(shown) > _MAX_PHONE_DIGITS and shown.isascii() and shown.isdigit()
    return shown if is_long else mask_numbers(shown)

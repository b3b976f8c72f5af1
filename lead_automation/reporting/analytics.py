"""Count what becomes of each lead, and close the account at the end of a run."""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from msgspec.structs import replace

from lead_automation.counts import CounsellorFigures, MessageCounts, MonthCalls
from lead_automation.models import Counsellor
from lead_automation.runs import (
    CallKind,
    LeadCounts,
    LeadRow,
    RunMode,
    RunResult,
    RunStatus,
    SkipReason,
    in_order,
    shown_name,
)

_SECONDS_A_MINUTE = 60
_MESSAGES = ("delivered", "read", "replied", "failed", "pending")
_NO_MONTH = MonthCalls(calls=0, limit=0)

_log = logging.getLogger(__name__)


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
        counsellors: Iterable[Counsellor] = (),
    ) -> None:
        self._run_id = run_id
        self._mode = mode
        self._template = template
        self._counsellors = tuple(counsellors)
        self._fetched = 0
        self._to_process = 0
        self._rows: dict[int, LeadRow] = {}
        self._totals: Counter[str] = Counter()

    def fetched(self, count: int, *, to_process: int | None = None) -> None:
        """Note how many leads the list held, and how many of them the run means to process."""
        self._fetched = count
        self._to_process = count if to_process is None else to_process

    def put(self, row: LeadRow) -> None:
        """Take a lead's row in place of the one its position had."""
        if (before := self._rows.get(row.position)) is not None:
            self._totals.subtract(_counted_as(before))
        self._rows[row.position] = row
        self._totals.update(_counted_as(row))

    @property
    def counters(self) -> ProgressCounters:
        """How far the run is."""
        totals = self._totals
        return ProgressCounters(
            done=totals["skipped"] + totals["attempted"],
            total=self._to_process,
            sent=totals["sent"],
            **_some(totals, ("delivered", "failed", "skipped")),
        )

    def finish(
        self,
        *,
        status: RunStatus,
        reason: str,
        exit_code: int,
        started_at: datetime,
        ended_at: datetime,
        used_today: Mapping[str, int] = MappingProxyType({}),
        warnings: Iterable[str] = (),
        month: MonthCalls = _NO_MONTH,
        calls: Mapping[CallKind, int] = MappingProxyType({}),
    ) -> RunResult:
        """Close the account and return everything known of the run.

        Figures that do not add up are a bug; it is logged, stands among the warnings and makes
        a good end an exit code of 1, but costs neither summary nor report.

        Args:
            status: How the run ended.
            reason: Why, for people.
            exit_code: What the process will return.
            started_at: Aware, by the run's clock.
            ended_at: Likewise.
            used_today: Messages used on the quota day, by counsellor.
            warnings: Problems that did not end the run.
            month: WATI calls of the calendar month, all kinds.
            calls: HTTP calls that were tried, by kind.
        """
        rows = tuple(self._rows[position] for position in sorted(self._rows))
        messages = MessageCounts(sent=self._totals["sent"], **_some(self._totals, _MESSAGES))
        # Never negative: what ends before there is a run goes by the wall clock.
        duration_s = max(0.0, (ended_at - started_at).total_seconds())
        return _audited(
            RunResult(
                status=status,
                reason=reason,
                run_id=self._run_id,
                mode=self._mode,
                template=self._template,
                started_at=started_at,
                ended_at=ended_at,
                exit_code=exit_code,
                duration_seconds=round(duration_s, 3),
                messages_per_minute=_a_minute(self._totals["sent"], duration_s),
                leads=self._lead_counts(rows),
                messages=messages,
                success_rate=messages.success_rate(self._totals["attempted"]),
                errors=in_order(Counter(row.category for row in rows if row.category)),
                counsellors=self._figures(rows, used_today),
                api_calls={kind: calls.get(kind, 0) for kind in CallKind},
                rows=rows,
                next_steps=(),
                warnings=tuple(warnings),
                month=month,
            )
        )

    def _lead_counts(self, rows: tuple[LeadRow, ...]) -> LeadCounts:
        skips = Counter(row.skip for row in rows)
        totals = self._totals
        return LeadCounts(
            fetched=self._fetched,
            skipped={reason: skips[reason] for reason in SkipReason},
            not_reached=max(0, self._fetched - totals["skipped"] - totals["attempted"]),
            accepted=totals["sent"],
            **_some(totals, ("attempted", "refused", "unknown")),
        )

    def _figures(
        self, rows: tuple[LeadRow, ...], used_today: Mapping[str, int]
    ) -> dict[str, CounsellorFigures]:
        tallies: defaultdict[str | None, Counter[str]] = defaultdict(Counter)
        for row in rows:
            if row.is_assigned:
                tallies[row.counsellor].update(_counted_as(row))
        return {
            (name := shown_name(its.name)): CounsellorFigures(
                sent=tallies[name]["sent"],
                used_today=used_today.get(its.name, 0),
                daily_limit=its.daily_limit,
                **_some(tallies[name], _MESSAGES),
            )
            for its in self._counsellors
        }


def _some(tally: Counter[str], names: Iterable[str]) -> dict[str, int]:
    return {name: tally[name] for name in names}


def _a_minute(accepted: int, duration_s: float) -> float:
    return round(accepted * _SECONDS_A_MINUTE / duration_s, 1) if duration_s else 0.0


def _counted_as(row: LeadRow) -> list[str]:
    """Return the names of the sums a row adds one to."""
    skipped = ["skipped"] if row.skip is not None else []
    return [*skipped, *(["refused"] if row.is_refused else []), *row.counted_as]


def _audited(result: RunResult) -> RunResult:
    """Return a result whose figures keep what every report promises, or which says they do not."""
    wrong = accounting_problems(result)
    if not wrong:
        return result
    text = (
        f"The figures of run {result.run_id} do not add up: {'; '.join(wrong)}. This is a bug; "
        "messages and state are not affected. Please report it with the log."
    )
    _log.error("%s", text)
    return replace(result, warnings=(*result.warnings, text), exit_code=result.exit_code or 1)


def accounting_problems(result: RunResult) -> list[str]:
    """Return each sum that does not equal its parts, with its figures; none in a sound result."""
    leads, messages = result.leads, result.messages
    its_sums = Counter[str]()
    for figures in result.counsellors.values():
        its_sums.update({name: getattr(figures, name) for name in ("sent", *_MESSAGES)})
    sums = {
        "fetched = skipped + attempted + not reached": (
            leads.fetched,
            result.skipped + leads.attempted + leads.not_reached,
        ),
        "attempted = accepted + refused + unknown": (
            leads.attempted,
            leads.accepted + leads.refused + leads.unknown,
        ),
        "accepted = delivered + pending + failed later": (
            leads.accepted,
            messages.delivered + messages.pending + messages.failed - leads.refused,
        ),
        **{
            f"{name} = counsellors' {name}": (getattr(messages, name), its_sums[name])
            for name in ("sent", *_MESSAGES)
        },
    }
    return [f"{name}: {left} ≠ {right}" for name, (left, right) in sums.items() if left != right]

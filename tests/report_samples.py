"""Runs to report on: an everyday one, and one in which everything is hostile and went wrong."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from lead_automation.counts import MonthCalls
from lead_automation.models import Counsellor, ErrorCategory, MessageStatus, Outcome
from lead_automation.reporting.analytics import CampaignAnalytics
from lead_automation.reporting.next_steps import META_CHECKLIST, Circumstances, with_next_steps
from lead_automation.runs import CallKind, LeadRow, RunMode, RunResult, RunStatus, SkipReason
from lead_automation.stored import Hold

KOLKATA = ZoneInfo("Asia/Kolkata")
STARTED = datetime(2026, 11, 22, 3, 45, 23, tzinfo=UTC)
RUN_ID = "20261122T091523-3f9a"
NAMES = (
    "Anandi",
    "Preeti",
    "Khushali",
    "Karan",
    "Sangita",
    "Maitri",
    "Chitra",
    "Pragatee",
    "Vaidehi",
)
TEAM = tuple(Counsellor(name=name, number="+911234567890", daily_limit=50) for name in NAMES)

HOSTILE_NAMES = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\u202egnp.exe\u2066",
    "x[/red][link=javascript:1]a[/link]",
    "\x1b[2J\x1b]0;owned\x07",
    "A" * 5000,
    "W" * 60,
    "Z" + "\u0351" * 400,
    '=HYPERLINK("http://evil","x")',
    "@SUM(1)",
    "-2+3",
    "Eve\r\n09:15:24 | INFO  | sent ok",
    "+919812345678",
    "प्रिया शर्मा",
    "超長い名前" * 12,
    "{{ 7*7 }}{% raw %}",
)


def analytics(
    counsellors: Iterable[Counsellor] = TEAM, mode: RunMode = RunMode.PRODUCTION
) -> CampaignAnalytics:
    """Return empty books of a run."""
    return CampaignAnalytics(
        run_id=RUN_ID,
        mode=mode,
        template="lead_followup",
        counsellors=counsellors,
    )


def finish(
    books: CampaignAnalytics,
    *,
    status: RunStatus = RunStatus.COMPLETED,
    reason: str = "All leads processed",
    exit_code: int = 0,
    seconds: float = 154,
    calls: Mapping[CallKind, int] | None = None,
) -> RunResult:
    """Close the books some seconds after STARTED, with quota used as 7 for each counsellor."""
    return books.finish(
        status=status,
        reason=reason,
        exit_code=exit_code,
        started_at=STARTED,
        ended_at=STARTED + timedelta(seconds=seconds),
        used_today=dict.fromkeys(NAMES, 7),
        month=MonthCalls(calls=120, limit=10_000),
        calls=calls or {},
    )


def lead(position: int, **changes: object) -> LeadRow:
    """Return a row not attempted yet, with the changes given."""
    values: dict[str, object] = {
        "position": position,
        "lead_id": str(1000 + position),
        "name": f"Lead {position}",
        "phone": "+9198••••5678",
        "status": MessageStatus.PENDING,
        "at": STARTED + timedelta(seconds=2 * position),
        **changes,
    }
    return LeadRow(**values)  # type: ignore[arg-type]


def accepted(position: int, status: MessageStatus, counsellor: str = "Anandi") -> LeadRow:
    """Return a row WATI accepted, with the status it has now."""
    category = ErrorCategory.OPT_OUT if status is MessageStatus.FAILED else None
    return lead(
        position,
        counsellor=counsellor,
        outcome=Outcome.ACCEPTED,
        status=status,
        error_category=category,
        message_id=f"msg_{position}",
    )


def refused(
    position: int,
    category: ErrorCategory = ErrorCategory.NOT_ON_WHATSAPP,
    counsellor: str = "Preeti",
) -> LeadRow:
    """Return a row WATI refused at once."""
    return lead(
        position,
        counsellor=counsellor,
        outcome=Outcome.REFUSED,
        status=MessageStatus.FAILED,
        error_category=category,
        error_message="Message undeliverable",
    )


def everyday_run() -> RunResult:
    """Return the owner's sample run: 45 sent, 42 delivered, 15 read, 3 failed, 0:02:34."""
    books = analytics()
    books.fetched(52)
    for position in range(1, 46):
        status = MessageStatus.DELIVERED if position > 15 else MessageStatus.READ
        if position > 42:
            status = MessageStatus.SENT
        books.put(accepted(position, status, NAMES[position % 9]))
    for position in range(46, 49):
        books.put(refused(position))
    invalid = ErrorCategory.INVALID_NUMBER
    books.put(lead(49, skip=SkipReason.INVALID_NUMBER, error_category=invalid))
    books.put(lead(50, skip=SkipReason.DUPLICATE))
    books.put(lead(51, skip=SkipReason.SUPPRESSED))
    books.put(lead(52, skip=SkipReason.MALFORMED))
    return finish(books, calls={CallKind.SEND: 2, CallKind.STATUS: 1, CallKind.LEADS: 1})


def hostile_run(leads: int = 500) -> RunResult:
    """Return a run that Meta stopped, with hostile text in every place text can come from."""
    evil = "Karan-Venkata-Subramaniam Ramachandran <b>x</b>"
    team = [*TEAM[:-1], Counsellor(name=evil, number="+911234567890", daily_limit=100_000)]
    books = analytics(team)
    books.fetched(leads)
    categories = tuple(ErrorCategory)
    for position in range(1, leads + 1):
        name = HOSTILE_NAMES[position % len(HOSTILE_NAMES)]
        giver = team[position % len(team)].name
        shapes: tuple[dict[str, object], ...] = (
            {"skip": SkipReason.INVALID_NUMBER, "error_message": name},
            {"outcome": Outcome.UNKNOWN, "counsellor": giver},
            {
                "outcome": Outcome.REFUSED,
                "status": MessageStatus.FAILED,
                "counsellor": giver,
                "error_category": categories[position % len(categories)],
                "error_message": name,
            },
            *(
                {"outcome": Outcome.ACCEPTED, "status": status, "counsellor": giver}
                for status in MessageStatus
            ),
            {},
        )
        shape = shapes[position % len(shapes)]
        books.put(lead(position, name=name, lead_id=name[:128], **shape))
    result = finish(
        books, status=RunStatus.STOPPED, reason=HOSTILE_NAMES[0] + "\x1b[2J", exit_code=3
    )
    hold = Hold(
        reason="restricted",
        since=STARTED,
        evidence="131049",
        what_to_do=META_CHECKLIST,
        until=STARTED + timedelta(hours=9),
    )
    now = Circumstances(meta_quality=True, hold=hold, hold_until="2026-11-23 00:00", owed_rows=2)
    return with_next_steps(result, now)

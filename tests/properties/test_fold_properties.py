"""Properties of the state: what a crash at any step leaves, and that folding may be repeated."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone

from disks import Crash, Phase, RecordingDisk, Script, crash
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgers import (
    NETWORK,
    NOW,
    QUOTA,
    REFUSAL,
    TEMPLATE,
    TODAY,
    accepted,
    empty_disk,
    not_sent,
    open_ledger,
    refused,
    reserve,
    unknown,
)

from lead_automation.errors import StateError
from lead_automation.models import ErrorCategory, MessageStatus
from lead_automation.state.entry import JournalEntry, Kind, dump_journal_entry, parse_journal_entry
from lead_automation.state.fileledger import FileLedger
from lead_automation.state.jsonstore import (
    dump_history,
    dump_outbox,
    dump_quota,
    parse_history,
    parse_outbox,
    parse_quota,
    read_history,
)
from lead_automation.stored import CrmRow, MessageRecord
from lead_automation.strictjson import parse_json

_COUNSELLORS = ("Anandi", "Karan")
_LEADS = [str(number) for number in range(4)]
_SETTLED = ("accepted", "refused", "not_sent", "absent")
_CHOICES = {
    None: ("reserve",),
    "reserve": ("accepted", "refused", "not_sent", "unknown"),
    "unknown": ("absent", "found", "unknown"),
    "accepted": ("delivered", "failed", "row_taken", "row_refused"),
    "refused": ("row_taken", "reserve", "row_refused"),
    "not_sent": ("reserve", "row_taken"),
    "absent": ("reserve", "row_taken"),
}


def _phone(lead_id: str) -> str:
    return f"+91980000000{lead_id}"


def _counsellor(lead_id: str) -> str:
    return _COUNSELLORS[int(lead_id) % 2]


@dataclass
class Truth:
    """What surely happened, seen from outside: only what a returned call may promise.

    Attributes:
        last: The last settling step of each lead whose call returned.
        doubtful: The lead whose step was cut; either side of it may be found.
        rows: Leads whose row is owed and was never offered to the CRM.
    """

    last: dict[str, str] = field(default_factory=dict)
    doubtful: str | None = None
    rows: set[str] = field(default_factory=set)

    def held(self, counsellor: str) -> int:
        """Count the messages that arrived or may have, by what returned."""
        return sum(
            step in ("reserve", "unknown", "accepted")
            for lead, step in self.last.items()
            if _counsellor(lead) == counsellor and lead != self.doubtful
        )


class Run:
    """Drive a ledger step by step and write down what it promised."""

    def __init__(self, ledger: FileLedger, truth: Truth) -> None:
        """Go on from a truth."""
        self.ledger = ledger
        self.truth = truth
        self.calls = 0

    def step(self, lead: str, choice: int) -> None:
        """Make one of the steps that are possible for a lead now."""
        truth = self.truth
        last = truth.last.get(lead)
        steps = _CHOICES[last]
        name = steps[choice % len(steps)]
        truth.doubtful = lead
        owed = lead in truth.rows
        truth.rows.discard(lead)
        self._make(name, lead)
        if name in ("found", "delivered", "failed"):
            truth.last[lead] = "accepted"
            if owed or name == "found":
                # A read is not durable; only an already owed row is promised to stay.
                truth.rows |= {lead} if owed else set()
        elif name == "row_refused":
            truth.rows |= {lead} if owed else set()
        elif name == "row_taken":
            pass
        else:
            truth.last[lead] = name
            if name in _SETTLED:
                truth.rows.add(lead)
        truth.doubtful = None

    def _make(self, name: str, lead: str) -> None:
        ledger = self.ledger
        self.calls += 1
        ledger.count_call("2026-11")
        at = NOW + timedelta(seconds=self.calls)
        record = ledger.record(TODAY, lead)
        if name == "reserve":
            row = ledger.owed_row(record) if record else None
            earlier = ledger.earlier_attempts(lead_id=lead, phone=_phone(lead), template=TEMPLATE)
            reserve(
                ledger,
                lead,
                phone=_phone(lead),
                counsellor=_counsellor(lead),
                at=at,
                attempt=earlier + 1,
                retry_of_row=row.row_id if row else None,
            )
            return
        assert record is not None
        steps: dict[str, Callable[[], object]] = {
            "accepted": lambda: accepted(ledger, record, message_id=None, at=at),
            "refused": lambda: refused(ledger, record, failure=REFUSAL, at=at),
            "not_sent": lambda: not_sent(ledger, record, failure=NETWORK, at=at),
            "unknown": lambda: unknown(ledger, record, at=at),
            "absent": lambda: ledger.absent(record, at=at),
            "found": lambda: _read(ledger, record, MessageStatus.SENT, at),
            "delivered": lambda: _read(ledger, record, MessageStatus.DELIVERED, at),
            "failed": lambda: _read(ledger, record, MessageStatus.FAILED, at),
            "row_taken": lambda: _take_row(ledger, record),
            "row_refused": lambda: _refuse_row(ledger, record),
        }
        steps[name]()


def _read(ledger: FileLedger, record: MessageRecord, status: MessageStatus, at: datetime) -> None:
    failure = REFUSAL if status is MessageStatus.FAILED else None
    ledger.reading(record, status=status, at=at, message_id=None, failure=failure)


def _take_row(ledger: FileLedger, record: MessageRecord) -> None:
    row = ledger.owed_row(record)
    if row is not None:
        ledger.row_taken(row.row_id)


def _refuse_row(ledger: FileLedger, record: MessageRecord) -> None:
    row = ledger.owed_row(record)
    if row is not None:
        ledger.row_refused(row, on=TODAY, words="HTTP 422: no such lead")


def _check(ledger: FileLedger, truth: Truth) -> None:
    """Compare what is found with what was promised."""
    for lead, step in truth.last.items():
        if lead == truth.doubtful:
            continue
        found = ledger.find_duplicate(
            lead_id=lead, phone=_phone(lead), template=TEMPLATE, today=TODAY
        )
        may_have_arrived = step in ("reserve", "unknown", "accepted")
        assert (found is not None) == may_have_arrived, (lead, step)
    used = ledger.quota_used(TODAY)
    for counsellor in _COUNSELLORS:
        doubt = truth.doubtful is not None and _counsellor(truth.doubtful) == counsellor
        held = truth.held(counsellor)
        assert held <= used.get(counsellor, 0) <= held + doubt, counsellor
        assert used.get(counsellor, 0) == sum(
            record.counsellor == counsellor and record.may_have_arrived
            for record in ledger.records()
        ), "the two files disagree"
    owed = {row.lead_id for row in ledger.owed_rows()}
    assert truth.rows <= owed


def _again(disk: RecordingDisk, truth: Truth) -> bytes:
    """Open what a crash left, compare, and return every file's bytes."""
    ledger = open_ledger(disk)
    _check(ledger, truth)
    ledger.close()
    return repr(sorted(disk.files().items())).encode()


def _check_added(disk: RecordingDisk, truth: Truth) -> None:
    """See that a repaired state takes new reservations as a fresh one does."""
    ledger = open_ledger(disk)
    for lead, step in truth.last.items():
        if step == "reserve":
            assert ledger.find_duplicate(
                lead_id=lead, phone=_phone(lead), template=TEMPLATE, today=TODAY
            )


_steps = st.lists(
    st.tuples(st.sampled_from(_LEADS), st.integers(0, 3), st.integers(0, 9)), max_size=25
)
_crash_at = st.tuples(st.integers(1, 90), st.sampled_from(Phase))
_survival = st.tuples(st.booleans(), st.booleans(), st.floats(0, 1))
_often = settings(max_examples=2 * settings().max_examples)


def _survivors(disk: RecordingDisk, survival: tuple[bool, bool, float]) -> RecordingDisk:
    power_cut, names_kept, tail_kept = survival
    return disk.survivors(power_cut=power_cut, names_kept=names_kept, tail_kept=tail_kept)


@_often
@given(steps=_steps, at=_crash_at, survival=_survival, more=_crash_at, again=_survival)
def test_ledger_killed_at_any_step_keeps_every_promise(
    steps: list[tuple[str, int, int]],
    at: tuple[int, Phase],
    survival: tuple[bool, bool, float],
    more: tuple[int, Phase],
    again: tuple[bool, bool, float],
) -> None:
    """Whatever returned is true after a crash, also when the repair itself is cut short."""
    disk = empty_disk()
    truth = Truth()
    disk.play(Script(at[0], at[1], crash))
    try:
        run = Run(open_ledger(disk), truth)
        for lead, choice, fold in steps:
            run.step(lead, choice)
            if fold == 0:
                run.ledger.finish(today=TODAY)
        run.ledger.finish(today=TODAY)
    except Crash:
        pass
    left = _survivors(disk, survival)
    expected = _again(left.survivors(power_cut=False), truth)
    left.play(Script(more[0] % 25 + 1, more[1], crash))
    try:
        open_ledger(left)
    except Crash:
        left = _survivors(left, again)
    left.play(None)

    assert _again(left, truth) == expected

    run = Run(open_ledger(left), Truth())
    for record in list(run.ledger.records()):
        run.truth.last[record.lead_id] = "unknown" if record.unknown else "unsettled"
    for lead in _LEADS:
        if lead not in run.truth.last:
            run.step(lead, 0)
    _check_added(left.survivors(power_cut=True), run.truth)


@_often
@given(steps=_steps)
def test_fold_of_a_journal_folded_already_gives_the_same_bytes(
    steps: list[tuple[str, int, int]],
) -> None:
    """A journal that survives its own fold changes nothing when it is folded again."""
    disk = empty_disk()
    run = Run(open_ledger(disk), Truth())
    for lead, choice, _ in steps:
        run.step(lead, choice)
    left = disk.survivors(power_cut=False)
    journal = left.files().get("send_journal.jsonl", b"")
    open_ledger(left).close()
    once = left.files()
    left.put(QUOTA.with_name("send_journal.jsonl"), journal)
    open_ledger(left).close()

    assert left.files() == once


_texts = st.text(max_size=12)
_ids = st.text(min_size=1, max_size=12).filter(
    lambda text: len(text.encode("utf-8", "replace")) > 0
)
_times = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]),
)
_days = st.dates(date(2020, 1, 1), date(2030, 1, 1))


@st.composite
def _records(draw: st.DrawFn) -> MessageRecord:
    sent_at = draw(st.none() | _times)
    status = draw(st.sampled_from(MessageStatus)) if sent_at else MessageStatus.FAILED
    return MessageRecord(
        lead_id=draw(st.from_regex(r"[a-z0-9/ ]{1,8}", fullmatch=True)),
        day=draw(_days),
        phone=draw(st.none() | st.from_regex(r"\+[1-9][0-9]{6,12}", fullmatch=True)),
        template=draw(_texts),
        counsellor=draw(st.none() | _texts),
        status=status,
        message_id=draw(st.none() | _texts),
        sent_at=sent_at,
        updated_at=draw(st.none() | _times),
        attempts=draw(st.integers(0, 9)),
        unknown=draw(st.booleans()) if sent_at else False,
        error_category=draw(st.none() | st.sampled_from(ErrorCategory)),
        given_id=draw(st.none() | st.integers(-(2**63), 2**63 - 1) | _texts),
    )


@_often
@given(record=_records(), error=st.none() | st.text(st.characters(), max_size=9))
def test_record_and_row_written_are_read_back_equal(
    record: MessageRecord, error: str | None
) -> None:
    """Files and journal lose nothing, whatever characters a text holds."""
    row = CrmRow(
        row_id=f"{record.day}/{record.lead_id}/1",
        lead_id=record.lead_id,
        template_name=record.template or "",
        to_phone_number=error or "",
        msg_status="failed",
        error_message=error,
        sent_at=record.sent_at,
        wati_message_id=None,
        given_id=record.given_id,
        refused_on=record.day if error else None,
        refusal=error or "",
    )
    line = JournalEntry(kind=Kind.READING, messages=(record,), owe=(row,), drop=(row.row_id,))
    history = {record.day: {record.lead_id: record}}

    assert parse_journal_entry(dump_journal_entry(line)) == line
    assert parse_history(parse_json(dump_history(history))) == history
    assert read_history(dump_history(history)) in (history, None)
    assert parse_outbox(parse_json(dump_outbox({row.row_id: row}))) == {row.row_id: row}


@_often
@given(st.dictionaries(_days, st.dictionaries(_texts, st.integers(0, 99), max_size=3), max_size=3))
def test_quota_written_is_read_back_equal(quota: dict[date, dict[str, int]]) -> None:
    """Counsellors' names may hold anything."""
    assert parse_quota(parse_json(dump_quota(quota))) == quota


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["2026-11-22", "1", "phone", "v", "kind", "", "Anandi"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@_often
@given(
    name=st.sampled_from(
        ["quota_usage.json", "sent_messages.json", "crm_outbox.json", "api_usage.json"]
    ),
    content=st.binary(max_size=20) | _json.map(lambda value: json.dumps(value).encode()),
    journal=st.binary(max_size=20),
)
def test_files_of_any_bytes_are_read_or_refused_and_stay(
    name: str, content: bytes, journal: bytes
) -> None:
    """Nothing but StateError comes out, and a refused state is left byte for byte."""
    disk = empty_disk()
    disk.put(QUOTA.with_name(name), content)
    disk.put(QUOTA.with_name("send_journal.jsonl"), journal)
    before = disk.files()
    try:
        ledger = open_ledger(disk)
    except StateError:
        assert disk.files() == before
    else:
        ledger.close()

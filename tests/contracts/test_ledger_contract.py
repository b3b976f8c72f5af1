"""The contract suite of ledgers: what every implementation of ``Ledger`` promises."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta

import pytest
from databases import PostgresServer, locked, state_of
from disks import RecordingDisk
from ledgers import (
    HISTORY_DAYS,
    NETWORK,
    NOW,
    PHONE,
    REFUSAL,
    TEMPLATE,
    TODAY,
    ZONE,
    accepted,
    empty_disk,
    lead_of,
    not_sent,
    open_ledger,
    refused,
    reserve,
    unknown,
)
from msgspec.structs import replace

from lead_automation.models import ErrorCategory, MessageStatus, Outcome, SendAttempt
from lead_automation.state.ledger import Ledger
from lead_automation.state.memory import MemoryLedger
from lead_automation.state.steps import Reservation
from lead_automation.stored import MessageRecord

LATER = NOW + timedelta(minutes=5)
YESTERDAY = TODAY - timedelta(days=1)
OTHER_PHONE = "+919800000002"


@dataclass
class Kept:
    """A ledger and how the next process sees it; one that forgets is only asked itself."""

    ledger: Ledger
    reopened: Callable[[], Ledger]


def _memory() -> Kept:
    ledger = MemoryLedger(history_days=HISTORY_DAYS, zone=ZONE)
    return Kept(ledger, lambda: ledger)


def _on_disk(disk: RecordingDisk, *, power_cut: bool) -> Kept:
    return Kept(open_ledger(disk), lambda: open_ledger(disk.survivors(power_cut=power_cut)))


def _in_database(server: PostgresServer, closing: ExitStack) -> Kept:
    """Return the ledger of the session that holds the lock, and what another session sees."""
    url = server.new_account()
    state = state_of(url)
    closing.enter_context(locked(state))
    return Kept(state.open_ledger(), lambda: state_of(url).snapshot(TODAY))


@pytest.fixture(
    params=["memory", "file", "file after a kill", "file after a power cut", "database"]
)
def kept(request: pytest.FixtureRequest) -> Iterator[Kept]:
    """Return a fresh ledger of each kind, and what is left of it later."""
    with ExitStack() as closing:
        yield _kept(request, closing)


def _kept(request: pytest.FixtureRequest, closing: ExitStack) -> Kept:
    match request.param:
        case "memory":
            return _memory()
        case "database":
            return _in_database(request.getfixturevalue("postgres"), closing)
        case "file":
            disk = empty_disk()
            ledger = open_ledger(disk)

            def fold_and_open() -> Ledger:
                ledger.finish(today=TODAY)
                ledger.close()
                return open_ledger(disk)

            return Kept(ledger, fold_and_open)
        case _:
            return _on_disk(empty_disk(), power_cut=request.param.endswith("power cut"))


def _accepted(ledger: Ledger, lead_id: str = "1001", phone: str = PHONE) -> MessageRecord:
    record = reserve(ledger, lead_id, phone=phone)
    return accepted(ledger, record, message_id="m-1", at=LATER)


def _read(
    ledger: Ledger, record: MessageRecord, status: MessageStatus, *, failed: bool = False
) -> MessageRecord:
    failure = REFUSAL if failed else None
    return ledger.reading(record, status=status, at=LATER, message_id="m-2", failure=failure)


def test_reserve_before_anything_is_settled_counts_and_blocks(kept: Kept) -> None:
    """A reservation alone uses quota and is an unknown message."""
    reserve(kept.ledger)
    after = kept.reopened()

    assert after.quota_used(TODAY) == {"Anandi": 1}
    assert [record.lead_id for record in after.unknown_messages()] == ["1001"]
    assert after.unknown_messages()[0].sent_at == NOW
    assert after.owed_rows() == []
    found = after.find_duplicate(lead_id="other", phone=PHONE, template="any", today=TODAY)
    assert found is not None


def test_reserve_of_a_lead_that_may_have_a_message_is_refused(kept: Kept) -> None:
    """The ledger itself refuses a second message of a day."""
    reserve(kept.ledger)
    after = kept.reopened()

    with pytest.raises(ValueError, match="may have got"):
        reserve(after)


@pytest.mark.parametrize("phone", ["9800000001", "+91 98", ""])
def test_reserve_with_a_number_not_in_e164_is_refused(kept: Kept, phone: str) -> None:
    """What could not be read back is not written."""
    with pytest.raises(ValueError, match="Expected `str` matching"):
        reserve(kept.ledger, phone=phone)

    assert list(kept.ledger.records()) == []


def test_accepted_keeps_quota_and_owes_a_sent_row(kept: Kept) -> None:
    """WATI's yes keeps the quota, and the CRM is to hear of it."""
    _accepted(kept.ledger)
    after = kept.reopened()

    record = after.record(TODAY, "1001")
    assert record is not None
    assert (record.status, record.unknown, record.message_id) == (
        MessageStatus.PENDING,
        False,
        "m-1",
    )
    assert after.quota_used(TODAY) == {"Anandi": 1}
    (row,) = after.owed_rows()
    assert (row.row_id, row.msg_status, row.sent_at) == ("2026-11-22/1001/1", "sent", NOW)
    assert after.owed_row(record) == row
    assert after.open_messages(TODAY) == [record]
    assert after.open_messages(TODAY + timedelta(days=1)) == []


def test_refused_gives_quota_back_and_owes_a_failed_row(kept: Kept) -> None:
    """WATI's no frees the quota, blocks nobody and is told to the CRM."""
    record = reserve(kept.ledger)
    refused(kept.ledger, record, failure=REFUSAL, at=LATER)
    after = kept.reopened()

    assert after.quota_used(TODAY) == {"Anandi": 0}
    assert after.unknown_messages() == []
    assert after.find_duplicate(lead_id="1001", phone=PHONE, template=TEMPLATE, today=TODAY) is None
    (row,) = after.owed_rows()
    assert (row.msg_status, row.error_message, row.sent_at) == ("failed", "opted out", None)
    found = after.record(TODAY, "1001")
    assert found is not None
    assert (found.status, found.error_category, found.attempts) == (
        MessageStatus.FAILED,
        ErrorCategory.OPT_OUT,
        1,
    )


def test_refused_twice_gives_quota_back_once(kept: Kept) -> None:
    """Quota that was given back already is not given back again."""
    reserve(kept.ledger, "1000", phone=OTHER_PHONE)
    record = reserve(kept.ledger)
    refused(kept.ledger, record, failure=REFUSAL, at=LATER)
    refused(kept.ledger, record, failure=REFUSAL, at=LATER)

    assert kept.reopened().quota_used(TODAY) == {"Anandi": 1}


def test_not_sent_counts_no_attempt(kept: Kept) -> None:
    """What never left is no attempt, and the lead may be sent to again."""
    record = reserve(kept.ledger)
    not_sent(kept.ledger, record, failure=NETWORK, at=LATER)
    after = kept.reopened()

    found = after.record(TODAY, "1001")
    assert found is not None
    assert found.attempts == 0
    assert after.quota_used(TODAY) == {"Anandi": 0}
    assert after.earlier_attempts(lead_id="1001", phone=PHONE, template=TEMPLATE) == 0
    assert [row.row_id for row in after.owed_rows()] == ["2026-11-22/1001/1"]


def test_not_sent_after_an_absent_attempt_remembers_that_one(kept: Kept) -> None:
    """A later attempt that never left does not wipe out the count of those that did."""
    first = unknown(kept.ledger, reserve(kept.ledger), at=NOW)
    kept.ledger.absent(first, at=LATER)
    second = reserve(kept.ledger, attempt=2)
    not_sent(kept.ledger, second, failure=REFUSAL, at=LATER)

    assert kept.reopened().earlier_attempts(lead_id="1001", phone=PHONE, template=TEMPLATE) == 1


def test_unknown_keeps_quota_and_owes_nothing_yet(kept: Kept) -> None:
    """An unclear answer keeps everything as reserved."""
    unknown(kept.ledger, reserve(kept.ledger), at=LATER)
    after = kept.reopened()

    (record,) = after.unknown_messages()
    assert record.updated_at == LATER
    assert after.quota_used(TODAY) == {"Anandi": 1}
    assert after.owed_rows() == []
    assert after.open_messages(TODAY) == []


def test_absent_frees_quota_and_counts_the_attempt(kept: Kept) -> None:
    """A message that is definitely not there may be tried again, and the try is remembered."""
    record = unknown(kept.ledger, reserve(kept.ledger), at=NOW)
    kept.ledger.absent(record, at=LATER)
    after = kept.reopened()

    assert after.quota_used(TODAY) == {"Anandi": 0}
    assert after.unknown_messages() == []
    assert after.earlier_attempts(lead_id="9", phone=PHONE, template=TEMPLATE) == 1
    assert after.earlier_attempts(lead_id="1001", phone=OTHER_PHONE, template=TEMPLATE) == 1
    assert after.earlier_attempts(lead_id="1001", phone=PHONE, template="other") == 0
    assert after.earlier_attempts(lead_id="9", phone=OTHER_PHONE, template=TEMPLATE) == 0
    (row,) = after.owed_rows()
    assert (row.msg_status, row.error_message) == ("failed", "WATI has no such message")


def test_earlier_attempts_over_two_days_are_numbered_through(kept: Kept) -> None:
    """The second attempt of another day is attempt two, not three in all."""
    first = reserve(kept.ledger, day=YESTERDAY)
    kept.ledger.absent(first, at=NOW)
    second = reserve(kept.ledger, attempt=2)
    kept.ledger.absent(second, at=LATER)

    assert kept.reopened().earlier_attempts(lead_id="1001", phone=PHONE, template=TEMPLATE) == 2


def test_reserve_of_a_retry_drops_the_row_it_replaces(kept: Kept) -> None:
    """The attempt that did not arrive is not reported once another is made."""
    record = kept.ledger.absent(reserve(kept.ledger), at=NOW)
    row = kept.ledger.owed_row(record)
    assert row is not None
    second = reserve(kept.ledger, attempt=2, retry_of_row=row.row_id)
    accepted(kept.ledger, second, message_id=None, at=LATER)
    after = kept.reopened()

    assert [row.row_id for row in after.owed_rows()] == ["2026-11-22/1001/2"]
    assert after.quota_used(TODAY) == {"Anandi": 1}


def test_withdrawn_first_attempt_leaves_no_trace_that_counts(kept: Kept) -> None:
    """Quota back, nothing owed, no attempt, and the lead may be reserved again."""
    kept.ledger.withdraw([reserve(kept.ledger)])
    after = kept.reopened()
    found = after.record(TODAY, "1001")

    assert found is not None
    assert (found.was_withdrawn, found.attempts, found.sent_at) == (True, 0, None)
    assert after.quota_used(TODAY) == {"Anandi": 0}
    assert not after.owed_rows()
    assert not after.unknown_messages()
    assert after.earlier_attempts(lead_id="1001", phone=PHONE, template=TEMPLATE) == 0
    assert after.find_duplicate(lead_id="1001", phone=PHONE, template="x", today=TODAY) is None


def test_withdrawn_retry_leaves_what_was_before_it(kept: Kept) -> None:
    """The absent attempt stands as it did: record, count and the row the reservation dropped."""
    before = kept.ledger.absent(reserve(kept.ledger), at=NOW)
    row = kept.ledger.owed_row(before)
    assert row is not None
    again = reserve(kept.ledger, counsellor="Karan", attempt=2, retry_of_row=row.row_id, at=LATER)
    kept.ledger.withdraw([again])
    after = kept.reopened()

    assert after.record(TODAY, "1001") == before
    assert after.owed_rows() == [row]
    assert after.quota_used(TODAY) == {"Anandi": 0, "Karan": 0}
    assert after.earlier_attempts(lead_id="1001", phone=PHONE, template=TEMPLATE) == 1


def test_withdrawn_part_of_a_batch_leaves_the_rest_reserved(kept: Kept) -> None:
    """One of two may not go out any more; the other's message is still to be settled."""
    wanted = [
        Reservation(lead_id=lead_id, phone=phone, template=TEMPLATE, counsellor="Anandi")
        for lead_id, phone in (("1000", OTHER_PHONE), ("1001", PHONE))
    ]
    first, _ = kept.ledger.reserve(wanted, day=TODAY, at=NOW)
    kept.ledger.withdraw([first])
    after = kept.reopened()

    assert [record.lead_id for record in after.unknown_messages()] == ["1001"]
    assert after.quota_used(TODAY) == {"Anandi": 1}


def test_refusals_twice_a_day_owe_two_rows(kept: Kept) -> None:
    """A row the CRM has not taken is never overwritten by a later attempt of the same day."""
    for failure in (REFUSAL, NETWORK):
        refused(kept.ledger, reserve(kept.ledger), failure=failure, at=LATER)
    after = kept.reopened()

    assert [row.error_message for row in after.owed_rows()] == ["opted out", "refused"]
    assert len({row.row_id for row in after.owed_rows()}) == 2


def test_reading_of_an_accepted_message_updates_the_owed_row(kept: Kept) -> None:
    """While the row is owed it says the best that is known, once."""
    record = _accepted(kept.ledger)
    _read(kept.ledger, record, MessageStatus.DELIVERED)
    kept.ledger.finish(today=TODAY)
    after = kept.reopened()

    (row,) = after.owed_rows()
    assert (row.row_id, row.msg_status, row.wati_message_id) == (
        "2026-11-22/1001/1",
        "delivered",
        "m-2",
    )


def test_reading_that_says_nothing_new_for_the_row_leaves_it(kept: Kept) -> None:
    """A read that finds ``sent`` changes when it was read, not what the CRM is told."""
    record = kept.ledger.reading(
        _accepted(kept.ledger), status=MessageStatus.SENT, at=LATER, message_id=None, failure=None
    )

    assert record.status is MessageStatus.SENT
    assert record.message_id == "m-1"
    assert [row.msg_status for row in kept.ledger.owed_rows()] == ["sent"]


def test_reading_of_an_unknown_message_accepts_it(kept: Kept) -> None:
    """An unknown message that WATI shows has arrived there; its row is owed now."""
    record = unknown(kept.ledger, reserve(kept.ledger), at=NOW)
    found = _read(kept.ledger, record, MessageStatus.PENDING)
    kept.ledger.finish(today=TODAY)
    after = kept.reopened()

    assert not found.unknown
    assert after.unknown_messages() == []
    assert after.quota_used(TODAY) == {"Anandi": 1}
    assert [row.msg_status for row in after.owed_rows()] == ["sent"]


def test_reading_failed_while_the_row_is_owed_changes_that_row(kept: Kept) -> None:
    """One row says it failed; the quota stays used, for WATI did accept the message."""
    record = _accepted(kept.ledger)
    _read(kept.ledger, record, MessageStatus.FAILED, failed=True)
    kept.ledger.finish(today=TODAY)
    after = kept.reopened()

    (row,) = after.owed_rows()
    assert (row.msg_status, row.error_message) == ("failed", "opted out")
    assert after.quota_used(TODAY) == {"Anandi": 1}
    assert after.open_messages(TODAY) == []


def test_reading_failed_after_the_row_was_taken_owes_a_second_one_once(kept: Kept) -> None:
    """A failure learned later is told in a row of its own, however often it is read."""
    record = _accepted(kept.ledger)
    kept.ledger.row_taken("2026-11-22/1001/1")
    delivered = _read(kept.ledger, record, MessageStatus.DELIVERED)
    assert kept.ledger.owed_row(delivered) is None
    failed = _read(kept.ledger, delivered, MessageStatus.FAILED, failed=True)
    _read(kept.ledger, failed, MessageStatus.FAILED, failed=True)
    kept.ledger.finish(today=TODAY)
    after = kept.reopened()

    (row,) = after.owed_rows()
    assert row.row_id == "2026-11-22/1001/1/failed"
    assert (row.msg_status, row.wati_message_id, row.sent_at) == ("failed", "m-2", NOW)
    assert after.owed_row(failed) == row


def test_reading_of_a_message_that_was_not_sent_is_a_bug(kept: Kept) -> None:
    """News of a message nobody got would be written in a form that cannot be read back."""
    record = refused(kept.ledger, reserve(kept.ledger), failure=REFUSAL, at=NOW)

    with pytest.raises(ValueError, match="not sent"):
        _read(kept.ledger, record, MessageStatus.READ)


def test_row_refused_is_set_aside_and_owed_on_whatever_its_message_does(kept: Kept) -> None:
    """The CRM's words stay with it, made safe to show, and news of the message change only it."""
    record = _accepted(kept.ledger)
    [row] = kept.ledger.owed_rows()
    kept.ledger.row_refused(row, on=TODAY, words="HTTP 422:\x1b no +919812345678 " + "x" * 999)
    [aside] = kept.ledger.owed_rows()
    _read(kept.ledger, record, MessageStatus.READ)
    kept.ledger.finish(today=TODAY)
    [read] = kept.reopened().owed_rows()

    assert replace(aside, refused_on=None, refusal="") == row
    assert aside.refused_on == TODAY
    assert aside.refusal.startswith("HTTP 422:\\u001b no +9198••••5678 xxx")
    assert len(aside.refusal) == 400
    assert read == replace(aside, msg_status="read", wati_message_id="m-2")


def test_owed_rows_are_the_oldest_first(kept: Kept) -> None:
    """By the time of the send, however often what they say has changed since."""
    first = accepted(kept.ledger, reserve(kept.ledger, "2"), message_id=None, at=NOW)
    reserved = reserve(kept.ledger, "1", phone="+919812345679", at=LATER)
    accepted(kept.ledger, reserved, message_id=None, at=LATER)
    _read(kept.ledger, first, MessageStatus.READ)

    assert [row.lead_id for row in kept.reopened().owed_rows()] == ["2", "1"]


def test_id_as_the_crm_gave_it_stays_with_the_record_and_each_row(kept: Kept) -> None:
    """The row of a failure learned days later must name the lead as the CRM does."""
    wanted = Reservation(
        lead_id="1001", phone=PHONE, template=TEMPLATE, counsellor="Anandi", given_id=1001
    )
    [record] = kept.ledger.reserve([wanted], day=TODAY, at=NOW)
    record = accepted(kept.ledger, record, message_id="m-2", at=NOW)
    [row] = kept.ledger.owed_rows()
    kept.ledger.row_taken(row.row_id)
    _read(kept.ledger, record, MessageStatus.FAILED, failed=True)
    kept.ledger.finish(today=TODAY)
    [second] = kept.reopened().owed_rows()

    assert (row.given_id, second.given_id) == (1001, 1001)
    assert type(second.given_id) is int


def test_row_taken_is_forgotten(kept: Kept) -> None:
    """What the CRM has taken is not owed, and taking it twice is no error."""
    record = _accepted(kept.ledger)
    kept.ledger.row_taken("2026-11-22/1001/1")
    kept.ledger.row_taken("2026-11-22/1001/1")
    kept.ledger.finish(today=TODAY)
    after = kept.reopened()

    assert after.owed_rows() == []
    assert after.owed_row(record) is None


def test_invalid_number_is_remembered_and_told_once(kept: Kept) -> None:
    """A lead without a number has a failed row with the CRM's own text, and blocks nobody."""
    for lead_id in ("1", "2"):
        kept.ledger.invalid_number(
            lead_of(lead_id),
            day=TODAY,
            raw_phone="call me " * 100,
            template=TEMPLATE,
            at=NOW,
            text="no number",
        )
    kept.ledger.finish(today=TODAY)
    after = kept.reopened()

    assert after.has_invalid_number("1")
    assert not after.has_invalid_number("3")
    row = after.owed_rows()[0]
    assert row.to_phone_number.startswith("call me call me")
    assert len(row.to_phone_number) == 128
    assert after.find_duplicate(lead_id="1", phone=PHONE, template=TEMPLATE, today=TODAY) is None
    assert after.quota_used(TODAY) == {}


def test_invalid_number_of_a_lead_messaged_today_changes_nothing(kept: Kept) -> None:
    """A number spoilt in the CRM later in the day does not overwrite the message."""
    record = _accepted(kept.ledger)
    kept.ledger.invalid_number(
        lead_of("1001"), day=TODAY, raw_phone="?", template=TEMPLATE, at=LATER, text="no number"
    )
    after = kept.reopened()

    assert after.record(TODAY, "1001") == record
    assert len(after.owed_rows()) == 1


def test_find_duplicate_returns_the_newest_by_lead_or_number(kept: Kept) -> None:
    """Lead and number both block, an earlier day only for the same template."""
    old = reserve(kept.ledger, "1001", day=YESTERDAY)
    new = reserve(kept.ledger, "1001", phone=OTHER_PHONE)
    after = kept.reopened()

    def find(lead_id: str, phone: str, template: str = TEMPLATE) -> MessageRecord | None:
        return after.find_duplicate(lead_id=lead_id, phone=phone, template=template, today=TODAY)

    assert find("1001", "+919999999999") == new
    assert find("x", PHONE) == old
    assert find("x", PHONE, "other") is None
    assert find("x", OTHER_PHONE, "other") == new
    assert find("x", "+919999999999") is None


def test_reserve_of_a_batch_counts_for_each_lead(kept: Kept) -> None:
    """The messages of one POST are reserved and settled together, each with its own outcome."""
    wanted = [
        Reservation(lead_id=lead, phone=phone, template=TEMPLATE, counsellor="Anandi")
        for lead, phone in (("1001", PHONE), ("1002", OTHER_PHONE), ("1003", "+919800000003"))
    ]
    reserved = kept.ledger.reserve(wanted, day=TODAY, at=NOW)
    attempts = [
        SendAttempt(outcome=Outcome.ACCEPTED, message_id="m-1"),
        SendAttempt(outcome=Outcome.REFUSED, failure=REFUSAL),
        SendAttempt(outcome=Outcome.UNKNOWN),
    ]
    kept.ledger.settle(list(zip(reserved, attempts, strict=True)), at=LATER)
    after = kept.reopened()

    assert after.quota_used(TODAY) == {"Anandi": 2}
    assert [record.lead_id for record in after.unknown_messages()] == ["1003"]
    assert [row.lead_id for row in after.owed_rows()] == ["1001", "1002"]


def _reserve_broadcast(ledger: Ledger) -> list[MessageRecord]:
    wanted = [
        Reservation(
            lead_id=f"100{place}",
            phone=f"+91980000000{place}",
            template=TEMPLATE,
            counsellor="Anandi",
            message_id=f"message-{place}",
            broadcast_name="lead_automation 1 001",
        )
        for place in range(3)
    ]
    return ledger.reserve(wanted, day=TODAY, at=NOW)


def _identities(ledger: Ledger) -> list[tuple[str | None, ...]]:
    records = [ledger.record(TODAY, f"100{place}") for place in range(3)]
    return [(one.message_id, one.broadcast_name, one.broadcast_id) for one in records if one]


def test_identity_of_a_batch_is_kept_before_its_post(kept: Kept) -> None:
    """By name and ids it is found again after a crash."""
    _reserve_broadcast(kept.ledger)

    name = "lead_automation 1 001"
    assert _identities(kept.reopened()) == [(f"message-{n}", name, None) for n in range(3)]


def test_identity_of_a_batch_goes_with_what_it_came_to(kept: Kept) -> None:
    """The broadcast is kept once WATI names it; what reached nobody is found nowhere."""
    reserved = _reserve_broadcast(kept.ledger)
    attempts = [
        SendAttempt(outcome=Outcome.ACCEPTED, message_id="message-0", broadcast_id="b-1"),
        SendAttempt(outcome=Outcome.UNKNOWN, message_id="message-1"),
        SendAttempt(outcome=Outcome.REFUSED, message_id="message-2", failure=REFUSAL),
    ]
    settled = kept.ledger.settle(list(zip(reserved, attempts, strict=True)), at=LATER)
    found = kept.ledger.reading(
        settled[1],
        status=MessageStatus.SENT,
        at=LATER,
        message_id=None,
        failure=None,
        broadcast_id="b-2",
    )

    first, _, last = _identities(kept.reopened())
    assert first == ("message-0", "lead_automation 1 001", "b-1")
    assert (found.message_id, found.broadcast_id) == ("message-1", "b-2")
    assert last == (None, None, None)


def test_count_call_is_kept_with_the_next_write(kept: Kept) -> None:
    """The month's calls ride on with the next line."""
    for _ in range(5):
        kept.ledger.count_call("2026-11")
    reserve(kept.ledger)
    after = kept.reopened()

    assert after.month_calls("2026-11") == 5
    assert after.month_calls("2026-12") == 0


def test_newest_time_is_the_latest_of_any_record(kept: Kept) -> None:
    """The clock check sees the last thing that happened."""
    assert kept.ledger.newest_time() is None
    _accepted(kept.ledger)
    reserve(kept.ledger, "1002", phone=OTHER_PHONE)

    assert kept.reopened().newest_time() == LATER


def test_fold_leaves_the_ledger_usable(kept: Kept) -> None:
    """Quota and history go on from where the fold left them."""
    first = reserve(kept.ledger)
    kept.ledger.finish(today=TODAY)
    kept.ledger.finish(today=TODAY)
    reserve(kept.ledger, "1002", phone=OTHER_PHONE)
    refused(kept.ledger, first, failure=REFUSAL, at=LATER)
    after = kept.reopened()

    assert after.quota_used(TODAY) == {"Anandi": 1}
    assert [record.lead_id for record in after.records()] == ["1001", "1002"]


def test_messages_of_two_days_count_on_their_own(kept: Kept) -> None:
    """A run across midnight uses the quota of each day."""
    reserve(kept.ledger, "1", day=YESTERDAY, phone=OTHER_PHONE)
    reserve(kept.ledger, "2", counsellor="Karan")
    after = kept.reopened()

    assert after.quota_used(YESTERDAY) == {"Anandi": 1}
    assert after.quota_used(TODAY) == {"Karan": 1}
    kept.ledger.close()

"""What WATI's lists say about a batch: found, not taken, absent, or no answer."""

import json
from datetime import UTC, datetime

import pytest

from lead_automation.answers import BroadcastQuery, LookupKind
from lead_automation.models import Action, ErrorCategory, MessageStatus
from lead_automation.wati.broadcasts import (
    BroadcastRead,
    ListEnd,
    describe,
    find_by_name,
    judge_end,
    judge_members,
    prove_absent,
)
from lead_automation.wati.v3_wire import (
    BroadcastRow,
    Counters,
    Page,
    RecipientRow,
    parse_broadcasts_page,
    parse_contact,
    parse_counters,
    parse_credits,
    parse_recipients_page,
    parse_templates_page,
)
from lead_automation.wati.wire import WireError

NAME = "lead_automation 20261124T060000-3f9a 002"
OTHER = "lead_automation 20261124T060000-3f9a 001"
MEMBERS = {"aaaaaaaaaaaa": "+919812345671", "bbbbbbbbbbbb": "+919812345672"}
A, B = MEMBERS
QUERY = BroadcastQuery(
    name=NAME,
    broadcast_id=None,
    members=MEMBERS,
    sent_at=datetime(2026, 11, 24, 6, 0, tzinfo=UTC),
    other_names=frozenset({OTHER}),
)
FOUND, ABSENT, NO_ANSWER = LookupKind.FOUND, LookupKind.ABSENT, LookupKind.NO_ANSWER
MORE, WHOLE, BROKEN = ListEnd.MORE, ListEnd.WHOLE, ListEnd.BROKEN


def recipient(
    message_id: str | None, digits: str = "", word: str = "sent", code: str = ""
) -> RecipientRow:
    """Return a recipient's row."""
    return RecipientRow(message_id=message_id, digits=digits, status_word=word, failed_code=code)


def listed(*names: str) -> tuple[BroadcastRow, ...]:
    """Return a list of broadcasts of these names."""
    return tuple(BroadcastRow(broadcast_id=f"id-{n}", name=name) for n, name in enumerate(names))


def page(
    *rows: int, number: int | None = None, size: int | None = None, total: int | None = None
) -> Page[int]:
    """Return a page of rows that are numbers."""
    return Page(rows=rows, number=number, size=size, total=total)


HUNDRED, NEXT = tuple(range(100)), tuple(range(100, 200))


@pytest.mark.parametrize(
    ("pages", "end"),
    [
        ([page()], WHOLE),
        ([page(1, 2)], WHOLE),
        ([page(*HUNDRED)], MORE),
        ([page(*HUNDRED), page()], WHOLE),
        ([page(*HUNDRED), page(*NEXT)], MORE),
        ([page(*HUNDRED), page(*HUNDRED)], BROKEN),
        ([page(*HUNDRED), page(*HUNDRED, number=1)], BROKEN),
        # WATI gives smaller pages than asked for.
        ([page(1, 2, size=2)], MORE),
        ([page(1, 2, size=2), page(3, size=2)], WHOLE),
        # A total decides.
        ([page(1, 2, total=2)], WHOLE),
        ([page(*HUNDRED, total=100)], WHOLE),
        ([page(*HUNDRED, total=101)], MORE),
        ([page(*HUNDRED, total=101), page(100, total=101)], WHOLE),
        ([page(1, 2, total=3)], BROKEN),
        ([page(1, 2, total=1)], BROKEN),
        ([page(1, 1, total=1)], BROKEN),
        ([page(*HUNDRED, total=101), page(99, total=101)], BROKEN),
        ([page(*HUNDRED, total=101), page(100, 101, total=102)], BROKEN),
        ([page(*HUNDRED, total=101), page(100)], BROKEN),
        ([page(1, number=2)], BROKEN),
    ],
)
def test_list_ends_with_a_short_page_or_its_total(pages: list[Page[int]], end: ListEnd) -> None:
    """A repeated page is no end, nor is a list that changed while it was read."""
    assert judge_end(pages) is end


@pytest.mark.parametrize(
    ("rows", "is_whole", "in_doubt"),
    [
        (listed(OTHER), True, False),
        (listed("newsletter", OTHER), True, False),
        (listed(OTHER), False, True),
        ((), True, True),
        (listed("newsletter"), True, True),
        ((*listed(OTHER), BroadcastRow(broadcast_id=None, name="x")), True, True),
        ((*listed(OTHER), BroadcastRow(broadcast_id="x", name="")), True, True),
        (listed(OTHER, NAME.upper()), True, True),
        (listed(OTHER, f" {NAME}"), True, True),
        (listed(OTHER, f"{NAME} (1)"), True, True),
    ],
)
def test_broadcast_is_absent_only_from_a_list_that_proves_it(
    rows: tuple[BroadcastRow, ...], *, is_whole: bool, in_doubt: bool
) -> None:
    """Whole, readable, nothing almost ours, and another broadcast of ours in it."""
    assert bool(prove_absent(rows, QUERY, is_whole=is_whole)) == in_doubt


def test_broadcast_is_found_by_its_exact_name_however_often() -> None:
    """Two of one name are two."""
    rows = listed(OTHER, NAME, f"{NAME}0", NAME)

    assert find_by_name(rows, NAME) == ("id-1", "id-3")


COUNTED = Counters(recipients=1, in_progress=0)
ONLY_A = (recipient(A, "919812345671"),)


@pytest.mark.parametrize(
    ("rows", "is_whole", "counters", "second"),
    [
        (ONLY_A, True, COUNTED, ABSENT),
        ((recipient(None, "919812345671"),), True, COUNTED, ABSENT),
        ((recipient("theirs", "919812345671"),), True, COUNTED, ABSENT),
        (ONLY_A, True, None, NO_ANSWER),
        (ONLY_A, False, COUNTED, NO_ANSWER),
        (ONLY_A, True, Counters(recipients=1, in_progress=1), NO_ANSWER),
        (ONLY_A, True, Counters(recipients=2, in_progress=0), NO_ANSWER),
        (
            (*ONLY_A, recipient(None, "5219812345672")),
            True,
            Counters(recipients=2, in_progress=0),
            NO_ANSWER,
        ),
        ((*ONLY_A, recipient(None)), True, Counters(recipients=2, in_progress=0), NO_ANSWER),
        ((*ONLY_A, recipient(B)), False, None, FOUND),
        ((*ONLY_A, recipient(None, "919812345672")), False, None, FOUND),
    ],
)
def test_message_missing_from_its_broadcast_was_not_taken_only_beyond_doubt(
    rows: tuple[RecipientRow, ...],
    *,
    is_whole: bool,
    counters: Counters | None,
    second: LookupKind,
) -> None:
    """Who is listed is found; who is not, only where nothing can still come."""
    read = BroadcastRead(broadcast_id="id-1", rows=rows, is_whole=is_whole, counters=counters)

    found = judge_members(QUERY, [read])

    assert [found[A].kind, found[B].kind] == [FOUND, second]
    assert found[A].broadcast_id == "id-1"
    assert found[A].message_id == A


def test_two_broadcasts_of_one_name_are_both_followed_and_nothing_is_repeated() -> None:
    """Who is in either was taken; who is in neither stays open."""
    both = [
        BroadcastRead(broadcast_id=f"id-{n}", rows=rows, is_whole=True, counters=COUNTED)
        for n, rows in enumerate([ONLY_A, (recipient(A, word="replied"),)])
    ]

    found = judge_members(QUERY, both)

    assert [found[A].kind, found[B].kind] == [FOUND, NO_ANSWER]
    assert found[A].status is MessageStatus.READ
    assert found[A].is_replied


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("pending", MessageStatus.PENDING),
        ("Queued", MessageStatus.PENDING),
        ("processing", MessageStatus.PENDING),
        ("sent", MessageStatus.SENT),
        ("DELIVERED", MessageStatus.DELIVERED),
        ("read", MessageStatus.READ),
        ("open", MessageStatus.READ),
        ("replied", MessageStatus.READ),
        ("failed", MessageStatus.FAILED),
        ("stopped", MessageStatus.FAILED),
        ("teleported", MessageStatus.PENDING),
        ("", MessageStatus.PENDING),
    ],
)
def test_recipients_word_is_our_status(word: str, status: MessageStatus) -> None:
    """``replied`` means read and is kept as replied too."""
    lookup = describe(recipient(A, word=word), A, "id-1")

    assert lookup.status is status
    assert lookup.is_replied == (word == "replied")
    assert lookup.raw_status == word
    assert (lookup.failure is not None) == (status is MessageStatus.FAILED)


@pytest.mark.parametrize(
    ("word", "code", "category", "action"),
    [
        ("failed", "131026", ErrorCategory.NOT_ON_WHATSAPP, Action.NEXT),
        ("failed", "131049", ErrorCategory.QUOTA_EXCEEDED, Action.NEXT),
        ("failed", "131048", ErrorCategory.ACCOUNT_ISSUE, Action.STOP),
        ("failed", "470", ErrorCategory.UNKNOWN_ERROR, Action.NEXT),
        ("failed", "131050", ErrorCategory.OPT_OUT, Action.NEXT),
        ("failed", "E-12", ErrorCategory.UNKNOWN_ERROR, Action.NEXT),
        ("failed", "", ErrorCategory.UNKNOWN_ERROR, Action.NEXT),
        ("stopped", "", ErrorCategory.ACCOUNT_ISSUE, Action.STOP),
    ],
)
def test_failure_comes_as_a_code(
    word: str, code: str, category: ErrorCategory, action: Action
) -> None:
    """A broadcast stopped in the dashboard stops the run."""
    failure = describe(recipient(A, word=word, code=code), A, "id-1").failure

    assert failure is not None
    assert (failure.category, failure.action) == (category, action)
    assert failure.text


def as_bytes(value: object) -> bytes:
    """Return JSON."""
    return json.dumps(value).encode()


def test_lists_are_read_in_both_spellings() -> None:
    """Snake case is documented, camel case was seen; an odd row spoils no other."""
    rows = [
        {"localMessageId": A, "contactPhone": "+91 98123", "status": "failed", "failedCode": 470}
    ]
    snake = [{"local_message_id": "", "contact_phone": None, "status": None, "failed_code": None}]
    names = [
        {"id": "6741", "name": NAME},
        {"id": "../x", "name": "y"},
        {"id": "6742", "name": None},
    ]

    recipients = parse_recipients_page(
        as_bytes({"recipients": rows + snake, "totalCount": 2, "pageSize": 100, "page_number": 1})
    )
    broadcasts = parse_broadcasts_page(as_bytes({"broadcasts": names}))

    assert recipients.rows == (recipient(A, "9198123", "failed", "470"), recipient(None, word=""))
    assert (recipients.number, recipients.size, recipients.total) == (1, 100, 2)
    assert [row.is_readable for row in broadcasts.rows] == [True, False, False]
    assert broadcasts.total is None


@pytest.mark.parametrize(
    "body",
    [
        {"recipients": None},
        {"recipients": [1]},
        {"recipients": [], "total_count": "3"},
        {"recipients": [], "total_count": -1},
        {"recipients": [], "total_count": 1, "totalCount": 2},
        {"recipients": [], "ok": False},
        {"recipients": [], "success": False},
        {"recipients": [], "result": False},
        {"recipients": [], "error": "quota"},
        {"broadcasts": []},
        [],
    ],
)
def test_list_of_another_shape_is_no_answer(body: object) -> None:
    """What says no beside its 200 says nothing about anybody."""
    with pytest.raises(WireError):
        parse_recipients_page(as_bytes(body))


@pytest.mark.parametrize(
    ("statistics", "expected"),
    [
        (
            {"recipients": 5, "pending": 0, "queued": 0, "sending": 0},
            Counters(recipients=5, in_progress=0),
        ),
        (
            {"recipients": 5, "pending": 1, "queued": 2, "sending": 1},
            Counters(recipients=5, in_progress=4),
        ),
        ({"recipients": 5, "pending": 0, "queued": 0}, None),
        ({"pending": 0, "queued": 0, "sending": 0}, None),
        ({"recipients": 5, "pending": None, "queued": 0, "sending": 0}, None),
        ({"recipients": 5, "pending": True, "queued": 0, "sending": 0}, None),
    ],
)
def test_counters_are_whole_or_nothing(
    statistics: dict[str, object], expected: Counters | None
) -> None:
    """One that is missing may be the one that is not 0."""
    body = {"id": "6741", "statistics": {f"total_{key}": n for key, n in statistics.items()}}

    try:
        counters: Counters | None = parse_counters(as_bytes(body))
    except WireError:
        counters = None

    assert counters == expected


def test_template_parameters_are_those_of_its_body() -> None:
    """``custom_params`` come in any order, may hold junk, and count only without a body."""
    params = [{"name": "junk", "value": "x"}, {"name": "2", "value": "y"}]
    row = {"name": "offer", "status": "approved", "custom_params": params}
    rows = [row | {"body_original": "Hi {{1}}, {{ 2 }} and {{1}}"}, row, {"name": None}]

    found = parse_templates_page(as_bytes({"templates": rows, "page_size": 3}), "offer")

    names = [(row.name, row.status, row.parameter_names) for row in found.rows]
    assert names == [
        ("offer", "APPROVED", ("1", "2")),
        ("offer", "APPROVED", ("junk", "2")),
        ("", "", ()),
    ]
    assert found.page_size == 3


@pytest.mark.parametrize(
    ("contact", "verdict"),
    [
        ({"wa_id": "919812345671", "allow_broadcast": True, "opted_in": False}, "send"),
        ({"phone": "+919812345671", "allowBroadcast": False}, "opt_out"),
        ({"wa_id": "919812345671", "contact_status": "INVALID"}, "invalid"),
        ({"wa_id": "919812345672", "allow_broadcast": False}, None),
    ],
)
def test_contact_says_whether_it_may_be_written_to(
    contact: dict[str, object], verdict: str | None
) -> None:
    """``allow_broadcast`` false is the opt-out; another number's contact says nothing."""
    found = parse_contact(as_bytes(contact), "+919812345671")

    assert (found.value if found else None) == verdict


def test_credit_is_both_credits_together() -> None:
    """A credit that is no number is no credit of 0."""
    found = parse_credits(as_bytes({"credit": 7, "welcome_credit": 2.5, "currency": "USD"}))

    assert (found.amount, found.currency) == (9.5, "USD")
    with pytest.raises(WireError):
        parse_credits(as_bytes({"credit": None}))

"""Finding our message in a list, and when it may be called absent."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from lead_automation.answers import LookupKind
from lead_automation.campaign.tracking import TwoLooks
from lead_automation.models import ErrorCategory, MessageStatus
from lead_automation.wati.lookup import Wanted, describe, find_message, judge_pages
from lead_automation.wati.wire import MessageRow, MessagesPage

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
WANTED = Wanted(template="offer", message_id=None, not_before=NOW, only_by_id=False)
BY_ID = Wanted(template="offer", message_id="id-1", not_before=NOW, only_by_id=True)


def row(
    *,
    template: str = "offer",
    age_s: float = -1.0,
    status: str = "SENT",
    message_id: str | None = None,
    kind: str = "broadcastMessage",
    is_inbound: bool = False,
    created_at: datetime | None = NOW,
) -> MessageRow:
    """Return a row made age_s before NOW; created_at None for one without a time."""
    return MessageRow(
        kind=kind,
        is_inbound=is_inbound,
        description=f'Broadcast message with using "{template}" template was received',
        status_word=status,
        message_id=message_id,
        created_at=created_at and created_at - timedelta(seconds=age_s),
        failed_detail="Message undeliverable" if status == "FAILED" else "",
        failed_code=None,
    )


def test_message_found_by_quoted_name_and_time() -> None:
    """The newest row of the template since the reservation is ours."""
    rows = [row(template="offer_v2"), row(age_s=-5), row(age_s=-2), row(age_s=1)]

    assert find_message(rows, WANTED) is rows[1]


@pytest.mark.parametrize(
    "other",
    [
        row(template="offer_v2"),
        row(age_s=0.001),
        row(kind="message"),
        row(is_inbound=True),
        row(kind="ticket"),
    ],
)
def test_message_that_is_not_ours_is_not_found(other: MessageRow) -> None:
    """Another template, an older one, the recipient's own words: none is ours."""
    assert find_message([other], WANTED) is None


def test_message_found_by_id_whatever_else_it_says() -> None:
    """An id decides alone, and nothing else does."""
    mine = row(template="x", message_id="id-1", age_s=900)

    assert find_message([row(), mine], BY_ID) is mine
    assert find_message([row()], BY_ID) is None


def test_message_on_v1_with_an_id_falls_back_to_the_name() -> None:
    """v1 rows may have lost the id."""
    wanted = Wanted(template="offer", message_id="id-1", not_before=NOW, only_by_id=False)
    rows = [row()]

    assert find_message(rows, wanted) is rows[0]


ABSENT, FOUND, NO_ANSWER = LookupKind.ABSENT, LookupKind.FOUND, LookupKind.NO_ANSWER


def judge(*pages: MessagesPage | list[MessageRow], wanted: Wanted = WANTED) -> LookupKind | None:
    """Return the kind of the verdict on pages of two rows, None for "next page"."""
    read = [MessagesPage(rows=tuple(it)) if isinstance(it, list) else it for it in pages]
    found = judge_pages(read, wanted, page_size=2)
    return found.kind if found is not None else None


def short(*rows: MessageRow, **said: object) -> MessagesPage:
    """Return a page that says it is the last one, unless told otherwise."""
    return MessagesPage(rows=rows, **({"tells_end": True} | said))  # type: ignore[arg-type]


OTHER, OLD = row(template="x"), row(template="x", age_s=901)
FULL = [row(template="x", age_s=-9), row(template="y", age_s=-8)]


@pytest.mark.parametrize(
    ("pages", "kind"),
    [
        ([[]], ABSENT),
        ([short(OTHER)], ABSENT),
        ([[OTHER]], None),  # short, but WATI may cap its pages
        ([[OTHER], []], ABSENT),
        ([[OLD]], ABSENT),  # newest first, so nothing of ours can follow
        ([short(OTHER, has_next=True)], None),
        ([short(OLD, has_next=True)], None),
        ([short(OTHER, total=2)], None),
        ([short(OTHER, total=1)], ABSENT),
        ([short(OTHER, total=2), short(OLD, total=2)], ABSENT),
        ([short(OTHER, page_size=1)], None),
        ([short(total=1), short(total=1)], NO_ANSWER),
        ([FULL], None),
        ([FULL, []], ABSENT),
        ([FULL, FULL], NO_ANSWER),
        ([[OTHER, OLD]], ABSENT),
        ([MessagesPage(rows=(OTHER, OLD), has_next=True)], ABSENT),
        ([[OLD, OTHER]], None),  # in another order
        ([[row(template="x", age_s=960), row(template="x", age_s=930)]], None),
        ([short(objection="an error")], NO_ANSWER),
        ([short(row(), objection="an error")], FOUND),
        ([short(OTHER), short(row())], FOUND),
    ],
)
def test_message_is_absent_only_at_a_real_end_of_the_list(
    pages: list[MessagesPage | list[MessageRow]], kind: LookupKind | None
) -> None:
    """An empty last page, one that WATI calls the last, or rows that reach back far enough."""
    assert judge(*pages) is kind


@pytest.mark.parametrize("spelling", ["broadcastMessage", "BROADCAST_MESSAGE", "templateMessage"])
@pytest.mark.parametrize(
    "name",
    [
        *(
            '"offer"',
            "'offer'",
            "\u201coffer\u201d",
            "\u00aboffer\u00bb",
            "\u300coffer\u300d",
            "`offer`",
        ),
        *('"Offer"', '"offer (en)"', '"OFFER en_US"', '"offer[hi]"', '" offer "', '\\"offer\\"'),
        *("\uff02\uff4f\uff46\uff46\uff45\uff52\uff02", "the lead's 'offer'"),
    ],
)
def test_row_of_ours_in_any_spelling_is_found(name: str, spelling: str) -> None:
    """Kind and name are read in any case, form and quotes, a language behind the name too."""
    ours = replace(row(kind=spelling), description=f"Message with {name} template")

    assert judge(short(ours)) is FOUND


DOUBTFUL = {
    "made a little before": row(age_s=61),
    "made 14 minutes before": row(age_s=839),
    "no time": row(created_at=None),
    "no kind": row(kind="", age_s=90),
    "an unknown kind": replace(row(kind="outboundV2"), description=""),
    "somebody else's": row(is_inbound=True),
    "no name": replace(row(), description="Broadcast message was received"),
    "no quotes": replace(row(), description="Broadcast message with offer was received"),
    "one quote": replace(row(), description='Broadcast message with "offer was received'),
    "quotes around nothing, twice": replace(row(), description='Broadcast "" was sent by ""'),
    "a quote too many": replace(row(), description='Broadcast "" template "offer_v2 was sent'),
    "quotes around nothing": replace(row(), description='Broadcast "" was received'),
    "an invisible character": replace(row(), description='"off\u200ber"'),
    "apostrophes": replace(row(), description="Asha's template wasn't named, the lead's was"),
    "told by its type": replace(row(kind="message"), type_word="Template", description=""),
}


@pytest.mark.parametrize("other", DOUBTFUL.values(), ids=DOUBTFUL)
def test_row_that_could_be_ours_is_no_answer(other: MessageRow) -> None:
    """What cannot be called another message stands in the way of "absent"."""
    assert judge(short(other)) is NO_ANSWER


NOT_OURS = {
    "another template": row(template="x"),
    "a name like ours": row(template="offer_v2"),
    "ours within another": row(template="summer offer"),
    "another language of another": row(template="offer_v2 (en)"),
    "older": row(age_s=841),
    "the lead's words": replace(row(kind="message", is_inbound=True), description=""),
    "a ticket without a time": replace(row(kind="ticket", created_at=None), description=""),
    "another message of ours": row(message_id="id-9"),
    "another of ours, nameless": replace(row(message_id="id-9"), description=""),
}


@pytest.mark.parametrize("other", NOT_OURS.values(), ids=NOT_OURS)
def test_row_that_is_certainly_not_ours_leaves_it_absent(other: MessageRow) -> None:
    """Never to conclude anything would leave everybody unmessaged."""
    assert judge(short(other), wanted=replace(WANTED, other_ids=frozenset({"id-9"}))) is ABSENT


def test_page_without_known_clock_is_no_answer_unless_by_id() -> None:
    """Without WATI's clock times cannot be compared, ids can."""
    blind = Wanted(template="offer", message_id=None, not_before=None, only_by_id=False)
    blind_id = Wanted(template="offer", message_id="id-1", not_before=None, only_by_id=True)

    assert judge([row()], wanted=blind) is NO_ANSWER
    assert judge([row(message_id="id-1")], wanted=blind_id) is FOUND
    assert judge([row(age_s=9)] * 2, wanted=blind_id) is None


def test_row_failed_is_described_with_its_reason() -> None:
    """A failure is classified, an unknown word kept as it is."""
    failed = describe(row(status="FAILED"))
    odd = describe(row(status="Teleported", message_id="id-1"))

    assert failed.failure is not None
    assert failed.failure.category is ErrorCategory.NOT_ON_WHATSAPP
    assert (odd.status, odd.raw_status, odd.failure) == (MessageStatus.PENDING, "Teleported", None)
    assert odd.message_id == "id-1"


@pytest.mark.parametrize(
    ("looks", "agree"),
    [
        ([(0.0, True)], False),
        ([(0.0, True), (19.9, True)], False),
        ([(0.0, True), (20.0, True)], True),
        ([(0.0, True), (19.9, True), (20.0, True)], True),
        ([(0.0, True), (20.0, False)], False),
        ([(0.0, True), (10.0, False), (20.0, True)], False),
        ([(0.0, True), (10.0, False), (20.0, True), (40.0, True)], True),
    ],
)
def test_two_looks_agree_only_far_enough_apart_and_in_a_row(
    looks: list[tuple[float, bool]], *, agree: bool
) -> None:
    """Anything but "absent" between the two, and the count begins anew."""
    two = TwoLooks()
    told = [two.agree(is_absent=absent, at=at, apart_s=20.0) for at, absent in looks]

    assert told[-1] is agree
    assert not any(told[:-1])

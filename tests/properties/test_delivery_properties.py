"""Delivery status: never backwards, whatever is reported in whatever order."""

from hypothesis import given
from hypothesis import strategies as st

from lead_automation.models import MessageStatus
from lead_automation.wati.delivery import advance, parse_status

STATUSES = st.sampled_from(MessageStatus)
ORDER = [MessageStatus.PENDING, MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ]


def follow(reports: list[MessageStatus]) -> list[MessageStatus]:
    """Return the status after each report."""
    stands = [MessageStatus.PENDING]
    for reported in reports:
        stands.append(advance(stands[-1], reported))
    return stands


@given(st.lists(STATUSES, max_size=30))
def test_status_followed_never_goes_back(reports: list[MessageStatus]) -> None:
    """Along any history the steps only rise, and nothing leaves failed."""
    stands = follow(reports)
    failed_at = next((i for i, s in enumerate(stands) if s is MessageStatus.FAILED), len(stands))

    ranks = [ORDER.index(status) for status in stands[:failed_at]]
    assert ranks == sorted(ranks)
    assert set(stands[failed_at:]) <= {MessageStatus.FAILED}


SHUFFLED = st.lists(st.sampled_from(ORDER), max_size=30).flatmap(
    lambda reports: st.tuples(st.just(reports), st.permutations(reports))
)


@given(SHUFFLED)
def test_status_without_failure_does_not_depend_on_order(
    pair: tuple[list[MessageStatus], list[MessageStatus]],
) -> None:
    """Late and early reports of a message that arrives come to the same."""
    reports, shuffled = pair

    assert follow(shuffled)[-1] is follow(reports)[-1]


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary())
def test_status_word_of_any_kind_is_a_status_or_none(word: object) -> None:
    """No value makes the parser fail."""
    status = parse_status(word)

    assert status is None or isinstance(status, MessageStatus)

"""The ramp's rules, a row each."""

import pytest

from lead_automation.campaign.ramp import BatchState, Move, Ramp, Step
from lead_automation.wati.failures import classify, is_persons_own, may_be_one_leads_own

RAMP = Ramp(batch_size=25, first_read_s=10.0)


def state(size: int = 20, **known: float | bool | None) -> BatchState:
    """Return a batch of 20 that was read just now, half a minute after its POST."""
    return BatchState(**{"size": size, "age_s": 30.0, "read_at_s": 30.0, **known})  # type: ignore[arg-type]


def wait(until_s: float) -> Step:
    """Return a wait."""
    return Step(move=Move.WAIT, wait_until_s=until_s)


def sized(step: Step) -> tuple[Move, int]:
    """Return a step without its words."""
    return step.move, step.size


@pytest.mark.parametrize(
    ("size", "batch_size", "expected"),
    [(5, 25, 10), (10, 25, 20), (20, 25, 25), (25, 25, 25), (20, 100, 100), (5, 8, 8), (3, 3, 3)],
)
def test_batch_that_arrives_earns_the_next_size(size: int, batch_size: int, expected: int) -> None:
    """5, 10, 20, then BATCH_SIZE, each at most that."""
    ramp = Ramp(batch_size=batch_size, first_read_s=10.0)

    step = ramp.next_step(size, state(size, known=size, arrived=1))

    assert sized(step) == (Move.GROW, expected)
    assert ramp.first_size == min(5, batch_size)


@pytest.mark.parametrize(
    ("batch", "move"),
    [
        # known, arrived and failed of 20
        (state(known=16, arrived=1), Move.GROW),
        (state(known=16, arrived=0), Move.KEEP),
        (state(known=15, arrived=15, age_s=60.0), Move.KEEP),
        (state(known=1, arrived=1, age_s=60.0), Move.KEEP),
        (state(known=20, arrived=18, failed=2), Move.GROW),
        (state(known=20, arrived=17, failed=3), Move.BACK),
        (state(known=5, arrived=2, failed=3, age_s=60.0), Move.STOP),
        (state(known=6, arrived=3, failed=3, age_s=60.0), Move.BACK),
        (state(known=4, arrived=0, failed=4, age_s=60.0), Move.BACK),
        (state(known=5, failed=3, age_s=0.5, read_at_s=None), Move.STOP),
        (state(known=20, failed=0, age_s=0.5, read_at_s=None), Move.KEEP),
        # no clear answer to the POST, or to any read
        (state(is_unknown=True), Move.BACK),
        (state(age_s=60.0, read_at_s=None), Move.BACK),
        (state(age_s=121.0, read_at_s=61.0), Move.BACK),
        # nobody has a word
        (state(age_s=120.5, read_at_s=120.2), Move.STOP),
    ],
)
def test_batch_is_judged_by_its_shares(batch: BatchState, move: Move) -> None:
    """Each rule on both sides of its border; back is always to five."""
    step = RAMP.next_step(20, batch)

    assert sized(step) == (move, {Move.GROW: 25, Move.KEEP: 20, Move.BACK: 5, Move.STOP: 0}[move])
    assert bool(step.reason) == (move in (Move.BACK, Move.STOP))


@pytest.mark.parametrize(
    ("batch", "until_s"),
    [
        (state(age_s=0.0, read_at_s=None), 10.0),
        (state(age_s=0.0, read_at_s=None, is_unknown=True), 10.0),
        (state(age_s=10.1, read_at_s=None), pytest.approx(20.1)),
        (state(age_s=10.1, read_at_s=10.1, known=15), 30.0),
        (state(age_s=30.1, read_at_s=30.1, known=15), 60.0),
        (state(age_s=30.1, read_at_s=10.1, known=15), pytest.approx(40.1)),
        (state(age_s=60.1, read_at_s=60.1), 90.0),
        (state(age_s=119.0, read_at_s=90.1), 120.0),
    ],
)
def test_batch_without_enough_words_is_waited_for(batch: BatchState, until_s: float) -> None:
    """Up to a minute, on to two where nobody has a word; a read without an answer is repeated."""
    assert RAMP.next_step(20, batch) == wait(until_s)


@pytest.mark.parametrize(
    ("batch", "expected"),
    [
        (state(known=20, arrived=20), (Move.KEEP, 5)),
        (state(known=1), (Move.KEEP, 5)),
        (state(known=0), (Move.KEEP, 5)),
        (state(known=9, failed=5), (Move.STOP, 0)),
        (state(known=0, read_at_s=None), (Move.WAIT, 0)),
    ],
)
def test_tight_month_keeps_batches_small_and_reads_each_once(
    batch: BatchState, expected: tuple[Move, int]
) -> None:
    """From 80 % of the month's calls on."""
    assert sized(RAMP.next_step(20, batch, month_is_tight=True)) == expected


@pytest.mark.parametrize(
    ("text", "persons", "leads"),
    [
        ("Invalid phone number format.", True, True),
        ("131026 Message undeliverable", True, True),
        ("131050", True, True),
        ("130472 User's number is part of an experiment", True, True),
        ("130497 restricted from messaging users in this country", True, True),
        ("131026 Meta has restricted marketing messages to US recipients", True, True),
        ("131049", False, False),
        ("Meta has restricted it for higher quality messaging", False, False),
        ("Custom params can't have 4 consecutive spaces", False, True),
        ("132012 Parameter format does not match", False, True),
        ("132005 Translated text too long", False, True),
        ("Check your template, it cannot have typos or blank text", False, False),
        ("132001 Template name does not exist in the translation", False, False),
        ("131048 Spam rate limit hit", False, False),
        ("nobody knows these words", False, False),
    ],
)
def test_failure_is_the_persons_own_or_one_leads(text: str, *, persons: bool, leads: bool) -> None:
    """What a person or their values cause says nothing about the rest of the batch."""
    failure = classify(None, text)

    assert is_persons_own(failure) == persons
    assert may_be_one_leads_own(failure) == leads

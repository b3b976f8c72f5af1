"""Real processes that send batches of up to 25, really killed."""

import random
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from kill_host import KillHost, Trigger
from simulated.scripts import Moment
from stories import Exchange, begin_story

from lead_automation.sandbox.exchange import Endpoint

pytestmark = pytest.mark.kill

JOURNAL = "send_journal.jsonl"
_SEED = 20261124
_BATCH_OF_25 = 4
"""The fourth POST of a run is the first of that size."""

POINTS: dict[str, Trigger | Exchange] = {
    "batch gathered, before reserve": Trigger("append", JOURNAL, text='"kind": "reserve"'),
    "reservation torn": Trigger("append", JOURNAL, "half", '"kind": "reserve"'),
    "reserved, before the POST": Trigger("sync", JOURNAL, "after", '"kind": "reserve"'),
    "taken by WATI, no answer": Exchange(Moment.ACCEPTED, Endpoint.SEND),
    "answer received, before settle": Trigger("append", JOURNAL, text='"kind": "accepted"'),
    "settling torn": Trigger("append", JOURNAL, "half", '"kind": "accepted"'),
    "settled": Trigger("sync", JOURNAL, "after", '"kind": "accepted"'),
    "read, not recorded": Exchange(Moment.ACCEPTED, Endpoint.RECIPIENTS),
    "one of the batch recorded": Trigger("append", JOURNAL, "after", '"kind": "reading"'),
    "looked for by its name": Exchange(Moment.ACCEPTED, Endpoint.BROADCASTS),
}


@pytest.fixture(scope="module")
def host() -> Iterator[KillHost]:
    """The process that starts the runs."""
    with KillHost() as started:
        yield started


@pytest.mark.parametrize("point", POINTS)
def test_kill_around_a_batch_doubles_and_loses_nobody(
    point: str, tmp_path: Path, host: KillHost
) -> None:
    """Killed at the point of the first batch, of one of 25, and in the restart."""
    where = POINTS[point]
    with begin_story(tmp_path / "story", host, in_batches=True) as story:
        statuses = []
        if point.startswith("looked for"):
            statuses.append(story.run(POINTS["reserved, before the POST"]))
        for at in (1, _BATCH_OF_25):
            if isinstance(where, Trigger):
                where = replace(where, at=at)
            story.clock.sleep(10)
            statuses.append(story.run(where))
        story.finish()

    assert -signal.SIGKILL in statuses


def test_kill_at_random_moments_of_batches_keeps_the_promise(
    tmp_path: Path, host: KillHost
) -> None:
    """Killed again and again wherever it happens to be, every lead gets one message."""
    draw = random.Random(_SEED)  # noqa: S311 - moments, not secrets
    killed = 0
    for number in range(4):
        with begin_story(tmp_path / str(number), host, in_batches=True) as story:
            for _ in range(6):
                killed += story.run(draw.uniform(0.01, 0.5)) == -signal.SIGKILL
                story.clock.sleep(10)
            story.finish()

    assert killed >= 8

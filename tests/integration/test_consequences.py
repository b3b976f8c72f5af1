"""What a refusal orders is on disk before the refusal itself: a crash in between loses neither."""

from collections.abc import Callable
from pathlib import Path

import pytest
from campaigns import campaign
from disks import FaultyDisk, Step

from lead_automation.files import Disk
from lead_automation.sandbox.plans import Plan, failing, refused

SPAM = "131048 Spam rate limit hit"
STOPPED_MARKETING = "131050 User has stopped marketing messages"
APPENDED = Step("append", "send_journal.jsonl")


def _steps(tmp_path: Path, plan: Plan) -> list[Step]:
    """Send to one lead and return what was written, in order, up to the answer's own record."""
    with campaign(tmp_path, leads=1, plans={0: plan}) as the:
        disk = FaultyDisk(Disk())
        the.harness.disk = disk
        the.run()

        assert len(the.posted) == 1
        return disk.steps


@pytest.mark.parametrize(
    ("text", "file"),
    [(SPAM, "campaign_hold.json"), (STOPPED_MARKETING, "suppression_list.json")],
)
@pytest.mark.parametrize("make_plan", [refused, failing], ids=["at the send", "late"])
def test_consequence_is_written_before_the_answer(
    tmp_path: Path, text: str, file: str, make_plan: Callable[[str], Plan]
) -> None:
    """Hold and suppression come first: once the answer is kept, nobody asks again."""
    steps = _steps(tmp_path, make_plan(text))
    ordered_at = steps.index(Step("replace", file))
    kept = [at for at, step in enumerate(steps) if step == APPENDED]

    # Day and reservation first; the answer (or, of a late failure, its reading) after the order.
    is_late = make_plan is failing
    assert sum(at < ordered_at for at in kept) == (3 if is_late else 2)
    assert any(at > ordered_at for at in kept)

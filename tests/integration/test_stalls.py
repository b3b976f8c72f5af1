"""A disk that stalls between the last look and the POST: what changed meanwhile still counts."""

from collections.abc import Callable, Iterator

import pytest
from disks import FaultyDisk, Phase, Script
from harness import digits
from places import TODAY, Place, quick_folder
from simulated.plans import ScriptedPlan
from simulated.scripts import lost

from lead_automation.files import Disk

SECOND_LEAD = 3
"""Each lead's reservation is synced, then what came of it: this is the second one's first sync."""
RETRY = 4
"""Of a lone lead: reserved, unknown, absent; then this one."""
SINCE = "2026-11-23T11:00:00+05:30"
HOLD: dict[str, object] = {
    "reason": "asked to wait",
    "since": SINCE,
    "until": None,
    "evidence": "",
    "what_to_do": [],
}
SUPPRESSION = {"reason": "asked by phone", "source": "operator", "added_at": SINCE, "until": None}


@pytest.fixture
def place() -> Iterator[Place]:
    """Three leads."""
    with quick_folder() as folder:
        yield Place(folder)


def signalled(place: Place) -> None:
    """Somebody ends the run."""
    place.harness.stop.request(15)


def held(place: Place) -> None:
    """Another program holds all sending."""
    place.write("campaign_hold.json", HOLD)


def suppressed(index: int) -> Callable[[Place], None]:
    """Return the act of an operator who suppresses a lead's number."""
    return lambda place: place.write("suppression_list.json", {f"+{digits(index)}": SUPPRESSION})


def over(place: Place) -> None:
    """The evening comes."""
    place.clock.advance(10 * 3600.0)


def nothing(_place: Place) -> None:
    """Nothing else happens."""


def stall(place: Place, at: int, what: Callable[[Place], None], seconds: float = 5.0) -> None:
    """Let a sync take long, and something happen meanwhile."""

    def happen() -> None:
        what(place)
        place.clock.advance(seconds)

    script = Script(at, Phase.AFTER, happen, frozenset({"sync"}))
    place.harness.disk = FaultyDisk(Disk(), script)


@pytest.mark.parametrize(
    ("what", "code", "status"),
    [
        (signalled, 143, "interrupted"),
        (held, 6, "held"),
        (over, 0, "outside_working_hours"),
    ],
)
def test_stall_in_which_the_run_has_to_end_sends_nothing_more(
    place: Place, what: Callable[[Place], None], code: int, status: str
) -> None:
    """The lead that was reserved counts as not reached, and nothing is left of it."""
    stall(place, SECOND_LEAD, what)
    ended = place.harness.run("run", "--json")
    leads = ended.document["leads"]
    today = place.harness.run("status", "--json").document["messages_today"]

    assert (ended.code, ended.document["status"]) == (code, status)
    assert place.simulator.posts == {digits(0): 1}
    assert (leads["accepted"], leads["attempted"], leads["not_reached"]) == (1, 1, 2)
    assert sum(place.harness.quota()[TODAY].values()) == 1
    assert {row["lead_id"] for row in place.simulator.crm_rows} == {"1000"}
    assert sum(today.values()) == 1
    place.check()


def test_stall_in_which_the_number_was_suppressed_skips_that_lead(place: Place) -> None:
    """The others get their messages; nothing failed, so nothing is owed."""
    stall(place, SECOND_LEAD, suppressed(1))
    ended = place.harness.run("run", "--json")

    assert ended.code == 0
    assert ended.document["leads"]["skipped"]["suppressed"] == 1
    assert ended.document["leads"]["accepted"] == 2
    assert place.simulator.posts == {digits(0): 1, digits(2): 1}
    assert {row["lead_id"] for row in place.simulator.crm_rows} == {"1000", "1002"}
    assert sum(place.harness.quota()[TODAY].values()) == 2
    place.check()


def test_stall_in_which_nothing_changed_sends_all_the_same(place: Place) -> None:
    """It is only asked again."""
    stall(place, SECOND_LEAD, nothing)

    assert place.harness.run("run").code == 0
    assert set(place.simulator.posts.values()) == {1}
    assert len(place.simulator.posts) == 3


def test_lead_that_was_withdrawn_is_messaged_by_a_later_run(place: Place) -> None:
    """It was never messaged, and neither quota nor attempts know of it."""
    stall(place, SECOND_LEAD, signalled)
    place.harness.run("run")
    place.harness.disk = Disk()

    assert place.later().code == 0
    assert place.simulator.posts == {digits(0): 1, digits(1): 1, digits(2): 1}
    assert {record["attempts"] for record in place.harness.records().values()} == {1}
    assert sum(place.harness.quota()[TODAY].values()) == 3
    place.check()


@pytest.mark.parametrize("what", [signalled, held, suppressed(0)])
def test_stall_before_a_retry_leaves_the_first_attempt_as_it_was(
    what: Callable[[Place], None],
) -> None:
    """The attempt that proved absent is what the CRM hears of, in its own words."""
    with quick_folder() as folder:
        place = Place(folder, leads=1)
        plan = ScriptedPlan(on_send=(lost(taken=False),))
        place.simulator.wati.set_plan(digits(0), plan)
        stall(place, RETRY, what)
        ended = place.harness.run("run", "--json")

        assert place.simulator.posts == {digits(0): 1}
        assert ended.document["leads"]["refused"] == 1
        assert place.harness.records()["1000"]["attempts"] == 1
        assert sum(place.harness.quota()[TODAY].values()) == 0
        place.harness.disk = Disk()
        (place.harness.state_dir / "campaign_hold.json").unlink(missing_ok=True)
        (place.harness.state_dir / "suppression_list.json").unlink(missing_ok=True)
        place.check()
        place.later("track")
        [row] = place.simulator.crm_rows
        assert (row["msg_status"], row["error_message"]) == ("failed", "WATI has no such message")

"""When "WATI has no such message" may be believed: a wrong one is a second message to a person.

Each lie is told about a message that was taken, and its answer lost: whatever the list says, nobody
may get two. The other half of the promise: where the list is honest, what is not there is sent
again.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Literal

import pytest
from fakes import FakeClock
from harness import digits, many_leads, serve
from places import Place, quick_folder
from simulated.lies import Lies
from simulated.plans import ScriptedPlan
from simulated.scripts import Match, Reply, answer, changed, html_page, lost, server_error
from simulated.simulator import Simulator

from lead_automation.sandbox.exchange import Endpoint
from lead_automation.sandbox.plans import Plan, failing
from lead_automation.sandbox.simulator import TEMPLATE
from lead_automation.sandbox.wati_answers import SimTemplate

SETTLE_S = 90.0
APART_S = 20.0
SETTINGS = {
    "WATI_PLAN": "business",
    "SCRIPT_START_TIME": "00:00",
    "SCRIPT_END_TIME": "24:00",
    "FAILURE_STREAK_LIMIT": "100",
}
TALK = tuple((1.0 + position, f"Hi {position}") for position in range(7))
"""What a lead writes back at once; in WATI's list it stands before our message."""
EMPTY: dict[str, Any] = {"result": "success", "messages": {"items": []}}


@pytest.fixture
def version() -> Literal["v1", "v2"]:
    """API version; of an unknown send no version has an id."""
    return "v2"


@pytest.fixture
def place(version: Literal["v1", "v2"]) -> Iterator[Place]:
    """Two leads."""
    with quick_folder() as folder:
        yield Place(folder, leads=2, version=version, settings=SETTINGS)


def of(*indices: int) -> Match:
    """Return whether a call is about one of these leads."""
    return lambda request: request.number in {digits(index) for index in indices}


def lose_first(place: Place, *, taken: bool, **plan: Any) -> None:
    """Lose the answer to the first lead's first send."""
    planned = ScriptedPlan(on_send=(lost(taken=taken),), **plan)
    place.simulator.wati.set_plan(digits(0), planned)


def reads(place: Place, index: int = 0) -> list[float]:
    """When the message list of a lead was read, in steady seconds."""
    calls = place.simulator.calls[Endpoint.MESSAGES]
    return [call.at for call in calls if call.number == digits(index)]


def sends(place: Place, index: int = 0) -> list[float]:
    """When a lead was sent to, in steady seconds."""
    calls = place.simulator.calls[Endpoint.SEND]
    return [call.at for call in calls if call.number == digits(index)]


# --- a message that was taken is never sent again -------------------------------------------------

LIES: Mapping[str, Lies] = {
    "pages below the size asked for": Lies(page_cap=2),
    "only nextPage says that more follows": Lies(page_cap=2, link=("nextPage",)),
    "only the total says that more follows": Lies(page_cap=2, link=("total",)),
    "nothing says that more follows": Lies(page_cap=2, link=None),
    "another kind": Lies(fields={"eventType": "templateMessage"}),
    "the kind in another case": Lies(fields={"eventType": "BROADCAST_MESSAGE"}),
    "an unknown kind": Lies(fields={"eventType": "outboundV2"}),
    "no kind": Lies(fields={"eventType": None}),
    "the kind only in its type": Lies(fields={"eventType": "message", "type": "template"}),
    "owned by somebody else": Lies(fields={"owner": False}),
    "curly quotes": Lies(name="\u201c{}\u201d"),
    "single quotes": Lies(name="'{}'"),
    "angle quotes": Lies(name="\u00ab {} \u00bb"),
    "a language in brackets": Lies(name='"{} (en)"'),
    "a language behind a blank": Lies(name='"{} en_US"'),
    "no name": Lies(name=""),
    "a name without quotes": Lies(name="{}"),
    "no description": Lies(fields={"eventDescription": None}),
    "another case": Lies(fields={"eventDescription": f'Using "{TEMPLATE.upper()}"'}),
    "letters of full width": Lies(
        fields={
            "eventDescription": "Using \uff02"
            + "".join(chr(ord(c) + 0xFEE0) for c in TEMPLATE)
            + "\uff02"
        }
    ),
    "made ten minutes too early": Lies(back_dated_s=600.0),
    "no time": Lies(fields={"created": None}),
    "several at once": Lies(
        page_cap=3, name="\u2018{} (en)\u2019", back_dated_s=300.0, fields={"eventType": "Template"}
    ),
}


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("lies", [pytest.param(lies, id=name) for name, lies in LIES.items()])
def test_message_that_was_taken_is_never_sent_again(place: Place, lies: Lies) -> None:
    """However the list hides it, nobody gets two, in this run and in later ones."""
    lose_first(place, taken=True, says=TALK)
    place.simulator.lies = lies
    codes = [place.harness.run("run").code, place.later().code, place.later().code]

    assert codes == [0, 0, 0]
    assert place.simulator.posts == {digits(0): 1, digits(1): 1}
    place.check()


NO_ANSWERS: Mapping[str, Reply] = {
    "ok false": answer({"ok": False, **EMPTY}, times=None),
    "an error": answer({"error": "index is being rebuilt", **EMPTY}, times=None),
    "an error inside": answer({"messages": {"items": [], "error": "late"}}, times=None),
    "result false": answer({**EMPTY, "result": False}, times=None),
    "a doubled key": answer(
        b'{"messages": {"items": [{}]}, "messages": {"items": []}}', times=None
    ),
    "nextPage on an empty page": answer({**EMPTY, "link": {"nextPage": "?2"}}, times=None),
    "a total on an empty page": answer({**EMPTY, "link": {"total": 1}}, times=None),
    "201": answer(EMPTY, 201, times=None),
    "203": answer(EMPTY, 203, times=None),
    "206": answer(EMPTY, 206, times=None),
    "404": answer(EMPTY, 404, times=None),
    "500": answer(EMPTY, 500, times=None),
}


@pytest.mark.parametrize("reply", [pytest.param(it, id=name) for name, it in NO_ANSWERS.items()])
def test_empty_list_that_is_no_clear_answer_proves_nothing(place: Place, reply: Reply) -> None:
    """Only a plain 200 that says nothing else may say that a message is not there."""
    lose_first(place, taken=True)
    place.simulator.script(Endpoint.MESSAGES, reply, match=of(0))
    document = place.harness.run("run", "--json").document
    place.later()

    assert document["leads"]["unknown"] == 1
    assert place.harness.records()["1000"]["unknown"] is True
    assert place.simulator.posts[digits(0)] == 1
    place.check()


@pytest.mark.parametrize("settle", ["90", "5"])
def test_row_that_shows_between_the_two_looks_is_found(place: Place, settle: str) -> None:
    """A message that WATI lists a little after the first look is not sent again."""
    place.harness.write_settings(UNKNOWN_SETTLE_SECONDS=settle)
    lose_first(place, taken=True, appears_after_s=float(settle) + 3.0)
    document = place.harness.run("run", "--json").document

    assert document["leads"]["accepted"] == 2
    assert place.simulator.posts[digits(0)] == 1


def test_look_ups_that_must_agree_have_connections_of_their_own() -> None:
    """A connection that still holds the answer to an earlier question proves nothing."""
    clock = FakeClock()
    plans = {
        # Its list stays empty, and it is read before each look-up of the other one.
        digits(1): Plan(appears_after_s=None),
        digits(0): ScriptedPlan(on_send=(lost(taken=True),)),
    }
    simulator = Simulator(clock=clock, leads=many_leads(2), plans=plans)
    simulator.lies = Lies(is_stale=True)
    timing = {"TRACKING_FIRST_READ_SECONDS": "20", "TRACKING_WAIT_SECONDS": "300"}
    with (
        quick_folder() as folder,
        serve(folder, simulator, clock, settings=SETTINGS | timing) as it,
    ):
        document = it.run("run", "--json").document

    assert document["leads"]["accepted"] == 2
    assert simulator.posts == {digits(0): 1, digits(1): 1}


# --- what is not there is sent again --------------------------------------------------------------


def _other_row(**fields: object) -> Reply:
    """Return honest lists with one more row, made a minute ago."""

    def add(answer: Any) -> None:
        row = {
            "eventDescription": 'Broadcast message with using "offer" template was received',
            "eventType": "broadcastMessage",
            "created": datetime(2026, 11, 23, 5, 59, 30, tzinfo=UTC).isoformat(),
            "owner": True,
        }
        answer["messages"]["items"].append(row | fields)
        answer["link"]["total"] += 1

    return changed(add)


HONEST: Mapping[str, Reply] = {
    "nothing": changed(lambda _: None),
    "no link": changed(lambda it: it.pop("link")),
    "no result": changed(lambda it: it.pop("result")),
    "no error": changed(lambda it: it.update(error=None, ok=True)),
    "another template": _other_row(),
    "a template with a name like ours": _other_row(
        eventDescription=f'Broadcast message with using "{TEMPLATE}_v2" template was received'
    ),
    "another template, in single quotes": _other_row(
        eventDescription=f"Lead's message with '{TEMPLATE}_2 (en)' was received"
    ),
    "an operator's words": _other_row(eventType="message", eventDescription=None, type="text"),
    "a ticket": _other_row(eventType="ticket", eventDescription="Chat was opened"),
    "ours, of an earlier campaign": _other_row(
        eventDescription=f'Using "{TEMPLATE}"', created="2026-11-23T05:30:00Z"
    ),
}


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("reply", [pytest.param(it, id=name) for name, it in HONEST.items()])
def test_message_that_is_not_there_is_sent_again_in_the_same_run(
    place: Place, reply: Reply
) -> None:
    """Two honest look-ups without it, 20 s apart, are enough, whatever else the list holds."""
    lose_first(place, taken=False)
    place.simulator.script(Endpoint.MESSAGES, reply, match=of(0))
    document = place.harness.run("run", "--json").document

    first, second = sends(place)
    assert second - first >= SETTLE_S + APART_S - 1e-6
    assert document["leads"]["accepted"] == 2
    assert [message.number for message in place.simulator.messages] == [digits(1), digits(0)]
    place.check()


def test_message_that_is_not_there_is_sent_again_behind_capped_pages(place: Place) -> None:
    """A list in small pages is read to its end."""
    place.simulator.wati.templates.append(SimTemplate(name="offer"))
    place.simulator.lies = Lies(page_cap=3)
    lose_first(place, taken=False)
    many = _rows_of_another(8)
    place.simulator.script(Endpoint.MESSAGES, *many, match=of(0))
    document = place.harness.run("run", "--json").document

    assert document["leads"]["accepted"] == 2
    assert len(sends(place)) == 2


def _rows_of_another(count: int) -> list[Reply]:
    """Return the pages, of three rows each, of a list of another template's rows; twice."""
    rows = [
        {
            "eventDescription": 'Using "offer"',
            "eventType": "broadcastMessage",
            "created": f"2026-11-23T06:00:{50 - number}Z",
        }
        for number in range(count)
    ]
    pages = [
        {"messages": {"items": rows[start : start + 3]}, "link": {"total": count}}
        for start in range(0, count, 3)
    ]
    return [answer(page) for page in pages + pages]


@pytest.mark.parametrize(("settle", "apart_s"), [("90", 20.0), ("5", 5.0), ("0", 0.0)])
def test_two_look_ups_are_as_far_apart_as_the_rule_says(
    place: Place, settle: str, apart_s: float
) -> None:
    """Twenty seconds, or what a send settles in where that is less; one look is never enough."""
    place.harness.write_settings(UNKNOWN_SETTLE_SECONDS=settle)
    lose_first(place, taken=False)
    place.harness.run("run")

    resent_at = sends(place)[1]
    looks = [at for at in reads(place) if at <= resent_at]
    assert len(looks) == 2
    assert looks[1] - looks[0] >= apart_s - 1e-6


def test_look_ups_that_do_not_agree_prove_nothing(place: Place) -> None:
    """After "not there", no answer: nothing is sent again, and the next run settles it."""
    lose_first(place, taken=False)
    replies = changed(lambda _: None, times=1), server_error(500, times=None)
    place.simulator.script(Endpoint.MESSAGES, *replies, match=of(0))
    document = place.harness.run("run", "--json").document
    posts = len(sends(place))
    place.simulator.clear_scripts()
    place.later()

    assert document["leads"]["unknown"] == 1
    assert posts == 1
    assert len(sends(place)) == 2  # the CRM lists the lead still
    place.check()


@pytest.mark.parametrize("taken", [True, False])
def test_send_of_a_killed_run_is_settled_by_two_look_ups_too(place: Place, *, taken: bool) -> None:
    """What an earlier run left is looked up twice before its lead is sent to again."""
    lose_first(place, taken=taken)
    place.simulator.script(Endpoint.MESSAGES, server_error(500, times=None), match=of(0))
    place.harness.run("run")
    place.simulator.clear_scripts()
    seen = len(reads(place))
    place.later()

    first, *others = reads(place)[seen:]
    assert len(sends(place)) == (1 if taken else 2)
    assert any(at - first >= APART_S - 1e-6 for at in others) is not taken
    place.check()


def test_unknown_sends_of_an_earlier_run_are_settled_before_its_other_reads() -> None:
    """Second looks come as they fall due; open messages that fill the minute wait."""
    with quick_folder() as folder:
        place = Place(folder, leads=70, settings=SETTINGS | {"WATI_PLAN": "growth"})
        place.simulator.script(Endpoint.SEND, lost(taken=False, times=10))
        place.simulator.script(Endpoint.MESSAGES, server_error(500, times=None))
        place.harness.run("run")
        place.simulator.clear_scripts()
        document = place.later("run", "--json").document

        assert document["leads"]["accepted"] == 10
        assert len(place.simulator.messages) == 70
        place.check()


def test_row_of_another_message_of_ours_is_not_taken_for_this_one() -> None:
    """A message of just before midnight, failed, neither stands in for today's nor hides it."""
    clock = FakeClock(datetime(2026, 11, 23, 18, 29, 40, tzinfo=UTC))
    quick = {"TRACKING_FIRST_READ_SECONDS": "2", "TRACKING_WAIT_SECONDS": "6"}
    plans = {digits(0): failing("odd failure", after_s=0.0)}
    simulator = Simulator(clock=clock, leads=many_leads(1), plans=plans)
    with quick_folder() as folder, serve(folder, simulator, clock, settings=SETTINGS | quick) as it:
        it.run("run")
        clock.advance((datetime(2026, 11, 23, 18, 30, 5, tzinfo=UTC) - clock.now()).total_seconds())
        simulator.wati.set_plan(digits(0), ScriptedPlan(on_send=(lost(taken=False),)))
        document = it.run("run", "--json").document

    assert [message.at.minute for message in simulator.messages] == [29, 31]
    assert document["leads"]["accepted"] == 1


# --- one number that cannot be looked up blinds nobody --------------------------------------------

OF_ONE_NUMBER: Mapping[str, Reply] = {
    "404": answer("Not Found", 404, times=None),
    "400": answer({"result": False}, 400, times=None),
    "result false": answer({"result": False, "info": "no such contact"}, times=None),
    "a web page": html_page(times=None),
    "another shape": answer({"messages": []}, times=None),
    "too large": answer({"messages": {"items": ["x" * 2_000_000]}}, times=None),
}


@pytest.mark.parametrize("reply", [pytest.param(it, id=name) for name, it in OF_ONE_NUMBER.items()])
def test_numbers_that_cannot_be_looked_up_stop_no_other_read(reply: Reply) -> None:
    """Three such numbers, asked about first: the others are read, in the run and in the next."""
    with quick_folder() as folder:
        place = Place(folder, leads=6, settings=SETTINGS)
        place.simulator.script(Endpoint.SEND, lost(taken=True, times=6))
        place.simulator.script(Endpoint.MESSAGES, reply, match=of(0, 1, 2))
        place.harness.run("run")
        in_run = [lead for lead, it in place.harness.records().items() if not it.get("unknown")]
        place.simulator.script(Endpoint.MESSAGES, server_error(500, times=None))
        place.simulator.crm.leads = list(many_leads(6, first=6))
        place.simulator.script(Endpoint.SEND, lost(taken=True, times=6))
        place.later()
        place.simulator.clear_scripts()
        place.simulator.script(Endpoint.MESSAGES, reply, match=of(0, 1, 2))
        place.later("track")

        left = [lead for lead, it in place.harness.records().items() if it.get("unknown")]
        assert in_run == ["1003", "1004", "1005"]
        assert left == ["1000", "1001", "1002"]
        place.check()


@pytest.mark.parametrize(
    "reply",
    [lost(taken=False, times=None)]
    + [server_error(status, times=None) for status in (401, 403, 408, 429, 500, 503)],
)
def test_wati_that_is_away_is_left_alone_after_three_reads(reply: Reply) -> None:
    """What speaks of WATI as a whole ends the reads: no call of the month is spent in vain."""
    with quick_folder() as folder:
        place = Place(folder, leads=6, settings=SETTINGS)
        place.simulator.script(Endpoint.SEND, lost(taken=True, times=6))
        place.simulator.script(Endpoint.MESSAGES, reply)
        place.harness.run("run")
        before = len(place.simulator.calls[Endpoint.MESSAGES])
        place.later("track")

        assert len(place.simulator.calls[Endpoint.MESSAGES]) == before + 3


def test_number_that_cannot_be_looked_up_is_asked_again_later_than_the_others() -> None:
    """Asked ever more rarely, it never holds up those that are read again meanwhile."""
    with quick_folder() as folder:
        place = Place(folder, leads=4, settings=SETTINGS | {"TRACKING_WAIT_SECONDS": "120"})
        for index in range(1, 4):
            place.simulator.wati.set_plan(digits(index), Plan(history=()))
        place.simulator.script(Endpoint.MESSAGES, answer("no", 404, times=None), match=of(0))
        place.harness.run("run")

        again = [reads(place, index) for index in range(4)]
        longest = [max(b - a for a, b in pairwise(times)) for times in again]
        assert min(len(times) for times in again[1:]) > len(again[0])
        assert max(longest[1:]) < longest[0]


def test_body_that_names_a_key_twice_is_found_in_all_the_same(place: Place) -> None:
    """Finding stays tolerant: odd answers prove no absence, but a row is a row."""
    lose_first(place, taken=True)

    def odd(answer: Any) -> None:
        answer.update(ok=False, error="partial", hint=json.dumps(answer))

    place.simulator.script(Endpoint.MESSAGES, changed(odd), match=of(0))
    document = place.harness.run("run", "--json").document

    assert document["leads"]["accepted"] == 2

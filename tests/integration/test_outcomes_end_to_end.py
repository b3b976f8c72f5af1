"""Every way a send can end, end to end, against a simulator that counts the POSTs of each number.

The promise: never a second POST while the first may have arrived, and each lead whose message is
definitely not there gets it in the end.
"""

import json
from collections.abc import Iterator
from http import HTTPStatus
from itertools import pairwise

import pytest
from fakes import FakeClock
from harness import Harness, digits, many_leads, serve
from places import quick_folder
from promise import ZONE, Witness, snapshot
from simulated.faults import FaultKind, NetworkFault
from simulated.inprocess import InProcessHttp
from simulated.plans import ScriptedPlan
from simulated.scripts import (
    Reply,
    answer,
    html_page,
    lost,
    rate_limited,
    redirect,
    server_error,
    usage_limit_exceeded,
)
from simulated.simulator import Simulator

from lead_automation.files import Disk
from lead_automation.leads.hours import quota_day
from lead_automation.sandbox.exchange import Endpoint

SETTLE_S = 90.0
UNCLEAR_FAULTS = [
    FaultKind.CLOSE,
    FaultKind.RESET,
    FaultKind.HANG,
    FaultKind.SHORT_BODY,
    FaultKind.BAD_STATUS_LINE,
    FaultKind.MANY_HEADERS,
    FaultKind.HUGE_HEADER,
    FaultKind.EARLY_HINTS,
]
OTHER_NUMBER = {
    "result": True,
    "phone_number": "919899999999",
    "error": None,
    "receivers": [
        {
            "localMessageId": "d38f0c3a-0000-4000-8000-00000000ffff",
            "waId": "919899999999",
            "isValidWhatsAppNumber": True,
            "errors": [],
        }
    ],
}


def _unclear(*, taken: bool) -> list[object]:
    """Return every ending that leaves it open whether the message was taken."""
    cases: list[object] = [
        pytest.param(lost(kind, taken=taken), id=kind.value) for kind in UNCLEAR_FAULTS
    ]
    cases.append(
        pytest.param(
            Reply(fault=NetworkFault(FaultKind.LATE, 0.6), taken=taken), id="after the deadline"
        )
    )
    cases += [
        pytest.param(server_error(status, taken=taken), id=str(status))
        for status in (408, 500, 502, 503, 504)
    ]
    bodies = {
        "web page": b"<html>Sign in</html>",
        "empty": b"",
        "result true as text": {"result": "true"},
        "result 1": {"result": 1},
        "list": [],
        "null": b"null",
        "another number": OTHER_NUMBER,
    }
    cases += [
        pytest.param(Reply(status=200, body=body, taken=taken), id=name)
        for name, body in bodies.items()
    ]
    return cases


class Stage:
    """The command line in front of a simulator, watched."""

    def __init__(self, harness: Harness, clock: FakeClock) -> None:
        """Begin to watch."""
        self.harness = harness
        self.simulator = harness.simulator
        self.clock = clock
        self.witness = Witness(harness.simulator, clock)

    def check(self) -> None:
        """Check every sentence of the promise."""
        books = snapshot(Disk(), self.harness.state_dir, quota_day(self.clock.now(), ZONE))
        self.witness.check_posts(settle_s=SETTLE_S)
        self.witness.check_books(books)
        self.witness.check_rows(books)

    def post_times(self, index: int = 0) -> list[float]:
        """When the POSTs of a lead came, in seconds."""
        return [c.at for c in self.simulator.calls[Endpoint.SEND] if c.number == digits(index)]

    def use_no_sockets(self) -> None:
        """Call the simulator directly: faults of connections never made can be scripted there."""
        self.harness.make_http = lambda allow_posts: InProcessHttp(
            self.simulator, self.clock, advance=self.clock.advance, allow_posts=allow_posts
        )


@pytest.fixture
def version() -> str:
    """API version; a test may want another one, or both."""
    return "v2"


@pytest.fixture
def stage(version: str) -> Iterator[Stage]:
    """Two leads; a server that says nothing is waited for a third of a second."""
    clock = FakeClock()
    simulator = Simulator(clock=clock, leads=many_leads(2))
    settings = {"READ_TIMEOUT": "0.3", "WATI_PLAN": "business"}
    with (
        quick_folder() as folder,
        serve(folder, simulator, clock, version=version, settings=settings) as harness,
    ):
        yield Stage(harness, clock)


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("reply", _unclear(taken=True))
def test_send_whose_answer_is_lost_is_found_and_never_repeated(stage: Stage, reply: Reply) -> None:
    """A message that was taken behind an unclear answer is found by asking, not sent again."""
    stage.simulator.script(Endpoint.SEND, reply)
    ended = stage.harness.run("run", "--json")

    assert ended.code == 0
    assert stage.simulator.posts == {digits(0): 1, digits(1): 1}
    assert ended.document["leads"]["accepted"] == 2
    assert ended.document["leads"]["unknown"] == 0
    assert all(record["status"] == "read" for record in stage.harness.records().values())
    stage.check()


@pytest.mark.parametrize("version", ["v1"])  # without message ids only times tell
@pytest.mark.parametrize("reply", _unclear(taken=False))
def test_send_that_never_arrived_is_made_again_once_wati_says_so(
    stage: Stage, reply: Reply
) -> None:
    """A message that was lost goes out again, but only after WATI had time to show it."""
    stage.simulator.script(Endpoint.SEND, reply)
    ended = stage.harness.run("run", "--json")

    first, second = stage.post_times()
    assert second - first >= SETTLE_S - 1e-6
    assert [message.number for message in stage.simulator.messages] == [digits(1), digits(0)]
    assert ended.code == 0
    assert ended.document["leads"]["accepted"] == 2
    assert stage.harness.records()["1000"]["attempts"] == 2
    stage.check()


@pytest.mark.parametrize(
    ("reply", "longest_s"),
    [
        pytest.param(lost(FaultKind.REFUSED, taken=False, times=2), 10.0, id="refused, DNS"),
        pytest.param(rate_limited(times=2), 25.0, id="429"),
        pytest.param(rate_limited("3", times=2), 10.0, id="429 with Retry-After"),
        pytest.param(rate_limited("soon", times=2), 25.0, id="429 with nonsense"),
    ],
)
def test_send_that_never_left_is_made_again_in_place(
    stage: Stage, reply: Reply, longest_s: float
) -> None:
    """What certainly was not sent is tried up to three times before the next lead's turn."""
    stage.use_no_sockets()
    stage.simulator.script(Endpoint.SEND, reply)
    ended = stage.harness.run("run", "--json")

    times = stage.post_times()
    assert len(times) == 3
    assert times[2] - times[0] <= longest_s
    assert [message.number for message in stage.simulator.messages] == [digits(0), digits(1)]
    assert ended.code == 0
    assert stage.harness.records()["1000"]["attempts"] == 1
    stage.check()


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        pytest.param(answer("no", 400), 0, id="400"),
        pytest.param(answer("no", 405), 3, id="405"),
        pytest.param(answer("no", 422), 0, id="422"),
        pytest.param(answer({"result": False, "info": "no"}), 0, id="200 result false"),
        pytest.param(answer("Not Found", 404), 3, id="404"),
        pytest.param(Reply(status=HTTPStatus.UNAUTHORIZED), 3, id="401"),
        pytest.param(Reply(status=HTTPStatus.FORBIDDEN), 3, id="403"),
        pytest.param(redirect("/api/v1/sendTemplateMessage"), 3, id="302, same host"),
        pytest.param(redirect("http://127.0.0.1:9/", 307), 3, id="307, another host"),
        pytest.param(usage_limit_exceeded(times=1), 3, id="429 usage limit"),
        pytest.param(rate_limited("99999999"), 3, id="429 for years"),
        pytest.param(lost(FaultKind.CERTIFICATE, taken=False), 3, id="certificate"),
    ],
)
def test_send_that_is_refused_is_never_repeated(stage: Stage, reply: Reply, code: int) -> None:
    """A clear no costs one POST, gives the quota back, and stops the run where it concerns all."""
    if reply.fault is not None:
        stage.use_no_sockets()
    stage.simulator.script(Endpoint.SEND, reply)
    ended = stage.harness.run("run", "--json")

    assert ended.code == code
    assert stage.simulator.posts[digits(0)] == 1
    assert stage.simulator.posts[digits(1)] == (1 if code == 0 else 0)
    assert sum(sum(day.values()) for day in stage.harness.quota().values()) == (code == 0)
    assert ended.document["leads"]["refused"] == 1
    stage.check()


NO_ANSWERS = [
    pytest.param(Reply(status=500, times=None), id="500"),
    pytest.param(lost(taken=False, times=None), id="closed"),
    pytest.param(html_page(times=None), id="web page"),
    pytest.param(answer({"result": "success"}, times=None), id="another shape"),
    pytest.param(rate_limited(times=None), id="429"),
]


@pytest.mark.parametrize("reply", NO_ANSWERS)
def test_send_nobody_can_tell_about_stays_unknown_until_a_later_run(
    stage: Stage, reply: Reply
) -> None:
    """No clear answer is not "absent": quota and lead are kept, and the next run settles it."""
    stage.simulator.script(Endpoint.SEND, lost(taken=True))
    stage.simulator.script(Endpoint.MESSAGES, reply)
    ended = stage.harness.run("run", "--json")
    record = stage.harness.records()["1000"]
    used = sum(sum(day.values()) for day in stage.harness.quota().values())
    stage.simulator.clear_scripts()
    stage.clock.advance(3600.0)
    again = stage.harness.run("run", "--json")

    assert ended.code == 0
    assert ended.document["leads"]["unknown"] == 1
    assert record["unknown"] is True
    assert used == 2
    assert again.code == 0
    assert "unknown" not in stage.harness.records()["1000"]
    assert stage.simulator.posts[digits(0)] == 1
    stage.check()


def test_unknown_send_is_shown_with_what_to_do(stage: Stage) -> None:
    """Summary, ``status`` and report name it and say that nobody should send it by hand."""
    stage.simulator.script(Endpoint.SEND, lost(taken=True))
    stage.simulator.script(Endpoint.MESSAGES, Reply(status=500, times=None))
    summary = stage.harness.run("run").out
    status = stage.harness.run("status").out
    listed = stage.harness.run("status", "--json").document["unknown"]
    report = stage.harness.run("report", "--format", "text").out
    page = stage.harness.run("report", "--format", "html").out

    for text in (summary, report, page):
        assert "may or may not have arrived" in text
        assert "Do not resend by hand" in " ".join(text.split())
    assert "1 unknown" in status
    assert "never sent blindly again" in status
    assert [entry["lead_id"] for entry in listed] == ["1000"]


def test_unknown_send_is_settled_by_track_as_well(stage: Stage) -> None:
    """``track`` asks WATI and posts the CRM row; it sends nothing."""
    stage.simulator.script(Endpoint.SEND, lost(taken=True))
    stage.simulator.script(Endpoint.MESSAGES, Reply(status=500, times=None))
    stage.harness.run("run")
    stage.simulator.clear_scripts()
    stage.clock.advance(3600.0)
    ended = stage.harness.run("track", "--json")

    assert ended.document["settled_unknown"] == 1
    assert stage.simulator.posts[digits(0)] == 1
    assert {row["lead_id"] for row in stage.simulator.crm_rows} == {"1000", "1001"}
    stage.check()


def test_message_that_arrives_fifty_seconds_late_is_not_doubled(stage: Stage) -> None:
    """WATI was seen to send 50 s after the client gave up; settling waits longer than that."""
    plan = ScriptedPlan(arrives_after_s=50.0, on_send=(lost(FaultKind.HANG, taken=True),))
    stage.simulator.wati.set_plan(digits(0), plan)
    ended = stage.harness.run("run", "--json")

    assert ended.code == 0
    assert stage.simulator.posts[digits(0)] == 1
    assert ended.document["leads"]["accepted"] == 2
    stage.check()


def test_send_lost_for_ever_is_tried_three_times_over_all_runs(stage: Stage) -> None:
    """A lead whose message never arrives costs three POSTs, remembered over runs, and no more."""
    stage.simulator.wati.set_plan(digits(0), ScriptedPlan(on_send=(lost(taken=False, times=None),)))
    for _ in range(5):
        assert stage.harness.run("run").code == 0
        stage.clock.advance(3600.0)
    times = stage.post_times()

    assert len(times) == 3
    assert all(later - earlier >= SETTLE_S - 1e-6 for earlier, later in pairwise(times))
    assert stage.harness.records()["1000"]["attempts"] == 3
    assert sum(sum(day.values()) for day in stage.harness.quota().values()) == 1
    stage.check()


def test_absent_send_is_not_made_again_once_the_crm_drops_the_lead(stage: Stage) -> None:
    """What proves absent in a later run frees its quota; the CRM's list decides about a resend."""
    stage.simulator.script(Endpoint.SEND, lost(taken=False))
    stage.simulator.script(Endpoint.MESSAGES, Reply(status=500, times=None))
    stage.harness.run("run")
    stage.simulator.clear_scripts()
    stage.simulator.crm.leads.pop(0)
    stage.clock.advance(3600.0)
    stage.harness.run("run")

    assert stage.simulator.posts[digits(0)] == 1
    assert sum(sum(day.values()) for day in stage.harness.quota().values()) == 1
    failed = [row for row in stage.simulator.crm_rows if row["msg_status"] == "failed"]
    assert [row["lead_id"] for row in failed] == ["1000"]
    stage.check()


def test_report_of_an_unknown_send_is_kept_with_the_run(stage: Stage) -> None:
    """The JSON report counts it as neither accepted nor refused."""
    stage.simulator.script(Endpoint.SEND, lost(taken=True))
    stage.simulator.script(Endpoint.MESSAGES, Reply(status=500, times=None))
    stage.harness.run("run")
    report = json.loads(stage.harness.run("report", "--format", "json").out)

    leads = report["leads"]
    assert (leads["accepted"], leads["refused"], leads["unknown"]) == (1, 0, 1)

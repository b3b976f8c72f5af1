"""The simulator without sockets: answers, faults as the real client meets them, and time."""

from functools import partial
from typing import Any

import pytest
from fakes import FakeClock
from simulated.faults import FaultKind
from simulated.inprocess import ADDRESSES, InProcessHttp
from simulated.scripts import Moment, Reply, late, lost, server_error
from simulated.simulator import Simulator

from lead_automation.errors import Fault, TransportError
from lead_automation.http import Request
from lead_automation.sandbox.exchange import Endpoint, Side
from lead_automation.sandbox.simulator import API_KEY, TEMPLATE

NUMBER = "919000000101"
HEADERS = {"Authorization": f"Bearer {API_KEY}"}


class Scene:
    """A simulator, its clock and the transport between."""

    def __init__(self, **settings: Any) -> None:
        """Build them; settings are InProcessHttp's."""
        self.clock = FakeClock()
        self.simulator = Simulator(clock=self.clock)
        self.http = InProcessHttp(
            self.simulator, self.clock, advance=self.clock.advance, **settings
        )
        self.began = self.clock.monotonic()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the beginning."""
        return self.clock.monotonic() - self.began


def send_request(**changes: Any) -> Request:
    """Return a send."""
    fields: dict[str, Any] = {
        "method": "POST",
        "url": ADDRESSES.wati_base_url("v2") + "/sendTemplateMessage",
        "params": (("whatsappNumber", NUMBER),),
        "headers": HEADERS,
        "json": {
            "template_name": TEMPLATE,
            "broadcast_name": "run_1",
            "parameters": [{"name": name, "value": "क"} for name in "123"],
        },
        "is_send": True,
    }
    return Request(**(fields | changes))


def read_request(**changes: Any) -> Request:
    """Return a read of the template list."""
    url = ADDRESSES.wati_base_url("v1") + "/getMessageTemplates"
    return Request(**({"method": "GET", "url": url, "headers": HEADERS} | changes))


def test_call_says_when_it_was_made() -> None:
    """Latency moves the clock; the server made its Date somewhere in between."""
    scene = Scene(latency_s=4)
    scene.simulator.wati_offset_s = 100

    answer = scene.http.call(read_request())

    assert scene.elapsed_s == 4
    assert answer.server_date is not None
    assert (answer.server_date - scene.clock.at(answer.span_s[0])).total_seconds() == 100
    assert answer.span_s[1] - answer.span_s[0] == 4


@pytest.mark.parametrize(
    ("kind", "seconds"),
    [(FaultKind.CERTIFICATE, 0), (FaultKind.HANG, 30), (FaultKind.SLOW_BODY, 45)],
)
def test_fault_takes_the_time_the_real_client_has_for_it(kind: FaultKind, seconds: float) -> None:
    """A silence costs the read timeout, a drip the whole deadline; no time passes before a call."""
    scene = Scene()
    scene.simulator.script(Endpoint.SEND, lost(kind, taken=True))

    with pytest.raises(TransportError) as caught:
        scene.http.call(send_request())

    is_made = kind is not FaultKind.CERTIFICATE
    assert caught.value.fault is (Fault.LOST if is_made else Fault.CERTIFICATE)
    assert scene.elapsed_s == seconds
    assert len(scene.simulator.messages) == is_made


@pytest.mark.parametrize(
    ("deadline_s", "seconds", "arrives"), [(45, 29, True), (45, 31, False), (3, 5, False)]
)
def test_late_answer_arrives_within_patience_only(
    deadline_s: float, seconds: float, *, arrives: bool
) -> None:
    """The shorter of read timeout and deadline decides."""
    scene = Scene(read_timeout_s=30)
    scene.simulator.script(Endpoint.SEND, late(seconds))
    request = send_request(deadline_s=deadline_s)

    if arrives:
        assert scene.http.call(request).status == 200
    else:
        with pytest.raises(TransportError) as caught:
            scene.http.call(request)
        assert caught.value.is_timeout

    assert scene.elapsed_s == min(deadline_s, 30, seconds)
    assert len(scene.simulator.messages) == 1


def test_call_refused_before_it_leaves_or_beyond_its_cap_has_no_answer() -> None:
    """In a dry run nothing but reads leaves; too many bytes are as good as none."""
    scene = Scene(allow_posts=False)

    for request, fault in (
        (send_request(), Fault.FORBIDDEN),
        (read_request(max_bytes=10), Fault.LOST),
    ):
        with pytest.raises(TransportError) as caught:
            scene.http.call(request)
        assert caught.value.fault is fault
    assert scene.simulator.posts[NUMBER] == 0
    assert scene.http.call(read_request()).status == 200


@pytest.mark.parametrize(
    ("replies", "tries", "status", "seconds"),
    [
        ([server_error(503), server_error(502)], 3, 200, 2),
        ([server_error(500)], 1, 500, 0),
    ],
)
def test_read_is_repeated_as_the_real_client_repeats_it(
    replies: list[Reply], tries: int, status: int, seconds: float
) -> None:
    """Its pauses move the clock; each try is counted by on_try."""
    scene = Scene()
    scene.simulator.script(Endpoint.TEMPLATES, *replies)
    counted: list[int] = []

    answer = scene.http.call(read_request(retry_reads=True, on_try=lambda: counted.append(1)))

    assert answer.status == status
    assert len(counted) == len(scene.simulator.calls[Endpoint.TEMPLATES]) == tries
    assert scene.elapsed_s == seconds


@pytest.mark.parametrize("request_", [send_request(retry_reads=True), read_request()])
def test_send_and_plain_read_are_never_repeated(request_: Request) -> None:
    """One try, whatever comes."""
    scene = Scene()
    scene.simulator.take_down(Side.WATI)

    with pytest.raises(TransportError):
        scene.http.call(request_)

    assert sum(map(len, scene.simulator.calls.values())) == 1


def test_hooks_run_at_every_moment() -> None:
    """The four moments come in their order, without sockets too."""
    scene = Scene()
    moments: list[Moment] = []
    for moment in Moment:
        note = partial(lambda name, _: moments.append(name), moment)
        scene.simulator.hooks.add(moment, Endpoint.SEND, note, times=None)

    scene.http.call(send_request())
    scene.simulator.script(Endpoint.SEND, lost(taken=True))
    with pytest.raises(TransportError):
        scene.http.call(send_request())

    assert moments == [*Moment, Moment.HEADERS, Moment.ACCEPTED]

"""How far it is from the command line to the POST of a message."""

import traceback
from pathlib import Path

import pytest
from fakes import FakeClock, ScriptedChance
from harness import many_leads, serve
from simulated.simulator import Simulator

from lead_automation.clock import StopFlag
from lead_automation.config import HttpPolicy
from lead_automation.http import Answer, HttpClient, Request

MOST_FRAMES = 10


class CountingHttp:
    """The real client; notes which functions stand on the stack when a message is sent."""

    def __init__(self, client: HttpClient) -> None:
        """Wrap the client."""
        self._client = client
        self.path: list[str] = []

    def call(self, request: Request) -> Answer:
        """Make the call."""
        if request.is_send:
            names = [frame.name for frame in traceback.extract_stack()]
            self.path = names[names.index("main") :]
        return self._client.call(request)


def test_post_of_a_real_send_is_few_frames_below_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader who follows one lead from ``cli.main`` to the POST passes at most ten frames."""
    monkeypatch.chdir(tmp_path)
    clock = FakeClock()
    client = HttpClient(
        HttpPolicy(connect_timeout_s=10, read_timeout_s=30),
        clock=clock,
        sleep=clock.sleep,
        chance=ScriptedChance(0.5),
        stop=StopFlag(),
        allow_posts=True,
    )
    http = CountingHttp(client)
    with serve(tmp_path, Simulator(clock=clock, leads=many_leads(1)), clock) as harness:
        harness.make_http = lambda _: http
        ended = harness.run("run")

    assert ended.code == 0
    assert http.path[0] == "main"
    assert http.path[-1] == "call"
    assert len(http.path) <= MOST_FRAMES, http.path

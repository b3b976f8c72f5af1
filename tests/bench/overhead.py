"""What the program costs on top of the calls and the two lines on disk it cannot do without.

Nothing followed, every wait over at once. The bare loop makes the same calls to the same server
over the same kind of connections (``requests``, kept alive), and appends and fsyncs two lines a
lead. The two take turns every few leads, in one process: whatever else the machine does meanwhile
hits both alike, and each turn is compared with the turn beside it.
"""

import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from statistics import median

import requests
from bench.figures import Figure, Say
from bench.stage import (
    NEITHER_PACED_NOR_FOLLOWED,
    SkippingClock,
    make_leads,
    run_campaign,
    serve,
    setting_values,
)

from lead_automation.clock import Clock, StopFlag, system_chance
from lead_automation.config import HttpPolicy
from lead_automation.http import Answer, Http, HttpClient, Request
from lead_automation.sandbox.simulator import TEMPLATE

LEADS = 450
"""A day of the nine counsellors, 50 each."""
RUNS = 6
TURN = 10
"""Leads a turn."""

_LINE = b"x" * 420 + b"\n"
"""As long as the journal's lines are on average."""


def measure(say: Say) -> list[Figure]:
    """Return the time per lead over the bare loop's."""
    turns = Turns()
    others: list[float] = []
    with serve(leads=LEADS) as (addresses, _), tempfile.TemporaryDirectory() as folder:
        for number in range(RUNS):
            values = setting_values(
                addresses, Path(folder) / str(number), NEITHER_PACED_NOR_FOLLOWED
            )
            before = turns.total_s
            began = time.perf_counter()
            _run_in_turns(values, turns)
            others.append(time.perf_counter() - began - (turns.total_s - before))
            say(f"  run {number + 1} of {RUNS}: {turns.ratio:.3f} so far")
    ours_s, bare_s = turns.per_lead_s
    return [
        Figure(
            benchmark="overhead",
            name="time per lead over a bare loop's",
            measured=turns.ratio,
            at_most=1.4,
            note=f"{1000 * ours_s:.2f} and {1000 * bare_s:.2f} ms a lead, medians; {RUNS} runs of "
            f"{LEADS} leads, {TURN} a turn",
        ),
        Figure(
            benchmark="overhead",
            name="beginning and end of a run",
            measured=1000 * median(others),
            unit="ms",
            note="settings, state, template, list of leads, fold, report",
        ),
    ]


class Turns:
    """Seconds of each turn, by what is done for a lead in it: its send, or its CRM row.

    Attributes:
        total_s: Of all turns.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._pairs: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self.total_s = 0.0

    def took(self, kind: str, ours_s: float, bare_s: float) -> None:
        """Note two turns that stood side by side."""
        self._pairs[kind].append((ours_s, bare_s))
        self.total_s += ours_s + bare_s

    @property
    def per_lead_s(self) -> tuple[float, float]:
        """Seconds a lead takes the program, and the bare loop."""
        ours_s = sum(median(ours for ours, _ in pairs) for pairs in self._pairs.values())
        return ours_s / TURN, sum(self._bare_s().values()) / TURN

    @property
    def ratio(self) -> float:
        """The ratio of neighbours, each kind of turn weighted by the time it takes."""
        bare_s = self._bare_s()
        weighted = sum(
            bare_s[kind] * median(ours / bare for ours, bare in pairs)
            for kind, pairs in self._pairs.items()
        )
        return weighted / sum(bare_s.values())

    def _bare_s(self) -> dict[str, float]:
        return {kind: median(bare for _, bare in pairs) for kind, pairs in self._pairs.items()}


def _run_in_turns(values: dict[str, str], turns: Turns) -> None:
    clock = SkippingClock(Clock().now(), time.monotonic)
    client = HttpClient(
        HttpPolicy(connect_timeout_s=10.0, read_timeout_s=30.0),
        clock=clock,
        sleep=clock.sleep,
        chance=system_chance,
        stop=StopFlag(),
        allow_posts=True,
    )
    with closing(client), closing(BareLoop(values)) as bare:
        http = TakingTurns(client, bare, turns)
        result = run_campaign(values, clock=clock, sleep=clock.sleep, make_http=lambda _: http)
    if result["leads"]["accepted"] != LEADS or result["api_calls"]["crm_log"] != LEADS:
        msg = f"not the run that was meant: {result['reason']} {result['api_calls']}"
        raise RuntimeError(msg)


class TakingTurns:
    """The program's HTTP border, which lets the bare loop have its turn between two leads."""

    def __init__(self, http: Http, bare: "BareLoop", turns: Turns) -> None:
        """Take turns with bare."""
        self._http = http
        self._bare = bare
        self._turns = turns
        self._kind = ""
        self._count = 0
        self._began = 0.0

    def call(self, request: Request) -> Answer:
        """Make a call; before every tenth of a kind the bare loop makes ten."""
        if request.method == "POST":
            self._before_post("send" if request.is_send else "row")
        return self._http.call(request)

    def _before_post(self, kind: str) -> None:
        if kind != self._kind:
            self._kind, self._count, self._began = kind, 0, time.perf_counter()
        if self._count == TURN:
            ours_s = time.perf_counter() - self._began
            began = time.perf_counter()
            for index in range(TURN):
                self._bare.post(kind, index)
            self._turns.took(kind, ours_s, time.perf_counter() - began)
            self._count, self._began = 0, time.perf_counter()
        self._count += 1


class BareLoop:
    """What has to be done for a lead, with nothing around it."""

    def __init__(self, values: Mapping[str, str]) -> None:
        """Make calls to the addresses of these settings, and append to a file in the state."""
        self._values = values
        self._leads = make_leads(TURN)
        self._session = requests.Session()
        self._session.trust_env = False
        path = Path(values["STATE_DIR"]) / "bare.jsonl"
        self._journal = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def post(self, kind: str, index: int) -> None:
        """Send to a lead, a line on disk before and after it, or post its CRM row."""
        (self._send if kind == "send" else self._report)(self._leads[index])

    def close(self) -> None:
        """Close connections and file."""
        os.close(self._journal)
        self._session.close()

    def _send(self, lead: Mapping[str, object]) -> None:
        self._append()
        self._post(
            f"{self._values['WATI_BASE_URL']}/sendTemplateMessage",
            authorization=f"Bearer {self._values['WATI_API_KEY']}",
            query={"whatsappNumber": str(lead["mobile_number_formatted"])[1:]},
            body={
                "template_name": TEMPLATE,
                "broadcast_name": "lead_automation",
                "parameters": [{"name": name, "value": "Asha"} for name in "123"],
            },
        )
        self._append()

    def _report(self, lead: Mapping[str, object]) -> None:
        self._post(
            self._values["WATI_LOG_API_URL"],
            authorization=self._values["LEAD_API_TOKEN"],
            query={},
            body={
                "lead_id": str(lead["lead_id"]),
                "message_content": f"Template: {TEMPLATE}",
                "msg_type": "template",
                "msg_status": "sent",
                "to_phone_number": lead["mobile_number_formatted"],
                "template_name": TEMPLATE,
                "wati_message_id": "0" * 36,
                "sent_at": "2026-11-22T09:15:24+05:30",
            },
        )

    def _append(self) -> None:
        os.write(self._journal, _LINE)
        os.fsync(self._journal)

    def _post(
        self, url: str, *, authorization: str, query: Mapping[str, str], body: Mapping[str, object]
    ) -> None:
        answer = self._session.post(
            url, params=query, json=body, headers={"Authorization": authorization}, timeout=30
        )
        answer.raise_for_status()
        answer.json()

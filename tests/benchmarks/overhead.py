"""What the program costs on top of the calls and the two lines on disk it cannot do without.

Unpaced, no rate limits, nothing followed. The bare loop makes the same calls to the same server
over the same kind of connections (``requests``, kept alive), and appends and fsyncs two lines a
lead. The two take turns every few leads, in one process: whatever else the machine does meanwhile
hits both alike, and each turn is compared with the turn beside it.
"""

import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from statistics import median

import requests
from benchmarks.figures import Figure, Say
from benchmarks.serve import serve
from benchmarks.stage import Stage, make_leads, make_settings

from lead_automation.clock import SystemClock, system_chance
from lead_automation.config import Settings
from lead_automation.http import Answer, Http, HttpClient, Request
from lead_automation.runs import CallKind
from lead_automation.sandbox.simulator import API_KEY, CRM_AUTHORIZATION, TEMPLATE

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
    with serve(leads=LEADS) as served, tempfile.TemporaryDirectory() as folder:
        for number in range(RUNS):
            settings = make_settings(served.addresses, Path(folder) / str(number))
            before = turns.total_s
            began = time.perf_counter()
            _run_in_turns(settings, turns)
            others.append(time.perf_counter() - began - (turns.total_s - before))
            say(f"  run {number + 1} of {RUNS}: {turns.ratio:.3f} so far")
    ours, bare = turns.per_lead_s
    return [
        Figure(
            benchmark="overhead",
            name="time per lead over a bare loop's",
            measured=turns.ratio,
            at_most=1.4,
            note=f"{1000 * ours:.2f} and {1000 * bare:.2f} ms a lead, medians; {RUNS} runs of "
            f"{LEADS} leads, {TURN} a turn",
        ),
        Figure(
            benchmark="overhead",
            name="beginning and end of a run",
            measured=1000 * median(others),
            unit="ms",
            note="reading the state, template, list of leads, fold, account",
        ),
    ]


class Turns:
    """Seconds of each turn, by what is done for a lead in it: its send, or its CRM row.

    Attributes:
        total_s: Of all turns.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._ours: dict[CallKind, list[float]] = defaultdict(list)
        self._bare: dict[CallKind, list[float]] = defaultdict(list)
        self.total_s = 0.0

    def took(self, kind: CallKind, ours_s: float, bare_s: float) -> None:
        """Note two turns that stood side by side."""
        self._ours[kind].append(ours_s)
        self._bare[kind].append(bare_s)
        self.total_s += ours_s + bare_s

    @property
    def per_lead_s(self) -> tuple[float, float]:
        """Seconds a lead takes the program, and the bare loop."""
        ours = sum(median(turns) for turns in self._ours.values())
        bare = sum(median(turns) for turns in self._bare.values())
        return ours / TURN, bare / TURN

    @property
    def ratio(self) -> float:
        """The ratio of neighbours, each kind of turn weighted by the time it takes."""
        bare = {kind: median(turns) for kind, turns in self._bare.items()}
        weighted = sum(
            bare[kind]
            * median(ours / other for ours, other in zip(turns, self._bare[kind], strict=True))
            for kind, turns in self._ours.items()
        )
        return weighted / sum(bare.values())


def _run_in_turns(settings: Settings, turns: Turns) -> None:
    client = HttpClient(
        settings.http,
        clock=SystemClock(),
        sleep=_never,
        chance=system_chance,
        allow_posts=True,
    )
    path = settings.local.state_dir / "bare.jsonl"
    with closing(client), closing(BareLoop(settings, path)) as bare:
        http = TakingTurns(client, bare, turns)
        result = Stage(settings=settings, make_http=lambda _: http).run()
    if result.accepted != LEADS or result.api_calls[CallKind.CRM_LOG.value] != LEADS:
        msg = f"not the run that was meant: {result.reason} {result.api_calls}"
        raise RuntimeError(msg)


def _never(seconds: float) -> None:
    """Refuse to sleep: nothing here has a reason to."""
    msg = f"nobody was to sleep, least of all {seconds} s"
    raise RuntimeError(msg)


class TakingTurns:
    """The program's HTTP border, which lets the bare loop have its turn between two leads."""

    def __init__(self, http: Http, bare: "BareLoop", turns: Turns) -> None:
        """Take turns with bare."""
        self._http = http
        self._turns = turns
        self._act: Mapping[CallKind, Callable[[int], None]] = {
            CallKind.SEND: bare.send,
            CallKind.CRM_LOG: bare.report,
        }
        self._kind: CallKind | None = None
        self._count = 0
        self._began = 0.0

    def call(self, request: Request) -> Answer:
        """Make a call; before every tenth of a kind the bare loop makes ten."""
        if request.method == "POST":
            self._before_post(CallKind.SEND if request.is_send else CallKind.CRM_LOG)
        return self._http.call(request)

    def _before_post(self, kind: CallKind) -> None:
        if kind is not self._kind:
            self._kind, self._count, self._began = kind, 0, time.perf_counter()
        if self._count == TURN:
            ours_s = time.perf_counter() - self._began
            began = time.perf_counter()
            for index in range(TURN):
                self._act[kind](index)
            self._turns.took(kind, ours_s, time.perf_counter() - began)
            self._count, self._began = 0, time.perf_counter()
        self._count += 1


class BareLoop:
    """What has to be done for a lead, with nothing around it."""

    def __init__(self, settings: Settings, path: Path) -> None:
        """Make calls to the addresses of settings, and append to a file at path."""
        self._settings = settings
        self._leads = make_leads(TURN)
        self._session = requests.Session()
        self._session.trust_env = False
        self._journal = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def send(self, index: int) -> None:
        """Put a line on disk, send, put another line on disk."""
        self._append()
        self._post(
            f"{self._settings.wati.host}/api/v2/sendTemplateMessage",
            authorization=f"Bearer {API_KEY}",
            query={"whatsappNumber": str(self._leads[index]["mobile_number_formatted"])[1:]},
            body={
                "template_name": TEMPLATE,
                "broadcast_name": self._settings.wati.broadcast_name,
                "parameters": [{"name": name, "value": "Asha"} for name in "123"],
            },
        )
        self._append()

    def report(self, index: int) -> None:
        """Post a CRM row."""
        self._post(
            self._settings.crm.log_url,
            authorization=CRM_AUTHORIZATION,
            query={},
            body={
                "lead_id": str(self._leads[index]["lead_id"]),
                "message_content": f"Template: {TEMPLATE}",
                "msg_type": "template",
                "msg_status": "sent",
                "to_phone_number": self._leads[index]["mobile_number_formatted"],
                "template_name": TEMPLATE,
                "wati_message_id": "0" * 36,
                "sent_at": "2026-11-22T09:15:24+05:30",
            },
        )

    def close(self) -> None:
        """Close connections and file."""
        os.close(self._journal)
        self._session.close()

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

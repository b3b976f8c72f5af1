"""The run itself, step by step, as somebody who embeds it would call it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from logging import INFO
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeClock, ScriptedChance

from lead_automation.campaign.assembly import RunPlan, make_automation
from lead_automation.campaign.run import SAMPLE_LEAD, EnhancedLeadAutomation
from lead_automation.clock import StopFlag
from lead_automation.errors import UnreachableError
from lead_automation.files import SystemDisk
from lead_automation.leads.crm import MalformedLead
from lead_automation.models import Counsellor, CrmRow, ErrorCategory, Lead, MessageStatus
from lead_automation.reporting.logger import OptimizedLogger
from lead_automation.reporting.progress import make_progress
from lead_automation.runs import RunMode, RunResult, RunStatus
from lead_automation.runtime import Runtime
from lead_automation.sandbox.exchange import Endpoint
from lead_automation.sandbox.inprocess import ADDRESSES, InProcessHttp
from lead_automation.sandbox.plans import Plan, refused
from lead_automation.sandbox.scripts import Moment, html_page, server_error
from lead_automation.sandbox.simulator import API_KEY, CRM_AUTHORIZATION, TEMPLATE, Simulator
from lead_automation.settings.load import load_settings
from lead_automation.state.fileledger import FileLedger
from lead_automation.state.jsonstore import init_state
from lead_automation.wati.limits import RateLimits

_ANANDI = Counsellor(name="Anandi", number="+919512270915", daily_limit=50)


@dataclass(frozen=True, kw_only=True)
class Built:
    """An automation, what it acts on, the stop flag it looks at, and what its border was told."""

    automation: EnhancedLeadAutomation
    books: FileLedger
    stop: StopFlag
    may_post: bool


@contextmanager
def _built(
    folder: Path,
    simulator: Simulator,
    clock: FakeClock,
    *,
    mode: RunMode = RunMode.PRODUCTION,
    limit: int | None = None,
    draws: tuple[float, ...] = (0.0,),
    **settings: str,
) -> Iterator[Built]:
    """Build a run from the real parts; only its HTTP border ends in this process."""
    values = {
        "WATI_API_KEY": API_KEY,
        "WATI_BASE_URL": ADDRESSES.wati_base_url("v2"),
        "WATI_INSTANCE_ID": "1",
        "WATI_TEMPLATE_NAME": TEMPLATE,
        "LEAD_API_URL": ADDRESSES.lead_url,
        "LEAD_API_TOKEN": CRM_AUTHORIZATION,
        "WATI_LOG_API_URL": ADDRESSES.log_url,
        "TEST_MOBILE_NUMBER": "+917567905829",
        "STATE_DIR": str(folder),
        **settings,
    }
    loaded = load_settings(values, read_file=lambda _: None, folder=folder)
    disk, stop = SystemDisk(), StopFlag()
    told: list[bool] = []

    def make(allow_posts: bool) -> InProcessHttp:  # noqa: FBT001 - called by position
        told.append(allow_posts)
        return InProcessHttp(simulator, clock, advance=clock.advance, allow_posts=allow_posts)

    runtime = Runtime(
        environ={},
        folder=folder,
        disk=disk,
        clock=clock,
        sleep=clock.sleep,
        chance=ScriptedChance(*draws),
        stop=stop,
        stdin=None,
        stdout=None,
        stderr=None,
        pid=1,
        make_http=make,
    )
    zone = loaded.local.hours.zone
    init_state(disk, folder)
    books = FileLedger.open(
        disk,
        folder,
        history_days=7,
        today=clock.now().astimezone(zone).date(),
        zone=zone,
        read_only=mode is RunMode.DRY_RUN,
    )
    plan = RunPlan(
        settings=loaded,
        mode=mode,
        limit=limit,
        limits=RateLimits.of_plan(loaded.local.plan),
        run_id="20261123T113000-0000",
    )
    with (
        OptimizedLogger(stream=None, level=INFO, clock=clock, zone=zone, secrets=()) as log,
        make_progress(None, enabled=False, clock=clock) as progress,
    ):
        automation = make_automation(plan, runtime=runtime, books=books, log=log, progress=progress)
        yield Built(automation=automation, books=books, stop=stop, may_post=told == [True])
    books.close()


def _lead(lead_id: str = "1", number: object = "+919810000001", name: object = "Asha Rao") -> Lead:
    return Lead(lead_id=lead_id, full_name=name, mobile_number=number)


def _row(lead_id: object, number: str = "+919810000001") -> dict[str, Any]:
    return {"lead_id": lead_id, "full_name": "Asha", "mobile_number_formatted": number}


def _outcome(result: RunResult) -> tuple[RunStatus, int]:
    return result.status, result.exit_code


def test_process_single_lead_sends_and_tells_the_owners_form(tmp_path: Path) -> None:
    """One lead on its own is reserved, sent and settled, and its result says so."""
    clock = FakeClock()
    simulator = Simulator(clock=clock)
    with _built(tmp_path, simulator, clock) as built:
        result = built.automation.process_single_lead(_lead())
        [record] = built.books.records()
    [message] = simulator.messages

    assert result.success
    assert (result.status, result.should_continue) == (MessageStatus.SENT, True)
    assert result.message_id == message.local_message_id == record.message_id
    assert (record.lead_id, record.counsellor, record.unknown) == ("1", "Anandi", False)


@pytest.mark.parametrize(
    ("lead", "words"),
    [
        (_lead(number="12345"), "invalid number"),
        (_lead(number=None), "invalid number"),
        (MalformedLead(lead_id="9", reason="full_name is missing"), "full_name is missing"),
    ],
)
def test_process_single_lead_that_is_odd_is_skipped(
    tmp_path: Path, lead: Lead | MalformedLead, words: str
) -> None:
    """An odd lead gets a reason, makes no call, and does not stop the others."""
    clock = FakeClock()
    simulator = Simulator(clock=clock)
    with _built(tmp_path, simulator, clock) as built:
        result = built.automation.process_single_lead(lead)
        after = built.automation.process_single_lead(_lead("2"), 2)

    assert not result.success
    assert words in (result.error_message or "")
    assert result.should_continue
    assert after.success
    assert simulator.posts.total() == 1


def test_process_single_lead_twice_sends_once(tmp_path: Path) -> None:
    """The same lead, or the same number, is skipped the second time."""
    clock = FakeClock()
    simulator = Simulator(clock=clock)
    with _built(tmp_path, simulator, clock) as built:
        results = [
            built.automation.process_single_lead(lead, position)
            for position, lead in enumerate((_lead("1"), _lead("1"), _lead("2")), 1)
        ]

    assert [result.success for result in results] == [True, False, False]
    assert simulator.posts.total() == 1


def test_process_single_lead_refused_carries_the_category(tmp_path: Path) -> None:
    """A refusal is a value: failed, with WATI's words and category, quota given back."""
    clock = FakeClock()
    simulator = Simulator(clock=clock, plans={"919810000001": refused("Invalid WhatsApp number")})
    with _built(tmp_path, simulator, clock) as built:
        result = built.automation.process_single_lead(_lead())
        [record] = built.books.records()
        used = built.books.quota_used(record.day)

    assert (result.success, result.status) == (False, MessageStatus.FAILED)
    assert result.error_category is ErrorCategory.INVALID_NUMBER
    assert result.should_continue
    assert sum(used.values()) == 0


def test_process_single_lead_without_quota_ends_the_run(tmp_path: Path) -> None:
    """With every counsellor's quota used, a lead is left for another day."""
    clock = FakeClock()
    simulator = Simulator(clock=clock)
    with _built(tmp_path, simulator, clock) as built:
        for index in range(450):
            day = clock.now().date()
            record = built.books.reserve(
                day=day,
                lead_id=f"x{index}",
                phone=f"+9198200{index:05}",
                template=TEMPLATE,
                counsellor=_name(built, index),
                at=clock.now(),
                attempt=1,
                retry_of_row=None,
            )
            assert record.unknown
        none_left = built.automation.get_available_counsellor()
        result = built.automation.process_single_lead(_lead())

    assert none_left is None
    assert not result.success
    assert result.error_message == "All counsellor quotas exhausted for today"
    assert simulator.posts.total() == 0


def _name(built: Built, index: int) -> str:
    counsellor = built.automation.get_available_counsellor()
    assert counsellor is not None, index
    return counsellor.name


@pytest.mark.parametrize(
    ("draw", "name"), [(0.0, "Anandi"), (0.12, "Preeti"), (0.5, "Sangita"), (0.9999, "Vaidehi")]
)
def test_counsellor_is_drawn_by_quota_left(tmp_path: Path, draw: float, name: str) -> None:
    """The drawn number falls on a counsellor in proportion to the quota left."""
    clock = FakeClock()
    with _built(tmp_path, Simulator(clock=clock), clock, draws=(draw,)) as built:
        chosen = built.automation.get_available_counsellor()

    assert chosen is not None
    assert chosen.name == name


def test_counsellor_preferred_is_kept_while_there_is_quota(tmp_path: Path) -> None:
    """A lead keeps its counsellor, unless that one has no quota left."""
    clock = FakeClock()
    with _built(tmp_path, Simulator(clock=clock), clock, draws=(0.9999,)) as built:
        kept = built.automation.get_available_counsellor(_ANANDI)
        on_leave = Counsellor(name="Anandi", number="+919512270915", daily_limit=0)
        other = built.automation.get_available_counsellor(on_leave)

    assert kept == _ANANDI
    assert other is not None
    assert other.name == "Vaidehi"


def test_fetch_leads_returns_them_in_order_odd_ones_too(tmp_path: Path) -> None:
    """Rows come as leads or as malformed ones, each in its place."""
    clock = FakeClock()
    simulator = Simulator(clock=clock, leads=[_row(1), {"full_name": "x"}, _row("3")])
    with _built(tmp_path, simulator, clock) as built:
        found = built.automation.fetch_leads().leads

    assert [type(lead) for lead in found] == [Lead, MalformedLead, Lead]
    assert [lead.lead_id for lead in found] == ["1", "", "3"]


def test_fetch_leads_that_fails_raises_but_for_a_test_send(tmp_path: Path) -> None:
    """A page where JSON is due ends a run; a test send takes the sample lead instead."""
    clock = FakeClock()
    simulator = Simulator(clock=clock)
    simulator.script(Endpoint.LEADS, html_page(times=None))
    with (
        _built(tmp_path / "a", simulator, clock) as built,
        pytest.raises(UnreachableError, match="lead list"),
    ):
        built.automation.fetch_leads()
    with _built(tmp_path / "b", simulator, clock, mode=RunMode.TEST) as built:
        found = built.automation.fetch_leads()

    assert found.leads == (SAMPLE_LEAD,)


@pytest.mark.parametrize(
    ("mode", "taken", "posts"),
    [(RunMode.PRODUCTION, True, 1), (RunMode.TEST, True, 0), (RunMode.DRY_RUN, False, 0)],
)
def test_save_message_log_posts_for_real_runs_only(
    tmp_path: Path,
    mode: RunMode,
    taken: bool,  # noqa: FBT001
    posts: int,
) -> None:
    """A test send's row is dropped, a dry run's stays owed, and neither makes a call."""
    clock = FakeClock()
    simulator = Simulator(clock=clock)
    row = CrmRow(
        row_id="r",
        lead_id="1",
        template_name=TEMPLATE,
        to_phone_number="+919810000001",
        msg_status="sent",
    )
    with _built(tmp_path, simulator, clock, mode=mode) as built:
        answer = built.automation.save_message_log(row, deadline_s=3)

    assert answer is taken
    assert len(simulator.crm_rows) == posts


@pytest.mark.parametrize("mode", list(RunMode))
def test_border_of_a_dry_run_alone_may_not_post(tmp_path: Path, mode: RunMode) -> None:
    """The HTTP border itself is told that a dry run makes no POST, whatever a caller tries."""
    clock = FakeClock()
    with _built(tmp_path, Simulator(clock=clock), clock, mode=mode) as built:
        may_post = built.may_post

    assert may_post is (mode is not RunMode.DRY_RUN)


def test_save_message_log_that_is_refused_leaves_the_row_owed(tmp_path: Path) -> None:
    """Anything but a yes of the CRM is a no."""
    clock = FakeClock()
    simulator = Simulator(clock=clock)
    simulator.script(Endpoint.LOG, server_error(503))
    row = CrmRow(
        row_id="r",
        lead_id="1",
        template_name=TEMPLATE,
        to_phone_number="+919810000001",
        msg_status="sent",
    )
    with _built(tmp_path, simulator, clock) as built:
        first = built.automation.save_message_log(row, deadline_s=3)
        second = built.automation.save_message_log(row, deadline_s=3)

    assert (first, second) == (False, True)


def test_run_campaign_returns_everything_known(tmp_path: Path) -> None:
    """The result holds status, sums, rows in order and next steps."""
    clock = FakeClock()
    leads = [_row(1), _row(2, "+919810000002"), _row(3, "12"), {"full_name": "x"}]
    simulator = Simulator(clock=clock, leads=leads)
    with _built(tmp_path, simulator, clock) as built:
        result = built.automation.run_campaign()

    assert _outcome(result) == (RunStatus.COMPLETED, 0)
    assert (result.fetched, result.attempted, result.accepted) == (4, 2, 2)
    assert [row.position for row in result.rows] == [1, 2, 3, 4]
    assert any("invalid number" in step for step in result.next_steps)


def test_run_campaign_that_meets_an_error_returns_it(tmp_path: Path) -> None:
    """What ends a run is in its result with its exit code, the books closed all the same."""
    clock = FakeClock()
    simulator = Simulator(clock=clock)
    simulator.script(Endpoint.LEADS, server_error(500, times=None))
    with _built(tmp_path, simulator, clock) as built:
        result = built.automation.run_campaign()

    assert _outcome(result) == (RunStatus.FAILED, 4)
    assert "CRM" in result.reason


def test_run_campaign_keeps_its_summary_when_the_hold_is_damaged(tmp_path: Path) -> None:
    """A hold file that is damaged in mid-run ends it with 5, and what was sent is still told."""
    clock = FakeClock()
    simulator = Simulator(clock=clock, leads=[_row(i, f"+91981000{i:04}") for i in range(1, 6)])

    def damage(_: object) -> None:
        (tmp_path / "campaign_hold.json").write_text("{", encoding="utf-8")

    simulator.hooks.add(Moment.ACCEPTED, Endpoint.SEND, damage, skip=1)
    with _built(tmp_path, simulator, clock) as built:
        result = built.automation.run_campaign()

    assert _outcome(result) == (RunStatus.FAILED, 5)
    assert "campaign_hold.json" in result.reason
    assert (result.accepted, result.not_reached) == (2, 3)
    assert len(simulator.messages) == 2


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        (Plan(contact_status="INVALID"), "not on WhatsApp"),
        (Plan(allow_broadcast=False), "broadcasts"),
    ],
)
def test_run_with_contact_look_up_skips_whom_the_contact_forbids(
    tmp_path: Path, plan: Plan, reason: str
) -> None:
    """CHECK_WHATSAPP_STATUS asks before the send, and a clear no keeps the lead from it."""
    clock = FakeClock()
    leads = [_row(1), _row(2, "+919810000002")]
    simulator = Simulator(clock=clock, leads=leads, plans={"919810000001": plan})
    with _built(tmp_path, simulator, clock, CHECK_WHATSAPP_STATUS="true") as built:
        result = built.automation.run_campaign()

    assert [message.number for message in simulator.messages] == ["919810000002"]
    assert reason in (result.rows[0].error_message or "")
    assert result.api_calls["contacts"] == 2
    assert result.exit_code == 0


def test_run_stopped_before_it_sends_anything_is_interrupted(tmp_path: Path) -> None:
    """A signal that came before the first lead ends the run without a send."""
    clock = FakeClock()
    simulator = Simulator(clock=clock, leads=[_row(1)])
    with _built(tmp_path, simulator, clock) as built:
        built.stop.request(2)
        result = built.automation.run_campaign()

    assert _outcome(result) == (RunStatus.INTERRUPTED, 130)
    assert simulator.posts.total() == 0


def test_run_of_a_crm_with_another_clock_goes_on_with_a_warning(tmp_path: Path) -> None:
    """A CRM whose clock is an hour off is warned about; only WATI's clock stops a run."""
    clock = FakeClock()
    simulator = Simulator(clock=clock, leads=[_row(1)], crm_offset_s=3600.0)
    with _built(tmp_path, simulator, clock) as built:
        result = built.automation.run_campaign()

    assert _outcome(result) == (RunStatus.COMPLETED, 0)
    assert any("CRM's clock" in warning for warning in result.warnings)

"""The two clients held to the simulator: v1 and v2, with sockets and without."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from fakes import FakeClock, ScriptedChance
from harness import lead, many_leads
from msgspec.structs import replace
from simulated.inprocess import ADDRESSES, InProcessHttp
from simulated.plans import ScriptedPlan, steps
from simulated.scripts import (
    Reply,
    answer,
    changed,
    html_page,
    lost,
    rate_limited,
    redirect,
    server_error,
    usage_limit_exceeded,
)
from simulated.server import SandboxServer
from simulated.simulator import Simulator

from lead_automation.answers import (
    ContactVerdict,
    LookupKind,
    StatusLookup,
    TemplateInfo,
    TemplateUnread,
)
from lead_automation.clock import RunClock, StopFlag
from lead_automation.config import ApiVersion, CrmSettings, HttpPolicy, WatiPlan, WatiSettings
from lead_automation.errors import UnreachableError
from lead_automation.http import Http, HttpClient
from lead_automation.leads.crm import CrmClient
from lead_automation.models import (
    ErrorCategory,
    MessageStatus,
    Outcome,
    SendAttempt,
    TemplateMessage,
)
from lead_automation.runs import CallKind
from lead_automation.sandbox.addresses import Addresses
from lead_automation.sandbox.exchange import Endpoint
from lead_automation.sandbox.plans import Plan, Step, failing, refused
from lead_automation.sandbox.simulator import API_KEY, CRM_AUTHORIZATION, OWNER_ID, TEMPLATE
from lead_automation.sandbox.wati_answers import SimTemplate
from lead_automation.sandbox.windows import VendorLimits
from lead_automation.secret import Secret
from lead_automation.stored import CrmRow
from lead_automation.wati.client import EnhancedWATIClient
from lead_automation.wati.limits import RateLimits

NUMBER = "919812345678"
PHONE = f"+{NUMBER}"
PARAMETERS = (("1", "Asha"), ("2", "Anandi"), ("3", "+919512270915"))
GRACE = timedelta(minutes=1)
GROWTH = RateLimits.of_plan(WatiPlan.GROWTH)
OTHER_TEMPLATE = SimTemplate(name=f"{TEMPLATE}_2")


@dataclass
class Bench:
    """A simulator and both clients in front of it.

    Attributes:
        seen: Kinds of the calls the clients told of.
    """

    simulator: Simulator
    clock: FakeClock
    version: str
    http: Http
    addresses: Addresses
    seen: list[CallKind] = field(default_factory=list)
    run_clock: RunClock = field(init=False)

    def __post_init__(self) -> None:
        """Begin the run's clock."""
        self.run_clock = RunClock(self.clock)

    def wati(self, limits: RateLimits = GROWTH) -> EnhancedWATIClient:
        """Return a client of the account."""
        settings = WatiSettings(
            api_key=Secret(API_KEY),
            host=self.addresses.wati_origin,
            tenant=None,
            api_version=ApiVersion(self.version),
            template=TEMPLATE,
            parameter_names=("1", "2", "3"),
            channel_number=None,
            broadcast_name="lead_automation",
        )
        return EnhancedWATIClient(
            settings, http=self.http, clock=self.run_clock, limits=limits, on_call=self.seen.append
        )

    def crm(self, token: str = CRM_AUTHORIZATION, owner: str = OWNER_ID) -> CrmClient:
        """Return a client of the CRM."""
        return CrmClient(
            CrmSettings(
                lead_url=self.addresses.lead_url,
                log_url=self.addresses.log_url,
                token=Secret(token),
                owner_id=owner,
                fetch_limit=500,
            ),
            http=self.http,
            clock=self.run_clock,
            template=TEMPLATE,
            on_call=self.seen.append,
        )

    def plan(self, plan: Plan) -> None:
        """Say what becomes of messages to the number."""
        self.simulator.wati.set_plan(NUMBER, plan)

    def send(self, template: str = TEMPLATE) -> SendAttempt:
        """Send to the number."""
        message = TemplateMessage(
            phone=PHONE,
            template=template,
            broadcast_name="lead_automation",
            parameters=PARAMETERS,
        )
        return self.wati().send_template_message(message)

    def look_up(
        self,
        sent: SendAttempt | None = None,
        *,
        since: datetime | None = None,
        client: EnhancedWATIClient | None = None,
    ) -> StatusLookup:
        """Ask about a message sent just before, or since a moment."""
        return (client or self.wati()).get_delivery_status(
            PHONE,
            template=TEMPLATE,
            message_id=sent.message_id if sent else None,
            not_before=(since or self.run_clock.now()) - GRACE,
            deadline_s=3.0,
        )


Make = Callable[..., Bench]


@pytest.fixture(params=["v1", "v2"])
def version(request: pytest.FixtureRequest) -> str:
    """Return each version of single sends."""
    return str(request.param)


@pytest.fixture(params=["sockets", "in process"])
def make(request: pytest.FixtureRequest, version: str) -> Iterator[Make]:
    """Return what makes a bench: over real HTTP, and without sockets."""
    with ExitStack() as stack:

        def build(**settings: object) -> Bench:
            clock = FakeClock()
            simulator = Simulator(clock=clock, **settings)  # type: ignore[arg-type]
            if request.param == "in process":
                http: Http = InProcessHttp(simulator, clock, advance=clock.advance)
                return Bench(simulator, clock, version, http, ADDRESSES)
            server = stack.enter_context(SandboxServer(simulator))
            client = HttpClient(
                HttpPolicy(connect_timeout_s=5.0, read_timeout_s=5.0),
                clock=clock,
                sleep=clock.sleep,
                chance=ScriptedChance(0.5),
                stop=StopFlag(),
                allow_posts=True,
            )
            stack.enter_context(closing(client))
            return Bench(simulator, clock, version, client, server.addresses)

        yield build


def take_ids_away(body: Any) -> None:
    """Let the rows of a message list carry no id."""
    for row in body["messages"]["items"]:
        row["localMessageId"] = None


class TestSends:
    """One POST, and what its answer means."""

    def test_send_accepted_message_is_really_there(self, make: Make, version: str) -> None:
        """WATI has the message as it was composed; v2 gives its id, v1 none."""
        bench = make()

        sent = bench.send()

        (message,) = bench.simulator.messages
        assert sent.outcome is Outcome.ACCEPTED
        assert sent.message_id == message.local_message_id
        assert (sent.message_id is None) == (version == "v1")
        assert message.number == NUMBER
        assert message.version == version
        assert message.template == TEMPLATE
        assert message.broadcast_name == "lead_automation"
        assert message.parameters == PARAMETERS
        assert bench.simulator.posts == {NUMBER: 1}
        assert bench.seen == [CallKind.SEND]

    @pytest.mark.parametrize(
        ("words", "category"),
        [
            ("Invalid WhatsApp number", ErrorCategory.INVALID_NUMBER),
            ("words nobody knows", ErrorCategory.UNKNOWN_ERROR),
        ],
    )
    def test_send_refused_in_words_is_refused(
        self, make: Make, words: str, category: ErrorCategory
    ) -> None:
        """A no with HTTP 200 is a refusal, in the form of each version."""
        bench = make()
        bench.plan(refused(words))

        sent = bench.send()

        assert sent.outcome is Outcome.REFUSED
        assert sent.failure is not None
        assert sent.failure.category is category
        assert words in sent.failure.text
        assert bench.simulator.messages == []

    def test_send_number_not_on_whatsapp_is_refused(self, make: Make) -> None:
        """A yes that calls the number invalid is a no."""
        bench = make()
        bench.plan(Plan(on_whatsapp=False))

        sent = bench.send()

        assert sent.outcome is Outcome.REFUSED
        assert sent.failure is not None
        assert sent.failure.category is ErrorCategory.NOT_ON_WHATSAPP

    def test_send_unknown_template_is_refused(self, make: Make) -> None:
        """A 400 with WATI's words is a refusal."""
        sent = make().send("no_such_template")

        assert sent.outcome is Outcome.REFUSED
        assert sent.failure is not None
        assert sent.failure.category is ErrorCategory.TEMPLATE_MISMATCH

    @pytest.mark.parametrize(
        ("reply", "outcome", "may_retry"),
        [
            (lost(taken=True), Outcome.UNKNOWN, False),
            (server_error(502), Outcome.UNKNOWN, False),
            (html_page(), Outcome.UNKNOWN, False),
            (rate_limited("7"), Outcome.NOT_SENT, True),
            (usage_limit_exceeded(), Outcome.NOT_SENT, False),
            (redirect("https://elsewhere.example.com/"), Outcome.NOT_SENT, False),
            (answer("", 401), Outcome.REFUSED, False),
        ],
    )
    def test_send_anything_else_is_sorted_and_made_once(
        self, make: Make, reply: Reply, outcome: Outcome, *, may_retry: bool
    ) -> None:
        """Whatever the answer is, exactly one POST was made, and doubt is no retry."""
        bench = make()
        bench.simulator.script(Endpoint.SEND, reply)

        sent = bench.send()

        assert (sent.outcome, sent.may_retry) == (outcome, may_retry)
        assert bench.simulator.posts == {NUMBER: 1}

    def test_send_wrong_token_stops(self, make: Make) -> None:
        """A token WATI does not know is a fault of the account, not of the lead."""
        bench = make()
        bench.simulator.api_key = "another-key"

        sent = bench.send()

        assert sent.outcome is Outcome.REFUSED
        assert sent.failure is not None
        assert sent.failure.category is ErrorCategory.ACCOUNT_ISSUE
        assert bench.simulator.unauthorised == 1


class TestStatuses:
    """What became of a message."""

    @pytest.mark.parametrize(
        ("word", "status"),
        [("Replied", MessageStatus.READ), ("ON_HOLD", MessageStatus.PENDING)],
    )
    def test_status_word_is_read_case_blind(
        self, make: Make, word: str, status: MessageStatus
    ) -> None:
        """WATI's words mean what they mean in any case; its own word is kept."""
        bench = make()
        bench.plan(Plan(history=steps(word)))
        sent = bench.send()

        found = bench.look_up(sent)

        assert (found.kind, found.status, found.raw_status) == (LookupKind.FOUND, status, word)
        assert bench.seen == [CallKind.SEND, CallKind.STATUS]

    def test_status_follows_the_message_through_its_life(self, make: Make) -> None:
        """Each asking tells the status of that moment."""
        bench = make()
        bench.plan(Plan(history=steps("SENT", "DELIVERED", "READ", every_s=10.0)))
        began, sent = bench.clock.now(), bench.send()
        told = []

        for _ in range(3):
            told.append(bench.look_up(sent, since=began).status)
            bench.clock.advance(10)

        assert told == [MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ]

    def test_status_failed_comes_with_its_classified_reason(self, make: Make) -> None:
        """The reason is WATI's text, sorted by the failure table."""
        bench = make()
        bench.plan(failing("131050 User has stopped marketing messages", after_s=0.0))

        found = bench.look_up(bench.send())

        assert found.status is MessageStatus.FAILED
        assert found.failure is not None
        assert found.failure.category is ErrorCategory.OPT_OUT

    def test_status_of_a_message_never_sent_is_absent(self, make: Make) -> None:
        """A definite list without our message says that it is not there."""
        assert make().look_up().kind is LookupKind.ABSENT

    def test_status_of_a_row_not_listed_yet_is_absent(self, make: Make) -> None:
        """What WATI does not list yet looks like nothing; the caller waits before it judges."""
        bench = make()
        bench.plan(Plan(appears_after_s=20.0))
        began, sent = bench.clock.now(), bench.send()
        early = bench.look_up(sent, since=began)
        bench.clock.advance(25)

        assert early.kind is LookupKind.ABSENT
        assert bench.look_up(sent, since=began).kind is LookupKind.FOUND

    def test_status_behind_many_messages_is_found_by_paging(self, make: Make) -> None:
        """Our row is found on a later page, and every page is a counted call."""
        bench = make()
        said = tuple((1.0 + position / 100, "Hi") for position in range(25))
        bench.plan(Plan(history=steps("READ"), says=said))
        began, sent = bench.clock.now(), bench.send()
        bench.clock.advance(5)

        found = bench.look_up(sent, since=began)

        assert found.status is MessageStatus.READ
        assert bench.seen.count(CallKind.STATUS) == 3

    def test_status_behind_too_many_messages_has_no_answer(self, make: Make) -> None:
        """Five pages are looked through; beyond them nothing is concluded."""
        bench = make()
        said = tuple((1.0 + position / 100, "Hi") for position in range(60))
        bench.plan(Plan(says=said))
        began, sent = bench.clock.now(), bench.send()
        bench.clock.advance(5)

        assert bench.look_up(sent, since=began).kind is LookupKind.NO_ANSWER

    def test_status_of_another_template_is_not_ours(self, make: Make) -> None:
        """A name that only begins like ours is another template's."""
        bench = make(templates=[SimTemplate(name=TEMPLATE), OTHER_TEMPLATE])
        bench.send(OTHER_TEMPLATE.name)

        assert bench.look_up().kind is LookupKind.ABSENT

    def test_status_of_an_older_message_of_the_template_is_not_ours(self, make: Make) -> None:
        """A row of a minute before the reservation is in doubt, one of 15 is another message."""
        bench = make()
        bench.send()
        bench.clock.advance(120)
        near = bench.look_up()
        bench.clock.advance(13 * 60 + 1)

        assert near.kind is LookupKind.NO_ANSWER
        assert not near.is_wati_away
        assert bench.look_up().kind is LookupKind.ABSENT

    @pytest.mark.parametrize("offset_s", [-300.0, 300.0])
    def test_status_times_are_compared_by_watis_clock(self, make: Make, offset_s: float) -> None:
        """A WATI clock minutes off ours neither hides our message nor lends us an older one."""
        bench = make(wati_offset_s=offset_s)
        bench.plan(Plan(history=steps("DELIVERED")))
        bench.wati().fetch_template()
        began = bench.run_clock.now()
        bench.send()
        found = bench.look_up(since=began)
        bench.clock.advance(901)

        assert found.status is MessageStatus.DELIVERED
        assert bench.look_up().kind is LookupKind.ABSENT

    def test_status_by_id_needs_no_fitting_time_on_v2(self, make: Make, version: str) -> None:
        """The id alone identifies a v2 message; v1 has none, and nothing is guessed."""
        bench = make()
        bench.plan(Plan(history=steps("READ")))
        sent = bench.send()
        bench.clock.advance(3600)

        found = bench.look_up(sent)

        assert found.kind is (LookupKind.FOUND if version == "v2" else LookupKind.ABSENT)

    def test_status_of_v2_rows_without_ids_is_not_guessed_from_the_template(
        self, make: Make, version: str
    ) -> None:
        """Where our id is known a row without it is not taken for ours."""
        bench = make()
        bench.simulator.script(Endpoint.MESSAGES, changed(take_ids_away))
        sent = bench.send()

        found = bench.look_up(sent)

        assert found.kind is (LookupKind.ABSENT if version == "v2" else LookupKind.FOUND)

    def test_status_of_an_unknown_send_is_found_without_an_id(self, make: Make) -> None:
        """An answer that was lost gave no id; template and time find the message, and its id."""
        bench = make()
        bench.plan(ScriptedPlan(on_send=(lost(taken=True),), history=(Step(0.0, "SENT"),)))
        sent = bench.send()

        found = bench.look_up(sent)

        assert sent.outcome is Outcome.UNKNOWN
        assert found.kind is LookupKind.FOUND
        assert found.message_id == bench.simulator.messages[0].local_message_id

    @pytest.mark.parametrize(
        "reply",
        [server_error(500), html_page(), lost(taken=False), redirect("https://x.example.com/")],
    )
    def test_status_any_other_answer_is_none(self, make: Make, reply: Reply) -> None:
        """A read that fails is asked once and concludes nothing."""
        bench = make()
        sent = bench.send()
        bench.simulator.script(Endpoint.MESSAGES, reply)

        assert bench.look_up(sent).kind is LookupKind.NO_ANSWER
        assert len(bench.simulator.calls[Endpoint.MESSAGES]) == 1

    def test_status_reads_within_our_limits_are_never_one_too_many(self, make: Make) -> None:
        """Whoever waits as the client says is never turned away."""
        bench = make(limits=VendorLimits())
        client = bench.wati()
        for _ in range(25):
            bench.clock.sleep(client.status_wait_s())
            assert bench.look_up(client=client).kind is LookupKind.ABSENT

        assert bench.simulator.rejected_429 == 0
        assert len(bench.simulator.calls[Endpoint.MESSAGES]) == 25

    def test_status_read_beyond_our_limit_is_not_made(self, make: Make) -> None:
        """A read the window does not hold is dropped before it leaves."""
        bench = make(limits=VendorLimits())
        client = bench.wati(RateLimits(sends_per_window=30, reads_per_window=2))
        kinds = [bench.look_up(client=client).kind for _ in range(3)]

        assert kinds == [LookupKind.ABSENT, LookupKind.ABSENT, LookupKind.NO_ANSWER]
        assert len(bench.simulator.calls[Endpoint.MESSAGES]) == 2


class TestTemplates:
    """What WATI says about the configured template."""

    def test_template_approved_is_found_among_others_like_it(self, make: Make) -> None:
        """Deleted copies and other languages do not hide the approved row."""
        bench = make()

        found = bench.wati().fetch_template()

        assert isinstance(found, TemplateInfo)
        assert found.is_approved
        assert found.parameter_names == ("1", "2", "3")
        assert found.similar_names[0] == "sandbox_welcome_old"
        assert bench.seen == [CallKind.TEMPLATES]

    def test_template_on_a_later_page_is_found(self, make: Make) -> None:
        """The list is read page by page until the template is settled."""
        others = [SimTemplate(name=f"other_{number}") for number in range(250)]
        bench = make(templates=[*others, SimTemplate(name=TEMPLATE)])

        found = bench.wati().fetch_template()

        assert isinstance(found, TemplateInfo)
        assert found.is_approved
        assert len(bench.simulator.calls[Endpoint.TEMPLATES]) == 3

    def test_template_list_that_repeats_a_page_ends(self, make: Make) -> None:
        """An account that ignores the page number is not read for ever."""
        bench = make()
        rows = [{"elementName": f"other_{n}", "status": "APPROVED"} for n in range(100)]
        page = {"result": "success", "messageTemplates": rows}
        bench.simulator.script(Endpoint.TEMPLATES, answer(page, times=None))

        found = bench.wati().fetch_template()

        assert isinstance(found, TemplateInfo)
        assert not found.exists
        assert len(bench.simulator.calls[Endpoint.TEMPLATES]) == 2

    @pytest.mark.parametrize("reply", [server_error(503, times=None), rate_limited(times=None)])
    def test_template_not_readable_just_now_is_no_reason_to_stop(
        self, make: Make, reply: Reply
    ) -> None:
        """A read is repeated, each try counted; then nothing is known."""
        bench = make()
        bench.simulator.script(Endpoint.TEMPLATES, reply)

        assert isinstance(bench.wati().fetch_template(), TemplateUnread)
        assert len(bench.simulator.calls[Endpoint.TEMPLATES]) == len(bench.seen) > 1


class TestContacts:
    """A contact looked up before the send."""

    @pytest.mark.parametrize(
        ("plan", "verdict"),
        [
            (Plan(), ContactVerdict.SEND),
            (Plan(allow_broadcast=False), ContactVerdict.OPT_OUT),
            (Plan(contact_status="INVALID"), ContactVerdict.INVALID),
        ],
    )
    def test_contact_says_whether_to_send(
        self, make: Make, plan: Plan, verdict: ContactVerdict
    ) -> None:
        """The flags of the contact decide."""
        bench = make()
        bench.plan(plan)

        assert bench.wati().check_whatsapp_status(PHONE, deadline_s=3.0) is verdict
        assert bench.seen == [CallKind.CONTACTS]

    def test_contact_unknown_to_wati_says_nothing(self, make: Make) -> None:
        """A number never messaged is no contact, and no reason not to send."""
        assert make().wati().check_whatsapp_status(PHONE, deadline_s=3.0) is None

    @pytest.mark.parametrize("reply", [server_error(500), html_page(), lost(taken=False)])
    def test_contact_without_answer_says_nothing(self, make: Make, reply: Reply) -> None:
        """A failed look-up concludes nothing."""
        bench = make()
        bench.simulator.script(Endpoint.CONTACTS, reply)

        assert bench.wati().check_whatsapp_status(PHONE, deadline_s=3.0) is None


class TestCrm:
    """The lead list and the message log."""

    ROW = CrmRow(
        row_id="2026-11-23/1000/1",
        lead_id="1000",
        template_name=TEMPLATE,
        to_phone_number=PHONE,
        msg_status="delivered",
        wati_message_id="m-1",
        sent_at=datetime.fromisoformat("2026-11-23T11:30:00.123456+05:30"),
        error_message=None,
    )

    def test_leads_come_in_order_and_no_more_than_asked_for(self, make: Make) -> None:
        """The list is the CRM's, cut at the limit."""
        bench = make(leads=many_leads(8))

        found = bench.crm().fetch_leads(5)

        assert [row.lead_id for row in found] == ["1000", "1001", "1002", "1003", "1004"]
        assert bench.seen == [CallKind.LEADS]

    def test_leads_of_another_owner_are_not_ours(self, make: Make) -> None:
        """The owner is part of the question."""
        assert make(leads=[lead("1", PHONE)]).crm(owner="1").fetch_leads(5) == ()

    def test_leads_refused_credentials_are_unreachable(self, make: Make) -> None:
        """A token the CRM does not know ends the run before it begins."""
        bench = make(leads=[lead("1", PHONE)])

        with pytest.raises(UnreachableError):
            bench.crm(token="Token wrong").fetch_leads(5)

    def test_row_is_taken_as_documented(self, make: Make) -> None:
        """The CRM has the row, with nothing but the documented names."""
        bench = make()

        posted = bench.crm().post_row(self.ROW, deadline_s=3.0)

        assert posted.taken
        assert bench.simulator.crm_rows == [
            {
                "lead_id": "1000",
                "message_content": f"Template: {TEMPLATE}",
                "msg_type": "template",
                "msg_status": "delivered",
                "to_phone_number": PHONE,
                "template_name": TEMPLATE,
                "wati_message_id": "m-1",
                "sent_at": "2026-11-23T11:30:00+05:30",
            }
        ]
        assert bench.seen == [CallKind.CRM_LOG]

    @pytest.mark.parametrize(
        "reply",
        [server_error(500), answer({}, 400), answer("", 202), rate_limited("1"), lost(taken=True)],
    )
    def test_row_any_other_answer_leaves_it_owed(self, make: Make, reply: Reply) -> None:
        """Only 201 and 200 are a yes; nothing is repeated here."""
        bench = make()
        bench.simulator.script(Endpoint.LOG, reply)

        assert not bench.crm().post_row(self.ROW, deadline_s=3.0).taken
        assert len(bench.simulator.calls[Endpoint.LOG]) == 1

    @pytest.mark.parametrize("status", [400, 404, 409, 413, 415, 422, 499])
    def test_row_refused_for_itself_comes_back_with_the_crms_words(
        self, make: Make, status: int
    ) -> None:
        """Safe to show, on one line and cut, for it goes into state, log and status."""
        bench = make()
        words = "no such\n\tlead\x1b +919812345678 " + "x" * 5000
        bench.simulator.script(Endpoint.LOG, answer(words, status))

        said = bench.crm().post_row(self.ROW, deadline_s=3.0)

        assert said.is_refused
        assert not said.taken
        assert said.detail.startswith(f"HTTP {status}: no such lead\\u001b +9198••••5678 xx")
        assert len(said.detail) < 250

    @pytest.mark.parametrize("status", [301, 401, 403, 408, 429, 500, 503])
    def test_row_answered_for_all_rows_alike_is_not_refused(self, make: Make, status: int) -> None:
        """A token, a limit or a server that is down says nothing of this row."""
        bench = make()
        bench.simulator.script(Endpoint.LOG, answer("wait", status))

        said = bench.crm().post_row(self.ROW, deadline_s=3.0)

        assert not said.is_refused
        assert not said.taken

    def test_row_names_the_lead_as_the_crm_does(self, make: Make) -> None:
        """A number stays a number."""
        bench = make()

        bench.crm().post_row(replace(self.ROW, given_id=1000), deadline_s=3.0)

        assert [row["lead_id"] for row in bench.simulator.crm_rows] == [1000]

    def test_row_answered_200_is_taken(self, make: Make) -> None:
        """Some logs say 200."""
        bench = make()
        bench.simulator.script(Endpoint.LOG, answer({}, 200))

        assert bench.crm().post_row(self.ROW, deadline_s=3.0).taken

    def test_clocks_of_both_servers_are_measured(self, make: Make) -> None:
        """WATI's Date sets the run's clock, and the CRM's is compared with that."""
        bench = make(wati_offset_s=240.0, crm_offset_s=-120.0)
        wati, crm = bench.wati(), bench.crm()

        wati.fetch_template()
        crm.fetch_leads(1)

        assert bench.run_clock.offset_s == pytest.approx(240.0, abs=1.5)
        assert crm.clock_offset_s == pytest.approx(-360.0, abs=1.5)

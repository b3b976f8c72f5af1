"""The client of API v3 held to the simulator, with sockets and without."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import Any

import pytest
from fakes import FakeClock, ScriptedChance
from msgspec.structs import replace
from simulated import v3
from simulated.faults import FaultKind
from simulated.inprocess import ADDRESSES, InProcessHttp
from simulated.scripts import Reply, answer, changed, lost, rate_limited, server_error
from simulated.server import SandboxServer
from simulated.simulator import Simulator

from lead_automation.answers import (
    BroadcastLookup,
    BroadcastQuery,
    ContactVerdict,
    LookupKind,
    TemplateInfo,
)
from lead_automation.clock import RunClock, StopFlag
from lead_automation.config import ApiVersion, HttpPolicy, WatiPlan, WatiSettings
from lead_automation.http import Http, HttpClient
from lead_automation.models import ErrorCategory, MessageStatus, Outcome, SendAttempt
from lead_automation.models import TemplateMessage as Message
from lead_automation.runs import CallKind
from lead_automation.sandbox.addresses import Addresses
from lead_automation.sandbox.exchange import Endpoint
from lead_automation.sandbox.plans import Plan, Step, failing, refused
from lead_automation.sandbox.simulator import API_KEY, TEMPLATE
from lead_automation.sandbox.windows import VendorLimits
from lead_automation.secret import Secret
from lead_automation.wati.client import EnhancedWATIClient
from lead_automation.wati.limits import RateLimits
from lead_automation.wati.v3_reads import NoAnswerError

NUMBERS = tuple(f"91981234567{place}" for place in range(5))
ACCEPTED, UNKNOWN, NOT_SENT = Outcome.ACCEPTED, Outcome.UNKNOWN, Outcome.NOT_SENT
FOUND, ABSENT, NO_ANSWER = LookupKind.FOUND, LookupKind.ABSENT, LookupKind.NO_ANSWER
FORBIDDEN = {"code": 403, "message": "scope", "timestamp": "2026-11-24T06:00:00Z"}


@dataclass
class Bench:
    """A simulator, a client in front of it, and what was sent.

    Attributes:
        seen: Kinds of the calls the client told of.
        sent: Messages by broadcast name.
    """

    simulator: Simulator
    clock: FakeClock
    http: Http
    addresses: Addresses
    seen: list[CallKind] = field(default_factory=list)
    sent: dict[str, list[Message]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.wati = EnhancedWATIClient(
            WatiSettings(
                api_key=Secret(API_KEY),
                host=self.addresses.wati_origin,
                tenant="100138",
                api_version=ApiVersion.V3,
                template=TEMPLATE,
                parameter_names=("1", "2", "3"),
                channel_number=None,
                broadcast_name="lead_automation",
            ),
            http=self.http,
            clock=RunClock(self.clock),
            limits=RateLimits.of_plan(WatiPlan.GROWTH),
            on_call=self.seen.append,
        )

    def send(self, name: str = "run 001", numbers: tuple[str, ...] = NUMBERS) -> list[SendAttempt]:
        """Send one batch."""
        self.sent[name] = [
            Message(
                phone=f"+{number}",
                template=TEMPLATE,
                broadcast_name=name,
                parameters=(("1", "Asha"), ("2", "Anandi"), ("3", "+919512270915")),
                message_id=f"{name.replace(' ', '-')}-{number[-1]}-abc",
            )
            for number in numbers
        ]
        return self.wati.send_messages(self.sent[name])

    def query(self, name: str = "run 001", broadcast_id: str | None = None) -> BroadcastQuery:
        """Return what asks about a batch sent before."""
        return BroadcastQuery(
            name=name,
            broadcast_id=broadcast_id,
            members={one.message_id or "": one.phone for one in self.sent[name]},
            sent_at=self.clock.now(),
            other_names=frozenset(self.sent) - {name},
        )

    def settle(self, name: str = "run 001", broadcast_id: str | None = None) -> BroadcastLookup:
        """Settle a batch sent before."""
        return self.wati.broadcasts.settle(self.query(name, broadcast_id), deadline_s=3.0)

    def statuses(self, attempts: list[SendAttempt]) -> BroadcastLookup:
        """Ask about the batch just accepted."""
        query = self.query(broadcast_id=attempts[0].broadcast_id)
        return self.wati.broadcasts.statuses(query, deadline_s=3.0)


Make = Callable[..., Bench]


@pytest.fixture(params=["sockets", "in process"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Return what makes a bench: over real HTTP, and without sockets."""
    with ExitStack() as stack:

        def build(**settings: Any) -> Bench:
            clock = FakeClock()
            simulator = Simulator(clock=clock, tenant="100138", **settings)
            if request.param == "in process":
                http: Http = InProcessHttp(simulator, clock, advance=clock.advance)
                return Bench(simulator, clock, http, ADDRESSES)
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
            return Bench(simulator, clock, client, server.addresses)

        yield build


def outcomes(attempts: list[SendAttempt]) -> list[Outcome]:
    """Return what is known of each message."""
    return [attempt.outcome for attempt in attempts]


def kinds(lookup: BroadcastLookup) -> list[LookupKind]:
    """Return what is known of each message, in the POST's order."""
    return [found.kind for found in lookup.messages.values()]


class TestSends:
    """One POST for many."""

    def test_batch_accepted_is_really_there_as_one_broadcast(self, make: Make) -> None:
        """One call, our ids and names, one broadcast; no tenant in the path, no path of v1."""
        bench = make()

        attempts = bench.send()

        (broadcast,) = bench.simulator.v3.broadcasts
        assert outcomes(attempts) == [ACCEPTED] * 5
        assert {attempt.broadcast_id for attempt in attempts} == {broadcast.broadcast_id}
        assert broadcast.name == "run 001"
        taken = [(one.number, one.local_message_id, one.version) for one in broadcast.messages]
        ids = [attempt.message_id for attempt in attempts]
        assert taken == list(zip(NUMBERS, ids, ["v3"] * 5, strict=True))
        assert broadcast.messages[0].parameters[0] == ("1", "Asha")
        assert bench.seen == [CallKind.SEND]
        assert bench.simulator.calls[Endpoint.ELSEWHERE] == []

    @pytest.mark.parametrize(
        ("lie", "expected"),
        [
            (v3.camel_case, [ACCEPTED] * 5),
            (v3.without_ids, [ACCEPTED] * 5),
            (v3.RowError(1), [ACCEPTED, UNKNOWN, *[ACCEPTED] * 3]),
            (v3.omit_first, [UNKNOWN, *[ACCEPTED] * 4]),
            (v3.double_first, [UNKNOWN] * 5),
            (v3.add_stranger, [UNKNOWN] * 5),
            (v3.without_broadcast, [UNKNOWN] * 5),
        ],
    )
    def test_odd_yes_is_believed_as_far_as_it_is_clear(
        self, make: Make, lie: Callable[[Any], object], expected: list[Outcome]
    ) -> None:
        """And what it leaves open is settled from the lists: all five were sent."""
        bench = make()
        bench.simulator.script(Endpoint.SEND, changed(lie, times=1))

        attempts = bench.send()

        assert outcomes(attempts) == expected
        assert len(bench.simulator.messages) == 5
        assert kinds(bench.settle(broadcast_id=attempts[0].broadcast_id)) == [FOUND] * 5

    @pytest.mark.parametrize(
        ("reply", "outcome", "settled"),
        [
            (lost(taken=True), UNKNOWN, FOUND),
            (lost(FaultKind.RESET, taken=False), UNKNOWN, ABSENT),
            (server_error(taken=True), UNKNOWN, FOUND),
            (server_error(500, taken=False), UNKNOWN, ABSENT),
            (rate_limited("7"), NOT_SENT, ABSENT),
        ],
    )
    def test_post_without_a_clear_answer_is_settled_by_its_name(
        self, make: Make, reply: Reply, outcome: Outcome, settled: LookupKind
    ) -> None:
        """Found with whom it holds, or absent from a list in which another one of ours stands."""
        bench = make()
        bench.send("run 001", NUMBERS[:1])
        bench.simulator.script(Endpoint.SEND, reply)

        attempts = bench.send("run 002")
        lookup = bench.settle("run 002")

        assert outcomes(attempts) == [outcome] * 5
        assert kinds(lookup) == [settled] * 5
        assert lookup.is_definite
        assert len(lookup.broadcast_ids) == (settled is FOUND)
        assert len(bench.simulator.messages) == (6 if settled is FOUND else 1)

    @pytest.mark.parametrize(
        ("text", "alone"),
        [("Invalid phone number format.", True), ("Template x is not approved", False)],
    )
    def test_whole_refusal_sends_nobody(self, make: Make, text: str, *, alone: bool) -> None:
        """Where one lead is to blame, each goes on by itself."""
        bench = make()
        body = {"code": 400, "message": text, "timestamp": "2026-11-24T06:00:00Z"}
        bench.simulator.script(Endpoint.SEND, answer(body, 400))

        attempts = bench.send()

        assert {attempt.send_alone for attempt in attempts} == {alone}
        assert bench.simulator.messages == []

    def test_unapproved_template_is_refused_for_all(self, make: Make) -> None:
        """The simulator's own 400 is read by the failure table."""
        bench = make()
        bench.simulator.wati.templates = []

        attempts = bench.send()

        assert outcomes(attempts) == [Outcome.REFUSED] * 5
        assert attempts[0].reason.category is ErrorCategory.TEMPLATE_MISMATCH

    def test_every_post_counts_once_against_the_rate(self, make: Make) -> None:
        """Thirty batches in ten seconds, whatever they hold."""
        bench = make(limits=VendorLimits())
        for place in range(30):
            assert bench.wati.send_wait_s() == 0
            bench.send(f"run {place:03d}")

        assert bench.wati.send_wait_s() > 9
        assert bench.simulator.rejected_429 == 0


class TestStatuses:
    """What became of an accepted batch."""

    def test_one_call_tells_of_everybody(self, make: Make) -> None:
        """Each word, and each failure by its code."""
        plans = {
            NUMBERS[0]: Plan(history=(Step(0.0, "SENT"), Step(2.0, "DELIVERED"))),
            NUMBERS[1]: Plan(says=((4.5, "Yes"),)),
            NUMBERS[2]: failing("131049 not delivered to maintain healthy ecosystem engagement"),
            NUMBERS[3]: Plan(history=()),
            NUMBERS[4]: Plan(on_whatsapp=False),
        }
        bench = make(plans=plans)
        attempts = bench.send()
        bench.clock.advance(5)

        lookup = bench.statuses(attempts)

        found = list(lookup.messages.values())
        assert [one.status for one in found] == [
            MessageStatus.DELIVERED,
            MessageStatus.READ,
            MessageStatus.FAILED,
            MessageStatus.PENDING,
            MessageStatus.FAILED,
        ]
        assert [one.is_replied for one in found] == [False, True, False, False, False]
        codes = [one.failure.code if one.failure else None for one in found]
        assert codes == [None, None, 131049, None, 131026]
        assert bench.seen == [CallKind.SEND, CallKind.STATUS]
        assert lookup.is_definite

    def test_recipients_that_fill_up_are_not_missing(self, make: Make) -> None:
        """Who is not listed yet has no answer yet, and it is nobody's fault."""
        bench = make(plans={NUMBERS[0]: Plan(appears_after_s=60)})
        attempts = bench.send()

        early = bench.statuses(attempts)
        bench.clock.advance(60)
        later = bench.statuses(attempts)

        assert kinds(early) == [NO_ANSWER, *[FOUND] * 4]
        assert not any(found.is_wati_away for found in early.messages.values() if found.detail)
        assert kinds(later) == [FOUND] * 5

    @pytest.mark.parametrize("lie", [v3.camel_case, v3.without_ids, v3.without_total])
    def test_odd_list_tells_as_much(self, make: Make, lie: Callable[[Any], object]) -> None:
        """Spelling, ids that are not kept and a total that is missing lose nobody."""
        bench = make()
        attempts = bench.send()
        bench.simulator.script(Endpoint.RECIPIENTS, changed(lie))

        assert kinds(bench.statuses(attempts)) == [FOUND] * 5

    @pytest.mark.parametrize(
        ("reply", "is_away"),
        [
            (lost(taken=False), True),
            (server_error(), True),
            (rate_limited(), True),
            (answer(FORBIDDEN, 403), True),
            (answer("", 404), False),
            (answer({"recipients": "none"}), False),
            (answer({"recipients": [], "ok": False}), False),
        ],
    )
    def test_read_that_comes_to_nothing_is_no_answer(
        self, make: Make, reply: Reply, *, is_away: bool
    ) -> None:
        """Only what would meet every other read as well says that WATI is away."""
        bench = make()
        attempts = bench.send()
        bench.simulator.script(Endpoint.RECIPIENTS, reply)

        lookup = bench.statuses(attempts)

        assert kinds(lookup) == [NO_ANSWER] * 5
        assert {found.is_wati_away for found in lookup.messages.values()} == {is_away}
        assert not lookup.is_definite

    def test_read_beyond_the_rate_is_not_made(self, make: Make) -> None:
        """Waiting is the caller's."""
        bench = make()
        attempts = bench.send()
        for _ in range(10):
            bench.statuses(attempts)

        lookup = bench.statuses(attempts)

        assert not lookup.is_definite
        assert bench.seen.count(CallKind.STATUS) == 10


class TestSettling:
    """Whether a batch was taken."""

    def lose(self, bench: Bench, *, taken: bool) -> None:
        """Send a batch whose answer is lost, after another of ours."""
        bench.send("run 001", NUMBERS[:1])
        bench.simulator.script(Endpoint.SEND, lost(taken=taken))
        bench.send("run 002")

    @pytest.mark.parametrize(
        "lie",
        [
            v3.without_total,
            v3.camel_case,
        ],
    )
    def test_odd_list_still_proves_absence(self, make: Make, lie: Callable[[Any], object]) -> None:
        """A short page is an end where no total says more."""
        bench = make()
        self.lose(bench, taken=False)
        bench.simulator.script(Endpoint.BROADCASTS, changed(lie))

        assert kinds(bench.settle("run 002")) == [ABSENT] * 5

    def test_batch_that_is_listed_late_is_absent_in_one_look_only(self, make: Make) -> None:
        """Which is why two must agree."""
        bench = make()
        self.lose(bench, taken=True)
        bench.simulator.script(Endpoint.BROADCASTS, changed(v3.not_listed_yet, times=1))

        looks = [kinds(bench.settle("run 002")) for _ in range(2)]

        assert looks == [[ABSENT] * 5, [FOUND] * 5]

    def test_list_without_another_of_ours_proves_nothing(self, make: Make) -> None:
        """It may be another day's, or another account's."""
        bench = make()
        bench.simulator.script(Endpoint.SEND, lost(taken=False))
        bench.send("run 002")

        lookup = bench.settle("run 002")

        assert kinds(lookup) == [NO_ANSWER] * 5
        assert "proves nothing" in lookup.detail
        assert lookup.is_definite

    def test_list_of_many_pages_is_read_to_its_end(self, make: Make) -> None:
        """The batch is found on whatever page it stands, in as many calls as there are pages."""
        bench = make()
        bench.simulator.script(Endpoint.SEND, lost(taken=True))
        bench.send("run 000")
        for place in range(1, 131):
            bench.send(f"run {place:03d}", NUMBERS[:1])

        lookup = bench.settle("run 000")

        assert kinds(lookup) == [FOUND] * 5
        assert len(bench.simulator.calls[Endpoint.BROADCASTS]) == 2

    def test_list_that_repeats_its_page_has_no_end(self, make: Make) -> None:
        """A hundred broadcasts again and again prove nothing, and are not read for ever."""
        bench = make()
        for place in range(1, 131):
            bench.send(f"run {place:03d}", NUMBERS[:1])
        bench.simulator.script(Endpoint.SEND, lost(taken=False))
        bench.send("run 131")
        bench.simulator.script(Endpoint.BROADCASTS, changed(v3.RepeatedPage()))

        assert kinds(bench.settle("run 131")) == [NO_ANSWER] * 5
        assert len(bench.simulator.calls[Endpoint.BROADCASTS]) == 2

    def test_lead_missing_from_a_finished_broadcast_was_not_taken(self, make: Make) -> None:
        """Its error in the answer was meant, and the counters show nothing in progress."""
        bench = make(plans={NUMBERS[1]: refused("Invalid phone number format.")})
        attempts = bench.send()
        bench.clock.advance(1)

        lookup = bench.settle(broadcast_id=attempts[0].broadcast_id)

        assert outcomes(attempts) == [ACCEPTED, UNKNOWN, *[ACCEPTED] * 3]
        assert kinds(lookup) == [FOUND, ABSENT, *[FOUND] * 3]
        assert len(bench.simulator.calls[Endpoint.COUNTERS]) == 1

    def test_lead_missing_while_the_queue_stands_still_may_still_be_sent(self, make: Make) -> None:
        """Somebody of the batch is in progress, so nobody of it is called missing."""
        plans = {
            NUMBERS[0]: Plan(history=()),
            NUMBERS[1]: refused("Invalid phone number format."),
        }
        bench = make(plans=plans)
        attempts = bench.send()
        bench.clock.advance(600)

        lookup = bench.settle(broadcast_id=attempts[0].broadcast_id)

        assert kinds(lookup) == [FOUND, NO_ANSWER, *[FOUND] * 3]
        assert "in progress" in lookup.detail

    def test_lead_the_counters_know_of_is_not_missing(self, make: Make) -> None:
        """The list shows one less than the broadcast counts."""
        bench = make(plans={NUMBERS[1]: Plan(appears_after_s=None)})
        attempts = bench.send()
        bench.clock.advance(10)

        assert kinds(bench.settle(broadcast_id=attempts[0].broadcast_id))[1] is NO_ANSWER

    def test_name_that_stands_twice_is_followed_twice(self, make: Make) -> None:
        """Both broadcasts are named, and nobody counts as missing."""
        bench = make()
        bench.send("run 001", NUMBERS[:3])
        bench.send("run 001", NUMBERS)
        bench.sent["run 001"] = [
            *bench.sent["run 001"],
            replace(bench.sent["run 001"][0], phone="+919812345699", message_id="run-001-9-abc"),
        ]

        lookup = bench.settle("run 001")

        assert len(lookup.broadcast_ids) == 2
        assert kinds(lookup) == [*[FOUND] * 5, NO_ANSWER]

    def test_no_time_left_is_no_answer(self, make: Make) -> None:
        """A look that could not be made says nothing."""
        bench = make()
        bench.send()

        lookup = bench.wati.broadcasts.settle(bench.query(), deadline_s=0.0)

        assert kinds(lookup) == [NO_ANSWER] * 5
        assert CallKind.STATUS not in bench.seen


class TestOtherReads:
    """Template, contact, credit and scopes by v3 alone."""

    def test_template_is_read_by_v3(self, make: Make) -> None:
        """Its parameters come in its body's order."""
        bench = make()

        found = bench.wati.fetch_template()

        assert isinstance(found, TemplateInfo)
        assert found.is_approved
        assert found.parameter_names == ("1", "2", "3")
        assert bench.simulator.calls[Endpoint.ELSEWHERE] == []

    @pytest.mark.parametrize(
        ("plan", "verdict"),
        [
            (Plan(), ContactVerdict.SEND),
            (Plan(allow_broadcast=False), ContactVerdict.OPT_OUT),
            (Plan(contact_status="INVALID"), ContactVerdict.INVALID),
            (None, None),
        ],
    )
    def test_contact_is_looked_up_by_its_number(
        self, make: Make, plan: Plan | None, verdict: ContactVerdict | None
    ) -> None:
        """A number WATI does not know yet says nothing against a send."""
        bench = make(plans={NUMBERS[0]: plan} if plan else {})

        assert bench.wati.check_whatsapp_status(f"+{NUMBERS[0]}", deadline_s=3.0) is verdict
        assert bench.seen == [CallKind.CONTACTS]

    def test_credit_and_scopes_are_said(self, make: Make) -> None:
        """What the token may not read is named."""
        bench = make(credit=7)
        reader, now = bench.wati.broadcasts, bench.clock.now()

        whole = reader.missing_scopes(now, deadline_s=3.0)
        credit = reader.credit(deadline_s=3.0)
        bench.simulator.script(Endpoint.BROADCASTS, answer(FORBIDDEN, 403))
        bench.simulator.script(Endpoint.CREDITS, answer(FORBIDDEN, 403))
        missing = reader.missing_scopes(now, deadline_s=3.0)

        assert (whole, missing) == ((), ("campaignsv3:read",))
        assert (credit.amount, credit.currency) == (7.0, "USD")
        with pytest.raises(NoAnswerError) as caught:
            reader.credit(deadline_s=3.0)
        assert caught.value.status == 403

    def test_message_asked_for_alone_calls_no_path_of_v1(self, make: Make) -> None:
        """A token for v3 alone would be refused there."""
        bench = make()

        lookup = bench.wati.get_delivery_status(
            f"+{NUMBERS[0]}",
            template=TEMPLATE,
            message_id=None,
            not_before=bench.clock.now(),
            deadline_s=3.0,
        )

        assert lookup.kind is NO_ANSWER
        assert bench.seen == []

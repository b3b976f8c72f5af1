"""The simulator's account, its CRM and its rules, and what tests make of it; no network."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pytest
from fakes import FakeClock
from simulated.faults import FaultKind, NetworkFault, fault_of
from simulated.plans import ScriptedPlan
from simulated.scripts import Moment, Reply, answer, lost, rate_limited, server_error
from simulated.simulator import Simulator

from lead_automation.sandbox.addresses import LEAD_PATH, LOG_PATH
from lead_automation.sandbox.exchange import Endpoint, SimReply, SimRequest, request_of
from lead_automation.sandbox.plans import Plan, refused
from lead_automation.sandbox.simulator import API_KEY, CRM_AUTHORIZATION, OWNER_ID, TEMPLATE
from lead_automation.sandbox.windows import VendorLimits

ANNA = "919000000101"
BELA = "919000000102"
THREE = (("1", "Anna"), ("2", "Anandi"), ("3", "+919000000999"))
BEARER = {"Authorization": f"Bearer {API_KEY}"}
START = b'{"template_name":"t","broadcast_name":"b",'
WANTED = '[{"name":"phone","operator":"==","value":"%s"}]'
CRM = {"Authorization": CRM_AUTHORIZATION}


def make(**scene: Any) -> Simulator:
    """Return a simulator on a clock of its own."""
    return Simulator(**{"clock": FakeClock()} | scene)


def send_request(
    number: str = ANNA,
    *,
    version: str = "v2",
    template: str = TEMPLATE,
    parameters: tuple[tuple[str, str], ...] = THREE,
    body: bytes | None = None,
    headers: Mapping[str, str] = BEARER,
) -> SimRequest:
    """Return a send as a good client makes it."""
    value: dict[str, object] = {
        "template_name": template,
        "broadcast_name": "run_1",
        "parameters": [{"name": name, "value": text} for name, text in parameters],
    }
    return request_of(
        "POST",
        f"/api/{version}/sendTemplateMessage?whatsappNumber={number}",
        headers=headers,
        body=json.dumps(value).encode() if body is None else body,
    )


def read_request(path: str) -> SimRequest:
    """Return a read."""
    return request_of("GET", path, headers=BEARER)


def log_request(**changes: object) -> SimRequest:
    """Return a message-log row as a good client posts it, with changes; None leaves one out."""
    row: dict[str, object] = {
        "lead_id": "1001",
        "message_content": f"Template: {TEMPLATE}",
        "msg_type": "template",
        "msg_status": "delivered",
        "to_phone_number": f"+{ANNA}",
        "template_name": TEMPLATE,
        "sent_at": "2026-11-23T11:30:00+05:30",
    } | changes
    body = json.dumps({name: value for name, value in row.items() if value is not None})
    return request_of("POST", LOG_PATH, headers=CRM, body=body.encode())


def body_of(reply: SimReply) -> Any:
    """Return an answer's JSON."""
    return json.loads(reply.body)


def rows_of(simulator: Simulator, query: str = "") -> Any:
    """Return the rows of the number's message list."""
    reply = simulator.handle(read_request(f"/api/v1/getMessages/{ANNA}{query}"))
    return body_of(reply)["messages"]["items"]


class TestSends:
    """What a send comes to; the contract suites try what is common: answers, rows, lists, dates."""

    @pytest.mark.parametrize(
        ("words", "request_", "status"),
        [
            ("not a JSON object", send_request(body=b"{"), 400),
            ("not a JSON object", send_request(body=b"[]"), 400),
            ("are required", send_request(body=b"{}"), 400),
            ("wrong type", send_request(body=START + b'"parameters":[{"name":1}]}'), 400),
            ("wrong type", send_request(body=START + b'"parameters":{}}'), 400),
            ("wrong type", send_request(body=START + b'"channel_number":1}'), 400),
            ("should not be null or empty", send_request(""), 400),
            ("Invalid phone number format.", send_request("123456"), 200),
            ("Invalid phone number format.", send_request("91900000010x"), 200),
            ("no such template", send_request(template="nobody_knows"), 400),
            ("DELETED", send_request(template="sandbox_welcome_old"), 400),
            ("cannot have typos or blank text", send_request(parameters=THREE[:2]), 400),
            ("typos or blank text", send_request(parameters=(*THREE[:2], ("3", " "))), 400),
        ],
    )
    def test_send_with_a_fault_of_its_own_is_refused_with_the_reason(
        self, words: str, request_: SimRequest, status: int
    ) -> None:
        """WATI's own objections come with their words, and nothing is sent."""
        simulator = make()

        reply = simulator.handle(request_)

        assert reply.status == status
        assert words in reply.body.decode()
        assert simulator.messages == []

    def test_send_with_wrong_spaces_is_accepted_and_fails_later(self) -> None:
        """Four spaces in a row pass the send and come back as a failed status."""
        clock = FakeClock()
        simulator = make(clock=clock)

        simulator.handle(send_request(parameters=(("1", "A    B"), *THREE[1:])))
        clock.advance(2)

        [row] = rows_of(simulator)
        assert row["statusString"] == "FAILED"
        assert "4 consecutive spaces" in row["failedDetail"]

    def test_message_of_a_template_deleted_since_has_an_empty_text(self) -> None:
        """It is listed all the same; a page nobody can read is the first one."""
        simulator = make()
        simulator.handle(send_request())
        simulator.wati.templates.clear()

        assert [row["finalText"] for row in rows_of(simulator, "?pageSize=x&pageNumber=-1")] == [""]

    def test_send_without_credit_is_refused_from_then_on(self) -> None:
        """An account with credit for one message sends one."""
        simulator = make(credit=1)

        first, second = (simulator.handle(send_request(number)) for number in (ANNA, BELA))

        assert body_of(first)["result"] is True
        assert "not enough credits" in body_of(second)["error"]
        assert [message.number for message in simulator.messages] == [ANNA]

    def test_send_after_the_planned_troubles_follows_the_rest_of_the_plan(self) -> None:
        """A 429 asks to come back, a lost answer is of a message that exists; then all is well.

        A plan set anew begins from its own first send.
        """
        simulator = make(plans={ANNA: Plan(rate_limited=2, lost_answers=1)})

        replies = [simulator.handle(send_request()) for _ in range(4)]

        assert [reply.status for reply in replies] == [429, 429, 200, 200]
        assert ("Retry-After", "1") in replies[0].headers
        assert [reply.is_lost for reply in replies] == [False, False, True, False]
        assert len(simulator.messages) == 2
        simulator.wati.set_plan("+" + ANNA, Plan(lost_answers=1))
        assert simulator.handle(send_request()).is_lost


class TestDoor:
    """Addresses, verbs, credentials, filters, limits."""

    @pytest.mark.parametrize(
        ("tenant", "path", "status"),
        [
            (None, f"/api/v1/getMessages/{ANNA}", 200),
            (None, f"/100000/api/v1/getMessages/{ANNA}", 404),
            ("100000", f"/100000/api/v1/getMessages/{ANNA}", 200),
            ("100000", f"/api/v1/getMessages/{ANNA}", 404),
            ("100000", f"/100001/api/v1/getMessages/{ANNA}", 404),
            ("100000", f"/100000/api/v2/getMessages/{ANNA}", 404),
            (None, "/api/v1/getMessages", 404),
            (None, "/api/v1/getMessageTemplates/1", 404),
            (None, "/api/v2/getContacts", 404),
            (None, "/api/v1/sendTemplateMessage", 405),
            (None, "/", 404),
        ],
    )
    def test_address_is_found_only_in_its_right_form(
        self, tenant: str | None, path: str, status: int
    ) -> None:
        """The tenant belongs to some hosts, the message list to v1, each verb to its call."""
        assert make(tenant=tenant).handle(read_request(path)).status == status

    def test_wati_call_without_the_right_bearer_is_unauthorised(self) -> None:
        """401 without a body, and nothing is sent."""
        simulator = make()

        for headers in ({}, {"Authorization": API_KEY}, {"Authorization": "Bearer other"}, CRM):
            reply = simulator.handle(send_request(headers=headers))
            assert (reply.status, reply.body) == (401, b"")
        assert simulator.handle(read_request(LEAD_PATH)).status == 401
        assert (simulator.unauthorised, simulator.messages) == (5, [])

    @pytest.mark.parametrize(
        "attribute", ["{", "[]", "[1]", '[{"name":"phone"}]', WANTED.replace("phone", "x")]
    )
    def test_contact_filter_nobody_understands_is_refused(self, attribute: str) -> None:
        """A wrong filter is a 400, never everybody; a good one finds whom a send made known."""
        simulator = make()
        simulator.handle(send_request())
        path = "/api/v1/getContacts?attribute="
        replies = [
            simulator.handle(read_request(path + quote(text)))
            for text in (attribute, WANTED % ANNA, WANTED % BELA)
        ]

        assert replies[0].status == 400
        assert body_of(replies[0])["items"][0]["code"] == "InvalidAttribute"
        assert [len(body_of(reply)["contact_list"]) for reply in replies[1:]] == [1, 0]

    def test_window_full_is_429_with_the_seconds_left(self) -> None:
        """The call after the last allowed one is refused until the first has left the window."""
        clock = FakeClock()
        simulator = make(
            clock=clock, limits=VendorLimits(sends=2, reads=1, contacts=1, window_s=10)
        )
        simulator.handle(send_request())
        clock.advance(3.5)
        simulator.handle(send_request())

        refused_reply = simulator.handle(send_request())
        clock.advance(6.5)
        simulator.handle(send_request())

        assert ("Retry-After", "7") in refused_reply.headers
        assert [call.status for call in simulator.calls[Endpoint.SEND]] == [200, 200, 429, 200]
        assert (simulator.rejected_429, len(simulator.messages)) == (1, 3)

    def test_windows_of_different_calls_do_not_share(self) -> None:
        """Reads do not use up sends."""
        simulator = make(limits=VendorLimits(sends=1, reads=1, contacts=1, window_s=10))
        paths = (f"getMessages/{ANNA}", "getContacts", "getMessageTemplates")
        requests = [send_request(), *(read_request(f"/api/v1/{path}") for path in paths)]

        assert [simulator.handle(request).status for request in requests] == [200] * 4
        assert [simulator.handle(request).status for request in requests] == [429, 429, 429, 200]


class TestCrm:
    """What the lead list and the message log refuse."""

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({"lead_id": None}, "lead_id: required text or number"),
            ({"lead_id": True}, "lead_id: required text or number"),
            ({"error_message": 5}, "error_message: text or left out"),
            ({"row_id": "2026-11-22/1001/1"}, "row_id: unknown"),
            ({"msg_type": "text"}, "msg_type: template"),
            ({"msg_status": "pending"}, "msg_status: sent, delivered, read or failed"),
        ],
    )
    def test_log_refuses_a_row_of_another_shape(
        self, changes: dict[str, object], problem: str
    ) -> None:
        """The contract's fields and no others."""
        simulator = make()

        reply = simulator.handle(log_request(**changes))

        assert (reply.status, body_of(reply)["errors"]) == (400, [problem])
        assert simulator.crm_rows == []

    def test_request_without_a_count_or_a_row_is_refused(self) -> None:
        """A limit in words, a body that is no object."""
        query = f"owner_id={OWNER_ID}&limit=many&template_name={TEMPLATE}"
        leads = request_of("GET", f"{LEAD_PATH}?{query}", headers=CRM)
        rows = [request_of("POST", LOG_PATH, headers=CRM, body=body) for body in (b"", b"[]")]

        assert [make().handle(request).status for request in (leads, *rows)] == [400] * 3


class TestScripts:
    """Replies and hooks a test puts in."""

    def test_script_replies_come_in_turn_then_ordinary_ones(self) -> None:
        """Each as often as it says, in the order given, to the requests that match."""
        simulator = make()
        replies = (server_error(503), rate_limited(times=2), answer(None, times=0))
        simulator.script(Endpoint.SEND, *replies, match=lambda sent: sent.number == ANNA)

        statuses = [
            simulator.handle(send_request(number)).status for number in (ANNA, BELA, *[ANNA] * 3)
        ]

        assert statuses == [503, 200, 429, 429, 200]
        assert (simulator.rejected_429, len(simulator.messages)) == (0, 2)
        assert simulator.posts == {ANNA: 4, BELA: 1}

    def test_scripted_plan_gives_its_replies_first(self) -> None:
        """They belong to the number; a plan set anew begins from its own first reply."""
        first = ScriptedPlan(on_send=(lost(taken=True), lost(FaultKind.RESET, taken=False)))
        simulator = make(plans={ANNA: first})

        faults = [fault_of(simulator.handle(send_request())) for _ in range(3)]
        simulator.wati.set_plan(ANNA, ScriptedPlan(on_send=(server_error(),)))

        assert faults == [NetworkFault(FaultKind.CLOSE), NetworkFault(FaultKind.RESET), None]
        assert len(simulator.messages) == 2
        assert simulator.handle(send_request()).status == 502

    @pytest.mark.parametrize(
        ("reply", "taken"),
        [
            # A 5xx says nothing about the message behind it.
            (server_error(504, taken=True), 1),
            # What never arrived was never processed, whatever the script says.
            (lost(FaultKind.REFUSED, taken=True), 0),
            (lost(FaultKind.CERTIFICATE, taken=True), 0),
        ],
    )
    def test_script_says_whether_the_message_was_taken(self, reply: Reply, taken: int) -> None:
        """Apart from the answer that leaves."""
        simulator = make()
        simulator.script(Endpoint.SEND, reply)

        simulator.handle(send_request())

        assert len(simulator.messages) == taken

    def test_hooks_run_at_their_moment_as_often_as_asked(self) -> None:
        """Skip, match and times choose the requests; a refused send was not accepted."""
        simulator = make(plans={BELA: refused("no")})
        seen: list[str] = []
        hooks, numbers = simulator.hooks, (BELA, ANNA, "919000000103", "919000000104")
        hooks.add(Moment.ACCEPTED, Endpoint.SEND, lambda sent: seen.append(sent.number), skip=1)
        hooks.add(
            Moment.HEADERS,
            Endpoint.SEND,
            lambda _: seen.append("headers"),
            match=lambda sent: sent.number == BELA,
            times=None,
        )

        for number in numbers:
            simulator.reached(Moment.HEADERS, send_request(number))
            simulator.handle(send_request(number))

        assert seen == ["headers", "919000000103"]
        assert not hooks.wants(Moment.ACCEPTED, Endpoint.SEND)
        assert hooks.wants(Moment.HEADERS, Endpoint.SEND)

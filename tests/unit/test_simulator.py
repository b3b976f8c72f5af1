"""The simulator's account, its CRM and its rules, and what tests make of it; no network."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from fakes import FakeClock
from simulated.faults import FaultKind, NetworkFault, fault_of
from simulated.plans import ScriptedPlan
from simulated.scripts import (
    Moment,
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
from simulated.simulator import Simulator

from lead_automation.sandbox.addresses import LEAD_PATH, LOG_PATH
from lead_automation.sandbox.exchange import Endpoint, Side, SimReply, SimRequest, request_of
from lead_automation.sandbox.plans import Plan, Step, failing, refused
from lead_automation.sandbox.simulator import API_KEY, CRM_AUTHORIZATION, OWNER_ID, TEMPLATE
from lead_automation.sandbox.windows import VendorLimits

ANNA = "919000000101"
BELA = "919000000102"
THREE = (("1", "Anna"), ("2", "Anandi"), ("3", "+919000000999"))
BEARER = {"Authorization": f"Bearer {API_KEY}"}
CRM = {"Authorization": CRM_AUTHORIZATION}


def send_request(
    number: str = ANNA,
    *,
    version: str = "v2",
    template: str = TEMPLATE,
    parameters: tuple[tuple[str, str], ...] = THREE,
    body: bytes | None = None,
    headers: Mapping[str, str] = BEARER,
    channel: str | None = None,
) -> SimRequest:
    """Return a send as a good client makes it."""
    value: dict[str, object] = {
        "template_name": template,
        "broadcast_name": "run_1",
        "parameters": [{"name": name, "value": text} for name, text in parameters],
    }
    if channel:
        value["channel_number"] = channel
    return request_of(
        "POST",
        f"/api/{version}/sendTemplateMessage?whatsappNumber={number}",
        headers=headers,
        body=json.dumps(value).encode() if body is None else body,
    )


def read_request(path: str, headers: Mapping[str, str] = BEARER) -> SimRequest:
    """Return a read."""
    return request_of("GET", path, headers=headers)


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


def leads_request(limit: object = 500, owner: str = OWNER_ID) -> SimRequest:
    """Return a request for the lead list."""
    query = f"owner_id={owner}&limit={limit}&template_name={TEMPLATE}"
    return request_of("GET", f"{LEAD_PATH}?{query}", headers=CRM)


def body_of(reply: SimReply) -> Any:
    """Return an answer's JSON."""
    return json.loads(reply.body)


def rows_of(simulator: Simulator, number: str = ANNA, query: str = "") -> list[dict[str, Any]]:
    """Return the rows of a number's message list."""
    reply = simulator.handle(read_request(f"/api/v1/getMessages/{number}{query}"))
    assert reply.status == 200
    items: list[dict[str, Any]] = body_of(reply)["messages"]["items"]
    return items


class TestSends:
    """What a send comes to."""

    def test_send_on_v1_is_accepted_without_a_message_id(self) -> None:
        """v1 answers with a contact, the misspelt parameters and no id of the message."""
        simulator = Simulator(clock=FakeClock())

        reply = simulator.handle(send_request(version="v1", channel="15550001111"))

        body = body_of(reply)
        assert body["result"] is True
        assert body["phone_number"] == ANNA
        assert body["parameteres"] == [{"name": name, "value": text} for name, text in THREE]
        assert body["model"]["ids"] == [body["contact"]["id"]]
        assert "localMessageId" not in reply.body.decode()
        [message] = simulator.messages
        assert (message.number, message.template, message.version) == (ANNA, TEMPLATE, "v1")
        assert (message.broadcast_name, message.channel) == ("run_1", "15550001111")
        assert message.parameters == THREE
        assert message.local_message_id is None

    def test_send_on_v2_is_accepted_with_the_id_the_rows_carry(self) -> None:
        """v2 answers with the id found again in the message list."""
        simulator = Simulator(clock=FakeClock())

        receivers = body_of(simulator.handle(send_request()))["receivers"]

        assert receivers[0]["localMessageId"] == rows_of(simulator)[0]["localMessageId"]
        assert receivers[0] | {"localMessageId": ""} == {
            "localMessageId": "",
            "waId": ANNA,
            "isValidWhatsAppNumber": True,
            "errors": [],
        }

    @pytest.mark.parametrize("version", ["v1", "v2"])
    def test_send_to_a_number_not_on_whatsapp_says_so_inside_a_yes(self, version: str) -> None:
        """Result true and an invalid number: nothing is sent."""
        simulator = Simulator(clock=FakeClock(), plans={ANNA: Plan(on_whatsapp=False)})

        body = body_of(simulator.handle(send_request(version=version)))

        assert body["result"] is True
        told = body if version == "v1" else body["receivers"][0]
        assert told["validWhatsAppNumber" if version == "v1" else "isValidWhatsAppNumber"] is False
        assert simulator.messages == []

    @pytest.mark.parametrize(
        ("request_", "status", "words"),
        [
            (send_request(body=b"{"), 400, "not a JSON object"),
            (send_request(body=b"[]"), 400, "not a JSON object"),
            (send_request(body=b"{}"), 400, "are required"),
            (
                send_request(
                    body=b'{"template_name":"t","broadcast_name":"b","parameters":[{"name":1}]}'
                ),
                400,
                "wrong type",
            ),
            (
                send_request(body=b'{"template_name":"t","broadcast_name":"b","parameters":{}}'),
                400,
                "wrong type",
            ),
            (
                send_request(body=b'{"template_name":"t","broadcast_name":"b","channel_number":1}'),
                400,
                "wrong type",
            ),
            (send_request(""), 400, "should not be null or empty"),
            (send_request("123456"), 200, "Invalid phone number format."),
            (send_request("91900000010x"), 200, "Invalid phone number format."),
            (send_request(template="nobody_knows"), 400, "no such template"),
            (send_request(template="sandbox_welcome_old"), 400, "DELETED"),
            (send_request(parameters=THREE[:2]), 400, "cannot have typos or blank text"),
            (send_request(parameters=(*THREE[:2], ("3", " "))), 400, "typos or blank text"),
        ],
    )
    def test_send_with_a_fault_of_its_own_is_refused_with_the_reason(
        self, request_: SimRequest, status: int, words: str
    ) -> None:
        """WATI's own objections come with their words, and nothing is sent."""
        simulator = Simulator(clock=FakeClock())

        reply = simulator.handle(request_)

        assert reply.status == status
        assert words in reply.body.decode()
        assert simulator.messages == []

    def test_send_with_wrong_spaces_is_accepted_and_fails_later(self) -> None:
        """Four spaces in a row pass the send and come back as a failed status."""
        clock = FakeClock()
        simulator = Simulator(clock=clock)

        simulator.handle(send_request(parameters=(("1", "A    B"), *THREE[1:])))
        clock.advance(2)

        [row] = rows_of(simulator)
        assert row["statusString"] == "FAILED"
        assert "4 consecutive spaces" in row["failedDetail"]

    def test_send_without_credit_is_refused_from_then_on(self) -> None:
        """An account with credit for one message sends one."""
        simulator = Simulator(clock=FakeClock(), credit=1)

        first, second = (simulator.handle(send_request(number)) for number in (ANNA, BELA))

        assert body_of(first)["result"] is True
        assert "not enough credits" in body_of(second)["error"]
        assert [message.number for message in simulator.messages] == [ANNA]

    def test_send_after_the_planned_troubles_follows_the_rest_of_the_plan(self) -> None:
        """A 429 asks to come back, a lost answer is of a message that exists; then all is well."""
        plan = Plan(rate_limited=2, lost_answers=1)
        simulator = Simulator(clock=FakeClock(), plans={ANNA: plan})

        replies = [simulator.handle(send_request()) for _ in range(4)]

        assert [reply.status for reply in replies] == [429, 429, 200, 200]
        assert ("Retry-After", "1") in replies[0].headers
        assert [reply.is_lost for reply in replies] == [False, False, True, False]
        assert len(simulator.messages) == 2

    def test_plan_set_anew_begins_from_its_first_send(self) -> None:
        """Sends of before do not count against it."""
        simulator = Simulator(clock=FakeClock())
        simulator.handle(send_request())

        simulator.wati.set_plan("+" + ANNA, Plan(lost_answers=1))

        assert simulator.handle(send_request()).is_lost


class TestMessageList:
    """What the rows of a number show, and when."""

    def test_status_follows_the_history_of_the_plan(self) -> None:
        """Words change at their times and the truth says the same."""
        clock = FakeClock()
        plan = Plan(history=(Step(1, "SENT"), Step(2, "DELIVERED"), Step(3, "SENT")))
        simulator = Simulator(clock=clock, plans={ANNA: plan})
        simulator.handle(send_request())

        seen = []
        for _ in range(4):
            seen.append((rows_of(simulator)[0]["statusString"], simulator.status_now(ANNA)))
            clock.advance(1)

        assert seen == [
            (None, None),
            ("SENT", "SENT"),
            ("DELIVERED", "DELIVERED"),
            ("SENT", "SENT"),
        ]
        assert simulator.status_now(BELA) is None

    def test_row_carries_the_quoted_template_and_the_failure(self) -> None:
        """The name stands in quotes in the description; the detail is text."""
        clock = FakeClock(datetime(2026, 11, 23, 6, 0, 0, 123_000, tzinfo=UTC))
        simulator = Simulator(clock=clock, plans={ANNA: failing("Message undeliverable")})
        simulator.handle(send_request(version="v1"))
        clock.advance(1)

        [row] = rows_of(simulator)

        assert row["eventDescription"] == (
            f'Broadcast message with using "{TEMPLATE}" template was received 23|11|2026'
        )
        assert (row["statusString"], row["failedDetail"]) == ("FAILED", "Message undeliverable")
        assert row["created"] == "2026-11-23T06:00:00.123Z"
        assert row["localMessageId"] is None
        assert row["finalText"].startswith("Hello Anna, Anandi is")

    @pytest.mark.parametrize(
        ("plan", "seen"),
        [
            (Plan(appears_after_s=None), [0, 0, 0]),
            (Plan(appears_after_s=50), [0, 0, 1]),
            (Plan(arrives_after_s=50), [0, 0, 1]),
        ],
    )
    def test_row_shows_when_planned(self, plan: Plan, seen: list[int]) -> None:
        """A message may be listed late, arrive late, or never be listed."""
        clock = FakeClock()
        simulator = Simulator(clock=clock, plans={ANNA: plan})
        simulator.handle(send_request())

        counts = []
        for wait_s in (0, 49, 1):
            clock.advance(wait_s)
            counts.append(len(rows_of(simulator)))

        assert counts == seen
        [message] = simulator.messages
        assert (message.at - simulator.time_at(Side.WATI)).total_seconds() == (
            plan.arrives_after_s - 50
        )

    def test_pages_are_newest_first_and_linked(self) -> None:
        """Five messages in pages of two: each once, newest first."""
        clock = FakeClock()
        simulator = Simulator(clock=clock)
        for _ in range(5):
            simulator.handle(send_request())
            clock.advance(60)

        path = f"/api/v1/getMessages/{ANNA}?pageSize=2&pageNumber="
        pages = [body_of(simulator.handle(read_request(f"{path}{page}"))) for page in (1, 2, 3, 4)]

        times = [row["created"] for page in pages for row in page["messages"]["items"]]
        assert times == sorted(times, reverse=True)
        assert [len(page["messages"]["items"]) for page in pages] == [2, 2, 1, 0]
        assert pages[0]["link"]["prevPage"] is None
        assert pages[0]["link"]["nextPage"].endswith("pageSize=2&pageNumber=2")
        assert pages[2]["link"]["nextPage"] is None
        assert pages[0]["link"]["total"] == 5
        assert len(rows_of(simulator, query="?pageSize=x&pageNumber=-1")) == 5

    def test_other_rows_stand_between_the_messages(self) -> None:
        """What the lead writes, and its ticket, show once their time has come."""
        clock = FakeClock()
        simulator = Simulator(clock=clock, plans={ANNA: Plan(says=((5, "Yes"), (9, "Call me")))})
        simulator.handle(send_request())

        clock.advance(6)
        early = [row["eventType"] for row in rows_of(simulator)]
        clock.advance(30)
        late_rows = rows_of(simulator)

        assert sorted(early) == ["broadcastMessage", "message", "ticket"]
        assert early[-1] == "broadcastMessage"
        assert {row.get("text") for row in late_rows} >= {"Yes", "Call me"}

    def test_message_of_a_template_gone_since_has_an_empty_text(self) -> None:
        """A template may be deleted after the send."""
        simulator = Simulator(clock=FakeClock())
        simulator.handle(send_request())
        simulator.wati.templates.clear()

        assert rows_of(simulator)[0]["finalText"] == ""


class TestTemplatesAndContacts:
    """The account's other lists."""

    def test_template_list_shows_each_row_with_its_parameters(self) -> None:
        """Rows of one name in several languages stand beside each other."""
        simulator = Simulator(clock=FakeClock())

        reply = simulator.handle(read_request("/api/v2/getMessageTemplates?pageSize=500"))

        rows = body_of(reply)["messageTemplates"]
        ours = [row for row in rows if row["elementName"] == TEMPLATE]
        assert [row["status"] for row in ours] == ["PENDING", "APPROVED"]
        assert [param["paramName"] for param in ours[1]["customParams"]] == ["1", "2", "3"]
        assert [type(row["language"]) for row in ours] == [str, dict]

    def contacts(self, simulator: Simulator, attribute: object) -> SimReply:
        """Ask for contacts with a filter."""
        text = attribute if isinstance(attribute, str) else json.dumps(attribute)
        request = SimRequest(
            method="GET",
            path="/api/v1/getContacts",
            query={"attribute": text},
            headers={"authorization": BEARER["Authorization"]},
        )
        return simulator.handle(request)

    def test_contact_of_a_plan_shows_opt_out_and_validity(self) -> None:
        """The two fields a look-up reads come from the plan."""
        plan = Plan(allow_broadcast=False, contact_status="INVALID")
        simulator = Simulator(clock=FakeClock(), plans={ANNA: plan})

        wanted = [{"name": "phone", "operator": "==", "value": ANNA}]
        [contact] = body_of(self.contacts(simulator, wanted))["contact_list"]

        assert (contact["wAid"], contact["phone"]) == (ANNA, ANNA)
        assert (contact["allowBroadcast"], contact["contactStatus"]) == (False, "INVALID")
        assert contact["optedIn"] is False

    def test_contact_unknown_before_the_send_is_made_by_it(self) -> None:
        """A send creates the contact."""
        simulator = Simulator(clock=FakeClock())
        wanted = [{"name": "phone", "operator": "==", "value": BELA}]
        before = body_of(self.contacts(simulator, wanted))["contact_list"]

        simulator.handle(send_request(BELA))

        assert before == []
        assert len(body_of(self.contacts(simulator, wanted))["contact_list"]) == 1
        assert len(body_of(self.contacts(simulator, ""))["contact_list"]) == 1

    @pytest.mark.parametrize(
        "attribute",
        ["{", "[]", "[1]", '[{"name":"phone"}]', '[{"name":"x","operator":"==","value":"1"}]'],
    )
    def test_contact_filter_nobody_understands_is_refused(self, attribute: str) -> None:
        """A wrong filter is a 400, never everybody."""
        reply = self.contacts(Simulator(clock=FakeClock()), attribute)

        assert reply.status == 400
        assert body_of(reply)["items"][0]["code"] == "InvalidAttribute"


class TestDoor:
    """Addresses, verbs, credentials, limits, dates."""

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
        simulator = Simulator(clock=FakeClock(), tenant=tenant)

        assert simulator.handle(read_request(path)).status == status

    @pytest.mark.parametrize(
        "headers",
        [{}, {"Authorization": API_KEY}, {"Authorization": "Bearer other"}, CRM],
    )
    def test_wati_call_without_the_right_bearer_is_unauthorised(
        self, headers: Mapping[str, str]
    ) -> None:
        """401 without a body, and nothing is sent."""
        simulator = Simulator(clock=FakeClock())

        reply = simulator.handle(send_request(headers=headers))

        assert (reply.status, reply.body) == (401, b"")
        assert simulator.handle(read_request(LEAD_PATH)).status == 401
        assert simulator.unauthorised == 2
        assert simulator.messages == []

    def test_window_full_is_429_with_the_seconds_left(self) -> None:
        """The call after the last allowed one is refused until the first has left the window."""
        clock = FakeClock()
        limits = VendorLimits(sends=2, reads=1, contacts=1, window_s=10)
        simulator = Simulator(clock=clock, limits=limits)
        simulator.handle(send_request())
        clock.advance(3.5)
        simulator.handle(send_request())

        refused_reply = simulator.handle(send_request())
        clock.advance(6.5)
        freed = simulator.handle(send_request())

        assert refused_reply.status == 429
        assert ("Retry-After", "7") in refused_reply.headers
        assert freed.status == 200
        assert simulator.rejected_429 == 1
        assert [call.status for call in simulator.calls[Endpoint.SEND]] == [200, 200, 429, 200]
        assert len(simulator.messages) == 3

    def test_windows_of_different_calls_do_not_share(self) -> None:
        """Reads do not use up sends."""
        limits = VendorLimits(sends=1, reads=1, contacts=1, window_s=10)
        simulator = Simulator(clock=FakeClock(), limits=limits)
        requests = [
            send_request(),
            read_request(f"/api/v1/getMessages/{ANNA}"),
            read_request("/api/v1/getContacts"),
            read_request("/api/v1/getMessageTemplates"),
        ]

        assert [simulator.handle(request).status for request in requests] == [200] * 4
        assert [simulator.handle(request).status for request in requests] == [429, 429, 429, 200]

    def test_month_used_up_is_429_with_its_text(self) -> None:
        """Waiting does not help: no Retry-After."""
        simulator = Simulator(clock=FakeClock())
        simulator.month_calls_left = 1
        first = simulator.handle(read_request("/api/v1/getMessageTemplates"))

        reply = simulator.handle(send_request())

        assert first.status == 200
        assert (reply.status, reply.body) == (429, b"API usage limit exceeded")
        assert "Retry-After" not in dict(reply.headers)

    def test_date_follows_steady_time_and_the_offset(self) -> None:
        """A step of the local wall clock does not move WATI's; its offset does."""
        clock = FakeClock()
        started_at = clock.now()
        simulator = Simulator(clock=clock, wati_offset_s=700, crm_offset_s=-60)
        clock.step(-86_400)
        clock.advance(10)

        dates = [
            parsedate_to_datetime(dict(simulator.handle(request).headers)["Date"])
            for request in (send_request(), leads_request())
        ]

        assert [(date - started_at).total_seconds() for date in dates] == [710, -50]
        assert simulator.messages[0].at == started_at + timedelta(seconds=710)


class TestCrm:
    """The lead list and the message log."""

    def test_lead_list_honours_the_limit_and_the_owner(self) -> None:
        """Only so many of the owner's leads, in order."""
        leads = [{"lead_id": position} for position in range(5)]
        simulator = Simulator(clock=FakeClock(), leads=leads)

        assert body_of(simulator.handle(leads_request(3))) == {"data": leads[:3]}
        assert body_of(simulator.handle(leads_request(owner="1"))) == {"data": []}
        assert simulator.handle(leads_request("many")).status == 400

    def test_log_keeps_the_row_as_posted(self) -> None:
        """201, and the row is the CRM's; a lead's id may be text or a number."""
        simulator = Simulator(clock=FakeClock())

        replies = [
            simulator.handle(log_request(wati_message_id="id-1", lead_id=lead_id))
            for lead_id in ("1001", 1001)
        ]

        assert [reply.status for reply in replies] == [201, 201]
        assert [row["lead_id"] for row in simulator.crm_rows] == ["1001", 1001]
        assert simulator.crm_rows[0]["wati_message_id"] == "id-1"
        assert simulator.crm_rows[0]["msg_status"] == "delivered"

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
        simulator = Simulator(clock=FakeClock())

        reply = simulator.handle(log_request(**changes))

        assert (reply.status, body_of(reply)["errors"]) == (400, [problem])
        assert simulator.crm_rows == []

    @pytest.mark.parametrize("body", [b"", b"[]"])
    def test_log_refuses_a_body_that_is_no_object(self, body: bytes) -> None:
        """No row in it."""
        request = request_of("POST", LOG_PATH, headers=CRM, body=body)

        assert Simulator(clock=FakeClock()).handle(request).status == 400


class TestScripts:
    """Replies and hooks a test puts in."""

    def test_script_replies_come_in_turn_then_ordinary_ones(self) -> None:
        """Each as often as it says, in the order given, to the requests that match."""
        simulator = Simulator(clock=FakeClock())
        replies = (server_error(503), rate_limited(times=2), answer(None, times=0))
        simulator.script(Endpoint.SEND, *replies, match=lambda sent: sent.number == ANNA)

        statuses = [
            simulator.handle(send_request(number)).status for number in (ANNA, BELA, *[ANNA] * 3)
        ]

        assert statuses == [503, 200, 429, 429, 200]
        assert simulator.rejected_429 == 0
        assert simulator.posts == {ANNA: 4, BELA: 1}
        assert len(simulator.messages) == 2

    def test_scripted_plan_gives_its_replies_first(self) -> None:
        """They belong to the number; a plan set anew begins from its own first reply."""
        first = ScriptedPlan(on_send=(lost(taken=True), lost(FaultKind.RESET, taken=False)))
        simulator = Simulator(clock=FakeClock(), plans={ANNA: first})

        replies = [simulator.handle(send_request()) for _ in range(3)]
        simulator.wati.set_plan(ANNA, ScriptedPlan(on_send=(server_error(),)))

        assert [fault_of(reply) for reply in replies] == [
            NetworkFault(FaultKind.CLOSE),
            NetworkFault(FaultKind.RESET),
            None,
        ]
        assert len(simulator.messages) == 2
        assert simulator.handle(send_request()).status == 502

    def test_script_of_a_change_lies_about_the_ordinary_answer(self) -> None:
        """The message is taken, the row is there, and the list says otherwise."""
        simulator = Simulator(clock=FakeClock())
        simulator.handle(send_request())
        simulator.script(
            Endpoint.MESSAGES, changed(lambda body: body["messages"]["items"].clear(), times=1)
        )

        assert rows_of(simulator) == []
        assert len(rows_of(simulator)) == 1

    def test_script_for_ever_lasts_until_cleared(self) -> None:
        """A reply without end ends with the script."""
        simulator = Simulator(clock=FakeClock())
        simulator.script(Endpoint.SEND, usage_limit_exceeded())
        before = [simulator.handle(send_request()).status for _ in range(3)]

        simulator.clear_scripts()

        assert before == [429] * 3
        assert simulator.handle(send_request()).status == 200

    def test_script_of_an_error_that_took_the_message_keeps_it(self) -> None:
        """A 5xx says nothing about the message behind it."""
        simulator = Simulator(clock=FakeClock())
        simulator.script(Endpoint.SEND, server_error(504, taken=True))

        reply = simulator.handle(send_request())

        assert (reply.status, reply.body) == (504, b"504 GatewayTimeout")
        assert len(simulator.messages) == 1

    @pytest.mark.parametrize("kind", [FaultKind.REFUSED, FaultKind.CERTIFICATE])
    def test_script_of_a_connection_never_made_takes_nothing(self, kind: FaultKind) -> None:
        """What never arrived was never processed, whatever the script says."""
        simulator = Simulator(clock=FakeClock())
        simulator.script(Endpoint.SEND, lost(kind, taken=True))

        simulator.handle(send_request())

        assert simulator.messages == []

    @pytest.mark.parametrize(
        ("reply", "status", "header", "start"),
        [
            (redirect("https://elsewhere.invalid/"), 302, "Location", b""),
            (html_page(403), 403, "Content-Type", b"<!DOCTYPE html>"),
            (answer(["list"]), 200, "Content-Type", b'["list"]'),
            (answer("words", 400), 400, "Content-Type", b"words"),
            (answer(b'"ok"'), 200, "Date", b'"ok"'),
            (rate_limited("soon"), 429, "Retry-After", b""),
        ],
    )
    def test_script_shapes_arrive_as_described(
        self, reply: Reply, status: int, header: str, start: bytes
    ) -> None:
        """Each helper gives its status, header and body."""
        simulator = Simulator(clock=FakeClock())
        simulator.script(Endpoint.LEADS, reply)

        got = simulator.handle(leads_request())

        assert got.status == status
        assert header in dict(got.headers)
        assert got.body.startswith(start)

    def test_hooks_run_at_their_moment_as_often_as_asked(self) -> None:
        """Skip, match and times choose the requests; a refused send was not accepted."""
        simulator = Simulator(clock=FakeClock(), plans={BELA: refused("no")})
        seen: list[str] = []
        simulator.hooks.add(
            Moment.ACCEPTED, Endpoint.SEND, lambda request: seen.append(request.number), skip=1
        )
        simulator.hooks.add(
            Moment.HEADERS,
            Endpoint.SEND,
            lambda _: seen.append("headers"),
            match=lambda request: request.number == BELA,
            times=None,
        )

        for number in (BELA, ANNA, "919000000103", "919000000104"):
            simulator.reached(Moment.HEADERS, send_request(number))
            simulator.handle(send_request(number))

        assert seen == ["headers", "919000000103"]
        assert not simulator.hooks.wants(Moment.ACCEPTED, Endpoint.SEND)
        assert simulator.hooks.wants(Moment.HEADERS, Endpoint.SEND)

    def test_outage_loses_one_side_until_it_is_back(self) -> None:
        """WATI down, the CRM up."""
        simulator = Simulator(clock=FakeClock())

        simulator.take_down(Side.WATI, FaultKind.REFUSED)
        replies = [simulator.handle(request) for request in (send_request(), leads_request())]
        simulator.bring_back(Side.WATI)
        replies.append(simulator.handle(send_request()))

        refused_ = NetworkFault(FaultKind.REFUSED)
        assert [fault_of(reply) for reply in replies] == [refused_, None, None]
        assert len(simulator.messages) == 1

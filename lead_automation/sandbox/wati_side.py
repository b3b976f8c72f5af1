"""The simulated WATI: what it keeps of an account and how it answers each call.

Vendor facts: wati-api 2 (sends), 3.1 (message list), 4 (contacts), 5 (templates). The message and
contact lists exist under ``/api/v1`` only; v2 has the sends and the template list.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus

from lead_automation.sandbox.exchange import (
    SimReply,
    SimRequest,
    digits_of,
    json_reply,
    text_reply,
)
from lead_automation.sandbox.plans import Plan, SimMessage, Step
from lead_automation.sandbox.scripts import ReplyQueue
from lead_automation.sandbox.wati_requests import (
    Send,
    has_bad_spaces,
    parse_send,
    phone_filter,
)
from lead_automation.sandbox.wati_wire import (
    V2,
    Page,
    SimTemplate,
    accepted_v1,
    accepted_v2,
    contact_row,
    inbound_row,
    message_row,
    refusal,
    template_row,
    ticket_row,
)

Answered = tuple[SimReply, bool]
"""The answer, and whether something was taken (a message sent, a read answered)."""

NO_NUMBER = "Whatsapp number should not be null or empty"
BAD_NUMBER = "Invalid phone number format."
BAD_PARAMETERS = "Check your template, it cannot have typos or blank text"
NO_CREDIT = "Message not sent: not enough credits, please top up"
BAD_SPACES = "Custom params can't have 4 consecutive spaces and button url can't have a space"

_SHORTEST_NUMBER = 7
_LONGEST_NUMBER = 15


class WatiSide:
    """An account with templates, contacts and messages.

    Attributes:
        messages: Every message really taken, in order.
        credit: Messages the account can still pay for; None: no end.
        has_bare_answers: v1 sends are answered ``{"result": true}`` and nothing else.
        repeats_pages: The template list ignores the page number, as some accounts do.
        templates: Rows of the template list.
    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        templates: Sequence[SimTemplate],
        plans: Mapping[str, Plan],
        plan_of: Callable[[str], Plan],
        credit: int | None,
        has_bare_answers: bool,
    ) -> None:
        self.messages: list[SimMessage] = []
        self.credit = credit
        self.has_bare_answers = has_bare_answers
        self.repeats_pages = False
        self.templates = list(templates)
        self._now = now
        self._plans = {digits_of(number): plan for number, plan in plans.items()}
        self._plan_of = plan_of
        self._by_number: dict[str, list[SimMessage]] = {}
        self._on_send: dict[str, ReplyQueue] = {}
        self._extra_rows: dict[str, list[tuple[datetime, dict[str, object]]]] = {}
        self._serial = 0

    def plan(self, number: str) -> Plan:
        """Return what is planned for a number."""
        return self._plans.get(number) or self._plan_of(number)

    def set_plan(self, number: str, plan: Plan) -> None:
        """Plan anew for messages and contacts of a number; messages already sent keep theirs."""
        self._plans[digits_of(number)] = plan
        self._on_send.pop(digits_of(number), None)

    def messages_to(self, number: str) -> list[SimMessage]:
        """Return the messages really sent to a number, oldest first."""
        return list(self._by_number.get(digits_of(number), ()))

    def add_row(self, number: str, row: Mapping[str, object], at: datetime) -> None:
        """Put a row of the test's own making into a number's message list."""
        self._extra_rows.setdefault(digits_of(number), []).append((at, dict(row)))

    # -- sends -----------------------------------------------------------------------------------

    def send(self, request: SimRequest) -> Answered:
        """Answer a ``sendTemplateMessage``, in the form of the version asked."""
        version = V2 if "/api/v2/" in request.path else "v1"
        send = parse_send(request.body)
        if isinstance(send, SimReply):
            return send, False
        number = request.number
        fault = self._request_fault(number, version, send)
        if fault is not None:
            return fault, False
        plan = self.plan(number)
        queue = self._on_send.get(number)
        if queue is None:
            # Kept only where there is something to use up: most numbers have nothing.
            queue = ReplyQueue(plan.on_send)
            if plan.on_send:
                self._on_send[number] = queue
        reply = queue.take()
        if reply is None:
            return self._decide(number, version, send, plan)
        ordinary = self._take(number, version, send, plan) if reply.is_taken else None
        return reply.over(ordinary), reply.is_taken

    def _request_fault(self, number: str, version: str, send: Send) -> SimReply | None:
        """Return WATI's own objection to a request, whoever it is for."""
        if not number:
            return json_reply({"result": False, "info": NO_NUMBER}, HTTPStatus.BAD_REQUEST)
        if not (number.isdecimal() and _SHORTEST_NUMBER <= len(number) <= _LONGEST_NUMBER):
            return refusal(version, BAD_NUMBER, send.template)
        rows = [row for row in self.templates if row.name == send.template]
        approved = [row for row in rows if row.status.upper() == "APPROVED"]
        if not approved:
            found = ", ".join(sorted(row.status for row in rows)) or "no such template"
            text = f"Template {send.template} is not approved: {found}"
            return text_reply(text, HTTPStatus.BAD_REQUEST)
        values = dict(send.parameters)
        takes_them = any(set(row.parameters) == set(values) for row in approved)
        if not takes_them or not all(value.strip() for value in values.values()):
            return text_reply(BAD_PARAMETERS, HTTPStatus.BAD_REQUEST)
        return None

    def _decide(self, number: str, version: str, send: Send, plan: Plan) -> Answered:
        if plan.refuse:
            return refusal(version, plan.refuse, send.template), False
        if not plan.on_whatsapp:
            return self._yes(number, version, send, plan, is_valid=False), False
        if self.credit is not None and self.credit < 1:
            return refusal(version, NO_CREDIT, send.template), False
        return self._take(number, version, send, plan), True

    def _take(self, number: str, version: str, send: Send, plan: Plan) -> SimReply:
        """Keep the message and return the ordinary yes."""
        if self.credit is not None:
            self.credit -= 1
        at = self._now() + timedelta(seconds=plan.arrives_after_s)
        if any(has_bad_spaces(value) for _, value in send.parameters):
            # Wrong values are accepted and fail later (wati-api 2.5).
            history = (Step(0.0, "SENT"), Step(1.0, "FAILED", BAD_SPACES))
            plan = Plan(history=history, allow_broadcast=plan.allow_broadcast)
        answer = self._yes(number, version, send, plan, is_valid=True)
        message = SimMessage(
            number=number,
            template=send.template,
            broadcast_name=send.broadcast_name,
            parameters=send.parameters,
            channel=send.channel,
            version=version,
            at=at,
            local_message_id=self._message_id() if version == V2 else None,
            serial=self._serial,
            plan=plan,
        )
        self.messages.append(message)
        self._by_number.setdefault(number, []).append(message)
        return answer

    def _yes(
        self, number: str, version: str, send: Send, plan: Plan, *, is_valid: bool
    ) -> SimReply:
        self._serial += 1
        if version == V2:
            return accepted_v2(
                number, send.template, send.parameters, self._message_id(), is_valid=is_valid
            )
        if self.has_bare_answers and is_valid:
            return json_reply({"result": True})
        contact = contact_row(number, plan, self._serial, self._now())
        return accepted_v1(number, send.template, send.parameters, contact, is_valid=is_valid)

    def _message_id(self) -> str:
        return f"d38f0c3a-0000-4000-8000-{self._serial:012x}"

    # -- reads -----------------------------------------------------------------------------------

    def message_list(self, request: SimRequest) -> Answered:
        """Answer a ``getMessages``: the number's rows, newest first."""
        now = self._now()
        messages = self._by_number.get(request.number, [])
        rows = [
            (message.at, message_row(message, self._text_of(message), now))
            for message in messages
            if message.is_listed_at(now)
        ]
        rows += self._rows_around(messages, now)
        rows += [(at, row) for at, row in self._extra_rows.get(request.number, ()) if at <= now]
        rows.sort(key=lambda dated: dated[0], reverse=True)
        page = Page.of_query(request.query)
        items = [row for _, row in page.cut(rows)]
        body = {
            "result": "success",
            "messages": {"items": items},
            "link": page.link(request.path, len(rows)),
        }
        return json_reply(body), True

    @staticmethod
    def _rows_around(
        messages: Sequence[SimMessage], now: datetime
    ) -> list[tuple[datetime, dict[str, object]]]:
        """Return what stands between template messages: the ticket and what the lead wrote."""
        rows = []
        for message in messages:
            for position, (after_s, text) in enumerate(message.plan.says):
                at = message.at + timedelta(seconds=after_s)
                serial = message.serial * 100 + position
                rows.append((at, ticket_row(message.number, at, serial)))
                rows.append((at, inbound_row(message.number, text, at, serial)))
        return [(at, row) for at, row in rows if at <= now]

    def _text_of(self, message: SimMessage) -> str:
        rows = [row for row in self.templates if row.name == message.template]
        return rows[0].filled(message.parameters) if rows else ""

    def template_list(self, request: SimRequest) -> Answered:
        """Answer a ``getMessageTemplates``."""
        now = self._now()
        page = Page.of_query(request.query)
        shown = Page(1, page.size) if self.repeats_pages else page
        rows = [template_row(row, serial, now) for serial, row in enumerate(self.templates, 1)]
        body = {
            "result": "success",
            "messageTemplates": list(shown.cut(rows)),
            "link": page.link(request.path, len(rows)),
        }
        return json_reply(body), True

    def contact_list(self, request: SimRequest) -> Answered:
        """Answer a ``getContacts``: everybody, or the one an ``attribute`` filter names."""
        wanted = phone_filter(request.query.get("attribute", ""))
        if isinstance(wanted, SimReply):
            return wanted, False
        known = self._known_numbers(wanted)
        page = Page.of_query(request.query)
        now = self._now()
        contacts = [
            contact_row(number, self.plan(number), serial, now) | {"tenantId": None}
            for serial, number in enumerate(page.cut(known), 1)
        ]
        body = {
            "result": "success",
            "contact_list": contacts,
            "link": page.link(request.path, len(known)),
        }
        return json_reply(body), True

    def _known_numbers(self, wanted: str | None) -> list[str]:
        """Return the contacts: numbers with a plan and numbers messaged (a send makes one)."""
        if wanted is None:
            return list(dict.fromkeys([*self._plans, *self._by_number]))
        number = digits_of(wanted)
        return [number] if number in self._plans or number in self._by_number else []

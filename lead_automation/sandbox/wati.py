"""The simulated WATI: what it keeps of an account and how it answers each call.

Vendor facts: wati-api 2 (sends), 3.1 (message list), 4 (contacts), 5 (templates). The message and
contact lists exist under ``/api/v1`` only; v2 has the sends and the template list.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from http import HTTPStatus

from lead_automation.sandbox.exchange import (
    SimReply,
    SimRequest,
    digits_of,
    json_reply,
    text_reply,
)
from lead_automation.sandbox.plans import Plan, SimMessage, failing
from lead_automation.sandbox.wati_answers import (
    SimTemplate,
    accepted_v1,
    accepted_v2,
    contact_row,
    inbound_row,
    list_reply,
    message_row,
    refusal,
    template_row,
    ticket_row,
)
from lead_automation.sandbox.wati_requests import V2, Page, Send, parse_phone_filter, parse_send

NO_NUMBER = "Whatsapp number should not be null or empty"
BAD_NUMBER = "Invalid phone number format."
BAD_PARAMETERS = "Check your template, it cannot have typos or blank text"
NO_CREDIT = "Message not sent: not enough credits, please top up"
BAD_SPACES = "Custom params can't have 4 consecutive spaces and button url can't have a space"

SLOWER = SimReply(status=HTTPStatus.TOO_MANY_REQUESTS, headers=(("Retry-After", "1"),))

# E.164 allows 15 digits; no country's numbers are shorter than 7 with their code.
_SHORTEST_NUMBER = 7
_LONGEST_NUMBER = 15

_Row = tuple[datetime, dict[str, object]]
"""A row of a message list, with the time it is sorted by."""


class WatiAccount:
    """An account with templates, contacts and messages.

    Attributes:
        messages: Every message really taken, in order.
        credit: Messages the account can still pay for; None: no end.
        templates: Rows of the template list.
        now: WATI's clock.
    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        templates: Sequence[SimTemplate],
        plans: Mapping[str, Plan],
        default_plan: Plan,
        credit: int | None,
    ) -> None:
        self.messages: list[SimMessage] = []
        self.credit = credit
        self.templates = list(templates)
        self.now = now
        self._plans = {digits_of(number): plan for number, plan in plans.items()}
        self._default_plan = default_plan
        self._by_number: dict[str, list[SimMessage]] = {}
        self._tries: Counter[str] = Counter()
        self._serial = 0

    def plan(self, number: str) -> Plan:
        """Return what is planned for a number."""
        return self._plans.get(digits_of(number), self._default_plan)

    def set_plan(self, number: str, plan: Plan) -> None:
        """Plan anew for messages and contacts of a number; messages already sent keep theirs."""
        self._plans[digits_of(number)] = plan
        self._tries.pop(digits_of(number), None)

    # -- sends -----------------------------------------------------------------------------------

    def send(self, request: SimRequest) -> SimReply:
        """Answer a ``sendTemplateMessage``, in the form of the version asked."""
        send = parse_send(request)
        if isinstance(send, SimReply):
            return send
        objection = self._objection(send)
        if objection is not None:
            return objection
        is_limited, is_lost = self.count_try(send.number)
        if is_limited:
            return SLOWER
        return replace(self._decide(send, self.plan(send.number)), is_lost=is_lost)

    def count_try(self, number: str) -> tuple[bool, bool]:
        """Count a send; return whether it comes too fast, and whether its answer is lost."""
        plan = self.plan(number)
        self._tries[number] += 1
        tries = self._tries[number]
        return tries <= plan.rate_limited, tries <= plan.rate_limited + plan.lost_answers

    def _objection(self, send: Send) -> SimReply | None:
        """Return what is wrong with a send, whoever it is for."""
        if not send.number:
            return json_reply({"result": False, "info": NO_NUMBER}, HTTPStatus.BAD_REQUEST)
        if not is_number(send.number):
            return refusal(send, BAD_NUMBER)
        text = self.template_objection(send)
        return text_reply(text, HTTPStatus.BAD_REQUEST) if text else None

    def template_objection(self, send: Send) -> str:
        """Return what is wrong with template and values, "" for nothing."""
        rows = [row for row in self.templates if row.name == send.template]
        approved = [row for row in rows if row.status.upper() == "APPROVED"]
        if not approved:
            found = ", ".join(sorted(row.status for row in rows)) or "no such template"
            return f"Template {send.template} is not approved: {found}"
        values = dict(send.parameters)
        takes_them = any(set(row.parameters) == set(values) for row in approved)
        is_filled = all(value.strip() for value in values.values())
        return "" if takes_them and is_filled else BAD_PARAMETERS

    def _decide(self, send: Send, plan: Plan) -> SimReply:
        if plan.refuse:
            return refusal(send, plan.refuse)
        if not plan.on_whatsapp:
            return self._yes(send, plan, is_valid=False)
        if not self.pay():
            return refusal(send, NO_CREDIT)
        answer = self._yes(send, plan, is_valid=True)
        self.keep(send, plan)
        return answer

    def pay(self) -> bool:
        """Take the price of a message from the credit; False where it is used up."""
        if self.credit is not None:
            if self.credit < 1:
                return False
            self.credit -= 1
        return True

    def keep(self, send: Send, plan: Plan) -> SimMessage:
        """Keep a message that WATI takes."""
        if send.has_bad_spaces:
            plan = replace(plan, history=failing(BAD_SPACES).history)
        own_id = self._message_id() if send.version == V2 else None
        message = SimMessage(
            number=send.number,
            template=send.template,
            broadcast_name=send.broadcast_name,
            parameters=send.parameters,
            channel=send.channel,
            version=send.version,
            at=self.now() + timedelta(seconds=plan.arrives_after_s),
            local_message_id=send.local_message_id or own_id,
            serial=self._serial,
            plan=plan,
        )
        self.messages.append(message)
        self._by_number.setdefault(send.number, []).append(message)
        return message

    def _yes(self, send: Send, plan: Plan, *, is_valid: bool) -> SimReply:
        self._serial += 1
        if send.version == V2:
            return accepted_v2(send, self._message_id(), is_valid=is_valid)
        contact = contact_row(send.number, plan, self._serial, self.now())
        return accepted_v1(send, contact, is_valid=is_valid)

    def _message_id(self) -> str:
        return f"d38f0c3a-0000-4000-8000-{self._serial:012x}"

    # -- reads -----------------------------------------------------------------------------------

    def message_list(self, request: SimRequest) -> SimReply:
        """Answer a ``getMessages``: the number's rows, newest first."""
        now = self.now()
        rows: list[_Row] = []
        for message in self._by_number.get(request.number, ()):
            if message.is_listed_at(now):
                rows.append((message.at, message_row(message, self._text_of(message), now)))
            rows += [(at, row) for at, row in _rows_around(message) if at <= now]
        rows.sort(key=lambda dated: dated[0], reverse=True)
        page = Page.of_query(request.query)
        items = [row for _, row in page.cut(rows)]
        return list_reply("messages", {"items": items}, page.link(request.path, len(rows)))

    def _text_of(self, message: SimMessage) -> str:
        rows = [row for row in self.templates if row.name == message.template]
        return rows[0].filled(message.parameters) if rows else ""

    def template_list(self, request: SimRequest) -> SimReply:
        """Answer a ``getMessageTemplates``."""
        now, page = self.now(), Page.of_query(request.query)
        rows = [template_row(row, serial, now) for serial, row in enumerate(self.templates, 1)]
        link = page.link(request.path, len(rows))
        return list_reply("messageTemplates", page.cut(rows), link)

    def contact_list(self, request: SimRequest) -> SimReply:
        """Answer a ``getContacts``: everybody, or the one an ``attribute`` filter names."""
        wanted = parse_phone_filter(request.query.get("attribute", ""))
        if isinstance(wanted, SimReply):
            return wanted
        known = self.known_numbers(wanted)
        now, page = self.now(), Page.of_query(request.query)
        contacts = [
            contact_row(number, self.plan(number), serial, now) | {"tenantId": None}
            for serial, number in enumerate(page.cut(known), 1)
        ]
        return list_reply("contact_list", contacts, page.link(request.path, len(known)))

    def known_numbers(self, wanted: str | None) -> list[str]:
        """Return the contacts: numbers with a plan and numbers messaged (a send makes one)."""
        if wanted is None:
            return list(dict.fromkeys([*self._plans, *self._by_number]))
        number = digits_of(wanted)
        return [number] if number in self._plans or number in self._by_number else []


def is_number(digits: str) -> bool:
    """Whether digits may be a number of some country."""
    return digits.isdecimal() and _SHORTEST_NUMBER <= len(digits) <= _LONGEST_NUMBER


def _rows_around(message: SimMessage) -> list[_Row]:
    """Return what follows a template message: the tickets and texts of what the lead wrote."""
    rows = []
    for position, (after_s, text) in enumerate(message.plan.says):
        at = message.at + timedelta(seconds=after_s)
        serial = message.serial * 100 + position
        rows.append((at, ticket_row(message.number, at, serial)))
        rows.append((at, inbound_row(message.number, text, at, serial)))
    return rows

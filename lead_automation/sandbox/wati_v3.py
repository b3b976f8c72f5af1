"""The simulated WATI by its API v3: one POST for many, and lists of what became of them.

Vendor facts: wati-api 2.4 (send), 3.4 (broadcasts), 4 (contacts), 5 (templates), 5b (credit), 11.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from lead_automation.sandbox.exchange import Endpoint, SimReply, SimRequest, digits_of, json_reply
from lead_automation.sandbox.plans import Plan, SimBroadcast, failing
from lead_automation.sandbox.wati import BAD_NUMBER, SLOWER, WatiAccount, is_number
from lead_automation.sandbox.wati_answers import zulu
from lead_automation.sandbox.wati_requests import V3, Page, Send, are_pairs, object_of
from lead_automation.sandbox.wati_v3_answers import (
    broadcast_row,
    contact_row,
    recipient_row,
    template_row,
    word_of,
)

_LARGEST_PAGE = 100
_MOST_RECIPIENTS = 10_000
# Of a number that nobody has on WhatsApp v3 says so only afterwards (wati-api 11, fact 4).
_NOBODY: Final = failing("131026 Message undeliverable")
_STILL: Final = Plan(history=())
"""A message that is queued and stays so: at no credit nothing is processed (wati-api 5b)."""
_IN_PROGRESS: Final = {"processing": "queued", "pending": "pending", "sending": "sending"}
_FREE_CREDIT = 100.0  # what an account without an end to its credit shows


class WatiV3:
    """Answer v3's calls for an account.

    Attributes:
        broadcasts: Every POST taken, in order.
        served: The calls, by endpoint.
    """

    def __init__(self, account: WatiAccount) -> None:
        self.broadcasts: list[SimBroadcast] = []
        self.served: Mapping[Endpoint, Callable[[SimRequest], SimReply]] = {
            Endpoint.SEND: self._send,
            Endpoint.TEMPLATES: self._template_list,
            Endpoint.CONTACTS: self._contacts,
            Endpoint.BROADCASTS: self._broadcast_list,
            Endpoint.COUNTERS: self._broadcast,
            Endpoint.RECIPIENTS: self._recipient_list,
            Endpoint.CREDITS: self._credits,
        }
        self._account = account

    # -- send ------------------------------------------------------------------------------------

    def _send(self, request: SimRequest) -> SimReply:
        sends = _parse_sends(object_of(request.body))
        text = sends if isinstance(sends, str) else self._objection(sends)
        if isinstance(sends, str) or text:
            return self._invalid(text)
        tries = [self._account.count_try(send.number) for send in sends]
        if any(is_limited for is_limited, _ in tries):
            return SLOWER
        errors = [self._errors(send) for send in sends]
        taken = [send for send, error in zip(sends, errors, strict=True) if not error]
        broadcast = self._take(sends[0], taken)
        answer = json_reply(
            {
                "success": True,
                "broadcast_id": broadcast.broadcast_id,
                "error": None,
                "recipients": [
                    {
                        "local_message_id": send.local_message_id,
                        "phone_number": send.number,
                        "errors": error,
                    }
                    for send, error in zip(sends, errors, strict=True)
                ],
            }
        )
        return replace(answer, is_lost=any(is_lost for _, is_lost in tries))

    def _objection(self, sends: list[Send]) -> str:
        return next(
            (text for send in sends if (text := self._account.template_objection(send))), ""
        )

    def _errors(self, send: Send) -> list[str]:
        refusal = self._account.plan(send.number).refuse
        text = refusal if is_number(send.number) else BAD_NUMBER
        return [text] if text else []

    def _take(self, first: Send, sends: list[Send]) -> SimBroadcast:
        broadcast = SimBroadcast(
            broadcast_id=f"6741{len(self.broadcasts) + 1:020x}",
            name=first.broadcast_name,
            template=first.template,
            channel=first.channel,
            at=self._account.now(),
            messages=tuple(self._account.keep(send, self._plan_of(send)) for send in sends),
        )
        self.broadcasts.append(broadcast)
        return broadcast

    def _plan_of(self, send: Send) -> Plan:
        plan = self._account.plan(send.number)
        if not plan.on_whatsapp:
            return replace(plan, history=_NOBODY.history)
        return plan if self._account.pay() else replace(plan, history=_STILL.history)

    # -- reads -----------------------------------------------------------------------------------

    def _broadcast_list(self, request: SimRequest) -> SimReply:
        """Answer the list, newest first, of the days asked for."""
        # Required by newer pages only: WATI's own client of February 2026 sends none.
        first, last = request.query.get("date_from", ""), request.query.get("date_to", "~")
        found = [
            broadcast_row(one, self._template_id(one.template))
            for one in reversed(self.broadcasts)
            if first <= zulu(one.at) <= last
        ]
        return self._page(request, "broadcasts", found, "total")

    def _broadcast(self, request: SimRequest) -> SimReply:
        found = self._find(request)
        if found is None:
            return SimReply(status=HTTPStatus.NOT_FOUND)
        words = Counter(word_of(message, self._account.now()) for message in found.messages)
        counts = Counter({_IN_PROGRESS.get(word, word): n for word, n in words.items()})
        names = ("pending", "queued", "sending", "sent", "delivered", "read", "replied")
        statistics = {f"total_{name}": counts[name] for name in (*names, "failed", "stopped")}
        statistics["total_recipients"] = len(found.messages)
        row = broadcast_row(found, self._template_id(found.template))
        return json_reply(row | {"statistics": statistics})

    def _recipient_list(self, request: SimRequest) -> SimReply:
        found, now = self._find(request), self._account.now()
        if found is None:
            return SimReply(status=HTTPStatus.NOT_FOUND)
        listed = [message for message in found.messages if message.is_listed_at(now)]
        rows = [recipient_row(message, now) for message in listed]
        return self._page(request, "recipients", rows, "total_count")

    def _template_list(self, request: SimRequest) -> SimReply:
        rows = [
            template_row(row, serial, self._account.now())
            for serial, row in enumerate(self._account.templates, 1)
        ]
        return self._page(request, "templates", rows, "total")

    def _contacts(self, request: SimRequest) -> SimReply:
        """Answer the list of contacts, or the one named."""
        head, _, target = request.path.rpartition("/")
        wanted = target if head.endswith("/contacts") else None
        known = self._account.known_numbers(wanted)
        rows = [
            contact_row(number, self._account.plan(number), serial, self._account.now())
            for serial, number in enumerate(known, 1)
        ]
        if wanted is None:
            return self._page(request, "contact_list", rows, None)
        return json_reply(rows[0]) if rows else SimReply(status=HTTPStatus.NOT_FOUND)

    def _credits(self, _request: SimRequest) -> SimReply:
        credit = self._account.credit
        return json_reply(
            {
                "credit": _FREE_CREDIT if credit is None else float(credit),
                "welcome_credit": 0.0,
                "remaining_free_conversations_count": 0,
                "currency": "USD",
                "auto_charge_enabled": False,
            }
        )

    def _find(self, request: SimRequest) -> SimBroadcast | None:
        parts = request.path.strip("/").split("/")
        wanted = parts[parts.index("broadcasts") + 1]
        return next((one for one in self.broadcasts if one.broadcast_id == wanted), None)

    def _template_id(self, name: str) -> str | None:
        names = [row.name for row in self._account.templates]
        return f"6345{names.index(name) + 1:020x}" if name in names else None

    def _page(
        self, request: SimRequest, name: str, rows: list[dict[str, object]], total: str | None
    ) -> SimReply:
        number, size = request.query.get("page_number", ""), request.query.get("page_size", "")
        is_page = number.isdecimal() and size.isdecimal() and 1 <= int(size) <= _LARGEST_PAGE
        if not is_page or int(number) < 1:
            return self._invalid("page_number from 1 and page_size from 1 to 100 are required")
        page = Page(int(number), int(size))
        answer: dict[str, object] = {name: page.cut(rows)}
        answer |= {"page_number": page.number, "page_size": page.size}
        return json_reply(answer if total is None else answer | {total: len(rows)})

    def _invalid(self, text: str) -> SimReply:
        stamp = zulu(self._account.now())
        body = {"code": int(HTTPStatus.BAD_REQUEST), "message": text, "timestamp": stamp}
        return json_reply(body, HTTPStatus.BAD_REQUEST)


def _parse_sends(value: Mapping[str, object] | None) -> list[Send] | str:
    """Return the messages of a POST, or what is wrong with it."""
    value = value or {}
    template, name, rows = (value.get(k) for k in ("template_name", "broadcast_name", "recipients"))
    if not (isinstance(template, str) and template and isinstance(name, str) and name):
        return "template_name and broadcast_name are required"
    if not isinstance(rows, list) or not 1 <= len(rows) <= _MOST_RECIPIENTS:
        return "recipients must hold 1 to 10000 entries"
    channel = value.get("channel")
    if not all(_is_recipient(row) for row in rows) or not isinstance(channel, str | None):
        return "a recipient without phone_number, or a value of the wrong type"
    return [
        Send(
            number=digits_of(row["phone_number"]),
            version=V3,
            template=template,
            broadcast_name=name,
            parameters=tuple((pair["name"], pair["value"]) for pair in row["custom_params"]),
            channel=channel,
            local_message_id=row.get("local_message_id"),
        )
        for row in rows
    ]


def _is_recipient(row: object) -> bool:
    return (
        isinstance(row, dict)
        and isinstance(row.get("phone_number"), str)
        and isinstance(row.get("local_message_id"), str | None)
        and are_pairs(row.get("custom_params"))
    )

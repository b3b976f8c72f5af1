"""The simulated CRM: the lead list and the message log."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from lead_automation.sandbox.exchange import SimReply, SimRequest, json_reply

_STATUSES = frozenset({"sent", "delivered", "read", "failed"})
_REQUIRED = ("message_content", "msg_type", "msg_status", "to_phone_number", "template_name")
_OPTIONAL = ("wati_message_id", "error_message", "sent_at")
_KNOWN = frozenset({"lead_id", *_REQUIRED, *_OPTIONAL})


class Crm:
    """Leads to be messaged, and the rows the program posted about them.

    Attributes:
        leads: JSON values as the list shows them; anything, so that odd rows can be tried.
        rows: Message-log rows taken, as posted, in order.
    """

    def __init__(self, *, leads: Sequence[object], owner_id: str) -> None:
        self.leads = list(leads)
        self.rows: list[Mapping[str, object]] = []
        self._owner_id = owner_id

    def lead_list(self, request: SimRequest) -> SimReply:
        """Answer the lead list: ``owner_id`` must be ours, ``limit`` is honoured."""
        query = request.query
        limit = query.get("limit", "")
        if not (limit.isdecimal() and query.get("template_name") and "owner_id" in query):
            problem = {"error": "owner_id, limit and template_name are required"}
            return json_reply(problem, HTTPStatus.BAD_REQUEST)
        is_ours = query["owner_id"] == self._owner_id
        return json_reply({"data": self.leads[: int(limit)] if is_ours else []})

    def log_post(self, request: SimRequest) -> SimReply:
        """Answer a message-log row: 201, or 400 naming every problem."""
        try:
            row = json.loads(request.body)
        except ValueError:
            row = None
        problems = _problems_of(row)
        if problems:
            return json_reply({"errors": problems}, HTTPStatus.BAD_REQUEST)
        self.rows.append(row)
        return json_reply({"id": len(self.rows)}, HTTPStatus.CREATED)


def _problems_of(row: object) -> list[str]:
    if not isinstance(row, dict):
        return ["the body is not a JSON object"]
    problems = []
    # A bool is an int to Python, and no lead's id.
    if not isinstance(row.get("lead_id"), str | int) or isinstance(row["lead_id"], bool):
        problems.append("lead_id: required text or number")
    problems += [
        f"{name}: required text" for name in _REQUIRED if not isinstance(row.get(name), str)
    ]
    problems += [
        f"{name}: text or left out"
        for name in _OPTIONAL
        if name in row and not isinstance(row[name], str)
    ]
    problems += [f"{name}: unknown" for name in row if name not in _KNOWN]
    if row.get("msg_type") != "template":
        problems.append("msg_type: template")
    if row.get("msg_status") not in _STATUSES:
        problems.append("msg_status: sent, delivered, read or failed")
    return problems

"""The simulated CRM: the lead list and the message log."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from lead_automation.sandbox.exchange import SimReply, SimRequest, json_reply

_STATUSES = frozenset({"sent", "delivered", "read", "failed"})
_MESSAGED = frozenset({"sent", "delivered", "read"})
_REQUIRED = (
    "lead_id",
    "message_content",
    "msg_type",
    "msg_status",
    "to_phone_number",
    "template_name",
)
_OPTIONAL = ("wati_message_id", "error_message", "sent_at")


class CrmSide:
    """Leads to be messaged, and the rows the program posted about them.

    Attributes:
        leads: JSON values as the list shows them; anything, so that odd rows can be tried.
        rows: Message-log rows taken, as posted, in order.
        drops_messaged: A lead whose row of the template says sent, delivered or read is no longer
            listed.
    """

    def __init__(self, *, leads: Sequence[object], owner_id: str, drops_messaged: bool) -> None:
        self.leads = list(leads)
        self.rows: list[Mapping[str, object]] = []
        self.drops_messaged = drops_messaged
        self._owner_id = owner_id
        self._messaged: set[tuple[str, str]] = set()

    def lead_list(self, request: SimRequest) -> tuple[SimReply, bool]:
        """Answer the lead list: ``owner_id`` must be ours, ``limit`` is honoured."""
        query = request.query
        limit, template = query.get("limit", ""), query.get("template_name", "")
        if not (limit.isdecimal() and template and "owner_id" in query):
            problem = {"error": "owner_id, limit and template_name are required"}
            return json_reply(problem, HTTPStatus.BAD_REQUEST), False
        if query["owner_id"] != self._owner_id:
            return json_reply({"data": []}), True
        found: list[object] = []
        for lead in self.leads:
            if len(found) >= int(limit):
                break
            if not (self.drops_messaged and self._is_messaged(lead, template)):
                found.append(lead)
        return json_reply({"data": found}), True

    def _is_messaged(self, lead: object, template: str) -> bool:
        if not isinstance(lead, Mapping):
            return False
        return (str(lead.get("lead_id")), template) in self._messaged

    def log_post(self, request: SimRequest) -> tuple[SimReply, bool]:
        """Answer a message-log row: 201, or 400 naming every problem."""
        try:
            row = json.loads(request.body)
        except ValueError:
            row = None
        problems = _problems_of(row)
        if problems:
            return json_reply({"errors": problems}, HTTPStatus.BAD_REQUEST), False
        self.rows.append(row)
        if row["msg_status"] in _MESSAGED:
            self._messaged.add((row["lead_id"], row["template_name"]))
        return json_reply({"id": len(self.rows)}, HTTPStatus.CREATED), True


def _problems_of(row: object) -> list[str]:
    if not isinstance(row, dict):
        return ["the body is not a JSON object"]
    problems = [
        f"{name}: required text" for name in _REQUIRED if not isinstance(row.get(name), str)
    ]
    problems += [
        f"{name}: text or left out"
        for name in _OPTIONAL
        if name in row and not isinstance(row[name], str)
    ]
    problems += [f"{name}: unknown" for name in row if name not in _REQUIRED + _OPTIONAL]
    if row.get("msg_type") != "template":
        problems.append("msg_type: template")
    if row.get("msg_status") not in _STATUSES:
        problems.append("msg_status: sent, delivered, read or failed")
    return problems

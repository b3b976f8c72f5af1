"""Message lists that are not what they seem: small switches, set one by one or together.

Lies about one number are scripts: ``Simulator.script(Endpoint.MESSAGES, reply, match=…)``; a row
that shows late is the plan's ``appears_after_s``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from lead_automation.sandbox.exchange import SimReply, SimRequest, json_reply
from lead_automation.sandbox.wati_requests import Page

_NAME_MARK = '"'


@dataclass(kw_only=True)
class Lies:
    """What WATI's message lists say besides, or instead of, the truth.

    Attributes:
        page_cap: Rows a page holds at most, whatever was asked for.
        link: What the link beside the list still says of ``nextPage``, ``total`` and so on; None
            leaves the link out.
        fields: Fields of every template row, over the true ones.
        name: How a template's name is written, such as ``'“{} (en)”'``; "" where it is not.
        back_dated_s: Seconds by which ``created`` of a template row is too early.
        besides: Fields of the answer itself, over the true ones.
        is_stale: A connection delivers each list as the answer to the next question.
    """

    page_cap: int | None = None
    link: tuple[str, ...] | None = ("prevPage", "nextPage", "pageNumber", "pageSize", "total")
    fields: Mapping[str, object] = field(default_factory=dict)
    name: str = '"{}"'
    back_dated_s: float = 0.0
    besides: Mapping[str, object] = field(default_factory=dict)
    is_stale: bool = False

    def asked(self, request: SimRequest) -> SimRequest:
        """Return a read of a message list as WATI takes it."""
        size = Page.of_query(request.query).size
        if self.page_cap is None or size <= self.page_cap:
            return request
        return replace(request, query={**request.query, "pageSize": str(self.page_cap)})

    def told(self, honest: SimReply) -> SimReply:
        """Return the answer as WATI gives it."""
        answer = json.loads(honest.body)
        for row in answer["messages"]["items"]:
            if row.get("eventType") == "broadcastMessage":
                self._change(row)
        link = answer.pop("link")
        if self.link is not None:
            answer["link"] = {key: link[key] for key in self.link}
        return json_reply(answer | dict(self.besides), honest.status)

    def _change(self, row: dict[str, Any]) -> None:
        head, name, tail = row["eventDescription"].split(_NAME_MARK)
        created = datetime.fromisoformat(row["created"]) - timedelta(seconds=self.back_dated_s)
        row["eventDescription"] = head + self.name.format(name) + tail
        row["created"] = created.isoformat()
        row |= self.fields

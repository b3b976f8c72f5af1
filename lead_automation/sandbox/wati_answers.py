"""WATI's answers as it shapes them, its misspellings included (wati-api 2 to 5); pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lead_automation.sandbox.exchange import SimReply, json_reply
from lead_automation.sandbox.plans import Plan, SimMessage
from lead_automation.sandbox.wati_requests import V2, Send


@dataclass(frozen=True, slots=True, kw_only=True)
class SimTemplate:
    """A row of the account's template list.

    Attributes:
        name: ``elementName``; may occur several times (languages, deleted copies).
        status: APPROVED, PENDING, REJECTED, PAUSED …; only APPROVED is sent.
        parameters: Names, in the template's order.
        language: A text, or an object with key, value and text: accounts differ.
        body: Text with ``{{name}}`` for each parameter.
    """

    name: str
    parameters: tuple[str, ...] = ("1", "2", "3")
    status: str = "APPROVED"
    category: str = "MARKETING"
    language: str | Mapping[str, str] = "en"
    body: str = "Hello {{1}}, {{2}} is your counsellor. Call {{3}}."

    def filled(self, parameters: Sequence[tuple[str, str]]) -> str:
        """Return the text a recipient reads."""
        text = self.body
        for name, value in parameters:
            text = text.replace("{{" + name + "}}", value)
        return text


def accepted_v1(send: Send, contact: Mapping[str, object], *, is_valid: bool) -> SimReply:
    """Return v1's yes: no message id, and ``model.ids`` holds the contact's."""
    return json_reply(
        {
            "result": True,
            "phone_number": send.number,
            "template_name": send.template,
            "parameteres": pairs(send.parameters),
            "contact": contact,
            "model": {"ids": [contact["id"]]},
            "validWhatsAppNumber": is_valid,
        }
    )


def accepted_v2(send: Send, message_id: str, *, is_valid: bool) -> SimReply:
    """Return v2's yes (wati-api 2.3)."""
    receiver = {
        "localMessageId": message_id,
        "waId": send.number,
        "isValidWhatsAppNumber": is_valid,
        "errors": [],
    }
    return json_reply(
        {
            "result": True,
            "error": None,
            "templateName": send.template,
            "receivers": [receiver],
            "parameters": pairs(send.parameters),
        }
    )


def refusal(send: Send, text: str) -> SimReply:
    """Return a no with HTTP 200 in the version's form."""
    if send.version != V2:
        return json_reply({"result": False, "info": text})
    return json_reply(
        {
            "result": False,
            "error": text,
            "templateName": send.template,
            "receivers": [],
            "parameters": [],
        }
    )


def list_reply(name: str, rows: object, link: Mapping[str, object]) -> SimReply:
    """Return a list's answer: the rows under their name, the link beside them."""
    return json_reply({"result": "success", name: rows, "link": link})


def contact_row(number: str, plan: Plan, serial: int, now: datetime) -> dict[str, object]:
    """Return a contact (wati-api 2.1 and 4); ``optedIn`` false is ordinary, not an opt-out."""
    return {
        "id": f"6643{serial:020x}",
        "wAid": number,
        "firstName": None,
        "fullName": None,
        "phone": number,
        "source": None,
        "contactStatus": plan.contact_status,
        "photo": None,
        "created": now.strftime("%b-%d-%Y"),
        "customParams": [],
        "optedIn": False,
        "isDeleted": False,
        "lastUpdated": zulu(now),
        "allowBroadcast": plan.allow_broadcast,
        "allowSMS": True,
        "teamIds": [],
        "isInFlow": False,
        "lastFlowId": None,
        "currentFlowNodeId": None,
        "selectedHubspotId": None,
    }


def message_row(message: SimMessage, text: str, now: datetime) -> dict[str, object]:
    """Return a template message's row of the message list (wati-api 3.1)."""
    step = message.step_at(now)
    return {
        "eventDescription": f'Broadcast message with using "{message.template}" template was '
        f"received {message.at.strftime('%d|%m|%Y')}",
        "finalText": text,
        "template": None,
        "mediaHeaderLink": None,
        "statusString": step.word if step else None,
        "failedDetail": (step.detail or None) if step else None,
        "localMessageId": message.local_message_id,
        "id": f"637f{message.serial:020x}",
        "created": zulu(message.at),
        "conversationId": _conversation_id(message.number),
        "ticketId": None,
        "eventType": "broadcastMessage",
        "owner": True,
    }


def inbound_row(number: str, text: str, at: datetime, serial: int) -> dict[str, object]:
    """Return the row of something the lead wrote; ``type`` is a number here, a text elsewhere."""
    return {
        "text": text,
        "type": serial % 2 or "text",
        "timestamp": str(int(at.timestamp())),
        "owner": False,
        "statusString": "SENT",
        "localMessageId": None,
        "id": f"637b{serial:020x}",
        "created": zulu(at),
        "conversationId": _conversation_id(number),
        "ticketId": f"637d{serial:020x}",
        "eventType": "message",
    }


def ticket_row(number: str, at: datetime, serial: int) -> dict[str, object]:
    """Return the row of a ticket opened, which has no status."""
    return {
        "eventDescription": "The chat has been initialized by contact",
        "type": 0,
        "owner": None,
        "id": f"637c{serial:020x}",
        "created": zulu(at),
        "conversationId": _conversation_id(number),
        "ticketId": f"637d{serial:020x}",
        "eventType": "ticket",
    }


def template_row(template: SimTemplate, serial: int, now: datetime) -> dict[str, object]:
    """Return a row of the template list (wati-api 5)."""
    return {
        "id": f"6345{serial:020x}",
        "elementName": template.name,
        "category": template.category,
        "status": template.status,
        "language": template.language,
        "body": template.body,
        "header": None,
        "footer": None,
        "buttons": [],
        "buttonsType": "none",
        "customParams": [
            {"paramName": name, "paramValue": f"sample {name}"} for name in template.parameters
        ],
        "lastModified": zulu(now),
    }


def zulu(at: datetime) -> str:
    """Return a time as WATI writes it: UTC, milliseconds, ``Z``."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def pairs(parameters: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    """Return parameters as WATI lists them."""
    return [{"name": name, "value": value} for name, value in parameters]


def _conversation_id(number: str) -> str:
    return f"637e{int(number):020x}"

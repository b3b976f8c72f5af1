"""The rows of v3's lists as WATI shapes them (wati-v3.openapi.json); pure."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from lead_automation.sandbox.plans import Plan, SimBroadcast, SimMessage
from lead_automation.sandbox.wati_answers import SimTemplate, pairs, zulu

# v3 tells a failure by its code alone; these plans' words have none in them.
_CODES: Final = (
    ("higher quality messaging", "131049"),
    ("Message undeliverable", "131026"),
    ("4 consecutive spaces", "132012"),
)


def word_of(message: SimMessage, now: datetime) -> str:
    """Return a recipient's status: ``processing`` before the first word, ``replied`` after all."""
    step = message.step_at(now)
    if step is None:
        return "processing"
    has_replied = any(message.at + timedelta(seconds=s) <= now for s, _ in message.plan.says)
    return "replied" if has_replied else step.word.lower()


def recipient_row(message: SimMessage, now: datetime) -> dict[str, object]:
    """Return one person of a broadcast; no words of a failure, and no times but the first."""
    step = message.step_at(now)
    return {
        "id": f"6742{message.serial:020x}",
        "contact_id": f"6643{int(message.number):020x}",
        "contact_name": None,
        "contact_phone": f"+{message.number}",
        "status": word_of(message, now),
        "failed_code": _code_of(step.detail) if step else None,
        "local_message_id": message.local_message_id,
        "message_id": f"637f{message.serial:020x}",
        "custom_params": pairs(message.parameters),
        "created": zulu(message.at),
    }


def _code_of(detail: str) -> str | None:
    found = re.search(r"\b[0-9]{6}\b", detail)
    named = (code for text, code in _CODES if text in detail)
    return found.group() if found else next(named, None)


def broadcast_row(broadcast: SimBroadcast, template_id: str | None) -> dict[str, object]:
    """Return a broadcast of the list: no counts, and the template only by its id."""
    at = zulu(broadcast.at)
    return {
        "id": broadcast.broadcast_id,
        "channel_id": None,
        "name": broadcast.name,
        "status": "completed",
        "template_id": template_id,
        "fallback_templates": [],
        "created": at,
        "last_updated": at,
        "scheduled_at": at,
    }


def template_row(template: SimTemplate, serial: int, now: datetime) -> dict[str, object]:
    """Return a template; its ``custom_params`` come in no order that means anything."""
    language = template.language
    value = str(language["value"]) if isinstance(language, Mapping) else language
    return {
        "id": f"6345{serial:020x}",
        "name": template.name,
        "category": template.category,
        "sub_category": None,
        "status": template.status,
        "language_option": {"key": value, "value": value, "text": value},
        "custom_params": pairs([(name, f"sample {name}") for name in template.parameters[::-1]]),
        "body": template.body,
        "body_original": template.body,
        "footer": None,
        "buttons": [],
        "quality": "GREEN",
        "type": "template",
        "creation_method": "HUMAN",
        "last_modified": zulu(now),
    }


def contact_row(number: str, plan: Plan, serial: int, now: datetime) -> dict[str, object]:
    """Return a contact; ``opted_in`` false is ordinary, not an opt-out."""
    return {
        "id": f"6643{serial:020x}",
        "wa_id": number,
        "name": None,
        "phone": number,
        "photo": None,
        "created": zulu(now),
        "last_updated": zulu(now),
        "contact_status": plan.contact_status,
        "source": None,
        "channel_id": None,
        "opted_in": False,
        "allow_broadcast": plan.allow_broadcast,
        "allow_sms": True,
        "teams": [],
        "segments": [],
        "custom_params": [],
        "channel_type": "whatsapp",
        "display_name": None,
        "is_broadcast_limit_reached": None,
    }

"""The calls of WATI's API v3 as requests; pure.

Shapes: WATI's OpenAPI description of v3 and https://docs.wati.io/reference (read 2026-11-24). The
token alone says which account is meant: with a tenant in the path every call is answered 404.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from urllib.parse import quote

from msgspec.structs import replace

from lead_automation.config import WatiSettings
from lead_automation.http import Request
from lead_automation.models import TemplateMessage
from lead_automation.wati.calls import headers
from lead_automation.wati.wire import digits_of

PAGE_SIZE = 100
"""The most any list of v3 gives at once."""

# The zone of WATI's date filter is not documented: a day either side covers all of them.
_DATE_MARGIN = timedelta(days=1)


def send_request(settings: WatiSettings, messages: Sequence[TemplateMessage]) -> Request:
    """Return the POST of one batch, 1 to 10,000 messages of one template and one broadcast."""
    first = messages[0]
    return Request(
        method="POST",
        url=v3_url(settings, "messageTemplates/send"),
        headers=headers(settings),
        json={
            "channel": first.channel_number,  # null is the account's default sender
            "template_name": first.template,
            "broadcast_name": first.broadcast_name,
            "recipients": [_recipient(message) for message in messages],
        },
        is_send=True,
    )


def broadcasts_request(
    settings: WatiSettings, *, around: datetime, page: int, deadline_s: float
) -> Request:
    """Return the read of one page (from 1) of the broadcasts of a day and its neighbours.

    Args:
        settings: The account.
        around: Aware; on the day that is meant.
        page: Counted from 1.
        deadline_s: Seconds for the call.
    """
    day = datetime.combine(around.astimezone(UTC).date(), time(), UTC)
    until = day + 2 * _DATE_MARGIN - timedelta(seconds=1)
    # Older descriptions have no dates, the newer ones require them.
    dates = (("date_from", _zulu(day - _DATE_MARGIN)), ("date_to", _zulu(until)))
    request = _read(settings, "broadcasts", (*dates, *_paging(page)), deadline_s)
    return replace(request, fresh=True)  # two looks that agree must not share a broken proxy


def broadcast_request(settings: WatiSettings, broadcast_id: str, *, deadline_s: float) -> Request:
    """Return the read of one broadcast's counters."""
    request = _read(settings, f"broadcasts/{_segment(broadcast_id)}", (), deadline_s)
    return replace(request, fresh=True)  # likewise: it decides that somebody was not taken


def recipients_request(
    settings: WatiSettings, broadcast_id: str, *, page: int, deadline_s: float
) -> Request:
    """Return the read of one page (from 1) of a broadcast's recipients."""
    path = f"broadcasts/{_segment(broadcast_id)}/recipients"
    return _read(settings, path, _paging(page), deadline_s)


def contact_request(settings: WatiSettings, phone: str, *, deadline_s: float) -> Request:
    """Return the look-up of one number's contact; a number WATI does not know is answered 404."""
    return _read(settings, f"contacts/{digits_of(phone)}", (), deadline_s)


def credits_request(settings: WatiSettings, *, deadline_s: float) -> Request:
    """Return the read of the account's credit."""
    return _read(settings, "account/credits", (), deadline_s)


def templates_request(settings: WatiSettings, *, page: int) -> Request:
    """Return the read, repeated where that helps, of one page (from 1) of the templates."""
    return Request(
        method="GET",
        url=v3_url(settings, "messageTemplates"),
        params=_paging(page),
        headers=headers(settings),
        retry_reads=True,
    )


def _read(
    settings: WatiSettings, path: str, params: tuple[tuple[str, str], ...], deadline_s: float
) -> Request:
    return Request(
        method="GET",
        url=v3_url(settings, path),
        params=params,
        headers=headers(settings),
        deadline_s=deadline_s,
    )


def _recipient(message: TemplateMessage) -> dict[str, object]:
    return {
        "phone_number": digits_of(message.phone),
        "local_message_id": message.message_id,
        "custom_params": [{"name": name, "value": value} for name, value in message.parameters],
    }


def v3_url(settings: WatiSettings, path: str) -> str:
    """Return the address of a call."""
    return f"{settings.host}/api/ext/v3/{path}"


def _paging(number: int) -> tuple[tuple[str, str], ...]:
    return (("page_number", str(number)), ("page_size", str(PAGE_SIZE)))


def _segment(broadcast_id: str) -> str:
    # It came from outside once: whatever it holds, it stays one segment of the path.
    return quote(broadcast_id, safe="")


def _zulu(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")

"""The account's list of contacts, page by page: who does not want broadcasts."""

from dataclasses import dataclass

from lead_automation.config import WatiSettings
from lead_automation.http import Request
from lead_automation.wati import v3_wire
from lead_automation.wati.calls import headers, v1_url
from lead_automation.wati.v3_calls import v3_url
from lead_automation.wati.wire import digits_of, parse_listing, rows_of

CONTACTS_PER_PAGE = 100
"""As many as v3 gives; a contact with all its fields takes about a kilobyte."""

_MAX_PAGE_BYTES = 8 << 20  # custom fields are the account's own, and may be long
_MIN_DIGITS, _MAX_DIGITS = 7, 15  # E.164


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactsPage:
    """One page of the list.

    Attributes:
        numbers: E.164 of each contact that has a number.
        opted_out: Those of them that do not allow broadcasts.
        rows: Contacts on the page, without a number too.
        total: Contacts of the whole list; None where WATI does not say (v3).
    """

    numbers: tuple[str, ...]
    opted_out: tuple[str, ...]
    rows: int
    total: int | None


def contacts_page_request(settings: WatiSettings, *, page: int, is_v3: bool) -> Request:
    """Return the read of one page, counted from 1.

    Not repeated by the border: its repeats would not know WATI's limit of ten in ten seconds.
    """
    names = ("page_size", "page_number") if is_v3 else ("pageSize", "pageNumber")
    return Request(
        method="GET",
        url=v3_url(settings, "contacts") if is_v3 else v1_url(settings, "getContacts"),
        params=((names[0], str(CONTACTS_PER_PAGE)), (names[1], str(page))),
        headers=headers(settings),
        max_bytes=_MAX_PAGE_BYTES,
    )


def parse_contacts_page(body: bytes) -> ContactsPage:
    """Return a page of ``contact_list``: v1's ``allowBroadcast`` or v3's ``allow_broadcast``.

    Raises:
        WireError: Any other shape.
    """
    answer = parse_listing(body)
    rows = rows_of(answer, "contact_list")
    numbers = [(_number(row), v3_wire.field_of(row, "allow_broadcast")) for row in rows]
    link = answer.get("link")
    total = link.get("total") if isinstance(link, dict) else None
    return ContactsPage(
        numbers=tuple(number for number, _ in numbers if number),
        opted_out=tuple(number for number, allows in numbers if number and allows is False),
        rows=len(rows),
        total=total if type(total) is int and total >= 0 else None,
    )


def _number(row: dict[str, object]) -> str:
    """Return a contact's number, "" where it has none (one of another channel)."""
    for value in (row.get("wAid"), row.get("wa_id"), row.get("waId"), row.get("phone")):
        digits = digits_of(value)
        if _MIN_DIGITS <= len(digits) <= _MAX_DIGITS and not digits.startswith("0"):
            return f"+{digits}"
    return ""

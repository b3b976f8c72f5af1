"""The answers of WATI's API v3 as typed values; vendor spellings end here; pure.

Shapes: WATI's OpenAPI description of v3, and https://docs.wati.io/reference (read 2026-11-24). Its
fields are documented in snake case and were seen in camel case too; both are read, and an answer
that gives one field two values is read as nothing.
"""

import re
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import msgspec

from lead_automation.answers import AccountCredit, ContactVerdict
from lead_automation.text import clean
from lead_automation.wati.reasons import find_reason
from lead_automation.wati.wire import (
    TemplateRow,
    TemplatesPage,
    WireError,
    digits_of,
    names_of,
    parse_object,
    rows_of,
)

# WATI's are 24 hexadecimal digits or UUIDs. It becomes part of an address, and is kept and shown.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:~=+-]{0,127}")
_NAMES = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
_MOST_CREDIT = 1e12  # no account's, and no number that a float could not hold
_MAX_WORD_CHARS = 40  # a status or a code is one word; anything longer is kept only to be shown

T = TypeVar("T")


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One page of a list.

    Attributes:
        number: Which page WATI says this is; None when it does not say.
        size: What it says a page holds; None likewise.
        total: Rows of the whole list; None likewise.
    """

    rows: tuple[T, ...]
    number: int | None
    size: int | None
    total: int | None


class BroadcastRow(msgspec.Struct, frozen=True, kw_only=True):
    """A broadcast of the account, as its list shows it.

    Attributes:
        broadcast_id: None where it is missing or no id.
        name: "" where it is missing or blank.
    """

    broadcast_id: str | None
    name: str

    @property
    def is_readable(self) -> bool:
        """Whether it says which broadcast it is; one that does not may be any."""
        return self.broadcast_id is not None and self.name != ""


class RecipientRow(msgspec.Struct, frozen=True, kw_only=True):
    """One person in a broadcast.

    Attributes:
        message_id: ``local_message_id``; None where it is missing.
        digits: Of the number, "" where it is missing.
        status_word: As WATI writes it, "" when there is none.
        failed_code: Meta's code as WATI writes it, "" when there is none.
    """

    message_id: str | None
    digits: str
    status_word: str
    failed_code: str


class Counters(msgspec.Struct, frozen=True, kw_only=True):
    """A broadcast's own figures.

    Attributes:
        recipients: All of them.
        in_progress: Pending, queued and sending together.
    """

    recipients: int
    in_progress: int


def field_of(row: Mapping[str, object], name: str) -> object:
    """Return a field by its documented name or by its camel-case one; None for neither.

    Raises:
        WireError: It stands there twice and says two things.
    """
    head, *tail = name.split("_")
    camel = head + "".join(part.capitalize() for part in tail)
    found = [row[key] for key in dict.fromkeys((name, camel)) if row.get(key) is not None]
    if len(found) > 1 and found[0] != found[1]:
        msg = f"it gives {name} two values"
        raise WireError(msg)
    return found[0] if found else None


def id_of(row: Mapping[str, object], name: str) -> str | None:
    """Return an id; None where there is none.

    Raises:
        WireError: It is nothing to keep and to ask by.
    """
    value = field_of(row, name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not _ID.fullmatch(value):
        msg = f"its {name} is no id"
        raise WireError(msg)
    return value


def parse_broadcasts_page(body: bytes) -> Page[BroadcastRow]:
    """Return ``{"broadcasts": [{"id", "name", …}], "page_number", "page_size", "total"}``.

    Raises:
        WireError: Any other shape.
    """
    return _page(body, "broadcasts", "total", _broadcast_row)


def _broadcast_row(row: dict[str, object]) -> BroadcastRow:
    try:
        broadcast_id = id_of(row, "id")
    except WireError:
        broadcast_id = None  # it says nothing against the others: ours may stand among them
    name = row.get("name")
    return BroadcastRow(
        broadcast_id=broadcast_id,
        name=name if isinstance(name, str) and name.strip() else "",
    )


def parse_recipients_page(body: bytes) -> Page[RecipientRow]:
    """Return ``{"recipients": [{"contact_phone", "status", …}], …, "total_count"}``.

    Raises:
        WireError: Any other shape.
    """
    return _page(body, "recipients", "total_count", _recipient_row)


def _recipient_row(row: dict[str, object]) -> RecipientRow:
    message_id = field_of(row, "local_message_id")
    return RecipientRow(
        message_id=message_id if isinstance(message_id, str) and message_id else None,
        digits=digits_of(field_of(row, "contact_phone") or ""),
        status_word=_word(row.get("status")),
        failed_code=_word(field_of(row, "failed_code")),
    )


def parse_counters(body: bytes) -> Counters:
    """Return ``{…, "statistics": {"total_recipients", "total_pending", "total_queued", …}}``.

    Raises:
        WireError: Any other shape; a counter that is missing may be one that is not 0.
    """
    statistics = field_of(_answer(body), "statistics")
    if not isinstance(statistics, dict):
        msg = "no statistics in it"
        raise WireError(msg)
    recipients, *running = (
        _count(statistics, f"total_{name}")
        for name in ("recipients", "pending", "queued", "sending")
    )
    if recipients is None or None in running:
        msg = "a counter is missing in it"
        raise WireError(msg)
    return Counters(recipients=recipients, in_progress=sum(count or 0 for count in running))


def parse_templates_page(body: bytes, template: str) -> TemplatesPage:
    """Return ``{"templates": [{"name", "status", "custom_params", "body_original", …}], …}``.

    Args:
        body: Of a 200.
        template: The template asked about; only its rows need be whole.

    Raises:
        WireError: Any other shape.
    """
    page = _page(body, "templates", "total", lambda row: _template_row(row, template))
    return TemplatesPage(rows=page.rows, page_size=page.size)


def _template_row(row: dict[str, object], template: str) -> TemplateRow:
    name = row.get("name")
    return TemplateRow(
        name=name if isinstance(name, str) else "",
        status=_word(row.get("status")).upper(),
        parameter_names=_parameter_names(row) if name == template else (),
        body=_word(row.get("body")) if name == template else "",
    )


def _parameter_names(row: dict[str, object]) -> tuple[str, ...]:
    body = field_of(row, "body_original")
    if isinstance(body, str) and body:
        # custom_params were seen in another order than the body's, and with names it lacks.
        return tuple(dict.fromkeys(_NAMES.findall(body)))
    params = field_of(row, "custom_params")
    if params is None:
        return ()
    names = names_of(rows_of({"custom_params": params}, "custom_params"), "name")
    return tuple(dict.fromkeys(names))


def parse_contact(body: bytes, phone: str) -> ContactVerdict | None:
    """Return what ``{"wa_id", "phone", "contact_status", "allow_broadcast", …}`` says of a number.

    Returns:
        None when it is another number's contact.

    Raises:
        WireError: Any other shape.
    """
    contact = _answer(body)
    numbers = (digits_of(field_of(contact, "wa_id")), digits_of(contact.get("phone")))
    if digits_of(phone) not in numbers:
        return None
    # The flag that a keyword such as STOP clears; ``opted_in: false`` is ordinary.
    if field_of(contact, "allow_broadcast") is False:
        return ContactVerdict.OPT_OUT
    is_invalid = _word(field_of(contact, "contact_status")).upper() == "INVALID"
    return ContactVerdict.INVALID if is_invalid else ContactVerdict.SEND


def parse_credits(body: bytes) -> AccountCredit:
    """Return ``{"credit": 12.5, "welcome_credit": 0, "currency": "USD", …}``.

    Raises:
        WireError: Any other shape.
    """
    answer = _answer(body)
    amount = _amount(field_of(answer, "credit")) + _amount(field_of(answer, "welcome_credit") or 0)
    return AccountCredit(amount=amount, currency=_word(answer.get("currency")))


def _amount(value: object) -> float:
    # A bool is an int to Python.
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MOST_CREDIT:
        return float(value)
    msg = "no credit in it"
    raise WireError(msg)


def _page(
    body: bytes, rows_key: str, total_key: str, make: Callable[[dict[str, object]], T]
) -> Page[T]:
    answer = _answer(body)
    return Page(
        rows=tuple(make(row) for row in rows_of(answer, rows_key)),
        number=_count(answer, "page_number"),
        size=_count(answer, "page_size") or None,
        total=_count(answer, total_key),
    )


def _answer(body: bytes) -> dict[str, object]:
    """Return the object of a read; WireError where a 200 says no."""
    answer = parse_object(body, reject_duplicates=True)
    says_no = any(answer.get(key) is False for key in ("success", "ok", "result"))
    if says_no or answer.get("error"):
        msg = f"it says no: {find_reason(answer).text or 'no reason given'}"
        raise WireError(msg)
    return answer


def _count(row: Mapping[str, object], name: str) -> int | None:
    value = field_of(row, name)
    if value is None:
        return None
    if type(value) is not int or value < 0:
        msg = f"its {name} is no count"
        raise WireError(msg)
    return value


def _word(value: object) -> str:
    # A code was documented as text and seen as a number elsewhere.
    is_word = isinstance(value, str) or type(value) is int
    return clean(str(value).strip(), _MAX_WORD_CHARS) if is_word else ""

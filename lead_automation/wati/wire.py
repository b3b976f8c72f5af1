"""WATI's answers as typed values; vendor spellings end here; pure.

Shapes: https://docs.wati.io/reference (v1 and v2, read 2026-11-22) and what public programs report
having received; every ``parse_`` function takes the bytes of a 200.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from lead_automation.answers import ContactVerdict
from lead_automation.strictjson import JsonError, parse_json
from lead_automation.wati.reasons import find_reason, to_code

_DIGITS = frozenset("0123456789")  # str.isdigit accepts every script, and superscripts
_MAX_ID_CHARS = 128  # WATI's are UUIDs of 36 characters

# Keys, in lower case, beside a message list. WATI's own calls spell some of them in several ways.
_TOTALS = ("total", "totalcount", "total_count")
_YES_OR_NO, _YES = ("ok", "result", "success"), ("true", "success", "ok")
_ERRORS = ("error", "errors")


class WireError(ValueError):
    """An answer of another shape than documented; the message says how, without quoting it."""


class MessageRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a number's message list.

    Attributes:
        kind: ``broadcastMessage`` for a template message, single API sends too; ``message``,
            ``ticket``, ….
        is_inbound: The recipient wrote it.
        description: Holds the template's name in double quotes.
        status_word: As WATI writes it, "" when there is none.
        message_id: ``localMessageId``; None on most v1 sends.
        created_at: Aware; None when missing or unreadable.
        failed_detail: Why it failed, "" when WATI does not say.
        type_word: ``type``; a second word for the kind, where it is a word.
    """

    kind: str
    is_inbound: bool
    description: str
    status_word: str
    message_id: str | None
    created_at: datetime | None
    failed_detail: str
    failed_code: int | None
    type_word: str = ""


class MessagesPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a number's message list.

    Attributes:
        rows: Newest first.
        has_next: WATI names a next page.
        total: Rows of all pages, 0 where WATI does not say.
        page_size: What WATI says a page holds, None where it does not say.
        tells_end: It says whether more follows; most accounts' answers do.
        objection: What in the answer speaks against believing what it does not list, "" if nothing.
    """

    rows: tuple[MessageRow, ...]
    has_next: bool = False
    total: int = 0
    page_size: int | None = None
    tells_end: bool = False
    objection: str = ""


class TemplateRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the account's template list: one language of a template.

    Attributes:
        status: Upper case, such as ``APPROVED``.
        parameter_names: In the template's order; () for any but the template asked about.
        body: Its text as WATI lists it; "" where it does not, or for any other template.
    """

    name: str
    status: str
    parameter_names: tuple[str, ...] = ()
    body: str = ""


class TemplatesPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of the template list.

    Attributes:
        page_size: What WATI says a page holds, None when it does not say.
    """

    rows: tuple[TemplateRow, ...]
    page_size: int | None


def digits_of(phone: object) -> str:
    """Return a number as WATI's requests take it: country code and number, digits only."""
    return "".join(char for char in str(phone) if char in _DIGITS)


def message_id_of(row: dict[str, object]) -> str | None:
    """Return a row's ``localMessageId``; None for what is no id to keep and to ask by.

    It goes into the history, the log and the CRM: printable, at most 128 characters.
    """
    text = _text(row, "localMessageId")
    return text if 0 < len(text) <= _MAX_ID_CHARS and text.isprintable() else None


def parse_message_page(body: bytes) -> MessagesPage:
    """Return ``{"result"?: "success", "messages": {"items": […]}, "link"?: {…}}``.

    Raises:
        WireError: Any other shape.
    """
    answer = parse_listing(body)
    messages = answer.get("messages")
    if not isinstance(messages, dict):
        msg = "no list of messages in it"
        raise WireError(msg)
    link = answer.get("link")
    # The link stands beside the list; accounts may say the same elsewhere.
    parts = [part for part in (answer, messages, link) if isinstance(part, dict)]
    said = [(key.casefold(), value) for part in parts for key, value in part.items()]
    totals = [value for key, value in said if key in _TOTALS and isinstance(value, int)]
    return MessagesPage(
        rows=tuple(_message_row(row) for row in rows_of(messages, "items")),
        has_next=any(key == "nextpage" and bool(value) for key, value in said),
        total=max(totals, default=0),
        page_size=_page_size(link),
        tells_end=bool(totals) or any(key == "nextpage" for key, _ in said),
        objection=_objection(said, body),
    )


def _objection(said: Sequence[tuple[str, object]], body: bytes) -> str:
    """Return why a list that can be read is not to be believed for what it leaves out."""
    if any(key in _YES_OR_NO and str(value).casefold() not in _YES for key, value in said):
        return "its answer says no"
    if any(key in _ERRORS and bool(value) for key, value in said):
        return "its answer speaks of an error"
    try:
        parse_object(body, reject_duplicates=True)
    except WireError as exc:
        return str(exc)
    return ""


def _message_row(row: dict[str, object]) -> MessageRow:
    return MessageRow(
        kind=_text(row, "eventType"),
        is_inbound=row.get("owner") is False,  # outbound rows have true or null
        description=_text(row, "eventDescription"),
        status_word=_text(row, "statusString"),
        message_id=message_id_of(row),
        created_at=parse_moment(row.get("created")),
        failed_detail=_text(row, "failedDetail"),
        failed_code=to_code(row.get("failedCode")),
        type_word=_text(row, "type"),
    )


def parse_templates_page(body: bytes, template: str) -> TemplatesPage:
    """Return the rows of ``{"result": "success", "messageTemplates": […], "link": {…}}``.

    Args:
        body: Of a 200.
        template: The template asked about; only its rows need be whole.

    Raises:
        WireError: Any other shape.
    """
    answer = parse_listing(body)
    return TemplatesPage(
        rows=tuple(_template_row(row, template) for row in rows_of(answer, "messageTemplates")),
        page_size=_page_size(answer.get("link")),
    )


def _page_size(link: object) -> int | None:
    """Return how many rows a page holds; not every account's answers have a link that says so."""
    size = link.get("pageSize") if isinstance(link, dict) else None
    return size if isinstance(size, int) and size > 0 else None


def _template_row(row: dict[str, object], template: str) -> TemplateRow:
    name = _text(row, "elementName")
    return TemplateRow(
        name=name,
        status=_text(row, "status").upper(),
        # An odd row of somebody else's template must not keep ours from being sent.
        parameter_names=_parameter_names(row) if name == template else (),
        body=_text(row, "body") if name == template else "",
    )


def _parameter_names(row: dict[str, object]) -> tuple[str, ...]:
    if row.get("customParams") is None:
        return ()
    return tuple(names_of(rows_of(row, "customParams"), "paramName"))


def names_of(params: Sequence[dict[str, object]], key: str) -> list[str]:
    """Return the names of a template's parameters; WireError where one has none."""
    names = [name for param in params if isinstance(name := param.get(key), str)]
    if len(names) < len(params):
        msg = "a template parameter without a name in it"
        raise WireError(msg)
    return names


def parse_contacts(body: bytes, phone: str) -> ContactVerdict | None:
    """Return what ``{"result": "success", "contact_list": […]}`` says about a number.

    An opt-out in any of the number's rows counts. ``optedIn: false`` is ordinary and is none.

    Returns:
        None when the list has no row of exactly this number.

    Raises:
        WireError: Any other shape.
    """
    rows = [
        row
        for row in rows_of(parse_listing(body), "contact_list")
        if digits_of(phone) in (digits_of(row.get("wAid")), digits_of(row.get("phone")))
    ]
    # The flag that a keyword such as STOP clears (support.wati.io/en/articles/11463449).
    if any(row.get("allowBroadcast") is False for row in rows):
        return ContactVerdict.OPT_OUT
    if any(_text(row, "contactStatus").upper() == "INVALID" for row in rows):
        return ContactVerdict.INVALID
    return ContactVerdict.SEND if rows else None


def parse_moment(value: object) -> datetime | None:
    """Return an ISO 8601 time as aware UTC; one without an offset is UTC; None for the rest."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):  # Overflow: year 1 or 9999, moved by an offset
        return None


def parse_object(body: bytes, *, reject_duplicates: bool = False) -> dict[str, object]:
    """Return the JSON object an answer holds.

    Args:
        body: Of a 200.
        reject_duplicates: An object that names a key twice counts as something else.

    Raises:
        WireError: It holds something else.
    """
    try:
        value = parse_json(body, reject_duplicates=reject_duplicates)
    except JsonError as exc:
        text = body.strip()
        what = "nothing" if not text else "a web page" if text.startswith(b"<") else "no JSON"
        msg = f"it holds {what} ({exc})"
        raise WireError(msg) from exc
    if not isinstance(value, dict):
        msg = "it holds no JSON object"
        raise WireError(msg)
    return value


def parse_listing(body: bytes) -> dict[str, object]:
    """Return the object of a list call; its ``result`` may be missing, true or "success"."""
    answer = parse_object(body)
    # List calls were seen with all three; of a send only true is a yes (see outcomes).
    result = answer.get("result", True)
    if result is not True and str(result).casefold() != "success":
        msg = f"it says no: {find_reason(answer).text or 'no reason given'}"
        raise WireError(msg)
    return answer


def rows_of(answer: dict[str, object], key: str) -> list[dict[str, object]]:
    """Return the objects listed under a key.

    Raises:
        WireError: No list, or not of objects only.
    """
    # One odd row spoils the list: what cannot be read might be the row that is looked for.
    rows = answer.get(key)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        msg = f"no list of objects under {key} in it"
        raise WireError(msg)
    return rows


def _text(row: dict[str, object], key: str) -> str:
    value = row.get(key)
    return value if isinstance(value, str) else ""

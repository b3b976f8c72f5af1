"""The CRM: its lead list, and its log of what became of each message.

Lead list: ``GET LEAD_API_URL?owner_id&limit&template_name`` answers
``{"data": [{"lead_id": 1001, "full_name": "Asha", "mobile_number_formatted": "+919812345678"}]}``.
"""

import unicodedata
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Protocol

import msgspec

from lead_automation.clock import Clock
from lead_automation.config import CrmSettings
from lead_automation.duplicates import lead_key
from lead_automation.errors import TransportError, UnreachableError
from lead_automation.http import Answer, Http, Request
from lead_automation.models import Lead
from lead_automation.runs import CallKind
from lead_automation.stored import CrmRow, GivenId
from lead_automation.strictjson import JsonError, parse_json
from lead_automation.text import clean, safe_outside

# 50,000 leads of the documented fields; a list beyond that is a wrong address, not a list.
MAX_LIST_BYTES = 16 << 20
MAX_ID_CHARS = 128  # as long as the state takes one (stored.LeadId)
# What the state takes of one as it came (stored.GivenId).
_MAX_GIVEN_CHARS = 512
_MAX_NUMBER = 2**63 - 1
_MAX_WORDS = 200  # enough of a refusal to know what the CRM minds

_SERVICE = "CRM"
_SHOWN_ID_CHARS = 40  # an odd id is quoted in a warning of one line

# Any other 2xx would say that the row waits somewhere, and nobody would ask again.
_TAKEN = (HTTPStatus.OK, HTTPStatus.CREATED)
# What a 4xx says of every row alike: the token, or the moment. Any other one is about this row.
_REFUSES_ALL = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
)

_URL_HINT = "Compare LEAD_API_URL in config.env with the address the CRM's administrator gave."
_STATUS_HINTS: Mapping[int, str] = {
    HTTPStatus.BAD_REQUEST: "Check LEAD_OWNER_ID and LEAD_FETCH_LIMIT in config.env.",
    HTTPStatus.UNAUTHORIZED: "Check LEAD_API_TOKEN in config.env: the whole value, 'Token ...'.",
    HTTPStatus.FORBIDDEN: "Check that LEAD_API_TOKEN may read the leads of LEAD_OWNER_ID.",
    HTTPStatus.NOT_FOUND: _URL_HINT,
    HTTPStatus.METHOD_NOT_ALLOWED: _URL_HINT,
    HTTPStatus.TOO_MANY_REQUESTS: "The CRM asks to wait; the next scheduled run tries again.",
}


class MalformedLead(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the lead list that names no usable lead.

    Attributes:
        lead_id: Its id as far as it can be shown, cleaned; "" where there is none.
        reason: What is wrong with it.
    """

    lead_id: str
    reason: str


LeadList = tuple[Lead | MalformedLead, ...]
"""The rows of one answer, in its order, at most as many as were asked for."""


class LeadSource(Protocol):
    """Where leads come from: the CRM, or a file in its place."""

    def fetch_leads(self, limit: int) -> LeadList:
        """Return the leads, at most limit; raises UnreachableError."""
        ...


class RowAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the CRM took a row of its message log.

    Attributes:
        detail: Why not, with the CRM's words where it gave any, safe to show; "" when taken.
        is_refused: The CRM wants this row not, whatever it thinks of the others.
    """

    taken: bool
    detail: str = ""
    is_refused: bool = False


class LeadListError(ValueError):
    """The body is no lead list; the text says why, without any of its content."""


def parse_lead_list(body: bytes, limit: int) -> LeadList:
    """Return the leads of a lead list's body.

    A row that is no object or has no usable id becomes a ``MalformedLead``; one odd lead never
    spoils the others. A missing name or number is not judged here.

    Args:
        body: UTF-8 JSON.
        limit: Rows beyond this many are ignored.

    Raises:
        LeadListError: Anything but an object whose ``data`` is a list.
    """
    try:
        value = parse_json(body)
    except JsonError as exc:
        msg = f"the body is not JSON ({exc})"
        raise LeadListError(msg) from exc
    rows = value.get("data") if isinstance(value, dict) else None
    if not isinstance(rows, list):
        msg = "the body is not an object with a list named data"
        raise LeadListError(msg)
    return tuple(parse_row(row) for row in rows[:limit])


def parse_row(row: object) -> Lead | MalformedLead:
    """Return the lead a row of a list names; a name or a number is not judged here."""
    if not isinstance(row, dict):
        return MalformedLead(lead_id="", reason="the row is not an object")
    lead_id, problem = _parse_id(row.get("lead_id"))
    if problem:
        return MalformedLead(lead_id=clean(lead_id, _SHOWN_ID_CHARS), reason=problem)
    return Lead(
        lead_id=lead_id,
        full_name=row.get("full_name"),
        mobile_number=row.get("mobile_number_formatted"),
        given_id=_given_id(row["lead_id"], lead_id),
        counsellor=row.get("counsellor"),
    )


def _given_id(value: str | int, lead_id: str) -> GivenId:
    """Return the id as it came, which the CRM gets back; None where it is lead_id anyway."""
    # A longer number is no row's key in any database, and no state file could hold it.
    fits = len(str(value)) <= _MAX_GIVEN_CHARS
    if isinstance(value, int):
        fits = abs(value) <= _MAX_NUMBER
    return value if fits and value != lead_id else None


def _parse_id(value: object) -> tuple[str, str]:
    """Return the id as text and what is wrong with it; 123 and "123" are the same id."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return "", "lead_id is missing" if value is None else "lead_id is neither text nor integer"
    # Two spellings of one letter (composed, decomposed) are one id.
    text = unicodedata.normalize("NFC", str(value))
    if not lead_key(text):
        return "", "lead_id is empty"
    if len(text) > MAX_ID_CHARS:
        return text, f"lead_id is longer than {MAX_ID_CHARS} characters"
    # Control characters have no place in an id, and a lone surrogate fits in no file.
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in text):
        return text, "lead_id holds a control character"
    return text, ""


class CrmClient:
    """Make the two calls.

    Attributes:
        clock_offset_s: The CRM's clock minus ours in seconds, by its last ``Date`` header; None
            until one was seen.
    """

    def __init__(
        self,
        settings: CrmSettings,
        *,
        http: Http,
        clock: Clock,
        template: str,
        on_call: Callable[[CallKind], None],
    ) -> None:
        """Take the CRM's addresses and what makes the calls.

        Args:
            settings: Addresses, token, owner.
            http: Makes the calls.
            clock: What the CRM's is compared with.
            template: Element name, by which the CRM leaves out leads that have had it.
            on_call: Told of every try that leaves.
        """
        self._settings = settings
        self._http = http
        self._clock = clock
        self._template = template
        self._on_call = on_call
        self._headers = {"Accept": "application/json"}
        if settings.token is not None:
            self._headers["Authorization"] = settings.token.reveal()
        self.clock_offset_s: float | None = None

    def fetch_leads(self, limit: int) -> LeadList:
        """Return the leads that still need a message, in the CRM's order.

        Args:
            limit: How many are asked for, and at most used.

        Raises:
            UnreachableError: No answer, or any other answer than 200 with a lead list.
        """
        if self._settings.lead_url is None:
            msg = "No lead list is configured"
            raise UnreachableError(msg, service=_SERVICE, hint="Set LEAD_API_URL, or use --leads.")
        request = Request(
            method="GET",
            url=self._settings.lead_url,
            params=(
                ("owner_id", self._settings.owner_id),
                ("limit", str(limit)),
                ("template_name", self._template),
            ),
            headers=self._headers,
            max_bytes=MAX_LIST_BYTES,
            retry_reads=True,
            on_try=partial(self._on_call, CallKind.LEADS),
        )
        try:
            answer = self._http.call(request)
        except TransportError as exc:
            msg = f"The CRM's lead list could not be read: {exc}"
            raise UnreachableError(msg, service=_SERVICE, hint=_URL_HINT) from exc
        self._note_clock(answer)
        if answer.status != HTTPStatus.OK:
            raise _unexpected_status(answer.status)
        try:
            return parse_lead_list(answer.body, limit)
        except LeadListError as exc:
            msg = f"The CRM answered, but not with a lead list: {exc}"
            raise UnreachableError(msg, service=_SERVICE, hint=_URL_HINT) from exc

    def post_row(self, row: CrmRow, *, deadline_s: float) -> RowAnswer:
        """Write one row of the message log; one try, and whatever goes wrong it is only not taken.

        Args:
            row: What became of a message.
            deadline_s: Seconds for the whole call.
        """
        if self._settings.log_url is None:
            return RowAnswer(taken=False, detail="WATI_LOG_API_URL is not set")
        request = Request(
            method="POST",
            url=self._settings.log_url,
            headers=self._headers,
            json=_row_body(row),
            deadline_s=deadline_s,
            on_try=partial(self._on_call, CallKind.CRM_LOG),
        )
        try:
            answer = self._http.call(request)
        except TransportError as exc:
            return RowAnswer(taken=False, detail=str(exc))
        self._note_clock(answer)
        if answer.status in _TAKEN:
            return RowAnswer(taken=True)
        if not HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return RowAnswer(taken=False, detail=f"HTTP {answer.status}")
        is_refused = answer.status not in _REFUSES_ALL
        detail = f"HTTP {answer.status}{_words(answer.body)}"
        return RowAnswer(taken=False, detail=detail, is_refused=is_refused)

    def _note_clock(self, answer: Answer) -> None:
        if answer.server_date is not None:
            ours = self._clock.at(answer.span_s[1])
            self.clock_offset_s = (answer.server_date - ours).total_seconds()


def _unexpected_status(status: int) -> UnreachableError:
    redirected = HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST
    what = "a redirect, which is never followed" if redirected else "no lead list"
    default = _URL_HINT if redirected else "Try again later; ask the CRM's administrator."
    msg = f"The CRM's lead list answered HTTP {status}: {what}"
    return UnreachableError(msg, service=_SERVICE, hint=_STATUS_HINTS.get(status, default))


def _words(body: bytes) -> str:
    """Return ``: what the CRM said``, on one line; empty where it said nothing."""
    text = " ".join(body[: _MAX_WORDS * 4].decode("utf-8", "replace").split())
    return f": {safe_outside(text, _MAX_WORDS)}" if text else ""


def _row_body(row: CrmRow) -> dict[str, object]:
    """Return the row as the CRM takes it; what does not apply is left out."""
    sent_at = row.sent_at.isoformat(timespec="seconds") if row.sent_at else None
    body = {
        "lead_id": row.lead_id if row.given_id is None else row.given_id,
        "message_content": f"Template: {row.template_name}",
        "msg_type": "template",
        "msg_status": row.msg_status,
        "to_phone_number": row.to_phone_number,
        "template_name": row.template_name,
        "wati_message_id": row.wati_message_id,
        "error_message": row.error_message,
        "sent_at": sent_at,
    }
    return {name: value for name, value in body.items() if value is not None}

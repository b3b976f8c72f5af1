"""The failure table: what WATI's and Meta's words mean for a lead and for the campaign.

How to read it: a Meta code decides first, wherever it stands; without one, the rows are tried from
the top and the first whose text is found decides, so the more specific row stands higher. To add a
wording, add one line to ``FAILURE_TABLE`` and one to its test.

Codes and their meanings: developers.facebook.com, WhatsApp Business Platform, "Error codes"
(updated 2026-05-15). WATI's wordings: its API reference and support pages, and what public
programs report having seen. Where no wording is documented, sensible words are matched.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from types import MappingProxyType

import msgspec
from msgspec.structs import replace

from lead_automation.models import Action, ErrorCategory, Failure, HoldKind
from lead_automation.text import safe_outside

# The longest known wording has about 120 characters; a whole error page helps nobody in a CRM row.
MAX_TEXT_CHARS = 300

SUPPRESS_FOR: Mapping[ErrorCategory, timedelta | None] = MappingProxyType(
    {ErrorCategory.NOT_ON_WHATSAPP: timedelta(days=30), ErrorCategory.OPT_OUT: None}
)
"""How long a failure of this category keeps its number from being messaged; None for good. Who is
not on WhatsApp may join it later; an opt-out has no end."""

QUALITY_REST = timedelta(hours=48)
"""How long a lead rests after a Meta quality refusal: Meta asks for 24 hours or more ("Error
codes", 131049), WATI's words for "a few days"."""

_NUMBER = ErrorCategory.INVALID_NUMBER
_ABSENT = ErrorCategory.NOT_ON_WHATSAPP
_OPT_OUT = ErrorCategory.OPT_OUT
_TEMPLATE = ErrorCategory.TEMPLATE_MISMATCH
_QUOTA = ErrorCategory.QUOTA_EXCEEDED
_NETWORK = ErrorCategory.NETWORK_ERROR
_ACCOUNT = ErrorCategory.ACCOUNT_ISSUE
_UNKNOWN = ErrorCategory.UNKNOWN_ERROR
_NEXT, _WAIT, _STOP, _REPEATED = Action.NEXT, Action.WAIT, Action.STOP, Action.STOP_IF_REPEATED


class FailureRow(msgspec.Struct, frozen=True):
    """One row of the table.

    Attributes:
        rule_id: Name of the row, shown with each failure.
        texts: Regular expressions, each tried without regard to case anywhere in the text, in
            which every run of whitespace is one space; none for a row that only a code reaches.
        codes: Meta codes that reach the row.
    """

    rule_id: str
    category: ErrorCategory
    action: Action
    texts: tuple[str, ...] = ()
    codes: frozenset[int] = frozenset()
    is_meta_quality: bool = False
    hold: HoldKind | None = None


def _text(rule_id: str, category: ErrorCategory, action: Action, *texts: str) -> FailureRow:
    return FailureRow(rule_id, category, action, texts)


def _code(
    codes: int | tuple[int, ...], category: ErrorCategory, action: Action, *texts: str
) -> FailureRow:
    known = frozenset((codes,) if isinstance(codes, int) else codes)
    return FailureRow(str(min(known)), category, action, texts, known)


def _quality(row: FailureRow) -> FailureRow:
    return replace(row, is_meta_quality=True, hold=HoldKind.UNTIL_DAY_ENDS)


def _restricted(row: FailureRow) -> FailureRow:
    return replace(row, hold=HoldKind.UNTIL_RESUME)


_TOO_LITTLE = r"(?:\b(?:insufficient|not enough|low|top[ -]?up|out of)\b|n't (?:have )?enough\b)"
# Of a template these words mean something else.
_NO_TEMPLATE = r"^(?!.*template).*"

# One row, one line, however long.
# fmt: off
# ruff: disable[E501]
FAILURE_TABLE: tuple[FailureRow, ...] = (
    # What a shorter text below would also match.
    _quality(_text("w14", _QUOTA, _NEXT, r"restricted it for higher[ -]quality messaging")),
    _quality(_code(131049, _QUOTA, _NEXT, r"maintain healthy ecosystem engagement")),
    _text("w15", _ABSENT, _NEXT, r"restricted marketing messages to"),
    _code(130497, _ACCOUNT, _NEXT, r"restricted from messaging users in this country"),
    _restricted(_code(131048, _ACCOUNT, _STOP, r"\bspam rate limit\b")),
    # Too many messages to one person: waiting would hold up all the others.
    _code(131056, _QUOTA, _NEXT, r"\bpair rate limit\b"),
    # A recipient.
    _text("w02", _NUMBER, _NEXT, r"\binvalid whatsapp number\b"),
    _text("w03", _NUMBER, _NEXT, r"\binvalid phone number format\b"),
    _text("w04", _NUMBER, _NEXT, r"\bcontact \+?[0-9]+ is not valid\b"),
    _text("w05", _NUMBER, _NEXT, r"\bthere are no valid receivers\b"),
    _text("w06", _NUMBER, _NEXT, r"\bwhatsapp number should not be null or empty\b"),
    _code(131021, _NUMBER, _NEXT, r"\brecipient cannot be sender\b"),
    _code(131026, _ABSENT, _NEXT, r"\bmessage undeliverable\b"),
    _code(131050, _OPT_OUT, _NEXT, r"\bstopped (?:receiving )?marketing messages\b"),
    # Meta withholds marketing from some people; the number is good, so it is not suppressed.
    _code(130472, _UNKNOWN, _NEXT, r"\bpart of an experiment\b"),
    # The template and its values.
    _text("w08", _TEMPLATE, _STOP, r"\bcheck your template, it cannot have typos or blank text\b"),
    # The fault lies in this lead's values; the next lead's may be good.
    _text("w09", _TEMPLATE, _NEXT, r"\bcan't have 4 consecutive spaces\b"),
    _code(132000, _TEMPLATE, _STOP, r"\bnumber of parameters does not match\b"),
    _code(132001, _TEMPLATE, _STOP, r"\btemplate name does not exist\b"),
    _code(132005, _TEMPLATE, _NEXT, r"\btranslated text (?:is )?too long\b"),
    _code(132007, _TEMPLATE, _STOP, r"\bformat character policy violated\b"),
    # May be one lead's value or everybody's; three in a row decide.
    _code(132012, _TEMPLATE, _REPEATED, r"\bparameter format does not match\b"),
    _code(132015, _TEMPLATE, _STOP, r"\btemplate (?:is |has been )?paused\b"),
    _code(132016, _TEMPLATE, _STOP, r"\btemplate (?:is |has been )?disabled\b"),
    _code((132068, 132069), _TEMPLATE, _STOP, r"\bflow (?:is )?(?:blocked|throttled)\b"),
    _code(131008, _TEMPLATE, _STOP, r"\brequired parameter is missing\b"),
    _code(131009, _TEMPLATE, _REPEATED, r"\bparameter value is not valid\b"),
    _code((131052, 131053), _TEMPLATE, _STOP, r"\bmedia (?:download|upload) error\b"),
    _code(100, _TEMPLATE, _REPEATED, r"\binvalid parameter\b"),
    # WATI documents these refusals but not their wording, so likely words are matched.
    _text("w10", _TEMPLATE, _STOP, r"\b(?:unapproved|pending|rejected) template\b"),
    _text("w10", _TEMPLATE, _STOP, r"\btemplate\b.*\b(?:unapproved|pending|rejected|not found)\b"),
    _text("w10", _TEMPLATE, _STOP, r"\btemplate\b.*\bnot (?:yet |been )*approved\b"),
    _text("w10", _TEMPLATE, _STOP, r"\btemplate\b.*\bdoes(?: not|n't) exist\b"),
    # What is left of an allowance: one that comes back by waiting, and one that does not.
    _text("w18", _QUOTA, _STOP, r"\busage limit\b", r"\bmonthly\b.*\b(?:limit|quota)\b"),
    _text("w18", _QUOTA, _STOP, r"\bupgrade your plan\b", r"\bnot (?:available|included) in your plan\b"),
    _text("w25", _QUOTA, _STOP, r"\btrial\b.*\b(?:allowance|limit|quota|used up|expired|ended|over)\b"),
    _text("w26", _QUOTA, _STOP, r"\bmarketing\b.*\blimit\b", r"\blimit\b.*\bmarketing\b"),
    # The exact words were found nowhere, so the two topics are matched in either order.
    _text("w27", _QUOTA, _STOP, rf"\b(?:credits?|balance)\b.*{_TOO_LITTLE}", rf"{_TOO_LITTLE}.*\b(?:credits?|balance)\b"),
    _code(130429, _QUOTA, _WAIT, r"\brate limit hit\b"),
    _code((4, 80007), _QUOTA, _WAIT, r"\bapi too many calls\b", r"\brate limit issues\b"),
    # The account, restricted: nothing may be sent until somebody has looked at it.
    _restricted(_code(131031, _ACCOUNT, _STOP, r"\baccount (?:is |has been )?locked\b")),
    _restricted(_code(368, _ACCOUNT, _STOP, r"\btemporarily blocked for polic")),
    _restricted(_text("w37", _ACCOUNT, _STOP, rf"{_NO_TEMPLATE}\b(?:suspended|deactivated|paused)\b")),
    _restricted(_text("w37", _ACCOUNT, _STOP, r"\baccount\b.*\blocked\b", r"\blocked\b.*\baccount\b")),
    # The account, its token, its sender.
    _code(131037, _ACCOUNT, _STOP, r"\bdisplay name approval\b"),
    _code(131042, _ACCOUNT, _STOP, r"\beligibility payment issue\b"),
    _code(131045, _ACCOUNT, _STOP, r"\bincorrect certificate\b"),
    _code(131057, _ACCOUNT, _STOP, r"\bmaintenance mode\b"),
    _code(131005, _ACCOUNT, _STOP, r"\baccess denied\b"),
    _code(133010, _ACCOUNT, _STOP, r"\bphone number (?:is )?not registered\b(?! (?:on|with) whatsapp)"),
    _code(133016, _ACCOUNT, _STOP, r"\btoo many \(?(?:de)?\)?-?registrations\b"),
    _text("w25", _ACCOUNT, _STOP, r"\boffline mode\b"),
    _code((0, 190), _ACCOUNT, _STOP, r"\bauthexception\b", r"\baccess token (?:is |has )?expired\b"),
    _code((3, 10, *range(200, 300)), _ACCOUNT, _STOP, r"\bapi method\b", r"\bpermission denied\b"),
    _code(33, _ACCOUNT, _STOP),  # worded like 131009, so only its code tells
    # Ours for v3's status word: somebody stopped the broadcast in the dashboard, and means it.
    _text("stopped", _ACCOUNT, _STOP, r"\bbroadcast was stopped\b"),
    # Meta's own troubles, and the rest.
    _code(131016, _NETWORK, _WAIT, r"\bservice unavailable\b"),
    _code((1, 2), _NETWORK, _NEXT, r"\bapi (?:unknown|service)\b"),
    _code(131000, _UNKNOWN, _NEXT, r"\bsomething went wrong\b"),
    _code((470, 131047), _UNKNOWN, _NEXT, r"\bre-?engagement message\b"),
    _code(131051, _UNKNOWN, _STOP, r"\bunsupported message type\b"),
    _code(135000, _UNKNOWN, _NEXT, r"\bgeneric user error\b"),
    _text("w07", _UNKNOWN, _STOP, r"\brequest is null\b"),
    _text("w28", _UNKNOWN, _NEXT, r"\bticket has been expired\b"),
)
# ruff: enable[E501]
# fmt: on

_OTHER = FailureRow("other", _UNKNOWN, _NEXT)

# The experiment and the country rule: neither category says that the person is meant.
_PERSONAL_RULES = frozenset({"130472", "130497"})

# Statuses that say all there is to say, whatever stands in the body.
_BY_STATUS: Mapping[int, tuple[FailureRow, str]] = MappingProxyType(
    {
        HTTPStatus.UNAUTHORIZED: (
            FailureRow("w21", _ACCOUNT, _STOP),
            "WATI refuses the token: check WATI_API_KEY",
        ),
        HTTPStatus.FORBIDDEN: (
            FailureRow("w22", _ACCOUNT, _STOP),
            "WATI does not allow this: check the scopes of WATI_API_KEY and its workspace",
        ),
    }
)
# A web page does not come from WATI's API, so the token's scopes cannot be the reason.
_FORBIDDEN_PAGE = (
    FailureRow("w23", _ACCOUNT, _STOP),
    "the front door of WATI (Cloudflare) refuses this program: check its User-Agent and network",
)
# Statuses that decide only where the body gives no reason of its own.
_WRONG_PATH = (
    FailureRow("w24", _ACCOUNT, _STOP),
    "WATI does not know this address: check WATI_BASE_URL and WATI_INSTANCE_ID",
)
_RATE_LIMIT = (FailureRow("w19", _QUOTA, _WAIT), "WATI asks to slow down")
_SERVER_TROUBLE = (FailureRow("w29", _NETWORK, _NEXT), "WATI is in trouble")

_BY_CODE: Mapping[int, FailureRow] = MappingProxyType(
    {code: row for row in FAILURE_TABLE for code in row.codes}
)
_BY_TEXT = tuple(
    (re.compile(text, re.IGNORECASE), row) for row in FAILURE_TABLE for text in row.texts
)

# Behind a plus or inside a longer word, six digits are part of a phone number or an id.
_LONG_CODE = re.compile(r"(?<![\w+])([0-9]{6})(?!\w)")
# "contact#0:" counts contacts, "status code 200" is HTTP's: neither is a code of Meta's.
_SHORT_CODE = re.compile(
    r"(?:(?<!\w)#|(?<!status[ _])(?<!country )(?<!http )(?<!area )(?<![a-z0-9])code\b)"
    r"\W{0,4}([0-9]{1,5})\b",
    re.IGNORECASE,
)
# Patterns with ``.*`` may take quadratic time, so only this much of a text is searched.
_LONGEST_READ = 1000


def classify(code: int | None, text: str, *, http_status: int | None = None) -> Failure:
    """Return what a failure means.

    Args:
        code: The vendor's code where a field of its own held one; None leaves it to be found in
            the text (six digits standing alone; fewer only behind ``#`` or ``code``).
        text: The vendor's words, "" when there were none.
        http_status: Status of the answer; None for a status read, where it says nothing.
    """
    # The table has plain apostrophes and single spaces; WATI's texts may have others.
    words = " ".join(text[:_LONGEST_READ].replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").split())
    is_page = words.startswith("<")
    found, row = _find_row(code, "" if is_page else words)
    row, note = _row_of_status(http_status, row, is_page=is_page)
    return Failure(
        category=row.category,
        action=row.action,
        rule_id=row.rule_id,
        text=_failure_text(http_status, note, "a web page" if is_page else text),
        code=found,
        is_meta_quality=row.is_meta_quality,
        hold=row.hold,
    )


def is_persons_own(failure: Failure) -> bool:
    """Whether a failure lies with the person written to, so that it says nothing of the others.

    131049 does not: Meta withholds a message from a person, but because of what we send.
    """
    return failure.category in (_NUMBER, _ABSENT, _OPT_OUT) or failure.rule_id in _PERSONAL_RULES


def may_be_one_leads_own(failure: Failure) -> bool:
    """Whether the refusal of a whole batch may be about one of its leads: number or values."""
    is_of_values = failure.category is _TEMPLATE and failure.action in (_NEXT, _REPEATED)
    return is_of_values or is_persons_own(failure)


def _find_row(code: int | None, words: str) -> tuple[int | None, FailureRow]:
    """Return the code that counts, and the first row that fits."""
    for candidate in (code, *_codes_in(words)):
        if candidate is not None and candidate in _BY_CODE:
            return candidate, _BY_CODE[candidate]
    return code, next((row for pattern, row in _BY_TEXT if pattern.search(words)), _OTHER)


def _codes_in(words: str) -> list[int]:
    return [int(digits) for regex in (_LONG_CODE, _SHORT_CODE) for digits in regex.findall(words)]


def _row_of_status(status: int | None, row: FailureRow, *, is_page: bool) -> tuple[FailureRow, str]:
    """Return the row that stands once the HTTP status has its say, and what it adds."""
    if status is None:
        return row, ""
    # A status with one meaning overrides the body; where a status has several, the body decides.
    if status == HTTPStatus.FORBIDDEN and is_page:
        return _FORBIDDEN_PAGE
    if status == HTTPStatus.REQUEST_TIMEOUT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _SERVER_TROUBLE
    # A 429 may also mean a used-up month or a missing plan; then the body's row says stop.
    if status == HTTPStatus.TOO_MANY_REQUESTS and row.action is not _STOP:
        return _RATE_LIMIT
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED) and row is _OTHER:
        return _WRONG_PATH
    return _BY_STATUS.get(status, (row, ""))


def _failure_text(status: int | None, note: str, text: str) -> str:
    """Return the vendor's words, after ours where the status needs explaining."""
    said = safe_outside(text.strip(), MAX_TEXT_CHARS)  # a vendor may quote the number it refuses
    if status is None or (said and not note):
        return said or "WATI gave no reason"
    own = f"HTTP {status}: {note or 'WATI gave no reason'}"
    return (f"{own} ({said})" if said else own)[:MAX_TEXT_CHARS]

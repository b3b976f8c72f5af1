"""The failure table: a row here for every row of the vendor's documents and every trap."""

from datetime import timedelta

import pytest

from lead_automation.models import Action, ErrorCategory, Failure, HoldKind
from lead_automation.wati.failures import FAILURE_TABLE, QUALITY_REST, SUPPRESS_FOR, classify
from lead_automation.wati.reasons import Reason, find_reason, to_code

NUMBER = ErrorCategory.INVALID_NUMBER
ABSENT = ErrorCategory.NOT_ON_WHATSAPP
OPT_OUT = ErrorCategory.OPT_OUT
TEMPLATE = ErrorCategory.TEMPLATE_MISMATCH
QUOTA = ErrorCategory.QUOTA_EXCEEDED
NETWORK = ErrorCategory.NETWORK_ERROR
ACCOUNT = ErrorCategory.ACCOUNT_ISSUE
UNKNOWN = ErrorCategory.UNKNOWN_ERROR
NEXT, WAIT, STOP, REPEATED = Action.NEXT, Action.WAIT, Action.STOP, Action.STOP_IF_REPEATED
DAY, RESUME = HoldKind.UNTIL_DAY_ENDS, HoldKind.UNTIL_RESUME
FREE = None

DISPLAY_NAME = (
    "131037 OAuthException! (#131037) WhatsApp provided number needs display name approval before "
    "message can be sent."
)
QUALITY = (
    "Message undeliverable as Meta has restricted it for higher quality messaging - retry again "
    "in a few days"
)
US_ONLY = (
    "131026 Meta has restricted marketing messages to US recipients, other templates can still "
    "be sent"
)
NO_TRANSLATION = "OAuthException! (#132001) Template name does not exist in the translation"
ECOSYSTEM = "This message was not delivered to maintain healthy ecosystem engagement"
PAIR = "(Business Account, Consumer Account) pair rate limit hit"
COUNTRY = "Business account is restricted from messaging users in this country."
SPACES = "Custom params can't have 4 consecutive spaces and button url can't have a space"
TYPOS = "Check your template, it cannot have typos or blank text"

# id, HTTP status, text, category, action, hold
STRINGS = [
    ("w02", 200, "Invalid WhatsApp number", NUMBER, NEXT, FREE),
    ("w03", 200, "Invalid phone number format.", NUMBER, NEXT, FREE),
    ("w04", 200, "contact#0: contact +621111111111 is not valid", NUMBER, NEXT, FREE),
    ("w05", 200, "There are no valid Receivers", NUMBER, NEXT, FREE),
    ("w06", 400, "Whatsapp number should not be null or empty", NUMBER, NEXT, FREE),
    ("w07", 200, "Request is null", UNKNOWN, STOP, FREE),
    ("w08", 400, TYPOS, TEMPLATE, STOP, FREE),
    ("w09", None, SPACES, TEMPLATE, NEXT, FREE),
    ("w09", None, SPACES.replace("'", "’"), TEMPLATE, NEXT, FREE),
    ("w10", 400, "Template is not approved", TEMPLATE, STOP, FREE),
    ("w10", 400, "The template welcome_lead is pending", TEMPLATE, STOP, FREE),
    ("w10", 400, "Template welcome_lead was rejected by Meta", TEMPLATE, STOP, FREE),
    ("w10", 400, "Template 'x' does not exist", TEMPLATE, STOP, FREE),
    ("w10", 400, "Cannot send an unapproved template", TEMPLATE, STOP, FREE),
    ("132001", None, NO_TRANSLATION, TEMPLATE, STOP, FREE),
    ("132015", None, "132015 Template is paused", TEMPLATE, STOP, FREE),
    ("131026", None, "Message undeliverable", ABSENT, NEXT, FREE),
    ("w14", None, QUALITY, QUOTA, NEXT, DAY),
    ("131026", None, US_ONLY, ABSENT, NEXT, FREE),
    ("w15", None, US_ONLY.removeprefix("131026 "), ABSENT, NEXT, FREE),
    ("131037", None, DISPLAY_NAME, ACCOUNT, STOP, FREE),
    ("130497", None, f"130497 {COUNTRY}", ACCOUNT, NEXT, FREE),
    ("w18", 429, "API usage limit exceeded", QUOTA, STOP, FREE),
    ("w18", 200, "API usage limit exceeded", QUOTA, STOP, FREE),
    ("w18", 429, "Monthly API call quota reached, upgrade your plan", QUOTA, STOP, FREE),
    ("w19", 429, "", QUOTA, WAIT, FREE),
    ("w21", 401, "", ACCOUNT, STOP, FREE),
    ("w22", 403, "", ACCOUNT, STOP, FREE),
    ("w22", 403, "scope missing", ACCOUNT, STOP, FREE),
    ("w23", 403, "<!DOCTYPE html><title>Just a moment...</title>", ACCOUNT, STOP, FREE),
    ("w24", 404, "", ACCOUNT, STOP, FREE),
    ("w24", 404, "Not Found", ACCOUNT, STOP, FREE),
    ("w24", 405, "", ACCOUNT, STOP, FREE),
    ("w25", 400, "The tenant is in offline mode", ACCOUNT, STOP, FREE),
    ("w25", 400, "Your free trial broadcast allowance is used up", QUOTA, STOP, FREE),
    ("w26", 400, "Marketing template limit for today reached", QUOTA, STOP, FREE),
    ("w26", 400, "Daily limit of marketing templates reached", QUOTA, STOP, FREE),
    ("w27", 200, "Not enough credits", QUOTA, STOP, FREE),
    ("w27", None, "Insufficient balance, please top up", QUOTA, STOP, FREE),
    ("w27", None, "Your credit balance is low", QUOTA, STOP, FREE),
    ("w27", None, "You don't have enough credit", QUOTA, STOP, FREE),
    ("w28", 200, "Ticket has been expired.", UNKNOWN, NEXT, FREE),
    ("stopped", None, "the broadcast was stopped in the WATI dashboard", ACCOUNT, STOP, FREE),
    ("w29", 502, "502 BadGateway", NETWORK, NEXT, FREE),
    ("w29", 504, "504 GatewayTimeout", NETWORK, NEXT, FREE),
    ("w29", 408, "", NETWORK, NEXT, FREE),
    ("w37", None, "Account suspended", ACCOUNT, STOP, RESUME),
    ("w37", 400, "Your account has been deactivated", ACCOUNT, STOP, RESUME),
    ("w37", None, "Sending is paused by WATI", ACCOUNT, STOP, RESUME),
    ("w37", None, "This account was permanently locked", ACCOUNT, STOP, RESUME),
]

# code, text used by Meta, category, action, hold
CODES = [
    (0, "AuthException", ACCOUNT, STOP, FREE),
    (190, "access token expired", ACCOUNT, STOP, FREE),
    (1, "API Unknown", NETWORK, NEXT, FREE),
    (2, "API Service", NETWORK, NEXT, FREE),
    (3, "API Method", ACCOUNT, STOP, FREE),
    (10, "Permission Denied", ACCOUNT, STOP, FREE),
    (200, "Permission Denied", ACCOUNT, STOP, FREE),
    (299, "Permission Denied", ACCOUNT, STOP, FREE),
    (4, "API Too Many Calls", QUOTA, WAIT, FREE),
    (80007, "Rate limit issues", QUOTA, WAIT, FREE),
    (33, None, ACCOUNT, STOP, FREE),
    (100, "Invalid parameter", TEMPLATE, REPEATED, FREE),
    (368, "Temporarily blocked for policies violations", ACCOUNT, STOP, RESUME),
    (470, "Re-engagement message", UNKNOWN, NEXT, FREE),
    (130429, "Rate limit hit", QUOTA, WAIT, FREE),
    (130472, "User's number is part of an experiment", UNKNOWN, NEXT, FREE),
    (130497, COUNTRY, ACCOUNT, NEXT, FREE),
    (131000, "Something went wrong", UNKNOWN, NEXT, FREE),
    (131005, "Access denied", ACCOUNT, STOP, FREE),
    (131008, "Required parameter is missing", TEMPLATE, STOP, FREE),
    (131009, "Parameter value is not valid", TEMPLATE, REPEATED, FREE),
    (131016, "Service unavailable", NETWORK, WAIT, FREE),
    (131021, "Recipient cannot be sender", NUMBER, NEXT, FREE),
    (131026, "Message undeliverable", ABSENT, NEXT, FREE),
    (131031, "Business Account locked", ACCOUNT, STOP, RESUME),
    (131037, "display name approval needed", ACCOUNT, STOP, FREE),
    (131042, "Business eligibility payment issue", ACCOUNT, STOP, FREE),
    (131045, "Incorrect certificate", ACCOUNT, STOP, FREE),
    (131047, "Re-engagement message", UNKNOWN, NEXT, FREE),
    (131048, "Spam rate limit hit", ACCOUNT, STOP, RESUME),
    (131049, ECOSYSTEM, QUOTA, NEXT, DAY),
    (131050, "User has stopped marketing messages", OPT_OUT, NEXT, FREE),
    (131051, "Unsupported message type", UNKNOWN, STOP, FREE),
    (131052, "Media download error", TEMPLATE, STOP, FREE),
    (131053, "Media upload error", TEMPLATE, STOP, FREE),
    (131056, PAIR, QUOTA, NEXT, FREE),
    (131057, "Account in maintenance mode", ACCOUNT, STOP, FREE),
    (132000, "Number of parameters does not match", TEMPLATE, STOP, FREE),
    (132001, "Template name does not exist in the translation", TEMPLATE, STOP, FREE),
    (132005, "Translated text too long", TEMPLATE, NEXT, FREE),
    (132007, "Template format character policy violated", TEMPLATE, STOP, FREE),
    (132012, "Parameter format does not match", TEMPLATE, REPEATED, FREE),
    (132015, "Template is paused", TEMPLATE, STOP, FREE),
    (132016, "Template is disabled", TEMPLATE, STOP, FREE),
    (132068, "Flow blocked", TEMPLATE, STOP, FREE),
    (132069, "Flow throttled", TEMPLATE, STOP, FREE),
    (133010, "Phone number not registered", ACCOUNT, STOP, FREE),
    (133016, "too many (de)registrations", ACCOUNT, STOP, FREE),
    (135000, "Generic user error", UNKNOWN, NEXT, FREE),
    (999999, None, UNKNOWN, NEXT, FREE),
]

# what a careless rule would take for a reason it knows: numbers and words that are none
TRAPS = [
    "number 15551310260 is busy",
    "ref 131049abc",
    "+131026",
    "contact#0: odd",
    "368 messages are waiting",
    "request failed with status code 200",
    "country code 1 is odd",
    "the option was adopted",
    "the phone number is not registered on WhatsApp",
    "the user's card is blocked",
    "quality of the low template",
    "",
]


def summary(failure: Failure) -> tuple[ErrorCategory, Action, HoldKind | None]:
    """Return what a failure makes the campaign do, having checked that its parts agree."""
    assert failure.is_meta_quality == (failure.hold is DAY)
    return failure.category, failure.action, failure.hold


@pytest.mark.parametrize(("rule", "status", "text", "category", "action", "hold"), STRINGS)
def test_classify_wording_follows_its_row(
    *,
    rule: str,
    status: int | None,
    text: str,
    category: ErrorCategory,
    action: Action,
    hold: HoldKind | None,
) -> None:
    """Each wording, in any case, means what its row says."""
    failure = classify(None, text, http_status=status)

    assert failure.rule_id == rule
    assert summary(failure) == (category, action, hold)
    assert summary(classify(None, text.upper(), http_status=status)) == (category, action, hold)


@pytest.mark.parametrize(("code", "text", "category", "action", "hold"), CODES)
def test_classify_code_follows_its_row(
    code: int, text: str | None, category: ErrorCategory, action: Action, hold: HoldKind | None
) -> None:
    """Each code means the same in its field, in a text, and by Meta's own title alone."""
    field = classify(code, "whatever")
    marked = classify(None, f"error (#{code}) came back")
    named = classify(None, f"code: {code}")
    titled = classify(None, text) if text else field

    assert field.code == code
    assert [summary(failure) for failure in (field, marked, named, titled)] == [
        (category, action, hold)
    ] * 4


@pytest.mark.parametrize("text", TRAPS)
def test_classify_trap_is_not_fallen_into(text: str) -> None:
    """A word or a number alone decides nothing."""
    assert summary(classify(None, text)) == (UNKNOWN, NEXT, FREE)


@pytest.mark.parametrize(
    ("field", "text", "category", "code"),
    [
        (131050, "Message undeliverable", OPT_OUT, 131050),
        (400, "Message undeliverable", ABSENT, 400),
        (400, "(#131050) failed", OPT_OUT, 131050),
    ],
)
def test_classify_code_known_beats_text_and_unknown_code(
    field: int, text: str, category: ErrorCategory, code: int
) -> None:
    """Meta advises to branch on the code, not on the title; a code nobody knows is only kept."""
    failure = classify(field, text)

    assert (failure.category, failure.code) == (category, code)


def test_classify_long_text_is_cut() -> None:
    """What is kept of the vendor's words is 300 characters at most."""
    plain = classify(None, "x" * 5000)
    wrapped = classify(None, "x" * 5000, http_status=401)

    assert len(plain.text) == 300
    assert len(wrapped.text) == 300


@pytest.mark.parametrize("status", [None, 200, 400, 401, 403, 404, 429, 500])
def test_classify_without_words_still_says_something(status: int | None) -> None:
    """An empty reason is never shown as nothing."""
    assert classify(None, "", http_status=status).text


@pytest.mark.parametrize(
    ("status", "text", "hint"),
    [
        (401, "", "WATI_API_KEY"),
        (403, "<html>", "User-Agent"),
        (404, "", "WATI_BASE_URL"),
    ],
)
def test_classify_settings_fault_names_the_setting(status: int, text: str, hint: str) -> None:
    """An operator reads what to change."""
    assert hint in classify(None, text, http_status=status).text


def test_classify_page_is_not_read_as_words() -> None:
    """A web page may hold any word; none of them counts."""
    failure = classify(None, "<html>Account suspended 131048</html>", http_status=400)

    assert (failure.category, failure.hold) == (UNKNOWN, None)


def test_table_codes_stand_in_one_row_each() -> None:
    """No code is claimed by two rows."""
    codes = [code for row in FAILURE_TABLE for code in row.codes]

    assert len(codes) > 140
    assert len(codes) == len(set(codes))


def test_suppression_is_for_absent_and_opted_out() -> None:
    """30 days, and for good; a quality refusal rests for two days."""
    assert dict(SUPPRESS_FOR) == {ABSENT: timedelta(days=30), OPT_OUT: None}
    assert timedelta(hours=48) == QUALITY_REST


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({"result": False, "info": "a", "message": "b"}, Reason(None, "a")),
        ({"info": "", "message": None, "error": "c"}, Reason(None, "c")),
        ({"error": {"error": "c"}}, Reason(None, "c")),
        ({"error": {"code": 190, "message": "c"}}, Reason(190, "c")),
        ({"errors": ["d", "e"]}, Reason(None, "d")),
        ({"errors": [{"code": 131026, "message": "d"}]}, Reason(131026, "d")),
        ({"message": "b", "errors": [{"code": "131026", "message": "d"}]}, Reason(131026, "b")),
        ({"errors": {"error": "d"}}, Reason(None, "d")),
        ({"errors": {"error": "", "invalidWhatsappNumbers": ["d"]}}, Reason(None, "d")),
        ({"errors": {"message": "d"}}, Reason(None, "d")),
        ({"items": [{"code": "X", "description": "f"}]}, Reason(None, "f")),
        ({"receivers": [{"errors": []}, {"errors": ["g"]}]}, Reason(None, "g")),
        ({"receivers": [{"errors": [{"code": 131050, "error": "g"}]}]}, Reason(131050, "g")),
        ({"recipients": [{"errors": ["g"]}]}, Reason(None, "g")),
        ({"receivers": [{"errors": "g"}]}, Reason(None, "g")),
        ({"failedCode": "131049", "failedDetail": "h"}, Reason(131049, "h")),
        ({"failed_code": 131049}, Reason(131049, "")),
        ({"failedCode": True, "errors": 5, "items": {}, "receivers": [1]}, Reason(None, "")),
        ([{"code": 131026, "message": "i"}], Reason(131026, "i")),
        ('{"info": "in text"}', Reason(None, "in text")),
        (b'\xef\xbb\xbf{"info": "in bytes"}', Reason(None, "in bytes")),
        ('"bare"', Reason(None, "bare")),
        ("  502 BadGateway ", Reason(None, "502 BadGateway")),
        (b"\xff\xfe", Reason(None, "\ufffd\ufffd")),
        ("x" * 999, Reason(None, "x" * 300)),
        (b"", Reason(None, "")),
        (None, Reason(None, "")),
    ],
)
def test_find_reason_in_any_shape(payload: object, reason: Reason) -> None:
    """Every documented place is looked at, in the documented order."""
    assert find_reason(payload) == reason


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (131049, 131049),
        ("131049", 131049),
        (0, 0),
        (-1, None),
        (True, None),
        (1.5, None),
        (10**30, None),
        ("9" * 5000, None),
        ("٣", None),
        ("E1", None),
        (None, None),
    ],
)
def test_to_code_takes_whole_numbers_only(value: object, code: int | None) -> None:
    """A code is a whole number or its digits."""
    assert to_code(value) == code

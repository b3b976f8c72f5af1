"""Say in people's words what a status, a category or a reason means."""

from collections.abc import Mapping

from lead_automation.models import ErrorCategory
from lead_automation.runs import CallKind, RunMode, RunStatus, SkipReason

STATUS_EMOJI: Mapping[RunStatus, str] = {
    RunStatus.COMPLETED: "✅",
    RunStatus.STOPPED: "🛑",
    RunStatus.INTERRUPTED: "✋",
    RunStatus.OUTSIDE_WORKING_HOURS: "🌙",
    RunStatus.QUOTA_EXHAUSTED: "📦",
    RunStatus.NO_LEADS: "📭",
    RunStatus.NO_COUNSELLORS: "👥",
    RunStatus.HELD: "🚧",
    RunStatus.ALREADY_RUNNING: "🔁",
    RunStatus.FAILED: "❌",
}

MOODS: Mapping[RunStatus, str] = {
    RunStatus.COMPLETED: "good",
    RunStatus.STOPPED: "bad",
    RunStatus.FAILED: "bad",
    RunStatus.HELD: "bad",
    RunStatus.INTERRUPTED: "warn",
    RunStatus.QUOTA_EXHAUSTED: "warn",
    RunStatus.NO_COUNSELLORS: "warn",
    RunStatus.ALREADY_RUNNING: "calm",
    RunStatus.OUTSIDE_WORKING_HOURS: "calm",
    RunStatus.NO_LEADS: "calm",
}
"""Colour of an end: what went well, what needs a look, what went wrong, what is no news."""

MODE_NOTES: Mapping[RunMode, str] = {
    RunMode.PRODUCTION: "",
    RunMode.TEST: "Test send: to the test number only; no quota, no history, no CRM row.",
    RunMode.SANDBOX: "Sandbox: a simulator on this machine; nobody was messaged.",
    RunMode.DRY_RUN: "Dry run: nothing was sent and no state was changed.",
}

CATEGORY_MEANINGS: Mapping[ErrorCategory, str] = {
    ErrorCategory.INVALID_NUMBER: "Not a mobile number that can be messaged. To be corrected in "
    "the CRM.",
    ErrorCategory.NOT_ON_WHATSAPP: "The number has no WhatsApp, or cannot be reached there. "
    "It rests for 30 days.",
    ErrorCategory.OPT_OUT: "The person asked for no more messages. The number is suppressed for "
    "good.",
    ErrorCategory.TEMPLATE_MISMATCH: "The template is missing, not approved or paused, or its "
    "parameters do not fit.",
    ErrorCategory.QUOTA_EXCEEDED: "WATI's credits, monthly calls or sending limit are used up, or "
    "Meta limits what one person gets.",
    ErrorCategory.NETWORK_ERROR: "WATI could not be reached, or failed on its side.",
    ErrorCategory.ACCOUNT_ISSUE: "WATI or Meta refuses the account: access, billing, or a "
    "restriction.",
    ErrorCategory.UNKNOWN_ERROR: "A refusal in words nobody has classified yet; the log has them.",
}

CATEGORY_ACTIONS: Mapping[ErrorCategory, str] = {
    ErrorCategory.INVALID_NUMBER: "Correct the number in the CRM",
    ErrorCategory.NOT_ON_WHATSAPP: "Call, or ask for another number",
    ErrorCategory.OPT_OUT: "Do not message; note the wish in the CRM",
    ErrorCategory.TEMPLATE_MISMATCH: "Mend the template, then run again",
    ErrorCategory.QUOTA_EXCEEDED: "Top up or wait, then run again",
    ErrorCategory.NETWORK_ERROR: "Run again later",
    ErrorCategory.ACCOUNT_ISSUE: "Look at the WATI and Meta account",
    ErrorCategory.UNKNOWN_ERROR: "Read the reason; look the message up in WATI",
}

_RESTS = "Nothing to do: the number rests for two days, then a run takes it again"
_LATER = "Nothing to do: tomorrow's run takes it again if the CRM still lists it"
_ELSEWHERE = "They can be reached in another way; tomorrow's run takes them again"

RULE_WORDS: Mapping[str, tuple[str, str]] = {
    "w14": ("Meta limit for this person", _RESTS),
    "131049": ("Meta limit for this person", _RESTS),
    "131056": ("Too many messages to this person", _LATER),
    "w15": ("Meta gives this person no marketing", "Call, or write with a UTILITY template"),
    "130472": ("In an experiment of Meta's, without marketing", _ELSEWHERE),
    "130497": ("Meta lets no business write to that country", "Call; no run can reach them"),
    "131000": ("Meta had trouble with this message", _LATER),
    "135000": ("Meta had trouble with this message", _LATER),
    "470": ("The person has not written for a day", "Look whether the template is approved"),
    "w28": ("WATI's ticket with this person has ended", _LATER),
    "131051": ("Meta takes no message of this kind", "Look at the template, then run again"),
    "w07": ("WATI did not take the request", "Report it: the log has the answer"),
    "w09": ("A value has too many blanks in a row", "Correct the lead's name in the CRM"),
    "132005": ("The text is too long with this name", "Shorten the lead's name in the CRM"),
}
"""What happened and what to do, by row of the failure table, where its category says too little.

Meta's words for these: https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes.
"""

UNKNOWN_ACTION = "Do not resend; the next run asks WATI"

SKIP_MEANINGS: Mapping[SkipReason, str] = {
    SkipReason.INVALID_NUMBER: "The CRM's number is no mobile number.",
    SkipReason.DUPLICATE: "The lead or the number had this message already.",
    SkipReason.SUPPRESSED: "On the suppression list: opted out, not on WhatsApp, or resting.",
    SkipReason.MALFORMED: "The list's row lacked an id or was no record.",
    SkipReason.QUIET_HOURS: "Too early or too late at the lead's place; a later run takes it.",
}


def failure_words(rule: str | None, category: ErrorCategory) -> tuple[str, str]:
    """Return what a failure is and what to do about it, by its row, else by its category."""
    return RULE_WORDS.get(rule or "", (title(category.value), CATEGORY_ACTIONS[category]))


def title(word: str) -> str:
    """Return ``not_on_whatsapp`` as ``Not on WhatsApp``."""
    text = word.replace("_", " ").replace("-", " ").capitalize()
    return text.replace("whatsapp", "WhatsApp")


def call_title(kind: CallKind) -> str:
    """Return a kind of calls as ``CRM log``."""
    return title(kind.value).replace("Crm", "CRM")


def rate_text(rate: float | None) -> str:
    """Return a share for people, a dash where there is none."""
    return "–" if rate is None else f"{rate:.1f}%"


def duration_text(seconds: float) -> str:
    """Return seconds as ``0:02:34``: hours, minutes, seconds."""
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{left:02}"

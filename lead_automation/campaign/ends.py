"""How a run ends, as a value: status, reason, exit code."""

from datetime import tzinfo

import msgspec

from lead_automation.errors import ExitCode, LeadAutomationError
from lead_automation.models import ErrorCategory
from lead_automation.runs import RunStatus
from lead_automation.stored import Hold
from lead_automation.times import shown_time_and_zone


class RunEnd(msgspec.Struct, frozen=True, kw_only=True):
    """Why no further lead is attempted.

    Attributes:
        category: Of the failure that ended it; None where it was none.
        is_meta_quality: Meta's quality rule ended it; the five-step checklist is shown.
    """

    status: RunStatus
    reason: str
    exit_code: int = ExitCode.OK
    category: ErrorCategory | None = None
    is_meta_quality: bool = False

    @property
    def is_good(self) -> bool:
        """Whether nothing went wrong so far."""
        return self.exit_code == ExitCode.OK


def stopped(
    reason: str, *, category: ErrorCategory | None = None, is_meta_quality: bool = False
) -> RunEnd:
    """Return the end by a systematic error."""
    return RunEnd(
        status=RunStatus.STOPPED,
        reason=reason,
        exit_code=ExitCode.STOPPED,
        category=category,
        is_meta_quality=is_meta_quality,
    )


def out_of_quota() -> RunEnd:
    """Return the end when the last counsellor's quota is used in mid-run."""
    return RunEnd(status=RunStatus.COMPLETED, reason="All counsellor quotas exhausted for today")


def held(hold: Hold, zone: tzinfo) -> RunEnd:
    """Return the end by a hold in force, its times shown in zone."""
    until = f"until {shown_time_and_zone(hold.until, zone)}" if hold.until else "until `resume`"
    since = shown_time_and_zone(hold.since, zone)
    return RunEnd(
        status=RunStatus.HELD,
        reason=f"sending is held since {since}, {until}: {hold.reason}",
        exit_code=ExitCode.HELD,
    )


def interrupted(signal_number: int) -> RunEnd:
    """Return the end by a signal; 128 and the signal's number is what a shell expects."""
    name = {2: "SIGINT", 15: "SIGTERM"}.get(signal_number, f"signal {signal_number}")
    return RunEnd(
        status=RunStatus.INTERRUPTED,
        reason=f"interrupted by {name}; the state is complete, the next run goes on from here",
        exit_code=128 + signal_number,
    )


def of_error(error: LeadAutomationError) -> RunEnd:
    """Return the end by an error that names its own exit code."""
    status = {
        ExitCode.STOPPED: RunStatus.STOPPED,
        ExitCode.HELD: RunStatus.HELD,
        ExitCode.ALREADY_RUNNING: RunStatus.ALREADY_RUNNING,
    }.get(error.exit_code, RunStatus.FAILED)
    reason = " ".join(_sentence(text) for text in (str(error), error.hint) if text)
    return RunEnd(status=status, reason=reason, exit_code=error.exit_code)


def of_bug(error: Exception) -> RunEnd:
    """Return the end by an error nobody foresaw; its words may hold anything."""
    return of_error(LeadAutomationError(f"This is a bug in the program: {type(error).__name__}"))


def _sentence(text: str) -> str:
    """Return text that another one may follow."""
    return f"{text[0].upper()}{text[1:]}{'' if text[-1] in '.!?:' else '.'}"

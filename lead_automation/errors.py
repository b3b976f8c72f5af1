"""Errors that end a command, each with its exit code, and the errors of the HTTP border.

One recipient's failure is a value (``models.SendAttempt``); a broken run is one of these.
"""

from enum import Enum
from pathlib import Path


class ExitCode:
    """Exit codes a cron table may rely on (docs/operations.md)."""

    OK = 0
    BUG = 1  # also what Python returns after a traceback
    SETTINGS = 2  # also what argparse returns
    STOPPED = 3
    UNREACHABLE = 4
    STATE = 5
    HELD = 6
    ALREADY_RUNNING = 75  # EX_TEMPFAIL of sysexits.h, "try again later": the next cron run does
    SIGINT = 130  # the shells' convention: 128 plus the signal's number
    SIGTERM = 143


class LeadAutomationError(Exception):
    """A reason why a command ends.

    Attributes:
        exit_code: What the process returns.
        hint: What the operator does next; empty when the message says it all.
        command: A command line that does it, to be pasted: shown whole and never broken.
    """

    exit_code = ExitCode.BUG
    command = ""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ConfigError(LeadAutomationError):
    """Settings or arguments that cannot be used.

    Attributes:
        problems: Every problem found, one line each, without any secret's value.
    """

    exit_code = ExitCode.SETTINGS

    def __init__(self, problems: tuple[str, ...], *, hint: str = "") -> None:
        super().__init__("\n".join(problems), hint=hint)
        self.problems = problems


class CampaignStopError(LeadAutomationError):
    """The campaign may not send, or not go on, until somebody changes something."""

    exit_code = ExitCode.STOPPED


class UnreachableError(LeadAutomationError):
    """WATI or the CRM is not reachable, not answering as documented, or refuses the credentials.

    Attributes:
        service: ``WATI`` or ``CRM``.
    """

    exit_code = ExitCode.UNREACHABLE

    def __init__(self, message: str, *, service: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.service = service


class StateError(LeadAutomationError):
    """A state file is missing, damaged or not writable; it was left exactly as it is.

    Attributes:
        path: The file, or None when it is not about one file.
    """

    exit_code = ExitCode.STATE

    def __init__(
        self, message: str, *, path: Path | None = None, hint: str = "", command: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.path = path
        self.command = command


class ClockError(LeadAutomationError):
    """The wall clock cannot be trusted, so neither can working hours, quota days or look-ups."""

    exit_code = ExitCode.STATE


class AlreadyRunningError(LeadAutomationError):
    """Another run holds the lock."""

    exit_code = ExitCode.ALREADY_RUNNING


class Fault(Enum):
    """How an HTTP call failed without a whole answer."""

    UNREACHABLE = "unreachable"
    """DNS failure, connection refused, no route, connect timeout: no byte of it left."""
    CERTIFICATE = "certificate"
    """The server's certificate was refused: no byte of the request left."""
    LOST = "lost"
    """No answer, half an answer or an unreadable one: it may have arrived."""
    FORBIDDEN = "forbidden"
    """Our own border refused to send it (a POST in a dry run)."""


class TransportError(LeadAutomationError):
    """An HTTP call without a whole answer.

    Attributes:
        fault: Whether the request may have arrived.
        is_timeout: Nobody answered in time, be it the connection or the request.
        is_unreadable: An answer came, but not one that we read: too large, or garbled.
    """

    exit_code = ExitCode.UNREACHABLE

    def __init__(
        self,
        message: str,
        *,
        fault: Fault,
        is_timeout: bool = False,
        is_unreadable: bool = False,
    ) -> None:
        super().__init__(message)
        self.fault = fault
        self.is_timeout = is_timeout
        self.is_unreadable = is_unreadable

"""Each reason why a command ends has its own exit code."""

from pathlib import Path

import pytest

from lead_automation import errors
from lead_automation.errors import (
    AlreadyRunningError,
    CampaignStopError,
    ClockError,
    ConfigError,
    ExitCode,
    Fault,
    LeadAutomationError,
    StateError,
    TransportError,
    UnreachableError,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (LeadAutomationError("x"), 1),
        (ConfigError(("x",)), 2),
        (CampaignStopError("x"), 3),
        (UnreachableError("x", service="CRM"), 4),
        (TransportError("x", fault=Fault.LOST), 4),
        (StateError("x"), 5),
        (ClockError("x"), 5),
        (AlreadyRunningError("x"), 75),
    ],
    ids=lambda value: type(value).__name__,
)
def test_error_has_the_exit_code_a_cron_table_relies_on(
    error: LeadAutomationError, code: int
) -> None:
    """The class alone decides the exit code."""
    assert error.exit_code == code
    assert isinstance(error, LeadAutomationError)
    assert (str(error), error.hint) == ("x", "")


def test_exit_codes_are_those_promised() -> None:
    """The codes are fixed, and no two names share one."""
    codes = {name: code for name, code in vars(ExitCode).items() if not name.startswith("_")}

    assert sorted(codes.values()) == [0, 1, 2, 3, 4, 5, 6, 75, 130, 143]


def test_config_error_keeps_every_problem() -> None:
    """All problems are in the message, a line each, and apart."""
    error = ConfigError(("A: wrong", "B: wrong"), hint="See the example.")

    assert error.problems == ("A: wrong", "B: wrong")
    assert str(error) == "A: wrong\nB: wrong"
    assert error.hint == "See the example."


def test_errors_name_their_subject() -> None:
    """File, service and fault are attributes, so that nobody reads them out of a text."""
    assert StateError("x", path=Path("a")).path == Path("a")
    assert UnreachableError("x", service="WATI").service == "WATI"
    fault = TransportError("x", fault=Fault.UNREACHABLE, is_timeout=True)
    assert (fault.fault, fault.is_timeout) == (Fault.UNREACHABLE, True)


def test_every_error_class_stands_under_the_one_root() -> None:
    """Whoever catches the root catches all."""
    classes = [
        found
        for found in vars(errors).values()
        if isinstance(found, type) and issubclass(found, Exception)
    ]

    assert len(classes) == 8
    assert all(issubclass(found, LeadAutomationError) for found in classes)

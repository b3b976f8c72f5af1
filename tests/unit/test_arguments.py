"""The typed form of a command line."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lead_automation.arguments import COMMANDS, FORMS, SCENARIOS, Arguments, parse_arguments
from lead_automation.errors import ConfigError, ExitCode
from lead_automation.reporting.report import ReportForm
from lead_automation.sandbox import scenarios

ASKED = {"reason": "asked not to be messaged"}


@pytest.mark.parametrize(
    ("words", "command", "options"),
    [
        ("", "run", {}),
        ("--limit 5", "run", {"limit": 5}),
        ("run --limit 5", "run", {"limit": 5}),
        ("--limit 5 run", "run", {"limit": 5}),
        ("-q run", "run", {"quiet": True}),
        ("run -q", "run", {"quiet": True}),
        ("--no-color --json run -v", "run", {"no_color": True, "json": True, "verbose": True}),
        ("--dry-run", "run", {"dry_run": True}),
        ("--test --no-color", "run", {"test": True, "no_color": True}),
        ("--sandbox", "run", {"sandbox": "everyday"}),
        ("--sandbox outage", "run", {"sandbox": "outage"}),
        ("--sandbox run", "run", {"sandbox": "everyday"}),
        ("run --sandbox=credits", "run", {"sandbox": "credits"}),
        ("--config run", "run", {"config": Path("run")}),
        ("--config status status", "status", {"config": Path("status")}),
        ("--state-dir init init", "init", {"state_dir": Path("init")}),
        ("--config=x check", "check", {"config": Path("x")}),
        ("--config a check --state-dir b", "check", {"config": Path("a"), "state_dir": Path("b")}),
        ("--json status", "status", {"json": True}),
        ("track -v", "track", {"verbose": True}),
        ("resume --yes", "resume", {"yes": True}),
        ("report", "report", {"form": "text"}),
        ("report --days 7 --format csv", "report", {"days": 7, "form": "csv"}),
        ("report --output x.csv", "report", {"output": Path("x.csv"), "form": "csv"}),
        ("report --output x.HTML", "report", {"output": Path("x.HTML"), "form": "html"}),
        ("report --output x", "report", {"output": Path("x")}),
        ("report --run status", "report", {"run_id": "status"}),
        ("-q report --run run", "report", {"quiet": True, "run_id": "run"}),
        ("suppress list", "suppress", {"action": "list"}),
        ("suppress list --json", "suppress", {"action": "list", "json": True}),
        ("-q suppress list", "suppress", {"action": "list", "quiet": True}),
        ("suppress add '+91 98'", "suppress", {"action": "add", "phones": ("+91 98",), **ASKED}),
        (
            "suppress add 1 --reason run",
            "suppress",
            {"action": "add", "phones": ("1",), "reason": "run"},
        ),
        ("suppress remove 1", "suppress", {"action": "remove", "phones": ("1",)}),
    ],
)
def test_command_line_becomes_its_typed_form(
    words: str, command: str, options: dict[str, Any]
) -> None:
    """Every option works before and behind the command, and without one it is run."""
    assert parse_arguments(shlex.split(words)) == Arguments(command=command, **options)


@pytest.mark.parametrize(
    ("words", "told", "help_of"),
    [
        (("nope",), "no command is called 'nope'; there are run, init", ""),
        (("statsu",), "no command is called 'statsu'; did you mean status?", ""),
        (("run", "-v", "-q"), "--verbose and --quiet contradict each other", " run"),
        (("report", "--format", "csv", "--json"), "--json and --format csv contradict", " report"),
        (("--nope",), "not understood here: --nope", " run"),
        (("status", "--li", "3"), "not understood here: --li 3", " status"),
        (("run", "--limit", "0"), "not '0'", " run"),
        (("run", "--limit", "10000001"), "not '10000001'", " run"),
        (("run", "--limit", "1_0"), "not '1_0'", " run"),
        (("run", "--limit", "9" * 5000), "not '99999999999999999999'", " run"),
        (("suppress", "add"), "PHONE", " suppress add"),
        (("suppress", "sing"), "invalid choice: 'sing'", " suppress"),
        (("report", "--run", "a", "--days", "1"), "not allowed", " report"),
    ],
)
def test_command_line_that_is_wrong_names_the_help_to_read(
    words: Sequence[str], told: str, help_of: str
) -> None:
    """A usage error has exit code 2, says what is wrong and whose --help explains it."""
    with pytest.raises(ConfigError) as caught:
        parse_arguments(words)

    assert caught.value.exit_code == ExitCode.SETTINGS
    assert told in str(caught.value)
    assert caught.value.hint == f"See: python -m lead_automation{help_of} --help"


@pytest.mark.parametrize("option", ["--lim", "--dry", "--sand", "--conf", "--verb", "--js", "--ye"])
def test_command_line_with_an_abbreviation_is_refused(option: str) -> None:
    """No command takes an option cut short."""
    for command in COMMANDS:
        if command not in ("suppress", "state"):  # they ask for their action first
            with pytest.raises(ConfigError, match="not understood here"):
                parse_arguments((command, option))


@pytest.mark.parametrize(
    "words", [("--help",), ("-h",), ("--version",), ("run", "-h"), ("-q", "-h")]
)
def test_help_and_version_end_at_once(
    words: Sequence[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Help and version are printed and end with 0."""
    with pytest.raises(SystemExit) as caught:
        parse_arguments(words)

    assert caught.value.code == 0
    assert "lead-automation" in capsys.readouterr().out


def test_choices_are_those_of_their_rooms() -> None:
    """Scenarios and report forms are the ones that exist, in the same order."""
    assert tuple(scenarios.SCENARIOS) == SCENARIOS
    assert {form.value for form in ReportForm} == set(FORMS)

"""The typed form of a command line."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from lead_automation.arguments import (
    COMMANDS,
    FORMS,
    SCENARIOS,
    Arguments,
    build_parser,
    parse_arguments,
)
from lead_automation.errors import ConfigError, ExitCode
from lead_automation.reporting.report import ReportForm
from lead_automation.sandbox import scenarios


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), Arguments(command="run")),
        (("--limit", "5"), Arguments(command="run", limit=5)),
        (("run", "--limit", "5"), Arguments(command="run", limit=5)),
        (("--limit", "5", "run"), Arguments(command="run", limit=5)),
        (("-q", "run"), Arguments(command="run", quiet=True)),
        (("run", "-q"), Arguments(command="run", quiet=True)),
        (
            ("-q", "--json", "run", "-v"),
            Arguments(command="run", quiet=True, json=True, verbose=True),
        ),
        (("--dry-run",), Arguments(command="run", dry_run=True)),
        (("--test", "--no-color"), Arguments(command="run", test=True, no_color=True)),
        (("--sandbox",), Arguments(command="run", sandbox="everyday")),
        (("--sandbox", "outage"), Arguments(command="run", sandbox="outage")),
        (("--sandbox", "run"), Arguments(command="run", sandbox="everyday")),
        (("run", "--sandbox=credits"), Arguments(command="run", sandbox="credits")),
        (("--config", "run"), Arguments(command="run", config=Path("run"))),
        (("--config", "status", "status"), Arguments(command="status", config=Path("status"))),
        (("--state-dir", "init", "init"), Arguments(command="init", state_dir=Path("init"))),
        (("--config=x", "check"), Arguments(command="check", config=Path("x"))),
        (
            ("--config", "a", "check", "--state-dir", "b"),
            Arguments(command="check", config=Path("a"), state_dir=Path("b")),
        ),
        (("--json", "status"), Arguments(command="status", json=True)),
        (("track", "-v"), Arguments(command="track", verbose=True)),
        (("resume", "--yes"), Arguments(command="resume", yes=True)),
        (("report",), Arguments(command="report", form="text")),
        (
            ("report", "--days", "7", "--format", "csv", "--output", "x.csv"),
            Arguments(command="report", days=7, form="csv", output=Path("x.csv")),
        ),
        (("report", "--run", "status"), Arguments(command="report", run_id="status")),
        (("-q", "report", "--run", "run"), Arguments(command="report", quiet=True, run_id="run")),
        (("suppress", "list"), Arguments(command="suppress", action="list")),
        (("suppress", "list", "--json"), Arguments(command="suppress", action="list", json=True)),
        (
            ("-q", "suppress", "--json", "list"),
            Arguments(command="suppress", action="list", quiet=True, json=True),
        ),
        (
            ("suppress", "add", "+91 98100 00000"),
            Arguments(
                command="suppress",
                action="add",
                phone="+91 98100 00000",
                reason="asked not to be messaged",
            ),
        ),
        (
            ("suppress", "add", "1", "--reason", "run"),
            Arguments(command="suppress", action="add", phone="1", reason="run"),
        ),
        (("suppress", "remove", "1"), Arguments(command="suppress", action="remove", phone="1")),
    ],
    ids=lambda value: " ".join(value) or "nothing" if isinstance(value, tuple) else "",
)
def test_command_line_becomes_its_typed_form(words: Sequence[str], expected: Arguments) -> None:
    """Every option works before and behind the command, and without one it is run."""
    assert parse_arguments(words) == expected


@pytest.mark.parametrize(
    ("words", "told", "help_of"),
    [
        (("nope",), "invalid choice: 'nope'", ""),
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
@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "suppress"])
def test_command_line_with_an_abbreviation_is_refused(command: str, option: str) -> None:
    """No command takes an option cut short."""
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


def test_parser_stands_alone() -> None:
    """The parser can be had without parsing anything, and names every command in its help."""
    shown = build_parser().format_help()

    for command in COMMANDS:
        assert f"    {command} " in shown

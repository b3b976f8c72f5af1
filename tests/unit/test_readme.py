"""What README, docs, change log and lock file say is what the code does."""

import re
import shlex
import tomllib
from itertools import takewhile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from lead_automation import __version__
from lead_automation.arguments import COMMANDS, FORMS, SCENARIOS, build_parser, parse_arguments
from lead_automation.errors import ExitCode

PROJECT = Path(__file__).resolve().parents[2]
README = (PROJECT / "README.md").read_text(encoding="utf-8")
PAGES = {
    path: path.read_text(encoding="utf-8")
    for path in (PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md")))
}
OPERATIONS = PAGES[PROJECT / "docs/operations.md"]
CHANGES = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
LOCKED = (PROJECT / "requirements.txt").read_text(encoding="utf-8")
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

FLOORS = {
    "urllib3": "2.8.0",
    "requests": "2.33.0",
    "python-dotenv": "1.2.2",
    "filelock": "4.2.1",
    "idna": "3.15",
    "rich": "14",
    "pygments": "2.20.0",
}
"""Releases below these have a known vulnerability."""


def section(heading: str, text: str = README) -> str:
    """Return what stands between a ``##`` heading and the next one."""
    found = re.search(
        rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL
    )
    assert found, f"no section {heading}"
    return found[1]


def fenced(text: str) -> list[tuple[str, str]]:
    """Return the code blocks: language and content."""
    blocks = re.findall(r"^ *```(\w*)\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return [(str(language), str(content)) for language, content in blocks]


def table(text: str) -> list[list[str]]:
    """Return the cells of the first table, without its head."""
    lines = text.splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("| ---"))
    rows = takewhile(lambda line: line.startswith("|"), lines[start + 1 :])
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def codes(rows: list[list[str]]) -> set[int]:
    """Return the exit codes in the first cells, several of them in ``130, 143``."""
    return {int(code) for row in rows for code in row[0].split(",")}


def command_lines() -> list[list[str]]:
    """Return the words behind every ``python -m lead_automation`` of README and docs."""
    text = re.sub(r"\\\n\s*", " ", "\n".join(PAGES.values()))
    found = re.findall(r"-m lead_automation\b([^`\n|;&>#]*)", text)
    # A command line inside quotes ends at the closing one.
    whole = [words.removesuffix('"') if words.count('"') % 2 else words for words in found]
    return [shlex.split(words) for words in whole]


# --- tables and blocks ------------------------------------------------------------------------


def test_exit_codes_are_those_of_the_code() -> None:
    """None is missing, none is invented."""
    known = {value for name, value in vars(ExitCode).items() if name.isupper()}

    assert codes(table(section("Exit codes", OPERATIONS))) == known
    assert len(known) == 10


def test_help_is_the_programs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """At 80 columns, word for word."""
    monkeypatch.setenv("COLUMNS", "80")
    language, shown = fenced(section("Help", OPERATIONS))[0]

    assert language == "text"
    assert shown.strip() == build_parser().format_help().strip()


def test_commands_table_names_every_command() -> None:
    """In the order of the help."""
    named = [row[0].strip("`") for row in table(section("Everyday commands"))]

    assert named == list(COMMANDS)


def test_rehearsals_and_forms_are_named() -> None:
    """Every scenario and every form of a report is in the README."""
    for word in (*SCENARIOS[1:], *FORMS):
        assert f"`{word}`" in README or f"--sandbox {word}`" in README, word


# --- what it tells people to type ---------------------------------------------------------------


def test_quick_start_begins_with_exactly_two_commands() -> None:
    """Install and rehearse; install and test: nothing else to type, nothing to fill in."""
    _, block = fenced(section("Quick start"))[0]
    commands = [line for line in block.splitlines() if line.strip()]

    assert len(commands) == 2
    assert all(command.startswith("python3 -m venv .venv && ") for command in commands)
    assert commands[0].endswith("-m lead_automation run --sandbox")
    assert "pytest" in commands[1]


def test_command_lines_are_understood() -> None:
    """Nothing the README tells people to type is refused by the parser."""
    lines = command_lines()

    assert len(lines) >= 8
    for words in lines:
        if not {"-h", "--help", "--version"} & set(words):
            assert parse_arguments(words).command in COMMANDS


def test_options_are_known() -> None:
    """Every option named in running text exists."""
    known = set(re.findall(r"--[a-z-]+", build_parser().format_help()))
    for command in COMMANDS:
        known |= set(re.findall(r"--[a-z-]+", _help_of(command)))
    ours = section("Everyday commands") + section("Troubleshooting")
    named = set(re.findall(r"`(?:[a-z]+ )?(--[a-z-]+)", ours))

    assert named
    assert named <= known | {"--reason"}


def _help_of(command: str) -> str:
    actions = build_parser()._subparsers  # noqa: SLF001 - argparse has no other way to them
    assert actions is not None
    choices = actions._group_actions[0].choices  # noqa: SLF001 - likewise
    assert isinstance(choices, dict)
    return str(choices[command].format_help())


def test_files_it_names_exist() -> None:
    """Every path into the repository, in backticks or as a link."""
    spans = re.findall(r"`([^`\n]+)`|\]\((?:\.\./)?([^)#\s]+)[^)]*\)", "\n".join(PAGES.values()))
    names = [code or link for code, link in spans]
    paths = [
        name
        for name in names
        if re.fullmatch(r"(?:lead_automation|tests|docs|\.ci)/[\w./*-]+", name)
        or re.fullmatch(r"[\w-]+\.(?:py|md|toml|txt|env\.example)", name)
    ]

    assert len(paths) >= 3
    for path in paths:
        assert list(PROJECT.glob(path)), path


def test_links_inside_lead_somewhere() -> None:
    """Each ``#anchor`` is a heading of its page."""
    for page, text in PAGES.items():
        for name, anchor in re.findall(r"\]\(([^)#\s]*)#([^)]+)\)", text):
            target = (page.parent / name).resolve() if name else page
            assert anchor in anchors(PAGES[target]), f"{page.name}: {name}#{anchor}"


def anchors(text: str) -> set[str]:
    """Return what a page's headings can be linked by."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_readme_is_short() -> None:
    """One screen a subject; the rest is in docs."""
    assert len(README.splitlines()) <= 200


def test_readme_names_no_machine_of_ours() -> None:
    """No path of a home or of a build machine."""
    assert not re.findall(r"/(?:work|root|home|tmp)/\w+", "".join(PAGES.values()) + CHANGES)


# --- versions -----------------------------------------------------------------------------------


def test_python_version_is_the_packages() -> None:
    """The README asks for what the package asks for."""
    floor = PYPROJECT["requires-python"].removeprefix(">=")

    assert f"Python {floor} or newer" in section("Quick start")


def test_change_log_has_this_version_on_top() -> None:
    """Unreleased, or the version the program says it is."""
    first = re.findall(r"^## (.+)$", CHANGES, re.MULTILINE)[0]

    assert "unreleased" in first.lower() or first.startswith(__version__)
    assert __version__ in CHANGES


def locked() -> dict[str, tuple[str, int]]:
    """Return name to version and number of hashes of the lock file."""
    text = re.sub(r"\\\n\s*", " ", LOCKED)
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    found = {}
    for line in lines:
        pin, *hashes = line.split("--hash=")
        requirement = Requirement(pin.strip())
        [specifier] = requirement.specifier
        assert specifier.operator == "==", line
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}\s*", digest) for digest in hashes), pin
        found[requirement.name.lower()] = (specifier.version, len(hashes))
    return found


def test_lock_file_satisfies_every_dependency() -> None:
    """What a production installation runs is what the package asks for, each with its hashes."""
    pins = locked()

    assert all(count >= 1 for _, count in pins.values())
    for dependency in map(Requirement, PYPROJECT["dependencies"]):
        version, _ = pins[dependency.name.lower()]
        assert dependency.specifier.contains(version), dependency


def test_dependencies_keep_their_floors() -> None:
    """Neither the package nor the lock file may fall behind a mended vulnerability."""
    asked = {
        Requirement(text).name.lower(): Requirement(text) for text in PYPROJECT["dependencies"]
    }
    pins = locked()
    for name, floor in FLOORS.items():
        floors = [its.version for its in asked[name].specifier if its.operator == ">="]
        assert Version(floors[0]) >= Version(floor), name
        assert Version(pins[name][0]) >= Version(floor), name

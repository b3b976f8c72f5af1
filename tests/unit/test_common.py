"""What commands do alike: settings in layers, the console's level, a hold in words."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from fakes import FakeClock, ScriptedChance
from harness import Pipe
from msgspec import structs

from lead_automation.arguments import Arguments
from lead_automation.clock import StopFlag
from lead_automation.commands.common import (
    SettingsSource,
    console_level,
    hold_document,
    hold_text,
    log_traceback,
    wants_colour,
)
from lead_automation.files import Disk
from lead_automation.plaintext import columns
from lead_automation.reporting.logfile import LOG_NAME
from lead_automation.runtime import Runtime
from lead_automation.stored import Hold

ZONE = ZoneInfo("Asia/Kolkata")
NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
HOLD = Hold(
    reason="QUALITY: 131049 restricted",
    since=NOW,
    evidence="131049 restricted",
    what_to_do=("Stop all messaging immediately.", "Wait 3–7 days. " * 12),
    until=NOW + timedelta(hours=5),
)


def runtime(folder: Path, **environ: str) -> Runtime:
    """Return a runtime without a console in a folder."""
    clock = FakeClock(NOW)
    return Runtime(
        environ=environ,
        folder=folder,
        disk=Disk(),
        clock=clock,
        sleep=clock.sleep,
        chance=ScriptedChance(),
        stop=StopFlag(),
        stdin=None,
        stdout=Pipe(),
        stderr=Pipe(),
        pid=1,
    )


def settings_file(folder: Path, text: str) -> Path:
    """Write a private settings file."""
    path = folder / "my.env"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def test_settings_command_line_wins_over_environment_and_file(tmp_path: Path) -> None:
    """Each layer covers the one below, key by key."""
    path = settings_file(tmp_path, "STATE_DIR=file\nHISTORY_DAYS=3\nLOG_LEVEL=ERROR\n")
    arguments = Arguments(command="status", config=path, state_dir=Path("asked"))
    source = SettingsSource(arguments, runtime(tmp_path, STATE_DIR="env", HISTORY_DAYS="5"))
    local = source.load_local()

    assert local.state_dir == tmp_path / "asked"
    assert local.history_days == 5
    assert local.log_level == "ERROR"


def test_settings_counsellors_file_stands_beside_the_settings_file(tmp_path: Path) -> None:
    """A relative COUNSELLORS_FILE is looked for where config.env is, not where one stands."""
    (tmp_path / "team.json").write_text('{"Asha": {"number": "+919512270915", "daily_limit": 4}}')
    path = settings_file(tmp_path, "COUNSELLORS_FILE=team.json\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    local = SettingsSource(
        Arguments(command="status", config=path), runtime(elsewhere)
    ).load_local()

    assert [counsellor.name for counsellor in local.counsellors] == ["Asha"]


@pytest.mark.parametrize(
    ("arguments", "level"),
    [
        (Arguments(command="run"), logging.ERROR),
        (Arguments(command="run", verbose=True), logging.DEBUG),
        (Arguments(command="run", quiet=True), logging.WARNING),
        (Arguments(command="run", verbose=True, quiet=True), logging.DEBUG),
    ],
)
def test_console_level_command_line_wins(arguments: Arguments, level: int) -> None:
    """LOG_LEVEL counts where nothing was asked."""
    assert console_level(arguments, "ERROR") == level


@pytest.mark.parametrize(
    ("no_color", "environ", "wanted"),
    [
        (False, {}, True),
        (True, {}, False),
        (False, {"NO_COLOR": "1"}, False),
        (False, {"NO_COLOR": ""}, True),
    ],
)
def test_colour_is_wanted_unless_somebody_says_no(
    tmp_path: Path,
    no_color: bool,  # noqa: FBT001 - a table's column
    environ: dict[str, str],
    wanted: bool,  # noqa: FBT001 - likewise
) -> None:
    """The option, or the variable when it is not empty."""
    arguments = Arguments(command="run", no_color=no_color)

    assert wants_colour(arguments, runtime(tmp_path, **environ)) is wanted


def test_hold_text_says_since_until_why_and_what_to_do() -> None:
    """The evidence is told once where the reason holds it already."""
    lines = hold_text(HOLD, now=NOW, zone=ZONE).splitlines()

    assert lines[:3] == [
        "Sending is HELD since 2026-11-23 11:30, until 2026-11-23 16:30",
        "Reason: QUALITY: 131049 restricted",
        "  1. Stop all messaging immediately.",
    ]
    assert lines[3].startswith("  2. Wait 3–7 days.")
    assert lines[4].startswith("     Wait 3–7 days.")


def test_hold_text_of_other_evidence_and_no_end() -> None:
    """Words the reason lacks stand apart; a hold without end names the command."""
    text = hold_text(structs.replace(HOLD, evidence="spam\x1b", until=None), now=NOW, zone=ZONE)

    assert "until an operator runs `resume`" in text
    assert "Evidence: spam\\u001b" in text


def test_hold_text_after_its_end_says_it_is_over() -> None:
    """An old hold is no alarm."""
    text = hold_text(HOLD, now=NOW + timedelta(hours=5), zone=ZONE)

    assert text.startswith("Sending was held (over now) since")


@pytest.mark.parametrize("width", [80, 40])
def test_hold_text_keeps_to_its_width(width: int) -> None:
    """All but the first line, which scripts search for."""
    lines = hold_text(HOLD, now=NOW, zone=ZONE, width=width).splitlines()

    assert max(columns(line) for line in lines[1:]) <= width


def test_hold_document_has_local_times() -> None:
    """ISO 8601 with the zone's offset; no end is null."""
    document = hold_document(HOLD, zone=ZONE)

    assert document["since"] == "2026-11-23T11:30:00+05:30"
    assert document["until"] == "2026-11-23T16:30:00+05:30"
    assert hold_document(structs.replace(HOLD, until=None), zone=ZONE)["until"] is None


def test_traceback_of_a_bug_is_cleaned_in_the_log_file(tmp_path: Path) -> None:
    """The configured secret is not in it, the error is."""
    path = settings_file(tmp_path, "WATI_API_KEY=very-secret-token\n")
    where = log_traceback(
        ValueError("with very-secret-token"),
        Arguments(command="status", config=path, state_dir=tmp_path),
        runtime(tmp_path),
    )

    assert where == tmp_path / LOG_NAME
    text = where.read_text(encoding="utf-8")
    assert "ValueError: with ***" in text
    assert "very-secret-token" not in text

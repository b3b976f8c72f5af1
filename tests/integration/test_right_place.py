"""Whose state a command works on: never a stray folder's, never one of another user."""

import os
import shlex
from pathlib import Path

import pytest
from campaigns import campaign
from fakes import FakeClock
from harness import Harness, stage
from simulated.simulator import Simulator

from lead_automation.settings import file as settings_file

STRANGER = 12345  # a user id nobody has

STATE_COMMANDS = (
    ("status",),
    ("report", "--list"),
    ("suppress", "list"),
    ("suppress", "add", "+919810000002"),
    ("resume",),
    ("init",),
    ("state", "accept"),
)


def without_settings(folder: Path) -> Harness:
    """Return the command line in a folder that has no settings file."""
    clock = FakeClock()
    simulator = Simulator(clock=clock)
    return Harness(folder=folder, simulator=simulator, clock=clock, sleep=clock.sleep, settings={})


def files_of(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, by name."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("words", STATE_COMMANDS, ids=" ".join)
def test_command_with_no_settings_file_and_no_state_dir_is_refused(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    """It names the places it looked at, and leaves nothing in the folder it was typed in."""
    ended = without_settings(tmp_path).run(*words)

    assert ended.code == 2
    for place in (tmp_path.parent / "config.env", tmp_path / "config.env"):
        assert str(place) in ended.err
    assert "/etc/lead-automation/config.env" in ended.err
    assert list(tmp_path.iterdir()) == []


def test_run_with_settings_of_the_environment_needs_a_state_dir_too(tmp_path: Path) -> None:
    """A run's history in a stray folder would let the next run message everybody again."""
    harness, _, _ = stage(tmp_path)
    settings = dict(harness.settings)
    state_dir = settings.pop("STATE_DIR")
    harness.environ.update(settings)
    harness.folder = tmp_path / "elsewhere" / "folder"
    harness.folder.mkdir(parents=True)
    refused = harness.run("run")
    harness.environ["STATE_DIR"] = state_dir

    assert (refused.code, list(harness.folder.iterdir())) == (2, [])
    assert harness.run("run").code == 0


def test_state_dir_alone_is_a_place(tmp_path: Path) -> None:
    """Named by option or by variable, the state is where it was said to be."""
    harness = without_settings(tmp_path)
    assert harness.run("init", "--state-dir", "state").code == 0
    harness.environ["STATE_DIR"] = str(tmp_path / "state")
    assert harness.run("status").code == 0


def test_settings_file_of_the_system_is_the_last_that_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So `suppress add` works from any folder."""
    system = tmp_path / "etc" / "config.env"
    system.parent.mkdir()
    system.write_text(f"STATE_DIR={tmp_path / 'state'}\n", encoding="utf-8")
    system.chmod(0o600)
    monkeypatch.setattr(settings_file, "SYSTEM_FILE", system)
    here = tmp_path / "a" / "b"
    here.mkdir(parents=True)

    assert without_settings(here).run("init", "--json").document["state"] == str(tmp_path / "state")
    (here / "config.env").write_text("STATE_DIR=mine\n", encoding="utf-8")
    (here / "config.env").chmod(0o600)
    assert without_settings(here).run("init", "--json").document["state"] == str(here / "mine")


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("suppress", "add", "+919810000002"),
        ("suppress", "list"),
        ("resume",),
        ("track",),
    ],
    ids=" ".join,
)
def test_answer_names_the_state_it_acted_on(tmp_path: Path, words: tuple[str, ...]) -> None:
    """In words and in JSON."""
    with campaign(tmp_path) as the:
        place = str(the.harness.state_dir)

        assert f"State: {place}" in the.run(*words).out
        assert the.run(*words, "--json").document["state"] == place


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root may give files away")
def test_other_user_may_read_but_never_write(tmp_path: Path) -> None:
    """Root neither: a file of root's would stop every later run of the owner."""
    with campaign(tmp_path) as the:
        assert the.run().code == 0
        folder = the.harness.state_dir
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, STRANGER, STRANGER)
        before = files_of(folder)
        for words in (
            "run",
            "run --dry-run",
            "run --sandbox",
            "track",
            "resume --yes",
            "suppress add +919810000002",
            "suppress remove +919810000002",
            "init",
            "state accept --yes",
        ):
            typed = [*words.split(), "--state-dir", str(folder)]
            ended = the.run(*typed)

            assert ended.code == 5, words
            line = ended.err.splitlines()[-1].strip()
            assert line.startswith("sudo -u '#12345' "), words
            wanted = ["PHONE" if word.startswith("+91") else word for word in typed]
            assert shlex.split(line)[4:] == ["-m", "lead_automation", *wanted], words
        for words in ("status", "report", "suppress list"):
            assert the.run(*words.split()).code == 0, words

        assert files_of(folder) == before
        assert the.run("run", "--sandbox", "-q").code == 0


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root may give files away")
def test_journal_of_another_user_is_given_back_and_never_replaced(tmp_path: Path) -> None:
    """What it knows, nobody else knows."""
    with campaign(tmp_path) as the:
        journal = the.harness.state_dir / "send_journal.jsonl"
        journal.touch()
        os.chown(journal, STRANGER, STRANGER)
        ended = the.run()

        assert ended.code == 5
        assert "belongs to another user" in ended.err
        assert "chown" in ended.err
        for word in ("replace", "delete", "remove"):
            assert word not in ended.err.lower()

"""Finding and reading the settings file, and what wins over it."""

import io
from pathlib import Path

import pytest
from dotenv import dotenv_values

from lead_automation.errors import ConfigError
from lead_automation.files import Disk
from lead_automation.settings.file import (
    find_config_file,
    is_open_to_others,
    layer_settings,
    read_config_file,
)


def write_config(folder: Path, text: str | bytes, *, mode: int = 0o600) -> Path:
    """Write a settings file."""
    path = folder / "config.env"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def refusal(path: Path) -> str:
    """Return why a settings file is refused."""
    with pytest.raises(ConfigError) as caught:
        read_config_file(path, Disk())
    return str(caught.value)


def test_find_by_option_or_variable_wins_over_the_usual_places(tmp_path: Path) -> None:
    """A file asked for by name is taken even when it does not exist; an empty name is none."""
    path = write_config(tmp_path, "")
    variable = {"LEAD_AUTOMATION_CONFIG": "x.env"}

    assert find_config_file("/etc/mine.env", variable, tmp_path) == Path("/etc/mine.env")
    assert find_config_file(None, variable, tmp_path) == tmp_path / "x.env"
    assert find_config_file("", {"LEAD_AUTOMATION_CONFIG": ""}, tmp_path) == path


def test_find_with_a_tilde_expands_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crontab does not expand it itself; an unknown home stays as written."""
    monkeypatch.setenv("HOME", "/home/operator")

    assert find_config_file("~/c.env", {}, tmp_path) == Path("/home/operator/c.env")
    assert find_config_file("~no-such-user-here/c", {}, tmp_path) == (
        tmp_path / "~no-such-user-here/c"
    )


def test_find_in_the_parent_folder_comes_before_the_current(tmp_path: Path) -> None:
    """The file outside the clone wins over one inside it."""
    folder = tmp_path / "clone"
    folder.mkdir()
    inside = write_config(folder, "")

    assert find_config_file(None, {}, folder) == inside
    outside = write_config(tmp_path, "")
    assert find_config_file(None, {}, folder) == outside


def test_find_a_dangling_link_returns_it(tmp_path: Path) -> None:
    """A broken link is reported, not passed over in favour of another file."""
    (tmp_path / "config.env").symlink_to("gone.env")
    found = find_config_file(None, {}, tmp_path)

    assert found == tmp_path / "config.env"
    assert "does not exist" in refusal(found)


def test_read_keeps_values_as_written_and_agrees_with_dotenv(tmp_path: Path) -> None:
    """Comments, quotes and export are understood; nothing is interpolated."""
    text = (
        "# comment\nA=1 # one\nexport B='two words'\nC=${A}$B\r\nD=\nE = \"x\\ny\"\n"
        "\n  F = 2\nG='x#y' # z\nH=#no\nI= # empty\n'J'=\"q\\\"r\"\n"
    )
    values, warnings = read_config_file(write_config(tmp_path, "\ufeff" + text), Disk())

    assert values == dotenv_values(stream=io.StringIO(text), interpolate=False)
    assert (values["B"], values["C"], values["E"]) == ("two words", "${A}$B", "x\ny")
    assert warnings == ()


def test_read_key_twice_warns_and_takes_the_last(tmp_path: Path) -> None:
    """The warning names key and line, not the values."""
    path = write_config(tmp_path, "A=first\n\n\nA=second\n")

    values, warnings = read_config_file(path, Disk())

    assert values == {"A": "second"}
    assert warnings == (f"{path} sets A twice; line 4 counts",)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("A=1\n\nthis is no setting\n", "3"),
        ("root:$6$salt$hash:19000:0:99999:7:::\n", "1"),
        ('A=1\nB="open\n', "2"),
        ("WATI_API_KEY sk-secret-123\n=x\n", "1, 2"),
        ("x\n" * 30, "1, 2, 3, 4, 5, 6, 7, 8, 9, 10"),
    ],
)
def test_read_line_that_is_no_setting_is_refused_without_its_text(
    tmp_path: Path, text: str, lines: str
) -> None:
    """A setting lost to a missing quote must not become its default in silence."""
    message = refusal(write_config(tmp_path, text))

    assert f"at line {lines}:" in message
    assert "hash" not in message
    assert "sk-secret" not in message


def test_read_of_no_settings_file_says_what_it_is(tmp_path: Path) -> None:
    """Missing (the example is named), not UTF-8 (the byte is), or no path at all (escaped)."""
    assert "does not exist; copy config.env.example" in refusal(tmp_path / "gone.env")
    assert not is_open_to_others(tmp_path / "gone.env")
    assert "is not UTF-8 (byte 2)" in refusal(write_config(tmp_path, b"A=\xff"))
    message = refusal(tmp_path / "a\x00b")
    assert "no usable path" in message
    assert "a\\u0000b" in message


@pytest.mark.parametrize(
    ("mode", "is_open"), [(0o600, False), (0o640, False), (0o644, True), (0o602, True)]
)
def test_read_file_open_to_other_users_warns(tmp_path: Path, mode: int, *, is_open: bool) -> None:
    """Tokens are for the owner, and a group where the owner says so."""
    path = write_config(tmp_path, "A=1\n", mode=mode)

    values, warnings = read_config_file(path, Disk())

    assert values == {"A": "1"}
    assert is_open_to_others(path) is is_open
    assert ["chmod 600" in warning for warning in warnings] == [True] * is_open


def test_layers_in_order_let_the_nearer_win() -> None:
    """Command line, environment, file; an empty variable hides nothing."""
    values, sources = layer_settings(
        {"WATI_PLAN": "growth", "TIMEZONE": "UTC", "LOG_LEVEL": "INFO", "WATI_PLAM": "x"},
        {"WATI_PLAN": "pro", "LOG_LEVEL": "ERROR", "PATH": "/", "LEAD_OWNR": "1", "TIMEZONE": " "},
        {"LOG_LEVEL": "DEBUG", "STATE_DIR": "/s"},
    )

    assert {name: (value, sources[name]) for name, value in values.items()} == {
        "WATI_PLAN": ("pro", "environment"),
        "TIMEZONE": ("UTC", "config.env"),
        "LOG_LEVEL": ("DEBUG", "command line"),
        "WATI_PLAM": ("x", "config.env"),
        "LEAD_OWNR": ("1", "environment"),
        "STATE_DIR": ("/s", "command line"),
    }
    assert set(sources) == set(values)

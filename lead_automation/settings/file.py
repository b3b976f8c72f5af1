"""Find and read ``config.env``, and lay the environment and the command line over it."""

import io
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from lead_automation.errors import ConfigError, StateError
from lead_automation.files import Disk
from lead_automation.settings.declaration import Key
from lead_automation.settings.keys import KEYS
from lead_automation.settings.names import (
    FROM_COMMAND_LINE,
    FROM_ENVIRONMENT,
    FROM_FILE,
    prefixes,
)
from lead_automation.text import clean

CONFIG_VARIABLE = "LEAD_AUTOMATION_CONFIG"
FILE_NAME = "config.env"
SYSTEM_FILE = Path("/etc/lead-automation") / FILE_NAME
MAX_BYTES = 1 << 20
"""Longest settings file; a hundred settings take a tenth of it."""

_OTHERS = 0o007  # the mode's bits for everybody else; the group may be the service's own
_MOST_LINES_NAMED = 10  # of a file that is not one of settings every line would be named


def find_config_file(option: str | None, env: Mapping[str, str], folder: Path) -> Path | None:
    """Return the settings file to read, or None when there is none.

    The option wins, then ``LEAD_AUTOMATION_CONFIG``, then the usual places. A file that was asked
    for by name is returned even when it does not exist, so that reading it says so.

    Args:
        option: Value of ``--config``.
        env: The process environment.
        folder: The current folder.
    """
    asked_for = option or env.get(CONFIG_VARIABLE)
    if asked_for:
        with suppress(RuntimeError):  # no such home directory: then the name is taken as it is
            return folder / Path(asked_for).expanduser()
        return folder / asked_for
    return next((place for place in usual_places(folder) if os.path.lexists(place)), None)


def usual_places(folder: Path) -> tuple[Path, ...]:
    """Return where a settings file that nobody named is looked for, first to last.

    Args:
        folder: The current folder.
    """
    return (folder.parent / FILE_NAME, folder / FILE_NAME, SYSTEM_FILE)


def read_config_file(path: Path, disk: Disk) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the settings a file holds, and warnings. No interpolation; the last of twins counts.

    Args:
        path: A file in dotenv form, UTF-8, at most 1 MiB.
        disk: Where it is read.

    Raises:
        ConfigError: Missing, no regular file, too large, unreadable, not UTF-8, or a line that is
            no setting. The message never holds a line's text: it may be another program's secret.
    """
    data = _read(path, disk)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise _problem(path, f"is not UTF-8 (byte {exc.start})") from exc
    values, warnings = _parse(path, text)
    if is_open_to_others(path):
        warnings.append(
            f"{clean(path)} holds tokens and is open to other users of this machine: chmod 600 it"
        )
    return values, tuple(warnings)


def is_open_to_others(path: Path) -> bool:
    """Whether users other than owner and group may read or change the file; False on Windows."""
    if os.name == "nt":
        return False
    try:
        return bool(path.stat().st_mode & _OTHERS)
    except OSError:
        return False


def layer_settings(
    file_values: Mapping[str, str],
    environment: Mapping[str, str],
    overrides: Mapping[str, str],
    keys: tuple[Key, ...] = KEYS,
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the settings that count, and the source of each.

    Args:
        file_values: From ``read_config_file``.
        environment: The process environment; only names that are, or begin like, ours are taken.
            An empty variable counts as not set, so that the file's value stands.
        overrides: From the command line, by key.
        keys: The declarations.
    """
    known = {key.name for key in keys}
    beginnings = prefixes(known)
    ours = {
        name: value
        for name, value in environment.items()
        if value.strip(" \t") and (name in known or name.upper().startswith(beginnings))
    }
    sources = {
        **dict.fromkeys(file_values, FROM_FILE),
        **dict.fromkeys(ours, FROM_ENVIRONMENT),
        **dict.fromkeys(overrides, FROM_COMMAND_LINE),
    }
    return {**file_values, **ours, **overrides}, sources


def _read(path: Path, disk: Disk) -> bytes:
    try:
        data = disk.read(path, MAX_BYTES, private=False)
    except StateError as exc:
        raise ConfigError((f"Settings file {clean(exc)}",)) from exc
    except (OSError, ValueError) as exc:  # ValueError: a NUL in the path
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else "no usable path"
        raise _problem(path, f"cannot be read: {reason}") from exc
    if data is None:
        raise _problem(path, "does not exist; copy config.env.example and fill it in")
    return data


def _parse(path: Path, text: str) -> tuple[dict[str, str], list[str]]:
    # The parser behind dotenv_values, which drops the line numbers a useful message needs.
    from dotenv.parser import parse_stream  # noqa: PLC0415 (46 ms that --help need not pay)

    values: dict[str, str] = {}
    warnings: list[str] = []
    bad_lines: list[int] = []
    for binding in parse_stream(io.StringIO(text)):
        stripped = binding.original.string.lstrip()
        line = binding.original.line + binding.original.string.count(
            "\n", 0, len(binding.original.string) - len(stripped)
        )
        if binding.error or (binding.key is not None and binding.value is None):
            bad_lines.append(line)
        elif binding.key is not None:
            if binding.key in values:
                name = clean(binding.key, 64)
                warnings.append(f"{clean(path)} sets {name} twice; line {line} counts")
            values[binding.key] = binding.value or ""
    if bad_lines:
        numbers = ", ".join(str(number) for number in bad_lines[:_MOST_LINES_NAMED])
        problem = f"cannot be read at line {numbers}: each setting is NAME=value, quotes in pairs"
        raise _problem(path, problem)
    return values, warnings


def _problem(path: Path, text: str) -> ConfigError:
    return ConfigError((f"Settings file {clean(path)} {text}",))

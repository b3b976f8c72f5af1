"""Render what is written about the settings: ``config.env.example`` and ``docs/settings.md``."""

import textwrap
from collections.abc import Iterable
from itertools import groupby

from lead_automation.settings.declaration import Key

_WIDTH = 100

_EXAMPLE_HEAD = """\
# Settings of lead_automation. Copy this file to config.env and fill in what is marked required:
#
#   cp config.env.example config.env && chmod 600 config.env
#
# It is looked for at --config FILE, else LEAD_AUTOMATION_CONFIG, else ../config.env, else
# ./config.env, else /etc/lead-automation/config.env. A variable of the same name in the environment
# wins over the file; an empty value means the default. One setting a line, NAME=value, no blanks
# around the value; # begins a comment.
# The values below are examples; a line that begins with # shows the default.
"""

_PAGE_HEAD = """\
# Settings

`config.env` is looked for at `--config FILE`, else `LEAD_AUTOMATION_CONFIG`, else `../config.env`,
else `./config.env`, else `/etc/lead-automation/config.env`. A variable of the process environment
wins over the file, the command line over both; an empty value counts as not set. `check -v` shows
each value and where it came from.

All problems are reported together (exit code 2), each with the key and what is expected, never with
a secret's value. `https` is required for every address except a literal loopback address. Keys that
look like ours but are none are warned about with the nearest known name.

`config.env.example` holds the same keys, ready to be copied.
"""

_TABLE_HEAD = "| key | default | meaning |\n| --- | --- | --- |"


def render_example(keys: Iterable[Key]) -> str:
    """Return ``config.env.example``: each key under its heading, with meaning and default."""
    parts = [_EXAMPLE_HEAD]
    for title, group in groupby(keys, key=lambda key: key.section):
        parts.append(f"# ---- {title} ----\n")
        parts += [_example_of(key) for key in group]
    return "\n".join(parts)


def render_page(keys: Iterable[Key]) -> str:
    """Return ``docs/settings.md``: a table under each heading."""
    parts = [_PAGE_HEAD]
    for title, group in groupby(keys, key=lambda key: key.section):
        rows = [f"| `{key.name}` | {key.shown_default} | {key.meaning} |" for key in group]
        parts.append("\n".join([f"## {title}\n", _TABLE_HEAD, *rows, ""]))
    return "\n".join(parts)


def _example_of(key: Key) -> str:
    # No full stop behind a value: it would be taken for a part of it.
    default = f"Default: {key.shown_default}{'' if key.default else '.'}"
    note = "Required." if key.required else default
    comment = textwrap.wrap(
        f"{key.meaning} {note}",
        _WIDTH,
        initial_indent="# ",
        subsequent_indent="# ",
        break_on_hyphens=False,
    )
    shown = f"# {key.name}={key.default or ''}"
    return "\n".join([*comment, shown if key.example is None else f"{key.name}={key.example}", ""])

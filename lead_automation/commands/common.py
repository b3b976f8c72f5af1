"""What several commands do alike: find settings, name the state directory, show a result."""

import logging
import shlex
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from lead_automation.arguments import Arguments
from lead_automation.config import LocalSettings, Settings
from lead_automation.errors import ConfigError, LeadAutomationError, StateError
from lead_automation.plaintext import wrap
from lead_automation.runtime import Runtime
from lead_automation.settings.declaration import Key
from lead_automation.settings.file import (
    find_config_file,
    layer_settings,
    read_config_file,
    usual_places,
)
from lead_automation.settings.keys import KEYS
from lead_automation.settings.load import load_local_settings, load_settings, secret_values
from lead_automation.settings.reading import secret_texts
from lead_automation.state.open import open_state
from lead_automation.state.state import State
from lead_automation.stored import Hold
from lead_automation.times import iso_time, shown_time

if TYPE_CHECKING:
    from lead_automation.reporting.logger import OptimizedLogger

_MAX_COUNSELLORS_BYTES = 1 << 20  # more than ten thousand counsellors
WIDTH = 80
"""Columns of a text nobody said the width of."""

_log = logging.getLogger(__name__)

T = TypeVar("T")


class SettingsSource:
    """The layered settings of one command: command line over environment over ``config.env``."""

    def __init__(
        self, arguments: Arguments, runtime: Runtime, keys: tuple[Key, ...] = KEYS
    ) -> None:
        """Find and read the settings file.

        Raises:
            ConfigError: The file that was named does not exist, or cannot be used.
        """
        option = str(arguments.config) if arguments.config is not None else None
        self.path = find_config_file(option, runtime.environ, runtime.folder)
        values: Mapping[str, str] = {}
        self.warnings: tuple[str, ...] = ()
        if self.path is not None:
            values, self.warnings = read_config_file(self.path, runtime.disk)
        self.values, self.sources = layer_settings(
            values, runtime.environ, _overrides(arguments), keys
        )
        self._keys = keys
        self._folder = self.path.parent if self.path is not None else runtime.folder
        self._runtime = runtime
        self._needs_crm = arguments.leads is None and arguments.command in ("run", "check")

    def load(self) -> Settings:
        """Return all settings, the state directory made absolute; raises ConfigError."""
        try:
            settings = self._load(partial(load_settings, needs_crm=self._needs_crm))
        except ConfigError as error:
            if self.path is not None:
                raise
            raise ConfigError(error.problems, hint=self._no_file()) from error
        self._check_place()
        return replace(settings, local=self._finished(settings.local))

    def load_local(self) -> LocalSettings:
        """Return what a command needs that makes no call; raises ConfigError."""
        self._check_place()
        return self._finished(self._load(load_local_settings))

    def _check_place(self) -> None:
        """Refuse to take whatever folder this is for the state: it would protect nobody."""
        if self.path is None and not {"STATE_DIR", "STATE_URL"} & self.values.keys():
            problem = "Where the state is kept is not known: no settings file and no --state-dir"
            raise ConfigError((problem,), hint=self._no_file())

    def _no_file(self) -> str:
        places = ", ".join(map(str, usual_places(self._runtime.folder)))
        return (
            f"No config.env was found at {places}: copy config.env.example there and fill it in, "
            "or name a file with --config."
        )

    def _load(self, load: Callable[..., T]) -> T:
        return load(
            self.values,
            read_file=self._read,
            folder=self._folder,
            sources_of=self.sources,
            keys=self._keys,
        )

    def _finished(self, local: LocalSettings) -> LocalSettings:
        return replace(
            local,
            # Made absolute once, here: no later chdir or message may mean another folder.
            state_dir=self._runtime.folder / local.state_dir,
            warnings=self.warnings + local.warnings,
        )

    def _read(self, path: Path) -> bytes | None:
        return self._runtime.disk.read(path, _MAX_COUNSELLORS_BYTES, private=False)


def log_traceback(error: Exception, arguments: Arguments, runtime: Runtime) -> Path | None:
    """Write a bug's traceback to the log file; return the file, None where there can be none."""
    from lead_automation.reporting.logfile import LOG_NAME  # noqa: PLC0415 - for a bug only
    from lead_automation.reporting.logger import OptimizedLogger  # noqa: PLC0415 - for a bug only

    try:
        source = SettingsSource(arguments, runtime)
        local = source.load_local()
        if runtime.disk.other_owner(local.state_dir) is not None:
            return None
        with OptimizedLogger(
            stream=None,
            level=logging.CRITICAL,
            clock=runtime.clock,
            zone=local.hours.zone,
            secrets=secret_texts(source.values, KEYS),
        ) as log:
            path = local.state_dir / LOG_NAME
            log.open_file(path, disk=runtime.disk)
            _log.error("A bug ended the command", exc_info=error)
            return None if log.warnings[1:] else path
    except LeadAutomationError:
        return None


def open_log(settings: Settings, arguments: Arguments, runtime: Runtime) -> "OptimizedLogger":
    """Return the log of a command that sends or reads, on the console as asked for."""
    from lead_automation.reporting.logger import OptimizedLogger  # noqa: PLC0415 - few need it

    return OptimizedLogger(
        stream=runtime.stderr,
        level=console_level(arguments, settings.local.log_level),
        clock=runtime.clock,
        zone=settings.local.hours.zone,
        secrets=secret_values(settings),
        colour=wants_colour(arguments, runtime),
    )


def console_level(arguments: Arguments, configured: str) -> int:
    """Return the console's level: the command line wins over LOG_LEVEL."""
    if arguments.verbose:
        return logging.DEBUG
    if arguments.quiet:
        return logging.WARNING
    return logging.getLevelNamesMapping()[configured]


def wants_colour(arguments: Arguments, runtime: Runtime) -> bool:
    """Whether the console may be coloured (https://no-color.org)."""
    return not arguments.no_color and not runtime.environ.get("NO_COLOR")


def show(
    arguments: Arguments,
    runtime: Runtime,
    document: Mapping[str, object],
    text: str,
    *,
    state: State | None = None,
) -> None:
    """Write a result to stdout: one JSON object, or text.

    Args:
        arguments: Say which.
        runtime: Has the stream.
        document: The object.
        text: The text.
        state: What the result is about, to be named: it may not be the one that was meant.
    """
    if arguments.json:
        runtime.out_json({**document, "state": state.place} if state is not None else document)
    else:
        runtime.out(f"{text}\nState: {state.place}" if state is not None else text)


def state_to_write(
    local: LocalSettings, arguments: Arguments, runtime: Runtime, *, is_sandbox: bool = False
) -> State:
    """Return the state for a command that writes there; nothing is touched yet.

    Args:
        local: Names it.
        arguments: The command that is going to write.
        runtime: What is outside.
        is_sandbox: The command is a rehearsal.

    Raises:
        StateError: It is another user's, whose later runs a file of ours would stop; or real
            messages and rehearsals would meet in one place.
    """
    state = open_state(local, runtime)
    check_owner(state.folder, arguments, runtime)
    if state.is_sandbox() != is_sandbox:
        msg = f"{state.place} is {'no' if is_sandbox else 'a'} sandbox's: nothing was changed"
        hint = "Check STATE_DIR and --state-dir: real messages need a state of their own."
        raise StateError(msg, path=state.folder, hint=hint)
    return state


def check_owner(folder: Path, arguments: Arguments, runtime: Runtime) -> None:
    """Raise StateError where a folder is another user's: a file of ours would stop its next run."""
    owner = runtime.disk.other_owner(folder)
    if owner is not None:
        msg = f"{folder} belongs to another user: nothing was changed"
        command = f"sudo -u {shlex.quote(owner)} {_typed_again(arguments)}"
        raise StateError(msg, path=folder, hint="Run this as that user:", command=command)


def _typed_again(arguments: Arguments) -> str:
    """Return the command line as it was typed, to be pasted; a number is not repeated."""
    words = ["PHONE" if word in arguments.phones else shlex.quote(word) for word in arguments.typed]
    return " ".join([shlex.quote(sys.executable), "-m", "lead_automation", *words])


def agrees(runtime: Runtime, question: str, purpose: str) -> bool:
    """Ask on the terminal; whether the answer is yes.

    Args:
        runtime: What is outside.
        question: ``Lift the hold?``.
        purpose: What ``--yes`` is needed for where nobody reads the question: ``to lift …``.

    Raises:
        ConfigError: Nobody can be asked.
    """
    if runtime.stdin is None or not runtime.is_terminal(runtime.stdin):
        problem = f"Nobody can be asked here: repeat with --yes {purpose}"
        raise ConfigError((problem,))
    runtime.err(f"{question} Type yes: ")
    return runtime.stdin.readline().strip().lower() in ("y", "yes")


def _overrides(arguments: Arguments) -> dict[str, str]:
    overrides = {}
    if arguments.state_dir is not None:
        overrides["STATE_DIR"] = str(arguments.state_dir)
    if arguments.test:
        overrides["USE_TEST_NUMBER"] = "true"
    return overrides


def hold_text(hold: Hold, *, now: datetime, zone: tzinfo, width: int = WIDTH) -> str:
    """Return why sending is held, or was, and what to do; the first line is never broken."""
    until = shown_time(hold.until, zone) if hold.until else "an operator runs `resume`"
    heading = "Sending is HELD" if hold.is_active(now) else "Sending was held (over now)"
    lines = [
        f"{heading} since {shown_time(hold.since, zone)}, until {until}",
        *wrap(hold.reason, width, head="Reason: "),
    ]
    if hold.evidence not in hold.reason:
        lines += wrap(hold.evidence, width, head="Evidence: ")
    for number, step in enumerate(hold.what_to_do, 1):
        lines += wrap(step, width, head=f"  {number}. ")
    return "\n".join(lines)


def hold_document(hold: Hold, *, zone: tzinfo) -> dict[str, object]:
    """Return a hold for ``--json``."""
    return {
        "reason": hold.reason,
        "since": iso_time(hold.since, zone),
        "until": iso_time(hold.until, zone) if hold.until else None,
        "evidence": hold.evidence,
        "what_to_do": list(hold.what_to_do),
    }

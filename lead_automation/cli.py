"""The program's entry: parse, gather the runtime, run one command, turn errors into exit codes."""

import importlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from lead_automation.arguments import Arguments, parse_arguments
from lead_automation.clock import Clock, StopFlag, make_sleep, system_chance
from lead_automation.deadline import run_beside
from lead_automation.errors import ConfigError, ExitCode, LeadAutomationError
from lead_automation.files import Disk
from lead_automation.runtime import Runtime

Command = Callable[[Arguments, Runtime], int]

_LAST_WORD_S = 1.0  # who asks twice wants the end, not the last word
_ENDS_IN_ORDER = ("run", "track", "sandbox")
"""Commands that look at the stop flag; the others end wherever a signal meets them."""


def main(argv: Sequence[str] | None = None, *, runtime: Runtime | None = None) -> int:
    """Run one command and return its exit code (docs/operations.md, "Exit codes").

    Args:
        argv: Without the program's name; None for the process's own.
        runtime: What is outside; None for the real one, with signal handlers and umask set.
    """
    given = sys.argv[1:] if argv is None else argv
    try:
        arguments = parse_arguments(given)
    except (SystemExit, OSError):  # help or version, which a closed pipe may have cut short
        (runtime or _real_runtime()).flush()
        return ExitCode.OK
    except ConfigError as error:
        # Nothing was parsed, so only the raw arguments can tell whether JSON is wanted.
        _report(error, runtime or _real_runtime(), as_json="--json" in given)
        return error.exit_code
    if runtime is None:
        # Before the first file is created: state and reports hold numbers and names.
        os.umask(0o077)
        runtime = _real_runtime()
        # Before the command starts, so that even an early signal ends it in order.
        if arguments.command in _ENDS_IN_ORDER:
            _listen_for_signals(runtime.stop)
    # The option of a run and the command share a name, and little else.
    name = "serve" if arguments.command == "sandbox" else arguments.command
    name = "sandbox" if arguments.sandbox is not None else name
    try:
        code = _command(name)(arguments, runtime)
    except LeadAutomationError as error:
        _report(error, runtime, as_json=arguments.json)
        code = error.exit_code
    except KeyboardInterrupt:  # in a command that changes nothing: the others take the signal
        _report_interrupt(arguments, runtime)
        code = ExitCode.SIGINT
    except Exception as error:  # noqa: BLE001 - one bug must not end in a traceback on the console
        _report_bug(error, arguments, runtime)
        code = ExitCode.BUG
    runtime.flush()
    return code


def _command(name: str) -> Command:
    """Import only what this command needs: `--help` must not wait for an HTTP library."""
    command: Command = importlib.import_module(f"lead_automation.commands.{name}").execute
    return command


def _report(error: LeadAutomationError, runtime: Runtime, *, as_json: bool) -> None:
    """Report an error; with --json also as an object on stdout."""
    reason = runtime.report_error(error)
    if as_json:
        runtime.out_json({"status": "failed", "reason": reason, "exit_code": error.exit_code})


def _report_interrupt(arguments: Arguments, runtime: Runtime) -> None:
    if arguments.json:
        reason = "interrupted by SIGINT"
        runtime.out_json({"status": "interrupted", "reason": reason, "exit_code": ExitCode.SIGINT})


def _report_bug(error: Exception, arguments: Arguments, runtime: Runtime) -> None:
    """Name the bug on the console, and put the traceback, cleaned, into the log file."""
    from lead_automation.commands.common import log_traceback  # noqa: PLC0415 - see _command

    text = f"This is a bug in the program: {type(error).__name__}."
    try:
        where = log_traceback(error, arguments, runtime)
    except Exception:  # noqa: BLE001 - the bug may lie in what reads the settings or writes the log
        where = None
    hint = f"The traceback is in {where}." if where else "No log file could be written."
    _report(LeadAutomationError(text, hint=hint), runtime, as_json=arguments.json)


def _real_runtime() -> Runtime:
    stop = StopFlag()
    return Runtime(
        environ=os.environ,
        folder=_current_folder(),
        disk=Disk(),
        clock=Clock(),
        sleep=make_sleep(stop),
        chance=system_chance,
        stop=stop,
        stdin=sys.stdin,
        stdout=sys.stdout,
        stderr=sys.stderr,
        pid=os.getpid(),
    )


def _current_folder() -> Path:
    """Return the current folder, relative where it was removed: then no file is found in it."""
    try:
        return Path.cwd()
    except OSError:
        return Path()


def _say_left_open(stop: StopFlag) -> None:
    """Say what a second signal leaves open, if that can be told within a second."""
    text = None
    if stop.left_open is not None:
        # Beside this thread, which the signal may have met in the middle of a change of the books.
        (text,) = run_beside([_quietly(stop.left_open)], within_s=_LAST_WORD_S)
    # A progress line may have hidden the cursor.
    _say_at_once(text or "quitting now", before="\x1b[?25h")


def _quietly(tell: Callable[[], str]) -> Callable[[], str]:
    def tell_if_possible() -> str:
        try:
            return tell()
        except Exception:  # noqa: BLE001 - books that are changed meanwhile; the end must not wait
            return ""

    return tell_if_possible


def _say_at_once(text: str, before: str = "") -> None:
    """Write a line to stderr from a signal handler, over a progress line if there is one."""
    with suppress(OSError, ValueError):
        is_seen = sys.stderr is not None and sys.stderr.isatty()
        begin = f"\r\x1b[2K{before}" if is_seen else ""
        # os.write, because the signal may have interrupted a write to the stream, which is not
        # reentrant.
        os.write(2, f"{begin}{text}\n".encode())


def _listen_for_signals(stop: StopFlag) -> None:
    """Let the first signal end the run in order and the second one at once."""

    def handle(number: int, _frame: FrameType | None) -> None:
        if stop.is_set:
            _say_left_open(stop)
            # Not sys.exit: its exception could be raised in the middle of a journal write, and be
            # caught there. The journal stays; the next run folds it.
            os._exit(128 + number)
        stop.request(number)
        if number == signal.SIGINT:  # typed by somebody, who is to see that it was heard
            _say_at_once("stopping after this message; once more to quit now")

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)

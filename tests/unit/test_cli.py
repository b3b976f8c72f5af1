"""The entry: errors become exit codes, signals an orderly end."""

import json
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from fakes import FakeClock, ScriptedChance
from harness import Pipe

from lead_automation import cli
from lead_automation.arguments import Arguments
from lead_automation.clock import StopFlag
from lead_automation.commands import common
from lead_automation.errors import ConfigError, LeadAutomationError, StateError, UnreachableError
from lead_automation.files import Disk
from lead_automation.runtime import Runtime


def _runtime(folder: Path) -> Runtime:
    clock = FakeClock()
    return Runtime(
        environ={},
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


def _texts(runtime: Runtime) -> tuple[str, str]:
    assert isinstance(runtime.stdout, Pipe)
    assert isinstance(runtime.stderr, Pipe)
    return runtime.stdout.getvalue(), runtime.stderr.getvalue()


def _fails(error: BaseException) -> Any:
    def execute(_arguments: Arguments, _runtime: Runtime) -> int:
        raise error

    return lambda _name: execute


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError(("A: wrong", "B: wrong"), hint="Mend it."), 2),
        (StateError("x is damaged", hint="Mend it."), 5),
        (UnreachableError("away", service="WATI", hint="Mend it."), 4),
        (LeadAutomationError("odd", hint="Mend it."), 1),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_main_turns_an_error_into_its_exit_code(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: LeadAutomationError,
    code: int,
    flags: tuple[str, ...],
) -> None:
    """Message and hint go to stderr, a line each; with --json an object goes to stdout too."""
    monkeypatch.setattr(cli, "_command", _fails(error))
    runtime = _runtime(tmp_path)
    ended = cli.main(("status", *flags), runtime=runtime)
    out, err = _texts(runtime)

    assert ended == code
    assert err.splitlines() == [*str(error).splitlines(), "Mend it."]
    if flags:
        assert json.loads(out) == {
            "status": "failed",
            "reason": ". ".join(err.splitlines()),
            "exit_code": code,
        }
    else:
        assert out == ""


def test_main_cleans_and_masks_what_an_error_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No control character and no whole number from outside reaches the console."""
    error = StateError("bad \x1b[2J entry of +919812345678", hint="a\u202eb\rc")
    monkeypatch.setattr(cli, "_command", _fails(error))
    runtime = _runtime(tmp_path)
    cli.main(("status", "--json"), runtime=runtime)
    out, err = _texts(runtime)

    for text in (out, err):
        assert "9812345678" not in text
        assert not any(char in text for char in "\x1b\u202e\r")
    assert "+9198••••5678" in err


def test_main_puts_a_bug_into_the_log_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug ends with 1; the console names it and the file, which has the traceback."""
    monkeypatch.setattr(cli, "_command", _fails(KeyError("surprise")))
    runtime = _runtime(tmp_path)
    ended = cli.main(("status", "--state-dir", str(tmp_path)), runtime=runtime)
    out, err = _texts(runtime)
    log = (tmp_path / "wati_automation.log").read_text(encoding="utf-8")

    assert (ended, out) == (1, "")
    assert "This is a bug in the program: KeyError." in err
    assert str(tmp_path / "wati_automation.log") in err
    assert "Traceback" not in err
    assert "surprise" in log
    assert "in execute" in log


@pytest.mark.parametrize("options", [("--state-dir", "file/below"), ("--config", "nope.env")])
def test_main_with_a_bug_and_no_log_file_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    """Where even the log cannot be written, the bug is still named and the code is 1."""
    monkeypatch.setattr(cli, "_command", _fails(KeyError("surprise")))
    (tmp_path / "file").write_text("", encoding="utf-8")
    runtime = _runtime(tmp_path)
    ended = cli.main(("status", *options), runtime=runtime)
    _, err = _texts(runtime)

    assert ended == 1
    assert "KeyError" in err
    assert "No log file could be written." in err


def test_main_with_a_bug_in_the_log_too_still_names_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second bug while the first is written down does not hide it."""

    def broken(*_: object) -> Path:
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "_command", _fails(KeyError("surprise")))
    monkeypatch.setattr(common, "log_traceback", broken)
    runtime = _runtime(tmp_path)

    assert cli.main(("status",), runtime=runtime) == 1
    assert "KeyError" in _texts(runtime)[1]


def test_main_ended_by_the_keyboard_outside_a_run_is_130(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A KeyboardInterrupt that no handler took ends with 130 and no traceback."""
    monkeypatch.setattr(cli, "_command", _fails(KeyboardInterrupt()))
    runtime = _runtime(tmp_path)

    assert cli.main(("status",), runtime=runtime) == 130
    assert _texts(runtime) == ("", "")


def test_main_without_a_runtime_takes_the_real_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The real runtime has this process's folder, arguments and a private umask."""
    handlers: dict[int, Any] = {}
    masks: list[int] = []
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)
    monkeypatch.setattr(os, "umask", masks.append)
    monkeypatch.setattr(sys, "argv", ["lead-automation", "init", "--state-dir", "state"])
    monkeypatch.chdir(tmp_path)
    code = cli.main()

    assert code == 0
    assert str(tmp_path / "state") in capsys.readouterr().out
    assert handlers == {}
    assert masks == [0o077]


@pytest.mark.parametrize(("command", "listens"), [("run", True), ("report", False)])
def test_main_listens_for_signals_where_an_orderly_end_is_made(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    listens: bool,  # noqa: FBT001
) -> None:
    """A run has both signals in hand; a command that only shows something ends by them."""
    handlers: dict[int, Any] = {}
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)
    monkeypatch.setattr(os, "umask", [].append)
    monkeypatch.setattr(cli, "_command", lambda _: lambda *_: 0)
    monkeypatch.chdir(tmp_path)
    code = cli.main([command])

    assert code == 0
    assert set(handlers) == ({signal.SIGINT, signal.SIGTERM} if listens else set())


def test_main_with_a_usage_error_touches_neither_signals_nor_umask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong command line is told on stderr and changes nothing of the process."""
    touched: list[object] = []
    monkeypatch.setattr(signal, "signal", lambda *_: touched.append("signal"))
    monkeypatch.setattr(os, "umask", touched.append)
    monkeypatch.chdir(tmp_path)
    code = cli.main(["nope"])

    assert (code, touched) == (2, [])
    assert "no command is called 'nope'" in capsys.readouterr().err


def test_signal_first_asks_for_the_end_and_second_ends_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first signal is only noted; the second leaves the process with 128 and its number."""
    handlers: dict[int, Any] = {}
    ended: list[int] = []
    written: list[bytes] = []
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)
    monkeypatch.setattr(os, "_exit", ended.append)
    monkeypatch.setattr(os, "write", lambda _, data: written.append(data))
    stop = StopFlag()
    cli._listen_for_signals(stop)  # noqa: SLF001 - a real signal would end the tests
    frame: FrameType | None = None
    handlers[signal.SIGTERM](signal.SIGTERM, frame)
    noted, ended_after_one = stop.signal_number, list(ended)
    handlers[signal.SIGINT](signal.SIGINT, frame)

    assert (noted, ended_after_one) == (signal.SIGTERM, [])
    assert ended == [130]
    assert written[0] == b"quitting now\n"

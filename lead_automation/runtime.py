"""Everything a command takes from outside the program, so that a test can hand it another one."""

import contextlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from lead_automation.clock import Chance, Clock, Sleep, StopFlag
from lead_automation.errors import ConfigError, LeadAutomationError
from lead_automation.files import Disk
from lead_automation.plaintext import fit_encoding, wrap
from lead_automation.text import clean_lines, json_text, safe_text

if TYPE_CHECKING:  # every command makes a runtime, few need an HTTP library
    from lead_automation.http import Http

_MAX_LINE = 600  # room for a path and two sentences; only words from outside are longer
_WIDTH = 80  # prose in longer lines is hard to read, however wide the window
_MIN_WIDTH = 20  # in less, nearly every word would be broken

MakeHttp = Callable[[bool], "Http"]
"""Make the HTTP border; the argument says whether it may POST."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What is outside.

    Attributes:
        environ: Environment variables.
        folder: Current folder.
        stdin, stdout, stderr: None where there is none (a service on Windows).
        pid: Of this process.
        make_http: Replaces the real border (simulated months); None for the real one.
    """

    environ: Mapping[str, str]
    folder: Path
    disk: Disk
    clock: Clock
    sleep: Sleep
    chance: Chance
    stop: StopFlag
    stdin: TextIO | None
    stdout: TextIO | None
    stderr: TextIO | None
    pid: int
    make_http: MakeHttp | None = None

    def is_terminal(self, stream: TextIO | None) -> bool:
        """Whether somebody looks at this stream."""
        try:
            return stream is not None and stream.isatty()
        except ValueError:  # closed
            return False

    def width(self, stream: TextIO | None) -> int | None:
        """Return the columns to keep to, at most 80; None where no terminal cuts lines."""
        if stream is None or not self.is_terminal(stream):
            return None
        try:
            columns = os.get_terminal_size(stream.fileno()).columns
        except (OSError, ValueError):
            return _WIDTH
        # A terminal whose size was never set (a container, a remote command) reports 0.
        return max(_MIN_WIDTH, min(_WIDTH, columns or _WIDTH))

    def out(self, text: str) -> None:
        """Write a result to stdout; a closed or full one loses the text, never the run.

        Whatever it was made of, no control character but the line's end gets there.
        """
        _write(self.stdout, clean_lines(text))

    def out_json(self, document: Mapping[str, object]) -> None:
        r"""Write one JSON object to stdout; what its encoding lacks goes out as ``\uXXXX``."""
        encoding = getattr(self.stdout, "encoding", None) or "utf-8"
        _write(self.stdout, json_text(document, encoding=encoding))

    def out_file(self, content: bytes) -> None:
        """Write a file's content to stdout: byte for byte, but as text for who looks at it.

        The byte-order mark is left out: spreadsheets need it, and they open files.
        """
        content = content.removeprefix(b"\xef\xbb\xbf")
        buffer = getattr(self.stdout, "buffer", None)
        if self.stdout is None or buffer is None or self.is_terminal(self.stdout):
            _write(self.stdout, content.decode("utf-8"))
            return
        try:
            # Text written before may still be held back, and belongs before these bytes.
            self.stdout.flush()
            buffer.write(content)
            buffer.flush()
        except (OSError, ValueError):
            _forget(self.stdout)

    def err(self, text: str) -> None:
        """Write a message to stderr, under the same promise."""
        _write(self.stderr, clean_lines(text))

    def flush(self) -> None:
        """Flush both streams at the end; a broken one would make Python exit with 120."""
        for stream in (self.stdout, self.stderr):
            if stream is None:
                continue
            try:
                stream.flush()
            except (OSError, ValueError):
                _forget(stream)

    def report_error(self, error: LeadAutomationError) -> str:
        """Say on stderr what is wrong and what to do; return the same on one line."""
        # One line a problem: a line's end in words from outside begins no line of its own.
        texts = error.problems if isinstance(error, ConfigError) else (str(error),)
        shown = [safe_text(text, _MAX_LINE) for text in (*texts, error.hint) if text]
        width = self.width(self.stderr)
        lines = [part for line in shown for part in _fitted(line, width)]
        if error.command:
            # Never broken: a terminal that wraps it lets it be copied whole all the same.
            shown.append(safe_text(error.command, _MAX_LINE))
            lines.append(f"  {shown[-1]}")
        self.err("\n".join(lines))
        return " ".join([*map(_closed, shown[:-1]), *shown[-1:]])


def _fitted(line: str, width: int | None) -> list[str]:
    return [line] if width is None else wrap(line, width)


def _closed(sentence: str) -> str:
    """Return a line with a full stop, where another one follows it."""
    return sentence if sentence.endswith((".", "!", "?", ":", ";")) else f"{sentence}."


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:
        return
    shown = fit_encoding(text, getattr(stream, "encoding", None) or "utf-8")
    try:
        stream.write(shown if shown.endswith("\n") else f"{shown}\n")
        # At once, so that a closed pipe shows here, where it is handled, and not at exit.
        stream.flush()
    except (OSError, ValueError):
        _forget(stream)


def _forget(stream: TextIO) -> None:
    """Point a broken stream nowhere, or Python fails once more when it flushes at the end."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)

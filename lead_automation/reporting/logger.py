"""The log of a run: what the console shows and what the file keeps."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import tzinfo
from functools import partial
from pathlib import Path
from typing import TextIO

from lead_automation.clock import Clock
from lead_automation.files import Disk
from lead_automation.plaintext import fit_encoding
from lead_automation.reporting.logfile import DailyFile
from lead_automation.reporting.logformat import LineFormatter, Redactor
from lead_automation.text import safe_text

_PROJECT = "lead_automation"
# Each is kept with the run; thousands of the same kind would bury its report.
_MAX_WARNINGS = 200

_RESET = "\x1b[0m"
_COLOURS = (
    (logging.ERROR, "\x1b[31m"),
    (logging.WARNING, "\x1b[33m"),
    (logging.INFO, ""),
    (logging.NOTSET, "\x1b[2m"),
)

_log = logging.getLogger(_PROJECT)


class OptimizedLogger(AbstractContextManager["OptimizedLogger"]):
    """Set up the program's logging.

    Made once, by the command line. Console lines go to a stream (stderr), file lines at DEBUG to
    the daily log; neither a closed console nor a full disk ever raises out of a log call.
    """

    def __init__(
        self,
        *,
        stream: TextIO | None,
        level: int,
        clock: Clock,
        zone: tzinfo,
        secrets: Iterable[str] = (),
        colour: bool = False,
    ) -> None:
        """Start logging to the console.

        Args:
            stream: The console; None where there is none.
            level: The console's: ``logging.DEBUG``, ``INFO`` or ``WARNING``.
            clock: Read for the time of each line.
            zone: Zone of the times.
            secrets: Values that may appear in no line.
            colour: Colour lines by level; only done on a terminal.
        """
        self._clock = clock
        self._zone = zone
        make_lines = partial(LineFormatter, clock=clock, zone=zone, redact=Redactor(secrets))
        lines, self._file_lines = make_lines(), make_lines(tracebacks=True)
        self._collector = _WarningCollector(lines)
        self._console = _ConsoleHandler(stream, level, colour=colour)
        self._console.setFormatter(lines)
        self._file: DailyFile | None = None
        root = logging.getLogger()
        self._levels = {name: logging.getLogger(name).level for name in ("", _PROJECT, "urllib3")}
        root.setLevel(logging.WARNING)
        _log.setLevel(logging.DEBUG)
        # At DEBUG it logs every URL with its query, which holds numbers.
        logging.getLogger("urllib3").setLevel(logging.WARNING)
        root.addHandler(self._console)
        root.addHandler(self._collector)

    def __exit__(self, *error: object) -> None:
        """Take the handlers away and restore the levels; doing it twice does nothing more."""
        root = logging.getLogger()
        for handler in (self._console, self._collector, self._file):
            if handler is not None:
                root.removeHandler(handler)
                handler.close()
        for name, level in self._levels.items():
            logging.getLogger(name).setLevel(level)

    def open_file(self, path: Path, *, disk: Disk) -> None:
        """Log to a daily file as well; a file that cannot be opened is a warning.

        Raises:
            StateError: The path is a symlink, no regular file, or another user's: planted.
        """
        try:
            self._file = DailyFile(path, disk=disk, clock=self._clock, zone=self._zone)
        except OSError as exc:
            _log.warning("No log file: %s", exc)
            return
        self._file.setFormatter(self._file_lines)
        logging.getLogger().addHandler(self._file)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Everything logged at WARNING or above so far, safe to show, at most 200 and a count."""
        problem = self._file.problem if self._file is not None else ""
        lost = (f"The log file could not be written on: {safe_text(problem)}",) if problem else ()
        return self._collector.texts() + lost

    @contextmanager
    def above(self, write_line: Callable[[str], bool]) -> Iterator[None]:
        """Offer console lines to write_line first, while a progress display owns the terminal."""
        self._console.write_line = write_line
        try:
            yield
        finally:
            self._console.write_line = None


class _ConsoleHandler(logging.Handler):
    """Write the project's own lines to the console until it is gone.

    Other packages' warnings go to the file only: what matters of them is said again by the code
    that met the problem, in the operator's words.
    """

    def __init__(self, stream: TextIO | None, level: int, *, colour: bool) -> None:
        super().__init__(level)
        self._stream = stream
        self._colour = colour and stream is not None and stream.isatty()
        self.write_line: Callable[[str], bool] | None = None
        self.addFilter(logging.Filter(_PROJECT))

    def emit(self, record: logging.LogRecord) -> None:
        stream = self._stream
        if stream is None:
            return
        try:
            line = fit_encoding(self.format(record), stream.encoding)
            if self._colour:
                line = _coloured(line, record.levelno)
            if self.write_line is None or not self.write_line(line):
                stream.write(line + "\n")
                stream.flush()
        except (OSError, ValueError):  # closed, or nobody reads it any more
            self._stream = None


def _coloured(line: str, level: int) -> str:
    colour = next(code for at_least, code in _COLOURS if level >= at_least)
    return f"{colour}{line}{_RESET}" if colour else line


class _WarningCollector(logging.Handler):
    """Remember what was warned of, for the summary and for ``--quiet``."""

    def __init__(self, formatter: LineFormatter) -> None:
        super().__init__(logging.WARNING)
        self._lines = formatter
        self._texts: list[str] = []
        self._more = 0
        self.addFilter(logging.Filter(_PROJECT))

    def emit(self, record: logging.LogRecord) -> None:
        if len(self._texts) < _MAX_WARNINGS:
            self._texts.append(self._lines.text(record))
        else:
            self._more += 1

    def texts(self) -> tuple[str, ...]:
        """Return the warnings in order, and how many more there were."""
        more = (f"… and {self._more} more warnings, in the log file",) if self._more else ()
        return (*self._texts, *more)

"""Keep the log file: one a day, private, never in the way of a run."""

import io
import logging
import sys
from contextlib import suppress
from datetime import tzinfo
from logging.handlers import TimedRotatingFileHandler
from pathlib import Path

from lead_automation.clock import Clock
from lead_automation.errors import StateError
from lead_automation.files import AppendFile, Disk

LOG_NAME = "wati_automation.log"

KEPT_DAYS = 7
"""Rotated files kept beside the one in use: as many days as the history, by default."""


class DailyFile(TimedRotatingFileHandler):
    """Write every record to a file that begins anew at the server's midnight.

    ``wati_automation.log`` is today's; ``wati_automation.log.2026-11-22`` an earlier day's.

    Attributes:
        problem: Why writing ended, "" while it goes on. A full log disk never ends a run.
    """

    def __init__(self, path: Path, *, disk: Disk, clock: Clock, zone: tzinfo) -> None:
        """Open, or begin, today's file.

        Raises:
            StateError: The path is a symlink, no regular file, or another user's.
            OSError: It cannot be opened or written.
        """
        self.problem = ""
        self._disk = disk
        self._clock = clock
        self._zone = zone
        super().__init__(path, when="midnight", backupCount=KEPT_DAYS, encoding="utf-8")

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; the first failure is the last try."""
        if not self.problem:
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's name
        """Remember what went wrong."""
        self.problem = str(sys.exception())

    def rotation_filename(self, default_name: str) -> str:
        """Return a name nothing has yet: another process may have rotated this day's file."""
        name, number = default_name, 1
        while Path(name).exists() or Path(name).is_symlink():
            number += 1
            name = f"{default_name}.{number}"
        return name

    def _open(self) -> io.TextIOBase:  # type: ignore[override]  # logging only writes to it
        path = Path(self.baseFilename)
        if path.is_symlink():
            msg = f"{path} is a symbolic link"
            hint = "Remove it: the log is only written to a plain file of the user who runs this."
            raise StateError(msg, path=path, hint=hint)
        file = self._disk.open_append(path)
        if file.size() == 0:
            # Lines carry only the time of day: the first one says which day they are of.
            now = self._clock.now().astimezone(self._zone)
            line = f"{now:%H:%M:%S} | DEBUG | Log of {now:%Y-%m-%d}, times in {self._zone}\n"
            file.append(line.encode())
        return _Lines(file)


class _Lines(io.TextIOBase):
    """Lay the disk's append file under logging, which wants a text stream."""

    def __init__(self, file: AppendFile) -> None:
        self._file = file

    def write(self, text: str) -> int:
        self._file.append(text.encode("utf-8", "backslashreplace"))
        return len(text)

    def close(self) -> None:
        if not self.closed:
            with suppress(OSError):
                self._file.close()
        super().close()

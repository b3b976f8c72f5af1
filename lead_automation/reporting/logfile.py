"""Keep the log file: one a day, private, never in the way of a run."""

import logging
import re
from contextlib import suppress
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path

from lead_automation.clock import Clock
from lead_automation.errors import StateError
from lead_automation.files import AppendFile, Disk

LOG_NAME = "wati_automation.log"

KEPT_DAYS = 7
"""Rotated files kept beside the one in use."""

# Lines carry only the time of day, so the first line of each file says which day it is of; that
# also tells a later process whether the file is yesterday's, whatever copying did to its times.
_FIRST_LINE = re.compile(rb"\d\d:\d\d:\d\d \| DEBUG \| Log of (\d{4}-\d\d-\d\d)")
_HEAD_BYTES = 80


class DailyLog:
    """A log file that begins anew at midnight of a zone and keeps the last seven days.

    ``wati_automation.log`` is today's; ``wati_automation.log.2026-11-22`` an earlier day's. Two
    processes may write to it: whoever comes first on a new day rotates, the other follows.
    """

    def __init__(self, path: Path, *, disk: Disk, clock: Clock, zone: tzinfo) -> None:
        """Open, or begin, today's file.

        Raises:
            StateError: The path is a symlink, no regular file, or another user's.
            OSError: It cannot be opened or written.
        """
        self._path = path
        self._disk = disk
        self._clock = clock
        self._zone = zone
        self._day = self._today()
        self._file = self._open()

    def write(self, text: str) -> None:
        """Append text and a newline.

        Raises:
            StateError: The path became a symlink or the like when a new day began.
            OSError: It cannot be written.
        """
        if self._today() > self._day:
            self.close()
            self._day = self._today()
            self._file = self._open()
        self._file.append((text + "\n").encode("utf-8", "backslashreplace"))

    def close(self) -> None:
        """Close the file; closing twice does nothing more."""
        with suppress(OSError):
            self._file.close()

    def _today(self) -> date:
        return self._clock.now().astimezone(self._zone).date()

    def _open(self) -> AppendFile:
        """Open today's file, first moving an earlier day's out of the way."""
        if self._path.is_symlink():
            msg = f"{self._path} is a symbolic link"
            hint = "Remove it: the log is only written to a plain file of the user who runs this."
            raise StateError(msg, path=self._path, hint=hint)
        file = self._disk.open_append(self._path)
        day = self._day_of(file)
        if day is not None and day < self._day:
            file.close()
            self._rotate(day)
            file = self._disk.open_append(self._path)
        if file.size() == 0:
            now = self._clock.now().astimezone(self._zone)
            line = f"{now:%H:%M:%S} | DEBUG | Log of {now:%Y-%m-%d}, times in {self._zone}\n"
            file.append(line.encode())
        return file

    def _day_of(self, file: AppendFile) -> date | None:
        """Return the day a file is of: as it says, else when it was last written."""
        if file.size() == 0:
            return None
        with self._path.open("rb") as stream:
            found = _FIRST_LINE.match(stream.read(_HEAD_BYTES))
            written = datetime.fromtimestamp(self._path.stat().st_mtime, UTC)
        if found:
            with suppress(ValueError):
                return date.fromisoformat(found[1].decode())
        return written.astimezone(self._zone).date()

    def _rotate(self, day: date) -> None:
        target = self._path.with_name(f"{self._path.name}.{day.isoformat()}")
        if target.exists() or target.is_symlink():
            return  # another process of that day wrote on: one file more mixed, none overwritten
        self._disk.replace(self._path, target)
        kept = re.compile(re.escape(self._path.name) + r"\.\d{4}-\d\d-\d\d")
        rotated = [
            name for name in self._disk.list_names(self._path.parent) if kept.fullmatch(name)
        ]
        for name in rotated[:-KEPT_DAYS]:
            self._disk.remove(self._path.with_name(name))


class FileHandler(logging.Handler):
    """Write every record to the daily log, until the disk says no.

    Attributes:
        problem: Why writing ended, "" while it goes on. A full log disk never ends a run.
    """

    def __init__(self, log: DailyLog) -> None:
        super().__init__(logging.DEBUG)
        self._log: DailyLog | None = log
        self.problem = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; the first failure is the last try."""
        if self._log is None:
            return
        try:
            self._log.write(self.format(record))
        except (OSError, StateError) as exc:
            self.problem = str(exc)
            self.close()

    def close(self) -> None:
        """Close the file."""
        if self._log is not None:
            self._log.close()
            self._log = None
        super().close()

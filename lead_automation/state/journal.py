"""The send journal: append-only, written ahead of every send, emptied when it is folded.

What counts is on the medium when ``append(durable=True)`` returns. After any failed write or sync
nothing more is written: what the medium then holds is unknown, and a second fsync would report
success for data the first one lost (https://wiki.postgresql.org/wiki/Fsync_Errors).
"""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lead_automation.errors import StateError
from lead_automation.files import AppendFile, Disk
from lead_automation.state.codec import SchemaError
from lead_automation.state.entry import JournalEntry, parse_journal_entry
from lead_automation.state.strictfile import MIB, read_file

JOURNAL_FILE = "send_journal.jsonl"
MAX_BYTES = 512 * MIB
"""Far above FOLD_ABOVE_BYTES: a journal we wrote is never refused for its size."""

_log = logging.getLogger(__name__)

_MEND = (
    "The file was left as it is. Use the version that wrote it; if it was edited, put back what "
    "stood there. Do not delete it: it may be the only record of messages that were sent."
)


@dataclass(frozen=True, slots=True)
class JournalText:
    """What was found in a journal.

    Attributes:
        path: Of the file, for messages.
        data: Its bytes.
        whole: How many of them are whole lines; the rest is a torn append, which nobody was ever
            told had succeeded.
    """

    path: Path
    data: bytes
    whole: int

    def entries(self) -> Iterator[tuple[int, JournalEntry]]:
        """Return the whole lines with their numbers, counted from 1, one at a time.

        Raises:
            StateError: A line is damaged or of a newer version.
        """
        stream = io.BytesIO(self.data)
        number = 0
        while stream.tell() < self.whole:
            number += 1
            try:
                yield number, parse_journal_entry(stream.readline())
            except SchemaError as exc:
                raise self.damaged(number, str(exc)) from exc

    def damaged(self, number: int, problem: str) -> StateError:
        """Return the error that names a line."""
        msg = f"{self.path}: line {number}: {problem}"
        return StateError(msg, path=self.path, hint=_MEND)


def read_journal(disk: Disk, folder: Path) -> JournalText:
    """Return what the journal holds; a missing one holds nothing.

    Raises:
        StateError: Not readable, not a plain file of this user, too large.
    """
    path = folder / JOURNAL_FILE
    data = read_file(disk, path, max_bytes=MAX_BYTES) or b""
    return JournalText(path, data, data.rfind(b"\n") + 1)


class Journal:
    """The journal, open for appending."""

    def __init__(self, path: Path, file: AppendFile, size: int) -> None:
        """Use ``open_journal``."""
        self._path = path
        self._file = file
        self._size = size
        self._is_broken = False

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self._size

    def append(self, line: bytes, *, durable: bool) -> None:
        """Write one line, newline included, in one go.

        Args:
            line: The bytes.
            durable: Return only once it, and all before it, is on the medium.

        Raises:
            StateError: It failed, now or earlier; the line does not count.
        """
        with self._step("written"):
            try:
                self._file.append(line)
            except OSError:
                self._cut_back()
                raise
        self._size += len(line)
        if durable:
            self.sync()

    def sync(self) -> None:
        """Return once everything appended is on the medium.

        Raises:
            StateError: It failed, now or earlier.
        """
        with self._step("brought to the disk"):
            self._file.sync()

    def clear(self) -> None:
        """Empty it: everything in it is in the JSON files.

        Raises:
            StateError: It failed, now or earlier; folding it again does no harm.
        """
        with self._step("emptied"):
            self._file.truncate(0)
        self._size = 0

    def give_up(self) -> None:
        """Refuse every further write: a file beside it could not be written."""
        self._is_broken = True

    def close(self) -> None:
        """Close; what must be on the medium already is."""
        try:
            self._file.close()
        except OSError as exc:
            # Only lines nobody waits for can be lost here, and the next run reads what is there.
            _log.warning("%s could not be closed: %s", self._path, exc.strerror or exc)

    def _cut_back(self) -> None:
        """Take the torn line away; if that fails too, reading drops it, for it has no newline."""
        with suppress(OSError):
            self._file.truncate(self._size)

    @contextmanager
    def _step(self, what: str) -> Iterator[None]:
        """Make one write the last one if it fails."""
        if self._is_broken:
            msg = f"{self._path}: a write failed earlier; nothing more is written in this run"
            raise StateError(msg, path=self._path, hint="Run again: what is there is settled then.")
        try:
            yield
        except OSError as exc:
            self._is_broken = True
            msg = f"{self._path} could not be {what}: {exc.strerror or exc}"
            hint = (
                "Check free space, quota and health of that disk, then run again; nothing is lost."
            )
            raise StateError(msg, path=self._path, hint=hint) from exc


def open_journal(disk: Disk, text: JournalText) -> Journal:
    """Open the journal that was read for appending; a torn line at its end is cut off.

    Its name is on the medium when this returns: a line is worth nothing in a file that a power
    cut takes away.

    Raises:
        StateError: It cannot be opened or cut.
    """
    try:
        file = disk.open_append(text.path)
        disk.sync_folder(text.path.parent)
        if file.size() > text.whole:
            file.truncate(text.whole)
    except OSError as exc:
        msg = f"{text.path} could not be opened for writing: {exc.strerror or exc}"
        hint = "Check the permissions of the state directory and whose it is."
        raise StateError(msg, path=text.path, hint=hint) from exc
    return Journal(text.path, file, text.whole)

"""The hold: present while all sending is held, with the reason and what the operator does.

``campaign_hold.json``: ``{"reason": "…", "since": "2026-11-22T09:15:24+05:30", "until": null,
"evidence": "…", "what_to_do": ["…"]}``; ``until`` null holds until ``resume``.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from lead_automation.errors import StateError
from lead_automation.files import Disk
from lead_automation.state.codec import dump_json, read_struct
from lead_automation.state.strictfile import MIB, load_json, read_file, save_file
from lead_automation.stored import Hold

HOLD_FILE = "campaign_hold.json"


class CampaignHold(ABC):
    """The hold, wherever it is kept."""

    @abstractmethod
    def read(self) -> Hold | None:
        """Return the hold that stands there; ``is_active`` tells whether it still holds.

        Raises:
            StateError: It is damaged or not readable. What it said is not known, so nothing may be
                sent.
        """

    @abstractmethod
    def _write(self, hold: Hold) -> None:
        """Put a hold in the place of what stands there."""

    @abstractmethod
    def lift(self) -> None:
        """Let sending go on: an operator has decided.

        Raises:
            StateError: It could not be removed.
        """

    @abstractmethod
    def raw(self) -> bytes:
        """Return what stands there, for an operator to judge a damaged hold by.

        Raises:
            StateError: Not even that can be read.
        """

    @abstractmethod
    def set_aside(self, now: datetime) -> str:
        """Let sending go on where the hold is damaged; return where a copy of it is kept.

        Raises:
            StateError: It could not be put aside.
        """

    def set(self, hold: Hold) -> None:
        """Hold sending; where a hold stands already, the one that lasts longer stays.

        Raises:
            StateError: What stands there is damaged, or could not be written.
        """
        before = self.read()
        if before is None or _lasts_as_long(hold, before):
            self._write(hold)


class HoldFile(CampaignHold):
    """The hold of a state directory."""

    def __init__(self, disk: Disk, folder: Path) -> None:
        """Prepare; nothing is read yet."""
        self._disk = disk
        self._path = folder / HOLD_FILE

    def read(self) -> Hold | None:
        """Return what the file says."""
        return load_json(
            self._disk, self._path, lambda value: read_struct(value, Hold), max_bytes=MIB
        )

    def _write(self, hold: Hold) -> None:
        text = dump_json(hold, indent=2) + b"\n"  # indented for the person who reads it
        save_file(self._disk, self._path, text, max_bytes=MIB)

    def raw(self) -> bytes:
        """Return the file's bytes."""
        return read_file(self._disk, self._path, max_bytes=MIB) or b""

    def lift(self) -> None:
        """Remove the file."""
        with self._changing("removed"):
            self._disk.remove(self._path)

    def set_aside(self, now: datetime) -> str:
        """Rename the file."""
        kept = self._path.with_name(f"{HOLD_FILE}.damaged-{now:%Y%m%dT%H%M%S}")
        # Renamed, not copied: there is no moment at which the content is nowhere.
        with self._changing("put aside"):
            self._disk.replace(self._path, kept)
        return str(kept)

    @contextmanager
    def _changing(self, what: str) -> Iterator[None]:
        try:
            yield
            self._disk.sync_folder(self._path.parent)
        except OSError as exc:
            msg = f"{self._path} could not be {what}: {exc.strerror or exc}"
            hint = "Check the permissions of the state directory and whose it is."
            raise StateError(msg, path=self._path, hint=hint) from exc


def _lasts_as_long(hold: Hold, before: Hold) -> bool:
    if hold.until is None:
        return True
    return before.until is not None and hold.until >= before.until

"""The suppression list: numbers never, or not for now, to be messaged.

``suppression_list.json``: ``{"+919800000000": {"reason": "asked to stop", "source": "operator",
"added_at": "2026-11-22T09:15:24+05:30", "until": null}}``. Other processes may change it while a
run is on; each writer merges under a short lock of this file alone.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from lead_automation.errors import StateError
from lead_automation.files import Disk
from lead_automation.state.codec import (
    dump_entry,
    dump_file,
    fields_of,
    phone_of,
    read_entries,
    read_struct,
)
from lead_automation.state.lock import short_lock
from lead_automation.state.strictfile import MIB, load_json, save_file
from lead_automation.stored import Suppression

SUPPRESSION_FILE = "suppression_list.json"
LOCK_FILE = ".suppression_list.json.lock"
MAX_BYTES = 1024 * MIB  # seven million numbers: more than `suppress import` ever brings

_LOCK_WAIT_S = 10.0  # another writer needs milliseconds; one that hangs must not hang us
_MAX_REASON = 400  # a number that is refused every few days must not grow the file for ever
_NEVER_READ = object()


class SuppressionList(ABC):
    """The list, wherever it is kept. Every method raises StateError where it cannot be used."""

    @abstractmethod
    def _read(self, phone: str) -> Suppression | None:
        """Return the entry of a number as it stands now."""

    @abstractmethod
    def _read_all(self) -> Mapping[str, Suppression]:
        """Return all entries by number."""

    @abstractmethod
    def _changing(self, *phones: str) -> AbstractContextManager[dict[str, Suppression]]:
        """Give the entries, at least of these numbers, to change while nobody else does."""

    def find(self, phone: str, now: datetime) -> Suppression | None:
        """Return what stands against a number now."""
        entry = self._read(phone)
        return entry if entry is not None and entry.is_active(now) else None

    def entries(self) -> list[Suppression]:
        """Return all entries by number, those that ran out too."""
        current = self._read_all()
        return [current[phone] for phone in sorted(current)]

    def add(self, entry: Suppression) -> None:
        """Add an entry; one that stands already lasts the longer of the two, and keeps its reason.

        A new reason goes behind the old one: who asks twice may be meaning two things.
        """
        self.add_all([entry])

    def add_all(self, added: Iterable[Suppression]) -> int:
        """Add entries in one write, each as ``add`` does; return how many numbers are new."""
        by_phone = {entry.phone: entry for entry in added}
        if not by_phone:
            return 0
        with self._changing(*by_phone) as entries:
            new = len(by_phone.keys() - entries.keys())
            for phone, entry in by_phone.items():
                before = entries.get(phone)
                entries[phone] = entry if before is None else _both(before, entry)
        return new

    def remove(self, phone: str) -> bool:
        """Take a number off; return whether it stood there."""
        with self._changing(phone) as entries:
            return entries.pop(phone, None) is not None


class SuppressionFile(SuppressionList):
    """The list in the state directory; read again only when it changed."""

    def __init__(self, disk: Disk, folder: Path) -> None:
        """Prepare; nothing is read yet."""
        self._disk = disk
        self._path = folder / SUPPRESSION_FILE
        self._lock_path = folder / LOCK_FILE
        self._stamp: object = _NEVER_READ
        self._entries: dict[str, Suppression] = {}

    def _read(self, phone: str) -> Suppression | None:
        return self._read_all().get(phone)

    def _read_all(self) -> Mapping[str, Suppression]:
        try:
            stamp = self._disk.stamp(self._path)
        except OSError as exc:
            msg = f"{self._path} could not be read: {exc.strerror or exc}"
            raise StateError(msg, path=self._path, hint="Check its folder's permissions.") from exc
        if stamp != self._stamp:
            # The stamp is older than what is read: a change in between is read once more.
            found = load_json(self._disk, self._path, _parse, max_bytes=MAX_BYTES)
            self._entries = found or {}
            self._stamp = stamp
        return self._entries

    @contextmanager
    def _changing(self, *_phones: str) -> Iterator[dict[str, Suppression]]:
        with short_lock(self._lock_path, wait_s=_LOCK_WAIT_S):
            entries = dict(self._read_all())
            yield entries
            if entries != self._entries:
                data = _dump(entries)
                if len(data) > MAX_BYTES:
                    # What ran out says nothing any more, and must not keep a number off the list.
                    newest = max(entry.added_at for entry in entries.values())
                    data = _dump(
                        {phone: its for phone, its in entries.items() if its.is_active(newest)}
                    )
                save_file(self._disk, self._path, data, max_bytes=MAX_BYTES)


def _both(before: Suppression, entry: Suppression) -> Suppression:
    reason = before.reason
    if entry.reason not in reason and len(reason) + len(entry.reason) < _MAX_REASON:
        reason = f"{reason}; {entry.reason}"
    return replace(entry if _lasts_longer(entry, before) else before, reason=reason)


def _lasts_longer(entry: Suppression, before: Suppression) -> bool:
    if before.until is None:
        return False
    return entry.until is None or entry.until > before.until


def _parse(value: object) -> dict[str, Suppression]:
    return read_entries(
        value, phone_of, lambda fields, phone: read_struct(fields, Suppression, phone=phone)
    )


def _dump(entries: Mapping[str, Suppression]) -> bytes:
    """Return the file, sorted by number, one entry a line."""
    phones = sorted(entries)
    return dump_file(dump_entry(phone, fields_of(entries[phone], "phone")) for phone in phones)

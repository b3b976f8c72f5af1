"""The ledger of the state directory: journal while running, four JSON files between runs.

Folding writes what the journal changed into the JSON files, one after the other, and then empties
the journal. A crash anywhere in it is repaired by folding again: the journal's effects are
absolute, and its quota changes are added to the counts its own ``day`` entries name.
"""

from datetime import date, tzinfo
from pathlib import Path

from msgspec.structs import replace

from lead_automation.errors import StateError
from lead_automation.files import Disk
from lead_automation.state.codec import SchemaError
from lead_automation.state.entry import JournalEntry, Kind, dump_journal_entry
from lead_automation.state.journal import Journal, JournalText, open_journal, read_journal
from lead_automation.state.jsonstore import FILES, load_state, save_state
from lead_automation.state.ledger import Ledger

FOLD_ABOVE_BYTES = 32 << 20
"""A longer journal is folded before the next reservation, so that it can always be read back:
tens of thousands of sends, far more than a day brings."""

_SNAPSHOT_TRIES = 5
"""A fold takes a moment, runs are minutes apart: more than one disturbed try is rare."""


class FileLedger(Ledger):
    """The ledger of a state directory; a journal that is left there tells of a crash."""

    def __init__(
        self,
        disk: Disk,
        folder: Path,
        *,
        history_days: int,
        zone: tzinfo,
        read_only: bool = False,
    ) -> None:
        """Load the state; a journal that a crash left is folded first.

        Args:
            disk: Where it is kept.
            folder: State directory.
            history_days: Retention and reach of the duplicate rule, in days.
            zone: The zone times are written in.
            read_only: A left journal is folded in memory and nothing is ever written: every
                writing method raises StateError, ``finish`` does nothing. Otherwise the run lock
                must be held.

        Raises:
            StateError: A file is missing, damaged or not to be read or written.
        """
        self._disk = disk
        self._folder = folder
        self._journal: Journal | None = None
        journal = read_journal(disk, folder)
        super().__init__(load_state(disk, folder), history_days=history_days, zone=zone)
        self.recovered = self._replay(journal)
        if not read_only:
            self._journal = open_journal(disk, journal)
            if journal.whole:
                self.finish(today=None)

    def _replay(self, journal: JournalText) -> int:
        """Apply a left journal; return how many of its messages are unsettled."""
        seen: set[tuple[date, str]] = set()
        for number, entry in journal.entries():
            try:
                self.apply(entry)
            except SchemaError as exc:
                raise journal.damaged(number, str(exc)) from exc
            seen.update(message.key for message in entry.messages)
        return sum(record.key in seen for record in self.unknown_messages())

    def _keep(self, entry: JournalEntry, *, durable: bool) -> None:
        if self._journal is None:
            msg = "the state was opened for reading only"
            raise StateError(msg, path=self._folder)
        if self._new_calls:
            entry = replace(entry, calls=self._new_calls)
        # On the disk first, in memory then: what could not be written never counts.
        self._journal.append(dump_journal_entry(entry), durable=durable)
        self._new_calls = {}
        self.apply(entry)
        # Never right after a reservation: its POST is waiting.
        if self._journal.size > FOLD_ABOVE_BYTES and entry.kind not in (Kind.DAY, Kind.RESERVE):
            self.finish(today=None)

    def finish(self, *, today: date | None) -> None:
        """Fold: write what the journal changed into the JSON files, then empty the journal.

        Args:
            today: See ``Ledger.finish``.

        Raises:
            StateError: It could not be written. Nothing is lost, and nothing more is written in
                this run; folding at the next start repairs it.
        """
        if self._journal is None:
            return
        if today is not None:
            self._give_up_over_messages(today)
        # What the files are about to say must not be ahead of a journal that a power cut shortens.
        if self._journal.size:
            self._journal.sync()
        if today is not None:
            self.prune(today)
        self._save_touched(self._journal, is_pruned=today is not None)
        # Last: a crash before it folds the same journal again, one after it has nothing to fold.
        if self._journal.size:
            self._journal.clear()
        self.start_anew()
        self._new_calls = {}

    def _save_touched(self, journal: Journal, *, is_pruned: bool) -> None:
        try:
            for name in FILES:
                if name in self.touched:
                    save_state(self._disk, self._folder, name, self.files, is_pruned=is_pruned)
        except StateError:
            journal.give_up()
            raise

    def close(self) -> None:
        """Close the journal; what was not folded is folded at the next start."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None


def read_snapshot(
    disk: Disk, folder: Path, *, history_days: int, today: date, zone: tzinfo
) -> FileLedger:
    """Return the state as it is now, read only; a run may be writing it meanwhile.

    Raises:
        StateError: A file is missing, damaged or not to be read.
    """
    tries = 0
    while True:
        tries += 1
        before = _stamps(disk, folder)
        try:
            ledger = FileLedger(disk, folder, history_days=history_days, zone=zone, read_only=True)
        except StateError:
            # A fold between the reads can make them disagree; a damage stays when read again.
            if tries == _SNAPSHOT_TRIES or before == _stamps(disk, folder):
                raise
            continue
        if tries == _SNAPSHOT_TRIES or before == _stamps(disk, folder):
            ledger.prune(today)
            return ledger


def _stamps(disk: Disk, folder: Path) -> list[object]:
    """Return a value for each file that changes with it.

    Raises:
        StateError: The folder is none, or may not be looked into.
    """
    try:
        return [disk.stamp(folder / name) for name in FILES]
    except OSError as exc:
        msg = f"{folder} could not be looked into: {exc.strerror or exc}"
        hint = "Check STATE_DIR, the permissions of that folder and whose it is."
        raise StateError(msg, path=folder, hint=hint) from exc

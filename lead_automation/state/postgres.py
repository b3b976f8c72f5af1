"""State kept in a PostgreSQL database: ledger, suppression list, hold and lock put together.

Log and reports stay in the folder.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from lead_automation.errors import AlreadyRunningError, StateError
from lead_automation.files import Disk
from lead_automation.runtime import Runtime
from lead_automation.secret import Secret
from lead_automation.state.database import TAKE_LOCK_FOR_TRANSACTION, Database
from lead_automation.state.mark import is_marked
from lead_automation.state.postgres_ledger import PostgresLedger, fill_tables, load_files
from lead_automation.state.postgres_lists import (
    PostgresHold,
    PostgresSuppressions,
    read_hold,
    read_suppressions,
    write_hold,
    write_suppressions,
)
from lead_automation.state.schema import create_schema, is_sandbox, make_or_check_schema
from lead_automation.state.session import Server, Session
from lead_automation.state.state import Contents, State


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresState(State):
    """The state of a database."""

    database: Database
    disk: Disk

    @property
    def place(self) -> str:
        """The address, without its password."""
        return self.database.place

    def is_sandbox(self) -> bool:
        """Whether the folder bears the mark, or the schema's own row."""
        if is_marked(self.disk, self.folder):
            return True
        with self.database.session(check=_anything) as session:
            return is_sandbox(session)

    def create(self) -> None:
        """Create the tables, or bring those of an older program to this one's form."""
        try:
            self.disk.make_folder(self.folder)
        except OSError as exc:
            msg = f"{self.folder} could not be created: {exc.strerror or exc}"
            hint = "Check STATE_DIR and its permissions: log and reports are kept there."
            raise StateError(msg, path=self.folder, hint=hint) from exc
        with self.database.session(check=_anything) as session, session.transaction():
            create_schema(session)

    def lock(self, runtime: Runtime) -> AbstractContextManager[None]:
        """Return the lock of a run over all machines, not yet taken."""
        return self.database.lock(
            pid=runtime.pid,
            started_at=runtime.clock.now().astimezone(self.zone),
            sleep=runtime.sleep,
        )

    def open_ledger(self, *, read_only: bool = False) -> PostgresLedger:
        """Load the ledger in the session that holds the lock."""
        session, backend = self.database.held()
        return self._ledger(session, None if read_only else backend)

    def snapshot(self, today: date) -> PostgresLedger:
        """Return what the tables say at one moment."""
        with self.database.session() as session:
            ledger = self._ledger(session, None)
        ledger.prune(today)
        return ledger

    def fill(self, contents: Contents) -> None:
        """Make the tables where there are none, and fill them, all in one transaction."""
        with self.database.session(check=_anything) as session, session.transaction():
            make_or_check_schema(session)
            if session.rows(TAKE_LOCK_FOR_TRANSACTION) != [(True,)]:
                msg = f"a run is active in {self.place}: nothing was changed"
                raise AlreadyRunningError(msg, hint="Copy to a database of its own.")
            copy = self._contents(session)
            if any(copy.counts().values()):
                msg = f"the database {self.place} is not empty: nothing was changed"
                raise StateError(msg, hint="Name a new database or schema (search_path).")
            fill_tables(session, contents.files)
            write_suppressions(session, contents.suppressions)
            if contents.hold is not None:
                write_hold(session, contents.hold)
            contents.check_copy(self._contents(session), self.place)

    def _contents(self, session: Session) -> Contents:
        found = read_suppressions(session)
        return Contents(
            files=load_files(session),
            suppressions=tuple(found[phone] for phone in sorted(found)),
            hold=read_hold(session),
        )

    def server(self) -> Server:
        """Return what is at the other end."""
        with self.database.session() as session:
            return session.server()

    def _ledger(self, session: Session, backend: int | None) -> PostgresLedger:
        return PostgresLedger(
            session, history_days=self.history_days, zone=self.zone, backend=backend
        )


def make_postgres_state(
    url: Secret, *, folder: Path, disk: Disk, history_days: int, zone: ZoneInfo
) -> PostgresState:
    """Return the state of a database; nobody is connected yet."""
    database = Database(url)
    return PostgresState(
        folder=folder,
        suppressions=PostgresSuppressions(database),
        hold=PostgresHold(database),
        history_days=history_days,
        zone=zone,
        database=database,
        disk=disk,
    )


def _anything(_session: Session) -> None:
    """Let a database without tables pass: it is about to get them."""

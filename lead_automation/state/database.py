"""The database that keeps a state: which session to use, and the lock of a run.

The lock belongs to the very session that writes, so a write that succeeds proves that it is still
held; who loses the connection has lost the lock, and may send nothing more.
"""

import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from lead_automation.clock import Sleep
from lead_automation.errors import AlreadyRunningError, StateError
from lead_automation.secret import Secret
from lead_automation.state.schema import check_schema
from lead_automation.state.session import Session, connect, place_of

# Ours among the advisory locks of other programs in the same database ("LEAD"). The table's number
# is the second half of the key, so that two schemas have a lock each.
_LOCK_KEY = "1279607108, to_regclass('lead_automation')::oid::integer"
TAKE_LOCK = f"SELECT pg_try_advisory_lock({_LOCK_KEY}), pg_backend_pid()"
TAKE_LOCK_FOR_TRANSACTION = f"SELECT pg_try_advisory_xact_lock({_LOCK_KEY})"
_HOLDER = """
    SELECT host, run_lock.pid, started_at FROM run_lock JOIN pg_locks ON pg_locks.pid = backend
    WHERE locktype = 'advisory' AND classid = 1279607108 AND granted
    AND objid = to_regclass('lead_automation')::oid"""
_NAME_HOLDER = """
    INSERT INTO run_lock (backend, host, pid, started_at)
    VALUES (pg_backend_pid(), %(host)s, %(pid)s, %(started_at)s)
    ON CONFLICT (one) DO UPDATE SET backend = excluded.backend, host = excluded.host,
        pid = excluded.pid, started_at = excluded.started_at"""

_NAME_TRIES = 10  # a tenth of a second apart: a holder writes its name right after it has the lock


class Database:
    """Where the state of an account is kept; nobody is connected before it is asked for."""

    def __init__(self, url: Secret) -> None:
        """Prepare."""
        self._url = url
        self._held: tuple[Session, int] | None = None
        self.place = place_of(url.reveal())

    @contextmanager
    def session(self, check: Callable[[Session], None] = check_schema) -> Iterator[Session]:
        """Give the session that holds the lock, else one for this piece of work.

        Args:
            check: Refuses a database that cannot be used; only a new session is looked at.

        Raises:
            StateError: Nobody answers, the server refuses, or check does.
        """
        if self._held is not None:
            yield self._held[0]
            return
        session = connect(self._url)
        try:
            check(session)
            yield session
        finally:
            session.close()

    @contextmanager
    def lock(self, *, pid: int, started_at: datetime, sleep: Sleep) -> Iterator[None]:
        """Hold the lock of a run, on one session for everything; take it at once, or not at all.

        Args:
            pid: Of this process, for whoever is refused.
            started_at: Aware, in the zone it is to be shown in.
            sleep: Waits for the name of a holder.

        Raises:
            AlreadyRunningError: Another session holds it; says where, who, since when.
            StateError: The database cannot be used.
        """
        with self.session() as session:
            [(is_taken, backend)] = session.rows(TAKE_LOCK)
            if not is_taken:
                msg = f"another run is active{_described(session, sleep)}"
                raise AlreadyRunningError(msg, hint="It ends by itself; this one changed nothing.")
            session.rows(
                _NAME_HOLDER, host=platform.node(), pid=pid, started_at=started_at.isoformat()
            )
            self._held = (session, backend)
            try:
                yield
            finally:
                self._held = None

    def held(self) -> tuple[Session, int]:
        """Return the session that holds the lock, and its process at the server.

        Raises:
            StateError: Nobody holds it here.
        """
        if self._held is None:
            msg = f"the database {self.place} is written to by the holder of the lock alone"
            raise StateError(msg)
        return self._held


def _described(session: Session, sleep: Sleep) -> str:
    """Return ``: pid 4711 on cron-1, since 2026-11-22 09:15:24+05:30``; empty if nobody knows."""
    for _ in range(_NAME_TRIES):
        for host, pid, started_at in session.rows(_HOLDER):
            since = datetime.fromisoformat(started_at).isoformat(" ", "seconds")
            return f": pid {pid} on {host}, since {since}"
        sleep(0.1)
    return ""

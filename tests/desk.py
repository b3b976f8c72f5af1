"""Where an operator stands: the program as a process of its own, in front of a served simulator.

A pipe, a pseudo-terminal or a cron job's bare environment: what each shows is what people see.
"""

import fcntl
import os
import pwd
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from harness import account_settings, digits, lead, many_leads
from simulated.server import SandboxServer
from simulated.simulator import Simulator

from lead_automation.clock import Clock
from lead_automation.files import Disk
from lead_automation.sandbox.plans import Plan, Step, failing, refused
from lead_automation.state.jsonstore import init_state

PROJECT = Path(__file__).resolve().parents[1]

_PATIENCE_S = 30.0
_QUICK = {
    "SCRIPT_START_TIME": "00:00",
    "SCRIPT_END_TIME": "24:00",
    "WATI_PLAN": "business",
    "SEND_DELAY_MIN": "0.03",
    "SEND_DELAY_MAX": "0.05",
    "TRACKING_FIRST_READ_SECONDS": "0.1",
    "UNKNOWN_SETTLE_SECONDS": "0.3",
}

_READ = Plan(history=(Step(0.0, "SENT"), Step(0.02, "DELIVERED"), Step(0.05, "READ")))
_DELIVERED = Plan(history=(Step(0.0, "SENT"), Step(0.05, "DELIVERED")))
OUTCOMES = {
    digits(0): _READ,
    digits(1): refused("Invalid WhatsApp number"),
    digits(2): failing("131050 User has stopped marketing messages", after_s=0.05),
    digits(3): _DELIVERED,
    digits(4): _READ,
}
"""What becomes of the messages to the first five of ``many_leads``, within 50 milliseconds."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a process left: exit code, and the text of each stream it had.

    Attributes:
        out: stdout; of a pseudo-terminal everything.
        chunks: Of a pseudo-terminal: the pieces its text came in.
    """

    code: int
    out: str
    err: str = ""
    chunks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A folder with settings and state, and a served simulator."""

    folder: Path
    simulator: Simulator
    server: SandboxServer

    @property
    def state_dir(self) -> Path:
        """Where the state files are."""
        return self.folder / "state"

    def command(self, *arguments: str) -> list[str]:
        """Return the words of a command line with this desk's settings file."""
        config = str(self.folder / "config.env")
        return [sys.executable, "-m", "lead_automation", *arguments, "--config", config]

    def in_pipe(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Shown:
        """Run with every stream a pipe."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=PROJECT,
            env=environment(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_S,
            check=False,
        )
        encoding = (environ or {}).get("PYTHONIOENCODING", "utf-8")
        return Shown(
            code=done.returncode, out=done.stdout.decode(encoding), err=done.stderr.decode(encoding)
        )

    def under_cron(self, *arguments: str) -> Shown:
        """Run as Debian's cron does: ``/bin/sh``, no terminal, nearly no environment."""
        user = pwd.getpwuid(os.getuid())
        words = " ".join(f"'{word}'" for word in self.command(*arguments))
        done = subprocess.run(
            ["/bin/sh", "-c", f"cd '{PROJECT}' && {words}"],
            env={
                "HOME": user.pw_dir,
                "LOGNAME": user.pw_name,
                "SHELL": "/bin/sh",
                "PATH": "/usr/bin:/bin",
                "LANG": "C",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_S,
            start_new_session=True,
            check=False,
        )
        return Shown(code=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())

    def in_terminal(
        self,
        *arguments: str,
        columns: int = 250,
        environ: Mapping[str, str] | None = None,
        interrupt_at: str = "",
    ) -> Shown:
        """Run with every stream one pseudo-terminal.

        Args:
            arguments: Of the program.
            columns: Of the terminal, 24 rows high.
            environ: Over the tests' own.
            interrupt_at: A text; once it is shown, Ctrl-C is pressed.
        """
        leader, follower = os.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        with subprocess.Popen(
            self.command(*arguments),
            cwd=PROJECT,
            env=environment({"TERM": "xterm-256color", **(environ or {})}),
            stdin=follower,
            stdout=follower,
            stderr=follower,
            preexec_fn=_take_terminal,  # noqa: PLW1509 - no threads between fork and exec matter here
        ) as process:
            os.close(follower)
            chunks = []
            watchdog = threading.Timer(_PATIENCE_S, process.kill)
            watchdog.start()
            for chunk in _read_all(leader):
                chunks.append(chunk)
                if interrupt_at and interrupt_at in b"".join(chunks).decode(errors="replace"):
                    os.write(leader, b"\x03")
                    interrupt_at = ""
            watchdog.cancel()
        os.close(leader)
        texts = _decoded(chunks)
        return Shown(code=process.returncode, out="".join(texts), chunks=tuple(texts))


def environment(over: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the tests' environment without what tells a program how to show things."""
    odd = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "PYTHONIOENCODING", "TTY_COMPATIBLE")
    plain = {key: value for key, value in os.environ.items() if key not in odd}  # noqa: TID251
    return {**plain, "LANG": "C.UTF-8", **(over or {})}


@contextmanager
def desk(
    folder: Path,
    *,
    leads: list[dict[str, object]] | None = None,
    follows_s: float = 0.35,
    **settings: str,
) -> Iterator[Desk]:
    """Serve five leads, one with an odd name, and one whose number is none; yield the desk.

    Args:
        folder: The test's own.
        leads: Instead of those; ``quiet_leads`` warn of nothing.
        follows_s: How long a run goes on reading; more where each message's last word counts.
        settings: Over the desk's own.
    """
    listed = [*quiet_leads(), lead("1009", digits(4), ""), lead("1010", "12")]
    simulator = Simulator(clock=Clock(), leads=leads or listed, plans=OUTCOMES)
    with SandboxServer(simulator) as server:
        values = {
            **account_settings(server.addresses, folder),
            **_QUICK,
            "TRACKING_WAIT_SECONDS": str(follows_s),
            **settings,
        }
        path = folder / "config.env"
        path.write_text("".join(f"{key}='{value}'\n" for key, value in values.items()))
        path.chmod(0o600)
        init_state(Disk(), folder / "state")
        yield Desk(folder=folder, simulator=simulator, server=server)


def quiet_leads() -> list[dict[str, object]]:
    """Return four leads nothing is warned of: read, refused, failed later, delivered."""
    return many_leads(4)


class Screen:
    """What a terminal shows after some bytes: just enough of one for this program.

    Attributes:
        rows: Text of each row, the oldest first; nothing scrolls away.
    """

    def __init__(self, columns: int) -> None:
        """Begin empty."""
        self.rows = [""]
        self._columns = columns
        self._row = 0
        self._column = 0

    def feed(self, text: str) -> None:
        """Show text; an escape sequence nobody knows is an error, not passed over."""
        for piece in re.findall(r"\x1b\[\??[\d;]*[A-Za-z]|\x1b.|[^\x1b]", text, re.DOTALL):
            if piece.startswith("\x1b"):
                self._control(piece)
            else:
                self._type(piece)

    @property
    def text(self) -> str:
        """The rows, without spaces at their ends and without empty rows at the bottom."""
        return "\n".join(row.rstrip() for row in self.rows).rstrip("\n")

    def _type(self, char: str) -> None:
        if char == "\r":
            self._column = 0
        elif char == "\n":
            self._move(1)
        else:
            if self._column == self._columns:
                self._move(1)
                self._column = 0
            row = self.rows[self._row].ljust(self._column)
            self.rows[self._row] = row[: self._column] + char + row[self._column + 1 :]
            self._column += 1

    def _control(self, sequence: str) -> None:
        if re.fullmatch(r"\x1b\[[\d;]*m|\x1b\[\?25[hl]", sequence):  # colours, the cursor
            return
        if sequence == "\x1b[2K":
            self.rows[self._row] = ""
        elif found := re.fullmatch(r"\x1b\[(\d*)A", sequence):
            self._move(-int(found[1] or 1))
        else:
            raise AssertionError(repr(sequence))

    def _move(self, rows: int) -> None:
        self._row += rows
        assert self._row >= 0, "above the screen"
        while len(self.rows) <= self._row:
            self.rows.append("")


def _take_terminal() -> None:
    """Make stdin the terminal Ctrl-C comes from, as a login shell's is."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _read_all(leader: int) -> Iterator[bytes]:
    with suppress(OSError):  # Linux says EIO when the last writer has left
        while chunk := os.read(leader, 65536):
            yield chunk


def _decoded(chunks: list[bytes]) -> list[str]:
    """Return chunks as text; a letter cut in two comes with the later one."""
    texts, rest = [], b""
    for chunk in chunks:
        whole = rest + chunk
        text = whole.decode(errors="ignore")
        rest = whole[len(text.encode()) :]
        texts.append(text)
    return texts

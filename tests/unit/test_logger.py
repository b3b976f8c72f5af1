"""What a line may hold, where lines go, and that no log call ever raises."""

import errno
import io
import logging
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from fakes import FakeClock

from lead_automation.errors import StateError
from lead_automation.files import AppendFile, Disk
from lead_automation.reporting.logfile import KEPT_DAYS, LOG_NAME
from lead_automation.reporting.logformat import MAX_LINE, LineFormatter, Redactor
from lead_automation.reporting.logger import OptimizedLogger

KOLKATA = ZoneInfo("Asia/Kolkata")
SECRET = "eyJhbGciOiJIUzI1NiJ9.payload.signature"
ONE_DAY_S = 86_400

log = logging.getLogger("lead_automation.campaign.example")


class Terminal(io.StringIO):
    """A stream that says it is a terminal, of the encoding given."""

    def __init__(self, encoding: str = "utf-8") -> None:
        """Start empty."""
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The terminal's."""
        return self._encoding

    def isatty(self) -> bool:
        """Yes."""
        return True


class ClosedStream(Terminal):
    """A console that went away."""

    def write(self, text: str) -> int:
        """Fail as a pipe nobody reads does."""
        raise BrokenPipeError(errno.EPIPE, "Broken pipe", text[:0])


class FullFile(AppendFile):
    """An append file on a disk that takes no more than its first line."""

    def __init__(self, file: AppendFile) -> None:
        """Wrap a real one."""
        self._file = file
        self._writes = 0

    def size(self) -> int:
        """Return the real size."""
        return self._file.size()

    def append(self, data: bytes) -> None:
        """Take the first write only."""
        self._writes += 1
        if self._writes > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        self._file.append(data)

    def sync(self) -> None:
        """Do nothing."""

    def truncate(self, size: int) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Fail too: nothing may depend on it."""
        self._file.close()
        raise OSError(errno.EIO, "Input/output error")


class FullDisk(Disk):
    """A disk that is full from the second line on."""

    def open_append(self, path: Path) -> AppendFile:
        """Return a file that takes one line."""
        return FullFile(super().open_append(path))


class ReadOnlyDisk(Disk):
    """A disk nothing can be opened on."""

    def open_append(self, path: Path) -> AppendFile:
        """Refuse."""
        raise PermissionError(errno.EACCES, "Permission denied", str(path))


@pytest.fixture
def clock() -> FakeClock:
    """A clock at 09:15:24 in Asia/Kolkata."""
    return FakeClock(datetime(2026, 11, 22, 3, 45, 24, tzinfo=UTC))


@pytest.fixture
def console() -> Terminal:
    """A console that shows everything."""
    return Terminal()


@pytest.fixture
def logger(clock: FakeClock, console: Terminal) -> Iterator[OptimizedLogger]:
    """A logger at DEBUG, without a file."""
    with make_logger(console, clock) as made:
        yield made


def make_logger(
    stream: io.StringIO | None,
    clock: FakeClock,
    *,
    level: int = logging.DEBUG,
    secrets: tuple[str, ...] = (),
    colour: bool = False,
) -> OptimizedLogger:
    """Return a logger; close it, or the next test hears it."""
    return OptimizedLogger(
        stream=stream, level=level, clock=clock, zone=KOLKATA, secrets=secrets, colour=colour
    )


def file_lines(path: Path) -> list[str]:
    """Return what a log file holds."""
    return path.read_text(encoding="utf-8").splitlines()


def fail_with(text: str) -> None:
    """Raise an error that carries text from outside."""
    raise ValueError(text)


@pytest.mark.usefixtures("logger")
def test_line_time_is_the_configured_zones(console: Terminal, clock: FakeClock) -> None:
    """The machine's own zone plays no part; the clock passed in does."""
    clock.advance(3600)
    log.warning("later")

    assert console.getvalue() == "10:15:24 | WARNING | later\n"


@pytest.mark.usefixtures("logger")
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Eve\r\n2026-11-22 INFO sent ok", "Eve\\u000d\\u000a2026-11-22 INFO sent ok"),
        ("\x1b[2J\x1b]0;owned\x07", "\\u001b[2J\\u001b]0;owned\\u0007"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u2066a\u2069", "\\u2066a\\u2069"),
        ("[/] x[/red]", "[/] x[/red]"),
        ("%s %d {0}", "%s %d {0}"),
        ("N" * 1_000_000, "N" * (MAX_LINE - len("📱 DELIVERED: ") - 1) + "…"),
    ],
)
def test_hostile_name_stays_one_harmless_line(console: Terminal, name: str, shown: str) -> None:
    """No name forges a line, steers the terminal or floods it."""
    log.info("📱 DELIVERED: %s", name)

    assert console.getvalue() == f"09:15:24 | INFO  | 📱 DELIVERED: {shown}\n"


def test_line_of_a_forgetful_caller_is_cleaned_too(
    logger: OptimizedLogger, console: Terminal
) -> None:
    """Who logs text as it came gets the same cleaning, mask and cap."""
    log.info("answer %s", "x\x1b[1m\n+91 98123 45678 " + "y" * 5000)

    line = console.getvalue()
    assert "\x1b" not in line
    assert "\\u000a+9198••••5678" in line
    assert len(line) < 2100
    assert logger.warnings == ()


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        f"Authorization: Bearer {SECRET}",
        "authorization: BEARER another-token-of-somebody",
        "https://x/?access=Bearer%20another-token-of-somebody",
        f"cut {SECRET[:20]}…",
        "Token abc/def+1",
        "abc/def+1",
        "quoted abc%2Fdef%2B1",
    ],
)
def test_secret_in_any_form_is_replaced(clock: FakeClock, text: str) -> None:
    """Neither a configured secret, nor its beginning, nor any bearer token gets into a line."""
    console = Terminal()
    with make_logger(console, clock, secrets=(SECRET, "Token abc/def+1", "")):
        log.error("%s", text)
        log.error("tail %r", {"k": text})

    shown = console.getvalue()
    assert [("***" in line) for line in shown.splitlines()] == [True, True]
    assert SECRET[:20] not in shown
    assert "another-token" not in shown
    assert "def" not in shown


def test_query_string_is_taken_out(logger: OptimizedLogger, console: Terminal) -> None:
    """URLs are logged without their query, which holds numbers and ids."""
    log.info("GET https://h/api/v1/sendTemplateMessage?whatsappNumber=919812345678&x=1 took 1 s")
    log.info("Looks right?")

    assert "sendTemplateMessage?*** took 1 s\n" in console.getvalue()
    assert "Looks right?\n" in console.getvalue()
    assert logger.warnings == ()


def test_warnings_are_collected_whatever_the_console_shows(clock: FakeClock) -> None:
    """A quiet run still knows what was warned of; one lead's failure is none."""
    console = Terminal()
    with make_logger(console, clock, level=logging.WARNING) as logger:
        log.info("❌ FAILED: %s | %s", "John Doe", "opted out")
        quiet = console.getvalue()
        log.warning("name replaced: %s", "a\nb")
        for number in range(300):
            log.error("error %d", number)
        warnings = logger.warnings

    assert quiet == ""
    assert warnings[:2] == ("name replaced: a\\u000ab", "error 0")
    assert len(warnings) == 201
    assert warnings[-1] == "… and 101 more warnings, in the log file"


def test_console_of_other_packages_is_silent(
    logger: OptimizedLogger, console: Terminal, tmp_path: Path
) -> None:
    """A library's retry warning is kept in the file and is no warning of the run."""
    logger.open_file(tmp_path / LOG_NAME, disk=Disk())
    logging.getLogger("urllib3.connectionpool").warning("Retrying: /path?number=%s", "12345")
    logging.getLogger("urllib3.connectionpool").debug("GET /path?number=12345")

    assert console.getvalue() == ""
    assert logger.warnings == ()
    assert file_lines(tmp_path / LOG_NAME)[1:] == ["09:15:24 | WARNING | Retrying: /path?***"]


def test_broken_format_arguments_are_shown_unfilled(clock: FakeClock) -> None:
    """A mistake in a log call is no reason to end a run."""
    lines = LineFormatter(clock=clock, zone=KOLKATA, redact=Redactor(()))
    record = logging.LogRecord("x", logging.INFO, "", 0, "a %s %d", ("one",), None)

    assert lines.format(record) == "09:15:24 | INFO  | a %s %d"


def test_colour_goes_by_level_on_a_terminal_only(clock: FakeClock) -> None:
    """Warnings stand out; a pipe gets no escape codes."""
    console, pipe = Terminal(), io.StringIO()
    for stream in (console, pipe):
        with make_logger(stream, clock, colour=True):
            for level in (logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG):
                log.log(level, "x")

    colours = [line.partition("09:15:24")[0] for line in console.getvalue().splitlines()]
    assert colours == ["\x1b[31m", "\x1b[33m", "", "\x1b[2m"]
    assert console.getvalue().count("\x1b[0m\n") == 3
    assert "\x1b" not in pipe.getvalue()


@pytest.mark.parametrize("stream", [None, ClosedStream()])
def test_lost_console_never_raises(
    clock: FakeClock, stream: io.StringIO | None, tmp_path: Path
) -> None:
    """With nobody to see it, the run goes on and the file is written."""
    with make_logger(stream, clock) as logger:
        logger.open_file(tmp_path / LOG_NAME, disk=Disk())
        log.info("one")
        log.info("two")

    assert file_lines(tmp_path / LOG_NAME)[1:] == [
        "09:15:24 | INFO  | one",
        "09:15:24 | INFO  | two",
    ]


def test_close_leaves_logging_as_it_was(clock: FakeClock) -> None:
    """Two commands in one process do not hear each other."""
    root = logging.getLogger()
    before = (list(root.handlers), root.level, logging.getLogger("urllib3").level)
    logger = make_logger(io.StringIO(), clock)
    during = len(root.handlers)
    logger.__exit__()
    logger.__exit__()

    assert during == len(before[0]) + 2
    assert (list(root.handlers), root.level, logging.getLogger("urllib3").level) == before


def test_file_holds_debug_and_tracebacks_the_console_does_not(
    clock: FakeClock, tmp_path: Path
) -> None:
    """Each line of a traceback is a line of the log, cleaned like any other."""
    console = Terminal()
    with make_logger(console, clock, level=logging.INFO, secrets=(SECRET,)) as logger:
        logger.open_file(tmp_path / LOG_NAME, disk=Disk())
        log.debug("detail")
        try:
            fail_with(f"bad {SECRET} +919812345678\n09:15:24 | INFO  | forged \x1b")
        except ValueError:
            log.exception("A bug")
        log.info("where", stack_info=True)

    lines = file_lines(tmp_path / LOG_NAME)
    text = "\n".join(lines)
    assert console.getvalue().splitlines() == [
        "09:15:24 | ERROR | A bug",
        "09:15:24 | INFO  | where",
    ]
    assert "09:15:24 | DEBUG | detail" in lines
    assert "09:15:24 | ERROR | Traceback (most recent call last):" in lines
    assert "09:15:24 | ERROR | ValueError: bad *** +9198••••5678" in lines
    assert "09:15:24 | ERROR | 09:15:24 | INFO  | forged \\u001b" in lines
    assert "Stack (most recent call last)" in text
    assert all(re.match(r"\d\d:\d\d:\d\d \| [A-Z]+ *\| ", line) for line in lines)


def _written_before(path: Path, days: int) -> str:
    """Make a file look as if last written some days ago; return the name rotation gives it."""
    then = path.stat().st_mtime - days * ONE_DAY_S
    os.utime(path, (then, then))
    return f"{path.name}.{datetime.fromtimestamp(then).date().isoformat()}"  # noqa: DTZ006 - the server's


def test_file_of_an_earlier_day_is_rotated_by_the_next_process(
    clock: FakeClock, tmp_path: Path
) -> None:
    """Cron starts a process a few times a day; seven days' files are kept beside today's."""
    path = tmp_path / LOG_NAME
    names = []
    for days in range(KEPT_DAYS + 3, -1, -1):
        for _ in range(2):
            with make_logger(None, clock) as logger:
                logger.open_file(path, disk=Disk())
                log.info("run")
        names.append(_written_before(path, days) if days else LOG_NAME)

    assert sorted(found.name for found in tmp_path.iterdir()) == sorted(names[-KEPT_DAYS - 1 :])
    assert file_lines(path) == [
        "09:15:24 | DEBUG | Log of 2026-11-22, times in Asia/Kolkata",
        *["09:15:24 | INFO  | run"] * 2,
    ]
    assert {found.stat().st_mode & 0o777 for found in tmp_path.iterdir()} == {0o600}


def test_file_rotation_overwrites_no_earlier_file(clock: FakeClock, tmp_path: Path) -> None:
    """Where another process has rotated that day's file, both stay."""
    path = tmp_path / LOG_NAME
    path.write_text("left\n", encoding="utf-8")
    kept = tmp_path / _written_before(path, 1)
    kept.write_text("kept\n", encoding="utf-8")
    with make_logger(None, clock) as logger:
        logger.open_file(path, disk=Disk())
        log.info("next day")

    assert file_lines(kept) == ["kept"]
    assert file_lines(kept.with_name(f"{kept.name}.2")) == ["left"]
    assert file_lines(path)[-1] == "09:15:24 | INFO  | next day"


def test_file_behind_a_symlink_is_refused(clock: FakeClock, tmp_path: Path) -> None:
    """A planted link does not make the program write elsewhere."""
    target = tmp_path / "target"
    target.write_text("", encoding="utf-8")
    (tmp_path / LOG_NAME).symlink_to(target)

    with make_logger(None, clock) as logger, pytest.raises(StateError, match="symbolic link"):
        logger.open_file(tmp_path / LOG_NAME, disk=Disk())
    assert target.read_text(encoding="utf-8") == ""


def test_file_that_is_a_folder_or_denied_is_a_warning(clock: FakeClock, tmp_path: Path) -> None:
    """Without a log file the run goes on, and says so."""
    with make_logger(None, clock) as logger:
        logger.open_file(tmp_path / LOG_NAME, disk=ReadOnlyDisk())
        warnings = logger.warnings

    assert len(warnings) == 1
    assert warnings[0].startswith("No log file: [Errno 13] Permission denied")


def test_full_disk_ends_the_file_not_the_run(clock: FakeClock, tmp_path: Path) -> None:
    """The first failed write is the last try; the console goes on, and a warning is left."""
    console = Terminal()
    with make_logger(console, clock) as logger:
        logger.open_file(tmp_path / LOG_NAME, disk=FullDisk())
        log.info("one")
        log.info("two")
        warnings = logger.warnings

    assert console.getvalue().count("\n") == 2
    assert len(warnings) == 1
    assert "No space left on device" in warnings[0]
    assert len(file_lines(tmp_path / LOG_NAME)) == 1


@pytest.mark.parametrize("planted", ["symlink", "folder"])
def test_what_is_planted_before_midnight_is_not_followed(
    clock: FakeClock, tmp_path: Path, planted: str
) -> None:
    """Rotation follows no link, and whatever it meets ends no run."""
    path = tmp_path / LOG_NAME
    target = tmp_path / "target"
    target.write_text("", encoding="utf-8")
    with make_logger(None, clock) as logger:
        path.write_text("left\n", encoding="utf-8")
        _written_before(path, 1)
        logger.open_file(path, disk=Disk())
        path.unlink()
        path.symlink_to(target) if planted == "symlink" else path.mkdir()
        log.info("next day")

    assert target.read_text(encoding="utf-8") == ""

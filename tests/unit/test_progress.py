"""Progress on a terminal, silence elsewhere, and no display that harms a run."""

import errno
import io
import subprocess
import sys

import pytest
from fakes import FakeClock

from lead_automation.reporting.analytics import ProgressCounters
from lead_automation.reporting.progress import (
    Progress,
    progress_text,
)

COUNTERS = ProgressCounters(done=9, total=45, sent=7, delivered=5, failed=1, skipped=1)


LEFT = ["0:01:12 left", "→ Anandi"]
TAIL = ["following 487 messages, up to 120 s"]


class Terminal(io.StringIO):
    """A terminal that may go away."""

    def __init__(self, encoding: str = "utf-8") -> None:
        """Start connected."""
        super().__init__()
        self._encoding = encoding
        self.is_gone = False

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The terminal's."""
        return self._encoding

    def isatty(self) -> bool:
        """Yes."""
        return True

    def write(self, text: str) -> int:
        """Write, or fail once the terminal is gone."""
        if self.is_gone:
            raise OSError(errno.EIO, "Input/output error")
        return super().write(text)


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of 100 columns that knows colours, wherever the tests run."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "101")
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.mark.parametrize(
    ("counters", "what", "width", "text"),
    [
        (
            COUNTERS,
            LEFT,
            100,
            "███░░░░░░░░░░░░░  9/45  sent 7  delivered 5  failed 1  skipped 1  "
            "0:01:12 left  → Anandi",
        ),
        (
            ProgressCounters(done=487, total=500, sent=440, delivered=410, failed=24, skipped=23),
            ["0:00:27 left", "→ Khushali"],
            79,
            "487/500 sent 440 delivered 410 failed 24 skipped 23 0:00:27 left → Khushali",
        ),
        (COUNTERS, LEFT, 60, "9/45 sent 7 delivered 5 failed 1 skipped 1 0:01:12 left"),
        (COUNTERS, LEFT, 40, "9/45 sent 7 failed 1 0:01:12 left"),
        (COUNTERS, TAIL, 60, "9/45 sent 7 failed 1 following 487 messages, up to 120 s"),
        (COUNTERS, LEFT, 16, "9/45 0:01:12 le…"),
        (
            ProgressCounters(),
            [],
            100,
            "░░░░░░░░░░░░░░░░  0/0  sent 0  delivered 0  failed 0  skipped 0",
        ),
    ],
    ids=["wide", "80 columns", "60", "40", "the tail at 60", "too narrow", "before the first"],
)
def test_progress_text_holds_what_fits(
    counters: ProgressCounters, what: list[str], width: int, text: str
) -> None:
    """Done of total, sent, delivered, failed, skipped, what is on; whole words at 60 columns."""
    assert progress_text(counters, what, width=width) == text


def test_display_tells_the_time_left_by_what_may_still_be_sent() -> None:
    """A limit or a quota ends a run before the list does."""
    terminal, clock = Terminal(), FakeClock()
    with Progress(terminal, enabled=True, clock=clock) as progress:
        clock.advance(18)
        progress.update(COUNTERS, counsellor="Anandi", to_go=3)

    assert "0:00:06 left" in terminal.getvalue()


def test_display_shows_figures_and_leaves_only_log_lines() -> None:
    """The last thing done to the terminal is taking the line away."""
    terminal, clock = Terminal(), FakeClock()
    with Progress(terminal, enabled=True, clock=clock) as progress:
        clock.advance(18)
        progress.update(COUNTERS, counsellor="Anandi")
        progress.print_above("\x1b[33m09:15:24 | WARNING | [/] x[/red] :smile:\x1b[0m")
        progress.update(COUNTERS)
    shown = terminal.getvalue()

    assert "9/45  sent 7  delivered 5  failed 1  skipped 1  0:01:12 left  → Anandi" in shown
    assert "\x1b[33m09:15:24 | WARNING | [/] x[/red] :smile:\x1b[0m\n" in shown
    after_last_line = shown.rpartition("Anandi")[2]
    assert "\x1b[2K" in after_last_line
    assert shown.rstrip().endswith(("\x1b[2K", "\x1b[?25h"))


def test_display_hostile_counsellor_is_literal_text() -> None:
    """No markup is read and no escape passes."""
    terminal = Terminal()
    with Progress(terminal, enabled=True, clock=FakeClock()) as progress:
        progress.update(COUNTERS, counsellor="[red]x[/]\x1b[2J\u202e")

    assert "→ [red]x[/]\\u001b[2J\\u202e" in terminal.getvalue()


def test_display_on_an_ascii_terminal_does_not_raise() -> None:
    """Bar and arrow give way to what the encoding has."""
    terminal = Terminal("ascii")
    with Progress(terminal, enabled=True, clock=FakeClock()) as progress:
        progress.update(COUNTERS, counsellor="Zoë")

    assert "9/45  sent 7" in terminal.getvalue()
    assert "-> Zo\\xeb" in terminal.getvalue()
    terminal.getvalue().encode("ascii")


@pytest.mark.parametrize("gone_after", ["start", "update", "never started"])
def test_display_of_a_lost_terminal_ends_quietly(gone_after: str) -> None:
    """A closed window ends the display, not the run."""
    terminal = Terminal()
    terminal.is_gone = gone_after == "never started"
    with Progress(terminal, enabled=True, clock=FakeClock()) as display:
        if gone_after == "update":
            display.update(COUNTERS)
        if gone_after != "never started":
            terminal.is_gone = True
            with pytest.raises(OSError, match="Input/output"):
                display.print_above("the logger takes care of this one")
        display.update(COUNTERS, counsellor="Anandi")

    assert not display.print_above("the caller's to write")


@pytest.mark.parametrize("enabled", [True, False])
def test_pipe_or_quiet_run_shows_no_progress(*, enabled: bool) -> None:
    """Without a terminal, or when told to be silent, only log lines are written."""
    stream = io.StringIO() if enabled else Terminal()
    with Progress(None, enabled=enabled, clock=FakeClock()) as nowhere:
        nowhere.update(COUNTERS)
    with Progress(stream, enabled=enabled, clock=FakeClock()) as progress:
        progress.update(COUNTERS, counsellor="Anandi")

        assert not nowhere.print_above("a line")
        assert not progress.print_above("a line")
    assert stream.getvalue() == ""


def test_rich_and_jinja2_are_imported_only_where_shown() -> None:
    """A run under cron does not pay for a display or a page."""
    code = (
        "import sys, lead_automation.reporting.progress, lead_automation.reporting.report,"
        " lead_automation.reporting.logger;"
        "print({'rich', 'jinja2', 'requests'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"

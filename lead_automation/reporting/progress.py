"""Show how far a run is, on a terminal only; nothing is left behind.

rich is imported when a display is really shown: a run under cron does not pay for it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO

from lead_automation.clock import Clock
from lead_automation.plaintext import columns, fit_encoding, pad
from lead_automation.reporting.analytics import ProgressCounters
from lead_automation.reporting.wording import duration_text
from lead_automation.text import clean

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

_MAX_NAME = 24
_BAR_WIDTH = 16
_MIN_WIDTH = 20


class Progress(Protocol):
    """Where a run tells how far it is."""

    def update(self, counters: ProgressCounters, *, counsellor: str | None = None) -> None:
        """Show new figures, and the counsellor of the current lead when one is given."""
        ...

    def print_above(self, line: str) -> None:
        """Write a log line, already made safe, above the display; OSError when it is gone."""
        ...


class NoProgress:
    """Where no terminal is: figures are dropped, log lines go to the stream as they are."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def update(self, counters: ProgressCounters, *, counsellor: str | None = None) -> None:
        """Drop the figures."""

    def print_above(self, line: str) -> None:
        """Write a line."""
        if self._stream is not None:
            self._stream.write(line + "\n")
            self._stream.flush()


class RichProgress:
    """One live line at the bottom of a terminal, log lines scrolling above it.

    It is drawn by whoever calls, on the same thread; a terminal that goes away ends the display,
    never the run.
    """

    def __init__(self, stream: TextIO, *, clock: Clock) -> None:
        """Prepare a display; ``start`` shows it."""
        from rich.console import Console  # noqa: PLC0415
        from rich.live import Live  # noqa: PLC0415

        self._stream = stream
        self._clock = clock
        self._started_at = clock.monotonic()
        self._counters = ProgressCounters()
        self._counsellor = ""
        self._console: Console = Console(
            file=stream, markup=False, highlight=False, emoji=False, soft_wrap=True
        )
        self._live: Live | None = Live(
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            get_renderable=self._line,
        )

    def start(self) -> None:
        """Begin the display."""
        self._draw(lambda live: live.start(refresh=True))
        self._draw(lambda live: live.console.show_cursor())  # one that is killed leaves it hidden

    def stop(self) -> None:
        """Take the display away, leaving the log lines."""
        self._draw(lambda live: live.stop())
        self._live = None

    def update(self, counters: ProgressCounters, *, counsellor: str | None = None) -> None:
        """Show new figures."""
        self._counters = counters
        if counsellor is not None:
            self._counsellor = clean(counsellor, _MAX_NAME)
        self._draw(lambda live: live.refresh())

    def print_above(self, line: str) -> None:
        """Write a log line above the display; its colours are kept, nothing in it is markup."""
        from rich.text import Text  # noqa: PLC0415

        self._console.print(Text.from_ansi(line), soft_wrap=True)

    def _draw(self, draw: "Callable[[Live], object]") -> None:
        if self._live is not None:
            try:
                draw(self._live)
            except (OSError, ValueError):
                self._live = None

    def _line(self) -> "Text":
        from rich.text import Text  # noqa: PLC0415

        elapsed_s = self._clock.monotonic() - self._started_at
        # Of one line: a display of two could not be taken away cleanly after a resize.
        width = max(_MIN_WIDTH, self._console.width - 1)
        text = progress_text(self._counters, self._counsellor, elapsed_s=elapsed_s, width=width)
        return Text(fit_encoding(text, self._stream.encoding), no_wrap=True)


def progress_text(
    counters: ProgressCounters, counsellor: str, *, elapsed_s: float, width: int
) -> str:
    """Return the progress line, at most width columns; a narrow terminal gets it without a bar.

    Args:
        counters: How far the run is.
        counsellor: Of the current lead, cleaned; "" for none yet.
        elapsed_s: Seconds since the display began.
        width: Columns to fill; where even the short form is too long, its end is cut.
    """
    total = max(counters.total, counters.done)
    filled = _BAR_WIDTH * counters.done // total if total else 0
    parts = [
        f"{counters.done}/{total}",
        f"sent {counters.sent}",
        f"delivered {counters.delivered}",
        f"failed {counters.failed}",
        f"skipped {counters.skipped}",
        *_what_is_on(counters.done, total, counsellor, elapsed_s),
    ]
    shown = [part for part in parts if part]
    wide = "  ".join(["█" * filled + "░" * (_BAR_WIDTH - filled), *shown])
    return pad(wide if columns(wide) <= width else " ".join(shown), width).rstrip()


def _what_is_on(done: int, total: int, counsellor: str, elapsed_s: float) -> tuple[str, ...]:
    if total and done == total:
        return ("following deliveries",)
    left_s = time_left_s(done, total, elapsed_s)
    left = "" if left_s is None else f"{duration_text(left_s)} left"
    return (left, f"→ {counsellor}" if counsellor else "")


def time_left_s(done: int, total: int, elapsed_s: float) -> float | None:
    """Return the seconds left at the pace so far; None while there is no pace to judge by."""
    if done <= 0 or elapsed_s <= 0:
        return None
    return elapsed_s / done * max(0, total - done)


@contextmanager
def make_progress(stream: TextIO | None, *, enabled: bool, clock: Clock) -> Iterator[Progress]:
    """Show progress on a stream while the block runs.

    Args:
        stream: stderr; None where there is none.
        enabled: False (``--quiet``, ``--json``) shows nothing; so does a stream that is no
            terminal.
        clock: Read for the time left.
    """
    if not enabled or stream is None or not stream.isatty():
        yield NoProgress(stream)
        return
    display = RichProgress(stream, clock=clock)
    display.start()
    try:
        yield display
    finally:
        display.stop()

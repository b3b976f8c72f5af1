"""Show how far a run is, on a terminal only; nothing is left behind.

rich is imported when a display is really shown: a run under cron does not pay for it.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Self, TextIO

from lead_automation.clock import Clock
from lead_automation.plaintext import columns, fit_encoding, pad
from lead_automation.reporting.analytics import ProgressCounters
from lead_automation.reporting.wording import duration_text
from lead_automation.text import clean

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

# The counsellor stands last on the line: a longer name would be cut by the terminal's edge anyway.
_MAX_NAME = 24
# With it the line of a run of hundreds just fits 100 columns; on 80 the bar is left out.
_BAR_WIDTH = 16
# Below this a terminal tells of no figure; some say 0 columns when they do not know.
_MIN_WIDTH = 20


class Progress(AbstractContextManager["Progress"]):
    """One live line at the bottom of a terminal, log lines scrolling above it.

    It is drawn by whoever calls, on the same thread; a terminal that goes away ends the display,
    never the run. Where no display is shown, figures are dropped.
    """

    def __init__(self, stream: TextIO | None, *, enabled: bool, clock: Clock) -> None:
        """Prepare a display; entering the block shows it, leaving it takes it away.

        Args:
            stream: stderr; None where there is none.
            enabled: False (``--quiet``, ``--json``) shows nothing; so does a stream that is no
                terminal.
            clock: Read for the time left.
        """
        self._clock = clock
        self._started_at = clock.monotonic()
        self._counters = ProgressCounters()
        self._counsellor = ""
        is_shown = enabled and stream is not None and stream.isatty()
        self._live = self._make_live(stream) if is_shown else None

    def _make_live(self, stream: TextIO | None) -> "Live":
        from rich.console import Console  # noqa: PLC0415
        from rich.live import Live  # noqa: PLC0415

        console = Console(file=stream, markup=False, highlight=False, emoji=False, soft_wrap=True)
        return Live(
            console=console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            get_renderable=lambda: self._line(console),
        )

    def __enter__(self) -> Self:
        """Begin the display."""
        self._draw(lambda live: live.start(refresh=True))
        self._draw(lambda live: live.console.show_cursor())  # one that is killed leaves it hidden
        return self

    def __exit__(self, *error: object) -> None:
        """Take the display away, leaving the log lines."""
        self._draw(lambda live: live.stop())
        self._live = None

    def update(self, counters: ProgressCounters, *, counsellor: str | None = None) -> None:
        """Show new figures, and the counsellor of the current lead when one is given."""
        self._counters = counters
        if counsellor is not None:
            self._counsellor = clean(counsellor, _MAX_NAME)
        self._draw(lambda live: live.refresh())

    def print_above(self, line: str) -> bool:
        """Write a log line above the display, its colours kept, nothing in it markup.

        Returns:
            False where no display is shown: the line is the caller's to write.

        Raises:
            OSError: The terminal is gone.
        """
        if self._live is None:
            return False
        from rich.text import Text  # noqa: PLC0415

        self._live.console.print(Text.from_ansi(line), soft_wrap=True)
        return True

    def _draw(self, draw: "Callable[[Live], object]") -> None:
        if self._live is not None:
            try:
                draw(self._live)
            except (OSError, ValueError):
                self._live = None

    def _line(self, console: "Console") -> "Text":
        from rich.text import Text  # noqa: PLC0415

        elapsed_s = self._clock.monotonic() - self._started_at
        # Of one line: a display of two could not be taken away cleanly after a resize.
        width = max(_MIN_WIDTH, console.width - 1)
        text = progress_text(self._counters, self._counsellor, elapsed_s=elapsed_s, width=width)
        return Text(fit_encoding(text, console.encoding), no_wrap=True)


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
    wide = "  ".join(["█" * filled + "░" * (_BAR_WIDTH - filled), *parts])
    return pad(wide if columns(wide) <= width else " ".join(parts), width).rstrip()


def _what_is_on(done: int, total: int, counsellor: str, elapsed_s: float) -> list[str]:
    """Return the time left at the pace so far, once there is one, and who is being served."""
    if total and done == total:
        return ["following deliveries"]
    said = [f"→ {counsellor}"] if counsellor else []
    if done and elapsed_s:
        said.insert(0, f"{duration_text(elapsed_s / done * (total - done))} left")
    return said

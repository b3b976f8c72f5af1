"""Show how far a run is, on a terminal only; nothing is left behind.

rich is imported when a display is really shown: a run under cron does not pay for it.
"""

import math
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
        self._goal: int | None = None
        self._tail: tuple[int, float] | None = None
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

    def update(
        self,
        counters: ProgressCounters,
        *,
        counsellor: str | None = None,
        to_go: int | None = None,
    ) -> None:
        """Show new figures.

        Args:
            counters: How far the run is.
            counsellor: Of the lead whose turn has come.
            to_go: Leads, this one included, for which quota and limit are left.
        """
        self._counters = counters
        if counsellor is not None:
            self._counsellor = clean(counsellor, _MAX_NAME)
            self._tail = None
        if to_go is not None:
            self._goal = counters.done + to_go
        self._draw(lambda live: live.refresh())

    def following(self, count: int, until: float) -> None:
        """Show that messages are followed, until a steady second at the latest."""
        self._tail = (count, until)
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

        now = self._clock.monotonic()
        # Of one line: a display of two could not be taken away cleanly after a resize.
        width = max(_MIN_WIDTH, console.width - 1)
        what = _what_is_on(self._counters, self._goal, self._counsellor, now - self._started_at)
        if self._tail is not None:
            count, until = self._tail
            messages = f"{count} message{'s' * (count != 1)}"
            what = [f"following {messages}, up to {max(0, math.ceil(until - now))} s"]
        text = progress_text(self._counters, what, width=width)
        return Text(fit_encoding(text, console.encoding), no_wrap=True)


def progress_text(counters: ProgressCounters, what: list[str], *, width: int) -> str:
    """Return the progress line, at most width columns; a narrow terminal gets the figures it can.

    Args:
        counters: How far the run is.
        what: What is going on, the most important first.
        width: Columns to fill; only where the shortest form is too long, its end is cut.
    """
    total = max(counters.total, counters.done)
    filled = _BAR_WIDTH * counters.done // total if total else 0
    bar = "█" * filled + "░" * (_BAR_WIDTH - filled)
    done, sent = f"{counters.done}/{total}", f"sent {counters.sent}"
    delivered, failed = f"delivered {counters.delivered}", f"failed {counters.failed}"
    figures = [done, sent, delivered, failed, f"skipped {counters.skipped}"]
    # What is left out first is what the summary, or the log above, says as well.
    forms = (
        "  ".join([bar, *figures, *what]),
        " ".join([*figures, *what]),
        " ".join([*figures, *what[:1]]),
        " ".join([done, sent, delivered, failed, *what[:1]]),
        " ".join([done, sent, failed, *what[:1]]),
        " ".join([done, *what[:1]]),
    )
    return pad(next((form for form in forms if columns(form) <= width), forms[-1]), width).rstrip()


def _what_is_on(
    counters: ProgressCounters, goal: int | None, counsellor: str, elapsed_s: float
) -> list[str]:
    """Return the time left at the pace so far, once there is one, and who is being served."""
    said = [f"→ {counsellor}"] if counsellor else []
    left = min(counters.total, counters.total if goal is None else goal) - counters.done
    if counters.done and elapsed_s and left > 0:
        said.insert(0, f"{duration_text(elapsed_s / counters.done * left)} left")
    return said

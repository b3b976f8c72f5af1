"""What a run shows on a terminal, on a narrow one, without colours, and in a pipe."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("termios", reason="needs pseudo-terminals")

from desk import Desk, Screen, Shown, desk, quiet_leads

from lead_automation.clock import Clock
from lead_automation.files import Disk
from lead_automation.state.hold import HoldFile
from lead_automation.stored import Hold

LOG_LINE = re.compile(r"\d\d:\d\d:\d\d \| (?:DEBUG|INFO |WARNING|ERROR) \| ")
PROGRESS = re.compile(r"^(?:[█░]{16} +)?\d+/\d+ +sent \d+", re.MULTILINE)
COLOUR = re.compile(r"\x1b\[\d[\d;]*m")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Desk]:
    """A desk with five leads and one whose number is none; one of them has no name."""
    with desk(tmp_path) as its:
        yield its


def screens(shown: Shown, columns: int = 250) -> list[str]:
    """Return what the terminal showed after each piece that came."""
    screen, texts = Screen(columns), []
    for chunk in shown.chunks:
        screen.feed(chunk)
        texts.append(screen.text)
    return texts


def told(log: str) -> list[str]:
    """Return log lines without what differs from run to run: times, run ids, who is chosen."""
    texts = [LOG_LINE.sub("", line) for line in log.splitlines() if LOG_LINE.match(line)]
    return sorted(re.split(r" \| | → |: /|: \S*report", text)[0] for text in texts)


def test_run_on_a_terminal_shows_progress_below_the_log_and_leaves_nothing(tmp_path: Path) -> None:
    """One live line at the bottom while the run is on, log lines above it, nothing at the end."""
    with desk(tmp_path, follows_s=1.5) as here:
        shown = here.in_terminal("run")
    seen = screens(shown)
    live = [text for text in seen if PROGRESS.search(text)]
    at_bottom = [text.splitlines()[-1] for text in live]

    assert shown.code == 0
    assert len(live) > 3
    assert all(PROGRESS.match(line) for line in at_bottom)
    assert all(len(PROGRESS.findall(text)) == 1 for text in live)
    assert LOG_LINE.match(live[-1].splitlines()[-2])
    assert any(re.search(r"failed 1 .* 0:00:\d\d left  → \w+$", line) for line in at_bottom)
    assert re.search(
        r"6/6  sent 4  delivered 3  failed 2  skipped 1  following \d messages?, up to [012] s$",
        at_bottom[-1],
    )
    assert not PROGRESS.search(seen[-1])
    log, _, summary = seen[-1].partition("🏁 CAMPAIGN EXECUTION SUMMARY 🏁\n")
    assert all(LOG_LINE.match(line) for line in log.splitlines())
    assert "📞 [001/006] Lead Number 0 → " in log
    assert "📤 Messages Sent: 4\n" in summary
    assert not shown.out.endswith("\x1b[?25l")
    assert shown.out.count("\x1b[?25h") >= shown.out.count("\x1b[?25l")


def test_run_in_a_pipe_shows_the_same_log_without_progress_or_escapes(tmp_path: Path) -> None:
    """The result on stdout, the log on stderr, not one escape byte and no progress in either."""
    for name in ("terminal", "pipe"):
        (tmp_path / name).mkdir()
    with desk(tmp_path / "terminal", follows_s=1.5) as here:
        watched = here.in_terminal("run")
    with desk(tmp_path / "pipe", follows_s=1.5) as here:
        piped = here.in_pipe("run")
    log, _, summary = screens(watched)[-1].partition("🏁 CAMPAIGN EXECUTION SUMMARY 🏁\n")

    assert piped.code == 0
    assert "\x1b" not in piped.out + piped.err
    assert "\r" not in piped.out + piped.err
    assert not PROGRESS.search(piped.err)
    assert all(LOG_LINE.match(line) for line in piped.err.splitlines())
    assert told(piped.err) == told(log) != []
    assert piped.out.startswith("🏁 CAMPAIGN EXECUTION SUMMARY 🏁\n")
    assert summary.splitlines()[:6] == piped.out.splitlines()[1:7]


def test_run_on_a_narrow_terminal_keeps_to_its_columns(here: Desk) -> None:
    """At 40 columns the live line takes one row, the summary is broken at spaces, nothing stays."""
    shown = here.in_terminal("run", columns=40)
    seen = screens(shown, 40)
    live = [text for text in seen if PROGRESS.search(text)]
    lines = shown.out.replace("\r", "").partition("🏁 CAMPAIGN")[2].splitlines()[1:]

    assert shown.code == 0
    assert live
    assert all(len(PROGRESS.findall(text)) == 1 for text in live)
    assert all(PROGRESS.match(text.splitlines()[-1]) for text in live)
    assert not PROGRESS.search(seen[-1])
    assert max(map(len, lines)) <= 40
    assert any(line.startswith("  Anandi: ") for line in lines)


@pytest.mark.parametrize("way", ["NO_COLOR", "--no-color"])
def test_run_without_colour_still_shows_progress(here: Desk, way: str) -> None:
    """No colour anywhere, asked for by the variable or by the option."""
    options, environ = (["--no-color"], {}) if way == "--no-color" else ([], {"NO_COLOR": "1"})
    shown = here.in_terminal("run", *options, environ=environ)

    assert shown.code == 0
    assert "INFO  | Lead 1009 is addressed as Customer" in shown.out
    assert PROGRESS.search("\n".join(screens(shown)))
    assert COLOUR.findall(shown.out) == []


def test_run_on_a_terminal_colours_warnings(here: Desk) -> None:
    """What the two ways above switch off is there without them; a quiet run has no progress."""
    shown = here.in_terminal("run", "-q", environ={"WATI_TEMPLATENAME": "x"})

    assert re.search(r"\x1b\[33m\d\d:\d\d:\d\d \| WARNING \| .*WATI_TEMPLATENAME", shown.out)
    assert not PROGRESS.search("\n".join(screens(shown)))


def test_quiet_run_that_went_well_shows_nothing_on_a_terminal(tmp_path: Path) -> None:
    """Not a byte: no line, no progress, no cursor moved."""
    with desk(tmp_path, leads=quiet_leads()) as here:
        shown = here.in_terminal("run", "-q")

        assert (shown.code, shown.out) == (0, "")
        assert len(here.simulator.messages) == 3


def test_run_on_a_dumb_terminal_draws_nothing(here: Desk) -> None:
    """A terminal that cannot move its cursor gets plain lines."""
    shown = here.in_terminal("run", "--no-color", environ={"TERM": "dumb"})

    assert shown.code == 0
    assert "\x1b" not in shown.out


def test_run_interrupted_on_a_terminal_leaves_it_in_order(here: Desk) -> None:
    """Ctrl-C ends the run with 130, the live line gone and the cursor shown."""
    shown = here.in_terminal("run", interrupt_at="SENT: Lead Number 0")
    last = screens(shown)[-1]

    assert shown.code == 130
    assert "STATUS: INTERRUPTED" in last
    assert not PROGRESS.search(last)
    assert shown.out.rfind("\x1b[?25h") >= shown.out.rfind("\x1b[?25l")


def test_resume_interrupted_at_its_question_ends_at_once(here: Desk) -> None:
    """Ctrl-C is a no that needs no second key, and the hold stays."""
    holds = HoldFile(Disk(), here.state_dir)
    hold = Hold(
        reason="ACCOUNT_ISSUE: account locked",
        since=Clock().now(),
        evidence="131031",
        what_to_do=("Ask Meta.",),
        until=None,
    )
    holds.set(hold)
    shown = here.in_terminal("resume", interrupt_at="Type yes")

    assert shown.code == 130
    assert "Traceback" not in shown.out
    assert holds.read() is not None

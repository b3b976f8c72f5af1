"""The summary at the end of a run: the owner's block, 80 columns, and what to do next."""

from datetime import timedelta

import pytest
from msgspec.structs import replace
from report_samples import STARTED, analytics, everyday_run, finish, hostile_run, lead

from lead_automation.counts import MonthCalls
from lead_automation.models import ErrorCategory
from lead_automation.plaintext import columns, fit_encoding, pad, wrap
from lead_automation.reporting.next_steps import (
    META_CHECKLIST,
    Circumstances,
    has_meta_checklist,
    other_steps,
    with_next_steps,
)
from lead_automation.reporting.summary import render_summary
from lead_automation.reporting.wording import (
    CATEGORY_ACTIONS,
    CATEGORY_MEANINGS,
    MODE_NOTES,
    SKIP_MEANINGS,
    STATUS_EMOJI,
    title,
)
from lead_automation.runs import RunMode, RunResult, RunStatus, SkipReason
from lead_automation.stored import Hold

BLOCK = """\
🏁 CAMPAIGN EXECUTION SUMMARY 🏁
✅ STATUS: COMPLETED
📤 Messages Sent: 45
📱 Delivered: 42
👀 Read: 15
❌ Failed: 3
⚡ Success Rate: 93.8%
⏱️ Duration: 0:02:34
"""


def test_render_summary_everyday_run_holds_every_figure() -> None:
    """The owner's eight lines stand first, letter by letter; every other figure is there too."""
    text = render_summary(everyday_run())

    assert text.startswith(BLOCK)
    assert "52 fetched = 4 skipped + 48 attempted + 0 not reached" in text
    assert "48 = 45 accepted + 3 refused + 0 unknown" in text
    assert "17.5 messages" in text
    assert "93.3% of the sent delivered, 33.3% read; 6.3% of the attempted failed" in (
        " ".join(text.split())
    )
    assert "  Not on WhatsApp      3\n" in text
    assert "  Malformed            1\n" in text
    assert "  WATI, month          120 of 10,000\n" in text
    assert "  A month carries      1,951 leads, each followed to its end\n" in text
    assert "Preeti              8     5      5 100%    2  40%      3    0   62.5%     7/50" in text


@pytest.mark.parametrize("width", [80, 60, 40])
def test_render_summary_hostile_run_keeps_to_its_width(width: int) -> None:
    """Whatever names and reasons hold, texts wrap and nothing steers the terminal."""
    text = render_summary(hostile_run(), width=width)

    figures = [line for line in text.splitlines() if line.endswith(("/50", "/100000"))]
    assert len(figures) == 9
    assert all(columns(line) <= width for line in text.splitlines())
    assert "\x1b" not in text
    assert "\\u001b[2J" in text


def test_render_summary_meta_restriction_prints_the_checklist_in_order() -> None:
    """The five steps are numbered, and stand once."""
    text = render_summary(hostile_run())

    places = [text.index(f"{number}. {step}") for number, step in enumerate(META_CHECKLIST, 1)]
    assert places == sorted(places)
    assert text.count(META_CHECKLIST[0]) == 1
    assert "META_QUALITY_STOP_AFTER" in text


@pytest.mark.parametrize("mode", RunMode)
def test_render_summary_every_mode_but_production_says_what_it_is(mode: RunMode) -> None:
    """Nobody takes a rehearsal for the real thing."""
    text = render_summary(finish(analytics(mode=mode)))

    assert MODE_NOTES[mode] in text.replace("\n", " ")
    assert f"({mode.value}, exit code 0)" in text


def test_render_summary_dry_run_says_what_would_be_sent() -> None:
    """A plan of one is shown as one."""
    books = analytics(mode=RunMode.DRY_RUN)
    books.fetched(1)
    books.put(lead(1, counsellor="Anandi"))

    assert "Would be sent: 1\n" in render_summary(finish(books))


def test_render_summary_many_warnings_are_cut() -> None:
    """A hundred warnings do not bury the result."""
    result = replace(everyday_run(), warnings=tuple(f"warning {n}" for n in range(100)))
    text = render_summary(result)

    assert "warning 19" in text
    assert "warning 20" not in text
    assert "and 80 more, in the log" in text


def test_render_summary_nothing_configured_is_short() -> None:
    """A run that ended before there was anything to count still has a summary."""
    result = replace(finish(analytics([])), api_calls={}, month=MonthCalls(calls=0, limit=0))
    text = render_summary(result)

    assert "Counsellor " not in text
    assert "calls" not in text


def _steps(result: RunResult, now: Circumstances | None = None) -> str:
    return "\n".join(with_next_steps(result, now or Circumstances()).next_steps)


def test_next_steps_meta_quality_come_first_and_once() -> None:
    """The checklist leads, and the hold's own copy of it is not repeated."""
    hold = Hold(
        reason="r",
        since=STARTED,
        evidence="e",
        what_to_do=(*META_CHECKLIST, "Call the account manager."),
        until=STARTED + timedelta(hours=2),
    )
    steps = with_next_steps(
        finish(analytics(), status=RunStatus.STOPPED, exit_code=3),
        Circumstances(meta_quality=True, hold=hold, stopped_by=ErrorCategory.UNKNOWN_ERROR),
    ).next_steps

    assert steps[:5] == META_CHECKLIST
    assert "META_QUALITY_STOP_AFTER" in steps[5]
    assert steps[6] == "Call the account manager."
    assert steps[7].startswith("Sending is held until 2026-11-22T05:45+00:00;")
    assert len(steps) == 8


@pytest.mark.parametrize(
    ("status", "exit_code", "mode", "stopped_by", "word"),
    [
        (RunStatus.STOPPED, 3, RunMode.PRODUCTION, "template_mismatch", "WATI_TEMPLATE_NAME"),
        (RunStatus.STOPPED, 3, RunMode.PRODUCTION, "quota_exceeded", "top up"),
        (RunStatus.STOPPED, 3, RunMode.PRODUCTION, "account_issue", "WATI_API_KEY"),
        (RunStatus.STOPPED, 3, RunMode.PRODUCTION, "network_error", "network"),
        (RunStatus.STOPPED, 3, RunMode.PRODUCTION, "unknown_error", "WATI dashboard"),
        (RunStatus.STOPPED, 3, RunMode.PRODUCTION, "opt_out", ""),
        (RunStatus.QUOTA_EXHAUSTED, 0, RunMode.PRODUCTION, None, "daily_limit"),
        (RunStatus.NO_LEADS, 0, RunMode.PRODUCTION, None, "LEAD_OWNER_ID"),
        (RunStatus.NO_COUNSELLORS, 0, RunMode.PRODUCTION, None, "COUNSELLORS_FILE"),
        (RunStatus.INTERRUPTED, 130, RunMode.PRODUCTION, None, "run again"),
        (RunStatus.FAILED, 1, RunMode.PRODUCTION, None, "traceback"),
        (RunStatus.COMPLETED, 0, RunMode.DRY_RUN, None, "--dry-run"),
        (RunStatus.COMPLETED, 0, RunMode.TEST, None, "USE_TEST_NUMBER=false"),
        (RunStatus.COMPLETED, 0, RunMode.PRODUCTION, None, ""),
    ],
)
def test_next_steps_of_each_end_say_how_to_go_on(
    status: RunStatus, exit_code: int, mode: RunMode, stopped_by: str | None, word: str
) -> None:
    """An end names what would change it, a rehearsal the next stage; a good end needs nothing."""
    result = finish(analytics(mode=mode), status=status, exit_code=exit_code)
    category = ErrorCategory(stopped_by) if stopped_by else None
    steps = _steps(result, Circumstances(stopped_by=category))

    assert word in steps
    assert bool(steps) == bool(word)


def test_next_steps_loose_ends_are_each_named() -> None:
    """Unknown sends, owed rows, bad numbers, odd rows, failures and the rest are all told."""
    sound = finish(analytics())
    bad_rows = {SkipReason.INVALID_NUMBER: 2, SkipReason.MALFORMED: 1}
    skipped = {**sound.leads.skipped, **bad_rows}
    result = replace(
        sound,
        leads=replace(sound.leads, unknown=1, attempted=10, not_reached=2, skipped=skipped),
        messages=replace(sound.messages, failed=3),
        month=MonthCalls(calls=8000, limit=10_000),
    )
    steps = _steps(result, Circumstances(owed_rows=3))

    assert "1 message may or may not have arrived" in steps
    assert "3 rows of its message log" in steps
    assert "Correct 2 invalid numbers in the CRM." in steps
    assert "1 malformed CRM row " in steps
    assert "Many messages failed" in steps
    assert "2 leads not reached" in steps
    assert "8,000 of 10,000" in steps


def test_next_steps_are_each_said_once() -> None:
    """None of them stands twice; without trouble at Meta no checklist; a hold names ``resume``."""
    hold = Hold(reason="r", since=STARTED, evidence="e", what_to_do=("Call.", "Call."), until=None)
    result = with_next_steps(everyday_run(), Circumstances(hold=hold))

    assert result.next_steps[0] == "Call."
    assert "until somebody runs `resume`" in result.next_steps[1]
    assert len(set(result.next_steps)) == len(result.next_steps)
    assert not has_meta_checklist(result)
    assert other_steps(result) == result.next_steps


def test_wording_covers_every_member() -> None:
    """No category, reason, status or mode is without words."""
    assert set(CATEGORY_MEANINGS) == set(CATEGORY_ACTIONS) == set(ErrorCategory)
    assert set(SKIP_MEANINGS) == set(SkipReason)
    assert set(STATUS_EMOJI) == set(RunStatus)
    assert set(MODE_NOTES) == set(RunMode)
    assert title("not_on_whatsapp") == "Not on WhatsApp"


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("utf-8", "🏁 Zoë → प्रि ⏱️ 1 • 2 … ✅"),
        ("cp1252", "Zoë -> \\u092a\\u094d\\u0930\\u093f 1 * 2 ..."),
        ("ascii", "Zo\\xeb -> \\u092a\\u094d\\u0930\\u093f 1 * 2 ..."),
        (None, "Zo\\xeb -> \\u092a\\u094d\\u0930\\u093f 1 * 2 ..."),
        ("no-such-codec", "Zo\\xeb -> \\u092a\\u094d\\u0930\\u093f 1 * 2 ..."),
    ],
)
def test_fit_encoding_shows_what_the_console_can(encoding: str | None, expected: str) -> None:
    """A console without emoji gets plain text, never an error."""
    assert fit_encoding("🏁 Zoë → प्रि ⏱️ 1 • 2 … ✅", encoding) == expected


def test_pad_counts_columns_not_characters() -> None:
    """Wide letters take two columns, marks none, and what is too long ends in an ellipsis."""
    assert pad("ab", 4) == "ab  "
    assert pad("長い名前", 6) == "長い… "
    assert columns(pad("e\u0301" * 9, 5)) == 5


def test_wrap_breaks_at_spaces_by_columns() -> None:
    """Wide letters count two, a word longer than the line is cut, and an indent hangs."""
    assert wrap("a bb ccc", 6, head="- ") == ["- a bb", "  ccc"]
    assert wrap("長い名前だ", 6) == ["長い名", "前だ"]
    assert wrap("x" * 7, 6, head="1. ", indent="") == ["1. xxx", "xxx", "x"]
    assert wrap("", 6, head="Run:  ") == ["Run:"]

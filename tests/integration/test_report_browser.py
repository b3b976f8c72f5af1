"""The pages in a real browser: nothing overlaps, scrolls sideways or fades into its ground."""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from datetime import date, timedelta
from html import escape
from pathlib import Path
from urllib.parse import unquote

import pytest
from report_samples import KOLKATA, STARTED, TEAM, everyday_run, hostile_run

from lead_automation.models import MessageStatus
from lead_automation.reporting.days import facts_of_records, summarise_days
from lead_automation.reporting.report import ReportForm, render_days, render_html
from lead_automation.stored import MessageRecord

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_BROWSER = next(filter(None, map(shutil.which, _BROWSERS)), None)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(_BROWSER is None, reason="no Chromium is installed"),
]

_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--dump-dom",
)

_MEASURE = Path(__file__).with_name("measure_page.js")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What the browser saw.

    Attributes:
        width: The window's, in CSS pixels.
        scroll: The page's, which is more when it scrolls sideways.
        text: As a reader sees it.
        texts: Pieces of text looked at.
        outside, overlaps, clipped, faint, flat: Texts, or names of charts, that are not all right.
    """

    width: int
    scroll: int
    height: float
    dark: bool
    text: str
    texts: int
    outside: list[str]
    overlaps: list[str]
    clipped: list[str]
    faint: list[str]
    flat: list[str]


def days_page(days: int) -> str:
    """Return some days on which every counsellor sent something."""
    today = date(2026, 11, 22)
    records = [
        MessageRecord(
            lead_id=f"{back}-{number}",
            day=today - timedelta(days=back),
            phone="+919812345678",
            template="t",
            counsellor=TEAM[number % len(TEAM)].name,
            status=list(MessageStatus)[(number + back) % len(MessageStatus)],
            sent_at=STARTED,
            attempts=1,
            message_id=None,
            updated_at=None,
        )
        for back in range(days)
        for number in range(60 + 40 * (back % 7))
    ]
    quota = {today - timedelta(days=back): {"Anandi": 50, "Karan": 12} for back in range(days)}
    facts = facts_of_records(records, KOLKATA)
    report = summarise_days(facts, quota, TEAM, days=days, today=today)
    return render_days(report, ReportForm.HTML).decode()


PAGES = {
    "everyday": render_html(everyday_run(), zone=KOLKATA),
    "hostile": render_html(hostile_run(), zone=KOLKATA),
    "days": days_page(7),
    "month": days_page(30),
}
HEIGHTS = {
    "days": (PAGES["days"], 3000),
    "month": (PAGES["month"], 4500),
    "run": (PAGES["everyday"], 5000),
}
"""Pages, and how many pixels of a phone each may take at most."""


def measure(html: str, folder: Path, *, width: int, dark: bool) -> Measured:
    """Open a page in the browser and return what it looks like."""
    policy = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
    assert policy.search(html), "the page has lost its policy"
    # A window may not be as narrow as a phone, a frame may.
    frame = '<!doctype html><body><iframe width="{}" height="900" style="border:0" srcdoc="{}">'
    page = folder / "page.html"
    script = f"<script>{_MEASURE.read_text(encoding='utf-8')}</script>"
    framed = frame.format(width, escape(policy.sub(lambda _: script, html)))
    page.write_text(framed, encoding="utf-8")
    assert _BROWSER is not None
    scheme = ["--blink-settings=preferredColorScheme=0"] if dark else []
    done = subprocess.run(
        [
            _BROWSER,
            *_OPTIONS,
            *scheme,
            f"--user-data-dir={folder / 'profile'}",
            "--window-size=1400,1000",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = re.search(r'<pre id="measured">([^<]*)</pre>', done.stdout)
    assert found, "the page's script did not run"
    return Measured(**json.loads(unquote(found[1])))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 961, 390])
@pytest.mark.parametrize("name", PAGES)
def test_page_in_a_browser_is_whole(tmp_path: Path, name: str, width: int, *, dark: bool) -> None:
    """On desk, tablet and phone, light and dark, every text is in its place and readable."""
    seen = measure(PAGES[name], tmp_path, width=width, dark=dark)

    assert (seen.width, seen.dark) == (width, dark)
    assert seen.texts > 100
    assert seen.scroll <= width
    assert seen.outside == []
    assert seen.overlaps == []
    assert seen.clipped == []
    assert seen.faint == []
    assert seen.flat == []


@pytest.mark.parametrize("width", [1280, 390])
def test_page_in_a_browser_shows_all_numbers(tmp_path: Path, width: int) -> None:
    """Each figure of the run can be read on the page."""
    result = everyday_run()
    seen = " ".join(measure(PAGES["everyday"], tmp_path, width=width, dark=False).text.split())

    for name, its in result.counsellors.items():
        place = seen.index(f"{name} ", seen.index("Counsellors"))
        part = seen[place : place + 160]
        for figure in (
            result.assigned[name],
            its.sent,
            its.delivered,
            its.read,
            its.pending,
            its.failed,
        ):
            assert str(figure) in part.split()
        assert f"{its.used_today}/{its.daily_limit}" in part.replace("/ ", "/")
    tiles = "Sent 45 Delivered 42 93.3% Read 15 33.3% Failed 3 6.3% Unknown 0 Success rate 93.8%"
    assert tiles in seen


@pytest.mark.parametrize("name", HEIGHTS)
def test_page_is_no_longer_than_a_phone_is_scrolled(tmp_path: Path, name: str) -> None:
    """A week, a month of nine counsellors, a run of 52 leads."""
    html, most = HEIGHTS[name]

    assert measure(html, tmp_path, width=390, dark=False).height <= most


def test_measuring_finds_what_is_wrong(tmp_path: Path) -> None:
    """A page made to scroll, overlap and fade is seen as such: the other tests can fail."""
    broken = PAGES["everyday"].replace(
        "<main>",
        '<main><p style="width:2000px;white-space:nowrap;color:#eee;background:#fff">'
        + "wide " * 200
        + '</p><p style="margin-top:-1.2em">over</p>',
    )
    seen = measure(broken, tmp_path, width=390, dark=False)

    assert seen.scroll > 390
    assert seen.outside
    assert seen.overlaps
    assert seen.faint

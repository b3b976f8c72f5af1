"""The forms of a report: equal figures, harmless cells, one self-contained page."""

import csv
import io
import json
import re
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser

import pytest
from report_samples import (
    KOLKATA,
    NAMES,
    STARTED,
    TEAM,
    accepted,
    analytics,
    everyday_run,
    finish,
    hostile_run,
    lead,
    refused,
)

from lead_automation.models import ErrorCategory, MessageStatus, Outcome
from lead_automation.plaintext import columns
from lead_automation.reporting.charts import share, stack, step_text, timeline
from lead_automation.reporting.days import DayFigures, DaysReport, facts_of_records, summarise_days
from lead_automation.reporting.next_steps import Circumstances, with_next_steps
from lead_automation.reporting.report import ReportForm, render_days, render_html, render_report
from lead_automation.runs import RunMode, RunStatus
from lead_automation.stored import Hold, MessageRecord
from lead_automation.text import clean

TODAY = date(2026, 11, 22)
HOSTILE = "Evil\x1b[2J<script>alert(1)</script>"


class Page(HTMLParser):
    """What a page holds: its tags, attributes, text and accessible names."""

    def __init__(self, html: str) -> None:
        """Read a page."""
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.unnamed_charts = 0
        self._texts: list[str] = []
        self._in_style = False
        self.feed(html)
        self.close()

    @property
    def text(self) -> str:
        """Everything a reader sees, one line."""
        return " ".join(" ".join(self._texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag."""
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self._in_style = tag == "style"
        if tag == "svg" and not (dict(attrs).get("aria-label") and ("role", "img") in attrs):
            self.unnamed_charts += 1

    def handle_data(self, data: str) -> None:
        """Keep text, without the style sheet."""
        if not self._in_style:
            self._texts.append(data)

    def handle_endtag(self, tag: str) -> None:
        """Note where the style sheet ends."""
        if tag == "style":
            self._in_style = False


def text_of(form: ReportForm) -> str:
    """Return the hostile run in a form."""
    return render_report(hostile_run(), form, zone=KOLKATA).decode("utf-8-sig")


def csv_rows(data: bytes) -> list[dict[str, str]]:
    """Return what a spreadsheet reads."""
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def record(
    day: date, number: int, counsellor: str | None = "Anandi", **changes: object
) -> MessageRecord:
    """Return a message accepted and delivered, with the changes given."""
    values: dict[str, object] = {
        "lead_id": str(number),
        "day": day,
        "phone": "+919812345678",
        "template": "t",
        "counsellor": counsellor,
        "status": MessageStatus.DELIVERED,
        "message_id": None,
        "sent_at": datetime(2026, 11, 22, tzinfo=UTC),
        "updated_at": None,
        "attempts": 1,
        **changes,
    }
    return MessageRecord(**values)  # type: ignore[arg-type]


def week() -> DaysReport:
    """Return seven days with every kind of record on the last two."""
    yesterday = TODAY - timedelta(days=1)
    failed = MessageStatus.FAILED
    none: dict[str, object] = {"status": failed, "sent_at": None}
    records = [
        record(TODAY, 1),
        record(TODAY, 2, status=MessageStatus.READ),
        record(TODAY, 3, status=MessageStatus.SENT),
        record(TODAY, 4, "Preeti", status=failed, error_category=ErrorCategory.OPT_OUT),
        record(TODAY, 5, "Preeti", **none, error_category=ErrorCategory.NOT_ON_WHATSAPP),
        record(TODAY, 6, "Gone", unknown=True, status=MessageStatus.PENDING),
        record(
            TODAY,
            7,
            None,
            **none,
            attempts=0,
            error_category=ErrorCategory.INVALID_NUMBER,
            phone=None,
        ),
        record(yesterday, 8, None, template=None, sent_at=None, status=MessageStatus.SENT),
        record(TODAY - timedelta(days=30), 9, status=failed, error_category=ErrorCategory.OPT_OUT),
    ]
    quota = {TODAY: {"Anandi": 3, "Preeti": 1, HOSTILE: 1}, yesterday: {"Anandi": 1}}
    facts = facts_of_records(records, KOLKATA)
    return summarise_days(facts, quota, TEAM, days=7, today=TODAY)


def test_html_everyday_run_shows_every_figure_of_the_json() -> None:
    """The page and ``--json`` say the same."""
    result = everyday_run()
    text = Page(render_html(result, zone=KOLKATA)).text

    for figure in (
        "45 Sent",
        "Sent 45",
        "Delivered 42 93.3%",
        "Read 15 33.3%",
        "Failed 3 6.3%",
        "Unknown 0",
        "Success rate 93.8%",
        "Fetched 52",
        "Attempted 48 92% 4 skipped",
        "Sent 45 94% 3 refused",
        "Not on WhatsApp 3",
        "Duplicate 1",
        "0:02:34",
        "20261122T091523-3f9a",
        "120 of 10,000",
        "09:15:23 – 09:17:57 (Asia/Kolkata)",
    )[1:]:
        assert figure in text
    for name, its in result.counsellors.items():
        rates = its.rates(result.assigned[name])
        delivered = f"{its.delivered} {rates.delivered}%"
        cells = (result.assigned[name], its.sent, delivered, f"{its.read} {rates.read}%")
        rest = (its.pending, its.failed)
        assert " ".join((name, *(str(cell) for cell in (*cells, *rest)))) in text


def test_html_status_and_reason_stand_first() -> None:
    """Who only looks for a second sees how it ended and why."""
    text = Page(render_html(everyday_run(), zone=KOLKATA)).text
    body = text[text.index("Campaign report") :]

    assert body.startswith(
        "Campaign report · Sunday, 22 November 2026, 09:15 · lead_followup Completed All leads"
    )


@pytest.mark.parametrize(
    "html",
    [render_html(hostile_run(), zone=KOLKATA), render_days(week(), ReportForm.HTML).decode()],
    ids=["run", "days"],
)
def test_html_is_self_contained_and_inert(html: str) -> None:
    """No script, no outside resource, no handler, a policy that would stop them, named charts."""
    page = Page(html)
    policy = "default-src 'none'; style-src 'unsafe-inline'"

    assert page.tags.count("style") == 1
    assert not {"script", "img", "link", "iframe", "object", "a", "form"} & set(page.tags)
    assert ("http-equiv", "Content-Security-Policy") in page.attributes
    assert ("content", policy) in page.attributes
    assert not [
        name for name, _ in page.attributes if name.startswith("on") or name in ("src", "href")
    ]
    assert not re.search(r"url\(|@import|https?://(?!evil)", html)
    assert page.unnamed_charts == 0
    assert page.tags.count("svg") > 5
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", html)


def test_html_says_a_reason_as_a_sentence_and_a_hold_as_a_banner() -> None:
    """A manager reads what happened, not a code; the code stands behind it."""
    reason = "ACCOUNT_ISSUE: the account is locked (131031)"
    stopped = finish(analytics(), status=RunStatus.STOPPED, reason=reason, exit_code=3)
    hold = Hold(
        reason="the account is locked",
        since=STARTED,
        evidence="131031",
        what_to_do=(),
        until=None,
    )
    html = render_html(with_next_steps(stopped, Circumstances(hold=hold)), zone=KOLKATA)

    assert "The account is locked (131031) ACCOUNT_ISSUE Sending is held until somebody" in (
        Page(html).text
    )
    assert 'class="banner"' in html
    assert 'class="banner"' not in render_html(everyday_run(), zone=KOLKATA)


def test_html_hostile_names_are_shown_as_text() -> None:
    """Markup in a name is read, not run."""
    html = render_html(hostile_run(), zone=KOLKATA)
    page = Page(html)

    assert "<script>alert(1)</script>" not in html
    assert "<script>alert(1)</script>" in page.text
    assert "{{ 7*7 }}" in page.text
    assert "+919812345678" not in html


def test_html_meta_restriction_shows_the_checklist_first() -> None:
    """The five steps come before everything else."""
    text = Page(render_html(hostile_run(), zone=KOLKATA)).text

    assert text.index("Stop all messaging immediately.") < text.index("Next steps")
    assert text.index("Check the WATI and Meta account status.") < text.index("Next steps")
    assert "<code>resume</code>" in render_html(hostile_run(), zone=KOLKATA)


def test_html_of_many_leads_is_bounded() -> None:
    """The table is cut and says where the rest is; the page stays small enough for a phone."""
    books = analytics()
    books.fetched(3000)
    for position in range(1, 3001):
        books.put(refused(position))
    html = render_html(finish(books), zone=KOLKATA)

    assert len(html) < 400_000
    assert "And 2,800 more in the CSV form" in html
    assert html.count("<tr>") < 230


def test_html_of_a_run_without_leads_is_short_and_whole() -> None:
    """Nothing fetched: no empty charts, but status, quota and facts."""
    result = finish(analytics(), status=RunStatus.NO_LEADS, reason="No leads available to process")
    text = Page(render_html(result, zone=KOLKATA)).text

    assert "No leads No leads available to process" in text
    assert "From list to reader" not in text
    assert "Over the run" not in text
    assert "None. No message failed" in text
    assert "Anandi 0 0 0 0 0 0 – 7/ 50" in text


def test_html_dry_run_says_what_would_be_sent() -> None:
    """A plan is not shown as a result."""
    books = analytics(mode=RunMode.DRY_RUN)
    books.fetched(1)
    books.put(lead(1, counsellor="Anandi"))
    text = Page(render_html(finish(books, seconds=90_000), zone=KOLKATA)).text

    assert "nothing was sent" in text
    assert "Would be sent 1" in text
    assert "– 23 Nov 10:15:23" in text


def test_html_warnings_beyond_twenty_are_counted() -> None:
    """Warnings do not bury the page."""
    result = analytics().finish(
        status=RunStatus.COMPLETED,
        reason="",
        exit_code=0,
        started_at=STARTED,
        ended_at=STARTED,
        warnings=[f"warning {number}" for number in range(25)],
    )
    text = Page(render_html(result, zone=KOLKATA)).text

    assert "warning 19 And 5 more in the log." in text
    assert "WATI calls this month" not in text


def test_csv_has_one_row_per_lead_and_the_same_figures() -> None:
    """A spreadsheet counts what the summary says."""
    result = hostile_run()
    data = render_report(result, ReportForm.CSV, zone=KOLKATA)
    rows = csv_rows(data)
    words = [row["status"] for row in rows]

    assert data.startswith(b"\xef\xbb\xbf")
    assert len(rows) == 500
    assert words.count("failed") == result.messages.failed
    assert words.count("read") == result.messages.read
    assert words.count("unknown") == result.leads.unknown
    assert words.count("skipped") == result.skipped
    assert words.count("not_reached") == result.leads.not_reached
    assert sum(1 for row in rows if row["error_category"]) == sum(result.errors.values())
    assert rows[0]["at"] == "2026-11-22T09:15:25+05:30"


def test_csv_no_cell_is_a_formula() -> None:
    """Cells that a spreadsheet would run are text."""
    rows = csv_rows(render_report(hostile_run(), ReportForm.CSV, zone=KOLKATA))
    cells = [cell for row in rows for cell in row.values()]

    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert '\'=HYPERLINK("http://evil","x")' in cells
    assert "'+9198••••5678" in cells
    assert "'@SUM(1)" in cells
    assert not re.search(r"\+919812345678", "\n".join(row["name"] for row in rows))


def test_text_lists_the_leads_that_need_a_person() -> None:
    """The text form is the summary and the list, in 80 columns."""
    text = text_of(ReportForm.TEXT)

    assert text.startswith("🏁 CAMPAIGN EXECUTION SUMMARY 🏁\n🛑 STATUS: STOPPED\n")
    assert "Leads that need a person (" in text
    assert "Unknown. Do not resend; the next run asks WATI." in text
    assert "\x1b" not in text
    assert max(columns(line) for line in text.splitlines()) <= 80


def test_text_of_many_leads_points_to_the_csv() -> None:
    """The list is cut at 200."""
    books = analytics()
    books.fetched(201)
    for position in range(1, 202):
        books.put(refused(position))
    text = render_report(finish(books), ReportForm.TEXT, zone=KOLKATA).decode()

    assert "  and 1 more: report --run 20261122T091523-3f9a --format csv\n" in text


def test_summarise_days_counts_each_kind_of_record() -> None:
    """The days use the words of a run's report."""
    report = week()
    today = report.by_day[-1]

    assert len(report.days) == 7
    assert report.days[-1] == TODAY
    assert (today.attempted, today.sent, today.delivered, today.read) == (6, 4, 2, 1)
    assert (today.failed, today.pending, today.unknown, today.invalid_numbers) == (2, 1, 1, 1)
    assert (today.quota_used, today.quota_limit) == (5, 450)
    assert today.success_rate(today.attempted) == 50.0
    assert (report.by_day[-2].sent, report.by_day[-2].quota_used) == (1, 1)
    assert report.total.attempted == 7
    assert {key.value: count for key, count in report.errors.items()} == {
        "invalid_number": 1,
        "not_on_whatsapp": 1,
        "opt_out": 1,
    }


def test_summarise_days_shows_configured_and_former_counsellors() -> None:
    """Who has left still has a week; the configured come first, in order."""
    report = week()

    assert tuple(report.by_counsellor) == (*NAMES, clean(HOSTILE), "Gone")
    assert report.totals["Gone"].unknown == 1
    assert report.by_counsellor["Preeti"][-1] == DayFigures(
        attempted=2, sent=1, failed=2, quota_used=1, quota_limit=50
    )


def test_days_forms_say_the_same() -> None:
    """JSON, CSV, text and page show one set of figures."""
    report = week()
    made = json.loads(render_days(report, ReportForm.JSON))
    rows = csv_rows(render_days(report, ReportForm.CSV))
    text = render_days(report, ReportForm.TEXT).decode()
    page = Page(render_days(report, ReportForm.HTML).decode()).text

    assert made["total"]["sent"] == 5
    assert made["days"][-1]["day"] == "2026-11-22"
    assert made["counsellors"]["Anandi"]["days"][-1]["delivered"] == 2
    assert made["errors"] == {key.value: count for key, count in report.errors.items()}
    everyone = [row for row in rows if row["counsellor"] == "*"]
    assert sum(int(row["sent"]) for row in everyone) == 5
    assert len(rows) == 7 * (len(report.by_counsellor) + 1)
    assert "Sun 2026-11-22      6     4      2  50%    1  25%      2    1   50.0%    5/450" in text
    assert max(columns(line) for line in text.splitlines()) <= 80
    assert "\x1b" not in text
    assert "Sun 22 Nov 4 50.0% 25.0% 33.3% 5/ 450" in page
    rates = {"delivered": 50.0, "read": 25.0, "replied": None, "failed": 33.3}
    assert made["days"][-1]["rates"] == rates
    assert (everyone[-1]["delivered_rate"], everyone[-1]["read_rate"]) == ("50.0", "25.0")


def test_days_page_of_days_without_a_message_shows_no_rates() -> None:
    """Nothing of nothing is a dash, not 0 or 100 per cent."""
    report = summarise_days([], {}, (), days=30, today=TODAY)
    html = render_days(report, ReportForm.HTML).decode()
    text = render_days(report, ReportForm.TEXT).decode()

    assert Page(html).text.count("Sun 22 Nov 0 – – –") == 1
    assert "Hour of the day" not in html
    assert "Errors by category" not in text
    assert "Why messages failed" not in html


def test_days_page_of_one_day_says_so() -> None:
    """One day is a day."""
    report = summarise_days([], {}, TEAM, days=1, today=TODAY)
    page = Page(render_days(report, ReportForm.HTML).decode()).text

    assert "1 day 22 November 2026 0 Sent" in page or "1 day 22 November 2026 Sent 0" in page


@pytest.mark.parametrize(
    ("part", "whole", "expected"), [(0, 0, 0.0), (1, 3, 33.33), (5, 4, 100.0), (0, 9, 0.0)]
)
def test_share_stays_in_its_bar(part: int, whole: int, expected: float) -> None:
    """A quota overdrawn by hand fills its bar and no more."""
    assert share(part, whole) == expected


def test_stack_puts_segments_side_by_side() -> None:
    """Segments neither overlap nor leave the bar; empty ones are left out."""
    segments = stack((("read", 1), ("failed", 0), ("unknown", 2)), 3)

    assert [its.kind for its in segments] == ["read", "unknown"]
    assert segments[0].start + segments[0].size == segments[1].start
    assert segments[1].start + segments[1].size == pytest.approx(100)


@pytest.mark.parametrize(
    ("step_s", "text"),
    [(1, "second"), (30, "30 seconds"), (300, "5 minutes"), (7200, "2 hours"), (86_400, "day")],
)
def test_step_text_is_in_words(step_s: int, text: str) -> None:
    """A bin is named as people would."""
    assert step_text(step_s) == text


def test_timeline_counts_each_attempt_once() -> None:
    """Sends, failures and unknown ones stand in the bin of their time; others in none."""
    rows = [
        accepted(1, MessageStatus.READ),
        refused(1),
        lead(2, outcome=Outcome.UNKNOWN),
        lead(3),
        accepted(30, MessageStatus.FAILED),
    ]
    bins, step_s = timeline(rows)

    assert step_s == 2
    assert bins[0] == (STARTED + timedelta(seconds=2), {"sent": 1, "failed": 1})
    assert bins[1].counts == {"unknown": 1}
    assert bins[-1].counts == {"failed": 1}
    assert sum(its.counts.total() for its in bins) == 4
    assert timeline([lead(1)]) == ((), 0)

"""Whatever leads and texts come: figures add up, and every form is harmless and equal."""

import csv
import io
import json
import re
from contextlib import suppress
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from report_samples import KOLKATA, NAMES, STARTED, analytics, finish, lead

from lead_automation.errors import StateError
from lead_automation.models import ErrorCategory, MessageStatus, Outcome
from lead_automation.plaintext import columns, fit_encoding, pad, wrap
from lead_automation.reporting.analytics import check_accounting
from lead_automation.reporting.charts import bin_step_s, timeline
from lead_automation.reporting.document_reader import parse_run_document
from lead_automation.reporting.documents import run_document, to_bytes
from lead_automation.reporting.figures import state_word
from lead_automation.reporting.logformat import Redactor
from lead_automation.reporting.report import ReportForm, render_report
from lead_automation.reporting.summary import render_summary
from lead_automation.runs import LeadRow, RunResult, SkipReason

# Surrogates too: a CRM's JSON may hold them.
any_text = st.text(st.characters(exclude_categories=()), max_size=80)
moments = st.integers(0, 100_000).map(lambda s: STARTED + timedelta(seconds=s))


@st.composite
def rows(draw: st.DrawFn, position: int) -> LeadRow:
    """Return a row of any shape a run can make."""
    common: dict[str, object] = {
        "name": draw(any_text),
        "lead_id": draw(any_text),
        "phone": draw(st.sampled_from(["", "+9198••••5678", "+919812345678"])),
        "at": draw(moments),
        "error_message": draw(st.none() | any_text),
        "error_category": draw(st.none() | st.sampled_from(ErrorCategory)),
    }
    skip = draw(st.none() | st.sampled_from(SkipReason))
    if skip is not None:
        return lead(position, skip=skip, **common)
    outcome = draw(st.none() | st.sampled_from(Outcome))
    statuses = st.sampled_from(MessageStatus)
    return lead(
        position,
        outcome=outcome,
        counsellor=draw(st.sampled_from(NAMES)),
        status=draw(statuses) if outcome is Outcome.ACCEPTED else MessageStatus.PENDING,
        message_id=draw(st.none() | any_text),
        **common,
    )


@st.composite
def runs(draw: st.DrawFn) -> RunResult:
    """Return the result of a run whose rows were put in any order, some of them again."""
    count = draw(st.integers(0, 12))
    books = analytics()
    books.fetched(count + draw(st.integers(0, 3)))
    positions = list(range(1, count + 1))
    again = draw(st.lists(st.sampled_from(positions), max_size=6)) if positions else []
    for position in draw(st.permutations(positions)) + again:
        books.put(draw(rows(position)))
    return finish(books, reason=draw(any_text), seconds=draw(st.floats(-10, 100_000)))


@given(runs())
def test_result_of_any_rows_equals_a_recount(result: RunResult) -> None:
    """Running sums say what counting the rows afresh says, and the account closes."""
    words = [state_word(row) for row in result.rows]
    delivered = words.count("delivered") + words.count("read")

    check_accounting(result)
    assert result.delivered == delivered
    assert result.read == words.count("read")
    assert result.failed == words.count("failed")
    assert result.pending == words.count("sent") + words.count("pending")
    assert result.unknown == words.count("unknown")
    assert sum(result.skipped.values()) == words.count("skipped")
    assert result.fetched == sum(result.skipped.values()) + result.attempted + result.not_reached
    assert result.attempted == result.accepted + result.refused + result.unknown
    assert 0 <= result.success_rate <= 100
    assert sum(result.errors.values()) <= result.failed + sum(result.skipped.values())


@given(runs())
def test_document_of_any_run_reads_back_the_same(result: RunResult) -> None:
    """Nothing is lost or changed on disk, surrogates in names included."""
    assert parse_run_document(to_bytes(run_document(result))) == result


@given(
    st.binary(max_size=300)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | any_text,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode())
)
def test_document_of_any_bytes_is_read_or_refused(data: bytes) -> None:
    """No content of a report file ends in anything but a state error."""
    with suppress(StateError):
        parse_run_document(data)


@given(runs())
def test_forms_of_any_run_are_harmless(result: RunResult) -> None:
    """No control or bidi character, no whole number, no tag and no formula comes through."""
    forms = {
        form: render_report(result, form, zone=KOLKATA).decode("utf-8-sig") for form in ReportForm
    }
    cells = [
        cell for line in csv.reader(io.StringIO(forms[ReportForm.CSV], newline="")) for cell in line
    ]

    for text in forms.values():
        assert not re.search(
            "[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text
        )
        assert "+919812345678" not in text
    assert not re.search(r"<(?:script|img|a|iframe)\b", forms[ReportForm.HTML])
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


@given(runs(), st.integers(40, 140))
def test_summary_of_any_run_keeps_to_its_columns(result: RunResult, width: int) -> None:
    """Every line fits, and the owner's block stands first."""
    lines = render_summary(result, width=width).splitlines()

    assert lines[0] == "🏁 CAMPAIGN EXECUTION SUMMARY 🏁"
    assert lines[2] == f"📤 Messages Sent: {result.accepted}"
    assert max(columns(line) for line in lines) <= width


@given(st.text(max_size=60), st.sampled_from(["ascii", "cp1252", "cp437", "utf-8", None]))
def test_fit_encoding_of_any_text_can_be_written(text: str, encoding: str | None) -> None:
    """Nothing that is shown raises on the console it is shown on."""
    assert fit_encoding(text, encoding).encode(encoding or "ascii")[:0] == b""


@given(st.text(max_size=60), st.integers(1, 40))
def test_pad_is_exactly_as_wide_as_asked(text: str, width: int) -> None:
    """A table's columns stay in line."""
    assert columns(pad(text, width)) == width


@given(any_text, st.integers(12, 60))
def test_wrap_loses_no_letter_and_overruns_no_line(text: str, width: int) -> None:
    """Everything said is shown, within the width."""
    lines = wrap(text, width, head="  - ")

    assert "".join("".join(lines).split()) == "-" + "".join(text.split())
    assert all(columns(line) <= width for line in lines)


@given(st.text("abcXYZ019._-/+=", min_size=8, max_size=80), any_text, any_text)
def test_redactor_leaves_no_secret_in_any_text(secret: str, before: str, after: str) -> None:
    """Wherever it stands, a secret is gone."""
    assert secret not in Redactor((secret,))(before + secret + after)


@given(st.floats(0, 10**9))
def test_bins_are_at_most_forty(span_s: float) -> None:
    """Any run fits the timeline."""
    assert span_s // bin_step_s(span_s) + 1 <= 41


@given(runs())
def test_timeline_of_any_run_counts_its_attempts(result: RunResult) -> None:
    """Each attempt stands in the chart once."""
    bins, _ = timeline(result.rows)

    assert sum(its.total for its in bins) == result.attempted
    assert sum(its.unknown for its in bins) == result.unknown
    assert sum(its.failed for its in bins) == result.failed

"""Whatever leads and texts come: figures add up, and every form is harmless and equal."""

import csv
import io
import json
import re
from collections import Counter
from contextlib import suppress
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from report_samples import HOSTILE_NAMES, KOLKATA, NAMES, STARTED, analytics, finish, lead

from lead_automation.errors import StateError
from lead_automation.models import ErrorCategory, MessageStatus, Outcome
from lead_automation.plaintext import columns, fit_encoding, pad, wrap
from lead_automation.reporting.analytics import accounting_problems
from lead_automation.reporting.charts import bin_step_s, timeline
from lead_automation.reporting.documents import document_bytes, parse_run_document
from lead_automation.reporting.logformat import Redactor
from lead_automation.reporting.report import ReportForm, render_report
from lead_automation.reporting.summary import render_summary
from lead_automation.runs import LeadRow, RunResult, SkipReason
from lead_automation.text import safe_text

# Surrogates too: a CRM's JSON may hold them.
any_text = st.text(st.characters(exclude_categories=()), max_size=40)
texts = st.sampled_from(HOSTILE_NAMES) | any_text
_STATUSES = {Outcome.ACCEPTED: tuple(MessageStatus)}


@st.composite
def rows(draw: st.DrawFn) -> LeadRow:
    """Return a row of any shape a run can make."""
    outcome = draw(st.sampled_from([None, *Outcome]))
    skip = draw(st.sampled_from([None, None, *SkipReason])) if outcome is None else None
    return lead(
        draw(st.integers(1, 8)),
        name=draw(texts),
        lead_id=draw(texts),
        phone=draw(st.sampled_from(["", "+9198••••5678", "+919812345678"])),
        at=STARTED + timedelta(seconds=draw(st.integers(0, 100_000))),
        error_message=draw(st.none() | texts),
        error_category=draw(st.sampled_from([None, *ErrorCategory])),
        skip=skip,
        outcome=outcome,
        counsellor=None if skip else draw(st.sampled_from(NAMES)),
        status=draw(st.sampled_from(_STATUSES.get(outcome, (MessageStatus.PENDING,)))),
        message_id=draw(st.none() | texts),
    )


@st.composite
def runs(draw: st.DrawFn) -> RunResult:
    """Return the result of a run whose rows were put in any order, some of them again."""
    books = analytics()
    put = draw(st.lists(rows(), max_size=10))
    books.fetched(len({row.position for row in put}) + draw(st.integers(0, 3)))
    for row in put:
        books.put(row)
    return finish(books, reason=draw(texts), seconds=draw(st.integers(-10, 100_000)))


@given(runs(), st.integers(40, 140))
def test_any_run_adds_up_and_every_form_is_harmless(result: RunResult, width: int) -> None:
    """Sums equal a recount; no control or bidi character, whole number, tag or formula passes."""
    _check_figures(result)
    _check_forms(result)
    lines = render_summary(result, width=width).splitlines()

    assert parse_run_document(document_bytes(result)) == result
    assert lines[0] == "🏁 CAMPAIGN EXECUTION SUMMARY 🏁"
    assert lines[2] == f"📤 Messages Sent: {result.messages.sent}"
    assert max(columns(line) for line in lines) <= width


def _check_figures(result: RunResult) -> None:
    words = Counter(row.word for row in result.rows)
    leads, messages = result.leads, result.messages
    bins, _ = timeline(result.rows)

    assert accounting_problems(result) == []
    assert messages.delivered == words["delivered"] + words["read"]
    assert messages.read == words["read"]
    assert messages.failed == words["failed"]
    assert messages.pending == words["sent"] + words["pending"]
    assert leads.unknown == words["unknown"]
    assert result.skipped == words["skipped"]
    assert leads.fetched == result.skipped + leads.attempted + leads.not_reached
    assert leads.attempted == leads.accepted + leads.refused + leads.unknown
    assert result.success_rate is None or 0 <= result.success_rate <= 100
    assert sum(result.errors.values()) <= messages.failed + result.skipped
    assert sum(its.counts.total() for its in bins) == leads.attempted
    assert sum(its.counts["unknown"] for its in bins) == leads.unknown
    assert sum(its.counts["failed"] for its in bins) == messages.failed


def _check_forms(result: RunResult) -> None:
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


@given(texts, st.integers(1, 60))
def test_safe_text_made_safe_again_stays_as_it_is(text: str, max_chars: int) -> None:
    """A row read from a document, or changed, loses nothing more; a cap is a cap."""
    safe = safe_text(text, max_chars)

    assert len(safe) <= max_chars
    assert safe_text(safe, max_chars) == safe


@given(texts, st.sampled_from(["ascii", "cp1252", "cp437", "utf-8", None]))
def test_fit_encoding_of_any_text_can_be_written(text: str, encoding: str | None) -> None:
    """Nothing that is shown raises on the console it is shown on."""
    assert fit_encoding(text, encoding).encode(encoding or "ascii")[:0] == b""


@given(texts.filter(str.isprintable), st.integers(1, 40))
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

"""Render a run, or some days, in the form asked for."""

from collections.abc import Iterable
from datetime import tzinfo
from enum import Enum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from lead_automation.reporting.attention import attention_text
from lead_automation.reporting.csv_form import days_csv, run_csv
from lead_automation.reporting.days import DaysReport
from lead_automation.reporting.days_view import days_json, days_text, days_view, heat
from lead_automation.reporting.documents import document_bytes
from lead_automation.reporting.index import index_view
from lead_automation.reporting.kept import KeptRun
from lead_automation.reporting.run_view import run_view
from lead_automation.reporting.summary import render_summary
from lead_automation.reporting.wording import rate_text, title
from lead_automation.runs import RunResult
from lead_automation.text import json_text

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES = Path(__file__).with_name("templates")


class ReportForm(Enum):
    """What ``report --format`` takes."""

    HTML = "html"
    JSON = "json"
    CSV = "csv"
    TEXT = "text"


def render_report(result: RunResult, form: ReportForm, *, zone: tzinfo, width: int = 80) -> bytes:
    """Return a run's report as the bytes of a file, UTF-8 (CSV with a byte-order mark).

    Args:
        result: The run.
        form: Which form.
        zone: Zone of the times shown.
        width: Columns of the text form.
    """
    match form:
        case ReportForm.HTML:
            return render_html(result, zone=zone).encode()
        case ReportForm.JSON:
            return document_bytes(result, is_shown=True)
        case ReportForm.CSV:
            return run_csv(result, zone=zone)
        case ReportForm.TEXT:
            summary = render_summary(result, width=width)
            return (summary + attention_text(result, zone=zone, width=width)).encode()
        case _:
            assert_never(form)


def render_days(report: DaysReport, form: ReportForm) -> bytes:
    """Return the days' report as the bytes of a file, UTF-8 (CSV with a byte-order mark)."""
    match form:
        case ReportForm.HTML:
            return _page("days.html.j2", days_view(report)).encode()
        case ReportForm.JSON:
            return (json_text(days_json(report), indent=1) + "\n").encode()
        case ReportForm.CSV:
            return days_csv(report)
        case ReportForm.TEXT:
            return days_text(report).encode()
        case _:
            assert_never(form)


def render_index(runs: Iterable[KeptRun], *, zone: tzinfo) -> str:
    """Return the page that lists the kept runs."""
    return _page("index.html.j2", index_view(runs, zone))


def render_html(result: RunResult, *, zone: tzinfo) -> str:
    """Return a run's page: one file, no outside resource, no script."""
    return _page("report.html.j2", run_view(result, zone))


def _page(template: str, values: dict[str, object]) -> str:
    return _environment().get_template(template).render(values)


@cache
def _environment() -> "Environment":
    """Return the template engine; imported here, for most commands render no page."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["n"] = "{:,}".format
    environment.filters["rate"] = rate_text
    environment.filters["heat"] = heat
    environment.filters["title_of"] = title
    return environment

"""What people are told of a failure: plain words, and something they can do."""

import csv
from pathlib import Path

import pytest
from harness import digits, many_leads, stage

from lead_automation.models import ErrorCategory
from lead_automation.reporting.wording import RULE_WORDS
from lead_automation.sandbox.plans import failing
from lead_automation.wati.failures import FAILURE_TABLE

NOBODY_KNOWS = "the reason; look the message up in WATI"


@pytest.mark.parametrize(
    ("text", "what", "advice"),
    [
        ("131049 healthy ecosystem engagement", "Meta limit for this person", "rests for two days"),
        ("130472 part of an experiment", "In an experiment of Meta's", "in another way"),
        ("131000 something went wrong", "Meta had trouble", "tomorrow's run takes it again"),
        ("it rains", "Unknown error", NOBODY_KNOWS),
    ],
)
def test_report_says_in_plain_words_what_happened_and_what_to_do(
    tmp_path: Path, text: str, what: str, advice: str
) -> None:
    """On the page's text form and in the CSV; the category in JSON stays the owner's."""
    harness, _, _ = stage(
        tmp_path, leads=many_leads(2), plans={digits(0): failing(text, after_s=1.0)}
    )
    harness.run("-q")
    shown = " ".join(harness.run("report", "--format", "text").out.split())
    row = next(csv.DictReader(harness.run("report", "--format", "csv").out.splitlines()))

    assert what in shown
    assert advice in shown
    assert advice in row["advice"]
    if what.startswith("Meta limit"):
        assert row["error_category"] == ErrorCategory.QUOTA_EXCEEDED.value


def test_every_row_the_table_calls_unknown_has_words_of_its_own() -> None:
    """Only what no row knows is unclassified; and no words are kept for a row that is gone."""
    unknown = {row.rule_id for row in FAILURE_TABLE if row.category is ErrorCategory.UNKNOWN_ERROR}

    assert unknown <= RULE_WORDS.keys() <= {row.rule_id for row in FAILURE_TABLE}

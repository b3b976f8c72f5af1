"""``--leads FILE``: a CSV in place of the CRM's list."""

from pathlib import Path

import pytest
from harness import Harness, stage
from simulated.scripts import server_error
from simulated.simulator import Simulator

from lead_automation.sandbox.exchange import Endpoint

ROWS = (("1", "Asha Rao", "+919812345671"), ("2", "Ravi, Jr", "+919812345672"))
NO_CRM = {"LEAD_API_URL": None, "LEAD_API_TOKEN": None, "WATI_LOG_API_URL": None}


def lead_file(harness: Harness, content: str | bytes) -> str:
    """Write the file, and return how it is named on the command line."""
    data = content if isinstance(content, bytes) else content.encode()
    (harness.folder / "leads.csv").write_bytes(data)
    return "leads.csv"


def csv_of(*rows: tuple[str, ...], delimiter: str = ",", number: str = "phone") -> str:
    """Return a CSV of leads, every cell quoted."""
    lines = [("lead_id", "full_name", number), *rows]
    return "".join(delimiter.join(f'"{cell}"' for cell in line) + "\r\n" for line in lines)


def run(harness: Harness, content: str | bytes, *words: str) -> tuple[int, dict[str, int], str]:
    """Run with a file; return exit code, leads skipped by reason, and everything logged."""
    ended = harness.run("run", "--json", "--leads", lead_file(harness, content), *words)
    skipped = ended.document["leads"]["skipped"]
    return ended.code, {key: count for key, count in skipped.items() if count}, ended.err


def receivers(simulator: Simulator) -> list[str]:
    """Return who was messaged, in order."""
    return [message.number for message in simulator.messages]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("number", ["mobile_number_formatted", "phone", " PHONE "])
def test_leads_of_a_file_are_messaged_and_the_crm_is_not_asked(
    tmp_path: Path, delimiter: str, number: str
) -> None:
    """Whatever the spreadsheet put between the cells, and with its byte-order mark."""
    harness, simulator, _ = stage(tmp_path)
    text = csv_of(*ROWS, delimiter=delimiter, number=number)
    code, skipped, _ = run(harness, text.encode("utf-8-sig"))

    assert (code, skipped) == (0, {})
    assert receivers(simulator) == ["919812345671", "919812345672"]
    assert simulator.calls[Endpoint.LEADS] == []
    assert [row["lead_id"] for row in simulator.crm_rows] == ["1", "2"]


def test_file_needs_no_crm_at_all(tmp_path: Path) -> None:
    """Nothing is asked, and no row is owed, in this run or in track."""
    harness, simulator, _ = stage(tmp_path)
    harness.write_settings(**NO_CRM)
    code, _, _ = run(harness, csv_of(*ROWS))
    tracked = harness.run("track", "--json")
    status = harness.run("status", "--json").document

    assert (code, tracked.code, status["crm_rows_owed"]) == (0, 0, 0)
    assert len(simulator.messages) == 2
    assert simulator.calls[Endpoint.LEADS] == simulator.calls[Endpoint.LOG] == []
    assert harness.run("run").code == 2


def test_rows_owed_before_stay_where_the_address_was_taken_away(tmp_path: Path) -> None:
    """There was a CRM to be told once; it may be back tomorrow."""
    harness, simulator, _ = stage(tmp_path)
    simulator.script(Endpoint.LOG, server_error(times=None))
    run(harness, csv_of(ROWS[0]))
    harness.write_settings(**NO_CRM)
    run(harness, csv_of(ROWS[1]))

    assert harness.run("status", "--json").document["crm_rows_owed"] == 1


def test_log_without_its_token_is_a_settings_problem(tmp_path: Path) -> None:
    """The log is asked with the same credential as the list."""
    harness, _, _ = stage(tmp_path)
    harness.write_settings(LEAD_API_URL=None, LEAD_API_TOKEN=None)
    ended = harness.run("--leads", lead_file(harness, csv_of(*ROWS)))

    assert ended.code == 2
    assert "LEAD_API_TOKEN: missing" in ended.err


def test_rows_that_cannot_be_used_are_malformed_leads_named_by_their_line(tmp_path: Path) -> None:
    """Each with what is wrong with it; blank lines are none, and the others are messaged."""
    harness, simulator, _ = stage(tmp_path)
    text = (
        "lead_id,full_name,phone,city\n"
        "1,Asha,+919812345671,Pune\n"
        "\n"
        "2,Ravi, Jr,+919812345672,Pune\n"
        ",Nobody,+919812345673,Pune\n"
        '4,"Asha" x,+919812345674,Pune\n'
        '5,"two\nlines",+919812345675,Pune\n'
        ",,,\n"
        "7,A\0B,+919812345677,Pune\n"
        "8,Last,+919812345678,\n"
    )
    code, skipped, _ = run(harness, text, "-v")
    log = harness.log_text()

    assert (code, skipped) == (0, {"malformed": 5})
    assert receivers(simulator) == ["919812345671", "919812345678"]
    assert "line 4: 5 cells, the header has 4" in log
    assert "line 5: lead_id is empty" in log
    assert "line 6: a quote stands where none belongs" in log
    assert "lines 7 to 8: a cell runs over several lines" in log
    assert "line 10: holds a NUL character" in log


def test_one_bad_row_among_fifty_thousand_costs_itself(tmp_path: Path) -> None:
    """Read in a moment, and the list's limit holds for a file too."""
    harness, simulator, _ = stage(tmp_path)
    rows = [f"{n},Lead,+9198{10000000 + n}\n" for n in range(50_000)]
    rows[1] = "1,Lead\n"
    harness.write_settings(LEAD_FETCH_LIMIT="3")
    code, skipped, told = run(harness, "lead_id,full_name,phone\n" + "".join(rows))

    assert (code, skipped) == (0, {"malformed": 1})
    assert receivers(simulator) == ["919810000000", "919810000002"]
    assert "50000 rows, of which LEAD_FETCH_LIMIT takes the first 3" in told


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "does not exist"),
        ("lead_id,full_name,phone\n1,Jos\xe9,+919812345671\n".encode("latin-1"), "(line 2)"),
        ("lead_id,full_name,phone\n".encode("utf-16"), "is not UTF-8 (line 1)"),
        (b"x" * (32 << 20) + b"x", "is larger than"),
        (b"", "has no column lead_id, full_name, mobile_number_formatted"),
        (b"lead_id,name,phone\n", "has no column full_name"),
        (b"lead_id,full_name,phone,Phone\n", "has mobile_number_formatted twice"),
        (b'lead_id,full_name,phone\n1,"Asha,2\n3,x,4\n', "a quote in line 2 is never closed"),
    ],
    ids=["missing", "latin1", "utf16", "large", "empty", "column", "twice", "quote"],
)
def test_file_that_cannot_be_used_ends_with_2_before_anything_is_asked(
    tmp_path: Path, content: bytes | None, told: str
) -> None:
    """With what is wrong with it, and where."""
    harness, simulator, _ = stage(tmp_path)
    if content is not None:
        lead_file(harness, content)
    ended = harness.run("run", "--json", "--leads", "leads.csv")

    assert ended.code == 2
    assert "leads.csv" in ended.document["reason"]
    assert told in ended.document["reason"]
    assert not any(simulator.calls.values())


def test_check_looks_at_the_file_in_place_of_the_crm(tmp_path: Path) -> None:
    """Before the first message, and without the CRM's settings."""
    harness, _, _ = stage(tmp_path)
    harness.write_settings(**NO_CRM)
    good = harness.run("check", "--leads", lead_file(harness, csv_of(*ROWS)))
    odd = harness.run("check", "--leads", lead_file(harness, csv_of(*ROWS) + "3\n"))
    bad = harness.run("check", "--leads", "nowhere.csv")

    assert (good.code, odd.code, bad.code) == (0, 0, 2)
    assert "leads.csv: 2 rows, 0 of them unusable" in good.out
    assert "the first: line 4: 1 cells" in odd.out
    assert "nowhere.csv does not exist" in bad.out

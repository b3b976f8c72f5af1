"""``suppress`` of several numbers, of a file, and of everybody who opted out at WATI."""

from pathlib import Path

import pytest
from harness import Ended, Harness, Terminal, digits, many_leads, stage
from simulated.scripts import Moment, answer, html_page
from simulated.simulator import Simulator

from lead_automation.sandbox.exchange import Endpoint
from lead_automation.sandbox.plans import Plan
from lead_automation.state.lock import run_lock

OUT = Plan(allow_broadcast=False)


def listed(harness: Harness) -> list[str]:
    """Return the numbers on the list."""
    numbers = harness.run("suppress", "list", "--json").document["numbers"]
    return [entry["phone"] for entry in numbers]


# --- several, and files ---------------------------------------------------------------------------


def test_several_numbers_are_added_and_removed_in_one_command(tmp_path: Path) -> None:
    """One bad number among them, and none is added."""
    harness, _, _ = stage(tmp_path)
    bad = harness.run("suppress", "add", "+919810000001", "12", "--json")
    before = listed(harness)
    added = harness.run("suppress", "add", "+919810000001", "098100 00002", "--reason", "fair")
    during = listed(harness)
    removed = harness.run("suppress", "remove", "+919810000001", "+919810000003", "--json")

    assert (bad.code, before) == (2, [])
    assert added.out.count("gets no more messages: fair") == 2
    assert during == ["+919810000001", "+919810000002"]
    assert [its["status"] for its in removed.document["numbers"]] == ["removed", "not_listed"]
    assert listed(harness) == ["+919810000002"]


@pytest.mark.parametrize(
    "content",
    [
        "+919810000001\n\n098100 00002\n",
        "name;Phone\nAsha;+919810000001\nRavi;9810000002\n",
        "number,reason\n+919810000001,x\n+919810000002,y\n",
        "\ufeffphone\r\n+919810000001\r\n+919810000002\r\n+919810000001\r\n",
    ],
    ids=["list", "column", "first", "marked"],
)
def test_numbers_of_a_file_are_imported(tmp_path: Path, content: str) -> None:
    """A plain list, a column named phone, or the first one."""
    harness, simulator, _ = stage(tmp_path, leads=many_leads(3))
    (tmp_path / "out.csv").write_text(content, encoding="utf-8")
    ended = harness.run("suppress", "import", "out.csv", "--json")
    result = harness.run("run", "--json").document

    expected = {"status": "completed", "numbers": 2, "added": 2, "left_out": 0}
    assert ended.document == expected | {"state": str(harness.state_dir)}
    assert listed(harness) == ["+919810000001", "+919810000002"]
    assert result["leads"]["skipped"]["suppressed"] == 2
    assert [message.number for message in simulator.messages] == [digits(0)]


def test_bad_lines_are_all_named_and_nothing_is_imported_unless_they_may_be_skipped(
    tmp_path: Path,
) -> None:
    """With their lines, and without the numbers in them."""
    harness, _, _ = stage(tmp_path)
    text = "phone\n+919810000001\n98100\n\nnone\n+919810000002\n+912212345678\n"
    (tmp_path / "out.csv").write_text(text)
    refused = harness.run("suppress", "import", "out.csv")
    before = listed(harness)
    ended = harness.run("suppress", "import", "out.csv", "--skip-bad")

    assert (refused.code, before) == (2, [])
    assert [line.split(":")[0] for line in refused.err.splitlines()[:3]] == [
        "line 3",
        "line 5",
        "line 7",
    ]
    assert "Nothing was imported" in refused.err
    assert "98100" not in refused.err
    assert (ended.code, ended.err.count("Left out: line")) == (0, 3)
    assert listed(harness) == ["+919810000001", "+919810000002"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "does not exist"),
        ("Jos\xe9,+919812345671\n".encode("latin-1"), "is not UTF-8"),
        (b'"+919810000001\n', "is never closed"),
        (b"1" * (33 << 20), "is larger than"),
    ],
    ids=["missing", "latin1", "quote", "large"],
)
def test_file_that_cannot_be_used_is_refused(
    tmp_path: Path, content: bytes | None, told: str
) -> None:
    """In one line, and the list is as before."""
    harness, _, _ = stage(tmp_path)
    if content is not None:
        (tmp_path / "out.csv").write_bytes(content)
    ended = harness.run("suppress", "import", "out.csv", "--skip-bad")

    assert ended.code == 2
    assert told in ended.err
    assert listed(harness) == []


def test_import_of_many_numbers_works_while_a_run_is_on(tmp_path: Path) -> None:
    """Ten thousand in one write, before the run's next send."""
    harness, simulator, _ = stage(tmp_path, leads=many_leads(3))
    (tmp_path / "out.csv").write_text("".join(f"+{digits(n)}\n" for n in range(1, 10_000)))
    simulator.hooks.add(
        Moment.ACCEPTED, Endpoint.SEND, lambda _: harness.run("suppress", "import", "out.csv")
    )
    result = harness.run("run", "--json").document

    assert result["leads"]["skipped"]["suppressed"] == 2
    assert len(listed(harness)) == 9_999


# --- sync -----------------------------------------------------------------------------------------


def contacts(
    folder: Path, count: int, *, every: int = 10, **settings: str
) -> tuple[Harness, Simulator]:
    """Set a stage whose account knows so many contacts, one in every so many opted out."""
    plans = {digits(n): OUT if n % every == 0 else Plan() for n in range(count)}
    harness, simulator, _ = stage(folder, settings=settings, plans=plans)
    return harness, simulator


def sync(harness: Harness, *words: str) -> Ended:
    """Sync without being asked."""
    return harness.run("suppress", "sync", "--yes", *words)


def test_sync_of_5000_contacts_says_its_price_and_keeps_within_ten_reads_in_ten_seconds(
    tmp_path: Path,
) -> None:
    """Whoever does not allow broadcasts is suppressed for good; each call counts."""
    harness, simulator = contacts(tmp_path, 5_000)
    began = harness.clock.monotonic()
    ended = sync(harness, "--json")
    took_s = harness.clock.monotonic() - began
    times = [call.at for call in simulator.calls[Endpoint.CONTACTS]]
    entry = harness.run("suppress", "list", "--json").document["numbers"][0]

    assert ended.code == 0
    assert "5,000 contacts: 50 calls, the first of which is made" in ended.err
    assert "Calls left this month: 9,999" in ended.err
    assert ended.document == {
        "status": "completed",
        "contacts": 5000,
        "opted_out": 500,
        "added": 500,
        "calls": 50,
        "state": str(harness.state_dir),
    }
    assert len(times) == 50
    assert all(later - earlier >= 10 for earlier, later in zip(times, times[10:], strict=False))
    assert took_s < 60
    assert len(listed(harness)) == 500
    assert (entry["source"], entry["until"]) == ("contact", None)
    assert harness.read_state("api_usage.json") == {"2026-11": 50}
    assert simulator.messages == []


def test_sync_over_v3_suppresses_the_same(tmp_path: Path) -> None:
    """Its list tells no total, so the price is said as unknown; every page is read all the same."""
    harness, simulator = contacts(tmp_path, 250, WATI_API_VERSION="v3")
    ended = sync(harness, "--json")

    assert ended.code == 0, ended.err
    assert (ended.document["contacts"], ended.document["added"]) == (250, 25)
    assert len(listed(harness)) == 25
    assert simulator.messages == []


@pytest.mark.parametrize(("typed", "calls"), [("no\n", 1), ("yes\n", 3)])
def test_sync_asks_before_it_reads_on(tmp_path: Path, typed: str, calls: int) -> None:
    """One call tells the price; the others are made after a yes."""
    harness, simulator = contacts(tmp_path, 250)
    harness.stdin = Terminal(typed)
    ended = harness.run("suppress", "sync")

    assert ended.code == 0
    assert "250 contacts: 3 calls" in ended.err
    assert len(simulator.calls[Endpoint.CONTACTS]) == calls
    assert bool(listed(harness)) is (calls > 1)


def test_sync_where_nobody_can_be_asked_needs_yes(tmp_path: Path) -> None:
    """A cron line says so itself."""
    harness, _ = contacts(tmp_path, 5)
    ended = harness.run("suppress", "sync")

    assert ended.code == 2
    assert "--yes" in ended.err


def test_sync_that_costs_more_than_the_month_has_left_reads_nothing(tmp_path: Path) -> None:
    """Half a list protects half the people, and the month's sends would be gone."""
    harness, simulator = contacts(tmp_path, 1_000, WATI_MONTHLY_CALLS="5")
    ended = sync(harness)

    assert ended.code == 3
    assert "1,000 contacts: 10 calls" in ended.err
    assert "only 4 calls of this month are left" in ended.err
    assert len(simulator.calls[Endpoint.CONTACTS]) == 1
    assert listed(harness) == []


def test_sync_cut_off_keeps_what_it_found_and_the_next_one_begins_anew(tmp_path: Path) -> None:
    """Page by page; the calls made are counted."""
    harness, simulator = contacts(tmp_path, 400, every=100)
    simulator.hooks.add(
        Moment.REPLIED,
        Endpoint.CONTACTS,
        lambda _: simulator.script(Endpoint.CONTACTS, html_page(503)),
        skip=1,
    )
    cut = sync(harness)
    found = listed(harness)
    counted = harness.read_state("api_usage.json")
    again = sync(harness, "--json").document

    assert cut.code == 4
    assert found == [f"+{digits(0)}", f"+{digits(100)}"]
    assert counted == {"2026-11": 3}
    assert (again["contacts"], again["opted_out"], again["added"]) == (400, 4, 2)


def test_sync_interrupted_by_the_operator_ends_at_once_and_keeps_what_it_found(
    tmp_path: Path,
) -> None:
    """Ctrl-C in the wait for WATI's limit."""
    harness, _ = contacts(tmp_path, 2_000, every=100)

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    harness.sleep = interrupted
    ended = sync(harness)

    assert ended.code == 130
    assert len(listed(harness)) == 10
    assert harness.read_state("api_usage.json") == {"2026-11": 10}


@pytest.mark.parametrize(
    ("rows", "told"),
    [(100, "repeats its page 1"), (0, "ends after 0 of 5,000")],
)
def test_sync_of_a_list_that_has_no_end_or_ends_early_stops(
    tmp_path: Path, rows: int, told: str
) -> None:
    """Lists were seen that give their last page for ever."""
    harness, simulator = contacts(tmp_path, 5)
    page = {
        "contact_list": [{"wAid": digits(n), "allowBroadcast": n > 0} for n in range(rows)],
        "link": {"total": 5_000},
    }
    simulator.script(Endpoint.CONTACTS, answer(page, times=None))
    ended = sync(harness)

    assert ended.code == 4
    assert told in ended.err
    assert len(listed(harness)) == min(rows, 1)


def test_sync_beside_a_run_ends_with_75(tmp_path: Path) -> None:
    """Both read contacts within one limit and count one month."""
    harness, simulator = contacts(tmp_path, 5)
    now, sleep = harness.clock.now(), harness.sleep
    with run_lock(harness.disk, harness.state_dir, pid=1, started_at=now, sleep=sleep):
        assert sync(harness).code == 75

    assert simulator.calls[Endpoint.CONTACTS] == []

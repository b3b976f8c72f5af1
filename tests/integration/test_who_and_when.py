"""Whose lead it is, days without sends, and hours at the lead's place, through whole runs."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from harness import Ended, Harness, lead, stage
from simulated.simulator import Simulator

INDIA, SINGAPORE, LONDON, NEW_YORK = "+919812345678", "+6581234567", "+447400123456", "+12015550123"


def staged(
    folder: Path, *numbers: str, at: str = "2026-11-23 06:00", **settings: str
) -> tuple[Harness, Simulator]:
    """Set a stage whose leads have these numbers, at a time in UTC."""
    start = datetime.fromisoformat(at).replace(tzinfo=UTC)
    leads = [lead(str(place), number) for place, number in enumerate(numbers, 1)]
    harness, simulator, _ = stage(folder, start=start, settings=settings, leads=leads)
    return harness, simulator


def quiet(ended: Ended) -> int:
    """Return how many leads were skipped for the hour at their place."""
    count = ended.document["leads"]["skipped"]["quiet_hours"]
    assert isinstance(count, int)
    return count


# --- counsellors ----------------------------------------------------------------------------------


def named(*names: object) -> list[dict[str, object]]:
    """Return leads that name these counsellors."""
    return [
        {**lead(str(place), f"+9198{10000000 + place}"), "counsellor": name}
        for place, name in enumerate(names)
    ]


def counsellors_of(harness: Harness) -> list[str]:
    """Return whose each lead became, in the order of the list."""
    records = harness.records()
    return [records[key]["counsellor"] for key in sorted(records, key=int)]


def test_lead_goes_to_the_counsellor_it_names_while_quota_is_left_then_to_another(
    tmp_path: Path,
) -> None:
    """Spelt in any case; what is no name is none."""
    (tmp_path / "some.json").write_text(
        '{"Anandi": {"number": "+919512270915", "daily_limit": 50},'
        ' "Karan": {"number": "+919512270916", "daily_limit": 2}}'
    )
    leads = named("Karan", " KARAN ", "Karan", "", None, 7, ["Karan"])
    harness, _, _ = stage(tmp_path, leads=leads, settings={"COUNSELLORS_FILE": "some.json"})
    ended = harness.run("-q")

    assert (ended.code, ended.err) == (0, "")
    assert counsellors_of(harness) == ["Karan", "Karan", *["Anandi"] * 5]


def test_counsellor_nobody_knows_is_said_once_a_name(tmp_path: Path) -> None:
    """The leads go to any; a number in a name is masked."""
    leads = named("Nobody", "nobody", "Other 98123 45678")
    harness, simulator, _ = stage(tmp_path, leads=leads)
    ended = harness.run("run", "--json", "-q")

    assert ended.code == 0
    assert len(simulator.messages) == 3
    assert ended.err.count("No counsellor is called") == 2
    assert "98123 45678" not in ended.err


def test_counsellor_of_a_file_counts_too(tmp_path: Path) -> None:
    """The column is optional."""
    harness, _, _ = stage(tmp_path)
    text = "lead_id,full_name,phone,counsellor\n1,Asha,+919812345671,Karan\n"
    (tmp_path / "leads.csv").write_text(text)

    assert harness.run("--leads", "leads.csv").code == 0
    assert counsellors_of(harness) == ["Karan"]


# --- closed dates ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dates", "at", "status"),
    [
        ("2026-11-23", "2026-11-23 06:00", "outside_working_hours"),
        ("2026-11-22, 2026-11-24", "2026-11-23 06:00", "completed"),
        # Ten at night in India is still the day on which the window began.
        ("2026-11-23", "2026-11-23 20:00", "outside_working_hours"),
        ("2026-11-24", "2026-11-23 20:00", "completed"),
    ],
)
def test_no_send_starts_on_a_closed_date(tmp_path: Path, dates: str, at: str, status: str) -> None:
    """By TIMEZONE, and as WORKING_DAYS where a window crosses midnight."""
    night: dict[str, Any] = {}
    if at.endswith("20:00"):
        night = {"SCRIPT_START_TIME": "18:00", "SCRIPT_END_TIME": "06:00"}
    harness, simulator = staged(tmp_path, INDIA, at=at, CLOSED_DATES=dates, **night)
    ended = harness.run("--json")

    assert (ended.code, ended.document["status"]) == (0, status)
    assert bool(simulator.messages) is (status == "completed")


def test_check_names_the_first_open_minute_behind_closed_dates(tmp_path: Path) -> None:
    """Also behind more of them than it would look ahead otherwise."""
    dates = ",".join(f"2026-11-{day}" for day in range(10, 31)) + ",2026-12-01"
    harness, _ = staged(tmp_path, INDIA, at="2026-11-10 06:00", CLOSED_DATES=dates)

    assert "opens 2026-12-02 09:00" in harness.run("check").out


# --- hours at the lead's place --------------------------------------------------------------------


def test_lead_abroad_waits_for_a_decent_hour_and_a_later_run_takes_it(tmp_path: Path) -> None:
    """11:30 in India is 06:00 in London; at 17:30 it is noon there."""
    harness, simulator = staged(tmp_path, INDIA, LONDON, SINGAPORE)
    early = harness.run("run", "--json", "-q")
    before = [message.number for message in simulator.messages]
    harness.clock.advance(6 * 3600)  # type: ignore[attr-defined]  # the stage's clock is a fake one
    late = harness.run("run", "--json", "-q")

    assert (quiet(early), quiet(late)) == (1, 0)
    assert before == [INDIA[1:], SINGAPORE[1:]]
    assert [message.number for message in simulator.messages[2:]] == [LONDON[1:]]
    assert early.err == ""


def test_country_whose_hours_never_meet_ours_is_said_once_with_its_leads(tmp_path: Path) -> None:
    """Otherwise nobody would ever notice that they are never reached."""
    harness, simulator = staged(tmp_path, NEW_YORK, LONDON, "+12015550124")
    ended = harness.run("run", "--json", "-q")

    assert (ended.code, quiet(ended)) == (0, 3)
    assert simulator.messages == []
    assert ended.err.count("Leads of US that no run can reach: 2.") == 1
    assert "GB" not in ended.err
    assert "Too early or too late" in harness.run("report", "--format", "html").out


@pytest.mark.parametrize(
    "settings",
    [
        {"LEAD_LOCAL_HOURS": "false"},
        {"DEFAULT_REGION": "US"},
        {"SCRIPT_START_TIME": "00:00", "SCRIPT_END_TIME": "24:00"},
    ],
)
def test_place_does_not_matter_where_it_is_switched_off_or_our_own(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    """In the country of DEFAULT_REGION the hours of TIMEZONE hold alone."""
    harness, simulator = staged(tmp_path, NEW_YORK, **settings)

    assert quiet(harness.run("--json")) == 0
    assert len(simulator.messages) == 1


def test_test_send_and_dry_run_do_not_mind_the_hour_there(tmp_path: Path) -> None:
    """As they do not mind ours."""
    harness, simulator = staged(tmp_path, NEW_YORK, TEST_MOBILE_NUMBER=LONDON)
    dry = harness.run("run", "--dry-run", "--json")
    tested = harness.run("run", "--test", "--json")

    assert (quiet(dry), quiet(tested)) == (0, 0)
    assert [message.number for message in simulator.messages] == [LONDON[1:]]


def test_hour_there_is_looked_at_again_right_before_the_send(tmp_path: Path) -> None:
    """It was 20:55 in Singapore when the lead's turn came, and is 21:05 when its slot does."""
    harness, simulator = staged(
        tmp_path,
        INDIA,
        SINGAPORE,
        at="2026-11-23 12:55",
        SEND_DELAY_MIN="600",
        SEND_DELAY_MAX="600",
    )
    ended = harness.run("--json")

    assert quiet(ended) == 1
    assert [message.number for message in simulator.messages] == [INDIA[1:]]


@pytest.mark.parametrize(("form", "spaces"), [("international", 2), ("e164", 0)])
def test_counsellors_number_is_written_as_people_read_it(
    tmp_path: Path, form: str, spaces: int
) -> None:
    """``COUNSELLOR_PHONE_FORMAT`` sets the groups apart, or keeps E.164."""
    harness, simulator = staged(tmp_path, INDIA, COUNSELLOR_PHONE_FORMAT=form)
    assert harness.run("-q").code == 0
    [number] = [value for _, value in simulator.messages[0].parameters if value.startswith("+91")]

    assert number.count(" ") == spaces
    assert len(number.replace(" ", "")) == len(INDIA)

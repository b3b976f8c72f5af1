"""Today's use and who counts as messaged, where files or settings changed between two runs."""

import json
from pathlib import Path

import pytest
from harness import Harness, lead, many_leads, stage

LIMIT = 2


def _team(folder: Path) -> dict[str, str]:
    path = folder / "team.json"
    anandi = {"number": "+919512270915", "daily_limit": LIMIT}
    path.write_text(json.dumps({"Anandi": anandi}), encoding="utf-8")
    return {
        "COUNSELLORS_FILE": str(path),
        "SCRIPT_START_TIME": "00:00",
        "SCRIPT_END_TIME": "24:00",
    }


def _used(harness: Harness) -> int:
    used: int = harness.run("status", "--json").document["counsellors"]["Anandi"]["used_today"]
    return used


@pytest.mark.parametrize("quota", ["{}", '{"2026-11-23": {"Anandi": 1}}'])
def test_quota_below_the_records_of_the_day_counts_the_records(tmp_path: Path, quota: str) -> None:
    """An older quota file is no error and gives nobody a second quota."""
    harness, simulator, _ = stage(tmp_path, leads=many_leads(4), settings=_team(tmp_path))
    assert harness.run("run").code == 0
    (harness.state_dir / "quota_usage.json").write_text(quota, encoding="utf-8")

    assert _used(harness) == LIMIT
    assert harness.run("run").code == 0
    assert len(simulator.messages) == LIMIT


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles", "Pacific/Pago_Pago"])
def test_quota_is_not_passed_by_a_change_of_zone(tmp_path: Path, zone: str) -> None:
    """What went out today in the zone now set counts, whatever date it was recorded under."""
    harness, simulator, _ = stage(tmp_path, leads=many_leads(4), settings=_team(tmp_path))
    assert harness.run("run").code == 0
    harness.write_settings(TIMEZONE=zone)

    assert _used(harness) == LIMIT
    assert harness.run("run").code == 0
    assert len(simulator.messages) == LIMIT


@pytest.mark.parametrize(
    "other", ["１００１", " 1001", "1001\u200b", "\u00a01001\ufeff", "10\u206001"]
)
def test_lead_id_in_another_spelling_is_the_same_lead(tmp_path: Path, other: str) -> None:
    """In one list and over runs it gets one message, whatever number stands beside it."""
    rows = [lead("1001", "+919810000001"), lead(other, "+919810000002")]
    harness, simulator, _ = stage(tmp_path, leads=rows)
    assert harness.run("run").code == 0
    assert len(simulator.messages) == 1
    simulator.crm.leads[:] = [lead(other, "+919810000003")]
    assert harness.run("run").code == 0

    assert len(simulator.messages) == 1


def test_lead_id_with_a_leading_zero_is_another_lead(tmp_path: Path) -> None:
    """``01001`` is not ``1001``."""
    rows = [lead("1001", "+919810000001"), lead("01001", "+919810000002")]
    harness, simulator, _ = stage(tmp_path, leads=rows)

    assert harness.run("run").code == 0
    assert len(simulator.messages) == 2

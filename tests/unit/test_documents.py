"""Run documents: promised keys, a strict reader, and an archive that finds them again."""

import json
from copy import deepcopy
from pathlib import Path
from typing import cast

import pytest
from report_samples import KOLKATA, RUN_ID, STARTED, everyday_run, hostile_run

from lead_automation.errors import StateError
from lead_automation.files import Disk
from lead_automation.reporting.archive import (
    list_runs,
    load_run,
    save_run_report,
)
from lead_automation.reporting.documents import (
    document_bytes,
    is_run_id,
    make_run_id,
    parse_run_document,
    result_to_json,
)
from lead_automation.runs import RunResult
from lead_automation.text import json_text


def document() -> dict[str, object]:
    """Return the everyday run's document, free to be changed."""
    return deepcopy(cast("dict[str, object]", json.loads(document_bytes(everyday_run()))))


def page(result: RunResult) -> str:
    """Stand in for the HTML page."""
    return f"page of {result.run_id}"


def test_result_to_json_has_exactly_the_promised_keys() -> None:
    """Scripts rely on this object: nothing is missing and nothing is added."""
    made = result_to_json(everyday_run())
    leads = cast("dict[str, object]", made["leads"])
    counsellors = cast("dict[str, dict[str, object]]", made["counsellors"])

    assert " ".join(made) == (
        "exit_code status reason run_id mode template started_at ended_at duration_seconds "
        "messages_per_minute leads messages success_rate errors counsellors api_calls "
        "warnings rates"
    )
    assert leads == {
        "fetched": 52,
        "skipped": {
            "invalid_number": 1,
            "duplicate": 1,
            "suppressed": 1,
            "malformed": 1,
            "quiet_hours": 0,
        },
        "attempted": 48,
        "accepted": 45,
        "refused": 3,
        "unknown": 0,
        "not_reached": 0,
    }
    assert made["messages"] == {
        "sent": 45,
        "delivered": 42,
        "read": 15,
        "replied": 0,
        "failed": 3,
        "pending": 3,
    }
    its = {"sent": 5, "delivered": 5, "read": 2, "replied": 0, "failed": 3, "pending": 0}
    rates = {"delivered": 100.0, "read": 40.0, "replied": None, "failed": 37.5}
    assert counsellors["Preeti"] == {**its, "used_today": 7, "daily_limit": 50, "rates": rates}
    assert made["rates"] == {
        "delivered": 93.3,
        "read": 33.3,
        "replied": None,
        "failed": 6.3,
    }
    assert made["duration_seconds"] == 154.0
    assert made["started_at"] == STARTED
    in_zone = json_text(result_to_json(everyday_run(), KOLKATA))
    assert '"started_at": "2026-11-22T09:15:23+05:30"' in in_zone
    assert '"started_at": "2026-11-22T03:45:23+00:00"' in json_text(made)


@pytest.mark.parametrize("result", [everyday_run(), hostile_run()], ids=["everyday", "hostile"])
def test_parse_run_document_gives_back_the_run(result: RunResult) -> None:
    """Nothing is lost between a run and its report made a week later."""
    assert parse_run_document(document_bytes(result)) == result


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("version",), 2, "version is 2"),
        (("version",), True, "version is True"),
        (("status",), "done", "Invalid enum value 'done' - at `$.status`"),
        (("reason",), None, "at `$.reason`"),
        (("run_id",), "../../etc/passwd", "at `$.run_id`"),
        (("run_id",), f"{RUN_ID}\n", "at `$.run_id`"),
        (("started_at",), "yesterday", "at `$.started_at`"),
        (("started_at",), "2026-11-22T03:45:23", "timezone component - at `$.started_at`"),
        (("exit_code",), 256, "at `$.exit_code`"),
        (("success_rate",), -1, "at `$.success_rate`"),
        (("leads", "fetched"), -1, "at `$.leads.fetched`"),
        (("leads", "fetched"), 2.5, "at `$.leads.fetched`"),
        (("leads", "skipped", "duplicate"), "1", "at `$.leads.skipped[...]`"),
        (("leads", "skipped"), {"duplicate": 1}, "skipped lacks invalid_number - at `$.leads`"),
        (("leads", "skipped", "odd"), 1, "'odd' - at `key` in `$.leads.skipped`"),
        (("leads", "extra"), 1, "unknown field `extra` - at `$.leads`"),
        (("counsellors", "Karan", "sent"), True, "at `$.counsellors[...].sent`"),
        (("month",), {}, "missing required field `calls` - at `$.month`"),
        (("lead_rows", 0), 1, "at `$.lead_rows[0]`"),
        (("lead_rows", 0, "outcome"), "sent", "'sent' - at `$.lead_rows[0].outcome`"),
        (("lead_rows", 0, "x +919812345678 \x1b"), 1, "`x +9198••••5678 \\u001b`"),
        (("next_steps",), [1], "at `$.next_steps[0]`"),
        (("errors", "opt_out"), None, "at `$.errors[...]`"),
    ],
)
def test_parse_run_document_refuses_what_was_not_recorded(
    path: tuple[str | int, ...], value: object, message: str
) -> None:
    """A wrong type, an unknown key or a newer version is named, never guessed around."""
    changed: object = document()
    part = changed
    for key in path[:-1]:
        part = cast("dict[str | int, object]", part)[key]
    cast("dict[str | int, object]", part)[path[-1]] = value
    data = json.dumps(changed).encode()

    with pytest.raises(StateError) as caught:
        parse_run_document(data, path=Path("reports/run.json"))
    assert message in str(caught.value)
    assert str(caught.value).startswith("reports/run.json cannot be read")


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"null", b"[" * 100_000, b'{"version": 1, "version": 1}', b"\xff"]
)
def test_parse_run_document_any_damage_is_a_state_error(data: bytes) -> None:
    """No byte sequence gets a traceback out of the reader."""
    with pytest.raises(StateError, match="cannot be read"):
        parse_run_document(data)


def test_make_run_id_is_local_sortable_and_safe() -> None:
    """The id carries the local start, and has the one form that is read back."""
    made = make_run_id(STARTED, KOLKATA, 0.25)

    assert made == "20261122T091523-4000"
    assert is_run_id(made)
    assert not any(map(is_run_id, ("", "../x", made[:-1], f"{made}\n", f"x{made}")))
    assert make_run_id(STARTED, KOLKATA, 0.9999999) == "20261122T091523-ffff"


def test_save_run_report_writes_both_private_files(tmp_path: Path) -> None:
    """A run leaves its document and its page, found again by id or as the last."""
    disk, folder = Disk(), tmp_path / "reports"
    result = everyday_run()
    json_path, html_path = save_run_report(disk, folder, result, render_html=page)

    assert (json_path.name, html_path.name) == (f"run-{RUN_ID}.json", f"run-{RUN_ID}.html")
    assert html_path.read_text(encoding="utf-8") == f"page of {RUN_ID}"
    assert json_path.stat().st_mode & 0o777 == 0o600
    assert load_run(disk, folder, RUN_ID) == result
    assert load_run(disk, folder, None) == result


def test_save_run_report_where_nothing_can_be_written_is_a_state_error(tmp_path: Path) -> None:
    """A file in the folder's place is named."""
    (tmp_path / "reports").write_text("", encoding="utf-8")

    with pytest.raises(StateError, match="could not be made"):
        save_run_report(Disk(), tmp_path / "reports", everyday_run(), render_html=page)


def test_list_runs_is_in_order_and_leaves_other_files_out(tmp_path: Path) -> None:
    """Only what has a run's name counts."""
    for name in ("run-20261123T000000-0000.json", f"run-{RUN_ID}.json", "run-x.json", "notes.json"):
        (tmp_path / name).write_text("{}", encoding="utf-8")

    assert list_runs(Disk(), tmp_path) == [RUN_ID, "20261123T000000-0000"]
    assert list_runs(Disk(), tmp_path / "nowhere") == []


def test_load_run_damaged_or_planted_file_is_refused(tmp_path: Path) -> None:
    """Damage, a symlink and a folder in its place are state errors."""
    path = tmp_path / f"run-{RUN_ID}.json"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(StateError, match="cannot be read"):
        load_run(Disk(), tmp_path, RUN_ID)
    path.unlink()
    path.symlink_to("/etc/hostname")
    with pytest.raises(StateError, match="symbolic link"):
        load_run(Disk(), tmp_path, RUN_ID)
    path.unlink()
    path.symlink_to(tmp_path / "nothing" / "there")
    with pytest.raises(StateError):
        load_run(Disk(), tmp_path, RUN_ID)


class _DeniedDisk(Disk):
    """A disk that lists files and lets none be read."""

    def read(self, path: Path, max_bytes: int, *, private: bool) -> bytes | None:
        """Refuse."""
        raise PermissionError(13, "Permission denied", str(path), max_bytes, private)

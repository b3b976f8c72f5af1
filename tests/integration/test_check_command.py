"""``check``: each point, the exit code, and what it says when half of it is down."""

from collections.abc import Callable
from pathlib import Path

import pytest
from campaigns import HOLD_FILE, SUPPRESSION_FILE, Campaign, campaign
from harness import lead, many_leads
from simulated.faults import FaultKind
from simulated.scripts import Reply, server_error

from lead_automation.files import Disk
from lead_automation.sandbox.exchange import Endpoint, Side
from lead_automation.sandbox.plans import failing, refused
from lead_automation.sandbox.wati_answers import SimTemplate

POINTS = [
    *("settings", "state", "quota", "folder", "hold", "hours"),
    *("wati", "template", "crm", "message", "plan", "clock"),
]
HOUR_S = 3600.0


class FullDisk(Disk):
    """A disk that is nearly full."""

    def free_bytes(self, folder: Path) -> int:
        """Leave less than a hundred megabytes."""
        del folder
        return 99_000_000


class ReadOnlyDisk(Disk):
    """A disk that was mounted read-only."""

    def is_writable(self, folder: Path) -> bool:
        """Refuse every folder."""
        del folder
        return False


def points(the: Campaign, *, code: int) -> dict[str, dict[str, str]]:
    """Run ``check --json`` and return the points by name; a failed one wins over its namesakes."""
    before = contents(the)
    ended = the.run("check", "--json")

    assert ended.code == code
    assert ended.document["exit_code"] == code
    assert ended.document["status"] == ("failed" if code else "ok")
    assert contents(the) == before, "a check writes nothing"
    assert the.posted == []
    found: dict[str, dict[str, str]] = {}
    for point in sorted(ended.document["checks"], key=lambda point: str(point["result"])):
        if found.get(point["name"], {}).get("result") != "failed":
            found[point["name"]] = point
    assert set(found) <= set(POINTS)
    return found


def contents(the: Campaign) -> dict[str, bytes]:
    """Return every file of the state directory."""
    found = the.harness.state_dir.rglob("*")
    return {path.name: path.read_bytes() for path in found if path.is_file()}


def results(found: dict[str, dict[str, str]]) -> dict[str, str]:
    """Return the points that are not ok; the plan's is about money, and has a test of its own."""
    return {
        name: point["result"]
        for name, point in found.items()
        if point["result"] != "ok" and name != "plan"
    }


def damage(the: Campaign, name: str) -> None:
    """Leave half a file."""
    path = the.harness.state_dir / name
    path.write_text("{", encoding="utf-8")
    path.chmod(0o600)


# --- all is well ----------------------------------------------------------------------------------


def test_check_with_everything_in_order_exits_0_with_a_line_for_each_point(tmp_path: Path) -> None:
    """One line each, none of them a warning."""
    with campaign(tmp_path, settings={"WATI_PLAN": "pro"}) as the:
        ended = the.run("check")

        assert ended.code == 0
        assert [line.split()[:2] for line in ended.out.splitlines()] == [
            ["ok", name] for name in POINTS
        ]
        assert the.simulator.calls[Endpoint.LEADS] != []
        assert results(points(the, code=0)) == {}


def test_check_shows_the_message_as_the_first_lead_would_read_it(tmp_path: Path) -> None:
    """The template's text with the values in it, a lead that cannot be written to left out."""
    rows = [lead("1", "12", "Nobody"), *many_leads(2)]
    with campaign(tmp_path, leads_listed=rows) as the:
        found = points(the, code=0)

        assert found["crm"]["text"] == "leads waiting: 3"
        assert found["message"]["text"].startswith("Hello Lead Number 0, Anandi is your counsellor")


def test_check_tells_the_quota_and_whether_the_plan_carries_it(tmp_path: Path) -> None:
    """Nine times fifty a day is more than the smallest plan follows in a month."""
    with campaign(tmp_path, leads=2) as the:
        the.run()
        checks = the.run("check", "--json").document["checks"]
        found = {check["name"]: check for check in checks}

        assert found["quota"]["text"] == "9 counsellors, 450 messages a day, 448 left today"
        assert found["plan"]["result"] == "warning"
        assert found["plan"]["text"] == (
            "450 a day need 27,900 calls a month; growth carries 10,000; v3 needs 4,604"
        )
        the.harness.write_settings(WATI_PLAN="pro")
        assert "ok       plan" in the.run("check").out


def test_check_warns_of_a_state_inside_a_checkout_and_of_a_full_disk(tmp_path: Path) -> None:
    """The next redeploy, or the next hundred reports, would end it."""
    with campaign(tmp_path) as the:
        assert "is writable" in points(the, code=0)["folder"]["text"]
        the.harness.disk = FullDisk()
        full = points(the, code=0)["folder"]
        the.harness.disk = ReadOnlyDisk()
        closed = points(the, code=5)["folder"]
        the.harness.disk = Disk()
        (tmp_path / ".git").mkdir()
        checkout = the.run("check").out

        assert (full["result"], "99 MB free" in full["text"]) == ("warning", True)
        assert closed["result"] == "failed"
        assert "inside a git checkout" in checkout


def test_check_names_each_problem_of_the_settings_on_a_line(tmp_path: Path) -> None:
    """Several in one line would be read as one."""
    with campaign(tmp_path) as the:
        the.harness.write_settings(TIMEZONE="Asia/Calcuta", HISTORY_DAYS="many")
        lines = the.run("check").out.splitlines()
        failed = [line for line in lines if line.startswith("failed   settings")]

        assert len(failed) == 2
        assert "TIMEZONE" in failed[0] + failed[1]


def test_check_tells_a_network_fault_from_a_refused_token(tmp_path: Path) -> None:
    """Who reads it at eight in the morning is to know which of the two to mend."""
    with campaign(tmp_path) as the:
        the.harness.write_settings(WATI_API_KEY="another-key")
        token = points(the, code=4)["wati"]["text"]
        down(Side.WATI)(the)
        fault = points(the, code=4)["wati"]["text"]

        assert token == "HTTP 401: WATI refuses the token: check WATI_API_KEY"
        assert fault.startswith("WATI cannot be reached: ")
        the.simulator.bring_back(Side.WATI)


def test_check_without_leads_is_in_order(tmp_path: Path) -> None:
    """An empty lead list is an answer."""
    with campaign(tmp_path, leads=0) as the:
        assert "no lead needs a message" in points(the, code=0)["crm"]["text"]


# --- settings -------------------------------------------------------------------------------------


def test_check_with_missing_settings_exits_2_and_still_looks_at_the_state(tmp_path: Path) -> None:
    """What needs no credentials is checked; the rest says why it was not."""
    with campaign(tmp_path) as the:
        the.harness.write_settings(WATI_API_KEY=None)
        damage(the, "quota_usage.json")
        found = points(the, code=2)

        assert found["settings"]["text"].startswith("Missing WATI credentials in config.env")
        assert "config.env.example" in found["settings"]["fix"]
        assert results(found) == {
            "settings": "failed",
            "state": "failed",
            "wati": "warning",
            "template": "warning",
            "crm": "warning",
            "clock": "warning",
        }
        assert found["crm"]["text"] == "not checked: the settings are not right yet"


def test_check_with_a_settings_file_that_does_not_exist_exits_2(tmp_path: Path) -> None:
    """Nothing else can be known then."""
    with campaign(tmp_path) as the:
        ended = the.run("check", "--config", "nowhere.env")

        assert ended.code == 2
        assert "nowhere.env" in ended.out
        assert "config.env.example" in ended.out


def test_check_with_wrong_local_settings_exits_2(tmp_path: Path) -> None:
    """Without a zone there are no hours, and no quota day to read the state by."""
    with campaign(tmp_path) as the:
        the.harness.write_settings(TIMEZONE="Asia/Calcuta")
        found = points(the, code=2)

        assert "TIMEZONE" in found["settings"]["text"]
        assert "state" not in found


def test_check_with_settings_open_to_others_exits_2(tmp_path: Path) -> None:
    """The file holds tokens; the fix is named."""
    with campaign(tmp_path) as the:
        (the.harness.folder / "config.env").chmod(0o644)
        found = points(the, code=2)

        assert results(found) == {"settings": "failed"}
        assert found["settings"]["fix"].startswith("chmod 600 ")


def test_check_with_an_unknown_key_warns(tmp_path: Path) -> None:
    """A misspelt key is named with its nearest neighbour, and fails nothing."""
    with campaign(tmp_path) as the:
        the.harness.write_settings(WATI_TEMPLATE_NAMES="x")
        found = the.run("check")

        assert found.code == 0
        assert "warning  settings  " in found.out
        assert "WATI_TEMPLATE_NAME" in found.out


# --- state ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "point"),
    [
        ("quota_usage.json", "state"),
        ("sent_messages.json", "state"),
        ("crm_outbox.json", "state"),
        ("api_usage.json", "state"),
        (SUPPRESSION_FILE, "state"),
        (HOLD_FILE, "hold"),
    ],
)
def test_check_with_a_damaged_state_file_exits_5(tmp_path: Path, name: str, point: str) -> None:
    """The file is named; WATI and the CRM are checked all the same."""
    with campaign(tmp_path) as the:
        damage(the, name)
        found = points(the, code=5)

        assert results(found) == {point: "failed"}
        assert name in found[point]["text"]
        assert found[point]["fix"]


def test_check_without_state_files_exits_5_and_names_init(tmp_path: Path) -> None:
    """They are not guessed to be empty, nor made."""
    with campaign(tmp_path) as the:
        (the.harness.state_dir / "sent_messages.json").unlink()
        found = points(the, code=5)

        assert "init" in found["state"]["text"] + found["state"]["fix"]


def test_check_with_a_history_that_was_lost_exits_5(tmp_path: Path) -> None:
    """Reports show sends within HISTORY_DAYS, the history none."""
    with campaign(tmp_path) as the:
        the.run()
        for name in ("sent_messages.json", "quota_usage.json"):
            (the.harness.state_dir / name).write_text("{}\n", encoding="utf-8")
        ended = the.run("check")

        assert ended.code == 5
        assert "shows messages sent within HISTORY_DAYS" in ended.out
        assert the.run().code == 5


def test_check_with_a_wall_clock_that_stepped_back_exits_5(tmp_path: Path) -> None:
    """The newest record is from later than now, and both times are shown."""
    with campaign(tmp_path, leads=1) as the:
        the.run()
        the.clock.step(-7200)
        ended = the.run("check")

        assert ended.code == 5
        assert "it says 2026-11-23 09:30" in ended.out
        assert "the newest record is of 2026-11-23 11:30" in ended.out


def test_check_while_held_warns_with_the_banner(tmp_path: Path) -> None:
    """A hold is known and fails nothing; one that is over is not mentioned."""
    quality = "Meta has restricted it for higher quality messaging"
    with campaign(tmp_path, plans={0: refused(quality)}) as the:
        the.run()
        held = the.run("check")
        the.clock.advance(22 * HOUR_S)
        over = the.run("check")

        assert (held.code, over.code) == (0, 0)
        assert "warning  hold      Sending is HELD since 2026-11-23 11:30" in held.out
        assert "resume" in held.out
        assert "ok       hold      sending is not held" in over.out


# --- the services ---------------------------------------------------------------------------------


WATI_DOWN = {"wati": "failed", "template": "warning"}
CRM_DOWN = {"crm": "failed"}


def down(side: Side) -> Callable[[Campaign], object]:
    """Refuse connections to WATI or to the CRM."""
    return lambda the: the.simulator.take_down(side, FaultKind.REFUSED)


def answers(endpoint: Endpoint, reply: Reply) -> Callable[[Campaign], object]:
    """Let a service answer so."""
    return lambda the: the.simulator.script(endpoint, reply)


def settings(**changes: str) -> Callable[[Campaign], object]:
    """Change settings."""
    return lambda the: the.harness.write_settings(**changes)


@pytest.mark.parametrize(
    ("spoil", "not_ok"),
    [
        (down(Side.WATI), {**WATI_DOWN, "clock": "warning"}),
        (settings(WATI_API_KEY="another-key"), WATI_DOWN),
        (answers(Endpoint.TEMPLATES, server_error(503, times=None)), WATI_DOWN),
        (down(Side.CRM), CRM_DOWN),
        (settings(LEAD_API_TOKEN="Token another"), CRM_DOWN),
        (answers(Endpoint.LEADS, Reply(status=200, body="<html>", times=None)), CRM_DOWN),
    ],
)
def test_check_with_a_service_down_exits_4_and_checks_the_rest(
    tmp_path: Path, spoil: Callable[[Campaign], object], not_ok: dict[str, str]
) -> None:
    """Half of it down leaves the other half checked, each failure with its fix."""
    with campaign(tmp_path) as the:
        spoil(the)
        found = points(the, code=4)

        assert set(POINTS) - set(found) <= {"message"}
        assert results(found) == not_ok
        assert all(point["fix"] for point in found.values() if point["result"] == "failed")
        assert not any("another" in point["text"] for point in found.values())
        for side in Side:
            the.simulator.bring_back(side)


def test_check_with_everything_down_and_damaged_says_all_of_it(tmp_path: Path) -> None:
    """State before services: exit 5, every failure on its own line."""
    with campaign(tmp_path) as the:
        damage(the, "sent_messages.json")
        for side in Side:
            down(side)(the)
        found = points(the, code=5)

        assert results(found) == {
            "state": "failed",
            "wati": "failed",
            "template": "warning",
            "crm": "failed",
            "clock": "warning",
        }
        for side in Side:
            the.simulator.bring_back(side)


@pytest.mark.parametrize(
    ("name", "status", "parameters", "code", "word"),
    [
        ("other", "APPROVED", "123", 4, "no template named"),
        ("sandbox_welcome", "PENDING", "123", 4, "PENDING"),
        ("sandbox_welcome", "APPROVED", "abc", 4, "a, b, c"),
        ("sandbox_welcome", "APPROVED", "312", 0, "3, 1, 2"),  # sent in the template's order
    ],
)
def test_check_with_a_template_that_is_not_as_configured(
    tmp_path: Path, name: str, status: str, parameters: str, *, code: int, word: str
) -> None:
    """What cannot be sent fails, another order warns; WATI itself is in order."""
    template = SimTemplate(name=name, status=status, parameters=tuple(parameters))
    with campaign(tmp_path, templates=[template]) as the:
        found = points(the, code=code)

        assert results(found) == {"template": "failed" if code else "warning"}
        assert word in found["template"]["text"]
        assert found["template"]["fix"] or not code


# --- time -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offset_s", "code", "result"),
    [(0.0, 0, "ok"), (-100.0, 0, "ok"), (300.0, 0, "warning"), (660.0, 5, "failed")],
)
def test_check_compares_the_clock_with_the_vendors(
    tmp_path: Path, offset_s: float, code: int, result: str
) -> None:
    """A warning above two minutes, a failure above ten, with the difference."""
    with campaign(tmp_path, wati_offset_s=offset_s) as the:
        found = points(the, code=code)

        assert found["clock"]["result"] == result
        assert found["clock"]["text"] == (
            f"2026-11-23 11:30 Asia/Kolkata; WATI's is {offset_s:+.0f} s"
        )


def test_check_warns_of_a_crm_whose_clock_is_far_off(tmp_path: Path) -> None:
    """Nothing is computed from the CRM's clock, so it is a warning only."""
    with campaign(tmp_path, crm_offset_s=4000.0) as the:
        found = points(the, code=0)

        assert results(found) == {"crm": "warning"}
        assert "4000 s" in found["crm"]["text"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"SCRIPT_END_TIME": "11:00"}, "closed now (09:00–11:00 Asia/Kolkata); opens 2026-11-24"),
        ({"WORKING_DAYS": "Tue"}, "opens 2026-11-24 09:00"),
        ({}, "open now (09:00–21:00 Asia/Kolkata)"),
    ],
)
def test_check_tells_the_working_hours(
    tmp_path: Path, settings: dict[str, str], words: str
) -> None:
    """Closed is a warning with the next opening, not a failure."""
    with campaign(tmp_path, settings=settings) as the:
        assert words in points(the, code=0)["hours"]["text"]


def test_check_masks_numbers_and_cleans_what_wati_says(tmp_path: Path) -> None:
    """WATI's words reach the terminal without escapes or whole numbers."""
    body = {"message": "no \x1b[2J access for +919810000002"}
    with campaign(tmp_path, plans={0: failing("x")}) as the:
        the.simulator.script(Endpoint.TEMPLATES, Reply(status=400, body=body, times=None))
        ended = the.run("check")

        assert ended.code == 4
        assert "\x1b" not in ended.out
        assert "9810000002" not in ended.out
        assert "+9198••••0002" in ended.out

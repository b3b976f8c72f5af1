"""Meta quality and restrictions of the account, end to end: the stop, the hold, and its end."""

import errno
import io
from collections.abc import Mapping
from pathlib import Path

import pytest
from campaigns import HOLD_FILE, Campaign, campaign
from disks import Crash, FaultyDisk, Phase, Script, crash, fail_with
from harness import Terminal, digits
from simulated.scripts import Moment

from lead_automation.files import Disk
from lead_automation.sandbox.exchange import Endpoint
from lead_automation.sandbox.plans import Plan, failing, refused

QUALITY = (
    "Message undeliverable as Meta has restricted it for higher quality messaging - retry again "
    "in a few days"
)
HEALTHY_ECOSYSTEM = "131049 This message was not delivered to maintain healthy ecosystem engagement"
SPAM = "131048 Spam rate limit hit"
STEPS = (
    "Stop all messaging immediately.",
    "Review WhatsApp Business Policy compliance.",
    "Improve message quality and relevance.",
    "Wait 3–7 days before you try again.",
    "Check the WATI and Meta account status.",
)
HOUR_S = 3600.0
LEADS = 16


def assert_next_run_is_held(the: Campaign) -> None:
    """Run once more: exit 6, the banner, not one call that sends."""
    before = len(the.posted)
    ended = the.run()

    assert ended.code == 6
    assert "⛔ HELD: sending is held since 2026-11-23 11:30 IST" in ended.err
    assert "STATUS: HELD" in ended.out
    assert len(the.posted) == before


# --- Meta quality ---------------------------------------------------------------------------------


def test_quality_hold_lasts_as_many_days_as_the_setting_says(tmp_path: Path) -> None:
    """META_QUALITY_HOLD_DAYS: from the end of the day on; the texts say what is really held."""
    settings = {"META_QUALITY_HOLD_DAYS": "3"}
    with campaign(tmp_path, plans={0: refused(QUALITY)}, settings=settings) as the:
        ended = the.run()

        assert the.harness.read_state(HOLD_FILE)["until"] == "2026-11-26T18:30:00Z"
        assert "Sending is held until 2026-11-27 00:00" in ended.out
        assert "META_QUALITY_HOLD_DAYS" in ended.out
        shown = ended.out + ended.err
        assert [shown.count(step) for step in STEPS] == [1] * 5


@pytest.mark.parametrize("text", [QUALITY, HEALTHY_ECOSYSTEM], ids=["words", "code"])
@pytest.mark.parametrize("is_late", [False, True], ids=["at the send", "late"])
def test_run_with_one_quality_refusal_stops_rests_the_lead_and_holds_the_day(
    tmp_path: Path, text: str, *, is_late: bool
) -> None:
    """META_QUALITY_STOP_AFTER=1 stops at the first, wherever it is learned."""
    plan = failing(text) if is_late else refused(text)
    with campaign(tmp_path, leads=LEADS, plans={2: plan}) as the:
        result = the.result()

        assert (result["code"], result["status"]) == (3, "stopped")
        assert "META_QUALITY_STOP_AFTER=1" in result["reason"]
        assert text[:40] in result["reason"]
        assert result["errors"] == {"quota_exceeded": 1}
        if is_late:
            assert the.posts_after_read(2) == 0
        else:
            assert the.posted == [0, 1, 2]
        entry = the.suppressed()["+919810000002"]
        assert entry["until"] == "2026-11-25" + entry["added_at"][10:]
        hold = the.hold()
        assert hold is not None
        assert hold["until"] == "2026-11-23T18:30:00Z"
        assert hold["evidence"].startswith(text[:40])
        assert hold["what_to_do"] == list(STEPS)


def test_run_with_three_quality_refusals_allowed_stops_at_the_third(tmp_path: Path) -> None:
    """META_QUALITY_STOP_AFTER=3 counts those at the send and late ones together, apart or not."""
    settings = {"META_QUALITY_STOP_AFTER": "3"}
    plans = {1: failing(QUALITY), 4: failing(HEALTHY_ECOSYSTEM), 14: refused(HEALTHY_ECOSYSTEM)}
    with campaign(tmp_path, leads=LEADS, plans=plans, settings=settings) as the:
        result = the.result()

        assert result["code"] == 3
        assert "3 messages refused" in result["reason"]
        assert "META_QUALITY_STOP_AFTER=3" in result["reason"]
        assert the.posted == list(range(15))
        assert list(the.suppressed()) == ["+919810000001", "+919810000004", "+919810000014"]
        assert the.hold() is not None


def test_run_with_fewer_quality_refusals_than_allowed_goes_on_and_rests_the_leads(
    tmp_path: Path,
) -> None:
    """Two of three: no stop, no hold, but those two people have their rest."""
    settings = {"META_QUALITY_STOP_AFTER": "3"}
    plans = {1: failing(QUALITY), 2: refused(QUALITY)}
    with campaign(tmp_path, plans=plans, settings=settings) as the:
        result = the.result()

        assert result["code"] == 0
        assert the.posted == [0, 1, 2, 3, 4, 5]
        assert list(the.suppressed()) == ["+919810000001", "+919810000002"]
        assert the.hold() is None


@pytest.mark.parametrize("option", ["--verbose", "--quiet", "--json"])
def test_quality_stop_prints_the_checklist_on_the_console_and_in_the_report(
    tmp_path: Path, option: str
) -> None:
    """The five steps, in order, whatever the console is set to, and the setting's name."""
    with campaign(tmp_path, plans={2: refused(QUALITY)}) as the:
        ended = the.run("run", option)
        page = the.run("report", "--format", "html").out
        text = the.run("report", "--format", "text").out

        for shown in (ended.err + ended.out, page, text):
            places = [shown.find(step) for step in STEPS]
            assert -1 not in places
            assert places == sorted(places)
            assert "META_QUALITY_STOP_AFTER" in shown
        if option == "--json":
            assert "checklist" not in ended.document["status"]
            assert ended.document["status"] == "stopped"
        else:
            assert STEPS[0] in ended.out


def test_quality_hold_ends_with_the_quota_day(tmp_path: Path) -> None:
    """Held until midnight in TIMEZONE; after it the next run sends again, the rested lead not."""
    settings = {"SCRIPT_START_TIME": "00:00", "SCRIPT_END_TIME": "24:00"}
    with campaign(tmp_path, plans={2: refused(QUALITY)}, settings=settings) as the:
        assert the.run().code == 3

        assert_next_run_is_held(the)
        the.clock.advance(12.4 * HOUR_S)  # 23:54 in Kolkata, 18:24 in UTC
        assert_next_run_is_held(the)
        the.clock.advance(0.2 * HOUR_S)
        result = the.result()
        assert result["code"] == 0
        assert the.sent == [0, 1, 3, 4, 5]
        assert result["leads"]["skipped"]["suppressed"] == 1


def test_quality_rest_ends_after_48_hours(tmp_path: Path) -> None:
    """The lead rests for two days, then the CRM's listing counts again."""
    with campaign(tmp_path, plans={2: refused(QUALITY)}) as the:
        the.run()
        the.simulator.wati.set_plan(digits(2), Plan())
        the.clock.advance(47.9 * HOUR_S)
        assert the.run().code == 0
        assert 2 not in the.sent
        the.clock.advance(0.2 * HOUR_S)

        assert the.run().code == 0
        assert the.sent == [0, 1, 3, 4, 5, 2]


def test_quality_refusal_learned_by_a_later_run_of_the_day_holds_before_any_send(
    tmp_path: Path,
) -> None:
    """A message of the morning that fails at noon counts: the noon run sends nothing."""
    plan = failing(QUALITY, after_s=1800.0)
    with campaign(tmp_path, leads=3, plans={1: plan}) as the:
        assert the.run().code == 0
        the.simulator.crm.leads.append({"lead_id": "9", "mobile_number_formatted": "+919820000000"})
        the.clock.advance(2 * HOUR_S)
        result = the.result()

        assert (result["code"], result["status"]) == (6, "held")
        assert len(the.posted) == 3
        assert list(the.suppressed()) == ["+919810000001"]
        assert STEPS[0] in result["console"]


def test_quality_refusal_of_an_earlier_day_rests_its_lead_and_holds_nothing(tmp_path: Path) -> None:
    """Yesterday's refusal is no sign of today."""
    plan = failing(QUALITY, after_s=1800.0)
    with campaign(tmp_path, leads=3, plans={1: plan}) as the:
        assert the.run().code == 0
        the.clock.advance(23 * HOUR_S)

        assert the.run().code == 0
        assert list(the.suppressed()) == ["+919810000001"]
        assert the.hold() is None


# --- the account itself ---------------------------------------------------------------------------


def test_late_restriction_of_the_account_holds_until_resume(tmp_path: Path) -> None:
    """131048 in a status: nothing follows; held over days; sending works after ``resume``."""
    with campaign(tmp_path, leads=LEADS, plans={2: failing(SPAM)}) as the:
        result = the.result()

        assert result["code"] == 3
        assert the.posts_after_read(2) <= 1
        assert STEPS[0] not in result["console"]
        hold = the.hold()
        assert hold is not None
        assert hold["until"] is None
        assert_next_run_is_held(the)
        the.clock.advance(30 * HOUR_S)
        assert_next_run_is_held(the)
        assert the.run("resume", "--yes").code == 0
        assert the.hold() is None
        the.simulator.wati.set_plan(digits(2), Plan())
        assert the.run().code == 0
        assert sorted(the.sent) == sorted([*range(LEADS), 2])


@pytest.mark.parametrize("text", ["131031 Business Account locked", "(#368) Temporarily blocked"])
def test_restriction_learned_by_a_later_run_holds_before_any_send(
    tmp_path: Path, text: str
) -> None:
    """A restriction found while settling earlier runs, of any day, holds at once."""
    plan = failing(text, after_s=1800.0)
    with campaign(tmp_path, leads=3, plans={1: plan}) as the:
        assert the.run().code == 0
        the.clock.advance(24 * HOUR_S)
        result = the.result()

        assert (result["code"], result["status"]) == (6, "held")
        assert len(the.posted) == 3
        assert the.hold() is not None


@pytest.mark.parametrize("text", [SPAM, QUALITY])
def test_restriction_found_by_track_sets_the_hold_and_exits_3(tmp_path: Path, text: str) -> None:
    """``track`` finds it between runs; the next run is held."""
    plan = failing(text, after_s=1800.0)
    with campaign(tmp_path, leads=3, plans={1: plan}) as the:
        assert the.run().code == 0
        the.clock.advance(2 * HOUR_S)

        ended = the.run("track")
        assert ended.code == 3
        assert "HELD" in ended.out
        assert the.run().code == 6
        assert len(the.posted) == 3


def test_account_hold_is_not_shortened_by_a_quality_refusal(tmp_path: Path) -> None:
    """The longer hold stays where both kinds meet."""
    plans = {1: failing(SPAM), 2: failing(QUALITY)}
    with campaign(tmp_path, leads=3, plans=plans) as the:
        the.run()
        the.clock.advance(2 * HOUR_S)
        the.run()

        hold = the.hold()
        assert hold is not None
        assert hold["until"] is None


def test_account_restricted_for_leads_of_one_country_is_never_held(tmp_path: Path) -> None:
    """Per-country rules neither stop nor hold, however many leads they meet in a row."""
    plans = {
        **dict.fromkeys((1, 2, 3, 4), failing("130497 Business account is restricted from this")),
        **dict.fromkeys(
            (5, 6, 7, 8), failing("Meta has restricted marketing messages to US recipients")
        ),
    }
    with campaign(tmp_path, leads=18, plans=plans) as the:
        result = the.result()

        assert result["code"] == 0
        assert the.sent == list(range(18))
        assert result["errors"] == {"account_issue": 4, "not_on_whatsapp": 4}
        assert the.hold() is None


# --- what a hold binds, and where it shows --------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        (("run",), {}),
        (("run", "--dry-run"), {}),
        (("run", "--test"), {"TEST_MOBILE_NUMBER": "+919810000500"}),
    ],
    ids=["run", "dry run", "test send"],
)
def test_hold_binds_every_kind_of_run(
    tmp_path: Path, arguments: tuple[str, ...], settings: Mapping[str, str]
) -> None:
    """A held account sends nothing, not even a test message, and no lead is fetched."""
    with campaign(tmp_path, plans={0: refused(SPAM)}, settings=settings) as the:
        assert the.run().code == 3
        ended = the.run(*arguments)

        assert ended.code == 6
        assert "HELD" in ended.err
        assert the.posted == [0]


def test_hold_set_while_a_run_is_on_ends_it_before_the_next_send(tmp_path: Path) -> None:
    """Whoever sets the hold, the next send looks at it."""
    with campaign(tmp_path, plans={2: refused(SPAM)}) as the:
        assert the.run().code == 3
        path = the.harness.state_dir / HOLD_FILE
        hold = path.read_bytes()
        assert the.run("resume", "--yes").code == 0
        the.simulator.wati.set_plan(digits(2), Plan())
        the.simulator.hooks.add(
            Moment.ACCEPTED, Endpoint.SEND, lambda _: path.write_bytes(hold), skip=1
        )
        result = the.result()

        assert (result["code"], result["status"]) == (6, "held")
        assert the.posted == [0, 1, 2, 2, 3]


def test_held_status_begins_with_the_banner(tmp_path: Path) -> None:
    """``status`` shows first why sending is held, since when, and what to do."""
    with campaign(tmp_path, plans={2: refused(SPAM)}) as the:
        assert "HELD" not in the.run("status").out
        the.run()
        shown = the.run("status")
        document = the.run("status", "--json").document

        assert shown.code == 0
        assert shown.out.startswith(
            "Sending is HELD since 2026-11-23 11:30, until an operator runs `resume`"
        )
        assert "Hold: none" not in shown.out
        assert SPAM in shown.out
        assert "python -m lead_automation resume" in shown.out
        assert document["hold"]["until"] is None
        assert SPAM in document["hold"]["evidence"]


def test_test_send_with_a_quality_refusal_stops_without_holding_the_campaign(
    tmp_path: Path,
) -> None:
    """The test number's own quality refusal rests nobody; a restriction of the account holds."""
    settings = {"TEST_MOBILE_NUMBER": "+919810000500"}
    with campaign(tmp_path, leads=3, settings=settings) as the:
        the.simulator.wati.set_plan("919810000500", refused(QUALITY))
        assert the.run("run", "--test").code == 3
        assert the.hold() is None
        assert the.suppressed() == {}
        the.simulator.wati.set_plan("919810000500", refused(SPAM))
        assert the.run("run", "--test").code == 3

        assert the.hold() is not None


# --- resume ---------------------------------------------------------------------------------------


def test_resume_without_a_hold_says_so(tmp_path: Path) -> None:
    """Nothing to lift is no error."""
    with campaign(tmp_path, leads=0) as the:
        ended = the.run("resume")

        assert (ended.code, ended.out.splitlines()[0]) == (0, "Sending is not held.")


@pytest.mark.parametrize(
    ("stdin", "code", "told", "stays"),
    [
        (Terminal("yes\n"), 0, "Lift the hold?", False),
        (Terminal("YES \n"), 0, "Lift the hold?", False),
        (Terminal("y\n"), 0, "Lift the hold?", False),
        (Terminal("no\n"), 0, "The hold stays.", True),
        (Terminal("\n"), 0, "The hold stays.", True),
        (Terminal(""), 0, "The hold stays.", True),
        (Terminal("yesterday\n"), 0, "The hold stays.", True),
        (io.StringIO("yes\n"), 2, "--yes", True),  # `echo yes | …`: nobody reads the reason
        (None, 2, "--yes", True),
    ],
)
def test_resume_lifts_the_hold_after_a_yes_on_a_terminal_only(
    tmp_path: Path, stdin: io.StringIO | None, code: int, told: str, *, stays: bool
) -> None:
    """It shows why sending is held, and asks; where nobody can be asked it needs ``--yes``."""
    with campaign(tmp_path, plans={0: refused(SPAM)}) as the:
        the.run()
        the.harness.stdin = stdin
        ended = the.run("resume")

        assert ended.code == code
        assert SPAM in ended.out
        assert told in ended.out + ended.err
        assert (the.hold() is not None) == stays


def test_resume_as_json_gives_the_hold_it_lifted(tmp_path: Path) -> None:
    """One object on stdout, what was held in it."""
    with campaign(tmp_path, plans={0: refused(SPAM)}) as the:
        the.run()
        document = the.run("resume", "--yes", "--json").document

        assert document["status"] == "lifted"
        assert SPAM in document["hold"]["reason"]
        again = the.run("resume", "--json").document
        assert (again["status"], again["hold"]) == ("not_held", None)


def test_resume_lifts_a_damaged_hold_after_showing_how_it_begins(tmp_path: Path) -> None:
    """What it said is not known, so nothing is sent until an operator has seen it and decided."""
    damaged = '{"reason": "Meta said so to +919810000001", "since": ' + "x" * 1000
    with campaign(tmp_path) as the:
        path = the.harness.state_dir / HOLD_FILE
        path.write_text(damaged, encoding="utf-8")
        path.chmod(0o600)

        assert the.run().code == 5
        unasked = the.run("resume")
        assert (unasked.code, path.read_text(encoding="utf-8")) == (2, damaged)
        lifted = the.run("resume", "--yes")
        assert lifted.code == 0
        for shown in (unasked.out, lifted.out):
            assert 'The file begins: {"reason": "Meta said so to +9198••••0001' in shown
            assert "x" * 500 not in shown
        [kept] = the.harness.state_dir.glob(f"{HOLD_FILE}.damaged-*")
        assert kept.read_text(encoding="utf-8") == damaged
        assert str(kept) in lifted.out
        assert the.run().code == 0
        assert the.posted != []


def test_resume_of_a_damaged_hold_as_json_says_where_it_is_kept(tmp_path: Path) -> None:
    """One object on stdout: the problem, how the file begins, where it is now."""
    with campaign(tmp_path) as the:
        path = the.harness.state_dir / HOLD_FILE
        path.write_bytes(b"\xff\x00{")
        path.chmod(0o600)
        document = the.run("resume", "--yes", "--json").document

        assert (document["status"], document["begins"]) == ("lifted", "\ufffd\\u0000{")
        assert HOLD_FILE in document["problem"]
        assert Path(document["kept"]).read_bytes() == b"\xff\x00{"


def test_damaged_hold_stays_where_it_cannot_be_put_aside(tmp_path: Path) -> None:
    """At each step that fails or is killed, its content is in one of the two places."""
    for at, action in ((1, fail_with(errno.EROFS)), (2, fail_with(errno.EIO)), (1, crash)):
        folder = tmp_path / f"{at}{action.__name__}"
        folder.mkdir()
        with campaign(folder) as the:
            path = the.harness.state_dir / HOLD_FILE
            path.write_bytes(b"{")
            path.chmod(0o600)
            the.harness.disk = FaultyDisk(Disk(), Script(at, Phase.BEFORE, action))
            if action is crash:
                with pytest.raises(Crash):
                    the.run("resume", "--yes")
            else:
                assert the.run("resume", "--yes").code == 5

            kept = list(the.harness.state_dir.glob(f"{HOLD_FILE}*"))
            assert [each.read_bytes() for each in kept] == [b"{"]

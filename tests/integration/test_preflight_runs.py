"""What is looked at before any quota is used: template, clock, contact; and what WATI is sent."""

from pathlib import Path

import pytest
from campaigns import Campaign, campaign
from harness import digits, lead
from simulated.faults import FaultKind, NetworkFault
from simulated.scripts import Reply, answer, html_page, lost, rate_limited, redirect, server_error

from lead_automation.sandbox.exchange import Endpoint, Side
from lead_automation.sandbox.plans import Plan
from lead_automation.sandbox.wati_answers import SimTemplate

NAME = "sandbox_welcome"


def assert_nothing_happened(the: Campaign) -> None:
    """No lead was fetched, none was messaged, no quota was used."""
    assert the.simulator.calls[Endpoint.LEADS] == []
    assert the.posted == []
    assert the.harness.quota() == {}
    assert the.harness.history() == {}


# --- the template ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("templates", "words"),
    [
        pytest.param(
            [SimTemplate(name="sandbox_welcome2"), SimTemplate(name="other")],
            ("WATI has no template named sandbox_welcome.", "sandbox_welcome2", "WATI_TEMPLATE"),
            id="missing",
        ),
        pytest.param([], ("WATI has no template named",), id="no templates"),
        pytest.param(
            [
                SimTemplate(name=NAME, status="PENDING"),
                SimTemplate(name=NAME, status="rejected", language="hi"),
            ],
            ("not approved", "PENDING, REJECTED", "WATI dashboard"),
            id="not approved",
        ),
        pytest.param(
            [SimTemplate(name=NAME, status="PAUSED")], ("not approved", "PAUSED"), id="paused"
        ),
        pytest.param(
            [SimTemplate(name=NAME, parameters=("name", "agent", "agent_phone"))],
            ("name, agent, agent_phone", "1, 2, 3", "TEMPLATE_PARAMETERS"),
            id="other names",
        ),
        pytest.param(
            [SimTemplate(name=NAME, parameters=("1", "2"))],
            ("takes the parameters 1, 2,", "TEMPLATE_PARAMETERS"),
            id="two of three",
        ),
        pytest.param([SimTemplate(name=NAME, parameters=())], ("(none)",), id="without any"),
    ],
)
def test_template_that_cannot_be_sent_stops_before_any_quota_is_used(
    tmp_path: Path, templates: list[SimTemplate], words: tuple[str, ...]
) -> None:
    """Exit 3, with what was found and what to change."""
    with campaign(tmp_path, templates=templates) as the:
        result = the.result()

        assert (result["code"], result["status"]) == (3, "stopped")
        for word in words:
            assert word.casefold() in result["reason"].casefold()
        assert_nothing_happened(the)
        assert the.hold() is None


def test_template_with_one_approved_row_among_others_is_sent(tmp_path: Path) -> None:
    """One name may stand in several rows; any approved language will do, in any letter case."""
    templates = [
        SimTemplate(name=NAME, status="REJECTED", language="hi"),
        SimTemplate(name=NAME, status="approved"),
        SimTemplate(name=NAME, status="DELETED", parameters=()),
    ]
    with campaign(tmp_path, templates=templates) as the:
        assert the.run().code == 0
        assert the.sent == [0, 1, 2, 3, 4, 5]


def test_template_with_its_parameters_in_another_order_warns_and_is_sent_in_that_order(
    tmp_path: Path,
) -> None:
    """The values stay with their names; a warning tells the order."""
    settings = {"TEMPLATE_PARAMETERS": "lead,agent,agent_phone"}
    templates = [SimTemplate(name=NAME, parameters=("agent", "agent_phone", "lead"))]
    with campaign(tmp_path, leads=1, templates=templates, settings=settings) as the:
        ended = the.run()

        assert ended.code == 0
        assert "WARNING" in ended.err
        assert "in the order agent, agent_phone, lead" in ended.err
        assert the.simulator.messages[0].parameters == (
            ("agent", "Anandi"),
            ("agent_phone", "+919512270915"),
            ("lead", "Lead Number 0"),
        )


def test_template_in_the_configured_order_is_sent_without_a_word(tmp_path: Path) -> None:
    """Names and order as configured: no warning."""
    with campaign(tmp_path, leads=1) as the:
        ended = the.run("run", "--quiet")

        assert (ended.code, ended.err, ended.out) == (0, "", "")
        assert [name for name, _ in the.simulator.messages[0].parameters] == ["1", "2", "3"]


# --- a template list that cannot be read ----------------------------------------------------------


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(server_error(500, times=None), id="500"),
        pytest.param(server_error(503, times=None), id="503"),
        pytest.param(rate_limited(times=None), id="429"),
        pytest.param(rate_limited("99999999", times=None), id="429 for years"),
        pytest.param(lost(FaultKind.CLOSE, taken=False, times=None), id="lost"),
        pytest.param(Reply(fault=NetworkFault(FaultKind.LATE, 1.0), times=None), id="timeout"),
    ],
)
def test_template_that_cannot_be_read_just_now_warns_and_the_run_goes_on(
    tmp_path: Path, reply: Reply
) -> None:
    """A timeout, 5xx or 429 says nothing about the template."""
    settings = {"READ_TIMEOUT": "0.1"}
    with campaign(tmp_path, leads=2, settings=settings) as the:
        the.simulator.script(Endpoint.TEMPLATES, reply)
        result = the.result()

        assert result["code"] == 0
        assert "WARNING | The template could not be checked" in result["console"]
        assert the.sent == [0, 1]


@pytest.mark.parametrize(
    ("reply", "word"),
    [
        pytest.param(Reply(status=401, times=None), "WATI_API_KEY", id="401"),
        pytest.param(answer({"message": "scope"}, 403, times=None), "WATI_API_KEY", id="403"),
        pytest.param(html_page(403, times=None), "User-Agent", id="403 page"),
        pytest.param(answer("nothing here", 404, times=None), "WATI_BASE_URL", id="404"),
        pytest.param(redirect("https://evil.example/", times=None), "WATI_BASE_URL", id="302"),
        pytest.param(html_page(times=None), "WATI_BASE_URL", id="200 page"),
    ],
)
def test_template_list_that_shows_a_wrong_address_or_token_exits_4(
    tmp_path: Path, reply: Reply, word: str
) -> None:
    """Nothing is sent, nothing is held, and the message names the setting."""
    with campaign(tmp_path) as the:
        the.simulator.script(Endpoint.TEMPLATES, reply)
        result = the.result()

        assert (result["code"], result["status"]) == (4, "failed")
        assert word in result["reason"]
        assert_nothing_happened(the)
        assert the.hold() is None


def test_wati_that_refuses_connections_exits_4(tmp_path: Path) -> None:
    """Nobody there: no lead is fetched."""
    with campaign(tmp_path) as the:
        the.simulator.take_down(Side.WATI, FaultKind.REFUSED)
        result = the.result()

        assert (result["code"], result["status"]) == (4, "failed")
        assert_nothing_happened(the)
        the.simulator.bring_back(Side.WATI)


def test_wrong_token_exits_4_and_shows_in_no_output(tmp_path: Path) -> None:
    """The account's own 401; the secret stands nowhere."""
    with campaign(tmp_path) as the:
        the.harness.write_settings(WATI_API_KEY="another-key")
        ended = the.run("run", "--verbose")

        assert ended.code == 4
        assert the.simulator.unauthorised == 1
        assert "another-key" not in ended.err + ended.out + the.harness.log_text()
        assert_nothing_happened(the)


def test_wrong_path_exits_4(tmp_path: Path) -> None:
    """The account's own 404, as of a tenant the address does not want."""
    with campaign(tmp_path) as the:
        address = the.harness.settings["WATI_BASE_URL"].replace("/api/", "/999/api/")
        the.harness.write_settings(WATI_BASE_URL=address)

        assert the.run().code == 4
        assert len(the.simulator.calls[Endpoint.ELSEWHERE]) == 1
        assert_nothing_happened(the)


# --- the clock ------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset_s", [660.0, -660.0, 86_400.0])
def test_clock_far_off_the_vendors_exits_5_with_both_times(tmp_path: Path, offset_s: float) -> None:
    """More than ten minutes off: hours, quota days and look-ups would be wrong."""
    with campaign(tmp_path, wati_offset_s=offset_s) as the:
        result = the.result()

        assert (result["code"], result["status"]) == (5, "failed")
        assert "it says 2026-11-23 11:30:00 IST" in result["reason"]
        theirs = {660.0: "2026-11-23 11:41:00", -660.0: "2026-11-23 11:19:00"}
        assert f"WATI's says {theirs.get(offset_s, '2026-11-24 11:30:00')} IST" in result["reason"]
        assert_nothing_happened(the)


@pytest.mark.parametrize("offset_s", [590.0, -590.0])
def test_clock_a_little_off_the_vendors_sends(tmp_path: Path, offset_s: float) -> None:
    """Up to ten minutes are corrected for, not refused."""
    with campaign(tmp_path, wati_offset_s=offset_s) as the:
        assert the.run().code == 0
        assert len(the.sent) == 6


# --- the contact ----------------------------------------------------------------------------------


def test_contact_look_up_keeps_opt_outs_and_invalid_numbers_from_being_messaged(
    tmp_path: Path,
) -> None:
    """CHECK_WHATSAPP_STATUS: allowBroadcast false is an opt-out for good, INVALID is skipped."""
    plans = {1: Plan(allow_broadcast=False), 3: Plan(contact_status="INVALID"), 4: Plan()}
    with campaign(tmp_path, plans=plans, settings={"CHECK_WHATSAPP_STATUS": "true"}) as the:
        result = the.result()

        assert result["code"] == 0
        assert the.posted == [0, 2, 4, 5]
        assert result["api_calls"]["contacts"] == 6
        assert result["leads"]["skipped"]["suppressed"] == 1
        assert result["leads"]["skipped"]["invalid_number"] == 1
        assert result["errors"] == {"opt_out": 1, "invalid_number": 1}
        assert the.suppressed()["+919810000001"]["until"] is None
        assert list(the.suppressed()) == ["+919810000001"]
        assert the.used() == 4
        failed = [row for row in the.simulator.crm_rows if row["msg_status"] == "failed"]
        assert [row["lead_id"] for row in failed] == ["1003"]


def test_contact_look_up_when_switched_off_makes_no_call(tmp_path: Path) -> None:
    """It is off by default, and then an opt-out shows only in WATI's refusal."""
    with campaign(tmp_path, plans={1: Plan(allow_broadcast=False)}) as the:
        assert the.run().code == 0
        assert the.simulator.calls[Endpoint.CONTACTS] == []
        assert the.sent == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "reply",
    [
        server_error(500, times=None),
        rate_limited(times=None),
        Reply(status=401, times=None),
        html_page(times=None),
        answer({"result": "success", "contact_list": {}}, times=None),
        lost(taken=False, times=None),
    ],
    ids=["500", "429", "401", "page", "shape", "lost"],
)
def test_contact_look_up_that_fails_lets_the_send_go_on(tmp_path: Path, reply: Reply) -> None:
    """No clear answer about the contact is no reason not to send."""
    settings = {"CHECK_WHATSAPP_STATUS": "true"}
    plans = {1: Plan(allow_broadcast=False)}
    with campaign(tmp_path, leads=3, plans=plans, settings=settings) as the:
        the.simulator.script(Endpoint.CONTACTS, reply)

        assert the.run().code == 0
        assert the.sent == [0, 1, 2]


def test_contact_look_up_keeps_the_vendors_limit(tmp_path: Path) -> None:
    """Ten look-ups in ten seconds, waited for rather than skipped."""
    settings = {"CHECK_WHATSAPP_STATUS": "true", "SEND_DELAY_MIN": "0", "SEND_DELAY_MAX": "0"}
    plans = {13: Plan(allow_broadcast=False)}
    with campaign(tmp_path, leads=14, plans=plans, settings=settings) as the:
        assert the.run().code == 0

        calls = the.simulator.calls[Endpoint.CONTACTS]
        assert len(calls) == 14
        assert calls[10].at - calls[0].at >= 10.0
        assert 13 not in the.sent


def test_contact_look_up_in_a_dry_run_changes_no_file(tmp_path: Path) -> None:
    """An opt-out found by a dry run is shown, and written down by the next real one only."""
    settings = {"CHECK_WHATSAPP_STATUS": "true"}
    with campaign(tmp_path, plans={1: Plan(allow_broadcast=False)}, settings=settings) as the:
        result = the.result("--dry-run")

        assert result["code"] == 0
        assert result["leads"]["skipped"]["suppressed"] == 1
        assert the.posted == []
        assert the.suppressed() == {}
        kept = {path.name: path.read_text() for path in the.harness.state_dir.glob("*.json*")}
        assert kept == {"quota_usage.json": "{}\n", "sent_messages.json": "{}\n"}
        assert the.run().code == 0
        assert list(the.suppressed()) == ["+919810000001"]


# --- names as they are sent -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("  Asha \n\t  Rao ", "Asha Rao"),
        ("Asha\u202eRao\x07", "AshaRao"),
        ("क्\u200dष", "क्\u200dष"),
        ("A" * 200, "A" * 60),
        ("", "Customer"),
        ("   ", "Customer"),
        (None, "Customer"),
        (42, "Customer"),
        (["Asha"], "Customer"),
        ("https://evil.example/x", "Customer"),
        ("asha@example.com", "Customer"),
        ("Call 123456 now", "Customer"),
    ],
)
def test_name_of_a_lead_is_sent_clean_and_never_stops_the_others(
    tmp_path: Path, given: object, sent: str
) -> None:
    """What one lead is called changes its own first parameter and nothing else."""
    leads = [lead(1, f"+{digits(0)}", given), lead(2, f"+{digits(1)}", "Meera")]
    with campaign(tmp_path, leads_listed=leads) as the:
        ended = the.run()

        assert ended.code == 0
        values = [dict(message.parameters)["1"] for message in the.simulator.messages]
        assert values == [sent, "Meera"]
        assert ("is addressed as Customer" in ended.err) is (sent == "Customer")
        assert "\x07" not in ended.err

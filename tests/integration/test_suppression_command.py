"""The list of numbers never to be messaged: the command, and what a run makes of the list."""

from pathlib import Path

import pytest
from campaigns import SUPPRESSION_FILE, Campaign, campaign
from harness import digits
from simulated.scripts import Moment, rate_limited

from lead_automation.sandbox.exchange import Endpoint, SimRequest
from lead_automation.sandbox.plans import Plan, refused

DAY_S = 86_400.0


def suppress_at(the: Campaign, index: int, *, after_sends: int) -> None:
    """Let an operator suppress a lead the moment WATI has taken that many messages."""

    def opt_out(_: SimRequest) -> None:
        ended = the.run("suppress", "add", f"+{digits(index)}", "--reason", "called the office")
        assert ended.code == 0

    the.simulator.hooks.add(Moment.ACCEPTED, Endpoint.SEND, opt_out, skip=after_sends - 1)


# --- the command ----------------------------------------------------------------------------------


def test_suppress_add_keeps_a_number_for_good_and_lists_it_whole(tmp_path: Path) -> None:
    """Any spelling is one number; the list shows it whole, on stdout, with reason and time."""
    with campaign(tmp_path) as the:
        added = the.run("suppress", "add", "098100 00002", "--reason", "asked by mail")
        listed = the.run("suppress", "list")

        assert added.code == 0
        assert added.out.splitlines()[0] == "+9198••••0002 gets no more messages: asked by mail"
        assert listed.out.splitlines()[:2] == [
            "NUMBER           UNTIL            LISTED BY     REASON",
            "+919810000002    for good         an operator   asked by mail",
        ]
        assert the.suppressed() == {
            "+919810000002": {
                "reason": "asked by mail",
                "source": "operator",
                "added_at": the.suppressed()["+919810000002"]["added_at"],
                "until": None,
            }
        }


def test_suppress_list_as_json_gives_every_field(tmp_path: Path) -> None:
    """One object, the whole numbers in it, times in TIMEZONE."""
    with campaign(tmp_path) as the:
        the.run("suppress", "add", "+919810000002")
        document = the.run("suppress", "list", "--json").document

        assert document == {
            "state": str(the.harness.state_dir),
            "status": "completed",
            "count": 1,
            "numbers": [
                {
                    "phone": "+919810000002",
                    "reason": "asked not to be messaged",
                    "source": "operator",
                    "added_at": "2026-11-23 11:30",
                    "until": None,
                }
            ],
        }


def test_suppress_list_when_empty_says_so(tmp_path: Path) -> None:
    """No entry is a sentence, and in JSON an empty list."""
    with campaign(tmp_path) as the:
        assert the.run("suppress", "list").out.startswith("No number is suppressed.\n")
        assert the.run("suppress", "list", "--json").document["numbers"] == []


def test_suppress_add_again_adds_the_reason_to_what_is_known(tmp_path: Path) -> None:
    """Who asks twice may mean two things; the same words are kept once."""
    with campaign(tmp_path) as the:
        for reason in ("asked by mail", "called the office", "asked by mail"):
            the.run("suppress", "add", "+919810000002", "--reason", reason)

        entry = the.suppressed()["+919810000002"]
        assert entry["reason"] == "asked by mail; called the office"


def test_suppress_list_says_a_category_in_words(tmp_path: Path) -> None:
    """What the program itself put there is for people too."""
    with campaign(tmp_path, plans={0: refused("131050 User has stopped marketing")}) as the:
        the.run()
        line = the.run("suppress", "list").out.splitlines()[1]

        assert "the program" in line
        assert "Opt out: 131050" in line


def test_suppress_remove_takes_a_number_off(tmp_path: Path) -> None:
    """A second time it was not there, which is no error."""
    with campaign(tmp_path) as the:
        the.run("suppress", "add", "+919810000002")
        first = the.run("suppress", "remove", "9810000002")
        second = the.run("suppress", "remove", "9810000002", "--json")

        assert (first.code, second.code) == (0, 0)
        assert "is off the list" in first.out
        assert second.document == {
            "status": "not_listed",
            "phone": "+9198••••0002",
            "state": str(the.harness.state_dir),
        }
        assert the.suppressed() == {}


@pytest.mark.parametrize("phone", ["12", "+91 22 2222 2222", "mobile", "+919810000002 ext 5"])
def test_suppress_with_something_that_is_no_mobile_number_exits_2(
    tmp_path: Path, phone: str
) -> None:
    """The message says what is expected, readably; nothing is written."""
    with campaign(tmp_path) as the:
        ended = the.run("suppress", "add", phone)

        assert ended.code == 2
        assert "write it with + and the country code" in ended.err
        assert the.suppressed() == {}


def test_suppress_with_a_damaged_list_leaves_it_and_exits_5(tmp_path: Path) -> None:
    """Never read damage as empty: neither the command nor a run goes past it."""
    with campaign(tmp_path) as the:
        path = the.harness.state_dir / SUPPRESSION_FILE
        path.write_text('{"+919810000002": ', encoding="utf-8")
        path.chmod(0o600)

        for arguments in (("suppress", "add", "+919810000003"), ("suppress", "list"), ("run",)):
            ended = the.run(*arguments)
            assert ended.code == 5
            assert SUPPRESSION_FILE in ended.err
        assert path.read_text(encoding="utf-8") == '{"+919810000002": '
        assert the.posted == []


def test_suppress_without_settings_for_wati_works(tmp_path: Path) -> None:
    """An opt-out need not wait until the token is renewed."""
    with campaign(tmp_path) as the:
        the.harness.write_settings(WATI_API_KEY=None, LEAD_API_TOKEN=None)

        assert the.run("suppress", "add", "+919810000002").code == 0
        assert list(the.suppressed()) == ["+919810000002"]


def test_suppress_add_by_an_operator_outlasts_an_entry_that_would_run_out(tmp_path: Path) -> None:
    """For good wins over 30 days, and WATI's 30 days never shorten it."""
    with campaign(tmp_path, plans={2: Plan(on_whatsapp=False)}) as the:
        the.run()
        assert the.suppressed()["+919810000002"]["until"] is not None
        the.run("suppress", "add", "+919810000002")

        assert the.suppressed()["+919810000002"]["until"] is None
        assert the.suppressed()["+919810000002"]["source"] == "operator"


# --- what a run makes of it -----------------------------------------------------------------------


def test_suppressed_lead_is_skipped_without_a_call_or_quota(tmp_path: Path) -> None:
    """It is counted as suppressed, not as an error."""
    with campaign(tmp_path) as the:
        the.run("suppress", "add", "+919810000002")
        result = the.result()

        assert result["code"] == 0
        assert the.posted == [0, 1, 3, 4, 5]
        assert result["leads"]["skipped"]["suppressed"] == 1
        assert result["errors"] == {}
        assert the.used() == 5


def test_number_suppressed_while_a_run_is_on_counts_before_the_next_send(tmp_path: Path) -> None:
    """The operator suppresses the lead that is next while the message before it is on its way."""
    with campaign(tmp_path) as the:
        suppress_at(the, 2, after_sends=2)
        result = the.result()

        assert result["code"] == 0
        assert the.posted == [0, 1, 3, 4, 5]
        assert result["leads"]["skipped"]["suppressed"] == 1
        assert result["leads"]["attempted"] == 5
        assert the.used() == 5


def test_number_suppressed_in_the_pause_before_its_own_send_gets_nothing(tmp_path: Path) -> None:
    """The look right before the POST finds an entry made after the lead was let through."""
    settings = {"TRACKING_FIRST_READ_SECONDS": "0"}
    with campaign(tmp_path, settings=settings) as the:

        def opt_out(_: SimRequest) -> None:
            assert the.run("suppress", "add", f"+{digits(2)}").code == 0

        # Lead 1 is read in the pause before lead 2, who has a counsellor by then.
        the.simulator.hooks.add(
            Moment.ACCEPTED,
            Endpoint.MESSAGES,
            opt_out,
            match=lambda request: request.number == digits(1),
        )
        result = the.result()

        assert result["code"] == 0
        assert the.posted == [0, 1, 3, 4, 5]
        assert "suppressed meanwhile: asked not to be messaged" in result["console"]
        assert result["leads"]["skipped"]["suppressed"] == 1


def test_number_suppressed_between_two_attempts_gets_no_second_one(tmp_path: Path) -> None:
    """A further attempt asks the list again; the first one certainly did not arrive."""
    with campaign(tmp_path) as the:

        def opt_out(_: SimRequest) -> None:
            assert the.run("suppress", "add", f"+{digits(2)}").code == 0

        the.simulator.script(
            Endpoint.SEND, rate_limited("7"), match=lambda request: request.number == digits(2)
        )
        the.simulator.hooks.add(
            Moment.HEADERS,
            Endpoint.SEND,
            opt_out,
            match=lambda request: request.number == digits(2),
        )
        result = the.result()

        assert result["code"] == 0
        assert the.posted == [0, 1, 2, 3, 4, 5]
        assert 2 not in the.sent
        assert the.used() == 5


def test_number_removed_from_the_list_is_messaged_again(tmp_path: Path) -> None:
    """``suppress remove`` works while a run is on, too: before the lead's turn."""
    with campaign(tmp_path) as the:
        the.run("suppress", "add", "+919810000004")
        the.simulator.hooks.add(
            Moment.ACCEPTED, Endpoint.SEND, lambda _: the.run("suppress", "remove", digits(4))
        )

        assert the.run().code == 0
        assert the.sent == [0, 1, 2, 3, 4, 5]


def test_lead_not_on_whatsapp_rests_for_30_days(tmp_path: Path) -> None:
    """The 30 days over, the CRM's listing counts again."""
    with campaign(tmp_path, plans={2: Plan(on_whatsapp=False)}) as the:
        the.run()
        the.simulator.wati.set_plan(digits(2), Plan())
        the.clock.advance(29.9 * DAY_S)
        assert the.run().code == 0
        assert 2 not in the.sent
        the.clock.advance(0.2 * DAY_S)

        assert the.run().code == 0
        assert 2 in the.sent


def test_lead_that_opted_out_is_never_messaged_again(tmp_path: Path) -> None:
    """An opt-out learned from WATI has no end."""
    with campaign(
        tmp_path, plans={2: refused("131050 User has stopped marketing messages")}
    ) as the:
        the.run()
        the.simulator.wati.set_plan(digits(2), Plan())
        the.clock.advance(400 * DAY_S)

        assert the.run().code == 0
        assert 2 not in the.sent
        assert the.suppressed()["+919810000002"]["until"] is None

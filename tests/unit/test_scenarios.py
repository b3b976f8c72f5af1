"""The sample leads and the scenarios: every outcome is there, and each ends as it says."""

import json
import unicodedata
from collections import Counter

import phonenumbers
import pytest
from fakes import FakeClock

from lead_automation.sandbox.addresses import Addresses
from lead_automation.sandbox.exchange import Side, SimReply, SimRequest, request_of
from lead_automation.sandbox.leads import SAMPLE_LEADS, sample_plans, sample_rows
from lead_automation.sandbox.scenarios import SCENARIOS, Scenario
from lead_automation.sandbox.simulator import Simulator

ADDRESSES = Addresses(wati_origin="http://127.0.0.1:1", crm_origin="http://127.0.0.1:2")
NETWORK_OR_UNKNOWN = ("131016", "130472", "131000")


class Walk:
    """A plain walk over the sample leads: one send each, as a run would make them."""

    def __init__(self, scenario: Scenario) -> None:
        """Send to every number with a plan, five to a second, until WATI objects for good."""
        self.clock = FakeClock()
        self.simulator = scenario.build(self.clock)
        self.settings = scenario.settings(ADDRESSES)
        self.answers: dict[str, str] = {}
        self.too_early = 0
        for lead in SAMPLE_LEADS:
            if lead.number:
                self.answers[lead.number] = self._send(lead.number)
                self.clock.advance(0.2)
        self.clock.advance(10)

    def _send(self, number: str) -> str:
        reply = self.simulator.handle(self._request(number))
        while reply.status == 429:
            self.too_early += 1
            self.clock.advance(1)
            reply = self.simulator.handle(self._request(number))
        return "lost" if reply.is_lost else self._word(reply)

    def _request(self, number: str) -> SimRequest:
        values = zip(self.settings["TEMPLATE_PARAMETERS"].split(","), "abc", strict=True)
        body = {
            "template_name": self.settings["WATI_TEMPLATE_NAME"],
            "broadcast_name": self.settings["BROADCAST_NAME"],
            "parameters": [{"name": name, "value": value} for name, value in values],
        }
        return request_of(
            "POST",
            f"{self.settings['WATI_BASE_URL']}/sendTemplateMessage?whatsappNumber={number}",
            headers={"Authorization": f"Bearer {self.settings['WATI_API_KEY']}"},
            body=json.dumps(body).encode(),
        )

    @staticmethod
    def _word(reply: SimReply) -> str:
        body = json.loads(reply.body)
        if not body["result"]:
            return str(body["error"])
        return "accepted" if body["receivers"][0]["isValidWhatsAppNumber"] else "not on WhatsApp"

    def last_words(self) -> Counter[str]:
        """Count what the message list shows in the end."""
        now = self.simulator.time_at(Side.WATI)
        words: Counter[str] = Counter()
        for message in self.simulator.wati.messages:
            step = message.step_at(now)
            words[(step.word if step else "") if message.is_listed_at(now) else "no row"] += 1
        return words


def details_of(simulator: Simulator) -> str:
    """Return the words of every late failure, in one text."""
    return " | ".join(
        step.detail for message in simulator.wati.messages for step in message.plan.history
    )


def test_sample_leads_are_forty_with_the_odd_ones_among_them() -> None:
    """One row without an id, one number twice, two that are no numbers."""
    rows = sample_rows()

    assert len(rows) == 40
    assert sum("lead_id" not in row for row in rows) == 1
    numbers = Counter(str(row["mobile_number_formatted"]) for row in rows)
    assert [number for number, count in numbers.items() if count > 1] == ["+919000000112"]
    assert {"12345", "+919000000139\n+919000000199"} <= set(numbers)


def test_sample_numbers_are_those_of_the_plans_and_valid() -> None:
    """Every number with a plan is a valid mobile number, one of them foreign."""
    plans = sample_plans()

    parsed = [phonenumbers.parse(f"+{number}") for number in plans]

    assert len(plans) == len([lead for lead in SAMPLE_LEADS if lead.plan]) == 36
    assert all(phonenumbers.is_valid_number(number) for number in parsed)
    assert Counter(number.country_code for number in parsed) == {91: 35, 1: 1}


def test_sample_names_are_of_several_scripts() -> None:
    """A name may be written in any of these, with a joiner inside."""
    names = "".join(str(row["full_name"]) for row in sample_rows())

    scripts = {unicodedata.name(char).split()[0] for char in names if char.isalpha()}
    assert scripts >= {"LATIN", "DEVANAGARI", "GUJARATI", "TAMIL", "BENGALI", "ARABIC", "TELUGU"}
    assert "\u200d" in names


def test_everyday_shows_every_outcome_and_never_a_streak() -> None:
    """Each way a message can end is there; most go well; bad luck stands alone."""
    walk = Walk(SCENARIOS["everyday"])

    words = walk.last_words()
    assert words["READ"] > words["DELIVERED"] > words["SENT"] > 0
    assert words["no row"] == words["QUEUED_BY_OPERATOR"] == 1
    details = details_of(walk.simulator)
    for code in (*NETWORK_OR_UNKNOWN, "131050", "Message undeliverable"):
        assert code in details
    assert "131049" not in details
    assert "restricted" not in details
    answers = Counter(walk.answers.values())
    assert answers == {
        "accepted": 33,
        "lost": 1,
        "not on WhatsApp": 1,
        "Invalid WhatsApp number": 1,
    }
    failed = words["FAILED"] + 2
    assert failed * 2 < sum(words.values())
    unlucky = sum(code in details for code in NETWORK_OR_UNKNOWN) + answers["lost"]
    assert unlucky < 5
    assert walk.too_early == 1


def test_restricted_fails_one_message_late_with_the_restriction() -> None:
    """The account's restriction comes with the status of a message in mid-run."""
    walk = Walk(SCENARIOS["restricted"])

    hit = [
        position
        for position, message in enumerate(walk.simulator.wati.messages)
        if any("131048" in step.detail for step in message.plan.history)
    ]
    assert len(hit) == 1
    assert 5 < hit[0] < 20


def test_credits_run_out_in_mid_run() -> None:
    """From some message on, every send is refused for want of credit."""
    walk = Walk(SCENARIOS["credits"])

    answers = list(walk.answers.values())
    refusals = [position for position, word in enumerate(answers) if "credit" in word]
    assert 10 < refusals[0] < 25
    assert len(walk.simulator.wati.messages) == 14


def test_outage_loses_every_call_from_mid_run_on() -> None:
    """WATI goes away for good after some good sends; the CRM stays."""
    walk = Walk(SCENARIOS["outage"])

    answers = list(walk.answers.values())
    assert answers[:12].count("accepted") >= 10
    assert set(answers[-15:]) == {"lost"}
    assert len(walk.simulator.wati.messages) < 20


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=lambda scenario: scenario.name)
def test_scenario_settings_are_text_and_fit_the_simulator(scenario: Scenario) -> None:
    """Every value is a string, as in config.env, and the waits are seconds."""
    settings = scenario.settings(ADDRESSES)

    assert all(isinstance(value, str) for value in settings.values())
    suffix = "ext/v3" if scenario.name == "batches" else "v2"
    assert settings["WATI_BASE_URL"] == f"http://127.0.0.1:1/api/{suffix}"
    assert settings["LEAD_API_URL"].startswith("http://127.0.0.1:2/")
    assert float(settings["SEND_DELAY_MAX"]) * len(SAMPLE_LEADS) <= 10
    assert scenario.description
    assert SCENARIOS[scenario.name] is scenario


def test_scenarios_begin_with_the_default() -> None:
    """The first name is what a bare ``--sandbox`` means."""
    assert list(SCENARIOS) == ["everyday", "restricted", "credits", "outage", "batches"]

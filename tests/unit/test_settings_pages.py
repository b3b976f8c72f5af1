"""What follows from the declarations alone: example, page, ``check -v``, problems."""

import io
from dataclasses import replace
from operator import attrgetter
from pathlib import Path

import pytest
from dotenv import dotenv_values
from fakes import FakeClock
from harness import Pipe, serve
from msgspec import structs
from settings_pages import PAGES, ROOT
from simulated.simulator import Simulator

from lead_automation.arguments import parse_arguments
from lead_automation.commands import check
from lead_automation.config import Settings
from lead_automation.errors import ConfigError
from lead_automation.settings.declaration import Key, section
from lead_automation.settings.keys import CREDENTIALS, KEYS
from lead_automation.settings.load import load_settings
from lead_automation.settings.render import render_example, render_page
from lead_automation.settings.values import count_parser

EXAMPLE = (ROOT / "config.env.example").read_text(encoding="utf-8")
SET = {name: value or "" for name, value in dotenv_values(stream=io.StringIO(EXAMPLE)).items()}
OWN = {
    "WATI_API_KEY": "tok",
    "WATI_BASE_URL": "https://live-server-7.wati.io/api/v1",
    "WATI_INSTANCE_ID": "7",
    "LEAD_API_TOKEN": "Token abc",
    "TEST_MOBILE_NUMBER": "+917567905829",
}

MADE_UP = Key("COFFEE_BREAKS", "", count_parser(9), "3", "Breaks of a run (count).")
MORE_KEYS = (*KEYS, *section("Comfort", MADE_UP))


def load(values: dict[str, str], keys: tuple[Key, ...] = KEYS) -> Settings:
    """Load settings that name no file."""
    return load_settings(values, read_file=lambda _: None, folder=ROOT, keys=keys)


@pytest.mark.parametrize("name", PAGES)
def test_page_committed_is_what_the_declarations_say(name: str) -> None:
    """Nothing undocumented, nothing documented that is not read."""
    committed = (ROOT / name).read_text(encoding="utf-8")

    assert committed == PAGES[name], "write it anew with: python tests/settings_pages.py"
    assert name.endswith(".md") or max(map(len, committed.splitlines())) <= 100


def test_key_declared_anew_stands_in_example_and_page() -> None:
    """Under its heading, with meaning and default."""
    meaning = "Breaks of a run (count)."

    assert f"---- Comfort ----\n\n# {meaning} Default: 3\n# COFFEE_B" in render_example(MORE_KEYS)
    assert render_page(MORE_KEYS).endswith(f"--- |\n| `COFFEE_BREAKS` | 3 | {meaning} |\n")


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        ({}, "  COFFEE_BREAKS = 3 (default)"),
        ({"COFFEE_BREAKS": "7"}, "  COFFEE_BREAKS = 7 (environment)"),
        ({"COFFEE_BREAKS": "99"}, "COFFEE_BREAKS: expected a whole number from 1 to 9, not '99'"),
        ({"COFFEE_BRAKES": "2"}, "COFFEE_BRAKES is no setting; did you mean COFFEE_BREAKS?"),
    ],
)
def test_key_declared_anew_is_checked_and_shown(
    tmp_path: Path, environ: dict[str, str], line: str
) -> None:
    """With value and source, as a problem when it is bad, as a hint when it is misspelt."""
    clock, out = FakeClock(), Pipe()
    with serve(tmp_path, Simulator(clock=clock), clock) as harness:
        harness.environ = environ
        check.execute(parse_arguments(["check", "-v"]), harness.runtime(out, Pipe()), MORE_KEYS)

    assert line in out.getvalue()


def test_key_relaxed_for_a_command_is_not_missed() -> None:
    """A command may do without what others require, by handing in other declarations."""
    relaxed = tuple(replace(key, required=key.name in OWN) for key in KEYS)

    assert load(OWN, relaxed).crm.lead_url is None


def test_place_of_every_key_is_a_field() -> None:
    """A value that lands nowhere would be a setting without effect."""
    settings = load({**SET, **OWN})

    for key in KEYS:
        if key.into:
            attrgetter(key.into)(settings)
    assert [line.name for line in settings.lines] == [key.name for key in KEYS]
    assert len({key.name for key in KEYS}) == len(KEYS)


def test_example_carries_the_companys_values() -> None:
    """Addresses, owner and template as the company uses them."""
    assert SET == {
        "WATI_API_KEY": "your_wati_api_key_here",
        "WATI_BASE_URL": "https://live-server-12345.wati.io/api/v1",
        "WATI_INSTANCE_ID": "your_instance_id",
        "LEAD_API_URL": "https://evolgroups.com/lead/get-leads-basic-info/",
        "LEAD_API_TOKEN": "Token your_api_token_here",
        "LEAD_OWNER_ID": "227",
        "WATI_TEMPLATE_NAME": "sagarps_leads_work_pr_settle_aus_aug25",
        "WATI_LOG_API_URL": "https://evolgroups.com/lead/post-wati-msg-logs/",
        "USE_TEST_NUMBER": "false",
        "TEST_MOBILE_NUMBER": "+91XXXXXXXXXX",
    }


def test_example_needs_its_own_credentials_and_nothing_else() -> None:
    """As it is it names its placeholders, so that nobody sends anything with it."""
    with pytest.raises(ConfigError) as caught:
        load(SET)

    named = [problem.split(":")[0] for problem in caught.value.problems]
    assert named == ["WATI_API_KEY", "WATI_INSTANCE_ID", "LEAD_API_TOKEN", "TEST_MOBILE_NUMBER"]
    assert all("placeholder" in problem for problem in caught.value.problems)
    assert set(CREDENTIALS) < set(OWN)
    assert load({**SET, **OWN}).local.warnings == ()


def test_defaults_written_out_change_nothing() -> None:
    """The default shown is the default used."""
    base = {key.name: key.example or "" for key in KEYS if key.required} | OWN
    written = {key.name: key.default for key in KEYS if key.default is not None}

    loaded = load({**base, **written})
    assert structs.replace(loaded, lines=()) == structs.replace(load(base), lines=())

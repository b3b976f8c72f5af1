"""config.env.example says what the program reads."""

import io
import re
from pathlib import Path

import pytest
from dotenv import dotenv_values

from lead_automation.errors import ConfigError
from lead_automation.settings.keys import CREDENTIALS, KEYS, KEYS_BY_NAME, Key
from lead_automation.settings.load import load_settings

EXAMPLE = Path(__file__).resolve().parents[2] / "config.env.example"
TEXT = EXAMPLE.read_text(encoding="utf-8")

SET = {name: value or "" for name, value in dotenv_values(stream=io.StringIO(TEXT)).items()}
COMMENTED = dict(re.findall(r"^# ([A-Z_]+)=(.*)$", TEXT, re.MULTILINE))

FIXED = {
    "WATI_BASE_URL": "https://live-server-12345.wati.io/api/v1",
    "LEAD_API_URL": "https://evolgroups.com/lead/get-leads-basic-info/",
    "LEAD_API_TOKEN": "Token your_api_token_here",
    "LEAD_OWNER_ID": "227",
    "WATI_TEMPLATE_NAME": "sagarps_leads_work_pr_settle_aus_aug25",
    "WATI_LOG_API_URL": "https://evolgroups.com/lead/post-wati-msg-logs/",
    "USE_TEST_NUMBER": "false",
    "TEST_MOBILE_NUMBER": "+917567905829",
}


def comment_above(key: Key) -> str:
    """Return the comment over a key's line, its line breaks folded."""
    before = re.split(rf"^(?:# )?{key.name}=.*$", TEXT, maxsplit=1, flags=re.MULTILINE)[0]
    block = before.rsplit("\n\n", 1)[-1]
    return " ".join(line.removeprefix("#").strip() for line in block.splitlines())


def load(changes: dict[str, str]) -> None:
    """Load the example with changes."""
    load_settings({**SET, **changes}, read_file=lambda _: None, folder=EXAMPLE.parent)


def test_example_names_every_key_once_and_no_other() -> None:
    """Both ways: nothing undocumented, nothing documented that is not read."""
    assert SET.keys() | COMMENTED.keys() == KEYS_BY_NAME.keys()
    assert not SET.keys() & COMMENTED.keys()
    assert len(KEYS_BY_NAME) == len(KEYS)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_example_of_a_key_gives_meaning_and_default(key: Key) -> None:
    """The comment is the table's, and says whether the key is required or what its default is."""
    comment = comment_above(key)

    assert comment.startswith(key.meaning)
    assert ("Required." in comment) is key.required
    assert (f"Default: {key.shown_default}" in comment) is not key.required


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_example_value_of_a_key_is_the_tables(key: Key) -> None:
    """Set where an example is given, else commented out with the default."""
    if key.example is None:
        assert COMMENTED[key.name] == (key.default or "")
    else:
        assert SET[key.name] == key.example


def test_example_carries_the_companys_values() -> None:
    """Addresses, owner and template as the company uses them."""
    assert {name: SET[name] for name in FIXED} == FIXED


def test_example_keys_stand_under_their_groups() -> None:
    """Each group is one heading, in the table's order."""
    groups = list(dict.fromkeys(key.group for key in KEYS))
    order = [KEYS.index(key) for group in groups for key in KEYS if key.group == group]

    assert re.findall(r"^# ---- (.+) ----$", TEXT, re.MULTILINE) == groups
    assert order == sorted(order)


def test_example_loaded_as_it_is_names_its_placeholders() -> None:
    """Nobody sends anything with it."""
    with pytest.raises(ConfigError) as caught:
        load({})

    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "WATI_API_KEY",
        "WATI_INSTANCE_ID",
        "LEAD_API_TOKEN",
    ]
    assert all("placeholder" in problem for problem in caught.value.problems)


def test_example_with_own_credentials_loads_without_warning() -> None:
    """The three WATI values and the CRM's token are all that must be filled in."""
    own = dict(
        zip(CREDENTIALS, ("tok", "https://live-server-7.wati.io/api/v1", "7"), strict=True),
        LEAD_API_TOKEN="Token abc",
    )
    settings = load_settings({**SET, **own}, read_file=lambda _: None, folder=EXAMPLE.parent)

    assert settings.local.warnings == ()
    assert settings.use_test_number is False


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_default_of_a_key_written_out_changes_nothing(key: Key) -> None:
    """The default shown is the default used."""
    own = {"WATI_API_KEY": "tok", "WATI_INSTANCE_ID": "7", "LEAD_API_TOKEN": "Token abc"}
    base = {key.name: key.example or "" for key in KEYS if key.required} | own
    plain = load_settings(base, read_file=lambda _: None, folder=Path())
    written = {**base, key.name: key.default} if key.default is not None else base
    same = load_settings(written, read_file=lambda _: None, folder=Path())

    assert same.local == plain.local
    assert (same.wati, same.crm, same.pacing) == (plain.wati, plain.crm, plain.pacing)
    assert (same.safety, same.http) == (plain.safety, plain.http)
    assert (same.check_whatsapp, same.use_test_number) == (False, False)


def test_example_fits_on_a_screen_line() -> None:
    """No line is longer than 100 characters."""
    assert max(len(line) for line in TEXT.splitlines()) <= 100

"""One campaign with every attack at once: who is served, and what may stand nowhere afterwards."""

import csv
import io
import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from unicodedata import normalize
from urllib.parse import quote

import pytest
from fakes import FakeClock
from harness import SECRETS, Ended, Harness, digits, lead, many_leads, serve
from hostile import (
    BIDI,
    ESCAPES,
    EVERYTHING,
    FORGED,
    FORMULAS,
    MARKUP,
    SCRIPT,
    check_accounts,
    check_ended,
    check_log,
    holds_number,
    odd_characters,
    without_whole_ids,
)
from promise import ZONE, Witness, snapshot
from simulated.faults import FaultKind, NetworkFault
from simulated.plans import ScriptedPlan
from simulated.scripts import Reply, answer, html_page, lost
from simulated.simulator import Simulator

from lead_automation.leads.hours import quota_day
from lead_automation.sandbox.exchange import Endpoint
from lead_automation.sandbox.plans import Plan, Step, failing, refused
from lead_automation.settings.counsellors import BUILT_IN_COUNSELLORS

GOOD = 30
TOKEN = SECRETS[0]
ODD = EVERYTHING.encode("utf-8", "replace").decode()


def victim(index: int) -> str:
    """Return the number of a hostile row's lead, digits only."""
    return f"9197{20000000 + index}"


def victims_in_words(index: int) -> tuple[str, ...]:
    """Return that number as people, and attackers, write it."""
    number = victim(index)
    national = number[2:]
    devanagari = national.translate({ord("0") + i: 0x966 + i for i in range(10)})
    wide = national.translate({ord("0") + i: 0xFF10 + i for i in range(10)})
    spaced = f"+91 ({national[:5]}) {national[5:]}"
    circled = "".join("⓪①②③④⑤⑥⑦⑧⑨"[int(digit)] for digit in national)
    keycaps = "".join(f"{digit}\ufe0f\u20e3" for digit in national)
    return (
        f"+{number}",
        f"x{national}y",
        devanagari,
        wide,
        spaced,
        f"\u200b{national}\u200b",
        f"_{national}",
        f"{national[:2]}  {national[2:5]} - {national[5:]}",
        f"{national[:2]}\u200b{national[2:5]}\u200b{national[5:]}",
        circled,
        keycaps,
    )


def hostile_names(index: int) -> str:
    """Return the name of a hostile row."""
    names = (
        FORGED,
        ESCAPES,
        BIDI,
        MARKUP,
        SCRIPT,
        *FORMULAS,
        "＝1+1",
        "a;=1+1",
        'a";"=1',
        "|@SUM(1)",
        "' onmouseover='alert(1)",
        "a\u0085b\u2028c\u2029d",
        "\ue000\ufff9\U000e0041",
        ODD,
        EVERYTHING,
        "A" * (1 << 20),
        "Z" + "\u0301" * 10_000 + "o\u0489" * 40,
        *victims_in_words(index),
        SECRETS[1],
    )
    assert len(names) == HOSTILE
    return names[index]


HOSTILE = 33


def hostile_rows() -> list[object]:
    """Return the attacker's rows: leads that can be sent to, bad numbers, and no leads at all."""
    rows: list[object] = [
        lead(
            (f"{SCRIPT}{index}", victim(index), f"=1+{index}", f"../{index}")[index % 4],
            f"+{victim(index)}",
            hostile_names(index),
        )
        for index in range(HOSTILE)
    ]
    rows += [
        lead(f"bad{index}", phone, hostile_names(index))
        for index, phone in enumerate(
            (
                f"{victim(90)[2:]} ext 5",
                f"+{victim(91)}\n+{victim(92)}",
                f"+{victim(93)}/1",
                "9" * 300,
                EVERYTHING,
                9.8e20,
                None,
                [f"+{victim(94)}"],
                True,
                "1800 123 4567",
            )
        )
    ]
    rows += [None, 7, [], {}, lead("a\x00b", f"+{victim(95)}"), lead("x" * 9999, "1"), lead([], {})]
    return rows


def plans() -> dict[str, Plan]:
    """Return what becomes of messages to hostile rows: odd answers to sends and to reads."""
    words = [f"{ODD[:80]} {TOKEN} {text}" for text in victims_in_words(1)]
    yes = {"result": True, "receivers": [{"waId": "919800000000"}]}
    sends = [
        html_page(),
        answer(b"[" * 100_000),
        answer(b'{"result": false, "result": true}'),
        answer(yes),
        answer({"result": "true"}),
        Reply(status=500, body=f"{TOKEN} {victim(8)}"),
        lost(taken=True),
        Reply(fault=NetworkFault(FaultKind.GZIP_BOMB), taken=False),
        Reply(status=407, headers=(("Set-Cookie", "a=b"),)),
    ]
    found: dict[str, Plan] = {
        victim(index): ScriptedPlan(on_send=(reply,)) for index, reply in enumerate(sends)
    }
    found |= {victim(9 + i): refused(text) for i, text in enumerate(words[:4])}
    found |= {victim(13 + i): failing(text) for i, text in enumerate(words[4:6])}
    found[victim(15)] = Plan(history=(Step(0.0, ODD + victim(15)),))
    said = f'{{"result": false, "info": "{TOKEN} {victim(16)}"}}'.encode()
    found[victim(16)] = ScriptedPlan(on_send=(Reply(status=200, body=said),))
    return found


@dataclass(kw_only=True)
class Aftermath:
    """Everything a campaign left.

    Attributes:
        ended: By command line.
        shown: What people look at, by name: streams, log and reports.
        files: Everything below the state directory, by name.
    """

    harness: Harness
    simulator: Simulator
    witness: Witness
    ended: dict[str, Ended]
    shown: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)


@pytest.fixture(scope="module", name="the")
def _the(tmp_path_factory: pytest.TempPathFactory) -> Aftermath:
    """Run it once: campaign, a second one, and every command that shows something."""
    return _after(tmp_path_factory.mktemp("hostile"))


def _after(folder: Path) -> Aftermath:
    clock = FakeClock()
    good = many_leads(GOOD)
    rows = [row for pair in zip(hostile_rows(), [*good, *good], strict=False) for row in pair]
    left = [row for row in good if row not in rows]
    simulator = Simulator(clock=clock, leads=[*rows, *left], plans=plans())
    witness = Witness(simulator, clock)
    simulator.script(
        Endpoint.LOG,
        html_page(502),
        answer(b"[" * 100_000, 500),
        Reply(status=401, body=SECRETS[1], headers=(("WWW-Authenticate", "Basic"),)),
    )
    simulator.script(
        Endpoint.CONTACTS,
        html_page(),
        answer(ODD.encode()),
        answer({"contact_list": [{"phone": {}, "wAid": []}]}),
    )
    simulator.script(
        Endpoint.MESSAGES, answer(b"null"), match=lambda request: request.number == digits(0)
    )
    settings = {
        "CHECK_WHATSAPP_STATUS": "true",
        "FAILURE_STREAK_LIMIT": "1000",
        "UNKNOWN_SETTLE_SECONDS": "20",
        "SEND_DELAY_MIN": "1",
        "SEND_DELAY_MAX": "1",
        "LOG_LEVEL": "DEBUG",
    }
    with serve(folder, simulator, clock, settings=settings) as harness:
        harness.environ = {f"WATI_{ESCAPES}": TOKEN, "LEAD_\u202eX": SECRETS[1]}
        harness.run("suppress", "add", "+919000000001", "--reason", EVERYTHING)
        lines = (
            "run -v",
            "run --json",
            "track -v",
            "track --json",
            "status",
            "status --json",
            "check",
            "check --json",
            "run --dry-run",
            "report --format html",
            "report --format json",
            "report --format csv",
            "report --format text",
            "report --days 3 --format html",
            "report --days 3 --format csv",
            "report --days 3",
        )
        after = Aftermath(harness=harness, simulator=simulator, witness=witness, ended={})
        first_id = ""
        for line in lines:
            extra = ["--run", first_id] if line.startswith("report --format") else []
            after.ended[line] = harness.run(*line.split(), *extra)
            first_id = first_id or next(
                path.stem.removeprefix("run-")
                for path in (harness.state_dir / "reports").glob("*.json")
            )
    after.files = {
        str(path.relative_to(harness.state_dir)): path.read_bytes()
        for path in harness.state_dir.rglob("*")
        if path.is_file()
    }
    for line, ended in after.ended.items():
        after.shown[f"{line}: stdout"] = ended.out.removeprefix("\ufeff").replace("\r\n", "\n")
        after.shown[f"{line}: stderr"] = ended.err
    for name, data in after.files.items():
        if name.startswith(("reports/", "wati_automation.log")):
            after.shown[name] = without_whole_ids(data.decode())
    return after


def test_campaign_under_every_attack_ends_in_order(the: Aftermath) -> None:
    """Documented exit codes, no traceback, true sums: in the run, after it, in every command."""
    codes = {line: ended.code for line, ended in the.ended.items()}

    assert set(codes.values()) == {0}, codes
    for line, ended in the.ended.items():
        if not line.startswith("report"):
            check_ended(ended)
    check_log(the.harness)
    check_accounts(the.ended["run --json"].document)
    check_accounts(the.ended["report --format json"].document)


def test_campaign_under_every_attack_serves_every_good_lead_once(the: Aftermath) -> None:
    """Thirty good leads between the others each have one message, and so has nobody two."""
    served = [message.number for message in the.simulator.messages]

    assert [served.count(digits(index)) for index in range(GOOD)] == [1] * GOOD
    assert max(map(served.count, served)) == 1
    the.witness.check_posts(settle_s=20.0)
    assert set(served) - {digits(index) for index in range(GOOD)} <= {
        victim(index) for index in range(HOSTILE)
    }


def test_campaign_under_every_attack_keeps_true_books(the: Aftermath) -> None:
    """History, quota and CRM rows know of every message, and no limit was passed."""
    today = quota_day(the.harness.clock.now(), ZONE)
    ledger = snapshot(the.harness.disk, the.harness.state_dir, today)

    the.witness.check_limits({one.name: one.daily_limit for one in BUILT_IN_COUNSELLORS})
    the.witness.check_books(ledger)
    the.witness.check_rows(ledger)
    figures = the.ended["report --format json"].document
    assert figures["leads"]["skipped"]["malformed"] == 7
    assert figures["leads"]["skipped"]["invalid_number"] == 10
    assert figures["leads"]["skipped"]["duplicate"] == len(hostile_rows()) - GOOD
    assert figures["leads"]["not_reached"] == 0
    assert figures["leads"]["attempted"] == GOOD + HOSTILE


def test_campaign_under_every_attack_writes_no_secret_anywhere(the: Aftermath) -> None:
    """No token, plain or quoted for a URL, on any stream, in any file, in a CRM row."""
    written = {
        **{name: data.decode() for name, data in the.files.items()},
        **the.shown,
        "CRM": json.dumps(the.simulator.crm_rows),
    }
    forms = {form for secret in SECRETS for form in (secret, quote(secret, safe=""), secret[:12])}

    assert len(written) > 40
    assert not [(where, form) for where, text in written.items() for form in forms if form in text]


def test_campaign_under_every_attack_shows_no_number_whole(the: Aftermath) -> None:
    """No lead's number on console, in log or report, in whatever script and form it came in."""
    numbers = [digits(index)[2:] for index in range(GOOD)]
    numbers += [victim(index)[2:] for index in (*range(HOSTILE), *range(90, 96))]

    found = [
        (where, number)
        for where, text in the.shown.items()
        for number in numbers
        if holds_number(text, number)
    ]
    assert not found


def test_campaign_under_every_attack_shows_no_odd_character(the: Aftermath) -> None:
    """No control, bidi or other invisible character on a stream, in the log or in a report."""
    odd = {where: odd_characters(text)[:3] for where, text in the.shown.items()}

    assert {where: found for where, found in odd.items() if found} == {}
    towers = [w for w, text in the.shown.items() if "\u0301" * 7 in normalize("NFD", text)]
    assert not towers, "letters that carry a tower of marks"


def test_campaign_under_every_attack_forges_no_log_line(the: Aftermath) -> None:
    """Nobody named in a name was sent anything."""
    for text in (the.harness.log_text(), the.ended["run -v"].err):
        assert not [line for line in text.splitlines() if "📤 SENT: Mallory | ID: 1" in line[:45]]


def test_campaign_under_every_attack_leaves_readable_state(the: Aftermath) -> None:
    """Every state file is JSON without a control byte, and the journal is empty."""
    names = [name for name in the.files if name.endswith(".json") and "/" not in name]

    assert len(names) >= 4
    for name in names:
        assert isinstance(json.loads(the.files[name]), dict)
        assert not [byte for byte in the.files[name] if byte < 32 and byte != 10]
    assert the.files["send_journal.jsonl"] == b""


_IS_PAGE = re.compile(r"run-[0-9]{8}T[0-9]{6}-[0-9a-f]{4}\.html")


class _Page(HTMLParser):
    """Notes what a browser would make of a page.

    Attributes:
        tags: Every element's name.
        dangers: Attributes that run, load or link anything.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.dangers: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.add(tag)
        self.dangers += [
            (name, value)
            for name, value in attrs
            if name.startswith("on")
            or name in ("src", "href", "srcdoc", "action", "formaction", "xlink:href", "style")
            or (value or "").strip().lower().startswith(("javascript:", "data:"))
        ]


def test_campaign_under_every_attack_makes_pages_that_run_nothing(the: Aftermath) -> None:
    """Parsed as a browser does, the pages hold text, bars and the policy that forbids the rest."""
    pages = [text for name, text in the.shown.items() if "html" in name and text.startswith("<!")]

    assert len(pages) >= 4
    for text in pages:
        page = _Page()
        page.feed(text)
        # The list of runs links to their pages, which lie beside it.
        links = [link for link in page.dangers if _IS_PAGE.fullmatch(link[1] or "")]
        assert page.dangers == links
        assert ("a" in page.tags) == bool(links)
        assert not page.tags & {"script", "img", "iframe", "link", "object", "form", "base"}
        assert "default-src 'none'; style-src 'unsafe-inline'" in text


def test_campaign_under_every_attack_makes_tables_without_formulas(the: Aftermath) -> None:
    """No cell of a CSV begins like a formula, and each lead has its row."""
    text = the.shown["report --format csv: stdout"]
    rows = list(csv.reader(io.StringIO(text)))

    assert len(rows) == 1 + 2 * len(hostile_rows())
    starts = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
    cells = [part for row in rows for cell in row for part in cell.split(";")]
    assert not [cell for cell in cells if cell.lstrip(' "').startswith(starts)]


def test_campaign_under_every_attack_made_only_our_calls(the: Aftermath) -> None:
    """Nothing went elsewhere, nothing without the right credential, no number twice."""
    assert the.simulator.calls[Endpoint.ELSEWHERE] == []
    assert the.simulator.unauthorised == 0
    assert max(the.simulator.posts.values()) <= 2

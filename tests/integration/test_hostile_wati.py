"""What a vendor gone mad, or whoever sits in its place, can answer to each of our calls."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeClock
from harness import SECRETS, Harness, digits, lead, many_leads, serve
from hostile import (
    BIDI,
    ESCAPES,
    EVERYTHING,
    FORGED,
    SCRIPT,
    attacked,
    check_accounts,
    check_ended,
    check_log,
    holds_number,
    odd_characters,
    reports,
    run_safely,
    state_bytes,
)
from simulated.faults import FaultKind, NetworkFault
from simulated.scripts import Match, Moment, Reply, answer, html_page, redirect
from simulated.simulator import Simulator

from lead_automation.sandbox.exchange import Endpoint, SimRequest
from lead_automation.sandbox.plans import Plan, Step, failing, refused
from lead_automation.sandbox.simulator import TEMPLATE
from lead_automation.sandbox.wati_answers import SimTemplate

VICTIM = "919812345678"
NATIONAL = "9812345678"
TOKEN = SECRETS[0]
ODD = EVERYTHING.encode("utf-8", "replace").decode()
QUICK: Mapping[str, str] = {
    "UNKNOWN_SETTLE_SECONDS": "0",
    "TRACKING_WAIT_SECONDS": "5",
    "FAILURE_STREAK_LIMIT": "1000",
}


def victim(index: int) -> str:
    """Return the number of a lead the answers are about, digits only."""
    return f"91981234{5600 + index}"


def victims(count: int) -> list[dict[str, object]]:
    """Return so many of those leads; their ids are v0, v1 and so on."""
    return [lead(f"v{index}", f"+{victim(index)}", "Asha Rao") for index in range(count)]


def about(index: int) -> Match:
    """Return whether a call is about that lead's number."""
    return lambda request: request.number == victim(index)


def said_of(body: bytes, index: int) -> bytes:
    """Return an answer about VICTIM as one about that lead."""
    return body.replace(VICTIM.encode(), victim(index).encode())


def answer_each(harness: Harness, endpoint: Endpoint, bodies: Iterable[bytes]) -> None:
    """Answer every call about the leads with a body each."""
    for index, body in enumerate(bodies):
        reply = Reply(status=200, body=said_of(body, index), times=None)
        harness.simulator.script(endpoint, reply, match=about(index))


# --- the send -------------------------------------------------------------------------------------

_V2 = {"result": True, "error": None, "receivers": [{"waId": VICTIM, "errors": []}]}
_ANOTHER = {"result": True, "receivers": [{"waId": "919800000000", "errors": []}]}

_UNCLEAR = [
    b"[" * 100_000,
    b'{"a":' * 5_000,
    b'{"result": true, "receivers": ' + b"9" * 5_000 + b"}",
    b'{"result": NaN}',
    b'{"result": true, "x": 1e999}',
    json.dumps(_V2).encode("utf-16"),
    b'{"result": true, "error": "\xff"}',
    b'{"result": "true"}',
    b'{"result": 1}',
    b'{"result": "success"}',
    b"{}",
    b"[]",
    b"null",
    b'"ok"',
    b"true",
    b"",
    b"   ",
    b"\x00",
    b"<html>Sign in</html>",
    b'{"result": true}{"result": true}',
    b'{"result": false, "result": true, "receivers": [{"waId": "919812345678"}]}',
    b'{"result": true, "receivers": [{"waId": "919800000000", "waId": "919812345678"}]}',
    b'{"result": true, "receivers": null}',
    b'{"result": true, "receivers": []}',
    b'{"result": true, "receivers": [null]}',
    b'{"result": true, "receivers": [{}]}',
    b'{"result": true, "receivers": [{"waId": ["919812345678"], "isValidWhatsAppNumber": "yes"}]}',
    b'{"result": true, "receivers": [{"waId": "919812345678"}], "error": "no"}',
    json.dumps(_ANOTHER).encode(),
    ODD.encode(),
]


def test_send_answered_with_another_shape_is_unknown_and_never_repeated(tmp_path: Path) -> None:
    """Only ``true`` itself is a yes: all else may have been a message, and is asked about.

    A yes for somebody else tells of a mix-up that a person has to look at.
    """
    harness = attacked(tmp_path, victims(len(_UNCLEAR)), good=2, settings=QUICK)
    answer_each(harness, Endpoint.SEND, _UNCLEAR)
    answer_each(harness, Endpoint.MESSAGES, [b"<html>Sign in</html>"] * len(_UNCLEAR))

    document = run_safely(harness, good=2)

    assert document["leads"]["unknown"] == len(_UNCLEAR)
    assert max(harness.simulator.posts.values()) == 1
    assert "ALARM" in harness.log_text()


def test_send_answered_with_a_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    """UTF-8 with its mark is UTF-8."""
    harness = attacked(tmp_path, victims(1), settings=QUICK)
    answer_each(harness, Endpoint.SEND, [b"\xef\xbb\xbf" + json.dumps(_V2).encode()])

    assert run_safely(harness)["leads"]["accepted"] == 2


_NETWORK = [
    *(
        Reply(fault=NetworkFault(kind, 0.0), taken=False)
        for kind in (
            FaultKind.CLOSE,
            FaultKind.RESET,
            FaultKind.SHORT_BODY,
            FaultKind.BAD_STATUS_LINE,
            FaultKind.MANY_HEADERS,
            FaultKind.HUGE_HEADER,
            FaultKind.ENDLESS_BODY,
            FaultKind.BAD_CHUNK,
            FaultKind.GZIP_BOMB,
            FaultKind.EARLY_HINTS,
        )
    ),
    Reply(fault=NetworkFault(FaultKind.HANG), taken=False),
    Reply(status=200, body=b"x" * ((1 << 20) + 1)),
    Reply(status=200, body=b"{}", headers=(("Content-Encoding", ", ".join(["gzip"] * 40)),)),
    Reply(status=200, body=b"\x0b\x02\x80{}\x03", headers=(("Content-Encoding", "br"),)),
    Reply(status=407, headers=(("Proxy-Authenticate", "Basic realm=x"),)),
    Reply(status=999),
    Reply(status=418, body=ODD),
    Reply(status=408),
    Reply(status=500, body=ODD),
    html_page(503),
]


def test_send_damaged_on_the_wire_is_unknown_without_a_crash(tmp_path: Path) -> None:
    """Bombs, endless bodies, 150 headers, a 64 KiB header, 103, odd statuses: one POST, no more."""
    count = len(_NETWORK)
    clock = FakeClock()
    simulator = Simulator(clock=clock, leads=[*victims(count), *many_leads(1)])
    for index, reply in enumerate(_NETWORK):
        simulator.script(Endpoint.SEND, reply, match=about(index))
        simulator.script(Endpoint.MESSAGES, html_page(times=None), match=about(index))
    with serve(tmp_path, simulator, clock, settings={**QUICK, "READ_TIMEOUT": "0.4"}) as harness:
        document = run_safely(harness)

    assert document["leads"]["unknown"] == count
    assert [simulator.posts[victim(index)] for index in range(count)] == [1] * count


_REDIRECTS = [
    *((status, "http://169.254.169.254/") for status in (300, 301, 302, 303, 304, 307, 308)),
    *((307, where) for where in ("https://evil.example/", "file:///etc/passwd", "//x", "", "/")),
]


def test_send_that_redirects_is_not_followed_and_stops_the_run(tmp_path: Path) -> None:
    """Name, number and token go to no second address, on the same host neither."""
    clock = FakeClock()
    simulator = Simulator(clock=clock)
    with serve(tmp_path, simulator, clock) as harness:
        for row, (status, location) in zip(victims(len(_REDIRECTS)), _REDIRECTS, strict=True):
            simulator.crm.leads = [row]
            simulator.script(Endpoint.SEND, redirect(location, status))

            ended = harness.run("run", "--json")

            check_ended(ended, 3)
            check_accounts(ended.document)
    assert len(simulator.calls[Endpoint.SEND]) == len(_REDIRECTS)
    assert simulator.calls[Endpoint.ELSEWHERE] == []
    assert simulator.messages == []


_SANE = ("0", "1", "60")
_NONSENSE = ("-5", "1.5", "soon", "", "\u0661", "inf", "1e9", "\x1b[2J")
_PAST = ("Thu, 01 Jan 1970 00:00:00 GMT", "Sun, 22 Nov 99999 00:00:00 GMT")
_TOO_LONG = ("61", "99999999", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT")


def _slow_down(value: str) -> Reply:
    return Reply(status=429, headers=(("Retry-After", value),))


def test_send_slowed_down_waits_at_most_a_minute_and_is_sent(tmp_path: Path) -> None:
    """A sane ``Retry-After`` is waited out, and nonsense counts as none."""
    values = [*_SANE, *_NONSENSE, *_PAST]
    harness = attacked(tmp_path, victims(len(values)))
    for index, value in enumerate(values):
        harness.simulator.script(Endpoint.SEND, _slow_down(value), match=about(index))

    run_safely(harness)

    check_log(harness)
    assert isinstance(harness.clock, FakeClock)
    assert max(harness.clock.slept) <= 60
    assert [harness.simulator.posts[victim(index)] for index in range(len(values))] == [2] * len(
        values
    )


@pytest.mark.parametrize("value", _TOO_LONG, ids=["61", "years", "digits", "date"])
def test_send_slowed_down_for_longer_ends_the_run(tmp_path: Path, value: str) -> None:
    """Nobody waits for more than a minute, nor sends on against the vendor's word."""
    harness = attacked(tmp_path, victims(1))
    harness.simulator.script(Endpoint.SEND, _slow_down(value))

    ended = harness.run("run", "--json")

    check_ended(ended, 3)
    check_accounts(ended.document)
    assert harness.simulator.posts.total() == 1


_NO_IDS: list[object] = ["x" * 900_000, "a\nb", "\x1b[2J", BIDI, "\ud800", "", " \u200b"]
_NO_IDS += [7, True, ["a"], {"a": 1}]


def test_message_id_that_is_none_is_not_kept(tmp_path: Path) -> None:
    """An id too long or not printable is left out of history, log and CRM; the yes counts."""
    harness = attacked(tmp_path, victims(len(_NO_IDS)))
    row = {"eventType": "broadcastMessage", "owner": True, "statusString": "READ"}
    row |= {"eventDescription": f'"{TEMPLATE}"', "created": "2026-11-23T06:00:00Z"}
    sends: list[bytes] = []
    reads: list[bytes] = []
    for message_id in _NO_IDS:
        yes = {"result": True, "receivers": [{"waId": VICTIM, "localMessageId": message_id}]}
        items = [{**row, "localMessageId": message_id}]
        sends.append(json.dumps(yes).encode())
        reads.append(json.dumps({"result": "success", "messages": {"items": items}}).encode())
    answer_each(harness, Endpoint.SEND, sends)
    answer_each(harness, Endpoint.MESSAGES, reads)

    document = run_safely(harness)

    assert document["leads"]["accepted"] == len(_NO_IDS) + 1
    kept = [harness.records()[f"v{index}"]["message_id"] for index in range(len(_NO_IDS))]
    assert kept == [None] * len(_NO_IDS)
    assert len(state_bytes(harness)["sent_messages.json"]) < 10_000


def test_message_id_that_is_the_number_is_masked_where_it_is_shown(tmp_path: Path) -> None:
    """The history keeps it whole, log and reports do not show it."""
    harness = attacked(tmp_path, victims(1))
    yes = {"result": True, "receivers": [{"waId": VICTIM, "localMessageId": VICTIM}]}
    answer_each(harness, Endpoint.SEND, [json.dumps(yes).encode()])

    run_safely(harness)

    assert harness.records()["v0"]["message_id"] == victim(0)
    for text in (harness.log_text(), *reports(harness).values()):
        assert victim(0) not in text


# --- words of WATI --------------------------------------------------------------------------------


def words_everywhere(harness_words: str, folder: Path) -> dict[str, str]:
    """Let WATI say some words in every place it has; return everything shown of it."""
    harness = attacked(
        folder,
        [
            lead("1", "+919812345671", "One"),
            lead("2", "+919812345672", "Two"),
            lead("3", "+919812345673", "Three"),
            lead("4", "+919812345674", "Four"),
        ],
        settings=QUICK,
        plans={
            "919812345671": refused(f"no {harness_words}"),
            "919812345672": failing(f"late {harness_words}"),
            "919812345673": Plan(history=(Step(0.0, harness_words),)),
        },
    )
    harness.simulator.script(
        Endpoint.SEND,
        Reply(status=500, body=harness_words.encode("utf-8", "replace")),
        match=lambda request: request.number.endswith("5674"),
    )
    harness.simulator.script(
        Endpoint.MESSAGES,
        answer({"result": False, "info": harness_words}, times=None),
        match=lambda request: request.number.endswith("5674"),
    )
    shown = {}
    for name, arguments in {
        "run": ("run", "-v"),
        "track": ("track", "-v"),
        "status": ("status", "--json"),
        "check": ("check",),
        "suppress": ("suppress", "list", "--json"),
    }.items():
        ended = harness.run(*arguments)
        check_ended(ended, 0)
        shown[name] = ended.out + ended.err
    shown["log"] = harness.log_text()
    assert "Lead Number 0" in shown["log"]
    state = {name: data.decode() for name, data in state_bytes(harness).items()}
    return {**shown, **reports(harness), **state, "crm": json.dumps(harness.simulator.crm_rows)}


def test_words_of_wati_cannot_forge_move_or_reorder_anything(tmp_path: Path) -> None:
    """Escapes, bidi marks, line ends and scripts in refusals, failures and statuses are text."""
    found = words_everywhere(f"{ESCAPES}{BIDI}{SCRIPT}\n{FORGED}", tmp_path)

    for where in ("run", "track", "status", "check", "log", "html", "json", "csv", "text"):
        text = found[where].removeprefix("\ufeff").replace("\r\n", "\n")
        assert not odd_characters(text), where
        assert "\n09:15:24 | INFO  | 📤 SENT: Mallory" not in text, where
    assert "<script" not in found["html"]
    assert "\\u001b[2J" in found["log"]


def test_words_of_wati_that_quote_our_token_are_hidden_everywhere(tmp_path: Path) -> None:
    """A server that echoes the credential puts it into no log, report, file or CRM row."""
    words = (TOKEN, f"Bearer {TOKEN}", f"x{TOKEN}y", f"Authorization: {TOKEN}")
    found = words_everywhere(" and ".join(words), tmp_path)

    assert "***" in found["html"]
    assert not [where for where, text in found.items() if TOKEN in text]


def test_words_of_wati_that_quote_the_number_are_masked_everywhere(tmp_path: Path) -> None:
    """Console, log, ``track``, ``status`` and every report show no number whole."""
    spread = " x ".join(NATIONAL)
    numbers = (NATIONAL, f"+{VICTIM}", f"x{VICTIM}x", "९८१२३४५६७८", "+91 (98123) 45678", spread)
    found = words_everywhere(f"contact {' or '.join(numbers)} is not valid", tmp_path)

    for where in ("run", "track", "status", "check", "log", "html", "json", "csv", "text"):
        assert not [number for number in numbers if number in found[where]], where
        assert not holds_number(found[where], NATIONAL), where


@pytest.mark.parametrize("endpoint", [Endpoint.TEMPLATES, Endpoint.SEND])
def test_credential_quoted_in_any_answer_is_hidden(tmp_path: Path, endpoint: Endpoint) -> None:
    """Whatever status says it, no file or stream ever holds it."""
    harness = attacked(tmp_path)
    statuses = (200, 400, 401, 403, 404, 429, 500)
    for status, row in zip(statuses, victims(len(statuses)), strict=True):
        harness.simulator.crm.leads = [row]
        body = f'{{"result": false, "info": "the token {TOKEN} is wrong"}}'.encode()
        harness.simulator.script(endpoint, Reply(status=status, body=body, times=None))

        ended = harness.run("run", "--json", "-v")
        check_ended(ended)
        check_accounts(ended.document)
        check_ended(harness.run("check"))

        harness.simulator.clear_scripts()
    for name, data in state_bytes(harness).items():
        assert TOKEN.encode() not in data, name
    assert TOKEN not in str(harness.simulator.crm_rows)
    check_log(harness)


def test_error_of_a_megabyte_is_cut_everywhere(tmp_path: Path) -> None:
    """Three hundred characters tell enough."""
    found = words_everywhere("z" * 500_000, tmp_path)

    assert all(len(text) < 300_000 for text in found.values())
    assert "z" * 301 not in found["log"]
    assert "z" * 301 not in found["crm"]
    assert "z" * 301 not in found["sent_messages.json"]


def test_restriction_in_hostile_words_holds_and_is_told_safely(tmp_path: Path) -> None:
    """Hold, ``status``, ``check`` and ``resume`` show words and number cleaned and masked."""
    words = f"(#131031) account locked {VICTIM} {ESCAPES}{BIDI}{SCRIPT}\n{TOKEN}"
    harness = attacked(tmp_path, [lead("7", f"+{VICTIM}")], plans={VICTIM: refused(words)})

    ended = [harness.run("run", "-v"), harness.run("run", "--json"), harness.run("status")]
    ended += [harness.run("status", "--json"), harness.run("check"), harness.run("check", "--json")]
    held = harness.read_state("campaign_hold.json")
    ended += [harness.run("resume", "--yes"), harness.run("resume", "--yes", "--json")]

    assert [one.code for one in ended] == [3, 6, 0, 0, 0, 0, 0, 0]
    for one in ended:
        check_ended(one)
        assert not holds_number(one.out + one.err, NATIONAL)
    assert TOKEN not in json.dumps(held)
    assert not odd_characters(held["reason"] + held["evidence"])


# --- statuses -------------------------------------------------------------------------------------


def test_status_word_of_any_kind_is_read_by_the_table_or_kept_as_text(tmp_path: Path) -> None:
    """Case is folded; what is not in the table leaves the message as it was, shown cleaned."""
    known = {"DELIVERED": "delivered", "Delivered": "delivered", "  read ": "read"}
    odd = ("2", "SPARKLED", "", ESCAPES, BIDI, "x" * 100_000, "ＤＥＬＩＶＥＲＥＤ")
    words = [*known, *odd]
    plans = {victim(i): Plan(history=(Step(0.0, word),)) for i, word in enumerate(words)}
    harness = attacked(tmp_path, victims(len(words)), plans=plans, settings=QUICK)

    run_safely(harness)

    found = [harness.records()[f"v{index}"]["status"] for index in range(len(words))]
    assert found[: len(known)] == list(known.values())
    assert set(found[len(known) :]) <= {"sent", "pending"}
    assert len(harness.log_text()) < 40_000


_LISTS = [
    b"[" * 100_000,
    b"{}",
    b"null",
    b'{"messages": null}',
    b'{"messages": {"items": null}}',
    b'{"messages": {"items": [null, 7]}}',
    b'{"result": "success", "messages": {"items": [{}]}}',
    b'{"messages": {"items": [{"event": "broadcastMessage", "created": "2026-11-23T06:00:01Z"}]}}',
    b'{"messages": {"items": [{"eventType": "broadcastMessage", "created": "2026-11-23T06:01Z"}]}}',
    b'{"result": false, "info": "no"}',
    b'{"result": "failure"}',
    b'{"result": [], "messages": {"items": []}}',
    json.dumps(
        {
            "messages": {
                "items": [
                    {
                        "eventType": "broadcastMessage",
                        "owner": True,
                        "eventDescription": f'"{TEMPLATE}"',
                        "statusString": status,
                        "created": created,
                        "failedCode": 10**30,
                        "failedDetail": ["x"],
                        "localMessageId": None,
                    }
                    for status in ("READ", None, 2, ["FAILED"], "FAILED")
                    for created in (
                        "9999-12-31T23:59:59.9Z",
                        "0001-01-01T00:00:00+14:00",
                        "yesterday",
                        None,
                        1e300,
                        "2026-11-23T06:00:00",
                    )
                ]
            }
        }
    ).encode(),
    ODD.encode(),
    b"",
    b"<html>",
]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_message_list_of_any_shape_never_ends_or_doubles_anything(
    tmp_path: Path, version: str
) -> None:
    """A read that says nothing usable is no answer; nothing is concluded or sent again for it."""
    count = len(_LISTS)
    harness = attacked(tmp_path, victims(count), settings=QUICK, version=version)
    for index in range(count):
        gateway = Reply(status=502, body="502 Bad Gateway")
        harness.simulator.script(Endpoint.SEND, gateway, match=about(index))
    answer_each(harness, Endpoint.MESSAGES, _LISTS)

    document = run_safely(harness)
    check_ended(harness.run("track", "--json"))

    assert document["leads"]["attempted"] == count + 1
    assert [harness.simulator.posts[victim(index)] for index in range(count)] == [1] * count


def test_message_list_dripping_slowly_is_cut_at_its_deadline(tmp_path: Path) -> None:
    """A byte now and then keeps a read open no longer than the time it was given."""
    clock = FakeClock()
    simulator = Simulator(clock=clock, leads=many_leads(1))
    drip = NetworkFault(FaultKind.SLOW_BODY, 0.05)
    simulator.script(Endpoint.MESSAGES, Reply(fault=drip, times=None))
    settings = {"TRACKING_FIRST_READ_SECONDS": "0.1", "TRACKING_WAIT_SECONDS": "0.5"}
    with serve(tmp_path, simulator, clock, settings=settings) as harness:
        document = run_safely(harness)

        assert document["messages"]["pending"] == 1
        assert len(simulator.calls[Endpoint.MESSAGES]) >= 1


# --- the template list and the contacts -----------------------------------------------------------


def test_template_list_of_any_shape_stops_before_anything_is_sent(tmp_path: Path) -> None:
    """Exit 3 where the template is not in it, 4 where it is no such list; ``check`` agrees."""
    harness = attacked(tmp_path)
    for body in _LISTS:
        harness.simulator.script(Endpoint.TEMPLATES, Reply(status=200, body=body, times=None))

        ended = harness.run("run", "--json")

        check_ended(ended, 3, 4)
        check_accounts(ended.document)
        check_ended(harness.run("check", "--json"), 4)
        harness.simulator.clear_scripts()
    assert harness.simulator.messages == []


@pytest.mark.parametrize(
    "template",
    [
        SimTemplate(name=TEMPLATE, parameters=(ESCAPES, BIDI, FORGED)),
        SimTemplate(name=TEMPLATE, parameters=tuple(f"p{i}\n" for i in range(20_000))),
        SimTemplate(name=TEMPLATE, status=ESCAPES + FORGED),
        SimTemplate(name=f"{TEMPLATE[:-1]}\u202e\x1b", status="APPROVED"),
        SimTemplate(name=TEMPLATE, status="APPROVED", parameters=()),
        SimTemplate(name=TEMPLATE, parameters=("1", "2", VICTIM)),
    ],
    ids=["odd names", "many names", "odd status", "similar name", "no names", "number"],
)
def test_template_with_hostile_names_is_told_safely(tmp_path: Path, template: SimTemplate) -> None:
    """Parameter names, statuses and similar names are cleaned, cut and masked in every message."""
    harness = attacked(tmp_path, templates=(template,))

    ended, checked = harness.run("run", "-v"), harness.run("check")
    as_json = harness.run("run", "--json")

    for one in (ended, as_json):
        check_ended(one, 3)
        assert len(one.out + one.err) < 10_000
        assert not holds_number(one.out + one.err, NATIONAL)
        assert "\n09:15:24 | INFO  | 📤 SENT" not in one.err
    check_ended(checked, 4)
    check_log(harness)
    assert harness.simulator.messages == []


def test_template_list_without_end_is_given_up(tmp_path: Path) -> None:
    """A list that is always full and always different ends after twenty pages, with a warning."""
    harness = attacked(tmp_path)
    full = [
        answer(
            {
                "result": "success",
                "messageTemplates": [{"elementName": f"t{page}-{i}"} for i in range(100)],
            }
        )
        for page in range(40)
    ]
    harness.simulator.script(Endpoint.TEMPLATES, *full)

    run_safely(harness)

    assert len(harness.simulator.calls[Endpoint.TEMPLATES]) == 20
    assert "does not end" in harness.log_text()


def test_contact_answer_of_any_shape_lets_the_send_go_on(tmp_path: Path) -> None:
    """No clear answer about a contact is none."""
    bodies = [*_LISTS[:9], b'{"contact_list": [{"phone": {}}]}', ODD.encode()]
    rows = victims(len(bodies))
    harness = attacked(tmp_path, rows, settings={"CHECK_WHATSAPP_STATUS": "true"})
    replies = [Reply(status=200, body=body) for body in bodies]
    harness.simulator.script(Endpoint.CONTACTS, *replies)

    document = run_safely(harness)

    assert document["leads"]["accepted"] == len(bodies) + 1
    assert len(harness.simulator.calls[Endpoint.CONTACTS]) == len(bodies) + 1


# --- clocks ---------------------------------------------------------------------------------------


_NO_DATES = (
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Mon, 01 Jan 0001 00:00:00 GMT",
    "Sun, 22 Nov 99999 00:00:00 GMT",
    "soon",
    "",
    "\x1b[2J",
    "Sun, 22 Nov 2026 06:00:00 +9999",
)
_PARAMETERS = [{"paramName": name} for name in "123"]
_LISTED = {"elementName": TEMPLATE, "status": "APPROVED", "customParams": _PARAMETERS}


@pytest.mark.parametrize("endpoint", [Endpoint.TEMPLATES, Endpoint.SEND, Endpoint.LEADS])
def test_date_header_of_any_kind_moves_no_time_of_ours_out_of_the_calendar(
    tmp_path: Path, endpoint: Endpoint
) -> None:
    """A nonsense clock of a server is no clock: the run goes on, or says that clocks differ."""
    harness = attacked(tmp_path, settings=QUICK)
    for index, (date, row) in enumerate(zip(_NO_DATES, victims(len(_NO_DATES)), strict=True)):
        bodies: dict[Endpoint, dict[str, Any]] = {
            Endpoint.SEND: {"result": True, "receivers": [{"waId": victim(index)}]},
            Endpoint.LEADS: {"data": [row]},
            Endpoint.TEMPLATES: {"messageTemplates": [_LISTED]},
        }
        harness.simulator.crm.leads = [row]
        body = json.dumps(bodies[endpoint]).encode()
        headers = (("Date", date), ("date", date))
        reply = Reply(status=200, body=body, headers=headers, times=None)
        harness.simulator.script(endpoint, reply)

        ended, checked = harness.run("run", "--json"), harness.run("check")

        check_ended(ended, 0, 5)
        check_ended(checked, 0, 5)
        check_accounts(ended.document)
        harness.simulator.clear_scripts()
    check_log(harness)


# --- cookies and credentials ----------------------------------------------------------------------


def test_wati_cookies_are_not_kept_nor_a_password_offered(tmp_path: Path) -> None:
    """Whatever is set or asked for, later calls carry our bearer token and nothing else."""
    clock = FakeClock()
    simulator = Simulator(clock=clock, leads=many_leads(2))
    seen: list[SimRequest] = []
    for endpoint in Endpoint:
        simulator.hooks.add(Moment.HEADERS, endpoint, seen.append, times=None)
    cookies = (("Set-Cookie", "a=b; Path=/"), ("Set-Cookie", "c=\x01; expires=\xff"))
    simulator.script(
        Endpoint.SEND,
        Reply(status=407, headers=(*cookies, ("Proxy-Authenticate", "Basic"))),
        match=lambda request: request.number == digits(0),
    )
    with serve(tmp_path, simulator, clock, settings=QUICK) as harness:
        ended = harness.run("run", "--json")

        check_ended(ended, 0)
        assert len(seen) >= 5
        assert not any("cookie" in request.headers for request in seen)
        assert not any("proxy-authorization" in request.headers for request in seen)
        wati = [request for request in seen if "/api/v" in request.path]
        assert {request.headers["authorization"] for request in wati} == {f"Bearer {TOKEN}"}

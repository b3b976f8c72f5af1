"""What a CRM, and whoever types into its web form, can try: rows, ids, numbers, the list itself.

What names may do on their way to screen, log and reports is tried in ``test_hostile_campaign``.
"""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from fakes import FakeClock
from harness import SECRETS, Pipe, digits, lead, many_leads, serve
from hostile import (
    ESCAPES,
    EVERYTHING,
    SCRIPT,
    attacked,
    check_accounts,
    check_ended,
    check_log,
    holds_number,
    reports,
    run_safely,
    sent_parameters,
    state_bytes,
)
from simulated.faults import FaultKind, NetworkFault
from simulated.scripts import Moment, Reply, answer, html_page, redirect
from simulated.simulator import Simulator

from lead_automation.leads.crm import MAX_LIST_BYTES
from lead_automation.sandbox.exchange import Endpoint, SimRequest

PHONE = "+919812345678"
NATIONAL = "9812345678"


def victims(values: Iterable[object], field: str = "lead_id") -> list[dict[str, object]]:
    """Return a lead for each value of a field, all with numbers of their own."""
    return [
        {**lead(f"v{index}", f"+91981234{5600 + index}", "Asha"), field: value}
        for index, value in enumerate(values)
    ]


# --- names ----------------------------------------------------------------------------------------

_NO_NAMES = ("", "   ", "\u200d\u200c", "\u3164", None, ["Eve"], {"a": 1}, 7, 7.5, True, "\x00\x01")
_NAMES = [
    *((name, "Customer") for name in _NO_NAMES),
    ("Asha\nRao", "Asha Rao"),
    ("Asha\tRao", "Asha Rao"),
    ("Asha     Rao", "Asha Rao"),
    ("\u00a0 Asha\u2003\u2028Rao \r\n", "Asha Rao"),
    ("Asha\x00Rao", "AshaRao"),
    ("क्\u200dष", "क्\u200dष"),
    ("👩\u200d🔬 Asha", "👩\u200d🔬 Asha"),
    ("A\u202eB", "AB"),
    ("https://evil.example/x", "Customer"),
    ("eve@evil.example", "Customer"),
    ("call 981234", "Customer"),
    ("call ９８１２３４", "Customer"),
    ("call 9\u200d8\u200d1\u200d2\u200d3\u200d4", "Customer"),
    ("A" * (1 << 20), "A" * 60),
    (" " * (1 << 20), "Customer"),
    ("<" * (1 << 20), "<" * 60),
]


def test_name_goes_to_wati_tidied_and_never_empty_or_as_an_advertisement(tmp_path: Path) -> None:
    """Whitespace folds, joiners stay, a megabyte is cut; no name, address or number: Customer."""
    rows = victims([name for name, _ in _NAMES], "full_name")
    without_the_field = {"lead_id": 1, "mobile_number_formatted": PHONE}
    harness = attacked(tmp_path, [*rows, without_the_field])

    run_safely(harness)

    assert sent_parameters(harness)[: len(_NAMES) + 1] == [
        *(sent for _, sent in _NAMES),
        "Customer",
    ]
    replaced = [sent for _, sent in _NAMES].count("Customer") + 1
    assert harness.log_text().count("is addressed as Customer") == replaced
    assert all(len(text) < 200_000 for text in (harness.log_text(), *reports(harness).values()))


def test_name_with_rich_markup_is_printed_literally_on_a_terminal(tmp_path: Path) -> None:
    """Brackets neither raise nor become colours or links, and no escape sequence gets through."""
    markup = "[/] x[/red] [link=javascript:1]a[/link]"
    harness = attacked(tmp_path, victims([markup, ESCAPES], "full_name"))
    harness.is_terminal = True

    ended = harness.run("run")

    assert ended.code == 0
    assert markup in ended.err
    for payload in ("\x1b[2J", "\x1b]", "\x07", "\x9b", "javascript:1\x1b"):
        assert payload not in ended.err


def test_leads_full_of_everything_are_served_on_a_console_that_knows_ascii_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A console of seven bits gets codes, not an error."""
    monkeypatch.setattr(Pipe, "encoding", "ascii")
    harness = attacked(tmp_path, [lead("1", PHONE, EVERYTHING), lead("2", "12", "आशा")])

    ended = harness.run("run")

    check_ended(ended, 0)
    assert (ended.out + ended.err).isascii()
    assert digits(0) in {message.number for message in harness.simulator.messages}


# --- ids ------------------------------------------------------------------------------------------

_NO_TYPES: list[object] = [True, 1.5, [], {"$ne": 1}]
_NO_IDS: list[tuple[object, str]] = [
    *((text, "control character") for text in ("a\x00b", "a\nb", "\x1b[2J", "\ud800")),
    *((long, "longer than 128") for long in ("x" * 129, "x" * 10_000, 10**400)),
    *((text, "empty") for text in ("", "  ")),
    (None, "missing"),
    *((value, "neither text nor integer") for value in _NO_TYPES),
]
_NO_ROWS: list[object] = [None, 7, "x", [], True, 1.5, {}, [[]], {"lead_id": {}}]


def test_lead_id_that_is_none_makes_a_malformed_row(tmp_path: Path) -> None:
    """The row is counted and told, never sent to, and the good leads behind it are."""
    rows = victims(value for value, _ in _NO_IDS)
    harness = attacked(tmp_path, [*rows, *_NO_ROWS], good=3)

    document = run_safely(harness, good=3)

    assert document["leads"]["skipped"]["malformed"] == len(_NO_IDS) + len(_NO_ROWS)
    told = [line for line in harness.log_text().splitlines() if "lead_id" in line]
    for (value, reason), line in zip(_NO_IDS, told, strict=False):
        assert reason in line, value
    assert len(harness.simulator.messages) == 3


def test_lead_id_that_looks_like_a_path_is_only_an_id(tmp_path: Path) -> None:
    """It is kept as it is in the history, and no file outside the state directory appears."""
    ids = [
        "../../etc/passwd",
        "CON",
        "a/b",
        "__proto__",
        "..",
        "%2e%2e",
        "~root",
        "0",
        "-1",
        "\u202ea",
    ]
    harness = attacked(tmp_path, victims(ids))
    before = {path.name for path in tmp_path.iterdir()}

    run_safely(harness)

    assert set(ids) <= set(harness.records())
    assert {path.name for path in tmp_path.iterdir()} == before
    names = {name.partition("/")[0] for name in state_bytes(harness)}
    assert names <= {
        "api_usage.json",
        "crm_outbox.json",
        "quota_usage.json",
        "reports",
        "run.lock",
        "run.lock.holder",
        "send_journal.jsonl",
        "sent_messages.json",
    }


def test_lead_ids_are_one_as_number_and_text_and_in_both_unicode_forms(tmp_path: Path) -> None:
    """``7`` and ``"7"`` are one lead, as are composed and decomposed letters; ``07`` is another."""
    harness = attacked(tmp_path, victims([7, "7", "07", "\u00e9", "e\u0301"]))

    document = run_safely(harness)

    assert document["leads"]["skipped"]["duplicate"] == 2
    assert list(harness.records()) == ["7", "07", "\u00e9", "1000"]


def test_lead_id_that_is_the_number_is_masked_wherever_it_is_shown(tmp_path: Path) -> None:
    """Log, console, every report, ``status`` and ``track``; the history keeps it whole."""
    forms = ("{0}", "+91{0}", "91{0}", "x{0}")
    numbers = [f"98123456{index:02d}" for index in range(len(forms) + 2)]
    ids = [form.format(number) for form, number in zip(forms, numbers, strict=False)]
    ids.append(numbers[-2].translate({ord("0") + i: 0x966 + i for i in range(10)}))
    ids.append(" x ".join(numbers[-1]))
    rows = [lead(id_, f"+91{number}", None) for id_, number in zip(ids, numbers, strict=True)]
    settings = {
        "UNKNOWN_SETTLE_SECONDS": "0",
        "TRACKING_WAIT_SECONDS": "0",
        "FAILURE_STREAK_LIMIT": "9",
    }
    harness = attacked(tmp_path, rows, settings=settings)

    def to_victim(request: SimRequest) -> bool:
        return request.number[2:] in numbers

    lost = Reply(status=500, taken=True, times=None)
    harness.simulator.script(Endpoint.SEND, lost, match=to_victim)
    harness.simulator.script(Endpoint.MESSAGES, Reply(status=500, times=None), match=to_victim)

    ended = [harness.run("run", "-v"), harness.run("status"), harness.run("status", "--json")]
    shown = reports(harness)
    harness.simulator.clear_scripts()
    ended += [harness.run("track", "--json"), harness.run("track", "-v")]

    assert set(ids) <= set(harness.records())
    assert "unknown" in ended[1].out
    for number, one in enumerate(ended):
        check_ended(one, 0)
        shown[f"command {number}"] = one.out + one.err
    shown["log"] = harness.log_text()
    found = [(w, n) for w, text in shown.items() for n in numbers if holds_number(text, n)]
    found += [(where, ids[-1]) for where, text in shown.items() if ids[-1][:20] in text]
    assert not found


def test_lead_id_longer_than_any_number_is_masked_in_reports(tmp_path: Path) -> None:
    """Zeros in front must not show a number; its ends still find the lead in the CRM."""
    harness = attacked(tmp_path, [lead("0000000000919812345678", "12")])

    run_safely(harness)

    assert "0000••••5678" in reports(harness)["csv"]


# --- numbers --------------------------------------------------------------------------------------

_NO_WORDS = (
    "+919812345678\n+919800000000",
    "9812345678/9812345679",
    "9812345678,9812345679",
    "9812345678 ext 5",
    "9812345678x5",
    "tel:+919812345678;ext=5",
    "9.8E9",
    "⑨⑧①②③④⑤⑥⑦⑧",
    ESCAPES,
    SCRIPT[:39],
    "\ud800",
)
_NO_COUNTS = (9812345678.5, 9.8e20, -9812345678, 10**400, True, [PHONE], {"number": PHONE})
_NO_NUMBERS = [
    *((text, "no number has") for text in _NO_WORDS),
    *((value, "neither text nor a whole number") for value in _NO_COUNTS),
    ("+91+919812345678", "second +"),
    ("1800 123 4567", "not a mobile"),
    ("+91 22 2222 2222", "fixed line"),
    ("+44 909 8790000", "premium"),
    ("9" * 300, "longer than 40"),
    ("9812345678.0", "decimal"),
    (None, "missing"),
    ("", "missing"),
    ("0" * 40, "digits"),
]


def test_number_that_is_none_is_skipped_with_its_reason(tmp_path: Path) -> None:
    """Two numbers, extensions, landlines, floats, other types: skipped, told, counted as error.

    What a refused number looked like goes to the CRM's own row and is shown nowhere else.
    """
    rows = victims((phone for phone, _ in _NO_NUMBERS), "mobile_number_formatted")
    harness = attacked(tmp_path, rows)

    document = run_safely(harness)

    assert document["leads"]["skipped"]["invalid_number"] == len(_NO_NUMBERS)
    assert document["errors"] == {"invalid_number": len(_NO_NUMBERS)}
    posted = {row["lead_id"]: row for row in harness.simulator.crm_rows}
    log = harness.log_text()
    for index, (phone, problem) in enumerate(_NO_NUMBERS):
        assert problem in log, phone
        row = posted[f"v{index}"]
        assert row["msg_status"] == "failed"
        assert len(str(row["to_phone_number"])) <= 240
    assert posted["v3"]["to_phone_number"] == "9812345678 ext 5"
    for text in (log, *reports(harness).values()):
        assert NATIONAL not in text


def test_number_in_an_odd_form_is_taken_by_an_explicit_rule(tmp_path: Path) -> None:
    """Integers, whole floats, foreign mobiles, other scripts and copied bidi marks are numbers."""
    phones = {
        9812345670: "919812345670",
        9812345671.0: "919812345671",
        919812345672: "919812345672",
        "+1 415 555 2671": "14155552671",
        "＋９１ ９８１２３ ４５６７８": "919812345678",
        "\u202a+919812345679\u202c": "919812345679",
        "098123-45675": "919812345675",
    }
    harness = attacked(tmp_path, victims(phones, "mobile_number_formatted"))
    harness.write_settings(LEAD_LOCAL_HOURS="false")

    run_safely(harness)

    sent = [message.number for message in harness.simulator.messages]
    assert sent[: len(phones)] == list(phones.values())


def test_two_leads_with_one_number_get_one_message(tmp_path: Path) -> None:
    """In any spelling, and the same lead listed twice, too."""
    rows = victims([PHONE, "098123 45678", 9812345678], "mobile_number_formatted")
    harness = attacked(tmp_path, [*rows, lead("v0", "+919812345679")])

    document = run_safely(harness)

    assert document["leads"]["skipped"]["duplicate"] == 3
    assert len(harness.simulator.messages) == 2


# --- the list -------------------------------------------------------------------------------------


def test_list_of_fifty_thousand_leads_is_used_up_to_what_was_asked_for(tmp_path: Path) -> None:
    """A CRM that ignores the limit gets no more leads attempted than asked for."""
    leads = [lead(str(i), f"+91{7000000000 + i}") for i in range(50_000)]
    harness = attacked(tmp_path, settings={"LEAD_FETCH_LIMIT": "3"})
    harness.simulator.script(Endpoint.LEADS, answer({"data": leads}))

    ended = harness.run("run", "--json")

    check_ended(ended, 0)
    assert ended.document["leads"]["fetched"] == 3
    assert len(harness.simulator.messages) == 3


_NO_LISTS = [
    b"[" * 100_000,
    b'{"a":' * 5_000,
    b'{"data": [' + b"9" * 5_000 + b"]}",
    b'{"data": [{"lead_id": NaN}]}',
    b'{"data": [{"lead_id": Infinity}]}',
    b'{"data": [{"lead_id": 1e999999}]}',
    b'{"data": [{"full_name": "\xff\xfe"}]}',
    '{"data": []}'.encode("utf-16"),
    *(b"", b"null", b"[]", b"7", b'"data"', b"{}"),
    *(b'{"data": null}', b'{"data": {}}', b'{"data": "x"}', b'{"DATA": []}', b'{"data": [}'),
    b'{"data": []} trailing',
    b"<!doctype html><title>Sign in</title>",
    EVERYTHING.encode("utf-8", "replace"),
    SECRETS[1].encode(),
    b"\x00" * 1000,
]


def test_list_of_another_shape_ends_the_run_with_nothing_sent(tmp_path: Path) -> None:
    """Deep nesting, huge integers, NaN, other encodings, HTML: exit 4, told harmlessly."""
    harness = attacked(tmp_path)
    for body in _NO_LISTS:
        harness.simulator.script(Endpoint.LEADS, Reply(status=200, body=body))

        ended = harness.run("run", "--json")

        check_ended(ended, 4)
        check_accounts(ended.document)
        assert len(ended.document["reason"]) < 400, body[:40]
    check_log(harness)
    assert harness.simulator.messages == []


def test_list_with_a_byte_order_mark_twins_and_unknown_keys_is_read(tmp_path: Path) -> None:
    """UTF-8 with its mark is UTF-8; of twins the last counts; unknown keys are not looked at."""
    harness = attacked(tmp_path)
    row = (
        b'{"lead_id": 1, "lead_id": 2, "full_name": "Asha", "__class__": {"x": [[[1]]]},'
        b' "mobile_number_formatted": "+919812345678"}'
    )
    body = b"\xef\xbb\xbf" + b'{"data": [' + row + b"]}"
    harness.simulator.script(Endpoint.LEADS, Reply(status=200, body=body))

    ended = harness.run("run", "--json")

    check_ended(ended, 0)
    assert list(harness.records()) == ["2"]


_DAMAGES = [
    *(
        Reply(fault=NetworkFault(kind, 0.0), taken=True, times=None)
        for kind in FaultKind
        if kind
        not in (
            FaultKind.REFUSED,
            FaultKind.CERTIFICATE,
            FaultKind.HANG,
            FaultKind.LATE,
            FaultKind.SLOW_HEADERS,
            FaultKind.SLOW_BODY,
        )
    ),
    Reply(status=200, body=b"x" * (MAX_LIST_BYTES + 1), times=None),
    Reply(
        status=200,
        body=b"{}",
        headers=(("Content-Encoding", ", ".join(["gzip"] * 40)),),
        times=None,
    ),
    Reply(status=200, body=b"\x0b\x02\x80{}\x03", headers=(("Content-Encoding", "br"),)),
    Reply(status=200, body=b"not gzip", headers=(("Content-Encoding", "gzip"),), times=None),
    Reply(status=200, body=b"{}", headers=(("Content-Type", "application/json; charset=nope"),)),
    Reply(status=200, body=b"{}", headers=(("Transfer-Encoding", "nonsense"),)),
    Reply(status=407, headers=(("Proxy-Authenticate", "Basic"),)),
    Reply(status=401, headers=(("WWW-Authenticate", 'Basic realm="\x1b[2J"'),)),
    Reply(status=200, body=b"{}", headers=(("Set-Cookie", "a=b; expires=nonsense\x01"),)),
    Reply(status=999, body=b"{}"),
    html_page(),
    html_page(500, times=None),
    Reply(status=429, headers=(("Retry-After", "-5"),), times=None),
    Reply(status=503, headers=(("Retry-After", "soon\x1b[2J"),), times=None),
    *(redirect("http://169.254.169.254/latest/", status) for status in (301, 302, 303, 307, 308)),
    *(redirect(where) for where in ("file:///etc/passwd", "//evil.example/", "/elsewhere", "")),
]


def test_list_damaged_on_the_wire_or_redirected_ends_the_run_with_nothing_sent(
    tmp_path: Path,
) -> None:
    """Gzip bombs, endless bodies, bad chunks, 150 headers, odd encodings, redirects: exit 4."""
    clock = FakeClock()
    simulator = Simulator(clock=clock, leads=many_leads(1))
    with serve(tmp_path, simulator, clock, settings={"READ_TIMEOUT": "5"}) as harness:
        for reply in _DAMAGES:
            simulator.clear_scripts()
            simulator.script(Endpoint.LEADS, reply)

            ended = harness.run("run", "--json")

            assert ended.code == 4, reply
            check_ended(ended)
            check_accounts(ended.document)
            assert ("redirect" in ended.document["reason"]) == (300 <= (reply.status or 0) < 400)
        check_log(harness)
    assert simulator.calls[Endpoint.ELSEWHERE] == []
    assert simulator.messages == []


def test_crm_cookies_are_not_kept_and_no_credentials_leave_but_ours(tmp_path: Path) -> None:
    """A cookie offered with the list comes back with no later call, nor is a password offered."""
    clock = FakeClock()
    simulator = Simulator(clock=clock, leads=many_leads(1))
    seen: list[SimRequest] = []
    for endpoint in Endpoint:
        simulator.hooks.add(Moment.HEADERS, endpoint, seen.append, times=None)
    cookies = (("Set-Cookie", "session=1; Path=/"), ("Set-Cookie", "x=\x01\xff; Domain=127.0.0.1"))
    body = json.dumps({"data": many_leads(1)}).encode()
    simulator.script(Endpoint.LEADS, Reply(status=200, body=body, headers=cookies))
    simulator.script(
        Endpoint.LOG, Reply(status=401, headers=(("WWW-Authenticate", "Basic"), *cookies))
    )
    with serve(tmp_path, simulator, clock) as harness:
        check_ended(harness.run("run", "--json"), 0)
        check_ended(harness.run("track"), 0)

    assert len(seen) >= 6
    assert not any("cookie" in request.headers for request in seen)
    schemes = {request.headers["authorization"].split()[0] for request in seen}
    assert schemes == {"Bearer", "Token"}
    assert all(request.headers["user-agent"].startswith("lead-automation/") for request in seen)


def test_log_answers_of_any_kind_never_cost_a_message(tmp_path: Path) -> None:
    """A row is taken by its status or stays owed; no word of the CRM's answer is shown."""
    odd = [
        html_page(),
        answer(b"[" * 100_000, 201),
        answer(EVERYTHING.encode("utf-8", "replace"), 500),
        redirect("http://169.254.169.254/"),
        Reply(status=403, body=SECRETS[1]),
        Reply(fault=NetworkFault(FaultKind.GZIP_BOMB), taken=False),
    ]
    harness = attacked(tmp_path, good=2)
    for number, reply in enumerate(odd):
        harness.simulator.crm.leads = [*many_leads(2, first=2 * number)]
        harness.simulator.script(Endpoint.LOG, reply)

        check_ended(harness.run("run", "--json"), 0)

    check_log(harness)
    assert len(harness.simulator.messages) == 2 * len(odd)

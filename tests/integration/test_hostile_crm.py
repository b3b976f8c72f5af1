"""What a CRM, and whoever types a name into a web form, can try on a campaign."""

import json
import unicodedata
from pathlib import Path

import pytest
from fakes import FakeClock
from harness import SECRETS, Pipe, digits, lead, many_leads, serve
from hostile import (
    BIDI,
    ESCAPES,
    EVERYTHING,
    FORGED,
    FORMULAS,
    MARKUP,
    SCRIPT,
    attacked,
    check_accounts,
    check_ended,
    check_log,
    holds_number,
    odd_characters,
    reports,
    run_safely,
    sent_parameters,
    state_bytes,
)

from lead_automation.leads.crm import MAX_LIST_BYTES
from lead_automation.sandbox.exchange import Endpoint, FaultKind, NetworkFault, SimRequest
from lead_automation.sandbox.scripts import Moment, Reply, answer, html_page, redirect
from lead_automation.sandbox.simulator import Simulator

PHONE = "+919812345678"
NATIONAL = "9812345678"


# --- names ----------------------------------------------------------------------------------------


def test_name_with_line_breaks_makes_no_log_line_of_its_own(tmp_path: Path) -> None:
    """A name that holds CR, LF and a forged line is one line, its CR and LF shown escaped."""
    harness = attacked(tmp_path, [lead("1", PHONE, FORGED)])

    run_safely(harness)

    log = harness.log_text()
    assert "Eve\\u000d\\u000a09:15:24" in log
    assert "\n09:15:24 | INFO  | 📤 SENT: Mallory" not in log


@pytest.mark.parametrize(
    "name", [ESCAPES, BIDI, "a\u0085b\u2028c\u2029d", "\ue000\ufff9\U000e0041"]
)
def test_name_with_control_and_bidi_characters_reaches_no_screen(tmp_path: Path, name: str) -> None:
    """Escape sequences and bidi overrides are shown as codes: console, log, every report."""
    harness = attacked(tmp_path, [lead("1", PHONE, f"Eve{name}")])

    ended = harness.run("run", "-v")

    check_ended(ended, 0)
    check_log(harness)
    assert "📞 [001/002] Eve" in ended.err
    assert "\\u" in ended.err
    for form, text in reports(harness).items():
        shown = text.removeprefix("\ufeff").replace("\r\n", "\n")
        assert not odd_characters(shown), form


def test_name_with_rich_markup_is_printed_literally_on_a_terminal(tmp_path: Path) -> None:
    """Brackets neither raise nor become colours or links, and no escape sequence gets through."""
    harness = attacked(tmp_path, [lead("1", PHONE, MARKUP), lead("2", "+919812345679", ESCAPES)])
    harness.is_terminal = True

    ended = harness.run("run")

    assert ended.code == 0
    assert MARKUP[:60] in ended.err
    for payload in ("\x1b[2J", "\x1b]", "\x07", "\x9b", "javascript:1\x1b"):
        assert payload not in ended.err


def test_name_with_html_is_escaped_in_the_page(tmp_path: Path) -> None:
    """A script in a name, an id or a number's text stays text, in attributes too."""
    harness = attacked(
        tmp_path,
        [
            lead(f"id{SCRIPT}", "12", SCRIPT),
            lead("2", SCRIPT, "' onmouseover='alert(1)"),
            {"lead_id": ["<svg/onload=alert(1)>"], "full_name": "<b>"},
        ],
    )

    run_safely(harness)

    page = reports(harness)["html"]
    assert "&lt;script&gt;" in page
    assert "<script" not in page.casefold()
    assert "<img" not in page.casefold()
    assert "onmouseover='" not in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page


@pytest.mark.parametrize("name", [*FORMULAS, "＝1+1", "a;=1+1", 'a";"=1', "|@SUM(1)"])
def test_name_that_is_a_formula_is_no_formula_in_the_csv(tmp_path: Path, name: str) -> None:
    """No cell begins like a formula, wherever a spreadsheet parts the cells."""
    harness = attacked(tmp_path, [lead(name, PHONE, name), lead("2", name, name)])

    run_safely(harness)

    text = reports(harness)["csv"].removeprefix("\ufeff")
    for cell in text.replace("\r\n", ",").replace('","', ";").replace(",", ";").split(";"):
        assert not cell.lstrip(' "').startswith(("=", "+", "-", "@", "＝")), cell


def test_name_of_a_megabyte_is_cut_and_the_run_goes_on(tmp_path: Path) -> None:
    """A name of 1 MB, of letters or of blanks, costs no more than one of sixty characters."""
    names = ["A" * (1 << 20), " " * (1 << 20), "<" * (1 << 20)]
    harness = attacked(
        tmp_path, [lead(str(i), f"+91981234567{i}", name) for i, name in enumerate(names)]
    )

    run_safely(harness)

    assert sent_parameters(harness)[:3] == ["A" * 60, "Customer", "<" * 60]
    assert len(harness.log_text()) < 20_000
    assert all(len(text) < 200_000 for text in reports(harness).values())


@pytest.mark.parametrize(
    "name", ["", "   ", "\u200d\u200c", "\u3164", None, ["Eve"], {"a": 1}, 7, 7.5, True, "\x00\x01"]
)
def test_name_that_is_none_is_replaced_by_customer(tmp_path: Path, name: object) -> None:
    """Empty, blank, invisible or of another type: WhatsApp refuses an empty parameter."""
    harness = attacked(tmp_path, [lead("1", PHONE, name)])

    run_safely(harness)

    assert sent_parameters(harness)[0] == "Customer"
    assert "is addressed as Customer" in harness.log_text()


def test_name_without_the_field_at_all_is_replaced_by_customer(tmp_path: Path) -> None:
    """A row may lack everything but id and number."""
    harness = attacked(tmp_path, [{"lead_id": 1, "mobile_number_formatted": PHONE}])

    run_safely(harness)

    assert sent_parameters(harness)[0] == "Customer"


@pytest.mark.parametrize(
    ("name", "sent"),
    [
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
    ],
)
def test_name_goes_to_wati_tidied_and_never_as_an_advertisement(
    tmp_path: Path, name: str, sent: str
) -> None:
    """Whitespace folds to one space, joiners stay, addresses and numbers are not passed on."""
    harness = attacked(tmp_path, [lead("1", PHONE, name)])

    run_safely(harness)

    assert sent_parameters(harness)[0] == sent


def test_name_with_ten_thousand_combining_marks_is_capped_everywhere(tmp_path: Path) -> None:
    """No letter carries a tower of marks: not at WATI, not in the log, not in a report."""
    harness = attacked(tmp_path, [lead("1", PHONE, "Z" + "\u0301" * 10_000 + "o\u0489" * 40)])

    run_safely(harness)

    written = [harness.log_text(), *sent_parameters(harness), *reports(harness).values()]
    for text in written:
        assert "\u0301" * 7 not in unicodedata.normalize("NFD", text)


@pytest.mark.parametrize(
    "name",
    [
        NATIONAL,
        f"Ravi{NATIONAL}",
        f"{NATIONAL}x",
        f"_{NATIONAL}",
        "+91 (98123) 45678",
        "98  123 - 45678",
        "９８１２３４５６７８",
        "९८१२३४५६७८",
        f"\u200b{NATIONAL}",
        "98\u200b123\u200b45678",
        "9\ufe0f\u20e38\ufe0f\u20e31\ufe0f\u20e32\ufe0f\u20e33\ufe0f\u20e34\ufe0f\u20e35\ufe0f\u20e3"
        "6\ufe0f\u20e37\ufe0f\u20e38\ufe0f\u20e3",
        "⑨⑧①②③④⑤⑥⑦⑧",
    ],
)
def test_name_that_is_the_number_is_shown_nowhere_whole(tmp_path: Path, name: str) -> None:
    """A number in a name is masked in log and reports, in any script, whatever touches it."""
    harness = attacked(tmp_path, [lead(NATIONAL, PHONE, name), lead("2", "+91", name)])

    ended = harness.run("run", "-v")
    document = harness.run("run", "--json", "--dry-run")

    check_ended(ended, 0)
    check_log(harness)
    plain = unicodedata.normalize("NFKC", name)
    for where in (ended.err, ended.out, document.out, *reports(harness).values()):
        assert name not in where
        assert not holds_number(unicodedata.normalize("NFKC", where), NATIONAL)
        assert plain not in where


# --- ids ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lead_id", "reason"),
    [
        ("a\x00b", "control character"),
        ("a\nb", "control character"),
        ("\x1b[2J", "control character"),
        ("\ud800", "control character"),
        ("x" * 129, "longer than 128"),
        ("x" * 10_000, "longer than 128"),
        ("", "empty"),
        ("  ", "empty"),
        (None, "missing"),
        (True, "neither text nor integer"),
        (1.5, "neither text nor integer"),
        ([], "neither text nor integer"),
        ({"$ne": 1}, "neither text nor integer"),
        (10**400, "longer than 128"),
    ],
)
def test_lead_id_that_is_none_makes_a_malformed_row(
    tmp_path: Path, lead_id: object, reason: str
) -> None:
    """The row is counted and told, never sent to, and the good lead behind it is."""
    harness = attacked(tmp_path, [lead(lead_id, PHONE)])

    document = run_safely(harness)

    assert document["leads"]["skipped"]["malformed"] == 1
    assert reason in harness.log_text()
    assert len(harness.simulator.messages) == 1


@pytest.mark.parametrize(
    "lead_id",
    ["../../etc/passwd", "CON", "a/b", "__proto__", "..", "%2e%2e", "~root", "0", "-1", "\u202ea"],
)
def test_lead_id_that_looks_like_a_path_is_only_an_id(tmp_path: Path, lead_id: str) -> None:
    """It is kept as it is in the history, and no file outside the state directory appears."""
    harness = attacked(tmp_path, [lead(lead_id, PHONE)])
    before = {path.name for path in tmp_path.iterdir()}

    run_safely(harness)

    assert lead_id in harness.records()
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
    harness = attacked(
        tmp_path,
        [
            lead(7, "+919812345670"),
            lead("7", "+919812345671"),
            lead("07", "+919812345672"),
            lead("\u00e9", "+919812345673"),
            lead("e\u0301", "+919812345674"),
        ],
    )

    document = run_safely(harness)

    assert document["leads"]["skipped"]["duplicate"] == 2
    assert list(harness.records()) == ["7", "07", "\u00e9", "1000"]


@pytest.mark.parametrize(
    "lead_id", [NATIONAL, PHONE, "91" + NATIONAL, "९८१२३४५६७८", "x" + NATIONAL]
)
def test_lead_id_that_is_the_number_is_masked_wherever_it_is_shown(
    tmp_path: Path, lead_id: str
) -> None:
    """Log, console, every report, ``status`` and ``track``; the history keeps it whole."""
    harness = attacked(tmp_path, [lead(lead_id, PHONE, None)])
    harness.simulator.script(
        Endpoint.SEND,
        Reply(status=500, taken=True),
        match=lambda request: NATIONAL in request.number,
    )
    harness.write_settings(UNKNOWN_SETTLE_SECONDS="0", TRACKING_WAIT_SECONDS="0")
    harness.simulator.script(
        Endpoint.MESSAGES,
        Reply(status=500, times=None),
        match=lambda request: NATIONAL in request.number,
    )

    ran = harness.run("run", "-v")
    status, status_json = harness.run("status"), harness.run("status", "--json")
    shown = reports(harness)
    harness.simulator.clear_scripts()
    track, track_json = harness.run("track", "--json"), harness.run("track", "-v")

    assert lead_id in harness.records()
    assert "unknown" in status.out
    for ended in (ran, status, status_json, track, track_json):
        check_ended(ended, 0)
        assert not holds_number(ended.out + ended.err, NATIONAL)
    for form, text in shown.items():
        assert not holds_number(text, NATIONAL), form
    assert not holds_number(harness.log_text(), NATIONAL)


def test_lead_id_longer_than_any_number_is_shown_whole_in_reports(tmp_path: Path) -> None:
    """By an id of nineteen digits a lead must still be found in the CRM."""
    harness = attacked(tmp_path, [lead(3652397000000624001, "12")])

    run_safely(harness)

    assert "3652397000000624001" in reports(harness)["csv"]


# --- numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phone", "problem"),
    [
        ("+919812345678\n+919800000000", "no number has"),
        ("9812345678/9812345679", "no number has"),
        ("+91+919812345678", "second +"),
        ("9812345678,9812345679", "no number has"),
        ("9812345678 ext 5", "no number has"),
        ("9812345678x5", "no number has"),
        ("tel:+919812345678;ext=5", "no number has"),
        ("1800 123 4567", "not a mobile"),
        ("+91 22 2222 2222", "fixed line"),
        ("+44 909 8790000", "premium"),
        ("9" * 300, "longer than 40"),
        ("9.8E9", "no number has"),
        ("9812345678.0", "decimal"),
        (9812345678.5, "neither text nor a whole number"),
        (9.8e20, "neither text nor a whole number"),
        (-9812345678, "neither text nor a whole number"),
        (10**400, "neither text nor a whole number"),
        (True, "neither text nor a whole number"),
        (None, "missing"),
        ([PHONE], "neither text nor a whole number"),
        ({"number": PHONE}, "neither text nor a whole number"),
        ("", "missing"),
        ("⑨⑧①②③④⑤⑥⑦⑧", "no number has"),
        ("0" * 40, "digits"),
        (ESCAPES, "no number has"),
        (SCRIPT[:39], "no number has"),
        ("\ud800", "no number has"),
    ],
)
def test_number_that_is_none_is_skipped_with_its_reason(
    tmp_path: Path, phone: object, problem: str
) -> None:
    """Two numbers, extensions, landlines, floats, other types: skipped, told, counted as error."""
    harness = attacked(tmp_path, [lead("1", phone)])

    document = run_safely(harness)

    assert document["leads"]["skipped"]["invalid_number"] == 1
    assert document["errors"] == {"invalid_number": 1}
    assert problem in harness.log_text()
    row = next(row for row in harness.simulator.crm_rows if row["lead_id"] == "1")
    assert row["msg_status"] == "failed"
    assert len(str(row["to_phone_number"])) <= 240


@pytest.mark.parametrize(
    ("phone", "number"),
    [
        (9812345678, "919812345678"),
        (9812345678.0, "919812345678"),
        (919812345678, "919812345678"),
        ("+1 415 555 2671", "14155552671"),
        ("＋９１ ９８１２３ ４５６７８", "919812345678"),
        ("\u202a+919812345678\u202c", "919812345678"),
        ("098123-45678", "919812345678"),
    ],
)
def test_number_in_an_odd_form_is_taken_by_an_explicit_rule(
    tmp_path: Path, phone: object, number: str
) -> None:
    """Integers, whole floats, foreign mobiles, other scripts and copied bidi marks are numbers."""
    harness = attacked(tmp_path, [lead("1", phone)])

    run_safely(harness)

    assert harness.simulator.messages[0].number == number


def test_number_raw_in_the_reason_is_never_shown_whole(tmp_path: Path) -> None:
    """What a refused number looked like goes to the CRM's own row and nowhere else."""
    harness = attacked(tmp_path, [lead("1", f"{NATIONAL} ext 5"), lead("2", f"{PHONE}/{NATIONAL}")])

    ended = harness.run("run", "-v")

    check_ended(ended, 0)
    assert f"{NATIONAL} ext 5" in {row["to_phone_number"] for row in harness.simulator.crm_rows}
    for text in (ended.out, ended.err, harness.log_text(), *reports(harness).values()):
        assert NATIONAL not in text


def test_two_leads_with_one_number_get_one_message(tmp_path: Path) -> None:
    """In any spelling, and the same lead listed twice, too."""
    harness = attacked(
        tmp_path,
        [
            lead("1", PHONE),
            lead("2", "098123 45678"),
            lead("3", 9812345678),
            lead("1", "+919812345679"),
        ],
    )

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


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 5_000,
        b'{"data": [' + b"9" * 5_000 + b"]}",
        b'{"data": [{"lead_id": NaN}]}',
        b'{"data": [{"lead_id": Infinity}]}',
        b'{"data": [{"lead_id": 1e999999}]}',
        b'{"data": [{"full_name": "\xff\xfe"}]}',
        '{"data": []}'.encode("utf-16"),
        b"",
        b"null",
        b"[]",
        b"7",
        b'"data"',
        b"{}",
        b'{"data": null}',
        b'{"data": {}}',
        b'{"data": "x"}',
        b'{"DATA": []}',
        b'{"data": [}',
        b'{"data": []} trailing',
        b"<!doctype html><title>Sign in</title>",
        EVERYTHING.encode("utf-8", "replace"),
        SECRETS[1].encode(),
        b"\x00" * 1000,
    ],
)
def test_list_of_another_shape_ends_the_run_with_nothing_sent(tmp_path: Path, body: bytes) -> None:
    """Deep nesting, huge integers, NaN, other encodings, HTML: exit 4, told harmlessly."""
    harness = attacked(tmp_path)
    harness.simulator.script(Endpoint.LEADS, Reply(status=200, body=body))

    ended = harness.run("run", "--json")

    check_ended(ended, 4)
    check_log(harness)
    check_accounts(ended.document)
    assert harness.simulator.messages == []
    assert len(ended.document["reason"]) < 400


def test_list_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    """UTF-8 with its mark is UTF-8."""
    harness = attacked(tmp_path)
    body = b"\xef\xbb\xbf" + json.dumps({"data": many_leads(1)}).encode()
    harness.simulator.script(Endpoint.LEADS, Reply(status=200, body=body))

    run_safely(harness)


@pytest.mark.parametrize("rows", [[None, 7, "x", [], True, 1.5, {}, [[]]], [{"lead_id": {}}] * 20])
def test_list_rows_of_any_type_are_malformed_and_the_others_are_served(
    tmp_path: Path, rows: list[object]
) -> None:
    """One odd row never spoils the list."""
    harness = attacked(tmp_path, rows, good=3)

    document = run_safely(harness, good=3)

    assert document["leads"]["skipped"]["malformed"] == len(rows)


def test_list_with_a_key_twice_and_unknown_keys_is_read(tmp_path: Path) -> None:
    """Of twins the last counts; what nobody asked for is not looked at."""
    harness = attacked(tmp_path)
    row = (
        b'{"lead_id": 1, "lead_id": 2, "full_name": "Asha", "__class__": {"x": [[[1]]]},'
        b' "mobile_number_formatted": "+919812345678"}'
    )
    harness.simulator.script(Endpoint.LEADS, Reply(status=200, body=b'{"data": [' + row + b"]}"))

    ended = harness.run("run", "--json")

    check_ended(ended, 0)
    assert list(harness.records()) == ["2"]


@pytest.mark.parametrize(
    ("status", "location"),
    [
        *((status, "http://169.254.169.254/latest/") for status in (301, 302, 303, 307, 308)),
        *((302, where) for where in ("file:///etc/passwd", "//evil.example/", "/elsewhere", "")),
    ],
)
def test_list_that_redirects_is_not_followed(tmp_path: Path, status: int, location: str) -> None:
    """Whatever the target: one call, exit 4, and the token goes nowhere else."""
    clock = FakeClock()
    simulator = Simulator(clock=clock, leads=many_leads(1))
    simulator.script(Endpoint.LEADS, redirect(location, status))
    with serve(tmp_path, simulator, clock) as harness:
        ended = harness.run("run", "--json")

        check_ended(ended, 4)
        assert "redirect" in ended.document["reason"]
        assert len(simulator.calls[Endpoint.LEADS]) == 1
        assert simulator.calls[Endpoint.ELSEWHERE] == []
        assert simulator.messages == []


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
]


@pytest.mark.parametrize("reply", _DAMAGES, ids=lambda reply: str(reply)[:60])
def test_list_damaged_on_the_wire_ends_the_run_with_nothing_sent(
    tmp_path: Path, reply: Reply
) -> None:
    """Gzip bombs, endless bodies, bad chunks, 150 headers, odd encodings and statuses: exit 4."""
    clock = FakeClock()
    simulator = Simulator(clock=clock, leads=many_leads(1))
    simulator.script(Endpoint.LEADS, reply)
    with serve(tmp_path, simulator, clock, settings={"READ_TIMEOUT": "5"}) as harness:
        ended = harness.run("run", "--json")

        check_ended(ended, 4)
        check_log(harness)
        check_accounts(ended.document)
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
        ended = harness.run("run", "--json")
        again = harness.run("track")

        check_ended(ended, 0)
        check_ended(again, 0)
        assert len(seen) >= 6
        assert not any("cookie" in request.headers for request in seen)
        assert {request.headers["authorization"].split()[0] for request in seen} == {
            "Bearer",
            "Token",
        }
        assert all(request.headers["user-agent"].startswith("lead-automation/") for request in seen)


@pytest.mark.parametrize(
    "reply",
    [
        html_page(),
        answer(b"[" * 100_000, 201),
        answer(EVERYTHING.encode("utf-8", "replace"), 500),
        redirect("http://169.254.169.254/"),
        Reply(status=403, body=SECRETS[1]),
        Reply(fault=NetworkFault(FaultKind.GZIP_BOMB), taken=False),
    ],
    ids=["html", "deep", "odd", "redirect", "secret", "bomb"],
)
def test_log_answers_of_any_kind_never_cost_a_message(tmp_path: Path, reply: Reply) -> None:
    """A row is taken by its status or stays owed; no word of the CRM's answer is shown."""
    harness = attacked(tmp_path, good=2)
    harness.simulator.script(Endpoint.LOG, reply)

    run_safely(harness, good=2)


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

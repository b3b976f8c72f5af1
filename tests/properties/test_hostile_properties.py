"""Any text, any JSON, any bytes, at every door of the program: it ends in order, unharmed."""

import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

from harness import SECRETS, Harness, lead
from hostile import (
    BIDI,
    ESCAPES,
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
)
from hypothesis import example, given, settings
from hypothesis import strategies as st
from simulated.scripts import Reply

from lead_automation.arguments import COMMANDS, parse_arguments
from lead_automation.errors import ConfigError
from lead_automation.sandbox.exchange import Endpoint, SimRequest
from lead_automation.sandbox.plans import Plan, Step
from lead_automation.settings.keys import KEYS
from lead_automation.text import clean, clean_lines, json_text, mask_numbers

VICTIM = "919812345678"
NATIONAL = "9812345678"
STATE_FILES = (
    "quota_usage.json",
    "sent_messages.json",
    "send_journal.jsonl",
    "crm_outbox.json",
    "suppression_list.json",
    "campaign_hold.json",
    "api_usage.json",
)


campaigns = settings(max_examples=settings().max_examples // 3)
"""Of a property whose every example is a run or two."""


@contextmanager
def scene(*rows: object, **arguments: Any) -> Iterator[Harness]:
    """Set the scene in a folder of its own, for one example."""
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        yield attacked(Path(folder), rows, **arguments)


def to_victim(request: SimRequest) -> bool:
    """Whether a call is about the victim's number."""
    return request.number == VICTIM


_PIECES = [
    *("[/]", "\r\n", "=1", "@", '"', "'", "\\", "{{7*7}}", "%s", "a", "98123", "45678"),
    *("٩٨", "९८", "\u200b", " ", "\x00", "\ud800"),
]

# Unassigned, private, surrogate, control and bidi characters, markup and numbers, more often than
# chance would bring them.
texts = st.one_of(
    st.text(max_size=40),
    st.text(st.characters(categories=["Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Mn", "Nd"])),
    st.lists(
        st.sampled_from([ESCAPES, BIDI, SCRIPT, *_PIECES, SECRETS[0]]),
        max_size=6,
    ).map("".join),
)
numbers = st.one_of(
    st.integers(), st.floats(), st.sampled_from([10**400, -(10**20), 9812345678, 9812345678.0])
)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)


def dump(value: object) -> bytes:
    """Return JSON bytes, NaN and lone surrogates included, as a careless server writes them."""
    return json.dumps(value).encode()


# --- the CRM --------------------------------------------------------------------------------------


@campaigns
@given(st.lists(texts, min_size=1, max_size=5))
@example([ESCAPES, BIDI, SCRIPT])
@example(["x" * 100_000, "\u0301" * 500])
def test_any_text_as_a_name_is_sent_tidily_and_shown_safely(names: list[str]) -> None:
    """Every lead is served; what WATI gets and what people see holds nothing odd."""
    rows = [lead(str(i), f"+91981234567{i}", name) for i, name in enumerate(names)]
    with scene(*rows) as harness:
        document = run_safely(harness)

        assert document["leads"]["accepted"] == len(names) + 1
        for sent in sent_parameters(harness):
            assert 0 < len(sent) <= 60
            assert not odd_characters(sent.replace("\u200c", "").replace("\u200d", ""))
            assert not re.search(r"\d{6}|@", sent)
        for text in reports(harness).values():
            assert not odd_characters(text.removeprefix("\ufeff").replace("\r\n", "\n"))


@campaigns
@given(st.lists(st.tuples(json_values, json_values, json_values), min_size=1, max_size=4))
def test_any_json_as_id_name_and_number_never_stops_the_others(
    values: list[tuple[object, object, object]],
) -> None:
    """Whatever a row holds, the good lead behind it is served and the sums are true."""
    rows = [lead(lead_id, phone, name) for lead_id, name, phone in values]
    with scene() as harness:
        good = harness.simulator.crm.leads
        harness.simulator.script(
            Endpoint.LEADS, Reply(status=200, body=_finite({"data": [*rows, *good]}))
        )

        document = run_safely(harness)

        assert document["leads"]["fetched"] == len(rows) + 1


def _finite(value: object) -> bytes:
    """Return JSON whose NaN and infinities are null: with them the whole list is none."""
    return re.sub(rb"\b(?:NaN|Infinity)\b|-Infinity", b"null", dump(value))


@campaigns
@given(st.one_of(json_values.map(dump), st.binary(max_size=60), st.lists(json_values).map(dump)))
def test_any_answer_as_the_lead_list_ends_in_order(body: bytes) -> None:
    """Exit 4, or the few leads it may hold; never a traceback."""
    with scene() as harness:
        harness.simulator.script(Endpoint.LEADS, Reply(status=200, body=body))

        ended = harness.run("run", "--json")

        check_ended(ended, 0, 4)
        check_accounts(ended.document)
        check_log(harness)


# --- WATI -----------------------------------------------------------------------------------------


def _wati_like(inner: st.SearchStrategy[object]) -> st.SearchStrategy[bytes]:
    """Return bodies with the keys our parsers look for, holding anything."""
    receiver = st.fixed_dictionaries(
        {},
        optional={
            "waId": st.one_of(st.just(VICTIM), inner),
            "isValidWhatsAppNumber": inner,
            "errors": inner,
            "localMessageId": inner,
        },
    )
    row = st.fixed_dictionaries(
        {},
        optional={
            "eventType": st.one_of(st.just("broadcastMessage"), inner),
            "eventDescription": st.one_of(st.just('"sandbox_welcome"'), inner),
            "statusString": st.one_of(st.sampled_from(["READ", "FAILED"]), inner),
            "created": st.one_of(st.just("2026-11-23T06:00:01Z"), inner),
            "owner": inner,
            "failedDetail": inner,
            "failedCode": inner,
            "localMessageId": inner,
            "elementName": st.one_of(st.just("sandbox_welcome"), inner),
            "status": inner,
            "customParams": inner,
            "phone": st.one_of(st.just(VICTIM), inner),
            "allowBroadcast": inner,
            "contactStatus": inner,
        },
    )
    rows = st.one_of(st.lists(row, max_size=3), inner)
    whole = st.fixed_dictionaries(
        {},
        optional={
            "result": st.one_of(st.sampled_from([True, False, "success"]), inner),
            "info": inner,
            "error": inner,
            "errors": inner,
            "receivers": st.one_of(st.lists(receiver, max_size=2), inner),
            "messages": st.one_of(st.fixed_dictionaries({"items": rows}), inner),
            "messageTemplates": rows,
            "contact_list": rows,
            "link": inner,
        },
    )
    return st.one_of(whole.map(dump), inner.map(dump), st.binary(max_size=60))


bodies = _wati_like(json_values)
statuses = st.one_of(st.just(200), st.sampled_from([201, 204, 302, 400, 404, 408, 422, 500, 503]))
headers = st.lists(
    st.tuples(
        st.sampled_from(["Retry-After", "Date", "Set-Cookie", "Location", "X-Odd"]),
        st.one_of(
            st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=20),
            st.integers(-5, 10**12).map(str),
            st.sampled_from(["Fri, 31 Dec 9999 23:59:59 GMT", "1e9", "nan", "soon", " 5 "]),
        ),
    ),
    max_size=2,
).map(tuple)


@campaigns
@given(bodies, statuses, headers, st.sampled_from(["v1", "v2"]))
def test_any_answer_to_a_send_is_one_message_at_most(
    body: bytes, status: int, odd_headers: tuple[tuple[str, str], ...], version: str
) -> None:
    """Accepted, refused or unknown: one POST where it may have arrived, and the sums are true."""
    quick = {"TRACKING_WAIT_SECONDS": "0"}
    with scene(lead("7", f"+{VICTIM}"), good=2, version=version, settings=quick) as harness:
        harness.simulator.script(
            Endpoint.SEND,
            Reply(status=status, body=body, headers=odd_headers, times=None),
            match=to_victim,
        )

        ended = harness.run("run", "--json")

        check_ended(ended, 0, 3, 5)
        check_accounts(ended.document)
        check_log(harness)
        assert not holds_number(ended.out + ended.err + harness.log_text(), NATIONAL)
        posts = [
            call.at for call in harness.simulator.calls[Endpoint.SEND] if call.number == VICTIM
        ]
        assert len(posts) <= 3
        if status not in (302, 400, 404, 422, 503):
            assert all(later - earlier >= 90 for earlier, later in pairwise(posts))
        if ended.code == 0:
            assert len(harness.simulator.messages) == 2


@campaigns
@given(bodies, statuses, st.sampled_from([Endpoint.MESSAGES, Endpoint.CONTACTS]))
def test_any_answer_to_a_read_lets_the_campaign_go_on(
    body: bytes, status: int, endpoint: Endpoint
) -> None:
    """Statuses and contacts of any content: good leads are served, a late stop is documented."""
    options = {"CHECK_WHATSAPP_STATUS": "true", "UNKNOWN_SETTLE_SECONDS": "0"}
    with scene(lead("7", f"+{VICTIM}"), good=2, settings=options) as harness:
        harness.simulator.script(
            endpoint, Reply(status=status, body=body, times=None), match=_victims_read
        )

        ended, tracked = harness.run("run", "--json"), harness.run("track", "--json")

        check_ended(ended, 0, 3)
        check_ended(tracked, 0, 3)
        check_accounts(ended.document)
        check_log(harness)
        served = [message.number for message in harness.simulator.messages]
        assert served.count(VICTIM) <= 1
        assert not holds_number(ended.out + ended.err + tracked.out + tracked.err, NATIONAL)
        if ended.code == 0:
            assert len(set(served) - {VICTIM}) == 2


def _victims_read(request: SimRequest) -> bool:
    return VICTIM in (request.number, *re.findall(r"\d{12}", request.query.get("attribute", "")))


@campaigns
@given(bodies, statuses)
def test_any_answer_as_the_template_list_stops_or_warns(body: bytes, status: int) -> None:
    """Nothing is sent past a list that says no; ``check`` says so in harmless words."""
    with scene() as harness:
        reply = Reply(status=status, body=body, times=None)
        harness.simulator.script(Endpoint.TEMPLATES, reply)

        ended, checked = harness.run("run", "--json"), harness.run("check")

        check_ended(ended, 0, 3, 4)
        check_ended(checked, 0, 4)
        check_accounts(ended.document)
        check_log(harness)


@campaigns
@given(texts, texts)
def test_any_word_as_a_status_or_failure_is_text(word: str, detail: str) -> None:
    """WATI's words move nothing but the message they are about."""
    history = (Step(0.0, word), Step(1.0, "FAILED", detail))
    with scene(lead("7", f"+{VICTIM}"), plans={VICTIM: Plan(history=history)}) as harness:
        ended = harness.run("run", "--json")

        check_ended(ended, 0, 3)
        check_accounts(ended.document)
        check_log(harness)
        for text in reports(harness).values():
            assert not odd_characters(text.removeprefix("\ufeff").replace("\r\n", "\n"))
            assert not [secret for secret in SECRETS[:1] if secret in text]


# --- state ----------------------------------------------------------------------------------------

day_like = st.dictionaries(
    st.one_of(st.sampled_from(["2026-11-23", "2026-11", "1001", f"+{VICTIM}", "version"]), texts),
    json_values,
    max_size=3,
)
state_bytes_of_any_kind = st.one_of(
    st.binary(max_size=80),
    json_values.map(dump),
    st.dictionaries(st.sampled_from(["2026-11-23", "2026-11", f"+{VICTIM}"]), day_like).map(dump),
    st.fixed_dictionaries(
        {"v": st.sampled_from([1, 2, True, "1"])},
        optional={
            "kind": st.sampled_from(["day", "reserve", "row_taken", "reading", "x"]),
            "day": texts,
            "base": json_values,
            "message": day_like,
            "quota": day_like,
            "owe": st.lists(day_like, max_size=2),
            "drop": json_values,
            "calls": day_like,
        },
    ).map(lambda line: dump(line) + b"\n"),
)


@campaigns
@given(st.sampled_from(STATE_FILES), state_bytes_of_any_kind)
@example("campaign_hold.json", b'"\\ud800"')
def test_any_bytes_as_a_state_file_are_read_or_left_byte_for_byte(name: str, data: bytes) -> None:
    """Either the run knows what they mean, or it ends with 5 and they stand as they stood."""
    with scene() as harness:
        path = harness.state_dir / name
        path.write_bytes(data)
        path.chmod(0o600)

        status = harness.run("status", "--json")
        ended = harness.run("run", "--json")

        # What a person wrote into the file may be quoted, as it is they who have to mend it.
        check_ended(status, 0, 5, secrets=())
        check_ended(ended, 0, 5, 6, secrets=())
        check_accounts(ended.document)
        if ended.code == 5:
            assert path.read_bytes() == data
            assert not harness.simulator.posts
            assert name in ended.err or "clock" in ended.err


@campaigns
@given(st.one_of(st.binary(max_size=80), json_values.map(dump), day_like.map(dump)))
def test_any_bytes_as_a_kept_report_are_refused_by_report_alone(data: bytes) -> None:
    """A run never ends for what stands in a report of an earlier one."""
    with scene() as harness:
        run_safely(harness)
        next((harness.state_dir / "reports").glob("*.json")).write_bytes(data)

        check_ended(harness.run("report", "--json"), 5, secrets=())
        check_ended(harness.run("status"), 0, secrets=())
        check_ended(harness.run("run", "--json"), 0)


@campaigns
@given(texts, st.sampled_from([f"+{VICTIM}", "098123 45678", NATIONAL]))
def test_any_reason_to_suppress_is_kept_and_shown_safely(reason: str, phone: str) -> None:
    """The list is read again by every command, and the number gets no message."""
    with scene(lead("7", f"+{VICTIM}")) as harness:
        added = harness.run("suppress", "add", phone, f"--reason={reason}")
        listed = harness.run("suppress", "list"), harness.run("suppress", "list", "--json")

        document = run_safely(harness)

        for ended in (added, *listed):
            check_ended(ended, 0, secrets=())
        assert document["leads"]["skipped"]["suppressed"] == 1
        assert harness.simulator.posts[VICTIM] == 0


# --- settings and arguments -----------------------------------------------------------------------

_LOCAL_ONLY = ("status", "suppress list", "report", "resume", "check")


@campaigns
@given(
    st.dictionaries(st.sampled_from([key.name for key in KEYS]), texts, min_size=1, max_size=3),
    st.sampled_from(["run", "run --json", "run --dry-run", *_LOCAL_ONLY]),
)
def test_any_text_as_any_setting_ends_in_order(values: dict[str, str], command: str) -> None:
    """Good, bad or absurd: a documented exit code, and no secret of the file is shown."""
    with scene() as harness:
        harness.environ = {
            name: value.replace("\x00", "") for name, value in values.items() if "/" not in value
        }

        ended = harness.run(*command.split())

        check_ended(ended)
        if ended.code == 2 and command != "check":
            assert not any(harness.simulator.calls.values())


@campaigns
@given(
    st.lists(st.one_of(st.binary(max_size=60), texts.map(lambda t: t.encode("utf-8", "replace"))))
)
def test_any_bytes_as_the_settings_file_end_in_order(lines: list[bytes]) -> None:
    """Lines of anything behind good ones: read, or refused without a word of them."""
    with scene() as harness:
        path = harness.folder / "config.env"
        path.write_bytes(path.read_bytes() + b"\n".join(lines))

        ended = harness.run("status", "--json")

        check_ended(ended, 0, 2, 5)


@given(
    st.lists(
        st.one_of(
            texts,
            st.sampled_from([*COMMANDS, "add", "list", "--json", "-q", "--limit", "--days", "-v"]),
            st.sampled_from(
                ["--config", "--run", "--format", "--reason", "--", "-", "", "=", "-x"]
            ),
        ),
        max_size=6,
    )
)
def test_any_arguments_are_understood_or_refused(argv: list[str]) -> None:
    """One typed form, help, or one usage error; never another exception."""
    if {"-h", "--help", "--version"} & set(argv):
        return
    with suppress(ConfigError, SystemExit):
        assert parse_arguments(argv).command in COMMANDS


@campaigns
@given(
    st.sampled_from(["status", "report", "suppress", "resume", "init"]),
    st.lists(
        st.one_of(
            texts,
            st.sampled_from(["list", "add", "remove", "--json", "--yes", "--format", "csv", "-q"]),
            st.sampled_from([f"+{VICTIM}", "--reason", "--run", "--days", "3", "--config"]),
        ),
        max_size=4,
    ),
)
def test_any_arguments_of_a_command_end_in_order(command: str, rest: list[str]) -> None:
    """Exit codes as documented, nothing called, nothing odd on a stream."""
    if "--output" in rest or "--state-dir" in rest:
        return
    with scene() as harness:
        ended = harness.run(command, *rest)

        check_ended(ended, secrets=())
        assert not any(harness.simulator.calls.values())


# --- what makes text safe -------------------------------------------------------------------------


@given(texts, st.integers(1, 80))
def test_cleaners_leave_nothing_odd_and_lose_nothing_they_need_not(text: str, length: int) -> None:
    """Cleaned text is safe, cut, and cleaned once for all; JSON keeps every character."""
    cleaned = clean(text, length)

    assert not odd_characters(cleaned)
    assert "\n" not in cleaned
    assert clean(cleaned, 10_000) == cleaned
    assert not odd_characters(clean_lines(text))
    assert not odd_characters(json_text({"a": text}))
    assert json.loads(json_text({"a": text})) == {"a": text}


_SEPARATORS = ["", "", "", " ", "-", ".", " (", ") ", "\u00a0", "\u2011", "\u200b", "\ufe0f\u20e3"]


@given(
    st.lists(st.integers(0, 9), min_size=9, max_size=15),
    st.lists(st.sampled_from(_SEPARATORS), min_size=15, max_size=15),
    st.sampled_from([0x30, 0x660, 0x966, 0x9E6, 0xFF10]),
    st.text(st.characters(exclude_categories=["Nd", "No"]), max_size=3),
    st.text(st.characters(exclude_categories=["Nd", "No"]), max_size=3),
)
def test_masking_shows_no_number_whole_however_it_is_written(
    digits: list[int], separators: list[str], zero: int, before: str, after: str
) -> None:
    """In any script, with what people put between digits, whatever touches it."""
    written = "".join(
        f"{chr(zero + digit)}{separator}"
        for digit, separator in zip(digits, separators, strict=False)
    )
    whole = "".join(map(str, digits))

    shown = mask_numbers(clean(f"{before}{written}{after}", 400))

    hidden = holds_number(re.sub(r"\\u[0-9a-f]{4}|[\ufe0f\u20e3]", "", shown), whole)
    is_kept = re.search(r"(?:19|20)\d\d-[01]\d-[0-3]\d", written) is not None
    assert is_kept or not hidden

"""What an attack on the program may never bring about, and the attacks' own texts."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from fakes import FakeClock
from harness import SECRETS, Ended, Harness, many_leads
from offline import offline
from promise import DOCUMENTED
from simulated.simulator import Simulator

_NEVER_SHOWN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

ESCAPES = "\x1b[2J\x1b]0;owned\x07\x9b31m"
BIDI = "\u202egnp.exe\u2066x\u2069"
MARKUP = "[/] x[/red] [link=javascript:1]a[/link]"
SCRIPT = '"><img src=x onerror=alert(1)><script>alert(1)</script>'
FORMULAS = ('=HYPERLINK("http://evil","x")', "@SUM(1)", "-2+3", "+cmd|' /C calc'!A0", "\t=1+1")
FORGED = "Eve\r\n09:15:24 | INFO  | 📤 SENT: Mallory | ID: 1"
EVERYTHING = f"{ESCAPES}{BIDI}{MARKUP}{SCRIPT}\n{FORGED}\u2028\ud800\ue000\U000e0041"
"""All of them in one text."""


def odd_characters(text: str) -> list[str]:
    """Return what of a text could move a cursor, reorder or forge a line."""
    return [
        f"{char!r} in {text[max(0, place - 30) : place + 10]!r}"
        for place, char in enumerate(text)
        if char != "\n" and unicodedata.category(char) in _NEVER_SHOWN
    ]


def holds_number(text: str, number: str) -> bool:
    """Whether a line of a text shows a number whole, whatever stands between its digits.

    Args:
        text: Some lines.
        number: Digits without the country code.
    """
    joined = re.compile(r"[^\w\n]{0,3}".join(number))
    return joined.search(_with_plain_digits(text)) is not None


@lru_cache(maxsize=128)
def _with_plain_digits(text: str) -> str:
    """Return a text whose digits, of any script or form, are ASCII's."""
    plain = unicodedata.normalize("NFKC", text)
    return "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in plain)


def check_ended(ended: Ended, *codes: int, secrets: Iterable[str] = SECRETS) -> None:
    """Hold a command's end to what every one of them promises.

    Args:
        ended: How it ended.
        codes: The exit codes expected; none for any documented one.
        secrets: What may not be on either stream.
    """
    allowed = codes or tuple(DOCUMENTED)
    assert ended.code in allowed, f"exit code {ended.code}: {ended.err[-2000:]}"
    for text in (ended.out, ended.err):
        assert "Traceback" not in text
        assert not odd_characters(text)
        assert not [secret for secret in secrets if secret in text]


def check_accounts(document: Mapping[str, Any]) -> None:
    """Hold the figures of ``--json`` to their sums."""
    leads, messages = document["leads"], document["messages"]
    skipped = sum(leads["skipped"].values())
    assert leads["fetched"] == skipped + leads["attempted"] + leads["not_reached"]
    assert leads["attempted"] == leads["accepted"] + leads["refused"] + leads["unknown"]
    assert messages["sent"] == leads["accepted"]
    assert document["success_rate"] is None or 0 <= document["success_rate"] <= 100


def attacked(
    folder: Path,
    leads: Iterable[object] = (),
    *,
    good: int = 1,
    settings: Mapping[str, str] | None = None,
    version: str = "v2",
    **scene: Any,
) -> Harness:
    """Return the command line in front of a simulator without sockets.

    Args:
        folder: The test's own.
        leads: The attacker's rows; good ones stand behind them.
        good: How many good leads there are.
        settings: Over the harness's own.
        version: Of WATI's API.
        scene: What else the simulator is to be like.
    """
    clock = FakeClock()
    simulator = Simulator(clock=clock, leads=[*leads, *many_leads(good)], **scene)
    return offline(folder, simulator, clock, settings=settings, version=version)


def run_safely(harness: Harness, *arguments: str, good: int = 1) -> dict[str, Any]:
    """Run a campaign that no attack may stop; return its JSON object.

    Checked are its end, its figures, its log, and that every good lead got its message.
    """
    ended = harness.run("run", "--json", *arguments)
    check_ended(ended, 0)
    check_accounts(ended.document)
    check_log(harness)
    served = [message.number for message in harness.simulator.messages]
    for lead in many_leads(good):
        assert served.count(str(lead["mobile_number_formatted"])[1:]) == 1
    return ended.document


def check_log(harness: Harness) -> None:
    """Hold the log file to one line a record, with nothing in it that is not to be shown."""
    text = harness.log_text()
    assert not odd_characters(text)
    assert not [secret for secret in SECRETS if secret in text]
    shape = re.compile(r"\d\d:\d\d:\d\d \| (?:DEBUG|INFO |WARNING|ERROR) \| ")
    assert all(shape.match(line) for line in text.splitlines())


def sent_parameters(harness: Harness) -> list[str]:
    """Return the lead names as WATI got them, in order."""
    return [dict(message.parameters)["1"] for message in harness.simulator.messages]


def state_bytes(harness: Harness) -> dict[str, bytes]:
    """Return every file below the state directory, by its name below it; the log left out."""
    return {
        str(path.relative_to(harness.state_dir)): path.read_bytes()
        for path in sorted(harness.state_dir.rglob("*"))
        if path.is_file() and not path.name.startswith("wati_automation.log")
    }


def without_whole_ids(document: str) -> str:
    """Return a kept document without the whole ids, which are for the program alone."""
    return re.sub(r'\n *"full_id": .*', "", document)


def reports(harness: Harness) -> dict[str, str]:
    """Return the last run's report in every form, the kept files included.

    Of the document all but the whole ids, which are for the program alone.
    """
    forms = {
        form: harness.run("report", "--format", form) for form in ("html", "json", "csv", "text")
    }
    assert all(ended.code == 0 for ended in forms.values())
    kept = {
        path.name: without_whole_ids(path.read_text(encoding="utf-8"))
        for path in (harness.state_dir / "reports").iterdir()
    }
    return {**{form: ended.out for form, ended in forms.items()}, **kept}

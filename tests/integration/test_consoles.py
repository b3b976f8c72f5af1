"""Consoles that show little: ASCII, a Windows code page, a closed stdout, a reader that leaves."""

import csv
import io
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

pytest.importorskip("termios", reason="the processes are started as POSIX does")

from desk import PROJECT, Desk, Shown, desk, environment
from fakes import FakeClock
from harness import Harness, Pipe, digits, lead, many_leads, serve
from simulated.simulator import Simulator

from lead_automation.arguments import FORMS
from lead_automation.cli import main
from lead_automation.files import Disk
from lead_automation.sandbox.plans import failing, refused
from lead_automation.state.hold import HoldFile
from lead_automation.stored import Hold

ENCODINGS = ("ascii", "cp1252")
ODD_NAME = "विवान “Vee” → 😀 Rao"
ODD_WORDS = "131026 “undeliverable” → \U0001f4f5"
COMMANDS = (
    ("status",),
    ("check",),
    ("suppress", "list"),
    ("track",),
    ("run", "--dry-run"),
    ("resume",),
)


@pytest.fixture
def odd(tmp_path: Path) -> Iterator[Harness]:
    """A state with names and reasons no code page has, and a hold."""
    clock = FakeClock()
    leads = [*many_leads(3), lead("1003", digits(3), ODD_NAME)]
    plans = {digits(0): failing(ODD_WORDS), digits(3): refused(ODD_WORDS)}
    with serve(tmp_path, Simulator(clock=clock, leads=leads, plans=plans), clock) as harness:
        assert harness.run("-q").code == 0
        harness.run("suppress", "add", "+919812345678", "--reason", ODD_WORDS)
        HoldFile(Disk(), harness.state_dir).set(
            Hold(
                reason=ODD_WORDS,
                since=datetime(2026, 11, 23, tzinfo=UTC),
                evidence=ODD_WORDS,
                what_to_do=(ODD_WORDS,),
                until=None,
            )
        )
        yield harness


def on_console(harness: Harness, encoding: str, *arguments: str) -> Shown:
    """Run a command whose streams are strict about their encoding."""
    raw_out, raw_err = io.BytesIO(), io.BytesIO()
    runtime = replace(
        harness.runtime(Pipe(), Pipe()),
        stdout=io.TextIOWrapper(raw_out, encoding=encoding, errors="strict"),
        stderr=io.TextIOWrapper(raw_err, encoding=encoding, errors="strict"),
    )
    code = main(arguments, runtime=runtime)
    out, err = (raw.getvalue().decode(encoding) for raw in (raw_out, raw_err))
    return Shown(code=code, out=out, err=err)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_command_on_a_poor_console_says_everything(odd: Harness, encoding: str) -> None:
    """As text every figure and letter is there in some form; as JSON nothing is lost at all."""
    for command in COMMANDS:
        plain = on_console(odd, "utf-8", *command, "--json")
        text = on_console(odd, encoding, *command)
        as_json = on_console(odd, encoding, *command, "--json")
        document, whole = json.loads(as_json.out), json.loads(plain.out)

        assert text.out
        assert text.code == as_json.code == plain.code
        assert document.keys() == whole.keys()
        if command[0] not in ("track", "run"):  # these have a time or a way of their own
            assert document == whole
        if command[0] in ("status", "resume"):
            assert text.out.startswith("Sending is HELD since 2026-11-23 05:30")
            assert "131026" in text.out
        if command[0] == "suppress":
            assert "+919812345678" in text.out
        assert "→" not in text.out + text.err


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_report_as_text_on_a_poor_console_keeps_its_figures(odd: Harness, encoding: str) -> None:
    """Symbols go, letters are escaped, and every number stands where it stood."""
    for options in ((), ("--days", "7")):
        full = on_console(odd, "utf-8", "report", *options)
        poor = on_console(odd, encoding, "report", *options)
        figures, rows = (
            [re.findall(pattern, shown.out, re.MULTILINE) for shown in (full, poor)]
            for pattern in (r"^(?:\W* )?([\w ]+:) +(\d+)\b", r"^[A-Z]\w+ .*\d+/\d+$")
        )

        assert (full.code, poor.code, poor.err) == (0, 0, "")
        assert figures[0] == figures[1]
        assert options or len(figures[0]) > 5
        assert len(rows[0]) == len(rows[1]) >= 9


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_report_files_on_a_poor_console_are_the_same_bytes(odd: Harness, encoding: str) -> None:
    """A page, a table or a JSON file sent on by a shell is whole whatever the console can show."""
    for form in ("html", "csv", "json"):
        raw = io.BytesIO()
        stdout = io.TextIOWrapper(raw, encoding=encoding, newline="\r\n")
        target = odd.folder / f"report.{form}"
        main(
            ["report", "--format", form],
            runtime=replace(odd.runtime(Pipe(), Pipe()), stdout=stdout),
        )
        odd.run("report", "--format", form, "--output", str(target), "-q")

        # Only a file has the byte-order mark: what reads a pipe would take it for a letter.
        assert raw.getvalue() == target.read_bytes().removeprefix(b"\xef\xbb\xbf") != b""
    rows = list(csv.DictReader(io.StringIO((odd.folder / "report.csv").read_text("utf-8-sig"))))
    assert rows[3]["name"] == ODD_NAME


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_run_on_a_poor_console_has_plain_fixed_texts(tmp_path: Path, encoding: str) -> None:
    """No symbol, no question mark in its place, no error: the words stand alone."""
    with desk(tmp_path) as here:
        shown = here.in_pipe("run", environ={"PYTHONIOENCODING": f"{encoding}"})

    assert shown.code == 0
    assert shown.out.startswith("CAMPAIGN EXECUTION SUMMARY\nSTATUS: COMPLETED\nMessages Sent: 4\n")
    assert re.search(r"\d\d:\d\d:\d\d \| INFO  \| \[001/006\] Lead Number 0 -> \w+\n", shown.err)
    assert re.search(r"\| INFO  \| SENT: Lead Number 0 \| ID: ", shown.err)
    assert "?" not in shown.out + shown.err


def shell(here: Desk, words: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command line in a shell, with what words say behind it; its exit code ends stderr."""
    redirections, _, reader = words.partition("|")
    command = f"{shlex.join(here.command(*arguments))} {redirections}"
    script = f"{{ {command}; echo $? >&2; }} | {reader or 'cat'}"
    return subprocess.run(
        ["/bin/sh", "-c", script],
        cwd=PROJECT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("words", [">&-", ">/dev/full", "2>&-", ">&- 2>&- <&-"])
def test_run_with_a_closed_or_full_stream_is_still_a_run(tmp_path: Path, words: str) -> None:
    """Nobody listens, and everything is sent, kept and reported all the same."""
    if "full" in words and not Path("/dev/full").exists():
        pytest.skip("no device here is always full")
    with desk(tmp_path) as here:
        done = shell(here, words, "run")

        assert done.stderr.endswith("0\n")
        assert len(here.simulator.messages) == 4
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert len(list((here.state_dir / "reports").glob("run-*"))) == 2


def test_report_to_a_reader_that_leaves_ends_quietly(tmp_path: Path) -> None:
    """`report | head -1` shows a line and is no error, in any form."""
    with desk(tmp_path) as here:
        here.in_pipe("run", "-q", "--limit", "1")
        ended = [shell(here, "| head -1", "report", "--format", form) for form in FORMS]

    assert [done.stderr for done in ended] == ["0\n"] * len(FORMS)
    assert [len(done.stdout.splitlines()) for done in ended] == [1] * len(FORMS)


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [("--help",), ("run", "--help"), ("--version",)])
def test_help_into_a_closed_pipe_is_no_error(arguments: tuple[str, ...], unbuffered: str) -> None:
    """Who has read enough of it has read it; Python's own end would be 120 and a traceback."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "lead_automation", *arguments],
            env={**environment(), "PYTHONUNBUFFERED": unbuffered},
            cwd=PROJECT,
            stdout=write_end,
            stderr=subprocess.PIPE,
            timeout=30,
            check=False,
        )
    finally:
        os.close(write_end)

    assert (done.returncode, done.stderr) == (0, b"")


def test_machine_without_a_thread_left_ends_as_documented(
    odd: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing can be called, so nothing is sent; what the system refused is named."""

    def refused_start(_thread: object) -> None:
        msg = "can't start new thread"
        raise RuntimeError(msg)

    odd.run("resume", "--yes")
    monkeypatch.setattr("lead_automation.deadline.Thread.start", refused_start)
    ended = odd.run("run", "--json")
    monkeypatch.undo()

    assert ended.code == 4
    assert ended.document["status"] == "failed"
    assert "no thread left" in ended.document["reason"]
    assert "Traceback" not in ended.err

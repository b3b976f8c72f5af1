"""What is outside: streams that are missing, closed, full, narrow or watched."""

import io
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import FakeClock, ScriptedChance
from harness import Pipe, Terminal

from lead_automation.clock import StopFlag
from lead_automation.errors import ConfigError
from lead_automation.files import Disk
from lead_automation.runtime import Runtime

_CLOCK = FakeClock()
_RUNTIME = Runtime(
    environ={},
    folder=Path(),
    disk=Disk(),
    clock=_CLOCK,
    sleep=_CLOCK.sleep,
    chance=ScriptedChance(),
    stop=StopFlag(),
    stdin=None,
    stdout=None,
    stderr=None,
    pid=1,
)


def test_out_without_a_stream_loses_the_text() -> None:
    """A service without console goes on."""
    _RUNTIME.out("text")
    _RUNTIME.err("text")

    assert not _RUNTIME.is_terminal(_RUNTIME.stdout)


def test_out_and_err_end_each_text_with_one_newline() -> None:
    """A text gets a newline unless it has one, streams stay apart, no control gets through."""
    out, err = Pipe(), Pipe()
    runtime = replace(_RUNTIME, stdout=out, stderr=err)
    runtime.out("a")
    runtime.out("b\n")
    runtime.err("c\x1b[2J\u202ed\ne")

    assert (out.getvalue(), err.getvalue()) == ("a\nb\n", "c\\u001b[2J\\u202ed\ne\n")


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", "A -> B * \\u0935 \\udc80"),
        ("utf-8", "🏁 A → B • व \\udc80"),
    ],
)
def test_out_is_fitted_to_what_the_encoding_has(encoding: str, shown: str) -> None:
    """Symbols go or are replaced, letters escaped; a lone surrogate cannot be written anywhere."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    replace(_RUNTIME, stdout=stream).out("🏁 A → B • व \udc80")

    assert raw.getvalue().decode(encoding).rstrip() == shown


def test_out_to_a_closed_stream_loses_the_text_only() -> None:
    """A closed stream raises nothing and is no terminal."""
    stream = io.StringIO()
    stream.close()
    replace(_RUNTIME, stdout=stream).out("text")

    assert not _RUNTIME.is_terminal(stream)
    assert _RUNTIME.is_terminal(Terminal())


def test_out_to_a_broken_pipe_is_pointed_nowhere() -> None:
    """After the reader left, the text is lost and the stream can still be flushed and closed."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w", encoding="utf-8") as stream:
        runtime = replace(_RUNTIME, stdout=stream)
        runtime.out("x" * 100_000)
        runtime.out("again")

        assert os.fstat(stream.fileno()).st_rdev == Path(os.devnull).stat().st_rdev


def test_tell_says_each_problem_on_a_line_and_returns_one() -> None:
    """An error's lines and its hint are shown apart, cleaned and masked, and returned joined."""
    err = Pipe()
    error = ConfigError(("A: wrong", "B: \x1b +919812345678"), hint="Mend it.")
    told = replace(_RUNTIME, stderr=err).report_error(error)

    assert err.getvalue() == "A: wrong\nB: \\u001b +9198••••5678\nMend it.\n"
    assert told == "A: wrong. B: \\u001b +9198••••5678. Mend it."


def test_tell_on_a_terminal_keeps_to_its_columns() -> None:
    """A long problem is broken at spaces where somebody looks, and left whole elsewhere."""
    error = ConfigError(("word " * 60,))
    watched, piped = Terminal(), Pipe()
    replace(_RUNTIME, stderr=watched).report_error(error)
    replace(_RUNTIME, stderr=piped).report_error(error)

    assert max(map(len, watched.getvalue().splitlines())) <= 80
    assert len(watched.getvalue().splitlines()) > 3
    assert len(piped.getvalue().splitlines()) == 1


def test_width_is_known_for_terminals_only() -> None:
    """Nothing is cut in a pipe; a terminal that does not say its width counts as 80 columns."""
    assert _RUNTIME.width(None) is None
    assert _RUNTIME.width(Pipe()) is None
    assert _RUNTIME.width(Terminal()) == 80


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
def test_width_of_a_real_terminal_is_asked_for() -> None:
    """A pseudo-terminal's own width counts, within 40 and 80 columns."""
    leader, follower = os.openpty()
    with os.fdopen(follower, "w", encoding="utf-8") as stream:
        width = _RUNTIME.width(stream)
    os.close(leader)

    assert width is not None
    assert 40 <= width <= 80


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_out_json_can_be_read_back_in_any_encoding(encoding: str) -> None:
    """The object is one whole JSON text, and loses nothing."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    document = {"name": "विवान 🏁", "odd": "a\x1b\u202e\ud800", "count": 3}
    replace(_RUNTIME, stdout=stream).out_json(document)
    text = raw.getvalue().decode(encoding)

    assert json.loads(text) == document
    assert "\u202e" not in text


def test_out_file_goes_byte_for_byte_into_a_pipe_and_as_text_to_people() -> None:
    """A pipe gets the file with its line ends; the byte-order mark is for files alone."""
    content = "\ufeffa,b\r\n1,é\r\n".encode()
    raw = io.BytesIO()
    piped = io.TextIOWrapper(raw, encoding="ascii")
    replace(_RUNTIME, stdout=piped).out_file(content)
    watched = Terminal()
    replace(_RUNTIME, stdout=watched).out_file(content)
    _RUNTIME.out_file(content)

    assert raw.getvalue() == content[3:]
    assert watched.getvalue().startswith("a,b")

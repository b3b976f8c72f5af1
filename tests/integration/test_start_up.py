"""What a start costs: nothing that ``--help`` does not need is imported for it."""

import subprocess
import sys
from pathlib import Path

import pytest

_PROJECT = Path(__file__).resolve().parents[2]
_HEAVY = ("requests", "urllib3", "rich", "jinja2", "phonenumbers", "dotenv", "filelock")


def _imported(folder: Path, *words: str) -> tuple[int, set[str]]:
    """Return the exit code of a command line and the modules its process imported."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "lead_automation", *words],
        cwd=folder,
        env={"PYTHONPATH": str(_PROJECT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    names = {
        line.rpartition("|")[2].strip()
        for line in done.stderr.splitlines()
        if line.startswith("import time:")
    }
    return done.returncode, names


def _heavy(names: set[str]) -> set[str]:
    return {name for name in names if name.partition(".")[0] in _HEAVY}


@pytest.mark.parametrize("words", [("--help",), ("run", "--help"), ("--version",), ("rnu",)])
def test_start_of_help_and_version_imports_no_heavy_library(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    """Help, version and a usage error wait for no library that they do not use."""
    code, names = _imported(tmp_path, *words)

    assert code == (2 if words == ("rnu",) else 0)
    assert "lead_automation.cli" in names
    assert _heavy(names) == set()


def test_start_of_init_and_status_imports_no_http_library(tmp_path: Path) -> None:
    """Commands that make no call do not load what calls need, nor what only shows."""
    made, of_init = _imported(tmp_path, "init", "--state-dir", ".")
    shown, of_status = _imported(tmp_path, "status", "--state-dir", ".")

    assert (made, shown) == (0, 0)
    assert "lead_automation.state.fileledger" in of_status
    assert _heavy(of_init) == set()
    assert _heavy(of_status) == set()

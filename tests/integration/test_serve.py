"""The command ``sandbox``: a simulator for configs, cron lines and any other client."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from desk import PROJECT, environment

_PATIENCE_S = 30


@contextmanager
def serving(folder: Path, *words: str) -> Iterator[tuple[dict[str, str], subprocess.Popen[str]]]:
    """Serve as a process of its own; yield the settings it prints, and the process."""
    with subprocess.Popen(
        [sys.executable, "-m", "lead_automation", "sandbox", *words],
        cwd=folder,
        env=environment({"PYTHONPATH": str(PROJECT)}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        settings = {}
        for line in process.stdout:
            key, _, value = line.rstrip("\n").partition("=")
            settings[key] = value.strip("'")
            if key == "STATE_DIR":
                break
        try:
            yield settings, process
        finally:
            process.kill()


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run another command beside it."""
    return subprocess.run(
        [sys.executable, "-m", "lead_automation", *words],
        cwd=folder,
        env=environment({"PYTHONPATH": str(PROJECT)}),
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )


def test_printed_settings_reach_a_simulator_that_works(tmp_path: Path) -> None:
    """Written to a file they are a config.env; a plain client gets answers too."""
    with serving(tmp_path, "--print-config", "sandbox.env") as (settings, process):
        config = ("--config", "sandbox.env")
        codes = [
            command(tmp_path, "init", *config).returncode,
            command(tmp_path, "check", *config).returncode,
            (dry := command(tmp_path, "run", "--dry-run", "--json", *config)).returncode,
        ]
        query = {
            "owner_id": settings["LEAD_OWNER_ID"],
            "limit": "2",
            "template_name": settings["WATI_TEMPLATE_NAME"],
        }
        headers = {"Authorization": settings["LEAD_API_TOKEN"]}
        answer = requests.get(
            settings["LEAD_API_URL"], params=query, headers=headers, timeout=_PATIENCE_S
        )
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=_PATIENCE_S)

    assert codes == [0, 0, 0]
    assert json.loads(dry.stdout)["leads"]["fetched"] == 40
    assert len(answer.json()["data"]) == 2
    assert process.returncode == 0
    assert "until Ctrl-C" in told
    assert "Traceback" not in told
    assert (tmp_path / "sandbox.env").stat().st_mode & 0o777 == 0o600
    assert Path(settings["STATE_DIR"]) == tmp_path / "sandbox-state"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_it_with_0_and_frees_its_ports(tmp_path: Path, number: int) -> None:
    """The next one may have them at once, and nothing was written."""
    with serving(tmp_path, "--scenario", "outage") as (settings, process):
        process.send_signal(number)
        process.communicate(timeout=_PATIENCE_S)

    assert process.returncode == 0
    assert settings["BROADCAST_NAME"] == "sandbox_outage"
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(requests.ConnectionError, match="refused"):
        requests.get(settings["LEAD_API_URL"], timeout=5)


def test_port_is_the_one_asked_for_and_a_taken_one_is_said(tmp_path: Path) -> None:
    """WATI's, and the CRM's behind it."""
    port = 20_000 + os.getpid() % 20_000
    with serving(tmp_path, "--port", str(port)) as (settings, _):
        second = command(tmp_path, "sandbox", "--port", str(port))

    assert f":{port}/" in settings["WATI_BASE_URL"]
    assert f":{port + 1}/" in settings["LEAD_API_URL"]
    assert second.returncode == 2
    assert f"Ports {port} and {port + 1} cannot both be used" in second.stderr


def test_file_that_exists_is_not_written_over(tmp_path: Path) -> None:
    """It may be the config.env of real messages."""
    (tmp_path / "config.env").write_text("WATI_API_KEY=real\n")
    ended = command(tmp_path, "sandbox", "--print-config", "config.env")

    assert ended.returncode == 2
    assert "exists" in ended.stderr
    assert (tmp_path / "config.env").read_text() == "WATI_API_KEY=real\n"


@pytest.mark.parametrize("port", ["0", "65535", "99999", "http"])
def test_port_that_is_none_is_a_usage_error(tmp_path: Path, port: str) -> None:
    """The last one has no next."""
    ended = command(tmp_path, "sandbox", "--port", port)

    assert ended.returncode == 2
    assert "a port from 1 to 65534 is expected" in ended.stderr

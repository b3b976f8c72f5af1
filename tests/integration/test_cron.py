"""What cron mails: nothing at all when a quiet run went well, the reason for every other end."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("termios", reason="cron is of POSIX")

from desk import Desk, desk, quiet_leads
from fakes import FakeClock
from harness import digits, lead, many_leads, serve
from simulated.scripts import Moment, answer, html_page
from simulated.simulator import Simulator

from lead_automation.clock import Clock, StopFlag, make_sleep
from lead_automation.errors import ExitCode
from lead_automation.files import Disk
from lead_automation.sandbox.exchange import Endpoint
from lead_automation.state.hold import HoldFile
from lead_automation.state.lock import run_lock
from lead_automation.stored import Hold


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Desk]:
    """A desk whose leads warn of nothing."""
    with desk(tmp_path, leads=quiet_leads()) as its:
        yield its


def test_cron_mails_nothing_of_a_quiet_run_that_went_well(tmp_path: Path) -> None:
    """Messages sent, one refused, one failed later: no byte on stdout, none on stderr."""
    with desk(tmp_path, leads=quiet_leads(), follows_s=1.5) as here:
        ended = here.under_cron("-q")
    history = json.loads((here.state_dir / "sent_messages.json").read_text(encoding="utf-8"))
    statuses = sorted(record["status"] for day in history.values() for record in day.values())

    assert (ended.code, ended.out, ended.err) == (ExitCode.OK, "", "")
    assert len(here.simulator.messages) == 3
    assert statuses == ["delivered", "failed", "failed", "read"]
    assert (here.state_dir / "wati_automation.log").stat().st_size > 0
    assert len(list((here.state_dir / "reports").glob("run-*"))) == 2


def test_cron_mails_nothing_where_there_is_nothing_to_do(here: Desk) -> None:
    """Before the first lead there is nothing to send, and nothing to track."""
    here.simulator.crm.leads.clear()
    ran = here.under_cron("-q")
    tracked = here.under_cron("track", "-q")

    assert (ran.code, ran.out, ran.err) == (ExitCode.OK, "", "")
    assert (tracked.code, tracked.out, tracked.err) == (ExitCode.OK, "", "")


def test_cron_mails_the_summary_of_a_run_that_warned(tmp_path: Path) -> None:
    """A warning is worth a mail even where the run ends with 0."""
    odd = [lead(str(index), digits(index), "") for index in range(3)]
    with desk(tmp_path, leads=many_leads(18) + odd, USE_TEST_NUMBER="false") as here:
        ended = here.under_cron("-q")

    assert ended.code == ExitCode.OK
    assert "WARNING | Odd rows in the lead list: 3 of 21 lack a name" in ended.err
    assert ended.out.startswith("🏁 CAMPAIGN EXECUTION SUMMARY 🏁\n✅ STATUS: COMPLETED\n")
    assert "\x1b" not in ended.out + ended.err


def test_cron_mails_every_problem_of_the_settings(tmp_path: Path) -> None:
    """Exit 2: what is missing, each problem a line, and where to look."""
    with desk(tmp_path, WATI_API_KEY="", TIMEZONE="Asia/Calcuta") as here:
        ended = here.under_cron("-q")

    assert (ended.code, ended.out) == (ExitCode.SETTINGS, "")
    assert "Missing WATI credentials in config.env" in ended.err
    assert "TIMEZONE" in ended.err


def test_cron_mails_what_stopped_a_run(here: Desk) -> None:
    """Exit 3: the reason on stderr, the summary with the next step on stdout."""
    here.simulator.script(
        Endpoint.SEND, answer({"result": False, "error": "Insufficient credits"}, times=None)
    )
    ended = here.under_cron("-q")

    assert ended.code == ExitCode.STOPPED
    assert "STOPPED: QUOTA_EXCEEDED" in ended.err
    assert "STATUS: STOPPED" in ended.out
    assert "Next steps:\n  - Look at credits" in ended.out


def test_cron_mails_that_the_crm_does_not_answer(here: Desk) -> None:
    """Exit 4: which service, and what it said."""
    here.simulator.script(Endpoint.LEADS, html_page(times=None))
    ended = here.under_cron("-q")

    assert ended.code == ExitCode.UNREACHABLE
    assert "CRM" in ended.err
    assert here.simulator.messages == []


def test_cron_mails_that_the_state_is_missing(here: Desk) -> None:
    """Exit 5: the file, `init` and STATE_DIR, and no summary of a run there was not."""
    (here.state_dir / "sent_messages.json").unlink()
    ended = here.under_cron("-q")

    assert (ended.code, ended.out) == (ExitCode.STATE, "")
    assert "sent_messages.json is missing" in ended.err
    assert "init" in ended.err
    assert "STATE_DIR" in ended.err


def test_cron_mails_that_sending_is_held(here: Desk) -> None:
    """Exit 6: why, and the command that lifts the hold."""
    hold = Hold(
        reason="ACCOUNT_ISSUE: account locked",
        since=Clock().now(),
        evidence="131031",
        what_to_do=("Ask Meta.",),
        until=None,
    )
    HoldFile(Disk(), here.state_dir).set(hold)
    ended = here.under_cron("-q")

    assert ended.code == ExitCode.HELD
    assert "HELD" in ended.err
    assert "account locked" in ended.err
    assert "`resume`" in ended.out
    assert here.simulator.posts.total() == 0


def test_cron_mails_who_is_running_already(here: Desk) -> None:
    """Exit 75: the pid and the start of the run that is on; nothing is sent."""
    with run_lock(
        Disk(),
        here.state_dir,
        pid=os.getpid(),
        started_at=Clock().now(),
        sleep=make_sleep(StopFlag()),
    ):
        ended = here.under_cron("-q")

    assert (ended.code, ended.out) == (ExitCode.ALREADY_RUNNING, "")
    assert f"pid {os.getpid()}," in ended.err
    assert here.simulator.posts.total() == 0


def test_cron_mails_that_a_run_was_terminated(here: Desk) -> None:
    """Exit 143: a shutdown in mid-run ends in order and says so."""

    def shut_down(_: object) -> None:
        holder = json.loads((here.state_dir / "run.lock.holder").read_text(encoding="utf-8"))
        os.kill(holder["pid"], signal.SIGTERM)

    here.simulator.hooks.add(Moment.ACCEPTED, Endpoint.SEND, shut_down)
    ended = here.under_cron("-q")
    history = json.loads((here.state_dir / "sent_messages.json").read_text(encoding="utf-8"))

    assert ended.code == ExitCode.SIGTERM
    assert "INTERRUPTED: interrupted by SIGTERM; the state is complete" in ended.err
    assert "STATUS: INTERRUPTED" in ended.out
    assert sum(len(day) for day in history.values()) == len(here.simulator.messages) == 1


def test_cron_mails_that_there_is_a_bug(tmp_path: Path) -> None:
    """Exit 1: one line without a traceback, and the file that has it."""
    clock = FakeClock()
    with serve(tmp_path, Simulator(clock=clock, leads=many_leads(1)), clock) as harness:

        def broken(allow_posts: bool) -> None:  # noqa: FBT001 - called by position
            raise ZeroDivisionError(allow_posts)

        harness.make_http = broken  # type: ignore[assignment]  # a bug, as no type allows it
        ended = harness.run("-q")
        log = harness.log_text()

    assert ended.code == ExitCode.BUG
    assert "This is a bug in the program: ZeroDivisionError." in ended.err
    assert "wati_automation.log" in ended.err
    assert "Traceback" not in ended.err + ended.out
    assert "Traceback" in log

"""The state in a PostgreSQL server: the command line on it, and what it refuses."""

import re
import sys
from pathlib import Path

import pytest
from databases import PASSWORD, PostgresServer, locked, schema_of, state_of
from disks import Crash, FaultyDisk, Phase, Script, crash
from fakes import FakeClock
from harness import Ended, Harness, in_process, many_leads
from ledgers import HISTORY_DAYS, NOW, PHONE, TODAY, ZONE, accepted, reserve
from simulated.simulator import Simulator

from lead_automation.errors import StateError
from lead_automation.files import Disk
from lead_automation.sandbox.exchange import Endpoint
from lead_automation.state.folder import FolderState, make_folder_state
from lead_automation.state.postgres_ledger import PostgresLedger
from lead_automation.state.session import Session
from lead_automation.state.state import Contents
from lead_automation.stored import Hold, Suppression

LEADS = 3
HOLD = Hold(reason="wait", since=NOW, until=None, evidence="", what_to_do=("wait",))


def _machine(folder: Path, url: str, other: Harness | None = None) -> Harness:
    """Return the command line of a machine, with a folder of its own; another's account."""
    (folder / "state").mkdir(parents=True)
    clock = FakeClock()
    simulator = other.simulator if other else Simulator(clock=clock, leads=many_leads(LEADS))
    return in_process(folder, simulator, clock, settings={"STATE_URL": url})


def test_commands_of_two_machines_work_on_one_state(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    """What one machine sent, suppressed and holds is what the other one knows."""
    url = postgres.new_account(is_made=False)
    first = _machine(tmp_path / "first", url)
    made = first.run("init")
    sent = first.run("run", "--json", "--limit", "2")
    second = _machine(tmp_path / "second", url, first)
    suppressed = second.run("suppress", "add", "+919810000002")
    rest = first.run("run", "--json").document
    state_of(url).hold.set(HOLD)
    held = first.run("run")
    status = second.run("status", "--json").document

    assert (made.code, sent.code, suppressed.code, held.code) == (0, 0, 0, 6)
    assert sent.document["messages"]["sent"] == 2
    assert rest["leads"]["skipped"]["suppressed"] == 1
    assert rest["leads"]["skipped"]["duplicate"] == 2
    assert [message.number for message in first.simulator.messages] == [
        "919810000000",
        "919810000001",
    ]
    assert status["messages_today"] == {"read": 2}
    assert (status["quota_left"], status["suppressed"]) == (448, 1)
    assert status["hold"]["reason"] == "wait"
    assert second.run("resume", "--yes").code == 0
    assert second.run("suppress", "remove", "+919810000002").code == 0
    assert second.run("run").code == 0
    assert len(first.simulator.messages) == 3
    assert second.run("track").code == 0
    assert "3 " in second.run("report", "--days", "1").out
    assert not list((tmp_path / "second" / "state").glob("*.json"))


def test_second_run_ends_at_once_and_names_the_holder(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    """Whoever holds the lock is named with host, pid and start; looking needs no lock."""
    url = postgres.new_account()
    machine = _machine(tmp_path, url)
    with locked(state_of(url)):
        refused = machine.run("run")
        looked = [machine.run("status"), machine.run("suppress", "add", PHONE)]
    after = machine.run("run")

    assert refused.code == 75
    assert re.search(r"pid 4711 on \S+, since 2026-11-22 \d\d:\d\d:\d\d", refused.err)
    assert [ended.code for ended in looked] == [0, 0]
    assert after.code == 0
    assert len(machine.simulator.messages) == LEADS


FULL_DISK = """
    CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = '53100'; END $$;
    CREATE TRIGGER full_disk BEFORE INSERT ON {} EXECUTE FUNCTION full_disk()"""
READER = """
    CREATE ROLE reader LOGIN PASSWORD '{}';
    GRANT postgres TO reader;
    ALTER ROLE reader SET default_transaction_read_only = on"""
STRANGER = """
    CREATE ROLE stranger LOGIN PASSWORD '{}';
    DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO stranger', current_schema()); END $$"""
BROKEN = {
    "nobody listens": ("", "Connection refused"),
    "no host": ("", "nowhere.invalid"),
    "wrong password": ("", "password authentication failed"),
    "no rights": (STRANGER.format(PASSWORD), "Grant the role"),
    "read-only replica": (READER.format(PASSWORD), "read-only replica"),
    "never made": ("DROP TABLE lead_automation", "holds no state yet"),
    "newer schema": ("UPDATE lead_automation SET version = 99", "newer than this program's"),
    "foreign schema": (
        "DROP TABLE lead_automation; CREATE TABLE lead_automation (their text)",
        "not lead_automation's",
    ),
    "full disk": (FULL_DISK.format("message"), "disk of the database server is full"),
    "damaged row": (
        "INSERT INTO message VALUES ('2026-11-23', 'x1', null, 1, '{}')",
        "message → 2026-11-23 → x1",
    ),
    "table gone": ("DROP TABLE quota", "restore it from a backup"),
}


def _broken_url(kind: str, url: str, port: int) -> str:
    """Return the address of a database that cannot be reached so."""
    match kind:
        case "nobody listens":
            return url.replace(f":{port}/", ":1/")
        case "no host":
            return url.replace("127.0.0.1", "nowhere.invalid")
        case "wrong password":
            return url.replace(PASSWORD, "An0therSecretWord")
        case "no rights":
            return url.replace("//postgres:", "//stranger:")
        case "read-only replica":
            # It may do all that its own setting lets it, as on a replica.
            return url.replace("//postgres:", "//reader:")
        case _:
            return url


@pytest.mark.parametrize("kind", BROKEN)
def test_database_that_cannot_be_used_stops_the_run_before_anything_is_sent(
    kind: str, postgres: PostgresServer, tmp_path: Path
) -> None:
    """Exit 5, a line that says what to do, and the password in no output and no log."""
    statement, expected = BROKEN[kind]
    url = postgres.new_account()
    if statement:
        postgres.query(statement, schema_of(url))
    machine = _machine(tmp_path, _broken_url(kind, url, postgres.port))
    ended = machine.run("run")
    looked = machine.run("check", "-v")
    said = [ended.out, ended.err, looked.out, looked.err, machine.log_text_if_any()]

    assert ended.code == 5
    assert expected in ended.err, ended.err
    assert all(PASSWORD not in text and "An0therSecretWord" not in text for text in said)
    assert machine.simulator.calls[Endpoint.SEND] == []


def test_database_address_without_its_library_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files need no psycopg; who asks for a database is told what to install."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    machine = _machine(tmp_path, f"postgresql://leads:{PASSWORD}@db/leads")
    ended = machine.run("run")

    assert ended.code == 5
    assert ".[postgres]" in ended.err
    assert PASSWORD not in ended.err


def _writer(session: Session) -> PostgresLedger:
    """Return a ledger that writes without the lock."""
    [(backend,)] = session.rows("SELECT pg_backend_pid()")
    return PostgresLedger(session, history_days=HISTORY_DAYS, zone=ZONE, backend=backend)


def test_two_writers_neither_double_a_message_nor_pass_a_quota(postgres: PostgresServer) -> None:
    """What the lock prevents, the tables refuse by themselves: each ledger is as it was loaded."""
    url = postgres.new_account()
    first = state_of(url)
    second = state_of(url)
    with first.database.session() as one, second.database.session() as two:
        ledgers = [_writer(one), _writer(two)]
        reserve(ledgers[0], "1", daily_limit=1)
        with pytest.raises(StateError, match="within_daily_limit"):
            reserve(ledgers[1], "2", phone="+919800000002", daily_limit=1)
    for lead_id, phone in (("1", "+919800000003"), ("3", PHONE)):
        late = state_of(url)
        with late.database.session() as three:
            ledger = _writer(three)
            ledger.files.history.clear()  # as if it had been loaded before
            with pytest.raises(StateError, match="one_message"):
                reserve(ledger, lead_id, phone=phone, counsellor="Karan")

    assert state_of(url).snapshot(TODAY).quota_used(TODAY) == {"Anandi": 1}


def _filled(folder: Path) -> FolderState:
    """Return a folder that holds something of everything, a journal that a crash left too."""
    state = make_folder_state(folder, disk=Disk(), history_days=HISTORY_DAYS, zone=ZONE)
    state.create()
    ledger = state.open_ledger()
    accepted(ledger, reserve(ledger), message_id="m-1", at=NOW)
    ledger.count_call("2026-11")
    ledger.finish(today=TODAY)
    reserve(ledger, "naïve-1002", phone="+919800000002", counsellor="Karan")
    ledger.close()
    state.suppressions.add(
        Suppression(phone=PHONE, reason="asked", source="operator", added_at=NOW, until=None)
    )
    state.hold.set(HOLD)
    return state


def _copy(machine: Harness, target: str) -> Ended:
    return machine.run("state", "copy", "--to", target)


def test_copy_there_and_back_is_equal_and_leaves_the_source(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    """Files, database, files: the same state, whatever was between; the sources stand."""
    url = postgres.new_account(is_made=False)
    machine = _machine(tmp_path, url)
    (tmp_path / "state").rmdir()
    source = _filled(tmp_path / "state")
    before = source.contents()
    files = {path.name: path.read_bytes() for path in source.folder.glob("*.json*")}
    machine.write_settings(STATE_URL=None)
    there = _copy(machine, url)
    machine.write_settings(STATE_URL=url)
    back = _copy(machine, str(tmp_path / "back"))
    again = _copy(machine, str(tmp_path / "back"))
    machine.write_settings(STATE_URL=None)
    full = _copy(machine, url)
    copied = make_folder_state(
        tmp_path / "back", disk=Disk(), history_days=HISTORY_DAYS, zone=ZONE
    ).contents()

    assert (there.code, back.code, again.code, full.code) == (0, 0, 5, 5)
    assert "is not empty" in again.err
    assert "is not empty" in full.err
    assert "2 messages" in there.out
    assert PASSWORD not in there.out + full.err
    assert copied == before
    assert files == {path.name: path.read_bytes() for path in source.folder.glob("*.json*")}


@pytest.mark.parametrize("at", range(1, 15))
@pytest.mark.parametrize("phase", Phase)
def test_copy_to_a_folder_cut_off_leaves_it_empty_or_whole(
    at: int, phase: Phase, tmp_path: Path
) -> None:
    """Wherever the machine dies, the target is no state or the whole one; then it can be copied."""
    before: Contents = _filled(tmp_path / "state").contents()
    target = tmp_path / "target"

    def fill(disk: Disk) -> None:
        make_folder_state(target, disk=disk, history_days=HISTORY_DAYS, zone=ZONE).fill(before)

    try:
        fill(FaultyDisk(Disk(), Script(at, phase, crash)))
    except Crash:
        if not target.exists():
            fill(Disk())
    found = make_folder_state(target, disk=Disk(), history_days=HISTORY_DAYS, zone=ZONE)

    assert found.contents() == before


def test_copy_to_a_database_cut_off_leaves_it_empty(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    """All of it is one transaction: after a fault in the middle there is nothing."""
    url = postgres.new_account()
    before = _filled(tmp_path / "state").contents()
    schema = schema_of(url)
    postgres.query(FULL_DISK.format("suppression"), schema)
    with pytest.raises(StateError, match="no space left"):
        state_of(url).fill(before)
    assert postgres.query("SELECT count(*) FROM message", schema) == [(0,)]
    postgres.query("DROP TRIGGER full_disk ON suppression", schema)
    state_of(url).fill(before)

    assert len(list(state_of(url).snapshot(TODAY).records())) == 2
    assert state_of(url).hold.read() == HOLD


def test_check_names_server_schema_and_encryption(postgres: PostgresServer, tmp_path: Path) -> None:
    """What is at the other end; on this machine nobody listens on the way."""
    checked = _machine(tmp_path, postgres.new_account()).run("check")

    assert re.search(r"ok +database +PostgreSQL 1\d\.\d+, schema \d+, on this machine", checked.out)


def test_connection_is_watched_at_both_ends(postgres: PostgresServer) -> None:
    """The server learns within 30 s that a machine is gone, whatever its own settings are."""
    with state_of(postgres.new_account()).database.session() as session:
        found = session.rows(
            "SELECT current_setting('tcp_keepalives_idle')::int"
            " + current_setting('tcp_keepalives_interval')::int"
            " * current_setting('tcp_keepalives_count')::int,"
            " current_setting('tcp_user_timeout')"
        )

    assert found == [(30, "30000")]


def test_damaged_hold_in_the_database_is_put_aside(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    """`resume` lifts what it cannot read, and a copy stays in the table."""
    url = postgres.new_account()
    machine = _machine(tmp_path, url)
    postgres.query("INSERT INTO hold (record) VALUES ('[1]')", schema_of(url))
    held = machine.run("run")
    lifted = machine.run("resume", "--yes")

    assert (held.code, lifted.code) == (5, 0)
    assert machine.run("run").code == 0
    assert postgres.query("SELECT one FROM hold", schema_of(url)) == [(None,)]

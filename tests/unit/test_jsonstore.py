"""Tests of the JSON state files: strict reading, the earlier form, atomic writing, ``init``."""

import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest
from disks import Crash, Phase, RecordingDisk, Script, crash, no_space, sync_fails
from ledgers import (
    CALLS,
    FOLDER,
    HISTORY,
    NOW,
    OUTBOX,
    PHONE,
    QUOTA,
    TODAY,
    ZONE,
    empty_disk,
)
from msgspec import structs

from lead_automation.errors import ExitCode, StateError
from lead_automation.files import Disk
from lead_automation.models import MessageStatus
from lead_automation.state.codec import at_offset
from lead_automation.state.jsonstore import (
    FILES,
    HISTORY_FILE,
    QUOTA_FILE,
    StateFiles,
    dump_history,
    init_state,
    load_state,
    parse_history,
    read_history,
    save_state,
)
from lead_automation.stored import MessageRecord
from lead_automation.strictjson import parse_json

RECORD = (
    '{"phone": "+919800000001", "template": "t", "counsellor": "Anandi", "status": "sent", '
    '"message_id": null, "sent_at": "2026-11-22T10:00:00+05:30", '
    '"updated_at": "2026-11-22T10:00:00+05:30", "attempts": 1}'
)
ROW = (
    '{"lead_id": "1", "template_name": "t", "to_phone_number": "x", "msg_status": "failed", '
    '"wati_message_id": null, "error_message": null, "sent_at": null}'
)


def _disk(path: Path, content: str) -> RecordingDisk:
    disk = empty_disk()
    disk.put(path, content.encode())
    return disk


def _history(days: str) -> dict[date, dict[str, MessageRecord]]:
    return parse_history(parse_json(days.encode()))


def _day(entries: str) -> str:
    return '{"2026-11-22": {' + entries + "}}"


def _record_with(old: str, new: str) -> str:
    assert old in RECORD
    return _day('"1001": ' + RECORD.replace(old, new))


# A number may be wrong in more ways than any other value; it is the same type in all four files.
QUOTA_PROBLEMS = [
    ("[]", "Expected `object`, got `list`"),
    ("null", "Expected `object`, got `NoneType`"),
    ("", "is not JSON"),
    ('{"2026-11-22": {"An', "is not JSON"),
    ('{"2026-11-22": 3}', "2026-11-22: Expected `object`, got `int`"),
    ('{"2026-11-22": {"A": "3"}}', "2026-11-22 → A: Expected `int`, got `str`"),
    ('{"2026-11-22": {"A": true}}', "2026-11-22 → A: Expected `int`, got `bool`"),
    ('{"2026-11-22": {"A": -1}}', "2026-11-22 → A: Expected `int` >= 0"),
    ('{"2026-11-22": {"A": 2.0}}', "2026-11-22 → A: Expected `int`, got `float`"),
    ('{"2026-11-22": {"A": 1e400}}', "is too large"),
    ('{"2026-11-22": {"A": NaN}}', "NaN is not JSON"),
    ('{"2026-11-22": {"A": 1000000001}}', "2026-11-22 → A: Expected `int` <= "),
    ('{"2026-11-22": {"A": %s}}' % ("9" * 5000), "a number too long to read"),
    ('{"2026-11-22": {"A": 1, "A": 2}}', "stands twice"),
    ('{"2026-11-31": {}}', "2026-11-31: Invalid RFC3339 encoded date"),
    ('{"20261122": {}}', "20261122: Invalid RFC3339 encoded date"),
    ('{"version": 2}', "a newer lead_automation wrote it"),
    ("[" * 100_000, "nested too deeply"),
    ('{"2026-11-22": ' * 70 + "1" + "}" * 70, "2026-11-22 → 2026-11-22: Expected `int`"),
]

HISTORY_PROBLEMS = [
    ('{"2026-11-22": [null]}', "2026-11-22: Expected `str`, got `null`"),
    ('{"2026-11-22": [true]}', "2026-11-22: Expected `str`, got `bool`"),
    ('{"2026-11-22": [""]}', "Expected `str` of length >= 1"),
    ('{"2026-11-22": ["%s"]}' % ("x" * 129), "Expected `str` of length <= 128"),
    ('{"2026-11-22": {"1001": {}}}', "1001: Object missing required field `phone`"),
    (_record_with('"attempts": 1', '"attempts": 1, "mood": 1'), "1001: Object contains unknown"),
    (_record_with('"attempts"', '"lead_id": "2", "attempts"'), "lead_id stand outside"),
    (_record_with('"sent"', '"sentt"'), "1001 → status: Invalid enum value 'sentt'"),
    (_record_with('"+919800000001"', '"9800000001"'), "1001 → phone: "),
    (_record_with("10:00:00+05:30", "10:00:00"), "1001 → sent_at: "),
    (_record_with("2026-11-22T", "0001-01-01T"), "1001: nothing happened in the year 1"),
    (_record_with("2026-11-22T", "2026-11-32T"), "1001 → sent_at: Invalid RFC3339"),
    (_record_with('"sent_at": "2026-11-22T10:00:00+05:30"', '"sent_at": null'), "needs the time"),
    (_record_with('"attempts": 1', '"attempts": -1'), "1001 → attempts: Expected `int` >= 0"),
    (_record_with('"attempts": 1', '"attempts": 1, "unknown": 1'), "unknown: Expected `bool`"),
    (_day(f'"é": {RECORD}, "e\u0301": {RECORD}'), "it stands twice"),
    (_day(f'"1": {RECORD}, "1": {RECORD}'), "the key '1' stands twice"),
    (_record_with('"attempts": 1', '"attempts": 1, "attempts": 1'), "'attempts' stands twice"),
    ('{"2026-11-22": {"+919800000001": 1}}', "2026-11-22 → +9198••••0001: Expected `object`"),
]

OTHER_PROBLEMS = [
    (OUTBOX, '{"2026-11-22/1/1": {}}', "2026-11-22/1/1: Object missing required field `lead_id`"),
    (OUTBOX, '{"x": ' + ROW.replace("failed", "lost") + "}", "x → msg_status: Expected `str`"),
    (CALLS, '{"2026-13": 1}', "2026-13: Expected `str` matching"),
]


@pytest.mark.parametrize(
    ("path", "content", "problem"),
    [(QUOTA, *row) for row in QUOTA_PROBLEMS]
    + [(HISTORY, *row) for row in HISTORY_PROBLEMS]
    + OTHER_PROBLEMS,
)
def test_load_of_a_damaged_file_names_the_place_and_leaves_it(
    path: Path, content: str, problem: str
) -> None:
    """Damage is exit 5 with file, place and what is wrong; the file stays as it is."""
    disk = _disk(path, content)
    with pytest.raises(StateError) as raised:
        load_state(disk, FOLDER)

    assert str(raised.value).startswith(f"{path}: ")
    assert problem in str(raised.value)
    assert "left as it is" in raised.value.hint
    assert raised.value.exit_code == ExitCode.STATE
    assert disk.files()[path.name] == content.encode()
    assert disk.steps == []


@pytest.mark.parametrize("path", [QUOTA, HISTORY])
def test_load_without_quota_or_history_names_init(path: Path) -> None:
    """A missing file is never an empty history."""
    other = QUOTA if path == HISTORY else HISTORY
    with pytest.raises(StateError, match=f"{path.name} is missing") as raised:
        load_state(RecordingDisk({other: b"{}"}), FOLDER)

    assert "init" in raised.value.hint
    assert "STATE_DIR" in raised.value.hint


def test_load_without_outbox_and_calls_finds_them_empty() -> None:
    """The two files a run makes itself may be missing."""
    files = load_state(empty_disk(), FOLDER)

    assert files == StateFiles()


def test_load_of_a_byte_order_mark_is_no_damage() -> None:
    """Editors on Windows write one."""
    disk = _disk(QUOTA, '\ufeff{"2026-11-22": {"Anandi": 3}}')

    assert load_state(disk, FOLDER).quota == {TODAY: {"Anandi": 3}}


def test_history_of_the_earlier_form_counts_as_messages() -> None:
    """A plain list of lead ids, numbers too, means messaged; an id that stands twice, once."""
    history = _history('{"2026-11-22": [1, "1", "e\u0301", "é", "x"]}')

    records = history[TODAY]
    assert list(records) == ["1", "é", "x"]
    assert all(record.may_have_arrived for record in records.values())
    assert records["1"].template is None


def test_history_day_of_bare_ids_is_written_back_as_a_list() -> None:
    """The earlier form stays what it was until something is added to the day."""
    text = dump_history(_history('{"2026-11-22": [1, "x"]}'))

    assert text == b'{\n  "2026-11-22": ["1", "x"]\n}\n'


def test_history_day_of_bare_ids_and_records_is_written_as_records() -> None:
    """A mixed day keeps the bare ids as records that know nothing, and reads back the same."""
    history = _history('{"2026-11-22": ["x"]}')
    history[TODAY] |= _history(_day(f'"1001": {RECORD}'))[TODAY]
    text = dump_history(history)

    assert b'    "x": {"phone": null, "template": null,' in text
    assert _history(text.decode()) == history


def test_history_is_written_a_record_a_line_days_in_order() -> None:
    """A person finds a lead with a text search; empty days are left out."""
    later, earlier = (f'{{"2026-11-{day}": {{"1": {RECORD}, "2": {RECORD}}}}}' for day in (23, 21))
    text = dump_history({**_history(later), TODAY: {}, **_history(earlier)}).decode()

    assert [line[:16] for line in text.splitlines()] == [
        "{",
        '  "2026-11-21": ',
        '    "1": {"phone',
        '    "2": {"phone',
        "  },",
        '  "2026-11-23": ',
        '    "1": {"phone',
        '    "2": {"phone',
        "  }",
        "}",
    ]
    assert dump_history({TODAY: {}}) == b"{}\n"


def test_history_with_half_a_surrogate_pair_is_written_escaped() -> None:
    """What JSON can carry and UTF-8 cannot is kept all the same."""
    history = _history(_day(f'"\\ud83d": {RECORD}, "नमस्ते": {RECORD}'))
    text = dump_history(history).decode()

    assert '"\\ud83d"' in text
    assert '"नमस्ते"' in text
    assert _history(text) == history


def test_record_flags_are_written_only_where_they_apply() -> None:
    """``unknown`` and ``error_category`` stand only in records they are true of."""
    record = MessageRecord(
        lead_id="1",
        day=TODAY,
        phone=PHONE,
        template="t",
        counsellor="Anandi",
        status=MessageStatus.PENDING,
        sent_at=NOW,
        unknown=True,
        message_id=None,
        updated_at=None,
        attempts=0,
    )
    text = dump_history({TODAY: {"1": record}})

    assert b'"unknown": true' in text
    assert b"error_category" not in text


@pytest.mark.parametrize("sent_at", [NOW, at_offset(NOW, ZONE)])
def test_a_history_nobody_edited_is_read_the_fast_way(sent_at: datetime) -> None:
    """What we write in any zone never takes the slow way, where 100,000 records cost a second."""
    record = structs.replace(_history(_day(f'"1": {RECORD}'))[TODAY]["1"], sent_at=sent_at)
    history = {TODAY: {"1": record, "2": structs.replace(record, lead_id="2", unknown=True)}}

    assert read_history(dump_history(history)) == history


@pytest.mark.parametrize("make", [no_space, sync_fails])
def test_save_that_fails_keeps_the_old_content(make: Callable[[int], Script]) -> None:
    """A full or dying disk ends the run with the old file whole."""
    disk = _disk(QUOTA, '{"2026-11-22": {"Anandi": 3}}')
    disk.play(make(1))
    with pytest.raises(StateError, match="could not be written"):
        save_state(disk, FOLDER, QUOTA_FILE, StateFiles(quota={TODAY: {"Anandi": 4}}))

    assert disk.files()["quota_usage.json"] == b'{"2026-11-22": {"Anandi": 3}}'


def test_save_of_too_much_is_refused_once_the_old_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever keeps more than any setting makes is told which one to lower."""
    monkeypatch.setitem(FILES, HISTORY_FILE, replace(FILES[HISTORY_FILE], max_bytes=100))
    disk = empty_disk()
    files = StateFiles(history=_history(_day(f'"1": {RECORD}')))
    with pytest.raises(StateError, match="would grow to") as raised:
        save_state(disk, FOLDER, HISTORY_FILE, files, is_pruned=True)

    assert "HISTORY_DAYS" in raised.value.hint
    assert disk.steps == []


def test_init_creates_both_files_private(tmp_path: Path) -> None:
    """``init`` makes the folder and two empty, private files."""
    folder = tmp_path / "new" / "state"
    init_state(Disk(), folder)

    assert load_state(Disk(), folder) == StateFiles()
    for name in (QUOTA_FILE, HISTORY_FILE):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
        assert (folder / name).read_bytes() == b"{}\n"


@pytest.mark.parametrize("present", [(QUOTA,), (HISTORY,), (QUOTA, HISTORY)])
def test_init_beside_existing_files_touches_nothing(present: tuple[Path, ...]) -> None:
    """Neither an existing file is replaced nor a lost one declared empty."""
    disk = RecordingDisk(dict.fromkeys(present, b'{"2026-11-22": {}}'))
    with pytest.raises(StateError) as raised:
        init_state(disk, FOLDER)

    assert all(path.name in str(raised.value) for path in present)
    assert [step.kind for step in disk.steps] == ["make_folder"]


@pytest.mark.parametrize("at", range(1, 8))
@pytest.mark.parametrize("phase", Phase)
def test_init_cut_at_any_step_can_be_repeated(at: int, phase: Phase) -> None:
    """A half-done ``init`` is finished by the next one."""
    disk = RecordingDisk()
    disk.play(Script(at, phase, crash))
    with pytest.raises(Crash):
        init_state(disk, FOLDER)
    left = disk.survivors(power_cut=True)
    if len(left.files()) < 2:
        init_state(left, FOLDER)

    assert load_state(left, FOLDER) == StateFiles()


def test_init_in_a_folder_that_cannot_be_made_is_a_state_error(tmp_path: Path) -> None:
    """A file where the state directory should be is exit 5, not a traceback."""
    (tmp_path / "file").write_text("")

    with pytest.raises(StateError, match="could not be created"):
        init_state(Disk(), tmp_path / "file" / "state")


def test_load_of_an_unreadable_file_is_a_state_error() -> None:
    """An I/O error while reading is exit 5 with the file's name."""

    class Broken(RecordingDisk):
        def read(self, path: Path, max_bytes: int, *, private: bool) -> bytes | None:  # noqa: ARG002
            raise PermissionError(13, "Permission denied")

    with pytest.raises(StateError, match=r"quota_usage.json could not be read: Permission denied"):
        load_state(Broken(), FOLDER)

"""The four JSON files of the state directory: their forms, read strictly and written atomically.

``quota_usage.json``    ``{"2026-11-22": {"Anandi": 3}}``
``sent_messages.json``  ``{"2026-11-22": {"1001": {record}}}``; a day may be a plain list of lead
                        ids, the earlier form
``crm_outbox.json``     ``{"2026-11-22/1001/1": {row}}``
``api_usage.json``      ``{"2026-11": 1234}``

Records and rows are ``MessageRecord`` and ``CrmRow`` of models.py, without the fields that are keys
here. A damaged file is refused with the place of the damage and never touched: read as empty, it
would send messages a second time.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from lead_automation.errors import StateError
from lead_automation.files import Disk, write_atomic
from lead_automation.models import MessageStatus
from lead_automation.state.codec import (
    count_of,
    day_of,
    dump_entry,
    dump_file,
    dump_json,
    fields_of,
    lead_id_of,
    month_of,
    normal_form,
    read_entries,
    read_struct,
)
from lead_automation.state.strictfile import MIB, load_json, read_file, save_file
from lead_automation.stored import CrmRow, LeadId, MessageRecord, is_phone

QUOTA_FILE = "quota_usage.json"
HISTORY_FILE = "sent_messages.json"
OUTBOX_FILE = "crm_outbox.json"
CALLS_FILE = "api_usage.json"

_EMPTY = b"{}\n"

Quota = dict[date, dict[str, int]]
"""Messages used, by day and counsellor."""
History = dict[date, dict[str, MessageRecord]]
"""Records by day and lead id."""
Outbox = dict[str, CrmRow]
"""Owed rows by row id, oldest first."""
Calls = dict[str, int]
"""WATI calls by month."""


def _fields_kept() -> Iterator[tuple[Any, ...]]:
    for each in msgspec.structs.fields(MessageRecord):
        if each.name == "phone":
            # Its pattern takes msgspec as long as all else in a record: see _whole_record.
            yield each.name, str | None
        elif each.name not in ("day", "lead_id"):
            yield (each.name, each.type) if each.required else (each.name, each.type, each.default)


_Kept: type[Any] = msgspec.defstruct(
    "_Kept", _fields_kept(), forbid_unknown_fields=True, omit_defaults=True, gc=False
)
"""A record as it stands in the file: without the fields that are keys there."""
_DAYS: msgspec.json.Decoder[Any] = msgspec.json.Decoder(
    dict[date, dict[LeadId, _Kept]]  # type: ignore[valid-type]  # made of fields, as above
)


@dataclass(slots=True, kw_only=True)
class StateFiles:
    """The content of the four files."""

    quota: Quota = field(default_factory=dict)
    history: History = field(default_factory=dict)
    outbox: Outbox = field(default_factory=dict)
    calls: Calls = field(default_factory=dict)


def parse_quota(value: object) -> Quota:
    """Return the content of ``quota_usage.json``; SchemaError names the place of a damage."""
    return read_entries(value, day_of, lambda counts, _: read_entries(counts, str, count_of))


def dump_quota(quota: Mapping[date, Mapping[str, int]]) -> bytes:
    """Return ``quota_usage.json``, days in order, one a line."""
    return dump_file(dump_entry(day.isoformat(), quota[day]) for day in sorted(quota))


def parse_history(value: object) -> History:
    """Return the content of ``sent_messages.json``; SchemaError names the place of a damage."""
    return read_entries(value, day_of, _parse_day)


def read_history(data: bytes) -> History | None:
    """Return the history of a file that ``dump_history`` wrote; None for any other.

    A fifth of the time ``parse_history`` takes, which then reads what a person edited, and says
    what is wrong with it.
    """
    try:
        days = _DAYS.decode(data)
        # What reads back to the very same text has no key that stands twice, and nothing else that
        # this reader takes and the strict one refuses.
        if msgspec.json.format(data, indent=-1) != msgspec.json.encode(days):
            return None
        return {
            day: {lead_id: _whole_record(day, lead_id, kept) for lead_id, kept in records.items()}
            for day, records in days.items()
        }
    except (msgspec.MsgspecError, ValueError):
        return None


def _whole_record(day: date, lead_id: str, kept: Any) -> MessageRecord:
    if kept.phone is not None and not is_phone(kept.phone):
        msg = "not a number"
        raise ValueError(msg)
    return MessageRecord(day, lead_id, *msgspec.structs.astuple(kept))


def _parse_day(value: object, day: date) -> dict[str, MessageRecord]:
    if isinstance(value, list):
        # The earlier form: numbers are ids too, an id that stands twice counts once.
        lead_ids = dict.fromkeys(map(lead_id_of, value))
        return {lead_id: bare_record(day, lead_id) for lead_id in lead_ids}
    return read_entries(
        value,
        normal_form,
        lambda fields, lead_id: read_struct(fields, MessageRecord, day=day, lead_id=lead_id),
    )


def bare_record(day: date, lead_id: str) -> MessageRecord:
    """Return what an earlier form's bare lead id means: messaged that day, nothing else known."""
    return MessageRecord(
        day=day,
        lead_id=lead_id,
        phone=None,
        template=None,
        counsellor=None,
        status=MessageStatus.SENT,
        message_id=None,
        sent_at=None,
        updated_at=None,
        attempts=0,
    )


def dump_history(history: Mapping[date, Mapping[str, MessageRecord]]) -> bytes:
    """Return ``sent_messages.json``: days in order, one record a line, as they were first written.

    A day that holds nothing but an earlier form's bare ids stays a list.
    """
    days = (day for day in sorted(history) if history[day])
    return dump_file(_dump_day(day, history[day]) for day in days)


def _dump_day(day: date, records: Mapping[str, MessageRecord]) -> bytes:
    if all(record == bare_record(day, lead_id) for lead_id, record in records.items()):
        return dump_entry(day.isoformat(), list(records))
    # The record's first two fields are the keys here. Both texts are found only where they are
    # meant: within a string a quote is escaped.
    head = b'{"day": "%s", "lead_id": ' % day.isoformat().encode()
    text = dump_json(list(records.values()))[1 + len(head) : -1]
    lines = text.replace(b", " + head, b",\n    ").replace(b', "phone": ', b': {"phone": ')
    return b'"%s": {\n    %s\n  }' % (day.isoformat().encode(), lines)


def parse_outbox(value: object) -> Outbox:
    """Return the content of ``crm_outbox.json``; SchemaError names the place of a damage."""
    return read_entries(
        value, str, lambda fields, row_id: read_struct(fields, CrmRow, row_id=row_id)
    )


def dump_outbox(outbox: Mapping[str, CrmRow]) -> bytes:
    """Return ``crm_outbox.json``, oldest row first, one a line."""
    return dump_file(dump_entry(key, fields_of(row, "row_id")) for key, row in outbox.items())


def parse_calls(value: object) -> Calls:
    """Return the content of ``api_usage.json``; SchemaError names the place of a damage."""
    return read_entries(value, month_of, count_of)


def dump_calls(calls: Mapping[str, int]) -> bytes:
    """Return ``api_usage.json``, months in order."""
    return dump_file(dump_entry(month, calls[month]) for month in sorted(calls))


_UNDROPPED = 512 * MIB
"""What a file may be larger by while nobody knows the day, and so nothing may be dropped: the whole
journal of a crash folded into it. A size is judged after that; else every start would fail."""


@dataclass(frozen=True, slots=True)
class _Form:
    """How one of the files is read and written.

    Attributes:
        field: Of StateFiles.
        max_bytes: No larger file is written once what no longer counts was dropped.
        is_made_by_init: So that its absence is a loss and never an empty file.
        read: Reads it faster where nobody edited it, see ``read_history``.
    """

    field: str
    parse: Callable[[object], Any]
    dump: Callable[[Any], bytes]
    max_bytes: int
    is_made_by_init: bool = False
    read: Callable[[bytes], Any] | None = None

    @property
    def most_read(self) -> int:
        """A larger file is refused."""
        return self.max_bytes + _UNDROPPED


FILES = {
    QUOTA_FILE: _Form("quota", parse_quota, dump_quota, 64 * MIB, is_made_by_init=True),
    # Half a million records take about 140 MiB; the usual limits make 450 a day, for 3650 days.
    HISTORY_FILE: _Form(
        "history",
        parse_history,
        dump_history,
        1024 * MIB,
        is_made_by_init=True,
        read=read_history,
    ),
    OUTBOX_FILE: _Form("outbox", parse_outbox, dump_outbox, 1024 * MIB),
    CALLS_FILE: _Form("calls", parse_calls, dump_calls, MIB),
}
"""In the order a fold writes them: what protects people comes first."""


def load_state(disk: Disk, folder: Path) -> StateFiles:
    """Read all four files.

    Raises:
        StateError: Quota or history is missing, or any file is damaged, too large, of another form
            or not a plain file of this user.
    """
    files = StateFiles()
    for name, form in FILES.items():
        found = load_json(disk, folder / name, form.parse, max_bytes=form.most_read, read=form.read)
        if found is not None:
            setattr(files, form.field, found)
        elif form.is_made_by_init:
            raise _missing(folder / name)
    return files


def save_state(
    disk: Disk, folder: Path, name: str, files: StateFiles, *, is_pruned: bool = False
) -> None:
    """Replace one of the four files atomically.

    Args:
        disk: Where to.
        folder: State directory.
        name: Of the file.
        files: Its content is one of these.
        is_pruned: What no longer counts was dropped, so the size is judged.

    Raises:
        StateError: It could not be written; the old content stands.
    """
    form = FILES[name]
    data = form.dump(getattr(files, form.field))
    most = form.max_bytes if is_pruned else form.most_read
    save_file(disk, folder / name, data, max_bytes=most)


def _missing(path: Path) -> StateError:
    hint = (
        "On the very first run: python -m lead_automation init. Otherwise STATE_DIR names the "
        "wrong folder, or the file was lost: restore it, for without it people are messaged twice."
    )
    return StateError(f"{path} is missing", path=path, hint=hint)


def init_state(disk: Disk, folder: Path) -> None:
    """Create quota and history as ``{}``, and the folder with them.

    An earlier ``init`` that was cut between the two files is finished.

    Raises:
        StateError: One of them is there already; nothing was touched.
    """
    quota, history = folder / QUOTA_FILE, folder / HISTORY_FILE
    try:
        disk.make_folder(folder)
        present = [path for path in (quota, history) if disk.stamp(path) is not None]
    except OSError as exc:
        msg = f"{folder} could not be created: {exc.strerror or exc}"
        raise StateError(msg, path=folder, hint="Check STATE_DIR and its permissions.") from exc
    half_done = present == [quota] and read_file(disk, quota, max_bytes=MIB) == _EMPTY
    if present and not half_done:
        names = " and ".join(path.name for path in present)
        msg = f"{names} already in {folder}: nothing was changed"
        hint = "If only one of the two is there, restore the other from a backup."
        raise StateError(msg, path=present[0], hint=hint)
    write_atomic(disk, quota, _EMPTY)
    write_atomic(disk, history, _EMPTY)

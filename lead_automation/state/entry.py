"""The entries of the send journal: what one step did, as effects that may be applied twice.

An entry sets records, owes or drops CRM rows by id, sets a month's calls: absolute effects. Quota
is the exception: its changes are added to what the ``day`` entry of that day says stood in the file
before, so that folding the same journal again still gives the same counts. One a line::

    {"v": 1, "kind": "day", "day": "2026-11-22", "base": {"Anandi": 3}}
    {"v": 1, "kind": "reserve", "quota": {"Anandi": 1}, "message": {…}}
    {"v": 1, "kind": "accepted", "owe": [{…}], "calls": {"2026-11": 9}, "message": {…}}
    {"v": 1, "kind": "reserve", "messages": [{…}, {…}], "quota": {"Anandi": 2}}
    {"v": 1, "kind": "row_taken", "drop": ["2026-11-22/1001/1"]}
    {"v": 1, "kind": "row_refused", "owe": [{…}]}
"""

from datetime import date
from enum import Enum
from typing import Annotated

from msgspec import Meta, Struct, field

from lead_automation.state.codec import (
    Month,
    SchemaError,
    dump_json,
    fields_of,
    object_of,
    read_struct,
)
from lead_automation.stored import Count, CrmRow, MessageRecord
from lead_automation.strictjson import JsonError, parse_json

VERSION = 1

# Far above any day's messages, and below what a sum of them could not hold exactly.
_Change = Annotated[int, Meta(ge=-1_000_000_000, le=1_000_000_000)]


class Kind(Enum):
    """What an entry records."""

    DAY = "day"
    """The first entry of a quota day: the counts the file had before."""
    RESERVE = "reserve"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"
    ABSENT = "absent"
    READING = "reading"
    INVALID = "invalid"
    ROW_TAKEN = "row_taken"
    ROW_REFUSED = "row_refused"
    """By the CRM, for itself: owed on, but set aside."""
    SETTLED = "settled"
    """Several messages of one POST, settled differently."""


_WITHOUT_MESSAGE = (Kind.DAY, Kind.ROW_TAKEN, Kind.ROW_REFUSED)


class JournalEntry(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    tag_field="v",
    tag=VERSION,
):
    """One line of the journal.

    Attributes:
        day, base: Of a ``day`` entry: the quota day, and its counts by counsellor.
        messages: The records as they are from now on, all of one day. One is written as
            ``message``, several (a batch) as ``messages``: a torn line counts for none of them.
        quota: Changes by counsellor, on the messages' day.
        owe: Rows owed from now on, or changed.
        drop: Ids of rows not owed any more.
        calls: WATI calls by month, totals.

    Raises:
        ValueError: It lacks what its kind is about.
    """

    kind: Kind
    day: date | None = None
    base: dict[str, Count] = field(default_factory=dict)
    messages: tuple[MessageRecord, ...] = ()
    quota: dict[str, _Change] = field(default_factory=dict)
    owe: tuple[CrmRow, ...] = ()
    drop: tuple[str, ...] = ()
    calls: dict[Month, Count] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.kind is Kind.DAY) != (self.day is not None):
            msg = "only a day entry has a day, and needs one"
            raise ValueError(msg)
        if self.kind not in _WITHOUT_MESSAGE and not self.messages:
            msg = f"a {self.kind.value} entry needs its message"
            raise ValueError(msg)
        if self.quota and len({message.day for message in self.messages}) != 1:
            msg = "a quota change needs its message, or several of one day"
            raise ValueError(msg)


def dump_journal_entry(entry: JournalEntry) -> bytes:
    """Return an entry as a line, newline included."""
    fields = fields_of(entry)
    if len(entry.messages) == 1:
        # So that the program before batches can go on with a journal of this one.
        fields["message"] = fields_of(entry.messages[0])
        del fields["messages"]
    return dump_json(fields) + b"\n"


def parse_journal_entry(line: bytes) -> JournalEntry:
    """Return the entry a line is.

    Raises:
        SchemaError: Not JSON, another version, an unknown kind or anything not of its form.
    """
    try:
        fields = object_of(parse_json(line, reject_duplicates=True, check_depth=False))
    except JsonError as exc:
        raise SchemaError(str(exc)) from exc
    _check_version(fields.get("v"))
    if "message" in fields and "messages" not in fields:
        fields["messages"] = [fields.pop("message")]
    return read_struct(fields, JournalEntry)


def _check_version(version: object) -> None:
    if type(version) is not int or version < VERSION:
        msg = f"{version!r} is not version {VERSION}"
        raise SchemaError(msg, "v")
    if version > VERSION:
        msg = f"version {version} is newer than this program: use the one that wrote it"
        raise SchemaError(msg, "v")

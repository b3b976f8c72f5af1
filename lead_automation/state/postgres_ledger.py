"""The ledger of a database: each entry is one statement, committed before it counts.

Read whole at the start, as the files are, and moved on in memory by the same entries; only the
holder of the lock writes, so the two cannot part.
"""

from collections.abc import Iterable
from datetime import date, timedelta, tzinfo
from typing import Any, LiteralString, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from lead_automation.errors import StateError
from lead_automation.state.codec import (
    SchemaError,
    count_of,
    dump_json,
    fields_of,
    month_of,
    read_struct,
)
from lead_automation.state.entry import JournalEntry, Kind
from lead_automation.state.jsonstore import StateFiles
from lead_automation.state.ledger import Ledger
from lead_automation.state.session import Session
from lead_automation.stored import CrmRow, MessageRecord
from lead_automation.strictjson import JsonError, parse_json

_T = TypeVar("_T")

_FILLED_AT_ONCE = 5_000  # records of one statement: a second, far below the limit of one

# All of an entry or nothing of it. A reservation adds its messages to what each lead has that day,
# and its count to what is used; constraints of the tables refuse a second message and a passed
# limit, whoever else may have written meanwhile.
_KEEP: LiteralString = """
    WITH messages AS (
        INSERT INTO message AS kept (day, lead_id, phone, messages, record)
        SELECT * FROM unnest(%(days)s::date[], %(lead_ids)s::text[], %(phones)s::text[],
            %(messages)s::integer[], %(records)s::json[])
        ON CONFLICT (day, lead_id) DO UPDATE SET phone = excluded.phone, record = excluded.record,
            messages = excluded.messages
                + CASE WHEN %(reserves)s::boolean THEN kept.messages ELSE 0 END
    ), change AS (
        SELECT * FROM unnest(%(names)s::text[], %(before)s::integer[], %(changes)s::integer[],
            %(limits)s::integer[]) AS new (counsellor, before, more, daily_limit)
    ), quotas AS (
        INSERT INTO quota AS kept (day, counsellor, used, daily_limit)
        SELECT %(quota_day)s::date, counsellor, greatest(0, before + more), daily_limit FROM change
        ON CONFLICT (day, counsellor) DO UPDATE SET
            daily_limit = excluded.daily_limit,
            used = (SELECT greatest(0, greatest(kept.used, before) + more) FROM change
                WHERE change.counsellor = kept.counsellor)
    ), owed AS (
        INSERT INTO crm_row (row_id, record)
        SELECT * FROM unnest(%(row_ids)s::text[], %(rows)s::json[])
        ON CONFLICT (row_id) DO UPDATE SET record = excluded.record, place = excluded.place
    ), taken AS (
        DELETE FROM crm_row WHERE row_id = ANY(%(dropped)s::text[])
    ), calls AS (
        INSERT INTO api_usage AS kept (month, calls)
        SELECT * FROM unnest(%(months)s::text[], %(totals)s::integer[])
        ON CONFLICT (month) DO UPDATE SET calls = greatest(kept.calls, excluded.calls)
    )
    SELECT set_config('synchronous_commit', %(commit)s, true), pg_backend_pid()"""

# The same for an entry that takes a row and nothing else, one a lead: half the time.
_TAKE: LiteralString = """
    WITH taken AS (DELETE FROM crm_row WHERE row_id = ANY(%(dropped)s::text[]))
    SELECT set_config('synchronous_commit', %(commit)s, true), pg_backend_pid()"""

_FORGET: LiteralString = """
    WITH quotas AS (DELETE FROM quota WHERE day < %(first)s)
    DELETE FROM message WHERE day < %(first)s"""

_MEND = (
    "It was left as it is. Mend that row by hand or restore the database from a backup; do not "
    "delete it to get past this: what it knows would be forgotten."
)


class PostgresLedger(Ledger):
    """The ledger of a database."""

    def __init__(
        self, session: Session, *, history_days: int, zone: tzinfo, backend: int | None
    ) -> None:
        """Load the state as it is at one moment.

        Args:
            session: Is asked once; where the ledger writes, it holds the lock.
            history_days: Retention and reach of the duplicate rule, in days.
            zone: The zone times are written in.
            backend: The server process that the lock was taken in. None for reading only: every
                writing method raises StateError, ``finish`` does nothing.

        Raises:
            StateError: Damaged, or the server does not answer.
        """
        with session.transaction("ISOLATION LEVEL REPEATABLE READ, READ ONLY"):
            files = load_files(session)
        super().__init__(files, history_days=history_days, zone=zone)
        self._session = session
        self._backend = backend
        # A settled message was changed after it was reserved, were it only to say "unknown".
        self.recovered = sum(
            one.updated_at in (None, one.sent_at) for one in self.unknown_messages()
        )

    def _keep(self, entry: JournalEntry, *, durable: bool) -> None:
        if self._backend is None:
            msg = f"the database {self._session.place} was opened for reading only"
            raise StateError(msg)
        if entry.kind is not Kind.DAY:  # the tables have the counts it would begin with
            entry = replace(entry, calls=self._new_calls)
            [(_, backend)] = self._commit(entry, commit="on" if durable else "off")
            if backend != self._backend:
                msg = f"{self._session.place} changes the session between two statements"
                hint = "Let STATE_URL name the server itself: behind a pooler there is no lock."
                raise StateError(msg, hint=hint)
            self._new_calls = {}
        # In the database first, in memory then: what was not committed never counts.
        self.apply(entry)

    def _commit(self, entry: JournalEntry, *, commit: str) -> list[tuple[Any, ...]]:
        """Write an entry; "off": what need not be durable is committed, only not waited for."""
        if entry.messages or entry.owe or entry.calls:
            return self._session.rows(_KEEP, commit=commit, **self._values(entry))
        return self._session.rows(_TAKE, commit=commit, dropped=list(entry.drop))

    def _values(self, entry: JournalEntry) -> dict[str, object]:
        """Return the parameters of ``_KEEP``."""
        quota_day = entry.messages[0].day if entry.messages else date.min
        used = self.quota_used(quota_day)
        return {
            **_message_values(entry.messages),
            "reserves": entry.kind is Kind.RESERVE,
            "quota_day": quota_day,
            "names": list(entry.quota),
            "before": [used.get(name, 0) for name in entry.quota],
            "changes": list(entry.quota.values()),
            "limits": [self._limits.get(name) for name in entry.quota],
            **_row_values(entry.owe),
            "dropped": list(entry.drop),
            "months": list(entry.calls),
            "totals": list(entry.calls.values()),
        }

    def finish(self, *, today: date | None) -> None:
        """Write down the month's calls, and forget what is over; everything else is kept already.

        Args:
            today: See ``Ledger.finish``.
        """
        if self._backend is None:
            return
        if today is not None:
            self._give_up_over_messages(today)
        if self._new_calls:
            self._keep(JournalEntry(kind=Kind.ROW_TAKEN), durable=True)
        if today is not None:
            self._session.rows(_FORGET, first=today - timedelta(days=self._history_days))
            self.prune(today)
        self.start_anew()

    def close(self) -> None:
        """Do nothing: the session is its opener's."""


def load_files(session: Session) -> StateFiles:
    """Return what the tables say, read strictly; inside a transaction that sees one moment.

    Raises:
        StateError: A row is damaged, or the server does not answer.
    """
    files = StateFiles()
    for day, name, used in session.rows("SELECT day, counsellor, used FROM quota"):
        files.quota.setdefault(day, {})[name] = used
    for day, lead_id, text in session.rows(
        "SELECT day, lead_id, record::text FROM message ORDER BY day, place"
    ):
        files.history.setdefault(day, {})[lead_id] = read_row(
            session, "message", MessageRecord, text, day=day, lead_id=lead_id
        )
    for row_id, text in session.rows("SELECT row_id, record::text FROM crm_row ORDER BY place"):
        files.outbox[row_id] = read_row(session, "crm_row", CrmRow, text, row_id=row_id)
    for month, calls in session.rows("SELECT month, calls FROM api_usage"):
        files.calls[month_of(month)] = count_of(calls)
    return files


def fill_tables(session: Session, files: StateFiles) -> None:
    """Write a whole state into empty tables, in the order it is kept; inside a transaction."""
    records = [record for day in files.history.values() for record in day.values()]
    for start in range(0, len(records), _FILLED_AT_ONCE):
        session.rows(
            "INSERT INTO message (day, lead_id, phone, messages, record)"
            " SELECT * FROM unnest(%(days)s::date[], %(lead_ids)s::text[], %(phones)s::text[],"
            " %(messages)s::integer[], %(records)s::json[])",
            **_message_values(records[start : start + _FILLED_AT_ONCE]),
        )
    counts = [(day, *count) for day, used in files.quota.items() for count in used.items()]
    session.rows(
        "INSERT INTO quota (day, counsellor, used)"
        " SELECT * FROM unnest(%(days)s::date[], %(names)s::text[], %(used)s::integer[])",
        days=[day for day, _, _ in counts],
        names=[name for _, name, _ in counts],
        used=[used for _, _, used in counts],
    )
    session.rows(
        "INSERT INTO crm_row (row_id, record)"
        " SELECT * FROM unnest(%(row_ids)s::text[], %(rows)s::json[])",
        **_row_values(files.outbox.values()),
    )
    session.rows(
        "INSERT INTO api_usage SELECT * FROM unnest(%(months)s::text[], %(totals)s::integer[])",
        months=list(files.calls),
        totals=list(files.calls.values()),
    )


def _message_values(records: Iterable[MessageRecord]) -> dict[str, object]:
    """Return records as columns: a list for each, in one order."""
    kept = list(records)
    return {
        "days": [record.day for record in kept],
        "lead_ids": [record.lead_id for record in kept],
        "phones": [record.phone for record in kept],
        "messages": [int(record.may_have_arrived) for record in kept],
        "records": [dump_row(record, "day", "lead_id") for record in kept],
    }


def _row_values(rows: Iterable[CrmRow]) -> dict[str, object]:
    kept = list(rows)
    return {
        "row_ids": [row.row_id for row in kept],
        "rows": [dump_row(row, "row_id") for row in kept],
    }


def dump_row(value: Struct, *columns: str) -> str:
    """Return a row's document: the fields that are no columns, as the files would have them."""
    return dump_json(fields_of(value, *columns)).decode()


def read_row(session: Session, table: str, kind: type[_T], text: str, **outside: Any) -> _T:
    """Return what a row's document says.

    Args:
        session: For the message.
        table: For the message.
        kind: A struct.
        text: The document.
        outside: Its fields that are columns; they say which row it is.

    Raises:
        StateError: It is damaged.
    """
    try:
        return read_struct(parse_json(text.encode(), reject_duplicates=True), kind, **outside)
    except (JsonError, SchemaError) as exc:
        where = SchemaError(str(exc), table, *map(str, outside.values()))
        msg = f"the database {session.place}: {where}"
        raise StateError(msg, hint=_MEND) from exc

"""Suppression list and hold in a database: read anew at every look, for any machine may write."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import LiteralString

from lead_automation.state.database import Database
from lead_automation.state.hold import CampaignHold
from lead_automation.state.postgres_ledger import dump_row, read_row
from lead_automation.state.session import Session
from lead_automation.state.suppression import SuppressionList
from lead_automation.stored import Hold, Suppression

_HOLD: LiteralString = "SELECT record::text FROM hold WHERE one"


class PostgresSuppressions(SuppressionList):
    """The suppression list of a database, a row a number."""

    def __init__(self, database: Database) -> None:
        """Prepare; nobody is connected yet."""
        self._database = database

    def _read(self, phone: str) -> Suppression | None:
        with self._database.session() as session:
            return read_suppressions(session, [phone]).get(phone)

    def _read_all(self) -> Mapping[str, Suppression]:
        with self._database.session() as session:
            return read_suppressions(session)

    @contextmanager
    def _changing(self, *phones: str) -> Iterator[dict[str, Suppression]]:
        with self._database.session() as session, session.transaction():
            # Until the commit: two writers that read the same entry would lose one of two changes.
            session.rows("LOCK TABLE suppression IN SHARE ROW EXCLUSIVE MODE")
            before = read_suppressions(session, list(phones))
            entries = dict(before)
            yield entries
            gone = before.keys() - entries.keys()
            session.rows("DELETE FROM suppression WHERE phone = ANY(%(gone)s)", gone=list(gone))
            write_suppressions(
                session, [new for phone, new in entries.items() if before.get(phone) != new]
            )


class PostgresHold(CampaignHold):
    """The hold of a database: at most one row."""

    def __init__(self, database: Database) -> None:
        """Prepare; nobody is connected yet."""
        self._database = database

    def read(self) -> Hold | None:
        """Return what the row says."""
        with self._database.session() as session:
            return read_hold(session)

    def _write(self, hold: Hold) -> None:
        with self._database.session() as session:
            write_hold(session, hold)

    def lift(self) -> None:
        """Remove the row."""
        with self._database.session() as session:
            session.rows("DELETE FROM hold WHERE one")

    def raw(self) -> bytes:
        """Return the row's document."""
        with self._database.session() as session:
            return b"".join(text.encode() for (text,) in session.rows(_HOLD))

    def set_aside(self, now: datetime) -> str:  # noqa: ARG002 - the table keeps their order
        """Let the row stand for nothing."""
        with self._database.session() as session:
            session.rows("UPDATE hold SET one = NULL WHERE one")
        return f"{self._database.place}, table hold"


def write_suppressions(session: Session, entries: Iterable[Suppression]) -> None:
    """Add entries, or put them in the place of what stands against their numbers."""
    entries = list(entries)
    session.rows(
        "INSERT INTO suppression SELECT * FROM unnest(%(phones)s::text[], %(records)s::json[])"
        " ON CONFLICT (phone) DO UPDATE SET record = excluded.record",
        phones=[entry.phone for entry in entries],
        records=[dump_row(entry, "phone") for entry in entries],
    )


def read_hold(session: Session) -> Hold | None:
    """Return the hold, None where there is none."""
    for (text,) in session.rows(_HOLD):
        return read_row(session, "hold", Hold, text)
    return None


def write_hold(session: Session, hold: Hold) -> None:
    """Put a hold in the place of the one that stands there."""
    session.rows(
        "INSERT INTO hold (record) VALUES (%(record)s)"
        " ON CONFLICT (one) DO UPDATE SET record = excluded.record",
        record=dump_row(hold),
    )


def read_suppressions(session: Session, phones: list[str] | None = None) -> dict[str, Suppression]:
    """Return the entries of these numbers, or of all."""
    if phones is None:
        found = session.rows("SELECT phone, record::text FROM suppression")
    else:
        # A statement of its own, so that it goes by the index: it is asked before every send.
        found = session.rows(
            "SELECT phone, record::text FROM suppression WHERE phone = ANY(%(phones)s::text[])",
            phones=phones,
        )
    return {
        phone: read_row(session, "suppression", Suppression, text, phone=phone)
        for phone, text in found
    }

"""Keep each run's report on disk, and find it again."""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from lead_automation.errors import ConfigError, StateError
from lead_automation.files import Disk, write_atomic
from lead_automation.models import Outcome
from lead_automation.reporting.documents import (
    document_bytes,
    is_run_id,
    parse_run_document,
    run_date,
)
from lead_automation.reporting.kept import KeptRun, read_kept
from lead_automation.reporting.live import refreshed
from lead_automation.runs import RunMode, RunResult
from lead_automation.stored import Count, LeadId, MessageRecord, Time

REPORTS_FOLDER = "reports"
"""Folder of the reports, below the state directory."""
INDEX_NAME = "index.html"

_MAX_BYTES = 256 << 20  # 100,000 leads with the longest texts there can be take less
_MOST_NAMED = 5  # enough to see what an id looks like, and which was the last
_PREFIX, _SUFFIX = "run-", ".json"

_T = TypeVar("_T", bound=KeptRun)


def save_run_report(
    disk: Disk, folder: Path, result: RunResult, *, render_html: Callable[[RunResult], str]
) -> tuple[Path, Path]:
    """Write a run's JSON and HTML files; return their paths in that order.

    Args:
        disk: Where to.
        folder: ``reports`` below the state directory; made when it is missing.
        result: The run; its id names the files.
        render_html: Makes the page (``report.render_html`` with a zone).

    Raises:
        StateError: A file could not be written.
    """
    json_path = _path(folder, result.run_id)
    html_path = json_path.with_suffix(".html")
    with _saying(folder, "made"):
        disk.make_folder(folder)
    write_atomic(disk, json_path, document_bytes(result))
    write_atomic(disk, html_path, render_html(result).encode())
    return json_path, html_path


def list_runs(disk: Disk, folder: Path) -> list[str]:
    """Return the ids of the kept runs, oldest first.

    Raises:
        StateError: The folder is a link, or cannot be listed.
    """
    _refuse_link(folder)
    with _saying(folder, "listed", hint="It must be a folder of this user."):
        found = disk.list_names(folder)
    names = [
        name[len(_PREFIX) : -len(_SUFFIX)]
        for name in found
        if name.startswith(_PREFIX) and name.endswith(_SUFFIX)
    ]
    return sorted(name for name in names if is_run_id(name))


def load_run(disk: Disk, folder: Path, run_id: str | None) -> RunResult:
    """Return a kept run, the last one when no id is given.

    Raises:
        ConfigError: run_id has no run id's form, or no such run is kept.
        StateError: No run is kept at all, or the file cannot be read.
    """
    if run_id is None:
        kept = list_runs(disk, folder)
        if not kept:
            msg = f"No run has left a report in {folder} yet"
            hint = "Check STATE_DIR, or start one: `run --sandbox` needs no settings."
            raise StateError(msg, path=folder, hint=hint)
        run_id = kept[-1]
    elif not is_run_id(run_id):
        raise ConfigError(("--run: expected an id such as 20261122T091523-3f9a",))
    path = _path(folder, run_id)
    data = _read(disk, path)
    if data is None:
        last = ", ".join(list_runs(disk, folder)[-_MOST_NAMED:]) or "none"
        hint = f"The last ones kept: {last}"
        raise ConfigError((f"--run: no report of run {run_id} in {folder}",), hint=hint)
    return parse_run_document(data, path=path)


def kept_runs(disk: Disk, folder: Path, form: type[_T], *, since: date = date.min) -> Iterator[_T]:
    """Yield the kept runs of a day or later, newest first; one that cannot be read is passed over.

    Args:
        disk: Where they are read from.
        folder: ``reports`` below the state directory.
        form: ``KeptRun`` without the leads, or ``KeptRows`` with them.
        since: First local date of a run's start.

    Raises:
        StateError: The folder cannot be listed.
    """
    for run_id in reversed(list_runs(disk, folder)):
        if run_date(run_id) < since:
            return
        try:
            data = _read(disk, _path(folder, run_id))
        except StateError:
            continue
        found = read_kept(data, form) if data is not None else None
        if found is not None:
            yield found


def first_day(disk: Disk, folder: Path) -> date | None:
    """Return the day of the oldest kept run; None when there is none."""
    return next((run_date(run_id) for run_id in list_runs(disk, folder)), None)


def refresh_reports(
    disk: Disk,
    folder: Path,
    records: Collection[MessageRecord],
    *,
    known_at: datetime,
    render_html: Callable[[RunResult], str],
) -> None:
    """Bring the documents and pages of the runs that sent these messages up to date.

    Args:
        disk: Where they are.
        folder: ``reports`` below the state directory.
        records: Messages whose status changed.
        known_at: Aware.
        render_html: As for ``save_run_report``.

    Raises:
        StateError: The folder cannot be listed, or a file cannot be written.
    """
    # A run that crossed midnight began the day before its last messages.
    days = {day for its in records for day in (its.day, its.day - timedelta(days=1))}
    for run_id in list_runs(disk, folder):
        if run_date(run_id) not in days:
            continue
        try:
            before = load_run(disk, folder, run_id)
        except StateError:
            continue  # `report` says what is wrong with it; the others are not to suffer
        after = refreshed(before, records, known_at)
        if after is not before:
            save_run_report(disk, folder, after, render_html=render_html)


def save_index(disk: Disk, folder: Path, render: Callable[[Iterable[KeptRun]], str]) -> Path:
    """Write ``index.html``, the list of the kept runs; return its path.

    Raises:
        StateError: The folder cannot be listed, or the file cannot be written.
    """
    path = folder / INDEX_NAME
    write_atomic(disk, path, render(kept_runs(disk, folder, KeptRun)).encode())
    return path


def forget_runs(disk: Disk, folder: Path, before: date) -> None:
    """Delete the documents and pages of runs that began before a day.

    Raises:
        StateError: The folder cannot be listed, or a file cannot be deleted.
    """
    for run_id in list_runs(disk, folder):
        if run_date(run_id) >= before:
            return
        path = _path(folder, run_id)
        with _saying(path, "deleted"):
            # The page first: a document that is still there is found and deleted the next time.
            disk.remove(path.with_suffix(".html"))
            disk.remove(path)


class MessagedRow(Struct, frozen=True):
    """A lead that a kept document says was, or may have been, messaged; the rest is not read."""

    lead_id: str
    full_id: LeadId | None = None
    outcome: str | None = None
    counsellor: str | None = None
    at: Time | None = None

    @property
    def known_as(self) -> str:
        """The lead's id in the history; never shown."""
        return self.full_id or self.lead_id

    @property
    def is_accepted(self) -> bool:
        """Whether WATI took the message."""
        return self.outcome == Outcome.ACCEPTED.value


class RunMessages(Struct, frozen=True):
    """What a kept document says of whom a run messaged.

    Attributes:
        history_days: How far back the history reached then; None in a document that does not say.
    """

    mode: str
    lead_rows: tuple[MessagedRow, ...]
    history_days: Count | None = None


def messaged_leads(disk: Disk, folder: Path, since: date) -> dict[str, RunMessages]:
    """Return whom the kept production runs since a day messaged, or may have, by run id.

    A document that cannot be read says nothing either way. An id of which only the masked form is
    kept names nobody.

    Raises:
        StateError: The folder is a link, or cannot be listed.
    """
    found = {}
    for run_id in list_runs(disk, folder):
        if run_date(run_id) >= since and (its := _messaged(disk, _path(folder, run_id))):
            found[run_id] = its
    return found


def _messaged(disk: Disk, path: Path) -> RunMessages | None:
    try:
        kept = msgspec.json.decode(_read(disk, path) or b"", type=RunMessages)
    except (StateError, msgspec.MsgspecError, UnicodeError):
        return None
    if kept.mode != RunMode.PRODUCTION.value:
        return None
    arrived = (Outcome.ACCEPTED.value, Outcome.UNKNOWN.value)
    rows = (row for row in kept.lead_rows if row.outcome in arrived and "•" not in row.known_as)
    return replace(kept, lead_rows=tuple(rows))


def _refuse_link(folder: Path) -> None:
    """Refuse a folder that leads elsewhere, before it is read or anything is written there."""
    is_link = False
    with suppress(OSError):  # no such path can be: whoever goes on to use it says why
        is_link = folder.is_symlink()
    if is_link:
        msg = f"{folder} is a symbolic link"
        hint = "Reports are kept in a plain folder of the state directory: remove the link."
        raise StateError(msg, path=folder, hint=hint)


def _path(folder: Path, run_id: str) -> Path:
    _refuse_link(folder)
    return folder / f"{_PREFIX}{run_id}{_SUFFIX}"


def _read(disk: Disk, path: Path) -> bytes | None:
    with _saying(path, "read"):
        return disk.read(path, _MAX_BYTES, private=True)


@contextmanager
def _saying(path: Path, what: str, *, hint: str = "") -> Iterator[None]:
    """Turn an OSError into a StateError that says what could not be done."""
    try:
        yield
    except OSError as exc:
        msg = f"{path} could not be {what}: {exc.strerror or exc}"
        raise StateError(msg, path=path, hint=hint) from exc

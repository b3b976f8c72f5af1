"""Read one JSON state file strictly and write it atomically; every problem is a StateError."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from lead_automation.errors import StateError
from lead_automation.files import Disk, write_atomic
from lead_automation.state.codec import SchemaError
from lead_automation.strictjson import JsonError, parse_json
from lead_automation.text import clean, mask_numbers

MIB = 1 << 20

_T = TypeVar("_T")

_MEND = (
    "The file was left as it is. Mend that place by hand or restore the file from a backup; "
    "do not delete it to get past this: what it knows would be forgotten."
)


def load_json(
    disk: Disk,
    path: Path,
    parse: Callable[[object], _T],
    *,
    max_bytes: int,
    read: Callable[[bytes], _T | None] | None = None,
) -> _T | None:
    """Return what parse makes of a file's JSON, None when there is no such file.

    Args:
        disk: Where it is read from.
        path: The file.
        parse: Makes the value; raises SchemaError with the place of what it refuses. May take the
            JSON value apart: nobody else looks at it.
        max_bytes: A larger file is refused.
        read: Is tried first; None from it says nothing of the file.

    Raises:
        StateError: Not readable, not a plain file of this user, too large, not JSON, refused.
    """
    data = read_file(disk, path, max_bytes=max_bytes)
    if data is None:
        return None
    if read is not None and (found := read(data)) is not None:
        return found
    try:
        value = parse_json(data, reject_duplicates=True, check_depth=False)
        del data  # a long history: its bytes and its records need not be in memory together
        _check_version(value)
        return parse(value)
    except JsonError as exc:
        problem = f"is not JSON: {mask_numbers(clean(exc))}"
    except SchemaError as exc:
        problem = str(exc)
    msg = f"{path}: {problem}"
    raise StateError(msg, path=path, hint=_MEND)


def read_file(disk: Disk, path: Path, *, max_bytes: int) -> bytes | None:
    """Return a file's bytes, None when there is no such file.

    Raises:
        StateError: Not readable, not a plain file of this user, or larger than max_bytes.
    """
    try:
        return disk.read(path, max_bytes, private=True)
    except OSError as exc:
        msg = f"{path} could not be read: {exc.strerror or exc}"
        hint = "Check STATE_DIR, its permissions and whose it is."
        raise StateError(msg, path=path, hint=hint) from exc


def save_file(disk: Disk, path: Path, data: bytes, *, max_bytes: int) -> None:
    """Replace a file atomically.

    Raises:
        StateError: It could not be written, or is larger than the next run would read.
    """
    if len(data) > max_bytes:
        msg = f"{path} would grow to {len(data):,} bytes; more than {max_bytes:,} are never read"
        hint = "Lower HISTORY_DAYS, or see why crm_outbox.json grows: the CRM takes no rows."
        raise StateError(msg, path=path, hint=hint)
    write_atomic(disk, path, data)


def _check_version(value: object) -> None:
    """Refuse a file that names a version: this form of it has none."""
    if isinstance(value, dict) and "version" in value:
        msg = "the file names a version, so a newer lead_automation wrote it: use that one"
        raise SchemaError(msg, "version")

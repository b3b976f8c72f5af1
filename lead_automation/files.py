"""Read and write files safely: the only module that opens state, settings and report files."""

import os
import shutil
import stat
from pathlib import Path

from lead_automation.errors import StateError

PRIVATE_MODE = 0o600  # the files hold names and whole numbers

# Windows lacks the first two; there the folder's access rights have to do. Without the second,
# opening a FIFO waits for a writer; the third keeps Windows from translating line ends.
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NONBLOCK = getattr(os, "O_NONBLOCK", 0)
_BINARY = getattr(os, "O_BINARY", 0)


class AppendFile:
    """An open file that only grows."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def size(self) -> int:
        """Return the length in bytes."""
        return os.fstat(self._descriptor).st_size

    def append(self, data: bytes) -> None:
        """Write data at the end; OSError when not all of it could be written."""
        # A nearly full disk takes a part and reports the error only on the next write.
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def sync(self) -> None:
        """Return once everything appended is on the medium; OSError otherwise.

        Not to be called again after a failure: Linux may have dropped the pages and would report
        success (https://wiki.postgresql.org/wiki/Fsync_Errors).
        """
        os.fsync(self._descriptor)

    def truncate(self, size: int) -> None:
        """Cut to size bytes, on the medium when this returns."""
        os.ftruncate(self._descriptor, size)
        # Otherwise a power cut could bring back what was cut off.
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Close; nothing is synced."""
        os.close(self._descriptor)


class Disk:
    """What the program needs of the machine's file system. Every method raises OSError on failure.

    A test may put another one in its place: record every step, cut the power between two of them,
    run out of space.
    """

    def read(self, path: Path, max_bytes: int, *, private: bool) -> bytes | None:
        """Return the content, None when there is no such file.

        Args:
            path: The file.
            max_bytes: A larger file raises StateError.
            private: Also refuse symlinks, hard links and files of another owner.

        Raises:
            StateError: Not a regular file, too large, or refused by private.
        """
        flags = os.O_RDONLY | _NONBLOCK | _BINARY | (_NOFOLLOW if private else 0)
        try:
            descriptor = os.open(path, flags)
        except FileNotFoundError:
            return None
        except OSError as exc:
            if private and path.is_symlink():
                raise _refused(path, "is a symbolic link") from exc
            raise
        _check_or_close(path, descriptor, private=private)
        with os.fdopen(descriptor, "rb") as stream:
            # What is there now, even if it is growing: asked for max_bytes, Python would reserve
            # them all first, half a gigabyte for an empty journal.
            size = os.fstat(descriptor).st_size
            data = stream.read(size) if size <= max_bytes else b""
        if size > max_bytes:
            raise _refused(path, f"is larger than {max_bytes:,} bytes")
        return data

    def write_new(self, path: Path, data: bytes) -> None:
        """Create or empty a file (mode 0600), write data, sync it."""
        # Emptied only once it is known to be ours: a planted second name of another file must not
        # cost that file its content, nor a planted FIFO hold us up.
        flags = os.O_WRONLY | os.O_CREAT | _NOFOLLOW | _NONBLOCK | _BINARY
        descriptor = os.open(path, flags, PRIVATE_MODE)
        _check_or_close(path, descriptor, private=True)
        with os.fdopen(descriptor, "wb") as stream:
            _make_private(descriptor)
            stream.truncate(0)
            stream.write(data)
            stream.flush()
            os.fsync(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        """Rename over the target, all or nothing."""
        source.replace(target)

    def sync_folder(self, folder: Path) -> None:
        """Return once the folder's entries are on the medium; Windows needs no such call."""
        if os.name == "nt":
            return
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def open_append(self, path: Path) -> AppendFile:
        """Open for appending (mode 0600), creating it; refuses what ``read`` refuses privately."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | _NOFOLLOW | _NONBLOCK | _BINARY
        descriptor = os.open(path, flags, PRIVATE_MODE)
        _check_or_close(path, descriptor, private=True)
        _make_private(descriptor)
        return AppendFile(descriptor)

    def remove(self, path: Path) -> None:
        """Remove a file; nothing happens when there is none."""
        path.unlink(missing_ok=True)

    def list_names(self, folder: Path) -> list[str]:
        """Return the sorted names in a folder; empty when there is no such folder."""
        try:
            return sorted(entry.name for entry in folder.iterdir())
        except FileNotFoundError:
            return []

    def is_own_folder(self, folder: Path) -> bool:
        """Whether there is such a folder, and it belongs to the user of this process."""
        try:
            found = folder.stat()
        except (OSError, ValueError):  # ValueError: a path no file system takes
            return False
        return stat.S_ISDIR(found.st_mode) and (os.name == "nt" or found.st_uid == os.geteuid())

    def free_bytes(self, folder: Path) -> int:
        """Return how much this user may still write there."""
        return shutil.disk_usage(folder).free

    def is_writable(self, folder: Path) -> bool:
        """Whether this user may make files there, on a file system that takes any."""
        return os.access(folder, os.W_OK | os.X_OK)

    def other_owner(self, folder: Path) -> str | None:
        """Return whose folder it is where that is another user, as ``sudo -u`` takes it."""
        try:
            owner = folder.stat().st_uid
        except (OSError, ValueError):  # ValueError: a path no file system takes
            return None
        if os.name == "nt" or owner == os.geteuid():
            return None
        import pwd  # noqa: PLC0415 - Windows has none

        try:
            return pwd.getpwuid(owner).pw_name
        except KeyError:
            return f"#{owner}"

    def make_folder(self, folder: Path) -> None:
        """Create a folder (mode 0700) with its parents unless it exists."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def stamp(self, path: Path) -> object:
        """Return a value that changes when the file is replaced or edited; None when missing."""
        try:
            found = path.lstat()
        except FileNotFoundError:
            return None
        # Each alone may stay the same: inode when edited in place, size with an edit of equal
        # length, time when a copy restores it.
        return (found.st_ino, found.st_size, found.st_mtime_ns)


def write_atomic(disk: Disk, path: Path, data: bytes) -> None:
    """Replace a file so that a reader, or a crash, sees the old or the new content, whole.

    Temporary file in the same folder, write, fsync, rename, fsync the folder. A temporary file that
    a kill left behind is overwritten by the next write and never read.

    Raises:
        StateError: Any step failed; the old content stands.
    """
    # In the same folder, because a rename cannot cross file systems.
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        # Content before name: in the other order a power cut could leave an empty file behind.
        disk.write_new(temporary, data)
        disk.replace(temporary, path)
        # The rename changes the folder, and a power cut may undo it until that is synced too.
        disk.sync_folder(path.parent)
    except (OSError, ValueError) as exc:  # ValueError: a path no file system takes
        reason = (exc.strerror if isinstance(exc, OSError) else None) or exc
        msg = f"{path} could not be written: {reason}"
        hint = "Check free space, quota and permissions of the state directory, then run again."
        raise StateError(msg, path=path, hint=hint) from exc


def _make_private(descriptor: int) -> None:
    """Take everybody else's access away from a file that was there before, such as a clone's."""
    if os.name != "nt":
        os.fchmod(descriptor, PRIVATE_MODE)


def _check_or_close(path: Path, descriptor: int, *, private: bool) -> None:
    try:
        _check_kind(path, os.fstat(descriptor), private=private)
    except StateError:
        os.close(descriptor)
        raise


def _check_kind(path: Path, found: os.stat_result, *, private: bool) -> None:
    """Refuse anything but a plain file, and with private anything another user could steer."""
    if not stat.S_ISREG(found.st_mode):
        raise _refused(path, "is not a regular file")
    if not private or os.name == "nt":
        return
    # A second name may belong to another file, linked here for us to read or to empty.
    if found.st_nlink != 1:
        raise _refused(path, "has a second name (hard link)")
    # Whoever reads in another user's folder meets that user's files; nobody else's are trusted.
    if found.st_uid not in (os.geteuid(), path.parent.stat().st_uid):
        raise _refused(path, "belongs to another user")


def _refused(path: Path, problem: str) -> StateError:
    # Never "replace" or "delete": it may be the journal, and what it knows would be forgotten.
    hint = (
        "Nothing was changed. See with `ls -l` what it is and whose: only plain files of the user "
        "who runs the program are used. A file of that kind made by another user is given back "
        "with `chown`, with everything in it."
    )
    return StateError(f"{path} {problem}", path=path, hint=hint)

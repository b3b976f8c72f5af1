"""Files read and replaced safely on the real file system."""

import errno
import os
import socket
import tempfile
from pathlib import Path

import pytest
from disks import FaultyDisk, Phase, Script, crash, fail_with

from lead_automation.errors import StateError
from lead_automation.files import Disk, write_atomic

_DISK = Disk()
_ANY = 1 << 20


def test_read_returns_the_content_or_none(tmp_path: Path) -> None:
    """A file that is there is read whole, also at its exact limit; a missing one is None."""
    path = tmp_path / "a"
    path.write_bytes(b"12345")

    assert _DISK.read(path, 5, private=True) == b"12345"
    assert _DISK.read(tmp_path / "b", 5, private=True) is None


def test_read_of_a_larger_file_is_refused(tmp_path: Path) -> None:
    """One byte too many is refused with the limit named."""
    path = tmp_path / "a"
    path.write_bytes(b"123456")

    with pytest.raises(StateError, match="is larger than 5 bytes"):
        _DISK.read(path, 5, private=False)


@pytest.mark.skipif(os.name == "nt", reason="the kinds of file of POSIX")
@pytest.mark.parametrize("kind", ["folder", "fifo", "socket", "device"])
def test_read_of_what_is_no_plain_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    """A pipe, a socket, a device or a folder is never waited for nor read."""
    path = tmp_path / "a"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path = Path(os.devnull)
    else:
        # A socket's path must be short.
        path = Path(tempfile.mkdtemp()) / "s"
        with socket.socket(socket.AF_UNIX) as unix:
            unix.bind(str(path))

    with pytest.raises((StateError, OSError)) as caught:
        _DISK.read(path, _ANY, private=False)

    if kind != "socket":  # opening one fails by itself
        assert "is not a regular file" in str(caught.value)


@pytest.mark.skipif(os.name == "nt", reason="links of POSIX")
@pytest.mark.parametrize("link", ["symbolic", "hard"])
def test_read_privately_refuses_links(tmp_path: Path, link: str) -> None:
    """A state file that another user could steer is refused; a settings file may be a link."""
    target, path = tmp_path / "target", tmp_path / "path"
    target.write_bytes(b"{}")
    if link == "symbolic":
        path.symlink_to(target)
    else:
        path.hardlink_to(target)

    assert _DISK.read(path, _ANY, private=False) == b"{}"
    with pytest.raises(StateError, match="link"):
        _DISK.read(path, _ANY, private=True)
    with pytest.raises((StateError, OSError)):
        _DISK.open_append(path)
    with pytest.raises((StateError, OSError)):
        _DISK.write_new(path, b"other")
    assert target.read_bytes() in (b"{}", b"")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root may give files away")
def test_read_privately_refuses_the_file_of_another_user(tmp_path: Path) -> None:
    """A state file that belongs to somebody else is refused."""
    path = tmp_path / "a"
    path.write_bytes(b"{}")
    os.chown(path, 12345, -1)

    with pytest.raises(StateError, match="belongs to another user"):
        _DISK.read(path, _ANY, private=True)


def test_write_new_empties_and_is_private(tmp_path: Path) -> None:
    """Old content goes, new content is whole, and nobody else may read it."""
    path = tmp_path / "a"
    _DISK.write_new(path, b"long content")
    _DISK.write_new(path, b"short")

    assert path.read_bytes() == b"short"
    if os.name != "nt":
        assert path.stat().st_mode & 0o777 == 0o600


def test_append_grows_and_truncates(tmp_path: Path) -> None:
    """An append file is made private, grows at its end, and is cut where asked."""
    path = tmp_path / "a"
    file = _DISK.open_append(path)
    file.append(b"one")
    file.append(b"two")
    file.sync()
    size = file.size()
    file.truncate(4)
    file.append(b"!")
    file.close()
    again = _DISK.open_append(path)
    again.append(b"?")
    again.close()

    assert size == 6
    assert path.read_bytes() == b"onet!?"
    if os.name != "nt":
        assert path.stat().st_mode & 0o777 == 0o600


def test_remove_list_and_stamp(tmp_path: Path) -> None:
    """What is missing is no error; names come sorted; a stamp changes with the file."""
    folder = tmp_path / "x" / "y"
    missing = _DISK.list_names(folder)
    _DISK.make_folder(folder)
    _DISK.make_folder(folder)
    path = folder / "b"
    before = _DISK.stamp(path)
    _DISK.write_new(path, b"1")
    first = _DISK.stamp(path)
    _DISK.write_new(folder / "a", b"22")
    _DISK.replace(folder / "a", path)
    second = _DISK.stamp(path)
    _DISK.write_new(folder / "c", b"")
    names = _DISK.list_names(folder)
    _DISK.remove(path)
    _DISK.remove(path)
    _DISK.sync_folder(folder)

    assert (missing, before) == ([], None)
    assert first != second
    assert names == ["b", "c"]
    assert _DISK.list_names(folder) == ["c"]


def test_write_atomic_replaces_whole_and_leaves_nothing(tmp_path: Path) -> None:
    """The file is replaced and no temporary one stays."""
    path = tmp_path / "a.json"
    write_atomic(_DISK, path, b"one")
    write_atomic(_DISK, path, b"two")

    assert path.read_bytes() == b"two"
    assert _DISK.list_names(tmp_path) == ["a.json"]


@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EACCES])
def test_write_atomic_that_fails_keeps_old_or_new_and_says_so(
    tmp_path: Path, step: int, number: int
) -> None:
    """Whichever step fails, the file is old or new, whole, and the message names the cause."""
    path = tmp_path / "a.json"
    path.write_bytes(b"old")
    disk = FaultyDisk(_DISK, Script(step, Phase.BEFORE, fail_with(number)))

    with pytest.raises(StateError) as caught:
        write_atomic(disk, path, b"new")

    assert os.strerror(number) in str(caught.value)
    assert caught.value.path == path
    assert "free space" in caught.value.hint
    assert path.read_bytes() == (b"new" if step == 3 else b"old")
    write_atomic(_DISK, path, b"third")
    assert path.read_bytes() == b"third"


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("step", [1, 2, 3])
def test_write_atomic_that_dies_keeps_old_or_new(tmp_path: Path, step: int, phase: Phase) -> None:
    """A kill at any step leaves the old or the new content, never a part."""
    path = tmp_path / "a.json"
    path.write_bytes(b"old content")
    disk = FaultyDisk(_DISK, Script(step, phase, crash))

    with pytest.raises(BaseException, match=r"^$"):
        write_atomic(disk, path, b"new content")

    assert path.read_bytes() in (b"old content", b"new content")
    write_atomic(_DISK, path, b"next")
    assert path.read_bytes() == b"next"

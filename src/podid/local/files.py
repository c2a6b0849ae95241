"""Files, opened for what they are and written whole; directories of the caller's own.

A name may lead to a device, to a named pipe that nobody writes to, or by a symbolic link to somewhere else. Every
function raises OSError, whose `strerror` is the reason as a clause.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from podid.domain.errors import UsageError

# more than any file that is read as text may hold, in bytes
MOST_BYTES = 1024 * 1024


class ChangedMeanwhile(OSError):
    """Somebody else has written, replaced or removed the file since it was read."""


# --- reading ----------------------------------------------------------------------------------------------------------


def open_regular(path: Path, flags: int = os.O_RDONLY, *, follow: bool = True) -> int:
    """A descriptor of a regular file; nothing is waited for. `follow` is for a symbolic link at the end of the path."""
    with suppress(FileNotFoundError):  # which may be what `flags` make
        _require_regular(path.stat(follow_symlinks=follow))  # merely to open some devices does something
    try:
        descriptor = os.open(path, flags | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW), 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _refused("it is a symbolic link") from error
        raise
    try:
        _require_regular(os.fstat(descriptor))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def open_own(path: Path, flags: int = os.O_RDONLY) -> int:
    """The same of a file that nobody but the caller can have written, and no link; one that `flags` make is 0600."""
    descriptor = open_regular(path, flags, follow=False)
    try:
        _require_own(os.fstat(descriptor))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def read(path: Path, most: int = MOST_BYTES, *, own: bool = False) -> bytes:
    """All that a regular file holds; with `own` as `open_own`."""
    descriptor = open_own(path) if own else open_regular(path)
    with os.fdopen(descriptor, "rb") as stream:
        data = stream.read(most + 1)
    if len(data) > most:
        raise _refused(f"it is larger than {most // 1024 // 1024} MiB")
    return data


def check_readable(path: Path) -> None:
    """For a file that a library is to read: whether it is a regular one that can be opened."""
    os.close(open_regular(path))


# --- writing ----------------------------------------------------------------------------------------------------------


def present(path: Path) -> os.stat_result | None:
    """The facts of the regular file that is there, None where there is none."""
    try:
        facts = os.lstat(path)
    except FileNotFoundError:
        return None
    _require_regular(facts)
    return facts


def check_writable(directory: Path) -> None:
    """Whether a file can be made in it, as far as that can be known before."""
    if not stat.S_ISDIR(directory.stat().st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    if not os.access(directory, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def write_whole(
    path: Path, data: bytes, *, over: os.stat_result | None = None, keep: bool = False
) -> os.stat_result | None:
    """The file has all of the data, or is as it was. Without `over` it must not exist; with it, it must be the file
    whose facts these are. Its mode is 0600; with `keep` mode and owner stay. Returns the facts of the new file."""
    temporary = path.parent / f".podid-{os.urandom(8).hex()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            if keep and over is not None:
                _make_like(descriptor, over)
            stream.write(data)
            stream.flush()
            os.fsync(descriptor)
        if over is None:
            _give_new_name(temporary, path)
        else:
            require_same(path, over)
            temporary.replace(path)
        return present(path)
    finally:
        temporary.unlink(missing_ok=True)


def require_same(path: Path, facts: os.stat_result) -> None:
    """Raises ChangedMeanwhile where the path no longer leads to that file as it was."""
    with suppress(OSError):
        now = os.lstat(path)
        if (now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns) == (
            *(facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns),
        ):
            return
    raise ChangedMeanwhile(errno.EBUSY, "it was changed meanwhile")


@contextmanager
def locked(path: Path, lock: Callable[[int], None]) -> Iterator[os.stat_result]:
    """For a change in place: the facts of the file, which has one name, is no link and stays locked for as long as the
    block lasts. `lock` waits for the lock of a descriptor."""
    while True:
        descriptor = open_regular(path, os.O_RDWR, follow=False)
        try:
            lock(descriptor)
            facts = os.fstat(descriptor)
            if facts.st_nlink > 1:
                raise _refused("it has another name, a hard link")
            try:
                require_same(path, facts)
            except ChangedMeanwhile:
                continue  # whoever had the lock put another file in its place
            yield facts
            return
        finally:
            os.close(descriptor)


def _give_new_name(temporary: Path, path: Path) -> None:
    """Raises FileExistsError where the name is taken by now."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        temporary.replace(path)


def _make_like(descriptor: int, facts: os.stat_result) -> None:
    made = os.fstat(descriptor)
    if (made.st_uid, made.st_gid) != (facts.st_uid, facts.st_gid):
        try:
            os.fchown(descriptor, facts.st_uid, facts.st_gid)
        except PermissionError as error:
            raise _refused("it belongs to another user or group, and would not any more") from error
    os.fchmod(descriptor, stat.S_IMODE(facts.st_mode))


# --- directories ------------------------------------------------------------------------------------------------------


def make_private(directory: Path) -> None:
    """Makes the directory with every parent that is missing, all 0700."""
    for path in reversed((directory, *directory.parents)):
        if not path.exists():
            path.mkdir(mode=0o700, exist_ok=True)


def check_private(directory: Path) -> bool:
    """Whether there is such a directory, which is then no link, and which nobody but the caller can write to."""
    try:
        facts = directory.lstat()
    except FileNotFoundError:
        return False
    if not stat.S_ISDIR(facts.st_mode):
        raise _refused("it is a symbolic link" if stat.S_ISLNK(facts.st_mode) else "it is not a directory")
    _require_own(facts)
    return True


def sync_directory(directory: Path) -> None:
    """Puts the names of new files on disk."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# --- what it is -------------------------------------------------------------------------------------------------------


def _require_regular(facts: os.stat_result) -> None:
    if stat.S_ISLNK(facts.st_mode):
        raise _refused("it is a symbolic link")
    if stat.S_ISDIR(facts.st_mode):
        raise _refused("it is a directory")
    if not stat.S_ISREG(facts.st_mode):
        raise _refused("it is not a regular file")


def _require_own(facts: os.stat_result) -> None:
    if facts.st_uid != os.geteuid():
        raise _refused("it belongs to another user")
    if facts.st_mode & 0o022:
        raise _refused("others may write to it")


def _refused(why: str) -> OSError:
    return OSError(errno.EINVAL, why)


class OutputFile:
    """Checked when it is made, written whole later, with mode 0600. Only a regular file is replaced, and no link is
    followed. Raises UsageError."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._path = Path(name)
        with self._writing():
            self._there = present(self._path)
            check_writable(self._path.parent)

    @property
    def exists(self) -> bool:
        return self._there is not None

    def write(self, data: bytes) -> None:
        """Replaces the file that was there when this was made, or that it has written; no other."""
        with self._writing():
            self._there = write_whole(self._path, data, over=self._there)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "its name is not one of a file"
            raise UsageError(f"{self.name} cannot be written: {reason}", subject=self.name) from error

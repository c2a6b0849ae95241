"""Files, opened only if they are regular, and written atomically; private directories.

A path may lead to a device, to a named pipe without a writer, or through a symbolic link to another place. All
functions raise OSError with the reason, a clause, as its `strerror`.
"""

import errno
import os
import stat
import threading
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from podid.domain.errors import Again, Conflict, UsageError

# limit for files that are read as text, in bytes
MOST_BYTES = 1024 * 1024


class ChangedMeanwhile(OSError):
    """Another process wrote, replaced or removed the file after it was read."""


@contextmanager
def usage_errors(path: Path | str, act: str, otherwise: str = "its name is not a valid file name") -> Iterator[None]:
    """Raise UsageError, "PATH cannot be ACT", for an OSError or ValueError in the block; `otherwise` is the reason for
    a ValueError."""
    try:
        yield
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else otherwise
        raise UsageError(f"{path} cannot be {act}: {reason}", subject=str(path)) from error


@contextmanager
def in_place(path: Path | str, act: str) -> Iterator[None]:
    """Do as `usage_errors` for an OSError during a change of a file. Raise Conflict if another process changed it
    meanwhile."""
    try:
        yield
    except ChangedMeanwhile as error:
        raise Conflict(f"{path} was not changed: {error.strerror}", hint=Again(), subject=str(path)) from error
    except OSError as error:
        raise UsageError(f"{path} cannot be {act}: {error.strerror}", subject=str(path)) from error


def open_regular(path: Path, flags: int = os.O_RDONLY, *, follow: bool = True) -> int:
    """Open a regular file without blocking. `follow` is whether to follow a symbolic link at the end of the path."""
    with suppress(FileNotFoundError):  # `flags` may create it
        _require_regular(path.stat(follow_symlinks=follow))  # opening a device may already have an effect
    descriptor = os.open(path, flags | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW), 0o600)
    try:
        _require_regular(os.fstat(descriptor))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def open_own(path: Path, flags: int = os.O_RDONLY) -> int:
    """Open a regular file that only the caller can write, and that is not a link. One that `flags` create has mode
    0600."""
    descriptor = open_regular(path, flags, follow=False)
    try:
        _require_own(os.fstat(descriptor))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def read(path: Path, most: int = MOST_BYTES, *, own: bool = False) -> bytes:
    """Return the content of a regular file; with `own` as `open_own`."""
    descriptor = open_own(path) if own else open_regular(path)
    with os.fdopen(descriptor, "rb") as stream:
        large = os.fstat(descriptor).st_size > most
        data = b"" if large else stream.read(most + 1)
    if large or len(data) > most:
        raise _refused(f"it is larger than {most // 1024 // 1024} MiB")
    return data


def check_readable(path: Path) -> None:
    """Check that a file, which a library will read, is regular and can be opened."""
    os.close(open_regular(path))


def files_in(path: str, endings: tuple[str, ...]) -> tuple[str, ...]:
    """Return the path itself, or the files with these endings in a directory, sorted. Raise UsageError for a directory
    without such files, or one that cannot be read."""
    with usage_errors(path, "read"):
        if not Path(path).is_dir():
            return (path,)
        names = sorted(entry.name for entry in os.scandir(path) if entry.name.endswith(endings) and entry.is_file())
    if not names:
        message = f"{path} cannot be read: it is a directory without files that end with {', '.join(endings)}"
        raise UsageError(message, subject=path)
    return tuple(str(Path(path) / name) for name in names)


def present(path: Path) -> os.stat_result | None:
    """Return the stat result of a regular file, None if it does not exist."""
    try:
        facts = os.lstat(path)
    except FileNotFoundError:
        return None
    _require_regular(facts)
    return facts


def write_whole(
    path: Path, data: bytes, *, over: os.stat_result | None = None, keep: bool = False
) -> os.stat_result | None:
    """Write a file atomically, and return its stat result. Without `over` it must not exist; with `over` it must still
    be the file with this stat result. Its mode is 0600; with `keep`, mode and owner are unchanged."""
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


def replace_text(path: Path, text: str, over: os.stat_result) -> None:
    """Replace a text file atomically, and keep its mode, owner, line ends and byte order mark. `over` is the stat
    result of the file that was read."""
    old, new = read(path), text.encode()
    if b"\r\n" in old:
        new = new.replace(b"\n", b"\r\n")
    write_whole(path, BOM_UTF8 + new if old.startswith(BOM_UTF8) else new, over=over, keep=True)


def require_same(path: Path, facts: os.stat_result) -> None:
    """Raise ChangedMeanwhile if the path no longer has this stat result."""
    with suppress(OSError):
        now = os.lstat(path)
        if (now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns) == (
            *(facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns),
        ):
            return
    raise ChangedMeanwhile(errno.EBUSY, "it was changed in the meantime")


@contextmanager
def locked(path: Path, lock: Callable[[int], None]) -> Iterator[os.stat_result]:
    """Lock a file for a change in place during the block, and yield its stat result. Raise OSError for a link or a file
    with several names. `lock` waits for the lock of a descriptor."""
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
                continue  # the previous holder of the lock replaced the file
            yield facts
            return
        finally:
            os.close(descriptor)


def _give_new_name(temporary: Path, path: Path) -> None:
    """Raise FileExistsError if the name was taken in the meantime."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        temporary.replace(path)


def _make_like(descriptor: int, facts: os.stat_result) -> None:
    status = os.fstat(descriptor)
    if (status.st_uid, status.st_gid) != (facts.st_uid, facts.st_gid):
        try:
            os.fchown(descriptor, facts.st_uid, facts.st_gid)
        except PermissionError as error:
            raise _refused("it belongs to another user or group, which a replacement would change") from error
    os.fchmod(descriptor, stat.S_IMODE(facts.st_mode))


def make_private(directory: Path) -> None:
    """Create the directory and its missing parents, all with mode 0700."""
    for path in reversed((directory, *directory.parents)):
        if not path.exists():
            path.mkdir(mode=0o700, exist_ok=True)


def check_private(directory: Path) -> bool:
    """Return whether the directory exists. Raise OSError if it is a link, or if others can write to it."""
    try:
        facts = directory.lstat()
    except FileNotFoundError:
        return False
    if not stat.S_ISDIR(facts.st_mode):
        raise _refused("it is a symbolic link" if stat.S_ISLNK(facts.st_mode) else "it is not a directory")
    _require_own(facts)
    return True


def sync_directory(directory: Path) -> None:
    """Flush the names of new files to disk."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
        raise _refused("other users can write to it")


def _refused(why: str) -> OSError:
    return OSError(errno.EINVAL, why)


def make_directory(name: str) -> None:
    """Create a directory for output files, and its parents, unless it exists. Raise UsageError."""
    with usage_errors(name, "created"):
        Path(name).mkdir(parents=True, exist_ok=True)


class OutputFile:
    """An output file, checked on creation of this object and written atomically later, with mode 0600. It replaces only
    regular files, and follows no links. Raise UsageError."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._path = Path(name)
        self._lock, self._begun = threading.Lock(), False
        with usage_errors(self.name, "written"):
            self._there = present(self._path)
            self._path.parent.stat()
            # as far as can be checked in advance
            if not os.access(self._path.parent, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    @property
    def exists(self) -> bool:
        return self._there is not None

    def write(self, data: bytes) -> None:
        """Replace the file that existed at the check, or that this object wrote; no other."""
        with usage_errors(self.name, "written"):
            self._there = write_whole(self._path, data, over=self._there)

    def append(self, data: bytes) -> None:
        """Write the file with its first part, or add a further part. Several threads may call it."""
        with self._lock, usage_errors(self.name, "written"):
            if not self._begun:
                self._there, self._begun = write_whole(self._path, data, over=self._there), True
                return
            descriptor = open_regular(self._path, os.O_WRONLY | os.O_APPEND, follow=False)
            with os.fdopen(descriptor, "ab") as stream:
                stream.write(data)


# Kubernetes mounts it into each pod
_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def own_namespace() -> str:
    """Return the namespace of the pod in which podid runs; empty outside of a pod."""
    try:
        return _NAMESPACE_FILE.read_text(encoding="utf-8").strip()
    except OSError:
        return ""

"""The state file of the detached sandbox: one JSON document in a private directory.

The directory has mode 0700 and belongs to the user. The file has mode 0600 and is created with O_EXCL, so that no other
user can plant or read it. The paths, headers and proof of the admin channel are here too, because this module imports
nothing heavy.
"""

import fcntl
import hashlib
import hmac
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from podid.domain.errors import Conflict, InvalidInput, PodidError
from podid.local import files
from podid.local.files import check_private, make_private, open_own, write_whole

PREFIX = "/_podid/"
HELLO = f"{PREFIX}hello"
COMMAND = f"{PREFIX}command"
NONCE_HEADER = "x-podid-nonce"


def proof(nonce: str, challenge: str) -> str:
    """Return the answer to `challenge` (hexadecimal), which requires the nonce."""
    return hmac.new(nonce.encode(), challenge.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class SandboxState:
    """The data of a detached sandbox, written by its `serve` process when it listens."""

    pid: int
    port: int
    nonce: str
    account: str
    region: str
    cluster: str
    environment: dict[str, str]
    started_at: float
    samples: bool = False
    migration: str = ""


def prepare(directory: Path) -> Path:
    """Create the directory, or verify that it is private and belongs to the user.

    Raise InvalidInput for a path that cannot appear in a shell line or a kubeconfig, Conflict if it belongs to another
    user.
    """
    if not directory.is_absolute() or not str(directory).isprintable():
        raise InvalidInput(
            f"The sandbox's directory {str(directory)!r} must be an absolute path without control characters",
            advice="Set HOME or XDG_STATE_HOME to such a path.",
        )
    with _writing(directory):
        make_private(directory)
    try:
        check_private(directory)
    except OSError as error:
        raise Conflict(f"The sandbox's directory {directory} cannot be used: {error.strerror}") from error
    directory.chmod(0o700)
    return directory


@contextmanager
def _writing(directory: Path) -> Iterator[None]:
    """Convert errors of the file system to InvalidInput: the user must fix them."""
    try:
        yield
    except OSError as error:
        raise PodidError(
            f"{directory} cannot be written: {error.strerror}",
            subject=str(directory),
            advice="Set XDG_STATE_HOME to a directory that you can write to.",
        ) from error


def state_path(directory: Path) -> Path:
    return directory / "state.json"


def log_path(directory: Path) -> Path:
    return directory / "sandbox.log"


def open_log(directory: Path) -> int:
    """Empty the log and return its descriptor."""
    with _writing(directory):
        descriptor = open_own(log_path(directory), os.O_WRONLY | os.O_CREAT)
        os.ftruncate(descriptor, 0)
        return descriptor


def read(directory: Path) -> SandboxState | None:
    """Return the state, or None. A file that belongs to another user, is a link or does not parse counts as absent."""
    try:
        return SandboxState(**json.loads(files.read(state_path(directory), own=True)))
    except (OSError, ValueError, TypeError):
        return None


def write(directory: Path, state: SandboxState) -> None:
    """Write the state. Raise FileExistsError if the file exists."""
    write_private(state_path(directory), asdict(state))


def write_private(path: Path, document: object) -> None:
    """Write JSON into a new private file. Raise FileExistsError if the file exists."""
    write_whole(path, json.dumps(document, indent=1).encode())


def remove(directory: Path) -> None:
    with _writing(directory):
        state_path(directory).unlink(missing_ok=True)


def remove_own(directory: Path, nonce: str) -> None:
    """Remove the file if it contains this nonce."""
    state = read(directory)
    if state is not None and state.nonce == nonce:
        remove(directory)


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Allow one start or stop at a time. The operating system frees the lock when the process ends."""
    with _writing(directory):
        descriptor = open_own(directory / "lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)

"""A file that the user names for a result."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from podid.domain.errors import UsageError
from podid.local import files


class OutputFile:
    """Checked when it is made, written whole later, with mode 0600. Only a regular file is replaced, and no link is
    followed. Raises UsageError."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._path = Path(name)
        with self._writing():
            self._there = files.present(self._path)
            files.check_writable(self._path.parent)

    @property
    def exists(self) -> bool:
        return self._there is not None

    def write(self, data: bytes) -> None:
        """Replaces the file that was there when this was made, or that it has written; no other."""
        with self._writing():
            self._there = files.write_whole(self._path, data, over=self._there)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "its name is not one of a file"
            raise UsageError(f"{self.name} cannot be written: {reason}", subject=self.name) from error

"""Directories that nobody but their owner can enter."""

from pathlib import Path


def make_private(directory: Path) -> None:
    """Makes the directory with every parent that is missing, all 0700. Raises OSError."""
    for path in reversed((directory, *directory.parents)):
        if not path.exists():
            path.mkdir(mode=0o700, exist_ok=True)

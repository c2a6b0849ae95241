"""What a doctor read, in a file."""

from podid.cli.terminal import Terminal
from podid.domain.snapshot import Snapshot
from podid.ops.doctor.saved import read_snapshot, snapshot_text, write_private
from podid.version import VERSION

# twenty thousand pods are some 20 MiB
MOST_MIB = 256


def load(terminal: Terminal, name: str) -> Snapshot:
    """Raises UsageError for what cannot be read, and InvalidInput for what is no snapshot."""
    return read_snapshot(terminal.read_file(name, most_mib=MOST_MIB), name)


def save(terminal: Terminal, snapshot: Snapshot, name: str) -> None:
    """Raises UsageError."""
    write_private(snapshot_text(snapshot, VERSION).encode(), name)
    terminal.note(f"written to {name}")

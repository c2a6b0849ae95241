"""The console script. Answers --version before anything heavier than sys is imported."""

import sys

VERSION = "0.1.0"


def main() -> None:
    """Run podid; the process's exit code is one of `podid.domain.exit_codes`."""
    if len(sys.argv) == 2 and sys.argv[1] == "--version":
        sys.stdout.write(f"podid {VERSION}\n")
        return
    from podid.cli.boundary import run

    sys.exit(run(sys.argv[1:]))

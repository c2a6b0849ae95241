"""The console script. Answers --version before anything heavier than sys is imported."""

import sys


def main() -> None:
    """Run podid; the process's exit code is one of `podid.domain.exit_codes`."""
    if len(sys.argv) == 2 and sys.argv[1] == "--version":
        from podid.version import VERSION

        sys.stdout.write(f"podid {VERSION}\n")
        return
    from podid.cli.boundary import run

    sys.exit(run(sys.argv[1:]))

"""The console script. Answers --version before anything heavier than sys is imported."""

import sys


def main() -> None:
    """Run podid; the process's exit code is one of `podid.domain.exit_codes`."""
    try:
        if len(sys.argv) == 2 and sys.argv[1] == "--version":
            from podid.version import VERSION

            sys.stdout.write(f"podid {VERSION}\n")
            return
        from podid.cli import boundary

        code = boundary.main(sys.argv[1:])
    except KeyboardInterrupt:
        # while podid is still being loaded there is nothing to take back, and nobody else to catch it
        if sys.stderr is not None:
            sys.stderr.write("Interrupted.\n")
        code = 130
    sys.exit(code)

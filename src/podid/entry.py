"""The console script. Answers --version before anything heavier than sys is imported."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sys import UnraisableHookArgs


def main() -> None:
    """Run podid; the process's exit code is one of `podid.domain.errors`."""
    try:
        if sys.argv[1:] == ["--version"] and _print_version():
            _leave_at_once(0)
        if sys.argv[1:2] == ["__complete"]:
            _complete(sys.argv[2:])
        sys.unraisablehook = _interrupt_again
        from podid.cli import boundary

        code = boundary.main(sys.argv[1:])
    except KeyboardInterrupt:
        # nothing changes during import
        if sys.stderr is not None:
            sys.stderr.write("Interrupted.\n")
        code = 130
    _leave_at_once(code)


def complete_for_kubectl() -> None:
    """Complete `kubectl podid`: kubectl passes the words after it to an executable `kubectl_complete-podid`."""
    _complete(sys.argv[1:])
    main()


def _complete(words: list[str]) -> None:
    import os

    os.environ["_PODID_COMPLETE"] = "kubectl"
    sys.argv[1:] = ["--", *words]


def _print_version() -> bool:
    """Return whether the version was written. If it was not, the boundary tries again and reports the failure."""
    import os

    from podid.version import VERSION

    try:  # without a buffer, which would still contain the text after a failure
        os.write(sys.stdout.fileno(), f"podid {VERSION}\n".encode())
    except (AttributeError, OSError):
        return False
    return True


def _leave_at_once(code: int) -> None:
    """Exit without freeing memory, which takes seconds on a busy machine, and without waiting for threads. Exit
    functions still delete temporary files."""
    import atexit
    import os

    for stream in (sys.stdout, sys.stderr):
        try:  # contextlib would be a third of the time of --version
            stream.flush()
        except (AttributeError, OSError, ValueError):
            continue
    atexit._run_exitfuncs()
    os._exit(code)


def _interrupt_again(unraisable: UnraisableHookArgs) -> None:
    """Raise a Ctrl-C again that arrived in a finalizer, such as that of a connection pool: Python drops it there."""
    if not issubclass(unraisable.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
        return
    import signal
    import threading

    main_thread = threading.main_thread().ident
    # only a signal to the thread also ends a sleep
    press = getattr(signal, "pthread_kill", lambda _thread, number: signal.raise_signal(number))
    again = threading.Timer(0.02, press, (main_thread, signal.SIGINT))
    again.daemon = True
    again.start()

"""A program in the foreground: its exit code, its signals, its environment."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from podid.local.processes import run

ENV = {"PATH": os.environ["PATH"]}
# podid's part in a process of its own
RUNS = "import sys; from podid.local.processes import run; sys.exit(run(sys.argv[1:], {'PATH': '/usr/bin:/bin'}))"
TRAPS = "trap 'echo got {0}; exit 9' {0}; echo ready; while :; do sleep 0.05; done"


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_the_exit_code_is_passed_on(code: int) -> None:
    assert run(["sh", "-c", f"exit {code}"], ENV) == code


@pytest.mark.parametrize("name", ["KILL", "TERM", "SEGV"])
def test_a_program_that_a_signal_ends(name: str) -> None:
    assert run(["sh", "-c", f"kill -{name} $$"], ENV) == 128 + getattr(signal, f"SIG{name}")


def test_a_program_that_cannot_be_started(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run([str(tmp_path / "nosuch")], ENV)


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    run(["true"], ENV)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


@pytest.mark.parametrize("name", ["INT", "TERM", "HUP", "QUIT", "USR1", "USR2"])
def test_signals_to_podid_reach_the_program(name: str) -> None:
    """Without a terminal, which would send its own to both."""
    script = TRAPS.format(name)
    with subprocess.Popen(
        [sys.executable, "-c", RUNS, "sh", "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(getattr(signal, f"SIG{name}"))
        out, _ = process.communicate(timeout=20)
    assert (process.returncode, out) == (9, f"got {name}\n")


def test_ctrl_c_at_a_terminal_reaches_the_program_once() -> None:
    import pty

    script = "n=0; trap 'n=$((n+1)); echo got $n' INT; echo ready; sleep 0.2; sleep 0.2; sleep 0.2; exit $n"
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", RUNS, "sh", "-c", script])
    text, pressed, until = b"", False, time.monotonic() + 20
    while time.monotonic() < until:
        try:
            text += os.read(terminal, 1024)
        except OSError:  # the other side is closed
            break
        if b"ready" in text and not pressed:
            os.write(terminal, b"\x03")
            pressed = True
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert (os.waitstatus_to_exitcode(status), text.count(b"got")) == (1, 1), text

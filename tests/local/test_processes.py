"""Processes of podid's own run nothing that lies in the current directory. The command that installs an extra is
that of the installer of podid."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from harness import Podid
from podid.local.processes import install_command, run, until_terminated
from podid.sandbox import tour
from podid.sandbox.box import Sandbox

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "podid"
# who starts processes, and which of them podid's own
STARTERS = {
    "cli/suggestions.py",
    "commands/demo.py",
    "kube/user.py",
    "local/processes.py",
    "ops/shells.py",
    "sandbox/process.py",
}
OTHERS = {"kube/user.py", "local/processes.py", "ops/shells.py"}
NAMES = (*sorted(sys.stdlib_module_names), "podid/__init__", "boto3", "moto", "sitecustomize", "typer", "yaml")


class Trap:
    """A directory full of modules, each of which leaves a mark when it runs; every process is started in it."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.mark = directory / "mark"
        self.started: list[subprocess.Popen[bytes]] = []
        here = directory / "here"
        for name in NAMES:
            file = here / f"{name}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"open({str(self.mark)!r}, 'a').write({name!r} + '\\n')\n")
        start, started = subprocess.Popen.__init__, self.started

        def started_here(process: Any, argv: Any, **settings: Any) -> None:
            start(process, argv, **{**settings, "cwd": here})
            started.append(process)

        monkeypatch.setattr(subprocess.Popen, "__init__", started_here)

    def modules_run(self) -> list[str]:
        for process in self.started:
            if process.returncode is None:
                process.wait(timeout=60)
        return self.mark.read_text().splitlines() if self.mark.exists() else []


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trap:
    return Trap(tmp_path, monkeypatch)


def test_the_trap_works(trap: Trap) -> None:
    subprocess.run([sys.executable, "-m", "podid"], capture_output=True, timeout=60, check=False)
    assert trap.modules_run() != []


def test_a_key_press(box: Sandbox, podid: Podid, tmp_path: Path, trap: Trap) -> None:
    env = {**podid.env, "XDG_STATE_HOME": str(tmp_path), "_PODID_COMPLETE": "bash"}
    Podid(env=env)("--", "list", "--cluster", "")
    assert (len(trap.started), trap.modules_run()) == (1, [])
    assert Podid(env=env)("--", "list", "--cluster", "").stdout == "demo\n"


def test_the_sandbox_and_the_demo(podid: Podid, trap: Trap, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tour, "SCENES", (tour.Scene("", ("explain", "--list")),))
    outcome = podid("demo", "--no-keep")
    assert (outcome.code, outcome.stderr) == (0, "")
    assert (len(trap.started), trap.modules_run()) == (2, [])


def test_no_other_place_starts_a_process() -> None:
    texts = {path.relative_to(PACKAGE).as_posix(): path.read_text() for path in PACKAGE.rglob("*.py")}
    starting = r"\bimport subprocess\b|\bmultiprocessing\b|\bos\.(exec|spawn|posix_spawn|fork|popen|system)"
    assert {name for name, text in texts.items() if re.search(starting, text)} == STARTERS
    assert {name for name in STARTERS if not re.search(r"^ +python\(\"podid", texts[name], re.MULTILINE)} == OTHERS
    assert {name for name, text in texts.items() if "sys.executable," in text} == {"local/processes.py"}


# --- the installer of an extra ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("receipt", "command"),
    [
        ("pipx_metadata.json", ("pipx", "install", "--force", "podid[mcp]")),
        ("uv-receipt.toml", ("uv", "tool", "install", "podid[mcp]")),
    ],
)
def test_an_environment_of_one_program(
    receipt: str, command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / receipt).write_text("")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert install_command("mcp") == command


def test_pip_of_the_same_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    for name in ("own", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pip").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "other"))
    assert install_command("mcp") == (str(tmp_path / "python"), "-m", "pip", "install", "podid[mcp]")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "own" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "own"))
    assert install_command("mcp") == ("pip", "install", "podid[mcp]")


def test_a_binary_cannot_be_extended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert install_command("sandbox") == ("pipx", "install", "podid[sandbox]")


def test_sigterm_ends_a_block_in_order() -> None:
    before, steps = signal.getsignal(signal.SIGTERM), []
    with until_terminated():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            steps.append("released")
    assert (steps, signal.getsignal(signal.SIGTERM)) == (["released"], before)


def test_ctrl_c_is_not_the_end_of_the_block() -> None:
    with pytest.raises(KeyboardInterrupt), until_terminated():
        raise KeyboardInterrupt


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

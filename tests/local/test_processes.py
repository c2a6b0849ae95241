"""Processes of podid's own run nothing that lies in the current directory. The command that installs an extra is
that of the installer of podid."""

import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness import Podid
from podid.local.processes import install_command, until_terminated
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

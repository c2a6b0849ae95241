"""`podid completion install`."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from completing import BIN, PLACES
from harness import Podid


@pytest.mark.parametrize("shell", PLACES)
def test_install_writes_once_and_keeps_the_startup_file(shell: str, tmp_path: Path) -> None:
    script, startup = (tmp_path / name if name else None for name in PLACES[shell])
    assert script is not None
    if startup is not None:
        (tmp_path / "dotfiles").write_text("# mine, without a last line end")
        (tmp_path / "dotfiles").chmod(0o640)
        startup.symlink_to(tmp_path / "dotfiles")
    podid = Podid(env={"HOME": str(tmp_path)})
    first, again = (podid("completion", "install", shell, "-o", "json") for _ in range(2))
    assert (first.code, again.code) == (0, 0)
    assert first.json == {
        "apiVersion": "podid/v1",
        "kind": "CompletionFiles",
        "shell": shell,
        "script": str(script),
        "startup": str(startup) if startup else None,
        "installed": True,
        "changed": True,
    }
    assert again.json == {**first.json, "changed": False}
    assert script.read_text() == podid("completion", "show", shell).stdout == podid("completion", shell).stdout
    if startup is not None:
        lines = startup.read_text().splitlines()
        assert (lines[0], sum(str(script) in line for line in lines)) == ("# mine, without a last line end", 1)
        assert (startup.is_symlink(), (tmp_path / "dotfiles").stat().st_mode & 0o777) == (True, 0o640)
    removed, nothing = (podid("completion", "uninstall", shell, "-o", "json") for _ in range(2))
    assert removed.json == {**first.json, "installed": False}
    assert nothing.json == {**first.json, "installed": False, "changed": False}
    assert not script.exists()
    if startup is not None:
        assert startup.read_text() == "# mine, without a last line end\n"
        assert (startup.is_symlink(), (tmp_path / "dotfiles").stat().st_mode & 0o777) == (True, 0o640)


@pytest.mark.parametrize("shell", PLACES)
def test_an_installed_completion_works_in_a_new_shell(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    home = {"HOME": str(tmp_path), "PATH": f"{BIN}:{os.environ['PATH']}", "TERM": "dumb"}
    assert Podid(env=home)("completion", "install", shell).code == 0
    shown = {
        "bash": ("-ic", "complete -p podid"),
        "zsh": ("-ic", "print $_comps[podid]"),
        "fish": ("-c", "complete -C 'podid ass'"),
    }
    done = subprocess.run([shell, *shown[shell]], env=home, capture_output=True, text=True, timeout=60, check=False)
    assert {"bash": "_podid_completion", "zsh": "_podid_completion", "fish": "associate"}[shell] in done.stdout, done

"""The command that installs an extra is that of the installer of podid."""

import sys
from pathlib import Path

import pytest

from podid.local.extras import install_command


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

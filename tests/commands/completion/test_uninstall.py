"""`podid completion uninstall`."""

from pathlib import Path

from completing import PLACES
from harness import Podid


def test_refused_shells_and_files(tmp_path: Path) -> None:
    podid = Podid(env={"HOME": str(tmp_path)})
    script = tmp_path / PLACES["fish"][0]
    script.parent.mkdir(parents=True)
    script.write_text("# of another program\n")
    for verb in ("install", "uninstall"):
        assert podid("completion", verb, "tcsh").code == 2
        outcome = podid("completion", verb, "fish")
        assert (outcome.code, script.read_text()) == (6, "# of another program\n")
        assert "is not a completion script of podid" in outcome.stderr
    (tmp_path / ".zshrc").mkdir()
    for verb in ("install", "uninstall"):
        assert "cannot be read: it is a directory" in podid("completion", verb, "zsh").stderr


def test_an_edited_startup_file_keeps_the_rest(tmp_path: Path) -> None:
    podid = Podid(env={"HOME": str(tmp_path)})
    podid("completion", "install", "bash")
    startup = tmp_path / ".bashrc"
    (line,) = (line for line in startup.read_text().splitlines() if line.startswith("source "))
    startup.write_text(f"before\n  {line}\nafter {line}\n")
    assert podid("completion", "uninstall", "bash").code == 0
    assert startup.read_text() == f"before\nafter {line}\n"

"""Changes of single lines of the settings file."""

import stat
from pathlib import Path

from harness import at_home


def test_a_new_file_is_private(settings_file: Path) -> None:
    settings_file.parent.rmdir()
    outcome = at_home("config", "set", "cluster", "blue", "-o", "json")
    assert outcome.json["source"] == f"{settings_file}:1"
    assert (stat.S_IMODE(settings_file.stat().st_mode), stat.S_IMODE(settings_file.parent.stat().st_mode)) == (
        0o600,
        0o700,
    )


def test_a_link_stays_a_link(settings_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "dotfiles.toml"
    target.write_bytes(b'\xef\xbb\xbfregion = "a"\r\n')
    settings_file.symlink_to(target)
    assert at_home("config", "set", "scope", "account").code == 0
    assert settings_file.is_symlink()
    assert target.read_bytes() == b'\xef\xbb\xbfregion = "a"\r\nscope = "account"\r\n'


def test_set_fixes_a_broken_line_and_no_other(settings_file: Path) -> None:
    settings_file.write_text("region = eu-west-1\n")
    assert at_home("config", "set", "region", "eu-west-1").code == 0
    assert settings_file.read_text() == 'region = "eu-west-1"\n'
    settings_file.write_text("x = y\n")
    outcome = at_home("config", "set", "region", "eu-west-1")
    assert (outcome.code, "line 1" in outcome.stderr, settings_file.read_text()) == (2, True, "x = y\n")
    settings_file.write_text('region = """\nregion = "x"\n"""\n')
    assert (at_home("config", "set", "region", "eu-west-1").code, len(settings_file.read_text())) == (2, 30)

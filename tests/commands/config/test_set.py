"""`podid config set`: one line of the settings file."""

import json
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from unittest import mock

import pytest

from harness import at_home
from podid.cli.access import Access
from podid.cli.settings import keys


def test_set_keeps_everything_else(settings_file: Path) -> None:
    settings_file.write_text("# my defaults\n\nregion = 'us-west-2'  # near\n  output=\"json\"\n# end\n")
    settings_file.chmod(0o644)
    assert at_home("config", "set", "region", "eu-west-1").code == 0
    assert at_home("config", "set", "scope", "cluster").code == 0
    assert settings_file.read_text() == (
        '# my defaults\n\nregion = "eu-west-1"  # near\n  output="json"\n# end\nscope = "cluster"\n'
    )
    assert stat.S_IMODE(settings_file.stat().st_mode) == 0o644
    assert at_home("config", "unset", "region").code == 0
    assert settings_file.read_text() == '# my defaults\n\n  output="json"\n# end\nscope = "cluster"\n'
    assert [path.name for path in settings_file.parent.iterdir()] == ["config.toml"]


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


@pytest.mark.parametrize("text", ['a "b" \\ c', "é\u2028", "tab\there", "\x7f"])
def test_any_text_is_stored(settings_file: Path, text: str) -> None:
    assert at_home("config", "set", "profile", text).code == 2  # no such profile
    with mock.patch.object(Access, "session"):
        assert at_home("config", "set", "profile", text).code == 0
    assert tomllib.loads(settings_file.read_text()) == {"profile": text}


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("set regoin x", 2, "did you mean region?"),
        ("set region eu-west-x", 2, "is not an AWS region"),
        ("set output sarif", 2, "sarif"),
        ("set timeout 5x", 2, "not a duration"),
        ("set expect-account 1", 2, "12-digit"),
        ("set columns namspace", 2, "namspace"),
        ("set scope x", 2, "--scope 'x' is not one of"),
        ("set cluster arn:aws:x", 2, "arn:aws:x"),
        ("set guard nosuch", 2, "cannot be read"),
        ("set kubeconfig nosuch", 5, "does not exist"),
        ("set context nosuch", 5, "nosuch"),
        ("get region", 5, "region has no default"),
        ("get regoin", 2, "did you mean region?"),
        ("unset regoin", 2, "did you mean region?"),
    ],
)
def test_keys_and_values_that_config_refuses(settings_file: Path, line: str, code: int, words: str) -> None:
    outcome = at_home("config", *line.split())
    assert (outcome.code, outcome.stdout, settings_file.exists()) == (code, "", False), outcome
    assert words in outcome.stderr


def test_many_writers_lose_nothing(settings_file: Path) -> None:
    """Processes of their own, each with another key."""
    values = {"timeout": "5m", "expect-account": "1" * 12, "namespace": "shop", "scope": "cluster"}
    line = [sys.executable, "-m", "podid", "config", "set"]
    running = [subprocess.Popen([*line, *pair], stdout=subprocess.DEVNULL) for pair in values.items()]
    assert [process.wait(timeout=60) for process in running] == [0] * len(values)
    assert tomllib.loads(settings_file.read_text()) == values


def test_completion_offers_keys_and_their_values(settings_file: Path) -> None:
    def candidates(*words: str) -> list[str]:
        answer = at_home("--", *words, _PODID_COMPLETE="fish").stdout
        return [line.split("\t")[0] for line in answer.splitlines()]

    assert {*candidates("config", "set", "")} == {*keys()}
    assert candidates("config", "set", "scope", "cl") == ["cluster"]
    assert "json" in candidates("config", "set", "output", "")
    assert "role" in candidates("config", "set", "columns", "ro")
    assert json.dumps(candidates("config", "get", "reg")) == '["region"]'

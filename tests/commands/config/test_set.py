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
    assert [path.name for path in settings_file.parent.iterdir()] == ["config.toml"]


@pytest.mark.parametrize("text", ['a "b" \\ c', "é\u2028", "tab\there", "\x7f"])
def test_any_text_is_stored(settings_file: Path, text: str) -> None:
    assert at_home("config", "set", "profile", text).code == 2  # no such profile
    with mock.patch.object(Access, "session"):
        assert at_home("config", "set", "profile", text).code == 0
    assert tomllib.loads(settings_file.read_text()) == {"profile": text}


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


def test_a_variable_that_overrides_the_new_value_is_named(settings_file: Path) -> None:
    outcome = at_home("config", "set", "output", "wide", PODID_OUTPUT="csv")
    assert (outcome.code, "PODID_OUTPUT is set and overrides" in outcome.stderr) == (0, True)

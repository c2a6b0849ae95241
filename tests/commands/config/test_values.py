"""Keys and values that `podid config` accepts."""

from pathlib import Path

import pytest

from harness import at_home


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

"""`podid completion`: the scripts run in real shells, and what podid answers to them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness import Podid

BIN = Path(sys.executable).parent


def complete(shell: str, *words: str) -> list[str]:
    """The lines that podid answers a shell's script with, in process."""
    outcome = Podid(env={"_PODID_COMPLETE": shell})("--", *words)
    assert (outcome.code, outcome.stderr) == (0, "")
    return outcome.stdout.splitlines()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("ass",), ["associate"]),
        (("associ", "", "x", "nothing"), []),
        (("role", "cr"), ["create"]),
        (("list", "--out"), ["--output"]),
        (("list", "-o", ""), ["table", "wide", "json", "jsonl", "yaml", "csv", "name"]),
        (("list", "--output", "j"), ["json", "jsonl"]),
        (("list", "--output=j"), ["json", "jsonl"]),
        (("list", "--output", "=", "j"), ["json", "jsonl"]),
        (("list", "--output", "="), ["table", "wide", "json", "jsonl", "yaml", "csv", "name"]),
        (("associate", "shop/orders", "--wait", ""), ["none", "api", "effect"]),
        (("associate", "shop/orders", "--scope", ""), ["service-account", "namespace", "cluster", "account"]),
        (("associate", "shop/orders", "--no-s"), ["--no-session-tags"]),
        # given once is enough, unless it may be repeated
        (("associate", "--dry-run", "--dr"), []),
        (("associate", "--tag", "a=b", "--ta"), ["--tag", "--target-role"]),
        # a value that only the user knows: the shell offers files
        (("role", "create", "x", "--policy-file", ""), []),
        (("associate", ""), []),
        # after -- nothing is an option
        (("associate", "--", "--"), []),
        (("completion", ""), ["bash", "zsh", "fish"]),
        (("--ver",), ["--version"]),
    ],
)
def test_candidates(words: tuple[str, ...], expected: list[str]) -> None:
    assert sorted(complete("bash", *words)) == sorted(expected)


def test_zsh_and_fish_are_told_what_each_candidate_is() -> None:
    assert complete("fish", "ass") == ["associate\tGive a service account's pods an IAM role."]
    assert complete("zsh", "ass") == ["associate:Give a service account's pods an IAM role."]
    assert complete("zsh", "list", "--ver") == ["--verbose:Say where settings came from and which calls are made."]


def test_an_unknown_shell_is_refused() -> None:
    outcome = Podid()("completion", "tcsh")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert outcome.stderr == "Error: 'tcsh' is not one of bash, zsh, fish.\n"


def _shell(name: str, *argv: str) -> str:
    executable = shutil.which(name)
    if executable is None:
        pytest.skip(f"{name} is not installed")
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    done = subprocess.run([executable, *argv], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("podid ass", ["associate"]),
        ("podid role ", ["create", "list", "show"]),
        ("podid list --out", ["--output"]),
        ("podid list -o js", ["json", "jsonl"]),
        ("podid list --output = ya", ["yaml"]),
    ],
)
def test_bash(words: str, expected: list[str]) -> None:
    script = f"""
    source <(podid completion bash)
    complete -p podid >/dev/null || exit 9
    COMP_WORDS=({" ".join(f"'{word}'" for word in words.split(" "))})
    COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
    _podid_completion podid
    printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    found = _shell("bash", "--norc", "-c", script).splitlines()
    assert set(expected) <= set(found)
    assert all(name.startswith(words.split(" ")[-1]) for name in found)


def test_zsh() -> None:
    script = """
    compdef() { :; }
    _describe() { print -l -- "${(@)found}"; }
    _files() { print files; }
    source <(podid completion zsh)
    words=(podid list --out); CURRENT=3; _podid_completion
    words=(podid ass); CURRENT=2; _podid_completion
    words=(podid associate ''); CURRENT=3; _podid_completion
    """
    assert _shell("zsh", "-f", "-c", script).splitlines() == [
        "--output:table|wide|json|jsonl|yaml|csv|name",
        "associate:Give a service account's pods an IAM role.",
        "files",
    ]


def test_fish() -> None:
    script = 'podid completion fish | source; complete -C "podid ass"; complete -C "podid list -o js"'
    assert _shell("fish", "--no-config", "-c", script).splitlines() == [
        "associate\tGive a service account's pods an IAM role.",
        "json",
        "jsonl",
    ]

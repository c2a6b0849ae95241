"""`podid completion`: the scripts run in real shells, and what podid answers to them."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness import Podid
from podid.cli import suggestions
from podid.sandbox.baseline import add_association
from podid.sandbox.box import Sandbox

BIN = Path(sys.executable).parent


def complete(shell: str, *words: str, env: Mapping[str, str] | None = None) -> list[str]:
    """The lines that podid answers a shell's script with, in process."""
    outcome = Podid(env={**(env or {"HOME": "/nowhere"}), "_PODID_COMPLETE": shell})("--", *words)
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
        (("doctor", "--output=j"), ["json", "jsonl", "junit"]),
        (("list", "--output", "=", "j"), ["json", "jsonl"]),
        (("list", "--output", "="), ["table", "wide", "json", "jsonl", "yaml", "csv", "name"]),
        (("associate", "shop/orders", "--wait", ""), ["none", "api", "effect", "proof"]),
        (("status", "--require", ""), ["configured", "ready"]),
        (("status", "--require", "r"), ["ready"]),
        (("status", "--requ"), ["--require"]),
        (("associate", "shop/orders", "--scope", ""), ["service-account", "namespace", "cluster", "account"]),
        (("associate", "shop/orders", "--no-session-t"), ["--no-session-tags"]),
        # given once is enough, unless it may be repeated
        (("associate", "--dry-run", "--dr"), []),
        (("associate", "--tag", "a=b", "--ta"), ["--tag", "--target-profile", "--target-role"]),
        # where a file stands, the shell is told to offer files; where a name does, never
        (("role", "create", "x", "--policy-file", ""), [":files"]),
        (("trust", "check", ""), [":files"]),
        (("trust", "check", "a.json", ""), [":files"]),
        (("role", "create", ""), []),
        (("associate", "--tag", ""), []),
        (("doctor", "--check", "association-m"), ["association-missing"]),
        (("explain", "association-mi"), ["association-missing"]),
        # after -- nothing is an option
        (("associate", "--", "--"), []),
        (("completion", ""), ["bash", "zsh", "fish"]),
        (("--ver",), ["--version"]),
        # shared options may stand before the command
        (("--region", "us-west-2", "ass"), ["associate"]),
        (("--region", "us-west-2", "role", "cr"), ["create"]),
        (("--region", "=", "us-west-2", "list", "--out"), ["--output"]),
        (("--region=us-west-2", "list", "-o", "j"), ["json", "jsonl"]),
        (("-o", "j"), ["json", "jsonl"]),
        (("--output", "=", "j"), ["json", "jsonl"]),
        (("-o", "json", "list", "--out"), []),
        (("--role", "x", "ass"), []),
    ],
)
def test_candidates(words: tuple[str, ...], expected: list[str]) -> None:
    assert sorted(complete("bash", *words)) == sorted(expected)


def remote(podid: Podid, *words: str) -> list[str]:
    """As on a second TAB: what the first one began to read may take longer than a key press waits."""
    for _ in range(100):
        if found := complete("bash", *words, env=podid.env):
            return found
        time.sleep(0.1)
    return []


def test_names_of_the_account_and_the_cluster(
    box: Sandbox, podid: Podid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_association(box.world, "shop", "orders", "storefront")
    podid.env = {**podid.env, "XDG_STATE_HOME": str(tmp_path), "PODID_CLUSTER": "demo"}
    assert remote(podid, "list", "--cluster", "") == ["demo"]
    # one process is enough to see that they are started
    monkeypatch.setattr("subprocess.Popen", lambda argv, **_: suggestions.main(argv[3:]))
    assert remote(podid, "show", "sh") == ["shop/orders"]
    assert remote(podid, "associate", "shop/orders", "--role", "store") == ["storefront"]
    assert remote(podid, "role", "show", "store") == ["storefront"]
    assert remote(podid, "list", "-n", "") == ["shop"]
    assert "v1.3.10-eksbuild.2" in remote(podid, "install-agent", "--addon-version", "")
    # one argument is one argument, several may follow one another
    assert complete("bash", "show", "shop/orders", "", env=podid.env) == []
    assert remote(podid, "associate", "a/b", "sh") == ["shop/orders"]
    listing = ("eks", "ListPodIdentityAssociations")
    calls = box.faults.calls[listing]
    assert complete("bash", "show", "sh", env=podid.env) == ["shop/orders"]
    assert box.faults.calls[listing] == calls


def test_no_credentials_no_answer_and_no_complaint(tmp_path: Path) -> None:
    env = {"XDG_STATE_HOME": str(tmp_path), "HOME": str(tmp_path), "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    began = time.monotonic()
    assert complete("bash", "show", "", env=env) == []
    assert time.monotonic() - began < 5.0


def test_runs_and_contexts(box: Sandbox, podid: Podid, tmp_path: Path) -> None:
    env = {**podid.env, "XDG_STATE_HOME": str(tmp_path), "PODID_CLUSTER": "demo"}
    assert Podid(env=env)("associate", "shop/orders", "--role", "storefront", "--wait", "none").code == 0
    last, run = complete("bash", "undo", "", env=env)
    assert (last, complete("bash", "history", run[:6], env=env)) == ("last", [run])
    config = tmp_path / "kubeconfig"
    config.write_text("contexts: [{name: work, context: {cluster: c}}, {name: play, context: {cluster: d}}]")
    assert complete("bash", "doctor", "--context", "", env={**env, "KUBECONFIG": str(config)}) == ["play", "work"]
    profiles = tmp_path / "config"
    profiles.write_text("[default]\n[profile dev]\n[sso-session x]\n")
    found = complete("bash", "list", "--profile", "", env={**env, "AWS_CONFIG_FILE": str(profiles), "HOME": "/nowhere"})
    assert found == ["default", "dev"]


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


def test_bash() -> None:
    typed = {
        "podid ass": ["associate"],
        "podid role ": ["create", "list", "show"],
        "podid list --output = ya": ["yaml"],
    }
    script = """
    source <(podid completion bash)
    complete -p podid >/dev/null || exit 9
    """
    for words in typed:
        script += f"""
    COMP_WORDS=({" ".join(f"'{word}'" for word in words.split(" "))})
    COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
    _podid_completion podid
    echo "${{COMPREPLY[*]}}"
    """
    found = _shell("bash", "--norc", "-c", script).splitlines()
    for (words, expected), line in zip(typed.items(), found, strict=True):
        assert set(expected) <= set(line.split())
        assert all(name.startswith(words.split(" ")[-1]) for name in line.split())


def test_zsh() -> None:
    script = """
    compdef() { :; }
    _describe() { print -l -- "${(@)found}"; }
    _files() { print files; }
    source <(podid completion zsh)
    words=(podid list --out); CURRENT=3; _podid_completion
    words=(podid trust check ''); CURRENT=4; _podid_completion
    """
    assert _shell("zsh", "-f", "-c", script).splitlines() == [
        "--output:table|wide|json|jsonl|yaml|csv|name",
        "files",
    ]


def test_fish() -> None:
    script = 'podid completion fish | source; complete -C "podid ass"; complete -C "podid list -o js"'
    assert _shell("fish", "--no-config", "-c", script).splitlines() == [
        "associate\tGive a service account's pods an IAM role.",
        "json",
        "jsonl",
    ]

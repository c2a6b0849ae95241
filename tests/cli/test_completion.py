"""`podid completion`: the scripts run in real shells, and what podid answers to them."""

import contextlib
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import time
from itertools import product
from pathlib import Path

import pytest

from completing import BIN, complete
from harness import Podid, table


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
        (("associate", "shop/orders", "--wait", ""), ["none", "api", "ready", "verified", "proven"]),
        (("status", "--require", ""), ["configured", "ready"]),
        (("status", "--require", "r"), ["ready"]),
        (("status", "--requ"), ["--require"]),
        (("associate", "shop/orders", "--scope", ""), ["service-account", "namespace", "cluster", "account"]),
        (("associate", "shop/orders", "--no-session-t"), ["--no-session-tags"]),
        # given once is enough, unless it may be repeated
        (("associate", "--dry-run", "--dr"), []),
        (("associate", "--tag", "a=b", "--ta"), ["--tag", "--take-over", "--target-profile", "--target-role"]),
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
        (("completion", "show", ""), ["bash", "zsh", "fish"]),
        (("help", "assoc"), ["associate"]),
        (("help", "role", "cr"), ["create"]),
        (("help", "opt"), ["options"]),
        (("help", "show", ""), []),
        (("hel",), ["help"]),
        (("list", "--sort-by", "crea"), ["created"]),
        (("list", "--columns", "role"), ["role", "role-exists"]),
        (("list", "--columns", "role,crea"), ["role,created"]),
        (("associate", "--preset", "dynamodb-re"), ["dynamodb-read", "dynamodb-readwrite"]),
        (("role", "attach", "r", "--managed-policy", "AmazonS3R"), ["AmazonS3ReadOnlyAccess"]),
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


def test_candidates_of_zsh_and_fish_have_descriptions() -> None:
    assert complete("fish", "ass") == ["associate\tGive a service account's pods an IAM role."]
    assert complete("zsh", "ass") == ["associate:Give a service account's pods an IAM role."]
    assert complete("zsh", "list", "--ver") == ["--verbose:Print the source of each setting, and each call."]


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
    completions = _shell("bash", "--norc", "-c", script).splitlines()
    for (words, expected), line in zip(typed.items(), completions, strict=True):
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


NAMES = (
    *(
        "plain",
        "$(touch MARK)",
        "`touch MARK`",
        "a; touch MARK",
        "two words",
        "*",
        "[a-z]*",
        "{a,b}",
        'it\'s "x"',
        "a\\",
    ),
    *("back\\slash", "back\\:colon", "a:b:c", "$HOME", "$'x'", "!!", "#x", "a&b|c", "x<y>z", "a=b", "~"),
)


# what stands for several lines, for an option, or for nothing, is never offered
DROPPED = ("-A", "--yes", "tab\tx", "one\ntwo", "\x1b[31mred", "left\u202eright", " ", "nb\u200bsp")


INTERACTIVE = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source <(podid completion bash)"),
    "zsh": (["zsh", "-f", "-i"], "autoload -U compinit; compinit -D; source <(podid completion zsh)"),
    "fish": (["fish", "--no-config", "-i"], "podid completion fish | source"),
}


def config_of(name: str, path: Path) -> Path:
    path.write_text(json.dumps({"contexts": [{"name": name, "context": {"cluster": "c"}}]}))
    return path


@table(("name", "shell"), product((*NAMES, *DROPPED), INTERACTIVE))
def test_a_name_is_offered_as_one_word_or_not_at_all(name: str, shell: str, tmp_path: Path) -> None:
    config = config_of(name, tmp_path / "config")
    names = complete(shell, "list", "--context", "", env={"HOME": "/nowhere", "KUBECONFIG": str(config)})
    assert len(names) == (name not in DROPPED and (shell, name) != ("fish", "~"))


class Terminal:
    """A shell in a terminal. Its `podid` prints the prepared completions to the shell's script, and otherwise the words
    of the command line."""

    def __init__(self, shell: str, directory: Path) -> None:
        argv, script = INTERACTIVE[shell]
        if shutil.which(shell) is None:
            pytest.skip(f"{shell} is not installed")
        show = 'for word in "$@"; do printf "<%s>" "$word"; done; echo " DONE"'
        wrapper = directory / "bin" / "podid"
        wrapper.parent.mkdir()
        self._shell, self._prepared = shell, directory / "prepared"
        prepared = f'if [ "$1" = completion ] || [ "$_PODID_COMPLETE" ]; then exec cat "{self._prepared}"; fi'
        wrapper.write_text(f"#!/bin/sh\n{prepared}\n{show}\n")
        self._prepared.write_text(Podid()("completion", shell).stdout)
        wrapper.chmod(0o755)
        env = {"PATH": f"{wrapper.parent}:{os.environ['PATH']}", "HOME": str(directory), "TERM": "dumb", "PS1": "$ "}
        pid, self._descriptor = pty.fork()
        if pid == 0:
            os.chdir(directory)
            os.execvpe(argv[0], argv, env)
        self._pid = pid
        self.types(f"{script}; echo RE''ADY\n", "READY\r\n")

    def types(self, keys: str, until: str) -> str:
        os.write(self._descriptor, keys.encode())
        output, end = b"", time.monotonic() + 60
        while until.encode() not in output:
            assert time.monotonic() < end, output
            if select.select([self._descriptor], [], [], 1)[0]:
                output += os.read(self._descriptor, 65536)
                if b"\x1b[c" in output[-200:] or b"\x1b[0c" in output[-200:]:  # fish asks what terminal it is on
                    os.write(self._descriptor, b"\x1b[?62c")
        return output.decode(errors="replace")

    def completed(self, config: Path) -> str:
        """Return the words that the command gets after TAB and Enter."""
        names = complete(self._shell, "list", "--context", "", env={"HOME": "/nowhere", "KUBECONFIG": str(config)})
        self._prepared.write_text("".join(f"{name}\n" for name in names))
        output = self.types("podid list --context \t\n", " DONE\r\n").replace("\r", "\n")
        return [line for line in output.split("\n") if line.endswith(" DONE")][-1].rpartition("<--context>")[2][:-5]

    def close(self) -> None:
        os.close(self._descriptor)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


@pytest.mark.parametrize("shell", INTERACTIVE)
def test_a_shell_completes_the_name_as_one_word(shell: str, tmp_path: Path) -> None:
    """In a terminal, with the Enter that a person would press: no part of it is run or stands for something else."""
    terminal = Terminal(shell, tmp_path)
    try:
        for number, name in enumerate(NAMES):
            expected = "" if (shell, name) == ("fish", "~") else f"<{name}>"
            assert terminal.completed(config_of(name, tmp_path / f"config-{number}")) == expected
    finally:
        terminal.close()
    assert not (tmp_path / "MARK").exists()

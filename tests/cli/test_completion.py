"""`podid completion`: the scripts run in real shells, and what podid answers to them."""

import contextlib
import json
import os
import pty
import select
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness import Podid
from local.test_files import planted
from podid.cli import suggestions
from podid.cli.runtime import Runtime, Streams
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
    monkeypatch.setattr("subprocess.Popen", lambda argv, **_: suggestions.main(argv[4:]))
    assert remote(podid, "show", "sh") == ["shop/orders"]
    assert remote(podid, "associate", "shop/orders", "--role", "store") == ["storefront"]
    assert remote(podid, "role", "show", "store") == ["storefront"]
    assert remote(podid, "list", "-n", "") == ["shop"]
    assert "us-east-1" in remote(podid, "list", "--region", "us-")
    assert remote(podid, "doctor", "deploy") == ["deploy/"]
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


def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, dict[str, str]]:
    """The file of a source's values, which a first TAB has found nothing in, and where completion keeps it."""
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: None)
    env = {"XDG_STATE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    runtime = Runtime(streams=Streams.of_process(), env=env)
    cache = suggestions.Suggestions(runtime)._cache("clusters", {})
    assert complete("bash", "list", "--cluster", "", env=env) == []
    return cache, env


@pytest.mark.parametrize(
    ("what", "found"),
    [
        ("as it should be", ["prod"]),
        *((what, []) for what in ("pipe", "directory", "link", "others may write", "theirs", "of the future")),
        *((what, []) for what in ("old", "not JSON", "no list", "deep", "too large", "the directory is theirs")),
        ("the directory is open", []),
    ],
)
def test_only_what_podid_kept_is_offered(
    what: str, found: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, env = kept(tmp_path, monkeypatch)
    text = {"not JSON": "[", "no list": '{"prod": 1}', "deep": "[" * 100_000, "too large": f'["{"x" * 2**20}"]'}
    if what in ("pipe", "directory"):
        planted(what, cache)
    else:
        cache.write_text(text.get(what, '["prod"]'))
        cache.chmod(0o600)
    now, euid = time.time(), os.geteuid()
    match what:
        case "link":
            cache.rename(tmp_path / "elsewhere")
            cache.symlink_to(tmp_path / "elsewhere")
        case "others may write":
            cache.chmod(0o602)
        case "theirs":
            monkeypatch.setattr(suggestions, "check_private", lambda _: True)
            monkeypatch.setattr(os, "geteuid", lambda: euid + 1)
        case "of the future":
            os.utime(cache, (now + 60, now + 60))
        case "old":
            os.utime(cache, (now - 700, now - 700))
        case "the directory is theirs":
            monkeypatch.setattr(os, "geteuid", lambda: euid + 1)
        case "the directory is open":
            cache.parent.chmod(0o777)
    began = time.monotonic()
    assert complete("bash", "list", "--cluster", "", env=env) == found
    assert time.monotonic() - began < 2


def test_files_that_a_key_press_reads_are_not_waited_for(tmp_path: Path) -> None:
    pipe = str(planted("pipe", tmp_path / "x"))
    env = {"HOME": str(tmp_path), "AWS_CONFIG_FILE": pipe, "AWS_SHARED_CREDENTIALS_FILE": pipe, "KUBECONFIG": pipe}
    began = time.monotonic()
    assert complete("bash", "list", "--profile", "", env=env) == []
    assert complete("bash", "list", "--context", "", env=env) == []
    assert time.monotonic() - began < 2


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
    assert complete("zsh", "list", "--ver") == ["--verbose:Print the source of each setting, and each call."]


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


# --- names of people who mean harm ------------------------------------------------------------------------------------

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
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source <(podid completion bash)", "export KUBECONFIG="),
    "zsh": (
        ["zsh", "-f", "-i"],
        "autoload -U compinit; compinit -D; source <(podid completion zsh)",
        "export KUBECONFIG=",
    ),
    "fish": (["fish", "--no-config", "-i"], "podid completion fish | source", "set -x KUBECONFIG "),
}


def config_of(name: str, path: Path) -> Path:
    path.write_text(json.dumps({"contexts": [{"name": name, "context": {"cluster": "c"}}]}))
    return path


@pytest.mark.parametrize("shell", INTERACTIVE)
@pytest.mark.parametrize("name", [*NAMES, *DROPPED])
def test_a_name_is_offered_as_one_word_or_not_at_all(name: str, shell: str, tmp_path: Path) -> None:
    config = config_of(name, tmp_path / "config")
    found = complete(shell, "list", "--context", "", env={"HOME": "/nowhere", "KUBECONFIG": str(config)})
    assert len(found) == (name not in DROPPED and (shell, name) != ("fish", "~"))


class Terminal:
    """A shell that somebody types into. `podid` shows the words that it was given, but for completion."""

    def __init__(self, shell: str, directory: Path) -> None:
        argv, script, self._choose = INTERACTIVE[shell]
        if shutil.which(shell) is None:
            pytest.skip(f"{shell} is not installed")
        show = 'for word in "$@"; do printf "<%s>" "$word"; done; echo " DONE"'
        wrapper = directory / "bin" / "podid"
        wrapper.parent.mkdir()
        real = (
            f'case "$1$_PODID_COMPLETE" in completion|*bash|*zsh|*fish) exec {shlex.quote(str(BIN))}/podid "$@";; esac'
        )
        wrapper.write_text(f"#!/bin/sh\n{real}\n{show}\n")
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
        seen, end = b"", time.monotonic() + 60
        while until.encode() not in seen:
            assert time.monotonic() < end, seen
            if select.select([self._descriptor], [], [], 1)[0]:
                seen += os.read(self._descriptor, 65536)
                if b"\x1b[c" in seen[-200:] or b"\x1b[0c" in seen[-200:]:  # fish asks what terminal it is on
                    os.write(self._descriptor, b"\x1b[?62c")
        return seen.decode(errors="replace")

    def completed(self, config: Path) -> str:
        """What the command gets after TAB and Enter."""
        self.types(f"{self._choose}{config}; echo RE''ADY\n", "READY\r\n")
        seen = self.types("podid list --context \t\n", " DONE\r\n").replace("\r", "\n")
        return [line for line in seen.split("\n") if line.endswith(" DONE")][-1].rpartition("<--context>")[2][:-5]

    def close(self) -> None:
        os.close(self._descriptor)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


@pytest.mark.parametrize("shell", INTERACTIVE)
def test_what_a_shell_puts_on_the_line_is_the_name(shell: str, tmp_path: Path) -> None:
    """In a terminal, with the Enter that a person would press: no part of it is run or stands for something else."""
    terminal = Terminal(shell, tmp_path)
    try:
        for number, name in enumerate(NAMES):
            wanted = "" if (shell, name) == ("fish", "~") else f"<{name}>"
            assert terminal.completed(config_of(name, tmp_path / f"config-{number}")) == wanted
    finally:
        terminal.close()
    assert not (tmp_path / "MARK").exists()


# --- podid completion install -----------------------------------------------------------------------------------------

PLACES = {
    "bash": (".local/share/bash-completion/completions/podid", ".bashrc"),
    "zsh": (".local/share/podid/completion.zsh", ".zshrc"),
    "fish": (".config/fish/completions/podid.fish", ""),
}


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


def test_the_shell_is_the_nearest_one_above_podid(tmp_path: Path) -> None:
    from podid.domain.errors import UsageError
    from podid.ops.shells import detected_shell

    assert detected_shell({"SHELL": "/bin/zsh"}, ["sudo", "fish", "bash"]) == "fish"
    assert detected_shell({"SHELL": "/bin/zsh"}, ["python", "init"]) == "zsh"
    with pytest.raises(UsageError, match="is not known"):
        detected_shell({"SHELL": "/bin/tcsh"}, [])
    line = f"{sys.executable} -m podid completion install -o json; true"
    env = {"HOME": str(tmp_path), "SHELL": "/bin/zsh", "PATH": os.environ["PATH"]}
    done = subprocess.run(["bash", "-c", line], env=env, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout)["shell"] == "bash"


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

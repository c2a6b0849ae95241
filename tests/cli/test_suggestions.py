"""Names that completion suggests: of the account, the cluster and files, and the values that podid caches."""

import os
import time
from pathlib import Path

import pytest

from completing import complete
from harness import Podid
from local.test_files import planted
from podid.cli import suggestions
from podid.cli.runtime import Runtime, Streams
from podid.sandbox.baseline import add_association
from podid.sandbox.box import Sandbox


def remote(podid: Podid, *words: str) -> list[str]:
    """As on a second TAB: what the first one began to read may take longer than a key press waits."""
    for _ in range(100):
        if names := complete("bash", *words, env=podid.env):
            return names
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


def test_without_credentials_there_are_no_names(tmp_path: Path) -> None:
    env = {"XDG_STATE_HOME": str(tmp_path), "HOME": str(tmp_path), "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    began = time.monotonic()
    assert complete("bash", "show", "", env=env) == []
    assert time.monotonic() - began < 5.0


def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, dict[str, str]]:
    """The file of a source's values, which a first TAB has found nothing in, and where completion keeps it."""
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: None)
    env = {"XDG_STATE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    runtime = Runtime(streams=Streams.of_process(), env=env)
    cache = suggestions._cache(runtime, "clusters", {})
    assert complete("bash", "list", "--cluster", "", env=env) == []
    return cache, env


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("as it should be", ["prod"]),
        *((state, []) for state in ("pipe", "directory", "link", "others may write", "theirs", "of the future")),
        *((state, []) for state in ("old", "not JSON", "no list", "deep", "too large", "the directory is theirs")),
        ("the directory is open", []),
    ],
)
def test_only_private_recent_files_of_podid_are_read(
    state: str, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, env = kept(tmp_path, monkeypatch)
    text = {"not JSON": "[", "no list": '{"prod": 1}', "deep": "[" * 100_000, "too large": f'["{"x" * 2**20}"]'}
    if state in ("pipe", "directory"):
        planted(state, cache)
    else:
        cache.write_text(text.get(state, '["prod"]'))
        cache.chmod(0o600)
    now, euid = time.time(), os.geteuid()
    match state:
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
    assert complete("bash", "list", "--cluster", "", env=env) == expected
    assert time.monotonic() - began < 5


def test_a_pipe_in_place_of_a_file_is_not_read(tmp_path: Path) -> None:
    pipe = str(planted("pipe", tmp_path / "x"))
    env = {"HOME": str(tmp_path), "AWS_CONFIG_FILE": pipe, "AWS_SHARED_CREDENTIALS_FILE": pipe, "KUBECONFIG": pipe}
    began = time.monotonic()
    assert complete("bash", "list", "--profile", "", env=env) == []
    assert complete("bash", "list", "--context", "", env=env) == []
    assert time.monotonic() - began < 5


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
    names = complete("bash", "list", "--profile", "", env={**env, "AWS_CONFIG_FILE": str(profiles), "HOME": "/nowhere"})
    assert names == ["default", "dev"]

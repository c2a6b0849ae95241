"""What the user's machine gives: each text of a kubeconfig and each variable of the SDK's, wrong in every way. The
reason is told at once, never a secret, and nothing is waited for."""

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import Podid
from kube.kubeconfigs import cluster_of, connected
from local.test_files import planted
from podid.aws.session import AwsSession
from podid.domain.errors import CredentialsError, PodidError, UsageError
from podid.domain.text import without_tokens
from podid.kube import kubeconfig
from podid.sandbox.box import Sandbox
from podid.sandbox.cluster import SandboxCluster

KINDS = ("pipe", "device", "directory", "nothing", "dangling", "garbage")
TEXTS = (
    "a\nb",
    "a\r\nX-Other: 1",
    "é€",
    "\x01",
    "\0",
    " ",
    "https://[::1",
    "https://h:99999",
    "https://a b",
    "x" * 100_000,
)
SECRET = "hunter2"


def file_of(kind: str, directory: Path) -> str:
    if kind == "garbage":
        (directory / "x").write_text(SECRET)
        return str(directory / "x")
    if kind == "device":
        return "/dev/zero"
    return str(planted(kind, directory / "x"))


def written(path: Path, cluster: dict[str, Any], user: dict[str, Any]) -> str:
    body = {"server": "https://127.0.0.1:1", **cluster}
    document = {
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": body}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }
    path.write_text(json.dumps(document))
    return str(path)


def used(path: str) -> PodidError | None:
    """All of a connection but sending something."""
    began, found = time.monotonic(), None
    try:
        connection = connected(cluster_of(path), kubeconfig=path, env={})
        connection.headers()
        connection.new_pool()
    except PodidError as error:
        found = error
    assert time.monotonic() - began < 5
    assert found is None or SECRET not in f"{found.message} {found.advice}"
    return found


FILES: dict[str, Callable[[str], tuple[dict[str, Any], dict[str, Any]]]] = {
    "certificate-authority": lambda path: ({"certificate-authority": path}, {"token": SECRET}),
    "client-certificate": lambda path: ({}, {"client-certificate": path, "client-key-data": "aGVsbG8="}),
    "client-key": lambda path: ({}, {"client-key": path, "client-certificate-data": "aGVsbG8="}),
    "tokenFile": lambda path: ({}, {"tokenFile": path}),
}


def test_every_file_of_a_kubeconfig_is_in_the_table() -> None:
    assert {*FILES} == {*kubeconfig._FILES}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FILES)
def test_a_file_of_a_kubeconfig(name: str, kind: str, tmp_path: Path) -> None:
    cluster, user = FILES[name](file_of(kind, tmp_path))
    found = used(written(tmp_path / "config", cluster, user))
    if kind == "garbage":
        return
    assert found is not None
    assert found.exit_code == 2
    assert found.message.startswith(f"the kubeconfig's {name} ")
    assert "cannot be read: " in found.message


PLACES = (
    *(("cluster", name) for name in kubeconfig._CLUSTER_TEXTS if name not in FILES),
    *(("user", name) for name in kubeconfig._USER_TEXTS if name not in FILES),
)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize(("where", "name"), PLACES)
def test_a_text_of_a_kubeconfig(where: str, name: str, text: str, tmp_path: Path) -> None:
    other = {"client-certificate-data": "client-key-data", "client-key-data": "client-certificate-data"}.get(name)
    user = {other: "aGVsbG8="} if other else {"username": "u"} if name == "password" else {"token": SECRET}
    if name == "username":
        user = {"password": SECRET}
    cluster, user = ({name: text}, user) if where == "cluster" else ({}, {**user, name: text})
    found = used(written(tmp_path / "config", cluster, user))
    assert found is None or found.exit_code in (2, 4), found.message


def test_a_token_file_ends_with_a_line_break(tmp_path: Path) -> None:
    """As kubectl, which takes off what stands around it; within it, it is none."""
    file = tmp_path / "token"
    file.write_text(f"{SECRET}\r\n")
    path = written(tmp_path / "config", {}, {"tokenFile": str(file)})
    connection = connected(cluster_of(path), kubeconfig=path, env={})
    assert connection.headers() == {"authorization": f"Bearer {SECRET}"}
    file.write_text("a\nb\n")
    with pytest.raises(PodidError, match="such as a line break"):
        connection.renew()


# --- AWS --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def https(box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Something that answers at an https endpoint."""
    (tmp_path / "kube").mkdir()
    cluster = SandboxCluster(box.world, tmp_path / "kube")
    monkeypatch.setenv("AWS_ENDPOINT_URL", cluster.endpoint_url)
    yield
    cluster.stop()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "ca_bundle"])
def test_a_bundle_of_certificates(
    https: None, podid: Podid, name: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file_of(kind, tmp_path)
    if name == "ca_bundle":
        Path(os.environ["AWS_CONFIG_FILE"]).write_text(f"[default]\nca_bundle = {path}\n")
    else:
        monkeypatch.setenv(name, path)
    began = time.monotonic()
    outcome = podid("whoami", "--timeout", "20", **({name: path} if name.isupper() else {}))
    assert time.monotonic() - began < 5
    if kind == "garbage":
        assert (outcome.code, outcome.stdout) == (7, "")
    else:
        assert (outcome.code, outcome.stdout) == (2, "")
        assert f"The file {path} of {name} cannot be read: " in outcome.stderr


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file"])
def test_a_token_of_a_web_identity(
    box: Sandbox, podid: Podid, name: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file_of(kind, tmp_path)
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(key)
    role, env = "arn:aws:iam::111122223333:role/x", {}
    if name.isupper():
        env = {name: path, "AWS_ROLE_ARN": role}
        for key, value in env.items():
            monkeypatch.setenv(key, value)
    else:
        Path(os.environ["AWS_CONFIG_FILE"]).write_text(f"[default]\nrole_arn = {role}\n{name} = {path}\n")
    began = time.monotonic()
    outcome = podid("whoami", "--timeout", "20", **env)
    assert time.monotonic() - began < 5
    assert SECRET not in outcome.stderr
    if kind != "garbage":
        assert (outcome.code, outcome.stdout) == (2, "")
        assert f"The file {path} of {name} cannot be read: " in outcome.stderr


@pytest.mark.parametrize("text", ["ASIA\n", f"{SECRET}\r\nX: 1", "é", "\x7f"])
@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"])
def test_credentials_that_no_header_can_carry(
    box: Sandbox, name: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python would tell all of the header."""
    monkeypatch.setenv(name, text)
    with pytest.raises(CredentialsError, match="such as a line break") as raised:
        AwsSession(None, "us-west-2", env=os.environ).sts.get_caller()
    assert SECRET not in raised.value.message


def test_a_header_that_was_refused_is_not_told() -> None:
    error = "An HTTP Client raised an unhandled exception: Invalid header value b'hunter2\\nx'"
    assert without_tokens(error).endswith("Invalid header value [token]")


def test_a_token_file_counts_where_nothing_comes_before_it(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent")
    assert AwsSession(None, "us-west-2", env=os.environ).sts.get_caller().account == "111122223333"
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(UsageError):
        AwsSession(None, "us-west-2", env=os.environ).sts.get_caller()

"""Which way to a cluster is chosen, and with which credentials."""

import base64
import json
import logging
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from podid.calls.deadline import Deadline
from podid.domain.aws import Cluster
from podid.domain.errors import Conflict, CredentialsError, InvalidInput, NotFound, Unavailable, UnreadableAnswer
from podid.kube.transport import Transport
from podid.kube.user import exec_plugin, run

from .kube_server import Answer, Server, self_signed
from .kubeconfigs import cluster_of, connected, no_token, write_kubeconfig

MakeCluster = Callable[..., Cluster]


def token() -> tuple[str, datetime]:
    return "signed", datetime.now(UTC) + timedelta(minutes=14)


def plugin(tmp_path: Path, code: str) -> dict[str, Any]:
    script = tmp_path / "plugin.py"
    script.write_text(code)
    command = {"command": sys.executable, "args": [str(script)], "interactiveMode": "Never"}
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1beta1", **command}}


CREDENTIAL = """
import json, pathlib
count = pathlib.Path(__file__).with_name("count")
n = int(count.read_text()) + 1 if count.exists() else 1
count.write_text(str(n))
print(json.dumps({"apiVersion": "client.authentication.k8s.io/v1beta1", "kind": "ExecCredential",
                  "status": {"token": f"plugin-{n}"}}))
"""


def test_without_a_kubeconfig_the_cluster_itself_is_enough(tls: Server, make_cluster: MakeCluster) -> None:
    tls.script(Answer(200, {"gitVersion": "v1.36.0"}))
    connection = connected(make_cluster(tls.url), token=token)
    assert Transport(connection).get("/version", dict) == {"gitVersion": "v1.36.0"}
    assert tls.requests[0].headers["authorization"] == "Bearer signed"
    assert connection.how == "endpoint of cluster demo, with a token signed by podid"


def test_the_current_context_is_used_when_its_server_is_the_clusters(
    tls: Server, make_cluster: MakeCluster, certificate: tuple[Path, str], tmp_path: Path
) -> None:
    file = write_kubeconfig(tmp_path / "config", tls.url + "/", ca=certificate[1])
    _, other = self_signed(tmp_path, "other")
    connection = connected(make_cluster(tls.url, pem=other), token=no_token, env={"KUBECONFIG": file})
    tls.script(Answer(200, {}))
    assert Transport(connection).get("/version", dict) == {}
    assert tls.requests[0].headers["authorization"] == "Bearer from-kubeconfig"
    assert connection.how == "context work of the kubeconfig (its server is the cluster's)"


def test_the_current_context_is_used_when_its_ca_is_the_clusters(
    tls: Server, make_cluster: MakeCluster, certificate: tuple[Path, str], tmp_path: Path
) -> None:
    file = write_kubeconfig(tmp_path / "config", tls.url, ca=certificate[1])
    cluster = make_cluster("https://abc.gr7.us-west-2.eks.amazonaws.com", pem=certificate[1].replace("\n", "\r\n"))
    connection = connected(cluster, token=no_token, env={"KUBECONFIG": file})
    tls.script(Answer(200, {}))
    assert Transport(connection).get("/version", dict) == {}
    assert connection.how == "context work of the kubeconfig (its CA is the cluster's)"


def test_a_current_context_of_another_cluster_is_not_used(
    tls: Server, make_cluster: MakeCluster, tmp_path: Path
) -> None:
    file = write_kubeconfig(tmp_path / "config", "https://elsewhere.example", ca=self_signed(tmp_path, "other")[1])
    connection = connected(make_cluster(tls.url), token=token, env={"KUBECONFIG": file})
    tls.script(Answer(200, {}))
    assert Transport(connection).get("/version", dict) == {}
    assert tls.requests[0].headers["authorization"] == "Bearer signed"


def test_an_explicit_context_of_another_cluster_is_a_conflict(make_cluster: MakeCluster, tmp_path: Path) -> None:
    file = write_kubeconfig(tmp_path / "config", "https://elsewhere.example")
    with pytest.raises(Conflict) as raised:
        connected(make_cluster("https://demo.example"), token=token, context="work", kubeconfig=file)
    assert raised.value.message == (
        "context 'work' is not for cluster demo: neither its server https://elsewhere.example nor its "
        "certificate authority matches the cluster (https://demo.example)"
    )
    assert raised.value.hint == (*("aws", "eks", "update-kubeconfig", "--name", "demo", "--region", "us-west-2"),)


def test_names_that_do_not_exist(make_cluster: MakeCluster, tmp_path: Path) -> None:
    file = write_kubeconfig(tmp_path / "config", "https://elsewhere.example")
    with pytest.raises(NotFound) as raised:
        connected(make_cluster("https://demo.example"), token=token, context="play", kubeconfig=file)
    assert raised.value.message == "the kubeconfig has no context 'play'. Its contexts: work"
    with pytest.raises(NotFound) as raised:
        connected(make_cluster("https://demo.example"), token=token, kubeconfig=str(tmp_path / "nope"))
    assert raised.value.message == f"kubeconfig file {tmp_path / 'nope'} does not exist"


def test_a_broken_kubeconfig_matters_only_when_it_was_named(
    tls: Server, make_cluster: MakeCluster, tmp_path: Path
) -> None:
    broken = tmp_path / "config"
    broken.write_text("users: [s3cret\nclusters: x\n")
    assert connected(make_cluster(tls.url), token=token, env={"KUBECONFIG": str(broken)}).host == tls.url
    with pytest.raises(InvalidInput) as raised:
        connected(make_cluster(tls.url), token=token, kubeconfig=str(broken))
    assert raised.value.message == f"the kubeconfig {broken} is not valid YAML, line 2"


def test_an_exec_plugin_supplies_the_token_and_is_asked_again_after_401(
    tls: Server, make_cluster: MakeCluster, certificate: tuple[Path, str], tmp_path: Path
) -> None:
    file = write_kubeconfig(tmp_path / "config", tls.url, ca=certificate[1], user=plugin(tmp_path, CREDENTIAL))
    connection = connected(make_cluster(tls.url), token=no_token, context="work", kubeconfig=file)
    tls.answer = lambda r: Answer(200 if r.headers["authorization"] == "Bearer plugin-2" else 401, {})
    assert Transport(connection).get("/version", dict) == {}
    assert [r.headers["authorization"] for r in tls.requests] == ["Bearer plugin-1", "Bearer plugin-2"]


def test_a_token_file_that_is_gone_when_it_is_read_again(
    tls: Server, make_cluster: MakeCluster, certificate: tuple[Path, str], tmp_path: Path
) -> None:
    (held := tmp_path / "token").write_text("old")
    file = write_kubeconfig(tmp_path / "config", tls.url, ca=certificate[1], user={"tokenFile": str(held)})
    connection = connected(make_cluster(tls.url), kubeconfig=file)
    held.unlink()
    tls.answer = lambda r: Answer(401, {})
    with pytest.raises(InvalidInput, match="cannot be read: No such file"):
        Transport(connection).get("/version", dict)


def test_processes_of_an_exec_plugin_are_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has ended itself, and what it started holds its output open."""
    ended: list[int] = []
    killpg = os.killpg
    monkeypatch.setattr(os, "killpg", lambda group, by: ended.append(group) or killpg(group, by))  # type: ignore[func-returns-value]
    left = exec_plugin({"command": "sh", "args": ["-c", "sleep 60 & exit 0"], "apiVersion": "v1"}, {})
    with pytest.raises(Unavailable, match="exec plugin sh returned no credentials"):
        run(left, os.environ, Deadline.after(0.2, "the 0.2 s of --timeout", time.monotonic))
    assert len(ended) == 1


def test_a_failing_exec_plugin_is_named_and_nothing_goes_out(
    tls: Server, make_cluster: MakeCluster, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code = "import sys; sys.exit('Unable to locate credentials')"
    file = write_kubeconfig(tmp_path / "config", tls.url, user=plugin(tmp_path, code))
    handlers = list(logging.getLogger().handlers)
    with pytest.raises(CredentialsError) as raised:
        connected(make_cluster(tls.url), token=token, kubeconfig=file)
    assert raised.value.message == f"exec plugin {sys.executable} failed with exit code 1"
    assert raised.value.hint == ("kubectl", "--context", "work", "get", "--raw", "/version")
    assert raised.value.exit_code == 4
    assert tls.requests == []
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger().handlers == handlers


def test_a_user_without_credentials(tls: Server, make_cluster: MakeCluster, tmp_path: Path) -> None:
    file = write_kubeconfig(tmp_path / "config", tls.url, user={})
    with pytest.raises(CredentialsError) as raised:
        connected(make_cluster(tls.url), kubeconfig=file)
    assert raised.value.message == (
        "the user entry of the kubeconfig provides no credentials for the API server of cluster demo"
    )


def test_a_client_certificate_is_a_credential(
    tls: Server, make_cluster: MakeCluster, certificate: tuple[Path, str], tmp_path: Path
) -> None:
    user = {"client-certificate": str(certificate[0]), "client-key": str(certificate[0])}
    file = write_kubeconfig(tmp_path / "config", tls.url, ca=certificate[1], user=user)
    tls.script(Answer(200, {}))
    assert Transport(connected(make_cluster(tls.url), kubeconfig=file)).get("/version", dict) == {}
    assert "authorization" not in tls.requests[0].headers


def test_the_contexts_proxy_is_used_by_every_version_of_the_package(
    tls: Server, make_cluster: MakeCluster, certificate: tuple[Path, str], tmp_path: Path
) -> None:
    file = write_kubeconfig(tmp_path / "config", tls.url, ca=certificate[1], proxy="http://127.0.0.1:9")
    connection = connected(make_cluster(tls.url), kubeconfig=file)
    proxy = getattr(connection.new_pool(), "proxy", None)
    assert str(proxy) == "http://127.0.0.1:9"


def test_the_environment_is_read_for_a_proxy_before_the_first_request_only(
    tls: Server, make_cluster: MakeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_kubeconfig(tmp_path / "config", tls.url, user={"token": "t"})
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    connection = connected(make_cluster(tls.url), kubeconfig=file)
    monkeypatch.delenv("HTTPS_PROXY")
    assert connection.headers()["authorization"] == "Bearer t"
    assert str(getattr(connection.new_pool(), "proxy", None)) == "http://127.0.0.1:9"


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.DependencyWarning")
def test_a_socks_proxy_requires_a_package(
    tls: Server,
    make_cluster: MakeCluster,
    certificate: tuple[Path, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """kubectl supports it without a package."""
    monkeypatch.setitem(sys.modules, "socks", None)
    file = write_kubeconfig(tmp_path / "config", tls.url, ca=certificate[1], proxy="socks5://127.0.0.1:9")
    connection = connected(make_cluster(tls.url), kubeconfig=file)
    with pytest.raises(InvalidInput, match="the Python package PySocks"):
        connection.new_pool()


def test_no_proxy_is_honoured_without_a_kubeconfig(
    tls: Server, make_cluster: MakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    tls.script(Answer(200, {}))
    assert Transport(connected(make_cluster(tls.url), token=token)).get("/version", dict) == {}


def test_a_cluster_that_is_still_being_made(make_cluster: MakeCluster) -> None:
    with pytest.raises(Conflict) as raised:
        connected(make_cluster(""), token=token)
    assert raised.value.message == "cluster demo is ACTIVE and has no API endpoint yet"


def test_a_check_that_is_turned_off_is_told_and_only_by_true(tls: Server, tmp_path: Path) -> None:
    file = Path(write_kubeconfig(tmp_path / "config", tls.url))
    cluster = cluster_of(file)
    assert not connected(cluster, kubeconfig=str(file)).unverified
    document = json.loads(file.read_text())
    document["clusters"][0]["cluster"]["insecure-skip-tls-verify"] = True
    file.write_text(json.dumps(document))
    assert connected(cluster, kubeconfig=str(file)).unverified
    document["clusters"][0]["cluster"]["insecure-skip-tls-verify"] = "false"  # the kubernetes package takes it for true
    file.write_text(json.dumps(document))
    with pytest.raises(InvalidInput, match="insecure-skip-tls-verify is not true or false"):
        connected(cluster, kubeconfig=str(file))


def test_a_context_without_a_server(make_cluster: MakeCluster, certificate: tuple[Path, str], tmp_path: Path) -> None:
    file = write_kubeconfig(tmp_path / "config", "", ca=certificate[1])
    with pytest.raises(InvalidInput, match="context 'work' of the kubeconfig has no cluster with a server"):
        connected(make_cluster("https://demo.example"), kubeconfig=file)


def test_a_plugin_beside_the_kubeconfig_and_its_expiry(
    tls: Server, certificate: tuple[Path, str], tmp_path: Path
) -> None:
    """As kubectl finds it, from wherever podid is run; and it is asked again before its token expires."""
    folder = tmp_path / "kube"
    folder.mkdir()
    script = folder / "plugin"
    expires = "2030-01-01T00:00:00Z"
    code = CREDENTIAL.replace('f"plugin-{n}"', f'f"plugin-{{n}}", "expirationTimestamp": "{expires}"')
    script.write_text(f"#!{sys.executable}\n{code}")
    script.chmod(0o700)
    login = {"exec": {"command": "./plugin", "apiVersion": "client.authentication.k8s.io/v1beta1"}}
    file = write_kubeconfig(folder / "config", tls.url, ca=certificate[1], user=login)
    now = [datetime(2029, 12, 31, tzinfo=UTC)]
    connection = connected(cluster_of(file), kubeconfig=file, now=lambda: now[0])
    assert connection.headers()["authorization"] == "Bearer plugin-1"
    assert connection.headers()["authorization"] == "Bearer plugin-1"
    now[0] = datetime(2029, 12, 31, 23, 59, 30, tzinfo=UTC)
    assert connection.headers()["authorization"] == "Bearer plugin-2"


@pytest.mark.parametrize(
    ("endpoint", "authority"),
    [
        ("http://127.0.0.1:8080", base64.b64encode(b"-----BEGIN CERTIFICATE-----x-----END CERTIFICATE-----").decode()),
        ("https://x", ""),
        ("https://x", "bm90IHBlbQ=="),
        ("https://x", "%%%"),
    ],
)
def test_no_token_is_sent_to_a_server_without_a_certificate(
    make_cluster: MakeCluster, endpoint: str, authority: str
) -> None:
    cluster = replace(make_cluster(endpoint), certificate_authority=authority)
    with pytest.raises(UnreadableAnswer):  # not out of reach: no address and no proxy is to blame
        connected(cluster, token=no_token, env={"HOME": "/nowhere"})


@pytest.mark.parametrize(
    "server", ["ftp://h", "h:443", "https://", "https://h:port", "https://[::1", "https://h:99999"]
)
def test_a_server_that_is_no_url(tmp_path: Path, server: str) -> None:
    file = write_kubeconfig(tmp_path / "config", server)
    with pytest.raises(InvalidInput, match="the server of context 'work' of the kubeconfig is not an https URL"):
        connected(cluster_of(file), kubeconfig=file, env={})

"""`as`, `as-uid`, `as-groups` and `as-user-extra` of a kubeconfig's user, and the auth-provider of days gone by."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from podid.domain.aws import Cluster
from podid.domain.errors import InvalidInput
from podid.domain.foreign import Malformed
from podid.kube.connect import Connection
from podid.kube.transport import Transport
from podid.kube.user import exec_plugin, impersonation
from worlds import Site

from .kube_server import Answer, Server
from .kubeconfigs import cluster_of, connected


@pytest.mark.parametrize(
    ("user", "headers"),
    [
        ({"token": "t"}, ()),
        ({"as": "alice"}, (("Impersonate-User", "alice"),)),
        (
            {
                "as": "alice",
                "as-uid": "7",
                "as-groups": ["a, b", "c"],
                "as-user-extra": {"Acme.com/Scope%": ["x", "y"]},
            },
            (
                *(("Impersonate-User", "alice"), ("Impersonate-Uid", "7")),
                *(("Impersonate-Group", "a, b"), ("Impersonate-Group", "c")),
                *(("Impersonate-Extra-Acme.com%2FScope%25", "x"), ("Impersonate-Extra-Acme.com%2FScope%25", "y")),
            ),
        ),
        ({"as": "björn"}, (("Impersonate-User", "bj\xc3\xb6rn"),)),
        ({"as": None, "as-groups": [], "as-user-extra": {}}, ()),
    ],
)
def test_the_headers(user: dict[str, Any], headers: tuple[tuple[str, str], ...]) -> None:
    assert impersonation(user) == headers


@pytest.mark.parametrize(
    ("user", "why"),
    [
        ({"as-groups": ["g"]}, "as is required with"),
        ({"as-uid": "7"}, "as is required with"),
        ({"as-user-extra": {"k": ["v"]}}, "as is required with"),
        ({"as": "a\nImpersonate-Group: system:masters"}, "control characters"),
        ({"as": "a", "as-user-extra": {"k": ["v\r"]}}, "control characters"),
        ({"as": 5}, "as is a number, not text"),
        ({"as": "a", "as-groups": "g"}, "as-groups is text, not a list"),
        ({"as": "a", "as-user-extra": {"k": "v"}}, "k is text, not a list"),
    ],
)
def test_impersonation_that_cannot_be_sent(tmp_path: Path, user: dict[str, Any], why: str) -> None:
    with pytest.raises(Malformed, match=why):
        impersonation(user)
    with pytest.raises(InvalidInput, match=f"the user of context 'work' of the kubeconfig is malformed: .*{why}"):
        through(tmp_path, "https://127.0.0.1:1", user)


def through(directory: Path, url: str, user: dict[str, Any], cluster: Cluster | None = None) -> Connection:
    document = {
        "current-context": "work",
        "contexts": [{"name": "work", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": url, "insecure-skip-tls-verify": True}}],
        "users": [{"name": "u", "user": {"token": "t", **user}}],
    }
    file = directory / "config"
    file.write_text(json.dumps(document))
    return connected(cluster or cluster_of(file), kubeconfig=str(file))


NAMESPACE = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "shop"}}


def test_every_request_says_as_whom(tls: Server, tmp_path: Path) -> None:
    tls.script(Answer(429, {}, {"Retry-After": "0"}), Answer(200, {}), Answer(201, NAMESPACE), Answer(200, {}))
    connection = through(tmp_path, tls.url, {"as": "alice", "as-groups": ["dev"]})
    assert connection.how == "context work of the kubeconfig (its server is the cluster's), as alice"
    transport = Transport(connection, sleep=lambda _: None)
    transport.get("/version", dict)
    transport.post("/api/v1/namespaces", {}, dict)
    transport.fresh().get("/version", dict)
    for request in tls.requests:
        assert request.headers["authorization"] == "Bearer t"
        assert (request.headers["impersonate-user"], request.headers["impersonate-group"]) == ("alice", "dev")
    assert len(tls.requests) == 4


def test_podid_has_the_permissions_of_whom_it_acts_as(healthy: Site) -> None:
    """And of each of the groups, not of the caller."""
    site, kubeconfig = healthy, healthy.kube.kubeconfig(healthy.kube.admin_token)
    kubeconfig["users"][0]["user"] |= {"as": "alice", "as-groups": ["lists-pods", "lists-accounts"]}
    file = site.directory / "kubeconfig-as"
    file.write_text(json.dumps(kubeconfig))
    refused = site("restart", "shop/orders", "--dry-run", "-o", "json", env={"KUBECONFIG": str(file)})
    assert (refused.code, refused.error["code"]) == (4, "AccessDenied")
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    for group, resources in (("lists-pods", ["pods", "deployments"]), ("lists-accounts", ["*"])):
        rule = {"apiGroups": ["*"], "resources": resources, "verbs": ["*"]}
        site.cluster.post(f"{rbac}/clusterroles", {"metadata": {"name": group}, "rules": [rule]})
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": group}
        binding = {"metadata": {"name": group}, "roleRef": reference, "subjects": [{"kind": "Group", "name": group}]}
        site.cluster.post(f"{rbac}/clusterrolebindings", binding)
    done = site("restart", "shop/orders", "--dry-run", "-v", env={"KUBECONFIG": str(file)})
    assert (done.code, "(its server is the cluster's), as alice\n" in done.stderr) == (0, True), done


@pytest.mark.parametrize("name", ["gcp", "oidc"])
def test_an_auth_provider_is_refused_and_nothing_is_started(
    tmp_path: Path, make_cluster: Callable[..., Cluster], name: str
) -> None:
    mark = tmp_path / "started"
    config = {"cmd-path": "/usr/bin/touch", "cmd-args": str(mark), "idp-issuer-url": "https://127.0.0.1:1"}
    user = {"auth-provider": {"name": name, "config": config}, "token": "t"}
    with pytest.raises(InvalidInput) as raised:
        through(tmp_path, "https://demo.example", user, make_cluster("https://demo.example"))
    assert raised.value.message == (
        f"context 'work' of the kubeconfig uses auth-provider {name}, which podid does not support: exec plugins "
        "replaced auth providers"
    )
    assert raised.value.hint == ("aws", "eks", "update-kubeconfig", "--name", "demo", "--region", "us-west-2")
    assert not mark.exists()


def test_an_exec_plugin_receives_the_cluster_only_if_it_asks_for_it() -> None:
    extensions = [
        {"name": "other", "extension": 1},
        {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "x"}},
    ]
    cluster = {"server": "https://demo.example", "extensions": extensions}
    settings = {"apiVersion": "client.authentication.k8s.io/v1", "command": "login", "args": ["-x"]}
    plugin = exec_plugin(settings, cluster)
    assert (plugin.words, plugin.info["spec"]) == (("login", "-x"), {"interactive": False})
    asking = exec_plugin({**settings, "provideClusterInfo": True}, cluster)
    assert asking.info["spec"]["cluster"] == {"server": "https://demo.example", "config": {"audience": "x"}}

"""Contexts of the kubeconfig: merged files, the cluster that a context is for, and files that are malformed."""

import base64
import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from podid.domain.errors import Conflict, CredentialsError, InvalidInput, NotFound, Unavailable
from podid.kube.kubeconfig import EksContext, current_eks_cluster
from podid.kube.transport import Transport

from .kubeconfigs import cluster_of, connected, write_kubeconfig

ARN = "arn:aws-cn:eks:cn-north-1:111122223333:cluster/shop"


@pytest.mark.parametrize(
    ("context", "cluster", "server", "user", "expected"),
    [
        ("work", ARN, "https://x", {}, ("shop", "cn-north-1")),
        (ARN, "c", "https://x", {}, ("shop", "cn-north-1")),
        ("me@shop.eu-west-1.eksctl.io", "shop.eu-west-1.eksctl.io", "https://x", {}, ("shop", "eu-west-1")),
        (
            "work",
            "c",
            "https://x",
            {
                "exec": {
                    "command": "aws",
                    "args": ["--region", "eu-west-1", "eks", "get-token", "--cluster-name", "shop"],
                }
            },
            ("shop", "eu-west-1"),
        ),
        (
            "work",
            "c",
            "https://x",
            {
                "exec": {
                    "command": "/usr/local/bin/aws",
                    "args": ["eks", "get-token", "--cluster-name=shop"],
                    "env": [{"name": "AWS_REGION", "value": "ap-south-1"}],
                }
            },
            ("shop", "ap-south-1"),
        ),
        (
            "work",
            "c",
            "https://ABC.gr7.us-gov-west-1.eks.amazonaws.com",
            {"exec": {"command": "aws-iam-authenticator", "args": ["token", "-i", "shop"]}},
            ("shop", "us-gov-west-1"),
        ),
        (
            "work",
            "c",
            "https://ABC.gr7.eks-cluster.eu-west-1.api.aws",
            {"exec": {"command": "aws-iam-authenticator", "args": ["token", "-i", "shop"]}},
            ("shop", "eu-west-1"),
        ),
        (
            "work",
            "c",
            "https://x",
            {"exec": {"command": "aws", "args": ["eks", "get-token", "--cluster-name", "s"]}},
            ("s", ""),
        ),
        ("kind-kind", "kind-kind", "https://127.0.0.1:6443", {"token": "t"}, None),
    ],
)
def test_current_eks_cluster(
    tmp_path: Path,
    context: str,
    cluster: str,
    server: str,
    user: dict[str, Any],
    expected: tuple[str, str] | None,
) -> None:
    file = write_kubeconfig(tmp_path / "config", server, user=user, context=context, cluster=cluster)
    eks_cluster = current_eks_cluster(file)
    assert (eks_cluster and (eks_cluster.cluster, eks_cluster.region)) == expected
    assert current_eks_cluster(env={"KUBECONFIG": file}) == eks_cluster
    assert current_eks_cluster(file, context) == eks_cluster


def test_an_arn_has_the_account_even_with_an_exec_plugin(tmp_path: Path) -> None:
    login = {
        "exec": {"command": "aws", "args": ["--region", "cn-north-1", "eks", "get-token", "--cluster-name", "shop"]}
    }
    file = write_kubeconfig(tmp_path / "config", "https://x", user=login, context=ARN, cluster=ARN)
    expected = EksContext(context=ARN, cluster="shop", region="cn-north-1", account="111122223333")
    assert current_eks_cluster(file) == expected


def test_current_eks_cluster_without_a_kubeconfig_or_a_current_context(tmp_path: Path) -> None:
    assert current_eks_cluster(env={"HOME": str(tmp_path)}) is None
    file = write_kubeconfig(tmp_path / "config", "https://x", cluster=ARN, current="")
    assert current_eks_cluster(file) is None
    with pytest.raises(NotFound):
        current_eks_cluster(file, "play")


def test_several_files_are_merged_as_kubectl_does(tmp_path: Path) -> None:
    first = write_kubeconfig(tmp_path / "a", "https://a", cluster=ARN, context="first", current="second")
    second = write_kubeconfig(tmp_path / "b", "https://b", cluster="c", context="second", current="first")
    both = {"KUBECONFIG": f"{first}:{tmp_path / 'nope'}:{second}"}
    assert current_eks_cluster(env=both) is None
    eks_cluster = current_eks_cluster(context="first", env=both)
    assert eks_cluster is not None
    assert (eks_cluster.cluster, eks_cluster.region) == ("shop", "cn-north-1")
    cluster = replace(cluster_of(first), endpoint="https://b")
    assert connected(cluster, env=both).host == "https://b"
    # the command line's option may carry the variable's value
    assert connected(cluster, kubeconfig=both["KUBECONFIG"], env=both).host == "https://b"


def test_reading_the_kubeconfig_does_not_import_the_kubernetes_package() -> None:
    import subprocess

    code = "import sys, podid.kube.kubeconfig as c; c.current_eks_cluster(env={}); print('kubernetes' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


WRONG: tuple[Any, ...] = ("x", 5, True, [], {}, [5], ["x"], {"a": 1}, [[]], None)


def spoiled(document: Any) -> Iterator[Any]:
    """The document with each member at any depth replaced by each wrong thing."""
    members = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in list(members):
        for wrong in WRONG:
            copy = deepcopy(document)
            copy[key] = wrong
            yield copy
        if isinstance(value, dict | list):
            for inner in spoiled(value):
                copy = deepcopy(document)
                copy[key] = inner
                yield copy


def test_a_malformed_kubeconfig_is_an_error_of_its_own(tmp_path: Path) -> None:
    login = {"command": "aws", "args": ["eks", "get-token"], "env": [{"name": "A", "value": "b"}], "apiVersion": "v1"}
    ca = base64.b64encode(b"-----BEGIN CERTIFICATE-----x-----END CERTIFICATE-----").decode()
    certificate = {"client-certificate-data": ca, "client-key-data": ca}
    acts_as = {"as": "a", "as-uid": "7", "as-groups": ["g"], "as-user-extra": {"k": ["v"]}}
    cluster = {"server": "https://127.0.0.1:1", "certificate-authority-data": ca, "tls-server-name": "x"}
    document = {
        "current-context": "work",
        "contexts": [{"name": "work", "context": {"cluster": "c", "user": "u", "namespace": "n"}}],
        "clusters": [{"name": "c", "cluster": cluster | {"proxy-url": "http://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {"exec": login, "token": "t", **certificate, **acts_as}}],
    }
    file = tmp_path / "config"
    refused = 0
    for wrong in spoiled(document):
        file.write_text(json.dumps(wrong))
        try:
            current_eks_cluster(str(file))
        except InvalidInput as error:
            refused += str(file) in error.message
        except NotFound:
            pass
        with suppress(Conflict, InvalidInput, NotFound, CredentialsError, Unavailable):
            eks_cluster = connected(cluster_of(file), kubeconfig=str(file), env={"PATH": str(tmp_path)})
            Transport(eks_cluster, patience=0.0).get("/version", dict)
    assert refused > 50


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in pairwise("abcdefghijkl")),
        "contexts: &c\n- name: x\n  context: *c\nclusters: &d [*d]\n",
        "current-context: 2026-13-45\n",
        "contexts: " + "[" * 100_000,
        "? [a]\n: b\n",
        "a: !!python/object/apply:os.system [true]\n",
        "\x00",
        "%YAML 9.9\n---\na: b\n",
        "a: b\n---\na: b\n",
    ],
    ids=range(9),
)
def test_malicious_yaml(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    with pytest.raises(InvalidInput):
        current_eks_cluster(str(file))

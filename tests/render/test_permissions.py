"""The permissions that --show-permissions prints: policies that can be pasted, without sensitive permissions."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import yaml

from harness import Podid, table
from podid.cli.tree import COMMANDS
from podid.domain.encoding import plain
from podid.domain.permissions import CommandPermissions, KubePermission, OptionalPermission, Permissions, optional_words
from podid.render.permissions import permissions_view, policy_of, role_names

SHOWING = [row for row in COMMANDS if "show_permissions" in row.load().shared]
ABUSABLE = (("", "pods", "create"), ("", "serviceaccounts/token", "create"))


@cache
def printed(name: str) -> Any:
    return Podid()(*name.split(), "--show-permissions", "-o", "json").json


def test_each_optional_permission_is_printed_once() -> None:
    assert "podidentityassociations, list roles\n" in f"{Podid()('list', '--show-permissions').stdout}"
    for row in SHOWING:
        for item in printed(" ".join(row.path))["optional"]:
            words = item["permission"].split(", ")
            assert len(words) == len(set(words)), (row.path, words)


def manifests(document: Any) -> list[Any]:
    lists = [document["kubernetes"], *(item["kubernetes"] for item in document["optional"])]
    assert all((item["apiVersion"], item["kind"]) == ("v1", "List") for item in lists)
    return [manifest for item in lists for manifest in item["items"]]


def rules(manifest: Any) -> Iterator[tuple[str, str, str]]:
    for rule in manifest["rules"]:
        for verb in rule["verbs"]:
            yield rule["apiGroups"][0], rule["resources"][0], verb


def test_no_role_that_is_applied_overwrites_another() -> None:
    names = [(item["kind"], item["metadata"]["name"]) for row in SHOWING for item in manifests(printed(row.name))]
    assert len(names) == len(set(names)) > 0


def test_optional_permissions_of_two_reasons_have_two_roles() -> None:
    pods, nodes = (Permissions(kubernetes=(KubePermission("", name, "list"),)) for name in ("pods", "nodes"))
    assert role_names("podid-list", [pods, nodes, pods, Permissions(), pods | nodes]) == [
        *("podid-list-list-pods", "podid-list-list-nodes", "podid-list-list-pods-3", "podid-list-"),
        "podid-list-list-nodes-5",
    ]


@table("row", SHOWING)
def test_sensitive_permissions_are_optional(row: Any) -> None:
    document = printed(row.name)
    granted = {permission for manifest in document["kubernetes"]["items"] for permission in rules(manifest)}
    assert granted.isdisjoint(ABUSABLE)
    assert "eks-auth:AssumeRoleForPodIdentity" not in str(document["iamPolicy"])
    for item in document["optional"]:
        assert item["iamPolicy"] or item["kubernetes"]["items"]
        assert item["permission"]
        assert item["for"]
    for manifest in manifests(document):
        reads = {verb in ("get", "list", "watch") for _, _, verb in rules(manifest)}
        assert reads == {manifest["kind"] == "ClusterRole"}


@table("row", SHOWING)
def test_no_policy_is_empty(row: Any) -> None:
    document = printed(row.name)
    for item in (document, *document["optional"]):
        assert item["iamPolicy"] is None or item["iamPolicy"]["Statement"]


@table("row", SHOWING)
def test_the_text_is_the_same_policies_as_yaml(row: Any) -> None:
    text = Podid()(*row.path, "--show-permissions").stdout
    document = printed(row.name)
    assert list(yaml.safe_load_all(text)) == [
        *filter(None, [document["iamPolicy"]]),
        *document["kubernetes"]["items"],
    ]
    lines = [line for line in text.splitlines() if line.startswith("# optional, for ")]
    assert [item["permission"] in line for item, line in zip(document["optional"], lines, strict=True)] == [True] * len(
        lines
    )


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("--role", "optional, for --role: iam:GetRole"),
        ("-f: the roles of the file", "optional, for -f (the roles of the file): iam:GetRole"),
        ("reading pods; grant it per namespace", "optional, for reading pods: iam:GetRole; grant it per namespace"),
    ],
)
def test_the_purpose_comes_before_optional_permissions(reason: str, words: str) -> None:
    assert optional_words(reason, "iam:GetRole") == words


def test_a_query_prints_the_manifests_alone() -> None:
    whole = printed("restart")
    assert [item["kind"] for item in whole["kubernetes"]["items"]] == ["ClusterRole", "Role"]
    for line in (("-o", "json", "--query", "kubernetes"), ("--query=kubernetes", "-ojson")):
        assert Podid()("restart", *line, "--show-permissions").json == whole["kubernetes"]


def test_a_role_can_be_passed_to_pods_only() -> None:
    view = permissions_view("x", CommandPermissions.of("iam:PassRole", "eks:TagResource"))
    assert view.document["iamPolicy"] == {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["eks:TagResource"], "Resource": "*"},
            {
                "Effect": "Allow",
                "Action": "iam:PassRole",
                "Resource": "*",
                "Condition": {"StringEquals": {"iam:PassedToService": "pods.eks.amazonaws.com"}},
            },
        ],
    }


def test_the_irsa_role_of_an_addon_is_passed_to_eks() -> None:
    policy = policy_of(Permissions(("eks:UpdateAddon", "iam:PassRole")))
    assert policy is not None
    condition = {"StringEquals": {"iam:PassedToService": ["pods.eks.amazonaws.com", "eks.amazonaws.com"]}}
    assert policy["Statement"] == [
        {"Effect": "Allow", "Action": ["eks:UpdateAddon"], "Resource": "*"},
        {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*", "Condition": condition},
    ]


def test_an_optional_permission_has_a_policy_and_roles_of_its_own() -> None:
    permission = OptionalPermission.of(
        "--x", "eks:X", KubePermission("apps", "deployments", "patch"), KubePermission("", "pods", "list")
    )
    view = permissions_view("role show", CommandPermissions(Permissions(), (permission,)))

    def role(kind: str, group: str, resource: str, verb: str) -> dict[str, Any]:
        return {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": kind,
            "metadata": {"name": "podid-role-show-patch-deployments"},
            "rules": [{"apiGroups": [group], "resources": [resource], "verbs": [verb]}],
        }

    assert plain(view.document["optional"]) == [
        {
            "permission": "eks:X, list pods, patch deployments",
            "for": "--x",
            "iamPolicy": {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": ["eks:X"], "Resource": "*"}],
            },
            "kubernetes": {
                "apiVersion": "v1",
                "kind": "List",
                "items": [role("ClusterRole", "", "pods", "list"), role("Role", "apps", "deployments", "patch")],
            },
        }
    ]

"""The guard: every changing command holds to it, and names the line of the rule that forbids a change."""

import json
from pathlib import Path

import pytest

from harness import table
from podid.aws.account import CloudFormation
from podid.domain.errors import Rejected
from worlds import ACCOUNT, Site

GUARD = """apiVersion: podid/v1
kind: PodIdentity
guard:
  allowedRoles: ["shop-*", "arn:aws:iam::*:role/storefront"]
  allowedPolicies: ["AmazonS3*", "dynamodb-*"]
  allowedScopes: [service-account, namespace]
  requiredBoundary: AmazonS3ReadOnlyAccess
  requiredTags: {team: "?*"}
  defaultAccounts: false
"""
LIMITS = ("--boundary", "AmazonS3ReadOnlyAccess")
EBS = "aws-ebs-csi-driver ebs-csi-controller-sa"


# line and rule -> a command that violates it
REFUSED = {
    "4: guard.allowedRoles": "associate shop/web --role article-2023 --tag team=a --update-trust",
    "8: guard.requiredTags": "associate shop/web --role storefront",
    "9: guard.defaultAccounts": "associate shop/default --role storefront --tag team=a",
    "7: guard.requiredBoundary": "role create shop-a --for shop/a --tag team=a",
    "6: guard.allowedScopes": "role create shop-a --for shop/a --scope cluster --tag team=a",
    "5: guard.allowedPolicies": "role attach storefront --managed-policy AmazonSQSFullAccess --adopt",
    "4: guard.allowedRoles: create": "role attach article-2023 --managed-policy AmazonS3FullAccess --adopt",
    "4: guard.allowedRoles: update associations of add-on": f"addon associate {EBS} --role article-2023 --update-trust",
    "6: guard.allowedScopes: update": "trust add --role storefront --for shop/a --scope account",
}


@pytest.fixture
def guard(account: Site) -> Path:
    path = account.directory / "guard.yaml"
    path.write_text(GUARD)
    account.env["PODID_GUARD"] = str(path)
    return path


@table(
    ("line", "words", "dry"),
    [(line, words, dry) for line, words in REFUSED.items() for dry in ((), ("--dry-run",))],
)
def test_a_change_is_refused_with_the_line_of_the_rule(
    account: Site, guard: Path, line: str, words: str, dry: tuple[str, ...]
) -> None:
    before = len(account.aws("eks").list_pod_identity_associations(clusterName="demo")["associations"])
    outcome = account(*words.split(), *dry)
    assert (outcome.code, outcome.stdout) == (6, ""), outcome
    assert f"{guard}:{line}" in outcome.stderr
    assert len(account.aws("eks").list_pod_identity_associations(clusterName="demo")["associations"]) == before


def test_a_change_that_the_guard_allows(account: Site, guard: Path) -> None:
    account.must("role", "create", "shop-a", "--for", "shop/a", "--tag", "team=a", *LIMITS)
    account.must("associate", "shop/a", "--role", "shop-a", "--tag", "team=a", "--wait", "none")
    account.must("disassociate", "shop/a", "--yes", "--wait", "none")
    account.must("role", "delete", "shop-a", "--yes")


def test_a_rule_may_name_the_path_of_a_role(account: Site, guard: Path) -> None:
    """Only the first action of a role contains its path."""
    guard.write_text("apiVersion: podid/v1\nkind: PodIdentity\nguard: {allowedRoles: ['arn:aws:iam::*:role/team/*']}\n")
    account.must("role", "create", "web", "--for", "shop/web", "--path", "/team/", "--managed-policy", "ReadOnlyAccess")
    account.must("role", "attach", "web", "--managed-policy", "AmazonS3ReadOnlyAccess")
    account.must("trust", "add", "--role", "web", "--for", "shop/api")
    target = f"arn:aws:iam::{ACCOUNT}:role/storefront"
    outcome = account(
        "role", "create", "api", "--for", "shop/api", "--path", "/team/", "--target-role", target, "--update-trust"
    )
    assert (outcome.code, "target role" in outcome.stderr, "role storefront is not allowed" in outcome.stderr) == (
        6,
        True,
        True,
    ), outcome


def test_the_scope_of_a_statement_counts_when_the_deny_that_limits_it_is_removed(account: Site) -> None:
    pods = {"Service": "pods.eks.amazonaws.com"}
    allow = {"Effect": "Allow", "Principal": pods, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    others = {"StringNotEquals": {"aws:RequestTag/kubernetes-namespace": "shop"}}
    deny = {"Effect": "Deny", "Principal": pods, "Action": "sts:AssumeRole", "Condition": others}
    trust = {"Version": "2012-10-17", "Statement": [allow, deny]}
    account.aws("iam").create_role(RoleName="shop-a", AssumeRolePolicyDocument=json.dumps(trust))
    path = account.directory / "identities.yaml"
    for statements, code in (([allow, deny], 0), ([allow], 6)):
        role = {"name": "shop-a", "trust": {**trust, "Statement": statements}, "description": "orders"}
        guard = {"allowedScopes": ["service-account"]}
        declared = {"apiVersion": "podid/v1", "kind": "PodIdentity", "metadata": {"name": "shop"}, "roles": [role]}
        path.write_text(json.dumps({**declared, "guard": guard}))
        outcome = account("apply", "-f", str(path), "--adopt")
        assert outcome.code == code, outcome
    assert "guard.allowedScopes: update" in outcome.stderr


def test_a_statement_counts_when_another_one_adds_the_missing_sts_tag_session(account: Site) -> None:
    pods = {"Service": "pods.eks.amazonaws.com"}
    assume, tag = (
        {"Effect": "Allow", "Principal": pods, "Action": f"sts:{name}"} for name in ("AssumeRole", "TagSession")
    )
    trust = {"Version": "2012-10-17", "Statement": [assume]}
    account.aws("iam").create_role(RoleName="shop-a", AssumeRolePolicyDocument=json.dumps(trust))
    path = account.directory / "identities.yaml"
    role = {"name": "shop-a", "trust": {**trust, "Statement": [assume, tag]}}
    declared = {"apiVersion": "podid/v1", "kind": "PodIdentity", "metadata": {"name": "shop"}, "roles": [role]}
    path.write_text(json.dumps({**declared, "guard": {"allowedScopes": ["service-account"]}}))
    outcome = account("apply", "-f", str(path), "--adopt", "--update-trust")
    assert (outcome.code, "guard.allowedScopes: update" in outcome.stderr) == (6, True), outcome


def test_undo_holds_to_the_guard_as_well(account: Site) -> None:
    account.must("associate", "shop/a", "--role", "storefront", "--wait", "none")
    account.must("disassociate", "shop/a", "--yes", "--wait", "none")
    path = account.directory / "guard.yaml"
    path.write_text(GUARD)
    account.env["PODID_GUARD"] = str(path)
    outcome = account("undo", "last", "--yes", "--wait", "none")
    assert outcome.code == 6
    assert f"{path}:8: guard.requiredTags" in outcome.stderr


@table(
    ("text", "why"),
    [
        (None, "No such file"),
        ("guard: [", "neither JSON nor YAML"),
        (GUARD.replace("allowedRoles", "allowedRole"), "4:3: guard.allowedRole: is not a known key"),
        ("apiVersion: podid/v1\nkind: PodIdentity\n", "must have one document, with guard"),
    ],
)
def test_a_guard_that_cannot_be_read_refuses_every_change(
    account: Site, guard: Path, text: str | None, why: str
) -> None:
    guard.unlink(missing_ok=True) if text is None else guard.write_text(text)
    outcome = account("associate", "shop/a", "--role", "storefront")
    assert (outcome.code, outcome.stdout) == (6, "")
    assert "so nothing is changed" in outcome.stderr
    assert why in outcome.stderr
    assert account("list", "-o", "json").code == 0


def test_the_guard_of_a_file(account: Site) -> None:
    path = account.directory / "identities.yaml"
    link = "associations:\n- serviceAccount: shop/a\n  role: storefront\n"
    path.write_text(GUARD.replace("guard:", "metadata: {name: shop}\nguard:") + link)
    outcome = account("plan", "-f", str(path), "-o", "json")
    assert outcome.code == 6
    (conflict,) = outcome.json["conflicts"]
    assert (conflict["kind"], conflict["target"], conflict["at"]) == ("guard", "requiredTags", f"{path}:9:3")
    outcome = account("apply", "-f", str(path), "--wait", "none")
    assert (outcome.code, outcome.stdout) == (6, "")
    assert f"{path}:9:3: guard.requiredTags" in outcome.stderr
    path.write_text(path.read_text() + "  tags: {team: a}\n")
    account.must("apply", "-f", str(path), "--wait", "none")
    assert f"{ACCOUNT}:role/storefront" in account.must("list").stdout


def test_the_audit_names_the_lines_of_the_rules_that_roles_and_associations_violate(account: Site, guard: Path) -> None:
    account.associate("shop", "web", "storefront")
    for options in ((), ("--policy", str(guard))):
        outcome = account("audit", "--check", "guard-violated", *options, "-o", "json")
        account.env.pop("PODID_GUARD", None)
        assert outcome.code == 3, outcome
        evidence = {line for item in outcome.json["findings"] for line in item["evidence"]}
        assert f"{guard}:8: guard.requiredTags: the tag team=?* is required" in evidence
    outcome = account("audit", "--check", "guard-violated", "--all", "-o", "json")
    assert (outcome.code, outcome.json["findings"]) == (0, [])


def test_the_audit_needs_a_readable_guard(account: Site, guard: Path) -> None:
    guard.write_text("guard: [")
    outcome = account("audit", "--policy", str(guard))
    assert (outcome.code, outcome.stdout) == (2, "")
    assert f"{guard}:2:1: this is neither" in outcome.stderr


def test_a_refusal_of_cloudformation_names_no_owner(account: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """CloudFormation's answer for a role without a stack is another one."""

    def refuse(self: CloudFormation, name: str) -> None:
        raise Rejected("CloudFormation refused DescribeStackResources (InvalidAction: no such operation)")

    monkeypatch.setattr(CloudFormation, "find_owner_of_role", refuse)
    outcome = account(
        "role", "detach", "storefront", "--managed-policy", "AmazonS3ReadOnlyAccess", "--adopt", "--dry-run"
    )
    assert "not checked: CloudFormation refused DescribeStackResources" in outcome.stdout, outcome

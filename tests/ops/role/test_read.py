"""Roles with their verdicts for each association, their permissions, owner and findings."""

from pathlib import Path
from typing import Any

import pytest

from harness import Podid, table
from ops.role.support import CREATE_READER, OF_WEB, READ, UNTAGGED, WIDE, document
from podid.ops.clients import Clients
from podid.ops.role.read import PodRole, RoleReading, list_pod_roles, read_role, with_owner
from podid.ops.role.uses import read_uses
from podid.sandbox.baseline import add_association, add_role
from podid.sandbox.box import Sandbox
from worlds import ACCOUNT, CLUSTER_ARN, ORDERS, trust_for

SPLIT = document({**WIDE, "Action": "sts:AssumeRole"}, {**WIDE, "Action": "sts:TagSession"})
PATTERN = document({**WIDE, "Condition": {"ArnLikeIfExists": {"aws:SourceArn": "arn:aws:eks:*:*:cluster/demo"}}})
USED = "shop/orders in cluster demo, us-west-2"


def make(box: Sandbox, name: str, trust: Any, *, used: bool = True, **permissions: Any) -> None:
    add_role(box.world, box.iam, name, trust, **permissions)
    if used:
        add_association(box.world, "shop", "orders", name)


def reading(clients: Clients, name: str) -> RoleReading:
    uses = read_uses(clients.aws, ACCOUNT, [("us-west-2", "demo")])
    return read_role(clients, name).with_uses(uses, "us-west-2")


def pod_roles(clients: Clients) -> dict[str, PodRole]:
    roles = list_pod_roles(clients, read_uses(clients.aws, ACCOUNT, [("us-west-2", "demo")]), "us-west-2")
    return {item.role.name: item for item in (*roles.allowing, *roles.shut)}


@table(
    ("trust", "refused", "verdict"),
    [
        (trust_for(ORDERS), 0, "match"),
        (SPLIT, 0, "match"),
        (PATTERN, 0, "match"),
        (OF_WEB, 1, "no-match"),
        (UNTAGGED, 1, "no-match"),
    ],
)
def test_associations_and_their_verdicts(
    box: Sandbox, clients: Clients, trust: Any, refused: int, verdict: str
) -> None:
    box.world.clusters["demo"].associations.clear()
    name = f"role-{len(box.iam.backend(ACCOUNT).roles)}"
    make(box, name, trust)
    role = reading(clients, name)
    assert role.uses is not None
    (use,) = role.uses
    assert (use.cluster_arn, use.association.ref, use.evaluation.verdict, use.hop) == (CLUSTER_ARN, ORDERS, verdict, 1)
    assert role.used_by == (ORDERS,)
    listed = pod_roles(clients)[name]
    assert (len(listed.associations or ()), listed.refused) == (1, refused)


def test_a_role_that_names_pods_and_allows_none(box: Sandbox, clients: Clients) -> None:
    make(box, "r", UNTAGGED)
    why = "Statement[0] applies to EKS Pod Identity, but allows no pod: sts:TagSession is not allowed"
    assert pod_roles(clients)["r"].access.shut == (why,)
    assert "trust-missing-tag-session" in [item.id for item in reading(clients, "r").findings]


def test_the_owner_and_the_other_principals(box: Sandbox, podid: Podid, clients: Clients, journal: Any) -> None:
    lambdas = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    make(box, "r", document(WIDE, lambdas))
    box.iam.backend(ACCOUNT).tag_role("r", [{"Key": "ManagedBy", "Value": "terraform/prod"}])
    owner = with_owner(clients, reading(clients, "r"), custom=False).role.owner
    assert owner is not None
    assert (owner.tool, owner.tag, owner.evidence, owner.certain) == (
        *("Terraform", "ManagedBy", "tag ManagedBy=terraform/prod"),
        False,
    )
    assert reading(clients, "r").access[-1] == "also lambda.amazonaws.com"
    attach = ("role", "attach", "r", "--managed-policy", "AmazonSQSFullAccess", "--adopt", "--take-over", "--dry-run")
    assert (
        podid(*attach, "-o", "json").json["notes"][0].startswith("role r probably belongs to Terraform (tag ManagedBy=")
    )


@pytest.mark.parametrize("used", [True, False])
def test_findings_of_roles_with_and_without_associations(box: Sandbox, clients: Clients, used: bool) -> None:
    for number, (trust, id_, severity) in enumerate(
        (
            (UNTAGGED, "trust-missing-tag-session", "error"),
            (document(WIDE), "trust-too-broad", "warn"),
            (document({**WIDE, "Principal": "*"}), "trust-too-broad", "error"),
        )
    ):
        box.world.clusters["demo"].associations.clear()
        make(box, f"r{number}", trust, used=used)
        findings = {(item.id, str(item.severity)): item for item in reading(clients, f"r{number}").findings}
        assert (id_, severity) in findings, trust
        assert "zq7x" not in str(findings)
        if used and severity != "error":
            assert findings[id_, severity].subjects == (USED,)


def test_the_example_of_a_pattern_is_of_a_region_that_was_read(box: Sandbox, clients: Clients) -> None:
    plain = document({**WIDE, "Condition": {"StringEquals": {"aws:SourceArn": "arn:aws:eks:*:*:cluster/demo"}}})
    make(box, "plain", plain, used=False)
    (shut,) = [item for item in reading(clients, "plain").findings if item.id == "trust-condition-never-matches"]
    assert CLUSTER_ARN in shut.message, shut
    assert "us-east-1" not in shut.message


def test_a_role_without_permissions_and_one_for_several_associations(box: Sandbox, clients: Clients) -> None:
    make(box, "bare", document(WIDE), used=False)
    assert [item.id for item in reading(clients, "bare").findings if "trust" not in item.id] == ["role-no-permissions"]
    add_association(box.world, "shop", "a", "bare")
    assert [item.id for item in reading(clients, "bare").findings if "trust" not in item.id] == ["role-no-permissions"]
    add_association(box.world, "shop", "b", "bare")
    findings = [item for item in reading(clients, "bare").findings if "trust" not in item.id]
    assert [(item.id, item.severity) for item in findings] == [
        ("role-no-permissions", "warn"),
        ("roles-shared-across-associations", "info"),
    ]
    assert findings[1].subjects == ("shop/a in cluster demo, us-west-2", "shop/b in cluster demo, us-west-2")
    assert reading(clients, "demo-node-role").findings == ()
    assert reading(clients, "AWSServiceRoleForAmazonEKS").findings == ()


@pytest.mark.parametrize("used", [True, False])
def test_a_deleted_principal_is_one_finding(box: Sandbox, clients: Clients, used: bool) -> None:
    deleted = {"Effect": "Allow", "Principal": {"AWS": "AROAIOSFODNN7EXAMPLE1"}, "Action": "sts:AssumeRole"}
    make(box, "r", document(WIDE, deleted), used=used)
    assert [item.id for item in reading(clients, "r").findings].count("role-recreated") == 1


def test_policies_that_cannot_be_read_are_not_empty(box: Sandbox, clients: Clients) -> None:
    boundary = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    make(box, "r", trust_for(ORDERS), managed=("AmazonSQSFullAccess",), inline={"read": document(WIDE)})
    box.iam.backend(ACCOUNT).put_role_permissions_boundary("r", boundary)
    whole = reading(clients, "r")
    assert (whole.unread, sorted(whole.documents)) == ((), [boundary, "arn:aws:iam::aws:policy/AmazonSQSFullAccess"])
    for permission, member in (
        ("iam:ListRolePolicies", "inline"),
        ("iam:GetRolePolicy", "inline"),
        ("iam:ListAttachedRolePolicies", "attached"),
        ("iam:GetPolicyVersion", "documents"),
        ("eks:ListPodIdentityAssociations", "uses"),
        ("eks:DescribePodIdentityAssociation", "uses"),
    ):
        box.world.credentials.deny(permission)
        role = reading(clients, "r")
        assert not getattr(role, member), permission
        assert [item.permission for item in role.unread] == [permission]
        assert role.role.trust == trust_for(ORDERS)
        box.world.credentials.allow_again()


# --- presets ----------------------------------------------------------------------------------------------------------


def test_a_policy_that_differs_from_its_preset(box: Sandbox, podid: Podid, journal: Path) -> None:
    assert podid(*CREATE_READER, *READ).code == 0
    assert "preset-moved-on" not in podid("role", "show", "reader").stdout
    policies = box.iam.role_named("111122223333", "reader").policies
    policies["dynamodb-read-orders"] = policies["dynamodb-read-orders"].replace('"dynamodb:Scan"', '"dynamodb:Old"')
    finding = podid("role", "show", "reader", "-o", "json").json["findings"][-1]
    assert (finding["id"], finding["severity"]) == ("preset-moved-on", "info")
    assert "dynamodb:Scan and no longer has dynamodb:Old" in finding["message"]
    assert finding["fix"] == "podid role attach reader --preset dynamodb-read,table=orders --replace"
    listed = {item["roleName"]: item["movedOn"] for item in podid("role", "list", "-o", "json").json["items"]}
    assert [name for name, moved in listed.items() if moved] == ["reader"]
    assert listed["reader"] == [
        {
            "policyName": "dynamodb-read-orders",
            "preset": "dynamodb-read",
            "presetHas": ["dynamodb:Scan"],
            "policyHas": ["dynamodb:Old"],
            "command": finding["fix"].split(),
        }
    ]
    (row,) = [line for line in podid("role", "list").stdout.splitlines() if line.startswith("reader")]
    assert "dynamodb-read" in row.split("\t")
    assert podid(*finding["fix"].split()[1:]).code == 0
    assert "preset-moved-on" not in podid("role", "show", "reader").stdout
    assert not any(item["movedOn"] for item in podid("role", "list", "-o", "json").json["items"])


@pytest.mark.parametrize("permission", ["iam:ListRolePolicies", "iam:GetRolePolicy"])
def test_policies_that_cannot_be_read_are_not_compared(
    box: Sandbox, podid: Podid, journal: Path, permission: str
) -> None:
    assert podid(*CREATE_READER, *READ).code == 0
    box.world.credentials.deny(permission)
    outcome = podid("role", "list", "-o", "json")
    assert outcome.code == 0
    assert [item["movedOn"] for item in outcome.json["items"] if item["roleName"] == "reader"] == [None]
    (unknown,) = outcome.json["unknowns"]
    assert (unknown["what"], unknown["permission"]) == ("comparison of policies with their presets", permission)

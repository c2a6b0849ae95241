"""Which tool owns a resource: by tags, by ownerArn, and by custom resources."""

from typing import Any

from harness import table
from podid.domain.owners import GROUPS, Owner, owner_of, owners_of_custom

ADDON = "arn:aws:eks:eu-west-1:111122223333:addon/demo/aws-ebs-csi-driver/1ac"
STACK = "aws:cloudformation:stack-name"


@table(
    ("tags", "words", "certain"),
    [
        ({STACK: "shop", "aws:cloudformation:logical-id": "Role"}, "CloudFormation stack shop", True),
        ({STACK: "Shop", "aws-cdk:id": "Shop"}, "AWS CDK stack Shop", True),
        ({STACK: "eksctl-a-b", "alpha.eksctl.io/cluster-name": "a"}, "eksctl stack eksctl-a-b", True),
        ({"alpha.eksctl.io/cluster-name": "a"}, "eksctl for cluster a", True),
        ({"alpha.eksctl.io/podidentityassociation-name": "shop/orders"}, "eksctl", True),
        (
            {"services.k8s.aws/controller-version": "eks-1.9", "services.k8s.aws/namespace": "team"},
            "AWS Controllers for Kubernetes team",
            True,
        ),
        (
            {
                "eks:eks-capability-arn": "arn:aws:eks:eu-west-1:111122223333:capability/demo/ack/x",
                "eks:kubernetes-namespace": "team",
                "eks:kubernetes-resource-name": "orders",
            },
            "AWS Controllers for Kubernetes team/orders",
            True,
        ),
        (
            {"crossplane-kind": "podidentityassociation.eks.aws.upbound.io", "crossplane-name": "orders"},
            "Crossplane orders",
            True,
        ),
        ({"ManagedBy": "terraform"}, "Terraform", False),
        ({"managed_by": "OpenTofu 1.9"}, "OpenTofu", False),
        ({"created-by": "terragrunt"}, "Terraform", False),
        ({"iac": "cdk"}, "AWS CDK", False),
        ({"ManagedBy": "aws-cdk"}, "AWS CDK", False),
        ({"ManagedBy": "cdktf"}, "CDK for Terraform", False),
        ({"managed-by": "CDK for Terraform 0.20"}, "CDK for Terraform", False),
        ({"cdktf": "true"}, "CDK for Terraform", False),
        ({"Terraform": "true"}, "Terraform", False),
        ({"pulumi:stack": "prod", "pulumi:project": "shop"}, "Pulumi stack prod", False),
        ({"pulumi:project": "shop"}, "Pulumi", False),
    ],
)
def test_tags_that_name_an_owner(tags: dict[str, str], words: str, certain: bool) -> None:
    owner = owner_of({**tags, "team": "shop"})
    assert owner is not None
    assert (owner.words, owner.certain) == (words, certain)
    assert owner.tag in tags
    assert owner.evidence == f"tag {owner.tag}={tags[owner.tag]}"
    assert owner.reverts in owner.description
    assert owner.description.startswith("probably ") is not certain
    assert owner.tool.lower() in owner.names


@table(
    "tags",
    [
        {},
        {"managed-by": "podid", "team": "terraform"},
        {"podid:owner": "shop"},
        {"terraform": "false"},
        {"Terraform": "0"},
        {"ManagedBy": "cdk8s"},
        {"cdk8s": "true"},
        {"managed-by": "the shop team"},
        {"eks:cluster-name": "demo"},
        {"aws:cloudformation": "no key of CloudFormation"},
    ],
)
def test_tags_that_name_none(tags: dict[str, str]) -> None:
    assert owner_of(tags) is None


def test_a_mark_of_a_tool_is_stronger_than_a_convention_and_than_podids_own() -> None:
    owner = owner_of({"managed-by": "podid", "ManagedBy": "Terraform", STACK: "shop"})
    assert owner is not None
    assert owner.tool == "CloudFormation"
    owner = owner_of({STACK: "shop"}, owner_arn=ADDON)
    assert owner is not None
    assert (owner.words, owner.tag) == ("EKS add-on aws-ebs-csi-driver", "")


@table(
    ("name", "tool"),
    [
        ("aws-vpc-cni-20260115093012345600000001", "Terraform"),
        ("orders-20260115093012345600000a1f", "Terraform"),
        ("orders-20260115", None),
        ("orders-2026011509301234560000000z", None),
        ("20260115093012345600000001", None),
        ("orders", None),
    ],
)
def test_a_name_with_the_suffix_of_terraforms_name_prefix(name: str, tool: str | None) -> None:
    owner = owner_of({}, name=name)
    assert (owner.tool if owner else None) == tool
    assert owner is None or not owner.certain


def custom(group: str, kind: str = "PodIdentityAssociation", **parts: Any) -> dict[str, Any]:
    metadata = {"name": "orders", "namespace": "team", **parts.pop("metadata", {})}
    return {"apiVersion": f"{group}/v1", "kind": kind, "metadata": metadata, "spec": {}, **parts}


ARN = "arn:aws:eks:eu-west-1:111122223333:podidentityassociation/demo/a-1"
ROLE = "arn:aws:iam::111122223333:role/orders"


@table(
    ("item", "ids"),
    [
        (
            custom(
                "eks.services.k8s.aws",
                status={"associationID": "a-1", "ackResourceMetadata": {"arn": ARN}, "associationARN": ARN},
            ),
            {"a-1", ARN},
        ),
        (custom("iam.services.k8s.aws", "Role", status={"ackResourceMetadata": {"arn": ROLE}}), {ROLE}),
        (
            custom(
                "eks.aws.upbound.io",
                metadata={"annotations": {"crossplane.io/external-name": "a-1"}},
                status={"atProvider": {"associationArn": ARN}},
            ),
            {"a-1", ARN},
        ),
        (custom("iam.aws.m.upbound.io", "Role", status={"atProvider": {"arn": ROLE}}), {ROLE}),
        # nothing made yet
        (custom("eks.services.k8s.aws"), set()),
        (
            custom(
                "eks.aws.upbound.io", metadata={"annotations": {"crossplane.io/external-name": "a-stubassocid123456"}}
            ),
            set(),
        ),
        # it only observes
        (
            custom(
                "eks.aws.m.upbound.io",
                spec={"managementPolicies": ["Observe"]},
                status={"atProvider": {"associationId": "a-1"}},
            ),
            set(),
        ),
        (
            custom(
                "eks.services.k8s.aws",
                metadata={"annotations": {"services.k8s.aws/read-only": "True"}},
                status={"associationID": "a-1"},
            ),
            set(),
        ),
        # neither a tool of these nor of this form
        (custom("eks.example.org", status={"associationID": "a-1"}), set()),
        ({"apiVersion": 7, "status": [], "metadata": None}, set()),
        (custom("eks.services.k8s.aws", status={"associationID": 7, "ackResourceMetadata": "x"}), set()),
    ],
)
def test_custom_resources_that_own(item: dict[str, Any], ids: set[str]) -> None:
    owners = owners_of_custom([item])
    assert owners.keys() == ids
    for owner in owners.values():
        group = item["apiVersion"].partition("/")[0]
        assert owner == Owner(
            GROUPS[group], "team/orders", evidence=f"{item['kind']} team/orders of {group} in the cluster"
        )

"""Add-ons and the roles of their service accounts."""

from typing import Any

from ops.addon.worlds import EBS, EBS_ACCOUNT
from worlds import ACCOUNT, Site

ROLE = f"arn:aws:iam::{ACCOUNT}:role/storefront"


def rows(site: Site, *argv: str) -> dict[tuple[str, str], Any]:
    items = site.must("addon", "list", *argv, "-o", "json").json["items"]
    return {(item["addonName"], item["serviceAccount"] or ""): item for item in items}


def test_an_installed_add_on_without_a_role(account: Site) -> None:
    (row,) = rows(account).values()
    assert (row["addonName"], row["serviceAccount"], row["supported"], row["mechanism"]) == (
        EBS,
        EBS_ACCOUNT,
        True,
        "none",
    )
    assert row["recommendedPolicyArns"] == ["arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy"]
    assert (row["installed"], row["roleArn"], row["associationId"], row["owner"]) == (True, None, None, None)


def test_each_mechanism_and_owner(account: Site) -> None:
    eks = account.aws("eks")
    eks.create_addon(
        clusterName="demo",
        addonName="adot",
        podIdentityAssociations=[{"serviceAccount": "adot-col-otlp-ingest", "roleArn": ROLE}],
    )
    eks.create_pod_identity_association(
        clusterName="demo",
        namespace="opentelemetry-operator-system",
        serviceAccount="adot-col-prom-metrics",
        roleArn=ROLE,
    )
    eks.create_addon(clusterName="demo", addonName="vpc-cni", serviceAccountRoleArn=ROLE)
    eks.create_addon(clusterName="demo", addonName="coredns")
    result = rows(account)
    assert {key: (row["mechanism"], row["roleArn"], row["owner"]) for key, row in result.items() if key[0] != EBS} == {
        ("adot", "adot-col-container-logs"): ("none", None, None),
        ("adot", "adot-col-otlp-ingest"): ("pod-identity", ROLE, "adot"),
        ("adot", "adot-col-prom-metrics"): ("pod-identity", ROLE, None),
        ("vpc-cni", "aws-node"): ("irsa", ROLE, None),
        ("coredns", ""): ("none", None, None),
    }
    assert result["coredns", ""]["supported"] is False


def test_an_old_version_supports_nothing(account: Site) -> None:
    account.box.world.clusters["demo"].addons[EBS].version = "v1.25.0-eksbuild.1"
    assert rows(account)[EBS, ""]["supported"] is False

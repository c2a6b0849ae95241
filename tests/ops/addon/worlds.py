"""Shared parts of the tests of add-ons: add-on adot with two of its three roles, and the roles of an add-on."""

from typing import Any

from worlds import ACCOUNT, Site

ADOT, SPACE = "adot", "opentelemetry-operator-system"
METRICS, TRACES, LOGS = "adot-col-prom-metrics", "adot-col-otlp-ingest", "adot-col-container-logs"
EBS, EBS_ACCOUNT = "aws-ebs-csi-driver", "ebs-csi-controller-sa"
API = ("--wait", "api", "-o", "json")


def arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def with_adot(site: Site) -> Site:
    """Install adot, with a role for METRICS and for TRACES."""
    associations = [
        {"serviceAccount": METRICS, "roleArn": arn("storefront")},
        {"serviceAccount": TRACES, "roleArn": arn("orders-dynamodb")},
    ]
    site.aws("eks").create_addon(clusterName="demo", addonName=ADOT, podIdentityAssociations=associations)
    site.wait(30)
    return site


def owned(site: Site, addon: str = ADOT) -> dict[str, tuple[str, str]]:
    """Return the id and the role's name of each association of the add-on, by service account."""
    cluster = site.box.world.clusters["demo"]
    items = [cluster.associations[number] for number in cluster.addons[addon].association_ids]
    return {item.service_account: (item.id, item.role_arn.rpartition("/")[2]) for item in items}


def roles(site: Site, addon: str) -> dict[str, str]:
    """Return the role's name of each service account of the add-on."""
    return {name: role for name, (_, role) in owned(site, addon).items()}


def kinds(document: Any) -> list[str]:
    """Return the kind of each action."""
    return [item["kind"] for item in document["actions"]]

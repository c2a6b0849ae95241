"""Shared parts of the tests of associations: a second cluster, an add-on's association, and the state as values."""

from dataclasses import replace
from typing import Any

from harness import Outcome
from podid.sandbox.baseline import add_association, add_cluster, add_role, pods_trust
from podid.sandbox.box import Sandbox

WAIT = ("--wait", "none")
ARN = "arn:aws:iam::111122223333:role/"
TARGET = "arn:aws:iam::444455556666:role/reports"
DAY = 86400.0


def with_two_clusters(box: Sandbox) -> Sandbox:
    """Add two associations of cluster demo, 30 and 2 days old, the newer one with a tag, and one of cluster blue."""
    add_cluster(box.world, "blue")
    add_association(box.world, "shop", "orders", "apps/orders-dynamodb", age=30 * DAY)
    tagged = add_association(box.world, "shop", "cart", "storefront", age=2 * DAY)
    box.world.tags[tagged.arn] = {"team": "web"}
    add_association(box.world, "pay", "api", "storefront", cluster_name="blue")
    return box


def roles(box: Sandbox, cluster: str = "demo") -> dict[str, str]:
    """Return the name of the role of each service account."""
    return {
        f"{item.namespace}/{item.service_account}": item.role_arn.rpartition("/")[2]
        for item in box.world.clusters[cluster].associations.values()
    }


def cluster_state(box: Sandbox, cluster: str) -> list[tuple[object, ...]]:
    """Return all settings of the associations of a cluster."""
    return sorted(
        (
            *(item.namespace, item.service_account, item.role_arn, item.target_role_arn),
            *(item.disable_session_tags, item.policy, tuple(box.world.tags.get(item.arn, {}).items())),
        )
        for item in box.world.clusters[cluster].associations.values()
    )


def association_of(box: Sandbox, name: str = "orders") -> Any:
    """Return the association of service account shop/NAME in cluster demo."""
    cluster = box.world.clusters["demo"]
    return cluster.associations[cluster.by_subject["shop", name]]


def statuses(outcome: Outcome) -> list[tuple[str, str]]:
    """Return the target and the status of each action."""
    return [(target, status) for _, target, status in actions(outcome)]


def actions(outcome: Outcome) -> list[tuple[str, str, str]]:
    """Return the kind, the target and the status of each action."""
    return [(item["kind"], item["target"], item["status"]) for item in outcome.json["actions"]]


def two_clusters(box: Sandbox) -> None:
    """Add cluster blue, and two roles whose trust policies allow the pods of both clusters."""
    add_cluster(box.world, "blue")
    for name in ("open", "wide"):
        add_role(box.world, box.iam, name, pods_trust())


def owned_by_an_addon(box: Sandbox, role: str = "open") -> None:
    """Add an association that the add-on aws-ebs-csi-driver owns."""
    record = add_association(box.world, "kube-system", "ebs-csi-controller-sa", role)
    arn = f"arn:aws:eks:us-west-2:{box.world.account}:addon/demo/aws-ebs-csi-driver/1"
    box.world.put_association(box.world.clusters["demo"], replace(record, owner_arn=arn))

"""The cluster as a whole, and what podid itself may see of it."""

from podid.sandbox.breaks.hands import Hands


def tool_aws_denied(hands: Hands) -> str:
    hands.working()
    hands.world.credentials.deny("iam:GetRole")
    hands.later(lambda: hands.world.credentials.allow_again("iam:GetRole"))
    return "AWS"


def tool_k8s_rbac_denied(hands: Hands) -> str:
    hands.working()
    users = ("kubernetes-admin", f"arn:{hands.world.partition}:iam::{hands.world.account}:user/podid-admin")
    for user in users:
        hands.kube.deny(user, "list", "nodes")
    hands.later(lambda: list(map(hands.kube.allow_again, users)))
    return "Kubernetes"


def unsupported_cluster_kind(hands: Hands) -> str:
    """A local cluster on Outposts."""
    body = hands.record.body
    body["outpostConfig"] = {"outpostArns": [f"arn:{hands.world.partition}:outposts:::outpost/op-1"]}
    hands.later(lambda: body.pop("outpostConfig"))
    return hands.world.cluster_name

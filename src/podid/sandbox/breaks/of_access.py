"""Failure modes of the cluster as a whole, and of podid's own permissions."""

from podid.sandbox.breaks.scenario import Scenario


def tool_aws_denied(scenario: Scenario) -> str:
    scenario.create_working_identity()
    scenario.world.credentials.deny("iam:GetRole")
    scenario.on_undo(lambda: scenario.world.credentials.allow_again("iam:GetRole"))
    return "AWS"


def tool_k8s_rbac_denied(scenario: Scenario) -> str:
    scenario.create_working_identity()
    users = ("kubernetes-admin", f"arn:{scenario.world.partition}:iam::{scenario.world.account}:user/podid-admin")
    for user in users:
        scenario.kube.deny(user, "list", "nodes")
    scenario.on_undo(lambda: list(map(scenario.kube.allow_again, users)))
    return "Kubernetes"


def unsupported_cluster_kind(scenario: Scenario) -> str:
    """Make the cluster a local cluster on an Outpost."""
    body = scenario.record.body
    body["outpostConfig"] = {"outpostArns": [f"arn:{scenario.world.partition}:outposts:::outpost/op-1"]}
    scenario.on_undo(lambda: body.pop("outpostConfig"))
    return scenario.world.cluster_name

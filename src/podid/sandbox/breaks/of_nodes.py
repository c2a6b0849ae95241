"""Failure modes of nodes, their instances, and the kind of cluster: links 3 and 5 to 7."""

import math
from functools import partial

from podid.domain.names import AGENT_ADDON, AGENT_NAMESPACE
from podid.sandbox.breaks.scenario import NAMESPACE, Scenario
from podid.sandbox.kube.client import injected
from podid.sandbox.kube.objects import parse_time, rfc3339

_NODES = "/api/v1/nodes"
_SYSTEM = f"/api/v1/namespaces/{AGENT_NAMESPACE}"
_CNI, _CNI_POLICY = "aws-node", "AmazonEKS_CNI_Policy"
_ENFORCE = "pod-security.kubernetes.io/enforce"
# seconds until the agent of a new node is ready, and seconds that an application runs before it fails without an agent
_SLOW_START = 60
_SHORT_RUN = 2
# Pod Identity begins with eks.4: https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html
_OLD = {"version": "1.28", "platformVersion": "eks.3"}


def cluster_too_old(scenario: Scenario) -> str:
    """Use a platform version older than Pod Identity. Its webhook injects nothing, and all pods are replaced under
    it."""
    scenario.on_undo(lambda: _replace_associated(scenario))
    faults, missed = scenario.kube.faults, scenario.kube.faults.webhook_misses
    faults.webhook_misses = math.inf
    scenario.on_undo(lambda: setattr(faults, "webhook_misses", missed))
    body = scenario.record.body
    before = {member: body[member] for member in _OLD}
    body.update(_OLD)
    scenario.on_undo(lambda: body.update(before))
    _replace_associated(scenario)
    remaining = [pod["metadata"]["name"] for pod in scenario.cluster.items("/api/v1/pods") if injected(pod)]
    assert not remaining, f"{remaining[0]} has credentials, and no controller replaces it"
    return scenario.world.cluster_name


def imds_fallback_node_role(scenario: Scenario) -> str:
    """Run pods that are older than their association, on nodes whose metadata service answers pods."""
    scenario.install_agent()
    identity = scenario.create_identity(associated=False)
    scenario.create_workload()
    scenario.associate(identity.name, identity.role, age=60.0)
    for node in sorted({str(pod["spec"]["nodeName"]) for pod in scenario.cluster.pods(NAMESPACE, identity.name)}):
        scenario.set_metadata_options(node, HttpPutResponseHopLimit=2)
    scenario.advance_time()
    return str(identity)


def auto_mode_redundant_addon(scenario: Scenario) -> str:
    """Turn all nodes into nodes of EKS Auto Mode while the add-on is still installed."""
    from podid.sandbox.baseline import NODE_ROLE

    scenario.install_agent()
    scenario.on_undo(scenario.advance_time)  # the controller creates the agents again
    body = scenario.record.body
    role = f"arn:{scenario.world.partition}:iam::{scenario.world.account}:role/{NODE_ROLE}"
    body["computeConfig"] = {"enabled": True, "nodePools": ["general-purpose"], "nodeRoleArn": role}
    scenario.on_undo(lambda: body.pop("computeConfig"))
    for node in _nodes(scenario):
        scenario.merge(f"{_NODES}/{node}", {"metadata": {"labels": {"eks.amazonaws.com/compute-type": "auto"}}})
    scenario.advance_time()
    return scenario.world.cluster_name


def agent_probe_port_conflict(scenario: Scenario) -> str:
    """Add a node on which another pod with the agent's priority takes the agent's second port first. A pod of the
    service account runs on the node."""
    identity = scenario.create_working_identity()
    port = {"name": "metrics", "containerPort": 2703, "hostPort": 2703}
    where = {"nodeSelector": {"podid.dev/broken": scenario.mode}, "priorityClassName": "system-node-critical"}
    scenario.create_workload("exporter", "default", pod=where, container={"ports": [port]}, replicas=1)
    workload = f"{scenario.mode}-13"
    scenario.create_workload(workload, identity.name, pod={"nodeSelector": where["nodeSelector"]}, replicas=1)
    node = scenario.add_node("10.0.9.13", labels=where["nodeSelector"])
    # delete the pods before the node: only its kubelet ends them
    for name in ("exporter", workload):
        scenario.on_undo(partial(scenario.cluster.delete, f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{name}"))
    scenario.advance_time()
    return node


def node_startup_race(scenario: Scenario) -> str:
    """Add two nodes on which pods start before the agent. The pods fail once and recover."""
    scenario.install_agent()
    identity = scenario.create_identity()
    for number in (14, 15):
        node = scenario.add_node(f"10.0.9.{number}")
        scenario.kube.faults.agent_not_ready.add(node)
        scenario.create_workload(f"{scenario.mode}-{number}", identity.name, pod={"nodeName": node}, replicas=1)
        scenario.advance_time(_SLOW_START)
        scenario.kube.faults.agent_not_ready.discard(node)
        scenario.advance_time(_SLOW_START)
        _failed_once(scenario, f"{scenario.mode}-{number}", node)
    return scenario.world.cluster_name


def agent_imds_unavailable(scenario: Scenario) -> str:
    identity = scenario.create_working_identity()
    node = str(scenario.cluster.pods(NAMESPACE, identity.name)[0]["spec"]["nodeName"])
    scenario.set_metadata_options(node, HttpEndpoint="disabled")
    return node


def imds_metadata_dependency(scenario: Scenario) -> str:
    """Run a controller that reads its VPC from the metadata service, on a node with a hop limit of 1."""
    image = "public.ecr.aws/eks/aws-load-balancer-controller:v2.13.4"
    identity = scenario.create_working_identity(container={"image": image}, replicas=1)
    node = str(scenario.cluster.pods(NAMESPACE, identity.name)[0]["spec"]["nodeName"])
    scenario.set_metadata_options(node, HttpPutResponseHopLimit=1)
    return str(identity)


def admission_policy_blocks_agent(scenario: Scenario) -> str:
    """Enforce Pod Security level `restricted` in the agent's namespace, and delete the agents."""
    scenario.create_working_identity()
    scenario.on_undo(scenario.advance_time)
    scenario.merge(_SYSTEM, {"metadata": {"labels": {_ENFORCE: "restricted"}}})
    for pod in scenario.cluster.pods(AGENT_NAMESPACE):
        if pod["metadata"]["name"].startswith(AGENT_ADDON):
            scenario.cluster.delete(f"{_SYSTEM}/pods/{pod['metadata']['name']}")
    scenario.advance_time()
    return f"{AGENT_NAMESPACE}/{AGENT_ADDON}"


def cni_depends_on_agent(scenario: Scenario) -> str:
    """Give the VPC CNI a role of its own, as AWS recommends, and detach its policy from the nodes' role."""
    from podid.sandbox.baseline import NODE_ROLE

    scenario.install_agent()
    iam, policy = scenario.aws("iam"), f"arn:{scenario.world.partition}:iam::aws:policy/{_CNI_POLICY}"
    scenario.create_role(scenario.mode)
    iam.attach_role_policy(RoleName=scenario.mode, PolicyArn=policy)
    scenario.associate(f"{AGENT_NAMESPACE}/{_CNI}", scenario.mode)
    scenario.create(f"{_SYSTEM}/serviceaccounts", {"metadata": {"name": _CNI}})
    image = f"602401143452.dkr.ecr.{scenario.world.region}.amazonaws.com/amazon-k8s-cni:v1.20.4"
    spec = {
        "hostNetwork": True,
        "serviceAccountName": _CNI,
        "containers": [{"name": _CNI, "image": image}],
        "tolerations": [{"operator": "Exists"}],
    }
    labels = {"k8s-app": _CNI}
    body = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}}
    scenario.create(
        f"/apis/apps/v1/namespaces/{AGENT_NAMESPACE}/daemonsets", {"metadata": {"name": _CNI}, "spec": body}
    )
    iam.detach_role_policy(RoleName=NODE_ROLE, PolicyArn=policy)
    scenario.on_undo(lambda: iam.attach_role_policy(RoleName=NODE_ROLE, PolicyArn=policy))
    scenario.advance_time()
    return NODE_ROLE


# --- helpers ----------------------------------------------------------------------------------------------------------


def _nodes(scenario: Scenario) -> list[str]:
    return [str(node["metadata"]["name"]) for node in scenario.cluster.items(_NODES)]


def _replace_associated(scenario: Scenario) -> None:
    """Delete the pods of associated service accounts that a controller creates again."""
    associated = set(scenario.record.by_subject)
    for pod in scenario.cluster.items("/api/v1/pods"):
        metadata = pod["metadata"]
        subject = (metadata["namespace"], pod["spec"].get("serviceAccountName") or "default")
        if subject in associated and metadata.get("ownerReferences"):
            scenario.cluster.delete(f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}")
    scenario.advance_time()


def _failed_once(scenario: Scenario, app: str, node: str) -> None:
    """Record that the pod's containers failed once, while the agent of the node was starting."""
    (pod,) = scenario.cluster.pods(NAMESPACE, app)
    (agent,) = (
        candidate for candidate in scenario.cluster.pods(AGENT_NAMESPACE) if candidate["spec"].get("nodeName") == node
    )
    began = parse_time(agent["metadata"]["creationTimestamp"]) + _SLOW_START / 2
    run = {"startedAt": rfc3339(began), "finishedAt": rfc3339(began + _SHORT_RUN)}
    ended = {"terminated": {"exitCode": 1, "reason": "Error", **run}}
    statuses = [{**status, "restartCount": 1, "lastState": ended} for status in pod["status"]["containerStatuses"]]
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod['metadata']['name']}/status"
    scenario.cluster.merge(path, {"status": {"containerStatuses": statuses}})

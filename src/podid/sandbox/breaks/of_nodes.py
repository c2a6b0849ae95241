"""Nodes and their instances, and what the cluster is: links 3 and 5 to 7."""

import math
from functools import partial

from podid.domain.names import AGENT_ADDON, AGENT_NAMESPACE
from podid.sandbox.breaks.hands import NAMESPACE, Hands
from podid.sandbox.kube.client import injected
from podid.sandbox.kube.objects import parse_time, rfc3339

_NODES = "/api/v1/nodes"
_SYSTEM = f"/api/v1/namespaces/{AGENT_NAMESPACE}"
_CNI, _CNI_POLICY = "aws-node", "AmazonEKS_CNI_Policy"
_ENFORCE = "pod-security.kubernetes.io/enforce"
# how long the agent of a new node takes, and how long an application lasts that finds none
_SLOW_START = 60
_SHORT_RUN = 2
# Pod Identity begins with eks.4: https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html
_OLD = {"version": "1.28", "platformVersion": "eks.3"}


def cluster_too_old(hands: Hands) -> str:
    """A control plane of before Pod Identity, whose webhook knows nothing of it; all pods have been made under it."""
    hands.later(lambda: _replace_associated(hands))
    faults, missed = hands.kube.faults, hands.kube.faults.webhook_misses
    faults.webhook_misses = math.inf
    hands.later(lambda: setattr(faults, "webhook_misses", missed))
    body = hands.record.body
    before = {member: body[member] for member in _OLD}
    body.update(_OLD)
    hands.later(lambda: body.update(before))
    _replace_associated(hands)
    left = [pod["metadata"]["name"] for pod in hands.cluster.items("/api/v1/pods") if injected(pod)]
    assert not left, f"{left[0]} has credentials, and no controller replaces it"
    return hands.world.cluster_name


def imds_fallback_node_role(hands: Hands) -> str:
    """Pods that are older than their association, on nodes whose metadata service answers pods."""
    hands.agent()
    found = hands.identity(associated=False)
    hands.workload()
    hands.associate(found.name, found.role, age=60.0)
    for node in sorted({str(pod["spec"]["nodeName"]) for pod in hands.cluster.pods(NAMESPACE, found.name)}):
        hands.metadata(node, HttpPutResponseHopLimit=2)
    hands.let_pass()
    return str(found)


def auto_mode_redundant_addon(hands: Hands) -> str:
    """Every node is EKS Auto Mode's by now, and the add-on is there still."""
    from podid.sandbox.baseline import NODE_ROLE

    hands.agent()
    hands.later(hands.let_pass)  # the agents come back
    body = hands.record.body
    role = f"arn:{hands.world.partition}:iam::{hands.world.account}:role/{NODE_ROLE}"
    body["computeConfig"] = {"enabled": True, "nodePools": ["general-purpose"], "nodeRoleArn": role}
    hands.later(lambda: body.pop("computeConfig"))
    for node in _nodes(hands):
        hands.merge(f"{_NODES}/{node}", {"metadata": {"labels": {"eks.amazonaws.com/compute-type": "auto"}}})
    hands.let_pass()
    return hands.world.cluster_name


def agent_probe_port_conflict(hands: Hands) -> str:
    """On a new node a pod of the agent's own priority gets to the agent's second port before it, and a pod of the
    service account runs there."""
    found = hands.working()
    port = {"name": "metrics", "containerPort": 2703, "hostPort": 2703}
    where = {"nodeSelector": {"podid.dev/broken": hands.mode}, "priorityClassName": "system-node-critical"}
    hands.workload("exporter", "default", pod=where, container={"ports": [port]}, replicas=1)
    here = f"{hands.mode}-13"
    hands.workload(here, found.name, pod={"nodeSelector": where["nodeSelector"]}, replicas=1)
    node = hands.add_node("10.0.9.13", labels=where["nodeSelector"])
    # its pods go before the node, whose kubelet ends them
    for name in ("exporter", here):
        hands.later(partial(hands.cluster.delete, f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{name}"))
    hands.let_pass()
    return node


def node_startup_race(hands: Hands) -> str:
    """Two new nodes, on which pods start before the agent does; they fail once, and recover."""
    hands.agent()
    found = hands.identity()
    for number in (14, 15):
        node = hands.add_node(f"10.0.9.{number}")
        hands.kube.faults.agent_not_ready.add(node)
        hands.workload(f"{hands.mode}-{number}", found.name, pod={"nodeName": node}, replicas=1)
        hands.let_pass(_SLOW_START)
        hands.kube.faults.agent_not_ready.discard(node)
        hands.let_pass(_SLOW_START)
        _failed_once(hands, f"{hands.mode}-{number}", node)
    return hands.world.cluster_name


def agent_imds_unavailable(hands: Hands) -> str:
    found = hands.working()
    node = str(hands.cluster.pods(NAMESPACE, found.name)[0]["spec"]["nodeName"])
    hands.metadata(node, HttpEndpoint="disabled")
    return node


def imds_metadata_dependency(hands: Hands) -> str:
    """A controller that asks the metadata service for its VPC, on a node whose answers do not get as far as to pods."""
    image = "public.ecr.aws/eks/aws-load-balancer-controller:v2.13.4"
    found = hands.working(container={"image": image}, replicas=1)
    node = str(hands.cluster.pods(NAMESPACE, found.name)[0]["spec"]["nodeName"])
    hands.metadata(node, HttpPutResponseHopLimit=1)
    return str(found)


def admission_policy_blocks_agent(hands: Hands) -> str:
    """Pod Security at its strictest in the agent's namespace, and the nodes' agents are to be replaced."""
    hands.working()
    hands.later(hands.let_pass)
    hands.merge(_SYSTEM, {"metadata": {"labels": {_ENFORCE: "restricted"}}})
    for pod in hands.cluster.pods(AGENT_NAMESPACE):
        if pod["metadata"]["name"].startswith(AGENT_ADDON):
            hands.cluster.delete(f"{_SYSTEM}/pods/{pod['metadata']['name']}")
    hands.let_pass()
    return f"{AGENT_NAMESPACE}/{AGENT_ADDON}"


def cni_depends_on_agent(hands: Hands) -> str:
    """The VPC CNI with a role of its own, as AWS recommends it, and the nodes' role without those rights."""
    from podid.sandbox.baseline import NODE_ROLE

    hands.agent()
    iam, policy = hands.aws("iam"), f"arn:{hands.world.partition}:iam::aws:policy/{_CNI_POLICY}"
    hands.role(hands.mode)
    iam.attach_role_policy(RoleName=hands.mode, PolicyArn=policy)
    hands.associate(f"{AGENT_NAMESPACE}/{_CNI}", hands.mode)
    hands.create(f"{_SYSTEM}/serviceaccounts", {"metadata": {"name": _CNI}})
    image = f"602401143452.dkr.ecr.{hands.world.region}.amazonaws.com/amazon-k8s-cni:v1.20.4"
    spec = {
        "hostNetwork": True,
        "serviceAccountName": _CNI,
        "containers": [{"name": _CNI, "image": image}],
        "tolerations": [{"operator": "Exists"}],
    }
    labels = {"k8s-app": _CNI}
    body = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}}
    hands.create(f"/apis/apps/v1/namespaces/{AGENT_NAMESPACE}/daemonsets", {"metadata": {"name": _CNI}, "spec": body})
    iam.detach_role_policy(RoleName=NODE_ROLE, PolicyArn=policy)
    hands.later(lambda: iam.attach_role_policy(RoleName=NODE_ROLE, PolicyArn=policy))
    hands.let_pass()
    return NODE_ROLE


# --- how it is done ---------------------------------------------------------------------------------------------------


def _nodes(hands: Hands) -> list[str]:
    return [str(node["metadata"]["name"]) for node in hands.cluster.items(_NODES)]


def _replace_associated(hands: Hands) -> None:
    """The pods of associated service accounts that a controller makes anew."""
    associated = set(hands.record.by_subject)
    for pod in hands.cluster.items("/api/v1/pods"):
        metadata = pod["metadata"]
        subject = (metadata["namespace"], pod["spec"].get("serviceAccountName") or "default")
        if subject in associated and metadata.get("ownerReferences"):
            hands.cluster.delete(f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}")
    hands.let_pass()


def _failed_once(hands: Hands, app: str, node: str) -> None:
    """While the agent of the node was starting."""
    (pod,) = hands.cluster.pods(NAMESPACE, app)
    (agent,) = (each for each in hands.cluster.pods(AGENT_NAMESPACE) if each["spec"].get("nodeName") == node)
    began = parse_time(agent["metadata"]["creationTimestamp"]) + _SLOW_START / 2
    run = {"startedAt": rfc3339(began), "finishedAt": rfc3339(began + _SHORT_RUN)}
    ended = {"terminated": {"exitCode": 1, "reason": "Error", **run}}
    statuses = [{**each, "restartCount": 1, "lastState": ended} for each in pod["status"]["containerStatuses"]]
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod['metadata']['name']}/status"
    hands.cluster.merge(path, {"status": {"containerStatuses": statuses}})

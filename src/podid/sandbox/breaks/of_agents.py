"""The agent, its add-on and the nodes that it runs on: links 6 to 8."""

import json
from typing import Any

from podid.domain.names import AGENT_ADDON, AGENT_NAMESPACE
from podid.sandbox.aws.protocol import timestamp
from podid.sandbox.breaks.hands import AGENTS, NAMESPACE, Hands
from podid.sandbox.world import AddonFault

_WORKER = "AmazonEKSWorkerNodePolicy"
_OLD_AGENT = "v1.3.4-eksbuild.1"
_TAINT = {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}


def agent_not_installed(hands: Hands) -> str:
    hands.working()
    eks = hands.aws("eks")
    eks.delete_addon(clusterName=hands.world.cluster_name, addonName=AGENT_ADDON)
    hands.let_pass()
    hands.later(hands.agent)
    return hands.world.cluster_name


def addon_config_conflict(hands: Hands) -> str:
    """A second agent, as Helm would bring it, of another name and from a mirror: its command tells what it is."""
    hands.agent()
    labels = {"app": "pod-identity"}
    container = {
        "name": "agent",
        "image": "mirror.example/agent:1",
        "command": ["/go-runner", f"/{AGENT_ADDON}", "server"],
    }
    spec = {"containers": [container], "tolerations": [{"operator": "Exists"}]}
    template = {"metadata": {"labels": labels}, "spec": spec}
    body = {"selector": {"matchLabels": labels}, "template": template}
    sets = f"/apis/apps/v1/namespaces/{AGENT_NAMESPACE}/daemonsets"
    hands.create(sets, {"metadata": {"name": "pod-identity"}, "spec": body})
    hands.let_pass()
    return hands.world.cluster_name


def addon_degraded_or_failed(hands: Hands) -> str:
    hands.working()
    faults = hands.world.addon_faults
    faults[AGENT_ADDON] = AddonFault("DEGRADED", "AccessDenied", "The add-on may not be updated.")
    hands.later(lambda: _configure(hands, {}))
    _configure(hands, {})
    faults.pop(AGENT_ADDON)
    return AGENT_ADDON


def agent_port80_conflict(hands: Hands) -> str:
    """An ingress controller that wants the port that the agent has."""
    hands.agent()
    hands.home()
    port = {"name": "http", "containerPort": 80, "hostPort": 80}
    hands.workload(account="default", container={"image": "nginx:1.29", "ports": [port]}, replicas=1)
    return f"{NAMESPACE}/{hands.cluster.pod_names(NAMESPACE, hands.mode)[0]}"


def agent_hijacked_by_default_sa(hands: Hands) -> str:
    """As a webhook of another make leaves it: credentials that are not the node's."""
    hands.working()
    _change_agents(hands, env=[{"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "/var/run/secrets/token"}])
    return "kube-system/default"


def agent_image_pull(hands: Hands) -> str:
    """A mirror that does not have the image."""
    found = hands.working()
    node, old = _agent_of(hands, found.name)
    image = str(old["spec"]["containers"][0]["image"])
    hands.kube.faults.image_pull_failing.add(image)
    hands.later(lambda: hands.kube.faults.image_pull_failing.discard(image))
    _replace_agent(hands, old)
    return f"{AGENT_NAMESPACE}/{_agent_on(hands, node)['metadata']['name']}"


def agent_pod_unhealthy(hands: Hands) -> str:
    """It runs and does not answer its probe."""
    found = hands.working()
    node, agent = _agent_of(hands, found.name)
    hands.kube.faults.agent_not_ready.add(node)
    hands.later(lambda: hands.kube.faults.agent_not_ready.discard(node))
    hands.let_pass()
    return f"{AGENT_NAMESPACE}/{agent['metadata']['name']}"


def stale_link_or_route(hands: Hands) -> str:
    """A leftover of an earlier agent on the node stops the init container of the next one."""
    found = hands.working()
    node, old = _agent_of(hands, found.name)
    failing = hands.kube.faults.agent_init_failing
    failing[node] = "unable to set up link: expected route to be interface index 4, please remove route and try again"
    hands.later(lambda: failing.pop(node))
    _replace_agent(hands, old)
    return node


def agent_ipv6_bind(hands: Hands) -> str:
    """A node of a hardened image, with IPv6 switched off in its kernel."""
    found = hands.working()
    node, _ = _agent_of(hands, found.name)
    hands.kube.faults.ipv6_disabled.add(node)
    hands.later(lambda: hands.kube.faults.ipv6_disabled.discard(node))
    hands.let_pass()
    return node


def agent_not_on_node(hands: Hands) -> str:
    """A node with a taint that the add-on's configuration does not tolerate, and a pod that tolerates it."""
    hands.agent()
    before = json.loads(hands.record.addons[AGENT_ADDON].configuration or "{}")
    hands.later(lambda: _configure(hands, before))
    _configure(hands, {"tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"}]})
    node = hands.add_node("10.0.9.11", taints=[_TAINT])
    hands.working(pod={"nodeName": node, "tolerations": [{"operator": "Exists"}]})
    return node


def hybrid_daemonset_missing(hands: Hands) -> str:
    node = hands.add_node("10.0.9.12", labels={"eks.amazonaws.com/compute-type": "hybrid"})
    hands.working(pod={"nodeName": node})
    return node


def self_managed_cluster_name_wrong(hands: Hands) -> str:
    hands.working()
    (container,) = hands.cluster.get(AGENTS)["spec"]["template"]["spec"]["containers"]
    wrong = [f"{word}-old" if word == hands.world.cluster_name else word for word in container["args"]]
    _change_agents(hands, args=wrong)
    return f"{AGENT_NAMESPACE}/{AGENT_ADDON}"


def agent_outdated(hands: Hands) -> str:
    """Two versions behind what EKS installs today."""
    hands.agent()
    addon = hands.record.addons[AGENT_ADDON]
    values, version = json.loads(addon.configuration or "{}"), addon.version
    hands.later(lambda: _configure(hands, values, version))
    _configure(hands, values, _OLD_AGENT)
    return AGENT_ADDON


def addon_blocks_upgrade(hands: Hands) -> str:
    """EKS reports that the next Kubernetes version requires a newer agent."""
    hands.agent()
    now = timestamp(hands.world.clock.now())
    hands.record.insights[hands.mode] = {
        "id": hands.mode,
        "name": "EKS add-on version compatibility",
        "category": "UPGRADE_READINESS",
        "kubernetesVersion": "1.36",
        "lastRefreshTime": now,
        "lastTransitionTime": now,
        "description": "Checks the versions of installed EKS add-ons",
        "insightStatus": {"status": "ERROR", "reason": "An installed add-on version is not compatible."},
        "categorySpecificSummary": {
            "deprecationDetails": [],
            "addonCompatibilityDetails": [{"name": AGENT_ADDON, "compatibleVersions": ["v9.0.0-eksbuild.1"]}],
        },
    }
    hands.later(lambda: hands.record.insights.pop(hands.mode))
    return AGENT_ADDON


def agent_proxy_misconfig(hands: Hands) -> str:
    """A proxy for everything, the node's own metadata service included."""
    hands.working()
    _change_agents(hands, env=[{"name": "HTTP_PROXY", "value": "http://proxy.internal:3128"}])
    return f"{AGENT_NAMESPACE}/{AGENT_ADDON}"


def node_role_missing_eks_auth(hands: Hands) -> str:
    from podid.sandbox.baseline import NODE_ROLE

    hands.working()
    arn = f"arn:{hands.world.partition}:iam::aws:policy/{_WORKER}"
    hands.aws("iam").detach_role_policy(RoleName=NODE_ROLE, PolicyArn=arn)
    hands.later(lambda: hands.aws("iam").attach_role_policy(RoleName=NODE_ROLE, PolicyArn=arn))
    return NODE_ROLE


def scp_denies_eks_auth(hands: Hands) -> str:
    from podid.sandbox.baseline import NODE_ROLE

    hands.working()
    allowed = ["ec2:*", "eks:*", "iam:*", "sts:*", "dynamodb:*"]
    statement = {"Effect": "Allow", "Action": allowed, "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    hands.iam.control_policies.append(policy)
    hands.later(lambda: hands.iam.control_policies.remove(policy))
    return NODE_ROLE


# --- how it is done ---------------------------------------------------------------------------------------------------


def _configure(hands: Hands, values: dict[str, Any], version: str = "") -> None:
    named = {"addonVersion": version} if version else {}
    hands.aws("eks").update_addon(
        clusterName=hands.world.cluster_name,
        addonName=AGENT_ADDON,
        configurationValues=json.dumps(values),
        resolveConflicts="OVERWRITE",
        **named,
    )
    hands.let_pass()


def _change_agents(hands: Hands, **members: Any) -> None:
    """The agent's container with other members: its pods are replaced, one after the other."""
    (container,) = hands.cluster.get(AGENTS)["spec"]["template"]["spec"]["containers"]
    hands.later(hands.let_pass)
    hands.merge(AGENTS, {"spec": {"template": {"spec": {"containers": [{**container, **members}]}}}})
    hands.let_pass()


def _agent_of(hands: Hands, app: str) -> tuple[str, dict[str, Any]]:
    node = str(hands.cluster.pods(NAMESPACE, app)[0]["spec"]["nodeName"])
    return node, _agent_on(hands, node)


def _agent_on(hands: Hands, node: str) -> dict[str, Any]:
    agents = [pod for pod in hands.cluster.pods(AGENT_NAMESPACE) if pod["spec"].get("nodeName") == node]
    return next(pod for pod in agents if pod["metadata"]["name"].startswith(AGENT_ADDON))


def _replace_agent(hands: Hands, pod: dict[str, Any]) -> None:
    hands.cluster.delete(f"/api/v1/namespaces/{AGENT_NAMESPACE}/pods/{pod['metadata']['name']}")
    hands.let_pass()

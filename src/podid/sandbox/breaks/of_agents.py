"""Failure modes of the agent, its add-on and the nodes that it runs on: links 6 to 8."""

import json
from typing import Any

from podid.domain.names import AGENT_ADDON, AGENT_NAMESPACE
from podid.sandbox.aws.protocol import timestamp
from podid.sandbox.breaks.scenario import AGENTS, NAMESPACE, Scenario
from podid.sandbox.world import AddonFault

_WORKER = "AmazonEKSWorkerNodePolicy"
_OLD_AGENT = "v1.3.4-eksbuild.1"
_TAINT = {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}


def agent_not_installed(scenario: Scenario) -> str:
    scenario.create_working_identity()
    eks = scenario.aws("eks")
    eks.delete_addon(clusterName=scenario.world.cluster_name, addonName=AGENT_ADDON)
    scenario.advance_time()
    scenario.on_undo(scenario.install_agent)
    return scenario.world.cluster_name


def addon_config_conflict(scenario: Scenario) -> str:
    """Install a second agent as a Helm chart would: under another name, with an image from a mirror. Its command
    identifies it."""
    scenario.install_agent()
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
    scenario.create(sets, {"metadata": {"name": "pod-identity"}, "spec": body})
    scenario.advance_time()
    return scenario.world.cluster_name


def addon_degraded_or_failed(scenario: Scenario) -> str:
    scenario.create_working_identity()
    faults = scenario.world.addon_faults
    faults[AGENT_ADDON] = AddonFault("DEGRADED", "AccessDenied", "The add-on may not be updated.")
    scenario.on_undo(lambda: _configure(scenario, {}))
    _configure(scenario, {})
    faults.pop(AGENT_ADDON)
    return AGENT_ADDON


def agent_port80_conflict(scenario: Scenario) -> str:
    """Run an ingress controller that requires the host port of the agent."""
    scenario.install_agent()
    scenario.create_namespace()
    port = {"name": "http", "containerPort": 80, "hostPort": 80}
    scenario.create_workload(account="default", container={"image": "nginx:1.29", "ports": [port]}, replicas=1)
    return f"{NAMESPACE}/{scenario.cluster.pod_names(NAMESPACE, scenario.mode)[0]}"


def agent_hijacked_by_default_sa(scenario: Scenario) -> str:
    """Inject web identity variables into the agent, as a webhook of another product does: the agent no longer uses the
    node's credentials."""
    scenario.create_working_identity()
    _change_agents(scenario, env=[{"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "/var/run/secrets/token"}])
    return "kube-system/default"


def agent_image_pull(scenario: Scenario) -> str:
    """Let the image pull of one agent fail, as from a mirror that lacks the image."""
    identity = scenario.create_working_identity()
    node, old = _agent_of(scenario, identity.name)
    image = str(old["spec"]["containers"][0]["image"])
    scenario.kube.faults.image_pull_failing.add(image)
    scenario.on_undo(lambda: scenario.kube.faults.image_pull_failing.discard(image))
    _replace_agent(scenario, old)
    return f"{AGENT_NAMESPACE}/{_agent_on(scenario, node)['metadata']['name']}"


def agent_pod_unhealthy(scenario: Scenario) -> str:
    """Let the readiness probe of a running agent fail."""
    identity = scenario.create_working_identity()
    node, agent = _agent_of(scenario, identity.name)
    scenario.kube.faults.agent_not_ready.add(node)
    scenario.on_undo(lambda: scenario.kube.faults.agent_not_ready.discard(node))
    scenario.advance_time()
    return f"{AGENT_NAMESPACE}/{agent['metadata']['name']}"


def stale_link_or_route(scenario: Scenario) -> str:
    """Leave a route of an earlier agent on the node: the init container of the next agent fails."""
    identity = scenario.create_working_identity()
    node, old = _agent_of(scenario, identity.name)
    failing = scenario.kube.faults.agent_init_failing
    failing[node] = "unable to set up link: expected route to be interface index 4, please remove route and try again"
    scenario.on_undo(lambda: failing.pop(node))
    _replace_agent(scenario, old)
    return node


def agent_ipv6_bind(scenario: Scenario) -> str:
    """Disable IPv6 in the kernel of a node, as a hardened image does."""
    identity = scenario.create_working_identity()
    node, _ = _agent_of(scenario, identity.name)
    scenario.kube.faults.ipv6_disabled.add(node)
    scenario.on_undo(lambda: scenario.kube.faults.ipv6_disabled.discard(node))
    scenario.advance_time()
    return node


def agent_not_on_node(scenario: Scenario) -> str:
    """Add a node with a taint that the add-on's configuration does not tolerate, and a pod that tolerates it."""
    scenario.install_agent()
    before = json.loads(scenario.record.addons[AGENT_ADDON].configuration or "{}")
    scenario.on_undo(lambda: _configure(scenario, before))
    _configure(scenario, {"tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"}]})
    node = scenario.add_node("10.0.9.11", taints=[_TAINT])
    scenario.create_working_identity(pod={"nodeName": node, "tolerations": [{"operator": "Exists"}]})
    return node


def hybrid_daemonset_missing(scenario: Scenario) -> str:
    node = scenario.add_node("10.0.9.12", labels={"eks.amazonaws.com/compute-type": "hybrid"})
    scenario.create_working_identity(pod={"nodeName": node})
    return node


def self_managed_cluster_name_wrong(scenario: Scenario) -> str:
    scenario.create_working_identity()
    (container,) = scenario.cluster.get(AGENTS)["spec"]["template"]["spec"]["containers"]
    wrong = [f"{word}-old" if word == scenario.world.cluster_name else word for word in container["args"]]
    _change_agents(scenario, args=wrong)
    return f"{AGENT_NAMESPACE}/{AGENT_ADDON}"


def agent_outdated(scenario: Scenario) -> str:
    """Install an agent two versions older than the default version of EKS."""
    scenario.install_agent()
    addon = scenario.record.addons[AGENT_ADDON]
    values, version = json.loads(addon.configuration or "{}"), addon.version
    scenario.on_undo(lambda: _configure(scenario, values, version))
    _configure(scenario, values, _OLD_AGENT)
    return AGENT_ADDON


def addon_blocks_upgrade(scenario: Scenario) -> str:
    """Add an upgrade insight of EKS: the next Kubernetes version requires a newer agent."""
    scenario.install_agent()
    now = timestamp(scenario.world.clock.now())
    scenario.record.insights[scenario.mode] = {
        "id": scenario.mode,
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
    scenario.on_undo(lambda: scenario.record.insights.pop(scenario.mode))
    return AGENT_ADDON


def agent_proxy_misconfig(scenario: Scenario) -> str:
    """Configure a proxy for all requests of the agent, including those to the node's metadata service."""
    scenario.create_working_identity()
    _change_agents(scenario, env=[{"name": "HTTP_PROXY", "value": "http://proxy.internal:3128"}])
    return f"{AGENT_NAMESPACE}/{AGENT_ADDON}"


def node_role_missing_eks_auth(scenario: Scenario) -> str:
    from podid.sandbox.baseline import NODE_ROLE

    scenario.create_working_identity()
    arn = f"arn:{scenario.world.partition}:iam::aws:policy/{_WORKER}"
    scenario.aws("iam").detach_role_policy(RoleName=NODE_ROLE, PolicyArn=arn)
    scenario.on_undo(lambda: scenario.aws("iam").attach_role_policy(RoleName=NODE_ROLE, PolicyArn=arn))
    return NODE_ROLE


def scp_denies_eks_auth(scenario: Scenario) -> str:
    from podid.sandbox.baseline import NODE_ROLE

    scenario.create_working_identity()
    allowed = ["ec2:*", "eks:*", "iam:*", "sts:*", "dynamodb:*"]
    statement = {"Effect": "Allow", "Action": allowed, "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    scenario.iam.control_policies.append(policy)
    scenario.on_undo(lambda: scenario.iam.control_policies.remove(policy))
    return NODE_ROLE


# --- helpers ----------------------------------------------------------------------------------------------------------


def _configure(scenario: Scenario, values: dict[str, Any], version: str = "") -> None:
    named = {"addonVersion": version} if version else {}
    scenario.aws("eks").update_addon(
        clusterName=scenario.world.cluster_name,
        addonName=AGENT_ADDON,
        configurationValues=json.dumps(values),
        resolveConflicts="OVERWRITE",
        **named,
    )
    scenario.advance_time()


def _change_agents(scenario: Scenario, **members: Any) -> None:
    """Change members of the agent's container. The DaemonSet controller replaces the pods one after the other."""
    (container,) = scenario.cluster.get(AGENTS)["spec"]["template"]["spec"]["containers"]
    scenario.on_undo(scenario.advance_time)
    scenario.merge(AGENTS, {"spec": {"template": {"spec": {"containers": [{**container, **members}]}}}})
    scenario.advance_time()


def _agent_of(scenario: Scenario, app: str) -> tuple[str, dict[str, Any]]:
    node = str(scenario.cluster.pods(NAMESPACE, app)[0]["spec"]["nodeName"])
    return node, _agent_on(scenario, node)


def _agent_on(scenario: Scenario, node: str) -> dict[str, Any]:
    agents = [pod for pod in scenario.cluster.pods(AGENT_NAMESPACE) if pod["spec"].get("nodeName") == node]
    return next(pod for pod in agents if pod["metadata"]["name"].startswith(AGENT_ADDON))


def _replace_agent(scenario: Scenario, pod: dict[str, Any]) -> None:
    scenario.cluster.delete(f"/api/v1/namespaces/{AGENT_NAMESPACE}/pods/{pod['metadata']['name']}")
    scenario.advance_time()

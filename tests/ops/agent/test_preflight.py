"""The checks before an installation of the agent: each obstacle alone, reported by its id."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from checks import builder
from checks.builder import daemon_set, healthy
from ops.agent.support import TAINT, nodes
from ops.change.support import account_state, writes
from podid.domain.cluster import Node, NodeClass, Taint
from podid.domain.workloads import why_not_here
from podid.facts.agent import planned_agent
from podid.kube.reader import KubeReader
from podid.ops.agent.preflight import IPV4_ONLY, _kernels, other_agents, overwritten
from podid.sandbox import baseline
from worlds import ACCOUNT, AGENT, Site

WORKER = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"
MINIMAL = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodeMinimalPolicy"
EKS_AUTH = "eks-auth:AssumeRoleForPodIdentity"
NODE_ROLE = f"arn:aws:iam::{ACCOUNT}:role/{baseline.NODE_ROLE}"
ONLY_CRITICAL = 'tolerations=[{"key":"CriticalAddonsOnly","operator":"Exists"}]'


def change_node(site: Site, name: str, **patch: Any) -> None:
    site.cluster.merge(f"/api/v1/nodes/{name}", patch)


def body(site: Site) -> dict[str, Any]:
    return site.box.world.clusters["demo"].body


def take_policy(site: Site) -> None:
    site.aws("iam").detach_role_policy(RoleName=baseline.NODE_ROLE, PolicyArn=WORKER)


def limit_by(site: Site, *actions: str) -> str:
    """Return a policy that allows only these actions."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]})


def ingress(site: Site, **spec: Any) -> None:
    port = {"name": "http", "containerPort": 80, "hostPort": 80}
    container = {"name": "app", "image": "nginx", "ports": [port]}
    site.cluster.make_pod("shop", "ingress", "orders", containers=[container], **spec)
    site.wait(10)


def outposts(site: Site) -> None:
    body(site)["outpostConfig"] = {"outpostArns": ["arn:aws:outposts:::outpost/op-1"]}


def old(site: Site) -> None:
    body(site)["version"], body(site)["platformVersion"] = "1.28", "eks.3"


def by_organization(site: Site) -> None:
    site.box.iam.control_policies.append(limit_by(site, "ec2:*", "eks:*", "iam:*", "sts:*"))


def by_boundary(site: Site) -> None:
    iam = site.aws("iam")
    arn = iam.create_policy(PolicyName="b", PolicyDocument=limit_by(site, "ec2:*"))["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName=baseline.NODE_ROLE, PermissionsBoundary=arn)


def private(site: Site) -> None:
    """Remove the route out of the VPC, and add an endpoint for EKS."""
    ec2, vpc = site.aws("ec2"), body(site)["resourcesVpcConfig"]
    (table,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc["vpcId"]]}])["RouteTables"]
    ec2.delete_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0")
    endpoint(site, "eks")


def endpoint(site: Site, service: str) -> None:
    site.aws("ec2").create_vpc_endpoint(
        VpcId=body(site)["resourcesVpcConfig"]["vpcId"],
        ServiceName=f"com.amazonaws.us-west-2.{service}",
        VpcEndpointType="Interface",
        PrivateDnsEnabled=True,
    )


def helm(site: Site) -> None:
    """Install an agent with another name and a mirrored image, which has the command of the agent."""
    pod = {"containers": [{"name": "c", "image": "mirror/x:1", "command": ["/go-runner", f"/{AGENT}", "server"]}]}
    site.cluster.make_namespace("security")
    site.cluster.make_workload("DaemonSet", "security", "pod-identity", "default", pod=pod)


def selfmade(site: Site) -> None:
    site.cluster.make_workload("DaemonSet", "kube-system", AGENT, "default")


PROVOKED: list[tuple[Callable[[Site], None], str, str]] = [
    (outposts, "unsupported-cluster-kind", "a local cluster on Outposts"),
    (old, "cluster-too-old", "eks.3 of Kubernetes 1.28 is too old"),
    (ingress, "agent-port80-conflict", "Pod shop/ingress: the pod cannot be scheduled: the agent uses port 80"),
    (take_policy, "node-role-missing-eks-auth", f"of node group workers ({NODE_ROLE}) is not authorized to"),
    (
        by_organization,
        "scp-denies-eks-auth",
        f"AssumeRoleForPodIdentity to role demo-node-role of node group workers ({NODE_ROLE})",
    ),
    (private, "eks-auth-unreachable", "no route out of the VPC and no interface endpoint for eks-auth"),
    (by_boundary, "node-role-missing-eks-auth", "(its permissions boundary does not allow it)"),
    (helm, "addon-config-conflict", "DaemonSet security/pod-identity"),
    (selfmade, "addon-config-conflict", f"DaemonSet kube-system/{AGENT}"),
]


@pytest.mark.parametrize(("provoke", "mode", "message"), PROVOKED, ids=[row[0].__name__ for row in PROVOKED])
def test_each_obstacle_is_reported_before_the_write(
    site: Site, provoke: Callable[[Site], None], mode: str, message: str
) -> None:
    provoke(site)
    before, count = account_state(site.box), writes(site.box)
    refused = site("install-agent", "-o", "json")
    assert (refused.code, refused.stdout, refused.error["code"]) == (6, "", "PreflightRefused")
    assert refused.error["message"].startswith(f"{mode}: ")
    assert message in refused.error["message"]
    assert (account_state(site.box), writes(site.box)) == (before, count)


def ungroup(site: Site) -> str:
    """Remove a node from its node group, and return its name."""
    name = nodes(site)[0]
    change_node(site, name, metadata={"labels": {"eks.amazonaws.com/nodegroup": None, "karpenter.sh/nodepool": "spot"}})
    return name


def other_role(site: Site, *managed: str) -> str:
    trust = baseline.service_trust("ec2.amazonaws.com")
    return baseline.add_role(site.box.world, site.box.iam, "karpenter-nodes", trust, managed=managed)


def test_the_instance_names_the_role_of_a_karpenter_node(site: Site) -> None:
    """Only the role of the instance lacks the permission."""
    node, instance = ungroup(site), "i-0a1b2c3d4e5f60001"
    other_role(site)
    site.box.iam.make_instance_profile(site.box.world.account, "karpenter", "karpenter-nodes")
    ec2 = site.aws("ec2")
    of_instance = [{"Name": "instance-id", "Values": [instance]}]
    result = ec2.describe_iam_instance_profile_associations(Filters=of_instance)
    for old in result["IamInstanceProfileAssociations"]:
        ec2.disassociate_iam_instance_profile(AssociationId=old["AssociationId"])
    ec2.associate_iam_instance_profile(InstanceId=instance, IamInstanceProfile={"Name": "karpenter"})
    refused = site("install-agent", "-o", "json")
    assert refused.code == 6
    assert f"of karpenter node {node} (arn:aws:iam::" in refused.error["message"]
    site.must("install-agent", "--fix-node-role")
    assert MINIMAL in account_state(site.box)["roles"]["karpenter-nodes"]["attached"]


@pytest.mark.parametrize("by", ["role", "instance_profile"])
def test_the_node_class_names_the_role_if_the_instance_cannot_be_read(
    site: Site, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    node = ungroup(site)
    other_role(site)
    site.box.iam.make_instance_profile(site.box.world.account, "karpenter", "karpenter-nodes")
    change_node(site, node, metadata={"labels": {"karpenter.k8s.aws/ec2nodeclass": "default"}})
    named = {"role": "karpenter-nodes"} if by == "role" else {"instance_profile": "karpenter"}
    classes = (NodeClass(name="default", **named), NodeClass(name="other", role="nosuch"))
    monkeypatch.setattr(KubeReader, "list_node_classes", lambda self: classes)
    site.box.world.credentials.deny("ec2:DescribeInstances")
    refused = site("install-agent", "-o", "json")
    assert f"of karpenter node {node} (arn:aws:iam::" in refused.error["message"]


def test_a_node_class_names_a_role_without_its_path(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    node = ungroup(site)
    trust = baseline.service_trust("ec2.amazonaws.com")
    baseline.add_role(site.box.world, site.box.iam, "karpenter-nodes", trust, path="/nodes/")
    change_node(site, node, metadata={"labels": {"karpenter.k8s.aws/ec2nodeclass": "default"}})
    classes = (NodeClass(name="default", role="karpenter-nodes"),)
    monkeypatch.setattr(KubeReader, "list_node_classes", lambda self: classes)
    site.box.world.credentials.deny("ec2:DescribeInstances")
    refused = site("install-agent", "-o", "json")
    assert f"of karpenter node {node} (arn:aws:iam::" in refused.error["message"]


@pytest.mark.parametrize("denied", ["ec2:DescribeInstances", "iam:GetInstanceProfile"])
def test_an_access_entry_names_the_role_if_the_instance_cannot_be_read(site: Site, denied: str) -> None:
    node, arn = ungroup(site), other_role(site)
    site.aws("eks").create_access_entry(clusterName="demo", principalArn=arn, type="EC2_LINUX")
    site.box.world.credentials.deny(denied)
    # where aws-auth counts as well, the entry may be another node's
    assert site("install-agent", "--dry-run").code == 0
    site.box.world.clusters["demo"].body["accessConfig"]["authenticationMode"] = "API"
    refused = site("install-agent", "-o", "json")
    assert f"of karpenter node {node} (arn:aws:iam::" in refused.error["message"]


def test_a_node_role_that_is_not_known_is_not_checked(site: Site) -> None:
    ungroup(site)
    for action in ("ec2:DescribeInstances", "eks:ListAccessEntries"):
        site.box.world.credentials.deny(action)
    assert site("install-agent", "--wait", "none").code == 0
    report = site("doctor", "--check", "node-role-missing-eks-auth", "-o", "json")
    assert report.code == 9
    unknown = [(item["subject"]["kind"], item["permission"]) for item in report.json["unknowns"]]
    assert unknown == [("NodeList", "ec2:DescribeInstances")]


def test_a_private_vpc_with_an_endpoint_is_accepted(site: Site) -> None:
    private(site)
    endpoint(site, "eks-auth")
    done = site("install-agent", "--wait", "none")
    assert (done.code, "eks-auth-unreachable" in done.stderr) == (0, False)


def test_force_installs_despite_an_obstacle(site: Site) -> None:
    take_policy(site)
    done = site("install-agent", "--force", "--wait", "none")
    assert done.code == 0
    assert "note: node-role-missing-eks-auth: role demo-node-role of node group workers" in done.stderr


def test_several_obstacles_are_one_error(site: Site) -> None:
    take_policy(site)
    ingress(site)
    refused = site("install-agent", "-o", "json")
    assert refused.error["message"].startswith("2 reasons prevent the installation: ")
    assert refused.error["hint"].endswith("install-agent -o json --fix-node-role")


def test_the_node_role_is_fixed_as_part_of_the_plan(site: Site) -> None:
    take_policy(site)
    before = account_state(site.box)
    planned = site.must("install-agent", "--fix-node-role", "--dry-run", "-o", "json").json
    assert [(item["kind"], item["verb"]) for item in planned["actions"]] == [
        ("role-attachment", "create"),
        ("addon", "create"),
    ]
    site.must("install-agent", "--fix-node-role")
    assert MINIMAL in account_state(site.box)["roles"][baseline.NODE_ROLE]["attached"]
    count = writes(site.box)
    site.must("install-agent", "--fix-node-role")
    assert writes(site.box) == count
    site.must("undo", "last", "--yes")
    site.wait(60)
    assert account_state(site.box) == before


def test_the_node_role_of_an_installed_agent_is_fixed_alone(healthy: Site) -> None:
    take_policy(healthy)
    done = healthy.must("install-agent", "--fix-node-role", "-o", "json").json
    assert [(item["kind"], item["status"]) for item in done["actions"]] == [
        ("role-attachment", "done"),
        ("addon", "unchanged"),
    ]


@pytest.mark.parametrize("provoke", [by_organization, by_boundary])
def test_a_policy_that_would_not_help_is_not_attached(site: Site, provoke: Callable[[Site], None]) -> None:
    take_policy(site)
    provoke(site)
    count = writes(site.box)
    refused = site("install-agent", "--fix-node-role", "-o", "json")
    assert (refused.code, writes(site.box)) == (6, count)


# --- port 80 ----------------------------------------------------------------------------------------------------------


def test_an_agent_without_a_proxy_port_has_no_conflict(site: Site) -> None:
    ingress(site)
    hint = site("install-agent", "-o", "json").error["hint"]
    assert hint.endswith("--config agent.advertiseProxyPort=false")
    assert site("install-agent", "--config", "agent.advertiseProxyPort=false", "--wait", "none").code == 0


def test_a_pod_that_the_agent_cannot_preempt(site: Site) -> None:
    ingress(site, priorityClassName="system-node-critical", priority=2_000_001_000)
    refused = site("install-agent", "-o", "json")
    message = refused.error["message"]
    assert "the agent cannot be scheduled on node" in message
    assert "its port 80 is used by shop/ingress" in message


# --- nodes that it does not go to -------------------------------------------------------------------------------------


def test_an_excluded_node_with_associated_pods_is_an_error(site: Site) -> None:
    site.with_identity()
    (orders, *_) = site.cluster.pods("shop", "orders")
    node = orders["spec"]["nodeName"]
    change_node(site, node, spec={"taints": [TAINT]})
    refused = site("install-agent", "--config", ONLY_CRITICAL, "-o", "json")
    assert refused.code == 6
    message = (
        f"agent-not-on-node: no agent pod runs on node {node}: the taint dedicated=gpu:NoSchedule is not tolerated"
    )
    assert refused.error["message"] == f"{message}; pods of shop/orders there get no credentials"
    assert site("install-agent", "--wait", "none").code == 0, "the add-on's own tolerations take every node"


def test_an_excluded_node_without_pods_that_need_the_agent_is_not_awaited(site: Site) -> None:
    node = nodes(site)[0]
    change_node(site, node, spec={"taints": [TAINT]})
    slept = site.slept
    done = site("install-agent", "--config", ONLY_CRITICAL)
    assert (done.code, site.slept - slept < 120) == (0, True)
    message = f"the agent will not run on {node}: the taint dedicated=gpu:NoSchedule is not tolerated"
    assert f"  note: {message}\n" in done.stderr
    listed = {item["node"]: item for item in site("agent", "nodes", "-o", "json").json["items"]}
    assert listed[node]["state"] == "left-out"
    assert listed[node]["reason"] == "the taint dedicated=gpu:NoSchedule is not tolerated"


def test_nodes_of_another_kind_are_named(site: Site) -> None:
    names, compute_type = nodes(site), "eks.amazonaws.com/compute-type"
    change_node(site, names[0], metadata={"labels": {compute_type: "fargate"}})
    change_node(site, names[1], metadata={"labels": {compute_type: "hybrid"}})
    site.cluster.merge(f"/api/v1/nodes/{names[2]}/status", {"status": {"nodeInfo": {"operatingSystem": "windows"}}})
    done = site("install-agent", "--dry-run")
    assert done.code == 0
    for name, message in zip(
        names,
        ("cannot run on a fargate node", "daemonsets.hybrid.create=true", "cannot run on a windows node"),
        strict=True,
    ):
        lines = [line for line in (done.stdout + done.stderr).splitlines() if f" not run on {name}: " in line]
        assert [message in line for line in lines] == [True]
    site.cluster.merge(f"/api/v1/nodes/{names[2]}/status", {"status": {"nodeInfo": {"operatingSystem": "linux"}}})
    site.cluster.merge(f"/api/v1/nodes/{names[2]}/status", {"status": {"nodeInfo": {"architecture": "riscv64"}}})
    done = site("install-agent", "--wait", "none")
    assert (done.code, "no image for riscv64" in done.stderr) == (0, True)


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (
            "default",
            "note: not checked: whether {} has the credentials file",
        ),
        ("v1.2.0-eksbuild.1", "v1.2.0-eksbuild.1 does not support hybrid nodes, v1.3.3-eksbuild.1 does"),
    ],
)
def test_hybrid_nodes_need_more_than_the_switch(site: Site, version: str, message: str) -> None:
    node = nodes(site)[0]
    change_node(site, node, metadata={"labels": {"eks.amazonaws.com/compute-type": "hybrid"}})
    switch = ("--config", "daemonsets.hybrid.create=true")
    done = site("install-agent", *switch, "--addon-version", version, "--wait", "none")
    assert done.code == 0
    assert message.format(node) in done.stderr


def test_a_bottlerocket_hybrid_node_needs_its_own_daemon_set(site: Site) -> None:
    node, plain = nodes(site)[0], "daemonsets.hybrid.create=true"
    labels = {"eks.amazonaws.com/compute-type": "hybrid", "os.bottlerocket.aws/version": "1.50.0"}
    change_node(site, node, metadata={"labels": labels})
    done = site("install-agent", "--config", plain, "--dry-run")
    assert f"not run on {node}: a Bottlerocket hybrid node requires" in done.stdout + done.stderr
    done = site("install-agent", "--config", plain.replace("hybrid", "hybrid-bottlerocket"))
    assert (done.code, f"not run on {node}" in done.stderr) == (0, False)
    listed = {item["node"]: item for item in site("agent", "nodes", "-o", "json").json["items"]}
    assert listed[node]["state"] == "ready"


def test_fields_of_other_managers_that_are_overwritten() -> None:
    limits = "spec.template.spec.containers[name=eks-pod-identity-agent].resources.limits.memory"
    agent = daemon_set(set_by={"eks": ("spec.template",), "kubectl-edit": (limits,)})
    (message,) = overwritten((agent, daemon_set(name="other", set_by={"helm": ("spec.template",)})))
    assert (message.id, message.stops) == ("addon-config-conflict", False)
    assert message.message.endswith(f"changes by others to DaemonSet kube-system/{AGENT}, by kubectl-edit: {limits}")
    left_behind = daemon_set(set_by={"eks": ("spec.template",), "kube-controller-manager": ("metadata.annotations",)})
    assert not list(overwritten((left_behind,)))
    assert [item.stops for item in other_agents((left_behind,), "demo", overwrite=False)] == [False]
    assert [item.stops for item in other_agents((agent,), "demo", overwrite=False)] == [True]


def test_an_agent_with_an_ipv4_address_needs_no_ipv6() -> None:
    message = {"agent": {"additionalArgs": {"-b": "169.254.170.23"}}}
    for values, noted in ((message, False), ({}, True)):
        snapshot = healthy(nodes=(builder.node(labels={}),))
        assert bool(list(_kernels(snapshot, planned_agent("", values)))) is noted


def test_versions_before_the_blanket_toleration() -> None:
    tainted = Node(
        name="n",
        os="linux",
        arch="amd64",
        compute_type="",
        ready=True,
        labels={"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"},
        taints=(Taint("dedicated", "gpu", "NoSchedule"),),
    )
    for version, reason in (("v1.1.0-eksbuild.1", "the taint dedicated=gpu:NoSchedule is not tolerated"), ("", "")):
        placement = planned_agent(version, {}).placement
        assert placement is not None
        assert why_not_here(tainted, placement) == reason
        # a wish, and what no scheduler acts on
        mild = replace(tainted, taints=(Taint("dedicated", "gpu", "PreferNoSchedule"), Taint("odd", "", "")))
        assert not why_not_here(mild, placement)


# --- what cannot be looked at -----------------------------------------------------------------------------------------


def test_unread_parts_are_notes(site: Site) -> None:
    for action in ("iam:SimulatePrincipalPolicy", "eks:ListPodIdentityAssociations", "ec2:DescribeVpcEndpoints"):
        site.box.world.credentials.deny(action)
    done = site("install-agent", "--wait", "none")
    assert done.code == 0
    assert "note: not checked: scp-denies-eks-auth, node-role-missing-eks-auth: " in done.stderr
    assert "iam:SimulatePrincipalPolicy" in done.stderr
    assert "note: not checked: eks-auth-unreachable: " in done.stderr
    assert "note: not checked: the associations: " in done.stderr
    assert "whether IPv6 is disabled" not in done.stderr


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ({}, False),
        ({"eks.amazonaws.com/sourceLaunchTemplateId": "lt-1"}, True),
        ({"eks.amazonaws.com/nodegroup": None}, True),
        ({"eks.amazonaws.com/nodegroup": None, "karpenter.sh/nodepool": "spot"}, True),
        ({"eks.amazonaws.com/sourceLaunchTemplateId": "lt-1", "eks.amazonaws.com/compute-type": "hybrid"}, False),
    ],
)
def test_ipv6_is_in_doubt_only_on_nodes_with_an_own_image(
    site: Site, labels: dict[str, str | None], told: bool
) -> None:
    name = nodes(site)[0]
    change_node(site, name, metadata={"labels": labels})
    note = f"note: not checked: whether IPv6 is disabled on {name} (agent-ipv6-bind)"
    assert (note.removeprefix("note: ") in site("install-agent", "--dry-run").stdout) is told
    assert "IPv6" not in site("install-agent", "--dry-run", "--config", IPV4_ONLY).stdout


def test_a_cluster_of_auto_mode_without_a_node(site: Site) -> None:
    body(site)["computeConfig"] = {"enabled": True}
    site.box.world.clusters["demo"].nodegroups.clear()
    for node in nodes(site):
        site.cluster.delete(f"/api/v1/nodes/{node}")
    count = writes(site.box)
    done = site("install-agent")
    assert (done.code, writes(site.box)) == (0, count)
    assert "auto-mode-redundant-addon: " in done.stderr


def test_a_change_goes_on_despite_an_existing_failure(healthy: Site) -> None:
    """A broken node role does not prevent an upgrade."""
    take_policy(healthy)
    upgraded = healthy("install-agent", "--addon-version", "latest")
    assert upgraded.code == 0
    assert "node-role-missing-eks-auth" in upgraded.stderr


def test_nodes_with_a_built_in_agent(site: Site) -> None:
    site.box.world.clusters["demo"].body["computeConfig"] = {"enabled": True}
    for node in site.cluster.items("/api/v1/nodes"):
        path = f"/api/v1/nodes/{node['metadata']['name']}"
        site.cluster.merge(path, {"metadata": {"labels": {"eks.amazonaws.com/compute-type": "auto"}}})
    count = writes(site.box)
    done = site("install-agent")
    assert (done.code, writes(site.box)) == (0, count)
    assert "all nodes are EKS Auto Mode nodes, which have the agent built in" in done.stderr

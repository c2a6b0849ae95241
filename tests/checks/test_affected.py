"""Whom a finding breaks: nobody whose pods work is said to be shut out by what is wrong elsewhere."""

from dataclasses import replace
from typing import Any

import pytest

from harness import table
from podid.checks.affected import concerned, keys_of
from podid.checks.all import ALL
from podid.checks.runner import run_checks
from podid.domain.aws import AddonIssue, NodeGroup
from podid.domain.cluster import OwnerRef, ServiceAccount
from podid.domain.findings import Outcome, Verdict
from podid.domain.network import RouteTable, VpcRoute
from podid.domain.snapshot import Known, Snapshot, known
from podid.domain.status import IdentityState
from podid.domain.workloads import NODE_GROUP_LABEL, WebhookRegistration
from podid.ops.status.diagnose import diagnose

from .builder import (
    ACCOUNT,
    CLUSTER_ARN,
    DENIED,
    NODE_ROLE_ARN,
    REGISTRY,
    ROLE_ARN,
    addon,
    agent_pod,
    association,
    cluster,
    daemon_set,
    egress,
    healthy,
    node,
    pod,
    role,
    trust,
    workload,
)
from .cases import FAILING
from .grid import verdicts

# no new pod of the cluster gets credentials, on any node
DENIED_EVENTS = {"kube-system/eks-pod-identity-agent": DENIED}
OF_EVERYBODY = {
    *("unsupported-cluster-kind", "cluster-too-old", "agent-not-installed"),
    *("webhook-config-altered", "injection-missed-webhook"),
}
BILLING = association(name="billing")
BOTH = trust(
    StringEquals={"aws:SourceAccount": ACCOUNT, "aws:RequestTag/kubernetes-namespace": "shop"},
    StringLike={"aws:RequestTag/kubernetes-service-account": ["orders", "billing"]},
    ArnEquals={"aws:SourceArn": CLUSTER_ARN},
)


def two_nodes(**sections: Any) -> Snapshot:
    """shop/orders on node-1, shop/billing on node-2, each with its agent."""
    pods = (pod(), pod("billing-1-x", service_account="billing", node="node-2", labels={"app": "billing"}))
    agents = sections.pop("agent_pods", (agent_pod(), agent_pod("node-2")))
    values = {
        "associations": (association(), BILLING),
        "nodes": (node(), node("node-2")),
        "pods": (*pods, *agents),
        "agent_pods": agents,
        "daemon_sets": (daemon_set(desired=2),),
        "service_accounts": tuple(ServiceAccount(namespace="shop", name=name) for name in ("orders", "billing")),
        "workloads": (workload(), workload(name="billing", service_account="billing")),
        "roles": {ROLE_ARN: Known(role(document=BOTH))},
    }
    return healthy(**{**values, **sections})


def failing(check: str, snapshot: Snapshot) -> list[Verdict]:
    return [verdict for verdict in verdicts(check, snapshot) if verdict.outcome is Outcome.FAIL]


def broken(snapshot: Snapshot) -> set[str]:
    return {str(identity.ref) for identity in diagnose(snapshot).identities if identity.state is IdentityState.BROKEN}


def test_which_findings_concern_everybody() -> None:
    """In the cases of all checks, and with nothing known of nodes and pods."""
    of_everybody = set()
    for check in ALL:
        for snapshot in (FAILING.get(check.id, healthy()), ALTERED, NO_WEBHOOK):
            failed = (verdict for verdict in run_checks((check,), snapshot) if verdict.outcome is Outcome.FAIL)
            of_everybody |= {verdict.check for verdict in failed if "*" in verdict.chain}
    assert of_everybody == OF_EVERYBODY


NO_WEBHOOK = healthy(webhook=None)
ALTERED = healthy(webhook=WebhookRegistration(url="https://127.0.0.1:23443/mutate", on_create=False))
REFUSED = AddonIssue(code="AdmissionRequestDenied", message="denied")
TWO_AGENTS = (daemon_set(desired=2), daemon_set(name="pod-identity", desired=2))
VIOLATES = Known(('Error creating: pods "a" is forbidden: violates PodSecurity "restricted:latest"',))
CASES_OF_ADDON = [
    ("addon-degraded-or-failed", {"agent_addon": addon(status="UPDATE_FAILED")}),
    ("addon-degraded-or-failed", {"agent_addon": addon(status="DEGRADED", issues=(AddonIssue("AccessDenied", "no"),))}),
    ("addon-config-conflict", {"daemon_sets": TWO_AGENTS}),
    ("admission-policy-blocks-agent", {"agent_addon": addon(status="DEGRADED", issues=(REFUSED,))}),
]


@table(("check", "sections"), CASES_OF_ADDON)
@table(
    ("agents", "concerned"),
    [
        ((agent_pod(), agent_pod("node-2")), ()),
        ((agent_pod(),), ("shop/billing",)),
        ((agent_pod(), agent_pod("node-2", ready=False)), ("shop/billing",)),
        ((), ("shop/billing", "shop/orders")),
    ],
)
def test_pods_are_served_node_by_node(
    check: str, sections: dict[str, Any], agents: tuple[Any, ...], concerned: tuple[str, ...]
) -> None:
    snapshot = two_nodes(agent_pods=agents, **sections)
    assert {verdict.chain for verdict in failing(check, snapshot)} == {concerned}
    assert broken(snapshot) == set(concerned)


@pytest.mark.parametrize("kind", ["StatefulSet", "CloneSet", "Rollout"])
def test_a_failure_of_a_workload_affects_only_its_pods(kind: str) -> None:
    failed = FAILING["app-assumes-own-role"]
    (other,) = known(failed.pods)
    owned = replace(other, name="orders-0", labels={}, owner=OwnerRef(kind, "orders"))
    snapshot = replace(failed, pods=Known((pod(), owned)))
    (verdict,) = failing("app-assumes-own-role", snapshot)
    affected = set(concerned(verdict, snapshot).keys)
    assert [bool(affected & set(keys_of(item))) for item in (pod(), owned)] == [False, True]


@pytest.mark.parametrize(("check", "sections"), CASES_OF_ADDON[:2])
def test_where_no_node_is_seen_the_addon_counts_for_all(check: str, sections: dict[str, Any]) -> None:
    blind = two_nodes(**sections, nodes=DENIED)
    assert {verdict.chain for verdict in failing(check, blind)} == {("*",)}


@pytest.mark.parametrize(
    ("agents", "severity"), [((agent_pod(), agent_pod("node-2")), "warn"), ((agent_pod(),), "error")]
)
def test_what_eks_still_says_of_a_refusal_outlives_it(agents: tuple[Any, ...], severity: str) -> None:
    snapshot = two_nodes(agent_pods=agents, agent_addon=addon(status="DEGRADED", issues=(REFUSED,)))
    (verdict,) = failing("admission-policy-blocks-agent", snapshot)
    assert verdict.severity.value == severity
    (degraded,) = failing("addon-degraded-or-failed", snapshot)
    assert degraded.masked_by == ("admission-policy-blocks-agent" if severity == "error" else "")


@pytest.mark.parametrize(
    ("level", "severity"),
    [
        ("", ""),
        ("privileged", ""),
        ("baseline", "error"),
        ("restricted", "error"),
    ],
)
def test_a_namespace_that_refuses_the_agent_is_named_without_events(level: str, severity: str) -> None:
    snapshot = two_nodes(agent_pods=(agent_pod(),), pod_security={"kube-system": level}, agent_warnings=DENIED_EVENTS)
    assert [v.severity.value for v in failing("admission-policy-blocks-agent", snapshot)] == (
        [severity] if severity else []
    )


def test_nodes_that_a_refusal_leaves_without_an_agent_follow_from_it() -> None:
    """Those without associated pods as well."""
    nodes = (node(), node("node-2"), node("idle"))
    warned = {"kube-system/eks-pod-identity-agent": VIOLATES}
    snapshot = two_nodes(
        agent_pods=(agent_pod(),), nodes=nodes, agent_warnings=warned, daemon_sets=(daemon_set(desired=3),)
    )
    assert [(v.check, v.masked_by) for v in diagnose(snapshot).findings if v.link == 6] == [
        ("admission-policy-blocks-agent", ""),
        ("agent-not-on-node", "admission-policy-blocks-agent"),
        ("agent-not-on-node", "admission-policy-blocks-agent"),
    ]


def test_an_addon_that_could_not_be_made_explains_nodes_without_an_agent() -> None:
    snapshot = two_nodes(agent_pods=(), daemon_sets=(), agent_addon=addon(status="CREATE_FAILED"))
    assert {(v.check, v.masked_by) for v in diagnose(snapshot).findings if v.link == 6} == {
        ("addon-degraded-or-failed", ""),
        ("agent-not-on-node", "addon-degraded-or-failed"),
    }


def test_a_packet_filter_reaches_the_nodes_that_it_runs_on() -> None:
    rules = ("iptables -A INPUT -d 169.254.0.0/16 -j DROP",)
    block = daemon_set(name="block", images=(), args=(), firewall=rules)
    of_gpu = replace(block, placement=replace(block.placement, selector={"pool": "gpu"}))
    nodes = (node(), node("node-2", labels={"pool": "gpu"}))
    (verdict,) = failing("host-firewall-blocks-link-local", two_nodes(nodes=nodes, daemon_sets=(daemon_set(), of_gpu)))
    assert (verdict.chain, verdict.severity.value) == (("shop/billing",), "error")
    (idle,) = failing("host-firewall-blocks-link-local", two_nodes(daemon_sets=(daemon_set(), of_gpu)))
    assert (idle.chain, idle.severity.value) == ((), "warn")


@pytest.mark.parametrize(
    ("subnets", "chain", "severity"),
    [(("closed",), ("shop/billing",), "error"), (("closed", "open"), ("shop/billing",), "warn")],
    ids=["all of its subnets", "one of two"],
)
def test_a_closed_subnet_shuts_out_the_nodes_of_its_group(
    subnets: tuple[str, ...], chain: tuple[str, ...], severity: str
) -> None:
    shut = RouteTable(table_id="rtb-2", subnet_ids=("closed",), routes=(VpcRoute("10.0.0.0/16", "local"),))
    vpc = egress(VpcRoute("0.0.0.0/0", "nat-1"), endpoints=(REGISTRY,))
    groups = tuple(
        NodeGroup(name=name, status="ACTIVE", node_role_arn=NODE_ROLE_ARN, subnet_ids=ids)
        for name, ids in (("one", ("open",)), ("two", subnets))
    )
    nodes = (node(labels={NODE_GROUP_LABEL: "one"}), node("node-2", labels={NODE_GROUP_LABEL: "two"}))
    snapshot = two_nodes(egress=replace(vpc, tables=(*vpc.tables, shut)), node_groups=groups, nodes=nodes)
    (verdict,) = failing("eks-auth-unreachable", snapshot)
    assert (verdict.chain, verdict.severity.value) == (chain, severity)


def test_an_auto_mode_cluster_without_an_agent_is_judged_node_by_node() -> None:
    nodes = (node(), node("node-2", compute_type="auto", labels={}))
    snapshot = two_nodes(cluster=cluster(auto_mode=True), nodes=nodes, agent_pods=(), daemon_sets=(), agent_addon=None)
    assert broken(snapshot) == {"shop/orders"}

"""The agent and other add-ons, as text and as documents."""

import json
from dataclasses import replace
from typing import Any

from checks.builder import addon, agent_pod, cluster, daemon_set, node
from podid.domain.aws import AddonIssue, AddonVersion
from podid.domain.errors import AccessDenied, PodidError
from podid.domain.section import Unread
from podid.domain.snapshot import Known, Missing
from podid.domain.versions import offer_of
from podid.ops.addon.read import AddonMatrix, AddonRow
from podid.ops.agent.coverage import coverage
from podid.ops.agent.status import AgentReading, NodeRolePermission
from podid.ops.agent.versions import AgentVersions
from podid.render.agent import (
    AgentStatusListDocument,
    addon_list_view,
    agent_status_view,
    node_list_view,
    version_list_view,
)
from podid.render.formats import to_json
from podid.render.multicluster import results_view
from podid.render.view import View
from render.reports.sample import report_of
from render.shown import texts

NEWEST, DEFAULT, OLD = "v1.3.10-eksbuild.3", "v1.3.10-eksbuild.2", "v1.3.4-eksbuild.1"
SETS = (daemon_set(desired=2, ready=1),)
NODES = (node("node-1"), node("node-2"))
COVERED = coverage(NODES, SETS, [agent_pod("node-1")], {"node-1": {"shop/orders"}})
OFFERED = [
    AddonVersion(version=DEFAULT, default=True),
    AddonVersion(version=NEWEST, default=False),
    AddonVersion(version=OLD, default=False, compute_types=("fargate",)),
]


def versions(installed: str = OLD) -> AgentVersions:
    return AgentVersions(
        cluster="prod",
        platform="eks.9",
        installed=installed,
        offer=offer_of(cluster(), OFFERED),
        next_kubernetes="1.35",
        next_default=NEWEST,
    )


def reading(**members: Any) -> AgentReading:
    whole: dict[str, Any] = {
        "cluster": "prod",
        "addon": Known(addon(version=OLD, status="ACTIVE")),
        "daemon_sets": SETS,
        "coverage": COVERED,
        "missing": None,
        "node_roles": (NodeRolePermission("arn:aws:iam::1:role/nodes", "node group workers", allowed=False),),
        "untold": ("node-3",),
        "versions": versions(),
        "report": replace(report_of(), verdicts=()),
    }
    return AgentReading(**(whole | members))


def document(view: View) -> Any:
    return json.loads(to_json(view.document))


def test_the_state_of_the_agent() -> None:
    view = agent_status_view(reading())
    lines = texts(view.lines)
    assert lines[0] == "✓ agent of cluster prod  ready: 1 of 2 nodes have a Ready agent pod"
    assert lines[1] == "  missing  node-2: no agent pod on this node"
    facts = dict(line.split("  ", 1) for line in lines[2:] if "  " in line)
    facts = {name: text.strip() for name, text in facts.items()}
    assert facts["add-on"] == f"{OLD} ACTIVE"
    assert facts["offered"] == f"default {DEFAULT}, latest {NEWEST} for Kubernetes 1.34; default {NEWEST} for 1.35"
    assert facts["behind"].startswith(f"{OLD} is installed, but EKS's default for Kubernetes 1.34 is {DEFAULT}")
    assert facts["DaemonSets"] == "kube-system/eks-pod-identity-agent 1 of 2 ready"
    assert [line.partition("node role")[2].strip() for line in lines if line.startswith("node role")] == [
        "arn:aws:iam::1:role/nodes of node group workers cannot redeem tokens",
        "unknown for node-3: neither EKS nor EC2 reports it",
    ]
    failed = texts(agent_status_view(reading(untold_reason="IAM did not answer")).lines)
    assert "node role      unknown for node-3: IAM did not answer" in failed
    assert facts["managed nodes"] == "1 of 2 ready"
    body = document(view)
    assert (body["kind"], body["state"], body["offer"]["behind"]) == ("AgentStatus", "ready", True)
    assert body["coverage"]["kinds"][0]["expected"] == 2
    assert view.names == ("ready",)


def test_findings_are_a_line_for_each_cause() -> None:
    view = agent_status_view(reading(report=report_of()))
    lines = texts(view.lines)
    assert lines[0].startswith("✗ agent of cluster prod  broken: ")
    assert lines[1].startswith("✗ association-missing  ")
    assert "agent-not-on-node" not in " ".join(line for line in lines if line.startswith("✗"))
    assert [item["maskedBy"] is not None for item in document(view)["findings"]].count(True) == 1


def test_unread_parts_are_unknown_and_not_empty() -> None:
    denied = AccessDenied("x", permission="eks:DescribeAddonVersions")
    view = agent_status_view(
        reading(
            addon=Missing("denied", "eks:DescribeAddon"),
            daemon_sets=None,
            coverage=None,
            node_roles=None,
            versions=denied,
            missing=Missing("denied"),
        )
    )
    lines = texts(view.lines)
    assert lines[0].endswith(": nodes could not be read")
    assert [line for line in lines if line.startswith(("add-on", "offered"))] == [
        "add-on     not checked: denied",
        "offered    could not be read: x",
    ]
    body = document(view)
    assert [body[name] for name in ("addon", "offer", "daemonSets", "coverage", "nodeRoles")] == [None] * 5
    lines = texts(agent_status_view(reading(missing=Missing("denied"))).lines)
    assert [line for line in lines if line.startswith("needed by")] != []


def test_issues_of_an_add_on_are_explained() -> None:
    degraded = addon(
        version=OLD, status="DEGRADED", issues=(AddonIssue(code="AccessDenied", message="words", resource_ids=("a",)),)
    )
    (line,) = [
        line for line in texts(agent_status_view(reading(addon=Known(degraded))).lines) if line.startswith("add-on")
    ]
    assert line.endswith(f"{OLD} DEGRADED (AccessDenied, EKS may not change the cluster's objects: words (a))")


def test_several_clusters_are_a_list() -> None:
    failures: list[tuple[str, PodidError]] = [("red", AccessDenied("x", permission="eks:DescribeCluster"))]
    body = document(results_view([agent_status_view(reading())], failures, AgentStatusListDocument))
    assert ([item["clusterArn"] for item in body["items"]], len(body["failures"])) == ([report_of().cluster_arn], 1)


def test_nodes_are_listed_with_their_agent() -> None:
    view = node_list_view("prod", COVERED, ())
    rows = [[str(cell) for cell in row[:7]] for row in view.tables[0].rows]
    assert rows[0][:4] == ["node-1", "managed", "ready", "0"]
    assert rows[0][5] == "shop/orders"
    assert (rows[1][2], rows[1][6]) == ("missing", "no agent pod on this node")
    unknown = node_list_view("prod", coverage(NODES, SETS, []), [Unread("the pods", "not allowed")])
    assert unknown.unread == ("not checked: the pods: not allowed",)
    assert [str(row[5]) for row in unknown.tables[0].rows] == ["?", "?"]
    assert [item["needy"] for item in document(unknown)["items"]] == [None, None]


def test_versions_are_listed_newest_first() -> None:
    view = version_list_view(versions())
    rows = [[str(cell) for cell in row[:4]] for row in view.tables[0].rows]
    assert [row[:3] for row in rows] == [
        [NEWEST, "newest", "yes"],
        [DEFAULT, "default", "yes"],
        [OLD, "installed", "no"],
    ]
    assert rows[2][3] == "it does not support ec2 nodes, only fargate"
    body = document(view)
    assert (body["installed"], body["default"], body["latest"]) == (OLD, DEFAULT, NEWEST)
    assert [(item["fits"], item["latest"], item["installed"]) for item in body["items"]] == [
        (True, True, False),
        (True, False, False),
        (False, False, True),
    ]


def test_add_ons_are_a_row_for_each_service_account() -> None:
    plain = AddonRow(
        addon="vpc-cni", version="v1", installed=True, status="ACTIVE", namespace="kube-system", mechanism=None
    )
    known = replace(plain, service_account="aws-node", supported=True, mechanism="pod-identity", role_arn="arn:cni")
    view = addon_list_view(AddonMatrix("prod", (plain, known, replace(plain, addon="coredns", status="")), ("denied",)))
    rows = [[str(cell) for cell in row[:7]] for row in view.tables[0].rows]
    assert rows == [
        ["vpc-cni", "v1", "ACTIVE", "?", "?", "?", "?"],
        ["vpc-cni", "v1", "ACTIVE", "aws-node", "yes", "pod-identity", "arn:cni"],
        ["coredns", "v1", "not installed", "?", "?", "?", "?"],
    ]
    assert view.names == ("vpc-cni", "coredns")
    assert len(document(view)["items"]) == 3

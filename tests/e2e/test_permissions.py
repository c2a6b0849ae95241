"""Every right taken away by itself: never a quiet 0 with fewer facts, and always the name of what is missing."""

from typing import Any

import pytest

from cluster_api import Json
from harness import one_in
from podid.checks.all import ALL
from podid.kube.project_custom import CUSTOM
from podid.ops.reading.sections import permissions
from worlds import Site

IAM = permissions(ALL).iam
# without the first there is no report; the others are asked for only where a node is in no node group (tests/ops/agent)
NOT_HERE = {
    "eks:DescribeCluster",
    *("eks:ListAccessEntries", "eks:DescribeAccessEntry", "iam:GetInstanceProfile"),
    # and these for managed policies of the account's own (tests/ops/reading/test_roles_chained.py)
    *("iam:GetPolicy", "iam:GetPolicyVersion"),
    # and this for insights that are warnings or errors (below)
    "eks:DescribeInsight",
}
KUBERNETES = [(permission.group, permission.resource, permission.verb) for permission in permissions(ALL).kubernetes]
# asked for only where Cilium or Karpenter runs, where an envFrom names a ConfigMap, where an agent's pod is missing
# (events) or has crashed (pods/log), and where the cluster has a product's objects:
# tests/ops/reading/test_readings.py
SOMEWHERE = ("cilium.io", "karpenter.k8s.aws", *CUSTOM, "storage.k8s.io")
EVERYWHERE = [
    rule
    for rule in KUBERNETES
    if rule[0] not in SOMEWHERE and rule[1] not in ("configmaps", "events", "persistentvolumes", "leases", "pods/log")
]


def rules(without: tuple[str, str, str] | None = None) -> list[Json]:
    return [
        {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
        for group, resource, verb in KUBERNETES
        if (group, resource, verb) != without
    ]


def named(report: Any) -> set[str]:
    return {item["permission"] for item in report["unknowns"] if item["permission"]}


def test_the_permissions_that_show_permissions_prints_are_enough(shared: Site) -> None:
    printed = shared.must("doctor", "--show-permissions", "-o", "json").json
    (role,) = printed["kubernetes"]["items"]
    caller = shared.user("viewer", role["rules"])
    outcome = shared("doctor", "-o", "json", env=caller)
    assert (outcome.code, outcome.json["findings"], outcome.json["unknowns"]) == (0, [], [])
    granted = set(printed["iamPolicy"]["Statement"][0]["Action"])
    assert set(IAM) <= granted


@pytest.mark.parametrize(
    ("action", "explicit"),
    one_in(3, [(action, explicit) for action in IAM if action not in NOT_HERE for explicit in (False, True)]),
)
def test_an_iam_action_less(shared: Site, action: str, explicit: bool) -> None:
    shared.box.world.credentials.deny(action, explicit=explicit)
    outcome = shared("doctor", "-o", "json")
    report = outcome.json
    assert (outcome.code, report["findings"], named(report)) == (9, [], {action})
    assert "tool-aws-denied" in {item["id"] for item in report["unknowns"]}


def test_an_insight_that_cannot_be_read(shared: Site) -> None:
    insights = shared.box.world.clusters["demo"].insights
    insights["i-1"] = {"id": "i-1", "category": "UPGRADE_READINESS", "insightStatus": {"status": "ERROR"}}
    shared.box.world.credentials.deny("eks:DescribeInsight")
    outcome = shared("doctor", "-o", "json")
    insights.clear()
    assert (outcome.code, outcome.json["findings"], named(outcome.json)) == (9, [], {"eks:DescribeInsight"})


def test_the_missing_permission_is_named(shared: Site) -> None:
    shared.box.world.credentials.deny("iam:GetRole")
    text = shared("doctor")
    assert text.code == 9
    assert "iam:GetRole" in text.stdout


@pytest.mark.parametrize(
    "rule", one_in(2, [(rule,) for rule in EVERYWHERE]), ids=[" ".join(reversed(rule)).strip() for rule in EVERYWHERE]
)
def test_a_kubernetes_permission_less(shared: Site, rule: tuple[str, str, str]) -> None:
    caller = shared.user("viewer", rules(without=rule))
    outcome = shared("doctor", "-o", "json", env=caller)
    report = outcome.json
    _, resource, verb = rule
    if resource == "namespaces":  # the service accounts show which namespaces exist
        assert (outcome.code, report["findings"], report["unknowns"]) == (0, [], [])
        return
    assert (outcome.code, report["findings"]) == (9, [])
    assert all(permission.startswith(f"{verb} {resource}") for permission in named(report))
    assert named(report)
    assert "tool-k8s-rbac-denied" in {item["id"] for item in report["unknowns"]}


def test_allow_unknown_accepts_fewer_facts(shared: Site) -> None:
    shared.box.world.credentials.deny("iam:SimulatePrincipalPolicy")
    assert shared("doctor").code == 9
    assert shared("doctor", "--allow-unknown").code == 0


def test_no_describe_cluster_is_no_result(shared: Site) -> None:
    shared.box.world.credentials.deny("eks:DescribeCluster")
    outcome = shared("doctor", "-o", "json")
    assert (outcome.code, outcome.stdout, outcome.error["code"]) == (4, "", "AccessDenied")
    assert "eks:DescribeCluster" in outcome.error["message"]


def test_verify_names_the_missing_permissions_of_the_caller(shared: Site) -> None:
    shared.box.world.credentials.deny(
        "eks-auth:AssumeRoleForPodIdentity", access_key_id=shared.box.admin_key.access_key_id
    )
    outcome = shared("verify", "shop/orders", "--yes", "-o", "json")
    report = outcome.json
    assert (outcome.code, report["state"]) == (9, "ready")
    assert "eks-auth:AssumeRoleForPodIdentity" in {item["permission"] for item in report["notChecked"]}


def test_verify_without_the_permission_to_ask_for_tokens(shared: Site) -> None:
    caller = shared.user("viewer", [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}])
    outcome = shared("verify", "shop/orders", "--yes", "-o", "json", env=caller)
    assert (outcome.code, outcome.json["state"]) == (9, "unknown")
    lacking = {item["permission"] for item in outcome.json["notChecked"]}
    assert "create serviceaccounts/token in namespace shop" in lacking
    text = shared("verify", "shop/orders", "--yes", env=caller)
    assert text.code == 9
    assert "create serviceaccounts/token in namespace shop" in text.stdout


def test_verify_proves_the_role_pod_by_pod(shared: Site) -> None:
    report = shared.must("verify", "shop/orders", "--yes", "-o", "json").json
    assert [pod["name"] for pod in report["pods"]] == shared.cluster.pod_names("shop")
    role = "arn:aws:iam::111122223333:role/shop-orders"
    assert (report["state"], report["reason"]) == ("verified", None)
    assert {pod["token"]["roleArn"] for pod in report["pods"]} == {role}


def test_verify_of_several_is_one_report_each_and_the_worst_code(shared: Site) -> None:
    """A namespace is always a list, and one service account of two that has no pods leaves the whole undecided."""
    listed = shared.must("verify", "-n", "shop", "--yes", "-o", "json").json
    assert (listed["kind"], [item["serviceAccount"] for item in listed["items"]]) == ("IdentityStatusList", ["orders"])
    shared.must("associate", "shop/idle", "--role", "shop-orders", "--update-trust", "--wait", "api")
    for argv in (("-A",), ("shop/idle", "shop/orders")):
        several = shared("verify", *argv, "--yes", "-o", "json")
        states = {item["serviceAccount"]: item["state"] for item in several.json["items"]}
        assert (several.code, states) == (9, {"idle": "doubtful", "orders": "verified"})
    text = shared("verify", "-A", "--yes").stdout
    assert "! shop/idle  doubtful at link 1 association: association-sa-not-found\n" in text
    assert "✓ shop/orders  verified  role shop-orders, 2 pods\n" in text
    nothing = shared("verify", "-n", "nosuch", "--yes")
    assert (nothing.code, nothing.stdout) == (5, "")
    assert shared("verify", "-A", "shop/orders", "--yes").code == 2
    assert shared("verify", "-A").code == 2

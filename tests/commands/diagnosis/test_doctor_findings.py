"""Faults in a cluster as findings, alone and together."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from podid.sandbox.world import AddonFault
from worlds import ACCOUNT, AGENT, CLUSTER_ARN, Site

APPS = "/apis/apps/v1/namespaces"
WEBHOOK = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/pod-identity-webhook"


def read(site: Site, *more: str) -> tuple[int, dict[str, Any]]:
    outcome = site("doctor", "-o", "json", *more)
    assert outcome.stderr == ""
    return outcome.code, outcome.json


def named(report: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(id, severity, subject) of the findings that no other one explains."""
    return [
        (
            item["id"],
            item["severity"],
            "/".join(part for part in (item["subject"]["namespace"], item["subject"]["name"]) if part),
        )
        for item in report["findings"]
        if item["maskedBy"] is None
    ]


def test_a_healthy_cluster_has_nothing_to_report(healthy: Site) -> None:
    code, report = read(healthy)
    assert (code, report["findings"], report["unknowns"]) == (0, [], [])
    assert report["summary"] == {
        "error": 0, "warn": 0, "info": 0, "unknown": 0, "pass": report["summary"]["pass"], "masked": 0, "accepted": 0,
    }  # fmt: skip
    assert report["summary"]["pass"] > 20
    text = healthy.must("doctor")
    assert text.stdout.startswith("✓ shop/orders  ready")
    assert "✓ No problems found: " in text.stdout


def agent_pod_unhealthy(site: Site) -> str:
    first = site.cluster.pods("kube-system")[0]
    site.kube.faults.agent_not_ready.add(first["spec"]["nodeName"])
    site.wait(150)
    return f"kube-system/{first['metadata']['name']}"


def sa_not_found(site: Site) -> str:
    site.associate("payments", "bilingworker")
    return "payments/bilingworker"


def statement(**more: Any) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "pods.eks.amazonaws.com"},
                "Action": ["sts:AssumeRole", "sts:TagSession"],
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": ACCOUNT},
                    "ArnEquals": {"aws:SourceArn": CLUSTER_ARN},
                },
                **more,
            }
        ],
    }


def predates(site: Site) -> str:
    site.associate("payments", "billing-worker")
    site.wait(90)
    return "payments/billing-worker"


def sets(site: Site, **env: str) -> str:
    """The template of shop/orders with variables of its own, its pods replaced."""
    return gives(site, env=[{"name": name, "value": value} for name, value in env.items()])


def gives(site: Site, **members: Any) -> str:
    """The template's container with more members, its pods replaced."""
    path = f"{APPS}/shop/deployments/orders"
    (container,) = site.cluster.get(path)["spec"]["template"]["spec"]["containers"]
    container.update(members)
    site.cluster.merge(path, {"spec": {"template": {"spec": {"containers": [container]}}}})
    site.wait(30)
    return "shop/orders"


def keys_from_a_config_map(site: Site) -> str:
    data = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "shhh"}
    config = {"metadata": {"name": "settings"}, "data": data}
    site.cluster.post("/api/v1/namespaces/shop/configmaps", config)
    return gives(site, envFrom=[{"configMapRef": {"name": "settings"}}])


def empty_uri(site: Site) -> str:
    return sets(site, AWS_CONTAINER_CREDENTIALS_FULL_URI="")


def webhook_gone(site: Site) -> str:
    site.cluster.delete(WEBHOOK)
    return "pod-identity-webhook"


CASES: list[tuple[str, Callable[[Site], str]]] = [
    ("static-aws-keys-shadow", keys_from_a_config_map),
    ("injected-fields-hardcoded", empty_uri),
    ("injection-missed-webhook", webhook_gone),
]


@pytest.mark.parametrize(("check", "provoke"), CASES, ids=[provoke.__name__ for _, provoke in CASES])
def test_a_fault_is_the_only_finding(healthy: Site, check: str, provoke: Callable[[Site], str]) -> None:
    subject = provoke(healthy)
    code, report = read(healthy)
    assert named(report) == [(check, "error", subject)]
    assert {item["maskedBy"] for item in report["findings"]} <= {None, check}
    assert (code, report["unknowns"]) == (3, [])
    assert {(item["state"], item["id"]) for item in report["identities"]} == {("broken", check)}


def mounted_file(site: Site) -> str:
    path = f"{APPS}/shop/deployments/orders"
    (container,) = site.cluster.get(path)["spec"]["template"]["spec"]["containers"]
    container["volumeMounts"] = [{"name": "aws", "mountPath": "/root/.aws"}]
    spec = {"containers": [container], "volumes": [{"name": "aws", "secret": {"secretName": "aws"}}]}
    site.cluster.merge(path, {"spec": {"template": {"spec": spec}}})
    site.wait(30)
    return "shop/orders"


def test_a_mounted_credentials_file_is_a_warning(healthy: Site) -> None:
    subject = mounted_file(healthy)
    code, report = read(healthy)
    assert (code, named(report), report["unknowns"]) == (0, [("static-aws-keys-shadow", "warn", subject)], [])


def test_a_mistyped_service_account_and_the_nearest_name(healthy: Site) -> None:
    sa_not_found(healthy)
    _, report = read(healthy)
    (finding,) = report["findings"]
    assert finding["message"].endswith("does not exist; did you mean payments/billing-worker?")
    assert finding["evidence"] == [
        "service accounts with a similar name and no association: billing-worker",
        "if you plan to create this service account, leave the association unchanged",
    ]
    role = f"arn:aws:iam::{ACCOUNT}:role/storefront"
    assert finding["fix"]["commands"] == [
        ["podid", "associate", "payments/billing-worker", "--role", role, "--cluster", "demo"],
        ["podid", "disassociate", "payments/bilingworker", "--cluster", "demo"],
    ]


@pytest.mark.parametrize("level", ["warn", "info"])
def test_fail_on_decides_the_exit_code_of_warnings_and_notes(healthy: Site, level: str) -> None:
    if level == "warn":
        healthy.associate("paymnets", "billing-worker")
        expected = ("association-namespace-not-found", "warn", "paymnets/billing-worker")
    else:
        template = {"spec": {"template": {"spec": {"hostNetwork": True}}}}
        healthy.cluster.merge(f"{APPS}/shop/deployments/orders", template)
        healthy.wait(15)
        expected = ("host-network-pod", "info", "shop/orders")
    code, report = read(healthy)
    assert (code, named(report), report["unknowns"]) == (0, [expected], [])
    code, report = read(healthy, "--fail-on", level)
    assert (code, named(report)) == (3, [expected])


def test_an_addon_without_all_replicas_follows_from_the_unhealthy_pod(healthy: Site) -> None:
    pod = agent_pod_unhealthy(healthy)
    healthy.box.world.addon_faults[AGENT] = AddonFault("DEGRADED")
    healthy.aws("eks").update_addon(clusterName="demo", addonName=AGENT, configurationValues="{}")
    healthy.wait(15)
    code, report = read(healthy)
    assert (code, named(report)) == (3, [("agent-pod-unhealthy", "error", pod)])
    assert [(item["id"], item["maskedBy"]) for item in report["findings"] if item["maskedBy"]] == [
        ("addon-degraded-or-failed", "agent-pod-unhealthy")
    ]


def test_old_pods_do_not_mask_a_missing_role(healthy: Site) -> None:
    """Pods that are too old for their association, on a role that does not exist either."""
    predates(healthy)
    healthy.aws("iam").create_role(RoleName="gone", AssumeRolePolicyDocument=json.dumps(statement()))
    healthy.associate("legacy", "reports", "gone")
    healthy.aws("iam").delete_role(RoleName="gone")
    healthy.wait(90)
    code, report = read(healthy)
    assert (code, named(report)) == (
        3,
        [
            ("pod-predates-association", "error", "payments/billing-worker"),
            ("irsa-env-still-active", "error", "legacy/reports"),
            ("role-not-found", "error", "gone"),
        ],
    )
    causes = {f"{item['namespace']}/{item['serviceAccount']}": item["id"] for item in report["identities"]}
    # which a restart would not mend
    assert causes["legacy/reports"] == "role-not-found"


def test_findings_decide_the_exit_code_before_unknowns(healthy: Site) -> None:
    healthy.box.world.credentials.deny("iam:GetRole")
    healthy.associate("payments", "bilingworker")
    outcome = healthy("doctor", "-o", "json")
    assert (outcome.code, [item["id"] for item in outcome.json["findings"]]) == (3, ["association-sa-not-found"])
    assert {item["permission"] for item in outcome.json["unknowns"]} == {"iam:GetRole"}
    assert healthy("doctor", "--allow-unknown").code == 3


def test_a_secret_that_podid_does_not_read_is_unknown(healthy: Site) -> None:
    gives(healthy, envFrom=[{"secretRef": {"name": "keys"}}])
    code, report = read(healthy)
    assert (code, report["findings"]) == (0, [])
    assert [(item["id"], item["severity"], item["reason"]) for item in report["unknowns"]] == [
        ("static-aws-keys-shadow", "warn", "podid does not read Secrets")
    ]


def test_verify_reports_a_broken_trust_policy(healthy: Site) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    healthy.trust("shop-orders", trust)
    healthy.wait(5)
    outcome = healthy("verify", "shop/orders", "--yes", "-o", "json")
    assert (outcome.code, outcome.json["state"], outcome.json["link"]) == (3, "broken", 9)
    assert [pod["link"] for pod in outcome.json["pods"]] == [9, 9]

"""Each of the first checks, provoked once on an account that is otherwise whole: it is named, and nothing beside it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from podid.sandbox import baseline
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
    assert text.stdout.startswith("cluster demo\n")
    assert " checks found nothing wrong; " in text.stdout


def agent_not_installed(site: Site) -> str:
    site.aws("eks").delete_addon(clusterName="demo", addonName=AGENT)
    site.wait(15)
    return "demo"


def agent_pod_unhealthy(site: Site) -> str:
    first = site.cluster.pods("kube-system")[0]
    site.kube.faults.agent_crashing[first["spec"]["nodeName"]] = "Unable to start server"
    site.wait(150)
    return f"kube-system/{first['metadata']['name']}"


def agent_not_on_node(site: Site) -> str:
    """A taint that the add-on's configuration no longer tolerates, on the node of a pod."""
    site.aws("eks").update_addon(
        clusterName="demo",
        addonName=AGENT,
        configurationValues=json.dumps({"tolerations": [{"key": "other", "operator": "Exists"}]}),
        resolveConflicts="PRESERVE",
    )
    site.wait(15)
    node = site.cluster.pods("shop", "orders")[0]["spec"]["nodeName"]
    site.cluster.merge(f"/api/v1/nodes/{node}", {"spec": {"taints": [{"key": "gpu", "effect": "NoExecute"}]}})
    site.cluster.merge(
        f"{APPS}/shop/deployments/orders",
        {"spec": {"template": {"spec": {"tolerations": [{"operator": "Exists"}], "nodeName": node}}}},
    )
    for pod in site.cluster.pods("kube-system"):
        if pod["spec"].get("nodeName") == node:
            site.cluster.delete(f"/api/v1/namespaces/kube-system/pods/{pod['metadata']['name']}")
    site.wait(150)
    return str(node)


def addon_degraded(site: Site) -> str:
    addons = site.box.world.clusters["demo"].addons
    site.box.world.addon_faults[AGENT] = AddonFault("DEGRADED", "AccessDenied", "The add-on may not be updated.")
    site.aws("eks").update_addon(clusterName="demo", addonName=AGENT, configurationValues="{}")
    site.wait(15)
    assert addons[AGENT].status == "DEGRADED"
    return AGENT


def sa_not_found(site: Site) -> str:
    site.associate("payments", "bilingworker")
    return "payments/bilingworker"


def sa_mismatch(site: Site) -> str:
    site.cluster.make_namespace("web")
    site.cluster.make_account("web", "storefront")
    site.associate("web", "storefront")
    site.cluster.make_workload("Deployment", "web", "storefront", "default")
    site.wait(10)
    return "web/storefront"


def role_not_found(site: Site) -> str:
    iam = site.aws("iam")
    for name in iam.list_role_policies(RoleName="shop-orders")["PolicyNames"]:
        iam.delete_role_policy(RoleName="shop-orders", PolicyName=name)
    for policy in iam.list_attached_role_policies(RoleName="shop-orders")["AttachedPolicies"]:
        iam.detach_role_policy(RoleName="shop-orders", PolicyArn=policy["PolicyArn"])
    iam.delete_role(RoleName="shop-orders")
    return "shop-orders"


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


def no_tag_session(site: Site) -> str:
    site.trust("shop-orders", statement(Action="sts:AssumeRole"))
    return "shop-orders"


def wrong_principal(site: Site) -> str:
    site.trust("shop-orders", statement(Principal={"Service": "ec2.amazonaws.com"}, Action="sts:AssumeRole"))
    return "shop-orders"


def never_matches(site: Site) -> str:
    other = CLUSTER_ARN.replace("demo", "other")
    site.trust("shop-orders", statement(Condition={"ArnEquals": {"aws:SourceArn": other}}))
    return "shop-orders"


def predates(site: Site) -> str:
    site.associate("payments", "billing-worker")
    site.wait(90)
    return "payments/billing-worker"


def node_role(site: Site) -> str:
    policy = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"
    site.aws("iam").detach_role_policy(RoleName=baseline.NODE_ROLE, PolicyArn=policy)
    return baseline.NODE_ROLE


def irsa(site: Site) -> str:
    site.associate("legacy", "reports")
    site.wait(90)
    return "legacy/reports"


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


def static_keys(site: Site) -> str:
    return sets(site, AWS_ACCESS_KEY_ID="AKIAIOSFODNN7EXAMPLE", AWS_SECRET_ACCESS_KEY="shhh")


def keys_from_a_config_map(site: Site) -> str:
    data = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "shhh"}
    config = {"metadata": {"name": "settings"}, "data": data}
    site.cluster.post("/api/v1/namespaces/shop/configmaps", config)
    return gives(site, envFrom=[{"configMapRef": {"name": "settings"}}])


def empty_uri(site: Site) -> str:
    return sets(site, AWS_CONTAINER_CREDENTIALS_FULL_URI="")


def irsa_beside(site: Site) -> str:
    return sets(site, AWS_ROLE_ARN=f"arn:aws:iam::{ACCOUNT}:role/old", AWS_WEB_IDENTITY_TOKEN_FILE="/t")


def other_uri(site: Site) -> str:
    return sets(site, AWS_CONTAINER_CREDENTIALS_FULL_URI="http://localhost:9911/credentials")


def missed(site: Site) -> str:
    site.wait(120)
    site.kube.faults.webhook_misses = 1
    (first, *_) = site.cluster.pod_names("shop", "orders")
    site.cluster.delete(f"/api/v1/namespaces/shop/pods/{first}")
    site.wait(10)
    return "shop/orders"


def webhook_gone(site: Site) -> str:
    site.cluster.delete(WEBHOOK)
    return "pod-identity-webhook"


def webhook_of_nobody(site: Site) -> str:
    """The association has to be old enough for a pod without credentials to be no matter of time."""
    site.wait(120)
    webhook = {**site.cluster.get(WEBHOOK)["webhooks"][0], "objectSelector": {"matchLabels": {"inject": "yes"}}}
    site.cluster.merge(WEBHOOK, {"webhooks": [webhook]})
    for name in site.cluster.pod_names("shop", "orders"):
        site.cluster.delete(f"/api/v1/namespaces/shop/pods/{name}")
    site.wait(30)
    return "pod-identity-webhook"


def agent_image(site: Site) -> str:
    first = site.cluster.pods("kube-system")[0]
    site.kube.faults.image_pull_failing.add(first["spec"]["containers"][0]["image"])
    for pod in site.cluster.pods("kube-system")[1:]:
        site.kube.faults.kubelet_unreachable.add(pod["spec"]["nodeName"])
    site.cluster.delete(f"/api/v1/namespaces/kube-system/pods/{first['metadata']['name']}")
    site.wait(150)
    (made,) = [p for p in site.cluster.pods("kube-system") if p["spec"]["nodeName"] == first["spec"]["nodeName"]]
    return f"kube-system/{made['metadata']['name']}"


def another_cluster(site: Site) -> str:
    path = f"{APPS}/kube-system/daemonsets/{AGENT}"
    (container,) = site.cluster.get(path)["spec"]["template"]["spec"]["containers"]
    container["args"] = ["staging" if word == "demo" else word for word in container["args"]]
    site.cluster.merge(path, {"spec": {"template": {"spec": {"containers": [container]}}}})
    site.wait(150)
    return f"kube-system/{AGENT}"


CASES: dict[str, list[Callable[[Site], str]]] = {
    "agent-not-installed": [agent_not_installed],
    "agent-pod-unhealthy": [agent_pod_unhealthy],
    "agent-image-pull": [agent_image],
    "self-managed-cluster-name-wrong": [another_cluster],
    "webhook-config-altered": [webhook_of_nobody],
    "agent-not-on-node": [agent_not_on_node],
    "addon-degraded-or-failed": [addon_degraded],
    "association-sa-not-found": [sa_not_found],
    "sa-mismatch": [sa_mismatch],
    "role-not-found": [role_not_found],
    "trust-missing-tag-session": [no_tag_session],
    "trust-wrong-principal": [wrong_principal],
    "trust-condition-never-matches": [never_matches],
    "pod-predates-association": [predates],
    "node-role-missing-eks-auth": [node_role],
    "irsa-env-still-active": [irsa],
    "static-aws-keys-shadow": [static_keys, keys_from_a_config_map],
    "irsa-env-hardcoded": [irsa_beside],
    "injected-fields-hardcoded": [other_uri, empty_uri],
    "injection-missed-webhook": [missed, webhook_gone],
}


@pytest.mark.parametrize(
    ("check", "provoke"),
    [pytest.param(check, each, id=each.__name__) for check, found in CASES.items() for each in found],
)
def test_each_is_named_and_nothing_beside_it(healthy: Site, check: str, provoke: Callable[[Site], str]) -> None:
    subject = provoke(healthy)
    code, report = read(healthy)
    assert named(report) == [(check, "error", subject)]
    assert {item["maskedBy"] for item in report["findings"]} <= {None, check}
    assert (code, report["unknowns"]) == (3, [])
    assert {item["id"] for item in report["firstBroken"]} == {check}
    text = healthy("doctor")
    assert text.code == 3
    assert check in text.stdout


def opted_out(site: Site) -> str:
    template = {"metadata": {"annotations": {"eks.amazonaws.com/skip-containers": "app"}}}
    (container,) = site.cluster.get(f"{APPS}/shop/deployments/orders")["spec"]["template"]["spec"]["containers"]
    template["metadata"]["annotations"]["eks.amazonaws.com/skip-containers"] = container["name"]
    site.cluster.merge(f"{APPS}/shop/deployments/orders", {"spec": {"template": template}})
    site.wait(30)
    return "shop/orders"


def annotated(site: Site) -> str:
    role = {"eks.amazonaws.com/role-arn": f"arn:aws:iam::{ACCOUNT}:role/old"}
    site.cluster.merge("/api/v1/namespaces/shop/serviceaccounts/orders", {"metadata": {"annotations": role}})
    return "shop/orders"


def made_again(site: Site) -> str:
    site.cluster.delete("/api/v1/namespaces/shop/serviceaccounts/orders")
    site.cluster.make_account("shop", "orders")
    return "shop/orders"


def no_policies(site: Site) -> str:
    site.aws("iam").delete_role_policy(RoleName="shop-orders", PolicyName="dynamodb-read")
    return "shop-orders"


def for_default(site: Site) -> str:
    site.cluster.make_namespace("web")
    site.associate("web", "default")
    return "web/default"


def mounted_file(site: Site) -> str:
    path = f"{APPS}/shop/deployments/orders"
    (container,) = site.cluster.get(path)["spec"]["template"]["spec"]["containers"]
    container["volumeMounts"] = [{"name": "aws", "mountPath": "/root/.aws"}]
    spec = {"containers": [container], "volumes": [{"name": "aws", "secret": {"secretName": "aws"}}]}
    site.cluster.merge(path, {"spec": {"template": {"spec": spec}}})
    site.wait(30)
    return "shop/orders"


@pytest.mark.parametrize(
    ("check", "severity", "provoke"),
    [
        ("injection-opted-out", "info", opted_out),
        ("irsa-annotation-leftover", "info", annotated),
        ("sa-recreated-token-invalid", "warn", made_again),
        ("role-no-permissions", "warn", no_policies),
        ("default-sa-association", "warn", for_default),
        ("static-aws-keys-shadow", "warn", mounted_file),
    ],
)
def test_what_is_worth_a_word_only(healthy: Site, check: str, severity: str, provoke: Callable[[Site], str]) -> None:
    healthy.wait(5)  # times of Kubernetes are whole seconds
    subject = provoke(healthy)
    code, report = read(healthy)
    assert (code, named(report), report["unknowns"]) == (0, [(check, severity, subject)], [])


def test_an_agent_that_was_given_credentials(healthy: Site) -> None:
    """Its service account is annotated for IRSA, and the DaemonSet does not ask to be left alone."""
    path = f"{APPS}/kube-system/daemonsets/{AGENT}"
    (container,) = healthy.cluster.get(path)["spec"]["template"]["spec"]["containers"]
    container["env"] = [{"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "/var/run/secrets/token"}]
    healthy.cluster.merge(path, {"spec": {"template": {"spec": {"containers": [container]}}}})
    healthy.wait(180)
    code, report = read(healthy)
    assert (code, named(report)) == (3, [("agent-hijacked-by-default-sa", "error", "kube-system/default")])


def test_a_mistyped_service_account_comes_with_the_nearest_name(healthy: Site) -> None:
    sa_not_found(healthy)
    _, report = read(healthy)
    (finding,) = report["findings"]
    assert finding["message"].endswith("but no such service account exists; did you mean payments/billing-worker?")
    assert finding["evidence"] == ["service accounts with a similar name and no association: billing-worker"]
    role = f"arn:aws:iam::{ACCOUNT}:role/storefront"
    assert finding["fix"]["commands"] == [
        ["podid", "associate", "payments/billing-worker", "--role", role, "--cluster", "demo"],
        ["podid", "disassociate", "payments/bilingworker", "--cluster", "demo"],
    ]


@pytest.mark.parametrize("level", ["warn", "info"])
def test_what_is_below_an_error_changes_the_code_only_when_asked(healthy: Site, level: str) -> None:
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


def test_an_addon_that_only_lacks_replicas_is_the_unhealthy_pod_again(healthy: Site) -> None:
    pod = agent_pod_unhealthy(healthy)
    healthy.box.world.addon_faults[AGENT] = AddonFault("DEGRADED")
    healthy.aws("eks").update_addon(clusterName="demo", addonName=AGENT, configurationValues="{}")
    healthy.wait(15)
    code, report = read(healthy)
    assert (code, named(report)) == (3, [("agent-pod-unhealthy", "error", pod)])
    assert [(item["id"], item["maskedBy"]) for item in report["findings"] if item["maskedBy"]] == [
        ("addon-degraded-or-failed", "agent-pod-unhealthy")
    ]


def test_the_first_broken_link_masks_those_behind_it(healthy: Site) -> None:
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
        ],
    )
    assert [(item["id"], item["maskedBy"]) for item in report["findings"] if item["maskedBy"]] == [
        ("role-not-found", "irsa-env-still-active")
    ]


def test_findings_outweigh_what_could_not_be_seen(healthy: Site) -> None:
    healthy.box.world.credentials.deny("iam:GetRole")
    healthy.associate("payments", "bilingworker")
    outcome = healthy("doctor", "-o", "json")
    assert (outcome.code, [item["id"] for item in outcome.json["findings"]]) == (3, ["association-sa-not-found"])
    assert {item["permission"] for item in outcome.json["unknowns"]} == {"iam:GetRole"}
    assert healthy("doctor", "--allow-unknown").code == 3


def test_a_secret_that_podid_does_not_read_is_told_and_is_no_alarm(healthy: Site) -> None:
    gives(healthy, envFrom=[{"secretRef": {"name": "keys"}}])
    code, report = read(healthy)
    assert (code, report["findings"]) == (0, [])
    assert [(item["id"], item["severity"], item["reason"]) for item in report["unknowns"]] == [
        ("static-aws-keys-shadow", "warn", "podid does not read Secrets")
    ]


def test_verify_sees_a_broken_trust(healthy: Site) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    healthy.trust("shop-orders", trust)
    healthy.wait(5)
    outcome = healthy("verify", "shop/orders", "--yes", "-o", "json")
    assert (outcome.code, outcome.json["state"], outcome.json["link"]) == (3, "failed", 9)
    assert [pod["link"] for pod in outcome.json["pods"]] == [9, 9]

"""Unusual clusters that are in order: no finding, and no unknown verdict."""

from typing import Any

from worlds import Site


def quiet(site: Site, *argv: str) -> dict[str, Any]:
    outcome = site("doctor", "-o", "json", *argv)
    report: dict[str, Any] = outcome.json
    assert (outcome.code, report["findings"], report["unknowns"]) == (0, [], [])
    return report


def test_a_job_that_ended_before_its_association_was_made(site: Site) -> None:
    site.must("install-agent")
    site.must("role", "create", "shop-orders", "--for", "shop/orders", "--managed-policy", "AmazonS3ReadOnlyAccess")
    site.cluster.make_workload("Job", "shop", "import", "orders")
    site.wait(20)
    assert [pod["status"]["phase"] for pod in site.cluster.pods("shop", "import")] == ["Succeeded"]
    site.must("associate", "shop/orders", "--role", "shop-orders", "--restart")
    site.wait(30)
    quiet(site)


def test_a_pod_with_the_label_to_skip_injection(healthy: Site) -> None:
    body = {
        "metadata": {"name": "plain", "labels": {"eks.amazonaws.com/skip-pod-identity-webhook": "true"}},
        "spec": {"serviceAccountName": "orders", "containers": [{"name": "app", "image": "busybox"}]},
    }
    healthy.cluster.post("/api/v1/namespaces/shop/pods", body)
    healthy.wait(10)
    outcome = healthy("doctor", "-o", "json")
    (note,) = outcome.json["findings"]
    assert (outcome.code, note["id"], note["severity"]) == (0, "injection-opted-out", "info")
    assert outcome.json["unknowns"] == []


def test_nodes_that_run_no_agent(healthy: Site) -> None:
    compute = "eks.amazonaws.com/compute-type"
    healthy.kube.add_node(
        "10.0.9.1", "i-0000000000000fa01", labels={compute: "fargate", "eks.amazonaws.com/nodegroup": ""}
    )
    healthy.kube.add_node(
        "10.0.9.2", "i-0000000000000au01", labels={compute: "auto", "eks.amazonaws.com/nodegroup": ""}
    )
    windows = healthy.kube.add_node("10.0.9.3", "i-0000000000000wi01", labels={"kubernetes.io/os": "windows"})
    path = f"/api/v1/nodes/{windows['metadata']['name']}/status"
    healthy.cluster.merge(path, {"status": {"nodeInfo": {"operatingSystem": "windows"}}})
    healthy.wait(150)
    quiet(healthy)


def test_a_node_that_has_just_joined(healthy: Site) -> None:
    healthy.kube.add_node("10.0.9.4", "i-0000000000000ne01")
    healthy.kube.poke()
    quiet(healthy)
    healthy.wait(150)
    quiet(healthy)


def test_a_node_that_is_down(healthy: Site) -> None:
    node = healthy.cluster.pods("kube-system")[0]["spec"]["nodeName"]
    healthy.kube.faults.kubelet_unreachable.add(node)
    healthy.wait(150)
    quiet(healthy)


def test_variables_that_leave_the_credentials_in_use(healthy: Site) -> None:
    path = "/apis/apps/v1/namespaces/shop/deployments/orders"
    (container,) = healthy.cluster.get(path)["spec"]["template"]["spec"]["containers"]
    plain = {
        "AWS_REGION": "eu-west-1",
        "AWS_CONFIG_FILE": "/etc/aws",
        "AWS_PROFILE": "default",
        "AWS_ACCESS_KEY_ID": "",
    }
    container["env"] = [{"name": name, "value": value} for name, value in plain.items()]
    healthy.cluster.merge(path, {"spec": {"template": {"spec": {"containers": [container]}}}})
    healthy.wait(30)
    quiet(healthy)


def test_settings_that_sdks_ignore(healthy: Site) -> None:
    """A ConfigMap of the application's, one that is not there, a cache where SDKs keep their files, empty variables."""
    data = {"LOG_LEVEL": "debug", "AWS_REGION": "eu-west-1"}
    healthy.cluster.post("/api/v1/namespaces/shop/configmaps", {"metadata": {"name": "settings"}, "data": data})
    path = "/apis/apps/v1/namespaces/shop/deployments/orders"
    (container,) = healthy.cluster.get(path)["spec"]["template"]["spec"]["containers"]
    sources = [{"configMapRef": {"name": name, "optional": True}} for name in ("settings", "absent")]
    container |= {
        "envFrom": sources,
        "env": [{"name": "AWS_ROLE_ARN", "value": ""}, {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": ""}],
        "volumeMounts": [{"name": "cache", "mountPath": "/root/.aws"}],
    }
    spec = {"containers": [container], "volumes": [{"name": "cache", "emptyDir": {}}]}
    healthy.cluster.merge(path, {"spec": {"template": {"spec": spec}}})
    healthy.wait(30)
    quiet(healthy)


def test_automount_disabled_is_a_note_on_request(healthy: Site) -> None:
    """A note for whoever asks about the service account, and no finding for anybody else."""
    path = "/apis/apps/v1/namespaces/shop/deployments/orders"
    healthy.cluster.merge(path, {"spec": {"template": {"spec": {"automountServiceAccountToken": False}}}})
    healthy.wait(60)
    quiet(healthy)
    quiet(healthy, "-n", "shop")
    asked = healthy("doctor", "shop/orders", "-o", "json")
    assert (asked.code, [item["id"] for item in asked.json["findings"]]) == (0, ["automount-false"])


def test_right_after_a_restart(healthy: Site) -> None:
    healthy.must("restart", "shop/orders")
    quiet(healthy)


def test_an_association_whose_workload_has_no_replicas(healthy: Site) -> None:
    healthy.cluster.merge("/apis/apps/v1/namespaces/shop/deployments/orders", {"spec": {"replicas": 0}})
    healthy.wait(15)
    quiet(healthy)


def test_a_fault_in_another_namespace(healthy: Site) -> None:
    """A fault of another namespace is not theirs."""
    healthy.associate("payments", "bilingworker")
    for argv in (("-n", "shop"), ("shop/orders",), ("deploy/shop/orders",)):
        quiet(healthy, *argv)
    pod = healthy.cluster.pod_names("shop", "orders")[0]
    quiet(healthy, f"pod/shop/{pod}")
    assert healthy("doctor", "-n", "payments").code == 3


def test_a_caller_with_permissions_in_one_namespace_gets_unknowns(healthy: Site) -> None:
    rules = [
        {
            "namespace": "shop",
            "apiGroups": ["", "apps", "batch", "networking.k8s.io"],
            "resources": ["*"],
            "verbs": ["list", "get"],
        },
    ]
    caller = healthy.user("tenant", rules)
    outcome = healthy("doctor", "-n", "shop", "-o", "json", env=caller)
    assert (outcome.code, outcome.json["findings"]) == (9, [])
    assert {item["permission"] for item in outcome.json["unknowns"]} == {
        "list nodes (cluster-wide)",
        "list daemonsets.apps (cluster-wide)",
        "get mutatingwebhookconfigurations.admissionregistration.k8s.io (cluster-wide)",
        "list leases.coordination.k8s.io in namespace kube-node-lease",
    }


def test_a_hybrid_node_without_an_associated_pod_is_a_note(healthy: Site) -> None:
    compute = {"eks.amazonaws.com/compute-type": "hybrid", "eks.amazonaws.com/nodegroup": ""}
    node = healthy.kube.add_node("10.0.9.7", "mi-0000000000000hy01", labels=compute)
    healthy.wait(150)
    outcome = healthy("doctor", "-o", "json", "--check", "hybrid-daemonset-missing")
    (note,) = outcome.json["findings"]
    assert (outcome.code, note["severity"], note["subject"]["name"]) == (0, "info", node["metadata"]["name"])
    healthy.must("install-agent", "--config", "daemonsets.hybrid.create=true")
    healthy.wait(60)
    quiet(healthy, "--check", "hybrid-daemonset-missing")

"""Eviction of OnDelete workloads, and workloads that are not restarted."""

from functools import wraps
from typing import Any

import pytest

from cluster_api import Json
from ops.restart.worlds import have_fields, new, results, with_older_pods
from podid.kube.writer import KubeWriter
from worlds import Site


@pytest.fixture
def associated(site: Site) -> Site:
    return with_older_pods(site)


def missing_from(site: Site, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the webhook serve no pod from the first change on."""
    changing = getattr(KubeWriter, method)

    @wraps(changing)
    def change(*args: Any, **named: Any) -> Any:
        site.kube.faults.webhook_misses = 1000
        return changing(*args, **named)

    monkeypatch.setattr(KubeWriter, method, change)


ON_DELETE: Json = {"updateStrategy": {"type": "OnDelete"}}


def test_a_stateful_set_that_replaces_its_pods_only_when_they_are_deleted(associated: Site) -> None:
    associated.kube.faults.webhook_misses = 2
    associated.cluster.make_workload("StatefulSet", "shop", "ledger", "orders", replicas=2, **ON_DELETE)
    associated.wait(10)
    said_before = "skipped: StatefulSet shop/ledger, its update strategy is OnDelete: its pods are"
    assert said_before in associated.must("restart", "shop/orders", "--stale", "--dry-run").stdout
    assert "OnDelete" not in associated.must("restart", "shop/orders", "--stale", "--dry-run", "--evict").stdout
    outcome = associated("restart", "shop/orders", "--stale", "--yes", "-o", "json")
    assert (outcome.code, results(outcome.json)) == (
        8,
        {
            "shop/Deployment/orders": ("done", new(2)),
            "shop/StatefulSet/ledger": (
                "blocked",
                "its update strategy is OnDelete: its pods are replaced only when they are deleted "
                "(podid restart --evict)",
            ),
        },
    )
    text = associated("restart", "shop/orders", "--stale")
    assert text.code == 6
    assert "(podid restart --evict); kubectl -n shop delete pod ledger-0 ledger-1\n" in text.stdout
    assert have_fields(associated, "shop", "ledger") == [False, False]


def test_pods_that_are_evicted_one_at_a_time(associated: Site) -> None:
    associated.kube.faults.webhook_misses = 3
    associated.cluster.make_workload("StatefulSet", "shop", "ledger", "orders", replicas=3, **ON_DELETE)
    associated.wait(30)
    # the controller keeps the pods of the previous template
    changed = {"spec": {"template": {"metadata": {"annotations": {"revision": "2"}}}}}
    associated.cluster.merge("/apis/apps/v1/namespaces/shop/statefulsets/ledger", changed)
    budget = {"selector": {"matchLabels": {"app": "ledger"}}, "minAvailable": 2}
    path = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets"
    associated.cluster.post(path, {"metadata": {"name": "ledger"}, "spec": budget})
    associated.wait(5)
    before = {pod["metadata"]["uid"] for pod in associated.cluster.pods("shop", "ledger")}
    outcome = associated("restart", "shop/orders", "--stale", "--evict", "--yes", "-o", "json")
    result = results(outcome.json)
    assert (outcome.code, result["shop/StatefulSet/ledger"]) == (
        0,
        ("done", new(3)),
    )
    after = associated.cluster.pods("shop", "ledger")
    assert (len(after), have_fields(associated, "shop", "ledger")) == (3, [True, True, True])
    assert before.isdisjoint(pod["metadata"]["uid"] for pod in after)
    (item,) = [row for row in outcome.json["actions"] if row["target"] == "shop/StatefulSet/ledger"]
    assert (item["after"]["pods"], item["after"]["injected"]) == (3, 3)


def test_a_disruption_budget_prevents_the_eviction(associated: Site) -> None:
    associated.kube.faults.webhook_misses = 2
    associated.cluster.make_workload("StatefulSet", "shop", "ledger", "orders", replicas=2, **ON_DELETE)
    associated.wait(30)
    budget = {"selector": {"matchLabels": {"app": "ledger"}}, "maxUnavailable": 0}
    path = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets"
    associated.cluster.post(path, {"metadata": {"name": "ledger"}, "spec": budget})
    associated.wait(5)
    pods = associated.cluster.pod_names("shop", "ledger")
    outcome = associated("restart", "shop/orders", "--stale", "--evict", "--yes", "--timeout", "60s", "-o", "json")
    status, reason = results(outcome.json)["shop/StatefulSet/ledger"]
    assert (outcome.code, status) == (8, "failed")
    assert "The disruption budget ledger needs 2 healthy pods and has 2 currently" in reason
    assert associated.cluster.pod_names("shop", "ledger") == pods


def test_evicted_pods_without_credentials_are_a_failure(associated: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    associated.kube.faults.webhook_misses = 1000
    associated.cluster.make_workload("DaemonSet", "shop", "logs", "orders", **ON_DELETE)
    associated.wait(30)
    associated.kube.faults.webhook_misses = 0
    missing_from(associated, "evict", monkeypatch)
    outcome = associated("restart", "shop/orders", "--stale", "--evict", "--yes", "--timeout", "120s", "-o", "json")
    status, reason = results(outcome.json)["shop/DaemonSet/logs"]
    assert status == "failed"
    assert reason.startswith("3 of 3 pods still have no credentials: logs-")


def test_a_paused_deployment(associated: Site) -> None:
    associated.cluster.merge("/apis/apps/v1/namespaces/shop/deployments/orders", {"spec": {"paused": True}})
    reason = "its rollout is paused, so a restart replaces no pods until it is resumed"
    plan = associated.must("restart", "shop/orders", "--dry-run").stdout
    assert f"  skipped: Deployment shop/orders, {reason}\n" in plan
    planned = associated.must("restart", "shop/orders", "--dry-run", "-o", "json").json
    assert results(planned) == {"shop/Deployment/orders": ("skipped", reason)}
    outcome = associated("restart", "shop/orders", "-o", "json")
    assert (outcome.code, results(outcome.json)) == (
        6,
        {"shop/Deployment/orders": ("blocked", reason)},
    )


def test_pods_whose_service_account_was_deleted_are_kept(associated: Site) -> None:
    associated.cluster.delete("/api/v1/namespaces/shop/serviceaccounts/orders")
    pods = {pod["metadata"]["name"] for pod in associated.cluster.pods("shop")}
    outcome = associated("restart", "shop/orders", "--yes", "-o", "json")
    assert outcome.code == 6
    (action,) = outcome.json["actions"]
    assert action["status"] == "blocked"
    assert action["reason"].startswith("service account shop/orders does not exist, so a deleted pod could")
    assert {pod["metadata"]["name"] for pod in associated.cluster.pods("shop")} == pods
    assert "restartedAt" not in str(associated.cluster.get("/apis/apps/v1/namespaces/shop/deployments/orders"))


def test_bare_pods_and_jobs_are_not_restarted(associated: Site) -> None:
    associated.kube.faults.webhook_misses = 2
    associated.cluster.make_pod("shop", "shell", "orders")
    nowhere = {"nodeSelector": {"no": "such-node"}}  # it waits for a node, so it has not ended
    associated.cluster.make_workload("Job", "shop", "import", "orders", pod=nowhere)
    associated.wait(5)
    outcome = associated("restart", "shop/orders", "--stale", "-o", "json")
    result = results(outcome.json)
    assert (outcome.code, result["shop/Deployment/orders"][0]) == (8, "done")
    assert result["shop/Pod/shell"] == (
        "blocked",
        "no controller replaces the pod: delete it and create it again",
    )
    assert result["shop/Job/import"] == (
        "blocked",
        "the pods of a Job are not replaced: let it finish, or delete the Job and create it again",
    )
    assert have_fields(associated, "shop", "shell") == [False]


def test_static_pods(associated: Site) -> None:
    """Static pods cannot name a service account: podid reads them as pods of `default`."""
    mirrors = {"kubernetes.io/config.mirror": "1f", "kubernetes.io/config.source": "file"}
    result = associated.cluster.items("/api/v1/nodes")[0]["metadata"]
    node = result["name"]
    owner = {"apiVersion": "v1", "kind": "Node", "name": node, "uid": result["uid"], "controller": True}
    metadata = {"name": f"shipper-{node}", "annotations": mirrors, "ownerReferences": [owner]}
    spec = {"nodeName": node, "containers": [{"name": "app", "image": "busybox"}]}
    associated.cluster.post("/api/v1/namespaces/shop/pods", {"metadata": metadata, "spec": spec})
    associated.associate("shop", "default")
    static = (
        "blocked",
        f"it is a static pod, which cannot use a service account: remove its manifest from node {node}, "
        "and run it as a DaemonSet or a Deployment",
    )
    for argv in (("shop/default",), ("shop/default", "--stale"), ("-n", "shop", "--yes")):
        outcome = associated("restart", *argv, "-o", "json")
        assert results(outcome.json)[f"shop/Pod/shipper-{node}"] == static, outcome
        assert outcome.code == (8 if "-n" in argv else 6)
    assert "static pod" in associated("restart", "shop/default").stdout


def test_a_webhook_that_never_serves_the_pods(associated: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    missing_from(associated, "restart", monkeypatch)
    outcome = associated("restart", "payments/billing-worker", "-o", "json")
    (target,) = outcome.json["actions"]
    assert (outcome.code, target["status"]) == (7, "failed")
    assert target["reason"].startswith("1 of 1 pods still have no credentials after 3 restarts: billing-worker-")


def test_a_rollout_that_does_not_end(associated: Site) -> None:
    associated.kube.faults.image_pull_failing.add("public.ecr.aws/docker/library/busybox:1.37")
    outcome = associated("restart", "shop/orders", "--timeout", "60s", "-o", "json")
    (target,) = outcome.json["actions"]
    assert (outcome.code, target["status"]) == (7, "failed")
    assert target["reason"].startswith("the rollout did not finish within 60 s: ")
    assert sum(not new for new in have_fields(associated, "shop")) == 2  # the old pods serve on

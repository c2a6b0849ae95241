"""`podid restart` on every kind of workload, by name, by namespace and everywhere."""

from functools import wraps
from typing import Any

import pytest

from cluster_api import Json, injected
from podid.kube.writer import KubeWriter
from worlds import Site

READ: Json = {"apiGroups": ["", "apps", "batch"], "resources": ["*"], "verbs": ["get", "list"]}


@pytest.fixture
def associated(site: Site) -> Site:
    """The agent on every node; shop/orders and payments/billing-worker have an association, and pods that are older
    than it."""
    site.with_agent()
    site.associate("shop", "orders")
    site.associate("payments", "billing-worker")
    return site


def missing_from(site: Site, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The webhook serves no pod from the moment that podid changes something."""
    changing = getattr(KubeWriter, method)

    @wraps(changing)
    def change(*args: Any, **named: Any) -> Any:
        site.kube.faults.webhook_misses = 1000
        return changing(*args, **named)

    monkeypatch.setattr(KubeWriter, method, change)


def states(site: Site, namespace: str, app: str = "") -> list[bool]:
    return [injected(pod) for pod in site.cluster.pods(namespace, app)]


def said(document: Any) -> dict[str, tuple[str, str]]:
    return {item["target"]: (item["status"], item.get("reason", "")) for item in document["actions"]}


def new(count: int) -> str:
    return f"{count} of {count} pods are updated; {count} of {count} have the injected fields"


def test_one_service_account(associated: Site) -> None:
    outcome = associated("restart", "shop/orders", "-o", "json")
    assert (outcome.code, said(outcome.json)) == (
        0,
        {"shop/Deployment/orders": ("done", new(2))},
    )
    assert (states(associated, "shop"), states(associated, "payments")) == ([True, True], [False])
    pods = associated.cluster.pod_names("shop")
    associated.must("restart", "shop/orders")  # by name, pods are replaced whether they need it or not
    assert not set(pods) & set(associated.cluster.pod_names("shop"))


def test_a_namespace(associated: Site) -> None:
    assert associated("restart", "-n", "shop").code == 0
    assert (states(associated, "shop"), states(associated, "payments")) == ([True, True], [False])


def test_a_namespace_without_associations_is_no_silent_green(associated: Site) -> None:
    refused = associated("restart", "-n", "default", "-o", "json")
    assert (refused.code, refused.error["message"]) == (5, "No association in namespace default of cluster demo")
    listed = associated("list", "-n", "default")
    assert (listed.code, listed.stderr) == (0, "no pod identity associations in namespace default of cluster demo\n")


def test_everything_that_is_stale_and_only_once(associated: Site) -> None:
    pods = associated.cluster.pod_names("shop")
    refused = associated("restart", "-A", "--stale", "-o", "json")
    assert (refused.code, refused.error["code"]) == (2, "ConsentNeeded")
    assert refused.error["hint"] == "podid restart -A --stale -o json --yes"
    assert associated.cluster.pod_names("shop") == pods
    outcome = associated("restart", "-A", "--stale", "--yes", "-o", "json")
    assert (outcome.code, set(said(outcome.json))) == (
        0,
        {"shop/Deployment/orders", "payments/Deployment/billing-worker"},
    )
    assert (states(associated, "shop"), states(associated, "payments")) == ([True, True], [True])
    pods = associated.cluster.pod_names("shop")
    again = associated("restart", "-A", "--stale", "-o", "json")
    assert (again.code, again.json["actions"], associated.cluster.pod_names("shop")) == (0, [], pods)
    text = associated.must("restart", "-A", "--stale")
    assert (text.stdout, text.stderr) == ("nothing to restart: no pod is stale\n", "")


def test_why_there_is_nothing_to_undo(associated: Site) -> None:
    associated.must("restart", "shop/orders")
    run = associated.must("history", "-o", "json").json["items"][0]["runId"]
    undone = associated.must("undo", run, "--yes")
    assert (
        "the restart of Deployment shop/orders cannot be undone; it did not change the workload's settings"
        in undone.stderr
    )
    assert f"run {run} has nothing left to undo" in undone.stderr
    none = associated("undo", "last", "--yes")
    assert (none.code, none.stderr) == (5, "Error: The journal has no run that can be undone.\n")


def test_an_undo_again_says_that_nothing_is_left(associated: Site) -> None:
    associated.must("disassociate", "shop/orders", "--yes", "--wait", "api")
    associated.must("undo", "last", "--yes", "--wait", "api")
    again = associated("undo", "last", "--yes", "--wait", "api", "-o", "json")
    run = associated.must("history", "-o", "json").json["items"][-1]["runId"]
    assert (again.code, again.json["notes"]) == (0, [f"run {run} has nothing left to undo"])


def test_pods_that_still_carry_an_association_that_is_gone(healthy: Site) -> None:
    pods = healthy.cluster.pod_names("shop")
    healthy.must("disassociate", "shop/orders", "--yes")
    outcome = healthy("restart", "shop/orders", "-o", "json")
    assert (outcome.code, said(outcome.json)) == (
        0,
        {"shop/Deployment/orders": ("done", "2 of 2 pods are updated and have no injected fields")},
    )
    assert not set(pods) & set(healthy.cluster.pod_names("shop"))
    assert states(healthy, "shop") == [False, False]
    again = healthy("restart", "shop/orders", "-o", "json")
    assert (again.code, again.error["code"]) == (5, "NotFound")


def test_a_dry_run_restarts_nothing(associated: Site) -> None:
    pods = associated.cluster.pod_names("shop")
    outcome = associated("restart", "-A", "--stale", "--dry-run", "-o", "json")
    assert (outcome.code, outcome.json["kind"], len(outcome.json["actions"])) == (0, "Plan", 2)
    associated.wait(10)
    assert associated.cluster.pod_names("shop") == pods


def test_which_pods_has_to_be_said(associated: Site) -> None:
    assert associated("restart").code == 2
    assert associated("restart", "shop/orders", "-n", "shop").code == 2
    missing = associated("restart", "shop/order", "-o", "json")
    assert (missing.code, missing.error["code"]) == (5, "NotFound")


ON_DELETE: Json = {"updateStrategy": {"type": "OnDelete"}}


def test_a_stateful_set_that_replaces_its_pods_only_when_they_are_deleted(associated: Site) -> None:
    associated.kube.faults.webhook_misses = 2
    associated.cluster.make_workload("StatefulSet", "shop", "ledger", "orders", replicas=2, **ON_DELETE)
    associated.wait(10)
    said_before = "restart StatefulSet shop/ledger  (2 of 2 pods; its update strategy is OnDelete: its pods are"
    assert said_before in associated.must("restart", "shop/orders", "--stale", "--dry-run").stdout
    assert "OnDelete" not in associated.must("restart", "shop/orders", "--stale", "--dry-run", "--evict").stdout
    outcome = associated("restart", "shop/orders", "--stale", "--yes", "-o", "json")
    assert (outcome.code, said(outcome.json)) == (
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
    assert states(associated, "shop", "ledger") == [False, False]


def test_pods_that_are_evicted_one_at_a_time(associated: Site) -> None:
    """Where it was asked for, and never more than a disruption budget gives."""
    associated.kube.faults.webhook_misses = 3
    associated.cluster.make_workload("StatefulSet", "shop", "ledger", "orders", replicas=3, **ON_DELETE)
    associated.wait(30)
    budget = {"selector": {"matchLabels": {"app": "ledger"}}, "minAvailable": 2}
    path = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets"
    associated.cluster.post(path, {"metadata": {"name": "ledger"}, "spec": budget})
    associated.wait(5)
    before = {pod["metadata"]["uid"] for pod in associated.cluster.pods("shop", "ledger")}
    outcome = associated("restart", "shop/orders", "--stale", "--evict", "--yes", "-o", "json")
    found = said(outcome.json)
    assert (outcome.code, found["shop/StatefulSet/ledger"]) == (
        0,
        ("done", new(3)),
    )
    after = associated.cluster.pods("shop", "ledger")
    assert (len(after), states(associated, "shop", "ledger")) == (3, [True, True, True])
    assert before.isdisjoint(pod["metadata"]["uid"] for pod in after)
    (item,) = [each for each in outcome.json["actions"] if each["target"] == "shop/StatefulSet/ledger"]
    assert (item["after"]["pods"], item["after"]["injected"]) == (3, 3)


def test_a_budget_that_lets_no_pod_go(associated: Site) -> None:
    associated.kube.faults.webhook_misses = 2
    associated.cluster.make_workload("StatefulSet", "shop", "ledger", "orders", replicas=2, **ON_DELETE)
    associated.wait(30)
    budget = {"selector": {"matchLabels": {"app": "ledger"}}, "maxUnavailable": 0}
    path = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets"
    associated.cluster.post(path, {"metadata": {"name": "ledger"}, "spec": budget})
    associated.wait(5)
    pods = associated.cluster.pod_names("shop", "ledger")
    outcome = associated("restart", "shop/orders", "--stale", "--evict", "--yes", "--timeout", "60s", "-o", "json")
    status, reason = said(outcome.json)["shop/StatefulSet/ledger"]
    assert (outcome.code, status) == (8, "failed")
    assert "The disruption budget ledger needs 2 healthy pods and has 2 currently" in reason
    assert associated.cluster.pod_names("shop", "ledger") == pods


def test_a_daemon_set_that_is_evicted_and_missed_again_is_no_success(
    associated: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    associated.kube.faults.webhook_misses = 1000
    associated.cluster.make_workload("DaemonSet", "shop", "logs", "orders", **ON_DELETE)
    associated.wait(30)
    associated.kube.faults.webhook_misses = 0
    missing_from(associated, "evict", monkeypatch)
    outcome = associated("restart", "shop/orders", "--stale", "--evict", "--yes", "--timeout", "120s", "-o", "json")
    status, reason = said(outcome.json)["shop/DaemonSet/logs"]
    assert status == "failed"
    assert reason.startswith("3 of 3 pods still have no credentials: logs-")


def test_a_paused_deployment(associated: Site) -> None:
    associated.cluster.merge("/apis/apps/v1/namespaces/shop/deployments/orders", {"spec": {"paused": True}})
    plan = associated.must("restart", "shop/orders", "--dry-run").stdout
    assert "restart Deployment shop/orders  (2 of 2 pods; its rollout is paused, so a restart replaces no pods" in plan
    outcome = associated("restart", "shop/orders", "-o", "json")
    assert (outcome.code, said(outcome.json)) == (
        6,
        {
            "shop/Deployment/orders": (
                "blocked",
                "its rollout is paused, so a restart replaces no pods until it is resumed",
            )
        },
    )


def test_pods_whose_service_account_was_deleted_are_kept(associated: Site) -> None:
    """None could be made in the place of one that goes."""
    associated.cluster.delete("/api/v1/namespaces/shop/serviceaccounts/orders")
    pods = {pod["metadata"]["name"] for pod in associated.cluster.pods("shop")}
    outcome = associated("restart", "shop/orders", "--yes", "-o", "json")
    assert outcome.code == 6
    (action,) = outcome.json["actions"]
    assert action["status"] == "blocked"
    assert action["reason"].startswith("service account shop/orders does not exist, so a deleted pod could")
    assert {pod["metadata"]["name"] for pod in associated.cluster.pods("shop")} == pods
    assert "restartedAt" not in str(associated.cluster.get("/apis/apps/v1/namespaces/shop/deployments/orders"))


WEBHOOK = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/pod-identity-webhook"


@pytest.mark.parametrize("gone", [True, False])
def test_pods_keep_their_credentials_where_new_ones_would_get_none(healthy: Site, gone: bool) -> None:
    """It ends at once where the webhook is seen not to serve them."""
    healthy.wait(300)
    if gone:
        healthy.cluster.delete(WEBHOOK)
    else:
        selecting(healthy, {"matchLabels": {"app": "cart"}})
    began, writes = healthy.slept, healthy.cluster.pod_names("shop")
    for more in ((), ("--dry-run",)):
        outcome = healthy("restart", "shop/orders", "-o", "json", *more)
        assert (outcome.code, outcome.stdout, healthy.slept) == (6, "", began)
        assert outcome.error["message"].startswith("New pods of shop/orders would get no credentials: ")
        kept = "2 running pods keep theirs. Nothing was changed"
        id_ = "injection-missed-webhook" if gone else "webhook-config-altered"
        assert outcome.error["message"].endswith(f"({id_}). {kept}")
    assert healthy.cluster.pod_names("shop") == writes


def test_a_webhook_that_misses_pods_is_seen_in_dry_runs(healthy: Site) -> None:
    """It is registered as it should be; once it has had time to hear of the association, what it does counts."""
    healthy.wait(300)
    healthy.kube.faults.webhook_misses = 1000
    began = healthy.slept
    outcome = healthy("restart", "shop/orders", "-o", "json")
    assert (outcome.code, outcome.stdout, healthy.slept - began) == (6, "", 15)
    assert "(injection-missed-webhook). 2 running pods keep theirs" in outcome.error["message"]
    forced = healthy("restart", "shop/orders", "--force", "-o", "json")
    assert said(forced.json)["shop/Deployment/orders"][0] == "failed"


def test_the_webhook_is_asked_about_pods_with_the_labels_of_theirs(healthy: Site) -> None:
    selecting(healthy, {"matchLabels": {"app": "orders"}})
    assert said(healthy.must("restart", "shop/orders", "-o", "json").json)["shop/Deployment/orders"][0] == "done"


def test_an_association_that_the_webhook_has_not_heard_of_is_waited_for(associated: Site) -> None:
    associated.kube.faults.webhook_misses = 3
    outcome = associated.must("restart", "shop/orders", "-o", "json")
    assert said(outcome.json) == {"shop/Deployment/orders": ("done", new(2))}
    assert states(associated, "shop") == [True, True]


def test_without_the_permission_to_a_dry_run_pods_are_restarted_and_it_is_said(associated: Site) -> None:
    patch = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"]}
    outcome = associated("restart", "shop/orders", "-o", "json", env=associated.user("restarter", [READ, patch]))
    assert outcome.code == 0
    note = outcome.json["notes"][-1]
    assert note.startswith("the webhook was not checked in a dry run: the caller is not authorized to create pods")
    assert said(outcome.json)["shop/Deployment/orders"][0] == "done"


def selecting(site: Site, selector: Json) -> None:
    """The webhook is asked about these pods only."""
    webhooks = [{**each, "objectSelector": selector} for each in site.cluster.get(WEBHOOK)["webhooks"]]
    site.cluster.merge(WEBHOOK, {"webhooks": webhooks})


def test_what_has_no_controller_that_brings_it_back(associated: Site) -> None:
    associated.kube.faults.webhook_misses = 2
    associated.cluster.make_pod("shop", "shell", "orders")
    nowhere = {"nodeSelector": {"no": "such-node"}}  # it waits for a node, so it has not ended
    associated.cluster.make_workload("Job", "shop", "import", "orders", pod=nowhere)
    associated.wait(5)
    outcome = associated("restart", "shop/orders", "--stale", "-o", "json")
    found = said(outcome.json)
    assert (outcome.code, found["shop/Deployment/orders"][0]) == (8, "done")
    assert found["shop/Pod/shell"] == (
        "blocked",
        "no controller replaces the pod: delete it and create it again",
    )
    assert found["shop/Job/import"] == (
        "blocked",
        "the pods of a Job are not replaced: let it finish, or delete the Job and create it again",
    )
    assert states(associated, "shop", "shell") == [False]


def test_static_pods(associated: Site) -> None:
    """The API server lets none of them name a service account, so podid reads them as those of `default`."""
    mirrors = {"kubernetes.io/config.mirror": "1f", "kubernetes.io/config.source": "file"}
    found = associated.cluster.items("/api/v1/nodes")[0]["metadata"]
    node = found["name"]
    owner = {"apiVersion": "v1", "kind": "Node", "name": node, "uid": found["uid"], "controller": True}
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
        assert said(outcome.json)[f"shop/Pod/shipper-{node}"] == static, outcome
        assert outcome.code == (8 if "-n" in argv else 6)
    assert "static pod" in associated("restart", "shop/default").stdout


def test_pods_that_are_missed_again_and_again(associated: Site, monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert sum(not new for new in states(associated, "shop")) == 2  # the old pods serve on


def test_without_the_permission_to_patch(associated: Site) -> None:
    caller = associated.user("viewer", [READ])
    outcome = associated("restart", "shop/orders", "-o", "json", env=caller)
    (target,) = outcome.json["actions"]
    assert (outcome.code, target["status"]) == (4, "failed")
    assert "patch deployments.apps in namespace shop" in target["reason"]


def test_associate_with_restart_and_no_permission_to_patch(site: Site) -> None:
    """The association is made and kept; what could not be done is named."""
    site.with_agent()
    site.must("role", "create", "shop-orders", "--for", "shop/orders")
    create = {"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]}
    caller = site.user("viewer", [READ, create])
    outcome = site("associate", "shop/orders", "--role", "shop-orders", "--restart", "-o", "json", env=caller)
    assert [(item["kind"], item["status"]) for item in outcome.json["actions"]] == [
        ("association", "done"),
        ("restart", "failed"),
    ]
    assert "patch deployments.apps in namespace shop" in outcome.json["actions"][1]["reason"]
    assert outcome.code == 8


def test_the_last_run_is_the_change_and_not_its_restarts(site: Site) -> None:
    site.with_agent()
    site.must("role", "create", "shop-orders", "--for", "shop/orders")
    site.must("associate", "shop/orders", "--role", "shop-orders", "--restart")
    marked = [line.split("\t")[1] for line in site.must("history").stdout.splitlines()]
    assert marked == ["done", "done"]
    steps = site.must("history", "last", "-o", "json").json["items"][0]["actions"]
    assert [(step["kind"], step["status"]) for step in steps] == [("association", "done"), ("restart", "done")]
    site.must("restart", "shop/orders")  # which there is nothing of to undo
    undone = site.must("undo", "last", "--yes", "--restart")
    assert undone.stdout.startswith("✓ association shop/orders: deleted\n✓ Deployment shop/orders"), undone
    assert "cannot be undone" not in undone.stderr
    # nor an undo
    assert "podid associate" in site.must("history", "last").stdout

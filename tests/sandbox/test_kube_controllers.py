"""What happens on the cluster by itself, on a clock that the test moves."""

import pytest

from sandbox.kube_support import Cluster, Obj, names, pod
from sandbox.memory_world import MemoryAddon, MemoryWorld

APPS = "/apis/apps/v1/namespaces"
ORDERS = f"{APPS}/shop/deployments/orders"
AGENT = f"{APPS}/kube-system/daemonsets/eks-pod-identity-agent"
AGENT_PODS = "/api/v1/namespaces/kube-system/pods"
RESTART = {
    "spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-24T00:00:00Z"}}}}
}


def progress(deployment: Obj) -> tuple[int, int, int, str]:
    status = deployment["status"]
    reason = next(entry["reason"] for entry in status["conditions"] if entry["type"] == "Progressing")
    return status["observedGeneration"], status.get("updatedReplicas", 0), status["replicas"], reason


def test_the_baseline_runs(cluster: Cluster) -> None:
    pods = cluster.items("/api/v1/pods")
    assert {entry["status"]["phase"] for entry in pods} == {"Running"}
    by_account = sorted((entry["metadata"]["namespace"], entry["spec"]["serviceAccountName"]) for entry in pods)
    assert by_account == [
        *[("kube-system", "default")] * 3,
        ("legacy", "reports"),
        ("payments", "billing-worker"),
        *[("shop", "orders")] * 2,
    ]
    nodes = cluster.items("/api/v1/nodes")
    assert [entry["spec"]["providerID"] for entry in nodes] == [
        f"aws:///us-west-2{zone}/i-0a1b2c3d4e5f6000{number}" for number, zone in enumerate("abc", 1)
    ]
    assert {entry["metadata"]["labels"]["eks.amazonaws.com/nodegroup"] for entry in nodes} == {"workers"}


def test_a_restart_replaces_every_pod_and_never_drops_below_the_minimum(cluster: Cluster) -> None:
    before = set(names(cluster.items("/api/v1/namespaces/shop/pods")))
    cluster.patch(ORDERS, RESTART, "strategic-merge")
    states, ready = [progress(cluster.get(ORDERS))], []
    for _ in range(60):
        cluster.wait(0.05)
        deployment = cluster.get(ORDERS)
        ready.append(deployment["status"]["readyReplicas"])
        if progress(deployment) != states[-1]:
            states.append(progress(deployment))
    assert states == [
        (1, 2, 2, "NewReplicaSetAvailable"),
        (2, 0, 2, "ReplicaSetUpdated"),
        (2, 1, 3, "ReplicaSetUpdated"),
        (2, 1, 2, "ReplicaSetUpdated"),
        (2, 2, 3, "ReplicaSetUpdated"),
        (2, 2, 2, "NewReplicaSetAvailable"),
    ]
    assert min(ready) == 2
    after = set(names(cluster.items("/api/v1/namespaces/shop/pods")))
    assert len(after) == 2
    assert not before & after
    assert cluster.get(ORDERS)["metadata"]["annotations"] == {"deployment.kubernetes.io/revision": "2"}


def test_a_rollout_that_cannot_start_pods_misses_its_deadline(cluster: Cluster) -> None:
    container = {"name": "app", "image": "broken"}
    cluster.sandbox.faults.image_pull_failing.add("broken")
    cluster.patch(ORDERS, {"spec": {"template": {"spec": {"containers": [container]}}}}, "strategic-merge")
    cluster.wait(700)
    deployment = cluster.get(ORDERS)
    assert progress(deployment) == (2, 1, 3, "ProgressDeadlineExceeded")
    waiting = [
        entry["status"]["containerStatuses"][0]["state"]
        for entry in cluster.items("/api/v1/namespaces/shop/pods")
        if entry["status"]["phase"] == "Pending"
    ]
    assert waiting == [{"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}]
    cluster.sandbox.faults.clear()
    cluster.wait(5)
    cluster.wait(5)
    assert progress(cluster.get(ORDERS)) == (2, 2, 2, "NewReplicaSetAvailable")


def test_recreate_stops_everything_before_it_starts_anything(cluster: Cluster) -> None:
    strategy = {"strategy": {"type": "Recreate", "rollingUpdate": None}}
    cluster.patch(ORDERS, {"spec": {**RESTART["spec"], **strategy}})
    running = []
    for _ in range(60):
        cluster.wait(0.05)
        running.append(len(cluster.items("/api/v1/namespaces/shop/pods")))
    assert 0 in running
    assert max(running) == 2
    assert progress(cluster.get(ORDERS)) == (2, 2, 2, "NewReplicaSetAvailable")


def test_scaling_and_deleting_a_deployment(cluster: Cluster) -> None:
    cluster.patch(f"{ORDERS}/scale", {"spec": {"replicas": 4}})
    cluster.wait(5)
    assert len(cluster.items("/api/v1/namespaces/shop/pods")) == 4
    cluster.patch(ORDERS, {"spec": {"replicas": 1}})
    cluster.wait(5)
    assert len(cluster.items("/api/v1/namespaces/shop/pods")) == 1
    status, answer = cluster.call("DELETE", ORDERS)
    assert (status, answer["status"], answer["details"]["kind"]) == (200, "Success", "deployments")
    cluster.wait(5)
    assert cluster.items("/api/v1/namespaces/shop/pods") == []
    assert cluster.items(f"{APPS}/shop/replicasets") == []


def stateful_set(strategy: str) -> Obj:
    labels = {"app": "db"}
    spec = {"serviceAccountName": "orders", "containers": [{"name": "c", "image": "pause"}]}
    return {
        "metadata": {"name": "db"},
        "spec": {
            "replicas": 2,
            "serviceName": "db",
            "updateStrategy": {"type": strategy},
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def test_a_stateful_set_starts_in_order_and_restarts_from_the_last_pod(cluster: Cluster) -> None:
    cluster.post(f"{APPS}/shop/statefulsets", stateful_set("RollingUpdate"))
    cluster.wait(0.2)
    path = "/api/v1/namespaces/shop/pods?labelSelector=app%3Ddb"
    assert names(cluster.items(path)) == ["db-0"]
    cluster.wait(5)
    first = {entry["metadata"]["name"]: entry["metadata"]["uid"] for entry in cluster.items(path)}
    assert sorted(first) == ["db-0", "db-1"]
    cluster.patch(f"{APPS}/shop/statefulsets/db", RESTART)
    cluster.wait(0.6)
    halfway = {entry["metadata"]["name"]: entry["metadata"]["uid"] for entry in cluster.items(path)}
    assert halfway["db-0"] == first["db-0"]
    assert halfway["db-1"] != first["db-1"]
    cluster.wait(5)
    last = {entry["metadata"]["name"]: entry["metadata"]["uid"] for entry in cluster.items(path)}
    assert not set(last.values()) & set(first.values())
    status = cluster.get(f"{APPS}/shop/statefulsets/db")["status"]
    assert status["currentRevision"] == status["updateRevision"]
    assert (status["updatedReplicas"], status["readyReplicas"], status["observedGeneration"]) == (2, 2, 2)


def test_on_delete_waits_for_somebody_to_delete_the_pod(cluster: Cluster) -> None:
    cluster.post(f"{APPS}/shop/statefulsets", stateful_set("OnDelete"))
    cluster.wait(5)
    cluster.patch(f"{APPS}/shop/statefulsets/db", RESTART)
    cluster.wait(5)
    status = cluster.get(f"{APPS}/shop/statefulsets/db")["status"]
    assert status["observedGeneration"] == 2
    assert "updatedReplicas" not in status
    assert cluster.call("DELETE", "/api/v1/namespaces/shop/pods/db-1")[0] == 200
    cluster.wait(5)
    assert cluster.get(f"{APPS}/shop/statefulsets/db")["status"]["updatedReplicas"] == 1


def test_the_agent_follows_the_add_on() -> None:
    cluster = Cluster(MemoryWorld())
    cluster.sandbox.load_baseline()
    cluster.wait(5)
    assert cluster.items(f"{APPS}/kube-system/daemonsets") == []
    cluster.world.addon = MemoryAddon(
        status="CREATING", configuration={"agent": {"additionalArgs": {"-b": "169.254.170.23"}}}
    )
    cluster.wait(0)
    cluster.wait(0.2)
    status = cluster.get(AGENT)["status"]
    assert (status["desiredNumberScheduled"], status["numberReady"]) == (3, 0)
    cluster.wait(2)
    daemon_set = cluster.get(AGENT)
    assert daemon_set["status"]["numberReady"] == 3
    assert daemon_set["spec"]["template"]["spec"]["containers"][0]["args"][-2:] == ["-b", "169.254.170.23"]
    cluster.world.addon = None
    cluster.wait(0)
    cluster.wait(2)
    assert cluster.items(f"{APPS}/kube-system/daemonsets") == []
    assert cluster.items(AGENT_PODS) == []


def test_the_agent_runs_on_linux_ec2_nodes_only(cluster: Cluster) -> None:
    add = cluster.sandbox.add_node
    add("10.0.9.1", "i-1", labels={"eks.amazonaws.com/compute-type": "fargate"})
    add("10.0.9.2", "i-2", labels={"eks.amazonaws.com/compute-type": "auto"})
    add("10.0.9.3", "i-3", labels={"eks.amazonaws.com/compute-type": "hybrid"})
    add("10.0.9.4", "i-4", labels={"kubernetes.io/os": "windows"})
    added = add("10.0.9.5", "i-5", labels={"kubernetes.io/arch": "arm64"})
    cluster.wait(5)
    assert cluster.get(AGENT)["status"]["desiredNumberScheduled"] == 4
    on = {entry["spec"]["nodeName"] for entry in cluster.items(AGENT_PODS)}
    assert added["metadata"]["name"] in on


def test_an_agent_daemon_set_deleted_by_hand_stays_away(cluster: Cluster) -> None:
    assert cluster.call("DELETE", AGENT)[0] == 200
    cluster.wait(60)
    assert cluster.items(AGENT_PODS) == []
    assert cluster.world.addon is not None
    cluster.world.addon.version = "v1.3.11-eksbuild.1"
    cluster.wait(0)
    cluster.wait(5)
    assert cluster.get(AGENT)["metadata"]["labels"]["app.kubernetes.io/version"] == "0.1.38"


def test_an_agent_in_a_crash_loop_and_its_log(cluster: Cluster) -> None:
    victim = cluster.items(AGENT_PODS)[0]
    line = "Unable to start server: listen tcp [fd00:ec2::23]:80: bind: cannot assign requested address"
    cluster.sandbox.faults.agent_crashing[victim["spec"]["nodeName"]] = line
    cluster.wait(0)
    cluster.wait(1)
    assert cluster.get(AGENT)["status"]["numberReady"] == 2
    name = victim["metadata"]["name"]
    state = cluster.get(f"{AGENT_PODS}/{name}")["status"]["containerStatuses"][0]
    assert state["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert (state["restartCount"], state["ready"]) == (5, False)
    status, log = cluster.call("GET", f"{AGENT_PODS}/{name}/log")
    assert status == 200
    assert f'"level":"fatal","msg":"{line}"' in log.splitlines()[-1]
    cluster.sandbox.faults.clear()
    cluster.wait(0)
    cluster.wait(1)
    assert cluster.get(AGENT)["status"]["numberReady"] == 3


def test_agents_that_are_not_ready(cluster: Cluster) -> None:
    cluster.sandbox.faults.agent_not_ready.add("*")
    cluster.wait(0)
    cluster.wait(1)
    status = cluster.get(AGENT)["status"]
    assert (status["numberReady"], status["numberUnavailable"]) == (0, 3)


def test_an_unreachable_node_is_not_ready_and_starts_nothing(cluster: Cluster) -> None:
    node = cluster.items("/api/v1/nodes")[0]["metadata"]["name"]
    cluster.sandbox.faults.kubelet_unreachable.add(node)
    cluster.wait(0)
    cluster.wait(1)
    conditions = cluster.get(f"/api/v1/nodes/{node}")["status"]["conditions"]
    assert [entry["status"] for entry in conditions if entry["type"] == "Ready"] == ["Unknown"]
    on_node = [entry for entry in cluster.items("/api/v1/pods") if entry["spec"]["nodeName"] == node]
    ready = {c["status"] for entry in on_node for c in entry["status"]["conditions"] if c["type"] == "Ready"}
    assert ready == {"False"}
    agent = next(entry["metadata"]["name"] for entry in on_node if entry["metadata"]["namespace"] == "kube-system")
    status, body = cluster.call("GET", f"{AGENT_PODS}/{agent}/log")
    assert (status, body["message"]) == (
        500,
        f'Get "https://{node}:10250/containerLogs/kube-system/{agent}/eks-pod-identity-agent": '
        f"dial tcp: lookup {node} on 10.255.255.53:53: no such host",
    )
    cluster.post("/api/v1/namespaces/shop/pods", pod("late"))
    cluster.wait(2)
    assert cluster.get("/api/v1/namespaces/shop/pods/late")["spec"]["nodeName"] != node


def job(**spec: object) -> Obj:
    template = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "pause"}]}
    return {"metadata": {"name": "probe"}, "spec": {"backoffLimit": 0, **spec, "template": {"spec": template}}}


@pytest.mark.parametrize(("code", "expected"), [(0, "Complete"), (3, "Failed")])
def test_a_job_ends_and_goes_away_after_its_ttl(cluster: Cluster, code: int, expected: str) -> None:
    cluster.sandbox.run_jobs_with(lambda _: (code, "done\n"))
    path = "/apis/batch/v1/namespaces/shop/jobs"
    cluster.post(path, job(ttlSecondsAfterFinished=30))
    cluster.wait(3)
    conditions = cluster.get(f"{path}/probe")["status"]["conditions"]
    assert [entry["type"] for entry in conditions if entry["status"] == "True"][-1] == expected
    mine = cluster.items("/api/v1/namespaces/shop/pods?labelSelector=job-name%3Dprobe")
    log = cluster.call("GET", f"/api/v1/namespaces/shop/pods/{mine[0]['metadata']['name']}/log")
    assert log == (200, "done\n")
    cluster.wait(40)
    assert cluster.items(path) == []
    cluster.wait(1)
    assert cluster.items("/api/v1/namespaces/shop/pods?labelSelector=job-name%3Dprobe") == []


def test_a_job_fails_at_its_deadline(cluster: Cluster) -> None:
    cluster.sandbox.faults.image_pull_failing.add("pause")
    path = "/apis/batch/v1/namespaces/shop/jobs"
    cluster.post(path, job(activeDeadlineSeconds=10))
    cluster.wait(20)
    assert cluster.get(f"{path}/probe")["status"]["conditions"][-1]["reason"] == "DeadlineExceeded"


@pytest.mark.parametrize(("options", "left"), [({}, 1), ({"propagationPolicy": "Background"}, 0)])
def test_a_deleted_job_leaves_its_pods_unless_told_otherwise(cluster: Cluster, options: Obj, left: int) -> None:
    path = "/apis/batch/v1/namespaces/shop/jobs"
    cluster.post(path, job())
    cluster.wait(3)
    assert cluster.call("DELETE", f"{path}/probe", options)[0] == 200
    cluster.wait(3)
    assert len(cluster.items("/api/v1/namespaces/shop/pods?labelSelector=job-name%3Dprobe")) == left


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"podSelector": {}, "policyTypes": ["Ingress"]}, True),
        ({"podSelector": {}, "policyTypes": ["Egress"]}, False),
        ({"podSelector": {"matchLabels": {"app": "other"}}, "policyTypes": ["Egress"]}, True),
        ({"podSelector": {}, "egress": [{}]}, True),
        ({"podSelector": {}, "egress": [{"to": [{"namespaceSelector": {}}]}]}, False),
        ({"podSelector": {}, "egress": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}]}, True),
        (
            {"podSelector": {}, "egress": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}}]}]},
            False,
        ),
        ({"podSelector": {}, "egress": [{"ports": [{"port": 443}]}]}, False),
        ({"podSelector": {}, "egress": [{"ports": [{"port": 1, "endPort": 100}]}]}, True),
        ({"podSelector": {}, "egress": [{"ports": [{"port": 80, "protocol": "UDP"}]}]}, False),
    ],
)
def test_what_network_policies_let_out(cluster: Cluster, spec: Obj, expected: bool) -> None:
    cluster.post(
        "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies", {"metadata": {"name": "p"}, "spec": spec}
    )
    (mine, *_) = cluster.items("/api/v1/namespaces/shop/pods?labelSelector=app%3Dorders")
    assert cluster.sandbox.reaches(mine, "169.254.170.23", 80) is expected


def test_a_refused_pod_is_told_by_replica_set_and_deployment(cluster: Cluster) -> None:
    cluster.patch(ORDERS, {"spec": {"template": {"spec": {"serviceAccountName": "gone"}}}})
    cluster.wait(5)
    message = next(
        entry["message"] for entry in cluster.get(ORDERS)["status"]["conditions"] if entry["type"] == "ReplicaFailure"
    )
    assert message.endswith('error looking up service account shop/gone: serviceaccount "gone" not found')
    cluster.post("/api/v1/namespaces/shop/serviceaccounts", {"metadata": {"name": "gone"}})
    cluster.wait(5)
    assert progress(cluster.get(ORDERS)) == (2, 2, 2, "NewReplicaSetAvailable")


def test_eviction_within_the_budget(cluster: Cluster) -> None:
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "orders"}}}
    cluster.post("/apis/policy/v1/namespaces/shop/poddisruptionbudgets", {"metadata": {"name": "orders"}, "spec": spec})
    first, second = names(cluster.items("/api/v1/namespaces/shop/pods"))
    evict = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": first}}
    assert cluster.call("POST", f"/api/v1/namespaces/shop/pods/{first}/eviction", evict)[0] == 201
    status, body = cluster.call("POST", f"/api/v1/namespaces/shop/pods/{second}/eviction", evict)
    assert (status, body["details"]["causes"][0]["message"]) == (
        429,
        "The disruption budget orders needs 1 healthy pods and has 1 currently",
    )


def test_a_budget_that_is_kept_lets_go_of_a_pod_that_is_not_ready(cluster: Cluster) -> None:
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "orders"}}}
    cluster.post("/apis/policy/v1/namespaces/shop/poddisruptionbudgets", {"metadata": {"name": "orders"}, "spec": spec})
    first, second = cluster.items("/api/v1/namespaces/shop/pods")
    cluster.sandbox.faults.kubelet_unreachable.add(first["spec"]["nodeName"])
    cluster.wait(1)
    for found, status in ((second, 429), (first, 201)):
        path = f"/api/v1/namespaces/shop/pods/{found['metadata']['name']}/eviction"
        evict = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": found["metadata"]["name"]}}
        assert cluster.call("POST", path, evict)[0] == status


def test_a_restricted_namespace_refuses_and_accepts(cluster: Cluster) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    cluster.patch("/api/v1/namespaces/shop", {"metadata": {"labels": labels}})
    status, body = cluster.call("POST", "/api/v1/namespaces/shop/pods?dryRun=All", pod())
    assert (status, body["message"]) == (
        403,
        'pods "p" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false '
        '(container "c" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities '
        '(container "c" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container '
        '"c" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "c" must set '
        'securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    )
    context = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    good = pod(
        containers=[{"name": "c", "image": "pause", "securityContext": context}],
        securityContext={"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    )
    assert cluster.call("POST", "/api/v1/namespaces/shop/pods?dryRun=All", good)[0] == 201


def test_a_namespace_takes_everything_with_it(cluster: Cluster) -> None:
    assert cluster.call("DELETE", "/api/v1/namespaces/shop")[0] == 200
    assert cluster.get("/api/v1/namespaces/shop")["status"] == {"phase": "Terminating"}
    cluster.wait(5)
    assert cluster.call("GET", "/api/v1/namespaces/shop")[0] == 404
    assert cluster.items("/api/v1/namespaces/shop/serviceaccounts") == []


def test_the_same_seed_gives_the_same_cluster() -> None:
    found = []
    for _ in range(2):
        cluster = Cluster()
        cluster.sandbox.load_baseline()
        cluster.wait(5)
        found.append(
            [(entry["metadata"]["name"], entry["spec"]["nodeName"]) for entry in cluster.items("/api/v1/pods")]
        )
    assert found[0] == found[1]


def test_a_network_policy_without_a_rule_for_egress_is_one_for_ingress(cluster: Cluster) -> None:
    path = "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies"
    made = cluster.post(path, {"metadata": {"name": "none"}, "spec": {"podSelector": {}, "egress": []}})
    assert made["spec"]["policyTypes"] == ["Ingress"]

"""What KubeReader keeps of the API's JSON: recorded answers of a real API server, and the sandbox's cluster."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from harness import table
from podid.domain.aws import Cluster
from podid.domain.cluster import Container, EnvSource, Mount, OwnerRef, Pod, ServiceAccount, Workload
from podid.domain.errors import AccessDenied, NotFound
from podid.domain.names import ServiceAccountRef
from podid.kube import project, project_pods
from podid.kube.connect import connect
from podid.kube.reader import KubeReader
from podid.kube.rollout import Rollout, rollout
from podid.kube.transport import Transport
from podid.sandbox.faults import Fault
from podid.sandbox.kube import kinds
from worlds import ORDERS, KubeWorld

from .kube_server import RECORDED


def body(label: str) -> dict[str, Any]:
    answer = RECORDED[label]["body"]
    assert isinstance(answer, dict)
    return answer


def test_a_pod_of_a_deployment() -> None:
    (item,) = body("pods of the deployment (owner chain)")["items"]
    assert project_pods.pod(item) == Pod(
        namespace="gold2",
        name="web-77c5dcb747-djbzq",
        uid="a5b23fd3-7b3d-4122-956b-122e4305655b",
        service_account="orders",
        node="ip-10-0-0-12.us-west-2.compute.internal",
        phase="Running",
        created_at=datetime(2026, 11, 24, 14, 44, 14, tzinfo=UTC),
        containers=(Container(name="c", image="pause", ready=True),),
        labels={
            "app": "web",
            "pod-template-hash": "77c5dcb747",
            "topology.kubernetes.io/region": "us-west-2",
            "topology.kubernetes.io/zone": "us-west-2c",
        },
        ready=True,
        owner=OwnerRef("ReplicaSet", "web-77c5dcb747", "a344a0f9-233b-4960-af58-9d292822c770"),
        volumes=("kube-api-access-p8jfh",),
        ips=("10.244.220.220",),
        ready_since=datetime(2026, 11, 24, 14, 44, 14, tzinfo=UTC),
    )


def test_values_of_secrets_never_arrive() -> None:
    env = [
        {"name": "AWS_SECRET_ACCESS_KEY", "value": "s3cret"},
        {"name": "AWS_ACCESS_KEY_ID", "value": "s3cret"},
        {"name": "AWS_CONTAINER_AUTHORIZATION_TOKEN", "value": "s3cret"},
        {"name": "HTTPS_PROXY", "value": "http://user:s3cret@proxy"},
        {"name": "DATABASE_PASSWORD", "value": "s3cret"},
        {"name": "AWS_PROFILE", "valueFrom": {"secretKeyRef": {"name": "x", "key": "y"}}},
        {"name": "AWS_REGION", "value": "us-west-2"},
        {"name": "AWS_CONTAINER_CREDENTIALS_FULL_URI", "value": "http://169.254.170.23/v1/credentials"},
    ]
    annotations = {
        "kubectl.kubernetes.io/last-applied-configuration": json.dumps({"env": env}),
        "vendor.example/token": "s3cret",
        "eks.amazonaws.com/skip-containers": "sidecar",
    }
    pod = project_pods.pod(
        {
            "metadata": {"namespace": "shop", "name": "p", "annotations": annotations},
            "spec": {"containers": [{"name": "app", "image": "i", "env": env}]},
        }
    )
    assert "s3cret" not in repr(pod)
    assert pod.annotations == {"eks.amazonaws.com/skip-containers": "sidecar"}
    assert pod.containers[0].env == {
        "AWS_SECRET_ACCESS_KEY": "",
        "AWS_ACCESS_KEY_ID": "",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "",
        "HTTPS_PROXY": "",
        "AWS_PROFILE": "",
        "AWS_REGION": "us-west-2",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
    }


def test_where_variables_and_files_come_from() -> None:
    spec = {
        "volumes": [
            {"name": "keys", "secret": {"secretName": "aws"}},
            {"name": "cache", "emptyDir": {}},
            {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
        ],
        "containers": [
            {
                "name": "app",
                "env": [
                    {"name": "AWS_ACCESS_KEY_ID", "value": ""},
                    {"name": "AWS_ROLE_ARN"},
                    {"name": "AWS_SHARED_CREDENTIALS_FILE", "value": "/data/credentials"},
                ],
                "envFrom": [
                    {"configMapRef": {"name": "settings"}, "prefix": "APP_"},
                    {"secretRef": {"name": "keys", "optional": True}},
                ],
                "volumeMounts": [
                    {"name": "keys", "mountPath": "/root/.aws/"},
                    {"name": "cache", "mountPath": "/tmp"},
                    {"name": "data", "mountPath": "/data"},
                ],
            }
        ],
    }
    (container,) = project_pods.pod({"metadata": {"namespace": "shop", "name": "p"}, "spec": spec}).containers
    assert container.blank == ("AWS_ACCESS_KEY_ID", "AWS_ROLE_ARN")
    assert [container.sets(name) for name in ("AWS_ROLE_ARN", "AWS_SHARED_CREDENTIALS_FILE")] == [False, True]
    assert container.env_from == (EnvSource("ConfigMap", "settings", "APP_"), EnvSource("Secret", "keys"))
    assert container.mounts == (
        Mount("/root/.aws", "secret", "aws"),
        Mount("/data", "persistentVolumeClaim", "data"),
    )


def test_of_a_config_map_only_the_names_are_kept() -> None:
    proxies = {"HTTP_PROXY": "http://user:s3cret@proxy", "no_proxy": "s3cret.example, 169.254.170.23"}
    item = {"data": {"AWS_PROFILE": "s3cret", **proxies}, "binaryData": {"blob": "czNjcmV0"}}
    kept = {"AWS_PROFILE": "", "HTTP_PROXY": "", "no_proxy": "169.254.170.23", "blob": ""}
    assert project_pods.keys_of(item) == kept


def test_a_pod_with_next_to_nothing() -> None:
    pod = project_pods.pod({"metadata": {"namespace": "shop", "name": "p"}, "spec": {"containers": []}, "status": None})
    assert (pod.service_account, pod.containers, pod.owner, pod.volumes, pod.phase) == ("default", (), None, (), "")


def test_a_pod_that_cannot_start() -> None:
    pod = project_pods.pod(
        {
            "metadata": {"namespace": "shop", "name": "p", "deletionTimestamp": "2026-11-24T14:44:14Z"},
            "spec": {"initContainers": [{"name": "init"}], "containers": [{"name": "app"}]},
            "status": {
                "phase": "Pending",
                "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}],
                "containerStatuses": [
                    {"name": "app", "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
                ],
            },
        }
    )
    assert (pod.reason, pod.deleting, pod.ready) == ("Unschedulable", True, False)
    assert pod.containers == (
        Container(name="init", image="", init=True),
        Container(name="app", image="", waiting="CrashLoopBackOff", restarts=4),
    )


def test_workloads_with_on_delete_and_jobs() -> None:
    stateful_set = project.workload("StatefulSet", body("statefulset OnDelete create"))
    assert (stateful_set.name, stateful_set.service_account, stateful_set.on_delete) == ("db", "orders", True)
    job = project.workload("Job", body("job create"))
    assert (job.name, job.service_account, job.replicas) == ("probe", "orders", 0)
    cron_job = {"metadata": {"name": "nightly"}, "spec": {"jobTemplate": {"spec": body("job create")["spec"]}}}
    assert project.workload("CronJob", cron_job).service_account == "orders"


def test_a_daemon_set() -> None:
    agent = project.daemon_set(body("daemonset get"))
    assert (agent.namespace, agent.name, agent.desired, agent.ready) == ("kube-system", "eks-pod-identity-agent", 3, 3)
    assert agent.args[:4] == ("--port", "80", "--cluster-name", "demo")


def test_rollouts_of_a_real_deployment() -> None:
    before = rollout("Deployment", body("deployment get rolled out"))
    assert before == Rollout(
        kind="Deployment", namespace="gold2", name="web", desired=2, updated=2, available=2, service_account="orders"
    )
    during = rollout("Deployment", body("deployment get during rollout"))
    assert (during.done, during.waiting) == (False, "the controller has not observed the change yet")
    assert during.restarted_at == "2026-11-24T00:00:00Z"
    assert rollout("Deployment", body("deployment get after rollout")).done


@table(
    ("kind", "spec", "status", "waiting", "failed"),
    [
        ("Deployment", {"replicas": 3}, {"updatedReplicas": 1}, "1 of 3 pods are updated", ""),
        ("Deployment", {"replicas": 2}, {"replicas": 3, "updatedReplicas": 2}, "1 old pod is pending termination", ""),
        (
            "Deployment",
            {"replicas": 2},
            {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 1},
            "1 of 2 pods are available",
            "",
        ),
        (
            "Deployment",
            {"replicas": 1},
            {"conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded", "message": "timed out"}]},
            "0 of 1 pods are updated",
            "timed out",
        ),
        (
            "StatefulSet",
            {"replicas": 1},
            {"updatedReplicas": 1, "availableReplicas": 1, "updateRevision": "b", "currentRevision": "a"},
            "the new revision is not current yet",
            "",
        ),
        (
            "StatefulSet",
            {"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 2}}},
            {"updatedReplicas": 1, "availableReplicas": 3, "updateRevision": "b", "currentRevision": "a"},
            "",
            "",
        ),
        (
            "DaemonSet",
            {},
            {"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 2},
            "2 of 3 pods are available",
            "",
        ),
    ],
)
def test_what_a_rollout_waits_for(
    kind: str, spec: dict[str, Any], status: dict[str, Any], waiting: str, failed: str
) -> None:
    found = rollout(kind, {"metadata": {"name": "x"}, "spec": spec, "status": status})
    assert (found.waiting, found.failed) == (waiting, failed)


def test_lists_are_complete_and_sorted(lab: KubeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = lab.reader.list_pods()
    monkeypatch.setattr("podid.kube.transport.PAGE", 2)
    assert lab.reader.list_pods() == whole
    assert [(pod.namespace, pod.name) for pod in whole] == sorted((pod.namespace, pod.name) for pod in whole)
    assert {pod.service_account for pod in whole} == {"default", "billing-worker", "orders", "reports"}


def test_pods_of_a_service_account_of_labels_and_of_a_namespace(lab: KubeWorld) -> None:
    whole = lab.reader.list_pods()
    shop = tuple(pod for pod in whole if pod.namespace == "shop")
    assert lab.reader.list_pods("shop") == shop
    assert lab.reader.list_pods("shop", service_account="orders") == shop
    assert lab.reader.list_pods(selector={"app": "orders"}) == shop
    assert lab.reader.list_pods("shop", service_account="nobody") == ()


def test_find_and_get(lab: KubeWorld) -> None:
    account = lab.reader.get_service_account(ORDERS)
    assert account.created_at is not None
    made = account.created_at
    assert account == ServiceAccount(namespace="shop", name="orders", uid=account.uid, created_at=made)
    assert lab.reader.find_service_account(ServiceAccountRef("shop", "nobody")) is None
    assert lab.reader.find_service_account(ServiceAccountRef("nowhere", "nobody")) is None
    with pytest.raises(NotFound) as raised:
        lab.reader.get_rollout("StatefulSet", "shop", "nope")
    assert raised.value.message == "StatefulSet shop/nope does not exist"


def test_find_does_not_hide_a_missing_permission(lab: KubeWorld) -> None:
    lab.sandbox.add_user("nobody-token", "nobody", rules=[])
    reader, _ = lab.login("nobody-token")
    with pytest.raises(AccessDenied) as raised:
        reader.find_service_account(ORDERS)
    assert raised.value.permission == "get serviceaccounts in namespace shop"
    with pytest.raises(AccessDenied) as raised:
        reader.list_nodes()
    assert raised.value.permission == "list nodes (cluster-wide)"


def test_workloads_and_their_owners(lab: KubeWorld) -> None:
    (orders,) = (each for each in lab.reader.list_workloads("shop") if each.kind == "Deployment")
    assert orders == Workload(
        kind="Deployment",
        namespace="shop",
        name="orders",
        uid=orders.uid,
        service_account="orders",
        replicas=2,
        ready=2,
        updated=2,
        generation=1,
        observed_generation=1,
        labels={"app": "orders"},
    )
    assert [(w.kind, w.name) for w in lab.reader.list_workloads()] == [
        ("Deployment", "reports"),
        ("Deployment", "billing-worker"),
        ("Deployment", "orders"),
        ("DaemonSet", "eks-pod-identity-agent"),
    ]
    owner = lab.reader.list_pods("shop")[0].owner
    assert owner is not None
    assert lab.reader.list_owners("shop", "ReplicaSet") == {owner.uid: OwnerRef("Deployment", "orders", orders.uid)}


def test_namespaces_nodes_and_irsa_annotations(lab: KubeWorld) -> None:
    assert lab.reader.list_namespaces() == (
        *("default", "kube-node-lease", "kube-public", "kube-system"),
        *("legacy", "payments", "shop"),
    )
    nodes = lab.reader.list_nodes()
    assert [(node.os, node.arch, node.compute_type, node.ready) for node in nodes] == [("linux", "amd64", "", True)] * 3
    roles = {str(account.ref): account.irsa_role_arn for account in lab.reader.list_service_accounts("legacy")}
    assert roles == {"legacy/default": "", "legacy/reports": "arn:aws:iam::111122223333:role/irsa-reports"}


def test_the_agent(lab: KubeWorld) -> None:
    (agent,) = lab.reader.list_agent_daemon_sets()
    assert (agent.name, agent.desired, agent.ready) == ("eks-pod-identity-agent", 3, 3)
    pods = lab.reader.list_agent_pods()
    assert len(pods) == 3
    # the chart gives its DaemonSets the same labels, and one may be chosen by an expression, which gives none
    other = replace(agent, name="eks-pod-identity-agent-hybrid")
    assert lab.reader.list_pods_of((agent, other)) == lab.reader.list_pods_of((replace(agent, selector={}),)) == pods
    assert lab.reader.list_pods_of((other,)) == ()


def test_no_log_is_read_with_a_token_in_it() -> None:
    """Whoever shows a line of it, in a list or in an error, need not think of that."""
    token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzIn0.c2ln"
    text: Any = SimpleNamespace(text=lambda path, query: f'level=error token="{token}" url=k8s-aws-v1.aHR0cHM6')
    assert KubeReader(text).read_log("shop", "p", container="c") == 'level=error token="[token]" url=[token]'


def test_the_webhooks_registration(lab: KubeWorld) -> None:
    found = lab.reader.find_webhook()
    assert found is not None
    assert (found.on_create, found.versions, found.differences()) == (True, ("v1beta1",), ())
    assert found.excluding_selector("shop", {}) == ""
    assert found.excluding_selector("shop", {"eks.amazonaws.com/skip-pod-identity-webhook": ""}) == "its objectSelector"
    lab.sandbox.delete(kinds.MUTATING_WEBHOOKS, "", "pod-identity-webhook")
    assert lab.reader.find_webhook() is None


def test_service_accounts_are_made_and_removed(lab: KubeWorld) -> None:
    later = ServiceAccountRef("shop", "later")
    made = lab.writer.create_service_account(later)
    assert lab.reader.get_service_account(later) == made
    lab.writer.delete_service_account(later, uid=made.uid)
    assert lab.reader.find_service_account(later) is None


def test_an_expired_list_is_read_again(lab: KubeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podid.kube.transport.PAGE", 3)
    lab.sandbox.faults.add(Fault("fail", operation="*continue=*", status=410, times=1))
    assert len(lab.reader.list_pods()) == 7


def test_a_token_request_is_bound_to_the_pod(lab: KubeWorld) -> None:
    pod = lab.reader.list_pods("shop")[0]
    claims = lab.sandbox.review_token(lab.writer.request_token(ORDERS, pod), "pods.eks.amazonaws.com")
    assert (claims.namespace, claims.service_account, claims.pod_uid) == ("shop", "orders", pod.uid)
    with pytest.raises(NotFound) as raised:
        lab.writer.request_token(ORDERS, replace(pod, name="nope"))
    assert raised.value.message == "pod shop/nope does not exist"


def test_a_kubeconfig_whose_ca_is_the_clusters(
    lab: KubeWorld, tmp_path: Any, make_cluster: Callable[..., Cluster]
) -> None:
    file = tmp_path / "config"
    file.write_text(json.dumps(lab.sandbox.kubeconfig(lab.sandbox.admin_token)))
    elsewhere = make_cluster("https://abc.gr7.us-west-2.eks.amazonaws.com", pem=lab.sandbox.ca_pem.decode())
    connection = connect(elsewhere, kubeconfig=str(file))
    assert KubeReader(Transport(connection)).check().startswith("v1.35")

"""Pods of the API as domain values: no secret is kept."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from harness import table
from podid.domain.cluster import Container, EnvSource, Mount, OwnerRef, Pod
from podid.kube import project_pods

from .kube_server import recorded

T0, T1 = "2026-11-24T10:00:00Z", "2026-11-24T10:00:20Z"


def pod(last: dict[str, Any], ready: str = "True") -> dict[str, Any]:
    return {
        "metadata": {"namespace": "shop", "name": "a"},
        "spec": {"containers": [{"name": "app"}]},
        "status": {
            "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": T1}],
            "containerStatuses": [{"name": "app", "lastState": last}],
        },
    }


@pytest.mark.parametrize(
    ("run", "failed"),
    [
        ({"exitCode": 1, "startedAt": T0, "finishedAt": T1}, True),
        ({"exitCode": 0, "startedAt": T0, "finishedAt": T1}, False),
        # a container that was lost has no times
        ({"exitCode": 137, "startedAt": None, "finishedAt": None}, False),
    ],
)
def test_the_times_of_a_failed_run(run: dict[str, Any], failed: bool) -> None:
    (container,) = project_pods.pod(pod({"terminated": run})).containers
    times = datetime(2026, 11, 24, 10, tzinfo=UTC), datetime(2026, 11, 24, 10, 0, 20, tzinfo=UTC)
    assert container.failed == (times if failed else None)


@pytest.mark.parametrize(("policy", "ports"), [("Always", (80,)), (None, ())])
def test_ports_of_sidecars(policy: str | None, ports: tuple[int, ...]) -> None:
    sidecar = {"name": "proxy", "ports": [{"containerPort": 8080, "hostPort": 80}], "restartPolicy": policy}
    assert project_pods.host_ports({"containers": [{"name": "app"}], "initContainers": [sidecar]}) == ports


def test_another_protocol_leaves_the_port_to_the_agent() -> None:
    ports = [{"containerPort": 80, "hostPort": 80, "protocol": name} for name in ("UDP", "SCTP")]
    assert project_pods.host_ports({"containers": [{"name": "app", "ports": ports}]}) == ()
    assert project_pods.host_ports({"containers": [{"name": "app", "ports": [{**ports[0], "protocol": "TCP"}]}]}) == (
        80,
    )


def test_the_time_since_which_a_pod_is_ready() -> None:
    assert project_pods.pod(pod({})).ready_since == datetime(2026, 11, 24, 10, 0, 20, tzinfo=UTC)
    assert project_pods.pod(pod({}, ready="False")).ready_since is None


def test_a_pod_of_a_deployment() -> None:
    (item,) = recorded("pods of the deployment (owner chain)").body["items"]
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


def test_values_of_secrets_are_not_kept() -> None:
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


def test_sources_of_variables_and_files() -> None:
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


def test_only_the_names_of_a_config_map_are_kept() -> None:
    proxies = {"HTTP_PROXY": "http://user:s3cret@proxy", "no_proxy": "s3cret.example, 169.254.170.23"}
    item = {"data": {"AWS_PROFILE": "s3cret", **proxies}, "binaryData": {"blob": "czNjcmV0"}}
    kept = {"AWS_PROFILE": "", "HTTP_PROXY": "", "no_proxy": "169.254.170.23", "blob": ""}
    assert project_pods.keys_of(item) == kept


def test_a_pod_without_optional_members() -> None:
    pod = project_pods.pod({"metadata": {"namespace": "shop", "name": "p"}, "spec": {"containers": []}, "status": None})
    assert (pod.service_account, pod.containers, pod.owner, pod.volumes, pod.phase) == ("default", (), None, (), "")


@table(
    ("version", "kind", "expected"),
    [
        ("apps/v1", "StatefulSet", "StatefulSet"),
        ("apps.kruise.io/v1beta1", "StatefulSet", "StatefulSet.apps.kruise.io"),
        ("apps.kruise.io/v1alpha1", "CloneSet", "CloneSet"),
        ("v1", "ReplicationController", "ReplicationController"),
    ],
)
def test_a_custom_resource_is_not_the_controller_of_kubernetes_with_its_name(
    version: str, kind: str, expected: str
) -> None:
    reference = {"apiVersion": version, "kind": kind, "name": "db", "uid": "u", "controller": True}
    assert project_pods.owner({"ownerReferences": [reference]}) == OwnerRef(expected, "db", "u")


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


def test_variables_of_a_daemon_set_show_only_the_host_of_an_endpoint() -> None:
    items = [
        {"name": "AWS_ENDPOINT_URL", "value": "https://user:s3cret@vpce.example:443/path?key=s3cret"},
        {"name": "AWS_ENDPOINT_URL_EKS_AUTH", "value": "https://[broken"},
        {"name": "AWS_ENDPOINT_URL_S3", "value": "https://s3.example"},
        {"name": "DATABASE", "value": "s3cret"},
    ]
    assert project_pods.daemon_env(items) == {
        "AWS_ENDPOINT_URL": "vpce.example",
        "AWS_ENDPOINT_URL_EKS_AUTH": "",
        "AWS_ENDPOINT_URL_S3": "",
    }


@pytest.mark.parametrize(
    ("spec", "windows"),
    [
        ({"os": {"name": "windows"}}, True),
        ({"nodeSelector": {"kubernetes.io/os": "windows"}}, True),
        ({"os": {"name": "linux"}, "nodeSelector": {"disk": "ssd"}}, False),
        ({}, False),
    ],
)
def test_the_operating_system_that_a_pod_requires(spec: dict[str, Any], windows: bool) -> None:
    item = pod({})
    assert project_pods.pod({**item, "spec": {**item["spec"], **spec}}).windows is windows


TOKEN = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token"
FOLDER, _, FILE = TOKEN.rpartition("/")


@pytest.mark.parametrize(
    ("file", "mounts", "path", "unmounted"),
    [
        (TOKEN, [{"name": "eks-pod-identity-token", "mountPath": FOLDER}], FILE, False),
        (TOKEN, [{"name": "eks-pod-identity-token", "mountPath": f"{FOLDER}/"}], FILE, False),
        (TOKEN, [{"name": "eks-pod-identity-token", "mountPath": TOKEN, "subPath": FILE}], FILE, False),
        (TOKEN, [{"name": "own", "mountPath": "/var/run/secrets"}], FILE, False),
        (TOKEN, [], FILE, True),
        (TOKEN, [{"name": "eks-pod-identity-token", "mountPath": "/var/run/secrets/other"}], FILE, True),
        (TOKEN, [{"name": "eks-pod-identity-token", "mountPath": FOLDER}], "token", True),
        # the image may contain it
        ("/own/token", [], FILE, False),
        ("C:" + TOKEN.replace("/", "\\"), [], FILE, False),
        (None, [], FILE, False),
    ],
)
def test_the_mount_of_the_token(file: str | None, mounts: list[Any], path: str, unmounted: bool) -> None:
    token = {"serviceAccountToken": {"audience": "pods.eks.amazonaws.com", "path": path}}
    volumes = [{"name": "eks-pod-identity-token", "projected": {"sources": [token]}}, {"name": "own", "emptyDir": {}}]
    env = [{"name": "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "value": file}] if file else []
    spec = {"volumes": volumes, "containers": [{"name": "app", "env": env, "volumeMounts": mounts}]}
    (container,) = project_pods.pod({"metadata": {"namespace": "shop", "name": "p"}, "spec": spec}).containers
    assert container.unmounted is unmounted

"""Kubernetes objects that run podid in a cluster."""

from typing import Any

import kubernetes.client

from harness import table
from podid.ops.declare.manifests import MOUNT, Setting, job, object_name, reconciling

SETTING = Setting(
    name="podid-reconcile-shop",
    namespace="podid",
    image="image",
    cluster_arn="arn:aws:eks:us-west-2:111122223333:cluster/demo",
    words=("reconcile", f"--file={MOUNT}", "--apply"),
    files={"identities.yaml": "x"},
)


def kinds(interval: float) -> dict[str, Any]:
    """Return the objects by kind. The models of the Kubernetes API refuse unknown, wrong and missing members."""
    objects = reconciling(SETTING, interval)
    for item in objects:
        getattr(kubernetes.client, f"V1{item['kind']}").model_validate(item)
    return {item["kind"]: item for item in objects}


@table(
    ("interval", "schedule"),
    [
        *((60, "*/1 * * * *"), (300, "*/5 * * * *"), (1800, "*/30 * * * *")),
        *((3600, "0 */1 * * *"), (7200, "0 */2 * * *"), (43200, "0 */12 * * *"), (86400, "0 0 * * *")),
        # the steps begin again every hour, every day and every month
        *((20, ""), (90, ""), (420, ""), (3540, ""), (5400, ""), (18000, ""), (172800, "")),
    ],
)
def test_the_schedule_has_the_interval(interval: float, schedule: str) -> None:
    cron = kinds(interval).get("CronJob")
    assert (cron["spec"]["schedule"] if cron else "") == schedule


def test_only_the_deployment_runs_and_repeats_its_rounds() -> None:
    objects = kinds(300)
    assert objects.keys() == {"Namespace", "ServiceAccount", "ConfigMap", "Deployment", "CronJob"}
    cron, deployment = objects["CronJob"]["spec"], objects["Deployment"]["spec"]
    assert (cron["suspend"], cron["concurrencyPolicy"], deployment["replicas"]) == (True, "Forbid", 1)
    (once,) = cron["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    (repeated,) = deployment["template"]["spec"]["containers"]
    more = [f"--cluster={SETTING.cluster_arn}", "--output=jsonl"]
    assert once["args"] == [*SETTING.words, "--once", *more]
    assert repeated["args"] == [*SETTING.words, "--interval=300s", "--listen=:8080", *more]
    assert repeated["livenessProbe"]["httpGet"]["port"] == repeated["ports"][0]["containerPort"] == 8080


def test_files_are_mounted_read_only_and_pods_have_no_privileges() -> None:
    pod = kinds(300)["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["volumeMounts"][0] == {"name": "files", "mountPath": MOUNT, "readOnly": True}
    assert pod["volumes"][0] == {"name": "files", "configMap": {"name": SETTING.name}}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["securityContext"]["runAsNonRoot"] is True
    without = job(Setting(name="a", namespace="b", image="c", cluster_arn="d", words=()))
    assert [item["name"] for item in without["spec"]["template"]["spec"]["volumes"]] == ["tmp"]


@table(
    ("name", "expected"),
    [
        ("shop", "podid-reconcile-shop"),
        ("Team_A.web", "podid-reconcile-team-a-web"),
        ("a" * 128, f"podid-reconcile-{'a' * 36}"),
        (f"{'a' * 35}_b", f"podid-reconcile-{'a' * 35}"),
    ],
)
def test_objects_have_a_name_that_kubernetes_allows(name: str, expected: str) -> None:
    assert object_name(name) == expected

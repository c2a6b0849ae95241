"""Kubernetes objects that run podid in a cluster, without its permissions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from podid.kube.writer import SECURE_CONTAINER, SECURE_POD

Manifest = dict[str, Any]
PORT = 8080
MOUNT = "/etc/podid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """`name` is the name of every object; `words` are command and options; `files` are declarations by file name."""

    name: str
    namespace: str
    image: str
    cluster_arn: str
    words: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def group(self) -> str:
        """Return the Kubernetes group of the access entry of the role."""
        return self.name

    def metadata(self) -> Manifest:
        return {"name": self.name, "namespace": self.namespace, "labels": {"app.kubernetes.io/name": self.name}}


def object_name(name: str) -> str:
    """Return the name of the Lease and of the objects that reconcile the file `name`, as Kubernetes allows it."""
    return f"podid-reconcile-{re.sub('[^a-z0-9-]', '-', name.lower())}"[:52].rstrip("-")


def reconciling(setting: Setting, interval: float) -> list[Manifest]:
    """Return namespace, service account, files, Deployment and CronJob for podid reconcile with an interval in seconds.
    Apply only one of the last two. There is no CronJob if no schedule has the interval."""
    schedule = schedule_of(interval)
    # the Deployment does the same: resume the CronJob in its place
    cron = cron_job(replace(setting, words=(*setting.words, "--once")), schedule, suspend=True)
    return [
        *account(setting),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": setting.metadata(), "data": dict(setting.files)},
        _deployment(setting, interval),
        *([cron] if schedule else []),
    ]


# the steps of a cron expression begin again every hour and every day
MINUTES = tuple(number for number in range(1, 60) if not 60 % number)
HOURS = tuple(number for number in range(1, 24) if not 24 % number)


def schedule_of(interval: float) -> str:
    """Return the cron expression with an interval in seconds; empty if there is none."""
    hours = interval / 3600
    if interval / 60 in MINUTES:
        return f"*/{interval / 60:g} * * * *"
    if hours in HOURS:
        return f"0 */{hours:g} * * *"
    return "0 0 * * *" if hours == 24 else ""


def account(setting: Setting) -> list[Manifest]:
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": setting.namespace}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": setting.metadata()},
    ]


def job(setting: Setting) -> Manifest:
    return _workload("batch/v1", "Job", setting, _job_spec(setting))


def cron_job(setting: Setting, schedule: str, *, suspend: bool = False) -> Manifest:
    spec = {
        "schedule": schedule,
        "suspend": suspend,
        "concurrencyPolicy": "Forbid",
        "jobTemplate": {"spec": _job_spec(setting)},
    }
    return _workload("batch/v1", "CronJob", setting, spec)


def _workload(version: str, kind: str, setting: Setting, spec: Manifest) -> Manifest:
    return {"apiVersion": version, "kind": kind, "metadata": setting.metadata(), "spec": spec}


def _job_spec(setting: Setting) -> Manifest:
    return {
        "backoffLimit": 0,
        "ttlSecondsAfterFinished": 3600,
        "template": {"spec": _pod(setting, _container(setting), "Never")},
    }


def _deployment(setting: Setting, interval: float) -> Manifest:
    labels = {"app.kubernetes.io/name": setting.name}
    words = (*setting.words, f"--interval={interval:g}s", f"--listen=:{PORT}")
    probe = {"httpGet": {"path": "/healthz", "port": PORT}, "periodSeconds": 30, "failureThreshold": 3}
    container = {**_container(replace(setting, words=words)), "ports": [{"name": "metrics", "containerPort": PORT}]}
    pod = _pod(setting, {**container, "livenessProbe": probe}, "Always")
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    return _workload("apps/v1", "Deployment", setting, spec)


def _container(setting: Setting) -> Manifest:
    mounts: list[Manifest] = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108
    if setting.files:
        mounts.insert(0, {"name": "files", "mountPath": MOUNT, "readOnly": True})
    return {
        "name": "podid",
        "image": setting.image,
        "args": [*setting.words, f"--cluster={setting.cluster_arn}", "--output=jsonl"],
        "env": [{"name": "HOME", "value": "/tmp"}],  # noqa: S108  an empty directory of the pod
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": SECURE_CONTAINER,
        "volumeMounts": mounts,
    }


def _pod(setting: Setting, container: Manifest, restarts: str) -> Manifest:
    files = [{"name": "files", "configMap": {"name": setting.name}}] if setting.files else []
    return {
        "serviceAccountName": setting.name,
        "restartPolicy": restarts,
        "terminationGracePeriodSeconds": 30,
        "securityContext": SECURE_POD,
        "containers": [container],
        "volumes": [*files, {"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}],
    }

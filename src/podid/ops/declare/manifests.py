"""Kubernetes objects that run `podid reconcile` in a cluster, without its permissions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Manifest = dict[str, Any]
PORT = 8080
_MOUNT = "/etc/podid"
# of the image
_USER = 65532


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """`name` is the name of every object, `files` are the declarations by file name, `interval` is in seconds."""

    name: str
    namespace: str
    image: str
    cluster_arn: str
    files: Mapping[str, str]
    interval: float
    flags: tuple[str, ...]

    @property
    def group(self) -> str:
        """Return the Kubernetes group of the access entry of the role."""
        return self.name

    def metadata(self) -> Manifest:
        return {"name": self.name, "namespace": self.namespace, "labels": {"app.kubernetes.io/name": self.name}}


def manifests(setting: Setting) -> list[Manifest]:
    """Return namespace, service account, files, Deployment and CronJob. Apply only one of the last two."""
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": setting.namespace}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": setting.metadata()},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": setting.metadata(), "data": dict(setting.files)},
        _deployment(setting),
        _cron_job(setting),
    ]


def _deployment(setting: Setting) -> Manifest:
    labels = {"app.kubernetes.io/name": setting.name}
    more = (f"--interval={setting.interval:g}s", f"--listen=:{PORT}")
    probe = {"httpGet": {"path": "/healthz", "port": PORT}, "periodSeconds": 30, "failureThreshold": 3}
    container = {**_container(setting, more), "ports": [{"name": "metrics", "containerPort": PORT}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": setting.metadata(),
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": _pod(setting, {**container, "livenessProbe": probe}, "Always"),
            },
        },
    }


def _cron_job(setting: Setting) -> Manifest:
    minutes = max(round(setting.interval / 60), 1)
    schedule = f"*/{minutes} * * * *" if minutes < 60 else "0 * * * *"
    template = {"spec": _pod(setting, _container(setting, ("--once",)), "Never")}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": setting.metadata(),
        "spec": {
            "schedule": schedule,
            # the Deployment does the same: resume the CronJob in its place
            "suspend": True,
            "concurrencyPolicy": "Forbid",
            "jobTemplate": {"spec": {"backoffLimit": 0, "ttlSecondsAfterFinished": 3600, "template": template}},
        },
    }


def _container(setting: Setting, more: tuple[str, ...]) -> Manifest:
    arguments = ["reconcile", f"--file={_MOUNT}", f"--cluster={setting.cluster_arn}", *setting.flags, *more]
    return {
        "name": "podid",
        "image": setting.image,
        "args": [*arguments, "--output=jsonl"],
        "env": [{"name": "HOME", "value": "/tmp"}],  # noqa: S108  an empty directory of the pod
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "files", "mountPath": _MOUNT, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
        ],
    }


def _pod(setting: Setting, container: Manifest, restarts: str) -> Manifest:
    return {
        "serviceAccountName": setting.name,
        "restartPolicy": restarts,
        "terminationGracePeriodSeconds": 30,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [
            {"name": "files", "configMap": {"name": setting.name}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}},
        ],
    }

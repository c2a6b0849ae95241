"""The pods that podid itself asks for, as manifests: what the restricted Pod Security Standard and the usual policies
(requests, limits, no token of the API server, no root) let pass."""

from collections.abc import Mapping

from podid.domain.evidence import PROBE_LABELS
from podid.domain.names import ServiceAccountRef
from podid.kube.transport import Json

PROBE_NAME = "podid-probe-"
CONTAINER = "probe"
# Kubernetes deletes the Job that long after its end, whatever became of podid
_KEPT_SECONDS = 60


def probe_pod(ref: ServiceAccountRef, image: str, labels: Mapping[str, str] | None = None) -> Json:
    """A pod that is never made: only what the webhooks would make of it is looked at."""
    container = {"resources": _resources("16Mi", cpu="10m")}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"generateName": PROBE_NAME, "labels": dict(labels or {"app.kubernetes.io/name": "podid-probe"})},
        "spec": _spec(ref, image, container),
    }


def probe_job(ref: ServiceAccountRef, name: str, *, image: str, node: str, region: str, seconds: int) -> Json:
    """A Job of one pod that asks AWS once who it is: what it prints is an identity, and no credential."""
    container = {
        "command": ["aws", "sts", "get-caller-identity", "--output", "json"],
        "env": [
            {"name": "AWS_REGION", "value": region},
            # the node's own role must not stand in for an answer
            {"name": "AWS_EC2_METADATA_DISABLED", "value": "true"},
            {"name": "AWS_MAX_ATTEMPTS", "value": "2"},
            {"name": "HOME", "value": "/tmp"},  # noqa: S108  the pod's own, empty and gone with it
        ],
        # the AWS CLI takes a second of a processor to start
        "resources": _resources("256Mi", cpu="500m", memory="64Mi"),
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108
    }
    spec = _spec(ref, image, container) | {"volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "16Mi"}}]}
    if node:
        fields = [{"key": "metadata.name", "operator": "In", "values": [node]}]
        here = {"nodeSelectorTerms": [{"matchFields": fields}]}
        spec["affinity"] = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": here}}
        # a pod that runs there is let onto the node; its tolerations are not known here
        spec["tolerations"] = [{"operator": "Exists"}]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": PROBE_LABELS},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": seconds,
            "ttlSecondsAfterFinished": _KEPT_SECONDS,
            "template": {"metadata": {"labels": PROBE_LABELS}, "spec": spec},
        },
    }


def _spec(ref: ServiceAccountRef, image: str, container: Json) -> Json:
    secure = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    return {
        "serviceAccountName": ref.name,
        "automountServiceAccountToken": False,
        "restartPolicy": "Never",
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [{"name": CONTAINER, "image": image, "securityContext": secure, **container}],
    }


def _resources(limit: str, *, cpu: str, memory: str = "") -> Json:
    return {"requests": {"cpu": "10m", "memory": memory or limit}, "limits": {"cpu": cpu, "memory": limit}}

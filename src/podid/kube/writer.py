"""Changes in the cluster, and two requests that have the form of a write and change nothing.

Errors are those of `podid.kube.errors`: AccessDenied with the permission, Rejected for a refusal by an admission
policy.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from podid.domain.cluster import Lease, Pod, ServiceAccount
from podid.domain.evidence import PROBE_LABELS
from podid.domain.foreign import at as member
from podid.domain.foreign import text
from podid.domain.names import PODS_PRINCIPAL, ServiceAccountRef
from podid.domain.permissions import KubePermission, needs
from podid.domain.text import utc
from podid.domain.workloads import RESTARTABLE
from podid.kube import project, project_pods
from podid.kube.paths import on, path_of
from podid.kube.rollout import RESTARTED_AT, Rollout, rollout
from podid.kube.transport import Json, Transport


class KubeWriter:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @needs(*on("create", "Pod"))
    def dry_run_pod(self, ref: ServiceAccountRef, *, image: str, labels: Mapping[str, str] | None = None) -> Pod:
        """Return the pod that the API server would create for `ref` after all admission webhooks, with labels that
        webhooks may select by. Nothing is created.

        Each call opens its own connection, to reach several API servers behind a load balancer. Raise NotFound if the
        service account or its namespace does not exist, Rejected if an admission policy rejects the pod.
        """
        fresh = self._transport.fresh()
        try:
            path = path_of("Pod", ref.namespace)
            return fresh.post(path, probe_pod(ref, image, labels), project_pods.pod, {"dryRun": "All"}, idempotent=True)
        finally:
            fresh.close()

    @needs(*on("patch", *RESTARTABLE))
    def restart(self, kind: str, namespace: str, name: str, *, at: datetime) -> Rollout:
        """Replace the pods of a Deployment, StatefulSet or DaemonSet as `kubectl rollout restart` does."""
        patch = {"spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: utc(at)}}}}}
        return self._transport.patch(path_of(kind, namespace, name), patch, partial(rollout, kind))

    @needs(KubePermission("", "pods/eviction", "create"))
    def evict(self, namespace: str, name: str, *, uid: str) -> None:
        """Evict one pod as `kubectl drain` does. Raise BudgetHolds if a PodDisruptionBudget prevents it for now,
        NotFound if the pod is gone, Conflict if another pod has its name now."""
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": namespace},
            "deleteOptions": {"preconditions": {"uid": uid}},
        }
        self._transport.post(path_of("Pod", namespace, name) + "/eviction", body, lambda _: None)

    @needs(KubePermission("", "serviceaccounts/token", "create"))
    def request_token(self, ref: ServiceAccountRef, pod: Pod) -> str:
        """Return a token of the service account for Pod Identity, valid while `pod` exists. It is a credential: never
        print it."""
        return self._transport.post(
            path_of("ServiceAccount", ref.namespace, ref.name) + "/token",
            {
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenRequest",
                "spec": {
                    "audiences": [PODS_PRINCIPAL],
                    # the shortest lifetime in Kubernetes
                    "expirationSeconds": 600,
                    "boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": pod.name, "uid": pod.uid},
                },
            },
            member("status", lambda status: text(status, "token")),
            idempotent=True,
        )

    @needs(*on("patch", *RESTARTABLE, "CronJob"))
    def patch_pod_template(
        self, kind: str, namespace: str, name: str, *, account: str = "", annotations: Mapping[str, str | None]
    ) -> None:
        """Set annotations of a pod template, remove those that are None, and set its service account, if specified.
        Everything else stays. The controller replaces the pods with its own strategy."""
        spec = {"spec": {"serviceAccountName": account, "serviceAccount": account}} if account else {}
        change: Json = {"template": {"metadata": {"annotations": dict(annotations)}, **spec}}
        patch = {"spec": {"jobTemplate": {"spec": change}} if kind == "CronJob" else change}
        self._transport.patch(path_of(kind, namespace, name), patch, lambda _: None)

    @needs(*on("create", "ServiceAccount"))
    def create_service_account(
        self, ref: ServiceAccountRef, settings: Mapping[str, object] | None = None
    ) -> ServiceAccount:
        """Create a service account, with these further members. Raise AlreadyExists if it exists, NotFound if its
        namespace does not."""
        body: Json = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ref.name}, **(settings or {})}
        return self._transport.post(path_of("ServiceAccount", ref.namespace), body, project.service_account)

    @needs(*on("patch", "ServiceAccount"))
    def annotate(self, ref: ServiceAccountRef, annotations: Mapping[str, str | None]) -> ServiceAccount:
        """Set annotations, and remove those that are None; everything else of the service account stays. Raise NotFound
        if it is gone."""
        patch: Json = {"metadata": {"annotations": dict(annotations)}}
        path = path_of("ServiceAccount", ref.namespace, ref.name)
        return self._transport.patch(path, patch, project.service_account)

    @needs(*on("delete", "ServiceAccount"))
    def delete_service_account(self, ref: ServiceAccountRef, *, uid: str = "") -> None:
        """Delete a service account. Raise NotFound if it is gone; with `uid`, Conflict if another account has its name
        now."""
        self._transport.delete(path_of("ServiceAccount", ref.namespace, ref.name), uid=uid)

    @needs(*on("delete", "DaemonSet", "Deployment"))
    def delete_workload(self, kind: str, namespace: str, name: str) -> None:
        """Delete a DaemonSet or a Deployment with its pods. Raise NotFound if it is gone."""
        self._transport.delete(path_of(kind, namespace, name), with_dependents=True)

    @needs(*on("create", "Lease"), *on("patch", "Lease"))
    def hold_lease(
        self, namespace: str, name: str, holder: str, *, seconds: int, at: datetime, before: Lease | None
    ) -> Lease:
        """Create the Lease, or take or renew the one that was read `before`; an empty holder releases it. Raise
        AlreadyExists or Conflict if another process was faster."""
        taken = before is not None and before.holder != holder
        # Kubernetes' MicroTime
        moment = at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec: Json = {
            "holderIdentity": holder,
            "leaseDurationSeconds": seconds,
            "renewTime": moment,
            "leaseTransitions": (before.transitions if before is not None else 0) + taken,
            **({"acquireTime": moment} if before is None or taken else {}),
        }
        if before is None:
            body: Json = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name}}
            return self._transport.post(path_of("Lease", namespace), {**body, "spec": spec}, project.held_lease)
        patch: Json = {"metadata": {"resourceVersion": before.version}, "spec": spec}
        return self._transport.patch(path_of("Lease", namespace, name), patch, project.held_lease)

    @needs(*on("create", "Job"))
    def create_probe(
        self,
        ref: ServiceAccountRef,
        name: str,
        *,
        image: str,
        node: str,
        region: str,
        seconds: int,
        metadata: bool = False,
    ) -> None:
        """Create a Job that runs as `ref` on `node` (any for ""); its one pod reads its own identity from AWS. With
        `metadata`, it uses credentials of the node's metadata service. The Job ends after `seconds`, and Kubernetes
        deletes it at most a minute later. Raise AlreadyExists if it exists."""
        body = probe_job(ref, name, image=image, node=node, region=region, seconds=seconds, metadata=metadata)
        self._transport.post(path_of("Job", ref.namespace), body, project.name)

    @needs(*on("delete", "Job"))
    def delete_job(self, namespace: str, name: str) -> None:
        """Delete a Job with its pods. Raise NotFound if it is gone."""
        self._transport.delete(path_of("Job", namespace, name), with_dependents=True)


PROBE_NAME = "podid-probe-"
CONTAINER = "probe"
# Kubernetes deletes the Job this long after its end, even if podid was killed
_KEPT_SECONDS = 60


def probe_pod(ref: ServiceAccountRef, image: str, labels: Mapping[str, str] | None = None) -> Json:
    """Return a pod for a dry run: only the effect of the webhooks on it is checked."""
    container = {"resources": _resources("16Mi", cpu="10m")}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"generateName": PROBE_NAME, "labels": dict(labels or {"app.kubernetes.io/name": "podid-probe"})},
        "spec": _spec(ref, image, container),
    }


# the metadata service of a node answers within milliseconds, or not at all
_BRIEF = {"AWS_METADATA_SERVICE_TIMEOUT": "2", "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "2"}


def probe_job(
    ref: ServiceAccountRef, name: str, *, image: str, node: str, region: str, seconds: int, metadata: bool = False
) -> Json:
    """Return a Job whose one pod reads its identity from AWS once. Its output is an identity, not a credential."""
    # otherwise the node's role must not answer instead
    source = _BRIEF if metadata else {"AWS_EC2_METADATA_DISABLED": "true"}
    container = {
        "command": ["aws", "sts", "get-caller-identity", "--output", "json"],
        "env": [
            {"name": "AWS_REGION", "value": region},
            *({"name": key, "value": value} for key, value in source.items()),
            {"name": "AWS_MAX_ATTEMPTS", "value": "2"},
            {"name": "HOME", "value": "/tmp"},  # noqa: S108  an empty directory of the pod
        ],
        # the AWS CLI needs a second of CPU time to start
        "resources": _resources("256Mi", cpu="500m", memory="64Mi"),
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108
    }
    spec = _spec(ref, image, container) | {"volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "16Mi"}}]}
    if node:
        fields = [{"key": "metadata.name", "operator": "In", "values": [node]}]
        node_affinity = {"nodeSelectorTerms": [{"matchFields": fields}]}
        spec["affinity"] = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": node_affinity}}
        # a pod of the service account runs on that node, with tolerations that are not known here
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


# https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
SECURE_CONTAINER: Json = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
SECURE_POD: Json = {
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "runAsGroup": 65532,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def _spec(ref: ServiceAccountRef, image: str, container: Json) -> Json:
    return {
        "serviceAccountName": ref.name,
        "automountServiceAccountToken": False,
        "restartPolicy": "Never",
        "securityContext": SECURE_POD,
        "containers": [{"name": CONTAINER, "image": image, "securityContext": SECURE_CONTAINER, **container}],
    }


def _resources(limit: str, *, cpu: str, memory: str = "") -> Json:
    return {"requests": {"cpu": "10m", "memory": memory or limit}, "limits": {"cpu": cpu, "memory": limit}}

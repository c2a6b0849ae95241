"""What happens to a pod between the request and the store: the admission plugins, in their order."""

from podid.domain.workloads import MIRROR_POD
from podid.sandbox.kube import kinds
from podid.sandbox.kube.defaults import default_pod, default_pod_spec
from podid.sandbox.kube.objects import Obj, clone
from podid.sandbox.kube.pod_security import violation
from podid.sandbox.kube.status import forbidden
from podid.sandbox.kube.store import Store
from podid.sandbox.kube.webhook import Webhook

_TOKEN_MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


class Admission:
    """ServiceAccount, the pod identity webhook, defaults, and last Pod Security."""

    def __init__(self, store: Store, webhook: Webhook) -> None:
        self._store = store
        self._webhook = webhook

    def mutate(self, pod: Obj, namespace: Obj, caller: int) -> Obj:
        """Raises 403 when the service account does not exist."""
        if MIRROR_POD in (pod["metadata"].get("annotations") or ()):
            pod = _mirror(pod)
        else:
            account = self._account(pod)
            pod = self._with_token(pod, account)
            pod = self._webhook.mutate(pod, namespace, account, caller)
        pod = clone(pod)
        default_pod_spec(pod["spec"])
        default_pod(pod)
        return pod

    def validate(self, pod: Obj, namespace: Obj) -> None:
        """Raises 403 when the namespace enforces a Pod Security level that the pod violates."""
        if why := violation(namespace, pod):
            raise forbidden(kinds.PODS, pod["metadata"]["name"], why)

    def _account(self, pod: Obj) -> Obj:
        namespace, name = pod["metadata"]["namespace"], pod["spec"].get("serviceAccountName") or "default"
        account = self._store.find(kinds.SERVICE_ACCOUNTS, namespace, name)
        if account is None:
            why = f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found'
            raise forbidden(kinds.PODS, pod["metadata"].get("name", ""), why)
        return account

    def _with_token(self, pod: Obj, account: Obj) -> Obj:
        pod = clone(pod)
        spec = pod["spec"]
        spec["serviceAccountName"] = spec["serviceAccount"] = account["metadata"]["name"]
        if account.get("imagePullSecrets") and not spec.get("imagePullSecrets"):
            spec["imagePullSecrets"] = clone(account)["imagePullSecrets"]
        if not spec.get("automountServiceAccountToken", account.get("automountServiceAccountToken", True)):
            return pod
        name = f"kube-api-access-{self._store.suffix()}"
        mounted = False
        for container in [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]:
            mounts = container.setdefault("volumeMounts", [])
            if not any(mount.get("mountPath") == _TOKEN_MOUNT for mount in mounts):
                mounts.append({"name": name, "readOnly": True, "mountPath": _TOKEN_MOUNT})
                mounted = True
        if mounted:
            spec["volumes"] = [*(spec.get("volumes") or ()), _token_volume(name)]
        return pod


def _mirror(pod: Obj) -> Obj:
    """What a kubelet shows of a static pod is left as it is."""
    if pod["spec"].get("serviceAccountName"):
        raise forbidden(kinds.PODS, pod["metadata"]["name"], "a mirror pod may not reference service accounts")
    return pod


def _token_volume(name: str) -> Obj:
    field = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": field}]}},
    ]
    return {"name": name, "projected": {"sources": sources, "defaultMode": 420}}

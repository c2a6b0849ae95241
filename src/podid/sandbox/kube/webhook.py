"""The Amazon EKS Pod Identity webhook, which serves Pod Identity and IRSA.

Behaviour: https://github.com/aws/amazon-eks-pod-identity-webhook (pkg/handler) and
https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html
"""

from dataclasses import dataclass

from podid.sandbox.contract import ControlPlane
from podid.sandbox.kube import kinds
from podid.sandbox.kube.faults import ClusterFaults
from podid.sandbox.kube.objects import Obj, annotations, clone, labels
from podid.sandbox.kube.selectors import matches
from podid.sandbox.kube.status import internal_error
from podid.sandbox.kube.store import Store

CONFIGURATION = "pod-identity-webhook"
SKIP_CONTAINERS = "eks.amazonaws.com/skip-containers"
SKIP_LABEL = "eks.amazonaws.com/skip-pod-identity-webhook"
ROLE_ARN = "eks.amazonaws.com/role-arn"
AUDIENCE = "eks.amazonaws.com/audience"
TOKEN_EXPIRATION = "eks.amazonaws.com/token-expiration"
STS_REGIONAL = "eks.amazonaws.com/sts-regional-endpoints"
ENABLED_LABEL = "eks.amazonaws.com/pod-identity"
POD_IDENTITY_AUDIENCE = "pods.eks.amazonaws.com"
MAX_EXPIRATION, MIN_EXPIRATION, LEAST_JITTERED = 86400, 600, 79200
# after this time without a request for a service account, every replica has caught up
FORGETTING = 30.0


@dataclass(slots=True)
class _AccountState:
    """The associations of one service account in the first replica; the last replica uses `before` until `settled`."""

    enabled: bool
    before: bool
    settled: float
    asked_at: float


@dataclass(frozen=True, slots=True)
class _Injection:
    volume: str
    mount: str
    path: str
    audience: str
    expiration: int
    variables: tuple[tuple[str, str], ...]
    regional: bool


class Webhook:
    """Mutates pods at creation. Associations reach its replicas at different times."""

    def __init__(
        self, store: Store, world: ControlPlane, faults: ClusterFaults, *, spread: float, replicas: int = 2
    ) -> None:
        self._store = store
        self._world = world
        self._faults = faults
        self._spread = spread
        self._replicas = replicas
        self._states: dict[tuple[str, str], _AccountState] = {}

    def mutate(self, pod: Obj, namespace: Obj, account: Obj, caller: int) -> Obj:
        """Return the mutated pod. `caller` selects the replica: one connection always reaches the same replica."""
        configuration = self._store.find(kinds.MUTATING_WEBHOOKS, "", CONFIGURATION)
        for webhook in (configuration or {}).get("webhooks") or ():
            if not matches(webhook["namespaceSelector"], labels(namespace)):
                continue
            if not matches(webhook["objectSelector"], labels(pod)):
                continue
            if self._faults.take_webhook_miss():
                if webhook["failurePolicy"] == "Fail":
                    raise internal_error(_unreachable(webhook))
                continue
            pod = self._inject(pod, account, caller)
        return pod

    def grow_older(self, seconds: float) -> None:
        """Move the updates of the replicas back by this time."""
        for state in self._states.values():
            state.settled -= seconds
            state.asked_at -= seconds

    def _inject(self, pod: Obj, account: Obj, caller: int) -> Obj:
        pod_identity = self._knows(account["metadata"]["namespace"], account["metadata"]["name"], caller)
        role = annotations(account).get(ROLE_ARN, "")
        if pod_identity:
            injection = self._pod_identity(pod, account)
        elif role:
            injection = _irsa(pod, account, role)
        else:
            return pod
        return inject(pod, injection, self._world.region, label=pod_identity)

    def _knows(self, namespace: str, name: str, caller: int) -> bool:
        now, truth = self._store.now(), self._world.pod_identity_enabled(namespace, name)
        state = self._states.get((namespace, name))
        if state is None or now - state.asked_at > FORGETTING:
            state = self._states[namespace, name] = _AccountState(truth, truth, now, now)
        if truth != state.enabled:
            state.enabled, state.before, state.settled = truth, state.enabled, now + self._spread
        state.asked_at = now
        late = caller % self._replicas != 0 and now < state.settled
        return state.before if late else state.enabled

    def _pod_identity(self, pod: Obj, account: Obj) -> _Injection:
        mount = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount"
        host = "[fd00:ec2::23]" if self._faults.webhook_ipv6 else "169.254.170.23"
        jittered = LEAST_JITTERED + self._store.number(MAX_EXPIRATION - LEAST_JITTERED + 1)
        return _Injection(
            volume="eks-pod-identity-token",
            mount=mount,
            path="eks-pod-identity-token",
            audience=POD_IDENTITY_AUDIENCE,
            expiration=_expiration(pod, account, jittered),
            variables=(
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://{host}/v1/credentials"),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", f"{mount}/eks-pod-identity-token"),
            ),
            regional=_regional(account),
        )


def _irsa(pod: Obj, account: Obj, role: str) -> _Injection:
    mount = "/var/run/secrets/eks.amazonaws.com/serviceaccount"
    return _Injection(
        volume="aws-iam-token",
        mount=mount,
        path="token",
        audience=annotations(account).get(AUDIENCE, "sts.amazonaws.com"),
        expiration=_expiration(pod, account, MAX_EXPIRATION),
        variables=(("AWS_ROLE_ARN", role), ("AWS_WEB_IDENTITY_TOKEN_FILE", f"{mount}/token")),
        regional=_regional(account),
    )


def _unreachable(webhook: Obj) -> str:
    url = f"{webhook['clientConfig'].get('url', '')}?timeout={webhook['timeoutSeconds']}s"
    return f'failed calling webhook "{webhook["name"]}": failed to call webhook: Post "{url}": EOF'


def _expiration(pod: Obj, account: Obj, default: int) -> int:
    for source in (pod, account):
        text = annotations(source).get(TOKEN_EXPIRATION, "")
        if text.isdigit():
            return min(max(int(text), MIN_EXPIRATION), MAX_EXPIRATION)
    return default


def _regional(account: Obj) -> bool:
    return annotations(account).get(STS_REGIONAL, "true") == "true"


def inject(pod: Obj, injection: _Injection, region: str, *, label: bool) -> Obj:
    """Return a copy with variables, mounts and volume. The webhook adds the volume even if it skips every container."""
    pod = clone(pod)
    skipped = {entry.strip() for entry in annotations(pod).get(SKIP_CONTAINERS, "").split(",")}
    changed = False
    for field in ("initContainers", "containers"):
        for container in pod["spec"].get(field) or ():
            if container["name"] not in skipped:
                changed |= _inject_container(container, injection, region)
    volumes = pod["spec"].setdefault("volumes", [])
    if not any(volume["name"] == injection.volume for volume in volumes):
        volumes.append(_volume(injection))
    if changed and label:
        pod["metadata"].setdefault("labels", {})[ENABLED_LABEL] = "enabled"
    return pod


def _inject_container(container: Obj, injection: _Injection, region: str) -> bool:
    names = {variable["name"] for variable in container.get("env") or ()}
    reserved = bool(names & {name for name, _ in injection.variables})
    has_region = bool(names & {"AWS_REGION", "AWS_DEFAULT_REGION"})
    has_regional = "AWS_STS_REGIONAL_ENDPOINTS" in names
    if reserved and has_region and has_regional:
        return False
    added: list[tuple[str, str]] = []
    if injection.regional and not has_regional:
        added.append(("AWS_STS_REGIONAL_ENDPOINTS", "regional"))
    if not has_region:
        added += [("AWS_DEFAULT_REGION", region), ("AWS_REGION", region)]
    if not reserved:
        added += injection.variables
    container["env"] = [*(container.get("env") or ()), *({"name": name, "value": value} for name, value in added)]
    mounts = container.setdefault("volumeMounts", [])
    if not any(mount["name"] == injection.volume for mount in mounts):
        mounts.append({"name": injection.volume, "readOnly": True, "mountPath": injection.mount})
    return True


def _volume(injection: _Injection) -> Obj:
    token = {"audience": injection.audience, "expirationSeconds": injection.expiration, "path": injection.path}
    return {"name": injection.volume, "projected": {"sources": [{"serviceAccountToken": token}], "defaultMode": 420}}


def configuration(ca_bundle: str) -> Obj:
    """Return the webhook configuration that EKS creates on a cluster."""
    skip = {"key": SKIP_LABEL, "operator": "DoesNotExist"}
    return {
        "apiVersion": kinds.MUTATING_WEBHOOKS.api_version,
        "kind": kinds.MUTATING_WEBHOOKS.name,
        "metadata": {"name": CONFIGURATION},
        "webhooks": [
            {
                "name": "iam-for-pods.amazonaws.com",
                "clientConfig": {"url": "https://127.0.0.1:23443/mutate", "caBundle": ca_bundle},
                "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}],
                "objectSelector": {"matchExpressions": [skip]},
                "failurePolicy": "Ignore",
                "sideEffects": "None",
                "timeoutSeconds": 10,
                "admissionReviewVersions": ["v1beta1"],
                "reinvocationPolicy": "IfNeeded",
            }
        ],
    }

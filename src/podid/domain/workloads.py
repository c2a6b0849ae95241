"""What a pod, and a DaemonSet, shows of Pod Identity: the injected fields, what opts out, who runs the agent.

Facts about the injected fields: https://github.com/aws/amazon-eks-pod-identity-webhook (README, pkg/handler); about
the agent's DaemonSet: https://github.com/aws/eks-pod-identity-agent (charts/).
"""

from collections.abc import Iterable, Mapping

from podid.domain.cluster import Container, DaemonSet, Node, Pod
from podid.domain.findings import Subject
from podid.domain.names import AGENT_ADDON, AGENT_NAMESPACE, ServiceAccountRef

TOKEN_VOLUME = "eks-pod-identity-token"
IRSA_VOLUME = "aws-iam-token"
INJECTED_ENV = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
# what the webhook writes: the agent's two addresses, and where it mounts the token
AGENT_ADDRESSES = ("http://169.254.170.23/v1/credentials", "http://[fd00:ec2::23]/v1/credentials")
TOKEN_FILES = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/"
IRSA_ENV = "AWS_WEB_IDENTITY_TOKEN_FILE"
SKIP_CONTAINERS = "eks.amazonaws.com/skip-containers"
SKIP_POD = "eks.amazonaws.com/skip-pod-identity-webhook"
FARGATE_LABEL = "eks.amazonaws.com/fargate-profile"
DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
# by the names that their injectors and charts give them
SIDECARS = frozenset(
    {
        *("istio-proxy", "linkerd-proxy", "envoy", "consul-dataplane", "kuma-sidecar", "queue-proxy", "daprd"),
        *("vault-agent", "cloud-sql-proxy", "cloudsql-proxy", "oauth2-proxy", "kube-rbac-proxy", "config-reloader"),
        *("fluent-bit", "fluentbit", "fluentd", "filebeat", "promtail", "vector", "datadog-agent", "xray-daemon"),
        *("aws-otel-collector", "otc-container", "otel-collector", "cloudwatch-agent", "git-sync"),
    }
)
MIRROR_POD = "kubernetes.io/config.mirror"
# the field manager of what EKS writes
EKS_MANAGER = "eks"
NODE_GROUP_LABEL = "eks.amazonaws.com/nodegroup"
# the kinds that `kubectl rollout restart` takes
RESTARTABLE = ("Deployment", "StatefulSet", "DaemonSet")


def live(pod: Pod) -> bool:
    """Runs or is about to, so far as is known: finished Jobs, evicted pods and pods on their way out need no
    credentials."""
    return pod.phase not in ("Succeeded", "Failed") and not pod.deleting


def injected(pod: Pod) -> bool:
    return TOKEN_VOLUME in pod.volumes or any(name in c.env for c in pod.containers for name in INJECTED_ENV)


def missing_containers(pod: Pod) -> tuple[str, ...]:
    """The containers that the webhook should have given the credentials' variables and did not; not those that set one
    themselves, which it leaves alone."""
    return tuple(c.name for c in served(pod) if not any(name in c.env for name in INJECTED_ENV))


def is_injected(pod: Pod) -> bool:
    """The webhook's token volume is there, and every container that it serves has the credentials' variables."""
    return TOKEN_VOLUME in pod.volumes and not missing_containers(pod)


def users_of_nodes(pods: Iterable[Pod]) -> dict[str, set[ServiceAccountRef]]:
    """Node -> the service accounts whose pods run there with the credentials' variables."""
    users: dict[str, set[ServiceAccountRef]] = {}
    for pod in pods:
        if pod.node and live(pod) and injected(pod) and not opted_out(pod):
            users.setdefault(pod.node, set()).add(pod.ref)
    return users


def covering(hosts: Mapping[str, set[ServiceAccountRef]]) -> list[str]:
    """The nodes, those first that host somebody whom none before them hosts."""
    hosted: set[ServiceAccountRef] = set()
    first: list[str] = []
    others: list[str] = []
    for node, refs in sorted(hosts.items(), key=lambda item: (-len(item[1]), item[0])):
        (others if refs <= hosted else first).append(node)
        hosted |= refs
    return [*first, *others]


def where_injected(token_file: str) -> bool:
    """Whether the webhook mounts its token there; on Windows it writes the path as Windows does."""
    return token_file.removeprefix("C:").replace("\\", "/").startswith(TOKEN_FILES)


def main_containers(pod: Pod) -> tuple[Container, ...]:
    """The containers that the pod is there for: the one that kubectl takes for it, else all that run along with each
    other and are not known to serve the others."""
    running = tuple(c for c in pod.containers if not c.init)
    named = tuple(c for c in running if c.name == pod.annotations.get(DEFAULT_CONTAINER))
    return named or tuple(c for c in running if c.name not in SIDECARS) or running


def carries_irsa(pod: Pod) -> bool:
    return IRSA_VOLUME in pod.volumes or any(IRSA_ENV in c.env for c in pod.containers)


def skipped_containers(pod: Pod) -> set[str]:
    """The names that the pod's annotation tells the webhook to leave alone."""
    return {name.strip() for name in pod.annotations.get(SKIP_CONTAINERS, "").split(",")} - {""}


def served(pod: Pod) -> tuple[Container, ...]:
    """The containers that the webhook does not leave alone: all but those that the pod names, and none of one with its
    label or of a static pod."""
    skipped = skipped_containers(pod)
    alone = SKIP_POD in pod.labels or static(pod)
    return () if alone else tuple(c for c in pod.containers if c.name not in skipped)


def opted_out(pod: Pod) -> bool:
    """Whether the webhook leaves all of the pod alone."""
    return not served(pod)


def static(pod: Pod) -> bool:
    """Run by a kubelet from a file on its node. Such a pod cannot use a service account:
    https://kubernetes.io/docs/tasks/configure-pod-container/static-pod/."""
    return MIRROR_POD in pod.annotations


def on_fargate(pod: Pod, nodes: Mapping[str, Node]) -> bool:
    """Also without the right to read nodes: by the pod's label and by the name that EKS gives Fargate nodes."""
    node = nodes.get(pod.node)
    if node is not None and node.compute_type == "fargate":
        return True
    return FARGATE_LABEL in pod.labels or pod.node.startswith("fargate-")


def on_windows(pod: Pod, nodes: Mapping[str, Node]) -> bool:
    node = nodes.get(pod.node)
    return node is not None and node.os == "windows"


def workload_subject(pod: Pod) -> Subject:
    """The controller that people restart, else the pod itself. A Deployment's name is its ReplicaSet's without the
    pod-template-hash."""
    if pod.owner is None:
        return pod.subject
    suffix = "-" + pod.labels.get("pod-template-hash", "")
    if pod.owner.kind == "ReplicaSet" and len(suffix) > 1 and pod.owner.name.endswith(suffix):
        return Subject("Deployment", pod.owner.name.removesuffix(suffix), pod.namespace)
    return Subject(pod.owner.kind, pod.owner.name, pod.namespace)


def template_of(pod: Pod) -> str:
    """What pods of one workload have in common that were made from the same template: the hash that its controller
    labels them with, else their owner. Empty for a pod of its own."""
    hashes = (pod.labels.get(key, "") for key in ("pod-template-hash", "controller-revision-hash"))
    return next(filter(None, hashes), "") or (pod.owner.uid or pod.owner.name if pod.owner is not None else "")


def is_agent(daemon_set: DaemonSet) -> bool:
    """By name, label, container, image or command, and, for renamed and mirrored ones, by the two flags that the
    agent's server takes."""
    words = (daemon_set.name, *daemon_set.images, *daemon_set.labels.values())
    words = (*words, *daemon_set.containers, *daemon_set.command, *daemon_set.args)
    if any(AGENT_ADDON in word for word in words):
        return True
    flags = {part.split("=", 1)[0] for word in (*daemon_set.command, *daemon_set.args) for part in word.split()}
    return {"--cluster-name", "--probe-port"} <= flags


def of_the_addon(agent: DaemonSet) -> bool:
    """Whether EKS has made this DaemonSet of the agent, by who has set its fields; by its name where nobody tells. Its
    labels are those of AWS's chart, `app.kubernetes.io/managed-by: Helm` among them, and say nothing:
    https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-field-management.html."""
    named = agent.namespace == AGENT_NAMESPACE and agent.name.startswith(AGENT_ADDON)
    return named and (EKS_MANAGER in agent.set_by or not agent.set_by)


def runs_agent(pod: Pod) -> bool:
    """Whether it is a pod of the agent itself, by container or image. It acts as its node's role, whatever its service
    account is associated with."""
    return any(AGENT_ADDON in word for container in pod.containers for word in (container.name, container.image))


def runs_cilium(daemon_sets: tuple[DaemonSet, ...]) -> bool:
    """By the name that Cilium's chart and its CLI give the DaemonSet, or by the agent's label."""
    return any(ds.name == "cilium" or ds.labels.get("k8s-app") == "cilium" for ds in daemon_sets)


def policy_engine(daemon_sets: tuple[DaemonSet, ...]) -> str:
    """What is seen to enforce NetworkPolicies: Cilium, Calico, Antrea, kube-router or the VPC CNI with its switch on;
    empty where nothing is."""
    if runs_cilium(daemon_sets):
        return "Cilium"
    names = {ds.name for ds in daemon_sets}
    for name, engine in (("calico-node", "Calico"), ("antrea-agent", "Antrea"), ("kube-router", "kube-router")):
        if name in names:
            return engine
    on = any(ds.name == "aws-node" and "--enable-network-policy=true" in ds.args for ds in daemon_sets)
    return "the VPC CNI" if on else ""


def pods_of(daemon_sets: Iterable[DaemonSet], pods: Iterable[Pod]) -> tuple[Pod, ...]:
    """Those of the pods that run in one of these."""
    sets = tuple(daemon_sets)
    return tuple(pod for pod in pods if any(runs_in(pod, ds) for ds in sets))


def runs_in(pod: Pod, daemon_set: DaemonSet) -> bool:
    if pod.namespace != daemon_set.namespace:
        return False
    if pod.owner is not None:
        return pod.owner.kind == "DaemonSet" and pod.owner.name == daemon_set.name
    return bool(daemon_set.selector) and daemon_set.selector.items() <= pod.labels.items()

"""Pod Identity in the specs of pods and DaemonSets: the injected fields, the opt-outs, the agent. The registration of
the webhook that injects credentials, compared with the one that EKS writes, and rejections by admission rules. The
nodes on which a DaemonSet's pods can be scheduled, and the reasons against the others.

The injected fields: https://github.com/aws/amazon-eks-pod-identity-webhook (README, pkg/handler); its registration:
deploy/ there, and https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/; Pod
Security: https://kubernetes.io/docs/concepts/security/pod-security-admission/; the agent's DaemonSet:
https://github.com/aws/eks-pod-identity-agent (charts/); scheduling:
https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/; tolerations of every daemon pod:
https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/#taints-and-tolerations.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from podid.domain.cluster import Container, DaemonSet, Node, Placement, Pod, Requirement, Taint, Toleration
from podid.domain.findings import Subject
from podid.domain.foreign import Object, go_true, inner_or_empty, inners_or_none, pairs, record, text, words_or_none
from podid.domain.names import AGENT_ADDON, AGENT_NAMESPACE, ServiceAccountRef
from podid.domain.network import Selector
from podid.domain.text import short_list

TOKEN_VOLUME = "eks-pod-identity-token"
IRSA_VOLUME = "aws-iam-token"
INJECTED_ENV = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
# the values that the webhook writes: the agent's two addresses, and the path of the token
AGENT_ADDRESSES = ("http://169.254.170.23/v1/credentials", "http://[fd00:ec2::23]/v1/credentials")
TOKEN_FILES = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/"
IRSA_ENV = "AWS_WEB_IDENTITY_TOKEN_FILE"
SKIP_CONTAINERS = "eks.amazonaws.com/skip-containers"
SKIP_POD = "eks.amazonaws.com/skip-pod-identity-webhook"
FARGATE_LABEL = "eks.amazonaws.com/fargate-profile"
DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
# by the names that their injectors and charts use
SIDECARS = frozenset(
    {
        *("istio-proxy", "linkerd-proxy", "envoy", "consul-dataplane", "kuma-sidecar", "queue-proxy", "daprd"),
        *("vault-agent", "cloud-sql-proxy", "cloudsql-proxy", "oauth2-proxy", "kube-rbac-proxy", "config-reloader"),
        *("fluent-bit", "fluentbit", "fluentd", "filebeat", "promtail", "vector", "datadog-agent", "xray-daemon"),
        *("aws-otel-collector", "otc-container", "otel-collector", "cloudwatch-agent", "git-sync"),
    }
)
MIRROR_POD = "kubernetes.io/config.mirror"
# the field manager of EKS
EKS_MANAGER = "eks"
NODE_GROUP_LABEL = "eks.amazonaws.com/nodegroup"
# the kinds that `kubectl rollout restart` supports
RESTARTABLE = ("Deployment", "StatefulSet", "DaemonSet")
# reasons of a waiting container that do not end by themselves
NO_IMAGE = ("ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
CRASHING = "CrashLoopBackOff"
CANNOT_START = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")


def live(pod: Pod) -> bool:
    """Return whether the pod runs or will run: finished Jobs, evicted and terminating pods need no credentials."""
    return pod.phase not in ("Succeeded", "Failed") and not pod.deleting


def injected(pod: Pod) -> bool:
    """Return whether the pod has the injected fields. The webhook adds the volume even if it skips every container."""
    volume = TOKEN_VOLUME in pod.volumes and not opted_out(pod)
    return volume or any(name in c.env for c in pod.containers for name in INJECTED_ENV)


def missing_containers(pod: Pod) -> tuple[str, ...]:
    """Return the main containers that lack the credentials' variables from the webhook, without those that set one
    themselves, which the webhook skips."""
    main = main_containers(pod)
    return tuple(c.name for c in served(pod) if c in main and not any(name in c.env for name in INJECTED_ENV))


def is_injected(pod: Pod) -> bool:
    """Return whether the pod has the webhook's token volume, and its main containers have the mount and the
    variables."""
    mounted = not any(container.unmounted for container in main_containers(pod))
    return TOKEN_VOLUME in pod.volumes and mounted and not missing_containers(pod)


def users_of_nodes(pods: Iterable[Pod]) -> dict[str, set[ServiceAccountRef]]:
    """Return, by node, the service accounts of pods with the credentials' variables."""
    users: dict[str, set[ServiceAccountRef]] = {}
    for pod in pods:
        if pod.node and live(pod) and injected(pod) and not opted_out(pod):
            users.setdefault(pod.node, set()).add(pod.ref)
    return users


def covering(hosts: Mapping[str, set[ServiceAccountRef]]) -> list[str]:
    """Return the nodes; those that add a service account to the previous ones come first."""
    hosted: set[ServiceAccountRef] = set()
    first: list[str] = []
    others: list[str] = []
    for node, refs in sorted(hosts.items(), key=lambda item: (-len(item[1]), item[0])):
        (others if refs <= hosted else first).append(node)
        hosted |= refs
    return [*first, *others]


def is_injected_path(token_file: str) -> bool:
    """Return whether the path is that of the webhook's token; on Windows it is a Windows path."""
    return token_file.removeprefix("C:").replace("\\", "/").startswith(TOKEN_FILES)


def main_containers(pod: Pod) -> tuple[Container, ...]:
    """Return the main containers: kubectl's default container, otherwise all except init containers and known
    sidecars."""
    running = tuple(c for c in pod.containers if not c.init)
    named = tuple(c for c in running if c.name == pod.annotations.get(DEFAULT_CONTAINER))
    return named or tuple(c for c in running if c.name not in SIDECARS) or running


def carries_irsa(pod: Pod) -> bool:
    return IRSA_VOLUME in pod.volumes or any(IRSA_ENV in c.env for c in pod.containers)


def skipped_containers(pod: Pod) -> set[str]:
    """Return the names of containers that the pod's annotation excludes from injection."""
    return {name.strip() for name in pod.annotations.get(SKIP_CONTAINERS, "").split(",")} - {""}


def served(pod: Pod) -> tuple[Container, ...]:
    """Return the containers that the webhook injects: all except the excluded ones, and none of a static pod or of a
    pod with the opt-out label."""
    skipped = skipped_containers(pod)
    alone = SKIP_POD in pod.labels or static(pod)
    return () if alone else tuple(c for c in pod.containers if c.name not in skipped)


def opted_out(pod: Pod) -> bool:
    """Return whether the webhook skips the whole pod."""
    return not served(pod)


def main_opted_out(pod: Pod) -> bool:
    """Return whether the webhook skips every main container."""
    return not any(container in served(pod) for container in main_containers(pod))


def static(pod: Pod) -> bool:
    """Return whether a kubelet runs the pod from a file on its node. Such a pod cannot use a service account:
    https://kubernetes.io/docs/tasks/configure-pod-container/static-pod/."""
    return MIRROR_POD in pod.annotations


def on_fargate(pod: Pod, nodes: Mapping[str, Node]) -> bool:
    """Return whether the pod runs on Fargate. Without permission to read nodes, use the pod's label and node name."""
    node = nodes.get(pod.node)
    if node is not None and node.compute_type == "fargate":
        return True
    return FARGATE_LABEL in pod.labels or pod.node.startswith("fargate-")


def on_windows(pod: Pod, nodes: Mapping[str, Node]) -> bool:
    """Return whether the pod runs on Windows. Without permission to read nodes, use the pod's own fields."""
    node = nodes.get(pod.node)
    return pod.windows if node is None else node.os == "windows"


def workload_subject(pod: Pod) -> Subject:
    """Return the controller to restart, otherwise the pod itself. The name of a Deployment or Argo Rollout is its
    ReplicaSet's without the hash of the pod template."""
    if pod.owner is None:
        return pod.subject
    for kind, label in (("Deployment", "pod-template-hash"), ("Rollout", "rollouts-pod-template-hash")):
        suffix = "-" + pod.labels.get(label, "")
        if pod.owner.kind == "ReplicaSet" and len(suffix) > 1 and pod.owner.name.endswith(suffix):
            return Subject(kind, pod.owner.name.removesuffix(suffix), pod.namespace)
    return Subject(pod.owner.kind, pod.owner.name, pod.namespace)


def template_of(pod: Pod) -> str:
    """Return the id of the pod template: the hash label from the controller, otherwise the owner. Empty without an
    owner."""
    hashes = (pod.labels.get(key, "") for key in ("pod-template-hash", "controller-revision-hash"))
    return next(filter(None, hashes), "") or (pod.owner.uid or pod.owner.name if pod.owner is not None else "")


def is_agent(daemon_set: DaemonSet) -> bool:
    """Return whether it runs the agent: by name, label, container, image or command; for renamed and mirrored ones by
    the two flags of the agent's server."""
    words = (daemon_set.name, *daemon_set.images, *daemon_set.labels.values())
    words = (*words, *daemon_set.containers, *daemon_set.command, *daemon_set.args)
    if any(AGENT_ADDON in word for word in words):
        return True
    flags = {part.split("=", 1)[0] for word in (*daemon_set.command, *daemon_set.args) for part in word.split()}
    return {"--cluster-name", "--probe-port"} <= flags


def of_the_addon(agent: DaemonSet) -> bool:
    """Return whether EKS created this DaemonSet of the agent: by its field managers, or by its name without these. Its
    labels are those of AWS's chart, including `app.kubernetes.io/managed-by: Helm`, so they do not identify the owner:
    https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-field-management.html."""
    named = agent.namespace == AGENT_NAMESPACE and agent.name.startswith(AGENT_ADDON)
    return named and (EKS_MANAGER in agent.set_by or not agent.set_by)


def runs_agent(pod: Pod) -> bool:
    """Return whether it is a pod of the agent, by container or image. The agent uses its node's role, whatever
    association its service account has."""
    return any(AGENT_ADDON in word for container in pod.containers for word in (container.name, container.image))


def runs_cilium(daemon_sets: tuple[DaemonSet, ...]) -> bool:
    """Return whether Cilium runs: by the name of its DaemonSet from chart or CLI, or by the label of its agent."""
    return any(ds.name == "cilium" or ds.labels.get("k8s-app") == "cilium" for ds in daemon_sets)


VPC_CNI = "the VPC CNI"


def policy_engine(daemon_sets: tuple[DaemonSet, ...]) -> str:
    """Return the product that enforces NetworkPolicies: Cilium, Calico, Antrea, kube-router or the VPC CNI with network
    policy enabled; empty if none is found."""
    if runs_cilium(daemon_sets):
        return "Cilium"
    names = {ds.name for ds in daemon_sets}
    for name, engine in (("calico-node", "Calico"), ("antrea-agent", "Antrea"), ("kube-router", "kube-router")):
        if name in names:
            return engine
    args = (arg.partition("=") for ds in daemon_sets if ds.name == "aws-node" for arg in ds.args)
    on = any(name == "--enable-network-policy" and (not equals or go_true(value)) for name, equals, value in args)
    return VPC_CNI if on else ""


def pods_of(daemon_sets: Iterable[DaemonSet], pods: Iterable[Pod]) -> tuple[Pod, ...]:
    sets = tuple(daemon_sets)
    return tuple(pod for pod in pods if any(runs_in(pod, ds) for ds in sets))


def runs_in(pod: Pod, daemon_set: DaemonSet) -> bool:
    if pod.namespace != daemon_set.namespace:
        return False
    if pod.owner is not None:
        return pod.owner.kind == "DaemonSet" and pod.owner.name == daemon_set.name
    return bool(daemon_set.selector) and daemon_set.selector.items() <= pod.labels.items()


# --- admission of pods ------------------------------------------------------------------------------------------------

# the MutatingWebhookConfiguration that EKS creates in every cluster
WEBHOOK = "pod-identity-webhook"
# the API server sets this label on every namespace to the namespace's name, so its value is known
NAMESPACE_NAME = "kubernetes.io/metadata.name"
EVERYTHING = Selector()
_HERE = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRegistration:
    """`url` is empty for a Service of the cluster. `on_create` is whether a rule covers the creation of pods.
    `versions` are its AdmissionReview versions, of which the API server sends the first one that it supports.
    `conditions` is whether it has matchConditions, which are not evaluated."""

    url: str = ""
    on_create: bool = True
    versions: tuple[str, ...] = ("v1beta1",)
    namespaces: Selector = EVERYTHING
    objects: Selector = EVERYTHING
    conditions: bool = False

    def excluding_selector(self, namespace: str, labels: Mapping[str, str]) -> str:
        """Return the selector that excludes a pod from the webhook; empty if none is known to. Of the namespace's
        labels only the name is known."""
        if not self.objects.selects(labels):
            return "its objectSelector"
        known = {NAMESPACE_NAME: namespace}
        of_name = Selector(
            {key: value for key, value in self.namespaces.labels.items() if key in known},
            tuple(requirement for requirement in self.namespaces.requirements if requirement.key in known),
        )
        return "" if of_name.selects(known) else "its namespaceSelector"

    @property
    def by_labels_of_namespaces(self) -> bool:
        keys = {*self.namespaces.labels, *(requirement.key for requirement in self.namespaces.requirements)}
        return not keys <= {NAMESPACE_NAME}

    def differences(self) -> tuple[str, ...]:
        """Return the differences from EKS's registration. None of them alone proves that the webhook does not work."""
        differences = []
        if not self.url:
            differences.append("it calls a Service of the cluster; EKS's webhook runs in the control plane")
        elif urlsplit(self.url).hostname not in _HERE:
            differences.append("it calls an address outside the control plane")
        if self.versions == ("v1",):
            differences.append("its admissionReviewVersions lack v1beta1, in which EKS's webhook may answer")
        if self.namespaces != EVERYTHING:
            differences.append("it has a namespaceSelector; EKS's has none")
        if self.conditions:
            differences.append("it has matchConditions; EKS's has none")
        return tuple(differences)


POLICY_BLOCKS_AGENT = "admission-policy-blocks-agent"
ENFORCE = "pod-security.kubernetes.io/enforce"
# the agent requires the host network and a privileged init container
_REFUSE_THE_AGENT = ("baseline", "restricted")
# the API server forbids a pod of a missing service account, too
_REFUSED = re.compile(
    r"violates PodSecurity|admission webhook .* denied|denied the request|"
    r"is forbidden: (?!error looking up service account)",
    re.DOTALL,
)


def why_agent_refused(namespace: str, level: str) -> str:
    """Return why a namespace's Pod Security level rejects the agent's pods; empty if it allows them."""
    if level not in _REFUSE_THE_AGENT:
        return ""
    return f'namespace {namespace} enforces Pod Security "{level}", which rejects the agent\'s pods'


def allow_agent_command(namespace: str) -> tuple[str, ...]:
    return ("kubectl", "label", "namespace", namespace, f"{ENFORCE}=privileged", "--overwrite")


def refusals(warnings: Iterable[str]) -> list[str]:
    """Return the warnings of a controller that an admission rule caused."""
    return [line for line in warnings if _REFUSED.search(line)]


# --- placement of daemon pods -----------------------------------------------------------------------------------------

_NODE = "node.kubernetes.io/"
_DAEMON_PODS = (
    *(Toleration(_NODE + name, "Exists", effect="NoExecute") for name in ("not-ready", "unreachable")),
    *(
        Toleration(_NODE + name, "Exists", effect="NoSchedule")
        for name in ("disk-pressure", "memory-pressure", "pid-pressure", "unschedulable", "network-unavailable")
    ),
)
# PreferNoSchedule does not prevent scheduling
_KEEPS_AWAY = ("NoSchedule", "NoExecute")
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def of_spec(spec: Object) -> Placement:
    """Return the placement of a pod spec. Raise Malformed."""
    required = inner_or_empty(spec, "affinity", "nodeAffinity", _REQUIRED)
    terms = tuple(map(_term, inners_or_none(required, "nodeSelectorTerms"))) if required else None
    return Placement(pairs(spec, "nodeSelector"), terms, tuple(map(_toleration, inners_or_none(spec, "tolerations"))))


taint = record(Taint)
_toleration = record(Toleration)


def why_not_here(node: Node, placement: Placement) -> str:
    """Return the first reason why a daemon pod is not scheduled on the node; empty if it is."""
    for key, value in placement.selector.items():
        if node.labels.get(key) != value:
            return f"the nodeSelector requires {key}={value}"
    if placement.terms is not None and not any(term and not _unmet(term, node) for term in placement.terms):
        unmet = next((item for term in placement.terms for item in _unmet(term, node)), None)
        return f"the affinity requires {_words(unmet)}" if unmet else "the affinity matches no node"
    tolerations = (*placement.tolerations, *_DAEMON_PODS)
    for item in node.taints:
        if item.effect in _KEEPS_AWAY and not any(_tolerates(toleration, item) for toleration in tolerations):
            return f"the taint {item} is not tolerated"
    return ""


def why_none_here(node: Node, placements: Iterable[Placement]) -> str:
    """Return why none of the daemon pods is scheduled on the node, by the first of them; empty if one is, or if there
    are none."""
    reasons = [why_not_here(node, placement) for placement in placements]
    return reasons[0] if reasons and all(reasons) else ""


def _term(data: Object) -> tuple[Requirement, ...]:
    return (
        *(_requirement(item) for item in inners_or_none(data, "matchExpressions")),
        *(_requirement(item, of_name=True) for item in inners_or_none(data, "matchFields")),
    )


def _requirement(data: Object, *, of_name: bool = False) -> Requirement:
    return Requirement(text(data, "key"), text(data, "operator"), words_or_none(data, "values"), of_name)


def _tolerates(toleration: Toleration, taint: Taint) -> bool:
    if toleration.effect not in ("", taint.effect):
        return False
    if toleration.operator == "Exists":
        return toleration.key in ("", taint.key)
    return toleration.key == taint.key and toleration.value == taint.value


def _unmet(term: tuple[Requirement, ...], node: Node) -> list[Requirement]:
    """Return the requirements that the node does not meet. One with an unknown operator counts as met."""
    return [requirement for requirement in term if requirement.met_by(node.labels, node.name) is False]


def _words(requirement: Requirement) -> str:
    key = "the node's name" if requirement.of_name else requirement.key
    return f"{key} {requirement.operator}" + (f" {short_list(requirement.values)}" if requirement.values else "")

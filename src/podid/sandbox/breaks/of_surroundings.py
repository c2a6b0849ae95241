"""Failure modes beside a pod: products that fetch credentials for it, the next role, the node: links 2 to 5, and 10."""

from podid.sandbox.breaks.hands import CONTAINER, NAMESPACE, Hands, Json

_DAEMON_SETS = "/apis/apps/v1/namespaces/kube-system/daemonsets"
_STORES, _CLASSES = "external-secrets.io", "secrets-store.csi.x-k8s.io"
_DRIVER = "secrets-store.csi.k8s.io"


def product_still_in_irsa_mode(hands: Hands) -> str:
    """External Secrets is to ask for a token in the name of the associated service account."""
    found = hands.working()
    _object(hands, _STORES, "secretstores", {"auth": {"jwt": {"serviceAccountRef": {"name": found.name}}}})
    return str(found)


def consumer_is_other_pod(hands: Hands) -> str:
    """An application is associated, and the operator that fetches its secrets is not."""
    found = hands.working()
    hands.create(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", {"metadata": {"name": "external-secrets"}})
    image = {"image": "ghcr.io/external-secrets/external-secrets:v1.0.0"}
    hands.workload("operator", "external-secrets", container=image, replicas=1)
    _object(hands, _STORES, "secretstores", {})
    return str(found)


def csi_driver_tokenrequest_missing(hands: Hands) -> str:
    csi = {"driver": _DRIVER, "readOnly": True, "volumeAttributes": {"secretProviderClass": hands.mode}}
    hands.working(pod={"volumes": [{"name": "secrets", "csi": csi}]})
    _install(hands, _CLASSES)
    spec = {"provider": "aws", "parameters": {"usePodIdentity": "true"}}
    path = f"/apis/{_CLASSES}/v1/namespaces/{NAMESPACE}/secretproviderclasses"
    hands.create(path, {"metadata": {"name": hands.mode}, "spec": spec})
    driver: Json = {"metadata": {"name": _DRIVER}, "spec": {"tokenRequests": [{"audience": "sts.amazonaws.com"}]}}
    hands.create("/apis/storage.k8s.io/v1/csidrivers", driver)
    return _DRIVER


def app_assumes_own_role(hands: Hands) -> str:
    arn = f"arn:{hands.world.partition}:iam::{hands.world.account}:role/{hands.mode}"
    return str(hands.working(container={"args": [f"--aws-assume-role={arn}"]}))


def chained_assume_missing_tag_session(hands: Hands) -> str:
    """The application may go on to a role of another account, as it did under IRSA."""
    hands.agent()
    resource = f"arn:{hands.world.partition}:iam::444455556666:role/reader"
    found = hands.identity(allows={"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": resource})
    hands.workload()
    return found.role


def roles_shared_across_associations(hands: Hands) -> str:
    found = hands.working()
    hands.create("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": found.name}})
    hands.associate(f"default/{found.name}", found.role)
    return found.role


def automount_false(hands: Hands) -> str:
    return str(hands.working(pod={"automountServiceAccountToken": False}))


def host_firewall_blocks_link_local(hands: Hands) -> str:
    """A DaemonSet that is to keep pods from the metadata service, and does more than that."""
    script = "iptables -t raw -I PREROUTING -i eni+ -d 169.254.0.0/16 -j DROP; sleep infinity"
    labels = {"app": hands.mode}
    container = {"name": CONTAINER, "image": "example.com/rules:1", "command": ["sh", "-c", script]}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    body = {"selector": {"matchLabels": labels}, "template": template}
    hands.create(_DAEMON_SETS, {"metadata": {"name": hands.mode}, "spec": body})
    hands.let_pass()
    return f"kube-system/{hands.mode}"


def node_clock_skew(hands: Hands) -> str:
    node = str(hands.cluster.items("/api/v1/nodes")[0]["metadata"]["name"])
    hands.kube.faults.clocks[node] = 600.0
    hands.later(lambda: hands.kube.faults.clocks.pop(node))
    return node


def _install(hands: Hands, group: str) -> None:
    if hands.kube.install(group):
        hands.later(lambda: hands.kube.uninstall(group))


def _object(hands: Hands, group: str, plural: str, more: Json) -> None:
    _install(hands, group)
    spec = {"provider": {"aws": {"service": "SecretsManager", "region": hands.world.region, **more}}}
    path = f"/apis/{group}/v1/namespaces/{NAMESPACE}/{plural}"
    hands.create(path, {"metadata": {"name": hands.mode}, "spec": spec})

"""Failure modes around a pod: products that fetch credentials for it, target roles, nodes: links 2 to 5, and 10."""

from podid.sandbox.breaks.scenario import CONTAINER, NAMESPACE, Json, Scenario

_DAEMON_SETS = "/apis/apps/v1/namespaces/kube-system/daemonsets"
_STORES, _CLASSES = "external-secrets.io", "secrets-store.csi.x-k8s.io"
_DRIVER = "secrets-store.csi.k8s.io"


def product_still_in_irsa_mode(scenario: Scenario) -> str:
    """Configure External Secrets to request a token in the name of the associated service account."""
    identity = scenario.create_working_identity()
    _object(scenario, _STORES, "secretstores", {"auth": {"jwt": {"serviceAccountRef": {"name": identity.name}}}})
    return str(identity)


def consumer_is_other_pod(scenario: Scenario) -> str:
    """Associate the application but not the operator that fetches its secrets."""
    identity = scenario.create_working_identity()
    scenario.create(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", {"metadata": {"name": "external-secrets"}})
    image = {"image": "ghcr.io/external-secrets/external-secrets:v1.0.0"}
    scenario.create_workload("operator", "external-secrets", container=image, replicas=1)
    _object(scenario, _STORES, "secretstores", {})
    return str(identity)


def csi_driver_tokenrequest_missing(scenario: Scenario) -> str:
    csi = {"driver": _DRIVER, "readOnly": True, "volumeAttributes": {"secretProviderClass": scenario.mode}}
    scenario.create_working_identity(pod={"volumes": [{"name": "secrets", "csi": csi}]})
    _install(scenario, _CLASSES)
    spec = {"provider": "aws", "parameters": {"usePodIdentity": "true"}}
    path = f"/apis/{_CLASSES}/v1/namespaces/{NAMESPACE}/secretproviderclasses"
    scenario.create(path, {"metadata": {"name": scenario.mode}, "spec": spec})
    driver: Json = {"metadata": {"name": _DRIVER}, "spec": {"tokenRequests": [{"audience": "sts.amazonaws.com"}]}}
    scenario.create("/apis/storage.k8s.io/v1/csidrivers", driver)
    return _DRIVER


def app_assumes_own_role(scenario: Scenario) -> str:
    arn = f"arn:{scenario.world.partition}:iam::{scenario.world.account}:role/{scenario.mode}"
    return str(scenario.create_working_identity(container={"args": [f"--aws-assume-role={arn}"]}))


def chained_assume_missing_tag_session(scenario: Scenario) -> str:
    """Allow the application's role to assume a role of another account without `sts:TagSession`, as under IRSA."""
    scenario.install_agent()
    resource = f"arn:{scenario.world.partition}:iam::444455556666:role/reader"
    identity = scenario.create_identity(allows={"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": resource})
    scenario.create_workload()
    return identity.role


def roles_shared_across_associations(scenario: Scenario) -> str:
    identity = scenario.create_working_identity()
    scenario.create("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": identity.name}})
    scenario.associate(f"default/{identity.name}", identity.role)
    return identity.role


def automount_false(scenario: Scenario) -> str:
    return str(scenario.create_working_identity(pod={"automountServiceAccountToken": False}))


def host_firewall_blocks_link_local(scenario: Scenario) -> str:
    """Run a DaemonSet that blocks the whole link-local range, not only the metadata service."""
    script = "iptables -t raw -I PREROUTING -i eni+ -d 169.254.0.0/16 -j DROP; sleep infinity"
    labels = {"app": scenario.mode}
    container = {"name": CONTAINER, "image": "example.com/rules:1", "command": ["sh", "-c", script]}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    body = {"selector": {"matchLabels": labels}, "template": template}
    scenario.create(_DAEMON_SETS, {"metadata": {"name": scenario.mode}, "spec": body})
    scenario.advance_time()
    return f"kube-system/{scenario.mode}"


def node_clock_skew(scenario: Scenario) -> str:
    node = str(scenario.cluster.items("/api/v1/nodes")[0]["metadata"]["name"])
    scenario.kube.faults.clocks[node] = 600.0
    scenario.on_undo(lambda: scenario.kube.faults.clocks.pop(node))
    return node


def _install(scenario: Scenario, group: str) -> None:
    if scenario.kube.install(group):
        scenario.on_undo(lambda: scenario.kube.uninstall(group))


def _object(scenario: Scenario, group: str, plural: str, more: Json) -> None:
    _install(scenario, group)
    spec = {"provider": {"aws": {"service": "SecretsManager", "region": scenario.world.region, **more}}}
    path = f"/apis/{group}/v1/namespaces/{NAMESPACE}/{plural}"
    scenario.create(path, {"metadata": {"name": scenario.mode}, "spec": spec})

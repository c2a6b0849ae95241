"""Shared parts of the tests of restarts: two associations whose pods are older, and the results of a restart."""

from typing import Any

from cluster_api import Json, injected
from podid.domain.names import ServiceAccountRef
from podid.sandbox.kube import kinds
from worlds import ORDERS, KubeWorld, Site

READ: Json = {"apiGroups": ["", "apps", "batch"], "resources": ["*"], "verbs": ["get", "list"]}
BILLING = ServiceAccountRef("payments", "billing-worker")
WEBHOOK = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/pod-identity-webhook"


def with_older_pods(site: Site) -> Site:
    """Install the agent, and associate shop/orders and payments/billing-worker, whose pods are older."""
    site.with_agent()
    site.associate("shop", "orders")
    site.associate("payments", "billing-worker")
    return site


def have_fields(site: Site, namespace: str, app: str = "") -> list[bool]:
    """Return whether each pod has the injected fields."""
    return [injected(pod) for pod in site.cluster.pods(namespace, app)]


def results(document: Any) -> dict[str, tuple[str, str]]:
    """Return the status and the reason of each action, by target."""
    return {item["target"]: (item["status"], item.get("reason", "")) for item in document["actions"]}


def new(count: int) -> str:
    """Return the reason of a restart that replaced all pods."""
    return f"{count} of {count} pods are updated; {count} of {count} have the injected fields"


def selecting(site: Site, selector: Json) -> None:
    """Limit the webhook to these pods."""
    webhooks = [{**webhook, "objectSelector": selector} for webhook in site.cluster.get(WEBHOOK)["webhooks"]]
    site.cluster.merge(WEBHOOK, {"webhooks": webhooks})


def associate(world: KubeWorld) -> None:
    """Create both associations, and wait until every replica of the webhook has them."""
    world.aws.associations |= {("shop", "orders"), ("payments", "billing-worker")}
    for ref in (ORDERS, BILLING):
        world.writer.dry_run_pod(ref, image="x")
    world.sleep(2)


def only_orders(world: KubeWorld) -> None:
    world.sandbox.delete(kinds.DEPLOYMENTS, "payments", "billing-worker")
    world.sleep(2)

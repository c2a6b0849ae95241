"""Clusters with products that use credentials for other pods."""

from dataclasses import replace

from podid.domain.products import CredentialWay, ProductSetting
from podid.domain.snapshot import Known, Snapshot

from .builder import agent_pod, association, healthy, pod

CLASS = ProductSetting(
    product="Secrets Store CSI driver",
    kind="SecretProviderClass",
    namespace="shop",
    name="db",
    way=CredentialWay.IRSA,
)
BY_POD = replace(CLASS, way=CredentialWay.POD_IDENTITY)


def with_products(plural: str, setting: ProductSetting, *, operator: bool = False) -> Snapshot:
    """Return a cluster with External Secrets, which has its own association with `operator`; the healthy pod mounts
    class db."""
    own = association("external-secrets", "external-secrets")
    controller = pod("eso", namespace="external-secrets", service_account="external-secrets")
    image = replace(controller.containers[0], image="ghcr.io/external-secrets/external-secrets:v1.0.0")
    return healthy(
        associations=(association(), own) if operator else (association(),),
        products={plural: Known((setting,))},
        pods=(pod(secret_classes=("db",)), replace(controller, containers=(image,)), agent_pod()),
    )

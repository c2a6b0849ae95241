"""Custom resources as domain values: those of ACK and Crossplane that own associations and roles, and the settings of
products that use credentials. Pure functions, as in `podid.kube.project`."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from podid.domain import products
from podid.domain.foreign import Object, Reading, go_true, inner, inner_or_empty, inners_or_none, listed, text_or
from podid.domain.names import ServiceAccountRef
from podid.domain.owners import PLURALS, Owner, owners_of_custom
from podid.kube.project import place_of

_KINDS = {"roles": "Role", "podidentityassociations": "PodIdentityAssociation"}


def groups(answer: Object) -> dict[str, str]:
    items = listed(answer, "groups")
    return {text_or(g, "name"): text_or(inner_or_empty(g, "preferredVersion"), "version") for g in items}


def owners(served: Mapping[str, str], list_: Callable[[str, Reading[Object]], list[Object]]) -> dict[str, Owner]:
    """Return the owners by the ids of their resources. Only groups that are `served` are listed."""
    items: list[Object] = []
    for group, plural in PLURALS.items():
        if version := served.get(group):
            items += list_(f"/apis/{group}/{version}/{plural}", partial(_of_group, group, _KINDS[plural]))
    return owners_of_custom(items)


def _of_group(group: str, kind: str, item: Object) -> Object:
    """Return an object with its kind and group, which lists may omit."""
    return {**item, "kind": kind, "apiVersion": group}


Read = Callable[[str, Object], tuple[products.ProductSetting, ...]]


def secret_store(kind: str, item: Object) -> tuple[products.ProductSetting, ...]:
    """Return the setting of a store; none for another provider, or for a store with its own access keys."""
    aws = inner_or_empty(item, "spec", "provider", "aws")
    auth = inner_or_empty(aws, "auth")
    if not aws or auth.get("secretRef") is not None:
        return ()
    account = inner_or_empty(auth, "jwt", "serviceAccountRef")
    return (_with_token(products.EXTERNAL_SECRETS, kind, item, account, aws),)


def issuer(kind: str, item: Object) -> tuple[products.ProductSetting, ...]:
    """Return a setting for each solver that uses Route 53 without its own access keys."""
    return tuple(_with_token(products.CERT_MANAGER, kind, item, account, aws) for aws, account in _route53(item))


def _with_token(product: str, kind: str, item: Object, account: Object, settings: Object) -> products.ProductSetting:
    """Return the setting of a product that can request a service account's token and assume a role."""
    namespace, _ = place_of(item)
    name = text_or(account, "name")
    # for a cluster-scoped object, the reference has the namespace, or the product's own applies
    ref = ServiceAccountRef(namespace or text_or(account, "namespace"), name) if name else None
    way = products.CredentialWay.TOKEN_OF if account else products.CredentialWay.OWN
    return _setting(product, kind, item, way, service_account=ref, role=text_or(settings, "role"))


def _setting(
    product: str, kind: str, item: Object, way: products.CredentialWay, **more: Any
) -> products.ProductSetting:
    namespace, name = place_of(item)
    return products.ProductSetting(product=product, kind=kind, way=way, name=name, **{"namespace": namespace, **more})


def _route53(item: Object) -> Iterator[tuple[Object, Object]]:
    acme = inner_or_empty(item, "spec", "acme")
    for solver in inners_or_none(acme, "solvers"):
        dns = inner_or_empty(solver, "dns01")
        if dns.get("route53") is None:
            continue
        route53 = inner(dns, "route53")
        if any(route53.get(key) for key in ("accessKeyID", "accessKeyIDSecretRef", "secretAccessKeySecretRef")):
            continue
        kubernetes = inner_or_empty(route53, "auth", "kubernetes")
        yield route53, inner_or_empty(kubernetes, "serviceAccountRef")


def trigger_authentication(kind: str, item: Object) -> tuple[products.ProductSetting, ...]:
    spec = inner_or_empty(item, "spec")
    settings = []
    for identity in (inner_or_empty(part, "podIdentity") for part in (spec, inner_or_empty(spec, "awsSecretManager"))):
        if text_or(identity, "provider") in ("aws", "aws-eks"):
            of_workload = text_or(identity, "identityOwner") == "workload"
            way = products.CredentialWay.IRSA if of_workload else products.CredentialWay.OWN
            settings.append(_setting(products.KEDA, kind, item, way, role=text_or(identity, "roleArn")))
    return tuple(dict.fromkeys(settings))


def secret_provider_class(kind: str, item: Object) -> tuple[products.ProductSetting, ...]:
    spec = inner_or_empty(item, "spec")
    if text_or(spec, "provider") != "aws":
        return ()
    enabled = go_true(text_or(inner_or_empty(spec, "parameters"), "usePodIdentity"))
    way = products.CredentialWay.POD_IDENTITY if enabled else products.CredentialWay.IRSA
    return (_setting(products.SECRETS_STORE, kind, item, way),)


def volume(kind: str, item: Object) -> tuple[products.ProductSetting, ...]:
    """Return the setting of a Mountpoint volume, in the namespace of its claim."""
    spec = inner_or_empty(item, "spec")
    csi = inner_or_empty(spec, "csi")
    if text_or(csi, "driver") != products.CSI_DRIVERS[products.MOUNTPOINT]:
        return ()
    of_pod = text_or(inner_or_empty(csi, "volumeAttributes"), "authenticationSource") == "pod"
    way = products.CredentialWay.POD_IDENTITY if of_pod else products.CredentialWay.OWN
    namespace = text_or(inner_or_empty(spec, "claimRef"), "namespace")
    return (_setting(products.MOUNTPOINT, kind, item, way, namespace=namespace),)


def csi_driver(item: Object) -> tuple[str, frozenset[str]]:
    """Return the driver's name, and the audiences of the tokens that a kubelet passes to it."""
    requests = inners_or_none(inner_or_empty(item, "spec"), "tokenRequests")
    return place_of(item)[1], frozenset(text_or(request, "audience") for request in requests)


# API group -> plural -> (kind, reader)
CUSTOM: Mapping[str, Mapping[str, tuple[str, Read]]] = {
    "external-secrets.io": {
        "secretstores": ("SecretStore", secret_store),
        "clustersecretstores": ("ClusterSecretStore", secret_store),
    },
    "cert-manager.io": {"issuers": ("Issuer", issuer), "clusterissuers": ("ClusterIssuer", issuer)},
    "keda.sh": {
        "triggerauthentications": ("TriggerAuthentication", trigger_authentication),
        "clustertriggerauthentications": ("ClusterTriggerAuthentication", trigger_authentication),
    },
    "secrets-store.csi.x-k8s.io": {"secretproviderclasses": ("SecretProviderClass", secret_provider_class)},
}

"""From objects of products (custom resources, volumes, CSI drivers) to what they say of credentials. Pure.

The forms: https://external-secrets.io/latest/provider/aws-access/, https://cert-manager.io/docs/configuration/acme/dns01/route53/,
https://keda.sh/docs/latest/authentication-providers/aws/, https://github.com/aws/secrets-store-csi-driver-provider-aws,
https://github.com/awslabs/mountpoint-s3-csi-driver (docs/CONFIGURATION.md).
"""

from collections.abc import Callable, Iterator, Mapping

from podid.domain.foreign import Object, inner, inner_or_empty, inners_or_none, text_or
from podid.domain.names import ServiceAccountRef
from podid.domain.products import (
    CERT_MANAGER,
    CSI_DRIVERS,
    EXTERNAL_SECRETS,
    KEDA,
    MOUNTPOINT,
    SECRETS_STORE,
    CredentialWay,
    ProductSetting,
)

Read = Callable[[str, Object], tuple[ProductSetting, ...]]


def secret_store(kind: str, item: Object) -> tuple[ProductSetting, ...]:
    """None for a store of another provider, and for one with access keys of its own."""
    namespace, name = _place(item)
    aws = inner_or_empty(inner_or_empty(inner_or_empty(item, "spec"), "provider"), "aws")
    auth = inner_or_empty(aws, "auth")
    if not aws or auth.get("secretRef") is not None:
        return ()
    account = inner_or_empty(inner_or_empty(auth, "jwt"), "serviceAccountRef")
    return (
        ProductSetting(
            product=EXTERNAL_SECRETS,
            kind=kind,
            namespace=namespace,
            name=name,
            way=CredentialWay.TOKEN_OF if account else CredentialWay.OWN,
            service_account=_account(account, namespace),
            role=text_or(aws, "role"),
        ),
    )


def issuer(kind: str, item: Object) -> tuple[ProductSetting, ...]:
    """One for each solver by way of Route 53 that has no access keys of its own."""
    namespace, name = _place(item)
    return tuple(
        ProductSetting(
            product=CERT_MANAGER,
            kind=kind,
            namespace=namespace,
            name=name,
            way=CredentialWay.TOKEN_OF if account else CredentialWay.OWN,
            service_account=_account(account, namespace),
            role=text_or(route53, "role"),
        )
        for route53, account in _route53(item)
    )


def _route53(item: Object) -> Iterator[tuple[Object, Object]]:
    acme = inner_or_empty(inner_or_empty(item, "spec"), "acme")
    for solver in inners_or_none(acme, "solvers"):
        dns = inner_or_empty(solver, "dns01")
        if dns.get("route53") is None:
            continue
        route53 = inner(dns, "route53")
        if any(route53.get(key) for key in ("accessKeyID", "accessKeyIDSecretRef", "secretAccessKeySecretRef")):
            continue
        kubernetes = inner_or_empty(inner_or_empty(route53, "auth"), "kubernetes")
        yield route53, inner_or_empty(kubernetes, "serviceAccountRef")


def trigger_authentication(kind: str, item: Object) -> tuple[ProductSetting, ...]:
    namespace, name = _place(item)
    identity = inner_or_empty(inner_or_empty(item, "spec"), "podIdentity")
    if text_or(identity, "provider") not in ("aws", "aws-eks"):
        return ()
    of_workload = text_or(identity, "identityOwner") == "workload"
    return (
        ProductSetting(
            product=KEDA,
            kind=kind,
            namespace=namespace,
            name=name,
            way=CredentialWay.IRSA if of_workload else CredentialWay.OWN,
            role=text_or(identity, "roleArn"),
        ),
    )


def secret_provider_class(kind: str, item: Object) -> tuple[ProductSetting, ...]:
    namespace, name = _place(item)
    spec = inner_or_empty(item, "spec")
    if text_or(spec, "provider") != "aws":
        return ()
    asked = text_or(inner_or_empty(spec, "parameters"), "usePodIdentity").lower() == "true"
    way = CredentialWay.POD_IDENTITY if asked else CredentialWay.IRSA
    return (ProductSetting(product=SECRETS_STORE, kind=kind, namespace=namespace, name=name, way=way),)


def volume(kind: str, item: Object) -> tuple[ProductSetting, ...]:
    """A volume of Mountpoint's, in the namespace of its claim."""
    spec = inner_or_empty(item, "spec")
    csi = inner_or_empty(spec, "csi")
    if text_or(csi, "driver") != CSI_DRIVERS[MOUNTPOINT]:
        return ()
    of_pod = text_or(inner_or_empty(csi, "volumeAttributes"), "authenticationSource") == "pod"
    return (
        ProductSetting(
            product=MOUNTPOINT,
            kind=kind,
            namespace=text_or(inner_or_empty(spec, "claimRef"), "namespace"),
            name=_place(item)[1],
            way=CredentialWay.POD_IDENTITY if of_pod else CredentialWay.OWN,
        ),
    )


def csi_driver(item: Object) -> tuple[str, frozenset[str]]:
    """Its name, and the audiences of the tokens that a kubelet gives it."""
    requests = inners_or_none(inner_or_empty(item, "spec"), "tokenRequests")
    return _place(item)[1], frozenset(text_or(request, "audience") for request in requests)


def api_group(group: Object) -> tuple[str, str]:
    """An API group's name, and the version of it that the server prefers."""
    return text_or(group, "name"), text_or(inner_or_empty(group, "preferredVersion"), "version")


# API group -> plural -> (kind, how it is read)
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


def _place(item: Object) -> tuple[str, str]:
    metadata = inner(item, "metadata")
    return text_or(metadata, "namespace"), text_or(metadata, "name")


def _account(reference: Object, namespace: str) -> ServiceAccountRef | None:
    """Of an object of the whole cluster the reference names the namespace, or means the product's own."""
    name = text_or(reference, "name")
    return ServiceAccountRef(namespace or text_or(reference, "namespace"), name) if name else None

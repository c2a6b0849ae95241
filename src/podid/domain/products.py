"""Objects that configure how products get AWS credentials, separate from their pods."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from podid.domain.findings import Subject
from podid.domain.names import ServiceAccountRef


class CredentialWay(StrEnum):
    """`own`: the credentials of the product's own pods. `token-of`: IRSA with a token that the product requests for a
    service account. `pod-identity` and `irsa`: the credentials of the pod that uses the object."""

    OWN = "own"
    TOKEN_OF = "token-of"
    POD_IDENTITY = "pod-identity"
    IRSA = "irsa"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductSetting:
    """One object (a SecretStore, an Issuer). `namespace` is empty for a cluster-scoped object. `service_account` is the
    one it specifies, with an empty namespace for the namespace of the product. `role` is the ARN or name of the role
    that the product assumes with the credentials."""

    product: str
    kind: str
    name: str
    way: CredentialWay
    namespace: str = ""
    service_account: ServiceAccountRef | None = None
    role: str = ""

    @property
    def subject(self) -> Subject:
        return Subject(self.kind, self.name, self.namespace)


@dataclass(frozen=True, slots=True)
class Product:
    """The controller of a product: the last part of its image's repository, and the usual name of its service account.
    `siblings` are service accounts of the same installation that do not call AWS."""

    image: str
    service_account: str
    siblings: tuple[str, ...] = ()


EXTERNAL_SECRETS, CERT_MANAGER, KEDA = "External Secrets", "cert-manager", "KEDA"
SECRETS_STORE, MOUNTPOINT = "Secrets Store CSI driver", "Mountpoint for Amazon S3"

PRODUCTS: Mapping[str, Product] = {
    EXTERNAL_SECRETS: Product(
        "external-secrets", "external-secrets", ("external-secrets-webhook", "external-secrets-cert-controller")
    ),
    CERT_MANAGER: Product(
        "cert-manager-controller", "cert-manager", ("cert-manager-webhook", "cert-manager-cainjector")
    ),
    KEDA: Product("keda", "keda-operator", ("keda-metrics-server", "keda-webhook")),
    MOUNTPOINT: Product("aws-mountpoint-s3-csi-driver", "s3-csi-driver-sa", ("s3-csi-driver-controller-sa",)),
    "EBS CSI driver": Product("aws-ebs-csi-driver", "ebs-csi-controller-sa", ("ebs-csi-node-sa",)),
}

# the names of the CSI drivers of these products
CSI_DRIVERS: Mapping[str, str] = {SECRETS_STORE: "secrets-store.csi.k8s.io", MOUNTPOINT: "s3.csi.aws.com"}

# the plurals of the objects that configure a product
OBJECTS: Mapping[str, str] = {
    **dict.fromkeys(("secretstores", "clustersecretstores"), EXTERNAL_SECRETS),
    **dict.fromkeys(("issuers", "clusterissuers"), CERT_MANAGER),
    **dict.fromkeys(("triggerauthentications", "clustertriggerauthentications"), KEDA),
    "secretproviderclasses": SECRETS_STORE,
    "persistentvolumes": MOUNTPOINT,
}

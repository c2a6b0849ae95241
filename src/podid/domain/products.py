"""Objects by which products are told how to fetch credentials for AWS, apart from the pods that use them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from podid.domain.findings import Subject
from podid.domain.names import ServiceAccountRef


class CredentialWay(StrEnum):
    """`own`: with the credentials of the product's own pods. `token-of`: with a token that the product asks for in the
    name of a service account, which is IRSA's way. `pod-identity` and `irsa`: with those of the pod that uses the
    object, by the one or the other."""

    OWN = "own"
    TOKEN_OF = "token-of"
    POD_IDENTITY = "pod-identity"
    IRSA = "irsa"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductSetting:
    """One object (a SecretStore, an Issuer). `namespace` is empty for one of the whole cluster; `service_account` is
    whom it names, with an empty namespace where the product's own is meant; `role` is the role, by ARN or name, that
    the product is to assume with the credentials."""

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
    """Who its controller is: by the last part of the image's repository, and the usual name of its service account.
    `siblings` are service accounts of the same installation that make no calls of AWS."""

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
    "EFS CSI driver": Product("aws-efs-csi-driver", "efs-csi-controller-sa", ("efs-csi-node-sa",)),
}

# what a kubelet is asked for a token with, for the drivers of these products
CSI_DRIVERS: Mapping[str, str] = {SECRETS_STORE: "secrets-store.csi.k8s.io", MOUNTPOINT: "s3.csi.aws.com"}

"""Custom resources as domain values: owners of associations and roles, and settings of products."""

from typing import Any

from harness import table
from podid.domain.names import ServiceAccountRef
from podid.domain.products import CredentialWay
from podid.kube import project_custom
from podid.kube.project_custom import CUSTOM

CREDENTIALS = {"accessKeyIDSecretRef": {"name": "keys"}}


def settings_of(kind: str, spec: dict[str, Any], namespace: str = "shop") -> list[tuple[object, ...]]:
    (read,) = (read for kinds in CUSTOM.values() for known, read in kinds.values() if known == kind)
    item = {"metadata": {"name": "x", "namespace": namespace}, "spec": spec}
    return [(setting.way, setting.service_account, setting.role) for setting in read(kind, item)]


def token_of(service_account: str, role: str = "") -> tuple[object, ...]:
    return CredentialWay.TOKEN_OF, ServiceAccountRef(*service_account.split("/")), role


def store(auth: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"provider": {"aws": {"service": "SecretsManager", "auth": auth, **members}}}


def solver(route53: dict[str, Any] | None) -> dict[str, Any]:
    return {"dns01": {"route53": route53}}


OWN = (CredentialWay.OWN, None, "")


@table(
    ("kind", "spec", "expected"),
    [
        ("SecretStore", store({}, role="reader"), [(CredentialWay.OWN, None, "reader")]),
        ("SecretStore", store({"jwt": {"serviceAccountRef": {"name": "orders"}}}), [token_of("shop/orders")]),
        ("SecretStore", store({"secretRef": CREDENTIALS}), []),
        ("SecretStore", {"provider": {"vault": {}}}, []),
        ("Issuer", {"acme": {"solvers": [solver({}), solver(None), solver(CREDENTIALS)]}}, [OWN]),
        (
            "Issuer",
            {
                "acme": {
                    "solvers": [
                        solver({"role": "dns", "auth": {"kubernetes": {"serviceAccountRef": {"name": "issuer"}}}})
                    ]
                }
            },
            [token_of("shop/issuer", "dns")],
        ),
        ("Issuer", {"ca": {}}, []),
        ("TriggerAuthentication", {"podIdentity": {"provider": "aws"}}, [OWN]),
        (
            "TriggerAuthentication",
            {"podIdentity": {"provider": "aws-eks", "roleArn": "queue"}},
            [(CredentialWay.OWN, None, "queue")],
        ),
        (
            "TriggerAuthentication",
            {"podIdentity": {"provider": "aws", "identityOwner": "workload"}},
            [(CredentialWay.IRSA, None, "")],
        ),
        ("TriggerAuthentication", {"podIdentity": {"provider": "gcp"}}, []),
        ("TriggerAuthentication", {"awsSecretManager": {"podIdentity": {"provider": "aws"}}}, [OWN]),
        ("TriggerAuthentication", dict.fromkeys(("awsSecretManager", "podIdentity")), []),
        ("SecretProviderClass", {"provider": "aws"}, [(CredentialWay.IRSA, None, "")]),
        (
            "SecretProviderClass",
            {"provider": "aws", "parameters": {"usePodIdentity": "TRUE"}},
            [(CredentialWay.POD_IDENTITY, None, "")],
        ),
        *(
            ("SecretProviderClass", {"provider": "aws", "parameters": {"usePodIdentity": text}}, [(way, None, "")])
            for text, way in (
                ("1", CredentialWay.POD_IDENTITY),
                ("t", CredentialWay.POD_IDENTITY),
                ("0", CredentialWay.IRSA),
            )
        ),
        ("SecretProviderClass", {"provider": "vault"}, []),
    ],
)
def test_the_credentials_that_a_product_uses(
    kind: str, spec: dict[str, Any], expected: list[tuple[object, ...]]
) -> None:
    assert settings_of(kind, spec) == expected


def test_a_cluster_scoped_store_names_the_namespace_of_its_service_account() -> None:
    auth = {"jwt": {"serviceAccountRef": {"name": "orders", "namespace": "web"}}}
    assert settings_of("ClusterSecretStore", store(auth), namespace="") == [token_of("web/orders")]


def volume(driver: str, **attributes: str) -> list[tuple[CredentialWay, str]]:
    csi = {"driver": driver, "volumeAttributes": attributes}
    item = {"metadata": {"name": "data"}, "spec": {"csi": csi, "claimRef": {"namespace": "shop", "name": "data"}}}
    return [(setting.way, setting.namespace) for setting in project_custom.volume("PersistentVolume", item)]


def test_a_mountpoint_volume_uses_the_credentials_of_its_pod_only_if_it_says_so() -> None:
    assert volume("s3.csi.aws.com", authenticationSource="pod") == [(CredentialWay.POD_IDENTITY, "shop")]
    assert volume("s3.csi.aws.com", authenticationSource="driver") == [(CredentialWay.OWN, "shop")]
    assert volume("s3.csi.aws.com") == [(CredentialWay.OWN, "shop")]
    assert volume("ebs.csi.aws.com", authenticationSource="pod") == []


def test_audiences_of_a_csi_driver() -> None:
    requests = [{"audience": "pods.eks.amazonaws.com"}, {"audience": "sts.amazonaws.com", "expirationSeconds": 3600}]
    driver = {"metadata": {"name": "s3.csi.aws.com"}, "spec": {"tokenRequests": requests}}
    expected = "s3.csi.aws.com", frozenset({"pods.eks.amazonaws.com", "sts.amazonaws.com"})
    assert project_custom.csi_driver(driver) == expected
    assert project_custom.csi_driver({"metadata": {"name": "x"}}) == ("x", frozenset())


def test_only_served_groups_are_listed_for_owners() -> None:
    paths: list[str] = []
    role = {
        "metadata": {"name": "orders", "namespace": "infra"},
        "status": {"ackResourceMetadata": {"arn": "arn:aws:iam::111122223333:role/orders"}},
    }

    def list_(path: str, read: Any) -> list[Any]:
        paths.append(path)
        return [read(role)]

    owners = project_custom.owners({"iam.services.k8s.aws": "v1alpha1", "apps": "v1"}, list_)
    assert paths == ["/apis/iam.services.k8s.aws/v1alpha1/roles"]
    (owner,) = owners.values()
    assert (set(owners), owner.detail) == ({"arn:aws:iam::111122223333:role/orders"}, "infra/orders")


def test_the_preferred_version_of_each_group() -> None:
    answer = {"groups": [{"name": "apps", "preferredVersion": {"version": "v1"}}, {"name": "x"}]}
    assert project_custom.groups(answer) == {"apps": "v1", "x": ""}

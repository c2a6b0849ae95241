from dataclasses import replace
from typing import Any

import pytest

from checks.builder import (
    ACCOUNT,
    DENIED,
    IRSA_ANNOTATION,
    ISSUER,
    ROLE_ARN,
    association,
    daemon_set,
    healthy,
    pod,
    role,
    service_account,
    trust,
)
from checks.grid import answers, messages, verdicts
from checks.products import CLASS, with_products
from harness import table
from podid.domain.findings import Severity
from podid.domain.names import ServiceAccountRef
from podid.domain.products import CERT_MANAGER, EXTERNAL_SECRETS, MOUNTPOINT, CredentialWay, ProductSetting
from podid.domain.snapshot import Known
from podid.domain.status import IdentityState
from podid.ops.status.diagnose import diagnose

ID = "product-still-in-irsa-mode"
FAILS = with_products("secretproviderclasses", CLASS)
UNKNOWN = healthy(products={"issuers": DENIED})
PASSES = with_products("secretproviderclasses", replace(CLASS, way=CredentialWay.POD_IDENTITY))
FINDINGS = [("fail", "error", "SecretProviderClass shop/db")]
UNKNOWNS = [("unknown", "warn", "Cluster prod")]
MESSAGES = [
    'SecretProviderClass db lacks usePodIdentity: "true": for pods of shop/orders, the provider uses '
    "the IRSA annotation of the service account, which does not exist"
]
IRSA_ROLE = f"arn:aws:iam::{ACCOUNT}:role/issuer"
ANNOTATED = (service_account(annotations=IRSA_ANNOTATION),)
OF_IRSA = {"secretproviderclasses": Known((CLASS,))}


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        # the provider works with the annotation
        ({"service_accounts": ANNOTATED}, ("fail", "warn")),
        ({"service_accounts": DENIED}, ("fail", "warn")),
        ({"pods": (pod(),)}, ("not-applicable", "error")),
        ({"associations": ()}, ("not-applicable", "error")),
    ],
)
def test_secret_provider_classes(sections: dict[str, Any], expected: tuple[str, str]) -> None:
    snapshot = healthy(**{"products": OF_IRSA, "pods": (pod(secret_classes=("db",)),), **sections})
    assert answers(ID, snapshot) == [(*expected, "SecretProviderClass shop/db")]


def test_an_annotation_that_was_not_read_is_not_called_missing() -> None:
    snapshot = healthy(products=OF_IRSA, pods=(pod(secret_classes=("db",)),), service_accounts=DENIED)
    assert messages(ID, snapshot)[0].endswith("the provider uses the IRSA annotation of the service account")


VOLUME = ProductSetting(
    product=MOUNTPOINT, kind="PersistentVolume", namespace="shop", name="files", way=CredentialWay.POD_IDENTITY
)


@table(
    ("tag", "sections", "expected"),
    [
        ("v1.9.0", {}, ("fail", "error")),
        ("v1.9.0", {"service_accounts": ANNOTATED}, ("fail", "warn")),
        ("v1.9.0", {"associations": ()}, ("not-applicable", "error")),
        ("v2.0.0", {}, ("pass", "error")),
        ("latest", {}, ("pass", "error")),
        ("v1.9.0", {"daemon_sets": DENIED}, ("unknown", "error")),
    ],
)
def test_versions_of_mountpoint(tag: str, sections: dict[str, Any], expected: tuple[str, str]) -> None:
    driver = daemon_set(
        name="s3-csi-node", images=(f"r.example/aws-mountpoint-s3-csi-driver:{tag}",), args=(), labels={}
    )
    values = {"products": {"persistentvolumes": Known((VOLUME,))}, "daemon_sets": (daemon_set(), driver)}
    assert [answer[:2] for answer in answers(ID, healthy(**{**values, **sections}))] == [expected]


STORE = ProductSetting(
    product=EXTERNAL_SECRETS,
    kind="SecretStore",
    namespace="shop",
    name="secrets",
    way=CredentialWay.TOKEN_OF,
    service_account=ServiceAccountRef("shop", "orders"),
)


@table(
    ("sections", "expected"),
    [
        ({}, ("fail", "error")),
        # it works with the annotation, but not with the association
        ({"service_accounts": ANNOTATED}, ("fail", "warn")),
        ({"service_accounts": ANNOTATED, "associations": ()}, ("not-applicable", "error")),
        ({"associations": ()}, ("fail", "warn")),
    ],
)
def test_stores_that_use_a_token_of_a_service_account(sections: dict[str, Any], expected: tuple[str, str]) -> None:
    snapshot = healthy(**{"products": {"secretstores": Known((STORE,))}, **sections})
    assert [answer[:2] for answer in answers(ID, snapshot)] == [expected]


@table(
    ("issuer_role", "associations", "expected"),
    [
        # cert-manager names the role; one that no association names was not read
        (ROLE_ARN, (association(),), ("fail", "error")),
        ("other", (association(),), ("fail", "warn")),
        (IRSA_ROLE, (), ("not-applicable", "error")),
    ],
)
def test_issuers_that_use_a_token_of_a_service_account(issuer_role: str, associations: Any, expected: Any) -> None:
    issuer = replace(STORE, product=CERT_MANAGER, kind="Issuer", role=issuer_role)
    irsa = role(IRSA_ROLE, trust({"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"}))
    roles = {ROLE_ARN: Known(role()), IRSA_ROLE: Known(irsa)}
    snapshot = healthy(products={"issuers": Known((issuer,))}, associations=associations, roles=roles)
    assert [answer[:2] for answer in answers(ID, snapshot)] == [expected]


def test_the_pods_of_a_service_account_do_not_depend_on_the_products_that_use_it() -> None:
    """podid restart skips workloads whose new pods would be broken; these get the role as before. A pod that mounts a
    class of the Secrets Store driver does not start without its credentials."""
    driver = daemon_set(name="s3-csi-node", images=("r.example/aws-mountpoint-s3-csi-driver:v1.9.0",), args=())
    for kind, setting, broken in (
        ("secretstores", STORE, False),
        ("persistentvolumes", VOLUME, False),
        ("secretproviderclasses", CLASS, True),
    ):
        snapshot = healthy(
            products={kind: Known((setting,))},
            pods=(pod(secret_classes=("db",)),),
            daemon_sets=(daemon_set(), driver),
        )
        (verdict,) = verdicts(ID, snapshot)
        assert (verdict.severity, verdict.chain) == (Severity.ERROR, ("shop/orders",))
        (status,) = diagnose(snapshot).identities
        assert (status.new_pod.state is IdentityState.BROKEN) is (status.state is IdentityState.BROKEN) is broken, kind

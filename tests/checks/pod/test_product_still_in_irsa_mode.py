"""The check product-still-in-irsa-mode."""

from dataclasses import replace

from checks.builder import DENIED, healthy
from checks.grid import answers, messages
from checks.products import CLASS, with_products
from podid.domain.products import CredentialWay

ID = "product-still-in-irsa-mode"
FAILS = with_products("secretproviderclasses", CLASS)
UNKNOWN = healthy(products={"issuers": DENIED})
PASSES = with_products("secretproviderclasses", replace(CLASS, way=CredentialWay.POD_IDENTITY))


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "error", "SecretProviderClass shop/db")]
    assert answers(ID, UNKNOWN) == [("unknown", "error", "Cluster prod")]
    assert messages(ID, FAILS) == [
        'SecretProviderClass db lacks usePodIdentity: "true": for pods of shop/orders, the provider uses '
        "the IRSA annotation of the service account, which does not exist"
    ]

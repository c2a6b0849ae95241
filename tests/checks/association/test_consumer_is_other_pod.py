"""The check consumer-is-other-pod."""

from checks.builder import DENIED, healthy
from checks.grid import answers, messages
from checks.products import with_products
from podid.domain.products import CredentialWay, ProductSetting

STORE = ProductSetting(
    product="External Secrets", kind="SecretStore", namespace="shop", name="secrets", way=CredentialWay.OWN
)
ID = "consumer-is-other-pod"
FAILS = with_products("secretstores", STORE)
UNKNOWN = healthy(products=DENIED)
PASSES = with_products("secretstores", STORE, operator=True)


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "warn", "SecretStore shop/secrets")]
    assert answers(ID, UNKNOWN) == [("unknown", "error", "Cluster prod")]
    assert messages(ID, FAILS) == [
        "external-secrets/external-secrets calls AWS for External Secrets and has no association; "
        "shop/orders has one, but does not call AWS"
    ]

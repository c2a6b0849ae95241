"""Products that use AWS credentials, and their settings."""

from podid.domain.findings import Subject
from podid.domain.products import CSI_DRIVERS, KEDA, PRODUCTS, CredentialWay, ProductSetting


def test_the_subject_of_a_setting_has_the_scope_of_its_object() -> None:
    def subject(kind: str, namespace: str) -> Subject:
        setting = ProductSetting(product=KEDA, kind=kind, name="x", way=CredentialWay.OWN, namespace=namespace)
        return setting.subject

    assert str(subject("TriggerAuthentication", "shop")) == "TriggerAuthentication shop/x"
    assert str(subject("ClusterTriggerAuthentication", "")) == "ClusterTriggerAuthentication x"


def test_no_service_account_belongs_to_two_products() -> None:
    accounts = [name for product in PRODUCTS.values() for name in (product.service_account, *product.siblings)]
    assert len(accounts) == len(set(accounts))
    assert len({product.image for product in PRODUCTS.values()}) == len(PRODUCTS)
    assert len(set(CSI_DRIVERS.values())) == len(CSI_DRIVERS)

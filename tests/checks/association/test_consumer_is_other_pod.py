from dataclasses import replace

from checks.builder import DENIED, association, healthy
from checks.grid import answers, messages
from checks.products import with_products
from podid.domain.cluster import ServiceAccount
from podid.domain.products import CredentialWay, ProductSetting
from podid.domain.snapshot import Known

STORE = ProductSetting(
    product="External Secrets", kind="SecretStore", namespace="shop", name="secrets", way=CredentialWay.OWN
)
ID = "consumer-is-other-pod"
FAILS = with_products("secretstores", STORE)
UNKNOWN = healthy(products=DENIED)
PASSES = with_products("secretstores", STORE, operator=True)
FINDINGS = [("fail", "warn", "SecretStore shop/secrets")]
UNKNOWNS = [("unknown", "warn", "Cluster prod")]
MESSAGES = [
    "external-secrets/external-secrets calls AWS for External Secrets and has no association; "
    "shop/orders has one, but does not call AWS for it"
]


def test_a_service_account_that_the_setting_names() -> None:
    named = replace(STORE, service_account=association().ref)
    assert answers(ID, with_products("secretstores", named)) == [("pass", "warn", "SecretStore shop/secrets")]
    without_pods = replace(with_products("secretstores", named), pods=Known(()))
    assert answers(ID, without_pods) == [("fail", "warn", "SecretStore shop/secrets")]
    nobody = replace(with_products("secretstores", STORE), associations=Known(()))
    assert answers(ID, nobody) == [("not-applicable", "warn", "SecretStore shop/secrets")]


def test_siblings_if_service_accounts_were_not_read() -> None:
    """A service account that was not read is not called missing."""
    node = healthy(associations=(association("kube-system", "ebs-csi-node-sa"),), products={}, service_accounts=DENIED)
    assert answers(ID, node) == [("unknown", "warn", "ServiceAccount kube-system/ebs-csi-node-sa")]
    controller = ServiceAccount(namespace="kube-system", name="ebs-csi-controller-sa")
    read = replace(node, service_accounts=Known((controller,)))
    assert messages(ID, read) == [f"{controller.ref} makes the AWS requests of EBS CSI driver and has no association"]
    both = (association("kube-system", "ebs-csi-node-sa"), association("kube-system", "ebs-csi-controller-sa"))
    assert [outcome for outcome, _, _ in answers(ID, replace(node, associations=Known(both)))] == ["pass"]


def test_the_node_plugin_of_efs_calls_aws_itself() -> None:
    """It mounts with the option `iam`, whatever role the controller has."""
    accounts = tuple(
        ServiceAccount(namespace="kube-system", name=f"efs-csi-{name}-sa") for name in ("node", "controller")
    )
    mine = healthy(
        associations=(association("kube-system", "efs-csi-node-sa"),), products={}, service_accounts=accounts
    )
    assert answers(ID, mine) == []

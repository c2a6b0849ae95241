"""The check csi-driver-tokenrequest-missing."""

from dataclasses import replace

from checks.builder import DENIED
from checks.grid import answers, messages
from checks.products import BY_POD, with_products
from podid.domain.names import PODS_PRINCIPAL
from podid.domain.snapshot import Known

DRIVER = "secrets-store.csi.k8s.io"
ID = "csi-driver-tokenrequest-missing"
FAILS = replace(with_products("secretproviderclasses", BY_POD), csi_drivers=Known({DRIVER: frozenset()}))
UNKNOWN = replace(with_products("secretproviderclasses", BY_POD), csi_drivers=DENIED)
PASSES = replace(
    with_products("secretproviderclasses", BY_POD), csi_drivers=Known({DRIVER: frozenset({PODS_PRINCIPAL})})
)


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "error", "CSIDriver secrets-store.csi.k8s.io")]
    assert answers(ID, UNKNOWN) == [("unknown", "error", "Cluster prod")]
    assert messages(ID, FAILS) == ["the driver requests no token for pods.eks.amazonaws.com, which db requires"]

from dataclasses import replace

from checks.builder import DENIED, daemon_set
from checks.grid import answers, only
from checks.products import BY_POD, with_products
from podid.domain.names import PODS_PRINCIPAL
from podid.domain.products import CSI_DRIVERS, MOUNTPOINT
from podid.domain.snapshot import Known

DRIVER = "secrets-store.csi.k8s.io"
ID = "csi-driver-tokenrequest-missing"
FAILS = replace(with_products("secretproviderclasses", BY_POD), csi_drivers=Known({DRIVER: frozenset()}))
UNKNOWN = replace(with_products("secretproviderclasses", BY_POD), csi_drivers=DENIED)
PASSES = replace(
    with_products("secretproviderclasses", BY_POD), csi_drivers=Known({DRIVER: frozenset({PODS_PRINCIPAL})})
)
FINDINGS = [("fail", "error", "CSIDriver secrets-store.csi.k8s.io")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]
MESSAGES = ["the driver requests no token for pods.eks.amazonaws.com, which db requires"]


def test_the_version_of_the_driver_decides() -> None:
    unread = replace(FAILS, daemon_sets=DENIED)
    assert answers(ID, unread) == [("unknown", "error", "CSIDriver secrets-store.csi.k8s.io")]
    volume = replace(BY_POD, product=MOUNTPOINT, kind="PersistentVolume", name="files")
    driver = daemon_set(
        name="s3-csi-node", images=("r.example/aws-mountpoint-s3-csi-driver:v1.9.0",), args=(), labels={}
    )
    old = replace(
        with_products("persistentvolumes", volume),
        csi_drivers=Known({CSI_DRIVERS[MOUNTPOINT]: frozenset({"sts.amazonaws.com"})}),
        daemon_sets=Known((driver,)),
    )
    assert only(ID, old).message == f"this version of {MOUNTPOINT} does not support Pod Identity"

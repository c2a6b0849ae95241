"""Rollback of all service accounts from a stage."""

import pytest

from irsa import REPORTS, Irsa
from ops.migrate.worlds import only_irsa


@pytest.mark.parametrize("stage", ["admitted", "associated", "moved"])
def test_rollback_from_a_stage(irsa: Irsa, stage: str) -> None:
    trust, annotations = irsa.trust("irsa-reports"), irsa.annotations(REPORTS)
    irsa.site.must("migrate", "apply", REPORTS, "--until", stage, "--yes")
    irsa.site.must("migrate", "rollback", "-A", "--yes")
    assert (irsa.trust("irsa-reports"), irsa.annotations(REPORTS)) == (trust, annotations)
    assert irsa.stages()[REPORTS] == "old"
    assert only_irsa(irsa, "legacy")
    again = irsa.site.must("migrate", "rollback", "-A", "--yes")
    assert again.stdout == "nothing to change\n"


def test_an_association_of_its_own_is_not_rolled_back(irsa: Irsa) -> None:
    irsa.with_role("shop/cart")
    irsa.site.associate("shop", "cart", "storefront")
    outcome = irsa.site("migrate", "rollback", "shop/cart", "--yes")
    assert (outcome.code, "a role other than its IRSA role" in outcome.stderr) == (6, True), outcome


def test_a_pod_that_podid_cannot_replace_is_reported(irsa: Irsa) -> None:
    irsa.site.must("migrate", "apply", REPORTS, "--yes")
    spec = {"serviceAccountName": "reports", "containers": [{"name": "app", "image": "busybox"}]}
    irsa.site.cluster.post("/api/v1/namespaces/legacy/pods", {"metadata": {"name": "bare"}, "spec": spec})
    outcome = irsa.site("migrate", "rollback", REPORTS, "--yes")
    assert (outcome.code, f"{REPORTS}: 1 running pod without the previous credentials" in outcome.stderr) == (8, True)
    # the role still allows the pod
    assert any(s["Principal"].get("Service") for s in irsa.trust("irsa-reports")["Statement"])

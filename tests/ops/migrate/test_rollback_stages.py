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

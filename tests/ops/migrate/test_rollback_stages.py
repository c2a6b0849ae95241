"""Rollback of all service accounts from a stage, and undo of a migration."""

import pytest

from irsa import REPORTS, Irsa, ways
from ops.migrate.killed import new_pod
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


def test_undo_of_apply_restarts_and_leaves_no_pod_without(irsa: Irsa) -> None:
    trust, without = irsa.trust("irsa-reports"), list[str]()
    irsa.site.must("migrate", "apply", REPORTS, "--yes")

    def watch(_: float) -> None:
        pod = new_pod(irsa.site, REPORTS)
        allowed = any(s["Principal"].get("Service") for s in irsa.trust("irsa-reports")["Statement"])
        if not ways(pod) or ("AWS_CONTAINER_CREDENTIALS_FULL_URI" in ways(pod) and not allowed):
            without.append(f"{ways(pod)}")

    irsa.site.on_sleep = watch
    result = irsa.site.must("undo", "last", "--yes", "-o", "json").json
    irsa.site.on_sleep = lambda _: None
    kinds = [(action["kind"], action["status"]) for action in result["actions"]]
    assert kinds == [("association", "done"), ("restart", "done"), ("role-trust", "done")]
    assert (without, irsa.trust("irsa-reports"), irsa.stages()[REPORTS]) == ([], trust, "old")
    assert only_irsa(irsa, "legacy")

"""Rollback of all service accounts from a stage, and undo of a migration."""

import pytest

from irsa import ANNOTATION, REPORTS, Irsa, irsa_statement, ways
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


def test_undo_of_apply_after_another_user_finished(irsa: Irsa) -> None:
    """This journal does not have that run, and the trust policy is unchanged: another service account needs it."""
    arn = irsa.role("wide", irsa_statement("shop/n*", operator="StringLike"))
    for name in ("shop/north", "shop/nord"):
        irsa.account(name, arn)
    irsa.site.must("migrate", "apply", "shop/north", "--until", "admitted", "--yes")
    irsa.site.must("migrate", "apply", "shop/north", "--yes")
    elsewhere = {"XDG_STATE_HOME": str(irsa.site.directory / "bob")}
    assert irsa.site("migrate", "finish", "shop/north", "--soak", "0", "--yes", env=elsewhere).code == 0
    outcome = irsa.site("undo", "last", "--yes")
    assert (outcome.code, "no longer has the annotation of IRSA" in outcome.stderr) == (6, True), outcome
    assert irsa.stages()["shop/north"] == "finished"
    irsa.site.must("migrate", "rollback", "shop/north", "--yes")
    assert irsa.annotations("shop/north") == {ANNOTATION: arn}
    assert ways(new_pod(irsa.site, "shop/north")) == {"AWS_WEB_IDENTITY_TOKEN_FILE"}

"""Rollback and undo of a migration from IRSA, from every stage."""

from typing import Any

import pytest

from irsa import ANNOTATION, REPORTS, Irsa, irsa_statement, ways
from ops.migrate.killed import new_pod
from ops.migrate.worlds import only_irsa
from worlds import ACCOUNT


@pytest.mark.parametrize("finished", [False, True])
def test_rollback_restores_equal_values(irsa: Irsa, finished: bool) -> None:
    trust, annotations = irsa.trust("irsa-reports"), irsa.annotations(REPORTS)
    irsa.site.must("migrate", "apply", "-A", "--yes")
    if finished:
        irsa.site.must("migrate", "finish", "-A", "--soak", "0", "--yes")
    irsa.site.must("migrate", "rollback", REPORTS, "--yes")
    assert irsa.trust("irsa-reports") == trust
    assert irsa.annotations(REPORTS) == annotations
    assert all(ways(pod) == {"AWS_WEB_IDENTITY_TOKEN_FILE"} for pod in irsa.site.cluster.pods("legacy"))
    assert irsa.stages()[REPORTS] == "old"


def test_rollback_without_a_journal(moved: Irsa, tmp_path: Any) -> None:
    moved.site.must("migrate", "finish", "-A", "--soak", "0", "--yes")
    moved.site.must("migrate", "rollback", REPORTS, "--yes", "--journal-dir", str(tmp_path / "empty"))
    assert moved.trust("irsa-reports")["Statement"] == [irsa_statement(REPORTS)]
    assert moved.annotations(REPORTS) == {ANNOTATION: f"arn:aws:iam::{ACCOUNT}:role/irsa-reports"}


@pytest.mark.parametrize("stage", ["admitted", "associated", "moved"])
def test_rollback_from_a_stage(irsa: Irsa, stage: str) -> None:
    trust = irsa.trust("irsa-reports")
    irsa.site.must("migrate", "apply", REPORTS, "--until", stage, "--yes")
    irsa.site.must("migrate", "rollback", "-A", "--yes")
    assert (irsa.trust("irsa-reports"), irsa.stages()[REPORTS]) == (trust, "old")
    assert only_irsa(irsa, "legacy")
    again = irsa.site.must("migrate", "rollback", "-A", "--yes")
    assert again.stdout == "nothing to change\n"


def test_rollback_after_the_association_is_gone(irsa: Irsa) -> None:
    """As after a rollback that was killed before the pods were restarted."""
    trust = irsa.trust("irsa-reports")
    irsa.site.must("migrate", "apply", REPORTS, "--yes")
    irsa.site.must("disassociate", REPORTS, "--yes")
    assert not only_irsa(irsa, "legacy")
    irsa.site.must("migrate", "rollback", "-A", "--yes")
    assert irsa.trust("irsa-reports") == trust
    assert only_irsa(irsa, "legacy")


def test_an_association_of_its_own_is_not_rolled_back(irsa: Irsa) -> None:
    irsa.with_role("shop/cart")
    irsa.site.associate("shop", "cart", "storefront")
    outcome = irsa.site("migrate", "rollback", "shop/cart", "--yes")
    assert (outcome.code, "a role other than its IRSA role" in outcome.stderr) == (6, True), outcome


def test_trust_policies_come_back_equal_one_by_one(irsa: Irsa) -> None:
    refs = ("shop/one", "shop/two", "shop/three")
    arn = irsa.role("several", irsa_statement(*refs), irsa_statement("web/other"))
    for ref in refs:
        irsa.account(ref, arn)
    trust = irsa.trust("several")
    for ref in refs:
        irsa.site.must("migrate", "apply", ref, "--yes")
        irsa.site.must("migrate", "finish", ref, "--soak", "0", "--yes")
    assert all("Federated" not in item["Principal"] for item in irsa.trust("several")["Statement"][1:])
    for ref in (refs[1], refs[2], refs[0]):
        irsa.site.must("migrate", "rollback", ref, "--yes")
        assert irsa.annotations(ref) == {ANNOTATION: arn}
    assert irsa.trust("several") == trust


def test_a_statement_without_a_list_comes_back_without(irsa: Irsa) -> None:
    document = {"Version": "2012-10-17", "Statement": irsa_statement(REPORTS)}
    irsa.site.trust("irsa-reports", document)
    irsa.site.must("migrate", "apply", REPORTS, "--yes")
    irsa.site.must("migrate", "finish", REPORTS, "--soak", "0", "--yes")
    irsa.site.must("migrate", "rollback", REPORTS, "--yes")
    assert irsa.trust("irsa-reports") == document


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

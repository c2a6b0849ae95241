"""Rollback of service accounts to IRSA, also after finish. Each test has service accounts of its own in one cluster."""

from pathlib import Path

import pytest

from cluster_api import Json
from irsa import ANNOTATION, ISSUER, Irsa, irsa_statement, policy
from ops.migrate.worlds import only_irsa
from worlds import ACCOUNT, Site

LIST = ("list/one", "list/two", "list/three")
FINISHED = ("done/one", "lost/one", "single/one")
SINGLE: Json = {"Version": "2012-10-17", "Statement": irsa_statement("single/one")}
# a token for an audience of one's own: the annotation eks.amazonaws.com/audience
AUDIENCE = policy(irsa_statement("aud/one"))
AUDIENCE["Statement"][0]["Condition"]["StringEquals"][f"{ISSUER}:aud"] = "vault"
SEVERAL = policy(irsa_statement(*LIST), irsa_statement("web/other"))


@pytest.fixture(scope="module")
def _moved(_kept: Site) -> Irsa:
    irsa = Irsa(_kept)
    arn = irsa.role("several", *SEVERAL["Statement"])
    for ref in LIST:
        irsa.account(ref, arn)
    for ref in (*FINISHED, "gone/one", "aud/one"):
        irsa.with_role(ref)
    _kept.trust("single-one", SINGLE)
    _kept.trust("aud-one", AUDIENCE)
    _kept.must("migrate", "apply", *LIST[:2], *FINISHED, "gone/one", "aud/one", "--yes")
    _kept.must("migrate", "finish", *FINISHED, "--soak", "0", "--yes")
    return irsa


@pytest.fixture
def moved(_moved: Irsa, shared: Site) -> Irsa:
    """Return a cluster whose service accounts use Pod Identity."""
    return _moved


def test_rollback_restores_equal_values(moved: Irsa) -> None:
    assert moved.annotations("done/one") == {}
    moved.site.must("migrate", "rollback", "done/one", "--yes")
    assert moved.trust("done-one") == policy(irsa_statement("done/one"))
    assert moved.annotations("done/one") == {ANNOTATION: f"arn:aws:iam::{ACCOUNT}:role/done-one"}
    assert only_irsa(moved, "done")
    assert moved.stages()["done/one"] == "old"


def test_rollback_adds_no_statement_for_another_audience(moved: Irsa) -> None:
    moved.site.must("migrate", "rollback", "aud/one", "--yes")
    assert moved.trust("aud-one") == AUDIENCE


def test_rollback_without_a_journal(moved: Irsa, tmp_path: Path) -> None:
    moved.site.must("migrate", "rollback", "lost/one", "--yes", "--journal-dir", str(tmp_path / "empty"))
    assert moved.trust("lost-one")["Statement"] == [irsa_statement("lost/one")]
    assert moved.annotations("lost/one") == {ANNOTATION: f"arn:aws:iam::{ACCOUNT}:role/lost-one"}


def test_an_association_that_could_not_be_described_is_not_gone(moved: Irsa) -> None:
    """Its pods would lose their credentials with the statement for Pod Identity."""
    before = {role: moved.trust(role) for role in ("several", "gone-one")}
    associations = moved.site.must("list", "-n", "list", "-o", "json").json["items"]
    (unread,) = (item for item in associations if item["serviceAccount"] == "two")
    moved.site.box.world.credentials.deny("eks:DescribePodIdentityAssociation", resource=unread["associationArn"])
    for argv in (("rollback", *LIST), ("rollback", "list/two"), ("apply", *LIST)):
        outcome = moved.site("migrate", *argv, "--yes")
        assert (outcome.code, "DescribePodIdentityAssociation" in outcome.stderr) == (4, True), outcome
    assert {role: moved.trust(role) for role in before} == before


def test_rollback_after_the_association_is_gone(moved: Irsa) -> None:
    """As after a rollback that was killed before the pods were restarted."""
    moved.site.must("disassociate", "gone/one", "--yes")
    assert not only_irsa(moved, "gone")
    moved.site.must("migrate", "rollback", "gone/one", "--yes")
    assert moved.trust("gone-one") == policy(irsa_statement("gone/one"))
    assert only_irsa(moved, "gone")


def test_trust_policies_come_back_equal_one_by_one(moved: Irsa) -> None:
    moved.site.must("migrate", "finish", *LIST[:2], "--soak", "0", "--yes")
    # before, the trust policy has no room for a third statement
    moved.site.must("migrate", "apply", LIST[2], "--yes")
    moved.site.must("migrate", "finish", LIST[2], "--soak", "0", "--yes")
    assert all("Federated" not in item["Principal"] for item in moved.trust("several")["Statement"][1:])
    for ref in (LIST[1], LIST[2], LIST[0]):
        moved.site.must("migrate", "rollback", ref, "--yes")
        assert moved.annotations(ref) == {ANNOTATION: f"arn:aws:iam::{ACCOUNT}:role/several"}
    assert moved.trust("several") == SEVERAL


def test_a_statement_without_a_list_comes_back_without(moved: Irsa) -> None:
    moved.site.must("migrate", "rollback", "single/one", "--yes")
    assert moved.trust("single-one") == SINGLE

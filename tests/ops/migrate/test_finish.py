"""What finish removes of IRSA, and what it keeps. Each test has service accounts of its own in one cluster."""

from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from checks import builder
from cluster_api import Json
from harness import table
from irsa import ANNOTATION, ISSUER, PROVIDER, REPORTS, Irsa, irsa_statement
from podid.domain.migration import CredentialCounts, MigrationItem, Stage
from podid.kube.writer import KubeWriter
from podid.ops.migrate.finish import not_yet
from worlds import ACCOUNT, Site

if TYPE_CHECKING:
    from podid.ops.migrate.items import Migration

MOVED = (
    *("list/one", "wide/one", "narrow/one", "pods/one", "both/one", "stopped/one", "fresh/one", "back/one"),
    *("helm/owned", "argo/owned", "flux/owned"),
)
OTHER = irsa_statement("both/one", provider=PROVIDER.replace("EXAMPLED", "OTHERD"))
OWNERS: dict[str, tuple[str, Json]] = {
    "helm": (
        "Helm release orders",
        {"annotations": {"meta.helm.sh/release-name": "orders", "meta.helm.sh/release-namespace": "helm"}},
    ),
    "argo": (
        "Argo CD application web",
        {"annotations": {"argocd.argoproj.io/tracking-id": "web:/ServiceAccount:argo/owned"}},
    ),
    "flux": ("Flux Kustomization", {"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}),
}


@pytest.fixture(scope="module")
def _moved(_kept: Site) -> Irsa:
    irsa = Irsa(_kept)
    for name, statement in (
        ("list", irsa_statement("list/one", "list/two")),
        ("wide", irsa_statement("wide/*", operator="StringLike")),
        ("narrow", irsa_statement("narrow/*", operator="StringLike")),
        ("pods", irsa_statement("pods/*", operator="StringLike")),
    ):
        arn = irsa.role(name, statement)
        irsa.account(f"{name}/one", arn)
        irsa.account(f"{name}/two", arn)
    irsa.account("both/one", irsa.role("two-clusters", irsa_statement("both/one"), OTHER))
    for name, (_, metadata) in OWNERS.items():
        irsa.with_role(f"{name}/owned", metadata=dict(metadata))
    for ref in ("stopped/one", "fresh/one", "waiting/one", "back/one"):
        irsa.with_role(ref)
    irsa.site.must("migrate", "apply", REPORTS, *MOVED, "--yes")
    irsa.site.must("migrate", "apply", "waiting/one", "--until", "associated", "--yes")
    return irsa


@pytest.fixture
def moved(_moved: Irsa, shared: Site) -> Irsa:
    """Return a cluster whose service accounts use Pod Identity: `shared` restores permissions."""
    return _moved


def finish(irsa: Irsa, ref: str, *argv: str) -> str:
    return irsa.site.must("migrate", "finish", ref, "--soak", "0", *argv, "--yes").stderr


def test_a_fresh_association_is_not_finished(moved: Irsa) -> None:
    outcome = moved.site("migrate", "finish", "fresh/one", "--yes")
    assert (outcome.code, "--soak requires 24 hours" in outcome.stderr) == (3, True)
    assert moved.stages()["fresh/one"] == "moved"


@table(
    ("created", "modified", "soak", "reason"),
    [
        (30, None, 24, ""),
        (2, None, 24, "its association was created 2 hours ago; --soak requires 24 hours"),
        (2, 2, 24, "its association was created 2 hours ago; --soak requires 24 hours"),
        (30, 2, 24, "its association was changed 2 hours ago; --soak requires 24 hours"),
        (2, 2, 0, ""),
        (None, None, 24, "its association was created at an unknown time; --soak requires 24 hours"),
    ],
)
def test_the_age_of_an_association(created: int | None, modified: int | None, soak: int, reason: str) -> None:
    created_at, modified_at = (None if hours is None else builder.ago(hours=hours) for hours in (created, modified))
    association = builder.association(created_at=created_at, modified_at=modified_at)
    migration = cast("Migration", SimpleNamespace(snapshot=builder.healthy(associations=(association,))))
    item = MigrationItem(
        ref=association.ref, source=None, role_arn=association.role_arn, stage=Stage.MOVED, pods=CredentialCounts()
    )
    assert not_yet(migration, item, builder.NOW, timedelta(hours=soak)) == reason


def test_finish_removes_the_statement_and_the_annotation(moved: Irsa) -> None:
    trust, annotations = moved.trust("irsa-reports"), moved.annotations(REPORTS)
    finish(moved, REPORTS)
    assert moved.trust("irsa-reports")["Statement"] == trust["Statement"][1:]
    assert moved.annotations(REPORTS) == {}
    assert moved.stages()[REPORTS] == "clean"
    assert moved.site.must("status", REPORTS, "-o", "json").json["state"] == "ready"
    moved.site.must("undo", "last", "--yes")
    assert (moved.trust("irsa-reports"), moved.annotations(REPORTS)) == (trust, annotations)


def test_finish_and_rollback_read_nothing_for_checks(moved: Irsa) -> None:
    calls = moved.site.box.faults.calls
    for argv in (("finish", REPORTS, "--soak", "0"), ("rollback", REPORTS)):
        calls.clear()
        moved.site.must("migrate", *argv, "--dry-run")
        assert {service for service, _ in calls} <= {"eks", "iam", "sts", "cloudformation"}, calls
        assert (calls["eks", "ListNodegroups"], calls["iam", "ListAttachedRolePolicies"]) == (0, 0)


def test_not_before_all_pods_moved(moved: Irsa) -> None:
    outcome = moved.site("migrate", "finish", "waiting/one", "--soak", "0", "--yes")
    assert (outcome.code, "does not use Pod Identity yet" in outcome.stderr) == (3, True)


def test_not_with_a_role_that_cannot_be_read(moved: Irsa) -> None:
    """Without the annotation, no later run would remove the statement."""
    moved.site.box.world.credentials.deny("iam:GetRole")
    finishing = ("migrate", "finish", REPORTS, "--soak", "0", "--yes")
    for more, code, text in (((), 9, "requires iam:GetRole"), (("--accept-unread",), 3, "(requires iam:GetRole)")):
        outcome = moved.site(*finishing, *more)
        assert (outcome.code, text in outcome.stderr) == (code, True), outcome
        assert moved.annotations(REPORTS) != {}


def test_what_others_need_stays(moved: Irsa) -> None:
    """Other values of a list, other issuers, and a pattern for pods with an earlier annotation."""
    path, other = "/api/v1/namespaces/pods/serviceaccounts/two", moved.site.aws("iam").get_role(RoleName="list")
    moved.site.cluster.merge(path, {"metadata": {"annotations": {ANNOTATION: other["Role"]["Arn"]}}})
    assert "pods/two still needs it" in finish(moved, "pods/one", "list/one", "both/one")
    condition = moved.trust("list")["Statement"][0]["Condition"]["StringEquals"]
    assert condition[f"{ISSUER}:sub"] == ["system:serviceaccount:list:two"]
    assert moved.trust("two-clusters")["Statement"][0] == OTHER


def test_a_pattern_stays_while_it_is_needed(moved: Irsa) -> None:
    assert "wide/two still needs it" in finish(moved, "wide/one")
    assert moved.trust("wide")["Statement"][0] == irsa_statement("wide/*", operator="StringLike")
    moved.site.must("migrate", "apply", "wide/two", "--yes")
    finish(moved, "wide/two")
    assert all("Federated" not in item["Principal"] for item in moved.trust("wide")["Statement"])


def test_a_pattern_can_be_narrowed(moved: Irsa) -> None:
    finish(moved, "narrow/one", "--narrow")
    condition = moved.trust("narrow")["Statement"][0]["Condition"]["StringLike"]
    assert condition == {f"{ISSUER}:sub": "system:serviceaccount:narrow:two"}


def test_an_annotation_of_another_tool_stays(moved: Irsa) -> None:
    items, refs = moved.items(), [f"{name}/owned" for name in OWNERS]
    for ref, (owner, _) in zip(refs, OWNERS.values(), strict=True):
        assert items[ref]["owner"].startswith(owner)
        assert "annotation-owned" in [warning["id"] for warning in items[ref]["warnings"]]
    trusts = [moved.trust(f"{name}-owned") for name in OWNERS]
    outcome = moved.site("migrate", "finish", *refs, "--soak", "0", "--yes")
    assert outcome.code == 3, outcome
    assert all(owner in outcome.stderr for owner, _ in OWNERS.values()), outcome
    assert [moved.trust(f"{name}-owned") for name in OWNERS] == trusts
    assert all(ANNOTATION in moved.annotations(ref) for ref in refs)


def test_a_finish_that_stopped_after_the_annotation_is_continued(moved: Irsa) -> None:
    path = "/api/v1/namespaces/stopped/serviceaccounts/one"
    moved.site.cluster.merge(path, {"metadata": {"annotations": {ANNOTATION: None}}})
    assert moved.stages()["stopped/one"] == "moved"
    finish(moved, "stopped/one")
    assert all("Federated" not in item["Principal"] for item in moved.trust("stopped-one")["Statement"])
    assert moved.stages()["stopped/one"] == "clean"


def test_an_annotation_that_another_tool_restores_is_reported(moved: Irsa, monkeypatch: pytest.MonkeyPatch) -> None:
    annotate, arn = KubeWriter.annotate, moved.annotations("back/one")[ANNOTATION]

    def restoring(*args: Any) -> Any:
        account = annotate(*args)
        path = "/api/v1/namespaces/back/serviceaccounts/one"
        moved.site.cluster.merge(path, {"metadata": {"annotations": {ANNOTATION: arn}}})
        return account

    monkeypatch.setattr(KubeWriter, "annotate", restoring)
    outcome = moved.site("migrate", "finish", "back/one", "--soak", "0", "--yes")
    assert outcome.code == 8, outcome
    assert "Another tool has set the annotation of back/one again" in outcome.stderr


def test_a_rollback_adds_no_annotation_that_another_tool_would_remove(moved: Irsa) -> None:
    """Its owner has removed the annotation, as podid migrate finish says."""
    path = "/api/v1/namespaces/argo/serviceaccounts/owned"
    moved.site.cluster.merge(path, {"metadata": {"annotations": {ANNOTATION: None}}})
    outcome = moved.site("migrate", "rollback", "argo/owned", "--yes", "-o", "json")
    assert (outcome.code, ANNOTATION in moved.annotations("argo/owned")) == (6, False), outcome
    arn = f"arn:aws:iam::{ACCOUNT}:role/argo-owned"
    message = "Argo CD application web manages service account argo/owned: first add the annotation"
    assert outcome.error["message"] == f"{message} {ANNOTATION}: {arn} in its source"
    moved.site.cluster.merge(path, {"metadata": {"annotations": {ANNOTATION: arn}}})
    moved.site.must("migrate", "rollback", "argo/owned", "--yes")

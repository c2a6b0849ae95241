"""What finish removes of IRSA, and what it keeps."""

import pytest

from cluster_api import Json
from irsa import ANNOTATION, ISSUER, PROVIDER, REPORTS, Irsa, irsa_statement


def test_a_fresh_association_is_not_finished(moved: Irsa) -> None:
    outcome = moved.site("migrate", "finish", "-A", "--yes")
    assert (outcome.code, "--soak requires 24 hours" in outcome.stderr) == (3, True)
    assert moved.stages()[REPORTS] == "moved"


def test_finish_removes_the_statement_and_the_annotation(moved: Irsa) -> None:
    added = moved.trust("irsa-reports")["Statement"][1:]
    moved.site.must("migrate", "finish", REPORTS, "--soak", "0", "--yes")
    assert moved.trust("irsa-reports")["Statement"] == added
    assert moved.annotations(REPORTS) == {}
    assert moved.stages()[REPORTS] == "finished"
    assert moved.site.must("status", REPORTS, "-o", "json").json["state"] == "ready"


def test_not_before_all_pods_moved(irsa: Irsa) -> None:
    irsa.site.must("migrate", "apply", "-A", "--until", "associated", "--yes")
    outcome = irsa.site("migrate", "finish", "-A", "--soak", "0", "--yes")
    assert (outcome.code, "does not use Pod Identity yet" in outcome.stderr) == (3, True)


def test_a_list_loses_one_value(irsa: Irsa) -> None:
    arn = irsa.role("pair", irsa_statement("shop/one", "shop/two"))
    irsa.account("shop/one", arn)
    irsa.account("shop/two", arn)
    irsa.site.must("migrate", "apply", "shop/one", "--yes")
    irsa.site.must("migrate", "finish", "shop/one", "--soak", "0", "--yes")
    condition = irsa.trust("pair")["Statement"][0]["Condition"]["StringEquals"]
    assert condition[f"{ISSUER}:sub"] == ["system:serviceaccount:shop:two"]


def test_a_pattern_stays_while_it_is_needed(irsa: Irsa) -> None:
    arn = irsa.role("wide", irsa_statement("shop/*", operator="StringLike"))
    irsa.account("shop/one", arn)
    irsa.account("shop/two", arn)
    irsa.site.must("migrate", "apply", "shop/one", "--yes")
    outcome = irsa.site.must("migrate", "finish", "shop/one", "--soak", "0", "--yes")
    assert "shop/two still needs it" in outcome.stderr
    assert irsa.trust("wide")["Statement"][0] == irsa_statement("shop/*", operator="StringLike")
    irsa.site.must("migrate", "apply", "shop/two", "--yes")
    irsa.site.must("migrate", "finish", "shop/two", "--soak", "0", "--yes")
    assert all("Federated" not in item["Principal"] for item in irsa.trust("wide")["Statement"])


def test_a_pattern_can_be_narrowed(irsa: Irsa) -> None:
    arn = irsa.role("wide", irsa_statement("shop/*", operator="StringLike"))
    irsa.account("shop/one", arn)
    irsa.account("shop/two", arn)
    irsa.site.must("migrate", "apply", "shop/one", "--yes")
    irsa.site.must("migrate", "finish", "shop/one", "--soak", "0", "--narrow", "--yes")
    condition = irsa.trust("wide")["Statement"][0]["Condition"]["StringLike"]
    assert condition == {f"{ISSUER}:sub": "system:serviceaccount:shop:two"}


def test_other_issuers_stay(irsa: Irsa) -> None:
    other = irsa_statement("shop/one", provider=PROVIDER.replace("EXAMPLED", "OTHERD"))
    irsa.account("shop/one", irsa.role("two-clusters", irsa_statement("shop/one"), other))
    irsa.site.must("migrate", "apply", "shop/one", "--yes")
    irsa.site.must("migrate", "finish", "shop/one", "--soak", "0", "--yes")
    assert irsa.trust("two-clusters")["Statement"][0] == other


@pytest.mark.parametrize(
    ("metadata", "owner"),
    [
        (
            {"annotations": {"meta.helm.sh/release-name": "orders", "meta.helm.sh/release-namespace": "shop"}},
            "Helm release orders",
        ),
        (
            {"annotations": {"argocd.argoproj.io/tracking-id": "web:/ServiceAccount:shop/owned"}},
            "Argo CD application web",
        ),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}, "Flux Kustomization"),
    ],
)
def test_an_annotation_of_another_tool_stays(irsa: Irsa, metadata: Json, owner: str) -> None:
    irsa.with_role("shop/owned", metadata=metadata)
    assert irsa.items()["shop/owned"]["owner"].startswith(owner)
    assert "annotation-owned" in irsa.warnings("shop/owned")
    irsa.site.must("migrate", "apply", "shop/owned", "--yes")
    trust = irsa.trust("shop-owned")
    outcome = irsa.site("migrate", "finish", "shop/owned", "--soak", "0", "--yes")
    assert (outcome.code, owner in outcome.stderr) == (3, True), outcome
    assert irsa.trust("shop-owned") == trust
    assert ANNOTATION in irsa.annotations("shop/owned")


def test_undo_of_a_finish(moved: Irsa) -> None:
    trust, annotations = moved.trust("irsa-reports"), moved.annotations(REPORTS)
    moved.site.must("migrate", "finish", "-A", "--soak", "0", "--yes")
    moved.site.must("undo", "last", "--yes")
    assert (moved.trust("irsa-reports"), moved.annotations(REPORTS)) == (trust, annotations)


def test_a_finish_that_stopped_after_the_annotation_is_continued(irsa: Irsa) -> None:
    irsa.site.must("migrate", "apply", REPORTS, "--yes")
    path = "/api/v1/namespaces/legacy/serviceaccounts/reports"
    irsa.site.cluster.merge(path, {"metadata": {"annotations": {ANNOTATION: None}}})
    assert irsa.stages()[REPORTS] == "moved"
    irsa.site.must("migrate", "finish", REPORTS, "--soak", "0", "--yes")
    assert all("Federated" not in item["Principal"] for item in irsa.trust("irsa-reports")["Statement"])
    assert irsa.stages()[REPORTS] == "finished"

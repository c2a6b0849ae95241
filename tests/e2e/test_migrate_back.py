"""Rollback and undo of a migration, from every stage; and what must be there before anything is changed."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from irsa import ANNOTATION, REPORTS, Irsa, irsa_statement, ways
from worlds import ACCOUNT, Site

pytestmark = pytest.mark.sampled(5)


@pytest.fixture
def irsa(healthy: Site) -> Irsa:
    return Irsa(healthy)


def only_irsa(irsa: Irsa, namespace: str) -> bool:
    return all(ways(pod) == {"AWS_WEB_IDENTITY_TOKEN_FILE"} for pod in irsa.site.cluster.pods(namespace))


# --- what cannot be read ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["apply", "finish", "rollback"])
@pytest.mark.parametrize("resource", ["serviceaccounts", "pods"])
def test_nothing_is_changed_where_the_cluster_cannot_be_read(irsa: Irsa, verb: str, resource: str) -> None:
    irsa.site.must("migrate", "apply", "-A", "--until", "associated", "--yes")
    trust, runs = irsa.trust("irsa-reports"), irsa.site.must("history").stdout
    others = [name for name in ("serviceaccounts", "pods", "namespaces", "nodes", "deployments") if name != resource]
    blind = irsa.site.user("blind", [{"apiGroups": ["*"], "resources": others, "verbs": ["*"]}])
    outcome = irsa.site("migrate", verb, REPORTS, "--yes", env=blind)
    assert (outcome.code, resource in outcome.stderr) == (4, True), outcome
    assert (irsa.trust("irsa-reports"), irsa.site.must("history").stdout) == (trust, runs)


# --- rollback ---------------------------------------------------------------------------------------------------------


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


# --- undo -------------------------------------------------------------------------------------------------------------


def test_undo_of_apply_restarts_and_leaves_no_pod_without(irsa: Irsa) -> None:
    trust, without = irsa.trust("irsa-reports"), list[str]()
    irsa.site.must("migrate", "apply", REPORTS, "--yes")
    numbers = iter(range(1_000_000))

    def watch(_: float) -> None:
        pod = f"watch-{next(numbers)}"
        irsa.site.cluster.make_pod("legacy", pod, "reports")
        made = irsa.site.cluster.get(f"/api/v1/namespaces/legacy/pods/{pod}")
        allowed = any(s["Principal"].get("Service") for s in irsa.trust("irsa-reports")["Statement"])
        if not ways(made) or ("AWS_CONTAINER_CREDENTIALS_FULL_URI" in ways(made) and not allowed):
            without.append(pod)
        irsa.site.cluster.delete(f"/api/v1/namespaces/legacy/pods/{pod}")

    irsa.site.on_sleep = watch
    result = irsa.site.must("undo", "last", "--yes", "-o", "json").json
    irsa.site.on_sleep = lambda _: None
    kinds = [(action["kind"], action["status"]) for action in result["actions"]]
    assert kinds == [("association", "done"), ("restart", "done"), ("role-trust", "done")]
    assert (without, irsa.trust("irsa-reports"), irsa.stages()[REPORTS]) == ([], trust, "old")
    assert only_irsa(irsa, "legacy")


# --- finish -----------------------------------------------------------------------------------------------------------


def test_a_finish_that_stopped_after_the_annotation_is_continued(irsa: Irsa) -> None:
    irsa.site.must("migrate", "apply", REPORTS, "--yes")
    path = "/api/v1/namespaces/legacy/serviceaccounts/reports"
    irsa.site.cluster.merge(path, {"metadata": {"annotations": {ANNOTATION: None}}})
    assert irsa.stages()[REPORTS] == "moved"
    irsa.site.must("migrate", "finish", REPORTS, "--soak", "0", "--yes")
    assert all("Federated" not in item["Principal"] for item in irsa.trust("irsa-reports")["Statement"])
    assert irsa.stages()[REPORTS] == "finished"


HELM = {"meta.helm.sh/release-name": "orders", "meta.helm.sh/release-namespace": "shop"}


def test_manifests_of_annotations_that_another_tool_manages(irsa: Irsa, tmp_path: Path) -> None:
    more = {f"eks.amazonaws.com/{name}": "true" for name in ("sts-regional-endpoints", "audience")}
    metadata: dict[str, Any] = {"annotations": {**HELM, **more, "team": "a"}, "labels": {"app": "x"}}
    irsa.with_role("shop/owned", metadata=metadata)
    path = "/api/v1/namespaces/shop/serviceaccounts/owned"
    irsa.site.cluster.merge(path, {"imagePullSecrets": [{"name": "registry"}]})
    irsa.site.must("migrate", "apply", "shop/owned", "--yes")
    argv = ("migrate", "finish", "shop/owned", "--soak", "0", "--yes", "--write-manifests", str(tmp_path))
    outcome = irsa.site(*argv)
    assert (outcome.code, "shop_owned.yaml" in outcome.stderr) == (3, True), outcome
    written = yaml.safe_load((tmp_path / "shop_owned.yaml").read_text())
    assert written == {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {
            "name": "owned",
            "namespace": "shop",
            "labels": {"app": "x"},
            "annotations": {**HELM, "team": "a"},
        },
        "imagePullSecrets": [{"name": "registry"}],
    }
    assert irsa.annotations("shop/owned")[ANNOTATION] == f"arn:aws:iam::{ACCOUNT}:role/shop-owned"
    assert irsa.site(*argv).code == 2
    assert irsa.site(*argv, "--force").code == 3


# --- the agent first --------------------------------------------------------------------------------------------------


@pytest.fixture
def bare(site: Site) -> Irsa:
    """A cluster without the agent."""
    return Irsa(site)


def test_the_agent_is_installed_first(bare: Irsa) -> None:
    assert bare.blockers(REPORTS, "--install-agent") == []
    result = bare.site.must("migrate", "apply", "-A", "--install-agent", "--yes", "-o", "json").json
    kinds = [(action["kind"], action["status"]) for action in result["actions"]]
    assert kinds == [("addon", "done"), ("role-trust", "done"), ("association", "done"), ("restart", "done")]
    assert bare.stages()[REPORTS] == "moved"
    # an undo of the migration leaves the agent, which others may use by then
    bare.site.must("undo", "last", "--yes")
    assert bare.stages()[REPORTS] == "old"
    assert bare.site.must("agent", "status", "-o", "json").json["addon"]["status"] == "ACTIVE"


def test_an_agent_that_is_there_stays(irsa: Irsa) -> None:
    plan = irsa.site.must("migrate", "apply", "-A", "--install-agent", "--dry-run", "-o", "json").json
    assert [action["kind"] for action in plan["actions"]] == ["role-trust", "association"]


def test_a_dry_run_with_the_agent(bare: Irsa) -> None:
    plan = bare.site.must("migrate", "apply", "-A", "--install-agent", "--dry-run", "-o", "json").json
    assert [action["kind"] for action in plan["actions"]] == ["addon", "role-trust", "association"]
    assert bare.site.must("history").stdout == ""


def test_without_anything_to_migrate_no_agent_is_installed(bare: Irsa) -> None:
    bare.account("shop/gone", f"arn:aws:iam::{ACCOUNT}:role/gone")
    outcome = bare.site("migrate", "apply", "shop/gone", "--install-agent", "--yes")
    assert (outcome.code, "role-not-found" in outcome.stderr) == (6, True), outcome
    assert bare.site.aws("eks").list_addons(clusterName="demo")["addons"] == ["aws-ebs-csi-driver"]


def test_an_agent_that_cannot_be_installed_ends_it(bare: Irsa) -> None:
    bare.site.box.world.credentials.deny("eks:CreateAddon")
    trust = bare.trust("irsa-reports")
    outcome = bare.site("migrate", "apply", "-A", "--install-agent", "--yes")
    assert (outcome.code, "eks:CreateAddon" in outcome.stderr) == (4, True), outcome
    assert bare.trust("irsa-reports") == trust


def test_an_approved_plan_with_the_agent(bare: Irsa, tmp_path: Path) -> None:
    file = str(tmp_path / "plan.json")
    bare.site.must("migrate", "plan", "--install-agent", "--save", file)
    bare.site.must("migrate", "apply", "--plan", file, "--install-agent")
    assert bare.stages()[REPORTS] == "moved"

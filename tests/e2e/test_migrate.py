"""A migration from IRSA: planned, applied, finished and rolled back, without a pod that starts without credentials."""

import fcntl
import json
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cluster_api import Json
from harness import Answers
from irsa import ANNOTATION, ISSUER, PROVIDER, REPORTS, Irsa, irsa_statement, policy, ways
from podid.sandbox.aws.protocol import AwsError
from podid.sandbox.world import AssociationRecord, ClusterRecord
from worlds import ACCOUNT, CLUSTER_ARN, Site

pytestmark = pytest.mark.sampled(3)


@pytest.fixture
def irsa(healthy: Site) -> Irsa:
    return Irsa(healthy)


# --- plan -------------------------------------------------------------------------------------------------------------


def test_a_cluster_without_irsa_has_nothing_to_migrate(healthy: Site) -> None:
    healthy.cluster.merge(
        "/api/v1/namespaces/legacy/serviceaccounts/reports", {"metadata": {"annotations": {ANNOTATION: None}}}
    )
    for name in healthy.cluster.pod_names("legacy"):
        healthy.cluster.delete(f"/api/v1/namespaces/legacy/pods/{name}")
    healthy.wait(60)
    outcome = healthy("migrate", "plan")
    assert (outcome.code, outcome.stdout) == (0, "")
    assert "nothing to migrate" in outcome.stderr
    assert healthy.must("migrate", "plan", "-o", "json").json["items"] == []


def test_the_plan_says_what_is_there_and_what_is_left(irsa: Irsa) -> None:
    item = irsa.items()[REPORTS]
    assert (item["source"], item["stage"]) == ("irsa", "old")
    assert item["roleArn"] == f"arn:aws:iam::{ACCOUNT}:role/irsa-reports"
    assert item["pods"] == {"total": 1, "podIdentity": 0, "irsa": 1, "other": 0}
    assert (item["blockers"], item["warnings"], item["unknown"]) == ([], [], [])
    assert [step["action"] for step in item["steps"]] == ["allow", "associate", "restart", "verify", "finish"]
    assert item["workloads"] == ["Deployment/legacy/reports"]
    assert irsa.site.must("migrate", "plan", "-o", "json").json["providers"] == [PROVIDER]


def test_planning_changes_nothing(irsa: Irsa) -> None:
    before = irsa.trust("irsa-reports")
    irsa.items()
    assert irsa.trust("irsa-reports") == before
    assert irsa.site.must("history").stdout == ""


def test_without_an_agent_everything_is_blocked(site: Site) -> None:
    assert Irsa(site).blockers(REPORTS) == ["agent-not-installed"]
    outcome = site("migrate", "apply", "-A", "--yes")
    assert outcome.code == 6, outcome
    assert "agent-not-installed" in outcome.stderr
    assert Irsa(site).stages()[REPORTS] == "old"


def test_a_role_that_does_not_exist(irsa: Irsa) -> None:
    irsa.account("shop/gone", f"arn:aws:iam::{ACCOUNT}:role/gone")
    assert irsa.blockers("shop/gone") == ["role-not-found"]


def test_a_role_of_another_account(irsa: Irsa) -> None:
    irsa.account("shop/far", "arn:aws:iam::444455556666:role/far")
    item = irsa.items()["shop/far"]
    assert [blocker["id"] for blocker in item["blockers"]] == ["cross-account-role-arn"]
    assert "--base-role" in item["blockers"][0]["wayOut"][0]


def test_an_association_with_another_role(irsa: Irsa) -> None:
    irsa.with_role("shop/cart")
    irsa.site.associate("shop", "cart", "storefront")
    assert irsa.blockers("shop/cart") == ["association-other-role"]


def test_a_trust_policy_without_room(irsa: Irsa) -> None:
    others = [irsa_statement("shop/tight", *(f"shop/{'x' * 50}{number}" for number in range(18)))]
    irsa.account("shop/tight", irsa.role("tight", *others))
    assert irsa.blockers("shop/tight") == ["trust-quota"]


def test_variables_that_the_manifest_sets_itself(irsa: Irsa) -> None:
    arn = irsa.role("own", irsa_statement("shop/own"))
    env = [{"name": "AWS_ROLE_ARN", "value": arn}, {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "/token"}]
    container = {"name": "app", "image": "busybox", "command": ["sleep", "infinity"], "env": env}
    irsa.account("shop/own", arn, pod={"containers": [container]})
    assert irsa.blockers("shop/own") == ["irsa-env-hardcoded"]


def test_warnings(irsa: Irsa) -> None:
    other = irsa_statement("shop/a", provider=PROVIDER.replace("EXAMPLED", "OTHERD"))
    arn = irsa.role("shared", irsa_statement("shop/*", operator="StringLike"), other)
    irsa.account("shop/wide", arn)
    assert sorted(irsa.warnings("shop/wide")) == ["role-used-elsewhere", "wildcard-subject"]


def test_accepting_a_blocker(irsa: Irsa) -> None:
    irsa.with_role("shop/cart")
    irsa.site.associate("shop", "cart", "storefront")
    outcome = irsa.site("migrate", "plan", "--accept", "shop/cart=")
    assert outcome.code == 2


# --- apply ------------------------------------------------------------------------------------------------------------


def test_apply_moves_and_proves(irsa: Irsa) -> None:
    before = irsa.trust("irsa-reports")["Statement"]
    result = irsa.site.must("migrate", "apply", "-A", "--yes", "-o", "json").json
    assert [(action["kind"], action["status"]) for action in result["actions"]] == [
        ("role-trust", "done"),
        ("association", "done"),
        ("restart", "done"),
    ]
    assert [status["state"] for status in result["after"]] == ["verified"]
    after = irsa.trust("irsa-reports")["Statement"]
    assert (after[: len(before)], len(after)) == (before, len(before) + 1)
    assert irsa.annotations(REPORTS) == {ANNOTATION: f"arn:aws:iam::{ACCOUNT}:role/irsa-reports"}
    assert irsa.stages()[REPORTS] == "moved"
    assert all(ways(pod) == {"AWS_CONTAINER_CREDENTIALS_FULL_URI"} for pod in irsa.site.cluster.pods("legacy"))


def test_a_rerun_changes_nothing(irsa: Irsa) -> None:
    irsa.site.must("migrate", "apply", "-A", "--yes")
    trust = irsa.trust("irsa-reports")
    again = irsa.site.must("migrate", "apply", "-A", "--yes", "-o", "json").json
    assert [action for action in again["actions"] if action["status"] == "done"] == []
    assert irsa.trust("irsa-reports") == trust


def test_no_pod_is_ever_without_credentials(irsa: Irsa) -> None:
    """A pod of each service account is created each second: by one of the two ways each gets credentials."""
    refs = [f"team{number}/app" for number in range(4)]
    for ref in refs:
        irsa.with_role(ref)
    without: list[str] = []
    numbers = iter(range(1_000_000))

    def watch(_: float) -> None:
        number = next(numbers)
        for ref in (*refs, REPORTS):
            namespace, name = ref.split("/")
            pod = f"watch-{number}"
            irsa.site.cluster.make_pod(namespace, pod, name)
            made = irsa.site.cluster.get(f"/api/v1/namespaces/{namespace}/pods/{pod}")
            if not ways(made):
                without.append(f"{ref} {number}")
            irsa.site.cluster.delete(f"/api/v1/namespaces/{namespace}/pods/{pod}")

    irsa.site.on_sleep = watch
    irsa.site.must("migrate", "apply", "-A", "--yes")
    irsa.site.must("migrate", "finish", "-A", "--soak", "0", "--yes")
    irsa.site.must("migrate", "rollback", REPORTS, "--yes")
    assert next(numbers) > 10
    assert without == []


def test_many_of_one_role(irsa: Irsa) -> None:
    refs = ("shop/one", "shop/two", "shop/three")
    arn = irsa.role("several", irsa_statement(*refs))
    for ref in refs:
        irsa.account(ref, arn)
    irsa.site.must("migrate", "apply", "-n", "shop", "--yes")
    assert {stage for ref, stage in irsa.stages().items() if ref in refs} == {"moved"}
    assert len(irsa.trust("several")["Statement"]) == 4


def test_until_a_stage(irsa: Irsa) -> None:
    for stage in ("admitted", "associated", "moved"):
        irsa.site.must("migrate", "apply", REPORTS, "--until", stage, "--yes")
        assert irsa.stages()[REPORTS] == stage


def test_blocked_ones_stay_and_the_others_go_on(irsa: Irsa) -> None:
    irsa.account("shop/gone", f"arn:aws:iam::{ACCOUNT}:role/gone")
    outcome = irsa.site("migrate", "apply", "-A", "--yes", "-o", "json")
    assert outcome.code == 8, outcome
    assert [(item["target"], item["status"]) for item in outcome.json["actions"] if item["status"] == "skipped"] == [
        ("shop/gone", "skipped")
    ]
    stages = irsa.stages()
    assert (stages["shop/gone"], stages[REPORTS]) == ("old", "moved")


def agent_goes(irsa: Irsa) -> Callable[[float], None]:
    """Somebody removes the agent once the association exists."""
    eks, once = irsa.site.aws("eks"), iter([True])

    def remove(_: float) -> None:
        made = eks.list_pod_identity_associations(clusterName="demo", namespace="legacy")["associations"]
        if made and next(once, False):
            eks.delete_addon(clusterName="demo", addonName="eks-pod-identity-agent")

    return remove


def test_what_fails_is_taken_back(irsa: Irsa) -> None:
    irsa.site.on_sleep = agent_goes(irsa)
    outcome = irsa.site("migrate", "apply", "-A", "--yes")
    assert outcome.code == 8, outcome
    assert "rolled back to IRSA" in outcome.stderr
    irsa.site.on_sleep = lambda _: None
    assert irsa.site.must("list", "-n", "legacy", "-o", "name").stdout == ""
    assert all(ways(pod) == {"AWS_WEB_IDENTITY_TOKEN_FILE"} for pod in irsa.site.cluster.pods("legacy"))
    # an undo does not create the association again, which the run itself deleted
    undone = irsa.site.must("undo", "last", "--yes", "-o", "json").json["actions"]
    assert [(action["kind"], action["target"]) for action in undone] == [("role-trust", "irsa-reports")]


@pytest.fixture
def three(irsa: Irsa, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Service accounts of which the first fails: EKS does not accept its association."""
    refs = ["shop/a", "shop/b", "shop/c"]
    for ref in refs:
        irsa.with_role(ref)
    put = irsa.site.box.world.put_association

    def refuse(cluster: ClusterRecord, association: AssociationRecord) -> None:
        if association.service_account == "a":
            raise AwsError("InvalidParameterException", "not this one")
        put(cluster, association)

    monkeypatch.setattr(irsa.site.box.world, "put_association", refuse)
    return refs


def test_a_failure_does_not_keep_the_others(irsa: Irsa, three: list[str]) -> None:
    outcome = irsa.site("migrate", "apply", *three, "--yes", "--parallel", "1")
    assert (outcome.code, "shop/a: " in outcome.stderr) == (8, True), outcome
    assert [irsa.stages()[ref] for ref in three] == ["admitted", "moved", "moved"]


def test_at_most_so_many_failures(irsa: Irsa, three: list[str]) -> None:
    outcome = irsa.site("migrate", "apply", *three, "--yes", "--parallel", "1", "--max-failures", "0")
    assert (outcome.code, "Stopped after 1 failure" in outcome.stderr) == (8, True), outcome
    assert [irsa.stages()[ref] for ref in three] == ["admitted", "old", "old"]


def test_the_time_limit_leaves_time_to_roll_back(irsa: Irsa) -> None:
    irsa.with_role("shop/one")
    irsa.site.kube.faults.webhook_misses = 10_000
    outcome = irsa.site("migrate", "apply", "-A", "--yes", "--timeout", "1m")
    assert (outcome.code, outcome.stderr.count("rolled back to IRSA")) == (8, 4), outcome
    assert irsa.site.must("list", "-A", "-o", "name").stdout == "shop/orders\n"
    assert irsa.site.slept < 400


def test_a_failed_one_can_be_kept(irsa: Irsa) -> None:
    irsa.site.on_sleep = agent_goes(irsa)
    outcome = irsa.site("migrate", "apply", "-A", "--yes", "--keep-failed")
    irsa.site.on_sleep = lambda _: None
    assert (outcome.code, "rolled back" in outcome.stderr) == (8, False), outcome
    assert irsa.site.must("list", "-n", "legacy", "-o", "name").stdout == f"{REPORTS}\n"


class Asked(Answers):
    """Records the associations at each question. The answer takes an hour, which is not part of --timeout."""

    def __init__(self, irsa: Irsa, *answers: bool) -> None:
        super().__init__(*answers)
        self.irsa, self.associated = irsa, list[list[str]]()

    def confirm(self, question: str, *, word: str = "") -> bool:
        known = self.irsa.site.aws("eks").list_pod_identity_associations(clusterName="demo", namespace="shop")
        self.associated.append([i["serviceAccount"] for i in known["associations"] if i["serviceAccount"] in "abc"])
        self.irsa.site.wait(3600)
        return super().confirm(question, word=word)


def test_each_is_approved(irsa: Irsa) -> None:
    """Each question comes after the changes of the previous service account. One that was not approved stays unchanged,
    also in the trust policy of a role that it shares."""
    arn = irsa.role("shared", irsa_statement("shop/a", "shop/b", "shop/c"))
    for name in "abc":
        irsa.account(f"shop/{name}", arn)
    answers = Asked(irsa, True, False, True)
    irsa.site.podid = replace(irsa.site.podid, tty=True, answers=answers)
    irsa.site.must("migrate", "apply", "-n", "shop", "--approve-each", "--timeout", "30m")
    assert answers.questions == [f"Migrate shop/{name}?" for name in "abc"]
    assert answers.associated == [[], ["a"], ["a"]]
    irsa.site.podid = replace(irsa.site.podid, tty=False, answers=None)
    stages = irsa.stages()
    assert [stages[f"shop/{name}"] for name in "abc"] == ["moved", "old", "moved"]
    assert [json.dumps(irsa.trust("shared")).count(f'service-account": "{name}"') for name in "abc"] == [1, 0, 1]
    (run,) = irsa.site.must("history", "-o", "json").json["items"]
    irsa.site.must("undo", run["runId"], "--yes")
    assert irsa.trust("shared") == policy(irsa_statement("shop/a", "shop/b", "shop/c"))


def test_without_a_terminal_nothing_can_be_approved(site: Site) -> None:
    outcome = site("migrate", "apply", "-A", "--approve-each", "--install-agent")
    assert (outcome.code, outcome.stdout, "''" in outcome.stderr) == (2, "", False), outcome
    assert site.must("history").stdout == ""


def test_it_needs_consent(irsa: Irsa) -> None:
    outcome = irsa.site("migrate", "apply", "-A")
    assert (outcome.code, "--yes" in outcome.stderr) == (2, True)
    assert irsa.stages()[REPORTS] == "old"


def test_a_dry_run_changes_nothing(irsa: Irsa) -> None:
    plan = irsa.site.must("migrate", "apply", "-A", "--dry-run", "-o", "json").json
    assert [action["kind"] for action in plan["actions"]] == ["role-trust", "association"]
    assert irsa.stages()[REPORTS] == "old"


# --- finish -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def moved(irsa: Irsa) -> Irsa:
    irsa.site.must("migrate", "apply", "-A", "--yes")
    return irsa


def test_too_fresh(moved: Irsa) -> None:
    outcome = moved.site("migrate", "finish", "-A", "--yes")
    assert (outcome.code, "--soak requires 24 hours" in outcome.stderr) == (3, True)
    assert moved.stages()[REPORTS] == "moved"


def test_finish_removes_only_the_older_way(moved: Irsa) -> None:
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
def test_what_another_tool_manages_is_left_to_it(irsa: Irsa, metadata: Json, owner: str) -> None:
    irsa.with_role("shop/owned", metadata=metadata)
    assert irsa.items()["shop/owned"]["owner"].startswith(owner)
    assert "annotation-owned" in irsa.warnings("shop/owned")
    irsa.site.must("migrate", "apply", "shop/owned", "--yes")
    trust = irsa.trust("shop-owned")
    outcome = irsa.site("migrate", "finish", "shop/owned", "--soak", "0", "--yes")
    assert (outcome.code, owner in outcome.stderr) == (3, True), outcome
    assert irsa.trust("shop-owned") == trust
    assert ANNOTATION in irsa.annotations("shop/owned")


# --- back -------------------------------------------------------------------------------------------------------------


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


def test_nothing_to_roll_back(irsa: Irsa) -> None:
    outcome = irsa.site("migrate", "rollback", REPORTS, "--yes")
    assert (outcome.code, outcome.stdout, outcome.stderr) == (0, "nothing to change\n", "")


def test_undo_of_a_finish(moved: Irsa) -> None:
    trust, annotations = moved.trust("irsa-reports"), moved.annotations(REPORTS)
    moved.site.must("migrate", "finish", "-A", "--soak", "0", "--yes")
    moved.site.must("undo", "last", "--yes")
    assert (moved.trust("irsa-reports"), moved.annotations(REPORTS)) == (trust, annotations)


def test_status_names_the_next_command(irsa: Irsa) -> None:
    assert irsa.site.must("migrate", "status", "-o", "json").json["next"] == [["podid", "migrate", "apply", "-A"]]
    irsa.site.must("migrate", "apply", "-A", "--yes")
    assert irsa.site.must("migrate", "status", "-o", "json").json["next"] == [["podid", "migrate", "finish", "-A"]]


def test_the_cluster_is_named_by_its_arn(irsa: Irsa) -> None:
    assert irsa.site.must("migrate", "plan", "-o", "json").json["cluster"] == CLUSTER_ARN


# --- clean-up ---------------------------------------------------------------------------------------------------------


def provider(site: Site, ident: str) -> str:
    made = site.aws("iam").create_open_id_connect_provider(
        Url=f"https://oidc.eks.us-west-2.amazonaws.com/id/{ident}",
        ClientIDList=["sts.amazonaws.com"],
        ThumbprintList=["9e99a48a9960b14926bb7f3b02e22da2b0ab7280"],
    )
    return str(made["OpenIDConnectProviderArn"])


def test_cleanup_lists_and_deletes_what_is_named(irsa: Irsa) -> None:
    unused, used = provider(irsa.site, "UNUSED"), provider(irsa.site, "USED")
    irsa.role("uses-it", irsa_statement("shop/a", provider=used))
    lonely = irsa.role("lonely", irsa_statement("shop/a", provider=PROVIDER.replace("EXAMPLED", "GONE")))
    items = irsa.site.must("migrate", "cleanup", "-o", "json").json["items"]
    found = {(item["kind"], item["arn"]) for item in items}
    assert {("oidc-provider", unused), ("role", lonely)} <= found
    assert ("oidc-provider", used) not in found
    irsa.site.must("migrate", "cleanup", unused, lonely, "--yes")
    left = irsa.site.aws("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert unused not in {item["Arn"] for item in left}
    irsa.site.must("undo", "last", "--yes")
    left = irsa.site.aws("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert unused in {item["Arn"] for item in left}


def test_cleanup_deletes_nothing_else(irsa: Irsa) -> None:
    used = provider(irsa.site, "USED")
    irsa.role("uses-it", irsa_statement("shop/a", provider=used))
    assert irsa.site("migrate", "cleanup", used, "--yes").code == 5
    assert irsa.site("migrate", "cleanup", provider(irsa.site, "UNUSED")).code == 2


# --- a saved plan -----------------------------------------------------------------------------------------------------


def test_a_saved_plan_is_carried_out_without_a_question(irsa: Irsa, tmp_path: Any) -> None:
    file = str(tmp_path / "plan.json")
    irsa.site.must("migrate", "plan", "--save", file)
    irsa.site.must("migrate", "apply", "--plan", file)
    assert irsa.stages()[REPORTS] == "moved"


def test_a_saved_plan_covers_what_is_in_it_alone(irsa: Irsa, tmp_path: Any) -> None:
    file = str(tmp_path / "plan.json")
    irsa.with_role("shop/one")
    irsa.site.must("migrate", "plan", "shop/one", "--save", file)
    irsa.site.must("migrate", "apply", "--plan", file)
    stages = irsa.stages()
    assert (stages["shop/one"], stages[REPORTS]) == ("moved", "old")


def test_a_plan_that_has_moved_on(irsa: Irsa, tmp_path: Any) -> None:
    file = str(tmp_path / "plan.json")
    irsa.site.must("migrate", "plan", "--save", file)
    document = irsa.trust("irsa-reports")
    document["Statement"].append(irsa_statement("shop/other"))
    irsa.site.trust("irsa-reports", document)
    outcome = irsa.site("migrate", "apply", "--plan", file)
    assert outcome.code == 6, outcome
    assert "legacy/reports: the trust policy of its role changed" in outcome.stderr
    assert irsa.stages()[REPORTS] == "old"


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"kind": "MigrationPlan"}', '{"kind": "MigrationPlan", "items": [{}]}']
)
def test_a_file_that_is_no_plan(irsa: Irsa, tmp_path: Any, text: str) -> None:
    file = tmp_path / "plan.json"
    file.write_text(text)
    outcome = irsa.site("migrate", "apply", "--plan", str(file))
    assert outcome.code in (2, 6), outcome
    assert irsa.stages()[REPORTS] == "old"


# --- two at once -----------------------------------------------------------------------------------------------------


def test_a_saved_plan_changes_no_trust_policy_for_others(irsa: Irsa, tmp_path: Any) -> None:
    file = str(tmp_path / "plan.json")
    arn = irsa.role("pair", irsa_statement("shop/one", "shop/two"))
    irsa.account("shop/one", arn)
    irsa.account("shop/two", arn)
    irsa.site.must("migrate", "plan", "shop/one", "--save", file)
    irsa.site.must("migrate", "apply", "--plan", file)
    assert len(irsa.trust("pair")["Statement"]) == 2


def test_one_migration_at_a_time(irsa: Irsa) -> None:
    directory = irsa.site.directory / "state" / "podid" / "locks"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for parent in (directory, directory.parent):
        parent.chmod(0o700)
    name = f"migrate-{ACCOUNT}-us-west-2-demo.lock"
    with open(directory / name, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        outcome = irsa.site("migrate", "apply", "-A", "--yes")
    assert (outcome.code, "Another podid process is migrating cluster demo" in outcome.stderr) == (6, True), outcome
    assert irsa.stages()[REPORTS] == "old"


def test_the_samples_have_every_kind(healthy: Site) -> None:
    """What `podid sandbox start --samples irsa` adds."""
    from podid.sandbox import irsa_samples

    irsa_samples.load(healthy.box.reach())
    healthy.wait(60)
    items = Irsa(healthy).items()
    blockers = {ref: [blocker["id"] for blocker in item["blockers"]] for ref, item in items.items() if item["blockers"]}
    assert blockers == {
        "apps/far": ["cross-account-role-arn"],
        "apps/gone": ["role-not-found"],
        "apps/keys": ["static-aws-keys-shadow"],
        "apps/manual": ["irsa-env-hardcoded"],
        "apps/old-sdk": ["sdk-too-old"],
        "apps/taken": ["association-other-role"],
    }
    warnings = {ref: [warning["id"] for warning in item["warnings"]] for ref, item in items.items() if item["warnings"]}
    assert {ref: ids for ref, ids in warnings.items() if ref not in blockers} == {
        "apps/both": ["role-used-elsewhere"],
        "apps/chained": ["chained-assume-missing-tag-session"],
        "apps/charted": ["annotation-owned"],
        "apps/host": ["host-network-pod"],
        "apps/north": ["wildcard-subject"],
        "apps/sessions": ["session-name-changed"],
        "apps/south": ["wildcard-subject"],
    }
    assert {ref for ref in items if not ref.startswith("apps/")} == {REPORTS, "kube-system/ebs-csi-controller-sa"}
    assert len(items) == 21

"""podid migrate apply: its options, questions and exit codes."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness import Answers
from irsa import REPORTS, Irsa, irsa_statement, policy
from ops.migrate.causes import (
    add,
    association_other_role,
    cross_account_role_arn,
    role_not_found,
    sdk_too_old,
    trust_quota,
)
from worlds import ACCOUNT, Site

ONE = "shop/one"


def test_without_an_agent_everything_is_blocked(site: Site) -> None:
    item = Irsa(site).items()[REPORTS]
    assert ([blocker["id"] for blocker in item["blockers"]], item["warnings"]) == (["agent-not-installed"], [])
    outcome = site("migrate", "apply", "-A", "--yes")
    assert outcome.code == 6, outcome
    assert "agent-not-installed" in outcome.stderr
    assert Irsa(site).stages()[REPORTS] == "old"


def test_apply_stops_at_a_stage(irsa: Irsa) -> None:
    for stage in ("admitted", "associated", "moved"):
        irsa.site.must("migrate", "apply", REPORTS, "--until", stage, "--yes")
        assert irsa.stages()[REPORTS] == stage


class Questions(Answers):
    """Records the associations at each question. The answer takes an hour, which is not part of --timeout."""

    def __init__(self, irsa: Irsa, *answers: bool) -> None:
        super().__init__(*answers)
        self.irsa, self.associated = irsa, list[list[str]]()

    def confirm(self, question: str, *, word: str = "") -> bool:
        known = self.irsa.site.aws("eks").list_pod_identity_associations(clusterName="demo", namespace="shop")
        self.associated.append([i["serviceAccount"] for i in known["associations"] if i["serviceAccount"] in "abc"])
        self.irsa.site.wait(3600)
        return super().confirm(question, word=word)


def test_each_service_account_is_approved(irsa: Irsa) -> None:
    """Each question comes after the changes of the previous service account. One that was not approved stays unchanged,
    also in the trust policy of a role that it shares."""
    arn = irsa.role("shared", irsa_statement("shop/a", "shop/b", "shop/c"))
    for name in "abc":
        irsa.account(f"shop/{name}", arn)
    answers = Questions(irsa, True, False, True)
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


def test_neither_a_dry_run_nor_a_run_without_confirmation_changes_anything(irsa: Irsa) -> None:
    plan = irsa.site.must("migrate", "apply", "-A", "--dry-run", "-o", "json").json
    assert [action["kind"] for action in plan["actions"]] == ["role-trust", "association"]
    outcome = irsa.site("migrate", "apply", "-A")
    assert (outcome.code, "--yes" in outcome.stderr) == (2, True)
    assert irsa.stages()[REPORTS] == "old"
    # an installed agent stays
    plan = irsa.site.must("migrate", "apply", "-A", "--install-agent", "--dry-run", "-o", "json").json
    assert [action["kind"] for action in plan["actions"]] == ["role-trust", "association"]


def test_an_accepted_blocker_is_migrated(irsa: Irsa) -> None:
    sdk_too_old(irsa, ONE)
    assert irsa.site("migrate", "apply", ONE, "--yes").code == 6
    irsa.site.must("migrate", "apply", ONE, "--accept", f"{ONE}=sdk-too-old", "--yes", "--until", "moved")
    assert irsa.stages()[ONE] == "moved"


def test_a_refusal_of_aws_cannot_be_accepted(irsa: Irsa) -> None:
    causes = (role_not_found, cross_account_role_arn, association_other_role, trust_quota)
    for number, cause in enumerate(causes):
        ref, blocker = cause(irsa, f"shop/refused-{number}"), cause.__name__.replace("_", "-")
        outcome = irsa.site("migrate", "apply", ref, "--accept", blocker, "--yes")
        assert (outcome.code, f"{ref}: {blocker}" in outcome.stderr) == (6, True), outcome
    assert irsa.site.must("history").stdout == ""


def test_strict_blocks_an_unchecked_service_account(irsa: Irsa) -> None:
    add(irsa, ONE)
    irsa.site.box.world.credentials.deny("iam:ListAttachedRolePolicies")
    (item,) = irsa.site("migrate", "plan", ONE, "-o", "json").json["items"]
    assert (item["blockers"], bool(item["unknown"])) == ([], True)
    outcome = irsa.site("migrate", "apply", ONE, "--strict", "--yes")
    assert (outcome.code, "not checked: " in outcome.stderr) == (6, True), outcome
    irsa.site.must("migrate", "apply", ONE, "--yes")


# --- the agent --------------------------------------------------------------------------------------------------------


@pytest.fixture
def bare(site: Site) -> Irsa:
    """Return a cluster without the agent."""
    return Irsa(site)


def test_the_agent_is_installed_first(bare: Irsa) -> None:
    assert bare.blockers(REPORTS, "--install-agent") == []
    result = bare.site.must("migrate", "apply", "-A", "--install-agent", "--yes", "-o", "json").json
    kinds = [(action["kind"], action["status"]) for action in result["actions"]]
    assert kinds == [("addon", "done"), ("role-trust", "done"), ("association", "done"), ("restart", "done")]
    assert bare.stages()[REPORTS] == "moved"
    # an undo of the migration leaves the agent, which others may use by then
    undone = bare.site.must("undo", "last", "--yes")
    assert bare.stages()[REPORTS] == "old"
    assert bare.site.must("agent", "status", "-o", "json").json["addon"]["status"] == "ACTIVE"
    name = bare.site.must("history", "-o", "json").json["items"][-1]["runId"]
    told = "the same command changed add-on eks-pod-identity-agent in run"
    assert f"note: {told} {name}, which is not undone" in undone.stderr.splitlines()
    bare.site.must("undo", name, "--yes")
    bare.site.wait(60)
    assert bare.site.aws("eks").list_addons(clusterName="demo")["addons"] == ["aws-ebs-csi-driver"]
    assert told not in bare.site.must("undo", result["runId"], "--yes").stderr


def test_a_dry_run_with_the_agent(bare: Irsa) -> None:
    plan = bare.site.must("migrate", "apply", "-A", "--install-agent", "--dry-run", "-o", "json").json
    assert [action["kind"] for action in plan["actions"]] == ["addon", "role-trust", "association"]
    assert bare.site.must("history").stdout == ""


def test_without_anything_to_migrate_no_agent_is_installed(bare: Irsa) -> None:
    bare.account("shop/gone", f"arn:aws:iam::{ACCOUNT}:role/gone")
    outcome = bare.site("migrate", "apply", "shop/gone", "--install-agent", "--yes")
    assert (outcome.code, "role-not-found" in outcome.stderr) == (6, True), outcome
    assert bare.site.aws("eks").list_addons(clusterName="demo")["addons"] == ["aws-ebs-csi-driver"]


def test_apply_ends_if_the_agent_cannot_be_installed(bare: Irsa) -> None:
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

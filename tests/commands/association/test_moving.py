"""`podid move --to-cluster`: runs, failures and undo in both clusters."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness import Outcome, Podid
from ops.association.worlds import TARGET, WAIT, cluster_state, owned_by_an_addon, roles
from ops.change.support import account_state, writes
from podid.sandbox.baseline import add_association, add_cluster, add_role, pods_trust
from podid.sandbox.box import Sandbox
from worlds import ACCOUNT, CLUSTER_ARN

MOVE = ("move", "shop/orders", "--to-cluster", "blue", *WAIT, "-o", "json")


@pytest.fixture
def two(box: Sandbox, journal: Path) -> Sandbox:
    """Return clusters demo and blue, and a role whose trust policy allows the pods of both."""
    add_cluster(box.world, "blue")
    add_role(box.world, box.iam, "open", pods_trust())
    return box


def actions(outcome: Outcome) -> list[tuple[str, str, str, str]]:
    return [
        (result["cluster"], item["kind"], item["target"], item["status"])
        for result in outcome.json["items"]
        for item in result["actions"]
    ]


@pytest.mark.parametrize(
    "argv",
    [("copy", "--from-cluster", "blue", "--to-cluster", "blues"), ("move", "shop/orders", "--to-cluster", "demos")],
)
def test_a_missing_cluster_is_not_the_first_one(two: Sandbox, podid: Podid, argv: tuple[str, ...]) -> None:
    outcome = podid(*argv, "-o", "json")
    assert (outcome.code, outcome.error.get("hint")) == (5, None), outcome


def test_all_settings_move_and_both_runs_can_be_undone(two: Sandbox, podid: Podid) -> None:
    first = ("associate", "shop/orders", "--create-role", "--role", "r", "--target-role", TARGET, "--tag", "a=b", *WAIT)
    assert podid(*first).code == 0
    before, state = account_state(two), cluster_state(two, "demo")
    assert podid(*MOVE, "--update-trust").code == 2
    refused = podid(*MOVE, "--yes")
    assert (refused.code, account_state(two)) == (6, before)
    planned = podid(*MOVE, "--update-trust", "--dry-run")
    assert planned.code == 0, planned
    assert [(item["cluster"], item["actions"][-1]["verb"]) for item in planned.json["items"]] == [
        ("blue", "create"),
        ("demo", "delete"),
    ]
    assert account_state(two) == before
    moved = podid(*MOVE, "--update-trust", "--yes")
    assert moved.code == 0, moved
    assert actions(moved) == [
        ("blue", "role-trust", "r", "done"),
        ("blue", "association", "shop/orders", "done"),
        ("demo", "association", "shop/orders", "done"),
    ]
    assert (cluster_state(two, "blue"), cluster_state(two, "demo")) == (state, [])
    count = writes(two)
    again = podid(*MOVE, "--yes")
    assert (again.code, writes(two)) == (0, count), again
    assert "nothing is left to move" in again.stdout
    runs = [run["runId"] for run in podid("history", "-o", "json").json["items"] if run["command"][0] == "move"]
    assert len(runs) == 2
    for run in runs:
        assert podid("undo", run, "--yes", *WAIT).code == 0
    assert account_state(two) == before


def test_undo_last_undoes_it_in_both_clusters(two: Sandbox, podid: Podid) -> None:
    assert podid("associate", "shop/orders", "--create-role", "--role", "r", *WAIT).code == 0
    before = account_state(two)
    assert podid(*MOVE, "--update-trust", "--yes").code == 0
    moved = account_state(two)
    runs = [run["runId"] for run in podid("history", "-o", "json").json["items"]][:2]
    planned = podid("undo", "last", "--dry-run", "-o", "json")
    assert [item["cluster"] for item in planned.json["items"]] == ["demo", "blue"], planned
    assert account_state(two) == moved
    assert podid("undo", "last").code == 2
    undone = podid("undo", "last", "--yes", *WAIT, "-o", "json")
    assert undone.code == 0, undone
    assert account_state(two) == before
    # the same command later is not a part of it, and one run by its id is undone alone
    assert podid(*MOVE, "--update-trust", "--yes").code == 0
    newest = podid("history", "-o", "json").json["items"][0]["runId"]
    assert newest not in runs
    alone = podid("undo", newest, "--yes", *WAIT)
    assert alone.code == 0
    assert "the same command changed cluster blue in run" in alone.stderr
    assert (roles(two), roles(two, "blue")) == ({"shop/orders": "r"}, {"shop/orders": "r"})


def test_to_another_account_and_without_the_old_trust(two: Sandbox, podid: Podid) -> None:
    assert podid("associate", "shop/orders", "--create-role", "--role", "r", *WAIT).code == 0
    line = ("move", "shop/orders", "shop/api", "--to-cluster", "blue", *WAIT, "-o", "json")
    moved = podid(*line, "--update-trust", "--remove-trust", "--yes")
    assert moved.code == 0, moved
    assert (roles(two, "blue"), roles(two)) == ({"shop/api": "r"}, {})
    trust = podid("role", "show", "r", "-o", "json").json["trustPolicy"]
    (statement,) = trust["Statement"]
    assert "cluster/blue" in str(statement)
    assert "cluster/demo" not in str(statement)


@pytest.mark.parametrize(
    ("action", "code"), [("eks:CreatePodIdentityAssociation", 4), ("eks:DeletePodIdentityAssociation", 8)]
)
def test_a_failed_move_keeps_the_old_association(two: Sandbox, podid: Podid, action: str, code: int) -> None:
    add_association(two.world, "shop", "orders", "open")
    two.world.credentials.deny(action)
    failed = podid(*MOVE, "--yes")
    assert failed.code == code, failed
    assert roles(two) == {"shop/orders": "open"}
    if code == 4:
        assert roles(two, "blue") == {}
        assert "keeps its association in cluster demo" in failed.stderr
    two.world.credentials.allow_again()
    done = podid(*MOVE, "--yes")
    assert (done.code, roles(two), roles(two, "blue")) == (0, {}, {"shop/orders": "open"}), done


def test_moves_that_are_refused(two: Sandbox, podid: Podid) -> None:
    owned_by_an_addon(two)
    add_association(two.world, "shop", "orders", "open")
    add_association(two.world, "shop", "orders", "storefront", cluster_name="blue")
    before, count = account_state(two), writes(two)
    for line, code, message in (
        ("move shop/orders --to-cluster demo", 2, "--to-cluster is the cluster of the association itself: demo"),
        ("move shop/orders", 2, "Specify the new service account, or the cluster: --to-cluster NAME"),
        ("move shop/orders --to-cluster nosuch", 5, "nosuch"),
        ("move shop/order --to-cluster blue", 5, "shop/order"),
        ("move shop/orders --to-cluster blue", 6, "is already associated"),
        ("move kube-system/ebs-csi-controller-sa --to-cluster blue", 6, "The add-on aws-ebs-csi-driver owns"),
    ):
        outcome = podid(*line.split(), "--yes", *WAIT, "-o", "json")
        assert outcome.code == code, (line, outcome)
        assert message in outcome.stderr, line
        assert (account_state(two), writes(two)) == (before, count), line


def test_associations_of_another_tool_are_not_copied(two: Sandbox, podid: Podid) -> None:
    record = add_association(two.world, "shop", "orders", "open")
    two.world.tags[record.arn] = {"aws:cloudformation:stack-name": "shop", "team": "x"}
    before = account_state(two)
    refused = podid(*MOVE, "--yes")
    assert (refused.code, account_state(two)) == (6, before), refused
    assert "CloudFormation stack shop" in refused.error["message"]
    moved = podid(*MOVE, "--yes", "--take-over")
    assert moved.code == 0, moved
    (item,) = podid("list", "--cluster", "blue", "-o", "json").json["items"]
    assert (item["tags"], item["owner"]) == ({"team": "x"}, None)


@pytest.mark.parametrize("typed", ["", " --cluster demo", f" --cluster {CLUSTER_ARN}"])
def test_commands_that_errors_suggest_are_for_the_other_cluster(two: Sandbox, podid: Podid, typed: str) -> None:
    """The role allows only the first cluster; then an add-on owns the association in the second one."""
    add_role(two.world, two.iam, "narrow", pods_trust(two.world.clusters["demo"]))
    add_association(two.world, "shop", "orders", "narrow")
    line = f"move shop/orders --to-cluster blue{typed} --yes -o json"
    copy = "copy --from-cluster demo --to-cluster blue -o json"
    for words in (line, copy):
        refused = podid(*words.split())
        assert (refused.code, refused.error["hint"]) == (6, f"podid {words} --update-trust"), refused
    owner = CLUSTER_ARN.replace(":cluster/demo", ":addon/blue/aws-ebs-csi-driver/1")
    record = add_association(two.world, "shop", "orders", "open", cluster_name="blue")
    two.world.put_association(two.world.clusters["blue"], replace(record, owner_arn=owner))
    role = f"arn:aws:iam::{ACCOUNT}:role/narrow"
    hint = f"podid addon associate aws-ebs-csi-driver orders --role {role} --replace --cluster blue"
    for words in (line, copy):
        refused = podid(*words.split())
        assert (refused.code, refused.error["hint"]) == (6, hint), refused


def test_a_move_that_was_completed_has_nothing_to_delete(two: Sandbox, podid: Podid) -> None:
    """The association in the first cluster is gone, so the error must not say that it is still there."""
    add_association(two.world, "shop", "orders", "open")
    assert podid(*MOVE, "--yes").code == 0
    again = podid("move", "shop/orders", "--to-cluster", "blue", "--wait", "verified", "--yes")
    assert "keeps its association" not in again.stderr, again

"""Associations with a new role: one plan, one run, one undo."""

import json
from pathlib import Path

import pytest

from harness import Podid
from ops.association.worlds import actions
from ops.change.support import account_state, policy_file, runs, writes
from podid.sandbox.baseline import add_role, pods_trust
from podid.sandbox.box import Sandbox
from podid.sandbox.faults import Fault
from podid.sandbox.world import Limits
from worlds import Site, target_trust

_SERVICES = ("S3", "SQS", "SNS", "DynamoDB", "EC2")
ELEVEN = [f"Amazon{name}{kind}Access" for name in _SERVICES for kind in ("Full", "ReadOnly")] + ["AmazonVPCFullAccess"]
ASSOCIATE = ("associate", "shop/orders", "--wait", "none", "--create-role")


def test_all_in_one_plan_one_run_and_one_undo(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> None:
    before = account_state(box)
    file = policy_file(tmp_path)
    command = (
        *(*ASSOCIATE, "--role", "shop-orders", "--policy-file", file, "--managed-policy", "AmazonS3ReadOnlyAccess"),
        *("--tag", "a=b", "--role-tag", "team=shop", "--description", "for the shop", "-o", "json"),
    )
    planned = podid(*command, "--dry-run")
    assert (planned.code, writes(box)) == (0, 0)
    created = podid(*command)
    assert created.code == 0, created
    name = Path(file).stem
    assert actions(created) == [
        ("role", "shop-orders", "done"),
        ("role-policy", f"shop-orders/{name}", "done"),
        ("role-attachment", "shop-orders/arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess", "done"),
        ("association", "shop/orders", "done"),
    ]
    role, association = created.json["actions"][0]["after"], created.json["actions"][-1]["after"]
    assert association["roleArn"] == "arn:aws:iam::111122223333:role/shop-orders"
    assert (role["tags"]["team"], association["tags"]) == ("shop", {"a": "b"})
    (statement,) = role["trustPolicy"]["Statement"]
    assert statement["Condition"]["StringEquals"]["aws:RequestTag/kubernetes-service-account"] == "orders"

    count = writes(box)
    again = podid(*command)
    assert (again.code, writes(box), {status for *_, status in actions(again)}) == (0, count, {"unchanged"})
    assert len(runs(podid)) == 1
    assert (podid("undo", "last", "--yes").code, account_state(box)) == (0, before)


def test_the_role_needs_no_name(box: Sandbox, podid: Podid, journal: Path) -> None:
    created = podid(*ASSOCIATE, "shop/cart", "-o", "json")
    assert created.code == 0, created
    role, first, second = created.json["actions"]
    assert len(role["after"]["trustPolicy"]["Statement"]) == 2
    assert {first["after"]["roleArn"], second["after"]["roleArn"]} == {
        f"arn:aws:iam::111122223333:role/{role['target']}"
    }


def test_the_trust_is_made_for_the_tags_that_will_be_sent(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path
) -> None:
    """A session policy requires no session tags, and a trust policy must not require them then."""
    created = podid(*ASSOCIATE, "--session-policy", policy_file(tmp_path), "-o", "json")
    assert created.code == 0, created
    assert "RequestTag" not in json.dumps(created.json["actions"][0]["after"]["trustPolicy"])
    assert created.json["actions"][-1]["after"]["disableSessionTags"] is True


def test_a_role_that_exists_is_used_and_changed_only_as_the_flags_say(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path
) -> None:
    assert podid("role", "create", "shop-orders", "--for", "shop/orders").code == 0
    used = podid(*ASSOCIATE, "--role", "shop-orders", "-o", "json")
    assert [(kind, status) for kind, _, status in actions(used)] == [("association", "done"), ("role", "unchanged")]
    count = writes(box)
    refused = podid("associate", "shop/cart", *ASSOCIATE[2:], "--role", "shop-orders", "-o", "json")
    assert (refused.code, writes(box)) == (6, count)
    assert refused.error["hint"].endswith("--update-trust")
    more = podid("associate", "shop/cart", *ASSOCIATE[2:], "--role", "shop-orders", "--update-trust", "-o", "json")
    assert [(kind, status) for kind, _, status in actions(more)] == [
        ("role-trust", "done"),
        ("association", "done"),
        ("role", "unchanged"),
    ]


def test_an_incomplete_new_role_is_deleted(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> None:
    before = account_state(box)
    policies = [word for name in ELEVEN for word in ("--managed-policy", name)]  # one more than IAM attaches
    failed = podid(*ASSOCIATE, "--role", "r", *policies, "-o", "json")
    assert failed.code == 6, failed
    assert "was deleted" in failed.error["advice"]
    assert account_state(box) == before


MANAGED = ("--role", "shop-orders", "--managed-policy", "AmazonS3ReadOnlyAccess", "-o", "json")


def test_a_role_whose_association_fails_is_rolled_back(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path
) -> None:
    before = account_state(box)
    box.world.limits = Limits(associations_per_cluster=0)
    failed = podid(*ASSOCIATE, *MANAGED, "--policy-file", policy_file(tmp_path))
    assert (failed.code, failed.stdout, account_state(box)) == (6, "", before), failed
    assert failed.error["advice"].endswith("Role shop-orders, which this command created, was deleted.")
    box.world.limits = Limits()
    assert podid(*ASSOCIATE, *MANAGED).code == 0


def test_a_new_service_account_is_deleted_with_the_role(site: Site) -> None:
    site.box.world.limits = Limits(associations_per_cluster=0)
    line = ("associate", "shop/fresh", "--create-role", "--create-service-account", "--wait", "none")
    failed = site(*line)
    assert (failed.code, failed.stdout) == (6, ""), failed
    accounts = site.cluster.get("/api/v1/namespaces/shop/serviceaccounts")["items"]
    assert "fresh" not in [account["metadata"]["name"] for account in accounts]


def test_a_denied_association_rolls_back_its_role(box: Sandbox, podid: Podid, journal: Path) -> None:
    before = account_state(box)
    box.world.credentials.deny("eks:CreatePodIdentityAssociation")
    failed = podid(*ASSOCIATE, *MANAGED)
    assert (failed.code, failed.stdout, account_state(box)) == (4, "", before), failed
    assert failed.error["permission"] == "eks:CreatePodIdentityAssociation"
    assert [item["status"] for item in runs(podid)] == ["done", "partial"]


def test_a_role_that_cannot_be_rolled_back_is_named(box: Sandbox, podid: Podid, journal: Path) -> None:
    before = account_state(box)
    box.world.credentials.deny("eks:CreatePodIdentityAssociation")
    box.world.credentials.deny("iam:DeleteRole")
    failed = podid(*ASSOCIATE, *MANAGED)
    assert failed.code == 8, failed
    (note,) = [note for note in failed.json["notes"] if "could not be deleted" in note]
    assert note.startswith("role shop-orders, which this command created, could not be deleted: ")
    box.world.credentials.allow_again()
    assert podid("undo", failed.json["runId"], "--yes").code == 0
    assert account_state(box) == before


def test_an_association_of_unknown_outcome_keeps_its_role(box: Sandbox, podid: Podid, journal: Path) -> None:
    fault = box.faults.add(Fault("reset", "eks", "CreatePodIdentityAssociation"))
    failed = podid(*ASSOCIATE, *MANAGED)
    assert failed.code == 8, failed
    (note,) = [note for note in failed.json["notes"] if "incomplete" in note]
    assert note.startswith("this run is incomplete; to complete it: podid associate shop/orders ")
    fault.times = 0
    again = podid(*ASSOCIATE, *MANAGED)
    assert (again.code, actions(again)[0]) == (0, ("association", "shop/orders", "done")), again


def test_only_resources_of_the_failed_association_are_deleted(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path
) -> None:
    """The association that has its own role is created."""
    file = tmp_path / "two.json"
    own = {"namespace": "shop", "serviceAccount": "web", "roleArn": "storefront"}
    file.write_text(json.dumps([own, {"namespace": "shop", "serviceAccount": "orders"}]))
    box.world.limits = Limits(associations_per_cluster=1)
    before = account_state(box)["roles"]
    failed = podid("associate", "--from-file", str(file), "--wait", "none", "--create-role", *MANAGED)
    assert failed.code == 8, failed
    assert {target: status for _, target, status in actions(failed)} == {
        "shop-orders": "failed",
        "shop-orders/arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess": "failed",
        "shop/web": "done",
        "shop/orders": "failed",
    }
    assert failed.json["actions"][0]["reason"].startswith("rolled back: a quota of EKS is exceeded")
    assert account_state(box)["roles"] == before


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (("--role", "storefront", "--path", "/x/"), 2, "--path requires --create-role"),
        (("--role", "storefront", "--role-tag", "a=b"), 2, "--role-tag requires --create-role"),
        (("--role", "arn:aws:iam::111122223333:role/x", "--create-role"), 2, "'arn:aws:iam::111122223333:role/x' is"),
        (("--create-role", "--managed-policy", "Nosuch"), 5, "Managed policy arn:aws:iam::aws:policy/Nosuch does not"),
    ],
)
def test_options_that_are_refused(
    box: Sandbox, podid: Podid, journal: Path, more: tuple[str, ...], code: int, message: str
) -> None:
    outcome = podid("associate", "shop/orders", "--wait", "none", *more, "-o", "json")
    assert (outcome.code, writes(box)) == (code, 0), outcome
    assert outcome.error["message"].startswith(message)


OWN, OTHER = "111122223333", "999988887777"


def target(account: str, name: str = "reports") -> str:
    return f"arn:aws:iam::{account}:role/{name}"


def test_the_role_may_go_on_to_its_target_role(box: Sandbox, podid: Podid, journal: Path) -> None:
    before = account_state(box)
    command = (*ASSOCIATE, "--role", "r", "--target-role", target(OTHER), "-o", "json")
    created = podid(*command)
    assert created.code == 0, created
    assert actions(created) == [("role", "r", "done"), ("role-policy", "r/assume-reports", "done"), ACTION]
    (statement,) = created.json["actions"][1]["after"]["policyDocument"]["Statement"]
    assert statement["Resource"] == target(OTHER)
    assert created.json["actions"][-1]["after"]["targetRoleArn"] == target(OTHER)
    assert "pass --target-profile with credentials of that account" in str(created.json["notes"])
    (theirs,) = created.json["targetRoles"]
    assert (theirs["roleArn"], theirs["verdict"], len(theirs["addToTrustPolicy"])) == (target(OTHER), "unknown", 1)
    count = writes(box)
    assert (podid(*command).code, writes(box)) == (0, count)
    assert (podid("undo", "last", "--yes").code, account_state(box)) == (0, before)


ACTION = ("association", "shop/orders", "done")


def test_the_new_role_may_go_on_to_the_target_role_that_the_association_keeps(
    box: Sandbox, podid: Podid, journal: Path
) -> None:
    """Otherwise the association would no longer give credentials."""
    add_role(box.world, box.iam, "reports", target_trust(f"arn:aws:iam::{OWN}:role/storefront"))
    associate = ("associate", "shop/orders", "--role", "storefront", "--target-role", target(OWN), "--wait", "none")
    assert podid(*associate).code == 0
    before = account_state(box)
    command = (*ASSOCIATE, "--role", "r", "--replace", "--update-trust", "-o", "json")
    created = podid(*command)
    assert created.code == 0, created
    allowing = [("role-policy", "r/assume-reports", "done"), ("target-trust", target(OWN), "done")]
    assert actions(created) == [("role", "r", "done"), *allowing, ACTION]
    count = writes(box)
    assert (podid(*command).code, writes(box)) == (0, count)
    assert (podid("undo", "last", "--yes").code, account_state(box)) == (0, before)


def test_target_roles_of_the_same_name_in_two_accounts(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path
) -> None:
    file = tmp_path / "two.json"
    items = [
        {"namespace": "shop", "serviceAccount": name, "targetRoleArn": target(account)}
        for name, account in (("a", OWN), ("b", OTHER))
    ]
    file.write_text(json.dumps(items))
    command = ("associate", "--from-file", str(file), "--create-role", "--role", "r", "--wait", "none", "-o", "json")
    assert (podid(*command).code, writes(box)) == (5, 0), "the one of this account does not exist"
    add_role(box.world, box.iam, "reports", pods_trust())
    created = podid(*command)
    assert created.code == 3, created
    assert [(item["roleArn"], item["verdict"]) for item in created.json["targetRoles"]] == [
        (target(OWN), "no-match"),
        (target(OTHER), "unknown"),
    ]
    allowed = {
        item["after"]["policyDocument"]["Statement"][0]["Resource"]
        for item in created.json["actions"]
        if item["kind"] == "role-policy"
    }
    assert allowed == {target(OWN), target(OTHER)}


def test_a_profile_is_for_a_role_that_is_made(box: Sandbox, podid: Podid, journal: Path) -> None:
    outcome = podid("associate", "shop/orders", "--role", "storefront", "--target-profile", "p", "-o", "json")
    assert (outcome.code, writes(box)) == (2, 0)


def test_a_preset_gives_the_role_its_permissions(box: Sandbox, podid: Podid, journal: Path) -> None:
    command = (*ASSOCIATE, "--role", "r", "--preset", "dynamodb-read,table=orders", "-o", "json")
    created = podid(*command)
    assert created.code == 0, created
    (policy,) = [item["after"] for item in created.json["actions"] if item["kind"] == "role-policy"]
    assert "table/orders" in json.dumps(policy["policyDocument"])
    assert any("preset dynamodb-read-orders: the role may " in note for note in created.json["notes"]), created.json[
        "notes"
    ]
    count = writes(box)
    assert (podid(*command).code, writes(box)) == (0, count)
    without = podid(*ASSOCIATE[:-1], "--role", "r", "--preset", "dynamodb-read,table=orders", "-o", "json")
    assert (without.code, without.error["hint"].endswith("--create-role")) == (2, True)

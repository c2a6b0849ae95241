"""`role attach`, `role detach` and `role delete`: what they change, what they refuse, and what undo brings back."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness import Answers, Podid
from ops.change.support import POLICY, account_state, policy_file, writes
from podid.sandbox.baseline import add_association, add_role, pods_trust, service_trust
from podid.sandbox.box import Sandbox
from podid.sandbox.faults import Fault

CREATE = ("role", "create", "shop-orders", "--for", "shop/orders")
S3 = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
OTHER = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}


@pytest.fixture
def made(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> str:
    """Role shop-orders, with one inline policy; its file."""
    file = policy_file(tmp_path)
    assert podid(*CREATE, "--policy-file", file).code == 0
    return file


def both(role: str = "shop-orders") -> tuple[str, ...]:
    return ("role", "detach", role, "--managed-policy", "AmazonS3ReadOnlyAccess", "--inline-policy", "read-table")


# --- attach -------------------------------------------------------------------------------------------------------


def test_attach_gives_what_is_missing_and_undo_takes_it(box: Sandbox, podid: Podid, made: str, tmp_path: Path) -> None:
    before = account_state(box)
    more = policy_file(tmp_path, OTHER, "more.json")
    policies = ("--managed-policy", "AmazonS3ReadOnlyAccess", "--managed-policy", S3)
    attach = ("role", "attach", "shop-orders", *policies, "--policy-file", more, "--policy-file", made)

    outcome = podid(*attach, "-o", "json")

    assert outcome.code == 0, outcome
    assert [(item["kind"], item["status"]) for item in outcome.json["actions"]] == [
        ("role-policy", "done"),
        ("role-attachment", "done"),
        ("role-policy", "unchanged"),
    ]
    role = account_state(box)["roles"]["shop-orders"]
    assert (role["attached"], role["inline"]) == ([S3], {"read-table": POLICY, "more": OTHER})
    assert podid(*attach, "-o", "json").json["runId"] is None
    assert podid("undo", "last", "--yes").code == 0
    assert account_state(box) == before


def test_attach_overwrites_only_with_replace(box: Sandbox, podid: Podid, made: str, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    attach = ("role", "attach", "shop-orders", "--policy-file", policy_file(tmp_path / "other", OTHER))
    count = writes(box)
    refused = podid(*attach, "-o", "json")
    assert (refused.code, refused.stdout, writes(box)) == (6, "", count)
    assert refused.error["hint"].endswith("--replace")
    assert '  +      "Action": "sqs:*",' in refused.error["details"]
    assert podid(*attach, "--replace").code == 0
    assert account_state(box)["roles"]["shop-orders"]["inline"] == {"read-table": OTHER}


def test_attach_says_what_it_needs(box: Sandbox, podid: Podid, journal: Path) -> None:
    outcome = podid("role", "attach", "storefront", "-o", "json")
    assert (outcome.code, outcome.error["code"]) == (2, "Usage")


def test_attach_sees_that_it_does_not_fit(box: Sandbox, podid: Podid, made: str, tmp_path: Path) -> None:
    names = [f"arn:aws:s3:::{number:0100}" for number in range(110)]
    large = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": names}]}
    count = writes(box)
    outcome = podid(
        "role", "attach", "shop-orders", "--policy-file", policy_file(tmp_path, large, "l.json"), "-o", "json"
    )
    assert (outcome.code, writes(box)) == (6, count)
    assert "IAM allows 10,240" in outcome.error["message"]


# --- whose role it is -----------------------------------------------------------------------------------------------


def theirs(box: Sandbox) -> None:
    trust = pods_trust()
    trust["Statement"] += service_trust("lambda.amazonaws.com")["Statement"]
    add_role(box.world, box.iam, "theirs", trust, managed=("AmazonS3ReadOnlyAccess",), inline={"read-table": POLICY})


@pytest.mark.parametrize(
    "argv",
    [
        ("role", "attach", "theirs", "--managed-policy", "AmazonSQSFullAccess"),
        (*both("theirs"), "--yes"),
        ("role", "delete", "theirs", "--yes"),
    ],
    ids=["attach", "detach", "delete"],
)
def test_anothers_role_needs_adopt_and_its_principals_are_named(
    box: Sandbox, podid: Podid, journal: Path, argv: tuple[str, ...]
) -> None:
    theirs(box)
    before = account_state(box)
    refused = podid(*argv, "-o", "json")
    assert (refused.code, refused.stdout, writes(box)) == (6, "", 0)
    assert refused.error["hint"] == f"podid {' '.join(argv)} -o json --adopt"
    assert "role theirs also trusts lambda.amazonaws.com" in "\n".join(refused.error["details"])
    done = podid(*argv, "--adopt", "-o", "json")
    assert done.code == 0, done
    assert any("also trusts lambda.amazonaws.com" in note for note in done.json["notes"])
    assert account_state(box) != before
    assert podid("undo", "last", "--yes").code == 0
    assert account_state(box) == before


@pytest.mark.parametrize(
    "argv",
    [
        ("role", "attach", "AWSServiceRoleForAmazonEKS", "--managed-policy", "AmazonSQSFullAccess", "--adopt"),
        ("role", "delete", "AWSServiceRoleForAmazonEKS", "--yes", "--adopt"),
    ],
)
def test_aws_roles_are_left_alone(box: Sandbox, podid: Podid, journal: Path, argv: tuple[str, ...]) -> None:
    outcome = podid(*argv, "-o", "json")
    assert (outcome.code, writes(box)) == (6, 0)
    assert "belongs to AWS" in outcome.error["message"]


@pytest.mark.parametrize(
    "verb", [("attach", "--managed-policy", "AmazonSQSFullAccess"), ("detach", "--inline-policy", "x"), ("delete",)]
)
@pytest.mark.parametrize(
    ("name", "code"), [("storefron", 5), ("arn:aws:iam::999988887777:role/storefront", 5), ("no/name", 2)]
)
def test_a_role_that_is_not_there(
    box: Sandbox, podid: Podid, journal: Path, verb: tuple[str, ...], name: str, code: int
) -> None:
    outcome = podid("role", verb[0], name, *verb[1:], "--adopt", "-o", "json")
    assert (outcome.code, outcome.stdout, writes(box)) == (code, "", 0)
    if code == 5:
        assert "storefront" in outcome.error["message"]


def test_role_show_takes_no_other_accounts_arn_for_its_own(box: Sandbox, podid: Podid) -> None:
    outcome = podid("role", "show", "arn:aws:iam::999988887777:role/storefront", "-o", "json")
    assert (outcome.code, outcome.stdout) == (5, "")


# --- detach -------------------------------------------------------------------------------------------------------


def test_detach_asks_takes_away_and_undo_puts_back(box: Sandbox, podid: Podid, made: str) -> None:
    assert podid("role", "attach", "shop-orders", "--managed-policy", S3).code == 0
    before, count = account_state(box), writes(box)
    refused = podid(*both(), "-o", "json")
    assert (refused.code, refused.error["code"], writes(box)) == (2, "ConsentNeeded", count)
    asked = Podid(env=podid.env, clock=podid.clock, tty=True, answers=(answers := Answers(True)))
    assert asked(*both()).code == 0
    assert answers.questions == ["Remove these permissions from role shop-orders? [detach]"]
    role = account_state(box)["roles"]["shop-orders"]
    assert (role["attached"], role["inline"]) == ([], {})
    gone = podid(*both(), "--yes", "-o", "json")
    assert (gone.code, gone.error["hint"].split()[-1]) == (5, "--ignore-not-found")
    assert podid(*both(), "--yes", "--ignore-not-found", "-o", "json").json["runId"] is None
    assert podid("undo", "last", "--yes").code == 0
    assert account_state(box) == before


def test_detach_names_the_nearest(box: Sandbox, podid: Podid, made: str) -> None:
    assert podid("role", "attach", "shop-orders", "--managed-policy", S3).code == 0
    for flag, name, near in (
        ("--managed-policy", "AmazonS3ReadOnlyAcces", "AmazonS3ReadOnlyAccess"),
        ("--inline-policy", "read-tabel", "read-table"),
    ):
        outcome = podid("role", "detach", "shop-orders", flag, name, "--yes", "-o", "json")
        assert (outcome.code, near in outcome.error["message"]) == (5, True)


# --- delete -------------------------------------------------------------------------------------------------------


def test_delete_shows_asks_deletes_and_undo_makes_it_again(box: Sandbox, podid: Podid, made: str) -> None:
    assert podid("role", "attach", "shop-orders", "--managed-policy", S3).code == 0
    before, count = account_state(box), writes(box)
    plan = podid("role", "delete", "shop-orders", "--dry-run", "-o", "json").json
    assert [(item["kind"], item["verb"]) for item in plan["actions"]] == [
        ("role-attachment", "delete"),
        ("role-policy", "delete"),
        ("role", "delete"),
    ]
    assert "role shop-orders was never used (IAM keeps 400 days)" in plan["notes"]
    refused = podid("role", "delete", "shop-orders", "-o", "json")
    assert (refused.code, writes(box)) == (2, count)
    asked = Podid(env=podid.env, clock=podid.clock, tty=True, answers=(answers := Answers(True)))
    assert asked("role", "delete", "shop-orders").code == 0
    assert answers.questions == ["Delete role shop-orders? [shop-orders]"]
    assert "shop-orders" not in account_state(box)["roles"]
    assert podid("role", "delete", "shop-orders", "--yes").code == 5
    assert podid("role", "delete", "shop-orders", "--yes", "--ignore-not-found").code == 0
    assert podid("undo", "last", "--yes").code == 0
    assert account_state(box) == before


@pytest.mark.parametrize("target", [False, True])
def test_a_role_in_use_is_not_deleted(box: Sandbox, podid: Podid, made: str, target: bool) -> None:
    if target:
        add_association(box.world, "shop", "orders", "storefront")
        records = box.world.clusters["demo"].associations
        (number,) = records
        records[number] = replace(records[number], target_role_arn="arn:aws:iam::111122223333:role/shop-orders")
    else:
        add_association(box.world, "shop", "orders", "shop-orders")
    before, count = account_state(box), writes(box)
    outcome = podid("role", "delete", "shop-orders", "--yes", "-o", "json")
    assert (outcome.code, outcome.stdout, writes(box)) == (6, "", count)
    assert "shop/orders in cluster demo, us-west-2" in outcome.error["message"]
    assert account_state(box) == before


def test_a_role_of_ec2_instances_is_not_deleted(box: Sandbox, podid: Podid, journal: Path) -> None:
    outcome = podid("role", "delete", "demo-node-role", "--yes", "--adopt", "-o", "json")
    assert (outcome.code, writes(box)) == (6, 0)
    assert "demo-node-profile" in outcome.error["message"]


def test_what_could_not_be_looked_at_is_said(box: Sandbox, podid: Podid, made: str) -> None:
    box.world.credentials.deny("eks:ListPodIdentityAssociations")
    box.world.credentials.deny("iam:ListInstanceProfilesForRole")
    notes = podid("role", "delete", "shop-orders", "--dry-run", "-o", "json").json["notes"]
    assert any("requires eks:ListPodIdentityAssociations" in note for note in notes)
    assert any("requires iam:ListInstanceProfilesForRole" in note for note in notes)


def test_a_deletion_that_is_cut_short_is_said_and_undone(box: Sandbox, podid: Podid, made: str) -> None:
    before = account_state(box)
    box.faults.add(Fault("fail", "iam", "DeleteRole"))
    outcome = podid("role", "delete", "shop-orders", "--yes", "-o", "json")
    assert outcome.code == 8
    assert [item["status"] for item in outcome.json["actions"]] == ["done", "failed"]
    box.faults.clear()
    assert account_state(box)["roles"]["shop-orders"]["inline"] == {}
    undone = podid("undo", "last", "--yes")  # what became of the role is settled first
    assert undone.code == 0
    assert "role shop-orders: settled: the change was not made" in undone.stderr
    assert account_state(box) == before

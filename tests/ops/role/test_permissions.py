"""Plans of `role attach` and `role detach`: changed, refused and undone policies."""

from pathlib import Path
from typing import Any

import pytest

from harness import Podid, table
from ops.change.support import POLICY, account_state, policy_file, writes
from ops.role.support import S3, SQS, detach, long_policy
from podid.domain.aws import AttachedPolicy, RolePolicies
from podid.ops.role.permissions import policy_changes
from podid.sandbox.baseline import add_role, pods_trust, service_trust
from podid.sandbox.box import Sandbox

# --- attach -------------------------------------------------------------------------------------------------------


def test_attach_adds_missing_policies_and_undo_removes_them(
    box: Sandbox, podid: Podid, orders_policy: str, tmp_path: Path
) -> None:
    before = account_state(box)
    more = policy_file(tmp_path, SQS, "more.json")
    policies = ("--managed-policy", "AmazonS3ReadOnlyAccess", "--managed-policy", S3)
    attach = ("role", "attach", "shop-orders", *policies, "--policy-file", more, "--policy-file", orders_policy)

    outcome = podid(*attach, "-o", "json")

    assert outcome.code == 0, outcome
    assert [(item["kind"], item["status"]) for item in outcome.json["actions"]] == [
        ("role-policy", "done"),
        ("role-attachment", "done"),
        ("role-policy", "unchanged"),
    ]
    role = account_state(box)["roles"]["shop-orders"]
    assert (role["attached"], role["inline"]) == ([S3], {"read-table": POLICY, "more": SQS})
    assert podid(*attach, "-o", "json").json["runId"] is None
    assert podid("undo", "last", "--yes").code == 0
    assert account_state(box) == before


def test_attach_overwrites_only_with_replace(box: Sandbox, podid: Podid, orders_policy: str, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    attach = ("role", "attach", "shop-orders", "--policy-file", policy_file(tmp_path / "other", SQS))
    count = writes(box)
    refused = podid(*attach, "-o", "json")
    assert (refused.code, refused.stdout, writes(box)) == (6, "", count)
    assert refused.error["hint"].endswith("--replace")
    assert '  +      "Action": "sqs:*",' in refused.error["details"]
    assert podid(*attach, "--replace").code == 0
    assert account_state(box)["roles"]["shop-orders"]["inline"] == {"read-table": SQS}


def test_attach_checks_the_size_of_the_inline_policies(
    box: Sandbox, podid: Podid, orders_policy: str, tmp_path: Path
) -> None:
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
        (*detach("theirs"), "--yes"),
        ("role", "delete", "theirs", "--yes"),
    ],
    ids=["attach", "detach", "delete"],
)
def test_a_role_that_podid_did_not_create_requires_adopt(
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
def test_roles_of_aws_are_not_changed(box: Sandbox, podid: Podid, journal: Path, argv: tuple[str, ...]) -> None:
    outcome = podid(*argv, "-o", "json")
    assert (outcome.code, writes(box)) == (6, 0)
    assert "belongs to AWS" in outcome.error["message"]


def test_detach_proposes_the_nearest_name(box: Sandbox, podid: Podid, orders_policy: str) -> None:
    assert podid("role", "attach", "shop-orders", "--managed-policy", S3).code == 0
    for flag, name, near in (
        ("--managed-policy", "AmazonS3ReadOnlyAcces", "AmazonS3ReadOnlyAccess"),
        ("--inline-policy", "read-tabel", "read-table"),
    ):
        outcome = podid("role", "detach", "shop-orders", flag, name, "--yes", "-o", "json")
        assert (outcome.code, near in outcome.error["message"]) == (5, True)


# --- quotas -----------------------------------------------------------------------------------------------------------

HELD = RolePolicies(inline={"a": long_policy(50), "b": long_policy(10)})
TEN = tuple(AttachedPolicy(f"P{number}", f"arn:aws:iam::aws:policy/P{number}") for number in range(10))


@table(
    ("held", "documents", "arns", "expected"),
    [
        (HELD, {"b": long_policy(11)}, (), ["update b", "delete a"]),
        (HELD, {"c": long_policy(50)}, (), ["delete a", "delete b", "create c"]),
        (HELD, {"b": long_policy(50), "a": long_policy(10)}, (), ["update a", "update b"]),
        (
            RolePolicies(attached=TEN),
            {},
            ("new", *(item.arn for item in TEN[1:])),
            [f"delete {TEN[0].arn}", "create new"],
        ),
        (RolePolicies(attached=TEN[1:]), {}, ("new",), ["create new", *(f"delete {item.arn}" for item in TEN[1:])]),
    ],
)
def test_new_policies_precede_deletions_unless_both_exceed_a_quota(
    held: RolePolicies, documents: Any, arns: tuple[str, ...], expected: list[str]
) -> None:
    changes = policy_changes("web", held, documents, arns)
    assert [f"{change.verb} {list(change.keys.values())[1]}" for change in changes] == expected

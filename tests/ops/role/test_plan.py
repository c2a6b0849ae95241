"""Plans of a role's trust policy."""

import re
from pathlib import Path
from typing import Any

import pytest

from harness import Podid, table
from ops.change.support import POLICY, account_state, policy_file, writes
from ops.role.support import CREATE_READER, READ, S3, SQS, detach, long_policy
from podid.domain import trust
from podid.domain.aws import AttachedPolicy, Cluster, Role, RolePolicies
from podid.domain.errors import Conflict
from podid.domain.names import ServiceAccountRef
from podid.ops.role.plan import check_editable, others, plan_trust, policy_changes
from podid.sandbox.baseline import add_role, pods_trust, service_trust
from podid.sandbox.box import Sandbox
from quotas import DEFAULTS
from worlds import ACCOUNT, CLUSTER_ARN, ORDERS, trust_for

CART = ServiceAccountRef("shop", "cart")
CLUSTER = Cluster(name="demo", arn=CLUSTER_ARN, version="1.35", status="ACTIVE")
LAMBDA = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}


def role(document: dict[str, Any], path: str = "/") -> Role:
    arn = f"arn:aws:iam::{ACCOUNT}:role{path}shop-orders"
    return Role(name="shop-orders", arn=arn, role_id="AROA", path=path, trust=document)


def planned(
    existing: Role, *refs: ServiceAccountRef, scope: str = "service-account", conditions: tuple[Any, ...] = ()
) -> tuple[Any, list[str]]:
    """Return the statements after the plan, or None, and the notes."""
    notes: list[str] = []
    reach = trust.ScopeKind(scope)
    action = plan_trust(existing, CLUSTER, dict.fromkeys(refs, True), reach, conditions, notes=notes, quota=DEFAULTS)
    if action is None:
        return None, notes
    assert action.after is not None
    return action.after["policyDocument"]["Statement"], notes  # type: ignore[index]


def test_statements_are_added_for_service_accounts_that_are_not_allowed() -> None:
    existing = role(trust_for(ORDERS))
    assert planned(existing, ORDERS) == (None, [])
    statements, notes = planned(existing, ORDERS, CART)
    assert (len(statements), statements[0], notes) == (2, trust_for(ORDERS)["Statement"][0], [])
    tags = statements[1]["Condition"]["StringEquals"]
    assert tags["aws:RequestTag/kubernetes-service-account"] == "cart"


def test_a_wider_statement_is_a_note() -> None:
    assert planned(role(pods_trust()), ORDERS)[1] == [
        f"the trust policy of role shop-orders already allows shop/orders: any pod of any cluster in account {ACCOUNT}"
    ]


def test_conditions_are_added_once() -> None:
    conditions = trust.parse_conditions(["aws:SourceOrgID=o-1"])
    statements, _ = planned(role(trust_for(CART)), ORDERS, conditions=conditions)
    assert statements[1]["Condition"]["StringEquals"]["aws:SourceOrgID"] == "o-1"
    statements, notes = planned(role({"Version": "2012-10-17", "Statement": statements}), ORDERS, conditions=conditions)
    assert (statements, "already allows shop/orders under these conditions" in notes[0]) == (None, True)


def test_a_deny_cannot_be_outweighed() -> None:
    document = pods_trust()
    document["Statement"].append({**document["Statement"][0], "Effect": "Deny"})
    with pytest.raises(Conflict, match=r"cannot be extended|another statement would not help"):
        planned(role(document), ORDERS)


@table("document", [pods_trust(), trust_for(ORDERS)])
def test_the_other_principals_are_described(document: dict[str, Any]) -> None:
    statements = [*document["Statement"], LAMBDA]
    existing = role({"Version": "2012-10-17", "Statement": statements})
    assert others(existing) == ["role shop-orders also trusts lambda.amazonaws.com (unchanged)"]
    assert others(existing, stays=False)[0].endswith("lambda.amazonaws.com, which could no longer assume it")
    assert others(role(document)) == []


def test_roles_that_cannot_be_changed() -> None:
    with pytest.raises(Conflict, match="belongs to AWS"):
        check_editable(role(pods_trust(), "/aws-service-role/eks.amazonaws.com/"))
    document = pods_trust()
    document["Statement"].append({**LAMBDA, "Principal": {"AWS": "AROAIOSFODNN7EXAMPLE1"}})
    with pytest.raises(Conflict, match=r"names deleted principals \(AROAIOSFODNN7EXAMPLE1\)"):
        check_editable(role(document))
    check_editable(role(pods_trust()))


@table("document", [{"Version": "2012-10-17", "Statement": []}, trust_for(ORDERS)])
def test_more_service_accounts_than_a_trust_policy_has_room_for(document: dict[str, Any]) -> None:
    """The policy is evaluated only until it is full: the cost grows with the number of statements."""
    refs = [ServiceAccountRef("shop", f"app-{number}") for number in range(300)]
    with pytest.raises(Conflict) as error:
        planned(role(document), *refs)
    size = re.match(
        r"With (\d+) of the 300 service accounts, the trust policy of role shop-orders would have (\d+) characters",
        error.value.message,
    )
    assert size is not None, error.value.message
    assert (2 < int(size[1]) < 12, 2048 < int(size[2]) < 3000) == (True, True)
    assert error.value.lines


def test_other_principals_are_notes_of_an_unchanged_role(box: Sandbox, podid: Podid, journal: Path) -> None:
    document = pods_trust()
    document["Statement"].append(LAMBDA)
    add_role(box.world, box.iam, "theirs", document)
    for flags in ((), ("--adopt",), ("--dry-run",), ("--adopt", "--dry-run")):
        outcome = podid("role", "create", "theirs", "--for", "shop/orders", *flags, "-o", "json")
        assert outcome.code == 0
        assert "role theirs also trusts lambda.amazonaws.com (unchanged)" in outcome.json["notes"]


def test_a_denial_that_depends_on_the_pod_is_a_note() -> None:
    document = trust_for(ORDERS)
    condition = {"StringEquals": {"aws:RequestTag/kubernetes-pod-name": "orders-0"}}
    document["Statement"].append({**document["Statement"][0], "Effect": "Deny", "Condition": condition})
    statements, notes = planned(role(document), ORDERS)
    assert statements is None
    assert notes[0].startswith("trust policy of role shop-orders: Statement[0] already allows shop/orders, but")


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


def test_presets_are_attached_and_detached(box: Sandbox, podid: Podid, journal: Path) -> None:
    assert podid(*CREATE_READER).code == 0
    bare = account_state(box)
    argv = ("role", "attach", "reader", *READ, "--preset", "cluster-autoscaler", "--preset", "ebs-csi", "-o", "json")
    done = podid(*argv)
    assert done.code == 0, done.stderr
    assert "preset dynamodb-read-orders: the role may read items of table orders and of its indexes" in str(done.json)
    role = account_state(box)["roles"]["reader"]
    assert set(role["inline"]) == {"dynamodb-read-orders", "cluster-autoscaler"}
    assert "k8s.io/cluster-autoscaler/demo" in str(role["inline"]["cluster-autoscaler"])
    assert len(role["attached"]) == 1
    assert podid(*argv).json["runId"] is None
    again = ("role", "detach", "reader", *READ, "--preset", "cluster-autoscaler", "--preset", "ebs-csi")
    assert podid(*again, "-o", "json").code == 2, "it asks"
    assert podid(*again, "--yes").code == 0
    assert account_state(box) == bare
    assert podid(*again, "--yes").code == 5
    assert podid("undo", "last", "--yes").code == 0
    assert account_state(box)["roles"]["reader"] == role


def test_a_preset_that_names_no_cluster_needs_none(box: Sandbox, podid: Podid, journal: Path) -> None:
    assert podid(*CREATE_READER).code == 0
    box.world.credentials.deny("eks:*")
    assert podid("role", "attach", "reader", *READ).code == 0
    outcome = podid("role", "attach", "reader", "--preset", "cluster-autoscaler", "-o", "json")
    assert (outcome.code, outcome.stdout) == (4, "")
